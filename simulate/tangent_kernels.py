"""Tangent kernels of infinitely wide fully connected networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.theory.activation_maps import (
    Expectation,
    erf_expectation,
    erf_slope_expectation,
    relu_expectation,
    relu_slope_expectation,
)

from .covariances import network_inputs

FloatArray = NDArray[np.float64]

# Entries worked on at once: strips of rows that stay in cache through all layers.
_STRIP_ENTRIES = 1 << 15


def _through_layers(
    expectations: tuple[Expectation, Expectation],
    kernel: FloatArray,
    variances: list[FloatArray],
    other_variances: list[FloatArray],
    weight_variance: float,
    bias_variance: float,
) -> FloatArray:
    # kernel: covariances of the first layer's outputs, which are also their tangent kernel
    activation, slope = expectations
    covariance = kernel
    for variance, other in zip(variances[:-1], other_variances[:-1], strict=True):
        kernel = weight_variance * slope(covariance, variance, other) * kernel
        covariance = weight_variance * activation(covariance, variance, other) + bias_variance
        kernel += covariance
    return kernel


def _layer_variances(
    activation: Expectation, inputs: FloatArray, depth: int, weight_variance: float, bias_variance: float
) -> list[FloatArray]:
    squares = np.einsum("ij,ij->i", inputs, inputs)
    variances = [weight_variance * squares / inputs.shape[1] + bias_variance]
    for _ in range(depth - 1):
        last = variances[-1]
        variances.append(weight_variance * activation(last, last, last) + bias_variance)
    return variances


def _tangent_kernel(
    expectations: tuple[Expectation, Expectation],
    X: ArrayLike,
    other: ArrayLike | None,
    depth: int,
    weight_variance: float,
    bias_variance: float,
) -> FloatArray:
    rows = network_inputs(X, depth, weight_variance, bias_variance)
    columns = rows if other is None else network_inputs(other, depth, weight_variance, bias_variance)
    if columns.shape[1] != rows.shape[1]:
        raise ValueError(f"other must have {rows.shape[1]} features like X, got {columns.shape[1]}")
    layers = (depth, weight_variance, bias_variance)
    with np.errstate(over="ignore", invalid="ignore"):
        variances = _layer_variances(expectations[0], rows, *layers)
        others = variances if other is None else _layer_variances(expectations[0], columns, *layers)
        kernel = np.empty((len(rows), len(columns)))
        height = max(1, _STRIP_ENTRIES // len(columns))
        for start in range(0, len(rows), height):
            stop = min(start + height, len(rows))
            first = 0 if other is not None else start
            strip = rows[start:stop] @ columns[first:].T * (weight_variance / rows.shape[1]) + bias_variance
            kernel[start:stop, first:] = _through_layers(
                expectations,
                strip,
                [v[start:stop, None] for v in variances],
                [v[None, first:] for v in others],
                weight_variance,
                bias_variance,
            )
            if other is None:
                # one triangle is computed, the other copied: symmetric to the last bit
                square = kernel[start:stop, start:stop]
                below = np.tril_indices(stop - start, -1)
                square[below] = square.T[below]
                kernel[stop:, start:stop] = kernel[start:stop, stop:].T
        if other is None:
            # products of inputs round where their squares do not: a point's own correlation is exactly 1
            own = _through_layers(
                expectations, variances[0], variances, variances, weight_variance, bias_variance
            )
            np.fill_diagonal(kernel, own)
    if not np.all(np.isfinite(kernel)):
        raise ValueError(
            f"the kernel overflows at depth {depth}, weight_variance {weight_variance:g}, "
            f"bias_variance {bias_variance:g} and inputs up to {np.abs(rows).max():.3g}"
        )
    return kernel


def relu_tangent_kernel(
    X: ArrayLike,
    other: ArrayLike | None = None,
    *,
    depth: int = 2,
    weight_variance: float = 2.0,
    bias_variance: float = 0.0,
) -> FloatArray:
    """Tangent kernel of an infinitely wide ReLU network in the parametrization of unit variances.

    Weights are sqrt(weight_variance / inputs of the layer) times what is trained, biases sqrt(bias_variance)
    times it. At infinite width the kernel is the same for every draw, and stays so through training.

    Parameters
    ----------
    X : array_like, shape (points, features)
        Inputs, finite.
    other : array_like, shape (other points, features), optional
        The points of the columns. None: `X`.
    depth : int
        Layers of weights. 1 is the linear classifier, ``weight_variance * X X^T / features +
        bias_variance``; every further one adds a hidden layer (2: one hidden layer).
    weight_variance : float
        Variance of a weight times the number of its layer's inputs.
    bias_variance : float
        Variance of a bias, in the unit of the squared output.

    Returns
    -------
    ndarray of float64, shape (points, other points)
        Exactly symmetric where `other` is None.

    Raises
    ------
    ValueError
        If X or `other` is not a finite two-dimensional array, they differ in features, or `depth` or a
        variance is out of range.

    Notes
    -----
    Theta^1 = K^1 and Theta^(l+1) = K^(l+1) + weight_variance T'(K^l) Theta^l, with K the covariance of
    `arc_cosine_covariance` and T' the mean product of slopes (Jacot et al., arXiv:1806.07572, Theorem 1). Its
    slope is infinite between coinciding points: of points closer than 1e-7 of their length it is right to 8
    digits.

    Examples
    --------
    >>> relu_tangent_kernel([[1.0, 0.0], [0.0, 1.0]], depth=2).round(4)
    array([[2.    , 0.3183],
           [0.3183, 2.    ]])
    """
    pair = (relu_expectation, relu_slope_expectation)
    return _tangent_kernel(pair, X, other, depth, weight_variance, bias_variance)


def erf_tangent_kernel(
    X: ArrayLike,
    other: ArrayLike | None = None,
    *,
    depth: int = 2,
    weight_variance: float = 2.0,
    bias_variance: float = 0.0,
) -> FloatArray:
    """Tangent kernel of an infinitely wide network of error functions.

    Parameters, shapes and errors are those of `relu_tangent_kernel`; the hidden units are erf(u).

    Notes
    -----
    The recursion of Xiao et al., arXiv:1912.13053.

    Examples
    --------
    >>> erf_tangent_kernel([[1.0, 0.0], [0.0, 1.0]], depth=2, weight_variance=1.0).round(4)
    array([[0.7009, 0.    ],
           [0.    , 0.7009]])
    """
    pair = (erf_expectation, erf_slope_expectation)
    return _tangent_kernel(pair, X, other, depth, weight_variance, bias_variance)
