"""`network_phase_map`: what finite networks learn and generalize, trained by gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genlaws.simulate.seeds import entropy_of

from .architectures import Activation, Architecture
from .networks import Network, Weights
from .phase_map import MappedPoints, PhaseMap, cell_stream, map_columns, mapped_points
from .priors import Prior
from .tangent_kernel import empirical_tangent_kernel
from .tasks import ClassificationTask
from .training import train_networks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def largest_rates(network: Network, weights: Weights, inputs: FloatArray) -> FloatArray:
    """Largest learning rates at which descent on the mean square loss is stable, shape (networks,).

    2 n / lambda_max of each network's own tangent kernel on the n inputs, in the parametrization of unit
    variances: what holds as long as the kernel stays what it is (arXiv:1912.13053).
    """
    kernels = empirical_tangent_kernel(network, weights, inputs)
    largest = torch.linalg.eigvalsh(kernels.double())[:, -1].cpu().numpy()
    rates: FloatArray = 2.0 * len(inputs) / largest
    return rates


def _cell(
    network: Network,
    points: MappedPoints,
    steps: IntArray,
    *,
    networks: int,
    rate: float,
    seed: int,
    device: str,
) -> FloatArray:
    # the four measures, (4, steps), averaged over networks
    starts = train_networks(
        network,
        points.inputs,
        points.classes,
        networks=networks,
        optimizer="gd",
        learning_rate=1.0,
        max_steps=0,
        rng=seed,
        device=device,
    )
    places = {int(step): k for k, step in enumerate(steps)}
    measures = np.zeros((4, len(steps), networks))
    # what is never measured has diverged
    measures[2:] = np.inf

    def watch(step: int, numbers: Tensor, weights: Weights) -> None:
        at = numbers.cpu().numpy()
        for row, (on_training, inputs) in enumerate(((True, points.inputs), (False, points.heldout_inputs))):
            with torch.no_grad():
                shown = torch.tensor(inputs, dtype=weights[0][0].dtype, device=weights[0][0].device)
                scores = network.scores_of_weights(weights, shown).double().cpu().numpy()
            accuracy, loss = points.accuracies_and_losses(scores, on_training=on_training)
            finite = np.isfinite(loss)
            measures[row, places[step], at] = np.where(finite, accuracy, 0.0)
            measures[2 + row, places[step], at] = np.where(finite, loss, np.inf)

    train_networks(
        network,
        points.inputs,
        points.classes,
        networks=networks,
        loss="square",
        optimizer="gd",
        learning_rate=rate * float(largest_rates(network, starts.weights, points.inputs).min()),
        max_steps=int(steps[-1]),
        stop="loss",
        tolerance=0.0,
        parametrization="ntk",
        rng=seed,
        device=device,
        watch=watch,
        watched_steps=set(places),
    )
    averaged: FloatArray = measures.mean(axis=-1)
    return averaged


def network_phase_map(
    task: ClassificationTask,
    *,
    activation: Activation = "erf",
    bias_variance: float,
    weight_variances: Sequence[float],
    depths: Sequence[int],
    steps: Sequence[int],
    training: int,
    heldout: int,
    width: int,
    networks: int = 1,
    rate: float = 0.5,
    rng: np.random.Generator | int | None = None,
    device: str = "auto",
    known: PhaseMap | None = None,
    finished: Callable[[PhaseMap], None] | None = None,
) -> PhaseMap:
    """Fully connected networks of a grid, trained by full-batch gradient descent on the square loss.

    Parameters
    ----------
    task, bias_variance, weight_variances, depths, steps, training, heldout, rng, known, finished
        As in `kernel_phase_map`.
    activation : {"erf", "relu", "tanh", "gelu"}
    width : int
        Units of every hidden layer. That kernels are those of infinite width takes many times the depth.
    networks : int
        How many are trained for each cell, from starts of their own; results are their means.
    rate : float
        Learning rate, in units of 2 n / lambda_max, lambda_max the largest eigenvalue of the tangent kernels
        of a cell's networks on the n training points.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    PhaseMap
        Comparable with that of kernels with random ``starts``.

    Raises
    ------
    ValueError
        If an argument is out of range, or there are too few points.
    """
    if not rate > 0.0:
        raise ValueError(f"rate must be positive, got {rate}")
    entropy = entropy_of(rng)
    points = mapped_points(task, training=training, heldout=heldout, entropy=entropy)

    def column(weight_variance: float, depths: IntArray, steps: IntArray) -> FloatArray:
        prior = Prior(weight_variance=weight_variance, bias_variance=bias_variance)
        cells = []
        for depth in depths.tolist():
            architecture = Architecture(hidden=(width,) * (depth - 1), activation=activation)
            stream = cell_stream(entropy, weight_variance, depth)
            cells.append(
                _cell(
                    Network(architecture, prior, points.inputs.shape[1:], outputs=points.outputs),
                    points,
                    steps,
                    networks=networks,
                    rate=rate,
                    seed=int(stream.generate_state(1, np.uint64)[0] >> 1),
                    device=device,
                )
            )
        return np.stack(cells, axis=1)

    return map_columns(
        column,
        weight_variances=weight_variances,
        depths=depths,
        steps=steps,
        points=points,
        source="network",
        activation=activation,
        bias_variance=bias_variance,
        settings={
            "task": task.name,
            "training": training,
            "heldout": heldout,
            "width": width,
            "networks": networks,
            "rate": rate,
            "seed": entropy,
        },
        known=known,
        finished=finished,
    )
