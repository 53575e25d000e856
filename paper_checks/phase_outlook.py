"""`Outlook`: what the phase diagram means for one network, as numbers and in sentences."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from genlaws.theory import (
    DEPTH_SCALES,
    MeanField,
    PhasePoint,
    generalizing_weight_variances,
    kernel_spectrum,
    two_point_kernels,
)

from .wording import number


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Shares of points that the network was measured to get right.

    Attributes
    ----------
    train, test : float
        Of training and of held-out points.
    chance : float
        Share of the most frequent class.
    """

    train: float
    test: float
    chance: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether a wide network trains and generalizes, how fast it may learn, and what would help.

    Attributes
    ----------
    point : PhasePoint
    hidden_layers : int
    weight_variances : (float, float)
        Between which networks of this depth train and generalize.
    examples : int
        Training examples.
    largest_rate, condition_number : float
        Largest stable learning rate of gradient descent on half the mean square over the examples, and the
        condition number of their tangent kernel: of uncorrelated inputs of length q*.
    accuracy : Accuracy, optional
        Where it was measured.
    """

    point: PhasePoint
    hidden_layers: int
    weight_variances: tuple[float, float]
    examples: int
    largest_rate: float
    condition_number: float
    accuracy: Accuracy | None = None

    @property
    def weight_variance(self) -> float:
        """Of the network."""
        return self.point.mean_field.weight_variance

    @property
    def trainable(self) -> bool:
        """Whether gradient descent brings its training error down."""
        return self.point.trains(self.hidden_layers)

    @property
    def generalizes(self) -> bool:
        """Whether it does, and what the network learns depends on the inputs."""
        return self.point.generalizes(self.hidden_layers)

    def _verdict(self) -> str:
        point, at = self.point, self.point.mean_field
        which = f"{_layers(self.hidden_layers)} at weight variance {number(self.weight_variance, digits=4)}"
        if not self.trainable:
            return (
                f"{which} will not train: in the ordered phase inputs become alike, and signals last "
                f"{_layers(point.trainable_hidden_layers)} ({point.scales:g} depth scales of "
                f"{number(at.trainability_depth)})."
            )
        if not self.generalizes:
            return (
                f"{which} will train, but not generalize: in the chaotic phase inputs become unlike; what "
                f"relates them lasts {_layers(point.generalizing_hidden_layers)} ({point.scales:g} depth "
                f"scales of {number(at.generalization_depth)}). What is learnt is memorized."
            )
        limit = min(point.trainable_hidden_layers, point.generalizing_hidden_layers)
        far = "any number of hidden layers does" if math.isinf(limit) else f"up to {_layers(limit)} do"
        return f"{which} will train and generalize ({at.phase} phase); at this weight variance {far}."

    def _pace(self) -> str:
        steps = number(self.condition_number, digits=2)
        return (
            f"Gradient descent is stable up to a learning rate of {number(self.largest_rate)} (half the mean "
            f"square over {self.examples:,} examples, parameters of unit variance); the tangent kernel's "
            f"condition number, about the steps that it takes to fit them all, is {steps}."
        )

    def _remedy(self) -> str:
        low, high = self.weight_variances
        between = f"from {number(low, digits=4)}" + (
            " on" if math.isinf(high) else f" to {number(high, digits=4)}"
        )
        if self.generalizes:
            return f"Networks of this depth train and generalize at weight variances {between}."
        limit = min(self.point.trainable_hidden_layers, self.point.generalizing_hidden_layers)
        fewer = f", or at most {_layers(limit)}" if limit >= 1 else ""
        if self.trainable:
            return (
                f"What would help: weight variances {between}{fewer}; in convolutional networks, to average "
                "over places before the readout."
            )
        return (
            f"What would help: weight variances {between}{fewer}; dropout before the readout makes it train, "
            "for it bounds the condition number."
        )

    def sentences(self) -> tuple[str, ...]:
        """What becomes of the network, what was measured, how fast it may learn, and what would help."""
        seen: tuple[str, ...] = ()
        if self.accuracy is not None:
            seen = (
                f"Measured: right on {number(100 * self.accuracy.train)} % of the training points and on "
                f"{number(100 * self.accuracy.test)} % of others (the most frequent class: "
                f"{number(100 * self.accuracy.chance)} %).",
            )
        return self._verdict(), *seen, self._pace(), self._remedy()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and words."""
        return {
            "weight_variance": self.weight_variance,
            "hidden_layers": self.hidden_layers,
            "phase": self.point.mean_field.phase,
            "trainable": self.trainable,
            "generalizes": self.generalizes,
            "examples": self.examples,
            "largest_rate": self.largest_rate,
            "condition_number": self.condition_number,
            "weight_variances": list(self.weight_variances),
            "accuracy": None if self.accuracy is None else asdict(self.accuracy),
            "sentences": list(self.sentences()),
        }


def _layers(count: float) -> str:
    return f"{count:,.0f} hidden layer{'' if count == 1 else 's'}"


def outlook(
    activation: str,
    *,
    weight_variance: float,
    bias_variance: float,
    hidden_layers: int,
    examples: int,
    scales: float = DEPTH_SCALES,
) -> Outlook:
    """The outlook of one network.

    Parameters
    ----------
    activation : str
    weight_variance, bias_variance : float
    hidden_layers : int
    examples : int
        At least 2.
    scales : float
        As in `phase_diagram`.

    Raises
    ------
    ValueError
        As `MeanField` and `generalizing_weight_variances`.
    """
    at = MeanField(activation, weight_variance=weight_variance, bias_variance=bias_variance)
    spectrum = kernel_spectrum(two_point_kernels(at, [hidden_layers + 1]), examples)
    return Outlook(
        point=PhasePoint(at, scales),
        hidden_layers=hidden_layers,
        weight_variances=generalizing_weight_variances(
            activation, bias_variance=bias_variance, hidden_layers=hidden_layers, scales=scales
        ),
        examples=examples,
        # of the mean over examples: the kernel is divided by their number
        largest_rate=2.0 * examples / float(spectrum.largest[0]),
        condition_number=float(spectrum.condition_number[0]),
    )
