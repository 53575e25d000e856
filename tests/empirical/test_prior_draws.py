"""True errors of prior networks against the family's, and how little fewer bits change them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genlaws.empirical import (
    Network,
    NetworkFamily,
    Prior,
    classification_task,
    load_images,
    parse_architecture,
)
from genlaws.empirical.prior_draws import prior_errors


@pytest.fixture(scope="module")
def task():
    return classification_task(load_images("mnist5k"), "parity", rng=0)


@pytest.fixture(scope="module")
def network():
    return Network(parse_architecture("fc:2x32"), Prior(), (784,))


@pytest.mark.parametrize("outputs", [1, 3])
def test_errors_are_those_of_the_family(outputs):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((60, 4))
    labels = rng.integers(3, size=60) if outputs == 3 else rng.choice([-1, 1], size=60)
    network = Network(parse_architecture("fc:5"), Prior(), (4,), outputs)
    found = prior_errors(network, inputs, labels, networks=1200, rng=3, device="cpu")
    generator = np.random.default_rng(3)
    population = torch.cat([network.draw(1000, generator), network.draw(200, generator)])
    family = NetworkFamily.on_pool(network, inputs, labels, device="cpu")
    np.testing.assert_array_equal(found, family.true_errors(population))


def test_fewer_bits_change_few_decisions_and_no_mean(task, network):
    x, y = task.inputs[:1000], task.labels[:1000]
    exact, short = (
        prior_errors(network, x, y, networks=200, precision=p, rng=1, device="cpu")
        for p in ("float32", "bfloat16")
    )
    change = short - exact
    assert 0.0 < np.sqrt(np.mean(change**2)) < 0.003
    assert abs(change.mean()) < 4 * change.std() / np.sqrt(200)
    assert np.abs(change).max() < 0.01
    assert torch.get_float32_matmul_precision() == "highest"


def test_ten_bits_of_mantissa_change_less(task, network):
    # what TF32 does, emulated: factors of each product rounded to ten bits
    def rounded(values):
        bits = values.contiguous().view(torch.int32)
        return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)

    x = torch.from_numpy(task.inputs[:1000].astype(np.float32))
    weights = network.weights(network.draw(200, np.random.default_rng(1)))
    exact = network.scores_of_weights(weights, x)[..., 0]
    values = x.expand(200, *x.shape)
    for k, (weight, bias) in enumerate(weights):
        values = torch.bmm(rounded(values), rounded(weight.mT)) + bias[:, None]
        values = torch.relu(values) if k < len(weights) - 1 else values
    flipped = ((values[..., 0] > 0) != (exact > 0)).float().mean()
    assert 0.0 < flipped < 5e-4


def test_what_cannot_be_is_refused(network):
    x, y = np.zeros((4, 784)), np.array([1, -1, 1, -1])
    with pytest.raises(ValueError, match="precision must be one of float32, tf32, bfloat16, got 'int8'"):
        prior_errors(network, x, y, networks=2, precision="int8")
    with pytest.raises(ValueError, match="networks must be at least 1, got 0"):
        prior_errors(network, x, y, networks=0)
