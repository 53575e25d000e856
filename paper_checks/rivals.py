"""Rival laws: which curve foretells held-out x better, in every bootstrap over replicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from genlaws.simulate.measurement import Measurement
from genlaws.theory.curves import Constant
from genlaws.theory.laws import CurveLaw, Law
from genlaws.theory.power_laws import PowerLaw
from genlaws.theory.relations import ClosedCurve

from .fits import curve_weights, fit_curves, predict_curves
from .replicates import ReplicateTable, tabulate
from .verdict import Rival

FloatArray = NDArray[np.float64]

_FOLDS = 5
_DRAWS = 200
_WORST = -50.0  # nats per point: keeps one impossible forecast from deciding alone


def _scale_of(law: CurveLaw | ClosedCurve) -> CurveLaw:
    """The law in whose fit space forecasts are scored: the claimed one, or the plain one of its kind."""
    if isinstance(law, ClosedCurve):
        return PowerLaw() if law.relative else Constant()
    return law


def _scaled(scale: CurveLaw, y: FloatArray) -> FloatArray:
    """`y` in fit space; NaN where a forecast has no place there."""
    usable = np.isfinite(y)
    try:
        return np.where(usable, scale.to_fit(np.where(usable, y, 1.0)), np.nan)
    except ValueError:
        usable &= y > 0
        return np.where(usable, scale.to_fit(np.where(usable, y, 1.0)), np.nan)


def _forecast(
    law: CurveLaw | ClosedCurve,
    table: ReplicateTable,
    precision: FloatArray,
    curves: FloatArray,
    held: NDArray[np.bool_],
) -> tuple[FloatArray, int]:
    """y at every x, fitted without the held-out ones, shape (curves, points); and the parameters fitted."""
    if isinstance(law, ClosedCurve):
        return np.broadcast_to(law.held_against(table.x, None), curves.shape), 0
    fit = fit_curves(law, table.x[~held], law.to_fit(curves[:, ~held]), precision[~held])
    with np.errstate(over="ignore"):
        return law.from_fit(predict_curves(law, table.x, fit)), law.parameters


def _model_error(squares: FloatArray, variance: FloatArray, degrees: int) -> float:
    """Variance to add to that of the means so that a law's misses are what one expects; 0 if none is.

    Added, not multiplied: where means hardly scatter at some x, no law is that exact there (Paule & Mandel
    1982, as for studies that differ by more than their errors).
    """

    def surplus(added: float) -> float:
        return float(np.sum(squares / (variance + added))) - degrees

    if surplus(0.0) <= 0.0:
        return 0.0
    most = float(np.sum(squares)) / degrees
    return float(brentq(surplus, 0.0, most, xtol=1e-12 * most, rtol=1e-6))


@dataclass(frozen=True, slots=True)
class _Forecasts:
    """Of every curve at every x, fitted without that x and its neighbours; the first is the measured one.

    Attributes
    ----------
    misses : ndarray, shape (curves, points)
        Measured less forecast, in fit space; NaN where a forecast has no place there.
    spread, error : ndarray, shape (points,)
        Variance of the forecast over bootstraps; of what the law misses where it was fitted, beyond noise.
    """

    misses: FloatArray
    spread: FloatArray
    error: FloatArray


def _forecasts(
    law: CurveLaw | ClosedCurve, scale: CurveLaw, table: ReplicateTable, curves: FloatArray
) -> _Forecasts:
    observed = _scaled(scale, curves)
    variance = 1.0 / (curve_weights(scale, table) * table.count)
    precision = 1.0 / variance
    if not isinstance(law, ClosedCurve) and law is not scale:
        precision = curve_weights(law, table) * table.count
    misses = np.empty_like(curves)
    spread, error = np.empty(len(table.x)), np.empty(len(table.x))
    for block in np.array_split(np.arange(len(table.x)), min(_FOLDS, len(table.x))):
        held = np.zeros(len(table.x), dtype=np.bool_)
        held[block] = True
        forecast, parameters = _forecast(law, table, precision, curves, held)
        forecast = _scaled(scale, forecast)
        squares = (observed[0] - forecast[0])[~held] ** 2
        known = np.isfinite(squares)
        degrees = max(int((~held).sum()) - parameters, 1)
        error[held] = _model_error(squares[known], variance[~held][known], degrees)
        misses[:, held] = observed[:, held] - forecast[:, held]
        usable = np.isfinite(forecast[:, held])
        # where every forecast is impossible its spread does not matter
        possible = np.where(usable.any(axis=0), forecast[:, held], 0.0)
        spread[held] = table.stretch**2 * np.nanvar(np.where(np.isfinite(possible), possible, np.nan), axis=0)
    return _Forecasts(misses, spread, error)


def _log_scores(forecasts: _Forecasts, variance: FloatArray) -> FloatArray:
    """Log predictive density per point of each curve, where forecasts have this variance beside their own."""
    with np.errstate(invalid="ignore", over="ignore"):
        total = np.minimum(variance + forecasts.spread, 1e300)
        found = -0.5 * np.log(2 * np.pi * total) - 0.5 * forecasts.misses**2 / total
    return np.asarray(np.maximum(np.nan_to_num(found, nan=_WORST, neginf=_WORST), _WORST).mean(axis=1))


def _everywhere(
    law: CurveLaw | ClosedCurve, scale: CurveLaw, table: ReplicateTable
) -> tuple[FloatArray, int, float]:
    """Squared misses of a fit to all x, shape (points,); parameters fitted; variance of what it misses."""
    curve, variance = table.mean[None], 1.0 / (curve_weights(scale, table) * table.count)
    precision = 1.0 / variance if isinstance(law, ClosedCurve) else curve_weights(law, table) * table.count
    nothing = np.zeros(len(table.x), dtype=np.bool_)
    fitted, parameters = _forecast(law, table, precision, curve, nothing)
    squares = (_scaled(scale, curve)[0] - _scaled(scale, fitted)[0]) ** 2
    known = np.isfinite(squares)
    degrees = max(len(table.x) - parameters, 1)
    return squares, parameters, _model_error(squares[known], variance[known], degrees)


def _criteria(
    claimed: tuple[FloatArray, int, float], other: tuple[FloatArray, int, float], noise: FloatArray
) -> tuple[float, float]:
    """Akaike's and the Bayesian information criterion of the other law less those of the claimed one."""
    variance = noise + min(claimed[2], other[2])
    misfit = float(np.sum((other[0] - claimed[0]) / variance))
    more = other[1] - claimed[1]
    return misfit + 2.0 * more, misfit + float(np.log(len(noise))) * more


def judge_rivals(
    law: Law,
    rivals: tuple[Law, ...],
    measurement: Measurement,
    *,
    margin: float,
    share: float = 0.95,
    rng: np.random.Generator | int | None = None,
) -> tuple[Rival, ...]:
    """Hold rival curves against the claimed one on held-out x.

    Blocks of neighbouring x are left out in turn, both laws are fitted to the others, and their log
    predictive densities at the block are compared, in the measurement and in bootstraps over replicates.
    The variance of a forecast is that of the measured mean, its own over bootstraps, and, the same for both
    laws, what the better one misses beyond noise where it was fitted. Information criteria of fits to all x,
    under one variance as well, stand beside that and decide nothing: they take the x for independent.

    Parameters
    ----------
    law : Law
        The claimed one. Only curves have rivals.
    rivals : tuple of Law
    measurement : Measurement
    margin : float
        In nats per point.
    share : float
        Of bootstraps in which a decisive rival wins by the margin.
    rng : Generator, int or None

    Returns
    -------
    tuple of Rival
        Empty if no bootstrap over replicates is possible.

    Raises
    ------
    TypeError
        If a law with rivals, or a rival, is not a curve.
    ValueError
        If there are too few x to fit without a block of them.
    """
    if not rivals:
        return ()
    for curve in (law, *rivals):
        if not isinstance(curve, CurveLaw | ClosedCurve):
            raise TypeError(f"only curves can be rivals, got {type(curve).__name__}")
    assert isinstance(law, CurveLaw | ClosedCurve)
    table = tabulate(measurement)
    means = table.means_resampled(_DRAWS, np.random.default_rng(rng))
    if means is None:
        return ()
    curves = np.concatenate((table.mean[None], means))
    scale = _scale_of(law)
    claimed = _forecasts(law, scale, table, curves)
    noise = 1.0 / (curve_weights(scale, table) * table.count)
    fit_of_claimed = _everywhere(law, scale, table)
    found = []
    for rival in rivals:
        assert isinstance(rival, CurveLaw | ClosedCurve)
        other = _forecasts(rival, scale, table, curves)
        # one variance for both: a law that fits badly must not be excused by how badly it fits
        variance = noise + np.minimum(claimed.error, other.error)
        advantage = _log_scores(other, variance) - _log_scores(claimed, variance)
        aic, bic = _criteria(fit_of_claimed, _everywhere(rival, scale, table), noise)
        found.append(
            Rival(
                name=type(rival).__name__,
                advantage=float(advantage[0]),
                share=float(np.mean(advantage[1:] > 0)),
                decisive=bool(advantage[0] >= margin and np.mean(advantage[1:] >= margin) >= share),
                aic=aic if np.isfinite(aic) else None,
                bic=bic if np.isfinite(bic) else None,
            )
        )
    return tuple(found)
