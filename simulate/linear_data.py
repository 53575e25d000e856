"""Labelled Gaussian inputs for linear classifiers, with the exact true error of every classifier.

Each data model makes points from their index. The first axis is the informative direction, so that the
true error of a unit vector depends on its first coordinate, the overlap, alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .points import gaussian_points

FloatArray = NDArray[np.float64]


class LinearData(Protocol):
    """Inputs and labels by index, and the error of a classifier of given overlap with the first axis."""

    def points(self, indices: NDArray[np.int64], dimension: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """Inputs, shape (points, dimension), and labels +-1, shape (points,)."""
        ...

    def error(self, overlap: FloatArray) -> FloatArray:
        """True error of unit vectors whose first coordinate is `overlap`, elementwise."""
        ...


@dataclass(frozen=True, slots=True)
class TeacherLabels:
    """Isotropic Gaussian inputs, labelled by a linear teacher.

    Parameters
    ----------
    overlap : float in [0, 1]
        Cosine between the teacher and the space the classifiers see. 1: realizable. Below 1 the teacher
        also reads a direction hidden from them; 0 gives labels at random.
    noise : float in [0, 0.5]
        Probability that a label is flipped.

    Notes
    -----
    True error ``noise + (1 - 2 noise) arccos(overlap * R) / pi`` for a classifier of overlap R.
    """

    overlap: float = 1.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.overlap <= 1.0:
            raise ValueError(f"overlap must be in [0, 1], got {self.overlap}")
        if not 0.0 <= self.noise <= 0.5:
            raise ValueError(f"noise must be in [0, 0.5], got {self.noise}")

    def points(self, indices: NDArray[np.int64], dimension: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """Inputs, shape (points, dimension), and labels +-1, shape (points,)."""
        # two coordinates more than are shown: one hidden from the classifiers, one that flips labels
        full = gaussian_points(indices, dimension + 2, seed)
        field = self.overlap * full[:, 0] + math.sqrt(1.0 - self.overlap**2) * full[:, -2]
        labels = np.where(field > 0.0, 1.0, -1.0)
        labels[special.ndtr(full[:, -1]) < self.noise] *= -1.0
        return np.ascontiguousarray(full[:, :-2]), labels

    def error(self, overlap: FloatArray) -> FloatArray:
        """True error of unit vectors whose first coordinate is `overlap`, elementwise."""
        angle = np.arccos(np.clip(self.overlap * np.asarray(overlap), -1.0, 1.0)) / math.pi
        return np.asarray(self.noise + (1.0 - 2.0 * self.noise) * angle)


@dataclass(frozen=True, slots=True)
class GaussianMixtureLabels:
    """Two Gaussian clouds of unit variance at plus and minus `separation` on the first axis, one per label.

    True error ``Phi(-separation * R)`` for a classifier of overlap R.
    """

    separation: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.separation) and self.separation >= 0.0):
            raise ValueError(f"separation must be a number of at least 0, got {self.separation}")

    def points(self, indices: NDArray[np.int64], dimension: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """Inputs, shape (points, dimension), and labels +-1, shape (points,)."""
        full = gaussian_points(indices, dimension + 1, seed)
        labels = np.where(full[:, -1] > 0.0, 1.0, -1.0)
        inputs = np.ascontiguousarray(full[:, :-1])
        inputs[:, 0] += self.separation * labels
        return inputs, labels

    def error(self, overlap: FloatArray) -> FloatArray:
        """True error of unit vectors whose first coordinate is `overlap`, elementwise."""
        return np.asarray(special.ndtr(-self.separation * np.asarray(overlap)))


@dataclass(frozen=True, slots=True)
class LogisticLabels:
    """Isotropic Gaussian inputs; the label is +1 with probability ``1 / (1 + exp(-slope * x_1))``.

    True error of a classifier of overlap R: the mean over x_1 of
    ``p Phi(-t x_1) + (1 - p) Phi(t x_1)`` with ``t = R / sqrt(1 - R^2)`` and p the chance of +1.
    """

    slope: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and self.slope >= 0.0):
            raise ValueError(f"slope must be a number of at least 0, got {self.slope}")

    def points(self, indices: NDArray[np.int64], dimension: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """Inputs, shape (points, dimension), and labels +-1, shape (points,)."""
        full = gaussian_points(indices, dimension + 1, seed)
        chance = special.expit(self.slope * full[:, 0])
        labels = np.where(special.ndtr(full[:, -1]) < chance, 1.0, -1.0)
        return np.ascontiguousarray(full[:, :-1]), labels

    def error(self, overlap: FloatArray) -> FloatArray:
        """True error of unit vectors whose first coordinate is `overlap`, elementwise."""
        # By symmetry x_1 > 0 is enough. In ln x_1 the integrand is smooth at unit scale however steep the
        # label or the classifier, and equal steps converge exponentially.
        r = np.clip(np.asarray(overlap, dtype=np.float64), -1.0, 1.0)[..., None]
        x, weight = _half_normal_rule()
        with np.errstate(divide="ignore"):
            tilt = r / np.sqrt(1.0 - r * r)
        right, chance = special.ndtr(tilt * x), special.expit(self.slope * x)
        return np.asarray((chance * (1.0 - right) + (1.0 - chance) * right) @ weight)


def _half_normal_rule() -> tuple[FloatArray, FloatArray]:
    # equal steps in ln x against the half-normal density; what lies below e^-36 weighs nothing
    x = np.exp(np.arange(-36.0, 2.4, 0.15))
    weight = x * np.exp(-0.5 * x * x)
    return x, weight / weight.sum()
