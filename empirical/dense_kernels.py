"""Compiled kernels of `dense_flow`: what a fully connected network says of its training examples as it turns.

Weights turn as q cos t + p sin t. So do the first layer's sums over the inputs of an example, and a bounce
adds a multiple of its example's column of the inputs' Gram matrix to them: inside a trajectory the inputs are
never touched. All weights here are standard normal; layers multiply them by their scale.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]

ACTIVATIONS = ("relu", "erf", "tanh", "gelu")
RELU, ERF, TANH, GELU = 0, 1, 2, 3

_ROOT_HALF, _ERF_SLOPE = math.sqrt(0.5), 2.0 / math.sqrt(math.pi)
_NORMAL_PEAK = 1.0 / math.sqrt(2.0 * math.pi)
_FAST = {"nnan", "ninf", "nsz", "arcp", "contract", "reassoc"}

# Odd rational minimax fits y P(y^2) / Q(y^2), absolute error 2e-8, on the range beyond which the function is
# constant: the range, P and Q. They only find out which walls were crossed in a step;
# where, is found with the functions themselves.
_ERF_FIT = (
    3.95,
    *(1.12837901, 0.194036436, 0.053207161, 0.00391735142, 0.000287601663, 2.01173955e-06),
    *(1.0, 0.505291802, 0.115591064, 0.0152707677, 0.0011982096, 3.78397354e-05),
)
_TANH_FIT = (
    9.2,
    *(1.0, 0.140897858, 0.0044134134, 4.19526694e-05, 1.09356174e-07, 3.56308797e-11),
    *(1.0, 0.47423119, 0.0291571451, 0.000498428506, 2.57418806e-06, 2.88432665e-09),
)
# act(x) = (a + b x) (c + fit(d x)) for these a, b, c, d
_FORMS = {ERF: (1.0, 0.0, 0.0, 1.0), TANH: (1.0, 0.0, 0.0, 1.0), GELU: (0.0, 0.5, 1.0, _ROOT_HALF)}


class Walls(NamedTuple):
    """What all networks of one flow share: the training examples and the shape of a network.

    `widths` are (inputs, hidden units of each layer, outputs); `starts` the places of the later layers'
    weights among the rest, `scales` what each layer multiplies weights and biases with (a negative one for
    biases: none); `labels` signs, or classes; `slack` that of the last example; `step` is the
    largest angle between two looks at all of them, `tolerance` that to which the place of a wall is found.
    """

    gram: FloatArray
    labels: IntArray
    widths: IntArray
    starts: IntArray
    scales: NDArray[np.float64]
    activation: int
    fit: FloatArray
    slack: float
    step: float
    tolerance: float


class State(NamedTuple):
    """One network in the turning frame.

    `chosen` names the examples that are looked at and `earlier` holds their margins at the start of the way
    that is looked at (0 on the wall); then come their sums in the first layer, (examples, units), and the
    later layers' weights.
    """

    chosen: IntArray
    earlier: FloatArray
    inphase: FloatArray
    quadrature: FloatArray
    rest: FloatArray
    rest_quadrature: FloatArray


class Scratch(NamedTuple):
    """Working memory: for all examples (rows), and for one example (units of all layers, outputs last)."""

    margins: FloatArray
    rows: FloatArray
    more_rows: FloatArray
    weight: FloatArray
    value: FloatArray
    tangent: FloatArray
    speed: FloatArray
    pull: FloatArray


def activation_fit(activation: int, dtype: Any) -> FloatArray:
    """The numbers with which the kernels evaluate an activation at once for many units."""
    fit = _TANH_FIT if activation == TANH else _ERF_FIT
    return np.array((*_FORMS.get(activation, (0.0, 0.0, 0.0, 0.0)), *fit), dtype=dtype)


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _smooth(x: Any, fit: FloatArray) -> Any:
    y = min(max(fit[3] * x, -fit[4]), fit[4])
    u = y * y
    above = ((((fit[10] * u + fit[9]) * u + fit[8]) * u + fit[7]) * u + fit[6]) * u + fit[5]
    below = ((((fit[16] * u + fit[15]) * u + fit[14]) * u + fit[13]) * u + fit[12]) * u + fit[11]
    return (fit[0] + fit[1] * x) * (fit[2] + y * above / below)


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _activate_one(activation: int, value: FloatArray, tangent: FloatArray) -> None:
    # sums of the units of one example, made their values and slopes
    zero, one = value.dtype.type(0.0), value.dtype.type(1.0)
    if activation == RELU:
        for j in range(value.size):
            x = value[j]
            value[j] = max(x, zero)
            tangent[j] = one if x > zero else zero
    elif activation == TANH:
        for j in range(value.size):
            y = math.tanh(value[j])
            value[j], tangent[j] = y, 1.0 - y * y
    elif activation == ERF:
        for j in range(value.size):
            x = value[j]
            value[j], tangent[j] = math.erf(x), _ERF_SLOPE * math.exp(-x * x)
    else:
        for j in range(value.size):
            x = value[j]
            below = 0.5 + 0.5 * math.erf(_ROOT_HALF * x)
            value[j], tangent[j] = x * below, below + _NORMAL_PEAK * x * math.exp(-0.5 * x * x)


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _turn(inphase: FloatArray, quadrature: FloatArray, cosine: Any, sine: Any, out: FloatArray) -> None:
    for j in range(out.size):
        out[j] = inphase[j] * cosine + quadrature[j] * sine


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _activate(rows: FloatArray, walls: Walls) -> None:
    zero = rows.dtype.type(0.0)
    if walls.activation == RELU:
        for j in range(rows.size):
            rows[j] = max(rows[j], zero)
    else:
        for j in range(rows.size):
            rows[j] = _smooth(rows[j], walls.fit)


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _shallow_scores(
    state: State, walls: Walls, cosine: Any, sine: Any, weight: FloatArray, out: FloatArray
) -> None:
    # one hidden layer, one output, in one pass over the units of all examples
    examples, units = state.inphase.shape
    zero = out.dtype.type(0.0)
    if walls.activation == RELU:
        for k in range(examples):
            total = zero
            for j in range(units):
                x = state.inphase[k, j] * cosine + state.quadrature[k, j] * sine
                total += weight[j] * max(x, zero)
            out[k] = total
    else:
        for k in range(examples):
            total = zero
            for j in range(units):
                x = state.inphase[k, j] * cosine + state.quadrature[k, j] * sine
                total += weight[j] * _smooth(x, walls.fit)
            out[k] = total


@njit(cache=True, error_model="numpy")
def _rows(flat: FloatArray, rows: int, columns: int) -> FloatArray:
    return flat[: rows * columns].reshape(rows, columns)


@njit(cache=True, error_model="numpy")
def layer_weights(rest: FloatArray, walls: Walls, layer: int) -> FloatArray:
    """View of a later layer's weights, (units, inputs)."""
    inputs, units = walls.widths[layer], walls.widths[layer + 1]
    start = walls.starts[layer]
    return rest[start : start + inputs * units].reshape(units, inputs)


@njit(cache=True, error_model="numpy")
def _scores(state: State, walls: Walls, angle: float, scratch: Scratch) -> FloatArray:
    # outputs on all examples, (examples, outputs), at this angle
    dtype = state.inphase.dtype.type
    cosine, sine = dtype(math.cos(angle)), dtype(math.sin(angle))
    examples, units = state.inphase.shape
    widths, layers = walls.widths, walls.widths.size - 1
    if layers == 2 and widths[2] == 1:
        out = scratch.rows[:examples]
        weight = scratch.weight[:units]
        _turn(state.rest[:units], state.rest_quadrature[:units], cosine, sine, weight)
        _shallow_scores(state, walls, cosine, sine, weight, out)
        shift: Any = dtype(0.0)
        if walls.scales[1, 1] >= 0.0:
            bias_gain = dtype(walls.scales[1, 1])
            shift = bias_gain * (state.rest[units] * cosine + state.rest_quadrature[units] * sine)
        gain = dtype(walls.scales[1, 0])
        for k in range(examples):
            out[k] = gain * out[k] + shift
        return out.reshape(examples, 1)
    rows, spare = scratch.rows, scratch.more_rows
    flat = rows[: examples * units]
    _turn(state.inphase.reshape(-1), state.quadrature.reshape(-1), cosine, sine, flat)
    for layer in range(1, layers):
        _activate(rows[: examples * widths[layer]], walls)
        inputs, units = widths[layer], widths[layer + 1]
        start = walls.starts[layer]
        stop = start + inputs * units
        weight = scratch.weight[: inputs * units]
        _turn(state.rest[start:stop], state.rest_quadrature[start:stop], cosine, sine, weight)
        product = _rows(spare, examples, units)
        np.dot(_rows(rows, examples, inputs), _rows(weight, units, inputs).T, product)
        scale = dtype(walls.scales[layer, 0])
        bias = scratch.weight[:units]
        bias[:] = dtype(0.0)
        if walls.scales[layer, 1] >= 0.0:
            end = stop + units
            _turn(state.rest[stop:end], state.rest_quadrature[stop:end], cosine, sine, bias)
        bias_scale = dtype(walls.scales[layer, 1])
        for k in range(examples):
            for j in range(units):
                product[k, j] = scale * product[k, j] + bias_scale * bias[j]
        rows, spare = spare, rows
    return _rows(rows, examples, units)


@njit(cache=True, error_model="numpy")
def _margin(scores: FloatArray, label: int) -> tuple[float, int]:
    # of the right output above the best other one, and which that is
    if scores.size == 1:
        return label * scores[0], 0
    best = 1 if label == 0 else 0
    for c in range(scores.size):
        if c != label and scores[c] > scores[best]:
            best = c
    return scores[label] - scores[best], best


@njit(cache=True, error_model="numpy")
def measure(state: State, walls: Walls, angle: float, scratch: Scratch) -> None:
    """Write the margins of all examples at this angle, the last one above its slack, into the scratch."""
    scores = _scores(state, walls, angle, scratch)
    margins, chosen, labels = scratch.margins, state.chosen, walls.labels
    count, last = chosen.size, labels.size - 1
    if scores.shape[1] == 1:
        flat = scores.reshape(-1)
        for row in range(count):
            margins[row] = flat[row] if labels[chosen[row]] > 0 else -flat[row]
    else:
        for row in range(count):
            margins[row] = _margin(scores[row], labels[chosen[row]])[0]
    if chosen[count - 1] == last:
        margins[count - 1] += margins.dtype.type(walls.slack)


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _sum(
    weights: FloatArray,
    others: FloatArray,
    cosine: Any,
    sine: Any,
    inputs: tuple[FloatArray, FloatArray],
    outputs: tuple[FloatArray, FloatArray],
) -> None:
    # of the units of one layer over its inputs: values, and rates of change
    value, speed = inputs
    for unit in range(len(weights)):
        total, rate = value.dtype.type(0.0), value.dtype.type(0.0)
        for j in range(value.size):
            weight = weights[unit, j] * cosine + others[unit, j] * sine
            turning = others[unit, j] * cosine - weights[unit, j] * sine
            total += weight * value[j]
            rate += weight * speed[j] + turning * value[j]
        outputs[0][unit], outputs[1][unit] = total, rate


@njit(cache=True, error_model="numpy")
def probe(state: State, walls: Walls, row: int, angle: float, scratch: Scratch) -> tuple[float, float]:
    """Margin of one example and its rate of change; leaves its units' values and slopes in the scratch."""
    dtype = state.inphase.dtype.type
    cosine, sine = dtype(math.cos(angle)), dtype(math.sin(angle))
    value, tangent, speed = scratch.value, scratch.tangent, scratch.speed
    widths, layers = walls.widths, walls.widths.size - 1
    _turn(state.inphase[row], state.quadrature[row], cosine, sine, value[: widths[1]])
    _turn(state.quadrature[row], state.inphase[row], cosine, -sine, speed[: widths[1]])
    above = 0
    for layer in range(1, layers):
        below, inputs, units = above, widths[layer], widths[layer + 1]
        above = below + inputs
        _activate_one(walls.activation, value[below:above], tangent[below:above])
        for j in range(below, above):
            speed[j] *= tangent[j]
        stop = above + units
        _sum(
            layer_weights(state.rest, walls, layer),
            layer_weights(state.rest_quadrature, walls, layer),
            cosine,
            sine,
            (value[below:above], speed[below:above]),
            (value[above:stop], speed[above:stop]),
        )
        scale, bias_scale = dtype(walls.scales[layer, 0]), dtype(walls.scales[layer, 1])
        place = walls.starts[layer] + inputs * units
        for unit in range(units):
            value[above + unit] *= scale
            speed[above + unit] *= scale
            if walls.scales[layer, 1] >= 0.0:
                q, p = state.rest[place + unit], state.rest_quadrature[place + unit]
                value[above + unit] += bias_scale * (q * cosine + p * sine)
                speed[above + unit] += bias_scale * (p * cosine - q * sine)
    label, outputs = walls.labels[state.chosen[row]], widths[layers]
    margin, other = _margin(value[above : above + outputs], label)
    slack = walls.slack if state.chosen[row] == walls.labels.size - 1 else 0.0
    if outputs == 1:
        return margin + slack, label * speed[above]
    return margin + slack, speed[above + label] - speed[above + other]
