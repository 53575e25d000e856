"""Finite families small enough to enumerate: how many classifiers survive each prefix of a training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .family import FloatArray, IntArray, Population

ENUMERATION_LIMIT = 2**20
"""Largest number of classifiers that is enumerated rather than sampled."""


@dataclass(frozen=True, slots=True)
class ZeroErrorCounts:
    """Exact zero-error ensembles of several training sets, after 0, 1, ..., n of their examples.

    Attributes
    ----------
    size
        Number of classifiers in the family, all equally likely a priori.
    eps
        Thresholds on the true error, as asked for.
    count : ndarray of int64, shape (sets, n + 1)
        Number of classifiers without error on the first k examples, |H(S)|.
    bad : ndarray of int64, shape (sets, n + 1, len(eps))
        How many of them have a true error above each threshold, |H_eps(S)|.
    mean_error : ndarray of float64, shape (sets, n + 1)
        Mean true error of the survivors; NaN where there are none.
    """

    size: int
    eps: tuple[float, ...]
    count: IntArray
    bad: IntArray
    mean_error: FloatArray

    @property
    def log_fraction(self) -> FloatArray:
        """Log of the share of all classifiers that survive, shape (sets, n + 1); NaN where none do."""
        count = np.where(self.count > 0, self.count, np.nan)
        return np.asarray(np.log(count) - np.log(self.size))

    @property
    def bad_fraction(self) -> FloatArray:
        """f_S(eps) = |H_eps(S)| / |H(S)|, shape (sets, n + 1, len(eps)); 0 where H(S) is empty."""
        return np.asarray(self.bad / np.maximum(self.count, 1)[..., None])


@runtime_checkable
class EnumerableFamily(Protocol):
    """What a `ClassifierFamily` adds when all its classifiers can be tried one by one."""

    @property
    def enumerable(self) -> bool:
        """Whether this very family is small enough."""
        ...

    def training_set(self, n: int, rng: np.random.Generator) -> IntArray:
        """Draw a training set of `n` example indices, independently of each other."""
        ...

    def zero_error_counts(self, training_sets: IntArray, eps: Sequence[float] = ()) -> ZeroErrorCounts:
        """Count the survivors of every prefix of every training set, shape (sets, n)."""
        ...


@runtime_checkable
class PlantableFamily(Protocol):
    """What a `ClassifierFamily` adds when its Q(E) is known: bad classifiers on demand."""

    def log_tilted_mass(self, n: int, *, above: float | None = None) -> float:
        """Log of the integral of Q(E) (1-E)^n over E > `above` (over all E when None)."""
        ...

    def draw_planted(self, draws: int, *, n: int, eps: float, rng: np.random.Generator) -> Population:
        """Draw classifiers from Q restricted to E > `eps` and tilted by (1-E)^n."""
        ...


def as_enumerable(family: Any) -> EnumerableFamily | None:
    """The family itself where it can be enumerated, otherwise None."""
    return family if isinstance(family, EnumerableFamily) and family.enumerable else None


def bins_above(errors: FloatArray, eps: Sequence[float]) -> NDArray[np.uint8]:
    """For each error, how many of the *sorted* thresholds lie below it; what the counting kernels sort by.

    Raises ValueError if a threshold is not in [0, 1) or there are more than 200.
    """
    thresholds = np.sort(np.asarray(eps, dtype=np.float64))
    if thresholds.size > 200:
        raise ValueError(f"eps must hold at most 200 thresholds, got {thresholds.size}")
    if not np.all((thresholds >= 0.0) & (thresholds < 1.0)):
        raise ValueError(f"eps must lie in [0, 1), got {list(eps)}")
    return np.searchsorted(thresholds, errors, side="left").astype(np.uint8)


def gather_counts(
    size: int, eps: Sequence[float], by_bin: IntArray, error_sum: FloatArray
) -> ZeroErrorCounts:
    """Turn counts by bin, shape (sets, n + 1, len(eps) + 1), and summed errors into `ZeroErrorCounts`."""
    count = by_bin.sum(axis=2)
    # bin b holds the errors above exactly b thresholds: bad for threshold j are the bins above j
    above = np.cumsum(by_bin[:, :, ::-1], axis=2)[:, :, ::-1][:, :, 1:]
    rank = np.argsort(np.argsort(np.asarray(eps, dtype=np.float64), kind="stable"), kind="stable")
    mean = np.full(count.shape, np.nan)
    np.divide(error_sum, count, out=mean, where=count > 0)
    return ZeroErrorCounts(
        size=size,
        eps=tuple(float(e) for e in eps),
        count=count,
        bad=np.ascontiguousarray(above[:, :, rank]),
        mean_error=mean,
    )


def log_tilted_weights(errors: FloatArray, log_mass: FloatArray, n: int, above: float | None) -> FloatArray:
    """ln[ q(E) (1-E)^n ] for atoms of mass q, minus infinity where E is not above `above`."""
    weights = log_mass + special.xlog1py(n, -errors)
    return weights if above is None else np.where(errors > above, weights, -np.inf)


def draw_tilted(weights: FloatArray, draws: int, *, eps: float, rng: np.random.Generator) -> IntArray:
    """Draw atoms by their `log_tilted_weights`.

    Raises
    ------
    ValueError
        If no weight is finite: no classifier above `eps` can survive.
    """
    if not np.any(np.isfinite(weights)):
        raise ValueError(f"eps must be below the largest true error that can survive, got {eps}")
    return rng.choice(weights.size, size=draws, p=special.softmax(weights)).astype(np.int64)
