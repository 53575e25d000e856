"""`ActivationMap`: mean products of an activation, and of its slopes, over two correlated Gaussian inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .hermite_series import Activation as Activation
from .hermite_series import HermiteSeries

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


def _gelu_parts(
    covariance: FloatArray, variance: FloatArray, other_variance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    # arcsine of the angle; 1 / (1 + q) + 1 / (1 + q') - 1 = b; q q' + b k^2; root of (1 + q)(1 + q') - k^2
    area = np.sqrt((1.0 + variance) * (1.0 + other_variance))
    angle = np.arcsin(np.clip(covariance / area, -1.0, 1.0))
    beyond = 1.0 / (1.0 + variance) + 1.0 / (1.0 + other_variance) - 1.0
    determinant = np.maximum(variance * other_variance - covariance**2, 0.0)
    root = np.sqrt(1.0 + variance + other_variance + determinant)
    return angle, beyond, variance * other_variance + beyond * covariance**2, root


def gelu_expectation(covariance: FloatArray, variance: FloatArray, other_variance: FloatArray) -> FloatArray:
    """E[gelu(u) gelu(v)] of centred Gaussian u and v, elementwise (arguments broadcast); gelu(u) = u H(-u).

    With k the covariance, q and q' the variances and D = (1 + q)(1 + q') - k^2: k / 4 + [k arcsin(k / sqrt(
    (1 + q)(1 + q'))) + (q q' - k^2 + k^2 / (1 + q) + k^2 / (1 + q')) / sqrt(D)] / (2 pi), from two partial
    integrations [derived].
    """
    angle, _, numerator, root = _gelu_parts(covariance, variance, other_variance)
    made: FloatArray = 0.25 * covariance + (covariance * angle + numerator / root) / (2.0 * np.pi)
    return made


def gelu_slope_expectation(
    covariance: FloatArray, variance: FloatArray, other_variance: FloatArray
) -> FloatArray:
    """E[gelu'(u) gelu'(v)] of centred Gaussian u and v, elementwise (arguments broadcast).

    The derivative of `gelu_expectation` in the covariance (Price's theorem).
    """
    angle, beyond, numerator, root = _gelu_parts(covariance, variance, other_variance)
    slope = covariance * (1.0 + 2.0 * beyond + numerator / root**2) / root
    made: FloatArray = 0.25 + (angle + slope) / (2.0 * np.pi)
    return made


def _gelu_apart(gap: FloatArray, variance: FloatArray) -> tuple[FloatArray, ...]:
    # at correlation 1 and 1 - gap: the difference of the arcsines and, with its value at 1, that of
    # 1 / root of the determinant
    angle = _arcsine_gap(variance / (1.0 + variance), gap)
    near = np.sqrt(1.0 + 2.0 * variance)
    more = variance**2 * gap * (2.0 - gap)
    far = np.sqrt(1.0 + 2.0 * variance + more)
    return angle, more, 1.0 / near, 1.0 / far, more / (near * far * (near + far))


def _gelu_gap(gap: FloatArray, variance: FloatArray) -> FloatArray:
    angle, more, _, far, apart = _gelu_apart(gap, variance)
    covariance = variance * (1.0 - gap)
    beyond = (1.0 - variance) / (1.0 + variance)
    arcsine = np.arcsin(covariance / (1.0 + variance))
    # each product's difference is (difference) * (one factor) + (other factor) * (difference)
    edge = variance * angle + variance * gap * arcsine
    bulk = beyond * more * far + variance**2 * (1.0 + beyond) * apart
    made: FloatArray = 0.25 * variance * gap + (edge + bulk) / (2.0 * np.pi)
    return made


def _gelu_slope_gap(gap: FloatArray, variance: FloatArray) -> FloatArray:
    angle, more, near, far, apart = _gelu_apart(gap, variance)
    covariance = variance * (1.0 - gap)
    beyond = (1.0 - variance) / (1.0 + variance)
    own = variance**2 * (1.0 + beyond)
    # differences of covariance / root, and of (numerator / root^2) times it
    ratio = variance * gap * near + covariance * apart
    share = beyond * more * far**2 + own * apart * (near + far)
    slope = (1.0 + 2.0 * beyond) * ratio + share * covariance * far + own * near**2 * ratio
    made: FloatArray = (angle + slope) / (2.0 * np.pi)
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


def _by_series(name: str, function: Activation) -> ActivationMap:
    series = HermiteSeries(function)
    return ActivationMap(
        name, series.product, series.slope_product, series.product_gap, series.slope_product_gap
    )


_NAMED = {
    "erf": ActivationMap("erf", erf_expectation, erf_slope_expectation, _erf_gap, _erf_slope_gap),
    "relu": ActivationMap("relu", relu_expectation, relu_slope_expectation, _relu_gap, _relu_slope_gap),
    "gelu": ActivationMap("gelu", gelu_expectation, gelu_slope_expectation, _gelu_gap, _gelu_slope_gap),
    "tanh": _by_series("tanh", np.tanh),
}


def activation_map(activation: str | Activation) -> ActivationMap:
    """The `ActivationMap` of an activation.

    Parameters
    ----------
    activation : {"erf", "relu", "gelu", "tanh"} or callable
        A callable takes a float array and returns one of the same shape. Its products are summed as a series
        of 512 Hermite polynomials, as are those of tanh: right to 1e-10, and of the slopes to 2e-9, for
        functions as smooth as tanh at variances up to 10. With a kink at 0 it is exact at correlations 1 and
        -1, right to 1e-8 at those below 0.97 in size, and in between off by up to 1e-5 in products and 1e-2
        in slopes; kinks elsewhere cost more.

    Raises
    ------
    ValueError
        If the name is not known. A callable that returns another shape or a number that is not finite raises
        it when it is used.

    Notes
    -----
    Closed forms: Williams (1997) for erf, Cho & Saul (2009) for ReLU; GELU [derived].

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array(1.0)
    >>> round(float(activation_map("relu").product(one, one, one)), 12)
    0.5
    >>> round(float(activation_map(np.sin).product(one, one, one)), 12)  # (1 - exp(-2)) / 2
    0.432332358382
    """
    if callable(activation):
        return _by_series(getattr(activation, "__name__", type(activation).__name__), activation)
    if activation not in _NAMED:
        raise ValueError(f"activation must be one of {', '.join(_NAMED)} or a callable, got {activation!r}")
    return _NAMED[activation]
