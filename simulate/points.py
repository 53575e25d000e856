"""Points made from their index alone: an endless population of inputs that nothing needs to store."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

POINT_INDEX_LIMIT = 2**62
"""Indices of points are drawn from [0, POINT_INDEX_LIMIT)."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@njit(cache=True, inline="always")
def mix64(state: np.uint64) -> np.uint64:
    """Scramble 64 bits: the finalizer of SplitMix64 (Steele, Lea & Flood 2014)."""
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))


@njit(cache=True, inline="always")
def unit_interval(bits: np.uint64) -> float:
    """A number in (0, 1) from 64 random bits."""
    return (float(bits >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@njit(cache=True)
def _gaussian_points(indices: NDArray[np.int64], dimension: int, seed: np.uint64) -> NDArray[np.float64]:
    points = np.empty((indices.size, dimension))
    key = mix64(seed + _GOLDEN)
    for i in range(indices.size):
        # two rounds, so that neighbouring indices start from unrelated states
        state = mix64(mix64(np.uint64(indices[i]) + _GOLDEN) ^ key)
        for j in range(0, dimension, 2):
            u = unit_interval(mix64(state + np.uint64(j + 1) * _GOLDEN))
            v = unit_interval(mix64(state + np.uint64(j + 2) * _GOLDEN))
            radius = math.sqrt(-2.0 * math.log(u))
            points[i, j] = radius * math.cos(2.0 * math.pi * v)
            if j + 1 < dimension:
                points[i, j + 1] = radius * math.sin(2.0 * math.pi * v)
    return points


def gaussian_points(indices: NDArray[np.int64], dimension: int, seed: int = 0) -> NDArray[np.float64]:
    """Standard normal points by index.

    Parameters
    ----------
    indices : ndarray of int64, shape (points,)
        Which points, each in [0, 2**62). Equal indices give equal points.
    dimension : int
        Number of coordinates.
    seed : int
        Which population.

    Returns
    -------
    ndarray of float64, shape (points, dimension)
    """
    flat = np.ascontiguousarray(np.asarray(indices, dtype=np.int64).ravel())
    return np.asarray(_gaussian_points(flat, dimension, np.uint64(seed % 2**64)), dtype=np.float64)
