"""What the errors of a sample of classifiers leave open of their learning curve, without a model.

The distribution function of the error lies, with the wanted confidence, everywhere within one distance of the
sample's (Dvoretzky, Kiefer and Wolfowitz, with Massart's constant). The band is the extreme of the curve over
*all* distribution functions there. Tilting the two edges of that distance would be too narrow: the curve is a
ratio, and at its ends mass is moved at low and at high errors in opposite ways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from .argument_checks import error_level, number_of_examples, probability

FloatArray = NDArray[np.float64]

_ROUNDS = 100
_LOWEST = -1e300  # ln of what stands for no survival at all


@dataclass(frozen=True, slots=True)
class CurveBand:
    """Both ends of a curve at each n, for all n together.

    Attributes
    ----------
    n : ndarray, shape (points,)
    low, high : ndarray, shape (points,)
    confidence : float
        That the curve lies between them at every n.
    """

    n: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: float


def distribution_distance(classifiers: int, confidence: float) -> float:
    """Distance of a sample's distribution function from the true one that is exceeded rarely.

    Parameters
    ----------
    classifiers : int
        Size of the sample, N.
    confidence : float
        In (0, 1).

    Returns
    -------
    float
        sqrt(ln(2 / (1 - confidence)) / (2 N)) (Massart 1990, Annals of Probability 18, 1269).

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> round(distribution_distance(20_000, 0.95), 5)
    0.0096
    """
    if classifiers < 1:
        raise ValueError(f"classifiers must be at least 1, got {classifiers}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
    return math.sqrt(math.log(2.0 / (1.0 - confidence)) / (2.0 * classifiers))


def _quantiles(errors: ArrayLike, confidence: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cells of probability, their widths, and the lowest and highest error that each can have."""
    sample = np.sort(np.atleast_1d(np.asarray(probability("errors", errors), dtype=np.float64)).ravel())
    many = len(sample)
    if many == 0:
        raise ValueError("errors must not be empty")
    distance = distribution_distance(many, confidence)
    steps = np.arange(1, many) / many
    ends = np.concatenate(([distance, 1.0 - distance], steps + distance, steps - distance))
    ends = np.concatenate(([0.0], np.unique(ends[(ends > 0.0) & (ends < 1.0)]), [1.0]))
    middles = 0.5 * (ends[1:] + ends[:-1])
    ranked = np.concatenate(([0.0], sample, [1.0]))
    place = np.ceil(np.stack([middles - distance, middles + distance]) * many).astype(np.intp)
    lowest, highest = ranked[np.clip(place, 0, many + 1)]
    return np.diff(ends), lowest, highest


def _log_survival(error: FloatArray, n: float) -> FloatArray:
    # ln (1 - E)^n, where 0^0 is 1
    with np.errstate(divide="ignore"):
        return n * np.log1p(-error) if n > 0.0 else np.zeros_like(error)


def _mean(width: FloatArray, error: FloatArray, n: float) -> float:
    log_survival = _log_survival(error, n)
    mass = width * np.exp(log_survival - max(float(log_survival.max()), _LOWEST))
    total = float(mass.sum())
    return float(mass @ error) / total if total > 0.0 else 1.0


def _lowest_mean(width: FloatArray, low: FloatArray, high: FloatArray, n: float) -> float:
    mean = _mean(width, low, n)
    for _ in range(_ROUNDS):
        gains = [(error - mean) * np.exp(_log_survival(error, n)) for error in (low, high)]
        following = _mean(width, np.where(gains[0] <= gains[1], low, high), n)
        if not following < mean:
            break
        mean = following
    return mean


def _highest_mean(width: FloatArray, low: FloatArray, high: FloatArray, n: float) -> float:
    mean = _mean(width, high, n)
    for _ in range(_ROUNDS):
        # (E - mean) (1 - E)^n is largest here, and falls to both sides
        top = (1.0 + n * mean) / (1.0 + n)
        following = _mean(width, np.clip(top, low, high), n)
        if not following > mean:
            break
        mean = following
    return mean


def learning_curve_band(errors: ArrayLike, *, n: ArrayLike, confidence: float = 0.95) -> CurveBand:
    """Band of the annealed learning curve of all classifiers that a sample was drawn from.

    Parameters
    ----------
    errors : array_like, shape (classifiers,)
        True errors of independent draws, in [0, 1].
    n : array_like, shape (points,)
        Numbers of examples, real and at least 0.
    confidence : float
        In (0, 1), for all n together.

    Returns
    -------
    CurveBand
        Ends of the mean error of classifiers without training error, at each n.

    Raises
    ------
    ValueError
        If an argument is out of its range, or there is no error.

    Notes
    -----
    The curve is ``int E (1-E)^n dF / int (1-E)^n dF`` (arXiv:2410.16868). For a fixed value r of it the
    integral of ``(E - r)(1-E)^n`` over F is linear in F, and the gain rises and then falls with E. So its
    extremes over all F within the distance are found quantile by quantile, and r by Dinkelbach's iteration,
    which ends where the extreme is zero. Nothing bounds how many classifiers have an error below all that
    were drawn but the distance: the low end falls to 0 once these would survive alone.

    Examples
    --------
    >>> errors = np.random.default_rng(0).beta(2.0, 5.0, 10_000)
    >>> band = learning_curve_band(errors, n=[0, 10])
    >>> band.low.round(3), band.high.round(3)
    (array([0.276, 0.104]), array([0.3 , 0.13]))
    """
    counts = np.atleast_1d(number_of_examples(n))
    width, low, high = _quantiles(errors, confidence)
    ends = [(_lowest_mean(width, low, high, k), _highest_mean(width, low, high, k)) for k in counts.ravel()]
    lowest, highest = np.array(ends).reshape(-1, 2).T
    return CurveBand(counts.ravel(), lowest, highest, confidence)


def _log_mass(width: FloatArray, error: FloatArray, n: float) -> float:
    return float(logsumexp(np.log(width) + _log_survival(error, n))) if len(error) else -math.inf


def _log_share(log_bad: float, log_good: float) -> float:
    return -math.inf if log_bad == -math.inf else 0.0 - float(np.logaddexp(0.0, log_good - log_bad))


def bad_fraction_band(errors: ArrayLike, *, n: ArrayLike, eps: float, confidence: float = 0.95) -> CurveBand:
    """Band of the annealed fraction of bad global minima, those with an error above `eps`.

    Parameters
    ----------
    errors, n, confidence
        As in `learning_curve_band`, with which it holds together.
    eps : float
        Error level in [0, 1).

    Returns
    -------
    CurveBand
        Natural logarithm of the ends, at most 0; minus infinity where the fraction may be 0.

    Raises
    ------
    ValueError
        If an argument is out of its range, or there is no error.

    Notes
    -----
    Of what may be on either side of `eps`, the high end has all just above it, the low end all below.
    """
    level = float(error_level(eps))
    counts = np.atleast_1d(number_of_examples(n)).ravel()
    width, low, high = _quantiles(errors, confidence)
    must, may = low > level, high > level  # be bad
    # at one end what must be bad survives as badly as it can, and all else as well; at the other the reverse
    lowest = [
        _log_share(_log_mass(width[must], high[must], k), _log_mass(width[~must], low[~must], k))
        for k in counts
    ]
    highest = [
        _log_share(
            _log_mass(width[may], np.maximum(low[may], level), k), _log_mass(width[~may], high[~may], k)
        )
        for k in counts
    ]
    return CurveBand(counts, np.array(lowest), np.array(highest), confidence)
