"""`kernel_phase_map`: what infinitely wide networks learn and generalize, in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import fully_connected_kernels
from genlaws.simulate.seeds import entropy_of
from genlaws.theory import KernelFlow

from .phase_map import MappedPoints, PhaseMap, cell_stream, map_columns, mapped_points
from .tasks import ClassificationTask

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# held-out points whose kernels are made at once
_POINTS = 1000
# eigenvalues of a covariance below this share of the largest are rounding
_ROUNDING = 1e-12


def _random_starts(
    covariance: FloatArray, across: FloatArray, count: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    # Outputs of random networks on the training points, (n, count), and given those on others,
    # (points, count): there each point by itself, as means over points do not feel their correlations.
    values, vectors = np.linalg.eigh(covariance)
    kept = values > _ROUNDING * values[-1]
    roots, vectors = np.sqrt(values[kept]), vectors[:, kept]
    latent = rng.standard_normal((len(roots), count))
    weights = across @ (vectors / roots)
    # all inputs are of one length, and so have one variance
    left = np.sqrt(np.maximum(covariance[0, 0] - np.sum(weights**2, axis=1, keepdims=True), 0.0))
    return (vectors * roots) @ latent, weights @ latent + left * rng.standard_normal((len(across), count))


def _cell(
    points: MappedPoints,
    own: tuple[FloatArray, FloatArray],
    across: tuple[FloatArray, FloatArray],
    steps: IntArray,
    *,
    rate: float,
    starts: int,
    rng: np.random.Generator,
) -> FloatArray:
    # The four measures, (4, steps). Own and across: covariance and tangent kernel among the training points,
    # and between held-out points and them.
    many, outputs = max(starts, 1), points.outputs
    one_hot = np.eye(outputs)[points.classes]
    mean = one_hot.mean(axis=0)
    labels = np.tile(one_hot - mean, many)
    start, start_elsewhere = np.zeros_like(labels), np.zeros((len(across[0]), labels.shape[1]))
    if starts:
        start, start_elsewhere = _random_starts(own[0], across[0], labels.shape[1], rng)
    flow = KernelFlow(own[1], labels, start)
    # descent is stable below 2 over the largest rate of the flow
    times = rate * 2.0 / flow.rates[-1] * steps
    sides = (flow.outputs(times), flow.outputs_elsewhere(times, across[1], start=start_elsewhere))
    measures = []
    for on_training, made in zip((True, False), sides, strict=True):
        scores = made.reshape(len(steps), -1, many, outputs).swapaxes(1, 2) + mean
        measures.append(points.accuracies_and_losses(scores, on_training=on_training))
    (train_accuracy, train_loss), (test_accuracy, test_loss) = measures
    every = np.stack([train_accuracy, test_accuracy, train_loss, test_loss])
    averaged: FloatArray = every.mean(axis=-1)
    return averaged


def kernel_phase_map(
    task: ClassificationTask,
    *,
    activation: str = "erf",
    bias_variance: float,
    weight_variances: Sequence[float],
    depths: Sequence[int],
    steps: Sequence[int],
    training: int,
    heldout: int,
    keep: float = 1.0,
    starts: int = 0,
    rate: float = 0.5,
    rng: np.random.Generator | int | None = None,
    known: PhaseMap | None = None,
    finished: Callable[[PhaseMap], None] | None = None,
) -> PhaseMap:
    """Kernel regression by gradient flow on the square loss, for infinitely wide networks of a grid.

    Parameters
    ----------
    task : ClassificationTask
        Inputs are scaled to |x|^2 = features. Outputs learn 1 for the right class and 0 for others, less the
        training labels' mean, which is known beforehand.
    activation : str
        ``"erf"``, ``"relu"``, ``"tanh"`` or ``"gelu"``.
    bias_variance : float
    weight_variances : sequence of float
        Ascending.
    depths : sequence of int
        Layers of weights, ascending.
    steps : sequence of int
        Steps of descent at `rate`, ascending; the flow is taken for as long.
    training, heldout : int
        How many points of each, drawn at random.
    keep : float
        Share of units that dropout before the last layer keeps; 1 is no dropout.
    starts : int
        0: outputs start at 0, which gives the mean over all random networks. Else results are averaged over
        so many networks, whose outputs start from the Gaussian process of their depth.
    rate : float
        Learning rate, in units of the largest at which descent is stable.
    rng : Generator, int or None
        A cell of the map depends on the seed, its weight variance and its depth only.
    known : PhaseMap, optional
        Of an earlier run with the same seed and settings: its weight variances are not done again.
    finished : callable, optional
        Called with the map so far after each weight variance.

    Returns
    -------
    PhaseMap

    Raises
    ------
    ValueError
        If an argument is out of range, a kernel overflows, or there are too few points.

    Notes
    -----
    Xiao et al., arXiv:1912.13053: df/dt = -Theta (f - y), and from outputs that start at 0 f_t(x) =
    Theta(x, X) Theta^-1 (1 - e^(-Theta t)) y.
    """
    if starts < 0:
        raise ValueError(f"starts must be at least 0, got {starts}")
    if not rate > 0.0:
        raise ValueError(f"rate must be positive, got {rate}")
    entropy = entropy_of(rng)
    points = mapped_points(task, training=training, heldout=heldout, entropy=entropy)

    def column(weight_variance: float, depths: IntArray, steps: IntArray) -> FloatArray:
        def kernels(rows: FloatArray, columns: FloatArray | None) -> tuple[FloatArray, FloatArray]:
            made = fully_connected_kernels(
                rows,
                columns,
                activation=activation,
                depths=depths.tolist(),
                weight_variance=weight_variance,
                bias_variance=bias_variance,
                keep=keep,
            )
            return made.covariance, made.tangent

        own = kernels(points.inputs, None)
        blocks = range(0, len(points.heldout_inputs), _POINTS)
        across = [kernels(points.heldout_inputs[i : i + _POINTS], points.inputs) for i in blocks]
        cells = [
            _cell(
                points,
                (own[0][k], own[1][k]),
                (
                    np.concatenate([covariance[k] for covariance, _ in across]),
                    np.concatenate([tangent[k] for _, tangent in across]),
                ),
                steps,
                rate=rate,
                starts=starts,
                rng=np.random.default_rng(cell_stream(entropy, weight_variance, depth)),
            )
            for k, depth in enumerate(depths.tolist())
        ]
        return np.stack(cells, axis=1)

    return map_columns(
        column,
        weight_variances=weight_variances,
        depths=depths,
        steps=steps,
        points=points,
        source="kernel",
        activation=activation,
        bias_variance=bias_variance,
        settings={
            "task": task.name,
            "training": training,
            "heldout": heldout,
            "keep": keep,
            "starts": starts,
            "rate": rate,
            "seed": entropy,
        },
        known=known,
        finished=finished,
    )
