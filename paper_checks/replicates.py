"""`ReplicateTable`: a measurement arranged by replicate and x, and its bootstrap over replicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from genlaws.simulate.measurement import Measurement

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReplicateTable:
    """A measurement by replicate and x; NaN where a replicate has no row at an x.

    Attributes
    ----------
    x : ndarray, shape (points,)
        Distinct x, increasing.
    y, reference : ndarray, shape (replicates, points)
        Mean over the rows of a replicate at an x; `reference` is None without one.
    se : ndarray, shape (points,), or None
        Standard error that the samplers' own errors alone leave on the mean over replicates.
    count : ndarray of int, shape (points,)
        Number of replicates at each x.
    """

    x: FloatArray
    y: FloatArray
    reference: FloatArray | None
    se: FloatArray | None
    count: NDArray[np.int64]

    @property
    def mean(self) -> FloatArray:
        """Mean of y over replicates, shape (points,)."""
        return np.asarray(np.nanmean(self.y, axis=0))

    @property
    def clusters(self) -> int:
        """Number of replicates."""
        return len(self.y)

    def means_resampled(self, draws: int, rng: np.random.Generator) -> FloatArray | None:
        """Means of y under a bootstrap over replicates, shape (draws, points); None if it cannot be.

        Replicates get exponential weights (the Bayesian bootstrap), so that no x is ever lost. Where
        some x has a single replicate, the samplers' own errors are drawn instead, if they are known.
        """
        if int(self.count.min()) >= 2:
            weights = rng.standard_exponential((draws, self.clusters))
            present = (~np.isnan(self.y)).astype(np.float64)
            return np.asarray((weights @ np.nan_to_num(self.y)) / (weights @ present))
        if self.se is not None:
            normal = rng.standard_normal((draws, len(self.x)))
            if np.all(self.mean > 0):  # a positive quantity stays one
                return np.asarray(self.mean * np.exp(normal * self.se / self.mean))
            return np.asarray(self.mean + self.se * normal)
        return None

    @property
    def stretch(self) -> float:
        """`bootstrap_stretch` for the fewest replicates at any x."""
        return bootstrap_stretch(int(self.count.min()))


def bootstrap_stretch(replicates: int) -> float:
    """Factor by which a Bayesian bootstrap over few replicates must be widened; 1 for one (no bootstrap).

    Its variance is too small by (R - 1) / (R + 1), and a Student t with R - 1 degrees of freedom is wider
    than the Gaussian that many replicates would give.
    """
    if replicates < 2:
        return 1.0
    student = float(stdtrit(replicates - 1.0, 0.975) / ndtri(0.975))
    return float(np.sqrt((replicates + 1) / (replicates - 1))) * student


def tabulate(measurement: Measurement) -> ReplicateTable:
    """Arrange a measurement by replicate and x."""
    x, column = np.unique(measurement.x, return_inverse=True)
    replicates, row = np.unique(measurement.replicate, return_inverse=True)
    shape = (len(replicates), len(x))
    cell = row * len(x) + column
    number = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)

    def averaged(values: FloatArray) -> FloatArray:
        total = np.bincount(cell, weights=values, minlength=number.size).reshape(shape)
        with np.errstate(invalid="ignore"):
            return np.asarray(total / number)

    count = np.asarray((number > 0).sum(axis=0), dtype=np.int64)
    se = None
    if measurement.se is not None:
        # the variance of a replicate's mean over its rows, then of the mean over replicates
        variance = averaged(measurement.se**2) / np.maximum(number, 1)
        se = np.sqrt(np.nansum(variance, axis=0)) / count
    return ReplicateTable(
        x=x,
        y=averaged(measurement.y),
        reference=None if measurement.reference is None else averaged(measurement.reference),
        se=se,
        count=count,
    )
