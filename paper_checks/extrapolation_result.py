"""`Extrapolation`: what measured learning curves foretell of larger n, as numbers and in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.theory.laws import CurveLaw

from .wording import number, percent, spaced

FloatArray = NDArray[np.float64]

_FAR = 10.0  # times the largest n, from where on forecasts are warned of
_APART = 1.25  # ratio of two laws' forecasts that is called a disagreement

COUNTS = 0.05
"""Weight from which a law counts."""


def law_name(law: CurveLaw) -> str:
    """A law in words: ``"power law with plateau"``."""
    return spaced(type(law).__name__)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Errors foretold at one n.

    Attributes
    ----------
    n : float
    error : float
        Median forecast of the mean error over replicates.
    low, high : float
        Prediction interval of that mean.
    new_low, new_high : float or None
        Prediction interval of the error of one new replicate; None where a single one was measured.
    """

    n: float
    error: float
    low: float
    high: float
    new_low: float | None
    new_high: float | None


@dataclass(frozen=True, slots=True)
class LawForecast:
    """One candidate law.

    Attributes
    ----------
    law : CurveLaw
    weight : float
        Its share in the forecasts.
    score : float
        Log predictive density per held-out n, in nats of ln error.
    miss : float
        Root mean square of ln(measured / foretold) over the held-out n.
    parameters : mapping
        Fitted to all n.
    error : ndarray, shape (sizes,)
        Its forecast alone.
    """

    law: CurveLaw
    weight: float
    score: float
    miss: float
    parameters: Mapping[str, float]
    error: FloatArray


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """What measured learning curves foretell.

    Attributes
    ----------
    forecasts : tuple of Forecast
        One for each n asked for.
    laws : tuple of LawForecast
        The candidates, the one of most weight first.
    n, mean : ndarray, shape (sizes,)
        Measured sizes of training sets, increasing, and the mean errors there.
    held_out : int
        How many of the largest n were held out to weigh the laws.
    replicates : int
    level : float
        Of the intervals.
    wanted : float or None
        The error asked for.
    examples, examples_low, examples_high : float or None
        Examples that bring the mean error down to it, and their interval; None where the search ends first,
        at 10,000 times the largest n, or where no error was asked for.
    """

    forecasts: tuple[Forecast, ...]
    laws: tuple[LawForecast, ...]
    n: FloatArray
    mean: FloatArray
    held_out: int
    replicates: int
    level: float
    wanted: float | None = None
    examples: float | None = None
    examples_low: float | None = None
    examples_high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and words, without the version of the format."""
        wanted = None
        if self.wanted is not None:
            wanted = {
                "error": self.wanted,
                "examples": self.examples,
                "low": self.examples_low,
                "high": self.examples_high,
            }
        return {
            "n": self.n.tolist(),
            "mean_error": self.mean.tolist(),
            "replicates": self.replicates,
            "held_out": self.n[-self.held_out :].tolist(),
            "level": self.level,
            "laws": [
                {
                    "law": type(found.law).__name__,
                    "formula": found.law.formula,
                    "weight": found.weight,
                    "held_out_score": found.score,
                    "held_out_miss": found.miss,
                    "parameters": dict(found.parameters),
                    "error": found.error.tolist(),
                }
                for found in self.laws
            ],
            "forecasts": [asdict(forecast) for forecast in self.forecasts],
            "wanted": wanted,
        }

    def _best(self) -> str:
        best, rest = self.laws[0], [found for found in self.laws[1:] if found.weight >= COUNTS]
        held = f"the largest {self.held_out} n" if self.held_out > 1 else "the largest n"
        told = (
            f"Held out and foretold from the smaller ones, {held} are best told by the {law_name(best.law)} "
            f"(weight {percent(round(best.weight, 2))}; its forecasts miss by "
            f"{percent(round(np.expm1(best.miss), 3))})."
        )
        if not rest:
            return told
        others = ", ".join(f"{law_name(found.law)} {percent(round(found.weight, 2))}" for found in rest)
        return f"{told} Not ruled out: {others}."

    def _forecast(self, forecast: Forecast) -> str:
        told = (
            f"At {forecast.n:,.0f} examples the mean error will be {number(forecast.error)}, "
            f"with {percent(self.level)} chance between {number(forecast.low)} and {number(forecast.high)}"
        )
        if forecast.new_low is None:
            return f"{told}."
        new = f"between {number(forecast.new_low)} and {number(forecast.new_high)}"
        return f"{told}; that of one new replicate {new}."

    def _wanted(self) -> str:
        if self.examples is None:
            start = f"An error of {number(self.wanted)} is not reached within 10,000 times the largest n"
            if self.examples_low is None:
                return f"{start}, nor is it within the interval."
            return f"{start}; at best it takes {self.examples_low:,.0f} examples."
        end = f"and {self.examples_high:,.0f}" if self.examples_high is not None else "and never"
        return (
            f"An error of {number(self.wanted)} takes {self.examples:,.0f} examples, "
            f"with {percent(self.level)} chance between {self.examples_low or self.n[0]:,.0f} {end}."
        )

    def sentences(self) -> tuple[str, ...]:
        """What held-out n say of the laws, the forecasts, and what a wanted error takes."""
        wanted = () if self.wanted is None else (self._wanted(),)
        return (self._best(), *(self._forecast(forecast) for forecast in self.forecasts), *wanted)

    def warnings(self) -> tuple[str, ...]:
        """Why to doubt the forecasts: distance, laws that disagree, one replicate, far misses."""
        said = []
        largest = self.n[-1]
        far = [forecast.n for forecast in self.forecasts if forecast.n > _FAR * largest]
        if far:
            said.append(
                f"{max(far):,.0f} examples are {max(far) / largest:,.0f} times the largest n measured. "
                f"Beyond {_FAR:g} times, forecasts rest on the law alone: a curve can flatten where nothing "
                "was measured."
            )
        counted = [found for found in self.laws if found.weight >= COUNTS]
        for i, forecast in enumerate(self.forecasts):
            foretold = [(float(found.error[i]), law_name(found.law)) for found in counted]
            (low, lowest), (high, highest) = min(foretold), max(foretold)
            if high > _APART * low:
                said.append(
                    f"The laws that count disagree at {forecast.n:,.0f} examples: {number(low)} by the "
                    f"{lowest}, {number(high)} by the {highest}."
                )
        if self.replicates == 1:
            said.append(
                "There is one replicate: the intervals know the scatter about the curve, not what another "
                "training set or seed would shift as a whole. Measure again with others."
            )
        return tuple(said)
