"""What every `genlaws sample` command shares: its options, the run of the sampler, table and JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .command_io import (
    check_eps,
    check_target,
    console,
    emit,
    json_option,
    parse_counts,
    points_option,
    table,
)
from .option_bundle import Command, option_bundle
from .progress import show_share

if TYPE_CHECKING:
    from genlaws.simulate import ClassifierFamily, ZeroErrorEnsemble


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """What does not depend on what is sampled."""

    examples: str
    points: int
    eps: float | None
    particles: int
    replicas: int
    seed: int
    quiet: bool
    target: str | None

    def checked_counts(self) -> list[int]:
        """Numbers of training examples, once nothing else about these options is wrong either."""
        check_target(self.target)
        check_eps(self.eps)
        counts = parse_counts(self.examples, self.points, "--examples")
        if counts[0] < 1:
            raise ValueError(f"--examples must be at least 1, got {counts[0]}")
        return counts


def seed_option(command: Command) -> Command:
    """The option ``--seed``."""
    return click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)(command)


def quiet_option(command: Command) -> Command:
    """The option ``--quiet``."""
    return click.option("--quiet", is_flag=True, help="No progress and no table.")(command)


def sampling_options(particles: int) -> Callable[[Command], Command]:
    """The options of `SamplingOptions`, with `particles` as their default number."""
    return option_bundle(
        SamplingOptions,
        click.option(
            "--examples", required=True, metavar="N", help="Like 50,100,200, or log-spaced like 10:1000."
        ),
        points_option(default=10),
        click.option("--eps", type=float, help="Also the fraction of them with true error above EPS."),
        click.option(
            "--particles",
            type=click.IntRange(min=20),
            default=particles,
            show_default=True,
            help="In each run.",
        ),
        click.option(
            "--replicas", type=click.IntRange(min=2), default=6, show_default=True, help="Independent runs."
        ),
        seed_option,
        quiet_option,
        json_option,
    )


def _pair(value: float | None, error: float | None, digits: int) -> str:
    """A value with its standard error, or a dash where it was not reached."""
    if value is None or error is None:
        return "-"
    # adding 0 turns the -0.00 of a logarithm next to 0 into 0.00
    return f"{round(value, digits) + 0.0:.{digits}f} ± {error:.{digits}f}"


def ensemble_document(
    ensemble: ZeroErrorEnsemble, settings: Mapping[str, Any], eps: float | None
) -> dict[str, Any]:
    """An ensemble as ``--json`` writes it; what was not reached is null, with its status beside it."""
    from .serialize import SCHEMA_VERSION, json_ready

    document: dict[str, Any] = json_ready(ensemble.to_dict())
    document |= {"schema_version": SCHEMA_VERSION, "settings": dict(settings)}
    if eps is not None:
        document["eps"] = eps
        # a bad fraction can be out of reach although the ensemble itself is sound
        document["log_bad_fraction_status"] = [
            "ok" if log_bad is not None else "not_reached" if status == "ok" else status
            for log_bad, status in zip(document["log_bad_fraction"], document["status"], strict=True)
        ]
    return document


def _show(document: Mapping[str, Any], title: str, quiet: bool) -> None:
    rows = range(len(document["n_examples"]))
    logs, log_errors = document["log_fraction"], document["log_fraction_se"]
    columns = {
        "examples": [f"{n:,}" for n in document["n_examples"]],
        "ln fraction": [_pair(logs[i], log_errors[i], 2) for i in rows],
        "log10": ["-" if logs[i] is None else f"{logs[i] / math.log(10):.1f}" for i in rows],
        f"{document['error_name']} error": [
            _pair(document["mean_true_error"][i], document["mean_true_error_se"][i], 4) for i in rows
        ],
    }
    if "eps" in document:
        columns[f"ln fraction\nabove {document['eps']:g}"] = [
            _pair(document["log_bad_fraction"][i], document["log_bad_fraction_se"][i], 2) for i in rows
        ]
    columns["status"] = list(document["status"])
    console(quiet).print(table(title, columns))


def sample_and_print(
    family: ClassifierFamily,
    counts: list[int],
    options: SamplingOptions,
    *,
    settings: Mapping[str, Any],
    title: str,
) -> None:
    """Sample the zero-error classifiers of `family` at each of `counts`; print the table, write the JSON."""
    from genlaws.simulate import sample_zero_error

    with show_share(console(options.quiet), "sampling") as progress:
        ensemble = sample_zero_error(
            family,
            counts,
            particles=options.particles,
            replicas=options.replicas,
            bad_errors=() if options.eps is None else (options.eps,),
            rng=options.seed,
            progress=progress,
        )
    document = ensemble_document(ensemble, settings, options.eps)
    _show(document, title, options.quiet)
    emit(document, options.target)
