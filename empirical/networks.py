"""`Network`: many networks of one architecture, drawn and evaluated together as one tensor program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .architectures import Architecture, Layer
from .priors import Prior

Weights = Sequence[tuple[Tensor, Tensor | None]]
"""Weight (networks, out, in, ...) and bias (networks, out) of each layer."""

_ACTIVATIONS = {
    "relu": torch.relu,
    "erf": torch.erf,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
}


@runtime_checkable
class BatchedNetwork(Protocol):
    """Networks as functions of a standard normal vector each: all that samplers need of them."""

    @property
    def latent_size(self) -> int:
        """Length of the vector behind one network."""
        ...

    @property
    def outputs(self) -> int:
        """1 where the sign decides between two classes, else one for each class."""
        ...

    def scores(self, latent: Tensor, inputs: Tensor) -> Tensor:
        """Outputs of networks (networks, latent) on inputs (points, ...): (networks, points, outputs)."""
        ...

    def paired_scores(self, latent: Tensor, inputs: Tensor) -> Tensor:
        """Outputs of each network on the input of its own, (networks, ...): (networks, outputs)."""
        ...


def torch_generator(rng: np.random.Generator, device: torch.device) -> torch.Generator:
    """A torch generator on `device`, seeded from `rng`."""
    return torch.Generator(device).manual_seed(int(rng.integers(2**63)))


def _fully_connected(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # values: (points, in) shared by all networks, or (networks, points, in)
    networks, out, width = weight.shape
    if values.dim() == 2 and weight.is_contiguous():
        # shared inputs make one large product of many small ones
        made = functional.linear(values, weight.view(networks * out, width))
        made = made.view(len(values), networks, out).transpose(0, 1)
        return made if bias is None else made + bias[:, None, :]
    turned = weight.transpose(1, 2)
    batch = values.expand(networks, *values.shape[-2:])
    return torch.bmm(batch, turned) if bias is None else torch.baddbmm(bias[:, None, :], batch, turned)


def padded(values: Tensor, layer: Layer) -> tuple[Tensor, int]:
    """Values (..., height, width) as a convolution reads them, and the zeros it has yet to add around."""
    if layer.boundary == "zeros" or layer.padding == 0:
        return values, layer.padding
    for axis in (-2, -1):
        side = values.shape[axis]
        around = torch.arange(-layer.padding, side + layer.padding, device=values.device) % side
        values = values.index_select(axis, around)
    return values, 0


def _convolved(values: Tensor, weight: Tensor, bias: Tensor | None, layer: Layer) -> Tensor:
    # values: (points, in, height, width) shared, or (networks, points, in, height, width). All networks are
    # groups of one convolution; where they share their inputs, they are just more channels of one.
    networks, out = weight.shape[:2]
    shared = values.dim() == 4
    stacked, zeros = padded(values if shared else values.transpose(0, 1).flatten(1, 2), layer)
    made = functional.conv2d(
        stacked,
        weight.flatten(0, 1),
        None if bias is None else bias.flatten(),
        stride=layer.stride,
        padding=zeros,
        groups=1 if shared else networks,
    )
    apart: Tensor = made.unflatten(1, (networks, out))
    return apart.transpose(0, 1)


@dataclass(frozen=True, slots=True)
class Network:
    """Networks of one architecture and prior, on inputs of one shape.

    A network is the image of a standard normal vector: layer by layer its weights, row by row, then its
    biases, shaped by the prior. Everything acts on many networks at once and is differentiable.

    Parameters
    ----------
    architecture : Architecture
    prior : Prior
    input_shape : tuple of int
        (features,), or (channels, height, width).
    outputs : int
        1 where the sign decides between two classes, else one for each class.

    Raises
    ------
    ValueError
        If the architecture does not fit the inputs.
    """

    architecture: Architecture
    prior: Prior
    input_shape: tuple[int, ...]
    outputs: int = 1
    layers: tuple[Layer, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", self.architecture.layers(self.input_shape, self.outputs))

    @property
    def latent_size(self) -> int:
        """Number of weights and biases of one network."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def fully_connected(self) -> bool:
        """Whether no layer is a convolution."""
        return not self.architecture.convolutions

    def draw(self, networks: int, rng: np.random.Generator, device: torch.device | str = "cpu") -> Tensor:
        """Standard normal vectors of `networks` independent networks, float32, (networks, latent)."""
        place = torch.device(device)
        generator = torch_generator(rng, place)
        return torch.randn(networks, self.latent_size, generator=generator, device=place)

    def split(self, latent: Tensor) -> Weights:
        """The vectors (networks, latent) cut into layers and brought into shape; views where possible."""
        made: list[tuple[Tensor, Tensor | None]] = []
        start = 0
        for layer in self.layers:
            weight = latent[:, start : start + layer.weights].unflatten(1, layer.weight_shape)
            bias = latent[:, start + layer.weights : start + layer.parameters] if layer.has_bias else None
            made.append((weight, bias))
            start += layer.parameters
        return tuple(made)

    def weights(self, latent: Tensor) -> Weights:
        """Weights and biases of the networks behind the vectors (networks, latent), layer by layer."""
        made: list[tuple[Tensor, Tensor | None]] = []
        for layer, (weight, bias) in zip(self.layers, self.split(latent), strict=True):
            gain, bias_gain = self.prior.gains(layer)
            shaped = self.prior.shaped_weight(weight) * gain
            made.append((shaped, None if bias is None else self.prior.shaped_bias(bias) * bias_gain))
        return tuple(made)

    def scores_of_weights(self, weights: Weights, inputs: Tensor) -> Tensor:
        """Outputs of networks with these weights.

        Parameters
        ----------
        weights : as `weights` returns them
        inputs : Tensor, shape (points, *input_shape) or (networks, points, *input_shape)
            Shared by all networks, or each network's own.

        Returns
        -------
        Tensor, shape (networks, points, outputs)
        """
        return self._forward(weights, None, inputs)

    def scores(self, latent: Tensor, inputs: Tensor) -> Tensor:
        """Outputs of the networks behind `latent`, (networks, latent): (networks, points, outputs).

        `inputs` are shared, (points, *input_shape), or each network's own, (networks, points, *input_shape).
        With a normal prior this is the NTK parametrization in `latent`.
        """
        if not self.prior.scales_only:
            return self.scores_of_weights(self.weights(latent), inputs)
        # gains go to the values, which are fewer than the weights
        gains = [self.prior.gains(layer) for layer in self.layers]
        shaped = [(w, None if b is None else self.prior.shaped_bias(b)) for w, b in self.split(latent)]
        return self._forward(shaped, gains, inputs)

    def paired_scores(self, latent: Tensor, inputs: Tensor) -> Tensor:
        """Outputs of each network on its own input, (networks, *input_shape): (networks, outputs)."""
        return self.scores(latent, inputs[:, None])[:, 0]

    def layer_values(self, weights: Weights, inputs: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What enters each layer of networks with these weights, and what leaves it, first to last.

        Parameters are those of `scores_of_weights`. What leaves a layer, (networks, points, out) or
        (networks, points, out, height, width), is before the activation; of the last it is the scores. What
        enters lacks the first dimension where it is the shared inputs. All is one differentiable graph.
        """
        layers: list[tuple[Tensor, Tensor]] = []
        self._forward(weights, None, inputs, layers)
        return layers

    def _forward(
        self,
        weights: Weights,
        gains: Sequence[tuple[float, float]] | None,
        inputs: Tensor,
        seen: list[tuple[Tensor, Tensor]] | None = None,
    ) -> Tensor:
        act = _ACTIVATIONS[self.architecture.activation]
        networks = len(weights[0][0])
        values = inputs
        if self.fully_connected and len(self.input_shape) > 1:
            values = values.flatten(-len(self.input_shape))
        last_convolution = len(self.architecture.convolutions) - 1
        for k, (layer, (weight, bias)) in enumerate(zip(self.layers, weights, strict=True)):
            if gains is not None:
                values = values * gains[k][0]
                bias = None if bias is None else bias * gains[k][1]
            entered = values
            if layer.convolutional:
                values = _convolved(values, weight, bias, layer)
            else:
                values = _fully_connected(values, weight, bias)
            if seen is not None:
                seen.append((entered, values))
            del entered
            if k < len(self.layers) - 1:
                values = act(values)
            if k == last_convolution:
                values = values.flatten(2) if self.architecture.head == "flatten" else values.mean((-2, -1))
        return values.expand(networks, *values.shape[-2:])
