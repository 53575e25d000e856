"""`Architecture`: which layers a network has, how large they are, and how many parameters that makes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Activation = Literal["relu", "erf", "tanh", "gelu"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
Head = Literal["flatten", "pool"]
Boundary = Literal["zeros", "circular"]

_FORMS = "linear, fc:2x64, fc:64,32, cnn:3x16, cnn:3x16:pool, cnn:3x16:circular, lenet or lenet:0.5"
# channels, kernel and stride of the strided LeNet at width 1, and its two fully connected layers
_LENET_CHANNELS, _LENET_HIDDEN = (6, 16), (120, 84)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution over square patches: `channels` out of it, `padding` places added around.

    Added places are zeros, or with the boundary ``"circular"`` those of the opposite side, so that an image
    has no border.
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    boundary: Boundary = "zeros"

    def side(self, side: int) -> int:
        """Places along one side of what leaves it, of as many that enter."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of weights.

    Attributes
    ----------
    weight_shape
        (out, in) of a fully connected layer, (out, in, kernel, kernel) of a convolution.
    has_bias
        Whether each output has a bias.
    stride, padding, boundary
        Of a convolution; 1, 0 and "zeros" otherwise.
    """

    weight_shape: tuple[int, ...]
    has_bias: bool
    stride: int = 1
    padding: int = 0
    boundary: Boundary = "zeros"

    @property
    def convolutional(self) -> bool:
        """Whether the layer is a convolution."""
        return len(self.weight_shape) == 4

    @property
    def fan_in(self) -> int:
        """Inputs of one unit."""
        return math.prod(self.weight_shape[1:])

    @property
    def weights(self) -> int:
        """Number of weights, without biases."""
        return math.prod(self.weight_shape)

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return self.weights + (self.weight_shape[0] if self.has_bias else 0)


@dataclass(frozen=True, slots=True)
class Architecture:
    """Convolutions, then fully connected hidden layers, then the outputs.

    Parameters
    ----------
    convolutions : tuple of Convolution
        None for a fully connected network.
    hidden : tuple of int
        Widths of the fully connected hidden layers; none of either kind is a linear classifier.
    head : {"flatten", "pool"}
        Whether the last convolution's outputs are all kept, or averaged over places.
    activation : {"relu", "erf", "tanh", "gelu"}
        After every layer but the last.
    bias : bool
        Whether layers have biases.

    Raises
    ------
    ValueError
        If a size is not positive, or the head or activation is unknown.
    """

    convolutions: tuple[Convolution, ...] = ()
    hidden: tuple[int, ...] = (64,)
    head: Head = "flatten"
    activation: Activation = "relu"
    bias: bool = True

    def __post_init__(self) -> None:
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden must hold widths of at least 1, got {self.hidden}")
        for convolution in self.convolutions:
            sizes = (convolution.channels, convolution.kernel, convolution.stride)
            if min(sizes) < 1 or convolution.padding < 0:
                raise ValueError(f"convolutions must have sizes of at least 1, got {convolution}")
            if convolution.boundary not in get_args(Boundary):
                raise ValueError(
                    f"boundary must be one of {', '.join(get_args(Boundary))}, got {convolution.boundary!r}"
                )
        if self.head not in get_args(Head):
            raise ValueError(f"head must be one of {', '.join(get_args(Head))}, got {self.head!r}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")

    def layers(self, input_shape: Sequence[int], outputs: int) -> tuple[Layer, ...]:
        """The layers of weights on inputs of this shape, first to last.

        Parameters
        ----------
        input_shape : sequence of int
            (features,), or (channels, height, width), which convolutions need.
        outputs : int
            1 where the sign decides between two classes, else one for each class.

        Raises
        ------
        ValueError
            If convolutions are given something else than images, or images too small for them.
        """
        shape = tuple(int(size) for size in input_shape)
        if not shape or min(shape) < 1 or outputs < 1:
            raise ValueError(f"input_shape and outputs must be positive, got {shape} and {outputs}")
        made: list[Layer] = []
        if self.convolutions:
            if len(shape) != 3:
                raise ValueError(
                    f"convolutions need inputs of shape (channels, height, width), got {shape}: "
                    "images without principal components"
                )
            for c in self.convolutions:
                weight_shape = (c.channels, shape[0], c.kernel, c.kernel)
                made.append(Layer(weight_shape, self.bias, c.stride, c.padding, c.boundary))
                sides = [c.side(side) for side in shape[1:]]
                if min(sides) < 1:
                    raise ValueError(f"images of {tuple(input_shape)} are too small for {c}")
                shape = (c.channels, *sides)
            if self.head == "pool":
                shape = shape[:1]
        width = math.prod(shape)
        for out in (*self.hidden, outputs):
            made.append(Layer((out, width), self.bias))
            width = out
        return tuple(made)

    def parameter_count(self, input_shape: Sequence[int], outputs: int) -> int:
        """Number of weights and biases."""
        return sum(layer.parameters for layer in self.layers(input_shape, outputs))


def parse_architecture(text: str, *, activation: Activation = "relu", bias: bool = True) -> Architecture:
    """Read an architecture from a word.

    Parameters
    ----------
    text : str
        ``"linear"``; ``"fc:2x64"``, two hidden layers of 64; ``"fc:64,32"``, widths one by one;
        ``"cnn:3x16"``, three 3 x 3 convolutions of 16 channels and a linear readout of all their outputs,
        or with ``":pool"`` of their average over places, and with ``":circular"`` on images without a
        border; ``"lenet"``, two strided 5 x 5 convolutions and two hidden layers, and ``"lenet:0.5"``, half
        as wide throughout.
    activation, bias
        As in `Architecture`.

    Raises
    ------
    ValueError
        If the word has another form.

    Examples
    --------
    >>> parse_architecture("fc:2x64").parameter_count((784,), 1)
    54465
    """
    kind, _, rest = text.strip().partition(":")
    if kind == "linear" and not rest:
        return Architecture(hidden=(), activation=activation, bias=bias)
    if kind == "fc" and (match := re.fullmatch(r"(\d+)x(\d+)", rest)):
        depth, width = int(match[1]), int(match[2])
        return Architecture(hidden=(width,) * depth, activation=activation, bias=bias)
    if kind == "fc" and re.fullmatch(r"\d+(,\d+)*", rest):
        return Architecture(hidden=tuple(map(int, rest.split(","))), activation=activation, bias=bias)
    if kind == "cnn" and (match := re.fullmatch(r"(\d+)x(\d+)(:pool)?(:circular)?", rest)) and int(match[1]):
        boundary: Boundary = "circular" if match[4] else "zeros"
        return Architecture(
            convolutions=(Convolution(int(match[2]), boundary=boundary),) * int(match[1]),
            hidden=(),
            head="pool" if match[3] else "flatten",
            activation=activation,
            bias=bias,
        )
    if kind == "lenet" and re.fullmatch(r"(\d+\.?\d*|\.\d+)?", rest):
        factor = float(rest or 1.0)
        return Architecture(
            convolutions=tuple(
                Convolution(max(1, round(factor * channels)), kernel=5, stride=2, padding=2)
                for channels in _LENET_CHANNELS
            ),
            hidden=tuple(max(1, round(factor * width)) for width in _LENET_HIDDEN),
            activation=activation,
            bias=bias,
        )
    raise ValueError(f"unknown architecture {text!r}: use {_FORMS}")
