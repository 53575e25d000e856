"""Double descent of least squares: where its peak is, and where networks begin to interpolate (E3)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import (
    Measurement,
    excess_risks,
    fit_least_squares_network,
    least_squares_network_parameters,
    regression_ensemble,
)
from genlaws.simulate.threshold import bisect_threshold
from genlaws.theory import EqualWithinMargin, InteriorPeak

from ..claim import Claim, Control, Restatement, Settings
from .image_families import image_task, require_points
from .units import by_budget, on_networks, rows, simulated

FloatArray = NDArray[np.float64]

_RATIOS = [0.25, 0.5, 0.7, 0.85, 1.0, 1.18, 1.43, 2.0, 4.0]


def measure_linear_risk(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Mean ln excess risk of least squares against parameters per example, on isotropic inputs.

    The mean of the logarithm: at as many parameters as examples the risk itself has no mean. With ``stopped``
    gradient flow ends at the time at which a direction of variance 1 is at its best.
    """
    n, noise = settings["examples"], settings["noise"]
    risk = np.empty(len(_RATIOS))
    for place, ratio in enumerate(_RATIOS):
        p = round(ratio * n)
        time = math.log1p(n / (p * noise)) if settings["stopped"] else math.inf
        drawn = [
            math.log(excess_risks(regression_ensemble(n, p, noise=noise, rng=rng).weights(time))[0])
            for _ in range(settings["draws"])
        ]
        risk[place] = np.mean(drawn)
    return rows(settings, _RATIOS, risk, x_label="parameters per example p/n", y_label="ln excess risk")


def _random_features(inputs: FloatArray, features: int, rng: np.random.Generator) -> FloatArray:
    # a layer of ReLU units as it is drawn, whose weights stay
    weights = rng.standard_normal((inputs.shape[1], features)) / math.sqrt(inputs.shape[1])
    return np.asarray(np.maximum(inputs @ weights + 0.1 * rng.standard_normal(features), 0.0))


def measure_readout_risk(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Mean ln squared loss on held-out images of networks whose last layer is fitted by least squares."""
    n, heldout = settings["examples"], settings["heldout"]
    task = image_task(settings, rng)
    require_points(task, n + heldout, "examples + heldout")
    inputs = task.inputs / np.sqrt(np.mean(task.inputs**2))
    risk = np.zeros(len(_RATIOS))
    for _ in range(settings["draws"]):
        order = rng.permutation(len(task))
        own, test = order[:n], order[n : n + heldout]
        for place, ratio in enumerate(_RATIOS):
            hidden = _random_features(inputs[np.concatenate([own, test])], round(ratio * n), rng)
            seen, unseen = hidden[:n], hidden[n:]
            if settings["ridge"]:
                gram = seen.T @ seen + settings["ridge"] * n * np.eye(seen.shape[1])
                readout = np.linalg.solve(gram, seen.T @ task.labels[own])
            else:
                readout = np.linalg.lstsq(seen, task.labels[own].astype(np.float64))[0]
            residuals = unseen @ readout - task.labels[test]
            risk[place] += math.log(np.mean(residuals**2)) / settings["draws"]
    return rows(settings, _RATIOS, risk, x_label="units per example h/n", y_label="ln held-out squared loss")


def _points(settings: Settings, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    # inputs, and a row of -1 and +1 for each, +1 at its class
    if "data" in settings:
        task = image_task(settings, rng)
        require_points(task, n, "n_examples")
        inputs, labels, classes = task.inputs[:n], task.labels[:n], len(task.classes)
        inputs = inputs / np.sqrt(np.mean(inputs**2))
    else:
        classes = settings["classes"]
        inputs = rng.standard_normal((n, settings["dimension"]))
        labels = rng.integers(classes, size=n)
    return inputs, 2.0 * np.eye(classes)[labels] - 1.0


def measure_threshold(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Least number of parameters with which networks of one hidden layer reach zero loss, beside n K."""
    sizes, thresholds, demands = settings["n_examples"], [], []
    for n in sizes:
        inputs, targets = _points(settings, n, rng)
        dimension, classes = inputs.shape[1], targets.shape[1]
        starts = int(rng.integers(2**63))

        def reached(
            width: int, inputs: FloatArray = inputs, targets: FloatArray = targets, starts: int = starts
        ) -> bool:
            # from any of several starts: one may be caught where its units have their kinks
            return any(
                fit_least_squares_network(
                    inputs,
                    targets,
                    width=width,
                    residuals=settings["residuals"],
                    steps=settings["steps"],
                    rng=np.random.default_rng([starts, width, start]),
                ).reached
                for start in range(settings["starts"])
            )

        a_unit = dimension + 1 + classes
        lowest, highest = 0.05 * n * classes / a_unit, 2.5 * n * classes / a_unit
        ends = bisect_threshold(reached, low=max(1, int(lowest)), high=math.ceil(highest), rng=rng)
        counts = [least_squares_network_parameters(dimension, width, classes) for width in ends]
        thresholds.append(math.sqrt(counts[0] * counts[1]))
        demands.append(n * classes)
    return rows(
        settings, demands, thresholds, reference=demands, x_label="demands n K", y_label="threshold N*"
    )


_LINEAR: dict[str, Any] = {
    "examples": by_budget(60, 100, 200),
    "noise": 0.25,
    "draws": by_budget(20, 40, 80),
}
_READOUT: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": 30,
    "examples": by_budget(80, 200, 400),
    "heldout": by_budget(500, 2000, 4000),
    "draws": by_budget(6, 12, 20),
}
_RANDOM: dict[str, Any] = {
    "classes": 5,
    "dimension": 8,
    "n_examples": by_budget([24, 40], [24, 40, 64], [24, 40, 64, 100, 160]),
    "starts": 3,
    "steps": by_budget(100, 300, 1000),
}
_DIGITS: dict[str, Any] = {
    "data": "mnist5k",
    "task": "digits",
    "components": 10,
    "n_examples": by_budget([16, 24], [16, 24, 32], [16, 24, 36, 50, 80]),
    "starts": by_budget(2, 3, 3),
    "steps": by_budget(100, 300, 1000),
}

CLAIMS = (
    Claim(
        id="E3a",
        paper="classics",
        where="arXiv:1812.11118, double descent of random features; risk of least squares derived",
        statement="The test risk of least squares peaks where there are as many parameters as examples.",
        prediction="largest at p/n = 1, within 10 %, between p/n = 1/4 and 4",
        law=InteriorPeak(place=1.0),
        predicted=1.0,
        band=(0.9, 1.1),
        band_reason=(
            "the ratios measured beside 1 are 0.85 and 1.18: the band ends well before them, so that a peak "
            "at either counts as another"
        ),
        x_range=(0.25, 4.0),
        falsifier="a largest risk further than 10 % from as many parameters as examples, or at an end",
        control=Control(
            description="gradient flow that is stopped in time, or a ridge: the risk has no peak at p = n",
            expected="REFUTED",
            experiments=simulated(by_budget(6, 8, 12), measure_linear_risk, stopped=True, **_LINEAR)
            | on_networks(by_budget(5, 8, 12), measure_readout_risk, ridge=0.1, **_READOUT),
        ),
        experiments=simulated(by_budget(8, 12, 20), measure_linear_risk, stopped=False, **_LINEAR)
        | on_networks(by_budget(6, 12, 20), measure_readout_risk, ridge=0.0, **_READOUT),
        restated={
            "network": Restatement(
                prediction=(
                    "held-out squared loss of networks with a random first layer and a last layer of least "
                    "norm: largest at as many units as examples, within 10 %"
                ),
            )
        },
    ),
    Claim(
        id="E3b",
        paper="classics",
        where="arXiv:1812.11118 on networks with K outputs, as one equation for each output of each example",
        statement="With the squared loss, networks reach zero training loss from N = n K parameters on.",
        prediction="N* = n K within 25 %, for n examples with K outputs each",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-math.log(1.25), math.log(1.25)),
        band_reason=(
            "widths are whole numbers, and where n K is least one unit is an eighth of the parameters: a "
            "threshold may be two units off"
        ),
        x_range=(120, 200),
        falsifier="a threshold more than 25 % above or below n K at any n",
        control=Control(
            description=(
                "the quadratic hinge on the same outputs, which asks only for margins: it is satisfied far "
                "below n K, as jamming says (arXiv:1809.09349)"
            ),
            expected="REFUTED",
            experiments=simulated(by_budget(4, 8, 12), measure_threshold, residuals="hinge", **_RANDOM)
            | on_networks(by_budget(4, 8, 12), measure_threshold, residuals="hinge", **_DIGITS),
        ),
        experiments=simulated(by_budget(6, 12, 20), measure_threshold, residuals="square", **_RANDOM)
        | on_networks(by_budget(5, 10, 12), measure_threshold, residuals="square", **_DIGITS),
        restated={"network": Restatement(x_range=(160, 240))},
    ),
)
