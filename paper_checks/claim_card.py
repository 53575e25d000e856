"""One claim in full for a terminal: what it states and foretells, what would refute it, past verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genlaws.simulate.measurement import Source

from .claim import BUDGETS, SOURCES, Claim
from .papers import find_paper
from .result import Result
from .results import ClaimResults
from .wording import SOURCE_NAMES, band_text, control_text, interval, number, outcome_word, spaced


def _entries(claim: Claim, source: Source) -> Iterator[tuple[str, str]]:
    """What a source tests, and how, as names and texts."""
    tested = claim.as_tested_by(source)
    experiment, control = claim.experiments[source], tested.control
    yield "prediction", tested.prediction
    yield "law", tested.law.formula
    yield "band", f"{tested.law.score_name} {band_text(tested.band)}"
    if tested.band_reason:
        yield "why this band", tested.band_reason
    yield "x", f"from {number(tested.x_range[0])} to {number(tested.x_range[1])} must be covered"
    yield "refuted by", tested.falsifier
    if tested.rivals:
        names = ", ".join(spaced(type(law).__name__) for law in tested.rivals)
        yield "rivals", f"{names}; by {number(tested.rival_margin)} nats per held-out x"
    yield "control", f"{control.description}: must come out {control.expected}"
    for budget in BUDGETS:
        many = len(experiment.units(budget)), len(control.experiments[source].units(budget))
        yield f"{budget} budget", f"{many[0]} units of work, {many[1]} for the control"


def facts(entries: Iterable[tuple[str, str]]) -> Table:
    """Names and texts beside each other, as on every card."""
    made = Table.grid(padding=(0, 2), expand=False)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(max_width=92)
    for name, text in entries:
        made.add_row(name, Text(text))
    return made


def _past(results: Sequence[Result]) -> Table:
    made = Table(
        title="Past verdicts", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for name in ("finished", "source", "verdict", "measured", "replicates", "budget", "seed", "control"):
        made.add_column(name, justify="right" if name in ("replicates", "seed") else "left")
    for result in results:
        verdict, run = result.verdict, result.run
        measured = f"{number(verdict.estimate)} {interval(verdict.low, verdict.high)}".strip()
        asked = str(run.budget) if run.data is None else f"{run.budget}, {run.data}"
        if "look" in verdict.details:
            asked += f", look {verdict.details['look']} of {verdict.details['looks']}"
        made.add_row(
            f"{run.finished:%Y-%m-%d %H:%M}",
            SOURCE_NAMES[verdict.source],
            outcome_word(verdict.verdict),
            measured,
            str(verdict.replicates),
            asked,
            str(run.seed),
            control_text(verdict.control),
        )
    return made


def claim_card(claim: Claim, past: ClaimResults | None = None) -> RenderableType:
    """A claim with all that it fixes before any data, and the verdicts that are known of it."""
    paper = find_paper(claim.paper)
    parts: list[RenderableType] = [
        Text.assemble((claim.id, "bold"), "  ", claim.statement),
        Text(f"{claim.where}; {paper.authors}", style="dim"),
    ]
    for number_ in claim.published:
        parts.append(
            Text(f"printed: {number_.quantity} {number(number_.value)} ({number_.where})", style="dim")
        )
    for source in SOURCES:
        if source in claim.experiments:
            parts += [
                "",
                Text(f"by {SOURCE_NAMES[source]}", style="italic"),
                Padding(facts(_entries(claim, source)), (0, 2)),
            ]
        else:
            parts += [
                "",
                Text.assemble(
                    (f"not by {SOURCE_NAMES[source]}", "italic"), f": {claim.not_applicable[source]}"
                ),
            ]
    if past is not None:
        parts += ["", _past([result for results in past.by_source.values() for result in results])]
    return Group(*parts)
