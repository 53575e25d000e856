"""Kernels of infinitely wide networks beside neural-tangents, which runs in a Python of its own.

Run ``python benchmarks/kernels.py PYTHON``, with the path of a Python that has neural-tangents; it rewrites
``benchmarks/results/kernels.md``.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from genlaws.empirical import convolutional_kernels
from genlaws.empirical.architectures import Head
from genlaws.empirical.kernels import Precision
from genlaws.simulate import DepthKernels, fully_connected_kernels

RESULTS = Path(__file__).parent / "results"
ROUNDS, FEW_ROUNDS = 15, 3
PRECISIONS: tuple[Precision, ...] = ("float32", "float64")
SETTINGS = {"weight_variance": 1.5, "bias_variance": 0.1}
HEADER = (
    "| network | inputs | threads | genlaws, ms | neural-tangents float32, ms | float64, ms "
    "| ratio to float32 | ratio to float64 | float32 apart | float64 apart | floor, ms | its share |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)
# The other side: compiles once, then answers each line it is sent by the time that one call takes.
THEIRS = """
import os, sys, time
os.sched_setaffinity(0, range({threads}))
import jax
jax.config.update("jax_enable_x64", {double})
import numpy as np
import neural_tangents
from neural_tangents import stax
W, b = {weight} ** 0.5, {bias} ** 0.5
kernel = jax.jit({network}[2], static_argnums=2)
clock = time.process_time if {threads} == 1 else time.perf_counter
X = np.random.default_rng(0).normal(size={shape}).astype({precision!r})
call = lambda: jax.block_until_ready(kernel(X, None, ("nngp", "ntk")))
np.save({made!r}, np.stack(call()))
print(neural_tangents.__version__, jax.__version__, flush=True)
for line in sys.stdin:
    started = clock()
    call()
    print(clock() - started, flush=True)
"""


@dataclass(frozen=True)
class Case:
    """One network on both sides; `network` makes the other's from `stax`, `W` and `b`."""

    words: str
    shape: tuple[int, ...]
    ours: Callable[[np.ndarray], DepthKernels]
    network: str
    floor: Callable[[np.ndarray], object]  # what no one can do without
    rounds: int = ROUNDS
    apart: float = 1e-6  # from theirs in float64, at most


def fully_connected(words: str, activation: str, hidden: int) -> Case:
    return Case(
        words=words,
        shape=(1000, 784),
        ours=lambda X: fully_connected_kernels(X, activation=activation, depths=[hidden + 1], **SETTINGS),
        network=f"stax.serial(*[stax.Dense(1, W, b), stax.{activation.capitalize()}()] * {hidden}, "
        "stax.Dense(1, W, b))",
        floor=lambda X: X @ X.T,
    )


def arcsines_and_roots(entries: int, layers: int, precision: Precision) -> None:
    # in a part that stays in cache, as often as there are parts
    part = 1 << 16
    values = torch.full((part,), 0.5, dtype=getattr(torch, precision))
    sines, roots = torch.empty_like(values), torch.empty_like(values)
    for _ in range(layers * entries // part):
        torch.arcsin(values, out=sines)
        torch.rsqrt(values, out=roots)


def convolutional(words: str, head: Head, shape: tuple[int, ...], precision: Precision) -> Case:
    """Two convolutions of erf units on images (points, height, width, channels), zeros around them."""
    points, places = shape[0], shape[1] * shape[2]
    entries = points * (points + 1) // 2 * places ** (2 if head == "pool" else 1)
    last = "GlobalAvgPool" if head == "pool" else "Flatten"
    return Case(
        words=f"{words}, genlaws in {precision}",
        shape=shape,
        ours=lambda X: convolutional_kernels(
            X.transpose(0, 3, 1, 2), depths=[3], head=head, device="cpu", dtype=precision, **SETTINGS
        ),
        network='stax.serial(*[stax.Conv(1, (3, 3), padding="SAME", W_std=W, b_std=b), stax.Erf()] * 2, '
        f"stax.{last}(), stax.Dense(1, W, b))",
        floor=lambda X: arcsines_and_roots(entries, 2, precision),
        rounds=FEW_ROUNDS,
        apart=1e-6 if precision == "float64" else 1e-4,
    )


CASES = (
    fully_connected("three layers of erf", "erf", 3),
    fully_connected("three layers of ReLU", "relu", 3),
    fully_connected("30 layers of erf", "erf", 30),
    *(
        convolutional(words, head, shape, precision)
        for words, head, shape in (
            ("two convolutions, flattened", "flatten", (100, 32, 32, 3)),
            ("two convolutions, pooled", "pool", (20, 16, 16, 3)),
        )
        for precision in PRECISIONS
    ),
)


class Other:
    """neural-tangents at work on a case, in a process of its own on as many cores as it may have."""

    def __init__(self, python: str, case: Case, precision: str, threads: int, made: Path) -> None:
        code = THEIRS.format(
            threads=threads,
            double=precision == "float64",
            precision=precision,
            network=case.network,
            shape=case.shape,
            weight=SETTINGS["weight_variance"],
            bias=SETTINGS["bias_variance"],
            made=os.fspath(made),
        )
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
        self._process = subprocess.Popen([python, "-c", code], env=quiet, **pipes)
        self.versions = self._answer().split()
        self.kernels = np.load(made)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line: str = self._process.stdout.readline()
        if not line:
            raise RuntimeError("neural-tangents ended without an answer")
        return line

    def seconds(self) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        self._process.communicate()


def row(python: str, case: Case, threads: int, folder: Path) -> tuple[str, list[str]]:
    X = np.random.default_rng(0).normal(size=case.shape)
    clock = time.process_time if threads == 1 else time.perf_counter

    def seconds(work: Callable[[np.ndarray], object]) -> float:
        started = clock()
        work(X)
        return clock() - started

    numba.set_num_threads(threads)
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        made = case.ours(X)
        others = [Other(python, case, word, threads, folder / f"{word}.npy") for word in PRECISIONS]
        apart = [
            max(
                float(np.abs(ours - theirs).max() / np.abs(ours).max())
                for ours, theirs in zip((made.covariance[0], made.tangent[0]), other.kernels, strict=True)
            )
            for other in others
        ]
        assert apart[1] < case.apart, apart
        rounds = [
            (seconds(case.ours), *(other.seconds() for other in others), seconds(case.floor))
            for _ in range(case.rounds)
        ]
        for other in others:
            other.close()
    # by the clock, what others on the machine do counts: the least is nearest to what it takes
    typical: Callable[[Iterable[float]], float] = statistics.median if threads == 1 else min
    ours, single, double, floor = (1e3 * typical(column) for column in zip(*rounds, strict=True))
    ratios = single / ours, double / ours, floor / ours
    size = " x ".join(map(str, case.shape))
    return (
        f"| {case.words} | {size} | {threads} | {ours:.3g} | {single:.3g} | {double:.3g} | {ratios[0]:.2g} "
        f"| {ratios[1]:.2g} | {apart[0]:.0e} | {apart[1]:.0e} | {floor:.3g} | {ratios[2]:.0%} |"
    ), others[0].versions


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("usage: python benchmarks/kernels.py PATH-OF-A-PYTHON-WITH-NEURAL-TANGENTS")
    with tempfile.TemporaryDirectory() as folder:
        made = [row(sys.argv[1], case, threads, Path(folder)) for case in CASES for threads in (1, 2)]
    theirs = made[0][1]
    text = (
        "# Kernels of infinitely wide networks\n\n"
        f"One run of `benchmarks/kernels.py`: covariance and tangent kernel of standard normal inputs, "
        f"{platform.machine()} (two shared cores), numpy {np.__version__}, numba {numba.__version__}, torch "
        f"{torch.__version__}; "
        f"neural-tangents {theirs[0]} with jax {theirs[1]}, compiled by `jax.jit` beforehand, in a process "
        f"of its own on as many cores. {ROUNDS} rounds, each of which runs all sides, one after the other: "
        "on one thread the median processor time, on two the least by the clock, as others use the machine. "
        "genlaws computes in double precision where a row says nothing else; neural-tangents in single "
        "unless told otherwise, which is half the work: both are shown, with how far they are from genlaws, "
        "in parts of the largest entry (of ReLU a point's correlation with itself is 1 there up to rounding, "
        "whose root is what the slopes are off by). The floor, and its share of the time of genlaws: one "
        "symmetric product of the inputs in double precision, without which there is no kernel; of "
        "convolutional networks, two layers of erf units with zeros around images of three channels, one "
        "arcsine and one inverse root for each pair of places and layer, in cache "
        f"({FEW_ROUNDS} rounds). What lies between "
        "is memory: kernels of pairs of images do not fit into the cache, and every sum over windows passes "
        "through them."
        "\n\n" + "\n".join([HEADER, *(line for line, _ in made)]) + "\n"
    )
    (RESULTS / "kernels.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
