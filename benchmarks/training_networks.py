"""Networks trained together, one at a time, and by `torch.func.vmap`, beside the bare matrix products.

Run ``python benchmarks/training_networks.py`` or ``python benchmarks/training_networks.py cuda``; it writes
``benchmarks/results/training_networks.md``, or ``training_networks_cuda.md``. On a CPU it uses one thread and
takes the time that this was computing, so that whoever else uses the machine counts for less.
"""

from __future__ import annotations

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
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from genlaws.empirical import classification_task, load_images
from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.input_span import InputSpan
from genlaws.empirical.networks import Network
from genlaws.empirical.optimizers import OPTIMIZERS, Optimizer
from genlaws.empirical.priors import Prior
from genlaws.empirical.trained_networks import TrainedNetworks
from genlaws.empirical.training import train_networks
from genlaws.empirical.training_recipe import Stop

RESULTS = Path(__file__).parent / "results"
EXAMPLES, WIDTH, NETWORKS = 500, 64, 100
ROUNDS = 7
FEW, MANY = 2, 12  # steps: their difference leaves out what a run takes to begin and to end
ALONE = 4  # networks that are trained one at a time in a round
RATE = 1e-3
TO_ZERO_ALONE, MOST = 10, 3000  # networks that are trained alone to zero error, and steps at most
Clock = Callable[[], float]


def clock_of(device: torch.device) -> Clock:
    if device.type == "cpu":
        return time.process_time

    def now() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return now


def as_modules(network: Network, start: TrainedNetworks, device: torch.device) -> list[nn.Sequential]:
    """Networks with these weights as a person would write them."""
    modules = []
    for k in range(len(start)):
        parts: list[nn.Module] = []
        for weight, bias in start.weights:
            layer = nn.Linear(weight.shape[2], weight.shape[1])
            with torch.no_grad():
                layer.weight.copy_(weight[k])
                assert bias is not None
                layer.bias.copy_(bias[k])
            parts += [layer, nn.ReLU()]
        modules.append(nn.Sequential(*parts[:-1]).to(device))
    return modules


def optimizer_of(parameters: list[Tensor], optimizer: Optimizer, rate: float) -> torch.optim.Optimizer:
    if optimizer == "adam":
        return torch.optim.Adam(parameters, lr=rate, fused=True)
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9 if optimizer == "sgd" else 0.0, fused=True)


def hinge(scores: Tensor, labels: Tensor) -> Tensor:
    return 0.5 * functional.relu(1.0 - labels * scores).square()


def alone(
    module: nn.Sequential, x: Tensor, y: Tensor, optimizer: Optimizer, *, rate: float, steps: int, stop: bool
) -> int:
    """Train one network for so many steps, or until it has no error if it may `stop`; the steps it took."""
    stepper = optimizer_of(list(module.parameters()), optimizer, rate)
    for step in range(steps):
        scores = module(x)[:, 0]
        if bool((scores * y > 0.0).all()) and stop:
            return step
        stepper.zero_grad()
        hinge(scores, y).mean().backward()
        stepper.step()
    return steps


def by_vmap(modules: list[nn.Sequential], x: Tensor, y: Tensor, optimizer: Optimizer, steps: int) -> None:
    """Train networks by the vectorized gradient of one, looking at each step whether one has no error."""
    stacked, _ = torch.func.stack_module_state(modules)
    parameters = {name: p.detach().clone().requires_grad_() for name, p in stacked.items()}
    stepper = optimizer_of(list(parameters.values()), optimizer, RATE)

    def one_loss(of_one: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        scores = functional_call(modules[0], of_one, (x,))[:, 0]
        return hinge(scores, y).mean(), scores

    gradient = vmap(grad(one_loss, has_aux=True))
    for _ in range(steps):
        gradients, scores = gradient(parameters)
        bool((scores * y > 0.0).all(dim=1).any())
        for name, p in parameters.items():
            p.grad = gradients[name]
        stepper.step()


def products(features: int, device: torch.device) -> Callable[[], None]:
    """The matrix products of one step of all networks, forward and backward, and nothing else."""
    x, w = torch.randn(EXAMPLES, features), torch.randn(NETWORKS * WIDTH, features)
    first, hidden = torch.randn(EXAMPLES, NETWORKS * WIDTH), torch.randn(NETWORKS, EXAMPLES, WIDTH)
    w2 = torch.randn(NETWORKS, WIDTH, WIDTH)
    x, w, first, hidden, w2 = (t.to(device) for t in (x, w, first, hidden, w2))
    out = [torch.empty_like(t) for t in (first, w, hidden, w2)]

    def run() -> None:
        torch.mm(x, w.T, out=out[0])
        torch.mm(first.T, x, out=out[1])
        torch.bmm(hidden, w2.transpose(1, 2), out=out[2])
        torch.bmm(hidden, w2, out=out[2])
        torch.bmm(hidden.transpose(1, 2), hidden, out=out[3])

    return run


def median_and_range(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


@dataclass(frozen=True)
class Bench:
    """The data, the networks, and the clock."""

    network: Network
    inputs: NDArray[np.float64]
    labels: NDArray[np.int64]
    device: torch.device
    clock: Clock

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        x, y = (torch.tensor(v, dtype=torch.float32, device=self.device) for v in (self.inputs, self.labels))
        return x, y

    def together(self, optimizer: Optimizer, steps: int, rate: float | None, stop: Stop) -> TrainedNetworks:
        return train_networks(
            self.network,
            self.inputs,
            self.labels,
            networks=NETWORKS,
            optimizer=optimizer,
            learning_rate=rate,
            max_steps=steps,
            stop=stop,
            rng=0,
            device=self.device.type,
        )

    def timed(self, run: Callable[[], object]) -> float:
        started = self.clock()
        run()
        return self.clock() - started

    def per_step(self, run: Callable[[int], object]) -> float:
        few, many = self.timed(lambda: run(FEW)), self.timed(lambda: run(MANY))
        return (many - few) / (MANY - FEW) / NETWORKS


def step_by_step(bench: Bench, optimizer: Optimizer) -> str:
    """A row of the table: one network and one step."""
    x, y = bench.tensors
    features = x.shape[1]
    span = InputSpan.of(bench.network, x, optimizer=optimizer)
    coordinates = features if span is None else span.basis.shape[1]
    modules = as_modules(bench.network, bench.together(optimizer, 0, RATE, "error"), bench.device)
    floor = products(features, bench.device)

    def one_at_a_time() -> None:
        for module in modules[:ALONE]:
            alone(module, x, y, optimizer, rate=RATE, steps=MANY, stop=False)

    rounds: list[tuple[float, float, float, float]] = []
    for _ in range(ROUNDS + 1):
        # no network gets to zero loss in so few steps: all are there from the first to the last
        own = bench.per_step(lambda steps: bench.together(optimizer, steps, RATE, "loss"))
        vectorized = bench.per_step(lambda steps: by_vmap(modules, x, y, optimizer, steps))
        single = bench.timed(one_at_a_time) / (ALONE * MANY)
        rounds.append((own, vectorized, single, bench.timed(floor) / NETWORKS))
    # the first round warms up
    own_times, vmap_times, single_times, bare_times = zip(*rounds[1:], strict=True)
    columns = (own_times, vmap_times, single_times, bare_times)
    medians = " | ".join(f"{1e3 * statistics.median(column):.2f}" for column in columns)
    ratios = " | ".join(
        median_and_range([p / q for p, q in zip(one, other, strict=True)])
        for one, other in ((own_times, bare_times), (vmap_times, own_times), (single_times, own_times))
    )
    return f"| {optimizer} | {coordinates} of {features} | {medians} | {ratios} |"


def to_zero(bench: Bench, optimizer: Optimizer) -> str:
    """A row of the table: networks until they have no training error, starts and all."""
    x, y = bench.tensors
    start = bench.together(optimizer, 0, None, "error")
    rate = start.settings["learning_rate"]
    modules = as_modules(bench.network, start, bench.device)[:TO_ZERO_ALONE]
    trained: list[TrainedNetworks] = []
    steps: list[int] = []
    whole = bench.timed(lambda: trained.append(bench.together(optimizer, MOST, None, "error"))) / NETWORKS
    single = (
        bench.timed(
            lambda: steps.extend(alone(m, x, y, optimizer, rate=rate, steps=MOST, stop=True) for m in modules)
        )
        / TO_ZERO_ALONE
    )
    taken, reached = trained[0].steps, int(trained[0].reached.sum())
    return (
        f"| {optimizer}, rate {rate:.3g} | {reached} | {np.median(taken):.0f}, {taken.max()} "
        f"| {np.median(taken[:TO_ZERO_ALONE]):.0f} | {np.median(steps):.0f} | {1e3 * whole:.0f} "
        f"| {1e3 * single:.0f} | {single / whole:.2f} |"
    )


def main() -> None:
    device = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(1)
        where = (
            f"one thread of {platform.machine()} ({os.cpu_count()} shared cores), the time it was computing"
        )
    else:
        where = torch.cuda.get_device_name(device)
    task = classification_task(load_images("mnist5k"), "parity", rng=0)
    features = task.inputs.shape[1]
    bench = Bench(
        network=Network(parse_architecture(f"fc:2x{WIDTH}"), Prior(), (features,)),
        inputs=task.inputs[:EXAMPLES],
        labels=task.labels[:EXAMPLES],
        device=device,
        clock=clock_of(device),
    )
    text = (
        "# Training networks together\n\n"
        f"One run of `benchmarks/training_networks.py`, {where}, Python {platform.python_version()}, torch "
        f"{torch.__version__}. {NETWORKS} networks with two hidden layers of {WIDTH} on {EXAMPLES} MNIST "
        f"images (parity, {features} pixels), quadratic hinge, all examples in every step.\n\n"
        "## One network, one step\n\n"
        f"Medians of {ROUNDS} rounds, each of which runs everything, one after the other; ratios are taken "
        "within a round, least and largest in brackets. The products are those of a step on all pixels, "
        "whatever the coordinates: gradient descent is trained in the span of the images, Adam without "
        "pixels that are zero throughout.\n\n"
        "| optimizer | coordinates | together, ms | vmap, ms | one at a time, ms | products, ms "
        "| together / products | vmap / together | one at a time / together |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
        + "\n".join(step_by_step(bench, optimizer) for optimizer in OPTIMIZERS)
        + "\n\n## To zero training error\n\n"
        f"At the default rate; everything counts, from the draw of the starts. One at a time: the first "
        f"{TO_ZERO_ALONE}, from the same starts.\n\n"
        f"| optimizer | reached of {NETWORKS} | steps: median, most | median of the first {TO_ZERO_ALONE} "
        "| one at a time | together, ms a network | one at a time, ms | ratio |\n"
        "|---|---|---|---|---|---|---|---|\n"
        + "\n".join(to_zero(bench, optimizer) for optimizer in OPTIMIZERS)
        + "\n"
    )
    name = "training_networks.md" if device.type == "cpu" else "training_networks_cuda.md"
    (RESULTS / name).write_text(text)
    print(text)


if __name__ == "__main__":
    main()
