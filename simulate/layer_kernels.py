"""Compiled recursions of covariances and tangent kernels through fully connected layers."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .close_layers import are_close, erf_gaps, relu_gaps, turn_over
from .layer_arithmetic import FUSED, FloatArray, arcsine

_BLOCK = 32


@njit(inline="always")
def _erf_layer(
    covariance: float, gain: float, floor: float
) -> tuple[float, float]:  # pragma: no cover - compiled
    # E[erf(u) erf(v)] and E[erf'(u) erf'(v)], over 2/pi; gain: 2 / sqrt((1 + 2 var u) (1 + 2 var v)).
    # floor: of 1 - sine^2, which it has between equal points; it keeps rounding out at large variances
    sine = covariance * gain
    rest = max((1.0 - sine) * (1.0 + sine), floor)
    root = math.sqrt(rest)
    return arcsine(sine, rest, root), gain / root


@njit(inline="always")
def _relu_layer(
    covariance: float, gain: float, other_gain: float, scale: float
) -> tuple[float, float]:  # pragma: no cover - compiled
    # E[relu(u) relu(v)] and E[relu'(u) relu'(v)], times 2 pi; gains: 1 / sqrt(var u) and 1 / sqrt(var v), or
    # 0 where that is 0, whose product may be too large for a number; scale: sqrt(var u var v)
    sine = min(max(covariance * gain * other_gain, -1.0), 1.0)
    rest = (1.0 - sine) * (1.0 + sine)
    root = math.sqrt(rest)
    angle = 0.5 * math.pi + arcsine(sine, rest, root)
    return scale * root + covariance * angle, angle


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FUSED)
def _erf_row(
    covariance: FloatArray,
    tangent: FloatArray,
    gain: float,
    floor: float,
    gains: FloatArray,
    floors: FloatArray,
    weight: float,
    bias: float,
) -> None:  # pragma: no cover - compiled
    share = weight * (2.0 / math.pi)
    for j in range(covariance.size):
        both = floor + floors[j] * (1.0 - floor)
        angle, slope = _erf_layer(covariance[j], gain * gains[j], both)
        covariance[j] = share * angle + bias
        if tangent.size > 0:
            tangent[j] = share * slope * tangent[j] + covariance[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FUSED)
def _relu_row(
    covariance: FloatArray,
    tangent: FloatArray,
    gain: float,
    scale: float,
    gains: FloatArray,
    scales: FloatArray,
    weight: float,
    bias: float,
) -> None:  # pragma: no cover - compiled
    share = weight * (0.5 / math.pi)
    for j in range(covariance.size):
        product, slope = _relu_layer(covariance[j], gain, gains[j], scale * scales[j])
        covariance[j] = share * product + bias
        if tangent.size > 0:
            tangent[j] = share * slope * tangent[j] + covariance[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FUSED)
def fill_own(
    relu: bool, weight: float, bias: float, variances: FloatArray, tangents: FloatArray
) -> None:  # pragma: no cover - compiled
    """Variance and tangent kernel of each point with itself, (layers, points), from the first layer on."""
    for layer in range(1, variances.shape[0]):
        for j in range(variances.shape[1]):
            last = variances[layer - 1, j]
            if relu:
                product, slope = 0.5 * last, 0.5
            else:
                # the steps of the rows below, so that equal points have equal entries off the diagonal, too
                gain, floor = math.sqrt(2.0 / (1.0 + 2.0 * last)), 1.0 / (1.0 + 2.0 * last)
                angle, share = _erf_layer(last, gain * gain, floor + floor * (1.0 - floor))
                product, slope = (2.0 / math.pi) * angle, (2.0 / math.pi) * share
            variances[layer, j] = weight * product + bias
            tangents[layer, j] = weight * slope * tangents[layer - 1, j] + variances[layer, j]


@njit(cache=True, nogil=True, error_model="numpy")
def layer_tables(
    relu: bool, variances: FloatArray, tangents: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:  # pragma: no cover - compiled
    """What `fill_tile` knows of points at each layer: (layers, points) four times, contiguous.

    Variances and tangent kernels as they are, and gains and floors: 1 / sqrt(v), or 0, and sqrt(v) for ReLU,
    sqrt(2 / (1 + 2 v)) and 1 / (1 + 2 v) for erf.
    """
    gains, floors = np.empty(variances.shape), np.empty(variances.shape)
    for layer in range(variances.shape[0]):
        for j in range(variances.shape[1]):
            variance = variances[layer, j]
            if relu:
                floors[layer, j] = math.sqrt(variance)
                gains[layer, j] = 1.0 / floors[layer, j] if variance > 0.0 else 0.0
            else:
                gains[layer, j] = math.sqrt(2.0 / (1.0 + 2.0 * variance))
                floors[layer, j] = 1.0 / (1.0 + 2.0 * variance)
    return variances.copy(), tangents.copy(), gains, floors


@njit(cache=True, nogil=True)
def mirror_tile(
    matrix: FloatArray, start: int, stop: int, across: int, end: int
) -> None:  # pragma: no cover - compiled
    """Copy what lies right of the diagonal in the tile [start:stop, across:end] to the left of it."""
    for top in range(start, stop, _BLOCK):
        for left in range(across, end, _BLOCK):
            for j in range(left, min(left + _BLOCK, end)):
                for i in range(top, min(top + _BLOCK, stop, j)):
                    matrix[j, i] = matrix[i, j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FUSED)
def fill_tile(
    relu: bool,
    first: FloatArray,
    rows: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    columns: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    depths: NDArray[np.int64],
    weight: float,
    bias: float,
    start: int,
    across: int,
    symmetric: bool,
    covariance: FloatArray,
    tangent: FloatArray,
) -> None:  # pragma: no cover - compiled
    """Kernels of a tile of pairs of points, written into whole matrices at [:, start:, across:].

    Parameters
    ----------
    relu : bool
        Else erf.
    first : array (rows, columns)
        Covariance of the tile after the first layer.
    rows, columns : tuples of arrays
        `layer_tables` of their points.
    depths : array of int64
        Layers of weights that are wanted, ascending.
    symmetric : bool
        Of a matrix that is: entries right of the diagonal are computed and mirrored, the rest is left alone.
    covariance, tangent : arrays (depths, all rows, all columns)
        Written. One of no depths is not computed.
    """
    points = np.empty(first.shape[1])
    slopes = np.empty(first.shape[1] if tangent.shape[0] > 0 else 0)
    for i in range(first.shape[0]):
        skip = max(0, start + i + 1 - across) if symmetric else 0
        row = points[: max(0, first.shape[1] - skip)]
        slope = slopes[: row.size] if slopes.size > 0 else slopes
        for j in range(row.size):
            row[j] = first[i, skip + j]
        for j in range(slope.size):
            slope[j] = row[j]
        at, gaps = 0, False
        for layer in range(depths[-1]):
            if layer > 0:
                last = layer - 1
                own, own_tangent = rows[0][last, i], rows[1][last, i]
                owns, own_tangents = columns[0][last, skip:], columns[1][last, skip:]
                close = are_close(row, gaps, own, owns)
                if close != gaps:
                    turn_over(row, own, owns)
                    turn_over(slope, own_tangent, own_tangents)
                    gaps = close
                gain, floor = rows[2][last, i], rows[3][last, i]
                gains, floors = columns[2][last, skip:], columns[3][last, skip:]
                if gaps and relu:
                    relu_gaps(row, slope, own, own_tangent, owns, own_tangents, weight)
                elif gaps:
                    erf_gaps(row, slope, own, own_tangent, owns, own_tangents, weight)
                elif relu:
                    _relu_row(row, slope, gain, floor, gains, floors, weight, bias)
                else:
                    _erf_row(row, slope, gain, floor, gains, floors, weight, bias)
            if depths[at] == layer + 1:
                end = across + skip + row.size
                if covariance.shape[0] > 0:
                    made = covariance[at, start + i, across + skip : end]
                    made[:] = row
                    if gaps:
                        turn_over(made, rows[0][layer, i], columns[0][layer, skip:])
                if tangent.shape[0] > 0:
                    made = tangent[at, start + i, across + skip : end]
                    made[:] = slope
                    if gaps:
                        turn_over(made, rows[1][layer, i], columns[1][layer, skip:])
                at += 1
    if symmetric:
        stop, end = start + first.shape[0], across + first.shape[1]
        for at in range(covariance.shape[0]):
            mirror_tile(covariance[at], start, stop, across, end)
        for at in range(tangent.shape[0]):
            mirror_tile(tangent[at], start, stop, across, end)
