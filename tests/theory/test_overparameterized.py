"""Candidate models: recovery of known parameters, honest chi-squared, and rejection of the wrong model."""

import json

import numpy as np
import pytest
from scipy import stats

from genlaws.theory import OVERPARAMETERIZED_MODELS, fit_error_density, learning_curve

TRUTHS = {
    "beta": (3.0, 4.0, 0.08),
    "exponential edge": (60.0, 0.05, 0.45),
    "truncated Gaussian": (0.45, 0.06, 0.12),
}
N = np.geomspace(1, 3000, 20)


@pytest.mark.parametrize("model", OVERPARAMETERIZED_MODELS, ids=lambda model: model.name)
def test_exact_curves_give_back_their_parameters(model):
    truth = TRUTHS[model.name]
    fit = fit_error_density(model, N, learning_curve(model.build(*truth), N))
    np.testing.assert_allclose(list(fit.parameters.values()), truth, rtol=1e-5)
    assert tuple(fit.parameters) == model.parameters
    assert fit.weighted_squares < 1e-16
    assert fit.at_bound == ()
    assert json.loads(json.dumps(fit.to_dict()))["model"] == model.name


@pytest.mark.parametrize("model", OVERPARAMETERIZED_MODELS, ids=lambda model: model.name)
def test_noisy_curves_fit_within_chi_squared_and_predict_beyond(model):
    exact, far = model.build(*TRUTHS[model.name]), np.array([1e4, 1e5])
    noise = 1e-3 * np.random.default_rng(11).normal(size=len(N))
    fit = fit_error_density(model, N, learning_curve(exact, N) + noise, weights=np.full(len(N), 1e6))
    assert fit.degrees_of_freedom == 17
    assert 1e-3 < stats.chi2.sf(fit.weighted_squares, 17) < 0.999
    np.testing.assert_allclose(learning_curve(fit.density, far), learning_curve(exact, far), atol=4e-3)


def test_the_wrong_model_is_told_from_the_right_one():
    for right in OVERPARAMETERIZED_MODELS:
        curve = learning_curve(right.build(*TRUTHS[right.name]), N)
        for wrong in OVERPARAMETERIZED_MODELS:
            if wrong is not right:
                fit = fit_error_density(wrong, N, curve, weights=np.full(len(N), 1e6))
                assert fit.weighted_squares > 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": [1, 2], "mean_error": [0.1, 0.2]}, "n must hold at least 3 points for beta, got 2"),
        (
            {"n": [1, 2, 3], "mean_error": [0.1, 0.2]},
            "n, mean_error and weights must be of equal length, got 3, 2",
        ),
        ({"n": [1, 2, 3], "mean_error": [0.1, 0.2, 1.2]}, "mean_error must be in"),
        (
            {"n": [1, 2, 3], "mean_error": [0.1] * 3, "weights": [1, 0, 1]},
            "weights must be finite and positive",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_error_density(OVERPARAMETERIZED_MODELS[0], **arguments)
