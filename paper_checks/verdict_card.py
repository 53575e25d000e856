"""One verdict in full for a terminal: what was claimed, what came out and why, and what would decide."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from .claim import Claim
from .claim_card import facts
from .local_slopes import local_slopes
from .scorecard import OUTCOME_STYLES
from .verdict import Rival, Verdict
from .wording import SIGNS, interval, number, outcome_word, percent, spaced

_OF_THE_FIT = ("windows", "look", "looks", "worst_x")  # details that are no parameters of it


def _signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)


def _rival(rival: Rival) -> str:
    better = "better" if rival.advantage > 0 else "worse"
    text = (
        f"{spaced(rival.name)}: {better} by {number(abs(rival.advantage))} nats per held-out x, ahead in "
        f"{percent(round(rival.share, 2))} of bootstraps"
    )
    if rival.aic is not None and rival.bic is not None:
        text += f"; AIC {_signed(rival.aic)}, BIC {_signed(rival.bic)}"
    return f"{text}: decisive" if rival.decisive else text


def _place(x: float) -> str:
    """An x as people write it: numbers of examples are not rounded."""
    return f"{x:,.0f}" if abs(x) >= 100 else number(x)


def _slopes(claim: Claim, verdict: Verdict) -> str:
    assert verdict.measurement is not None
    found = local_slopes(claim.law, verdict.measurement)
    if found is None:
        return ""
    return ", ".join(
        f"{number(slope)}{'' if math.isnan(half) else f' ± {number(half, digits=2)}'} at {_place(x)}"
        for x, slope, half in zip(found.x, found.slope, found.half, strict=True)
    )


def _entries(claim: Claim, verdict: Verdict) -> Iterator[tuple[str, str]]:
    measurement, details = verdict.measurement, verdict.details
    assert measurement is not None
    yield "law", claim.law.formula
    yield "predicted", claim.prediction
    yield (
        "measured",
        f"{claim.law.score_name} {number(verdict.estimate, digits=4)}, {percent(verdict.level)} interval "
        f"{interval(verdict.low, verdict.high, digits=4)}"
        + (f", at x = {_place(details['worst_x'])}" if "worst_x" in details else ""),
    )
    for window, part in details.get("windows", {}).items():
        yield (
            "",
            f"{window}: {number(part['estimate'], digits=4)} {interval(part['low'], part['high'], digits=4)}",
        )
    x = np.unique(measurement.x)
    yield (
        "measured at",
        f"{len(x)} {measurement.x_label} from {_place(x[0])} to {_place(x[-1])}, "
        f"{verdict.replicates} replicate{'s' if verdict.replicates != 1 else ''}",
    )
    if "look" in details:
        yield "look", f"{details['look']} of {details['looks']}, stricter by as much as that needs"
    fitted = [
        f"{name.replace('_', ' ')} {number(value)}"
        for name, value in details.items()
        if name not in _OF_THE_FIT
    ]
    if fitted:
        yield "fitted", ", ".join(fitted)
    if slopes := _slopes(claim, verdict):
        yield "local slopes", slopes
    for rival in verdict.rivals:
        yield "rival", _rival(rival)
    if claim.rivals and not verdict.rivals:
        yield "rivals", "not tried: they need two replicates at each x, or standard errors"
    if (control := verdict.control) is not None:
        came = f"{number(control.estimate, digits=4)} {interval(control.low, control.high, digits=4)}"
        outcome = outcome_word(type(verdict.verdict)(control.verdict))
        must = "as it must" if control.passed else f"where it must be {control.expected.lower()}"
        yield "control", f"{control.description}: {came}, {outcome} {must}"
    if verdict.power is not None:
        yield "power", f"{percent(round(verdict.power, 2))}, were the prediction exact"
    if verdict.needed is not None:
        yield "would decide", verdict.needed


def verdict_card(claim: Claim, verdict: Verdict) -> RenderableType:
    """A verdict with all that it rests on; print it with a `rich.console.Console`.

    Parameters
    ----------
    claim : Claim
    verdict : Verdict
        Of that claim, with its measurement.
    """
    word = f"{SIGNS[verdict.verdict]} {outcome_word(verdict.verdict).upper()}"
    head = Text.assemble((word, OUTCOME_STYLES[verdict.verdict]), "  ", verdict.reason)
    tested = claim.as_tested_by(verdict.source)
    return Group(head, "", Padding(facts(_entries(tested, verdict)), (0, 2)))
