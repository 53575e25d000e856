"""`dropout_tangent_kernel`: tangent kernels of finite networks with dropout before the last layer."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .networks import Network, Weights, torch_generator
from .optimizers import variable_scales


def dropout_tangent_kernel(
    network: Network,
    weights: Weights,
    inputs: ArrayLike,
    *,
    keep: float,
    masks: int,
    rng: np.random.Generator,
) -> Tensor:
    """Mean over drawn masks of the Gram matrix of gradients, in the parametrization of unit variances.

    Before the last layer each unit of each point is kept with probability `keep`, and then divided by it.

    Parameters
    ----------
    network : Network
        Fully connected, of one output, with a hidden layer.
    weights : as `Network.weights` returns them
    inputs : array_like, shape (points, *input_shape)
    keep : float
        In (0, 1].
    masks : int
        Draws of masks for all points and networks.
    rng : Generator

    Returns
    -------
    Tensor, shape (networks, points, points)

    Raises
    ------
    ValueError
        If the network is of another kind, or `keep` or `masks` is out of range.

    Notes
    -----
    Of wide networks it is that of `fully_connected_kernels` with the same `keep`.
    """
    if not network.fully_connected or network.outputs != 1 or len(network.layers) < 2:
        raise ValueError("network must be fully connected, with a hidden layer and one output")
    if not 0.0 < keep <= 1.0 or masks < 1:
        raise ValueError(f"keep must lie in (0, 1] and masks be at least 1, got {keep} and {masks}")
    like = weights[0][0]
    points = torch.tensor(np.asarray(inputs), dtype=like.dtype, device=like.device)
    generator = torch_generator(rng, like.device)
    queue = iter(variable_scales(network, "ntk"))
    scales = [(next(queue), next(queue) if layer.has_bias else 0.0) for layer in network.layers]

    first = like.detach().requires_grad_()
    layers = network.layer_values([(first, weights[0][1]), *weights[1:]], points)
    left = [made for _, made in layers[:-1]]
    entered = layers[-1][0]
    # what a layer's weights and biases give, less the signals that come back to it
    grams = [
        scale**2 * (values @ values.mT if values.dim() == 3 else (values @ values.mT)[None]) + bias**2
        for (values, _), (scale, bias) in zip([(v.detach(), m) for v, m in layers], scales, strict=True)
    ][:-1]
    last_scale, last_bias = scales[-1]
    kernel = like.new_zeros(len(like), len(points), len(points))
    for _ in range(masks):
        drawn = torch.rand(entered.shape, generator=generator, device=like.device, dtype=like.dtype)
        thinned = entered * ((drawn < keep).to(like.dtype) / keep)
        scores = (thinned * weights[-1][0]).sum()
        signals = torch.autograd.grad(scores, left, retain_graph=True)
        kept = thinned.detach()
        kernel += last_scale**2 * (kept @ kept.mT) + last_bias**2
        for signal, gram in zip(signals, grams, strict=True):
            kernel += (signal @ signal.mT) * gram
    return kernel.div_(masks)
