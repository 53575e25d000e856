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


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class LogisticLabels:
    """Isotropic Gaussian inputs; the label is +1 with probability ``1 / (1 + exp(-slope * x_1))``.

    True error of a classifier of overlap R: the mean over x_1 of
    ``p Phi(-t x_1) + (1 - p) Phi(t x_1)`` with ``t = R / sqrt(1 - R^2)``.
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
        # sign(w.x) and x_1 are jointly normal: write x_1 = R s + sqrt(1-R^2) u with s the field of w, so
        # that the kink stays at s = 0 and both halves are smooth; by symmetry s > 0 is enough
        r = np.clip(np.asarray(overlap, dtype=np.float64), -1.0, 1.0)
        half, weight = _half_normal_rule()
        first = r[..., None, None] * half[:, None] + np.sqrt(1.0 - r[..., None, None] ** 2) * _NODES
        return np.asarray(np.einsum("...su,s,u->...", special.expit(-self.slope * first), weight, _WEIGHTS))


def _half_normal_rule() -> tuple[FloatArray, FloatArray]:
    # Gauss-Legendre in s on (0, 9) against the half-normal density
    nodes, weights = np.polynomial.legendre.leggauss(80)
    s = 4.5 * (nodes + 1.0)
    density = 4.5 * weights * np.exp(-0.5 * s * s)
    return s, density / density.sum()
