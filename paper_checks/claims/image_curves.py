"""Measured learning curves on images: of zero-error classifiers, and what their error density foretells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import sample_error_density, sample_zero_error

from ..claim import Settings
from .image_families import image_family, image_task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def density_curve(settings: Settings, n: IntArray, rng: np.random.Generator) -> FloatArray:
    """Mean held-out error at each n that the error density Q(E) of the prior alone foretells."""
    # one training example is the least a family takes; the prior is not conditioned on it
    family = image_family(
        settings, image_task(settings, rng), training=1, heldout=settings["heldout"], rng=rng
    )
    measured = sample_error_density(
        family,
        particles=settings["particles"],
        replicas=2,
        smallest_error=settings["smallest_error"],
        log_floor=settings["log_floor"],
        rng=rng,
    )
    return np.asarray(measured.learning_curves(n).mean(axis=0))


def zero_error_curve(settings: Settings, n: IntArray, rng: np.random.Generator) -> FloatArray:
    """Mean held-out error of zero-error classifiers at each n, averaged over training sets.

    With ``distinct`` in the settings, the examples beyond that many repeat the first ones.
    """
    task = image_task(settings, rng)
    # a repeated example binds nothing new, whatever the classifiers
    sizes, place = np.unique(np.minimum(n, settings.get("distinct", n[-1])), return_inverse=True)
    curves = []
    for _ in range(settings["sets"]):
        family = image_family(settings, task, training=int(sizes[-1]), heldout=settings["tested_on"], rng=rng)
        ensemble = sample_zero_error(family, sizes, particles=settings["members"], replicas=2, rng=rng)
        for size, status in zip(sizes, ensemble.status, strict=True):
            if status != "ok":
                raise ValueError(f"the zero-error ensemble at n = {size} is {status}")
        curves.append(ensemble.mean_true_error[place])
    return np.asarray(np.mean(curves, axis=0))
