"""Tables and draws turned into pieces of an error density: checks, order statistics and interpolation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import positive, probability
from .piecewise_exponential import PiecewiseExponential

FloatArray = NDArray[np.float64]

_KNOTS = 256


def pieces_of_density(s: FloatArray, log_density: FloatArray) -> PiecewiseExponential:
    """Pieces whose density in E runs through the table, ln Q linear in s; flat in E to E = 1."""
    width = np.diff(s)
    with np.errstate(invalid="ignore"):
        rate = np.diff(log_density) / width
    start_density = log_density[:-1] - s[:-1]  # dE is proportional to exp(-s) ds
    if np.isinf(width[-1]):
        start_density[-1] = np.logaddexp(log_density[-1], log_density[-2]) - np.log(2) - s[-2]
        rate[-1] = 0.0
    return PiecewiseExponential(s[:-1], width, start_density, rate - 1)


def pieces_of_distribution(s: FloatArray, log_cdf: FloatArray) -> PiecewiseExponential:
    """Pieces whose distribution function runs through the table, ln F linear in s; flat in E to E = 1."""
    width = np.diff(s)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.diff(log_cdf) / width
        log_density = log_cdf[:-1] + np.log(rate)
    if np.isinf(width[-1]):
        rate[-1] = -1.0
        log_density[-1] = log_cdf[-1] + np.log(-np.expm1(log_cdf[-2] - log_cdf[-1]))
    # where F stands still there is no mass
    rate = np.where(rate == 0, -1.0, rate)
    return PiecewiseExponential(s[:-1], width, log_density, rate)


def checked_table(
    errors: ArrayLike, log_density: ArrayLike | None, log_cdf: ArrayLike | None, edge_exponent: float | None
) -> tuple[FloatArray, FloatArray]:
    """The table's errors and values; raises ValueError where it is no table of ln Q or of ln F."""
    E = np.atleast_1d(probability("errors", errors))
    if (log_density is None) == (log_cdf is None):
        raise ValueError("give either log_density or log_cdf, not both or neither")
    table = np.atleast_1d(np.asarray(log_cdf if log_density is None else log_density, dtype=float))
    if E.ndim != 1 or E.shape != table.shape or len(E) < 2 or not np.all(np.diff(E) > 0):
        raise ValueError(
            f"errors must be two or more, strictly ascending, as many as the table holds, got {E}"
        )
    if edge_exponent is not None:
        positive("edge_exponent", edge_exponent)
    if log_density is not None and not np.all(np.isfinite(table)):
        raise ValueError(f"log_density must be finite, got {table[~np.isfinite(table)][0]}")
    if log_cdf is not None:
        with np.errstate(invalid="ignore"):
            rising = np.all(np.diff(table) >= 0) and np.all(np.isfinite(table[1:])) and not np.isnan(table[0])
        if not rising or abs(table[-1]) > 1e-9 or (len(E) == 2 and np.isneginf(table[0])):
            raise ValueError(
                f"log_cdf must not fall, end at 0 and be finite from its second entry on, got {table}"
            )
        table = np.minimum(table, 0.0)
    return E, table


def checked_draws(errors: ArrayLike, weights: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Drawn errors and their weights, those of weight zero left out; raises ValueError where out of range."""
    E = np.atleast_1d(probability("errors", errors)).ravel()
    w = np.ones(len(E)) if weights is None else np.atleast_1d(np.asarray(weights, dtype=float)).ravel()
    if w.shape != E.shape or not (np.all(np.isfinite(w)) and np.all(w >= 0)):
        raise ValueError(f"weights must be as many as the draws ({len(E)}), finite and at least 0")
    return E[w > 0], w[w > 0]


def knots(errors: FloatArray, weights: FloatArray, fewest: float) -> tuple[FloatArray, FloatArray]:
    """Errors and ln F at up to _KNOTS order statistics, dense at the left, `fewest` draws under the first."""
    distinct, index = np.unique(errors, return_inverse=True)
    if len(distinct) < 2:
        raise ValueError(f"the draws must hold at least two different errors in range, got {len(distinct)}")
    share = np.cumsum(np.bincount(index, weights=weights)) / weights.sum()
    share[-1] = 1.0
    draws = weights.sum() ** 2 / np.sum(weights**2)
    if draws <= fewest:
        raise ValueError(f"errors must hold more than {fewest:.0f} effective draws, got {draws:.0f}")
    lowest = max(fewest, 1.0) / draws
    levels = np.union1d(np.geomspace(lowest, 1, _KNOTS // 2), np.linspace(lowest, 1, _KNOTS // 2))
    place = np.unique(np.minimum(np.searchsorted(share, levels), len(share) - 1))
    return distinct[place], np.log(share[place])
