"""First layers that are trained in coordinates of the span of their inputs: what lies outside stays."""

import numpy as np
import pytest
import torch

from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.empirical.training import train_networks


def _case(points, features):
    rng = np.random.default_rng(0)
    network = Network(parse_architecture("fc:1x5", activation="tanh"), Prior(bias_variance=0.1), (features,))
    return network, rng.standard_normal((points, features)), rng.choice([-1, 1], points)


def _start(network, inputs, labels, networks, **kw):
    return train_networks(
        network, inputs, labels, networks=networks, max_steps=0, dtype=torch.float64, device="cpu", **kw
    )


@pytest.mark.parametrize("optimizer", ["gd", "sgd"])
def test_weights_outside_the_span_of_the_inputs_stay_as_they_were(optimizer):
    network, inputs, labels = _case(10, 30)
    start = _start(network, inputs, labels, 3, rng=4)
    trained = train_networks(
        network, inputs, labels, networks=3, optimizer=optimizer, max_steps=20, stop="loss",
        dtype=torch.float64, rng=4, device="cpu",
    )  # fmt: skip
    change = (trained.weights[0][0] - start.weights[0][0]).numpy()
    outside = np.eye(30) - np.linalg.pinv(inputs) @ inputs
    assert np.abs(change).max() > 1e-3
    assert np.abs(change @ outside).max() < 1e-12


def test_inputs_that_are_always_zero_change_nothing_under_adam():
    network, inputs, labels = _case(24, 9)
    inputs[:, [2, 5]] = 0.0
    start = _start(network, inputs, labels, 2, rng=4)
    trained = train_networks(
        network,
        inputs,
        labels,
        networks=2,
        max_steps=20,
        stop="loss",
        dtype=torch.float64,
        rng=4,
        device="cpu",
    )
    moved = (trained.weights[0][0] != start.weights[0][0]).any(dim=0).any(dim=0)
    assert moved.tolist() == [k not in (2, 5) for k in range(9)]
