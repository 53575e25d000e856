"""What F2 measures: errors of classifiers drawn, descended to, or of the largest margin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import (
    ClassifierFamily,
    SphericalPerceptron,
    TeacherLabels,
    integrate_gradient_flow,
    largest_margin,
    sample_zero_error,
)

from ..claim import Readings, Settings
from .image_families import component_task, image_network, require_points
from .units import rows

_ALPHA = "alpha, examples per dimension"
# where the flow has no error any more is looked for on this grid of ln t
_GRID = np.linspace(-8.0, 12.0, 81)
_TOLERANCE = 1e-5
_LOOKS = 20  # at ln losses from 0 on, in equal steps, until no error is left
_MOST_STEPS = 20_000  # some hundred do, unless a start has no gradient


def _uniform_error(
    family: ClassifierFamily,
    n: int,
    training_set: NDArray[np.int64],
    settings: Settings,
    rng: np.random.Generator,
) -> float:
    ensemble = sample_zero_error(
        family, [n], particles=settings["particles"], replicas=2, training_set=training_set, rng=rng
    )
    if ensemble.status[0] != "ok":
        raise ValueError(f"the zero-error ensemble at n = {n} is {ensemble.status[0]}")
    return float(ensemble.mean_true_error[0])


def _readings(
    settings: Settings, x: Sequence[float], errors: Mapping[str, Sequence[float]], *, x_label: str, far: str
) -> Readings:
    # each selector beside the one that it is held against
    return {
        name: rows(
            settings, x, errors[one], reference=errors[other], x_label=x_label, y_label=f"error {label}"
        )
        for name, one, other, label in (
            ("stopped", "stopped", "uniform", "where descent has none left"),
            ("late", "late", "stopped", "of descent at late times"),
            ("far", "far", "uniform", far),
        )
    }


def measure_linear_selectors(settings: Settings, rng: np.random.Generator) -> Readings:
    """Exact errors of linear classifiers that three selectors pick from one zero-error set.

    Gradient flow on the exponential loss is read where it has no error left, and at the latest ln t; it
    starts from weights of a random direction and the norm that settings tell.
    """
    dimension = settings["dimension"]
    data = TeacherLabels(overlap=settings["overlap"])
    found: dict[str, list[float]] = {name: [] for name in ("uniform", "stopped", "late", "far")}
    for alpha in settings["alphas"]:
        n = round(alpha * dimension)
        family = SphericalPerceptron(dimension, data=data, seed=int(rng.integers(2**62)))
        examples = family.training_set(n, rng)
        inputs, labels = data.points(examples, dimension, family.seed)
        start = rng.standard_normal(dimension)
        start *= settings["start_norm"] / np.linalg.norm(start)
        flow = integrate_gradient_flow(
            inputs, labels, [start[None]], np.append(_GRID, settings["late"]), tolerance=_TOLERANCE
        )
        right = np.flatnonzero(flow.margin > 0.0)
        picked = np.stack(
            [
                flow.directions[0][right[0], 0],
                flow.directions[0][-1, 0],
                largest_margin(labels[:, None] * inputs).direction,
            ]
        )
        errors = family.true_errors(picked)
        found["uniform"].append(_uniform_error(family, n, examples, settings, rng))
        for name, error in zip(("stopped", "late", "far"), errors, strict=True):
            found[name].append(float(error))
    return _readings(settings, settings["alphas"], found, x_label=_ALPHA, far="of the largest margin")


def measure_network_selectors(settings: Settings, rng: np.random.Generator) -> Readings:
    """Held-out errors of networks drawn without training error, and trained: to there, and far beyond."""
    from genlaws.empirical.long_training import train_long
    from genlaws.empirical.network_family import NetworkFamily

    task = component_task(settings["data"], settings["task"], settings["components"])
    most, heldout = settings["n_examples"][-1], settings["heldout"]
    require_points(task, most + heldout, "n_examples and heldout together")
    chosen = rng.permutation(len(task))[: most + heldout]
    inputs, labels = task.inputs[chosen], task.labels[chosen]
    if settings["shuffled"]:
        labels = rng.permutation(labels)
    network = image_network(settings, task)
    family = NetworkFamily(
        network,
        inputs,
        labels,
        training=range(most),
        heldout=range(most, most + heldout),
        device=settings["device"],
    )
    found: dict[str, list[float]] = {name: [] for name in ("uniform", "stopped", "late")}
    for n in settings["n_examples"]:
        # where the summed loss is below one no example is wrong
        levels = np.append(np.linspace(0.0, -math.log(n) - 1e-6, _LOOKS), settings["late"])
        trained = train_long(
            network,
            inputs[:n],
            labels[:n],
            networks=settings["trained"],
            log_losses=levels,
            loss="exponential",
            share=0.5,
            max_steps=_MOST_STEPS,
            rng=rng,
            device=settings["device"],
        )
        whole = trained.reached[:, -1]
        if np.count_nonzero(whole) < 2:
            raise ValueError(f"{np.count_nonzero(whole)} of {len(trained)} networks trained to the last loss")
        wrong = trained.true_errors(inputs[most:], labels[most:])[whole]
        first = (trained.least_margins[whole] > 0.0).argmax(axis=1)
        found["stopped"].append(float(wrong[np.arange(len(wrong)), first].mean()))
        found["late"].append(float(wrong[:, -1].mean()))
        found["uniform"].append(_uniform_error(family, n, np.arange(n), settings, rng))
    errors = {**found, "far": found["late"]}
    return _readings(
        settings,
        settings["n_examples"],
        errors,
        x_label="training examples n",
        far="of descent at late times",
    )
