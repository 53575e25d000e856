"""The scorecard of a run and the list of claims, as tables for a terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .verdict import Outcome, Verdict
from .wording import SIGNS, band_text, foretold, interval, number, outcome_word

if TYPE_CHECKING:
    from .check_run import CheckRun
    from .claim import Claim

OUTCOME_STYLES: Mapping[Outcome, str] = {
    Outcome.SUPPORTED: "bold green",
    Outcome.REFUTED: "bold red",
    Outcome.INCONCLUSIVE: "bold yellow",
    Outcome.NOT_APPLICABLE: "dim",
    Outcome.ERROR: "bold white on red",
}
"""A colour beside each sign, so that neither is needed to tell them apart."""


def _measured(verdict: Verdict) -> str:
    return "\n".join(filter(None, [number(verdict.estimate), interval(verdict.low, verdict.high)]))


def _outcome(verdict: Verdict) -> Text:
    word = f"{SIGNS[verdict.verdict]} {outcome_word(verdict.verdict).upper()}"
    text = Text().append(word, style=OUTCOME_STYLES[verdict.verdict])
    if verdict.control is not None:
        passed = verdict.control.passed
        text.append(
            "\n  control ✓" if passed else "\n  control failed", style="dim" if passed else "bold red"
        )
    if "look" in verdict.details:
        text.append(f"\n  look {verdict.details['look']} of {verdict.details['looks']}", style="dim")
    return text


def _what(claim: Claim, verdict: Verdict) -> Text:
    text = Text(claim.statement)
    if verdict.verdict is not Outcome.SUPPORTED and verdict.reason:
        text.append(f"\n{verdict.reason}", style="dim")
    return text


def _summary(run: CheckRun) -> Text:
    counts = Counter(verdict.verdict for verdict in run.verdicts)
    text = Text()
    for outcome, sign in SIGNS.items():
        if counts[outcome]:
            text.append(f"{sign} {counts[outcome]} {outcome_word(outcome)}", style=OUTCOME_STYLES[outcome])
            text.append("   ")
    text.append(f"budget {run.budget}, seed {run.seed}, {run.wall_seconds:.0f} s", style="dim")
    if run.units_stored:
        text.append(f", {run.units_stored} of {run.units} units from the store", style="dim")
    return text


def scorecard(run: CheckRun) -> RenderableType:
    """One row for each verdict, under its paper; print it with a `rich.console.Console`.

    Each row says what is claimed, why it was not supported if it was not, the predicted and the
    measured score with its interval, whether the control came out as it must, and the verdict.
    """
    by_id = {claim.id: claim for claim in run.claims}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("claim", ratio=1, min_width=24, max_width=72)
    table.add_column("predicted", justify="right", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    sections: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in run.verdicts:
        sections.setdefault((by_id[verdict.claim].paper, verdict.source), []).append(verdict)
    for title, verdicts in sections.items():
        table.add_section()
        table.add_row("", Text(", ".join(title), style="italic"))
        for verdict in verdicts:
            table.add_row(
                verdict.claim,
                _what(by_id[verdict.claim], verdict),
                foretold(verdict, digits=3),
                _measured(verdict),
                _outcome(verdict),
            )
    if not run.verdicts:
        return Text("no claims to check")
    return Group(table, _summary(run))


def _test(claim: Claim) -> tuple[str, str]:
    """The score with its band, and what would refute the claim."""
    bound = math.isinf(claim.band[0]) or math.isinf(claim.band[1])
    value = "" if bound else f" {number(claim.predicted)}"
    return f"{claim.law.score_name}:{value}\n{band_text(claim.band)}", claim.falsifier


def claim_list(claims: Sequence[Claim], *, distributions: Mapping[str, str] | None = None) -> RenderableType:
    """Each claim with its prediction, the band that counts as the same, and what would refute it.

    `distributions` names, by id, the package that a claim comes from where it is another one.
    """
    if not claims:
        return Text("no claims")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("claim", ratio=3)
    table.add_column("band", ratio=1)
    table.add_column("refuted if", ratio=3)
    paper = None
    for claim in claims:
        if claim.paper != paper:
            paper = claim.paper
            table.add_section()
            table.add_row("", Text(paper, style="italic"))
        what = Text(claim.statement).append(f"\n{claim.prediction}", style="dim")
        if distributions is not None and claim.id in distributions:
            what.append(f"\nfrom {distributions[claim.id]}", style="italic dim")
        table.add_row(claim.id, what, *_test(claim))
        for source in claim.restated:
            restated = claim.as_tested_by(source)
            table.add_row("", Text(f"by {source}: {restated.prediction}", style="dim"), *_test(restated))
    return table
