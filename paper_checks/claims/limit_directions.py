"""Where gradient flows lead: how near the largest margin, to which of many, and whether to a minimum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate.measurement import Measurement

from ..claim import Readings, Settings
from .units import rows

if TYPE_CHECKING:
    from genlaws.simulate import GradientFlow
    from genlaws.simulate.homogeneous_network import HomogeneousNetwork

FloatArray = NDArray[np.float64]

_STARTS = 60  # drawn at most, until one separates
_FRESH = 200  # inputs that were not trained on
_APART = 0.01  # relative difference of margins that integration and finite times leave far below
SADDLE = 0.01  # negative curvature that counts; a weight that nothing depends on has 1
_WIDER = 10  # times: random networks of which every example reaches some unit
_SLEEPING, _ASLEEP = 8, 0.01  # units that are added, and their norm in units of the layer's


def _drawn(settings: Settings, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    inputs = rng.standard_normal((settings["n_examples"], settings["dimension"]))
    if settings["labels"] == "random":
        labels = rng.choice([-1.0, 1.0], len(inputs))
    else:
        labels = np.sign(inputs @ rng.standard_normal(settings["dimension"]))
    return inputs, labels, rng.standard_normal((_FRESH, settings["dimension"]))


def _images(settings: Settings, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    from .image_families import component_task, require_points

    task = component_task(settings["data"], settings["task"], settings["dimension"])
    n = settings["n_examples"]
    require_points(task, n + _FRESH, "n_examples and the images tested on")
    chosen = rng.choice(len(task), n + _FRESH, replace=False)
    points = np.asarray(task.inputs[chosen], dtype=np.float64)
    # as long as the inputs of the simulation
    points *= math.sqrt(settings["dimension"] / np.mean(np.sum(points[:n] ** 2, axis=1)))
    return points[:n], np.asarray(task.labels[chosen[:n]], dtype=np.float64), points[n:]


def _data(settings: Settings, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Inputs, labels, and inputs that are not trained on: drawn, or images where the settings name them."""
    return _images(settings, rng) if "data" in settings else _drawn(settings, rng)


def _flow(
    settings: Settings, inputs: FloatArray, labels: FloatArray, rng: np.random.Generator
) -> tuple[GradientFlow, int]:
    """A flow from the first random start that separates, and how many did not."""
    from genlaws.simulate import integrate_gradient_flow, random_layers

    widths = [inputs.shape[1], *[settings["width"]] * settings["hidden_layers"], 1]
    for failed in range(_STARTS):
        start = random_layers(widths, rng=rng)
        try:
            flow = integrate_gradient_flow(
                inputs,
                labels,
                start,
                settings["log_times"],
                activation=settings["activation"],
                normalization=settings["normalization"],
                corner=settings["corner"],
                tolerance=settings["tolerance"],
            )
        except (ValueError, RuntimeError):  # at rest on a kink, or going along one in steps too small
            continue
        return flow, failed
    raise ValueError(f"{_STARTS} starts must hold one that separates {len(labels)} examples, none did")


def _network(
    settings: Settings, inputs: FloatArray, labels: FloatArray, layers: Sequence[FloatArray]
) -> HomogeneousNetwork:
    from genlaws.simulate.flow_start import checked_network

    return checked_network(
        inputs, labels, layers, settings["activation"], "exponential", "none", settings["corner"]
    )


def _balanced(network: HomogeneousNetwork, layers: Sequence[FloatArray]) -> FloatArray:
    # all weights in a row, with the relative norms of layers that margins at a given total norm ask for
    parts = zip(np.sqrt(network.powers), layers, strict=True)
    return np.concatenate([root * layer.ravel() / np.linalg.norm(layer) for root, layer in parts])


def _in_time(settings: Settings, y: ArrayLike, label: str) -> Measurement:
    return rows(settings, settings["log_times"], y, x_label="ln t", y_label=label)


def measure_linear_limits(settings: Settings, rng: np.random.Generator) -> Readings:
    """Angle of the product of a linear network's layers to the largest margin, and to the mean example."""
    from genlaws.simulate import largest_margin

    inputs, labels, _ = _data(settings, rng)
    flow, again = _flow(settings, inputs, labels, rng)
    product = flow.directions[-1]
    for layer in flow.directions[-2::-1]:
        product = product @ layer
    found = product[:, 0] / np.linalg.norm(product[:, 0], axis=1, keepdims=True)
    mean = labels @ inputs
    to = {"largest margin": largest_margin(labels[:, None] * inputs).direction}
    to["mean example"] = mean / np.linalg.norm(mean)
    kept = {**settings, "drawn_again": again}
    return {
        name: _in_time(kept, np.linalg.norm(found - direction, axis=1), f"distance to the {name}")
        for name, direction in to.items()
    }


def _features(
    settings: Settings, inputs: FloatArray, labels: FloatArray, layers: Sequence[FloatArray]
) -> FloatArray:
    network = _network(settings, inputs, labels, layers)
    return network.margin_gradients(_balanced(network, layers))


def _residuals(weights: FloatArray, gradients: FloatArray) -> tuple[float, float]:
    """Of the conditions for the largest margin, and of those without the example that pulls most."""
    from genlaws.simulate import kkt_residual

    whole = kkt_residual(weights, gradients)
    pulls = whole.duals * (gradients @ weights)
    rest = kkt_residual(weights, np.delete(gradients, np.argmax(pulls), axis=0))
    return whole.residual, rest.residual


def off_kernel(margins: FloatArray, outputs: FloatArray, features: FloatArray, fresh: FloatArray) -> float:
    """Relative distance of a network's outputs to those of the largest margin on tangent features.

    Parameters
    ----------
    margins : ndarray, shape (examples,)
        Of the network, positive.
    outputs : ndarray, shape (points,)
        Of the network, on inputs that were not trained on.
    features : ndarray, shape (examples, parameters)
        Label times tangent features, to be separated.
    fresh : ndarray, shape (points, parameters)
        Tangent features of the inputs that were not trained on.

    Returns
    -------
    float
        Root mean square of the difference over that of the network's, both scaled to least margins of 1.
    """
    from genlaws.simulate import largest_margin

    own = outputs / margins.min()
    return float(np.linalg.norm(fresh @ largest_margin(features).weights - own) / np.linalg.norm(own))


def _asleep(layers: Sequence[FloatArray], rng: np.random.Generator) -> list[FloatArray]:
    # small units in random directions that no output looks at yet
    first, last = layers
    added = rng.standard_normal((_SLEEPING, first.shape[1]))
    added *= _ASLEEP * np.linalg.norm(first) / np.linalg.norm(added, axis=1, keepdims=True)
    return [np.concatenate([first, added]), np.concatenate([last, np.zeros((1, _SLEEPING))], axis=1)]


def _is_minimum(
    settings: Settings, inputs: FloatArray, labels: FloatArray, layers: Sequence[FloatArray]
) -> bool:
    from genlaws.simulate import tangential_curvature

    # corners are fractions of the root of the number of units, and are to stay as they are
    corner = settings["corner"] * math.sqrt(len(layers[0]) / settings["width"])
    curved = tangential_curvature(inputs, labels, layers, activation=settings["activation"], corner=corner)
    return curved.lowest > -SADDLE


def share(settings: Settings, found: list[bool], x: float, x_label: str, y_label: str) -> Measurement:
    """The share of runs of which something is true, with the standard deviation of what it may be."""
    # Jeffreys' posterior: runs that all agree do not leave an error of zero
    hits, misses = sum(found) + 0.5, len(found) - sum(found) + 0.5
    spread = math.sqrt(hits * misses / (len(found) + 1.0) ** 2 / (len(found) + 2.0))
    return rows(
        settings, x, float(np.mean(found)), se=spread, reference=0.0, x_label=x_label, y_label=y_label
    )


def pairs_apart(margins: FloatArray) -> float:
    """Share of the pairs of margins that differ by more than a hundredth of the larger one."""
    return float(np.mean([abs(a - b) > _APART * max(a, b) for a, b in combinations(margins, 2)]))


def measure_limits(settings: Settings, rng: np.random.Generator) -> Readings:
    """What networks of one hidden layer, from several starts on the same inputs or images, converge to.

    Flows that come to rest before they separate, or that their integrator gives up, start anew; how many
    did stands in the settings of the measurements as ``drawn_again``.
    """
    from genlaws.simulate import random_layers

    inputs, labels, unseen = _data(settings, rng)
    drawn = random_layers([settings["dimension"], _WIDER * settings["width"], 1], rng=rng)
    lazy = _features(settings, inputs, labels, drawn), _features(settings, unseen, np.ones(_FRESH), drawn)
    times = len(settings["log_times"])
    residuals, kernels = np.empty((settings["starts"], times, 2)), np.empty((settings["starts"], times, 2))
    margins, minima, wider, again = [], [], [], 0
    for start in range(settings["starts"]):
        flow, failed = _flow(settings, inputs, labels, rng)
        again += failed
        for place in range(times):
            layers = [layer[place] for layer in flow.directions]
            weights = _balanced(_network(settings, inputs, labels, layers), layers)
            own = (
                _features(settings, inputs, labels, layers),
                _features(settings, unseen, np.ones(_FRESH), layers),
            )
            residuals[start, place] = _residuals(weights, own[0])
            kernels[start, place] = [
                off_kernel(own[0] @ weights, own[1] @ weights, *features) for features in (own, lazy)
            ]
        margins.append(flow.margin[-1])
        last = [layer[-1] for layer in flow.weights]
        minima.append(_is_minimum(settings, inputs, labels, last))
        wider.append(_is_minimum(settings, inputs, labels, _asleep(last, rng)))
    kept = {**settings, "drawn_again": again}
    end = settings["log_times"][-1]
    residual, without = np.exp(np.log(residuals).mean(axis=0)).T
    kernel, of_random = np.exp(np.log(kernels).mean(axis=0)).T
    return {
        "residual": _in_time(kept, residual, "residual of the conditions"),
        "one example less": _in_time(kept, without, "residual without one example"),
        "tangent kernel": _in_time(kept, kernel, "distance to the kernel's outputs"),
        "random kernel": _in_time(kept, of_random, "distance to a random kernel's outputs"),
        "margins apart": rows(
            kept, end, pairs_apart(np.array(margins)), reference=0.0, x_label="ln t", y_label="pairs apart"
        ),
        "minima": share(kept, minima, end, "ln t", "share of minima"),
        "minima when wider": share(kept, wider, end, "ln t", "share of minima"),
    }
