"""`Boxes`: axis-parallel boxes in the unit cube, a family whose zero-error fraction is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from genlaws.simulate import MoveReport
from genlaws.simulate.points import POINT_INDEX_LIMIT, gaussian_points
from genlaws.simulate.reflective import persistence_of

_VOTE_POINTS = 1000


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes in the unit cube that reach its far corner; every point belongs inside.

    Parameters
    ----------
    dimension : int
        Of the cube, at least 1.
    population : int
        Which endless population of points, uniform in the cube.

    Notes
    -----
    A box holds the points above its near corner, which the prior draws uniformly in the cube. It errs on the
    points that it leaves out, a share 1 - prod_j (1 - corner_j) of the cube. It makes no error on examples
    x_1, ..., x_n where corner_j < min_i x_ij for every j, so that a share prod_j min_i x_ij of the prior
    survives them. A population is an array of corners, shape (particles, dimension).
    """

    revision: ClassVar[int] = 1

    dimension: int
    population: int = 0

    def __post_init__(self) -> None:
        if self.dimension < 1:
            raise ValueError(f"dimension must be at least 1, got {self.dimension}")

    @property
    def error_name(self) -> str:
        """The true error is exact."""
        return "exact"

    @property
    def error_resolution(self) -> None:
        """None: there are no points behind the true error."""
        return

    def inputs(self, points: NDArray[np.int64]) -> NDArray[np.float64]:
        """The points of these indices, shape (points, dimension), in (0, 1)."""
        return np.asarray(special.ndtr(gaussian_points(points, self.dimension, self.population)))

    def log_fraction(self, examples: NDArray[np.int64]) -> float:
        """Ln of the share of the prior without error on these examples, in closed form."""
        return float(np.log(self.inputs(examples).min(axis=0)).sum())

    def training_set(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw `n` examples from the endless population."""
        return rng.integers(0, POINT_INDEX_LIMIT, size=n)

    def draw(self, particles: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw corners from the prior."""
        return rng.random((particles, self.dimension))

    def take(self, population: NDArray[np.float64], index: NDArray[np.int64]) -> NDArray[np.float64]:
        """The boxes at `index`."""
        return population[index]

    def where(
        self, keep: NDArray[np.bool_], population: NDArray[np.float64], other: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Box by box: from `population` where `keep`, else from `other`."""
        return np.where(keep[:, None], population, other)

    def margins(self, population: NDArray[np.float64], points: NDArray[np.int64]) -> NDArray[np.float64]:
        """Least of ln x_j - ln corner_j over j, positive inside; the prior's deviation of each is 1."""
        inputs, corners = np.log(self.inputs(points)), np.log(population)
        margins = np.full((len(population), len(inputs)), np.inf)
        for axis in range(self.dimension):
            np.minimum(margins, inputs[:, axis] - corners[:, axis, None], out=margins)
        return margins

    def correct(self, population: NDArray[np.float64], points: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each box holds each point, shape (particles, points)."""
        return self.margins(population, points) > 0.0

    def first_error(self, population: NDArray[np.float64], examples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position in `examples` of each box's first error, `len(examples)` if it makes none."""
        wrong = ~self.correct(population, examples)
        return np.where(wrong.any(axis=1), wrong.argmax(axis=1), len(examples))

    def true_errors(self, population: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the cube that each box leaves out."""
        return np.asarray(-np.expm1(np.log1p(-population).sum(axis=1)))

    def disagreement(self, population: NDArray[np.float64]) -> float:
        """Probability that two members disagree on a point, averaged over pairs."""
        volumes = 1.0 - self.true_errors(population)
        # their intersection is a box too: its corner is the larger of the two, axis by axis
        shared = [np.prod(1.0 - np.maximum(corner, population), axis=1).sum() for corner in population]
        particles = len(population)
        return float(2.0 * (particles * volumes.sum() - np.sum(shared)) / (particles * (particles - 1)))

    def majority_error(self, population: NDArray[np.float64], rng: np.random.Generator) -> float:
        """Share of 1,000 fresh points that most members leave out; a tie is half an error."""
        right = self.correct(population, self.training_set(_VOTE_POINTS, rng)).mean(axis=0)
        return float(np.mean(0.5 - 0.5 * np.sign(right - 0.5)))

    def move(
        self,
        population: NDArray[np.float64],
        examples: NDArray[np.int64],
        rng: np.random.Generator,
        *,
        length: float,
        slack: float = 0.0,
    ) -> MoveReport:
        """A step uniform over `length` of what the examples leave free, folded back at its ends.

        A full length is an independent draw. The step is as likely back as forth, so that the prior
        among the boxes without error stays as it is.
        """
        free = np.vstack([np.ones(self.dimension), self.inputs(examples)])
        if slack > 0.0:
            free[-1] *= np.exp(slack)  # margins are logarithms
        limit = free.min(axis=0)
        moved = np.abs(population + length * limit * rng.uniform(-1.0, 1.0, population.shape))
        moved = np.where(moved > limit, 2.0 * limit - moved, moved)
        return MoveReport(moved, persistence_of(population / limit, moved / limit), population.size)
