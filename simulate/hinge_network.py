"""`train_hinge_network`: a ReLU network of one hidden layer goes down the quadratic hinge loss.

Only unsatisfied examples have a gradient, and only they go back through the network.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from .dynamics import CLOCK, MEMORY, Dynamics, advance, dynamics_code
from .hinge_run import STATUS, HingeRun, checked_margin, checked_rows, checked_run

FloatArray = NDArray[np.float64]

_SATISFIED, _STATIONARY, _STEPS_USED = range(len(STATUS))
_BLOCK = 256  # examples at a time: their hidden layer stays in the cache
_DROP = 10.0  # of the step size from stage to stage
_PROBES = 512  # examples that set the step size
_ADAM_RATE = 1e-3


@njit(cache=True, nogil=True)
def _pass(
    inputs: FloatArray,
    labels: FloatArray,
    variables: FloatArray,
    width: int,
    margin: float,
    gradient: FloatArray,
) -> tuple[float, float]:
    # largest gap, and sum of the squares of the positive ones; the gradient of half of it
    examples, dimension = inputs.shape
    cut = width * dimension
    weights = variables[:cut].reshape(width, dimension)
    readout, bias = variables[cut : cut + width], variables[-1]
    gradient[:] = 0.0
    to_weights = gradient[:cut].reshape(width, dimension)
    worst, square = 0.0, 0.0
    some, signals = np.empty((_BLOCK, dimension)), np.empty((_BLOCK, width))
    for start in range(0, examples, _BLOCK):
        block = inputs[start : start + _BLOCK]
        hidden = np.maximum(np.dot(block, weights.T), 0.0)
        outputs = np.dot(hidden, readout) + bias
        count = 0
        for e in range(block.shape[0]):
            gap = margin - labels[start + e] * outputs[e]
            if gap > 0.0:
                worst = max(worst, gap)
                square += gap * gap
                error = -labels[start + e] * gap
                some[count] = block[e]
                for j in range(width):
                    signals[count, j] = error * readout[j] if hidden[e, j] > 0.0 else 0.0
                    gradient[cut + j] += error * hidden[e, j]
                gradient[-1] += error
                count += 1
        if count > 0:
            to_weights += np.dot(signals[:count].T, some[:count])
    return worst, square


@njit(cache=True, nogil=True)
def _descend(
    inputs: FloatArray, labels: FloatArray, variables: FloatArray, width: int, margin: float, code: int,
    rate: float, steps: int, stages: int, tolerance: float, flat: float,
) -> tuple[int, int]:  # fmt: skip
    memory, clock = np.zeros((MEMORY, variables.size)), np.zeros(CLOCK)
    gradient = np.empty(variables.size)
    for step in range(steps + 1):
        worst, square = _pass(inputs, labels, variables, width, margin, gradient)
        if worst <= tolerance:
            return step, _SATISFIED
        if math.sqrt(np.dot(gradient, gradient)) <= flat * math.sqrt(square):
            return step, _STATIONARY
        if step == steps:
            break
        gradient /= labels.size
        advance(code, variables, gradient, memory, clock, rate / _DROP ** (step * stages // steps))
    return steps, _STEPS_USED


def _extended(inputs: FloatArray) -> FloatArray:
    # biases are weights of an input that is 1
    return np.column_stack([inputs, np.ones(len(inputs))])


def _initial(dimension: int, width: int, rng: np.random.Generator) -> FloatArray:
    # orthogonal weights, zero biases: rows are orthonormal, or columns where there are fewer of them
    tall = rng.standard_normal((max(dimension, width), min(dimension, width)))
    columns, triangle = np.linalg.qr(tall)
    columns *= np.sign(np.diag(triangle))  # makes them uniform
    weights = np.zeros((width, dimension + 1))
    weights[:, :dimension] = columns if width >= dimension else columns.T
    readout = rng.standard_normal(width)
    return np.concatenate([weights.ravel(), readout / np.linalg.norm(readout), [0.0]])


def _stretch(inputs: FloatArray, variables: FloatArray, width: int) -> float:
    # largest eigenvalue of the tangent kernel on some examples, over their number
    cut = width * inputs.shape[1]
    weights, readout = variables[:cut].reshape(width, -1), variables[cut:-1]
    hidden = np.maximum(inputs @ weights.T, 0.0)
    gates = (hidden > 0.0) * readout
    kernel = (gates @ gates.T) * (inputs @ inputs.T) + hidden @ hidden.T + 1.0
    return float(np.linalg.eigvalsh(kernel)[-1]) / len(inputs)


def hinge_network_parameters(dimension: int, width: int) -> int:
    """Number of parameters N of a network of one hidden layer with biases: ``width (dimension + 2) + 1``."""
    return width * (dimension + 2) + 1


def hinge_network_outputs(variables: ArrayLike, inputs: ArrayLike) -> FloatArray:
    """Outputs of a trained network.

    Parameters
    ----------
    variables : array_like, shape (parameters,)
        Of `HingeRun`: weights and bias of each hidden neuron in turn, the weights of the output, its bias.
    inputs : array_like, shape (examples, dimension)

    Returns
    -------
    ndarray, shape (examples,)

    Raises
    ------
    ValueError
        If the number of parameters is not that of a network on such inputs.
    """
    matrix, flat = checked_rows(inputs, name="inputs"), np.asarray(variables, dtype=np.float64)
    width, rest = divmod(flat.size - 1, matrix.shape[1] + 2)
    if flat.ndim != 1 or rest or width < 1:
        raise ValueError(
            f"variables must be one for each parameter on inputs of {matrix.shape[1]}, got shape {flat.shape}"
        )
    cut = width * (matrix.shape[1] + 1)
    hidden = np.maximum(_extended(matrix) @ flat[:cut].reshape(width, -1).T, 0.0)
    return np.asarray(hidden @ flat[cut:-1] + flat[-1])


def train_hinge_network(
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    width: int,
    margin: float = 1.0,
    dynamics: Dynamics = "adam",
    steps: int = 100_000,
    rate: float | None = None,
    stages: int = 1,
    tolerance: float = 1e-8,
    stationarity: float = 1e-8,
    rng: np.random.Generator | int | None = None,
) -> HingeRun:
    """Go down the mean of ``max(0, margin - y f(x))^2 / 2`` by all examples at once.

    Parameters
    ----------
    inputs : array_like, shape (examples, dimension)
    labels : array_like, shape (examples,)
        -1 and +1.
    width : int
        Neurons of the hidden layer; ReLU, with biases.
    margin : float
        Positive.
    dynamics : {"adam", "gd", "fire"}
    steps : int
        At most so many; training stops where every example is satisfied.
    rate : float, optional
        Step size: by default 0.001 for ``"adam"``, for the others half of one over the largest curvature at
        the start, of the loss with every example unsatisfied. FIRE takes it for the square of its longest
        time step.
    stages : int
        The step size falls tenfold from one to the next of so many equal stages.
    tolerance : float
        Largest gap that counts as satisfied.
    stationarity : float
        Gradient at which to stop, relative to the largest that gaps of this size could have at the start.
    rng : numpy.random.Generator, int or None
        Draws the start: orthogonal weights, zero biases.

    Returns
    -------
    HingeRun

    Raises
    ------
    ValueError
        If an argument is out of range or unknown.

    Notes
    -----
    Protocol of arXiv:1809.09349 and arXiv:1901.01608, for one hidden layer.

    Examples
    --------
    >>> run = train_hinge_network([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]], [1, 1, -1], width=8, rng=0)
    >>> run.status
    'satisfied'
    """
    matrix = _extended(checked_rows(inputs, name="inputs"))
    marks = np.ascontiguousarray(labels, dtype=np.float64)
    if marks.shape != (len(matrix),) or not np.all(np.abs(marks) == 1.0):
        raise ValueError(
            f"labels must be -1 or +1, one for each of {len(matrix)} inputs, got shape {marks.shape}"
        )
    if not width >= 1:
        raise ValueError(f"width must be at least 1, got {width}")
    code = dynamics_code(dynamics)
    checked_margin(margin, "free")
    checked_run(steps=steps, stages=stages, rate=rate, tolerance=tolerance, stationarity=stationarity)
    variables = _initial(matrix.shape[1] - 1, width, np.random.default_rng(rng))
    stretch = _stretch(matrix[:_PROBES], variables, width)
    if rate is None:
        rate = _ADAM_RATE if dynamics == "adam" else 0.5 / stretch
    with threadpool_limits(1):  # bits must not depend on the number of threads
        done, status = _descend(
            matrix, marks, variables, int(width), float(margin), code, float(rate), int(steps), int(stages),
            float(tolerance), float(stationarity) * math.sqrt(stretch * len(matrix)),
        )  # fmt: skip
    gaps = margin - marks * hinge_network_outputs(variables, matrix[:, :-1])
    evaluations = (done + 1) * len(matrix)
    return HingeRun(variables, gaps, tolerance, done, evaluations, STATUS[status])
