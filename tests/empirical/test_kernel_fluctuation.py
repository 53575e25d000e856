"""Tangent kernels of random networks: their mean is the closed limit, their spread goes down as h^(-1/2)."""

import json

import numpy as np
import pytest

from genlaws.empirical.architectures import Architecture, Convolution
from genlaws.empirical.kernel_fluctuation import measure_kernel_fluctuation
from genlaws.empirical.limit_kernel import limit_tangent_kernel
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.empirical.tangent_kernel import empirical_tangent_kernel

POINTS = np.random.default_rng(0).standard_normal((12, 6))


def network_of(width, hidden_layers=2, *, activation="relu", bias=True, prior=None):
    architecture = Architecture(hidden=(width,) * hidden_layers, activation=activation, bias=bias)
    return Network(architecture, prior or Prior(weight_variance=1.8, bias_variance=0.2), (6,))


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize(("hidden_layers", "bias"), [(0, True), (1, True), (1, False), (3, True)])
def test_mean_over_wide_networks_is_the_limit(activation, hidden_layers, bias):
    width, draws = 800, 60
    network = network_of(width, hidden_layers, activation=activation, bias=bias)
    limit = limit_tangent_kernel(network, POINTS[:5])
    weights = network.weights(network.draw(draws, np.random.default_rng(1)))
    kernels = empirical_tangent_kernel(network, weights, POINTS[:5]).double().numpy()
    error = kernels.std(axis=0, ddof=1) / np.sqrt(draws)
    scale = np.sqrt(np.outer(np.diagonal(limit), np.diagonal(limit)))
    assert np.all(error < 0.03 * scale)
    # the mean lies off by a few layers over the width
    off = np.abs(kernels.mean(axis=0) - limit)
    assert np.all(off < 4.0 * error + scale * max(1.5 * hidden_layers / width, 1e-6))
    across = limit_tangent_kernel(network, POINTS[:2], POINTS[2:5])
    np.testing.assert_allclose(across, limit[:2, 2:], rtol=1e-12)


def test_spreads_and_distances_are_those_of_the_kernels():
    network = network_of(7)
    found = measure_kernel_fluctuation([network], POINTS, draws=4, rng=3, device="cpu")
    again = measure_kernel_fluctuation([network_of(3), network], POINTS, draws=4, rng=3, device="cpu")
    # what is drawn of a width does not depend on the others
    np.testing.assert_array_equal(again.spreads[1], found.spreads[0])
    sizes = (7, 6, 7, 7, 1, 7)
    stream = np.random.default_rng(np.random.SeedSequence(3, spawn_key=sizes))
    kernels = empirical_tangent_kernel(network, network.weights(network.draw(4, stream)), POINTS)
    kernels = kernels.double().numpy()
    limit, mean = limit_tangent_kernel(network, POINTS), kernels.mean(axis=0)
    for k in range(4):
        distance = np.linalg.norm(kernels[k] - limit) / np.linalg.norm(limit)
        spread = np.linalg.norm(kernels[k] - mean) / np.linalg.norm(mean) * np.sqrt(4 / 3)
        assert found.distances[0, k] == pytest.approx(distance, rel=1e-12)
        assert found.spreads[0, k] == pytest.approx(spread, rel=1e-12)
    assert found.parameters.tolist() == [6 * 7 + 7 + 7 * 7 + 7 + 7 + 1]


def _slope(measurement):
    # of the root mean square by width, which no skewness bends
    widths = np.unique(measurement.x)
    squares = [np.mean(measurement.y[measurement.x == h] ** 2) for h in widths]
    return np.polyfit(np.log(widths), 0.5 * np.log(squares), 1)[0]


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_fluctuation_goes_down_with_the_root_of_the_width(activation):
    networks = [network_of(h, activation=activation) for h in (64, 128, 256, 512, 1024)]
    found = measure_kernel_fluctuation(networks, POINTS, draws=40, rng=2, device="cpu")
    # 40 draws a width tell the slope to 0.03
    assert _slope(found.measurement()) == pytest.approx(-0.5, abs=0.09)
    assert _slope(found.measurement("limit")) == pytest.approx(-0.5, abs=0.09)
    # and the two distances are one, as the mean is the limit up to 1/h
    ratio = np.sqrt((found.distances**2).mean(axis=1) / (found.spreads**2).mean(axis=1))
    np.testing.assert_allclose(ratio, 1.0, atol=0.12)


@pytest.mark.slow
@pytest.mark.parametrize(("hidden_layers", "activation"), [(1, "relu"), (3, "erf")])
def test_fluctuation_to_great_widths(hidden_layers, activation):
    widths = (64, 128, 256, 512, 1024, 2048)
    networks = [network_of(h, hidden_layers, activation=activation) for h in widths]
    found = measure_kernel_fluctuation(networks[hidden_layers // 2 :], POINTS, draws=60, rng=5, device="cpu")
    assert _slope(found.measurement()) == pytest.approx(-0.5, abs=0.06)


def test_networks_without_a_closed_limit_have_a_spread():
    image = np.random.default_rng(1).standard_normal((4, 1, 5, 5))
    networks = [
        Network(Architecture((Convolution(c),), (), "pool", activation="tanh"), Prior(), (1, 5, 5))
        for c in (2, 8)
    ]
    found = measure_kernel_fluctuation(networks, image, draws=3, rng=0)
    assert found.distances is None
    assert found.widths.tolist() == [2, 8]
    assert found.spreads.shape == (2, 3)
    with pytest.raises(ValueError, match="around must be 'mean' where the limit has no closed form"):
        found.measurement("limit")
    with pytest.raises(ValueError, match="network must have relu or erf units"):
        limit_tangent_kernel(networks[0], image)
    orthogonal = network_of(5, prior=Prior("orthogonal"))
    assert measure_kernel_fluctuation([orthogonal], POINTS, draws=2, rng=0).distances is None
    standard = measure_kernel_fluctuation([network_of(5)], POINTS, draws=2, parametrization="standard", rng=0)
    assert standard.distances is None


def test_table_and_document():
    found = measure_kernel_fluctuation([network_of(4), network_of(9)], POINTS, draws=3, rng=0)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["widths"] == [4, 9]
    assert document["schema_version"] == 1
    frame = found.to_frame()
    assert frame.columns.tolist() == ["width", "parameters", "draw", "spread", "distance"]
    assert len(frame) == 6
    measurement = found.measurement("limit")
    np.testing.assert_array_equal(measurement.y, frame["distance"])
    assert len(set(measurement.replicate)) == 6
    assert measurement.source == "network"


def test_says_what_does_not_fit():
    with pytest.raises(ValueError, match="draws must be at least 2, got 1"):
        measure_kernel_fluctuation([network_of(4)], POINTS, draws=1)
    with pytest.raises(ValueError, match=r"others must have shape \(points, 6\), got \(12, 5\)"):
        limit_tangent_kernel(network_of(4), POINTS, POINTS[:, :5])
    with pytest.raises(ValueError, match="networks must hold at least one"):
        measure_kernel_fluctuation([], POINTS)
    with pytest.raises(ValueError, match="around must be one of mean, limit, got 'median'"):
        measure_kernel_fluctuation([network_of(4)], POINTS, draws=2, rng=0).measurement("median")
