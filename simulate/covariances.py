"""Output covariances of infinitely wide fully connected networks before training."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .depth_kernels import single_depth, sweep_depths

FloatArray = NDArray[np.float64]


def _covariance(
    activation: str, X: ArrayLike, depth: int, weight_variance: float, bias_variance: float
) -> FloatArray:
    layers = single_depth(activation, depth, weight_variance, bias_variance)
    covariance: FloatArray = sweep_depths(X, None, layers, wanted=(True, False))[0][0]
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
    return _covariance("relu", X, depth, weight_variance, bias_variance)


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
    return _covariance("erf", X, depth, weight_variance, bias_variance)
