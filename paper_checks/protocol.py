"""The statistical protocol: from a claim and its measurements to a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from genlaws.simulate.measurement import Measurement, Source
from genlaws.theory.laws import CurveLaw

from .claim import Claim
from .looks import ONLY, Look
from .power import replicates_needed, support_power
from .rivals import judge_rivals
from .scores import Score, score
from .verdict import ControlResult, Outcome, Rival, Verdict


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the law and band of a claim give on one measurement; fields as in `Verdict`."""

    outcome: Outcome
    reason: str
    estimate: float
    interval: tuple[float, float]
    level: float
    p_value: float
    power: float
    needed: str | None
    rivals: tuple[Rival, ...]
    details: Mapping[str, Any] = field(default_factory=dict)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _place(x: float) -> str:
    """An x: numbers of examples in full."""
    return f"{x:,.0f}" if abs(x) < 1e7 and x == round(x) else _number(x)


def _interval_text(interval: tuple[float, float]) -> str:
    return f"[{_number(interval[0])}, {_number(interval[1])}]"


def _windows(claim: Claim, measurement: Measurement) -> dict[str, Measurement]:
    """The measurement without its first and without its last third of x, where a curve can spare them."""
    if not isinstance(claim.law, CurveLaw):
        return {}
    x = np.unique(measurement.x)
    third = len(x) // 3
    if third == 0 or len(x) - third < claim.law.parameters + 1:
        return {}
    kept = {
        "without the first third of x": measurement.x >= x[third],
        "without the last third of x": measurement.x <= x[-third - 1],
    }
    return {name: _rows(measurement, rows) for name, rows in kept.items()}


def _rows(measurement: Measurement, rows: np.ndarray[Any, np.dtype[np.bool_]]) -> Measurement:
    return replace(
        measurement,
        x=measurement.x[rows],
        replicate=measurement.replicate[rows],
        y=measurement.y[rows],
        se=None if measurement.se is None else measurement.se[rows],
        reference=None if measurement.reference is None else measurement.reference[rows],
    )


def _slack(claim: Claim) -> float:
    return 1e-9 * max(*map(abs, claim.x_range), 1.0)


def _elsewhere(claim: Claim, measurement: Measurement) -> bool:
    """Whether no x lies in the required range: what the claim does not speak of cannot refute it."""
    low, high, slack = *claim.x_range, _slack(claim)
    return not np.any((measurement.x >= low - slack) & (measurement.x <= high + slack))


def range_not_covered(claim: Claim, measurement: Measurement) -> str | None:
    """Which part of the range that a claim requires was not measured, in words; None if all was."""
    low, high = claim.x_range
    slack = _slack(claim)
    first, last = float(measurement.x.min()), float(measurement.x.max())
    if first <= low + slack and last >= high - slack:
        return None
    return f"x was measured from {_place(first)} to {_place(last)}, not from {_place(low)} to {_place(high)}"


def _planning(
    claim: Claim, scores: Sequence[Score], replicates: int, uncovered: str | None
) -> tuple[float, str]:
    """Power of the measurement, and what it would take to decide."""
    power = min(support_power(s.components, claim.predicted, claim.band) for s in scores)
    steps = []
    if uncovered is not None:
        steps.append(f"x from {_place(claim.x_range[0])} to {_place(claim.x_range[1])}")
    amounts = [replicates_needed(s.components, claim.predicted, claim.band, replicates) for s in scores]
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts):
        steps.append(
            f"more than {replicates} replicates to refute; none to support, with a value on the band's edge "
            "or beyond"
        )
    elif max(known) > replicates:
        steps.append(f"about {max(known)} replicates instead of {replicates}, for a power of 80 %")
    if not steps:
        steps.append(
            f"more than {replicates} replicates: the estimate lies too close to the edge of the band, "
            "or outside it by less than its error"
        )
    return power, "; ".join(steps)


def assess(
    claim: Claim, measurement: Measurement, rng: np.random.Generator, look: Look, *, whole_range: bool
) -> Assessment:
    """The verdict without a control, which can only leave open what is SUPPORTED here; raises as `judge`."""
    support_level, refute_level = 1.0 - 2.0 * look.support_level, 1.0 - 2.0 * look.refute_level
    full = score(claim.law, measurement, level=support_level, rng=rng)
    windows = {
        name: score(claim.law, part, level=support_level, rng=rng)
        for name, part in _windows(claim, measurement).items()
    }
    rivals = judge_rivals(
        claim.law, claim.rivals, measurement, margin=claim.rival_margin, share=look.rival_share, rng=rng
    )
    wide = full.at_level(refute_level)
    low, high = claim.band
    name, band = claim.law.score_name, _interval_text(claim.band)
    uncovered = range_not_covered(claim, measurement) if whole_range else None
    everything = {"the whole": full, **windows}
    # in the units of a single look, so that 5 % is where this one supports
    strictness = ONLY.support_level / look.support_level
    p_value = min(1.0, strictness * max(part.p_inside(claim.band) for part in everything.values()))
    replicates = len(np.unique(measurement.replicate))
    power, needed = _planning(claim, list(everything.values()), replicates, uncovered)

    def found(
        outcome: Outcome,
        reason: str,
        interval: tuple[float, float],
        level: float,
        *,
        estimate: float | None = None,
    ) -> Assessment:
        windowed = {
            window: {"estimate": part.estimate, "low": part.low, "high": part.high}
            for window, part in windows.items()
        }
        return Assessment(
            outcome=outcome,
            reason=reason,
            estimate=full.estimate if estimate is None else estimate,
            interval=interval,
            level=level,
            p_value=p_value,
            power=power,
            needed=needed if outcome == Outcome.INCONCLUSIVE else None,
            rivals=rivals,
            details={**full.details, "windows": windowed} if windowed else dict(full.details),
        )

    if uncovered is not None and _elsewhere(claim, measurement):
        return found(Outcome.INCONCLUSIVE, uncovered, (full.low, full.high), support_level)
    missing = wide.interval_missing(claim.band)
    if missing is not None:
        # of one x where a relation must hold at every x: estimate and interval are both of that x
        there, *ends = missing
        interval = (ends[0], ends[1])
        text = f"{name} {_number(there)} {_interval_text(interval)} lies outside the band {band}"
        return found(Outcome.REFUTED, text, interval, refute_level, estimate=there)
    winners = [rival for rival in rivals if rival.decisive]
    if winners:
        best = max(winners, key=lambda rival: rival.advantage)
        text = (
            f"{best.name} foretells held-out x better by {_number(best.advantage)} nats per point, "
            f"in {best.share:.0%} of bootstraps"
        )
        return found(Outcome.REFUTED, text, (wide.low, wide.high), refute_level)
    outside = [
        f"{name} {_number(part.estimate)} {_interval_text((part.low, part.high))}"
        + ("" if part is full else f" {where}")
        for where, part in everything.items()
        if not (low <= part.low and part.high <= high)
    ]
    interval = (full.low, full.high)
    if outside:
        text = f"{outside[0]} is not wholly inside the band {band}"
        return found(Outcome.INCONCLUSIVE, text, interval, support_level)
    text = f"{name} {_number(full.estimate)} {_interval_text(interval)} lies inside the band {band}"
    if uncovered is not None:
        return found(Outcome.INCONCLUSIVE, f"{text}, but {uncovered}", interval, support_level)
    return found(Outcome.SUPPORTED, text, interval, support_level)


def _assess_control(
    claim: Claim, measurement: Measurement, rng: np.random.Generator, look: Look
) -> ControlResult:
    # a control shows that the check can come out the other way; it need not cover the claim's range
    control = assess(claim, measurement, rng, look, whole_range=False)
    return ControlResult(
        description=claim.control.description,
        expected=claim.control.expected,
        verdict=control.outcome.value,
        estimate=control.estimate,
        low=control.interval[0],
        high=control.interval[1],
        reason=control.reason,
        measurement=measurement,
    )


def judge(
    claim: Claim,
    source: Source,
    measurement: Measurement,
    control_measurement: Measurement,
    *,
    seed: int | None = None,
    look: Look = ONLY,
) -> Verdict:
    """Judge a claim by a measurement and its control.

    SUPPORTED if the 90 % interval of the law's score lies inside the claim's band, for curves also
    without the first and without the last third of x, the claim's range of x is covered, no rival is
    decisively better on held-out x and the control comes out as it must. REFUTED if the 95 % interval
    misses the band or a rival is decisively better. Otherwise INCONCLUSIVE, with what would decide.

    Parameters
    ----------
    claim : Claim
    source : {"simulation", "network"}
        Whose measurements these are: the claim is judged as this source tests it.
    measurement, control_measurement : Measurement
    seed : int, optional
        Of the bootstraps; drawn, and recorded in the verdict, if not given.
    look : Look
        Which of how many looks at growing replicates this is: intervals are as much wider as they must be
        for the same error rates over all looks. A single one by default.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If a measurement is too small for the law, or its values have no place in it.
    """
    claim = claim.as_tested_by(source)
    if seed is None:
        seed = int(np.random.default_rng().integers(2**53))
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2)]
    found = assess(claim, measurement, streams[0], look, whole_range=True)
    control = _assess_control(claim, control_measurement, streams[1], look)
    outcome, reason, needed = found.outcome, found.reason, found.needed
    if outcome == Outcome.SUPPORTED and not control.passed:
        outcome = Outcome.INCONCLUSIVE
        reason = f"{reason}, but the control came out {control.verdict} where it must be {control.expected}"
        needed = f"a control that comes out {control.expected}: {control.reason}"
    return Verdict(
        claim=claim.id,
        source=source,
        verdict=outcome,
        reason=reason,
        predicted=claim.predicted,
        band=claim.band,
        estimate=found.estimate,
        low=found.interval[0],
        high=found.interval[1],
        level=found.level,
        p_value=found.p_value,
        power=found.power,
        needed=needed,
        replicates=len(np.unique(measurement.replicate)),
        seed=seed,
        control=control,
        rivals=found.rivals,
        measurement=measurement,
        details={**found.details, "look": look.number, "looks": look.of} if look.of > 1 else found.details,
    )


def not_applicable(claim: Claim, source: Source) -> Verdict:
    """The verdict where a claim has no experiment for a source; ValueError if it has one."""
    if source in claim.experiments:
        raise ValueError(f"claim {claim.id} has an experiment for {source}")
    return Verdict(
        claim=claim.id,
        source=source,
        verdict=Outcome.NOT_APPLICABLE,
        reason=claim.not_applicable[source],
        predicted=claim.predicted,
        band=claim.band,
    )


def holm(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts with Holm's correction of their p values over all of them, in the same order.

    The correction is a second column: it changes no verdict. Verdicts without a p value keep none.
    """
    from statsmodels.stats.multitest import multipletests

    tested = [place for place, verdict in enumerate(verdicts) if verdict.p_value is not None]
    corrected = list(verdicts)
    if tested:
        p_values = multipletests([verdicts[place].p_value for place in tested], method="holm")[1]
        for place, p_value in zip(tested, p_values, strict=True):
            corrected[place] = replace(verdicts[place], p_value_holm=float(p_value))
    return tuple(corrected)
