import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.integrate import quad
from scipy.stats import norm

from genlaws.theory import (
    PERCEPTRON_ANNEALED_PREFACTOR,
    PERCEPTRON_BAYES_PREFACTOR,
    PERCEPTRON_GIBBS_PREFACTOR,
    perceptron_annealed_error,
    perceptron_annealed_log_fraction,
    perceptron_bayes_error,
    perceptron_gibbs_error,
    perceptron_log_fraction,
    perceptron_overlap,
)
from genlaws.theory.gaussian_averages import boundary_pull, mean_log_survival

CURVES = [
    perceptron_annealed_error,
    perceptron_annealed_log_fraction,
    perceptron_overlap,
    perceptron_gibbs_error,
    perceptron_bayes_error,
    perceptron_log_fraction,
]


def tail(x):
    return mpmath.erfc(x / mpmath.sqrt(2)) / 2


def pull_by_quadrature(R):
    def integrand(t):
        return mpmath.npdf(t) * mpmath.exp(-R * t * t / 2) / tail(mpmath.sqrt(R) * t)

    return mpmath.quad(integrand, [-12, -4, 0, 4, 12])


def log_survival_by_quadrature(gap):
    # in the variable of H itself, unlike the implementation
    gap = mpmath.mpf(gap)
    a = mpmath.sqrt(1 - gap**2) / gap

    def integrand(x):
        return 2 * mpmath.npdf(x / a) / a * tail(x) * mpmath.log(tail(x))

    reach = min(12 * a, 14)
    return mpmath.quad(integrand, mpmath.linspace(-reach, reach, 15))


@pytest.mark.parametrize("R", [0.0, 1e-6, 0.2, 0.7, 0.99, 1.0])
def test_boundary_pull_against_quadrature(R):
    value = boundary_pull(np.array([np.sqrt(1.0 - R)]))[0]
    assert value == pytest.approx(float(pull_by_quadrature(mpmath.mpf(R))), rel=1e-13)


@pytest.mark.parametrize("gap", [1e-9, 1e-3, 0.1, 0.5, 0.9, 0.999])
def test_mean_log_survival_against_quadrature(gap):
    value = mean_log_survival(np.array([gap]))[0]
    assert value == pytest.approx(float(log_survival_by_quadrature(gap)), rel=1e-11)


@pytest.mark.parametrize("R", [0.1, 0.6, 0.95])
def test_errors_are_those_of_votes_with_gaussian_survival(R):
    # among zero-error classifiers the next label has posterior probability H(x), x = sqrt(R/(1-R)) t
    a = np.sqrt(R / (1.0 - R))
    disagreement, _ = quad(lambda t: 2 * norm.pdf(t) * norm.cdf(a * t) * norm.sf(a * t), -12, 12)
    minority, _ = quad(lambda t: 2 * norm.pdf(t) * norm.sf(a * t), 0, 12)
    alpha = optimize.brentq(lambda x: perceptron_overlap(x) - R, 1e-6, 1e3, xtol=1e-12)
    assert perceptron_gibbs_error(alpha) == pytest.approx(disagreement, rel=1e-8)
    assert perceptron_bayes_error(alpha) == pytest.approx(minority, rel=1e-8)


# alpha, Gibbs and Bayes error as tabulated, each rounded to the digits shown
@pytest.mark.parametrize(
    ("R", "alpha", "gibbs", "bayes"),
    [
        (0.3, "0.541", "0.403", "0.315"),
        (0.5, "1.04", "0.333", "0.250"),
        (0.7, "1.84", "0.253", "0.185"),
        (0.9, "3.99", "0.144", "0.102"),
        (0.98, "9.64", "0.0638", "0.0452"),
        (0.999, "43.8", "0.01424", "0.0101"),
    ],
)
def test_replica_table(R, alpha, gibbs, bayes):
    exact = optimize.brentq(lambda x: perceptron_overlap(x) - R, 1e-6, 1e3, xtol=1e-12)
    for value, printed in [
        (exact, alpha),
        (perceptron_gibbs_error(exact), gibbs),
        (perceptron_bayes_error(exact), bayes),
    ]:
        assert f"{value:.{len(printed.split('.')[1])}f}" == printed


def test_annealed_table():
    errors = perceptron_annealed_error([0.5, 1, 2, 5, 10, 50])
    assert [f"{error:.4f}" for error in errors] == [
        "0.4154",
        "0.3542",
        "0.2714",
        "0.1553",
        "0.0888",
        "0.0196",
    ]


def test_annealed_error_maximizes_the_annealed_exponent():
    E = np.linspace(0.0, 0.5, 200_001)[1:]
    for alpha in (0.1, 1.0, 7.0):
        exponent = np.log(np.sin(np.pi * E)) + alpha * np.log1p(-E)
        assert perceptron_annealed_error(alpha) == pytest.approx(E[np.argmax(exponent)], abs=1e-5)
        assert perceptron_annealed_log_fraction(alpha) == pytest.approx(exponent.max(), abs=1e-9)


def test_large_alpha():
    assert f"{PERCEPTRON_GIBBS_PREFACTOR:.4f} {PERCEPTRON_BAYES_PREFACTOR:.4f}" == "0.6247 0.4417"
    assert f"{1 / PERCEPTRON_BAYES_PREFACTOR:.5f}" == "2.26398"
    alpha = np.array([1e6, 1e9, 1e12])
    assert alpha * perceptron_gibbs_error(alpha) == pytest.approx(PERCEPTRON_GIBBS_PREFACTOR, rel=1e-6)
    assert alpha * perceptron_bayes_error(alpha) == pytest.approx(PERCEPTRON_BAYES_PREFACTOR, rel=1e-6)
    assert alpha * perceptron_annealed_error(alpha) == pytest.approx(PERCEPTRON_ANNEALED_PREFACTOR, rel=2e-6)
    assert alpha[2] * perceptron_gibbs_error(alpha[2]) == pytest.approx(PERCEPTRON_GIBBS_PREFACTOR, rel=1e-12)


def test_small_alpha():
    alpha = 1e-7
    assert perceptron_overlap(alpha) / alpha == pytest.approx(2 / np.pi, rel=1e-6)
    assert perceptron_log_fraction(alpha) / alpha == pytest.approx(-np.log(2), rel=1e-6)
    assert perceptron_annealed_log_fraction(alpha) / alpha == pytest.approx(-np.log(2), rel=1e-6)
    for curve, value in zip(CURVES, [0.5, 0, 0, 0.5, 0.5, 0], strict=True):
        assert curve(0.0) == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize("alpha", [0.3, 2.0, 20.0])
def test_log_fraction_is_stationary_in_the_overlap(alpha):
    def free_entropy(R):
        a = mpmath.sqrt(R / (1 - R))
        energy = mpmath.quad(
            lambda t: 2 * mpmath.npdf(t) * tail(a * t) * mpmath.log(tail(a * t)), mpmath.linspace(-8, 8, 33)
        )
        return mpmath.log(1 - R) / 2 + R / 2 + alpha * energy

    R = mpmath.mpf(perceptron_overlap(alpha))
    step = (1 - R) * mpmath.mpf("1e-4")
    at, above, below = free_entropy(R), free_entropy(R + step), free_entropy(R - step)
    slope, curvature = (above - below) / (2 * step), (above + below - 2 * at) / step**2
    assert perceptron_log_fraction(alpha) == pytest.approx(float(at), rel=1e-10)
    # Newton's step to the stationary point
    assert abs(slope / curvature) < 1e-6 * (1 - R)


@settings(max_examples=50, deadline=None)
@given(alpha=st.floats(1e-3, 1e8))
def test_slope_of_log_fraction_is_log_survival_of_the_next_example(alpha):
    step = 1e-3 * alpha
    slope = (perceptron_log_fraction(alpha + step) - perceptron_log_fraction(alpha - step)) / (2 * step)
    gap = np.sqrt(2.0) * np.sin(0.5 * np.pi * perceptron_gibbs_error(alpha))
    # central differences: the third derivative of a logarithm costs 1/3 of the squared relative step
    assert slope == pytest.approx(mean_log_survival(np.array([gap]))[0], rel=2e-6)


@settings(max_examples=50, deadline=None)
@given(alpha=st.floats(1e-6, 1e9), factor=st.floats(1.01, 10.0))
def test_order_of_the_curves(alpha, factor):
    bayes, gibbs, annealed = (
        curve([alpha, alpha * factor])
        for curve in (perceptron_bayes_error, perceptron_gibbs_error, perceptron_annealed_error)
    )
    assert np.all(bayes < gibbs)
    assert np.all(gibbs < annealed + 1e-12)
    for curve in (bayes, gibbs, annealed):
        assert curve[1] < curve[0] <= 0.5
    assert perceptron_log_fraction(alpha) <= perceptron_annealed_log_fraction(alpha) + 1e-12


@pytest.mark.parametrize("curve", CURVES)
def test_shapes_and_refusals(curve):
    assert isinstance(curve(2), float)
    grid = curve(np.array([[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]]))
    assert grid.shape == (2, 3)
    assert grid[1, 2] == pytest.approx(curve(alpha=5.0), rel=1e-14)
    assert curve([]).shape == (0,)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"alpha must be finite and at least 0, got {bad}"):
            curve([1.0, bad])
