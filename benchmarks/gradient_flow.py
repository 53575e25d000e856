"""Gradient flow in the logarithm of time, beside gradient descent step by step.

Run ``python benchmarks/gradient_flow.py``; it writes ``benchmarks/results/gradient_flow.md``. All sides use
one thread, and the time that it was computing.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import GradientFlow, integrate_gradient_flow, random_layers
from genlaws.simulate.homogeneous_network import Activation

FloatArray = NDArray[np.float64]
Layers = tuple[FloatArray, ...]

RESULTS = Path(__file__).parent / "results"
EXAMPLES, DIMENSION, WIDTH = 100, 50, 10
END, TOLERANCE, TIGHTER = 1e4, 1e-8, 1e-10
FIXED_END = {1: 12.0, 3: 7.0}  # ln t of the loop at a fixed rate, by layers
ADAPTIVE_END = {1: 1000.0, 3: 30.0}  # of the loop at an adaptive one
ROUNDS = 2
YEAR = 365.25 * 86400.0


@numba.njit(cache=False)
def _descend(
    layers: Layers,
    inputs: FloatArray,
    labels: FloatArray,
    relu: bool,
    rate: float,
    adaptive: bool,
    last: float,
) -> tuple[float, int]:
    """Step by step to ln t = `last` on the exponential loss; changes `layers`, gives ln t and the steps.

    An adaptive rate is `rate` over the loss and over the square of the gradient of outputs, which grows with
    the weights: what rates in proportion to 1/loss (arXiv:1906.05890) come to with layers that grow.
    """
    count, depth = len(labels), len(layers)
    log_time, steps = -np.inf, 0
    while log_time < last:
        hidden = [inputs]
        for k in range(depth - 1):
            signals = hidden[k] @ layers[k].T
            hidden.append(np.maximum(signals, 0.0) if relu else signals)
        margins = labels * (hidden[depth - 1] @ layers[depth - 1].T)[:, 0]
        least = margins.min()
        pulls = np.exp(least - margins)
        log_loss = math.log(pulls.sum()) - least
        shares = pulls / pulls.sum()
        log_rate = math.log(rate)
        if adaptive:
            product = 1.0
            for k in range(depth):
                product *= (layers[k] ** 2).sum()
            size = 0.0
            for k in range(depth):
                size += product / (layers[k] ** 2).sum()
            log_rate -= log_loss + math.log(size)
        factor = math.exp(log_rate + log_loss)
        errors = (labels * shares).reshape(count, 1)
        for k in range(depth - 1, -1, -1):
            slope = errors.T @ hidden[k]
            if k > 0:
                errors = errors @ layers[k]
                if relu:
                    errors = errors * (hidden[k] > 0.0)
            layers[k][:] += factor * slope
        log_time = max(log_time, log_rate) + math.log1p(math.exp(-abs(log_time - log_rate)))
        steps += 1
    return log_time, steps


@dataclass(frozen=True)
class Problem:
    """What is followed."""

    name: str
    widths: tuple[int, ...]
    activation: Activation
    inputs: FloatArray
    labels: FloatArray
    rate: float

    def start(self) -> Layers:
        # ReLUs halve what comes through; with this seed all examples are learnt
        return random_layers(self.widths, scale=1.4 if self.activation == "relu" else 1.0, rng=2)

    def flow(self, end: float, tolerance: float) -> GradientFlow:
        return integrate_gradient_flow(
            self.inputs,
            self.labels,
            self.start(),
            np.geomspace(1.0, end, 41),
            activation=self.activation,
            tolerance=tolerance,
        )

    def loop(self, end: float, *, adaptive: bool) -> tuple[Layers, float, int]:
        layers = tuple(layer.copy() for layer in self.start())
        rate = 1.0 if adaptive else self.rate
        relu = self.activation == "relu"
        log_time, steps = _descend(layers, self.inputs, self.labels, relu, rate, adaptive, end)
        return layers, log_time, steps

    def margin(self, layers: Layers) -> float:
        signals = self.inputs
        for layer in layers[:-1]:
            signals = signals @ layer.T
            if self.activation == "relu":
                signals = np.maximum(signals, 0.0)
        scale = math.prod(float(np.linalg.norm(layer)) for layer in layers)
        return float((self.labels * (signals @ layers[-1].T)[:, 0]).min()) / scale


def problems() -> list[Problem]:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((EXAMPLES, DIMENSION)) / math.sqrt(DIMENSION)
    labels = np.sign(inputs @ rng.standard_normal(DIMENSION))
    rate = 0.5 / float(np.linalg.norm(inputs, 2)) ** 2
    deep = (DIMENSION, WIDTH, WIDTH, 1)
    return [
        Problem("linear", (DIMENSION, 1), "linear", inputs, labels, rate),
        Problem("three linear layers", deep, "linear", inputs, labels, 0.1 * rate),
        Problem("three layers, ReLU", deep, "relu", inputs, labels, 0.1 * rate),
    ]


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = run()
    return time.process_time() - started, result


def duration(log_seconds: float) -> str:
    """A time of which only the logarithm may fit into a number."""
    if log_seconds < math.log(YEAR):
        return f"{math.exp(log_seconds):.3g} s"
    return f"1e{(log_seconds - math.log(YEAR)) / math.log(10.0):.0f} years"


def row(problem: Problem) -> str:
    layers = len(problem.widths) - 1
    problem.loop(-3.0, adaptive=False)  # compiles
    flows: list[float] = []
    fixed: list[float] = []
    adapted: list[float] = []
    for _ in range(ROUNDS):
        seconds, flow = timed(lambda: problem.flow(END, TOLERANCE))
        flows.append(seconds)
        seconds, (at_fixed, fixed_time, fixed_steps) = timed(
            lambda: problem.loop(FIXED_END[layers], adaptive=False)
        )
        fixed.append(seconds)
        seconds, (at_adapted, adapted_time, steps) = timed(
            lambda: problem.loop(ADAPTIVE_END[layers], adaptive=True)
        )
        adapted.append(seconds)
    tight = problem.flow(END, TIGHTER)
    apart = float(np.abs(tight.margin - flow.margin).max())
    ends = [problem.flow(end, TOLERANCE).margin[-1] for end in (fixed_time, adapted_time)]
    off = [abs(problem.margin(at) / end - 1.0) for at, end in zip((at_fixed, at_adapted), ends, strict=True)]
    own, single, many = min(flows), min(fixed), min(adapted)
    # a step of the fixed rate is always as long; of the adaptive one, ln t grows by about as much in each
    to_end = END - math.log(problem.rate) + math.log(single / fixed_steps)
    adapted_to_end = many * END / ADAPTIVE_END[layers]
    return (
        f"| {problem.name} | {own:.2f} | {flow.evaluations:,} | {flow.margins_error.max():.0e} | {apart:.0e} "
        f"| {FIXED_END[layers]:g} | {fixed_steps:,} | {single:.2f} | {off[0]:.0e} | {duration(to_end)} "
        f"| {ADAPTIVE_END[layers]:g} | {steps:,} | {many:.2f} | {off[1]:.0e} | {adapted_to_end:.0f} "
        f"| {adapted_to_end / own:.0f} |"
    )


def main() -> None:
    rows = "\n".join(row(problem) for problem in problems())
    where = f"one thread of {platform.machine()} ({os.cpu_count()} shared cores), the time it was computing"
    what = f"Python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}"
    text = f"""# Gradient flow in the logarithm of time

One run of `benchmarks/gradient_flow.py`, {where}, {what}; the less of {ROUNDS} rounds, each of which runs all
sides, one after the other. {EXAMPLES} examples in dimension {DIMENSION}, exponential loss, hidden layers of
{WIDTH} units.

genlaws goes to ln t = {END:g}, once more at ten times the tolerance for its error estimate. Errors are of
normalized margins, the largest over all times; apart: from a run at tolerance {TIGHTER:g} in place of
{TOLERANCE:g}. The loops are compiled gradient descent. At a fixed rate, near the largest stable one, every
step takes as long, and from that follows the time to ln t = {END:g}. At a rate over the loss and over the
squared gradient of outputs, ln t grows by about as much in every step. What a loop's margin is off by, in
parts of that of the flow at the same ln t, is the length of its steps; ReLUs that pass their kinks make it
more. The ratio is the time of the adaptive loop to the same ln t over that of genlaws.

| network | genlaws, s | evaluations | estimated error | apart | fixed rate to ln t | steps | s | margin off \
| to {END:g} | adaptive rate to ln t | steps | s | margin off | to {END:g}, s | ratio |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
{rows}
"""
    (RESULTS / "gradient_flow.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
