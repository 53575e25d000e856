"""Dynamics that go down a loss, by name, as compiled steps in place: gradient descent, Adam, FIRE."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

Dynamics = Literal["gd", "adam", "fire"]
DYNAMICS: tuple[Dynamics, ...] = get_args(Dynamics)
MEMORY, CLOCK = 2, 3
"""Vectors and numbers that a dynamics keeps between steps; all of them start at zero."""

_GD, _ADAM = 0, 1
_MEAN_KEPT, _SQUARE_KEPT, _FLOOR = 0.9, 0.999, 1e-8
# of Bitzek et al. (2006); the time step begins at a tenth of the longest
_PATIENCE, _FASTER, _SLOWER, _FIRST = 5.0, 1.1, 0.5, 0.1
_MIXING, _MIXING_KEPT = 0.1, 0.99


@njit(cache=True, nogil=True)
def _adam(x: FloatArray, gradient: FloatArray, memory: FloatArray, clock: FloatArray, rate: float) -> None:
    clock[0] += 1.0
    mean_share = 1.0 - _MEAN_KEPT ** clock[0]
    square_share = 1.0 - _SQUARE_KEPT ** clock[0]
    for i in range(x.size):
        g = gradient[i]
        memory[0, i] = _MEAN_KEPT * memory[0, i] + (1.0 - _MEAN_KEPT) * g
        memory[1, i] = _SQUARE_KEPT * memory[1, i] + (1.0 - _SQUARE_KEPT) * g * g
        x[i] -= rate * (memory[0, i] / mean_share) / (math.sqrt(memory[1, i] / square_share) + _FLOOR)


@njit(cache=True, nogil=True)
def _fire(x: FloatArray, gradient: FloatArray, memory: FloatArray, clock: FloatArray, rate: float) -> None:
    velocity = memory[0]
    longest = math.sqrt(rate)
    if clock[0] == 0.0:
        clock[0], clock[1] = _FIRST * longest, _MIXING
    power, speed, force = 0.0, 0.0, 0.0
    for i in range(x.size):
        power -= gradient[i] * velocity[i]
        speed += velocity[i] * velocity[i]
        force += gradient[i] * gradient[i]
    if power > 0.0:
        turn = clock[1] * math.sqrt(speed / force)
        for i in range(x.size):
            velocity[i] = (1.0 - clock[1]) * velocity[i] - turn * gradient[i]
        clock[2] += 1.0
        if clock[2] > _PATIENCE:
            clock[0] = min(clock[0] * _FASTER, longest)
            clock[1] *= _MIXING_KEPT
    else:
        # uphill, or at rest: stop, and start again more slowly
        velocity[:] = 0.0
        if speed > 0.0:
            clock[0] *= _SLOWER
        clock[1], clock[2] = _MIXING, 0.0
    for i in range(x.size):
        velocity[i] -= clock[0] * gradient[i]
        x[i] += clock[0] * velocity[i]


@njit(cache=True, nogil=True)
def advance(
    code: int, x: FloatArray, gradient: FloatArray, memory: FloatArray, clock: FloatArray, rate: float
) -> None:
    """Move `x` by one step, in place, and what the dynamics keeps with it.

    Parameters
    ----------
    code : int
        Of `dynamics_code`.
    x, gradient : ndarray, shape (variables,)
    memory, clock : ndarray, shape (MEMORY, variables) and (CLOCK,)
        Zeros before the first step.
    rate : float
        Step size of gradient descent and of Adam; of FIRE the square of its longest time step.

    Notes
    -----
    FIRE: Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), with its parameters and semi-implicit Euler
    steps. Adam: arXiv:1412.6980, with its parameters.
    """
    if code == _GD:
        for i in range(x.size):
            x[i] -= rate * gradient[i]
    elif code == _ADAM:
        _adam(x, gradient, memory, clock, rate)
    else:
        _fire(x, gradient, memory, clock, rate)


def dynamics_code(name: Dynamics) -> int:
    """Number by which the compiled step knows a dynamics. Raises ValueError if the name is unknown."""
    if name not in DYNAMICS:
        raise ValueError(f"dynamics must be one of {', '.join(DYNAMICS)}, got {name!r}")
    return DYNAMICS.index(name)
