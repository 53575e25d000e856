"""Velocities of homogeneous networks: derivatives by differences, degrees of homogeneity, kinks."""

import numpy as np
import pytest

from genlaws.simulate import random_layers
from genlaws.simulate.flow_start import checked_network, checked_start


def network(activation, loss, normalization, corner=0.05):
    rng = np.random.default_rng(2)
    inputs, labels = rng.standard_normal((7, 3)), rng.choice([-1.0, 1.0], 7)
    start = random_layers([3, 4, 3, 1], rng=3)
    made = checked_network(inputs, labels, start, activation, loss, normalization, corner)
    return made, checked_start(made, start)


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
@pytest.mark.parametrize("normalization", ["none", "layers", "units", "exponential"])
@pytest.mark.parametrize("activation", ["linear", "relu", "square", "cube"])
def test_jacobian_is_that_of_differences(activation, normalization, loss):
    made, weights = network(activation, loss, normalization)
    found, step = made.jacobian(0.7, weights), 1e-5
    for j in range(weights.size):
        along = np.zeros(weights.size)
        along[j] = step
        # fourth order
        near = made.velocity(0.7, weights + along) - made.velocity(0.7, weights - along)
        far = made.velocity(0.7, weights + 2.0 * along) - made.velocity(0.7, weights - 2.0 * along)
        difference = (8.0 * near - far) / (12.0 * step)
        np.testing.assert_allclose(found[:, j], difference, atol=2e-7 * np.abs(found).max())


@pytest.mark.parametrize(("activation", "degree"), [("linear", 1), ("relu", 1), ("square", 2), ("cube", 3)])
def test_margins_are_homogeneous_and_velocity_is_their_gradient(activation, degree):
    made, weights = network(activation, "exponential", "none")
    assert made.powers.tolist() == [degree**2, degree, 1]

    def log_loss(flat):
        matrices = made.layers(flat)
        norms = [np.linalg.norm(layer) for layer in matrices]
        outputs = made.normalized_outputs([w / n for w, n in zip(matrices, norms, strict=True)])
        return np.log(np.exp(-made.labels * outputs * np.prod(norms**made.powers)).sum())

    assert made.log_pull(weights) == pytest.approx(log_loss(weights), rel=1e-12)
    velocity, step = made.velocity(-made.log_pull(weights), weights), 1e-6
    for j in range(weights.size):
        along = np.zeros(weights.size)
        along[j] = step
        slope = (log_loss(weights + along) - log_loss(weights - along)) / (2.0 * step)
        assert velocity[j] == pytest.approx(-slope, abs=1e-8)


def test_rectified_units_are_exact_away_from_their_kink():
    rounded, weights = network("relu", "exponential", "none", corner=1e-6)
    matrices = rounded.layers(weights)
    signals = rounded.inputs
    for layer in matrices[:-1]:
        signals = np.maximum(signals @ layer.T, 0.0)
    exact = (signals @ matrices[-1].T)[:, 0]
    norms = [np.linalg.norm(layer) for layer in matrices]
    found = rounded.normalized_outputs([w / n for w, n in zip(matrices, norms, strict=True)])
    np.testing.assert_allclose(found * np.prod(norms), exact, rtol=1e-12, atol=1e-14)


def test_no_trial_step_leaves_the_numbers():
    made, weights = network("cube", "exponential", "layers")
    for scale in (1e-20, 1e20):
        for clock in (-1e4, 1e4):
            assert np.all(np.isfinite(made.velocity(clock, scale * weights)))


@pytest.mark.parametrize("activation", ["linear", "relu", "square", "cube"])
def test_gradients_of_margins_are_those_of_differences_and_make_the_velocity(activation):
    made, weights = network(activation, "exponential", "none")

    def margins(flat):
        matrices = made.layers(flat)
        norms = np.array([np.linalg.norm(layer) for layer in matrices])
        outputs = made.normalized_outputs([w / n for w, n in zip(matrices, norms, strict=True)])
        return made.labels * outputs * np.prod(norms**made.powers)

    found, step = made.margin_gradients(weights), 1e-5
    for j in range(weights.size):
        along = np.zeros(weights.size)
        along[j] = step
        slope = (margins(weights + along) - margins(weights - along)) / (2.0 * step)
        np.testing.assert_allclose(found[:, j], slope, atol=1e-7 * np.abs(found).max())
    # each layer's share of Euler's identity
    parts = made.layers(found * weights)
    along = np.stack([part.sum(axis=(1, 2)) for part in parts], axis=1)
    np.testing.assert_allclose(along, np.outer(margins(weights), made.powers), rtol=1e-10)
    velocity = np.exp(-margins(weights)) @ found
    np.testing.assert_allclose(made.velocity(0.0, weights), velocity, rtol=1e-9, atol=1e-12)
