"""`dense_move`: the reflective Hamiltonian move of fully connected networks with normal weights, on the CPU.

Each network follows the ellipse q cos t + p sin t of its prior until it would err on a training example,
where its velocity is mirrored on the gradient of that margin by all weights. Networks go one by one, from
wall to wall: none waits for another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .dense_kernels import ACTIVATIONS, Scratch, Walls, activation_fit
from .dense_trajectory import follow, margins_at_rest

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]

FULL_ANGLE = 0.5 * math.pi
"""Length 1: a quarter turn, after which nothing but the bounces remembers the start."""

_CHUNK_NUMBERS = 1 << 20  # of sums and weights that are worked on at once: a few megabytes
# Half of 0.025: a tenth slower, and a few trajectories in a thousand pass a dip unseen, not in a hundred.
_STEP = 0.0125


@dataclass(frozen=True, slots=True)
class DenseLayout:
    """A fully connected network under a normal prior.

    Parameters
    ----------
    widths : tuple of int
        Inputs, hidden units of each layer, outputs: 1 where the sign decides between two classes.
    activation : str
        ``"relu"``, ``"erf"``, ``"tanh"`` or ``"gelu"``.
    weight_variance : float
        Variance of a weight times the number of its layer's inputs.
    bias_variance : float or None
        Variance of a bias; None where there are no biases.

    Raises
    ------
    ValueError
        If there are fewer than two widths, one is below 1, the activation is unknown, or a variance is
        negative or not finite.
    """

    widths: tuple[int, ...]
    activation: str = "relu"
    weight_variance: float = 2.0
    bias_variance: float | None = 0.01

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(
                f"widths must be inputs, hidden layers, outputs, all at least 1, got {self.widths}"
            )
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")
        if not (math.isfinite(self.weight_variance) and self.weight_variance > 0.0):
            raise ValueError(f"weight_variance must be positive and finite, got {self.weight_variance}")
        if self.bias_variance is not None and not (
            math.isfinite(self.bias_variance) and self.bias_variance >= 0.0
        ):
            raise ValueError(f"bias_variance must be None or at least 0, got {self.bias_variance}")

    @property
    def latent_size(self) -> int:
        """Number of weights and biases."""
        per_unit = 0 if self.bias_variance is None else 1
        return sum((a + per_unit) * b for a, b in zip(self.widths, self.widths[1:], strict=False))


@dataclass(frozen=True, slots=True)
class DenseFlow:
    """Outcome of one move of a population.

    Attributes
    ----------
    latent
        Moved networks, shape (networks, latent), in the same order.
    margins_before, margins_after
        Output of the right class above the best other (or signed output), shape (networks, examples).
    bounces
        Walls met by each network, shape (networks,).
    stayed
        Networks that stayed where they were: they started outside, rounding carried them out, or they
        bounced 100,000 times.
    """

    latent: FloatArray
    margins_before: FloatArray
    margins_after: FloatArray
    bounces: IntArray
    stayed: int


def _check(
    latent: FloatArray,
    velocity: FloatArray,
    layout: DenseLayout,
    inputs: FloatArray,
    labels: NDArray[Any],
    length: float,
    slack: float,
    step: float,
) -> None:
    if (
        latent.ndim != 2
        or latent.shape[1] != layout.latent_size
        or latent.dtype not in (np.float32, np.float64)
    ):
        raise ValueError(
            f"latent must be floats, (networks, {layout.latent_size}), got {latent.dtype} {latent.shape}"
        )
    if velocity.shape != latent.shape or velocity.dtype != latent.dtype:
        raise ValueError(
            f"velocity must be like latent, {latent.dtype} {latent.shape}, "
            f"got {velocity.dtype} {velocity.shape}"
        )
    if inputs.ndim != 2 or inputs.shape[1] != layout.widths[0] or len(inputs) == 0:
        raise ValueError(f"inputs must have shape (examples, {layout.widths[0]}), got {inputs.shape}")
    outputs = layout.widths[-1]
    allowed = np.arange(outputs) if outputs > 1 else np.array([-1, 1])
    if labels.shape != (len(inputs),) or not np.all(np.isin(labels, allowed)):
        raise ValueError(
            f"labels must be {len(inputs)} integers among {allowed[0]} to {allowed[-1]}, "
            f"got {np.unique(labels)} of shape {labels.shape}"
        )
    if not 0.0 < length <= 1.0:
        raise ValueError(f"length must lie in (0, 1], got {length}")
    if not (math.isfinite(slack) and slack >= 0.0):
        raise ValueError(f"slack must be finite and at least 0, got {slack}")
    if not 0.0 < step <= FULL_ANGLE:
        raise ValueError(f"step must lie in (0, pi/2], got {step}")


def _walls(
    layout: DenseLayout, inputs: FloatArray, labels: IntArray, slack: float, step: float, dtype: np.dtype[Any]
) -> Walls:
    widths = np.array(layout.widths, dtype=np.int64)
    has_bias = layout.bias_variance is not None
    spread = math.sqrt(layout.bias_variance) if layout.bias_variance is not None else -1.0
    scales = np.array([[math.sqrt(layout.weight_variance / fan_in), spread] for fan_in in widths[:-1]])
    sizes = (widths[:-1] + has_bias) * widths[1:]
    # places among the weights behind the first layer's
    starts = np.concatenate([[0, 0], np.cumsum(sizes[1:])[:-1]]).astype(np.int64)[: len(sizes)]
    gram = inputs @ inputs.T
    if has_bias:
        gram += dtype.type(spread * spread)
    activation = ACTIVATIONS.index(layout.activation)
    fit = activation_fit(activation, dtype)
    # below this, Newton steps are rounding
    tolerance = 16.0 * float(np.finfo(dtype).eps)
    return Walls(gram, labels, widths, starts, scales, activation, fit, slack, step, tolerance)


def _scratch(walls: Walls, dtype: np.dtype[Any]) -> Scratch:
    widths, examples = walls.widths, len(walls.labels)
    units, widest = int(widths[1:].sum()), int(widths[1:].max())
    weights = max(widest, int((widths[1:-1] * widths[2:]).max(initial=0)))
    rows, more, weight = (np.zeros(size, dtype) for size in (examples * widest, examples * widest, weights))
    value, tangent, speed, pull = np.zeros((4, units), dtype)
    return Scratch(np.zeros(examples, dtype), rows, more, weight, value, tangent, speed, pull)


def _first_sums(latent: FloatArray, inputs: FloatArray, units: int, spread: float) -> FloatArray:
    # (networks, examples, units): what the first layer makes of the scaled inputs
    features = inputs.shape[1]
    weight = latent[:, : units * features].reshape(len(latent), units, features)
    sums: FloatArray = np.matmul(inputs, weight.transpose(0, 2, 1))
    if spread >= 0.0:
        sums += inputs.dtype.type(spread) * latent[:, None, units * features : units * (features + 1)]
    return sums


def dense_move(
    latent: FloatArray,
    velocity: FloatArray,
    layout: DenseLayout,
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    length: float,
    slack: float = 0.0,
    step: float = _STEP,
) -> DenseFlow:
    """Move fully connected networks without training error by one reflected trajectory each.

    Parameters
    ----------
    latent : ndarray of float32 or float64, shape (networks, latent)
        Standard normal under the prior: layer by layer the weights, (out, in) row by row, then the biases.
    velocity : ndarray like `latent`
        Standard normal, drawn by the caller.
    layout : DenseLayout
    inputs : array_like, shape (examples, features)
        The training examples, at least one.
    labels : array_like of int, shape (examples,)
        -1 and 1 for one output, else classes from 0.
    length : float in (0, 1]
        Share of a quarter turn.
    slack : float
        The last example only has to keep a margin above ``-slack``, in units of the outputs.
    step : float
        Largest angle between two looks at all margins; between them only single dips are searched for.

    Returns
    -------
    DenseFlow

    Raises
    ------
    ValueError
        If shapes do not fit the layout, labels are out of range, or `length`, `slack` or `step` is.

    Notes
    -----
    Leaves the prior restricted to networks without error on the examples invariant, up to what happens
    between two looks, and is reversible. Equal arguments give equal results. The exact ellipse: Pakman &
    Paninski (2014), arXiv:1208.4118.
    """
    dtype = np.dtype(latent.dtype)
    points, classes = np.asarray(inputs, dtype=dtype), np.asarray(labels)
    _check(latent, velocity, layout, points, classes, length, slack, step)
    features, units = layout.widths[:2]
    scaled = points * dtype.type(math.sqrt(layout.weight_variance / features))
    walls = _walls(layout, scaled, classes.astype(np.int64), float(slack), float(step), dtype)
    spread, scratch = float(walls.scales[0, 1]), _scratch(walls, dtype)
    angle = FULL_ANGLE * length
    cosine, sine = dtype.type(math.cos(angle)), dtype.type(math.sin(angle))
    examples, first = len(points), units * (features + (spread >= 0.0))

    moved = np.empty_like(latent)
    before, after = np.empty((2, len(latent), examples), dtype)
    bounces = np.empty(len(latent), dtype=np.int64)
    chunk = max(1, _CHUNK_NUMBERS // (examples * units + latent.shape[1]))
    for start in range(0, len(latent), chunk):
        rows = slice(start, start + chunk)
        old, turn, new = latent[rows], velocity[rows], moved[rows]
        sums = _first_sums(old, scaled, units, spread)
        rates = _first_sums(turn, scaled, units, spread)
        rest, rest_turn = old[:, first:].copy(), turn[:, first:].copy()
        added = follow(sums, rates, rest, rest_turn, walls, angle, scratch, before[rows], bounces[rows])
        weights = new[:, : units * features].reshape(len(new), units, features)
        np.matmul(added.transpose(0, 2, 1), scaled, out=weights)
        if spread >= 0.0:
            new[:, units * features : first] = dtype.type(spread) * added.sum(axis=1)
        new[:, :first] += cosine * old[:, :first]
        new[:, :first] += sine * turn[:, :first]
        new[:, first:] = rest
        margins_at_rest(_first_sums(new, scaled, units, spread), rest, walls, scratch, after[rows])
    stays = (bounces < 0) | (after.min(axis=1) <= 0.0)
    moved[stays], after[stays] = latent[stays], before[stays]
    before[:, -1] -= dtype.type(slack)
    after[:, -1] -= dtype.type(slack)
    return DenseFlow(moved, before, after, np.where(bounces < 0, -1 - bounces, bounces), int(stays.sum()))
