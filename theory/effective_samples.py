"""How far draws can be tilted: the effective number of draws among survivors, and the n that it supports."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import number_of_examples

FloatArray = NDArray[np.float64]

FEWEST_EFFECTIVE_SAMPLES = 30.0
"""Fewer effective draws than this do not support an average over them."""

_LARGEST_N = 1e12


def _log_sum(terms: FloatArray) -> float:
    # hundreds of these for one limit: SciPy's, which minds more cases, takes fifteen times as long
    top = terms.max()
    return float(top + np.log(np.sum(np.exp(terms - top))))


def last_n_that_holds(holds: Callable[[float], bool], *, largest: float = _LARGEST_N) -> float:
    """Largest n up to which `holds`, 0 if it fails at once and ``inf`` if it holds up to `largest`.

    A scan on a fine logarithmic grid finds the first failure, which need not be the only one; bisection
    places it.
    """
    if not holds(0.0):
        return 0.0
    grid = np.concatenate([[0.0], np.geomspace(1e-3, largest, 241)])
    for low, high in pairwise(grid):
        if holds(float(high)):
            continue
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if holds(float(middle)) else (low, middle)
        return float(low)
    return np.inf


def largest_supported_n(log_weights: FloatArray, log_squares: FloatArray, log_survival: FloatArray) -> float:
    """Largest n at which draws tilted by exp(n log_survival) count as at least 30 effective ones.

    `log_weights` and `log_squares` are logs of the summed weights and of the summed squared weights of the
    draws that share one `log_survival`.
    """

    def holds(n: float) -> bool:
        tilt = n * log_survival
        return bool(2 * _log_sum(log_weights + tilt) - _log_sum(log_squares + 2 * tilt) >= threshold)

    # the small allowance keeps exactly 30 equal draws
    threshold = np.log(FEWEST_EFFECTIVE_SAMPLES) - 1e-12
    return last_n_that_holds(holds)


def supported(n: ArrayLike, largest_n: float) -> FloatArray:
    """`n` as a float array; raises ValueError where it lies beyond `largest_n`."""
    n_ = number_of_examples(n)
    if np.any(n_ > largest_n):
        raise ValueError(
            f"n must be at most {largest_n:.6g}, what this measured density supports without a model of its "
            f"edge, got {np.max(n_):.6g}"
        )
    return n_
