"""Results as Markdown, as GitHub reads it: for a pull request or an issue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from .claim import Claim
from .papers import find_paper
from .report import TITLE, accord, band_reason, disagreements, headline, published_rows, rerun_command
from .result import Result
from .results import ClaimResults, Results
from .verdict import Outcome
from .wording import (
    SIGNS,
    SOURCE_NAMES,
    band_text,
    control_text,
    duration,
    foretold,
    interval,
    number,
    outcome_word,
    percent,
)

_SPECIAL = re.compile(r"([\\`*_\[\]|~#!])")


def _plain(text: str) -> str:
    """Text on one line in which nothing is HTML."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(text: str) -> str:
    """Text on one line in which nothing is markup."""
    return _SPECIAL.sub(r"\\\1", _plain(text))


def _code(text: str, language: str = "") -> list[str]:
    """A block of code whose fence is longer than any inside it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return [f"{fence}{language}", text.rstrip("\n"), fence, ""]


def _table(columns: Sequence[str], rows: Iterator[Sequence[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def _outcome(outcome: Outcome) -> str:
    return f"{SIGNS[outcome]} **{outcome_word(outcome)}**"


def _cell(result: Result | None) -> str:
    if result is None:
        return "not asked"
    verdict = result.verdict
    parts = [_outcome(verdict.verdict)]
    if verdict.estimate is not None:
        parts.append(f"{number(verdict.estimate)} {interval(verdict.low, verdict.high)}".strip())
    if verdict.verdict is not Outcome.NOT_APPLICABLE:
        control = control_text(verdict.control)
        parts.append(f"predicted {foretold(verdict)}{', ' if control else ''}{control}")
    return "<br>".join(parts)


def _scorecard(results: Results) -> list[str]:
    lines = ["## Scorecard", ""]
    for paper, claims in groupby(results.claims, lambda claim: claim.first.paper):
        rows = (
            [
                f"**{_text(claim.claim)}**",
                _text(claim.first.statement),
                *(_cell(claim.shown.get(source)) for source in results.sources),
            ]
            for claim in claims
        )
        cited = find_paper(paper)
        lines += [f"### {_text(cited.authors)}", ""]
        if cited.title:
            places = ", ".join(f"[arXiv:{number}](https://arxiv.org/abs/{number})" for number in cited.arxiv)
            lines += [f"*{_text(cited.title)}*, {places}", ""]
        lines += _table(["", "claim", *(SOURCE_NAMES[source] for source in results.sources)], rows)
    return lines


def _apart(results: Results) -> list[str]:
    claims = disagreements(results)
    title = "Where simulation and networks disagree" if claims else "Simulation and networks"
    lines = [f"## {title}", "", _text(accord(results)), ""]
    for claim in claims:
        lines.append(f"- **{_text(claim.claim)}** {_text(claim.first.statement)}")
        for source, result in claim.shown.items():
            verdict = result.verdict
            lines.append(f"  - {SOURCE_NAMES[source]}: {_outcome(verdict.verdict)}, {_text(verdict.reason)}")
    return [*lines, ""] if claims else lines


def _published(results: Results, claims: Mapping[str, Claim]) -> list[str]:
    published = published_rows(results, claims)
    if not published:
        return []
    place = {None: "–", True: "inside", False: "outside"}
    rows = (
        [
            f"**{_text(row.claim)}** {_text(row.quantity)}",
            _text(row.where),
            SOURCE_NAMES[row.source],
            f"{row.printed:g}",
            number(row.ours, digits=4),
            "–" if row.inside is None else f"{interval(row.low, row.high, digits=4)} at {percent(row.level)}",
            place[row.inside],
            _outcome(row.outcome),
        ]
        for row in published
    )
    columns = ["quantity", "where", "source", "printed", "ours", "interval", "printed value is", "claim"]
    return ["## Published numbers", "", *_table(columns, rows)]


def _source(claim: Claim | None, result: Result, others: Sequence[Result]) -> Iterator[str]:
    verdict, run = result.verdict, result.run
    source = SOURCE_NAMES[verdict.source].capitalize()
    yield f"**{source}:** {_outcome(verdict.verdict)}, {_text(verdict.reason)}"
    yield ""
    if verdict.needed:
        yield f"- to decide it would take {_text(verdict.needed)}"
    if verdict.verdict is Outcome.NOT_APPLICABLE:
        return
    yield f"- predicted: {_text(result.prediction)}"
    if verdict.band is not None:
        yield f"- counts as the same: {_text(result.score)}: {band_text(verdict.band)}"
    if reason := band_reason(claim, result):
        yield f"- why this band: {_text(reason)}"
    yield f"- refuted by: {_text(result.falsifier)}"
    if (control := verdict.control) is not None:
        yield f"- {control_text(control)}: {_text(control.description)}; {_text(control.reason)}"
    made = f"{run.budget}, seed {run.seed}, {duration(result.seconds)} of work"
    if verdict.estimate is not None:
        made = f"{verdict.replicates} replicates, power {percent(verdict.power)}; budget {made}"
    yield f"- {made}{f', images {_text(run.data)}' if run.data else ''}"
    for other in others:
        found = f" {number(other.verdict.estimate)}" if other.verdict.estimate is not None else ""
        yield (
            f"- also: {_outcome(other.verdict.verdict)}{found}, budget {other.run.budget}, "
            f"seed {other.run.seed}, {other.run.finished:%Y-%m-%d}"
        )
    yield ""
    yield from _code(rerun_command(result), "console")
    if result.traceback:
        yield from _code(result.traceback)


def _claim(claim: ClaimResults, registered: Claim | None) -> list[str]:
    signs = " ".join(f"{SIGNS[result.verdict.verdict]}" for result in claim.shown.values())
    # a summary is HTML, in which Markdown is no markup
    title = f"{signs} <b>{_plain(claim.claim)}</b> {_plain(claim.first.statement)}"
    lines = ["<details>", f"<summary>{title}</summary>", ""]
    lines += [_text(claim.first.where), ""]
    for shown, *others in claim.by_source.values():
        lines += [*_source(registered, shown, others), ""]
    return [*lines, "</details>", ""]


def markdown_report(results: Results, claims: Mapping[str, Claim]) -> str:
    """Write results as Markdown.

    Parameters
    ----------
    results : Results
        What to show, as from `read_results`.
    claims : mapping
        The registered claims by id, to tell why bands are as wide as they are, and which sources measured
        what a paper prints.
    """
    lines = [f"# {TITLE}", "", f"**{_text(headline(results))}**", "", *_apart(results), *_scorecard(results)]
    lines += [*_published(results, claims), "## Claim by claim", ""]
    for claim in results.claims:
        lines += _claim(claim, claims.get(claim.claim))
    lines += [f"- left out, damaged: {_text(line)}" for line in results.skipped]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip("\n") + "\n"
