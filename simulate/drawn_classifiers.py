"""`DrawnClassifiers`: classifiers drawn once on a pool of points, and enumerated: guess and check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .enumeration import (
    ENUMERATION_LIMIT,
    ZeroErrorCounts,
    bins_above,
    draw_tilted,
    gather_counts,
    log_tilted_weights,
)
from .family import BoolArray, ClassifierFamily, FloatArray, IntArray, MoveReport
from .seeds import entropy_of

_DRAWN_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class DrawnClassifiers:
    """A finite set of classifiers of which it is known where on a pool each is right.

    Guess and check for many training sets at once: all classifiers are scored on all points, and the
    ensemble without error on a training set is then counted, not sampled. It is also a finite class of its
    own, all members equally likely, for which every identity of arXiv:2410.16868 holds exactly.

    Parameters
    ----------
    right : array_like of bool, shape (points, classifiers)
        Whether each classifier is right on each point, by the labels of training sets.
    errors : array_like, shape (classifiers,), optional
        Their true errors, in [0, 1]; by default the share of the pool that each gets wrong. Others belong
        to training sets whose labels are not the true ones.

    Raises
    ------
    ValueError
        If the shapes do not fit, there is no point or no classifier, or an error lies outside [0, 1].

    Notes
    -----
    Training sets are drawn from the pool with replacement. Populations are int64 arrays of positions among
    the classifiers, shape (particles,).
    """

    revision: ClassVar[int] = 1

    right: BoolArray = field(repr=False)
    errors: FloatArray = field(repr=False)

    def __init__(self, right: ArrayLike, errors: ArrayLike | None = None) -> None:
        table = np.array(right, dtype=np.bool_)
        if table.ndim != 2 or table.size == 0:
            raise ValueError(f"right must have shape (points, classifiers), none empty, got {table.shape}")
        # counted errors over the number of points, not one minus a share: k / m to the last bit
        true = np.array(np.mean(~table, axis=0) if errors is None else errors, dtype=np.float64)
        if true.shape != table.shape[1:]:
            raise ValueError(f"errors must be one for each of {table.shape[1]} classifiers, got {true.shape}")
        if not np.all((true >= 0.0) & (true <= 1.0)):
            raise ValueError(f"errors must lie in [0, 1], got {true[~((true >= 0.0) & (true <= 1.0))][0]}")
        for name, value in (("right", table), ("errors", true)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def from_family(
        cls, family: ClassifierFamily, size: int, *, rng: np.random.Generator | int | None = None
    ) -> DrawnClassifiers:
        """Draw `size` classifiers from the prior of a family on a pool.

        Raises ValueError if the family's error is not that on a pool, or `size` is below 1.
        """
        if family.error_name != "pool" or family.error_resolution is None:
            raise ValueError(f"family must have a pool error, got {family.error_name!r}")
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        stream = np.random.default_rng(entropy_of(rng))
        points = np.arange(family.error_resolution)
        right = np.empty((points.size, size), dtype=np.bool_)
        for start in range(0, size, _DRAWN_AT_ONCE):
            part = slice(start, min(start + _DRAWN_AT_ONCE, size))
            right[:, part] = family.correct(family.draw(part.stop - part.start, stream), points).T
        return cls(right)

    def subset(self, index: IntArray) -> DrawnClassifiers:
        """The class of the classifiers at `index` only."""
        return DrawnClassifiers(self.right[:, index], self.errors[index])

    def __repr__(self) -> str:
        return f"DrawnClassifiers({self.errors.size} classifiers on {self.right.shape[0]} points)"

    @property
    def error_name(self) -> str:
        """Always ``"pool"``."""
        return "pool"

    @property
    def error_resolution(self) -> int:
        """Number of points of the pool."""
        return int(self.right.shape[0])

    @property
    def enumerable(self) -> bool:
        """Whether there are at most 2**20 classifiers."""
        return self.errors.size <= ENUMERATION_LIMIT

    def training_set(self, n: int, rng: np.random.Generator) -> IntArray:
        """Draw `n` points of the pool with replacement."""
        return rng.integers(0, self.right.shape[0], n)

    def draw(self, particles: int, rng: np.random.Generator) -> IntArray:
        """Draw classifiers uniformly, shape (particles,)."""
        return rng.integers(0, self.errors.size, particles)

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
        return self.right[np.asarray(points, dtype=np.int64)[None, :], population[:, None]]

    def first_error(self, population: IntArray, examples: IntArray) -> IntArray:
        """Position in `examples` of each classifier's first error, `len(examples)` if it makes none."""
        wrong = ~self.correct(population, examples)
        wrong = np.concatenate([wrong, np.ones((len(population), 1), dtype=np.bool_)], axis=1)
        return np.asarray(np.argmax(wrong, axis=1), dtype=np.int64)

    def true_errors(self, population: IntArray) -> FloatArray:
        """True error of each classifier, in [0, 1], shape (particles,)."""
        return np.asarray(self.errors[population])

    def _votes(self, population: IntArray) -> FloatArray:
        return np.asarray(self.right[:, population].sum(axis=1), dtype=np.float64)

    def disagreement(self, population: IntArray) -> float:
        """Share of the pool where one of two members is right and the other wrong, averaged over pairs.

        Raises ValueError if there are fewer than two members.
        """
        members = len(population)
        if members < 2:
            raise ValueError(f"population must hold at least 2 classifiers, got {members}")
        votes = self._votes(population)
        return float(np.mean(2.0 * votes * (members - votes)) / (members * (members - 1)))

    def majority_error(self, population: IntArray, rng: np.random.Generator) -> float:
        """Share of the pool on which most members err; a tie counts half."""
        votes = 2.0 * self._votes(population) - len(population)
        return float(np.mean(0.5 - 0.5 * np.sign(votes)))

    def _survivors(self, examples: IntArray) -> IntArray:
        alive = np.arange(self.errors.size)
        for point in np.unique(examples):
            alive = alive[self.right[point, alive]]
        return alive

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
        survivors = self._survivors(examples[:-1] if slack > 1.0 else examples)
        moved = survivors[rng.integers(0, survivors.size, len(population))]
        return MoveReport(moved, 0.0, self.errors.size)

    def zero_error_counts(self, training_sets: IntArray, eps: Sequence[float] = ()) -> ZeroErrorCounts:
        """Count the survivors of every prefix of every training set.

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
        sets, n = index.shape
        bins = bins_above(self.errors, eps)
        kinds = len(eps) + 1
        by_bin = np.empty((sets, n + 1, kinds), dtype=np.int64)
        error_sum = np.empty((sets, n + 1))
        by_bin[:, 0], error_sum[:, 0] = np.bincount(bins, minlength=kinds), self.errors.sum()
        for s, examples in enumerate(index):
            alive = np.flatnonzero(self.right[examples[0]]) if n else np.empty(0, dtype=np.int64)
            for k, point in enumerate(examples, start=1):
                # only those still alive are looked at: all sizes together cost little more than the first
                alive = alive[self.right[point, alive]]
                by_bin[s, k] = np.bincount(bins[alive], minlength=kinds)
                error_sum[s, k] = self.errors[alive].sum()
        return gather_counts(self.errors.size, eps, by_bin, error_sum)

    def _log_weights(self, n: int, above: float | None) -> FloatArray:
        even = np.full(self.errors.size, -np.log(self.errors.size))
        return log_tilted_weights(self.errors, even, n, above)

    def log_tilted_mass(self, n: int, *, above: float | None = None) -> float:
        """Log of the sum of Q(E) (1-E)^n over E > `above` (all E when None), in nats."""
        return float(special.logsumexp(self._log_weights(n, above)))

    def draw_planted(self, draws: int, *, n: int, eps: float, rng: np.random.Generator) -> IntArray:
        """Draw classifiers from Q restricted to E > `eps` and tilted by (1-E)^n.

        Raises ValueError if no classifier is that bad and can survive.
        """
        weights = self._log_weights(n, eps)
        return draw_tilted(weights, draws, eps=eps, rng=rng)
