"""Measured densities: exact where they must be, unbiased, and refusing what they cannot know."""

import numpy as np
import pytest
from scipy import stats

from genlaws.theory import (
    AtomicErrorDensity,
    BetaErrorDensity,
    CountErrorDensity,
    SampledErrorDensity,
    TabulatedErrorDensity,
    decay_prefactor_exponent,
    learning_curve,
    log_annealed_bad_fraction,
    log_zero_error_fraction,
)


def test_atoms_by_direct_sums():
    errors, weights = np.array([0.4, 0.1, 0.25, 0.1, 1.0]), np.array([2.0, 1.0, 3.0, 0.5, 1.0])
    density = AtomicErrorDensity(errors, weights)
    n, eps = np.array([0.0, 2.5, 40.0]), 0.2
    tilted = weights * (1 - errors) ** n[:, None]
    np.testing.assert_allclose(learning_curve(density, n), tilted @ errors / tilted.sum(axis=1), rtol=1e-14)
    np.testing.assert_allclose(
        log_zero_error_fraction(density, n),
        np.log(tilted.sum(axis=1) / weights.sum()),
        rtol=1e-14,
        atol=1e-15,
    )
    np.testing.assert_allclose(
        log_annealed_bad_fraction(density, n=n, eps=eps),
        np.log(tilted[:, errors > eps].sum(axis=1) / tilted.sum(axis=1)),
        rtol=1e-13,
    )
    np.testing.assert_array_equal(density.atoms, [0.1, 0.25, 0.4, 1.0])
    assert np.exp(density.log_pdf(0.1)) == pytest.approx(0.2)
    assert density.log_pdf(0.11) == -np.inf
    np.testing.assert_array_equal(
        density.quantile([0, 0.2, 0.21, 0.6, 0.8, 0.9, 1]), [0.1, 0.1, 0.25, 0.25, 0.4, 1, 1]
    )
    assert density == AtomicErrorDensity(errors[::-1], weights[::-1])
    assert density != AtomicErrorDensity(errors)
    # a hundred million examples leave the best alone, however rare; an error of one dies at the first
    rare = AtomicErrorDensity([0.0, 0.3], [1e-250, 1.0])
    assert learning_curve(rare, 1e8) == 0
    assert log_zero_error_fraction(rare, 1e8) == pytest.approx(np.log(1e-250), rel=1e-14)
    assert log_zero_error_fraction(AtomicErrorDensity([1.0]), 1) == -np.inf


def test_samples_agree_with_the_density_they_came_from():
    exact = BetaErrorDensity(6, 20)
    draws = exact.sample(20_000, rng=3)
    density = SampledErrorDensity(draws)
    n = np.array([0.0, 5.0, 20.0, 40.0])
    curve = learning_curve(density, n)
    weights = (1 - draws) ** n[:, None]
    share = weights / weights.sum(axis=1, keepdims=True)
    error = np.sqrt(np.sum((share * (draws - curve[:, None])) ** 2, axis=1))
    assert np.all(np.abs(curve - learning_curve(exact, n)) < 4 * error)
    assert np.all(error < 0.02 * curve)


def test_largest_n_is_where_thirty_effective_draws_are_left():
    draws = BetaErrorDensity(6, 20).sample(2000, rng=1)
    density = SampledErrorDensity(draws)
    weights = (1 - draws) ** density.largest_n
    assert weights.sum() ** 2 / np.sum(weights**2) == pytest.approx(30, rel=1e-9)
    learning_curve(density, density.largest_n)
    for ask in (
        lambda: learning_curve(density, [1, density.largest_n * 1.001]),
        lambda: log_zero_error_fraction(density, 1e6),
        lambda: log_annealed_bad_fraction(density, n=1e6, eps=0.1),
        lambda: density.given_zero_errors(1e6),
    ):
        with pytest.raises(ValueError, match="without a model of its edge"):
            ask()
    half = density.given_zero_errors(density.largest_n / 2)
    assert half.largest_n == pytest.approx(density.largest_n / 2)
    assert half.given_zero_errors(1) == density.given_zero_errors(density.largest_n / 2 + 1)
    # thirty draws at the lowest error support any n; fewer than thirty in all support none
    assert SampledErrorDensity([0.1] * 30 + [0.3] * 50).largest_n == np.inf
    assert SampledErrorDensity([0.1] * 10 + [0.3] * 19).largest_n == 0
    assert np.isnan(decay_prefactor_exponent(density, 0.3))


def _beta_binomial(a, b, held_out):
    """Counts 0..held_out with the exact weights of infinitely many draws from Beta(a, b)."""
    counts = np.arange(held_out + 1)
    return CountErrorDensity(counts, held_out, stats.betabinom.pmf(counts, held_out, a, b))


def test_counts_are_unbiased():
    # exact weights, so that the expectation over counts is the number itself: Beta(50, 50) at n = 256 of 1000
    # gives 50/356, where tilting k/m by (1 - k/m)^n gives .121
    density = _beta_binomial(50, 50, 1000)
    exact = BetaErrorDensity(50, 50)
    n = np.array([0, 1, 17, 256])
    np.testing.assert_allclose(learning_curve(density, n), learning_curve(exact, n), rtol=1e-9)
    np.testing.assert_allclose(
        log_zero_error_fraction(density, n), log_zero_error_fraction(exact, n), rtol=1e-9, atol=1e-12
    )
    naive = AtomicErrorDensity(density.counts / 1000, density.weights)
    assert learning_curve(naive, 256) == pytest.approx(0.121, abs=5e-4)
    # tilted, it is the density of counts on the examples left: again beta-binomial
    left = density.given_zero_errors(256)
    levels = np.array([50, 100, 150]) / 744
    np.testing.assert_allclose(
        np.exp(left.log_cdf(levels)), stats.betabinom.cdf([50, 100, 150], 744, 50, 306), rtol=1e-8
    )
    np.testing.assert_allclose(
        left.log_sf(levels), log_annealed_bad_fraction(density, n=256, eps=levels), rtol=1e-9
    )
    assert left == density.given_zero_errors(200).given_zero_errors(56)
    assert left.mean() == pytest.approx(learning_curve(density, 256), rel=1e-12)
    assert set(np.unique(left.sample(200, rng=0))) <= set(left.atoms)


def test_counts_by_drawing_examples():
    # survival of n of the m held-out examples drawn at random, from the hypergeometric distribution
    density = CountErrorDensity(np.repeat([0, 2, 5], 40), 10)
    survival = stats.hypergeom.pmf(0, 10, [0, 2, 5], 4)
    assert np.exp(log_zero_error_fraction(density, 4)) == pytest.approx(survival.mean(), rel=1e-12)
    assert learning_curve(density, 4) == pytest.approx(survival @ [0, 2, 5] / survival.sum() / 6, rel=1e-12)
    assert log_zero_error_fraction(density, 10) == pytest.approx(np.log(1 / 3))
    with pytest.raises(ValueError, match="n must be below 10"):
        learning_curve(density, 10)
    with pytest.raises(ValueError, match="n must be at most 10"):
        log_zero_error_fraction(density, 11)
    with pytest.raises(ValueError, match=r"n must be whole numbers for counts, got 2\.5"):
        learning_curve(density, 2.5)
    assert CountErrorDensity([3] * 29, 10).largest_n == 0


exact = BetaErrorDensity(20, 20)
grid = np.linspace(0.02, 0.98, 961)


@pytest.mark.parametrize(
    ("density", "tolerance"),
    [
        # interpolation error of a table: second order in the spacing
        (TabulatedErrorDensity(grid, log_density=exact.log_pdf(grid)), 1e-4),
        (TabulatedErrorDensity(grid, log_density=7 + exact.log_pdf(grid), edge_exponent=20), 1e-4),
        (
            TabulatedErrorDensity(grid, log_cdf=exact.log_cdf(grid) - exact.log_cdf(0.98), edge_exponent=20),
            3e-5,
        ),
        (TabulatedErrorDensity(grid, log_cdf=exact.log_cdf(grid) - exact.log_cdf(0.98)), 1e-4),
    ],
    ids=["density", "density with edge", "distribution with edge", "distribution"],
)
def test_tables_interpolate(density, tolerance):
    n = np.array([0.0, 12.0, 60.0])
    np.testing.assert_allclose(learning_curve(density, n), learning_curve(exact, n), rtol=tolerance)
    np.testing.assert_allclose(
        log_zero_error_fraction(density, n), log_zero_error_fraction(exact, n), rtol=tolerance, atol=1e-12
    )
    np.testing.assert_allclose(
        log_annealed_bad_fraction(density, n=n, eps=0.35),
        log_annealed_bad_fraction(exact, n=n, eps=0.35),
        rtol=tolerance,
    )
    tilted, reference = density.given_zero_errors(30), exact.given_zero_errors(30)
    levels = np.array([0.15, 0.29, 0.5, 0.7])
    np.testing.assert_allclose(tilted.log_cdf(levels), reference.log_cdf(levels), rtol=1e-3)
    # the distribution function of a table is exact at its entries, its density half a spacing off
    np.testing.assert_allclose(tilted.log_pdf(levels), reference.log_pdf(levels), atol=0.06)
    np.testing.assert_allclose(tilted.quantile([0.1, 0.9]), reference.quantile([0.1, 0.9]), rtol=1e-4)
    drawn = np.sort(tilted.sample(4000, rng=2))
    distance = np.max(np.abs(np.exp(tilted.log_cdf(drawn)) - (np.arange(4000) + 0.5) / 4000))
    assert distance < np.sqrt(np.log(2e6) / 8000)


def test_table_of_a_flat_density_is_exact():
    # ln Q linear in ln(1 - E) holds exactly for a flat density and for (1-E)^(b-1): then every tilt is exact
    flat = TabulatedErrorDensity([0.0, 0.3, 1.0], log_density=[0, 0, 0], edge_exponent=None)
    assert np.exp(flat.log_cdf(0.7)) == pytest.approx(0.7, rel=1e-14)
    assert flat.mean() == pytest.approx(0.5, rel=1e-14)
    at = np.linspace(0, 0.999, 301)
    falling = TabulatedErrorDensity(at, log_density=4 * np.log1p(-at))
    n = np.array([0.0, 0.5, 4.0])
    np.testing.assert_allclose(
        learning_curve(falling, n), learning_curve(BetaErrorDensity(1, 5), n), rtol=1e-12
    )


def test_edge_model_reaches_any_n():
    density = TabulatedErrorDensity(grid, log_cdf=exact.log_cdf(grid) - exact.log_cdf(0.98), edge_exponent=20)
    assert density.largest_n == np.inf
    n = np.array([1e4, 1e8, 1e12])
    # below the first entry the mass is F(0.02) (E/0.02)^20, so far out the curve is 20/(n + 21)
    np.testing.assert_allclose(learning_curve(density, n), 20 / (n + 21), rtol=1e-12)
    mass = exact.log_cdf(0.02) - exact.log_cdf(0.98)
    table = mass - 20 * np.log(0.02) + np.log(20) - 20 * np.log(1e12) + np.log(np.prod(np.arange(1.0, 20)))
    assert log_zero_error_fraction(density, 1e12) == pytest.approx(table, rel=1e-9)
    assert density.given_zero_errors(1e6).given_zero_errors(1e5) == density.given_zero_errors(1.1e6)
    assert decay_prefactor_exponent(density, 0.3) == 19


def test_table_without_an_edge_refuses_where_its_lowest_stretch_counts():
    density = TabulatedErrorDensity(grid, log_cdf=exact.log_cdf(grid) - exact.log_cdf(0.98))
    tilted = density.given_zero_errors(density.largest_n * (1 - 1e-9))
    assert np.exp(tilted.log_cdf(0.02)) == pytest.approx(1 / 30, rel=1e-5)
    assert learning_curve(density, density.largest_n / 2) == pytest.approx(
        learning_curve(exact, density.largest_n / 2), rel=1e-3
    )
    with pytest.raises(ValueError, match="n must be at most"):
        learning_curve(density, density.largest_n * 1.01)


def test_spliced_tail_extends_draws_by_a_hundred_nats():
    thresholds = np.linspace(0.02, 0.3, 200)
    density = TabulatedErrorDensity.spliced(
        thresholds, exact.log_cdf(thresholds), exact.sample(20_000, rng=5)
    )
    n = np.array([0.0, 10.0, 100.0, 300.0])
    assert density.largest_n > 300
    # 20,000 draws put the mean of the body within 4 standard errors, 0.0022; the tail owes nothing to them
    np.testing.assert_allclose(learning_curve(density, n)[:2], learning_curve(exact, n)[:2], atol=0.0023)
    np.testing.assert_allclose(learning_curve(density, n)[2:], learning_curve(exact, n)[2:], rtol=2e-3)
    np.testing.assert_allclose(
        log_zero_error_fraction(density, n), log_zero_error_fraction(exact, n), atol=0.03
    )
    assert SampledErrorDensity(exact.sample(20_000, rng=5)).largest_n < 60 < density.largest_n


def test_table_from_samples():
    draws = exact.sample(50_000, rng=8)
    density = TabulatedErrorDensity.from_samples(draws, edge_exponent=20)
    n = np.array([0.0, 10.0])
    np.testing.assert_allclose(
        learning_curve(density, n), learning_curve(SampledErrorDensity(draws), n), rtol=2e-3
    )
    assert density.largest_n == np.inf
    # the named edge carries the curve on; without it the answer is refused
    assert learning_curve(density, 1e9) == pytest.approx(20e-9, rel=1e-3)
    with pytest.raises(ValueError, match="n must be at most"):
        learning_curve(TabulatedErrorDensity.from_samples(draws), 1e9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AtomicErrorDensity([0.1, 1.2]), r"errors must be in \[0, 1\], got 1.2"),
        (lambda: AtomicErrorDensity([]), "errors must not be empty"),
        (lambda: AtomicErrorDensity([0.1], [0.5, 0.5]), r"weights must be as many as errors \(1\), got 2"),
        (lambda: SampledErrorDensity([0.1, np.nan]), "errors must be in"),
        (lambda: SampledErrorDensity([0.1], [-1]), "weights must be finite and at least 0"),
        (lambda: CountErrorDensity([1, 11], 10), r"counts must be whole numbers from 0 to held_out \(10\)"),
        (lambda: CountErrorDensity([1], 0), "held_out must be a whole number of at least 1, got 0"),
        (lambda: TabulatedErrorDensity([0.1, 0.2]), "give either log_density or log_cdf"),
        (lambda: TabulatedErrorDensity([0.2, 0.1], log_density=[0, 0]), "errors must be two or more"),
        (lambda: TabulatedErrorDensity([0.1, 0.2], log_density=[0, -np.inf]), "log_density must be finite"),
        (lambda: TabulatedErrorDensity([0.1, 0.2], log_cdf=[-1, -0.5]), "log_cdf must not fall, end at 0"),
        (
            lambda: TabulatedErrorDensity([0.1, 0.2], log_cdf=[-1, 0], minimum=0.1),
            r"minimum must be in \[0, 0.1\)",
        ),
        (
            lambda: TabulatedErrorDensity([0.1, 0.2], log_cdf=[-1, 0], edge_exponent=0),
            "edge_exponent must be",
        ),
        (
            lambda: TabulatedErrorDensity.from_samples([0.1] * 20 + [0.2]),
            "more than 30 effective draws, got 21",
        ),
        (lambda: TabulatedErrorDensity.spliced([0.5], [-1], [0.1, 0.2]), "at least two different errors"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
