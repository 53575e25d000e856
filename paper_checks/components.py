"""`Component`: one number with its sampling error, from which limits, p values and power follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

FloatArray = NDArray[np.float64]


def student_quantile(probability: float, degrees: float) -> float:
    """Quantile of Student's t; of the Gaussian at infinite degrees of freedom."""
    return float(ndtri(probability) if np.isinf(degrees) else stdtrit(degrees, probability))


def _student_tail(statistic: float, degrees: float) -> float:
    return float(ndtr(-statistic) if np.isinf(degrees) else stdtr(degrees, -statistic))


@dataclass(frozen=True, slots=True)
class Component:
    """An estimate whose error is Student t, or known by bootstrap draws.

    Attributes
    ----------
    estimate : float
    se : float
        Standard error; where `draws` are given, only for planning.
    degrees : float
        Degrees of freedom of the Student t; infinite for a Gaussian.
    x : float or None
        Where, for laws that hold at each x.
    draws : tuple of two ndarrays, or None
        Sorted; the alpha quantile of the first is the lower limit, the 1-alpha one of the second the upper.
    """

    estimate: float
    se: float
    degrees: float = float("inf")
    x: float | None = None
    draws: tuple[FloatArray, FloatArray] | None = None

    def lower(self, alpha: float) -> float:
        """Lower confidence limit that is missed with probability `alpha`."""
        if self.draws is not None:
            return float(np.quantile(self.draws[0], alpha))
        return self.estimate - self.se * student_quantile(1 - alpha, self.degrees)

    def upper(self, alpha: float) -> float:
        """Upper confidence limit that is missed with probability `alpha`."""
        if self.draws is not None:
            return float(np.quantile(self.draws[1], 1 - alpha))
        return self.estimate + self.se * student_quantile(1 - alpha, self.degrees)

    def p_above(self, bound: float) -> float:
        """One-sided p value for the truth exceeding `bound` (small: it does)."""
        if np.isneginf(bound):
            return 0.0
        if self.draws is not None:
            return float((1 + np.sum(self.draws[0] <= bound)) / (len(self.draws[0]) + 1))
        if self.se == 0:
            return float(self.estimate <= bound)
        return _student_tail((self.estimate - bound) / self.se, self.degrees)

    def p_below(self, bound: float) -> float:
        """One-sided p value for the truth lying under `bound` (small: it does)."""
        if np.isposinf(bound):
            return 0.0
        if self.draws is not None:
            return float((1 + np.sum(self.draws[1] >= bound)) / (len(self.draws[1]) + 1))
        if self.se == 0:
            return float(self.estimate >= bound)
        return _student_tail((bound - self.estimate) / self.se, self.degrees)


def component_from_draws(
    estimate: float, draws: FloatArray, *, stretch: float, x: float | None = None
) -> Component:
    """A component from a bootstrap distribution, widened about the estimate by `stretch`."""
    widened = np.sort(estimate + stretch * (draws - estimate))
    return Component(estimate, float(np.std(widened)), x=x, draws=(widened, widened))
