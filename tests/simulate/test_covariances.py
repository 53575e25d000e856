import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad
from scipy.special import erf
from scipy.stats import norm

from genlaws.simulate import arc_cosine_covariance, erf_covariance
from genlaws.theory.activation_maps import erf_expectation, relu_expectation

COVARIANCES = [arc_cosine_covariance, erf_covariance]


def relu(u):
    return np.maximum(u, 0.0)


@pytest.mark.parametrize(("activation", "expectation"), [(relu, relu_expectation), (erf, erf_expectation)])
@pytest.mark.parametrize("correlation", [-0.999, -0.5, 0.0, 0.3, 0.97, 0.9999])
@pytest.mark.parametrize(("variance", "other"), [(1.0, 1.0), (0.3, 4.0)])
def test_expectations_against_quadrature(activation, expectation, correlation, variance, other):
    covariance = correlation * np.sqrt(variance * other)

    # E over u of activation(u) times the mean of activation(v) given u
    def given_u(u):
        mean, spread = covariance / variance * u, np.sqrt(other * (1 - correlation**2))
        if activation is relu:
            inner = mean * norm.cdf(mean / spread) + spread * norm.pdf(mean / spread)
        else:
            inner = erf(mean / np.sqrt(1 + 2 * spread**2))
        return norm.pdf(u, scale=np.sqrt(variance)) * activation(u) * inner

    reach = 12 * np.sqrt(variance)
    expected = sum(quad(given_u, a, b, epsabs=1e-13)[0] for a, b in [(-reach, 0), (0, reach)])
    value = expectation(np.array([covariance]), np.array([variance]), np.array([other]))[0]
    assert value == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("bias_variance", [0.0, 0.3])
def test_depth_one_is_linear(bias_variance):
    X = np.random.default_rng(0).normal(size=(5, 3))
    for covariance in COVARIANCES:
        K = covariance(X, depth=1, weight_variance=1.5, bias_variance=bias_variance)
        np.testing.assert_allclose(K, 1.5 * X @ X.T / 3 + bias_variance, rtol=1e-14)


def test_parallel_opposite_and_orthogonal_inputs():
    X = np.array([[2.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    K = arc_cosine_covariance(X, depth=2, weight_variance=2.0)
    # weight variance 2 keeps x.x / features * 2; ReLU outputs of opposite inputs are uncorrelated
    assert K[0, 1] == pytest.approx(2.0, rel=1e-15)
    assert K[1, 2] == pytest.approx(0.0, abs=1e-16)
    assert K[1, 3] == pytest.approx(1.0 / np.pi, rel=1e-15)
    K = erf_covariance(X, depth=2, weight_variance=2.0)
    assert K[1, 2] == pytest.approx(-2 * 2 / np.pi * np.arcsin(2 / 3), rel=1e-15)
    assert K[1, 3] == 0.0
    # deeper ReLU networks forget the angle between inputs, but not their norms
    K = arc_cosine_covariance(X, depth=400, weight_variance=2.0)
    np.testing.assert_allclose(np.diagonal(K), [4.0, 1.0, 1.0, 1.0], rtol=1e-12)
    assert K[1, 3] > 0.99


@pytest.mark.parametrize(("covariance", "activation"), [(arc_cosine_covariance, relu), (erf_covariance, erf)])
def test_against_wide_networks(covariance, activation):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(4, 6))
    weight_variance, bias_variance, width, networks = 1.7, 0.2, 300, 400
    draws = []
    for _ in range(networks):
        hidden = X.T
        for _ in range(2):
            weights = rng.normal(scale=np.sqrt(weight_variance / len(hidden)), size=(width, len(hidden)))
            hidden = activation(weights @ hidden + rng.normal(scale=np.sqrt(bias_variance), size=(width, 1)))
        # average over the last layer exactly
        draws.append(weight_variance / width * hidden.T @ hidden + bias_variance)
    expected = covariance(X, depth=3, weight_variance=weight_variance, bias_variance=bias_variance)
    error = np.std(draws, axis=0) / np.sqrt(networks)
    assert np.all(error < 0.02)
    # 3.5 standard errors, and what a finite width of 300 shifts
    assert np.all(np.abs(np.mean(draws, axis=0) - expected) < 3.5 * error + 2.0 / width)


@settings(max_examples=60, deadline=None)
@given(
    X=arrays(
        np.float64,
        st.tuples(st.integers(1, 12), st.integers(1, 5)),
        elements=st.floats(-1e3, 1e3, allow_subnormal=False),
    ),
    depth=st.integers(1, 5),
    bias_variance=st.sampled_from([0.0, 0.01, 1.0]),
)
def test_symmetric_and_positive_semidefinite(X, depth, bias_variance):
    # duplicates, zeros and multiples are likely here
    X = np.concatenate([X, X[:1], -2.0 * X[:1]])
    for covariance in COVARIANCES:
        K = covariance(X, depth=depth, bias_variance=bias_variance)
        assert K.dtype == np.float64
        assert np.array_equal(K, K.T)
        values = np.linalg.eigvalsh(K)
        assert values[0] >= -1e-12 * max(values[-1], 1e-300)


def test_strips_of_a_large_matrix_agree_with_small_ones():
    X = np.random.default_rng(2).normal(size=(700, 4))
    some = [0, 92, 93, 94, 300, 699]
    for covariance in COVARIANCES:
        K = covariance(X, depth=3, bias_variance=0.1)
        assert np.array_equal(K, K.T)
        np.testing.assert_allclose(
            K[np.ix_(some, some)], covariance(X[some], depth=3, bias_variance=0.1), rtol=1e-13
        )


def test_leaves_its_input_alone():
    X = np.random.default_rng(3).normal(size=(5, 3))
    before = X.copy()
    arc_cosine_covariance(X, depth=3)
    assert np.array_equal(X, before)


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        ([1.0, 2.0], {}, r"X must have shape \(points, features\)"),
        (np.zeros((0, 3)), {}, r"X must have shape \(points, features\)"),
        ([[1.0, np.nan]], {}, "X must be finite, got nan"),
        ([[1.0]], {"depth": 0}, "depth must be an integer of at least 1"),
        ([[1.0]], {"depth": 1.5}, "depth must be an integer of at least 1"),
        ([[1.0]], {"weight_variance": 0.0}, "weight_variance must be positive"),
        ([[1.0]], {"bias_variance": -1.0}, "bias_variance must be finite and at least 0"),
    ],
)
def test_refusals(covariance, X, options, message):
    with pytest.raises(ValueError, match=message):
        covariance(X, **options)
