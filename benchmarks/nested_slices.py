"""Subset simulation and Holmes-Diaconis-Ross with exact elliptical slices, as in arXiv:1910.09328 (LIN-ESS).

What a user would pick for the Gaussian mass of many linear constraints. The slice is compiled, so that the
comparison is between methods and not between languages.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@njit(cache=True)
def _slice_step(
    z: FloatArray, walls: FloatArray, v: FloatArray, speeds: FloatArray, shift: float, u: float
) -> float:
    # The angle of the next state, uniform over the part of the ellipse on which every wall keeps > -shift.
    # The present state (angle 0) is inside, so a forbidden arc never contains it.
    count = 0
    starts, ends = np.empty(walls.size), np.empty(walls.size)
    for j in range(walls.size):
        radius = math.hypot(walls[j], speeds[j])
        if radius > shift:
            phase, half = math.atan2(speeds[j], walls[j]), math.acos(-shift / radius)
            start = (phase + half) % (2.0 * math.pi)
            starts[count], ends[count] = start, min(start + 2.0 * (math.pi - half), 2.0 * math.pi)
            count += 1
    order = np.argsort(starts[:count])
    free, reached = 0.0, 0.0
    for k in order:
        free += max(starts[k] - reached, 0.0)
        reached = max(reached, ends[k])
    free += 2.0 * math.pi - reached
    target, reached = u * free, 0.0
    for k in order:
        gap = max(starts[k] - reached, 0.0)
        if target <= gap:
            return reached + target
        target -= gap
        reached = max(reached, ends[k])
    return reached + target


def _chain(
    z: FloatArray, rows: FloatArray, shift: float, samples: int, thin: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    # `samples` states, `thin` steps apart, and the least wall coordinate of each
    states, least = np.empty((samples, z.size)), np.empty(samples)
    walls = rows @ z
    for k in range(samples * thin):
        v = rng.standard_normal(z.size)
        speeds = rows @ v
        angle = _slice_step(z, walls, v, speeds, shift, rng.uniform())
        z, walls = (
            z * math.cos(angle) + v * math.sin(angle),
            walls * math.cos(angle) + speeds * math.sin(angle),
        )
        states[k // thin], least[k // thin] = z, walls.min()
    return states, least


def nested_log_fraction(rows: FloatArray, *, samples: int, thin: int, rng: np.random.Generator) -> float:
    """Natural log of the Gaussian mass with ``rows @ z > 0``.

    Subset simulation chooses nestings ``rows @ z > -shift`` of conditional probability about 1/2; fresh
    chains then estimate the probability of each nesting (Holmes-Diaconis-Ross).

    Parameters
    ----------
    rows : ndarray, shape (constraints, dimension)
        Unit rows.
    samples, thin : int
        States per nesting in either phase, and steps between them.
    """
    states = rng.standard_normal((samples, rows.shape[1]))
    least = (states @ rows.T).min(axis=1)
    shifts, starts = [math.inf], [states[0]]
    while shifts[-1] > 0.0:
        shift = max(-float(np.median(least)), 0.0)
        shifts.append(shift)
        starts.append(states[int(np.argmax(least))])
        if shift > 0.0:
            states, least = _chain(starts[-1], rows, shift, samples, thin, rng)
    log_fraction = 0.0
    for before, after, start in zip(shifts[:-1], shifts[1:], starts[:-1], strict=True):
        if math.isinf(before):
            least = (rng.standard_normal((samples, rows.shape[1])) @ rows.T).min(axis=1)
        else:
            least = _chain(start, rows, before, samples, thin, rng)[1]
        share = float(np.mean(least > -after))
        if share == 0.0:
            return -math.inf
        log_fraction += math.log(share)
    return log_fraction
