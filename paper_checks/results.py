"""`Results`: verdicts merged from files and stores, by claim and source, the one to show first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from genlaws.simulate.measurement import Source

from .claim import BUDGETS, SOURCES
from .result import Result, RunFacts, read_json, results_of


@dataclass(frozen=True, slots=True)
class ClaimResults:
    """What is known of one claim: for each source the result to show, then the others, best first."""

    claim: str
    by_source: Mapping[Source, tuple[Result, ...]]

    @property
    def shown(self) -> Mapping[Source, Result]:
        """The result to show, by source."""
        return {source: results[0] for source, results in self.by_source.items()}

    @property
    def first(self) -> Result:
        """Of simulation if there is one, else of networks: where to read the claim itself."""
        return next(iter(self.by_source.values()))[0]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that was read.

    Attributes
    ----------
    claims
        Those of one paper together, by id.
    runs
        Of which something was read, the oldest first.
    skipped
        One line for each damaged document of a store.
    """

    claims: tuple[ClaimResults, ...]
    runs: tuple[RunFacts, ...]
    skipped: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources that were asked."""
        return tuple(source for source in SOURCES if any(source in claim.by_source for claim in self.claims))


def _documents(place: Path) -> list[Path]:
    """The documents of a store."""
    folder = place / "verdicts"
    if not folder.is_dir():
        raise ValueError(f"{place} is no store: it has no folder verdicts")
    found = sorted(folder.glob("*.json"))
    if not found:
        raise ValueError(
            f"no run is finished in the store {place}; genlaws runs list {place} shows how far they are"
        )
    return found


def _rank(result: Result) -> tuple[int, bool, int, datetime]:
    # what a claim's experiment measured before its revision was raised does not count beside what it does now
    # and what was found on images of somebody's own says less of the paper than what its claim names
    named = result.run.data is None
    return result.revision, named, BUDGETS.index(result.run.budget), result.run.finished


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key under which A2b comes before A10."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.findall(r"\d+|\D+", name))


def read_results(paths: Iterable[str | Path]) -> Results:
    """Read verdicts from files of ``genlaws check --json`` and from stores, and merge them.

    Of several results for one claim and source that of the latest revision comes first, then those on the
    images that the claim names, then that of the largest budget, then the one finished last. What stands in
    two places counts once.

    Parameters
    ----------
    paths
        Files, or folders that ``genlaws check --store`` filled.

    Raises
    ------
    ValueError
        If a path holds no verdicts that can be read. A damaged document in a store is skipped and named
        in `Results.skipped`, unless the store holds no other.
    """
    seen: list[Any] = []
    found: list[Result] = []
    skipped: list[str] = []
    for path in map(Path, paths):
        store = path.is_dir()
        places = _documents(path) if store else [path]
        damaged: list[str] = []
        for place in places:
            try:
                document = read_json(place)
                results = results_of(document, place)
            except ValueError as error:
                if not store:
                    raise
                damaged.append(str(error))
                continue
            if document not in seen:
                seen.append(document)
                found.extend(results)
        if len(damaged) == len(places):
            raise ValueError(f"no document of the store {path} can be read: {damaged[0]}")
        skipped += damaged

    papers: dict[str, dict[str, list[Result]]] = {}
    for result in found:
        papers.setdefault(result.paper, {}).setdefault(result.verdict.claim, []).append(result)
    claims = tuple(
        ClaimResults(
            name,
            {
                source: tuple(sorted(own, key=_rank, reverse=True))
                for source in SOURCES
                if (own := [result for result in by_claim[name] if result.verdict.source == source])
            },
        )
        for by_claim in papers.values()
        for name in sorted(by_claim, key=_natural)
    )
    runs = {result.run.place: result.run for result in found}
    return Results(claims, tuple(sorted(runs.values(), key=lambda run: run.finished)), tuple(skipped))
