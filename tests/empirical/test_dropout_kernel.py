"""Tangent kernels under dropout against brute-force gradients and the limit of infinite width."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genlaws.empirical import Architecture, Network, Prior, empirical_tangent_kernel
from genlaws.empirical.dropout_kernel import dropout_tangent_kernel
from genlaws.empirical.networks import torch_generator
from genlaws.simulate import fully_connected_kernels

PRIOR = Prior(weight_variance=1.2, bias_variance=0.2)
INPUTS = np.random.default_rng(0).standard_normal((4, 5))


def drawn(hidden, networks=2):
    network = Network(Architecture(hidden=hidden, activation="erf"), PRIOR, (5,))
    return network, network.draw(networks, np.random.default_rng(1)).double()


def test_without_dropout_it_is_the_tangent_kernel():
    network, latent = drawn((6, 7, 8))
    weights = network.weights(latent)
    kernel = dropout_tangent_kernel(network, weights, INPUTS, keep=1.0, masks=2, rng=np.random.default_rng(2))
    torch.testing.assert_close(kernel, empirical_tangent_kernel(network, weights, INPUTS))


def test_one_mask_gives_the_gram_matrix_of_gradients():
    network, latent = drawn((6, 7), networks=1)
    keep = 0.6
    kernel = dropout_tangent_kernel(
        network, network.weights(latent), INPUTS, keep=keep, masks=1, rng=np.random.default_rng(2)
    )
    # the same mask, and a gradient by every latent variable for each point
    generator = torch_generator(np.random.default_rng(2), torch.device("cpu"))
    mask = (torch.rand(1, 4, 7, generator=generator, dtype=torch.float64) < keep).double() / keep
    variables = latent.clone().requires_grad_()
    layers = network.layer_values(network.weights(variables), torch.tensor(INPUTS))
    weight, bias = network.weights(variables)[-1]
    scores = ((layers[-1][0] * mask) @ weight.mT)[0, :, 0] + bias[0]
    rows = torch.stack([torch.autograd.grad(s, variables, retain_graph=True)[0][0] for s in scores])
    torch.testing.assert_close(kernel[0], rows @ rows.T)


def test_wide_networks_have_the_kernel_of_the_limit():
    network, latent = drawn((400, 400), networks=6)
    kernels = dropout_tangent_kernel(
        network, network.weights(latent), INPUTS, keep=0.7, masks=30, rng=np.random.default_rng(3)
    ).numpy()
    variances = {"weight_variance": PRIOR.weight_variance, "bias_variance": PRIOR.bias_variance}
    limit = fully_connected_kernels(INPUTS, depths=[3], keep=0.7, **variances).tangent[0]
    error = kernels.std(axis=0, ddof=1) / np.sqrt(len(kernels))
    assert np.all(error < 0.05 * limit.diagonal().mean())
    assert np.all(np.abs(kernels.mean(axis=0) - limit) < 5.0 * error + 0.01)
    # what dropout adds to the diagonal is far more than that
    whole = fully_connected_kernels(INPUTS, depths=[3], **variances).tangent[0]
    assert np.all(limit.diagonal() - whole.diagonal() > 10.0 * error.diagonal())


@pytest.mark.parametrize(("keep", "masks"), [(0.0, 1), (1.1, 1), (0.5, 0)])
def test_bad_arguments_are_refused(keep, masks):
    network, latent = drawn((6,))
    with pytest.raises(ValueError, match="keep must lie in"):
        dropout_tangent_kernel(
            network, network.weights(latent), INPUTS, keep=keep, masks=masks, rng=np.random.default_rng(0)
        )
    linear, latent = drawn(())
    with pytest.raises(ValueError, match="with a hidden layer"):
        dropout_tangent_kernel(
            linear, linear.weights(latent), INPUTS, keep=0.5, masks=1, rng=np.random.default_rng(0)
        )
