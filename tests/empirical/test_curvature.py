"""Extreme curvatures by Lanczos: against the whole Hessian of small networks, the last layer by hand."""

import json
import math

import numpy as np
import pytest

from genlaws.empirical import Network, Prior, measure_curvature, parse_architecture, train_networks
from genlaws.simulate import tangential_curvature


def trained(architecture="fc:1x5", shape=(4,), bias=False, steps=500, activation="relu"):
    rng = np.random.default_rng(1)
    inputs, labels = rng.standard_normal((10, *shape)), rng.choice([-1, 1], 10)
    network = Network(parse_architecture(architecture, activation=activation, bias=bias), Prior(), shape)
    made = train_networks(
        network, inputs, labels, networks=2, loss="exponential", stop="loss", tolerance=0.02,
        max_steps=steps, rng=0, device="cpu",
    )  # fmt: skip
    return made, inputs, labels


@pytest.fixture(scope="module")
def small():
    return trained()


def matrices(made, number):
    return [weight[number].double().numpy() for weight, _ in made.network.split(made.flat_weights)]


def test_extremes_are_those_of_the_whole_hessian(small):
    made, inputs, labels = small
    found = measure_curvature(made, inputs, labels)
    for number in range(2):
        whole = tangential_curvature(inputs, labels, matrices(made, number), activation="relu", corner=1e-6)
        assert found.lowest[number] == pytest.approx(whole.lowest, rel=1e-6)
        assert found.highest[number] == pytest.approx(whole.curvatures[-1], rel=1e-6)
        assert found.slope[number] == pytest.approx(whole.slope, rel=1e-6)


def test_the_last_layer_bends_as_its_margins_vary(small):
    made, inputs, labels = small
    found = measure_curvature(made, inputs, labels, layers="last")
    for number in range(2):
        first, last = matrices(made, number)
        rows = labels[:, None] * np.maximum(inputs @ first.T, 0.0)
        margins = rows @ last[0]
        shares = np.exp(margins.min() - margins)
        shares /= shares.sum()
        mean = shares @ margins
        unit = last[0] / np.linalg.norm(last)
        across = np.linalg.svd(unit[None])[2][1:] * np.linalg.norm(last)
        steps = rows @ across.T
        varying = (steps.T * shares) @ steps - np.outer(shares @ steps, shares @ steps)
        expected = np.linalg.eigvalsh(varying / mean + np.eye(len(across)))
        assert found.lowest[number] == pytest.approx(expected[0], rel=1e-6)
        assert found.highest[number] == pytest.approx(expected[-1], rel=1e-6)
        assert found.lowest[number] >= 1.0


def test_convolutions_have_curvatures_that_differences_confirm():
    made, inputs, labels = trained("cnn:2x2", (1, 6, 6), steps=150, activation="tanh")  # without kinks
    found = measure_curvature(made, inputs, labels)
    assert np.all(found.lowest < found.highest)
    assert np.all(np.isfinite(found.slope))
    assert json.loads(json.dumps(found.to_dict()))["highest"] == found.highest.tolist()
    # a rotation of no layer bends the loss by more than the highest, or less than the lowest curvature
    import torch

    rng = np.random.default_rng(3)
    flat = made.flat_weights[:1].double()
    sizes = [layer.parameters for layer in made.network.layers]
    points = torch.tensor(inputs)

    def log_loss(weights):
        scores = made.network.scores_of_weights(made.network.split(weights), points)[0, :, 0].numpy()
        exponents = -labels * scores
        top = exponents.max()
        shares = np.exp(exponents - top)
        return top + math.log(shares.sum()), -(shares @ exponents) / shares.sum()

    here, margin = log_loss(flat)
    for _ in range(5):
        ends = []
        drawn = [torch.tensor(rng.standard_normal(size)) for size in sizes]
        for sign in (1.0, -1.0):
            moved, squares = [], 0.0
            for part, direction in zip(flat[0].split(sizes), drawn, strict=True):
                tangent = direction - (direction @ part) / (part @ part) * part
                speed = float(tangent.norm())
                angle = sign * 1e-4 * speed
                moved.append(math.cos(angle) * part + math.sin(angle) * part.norm() / speed * tangent)
                squares += speed**2
            ends.append(log_loss(torch.cat(moved)[None])[0])
        bend = (sum(ends) - 2.0 * here) / 1e-8 / margin / squares
        assert found.lowest[0] - 1e-3 <= bend <= found.highest[0] + 1e-3


def test_what_has_no_such_curvature_is_refused(small):
    made, inputs, labels = small
    with pytest.raises(ValueError, match="layers must be one of all, last"):
        measure_curvature(made, inputs, labels, layers="first")
    with pytest.raises(ValueError, match="separate the points on average"):
        measure_curvature(made, inputs, -labels)
    with pytest.raises(ValueError, match="no biases"):
        measure_curvature(*trained(bias=True, steps=1))
