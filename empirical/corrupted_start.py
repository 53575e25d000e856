"""`train_from_corrupted`: networks that fit the same examples, and generalize by where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from .networks import Network
from .trained_networks import TrainedNetworks, as_points
from .training import train_networks


def _checked(shares: Sequence[float], scales: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    share, scale = np.asarray(shares, dtype=np.float64), np.asarray(scales, dtype=np.float64)
    if share.ndim != 1 or share.size == 0 or not np.all((share >= 0.0) & (share <= 1.0)):
        raise ValueError(f"shares must lie in [0, 1], one for each network, got {shares}")
    if scale.shape != share.shape or not np.all(np.isfinite(scale) & (scale > 0.0)):
        raise ValueError(f"scales must be positive, one for each of {share.size} networks, got {scales}")
    return share, scale


def train_from_corrupted(
    network: Network,
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    shares: Sequence[float],
    scales: Sequence[float],
    pretraining_steps: int = 10_000,
    tolerance: float | None = None,
    rng: np.random.Generator | int | None = None,
    device: str = "auto",
    **training: Any,
) -> TrainedNetworks:
    """Train networks on partly random labels until they fit these, then on the right ones to a common loss.

    Parameters
    ----------
    network : Network
        Architecture, and the prior that the starts are drawn from.
    inputs : array_like, shape (points, *input_shape)
    labels : array_like of int, shape (points,)
    shares : sequence of float
        For each network, the probability that a label of its first training is drawn anew, all classes being
        equally likely. Corruptions are nested: what is drawn for a smaller share stays for a larger one.
    scales : sequence of float
        For each network, what its start is multiplied with.
    pretraining_steps : int
        Updates after which the first training ends, whether or not its labels are fitted.
    tolerance : float, optional
        Loss at which the second training ends; below ln 2 over the examples no example is wrong with
        the cross-entropy. None: see `train_networks`.
    rng : Generator, int or None
    device : str
    **training
        Of both trainings: `optimizer`, `learning_rate`, `momentum`, `batch_size`, `max_steps`, `dtype` of
        `train_networks`. The loss is the cross-entropy.

    Returns
    -------
    TrainedNetworks
        After the second training; whether the first fitted its labels stands in `settings` as ``"fitted"``.

    Raises
    ------
    ValueError
        If shares or scales are out of range, or as `train_networks` has it.

    Notes
    -----
    Networks of one architecture, without training error and of different generalization: arXiv:1807.09659.
    """
    share, scale = _checked(shares, scales)
    points, right = as_points(network, inputs, labels)
    generator = np.random.default_rng(rng)
    classes = np.array([-1, 1]) if network.outputs == 1 else np.arange(network.outputs)
    anew = generator.choice(classes, len(points))
    corrupted = generator.random(len(points)) < share[:, None]
    shared: dict[str, Any] = {
        "networks": share.size,
        "loss": "cross-entropy",
        "rng": generator,
        "device": device,
        **training,
    }
    drawn = train_networks(network, points, right, **{**shared, "max_steps": 0})
    factors = torch.tensor(scale, dtype=drawn.flat_weights.dtype, device=drawn.flat_weights.device)
    first = train_networks(
        network,
        np.concatenate([points, points]),
        np.concatenate([right, anew]),
        # the second copy of a point has its label drawn anew
        examples=np.arange(len(points)) + len(points) * corrupted,
        start=replace(drawn, flat_weights=drawn.flat_weights * factors[:, None]),
        stop="error",
        **{**shared, "max_steps": pretraining_steps},
    )
    second = train_networks(network, points, right, start=first, stop="loss", tolerance=tolerance, **shared)
    settings = {"shares": share.tolist(), "scales": scale.tolist(), "fitted": first.reached.tolist()}
    return replace(second, settings=second.settings | settings)
