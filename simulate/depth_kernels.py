"""Covariances and tangent kernels of infinitely wide fully connected networks, at all depths of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .covariances import Expectation, erf_expectation, network_inputs, relu_expectation
from .tangent_kernels import erf_slope_expectation, relu_slope_expectation

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DepthKernels:
    """Kernels of infinitely wide networks of several depths on the same points.

    Attributes
    ----------
    depths : tuple of int
        Layers of weights, ascending.
    covariance : ndarray, shape (depths, points, other points)
        Covariance of the outputs at random initialization.
    tangent : ndarray, shape (depths, points, other points)
        Tangent kernel: the sum of products of the outputs' derivatives by all parameters.
    """

    depths: tuple[int, ...]
    covariance: FloatArray
    tangent: FloatArray


def _maps(activation: str | Callable[[FloatArray], FloatArray]) -> tuple[Expectation, Expectation]:
    if activation == "erf":
        return erf_expectation, erf_slope_expectation
    if activation == "relu":
        return relu_expectation, relu_slope_expectation
    from genlaws.theory.activation_maps import activation_map

    named = activation_map(activation)
    return named.product, named.slope_product


def _checked_depths(depths: Sequence[int]) -> tuple[int, ...]:
    checked = tuple(int(depth) for depth in depths)
    ascending = tuple(sorted(set(checked)))
    if not checked or checked != tuple(depths) or checked != ascending or checked[0] < 1:
        raise ValueError(f"depths must be ascending integers of at least 1 (layers of weights), got {depths}")
    return checked


def _first_variances(inputs: FloatArray, weight_variance: float, bias_variance: float) -> FloatArray:
    squares = np.einsum("ij,ij->i", inputs, inputs)
    return weight_variance * squares / inputs.shape[1] + bias_variance


def fully_connected_kernels(
    X: ArrayLike,
    other: ArrayLike | None = None,
    *,
    activation: str | Callable[[FloatArray], FloatArray] = "erf",
    depths: Sequence[int],
    weight_variance: float,
    bias_variance: float,
    keep: float = 1.0,
) -> DepthKernels:
    """Covariances and tangent kernels of infinitely wide fully connected networks of several depths.

    Parameters
    ----------
    X : array_like, shape (points, features)
        Inputs, finite.
    other : array_like, shape (other points, features), optional
        The points of the columns, taken as other points than those of `X`. None: `X`.
    activation : str or callable
        "erf", "relu", "tanh", "gelu" or a function of an array.
    depths : sequence of int
        Layers of weights, ascending. 1 is the linear classifier, ``weight_variance * X X^T / features +
        bias_variance``; every further one adds a hidden layer. All are read off one pass to the deepest.
    weight_variance : float
        Variance of a weight times the number of its layer's inputs.
    bias_variance : float
        Variance of a bias, in the unit of the squared output.
    keep : float
        Probability that dropout keeps a unit of the last hidden layer, in (0, 1]; 1 is no dropout.

    Returns
    -------
    DepthKernels
        Exactly symmetric where `other` is None.

    Raises
    ------
    ValueError
        If X or `other` is not a finite two-dimensional array, they differ in features, `depths`, a variance
        or `keep` is out of range, or a kernel overflows.

    Notes
    -----
    K^1 = Theta^1 = weight_variance x.x' / features + bias_variance, K^(l+1) = weight_variance T(K^l) +
    bias_variance and Theta^(l+1) = K^(l+1) + weight_variance T'(K^l) Theta^l (arXiv:1912.13053; Jacot et al.,
    arXiv:1806.07572, Theorem 1). Dropout draws its mask anew for each point: it divides by `keep` what the
    last hidden layer gives to the diagonal, and leaves all else.

    Examples
    --------
    >>> kernels = fully_connected_kernels(
    ...     [[1.0, 0.0], [0.0, 1.0]], depths=[1, 2], weight_variance=1.0, bias_variance=0.0
    ... )
    >>> kernels.tangent[1].round(4)
    array([[0.7009, 0.    ],
           [0.    , 0.7009]])
    """
    product, slope_product = _maps(activation)
    wanted = _checked_depths(depths)
    rows = network_inputs(X, wanted[0], weight_variance, bias_variance)
    columns = rows if other is None else network_inputs(other, wanted[0], weight_variance, bias_variance)
    if columns.shape[1] != rows.shape[1]:
        raise ValueError(f"other must have {rows.shape[1]} features like X, got {columns.shape[1]}")
    if not 0.0 < keep <= 1.0:
        raise ValueError(f"keep must lie in (0, 1], got {keep}")

    shape = (len(wanted), len(rows), len(columns))
    kernels = DepthKernels(depths=wanted, covariance=np.empty(shape), tangent=np.empty(shape))
    on_diagonal = np.zeros(shape[1:], dtype=bool)
    np.fill_diagonal(on_diagonal, other is None)
    with np.errstate(over="ignore", invalid="ignore"):
        variance = _first_variances(rows, weight_variance, bias_variance)
        other_variance = _first_variances(columns, weight_variance, bias_variance)
        covariance = rows @ columns.T * (weight_variance / rows.shape[1]) + bias_variance
        # products of inputs round where their squares do not: a point's own correlation is exactly 1
        covariance[on_diagonal] = variance if other is None else 0.0
        tangent = covariance
        for depth in range(1, wanted[-1] + 1):
            dropped_covariance, dropped_tangent = covariance, tangent
            if depth > 1:
                at = covariance, variance[:, None], other_variance[None, :]
                share = np.where(on_diagonal, 1.0 / keep, 1.0)
                inner = weight_variance * slope_product(*at) * tangent
                outer = weight_variance * product(*at)
                covariance = outer + bias_variance
                tangent = covariance + inner
                dropped_covariance = share * outer + bias_variance
                dropped_tangent = dropped_covariance + share * inner
                variance = weight_variance * product(variance, variance, variance) + bias_variance
                other_variance = (
                    weight_variance * product(other_variance, other_variance, other_variance) + bias_variance
                )
            if depth in wanted:
                kernels.covariance[wanted.index(depth)] = dropped_covariance
                kernels.tangent[wanted.index(depth)] = dropped_tangent
    if not np.all(np.isfinite(kernels.tangent)):
        raise ValueError(
            f"the kernel overflows at depth {wanted[-1]}, weight_variance {weight_variance:g}, "
            f"bias_variance {bias_variance:g} and inputs up to {np.abs(rows).max():.3g}"
        )
    return kernels
