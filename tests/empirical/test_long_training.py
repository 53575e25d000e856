"""Networks trained far past zero error, held to flows integrated in another way, and to plain descent."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import special

from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.input_span import InputSpan
from genlaws.empirical.long_training import LongTraining, train_long
from genlaws.empirical.losses import example_losses, log_example_losses
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.empirical.training import train_networks
from genlaws.simulate import integrate_gradient_flow

RNG = np.random.default_rng(5)
POINTS = RNG.standard_normal((8, 5))
LABELS = np.where(POINTS[:, 0] + 0.5 * POINTS[:, 1] > 0.0, 1, -1)


def network(arch: str, features: int = 5, *, bias: bool = False, outputs: int = 1) -> Network:
    return Network(parse_architecture(arch, bias=bias), Prior(), (features,), outputs=outputs)


def starts(net: Network, networks: int, seed: int) -> list[list[np.ndarray]]:
    made = train_networks(net, POINTS, LABELS, networks=networks, max_steps=0, dtype=torch.float64, rng=seed)
    return [[w[k].numpy() for w, _ in made.weights] for k in range(networks)]


@pytest.mark.parametrize(
    ("arch", "activation", "normalization"),
    [
        ("linear", "linear", "none"),
        ("fc:1x10", "relu", "none"),
        ("fc:1x10", "relu", "weights"),
        ("fc:2x16", "relu", "weights"),
    ],
)
def test_flow_is_that_of_the_integrator_as_steps_shrink(
    arch: str, activation: str, normalization: str
) -> None:
    # the integrator sums the loss over examples, and its time with it
    log_times = np.linspace(2.0, 12.0 if normalization == "weights" else 40.0, 5)
    net = network(arch)
    flows = [
        integrate_gradient_flow(
            POINTS, LABELS, layers, log_times - math.log(len(POINTS)), activation=activation,
            normalization={"none": "none", "weights": "layers"}[normalization],
        )
        for layers in starts(net, 2, 3)
    ]  # fmt: skip
    worst = []
    for share in (0.5, 0.98):
        found = long(net, log_times=log_times, share=share, normalization=normalization)
        assert found.reached.all()
        np.testing.assert_allclose(found.log_times, np.tile(log_times, (2, 1)), atol=1e-6)
        off = []
        for k, flow in enumerate(flows):
            off.append(np.abs(found.norms[k] / flow.norms - 1.0).max())
            off.append(np.abs(found.margins[k] - flow.margins).max() / np.abs(flow.margins).max())
            late = np.abs(found.log_losses[k] - flow.log_loss + math.log(len(POINTS)))
            off.append((late / np.maximum(-flow.log_loss, 1.0)).max())
        worst.append(max(off))
    # an error of first order in the step; that of the integrator is in its rounded corners
    assert worst[1] < 0.05
    assert worst[1] < worst[0] < 0.3


def long(net: Network, **options: Any) -> LongTraining:
    settings = {"networks": 2, "rng": 3, "device": "cpu", **options}
    return train_long(net, POINTS, LABELS, **settings)


def test_one_example_grows_as_the_closed_form_says() -> None:
    # rho(t) = ln(t + e^rho(0)) for one example of norm 1, and a direction that is at rest
    net = network("linear", 1)
    log_times = np.array([1.0, 10.0, 100.0, 1000.0, 10_000.0])
    found = train_long(net, [[1.0]], [1], networks=3, log_times=log_times, share=0.99, rng=1, device="cpu")
    start = train_networks(
        net, [[1.0]], [1], networks=3, max_steps=0, dtype=torch.float64, rng=1
    ).flat_weights
    np.testing.assert_allclose(
        found.flat_weights[:, :, 0].numpy(), np.logaddexp(log_times, start.numpy()), rtol=1e-3, atol=5e-3
    )
    np.testing.assert_allclose(found.log_losses, -found.flat_weights[:, :, 0].numpy(), rtol=1e-12)


def test_a_constant_rate_is_plain_gradient_descent() -> None:
    net = network("fc:1x10")
    plain = train_networks(
        net, POINTS, LABELS, networks=2, loss="exponential", optimizer="gd", learning_rate=0.01,
        stop="loss", tolerance=0.0, max_steps=200, dtype=torch.float64, rng=3,
    )  # fmt: skip
    found = long(net, optimizer="gd", learning_rate=0.01, at_steps=[50, 200])
    np.testing.assert_allclose(found.flat_weights[:, 1].numpy(), plain.flat_weights.numpy(), rtol=1e-9)
    np.testing.assert_allclose(np.exp(found.log_losses[:, 1]), plain.losses, rtol=1e-9)
    np.testing.assert_allclose(np.exp(found.log_times), [[0.5, 2.0]] * 2, rtol=1e-9)
    assert found.steps.tolist() == [200, 200]


def test_adam_takes_steps_of_one_size_whatever_the_loss() -> None:
    found = long(network("fc:1x10"), optimizer="adam", learning_rate=1e-3, at_steps=[1, 2000])
    start = starts(network("fc:1x10"), 2, 3)
    first = np.abs(found.flat_weights[0, 0].numpy() - np.concatenate([w.ravel() for w in start[0]]))
    moved = first[first > 1e-9]
    np.testing.assert_allclose(moved, 1e-3, rtol=1e-3)
    assert (found.log_losses[:, 1] < -30.0).all()


@pytest.mark.parametrize("loss", ["exponential", "cross-entropy"])
def test_levels_lie_where_the_loss_is_what_was_asked_for(loss: str) -> None:
    levels = [-2.0, -20.0, -200.0, -2000.0]
    found = long(network("fc:2x16"), log_losses=levels, loss=loss)
    np.testing.assert_allclose(found.log_losses, [levels] * 2, rtol=5e-3)
    net = network("fc:2x16")
    for k in range(2):
        weights = net.split(found.flat_weights[k])
        scores = net.scores_of_weights(weights, torch.from_numpy(POINTS))[..., 0].numpy() * LABELS
        scale = np.prod([w.flatten(1).norm(dim=1).numpy() for w, _ in weights], axis=0)
        np.testing.assert_allclose(found.margins[k], scores / scale[:, None], rtol=1e-9, atol=1e-12)
        each = -scores if loss == "exponential" else np.log(np.logaddexp(0.0, -np.minimum(scores, 30.0)))
        far = scores < 30.0 if loss == "cross-entropy" else np.ones_like(scores, dtype=bool)
        expected = special.logsumexp(np.where(far, each, -scores), axis=1) - math.log(len(POINTS))
        np.testing.assert_allclose(found.log_losses[k], expected, rtol=1e-9)
    np.testing.assert_allclose(np.log(found.norms).sum(axis=2), found.log_scales)


def test_smoothed_margin_lies_below_the_least_margin_and_rises() -> None:
    found = long(network("fc:2x16"), log_losses=-np.geomspace(2.0, 1000.0, 12))
    gap = found.least_margins - found.smoothed_margins
    assert (gap >= -1e-12).all()
    assert (gap <= math.log(len(POINTS)) * np.exp(-found.log_scales) + 1e-12).all()
    assert (np.diff(found.smoothed_margins, axis=1) > 0.0).all()


def test_squared_norms_of_layers_grow_alike_in_the_flow_and_not_with_adam() -> None:
    def unequal(**options: Any) -> float:
        squares = long(network("fc:2x16"), log_losses=[-1.0, -100.0], **options).norms ** 2
        growth = squares[:, 1] - squares[:, 0]
        return float((np.ptp(growth, axis=1) / growth.mean(axis=1)).max())

    assert unequal(share=0.95) < 0.02
    assert unequal(optimizer="adam") > 0.3


def test_networks_of_several_outputs() -> None:
    net, classes = network("fc:1x10", outputs=3), np.arange(8) % 3
    found = train_long(net, POINTS, classes, networks=2, log_losses=[-1.0, -50.0], rng=3, device="cpu")
    at = found.at(1)
    assert at.reached.all()
    assert (at.training_errors == 0.0).all()
    np.testing.assert_allclose(
        at.margins(POINTS, classes), found.margins[:, 1] * found.norms[:, 1].prod(axis=1)[:, None], rtol=1e-9
    )
    assert (found.least_margins[:, 1] > 0.0).all()


def test_what_is_said_of_other_points() -> None:
    found = long(network("fc:1x10"), log_losses=[-1.0, -50.0])
    np.testing.assert_allclose(found.log_losses_on(POINTS, LABELS), found.log_losses, rtol=1e-9)
    np.testing.assert_allclose(found.log_losses_on(POINTS, -LABELS)[:, 1] > 50.0, True)
    np.testing.assert_array_equal(found.true_errors(POINTS, -LABELS)[:, 1], [1.0, 1.0])


def test_a_network_does_not_depend_on_those_beside_it() -> None:
    net = network("fc:1x10")
    examples = np.array([[0, 1, 2, 3, 4], [3, 4, 5, 6, 7], [0, 2, 4, 6, 7]])
    three = long(net, networks=3, examples=examples, log_losses=[-1.0, -30.0])
    two = long(net, networks=2, examples=examples[:2], log_losses=[-1.0, -30.0])
    np.testing.assert_allclose(three.log_times[:2], two.log_times, rtol=1e-6)
    np.testing.assert_allclose(three.margins[:2], two.margins, rtol=1e-5, atol=1e-8)
    again = long(net, networks=3, examples=examples, log_losses=[-1.0, -30.0])
    assert torch.equal(three.flat_weights, again.flat_weights)


def test_coordinates_of_the_span_are_the_same_training(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network("fc:1x10", 20)
    points = RNG.standard_normal((6, 20))

    def run() -> LongTraining:
        return train_long(net, points, LABELS[:6], networks=2, log_losses=[-0.5, -2.0], rng=3, device="cpu")

    narrow = run()
    monkeypatch.setattr(InputSpan, "of", lambda *_, **__: None)
    wide = run()
    np.testing.assert_allclose(narrow.flat_weights.numpy(), wide.flat_weights.numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(narrow.norms, wide.norms, rtol=1e-7)


def test_what_cannot_be_met_is_not_a_number() -> None:
    labels = np.where(np.arange(8) % 2 == 0, 1, -1)
    points = np.repeat(POINTS[:4], 2, axis=0)  # each point with both labels
    found = train_long(
        network("fc:1x10"), points, labels, networks=2, log_losses=[10.0, -1.0], max_steps=50, rng=3,
        device="cpu",
    )  # fmt: skip
    assert found.reached.tolist() == [[True, False]] * 2
    assert np.all(np.isneginf(found.log_times[:, 0]))
    assert np.isnan(found.log_losses[:, 1]).all()
    assert np.isnan(found.norms[:, 1]).all()
    assert np.isnan(found.true_errors(points, labels)[:, 1]).all()
    made = found.to_dict()
    assert made["log_times"][0] == [None, None]
    assert made["norms"][0][1] == [None, None]
    json.dumps(made, allow_nan=False)
    # the loss overflows at such a rate
    broken = long(network("fc:1x10"), optimizer="gd", learning_rate=1e6, at_steps=[30])
    assert broken.diverged.all()
    assert not broken.reached.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of log_losses, log_times and at_steps must be given, got 0"),
        ({"log_losses": [-1.0], "log_times": [1.0]}, "got 2"),
        ({"log_losses": [-2.0, -1.0]}, "log_losses must be finite and decrease"),
        ({"log_times": [2.0, 1.0]}, "log_times must be finite and increase"),
        ({"at_steps": [0.5]}, "at_steps must be whole numbers"),
        ({"log_losses": [-1.0], "loss": "hinge"}, "loss must be one of cross-entropy, exponential"),
        ({"log_losses": [-1.0], "optimizer": "sgd"}, "optimizer must be one of flow, gd, adam"),
        ({"log_losses": [-1.0], "normalization": "units"}, "normalization must be one of none, weights"),
        ({"log_losses": [-1.0], "normalization": "weights", "optimizer": "adam"}, "must be none with adam"),
        ({"log_losses": [-1.0], "share": 1.0}, "share must lie in"),
        ({"log_losses": [-1.0], "learning_rate": 0.1}, "learning_rate is none of the flow's"),
        ({"at_steps": [1], "optimizer": "gd", "learning_rate": -1.0}, "learning_rate must be positive"),
        ({"log_losses": [-1.0], "max_steps": 0}, "max_steps must be at least 1"),
        ({"log_losses": [-1.0], "networks": 0}, "networks must be at least 1"),
    ],
)
def test_arguments_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        long(network("linear"), **options)


@pytest.mark.parametrize("loss", ["exponential", "cross-entropy"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_log_losses_are_the_logarithms_of_losses(loss: str, outputs: int) -> None:
    generator = np.random.default_rng(0)
    labels = torch.tensor(np.where(generator.random(7) < 0.5, -1, 1) if outputs == 1 else np.arange(7) % 3)
    scores = torch.tensor(generator.uniform(-40.0, 40.0, (2, 7, outputs)), requires_grad=True)
    logs = log_example_losses(scores, labels, loss)
    np.testing.assert_allclose(
        logs.detach().numpy(),
        example_losses(scores, labels, loss).log().detach().numpy(),
        rtol=1e-9,
        atol=1e-9,
    )
    # and where the loss itself is zero to numbers: ln loss is minus the margin, with a gradient of one
    far = torch.zeros(1, 1, outputs, dtype=torch.float64)
    far[0, 0, 0] = 5000.0
    far.requires_grad_()
    late = log_example_losses(far, torch.tensor([1 if outputs == 1 else 0]), loss)
    late.sum().backward()
    assert late.item() == pytest.approx(-5000.0 + (0.0 if outputs == 1 else math.log(2.0)))
    assert far.grad is not None
    assert far.grad[0, 0, 0].item() == pytest.approx(-1.0)


def test_log_losses_of_other_losses_are_refused() -> None:
    with pytest.raises(ValueError, match="loss must be one of cross-entropy, exponential, got 'hinge'"):
        log_example_losses(torch.zeros(1, 1, 1), torch.ones(1, dtype=torch.int64), "hinge")  # type: ignore[arg-type]
