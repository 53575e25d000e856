"""Compiled steps through a layer between close points, by how far apart they are rather than by covariance.

Deep in the ordered phase the entries of a kernel differ by less than the rounding of many layers. Here a pair
carries its gaps instead: the mean of its two entries on the diagonal, minus its entry. Each step makes the
gaps of the next layer of terms in proportion to them, so that they stay right to rounding of themselves, and
what is returned is rounded once.
"""

from __future__ import annotations

import math

from numba import njit

from .layer_arithmetic import FUSED, FloatArray, arcsine

# Points are close where the gap is below this share of the smaller variance: their angle is below 0.51.
_CLOSE = 0.125


@njit(cache=True, nogil=True, error_model="numpy")
def are_close(
    entries: FloatArray, gaps: bool, variance: float, variances: FloatArray
) -> bool:  # pragma: no cover - compiled
    """Whether a point is close to all of others, from their covariances or, if `gaps`, the gaps of these."""
    close = True
    for j in range(entries.size):
        gap = entries[j] if gaps else 0.5 * (variance + variances[j]) - entries[j]
        close &= gap < _CLOSE * min(variance, variances[j])
    return close


@njit(cache=True, nogil=True, error_model="numpy")
def turn_over(entries: FloatArray, own: float, owns: FloatArray) -> None:  # pragma: no cover - compiled
    """Turn entries of a kernel into gaps, or gaps into entries; `own`, `owns`: those on the diagonal."""
    for j in range(entries.size):
        entries[j] = 0.5 * (own + owns[j]) - entries[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FUSED)
def erf_gaps(
    gap: FloatArray,
    tangent_gap: FloatArray,
    variance: float,
    tangent: float,
    variances: FloatArray,
    tangents: FloatArray,
    weight: float,
) -> None:  # pragma: no cover - compiled
    """One layer of erf, in place; variances and tangent kernels of the points themselves are those before it.

    With C = (1 + 2 var u) (1 + 2 var v) - 4 cov^2 and R its root, the angle whose sine erf has as product has
    the tangent 2 cov / R, and that of a point with itself 2 var / (1 + 4 var)^(1/2).
    """
    root = math.sqrt(1.0 + 4.0 * variance)
    share = tangent / root
    size = 1.0 / (1.0 + 2.0 * variance)
    for j in range(gap.size):
        other, apart = variances[j], variance - variances[j]
        other_root, mean = math.sqrt(1.0 + 4.0 * other), 0.5 * (variance + other)
        # var u var v - cov^2
        area = max(gap[j] * (2.0 * mean - gap[j]) - 0.25 * apart * apart, 0.0)
        whole = math.sqrt(1.0 + 4.0 * (mean + area))
        covariance = mean - gap[j]
        # R minus the root of each point with itself
        more = (4.0 * area - 2.0 * apart) / (whole + root)
        other_more = (4.0 * area + 2.0 * apart) / (whole + other_root)
        # sines and cosines of the differences of angles, times (1 + 2 var)^(3/2) (1 + 2 other var)^(1/2)
        sine = 2.0 * (variance * more + (gap[j] + 0.5 * apart) * root)
        other_sine = 2.0 * (other * other_more + (gap[j] - 0.5 * apart) * other_root)
        cosine = whole * root + 4.0 * variance * covariance
        other_cosine = whole * other_root + 4.0 * other * covariance
        scale = size / (1.0 + 2.0 * other)
        scale *= scale
        across = (cosine * other_cosine - sine * other_sine) * scale
        angle = arcsine((sine * other_cosine + other_sine * cosine) * scale, across * across, across)
        gap[j] = weight / math.pi * angle
        if tangent_gap.size > 0:
            steeper = 0.5 * (more * share + other_more * tangents[j] / other_root)
            slope = weight * (4.0 / math.pi) / whole
            tangent_gap[j] = gap[j] + slope * (tangent_gap[j] + steeper)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FUSED)
def relu_gaps(
    gap: FloatArray,
    tangent_gap: FloatArray,
    variance: float,
    tangent: float,
    variances: FloatArray,
    tangents: FloatArray,
    weight: float,
) -> None:  # pragma: no cover - compiled
    """One layer of ReLU, as `erf_gaps`: by the angle between the points."""
    root = math.sqrt(variance)
    for j in range(gap.size):
        other_root = math.sqrt(variances[j])
        size, apart = root * other_root, root - other_root
        # of size - covariance
        turned = max(gap[j] - 0.5 * apart * apart, 0.0)
        cosine = (size - turned) / size
        angle = arcsine(math.sqrt(turned * (2.0 * size - turned)) / size, cosine * cosine, cosine)
        z = angle * angle
        # sine - angle cosine, over angle^3
        lens = 1.0 / 3.0 - z * (
            1.0 / 30.0 - z * (1.0 / 840.0 - z * (1.0 / 45360.0 - z * (1.0 / 3991680.0 - z / 518918400.0)))
        )
        gap[j] = weight * (0.5 * gap[j] - (0.5 / math.pi) * size * angle * z * lens)
        if tangent_gap.size > 0:
            left = (0.5 / math.pi) * (math.pi - angle) * tangent_gap[j]
            tangent_gap[j] = gap[j] + weight * (left + (0.25 / math.pi) * angle * (tangent + tangents[j]))
