"""Kernels of fully connected networks at all depths of a sweep."""

import numpy as np
import pytest

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
