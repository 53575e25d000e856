"""Random inputs with random labels: data without any rule, on which only capacity counts."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
InputLaw = Literal["sphere", "gaussian"]


def sphere_points(points: int, dimension: int, rng: np.random.Generator) -> FloatArray:
    """Points uniform on the sphere of radius sqrt(dimension), shape (points, dimension)."""
    drawn = rng.standard_normal((points, dimension))
    made: FloatArray = drawn * (np.sqrt(dimension) / np.linalg.norm(drawn, axis=1, keepdims=True))
    return made


def random_examples(
    examples: int,
    dimension: int,
    *,
    law: InputLaw = "sphere",
    rng: np.random.Generator | int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Inputs of mean square 1 a coordinate, and labels -1 and +1 with equal chances.

    Parameters
    ----------
    examples, dimension : int
        Positive.
    law : {"sphere", "gaussian"}
        Uniform on the sphere of squared radius `dimension`, or independent standard normal coordinates.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    inputs : ndarray, shape (examples, dimension)
    labels : ndarray, shape (examples,)

    Raises
    ------
    ValueError
        If a size is not positive or the law unknown.

    Examples
    --------
    >>> inputs, labels = random_examples(4, 25, rng=0)
    >>> (inputs**2).sum(axis=1).round(9)
    array([25., 25., 25., 25.])
    """
    for name, value in (("examples", examples), ("dimension", dimension)):
        if not value >= 1:
            raise ValueError(f"{name} must be positive, got {value}")
    if law not in get_args(InputLaw):
        raise ValueError(f"law must be one of {', '.join(get_args(InputLaw))}, got {law!r}")
    stream = np.random.default_rng(rng)
    if law == "sphere":
        inputs = sphere_points(examples, dimension, stream)
    else:
        inputs = stream.standard_normal((examples, dimension))
    return inputs, stream.choice([-1.0, 1.0], size=examples)
