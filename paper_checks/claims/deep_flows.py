"""Gradient flows of deep homogeneous networks in log time, and what claims read off them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import (
    GradientFlow,
    Measurement,
    integrate_gradient_flow,
    largest_margin,
    random_layers,
)
from genlaws.simulate.measurement import Source

from ..claim import AnyExperiment, Readings, Settings, SharedWork
from .units import by_budget, rows, shared_simulation

FloatArray = NDArray[np.float64]

EARLY, LATE, END = 30.0, 1e3, 1e5
"""Ln t from which flows have separated, from which laws are those of late times, and of the end. What is left
out of late laws falls like ln ln t / ln t, 0.7 % at first."""

FALL = 1e-3
"""By what share of its largest value so far a margin must fall, to count: far above the flows' errors."""

_DRAWS = 20  # of data and start, of which a few in ten come to rest before they separate
_SHORT_BY = 0.01  # by what share of its bound growth must fall short, to count
_EVALUATIONS = 20_000
# ln t; margins rise and fall where flows separate
_SHORT = np.concatenate([[-np.inf], np.arange(-5.0, EARLY, 0.25), np.geomspace(EARLY, 300.0, 25)])
_LONG = np.concatenate([[-np.inf], np.geomspace(EARLY, LATE, 19)[:-1], np.geomspace(LATE, END, 25)])


def _labels(inputs: FloatArray, activation: str, rng: np.random.Generator) -> FloatArray:
    # which of two random directions an input has more of; of either sign, where units know no sign
    along = inputs @ rng.standard_normal((inputs.shape[1], 2))
    if activation == "square":
        along = along**2
    return np.where(along[:, 0] > along[:, 1], 1.0, -1.0)


def _flow(
    settings: Settings, kind: int, examples: int, log_times: FloatArray, rng: np.random.Generator
) -> tuple[GradientFlow, FloatArray, int]:
    # the flow, label times input, and how many flows before it did not separate
    networks, losses = settings["networks"], settings["losses"]
    activation, hidden = networks[kind % len(networks)]
    dimension = settings["dimension"]
    last: Exception | None = None
    for failed in range(_DRAWS):
        inputs = rng.standard_normal((examples, dimension)) / np.sqrt(dimension)
        labels = _labels(inputs, activation, rng)
        start = random_layers((dimension, *hidden, 1), rng=rng)
        if settings["balanced"]:
            start = tuple(layer / np.linalg.norm(layer) for layer in start)
        try:
            flow = integrate_gradient_flow(
                inputs,
                labels,
                start,
                log_times,
                loss=losses[kind // len(networks) % len(losses)],
                activation=activation,
                normalization=settings["normalization"],
                tolerance=settings["tolerance"],
                corner=1e-2,
                evaluations=_EVALUATIONS,
            )
        except (ValueError, RuntimeError) as error:
            # it came to rest, or slid along too many kinks
            last = error
            continue
        return flow, labels[:, None] * inputs, failed
    raise ValueError(
        f"none of {_DRAWS} flows of {activation} networks separated {examples} examples"
    ) from last


def _farthest_growth(flow: GradientFlow) -> tuple[FloatArray, FloatArray]:
    # growth of the squared norm of the layer that strays most from the first, and of the first
    growth = flow.norms**2 - flow.norms[0] ** 2
    stray = np.abs(growth - growth[:, :1])[-1]
    return growth[:, int(np.argmax(stray))], growth[:, 0]


def _short_steps(flow: GradientFlow, chosen: NDArray[np.bool_]) -> float:
    # share of steps in which ln of the smoothed margin grows by less than what its bound leaves
    weights = np.concatenate([layer.reshape(len(chosen), -1) for layer in flow.weights], axis=1)
    # the bound is one from where the smoothed margin is positive on
    chosen = chosen & (flow.smoothed_margin > 0.0)
    weights = weights[chosen]
    norms = np.linalg.norm(weights, axis=1)
    degree = flow.powers.sum()
    # the margin of all weights as one vector
    logs = np.log(flow.smoothed_margin[chosen]) + flow.log_scale[chosen] - degree * np.log(norms)
    turned = (np.diff(weights / norms[:, None], axis=0) ** 2).sum(axis=1)
    bound = degree * turned / np.diff(np.log(norms))
    return float(np.mean(np.diff(logs) < (1.0 - _SHORT_BY) * bound))


def measure_deep_flow(settings: Settings, rng: np.random.Generator) -> Readings:
    """One flow to ln t = `END`, read in all ways that claims ask for.

    Replicates take turns with the pairs of activation and hidden widths in ``networks``, then the ``losses``.
    Data and start are drawn again where a flow comes to rest; ``failed`` in the measurement says how often.
    The smoothed margin is that of all weights as one vector. Its growth in a step is held against what its
    bound leaves of a step, L times the squared change of direction over the change of ln of the norm.
    """
    flow, signed, failed = _flow(settings, settings["replicate"], settings["examples"], _LONG, rng)
    kept = {**settings, "failed": failed}
    early, late = _LONG >= EARLY, _LONG >= LATE
    middle = early & (_LONG <= LATE)
    norms = flow.norms

    def read(
        chosen: NDArray[np.bool_], y: FloatArray, label: str, reference: FloatArray | None = None
    ) -> Measurement:
        against = None if reference is None else reference[chosen]
        return rows(kept, _LONG[chosen], y[chosen], reference=against, x_label="ln t", y_label=label)

    minus = "\N{MINUS SIGN}"
    found = {
        "loss": read(late, -flow.log_loss - _LONG, f"{minus}ln(loss) {minus} ln t"),
        "scaled margin": read(
            late, np.exp(flow.log_scale) * flow.margin - _LONG, f"rho times margin {minus} ln t"
        ),
        "layer norm": read(late, np.exp(np.log(norms).mean(axis=1)), "norm of a layer, mean of logarithms"),
        "weight norm": read(late, np.sqrt((norms**2).sum(axis=1)), "norm of all weights"),
        "rate": rows(
            kept,
            LATE,
            _short_steps(flow, middle),
            reference=0.0,
            x_label="ln t",
            y_label="share of steps in which the margin grows too slowly",
        ),
    }
    if norms.shape[1] > 1:
        growth, first = _farthest_growth(flow)
        found["growth"] = read(early, growth, "growth of a layer's squared norm", first)
        found["balance"] = read(early, norms[:, -1], "norm of the last layer", norms[:, 0])
    networks = settings["networks"]
    if networks[settings["replicate"] % len(networks)][0] == "linear":
        gap = largest_margin(signed).margin - flow.margin
        found["margin gap"] = read(late, gap, "largest margin less margin")
    return found


def _falls(values: FloatArray) -> bool:
    if len(values) < 2:
        return False
    highest = np.maximum.accumulate(values)
    return bool(np.any(highest - values > FALL * np.abs(highest)))


_WATCHED: dict[str, Callable[[GradientFlow], FloatArray]] = {
    "smoothed margin": lambda flow: flow.smoothed_margin[flow.smoothed_margin > 0.0],
    "mean margin": lambda flow: flow.margins.mean(axis=1)[flow.smoothed_margin > 0.0],
    "margin": lambda flow: flow.margin[flow.margin > 0.0],
    "late margin": lambda flow: flow.margin[flow.smoothed_margin > 0.0],
}


def measure_falls(settings: Settings, rng: np.random.Generator) -> Readings:
    """Share of flows in which a margin falls, by the number of examples.

    A fall is one by the share `FALL` of the largest value before it. ``"margin"`` is the least one, from zero
    training error on; ``"late margin"`` is that from where the smoothed margin is positive, as are
    ``"smoothed margin"`` and ``"mean margin"``, over examples.
    """
    falls: dict[str, list[float]] = {name: [] for name in _WATCHED}
    failures = []
    for examples in settings["examples"]:
        runs = [_flow(settings, k, examples, _SHORT, rng) for k in range(settings["flows"])]
        failures.append(sum(failed for *_, failed in runs))
        for name, watch in _WATCHED.items():
            falls[name].append(float(np.mean([_falls(watch(flow)) for flow, *_ in runs])))
    kept = {**settings, "failed": failures}
    return {
        name: rows(
            kept, settings["examples"], shares, reference=0.0, x_label="examples", y_label="share of flows"
        )
        for name, shares in falls.items()
    }


_DEEP_FLOWS = SharedWork("deep-flows", measure_deep_flow)
_MARGIN_FALLS = SharedWork("margin-falls", measure_falls)
_REPLICATES = by_budget(5, 10, 30)

_PLAIN: dict[str, Any] = {
    "examples": 8,
    "dimension": 5,
    "losses": ["exponential", "logistic"],
    "normalization": "none",
    "balanced": False,
    "tolerance": 1e-7,
}
ONE_LAYER: dict[str, Any] = {**_PLAIN, "networks": [["linear", []]]}
"""Settings of flows, which claims share. Balanced layers start with norm 1."""
TWO_LAYERS: dict[str, Any] = {**_PLAIN, "networks": [["relu", [6]], ["linear", [4]]]}
THREE_LAYERS: dict[str, Any] = {
    **_PLAIN,
    "networks": by_budget([["linear", [4, 3]]], *2 * [[["relu", [5, 5]], ["linear", [4, 3]]]]),
    "balanced": True,
}
THREE_LINEAR_LAYERS: dict[str, Any] = {**_PLAIN, "networks": [["linear", [4, 3]]], "balanced": True}
SQUARES: dict[str, Any] = {**_PLAIN, "networks": [["square", [5]]], "balanced": True}
CUBES: dict[str, Any] = {**_PLAIN, "networks": [["cube", [2]]], "balanced": True}
NORMALIZED_LINEAR_LAYERS: dict[str, Any] = {**THREE_LINEAR_LAYERS, "normalization": "layers"}
NORMALIZED_SQUARES: dict[str, Any] = {**SQUARES, "normalization": "layers"}
NORMALIZED_LAYERS: dict[str, Any] = {
    **_PLAIN,
    "networks": [["linear", [4, 3]], ["relu", [6]]],
    "normalization": "layers",
}
EXPONENTIALLY_NORMALIZED_CUBES: dict[str, Any] = {**CUBES, "normalization": "exponential"}
EXPONENTIALLY_NORMALIZED: dict[str, Any] = {
    **_PLAIN,
    "networks": [["linear", [4]], ["linear", [4, 3]]],
    "normalization": "exponential",
}
_LINEAR = [["linear", []], ["linear", [4]]]
_MANY_FLOWS: dict[str, Any] = {
    **_PLAIN,
    "networks": by_budget(_LINEAR, *2 * [[*_LINEAR, ["relu", [6]]]]),
    "tolerance": 1e-6,
    # of many examples, so that which is the least margin changes
    "examples": [64],
    "flows": by_budget(12, 30, 90),
}


def flows(settings: Settings, reading: str) -> dict[Source, AnyExperiment]:
    """A simulation of flows with these settings, and which reading of `measure_deep_flow` it is."""
    return shared_simulation(_REPLICATES, _DEEP_FLOWS, reading, **settings)


def many_flows(reading: str) -> dict[Source, AnyExperiment]:
    """A simulation of many short flows, and which reading of `measure_falls` it is."""
    return shared_simulation(_REPLICATES, _MARGIN_FALLS, reading, **_MANY_FLOWS)
