"""`train_batch_normalized`: networks with batch normalization, many at once, and the norms of their units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from genlaws.simulate.seeds import entropy_of

from .batch_orders import batch_order
from .devices import resolve_device
from .networks import torch_generator

FloatArray = NDArray[np.float64]

_EPS = 1e-12  # of a variance; small, so that the length of weights is of no account


@dataclass(frozen=True, slots=True, eq=False)
class BatchNormalizedTraining:
    """Networks in training, at the recorded steps.

    Attributes
    ----------
    steps : ndarray of int, shape (records,)
    log_norms : tuple of ndarray, shapes (records, networks, units)
        Ln of the norm of the weights into each unit, of each hidden layer.
    losses, errors : ndarray, shape (records, networks)
        Mean cross-entropy on all training examples, normalized by their own statistics, and the share of them
        that is wrong.
    """

    steps: NDArray[np.int64]
    log_norms: tuple[FloatArray, ...]
    losses: FloatArray
    errors: FloatArray


def _scores(values: Tensor, weights: Sequence[Tensor], affine: Sequence[Tensor], normalized: bool) -> Tensor:
    # values (networks, batch, in); affine: gain and shift of each hidden layer in turn, then the last bias
    for k, weight in enumerate(weights[:-1]):
        values = values @ weight.transpose(1, 2)
        if normalized:
            variance, mean = torch.var_mean(values, dim=1, correction=0, keepdim=True)
            values = (values - mean) * torch.rsqrt(variance + _EPS)
        values = torch.relu(values * affine[2 * k][:, None] + affine[2 * k + 1][:, None])
    return (values @ weights[-1].transpose(1, 2) + affine[-1][:, None])[..., 0]


def train_batch_normalized(
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    hidden: Sequence[int],
    networks: int,
    learning_rate: float,
    records: Sequence[int],
    batch_size: int | None = None,
    normalized: bool = True,
    norm: float = 1.0,
    spread: float = 0.0,
    rng: np.random.Generator | int | None = None,
    device: str = "auto",
) -> BatchNormalizedTraining:
    """Train fully connected ReLU networks by plain stochastic gradient descent on the cross-entropy.

    Parameters
    ----------
    inputs : array_like, shape (examples, features)
    labels : array_like, shape (examples,)
        -1 and +1.
    hidden : sequence of int
        Units of each hidden layer; each has a gain and a shift of its own, trained from 1 and 0.
    networks : int
        How many; they share nothing but the examples.
    learning_rate : float
    records : sequence of int
        Steps after which norms are written down, increasing from 0 on.
    batch_size : int, optional
        Examples of a step, in random order; None: all. What is left over at the end of an epoch waits for
        another order.
    normalized : bool
        Whether what enters hidden units is normalized over the batch.
    norm, spread : float
        At the start norms of units are ``norm * exp(spread * z)``, z standard normal; directions are uniform.
    rng : Generator, int or None
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    BatchNormalizedTraining

    Raises
    ------
    ValueError
        If an argument is out of range, or losses stop being finite.
    """
    place = resolve_device(device)
    points = torch.tensor(np.asarray(inputs, dtype=np.float64), device=place)
    signs = torch.tensor(np.asarray(labels, dtype=np.float64), device=place)
    if points.ndim != 2 or signs.shape != points.shape[:1] or not bool((signs.abs() == 1.0).all()):
        raise ValueError(
            f"labels must be -1 or +1, one for each input, got {np.shape(labels)} for {np.shape(inputs)}"
        )
    kept = np.asarray(records, dtype=np.int64)
    if kept.ndim != 1 or not kept.size or kept[0] < 0 or not np.all(np.diff(kept) > 0):
        raise ValueError(f"records must increase from 0 on, got {records}")
    examples = len(points)
    batch = examples if batch_size is None else batch_size
    if not 2 <= batch <= examples:
        raise ValueError(f"batch_size must be from 2 to {examples}, got {batch_size}")
    if not hidden or networks < 1:
        raise ValueError(f"there must be hidden units and networks, got {list(hidden)} and {networks}")
    for name, value in (("learning_rate", learning_rate), ("norm", norm)):
        if not 0.0 < value < math.inf:
            raise ValueError(f"{name} must be finite and positive, got {value}")
    generator = np.random.default_rng(entropy_of(rng))
    draws = torch_generator(generator, place)
    weights, affine = [], []
    for fan_in, fan_out in zip((points.shape[1], *hidden), (*hidden, 1), strict=True):
        weight = torch.randn(networks, fan_out, fan_in, generator=draws, device=place, dtype=torch.float64)
        weights.append(functional.normalize(weight, dim=2))
    for layer, units in zip(weights[:-1], hidden, strict=True):
        size = torch.randn(networks, units, 1, generator=draws, device=place, dtype=torch.float64)
        layer *= norm * torch.exp(spread * size)
        affine += [torch.ones_like(size[..., 0]), torch.zeros_like(size[..., 0])]
    affine.append(torch.zeros(networks, 1, device=place, dtype=torch.float64))
    parameters = [part.requires_grad_() for part in (*weights, *affine)]
    numbers, seed = torch.arange(networks, device=place), int(generator.integers(2**62))
    batches = examples // batch
    log_norms: tuple[list[FloatArray], ...] = tuple([] for _ in hidden)
    losses, errors = [], []
    order = numbers[:, None]
    for step in range(int(kept[-1]) + 1):
        if step in kept:
            with torch.no_grad():
                margins = signs * _scores(points.expand(networks, -1, -1), weights, affine, normalized)
            loss = functional.softplus(-margins).mean(dim=1)
            if not bool(torch.isfinite(loss).all()):
                raise ValueError(f"learning_rate must be lower: losses are not finite at step {step}")
            losses.append(loss.cpu().numpy())
            errors.append((margins <= 0.0).double().mean(dim=1).cpu().numpy())
            for found, weight in zip(log_norms, weights, strict=False):
                found.append(weight.detach().norm(dim=2).log().cpu().numpy())
        if batches == 1 and batch == examples:
            some, marks = points.expand(networks, -1, -1), signs
        else:
            if step % batches == 0:
                order = batch_order(numbers, examples=examples, epoch=step // batches, seed=seed)
            here = order[:, step % batches * batch : (step % batches + 1) * batch]
            some, marks = points[here], signs[here]
        loss = functional.softplus(-marks * _scores(some, weights, affine, normalized)).mean(dim=1).sum()
        with torch.no_grad():
            for part, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                part -= learning_rate * slope
    return BatchNormalizedTraining(
        kept, tuple(np.array(found) for found in log_norms), np.array(losses), np.array(errors)
    )
