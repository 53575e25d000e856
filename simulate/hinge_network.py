"""`train_hinge_network`: a fully connected ReLU network goes down the quadratic hinge loss.

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
    layers: int,
    margin: float,
    gradient: FloatArray,
) -> tuple[float, float]:
    # largest gap, and sum of the squares of the positive ones; the gradient of half of it
    examples, dimension = inputs.shape
    first, inner = width * dimension, width * (width + 1)
    readout = variables[-width - 1 :]
    gradient[:] = 0.0
    to_first, to_readout = gradient[:first].reshape(width, dimension), gradient[-width - 1 :]
    worst, square = 0.0, 0.0
    # the last column of each layer is the input of the biases
    hidden, kept = np.ones((layers, _BLOCK, width + 1)), np.empty((layers, _BLOCK, width + 1))
    some, signals = np.empty((_BLOCK, dimension)), np.empty((_BLOCK, width))
    for start in range(0, examples, _BLOCK):
        block = inputs[start : start + _BLOCK]
        size = block.shape[0]
        hidden[0, :size, :width] = np.maximum(
            np.dot(block, variables[:first].reshape(width, dimension).T), 0.0
        )
        for layer in range(1, layers):
            at = first + (layer - 1) * inner
            weights = variables[at : at + inner].reshape(width, width + 1)
            hidden[layer, :size, :width] = np.maximum(np.dot(hidden[layer - 1, :size], weights.T), 0.0)
        outputs = np.dot(hidden[layers - 1, :size], readout)
        count = 0
        for e in range(size):
            gap = margin - labels[start + e] * outputs[e]
            if gap > 0.0:
                worst = max(worst, gap)
                square += gap * gap
                error = -labels[start + e] * gap
                some[count] = block[e]
                for layer in range(layers):
                    kept[layer, count] = hidden[layer, e]
                top = kept[layers - 1, count]
                for j in range(width):
                    signals[count, j] = error * readout[j] if top[j] > 0.0 else 0.0
                    to_readout[j] += error * top[j]
                to_readout[width] += error
                count += 1
        if count > 0:
            for layer in range(layers - 1, 0, -1):
                at, below = first + (layer - 1) * inner, kept[layer - 1, :count]
                to_weights = gradient[at : at + inner].reshape(width, width + 1)
                to_weights += np.dot(signals[:count].T, below)
                back = np.dot(signals[:count], variables[at : at + inner].reshape(width, width + 1))
                for e in range(count):
                    for j in range(width):
                        signals[e, j] = back[e, j] if below[e, j] > 0.0 else 0.0
            to_first += np.dot(signals[:count].T, some[:count])
    return worst, square


@njit(cache=True, nogil=True)
def _descend(
    inputs: FloatArray, labels: FloatArray, variables: FloatArray, width: int, layers: int, margin: float,
    code: int, rate: float, steps: int, stages: int, tolerance: float, flat: float,
) -> tuple[int, int]:  # fmt: skip
    memory, clock = np.zeros((MEMORY, variables.size)), np.zeros(CLOCK)
    gradient = np.empty(variables.size)
    for step in range(steps + 1):
        worst, square = _pass(inputs, labels, variables, width, layers, margin, gradient)
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


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> FloatArray:
    # rows are orthonormal, or columns where there are fewer of them
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    basis, triangle = np.linalg.qr(tall)
    basis *= np.sign(np.diag(triangle))  # makes them uniform
    return np.asarray(basis if rows >= columns else basis.T)


def _initial(dimension: int, width: int, layers: int, rng: np.random.Generator) -> FloatArray:
    # orthogonal weights, zero biases
    parts = []
    for fan_in in [dimension] + [width] * (layers - 1):
        weights = np.zeros((width, fan_in + 1))
        weights[:, :-1] = _orthogonal(width, fan_in, rng)
        parts.append(weights.ravel())
    readout = rng.standard_normal(width)
    return np.concatenate([*parts, readout / np.linalg.norm(readout), [0.0]])


def _stretch(inputs: FloatArray, variables: FloatArray, width: int, layers: int) -> float:
    # largest eigenvalue of the tangent kernel on some examples, over their number
    margin = 1.0 + float(np.abs(_outputs(inputs, variables, width, layers)).max())
    slopes = np.empty((len(inputs), variables.size))
    for slope, example in zip(slopes, inputs, strict=True):
        gap, _ = _pass(example[None], np.ones(1), variables, width, layers, margin, slope)
        slope /= gap
    return float(np.linalg.eigvalsh(slopes @ slopes.T)[-1]) / len(inputs)


def _outputs(extended: FloatArray, variables: FloatArray, width: int, layers: int) -> FloatArray:
    hidden, at = extended, 0
    for _ in range(layers):
        size = width * hidden.shape[1]
        weights = variables[at : at + size].reshape(width, -1)
        hidden, at = _extended(np.maximum(hidden @ weights.T, 0.0)), at + size
    return np.asarray(hidden @ variables[at:])


def hinge_network_parameters(dimension: int, width: int, *, hidden_layers: int = 1) -> int:
    """Number of parameters N of a network with biases: ``width (dimension + 2) + 1`` for one hidden layer.

    Each further one adds ``width (width + 1)``.
    """
    return width * (dimension + 2) + (hidden_layers - 1) * width * (width + 1) + 1


def hinge_network_outputs(variables: ArrayLike, inputs: ArrayLike, *, hidden_layers: int = 1) -> FloatArray:
    """Outputs of a trained network.

    Parameters
    ----------
    variables : array_like, shape (parameters,)
        Of `HingeRun`: weights and bias of each hidden neuron in turn, layer by layer, the weights of the
        output, its bias.
    inputs : array_like, shape (examples, dimension)
    hidden_layers : int

    Returns
    -------
    ndarray, shape (examples,)

    Raises
    ------
    ValueError
        If the number of parameters is not that of a network on such inputs.
    """
    matrix, flat = checked_rows(inputs, name="inputs"), np.asarray(variables, dtype=np.float64)
    more = hidden_layers - 1
    linear = matrix.shape[1] + 2 + more
    # the width, from N - 1 = more width^2 + linear width
    width = round(2.0 * (flat.size - 1) / (linear + math.sqrt(linear**2 + 4.0 * more * (flat.size - 1))))
    fits = flat.size == hinge_network_parameters(matrix.shape[1], width, hidden_layers=hidden_layers)
    if flat.ndim != 1 or width < 1 or not fits:
        raise ValueError(
            f"variables must be one for each parameter on inputs of {matrix.shape[1]}, got shape {flat.shape}"
        )
    return _outputs(_extended(matrix), flat, width, hidden_layers)


def train_hinge_network(
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    width: int,
    hidden_layers: int = 1,
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
        Neurons of each hidden layer; ReLU, with biases.
    hidden_layers : int
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
    Protocol of arXiv:1809.09349 and arXiv:1901.01608.

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
    for name, value in (("width", width), ("hidden_layers", hidden_layers)):
        if not value >= 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    code = dynamics_code(dynamics)
    checked_margin(margin, "free")
    checked_run(steps=steps, stages=stages, rate=rate, tolerance=tolerance, stationarity=stationarity)
    layers = int(hidden_layers)
    variables = _initial(matrix.shape[1] - 1, width, layers, np.random.default_rng(rng))
    with threadpool_limits(1):  # bits must not depend on the number of threads
        stretch = _stretch(matrix[:_PROBES], variables, width, layers)
        if rate is None:
            rate = _ADAM_RATE if dynamics == "adam" else 0.5 / stretch
        done, status = _descend(
            matrix, marks, variables, int(width), layers, float(margin), code, float(rate), int(steps),
            int(stages), float(tolerance), float(stationarity) * math.sqrt(stretch * len(matrix)),
        )  # fmt: skip
        gaps = margin - marks * _outputs(matrix, variables, width, layers)
    evaluations = (done + 1) * len(matrix)
    return HingeRun(variables, gaps, tolerance, done, evaluations, STATUS[status])
