"""`genlaws calibrate`: how often verdicts are wrong, in worlds whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli_sampling import quiet_option, seed_option
from .command_io import check_target, console, emit, json_option, one_clear_line
from .progress import show_share

if TYPE_CHECKING:
    from .calibration import Rates, Setting


def _document(rates: Sequence[Rates], worlds: int, seed: int) -> dict[str, Any]:
    from .serialize import SCHEMA_VERSION

    return {
        "schema_version": SCHEMA_VERSION,
        "worlds": worlds,
        "seed": seed,
        "rates": [entry.to_dict() for entry in rates],
    }


def _known(path: str | None, worlds: int, seed: int) -> dict[Setting, Rates]:
    """The rates that a file holds; none if it is not there."""
    from .calibration import Rates
    from .result import read_json

    if path is None or not Path(path).exists():
        return {}
    document = read_json(Path(path))
    try:
        asked, there = (worlds, seed), (document["worlds"], document["seed"])
        rates = [Rates.from_dict(entry) for entry in document["rates"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"--counts {path} holds no rates of a calibration: {error}") from None
    if asked != there:
        raise ValueError(
            f"--counts {path} is of {there[0]} worlds and seed {there[1]}, not of {asked[0]} and {asked[1]}"
        )
    if any(entry.worlds != worlds for entry in rates):
        raise ValueError(f"--counts {path} holds no rates of a calibration: not all are of {worlds} worlds")
    return {entry.setting: entry for entry in rates}


def _measured(
    asked: Sequence[Setting],
    known: Mapping[Setting, Rates],
    worlds: int,
    seed: int,
    workers: int | None,
    keep: Callable[[Sequence[Rates]], None],
    progress: Callable[[float], None] | None,
) -> list[Rates]:
    from .calibration import measure_rates
    from .execution import Failure, work_outcomes
    from .executors import local_workers

    found = dict(known)
    left = [setting for setting in asked if setting not in found]
    with local_workers(workers) as used:
        measure = partial(measure_rates, worlds=worlds, seed=seed)
        outcomes = work_outcomes(measure, used.executor, left, in_flight=used.in_flight)
        for done, outcome in enumerate(outcomes, 1):
            if isinstance(outcome.result, Failure):
                raise RuntimeError(outcome.result.trace)
            found[outcome.task] = outcome.result
            # with what was known of other cases: a run of some must not cost the rest
            keep(list(found.values()))
            if progress is not None:
                progress(done / len(left))
    return [found[setting] for setting in asked]


@click.command(short_help="How often verdicts are wrong, in made-up worlds.")
@click.argument("cases", nargs=-1, metavar="[CASE]...")
@click.option("--design", "designs", multiple=True, help="How replicates scatter; may be given again. All.")
@click.option("--worlds", type=click.IntRange(min=1), default=500, show_default=True, help="In each setting.")
@seed_option
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one for each core.")
@click.option(
    "--counts",
    metavar="FILE",
    help="Keep rates here (.json), and measure only what is missing: an interrupted run goes on.",
)
@click.option("--markdown", "page", metavar="FILE", help="Write the table as a page.")
@json_option
@quiet_option
@click.pass_context
@one_clear_line
def calibrate(
    context: click.Context,
    cases: tuple[str, ...],
    designs: tuple[str, ...],
    worlds: int,
    seed: int,
    workers: int | None,
    counts: str | None,
    page: str | None,
    target: str | None,
    quiet: bool,
) -> None:
    """Judge made-up measurements whose truth is known, and count false verdicts.

    Each CASE is a law with a band; without one, all are calibrated, which takes an hour. A wrong name
    lists those that there are.
    """
    for place in (target, page, counts):
        check_target(place)
    from .atomic_write import atomic_write
    from .calibration import settings
    from .calibration_table import calibration_rows, markdown, shown
    from .interruption import EXIT_STATUS, prompt_interruption
    from .serialize import json_text

    asked = settings(cases, designs)
    known, screen = _known(counts, worlds, seed), console(quiet)
    last_words = "interrupted; " + (
        f"what was counted is in {counts}: give the same command again to go on"
        if counts is not None
        else "nothing was kept (with --counts FILE the next run goes on from here)"
    )

    def keep(rates: Sequence[Rates]) -> None:
        if counts is not None:
            atomic_write(counts, json_text(_document(rates, worlds, seed)))

    try:
        with prompt_interruption(lambda: last_words), show_share(screen, "made-up worlds") as progress:
            rates = _measured(asked, known, worlds, seed, workers, keep, progress)
    except KeyboardInterrupt:
        click.echo(last_words, err=True)
        context.exit(EXIT_STATUS)
    rows = calibration_rows(rates)
    screen.print(shown(rows))
    if page is not None:
        atomic_write(page, markdown(rates))
    emit(_document(rates, worlds, seed), target)
