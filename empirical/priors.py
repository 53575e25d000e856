"""`Prior`: a distribution over the weights of a network, as a map from a standard normal vector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from .architectures import Layer

Kind = Literal["normal", "uniform", "kaiming-normal", "kaiming-uniform", "orthogonal"]
PRIORS: tuple[Kind, ...] = get_args(Kind)

_ROOT_HALF = math.sqrt(0.5)


def _symmetric_uniform(latent: Tensor) -> Tensor:
    # the probability transform of a standard normal variable to [-1, 1]: 2 Phi(z) - 1
    return torch.erf(latent * _ROOT_HALF)


def _orthogonal(latent: Tensor) -> Tensor:
    # Orthonormal rows or columns, whichever fit, uniform over such matrices: the Q factor with R's diagonal
    # made positive (Mezzadri, arXiv:math-ph/0609050). Convolutions count as (out, all inputs).
    matrix = latent.flatten(2)
    tall = matrix if matrix.shape[1] >= matrix.shape[2] else matrix.transpose(1, 2)
    factor, r = torch.linalg.qr(tall)
    q: Tensor = factor * torch.where(r.diagonal(dim1=1, dim2=2) < 0.0, -1.0, 1.0)[:, None, :]
    return (q if tall is matrix else q.transpose(1, 2)).reshape(latent.shape)


@dataclass(frozen=True, slots=True)
class Prior:
    """A prior over weights and biases, made of independent standard normal variables.

    Parameters
    ----------
    kind : str
        ``"normal"``: weights of variance `weight_variance` / fan-in, biases of variance `bias_variance`;
        the finite counterpart of `arc_cosine_covariance` and `erf_covariance`. ``"uniform"``: all in
        [-half_width, half_width] (Chiang et al., ICLR 2023: 1). ``"kaiming-normal"`` and
        ``"kaiming-uniform"``: weights of variance 2 / fan-in, biases uniform in +-1 / sqrt(fan-in).
        ``"orthogonal"``: orthonormal rows or columns times sqrt(weight_variance), normal biases.
    weight_variance, bias_variance : float
        For ``"normal"`` and ``"orthogonal"``. A bias variance of 0 leaves biases at 0.
    half_width : float
        For ``"uniform"``.

    Raises
    ------
    ValueError
        If the kind is unknown, or a number is not finite and positive (`bias_variance`: not negative).
    """

    kind: Kind = "normal"
    weight_variance: float = 2.0
    bias_variance: float = 0.01
    half_width: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in PRIORS:
            raise ValueError(f"kind must be one of {', '.join(PRIORS)}, got {self.kind!r}")
        for name in ("weight_variance", "half_width"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be positive and finite, got {value}")
        if not (math.isfinite(self.bias_variance) and self.bias_variance >= 0.0):
            raise ValueError(f"bias_variance must be finite and at least 0, got {self.bias_variance}")

    @property
    def scales_only(self) -> bool:
        """Whether weights are the normal variables times `gains`."""
        return self.kind in ("normal", "kaiming-normal")

    def gains(self, layer: Layer) -> tuple[float, float]:
        """What the shaped variables of weights and of biases are multiplied with in this layer."""
        root = math.sqrt(layer.fan_in)
        deviation, spread = math.sqrt(self.weight_variance), math.sqrt(self.bias_variance)
        return {
            "normal": (deviation / root, spread),
            "uniform": (self.half_width, self.half_width),
            "kaiming-normal": (math.sqrt(2.0) / root, 1.0 / root),
            "kaiming-uniform": (math.sqrt(6.0) / root, 1.0 / root),
            "orthogonal": (deviation, spread),
        }[self.kind]

    def shaped_weight(self, latent: Tensor) -> Tensor:
        """Weights before their gain, of normal variables of shape (networks, out, in, ...)."""
        if self.kind in ("uniform", "kaiming-uniform"):
            return _symmetric_uniform(latent)
        return _orthogonal(latent) if self.kind == "orthogonal" else latent

    def shaped_bias(self, latent: Tensor) -> Tensor:
        """Biases before their gain, of normal variables of shape (networks, out)."""
        return latent if self.kind in ("normal", "orthogonal") else _symmetric_uniform(latent)
