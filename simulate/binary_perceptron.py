"""`BinaryPerceptron`: weights of +1 and -1, enumerated up to dimension 20 and sampled beyond."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .binary_kernels import Weights, count_perceptron_survivors, flip_weights
from .enumeration import (
    ENUMERATION_LIMIT,
    ZeroErrorCounts,
    bins_above,
    draw_tilted,
    gather_counts,
    log_tilted_weights,
)
from .family import BoolArray, FloatArray, IntArray, MoveReport
from .points import POINT_INDEX_LIMIT, gaussian_points

# proposals per weight of a full-length move: enough to forget the start where moves are accepted at all
_SWEEPS = 10
# pairs are compared this many rows at a time, votes counted on this many points at a time
_ROWS = 512
_VOTE_BATCH, _VOTE_BATCHES = 1024, 16


def _binary_input_errors(dimension: int) -> FloatArray:
    """P[signs differ] over all +-1 inputs, for 0, ..., N weights unlike the teacher's; N odd."""
    errors = []
    for k in range(dimension + 1):
        differ = 0
        for up_k in range(k + 1):
            unlike = abs(2 * up_k - k)
            ways = sum(
                math.comb(dimension - k, up)
                for up in range(dimension - k + 1)
                if abs(2 * up - dimension + k) < unlike
            )
            differ += math.comb(k, up_k) * ways
        errors.append(differ / 2**dimension)
    return np.array(errors)


def _clean_errors(dimension: int, inputs: str) -> FloatArray:
    """P[signs differ] of two weight vectors of +-1 that differ in 0, ..., N places."""
    if inputs == "binary":
        return _binary_input_errors(dimension)
    return np.asarray(np.arccos(1.0 - 2.0 * np.arange(dimension + 1) / dimension) / np.pi)


def _persistence(before: Weights, after: Weights) -> float:
    """Overlap of each classifier with its past, above the overlap between members, as a share."""
    particles, dimension = before.shape
    own = float(np.mean(np.einsum("ij,ij->i", before, after, dtype=np.float64))) / dimension
    between = 0.0
    if particles > 1:
        total = before.sum(axis=0, dtype=np.float64)
        pairs = particles * (particles - 1)
        between = float(total @ total - particles * dimension) / (pairs * dimension)
    if between >= 1.0:
        return 1.0
    return float(np.clip((own - between) / (1.0 - between), 0.0, 1.0))


class BinaryPerceptron:
    """All classifiers sign(w.x) with weights +1 or -1, equally likely a priori.

    Up to dimension 20 everything is exact by enumeration; beyond, classifiers are sampled.

    Parameters
    ----------
    dimension : int
        Number of weights N, at least 1 (odd for binary inputs, so that no field is zero).
    inputs : {"gaussian", "binary"}
        Standard normal inputs, or independent signs.
    teacher : array_like, shape (dimension,), optional
        Labels are the sign of teacher.x. All ones when None, which for weights of +1 and -1 is no loss
        of generality; a teacher outside the class makes the rule unrealizable (Gaussian inputs only).
    label_noise : float
        Probability in [0, 1/2] that the label of a point is flipped; 1/2 is random labels.
    seed : int
        Which population of points.

    Notes
    -----
    With angle arccos(R) between classifier and teacher the true error on Gaussian inputs is
    arccos(R)/pi, after noise p it is p + (1 - 2p) arccos(R)/pi (Seung, Sompolinsky & Tishby 1992).
    Populations are int8 arrays of shape (particles, dimension).

    Raises
    ------
    ValueError
        If an argument is out of the ranges above.
    """

    revision: ClassVar[int] = 1

    def __init__(
        self,
        dimension: int,
        *,
        inputs: Literal["gaussian", "binary"] = "gaussian",
        teacher: ArrayLike | None = None,
        label_noise: float = 0.0,
        seed: int = 0,
    ) -> None:
        if int(dimension) != dimension or dimension < 1:
            raise ValueError(f"dimension must be a positive integer, got {dimension}")
        if inputs not in ("gaussian", "binary"):
            raise ValueError(f"inputs must be 'gaussian' or 'binary', got {inputs!r}")
        if inputs == "binary" and dimension % 2 == 0:
            raise ValueError(f"dimension must be odd for binary inputs, got {dimension}")
        if not 0.0 <= label_noise <= 0.5:
            raise ValueError(f"label_noise must lie in [0, 0.5], got {label_noise}")
        rule = np.ones(int(dimension)) if teacher is None else np.array(teacher, dtype=np.float64)
        if rule.shape != (dimension,) or not np.all(np.isfinite(rule)) or not np.any(rule):
            raise ValueError(
                f"teacher must be {dimension} finite numbers, not all zero, got shape {rule.shape}"
            )
        self._in_class = bool(np.all(np.abs(rule) == 1.0))
        if inputs == "binary" and not self._in_class:
            raise ValueError("teacher must hold only +1 and -1 for binary inputs")
        rule.setflags(write=False)
        self.dimension = int(dimension)
        self.inputs = inputs
        self.teacher: FloatArray = rule
        self.label_noise = float(label_noise)
        self.seed = int(seed)

    def __repr__(self) -> str:
        return f"BinaryPerceptron({self.dimension}, inputs={self.inputs!r}, label_noise={self.label_noise})"

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
        return bool(2**self.dimension <= ENUMERATION_LIMIT)

    @cached_property
    def _errors_by_distance(self) -> FloatArray:
        """True error of a classifier with 0, ..., N weights unlike those of a teacher in the class."""
        clean = _clean_errors(self.dimension, self.inputs)
        return np.asarray(self.label_noise + (1.0 - 2.0 * self.label_noise) * clean)

    def _errors_of_overlap(self, overlap: FloatArray) -> FloatArray:
        """True errors from the products w.teacher."""
        if self._in_class:
            distance = np.rint((self.dimension - overlap) / 2.0).astype(np.int64)
            return np.asarray(self._errors_by_distance[distance])
        cosine = overlap / (math.sqrt(self.dimension) * float(np.linalg.norm(self.teacher)))
        clean = np.arccos(np.clip(cosine, -1.0, 1.0)) / np.pi
        return np.asarray(self.label_noise + (1.0 - 2.0 * self.label_noise) * clean)

    @cached_property
    def _errors_by_code(self) -> FloatArray:
        """True error of every classifier, by its code."""
        if not self.enumerable:
            raise ValueError(
                f"dimension must be at most 20 to enumerate all classifiers, got {self.dimension}"
            )
        overlap = np.zeros(1)
        for t in self.teacher:
            overlap = np.concatenate([overlap - t, overlap + t])
        return self._errors_of_overlap(overlap)

    @cached_property
    def _atoms(self) -> tuple[FloatArray, FloatArray]:
        """Errors and log prior masses that make up Q(E): by distance, or else one atom per classifier."""
        if self._in_class:
            k = np.arange(self.dimension + 1)
            log_ways = special.gammaln(self.dimension + 1) - special.gammaln(k + 1)
            log_ways -= special.gammaln(self.dimension - k + 1)
            return self._errors_by_distance, log_ways - self.dimension * math.log(2.0)
        errors = self._errors_by_code
        return errors, np.full(errors.size, -self.dimension * math.log(2.0))

    def _labelled(self, points: IntArray) -> FloatArray:
        """Unit inputs times their labels, shape (points, dimension): a classifier is right if w.x > 0."""
        flat = np.asarray(points, dtype=np.int64).ravel()
        noisy = self.label_noise > 0.0
        # one more coordinate decides on the flip
        drawn = gaussian_points(flat, self.dimension + noisy, self.seed)
        x = drawn[:, : self.dimension]
        if self.inputs == "binary":
            x = np.where(x > 0.0, 1.0, -1.0)
        label = np.where(x @ self.teacher > 0.0, 1.0, -1.0)
        if noisy:
            label[drawn[:, -1] < special.ndtri(self.label_noise)] *= -1.0
        return np.asarray(x * (label / np.linalg.norm(x, axis=1))[:, None])

    def training_set(self, n: int, rng: np.random.Generator) -> IntArray:
        """Draw `n` example indices, independent and uniform over the population of points."""
        return np.asarray(rng.integers(0, POINT_INDEX_LIMIT, n), dtype=np.int64)

    def draw(self, particles: int, rng: np.random.Generator) -> Weights:
        """Draw classifiers uniformly, shape (particles, dimension)."""
        signs = rng.integers(0, 2, (particles, self.dimension), dtype=np.int8)
        return np.asarray(2 * signs - 1, dtype=np.int8)

    def take(self, population: Weights, index: IntArray) -> Weights:
        """The classifiers at `index`, with repeats allowed."""
        return population[index]

    def where(self, keep: BoolArray, population: Weights, other: Weights) -> Weights:
        """Classifier by classifier: from `population` where `keep`, else from `other`."""
        return np.where(np.asarray(keep)[:, None], population, other)

    def margins(self, population: Weights, points: IntArray) -> FloatArray:
        """y w.x / |x|, shape (particles, points): of unit variance under the prior."""
        return np.asarray(population.astype(np.float64) @ self._labelled(points).T)

    def correct(self, population: Weights, points: IntArray) -> BoolArray:
        """Whether each classifier is right on each point, shape (particles, points)."""
        return np.asarray(self.margins(population, points) > 0.0)

    def first_error(self, population: Weights, examples: IntArray) -> IntArray:
        """Position of each classifier's first error, `len(examples)` if it makes none."""
        wrong = ~self.correct(population, examples)
        wrong = np.concatenate([wrong, np.ones((len(population), 1), dtype=np.bool_)], axis=1)
        return np.asarray(np.argmax(wrong, axis=1), dtype=np.int64)

    def true_errors(self, population: Weights) -> FloatArray:
        """Exact true error of each classifier, in [0, 1], shape (particles,)."""
        return self._errors_of_overlap(population.astype(np.float64) @ self.teacher)

    def disagreement(self, population: Weights) -> float:
        """Probability that two members disagree on a random point, averaged over pairs, exact.

        Raises ValueError if there are fewer than two members.
        """
        particles = len(population)
        if particles < 2:
            raise ValueError(f"population must have at least 2 members, got {particles}")
        weights = population.astype(np.float64)
        # every pair of classifiers is a pair of student and teacher without noise
        by_distance = _clean_errors(self.dimension, self.inputs)
        total = 0.0
        for start in range(0, particles, _ROWS):
            overlap = weights[start : start + _ROWS] @ weights.T
            total += float(np.sum(by_distance[np.rint((self.dimension - overlap) / 2.0).astype(np.int64)]))
        return total / (particles * (particles - 1))

    def majority_error(self, population: Weights, rng: np.random.Generator) -> float:
        """True error of the majority vote, on 16,384 fresh points; a tied vote counts half."""
        wrong = 0.0
        for _ in range(_VOTE_BATCHES):
            right = self.correct(population, self.training_set(_VOTE_BATCH, rng)).mean(axis=0)
            wrong += float(np.sum(right < 0.5) + 0.5 * np.sum(right == 0.5))
        return wrong / (_VOTE_BATCHES * _VOTE_BATCH)

    def move(
        self,
        population: Weights,
        examples: IntArray,
        rng: np.random.Generator,
        *,
        length: float,
        slack: float = 0.0,
    ) -> MoveReport:
        """Flip single weights and pairs, refusing every flip that errs on `examples`.

        `length` times ten proposals per weight. Where good classifiers are isolated (in theory beyond
        1.245 examples per weight) few proposals are accepted, and the persistence says so.
        """
        particles = len(population)
        points_t = np.ascontiguousarray(self._labelled(examples).T)
        floor = np.zeros(points_t.shape[1])
        if floor.size:
            floor[-1] = -slack
        proposals = max(1, math.ceil(length * _SWEEPS * self.dimension))
        seeds = rng.integers(0, 2**64, particles, dtype=np.uint64)
        moved = flip_weights(np.ascontiguousarray(population), points_t, floor, seeds, proposals)
        return MoveReport(moved, _persistence(population, moved), proposals * particles)

    def zero_error_counts(self, training_sets: IntArray, eps: Sequence[float] = ()) -> ZeroErrorCounts:
        """Count the survivors among all 2**dimension classifiers, for every prefix of every training set.

        Parameters
        ----------
        training_sets : ndarray of int64, shape (sets, n)
            Example indices.
        eps : sequence of float
            Thresholds on the true error, in [0, 1).

        Raises
        ------
        ValueError
            If the dimension is above 20 or a threshold is out of range.
        """
        errors = self._errors_by_code
        index = np.atleast_2d(np.asarray(training_sets, dtype=np.int64))
        points = self._labelled(index).reshape(*index.shape, self.dimension)
        by_bin, error_sum = count_perceptron_survivors(points, errors, bins_above(errors, eps), len(eps) + 1)
        return gather_counts(errors.size, eps, by_bin, error_sum)

    def log_tilted_mass(self, n: int, *, above: float | None = None) -> float:
        """Log of the sum of Q(E) (1-E)^n over E > `above` (all E when None), in nats.

        Raises ValueError where Q is not known: dimension above 20 and a teacher outside the class.
        """
        return float(special.logsumexp(log_tilted_weights(*self._atoms, n, above)))

    def draw_planted(self, draws: int, *, n: int, eps: float, rng: np.random.Generator) -> Weights:
        """Draw classifiers from Q restricted to E > `eps` and tilted by (1-E)^n.

        Raises ValueError if no classifier is that bad.
        """
        weights = log_tilted_weights(*self._atoms, n, eps)
        atom = draw_tilted(weights, draws, eps=eps, rng=rng)
        if not self._in_class:
            bits = (atom[:, None] >> np.arange(self.dimension)) & 1
            return (2 * bits - 1).astype(np.int8)
        order = rng.permuted(np.tile(np.arange(self.dimension), (draws, 1)), axis=1)
        return np.where(order < atom[:, None], -self.teacher, self.teacher).astype(np.int8)
