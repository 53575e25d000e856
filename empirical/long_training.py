"""`train_long`: networks trained far past zero error, their losses and times kept as logarithms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genlaws.simulate.seeds import entropy_of

from .devices import in_chunks, resolve_device
from .input_span import InputSpan
from .long_steps import LONG_OPTIMIZERS, Level, LongOptimizer, LongOutcome, LongPlan, descend_far
from .losses import LOG_LOSSES, LogLoss, log_example_losses, margins
from .networks import Network
from .optimizers import Optimizer, default_learning_rate
from .trained_networks import TrainedNetworks, as_points
from .training import bytes_per_network, checked_examples, network_starts, training_sets

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LayerNormalization = Literal["none", "weights"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class LongTraining:
    """Networks where they met each of the levels asked for. See `train_long`.

    Attributes
    ----------
    network : Network
    log_times : ndarray, shape (networks, levels)
        ln t, with t the sum of learning rates; minus infinity for a level that the start has met. This and
        all else is NaN where a level was never met.
    log_losses : ndarray, shape (networks, levels)
        Ln of the mean loss.
    norms : ndarray, shape (networks, levels, layers)
        rho_k, Frobenius norms of the layers' weights.
    margins : ndarray, shape (networks, levels, examples)
        Normalized margins: margin over the product of all layers' norms.
    flat_weights : Tensor, shape (networks, levels, parameters)
    reached : ndarray of bool, shape (networks, levels)
    diverged : ndarray of bool, shape (networks,)
        Whether loss or gradient were no longer finite.
    steps : ndarray of int64, shape (networks,)
        Gradients taken.
    settings : dict
        How the networks were trained, ready for JSON.
    """

    network: Network
    log_times: FloatArray
    log_losses: FloatArray
    norms: FloatArray
    margins: FloatArray
    flat_weights: Tensor = field(repr=False)
    reached: BoolArray
    diverged: BoolArray
    steps: NDArray[np.int64]
    settings: dict[str, Any]

    def __len__(self) -> int:
        """Number of networks."""
        return len(self.reached)

    @property
    def log_scales(self) -> FloatArray:
        """Ln of the product of all layers' norms, shape (networks, levels)."""
        return np.asarray(np.log(self.norms).sum(axis=2))

    @property
    def least_margins(self) -> FloatArray:
        """The least normalized margin, shape (networks, levels)."""
        return np.asarray(self.margins.min(axis=2))

    @property
    def smoothed_margins(self) -> FloatArray:
        """Minus ln of the summed exponential loss over the product of norms (arXiv:1906.05890).

        Shape (networks, levels). Of homogeneous networks, those without biases, it lies below the least
        normalized margin, by ln(examples) over the product at most. With the cross-entropy, its value where
        loss and exponential loss agree, late.
        """
        summed = self.log_losses + math.log(self.margins.shape[2])
        return np.asarray(-summed * np.exp(-self.log_scales))

    def at(self, level: int) -> TrainedNetworks:
        """The networks at one of the levels; those that never met it count as diverged."""
        met = self.reached[:, level]
        with np.errstate(invalid="ignore"):
            errors = (~(self.margins[:, level] > 0.0)).mean(axis=1)
        return TrainedNetworks(
            network=self.network,
            reached=met,
            diverged=~met,
            steps=self.steps,
            losses=np.exp(self.log_losses[:, level]),
            training_errors=np.where(met, errors, math.nan),
            flat_weights=self.flat_weights[:, level],
            settings=self.settings,
        )

    def true_errors(self, inputs: ArrayLike, labels: ArrayLike) -> FloatArray:
        """Share of these points that are got wrong, shape (networks, levels); NaN where never met."""
        levels = range(self.reached.shape[1])
        return np.stack([self.at(level).true_errors(inputs, labels) for level in levels], axis=1)

    def log_losses_on(
        self, inputs: ArrayLike, labels: ArrayLike, *, loss: LogLoss | None = None
    ) -> FloatArray:
        """Ln of the mean loss on other points, shape (networks, levels); NaN where never met.

        The loss is that of training unless another is named. Raises ValueError if points or labels do not fit
        the network, or the loss is unknown.
        """
        points, classes = as_points(self.network, inputs, labels)
        targets = torch.from_numpy(classes)
        chosen: LogLoss = self.settings["loss"] if loss is None else loss
        means = []
        for level in range(self.reached.shape[1]):
            scores = torch.from_numpy(self.at(level).scores(points))
            means.append(log_example_losses(scores, targets, chosen).logsumexp(dim=1) - math.log(len(points)))
        return torch.stack(means, dim=1).numpy()

    def to_dict(self) -> dict[str, Any]:
        """What training gave, ready for JSON: null where a number is not finite."""

        def nested(values: FloatArray) -> list[Any]:
            return [nested(v) if np.ndim(v) else float(v) if np.isfinite(v) else None for v in values]

        return {
            "schema_version": SCHEMA_VERSION,
            "settings": dict(self.settings),
            "networks": len(self),
            "reached": self.reached.tolist(),
            "diverged": self.diverged.tolist(),
            "steps": self.steps.tolist(),
            "log_times": nested(self.log_times),
            "log_losses": nested(self.log_losses),
            "norms": nested(self.norms),
            "least_margins": nested(self.least_margins),
            "smoothed_margins": nested(self.smoothed_margins),
        }


def _levels(given: dict[Level, ArrayLike | None]) -> tuple[Level, FloatArray]:
    names = {"loss": "log_losses", "time": "log_times", "steps": "at_steps"}
    chosen = [level for level, values in given.items() if values is not None]
    if len(chosen) != 1:
        raise ValueError(f"one of log_losses, log_times and at_steps must be given, got {len(chosen)}")
    level = chosen[0]
    values = np.atleast_1d(np.asarray(given[level], dtype=np.float64))
    rising = -values if level == "loss" else values
    if (
        values.ndim != 1
        or not values.size
        or not np.all(np.isfinite(values))
        or np.any(np.diff(rising) <= 0.0)
    ):
        way = "decrease" if level == "loss" else "increase"
        raise ValueError(f"{names[level]} must be finite and {way}, got {np.ravel(values)[:8].tolist()}")
    if level == "steps" and (rising[0] < 1.0 or np.any(rising != np.floor(rising))):
        raise ValueError(f"at_steps must be whole numbers of at least 1, got {rising[:8].tolist()}")
    return level, rising


def _checked(
    loss: str, optimizer: str, normalization: str, share: float, learning_rate: float | None, max_steps: int
) -> None:
    for name, value, allowed in (
        ("loss", loss, LOG_LOSSES),
        ("optimizer", optimizer, LONG_OPTIMIZERS),
        ("normalization", normalization, get_args(LayerNormalization)),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    if not 0.0 < share < 1.0:
        raise ValueError(f"share must lie in (0, 1), got {share}")
    if learning_rate is not None and not (math.isfinite(learning_rate) and learning_rate > 0.0):
        raise ValueError(f"learning_rate must be positive and finite, got {learning_rate}")
    if learning_rate is not None and optimizer == "flow":
        raise ValueError(f"learning_rate is none of the flow's, whose steps adapt, got {learning_rate}")
    if normalization == "weights" and optimizer == "adam":
        raise ValueError("normalization must be none with adam, got 'weights'")
    if max_steps < 1:
        raise ValueError(f"max_steps must be at least 1, got {max_steps}")


def _norms(network: Network, flat: Tensor) -> Tensor:
    # (networks, levels, layers) of weights (networks, levels, parameters)
    parts = network.split(flat.flatten(0, 1))
    norms = torch.stack([weight.flatten(1).norm(dim=1) for weight, _ in parts], dim=1)
    together: Tensor = norms.unflatten(0, flat.shape[:2])
    return together


def train_long(
    network: Network,
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    networks: int,
    log_losses: ArrayLike | None = None,
    log_times: ArrayLike | None = None,
    at_steps: ArrayLike | None = None,
    examples: ArrayLike | None = None,
    loss: LogLoss = "exponential",
    optimizer: LongOptimizer = "flow",
    normalization: LayerNormalization = "none",
    share: float = 0.9,
    learning_rate: float | None = None,
    max_steps: int = 20_000,
    dtype: torch.dtype = torch.float64,
    rng: np.random.Generator | int | None = None,
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> LongTraining:
    """Train many networks from independent starts until their loss is e^-1000 or less, in the logarithm.

    Parameters
    ----------
    network : Network
        Architecture, and the prior that the starts are drawn from. Without biases its outputs are homogeneous
        in the weights of each layer.
    inputs : array_like, shape (points, *input_shape)
    labels : array_like of int, shape (points,)
        -1 and +1 for a network of one output, 0 to outputs - 1 for several.
    networks : int
        How many.
    log_losses, log_times, at_steps : array_like, shape (levels,)
        One of the three: levels of ln of the mean loss (decreasing), of ln t or of steps (increasing) at
        which networks are written down. The last of them ends training.
    examples : array_like of int, shape (n,) or (networks, n), optional
        Which points to train on, or which each network trains on. None: all.
    loss : {"exponential", "cross-entropy"}
        Averaged over examples; see `example_losses`.
    optimizer : {"flow", "gd", "adam"}
        ``"flow"``: steps as long as the loss bears, each network's own: gradient descent with a learning rate
        over the loss (arXiv:1906.05890), and gradient flow for `share` near 1. ``"gd"``: a constant learning
        rate. ``"adam"``: Adam on ln loss, at a constant rate.
    normalization : {"none", "weights"}
        What moves: the weights; or the norm and the direction of each layer's weights, as with weight
        normalization, with biases (a layer's biases in one) likewise.
    share : float
        In (0, 1): of the fall in ln loss that the gains of the examples promise, how much a step of the flow
        must bring. 0.5 allows for steps about as long as any that descend.
    learning_rate : float, optional
        Of ``"gd"``, None: see `default_learning_rate`; of ``"adam"``, None: 0.001.
    max_steps : int
        Gradients after which a network is given up.
    dtype : torch.dtype
        What to compute in. In single precision ln loss is not known to better than its size times 1e-7.
    rng : Generator, int or None
        The starts are those of `train_networks` from the same seed.
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called with the share of the work done, at most.

    Returns
    -------
    LongTraining

    Raises
    ------
    ValueError
        If an argument is out of the ranges above, or inputs and labels do not fit the network.

    Notes
    -----
    Weights follow the gradient of -ln loss by steps s, so that t is the sum of s / loss: ln t is summed as a
    logarithm. Where a level is passed within a step, weights are written down on the way of that step. The
    flow with normalization is ``"layers"`` of `genlaws.simulate.integrate_gradient_flow`, there of the summed
    loss: ln t of the mean is larger by ln(examples).
    """
    _checked(loss, optimizer, normalization, share, learning_rate, max_steps)
    level, levels = _levels({"loss": log_losses, "time": log_times, "steps": at_steps})
    points, classes = as_points(network, inputs, labels)
    if networks < 1:
        raise ValueError(f"networks must be at least 1, got {networks}")
    index = checked_examples(examples, networks, len(points))
    sets = training_sets(points, classes, index, resolve_device(device), dtype)
    seed = entropy_of(rng)
    method: Optimizer = "adam" if optimizer == "adam" else "gd"
    rate = 1.0 if optimizer == "flow" else learning_rate
    if rate is None:
        first = network_starts(network, slice(0, 1), seed, sets.points)
        few = sets.points if sets.examples is None else sets.points[sets.examples[0]]
        rate = default_learning_rate(
            network, first, few, optimizer=method, parametrization="standard", momentum=0.0
        )
    blocks = [n for layer in network.layers for n in (layer.weights, layer.parameters - layer.weights) if n]
    plan = LongPlan(
        optimizer=optimizer,
        layers=tuple(blocks) if normalization == "weights" else (),
        share=share,
        learning_rate=rate,
        levels=tuple(levels.tolist()),
        level=level,
        max_steps=max_steps,
    )
    # with normalization, what lies outside the span of the inputs shrinks as the rest grows
    span = None if plan.layers else InputSpan.of(network, sets.points, optimizer=method)
    inner = network if span is None else span.narrow
    if span is not None:
        sets = replace(sets, points=span.coordinates(sets.points))
    outcomes: dict[int, tuple[LongOutcome, Tensor, Tensor]] = {}

    def trained(rows: slice) -> Tensor:
        start = network_starts(network, rows, seed, sets.points)
        mine = sets if sets.examples is None else replace(sets, examples=sets.examples[rows])

        def each(numbers: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
            given, targets = mine.of(numbers)
            scores = inner.scores_of_weights(inner.split(flat), given)
            return log_example_losses(scores, targets, loss), margins(scores, targets)

        def slope(numbers: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
            at = flat.detach().requires_grad_()
            losses = each(numbers, at)[0]
            (gradient,) = torch.autograd.grad(losses.logsumexp(dim=1).sum(), at)
            return losses.detach(), gradient

        def report(part: float) -> None:
            if progress is not None:
                progress((rows.start + part * (rows.stop - rows.start)) / networks)

        outcome = descend_far(slope, start if span is None else span.narrowed(start), plan, report=report)
        everyone = torch.arange(len(start), device=start.device)
        with torch.no_grad():
            seen = [each(everyone, outcome.weights[:, k]) for k in range(len(levels))]
        outcomes[rows.start] = (
            outcome,
            torch.stack([losses.logsumexp(dim=1) - math.log(sets.size) for losses, _ in seen], dim=1),
            torch.stack([ahead for _, ahead in seen], dim=1),
        )
        report(1.0)
        if span is None:
            return outcome.weights
        wide = [span.widened(outcome.weights[:, k], start) for k in range(len(levels))]
        return torch.stack(wide, dim=1)

    per_network = bytes_per_network(inner, sets, None)
    per_network += sets.points.element_size() * len(levels) * (network.latent_size + 2 * sets.size)
    weights = in_chunks(trained, networks, bytes_per_row=per_network, device=sets.points.device)
    parts = [outcomes[start] for start in sorted(outcomes)]

    def joined(tensors: list[Tensor]) -> NDArray[Any]:
        return torch.cat(tensors).cpu().numpy()

    times = joined([outcome.log_times for outcome, _, _ in parts])
    norms = _norms(network, weights).double().cpu().numpy()
    ahead = joined([outputs.double() for _, _, outputs in parts])
    return LongTraining(
        network=network,
        log_times=times,
        log_losses=joined([values.double() for _, values, _ in parts]),
        norms=norms,
        margins=ahead / norms.prod(axis=2, keepdims=True),
        flat_weights=weights,
        reached=~np.isnan(times),
        diverged=joined([outcome.diverged for outcome, _, _ in parts]),
        steps=joined([outcome.steps for outcome, _, _ in parts]),
        settings={
            "loss": loss,
            "optimizer": optimizer,
            "normalization": normalization,
            "share": share,
            "learning_rate": None if optimizer == "flow" else rate,
            "max_steps": max_steps,
            "level": level,
            "levels": (-levels if level == "loss" else levels).tolist(),
            "examples": sets.size,
            "seed": seed,
        },
    )
