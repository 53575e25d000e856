"""Results as one page of HTML that needs nothing beside itself, for a screen, a phone or paper."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup, escape

from genlaws.simulate.measurement import Measurement, Source

from .claim import Claim
from .papers import find_paper
from .replicates import tabulate
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
    spaced,
)

if TYPE_CHECKING:
    from jinja2 import Environment

_OWN_IDS = ("main", "agreement", "scorecard", "published", "claims", "verdicts", "runs")
_ARXIV = re.compile(r"arXiv:\s?(\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[A-Z]{2})?/\d{7}(?:v\d+)?)")


@dataclass(frozen=True, slots=True)
class _Picture:
    """The evidence drawn, or why it is not; neither where there is none."""

    svg: Markup | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """A measurement at one x."""

    x: str
    mean: str
    error: str
    reference: str
    count: int


def _changes(claim: Claim, result: Result) -> list[str]:
    """In what the registered claim is no longer the one that was tested."""
    pairs = (
        ("revision", claim.revision, result.revision),
        ("prediction", claim.prediction, result.prediction),
        ("law", type(claim.law).__name__, result.law),
        ("band", claim.band, result.verdict.band),
    )
    return [f"{name} {now!r} instead of {then!r}" for name, now, then in pairs if now != then]


def _picture(claim: Claim | None, result: Result) -> _Picture:
    from .evidence_svg import evidence_svg

    verdict = result.verdict
    if verdict.measurement is None:
        return _Picture()
    if claim is None:
        return _Picture(note="No picture: the claim is not known here. Install the package that brings it.")
    if changes := _changes(claim.as_tested_by(verdict.source), result):
        return _Picture(note=f"No picture: the claim has changed since; it now has {'; '.join(changes)}.")
    try:
        return _Picture(svg=Markup(evidence_svg(claim, verdict)))
    except Exception as error:  # a measurement that cannot be drawn must not cost the rest of the page
        return _Picture(note=f"No picture: it could not be drawn ({type(error).__name__}: {error}).")


def _equation(claim: Claim | None, result: Result) -> str:
    """The law as an equation where it is known here, else its name."""
    law = None if claim is None else claim.as_tested_by(result.verdict.source).law
    known = law is not None and type(law).__name__ == result.law
    return str(getattr(law, "formula", spaced(result.law))) if known else spaced(result.law)


def _spokesman(claim: ClaimResults) -> Result | None:
    """The result that says for every source what was tested; None if they tested different things."""
    shown = list(claim.shown.values())
    asked = [result for result in shown if result.verdict.verdict is not Outcome.NOT_APPLICABLE] or shown[:1]
    tested = {
        (result.prediction, result.law, result.score, result.falsifier, result.verdict.band)
        for result in asked
    }
    return asked[0] if len(tested) == 1 else None


def _rows(measurement: Measurement) -> Iterator[_Row]:
    """The measurement by x, over replicates."""
    table = tabulate(measurement)
    for place, x in enumerate(table.x):
        values = table.y[:, place][~np.isnan(table.y[:, place])]
        error: float | None = None
        if values.size > 1:
            error = float(np.std(values, ddof=1) / np.sqrt(values.size))
        elif table.se is not None:
            error = float(table.se[place])
        reference = None if table.reference is None else float(np.nanmean(table.reference[:, place]))
        yield _Row(
            f"{x:g}",
            number(float(values.mean()), digits=4),
            number(error),
            number(reference, digits=4),
            values.size,
        )


def _scalars(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The details that fit on a line each: numbers, words, and estimates with their interval."""
    for name, value in details.items():
        if isinstance(value, Mapping) and "estimate" in value:
            ends = (value.get("low"), value.get("high"))
            if all(isinstance(part, int | float) for part in (value["estimate"], *ends)):
                yield name, f"{number(value['estimate'])} {interval(*ends)}"
        elif isinstance(value, Mapping):
            yield from _scalars(value)
        elif isinstance(value, bool | str):
            yield name, str(value).lower() if isinstance(value, bool) else value
        elif isinstance(value, int | float):
            yield name, number(value, digits=4)


def _linked(text: str) -> Markup:
    """Text with its arXiv numbers as links."""
    return Markup(
        _ARXIV.sub(
            lambda found: f'<a href="https://arxiv.org/abs/{found[1]}">{found[0]}</a>',
            str(escape(text)),
        )
    )


def _index(found: re.Match[str]) -> str:
    return f"{found[1]}<sub>{found[2] or found[3]}</sub>"


def _power(found: re.Match[str]) -> str:
    return f"<sup>{found[1] or found[2]}</sup>"


def _mathematical(text: str) -> Markup:
    """Text with its indices, powers and signs set as such: f_n, Z_{n+1}, 2^15, n^(-1), |w|^2, <=."""
    text = re.sub(r"(?<![\w.)])-(?=\d|inf\b)|(?<= )-(?= )", "−", text)
    for typed, sign in (("−inf", "−∞"), ("+-", "±"), ("<=", "≤"), (">=", "≥")):
        text = text.replace(typed, sign)
    safe = str(escape(text))
    safe = re.sub(r"((?<!\w)\w'?|\||\)|&gt;)_(?:(\w{1,3})\b|\{([^{}]{1,12})\})", _index, safe)
    return Markup(re.sub(r"(?<=[\w)|])\^(?:(\w+|[-−]\d+)|\(([^()]{1,12})\))", _power, safe))


def _sentence(text: str) -> str:
    """A clause as a sentence; a symbol at its start stays as it is."""
    start = text[:1].upper() + text[1:] if re.match(r"(a|[a-z]{3,})\b(?!_)", text) else text
    return start if start.endswith((".", "!", "?")) else f"{start}."


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _anchors(names: list[str], taken: set[str]) -> dict[str, str]:
    """An id of the page for each name, its own where that can be one and is free."""
    anchors = {}
    for name in names:
        base = anchor = re.sub(r"[^\w.-]+", "-", name) or "claim"
        count = 1
        while anchor in taken:
            count += 1
            anchor = f"{base}-{count}"
        taken.add(anchor)
        anchors[name] = anchor
    return anchors


def _environments(results: Results) -> list[tuple[str, list[str]]]:
    """Versions and machine in words, each with the runs made there."""
    made: dict[str, list[str]] = {}
    for run in results.runs:
        versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
        made.setdefault(f"{versions}; {run.platform}", []).append(_moment(run.finished))
    return list(made.items())


def _template(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,  # whatever a document holds is text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "band_text": band_text,
        "control_text": control_text,
        "duration": duration,
        "foretold": foretold,
        "linked": _linked,
        "mathematical": _mathematical,
        "moment": _moment,
        "number": number,
        "outcome_word": outcome_word,
        "percent": percent,
        "rerun_command": rerun_command,
        "cited": find_paper,
        "scalars": _scalars,
        "sentence": _sentence,
        "spaced": spaced,
    }
    environment.globals |= {"interval": interval, "rows": _rows, "signs": SIGNS, "source_names": SOURCE_NAMES}
    return environment


def html_report(results: Results, claims: Mapping[str, Claim]) -> str:
    """Write results as a page of HTML.

    Parameters
    ----------
    results : Results
        What to show, as from `read_results`.
    claims : mapping
        The registered claims by id: only they can be drawn. Where a claim has changed since it was
        tested, the page says so in place of the picture.

    Returns
    -------
    str
        The whole page; nothing in it is fetched from elsewhere, and it runs no script.
    """
    ids = [claim.claim for claim in results.claims]
    by_paper = [(paper, list(group)) for paper, group in groupby(results.claims, lambda c: c.first.paper)]
    taken = set(_OWN_IDS)
    anchors = _anchors(ids, taken)
    every: list[tuple[str, Source, Result]] = [
        (claim.claim, source, result) for claim in results.claims for source, result in claim.shown.items()
    ]
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            title=TITLE,
            style=Markup(_template("style.css")),
            headline=headline(results),
            accord=accord(results),
            apart=disagreements(results),
            papers=by_paper,
            paper_anchors=_anchors([paper for paper, _ in by_paper], taken),
            anchors=anchors,
            sources=results.sources,
            published=published_rows(results, claims),
            spokesmen={claim.claim: _spokesman(claim) for claim in results.claims},
            pictures={(name, source): _picture(claims.get(name), result) for name, source, result in every},
            equations={(name, source): _equation(claims.get(name), result) for name, source, result in every},
            reasons={(name, source): band_reason(claims.get(name), result) for name, source, result in every},
            runs=results.runs,
            environments=_environments(results),
            skipped=results.skipped,
        )
    )
