"""Claims about a table of one's own: a law with its band, held against measurements that are there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from genlaws.simulate.measurement import Measurement
from genlaws.theory.laws import CurveLaw, Law

from .claim import Claim, Control, Experiment
from .moved_controls import moved_control
from .named_laws import NO_OPTIONS, LawOptions, named_law
from .replicates import tabulate
from .wording import band_text, number


def _experiment(measurement: Measurement) -> Experiment:
    return Experiment(units=lambda budget: [{}], measure=lambda settings, rng: measurement)


def predicted_score(predicted: float | None, band: tuple[float, float]) -> float:
    """The prediction; of a bound that foretells no value, the end of its band.

    Raises
    ------
    ValueError
        If it is not given for a band with two ends, or lies outside the band.
    """
    ends = [end for end in band if math.isfinite(end)]
    if not ends or band[0] >= band[1]:
        raise ValueError(f"band must be an interval with a finite end, got {band}")
    if predicted is None and len(ends) == 2:
        raise ValueError(f"predicted must be given for a band with two ends, {band_text(band)}")
    score = ends[0] if predicted is None else predicted
    if not band[0] <= score <= band[1]:
        raise ValueError(f"predicted {score:g} lies outside the band, {band_text(band)}")
    return score


def _check_points(measurement: Measurement, curves: Sequence[CurveLaw]) -> None:
    """Refuse rivals where no x can be held out and foretold from the others."""
    points, parameters = len(np.unique(measurement.x)), max(curve.parameters for curve in curves)
    if points <= parameters:
        raise ValueError(
            f"rivals of {parameters} parameters need more than {parameters} distinct x, got {points}"
        )


def rival_law(name: str, measurement: Measurement, *, options: LawOptions = NO_OPTIONS) -> CurveLaw:
    """The rival that a word names, to be fitted: its score is free, but for the way the measurement goes.

    Parameters
    ----------
    name : str
        Of a curve in `LAWS`.
    measurement : Measurement
    options : LawOptions

    Raises
    ------
    ValueError
        If there is no such law, it must be told more, or it is no curve.
    """
    mean = tabulate(measurement).mean
    made = named_law(name, 1.0 if mean[-1] > mean[0] else -1.0, options=options)
    if not isinstance(made, CurveLaw):
        raise ValueError(f"a rival must be a curve, got {name}")
    return made


def own_claim(
    law: Law,
    measurement: Measurement,
    *,
    band: tuple[float, float],
    predicted: float | None = None,
    x_range: tuple[float, float] | None = None,
    rivals: Sequence[CurveLaw] = (),
    rival_margin: float = 0.1,
    control: Measurement | None = None,
    id: str = "own",
    where: str = "own measurements",
) -> Claim:
    """A claim about a measurement that is already there, ready for `judge`.

    Parameters
    ----------
    law : Law
    measurement : Measurement
        The claim's experiment, of its own source; the other source has none.
    band : (low, high)
        Scores that count as the same; infinite on one side for a bound. Fix it before looking at the data.
    predicted : float, optional
        The predicted score. By default the end of a band that is open on one side.
    x_range : (low, high), optional
        What must have been covered; by default what was.
    rivals : sequence of Law
        Other curves for the same table.
    rival_margin : float
        In nats per held-out x; see `Claim`.
    control : Measurement, optional
        Measured where the law must be refuted. By default the measurement itself, moved out of the band with
        all its scatter.
    id, where : str
        What the claim and its origin are called.

    Returns
    -------
    Claim
        ``claim.control.experiments[measurement.source].measure({}, rng)`` is its control measurement.

    Raises
    ------
    ValueError
        If the band is no interval holding the prediction, or the law cannot be held against the measurement.
    """
    foretold = predicted_score(predicted, band)
    source, name = measurement.source, law.score_name
    if isinstance(law, CurveLaw):
        law.to_fit(tabulate(measurement).mean)  # what has no place in the law is named as it was measured
    if rivals:
        if not isinstance(law, CurveLaw):
            raise ValueError(f"only a curve has rivals, not {law.formula.partition(';')[0]}")
        _check_points(measurement, [law, *rivals])
    if control is not None:
        description = "measured where the law does not hold"
    else:
        control, description = moved_control(law, measurement, predicted=foretold, band=band)
    bound = math.isinf(band[0]) or math.isinf(band[1])
    value = band_text(band) if bound else f"{number(foretold)}; {band_text(band)} counts as the same"
    rival_clause = ", or a rival that foretells held-out x decisively better" if rivals else ""
    x = measurement.x
    equation = law.formula.partition(";")[0]
    return Claim(
        id=id,
        paper="own measurements",
        where=where,
        statement=f"{measurement.y_label} (y) over {measurement.x_label} (x): {equation}",
        prediction=f"{name} {value}",
        law=law,
        predicted=foretold,
        band=band,
        x_range=(float(np.min(x)), float(np.max(x))) if x_range is None else x_range,
        falsifier=f"a 95 % interval of the {name} wholly outside the band{rival_clause}",
        control=Control(description, "REFUTED", {source: _experiment(control)}),
        experiments={source: _experiment(measurement)},
        rivals=tuple(rivals),
        rival_margin=rival_margin,
        not_applicable={"network" if source == "simulation" else "simulation": "nothing was measured"},
    )
