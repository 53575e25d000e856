"""Networks drawn from the prior and scored: all at once, in a loop over torch modules, and bare products.

Run ``python benchmarks/prior_networks.py``, on a GPU with the argument ``cuda``; it writes
``benchmarks/results/prior_networks.md`` or ``prior_networks_cuda.md``. On a CPU it takes one thread and
counts processor time, so that others on the machine count for less.
"""

from __future__ import annotations

import math
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from genlaws.empirical import (
    Architecture,
    Network,
    NetworkFamily,
    Prior,
    classification_task,
    load_images,
    parse_architecture,
)
from genlaws.empirical.devices import resolve_device

RESULTS = Path(__file__).parent / "results"
POINTS = 1000
ROUNDS = 5
IN_LOOP = 10  # networks that the loop draws and scores in a round
SIDE = 1024  # of the square matrices behind the rate
# architecture, networks on a CPU, networks on a GPU
CASES = (
    ("fc:1x64", 200, 4000),
    ("fc:2x64", 200, 4000),
    ("fc:1x512", 50, 1000),
    ("fc:3x512", 40, 1000),
    ("lenet:0.5", 50, 1000),
    ("cnn:2x16:pool", 5, 200),
)
HEADER = (
    "| networks | GFLOP each | draw, ms | score, ms | loop, ms | products, ms | loop / ours "
    "| share of the product rate, scoring | with drawing |\n|---|---|---|---|---|---|---|---|---|"
)


def as_module(architecture: Architecture, shape: tuple[int, ...]) -> nn.Module:
    """The network as a person would write it."""
    activation = {"relu": nn.ReLU}[architecture.activation]
    parts: list[nn.Module] = []
    layers = architecture.layers(shape, 1)
    for k, layer in enumerate(layers):
        if layer.convolutional:
            out, channels, kernel, _ = layer.weight_shape
            parts.append(nn.Conv2d(channels, out, kernel, stride=layer.stride, padding=layer.padding))
        else:
            parts.append(nn.Linear(layer.weight_shape[1], layer.weight_shape[0]))
        if k < len(layers) - 1:
            parts.append(activation())
        if k == len(architecture.convolutions) - 1:
            if architecture.head == "pool":
                parts.append(nn.AdaptiveAvgPool2d(1))
            parts.append(nn.Flatten())
    return nn.Sequential(*parts)


def operations(architecture: Architecture, shape: tuple[int, ...]) -> int:
    """Multiplications and additions of one network on all points."""
    total, sides = 0, shape[1:]
    for layer in architecture.layers(shape, 1):
        places = 1
        if layer.convolutional:
            kernel = layer.weight_shape[2]
            sides = tuple((s + 2 * layer.padding - kernel) // layer.stride + 1 for s in sides)
            places = math.prod(sides)
        total += 2 * POINTS * layer.weights * places
    return total


@dataclass(frozen=True)
class Bench:
    """Data and device that all sides share."""

    inputs: np.ndarray
    labels: np.ndarray
    device: torch.device

    def seconds(self, work: Callable[[], object]) -> float:
        if self.device.type == "cpu":
            started = time.process_time()
            work()
            return time.process_time() - started
        torch.cuda.synchronize(self.device)
        started = time.perf_counter()
        work()
        torch.cuda.synchronize(self.device)
        return time.perf_counter() - started


def loop(module: nn.Module, inputs: Tensor, signs: Tensor, networks: int) -> list[float]:
    errors = []
    with torch.no_grad():
        for _ in range(networks):
            for parameter in module.parameters():
                if parameter.dim() == 1:
                    parameter.normal_(std=0.1)
                else:
                    parameter.normal_(std=math.sqrt(2.0 / parameter[0].numel()))
            errors.append(float((module(inputs)[:, 0] * signs <= 0.0).float().mean()))
    return errors


def row(bench: Bench, word: str, networks: int) -> str:
    architecture = parse_architecture(word)
    shape = bench.inputs.shape[1:]
    flat = bench.inputs if architecture.convolutions else bench.inputs.reshape(POINTS + 1, -1)
    network = Network(architecture, Prior(), flat.shape[1:])
    family = NetworkFamily(
        network,
        flat,
        bench.labels,
        training=[POINTS],
        heldout=range(POINTS),
        device=bench.device.type,
    )
    module = as_module(architecture, shape).to(bench.device)
    placed = torch.tensor(flat[:POINTS], dtype=torch.float32, device=bench.device)
    signs = torch.tensor(bench.labels[:POINTS], dtype=torch.float32, device=bench.device)
    square = [torch.randn(SIDE, SIDE, device=bench.device) for _ in range(2)]
    one = operations(architecture, shape)

    population = family.draw(networks, np.random.default_rng(0))
    # both sides draw from one prior: their mean errors must agree
    ours, theirs = family.true_errors(population), np.array(loop(module, placed, signs, 4 * IN_LOOP))
    error = math.hypot(ours.std() / math.sqrt(ours.size), theirs.std() / math.sqrt(theirs.size))
    assert abs(ours.mean() - theirs.mean()) < 5 * error, (word, ours.mean(), theirs.mean(), error)

    times: dict[str, list[float]] = {"draw": [], "score": [], "loop": [], "products": []}
    for seed in range(ROUNDS):
        times["draw"].append(
            bench.seconds(lambda s=seed: family.draw(networks, np.random.default_rng(s))) / networks
        )
        times["score"].append(bench.seconds(lambda: family.true_errors(population)) / networks)
        times["loop"].append(bench.seconds(lambda: loop(module, placed, signs, IN_LOOP)) / IN_LOOP)
        seconds = bench.seconds(lambda: square[0] @ square[1])
        times["products"].append(seconds * one / (2 * SIDE**3))
    # ratios within a round, then their median: what else the machine does meanwhile hits both sides
    ratios = [
        (lo / (d + s), p / s, p / (d + s))
        for d, s, lo, p in zip(times["draw"], times["score"], times["loop"], times["products"], strict=True)
    ]
    speed, scoring, whole = (statistics.median(r[k] for r in ratios) for k in range(3))
    draw, score, looped, products = (1e3 * statistics.median(times[name]) for name in times)
    return (
        f"| {networks:,} x {word} | {one / 1e9:.3g} | {draw:.3g} | {score:.3g} | {looped:.3g} "
        f"| {products:.3g} | {speed:.3g} | {scoring:.0%} | {whole:.0%} |"
    )


def main() -> None:
    torch.set_num_threads(1)
    device = resolve_device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    task = classification_task(load_images("mnist5k"), "parity", rng=0)
    bench = Bench(task.as_images()[: POINTS + 1], task.labels[: POINTS + 1], device)
    on_gpu = device.type == "cuda"
    rows = [row(bench, word, many if on_gpu else few) for word, few, many in CASES]
    place = (
        torch.cuda.get_device_name(device)
        if on_gpu
        else f"one thread, {platform.machine()} (two shared cores, {torch.backends.cpu.get_cpu_capability()})"
    )
    text = (
        "# Drawing and scoring prior networks\n\n"
        f"One run of `benchmarks/prior_networks.py`: parity of {POINTS:,} MNIST images, float32, {place}, "
        f"torch {torch.__version__.partition('+')[0]}. Milliseconds are of one network, medians of {ROUNDS} "
        f"rounds; ratios are taken within a round, all sides one after the other. The loop draws the weights "
        f"of one module again and again, scores it and counts its errors; products are the same arithmetic "
        f"at the rate of products of {SIDE} x {SIDE} matrices.\n\n" + "\n".join([HEADER, *rows]) + "\n"
    )
    name = "prior_networks_cuda.md" if on_gpu else "prior_networks.md"
    (RESULTS / name).write_text(text)
    print(text)


if __name__ == "__main__":
    main()
