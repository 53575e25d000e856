"""Gradient flow against closed forms where the kernel is fixed, and small steps where it is not."""

import json

import numpy as np
import pytest
import torch

from genlaws.empirical import devices
from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.gradient_flow import train_by_gradient_flow
from genlaws.empirical.limit_kernel import limit_tangent_kernel
from genlaws.empirical.losses import example_losses
from genlaws.empirical.networks import Network
from genlaws.empirical.optimizers import variable_scales
from genlaws.empirical.priors import Prior
from genlaws.empirical.tangent_kernel import empirical_tangent_kernel
from genlaws.empirical.training import train_networks
from genlaws.theory import KernelFlow

RNG = np.random.default_rng(0)
INPUTS, LABELS = RNG.standard_normal((16, 6)), np.where(RNG.standard_normal(16) < 0.0, -1, 1)
TIMES = [0.0, 0.3, 3.0, 30.0]


def network_of(arch, *, activation="erf", bias=True, outputs=1, shape=(6,)):
    architecture = parse_architecture(arch, activation=activation, bias=bias)
    return Network(architecture, Prior(bias_variance=0.2), shape, outputs)


@pytest.mark.parametrize("alpha", [0.1, 10.0])
@pytest.mark.parametrize("parametrization", ["ntk", "standard"])
def test_a_linear_network_follows_its_kernel_at_any_alpha(alpha, parametrization):
    network = network_of("linear")
    flow = train_by_gradient_flow(
        network,
        INPUTS,
        LABELS,
        networks=2,
        alpha=alpha,
        loss="square",
        parametrization=parametrization,
        times=TIMES,
        tolerance=0.0,
        relative_error=0.02,
        dtype=torch.float64,
        rng=1,
    )
    kernel = empirical_tangent_kernel(network, flow.start.weights, INPUTS, parametrization=parametrization)
    exact = KernelFlow(kernel[0], LABELS)
    np.testing.assert_allclose(flow.losses, [exact.losses(TIMES)] * 2, rtol=1e-3)
    np.testing.assert_allclose(flow.scores(INPUTS)[0, :, 0], exact.outputs(30.0), atol=2e-3)
    np.testing.assert_allclose(flow.times, 30.0)


@pytest.mark.parametrize("activation", ["erf", "relu"])
def test_a_wide_lazy_network_decays_by_the_exponentials_of_its_kernel(activation):
    network = network_of("fc:1x1500", activation=activation)
    flow = train_by_gradient_flow(
        network,
        INPUTS,
        LABELS,
        networks=2,
        alpha=30.0,
        loss="square",
        times=TIMES,
        tolerance=0.0,
        relative_error=0.05,
        rng=2,
    )
    kernels = empirical_tangent_kernel(network, flow.start.weights, INPUTS).double().numpy()
    for k in range(2):
        np.testing.assert_allclose(flow.losses[k], KernelFlow(kernels[k], LABELS).losses(TIMES), rtol=6e-3)
    # a finite width is off its limit by a few times one over its root
    limit = KernelFlow(limit_tangent_kernel(network, INPUTS), LABELS)
    assert limit.rates[0] > 0.0
    np.testing.assert_allclose(flow.losses.mean(axis=0), limit.losses(TIMES), rtol=0.1)


@pytest.mark.parametrize(
    ("activation", "loss", "tolerance"),
    [
        ("tanh", "hinge", 5e-3),
        ("tanh", "square", 5e-3),
        ("tanh", "cross-entropy", 5e-3),
        ("tanh", "exponential", 5e-3),
        # a slope that jumps
        ("relu", "hinge", 2e-2),
    ],
)
def test_follows_small_steps_of_descent_while_features_are_learned(activation, loss, tolerance):
    network, alpha, time = network_of("fc:2x7", activation=activation), 0.3, 2.0
    settings = {"networks": 2, "alpha": alpha, "loss": loss, "tolerance": 0.0, "times": [1.0, time], "rng": 3}
    flow = train_by_gradient_flow(
        network, INPUTS, LABELS, relative_error=0.005, dtype=torch.float64, **settings
    )
    points, signs = torch.tensor(INPUTS), torch.tensor(LABELS)
    start = flow.start.flat_weights
    base = network.scores_of_weights(network.split(start), points)
    scales = variable_scales(network, "ntk")
    squares = torch.cat(
        [
            torch.full((w[0].numel(),), s**2)
            for w, s in zip(
                [p for pair in network.split(start) for p in pair if p is not None], scales, strict=True
            )
        ]
    )
    weights, steps = start.clone(), 1000
    for _ in range(steps):
        weights = weights.detach().requires_grad_()
        scores = alpha * (network.scores_of_weights(network.split(weights), points) - base)
        value = example_losses(scores, signs, loss).mean(dim=1) / alpha**2
        value.sum().backward()
        weights = weights - time / steps * squares * weights.grad
    moved = (weights - start).detach()
    assert float(moved.norm()) > 0.3
    off = (flow.end.flat_weights - start - moved).norm() / moved.norm()
    assert float(off) < tolerance
    # the loss of the outputs, without alpha
    np.testing.assert_allclose(flow.end.losses, alpha**2 * value.detach(), rtol=2e-2)
    np.testing.assert_allclose(flow.losses[:, 1], flow.end.losses, rtol=1e-12)


def test_stops_each_network_at_its_loss_and_marks_those_that_do_not_get_there():
    network = network_of("fc:2x16", activation="relu")
    flow = train_by_gradient_flow(
        network, INPUTS, LABELS, networks=4, tolerance=0.05, times=[1.0, 2.0, 1e6], rng=4
    )
    assert flow.end.reached.all()
    assert np.all(flow.end.losses <= 0.05)
    assert len(set(flow.times.tolist())) == 4
    assert np.all(np.isnan(flow.losses[:, 2]))
    assert np.all(np.diff(flow.losses[:, :2], axis=1) < 0.0)
    wrong = flow.true_errors(INPUTS, LABELS)
    np.testing.assert_array_equal(wrong, flow.end.training_errors)
    with pytest.raises(ValueError, match="labels must be -1 or"):
        flow.true_errors(INPUTS, np.zeros(16, dtype=int))
    short = train_by_gradient_flow(network, INPUTS, LABELS, networks=4, max_steps=3, rng=4)
    assert not short.end.reached.any()
    assert short.end.steps.tolist() == [3] * 4
    document = json.loads(json.dumps(flow.to_dict()))
    assert document["losses_at_times"][0][2] is None
    assert document["settings"]["alpha"] == 1.0


def test_starts_are_those_of_training_and_chunks_change_nothing(monkeypatch):
    network = network_of("fc:1x8")
    settings = {"networks": 5, "times": [4.0], "tolerance": 0.0, "rng": 5, "dtype": torch.float64}
    whole = train_by_gradient_flow(network, INPUTS, LABELS, **settings)
    trained = train_networks(
        network, INPUTS, LABELS, networks=5, max_steps=0, rng=5, dtype=torch.float64, device="cpu"
    )
    assert torch.equal(whole.start.flat_weights, trained.flat_weights)
    monkeypatch.setattr(devices, "rows_that_fit", lambda *_: 2)
    pieces = train_by_gradient_flow(network, INPUTS, LABELS, **settings)
    np.testing.assert_allclose(pieces.end.flat_weights, whole.end.flat_weights, rtol=1e-9)
    np.testing.assert_allclose(pieces.losses, whole.losses, rtol=1e-9)


def test_convolutions_and_several_classes():
    images = np.random.default_rng(6).standard_normal((9, 2, 5, 5))
    labels = np.arange(9) % 3
    network = network_of("cnn:1x6", activation="relu", outputs=3, shape=(2, 5, 5))
    flow = train_by_gradient_flow(
        network, images, labels, networks=2, loss="cross-entropy", tolerance=0.1, rng=6, alpha=2.0
    )
    assert flow.end.reached.all()
    assert flow.end.training_errors.tolist() == [0.0, 0.0]
    assert flow.scores(images).shape == (2, 9, 3)
    np.testing.assert_array_equal(flow.true_errors(images, labels), 0.0)
    assert len(flow) == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"alpha": 0.0}, "alpha must be positive and finite, got 0.0"),
        ({"times": [1.0, 0.5]}, "times must be finite, at least 0 and increasing"),
        ({"tolerance": -1.0}, "tolerance must be at least 0, got -1.0"),
        ({"max_steps": 0}, "max_steps must be at least 1, got 0"),
        ({"relative_error": 1.0}, r"relative_error must lie in \(0, 1\), got 1.0"),
        ({"loss": "zero-one"}, "loss must be one of hinge"),
        ({"parametrization": "mup"}, "parametrization must be one of"),
        ({"networks": 0}, "networks must be at least 1, got 0"),
    ],
)
def test_says_what_is_out_of_range(setting, message):
    with pytest.raises(ValueError, match=message):
        train_by_gradient_flow(network_of("fc:1x4"), INPUTS, LABELS, **({"networks": 1} | setting))
