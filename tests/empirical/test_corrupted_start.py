"""Training that goes on from given networks, and by way of corrupted labels."""

import numpy as np
import pytest
import torch

from genlaws.empirical import corrupted_start, devices
from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.corrupted_start import train_from_corrupted
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.empirical.training import train_networks

POINTS, FEATURES = 24, 40


def _data(seed=0, points=POINTS):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((points, FEATURES))
    return inputs, np.where(inputs[:, 0] + inputs[:, 1] > 0.0, 1, -1)


def _network(arch="fc:1x16", *, bias=True, outputs=1):
    return Network(parse_architecture(arch, bias=bias), Prior(bias_variance=0.1), (FEATURES,), outputs)


HOW = {"optimizer": "gd", "learning_rate": 0.01, "dtype": torch.float64, "rng": 3, "device": "cpu"}
ENDLESS = {**HOW, "loss": "cross-entropy", "stop": "loss", "tolerance": 0.0, "networks": 5}


@pytest.mark.parametrize("bytes_at_once", [None, 1])
def test_training_goes_on_where_it_stopped(monkeypatch, bytes_at_once):
    # in coordinates of the span of few inputs, in one piece or network by network
    if bytes_at_once:
        monkeypatch.setattr(devices, "_CPU_BYTES", bytes_at_once)
    inputs, labels = _data()
    whole = train_networks(_network(), inputs, labels, max_steps=50, **ENDLESS)
    half = train_networks(_network(), inputs, labels, max_steps=20, **ENDLESS)
    rest = train_networks(_network(), inputs, labels, max_steps=30, start=half, **{**ENDLESS, "rng": 99})
    torch.testing.assert_close(rest.flat_weights, whole.flat_weights, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(rest.losses, whole.losses, rtol=1e-10)
    assert (half.flat_weights - whole.flat_weights).abs().amax(dim=1).min() > 1e-3


def test_the_step_size_of_networks_given_is_their_own():
    inputs, labels = _data()
    network = _network("linear", bias=False)
    how = {**ENDLESS, "learning_rate": None, "max_steps": 0}
    drawn = train_networks(network, inputs, labels, **how)
    given = train_networks(network, inputs, labels, start=drawn, **{**how, "rng": 5})
    assert torch.equal(given.flat_weights, drawn.flat_weights)
    assert given.settings["learning_rate"] == drawn.settings["learning_rate"]


def test_networks_that_cannot_be_gone_on_from_are_refused():
    inputs, labels = _data()
    drawn = train_networks(_network(), inputs, labels, max_steps=0, **ENDLESS)
    for network, networks in ((_network(), 4), (_network("fc:1x8"), 5), (_network(bias=False), 5)):
        with pytest.raises(
            ValueError, match=f"start must hold {networks} networks of the same layers, got 5"
        ):
            train_networks(network, inputs, labels, start=drawn, **{**ENDLESS, "networks": networks})
    lost = train_networks(
        _network(), inputs, labels, max_steps=200, **{**ENDLESS, "learning_rate": 1e8, "loss": "square"}
    )
    assert lost.diverged.any()
    with pytest.raises(ValueError, match=r"start must be finite, and \d networks diverged"):
        train_networks(_network(), inputs, labels, start=lost, **ENDLESS)


def test_right_labels_alone_are_plain_training():
    # descent without momentum remembers nothing: that it stopped at zero error on the way changes nothing
    inputs, labels = _data()
    found = train_from_corrupted(
        _network(), inputs, labels, shares=[0.0, 0.0, 0.0], scales=[1.0, 1.0, 1.0], tolerance=0.1, **HOW
    )
    # the seed of the starts is drawn after the corruption
    generator = np.random.default_rng(HOW["rng"])
    generator.choice([-1, 1], POINTS), generator.random(POINTS)
    plain = train_networks(
        _network(), inputs, labels, networks=3, loss="cross-entropy", stop="loss", tolerance=0.1,
        **{**HOW, "rng": generator},
    )  # fmt: skip
    torch.testing.assert_close(found.flat_weights, plain.flat_weights, rtol=1e-10, atol=1e-12)
    assert found.reached.all()
    assert found.losses.max() <= 0.1
    assert found.settings["fitted"] == [True] * 3


@pytest.mark.parametrize("outputs", [1, 3])
def test_shares_of_labels_are_corrupted_one_within_the_other(monkeypatch, outputs):
    inputs, labels = _data(points=3000)
    labels = labels if outputs == 1 else np.arange(3000) % 3
    seen = []

    def record(network, points, classes, **how):
        seen.append((classes, how.get("examples")))
        return train_networks(network, points, classes, **how)

    monkeypatch.setattr(corrupted_start, "train_networks", record)
    shares = [0.0, 0.3, 0.6, 1.0]
    train_from_corrupted(
        _network(outputs=outputs), inputs, labels, shares=shares, scales=[1.0] * 4, pretraining_steps=0,
        max_steps=0, **HOW,
    )  # fmt: skip
    assert [examples is None for _, examples in seen] == [True, False, True]
    classes, examples = seen[1]
    corrupted = examples >= 3000
    np.testing.assert_array_equal(examples % 3000, np.tile(np.arange(3000), (4, 1)))
    np.testing.assert_allclose(corrupted.mean(axis=1), shares, atol=0.04)
    assert np.all(corrupted[1:] >= corrupted[:-1])
    np.testing.assert_array_equal(classes[:3000], labels)
    # a label drawn anew is the right one as often as there are classes
    right = np.mean(classes[3000:] == labels)
    assert right == pytest.approx(1.0 / max(outputs, 2), abs=0.04)


def test_starts_are_scaled_and_steps_counted_apart():
    inputs, labels = _data()
    how = {"shares": [0.0] * 3, "max_steps": 0, **HOW}
    one = train_from_corrupted(_network(), inputs, labels, scales=[1.0] * 3, pretraining_steps=0, **how)
    far = train_from_corrupted(_network(), inputs, labels, scales=[1.0, 2.0, 0.5], pretraining_steps=0, **how)
    factors = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(far.flat_weights, one.flat_weights * factors[:, None])
    moved = train_from_corrupted(_network(), inputs, labels, scales=[1.0] * 3, pretraining_steps=5, **how)
    assert not torch.equal(moved.flat_weights, one.flat_weights)
    assert far.settings["scales"] == [1.0, 2.0, 0.5]


def test_corrupted_pretraining_leaves_worse_networks_without_error():
    # inputs of few strong directions, as images have: among equal ones all fits of wrong labels are alike
    rng = np.random.default_rng(1)
    inputs = 3.0 * rng.standard_normal((1300, FEATURES)) / np.arange(1, FEATURES + 1)
    labels = np.where(inputs[:, 0] * inputs[:, 1] > 0.0, 1, -1)
    found = train_from_corrupted(
        _network("fc:2x32"), inputs[:300], labels[:300], shares=[0.0] * 4 + [1.0] * 4, scales=[1.0] * 8,
        tolerance=0.01, optimizer="adam", learning_rate=0.003, rng=1, device="cpu",
    )  # fmt: skip
    assert found.reached.all()
    assert all(found.settings["fitted"])
    assert found.training_errors.max() == 0.0
    errors = found.true_errors(inputs[300:], labels[300:])
    assert errors[4:].min() > errors[:4].max()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shares": [0.5, 1.5]}, "shares must lie in"),
        ({"shares": []}, "shares must lie in"),
        ({"scales": [1.0]}, "scales must be positive, one for each of 2 networks"),
        ({"scales": [1.0, 0.0]}, "scales must be positive"),
    ],
)
def test_families_out_of_range_are_refused(wrong, message):
    inputs, labels = _data()
    family = {"shares": [0.0, 0.5], "scales": [1.0, 1.0], **wrong}
    with pytest.raises(ValueError, match=message):
        train_from_corrupted(_network(), inputs, labels, **family, **HOW)
