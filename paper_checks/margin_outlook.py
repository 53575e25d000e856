"""`MarginOutlook`: how gradient descent nears the largest margin, as numbers and in sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from genlaws.simulate import LargestMargin, integrate_gradient_flow, largest_margin
from genlaws.simulate.homogeneous_network import Loss
from genlaws.theory import MaxMarginApproach, max_margin_approach

from .two_classes import TwoClasses
from .wording import number

FloatArray = NDArray[np.float64]

_EQUAL = 1e-6  # relative spread of duals that rounding explains
_FADED = math.log(20.0)  # powers of t below a twentieth
_NEARLY = 0.99  # of the largest margin
_TOLERANCE = 1e-7
_CURVATURES: dict[Loss, float] = {"exponential": 1.0, "logistic": 0.25}  # at margin 0


def angles_to(directions: FloatArray, best: FloatArray) -> FloatArray:
    """Angles in radians, shape (...), between directions of shape (..., dimension) and unit weights."""
    along = directions @ best
    across = np.linalg.norm(directions - along[..., None] * best, axis=-1)
    return np.asarray(np.arctan2(across, along))


def in_span(inputs: FloatArray) -> FloatArray:
    """Inputs rotated into the space that they span, shape (examples, rank): no gradient leaves it."""
    left, values, _ = linalg.svd(inputs, full_matrices=False)
    rank = int(np.count_nonzero(values > values[0] * max(inputs.shape) * np.finfo(np.float64).eps))
    return np.asarray(left[:, :rank] * values[:rank])


@dataclass(frozen=True, slots=True, eq=False)
class MarginOutlook:
    """The largest margin of a linear classifier, and how gradient descent from zero nears it.

    Attributes
    ----------
    examples : TwoClasses
    loss : {"exponential", "logistic"}
        Summed over the examples.
    best : LargestMargin
    approach : MaxMarginApproach, optional
        None where a support vector has dual 0 in every solution: directions are then off by ln ln t / ln t.
    rate : float
        Learning rate.
    steps : int
    margin, angle : float
        Normalized margin, and angle to the best direction in radians, at t = rate times steps.
    """

    examples: TwoClasses
    loss: Loss
    best: LargestMargin
    approach: MaxMarginApproach | None
    rate: float
    steps: int
    margin: float
    angle: float

    @property
    def log_time(self) -> float:
        """Ln t after all steps."""
        return math.log(self.rate) + math.log(self.steps)

    @property
    def dual_spread(self) -> float | None:
        """Largest dual over the least: 1 where they are equal; None without an approach."""
        if self.approach is None:
            return None
        return float(self.approach.duals.max() / self.approach.duals.min())

    @property
    def equal_duals(self) -> bool:
        """Whether all support vectors pull alike, so that nothing falls like 1/ln t."""
        return self.dual_spread is not None and self.dual_spread <= 1.0 + _EQUAL

    @property
    def settled_log_time(self) -> float | None:
        """Ln t by which all powers of t have faded, and theory holds; often it does so long before."""
        if self.approach is None:
            return None
        others = np.delete(self.best.margins, self.best.support) - 1.0
        return _FADED / float(min(self.approach.relaxation_exponent, *others, 1.0))

    @property
    def nearly_log_time(self) -> float | None:
        """Ln t from which on theory has 99 % of the largest margin; None where it is no power of ln t."""
        approach = self.approach
        if approach is None or self.equal_duals:
            return None
        target = (1.0 - _NEARLY) * approach.margin

        def excess(log_time: float) -> float:
            return float(approach.margin_gap(log_time)) - target

        # the gap falls like 1/ln t in the end, and its coefficient says where to look
        near = 1.0 - float(approach.margin * approach.direction @ approach.residual)
        ahead = 2.0 * approach.margin_gap_coefficient / target
        while excess(near + ahead) > 0.0:
            ahead *= 2.0
        return near if excess(near) <= 0.0 else float(optimize.brentq(excess, near, near + ahead))

    @property
    def _held_whole(self) -> bool:
        # whether support vectors span what all inputs do
        rows = self.examples.inputs
        return bool(np.linalg.matrix_rank(rows[self.best.support]) == np.linalg.matrix_rank(rows))

    def _about(self) -> str:
        inputs = self.examples.inputs
        held, (low, high) = len(self.best.support), self.examples.classes
        return (
            f"The largest margin of {len(inputs):,} examples ({low} against {high}) in {inputs.shape[1]:,} "
            f"dimension{'s' * (inputs.shape[1] != 1)} is {number(self.best.margin, digits=5)}; "
            f"{held} support vector{'s hold' if held != 1 else ' holds'} it."
        )

    def _pulls(self) -> str:
        approach = self.approach
        if approach is None:
            return (
                "One of them has dual 0 and does not pull: the direction of gradient descent is off by "
                "ln ln t / ln t, without a limit of its own."
            )
        # across their span, directions keep what they start from: it adds to the angle, not to the margin
        whole = self._held_whole
        if self.equal_duals:
            power = f"t^{number(-approach.relaxation_exponent)} / ln t"
            duals = "Their duals are equal" if len(self.best.support) > 1 else "It pulls alone"
            where, there = ("", "") if whole else ("in their span ", " there")
            return (
                f"{duals}: {where}nothing falls like 1/ln t. Directions are off by {power}{there}, and such "
                "examples hide the general law."
            )
        which = "Of their many duals, those of largest entropy" if self.best.degenerate else "Their duals"
        return (
            f"{which} differ (the largest is {number(self.dual_spread)} times the least), so that gradient "
            f"descent is slow: late, the angle to the best direction is {'' if whole else 'at least '}"
            f"{number(approach.angle_coefficient)} / ln t, and the margin is short of the largest by "
            f"{number(approach.margin_gap_coefficient)} / ln t."
        )

    def _after(self) -> str:
        count = f"After {self.steps:,} step{'s' * (self.steps != 1)}"
        where = f"{count} at rate {number(self.rate)} (ln t = {number(self.log_time)})"
        if self.margin <= 0.0:
            return f"{where} from zero weights not all examples are right yet."
        share = number(100.0 * self.margin / self.best.margin)
        return (
            f"{where} from zero weights the margin is {share} % of the largest, at an angle of "
            f"{number(math.degrees(self.angle))} degrees."
        )

    def _nearly(self) -> tuple[str, ...]:
        if self.nearly_log_time is None:
            return ()
        digits = (self.nearly_log_time - math.log(self.rate)) / math.log(10.0)
        count = f"10^{digits:,.0f}" if digits >= 7.0 else f"{max(10.0**digits, 1.0):,.0f}"
        return (
            f"{100 * _NEARLY:g} % of the largest margin takes ln t = {number(self.nearly_log_time)}, about "
            f"{count} steps.",
        )

    def sentences(self) -> tuple[str, ...]:
        """The largest margin, how it is approached, how far some steps come, and what it would take."""
        return self._about(), self._pulls(), self._after(), *self._nearly()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and words."""
        return {
            **self.best.to_dict(),
            "approach": None if self.approach is None else self.approach.to_dict(),
            "dual_spread": self.dual_spread,
            "settled_log_time": self.settled_log_time,
            "rate": self.rate,
            "steps": self.steps,
            "log_time": self.log_time,
            "margin_after": self.margin,
            "angle_after": self.angle,
            "nearly_log_time": self.nearly_log_time,
        }


def margin_outlook(
    examples: TwoClasses, *, steps: int = 1_000_000, rate: float | None = None, loss: Loss = "exponential"
) -> MarginOutlook:
    """The outlook of gradient descent from zero weights, followed as a gradient flow.

    Parameters
    ----------
    examples : TwoClasses
    steps : int
        At least 1.
    rate : float, optional
        Positive, and below where descent from zero weights is not stable, two over the largest eigenvalue of
        the loss's second derivative; None: one over the square of the largest singular value of the inputs.
    loss : {"exponential", "logistic"}

    Raises
    ------
    ValueError
        If the examples are not linearly separable through the origin, or `rate` is out of its range.
    """
    rows = examples.rows
    best = largest_margin(rows)
    try:
        approach = max_margin_approach(rows[best.support])
    except ValueError:
        approach = None  # the rows are a largest margin's: what is left is a dual 0
    sharpness = float(linalg.norm(rows, 2)) ** 2 * _CURVATURES[loss]
    if rate is None:
        rate = _CURVATURES[loss] / sharpness
    if not 0.0 < rate < 2.0 / sharpness:
        raise ValueError(
            f"rate must be positive and below {2.0 / sharpness:.3g}, from where on gradient descent "
            f"overshoots at zero weights, got {rate:g}"
        )
    # in units of the longest example, in which times are those of its square, and tolerances mean something
    unit = float(np.linalg.norm(rows, axis=1).max())
    inside = in_span(rows / unit)
    flow = integrate_gradient_flow(
        inside,
        np.ones(len(inside)),
        [np.zeros((1, inside.shape[1]))],
        [math.log(rate) + math.log(steps) + 2.0 * math.log(unit)],
        loss=loss,
        tolerance=_TOLERANCE,
    )
    # the best direction among rotated rows is the mean that the duals make
    towards = best.margin * unit * (best.duals @ inside)
    return MarginOutlook(
        examples=examples,
        loss=loss,
        best=best,
        approach=approach,
        rate=rate,
        steps=steps,
        margin=unit * float(flow.margin[0]),
        angle=float(angles_to(flow.directions[0][0, 0], towards)),
    )
