"""`EarlyStopping`: the outputs that each network in training had when its test error was least."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .losses import margins
from .networks import Network, Weights


def log_spaced_steps(most: int, *, per_decade: int) -> frozenset[int]:
    """0, 1 and `most`, and between them about so many steps in each factor of ten.

    Raises ValueError if `most` is negative or `per_decade` is less than 1.
    """
    if most < 0 or per_decade < 1:
        raise ValueError(f"most and per_decade must be at least 0 and 1, got {most} and {per_decade}")
    count = 2 + math.ceil(per_decade * math.log10(max(most, 1)))
    spaced = np.rint(np.geomspace(1.0, max(most, 1), count)).astype(np.int64)
    return frozenset({0, most, *(int(step) for step in spaced if step <= most)})


class EarlyStopping:
    """What to show networks in training to, see `train_networks`: keeps the best of what it has seen.

    The test points choose the step: the least error is a little too good, as it is where papers plot it.

    Parameters
    ----------
    network : Network
        Of one output.
    inputs : Tensor, shape (points, *input_shape)
    labels : Tensor of int64, shape (points,)
        -1 and +1.
    networks : int

    Attributes
    ----------
    errors : ndarray, shape (networks,)
        Least test error so far; infinity where a network has not been seen.
    steps : ndarray of int64, shape (networks,)
        Where it was first reached.
    outputs : ndarray of float32, shape (networks, points)
        The outputs there.
    """

    def __init__(self, network: Network, inputs: Tensor, labels: Tensor, networks: int) -> None:
        self._network, self._inputs, self._labels = network, inputs, labels
        self.errors: NDArray[np.float64] = np.full(networks, math.inf)
        self.steps: NDArray[np.int64] = np.zeros(networks, dtype=np.int64)
        self.outputs: NDArray[np.float32] = np.zeros((networks, len(inputs)), dtype=np.float32)

    @torch.no_grad()
    def watch(self, step: int, numbers: Tensor, weights: Weights) -> None:
        """Look at networks with these numbers and weights; what is no better than before changes nothing."""
        scores = self._network.scores_of_weights(weights, self._inputs)
        self.consider(numbers.cpu().numpy(), scores, step)

    def consider(self, numbers: NDArray[np.int64], scores: Tensor, steps: int | NDArray[np.int64]) -> None:
        """The same for their outputs (networks, points, 1) at one step, or each at a step of its own."""
        wrong = (~(margins(scores, self._labels) > 0.0)).double().mean(dim=1).cpu().numpy()
        better = wrong < self.errors[numbers]
        chosen = numbers[better]
        self.errors[chosen] = wrong[better]
        self.steps[chosen] = np.broadcast_to(steps, numbers.shape)[better]
        self.outputs[chosen] = scores[torch.from_numpy(better).to(scores.device), :, 0].float().cpu().numpy()
