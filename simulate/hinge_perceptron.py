"""`train_hinge_perceptron`: a linear classifier goes down the quadratic hinge loss, by the dynamics asked for.

Only unsatisfied examples have a gradient. An example that is satisfied by more than the weights have moved since
(times its length) cannot have become unsatisfied: until then it is left out, without changing any result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .dynamics import CLOCK, MEMORY, Dynamics, advance, dynamics_code

FloatArray = NDArray[np.float64]
Norm = Literal["unit", "free"]

_SATISFIED, _STATIONARY, _STEPS_USED = 0, 1, 2
_STATUS = ("satisfied", "stationary", "steps used")
_LISTED = 4  # examples are listed where they are less than one in so many
_DROP = 10.0  # of the step size from stage to stage
_POWER_ROUNDS = 30


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
    """

    variables: FloatArray
    gaps: FloatArray
    tolerance: float
    steps: int
    evaluations: int
    status: str

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


@njit(cache=True, nogil=True)
def _largest_stretch(rows: FloatArray, rounds: int) -> float:
    # largest eigenvalue of rows.T @ rows by power iteration, from a start that is orthogonal to nothing likely
    x = np.cos(np.arange(rows.shape[1]) * 1.7) + 0.5
    size = 1.0
    for _ in range(rounds):
        x /= math.sqrt(np.dot(x, x))
        x = np.dot(rows.T, np.dot(rows, x))
        size = math.sqrt(np.dot(x, x))
    return size


@njit(cache=True, nogil=True)
def _descend(
    rows: FloatArray,
    lengths: FloatArray,
    weights: FloatArray,
    margin: float,
    spherical: bool,
    code: int,
    rate: float,
    steps: int,
    stages: int,
    tolerance: float,
    flat: float,
) -> tuple[int, int, int]:
    examples, dimension = rows.shape
    memory, clock = np.zeros((MEMORY, dimension)), np.zeros(CLOCK)
    compact = np.empty((examples // _LISTED, dimension))
    gradient, reference, before = np.empty(dimension), weights.copy(), weights.copy()
    listed, kept, lived = False, 0, 0
    reach = 0.1 / lengths.mean()
    evaluations = 0
    for step in range(steps + 1):
        if listed:
            moved = 0.0
            for i in range(dimension):
                moved += (weights[i] - reference[i]) ** 2
            if math.sqrt(moved) > reach:
                listed = False
                # the list is as long as it pays: as much work in using it as in making it
                reach *= 1.25 if kept * lived < examples + 3 * kept else 0.8
        table = compact[:kept]
        if not listed:
            table = rows
        outputs = np.dot(table, weights)
        evaluations += outputs.size
        if not listed:
            kept = 0
            for e in range(examples):
                kept += outputs[e] - margin < reach * lengths[e]
            if kept <= compact.shape[0]:
                j = 0
                for e in range(examples):
                    if outputs[e] - margin < reach * lengths[e]:
                        compact[j] = rows[e]
                        outputs[j] = outputs[e]
                        j += 1
                table, outputs = compact[:kept], outputs[:kept]
                listed, lived = True, 0
                reference[:] = weights
            else:
                moved = 0.0
                for i in range(dimension):
                    moved += (weights[i] - before[i]) ** 2
                reach = max(0.9 * reach, 2.0 * math.sqrt(moved))
        lived += 1
        gradient[:] = 0.0
        worst, square = 0.0, 0.0
        for e in range(outputs.size):
            gap = margin - outputs[e]
            if gap > 0.0:
                worst = max(worst, gap)
                square += gap * gap
                for i in range(dimension):
                    gradient[i] -= gap * table[e, i]
        if worst <= tolerance:
            return step, _SATISFIED, evaluations
        if spherical:
            gradient -= np.dot(gradient, weights) * weights
        if math.sqrt(np.dot(gradient, gradient)) <= flat * math.sqrt(square):
            return step, _STATIONARY, evaluations
        if step == steps:
            break
        before[:] = weights
        gradient /= examples
        stage = step * stages // steps
        advance(code, weights, gradient, memory, clock, rate / _DROP**stage)
        if spherical:
            weights /= math.sqrt(np.dot(weights, weights))
            # what is carried along stays in the tangent plane
            memory[0] -= np.dot(memory[0], weights) * weights
    return steps, _STEPS_USED, evaluations


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


def checked_rows(rows: ArrayLike) -> FloatArray:
    """`rows` as a finite contiguous array of shape (examples, dimension), none zero; ValueError otherwise."""
    matrix = np.ascontiguousarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape or not np.isfinite(matrix.sum()):
        raise ValueError(f"rows must be finite, shape (examples, dimension), got shape {matrix.shape}")
    return matrix


def train_hinge_perceptron(
    rows: ArrayLike,
    *,
    margin: float,
    dynamics: Dynamics = "gd",
    norm: Norm = "unit",
    steps: int = 100_000,
    rate: float | None = None,
    stages: int = 1,
    tolerance: float = 1e-8,
    stationarity: float = 1e-8,
    rng: np.random.Generator | int | None = None,
) -> HingeRun:
    """Go down the mean of ``max(0, margin - row . w)^2 / 2`` from random weights.

    Parameters
    ----------
    rows : array_like, shape (examples, dimension)
        Label times input of every example.
    margin : float
        Asked of every example; may be negative with ``norm="unit"``, where the problem is then not convex.
    dynamics : {"gd", "adam", "fire"}
    norm : {"unit", "free"}
        Weights on the unit sphere, or of any norm (the start is then short).
    steps : int
        At most so many.
    rate : float, optional
        Step size; by default one over the largest curvature of the loss for ``"gd"`` and ``"fire"``, and
        0.1 / sqrt(dimension) for ``"adam"``.
    stages : int
        The step size falls tenfold from one to the next of so many equal stages.
    tolerance : float
        Largest gap that counts as satisfied.
    stationarity : float
        Gradient at which to stop, relative to the largest that gaps of this size could have.
    rng : numpy.random.Generator, int or None
        Draws the start.

    Returns
    -------
    HingeRun

    Raises
    ------
    ValueError
        If an argument is out of range or unknown.

    Examples
    --------
    >>> run = train_hinge_perceptron([[2.0, 0.0], [0.0, 2.0]], margin=1.0, rng=0)
    >>> run.unsatisfied
    0
    """
    matrix = checked_rows(rows)
    code = dynamics_code(dynamics)
    checked_run(steps=steps, stages=stages, rate=rate, tolerance=tolerance, stationarity=stationarity)
    if norm not in get_args(Norm):
        raise ValueError(f"norm must be one of {', '.join(get_args(Norm))}, got {norm!r}")
    if not math.isfinite(margin) or (norm == "free" and margin <= 0.0):
        raise ValueError(f"margin must be finite, and positive where the norm is free, got {margin}")
    examples, dimension = matrix.shape
    lengths = np.linalg.norm(matrix, axis=1)
    if not lengths.min() > 0.0:
        raise ValueError("rows must not be zero")
    stretch = _largest_stretch(matrix, _POWER_ROUNDS)
    if rate is None:
        rate = 0.1 / math.sqrt(dimension) if dynamics == "adam" else examples / stretch
    weights = np.random.default_rng(rng).standard_normal(dimension)
    weights /= np.linalg.norm(weights) * (1.0 if norm == "unit" else 100.0 * lengths.mean() / abs(margin))
    done, status, evaluations = _descend(
        matrix, lengths, weights, float(margin), norm == "unit", code, float(rate), int(steps), int(stages),
        float(tolerance), float(stationarity) * math.sqrt(stretch),
    )  # fmt: skip
    return HingeRun(weights, margin - matrix @ weights, tolerance, done, evaluations, _STATUS[status])
