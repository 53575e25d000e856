r"""Integrals of smooth error densities times (1 - E)^n over any interval, in logs, for many n at once.

The interval is mapped on the real line by E = left + width / (1 + e^-u), which stretches both ends: the
integrand then falls at least exponentially on both sides and has one maximum whenever the density is
log-concave, and the trapezoidal rule converges exponentially. The window is found for every integral, so a
peak at excess error 1e-12 costs the same as one in the bulk. Excess errors E - E_min are carried instead of
errors, so nothing is lost when the tilt presses the density against an edge E_min > 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.interpolate import PchipInterpolator

FloatArray = NDArray[np.float64]
LogShape = Callable[[FloatArray, FloatArray], FloatArray]
"""(E - E_min, 1 - E) -> ln of the unnormalized density; log-concave in E."""

_REACH = 700.0  # |u| that holds every maximum: ends are resolved to e^-700 of the interval
_DEPTH = 46.0  # ends of the window lie this many nats under the maximum (1e-20)
_NODES = 257
_TABLE_NODES = 4097
_CHUNK = 4096
_GOLDEN = (np.sqrt(5.0) - 1) / 2


@dataclass(frozen=True, slots=True)
class TiltedIntegral:
    """`log_mass` of shape(E) ((1-E)/(1-E_min))^n over the interval, and `mean_excess` of E over E_min."""

    log_mass: FloatArray
    mean_excess: FloatArray


@dataclass(frozen=True, slots=True)
class _Intervals:
    """Excess errors (left, left + width), 1 - E at both ends, and n: columns of equal length."""

    left: FloatArray
    width: FloatArray
    rest_left: FloatArray
    rest_right: FloatArray
    n: FloatArray


def _log_integrand(log_shape: LogShape, where: _Intervals, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ln of the integrand in u over (1-E)^n at the left end, and the excess error, (intervals, nodes)."""
    step = where.width[:, None] * special.expit(u)
    rest = where.rest_right[:, None] + where.width[:, None] * special.expit(-u)
    share = step / where.rest_left[:, None]
    with np.errstate(divide="ignore"):
        log_survival = np.where(
            share < 0.5, np.log1p(-np.minimum(share, 0.5)), np.log(rest / where.rest_left[:, None])
        )
    excess = where.left[:, None] + step
    jacobian = special.log_expit(u) + special.log_expit(-u)
    return log_shape(excess, rest) + where.n[:, None] * log_survival + jacobian, excess


def _window(log_shape: LogShape, where: _Intervals) -> tuple[FloatArray, FloatArray]:
    """Ends in u of the region within _DEPTH nats of the maximum: golden section, then bisection."""

    def value(u: FloatArray) -> FloatArray:
        return _log_integrand(log_shape, where, u)[0]

    rows = len(where.n)
    low, high = np.full((rows, 1), -_REACH), np.full((rows, 1), _REACH)
    first, second = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_first, at_second = value(first), value(second)
    for _ in range(56):
        left = at_first >= at_second
        low, high = np.where(left, low, first), np.where(left, second, high)
        kept, at_kept = np.where(left, first, second), np.where(left, at_first, at_second)
        new = np.where(left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_new = value(new)
        first, at_first = np.where(left, new, kept), np.where(left, at_new, at_kept)
        second, at_second = np.where(left, kept, new), np.where(left, at_kept, at_new)
    top = 0.5 * (low + high)
    level = value(top) - _DEPTH
    # both sides in one array: column 0 searches leftwards, column 1 rightwards
    inside = np.repeat(top, 2, axis=1)
    outside = np.repeat(np.array([[-_REACH - 50, _REACH + 50]]), rows, axis=0)
    for _ in range(36):
        middle = 0.5 * (inside + outside)
        above = value(middle) > level
        inside, outside = np.where(above, middle, inside), np.where(above, outside, middle)
    return outside[:, 0], outside[:, 1]


def _nodes(window: tuple[FloatArray, FloatArray], nodes: int) -> tuple[FloatArray, FloatArray]:
    low, high = window
    share = np.linspace(0.0, 1.0, nodes)
    return low[:, None] + (high - low)[:, None] * share, (high - low) / (nodes - 1)


def _integrate(log_shape: LogShape, where: _Intervals) -> tuple[FloatArray, FloatArray]:
    u, step = _nodes(_window(log_shape, where), _NODES)
    log_values, excess = _log_integrand(log_shape, where, u)
    top = log_values.max(axis=1)
    weights = np.exp(log_values - top[:, None])
    total = weights.sum(axis=1)
    return top + np.log(total * step), (weights * excess).sum(axis=1) / total


def _intervals(
    minimum: float, maximum: float, n: FloatArray, above: FloatArray, up_to: FloatArray
) -> _Intervals:
    right = np.clip(up_to, minimum, maximum)
    left = np.clip(above - minimum, 0.0, maximum - minimum)
    width = (right - minimum) - left
    rest_right = 1.0 - right
    return _Intervals(left, width, rest_right + width, rest_right, n)


def tilted_integral(
    log_shape: LogShape,
    *,
    minimum: float,
    maximum: float,
    n: FloatArray,
    above: FloatArray | float = -np.inf,
    up_to: FloatArray | float = np.inf,
) -> TiltedIntegral:
    """Integrate shape(E) ((1-E)/(1-minimum))^n over errors in (above, up_to], for every n.

    Parameters
    ----------
    log_shape : callable
        (excess error E - minimum, 1 - E) -> ln of the unnormalized density, which must be log-concave.
    minimum, maximum : float
        Support, 0 <= minimum < maximum <= 1.
    n : ndarray
        Real numbers of examples >= 0.
    above, up_to : ndarray or float
        Interval; the whole support by default. Broadcasts with `n`.

    Returns
    -------
    TiltedIntegral
        Arrays of the broadcast shape; ``-inf`` and NaN where the interval is empty.
    """
    n_, above_, up_to_ = np.broadcast_arrays(
        n, np.asarray(above, dtype=float), np.asarray(up_to, dtype=float)
    )
    shape = n_.shape
    where = _intervals(minimum, maximum, n_.ravel(), above_.ravel(), up_to_.ravel())
    log_mass, mean_excess = np.full(n_.size, -np.inf), np.full(n_.size, np.nan)
    filled = np.flatnonzero(where.width > 0)
    for start in range(0, len(filled), _CHUNK):
        rows = filled[start : start + _CHUNK]
        part = _Intervals(
            where.left[rows], where.width[rows], where.rest_left[rows], where.rest_right[rows], where.n[rows]
        )
        log_values, mean_excess[rows] = _integrate(log_shape, part)
        # the integrand was taken relative to the left end of its interval
        shift = part.n * np.log1p(-part.left / (1.0 - minimum))
        log_mass[rows] = log_values + np.log(part.width) + shift
    return TiltedIntegral(log_mass.reshape(shape), mean_excess.reshape(shape))


def log_share(
    log_shape: LogShape,
    *,
    minimum: float,
    maximum: float,
    n: FloatArray,
    above: FloatArray | float = -np.inf,
    up_to: FloatArray | float = np.inf,
) -> FloatArray:
    """Ln of the share of the tilted mass in (above, up_to], sharp for shares near 0 and near 1."""
    n_, above_, up_to_ = np.broadcast_arrays(
        n, np.asarray(above, dtype=float), np.asarray(up_to, dtype=float)
    )

    def mass(of_n: FloatArray, low: FloatArray | float, high: FloatArray | float) -> FloatArray:
        return tilted_integral(
            log_shape, minimum=minimum, maximum=maximum, n=of_n, above=low, up_to=high
        ).log_mass

    distinct, index = np.unique(n_, return_inverse=True)
    whole = mass(distinct, -np.inf, np.inf)[index.reshape(n_.shape)]
    out = np.asarray(mass(n_, above_, up_to_) - whole)
    # a share near one is known best from what is missing
    most = out > -0.5
    if np.any(most):
        missing = np.logaddexp(mass(n_[most], -np.inf, above_[most]), mass(n_[most], up_to_[most], np.inf))
        out[most] = np.log1p(-np.exp(np.minimum(missing - whole[most], 0.0)))
    return out


def tilted_sample(
    log_shape: LogShape,
    *,
    minimum: float,
    maximum: float,
    n: float,
    size: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw `size` errors from the tilted density by inversion of its tabulated distribution function."""
    one = np.array([n])
    where = _intervals(minimum, maximum, one, np.array([-np.inf]), np.array([np.inf]))
    u, _ = _nodes(_window(log_shape, where), _TABLE_NODES)
    log_values = _log_integrand(log_shape, where, u)[0][0]
    density = np.exp(log_values - log_values.max())
    cumulated = PchipInterpolator(u[0], density).antiderivative()(u[0])
    cumulated /= cumulated[-1]
    rising = np.concatenate([[True], np.diff(np.maximum.accumulate(cumulated)) > 1e-15])
    inverse = PchipInterpolator(cumulated[rising], u[0][rising])
    return np.asarray(minimum + where.width[0] * special.expit(inverse(rng.random(size))))
