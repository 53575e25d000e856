"""`guess_and_check`: networks drawn from the prior until they are right on all training examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .networks import Network
from .trained_networks import TrainedNetworks, as_points

_DRAWN_AT_ONCE = 10_000


def _as_trained(network: Network, latent: Tensor) -> TrainedNetworks:
    # networks that reached zero training error by no step at all
    weights = [part.flatten(1) for pair in network.weights(latent) for part in pair if part is not None]
    none = np.zeros(len(latent))
    return TrainedNetworks(
        network=network,
        reached=none == 0.0,
        diverged=none > 0.0,
        steps=none.astype(np.int64),
        losses=none,
        training_errors=none,
        flat_weights=torch.cat(weights, dim=1),
        settings={},
    )


def guess_and_check(
    network: Network,
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    n_examples: Sequence[int],
    draws: int,
    members: int,
    rng: np.random.Generator | int | None = None,
) -> tuple[TrainedNetworks, ...]:
    """Draw networks from the prior and keep the first that are right on the first n examples.

    Parameters
    ----------
    network : Network
        Of one output.
    inputs : array_like, shape (points, ...)
    labels : array_like of -1 and +1, shape (points,)
    n_examples : sequence of int
        Sizes of the training sets, which are prefixes of the points.
    draws : int
        Networks drawn in all.
    members : int
        Networks kept for each n, at most.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    tuple of TrainedNetworks
        One for each n, trained by no step.

    Raises
    ------
    ValueError
        If no network drawn is right on one of the training sets, or there are fewer points than examples.

    Notes
    -----
    Guess and check of Chiang et al., ICLR 2023.
    """
    generator = np.random.default_rng(rng)
    longest = max(n_examples)
    values, signs = as_points(network, inputs, labels)
    if longest > len(values):
        raise ValueError(f"n_examples must be at most the {len(values)} points, got {longest}")
    points = torch.from_numpy(values[:longest].astype(np.float32))
    targets = torch.from_numpy(signs[:longest])
    found: dict[int, list[Tensor]] = {k: [] for k in n_examples}
    for start in range(0, draws, _DRAWN_AT_ONCE):
        with torch.no_grad():
            latent = network.draw(min(_DRAWN_AT_ONCE, draws - start), generator)
            right = network.scores(latent, points)[:, :, 0] * targets > 0.0
        for k in n_examples:
            if sum(map(len, found[k])) < members:
                found[k].append(latent[right[:, :k].all(dim=1)][:members])
    kept = {k: torch.cat(found[k])[:members] for k in n_examples}
    for k, latent in kept.items():
        if len(latent) == 0:
            raise ValueError(f"none of {draws} guesses is right on {k} examples")
    return tuple(_as_trained(network, kept[k]) for k in n_examples)
