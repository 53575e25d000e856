"""Networks evaluated together, held to torch's own modules one by one; and what is known of their priors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from genlaws.empirical.architectures import ACTIVATIONS, Architecture, Convolution, parse_architecture
from genlaws.empirical.networks import BatchedNetwork, Network
from genlaws.empirical.priors import PRIORS, Prior
from genlaws.simulate import arc_cosine_covariance, erf_covariance

CASES = [
    ("linear", (7,)),
    ("fc:2x5", (7,)),
    ("fc:9,4", (2, 3, 4)),
    ("cnn:2x3", (2, 6, 6)),
    ("cnn:2x3:pool", (2, 6, 6)),
    ("lenet:0.5", (1, 28, 28)),
]
MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


def module_of(architecture, input_shape, outputs):
    """The same layers written with torch.nn."""
    act = MODULES[architecture.activation]
    layers, last = [], architecture.layers(input_shape, outputs)
    convolutions = len(architecture.convolutions)
    if not convolutions:
        layers.append(nn.Flatten())
    for k, layer in enumerate(last):
        shape = layer.weight_shape
        if layer.convolutional:
            layers.append(
                nn.Conv2d(
                    shape[1],
                    shape[0],
                    shape[2],
                    stride=layer.stride,
                    padding=layer.padding,
                    padding_mode=layer.boundary,
                    bias=layer.has_bias,
                )
            )
        else:
            layers.append(nn.Linear(shape[1], shape[0], bias=layer.has_bias))
        if k < len(last) - 1:
            layers.append(act())
        if k == convolutions - 1:
            if architecture.head == "pool":
                layers.append(nn.AdaptiveAvgPool2d(1))
            layers.append(nn.Flatten())
    return nn.Sequential(*layers)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("word", "shape"), CASES)
def test_parameters_are_counted_as_torch_counts_them(word, shape, bias):
    for outputs in (1, 10):
        architecture = parse_architecture(word, bias=bias)
        module = module_of(architecture, shape, outputs)
        assert architecture.parameter_count(shape, outputs) == sum(p.numel() for p in module.parameters())
        assert Network(architecture, Prior(), shape, outputs).latent_size == sum(
            p.numel() for p in module.parameters()
        )


def test_the_exact_count_of_a_fully_connected_network():
    # 1901.01608: n_in h + (L - 1) h^2 + h + L h + 1, 16.6 thousand at n_in = 30, h = 60, L = 5
    count = parse_architecture("fc:5x60").parameter_count((30,), 1)
    assert count == 30 * 60 + 4 * 60**2 + 60 + 5 * 60 + 1 == 16_561


@pytest.mark.parametrize(("word", "shape"), CASES)
def test_scores_are_those_of_torch_modules_one_at_a_time(word, shape):
    for kind, activation in zip(PRIORS, [*MODULES, *MODULES], strict=False):
        architecture = parse_architecture(word, activation=activation)
        network = Network(architecture, Prior(kind), shape, 3)
        latent = network.draw(4, np.random.default_rng(0)).double()
        inputs = torch.randn(5, *shape, dtype=torch.float64)
        scores = network.scores(latent, inputs)
        weights = network.weights(latent)
        for k in range(4):
            module = module_of(architecture, shape, 3).double()
            flat = [part[k] for pair in weights for part in pair]
            with torch.no_grad():
                for parameter, value in zip(module.parameters(), flat, strict=True):
                    parameter.copy_(value)
                torch.testing.assert_close(scores[k], module(inputs))
        torch.testing.assert_close(network.scores_of_weights(weights, inputs), scores)


@pytest.mark.parametrize(("word", "shape"), CASES)
def test_own_inputs_and_pairs_agree_with_shared_inputs(word, shape):
    network = Network(parse_architecture(word, activation="erf"), Prior("kaiming-uniform"), shape)
    latent = network.draw(4, np.random.default_rng(1)).double()
    inputs = torch.randn(4, *shape, dtype=torch.float64)
    scores = network.scores(latent, inputs)
    torch.testing.assert_close(network.scores(latent, inputs.expand(4, *inputs.shape)), scores)
    torch.testing.assert_close(network.paired_scores(latent, inputs), scores[range(4), range(4)])
    # the derivative by each network's vector, one at a time
    latent.requires_grad_(True)
    (together,) = torch.autograd.grad(network.paired_scores(latent, inputs).sum(), latent)
    for k in range(4):
        one = latent[k : k + 1].detach().requires_grad_(True)
        (alone,) = torch.autograd.grad(network.scores(one, inputs[k : k + 1]).sum(), one)
        torch.testing.assert_close(together[k], alone[0])


def test_a_network_has_the_methods_that_samplers_need():
    assert isinstance(Network(Architecture(), Prior(), (3,)), BatchedNetwork)


def test_priors_have_the_distributions_they_name():
    shape, fan_in = (50,), 50
    draws = {}
    for kind in PRIORS:
        prior = Prior(kind, weight_variance=1.7, bias_variance=0.3, half_width=0.4)
        network = Network(parse_architecture("fc:40"), prior, shape)
        weight, bias = network.weights(network.draw(60, np.random.default_rng(2)))[0]
        draws[kind] = weight.flatten().numpy(), bias.flatten().numpy()
    normal = stats.norm(scale=math.sqrt(1.7 / fan_in)), stats.norm(scale=math.sqrt(0.3))
    box = stats.uniform(-0.4, 0.8), stats.uniform(-0.4, 0.8)
    root = 1.0 / math.sqrt(fan_in)
    bias = stats.uniform(-root, 2 * root)
    wide = math.sqrt(6.0 / fan_in)
    expected = {
        "normal": normal,
        "uniform": box,
        "kaiming-normal": (stats.norm(scale=math.sqrt(2.0 / fan_in)), bias),
        "kaiming-uniform": (stats.uniform(-wide, 2 * wide), bias),
    }
    for kind, laws in expected.items():
        for sample, law in zip(draws[kind], laws, strict=True):
            assert stats.kstest(sample, law.cdf).pvalue > 1e-3, kind


def test_kaiming_weights_are_those_of_torch():
    module = nn.Linear(50, 4000)
    nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    network = Network(parse_architecture("fc:40"), Prior("kaiming-uniform"), (50,))
    weight, bias = network.weights(network.draw(60, np.random.default_rng(3)))[0]
    with torch.no_grad():
        assert stats.ks_2samp(weight.flatten().numpy(), module.weight.flatten().numpy()).pvalue > 1e-3
        assert stats.ks_2samp(bias.flatten().numpy(), module.bias.numpy()).pvalue > 1e-3


@pytest.mark.parametrize(("rows", "columns"), [(6, 4), (4, 6), (5, 5)])
def test_orthogonal_weights_are_orthogonal_and_uniform(rows, columns):
    network = Network(parse_architecture(f"fc:{rows}"), Prior("orthogonal", weight_variance=2.25), (columns,))
    weight, _ = network.weights(network.draw(3000, np.random.default_rng(4)).double())[0]
    small = min(rows, columns)
    square = weight @ weight.mT if rows <= columns else weight.mT @ weight
    torch.testing.assert_close(square, 2.25 * torch.eye(small, dtype=torch.float64).expand(3000, -1, -1))
    # a uniform unit vector's coordinate: (u + 1) / 2 is Beta((d - 1) / 2, (d - 1) / 2), d the longer side
    large = max(rows, columns)
    law = stats.beta((large - 1) / 2, (large - 1) / 2, loc=-1.0, scale=2.0)
    for place in ((0, 0), (rows - 1, columns - 1)):
        assert stats.kstest(weight[:, *place].numpy() / 1.5, law.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("activation", "covariance_of"), [("relu", arc_cosine_covariance), ("erf", erf_covariance)]
)
@pytest.mark.parametrize("hidden_layers", [0, 1, 2])
def test_outputs_of_wide_networks_have_the_covariance_of_their_limit(
    hidden_layers, activation, covariance_of
):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((4, 6))
    exact = covariance_of(X, depth=hidden_layers + 1, weight_variance=1.5, bias_variance=0.2)
    word = f"fc:{hidden_layers}x200" if hidden_layers else "linear"
    network = Network(
        parse_architecture(word, activation=activation), Prior(weight_variance=1.5, bias_variance=0.2), (6,)
    )
    with torch.no_grad():
        parts = [network.scores(network.draw(250, rng), torch.from_numpy(X).float()) for _ in range(8)]
    outputs = torch.cat(parts)[..., 0].double().numpy()
    products = outputs[:, :, None] * outputs[:, None, :]
    error = products.std(axis=0) / math.sqrt(len(outputs))
    assert np.all(np.abs(products.mean(axis=0) - exact) < 4.5 * error)
    assert np.all(error < 0.15 * np.abs(exact).max())


def test_equal_seeds_draw_equal_networks():
    network = Network(Architecture(), Prior(), (5,))
    first, second, other = (network.draw(3, np.random.default_rng(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    "word",
    ["", "fc", "fc:", "fc:x3", "fc:0x", "fc:2x64x3", "cnn:0x4", "cnn:3", "lenet:a", "resnet", "linear:3"],
)
def test_unknown_architectures_are_named(word):
    with pytest.raises(ValueError, match=r"unknown architecture .* use linear, fc:2x64"):
        parse_architecture(word)


def test_words_for_architectures():
    assert parse_architecture("fc:2x64") == Architecture(hidden=(64, 64))
    assert parse_architecture("fc:64,32", activation="erf") == Architecture(hidden=(64, 32), activation="erf")
    assert parse_architecture("linear", bias=False) == Architecture(hidden=(), bias=False)
    assert parse_architecture("cnn:3x16:pool") == Architecture((Convolution(16),) * 3, (), "pool")
    circular = (Convolution(8, boundary="circular"),) * 2
    assert parse_architecture("cnn:2x8:circular") == Architecture(circular, ())
    assert parse_architecture("cnn:2x8:pool:circular") == Architecture(circular, (), "pool")
    lenet = parse_architecture("lenet")
    # 28 x 28 images: 14 x 14 after the first strided convolution, 7 x 7 after the second
    assert [layer.weight_shape for layer in lenet.layers((1, 28, 28), 10)] == [
        (6, 1, 5, 5),
        (16, 6, 5, 5),
        (120, 16 * 7 * 7),
        (84, 120),
        (10, 84),
    ]
    assert parse_architecture("lenet:0.5").hidden == (60, 42)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="widths of at least 1"):
        Architecture(hidden=(0,))
    with pytest.raises(ValueError, match="sizes of at least 1"):
        Architecture(convolutions=(Convolution(0),))
    with pytest.raises(ValueError, match="boundary must be one of zeros, circular, got 'mirror'"):
        Architecture(convolutions=(Convolution(2, boundary="mirror"),))
    with pytest.raises(ValueError, match="head must be one of flatten, pool"):
        Architecture(head="max")
    with pytest.raises(ValueError, match="activation must be one of"):
        Architecture(activation="sine")
    with pytest.raises(ValueError, match="without principal components"):
        parse_architecture("cnn:1x4").layers((10,), 1)
    with pytest.raises(ValueError, match="too small"):
        Architecture(convolutions=(Convolution(2, kernel=9, padding=0),)).layers((1, 5, 5), 1)
    with pytest.raises(ValueError, match="must be positive"):
        Architecture().layers((0,), 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "cauchy"}, "kind must be one of"),
        ({"weight_variance": 0.0}, "weight_variance must be positive"),
        ({"bias_variance": -1.0}, "bias_variance must be finite and at least 0"),
        ({"half_width": math.inf}, "half_width must be positive"),
    ],
)
def test_priors_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Prior(**changes)


def test_all_activations_are_evaluated():
    for activation in ACTIVATIONS:
        network = Network(parse_architecture("fc:3", activation=activation), Prior(), (2,))
        latent = network.draw(2, np.random.default_rng(0))
        (w1, b1), (w2, b2) = network.weights(latent)
        inputs = torch.randn(3, 2)
        hidden = {"relu": torch.relu, "erf": torch.erf, "tanh": torch.tanh, "gelu": nn.GELU()}[activation](
            inputs @ w1.mT + b1[:, None]
        )
        torch.testing.assert_close(network.scores(latent, inputs), hidden @ w2.mT + b2[:, None])
