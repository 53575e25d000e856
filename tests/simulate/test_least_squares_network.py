"""Levenberg-Marquardt on networks of one hidden layer: minima held to their definition and to counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from genlaws.simulate import fit_least_squares_network, least_squares_network_parameters


def outputs(variables, inputs, width, classes):
    dimension = inputs.shape[1]
    first, readout = np.split(variables, [(dimension + 1) * width])
    weights, biases = np.split(first.reshape(dimension + 1, width), [dimension])
    out, constants = np.split(readout.reshape(width + 1, classes), [width])
    return np.maximum(inputs @ weights + biases, 0.0) @ out + constants


def loss(variables, inputs, targets, width, residuals):
    found = outputs(variables, inputs, width, targets.shape[1])
    left = found - targets if residuals == "square" else np.maximum(1.0 - targets * found, 0.0)
    return float(np.mean(left**2))


def problem(n=15, dimension=4, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dimension)), rng.choice([-1.0, 1.0], size=(n, classes))


@pytest.mark.parametrize("residuals", ["square", "hinge"])
def test_the_loss_is_that_of_the_weights(residuals):
    inputs, targets = problem()
    for width in (1, 3, 8):
        fit = fit_least_squares_network(inputs, targets, width=width, residuals=residuals, steps=7, rng=1)
        assert fit.variables.size == least_squares_network_parameters(4, width, 2)
        assert fit.loss == pytest.approx(loss(fit.variables, inputs, targets, width, residuals), rel=1e-12)


@pytest.mark.parametrize("residuals", ["square", "hinge"])
def test_where_it_ends_without_zero_another_library_finds_little_below(residuals):
    inputs, targets = problem(n=30)
    fit = fit_least_squares_network(inputs, targets, width=2, residuals=residuals, steps=3000, rng=3)
    assert not fit.reached
    # units have kinks: a minimum may lie on several, where slopes do not vanish
    further = optimize.minimize(
        loss, fit.variables, (inputs, targets, 2, residuals), method="Powell", options={"maxiter": 20}
    )
    assert 0.05 < 0.9 * fit.loss < further.fun


def test_it_ends_no_higher_than_another_library():
    inputs, targets = problem(n=30)
    start = fit_least_squares_network(inputs, targets, width=3, steps=0, rng=3)
    ours = fit_least_squares_network(inputs, targets, width=3, steps=2000, rng=3).loss

    def left(variables):
        return (outputs(variables, inputs, 3, 2) - targets).ravel()

    theirs = optimize.least_squares(left, start.variables, max_nfev=300).cost * 2 / targets.size
    assert ours < 1.1 * theirs


def test_more_parameters_than_equations_reach_zero_and_fewer_do_not():
    inputs, targets = problem(n=40, dimension=8, classes=5)

    def share(width):
        runs = [fit_least_squares_network(inputs, targets, width=width, rng=seed) for seed in range(6)]
        return np.mean([run.reached for run in runs])

    # 14 parameters a unit, 200 equations: 75 and 180 of a hundred
    assert share(10) == 0.0
    assert share(25) == 1.0


def test_a_hinge_asks_for_less_than_the_square():
    inputs, targets = problem(n=40, dimension=8, classes=5)
    assert fit_least_squares_network(inputs, targets, width=12, residuals="hinge", rng=0).reached
    assert not fit_least_squares_network(inputs, targets, width=12, rng=0).reached


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": np.zeros(3)}, "shapes"),
        ({"targets": np.zeros((2, 1))}, "shapes"),
        ({"inputs": np.full((15, 4), np.nan)}, "finite"),
        ({"residuals": "cubic"}, "square, hinge, got 'cubic'"),
        ({"residuals": "hinge", "targets": np.zeros((15, 2))}, "-1 or \\+1"),
        ({"width": 0}, "width"),
        ({"tolerance": np.nan}, "tolerance"),
    ],
)
def test_bad_input_is_refused(changes, message):
    inputs, targets = problem()
    given = {"inputs": inputs, "targets": targets, "width": 3} | changes
    with pytest.raises(ValueError, match=message):
        fit_least_squares_network(given.pop("inputs"), given.pop("targets"), **given)
