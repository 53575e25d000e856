"""`Score`: one number for how a law fares on a measurement, with its confidence interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from genlaws.simulate.measurement import Measurement
from genlaws.theory.laws import CurveLaw, Law, PointwiseLaw
from genlaws.theory.relations import EqualDistributions
from genlaws.theory.trends import InteriorPeak, Monotone

from .components import Component
from .curve_scores import curve_component
from .relation_scores import distribution_components, peak_component, pointwise_components, step_components
from .replicates import tabulate

Worst = Literal["only", "largest", "smallest", "farthest"]


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a law on a measurement.

    A score that is the worst of several components (one for each x) has an interval for the worst one:
    the end towards the better side is corrected for looking at all of them (Bonferroni), the other end
    needs no correction (intersection-union).

    Attributes
    ----------
    estimate : float
    low, high : float
        Ends of the confidence interval.
    level : float
        Its confidence.
    worst : {"only", "largest", "smallest", "farthest"}
        Which of the components is the score.
    components : tuple of Component
    details : mapping
        The free parameters and other numbers, by name.
    """

    estimate: float
    low: float
    high: float
    level: float
    worst: Worst
    components: tuple[Component, ...]
    details: Mapping[str, Any] = field(default_factory=dict)

    def at_level(self, level: float) -> Score:
        """The same score with an interval at another level."""
        low, high = _interval(self.components, self.worst, 0.5 * (1 - level))
        return replace(self, low=low, high=high, level=level)

    def p_inside(self, band: tuple[float, float]) -> float:
        """p value of the two one-sided tests that the score lies inside `band`."""
        above = [part.p_above(band[0]) for part in self.components]
        below = [part.p_below(band[1]) for part in self.components]
        many = len(self.components)
        if self.worst == "largest":
            return max(min(1.0, many * min(above)), *below)
        if self.worst == "smallest":
            return max(min(1.0, many * min(below)), *above)
        return max(*above, *below)

    def interval_missing(self, band: tuple[float, float]) -> tuple[float, float, float] | None:
        """Estimate, low and high of the interval at this level wholly outside `band`, None if there is none.

        For differences farthest from zero it is that of the single x that misses the band by most, each
        interval being widened for looking at all x.
        """
        intervals = [(self.estimate, self.low, self.high)]
        if self.worst == "farthest":
            alpha = 0.5 * (1 - self.level) / len(self.components)
            intervals = [(part.estimate, part.lower(alpha), part.upper(alpha)) for part in self.components]
        gaps = [max(low - band[1], band[0] - high) for _, low, high in intervals]
        worst = int(np.argmax(gaps))
        return intervals[worst] if gaps[worst] > 0 else None


def _interval(components: tuple[Component, ...], worst: Worst, alpha: float) -> tuple[float, float]:
    shared = alpha / len(components)
    lower = [part.lower(shared if worst == "largest" else alpha) for part in components]
    upper = [part.upper(shared if worst == "smallest" else alpha) for part in components]
    low = max(lower) if worst == "largest" else min(lower)
    high = min(upper) if worst == "smallest" else max(upper)
    return low, high


def _estimate(components: tuple[Component, ...], worst: Worst) -> Component:
    estimates = np.array([part.estimate for part in components])
    if worst == "smallest":
        return components[int(np.argmin(estimates))]
    return components[int(np.argmax(np.abs(estimates) if worst == "farthest" else estimates))]


def score(
    law: Law,
    measurement: Measurement,
    *,
    level: float = 0.90,
    rng: np.random.Generator | int | None = None,
) -> Score:
    """Score a law on a measurement.

    Parameters
    ----------
    law : Law
    measurement : Measurement
        Independent replicates (at least two at each x), or standard errors where there is one.
    level : float
        Confidence of the interval, in (0, 1).
    rng : Generator, int or None
        For bootstraps over replicates.

    Returns
    -------
    Score

    Raises
    ------
    ValueError
        If `level` is out of range, or the measurement is too small or of the wrong sign for the law.
    TypeError
        If `law` is none of the kinds this protocol can score.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    generator = np.random.default_rng(rng)
    details: Mapping[str, Any] = {}
    worst: Worst = "largest"
    match law:
        case EqualDistributions():
            components = distribution_components(measurement, generator)
        case InteriorPeak():
            components, worst = (peak_component(tabulate(measurement), generator),), "only"
        case Monotone():
            components = step_components(law, tabulate(measurement))
        case CurveLaw():
            component, details = curve_component(law, tabulate(measurement), generator)
            components, worst = (component,), "only"
        case PointwiseLaw():
            components, worst = pointwise_components(law, tabulate(measurement)), law.worst
        case _:
            raise TypeError(f"law must be a curve, a relation or a trend, got {type(law).__name__}")
    low, high = _interval(components, worst, 0.5 * (1 - level))
    chosen = _estimate(components, worst)
    if chosen.x is not None:
        details = {**details, "worst_x": chosen.x}
    return Score(chosen.estimate, low, high, level, worst, components, details)
