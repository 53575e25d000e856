"""`jam_hinge_perceptron`: a linear classifier that just fails to satisfy its examples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .hinge_perceptron import train_hinge_perceptron
from .hinge_run import HingeRun, checked_rows

_ROUNDS = 200
_FIRST, _SHARE = 0.3, 0.7  # of a mean gap, and of the way to where a straight line meets zero


@dataclass(frozen=True, slots=True)
class JammedPerceptron:
    """A minimum of the hinge loss with next to no loss.

    Attributes
    ----------
    margin : float
        Where it stands; the loss vanishes within a few mean gaps below.
    run : HingeRun
        Weights and gaps. What is positive of the gaps has the shape that it has at the threshold, up to a
        factor: ``run.gaps[run.gaps > 0]`` over their mean.
    """

    margin: float
    run: HingeRun


def _mean_gap(run: HingeRun) -> float:
    return float(run.gaps[run.gaps > 0.0].mean()) if np.any(run.gaps > 0.0) else 0.0


def jam_hinge_perceptron(
    rows: ArrayLike,
    *,
    margin: float,
    precision: float = 1e-7,
    steps: int = 100_000,
    rng: np.random.Generator | int | None = None,
) -> JammedPerceptron:
    """Lower the margin, following the minimum of the hinge loss by FIRE, until the loss all but vanishes.

    Parameters
    ----------
    rows : array_like, shape (examples, dimension)
        Label times input of every example.
    margin : float
        Where to begin; too large for all examples to be satisfied. May be negative, as the threshold may.
    precision : float
        Mean of the positive gaps at which to stop.
    steps : int
        At most so many at each margin.
    rng : numpy.random.Generator, int or None
        Draws the start.

    Returns
    -------
    JammedPerceptron

    Raises
    ------
    ValueError
        If the examples are satisfied at the first margin, the loss does not vanish in 200 margins, the steps
        are too few to come to rest at the last, or an argument is out of range.

    Notes
    -----
    Where the problem is convex (margins of at least 0) gaps of both signs have a finite density at zero; at
    negative thresholds their exponents are those of jammed spheres, 0.423 and -0.413 (see arXiv:1809.09349).
    """
    if not (math.isfinite(precision) and precision > 0.0):
        raise ValueError(f"precision must be finite and positive, got {precision}")
    matrix = checked_rows(rows)
    examples, dimension = matrix.shape
    # the unsatisfied rows alone bend the loss, and near the threshold there are no more than dimensions
    rate = examples / (4.0 * float(np.square(matrix).mean()) * dimension)

    def at(k: float, start: ArrayLike | None) -> HingeRun:
        return train_hinge_perceptron(
            matrix, margin=k, dynamics="fire", steps=steps, rate=rate, start=start, rng=rng,
            tolerance=1e-3 * precision,
        )  # fmt: skip

    run = at(margin, None)
    loses = run.status != "satisfied"
    if not loses:
        raise ValueError(f"margin must be too large for the examples, and at {margin} all are satisfied")
    gap, slope, step = _mean_gap(run), _FIRST / _SHARE, math.inf
    for _ in range(_ROUNDS):
        if not loses:
            margin += step  # it found another place, where the threshold may be higher
        elif gap > precision:
            step = min(step, _SHARE * slope * gap)
            margin -= step
        elif run.status == "stationary":
            return JammedPerceptron(margin, run)
        else:
            raise ValueError(f"steps must be enough to come to rest at the threshold, got {steps}")
        lost = loses
        run = at(margin, run.variables)
        loses, new = run.status != "satisfied", _mean_gap(run)
        if loses != lost:
            step *= 0.5
        elif loses and new < gap:
            slope, step = step / (gap - new), math.inf
        gap = new
    raise ValueError(
        f"margin must be one from which the loss vanishes, and at {margin} gaps are still {gap:.3g}"
    )
