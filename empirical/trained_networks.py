"""`TrainedNetworks`: many networks after training, those that never got there included."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .devices import in_chunks
from .losses import Loss, example_losses, margins
from .networks import Network, Weights

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

SCHEMA_VERSION = 1

# points scored at once
_POINTS = 1024


def as_points(network: Network, inputs: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], IntArray]:
    """Inputs and labels that fit a network, checked.

    Raises
    ------
    ValueError
        If shapes do not fit, inputs are not finite, or labels are not -1 and +1 (one output) or 0 to
        outputs - 1 (several).
    """
    points, classes = np.asarray(inputs), np.asarray(labels)
    if points.ndim < 2 or points.shape[1:] != tuple(network.input_shape) or len(points) == 0:
        wanted = ", ".join(map(str, ("points", *network.input_shape)))
        raise ValueError(f"inputs must have shape ({wanted}), got {points.shape}")
    if points.dtype.kind not in "fiu" or not np.all(np.isfinite(points)):
        raise ValueError("inputs must be finite numbers")
    if classes.shape != points.shape[:1]:
        raise ValueError(f"labels must have shape {points.shape[:1]} like the inputs, got {classes.shape}")
    allowed = [-1, 1] if network.outputs == 1 else list(range(network.outputs))
    if not np.all(np.isin(classes, allowed)):
        meant = "-1 or +1" if network.outputs == 1 else f"0 to {network.outputs - 1}"
        raise ValueError(
            f"labels must be {meant} for a network of {network.outputs} "
            f"output{'s' if network.outputs > 1 else ''}, got {np.unique(classes)[:12].tolist()}"
        )
    return points, classes.astype(np.int64)


def _flat_scores(network: Network, weights: Tensor, inputs: Tensor) -> Tensor:
    # as NetworkFamily: the widest layer holds about as many numbers a point as there are parameters an input
    width = max(1, weights.shape[1] // inputs[0].numel(), inputs[0].numel() // 4)
    block = inputs[:_POINTS]
    bytes_per_row = weights.element_size() * (len(block) * 2 * width + weights.shape[1])

    def scored(rows: slice) -> Tensor:
        some = network.split(weights[rows])
        return torch.cat(
            [
                network.scores_of_weights(some, inputs[i : i + _POINTS])
                for i in range(0, len(inputs), _POINTS)
            ],
            dim=1,
        )

    with torch.no_grad():
        return in_chunks(scored, len(weights), bytes_per_row=bytes_per_row, device=weights.device)


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetworks:
    """Networks as training left them.

    Build it with `train_networks`. Shapes are (networks,) throughout; errors lie in [0, 1].

    Attributes
    ----------
    network : Network
        Architecture and prior.
    reached : ndarray of bool
        Whether training stopped because its aim was reached: zero training error, or zero loss.
    diverged : ndarray of bool
        Whether scores or loss were no longer finite. Networks that are neither ran out of steps.
    steps : ndarray of int64
        Updates made.
    losses, training_errors : ndarray of float64
        On the network's own training set, of the weights kept. Examples without margin count as errors.
    flat_weights : Tensor, shape (networks, parameters)
        The weights, as `Network.split` cuts them.
    settings : dict
        How the networks were trained, ready for JSON.
    """

    network: Network
    reached: BoolArray
    diverged: BoolArray
    steps: IntArray
    losses: FloatArray
    training_errors: FloatArray
    flat_weights: Tensor = field(repr=False)
    settings: dict[str, Any]

    def __len__(self) -> int:
        """Number of networks."""
        return len(self.reached)

    @property
    def weights(self) -> Weights:
        """Weight (networks, out, in, ...) and bias (networks, out) or None of each layer."""
        return self.network.split(self.flat_weights)

    def scores(self, inputs: ArrayLike) -> FloatArray:
        """Outputs on `inputs`, shape (points, *input_shape): (networks, points, outputs)."""
        points = np.asarray(inputs)
        anything = np.full(len(points), 1 if self.network.outputs == 1 else 0)
        return self._scores(*as_points(self.network, points, anything)[:1]).double().cpu().numpy()

    def _scores(self, points: NDArray[Any]) -> Tensor:
        placed = torch.tensor(points, dtype=self.flat_weights.dtype, device=self.flat_weights.device)
        return _flat_scores(self.network, self.flat_weights, placed)

    def margins(self, inputs: ArrayLike, labels: ArrayLike) -> FloatArray:
        """By how much the right class is ahead, shape (networks, points); see `losses.margins`."""
        points, classes = as_points(self.network, inputs, labels)
        scores = self._scores(points)
        return margins(scores, torch.tensor(classes, device=scores.device)).double().cpu().numpy()

    def true_errors(self, inputs: ArrayLike, labels: ArrayLike) -> FloatArray:
        """Share of these points that each network gets wrong, shape (networks,); NaN where it diverged.

        Raises ValueError if inputs or labels do not fit the network.
        """
        wrong = ~(self.margins(inputs, labels) > 0.0)
        return np.where(self.diverged, math.nan, wrong.mean(axis=1))

    @property
    def norms(self) -> FloatArray:
        """Frobenius norms of the weights of each layer, without biases, shape (networks, layers)."""
        return np.stack([w.double().flatten(1).norm(dim=1).cpu().numpy() for w, _ in self.weights], axis=1)

    def mean_losses(
        self,
        inputs: ArrayLike,
        labels: ArrayLike,
        *,
        loss: Loss = "cross-entropy",
        divisors: ArrayLike = 1.0,
    ) -> FloatArray:
        """Mean loss of outputs divided by a number of each network, shape (networks,); NaN where it diverged.

        Divided by ``norms.prod(axis=1)`` they are those of the network whose layers have norm 1, and whose
        biases are divided by the norms of all layers up to theirs (arXiv:1807.09659): with rectified linear
        units outputs keep their signs and proportions.

        Parameters
        ----------
        inputs : array_like, shape (points, *input_shape)
        labels : array_like of int, shape (points,)
        loss : {"hinge", "cross-entropy", "exponential", "square"}
            See `example_losses`.
        divisors : array_like, shape () or (networks,)
            Positive.

        Raises
        ------
        ValueError
            If inputs, labels or divisors do not fit.
        """
        scales = np.asarray(divisors, dtype=np.float64)
        if scales.shape not in ((), self.reached.shape) or not np.all(scales > 0.0):
            raise ValueError(f"divisors must be positive, one or {len(self)}, got {divisors!r}")
        points, classes = as_points(self.network, inputs, labels)
        scores = self._scores(points).double()
        targets = torch.tensor(classes, device=scores.device)
        parts = torch.tensor(np.broadcast_to(scales, self.reached.shape).copy(), device=scores.device)
        mean = example_losses(scores / parts[:, None, None], targets, loss).mean(dim=1).cpu().numpy()
        return np.where(self.diverged, math.nan, mean)

    def normalized_losses(self, inputs: ArrayLike, labels: ArrayLike) -> FloatArray:
        """Mean cross-entropy of outputs divided by the product over layers of |W| / 3, shape (networks,).

        |W| is the Frobenius norm of a layer's weights. Networks of one function up to scale have one
        normalized loss: by it Chiang et al. (ICLR 2023) match networks found in different ways.
        """
        return self.mean_losses(inputs, labels, divisors=(self.norms / 3.0).prod(axis=1))

    def to_dict(self, true_errors: ArrayLike | None = None) -> dict[str, Any]:
        """What training gave, ready for JSON: null where a number is not finite.

        Raises ValueError if `true_errors` are given and are not one for each network.
        """

        def column(values: FloatArray) -> list[float | None]:
            return [float(v) if math.isfinite(v) else None for v in values]

        result: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "settings": dict(self.settings),
            "networks": len(self),
            "reached": int(self.reached.sum()),
            "diverged": int(self.diverged.sum()),
            "never_reached": int((~self.reached & ~self.diverged).sum()),
            "network_reached": self.reached.tolist(),
            "network_diverged": self.diverged.tolist(),
            "steps": self.steps.tolist(),
            "losses": column(self.losses),
            "training_errors": column(self.training_errors),
        }
        if true_errors is not None:
            errors = np.asarray(true_errors, dtype=np.float64)
            if errors.shape != self.reached.shape:
                raise ValueError(
                    f"true_errors must have shape {self.reached.shape}, one a network, got {errors.shape}"
                )
            result["true_errors"] = column(errors)
        return result
