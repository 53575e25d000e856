"""The beta function and its incomplete ratio in logs, for parameters to 1e12 and tails to exp(-1e6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]

# scipy's ratio is used above this; below it the continued fraction, which cannot underflow in logs
_SMALLEST_RATIO = 1e-200
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_CONTINUED_FRACTION_TERMS = 20_000


def _stirling_remainder(x: FloatArray) -> FloatArray:
    """ln Gamma(x) - ((x - 1/2) ln x - x + ln(2 pi) / 2) for x >= 10."""
    square = 1.0 / (x * x)
    total = np.zeros_like(x)
    for coefficient in reversed(_STIRLING):
        total = total * square + coefficient
    return total / x


def log_beta(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """ln B(a, b), without the cancellation of three log-gammas when a or b is large."""
    x, y = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float))
    low, high = np.minimum(x, y), np.maximum(x, y)
    total = low + high
    big_low, big_high = np.maximum(low, 10.0), np.maximum(high, 10.0)
    with np.errstate(over="ignore"):
        direct = special.gammaln(low) + special.gammaln(high) - special.gammaln(total)
    ratio = np.log1p(low / high)
    remainder = _stirling_remainder(big_high) - _stirling_remainder(np.maximum(total, 10.0))
    one_big = special.gammaln(low) + remainder - (high - 0.5) * ratio - low * (np.log(total) - 1)
    both_big = (
        0.5 * np.log(2 * np.pi / high)
        + _stirling_remainder(big_low)
        + remainder
        + (low - 0.5) * np.log(big_low / total)
        - high * ratio
    )
    return np.asarray(np.where(high < 10, direct, np.where(low < 10, one_big, both_big)))


def _log_complement(x: FloatArray, complement: FloatArray) -> FloatArray:
    return np.where(x < 0.5, np.log1p(-np.minimum(x, 0.5)), np.log(complement))


def _log_continued_fraction(a: FloatArray, b: FloatArray, x: FloatArray, rest: FloatArray) -> FloatArray:
    """Ln of the continued fraction of I_x(a, b) over x^a (1-x)^b / B(a, b), x below the mean; rest is 1 - x.

    The even part of DLMF 8.17.22 (DiDonato and Morris, ACM TOMS 18, 1992): its terms are positive up to the
    b-th and x enters through a (1-x) - b x, so nothing cancels close to either end. Modified Lentz method.
    """
    tiny = 1e-300
    slope = a * rest - b * x
    denominator = a / (a + 1) * (slope + 1)
    fraction = denominator
    c, d = denominator, np.zeros_like(x)
    for m in range(1, _CONTINUED_FRACTION_TERMS):
        numerator = (a + m - 1) * (a + b + m - 1) * m * (b - m) * (x / (a + 2 * m - 1)) ** 2
        denominator = m + m * (b - m) * x / (a + 2 * m - 1)
        denominator = denominator + (a + m) / (a + 2 * m + 1) * (slope + 1 + m * (1 + rest))
        d = denominator + numerator * d
        d = 1 / np.where(np.abs(d) < tiny, tiny, d)
        c = denominator + numerator / c
        c = np.where(np.abs(c) < tiny, tiny, c)
        fraction = fraction * (c * d)
        if np.all(np.abs(c * d - 1) < 1e-15):
            break
    return -np.log(fraction)


def log_incomplete_beta(
    a: ArrayLike, b: ArrayLike, x: ArrayLike, *, complement: ArrayLike | None = None
) -> FloatArray:
    """ln I_x(a, b), the log of the regularized incomplete beta ratio.

    Parameters
    ----------
    a, b : array_like
        Positive parameters.
    x : array_like
        Upper limit in [0, 1].
    complement : array_like, optional
        1 - x where it is known to more digits than `x` tells.

    Returns
    -------
    ndarray
        Natural log, broadcast; ``-inf`` at x = 0. ``ln(1 - I_x(a, b))`` is
        ``log_incomplete_beta(b, a, 1 - x, complement=x)``.
    """
    x_ = np.asarray(x, dtype=float)
    rest = 1 - x_ if complement is None else np.asarray(complement, dtype=float)
    a_, b_, x_, rest = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float), x_, rest)
    # each side from the smaller of its argument and the complement, so no digit of either is lost
    near_one = x_ > 0.5
    ratio, upper = np.empty(x_.shape), np.zeros(x_.shape)
    ratio[near_one] = special.betaincc(b_[near_one], a_[near_one], rest[near_one])
    ratio[~near_one] = special.betainc(a_[~near_one], b_[~near_one], x_[~near_one])
    most = ratio > 0.5
    right, left = most & near_one, most & ~near_one
    upper[right] = special.betainc(b_[right], a_[right], rest[right])
    upper[left] = special.betaincc(a_[left], b_[left], x_[left])
    with np.errstate(divide="ignore"):
        out = np.asarray(np.where(most, np.log1p(-upper), np.log(ratio)))
    deep = (ratio < _SMALLEST_RATIO) & (x_ > 0)
    if np.any(deep):
        ad, bd, xd, rd = a_[deep], b_[deep], x_[deep], rest[deep]
        front = ad * _log_complement(rd, xd) + bd * _log_complement(xd, rd) - log_beta(ad, bd)
        out[deep] = front + _log_continued_fraction(ad, bd, xd, rd)
    return out
