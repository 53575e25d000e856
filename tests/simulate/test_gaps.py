"""Exponents of gap densities: on made-up gaps whose law is known."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from genlaws.simulate import fit_gap_law, gap_density


def power_law(exponent, count, rng, *, low=0.0):
    # by inversion of the distribution function on (low, 1)
    least = low ** (1.0 + exponent)
    return (least + (1.0 - least) * rng.random(count)) ** (1.0 / (1.0 + exponent))


@pytest.mark.parametrize("low", [0.0, 0.05])
@pytest.mark.parametrize("exponent", [-0.42, 0.0, 0.42])
@pytest.mark.parametrize("replicates", [1, 5])
def test_intervals_cover_and_are_as_narrow_as_the_likelihood_allows(exponent, low, replicates):
    rng = np.random.default_rng(11)
    runs, count = 200, 150
    fits = [
        fit_gap_law(
            [power_law(exponent, count, rng) for _ in range(replicates)], low=low, high=1.0, level=0.9
        )
        for _ in range(runs)
    ]
    hits = sum(fit.interval[0] <= exponent <= fit.interval[1] for fit in fits)
    assert stats.binomtest(hits, runs, 0.9).pvalue > 1e-3
    errors = np.array([fit.exponent for fit in fits]) - exponent
    assert abs(errors.mean()) < 4.0 * errors.std() / math.sqrt(runs) + 2.0 / (count * replicates)
    assert np.sqrt(np.mean([fit.se**2 for fit in fits])) == pytest.approx(errors.std(), rel=0.25)
    # where the law holds, both halves agree
    pulls = np.array([fit.drift / fit.drift_se for fit in fits])
    assert np.mean(np.abs(pulls) > 3.0) < 0.12


def test_the_fit_is_the_maximum_of_the_likelihood():
    gaps = power_law(0.3, 400, np.random.default_rng(2))
    fit = fit_gap_law([gaps], low=0.1, high=0.8)
    inside = gaps[(gaps > 0.1) & (gaps <= 0.8)]

    def minus_log_likelihood(e):
        normal, _ = integrate.quad(lambda g: g**e, 0.1, 0.8)
        return -e * np.log(inside).sum() + len(inside) * math.log(normal)

    best = optimize.minimize_scalar(minus_log_likelihood, bounds=(-3.0, 3.0), method="bounded")
    assert fit.exponent == pytest.approx(best.x, abs=1e-4)
    step = 1e-2
    curvature = (
        minus_log_likelihood(best.x + step)
        - 2.0 * minus_log_likelihood(best.x)
        + minus_log_likelihood(best.x - step)
    ) / step**2
    assert fit.se == pytest.approx(1.0 / math.sqrt(curvature), rel=1e-3)
    assert fit.count == len(inside)


def test_a_window_that_holds_no_power_law_is_told_by_its_drift():
    rng = np.random.default_rng(5)
    # a power law and, above a tenth, a flat density
    gaps = [np.concatenate([0.1 * power_law(-0.5, 300, rng), rng.random(2000)]) for _ in range(6)]
    fit = fit_gap_law(gaps, high=1.0)
    assert fit.drift > 4.0 * fit.drift_se


def test_gaps_of_one_replicate_that_hang_together_widen_the_interval():
    rng = np.random.default_rng(6)
    together = [power_law(rng.normal(0.3, 0.2), 2000, rng) for _ in range(12)]
    fit = fit_gap_law(together, high=1.0)
    assert fit.se > 2.0 * fit_gap_law([np.concatenate(together)], high=1.0).se


def test_density_is_normalized_and_its_error_is_the_spread():
    rng = np.random.default_rng(7)
    gaps = [power_law(0.4, 4000, rng) for _ in range(10)]
    density = gap_density(gaps, low=1e-2, high=1.0, bins=15)
    expected = 1.4 * density.gap**0.4
    assert np.all(np.abs(density.density - expected) < 5.0 * density.se + 0.01 * expected)
    assert np.median(density.se / expected) < 0.05
    assert density.count.sum() == sum(int((g > 1e-2).sum()) for g in gaps)
    alone = gap_density(gaps[:1], low=1e-2, high=1.0, bins=15)
    np.testing.assert_allclose(alone.se / alone.density, 1.0 / np.sqrt(alone.count))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: fit_gap_law([], high=1.0), "gaps"),
        (lambda: fit_gap_law([[-0.1] * 20], high=1.0), "gaps"),
        (lambda: fit_gap_law([[0.1, math.nan]], high=1.0), "gaps"),
        (lambda: fit_gap_law([[0.5] * 9], high=1.0), "gaps"),
        (lambda: fit_gap_law([[0.999999] * 50], low=0.1, high=1.0), "gaps"),
        (lambda: fit_gap_law([[0.5] * 20], high=0.0), "low and high"),
        (lambda: fit_gap_law([[0.5] * 20], high=1.0, level=0.0), "level"),
        (lambda: gap_density([[0.5]], low=0.0, high=1.0), "low and high"),
        (lambda: gap_density([[0.5]], low=0.1, high=1.0, bins=0), "bins"),
        (lambda: gap_density([[]], low=0.1, high=1.0), "gaps"),
    ],
)
def test_arguments_out_of_range_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
