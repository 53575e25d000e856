import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from genlaws.simulate import (
    GaussianProcess,
    SphericalPerceptron,
    arc_cosine_covariance,
    sample_error_density,
    sample_zero_error,
)
from genlaws.theory import PerceptronErrorDensity


@pytest.fixture(scope="module")
def perceptrons():
    return sample_error_density(SphericalPerceptron(6), particles=300, replicas=8, log_floor=-35.0, rng=1)


def test_the_left_tail_of_perceptrons_is_exact_and_its_error_bar_honest(perceptrons):
    e = perceptrons
    assert e.log_cdf[0] < -30.0
    assert not e.collapsed
    exact = PerceptronErrorDensity(6).log_cdf(e.errors)
    inside = (exact > -35.0) & (exact < -0.5)
    z = (e.log_cdf - exact)[inside] / e.log_cdf_se[inside]
    # t with 7 degrees of freedom; neighbouring errors share their runs
    assert np.abs(z).max() < 6.5
    assert np.mean(np.abs(z) < stats.t.ppf(0.975, 7)) > 0.6
    assert e.log_cdf_se[inside].max() < 0.6
    assert np.median(e.log_cdf_se[inside]) < 0.3


def test_the_body_is_the_distribution_of_plain_draws(perceptrons):
    e = perceptrons
    body = e.log_cdf > math.log(0.05)
    np.testing.assert_allclose(
        np.exp(e.log_cdf[body]), np.exp(PerceptronErrorDensity(6).log_cdf(e.errors[body])), atol=0.04
    )


def test_what_is_measured_can_be_written_down(perceptrons):
    d = json.loads(json.dumps(perceptrons.to_dict(), allow_nan=False))
    assert d["errors"] == sorted(d["errors"])
    assert len(d["log_cdf"]) == len(d["log_cdf_se"]) == len(d["errors"]) == len(perceptrons.to_frame())
    assert (d["replicas"], d["particles"], d["error_name"], d["error_resolution"]) == (8, 300, "exact", None)


def test_equal_seeds_give_equal_bits():
    a, b = (sample_error_density(SphericalPerceptron(4), particles=40, replicas=2, rng=7) for _ in range(2))
    np.testing.assert_array_equal(a.log_cdfs, b.log_cdfs)


def test_smallest_error_and_floor_end_the_descent():
    stopped = sample_error_density(
        SphericalPerceptron(6), particles=50, replicas=2, smallest_error=0.2, rng=1
    )
    floored = sample_error_density(SphericalPerceptron(6), particles=50, replicas=2, log_floor=-10.0, rng=1)
    assert 0.15 < stopped.errors[0] <= 0.2
    assert 0.2 in stopped.errors
    assert -13.0 < floored.log_cdf[0] < -9.0


@pytest.fixture(scope="module")
def pool():
    points = 24
    x = np.random.default_rng(3).standard_normal((points, 5))
    K = arc_cosine_covariance(x, depth=2, weight_variance=2.0, bias_variance=0.1)
    return GaussianProcess.on_pool(K, np.sign(x[:, 0] + 0.3 * x[:, 1]))


@pytest.fixture(scope="module")
def pool_density(pool):
    return sample_error_density(pool, particles=1000, replicas=8, rng=4)


def test_counted_errors_stand_on_every_count(pool, pool_density):
    e = pool_density
    np.testing.assert_allclose(np.diff(e.errors), 1 / 24)
    rng = np.random.default_rng(5)
    drawn = np.round(24 * pool.true_errors(pool.draw(200_000, rng))).astype(int)
    counts = np.cumsum(np.bincount(drawn, minlength=25))
    for error, log_cdf, se in zip(e.errors, e.log_cdf, e.log_cdf_se, strict=True):
        count = counts[round(error * 24)]
        if 30 < count < 190_000:
            both = math.hypot(se, 1 / math.sqrt(count))
            assert log_cdf == pytest.approx(math.log(count / 200_000), abs=5 * both)
            assert se < 0.15


def test_tilting_a_pool_is_averaging_over_training_sets(pool, pool_density):
    # E_S |H(S)| = int Q (1-E)^n exactly on a pool: the tail measured by splitting, against ensembles that
    # were conditioned on 150 training sets drawn from the pool
    n, sets = 6, 150
    log_cdf = np.maximum.accumulate(pool_density.log_cdfs, axis=1)
    mass = np.diff(np.exp(log_cdf), prepend=0.0, axis=1)
    tilted = mass @ (1 - pool_density.errors) ** n
    rng = np.random.default_rng(6)
    fractions = np.array(
        [
            np.exp(sample_zero_error(pool, [n], particles=100, replicas=2, rng=rng).log_fractions).mean()
            for _ in range(sets)
        ]
    )
    se = math.hypot(fractions.std(ddof=1) / math.sqrt(sets), tilted.std(ddof=1) / math.sqrt(8))
    assert fractions.mean() == pytest.approx(tilted.mean(), abs=4 * se)
    assert se < 0.12 * tilted.mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"particles": 19}, "particles must be at least 20, got 19"),
        ({"replicas": 1}, "replicas must be at least 2"),
        ({"smallest_error": 1.0}, r"smallest_error must lie in \[0, 1\), got 1.0"),
        ({"log_floor": 0.0}, "log_floor must be negative, got 0.0"),
        ({"log_floor": math.nan}, "log_floor must be negative, got nan"),
        ({"rng": -1}, "rng must be a generator or a seed of at least 0, got -1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_error_density(SphericalPerceptron(3), **arguments)


def test_heavy_tails_reach_far_below_what_draws_could_see():
    # dimension 40 down to exp(-150): the mass of a cap, from the incomplete beta function in closed form
    e = sample_error_density(SphericalPerceptron(40), particles=100, replicas=4, log_floor=-150.0, rng=2)
    exact = PerceptronErrorDensity(40).log_cdf(e.errors)
    assert e.log_cdf[0] < -140.0
    angle = math.pi * e.errors[-40:]
    cap = 0.5 * special.betainc(19.5, 0.5, np.sin(angle) ** 2)
    low = angle < math.pi / 2
    np.testing.assert_allclose(np.exp(exact[-40:][low]), cap[low], rtol=1e-8)
    z = (e.log_cdf[0] - exact[0]) / e.log_cdf_se[0]
    assert abs(z) < stats.t.ppf(1 - 5e-4, 3)
    assert e.log_cdf_se[0] < 2.5


def test_a_collapsed_population_foretells_nothing():
    measured = sample_error_density(SphericalPerceptron(4), particles=50, smallest_error=0.2, rng=0)
    collapsed = replace(measured, collapsed=True)
    with pytest.raises(ValueError, match="collapsed"):
        collapsed.density()
    counted = replace(collapsed, error_name="pool", error_resolution=100)
    with pytest.raises(ValueError, match="collapsed"):
        counted.learning_curves([1])
    assert measured.density().mean() > 0.2


def test_before_any_example_the_mean_error_is_that_of_all_even_where_some_err_on_every_point():
    measured = sample_error_density(SphericalPerceptron(4), particles=400, smallest_error=0.2, rng=0)
    # counted on two points: errors of 0, 1/2 and 1; all directions are equally likely, so their mean is 1/2
    counted = replace(measured, error_name="pool", error_resolution=2)
    assert np.any(np.round(2 * counted.errors) == 2)
    np.testing.assert_allclose(counted.learning_curves([0]).mean(), 0.5, atol=0.05)
