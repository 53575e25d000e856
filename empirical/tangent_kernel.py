"""The tangent kernel of finite networks: which points move together when their weights follow a gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from .architectures import Layer
from .devices import rows_that_fit
from .networks import Network, Weights, padded
from .optimizers import Parametrization, variable_scales

Trained = Literal["all", "last"]

# fewer points at once would go through the networks too often
_SMALLEST_BLOCK = 64

Factor = tuple[Tensor, Tensor | None]
"""Of a layer: signals (networks, points, ...), and values (networks or 1, points, ...) or None.

The layer's part of the kernel is the Gram matrix of its signals, times that of its values element by element.
"""


def _dense_factor(signals: Tensor, entered: Tensor, scale: float, bias_scale: float | None) -> Factor:
    # a gradient is signal times value: its Gram matrix is a product of two, and the bias one more value
    values = (entered if entered.dim() == 3 else entered[None]) * scale
    if bias_scale is not None:
        values = functional.pad(values, (0, 1), value=bias_scale)
    # a sum over outputs is one long signal
    return signals.permute(1, 2, 0, 3).flatten(2), values


def _convolution_factor(
    signals: Tensor, entered: Tensor, scale: float, bias_scale: float | None, layer: Layer
) -> Factor:
    # places are summed within a gradient, so the gradients themselves are made, layer by layer
    images, zeros = padded(entered.flatten(0, -4), layer)
    windows = functional.unfold(images, layer.weight_shape[2:], padding=zeros, stride=layer.stride)
    windows = windows.unflatten(0, (-1, signals.shape[2])) * scale
    if bias_scale is not None:
        windows = functional.pad(windows, (0, 0, 0, 1), value=bias_scale)
    gradients = signals.flatten(4) @ windows.transpose(2, 3)
    return gradients.permute(1, 2, 0, 3, 4).flatten(2), None


def _factors(
    network: Network, weights: Weights, points: Tensor, scales: Sequence[float], trained: Trained
) -> list[Factor]:
    first, *others = weights
    first_trained = len(network.layers) - 1 if trained == "last" else 0
    with torch.enable_grad():
        # only what leaves the layers is differentiated; one variable at the root makes the graph
        root = first[0].detach().requires_grad_()
        layers = network.layer_values([(root, first[1]), *others], points)
        left = [made for _, made in layers[first_trained:]]
        # points do not see each other: the gradient of a sum over points is that of each
        sums = left[-1].sum(dim=(0, 1))
        by_output = [torch.autograd.grad(total, left, retain_graph=True) for total in sums]
    queue = iter(scales)
    pairs = [(next(queue), next(queue) if layer.has_bias else None) for layer in network.layers]
    factors: list[Factor] = []
    for k in range(first_trained, len(layers)):
        signals = torch.stack([grads[k - first_trained] for grads in by_output])
        entered, layer = layers[k][0].detach(), network.layers[k]
        if layer.convolutional:
            factors.append(_convolution_factor(signals, entered, *pairs[k], layer))
        else:
            factors.append(_dense_factor(signals, entered, *pairs[k]))
    return factors


def _add_block(rows: Sequence[Factor], columns: Sequence[Factor], out: Tensor) -> None:
    # the kernel between two blocks of points, added up layer by layer in `out`
    for (signals, values), (others, other_values) in zip(rows, columns, strict=True):
        part = signals @ others.mT
        if values is None or other_values is None:
            out += part
        else:
            out.addcmul_(part, values @ other_values.mT)


def _bytes_per_point(network: Network, element: int) -> int:
    # what enters and leaves layers, and its gradients; windows and gradients of convolutions
    places = math.prod(network.input_shape[1:])
    numbers = math.prod(network.input_shape)
    for layer in network.layers:
        out = layer.weight_shape[0]
        if layer.convolutional:
            numbers += 3 * out * places + layer.fan_in * places + network.outputs * layer.weights
        else:
            numbers += (3 + network.outputs) * out
    return element * numbers


def _placed(network: Network, inputs: ArrayLike, like: Tensor, name: str) -> Tensor:
    points = np.asarray(inputs)
    if points.shape[1:] != tuple(network.input_shape) or len(points) == 0:
        wanted = ", ".join(map(str, ("points", *network.input_shape)))
        raise ValueError(f"{name} must have shape ({wanted}), got {points.shape}")
    if points.dtype.kind not in "fiu" or not np.all(np.isfinite(points)):
        raise ValueError(f"{name} must be finite numbers")
    return torch.tensor(points, dtype=like.dtype, device=like.device)


def empirical_tangent_kernel(
    network: Network,
    weights: Weights,
    inputs: ArrayLike,
    others: ArrayLike | None = None,
    *,
    parametrization: Parametrization = "ntk",
    trained: Trained = "all",
) -> Tensor:
    """Sum over parameters of the products of their gradients at two points, for many networks at once.

    Theta(x, x') = sum_k df(x)/dw_k df(x')/dw_k. Gradients of fully connected layers are never made: a layer's
    part is the Gram matrix of what enters it times that of the gradients by what leaves it, so that `points`
    squared times the width is all the work there is (width squared, gradient by gradient).

    Parameters
    ----------
    network : Network
    weights : as `Network.weights` and `TrainedNetworks.weights` return them
        Of all networks, on the device and in the precision to compute in.
    inputs : array_like, shape (points, *input_shape)
    others : array_like, shape (other points, *input_shape), optional
        The points of the columns. None: `inputs`.
    parametrization : {"ntk", "standard"}
        Whether the parameters are variables of unit variance, scaled by the prior's deviations (biases of a
        prior without them then do not count), or the weights and biases themselves.
    trained : {"all", "last"}
        Which layers count: all, or the last only.

    Returns
    -------
    Tensor, shape (networks, points, other points)
        Of several outputs, the mean over outputs of each one's own kernel. Exactly symmetric where `others`
        is None.

    Raises
    ------
    ValueError
        If points do not fit the network or are not finite, or a word is unknown.

    Notes
    -----
    Jacot et al., arXiv:1806.07572. Its limit of infinite width is `relu_tangent_kernel` and
    `erf_tangent_kernel` under the prior ``"normal"``.
    """
    if trained not in get_args(Trained):
        raise ValueError(f"trained must be one of {', '.join(get_args(Trained))}, got {trained!r}")
    scales = variable_scales(network, parametrization)
    start = weights[0][0]
    rows = _placed(network, inputs, start, "inputs")
    columns = rows if others is None else _placed(network, others, start, "others")
    per_point = _bytes_per_point(network, start.element_size())
    block = min(max(_SMALLEST_BLOCK, rows_that_fit(per_point, start.device)), max(len(rows), len(columns)))
    together = rows_that_fit(block * (2 * per_point + 3 * block * start.element_size()), start.device)
    kernel = start.new_zeros(len(start), len(rows), len(columns))
    for first in range(0, len(start), together):
        some = [
            (w[first : first + together], None if b is None else b[first : first + together])
            for w, b in weights
        ]
        made = kernel[first : first + together]
        for i in range(0, len(rows), block):
            left = _factors(network, some, rows[i : i + block], scales, trained)
            for j in range(0 if others is not None else i, len(columns), block):
                same = others is None and i == j
                right = left if same else _factors(network, some, columns[j : j + block], scales, trained)
                part = made[:, i : i + block, j : j + block]
                _add_block(left, right, part)
                if same:
                    part.copy_(part.triu() + part.triu(1).mT)
                elif others is None:
                    made[:, j : j + block, i : i + block] = part.mT
    return kernel.div_(network.outputs)
