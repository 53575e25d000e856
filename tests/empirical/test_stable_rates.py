"""Largest stable learning rates of networks against quadratic losses, where they are known."""

from __future__ import annotations

import numpy as np
import pytest

from genlaws.empirical import Architecture, Network, Prior, empirical_tangent_kernel
from genlaws.empirical.stable_rates import largest_stable_rates

RNG = np.random.default_rng(0)
INPUTS, LABELS = RNG.standard_normal((7, 5)), RNG.choice([-1.0, 1.0], 7)
LINEAR = Network(Architecture(hidden=()), Prior(weight_variance=1.5, bias_variance=0.3), (5,))
DEEP = Network(Architecture(hidden=(300,), activation="erf"), Prior(weight_variance=1.5), (5,))


def kernel_rates(network, latent):
    kernels = empirical_tangent_kernel(network, network.weights(latent), INPUTS).numpy()
    return 2.0 * len(INPUTS) / np.linalg.eigvalsh(kernels)[:, -1]


@pytest.mark.parametrize("stability", ["falls", "ends lower"])
def test_linear_models_diverge_above_what_their_kernel_bears(stability):
    latent = LINEAR.draw(3, np.random.default_rng(1)).double()
    known = kernel_rates(LINEAR, latent)
    found = largest_stable_rates(
        LINEAR,
        latent,
        INPUTS,
        LABELS,
        between=[known / 3.0, 5.0 * known],
        steps=300,
        stability=stability,
        bisections=10,
    )
    # resolved to the last range, and to the growth that 300 steps can show
    np.testing.assert_allclose(found, known, rtol=0.01)


def test_wide_networks_begin_to_diverge_there_and_settle_beyond():
    latent = DEEP.draw(4, np.random.default_rng(2))
    known = kernel_rates(DEEP, latent)
    begins, ends = (
        largest_stable_rates(
            DEEP, latent, INPUTS, LABELS, between=[known / 4.0, 6.0 * known], steps=60, stability=stability
        )
        for stability in ("falls", "ends lower")
    )
    np.testing.assert_allclose(begins, known, rtol=0.25)
    assert np.all(ends > 1.3 * known)


@pytest.mark.parametrize(
    ("network", "change", "message"),
    [
        (Network(Architecture(), Prior(), (5,), outputs=3), {}, "one output"),
        (LINEAR, {"stability": "ever"}, "stability must be one of"),
        (LINEAR, {"steps": 0}, "steps and bisections must be at least 1"),
        (LINEAR, {"between": [2.0, 1.0]}, "between must hold"),
    ],
)
def test_bad_arguments_are_refused(network, change, message):
    latent = network.draw(2, np.random.default_rng(3))
    with pytest.raises(ValueError, match=message):
        largest_stable_rates(network, latent, INPUTS, LABELS, **{"between": [0.1, 10.0]} | change)
