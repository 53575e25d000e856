"""`genlaws show`: one claim in full, with what came of it before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .command_io import check_target, console, emit, json_option, one_clear_line

if TYPE_CHECKING:
    from .result import Result


def _past(result: Result) -> dict[str, Any]:
    """A past verdict in short, ready for JSON."""
    verdict, run = result.verdict, result.run
    return {
        "claim": verdict.claim,
        "source": verdict.source,
        "verdict": str(verdict.verdict),
        "estimate": verdict.estimate,
        "low": verdict.low,
        "high": verdict.high,
        "replicates": verdict.replicates,
        "revision": result.revision,
        "budget": run.budget,
        "seed": run.seed,
        "data": run.data,
        "finished": run.finished.isoformat(),
        "place": run.place,
    }


@click.command(short_help="One claim in full: band, falsifier, control, past verdicts.")
@click.argument("claims", nargs=-1, required=True, metavar="CLAIM...")
@click.option(
    "--results",
    "places",
    multiple=True,
    metavar="STORE|JSON",
    help="Where past verdicts are: a store, or what check --json wrote. May be given again.",
)
@json_option
@one_clear_line
def show(claims: tuple[str, ...], places: tuple[str, ...], target: str | None) -> None:
    """Show what a claim states, foretells and fixes before any data, and its past verdicts."""
    check_target(target)
    from .claim_card import claim_card
    from .claim_registry import claim_distributions, find_claims
    from .results import read_results
    from .serialize import SCHEMA_VERSION, claim_to_dict

    chosen = find_claims(claims)
    read = read_results(places) if places else None
    past = {} if read is None else {entry.claim: entry for entry in read.claims}
    screen, known = console(), []
    for line in () if read is None else read.skipped:
        screen.print(f"left out: {line}", style="yellow", markup=False)
    for place, claim in enumerate(chosen):
        if place:
            screen.print()
        screen.print(claim_card(claim, past.get(claim.id)))
        if claim.id in past:
            known += [result for results in past[claim.id].by_source.values() for result in results]
        elif read is not None:
            screen.print("no verdict on it there", style="dim")
    others = claim_distributions()
    described = [claim_to_dict(claim, distribution=others.get(claim.id, "genlaws")) for claim in chosen]
    emit(
        {"schema_version": SCHEMA_VERSION, "claims": described, "past": list(map(_past, known))},
        target,
    )
