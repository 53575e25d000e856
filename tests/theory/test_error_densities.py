"""Closed-form densities against mpmath quadrature, other special functions and closed forms."""

from functools import cache
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate

from genlaws.theory import (
    BetaErrorDensity,
    BinaryPerceptronErrorDensity,
    ErrorDensity,
    ExponentialEdgeErrorDensity,
    PerceptronErrorDensity,
    PowerEdgeErrorDensity,
    TruncatedGaussianErrorDensity,
    bad_fraction_bound,
    learning_curve,
    log_annealed_bad_fraction,
    log_zero_error_fraction,
)

# density, its unnormalized form in mpmath
CASES = [
    (BetaErrorDensity(2.5, 4.0, 0.1), lambda E, t, r: t**1.5 * r**3),
    (PowerEdgeErrorDensity(3.5, 0.05, 0.7), lambda E, t, r: t**2.5),
    (ExponentialEdgeErrorDensity(60.0, 0.1, 0.5), lambda E, t, r: mp.exp(60 * t)),
    (ExponentialEdgeErrorDensity(-8.0, 0.0, 1.0), lambda E, t, r: mp.exp(-8 * t)),
    (TruncatedGaussianErrorDensity(0.4, 0.03, 0.1), lambda E, t, r: mp.exp(-(((E - 0.4) / 0.03) ** 2) / 2)),
    (
        TruncatedGaussianErrorDensity(-0.2, 0.5, 0.0, 0.9),
        lambda E, t, r: mp.exp(-(((E + 0.2) / 0.5) ** 2) / 2),
    ),
    (PerceptronErrorDensity(2), lambda E, t, r: mp.mpf(1)),
    (PerceptronErrorDensity(5), lambda E, t, r: mp.sin(mp.pi * E) ** 3),
    (PerceptronErrorDensity(100), lambda E, t, r: mp.sin(mp.pi * E) ** 98),
]
NAMES = [f"{type(density).__name__}-{i}" for i, (density, _) in enumerate(CASES)]


@cache
def _reference(density, shape, n, low=None):
    """(ln of int shape ((1-E)/(1-Emin))^n, mean excess) by Gauss-Legendre on pieces of its logarithm."""
    with mp.workdps(20):
        start, width = mp.mpf(density.minimum), mp.mpf(density.maximum) - mp.mpf(density.minimum)
        shift = mp.mpf(0) if low is None else mp.mpf(low) - start
        room = width - shift
        cuts = [mp.log(room) - mp.mpf(k) / 2 for k in range(140, -1, -1)]

        def log_f(u):
            t = shift + mp.exp(u)
            return mp.log(shape(start + t, t, 1 - start - t)) + n * mp.log1p(-t / (1 - start)) + u

        # the tolerance of mpmath is absolute: scale to the largest value, leave out what cannot count
        top = max(log_f(cut - mp.mpf("0.01")) for cut in cuts)
        pieces = [(a, b) for a, b in pairwise(cuts) if max(log_f(a), log_f(b - mp.mpf("1e-9"))) > top - 45]
        mass, first = mp.mpf(0), mp.mpf(0)
        for a, b in pieces:
            mass += mp.quad(lambda u: mp.exp(log_f(u) - top), [a, b], method="gauss-legendre")
            first += mp.quad(
                lambda u: (shift + mp.exp(u)) * mp.exp(log_f(u) - top) / room, [a, b], method="gauss-legendre"
            )
        return mp.log(mass) + top, first * room / mass


@pytest.mark.parametrize(("density", "shape"), CASES, ids=NAMES)
@pytest.mark.parametrize("n", [37.5, 1e5, 1e12])
def test_tilted_integrals_match_mpmath(density, shape, n):
    log_zero, _ = _reference(density, shape, 0)
    log_mass, excess = _reference(density, shape, n)
    Z = log_zero_error_fraction(density, n)
    exact = float(log_mass - log_zero + n * mp.log1p(-mp.mpf(density.minimum)))
    assert pytest.approx(exact, rel=1e-12, abs=1e-12) == Z
    # the excess error itself, which the distance from the edge must not drown
    mean_excess = learning_curve(density, n) - density.minimum
    assert mean_excess == pytest.approx(float(excess), rel=1e-11, abs=2e-16)


@pytest.mark.parametrize(("density", "shape"), CASES, ids=NAMES)
@pytest.mark.parametrize(("n", "eps"), [(0.0, 0.3), (3e4, 0.2), (1e12, 0.45)])
def test_bad_fractions_match_mpmath(density, shape, n, eps):
    with mp.workdps(20):
        exact = float(_reference(density, shape, n, low=eps)[0] - _reference(density, shape, n)[0])
    assert log_annealed_bad_fraction(density, n=n, eps=eps) == pytest.approx(exact, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize(("density", "_shape"), CASES, ids=NAMES)
def test_density_is_the_slope_of_its_distribution(density, _shape):
    tilted = density.given_zero_errors(25.0)
    low, high = density.minimum + 0.05, density.minimum + 0.25
    mass, _ = integrate.quad(lambda E: np.exp(tilted.log_pdf(E)), low, high, epsabs=0, epsrel=1e-12)
    cdf = np.exp(tilted.log_cdf([low, high]))
    sf = np.exp(tilted.log_sf([low, high]))
    assert mass == pytest.approx(cdf[1] - cdf[0] if cdf[1] < 0.5 else sf[0] - sf[1], rel=1e-9)
    np.testing.assert_array_equal(tilted.log_pdf([density.minimum - 0.01, density.maximum + 0.01]), -np.inf)


@pytest.mark.parametrize(("density", "_shape"), CASES, ids=NAMES)
def test_quantiles_and_samples_follow_the_distribution(density, _shape):
    tilted = density.given_zero_errors(12.0)
    p = np.array([1e-9, 0.01, 0.3, 0.5, 0.8, 0.999])
    quantile = tilted.quantile(p)
    np.testing.assert_allclose(tilted.log_cdf(quantile), np.log(p), rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(tilted.quantile([0, 1]), [density.minimum, density.maximum])
    drawn = np.sort(tilted.sample(4000, rng=7))
    distance = np.max(np.abs(np.exp(tilted.log_cdf(drawn)) - (np.arange(4000) + 0.5) / 4000))
    # Dvoretzky-Kiefer-Wolfowitz at 1e-6; two draws of the same seed agree
    assert distance < np.sqrt(np.log(2e6) / 8000)
    np.testing.assert_array_equal(drawn, np.sort(tilted.sample(4000, rng=7)))
    assert isinstance(tilted, ErrorDensity)


def test_gaussian_tail_to_minus_two_million():
    density = TruncatedGaussianErrorDensity(0.5, 1e-4)
    with mp.workdps(40):
        exact = mp.log(mp.erfc((mp.mpf("0.5") - mp.mpf(0.3)) / mp.mpf(1e-4) / mp.sqrt(2)) / 2)
    assert density.log_cdf(0.3) == pytest.approx(float(exact), rel=1e-13)
    assert density.log_cdf(0.3) < -1.9e6


def test_exponential_tail_in_closed_form():
    density = ExponentialEdgeErrorDensity(1e7, 0.1, 0.5)
    E = np.array([0.1000001, 0.2, 0.4, 0.49])
    exact = np.log(-np.expm1(-1e7 * (E - 0.1))) - 1e7 * (0.5 - E)
    np.testing.assert_allclose(density.log_cdf(E), exact, rtol=1e-12)


@pytest.mark.parametrize("n", [10, 3000])
def test_exponential_edge_is_an_incomplete_gamma_function(n):
    # with y = 1 - E the tilted mass is a multiple of int_{1-max}^{1-min} y^n exp(-rate y) dy
    density = ExponentialEdgeErrorDensity(200.0, 0.1, 0.6)
    with mp.workdps(60):
        low, high = 200 * (1 - mp.mpf(0.6)), 200 * (1 - mp.mpf(0.1))
        masses = [mp.log(mp.gammainc(k + 1, low, high)) - (k + 1) * mp.log(200) for k in (0, n, n + 1)]
        Z, mean = float(masses[1] - masses[0]), float(1 - mp.exp(masses[2] - masses[1]))
    assert log_zero_error_fraction(density, n) == pytest.approx(Z, rel=1e-12)
    assert learning_curve(density, n) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(("dimension", "E"), [(20, 0.01), (1000, 0.3), (10**6, 0.02), (10**6, 0.1)])
def test_perceptron_tail_is_an_incomplete_beta_function(dimension, E):
    # P(angle < theta) = I_{sin^2 theta}((d-1)/2, 1/2) / 2
    with mp.workdps(40):
        a, x = mp.mpf(dimension - 1) / 2, mp.sin(mp.pi * mp.mpf(E)) ** 2
        beta = mp.loggamma(a) + mp.loggamma(0.5) - mp.loggamma(a + mp.mpf("0.5"))
        tail = mp.hyp2f1(1, a + mp.mpf("0.5"), a + 1, x)
        exact = a * mp.log(x) + mp.log1p(-x) / 2 - mp.log(a) - beta + mp.log(tail / 2)
    assert PerceptronErrorDensity(dimension).log_cdf(E) == pytest.approx(float(exact), rel=1e-12)


def test_perceptron_in_two_dimensions_in_closed_form():
    n = np.array([0, 1, 10.5, 1e6, 1e12])
    np.testing.assert_allclose(learning_curve(PerceptronErrorDensity(2), n), 1 / (n + 2), rtol=1e-13)
    np.testing.assert_allclose(
        log_zero_error_fraction(PerceptronErrorDensity(2), n), -np.log(n + 1), atol=1e-12
    )


def test_beta_closed_forms():
    density, n = BetaErrorDensity(2, 5), np.array([0, 10, 1e6, 1e12])
    np.testing.assert_allclose(learning_curve(density, n), 2 / (7 + n), rtol=1e-15)
    np.testing.assert_allclose(
        log_zero_error_fraction(density, n), np.log(30) - np.log((5 + n) * (6 + n)), rtol=1e-12, atol=1e-14
    )
    exact = (5 + n) * np.log1p(-0.1) + np.log1p((5 + n) * 0.1)
    np.testing.assert_allclose(log_annealed_bad_fraction(density, n=n, eps=0.1), exact, rtol=1e-13)


def test_annealed_binary_perceptron_of_dimension_15_by_counting():
    # the reference table of 2^15 perceptrons at eps = .25, and the same numbers from explicit weight vectors
    density = BinaryPerceptronErrorDensity(15)
    n = np.array([5, 10, 15, 20, 25, 30])
    np.testing.assert_allclose(
        np.exp(log_annealed_bad_fraction(density, n=n, eps=0.25)),
        [0.9745, 0.8921, 0.6778, 0.3306, 0.0874, 0.0161],
        atol=5.1e-5,
    )
    np.testing.assert_allclose(
        learning_curve(density, n), [0.4334, 0.3721, 0.2943, 0.1748, 0.0672, 0.0211], atol=5.1e-5
    )
    flipped = np.array([bin(w).count("1") for w in range(2**15)])
    errors = np.arccos(1 - 2 * flipped / 15) / np.pi
    survival = (1 - errors[:, None]) ** n
    np.testing.assert_allclose(log_zero_error_fraction(density, n), np.log(survival.mean(axis=0)), rtol=1e-12)
    np.testing.assert_allclose(
        density.given_zero_errors(10).log_cdf([0.1, 0.3, 0.6]),
        np.log([survival[errors <= E, 1].sum() / survival[:, 1].sum() for E in (0.1, 0.3, 0.6)]),
        rtol=1e-12,
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BetaErrorDensity(0, 5), r"a must be finite and positive, at most 1e\+100, got 0"),
        (lambda: BetaErrorDensity(5, 1e101), r"b must be finite and positive, at most 1e\+100, got 1e\+101"),
        (lambda: BetaErrorDensity(1, 5, 1.0), "minimum and maximum"),
        (lambda: PowerEdgeErrorDensity(2, 0.5, 0.5), "minimum and maximum"),
        (lambda: ExponentialEdgeErrorDensity(np.nan), "rate must be finite, got nan"),
        (lambda: TruncatedGaussianErrorDensity(0.5, -1), "scale must be finite and positive, got -1"),
        (lambda: PerceptronErrorDensity(1), "dimension must be at least 2, got 1"),
        (lambda: BinaryPerceptronErrorDensity(2.5), "dimension must be a whole number"),
        (lambda: PerceptronErrorDensity(9).given_zero_errors(-1), "n must be finite and at least 0, got -1"),
        (lambda: learning_curve(PerceptronErrorDensity(9), [1, np.inf]), "n must be finite"),
        (
            lambda: log_annealed_bad_fraction(PerceptronErrorDensity(9), n=1, eps=1.0),
            r"eps must be in \[0, 1\)",
        ),
        (lambda: PerceptronErrorDensity(9).quantile(1.5), "p must be in"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("examples", [0.0, 30.0])
@pytest.mark.parametrize("exponent", [0.5, 1.0, 7.0])
def test_power_edge_answers_at_an_error_of_one(exponent, examples):
    density = PowerEdgeErrorDensity(exponent, examples=examples)
    np.testing.assert_array_equal(density.log_cdf([1.0, 1.5]), 0.0)
    np.testing.assert_array_equal(density.log_sf([1.0, 1.5]), -np.inf)
    assert density.log_bad_fraction_given_zero_errors(5, 1.0) == -np.inf


@pytest.mark.parametrize("a", [1e-300, 1.0, 1e100])
@pytest.mark.parametrize("b", [1e-300, 1.0, 1e100])
def test_beta_answers_at_the_ends_of_its_range(a, b):
    density = BetaErrorDensity(a, b)
    n = np.array([0.0, 1.0, 1e6, 1e12])
    for eps in (1e-12, 0.1, 1 - 1e-12):
        fraction = log_annealed_bad_fraction(density, n=n, eps=eps)
        bound = bad_fraction_bound(density, n=n, eps=eps)
        assert np.all(fraction <= bound + 1e-9 * np.abs(bound))
        assert np.all(np.isfinite(bound))
        assert np.all(np.diff(fraction) <= 1e-9 * np.abs(fraction[1:]))
