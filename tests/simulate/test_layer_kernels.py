"""The compiled steps through a layer against numpy and against the elementwise maps of the theory."""

import math

import numpy as np
import pytest
from numba import njit

from genlaws.simulate import depth_kernels, fully_connected_kernels
from genlaws.simulate.layer_arithmetic import arcsine
from genlaws.theory.activation_maps import activation_map


@njit(error_model="numpy", fastmath={"contract"})
def arcsines(sines):
    made = np.empty_like(sines)
    for i in range(sines.size):
        rest = (1.0 - sines[i]) * (1.0 + sines[i])
        made[i] = arcsine(sines[i], rest, math.sqrt(rest))
    return made


def test_arcsine_to_the_last_digits():
    ends = 1.0 - np.logspace(-16, -1, 5_001)
    small = np.logspace(-300, -1, 5_001)
    middle = math.sqrt(0.5) * (1.0 + np.linspace(-1e-14, 1e-14, 501))
    sines = np.concatenate([[0.0, 1.0], np.linspace(0.0, 1.0, 200_001), ends, small, middle])
    expected = np.arcsin(sines)
    for sign in (1.0, -1.0):
        np.testing.assert_allclose(arcsines(sign * sines), sign * expected, rtol=5e-16, atol=0.0)


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("lengths", [(1.0, 1.0), (0.2, 3.0), (1e-4, 40.0)])
def test_a_layer_is_the_map_of_the_theory(activation, lengths):
    # a fan of directions: all correlations from 1 to -1, at each pair of lengths
    angles = np.linspace(0.0, np.pi, 700)[1:-1]
    fan = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    X, other = lengths[0] * np.array([[1.0, 0.0]]), lengths[1] * fan
    weight, bias = 1.7, 0.2
    kernels = fully_connected_kernels(
        X, other, activation=activation, depths=[1, 2], weight_variance=weight, bias_variance=bias
    )
    first = kernels.covariance[0]
    variances = (weight * (np.square(points).sum(axis=1)) / 2.0 + bias for points in (X, other))
    at = first, *(np.meshgrid(*variances, indexing="ij"))
    named = activation_map(activation)
    expected = weight * named.product(*at) + bias
    np.testing.assert_allclose(kernels.covariance[1], expected, rtol=1e-13)
    expected = expected + weight * named.slope_product(*at) * first
    np.testing.assert_allclose(kernels.tangent[1], expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("activation", ["erf", "relu"])
def test_tiles_and_threads_change_nothing(activation, monkeypatch):
    X = np.random.default_rng(0).normal(size=(37, 5))
    settings = {"activation": activation, "depths": [1, 3], "weight_variance": 1.7, "bias_variance": 0.1}
    whole = fully_connected_kernels(X, **settings)
    monkeypatch.setattr(depth_kernels, "_TILE", (7, 11))
    tiled = fully_connected_kernels(X, **settings)
    for kernel, expected in ((tiled.covariance, whole.covariance), (tiled.tangent, whole.tangent)):
        assert np.array_equal(kernel, kernel.swapaxes(1, 2))
        np.testing.assert_allclose(kernel, expected, rtol=1e-12, atol=1e-14)
        own = (np.diagonal(made, axis1=1, axis2=2) for made in (kernel, expected))
        assert np.array_equal(*own)
    with monkeypatch.context() as context:
        context.setattr(depth_kernels, "get_num_threads", lambda: 1)
        alone = fully_connected_kernels(X, **settings)
    assert np.array_equal(alone.tangent, tiled.tangent)


@pytest.mark.parametrize("size", [1e-300, 1e-158, 1e-12, 1e7, 1e150])
@pytest.mark.parametrize("activation", ["erf", "relu"])
def test_inputs_of_any_size(activation, size):
    # the second point is the first, the third its opposite, the fourth is nothing
    X = size * np.array([[0.6, 0.8], [0.6, 0.8], [-0.6, -0.8], [0.0, 0.0]])
    settings = {"depths": [3], "weight_variance": 2.0, "bias_variance": 0.0}
    made = fully_connected_kernels(X, activation=activation, **settings)
    for kernel in (made.covariance[0], made.tangent[0]):
        assert np.all(np.isfinite(kernel))
        assert not kernel[3].any()
        np.testing.assert_allclose(kernel[0, 1], kernel[0, 0], rtol=1e-7)
    if activation == "relu":
        np.testing.assert_allclose(np.diagonal(made.tangent[0])[:3], 3.0 * size**2, rtol=1e-14, atol=1e-320)
