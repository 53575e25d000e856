"""`teacher_labels`: labels that a network of the family itself gives, so that classes are separable."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .networks import Network

_TEACHERS = 64


def teacher_labels(
    network: Network,
    inputs: ArrayLike,
    *,
    least_class: float = 0.25,
    rng: np.random.Generator | int | None = None,
) -> NDArray[np.int64]:
    """Label points by the sign of a network drawn from the prior.

    Parameters
    ----------
    network : Network
        Of one output.
    inputs : array_like, shape (points, *input_shape)
    least_class : float in [0, 0.5)
        Teachers are drawn until the smaller class holds at least this share of the points.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    ndarray of int64, shape (points,)
        -1 and +1.

    Raises
    ------
    ValueError
        If none of 64 teachers divides the points so evenly.
    """
    generator = np.random.default_rng(rng)
    points = torch.from_numpy(np.array(inputs, dtype=np.float32))
    for _ in range(_TEACHERS):
        with torch.no_grad():
            scores = network.scores(network.draw(1, generator), points)[0, :, 0].numpy()
        labels = np.where(scores > 0.0, 1, -1).astype(np.int64)
        if least_class <= np.mean(labels > 0) <= 1.0 - least_class:
            return labels
    raise ValueError(f"none of {_TEACHERS} teachers gives each class {least_class:.0%} of the points")
