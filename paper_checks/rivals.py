"""Rival laws: which curve foretells held-out x better, in every bootstrap over replicates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
_SHARE = 0.95
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


def _log_scores(
    law: CurveLaw | ClosedCurve, scale: CurveLaw, table: ReplicateTable, curves: FloatArray
) -> FloatArray:
    """Log predictive density of each curve at each x, when the law is fitted without it and its neighbours.

    The variance of a forecast is that of the measured mean, in proportion to how badly the law fits the
    x it was fitted to, and the spread of the forecast over bootstraps. The first curve is the measured one.
    """
    observed = _scaled(scale, curves)
    variance = 1.0 / (curve_weights(scale, table) * table.count)
    precision = 1.0 / variance
    if not isinstance(law, ClosedCurve) and law is not scale:
        precision = curve_weights(law, table) * table.count
    scores = np.empty_like(curves)
    for block in np.array_split(np.arange(len(table.x)), min(_FOLDS, len(table.x))):
        held = np.zeros(len(table.x), dtype=np.bool_)
        held[block] = True
        forecast, parameters = _forecast(law, table, precision, curves, held)
        forecast = _scaled(scale, forecast)
        squares = (observed[0] - forecast[0])[~held] ** 2 / variance[~held]
        excess = max(1.0, float(np.nansum(squares)) / max(int((~held).sum()) - parameters, 1))
        usable = np.isfinite(forecast[:, held])
        # where every forecast is impossible its spread does not matter
        known = np.where(usable.any(axis=0), forecast[:, held], 0.0)
        spread = table.stretch**2 * np.nanvar(np.where(np.isfinite(known), known, np.nan), axis=0)
        with np.errstate(invalid="ignore", over="ignore"):
            total = np.minimum(excess * variance[held] + spread, 1e300)
            miss = (observed[:, held] - forecast[:, held]) ** 2
            found = -0.5 * np.log(2 * np.pi * total) - 0.5 * miss / total
        scores[:, held] = np.maximum(np.nan_to_num(found, nan=_WORST, neginf=_WORST), _WORST)
    return scores


def judge_rivals(
    law: Law,
    rivals: tuple[Law, ...],
    measurement: Measurement,
    *,
    margin: float,
    rng: np.random.Generator | int | None = None,
) -> tuple[Rival, ...]:
    """Hold rival curves against the claimed one on held-out x.

    Blocks of neighbouring x are left out in turn, both laws are fitted to the others, and their log
    predictive densities at the block are compared, in the measurement and in bootstraps over replicates.

    Parameters
    ----------
    law : Law
        The claimed one. Only curves have rivals.
    rivals : tuple of Law
    measurement : Measurement
    margin : float
        In nats per point.
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
    claimed = _log_scores(law, scale, table, curves).mean(axis=1)
    found = []
    for rival in rivals:
        assert isinstance(rival, CurveLaw | ClosedCurve)
        advantage = _log_scores(rival, scale, table, curves).mean(axis=1) - claimed
        found.append(
            Rival(
                name=type(rival).__name__,
                advantage=float(advantage[0]),
                share=float(np.mean(advantage[1:] > 0)),
                decisive=bool(advantage[0] >= margin and np.mean(advantage[1:] >= margin) >= _SHARE),
            )
        )
    return tuple(found)
