"""`World`: a made-up measurement whose law is known, to test the tests with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import not_negative, positive

FloatArray = NDArray[np.float64]
Seed = np.random.Generator | int | None
WorldKind = Literal["true", "wrong", "rival"]
Tails = Literal["gaussian", "laplace"]

_UNIT_LAPLACE = np.sqrt(0.5)  # of variance 1


class World(NamedTuple):
    """Columns of a made-up measurement, one row per (x, replicate).

    Attributes
    ----------
    x, y : ndarray, shape (rows,)
    replicate : ndarray of int, shape (rows,)
    se : ndarray, shape (rows,), or None
        Standard error within the replicate.
    reference : ndarray, shape (rows,), or None
        What a relation holds `y` against.
    """

    x: FloatArray
    replicate: NDArray[np.int64]
    y: FloatArray
    se: FloatArray | None = None
    reference: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """How replicates scatter about a curve: of ln y where y is positive by nature, else of y.

    Parameters
    ----------
    deviation : float
        Standard deviation of one replicate, the largest over x.
    shared : float
        Share of the variance that is common to all x of a replicate, in [0, 1]: its rows are correlated.
    growth : float
        Deviation at the last x over that at the first, geometric between; positive, 1 for even noise.
    tails : {"gaussian", "laplace"}
        Laplace noise has a kurtosis of 6 instead of 3.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    deviation: float
    shared: float = 0.5
    growth: float = 1.0
    tails: Tails = "gaussian"

    def __post_init__(self) -> None:
        not_negative("noise", self.deviation)
        positive("growth", self.growth)
        if not 0.0 <= self.shared <= 1.0:
            raise ValueError(f"shared must lie in [0, 1], got {self.shared}")
        if self.tails not in get_args(Tails):
            raise ValueError(f"tails must be one of {', '.join(get_args(Tails))}, got {self.tails!r}")

    def deviations(self, points: int) -> FloatArray:
        """Standard deviation at each of so many x, shape (points,)."""
        largest = max(self.growth, 1.0)
        return self.deviation * np.geomspace(1.0 / largest, self.growth / largest, points)

    def draw(self, replicates: int, points: int, rng: np.random.Generator) -> FloatArray:
        """Noise of every replicate at every x, shape (replicates, points)."""
        if self.tails == "laplace":
            shared, own = (rng.laplace(scale=_UNIT_LAPLACE, size=(replicates, n)) for n in (1, points))
        else:
            shared, own = (rng.standard_normal((replicates, n)) for n in (1, points))
        mixed = np.sqrt(self.shared) * shared + np.sqrt(1.0 - self.shared) * own
        return np.asarray(self.deviations(points) * mixed)

    def log_mean_exponential(self, points: int) -> FloatArray:
        """Ln of the mean of the noise's exponential, shape (points,).

        Raises
        ------
        ValueError
            If it is infinite: Laplace noise of a deviation of sqrt(2) or more.
        """
        parts = [self.deviations(points) ** 2 * share for share in (self.shared, 1.0 - self.shared)]
        if self.tails == "gaussian":
            return np.asarray(0.5 * sum(parts))
        if max(float(part.max()) for part in parts) >= 2.0:
            raise ValueError(f"noise must be less for Laplace tails of a logarithm, got {self.deviation}")
        return np.asarray(-sum(np.log1p(-0.5 * part) for part in parts))


def as_noise(noise: Noise | float) -> Noise:
    """A number as Gaussian noise of that deviation, half of its variance shared."""
    return noise if isinstance(noise, Noise) else Noise(noise)


def replicate_noise(x: FloatArray, replicates: int, noise: Noise | float, rng: Seed) -> FloatArray:
    """Noise at each x; of a number, Gaussian, half of its variance shared by the rows of a replicate.

    Returns
    -------
    ndarray, shape (replicates, len(x))
    """
    if replicates < 1:
        raise ValueError(f"replicates must be at least 1, got {replicates}")
    return as_noise(noise).draw(replicates, len(x), np.random.default_rng(rng))


def mean_one_factor(x: FloatArray, replicates: int, noise: Noise | float, rng: Seed) -> FloatArray:
    """Factors of mean 1 whose logarithm scatters as `noise` says, shape (replicates, len(x))."""
    logarithm = replicate_noise(x, replicates, noise, rng) - as_noise(noise).log_mean_exponential(len(x))
    return np.asarray(np.exp(logarithm))


def world_from_rows(x: FloatArray, y: ArrayLike, reference: ArrayLike | None = None) -> World:
    """Flatten `y` (and `reference`) of shape (replicates, len(x)) into the columns of a world."""
    table = np.asarray(y, dtype=np.float64)
    held_against = None
    if reference is not None:
        held_against = np.broadcast_to(np.asarray(reference, dtype=np.float64), table.shape).ravel().copy()
    return World(
        x=np.tile(x, len(table)),
        replicate=np.repeat(np.arange(len(table), dtype=np.int64), len(x)),
        y=table.ravel().copy(),
        reference=held_against,
    )
