"""Compiled trajectories of `dense_flow`: one network on its ellipse, from wall to wall of its examples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .dense_kernels import Scratch, State, Walls, measure, probe

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]

_MAX_BOUNCES = 100_000
_MAX_ITERATIONS = 100
# A margin is searched for a dip between two looks where it ends below this many root mean square margins per
# radian of the way: where it would otherwise have to change faster than margins do.
_STEEPEST = 4.0


@njit(cache=True, error_model="numpy")
def _crossing(
    state: State, walls: Walls, k: int, left: float, right: float, tolerance: float, scratch: Scratch
) -> float:
    # Where a margin that is below zero at `right` first goes there: Newton steps, kept between the ends. The
    # left end counts as inside, whatever rounding says of a wall just left.
    low, high, angle = left, right, right
    for _ in range(_MAX_ITERATIONS):
        value, slope = probe(state, walls, k, angle, scratch)
        if value > 0.0:
            low = angle
        else:
            high = angle
        following = angle - value / slope if slope < 0.0 else low
        if not low <= following <= high or slope >= 0.0:
            following = 0.5 * (low + high)
        step = abs(following - angle)
        angle = following
        if step < tolerance:
            break
    return angle


@njit(cache=True, error_model="numpy")
def _dip(state: State, walls: Walls, k: int, left: float, right: float, scratch: Scratch) -> float:
    # An angle between at which a margin that is positive at both ends lies below zero, or -1. Where it is
    # convex it stays above its tangents, so that most examples take one look.
    high_value, high_slope = probe(state, walls, k, right, scratch)
    if high_value >= high_slope * (right - left):
        return -1.0
    low_value, low_slope = probe(state, walls, k, left, scratch)
    low, high = left, right
    for _ in range(_MAX_ITERATIONS):
        if low_slope >= 0.0 or high_slope <= 0.0:
            break
        # where the tangents meet lies the lowest that it can be
        angle = (high_value - low_value + low_slope * low - high_slope * high) / (low_slope - high_slope)
        if low_value + low_slope * (angle - low) > 0.0:
            break
        if not low < angle < high:
            angle = 0.5 * (low + high)
        value, slope = probe(state, walls, k, angle, scratch)
        if value < 0.0:
            return angle
        if slope < 0.0:
            low, low_value, low_slope = angle, value, slope
        else:
            high, high_value, high_slope = angle, value, slope
    return -1.0


@njit(cache=True, error_model="numpy")
def _next_wall(
    state: State, walls: Walls, left: float, right: float, steepest: float, tolerance: float, scratch: Scratch
) -> tuple[int, float]:
    # The first example to be lost on the way from `left` to `right`, and where; -1 if none. Margins at
    # `right` are in the scratch.
    margins = scratch.margins
    near = margins.dtype.type(steepest * (right - left))
    wall, first = -1, right
    for k in range(margins.size):
        if margins[k] >= near:
            continue
        outside = first
        if margins[k] >= 0.0 or wall >= 0:
            if wall >= 0 and probe(state, walls, k, first, scratch)[0] < 0.0:
                outside = first
            else:
                outside = _dip(state, walls, k, left, first, scratch)
                if outside < 0.0:
                    continue
        wall, first = k, _crossing(state, walls, k, left, outside, tolerance, scratch)
    return wall, first


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")
def _push(state: State, column: FloatArray, push: FloatArray, push_quadrature: FloatArray) -> None:
    examples, units = state.inphase.shape
    for k in range(examples):
        share = column[k]
        for j in range(units):
            state.inphase[k, j] += share * push[j]
            state.quadrature[k, j] += share * push_quadrature[j]


@njit(cache=True, error_model="numpy")
def _bounce(state: State, walls: Walls, added: State, k: int, angle: float, scratch: Scratch) -> bool:
    # Mirror the velocity on the gradient of margin k. False if it does not point outwards.
    slope = probe(state, walls, k, angle, scratch)[1]
    if not slope < 0.0:
        return False
    dtype = state.inphase.dtype.type
    cosine, sine = dtype(math.cos(angle)), dtype(math.sin(angle))
    widths, layers, starts = walls.widths, walls.widths.size - 1, walls.starts
    value, tangent, pull = scratch.value, scratch.tangent, scratch.pull
    # backwards: what each unit's input pulls on the margin, and the squared length of the gradient
    outputs, top = widths[layers], 0
    for layer in range(1, layers):
        top += widths[layer]
    label = walls.labels[k]
    pull[top : top + outputs] = 0.0
    if outputs == 1:
        pull[top] = label
    else:
        other = 1 if label == 0 else 0
        for c in range(outputs):
            if c != label and value[top + c] > value[top + other]:
                other = c
        pull[top + label], pull[top + other] = 1.0, -1.0
    above, square = top, 0.0
    for back in range(layers - 1):
        layer = layers - 1 - back
        inputs, units = widths[layer], widths[layer + 1]
        below = above - inputs
        scale, bias_scale = dtype(walls.scales[layer, 0]), dtype(max(walls.scales[layer, 1], 0.0))
        pull[below:above] = 0.0
        pulls = 0.0
        for unit in range(units):
            own = pull[above + unit]
            pulls += own * own
            if own != 0.0:
                place = starts[layer] + unit * inputs
                for j in range(inputs):
                    weight = state.rest[place + j] * cosine + state.rest_quadrature[place + j] * sine
                    pull[below + j] += own * weight
        values = 0.0
        for j in range(inputs):
            values += value[below + j] * value[below + j]
            pull[below + j] *= scale * tangent[below + j]
        square += pulls * (scale * scale * values + bias_scale * bias_scale)
        above = below
    pulls = 0.0
    for j in range(widths[1]):
        pulls += pull[j] * pull[j]
    square += pulls * walls.gram[k, k]
    if not square > 0.0:
        return False
    kick = -2.0 * slope / square
    aside, along = dtype(-kick * math.sin(angle)), dtype(kick * math.cos(angle))
    above = 0
    for layer in range(1, layers):
        inputs, units = widths[layer], widths[layer + 1]
        below, above = above, above + inputs
        scale, bias_scale = dtype(walls.scales[layer, 0]), dtype(walls.scales[layer, 1])
        for unit in range(units):
            own = scale * pull[above + unit]
            place = starts[layer] + unit * inputs
            if own != 0.0:
                for j in range(inputs):
                    state.rest[place + j] += aside * own * value[below + j]
                    state.rest_quadrature[place + j] += along * own * value[below + j]
            if bias_scale >= 0.0:
                place = starts[layer] + inputs * units + unit
                state.rest[place] += aside * bias_scale * pull[above + unit]
                state.rest_quadrature[place] += along * bias_scale * pull[above + unit]
    for j in range(widths[1]):
        scratch.push[j], scratch.push_quadrature[j] = aside * pull[j], along * pull[j]
        added.inphase[k, j] += scratch.push[j]
        added.quadrature[k, j] += scratch.push_quadrature[j]
    _push(state, walls.gram[k], scratch.push, scratch.push_quadrature)
    return True


@njit(cache=True, error_model="numpy")
def _trajectory(
    state: State, walls: Walls, added: State, angle: float, step: float, tolerance: float, scratch: Scratch
) -> int:
    # One network from 0 to `angle`; returns its bounces, less than 0 if it failed. It is looked at on an even
    # grid that is the same backwards, and once more after every bounce.
    margins = scratch.margins
    total = 0.0
    for k in range(margins.size):
        total += margins[k] * margins[k]
    steepest = _STEEPEST * math.sqrt(total / margins.size)
    steps = math.ceil(angle / step)
    bounces, left = 0, 0.0
    for cell in range(steps):
        right = angle * (cell + 1) / steps
        while True:
            measure(state, walls, right, scratch)
            wall, first = _next_wall(state, walls, left, right, steepest, tolerance, scratch)
            if wall < 0:
                break
            if bounces == _MAX_BOUNCES or not _bounce(state, walls, added, wall, first, scratch):
                return -1 - bounces
            bounces += 1
            left = first
        left = right
    return bounces


@njit(cache=True, nogil=True, error_model="numpy")
def follow(
    position: FloatArray,
    speed: FloatArray,
    rest: FloatArray,
    rest_speed: FloatArray,
    walls: Walls,
    angle: float,
    step: float,
    tolerance: float,
    scratch: Scratch,
    margins: FloatArray,
    bounces: IntArray,
) -> FloatArray:
    """Move networks by one trajectory each.

    `position` and `speed` are first-layer sums, (networks, examples, units), overwritten; `rest` the later
    layers' weights, moved in place; `margins` and `bounces` (below 0: failed) are written. Returns what the
    bounces add to the first layer's weights at the end, in multiples of each example's inputs.
    """
    networks, examples, units = position.shape
    cosine, sine = position.dtype.type(math.cos(angle)), position.dtype.type(math.sin(angle))
    coefficients = np.empty_like(position)
    for network in range(networks):
        state = State(position[network], speed[network], rest[network], rest_speed[network])
        added = State(
            np.zeros_like(state.inphase), np.zeros_like(state.inphase), rest[network], rest_speed[network]
        )
        measure(state, walls, 0.0, scratch)
        margins[network] = scratch.margins
        count = -1
        if scratch.margins.min() > 0.0:
            count = _trajectory(state, walls, added, angle, step, tolerance, scratch)
        bounces[network] = count
        for k in range(examples):
            for j in range(units):
                coefficients[network, k, j] = added.inphase[k, j] * cosine + added.quadrature[k, j] * sine
        for j in range(rest.shape[1]):
            rest[network, j] = rest[network, j] * cosine + rest_speed[network, j] * sine
    return coefficients


@njit(cache=True, nogil=True, error_model="numpy")
def margins_at_rest(
    position: FloatArray, rest: FloatArray, walls: Walls, scratch: Scratch, margins: FloatArray
) -> None:
    """Write the margins of networks with these first-layer sums and other weights, the last plus slack."""
    for network in range(len(position)):
        state = State(position[network], position[network], rest[network], rest[network])
        measure(state, walls, 0.0, scratch)
        margins[network] = scratch.margins
