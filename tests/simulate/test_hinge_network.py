"""The hinge network, against automatic differentiation and what is known of its threshold."""

import math

import numpy as np
import pytest
import torch

from genlaws.simulate import (
    hinge_network_outputs,
    hinge_network_parameters,
    random_examples,
    train_hinge_network,
)

DIMENSION, WIDTH, EXAMPLES = 6, 9, 700


def layers_of(flat, depth):
    """Weights and biases of the hidden layers, first to last."""
    sizes = [WIDTH * (DIMENSION + 1)] + [WIDTH * (WIDTH + 1)] * (depth - 1)
    ends = np.cumsum(sizes)
    rows = [flat[end - size : end].reshape(WIDTH, -1) for size, end in zip(sizes, ends, strict=True)]
    return [(row[:, :-1], row[:, -1]) for row in rows]


def torch_loss(variables, inputs, labels, margin, depth=1):
    """The loss of a network made of torch modules with these parameters, and its gradient."""
    flat = torch.tensor(variables, dtype=torch.float64, requires_grad=True)
    hidden = torch.tensor(inputs, dtype=torch.float64)
    for weights, bias in layers_of(flat, depth):
        hidden = torch.nn.functional.linear(hidden, weights, bias).relu()
    scores = hidden @ flat[-WIDTH - 1 : -1] + flat[-1]
    loss = 0.5 * torch.relu(margin - torch.tensor(labels) * scores).square().mean()
    loss.backward()
    return loss.item(), flat.grad.numpy(), scores.detach().numpy()


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_step_of_descent_goes_down_the_gradient_of_torch(depth):
    inputs, labels = random_examples(EXAMPLES, DIMENSION, rng=1)
    short, long = (
        train_hinge_network(
            inputs,
            labels,
            width=WIDTH,
            hidden_layers=depth,
            dynamics="gd",
            steps=1,
            rate=rate,
            margin=0.8,
            rng=2,
        )
        for rate in (1e-3, 2e-3)
    )
    start = 2.0 * short.variables - long.variables
    assert start.size == hinge_network_parameters(DIMENSION, WIDTH, hidden_layers=depth)
    loss, gradient, scores = torch_loss(start, inputs, labels, 0.8, depth)
    np.testing.assert_allclose((start - short.variables) / 1e-3, gradient, atol=1e-9)
    outputs = hinge_network_outputs(start, inputs, hidden_layers=depth)
    np.testing.assert_allclose(outputs, scores, atol=1e-12)
    np.testing.assert_allclose(
        short.gaps, 0.8 - labels * torch_loss(short.variables, inputs, labels, 0.8, depth)[2]
    )
    assert loss > short.loss > long.loss
    # starts at orthogonal weights without biases
    for weights, bias in layers_of(start, depth):
        np.testing.assert_allclose(weights.T @ weights, np.eye(weights.shape[1]), atol=1e-9)
        np.testing.assert_allclose(bias, 0.0, atol=1e-9)


@pytest.mark.parametrize("depth", [1, 3])
def test_the_first_step_of_descent_is_as_long_as_the_tangent_kernel_bears(depth):
    inputs, labels = random_examples(40, DIMENSION, rng=1)
    run = train_hinge_network(inputs, labels, width=WIDTH, hidden_layers=depth, dynamics="gd", steps=1, rng=2)
    slow = train_hinge_network(
        inputs, labels, width=WIDTH, hidden_layers=depth, dynamics="gd", steps=1, rate=1e-9, rng=2
    )
    slopes = []
    for k in range(40):
        # all examples are unsatisfied by a large margin, and one counts: the slope of its output
        _, gradient, scores = torch_loss(slow.variables, inputs[[k]], labels[[k]], 9.0, depth)
        slopes.append(gradient / (9.0 - labels[k] * scores[0]))
    largest = np.linalg.eigvalsh(np.array(slopes) @ np.array(slopes).T)[-1] / 40
    gradient = torch_loss(slow.variables, inputs, labels, 1.0, depth)[1]
    np.testing.assert_allclose(slow.variables - run.variables, 0.5 / largest * gradient, atol=1e-6)


def test_adam_walks_as_that_of_torch_does():
    inputs, labels = random_examples(EXAMPLES, DIMENSION, rng=1)
    common = {"width": WIDTH, "rate": 1e-2, "rng": 2}
    one = train_hinge_network(inputs, labels, steps=1, dynamics="gd", **(common | {"rate": 1e-12}))
    walked = torch.tensor(one.variables, requires_grad=True)
    optimizer = torch.optim.Adam([walked], lr=1e-2)
    for _ in range(60):
        walked.grad = torch.tensor(torch_loss(walked.detach().numpy(), inputs, labels, 1.0)[1])
        optimizer.step()
    run = train_hinge_network(inputs, labels, steps=60, dynamics="adam", **common)
    np.testing.assert_allclose(run.variables, walked.detach().numpy(), atol=1e-7)


@pytest.mark.parametrize("dynamics", ["gd", "adam", "fire"])
def test_wide_networks_satisfy_random_labels_and_narrow_ones_are_stuck(dynamics):
    inputs, labels = random_examples(300, 10, rng=3)
    common = {"dynamics": dynamics, "tolerance": 1e-3, "rng": 4}
    if dynamics == "adam":
        common["rate"] = 3e-3
    wide = train_hinge_network(inputs, labels, width=80, steps=20_000, **common)
    assert wide.status == "satisfied"
    assert wide.unsatisfied == 0
    assert (labels * hinge_network_outputs(wide.variables, inputs)).min() > 1.0 - 2e-3
    # P / N = 6: stable only with at least a quarter of an unsatisfied example for each parameter
    narrow = train_hinge_network(inputs, labels, width=4, steps=5_000, **common)
    assert narrow.variables.size == hinge_network_parameters(10, 4) == 49
    assert narrow.unsatisfied_per_parameter > 0.25
    assert narrow.status != "satisfied"


def test_equal_seeds_give_equal_bits():
    inputs, labels = random_examples(50, 5, rng=3)
    one, two, other = (train_hinge_network(inputs, labels, width=3, steps=40, rng=r) for r in (1, 1, 2))
    assert np.array_equal(one.variables, two.variables)
    assert not np.array_equal(one.variables, other.variables)


def test_a_network_narrower_than_its_input_starts_with_orthonormal_rows():
    inputs, labels = random_examples(20, 8, rng=3)
    run = train_hinge_network(inputs, labels, width=3, steps=1, dynamics="gd", rate=1e-12, rng=1)
    first = run.variables[:-4].reshape(3, 9)[:, :-1]
    np.testing.assert_allclose(first @ first.T, np.eye(3), atol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"labels": [1.0, 0.0, -1.0]}, "labels"),
        ({"labels": [1.0, -1.0]}, "labels"),
        ({"inputs": np.ones(3)}, "inputs"),
        ({"inputs": np.full((3, 2), math.nan)}, "inputs"),
        ({"width": 0}, "width"),
        ({"hidden_layers": 0}, "hidden_layers"),
        ({"margin": 0.0}, "margin"),
        ({"dynamics": "newton"}, "dynamics"),
        ({"steps": 0}, "steps"),
        ({"stages": 3, "steps": 2}, "stages"),
    ],
)
def test_arguments_out_of_range_are_named(wrong, named):
    settings = {"inputs": np.eye(3), "labels": [1.0, -1.0, 1.0], "width": 2} | wrong
    with pytest.raises(ValueError, match=named):
        train_hinge_network(settings.pop("inputs"), settings.pop("labels"), **settings)


@pytest.mark.parametrize("depth", [1, 2])
def test_outputs_ask_for_all_parameters(depth):
    with pytest.raises(ValueError, match="variables"):
        hinge_network_outputs(np.ones(10), np.eye(3), hidden_layers=depth)
