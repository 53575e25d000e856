"""`train_width`: networks of one width trained as in Geiger et al., and what they say on test points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .architectures import Architecture
from .devices import resolve_device
from .early_stopping import EarlyStopping, log_spaced_steps
from .input_gradients import input_gradient_norms
from .networks import Network
from .priors import Prior
from .trained_networks import as_points
from .training import train_networks
from .width_ensemble import Outputs, WidthEnsemble

# arXiv:1901.01608, S.I. A: the step size of Adam by width
_RATE_AT_WIDTH_ONE = 0.1
# looks at the test error in each factor of ten in time
_LOOKS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthProtocol:
    """How the networks of a sweep are made and trained; the defaults are those of arXiv:1901.01608, S.I. A.

    Fully connected ReLU networks with biases; random orthogonal weights and zero biases at the start;
    quadratic hinge loss with margin 1; Adam on all examples at once, until the loss is zero.

    Parameters
    ----------
    hidden_layers : int
        L, all of one width.
    rate_factor : float
        Multiplies the paper's learning rate, min(0.1 h^(-3/2), 1e-4) at width h, so that fewer steps do.
    largest_rate : float
        What stands for 1e-4 in that rate: above it, narrow networks take fewer steps, and wide ones the same.
    max_steps : int
        After which a network is left as it is. The paper's is 2,000,000.
    tolerance : float
        A loss of at most this counts as zero.
    weight_variance : float
        Rows or columns of weights, whichever fit, are orthogonal with this square length at the start.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    hidden_layers: int = 5
    rate_factor: float = 1.0
    largest_rate: float = 1e-4
    max_steps: int = 100_000
    tolerance: float = 0.0
    weight_variance: float = 1.0

    def __post_init__(self) -> None:
        if self.hidden_layers < 1:
            raise ValueError(f"hidden_layers must be at least 1, got {self.hidden_layers}")
        for name, value in [("rate_factor", self.rate_factor), ("largest_rate", self.largest_rate)]:
            if not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be positive and finite, got {value}")
        if self.max_steps < 0:
            raise ValueError(f"max_steps must be at least 0, got {self.max_steps}")
        if not 0.0 <= self.tolerance < math.inf:
            raise ValueError(f"tolerance must be finite and at least 0, got {self.tolerance}")
        self.prior()

    def prior(self) -> Prior:
        """Where the starts are drawn from."""
        return Prior("orthogonal", weight_variance=self.weight_variance, bias_variance=0.0)

    def architecture(self, width: int) -> Architecture:
        """The hidden layers at this width; ValueError if it is less than 1."""
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        return Architecture(hidden=(width,) * self.hidden_layers)

    def learning_rate(self, width: int) -> float:
        """Step size of Adam at this width."""
        return self.rate_factor * min(_RATE_AT_WIDTH_ONE * math.pow(width, -1.5), self.largest_rate)

    def to_dict(self) -> dict[str, Any]:
        """The protocol, ready for JSON."""
        return asdict(self)


def _single(values: NDArray[np.float64], diverged: NDArray[np.bool_]) -> Outputs:
    return np.where(diverged[:, None], math.nan, values).astype(np.float32)


def train_width(
    inputs: ArrayLike,
    labels: ArrayLike,
    test_inputs: ArrayLike,
    test_labels: ArrayLike,
    *,
    width: int,
    networks: int = 20,
    examples: ArrayLike | None = None,
    protocol: WidthProtocol | None = None,
    rng: np.random.Generator | int | None = None,
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> WidthEnsemble:
    """Train networks of one width from independent starts; keep their outputs at the end and at their best.

    Parameters
    ----------
    inputs : array_like, shape (examples, features)
    labels : array_like of -1 and +1, shape (examples,)
    test_inputs : array_like, shape (points, features)
    test_labels : array_like of -1 and +1, shape (points,)
    width : int
        Of every hidden layer.
    networks : int
    examples : array_like of int, shape (networks, n), optional
        Which of the inputs each network is trained on. None: all of them.
    protocol : WidthProtocol, optional
        None: that of the paper.
    rng : Generator, int or None
        The start of a network depends on the seed and on its number only.
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called with the share of the work done, at most.

    Returns
    -------
    WidthEnsemble

    Raises
    ------
    ValueError
        If inputs and labels do not fit each other, or a number is out of range.
    """
    how = WidthProtocol() if protocol is None else protocol
    if np.ndim(inputs) != 2:
        raise ValueError(f"inputs must have shape (examples, features), got {np.shape(inputs)}")
    network = Network(how.architecture(width), how.prior(), np.shape(inputs)[1:])
    points, classes = as_points(network, test_inputs, test_labels)
    place = resolve_device(device)
    best = EarlyStopping(
        network,
        torch.tensor(points, dtype=torch.float32, device=place),
        torch.tensor(classes, device=place),
        networks,
    )
    trained = train_networks(
        network,
        inputs,
        labels,
        networks=networks,
        examples=examples,
        learning_rate=how.learning_rate(width),
        max_steps=how.max_steps,
        stop="loss",
        tolerance=how.tolerance,
        rng=rng,
        device=str(place),
        progress=progress,
        watch=best.watch,
        watched_steps=log_spaced_steps(how.max_steps, per_decade=_LOOKS),
    )
    outputs, fitted = trained.scores(points), trained.scores(inputs)[..., 0]
    if examples is not None:
        fitted = np.take_along_axis(fitted, np.asarray(examples), axis=1)
    best.consider(np.arange(networks), torch.tensor(outputs, device=place), trained.steps)
    return WidthEnsemble(
        width=width,
        parameters=network.latent_size,
        outputs=_single(outputs[..., 0], trained.diverged),
        training_outputs=_single(fitted, trained.diverged),
        early_outputs=_single(best.outputs.astype(np.float64), trained.diverged),
        gradient_norms=_single(input_gradient_norms(trained, points), trained.diverged),
        reached=trained.reached,
        diverged=trained.diverged,
        steps=trained.steps,
        early_steps=best.steps,
        losses=trained.losses,
    )
