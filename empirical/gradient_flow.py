"""`train_by_gradient_flow`: networks between the lazy and the feature-learning regime, in continuous time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genlaws.simulate.seeds import entropy_of

from .devices import in_chunks
from .flow_steps import FlowOutcome, follow_flow
from .losses import LOSSES, Loss, example_losses, margins
from .networks import Network
from .optimizers import Parametrization, variable_scales
from .trained_networks import TrainedNetworks, as_points
from .training import train_networks

FloatArray = NDArray[np.float64]

SCHEMA_VERSION = 1

# the share of the loss that a first step may take, if its slope held
_FIRST_SHARE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class ScaledFlow:
    """Networks whose outputs are alpha times what training changed, F = alpha (f - f_0).

    Build it with `train_by_gradient_flow`. Shapes are (networks,) unless said otherwise.

    Attributes
    ----------
    alpha : float
        Scale of the outputs.
    start, end : TrainedNetworks
        The networks f_0 and f. Losses and training errors of `end` are those of F.
    times : ndarray of float64
        Time at which each network stopped.
    loss_times : ndarray, shape (times,)
    losses : ndarray, shape (networks, times)
        Losses at `loss_times`; NaN once a network had stopped.
    """

    alpha: float
    start: TrainedNetworks
    end: TrainedNetworks
    times: FloatArray
    loss_times: FloatArray
    losses: FloatArray = field(repr=False)

    def __len__(self) -> int:
        """Number of networks."""
        return len(self.end)

    def scores(self, inputs: ArrayLike) -> FloatArray:
        """F on `inputs`, shape (points, *input_shape): (networks, points, outputs)."""
        return self.alpha * (self.end.scores(inputs) - self.start.scores(inputs))

    def true_errors(self, inputs: ArrayLike, labels: ArrayLike) -> FloatArray:
        """Share of these points that F gets wrong, shape (networks,); NaN where a network diverged.

        Raises ValueError if inputs or labels do not fit the network.
        """
        points, classes = as_points(self.end.network, inputs, labels)
        ahead = margins(torch.from_numpy(self.scores(points)), torch.from_numpy(classes))
        wrong = (~(ahead > 0.0)).double().mean(dim=1).numpy()
        return np.where(self.end.diverged, math.nan, wrong)

    def to_dict(self) -> dict[str, Any]:
        """What training gave, ready for JSON: null where a number is not finite."""
        losses = [[float(v) if math.isfinite(v) else None for v in row] for row in self.losses]
        return self.end.to_dict() | {
            "schema_version": SCHEMA_VERSION,
            "times": self.times.tolist(),
            "loss_times": self.loss_times.tolist(),
            "losses_at_times": losses,
        }


def _checked_times(times: ArrayLike | None) -> FloatArray:
    made = np.zeros(0) if times is None else np.atleast_1d(np.asarray(times, dtype=np.float64))
    if made.ndim != 1 or not np.all(np.isfinite(made)) or np.any(made < 0.0) or np.any(np.diff(made) <= 0.0):
        raise ValueError(
            f"times must be finite, at least 0 and increasing, got {np.ravel(made)[:8].tolist()}"
        )
    return made


def _squared_scales(network: Network, parametrization: Parametrization, like: Tensor) -> Tensor:
    # by parameter: weights w = s v move s^2 times as fast as their own gradient says
    sizes = [
        size
        for layer in network.layers
        for size in (layer.weights, *([layer.weight_shape[0]] if layer.has_bias else []))
    ]
    scales = variable_scales(network, parametrization)
    return torch.cat([like.new_full((size,), s * s) for size, s in zip(sizes, scales, strict=True)])


def train_by_gradient_flow(
    network: Network,
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    networks: int,
    alpha: float = 1.0,
    loss: Loss = "hinge",
    parametrization: Parametrization = "ntk",
    times: ArrayLike | None = None,
    tolerance: float = 1e-3,
    max_steps: int = 10_000,
    relative_error: float = 0.1,
    dtype: torch.dtype = torch.float32,
    rng: np.random.Generator | int | None = None,
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> ScaledFlow:
    """Train F = alpha (f - f_0) by gradient flow on its loss over alpha squared, from independent starts.

    The outputs begin at 0. With alpha times the root of the width large, weights hardly move and training is
    that of a fixed kernel (lazy); with it small, they must move far (feature learning).

    Parameters
    ----------
    network : Network
        Architecture, and the prior that the starts are drawn from.
    inputs : array_like, shape (points, *input_shape)
    labels : array_like of int, shape (points,)
        -1 and +1 for a network of one output, 0 to outputs - 1 for several.
    networks : int
        How many.
    alpha : float
        Positive.
    loss : {"hinge", "cross-entropy", "exponential", "square"}
        Of F, averaged over the points; see `example_losses`.
    parametrization : {"ntk", "standard"}
        What flows along its gradient: variables of unit variance, or the weights themselves. With ``"ntk"``
        a time is the same at every width and alpha, as far as training is lazy.
    times : array_like, optional
        At which to write down the loss. The last of them ends training.
    tolerance : float
        A network stops once its loss (of F, not over alpha squared) is at most this.
    max_steps : int
        Steps after which a network is given up.
    relative_error : float
        Largest estimated error of a step, over the step's length.
    dtype : torch.dtype
        What to compute in. Movement is kept apart from the weights, so that single precision bears an alpha
        of some hundreds.
    rng : Generator, int or None
        The starts are those of `train_networks` from the same seed.
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called with the share of the work done, at most.

    Returns
    -------
    ScaledFlow

    Raises
    ------
    ValueError
        If an argument is out of the ranges above, or inputs and labels do not fit the network.

    Notes
    -----
    The scaling is that of Geiger et al., arXiv:1906.08034, whose crossover is at alpha of about one over the
    root of the width.
    """
    if not (math.isfinite(alpha) and alpha > 0.0):
        raise ValueError(f"alpha must be positive and finite, got {alpha}")
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
    if not tolerance >= 0.0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance}")
    if max_steps < 1:
        raise ValueError(f"max_steps must be at least 1, got {max_steps}")
    if not 0.0 < relative_error < 1.0:
        raise ValueError(f"relative_error must lie in (0, 1), got {relative_error}")
    marks, seed = _checked_times(times), entropy_of(rng)
    start = train_networks(
        network, inputs, labels, networks=networks, max_steps=0, dtype=dtype, rng=seed, device=device
    )
    weights = start.flat_weights
    squares = _squared_scales(network, parametrization, weights)
    points = torch.tensor(np.asarray(inputs), dtype=dtype, device=weights.device)
    classes = torch.tensor(np.asarray(labels).astype(np.int64), device=weights.device)
    outcomes: dict[int, tuple[FlowOutcome, Tensor]] = {}

    def trained(rows: slice) -> Tensor:
        first = weights[rows]
        with torch.no_grad():
            base = network.scores_of_weights(network.split(first), points)

        def scaled(numbers: Tensor, moved: Tensor) -> Tensor:
            scores = network.scores_of_weights(network.split(first[numbers] + moved), points)
            return alpha * (scores - base[numbers])

        def slope(numbers: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
            at = moved.detach().requires_grad_()
            with torch.enable_grad():
                value = example_losses(scaled(numbers, at), classes, loss).mean(dim=1)
                (gradient,) = torch.autograd.grad(value.sum(), at)
            return gradient * (squares / -(alpha**2)), value.detach()

        still = torch.zeros_like(first)
        everyone = torch.arange(len(first), device=first.device)
        velocity, value = slope(everyone, still)
        # dL/dt is minus alpha^2 times the squared velocity of what is trained
        descent = alpha**2 * (velocity.square() / squares.clamp_min(1e-30)).sum(dim=1)
        outcome = follow_flow(
            slope,
            still,
            first_steps=_FIRST_SHARE * value / descent.clamp_min(1e-30),
            times=torch.from_numpy(marks),
            loss_to_reach=tolerance,
            relative_error=relative_error,
            max_steps=max_steps,
            report=lambda share: progress and progress((rows.start + share * len(first)) / networks),
        )
        with torch.no_grad():
            wrong = ~(margins(scaled(everyone, outcome.moved), classes) > 0.0)
        outcomes[rows.start] = outcome, wrong.double().mean(dim=1)
        return first + outcome.moved

    # weights, movement, four velocities and their gradients; values of all units on all points
    units = sum(layer.weight_shape[0] for layer in network.layers)
    numbers = 10 * network.latent_size + 6 * len(points) * units * math.prod(network.input_shape[1:])
    final = in_chunks(
        trained, networks, bytes_per_row=weights.element_size() * numbers, device=weights.device
    )
    parts = [outcomes[k] for k in sorted(outcomes)]

    def joined(name: str) -> NDArray[Any]:
        return torch.cat([getattr(outcome, name) for outcome, _ in parts]).cpu().numpy()

    losses = joined("losses").astype(np.float64)
    settings = {
        "loss": loss,
        "alpha": alpha,
        "parametrization": parametrization,
        "tolerance": tolerance,
        "max_steps": max_steps,
        "relative_error": relative_error,
        "examples": len(points),
        "seed": seed,
    }
    end = replace(
        start,
        reached=joined("reached"),
        diverged=~np.isfinite(losses),
        steps=joined("steps"),
        losses=losses,
        training_errors=torch.cat([errors for _, errors in parts]).cpu().numpy(),
        flat_weights=final,
        settings=settings,
    )
    return ScaledFlow(
        alpha=float(alpha),
        start=start,
        end=end,
        times=joined("times"),
        loss_times=marks,
        losses=joined("history"),
    )
