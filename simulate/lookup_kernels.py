"""Compiled loops of the lookup table: who errs on which point, made from their numbers alone."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .family import BoolArray, FloatArray, IntArray
from .points import mix64, unit_interval

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
# three unrelated streams per point: the choice of a group, its common number, a function's own number
_COIN = np.uint64(0xD1B54A32D192ED03)
_COMMON = np.uint64(0x8CB92BA72F3D8DD7)


@njit(cache=True, inline="always")
def _errs(
    function: int, error: float, group: int, overlap: float, point: np.uint64
) -> bool:  # pragma: no cover - compiled
    """Whether a function errs on a point, given the point's hash."""
    if overlap > 0.0:
        group_key = np.uint64(group + 1) * _GOLDEN
        if unit_interval(mix64((point ^ _COIN) + group_key)) < overlap:
            return unit_interval(mix64((point ^ _COMMON) + group_key)) < error
    return unit_interval(mix64(point + np.uint64(function + 1) * _GOLDEN)) < error


@njit(cache=True, nogil=True)
def hash_points(points: IntArray, seed: np.uint64) -> NDArray[np.uint64]:
    """Scramble example indices to 64 random bits each."""
    key = mix64(seed + _GOLDEN)
    hashed = np.empty(points.size, np.uint64)
    for i in range(points.size):
        hashed[i] = mix64(mix64(np.uint64(points[i]) + _GOLDEN) ^ key)
    return hashed


@njit(cache=True, nogil=True)
def table_correct(
    functions: IntArray, errors: FloatArray, groups: IntArray, overlap: float, points: NDArray[np.uint64]
) -> BoolArray:
    """Whether each function is right on each hashed point, shape (functions, points)."""
    right = np.empty((functions.size, points.size), np.bool_)
    for i in range(functions.size):
        h = functions[i]
        for j in range(points.size):
            right[i, j] = not _errs(h, errors[h], groups[h], overlap, points[j])
    return right


@njit(cache=True, nogil=True)
def halve_table(
    survivors: IntArray,
    alive: int,
    errors: FloatArray,
    groups: IntArray,
    overlap: float,
    point: np.uint64,
) -> int:
    """Keep those of the first `alive` survivors that are right on a point, in order; how many are left."""
    kept = 0
    for k in range(alive):
        h = survivors[k]
        if not _errs(h, errors[h], groups[h], overlap, point):
            survivors[kept] = h
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def count_table_survivors(
    points: NDArray[np.uint64],
    errors: FloatArray,
    groups: IntArray,
    overlap: float,
    bins: NDArray[np.uint8],
    n_bins: int,
) -> tuple[IntArray, FloatArray]:
    """Survivors by bin and their summed errors, for every prefix of every training set."""
    sets, n = points.shape
    survivors = np.empty(errors.size, np.int64)
    counts = np.zeros((sets, n + 1, n_bins), np.int64)
    error_sum = np.zeros((sets, n + 1))
    for s in range(sets):
        for h in range(errors.size):
            survivors[h] = h
        alive = errors.size
        for i in range(n + 1):
            if i > 0:
                alive = halve_table(survivors, alive, errors, groups, overlap, points[s, i - 1])
            for k in range(alive):
                h = survivors[k]
                counts[s, i, bins[h]] += 1
                error_sum[s, i] += errors[h]
    return counts, error_sum
