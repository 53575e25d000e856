"""Tangent kernels of finite networks against Jacobians of torch.func."""

import numpy as np
import pytest
import torch

from genlaws.empirical import tangent_kernel
from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.networks import Network
from genlaws.empirical.optimizers import variable_scales
from genlaws.empirical.priors import Prior
from genlaws.empirical.tangent_kernel import empirical_tangent_kernel

CASES = [
    ("linear", (7,), 1),
    ("fc:1x5", (7,), 1),
    ("fc:6,4", (2, 3, 2), 1),
    ("fc:3x5", (7,), 3),
    ("cnn:2x3", (2, 5, 6), 1),
    ("cnn:2x3:pool", (2, 5, 6), 2),
    ("cnn:2x3:circular", (2, 4, 3), 1),
    ("lenet:0.5", (1, 28, 28), 1),
]


def network_of(arch, shape, outputs, *, activation="tanh", bias=True, prior=None):
    architecture = parse_architecture(arch, activation=activation, bias=bias)
    return Network(architecture, prior or Prior(weight_variance=1.7, bias_variance=0.3), shape, outputs)


def jacobians(network, latent, inputs, parametrization):
    """Gradients of the outputs of one network by what is trained, (points, outputs, parameters)."""
    weights = network.weights(latent[None])
    parts = [part for pair in weights for part in pair if part is not None]
    scales = variable_scales(network, parametrization)

    def scores(*variables):
        queue = iter([v * s for v, s in zip(variables, scales, strict=True)])
        again = tuple((next(queue), None if b is None else next(queue)) for _, b in weights)
        return network.scores_of_weights(again, inputs)[0]

    at = [part / s if s else part for part, s in zip(parts, scales, strict=True)]
    made = torch.func.jacrev(scores, argnums=tuple(range(len(at))))(*at)
    return [j.flatten(2) for j in made]


@pytest.mark.parametrize("parametrization", ["ntk", "standard"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("arch", "shape", "outputs"), CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_is_the_product_of_jacobians(arch, shape, outputs, bias, parametrization, dtype):
    network = network_of(arch, shape, outputs, bias=bias)
    rng = np.random.default_rng(0)
    latent = network.draw(2, rng).to(dtype)
    inputs, others = rng.standard_normal((4, *shape)), rng.standard_normal((3, *shape))
    weights = network.weights(latent)
    square = empirical_tangent_kernel(network, weights, inputs, parametrization=parametrization)
    last = empirical_tangent_kernel(network, weights, inputs, parametrization=parametrization, trained="last")
    across = empirical_tangent_kernel(network, weights, inputs, others, parametrization=parametrization)
    for k in range(2):
        gradients = [
            jacobians(network, latent[k].double(), torch.tensor(p), parametrization) for p in (inputs, others)
        ]
        parts = [torch.einsum("poj,qoj->pq", a, b) / outputs for a, b in zip(*gradients, strict=True)]
        squares = [torch.einsum("poj,qoj->pq", a, a) / outputs for a in gradients[0]]
        tolerance = {"rtol": 0.0, "atol": (1e-5 if dtype == torch.float32 else 1e-12) * sum(squares).norm()}
        np.testing.assert_allclose(square[k].double(), sum(squares), **tolerance)
        np.testing.assert_allclose(across[k].double(), sum(parts), **tolerance)
        np.testing.assert_allclose(last[k].double(), sum(squares[-2 if bias else -1 :]), **tolerance)


@pytest.mark.parametrize("arch", ["fc:2x8", "cnn:1x4"])
def test_blocks_and_chunks_change_nothing(arch, monkeypatch):
    shape = (1, 4, 4)
    network = network_of(arch, shape, 1, activation="relu")
    rng = np.random.default_rng(1)
    weights = network.weights(network.draw(5, rng).double())
    inputs, others = rng.standard_normal((11, *shape)), rng.standard_normal((6, *shape))
    whole = empirical_tangent_kernel(network, weights, inputs)
    across = empirical_tangent_kernel(network, weights, inputs, others)
    monkeypatch.setattr(tangent_kernel, "_SMALLEST_BLOCK", 3)
    monkeypatch.setattr(tangent_kernel, "rows_that_fit", lambda *_: 2)
    blocks = empirical_tangent_kernel(network, weights, inputs)
    np.testing.assert_allclose(blocks, whole, rtol=1e-12)
    assert torch.equal(whole, whole.mT)
    assert torch.equal(blocks, blocks.mT)
    np.testing.assert_allclose(empirical_tangent_kernel(network, weights, inputs, others), across, rtol=1e-12)
    joint = empirical_tangent_kernel(network, weights, np.concatenate([inputs, others]))
    np.testing.assert_allclose(joint[:, :11, 11:], across, rtol=1e-12)


def test_under_a_normal_prior_it_is_that_of_the_latent_vector():
    network = network_of("fc:2x6", (5,), 1, activation="erf")
    rng = np.random.default_rng(4)
    latent, inputs = network.draw(1, rng).double(), rng.standard_normal((4, 5))
    j = torch.func.jacrev(lambda z: network.scores(z, torch.tensor(inputs))[0, :, 0])(latent)[:, 0]
    kernel = empirical_tangent_kernel(network, network.weights(latent), inputs)[0]
    np.testing.assert_allclose(kernel, j @ j.T, rtol=1e-10)


def test_uniform_and_orthogonal_priors_count_their_own_scale():
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((3, 6))
    for kind in ("uniform", "orthogonal", "kaiming-normal"):
        network = network_of("fc:1x4", (6,), 1, prior=Prior(kind, bias_variance=0.2))
        latent = network.draw(1, rng).double()
        weights = network.weights(latent)
        kernel = empirical_tangent_kernel(network, weights, inputs)[0]
        made = 0.0
        scales = variable_scales(network, "ntk")
        for j, s in zip(jacobians(network, latent[0], torch.tensor(inputs), "standard"), scales, strict=True):
            made = made + s**2 * torch.einsum("poj,qoj->pq", j, j)
        np.testing.assert_allclose(kernel, made, rtol=1e-10)


def test_says_what_does_not_fit():
    network = network_of("fc:1x4", (6,), 1)
    weights = network.weights(network.draw(1, np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"inputs must have shape \(points, 6\), got \(2, 5\)"):
        empirical_tangent_kernel(network, weights, np.zeros((2, 5)))
    with pytest.raises(ValueError, match="others must be finite"):
        empirical_tangent_kernel(network, weights, np.zeros((2, 6)), np.full((2, 6), np.nan))
    with pytest.raises(ValueError, match="trained must be one of all, last, got 'first'"):
        empirical_tangent_kernel(network, weights, np.zeros((2, 6)), trained="first")
    with pytest.raises(ValueError, match="parametrization must be one of"):
        empirical_tangent_kernel(network, weights, np.zeros((2, 6)), parametrization="mup")
