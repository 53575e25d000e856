"""The sampler of zero-error classifiers once more, in plain numpy: a yardstick and a second opinion.

Written from the definition, without Gram matrix, compiled code or adaptation: one particle after the other
turns on its ellipse until the nearest wall (arXiv:1208.4118), and its whole vector is mirrored there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def _trajectory(z: FloatArray, v: FloatArray, rows: FloatArray, angle: float) -> FloatArray:
    left, last = angle, -1
    while True:
        position, speed = rows @ z, rows @ v
        # a cos(t) + b sin(t) falls through zero half a turn or less after now
        reach = np.arctan2(speed, position) + 0.5 * math.pi
        if last >= 0:
            reach[last] = math.pi
        wall = int(np.argmin(reach))
        step = min(float(reach[wall]), left)
        cosine, sine = math.cos(step), math.sin(step)
        z, v = z * cosine + v * sine, v * cosine - z * sine
        if reach[wall] >= left:
            return z
        v = v - 2.0 * (rows[wall] @ v) * rows[wall]
        left, last = left - step, wall


def plain_log_fraction(rows: FloatArray, *, particles: int, moves: int, rng: np.random.Generator) -> float:
    """Natural log of the Gaussian mass with ``rows @ z > 0``, by one run of sequential Monte Carlo.

    Parameters
    ----------
    rows : ndarray, shape (examples, dimension)
        Unit rows, entered in order.
    particles, moves : int
        Size of the population, and trajectories of a quarter turn at every level.
    """
    population = rng.standard_normal((particles, rows.shape[1]))
    log_fraction, held = 0.0, 0
    while held < len(rows):
        right = np.logical_and.accumulate(population @ rows[held:].T > 0.0, axis=1)
        alive = right.sum(axis=0)
        halved = np.flatnonzero(alive <= 0.5 * particles)
        added = int(halved[0]) + 1 if halved.size else len(rows) - held
        survivors = np.flatnonzero(right[:, added - 1])
        if survivors.size == 0:
            return -math.inf
        log_fraction += math.log(survivors.size / particles)
        held += added
        copies, rest = divmod(particles, survivors.size)
        index = np.concatenate([np.tile(survivors, copies), rng.choice(survivors, rest, replace=False)])
        population = population[index]
        for _ in range(moves):
            for p in range(particles):
                velocity = rng.standard_normal(rows.shape[1])
                population[p] = _trajectory(population[p], velocity, rows[:held], 0.5 * math.pi)
    return log_fraction
