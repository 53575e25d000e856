"""`PhaseDiagram`: how deep networks may be to be trained, and to generalize, at each weight variance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scipy.optimize import brentq

from .argument_checks import positive, whole
from .mean_field import MeanField, critical_weight_variance

DEPTH_SCALES = 8.0
"""Depth scales to which networks are taken to be trainable, or to generalize, where nothing else is said."""

_LARGEST_WEIGHT_VARIANCE = 1e4


def _hidden_layers(depth: float) -> float:
    # whole hidden layers of a network of so many layers of weights
    return max(0.0, math.floor(depth) - 1.0) if math.isfinite(depth) else math.inf


@dataclass(frozen=True, slots=True)
class PhasePoint:
    """What one weight variance means for deep networks.

    Attributes
    ----------
    mean_field : MeanField
    scales : float
        Depth scales after which a signal counts as lost.
    trainable_hidden_layers : float
        Most hidden layers with which gradient descent still trains; infinite where depth sets no limit: in
        the chaotic phase and at the critical line.
    generalizing_hidden_layers : float
        Most hidden layers with which outputs still depend on the inputs; infinite in the ordered phase and at
        the critical line.

    Notes
    -----
    Xiao et al., arXiv:1912.13053: the tangent kernel's condition number grows as exp(l / xi_1) in the ordered
    phase, and in the chaotic one what outputs owe to the inputs decays as exp(-l / xi_*). How many of these
    scales are too many depends on training time, data and precision.
    """

    mean_field: MeanField
    scales: float = DEPTH_SCALES
    trainable_hidden_layers: float = field(init=False)
    generalizing_hidden_layers: float = field(init=False)

    def __post_init__(self) -> None:
        positive("scales", self.scales)
        at = self.mean_field
        trainable = self.scales * at.trainability_depth if at.phase == "ordered" else math.inf
        generalizing = self.scales * at.generalization_depth if at.phase == "chaotic" else math.inf
        object.__setattr__(self, "trainable_hidden_layers", _hidden_layers(trainable))
        object.__setattr__(self, "generalizing_hidden_layers", _hidden_layers(generalizing))

    def trains(self, hidden_layers: int) -> bool:
        """Whether gradient descent brings the training error of such networks down."""
        return hidden_layers <= self.trainable_hidden_layers

    def generalizes(self, hidden_layers: int) -> bool:
        """Whether it does, and what they learn depends on the inputs."""
        return hidden_layers <= min(self.trainable_hidden_layers, self.generalizing_hidden_layers)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; infinite ones stay infinite."""
        at = self.mean_field
        return {
            "weight_variance": at.weight_variance,
            "phase": at.phase,
            "fixed_length": at.fixed_length,
            "fixed_correlation": at.fixed_correlation,
            "chi_1": at.chi_1,
            "chi_c": at.chi_c,
            "trainability_depth": at.trainability_depth,
            "generalization_depth": at.generalization_depth,
            "trainable_hidden_layers": self.trainable_hidden_layers,
            "generalizing_hidden_layers": self.generalizing_hidden_layers,
        }


@dataclass(frozen=True, slots=True)
class PhaseDiagram:
    """The phases of an activation at one bias variance.

    Attributes
    ----------
    activation : str
    bias_variance : float
    critical_weight_variance : float
        Where gradients neither vanish nor explode.
    points : tuple of PhasePoint
        By increasing weight variance.
    """

    activation: str
    bias_variance: float
    critical_weight_variance: float
    points: tuple[PhasePoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """The diagram as plain numbers."""
        return {
            "activation": self.activation,
            "bias_variance": self.bias_variance,
            "critical_weight_variance": self.critical_weight_variance,
            "scales": self.points[0].scales,
            "points": [point.to_dict() for point in self.points],
        }


def phase_diagram(
    activation: str = "erf",
    *,
    bias_variance: float,
    weight_variances: Sequence[float],
    scales: float = DEPTH_SCALES,
) -> PhaseDiagram:
    """The phases of an activation over a range of weight variances.

    Parameters
    ----------
    activation : str
        What `activation_map` knows by name.
    bias_variance : float
    weight_variances : sequence of float
        Positive, in any order.
    scales : float
        Depth scales after which a signal counts as lost, positive.

    Returns
    -------
    PhaseDiagram

    Raises
    ------
    ValueError
        If a number is out of range, there is no weight variance, or one without a fixed length, or none is
        critical.

    Examples
    --------
    >>> found = phase_diagram("erf", bias_variance=0.18, weight_variances=[1.5, 2.5])
    >>> [(point.mean_field.phase, point.trains(150), point.generalizes(20)) for point in found.points]
    [('ordered', False, True), ('chaotic', True, True)]
    """
    if len(weight_variances) == 0:
        raise ValueError("weight_variances must not be empty")
    return PhaseDiagram(
        activation,
        bias_variance,
        critical_weight_variance(activation, bias_variance=bias_variance),
        tuple(
            PhasePoint(MeanField(activation, weight_variance=w, bias_variance=bias_variance), scales)
            for w in sorted(weight_variances)
        ),
    )


def generalizing_weight_variances(
    activation: str | Callable[..., Any] = "erf",
    *,
    bias_variance: float,
    hidden_layers: int,
    scales: float = DEPTH_SCALES,
) -> tuple[float, float]:
    """Weight variances between which networks of so many hidden layers are trained and generalize.

    Parameters
    ----------
    activation : str or callable
        What `activation_map` takes.
    bias_variance : float
        Positive.
    hidden_layers : int
        At least 1.
    scales : float
        As in `phase_diagram`.

    Returns
    -------
    low, high : float
        On either side of the critical weight variance; 0 and infinite where there is no limit.

    Raises
    ------
    ValueError
        If a number is out of range, or no weight variance is critical.

    Examples
    --------
    >>> low, high = generalizing_weight_variances("erf", bias_variance=0.18, hidden_layers=60)
    >>> round(low, 3), round(high, 3)
    (1.367, 2.011)
    """
    depth = int(whole("hidden_layers", hidden_layers, least=1)) + 1
    # ln of what one layer leaves of a signal that is lost at this depth
    lost = -float(positive("scales", scales)) / depth
    critical = critical_weight_variance(
        activation, bias_variance=float(positive("bias_variance", bias_variance))
    )

    def ordered(weight_variance: float) -> float:
        at = MeanField(activation, weight_variance=weight_variance, bias_variance=bias_variance)
        return -1.0 / at.trainability_depth - lost

    def chaotic(weight_variance: float) -> float:
        at = MeanField(activation, weight_variance=weight_variance, bias_variance=bias_variance)
        return -1.0 / at.generalization_depth - lost

    low, high = 0.0, math.inf
    least, largest = 1e-9 * critical, max(_LARGEST_WEIGHT_VARIANCE, 10.0 * critical)
    if ordered(least) < 0.0:
        low = float(brentq(ordered, least, critical))
    if chaotic(largest) < 0.0:
        high = float(brentq(chaotic, critical, largest))
    return low, high
