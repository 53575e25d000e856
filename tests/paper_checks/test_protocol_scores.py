"""Scores of laws, against closed forms and other people's tests."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from genlaws.paper_checks.fits import curve_weights, fit_curves, fitted_curve
from genlaws.paper_checks.replicates import tabulate
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
    LowerBound,
    Monotone,
    PowerLaw,
    PowerLawWithCorrection,
    PowerLawWithPlateau,
    UpperBound,
)
from genlaws.theory.worlds import Noise

X = np.array([10.0, 20.0, 50.0, 100.0, 200.0, 500.0])


def measured(world):
    return Measurement(
        x=world.x, replicate=world.replicate, y=world.y, se=world.se, reference=world.reference
    )


def table(y, *, x=X, reference=None, se=None):
    """A measurement from y of shape (replicates, points)."""
    y = np.asarray(y)
    replicates, points = y.shape
    return Measurement(
        x=np.tile(x, replicates),
        replicate=np.repeat(np.arange(replicates), points),
        y=y.ravel(),
        reference=None if reference is None else np.broadcast_to(reference, y.shape).ravel(),
        se=None if se is None else np.broadcast_to(se, y.shape).ravel(),
    )


def logarithms_of_power_laws(exponents, rng):
    return table([rng.normal() + p * np.log(X) for p in exponents])


def test_few_replicates_are_fitted_one_by_one_with_student_t():
    rng = np.random.default_rng(1)
    exponents = -1.0 + 0.1 * rng.standard_normal(7)
    found = score(PowerLaw(log_y=True), logarithms_of_power_laws(exponents, rng), level=0.9)
    # each replicate is a pure power law, so its fit is its exponent whatever the weights
    expected = stats.ttest_1samp(exponents, 0.0).confidence_interval(0.9)
    assert found.estimate == pytest.approx(exponents.mean(), abs=1e-8)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-8)
    assert found.details["exponent"] == pytest.approx(exponents.mean(), abs=1e-8)


def test_many_replicates_are_one_regression_with_clustered_errors():
    rng = np.random.default_rng(2)
    exponents = -1.0 + 0.1 * rng.standard_normal(30)
    found = score(PowerLaw(log_y=True), logarithms_of_power_laws(exponents, rng), level=0.9)
    rows = 30 * len(X)
    # the sandwich of pure power laws is the sum of squares of their exponents, times its small-sample factor
    factor = 30 / 29 * (rows - 1) / (rows - 2)
    se = np.sqrt(factor * np.sum((exponents - exponents.mean()) ** 2)) / 30
    assert found.estimate == pytest.approx(exponents.mean(), abs=1e-8)
    assert found.high - found.estimate == pytest.approx(stats.t.ppf(0.95, 29) * se, rel=1e-6)


@pytest.mark.parametrize("replicates", [12, 40])
def test_a_power_law_is_fitted_to_means_with_the_error_of_the_jackknife(replicates):
    scatter = np.linspace(0.1, 0.4, len(X))
    y = 3.0 / X * np.exp(scatter * np.random.default_rng(3).standard_normal((replicates, len(X))))
    data = table(y)
    root = np.sqrt(curve_weights(PowerLaw(), tabulate(data)))

    def slope(mean):  # weights scale the rows of the design and of the target
        return np.polyfit(np.log(X), np.log(mean), 1, w=root)[0]

    found = score(PowerLaw(), data, level=0.9)
    assert found.estimate == pytest.approx(slope(y.mean(axis=0)), abs=1e-9)
    rest = np.array([slope(np.delete(y, left_out, axis=0).mean(axis=0)) for left_out in range(replicates)])
    se = np.sqrt((replicates - 1) * np.mean((rest - rest.mean()) ** 2))
    half = 0.5 * (found.high - found.low)
    assert half == pytest.approx(stats.t.ppf(0.95, replicates - 1) * se, rel=0.05)


def test_scatter_that_grows_over_x_does_not_bend_a_power_law():
    # logarithms of replicates would be 0.125 too low at one end: an exponent of -1.03
    noise = Noise(0.5, shared=0.0, growth=30.0)
    found = [
        score(
            PowerLaw(),
            measured(PowerLaw(-1.0).world("true", replicates=24, noise=noise, rng=seed)),
            level=0.95,
        )
        for seed in range(200)
    ]
    error = [one.estimate + 1.0 for one in found]
    assert abs(np.mean(error)) < 4 * np.std(error) / np.sqrt(200) < 0.003
    covered = sum(one.low <= -1.0 <= one.high for one in found)
    assert stats.binom.ppf(1e-4, 200, 0.95) <= covered


def test_samplers_own_error_is_a_floor_under_the_scatter():
    y = np.tile(3.0 / X, (5, 1))  # replicates agree exactly
    without = score(PowerLaw(), table(y))
    assert without.high - without.low == pytest.approx(0.0, abs=1e-9)
    with_errors = score(PowerLaw(), table(y, se=0.1 * y))
    log_x = np.log(X) - np.log(X).mean()
    se = 0.1 / np.sqrt(5 * np.sum(log_x**2))
    assert with_errors.high - with_errors.estimate == pytest.approx(stats.t.ppf(0.95, 4) * se, rel=1e-6)


def test_one_replicate_counts_with_its_errors_and_not_without():
    y = 3.0 / X[None]
    found = score(PowerLaw(), table(y, se=0.1 * y))
    log_x = np.log(X) - np.log(X).mean()
    assert found.high - found.estimate == pytest.approx(1.6449 * 0.1 / np.sqrt(np.sum(log_x**2)), rel=1e-4)
    for law in (PowerLaw(), PowerLawWithPlateau(), Constant()):
        with pytest.raises(ValueError, match="two replicates"):
            score(law, table(y))


def test_free_and_known_prefactor_of_an_exponential_far_below_the_smallest_float():
    x = np.linspace(1000.0, 5000.0, 6)
    log_y = 3.0 * np.log(x) - 0.25 * x  # down to 1e-530
    y = log_y + 0.01 * np.random.default_rng(0).standard_normal((4, 6))
    for power in (3.0, None):
        law = ExponentialDecay(rate=0.25, prefactor_power=power, log_y=True)
        found = score(law, table(y, x=x))
        assert found.estimate == pytest.approx(0.25, abs=1e-4)
        assert found.low < 0.25 < found.high
        assert found.high - found.low < 2e-4
    assert score(ExponentialDecay(0.25, 0.0, log_y=True), table(y, x=x)).low > found.low - 0.01
    plain = score(ExponentialDecay(0.25, 0.0, log_y=True), table(y, x=x))
    assert plain.high < 0.2495  # without its prefactor the true rate is missed


@pytest.mark.parametrize(
    ("law", "form", "start"),
    [
        (PowerLawWithPlateau(-1.0), lambda x, p, a, b: a * x**p + b, (-1.0, 10.0, 0.1)),
        (
            PowerLawWithCorrection(-0.5, 0.5),
            lambda x, p, a, b: a * x**p + b * x ** (p - 0.5),
            (-0.5, 3.0, 5.0),
        ),
        (Divergence(1.0), lambda x, a, t, c: c - a * np.log(np.maximum(x - t, 1e-9)), (1.0, 0.99, 0.0)),
    ],
    ids=["plateau", "correction", "divergence"],
)
def test_curved_laws_agree_with_nonlinear_least_squares_and_the_jackknife(law, form, start):
    data = measured(law.world("true", replicates=10, noise=0.01, rng=4))
    t = tabulate(data)
    sigma = 1 / np.sqrt(curve_weights(law, t) * t.count)

    def least_squares(mean):
        return optimize.curve_fit(form, t.x, law.to_fit(mean), p0=start, sigma=sigma, maxfev=20_000)[0][0]

    found = score(law, data, rng=0)
    assert found.estimate == pytest.approx(least_squares(t.mean), abs=2e-3 * abs(found.estimate))
    left_out = np.array([least_squares(np.delete(t.y, r, axis=0).mean(axis=0)) for r in range(10)])
    se = np.sqrt(0.9 * np.sum((left_out - left_out.mean()) ** 2))
    width = 2 * stats.t.ppf(0.95, 9) * se
    assert 0.75 * width < found.high - found.low < 1.4 * width


def test_many_curves_at_once_are_fitted_as_one_by_one():
    law = PowerLawWithPlateau(-1.0)
    t = tabulate(measured(law.world("true", replicates=12, noise=0.02, rng=5)))
    weights = curve_weights(law, t)
    together = fit_curves(law, t.x, t.y, weights)
    alone = [fit_curves(law, t.x, row[None], weights).shape[0] for row in t.y]
    np.testing.assert_allclose(together.shape, alone, rtol=1e-3)


def test_a_correction_with_two_valleys_ends_in_the_deeper_one():
    law = PowerLawWithCorrection(-0.5, 0.25)
    world = law.world("true", replicates=4, noise=0.0)
    for truth in (-0.7, -0.5, -0.3):
        values = world.x[:15] ** truth * (1 + 0.5 * (world.x[:15] / 10) ** -0.25)
        fit = fit_curves(law, world.x[:15], values[None], 1 / values**2)
        assert fit.shape[0] == pytest.approx(truth, abs=2e-3)


def test_of_a_pure_power_law_the_corrected_exponent_is_the_leading_one():
    # p + w fits as well, with nothing but the correction: noise must not choose it
    rng = np.random.default_rng(10)
    law = PowerLawWithCorrection(-0.5, 0.25)
    for truth in (-0.8, -0.5):
        y = X**truth * np.exp(0.01 * rng.normal(size=(200, len(X))))
        found = fit_curves(law, X, y, 1 / (0.01 * X**truth) ** 2)
        assert np.all(law.leads(X, found.coefficients))
        assert abs(np.median(found.shape) - truth) < 0.05
    assert law.leads(np.array([1.0, 16.0]), np.array([[1.0, -1.9], [1.0, 2.1]])).tolist() == [True, False]


def test_beside_a_corrected_exponent_stands_that_of_a_power_law_alone():
    rng = np.random.default_rng(9)
    y = (
        rng.uniform(0.9, 1.1, (5, 1))
        * (X**-0.5 + 2.0 * X**-0.75)
        * np.exp(0.01 * rng.normal(size=(5, len(X))))
    )
    found = score(PowerLawWithCorrection(-0.5, 0.25), table(y))
    plain = score(PowerLaw(-0.5), table(y))
    assert found.details["free_exponent"] == pytest.approx(plain.estimate)
    assert found.details["free_exponent_se"] == pytest.approx(plain.components[0].se)
    # no logarithm, no power law alone
    assert "free_exponent" not in score(PowerLawWithCorrection(-0.5, 0.25), table(-y)).details


def test_pointwise_differences_are_t_tests_at_each_x():
    rng = np.random.default_rng(6)
    y, bound = rng.normal(1.0, 0.1, (6, 4)), rng.normal(1.1, 0.1, (6, 4))
    found = score(UpperBound(), table(y, x=X[:4], reference=bound), level=0.9)
    tests = [stats.ttest_1samp(y[:, k] - bound[:, k], 0.0) for k in range(4)]
    assert found.estimate == pytest.approx((y - bound).mean(axis=0).max())
    assert found.high == pytest.approx(max(t.confidence_interval(0.9).high for t in tests))
    # the end that could refute is corrected for four looks
    assert found.low == pytest.approx(max(t.confidence_interval(1 - 0.1 / 4).low for t in tests))
    mirrored = score(LowerBound(), table(-y, x=X[:4], reference=-bound), level=0.9)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
    assert found.details["worst_x"] == X[np.argmax((y - bound).mean(axis=0))]


def test_relative_differences_are_of_means_and_bear_zeros():
    y = np.array([[0.0, 2.0], [3.0, 2.2], [1.0, 1.8], [2.0, 2.0]])
    found = score(EqualWithinMargin(relative=True), table(y, x=X[:2], reference=2.0), level=0.9)
    assert found.estimate == pytest.approx(np.log(0.75))
    half = stats.t.ppf(0.95, 3) * y[:, 0].std(ddof=1) / 2 / y[:, 0].mean()
    assert found.low == pytest.approx(np.log(0.75) - half)
    assert found.high == pytest.approx(
        max(np.log(0.75) + half, stats.t.ppf(0.95, 3) * y[:, 1].std(ddof=1) / 2 / 2.0)
    )
    with pytest.raises(ValueError, match="means must be positive for a ratio"):
        score(EqualWithinMargin(relative=True), table(-y, x=X[:2], reference=2.0))


def test_two_one_sided_tests_give_the_p_value():
    y = np.random.default_rng(8).normal(0.02, 0.1, (9, 3))
    found = score(EqualWithinMargin(), table(y, x=X[:3], reference=0.0))
    above = [stats.ttest_1samp(column, -0.1, alternative="greater").pvalue for column in y.T]
    below = [stats.ttest_1samp(column, 0.1, alternative="less").pvalue for column in y.T]
    assert found.p_inside((-0.1, 0.1)) == pytest.approx(max(*above, *below))
    assert (found.p_inside((-0.1, 0.1)) < 0.05) == (found.low > -0.1 and found.high < 0.1)


def test_a_difference_misses_the_band_only_with_its_own_interval():
    rng = np.random.default_rng(9)
    y = rng.normal([0.0, 0.0, 0.5], 0.05, (6, 3))
    found = score(EqualWithinMargin(), table(y, x=X[:3], reference=0.0), level=0.95)
    estimate, low, high = found.interval_missing((-0.1, 0.1))
    assert low < estimate < high
    expected = stats.ttest_1samp(y[:, 2], 0.0).confidence_interval(1 - 0.05 / 3)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert found.low < 0.1  # the hull, which supports, reaches into the band
    assert found.interval_missing((-1.0, 1.0)) is None


def test_a_closed_curve_is_held_against_its_function():
    y = np.array([[1.0, 2.0], [1.2, 2.2], [1.1, 2.4]])
    found = score(ClosedCurve(np.log10), table(y, x=np.array([10.0, 100.0])))
    assert found.estimate == pytest.approx(0.2)
    assert found.details["worst_x"] == 100.0


def test_steps_are_taken_within_replicates():
    level = np.array([[0.0], [5.0], [-3.0], [9.0]])  # replicates differ by far more than a step
    steps = np.array([[0.0, 1.0, 1.5], [0.0, 1.1, 1.4], [0.0, 0.9, 1.6], [0.0, 1.0, 1.5]])
    found = score(Monotone(), table(level + steps, x=X[:3]), level=0.9)
    smallest = np.diff(steps)[:, 1]
    expected = stats.ttest_1samp(-smallest, 0.0).confidence_interval(0.9)
    assert found.estimate == pytest.approx(-0.5)
    assert found.high == pytest.approx(expected.high)
    reverse = score(Monotone(increasing=False), table(level + steps, x=X[:3]))
    assert reverse.estimate == pytest.approx(1.0)


def test_steps_between_different_replicates_are_differences_of_means():
    x = np.repeat([1.0, 2.0], 4)
    y = np.array([1.0, 1.2, 0.8, 1.0, 2.0, 2.1, 1.9, 2.0])
    found = score(Monotone(), Measurement(x=x, replicate=np.arange(8), y=y), level=0.9)
    se = np.sqrt(np.var(y[:4], ddof=1) / 4 + np.var(y[4:], ddof=1) / 4)
    assert found.estimate == pytest.approx(-1.0)
    assert found.high == pytest.approx(-1.0 + stats.t.ppf(0.95, 3) * se)


def test_the_distance_between_distributions_is_kolmogorovs():
    rng = np.random.default_rng(10)
    y, reference = rng.normal(0.0, 1.0, (100, 1)), rng.normal(0.6, 1.0, (100, 1))
    found = score(EqualDistributions(), table(y, x=X[:1], reference=reference), rng=0)
    assert found.estimate == pytest.approx(stats.ks_2samp(y.ravel(), reference.ravel()).statistic)
    # two samples of 100: the distance is known to Kolmogorov's 5 % point of 1.36 sqrt(2/100), within a few %
    assert found.high - found.estimate == pytest.approx(1.36 * np.sqrt(2 / 100), rel=0.25)
    assert found.estimate - found.low == pytest.approx(found.high - found.estimate)


def test_clustered_samples_are_not_taken_for_independent_ones():
    rng = np.random.default_rng(11)
    common = np.repeat(rng.standard_normal((2, 20)), 50, axis=1)  # 20 replicates of 50 equal values
    data = Measurement(
        x=np.ones(1000), replicate=np.repeat(np.arange(20), 50), y=common[0], reference=common[1]
    )
    found = score(EqualDistributions(), data, rng=0)
    assert found.high - found.estimate == pytest.approx(1.36 * np.sqrt(2 / 20), rel=0.35)


def test_the_place_of_a_parabolas_peak_is_exact_and_an_end_stays_an_end():
    x = np.array([1.0, 3.0, 9.0, 20.0, 50.0])
    exact = -((np.log(x) - np.log(7.0)) ** 2)
    shifts = np.array([[0.0], [1.0], [-2.0]])
    found = score(InteriorPeak(7.0), table(exact + shifts, x=x), rng=0)
    assert found.estimate == pytest.approx(7.0, rel=1e-10)
    assert found.high - found.low == pytest.approx(0.0, abs=1e-9)
    falling = score(InteriorPeak(7.0), table(-x + shifts, x=x), rng=0)
    assert (falling.estimate, falling.low, falling.high) == (1.0, 1.0, 1.0)


def test_equal_generators_give_equal_scores():
    data = measured(PowerLawWithPlateau().world("true", rng=3))
    first, second, other = (score(PowerLawWithPlateau(), data, rng=seed) for seed in (1, 1, 2))
    assert (first.low, first.high) == (second.low, second.high)
    assert first.low != other.low


def test_fitted_curves_for_plots():
    data = measured(PowerLawWithPlateau(-1.0).world("true", replicates=2, noise=0.0))
    x, y = fitted_curve(PowerLawWithPlateau(-1.0), data, points=7)
    np.testing.assert_allclose(y, 0.1 + 10.0 / x, rtol=1e-3)
    x, y = fitted_curve(ClosedCurve(np.log10), data, points=3)
    np.testing.assert_allclose(y, np.log10(x))
    bounded = measured(UpperBound().world("true", replicates=3, rng=1))
    x, y = fitted_curve(UpperBound(), bounded)
    np.testing.assert_allclose(y, 1.0 + 10.0 / x)


def test_bad_input_is_named():
    data = measured(PowerLaw().world("true", rng=0))
    with pytest.raises(ValueError, match=r"level must lie in \(0, 1\), got 1.5"):
        score(PowerLaw(), data, level=1.5)
    with pytest.raises(TypeError, match="got str"):
        score("a power law", data)
    with pytest.raises(ValueError, match="at least 3 distinct values"):
        score(PowerLawWithPlateau(), table(np.ones((3, 2)), x=X[:2]))
    with pytest.raises(ValueError, match="must be positive"):
        score(PowerLaw(), table(-np.ones((3, 6))))
    with pytest.raises(ValueError, match="reference must be given"):
        score(EqualDistributions(), data)


@pytest.mark.parametrize(
    ("law", "truth", "x"),
    [
        (PowerLawWithCorrection(-0.5, 0.5), -0.35, np.geomspace(10.0, 1e6, 18)),
        (PowerLawWithPlateau(-1.0), -1.25, None),
        (Divergence(1.0), 0.75, None),
    ],
    ids=["correction", "plateau", "divergence"],
)
def test_shapes_are_found_as_exactly_as_curves_that_do_not_scatter_ask_for(law, truth, x):
    found = score(law, measured(law.world("true", score=truth, x=x, noise=0.0)), rng=0)
    assert found.estimate == pytest.approx(truth, abs=1e-8)
    assert found.low == pytest.approx(truth, abs=1e-8)
