"""Compiled recursions of covariances and tangent kernels through fully connected layers."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Sums and products may be fused, no more: what is compared and divided stays as it is written.
_FUSED = {"contract"}

_BLOCK = 32

# (arcsin(x) / x - 1) / x^2 as a polynomial of x^2 in [0, 1/2], lowest power first, through Chebyshev points:
# the arcsine made of it is off by 1e-16 of itself.
_ARCSINE = (
    0.1666666666666666,
    0.07500000000008983,
    0.04464285712358516,
    0.030381946078023858,
    0.022372086303686842,
    0.017354730668996843,
    0.013929824301362788,
    0.011985559032731258,
    0.0058919623838489124,
    0.033823977477227554,
    -0.1174784139555458,
    0.46581061083892006,
    -1.258681300394588,
    2.573508064401593,
    -3.7415993002001366,
    3.7316474816315224,
    -2.277990489441633,
    0.6629475548369097,
)


@njit(inline="always")
def _arcsine(sine: float, rest: float, root: float) -> float:  # pragma: no cover - compiled
    # of a sine, given 1 - sine^2 and its root. Every choice is between two numbers at hand, and nothing
    # loops, so that loops over it are vectorized.
    square = sine * sine
    far = square > 0.5
    z = rest if far else square
    x = root if far else abs(sine)
    z2 = z * z
    z4 = z2 * z2
    c = _ARCSINE
    low = (c[0] + c[1] * z) + (c[2] + c[3] * z) * z2 + ((c[4] + c[5] * z) + (c[6] + c[7] * z) * z2) * z4
    high = (
        (c[8] + c[9] * z) + (c[10] + c[11] * z) * z2 + ((c[12] + c[13] * z) + (c[14] + c[15] * z) * z2) * z4
    )
    z8 = z4 * z4
    angle = x + x * z * (low + (high + (c[16] + c[17] * z) * z8) * z8)
    angle = 0.5 * math.pi - angle if far else angle
    return -angle if sine < 0.0 else angle


@njit(inline="always")
def _erf_layer(
    covariance: float, gain: float, floor: float
) -> tuple[float, float]:  # pragma: no cover - compiled
    # E[erf(u) erf(v)] and E[erf'(u) erf'(v)], over 2/pi; gain: 2 / sqrt((1 + 2 var u) (1 + 2 var v)).
    # floor: of 1 - sine^2, which it has between equal points; it keeps rounding out at large variances
    sine = covariance * gain
    rest = max((1.0 - sine) * (1.0 + sine), floor)
    root = math.sqrt(rest)
    return _arcsine(sine, rest, root), gain / root


@njit(inline="always")
def _relu_layer(
    covariance: float, gain: float, other_gain: float, scale: float
) -> tuple[float, float]:  # pragma: no cover - compiled
    # E[relu(u) relu(v)] and E[relu'(u) relu'(v)], times 2 pi; gains: 1 / sqrt(var u) and 1 / sqrt(var v), or
    # 0 where that is 0, whose product may be too large for a number; scale: sqrt(var u var v)
    sine = min(max(covariance * gain * other_gain, -1.0), 1.0)
    rest = (1.0 - sine) * (1.0 + sine)
    root = math.sqrt(rest)
    angle = 0.5 * math.pi + _arcsine(sine, rest, root)
    return scale * root + covariance * angle, angle


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FUSED)
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


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FUSED)
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


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FUSED)
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
def gains_and_floors(
    relu: bool, variances: FloatArray
) -> tuple[FloatArray, FloatArray]:  # pragma: no cover - compiled
    """What `fill_tile` multiplies by, of each layer and point: arrays shaped like `variances`.

    ReLU: 1 / sqrt(v), or 0, and sqrt(v). erf: sqrt(2 / (1 + 2 v)) and 1 / (1 + 2 v).
    """
    gains, floors = np.empty_like(variances), np.empty_like(variances)
    for layer in range(variances.shape[0]):
        for j in range(variances.shape[1]):
            variance = variances[layer, j]
            if relu:
                floors[layer, j] = math.sqrt(variance)
                gains[layer, j] = 1.0 / floors[layer, j] if variance > 0.0 else 0.0
            else:
                gains[layer, j] = math.sqrt(2.0 / (1.0 + 2.0 * variance))
                floors[layer, j] = 1.0 / (1.0 + 2.0 * variance)
    return gains, floors


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


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FUSED)
def fill_tile(
    relu: bool,
    first: FloatArray,
    rows: tuple[FloatArray, FloatArray],
    columns: tuple[FloatArray, FloatArray],
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
    rows, columns : pair of arrays (layers, rows) and (layers, columns)
        `gains_and_floors` of their points.
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
        at = 0
        for layer in range(depths[-1]):
            if layer > 0:
                gain, floor = rows[0][layer - 1, i], rows[1][layer - 1, i]
                gains, floors = columns[0][layer - 1, skip:], columns[1][layer - 1, skip:]
                if relu:
                    _relu_row(row, slope, gain, floor, gains, floors, weight, bias)
                else:
                    _erf_row(row, slope, gain, floor, gains, floors, weight, bias)
            if depths[at] == layer + 1:
                if covariance.shape[0] > 0:
                    covariance[at, start + i, across + skip : across + skip + row.size] = row
                if tangent.shape[0] > 0:
                    tangent[at, start + i, across + skip : across + skip + row.size] = slope
                at += 1
    if symmetric:
        stop, end = start + first.shape[0], across + first.shape[1]
        for at in range(covariance.shape[0]):
            mirror_tile(covariance[at], start, stop, across, end)
        for at in range(tangent.shape[0]):
            mirror_tile(tangent[at], start, stop, across, end)
