"""Plain and normalized flows of linear classifiers from one start, and their directions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from genlaws.simulate import GradientFlow, Measurement, integrate_gradient_flow, random_layers
from genlaws.simulate.homogeneous_network import Normalization
from genlaws.simulate.measurement import Source

from ..claim import AnyExperiment, Readings, Settings, SharedWork
from .linear_flows import LATE, REPLICATES, SEPARABLE, SeparableData, draw_separable
from .units import rows, shared_simulation, simulated

FloatArray = NDArray[np.float64]

_DENSE = 120  # times of which directions at given norms are read


def _start(settings: Settings, rng: np.random.Generator) -> tuple[FloatArray, ...]:
    return random_layers([settings["dimension"], 1], scale=settings["start"], rng=rng)


def _flow(
    settings: Settings,
    data: SeparableData,
    start: tuple[FloatArray, ...],
    times: FloatArray,
    normalization: Normalization,
) -> GradientFlow:
    return integrate_gradient_flow(
        data.rows,
        np.ones(len(data.rows)),
        start,
        times,
        loss="logistic",
        normalization=normalization,
        tolerance=settings["tolerance"],
    )


def _at_norms(data: SeparableData, flow: GradientFlow, norms: FloatArray) -> tuple[FloatArray, FloatArray]:
    # where the direction is in the span of the support vectors, off the best one; and ln of its part across
    directions, places = flow.directions[0][:, 0], np.log(flow.norms[:, 0])
    inside = data.inside(directions)
    inside /= np.linalg.norm(inside, axis=1, keepdims=True)
    # times the norm both are smooth
    off = CubicSpline(places, np.exp(places)[:, None] * (inside - data.largest.direction))
    across = CubicSpline(places, np.log(data.across(directions)))
    return off(np.log(norms)) / norms[:, None], across(np.log(norms))


def measure_paired_flows(settings: Settings, rng: np.random.Generator) -> Readings:
    """Directions under the plain and the normalized flow from one start: by ln t, and at equal norms."""
    data, start = draw_separable(settings, rng), _start(settings, rng)
    x = np.asarray(settings["log_times"], dtype=np.float64)
    times = np.union1d(x, np.geomspace(x[0], 1.2 * x[-1], _DENSE))
    plain, normalized = (_flow(settings, data, start, times, how) for how in ("none", "layers"))
    here = np.searchsorted(times, x)
    late = x >= settings["late"]

    def by_time(y: FloatArray, label: str, other: FloatArray | None = None) -> Measurement:
        if other is None:
            return rows(settings, x, y, x_label="ln t", y_label=label)
        return rows(settings, x[late], y[late], x_label="ln t", y_label=label, reference=other[late])

    directions = [flow.directions[0][here, 0] for flow in (plain, normalized)]
    inside = [data.angle(data.inside(v)) for v in directions]
    across = [data.across(v) for v in directions]
    labels = "angle within the support vectors' span", "part across the support vectors' span"
    made = {
        "inside, normalized": by_time(inside[1], labels[0]),
        "across, plain": by_time(across[0], labels[1]),
        "across, normalized": by_time(across[1], labels[1]),
        "inside against plain": by_time(inside[1], labels[0], inside[0]),
        "across against plain": by_time(across[1], labels[1], across[0]),
    }
    if not settings["norms"]:
        return made
    norms = np.asarray(settings["norms"], dtype=np.float64)
    (off, rest), (off_normalized, rest_normalized) = (
        _at_norms(data, flow, norms) for flow in (plain, normalized)
    )

    far = norms >= settings["late"]

    def by_norm(y: FloatArray, label: str, other: FloatArray | None = None) -> Measurement:
        if other is None:
            return rows(settings, norms, y, x_label="norm rho", y_label=label)
        return rows(settings, norms[far], y[far], x_label="norm rho", y_label=label, reference=other[far])

    def length(vectors: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.norm(vectors, axis=1))

    return made | {
        "inside at equal norms": by_norm(length(off_normalized), labels[0], length(off)),
        "across at equal norms": by_norm(np.exp(rest_normalized), labels[1], np.exp(rest)),
        # logarithms, as data sets differ by orders of magnitude: means would be those of one of them
        "apart inside": by_norm(
            np.log(length(off_normalized - off)), "ln of the distance of the two directions in the span"
        ),
        "apart across": by_norm(
            np.log(np.abs(np.exp(rest_normalized) - np.exp(rest))),
            "ln of the distance of the two directions across the span",
        ),
    }


def _times_by_norm(data: SeparableData, x: FloatArray) -> FloatArray:
    # ln t at which theory foretells the norm of half the square x, from the duals alone
    times = np.linspace(0.1, 4.0, 400) * data.largest.margin * math.sqrt(2.0 * x[-1])
    return np.interp(np.sqrt(2.0 * x), data.approach().norm(times), times)


def _times_by_next_example(data: SeparableData, x: FloatArray) -> FloatArray:
    # ln t after which the nearest example that is no support vector has lost x nats against these
    beyond = np.delete(data.largest.margins, data.largest.support)
    return x / (float(beyond.min()) - 1.0)


_CLOCKS = {
    "norm": (_times_by_norm, "rho^2 / 2, about (ln t)^2 / (2 margin^2)"),
    "next example": (_times_by_next_example, "(m - 1) ln t, nearest other example at m margins"),
}


def measure_across(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Ln of the direction's part across the support vectors' span, by what theory says should make it fall.

    Data sets differ by orders of magnitude: a mean of the part itself would be that of one of them.
    """
    data, start = draw_separable(settings, rng), _start(settings, rng)
    x = np.asarray(settings["x"], dtype=np.float64)
    times, label = _CLOCKS[settings["clock"]]
    flow = _flow(settings, data, start, times(data, x), settings["normalization"])
    across = data.across(flow.directions[0][:, 0])
    label_of_y = "ln of the part across the support vectors' span"
    return rows(settings, x, np.log(across), x_label=label, y_label=label_of_y)


PAIRED = SharedWork("plain and normalized flow of a linear classifier", measure_paired_flows, revision=2)

RANGE = (100.0, 1e5)
"""Ln t."""
NORMS = (1000.0, 1e5)
"""Of the weights, at which directions are compared."""
_PAIRED: dict[str, Any] = {
    **SEPARABLE,
    "log_times": [float(x) for x in np.geomspace(*RANGE, 13).round(6)],
    "late": LATE,
    "norms": [float(x) for x in np.geomspace(*NORMS, 9).round(6)],
    "tolerance": 1e-8,
}
FEW: dict[str, Any] = {
    **SEPARABLE,
    "data": "all support",
    "examples": 5,
    "dimension": 100,
    "margin": 5.0,
    "start": 1.0,
    "tolerance": 1e-12,
}
"""Few examples in many dimensions: all are support vectors, and nothing pulls across their span.

The margin is large, so that ln t is before what lies across falls below rounding.
"""
FAST: dict[str, Any] = {**FEW, "log_times": [10.0 + 2.5 * k for k in range(9)], "late": 10.0, "norms": []}
"""Both flows on these, while what lies across is above rounding under normalization, too."""
HALF_SQUARES: dict[str, Any] = {"clock": "norm", "x": [float(x) for x in range(2, 19, 2)]}
"""Where half the squared norm is told from ln t by theory."""
LAGS: dict[str, Any] = {
    **SEPARABLE,
    "data": "some beyond",
    "start": 1.0,
    "tolerance": 1e-12,
    "clock": "next example",
    "x": [float(x) for x in range(5, 21, 2)],
}
"""Times told by the nearest example that is no support vector."""
MANY: dict[str, Any] = {**FEW, **HALF_SQUARES, "data": "random", "examples": 30, "dimension": 20}
"""More examples than dimensions, most of them beyond the margin."""


def paired(reading: str, settings: dict[str, Any] = _PAIRED) -> dict[Source, AnyExperiment]:
    """A reading of both flows, on random examples if no other settings are given."""
    return shared_simulation(REPLICATES, PAIRED, reading, **settings)


def across_span(normalization: Normalization, **settings: Any) -> dict[Source, AnyExperiment]:
    """What one of the flows leaves across the span of the support vectors, see `measure_across`."""
    return simulated(REPLICATES, measure_across, normalization=normalization, **settings)
