"""Kernels of fully connected networks at all depths of a sweep."""

import numpy as np
import pytest
from scipy.special import erf

from genlaws.simulate import (
    arc_cosine_covariance,
    erf_covariance,
    erf_tangent_kernel,
    fully_connected_kernels,
    relu_tangent_kernel,
)
from genlaws.theory.activation_maps import activation_map

SETTINGS = {"weight_variance": 1.7, "bias_variance": 0.2}
SINGLE = {
    "erf": (erf_covariance, erf_tangent_kernel),
    "relu": (arc_cosine_covariance, relu_tangent_kernel),
}


@pytest.mark.parametrize("activation", ["erf", "relu"])
def test_every_depth_of_a_sweep_is_that_of_its_own_call(activation):
    rng = np.random.default_rng(0)
    X, other = rng.normal(size=(7, 5)), rng.normal(size=(4, 5))
    covariance, tangent = SINGLE[activation]
    depths = (1, 2, 3, 6)
    kernels = fully_connected_kernels(X, activation=activation, depths=depths, **SETTINGS)
    elsewhere = fully_connected_kernels(X, other, activation=activation, depths=depths, **SETTINGS)
    assert kernels.depths == depths
    for row, depth in enumerate(depths):
        both = np.concatenate([X, other])
        whole = covariance(both, depth=depth, **SETTINGS)
        np.testing.assert_allclose(kernels.covariance[row], whole[:7, :7], rtol=1e-12)
        np.testing.assert_allclose(elsewhere.covariance[row], whole[:7, 7:], rtol=1e-12, atol=1e-14)
        whole = tangent(both, depth=depth, **SETTINGS)
        np.testing.assert_allclose(kernels.tangent[row], whole[:7, :7], rtol=1e-12)
        np.testing.assert_allclose(elsewhere.tangent[row], whole[:7, 7:], rtol=1e-12, atol=1e-14)
        assert np.array_equal(kernels.tangent[row], kernels.tangent[row].T)


def test_dropout_divides_what_the_last_hidden_layer_gives_to_the_diagonal():
    X = np.random.default_rng(1).normal(size=(5, 4))
    whole = fully_connected_kernels(X, depths=(1, 2, 5), **SETTINGS)
    thinned = fully_connected_kernels(X, depths=(1, 2, 5), **SETTINGS, keep=0.8)
    off = ~np.eye(5, dtype=bool)
    bias = SETTINGS["bias_variance"]
    for name in ("covariance", "tangent"):
        before, after = getattr(whole, name), getattr(thinned, name)
        assert np.array_equal(before[:, off], after[:, off])
        # a linear classifier has no hidden layer
        assert np.array_equal(before[0], after[0])
        np.testing.assert_allclose(
            np.diagonal(after[1:], axis1=1, axis2=2) - bias,
            (np.diagonal(before[1:], axis1=1, axis2=2) - bias) / 0.8,
            rtol=1e-14,
        )


@pytest.mark.parametrize("depths", [(), (0, 1), (2, 1), (1, 1), (1.5,)])
def test_says_which_depths_do_not_fit(depths):
    with pytest.raises(ValueError, match="depths must be ascending integers of at least 1"):
        fully_connected_kernels(np.ones((2, 3)), depths=depths, **SETTINGS)


def test_says_what_else_does_not_fit():
    with pytest.raises(ValueError, match="other must have 3 features like X, got 2"):
        fully_connected_kernels(np.ones((2, 3)), np.ones((2, 2)), depths=[2], **SETTINGS)
    with pytest.raises(ValueError, match=r"keep must lie in \(0, 1\], got 0"):
        fully_connected_kernels(np.ones((2, 3)), depths=[2], **SETTINGS, keep=0.0)
    with pytest.raises(ValueError, match="the kernel overflows at depth 400"):
        fully_connected_kernels(
            np.ones((2, 3)), activation="relu", depths=[1, 400], weight_variance=60.0, bias_variance=0.0
        )


def test_a_function_is_not_taken_for_another_of_its_name():
    def relu(u):
        return np.maximum(u, 0.0) - 0.5

    X = np.random.default_rng(2).normal(size=(3, 4))
    named = fully_connected_kernels(X, activation="relu", depths=[2], **SETTINGS)
    own = fully_connected_kernels(X, activation=relu, depths=[2], **SETTINGS)
    # the mean of the shifted unit is (q / 2 pi)^(1/2) - 1/2, the slope the same
    variance = np.diagonal(fully_connected_kernels(X, depths=[1], **SETTINGS).covariance[0])
    mean = np.sqrt(variance / (2.0 * np.pi))
    shift = 0.25 - 0.5 * (mean[:, None] + mean)
    expected = named.covariance[0] + SETTINGS["weight_variance"] * shift
    np.testing.assert_allclose(own.covariance[0], expected, atol=1e-4)


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_other_activations_follow_their_maps(activation):
    rng = np.random.default_rng(3)
    X, other = rng.normal(size=(6, 4)), rng.normal(size=(3, 4))
    both = np.concatenate([X, other])
    named = activation_map(activation)
    weight, bias = SETTINGS["weight_variance"], SETTINGS["bias_variance"]
    covariance = weight * both @ both.T / 4 + bias
    tangent = covariance
    for _ in range(2):
        variance = np.diagonal(covariance)
        at = covariance, variance[:, None], variance[None, :]
        covariance = weight * named.product(*at) + bias
        tangent = covariance + weight * named.slope_product(*at) * tangent
    kernels = fully_connected_kernels(X, activation=activation, depths=[1, 3], **SETTINGS)
    elsewhere = fully_connected_kernels(X, other, activation=activation, depths=[3], **SETTINGS)
    for made, expected in ((kernels.covariance[1], covariance), (kernels.tangent[1], tangent)):
        np.testing.assert_allclose(made, expected[:6, :6], rtol=1e-9)
        assert np.array_equal(made, made.T)
    np.testing.assert_allclose(elsewhere.covariance[0], covariance[:6, 6:], rtol=1e-9)
    np.testing.assert_allclose(elsewhere.tangent[0], tangent[:6, 6:], rtol=1e-9)


def drawn_kernels(X, activation, slope, width, keep, rng):
    # of one network with two hidden layers, whose outputs drop units of the second, each point its own
    weight, bias = SETTINGS["weight_variance"], SETTINGS["bias_variance"]
    values, slopes = [X.T], []
    matrices = []
    for _ in range(2):
        matrices.append(rng.normal(size=(width, len(values[-1]))) * np.sqrt(weight / len(values[-1])))
        sums = matrices[-1] @ values[-1] + np.sqrt(bias) * rng.normal(size=(width, 1))
        values.append(activation(sums))
        slopes.append(slope(sums))
    mask = (rng.random(values[-1].shape) < keep) / keep
    last = mask * values[-1]
    # the last weights' own mean is taken in the covariance; sums of products of derivatives by layers
    covariance = weight / width * last.T @ last + bias
    back = np.sqrt(weight / width) * rng.normal(size=(width, 1)) * mask * slopes[1]
    tangent = covariance.copy()
    for layer in (1, 0):
        inner = weight / len(values[layer]) * values[layer].T @ values[layer] + bias
        tangent += (back.T @ back) * inner
        if layer:
            back = (matrices[1].T @ back) * slopes[0]
    return covariance, tangent


@pytest.mark.parametrize("keep", [1.0, 0.7])
@pytest.mark.parametrize(
    ("activation", "function", "slope"),
    [
        ("erf", erf, lambda u: 2.0 / np.sqrt(np.pi) * np.exp(-(u**2))),
        ("relu", lambda u: np.maximum(u, 0.0), lambda u: (u > 0.0).astype(float)),
    ],
)
def test_against_wide_networks(activation, function, slope, keep):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(3, 5))
    width, networks = 200, 250
    draws = np.array([drawn_kernels(X, function, slope, width, keep, rng) for _ in range(networks)])
    expected = fully_connected_kernels(X, activation=activation, depths=[3], **SETTINGS, keep=keep)
    for drawn, limit in zip(draws.swapaxes(0, 1), (expected.covariance[0], expected.tangent[0]), strict=True):
        error = drawn.std(axis=0) / np.sqrt(networks)
        assert np.all(error < 0.02 * np.abs(limit).max())
        # 4 standard errors, and what a finite width shifts
        assert np.all(np.abs(drawn.mean(axis=0) - limit) < 4.0 * error + 2.0 / width * np.abs(limit).max())


def exact_tangent(X, activation, depth, weight, bias, mpmath):
    """The tangent kernel by its definition, in the precision of mpmath."""
    mpf, n = mpmath.mpf, len(X)
    points = [[mpf(float(x)) for x in row] for row in X]
    weight, bias = mpf(weight), mpf(bias)
    covariance = mpmath.matrix(n)
    for i in range(n):
        for j in range(n):
            covariance[i, j] = weight * mpmath.fdot(points[i], points[j]) / len(X[0]) + bias
    tangent = covariance.copy()
    for _ in range(depth - 1):
        before = covariance.copy()
        for i in range(n):
            for j in range(i, n):
                first, other, both = before[i, i], before[j, j], before[i, j]
                if activation == "erf":
                    area = (1 + 2 * first) * (1 + 2 * other)
                    product = 2 / mpmath.pi * mpmath.asin(2 * both / mpmath.sqrt(area))
                    slope = 4 / mpmath.pi / mpmath.sqrt(area - 4 * both**2)
                else:
                    size = mpmath.sqrt(first * other)
                    angle = mpmath.acos(both / size) if i != j else mpf(0)
                    product = size * (mpmath.sin(angle) + (mpmath.pi - angle) * mpmath.cos(angle))
                    product /= 2 * mpmath.pi
                    slope = (mpmath.pi - angle) / (2 * mpmath.pi)
                covariance[i, j] = covariance[j, i] = weight * product + bias
                tangent[i, j] = tangent[j, i] = covariance[i, j] + weight * slope * tangent[i, j]
    return tangent


@pytest.mark.parametrize(
    ("activation", "weight_variance", "depth", "condition", "accuracy"),
    [
        # up to the rounding of what is returned: some 1e-16 kappa
        ("erf", 1.5, 60, 65.0, 1e-13),
        ("erf", 1.5, 280, 5e8, 5e-7),
        ("erf", 1.0, 88, 1.6e11, 1e-4),
        ("erf", 1.0, 110, 1.5e14, 0.05),
        ("erf", 2.0, 60, 1.1, 1e-13),
        ("relu", 1.5, 48, 2.2e3, 1e-11),
        ("relu", 1.5, 96, 2.2e6, 1e-9),
        ("relu", 1.5, 180, 4e11, 1e-4),
    ],
)
def test_condition_numbers_of_deep_networks(activation, weight_variance, depth, condition, accuracy):
    mpmath = pytest.importorskip("mpmath")
    X = np.random.default_rng(5).normal(size=(4, 16))
    X /= np.sqrt(np.mean(X**2, axis=1, keepdims=True))
    settings = {"weight_variance": weight_variance, "bias_variance": 0.18}
    found = fully_connected_kernels(X, activation=activation, depths=[depth], **settings).tangent[0]
    with mpmath.workdps(40):
        exact = exact_tangent(X, activation, depth, weight_variance, 0.18, mpmath)
        values = mpmath.eigsy(exact, eigvals_only=True)
        expected = float(values[3] / values[0])
        entries = np.array(exact.tolist(), dtype=float)
    assert 0.3 * condition < expected < 3.0 * condition
    np.testing.assert_allclose(found, entries, rtol=1e-14)
    values = np.linalg.eigvalsh(found)
    assert values[-1] / values[0] == pytest.approx(expected, rel=accuracy)


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("weight_variance", [1.2, 2.5])
def test_close_points_that_part_or_meet(activation, weight_variance):
    # carried by gaps while they are close: from the start, and again after a chaotic network parted them
    mpmath = pytest.importorskip("mpmath")
    X = np.array([[1.0, 0.9, -0.4], [0.97, 0.95, -0.42]])
    settings = {"weight_variance": weight_variance, "bias_variance": 0.18}
    depths = [1, 2, 5, 25]
    whole = fully_connected_kernels(X, activation=activation, depths=depths, **settings)
    crossed = fully_connected_kernels(X[:1], X[1:], activation=activation, depths=depths, **settings)
    for depth, found, across in zip(depths, whole.tangent, crossed.tangent, strict=True):
        with mpmath.workdps(40):
            exact = exact_tangent(X, activation, depth, weight_variance, 0.18, mpmath)
            entries = np.array(exact.tolist(), dtype=float)
        np.testing.assert_allclose(found, entries, rtol=1e-11)
        np.testing.assert_allclose(across, entries[:1, 1:], rtol=1e-11)
