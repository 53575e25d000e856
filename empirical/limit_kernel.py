"""The tangent kernel that a network's own tends to as its layers become infinitely wide."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate import erf_tangent_kernel, relu_tangent_kernel

from .networks import Network

FloatArray = NDArray[np.float64]

_LIMITS = {"relu": relu_tangent_kernel, "erf": erf_tangent_kernel}


def has_closed_limit(network: Network) -> bool:
    """Whether `limit_tangent_kernel` knows the network's limit."""
    known = network.architecture.activation in _LIMITS
    return network.fully_connected and known and network.prior.kind == "normal"


def _flat(network: Network, inputs: ArrayLike, name: str) -> FloatArray:
    points = np.asarray(inputs, dtype=np.float64)
    if points.shape[1:] != tuple(network.input_shape):
        wanted = ", ".join(map(str, ("points", *network.input_shape)))
        raise ValueError(f"{name} must have shape ({wanted}), got {points.shape}")
    return points.reshape(len(points), -1)


def limit_tangent_kernel(network: Network, inputs: ArrayLike, others: ArrayLike | None = None) -> FloatArray:
    """Tangent kernel of a network's limit of infinite width, in the parametrization of unit variances.

    Parameters
    ----------
    network : Network
        Fully connected, of ReLU or erf units, under the prior ``"normal"``. Its widths play no part.
    inputs, others : array_like, shape (points, *input_shape)

    Returns
    -------
    ndarray, shape (points, other points)

    Raises
    ------
    ValueError
        If the limit has no closed form here, or the points do not fit the network.
    """
    architecture, prior = network.architecture, network.prior
    if not has_closed_limit(network):
        raise ValueError(
            "network must be fully connected with relu or erf units and a normal prior for its limit to be "
            f"known, got {architecture} and {prior.kind!r}"
        )
    return _LIMITS[architecture.activation](
        _flat(network, inputs, "inputs"),
        None if others is None else _flat(network, others, "others"),
        depth=len(network.layers),
        weight_variance=prior.weight_variance,
        bias_variance=prior.bias_variance if architecture.bias else 0.0,
    )
