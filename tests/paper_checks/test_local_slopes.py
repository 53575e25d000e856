"""Local slopes: flat at the score where a law holds, not where it does not, with honest intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genlaws.paper_checks.local_slopes import local_slopes
from genlaws.simulate.measurement import Measurement
from genlaws.theory import (
    ClosedCurve,
    Constant,
    Divergence,
    ExponentialDecay,
    Linear,
    LogarithmicDecay,
    LogarithmicGrowth,
    PowerLaw,
    PowerLawWithCorrection,
    PowerLawWithPlateau,
    UpperBound,
)


def measured(x, y, replicate=None):
    return Measurement(x=x, replicate=np.zeros(len(x), int) if replicate is None else replicate, y=y)


# each with a score that its world has, and how well a fit without noise finds what it takes away
STRAIGHT = [
    (PowerLaw(-0.7), -0.7, 1e-9),
    (PowerLaw(-0.7, log_y=True), -0.7, 1e-9),
    (PowerLawWithPlateau(-0.8), -0.8, 0.02),
    (PowerLawWithCorrection(-0.5, 0.25), -0.5, 0.02),
    (ExponentialDecay(0.3), 0.3, 1e-9),
    (ExponentialDecay(0.3, 2.0, log_y=True), 0.3, 1e-9),
    (ExponentialDecay(0.3, None), 0.3, 1e-6),
    (LogarithmicGrowth(2.0), 2.0, 1e-9),
    (Linear(2.0), 2.0, 1e-9),
    (LogarithmicDecay(-1.0), -1.0, 1e-9),
    (Divergence(1.5), 1.5, 0.02),
    (Divergence(1.5, 4.0, above=False), 1.5, 1e-9),
]


@pytest.mark.parametrize(("law", "score", "tolerance"), STRAIGHT)
def test_slopes_are_the_score_at_every_x_where_the_law_holds(law, score, tolerance):
    world = law.world("true", replicates=1, noise=0.0)
    slopes = local_slopes(law, measured(world.x, world.y))
    assert len(slopes.x) == len(world.x) - 1
    np.testing.assert_allclose(slopes.slope, score, rtol=tolerance)
    assert np.all(np.isnan(slopes.half))


@pytest.mark.parametrize("law", [PowerLaw(-0.7), ExponentialDecay(0.3), LogarithmicGrowth(2.0)])
def test_slopes_of_another_law_run(law):
    world = law.world("rival", replicates=1, noise=0.0)
    slope = local_slopes(law, measured(world.x, world.y)).slope
    assert np.ptp(slope) > 0.5 * abs(slope.mean())


def test_the_named_prefactor_is_taken_away_before_the_rate_is_read():
    # n^19 e^(-0.3 n): the plain slope of ln y at the first pair is far from the rate
    n = np.array([80.0, 110.0, 140.0])
    y = 19 * np.log(n) - 0.3 * n
    slopes = local_slopes(ExponentialDecay(0.3, 19.0, log_y=True), measured(n, y))
    np.testing.assert_allclose(slopes.slope, 0.3, rtol=1e-12)
    assert -np.diff(y)[0] / 30 < 0.12


def test_places_are_geometric_where_x_is_positive_and_arithmetic_where_it_is_not():
    y = [1.0, 0.5, 0.3]
    assert local_slopes(PowerLaw(), measured([1.0, 4.0, 9.0], y)).x.tolist() == [2.0, 6.0]
    assert local_slopes(ExponentialDecay(), measured([0.0, 4.0, 10.0], y)).x.tolist() == [2.0, 7.0]


def test_the_interval_is_students_over_the_slopes_of_replicates():
    rng = np.random.default_rng(3)
    y = np.exp(rng.normal(size=(6, 2)))
    x = np.tile([1.0, np.e**2], 6)
    slopes = local_slopes(PowerLaw(), measured(x, y.ravel(), np.repeat(np.arange(6), 2)))
    each = np.diff(np.log(y), axis=1)[:, 0] / 2
    interval = stats.ttest_1samp(each, 0.0).confidence_interval(0.95)
    assert slopes.slope[0] == pytest.approx(each.mean())
    assert slopes.slope[0] - slopes.half[0] == pytest.approx(interval.low)
    assert slopes.slope[0] + slopes.half[0] == pytest.approx(interval.high)


def test_a_replicate_at_zero_leaves_the_slope_of_the_mean_with_a_jackknife():
    x, y = np.tile([1.0, 2.0], 3), [1.0, 0.0, 1.0, 1.0, 1.0, 2.0]
    slopes = local_slopes(PowerLaw(), measured(x, y, np.repeat([0, 1, 2], 2)))
    without = np.log2([1.5, 1.0, 0.5])  # of the mean at x = 2 without each replicate; the mean at 1 is 1
    pseudo = 3 * np.log2(1.0) - 2 * without
    assert slopes.slope[0] == pytest.approx(pseudo.mean())
    assert slopes.half[0] == pytest.approx(stats.t.ppf(0.975, 2) * pseudo.std(ddof=1) / np.sqrt(3))


def test_replicates_that_miss_an_x_are_left_out_of_its_pairs_alone():
    x = [1.0, 2.0, 4.0, 1.0, 2.0, 4.0, 2.0, 4.0]
    y = [8.0, 4.0, 2.0, 8.0, 4.0, 1.0, 64.0, 4.0]
    slopes = local_slopes(PowerLaw(), measured(x, y, [0, 0, 0, 1, 1, 1, 2, 2]))
    np.testing.assert_allclose(slopes.slope, [-1.0, (-1 - 2 - 4) / 3])


def test_intervals_cover_the_slope_as_often_as_they_say():
    law, seen = PowerLaw(-1.0), []
    for seed in range(250):
        world = law.world("true", x=np.array([10.0, 30.0]), replicates=5, noise=0.3, rng=seed)
        slopes = local_slopes(law, measured(world.x, world.y, world.replicate))
        seen.append(abs(slopes.slope[0] + 1.0) <= slopes.half[0])
    assert stats.binomtest(sum(seen), len(seen), 0.95).pvalue > 1e-3


@pytest.mark.parametrize("law", [Constant(1.0), UpperBound(), ClosedCurve(np.sqrt)])
def test_laws_without_a_slope_have_none(law):
    assert local_slopes(law, measured([1.0, 2.0, 4.0], [3.0, 2.0, 1.0])) is None


def test_what_has_no_slope_has_none():
    assert local_slopes(PowerLaw(), measured([2.0, 2.0], [1.0, 1.5], [0, 1])) is None
    assert local_slopes(PowerLaw(), measured([1.0, 2.0, 4.0], [0.0, 0.0, 0.0])) is None
    assert local_slopes(LogarithmicDecay(), measured([0.5, 2.0, 4.0], [3.0, 2.0, 1.0])) is None
