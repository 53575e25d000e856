"""Networks of a sweep of widths, trained together and one at a time.

Run ``python benchmarks/width_sweep.py`` or ``python benchmarks/width_sweep.py cuda``; it writes
``benchmarks/results/width_sweep.md``, or ``width_sweep_cuda.md``. On a CPU it uses one thread and takes the
time that this was computing, so that whoever else uses the machine counts for less.
"""

from __future__ import annotations

import itertools
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from genlaws.empirical import WidthEnsemble, WidthProtocol, classification_task, load_images, train_width
from genlaws.empirical.early_stopping import log_spaced_steps
from genlaws.empirical.width_sweep import NETWORKS_IN_BLOCK

RESULTS = Path(__file__).parent / "results"
EXAMPLES, TEST, COMPONENTS = 500, 1000, 10
WIDTHS = (10, 30, 100)
ROUNDS, ALONE = 3, 2  # networks that are trained one at a time in a round
PROTOCOL = WidthProtocol(rate_factor=10.0, max_steps=20_000)


@dataclass(frozen=True)
class Bench:
    """The data, the device and its clock."""

    inputs: NDArray[np.float64]
    labels: NDArray[np.int64]
    device: torch.device

    def now(self) -> float:
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def timed(self, run: Callable[[], object]) -> float:
        started = self.now()
        run()
        return self.now() - started

    def together(self, width: int, seed: int) -> WidthEnsemble:
        x, y = self.inputs, self.labels
        return train_width(
            x[:EXAMPLES],
            y[:EXAMPLES],
            x[EXAMPLES:],
            y[EXAMPLES:],
            width=width,
            networks=NETWORKS_IN_BLOCK,
            protocol=PROTOCOL,
            rng=seed,
            device=self.device.type,
        )


def started_module(width: int) -> nn.Sequential:
    """A network of the protocol as a person would write it."""
    parts: list[nn.Module] = []
    sizes = [COMPONENTS, *[width] * PROTOCOL.hidden_layers, 1]
    for fan_in, out in itertools.pairwise(sizes):
        layer = nn.Linear(fan_in, out)
        nn.init.orthogonal_(layer.weight)
        nn.init.zeros_(layer.bias)
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def alone(bench: Bench, width: int) -> int:
    """Train one network to zero loss, looking at its test error as often as the sweep does; its steps."""
    x, y = (torch.tensor(v, dtype=torch.float32, device=bench.device) for v in (bench.inputs, bench.labels))
    module = started_module(width).to(bench.device)
    stepper = torch.optim.Adam(module.parameters(), lr=PROTOCOL.learning_rate(width), fused=True)
    looks = log_spaced_steps(PROTOCOL.max_steps, per_decade=16)
    own, best = slice(EXAMPLES), 1.0
    for step in range(PROTOCOL.max_steps):
        if step in looks:
            with torch.no_grad():
                best = min(best, float((module(x[EXAMPLES:])[:, 0] * y[EXAMPLES:] <= 0).double().mean()))
        loss: Tensor = 0.5 * functional.relu(1.0 - y[own] * module(x[own])[:, 0]).square().mean()
        if float(loss.detach()) == 0.0:
            return step
        stepper.zero_grad()
        loss.backward()
        stepper.step()
    return PROTOCOL.max_steps


def row(bench: Bench, width: int) -> str:
    """A row of the table; a ratio is taken within a round."""
    rounds: list[tuple[float, float, float, float]] = []
    parameters = reached = 0
    for seed in range(ROUNDS):
        torch.manual_seed(seed)
        made: list[WidthEnsemble] = []
        steps: list[int] = []
        both = bench.timed(lambda seed=seed, made=made: made.append(bench.together(width, seed)))
        single = bench.timed(lambda steps=steps: steps.extend(alone(bench, width) for _ in range(ALONE)))
        (networks,) = made
        parameters, reached = networks.parameters, reached + int(networks.reached.sum())
        rounds.append(
            (both / len(networks), both / networks.steps.sum(), single / ALONE, single / sum(steps))
        )
    own, own_step, single, single_step = ([r[k] for r in rounds] for k in range(4))
    ratios = [b / a for a, b in zip(own_step, single_step, strict=True)]
    return (
        f"| {width} | {parameters:,} | {reached} of {ROUNDS * NETWORKS_IN_BLOCK} "
        f"| {statistics.median(own):.2f} | {statistics.median(single):.2f} "
        f"| {1e3 * statistics.median(own_step):.2f} | {1e3 * statistics.median(single_step):.2f} "
        f"| {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}) |"
    )


def main() -> None:
    device = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    where = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else (
            f"one thread of {platform.machine()} ({os.cpu_count()} shared cores), the time it was computing"
        )
    )
    if device.type == "cpu":
        torch.set_num_threads(1)
    task = classification_task(load_images("mnist5k"), "parity", components=COMPONENTS, rng=0)
    points = EXAMPLES + TEST
    bench = Bench(inputs=task.inputs[:points], labels=task.labels[:points], device=device)
    bench.together(10, 0)  # warms up
    text = (
        "# A sweep of widths\n\n"
        f"One run of `benchmarks/width_sweep.py`, {where}, Python {platform.python_version()}, torch "
        f"{torch.__version__}. Networks of {PROTOCOL.hidden_layers} hidden layers on {EXAMPLES} MNIST images "
        f"(parity, {COMPONENTS} principal components), quadratic hinge, Adam on all examples at "
        f"{PROTOCOL.rate_factor:g} times the paper's rate, to zero loss, with a look at {TEST} test images "
        f"at 16 steps in each factor of ten. Together: blocks of {NETWORKS_IN_BLOCK}, with their outputs and "
        f"gradients on the test images. One at a time: {ALONE} networks a round, without those.\n\n"
        f"Medians of {ROUNDS} rounds, each of which runs both, one after the other. Networks differ in the "
        "steps they take: the ratio is that of the time a step takes a network, taken within a round, least "
        "and largest in brackets.\n\n"
        "| width | parameters | zero loss | together, s a network | one at a time, s | together, ms a step "
        "| one at a time, ms a step | ratio |\n"
        "|---|---|---|---|---|---|---|---|\n" + "\n".join(row(bench, width) for width in WIDTHS) + "\n"
    )
    name = "width_sweep.md" if device.type == "cpu" else "width_sweep_cuda.md"
    (RESULTS / name).write_text(text)
    print(text)


if __name__ == "__main__":
    main()
