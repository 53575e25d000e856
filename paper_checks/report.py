"""What a report says of results beside each verdict: headline, disagreements, published numbers."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from genlaws.simulate.measurement import Source

from .claim import Claim
from .result import Result
from .results import ClaimResults, Results
from .verdict import Outcome
from .wording import enumeration, outcome_word

TITLE = "What papers claim, and what was found"

_DECIDED = {Outcome.SUPPORTED, Outcome.REFUTED}


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A number that a paper prints beside ours.

    Attributes
    ----------
    claim, source
        What it stands in, and how it was measured.
    quantity, printed, where
        As in `Published`.
    ours, low, high, level
        Ours with its interval; None where there is none.
    outcome
        The verdict on the claim.
    """

    claim: str
    source: Source
    quantity: str
    printed: float
    where: str
    ours: float | None
    low: float | None
    high: float | None
    level: float | None
    outcome: Outcome

    @property
    def inside(self) -> bool | None:
        """Whether the printed number lies in our interval; None where we have none."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.printed <= self.high


def _counted(results: Results, source: Source) -> str:
    shown = [claim.shown[source].verdict.verdict for claim in results.claims if source in claim.by_source]
    count = Counter(shown)
    return ", ".join(f"{count[outcome]} {outcome_word(outcome)}" for outcome in Outcome if count[outcome])


def headline(results: Results) -> str:
    """What was checked and how it came out, in one sentence."""
    claims, papers = len(results.claims), len({claim.first.paper for claim in results.claims})
    what = f"{claims} claim{'s' if claims != 1 else ''} of {papers} paper{'s' if papers != 1 else ''}"
    how = [
        f"{'by simulation' if source == 'simulation' else 'on networks'} ({_counted(results, source)})"
        for source in results.sources
    ]
    return f"{what} {'were' if claims != 1 else 'was'} checked {enumeration(how)}."


def disagreements(results: Results) -> tuple[ClaimResults, ...]:
    """The claims that one source supports and the other refutes."""
    return tuple(
        claim
        for claim in results.claims
        if {result.verdict.verdict for result in claim.shown.values()} == _DECIDED
    )


def accord(results: Results) -> str:
    """Whether simulation and networks disagree, in one sentence."""
    if len(results.sources) < 2:
        asked = "Simulation alone was" if "simulation" in results.sources else "Networks alone were"
        return f"{asked} asked, so there is nothing to hold against it."
    both = [
        claim
        for claim in results.claims
        if len(claim.shown) == 2 and {r.verdict.verdict for r in claim.shown.values()} <= _DECIDED
    ]
    if not both:
        return "No claim was decided by both simulation and networks."
    apart = [claim.claim for claim in disagreements(results)]
    of = (
        f"of the {len(both)} claims that both decided" if len(both) > 1 else "the one claim that both decided"
    )
    if not apart:
        return f"Simulation and networks agree on {f'all {of}' if len(both) > 1 else of}."
    if len(both) == 1:
        return f"Simulation and networks disagree on {apart[0]}, {of}."
    return f"Simulation and networks disagree on {enumeration(apart)}, {len(apart)} {of}."


def _rows(result: Result) -> list[PublishedRow]:
    verdict = result.verdict
    rows = []
    for published in result.published:
        estimate = published.measured == "estimate"
        ours = verdict.estimate if estimate else verdict.details.get(published.measured)
        rows.append(
            PublishedRow(
                claim=verdict.claim,
                source=verdict.source,
                quantity=published.quantity,
                printed=published.value,
                where=published.where,
                ours=float(ours) if isinstance(ours, int | float) else None,
                low=verdict.low if estimate else None,
                high=verdict.high if estimate else None,
                level=verdict.level if estimate else None,
                outcome=verdict.verdict,
            )
        )
    return rows


def published_rows(results: Results, claims: Mapping[str, Claim]) -> tuple[PublishedRow, ...]:
    """Every printed number beside ours, one row for each source that measured the same thing.

    Parameters
    ----------
    results : Results
    claims : mapping
        The registered claims by id; without one, a source may have tested it in other numbers unseen.
    """
    rows: list[PublishedRow] = []
    for entry in results.claims:
        claim = claims.get(entry.claim)
        for result in entry.shown.values():
            # a source that tests another score, or foretells another value, measured something else
            like = claim is None or (claim.law.score_name, claim.predicted) == (
                result.score,
                result.verdict.predicted,
            )
            if like and result.verdict.verdict is not Outcome.NOT_APPLICABLE:
                rows += _rows(result)
    return tuple(rows)


def band_reason(claim: Claim | None, result: Result) -> str:
    """Why the band of a result is as wide as it is.

    Documents do not hold it: it is empty where the claim is not known here, or now has another band.
    """
    if claim is None:
        return ""
    tested = claim.as_tested_by(result.verdict.source)
    return tested.band_reason if tested.band == result.verdict.band else ""


def rerun_command(result: Result) -> str:
    """The command that checks just this claim again, as it was checked here."""
    run = result.run
    words = ["genlaws", "check", result.verdict.claim, "--source", result.verdict.source]
    words += ["--budget", run.budget, "--seed", str(run.seed)]
    if run.data is not None:
        words += ["--data", run.data]
    if run.device != "cpu" and result.verdict.source == "network":
        words += ["--device", run.device]
    return shlex.join(words)
