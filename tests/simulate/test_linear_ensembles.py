"""Linear models under gradient flow: against step-by-step descent, and the theory against draws of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genlaws.simulate import (
    GaussianMixtureLabels,
    LinearEnsemble,
    boundary_distance_ratio,
    classification_ensemble,
    excess_risks,
    regression_ensemble,
    squared_fluctuation,
)
from genlaws.theory import (
    gradient_flow_risk,
    least_squares_fluctuation,
    least_squares_risk,
    least_squares_seed_variance,
    least_squares_squared_norm,
    mixture_excess_coefficients,
    typical_gradient_flow_risk,
)

SETTINGS = {"signal": 2.0, "noise": 0.5, "initial_variance": 0.02}


def descend(ensemble, time, steps):
    """Fourth-order steps along the gradient of the mean square error over two."""
    weights, step = ensemble.initial.copy(), time / steps

    def down(w):
        return (ensemble.targets - w @ ensemble.inputs.T) @ ensemble.inputs / len(ensemble.inputs)

    for _ in range(steps):
        first = down(weights)
        second = down(weights + 0.5 * step * first)
        third = down(weights + 0.5 * step * second)
        weights += step / 6.0 * (first + 2.0 * second + 2.0 * third + down(weights + step * third))
    return weights


@pytest.mark.parametrize(("n", "p"), [(12, 5), (8, 8), (5, 12)])
def test_weights_at_any_time_are_those_of_small_steps(n, p):
    ensemble = regression_ensemble(n, p, seeds=3, **SETTINGS, rng=1)
    for time in (0.0, 0.4, 3.0):
        np.testing.assert_allclose(ensemble.weights(time), descend(ensemble, time, 400), atol=1e-7)


def test_the_end_is_the_nearest_solution():
    ensemble = regression_ensemble(6, 15, seeds=4, **SETTINGS, rng=2)
    residuals = ensemble.targets - ensemble.initial @ ensemble.inputs.T
    nearest = ensemble.initial + residuals @ np.linalg.pinv(ensemble.inputs).T
    np.testing.assert_allclose(ensemble.weights(), nearest, atol=1e-10)
    np.testing.assert_allclose(
        ensemble.outputs(ensemble.inputs), np.tile(ensemble.targets, (4, 1)), atol=1e-9
    )


def test_weights_in_the_null_space_never_move():
    ensemble = regression_ensemble(6, 15, seeds=4, **SETTINGS, rng=3)
    null = np.linalg.svd(ensemble.inputs)[2][6:]
    for time in (0.1, 5.0, math.inf):
        np.testing.assert_allclose(ensemble.weights(time) @ null.T, ensemble.initial @ null.T, atol=1e-12)
    assert np.abs(ensemble.weights() - ensemble.initial).max() > 0.1
    assert np.count_nonzero(ensemble.eigenvalues == 0.0) == 9


def test_an_input_given_twice_counts_once():
    inputs = np.vstack([np.eye(3)[:2], np.eye(3)[:1]])
    ensemble = LinearEnsemble(inputs, [1.0, 2.0, 3.0], np.zeros((1, 3)))
    np.testing.assert_allclose(ensemble.weights(), [[2.0, 2.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(ensemble.eigenvalues, [2 / 3, 1 / 3, 0.0], atol=1e-12)


@pytest.mark.parametrize(("n", "p"), [(40, 15), (40, 20), (15, 40), (20, 40)])
def test_risk_norm_and_fluctuation_are_those_of_the_formulas(n, p):
    draws, seeds, rng = 400, 4, np.random.default_rng(4)
    weights = np.array(
        [regression_ensemble(n, p, seeds=seeds, **SETTINGS, rng=rng).weights() for _ in range(draws)]
    )
    means = weights.mean(axis=1)
    around = weights.var(axis=1, ddof=1).sum(axis=-1)
    spread = excess_risks(weights, signal=2.0).var(axis=1, ddof=1)
    for found, known in (
        (excess_risks(weights, signal=2.0).mean(axis=1), least_squares_risk(n, p, **SETTINGS)),
        (excess_risks(means, signal=2.0), least_squares_risk(n, p, **SETTINGS, networks=seeds)),
        ((weights**2).sum(axis=-1).mean(axis=1), least_squares_squared_norm(n, p, **SETTINGS)),
        ((means**2).sum(axis=-1), least_squares_squared_norm(n, p, **SETTINGS, networks=seeds)),
        (around, least_squares_fluctuation(n, p, initial_variance=0.02)),
        (spread, least_squares_seed_variance(n, p, signal=2.0, initial_variance=0.02)),
    ):
        bar = found.std(ddof=1) / math.sqrt(draws)
        assert bar <= 0.05 * known + 1e-12
        assert found.mean() == pytest.approx(known, abs=4.0 * bar + 1e-12)


@pytest.mark.parametrize(("n", "p"), [(60, 30), (40, 40), (30, 60)])
def test_risk_over_time_for_the_eigenvalues_at_hand_and_for_typical_ones(n, p):
    times, draws, rng = [0.0, 0.5, 2.0, 10.0, 50.0], 300, np.random.default_rng(5)
    found, given = np.empty((draws, len(times))), np.empty((draws, len(times)))
    for i in range(draws):
        ensemble = regression_ensemble(n, p, seeds=1, **SETTINGS, rng=rng)
        found[i] = [excess_risks(ensemble.weights(t), signal=2.0)[0] for t in times]
        given[i] = gradient_flow_risk(times, ensemble.eigenvalues, n, **SETTINGS)
    bar = (found - given).std(axis=0, ddof=1) / math.sqrt(draws)
    assert np.all(bar < 0.1 * given.mean(axis=0))
    assert np.all(np.abs((found - given).mean(axis=0)) < 4.0 * bar)
    # the corrections are of the order 1 / |n - p|, and at n = p of 1 / n
    np.testing.assert_allclose(
        typical_gradient_flow_risk(times, n, p, **SETTINGS), given.mean(axis=0), rtol=0.05
    )


def test_fluctuation_of_outputs_is_that_of_the_weights():
    ensemble = regression_ensemble(20, 60, seeds=40, initial_variance=0.1, rng=6)
    points = np.random.default_rng(7).standard_normal((500, 60))
    found = squared_fluctuation(ensemble.outputs(points))
    assert found.se < 0.06 * found.value
    assert found.value == pytest.approx(
        least_squares_fluctuation(20, 60, initial_variance=0.1), abs=5.0 * found.se
    )


def test_excess_error_is_the_known_multiple_of_the_squared_boundary_distance():
    # seeds move the boundary of the mean by isotropic normals in the null space of the inputs
    data, n, p, variance = GaussianMixtureLabels(2.0), 30, 90, 2e-5
    ensemble = classification_ensemble(data, n, p, seeds=400, initial_variance=variance, rng=8)
    weights = ensemble.weights()
    mean = LinearEnsemble(ensemble.inputs, ensemble.targets, np.zeros((1, p))).weights()[0]
    length, null = np.linalg.norm(mean), np.linalg.svd(ensemble.inputs)[2][n:]
    overlap, exposed = mean[0] / length, np.linalg.norm(null[:, 0])
    place = {"dimension": p - n, "separation": 2.0, "overlap": overlap, "exposed": exposed}
    second, _ = mixture_excess_coefficients(**place)
    excess = data.error(weights[:, 0] / np.linalg.norm(weights, axis=1)) - data.error(overlap)
    bar = excess.std(ddof=1) / math.sqrt(400)
    assert bar < 0.3 * second * variance / length**2
    assert excess.mean() == pytest.approx(second * variance / length**2, abs=4.0 * bar)
    points = data.points(np.arange(2000), p, 77)[0]
    norms = np.tile(np.linalg.norm(weights, axis=1)[:, None], (1, 2000))
    distance = boundary_distance_ratio(weights @ points.T, norms).value
    level = 2.0 * overlap
    prefactor = 0.5 * level * math.exp(-0.5 * level**2) / math.sqrt(2.0 * math.pi)
    assert second * variance / length**2 == pytest.approx(prefactor * distance**2, rel=0.05)


def test_equal_seeds_draw_alike():
    one, two = (regression_ensemble(4, 6, seeds=2, **SETTINGS, rng=3).weights(1.0) for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: regression_ensemble(0, 3), "n must be a whole number of at least 1, got 0"),
        (lambda: regression_ensemble(3, 3, noise=-1.0), "noise must be finite and at least 0, got -1.0"),
        (lambda: classification_ensemble(GaussianMixtureLabels(1.0), 3, 2.5), "p must be a whole number"),
        (
            lambda: LinearEnsemble([[1.0]], [1.0, 2.0], [[0.0]]),
            "inputs, targets and initial must have shapes",
        ),
        (lambda: LinearEnsemble([[np.nan]], [1.0], [[0.0]]), "must be finite"),
        (lambda: regression_ensemble(3, 3).weights(-1.0), "time must be at least 0, got -1.0"),
        (lambda: regression_ensemble(3, 3).outputs([[1.0]]), r"points must have shape \(points, 3\)"),
        (lambda: excess_risks([1.0], signal=-1.0), "signal must be finite and at least 0"),
    ],
)
def test_arguments_out_of_range(call, said):
    with pytest.raises(ValueError, match=said):
        call()
