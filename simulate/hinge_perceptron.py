"""`train_hinge_perceptron`: a linear classifier goes down the quadratic hinge loss, by a dynamics of choice.

Only unsatisfied examples have a gradient. An example that is satisfied by more than the weights have moved
since, times its length, cannot have become unsatisfied: it is left out, without changing any result.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from .dynamics import CLOCK, MEMORY, Dynamics, advance, dynamics_code
from .hinge_run import STATUS, HingeRun, Norm, checked_margin, checked_rows, checked_run

FloatArray = NDArray[np.float64]

_SATISFIED, _STATIONARY, _STEPS_USED = range(len(STATUS))
_LISTED = 4  # examples are listed where they are less than one in so many
_ADAM_RATE = 0.1
_DROP = 10.0  # of the step size from stage to stage
_SHORT = 0.01  # a free start: its outputs are at most about this share of the margin
_POWER_ROUNDS = 10  # nine tenths of it are enough: descent bears twice the step


@njit(cache=True, nogil=True)
def _largest_stretch(rows: FloatArray, rounds: int) -> float:
    # largest eigenvalue of rows.T @ rows by power iteration
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
    start: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> HingeRun:
    """Go down the mean of ``max(0, margin - row . w)^2 / 2``.

    Parameters
    ----------
    rows : array_like, shape (examples, dimension)
        Label times input of every example.
    margin : float
        Asked of every example; may be negative with ``norm="unit"``, where the problem is then not convex.
    dynamics : {"gd", "adam", "fire"}
    norm : {"unit", "free"}
        Weights on the unit sphere, or of any norm (a random start is then short).
    steps : int
        At most so many.
    rate : float, optional
        Step size; by default one over the largest curvature of the loss for ``"gd"`` and ``"fire"``, and
        0.1 / sqrt(dimension) for ``"adam"``. FIRE takes it for the square of its longest time step.
    stages : int
        The step size falls tenfold from one to the next of so many equal stages.
    tolerance : float
        Largest gap that counts as satisfied.
    stationarity : float
        Gradient at which to stop, relative to the largest that gaps of this size could have.
    start : array_like, shape (dimension,), optional
        Weights to start from, random ones by default; scaled to length 1 with ``norm="unit"``.
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
    checked_margin(margin, norm)
    examples, dimension = matrix.shape
    lengths = np.linalg.norm(matrix, axis=1)
    if start is None:
        weights: FloatArray = np.random.default_rng(rng).standard_normal(matrix.shape[1:])
        weights /= float(np.linalg.norm(weights))
        if norm == "free":
            weights *= _SHORT * margin / float(lengths.mean())
    else:
        weights = np.array(start, dtype=np.float64)
        if weights.shape != (dimension,) or not 0.0 < np.linalg.norm(weights) < math.inf:
            raise ValueError(f"start must be {dimension} finite weights, not all zero, got {start}")
        if norm == "unit":
            weights /= float(np.linalg.norm(weights))
    with threadpool_limits(1):  # bits must not depend on the number of threads
        stretch = _largest_stretch(matrix, _POWER_ROUNDS)
        if rate is None:
            rate = _ADAM_RATE / math.sqrt(dimension) if dynamics == "adam" else examples / stretch
        done, status, evaluations = _descend(
            matrix, lengths, weights, float(margin), norm == "unit", code, float(rate), int(steps),
            int(stages), float(tolerance), float(stationarity) * math.sqrt(stretch),
        )  # fmt: skip
    return HingeRun(weights, margin - matrix @ weights, tolerance, done, evaluations, STATUS[status])
