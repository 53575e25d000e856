"""`LocalSlopes`: how steep a measurement is between neighbouring x, in the coordinates of its law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from genlaws.simulate.measurement import Measurement
from genlaws.theory.curves import Divergence, ExponentialDecay, LogarithmicDecay, LogarithmicGrowth
from genlaws.theory.laws import CurveLaw, Law
from genlaws.theory.linear_laws import Linear
from genlaws.theory.power_laws import PowerLaw, PowerLawWithCorrection, PowerLawWithPlateau

from .fits import curve_weights, fit_curves
from .replicates import ReplicateTable, tabulate

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LocalSlopes:
    """Slopes between neighbouring x that all equal the law's score where the law holds.

    Attributes
    ----------
    x : ndarray, shape (pairs,)
        Middle of each pair of neighbours: geometric where x is positive.
    slope : ndarray, shape (pairs,)
        Mean over replicates.
    half : ndarray, shape (pairs,)
        Half-width of its 95 % Student interval over replicates; NaN for a single one. What was
        fitted to straighten the curve (a plateau, a correction, a threshold) counts as known.
    """

    x: FloatArray
    slope: FloatArray
    half: FloatArray


@dataclass(frozen=True, slots=True)
class _Straight:
    """Coordinates in which the law is a line whose slope is its score: `along` x, `upward` of y at all x."""

    along: FloatArray
    upward: Callable[[FloatArray], FloatArray]


def _ln(values: FloatArray) -> FloatArray:
    """Natural logarithm, NaN where there is none."""
    return np.log(np.where(values > 0, values, np.nan))


def _straighten(law: CurveLaw, table: ReplicateTable) -> _Straight | None:
    x = table.x
    weights = curve_weights(law, table) * table.count
    fit = fit_curves(law, x, law.to_fit(table.mean)[None], weights)
    named = law.named(float(fit.shape[0]), fit.coefficients[0])
    match law:
        case PowerLaw():
            return _Straight(_ln(x), (lambda y: y) if law.log_y else _ln)
        case PowerLawWithPlateau():
            return _Straight(_ln(x), lambda y: _ln(y - named["plateau"]))
        case PowerLawWithCorrection():
            share = named["correction"] / named["prefactor"]
            return _Straight(_ln(x), lambda y: _ln(y / (1 + share * x**-law.correction_exponent)))
        case ExponentialDecay():
            power = named["prefactor_power"]
            known = power * _ln(x) if power else np.zeros_like(x)
            return _Straight(-x, lambda y: (y if law.log_y else _ln(y)) - known)
        case LogarithmicGrowth():
            return _Straight(_ln(x), lambda y: y)
        case Linear():
            return _Straight(x, lambda y: y)
        case LogarithmicDecay():
            return _Straight(_ln(_ln(x)), _ln)
        case Divergence():
            return _Straight(-_ln(np.abs(x - named["threshold"])), _ln)
        case _:
            return None


def _mean_and_half(each: FloatArray) -> tuple[float, float]:
    number = len(each)
    if number < 2:
        return float(each.mean()), np.nan
    return float(each.mean()), float(stdtrit(number - 1, 0.975) * each.std(ddof=1) / np.sqrt(number))


def local_slopes(law: Law, measurement: Measurement) -> LocalSlopes | None:
    """Slopes of a measurement between neighbouring x, in the coordinates of a law.

    For power laws d ln y / d ln x, a fitted plateau or correction taken away; for exponential decays
    -d ln y / dx without their power prefactor; for logarithms dy / d ln x, or d ln y / d ln ln x; for
    lines dy / dx; for divergences -d ln y / d ln |x - threshold|. Slopes are taken within replicates and
    averaged. Where some replicate has no logarithm they are those of the mean, with a jackknife over
    replicates.

    Parameters
    ----------
    law : Law
    measurement : Measurement

    Returns
    -------
    LocalSlopes or None
        None where the law has no such slope, or the measurement no two x that have one.

    Examples
    --------
    >>> from genlaws.simulate.measurement import Measurement
    >>> from genlaws.theory import PowerLaw
    >>> measured = Measurement(x=[1.0, 2.0, 4.0], replicate=[0, 0, 0], y=[8.0, 4.0, 1.0])
    >>> local_slopes(PowerLaw(-1.0), measured).slope
    array([-1., -2.])
    """
    if not isinstance(law, CurveLaw):
        return None
    table = tabulate(measurement)
    try:
        straight = _straighten(law, table)
    except ValueError:  # a law that cannot be fitted here has no slopes either
        return None
    if straight is None:
        return None
    places, slopes, halves = [], [], []
    for left in range(len(table.x) - 1):
        pair = slice(left, left + 2)
        rows = table.y[~np.isnan(table.y[:, pair]).any(axis=1)]
        number, run = len(rows), float(np.diff(straight.along[pair])[0])
        if number == 0 or not run:
            continue

        def slope(y: FloatArray, *, pair: slice = pair, run: float = run) -> FloatArray:
            with np.errstate(invalid="ignore"):
                ends = straight.upward(y)[..., pair]
            return np.asarray((ends[..., 1] - ends[..., 0]) / run)

        each = slope(rows)
        if not np.all(np.isfinite(each)) and number > 1:
            # pseudo-values of the jackknife: they average to the slope of the mean, up to its bias
            total = rows.sum(axis=0)
            each = number * slope(total / number) - (number - 1) * slope((total - rows) / (number - 1))
        middle, half = _mean_and_half(each)
        if np.isfinite(middle):
            first, last = table.x[left], table.x[left + 1]
            places.append(float(np.sqrt(first * last) if table.x[0] > 0 else 0.5 * (first + last)))
            slopes.append(middle)
            halves.append(half)
    if not slopes:
        return None
    return LocalSlopes(np.array(places), np.array(slopes), np.array(halves))
