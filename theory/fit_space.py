"""Where curves are fitted: logarithms, basis functions without a shape, and worlds of positive curves."""

from __future__ import annotations

import numpy as np

from .worlds import (
    FloatArray,
    Noise,
    Seed,
    World,
    WorldKind,
    mean_one_factor,
    replicate_noise,
    world_from_rows,
)

LINEAR = np.array([np.nan])
"""The grid of shapes of a law that has none."""


def logarithm(values: FloatArray, form: str) -> FloatArray:
    """Natural logarithm; ValueError that names the `form` if a value is not positive."""
    if np.any(values <= 0):
        raise ValueError(f"values of a {form} must be positive, got {float(np.min(values))}")
    return np.asarray(np.log(values))


def same_for_all_shapes(shape: FloatArray, *columns: FloatArray) -> FloatArray:
    """Basis columns that do not depend on the shape, shape (*shape.shape, len(x), columns)."""
    basis = np.stack(np.broadcast_arrays(*columns), axis=-1)
    return np.broadcast_to(basis, (*np.shape(shape), *basis.shape))


def world_score(kind: WorldKind, score: float | None, predicted: float, otherwise: float) -> float:
    """True score of a world: `score` if given, else `otherwise` in a wrong world, else `predicted`."""
    if kind not in ("true", "wrong", "rival"):
        raise ValueError(f"kind must be 'true', 'wrong' or 'rival', got {kind!r}")
    if score is not None:
        return score
    return otherwise if kind == "wrong" else predicted


def relation_score(kind: WorldKind, score: float | None, predicted: float, otherwise: float) -> float:
    """The same for a relation, whose only rival is not to hold."""
    return world_score("wrong" if kind == "rival" else kind, score, predicted, otherwise)


def positive_world(
    x: FloatArray, log_curve: FloatArray, replicates: int, noise: Noise | float, rng: Seed, *, log_y: bool
) -> World:
    """A curve exp(`log_curve`) with log-normal noise around it; its logarithm if `log_y`."""
    if log_y:
        return world_from_rows(x, log_curve + replicate_noise(x, replicates, noise, rng))
    return world_from_rows(x, np.exp(log_curve) * mean_one_factor(x, replicates, noise, rng))
