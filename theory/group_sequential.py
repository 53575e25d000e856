"""`nominal_levels`: how strict each look at growing data must be, for one error rate over all looks."""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

FloatArray = NDArray[np.float64]

_NODES, _WEIGHTS = leggauss(400)
_FAR = 9.0  # standard deviations beyond which a path is not followed


def _excess(bound: float, due: float, places: FloatArray, masses: FloatArray, step: float) -> float:
    # chance of a path at one of the places to lie above the bound after a step of this deviation, less `due`
    return float(np.sum(masses * ndtr((places - bound) / step))) - due


def _followed(
    places: FloatArray, masses: FloatArray, bound: float, step: float, deviation: float
) -> tuple[FloatArray, FloatArray]:
    # where the paths are that stayed below the bound, on a new grid
    low = -_FAR * deviation
    nodes = low + 0.5 * (bound - low) * (_NODES + 1.0)
    apart = (nodes[:, None] - places) / step
    density = np.exp(-0.5 * apart**2) @ masses / (step * math.sqrt(2.0 * math.pi))
    return nodes, 0.5 * (bound - low) * _WEIGHTS * density


def nominal_levels(fractions: ArrayLike, spent: ArrayLike) -> FloatArray:
    """One-sided levels for repeated looks at one growing set of data.

    Parameters
    ----------
    fractions : array_like, shape (looks,)
        Share of all data that each look has, increasing, in (0, 1].
    spent : array_like, shape (looks,)
        Chance of a false alarm up to and including each look, not decreasing, in (0, 1/2).

    Returns
    -------
    ndarray, shape (looks,)
        Level to hold each look's own p value against; 0 where nothing is spent.

    Raises
    ------
    ValueError
        If shapes differ, or values are out of order or range.

    Notes
    -----
    Error spending of Lan and DeMets (1983, Biometrika 70, 659), by the recursion of Armitage, McPherson and
    Rowe (1969): sums of independent normal data are followed from look to look as long as they stay below
    the bounds. For statistics of another distribution levels are used, not bounds, which is right in the
    limit of many data.

    Examples
    --------
    >>> nominal_levels([0.5, 1.0], [0.025, 0.05])
    array([0.025     , 0.03537551])
    """
    shares, budget = np.asarray(fractions, dtype=np.float64), np.asarray(spent, dtype=np.float64)
    if shares.ndim != 1 or not shares.size or shares.shape != budget.shape:
        raise ValueError(
            f"fractions and spent must be rows of one length, got shapes {shares.shape} and {budget.shape}"
        )
    if not (np.all(np.diff(shares, prepend=0.0) > 0.0) and shares[-1] <= 1.0):
        raise ValueError(f"fractions must increase in (0, 1], got {shares}")
    if not (np.all(np.diff(budget, prepend=0.0) >= 0.0) and 0.0 < budget[-1] < 0.5):
        raise ValueError(f"spent must not decrease, and end in (0, 1/2), got {budget}")
    places, masses = np.zeros(1), np.ones(1)
    levels = np.empty(len(shares))
    before, already = 0.0, 0.0
    for look, (share, total) in enumerate(zip(shares, budget, strict=True)):
        step, deviation = math.sqrt(share - before), math.sqrt(share)
        due = total - already
        if due <= 0.0:
            bound, levels[look] = _FAR * deviation, 0.0
        else:
            bound = float(brentq(_excess, 0.0, _FAR * deviation, (due, places, masses, step), xtol=1e-13))
            levels[look] = float(ndtr(-bound / deviation))
        places, masses = _followed(places, masses, bound, step, deviation)
        before, already = share, total
    return levels
