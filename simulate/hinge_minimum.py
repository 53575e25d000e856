"""`least_hinge_loss`: the linear classifier of least quadratic hinge loss, exactly, where that is convex.

Newton's method on the loss with a ridge, which needs a few rounds because the loss is quadratic between
changes of the unsatisfied set (Mangasarian 2002). As the ridge falls, that set settles, and the answer
without a ridge follows from it by linear algebra.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize
from threadpoolctl import threadpool_limits

from .hinge_run import HingeRun, Norm, Status, checked_margin, checked_rows

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ROUNDS = 200
_RIDGES = 10.0 ** -np.arange(1.0, 14.0)  # in units of the mean squared length of the rows
_ROUNDING = 1e-9


def _share_of_step(gaps: FloatArray, along: FloatArray, tilt: float, bend: float) -> float:
    # where the loss is least on the way to the target, whose ridge has slope tilt + t bend

    def slope(t: float) -> float:
        return tilt + t * bend - float(np.maximum(gaps - t * along, 0.0) @ along)

    if slope(1.0) <= 0.0:
        return 1.0
    return float(optimize.brentq(slope, 0.0, 1.0, xtol=1e-12)) if slope(0.0) < 0.0 else 0.0


def _ridge_minimum(
    rows: FloatArray, ridge: float, start: FloatArray, margin: float
) -> tuple[FloatArray, BoolArray, int]:
    # the weights of least ridge |w|^2 / 2 + sum of squared gaps / 2, the unsatisfied rows, rounds of Newton
    weights, outputs = start, rows @ start
    active = outputs < margin
    for done in range(1, _ROUNDS + 1):
        some = rows[active]
        if len(some) < rows.shape[1]:
            gram = some @ some.T
            gram.flat[:: len(some) + 1] += ridge
            target = some.T @ linalg.solve(gram, np.full(len(some), margin), assume_a="pos")
        else:
            gram = some.T @ some
            gram.flat[:: gram.shape[0] + 1] += ridge
            target = linalg.solve(gram, margin * some.sum(axis=0), assume_a="pos")
        step = target - weights
        along = rows @ step
        reached = outputs + along < margin
        if np.array_equal(reached, active):
            return target, active, done
        tilt, bend = ridge * float(weights @ step), ridge * float(step @ step)
        share = _share_of_step(margin - outputs, along, tilt, bend)
        if share == 0.0:  # no way down but rounding: a row stands at the margin
            return target, active, done
        weights = weights + share * step
        outputs = outputs + share * along
        active = outputs < margin
    return weights, active, _ROUNDS


def _shortest(rows: FloatArray, active: BoolArray, margin: float) -> FloatArray | None:
    # the shortest weights that are right on every row, if exactly the active rows hold them up
    some = rows[active]
    if not 0 < len(some) <= rows.shape[1]:
        return None
    # by the rows themselves: their products would square the condition number
    weights = np.asarray(linalg.lstsq(some, np.full(len(some), margin))[0])
    pulls = linalg.lstsq(some.T, weights)[0]
    optimal = pulls.min() >= 0.0 and float((rows @ weights).min()) >= margin * (1.0 - _ROUNDING)
    return weights if optimal else None


def _crowded(rows: FloatArray, active: BoolArray, margin: float) -> FloatArray | None:
    # the least squares of the active rows, if exactly these are then unsatisfied; their gaps are then a
    # non-negative combination of rows that vanishes, which no classifier is right on (Gordan)
    some = rows[active]
    if len(some) <= rows.shape[1]:
        return None
    weights = np.asarray(linalg.lstsq(some, np.full(len(some), margin))[0])
    return weights if np.array_equal(rows @ weights < margin, active) else None


def _on_unit_sphere(rows: FloatArray, margin: float, free: FloatArray, unit: float) -> tuple[FloatArray, int]:
    # a ridge that shortens the weights of least loss to length 1
    state = free
    rounds = 0

    def excess(log_ridge: float) -> float:
        nonlocal state, rounds
        state, _, more = _ridge_minimum(rows, math.exp(log_ridge), state, margin)
        rounds += more
        return math.log(float(np.linalg.norm(state)))

    # |w| is at most margin times the sum of the rows' lengths over the ridge
    high = math.log(unit) + math.log(len(rows)) + math.log1p(margin) + math.log(len(rows) + 1.0)
    optimize.brentq(excess, math.log(unit * 1e-13), high, xtol=1e-13)
    return state / np.linalg.norm(state), rounds


def _solve(rows: FloatArray, margin: float, norm: Norm) -> tuple[FloatArray, bool, int]:
    # weights, whether no loss is left, rounds of Newton
    examples, dimension = rows.shape
    unit = float(np.einsum("ij,ij->", rows, rows)) / examples
    weights, rounds = np.zeros(dimension), 0
    for ridge in unit * _RIDGES:
        weights, active, more = _ridge_minimum(rows, ridge, weights, margin)
        rounds += more
        shortest = _shortest(rows, active, margin)
        exact = _crowded(rows, active, margin) if shortest is None else shortest
        if exact is not None:
            break
    else:
        raise ValueError("rows must be in general position, and these leave no exact answer")
    length = float(np.linalg.norm(exact))
    if norm == "free":
        return exact, shortest is not None, rounds
    if shortest is not None and length <= 1.0:
        return exact / length, True, rounds
    if length < 1.0:
        raise ValueError(
            f"margin must be small enough for unit weights, got {margin}: shorter ones lose less"
        )
    weights, more = _on_unit_sphere(rows, margin, exact, unit)
    return weights, False, rounds + more


def least_hinge_loss(rows: ArrayLike, *, margin: float = 1.0, norm: Norm = "free") -> HingeRun:
    """The linear classifier with the least mean of ``max(0, margin - row . w)^2 / 2``.

    Parameters
    ----------
    rows : array_like, shape (examples, dimension)
        Label times input of every example, in general position.
    margin : float
        Positive.
    norm : {"free", "unit"}
        Weights of any norm, or on the unit sphere.

    Returns
    -------
    HingeRun
        ``status`` is ``"satisfied"`` where no loss is left, then with the shortest such weights
        (``"free"``), or those of the largest margin (``"unit"``); otherwise ``"stationary"``. ``steps`` are
        rounds of Newton's method.

    Raises
    ------
    ValueError
        If an argument is out of range, no exact answer is found (rows not in general position), or the
        problem on the sphere is not convex: shorter weights would have less loss.

    Notes
    -----
    Finite Newton method: Mangasarian, Optimization Methods and Software 17, 913 (2002).

    Examples
    --------
    >>> least_hinge_loss([[2.0, 0.0], [0.0, 0.5]]).variables.round(6)
    array([0.5, 2. ])
    """
    matrix = checked_rows(rows)
    checked_margin(margin, norm)
    if not margin > 0.0:
        raise ValueError(f"margin must be positive, got {margin}")
    with threadpool_limits(1):  # small products: threads would only wait for each other
        weights, satisfied, rounds = _solve(matrix, margin, norm)
    gaps = margin - matrix @ weights
    status: Status = "satisfied" if satisfied else "stationary"
    return HingeRun(weights, gaps, _ROUNDING * margin, rounds, rounds * len(matrix), status)
