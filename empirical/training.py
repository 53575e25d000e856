"""`train_networks`: many networks trained at once, each until its own training error or loss is zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genlaws.simulate.seeds import entropy_of

from .devices import in_chunks, resolve_device
from .input_span import InputSpan
from .losses import Loss
from .networks import Network, Weights
from .optimizers import Optimizer, Parametrization, default_learning_rate, variable_scales
from .trained_networks import TrainedNetworks, as_points
from .training_batch import BatchOutcome, TrainingSets, train_batch
from .training_recipe import Stop, TrainingRecipe

# networks that start from one stream: a network's start must not depend on how many there are
_BLOCK = 16


def network_starts(network: Network, rows: slice, seed: int, like: Tensor) -> Tensor:
    """Flat weights of the networks `rows` of a seed, where `like` is and in its precision."""
    # drawn on the CPU, in whole blocks: network k is the same on every device and in every chunk
    blocks = range(rows.start // _BLOCK, -(-rows.stop // _BLOCK))
    streams = (np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(b,))) for b in blocks)
    latent = torch.cat([network.draw(_BLOCK, stream) for stream in streams])
    first = blocks.start * _BLOCK
    latent = latent[rows.start - first : rows.stop - first].to(like.device, like.dtype)
    flat = [v.flatten(1) for pair in network.weights(latent) for v in pair if v is not None]
    return torch.cat(flat, dim=1)


def training_sets(
    points: NDArray[Any],
    classes: NDArray[np.int64],
    examples: NDArray[np.int64] | None,
    device: torch.device,
    dtype: torch.dtype,
) -> TrainingSets:
    """Points to train on and which of them each network has; see `train_networks`."""
    if examples is not None and examples.ndim == 1:
        points, classes, examples = points[examples], classes[examples], None
    elif examples is not None:
        # only points that some network trains on are kept
        used, places = np.unique(examples, return_inverse=True)
        points, classes, examples = points[used], classes[used], places.reshape(examples.shape)
    return TrainingSets(
        torch.tensor(points, dtype=dtype, device=device),
        torch.tensor(classes, device=device),
        None if examples is None else torch.tensor(examples, device=device),
    )


def bytes_per_network(network: Network, sets: TrainingSets, batch_size: int | None) -> int:
    """Memory that a network is expected to take in training."""
    # weights, their gradients, two moments and copies; every unit's value on every point and its gradients,
    # where a convolution has at most as many units as its input has places
    places = math.prod(network.input_shape[1:])
    sizes = ((layer.weight_shape[0], places if layer.convolutional else 1) for layer in network.layers)
    units = sum(channels * size for channels, size in sizes)
    shared = sets.examples is None and batch_size is None
    values = 4 * units + (0 if shared else math.prod(network.input_shape))
    return sets.points.element_size() * (6 * network.latent_size + sets.size * values)


def checked_examples(examples: ArrayLike | None, networks: int, points: int) -> NDArray[np.int64] | None:
    """Point indices for each of so many networks, or of all of them; ValueError where they do not fit."""
    if examples is None:
        return None
    index = np.asarray(examples)
    if index.dtype.kind not in "iu" or index.ndim not in (1, 2) or index.size == 0:
        raise ValueError(f"examples must be point indices, (n,) or (networks, n), got shape {index.shape}")
    if index.ndim == 2 and len(index) != networks:
        raise ValueError(f"examples must have a row for each of {networks} networks, got {len(index)}")
    if index.min() < 0 or index.max() >= points:
        raise ValueError(f"examples must lie in [0, {points}), got {index.min()} to {index.max()}")
    return index.astype(np.int64)


def _check_start(start: TrainedNetworks | None, network: Network, networks: int) -> None:
    if start is None:
        return
    if start.network.layers != network.layers or len(start) != networks:
        raise ValueError(
            f"start must hold {networks} networks of the same layers, got {len(start)} of "
            f"{start.network.architecture}"
        )
    if np.any(start.diverged):
        raise ValueError(f"start must be finite, and {np.count_nonzero(start.diverged)} networks diverged")


def train_networks(
    network: Network,
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    networks: int,
    examples: ArrayLike | None = None,
    loss: Loss = "hinge",
    optimizer: Optimizer = "adam",
    learning_rate: float | None = None,
    momentum: float = 0.9,
    batch_size: int | None = None,
    max_steps: int = 10_000,
    stop: Stop = "error",
    tolerance: float | None = None,
    parametrization: Parametrization = "standard",
    start: TrainedNetworks | None = None,
    dtype: torch.dtype = torch.float32,
    rng: np.random.Generator | int | None = None,
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
    watch: Callable[[int, Tensor, Weights], None] | None = None,
    watched_steps: Collection[int] = (),
) -> TrainedNetworks:
    """Train many networks from independent starts, each until its own training error or loss is zero.

    All networks are one tensor program. A network that gets there is kept as it is at that step, and
    leaves the batch soon after, so that it costs nothing any more.

    Parameters
    ----------
    network : Network
        Architecture, and the prior that the starts are drawn from.
    inputs : array_like, shape (points, *input_shape)
    labels : array_like of int, shape (points,)
        -1 and +1 for a network of one output, 0 to outputs - 1 for several.
    networks : int
        How many, K.
    examples : array_like of int, shape (n,) or (networks, n), optional
        Which points to train on, or which each network trains on. None: all.
    loss : {"hinge", "cross-entropy", "exponential", "square"}
        Averaged over examples; see `example_losses`.
    optimizer : {"adam", "gd", "sgd"}
        ``"gd"`` is full-batch gradient descent; ``"sgd"`` has `momentum`, ``"adam"`` its usual constants.
    learning_rate : float, optional
        None: see `default_learning_rate`. What was used stands in `settings`.
    momentum : float
        For ``"sgd"``, in [0, 1).
    batch_size : int, optional
        None: all examples. Otherwise each network goes through its examples in random order of its own, and
        whether it got there is looked at after each such epoch.
    max_steps : int
        Updates after which a network is given up. 0 leaves the starts.
    stop : {"error", "loss"}
        Zero training error (every margin positive), or a loss of at most `tolerance`.
    tolerance : float, optional
        None: 0 for the hinge, which reaches it once every margin is at least 1, else 0.01.
    parametrization : {"standard", "ntk"}
        Whether the weights are trained, or variables of unit variance that are scaled by the prior's
        deviations (sigma / sqrt(fan-in)); step sizes count for what is trained.
    start : TrainedNetworks, optional
        Networks to train on from where they are, row by row. None: drawn from the prior.
    dtype : torch.dtype
        What to compute in.
    rng : Generator, int or None
        The start of a network and the orders of its examples depend on the seed and on its number only.
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called with the share of the work done, at most.
    watch : callable, optional
        Called at each of `watched_steps` with the number of the step, the numbers of networks that are still
        in training, and their weights as `Network.split` cuts them. Where memory runs out the same networks
        may be shown again.
    watched_steps : collection of int
        The starts are step 0.

    Returns
    -------
    TrainedNetworks
        Networks that diverged, or ran out of steps, are kept and marked.

    Raises
    ------
    ValueError
        If an argument is out of the ranges above, or inputs and labels do not fit the network.

    Notes
    -----
    Equal seeds give equal results on one device; how many networks are trained side by side changes no more
    than rounding. Gradient descent, with momentum or not, trains the first layer of fully connected networks
    in coordinates of the span of the inputs where that is smaller than the inputs; exact but for rounding.
    """
    recipe = TrainingRecipe(
        loss=loss,
        optimizer=optimizer,
        learning_rate=learning_rate,
        momentum=momentum,
        batch_size=batch_size,
        max_steps=max_steps,
        stop=stop,
        tolerance=tolerance,
        parametrization=parametrization,
    )
    points, classes = as_points(network, inputs, labels)
    if networks < 1:
        raise ValueError(f"networks must be at least 1, got {networks}")
    _check_start(start, network, networks)
    index = checked_examples(examples, networks, len(points))
    sets = training_sets(points, classes, index, resolve_device(device), dtype)
    seed = entropy_of(rng)

    def starts(rows: slice) -> Tensor:
        if start is not None:
            return start.flat_weights[rows].to(sets.points.device, sets.points.dtype)
        return network_starts(network, rows, seed, sets.points)

    if learning_rate is None:
        first = starts(slice(0, 1))
        few = sets.points if sets.examples is None else sets.points[sets.examples[0]]
        learning_rate = default_learning_rate(
            network,
            first,
            few,
            optimizer=optimizer,
            parametrization=parametrization,
            momentum=momentum,
        )
    recipe = replace(recipe, learning_rate=learning_rate)
    span = InputSpan.of(network, sets.points, optimizer=optimizer)
    inner = network if span is None else span.narrow
    if span is not None:
        sets = replace(sets, points=span.coordinates(sets.points))
    outcomes: dict[int, BatchOutcome] = {}

    def trained(rows: slice) -> Tensor:
        def report(share: float) -> None:
            if progress is not None:
                progress((rows.start + share * (rows.stop - rows.start)) / networks)

        first = starts(rows)

        def show(step: int, some: Tensor, flat: Tensor) -> None:
            if watch is not None:
                whole = flat if span is None else span.widened(flat, first[some])
                watch(step, rows.start + some, network.split(whole))

        outcome = train_batch(
            inner,
            first if span is None else span.narrowed(first),
            sets if sets.examples is None else replace(sets, examples=sets.examples[rows]),
            recipe,
            scales=variable_scales(network, parametrization),
            numbers=torch.arange(rows.start, rows.stop, device=first.device),
            seed=seed,
            report=report,
            watch=None if watch is None else show,
            watched_steps=watched_steps,
        )
        outcomes[rows.start] = outcome
        report(1.0)
        return outcome.weights if span is None else span.widened(outcome.weights, first)

    weights = in_chunks(
        trained,
        networks,
        bytes_per_row=bytes_per_network(inner, sets, batch_size),
        device=sets.points.device,
    )
    parts = [outcomes[start] for start in sorted(outcomes)]
    return TrainedNetworks(
        network=network,
        reached=np.concatenate([p.reached for p in parts]),
        diverged=np.concatenate([p.diverged for p in parts]),
        steps=np.concatenate([p.steps for p in parts]),
        losses=np.concatenate([p.losses for p in parts]),
        training_errors=np.concatenate([p.errors for p in parts]),
        flat_weights=weights,
        settings=recipe.to_dict() | {"examples": sets.size, "seed": seed},
    )
