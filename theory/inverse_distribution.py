"""Quantiles of a continuous error density from its log distribution function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
LogFunction = Callable[[FloatArray], FloatArray]

RowFunction = Callable[[FloatArray, NDArray[np.intp]], FloatArray]

_REACH = 708.0  # logits that floats can tell from the ends
_STEPS = 120
_TOLERANCE = 2e-15


def _roots(function: RowFunction, low: FloatArray, high: FloatArray) -> FloatArray:
    """Root of every row between `low` and `high`: Chandrupatla's method (1997), vectorized.

    `function` takes points and the rows they belong to.
    """
    rows = np.arange(len(low))
    x1, x2 = low, high
    f1, f2 = function(low, rows), function(high, rows)
    t = np.full(len(rows), 0.5)
    out = np.empty(len(rows))
    for _ in range(_STEPS):
        x = x1 + t * (x2 - x1)
        f = function(x, rows)
        same = np.sign(f) == np.sign(f1)
        x3, f3 = np.where(same, x1, x2), np.where(same, f1, f2)
        x2, f2 = np.where(same, x2, x1), np.where(same, f2, f1)
        x1, f1 = x, f
        best = np.where(np.abs(f1) < np.abs(f2), x1, x2)
        out[rows] = best
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            least = _TOLERANCE * np.maximum(1.0, np.abs(best)) / np.abs(x2 - x1)
            xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
            alpha = (x3 - x1) / (x2 - x1)
            quadratic = (1 - np.sqrt(1 - xi) < phi) & (phi < np.sqrt(xi))
            inverse = f1 / (f1 - f2) * f3 / (f3 - f2) - alpha * f1 / (f3 - f1) * f2 / (f2 - f3)
            t = np.where(quadratic & np.isfinite(inverse), inverse, 0.5)
            t = np.clip(t, np.minimum(least, 0.5), np.maximum(1 - least, 0.5))
        going = (least < 0.5) & (f1 != 0)
        if not np.any(going):
            break
        rows, t = rows[going], t[going]
        x1, x2, f1, f2 = x1[going], x2[going], f1[going], f2[going]
    return out


def inverse_distribution(
    p: FloatArray,
    *,
    log_cdf: LogFunction,
    log_sf: LogFunction,
    minimum: float,
    maximum: float,
) -> FloatArray:
    """Errors at cumulated mass `p`, from roots in the logit of the relative excess error.

    Below the median the distribution function is inverted in logs, above it its complement, so that both
    tails keep their digits. Values are in [minimum, maximum]; `p` of 0 and 1 give its ends.
    """
    flat = p.ravel()
    out = np.where(flat <= 0, minimum, maximum)
    rows = np.flatnonzero((flat > 0) & (flat < 1))
    if len(rows) == 0:
        return out.reshape(p.shape)
    target = flat[rows]
    lower_half = target <= 0.5
    log_target = np.where(lower_half, np.log(target), np.log1p(-target))

    def error(u: FloatArray) -> FloatArray:
        return np.asarray(minimum + (maximum - minimum) * special.expit(u))

    def gap(u: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
        """Positive right of the quantile; rising in u."""
        E, lower = error(u), lower_half[rows]
        difference = np.empty(len(rows))
        difference[lower] = log_cdf(E[lower]) - log_target[rows][lower]
        difference[~lower] = log_target[rows][~lower] - log_sf(E[~lower])
        return np.clip(difference, -1e300, 1e300)

    out[rows] = error(_roots(gap, np.full(len(rows), -_REACH), np.full(len(rows), _REACH)))
    return out.reshape(p.shape)
