"""Compiled loops of the binary perceptron: halving all 2^N classifiers, and flipping weights."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .family import FloatArray, IntArray
from .points import mix64

Weights = NDArray[np.int8]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)
def count_perceptron_survivors(
    points: FloatArray, errors: FloatArray, bins: NDArray[np.uint8], n_bins: int
) -> tuple[IntArray, FloatArray]:
    """Halve the list of all 2^N codes example by example; bit j of a code is the sign of weight j."""
    sets, n, dimension = points.shape
    low = dimension // 2
    mask = (1 << low) - 1
    left = np.empty(1 << low)
    right = np.empty(1 << (dimension - low))
    survivors = np.empty(errors.size, np.uint32)
    counts = np.zeros((sets, n + 1, n_bins), np.int64)
    error_sum = np.zeros((sets, n + 1))
    prior = np.zeros(n_bins, np.int64)
    for code in range(errors.size):
        prior[bins[code]] += 1
    for s in range(sets):
        counts[s, 0] = prior
        error_sum[s, 0] = errors.sum()
        for code in range(errors.size):
            survivors[code] = code
        alive = errors.size
        for i in range(n):
            # The field of a code is the sum of two table entries, one for each half of its bits. Packing
            # binary inputs gains nothing: xor and popcount took 1.3 times as long as this one addition.
            left[0] = 0.0
            right[0] = 0.0
            for j in range(dimension):
                x = points[s, i, j]
                table = left if j < low else right
                bit = 1 << (j if j < low else j - low)
                for c in range(bit):
                    table[c | bit] = table[c] + x
                    table[c] -= x
            total = 0.0
            kept = 0
            for k in range(alive):
                code = survivors[k]
                # no branch: half of the codes go, unpredictably
                right_here = left[code & mask] + right[code >> low] > 0.0
                survivors[kept] = code
                kept += right_here
                counts[s, i + 1, bins[code]] += right_here
                total += errors[code] * right_here
            alive = kept
            error_sum[s, i + 1] = total
            if alive == 0:
                break
    return counts, error_sum


@njit(cache=True, nogil=True)
def flip_weights(
    weights: Weights, points_t: FloatArray, floor: FloatArray, seeds: NDArray[np.uint64], proposals: int
) -> Weights:
    """Metropolis flips of one weight or of two, refused where an example would fall to its floor."""
    dimension, n = points_t.shape
    moved = weights.copy()
    fields = np.empty(n)
    for p in range(weights.shape[0]):
        w = moved[p]
        fields[:] = 0.0
        for k in range(dimension):
            for e in range(n):
                fields[e] += w[k] * points_t[k, e]
        state = seeds[p]
        for _ in range(proposals):
            state += _GOLDEN
            bits = mix64(state)
            i = np.int64((bits >> np.uint64(32)) % np.uint64(dimension))
            a = -2.0 * w[i]
            j = i
            b = 0.0
            if dimension > 1 and (bits & np.uint64(1)) == np.uint64(1):
                step = np.int64(((bits & np.uint64(0xFFFFFFFF)) >> np.uint64(1)) % np.uint64(dimension - 1))
                j = (i + 1 + step) % dimension
                b = -2.0 * w[j]
            allowed = True
            for e in range(n):
                if fields[e] + a * points_t[i, e] + b * points_t[j, e] <= floor[e]:
                    allowed = False
                    break
            if allowed:
                for e in range(n):
                    fields[e] += a * points_t[i, e] + b * points_t[j, e]
                w[i] = -w[i]
                if j != i:
                    w[j] = -w[j]
    return moved
