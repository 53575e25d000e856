"""`sample_training_sets`: the zero-error ensembles of many independent training sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from .enumeration import EnumerableFamily, as_enumerable
from .family import BoolArray, ClassifierFamily, FloatArray, IntArray
from .quenched import QuenchedEnsemble

# training sets enumerated at once: bounds the memory, and is how often progress is reported
_BATCH = 256


def _enumerate_sets(
    family: EnumerableFamily,
    n: IntArray,
    eps: tuple[float, ...],
    streams: list[np.random.Generator],
    progress: Callable[[float], None] | None,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]:
    longest = int(n.max()) + 1
    parts = []
    for start in range(0, len(streams), _BATCH):
        batch = streams[start : start + _BATCH]
        counts = family.zero_error_counts(np.stack([family.training_set(longest, r) for r in batch]), eps)
        log_fraction = counts.log_fraction
        with np.errstate(invalid="ignore", divide="ignore"):
            survival = counts.count[:, n + 1] / counts.count[:, n]
        parts.append(
            (
                log_fraction[:, n],
                counts.mean_error[:, n],
                counts.bad_fraction[:, n],
                survival,
                counts.count[:, n] == 0,
            )
        )
        if progress is not None:
            progress((start + len(batch)) / len(streams))
    a, b, c, d, e = (np.concatenate(column) for column in zip(*parts, strict=True))
    return a, b, c, d, e


def _sample_sets(
    family: ClassifierFamily,
    n: IntArray,
    eps: tuple[float, ...],
    streams: list[np.random.Generator],
    progress: Callable[[float], None] | None,
    particles: int,
    replicas: int,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]:
    from .zero_error import sample_zero_error

    shape = (len(streams), n.size)
    log_fraction, mean_error, survival = (np.full(shape, np.nan) for _ in range(3))
    bad = np.full((*shape, len(eps)), np.nan)
    order = np.argsort(n)
    for s, stream in enumerate(streams):
        result = sample_zero_error(
            family,
            n[order],
            particles=particles,
            replicas=replicas,
            bad_errors=eps,
            rng=stream,
            training_set=family.training_set(int(n.max()), stream),
        )
        log_fraction[s, order] = result.log_fraction
        mean_error[s, order] = result.mean_true_error
        if eps:
            # averages over sets want an unbiased f_S: replicas that found none above eps count as 0, and
            # where splitting collapsed the members are counted, less finely
            at = np.searchsorted(result.error_grid, eps)
            runs = result.log_bad_fractions[:, :, at]
            counted = (result.true_errors[..., None] > np.asarray(eps)).mean(axis=(0, 2))
            split = ~np.any(result.bad_collapsed[:, :, at] > 0.0, axis=0)
            value = np.where(split, np.exp(runs).mean(axis=0), counted)
            bad[s, order] = np.where(np.isfinite(result.log_fraction)[:, None], value, np.nan)
        if progress is not None:
            progress((s + 1) / len(streams))
    for i, here in enumerate(n):
        following = np.flatnonzero(n == here + 1)
        if following.size:
            survival[:, i] = np.exp(log_fraction[:, following[0]] - log_fraction[:, i])
    return log_fraction, mean_error, bad, survival, np.zeros(shape, dtype=np.bool_)


def sample_training_sets(
    family: ClassifierFamily,
    *,
    n_examples: int | Iterable[int],
    sets: int,
    eps: Sequence[float] = (),
    particles: int = 500,
    replicas: int = 6,
    rng: np.random.Generator | int | None = None,
    progress: Callable[[float], None] | None = None,
) -> QuenchedEnsemble:
    """Measure the zero-error ensembles of many independent training sets.

    Families that can be enumerated give the exact ensemble of every set; of others each set is sampled.

    Parameters
    ----------
    family : ClassifierFamily
        The classifiers and the population of examples.
    n_examples : int or iterable of int
        Numbers of training examples; smaller ones are prefixes of the same sets.
    sets : int
        Number of training sets M, at least 2.
    eps : sequence of float
        Thresholds on the true error above which a classifier is bad, in [0, 1).
    particles, replicas : int
        For `sample_zero_error`, where the family cannot be enumerated.
    rng : Generator, int or None
        Set i depends on it and on i only, not on how many sets there are.
    progress : callable, optional
        Called with the share of the work done.

    Returns
    -------
    QuenchedEnsemble

    Raises
    ------
    ValueError
        If an argument is out of the ranges above.
    """
    n = np.atleast_1d(np.asarray(n_examples if isinstance(n_examples, int) else list(n_examples)))
    if n.ndim != 1 or n.size == 0 or not np.issubdtype(n.dtype, np.integer) or np.any(n < 0):
        raise ValueError(f"n_examples must be non-negative integers, got {n_examples}")
    if np.unique(n).size != n.size:
        raise ValueError(f"n_examples must not repeat, got {n.tolist()}")
    if sets < 2:
        raise ValueError(f"sets must be at least 2, got {sets}")
    thresholds = tuple(float(e) for e in eps)
    if any(not 0.0 <= e < 1.0 for e in thresholds):
        raise ValueError(f"eps must lie in [0, 1), got {list(thresholds)}")
    n = n.astype(np.int64)
    streams = np.random.default_rng(rng).spawn(sets)
    finite = as_enumerable(family)
    if finite is not None:
        columns = _enumerate_sets(finite, n, thresholds, streams, progress)
    else:
        columns = _sample_sets(family, n, thresholds, streams, progress, particles, replicas)
    log_fraction, mean_error, bad, survival, empty = columns
    return QuenchedEnsemble(
        n_examples=n,
        eps=thresholds,
        set_log_fraction=log_fraction,
        set_mean_error=mean_error,
        set_bad_fraction=bad,
        set_survival=survival,
        set_empty=empty,
        error_name=family.error_name,
    )
