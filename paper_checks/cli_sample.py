"""`genlaws sample`: how rare the classifiers with zero training error are, and how they generalize."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from .command_io import (
    check_eps,
    check_target,
    console,
    emit,
    json_option,
    one_clear_line,
    parse_counts,
    points_option,
    table,
)
from .progress import show_share

if TYPE_CHECKING:
    from genlaws.simulate import ClassifierFamily, ZeroErrorEnsemble

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _sampling_options(particles: int) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """The options that do not depend on what is sampled, but for the default number of particles."""
    options = (
        json_option,
        click.option("--quiet", is_flag=True, help="No progress and no table."),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
        click.option(
            "--replicas", type=click.IntRange(min=2), default=6, show_default=True, help="Independent runs."
        ),
        click.option(
            "--particles",
            type=click.IntRange(min=20),
            default=particles,
            show_default=True,
            help="In each run.",
        ),
        click.option("--eps", type=float, help="Also the fraction of them with true error above EPS."),
        points_option(default=10),
        click.option(
            "--examples", required=True, metavar="N", help="Like 50,100,200, or log-spaced like 10:1000."
        ),
    )

    def add(command: Callable[_P, _T]) -> Callable[_P, _T]:
        for option in options:
            command = option(command)
        return command

    return add


def _counts(examples: str, points: int, eps: float | None) -> list[int]:
    check_eps(eps)
    counts = parse_counts(examples, points, "--examples")
    if counts[0] < 1:
        raise ValueError(f"--examples must be at least 1, got {counts[0]}")
    return counts


def _pair(value: float | None, error: float | None, digits: int) -> str:
    """A value with its standard error, or a dash where it was not reached."""
    if value is None or error is None:
        return "-"
    # adding 0 turns the -0.00 of a logarithm next to 0 into 0.00
    return f"{round(value, digits) + 0.0:.{digits}f} ± {error:.{digits}f}"


def _document(ensemble: ZeroErrorEnsemble, settings: Mapping[str, Any], eps: float | None) -> dict[str, Any]:
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


def _run(
    family: ClassifierFamily,
    counts: list[int],
    eps: float | None,
    particles: int,
    replicas: int,
    seed: int,
    quiet: bool,
) -> ZeroErrorEnsemble:
    from genlaws.simulate import sample_zero_error

    with show_share(console(quiet), "sampling") as progress:
        return sample_zero_error(
            family,
            counts,
            particles=particles,
            replicas=replicas,
            bad_errors=() if eps is None else (eps,),
            rng=seed,
            progress=progress,
        )


@click.group(short_help="How rare classifiers with zero training error are, and how good.")
def sample() -> None:
    """Sample the classifiers with zero training error: their fraction of the prior and their true error.

    Fractions are natural logarithms; they go down to 1e-100 and below.
    """


@sample.command()
@click.option("--dimension", type=click.IntRange(min=2), required=True, help="Number of inputs.")
@_sampling_options(particles=500)
@one_clear_line
def perceptron(
    dimension: int,
    examples: str,
    points: int,
    eps: float | None,
    particles: int,
    replicas: int,
    seed: int,
    quiet: bool,
    target: str | None,
) -> None:
    """Linear classifiers, uniform over directions, taught by one of them; the true error is exact."""
    check_target(target)
    counts = _counts(examples, points, eps)
    from genlaws.simulate import SphericalPerceptron

    family = SphericalPerceptron(dimension)
    ensemble = _run(family, counts, eps, particles, replicas, seed, quiet)
    document = _document(ensemble, {"family": "perceptron", "dimension": dimension}, eps)
    _show(document, f"Perceptrons of dimension {dimension} with zero training error", quiet)
    emit(document, target)


@sample.command()
@click.option("--data", default="mnist5k", show_default=True, help="mnist5k, mnist:PATH, cifar10:PATH, ...")
@click.option("--task", default="parity", show_default=True, help="parity, 3-8, one-vs-rest:3, digits, ...")
@click.option(
    "--kernel",
    type=click.Choice(["arc-cosine", "erf"]),
    default="arc-cosine",
    show_default=True,
    help="Infinitely wide networks of rectified linear units, or of error functions.",
)
@click.option("--hidden-layers", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--weight-variance", type=float, default=2.0, show_default=True)
@click.option("--bias-variance", type=float, default=0.01, show_default=True)
@click.option(
    "--preprocess", default="center", show_default=True, help="center, unit-norm, none, center+unit-norm."
)
@click.option("--components", type=click.IntRange(min=1), help="Keep this many principal components.")
@click.option(
    "--heldout",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Images behind the true error, never trained on.",
)
@click.option("--official-split", is_flag=True, help="Hold out official test images only.")
@click.option("--download", is_flag=True, help="Fetch mnist, fashion or cifar10 if it is not here yet.")
@_sampling_options(particles=200)
@one_clear_line
def images(
    data: str,
    task: str,
    kernel: str,
    hidden_layers: int,
    weight_variance: float,
    bias_variance: float,
    preprocess: str,
    components: int | None,
    heldout: int,
    official_split: bool,
    download: bool,
    examples: str,
    points: int,
    eps: float | None,
    particles: int,
    replicas: int,
    seed: int,
    quiet: bool,
    target: str | None,
) -> None:
    """Infinitely wide networks on images; the true error is counted on held-out images."""
    check_target(target)
    counts = _counts(examples, points, eps)
    import numpy as np

    from genlaws.empirical import classification_task, load_images, split_points
    from genlaws.simulate import GaussianProcess, arc_cosine_covariance, erf_covariance

    # one stream for the choice of images; the sampler spawns its own from the same seed
    generator = np.random.default_rng(seed)
    chosen = classification_task(
        load_images(data, download=download),
        task,
        preprocess=preprocess,
        components=components,
        split="official" if official_split else "random",
        rng=generator,
    )
    points_used = split_points(chosen, training=counts[-1], heldout=heldout, rng=generator)
    used = np.concatenate([points_used.training, points_used.heldout])
    covariance_of = {"arc-cosine": arc_cosine_covariance, "erf": erf_covariance}[kernel]
    covariance = covariance_of(
        chosen.inputs[used],
        depth=hidden_layers + 1,
        weight_variance=weight_variance,
        bias_variance=bias_variance,
    )
    family = GaussianProcess(
        covariance,
        chosen.labels[used],
        training=np.arange(counts[-1]),
        heldout=np.arange(counts[-1], used.size),
    )
    ensemble = _run(family, counts, eps, particles, replicas, seed, quiet)
    settings = {
        "family": "images",
        "data": data,
        "task": chosen.to_dict(),
        "kernel": kernel,
        "hidden_layers": hidden_layers,
        "weight_variance": weight_variance,
        "bias_variance": bias_variance,
        "heldout": heldout,
    }
    document = _document(ensemble, settings, eps)
    layers = f"{hidden_layers} hidden layer{'' if hidden_layers == 1 else 's'}"
    _show(document, f"{task} on {data}: infinitely wide networks, {layers} ({kernel})", quiet)
    emit(document, target)
