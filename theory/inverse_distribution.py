"""Quantiles of a continuous error density from its log distribution function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
LogFunction = Callable[[FloatArray], FloatArray]

_STEPS = 80


def inverse_distribution(
    p: FloatArray,
    *,
    log_cdf: LogFunction,
    log_sf: LogFunction,
    minimum: float,
    maximum: float,
) -> FloatArray:
    """Errors at cumulated mass `p`, by bisection with secant steps on the logit of the relative excess error.

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
        return difference

    low, high = np.full(len(rows), -708.0), np.full(len(rows), 708.0)
    at_low, at_high = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)
    open_rows = np.arange(len(rows))
    for step in range(_STEPS):
        a, b, fa, fb = low[open_rows], high[open_rows], at_low[open_rows], at_high[open_rows]
        middle = 0.5 * (a + b)
        if step % 3:  # two secant steps, then one bisection, which bounds the work
            with np.errstate(invalid="ignore", over="ignore"):
                secant = b - fb * (b - a) / (fb - fa)
            margin = 1e-3 * (b - a) * (1 if step % 3 == 1 else -1)
            inside = np.isfinite(secant) & (secant > a) & (secant < b)
            nudged = np.clip(secant + np.where(secant < middle, margin, -margin), a + 1e-9 * (b - a), b)
            middle = np.where(inside, nudged, middle)
        value = gap(middle, open_rows)
        right = value >= 0
        high[open_rows], at_high[open_rows] = np.where(right, middle, b), np.where(right, value, fb)
        low[open_rows], at_low[open_rows] = np.where(right, a, middle), np.where(right, fa, value)
        width = high[open_rows] - low[open_rows]
        open_rows = open_rows[width > 1e-14 * np.maximum(1.0, np.abs(low[open_rows]))]
        if len(open_rows) == 0:
            break
    out[rows] = error(0.5 * (low + high))
    return out.reshape(p.shape)
