"""`SphericalPerceptron`: all linear classifiers of a dimension, uniform over directions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .family import BoolArray, FloatArray, IntArray, MoveReport
from .linear_data import GaussianMixtureLabels, LinearData, TeacherLabels
from .points import POINT_INDEX_LIMIT
from .reflective import reflective_move

_VOTE_POINTS = 4096
_ANGLES = 20_000


@dataclass(frozen=True, slots=True)
class SphericalPerceptron:
    """Linear classifiers ``sign(w . x)`` with w uniform over directions; the prior of its weights is normal.

    Parameters
    ----------
    dimension : int
        Number of inputs, at least 2.
    data : LinearData
        Inputs, labels and the exact true error: a realizable teacher by default, or `TeacherLabels` with
        noise or a hidden direction, `GaussianMixtureLabels`, `LogisticLabels`.
    seed : int
        Which endless population of points.

    Notes
    -----
    A population is an array of weights, shape (particles, dimension). Moves are exact Hamiltonian
    trajectories inside the cone of weights that are right on every example (arXiv:1208.4118).
    """

    revision: ClassVar[int] = 1

    dimension: int
    data: LinearData = field(default_factory=TeacherLabels)
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.dimension >= 2 and self.dimension == int(self.dimension)):
            raise ValueError(f"dimension must be a whole number of at least 2, got {self.dimension}")

    @property
    def error_name(self) -> str:
        """The true error is exact."""
        return "exact"

    @property
    def error_resolution(self) -> None:
        """None: there are no points behind the true error."""
        return

    def training_set(self, n: int, rng: np.random.Generator) -> IntArray:
        """Draw `n` examples from the endless population."""
        return rng.integers(0, POINT_INDEX_LIMIT, size=n, dtype=np.int64)

    def _rows(self, examples: IntArray) -> FloatArray:
        # y x / |x|: a classifier is right where its product with the row is positive
        inputs, labels = self.data.points(examples, self.dimension, self.seed)
        rows = inputs * (labels / np.linalg.norm(inputs, axis=1))[:, None]
        return np.ascontiguousarray(rows)

    def draw(self, particles: int, rng: np.random.Generator) -> FloatArray:
        """Draw weights from the standard normal prior, shape (particles, dimension)."""
        return rng.standard_normal((particles, self.dimension))

    def take(self, population: FloatArray, index: IntArray) -> FloatArray:
        """The classifiers at `index`."""
        return population[index]

    def where(self, keep: BoolArray, population: FloatArray, other: FloatArray) -> FloatArray:
        """Classifier by classifier: from `population` where `keep`, else from `other`."""
        return np.where(keep[:, None], population, other)

    def margins(self, population: FloatArray, points: IntArray) -> FloatArray:
        """Signed distances y w.x / |x|, shape (particles, points), in prior standard deviations."""
        return population @ self._rows(points).T

    def correct(self, population: FloatArray, points: IntArray) -> BoolArray:
        """Whether each classifier is right on each point, shape (particles, points)."""
        return self.margins(population, points) > 0.0

    def first_error(self, population: FloatArray, examples: IntArray) -> IntArray:
        """Position of each classifier's first error, `len(examples)` if none."""
        wrong = ~self.correct(population, examples)
        return np.where(wrong.any(axis=1), wrong.argmax(axis=1), len(examples)).astype(np.int64)

    def true_errors(self, population: FloatArray) -> FloatArray:
        """Exact true error of each classifier, shape (particles,)."""
        return self.data.error(population[:, 0] / np.linalg.norm(population, axis=1))

    def _votes(self, population: FloatArray, points: IntArray) -> tuple[NDArray[np.float64], FloatArray]:
        inputs, labels = self.data.points(points, self.dimension, self.seed)
        return np.where(population @ inputs.T > 0.0, 1.0, -1.0), labels

    def disagreement(self, population: FloatArray) -> float:
        """Probability that two members disagree on a random point, averaged over pairs.

        Exact (angle over pi) for isotropic inputs, counted on 4,096 fixed points for the mixture.
        """
        particles = population.shape[0]
        if isinstance(self.data, GaussianMixtureLabels):
            fixed = POINT_INDEX_LIMIT + np.arange(_VOTE_POINTS, dtype=np.int64)
            votes, _ = self._votes(population, fixed)
            together = (np.sum(votes.sum(axis=0) ** 2) / _VOTE_POINTS - particles) / (particles - 1)
            return float(0.5 * (1.0 - together / particles))
        unit = population / np.linalg.norm(population, axis=1, keepdims=True)
        angles = np.arccos(np.clip(unit @ unit.T, -1.0, 1.0))
        np.fill_diagonal(angles, 0.0)
        return float(angles.sum() / (math.pi * particles * (particles - 1)))

    def majority_error(self, population: FloatArray, rng: np.random.Generator) -> float:
        """True error of the majority vote, counted on 4,096 fresh points; a tie is half an error."""
        votes, labels = self._votes(population, self.training_set(_VOTE_POINTS, rng))
        return float(np.mean(0.5 - 0.5 * np.sign(votes.sum(axis=0) * labels)))

    def _tilted_overlaps(self, n: int, above: float | None) -> tuple[FloatArray, FloatArray]:
        # Log weights of the overlap on a fine grid of angles: prior sin(t)^(d-2), survival (1 - E)^n,
        # restricted to E > above. The grid is fine enough for sums to stand for integrals.
        angle = (np.arange(_ANGLES) + 0.5) * math.pi / _ANGLES
        errors = self.data.error(np.cos(angle))
        log_prior = (self.dimension - 2) * np.log(np.sin(angle))
        log_prior -= special.logsumexp(log_prior)
        with np.errstate(divide="ignore"):
            log_weight = log_prior + n * np.log1p(-errors)
        return angle, log_weight if above is None else np.where(errors > above, log_weight, -np.inf)

    def log_tilted_mass(self, n: int, *, above: float | None = None) -> float:
        """Ln of E[(1 - E)^n] over the prior, only errors > `above` if given; in nats."""
        return float(special.logsumexp(self._tilted_overlaps(n, above)[1]))

    def draw_planted(self, draws: int, *, n: int, eps: float, rng: np.random.Generator) -> FloatArray:
        """Draw classifiers from the prior restricted to errors > `eps` and tilted by (1 - E)^n.

        Raises ValueError if no classifier is that bad.
        """
        angle, log_weight = self._tilted_overlaps(n, eps)
        total = special.logsumexp(log_weight)
        if not np.isfinite(total):
            raise ValueError(f"eps must lie below the largest error, got {eps}")
        chosen = rng.choice(angle, size=draws, p=np.exp(log_weight - total))
        rest = rng.standard_normal((draws, self.dimension - 1))
        rest *= np.sin(chosen)[:, None] / np.linalg.norm(rest, axis=1, keepdims=True)
        return np.concatenate([np.cos(chosen)[:, None], rest], axis=1) * math.sqrt(self.dimension)

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
        rows = self._rows(examples)
        gram = np.ascontiguousarray(rows @ rows.T)
        moved = reflective_move(
            population, rows, gram, rng, length=length, slack=slack, slack_walls=int(slack > 0.0)
        )
        return MoveReport(moved.latent, moved.persistence, moved.bounces)
