"""How steep trained networks are: the length of the gradient of each output in the inputs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .devices import in_chunks
from .trained_networks import FloatArray, TrainedNetworks, as_points


def input_gradient_norms(trained: TrainedNetworks, inputs: ArrayLike) -> FloatArray:
    """||grad_x f(x)|| of each network of one output at each point.

    Parameters
    ----------
    trained : TrainedNetworks
    inputs : array_like, shape (points, *input_shape)

    Returns
    -------
    ndarray, shape (networks, points)
        Zero where all units before the output are off.

    Raises
    ------
    ValueError
        If the networks have several outputs, or the inputs do not fit them.
    """
    network, weights = trained.network, trained.flat_weights
    if network.outputs != 1:
        raise ValueError(f"networks must have one output, got {network.outputs}")
    checked, _ = as_points(network, inputs, np.ones(len(np.asarray(inputs)), dtype=np.int64))
    points = torch.tensor(checked, dtype=weights.dtype, device=weights.device)

    def norms(rows: slice) -> Tensor:
        own = points.expand(rows.stop - rows.start, *points.shape).clone().requires_grad_()
        scores = network.scores_of_weights(network.split(weights[rows]), own)
        (gradient,) = torch.autograd.grad(scores.sum(), own)
        lengths: Tensor = gradient.flatten(2).norm(dim=2)
        return lengths

    # each layer keeps its values until the gradient has come back to them
    units = sum(layer.parameters // layer.fan_in for layer in network.layers) + 2 * points[0].numel()
    made = in_chunks(
        norms,
        len(trained),
        bytes_per_row=4 * weights.element_size() * units * len(points),
        device=weights.device,
    )
    return np.asarray(made.double().cpu().numpy())
