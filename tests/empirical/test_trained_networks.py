"""What `TrainedNetworks` says of networks that got there, that could not, and that diverged."""

import json
import math

import numpy as np
import pytest
import torch

from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.empirical.training import train_networks

FEATURES, POINTS = 6, 24


def _data(points=POINTS, features=FEATURES, classes=2, *, seed=0):
    """Points whose labels a teacher with one hidden layer gives."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((points, features))
    hidden = np.maximum(inputs @ rng.standard_normal((features, 4)), 0.0) - 0.5
    scores = hidden @ rng.standard_normal((4, classes))
    labels = scores.argmax(axis=1)
    return inputs, 2 * labels - 1 if classes == 2 else labels


def _network(arch="fc:2x8", *, features=FEATURES, outputs=1, activation="tanh", bias=True, prior=None):
    architecture = parse_architecture(arch, activation=activation, bias=bias)
    return Network(architecture, prior or Prior(bias_variance=0.1), (features,), outputs)


def _start(network, inputs, labels, networks, **kw):
    return train_networks(
        network, inputs, labels, networks=networks, max_steps=0, dtype=torch.float64, device="cpu", **kw
    )


def test_networks_that_cannot_get_there_are_kept_and_counted():
    # one point with both labels: networks that hold both can do no better than half
    inputs, labels = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([1, -1, 1])
    examples = np.array([[0, 1], [0, 2]] * 4)
    trained = train_networks(
        _network("fc:1x16", features=2), inputs, labels, networks=8, examples=examples, max_steps=300, rng=0,
        device="cpu",
    )  # fmt: skip
    assert trained.reached.tolist() == [False, True] * 4
    assert not trained.diverged.any()
    assert np.all(trained.steps[::2] == 300)
    assert np.all(trained.steps[1::2] < 300)
    np.testing.assert_array_equal(trained.training_errors, [0.5, 0.0] * 4)
    # both margins m and -m: the hinge is least, 1/2, at m = 0
    np.testing.assert_allclose(trained.losses[::2], 0.5, atol=1e-3)
    summary = trained.to_dict()
    assert (summary["networks"], summary["reached"], summary["never_reached"], summary["diverged"]) == (
        8,
        4,
        4,
        0,
    )


def test_networks_too_small_for_random_labels_never_get_there():
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((60, 3)), rng.choice([-1, 1], 60)
    trained = train_networks(
        _network("fc:1x2", features=3), inputs, labels, networks=6, learning_rate=0.02, max_steps=400, rng=0,
        device="cpu",
    )  # fmt: skip
    assert not trained.reached.any()
    assert np.all(trained.steps == 400)
    # sixty points in three dimensions: two units cannot store their labels, though more than chance
    assert np.all((trained.training_errors > 0.1) & (trained.training_errors < 0.5))


def test_networks_that_diverge_are_kept_and_counted():
    # the second point is so far out that plain descent at this rate overshoots on it, more at every step
    inputs, labels = np.array([[0.1, 0.0], [900.0, 900.0], [-900.0, 800.0]]), np.array([-1, 1, -1])
    trained = train_networks(
        _network("linear", features=2), inputs, labels, networks=4, examples=[[0, 0], [1, 2]] * 2,
        loss="square", stop="loss", optimizer="gd", learning_rate=1.0, max_steps=200, rng=0, device="cpu",
    )  # fmt: skip
    assert trained.diverged.tolist() == [False, True] * 2
    assert trained.reached.tolist() == [True, False] * 2
    assert np.all(trained.steps < 200)
    assert np.all(np.isnan(trained.true_errors(inputs, labels)) == trained.diverged)
    assert np.all(np.isnan(trained.normalized_losses(inputs, labels)) == trained.diverged)
    summary = trained.to_dict(trained.true_errors(inputs, labels))
    assert (summary["diverged"], summary["never_reached"]) == (2, 0)
    assert summary["true_errors"][1] is None
    json.dumps(summary, allow_nan=False)


def test_several_classes():
    inputs, labels = _data(points=60, classes=4, seed=3)
    assert len(np.unique(labels)) == 4
    network = _network("fc:1x32", outputs=4)
    trained = train_networks(
        network, inputs[:30], labels[:30], networks=5, loss="cross-entropy", learning_rate=0.02,
        max_steps=500, rng=0, device="cpu",
    )  # fmt: skip
    assert trained.reached.all()
    chosen = trained.scores(inputs).argmax(axis=2)
    assert np.all(chosen[:, :30] == labels[:30])
    errors = trained.true_errors(inputs[30:], labels[30:])
    np.testing.assert_array_equal(errors, np.mean(chosen[:, 30:] != labels[30:], axis=1))
    assert 0.0 < errors.mean() < 0.75


@pytest.mark.parametrize("stop", ["error", "loss"])
def test_the_loss_may_decide_when_to_stop(stop):
    inputs, labels = _data()
    hinge = train_networks(
        _network("fc:1x32"), inputs, labels, networks=3, learning_rate=0.02, stop=stop, max_steps=3000, rng=0,
        device="cpu",
    )  # fmt: skip
    assert hinge.reached.all()
    least = hinge.margins(inputs, labels).min(axis=1)
    if stop == "loss":
        np.testing.assert_array_equal(hinge.losses, 0.0)
        assert np.all(least > 1.0 - 1e-6)
    else:
        assert np.all((least > 0.0) & (least < 1.0))
        assert np.all(hinge.losses > 0.0)


def test_losses_of_outputs_divided_by_norms_are_those_of_layers_of_norm_one():
    # biases are divided by the norms of all layers up to theirs
    inputs, labels = _data()
    network = _network(activation="relu")
    trained = _start(network, inputs, labels, 3, rng=0)
    assert trained.norms.shape == (3, 3)
    up_to, weights = np.cumprod(trained.norms, axis=1), []
    for k, (weight, bias) in enumerate(trained.weights):
        norm, whole = torch.tensor(trained.norms[:, k]), torch.tensor(up_to[:, k])
        weights.append((weight / norm[:, None, None], bias / whole[:, None]))
        np.testing.assert_allclose(weights[-1][0].flatten(1).norm(dim=1), 1.0, rtol=1e-12)
    scores = network.scores_of_weights(weights, torch.tensor(inputs))[..., 0].numpy()
    for loss, expected in (("exponential", np.exp(-labels * scores)), ("square", (scores - labels) ** 2 / 2)):
        found = trained.mean_losses(inputs, labels, loss=loss, divisors=trained.norms.prod(axis=1))
        np.testing.assert_allclose(found, expected.mean(axis=1), rtol=1e-10)
    plain = np.log1p(np.exp(-labels * trained.scores(inputs)[..., 0])).mean(axis=1)
    np.testing.assert_allclose(trained.mean_losses(inputs, labels), plain, rtol=1e-10)
    for divisors in (0.0, [1.0, 2.0], [1.0, -1.0, 1.0]):
        with pytest.raises(ValueError, match="divisors must be positive, one or 3"):
            trained.mean_losses(inputs, labels, divisors=divisors)


def test_normalized_losses_forget_the_scale_of_a_function():
    inputs, labels = _data()
    network = _network(activation="relu", bias=False)
    trained = _start(network, inputs, labels, 3, rng=0)
    scores = trained.scores(inputs)[..., 0]
    norms = [np.linalg.norm(w.numpy(), axis=(1, 2)) for w, _ in trained.weights]
    shrunk = scores / np.prod([norm / 3.0 for norm in norms], axis=0)[:, None]
    expected = np.log1p(np.exp(-labels * shrunk)).mean(axis=1)
    np.testing.assert_allclose(trained.normalized_losses(inputs, labels), expected, rtol=1e-8)
    trained.flat_weights.mul_(7.0)
    np.testing.assert_allclose(trained.normalized_losses(inputs, labels), expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"networks": 0}, "networks must be at least 1, got 0"),
        ({"loss": "zero-one"}, "loss must be one of hinge"),
        ({"optimizer": "lbfgs"}, "optimizer must be one of adam"),
        ({"stop": "never"}, "stop must be one of error, loss"),
        ({"parametrization": "mup"}, "parametrization must be one of standard, ntk"),
        ({"learning_rate": 0.0}, "learning_rate must be positive and finite, got 0.0"),
        ({"learning_rate": math.nan}, "learning_rate must be positive and finite, got nan"),
        ({"momentum": 1.0}, r"momentum must lie in \[0, 1\), got 1.0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"batch_size": 4, "optimizer": "gd"}, "batch_size must be None for 'gd'"),
        ({"max_steps": -1}, "max_steps must be at least 0, got -1"),
        ({"tolerance": -0.1}, "tolerance must be at least 0, got -0.1"),
        ({"examples": [24]}, r"examples must lie in \[0, 24\), got 24 to 24"),
        ({"examples": [[0], [1], [2]]}, "examples must have a row for each of 2 networks, got 3"),
        ({"examples": [0.5]}, "examples must be point indices"),
        ({"inputs": np.zeros((24, 5))}, r"inputs must have shape \(points, 6\), got \(24, 5\)"),
        ({"inputs": np.full((24, 6), np.nan)}, "inputs must be finite"),
        ({"labels": np.zeros(24, dtype=int)}, "labels must be -1 or \\+1 for a network of 1 output, got"),
        ({"labels": np.ones(23, dtype=int)}, r"labels must have shape \(24,\)"),
        ({"rng": -1}, "rng must be a generator or a seed"),
        ({"device": "tpu"}, "device must be"),
    ],
)
def test_arguments_out_of_range_are_named(changed, message):
    inputs, labels = _data()
    arguments = {"inputs": inputs, "labels": labels, "networks": 2, "max_steps": 1, "device": "cpu"} | changed
    with pytest.raises(ValueError, match=message):
        train_networks(_network(), **arguments)


def test_true_errors_given_must_be_one_a_network():
    inputs, labels = _data()
    trained = _start(_network(), inputs, labels, 2)
    with pytest.raises(ValueError, match=r"true_errors must have shape \(2,\), one a network, got \(3,\)"):
        trained.to_dict([0.1, 0.2, 0.3])
