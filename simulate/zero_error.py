"""`sample_zero_error`: the classifiers with zero training error and how rare they are, example by example.

Classifiers are drawn from the prior; examples are added until about half of them have erred; the natural log
of the surviving share is added to `log_fraction`; survivors are resampled and moved among the classifiers
without error; and so on (Chopin 2002; Del Moral, Doucet & Jasra 2006).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import pairwise
from threading import Event

import numpy as np
from numba import get_num_threads
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from .family import ClassifierFamily, IntArray
from .replica import Progress, ReplicaTrace, bad_grid, run_replica
from .seeds import entropy_of
from .zero_error_ensemble import ZeroErrorEnsemble


def _checked(
    n_examples: ArrayLike, particles: int, replicas: int, bad_errors: Sequence[float]
) -> tuple[list[int], list[float]]:
    raw = np.atleast_1d(np.asarray(n_examples))
    whole = raw.ndim == 1 and raw.size > 0 and raw.dtype.kind in "iuf" and bool(np.all(np.isfinite(raw)))
    if not whole or np.any(raw != np.floor(raw)) or np.any(raw < 1):
        raise ValueError(f"n_examples must be whole numbers of at least 1, got {n_examples!r}")
    stops = [int(n) for n in raw]
    if any(b <= a for a, b in pairwise(stops)):
        raise ValueError(f"n_examples must increase, got {stops}")
    if particles < 20:
        raise ValueError(f"particles must be at least 20, got {particles}")
    if replicas < 2:
        raise ValueError(f"replicas must be at least 2, to give an error bar, got {replicas}")
    eps = sorted({float(e) for e in np.atleast_1d(np.asarray(bad_errors, dtype=np.float64))})
    if any(not 0.0 < e < 1.0 for e in eps):
        raise ValueError(f"bad_errors must lie in (0, 1), got {eps}")
    return stops, eps


def _in_threads(
    start: Callable[[Executor, np.random.SeedSequence, Progress], Future[ReplicaTrace]],
    streams: Sequence[np.random.SeedSequence],
    progress: Progress | None,
) -> list[ReplicaTrace]:
    # Replicas share the cores: the kernels and matrix products they live in release the interpreter. One
    # thread each, so that nobody waits at barriers.
    done = np.zeros(len(streams))
    stopped = Event()

    def reporter(k: int) -> Progress:
        def report(share: float) -> None:
            if stopped.is_set():
                raise KeyboardInterrupt
            done[k] = share
            if progress is not None:
                progress(float(done.mean()))

        return report

    with threadpool_limits(1), ThreadPoolExecutor(min(len(streams), get_num_threads())) as pool:
        futures = [start(pool, stream, reporter(k)) for k, stream in enumerate(streams)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def sample_zero_error(
    family: ClassifierFamily,
    n_examples: ArrayLike,
    *,
    particles: int = 500,
    replicas: int = 6,
    bad_errors: Sequence[float] = (),
    training_set: IntArray | None = None,
    rng: np.random.Generator | int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> ZeroErrorEnsemble:
    """Sample the classifiers without error on one training set, along its whole learning curve.

    Parameters
    ----------
    family : ClassifierFamily
        Prior and population.
    n_examples : array_like of int, shape (sizes,), increasing
        Sizes of the training sets, which are prefixes of one.
    particles : int
        Classifiers in one run; the standard error falls with its root.
    replicas : int
        Independent runs on the same training set, at least 2; their spread is the standard error.
    bad_errors : sequence of float in (0, 1)
        True errors eps whose bad fraction is measured, by splitting where it is rare.
    training_set : ndarray of int64, shape (at least max n,), optional
        Example indices; by default drawn from the family.
    rng : numpy.random.Generator, int or None
        Equal seeds give equal results whatever the number of threads or workers.
    executor : concurrent.futures.Executor, optional
        Where replicas run; by default here, in as many threads as numba may use.
    progress : callable, optional
        Called with the share of the work done.

    Returns
    -------
    ZeroErrorEnsemble

    Raises
    ------
    ValueError
        If sizes do not increase, exceed the training examples there are, `particles` < 20,
        `replicas` < 2, or an eps lies outside (0, 1).
    """
    stops, eps = _checked(n_examples, particles, replicas, bad_errors)
    seed = entropy_of(rng)
    draw_set, *streams = np.random.SeedSequence(seed).spawn(replicas + 1)
    if training_set is None:
        training_set = family.training_set(stops[-1], np.random.default_rng(draw_set))
    examples = np.asarray(training_set, dtype=np.int64)
    if examples.ndim != 1:
        raise ValueError(f"training_set must be a list of example indices, got shape {examples.shape}")
    if examples.size < stops[-1]:
        raise ValueError(f"n_examples must be at most the {examples.size} training examples, got {stops[-1]}")

    def start(
        pool: Executor, stream: np.random.SeedSequence, report: Progress | None
    ) -> Future[ReplicaTrace]:
        return pool.submit(run_replica, family, examples, stops, particles, eps, stream, report)

    if executor is not None:
        traces = []
        for future in [start(executor, stream, None) for stream in streams]:
            traces.append(future.result())
            if progress is not None:
                progress(len(traces) / replicas)
    else:
        traces = _in_threads(start, streams, progress)
    return ZeroErrorEnsemble.from_traces(
        traces,
        family=family,
        training_set=examples,
        n_examples=stops,
        bad_errors=eps,
        error_grid=bad_grid(eps),
        particles=particles,
        seed=seed,
    )
