"""Decay rates and prefactors against exact bad fractions far out, asymptotes against exact curves."""

import numpy as np
import pytest

from genlaws.theory import (
    AtomicErrorDensity,
    BetaErrorDensity,
    BinaryPerceptronErrorDensity,
    ExponentialEdgeErrorDensity,
    PerceptronErrorDensity,
    PowerEdgeErrorDensity,
    TruncatedGaussianErrorDensity,
    decay_prefactor_exponent,
    decay_rate,
    exponential_edge_asymptote,
    gaussian_bulk_asymptote,
    isolated_best_asymptote,
    learning_curve,
    log_annealed_bad_fraction,
    power_edge_asymptote,
)


@pytest.mark.parametrize(
    "density",
    [
        BetaErrorDensity(3.5, 4, 0.1),
        PowerEdgeErrorDensity(0.5, 0.05, 0.8),
        ExponentialEdgeErrorDensity(30.0, 0.1, 0.9),
        TruncatedGaussianErrorDensity(0.4, 0.1, 0.02),
        PerceptronErrorDensity(20),
        BinaryPerceptronErrorDensity(15),
        AtomicErrorDensity([0.1, 0.2, 0.4], [1e-6, 0.1, 1]),
    ],
    ids=lambda density: type(density).__name__,
)
@pytest.mark.parametrize("eps", [0.25, 0.35])
def test_rate_and_prefactor_describe_the_far_decay(density, eps):
    n = np.array([1e6, 2e6])
    log_bad = log_annealed_bad_fraction(density, n=n, eps=eps)
    rate, power = decay_rate(density, eps), decay_prefactor_exponent(density, eps)
    remainder = log_bad + rate * n
    assert remainder[1] - remainder[0] == pytest.approx(power * np.log(2), abs=2e-3)
    assert -log_bad[1] / n[1] == pytest.approx(rate, rel=1e-3)


def test_rate_of_fifteen_weights_is_that_of_the_next_atom():
    density = BinaryPerceptronErrorDensity(15)
    # four of fifteen flipped: E = .2952 is the lowest error above .25
    assert decay_rate(density, 0.25) == pytest.approx(0.3498, abs=5e-5)
    assert decay_rate(PerceptronErrorDensity(15), 0.25) == pytest.approx(np.log(4 / 3), rel=1e-14)


def test_local_slope_of_the_perceptron_is_still_far_from_its_rate():
    density = PerceptronErrorDensity(20)
    log_bad = log_annealed_bad_fraction(density, n=[199.5, 200.5], eps=0.25)
    assert log_bad[0] - log_bad[1] == pytest.approx(0.206, abs=1e-3)
    assert decay_rate(density, 0.25) == pytest.approx(0.2877, abs=5e-5)


def test_levels_outside_the_support():
    density = BetaErrorDensity(2, 5, 0.3)
    assert decay_rate(density, 0.2) == 0
    assert decay_prefactor_exponent(density, 0.2) == 0
    assert log_annealed_bad_fraction(density, n=100, eps=0.2) == 0
    short = PowerEdgeErrorDensity(2, 0.0, 0.4)
    assert decay_rate(short, 0.5) == np.inf
    assert log_annealed_bad_fraction(short, n=3, eps=0.5) == -np.inf
    assert decay_rate(AtomicErrorDensity([0.1, 1.0]), 0.5) == np.inf


@pytest.mark.parametrize("minimum", [0.0, 0.15])
def test_power_edge(minimum):
    n = 1e7
    for density in (BetaErrorDensity(4.5, 3, minimum), PowerEdgeErrorDensity(4.5, minimum, 0.6)):
        tail = power_edge_asymptote(n, exponent=4.5, minimum=minimum)
        assert learning_curve(density, n) - minimum == pytest.approx(tail - minimum, rel=2e-6)
    perceptron = power_edge_asymptote(n, exponent=19)
    assert learning_curve(PerceptronErrorDensity(20), n) == pytest.approx(perceptron, rel=1e-5)


def test_isolated_best():
    density, n = AtomicErrorDensity([0.1, 0.2, 0.4], [2.0, 3.0, 50.0]), np.array([150.0, 200.0])
    tail = isolated_best_asymptote(n, gap=0.1, mass_ratio=1.5, minimum=0.1)
    np.testing.assert_allclose(learning_curve(density, n) - 0.1, tail - 0.1, rtol=1e-6)
    np.testing.assert_allclose(np.diff(np.log(tail - 0.1)), -50 * decay_rate(density, 0.1), rtol=1e-6)


def test_exponential_edge():
    density = ExponentialEdgeErrorDensity(200.0, 0.1, 0.6)
    for n, relative in ((4e3, 1e-3), (1e5, 1e-4)):
        tail = exponential_edge_asymptote(n, rate=200, minimum=0.1)
        assert learning_curve(density, n) - 0.1 == pytest.approx(tail - 0.1, rel=relative)
    # a plateau first: long before n ~ rate (1 - minimum) the bulk at the upper end decides
    assert learning_curve(density, 20) > 0.59
    np.testing.assert_array_equal(exponential_edge_asymptote([10, 180], rate=200, minimum=0.1), np.nan)


def test_gaussian_bulk():
    density = TruncatedGaussianErrorDensity(0.5, 0.01)
    n = np.array([0.0, 20.0, 60.0])
    tail = gaussian_bulk_asymptote(n, location=0.5, scale=0.01)
    # what is left out is of relative order n scale^2/(1 - location)^2
    fall = 0.5 - learning_curve(density, n)
    np.testing.assert_allclose(fall, 0.5 - tail, rtol=60 * 0.01**2 / 0.5**2, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: power_edge_asymptote(0, exponent=2), "n must be finite and positive, got 0"),
        (lambda: isolated_best_asymptote(1, gap=0.95, minimum=0.1), "gap must be in"),
        (lambda: exponential_edge_asymptote(1, rate=np.inf), "rate must be finite"),
        (lambda: gaussian_bulk_asymptote(1, location=1, scale=0.1), r"location must be in \(0, 1\), got 1"),
        (lambda: decay_rate(BetaErrorDensity(1, 1), -0.1), r"eps must be in \[0, 1\), got -0.1"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
