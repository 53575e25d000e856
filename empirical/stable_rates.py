"""`largest_stable_rates`: the learning rates at which gradient descent on networks begins to diverge."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .networks import Network

FloatArray = NDArray[np.float64]
Stability = Literal["falls", "ends lower"]

# a rise of the loss by less than this share is rounding
_ROUNDING = 1e-5


def _descended(
    network: Network, latent: Tensor, points: Tensor, labels: Tensor, rates: Tensor, steps: int
) -> Tensor:
    # mean square loss after each step, (steps + 1, networks)
    losses = []
    for step in range(steps + 1):
        at = latent.detach().requires_grad_()
        scores = network.scores(at, points)[..., 0]
        loss = 0.5 * (scores - labels).square().mean(dim=1)
        losses.append(loss.detach())
        if step < steps:
            (gradient,) = torch.autograd.grad(loss.sum(), at)
            latent = at.detach() - rates[:, None] * gradient
    return torch.stack(losses)


def largest_stable_rates(
    network: Network,
    latent: Tensor,
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    between: ArrayLike,
    steps: int = 50,
    stability: Stability = "falls",
    bisections: int = 8,
) -> FloatArray:
    """Largest learning rates at which full-batch descent on the mean square loss does not diverge.

    Descent is made in the parametrization of unit variances, at rates found by bisection, all networks at
    once.

    Parameters
    ----------
    network : Network
        Of one output, under the prior ``"normal"``.
    latent : Tensor, shape (networks, parameters)
        Where descent starts, as `Network.draw` gives it, on the device and in the precision to compute in.
    inputs : array_like, shape (points, *input_shape)
    labels : array_like, shape (points,)
    between : array_like, shape (2,) or (2, networks)
        Rates to search between, geometrically: a stable and an unstable one.
    steps : int
        Of descent.
    stability : {"falls", "ends lower"}
        What counts as stable: a loss that falls at every step, as it does on a quadratic loss below the
        largest stable rate and on none above it, or a loss that ends no higher than it began. A network may
        be thrown far out by too large a rate, and yet settle where its kernel is smaller.
    bisections : int
        Each halves the range, in logarithms.

    Returns
    -------
    ndarray, shape (networks,)
        Middles of the last ranges.

    Raises
    ------
    ValueError
        If the network has several outputs, or a word or a number is out of range.
    """
    if network.outputs != 1:
        raise ValueError(f"network must have one output, got {network.outputs}")
    if stability not in get_args(Stability):
        raise ValueError(f"stability must be one of {', '.join(get_args(Stability))}, got {stability!r}")
    if steps < 1 or bisections < 1:
        raise ValueError(f"steps and bisections must be at least 1, got {steps} and {bisections}")
    points = torch.tensor(np.asarray(inputs), dtype=latent.dtype, device=latent.device)
    targets = torch.tensor(np.asarray(labels), dtype=latent.dtype, device=latent.device)
    ends = np.asarray(between, dtype=np.float64)
    if ends.shape[:1] != (2,) or not np.all((ends[0] > 0.0) & (ends[0] < ends[1])):
        raise ValueError(f"between must hold a smaller and a larger positive rate, got {ends.tolist()}")
    low, high = np.broadcast_to(np.log(ends.reshape(2, -1)), (2, len(latent))).copy()
    for _ in range(bisections):
        middle = 0.5 * (low + high)
        rates = torch.tensor(np.exp(middle), dtype=latent.dtype, device=latent.device)
        losses = _descended(network, latent, points, targets, rates, steps).double().cpu().numpy()
        # what is not finite is not stable
        if stability == "falls":
            stable = np.all(losses[1:] <= (1.0 + _ROUNDING) * losses[:-1], axis=0)
        else:
            stable = losses[-1] <= losses[0]
        low, high = np.where(stable, middle, low), np.where(stable, high, middle)
    found: FloatArray = np.exp(0.5 * (low + high))
    return found
