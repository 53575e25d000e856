"""`descend_linear`: a linear classifier that descends the exponential loss, kept as a logarithm, in steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .hinge_run import checked_rows

FloatArray = NDArray[np.float64]
DescentMethod = Literal["gradient", "momentum", "adam"]

_MOMENTUM, _ADAM = 1, 2  # as in `DescentMethod`
_KEPT, _MEAN_KEPT, _SQUARE_KEPT = 0.9, 0.9, 0.999


@njit(cache=True, nogil=True)
def _log_loss_and_slope(
    rows: FloatArray, weights: FloatArray, shares: FloatArray, slope: FloatArray
) -> float:
    # ln of sum_n exp(-w . x_n); `slope` becomes its gradient, `shares` what each example has of the loss
    examples, dimension = rows.shape
    highest = -np.inf
    for n in range(examples):
        shares[n] = 0.0
        for i in range(dimension):
            shares[n] -= rows[n, i] * weights[i]
        highest = max(highest, shares[n])
    total = 0.0
    for n in range(examples):
        shares[n] = math.exp(shares[n] - highest)
        total += shares[n]
    slope[:] = 0.0
    for n in range(examples):
        for i in range(dimension):
            slope[i] -= shares[n] / total * rows[n, i]
    return float(highest + math.log(total))


@njit(cache=True, nogil=True)
def _descend(
    rows: FloatArray,
    weights: FloatArray,
    records: NDArray[np.int64],
    method: int,
    rate: float,
    over_loss: bool,
    floor: float,
    log_losses: FloatArray,
    log_times: FloatArray,
    recorded: FloatArray,
) -> int:
    """Fill the last three arrays record by record; how many were filled before numbers left their range."""
    slope, shares = np.zeros_like(weights), np.empty(len(rows))
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    log_rate = math.log(rate / (1.0 - _KEPT) if method == _MOMENTUM else rate)
    log_time, scale, done = -np.inf, 0.0, 0
    for step in range(records[-1] + 1):
        log_loss = _log_loss_and_slope(rows, weights, shares, slope)
        if not math.isfinite(log_loss):
            return done
        if step == records[done]:
            log_losses[done], log_times[done], recorded[done] = log_loss, log_time, weights
            done += 1
        # gradients are the slope times e^scale: averages are carried over from one scale to the next
        before, scale = scale, (0.0 if over_loss else log_loss)
        carried = math.exp(before - scale) if step > 0 else 0.0
        if method == _ADAM:
            least = floor * math.exp(-scale) if floor > 0.0 else 0.0
            mean_share, square_share = 1.0 - _MEAN_KEPT ** (step + 1), 1.0 - _SQUARE_KEPT ** (step + 1)
            for i in range(weights.size):
                mean[i] = _MEAN_KEPT * carried * mean[i] + (1.0 - _MEAN_KEPT) * slope[i]
                square[i] = _SQUARE_KEPT * carried**2 * square[i] + (1.0 - _SQUARE_KEPT) * slope[i] ** 2
                length = math.sqrt(square[i] / square_share) + least
                if length > 0.0:  # a feature that is zero throughout has none
                    weights[i] -= rate * (mean[i] / mean_share) / length
        else:
            kept = _KEPT * carried if method == _MOMENTUM else 0.0
            pace = rate * math.exp(scale)
            for i in range(weights.size):
                mean[i] = kept * mean[i] + slope[i]
                weights[i] -= pace * mean[i]
        spent = log_rate - (log_loss if over_loss else 0.0)
        high = max(log_time, spent)
        log_time = high + math.log(math.exp(log_time - high) + math.exp(spent - high))
    return done


@dataclass(frozen=True, slots=True)
class LinearDescent:
    """A linear classifier on its way down the exponential loss, at the steps asked for.

    Attributes
    ----------
    steps : ndarray of int, shape (records,)
        Steps made before.
    log_times : ndarray, shape (records,)
        Ln of the sum of the rates of these steps, minus infinity before the first; with momentum of rates
        over ``1 - 0.9``, by which averages multiply them. Of Adam, whose steps are no rate times gradient, of
        its rates too.
    log_loss : ndarray, shape (records,)
        Ln of the sum of the examples' losses.
    weights : ndarray, shape (records, dimension)
    """

    steps: NDArray[np.int64]
    log_times: FloatArray
    log_loss: FloatArray
    weights: FloatArray

    @property
    def directions(self) -> FloatArray:
        """Weights over their norm, shape (records, dimension)."""
        return np.asarray(self.weights / np.linalg.norm(self.weights, axis=1, keepdims=True))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON-ready lists; a time of zero has the logarithm null."""
        times = [float(value) if math.isfinite(value) else None for value in self.log_times]
        return {
            "steps": self.steps.tolist(),
            "log_times": times,
            "log_loss": self.log_loss.tolist(),
            "weights": self.weights.tolist(),
        }


def _checked_steps(steps: ArrayLike) -> NDArray[np.int64]:
    asked = np.atleast_1d(np.asarray(steps, dtype=np.float64))
    whole = asked.ndim == 1 and asked.size > 0 and bool(np.all(asked == np.floor(asked)))
    if not whole or asked[0] < 0 or not np.all(np.diff(asked) > 0) or not asked[-1] < 2**53:
        raise ValueError(f"steps must be increasing whole numbers of at least 0, got {asked}")
    return asked.astype(np.int64)


def descend_linear(
    inputs: ArrayLike,
    labels: ArrayLike,
    start: ArrayLike,
    steps: ArrayLike,
    *,
    method: DescentMethod = "gradient",
    rate: float = 0.1,
    over_loss: bool = False,
    floor: float = 1e-8,
) -> LinearDescent:
    """Descend ``sum_n exp(-y_n w . x_n)`` step by step, with all examples in each step.

    Parameters
    ----------
    inputs : array_like, shape (examples, dimension)
    labels : array_like, shape (examples,)
        -1 and +1. They need not be separable.
    start : array_like, shape (dimension,)
        Weights before the first step.
    steps : array_like of int, shape (records,)
        Numbers of steps after which weights are recorded; increasing.
    method : {"gradient", "momentum", "adam"}
        Gradient descent; with (heavy-ball) momentum of 0.9; or Adam with averages over 0.9 and 0.999.
    rate : float
        Positive. Of gradient descent it must be below two over the largest curvature of the loss.
    over_loss : bool
        Divide the gradient by the loss: the rate grows as the loss falls (arXiv:1906.05890), and ln t by as
        much with each step.
    floor : float
        Of Adam, epsilon: what is added to root mean squares of gradients. 0 or more.

    Returns
    -------
    LinearDescent

    Raises
    ------
    ValueError
        If an argument is out of range, or weights grow out of the range of numbers, as they do with a rate
        that is too high.

    Notes
    -----
    Losses and scales of gradients are kept as logarithms, and fall below e^-1000 without underflow. Adam:
    arXiv:1412.6980; with a floor of 0 its steps depend on ratios of gradients alone.

    Examples
    --------
    >>> run = descend_linear([[1.0, 0.0]], [1], [0.0, 0.0], [1, 1000], rate=0.1, over_loss=True)
    >>> run.weights[:, 0].round(9).tolist(), float(run.log_loss[-1].round(9))
    ([0.1, 100.0], -100.0)
    """
    matrix, marks = checked_rows(inputs, name="inputs"), np.asarray(labels, dtype=np.float64)
    if marks.shape != (len(matrix),) or not np.all(np.abs(marks) == 1.0):
        raise ValueError(
            f"labels must be -1 or +1, one for each of {len(matrix)} inputs, got shape {marks.shape}"
        )
    weights = np.array(start, dtype=np.float64)
    if weights.shape != matrix.shape[1:] or not np.all(np.isfinite(weights)):
        raise ValueError(f"start must be {matrix.shape[1]} finite weights, got {weights}")
    if method not in get_args(DescentMethod):
        raise ValueError(f"method must be one of {', '.join(get_args(DescentMethod))}, got {method!r}")
    if not (math.isfinite(rate) and rate > 0.0):
        raise ValueError(f"rate must be finite and positive, got {rate}")
    if not (math.isfinite(floor) and floor >= 0.0):
        raise ValueError(f"floor must be finite and at least 0, got {floor}")
    asked = _checked_steps(steps)
    log_losses, log_times = np.empty((2, len(asked)))
    recorded = np.empty((len(asked), matrix.shape[1]))
    done = _descend(
        matrix * marks[:, None], weights, asked, get_args(DescentMethod).index(method), float(rate),
        bool(over_loss), float(floor), log_losses, log_times, recorded,
    )  # fmt: skip
    if done < len(asked):
        raise ValueError(f"rate must be lower: with {rate}, weights grow beyond all numbers")
    return LinearDescent(steps=asked, log_times=log_times, log_loss=log_losses, weights=recorded)
