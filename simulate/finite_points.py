"""`FinitePoints`: finitely many labelled points, of which some train and some tell the true error."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .family import FloatArray, IntArray


def fingerprint(*arrays: NDArray[Any]) -> str:
    """Sixteen hexadecimal digits that tell these arrays from others."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _indices(name: str, value: ArrayLike, points: int) -> IntArray:
    index = np.asarray(value)
    if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be a list of point indices, got {value!r}")
    if index.size == 0:
        raise ValueError(f"{name} must hold at least one point")
    if index.min() < 0 or index.max() >= points:
        raise ValueError(f"{name} must lie in [0, {points}), got {index.min()} to {index.max()}")
    return index.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class FinitePoints:
    """Classes of points, and which of them are for what. Build it with `finite_points`.

    Attributes
    ----------
    classes : ndarray of int64, shape (points,)
        0 to K - 1, in the order of the labels.
    count : int
        Number of classes K.
    training, heldout : ndarray of int64
        Indices of the points; on a pool, all of them twice.
    error_name : {"heldout", "pool"}
    """

    classes: IntArray
    count: int
    training: IntArray
    heldout: IntArray
    error_name: str = "heldout"

    def as_pool(self) -> FinitePoints:
        """The same points as a whole population: training sets draw from all, and all tell the error."""
        every = np.arange(self.classes.size)
        return replace(self, training=every, heldout=every, error_name="pool")

    def training_set(self, n: int, rng: np.random.Generator) -> IntArray:
        """The first `n` training examples; on a pool, `n` draws with replacement.

        Raises ValueError if there are fewer than `n` training examples.
        """
        if self.error_name == "pool":
            return rng.choice(self.training, size=n, replace=True)
        if n > self.training.size:
            raise ValueError(f"n must be at most the {self.training.size} training examples, got {n}")
        return self.training[:n]

    def majority_error(self, votes: FloatArray) -> float:
        """Error of the class with most of the votes, (classes, held-out points)."""
        return float(np.mean(votes.argmax(axis=0) != self.classes[self.heldout]))


def disagreement_of_votes(votes: FloatArray) -> float:
    """Share of points on which two voters differ, over pairs of them; votes are (classes, points)."""
    voters = float(votes[:, 0].sum())
    agree = (votes * (votes - 1.0)).sum(axis=0) / (voters * (voters - 1.0))
    return float(1.0 - agree.mean())


def finite_points(labels: ArrayLike, points: int, *, training: ArrayLike, heldout: ArrayLike) -> FinitePoints:
    """Check labels and indices of points.

    Parameters
    ----------
    labels : array_like, shape (points,)
        Any values; classes are numbered in their order.
    points : int
    training, heldout : array_like of int
        Disjoint and not empty; `training` names no point twice.

    Raises
    ------
    ValueError
        If the labels do not fit, are not finite or hold one class, or indices are out of range, repeated
        or shared.
    """
    named = np.asarray(labels)
    if named.shape != (points,):
        raise ValueError(f"labels must have shape ({points},) like the points, got {named.shape}")
    if named.dtype.kind == "f" and not np.all(np.isfinite(named)):
        raise ValueError("labels must be finite, got NaN or infinity")
    names, classes = np.unique(named, return_inverse=True)
    train, held = _indices("training", training, points), _indices("heldout", heldout, points)
    if np.intersect1d(train, held).size:
        raise ValueError("training and heldout must not share points")
    if np.unique(train).size != train.size:
        raise ValueError("training must not name a point twice")
    if len(names) < 2:
        raise ValueError(f"labels must hold at least two classes, got only {names[0]}")
    return FinitePoints(classes.astype(np.int64), len(names), train, held)
