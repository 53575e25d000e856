"""Output covariances of infinitely wide fully connected networks before training."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.theory.activation_maps import Expectation, erf_expectation, relu_expectation

FloatArray = NDArray[np.float64]

# Entries worked on at once: a strip of rows that stays in cache through all layers.
_STRIP_ENTRIES = 1 << 16


def network_inputs(X: ArrayLike, depth: int, weight_variance: float, bias_variance: float) -> FloatArray:
    """`X` as a contiguous array of finite numbers, (points, features).

    Raises ValueError if it is not, or the layers of weights or a variance are out of range.
    """
    # contiguous rows let the product with its own transpose be computed as symmetric
    inputs = np.ascontiguousarray(X, dtype=np.float64)
    if np.ndim(X) != 2 or 0 in inputs.shape:
        raise ValueError(f"X must have shape (points, features), both at least 1, got {np.shape(X)}")
    if not np.all(np.isfinite(inputs)):
        raise ValueError(f"X must be finite, got {inputs[~np.isfinite(inputs)][0]}")
    if depth != int(depth) or depth < 1:
        raise ValueError(f"depth must be an integer of at least 1 (layers of weights), got {depth}")
    if not (np.isfinite(weight_variance) and weight_variance > 0.0):
        raise ValueError(f"weight_variance must be positive and finite, got {weight_variance}")
    if not (np.isfinite(bias_variance) and bias_variance >= 0.0):
        raise ValueError(f"bias_variance must be finite and at least 0, got {bias_variance}")
    return inputs


def _network_covariance(
    expectation: Expectation, X: ArrayLike, depth: int, weight_variance: float, bias_variance: float
) -> FloatArray:
    inputs = network_inputs(X, depth, weight_variance, bias_variance)
    with np.errstate(over="ignore", invalid="ignore"):
        covariance = _through_layers(expectation, inputs, depth, weight_variance, bias_variance)
    if not np.all(np.isfinite(covariance)):
        raise ValueError(
            f"the covariance overflows at depth {depth}, weight_variance {weight_variance:g}, "
            f"bias_variance {bias_variance:g} and inputs up to {np.abs(inputs).max():.3g}"
        )
    return covariance


def _through_layers(
    expectation: Expectation, inputs: FloatArray, depth: int, weight_variance: float, bias_variance: float
) -> FloatArray:
    points, features = inputs.shape
    covariance: FloatArray = inputs @ inputs.T
    covariance *= weight_variance / features
    covariance += bias_variance
    if depth == 1:
        return covariance

    # Each entry needs only its own two variances, so these go through all layers first.
    variances = [np.diagonal(covariance).copy()]
    for _ in range(depth - 1):
        variance = variances[-1]
        variances.append(weight_variance * expectation(variance, variance, variance) + bias_variance)

    rows = max(1, _STRIP_ENTRIES // points)
    for start in range(0, points, rows):
        stop = min(start + rows, points)
        strip = covariance[start:stop, start:]
        for variance in variances[:-1]:
            strip = expectation(strip, variance[start:stop, None], variance[None, start:])
            strip *= weight_variance
            strip += bias_variance
        covariance[start:stop, start:] = strip
        # one triangle is computed, the other copied: symmetric to the last bit
        covariance[stop:, start:stop] = strip[:, stop - start :].T
        square = covariance[start:stop, start:stop]
        below = np.tril_indices(stop - start, -1)
        square[below] = square.T[below]
    np.fill_diagonal(covariance, variances[-1])
    return covariance


def arc_cosine_covariance(
    X: ArrayLike, *, depth: int = 2, weight_variance: float = 2.0, bias_variance: float = 0.0
) -> FloatArray:
    """Covariance of the outputs of an infinitely wide ReLU network at its Gaussian prior.

    Parameters
    ----------
    X : array_like, shape (points, features)
        Inputs, finite.
    depth : int
        Layers of weights. 1 is the linear classifier, ``weight_variance * X X^T / features +
        bias_variance``; every further one adds a hidden layer (2: one hidden layer).
    weight_variance : float
        Variance of a weight times the number of its layer's inputs. 2 keeps the scale from layer to layer.
    bias_variance : float
        Variance of a bias, in the unit of the squared output.

    Returns
    -------
    ndarray of float64, shape (points, points)
        Exactly symmetric, positive semi-definite up to rounding. The scale of an input only multiplies
        its outputs when `bias_variance` is 0.

    Raises
    ------
    ValueError
        If X is not a finite two-dimensional array, or `depth` or a variance is out of range.

    Notes
    -----
    Cho & Saul (2009), Kernel methods for deep learning; Lee et al., arXiv:1711.00165, eq. 5 and 11.

    Examples
    --------
    >>> arc_cosine_covariance([[1.0, 0.0], [0.0, 1.0]], depth=2).round(4)
    array([[1.    , 0.3183],
           [0.3183, 1.    ]])
    """
    return _network_covariance(relu_expectation, X, depth, weight_variance, bias_variance)


def erf_covariance(
    X: ArrayLike, *, depth: int = 2, weight_variance: float = 2.0, bias_variance: float = 0.0
) -> FloatArray:
    """Covariance of the outputs of an infinitely wide network of error functions at its Gaussian prior.

    Parameters, shapes and errors are those of `arc_cosine_covariance`; the hidden units are erf(u).

    Notes
    -----
    Williams (1997), Computing with infinite networks.

    Examples
    --------
    >>> erf_covariance([[1.0, 0.0], [0.0, 1.0]], depth=2, weight_variance=1.0).round(4)
    array([[0.3333, 0.    ],
           [0.    , 0.3333]])
    """
    return _network_covariance(erf_expectation, X, depth, weight_variance, bias_variance)
