"""Where gradient flows start: weights drawn at random, and the checks of what a user hands over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .hinge_run import checked_rows
from .homogeneous_network import Activation, HomogeneousNetwork, Loss, Normalization

FloatArray = NDArray[np.float64]

_CORNERS = (1e-6, 0.1)
_ALMOST_ZERO = 1e-10  # norm of zero weights, which would have no direction


def _checked_matrices(start: Sequence[ArrayLike], dimension: int) -> list[FloatArray]:
    layers = [np.array(layer, dtype=np.float64) for layer in start]
    shapes = [layer.shape for layer in layers]
    fan_in = dimension
    for layer in layers:
        if layer.ndim != 2 or layer.shape[1] != fan_in or len(layer) == 0:
            break
        fan_in = len(layer)
    else:
        if layers and fan_in == 1:
            return layers
    raise ValueError(
        f"start must be matrices (out, in) from {dimension} inputs to one output, got shapes {shapes}"
    )


def checked_network(
    inputs: ArrayLike,
    labels: ArrayLike,
    start: Sequence[ArrayLike],
    activation: Activation,
    loss: Loss,
    normalization: Normalization,
    corner: float,
) -> HomogeneousNetwork:
    """The network of `integrate_gradient_flow`; ValueError where an argument is out of range or unknown."""
    for name, value, names in (
        ("activation", activation, get_args(Activation)),
        ("loss", loss, get_args(Loss)),
        ("normalization", normalization, get_args(Normalization)),
    ):
        if value not in names:
            raise ValueError(f"{name} must be one of {', '.join(names)}, got {value!r}")
    matrix, marks = checked_rows(inputs, name="inputs"), np.asarray(labels, dtype=np.float64)
    if marks.shape != (len(matrix),) or not np.all(np.abs(marks) == 1.0):
        raise ValueError(
            f"labels must be -1 or +1, one for each of {len(matrix)} inputs, got shape {marks.shape}"
        )
    if not _CORNERS[0] <= corner <= _CORNERS[1]:
        raise ValueError(f"corner must be in [{_CORNERS[0]:g}, {_CORNERS[1]:g}], got {corner}")
    layers = _checked_matrices(start, matrix.shape[1])
    widths = (matrix.shape[1], *(len(layer) for layer in layers))
    corners = corner * np.linalg.norm(matrix, axis=1, keepdims=True)
    return HomogeneousNetwork(matrix, marks, widths, activation, loss, normalization, corners)


def checked_start(network: HomogeneousNetwork, start: Sequence[ArrayLike]) -> FloatArray:
    """Weights of all layers in a row; units at equal norms, where these are what is normalized."""
    layers = _checked_matrices(start, network.widths[0])
    for layer in layers:
        if not np.all(np.isfinite(layer)):
            raise ValueError(f"start must be finite, got {layer}")
        if len(layers) == 1 and network.normalization == "none" and not np.any(layer):
            slope = network.labels @ network.inputs
            layer += _ALMOST_ZERO * slope / max(float(np.linalg.norm(slope)), _ALMOST_ZERO)
        norm, lengths = float(np.linalg.norm(layer)), np.linalg.norm(layer, axis=1, keepdims=True)
        if norm == 0.0:
            raise ValueError("start must have no layer of norm zero")
        if network.normalization in ("units", "exponential") and not np.all(lengths > 0.0):
            raise ValueError("start must have no unit of norm zero where units are normalized")
        if network.normalization == "units":
            layer *= norm / (math.sqrt(len(layer)) * lengths)
    return np.concatenate([layer.ravel() for layer in layers])


def random_layers(
    widths: Sequence[int], *, scale: float = 1.0, rng: np.random.Generator | int | None = None
) -> tuple[FloatArray, ...]:
    """Gaussian weights without biases, of variance ``scale^2 / in`` in each layer.

    Parameters
    ----------
    widths : sequence of int
        Dimension of the inputs, hidden units of each layer, outputs.
    scale : float
        Positive.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    tuple of ndarray, shapes (out, in)

    Raises
    ------
    ValueError
        If there are not two widths or more, all whole numbers of at least 1, or `scale` is not positive.

    Examples
    --------
    >>> [layer.shape for layer in random_layers([10, 5, 1], rng=0)]
    [(5, 10), (1, 5)]
    """
    if len(widths) < 2 or not all(width >= 1 and width == int(width) for width in widths):
        raise ValueError(f"widths must be two or more whole numbers of at least 1, got {widths}")
    if not 0.0 < scale < math.inf:
        raise ValueError(f"scale must be finite and positive, got {scale}")
    generator = np.random.default_rng(rng)
    return tuple(
        scale / math.sqrt(fan_in) * generator.standard_normal((int(fan_out), int(fan_in)))
        for fan_in, fan_out in pairwise(widths)
    )
