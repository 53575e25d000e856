"""`ActivationMap`: mean products of an activation, and of its slopes, over two correlated Gaussian inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Expectation = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
Gap = Callable[[FloatArray, FloatArray], FloatArray]


def _correlation(
    covariance: FloatArray, variance: FloatArray, other_variance: FloatArray, *, absent: float
) -> tuple[FloatArray, FloatArray]:
    # in [-1, 1], and `absent` where a variance is zero; with the root of the variances' product
    scale = np.sqrt(np.multiply(variance, other_variance))
    correlation = np.full(np.broadcast_shapes(np.shape(covariance), np.shape(scale)), absent)
    np.divide(covariance, scale, out=correlation, where=scale > 0.0)
    return np.clip(correlation, -1.0, 1.0, out=correlation), scale


def relu_expectation(covariance: FloatArray, variance: FloatArray, other_variance: FloatArray) -> FloatArray:
    """E[relu(u) relu(v)] of centred Gaussian u and v, elementwise (arguments broadcast).

    With r the correlation, sqrt(var u var v) (sqrt(1 - r^2) + (pi - arccos r) r) / (2 pi): the arc-cosine
    kernel of order one, over two (Cho & Saul 2009).
    """
    # a variance of zero makes the output zero, whatever correlation is written here
    correlation, scale = _correlation(covariance, variance, other_variance, absent=0.0)
    root = np.sqrt((1.0 - correlation) * (1.0 + correlation))
    correlation *= np.pi - np.arccos(correlation)
    correlation += root
    correlation *= scale
    correlation *= 0.5 / np.pi
    return correlation


def relu_slope_expectation(
    covariance: FloatArray, variance: FloatArray, other_variance: FloatArray
) -> FloatArray:
    """E[relu'(u) relu'(v)] of centred Gaussian u and v, elementwise (arguments broadcast).

    (pi - arccos r) / (2 pi) with r the correlation: the arc-cosine kernel of order zero, over two (Cho & Saul
    2009). The slope at 0 is 0, so that a variance of zero gives zero.
    """
    correlation, _ = _correlation(covariance, variance, other_variance, absent=-1.0)
    share: FloatArray = (np.pi - np.arccos(correlation)) * (0.5 / np.pi)
    return share


def _relu_gap(gap: FloatArray, variance: FloatArray) -> FloatArray:
    angle = 2.0 * np.arcsin(np.sqrt(0.5 * gap))
    # sin a - a cos a, which cancels at small angles
    series = angle**3 / 3.0 * (1.0 - angle**2 / 10.0 * (1.0 - angle**2 / 28.0 * (1.0 - angle**2 / 54.0)))
    lens = np.where(angle < 0.1, series, np.sin(angle) - angle * np.cos(angle))
    made: FloatArray = variance / (2.0 * np.pi) * (np.pi * gap - lens)
    return made


def _relu_slope_gap(gap: FloatArray, variance: FloatArray) -> FloatArray:
    made: FloatArray = np.arcsin(np.sqrt(0.5 * gap)) / np.pi + 0.0 * variance
    return made


def erf_expectation(covariance: FloatArray, variance: FloatArray, other_variance: FloatArray) -> FloatArray:
    """E[erf(u) erf(v)] of centred Gaussian u and v, elementwise (arguments broadcast).

    (2/pi) arcsin(2 cov / sqrt((1 + 2 var u) (1 + 2 var v))) (Williams 1997).
    """
    scale = np.sqrt((1.0 + 2.0 * variance) * (1.0 + 2.0 * other_variance))
    sine = np.asarray(2.0 * covariance / scale)
    np.clip(sine, -1.0, 1.0, out=sine)
    angle: FloatArray = np.arcsin(sine)
    angle *= 2.0 / np.pi
    return angle


def erf_slope_expectation(
    covariance: FloatArray, variance: FloatArray, other_variance: FloatArray
) -> FloatArray:
    """E[erf'(u) erf'(v)] of centred Gaussian u and v, elementwise (arguments broadcast).

    (4/pi) / sqrt((1 + 2 var u) (1 + 2 var v) - 4 cov^2) (arXiv:1912.13053).
    """
    # (1 + 2 var u)(1 + 2 var v) - 4 cov^2, whose last two terms nearly cancel between near points
    determinant = np.maximum(variance * other_variance - covariance**2, 0.0)
    area: FloatArray = 1.0 + 2.0 * (variance + other_variance) + 4.0 * determinant
    return (4.0 / np.pi) / np.sqrt(area)


def _arcsine_gap(sine: FloatArray, gap: FloatArray) -> FloatArray:
    # arcsin(s) - arcsin(s (1 - gap)) for s in [0, 1), by the sine and the cosine of the difference
    other = sine * (1.0 - gap)
    far, near = np.sqrt(1.0 - other**2), np.sqrt(1.0 - sine**2)
    whole = np.maximum(sine * far + np.abs(other) * near, 1e-300)  # 0 at variance 0
    apart = sine**2 * gap * (2.0 - gap)
    difference = np.where(other > 0.0, apart / whole, sine * far - other * near)
    made: FloatArray = np.arctan2(difference, near * far + sine * other)
    return made


def _erf_gap(gap: FloatArray, variance: FloatArray) -> FloatArray:
    return (2.0 / np.pi) * _arcsine_gap(2.0 * variance / (1.0 + 2.0 * variance), gap)


def _erf_slope_gap(gap: FloatArray, variance: FloatArray) -> FloatArray:
    more = 4.0 * variance**2 * gap * (2.0 - gap)
    near = np.sqrt(1.0 + 4.0 * variance)
    far = np.sqrt(1.0 + 4.0 * variance + more)
    made: FloatArray = (4.0 / np.pi) * more / (near * far * (near + far))
    return made


@dataclass(frozen=True, slots=True)
class ActivationMap:
    """What one hidden layer of infinitely many units makes of the covariance of its inputs.

    All four functions work elementwise on float arrays, which broadcast; u and v are centred Gaussians.

    Attributes
    ----------
    name : str
    product : callable (covariance, variance, other_variance) -> ndarray
        E[phi(u) phi(v)].
    slope_product : callable (covariance, variance, other_variance) -> ndarray
        E[phi'(u) phi'(v)], which is the derivative of `product` in the covariance.
    product_gap : callable (gap, variance) -> ndarray
        E[phi(u)^2] - E[phi(u) phi(v)] where both have this variance and the correlation 1 - gap, gap in
        [0, 2]: right to rounding of itself however small the gap is.
    slope_product_gap : callable (gap, variance) -> ndarray
        The same of the slopes.
    """

    name: str
    product: Expectation
    slope_product: Expectation
    product_gap: Gap
    slope_product_gap: Gap


_NAMED = {
    "erf": ActivationMap("erf", erf_expectation, erf_slope_expectation, _erf_gap, _erf_slope_gap),
    "relu": ActivationMap("relu", relu_expectation, relu_slope_expectation, _relu_gap, _relu_slope_gap),
}


def activation_map(activation: str | Callable[[FloatArray], FloatArray]) -> ActivationMap:
    """The `ActivationMap` of an activation.

    Parameters
    ----------
    activation : {"erf", "relu"}

    Raises
    ------
    ValueError
        If the name is not known.

    Notes
    -----
    Closed forms: Williams (1997) for erf, Cho & Saul (2009) for ReLU.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array(1.0)
    >>> round(float(activation_map("relu").product(one, one, one)), 12)
    0.5
    """
    if activation not in _NAMED:
        raise ValueError(f"activation must be one of {', '.join(_NAMED)}, got {activation!r}")
    return _NAMED[activation]
