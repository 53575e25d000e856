"""`LookupTable`: finitely many classifiers with prescribed true errors and prescribed overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .enumeration import (
    ENUMERATION_LIMIT,
    ZeroErrorCounts,
    bins_above,
    draw_tilted,
    gather_counts,
    log_tilted_weights,
)
from .family import BoolArray, FloatArray, IntArray, MoveReport
from .lookup_kernels import count_table_survivors, halve_table, hash_points, table_correct
from .points import POINT_INDEX_LIMIT

# pairs are compared this many rows at a time, votes counted on this many points at a time
_ROWS = 512
_VOTE_BATCH, _VOTE_BATCHES = 1024, 16


class _HasQuantile(Protocol):
    def quantile(self, p: FloatArray) -> ArrayLike: ...


def _group_excess(level: FloatArray, many: IntArray, overlap: float, n: int) -> float:
    """Log of what pairs of different members of a group add to the sum over independent pairs."""
    a, b = level[:, None], level[None, :]
    apart = (1.0 - a) * (1.0 - b)
    together = apart + overlap * (np.minimum(a, b) - a * b)
    pairs = many[:, None] * many[None, :] - np.diag(many)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_together = special.xlogy(n, together)
        drop = np.expm1(special.xlogy(n, apart) - log_together)
        excess = np.where(together > apart, np.log(-drop) + log_together, -np.inf)
        log_pairs = np.log(pairs)
    return float(special.logsumexp(excess + log_pairs))


class LookupTable:
    """A finite set of classifiers whose true errors, and overlaps between error sets, are prescribed.

    The population of points is endless: whether classifier h errs on point x is made from (h, x) alone,
    so that the true errors are exact and no finite pool interferes. Classifiers of one group share their
    error sets to the degree `overlap`; different groups err independently. Families with equal Q(E) and
    different covariance between their classifiers can so be compared (arXiv 2410.16868: does the learning
    curve depend on Q only?).

    Parameters
    ----------
    errors : array_like, shape (functions,)
        True error of each classifier, in [0, 1]; all classifiers are equally likely a priori.
    groups : array_like of int, shape (functions,), optional
        Group of each classifier, non-negative; each its own when None.
    overlap : float
        Share of points, in [0, 1], on which all classifiers of a group are tied to one common random
        number: the error sets are nested there, and independent elsewhere. Two classifiers of a group
        both err with probability overlap min(E, E') + (1 - overlap) E E'.
    seed : int
        Which table.

    Raises
    ------
    ValueError
        If an argument is out of the ranges above.

    Notes
    -----
    Populations are int64 arrays of positions in the table, shape (particles,).
    """

    revision: ClassVar[int] = 1

    def __init__(
        self,
        errors: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        overlap: float = 0.0,
        seed: int = 0,
    ) -> None:
        table = np.array(errors, dtype=np.float64)
        if table.ndim != 1 or table.size == 0:
            raise ValueError(f"errors must be a non-empty list of numbers, got shape {table.shape}")
        if not np.all((table >= 0.0) & (table <= 1.0)):
            raise ValueError(f"errors must lie in [0, 1], got {table[~((table >= 0) & (table <= 1))][0]}")
        label = np.arange(table.size) if groups is None else np.array(groups, dtype=np.int64)
        if label.shape != table.shape or np.any(label < 0):
            raise ValueError(f"groups must be {table.size} non-negative integers, got shape {label.shape}")
        if not 0.0 <= overlap <= 1.0:
            raise ValueError(f"overlap must lie in [0, 1], got {overlap}")
        table.setflags(write=False)
        label.setflags(write=False)
        self.errors: FloatArray = table
        self.groups: IntArray = label
        self.overlap = float(overlap)
        self.seed = int(seed)

    @classmethod
    def independent(cls, errors: ArrayLike, *, copies: int = 1, seed: int = 0) -> LookupTable:
        """Every classifier errs independently of all others; `copies` of each error, equal Q(E)."""
        return cls(np.repeat(np.asarray(errors, dtype=np.float64), copies), seed=seed)

    @classmethod
    def clones(cls, errors: ArrayLike, *, copies: int, seed: int = 0) -> LookupTable:
        """`copies` of each classifier that err on the very same points: more classifiers, nothing new."""
        table = np.asarray(errors, dtype=np.float64)
        groups = np.repeat(np.arange(table.size), copies)
        return cls(np.repeat(table, copies), groups=groups, overlap=1.0, seed=seed)

    @classmethod
    def nested(cls, errors: ArrayLike, *, overlap: float = 1.0, seed: int = 0) -> LookupTable:
        """One group: a worse classifier errs wherever a better one does, on a share `overlap` of points."""
        table = np.asarray(errors, dtype=np.float64)
        return cls(table, groups=np.zeros(table.shape, dtype=np.int64), overlap=overlap, seed=seed)

    @classmethod
    def from_density(
        cls,
        density: _HasQuantile,
        size: int,
        *,
        groups: int | None = None,
        overlap: float = 0.0,
        seed: int = 0,
    ) -> LookupTable:
        """`size` classifiers at the mid-quantiles of an error density.

        With `groups` given, classifier i belongs to group i modulo `groups`, so that every group holds
        the whole range of errors. Raises ValueError if `size` or `groups` is below 1.
        """
        if size < 1 or (groups is not None and groups < 1):
            raise ValueError(f"size and groups must be at least 1, got {size} and {groups}")
        errors = np.asarray(density.quantile((np.arange(size) + 0.5) / size), dtype=np.float64)
        label = None if groups is None else np.arange(size) % groups
        return cls(np.clip(errors, 0.0, 1.0), groups=label, overlap=overlap, seed=seed)

    def __repr__(self) -> str:
        return f"LookupTable({self.errors.size} classifiers, overlap={self.overlap})"

    @property
    def error_name(self) -> str:
        """Always ``"exact"``."""
        return "exact"

    @property
    def error_resolution(self) -> None:
        """None: the true errors are exact."""
        return

    @property
    def enumerable(self) -> bool:
        """Whether there are at most 2**20 classifiers."""
        return self.errors.size <= ENUMERATION_LIMIT

    def _hashed(self, points: IntArray) -> NDArray[np.uint64]:
        flat = np.ascontiguousarray(np.asarray(points, dtype=np.int64).ravel())
        return np.asarray(hash_points(flat, np.uint64(self.seed % 2**64)))

    def training_set(self, n: int, rng: np.random.Generator) -> IntArray:
        """Draw `n` example indices, independent and uniform over the population of points."""
        return np.asarray(rng.integers(0, POINT_INDEX_LIMIT, n), dtype=np.int64)

    def draw(self, particles: int, rng: np.random.Generator) -> IntArray:
        """Draw classifiers uniformly, shape (particles,)."""
        return np.asarray(rng.integers(0, self.errors.size, particles), dtype=np.int64)

    def take(self, population: IntArray, index: IntArray) -> IntArray:
        """The classifiers at `index`, with repeats allowed."""
        return population[index]

    def where(self, keep: BoolArray, population: IntArray, other: IntArray) -> IntArray:
        """Classifier by classifier: from `population` where `keep`, else from `other`."""
        return np.where(keep, population, other)

    def margins(self, population: IntArray, points: IntArray) -> FloatArray:
        """+1 where a classifier is right and -1 where it errs, shape (particles, points)."""
        return np.where(self.correct(population, points), 1.0, -1.0)

    def correct(self, population: IntArray, points: IntArray) -> BoolArray:
        """Whether each classifier is right on each point, shape (particles, points)."""
        hashed = self._hashed(points)
        functions = np.ascontiguousarray(population)
        return np.asarray(table_correct(functions, self.errors, self.groups, self.overlap, hashed))

    def first_error(self, population: IntArray, examples: IntArray) -> IntArray:
        """Position of each classifier's first error, `len(examples)` if it makes none."""
        wrong = ~self.correct(population, examples)
        wrong = np.concatenate([wrong, np.ones((len(population), 1), dtype=np.bool_)], axis=1)
        return np.asarray(np.argmax(wrong, axis=1), dtype=np.int64)

    def true_errors(self, population: IntArray) -> FloatArray:
        """Exact true error of each classifier, in [0, 1], shape (particles,)."""
        return np.asarray(self.errors[population])

    def disagreement(self, population: IntArray) -> float:
        """Probability that exactly one of two members errs on a random point, averaged over pairs, exact.

        Raises ValueError if there are fewer than two members.
        """
        particles = len(population)
        if particles < 2:
            raise ValueError(f"population must have at least 2 members, got {particles}")
        errors, groups = self.errors[population], self.groups[population]
        total = 0.0
        for start in range(0, particles, _ROWS):
            rows = slice(start, start + _ROWS)
            a, b = errors[rows, None], errors[None, :]
            shared = self.overlap * (groups[rows, None] == groups[None, :])
            both = shared * np.minimum(a, b) + (1.0 - shared) * a * b
            same = population[rows, None] == population[None, :]
            total += float(np.sum(np.where(same, 0.0, a + b - 2.0 * both)))
        return total / (particles * (particles - 1))

    def majority_error(self, population: IntArray, rng: np.random.Generator) -> float:
        """True error of the majority vote, on 16,384 fresh points; a tied vote counts half."""
        wrong = 0.0
        for _ in range(_VOTE_BATCHES):
            right = self.correct(population, self.training_set(_VOTE_BATCH, rng)).mean(axis=0)
            wrong += float(np.sum(right < 0.5) + 0.5 * np.sum(right == 0.5))
        return wrong / (_VOTE_BATCHES * _VOTE_BATCH)

    def move(
        self,
        population: IntArray,
        examples: IntArray,
        rng: np.random.Generator,
        *,
        length: float,
        slack: float = 0.0,
    ) -> MoveReport:
        """Draw every classifier afresh from those without error on `examples`, whatever the `length`.

        Scores are +1 and -1, so a `slack` above 1 lifts the last example and a smaller one does nothing.
        """
        binding = self._hashed(examples[:-1] if slack > 1.0 else examples)
        survivors = np.arange(self.errors.size)
        alive = survivors.size
        for point in binding:
            alive = halve_table(survivors, alive, self.errors, self.groups, self.overlap, point)
        moved = survivors[rng.integers(0, alive, len(population))]
        # a lone survivor cannot move: saying 0 would still be true, as it is an independent draw
        return MoveReport(moved, 0.0, self.errors.size)

    def zero_error_counts(self, training_sets: IntArray, eps: Sequence[float] = ()) -> ZeroErrorCounts:
        """Count the survivors in the whole table, for every prefix of every training set.

        Parameters
        ----------
        training_sets : ndarray of int64, shape (sets, n)
            Example indices.
        eps : sequence of float
            Thresholds on the true error, in [0, 1).

        Raises
        ------
        ValueError
            If a threshold is out of range.
        """
        index = np.atleast_2d(np.asarray(training_sets, dtype=np.int64))
        points = self._hashed(index).reshape(index.shape)
        bins = bins_above(self.errors, eps)
        by_bin, error_sum = count_table_survivors(
            points, self.errors, self.groups, self.overlap, bins, len(eps) + 1
        )
        return gather_counts(self.errors.size, eps, by_bin, error_sum)

    @cached_property
    def _log_mass(self) -> FloatArray:
        return np.full(self.errors.size, -np.log(self.errors.size))

    def log_tilted_mass(self, n: int, *, above: float | None = None) -> float:
        """Log of the sum of Q(E) (1-E)^n over E > `above` (all E when None), in nats."""
        return float(special.logsumexp(log_tilted_weights(self.errors, self._log_mass, n, above)))

    def draw_planted(self, draws: int, *, n: int, eps: float, rng: np.random.Generator) -> IntArray:
        """Draw classifiers from Q restricted to E > `eps` and tilted by (1-E)^n.

        Raises ValueError if no classifier is that bad and can survive.
        """
        weights = log_tilted_weights(self.errors, self._log_mass, n, eps)
        return draw_tilted(weights, draws, eps=eps, rng=rng)

    def log_second_moment(self, n: int) -> float:
        """Log of E_S of the squared surviving fraction, exact.

        The mean of (1 - P[h or h' errs])^n over all pairs of classifiers. With it the coefficient of
        variation of |H(S)| is sqrt(exp(value - 2 log_tilted_mass(n)) - 1). The cost is the square of the
        largest number of distinct errors in a group.
        """
        log_right = special.xlog1py(n, -self.errors)
        # all pairs as if independent, then what groups and identity add, which is never negative
        terms = [2.0 * float(special.logsumexp(log_right))]
        with np.errstate(divide="ignore"):
            own = log_right + np.log(-np.expm1(log_right))
        terms.append(float(special.logsumexp(own)))
        if self.overlap > 0.0:
            for group in np.unique(self.groups):
                level, many = np.unique(self.errors[self.groups == group], return_counts=True)
                terms.append(_group_excess(level, many, self.overlap, n))
        return float(special.logsumexp(terms) - 2.0 * np.log(self.errors.size))
