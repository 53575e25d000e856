"""The tangent kernel that a network's own tends to as its layers become infinitely wide."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate import erf_tangent_kernel, relu_tangent_kernel
from genlaws.theory.activation_maps import activation_map

from .convolutional_limit import ConvolutionalLimit, readout_kernels, readout_variances
from .networks import Network

FloatArray = NDArray[np.float64]

_LIMITS = {"relu": relu_tangent_kernel, "erf": erf_tangent_kernel}


def has_closed_limit(network: Network) -> bool:
    """Whether `limit_tangent_kernel` knows the network's limit."""
    return network.architecture.activation in _LIMITS and network.prior.kind == "normal"


def _points(network: Network, inputs: ArrayLike, name: str) -> FloatArray:
    points = np.asarray(inputs, dtype=np.float64)
    if points.shape[1:] != tuple(network.input_shape):
        wanted = ", ".join(map(str, ("points", *network.input_shape)))
        raise ValueError(f"{name} must have shape ({wanted}), got {points.shape}")
    if not np.all(np.isfinite(points)):
        raise ValueError(f"{name} must be finite, got {points[~np.isfinite(points)][0]}")
    return points


def _convolutional(network: Network, rows: FloatArray, columns: FloatArray | None) -> FloatArray:
    architecture, prior = network.architecture, network.prior
    unit, weight_variance = architecture.activation, prior.weight_variance
    bias_variance = prior.bias_variance if architecture.bias else 0.0
    assert unit in ("erf", "relu")
    limit = ConvolutionalLimit(
        architecture.convolutions, architecture.head, unit, weight_variance, bias_variance
    )
    images = torch.from_numpy(rows)
    others = None if columns is None else torch.from_numpy(columns)
    depth = len(architecture.convolutions) + 1
    covariance: FloatArray
    tangent: FloatArray
    covariance, tangent = readout_kernels(limit, images, others, depths=[depth])[:, 0].numpy()
    variance = readout_variances(limit, images).numpy()
    other_variance = variance if others is None else readout_variances(limit, others).numpy()
    expectations = activation_map(unit)
    for _ in architecture.hidden:
        at = covariance, variance[:, None], other_variance
        tangent = weight_variance * expectations.slope_product(*at) * tangent
        covariance = weight_variance * expectations.product(*at) + bias_variance
        tangent += covariance
        variance, other_variance = (
            weight_variance * expectations.product(v, v, v) + bias_variance
            for v in (variance, other_variance)
        )
    return tangent


def limit_tangent_kernel(network: Network, inputs: ArrayLike, others: ArrayLike | None = None) -> FloatArray:
    """Tangent kernel of a network's limit of infinite width, in the parametrization of unit variances.

    Parameters
    ----------
    network : Network
        Of ReLU or erf units, under the prior ``"normal"``. Its widths and channels play no part.
    inputs, others : array_like, shape (points, *input_shape)

    Returns
    -------
    ndarray, shape (points, other points)

    Raises
    ------
    ValueError
        If the limit has no closed form here, or the points do not fit the network or are not finite.
    """
    architecture, prior = network.architecture, network.prior
    if not has_closed_limit(network):
        raise ValueError(
            "network must have relu or erf units and a normal prior for its limit to be known, got "
            f"{architecture} and {prior.kind!r}"
        )
    rows = _points(network, inputs, "inputs")
    columns = None if others is None else _points(network, others, "others")
    if architecture.convolutions:
        return _convolutional(network, rows, columns)
    return _LIMITS[architecture.activation](
        rows.reshape(len(rows), -1),
        None if columns is None else columns.reshape(len(columns), -1),
        depth=len(network.layers),
        weight_variance=prior.weight_variance,
        bias_variance=prior.bias_variance if architecture.bias else 0.0,
    )
