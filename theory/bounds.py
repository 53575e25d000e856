"""Bounds on bad classifiers: annealed, from the error density; of one training set, from its own mass."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.interpolate import CubicSpline

from .argument_checks import error_level, number_of_examples, positive, probability
from .counts import CountErrorDensity
from .error_density import ErrorDensity

FloatArray = NDArray[np.float64]

_CHUNK = 2_000_000
# candidates for eps0 on the logit of its place in the support: from excess errors of 1e-15 on
_LOGITS = np.linspace(-35.0, 35.0, 351)
_LOWEST_LOG = -1e300
_GOLDEN = (np.sqrt(5.0) - 1) / 2


def _best_on(
    grid: FloatArray, log_cdf: FloatArray, n: FloatArray, eps: FloatArray
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Largest ln[ M(eps0) ((1 - eps0)/(1 - eps))^n ] over a grid of eps0 <= eps, and where, per row."""
    best, place = np.empty(len(n)), np.empty(len(n), dtype=np.intp)
    rows = max(1, _CHUNK // len(grid))
    for start in range(0, len(n), rows):
        part = slice(start, start + rows)
        level = eps[part, None]
        gain = np.log1p(np.maximum(level - grid, 0.0) / (1 - level))
        value = np.where(grid <= level, log_cdf + n[part, None] * gain, -np.inf)
        place[part] = np.argmax(value, axis=1)
        best[part] = np.max(value, axis=1)
    return best, place


def _largest_reference(density: ErrorDensity, n: FloatArray, eps: FloatArray) -> FloatArray:
    """Max over eps0 <= eps of ln[ M(eps0) ((1 - eps0)/(1 - eps))^n ], per row."""
    if density.atoms is not None:
        return _best_on(density.atoms, density.log_cdf(density.atoms), n, eps)[0]
    width = density.maximum - density.minimum

    def error(logit: FloatArray) -> FloatArray:
        return np.asarray(density.minimum + width * special.expit(logit))

    def gain(eps0: FloatArray) -> FloatArray:
        return np.asarray(n * np.log1p((eps - eps0) / (1 - eps)))

    grid = error(_LOGITS)
    log_cdf = density.log_cdf(grid)
    best, place = _best_on(grid, log_cdf, n, eps)
    levels, index = np.unique(eps, return_inverse=True)
    best = np.maximum(best, np.asarray(density.log_cdf(levels))[index])
    # any eps0 gives a valid bound: look for a better one on a spline of ln M (golden section between the
    # neighbours of the best node, not beyond eps), then use the true M there
    smooth = CubicSpline(_LOGITS, np.maximum(log_cdf, _LOWEST_LOG))
    with np.errstate(divide="ignore"):
        last = np.maximum(special.logit(np.clip((eps - density.minimum) / width, 0.0, 1.0)), -700.0)
    step = _LOGITS[1] - _LOGITS[0]
    low = np.minimum(_LOGITS[place] - step, last)
    high = np.minimum(_LOGITS[place] + step, last)

    def value(logit: FloatArray) -> FloatArray:
        return np.asarray(smooth(logit) + gain(np.minimum(error(logit), eps)))

    for _ in range(24):
        first, second = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        leftwards = value(first) >= value(second)
        low, high = np.where(leftwards, low, first), np.where(leftwards, second, high)
    at = 0.5 * (low + high)
    eps0 = np.minimum(error(at), eps)
    return np.maximum(best, density.log_cdf(eps0) + gain(eps0))


def bad_fraction_bound(density: ErrorDensity, *, n: ArrayLike, eps: ArrayLike) -> FloatArray:
    r"""Exponential bound of the annealed bad fraction, minimized over the reference level eps0.

    For any eps0 <= eps with mass M(eps0) = \int_0^{eps0} Q > 0,

        g_n(eps) <= [ \int_{E > eps} Q / M(eps0) ] ((1 - eps)/(1 - eps0))^n ,

    because survivors above eps have at most the factor (1-eps)^n and those below eps0 at least (1-eps0)^n. It
    holds only Q: no number of classifiers or of parameters. [derived] from the definitions of arXiv
    2410.16868.

    Parameters
    ----------
    density : ErrorDensity
        Q(E) over the set of classifiers.
    n : array_like
        Numbers of examples, real and at least 0.
    eps : array_like
        Error levels in [0, 1); broadcasts with `n`.

    Returns
    -------
    ndarray
        Natural log of the bound, at most 0 (the fraction is at most 1) and never below
        `log_annealed_bad_fraction`; a NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range, `n` is beyond what a measured density supports, or the density is
        one of counts, which hold the noise of counting beside Q.
    """
    if isinstance(density, CountErrorDensity):
        raise ValueError(
            "density must hold true errors: the bound does not hold for counts on held-out examples"
        )
    n_, eps_ = np.broadcast_arrays(number_of_examples(n), error_level(eps))
    if n_.size:
        density.log_zero_error_fraction(n_.max())  # refuses what a measured density cannot support
    levels, index = np.unique(eps_.ravel(), return_inverse=True)
    log_bad = np.asarray(density.log_sf(levels))[index]
    reference = _largest_reference(density, n_.ravel(), eps_.ravel())
    with np.errstate(invalid="ignore"):
        bound = np.where(np.isneginf(log_bad), -np.inf, np.minimum(log_bad - reference, 0.0))
    return np.asarray(bound.reshape(n_.shape))[()]


def _checked_fraction(log_fraction: ArrayLike) -> FloatArray:
    value = np.asarray(log_fraction, dtype=float)
    if not np.all(value <= 1e-9):
        raise ValueError(f"log_fraction must be at most 0, got {value[~(value <= 1e-9)].flat[0]}")
    return np.asarray(np.minimum(value, 0.0))


def _error_from_exponent(log_excess: FloatArray, n: FloatArray) -> FloatArray:
    """1 - exp(-log_excess / n) in [0, 1], 1 where n = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        level = -np.expm1(-log_excess / n)
    return np.asarray(np.where(n > 0, np.clip(level, 0.0, 1.0), 1.0))


def zero_error_bound(log_fraction: ArrayLike, n: ArrayLike, delta: ArrayLike, tau: ArrayLike) -> FloatArray:
    r"""Error level that all but a fraction tau of the zero-error classifiers of one training set stay below.

    eps = 1 - exp( -( ln(1/(delta tau)) - log_fraction ) / n ), with log_fraction = ln|H(S)| as measured on S,
    in units of the prior mass. With probability at least 1 - delta over S, the fraction of H(S) that errs
    more than eps is at most tau. There is no condition on any covariance.

    Derivation. A classifier h is in H(S) with probability (1 - E(h))^n, so

        M_n(S) = \int_{H(S)} (1 - E(h))^{-n} dP(h)   has   E_S M_n(S) <= 1 ,

    and by Markov M_n(S) < 1/delta with probability at least 1 - delta. On that event, for *every* eps
    together, |H_eps(S)| (1 - eps)^{-n} <= M_n(S) < 1/delta; and |H_eps(S)| < (1 - eps)^n / delta <= tau
    |H(S)| at the level above. So the statement holds for a level that depends on S through |H(S)|, and for
    all tau at once, without a union bound. Along one growing training set M_n(S) is a non-negative
    martingale, so by Ville's inequality it also holds for all n at once. With tau = 1 the level bounds the
    *mean* error of H(S) as well, by convexity of -ln(1 - E). [derived; the sources bound the annealed
    fraction only]

    Parameters
    ----------
    log_fraction : array_like
        ln|H(S)|, at most 0, nats; its own measurement error is not covered.
    n : array_like
        Number of examples of S, at least 0.
    delta : array_like
        Probability in (0, 1] that the training set is an exception.
    tau : array_like
        Fraction in (0, 1] of the zero-error classifiers that may err more.

    Returns
    -------
    ndarray
        Error levels in [0, 1]; arguments broadcast; a NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    log_mass, n_ = _checked_fraction(log_fraction), number_of_examples(n)
    delta_ = probability("delta", delta, open_at_zero=True)
    tau_ = probability("tau", tau, open_at_zero=True)
    return _error_from_exponent(-np.log(delta_) - np.log(tau_) - log_mass, n_)[()]


def uniform_zero_error_bound(
    log_fraction: ArrayLike, n: ArrayLike, delta: ArrayLike, tau: ArrayLike, *, ratio: float = 1.1
) -> FloatArray:
    r"""The statement of `zero_error_bound` by the plain route: a fixed grid of levels and a union bound.

    For a level eps_k fixed before S, Markov's inequality and E_S|H_{eps_k}(S)| <= (1 - eps_k)^n give
    |H_{eps_k}(S)| < (1 - eps_k)^n / delta_k with probability at least 1 - delta_k. Over the geometric grid
    -ln(1 - eps_k) = ratio^k ln(1/delta)/n, k = 0, 1, ..., with delta_k = delta/((k+1)(k+2)), which add up to
    delta, all hold together. The answer is the lowest eps_k with (1 - eps_k)^n / delta_k <= tau |H(S)|: a
    choice that may depend on S, since the grid does not. It is never below `zero_error_bound`, whose direct
    argument needs no grid; it is kept as the independent check of it. (delta must be below 1, for the grid to
    start above 0.)

    Parameters
    ----------
    log_fraction, n, delta, tau : array_like
        As in `zero_error_bound`, with `delta` in (0, 1).
    ratio : float, optional
        Ratio of neighbouring grid levels, above 1.

    Returns
    -------
    ndarray
        Error levels in [0, 1]; a NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    if not (np.isfinite(ratio) and ratio > 1):
        raise ValueError(f"ratio must be finite and above 1, got {ratio}")
    delta_ = probability("delta", delta, open_at_zero=True)
    if np.any(delta_ >= 1):
        raise ValueError(f"delta must be in (0, 1) for the grid, got {delta_.max()}")
    tau_ = probability("tau", tau, open_at_zero=True)
    log_mass, n_, delta_, tau_ = np.broadcast_arrays(
        _checked_fraction(log_fraction), number_of_examples(n), delta_, tau_
    )
    first = -np.log(delta_)
    wanted = first - np.log(tau_) - log_mass
    # the level must reach `wanted` and the price ln((k+1)(k+2)) of its own place in the grid
    k = np.zeros(wanted.shape)
    reached = np.zeros(wanted.shape, dtype=bool)
    reached |= np.isposinf(wanted)
    while not np.all(reached):
        reached |= first * ratio**k >= wanted + np.log((k + 1) * (k + 2))
        k = np.where(reached, k, k + 1)
    with np.errstate(over="ignore"):
        exponent = np.where(np.isposinf(wanted), np.inf, first * ratio**k)
    return _error_from_exponent(exponent, n_)[()]


def pac_bayes_bound(log_fraction: ArrayLike, n: ArrayLike, delta: ArrayLike) -> FloatArray:
    """PAC-Bayes-kl bound of the mean error of the zero-error classifiers of one training set.

    The posterior is the prior restricted to H(S): its divergence from the prior is -ln|H(S)| and its training
    error 0, where kl(0||r) = -ln(1-r). Maurer's form of Seeger's theorem (arXiv cs/0411099) then gives, with
    probability at least 1 - delta, r = 1 - exp( -( -log_fraction + ln(2 sqrt(n)/delta) ) / n ). At zero
    training error `zero_error_bound` with tau = 1 says the same without the 2 sqrt(n).

    Parameters
    ----------
    log_fraction : array_like
        ln|H(S)|, at most 0, nats.
    n : array_like
        Number of examples of S, at least 1.
    delta : array_like
        Probability in (0, 1] that the training set is an exception.

    Returns
    -------
    ndarray
        Bounds of the mean error in [0, 1]; a NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    n_ = positive("n", n)
    if np.any(n_ < 1):
        raise ValueError(f"n must be at least 1, got {n_.min()}")
    delta_ = probability("delta", delta, open_at_zero=True)
    log_mass = _checked_fraction(log_fraction)
    return _error_from_exponent(np.log(2 * np.sqrt(n_)) - np.log(delta_) - log_mass, n_)[()]
