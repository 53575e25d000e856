"""Random-feature ensembles: against explicit features, and the theory of their mean, spread and error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from genlaws.simulate import (
    RandomFeatureRegression,
    arc_cosine_covariance,
    classification_errors,
    ensemble_error,
    mean_output,
    squared_fluctuation,
    squared_norm,
)
from genlaws.theory import random_feature_prediction

N, POINTS = 30, 150
INPUTS = np.random.default_rng(10).standard_normal((N + POINTS, 6))
LABELS = np.sign(INPUTS[:, 0] + 0.5 * INPUTS[:, 1] * INPUTS[:, 2])
KERNEL = arc_cosine_covariance(INPUTS, depth=2, bias_variance=0.1)
MODEL = RandomFeatureRegression(KERNEL, LABELS[:N])


def explicit(features, seeds, ridge, rng):
    """The same by drawing every feature at every point, and least squares on them."""
    root = np.linalg.cholesky(KERNEL + 1e-10 * np.eye(len(KERNEL)))
    outputs = np.empty((seeds, POINTS))
    for i in range(seeds):
        phi = root @ rng.standard_normal((len(root), features)) / math.sqrt(features)
        seen = np.vstack([phi[:N], math.sqrt(ridge) * np.eye(features)]) if ridge else phi[:N]
        targets = np.concatenate([LABELS[:N], np.zeros(features)]) if ridge else LABELS[:N]
        outputs[i] = phi[N:] @ np.linalg.lstsq(seen, targets, rcond=None)[0]
    return outputs


@pytest.mark.parametrize(("features", "ridge"), [(15, 0.0), (32, 0.0), (60, 0.0), (20, 0.4), (50, 0.4)])
def test_outputs_are_distributed_like_those_of_explicit_features(features, ridge):
    drawn = MODEL.draw(features, 300, ridge=ridge, rng=1).outputs
    known = explicit(features, 300, ridge, np.random.default_rng(2))
    # one point, and one number that all points of a network share
    for number in (lambda f: f[:, 3], lambda f: np.log((f**2).mean(axis=1)), lambda f: f[:, 0] * f[:, 1]):
        assert stats.ks_2samp(number(drawn), number(known)).pvalue > 1e-3


@pytest.mark.parametrize("features", [34, 60, 1000, 10**8])
def test_past_the_peak_the_law_is_exact(features):
    outputs = MODEL.draw(features, 600, rng=3).outputs
    known = random_feature_prediction(KERNEL, LABELS[:N], features)
    # every output is a Student variable around a mean that is common to all widths
    score = (outputs - known.mean) / known.scale
    spread = stats.t(known.degrees).cdf(score)
    assert stats.kstest(spread[:, 5], "uniform").pvalue > 1e-3
    found = classification_errors(outputs, LABELS[N:])
    bar = found.std(ddof=1) / math.sqrt(600)
    assert bar < 0.005
    assert found.mean() == pytest.approx(known.classification_error(LABELS[N:]), abs=4.0 * bar + 1e-9)
    if features > 40:
        fluctuation, norm = squared_fluctuation(outputs), squared_norm(outputs)
        assert fluctuation.se < 0.1 * known.squared_fluctuation
        assert fluctuation.value == pytest.approx(known.squared_fluctuation, abs=4.0 * fluctuation.se)
        assert norm.value == pytest.approx(known.squared_norm(), abs=4.0 * norm.se)


@pytest.mark.parametrize(("features", "ridge"), [(40, 0.0), (80, 0.0), (80, 0.4), (240, 0.4)])
def test_elsewhere_the_equivalents_hold_for_large_sizes(features, ridge):
    inputs = np.random.default_rng(11).standard_normal((180, 6))
    labels = np.sign(inputs[:, 0] + 0.5 * inputs[:, 1] * inputs[:, 2])
    kernel = arc_cosine_covariance(inputs, depth=2, bias_variance=0.1)
    outputs = RandomFeatureRegression(kernel, labels[:120]).draw(features, 200, ridge=ridge, rng=4).outputs
    known = random_feature_prediction(kernel, labels[:120], features, ridge=ridge)
    fluctuation = squared_fluctuation(outputs)
    assert fluctuation.se < 0.04 * fluctuation.value
    assert known.squared_fluctuation == pytest.approx(fluctuation.value, rel=0.1)
    # the mean of 200 draws is off by their fluctuation over 200, no more
    away = ((mean_output(outputs) - known.mean) ** 2).mean()
    assert away < 2.0 * fluctuation.value / 200
    found = classification_errors(outputs, labels[120:])
    bar = found.std(ddof=1) / math.sqrt(200)
    assert bar < 0.006
    assert known.classification_error(labels[120:]) == pytest.approx(found.mean(), abs=4.0 * bar + 0.003)


def test_ensembles_of_several_err_as_computed():
    outputs = MODEL.draw(45, 600, rng=5).outputs
    known = random_feature_prediction(KERNEL, LABELS[:N], 45)
    errors = []
    for size in (1, 3, 12):
        found = ensemble_error(outputs, LABELS[N:], size, shuffles=4, rng=0)
        assert found.se < 0.01
        assert found.value == pytest.approx(known.classification_error(LABELS[N:], size), abs=4.0 * found.se)
        errors.append(found.value)
    assert errors[0] > errors[1] + 0.01


def test_the_fluctuation_of_drawn_ensembles_has_its_slope():
    sizes = np.array([100, 300, 1000, 3000])
    found = [squared_fluctuation(MODEL.draw(int(P), 100, rng=i).outputs).value for i, P in enumerate(sizes)]
    assert np.polyfit(np.log(sizes - N - 1), np.log(found), 1)[0] == pytest.approx(-1.0, abs=0.05)


def test_training_outputs_fit_what_they_can():
    past = MODEL.draw(40, 3, rng=6)
    np.testing.assert_allclose(past.training_outputs, np.tile(LABELS[:N], (3, 1)), atol=1e-8)
    before = MODEL.draw(10, 3, rng=6)
    left = ((before.training_outputs - LABELS[:N]) ** 2).sum(axis=1)
    assert np.all(left > 1.0)
    # what a projection leaves is orthogonal to what it fits
    np.testing.assert_allclose((before.training_outputs**2).sum(axis=1) + left, N, rtol=1e-9)


def test_outputs_at_unit_vectors_are_weights():
    # the linear kernel: a network is its weights, which tests of boundaries can use
    inputs = np.random.default_rng(12).standard_normal((5, 9))
    both = np.vstack([inputs, np.eye(9)])
    weights = RandomFeatureRegression(both @ both.T, np.ones(5)).draw(8, 4, rng=1).outputs
    np.testing.assert_allclose(weights @ inputs.T, np.ones((4, 5)), atol=1e-9)


def test_equal_seeds_draw_alike():
    one, two = (MODEL.draw(50, 3, rng=8).outputs for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: MODEL.draw(0, 1), "features must be a whole number of at least 1, got 0"),
        (lambda: MODEL.draw(5, 0), "seeds must be a whole number of at least 1, got 0"),
        (lambda: MODEL.draw(5, 1, ridge=-0.1), "ridge must be finite and at least 0, got -0.1"),
        (lambda: RandomFeatureRegression(np.eye(3), [1, 1, 1]), "covariance must be square"),
        (lambda: RandomFeatureRegression(np.ones((3, 3)), [1, 1]), "covariance must be positive definite"),
        (lambda: RandomFeatureRegression(np.full((3, 3), np.nan), [1, 1]), "finite"),
    ],
)
def test_arguments_out_of_range(call, said):
    with pytest.raises(ValueError, match=said):
        call()
