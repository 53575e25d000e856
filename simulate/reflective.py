"""Exact Hamiltonian moves of a Gaussian vector inside a cone `rows @ z > 0`, bouncing off its walls.

The vector turns on the ellipse z cos(t) + v sin(t) until it meets a wall, where its velocity is mirrored
(Pakman & Paninski 2014, arXiv:1208.4118). Only the wall coordinates `rows @ z` are needed on the way, in a
frame that turns along, so a bounce costs one pass over them; the mirrored parts are put back at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

FULL_ANGLE = 0.5 * math.pi
"""Length 1: a quarter turn, after which nothing but the bounces remembers the start."""

_MAX_BOUNCES = 200_000
_SIGN, _POSITIVE = np.int64(63), np.int64(2**63 - 1)
_FAST = {"nnan", "ninf", "nsz", "arcp", "contract", "reassoc"}


@dataclass(frozen=True, slots=True)
class Reflection:
    """Outcome of one move: the latent vectors, their overlap with the past, and the bounces made.

    `persistence` is defined in `MoveReport`, here for the wall coordinates of unit vectors, or for the unit
    vectors where there are no walls: their lengths decide nothing, and change slowly under short moves.
    """

    latent: FloatArray
    persistence: float
    bounces: int


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _advance(
    inphase: FloatArray,
    quadrature: FloatArray,
    column: FloatArray,
    push_inphase: float,
    push_quadrature: float,
    cosine: float,
    sine: float,
    ratio: FloatArray,
) -> tuple[int, float]:
    # One pass: mirror the velocity in the last wall, then find the wall met next. With position a and
    # speed b of a wall coordinate, it reaches zero after the angle t with cot(t) = -b/a; the first wall is
    # the one of least b/a, whatever the quadrant. Inside the cone a > 0; rounding may leave the wall just
    # met a hair outside, which the floor turns into "leaving".
    # Compared as integers, which keep the order of numbers: a form that compiles to vector instructions.
    bits = ratio.view(np.int64)
    for j in range(ratio.size):
        p = inphase[j] + push_inphase * column[j]
        q = quadrature[j] + push_quadrature * column[j]
        inphase[j] = p
        quadrature[j] = q
        a = p * cosine + q * sine
        ratio[j] = (q * cosine - p * sine) / (a if a > 1e-14 else 1e-14)
    least = _POSITIVE
    for j in range(bits.size):
        key = bits[j] ^ ((bits[j] >> _SIGN) & _POSITIVE)
        least = key if key < least else least
    least ^= (least >> _SIGN) & _POSITIVE
    for j in range(bits.size):
        if bits[j] == least:
            return j, ratio[j]
    return 0, math.inf


@njit(cache=True, nogil=True)
def _reflect(
    position: FloatArray,
    speed: FloatArray,
    gram: FloatArray,
    angle: float,
    slack: float,
    slack_walls: int,
) -> tuple[FloatArray, NDArray[np.int64]]:
    # position, speed: (particles, walls), overwritten; rows of unit norm, so gram has a unit diagonal.
    # Returns what each wall's mirror adds to the final vector, and the bounces (-1: gave up).
    particles, walls = position.shape
    added = np.zeros((particles, walls))
    bounces = np.zeros(particles, dtype=np.int64)
    # the last walls may stand at -slack: they leave the homogeneous ones and are met by a rule of their own
    regular = walls - slack_walls
    for particle in range(particles):
        inphase, quadrature = position[particle], speed[particle]
        ratio = np.empty(regular)
        # angles live as cosine and sine: of the way gone, of the way left, and of the step to the next wall
        cosine, sine = 1.0, 0.0
        left_cosine, left_sine = math.cos(angle), math.sin(angle)
        wall, push = 0, 0.0
        count = 0
        while True:
            push_inphase, push_quadrature = -push * sine, push * cosine
            nearest, lowest = 0, math.inf
            if regular > 0:
                nearest, lowest = _advance(
                    inphase[:regular], quadrature[:regular], gram[wall], push_inphase, push_quadrature,
                    cosine, sine, ratio,
                )  # fmt: skip
            for last in range(regular, walls):
                inphase[last] += push_inphase * gram[wall, last]
                quadrature[last] += push_quadrature * gram[wall, last]
                a = inphase[last] * cosine + quadrature[last] * sine
                b = quadrature[last] * cosine - inphase[last] * sine
                radius = math.hypot(a, b)
                if radius > slack and not (wall == last and count > 0 and b <= 0.0):
                    reach = math.atan2(b, a) + math.acos(-slack / radius)
                    # beyond half a turn is beyond the end
                    if reach < math.pi and -1.0 / math.tan(max(reach, 1e-15)) < lowest:
                        nearest, lowest = last, -1.0 / math.tan(max(reach, 1e-15))
            # cot(step) = -lowest; written so that no wall at all, which is NaN at the very end, stops too
            if not -lowest * left_sine > left_cosine:
                break
            step_sine = 1.0 / math.sqrt(1.0 + lowest * lowest)
            step_cosine = -lowest * step_sine
            cosine, sine = cosine * step_cosine - sine * step_sine, sine * step_cosine + cosine * step_sine
            left_cosine, left_sine = (
                left_cosine * step_cosine + left_sine * step_sine,
                left_sine * step_cosine - left_cosine * step_sine,
            )
            wall = nearest
            push = -2.0 * (quadrature[wall] * cosine - inphase[wall] * sine)
            added[particle, wall] += push * left_sine
            count += 1
            if count >= _MAX_BOUNCES:
                count = -1
                break
        bounces[particle] = count
    return added, bounces


def persistence_of(before: NDArray[np.floating[Any]], after: NDArray[np.floating[Any]]) -> float:
    """Correlation of members with their own past, in [0, 1]; rows are members, shape (members, values).

    Both spreads count: a population that a move carries back from a tail is wider after than before, and
    lies elsewhere.
    """
    particles = before.shape[0]
    if particles < 2:
        return 1.0
    then, now = before.astype(np.float64), after.astype(np.float64)
    centred, moved = then - then.mean(axis=0), now - now.mean(axis=0)
    own = float(np.einsum("ij,ij->", centred, moved))
    spread = float(np.linalg.norm(centred)) * float(np.linalg.norm(moved))
    if spread <= 1e-12 * float(np.einsum("ij,ij->", now, now)):
        return 1.0
    return float(np.clip(own / spread, 0.0, 1.0))


def reflective_move(
    latent: FloatArray,
    rows: FloatArray,
    gram: FloatArray,
    rng: np.random.Generator,
    *,
    length: float,
    slack: float = 0.0,
    slack_walls: int = 0,
) -> Reflection:
    """Move standard Gaussian vectors inside the cone of their constraints by one exact trajectory.

    Parameters
    ----------
    latent : ndarray, shape (particles, dimension)
        Vectors that satisfy the constraints. Coordinates beyond the rows' width turn freely.
    rows : ndarray, shape (constraints, width), width <= dimension
        Unit rows: each vector must keep ``rows @ z > 0`` (the last `slack_walls` ones ``> -slack``).
    gram : ndarray, shape (constraints, constraints)
        ``rows @ rows.T``, C-contiguous.
    rng : numpy.random.Generator
        Draws the velocities.
    length : float in (0, 1]
        Share of a quarter turn.
    slack, slack_walls : float, int
        Slack of the last constraints, in units of the prior's standard deviation, and how many have it.

    Notes
    -----
    Leaves the Gaussian restricted to the cone invariant, and is reversible. A vector that rounding would
    carry out of the cone, or that bounces 200,000 times, stays where it was.
    """
    angle = FULL_ANGLE * length
    scale = np.linalg.norm(latent, axis=1, keepdims=True)
    velocity = rng.standard_normal(latent.shape)
    turned = math.cos(angle) * latent + math.sin(angle) * velocity
    if rows.shape[0] == 0:
        scale_after = np.linalg.norm(turned, axis=1, keepdims=True)
        return Reflection(turned, persistence_of(latent / scale, turned / scale_after), 0)
    width = rows.shape[1]
    before = latent[:, :width] @ rows.T
    position, speed = before.copy(), velocity[:, :width] @ rows.T
    added, bounces = _reflect(position, speed, gram, angle, slack, slack_walls)
    turned[:, :width] += added @ rows
    after = turned[:, :width] @ rows.T
    inside = bounces >= 0
    floor = np.zeros(rows.shape[0])
    floor[rows.shape[0] - slack_walls :] = -slack
    inside &= np.all(after > floor, axis=1)
    if not inside.all():
        turned[~inside] = latent[~inside]
        after[~inside] = before[~inside]
    scale_after = np.linalg.norm(turned, axis=1, keepdims=True)
    return Reflection(turned, persistence_of(before / scale, after / scale_after), int(np.abs(bounces).sum()))
