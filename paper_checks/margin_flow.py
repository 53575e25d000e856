"""`follow_margin`: a gradient flow on a user's examples, with what theory says of it at each time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import GradientFlow, integrate_gradient_flow, random_layers
from genlaws.simulate.homogeneous_network import Activation, Loss, Normalization
from genlaws.theory import MarginGrowth, MaxMarginApproach, log_orthogonal_component

from .margin_outlook import MarginOutlook, angles_to, in_span
from .two_classes import TwoClasses
from .wording import number

FloatArray = NDArray[np.float64]

_POINTS_PER_DECADE = 24
_LOG_LN_2 = math.log(math.log(2.0))


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Which network is followed, and how far. See `integrate_gradient_flow`.

    Attributes
    ----------
    hidden_layers, width : int
    activation : {"linear", "relu", "square", "cube"}
        Of hidden units.
    loss : {"exponential", "logistic"}
    normalization : {"none", "layers", "units", "exponential"}
    scale : float
        Of the weights at the start, as in `random_layers`.
    log_time : float
        The last ln t, above 1.
    tolerance : float
    """

    hidden_layers: int = 0
    width: int = 10
    activation: Activation = "relu"
    loss: Loss = "exponential"
    normalization: Normalization = "none"
    scale: float = 1.4
    log_time: float = 1e4
    tolerance: float = 1e-8

    @property
    def linear(self) -> bool:
        """Whether the network is a linear classifier, of however many layers."""
        return self.hidden_layers == 0 or self.activation == "linear"

    def in_words(self) -> str:
        """The network: ``"ReLU network of 2 hidden layers of 10, layers normalized"``."""
        shown = {
            "none": "",
            "layers": ", layers normalized",
            "units": ", units normalized",
            "exponential": ", exponential weight normalization",
        }
        if self.hidden_layers == 0:
            return f"linear classifier{shown[self.normalization]}"
        unit = {"relu": "ReLU"}.get(self.activation, self.activation)
        layers = f"{self.hidden_layers} hidden layer{'s' * (self.hidden_layers != 1)}"
        return f"{unit} network of {layers} of {self.width}{shown[self.normalization]}"


@dataclass(frozen=True, slots=True, eq=False)
class FollowedMargin:
    """A flow, and what theory says of it where it says something.

    Attributes
    ----------
    settings : FlowSettings
    flow : GradientFlow
    best : float, optional
        The largest margin of linear classifiers, where the network is one.
    angles : ndarray, shape (times,)
        In radians: to the best direction of a linear classifier; of other networks, all weights to those at
        the end.
    left_behind : int
        Examples that the network with exact ReLUs has no half of the margin on at the end: rounded corners,
        which the flow needs, hold them up.
    expected_log_loss, expected_norm : ndarray, shape (times,), optional
        By `MarginGrowth`; the norm is that of every layer. None where it says nothing of such units. For
        networks that are no linear classifiers, with the margin and the loss at the end.
    expected_margin, expected_angle : ndarray, shape (times,), optional
        Of linear classifiers; NaN before theory says anything.
    """

    settings: FlowSettings
    flow: GradientFlow
    best: float | None
    angles: FloatArray
    left_behind: int = 0
    expected_log_loss: FloatArray | None = None
    expected_norm: FloatArray | None = None
    expected_margin: FloatArray | None = None
    expected_angle: FloatArray | None = None

    def sentences(self) -> tuple[str, ...]:
        """Where the flow came to, and how far to trust it."""
        flow, settings = self.flow, self.settings
        margin = float(flow.margin[-1])
        where = f"The flow of a {settings.in_words()} comes to a margin of {number(margin, digits=5)}"
        if self.best is not None:
            where += f", {number(100.0 * margin / self.best, digits=6)} % of the largest,"
        # from there on arXiv:1906.05890 has the smoothed margin grow
        below, in_words = {"exponential": (0.0, "1"), "logistic": (_LOG_LN_2, "ln 2")}[settings.loss]
        falls = -float(np.diff(flow.smoothed_margin[flow.log_loss < below]).min(initial=0.0))
        error = float(flow.margins_error[-1])
        left: tuple[str, ...] = ()
        if self.left_behind:
            left = (
                f"On {self.left_behind} example{'s' * (self.left_behind != 1)} no unit is active any more, "
                "which exact ReLUs would not learn; the margin is that of their rounded corners. Another "
                "--seed, more --width or a larger --scale may help.",
            )
        grew = "grew all the time" if falls <= 2.0 * error else f"fell by up to {number(falls)}"
        return (
            f"{where} at ln t = {number(settings.log_time, digits=6)}, where ln of the loss is "
            f"{number(float(flow.log_loss[-1]), digits=6)}. The smoothed margin {grew} once the loss was "
            f"below {in_words}.",
            *left,
            f"Errors of the integration, by a run of ten times the tolerance: {number(error, digits=1)} in "
            f"margins, {number(float(flow.log_loss_error[-1]), digits=1)} in ln loss.",
        )

    def to_dict(self) -> dict[str, Any]:
        """Settings and columns over ln t; ready for JSON but for NaN."""
        flow, settings = self.flow, self.settings
        expected = {
            name: None if column is None else column.tolist()
            for name, column in (
                ("expected_log_loss", self.expected_log_loss),
                ("expected_norm", self.expected_norm),
                ("expected_margin", self.expected_margin),
                ("expected_angle", self.expected_angle),
            )
        }
        return {
            "hidden_layers": settings.hidden_layers,
            "width": settings.width if settings.hidden_layers else None,
            "activation": settings.activation if settings.hidden_layers else None,
            "loss": settings.loss,
            "normalization": settings.normalization,
            "scale": settings.scale,
            "tolerance": settings.tolerance,
            "evaluations": flow.evaluations,
            "log_times": flow.log_times.tolist(),
            "log_loss": flow.log_loss.tolist(),
            "log_loss_error": flow.log_loss_error.tolist(),
            "margin": flow.margin.tolist(),
            "smoothed_margin": flow.smoothed_margin.tolist(),
            "margin_error": flow.margins_error.tolist(),
            "norms": flow.norms.tolist(),
            "angle": self.angles.tolist(),
            "left_behind": self.left_behind,
            **expected,
            "sentences": list(self.sentences()),
        }


def _predictors(flow: GradientFlow) -> tuple[FloatArray, FloatArray]:
    # of a linear network of layers with norm 1, the one layer that does the same: unit weights, of shape
    # (times, dimension), and its norm
    product = flow.directions[0]
    for layer in flow.directions[1:]:
        product = layer @ product
    weights = product[:, 0]
    lengths = np.linalg.norm(weights, axis=1)
    return np.asarray(weights / lengths[:, None]), np.asarray(lengths)


def _turned(flow: GradientFlow) -> FloatArray:
    # angles of all weights, of layers with norm 1, to where they end
    count = len(flow.log_times)
    rows = np.concatenate([layer.reshape(count, -1) for layer in flow.directions], axis=1)
    angles = angles_to(rows, rows[-1] / np.linalg.norm(rows[-1]))
    angles[-1] = 0.0  # not its rounding
    return angles


def _across(support: FloatArray, predictor: FloatArray) -> float:
    # sine of the angle between the predictor and the span of the support vectors
    _, values, basis = np.linalg.svd(support, full_matrices=False)
    basis = basis[values > 1e-11 * values[0]]
    return min(float(np.linalg.norm(predictor - predictor @ basis.T @ basis)), 1.0)


def _grown(flow: GradientFlow, margin: float, log_examples: float) -> tuple[FloatArray, FloatArray]:
    # ln loss, and the product of the layers' norms, with so many examples on this margin
    layers = flow.norms.shape[1]
    growth = MarginGrowth(layers, margin=margin, start=float(np.exp(flow.log_scale[0])))
    scales = growth.norm(flow.log_times + log_examples)
    return log_examples - margin * scales, scales


def _settling(
    approach: MaxMarginApproach, support: FloatArray, flow: GradientFlow, scales: FloatArray, plain: bool
) -> tuple[FloatArray, FloatArray]:
    """Margins and angles by theory of late times; NaN before it says anything.

    In the span of the support vectors the direction is that of a plain linear classifier of the same norm.
    What a plain flow has across the span, and in layers apart from what the classifier is made of, comes from
    its start and from other examples: it is read off at the end of the flow, and carried back by
    `log_orthogonal_component`.
    """
    gamma = approach.margin
    along = gamma * float(approach.direction @ approach.residual)
    times = gamma * scales - along
    late = times + along > 0.0
    tilts, kept = np.zeros(np.count_nonzero(late)), np.ones(np.count_nonzero(late))
    if plain:
        sizes = scales[late] ** (1.0 / flow.norms.shape[1])
        left = np.exp(log_orthogonal_component(sizes, start=float(sizes[-1])))
        predictors, lengths = _predictors(flow)
        sines, kept = _across(support, predictors[-1]) * left, 1.0 - (1.0 - lengths[-1]) * left**2
        # before that the start is all there is
        early = (sines >= 1.0) | (kept <= 0.0)
        kept[early] = np.nan
        tilts = np.arcsin(np.where(early, np.nan, sines))
    margins, angles = np.full((2, len(scales)), np.nan)
    margins[late] = (gamma - approach.margin_gap(times[late])) * np.cos(tilts) * kept
    inside = approach.angle(times[late])
    # of two turns at right angles, by sines: cosines of small angles are 1
    angles[late] = 2.0 * np.arcsin(
        np.sqrt(np.sin(0.5 * inside) ** 2 + np.cos(inside) * np.sin(0.5 * tilts) ** 2)
    )
    return margins, angles


def _of_linear(
    examples: TwoClasses,
    inputs: FloatArray,
    settings: FlowSettings,
    flow: GradientFlow,
    outlook: MarginOutlook,
) -> FollowedMargin:
    best, rows, approach = outlook.best, examples.labels[:, None] * inputs, outlook.approach
    angles = angles_to(_predictors(flow)[0], best.margin * (best.duals @ rows))
    # normalized units settle in another way, but for a single one
    known = ("none", "layers", "units") if settings.hidden_layers == 0 else ("none", "layers")
    if approach is None or settings.normalization not in known:
        return FollowedMargin(settings, flow, best.margin, angles)
    along = approach.margin * float(approach.direction @ approach.residual)
    log_loss, scales = _grown(flow, approach.margin, along - 2.0 * math.log(approach.margin))
    margins, turns = _settling(
        approach, rows[best.support], flow, scales, plain=settings.normalization == "none"
    )
    norm = scales ** (1.0 / flow.norms.shape[1])
    return FollowedMargin(settings, flow, best.margin, angles, 0, log_loss, norm, margins, turns)


def _left_behind(examples: TwoClasses, inputs: FloatArray, flow: GradientFlow) -> int:
    signals = inputs
    for layer in flow.directions[:-1]:
        signals = np.maximum(signals @ layer[-1].T, 0.0)
    exact = examples.labels * (signals @ flow.directions[-1][-1].T)[:, 0]
    return int(np.count_nonzero(exact < 0.5 * flow.margin[-1]))


def _of_others(
    examples: TwoClasses, inputs: FloatArray, settings: FlowSettings, flow: GradientFlow
) -> FollowedMargin:
    angles, margin = _turned(flow), float(flow.margin[-1])
    left = _left_behind(examples, inputs, flow) if settings.activation == "relu" else 0
    if np.any(flow.powers != 1.0) or margin <= 0.0 or settings.normalization == "exponential":
        return FollowedMargin(settings, flow, None, angles, left)
    log_examples = float(flow.log_loss[-1]) + margin * float(np.exp(flow.log_scale[-1]))
    log_loss, scales = _grown(flow, margin, log_examples)
    norm = scales ** (1.0 / flow.norms.shape[1])
    return FollowedMargin(settings, flow, None, angles, left, log_loss, norm)


def follow_margin(
    examples: TwoClasses,
    settings: FlowSettings,
    *,
    outlook: MarginOutlook | None,
    rng: np.random.Generator | int | None = None,
    progress: Callable[[float], None] | None = None,
) -> FollowedMargin:
    """Follow the gradient flow of a network on examples of two classes.

    Parameters
    ----------
    examples : TwoClasses
    settings : FlowSettings
    outlook : MarginOutlook, optional
        Of the same examples, if a linear classifier separates them.
    rng : numpy.random.Generator, int or None
        Of the start, Gaussian in the span of the inputs.
    progress : callable, optional
        Called with the share of the work that is done.

    Raises
    ------
    ValueError
        If the flow comes to rest at a loss that is not zero, or as `integrate_gradient_flow`.
    """
    inputs = in_span(examples.inputs)
    widths = [inputs.shape[1], *[settings.width] * settings.hidden_layers, 1]
    points = math.ceil(_POINTS_PER_DECADE * max(math.log10(settings.log_time), 0.1)) + 1
    flow = integrate_gradient_flow(
        inputs,
        examples.labels,
        random_layers(widths, scale=settings.scale, rng=rng),
        np.geomspace(1.0, settings.log_time, points),
        loss=settings.loss,
        activation=settings.activation if settings.hidden_layers else "linear",
        normalization=settings.normalization,
        tolerance=settings.tolerance,
        progress=progress,
    )
    if outlook is None or not settings.linear:
        return _of_others(examples, inputs, settings, flow)
    return _of_linear(examples, inputs, settings, flow, outlook)
