"""Worlds with known truth: the protocol supports what is false, and refutes what is true, in 5 % at most."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from genlaws.paper_checks.claim import Claim, Control, Experiment
from genlaws.paper_checks.protocol import judge
from genlaws.paper_checks.scores import score
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
    World,
)

INF = float("inf")
NOTHING = Experiment(units=lambda budget: [], measure=lambda settings, rng: None)


def falling(x):
    return 1.0 + 10.0 / x


@dataclass(frozen=True)
class Case:
    """A law with its band, at a noise that leaves the true law some chance of not being supported."""

    law: Law
    predicted: float
    band: tuple[float, float]
    noise: float
    replicates: int = 8
    rivals: tuple[Law, ...] = ()
    x: tuple[float, ...] | None = None
    true_score: float | None = None
    """Truth of the true worlds, where it is not the prediction."""


CASES = {
    "power law": Case(PowerLaw(-1.0), -1.0, (-1.1, -0.9), 0.25, rivals=(ExponentialDecay(),)),
    "power law, 4 replicates": Case(PowerLaw(-1.0), -1.0, (-1.1, -0.9), 0.12, 4),
    "power law, 24 replicates": Case(PowerLaw(-1.0), -1.0, (-1.1, -0.9), 0.5, 24),
    "plateau": Case(PowerLawWithPlateau(-1.0), -1.0, (-1.25, -0.75), 0.06),
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
    "closed curve": Case(ClosedCurve(falling, relative=True), 0.0, (-0.1, 0.1), 0.06),
    "upper bound": Case(UpperBound(), 0.0, (-INF, 0.1), 0.06, true_score=0.0),
    "upper bound, violated inside the tolerance": Case(UpperBound(), 0.0, (-INF, 0.1), 0.05, true_score=0.05),
    "lower bound": Case(LowerBound(relative=True), 0.0, (-0.1, INF), 0.06, true_score=0.0),
    "ordering": Case(Ordering(above=True), 0.2, (0.0, INF), 0.15),
    "equal within a margin": Case(EqualWithinMargin(relative=True), 0.0, (-0.1, 0.1), 0.06),
    "unequal within a margin": Case(EqualWithinMargin(), 0.0, (-0.1, 0.1), 0.05, true_score=0.04),
    "equal distributions": Case(EqualDistributions(), 0.0, (-INF, 0.2), 0.1, 300),
    "monotone": Case(Monotone(increasing=False), -0.2, (-INF, 0.0), 0.15),
    "interior peak": Case(InteriorPeak(50.0), 50.0, (40.0, 60.0), 0.15),
}


def measured(world: World) -> Measurement:
    return Measurement(
        x=world.x, replicate=world.replicate, y=world.y, se=world.se, reference=world.reference
    )


def claim_of(case: Case, x_range: tuple[float, float]) -> Claim:
    return Claim(
        id="T1",
        paper="test",
        where="here",
        statement="a statement",
        prediction="a number",
        law=case.law,
        predicted=case.predicted,
        band=case.band,
        x_range=x_range,
        falsifier="another number",
        control=Control("a wrong world", "REFUTED", {"simulation": NOTHING}),
        experiments={"simulation": NOTHING},
        rivals=case.rivals,
        not_applicable={"network": "not measured"},
    )


def count_outcomes(case: Case, kind: str, truth: float | None, worlds: int, seed: int) -> Counter[str]:
    rng = np.random.default_rng(seed)
    x = None if case.x is None else np.array(case.x)
    settings = {"x": x, "replicates": case.replicates, "noise": case.noise, "rng": rng}
    control = measured(case.law.world("wrong", **(settings | {"noise": 0.1 * case.noise})))
    outcomes: Counter[str] = Counter()
    for number in range(worlds):
        table = measured(case.law.world(kind, score=truth, **settings))
        claim = claim_of(case, (table.x.min(), table.x.max()))
        outcomes[judge(claim, "simulation", table, control, seed=number).verdict.value] += 1
    return outcomes


def most(worlds: int) -> float:
    """The most false verdicts that a rate of 5 % makes plausible."""
    return stats.binom.ppf(0.999, worlds, 0.05)


def check(name: str, worlds: int) -> None:
    case = CASES[name]
    true = count_outcomes(case, "true", case.true_score, worlds, 1)
    assert true["REFUTED"] <= most(worlds), true
    assert true["SUPPORTED"] > 0.5 * worlds, true
    for place, edge in enumerate(case.band):
        if np.isfinite(edge):
            # on the edge both errors are at their worst: inside for one, outside for the other
            at_edge = count_outcomes(case, "true", edge, worlds, 2 + place)
            assert at_edge["SUPPORTED"] <= most(worlds), (edge, at_edge)
            assert at_edge["REFUTED"] <= most(worlds), (edge, at_edge)
    wrong = count_outcomes(case, "wrong", None, worlds, 4)
    assert wrong["SUPPORTED"] <= most(worlds), wrong
    assert wrong["REFUTED"] > 0.5 * worlds, wrong
    if case.rivals:
        rival = count_outcomes(case, "rival", None, worlds, 5)
        assert rival["SUPPORTED"] <= most(worlds), rival


@pytest.fixture(autouse=True)
def one_thread():
    # the matrices are small: threads would only wait for each other
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize("name", CASES)
def test_false_verdicts_are_rare_in_40_worlds(name):
    check(name, 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_false_verdicts_are_rare_in_200_worlds(name):
    check(name, 200)


# how a measurement can be arranged: rows over replicates and x, what is known of their errors
DESIGNS = ("few replicates", "many replicates", "one x each", "one replicate", "ragged", "zeros")


def arranged(design: str, rng: np.random.Generator) -> Measurement:
    """A power law of exponent -1 with the noise of the design."""
    x = np.geomspace(10.0, 1000.0, 7)
    if design in ("few replicates", "many replicates"):
        return measured(PowerLaw(-1.0).world("true", x=x, replicates=5 if "few" in design else 25, rng=rng))
    if design == "one x each":
        rows = np.repeat(x, 2)
        y = np.exp(0.1 * rng.standard_normal(len(rows))) / rows
        return Measurement(x=rows, replicate=np.arange(len(rows)), y=y)
    if design == "one replicate":
        return Measurement(
            x=x,
            replicate=np.zeros(len(x), dtype=int),
            y=(1 + 0.05 * rng.standard_normal(len(x))) / x,
            se=0.05 / x,
        )
    if design == "ragged":
        table = measured(PowerLaw(-1.0).world("true", x=x, replicates=8, rng=rng))
        kept = rng.random(len(table.x)) < 0.8
        return Measurement(x=table.x[kept], replicate=table.replicate[kept], y=table.y[kept])
    # counts that are sometimes zero: the law is that of their mean
    counts = rng.poisson(2000.0 / x, size=(12, len(x)))
    return Measurement(x=np.tile(x, 12), replicate=np.repeat(np.arange(12), len(x)), y=counts.ravel())


def coverage(design: str, worlds: int) -> int:
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(worlds):
        found = score(PowerLaw(-1.0), arranged(design, rng), level=0.9, rng=rng)
        inside += found.low <= -1.0 <= found.high
    return inside


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_cover_the_truth(design):
    worlds = 1000
    inside = coverage(design, worlds)
    assert inside >= stats.binom.ppf(0.001, worlds, 0.88), inside
    assert inside <= stats.binom.ppf(0.999, worlds, 0.94), inside
