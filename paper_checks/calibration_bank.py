"""`CASES`: a law of every form with its band, and `DESIGNS`: how measurements of it may scatter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate.measurement import Measurement
from genlaws.theory import (
    ClosedCurve,
    Constant,
    Divergence,
    EqualDistributions,
    EqualWithinMargin,
    ExponentialDecay,
    InteriorPeak,
    Law,
    Linear,
    LogarithmicDecay,
    LogarithmicGrowth,
    LowerBound,
    Monotone,
    Ordering,
    PowerLaw,
    PowerLawWithCorrection,
    PowerLawWithPlateau,
    UpperBound,
)
from genlaws.theory.worlds import Noise, Tails

from .claim import Claim, Control, Experiment, Settings

FloatArray = NDArray[np.float64]

_FEW = 3


def _unmeasured(settings: Settings, rng: np.random.Generator) -> Measurement:
    raise NotImplementedError("what is calibrated has made-up measurements only")


_NOTHING = Experiment(units=lambda budget: [], measure=_unmeasured)


@dataclass(frozen=True, slots=True)
class Case:
    """A law with its band, at a noise that leaves the true law some chance of not being supported.

    Attributes
    ----------
    law, predicted, band, rivals
        As in `Claim`.
    noise : float
        Deviation of one replicate; half of it is the lower of the two levels.
    replicates : int
    x : tuple of float, or None
        None: those that suit the law.
    true_score : float or None
        Truth of the true worlds, where it is not the prediction.
    rival_world : Law or None
        Which curve is true in rival worlds; None: the one that the law itself names.
    """

    law: Law
    predicted: float
    band: tuple[float, float]
    noise: float
    replicates: int = 8
    rivals: tuple[Law, ...] = ()
    x: tuple[float, ...] | None = None
    true_score: float | None = None
    rival_world: Law | None = None

    @property
    def edges(self) -> tuple[float, ...]:
        """The finite ends of the band, where both errors are at their worst."""
        return tuple(end for end in self.band if math.isfinite(end))

    def claim(self, x: FloatArray) -> Claim:
        """The case as a claim about these x; it has no experiments."""
        return Claim(
            id="case",
            paper="calibration",
            where="made up",
            statement="The law holds.",
            prediction="its score lies in the band",
            law=self.law,
            predicted=self.predicted,
            band=self.band,
            x_range=(float(x.min()), float(x.max())),
            falsifier="another score",
            control=Control("a world with another score", "REFUTED", {"simulation": _NOTHING}),
            experiments={"simulation": _NOTHING},
            rivals=self.rivals,
            not_applicable={"network": "made up"},
        )


@dataclass(frozen=True, slots=True)
class Design:
    """How the replicates of a case scatter, how many there are, and how often one looks.

    Attributes
    ----------
    about : str
        In words.
    shared, growth, tails
        As in `Noise`.
    few : bool
        Whether there are only three replicates.
    looks : int
        As in `run_claims`.
    """

    about: str
    shared: float = 0.5
    growth: float = 1.0
    tails: Tails = "gaussian"
    few: bool = False
    looks: int = 1

    def noise(self, deviation: float) -> Noise:
        """Of this deviation."""
        return Noise(deviation, shared=self.shared, growth=self.growth, tails=self.tails)

    def replicates(self, case: Case) -> int:
        """At the first look."""
        return min(_FEW, case.replicates) if self.few else case.replicates

    def suits(self, case: Case) -> bool:
        """Whether the design asks anything of the case that others do not."""
        if isinstance(case.law, EqualDistributions):  # at one x, of rows by the hundred
            return not self.few and self.growth == 1.0 and self.looks == 1
        return not self.few or case.replicates > _FEW


def _falling(x: FloatArray) -> FloatArray:
    return np.asarray(1.0 + 10.0 / x)


_INF = math.inf
_TO_HIDE = tuple(np.geomspace(10.0, 60.0, 12))  # the plateau leads from 100 on

CASES: Mapping[str, Case] = {
    "power law": Case(PowerLaw(-1.0), -1.0, (-1.1, -0.9), 0.25, rivals=(ExponentialDecay(),)),
    "power law, 4 replicates": Case(PowerLaw(-1.0), -1.0, (-1.1, -0.9), 0.12, 4),
    "power law, 24 replicates": Case(PowerLaw(-1.0), -1.0, (-1.1, -0.9), 0.5, 24),
    "power law or a plateau": Case(
        PowerLaw(-1.0),
        -1.0,
        (-1.1, -0.9),
        0.25,
        rivals=(PowerLawWithPlateau(-1.0),),
        x=tuple(np.geomspace(10.0, 1000.0, 12)),
        rival_world=PowerLawWithPlateau(-1.0),
    ),
    "plateau": Case(PowerLawWithPlateau(-1.0), -1.0, (-1.25, -0.75), 0.06),
    "plateau beyond the range": Case(PowerLawWithPlateau(-1.0), -1.0, (-1.4, -0.6), 0.02, x=_TO_HIDE),
    "correction": Case(
        PowerLawWithCorrection(-0.5, 0.5), -0.5, (-0.65, -0.35), 0.02, x=tuple(np.geomspace(10, 1e6, 18))
    ),
    "exponential, known prefactor": Case(
        ExponentialDecay(0.1, 3.0, log_y=True), 0.1, (0.09, 0.11), 1.2, rivals=(PowerLaw(log_y=True),)
    ),
    "exponential, free prefactor": Case(ExponentialDecay(0.1, None, log_y=True), 0.1, (0.08, 0.12), 0.4),
    "straight line": Case(Linear(1.0), 1.0, (0.9, 1.1), 0.1),
    "logarithmic growth": Case(LogarithmicGrowth(1.0), 1.0, (0.8, 1.2), 0.8, rivals=(PowerLaw(0.3),)),
    "logarithmic decay": Case(LogarithmicDecay(-1.0), -1.0, (-1.25, -0.75), 0.25),
    "divergence": Case(Divergence(1.0), 1.0, (0.75, 1.25), 0.25),
    "divergence, known threshold": Case(Divergence(1.0, 1.0), 1.0, (0.9, 1.1), 0.35),
    "constant": Case(Constant(1.0), 1.0, (0.8, 1.2), 0.25, rivals=(LogarithmicGrowth(),)),
    "closed curve": Case(ClosedCurve(_falling, relative=True), 0.0, (-0.1, 0.1), 0.06),
    "upper bound": Case(UpperBound(), 0.0, (-_INF, 0.1), 0.06, true_score=0.0),
    "upper bound, violated inside the tolerance": Case(
        UpperBound(), 0.0, (-_INF, 0.1), 0.05, true_score=0.05
    ),
    "lower bound": Case(LowerBound(relative=True), 0.0, (-0.1, _INF), 0.06, true_score=0.0),
    "ordering": Case(Ordering(above=True), 0.2, (0.0, _INF), 0.15),
    "equal within a margin": Case(EqualWithinMargin(relative=True), 0.0, (-0.1, 0.1), 0.06),
    "unequal within a margin": Case(EqualWithinMargin(), 0.0, (-0.1, 0.1), 0.05, true_score=0.04),
    "equal distributions": Case(EqualDistributions(), 0.0, (-_INF, 0.2), 0.1, 300),
    "monotone": Case(Monotone(increasing=False), -0.2, (-_INF, 0.0), 0.15),
    "interior peak": Case(InteriorPeak(50.0), 50.0, (40.0, 60.0), 0.15),
}
"""Name -> case."""

DESIGNS: Mapping[str, Design] = {
    "even": Design("Gaussian noise, the same at every x, half of its variance shared within a replicate"),
    "growing": Design("noise that grows thirtyfold over x", growth=30.0),
    "shrinking": Design("noise that shrinks thirtyfold over x", growth=1.0 / 30.0),
    "heavy tails": Design("Laplace noise", tails="laplace"),
    "correlated": Design("95 % of the variance shared within a replicate", shared=0.95),
    "few replicates": Design("three replicates", few=True),
    "until decided": Design("up to four looks, replicates doubling", looks=4),
}
"""Name -> design."""
