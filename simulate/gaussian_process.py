"""`GaussianProcess`: classifiers drawn from a Gaussian process, the infinite-width limit of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from .family import BoolArray, FloatArray, IntArray, MoveReport
from .finite_points import FinitePoints, disagreement_of_votes, fingerprint, finite_points
from .reflective import reflective_move

_JITTERS = (1e-10, 1e-9, 1e-8, 1e-7)


def _checked_covariance(covariance: ArrayLike) -> FloatArray:
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"covariance must be a square matrix, got shape {matrix.shape}")
    if not np.all(np.isfinite(matrix)):
        raise ValueError("covariance must be finite, got NaN or infinity")
    if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-10 * float(np.abs(matrix).max(initial=0.0))):
        raise ValueError("covariance must be symmetric")
    if np.any(np.diag(matrix) <= 0.0):
        raise ValueError("covariance must be positive on its diagonal")
    return matrix


def _factor(correlation: FloatArray) -> FloatArray:
    # The smallest jitter that factorizes; it only has to beat the rounding of a singular matrix, such as
    # one with equal images. More would be a different prior.
    for jitter in _JITTERS:
        try:
            return linalg.cholesky(correlation + jitter * np.eye(len(correlation)), lower=True)
        except linalg.LinAlgError:
            continue
    least = linalg.eigvalsh(correlation)[0]
    raise ValueError(
        f"covariance must be positive semi-definite, its least eigenvalue is {least:.3g} of a unit diagonal"
    )


@dataclass(frozen=True, slots=True, eq=False)
class GaussianProcess:
    """Classifiers whose outputs on given points are jointly Gaussian.

    Parameters
    ----------
    covariance : array_like, shape (points, points)
        Prior covariance of the outputs over all points, positive semi-definite.
    labels : array_like, shape (points,)
        Two classes (any two values): the sign of one output decides, the larger value being the positive
        class. More classes: integers 0 to K - 1, and the largest of K independent outputs decides.
    training : array_like of int
        Indices of the training examples, in order: training sets are its prefixes.
    heldout : array_like of int
        Indices of the points behind the true error, disjoint from `training`.

    Notes
    -----
    ``GaussianProcess.on_pool`` makes training sets at random from the points themselves, and the true
    error is then the exact error on that finite pool (`error_name` is ``"pool"``).

    A population holds whitened outputs, shape (particles, outputs, points): outputs are its product with the
    Cholesky factor of the covariance, so examples only bind the leading coordinates. Outputs are scaled
    to unit prior variance at every point, which changes no sign and, with one covariance for all classes,
    no order.

    Raises
    ------
    ValueError
        If the covariance is not a finite symmetric positive semi-definite matrix, the labels hold one class,
        indices are out of range or shared by `training` and `heldout`.
    """

    revision: ClassVar[int] = 1

    covariance: ArrayLike = field(repr=False)
    labels: ArrayLike = field(repr=False)
    training: ArrayLike = field(repr=False, kw_only=True)
    heldout: ArrayLike = field(repr=False, kw_only=True)
    error_name: str = field(init=False, default="heldout")
    outputs: int = field(init=False)
    fingerprint: str = field(init=False, compare=False)
    _correlation: FloatArray = field(init=False, repr=False)
    _factor: FloatArray = field(init=False, repr=False)
    _position: IntArray = field(init=False, repr=False)
    _points: FinitePoints = field(init=False, repr=False)

    def __post_init__(self) -> None:
        matrix = _checked_covariance(self.covariance)
        points = finite_points(self.labels, matrix.shape[0], training=self.training, heldout=self.heldout)
        order = np.concatenate([points.training, points.heldout])
        position = np.full(matrix.shape[0], -1, dtype=np.int64)
        position[order] = np.arange(order.size)
        deviation = np.sqrt(np.diag(matrix)[order])
        correlation = matrix[np.ix_(order, order)] / np.outer(deviation, deviation)
        made = fingerprint(correlation, points.classes[order], points.training, points.heldout)
        for name, value in (
            ("outputs", 1 if points.count == 2 else points.count),
            # in the repr, so that results of different data are never taken for one another
            ("fingerprint", made),
            ("_correlation", correlation),
            ("_factor", _factor(correlation)),
            ("_position", position),
            ("_points", points),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def on_pool(cls, covariance: ArrayLike, labels: ArrayLike) -> GaussianProcess:
        """A process whose points are the whole population.

        Training sets are drawn from the points with replacement, and the true error counts all of them:
        the identities of the theory hold exactly. Keep n well below the number of points.
        """
        matrix = _checked_covariance(covariance)
        every = np.arange(matrix.shape[0])
        # built as a process with one held-out point, then told that all points are both
        pool = cls(matrix, labels, training=every[:-1], heldout=every[-1:])
        object.__setattr__(pool, "error_name", "pool")
        object.__setattr__(pool, "_points", pool._points.as_pool())
        return pool

    @property
    def error_resolution(self) -> int:
        """Number of points behind the true error."""
        return int(self._points.heldout.size)

    def training_set(self, n: int, rng: np.random.Generator) -> IntArray:
        """The first `n` training examples; on a pool, `n` draws with replacement.

        Raises ValueError if there are fewer than `n` training examples.
        """
        return self._points.training_set(n, rng)

    def draw(self, particles: int, rng: np.random.Generator) -> FloatArray:
        """Draw whitened outputs from the prior, shape (particles, outputs, points)."""
        return rng.standard_normal((particles, self.outputs, self._factor.shape[0]))

    def take(self, population: FloatArray, index: IntArray) -> FloatArray:
        """The classifiers at `index`."""
        return population[index]

    def where(self, keep: BoolArray, population: FloatArray, other: FloatArray) -> FloatArray:
        """Classifier by classifier: from `population` where `keep`, else from `other`."""
        return np.where(keep[:, None, None], population, other)

    def _output(self, population: FloatArray, points: IntArray) -> FloatArray:
        # (particles, outputs, points), in prior standard deviations
        position = self._position[points]
        width = int(position.max()) + 1
        return population[:, :, :width] @ self._factor[position, :width].T

    def margins(self, population: FloatArray, points: IntArray) -> FloatArray:
        """Output of the right class above the best other, shape (particles, points), in prior deviations."""
        points = np.asarray(points)
        if points.size == 0:
            return np.empty((len(population), 0))
        values, classes = self._output(population, points), self._points.classes[points]
        if self.outputs == 1:
            return values[:, 0] * (2.0 * classes - 1.0)
        right = np.take_along_axis(values, classes[None, None, :], axis=1)[:, 0]
        np.put_along_axis(values, np.broadcast_to(classes, (len(values), 1, classes.size)), -np.inf, axis=1)
        return np.asarray((right - values.max(axis=1)) / np.sqrt(2.0))

    def correct(self, population: FloatArray, points: IntArray) -> BoolArray:
        """Whether each classifier is right on each point, shape (particles, points)."""
        return self.margins(population, points) > 0.0

    def first_error(self, population: FloatArray, examples: IntArray) -> IntArray:
        """Position of each classifier's first error, `len(examples)` if none."""
        wrong = ~self.correct(population, examples)
        return np.where(wrong.any(axis=1), wrong.argmax(axis=1), len(examples)).astype(np.int64)

    def true_errors(self, population: FloatArray) -> FloatArray:
        """Share of the held-out points (or of the pool) that each classifier gets wrong."""
        # counted errors over the number of points, not one minus a share: k / m to the last bit
        return np.asarray(np.mean(~self.correct(population, self._points.heldout), axis=1))

    def _vote_counts(self, population: FloatArray) -> NDArray[np.float64]:
        # votes per class and held-out point, shape (classes, points)
        values = self._output(population, self._points.heldout)
        if self.outputs == 1:
            positive = (values[:, 0] > 0.0).sum(axis=0).astype(np.float64)
            return np.stack([len(population) - positive, positive])
        chosen = values.argmax(axis=1)
        return np.stack([(chosen == c).sum(axis=0) for c in range(self.outputs)]).astype(np.float64)

    def disagreement(self, population: FloatArray) -> float:
        """Share of held-out points on which two members disagree, averaged over pairs."""
        return disagreement_of_votes(self._vote_counts(population))

    def majority_error(self, population: FloatArray, rng: np.random.Generator) -> float:
        """Held-out error of the vote of all members."""
        return self._points.majority_error(self._vote_counts(population))

    def _constraints(self, examples: IntArray) -> tuple[FloatArray, FloatArray]:
        # Unit rows over (outputs x leading points) and their Gram matrix, one per example, or one per
        # example and wrong class. The Gram matrix comes from the covariance, not from the rows.
        position, classes = self._position[examples], self._points.classes[examples]
        width = int(position.max()) + 1
        block, correlation = self._factor[position, :width], self._correlation[np.ix_(position, position)]
        if self.outputs == 1:
            sign = 2.0 * classes - 1.0
            return block * sign[:, None], correlation * np.outer(sign, sign)
        count, outputs = len(examples), self.outputs
        wrong = np.array([[c for c in range(outputs) if c != y] for y in classes])
        side = np.zeros((count, outputs - 1, outputs))
        np.put_along_axis(side, np.broadcast_to(classes[:, None, None], (count, outputs - 1, 1)), 1.0, axis=2)
        np.put_along_axis(side, wrong[:, :, None], -1.0, axis=2)
        side = side.reshape(-1, outputs) / np.sqrt(2.0)
        which = np.repeat(np.arange(count), outputs - 1)
        rows = (side[:, :, None] * block[which][:, None, :]).reshape(len(which), -1)
        return rows, (side @ side.T) * correlation[np.ix_(which, which)]

    def move(
        self,
        population: FloatArray,
        examples: IntArray,
        rng: np.random.Generator,
        *,
        length: float,
        slack: float = 0.0,
    ) -> MoveReport:
        """One exact Hamiltonian trajectory of `length` quarter turns; see `reflective_move`."""
        examples = np.asarray(examples, dtype=np.int64)
        if examples.size == 0:
            moved = reflective_move(
                population.reshape(len(population), -1),
                np.empty((0, 1)),
                np.empty((0, 0)),
                rng,
                length=length,
            )
            return MoveReport(moved.latent.reshape(population.shape), moved.persistence, 0)
        # a repeated example binds nothing new; if it is the last one, it needs no slack either
        _, first = np.unique(examples, return_index=True)
        distinct = examples[np.sort(first)]
        slack = slack if distinct[-1] == examples[-1] and len(examples) - 1 in first else 0.0
        rows, gram = self._constraints(distinct)
        width = rows.shape[1] // self.outputs
        # the bound coordinates of every output come first, the free ones after them
        bound = population[:, :, :width].reshape(len(population), -1)
        latent = np.concatenate([bound, population[:, :, width:].reshape(len(population), -1)], axis=1)
        moved = reflective_move(
            latent,
            rows,
            np.ascontiguousarray(gram),
            rng,
            length=length,
            slack=slack,
            slack_walls=max(self.outputs - 1, 1) if slack > 0.0 else 0,
        )
        result = np.empty_like(population)
        result[:, :, :width] = moved.latent[:, : bound.shape[1]].reshape(len(population), self.outputs, width)
        result[:, :, width:] = moved.latent[:, bound.shape[1] :].reshape(len(population), self.outputs, -1)
        return MoveReport(result, moved.persistence, moved.bounces)
