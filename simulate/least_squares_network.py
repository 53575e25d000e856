"""`fit_least_squares_network`: networks of one hidden layer brought to their least sum of squares.

Where the number of parameters nears the number of residuals, gradient descent needs ever longer; the steps of
Levenberg and Marquardt, taken in the space of the residuals, come to zero in tens where zero can be had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg
from threadpoolctl import threadpool_limits

FloatArray = NDArray[np.float64]
Residuals = Literal["square", "hinge"]

# in units of the mean squared derivative of a residual
_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-2, 1e-10, 1e8
_EASE, _RESIST = 0.2, 4.0


@dataclass(frozen=True, slots=True)
class LeastSquaresFit:
    """Where a fit ended.

    Attributes
    ----------
    variables : ndarray, shape (N,)
        Weights into the hidden units by input, their biases, weights out of them by unit, last biases.
    loss : float
        Mean of the squared residuals, over examples and outputs.
    steps : int
    reached : bool
        Whether the loss fell below what counts as zero.
    """

    variables: FloatArray
    loss: float
    steps: int
    reached: bool


@dataclass(frozen=True, slots=True)
class _Problem:
    inputs: FloatArray  # (n, d), with a last column of ones for the biases
    targets: FloatArray  # (n, K)
    width: int
    residuals: Residuals

    def start(self, rng: np.random.Generator) -> FloatArray:
        # hidden units and outputs of order one; biases start at zero
        dimension, outputs = self.inputs.shape[1], self.targets.shape[1]
        first = rng.standard_normal((dimension, self.width)) * math.sqrt(2.0 / max(dimension - 1, 1))
        readout = rng.standard_normal((self.width + 1, outputs)) / math.sqrt(self.width)
        first[-1] = readout[-1] = 0.0
        return np.concatenate([first.ravel(), readout.ravel()])

    def at(self, variables: FloatArray) -> tuple[FloatArray, FloatArray]:
        # the residuals (n K,) and their derivatives (n K, N)
        (n, dimension), outputs, width = self.inputs.shape, self.targets.shape[1], self.width
        split = dimension * width
        readout = variables[split:].reshape(width + 1, outputs)
        entered = self.inputs @ variables[:split].reshape(dimension, width)
        hidden = np.concatenate([np.maximum(entered, 0.0), np.ones((n, 1))], axis=1)
        found = hidden @ readout
        if self.residuals == "square":
            residuals, slopes = found - self.targets, np.ones_like(found)
        else:
            gaps = 1.0 - self.targets * found
            residuals, slopes = np.maximum(gaps, 0.0), np.where(gaps > 0.0, -self.targets, 0.0)
        derivatives = np.zeros((n, outputs, variables.size))
        signals = np.where(entered > 0.0, 1.0, 0.0)[:, None, :] * readout[:-1].T
        to_first = derivatives[:, :, :split].reshape(n, outputs, dimension, width)
        np.multiply(self.inputs[:, None, :, None], signals[:, :, None, :], out=to_first)
        to_readout = derivatives[:, :, split:].reshape(n, outputs, width + 1, outputs)
        for k in range(outputs):
            to_readout[:, k, :, k] = hidden
        derivatives *= slopes[:, :, None]
        return residuals.ravel(), derivatives.reshape(n * outputs, -1)


def _descend(
    problem: _Problem, variables: FloatArray, steps: int, tolerance: float
) -> tuple[FloatArray, float, int]:
    residuals, derivatives = problem.at(variables)
    square, damping = float(residuals @ residuals), _FIRST_DAMPING
    enough = tolerance * residuals.size
    for step in range(steps):
        if square <= enough:
            return variables, square / residuals.size, step
        gram = derivatives @ derivatives.T
        diagonal = gram.diagonal().copy()
        unit = float(diagonal.mean())
        if unit == 0.0:  # all units are off
            return variables, square / residuals.size, step
        while True:
            gram.flat[:: len(gram) + 1] = diagonal + damping * unit
            tried = variables - derivatives.T @ linalg.solve(gram, residuals, assume_a="pos")
            reached = problem.at(tried)
            now = float(reached[0] @ reached[0])
            if now < square:
                break
            damping *= _RESIST
            if damping > _MOST_DAMPING:  # no way down: a minimum
                return variables, square / residuals.size, step
        variables, (residuals, derivatives), square = tried, reached, now
        damping = max(damping * _EASE, _LEAST_DAMPING)
    return variables, square / residuals.size, steps


def least_squares_network_parameters(dimension: int, width: int, outputs: int) -> int:
    """Number of parameters N of a network of one hidden layer with biases and several outputs."""
    return width * (dimension + 1) + outputs * (width + 1)


def fit_least_squares_network(
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    width: int,
    residuals: Residuals = "square",
    steps: int = 300,
    tolerance: float = 1e-8,
    rng: np.random.Generator | int | None = None,
) -> LeastSquaresFit:
    """Fit the targets by a fully connected ReLU network of one hidden layer from a random start.

    Parameters
    ----------
    inputs : array_like, shape (n, d)
    targets : array_like, shape (n, K)
        With ``"hinge"``: -1 or +1.
    width : int
        Of the hidden layer.
    residuals : {"square", "hinge"}
        f - target for each example and output, or max(0, 1 - target f): the quadratic hinge loss.
    steps : int
        At most, each with a product of the derivatives (n K, N) with themselves.
    tolerance : float
        Mean squared residual that counts as zero.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    LeastSquaresFit

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is not finite, or an argument is out of range.

    Notes
    -----
    Levenberg (1944), Marquardt (1963); with J J^T + damping instead of J^T J + damping, which is the same
    step and the smaller matrix where parameters outnumber residuals.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.random.default_rng(0).standard_normal((10, 4))
    >>> fit = fit_least_squares_network(points, np.sign(points[:, :1]), width=8, rng=0)
    >>> fit.reached, fit.variables.size
    (True, 49)
    """
    points, wanted = np.asarray(inputs, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    matrices = points.ndim == wanted.ndim == 2 and len(points) == len(wanted)
    if not matrices or 0 in (*points.shape, *wanted.shape):
        raise ValueError(
            f"inputs and targets must have shapes (n, d) and (n, K), got {points.shape}, {wanted.shape}"
        )
    if not (np.all(np.isfinite(points)) and np.all(np.isfinite(wanted))):
        raise ValueError("inputs and targets must be finite")
    if residuals not in get_args(Residuals):
        raise ValueError(f"residuals must be one of {', '.join(get_args(Residuals))}, got {residuals!r}")
    if residuals == "hinge" and not np.all(np.abs(wanted) == 1.0):
        raise ValueError("targets must be -1 or +1 for the hinge")
    if width < 1 or steps < 0 or not tolerance >= 0.0:
        raise ValueError(
            f"width, steps and tolerance must be at least 1, 0 and 0, got {width}, {steps}, {tolerance}"
        )
    problem = _Problem(np.concatenate([points, np.ones((len(points), 1))], axis=1), wanted, width, residuals)
    with threadpool_limits(1):  # small products: threads would only wait for each other
        found = _descend(problem, problem.start(np.random.default_rng(rng)), steps, tolerance)
    variables, loss, used = found
    return LeastSquaresFit(variables, loss, used, loss <= tolerance)
