"""`HingeRun`: where a classifier going down the quadratic hinge loss has come to, and what a run may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Norm = Literal["unit", "free"]
Status = Literal["satisfied", "stationary", "steps used"]
STATUS: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class HingeRun:
    """Where a hinge classifier came to rest, or ran out of steps.

    Attributes
    ----------
    variables : ndarray, shape (parameters,)
        Weights of a perceptron; of a network all its parameters.
    gaps : ndarray, shape (examples,)
        Margin asked for less margin reached; positive: unsatisfied.
    tolerance : float
        Largest gap that counts as satisfied.
    steps : int
        Steps made.
    evaluations : int
        Outputs computed on the way; without lists it would be steps times examples.
    status : {"satisfied", "stationary", "steps used"}
        All examples are satisfied; the gradient vanishes; neither yet.
    """

    variables: FloatArray
    gaps: FloatArray
    tolerance: float
    steps: int
    evaluations: int
    status: Status

    @property
    def unsatisfied(self) -> int:
        """Number of unsatisfied examples, ``N_Delta``."""
        return int(np.count_nonzero(self.gaps > self.tolerance))

    @property
    def unsatisfied_per_parameter(self) -> float:
        """``N_Delta / N``."""
        return self.unsatisfied / self.variables.size

    @property
    def loss(self) -> float:
        """Mean over examples of half the squared gap, zero where an example is satisfied."""
        return 0.5 * float(np.square(np.maximum(self.gaps, 0.0)).mean())

    def to_dict(self) -> dict[str, Any]:
        """What the run came to, without its weights and gaps; ready for JSON."""
        return {
            "parameters": self.variables.size,
            "examples": self.gaps.size,
            "loss": self.loss,
            "unsatisfied": self.unsatisfied,
            "unsatisfied_per_parameter": self.unsatisfied_per_parameter,
            "norm": float(np.linalg.norm(self.variables)),
            "steps": self.steps,
            "evaluations": self.evaluations,
            "status": self.status,
        }


def checked_run(
    *, steps: int, stages: int, rate: float | None, tolerance: float, stationarity: float
) -> None:
    """Raise ValueError unless these settings of a run are allowed, naming the one that is not."""
    if not steps >= 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if not 1 <= stages <= steps:
        raise ValueError(f"stages must be between 1 and the number of steps, got {stages}")
    if rate is not None and not (math.isfinite(rate) and rate > 0.0):
        raise ValueError(f"rate must be finite and positive, got {rate}")
    for name, value in (("tolerance", tolerance), ("stationarity", stationarity)):
        if not (math.isfinite(value) and value >= 0.0):
            raise ValueError(f"{name} must be finite and at least 0, got {value}")


def checked_rows(rows: ArrayLike, *, name: str = "rows") -> FloatArray:
    """`rows` as a finite contiguous array of shape (examples, dimension), none zero; ValueError otherwise."""
    matrix = np.ascontiguousarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(f"{name} must have shape (examples, dimension), none zero, got {matrix.shape}")
    shortest = np.einsum("ij,ij->i", matrix, matrix).min()
    if not 0.0 < shortest < math.inf:
        raise ValueError(f"{name} must be finite and not zero, got one of squared length {shortest}")
    return matrix


def checked_margin(margin: float, norm: Norm) -> None:
    """Raise ValueError unless the margin is finite and has a meaning with this norm."""
    if norm not in get_args(Norm):
        raise ValueError(f"norm must be one of {', '.join(get_args(Norm))}, got {norm!r}")
    if not math.isfinite(margin) or (norm == "free" and margin <= 0.0):
        raise ValueError(f"margin must be finite, and positive where the norm is free, got {margin}")
