"""A layer of batch-normalized units in steps, against automatic differentiation and what is conserved."""

import math

import numpy as np
import pytest
import torch

from genlaws.simulate import descend_normalized_units


def layer(units=5, seed=0, norm=1.0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((40, 6)) * np.geomspace(1.0, 0.3, 6) + 0.5
    labels = np.sign(inputs[:, 0] - 0.5 + rng.standard_normal(40))
    weights = rng.standard_normal((units, 6))
    weights *= norm / np.linalg.norm(weights, axis=1, keepdims=True)
    return inputs, labels, (weights, rng.standard_normal(units) / math.sqrt(units))


@pytest.mark.parametrize("normalized", [True, False])
def test_steps_are_those_of_automatic_gradients(normalized):
    inputs, labels, start = layer()
    run = descend_normalized_units(
        inputs, labels, start, learning_rate=0.3, records=[0, 7, 20], normalized=normalized
    )
    points, marks = torch.tensor(inputs - inputs.mean(axis=0)), torch.tensor(labels)
    weights, output = (torch.tensor(part, requires_grad=True) for part in start)
    for step in range(21):
        signals = points @ weights.T
        if normalized:
            signals = torch.nn.functional.batch_norm(signals, None, None, training=True, eps=1e-30)
        margins = marks * (torch.relu(signals) @ output)
        loss = torch.nn.functional.softplus(-margins).mean()
        if step in run.steps:
            at = list(run.steps).index(step)
            assert run.losses[at] == pytest.approx(loss.item(), rel=1e-10)
            assert run.errors[at] == pytest.approx((margins <= 0.0).double().mean().item())
            norms = weights.detach().norm(dim=1).log().numpy()
            np.testing.assert_allclose(run.log_norms[at], norms, atol=1e-10)
        for part, slope in zip((weights, output), torch.autograd.grad(loss, (weights, output)), strict=True):
            part.data -= 0.3 * slope


def test_norms_are_what_steps_add_up_to():
    # halving the step halves what an equal time adds: to second order in the step nothing else does
    inputs, labels, start = layer(norm=2.0)
    added = [
        descend_normalized_units(inputs, labels, start, learning_rate=rate, records=[0, round(8 / rate)])
        for rate in (0.04, 0.02, 0.01)
    ]
    growth = [(run.log_norms[1] - run.log_norms[0]) for run in added]
    assert np.all(growth[0] > 0.0)
    np.testing.assert_allclose(growth[0] / growth[1], 2.0, rtol=0.02)
    np.testing.assert_allclose(growth[1] / growth[2], 2.0, rtol=0.01)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": np.zeros(40)}, r"labels must be -1 or \+1"),
        ({"start": (np.ones((5, 3)), np.ones(5))}, r"start must be weights \(units, 6\)"),
        ({"start": (np.zeros((5, 6)), np.ones(5))}, "no unit of norm zero"),
        ({"learning_rate": 0.0}, "learning_rate must be finite and positive"),
        ({"records": [3, 3]}, "records must increase from 0 on"),
        ({"records": [0, 400], "learning_rate": 1e200, "normalized": False}, "learning_rate must be lower"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_makes_no_sense_is_refused(changed, message):
    inputs, labels, start = layer()
    arguments = {"inputs": inputs, "labels": labels, "start": start, "learning_rate": 0.1, "records": [0]}
    arguments |= changed
    with pytest.raises(ValueError, match=message):
        descend_normalized_units(
            arguments.pop("inputs"), arguments.pop("labels"), arguments.pop("start"), **arguments
        )
