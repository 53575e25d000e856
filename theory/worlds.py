"""`World`: a made-up measurement whose law is known, to test the tests with."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Seed = np.random.Generator | int | None
WorldKind = Literal["true", "wrong", "rival"]

_SHARED_VARIANCE = 0.5  # of the noise, common to all x of one replicate: rows of a replicate are correlated


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


def replicate_noise(x: FloatArray, replicates: int, noise: float, rng: Seed) -> FloatArray:
    """Gaussian noise of standard deviation `noise`, half of its variance shared by the rows of a replicate.

    Returns
    -------
    ndarray, shape (replicates, len(x))
    """
    if replicates < 1:
        raise ValueError(f"replicates must be at least 1, got {replicates}")
    if noise < 0:
        raise ValueError(f"noise must not be negative, got {noise}")
    generator = np.random.default_rng(rng)
    shared = generator.standard_normal((replicates, 1))
    own = generator.standard_normal((replicates, len(x)))
    mixed: FloatArray = np.sqrt(_SHARED_VARIANCE) * shared + np.sqrt(1 - _SHARED_VARIANCE) * own
    return noise * mixed


def mean_one_factor(x: FloatArray, replicates: int, noise: float, rng: Seed) -> FloatArray:
    """Log-normal factors of mean 1 and log standard deviation `noise`, shape (replicates, len(x))."""
    factor: FloatArray = np.exp(replicate_noise(x, replicates, noise, rng) - 0.5 * noise**2)
    return factor


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
