"""`genlaws check` and `genlaws claims`: judge claims, and say what they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from .cli_work import WorkOptions, work_options
from .command_io import check_target, console, emit, json_option, one_clear_line

if TYPE_CHECKING:
    from .check_run import CheckRun
    from .claim import Claim


_LOOKS = 4


def _write_plots(run: CheckRun, folder: str) -> list[str]:
    from .pictures import save_picture
    from .plots import plot_claim

    by_id = {claim.id: claim for claim in run.claims}
    written: list[str] = []
    for verdict in run.verdicts:
        if verdict.measurement is None:
            continue
        figure = plot_claim(by_id[verdict.claim], verdict)
        for ending in ("svg", "png"):
            place = os.path.join(folder, f"{verdict.claim}-{verdict.source}.{ending}")
            save_picture(figure, place)
            written.append(place)
    return written


def _claims_asked_for(ids: tuple[str, ...], paper: str | None) -> tuple[Claim, ...]:
    from .claim_registry import broken_plugins, find_claims

    for line in broken_plugins():
        click.echo(f"Warning: {line}", err=True)
    return find_claims(ids, paper)


@click.command(short_help="Judge claims: SUPPORTED, REFUTED or INCONCLUSIVE.")
@click.argument("claims", nargs=-1, metavar="[CLAIM]...")
@click.option("--paper", help="Only the claims of this paper.")
@click.option(
    "--source",
    type=click.Choice(["simulation", "network", "both"]),
    default="simulation",
    show_default=True,
    help="Where the measurements come from.",
)
@click.option(
    "--budget",
    type=click.Choice(["quick", "standard", "full"]),
    default="quick",
    show_default=True,
    help="Amount of work: about a minute, tens of minutes, hours.",
)
@click.option("--data", help="Measure on these images: mnist:PATH, cifar10:PATH, ...; by default mnist5k.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the run.")
@click.option(
    "--until-decided",
    is_flag=True,
    help="Judge what is left open again on twice the replicates, up to 8 times those of the budget.",
)
@work_options
@json_option
@click.option("--plots", metavar="DIR", help="Draw each claim as SVG and PNG in this folder.")
@click.option(
    "--fail-on",
    type=click.Choice(["refuted", "error"]),
    multiple=True,
    help="Exit with status 3 if this happens; may be given twice.",
)
@click.option("--quiet", is_flag=True, help="No progress and no scorecard.")
@click.pass_context
@one_clear_line
def check(
    context: click.Context,
    work: WorkOptions,
    claims: tuple[str, ...],
    paper: str | None,
    source: str,
    budget: Any,
    data: str | None,
    seed: int,
    until_decided: bool,
    target: str | None,
    plots: str | None,
    fail_on: tuple[str, ...],
    quiet: bool,
) -> None:
    """Measure what papers claim and judge it: SUPPORTED, REFUTED or INCONCLUSIVE.

    With no CLAIM, all claims are checked; `genlaws claims` lists them.
    """
    check_target(target)
    if plots is not None:
        from .atomic_write import writable_folder

        writable_folder(plots)
    chosen = _claims_asked_for(claims, paper)
    if data is not None:
        from genlaws.empirical import load_images

        load_images(data)  # what is wrong with it is said before any work is done
    from .interruption import EXIT_STATUS, prompt_interruption
    from .progress import show_progress
    from .runs import run_claims
    from .scorecard import scorecard

    screen = console(quiet)
    sources: Any = ("simulation", "network") if source == "both" else (source,)
    kind, store = work.device_kind(), work.store()
    try:
        with (
            prompt_interruption(work.last_words),
            work.pool() as used,
            show_progress(screen) as progress,
        ):
            run = run_claims(
                chosen,
                sources=sources,
                budget=budget,
                data=data,
                device=kind,
                rng=seed,
                looks=_LOOKS if until_decided else 1,
                store=store,
                executor=used.executor,
                in_flight=used.in_flight,
                progress=progress,
            )
    except KeyboardInterrupt:
        click.echo(work.last_words(), err=True)
        context.exit(EXIT_STATUS)
    screen.print(scorecard(run))
    # before the plots: one that fails must not cost the verdicts
    emit(run.to_dict(), target)
    if plots is not None:
        written = _write_plots(run, plots)
        screen.print(f"{len(written)} plots in {plots}", style="dim")
    outcomes = {verdict.verdict.value.lower() for verdict in run.verdicts}
    if outcomes & set(fail_on):
        context.exit(3)
    if "error" in outcomes:
        context.exit(1)


@click.command(short_help="List the claims, and what would refute each.")
@click.option("--paper", help="Only the claims of this paper.")
@json_option
@one_clear_line
def claims(paper: str | None, target: str | None) -> None:
    """List the claims: statement, prediction, band, and what would refute each."""
    check_target(target)
    from .claim_registry import claim_distributions
    from .scorecard import claim_list
    from .serialize import SCHEMA_VERSION, claim_to_dict

    chosen = _claims_asked_for((), paper)
    others = claim_distributions()
    console().print(claim_list(chosen, distributions=others))
    described = [claim_to_dict(claim, distribution=others.get(claim.id, "genlaws")) for claim in chosen]
    emit({"schema_version": SCHEMA_VERSION, "claims": described}, target)
