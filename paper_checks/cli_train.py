"""`genlaws train`: the errors of many networks trained to zero training error on one training set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .cli_images import ImageOptions, VarianceOptions, image_options, variance_options
from .cli_networks import NetworkOptions, choose_networks, network_options
from .cli_sampling import quiet_option, seed_option
from .command_io import check_target, console, emit, json_option, one_clear_line, table
from .option_bundle import option_bundle
from .progress import show_share

if TYPE_CHECKING:
    from genlaws.empirical import TrainedNetworks
    from genlaws.empirical.losses import Loss
    from genlaws.empirical.optimizers import Optimizer, Parametrization
    from genlaws.empirical.training_recipe import Stop
    from genlaws.simulate.family import FloatArray

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How networks are trained, and when one is done or given up."""

    loss: Loss
    optimizer: Optimizer
    learning_rate: float | None
    momentum: float
    batch_size: int | None
    max_steps: int
    stop: Stop
    parametrization: Parametrization


_training_options = option_bundle(
    TrainingOptions,
    click.option(
        "--loss",
        type=click.Choice(["hinge", "cross-entropy", "exponential", "square"]),
        default="hinge",
        show_default=True,
        help="hinge is the quadratic hinge with margin 1.",
    ),
    click.option(
        "--optimizer",
        type=click.Choice(["adam", "gd", "sgd"]),
        default="adam",
        show_default=True,
        help="gd is plain gradient descent on all examples; sgd has momentum.",
    ),
    click.option("--learning-rate", type=float, help="Default: one that suits the network."),
    click.option("--momentum", type=float, default=0.9, show_default=True, help="Of sgd."),
    click.option("--batch-size", type=click.IntRange(min=1), help="Default: all examples at once."),
    click.option(
        "--max-steps",
        type=click.IntRange(min=0),
        default=10_000,
        show_default=True,
        help="Steps after which a network is given up.",
    ),
    click.option(
        "--stop",
        type=click.Choice(["error", "loss"]),
        default="error",
        show_default=True,
        help="Train each network until its training error is zero, or its loss.",
    ),
    click.option(
        "--parametrization",
        type=click.Choice(["standard", "ntk"]),
        default="standard",
        show_default=True,
        help="Train the weights, or variables of unit variance that are scaled to weights.",
    ),
)


def _summary(errors: FloatArray) -> dict[str, Any]:
    """Mean, its standard error over networks, and quantiles; nulls where there is nothing to sum up."""
    import numpy as np

    if errors.size == 0:
        return {"mean": None, "mean_se": None, "levels": list(_QUANTILES), "quantiles": None}
    return {
        "mean": float(errors.mean()),
        "mean_se": float(errors.std(ddof=1) / np.sqrt(errors.size)) if errors.size > 1 else None,
        "levels": list(_QUANTILES),
        "quantiles": np.quantile(errors, _QUANTILES).tolist(),
    }


def _document(
    trained: TrainedNetworks, errors: FloatArray, settings: Mapping[str, Any], examples: int, seed: int
) -> dict[str, Any]:
    from .serialize import SCHEMA_VERSION, json_ready

    document: dict[str, Any] = json_ready(trained.to_dict(errors))
    document["settings"] = json_ready({**settings, "training": document["settings"]})
    return document | {
        "schema_version": SCHEMA_VERSION,
        "error_name": "heldout",
        "error_resolution": settings["heldout"],
        "n_examples": examples,
        "true_error_summary": _summary(errors[trained.reached]),
        "seed": seed,
    }


def _show(trained: TrainedNetworks, errors: FloatArray, title: str, quiet: bool) -> None:
    import numpy as np

    groups = {
        "trained to zero": trained.reached,
        "ran out of steps": ~trained.reached & ~trained.diverged,
        "diverged": trained.diverged,
    }
    summaries = [_summary(errors[group & np.isfinite(errors)]) for group in groups.values()]
    steps = [trained.steps[group] for group in groups.values()]
    columns = {
        "": list(groups),
        "networks": [f"{np.count_nonzero(group):,}" for group in groups.values()],
        "heldout error": ["-" if s["mean"] is None else f"{s['mean']:.4f}" for s in summaries],
    }
    for place, level in enumerate(_QUANTILES):
        columns[f"{level:.0%}"] = [
            "-" if s["quantiles"] is None else f"{s['quantiles'][place]:.4f}" for s in summaries
        ]
    columns["steps"] = ["-" if taken.size == 0 else f"{np.median(taken):,.0f}" for taken in steps]
    columns["at most"] = ["-" if taken.size == 0 else f"{taken.max():,}" for taken in steps]
    screen = console(quiet)
    screen.print(table(title, columns))
    screen.print("Mean and quantiles over networks of the error on held-out images; median of the steps.")


@click.command(short_help="Errors of many networks trained to zero training error.")
@image_options
@network_options
@variance_options
@click.option("--examples", type=click.IntRange(min=1), required=True, help="Size of the training set.")
@click.option(
    "--networks", type=click.IntRange(min=1), default=100, show_default=True, help="Trained side by side."
)
@_training_options
@seed_option
@quiet_option
@json_option
@click.option(
    "--png", metavar="FILE", help="Draw how the errors are distributed (.png, .svg or .pdf decides)."
)
@one_clear_line
def train(
    chosen: ImageOptions,
    options: NetworkOptions,
    variances: VarianceOptions,
    training: TrainingOptions,
    examples: int,
    networks: int,
    seed: int,
    quiet: bool,
    target: str | None,
    png: str | None,
) -> None:
    """Train many networks on one training set, from starts drawn from the prior.

    Each network stops by itself when its training error is zero; its true error is counted on held-out
    images. Networks that never get there are counted beside the others.
    """
    check_target(target)
    if png is not None:
        from .pictures import check_picture

        check_picture(png)
    from genlaws.empirical import train_networks

    made = choose_networks(chosen, options, variances, training=examples, seed=seed)
    own, heldout = made.points.training, made.points.heldout
    with show_share(console(quiet), "training") as progress:
        trained = train_networks(
            made.network,
            made.inputs[own],
            made.labels[own],
            networks=networks,
            loss=training.loss,
            optimizer=training.optimizer,
            learning_rate=training.learning_rate,
            momentum=training.momentum,
            batch_size=training.batch_size,
            max_steps=training.max_steps,
            stop=training.stop,
            parametrization=training.parametrization,
            rng=seed,
            device=options.device,
            progress=progress,
        )
    errors = trained.true_errors(made.inputs[heldout], made.labels[heldout])
    title = f"{chosen.task} on {chosen.data}: {networks:,} networks {options.arch} on {examples:,} images"
    _show(trained, errors, title, quiet)
    # before the picture: a picture that fails must not cost the numbers
    emit(_document(trained, errors, made.settings, examples, seed), target)
    if png is not None:
        from .error_plots import plot_error_distribution
        from .pictures import save_picture

        figure = plot_error_distribution(
            errors, trained.reached, resolution=chosen.heldout, error_name="heldout", title=title
        )
        save_picture(figure, png)
