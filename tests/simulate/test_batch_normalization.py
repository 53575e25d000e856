"""Batch-normalized units in log time, against tangent gradients, plain integration, largest margins."""

import json
import math

import numpy as np
import pytest
from scipy import integrate

from genlaws.simulate import integrate_batch_normalized_flow, integrate_gradient_flow, largest_margin

LATE = [-np.inf, -2.0, 0.0, 3.0, 10.0, 100.0, 1e4]


def examples(count, dimension, *, least=1.0, whitened=False, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((count, dimension)) * np.geomspace(1.0, least, dimension)
    inputs -= inputs.mean(axis=0)
    if whitened:
        inputs = math.sqrt(count) * np.linalg.qr(inputs)[0]
    labels = np.sign(inputs @ rng.standard_normal(dimension))
    start = rng.standard_normal(dimension)
    return inputs, labels, start * np.sign(labels @ inputs @ start) / np.linalg.norm(start)


def velocity(inputs, labels, w, gamma):
    # by the rules of school: the derivative of each example's output, one by one
    centred = inputs - inputs.mean(axis=0)
    signals = centred @ w
    deviation = math.sqrt(np.mean(signals**2))
    pulls = np.exp(-labels * gamma * signals / deviation) * labels
    slopes = gamma * (
        centred / deviation - np.outer(signals, centred.T @ signals / len(inputs)) / deviation**3
    )
    return pulls @ slopes, pulls @ signals / deviation


@pytest.mark.parametrize(("least", "length", "scale"), [(1.0, 1.0, 1.0), (0.2, 2.0, 0.5)])
def test_flow_is_that_of_plain_integration(least, length, scale):
    inputs, labels, start = examples(12, 4, least=least, seed=1)
    inputs = inputs + 3.0  # the mean is of no account
    times = np.array([0.1, 1.0, 30.0])

    def plain(_, weights):
        turn, grow = velocity(inputs, labels, weights[:-1], weights[-1])
        return np.append(turn, grow)

    found = integrate.solve_ivp(
        plain,
        (0.0, 30.0),
        np.append(length * start, scale),
        method="DOP853",
        t_eval=times,
        rtol=1e-11,
        atol=1e-11,
    )
    flow = integrate_batch_normalized_flow(
        inputs, labels, length * start, np.log(times), scale=scale, tolerance=1e-10
    )
    # gradients are orthogonal to the weights: their norm stays
    np.testing.assert_allclose(np.linalg.norm(found.y[:-1], axis=0), length, rtol=1e-9)
    directions = (np.sign(found.y[-1]) * found.y[:-1] / length).T
    np.testing.assert_allclose(flow.directions, directions, atol=1e-7)
    np.testing.assert_allclose(flow.scales, np.abs(found.y[-1]), rtol=1e-7)
    assert np.all(flow.directions_error < 1e-7)
    centred = inputs - inputs.mean(axis=0)
    outputs = directions @ centred.T / (directions @ centred.T).std(axis=1, keepdims=True)
    np.testing.assert_allclose(flow.activation_margins, labels * outputs, atol=1e-6)
    loss = np.exp(-labels * np.abs(found.y[-1])[:, None] * outputs).sum(axis=1)
    np.testing.assert_allclose(flow.log_loss, np.log(loss), atol=1e-6)


def test_on_whitened_inputs_it_is_the_tangent_gradient():
    inputs, labels, start = examples(20, 5, whitened=True, seed=2)
    flow = integrate_batch_normalized_flow(inputs, labels, start, LATE)
    tangent = integrate_gradient_flow(inputs, labels, [start[None]], LATE, normalization="units")
    np.testing.assert_allclose(flow.directions, tangent.directions[0][:, 0], atol=1e-6)
    np.testing.assert_allclose(flow.scales, tangent.norms[:, 0], rtol=1e-7)
    np.testing.assert_allclose(flow.log_loss, tangent.log_loss, atol=1e-4)


@pytest.mark.parametrize("least", [1.0, 0.1])
def test_margins_tend_to_the_largest_of_activations(least):
    inputs, labels, start = examples(15, 10, least=least, seed=3)
    flow = integrate_batch_normalized_flow(inputs, labels, start, LATE)
    signed = labels[:, None] * inputs
    root = np.linalg.cholesky(inputs.T @ inputs / len(inputs))
    best = largest_margin(np.linalg.solve(root, signed.T).T)
    direction = np.linalg.solve(root.T, best.direction)
    direction /= np.linalg.norm(direction)
    margins = flow.activation_margins.min(axis=1)
    assert np.all(margins <= best.margin * (1 + 1e-12))
    # the gap falls like 1 / ln t
    gaps = best.margin - margins
    assert gaps[-1] == pytest.approx(gaps[-2] * 100.0 / 1e4, rel=0.1)
    assert np.linalg.norm(flow.directions[-1] - direction) < 1e-3
    assert flow.unit_margins[-1].min() < 0.95 * largest_margin(signed).margin


def test_looser_runs_are_off_by_what_they_say():
    inputs, labels, start = examples(15, 5, least=0.3, seed=4)
    exact = integrate_batch_normalized_flow(inputs, labels, start, LATE, tolerance=1e-11)
    loose = integrate_batch_normalized_flow(inputs, labels, start, LATE, tolerance=1e-6)
    off = np.linalg.norm(exact.directions - loose.directions, axis=1)
    assert np.all(off <= 2.0 * loose.directions_error + 1e-12)
    assert np.all(loose.directions_error < 1e-5)


def test_the_right_sign_is_found_from_the_wrong_side():
    inputs, labels, start = examples(30, 3, seed=5)
    flow = integrate_batch_normalized_flow(inputs, labels, -start, [10.0, 1000.0], scale=0.1)
    assert flow.activation_margins[-1].min() > 0.0


def test_result_is_json():
    inputs, labels, start = examples(8, 2)
    again = json.loads(json.dumps(integrate_batch_normalized_flow(inputs, labels, start, [1.0]).to_dict()))
    assert again["schema_version"] == 1
    assert len(again["directions"][0]) == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": [1, 2]}, r"labels must be -1 or \+1"),
        ({"start": [0.0, 0.0]}, "start must be finite and not zero"),
        ({"start": [1.0]}, "start must be finite and not zero"),
        ({"log_times": [1.0, 1.0]}, "log_times must increase"),
        ({"scale": 0.0}, "scale must be finite and positive"),
        ({"tolerance": 1.0}, "tolerance must be in"),
        ({"evaluations": 0}, "evaluations must be at least 1"),
        ({"inputs": np.ones((8, 2))}, "inputs must vary in every direction"),
        ({"labels": [1, -1, -1, 1, 1, -1, -1, 1]}, "start must lead to zero loss"),
    ],
)
def test_what_makes_no_sense_is_refused(changed, message):
    corners = [[x, y] for x in (-1.0, 1.0) for y in (-2.0, 2.0)]
    arguments = {
        "inputs": [*corners, *np.multiply(corners, 0.5)], "labels": [-1, -1, 1, 1, -1, -1, 1, 1],
        "start": [1.0, 1.0], "log_times": [1.0, 100.0],
    }  # fmt: skip
    options = {name: changed.pop(name) for name in ("scale", "tolerance", "evaluations") if name in changed}
    with pytest.raises(ValueError, match=message):
        integrate_batch_normalized_flow(**{**arguments, **changed}, **options)
