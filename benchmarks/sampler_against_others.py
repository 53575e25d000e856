"""The sampler of zero-error classifiers beside what a user would pick instead: one run, one table.

Run ``python benchmarks/sampler_against_others.py`` (needs the package `dynesty`); it writes
``benchmarks/results/sampler_against_others.md``. One thread throughout.
"""

from __future__ import annotations

import importlib.metadata
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dynesty
import numba
import numpy as np
from nested_slices import nested_log_fraction
from numpy.typing import NDArray
from plain_numpy_sampler import plain_log_fraction
from scipy import special
from threadpoolctl import threadpool_limits

from genlaws.empirical import classification_task, load_images, split_points
from genlaws.simulate import (
    ClassifierFamily,
    GaussianProcess,
    SphericalPerceptron,
    arc_cosine_covariance,
    sample_zero_error,
)

FloatArray = NDArray[np.float64]
Run = Callable[[int], float]
RESULTS = Path(__file__).parent / "results" / "sampler_against_others.md"
HEADER = (
    "| method | settings | ln fraction | off truth | spread | seconds "
    "| efficiency | ratio | with bias | ratio |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def ours(family: ClassifierFamily, n: int, examples: NDArray[np.int64], particles: int) -> Run:
    # two replicas is the least that is allowed; a run is the mean of both, and is charged for both
    def run(seed: int) -> float:
        e = sample_zero_error(family, [n], particles=particles, replicas=2, training_set=examples, rng=seed)
        return float(e.log_fraction[0])

    return run


def plain(rows: FloatArray, particles: int) -> Run:
    def run(seed: int) -> float:
        streams = np.random.SeedSequence(seed).spawn(2)
        one, two = (
            plain_log_fraction(rows, particles=particles, moves=1, rng=np.random.default_rng(s))
            for s in streams
        )
        return float(np.logaddexp(one, two)) - math.log(2.0)

    return run


def with_dynesty(rows: FloatArray, live: int, method: str) -> Run:
    # The prior transform is the normal quantile; the likelihood is minus the summed violation, which has no
    # plateau below its top. The volume left when every live point is right on all examples is the fraction.
    def log_likelihood(z: FloatArray) -> float:
        return float(np.minimum(rows @ z, 0.0).sum())

    def run(seed: int) -> float:
        sampler = dynesty.NestedSampler(
            log_likelihood,
            special.ndtri,
            rows.shape[1],
            nlive=live,
            sample=method,
            rstate=np.random.default_rng(seed),
        )
        log_volume = 0.0
        # the volume left falls far below what counts for an evidence: stop by the live points instead
        for iteration in sampler.sample(dlogz=1e-60, add_live=False):
            log_volume = float(iteration.logvol)
            if np.min(sampler.live_logl) >= 0.0:
                break
        return log_volume

    return run


def measured(name: str, settings: str, run: Run, repeats: int, truth: float) -> dict[str, Any]:
    started = time.perf_counter()
    logs = np.array([run(seed) for seed in range(repeats)])
    seconds = (time.perf_counter() - started) / repeats
    # a run in which nobody survived has no logarithm: it is counted, and left out of the rest
    finite = logs[np.isfinite(logs)]
    runs = f"{repeats} runs" if finite.size == repeats else f"{repeats} runs, {repeats - finite.size} died"
    several = finite.size > 1
    mean = float(finite.mean()) if finite.size else math.nan
    spread = float(finite.std(ddof=1)) if several else math.nan
    return {
        "name": name,
        "settings": f"{settings}, {runs}",
        "mean": mean,
        "off": mean - truth,
        "spread": spread,
        "seconds": seconds,
        "efficiency": 1.0 / (seconds * spread**2),
        "with_bias": 1.0 / (seconds * float(np.mean((finite - truth) ** 2))) if finite.size else math.nan,
    }


def table(rows: list[dict[str, Any]]) -> str:
    best, best_with_bias = rows[0]["efficiency"], rows[0]["with_bias"]
    lines = [HEADER]
    for r in rows:
        lines.append(
            f"| {r['name']} | {r['settings']} | {r['mean']:.2f} | {r['off']:+.2f} | {r['spread']:.2f} "
            f"| {r['seconds']:.2f} | {r['efficiency']:.3g} | {best / r['efficiency']:.3g} "
            f"| {r['with_bias']:.3g} | {best_with_bias / r['with_bias']:.3g} |"
        )
    return "\n".join(lines)


def perceptron() -> str:
    family, n = SphericalPerceptron(20), 100
    examples = family.training_set(n, np.random.default_rng(1))
    inputs, labels = family.data.points(examples, 20, family.seed)
    rows = inputs * (labels / np.linalg.norm(inputs, axis=1))[:, None]
    long = sample_zero_error(family, [12, n], particles=2000, replicas=8, training_set=examples, rng=99)
    truth = float(long.log_fraction[1])
    rng, hits, draws = np.random.default_rng(5), 0, 6_000_000
    for _ in range(60):
        hits += int(np.all(rng.standard_normal((draws // 60, 20)) @ rows[:12].T > 0.0, axis=1).sum())
    rows_of_table = [
        measured("genlaws", "2 x 500 particles", ours(family, n, examples, 500), 12, truth),
        measured(
            "plain numpy",
            "2 x 500 particles, 1 move a level",
            plain(rows, 500),
            8,
            truth,
        ),
    ]
    for live, method in ((200, "rwalk"), (200, "rslice"), (600, "rwalk")):
        rows_of_table.append(
            measured("dynesty", f"{live} live points, {method}", with_dynesty(rows, live, method), 3, truth)
        )
    return (
        f"## Perceptron of dimension 20, {n} examples\n\n"
        f"Truth: {truth:.3f} +- {long.log_fraction_se[1]:.3f} (8 runs of 2,000 particles). Independent "
        f"check at 12 examples: rejection of {draws:,} draws gives {math.log(hits / draws):.3f} +- "
        f"{1 / math.sqrt(hits):.3f}, the sampler {long.log_fraction[0]:.3f} +- "
        f"{long.log_fraction_se[0]:.3f}.\n\n"
        f"{table(rows_of_table)}\n"
    )


def images() -> str:
    n = 128
    task = classification_task(load_images("mnist5k"), "parity", rng=0)
    split = split_points(task, training=n, heldout=50, rng=0)
    index = np.concatenate([split.training, split.heldout])
    K = arc_cosine_covariance(task.inputs[index], depth=2, weight_variance=2.0, bias_variance=0.01)
    family = GaussianProcess(K, task.labels[index], training=range(n), heldout=range(n, n + 50))
    examples = np.arange(n)
    sign = np.where(task.labels[index][:n] > 0, 1.0, -1.0)
    deviation = np.sqrt(np.diag(K)[:n])
    correlation = K[:n, :n] / np.outer(deviation, deviation) + 1e-10 * np.eye(n)
    rows = np.linalg.cholesky(correlation) * sign[:, None]
    long = sample_zero_error(family, [n], particles=2000, replicas=8, training_set=examples, rng=99)
    truth = float(long.log_fraction[0])
    rows_of_table = [measured("genlaws", "2 x 500 particles", ours(family, n, examples, 500), 12, truth)]
    for samples, thin, repeats in ((64, 1, 6), (64, 10, 6), (512, 10, 3)):
        rows_of_table.append(
            measured(
                "nested slices",
                f"{samples} samples a nesting, thinned {thin} x",
                lambda seed, s=samples, t=thin: nested_log_fraction(
                    rows, samples=s, thin=t, rng=np.random.default_rng(seed)
                ),
                repeats,
                truth,
            )
        )
    return (
        f"## Gaussian process on {n} MNIST images (parity, arc-cosine covariance, one hidden layer)\n\n"
        f"Truth: {truth:.3f} +- {long.log_fraction_se[0]:.3f} (8 runs of 2,000 particles).\n\n"
        f"{table(rows_of_table)}\n"
    )


def main() -> None:
    # compile before the clock runs
    sample_zero_error(SphericalPerceptron(3), [5], particles=20, replicas=2, rng=0)
    nested_log_fraction(np.eye(3), samples=8, thin=1, rng=np.random.default_rng(0))
    versions = ", ".join(
        f"{p} {importlib.metadata.version(p)}" for p in ("numpy", "scipy", "numba", "dynesty")
    )
    text = (
        "# The sampler beside others\n\n"
        f"One run of `benchmarks/sampler_against_others.py`, one thread, {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}. A run of genlaws is two replicas and pays "
        "for both. Spread and seconds are of one run; efficiency is 1 / (seconds x variance), and with bias "
        "1 / (seconds x mean square distance from the truth); ratios are those of genlaws over the row.\n\n"
        f"{perceptron()}\n{images()}"
    )
    RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    numba.set_num_threads(1)
    with threadpool_limits(1):
        main()
