"""`InputSpan`: a first layer in coordinates of the span of its inputs, where all its gradients live."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .networks import Network
from .optimizers import Optimizer


@dataclass(frozen=True, slots=True, eq=False)
class InputSpan:
    """Fewer coordinates for the inputs of a first layer than the inputs have.

    First-layer gradients lie in the span of the training inputs. Plain gradient descent, with momentum or
    not, commutes with rotations: training in orthonormal coordinates of that span is the same training but
    for rounding, and costs less. Adam keeps to its axes: only inputs that are zero on all points drop out.

    Attributes
    ----------
    network : Network
        The network as it was.
    basis : Tensor, shape (features, coordinates)
        Orthonormal columns whose span holds all inputs.
    """

    network: Network
    basis: Tensor

    @classmethod
    def of(cls, network: Network, points: Tensor, *, optimizer: Optimizer) -> InputSpan | None:
        """The span of the points (points, *input_shape), or None where nothing is to be saved."""
        if not network.fully_connected:
            return None
        matrix = points.flatten(1)
        examples, features = matrix.shape
        if examples < features and optimizer != "adam":
            return cls(network, torch.linalg.qr(matrix.double().T)[0].to(points.dtype))
        used = matrix.abs().amax(dim=0) > 0.0
        if bool(used.all()) or not bool(used.any()):
            return None
        return cls(network, torch.eye(features, dtype=points.dtype, device=points.device)[:, used])

    @property
    def narrow(self) -> Network:
        """The network on coordinates instead of inputs."""
        return replace(self.network, input_shape=(self.basis.shape[1],))

    def coordinates(self, points: Tensor) -> Tensor:
        """The points (points, *input_shape) in coordinates."""
        return points.flatten(1) @ self.basis

    def _first(self, flat: Tensor) -> Tensor:
        layer = self.network.layers[0]
        return flat[:, : layer.weights].reshape(-1, *layer.weight_shape)

    def narrowed(self, flat: Tensor) -> Tensor:
        """Flat weights (networks, parameters) of networks, for `narrow`."""
        first = self._first(flat)
        return torch.cat([(first @ self.basis).flatten(1), flat[:, first[0].numel() :]], dim=1)

    def widened(self, flat_narrow: Tensor, flat_start: Tensor) -> Tensor:
        """Back from trained weights of `narrow`: what is outside the span is still as in `flat_start`."""
        start = self._first(flat_start)
        size = start.shape[1] * self.basis.shape[1]
        trained = flat_narrow[:, :size].reshape(-1, start.shape[1], self.basis.shape[1])
        first = start + (trained - start @ self.basis) @ self.basis.T
        return torch.cat([first.flatten(1), flat_narrow[:, size:]], dim=1)
