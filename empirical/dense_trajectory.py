"""Compiled trajectories of `dense_flow`: one network on its ellipse, from wall to wall of its examples."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .dense_kernels import Scratch, State, Walls, layer_weights, measure, probe

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]

_MAX_BOUNCES = 100_000
_MAX_ITERATIONS = 50
# In root mean square margins per radian: how much faster than that a margin is not expected to fall, and how
# much its rate is not expected to change between two looks.
_STEEPEST = 16.0
_BEND = 4.0
_NOTED = 64  # bounces after which all examples are brought up to date
_FAST = {"contract", "reassoc", "nsz"}


class Kicks(NamedTuple):
    """Bounces: on which example, and what its inputs' multiples are added to the first layer's weights."""

    example: IntArray
    inphase: FloatArray
    quadrature: FloatArray


@njit(cache=True, error_model="numpy")
def _guess(earlier: float, margin: float, left: float, right: float) -> float:
    # where a margin that is negative at `right` crosses, if it falls evenly
    return left + (right - left) * earlier / (earlier - margin) if earlier > 0.0 else right


@njit(cache=True, error_model="numpy")
def _crossing(
    state: State, walls: Walls, row: int, left: float, right: float, guess: float, scratch: Scratch
) -> float:
    # Where a margin that is below zero at `right` first goes there: Newton steps, kept between the ends. The
    # left end counts as inside, whatever rounding says of a wall just left.
    low, high, angle = left, right, guess
    for _ in range(_MAX_ITERATIONS):
        value, slope = probe(state, walls, row, angle, scratch)
        if value > 0.0:
            low = angle
        else:
            high = angle
        following = angle - value / slope if slope < 0.0 else low - 1.0
        if not low <= following <= high:
            following = 0.5 * (low + high)
        step = abs(following - angle)
        angle = following
        if step < walls.tolerance:
            break
    return angle


@njit(cache=True, error_model="numpy")
def _dip(state: State, walls: Walls, row: int, left: float, right: float, scratch: Scratch) -> float:
    # An angle between at which a margin that is positive at both ends lies below zero, or -1. Where it is
    # convex it stays above its tangents, so that most examples take one look.
    high_value, high_slope = probe(state, walls, row, right, scratch)
    if high_value >= high_slope * (right - left):
        return -1.0
    low_value, low_slope = probe(state, walls, row, left, scratch)
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
        value, slope = probe(state, walls, row, angle, scratch)
        if value < 0.0:
            return angle
        if slope < 0.0:
            low, low_value, low_slope = angle, value, slope
        else:
            high, high_value, high_slope = angle, value, slope
    return -1.0


@njit(cache=True, error_model="numpy")
def _next_wall(
    state: State, walls: Walls, left: float, right: float, spread: float, scratch: Scratch
) -> tuple[int, float]:
    # The row of the first example to be lost on the way from `left` to `right`, and where; -1 if none.
    # Margins at `right` are in the scratch.
    margins, earlier = scratch.margins, state.earlier
    wall, first = -1, right
    for row in range(state.chosen.size):
        if margins[row] < 0.0:
            guess = _guess(earlier[row], margins[row], left, right)
            if wall < 0 or guess < first:
                wall, first = row, guess
    likely = wall
    if wall >= 0:
        first = _crossing(state, walls, wall, left, right, first, scratch)
    bend = margins.dtype.type(_BEND * spread * (right - left))
    for row in range(state.chosen.size):
        margin, before = margins[row], earlier[row]
        if margin < 0.0:
            if row == likely or probe(state, walls, row, first, scratch)[0] >= 0.0:
                continue
            outside = first
        else:
            # a bend that is no sharper lets it touch zero in between only if it is that low at both ends
            if margin >= bend or before <= 0.0 or margin + before + 2.0 * math.sqrt(margin * before) >= bend:
                continue
            outside = _dip(state, walls, row, left, first, scratch)
            if outside < 0.0:
                continue
        guess = 0.5 * (left + outside)
        wall, first = row, _crossing(state, walls, row, left, outside, guess, scratch)
    return wall, first


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _add(sums: FloatArray, shares: FloatArray, chosen: IntArray, push: FloatArray) -> None:
    for row in range(chosen.size):
        share = shares[chosen[row]]
        for j in range(push.size):
            sums[row, j] += share * push[j]


@njit(cache=True, error_model="numpy")
def _push(state: State, walls: Walls, kicks: Kicks, first: int, stop: int) -> None:
    # what these bounces do to the first-layer sums
    for kick in range(first, stop):
        shares = walls.gram[kicks.example[kick]]
        _add(state.inphase, shares, state.chosen, kicks.inphase[kick])
        _add(state.quadrature, shares, state.chosen, kicks.quadrature[kick])


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _add_pulls(into: FloatArray, weights: FloatArray, pulls: FloatArray, scale: Any) -> None:
    for unit in range(pulls.size):
        if pulls[unit] != 0.0:
            share = scale * pulls[unit]
            for j in range(into.size):
                into[j] += share * weights[unit, j]


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _add_outer(weights: FloatArray, pulls: FloatArray, values: FloatArray, scale: Any) -> None:
    for unit in range(pulls.size):
        if pulls[unit] != 0.0:
            share = scale * pulls[unit]
            for j in range(values.size):
                weights[unit, j] += share * values[j]


@njit(cache=True, error_model="numpy")
def _bounce(
    state: State, walls: Walls, row: int, angle: float, kicks: Kicks, kick: int, scratch: Scratch
) -> bool:
    # Mirror the velocity on the gradient of the margin of one example, and note what that does to the first
    # layer. False if the velocity does not point outwards.
    slope = probe(state, walls, row, angle, scratch)[1]
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
    example = state.chosen[row]
    label = walls.labels[example]
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
        for unit in range(above, above + units):
            pulls += pull[unit] * pull[unit]
        into, out = pull[below:above], pull[above : above + units]
        _add_pulls(into, layer_weights(state.rest, walls, layer), out, cosine)
        _add_pulls(into, layer_weights(state.rest_quadrature, walls, layer), out, sine)
        values = 0.0
        for j in range(inputs):
            values += value[below + j] * value[below + j]
            pull[below + j] *= scale * tangent[below + j]
        square += float(pulls * (scale * scale * values + bias_scale * bias_scale))
        above = below
    pulls = 0.0
    for j in range(widths[1]):
        pulls += pull[j] * pull[j]
    square += float(pulls * walls.gram[example, example])
    if not square > 0.0:
        return False
    size = -2.0 * slope / square
    aside, along = dtype(-size * math.sin(angle)), dtype(size * math.cos(angle))
    above = 0
    for layer in range(1, layers):
        inputs, units = widths[layer], widths[layer + 1]
        below, above = above, above + inputs
        scale, bias_scale = dtype(walls.scales[layer, 0]), dtype(walls.scales[layer, 1])
        into, out = value[below:above], pull[above : above + units]
        _add_outer(layer_weights(state.rest, walls, layer), out, into, aside * scale)
        _add_outer(layer_weights(state.rest_quadrature, walls, layer), out, into, along * scale)
        if bias_scale >= 0.0:
            place = starts[layer] + inputs * units
            for unit in range(units):
                state.rest[place + unit] += aside * bias_scale * out[unit]
                state.rest_quadrature[place + unit] += along * bias_scale * out[unit]
    kicks.example[kick] = example
    for j in range(widths[1]):
        kicks.inphase[kick, j], kicks.quadrature[kick, j] = aside * pull[j], along * pull[j]
    _push(state, walls, kicks, kick, kick + 1)
    return True


@njit(cache=True, error_model="numpy")
def _close_to_walls(state: State, near: State, margins: FloatArray, reach: float) -> State:
    # those of the examples whose margins are below `reach`, in the memory of `near`; margins are cut alike
    count = 0
    for row in range(margins.size):
        if margins[row] < reach:
            near.chosen[count] = row
            near.earlier[count] = state.earlier[row]
            margins[count] = margins[row]
            near.inphase[count] = state.inphase[row]
            near.quadrature[count] = state.quadrature[row]
            count += 1
    chosen, earlier = near.chosen[:count], near.earlier[:count]
    return State(
        chosen, earlier, near.inphase[:count], near.quadrature[:count], state.rest, state.rest_quadrature
    )


@njit(cache=True, error_model="numpy")
def _trajectory(
    state: State,
    near: State,
    walls: Walls,
    added: Kicks,
    kicks: Kicks,
    angle: float,
    scratch: Scratch,
) -> int:
    # One network from 0 to `angle`; returns its bounces, less than 0 if it failed. All examples are looked at
    # on an even grid, the same backwards. Where walls were crossed, the way from the last look is gone
    # again from wall to wall, among those close enough to matter; then all are looked at once more.
    margins = scratch.margins
    total = 0.0
    for k in range(margins.size):
        total += margins[k] * margins[k]
    spread = math.sqrt(total / margins.size)
    state.earlier[:] = margins
    steps = math.ceil(angle / walls.step)
    bounces, left = 0, 0.0
    for cell in range(steps):
        right = angle * (cell + 1) / steps
        while True:
            measure(state, walls, right, scratch)
            wall, first = _next_wall(state, walls, left, right, spread, scratch)
            if wall < 0:
                break
            close = _close_to_walls(state, near, margins, _STEEPEST * spread * (right - left))
            wall = int(np.searchsorted(close.chosen, wall))
            noted = 0
            while wall >= 0 and noted < kicks.example.size:
                if not _bounce(close, walls, wall, first, kicks, noted, scratch):
                    return -1 - bounces
                share = margins.dtype.type((first - left) / (right - left))
                for row in range(close.chosen.size):
                    close.earlier[row] += share * (margins[row] - close.earlier[row])
                close.earlier[wall] = 0.0
                noted, bounces, left = noted + 1, bounces + 1, first
                measure(close, walls, right, scratch)
                wall, first = _next_wall(close, walls, left, right, spread, scratch)
            state.earlier[close.chosen] = close.earlier
            _push(state, walls, kicks, 0, noted)
            for kick in range(noted):
                k = kicks.example[kick]
                added.inphase[k] += kicks.inphase[kick]
                added.quadrature[k] += kicks.quadrature[kick]
            if bounces > _MAX_BOUNCES:
                return -1 - bounces
        left = right
        state.earlier[:] = margins
    return bounces


@njit(cache=True, nogil=True, error_model="numpy")
def follow(
    position: FloatArray,
    speed: FloatArray,
    rest: FloatArray,
    rest_speed: FloatArray,
    walls: Walls,
    angle: float,
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
    every, some = np.arange(examples), np.empty(examples, np.int64)
    earlier, near_earlier = np.empty(examples, position.dtype), np.empty(examples, position.dtype)
    near_position, near_speed = np.empty_like(position[0]), np.empty_like(position[0])
    kicks = Kicks(
        np.empty(_NOTED, np.int64),
        np.empty((_NOTED, units), position.dtype),
        np.empty((_NOTED, units), position.dtype),
    )
    added = Kicks(every, np.empty_like(position[0]), np.empty_like(position[0]))
    for network in range(networks):
        state = State(every, earlier, position[network], speed[network], rest[network], rest_speed[network])
        near = State(some, near_earlier, near_position, near_speed, rest[network], rest_speed[network])
        added.inphase[:] = position.dtype.type(0.0)
        added.quadrature[:] = position.dtype.type(0.0)
        measure(state, walls, 0.0, scratch)
        margins[network] = scratch.margins
        count = -1
        if scratch.margins.min() > 0.0:
            count = _trajectory(state, near, walls, added, kicks, angle, scratch)
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
    every = np.arange(position.shape[1])
    for network in range(len(position)):
        state = State(
            every, margins[network], position[network], position[network], rest[network], rest[network]
        )
        measure(state, walls, 0.0, scratch)
        margins[network] = scratch.margins
