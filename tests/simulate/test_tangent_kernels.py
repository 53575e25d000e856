"""Infinite-width tangent kernels against closed values, quadrature and published fixed points."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf
from scipy.stats import multivariate_normal

from genlaws.simulate import (
    arc_cosine_covariance,
    depth_kernels,
    erf_covariance,
    erf_tangent_kernel,
    relu_tangent_kernel,
)
from genlaws.theory.activation_maps import erf_slope_expectation, relu_slope_expectation

KERNELS = [relu_tangent_kernel, erf_tangent_kernel]
PAIRS = [(relu_tangent_kernel, arc_cosine_covariance), (erf_tangent_kernel, erf_covariance)]
NODES = np.arange(-9.0, 9.0, 0.05)
WEIGHTS = 0.05 * np.exp(-0.5 * NODES**2) / np.sqrt(2.0 * np.pi)


def erf_slope(u):
    return 2.0 / np.sqrt(np.pi) * np.exp(-(u**2))


def gaussian_mean(function, covariance, variance, other):
    """E[f(u) f(v)] of smooth f by the trapezoidal rule."""
    slope = covariance / variance
    rest = np.sqrt(max(other - slope * covariance, 0.0))
    u = np.sqrt(variance) * NODES[:, None]
    v = slope * u + rest * NODES[None, :]
    return WEIGHTS @ (function(u) * function(v)) @ WEIGHTS


@pytest.mark.parametrize("correlation", [-0.99, -0.5, 0.0, 0.3, 0.97])
@pytest.mark.parametrize(("variance", "other"), [(1.0, 1.0), (0.3, 4.0)])
def test_mean_products_of_slopes(correlation, variance, other):
    covariance = correlation * np.sqrt(variance * other)
    arguments = [np.array([v]) for v in (covariance, variance, other)]
    orthant = multivariate_normal.cdf([0.0, 0.0], cov=[[variance, covariance], [covariance, other]])
    assert relu_slope_expectation(*arguments)[0] == pytest.approx(orthant, abs=1e-7)
    narrow = np.sqrt(variance / (1.0 + 2.0 * variance))

    # E over u of erf'(u) times the mean of erf'(v) given u, itself Gaussian in u
    def given_u(u):
        rest = other * (1.0 - correlation**2)
        mean = covariance / variance * u
        inner = 2.0 / np.sqrt(np.pi * (1.0 + 2.0 * rest)) * np.exp(-(mean**2) / (1.0 + 2.0 * rest))
        return np.exp(-(u**2) / (2.0 * variance)) / np.sqrt(2.0 * np.pi * variance) * erf_slope(u) * inner

    expected = quad(given_u, -14.0 * narrow, 14.0 * narrow, epsabs=1e-13)[0]
    assert erf_slope_expectation(*arguments)[0] == pytest.approx(expected, rel=1e-10)


def test_a_variance_of_zero_has_no_relu_slope():
    kernel = relu_tangent_kernel([[0.0, 0.0], [1.0, 2.0]], depth=3)
    assert kernel[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("angle", [0.0, np.pi / 3, np.pi / 2, 3.0, np.pi])
def test_one_hidden_layer_of_relu_by_angle(angle):
    # |x| |x'| (cos t (pi - t) + sin t + cos t (pi - t)) / (d pi) at weight variance 2
    lengths = 1.5, 0.4
    X = np.array([[lengths[0], 0.0], [lengths[1] * np.cos(angle), lengths[1] * np.sin(angle)]])
    expected = np.prod(lengths) / np.pi * (2.0 * (np.pi - angle) * np.cos(angle) + np.sin(angle))
    assert relu_tangent_kernel(X, depth=2)[0, 1] == pytest.approx(expected, abs=1e-8)
    # 2 |x|^2 on the diagonal, where it is exact, and one more of them with each hidden layer
    for depth in (1, 2, 5):
        diagonal = np.diagonal(relu_tangent_kernel(X, depth=depth))
        np.testing.assert_allclose(diagonal, depth * np.square(lengths), rtol=1e-14)


def test_erf_recursion_against_quadrature():
    X = np.random.default_rng(0).normal(size=(3, 5))
    weight_variance, bias_variance = 1.6, 0.25
    covariance = weight_variance * X @ X.T / 5 + bias_variance
    kernel = covariance.copy()
    for _ in range(3):
        made = [np.empty((3, 3)), np.empty((3, 3))]
        for i in range(3):
            for j in range(3):
                at = covariance[i, j], covariance[i, i], covariance[j, j]
                made[0][i, j] = gaussian_mean(erf, *at)
                made[1][i, j] = gaussian_mean(erf_slope, *at)
        covariance = weight_variance * made[0] + bias_variance
        kernel = covariance + weight_variance * made[1] * kernel
    found = erf_tangent_kernel(X, depth=4, weight_variance=weight_variance, bias_variance=bias_variance)
    np.testing.assert_allclose(found, kernel, rtol=1e-10)


@pytest.mark.parametrize(("kernel", "covariance"), PAIRS)
@pytest.mark.parametrize("bias_variance", [0.0, 0.3])
def test_is_the_derivative_of_the_covariance(kernel, covariance, bias_variance):
    # one hidden layer: training the last layer gives K^2 itself, the first K^1 times dK^2/dK^1
    rng = np.random.default_rng(3)
    X = rng.normal(size=(2, 4))
    settings = {"weight_variance": 1.7, "bias_variance": bias_variance}
    first = covariance(X, depth=1, **settings)[0, 1]
    step = 1e-5
    moved = []
    for sign in (1.0, -1.0):
        # two inputs of the same lengths, turned a little towards each other or away
        gram = X @ X.T
        gram[0, 1] = gram[1, 0] = gram[0, 1] + sign * step
        roots = np.linalg.cholesky(gram) * np.sqrt(2.0 / 4.0)
        moved.append(covariance(roots, depth=2, **settings)[0, 1])
    slope = (moved[0] - moved[1]) / (2.0 * step * 1.7 / 4.0)
    expected = covariance(X, depth=2, **settings)[0, 1] + slope * first
    assert kernel(X, depth=2, **settings)[0, 1] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_blocks_and_columns(kernel, depth, monkeypatch):
    rng = np.random.default_rng(1)
    X, other = rng.normal(size=(9, 3)), rng.normal(size=(4, 3))
    settings = {"depth": depth, "bias_variance": 0.1}
    whole = kernel(np.concatenate([X, other]), **settings)
    assert np.array_equal(whole, whole.T)
    assert np.linalg.eigvalsh(whole)[0] > (-1e-12 if depth == 1 else 1e-4)
    monkeypatch.setattr(depth_kernels, "_TILE", (2, 5))
    np.testing.assert_allclose(kernel(X, **settings), whole[:9, :9], rtol=1e-12)
    np.testing.assert_allclose(kernel(X, other, **settings), whole[:9, 9:], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("weight_variance", "q", "chi"), [(0.5, 0.3032, 0.4280), (1.0, 0.5209, 0.7251)])
def test_deep_ordered_erf_networks_forget_their_inputs(weight_variance, q, chi):
    # fixed points of arXiv:1912.13053 at bias variance 0.18: every entry tends to q* / (1 - chi_1)
    X = np.random.default_rng(2).normal(size=(4, 8))
    kernel = erf_tangent_kernel(X, depth=200, weight_variance=weight_variance, bias_variance=0.18)
    np.testing.assert_allclose(kernel, q / (1.0 - chi), rtol=3e-4)


def test_chaotic_and_critical_depths():
    X = np.random.default_rng(5).normal(size=(20, 64))
    X /= np.sqrt((X**2).mean(axis=1, keepdims=True))
    # chaotic: off the diagonal q* c* / (1 - chi_c*), the diagonal grows as chi_1^l
    deep = erf_tangent_kernel(X, depth=400, weight_variance=2.5, bias_variance=0.18)
    off = deep[~np.eye(20, dtype=bool)]
    np.testing.assert_allclose(off, 1.5422 * 0.6163 / (1.0 - 0.8805), rtol=2e-3)
    deeper = erf_tangent_kernel(X, depth=401, weight_variance=2.5, bias_variance=0.18)
    np.testing.assert_allclose(np.diagonal(deeper) / np.diagonal(deep), 1.1888, rtol=1e-4)
    # critical: the condition number of m points tends to (m + 2) / 2
    values = np.linalg.eigvalsh(erf_tangent_kernel(X, depth=1000, weight_variance=1.7476, bias_variance=0.18))
    assert values[-1] / values[0] == pytest.approx(11.0, abs=0.25)


@pytest.mark.parametrize("kernel", KERNELS)
def test_says_what_does_not_fit(kernel):
    with pytest.raises(ValueError, match="other must have 3 features like X, got 2"):
        kernel(np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="X must have shape"):
        kernel(np.ones(3))
    with pytest.raises(ValueError, match="depth must be an integer of at least 1"):
        kernel(np.ones((2, 3)), depth=0)
    with pytest.raises(ValueError, match="weight_variance must be positive"):
        kernel(np.ones((2, 3)), weight_variance=0.0)


def test_says_when_it_overflows():
    with pytest.raises(ValueError, match="the kernel overflows at depth 400"):
        relu_tangent_kernel(np.ones((2, 3)), depth=400, weight_variance=60.0)
