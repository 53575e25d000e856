"""Worlds with known truth: the protocol supports what is false, and refutes what is true, in 5 % at most."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from genlaws.paper_checks.calibration import LEVELS, measure_rates, settings
from genlaws.paper_checks.calibration_bank import CASES, DESIGNS
from genlaws.paper_checks.scores import score
from genlaws.simulate.measurement import Measurement
from genlaws.theory import PowerLaw, World


def measured(world: World) -> Measurement:
    return Measurement(
        x=world.x, replicate=world.replicate, y=world.y, se=world.se, reference=world.reference
    )


def check(case: str, design: str, worlds: int, level: float = 1.0) -> None:
    for setting in settings([case], [design], [level]):
        rates = measure_rates(setting, worlds=worlds, seed=1)
        assert not rates.too_often, rates
        assert rates.failed <= stats.binom.ppf(0.999, worlds, 0.02), rates
        if design == "even" and setting.truth == "true":
            assert rates.supported > stats.binom.ppf(0.001, worlds, 0.5), rates
        if design == "even" and setting.truth == "wrong":
            assert rates.refuted > stats.binom.ppf(0.001, worlds, 0.5), rates


@pytest.fixture(autouse=True)
def one_thread():
    # the matrices are small: threads would only wait for each other
    with threadpool_limits(1):
        yield


# laws with a shape are searched in every bootstrap; the plateau and the divergence stand for them
COSTLY = {"correction", "power law or a plateau", "plateau beyond the range"}


@pytest.mark.parametrize("name", sorted(set(CASES) - COSTLY))
def test_false_verdicts_are_rare_in_40_worlds(name):
    check(name, "even", 40)


@pytest.mark.parametrize("design", sorted(set(DESIGNS) - {"even"}))
def test_false_verdicts_stay_rare_where_replicates_scatter_otherwise(design):
    check("power law", design, 40)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", CASES)
def test_false_verdicts_are_rare_in_200_worlds(name, design):
    for level in LEVELS:
        if DESIGNS[design].suits(CASES[name]):
            check(name, design, 200, level)


# how a measurement can be arranged: rows over replicates and x, what is known of their errors
ARRANGEMENTS = ("few replicates", "many replicates", "one x each", "one replicate", "ragged", "zeros")


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
@pytest.mark.parametrize("design", ARRANGEMENTS)
def test_intervals_cover_the_truth(design):
    worlds = 1000
    inside = coverage(design, worlds)
    assert inside >= stats.binom.ppf(0.001, worlds, 0.88), inside
    assert inside <= stats.binom.ppf(0.999, worlds, 0.94), inside
