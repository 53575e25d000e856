"""Descent of a linear classifier step by step, against torch's optimizers, closed forms and the flow."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from genlaws.simulate import descend_linear, integrate_gradient_flow

RNG = np.random.default_rng(7)
INPUTS = RNG.standard_normal((12, 4))
LABELS = np.where(INPUTS[:, 0] > 0.0, 1.0, -1.0)
START = 0.3 * RNG.standard_normal(4)


def torch_weights(optimizer, steps, *, over_loss=False, **settings):
    weights = torch.tensor(START, requires_grad=True)
    rows = torch.tensor(LABELS[:, None] * INPUTS)
    chosen = optimizer([weights], **settings)
    for _ in range(steps):
        chosen.zero_grad()
        log_loss = torch.logsumexp(-rows @ weights, 0)
        (log_loss if over_loss else log_loss.exp()).backward()
        chosen.step()
    return weights.detach().numpy()


@pytest.mark.parametrize("over_loss", [False, True])
@pytest.mark.parametrize(
    ("method", "optimizer", "settings"),
    [
        ("gradient", torch.optim.SGD, {"lr": 0.004}),
        ("momentum", torch.optim.SGD, {"lr": 0.001, "momentum": 0.9}),
        ("adam", torch.optim.Adam, {"lr": 0.01}),
    ],
)
def test_steps_are_those_of_torch(method, optimizer, settings, over_loss):
    run = descend_linear(
        INPUTS, LABELS, START, [0, 30, 300], method=method, rate=settings["lr"], over_loss=over_loss
    )
    assert np.array_equal(run.weights[0], START)
    for record, steps in ((1, 30), (2, 300)):
        expected = torch_weights(optimizer, steps, over_loss=over_loss, **settings)
        assert np.allclose(run.weights[record], expected, rtol=1e-9, atol=1e-10)
        lost = np.log(np.exp(-LABELS * (INPUTS @ expected)).sum())
        assert run.log_loss[record] == pytest.approx(lost, abs=1e-8)


def test_times_are_sums_of_rates():
    every = np.arange(0, 401)
    even = descend_linear(INPUTS, LABELS, START, every, rate=0.004)
    assert np.allclose(even.log_times[1:], np.log(0.004 * every[1:]), rtol=0.0, atol=1e-11)
    assert even.log_times[0] == -np.inf
    rising = descend_linear(INPUTS, LABELS, START, every, rate=0.02, over_loss=True)
    summed = np.log(np.cumsum(0.02 * np.exp(-rising.log_loss)))
    assert np.allclose(rising.log_times[1:], summed[:-1], rtol=0.0, atol=1e-10)


def test_small_steps_follow_the_flow():
    off = []
    for rate in (0.05, 0.005):
        steps = np.array([100, 6000]) * round(1.0 / rate)
        run = descend_linear(INPUTS, LABELS, START, steps, rate=rate, over_loss=True)
        flow = integrate_gradient_flow(INPUTS, LABELS, [START[None]], run.log_times)
        off.append(np.abs(run.weights - flow.weights[0][:, 0]).max())
        assert run.log_loss[-1] < -10.0
        assert np.allclose(run.log_loss, flow.log_loss, rtol=0.0, atol=rate)
    # of first order in the rate
    assert off[0] < 0.05
    assert off[1] == pytest.approx(0.1 * off[0], rel=0.1)


@pytest.mark.parametrize("method", ["gradient", "momentum", "adam"])
def test_losses_fall_below_what_double_precision_holds(method):
    # one example: the weights along it are minus the loss's logarithm
    run = descend_linear(
        [[2.0, 0.0]], [-1], [0.0, 1.0], [10, 4000], method=method, rate=1.0, over_loss=True, floor=0.0
    )
    assert run.log_loss[-1] < -1000.0
    assert np.allclose(2.0 * run.weights[:, 0], run.log_loss, rtol=1e-12)
    assert np.all(run.weights[:, 1] == 1.0)


def test_adam_without_a_floor_does_not_see_the_scale_of_losses():
    asked = {"method": "adam", "rate": 0.02, "floor": 0.0}
    once = descend_linear(INPUTS, LABELS, START, [5, 2000], **asked)
    # every example twice: twice the loss
    twice = descend_linear(np.tile(INPUTS, (2, 1)), np.tile(LABELS, 2), START, [5, 2000], **asked)
    assert np.allclose(once.weights, twice.weights, rtol=1e-6)
    assert np.allclose(twice.log_loss - once.log_loss, np.log(2.0), rtol=0.0, atol=1e-4)
    # under a high floor steps are those of plain descent, which tends to where its start counts no more
    floored = descend_linear(INPUTS, LABELS, START, [20_000], method="adam", rate=4e5, floor=1e8)
    plain = descend_linear(INPUTS, LABELS, START, [20_000], rate=0.004)
    assert np.allclose(floored.weights, plain.weights, rtol=3e-3)


def test_labels_that_nothing_separates_end_where_no_step_leads_on():
    inputs = RNG.standard_normal((40, 2))
    labels = np.where(RNG.random(40) < 0.5, 1.0, -1.0)
    run = descend_linear(inputs, labels, [0.0, 0.0], [20_000, 40_000], rate=0.002)
    assert np.allclose(run.weights[0], run.weights[1], rtol=0.0, atol=1e-12)
    rows = labels[:, None] * inputs
    assert np.allclose(np.exp(-rows @ run.weights[1]) @ rows, 0.0, atol=1e-9)


def test_directions_and_json():
    run = descend_linear(INPUTS, LABELS, START, [0, 10], rate=0.004)
    assert np.allclose(np.linalg.norm(run.directions, axis=1), 1.0)
    document = json.loads(json.dumps(run.to_dict()))
    assert document["log_times"][0] is None
    assert document["weights"] == run.weights.tolist()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": [1.0]}, "labels must be"),
        ({"start": [1.0]}, "start must be 4 finite weights"),
        ({"steps": [3, 2]}, "steps must be increasing"),
        ({"steps": [0.5]}, "steps must be increasing"),
        ({"method": "newton"}, "method must be one of gradient, momentum, adam"),
        ({"rate": 0.0}, "rate must be finite and positive"),
        ({"floor": -1.0}, "floor must be finite and at least 0"),
        ({"rate": 1e3}, "rate must be lower"),
    ],
)
def test_wrong_arguments_are_named(changed, message):
    asked = {"inputs": INPUTS, "labels": LABELS, "start": START, "steps": [1000], **changed}
    first = [asked.pop(name) for name in ("inputs", "labels", "start", "steps")]
    with pytest.raises(ValueError, match=message):
        descend_linear(*first, **asked)
