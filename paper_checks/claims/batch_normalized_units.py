"""What D6 measures: paths, margins and norms of units behind batch normalization."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import Measurement, integrate_gradient_flow, largest_margin
from genlaws.simulate.batch_normalization import integrate_batch_normalized_flow
from genlaws.simulate.normalized_descent import descend_normalized_units

from ..claim import Readings, Settings
from .image_families import component_task, require_points
from .units import rows

FloatArray = NDArray[np.float64]

_TOLERANCE = 1e-6
_LOG_TIME = "ln t"
_RATE = "step size"
_DRAWS = 5

# --- one unit, in log time --------------------------------------------------------------------------------


def _examples(settings: Settings, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    # centred inputs, the labels of a linear teacher, and a unit vector to start from, on the teacher's side
    examples, dimension = settings["examples"], settings["dimension"]
    deviations = np.geomspace(1.0, settings["least_deviation"], dimension)
    inputs = rng.standard_normal((examples, dimension)) * deviations
    inputs -= inputs.mean(axis=0)
    if settings["whitened"]:
        factor, _ = np.linalg.qr(inputs)
        inputs = np.sqrt(examples) * factor
    inputs *= np.sqrt(dimension / (inputs**2).sum(axis=1).mean())
    labels = np.where(inputs @ rng.standard_normal(dimension) > 0.0, 1.0, -1.0)
    start = np.asarray(rng.standard_normal(dimension))
    return inputs, labels, start / np.copysign(np.linalg.norm(start), labels @ inputs @ start)


def _turned(one: FloatArray, other: FloatArray) -> FloatArray:
    # the angle between unit vectors, in radians
    return np.asarray(2.0 * np.arcsin(np.minimum(0.5 * np.linalg.norm(one - other, axis=-1), 1.0)))


def measure_path(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Angle between the path of a batch-normalized unit and that along the tangent gradient.

    In units of how far the latter has turned from the start, which they share.
    """
    inputs, labels, start = _examples(settings, rng)
    times = np.array([-np.inf, *settings["log_times"]])
    batch = integrate_batch_normalized_flow(inputs, labels, start, times, tolerance=_TOLERANCE)
    tangent = integrate_gradient_flow(
        inputs, labels, [start[None]], times, normalization="units", tolerance=_TOLERANCE
    )
    there = tangent.directions[0][1:, 0]
    return rows(
        settings,
        settings["log_times"],
        _turned(batch.directions[1:], there) / _turned(there, start),
        reference=0.0,
        x_label=_LOG_TIME,
        y_label="angle between paths / angle turned",
    )


def measure_margins(settings: Settings, rng: np.random.Generator) -> Readings:
    """Margins of a unit at late times beside the largest ones: for weights of norm 1, and for activations."""
    inputs, labels, start = _examples(settings, rng)
    times = settings["log_times"]
    batch = integrate_batch_normalized_flow(inputs, labels, start, times, tolerance=_TOLERANCE)
    tangent = integrate_gradient_flow(
        inputs, labels, [start[None]], times, normalization="units", tolerance=_TOLERANCE
    ).directions[0][:, 0]
    signed = labels[:, None] * inputs
    root = np.linalg.cholesky(inputs.T @ inputs / len(inputs))
    tangent_activations = (tangent @ signed.T) / np.linalg.norm(tangent @ root, axis=1, keepdims=True)
    largest = largest_margin(signed).margin
    largest_of_activations = largest_margin(np.linalg.solve(root, signed.T).T).margin
    return {
        name: rows(settings, times, margins.min(axis=1), reference=best, x_label=_LOG_TIME, y_label=label)
        for name, margins, best, label in (
            ("unit norm", batch.unit_margins, largest, "margin for weights of norm 1"),
            ("activations", batch.activation_margins, largest_of_activations, "margin of activations"),
            ("tangent activations", tangent_activations, largest_of_activations, "margin of activations"),
        )
    }


# --- norms of units, in steps -----------------------------------------------------------------------------


def _layer_norms(settings: Settings, rate: float, normalized: bool, seed: int) -> FloatArray:
    # ln norms of the units of a layer, before and after; the same data and start for every rate and kind
    rng = np.random.default_rng(seed)
    examples, dimension, units = settings["examples"], settings["dimension"], settings["units"]
    inputs = rng.standard_normal((examples, dimension))
    teacher = rng.standard_normal(dimension)
    labels = np.where(inputs @ teacher + 2.0 * inputs[:, 0] * inputs[:, 1] > 0.0, 1.0, -1.0)
    weights = rng.standard_normal((units, dimension))
    sizes = settings["norm"] * np.exp(settings["spread"] * rng.standard_normal(units))
    weights *= (sizes / np.linalg.norm(weights, axis=1))[:, None]
    output = rng.standard_normal(units) / np.sqrt(units)
    run = descend_normalized_units(
        inputs,
        labels,
        (weights, output),
        learning_rate=rate,
        records=[0, round(settings["time"] / rate)],
        normalized=normalized,
    )
    return run.log_norms[:, None]


def _network_norms(settings: Settings, rate: float, normalized: bool, seed: int) -> tuple[FloatArray, ...]:
    from genlaws.empirical.batch_normalized import train_batch_normalized

    task = component_task(settings["data"], settings["task"], settings["components"])
    require_points(task, settings["examples"], "examples")
    chosen = np.random.default_rng(seed).permutation(len(task))[: settings["examples"]]
    inputs = task.inputs[chosen]
    trained = train_batch_normalized(
        inputs / inputs.std(axis=0).max(),
        task.labels[chosen],
        hidden=settings["hidden"],
        networks=settings["networks"],
        learning_rate=rate,
        records=[0, round(settings["time"] / rate)],
        batch_size=settings["batch_size"],
        normalized=normalized,
        norm=settings["norm"],
        spread=settings["spread"],
        rng=seed,
        device=settings["device"],
    )
    return trained.log_norms


def _norms(settings: Settings, rate: float, normalized: bool, seed: int) -> tuple[FloatArray, ...]:
    # of each layer, shape (before and after, networks, units)
    if "hidden" in settings:
        return _network_norms(settings, rate, normalized, seed)
    return (_layer_norms(settings, rate, normalized, seed),)


def measure_growth(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Mean growth of ln norms of units in an equal time of steps of several sizes."""
    seed = int(rng.integers(2**53))
    growth = [
        np.mean(
            [(layer[1] - layer[0]).mean() for layer in _norms(settings, rate, settings["normalized"], seed)]
        )
        for rate in settings["rates"]
    ]
    return rows(
        settings, settings["rates"], growth, x_label=_RATE, y_label="mean growth of ln norms of units"
    )


def _final_spreads(settings: Settings, normalized: bool, seed: int) -> list[float]:
    # deviation of ln norms within a layer after training, mean over layers and networks, for each step size
    trained = [_norms(settings, rate, normalized, seed) for rate in settings["rates"]]
    return [float(np.mean([layer[1].std(axis=-1).mean() for layer in layers])) for layers in trained]


def measure_spread(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Deviation of ln norms within a layer after training, with batch normalization beside without.

    Starts from which either diverges are drawn again, up to five times.
    """
    for attempt in range(_DRAWS):
        seed = int(rng.integers(2**53))
        try:
            spreads, without = (_final_spreads(settings, normalized, seed) for normalized in (True, False))
        except ValueError as error:
            if "learning_rate" not in str(error) or attempt == _DRAWS - 1:
                raise
        else:
            break
    return rows(
        settings,
        settings["rates"],
        spreads,
        reference=without,
        x_label=_RATE,
        y_label="deviation of ln norms of units",
    )
