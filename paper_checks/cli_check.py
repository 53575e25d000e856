"""`genlaws check` and `genlaws claims`: judge claims, and say what they are."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from .command_io import check_target, console, emit, json_option, one_clear_line

if TYPE_CHECKING:
    from .check_run import CheckRun
    from .claim import Claim, Device
    from .executors import Workers
    from .store import Store


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


def _workers(count: int | None, address: str | None) -> AbstractContextManager[Workers]:
    from .executors import dask_workers, local_workers

    if address is None:
        return local_workers(count)
    if count is not None:
        raise ValueError("give --workers or --dask, not both: the workers of a cluster are its own")
    return dask_workers(address)


def _device(name: str, *, elsewhere: bool) -> Device:
    """The kind of device that computes networks; those of a cluster need none like it here."""
    if name == "cpu":
        return "cpu"
    if name == "cuda" and elsewhere:
        return "cuda"
    from genlaws.empirical.devices import resolve_device

    return "cuda" if resolve_device(name).type == "cuda" else "cpu"


def _last_words(store: Store | None) -> str:
    if store is None:
        return "interrupted; nothing was kept (with --store DIR the next run goes on from here)"
    return f"interrupted; what was measured is in {store.folder}: give the same command again to go on"


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
    "--store",
    "folder",
    metavar="DIR",
    help="Keep every measurement here, and measure only what is missing: an interrupted run goes on.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one for each core.")
@click.option("--dask", "address", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Where networks are computed; equal seeds give equal bits on a CPU.",
)
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
    claims: tuple[str, ...],
    paper: str | None,
    source: str,
    budget: Any,
    data: str | None,
    seed: int,
    folder: str | None,
    workers: int | None,
    address: str | None,
    device: str,
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
    from .store import Store

    screen = console(quiet)
    sources: Any = ("simulation", "network") if source == "both" else (source,)
    kind = _device(device, elsewhere=address is not None)
    store = None if folder is None else Store.at(folder)
    try:
        with (
            prompt_interruption(lambda: _last_words(store)),
            _workers(workers, address) as used,
            show_progress(screen) as progress,
        ):
            run = run_claims(
                chosen,
                sources=sources,
                budget=budget,
                data=data,
                device=kind,
                rng=seed,
                store=store,
                executor=used.executor,
                in_flight=used.in_flight,
                progress=progress,
            )
    except KeyboardInterrupt:
        click.echo(_last_words(store), err=True)
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
