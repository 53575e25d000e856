"""Controls for measurements of one's own: the same rows, moved to where the law has another score."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate.measurement import Measurement
from genlaws.theory import InteriorPeak, Law, Monotone, PowerLawWithCorrection, PowerLawWithPlateau
from genlaws.theory.laws import CurveLaw, PointwiseLaw

from .fits import curve_weights, fit_curves, predict_curves
from .replicates import tabulate
from .scores import Score, score
from .wording import number

FloatArray = NDArray[np.float64]

_OUTWARD = {"largest": 1.0, "smallest": -1.0}
_TURNED = (
    "the same measurement with its scatter, turned over at the end of the band: what keeps to the law by so "
    "much breaks it by as much"
)


def _open(band: tuple[float, float]) -> bool:
    """Whether a band has one end only."""
    return math.isinf(band[0]) or math.isinf(band[1])


def control_score(law: Law, estimate: float, predicted: float, band: tuple[float, float]) -> float:
    """The score that a control should have: beyond the band by as much as the band is wide.

    A band that is open on one side has no width: then by as much as the prediction lies inside its end, or,
    if it lies on the end, by as much as the measured score lies from it. A check that can tell the prediction
    from the ends of the band can tell this score from it too, so that a control which is not refuted
    shows measurements too noisy to have said no.

    Parameters
    ----------
    law : Law
    estimate : float
        The measured score.
    predicted : float
    band : (low, high)
    """
    low, high = band
    if _open(band):
        end, side = (high, 1.0) if math.isinf(low) else (low, -1.0)
        return end + side * (abs(predicted - end) or abs(estimate - end))
    worst = getattr(law, "worst", None)
    # curves are made steeper, differences driven the way they lean
    side = _OUTWARD.get(str(worst), -1.0 if (estimate if worst == "farthest" else predicted) < 0 else 1.0)
    return (high if side > 0 else low) + side * (high - low)


def _moved_curve(law: CurveLaw, measurement: Measurement, wanted: float) -> Measurement:
    """Every row by what the fitted curve and the one of the wanted score differ at its x.

    By their ratio where the law is one of positive values, so that the scatter stays in proportion.
    """
    table = tabulate(measurement)
    x = table.x
    fit = fit_curves(law, x, law.to_fit(table.mean)[None], curve_weights(law, table) * table.count)
    fitted = predict_curves(law, x, fit)[0]
    by = wanted - float(law.score_of(fit.shape, fit.coefficients)[0])
    if isinstance(law, PowerLawWithPlateau | PowerLawWithCorrection):
        plateau = fit.coefficients[0, 1] if isinstance(law, PowerLawWithPlateau) else 0.0
        moved = plateau + (fitted - plateau) * (x / x[0]) ** by
    else:
        # the score is one of the coefficients, up to its sign
        many = fit.coefficients.shape[1]
        change = law.basis(x, fit.shape)[0] @ law.score_of(np.repeat(fit.shape, many), np.eye(many))
        # the first coefficient is free: the middle of the curve stays where it is
        moved = fitted + by * (change - (change.mean() if many > 1 else 0.0))
    before, after = law.from_fit(fitted), law.from_fit(moved)
    place = np.searchsorted(x, measurement.x)
    in_logarithms = float(law.from_fit(np.zeros(1))[0]) == 1.0
    if (in_logarithms or law.weighting == "relative") and bool(np.all(before > 0) and np.all(after > 0)):
        ratio = (after / before)[place]
        return replace(
            measurement,
            y=measurement.y * ratio,
            se=None if measurement.se is None else measurement.se * ratio,
        )
    return replace(measurement, y=measurement.y + (after - before)[place])


def _moved_peak(measurement: Measurement, band: tuple[float, float]) -> tuple[Measurement, float]:
    """Values passed on from x to x, round the end, until the largest lies a band's width beyond the band.

    Where no x lies as far out, it is the one farthest out.
    """
    table = tabulate(measurement)
    x = table.x
    outside = np.maximum(x - band[1], band[0] - x)
    if np.all(outside <= 0.0):
        raise ValueError(f"x must reach beyond the band [{band[0]:g}, {band[1]:g}], got {x.tolist()}")
    far = np.where(outside >= band[1] - band[0], outside, np.inf)
    there = int(np.argmin(far) if np.any(np.isfinite(far)) else np.argmax(outside))
    steps = there - int(np.argmax(table.mean))
    passed_on = x[(np.searchsorted(x, measurement.x) + steps) % len(x)]
    return replace(measurement, x=passed_on), float(x[there])


def _moves(
    law: PointwiseLaw | Monotone, found: Score, wanted: float, band: tuple[float, float]
) -> FloatArray:
    """By how much each difference or step is moved, one for each component of the score."""
    estimates = np.array([part.estimate for part in found.components])
    if _open(band):
        # turned over: no single x decides then, as none does where a relation is said to hold at every x
        return 2.0 * ((band[1] if math.isinf(band[0]) else band[0]) - estimates)
    by = wanted - found.estimate
    return (
        np.where(estimates == found.estimate, by, 0.0) if isinstance(law, Monotone) else 0.0 * estimates + by
    )


def _moved_relation(law: PointwiseLaw | Monotone, measurement: Measurement, moves: FloatArray) -> Measurement:
    place = np.searchsorted(np.unique(measurement.x), measurement.x)
    if isinstance(law, Monotone):
        # a step the wrong way lowers all that follows where y should rise
        lifts = np.concatenate(([0.0], np.cumsum(-moves if law.increasing else moves)))
        return replace(measurement, y=measurement.y + lifts[place])
    if not law.relative:
        return replace(measurement, y=measurement.y + moves[place])
    ratio = np.exp(moves)[place]
    se = None if measurement.se is None else measurement.se * ratio
    return replace(measurement, y=measurement.y * ratio, se=se)


def moved_control(
    law: Law, measurement: Measurement, *, predicted: float, band: tuple[float, float]
) -> tuple[Measurement, str]:
    """A measurement with the replicates and the scatter of a given one, and a score outside the band.

    For curves, rows are moved from the fitted curve to the one of `control_score`; a peak goes to another x.
    For relations and trends all differences are shifted alike, or the worst step is made worse; with a
    band that is open on one side they are turned over at its end, so that what keeps to the law by so much
    breaks it by as much. Nothing is drawn: whether the control is refuted depends on how noisy the
    measurement is, not on luck.

    Parameters
    ----------
    law : Law
    measurement : Measurement
    predicted : float
    band : (low, high)

    Returns
    -------
    Measurement, str
        The control, and what it is in words.

    Raises
    ------
    ValueError
        If the measurement cannot be scored by the law.
    TypeError
        If the law is of none of these kinds.
    """
    found = score(law, measurement, rng=0)
    wanted = control_score(law, found.estimate, predicted, band)
    match law:
        case InteriorPeak():
            moved, wanted = _moved_peak(measurement, band)
        case CurveLaw():
            moved = _moved_curve(law, measurement, wanted)
        case PointwiseLaw() | Monotone():
            moved = _moved_relation(law, measurement, _moves(law, found, wanted, band))
            if _open(band):
                return moved, _TURNED
        case _:
            raise TypeError(f"law must be a curve, a relation, a trend or a peak, got {type(law).__name__}")
    return (
        moved,
        f"the same measurement with its scatter, moved until the {law.score_name} is {number(wanted)}",
    )
