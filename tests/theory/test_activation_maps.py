"""Gaussian products of activations against quadrature over the plane, and their gaps in many digits."""

import mpmath
import numpy as np
import pytest
from scipy import special

from genlaws.theory import activation_map

PAIRS = [
    (0.2, 0.2, 0.1),
    (1.0, 1.0, -0.9),
    (1.3, 0.7, 0.5),
    (0.9, 10.0, 2.9),
    (10.0, 10.0, 9.9),
    (10.0, 10.0, 9.99),
]


def gelu(u):
    return u * special.ndtr(u)


def gelu_slope(u):
    return special.ndtr(u) + u * np.exp(-0.5 * u * u) / np.sqrt(2.0 * np.pi)


SMOOTH = {
    "erf": (special.erf, lambda u: 2.0 / np.sqrt(np.pi) * np.exp(-u * u)),
    "gelu": (gelu, gelu_slope),
    "tanh": (np.tanh, lambda u: 1.0 / np.cosh(u) ** 2),
}


def over_the_plane(function, variance, other_variance, covariance):
    # the trapezoidal rule, whose error is below rounding for functions that are analytic in a strip
    x = np.arange(-208, 209) / 16.0
    weight = np.exp(-0.5 * x * x)
    weight /= weight.sum()
    r = covariance / np.sqrt(variance * other_variance)
    v = np.sqrt(other_variance) * (r * x[:, None] + np.sqrt(1.0 - r * r) * x)
    return weight @ (function(np.sqrt(variance) * x)[:, None] * function(v)) @ weight


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize(("variance", "other", "covariance"), PAIRS)
def test_products_and_slope_products_against_quadrature(name, variance, other, covariance):
    function, slope = SMOOTH[name]
    arguments = [np.array(value) for value in (covariance, variance, other)]
    expected = over_the_plane(function, variance, other, covariance)
    slopes = over_the_plane(slope, variance, other, covariance)
    for maps in (activation_map(name), activation_map(function)):
        assert maps.product(*arguments) == pytest.approx(expected, rel=1e-10, abs=1e-14)
        assert maps.slope_product(*arguments) == pytest.approx(slopes, rel=2e-9, abs=1e-14)


@pytest.mark.parametrize("name", ["erf", "relu", "gelu", "tanh"])
def test_functions_broadcast_and_agree_elementwise(name):
    maps = activation_map(name)
    rng = np.random.default_rng(1)
    u, v = rng.uniform(0.1, 3.0, size=(3, 1)), rng.uniform(0.1, 3.0, size=(1, 4))
    covariance = rng.uniform(-1.0, 1.0, size=(3, 4)) * np.sqrt(u * v)
    for function in (maps.product, maps.slope_product):
        together = function(covariance, u, v)
        one = [[function(covariance[i, j], u[i, 0], v[0, j]) for j in range(4)] for i in range(3)]
        np.testing.assert_allclose(together, one, rtol=1e-13)
        assert function(np.array([0.1, 0.2]), np.array(1.0), np.array(1.0)).shape == (2,)
    # the gaps are the differences where these do not cancel
    gap = np.array([0.02, 0.3, 1.0, 1.6, 2.0])[:, None]
    q = np.array([0.05, 1.0, 7.0])
    for part in ("product", "slope_product"):
        function = getattr(maps, part)
        apart = function(q + 0.0 * gap, q, q) - function(q * (1.0 - gap), q, q)
        np.testing.assert_allclose(getattr(maps, part + "_gap")(gap, q), apart, rtol=1e-10, atol=1e-14)


def erf_product(q, c):
    return 2 / mpmath.pi * mpmath.asin(2 * q * c / (1 + 2 * q))


def relu_product(q, c):
    return q / (2 * mpmath.pi) * (mpmath.sqrt(1 - c * c) + (mpmath.pi - mpmath.acos(c)) * c)


def gelu_product(q, c):
    k, area = q * c, (1 + q) ** 2 - (q * c) ** 2
    numerator = q * q - k * k + 2 * k * k / (1 + q)
    return k / 4 + (k * mpmath.asin(k / (1 + q)) + numerator / mpmath.sqrt(area)) / (2 * mpmath.pi)


@pytest.mark.parametrize(
    ("name", "product"), [("erf", erf_product), ("relu", relu_product), ("gelu", gelu_product)]
)
@pytest.mark.parametrize("q", [0.03, 1.0, 12.0])
def test_gaps_do_not_cancel(name, product, q):
    gaps = ["1e-290", "1e-30", "1e-9", "1e-4", "0.004", "0.2"]
    with mpmath.workdps(700):
        exact = mpmath.mpf(q)
        values = [float(product(exact, 1) - product(exact, 1 - mpmath.mpf(gap))) for gap in gaps]
    with mpmath.workdps(60):
        # slopes by differentiation in the covariance, at gaps that leave the derivative its digits
        slopes = [
            float(
                (product(exact, 1) - product(exact, 1 - mpmath.mpf("1e-40"))) / mpmath.mpf("1e-40")
                - mpmath.diff(lambda c: product(exact, c), 1 - mpmath.mpf(gap), h=mpmath.mpf("1e-25"))
            )
            / q
            for gap in gaps[2:]
        ]
    found = activation_map(name)
    np.testing.assert_allclose(found.product_gap(np.array(gaps, float), np.array(q)), values, rtol=2e-14)
    # at 1 the slope of ReLU is the square root of 1e-40 off
    np.testing.assert_allclose(
        found.slope_product_gap(np.array(gaps[2:], float), np.array(q)), slopes, rtol=3e-13, atol=1e-19
    )


def test_gaps_of_tanh_are_linear_where_they_are_tiny():
    maps, q = activation_map("tanh"), np.array(1.7)
    slope = over_the_plane(SMOOTH["tanh"][1], 1.7, 1.7, 1.7 * (1 - 1e-15))
    for gap in (1e-250, 1e-30, 1e-12):
        assert maps.product_gap(np.array(gap), q) == pytest.approx(slope * q * gap, rel=1e-7)
        ratio = maps.slope_product_gap(np.array(gap), q) / maps.slope_product_gap(np.array(1e-9), q)
        assert ratio == pytest.approx(gap / 1e-9, rel=1e-7)


def test_a_callable_with_a_kink_reaches_what_is_stated():
    exact, series = activation_map("relu"), activation_map(lambda u: np.maximum(u, 0.0))
    c, q = np.concatenate([np.linspace(-0.97, 0.97, 41), 1.0 - np.logspace(-6, -1.6, 30)]), np.array(2.0)
    ends = np.array([-1.0, 1.0])
    for part, far, near in (("product", 1e-8, 1e-5), ("slope_product", 1e-8, 1e-2)):
        wanted, found = getattr(exact, part), getattr(series, part)
        error = np.abs(found(q * c, q, q) - wanted(q * c, q, q)) / wanted(q, q, q)
        assert error[:41].max() < far
        assert error.max() < near
        np.testing.assert_allclose(found(q * ends, q, q), wanted(q * ends, q, q), rtol=1e-9, atol=1e-9)


def test_a_variance_of_zero_gives_the_activation_at_zero():
    zero, one = np.array(0.0), np.array(1.0)
    for name, at_zero, slope in (("erf", 0.0, 4.0 / np.pi), ("gelu", 0.0, 0.25), ("tanh", 0.0, 1.0)):
        maps = activation_map(name)
        assert maps.product(zero, zero, zero) == at_zero
        assert maps.slope_product(zero, zero, zero) == pytest.approx(slope, rel=1e-9)
        assert maps.product_gap(one, zero) == 0.0
    assert activation_map(np.cos).product(zero, zero, zero) == pytest.approx(1.0, rel=1e-14)


def test_says_what_is_no_activation():
    with pytest.raises(
        ValueError, match="activation must be one of erf, relu, gelu, tanh or a callable, got 'elu'"
    ):
        activation_map("elu")
    one = np.array(1.0)
    with pytest.raises(ValueError, match="must take an array and return finite numbers in its shape"):
        activation_map(np.sum).product(one, one, one)
    with pytest.raises(ValueError, match="finite numbers"):
        activation_map(lambda u: u + np.inf).slope_product(one, one, one)
