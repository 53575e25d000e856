"""Examples needed: closed forms, what lies out of reach, and ranges that cover."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genlaws.theory import (
    AtomicErrorDensity,
    BetaErrorDensity,
    CountErrorDensity,
    PerceptronErrorDensity,
    SampledErrorDensity,
    TabulatedErrorDensity,
    examples_needed,
    examples_needed_band,
    examples_until,
    learning_curve,
    learning_curve_band,
)


@pytest.mark.parametrize(("a", "b"), [(2.0, 5.0), (0.5, 0.5), (40.0, 60.0)])
def test_beta_densities_in_closed_form(a, b):
    # the curve is a / (a + b + n)
    wanted = np.array([0.3, 0.1, 1e-3, 1e-9, 1e-100])
    exact = np.maximum(a / wanted - a - b, 0.0)
    np.testing.assert_allclose(examples_needed(BetaErrorDensity(a, b), wanted), exact, rtol=1e-10)


def test_two_atoms_in_closed_form():
    # mass x = 3 (0.5 / 0.9)^n is on the worse: (0.1 + 0.5 x) / (1 + x) = 0.2 at x = 1/3
    density = AtomicErrorDensity([0.1, 0.5], [1.0, 3.0])
    assert examples_needed(density, 0.2) == pytest.approx(math.log(9.0) / math.log(0.9 / 0.5), rel=1e-10)


def test_never_and_at_once():
    density = AtomicErrorDensity([0.1, 0.5])
    np.testing.assert_array_equal(examples_needed(density, [0.3, 0.1, 0.05]), [0.0, np.inf, np.inf])
    assert examples_needed(AtomicErrorDensity([0.1]), 0.1) == 0.0
    assert examples_needed(BetaErrorDensity(2, 5), 0.0) == np.inf


def test_a_table_and_draws_agree_with_what_they_are_of():
    errors = np.linspace(0.0, 1.0, 4001)[1:]
    density = BetaErrorDensity(2, 5)
    table = TabulatedErrorDensity(errors, log_cdf=density.log_cdf(errors), edge_exponent=2.0)
    assert examples_needed(table, 0.05) == pytest.approx(33.0, rel=1e-4)
    draws = SampledErrorDensity(density.sample(20_000, rng=0))
    assert examples_needed(draws, 0.1) == pytest.approx(13.0, rel=0.04)
    assert learning_curve(draws, examples_needed(draws, 0.1)) == pytest.approx(0.1, rel=1e-12)


def test_what_draws_cannot_tell_is_refused():
    with pytest.raises(ValueError, match="that this measured density supports"):
        examples_needed(SampledErrorDensity(BetaErrorDensity(2, 5).sample(500, rng=0)), 1e-3)


def test_counts_give_the_first_whole_number():
    rng = np.random.default_rng(0)
    density = CountErrorDensity(rng.binomial(400, rng.beta(2.0, 5.0, 20_000)), 400)
    n = examples_needed(density, 0.1)
    assert n == round(n)
    assert learning_curve(density, n) <= 0.1 < learning_curve(density, n - 1)
    assert n == pytest.approx(13.0, abs=1.0)
    assert examples_needed(density, 0.5) == 0.0


def test_a_curve_that_stays_above_never_comes_down():
    assert examples_until(lambda n: 0.2 + 1.0 / (2.0 + n), 0.2, largest=1e6) == np.inf
    assert examples_until(lambda n: 1.0 / (2.0 + n), 0.1, largest=8.0) == pytest.approx(8.0)
    with pytest.raises(ValueError, match="error must be"):
        examples_until(lambda n: 0.1, 1.5)


def test_ranges_cover_and_are_the_places_where_the_band_comes_down():
    covered = []
    for seed in range(40):
        errors = PerceptronErrorDensity(5).sample(20_000, rng=seed)
        low, high = examples_needed_band(errors, 0.25, confidence=0.8)
        covered.append(low <= examples_needed(PerceptronErrorDensity(5), 0.25) <= high)
        assert high < 2.1 * low
    assert sum(covered) >= 32  # at least 0.8 are sure to; the distance holds over all errors at once
    for n, end in ((low, "low"), (high, "high")):
        band = learning_curve_band(errors, n=n, confidence=0.8)
        assert getattr(band, end)[0] == pytest.approx(0.25, rel=1e-9)


def test_ranges_of_few_classifiers_are_open_above():
    errors = PerceptronErrorDensity(5).sample(50, rng=0)
    low, high = examples_needed_band(errors, 0.01)
    assert high == np.inf
    assert 0.0 < low < 100.0
