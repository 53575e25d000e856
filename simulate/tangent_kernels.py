"""Tangent kernels of infinitely wide fully connected networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .depth_kernels import single_depth, sweep_depths

FloatArray = NDArray[np.float64]


def _tangent_kernel(
    activation: str,
    X: ArrayLike,
    other: ArrayLike | None,
    depth: int,
    weight_variance: float,
    bias_variance: float,
) -> FloatArray:
    layers = single_depth(activation, depth, weight_variance, bias_variance)
    tangent: FloatArray = sweep_depths(X, other, layers, wanted=(False, True))[1][0]
    return tangent


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
    return _tangent_kernel("relu", X, other, depth, weight_variance, bias_variance)


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
    return _tangent_kernel("erf", X, other, depth, weight_variance, bias_variance)
