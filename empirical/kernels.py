"""Covariances and tangent kernels of infinitely wide convolutional networks, at all depths of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from genlaws.simulate import DepthKernels

from .architectures import Boundary, Convolution, Head
from .convolutional_limit import ConvolutionalLimit, LimitActivation, readout_kernels
from .devices import resolve_device

Precision = Literal["float64", "float32"]


def _placed(inputs: ArrayLike, name: str, *, device: str, dtype: Precision) -> Tensor:
    """Images as a tensor, (points, channels, height, width); ValueError if they are none, or not finite."""
    images = np.asarray(inputs, dtype=np.float64)
    if images.ndim != 4 or images.size == 0:
        raise ValueError(f"{name} must have shape (points, channels, height, width), got {images.shape}")
    if not np.all(np.isfinite(images)):
        raise ValueError(f"{name} must be finite, got {images[~np.isfinite(images)][0]}")
    return torch.tensor(images, dtype=getattr(torch, dtype), device=resolve_device(device))


def _check(
    depths: Sequence[int],
    kernel: int,
    keep: float,
    variances: tuple[float, float],
    **words: tuple[str, tuple[str, ...]],
) -> None:
    if not len(depths) or any(d != int(d) or d < 1 for d in depths) or any(np.diff(depths) <= 0):
        raise ValueError(f"depths must be ascending integers of at least 1 (layers of weights), got {depths}")
    if kernel != int(kernel) or kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, got {kernel}")
    if not 0.0 < keep <= 1.0:
        raise ValueError(f"keep must lie in (0, 1], got {keep}")
    if not (np.isfinite(variances[0]) and variances[0] > 0.0):
        raise ValueError(f"weight_variance must be positive and finite, got {variances[0]}")
    if not (np.isfinite(variances[1]) and variances[1] >= 0.0):
        raise ValueError(f"bias_variance must be finite and at least 0, got {variances[1]}")
    for name, (word, known) in words.items():
        if word not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {word!r}")


def convolutional_kernels(
    inputs: ArrayLike,
    others: ArrayLike | None = None,
    *,
    activation: LimitActivation = "erf",
    depths: Sequence[int],
    head: Head = "flatten",
    boundary: Boundary = "zeros",
    kernel: int = 3,
    weight_variance: float,
    bias_variance: float,
    keep: float = 1.0,
    device: str = "auto",
    dtype: Precision = "float64",
) -> DepthKernels:
    """Covariances and tangent kernels of infinitely wide convolutional networks of several depths.

    A network of depth L has L - 1 convolutions of stride 1, which keep the size of images, each followed by
    its units, and a linear readout of all of them, or of their averages over places.

    Parameters
    ----------
    inputs : array_like, shape (points, channels, height, width)
        Images, finite.
    others : array_like, shape (other points, channels, height, width), optional
        The points of the columns, taken as other points than `inputs`. None: `inputs`.
    activation : {"erf", "relu"}
    depths : sequence of int
        Layers of weights, ascending. 1 is the readout alone, of pixels or of mean pixels. All are read off
        one pass to the deepest.
    head : {"flatten", "pool"}
        What is read out: all places, or the average over them. Flattening carries kernels between equal
        places only; pooling carries those between all places, height times width times the work.
    boundary : {"zeros", "circular"}
        What lies beyond the border of an image: zeros, or its opposite side.
    kernel : int
        Side of the patches, odd.
    weight_variance : float
        Variance of a weight times the number of its layer's inputs.
    bias_variance : float
        Variance of a bias, in the unit of the squared output.
    keep : float
        Probability that dropout keeps a unit that the readout of a hidden layer sees (after averaging, where
        there is any), in (0, 1]; 1 is no dropout.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    dtype : {"float64", "float32"}
        To compute in; what is returned is float64.

    Returns
    -------
    DepthKernels
        Exactly symmetric where `others` is None: one of the two orders of a pair is computed.

    Raises
    ------
    ValueError
        If images are of a wrong shape or not finite, a word is unknown or a number out of range, a GPU is
        asked for and there is none, or a kernel overflows.

    Notes
    -----
    With A the mean over a patch that moves along both images together, K^1 = Theta^1 = weight_variance
    A(x x' / channels) + bias_variance, K^(l+1) = weight_variance A(T(K^l)) + bias_variance and Theta^(l+1) =
    K^(l+1) + weight_variance A(T'(K^l) Theta^l), place by place; a readout puts its mean over places for A
    (Novak et al., arXiv:1810.05148; Arora et al., arXiv:1904.11955; Xiao et al., arXiv:1912.13053).

    Examples
    --------
    >>> images = [[[[1.0, 0.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 1.0]]]]
    >>> for head in ("flatten", "pool"):
    ...     kernels = convolutional_kernels(
    ...         images, depths=[2], head=head, boundary="circular", weight_variance=1.0, bias_variance=0.0
    ...     )
    ...     print(kernels.covariance[0].round(4).tolist())
    [[0.1044, 0.0877], [0.0877, 0.1044]]
    [[0.0948, 0.0948], [0.0948, 0.0948]]
    """
    _check(
        depths,
        kernel,
        keep,
        (weight_variance, bias_variance),
        activation=(activation, get_args(LimitActivation)),
        head=(head, get_args(Head)),
        boundary=(boundary, get_args(Boundary)),
        dtype=(dtype, get_args(Precision)),
    )
    rows = _placed(inputs, "inputs", device=device, dtype=dtype)
    columns = None if others is None else _placed(others, "others", device=device, dtype=dtype)
    if columns is not None and columns.shape[1:] != rows.shape[1:]:
        raise ValueError(
            f"others must be images of shape {tuple(rows.shape[1:])} like inputs, "
            f"got {tuple(columns.shape[1:])}"
        )
    layer = Convolution(1, kernel=kernel, padding=kernel // 2, boundary=boundary)
    convolutions = (layer,) * (depths[-1] - 1)
    limit = ConvolutionalLimit(convolutions, head, activation, weight_variance, bias_variance)
    kernels = readout_kernels(limit, rows, columns, depths=depths, keep=keep)
    covariance, tangent = kernels.double().cpu().contiguous().numpy()
    if not np.all(np.isfinite(tangent)):
        raise ValueError(
            f"the kernel overflows at depth {depths[-1]}, weight_variance {weight_variance:g}, bias_variance "
            f"{bias_variance:g} and pixels up to {float(rows.abs().max()):.3g}"
        )
    return DepthKernels(tuple(map(int, depths)), covariance, tangent)
