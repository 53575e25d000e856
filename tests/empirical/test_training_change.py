"""What training moved: against direct sums over units and weights, and against its scaling with the width."""

import json

import numpy as np
import pytest
import torch

from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.gradient_flow import train_by_gradient_flow
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.empirical.tangent_kernel import empirical_tangent_kernel
from genlaws.empirical.training import train_networks
from genlaws.empirical.training_change import TrainingChange, measure_training_change

RNG = np.random.default_rng(0)
INPUTS, LABELS = RNG.standard_normal((20, 8)), np.where(RNG.standard_normal(20) < 0.0, -1, 1)


def network_of(arch, *, activation="tanh", shape=(8,), prior=None):
    return Network(parse_architecture(arch, activation=activation), prior or Prior(), shape)


def _changes(widths, *, networks, activation="erf", **settings):
    parts = []
    for h in widths:
        # no biases: all weights and units scale alike
        network = network_of(f"fc:2x{h}", activation=activation, prior=Prior(bias_variance=0.0))
        flow = train_by_gradient_flow(network, INPUTS, LABELS, networks=networks, **settings)
        parts.append(measure_training_change(flow.start, flow.end, INPUTS))
    return TrainingChange.concatenate(parts)


def _slope(change, column):
    frame = change.to_frame()
    means = frame.groupby("width")[column].apply(lambda v: np.sqrt(np.mean(v**2)))
    return np.polyfit(np.log(means.index), np.log(means), 1)[0]


def test_is_the_change_of_kernel_units_and_weights():
    network = network_of("fc:5,4", prior=Prior(bias_variance=0.1))
    settings = {"networks": 3, "rng": 1, "dtype": torch.float64, "device": "cpu"}
    start = train_networks(network, INPUTS, LABELS, max_steps=0, **settings)
    end = train_networks(network, INPUTS, LABELS, max_steps=5, learning_rate=0.05, **settings)
    change = measure_training_change(start, end, INPUTS, parametrization="standard")
    kernels = [
        empirical_tangent_kernel(network, s.weights, INPUTS, parametrization="standard") for s in (start, end)
    ]
    for k in range(3):
        moved = (kernels[1][k] - kernels[0][k]).norm() / kernels[0][k].norm()
        assert change.kernels[k] == pytest.approx(float(moved), rel=1e-12)
        values = [INPUTS, INPUTS]
        for j in range(3):
            pairs = [tuple(part[k].numpy() for part in s.weights[j]) for s in (start, end)]
            ratio = np.linalg.norm(pairs[1][0] - pairs[0][0]) / np.linalg.norm(pairs[0][0])
            assert change.weights[k, j] == pytest.approx(ratio, rel=1e-12)
            if j < 2:
                into = [v @ w.T + b for v, (w, b) in zip(values, pairs, strict=True)]
                rms = np.sqrt(np.mean((into[1] - into[0]) ** 2))
                assert change.units[k, j] == pytest.approx(rms, rel=1e-12)
                relative = rms / np.sqrt(np.mean(into[0] ** 2))
                assert change.relative_units[k, j] == pytest.approx(relative, rel=1e-12)
                values = [np.tanh(z) for z in into]


def test_no_training_changes_nothing_and_images_work():
    images = np.random.default_rng(1).standard_normal((6, 1, 5, 5))
    network = network_of("cnn:2x3:pool", activation="relu", shape=(1, 5, 5))
    start = train_networks(network, images, LABELS[:6], networks=2, max_steps=0, rng=0)
    change = measure_training_change(start, start, images)
    assert not change.kernels.any()
    assert not change.units.any()
    assert not change.weights.any()
    assert change.units.shape == (2, 2)
    assert change.weights.shape == (2, 3)


def test_lazy_training_at_great_widths_moves_units_by_one_over_the_root():
    change = _changes((64, 256, 1024), networks=4, loss="square", times=[5.0], tolerance=0.0, rng=2)
    # units one over the root; weights of a layer between hidden ones one over the width (arXiv:1906.08034)
    assert _slope(change, "units_1") == pytest.approx(-0.5, abs=0.06)
    assert _slope(change, "units_2") == pytest.approx(-0.5, abs=0.06)
    assert _slope(change, "weights_1") == pytest.approx(-0.5, abs=0.06)
    assert _slope(change, "weights_2") == pytest.approx(-1.0, abs=0.06)
    assert -1.3 < _slope(change, "kernel") < -0.6


def test_a_larger_alpha_is_lazier():
    settings = {"networks": 3, "loss": "square", "times": [5.0], "tolerance": 0.0, "rng": 3}
    small, large = (_changes((64,), alpha=alpha, **settings) for alpha in (4.0, 16.0))
    # in the lazy regime everything moves as one over alpha
    np.testing.assert_allclose(large.units / small.units, 0.25, rtol=0.06)
    np.testing.assert_allclose(large.weights / small.weights, 0.25, rtol=0.06)
    np.testing.assert_allclose(large.kernels / small.kernels, 0.25, rtol=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "exponent"), [("erf", -1.0), ("relu", -0.75)])
def test_change_of_the_kernel_by_width(activation, exponent):
    settings = {"loss": "square", "times": [5.0], "tolerance": 0.0, "rng": 4}
    change = _changes((64, 128, 256, 512, 1024), networks=12, activation=activation, **settings)
    for layer in (1, 2):
        assert _slope(change, f"units_{layer}") == pytest.approx(-0.5, abs=0.05)
    # Smooth units: one over the width. Of h ReLU units about h^(1/2) switch at a point, either way, and each
    # counts 1/h in the kernel: h^(-3/4) (derived here; the share that switches is that of units_1).
    assert _slope(change, "kernel") == pytest.approx(exponent, abs=0.12)


def test_table_measurement_and_document():
    change = _changes((4, 6), networks=2, times=[1.0], rng=5)
    frame = change.to_frame()
    assert frame["width"].tolist() == [4, 4, 6, 6]
    names = ["kernel", "units_1", "units_2", "relative_units_1", "relative_units_2"]
    assert frame.columns.tolist() == ["width", *names, "weights_1", "weights_2", "weights_3"]
    measurement = change.measurement("units_2")
    np.testing.assert_array_equal(measurement.y, frame["units_2"])
    assert measurement.replicate.tolist() == [0, 1, 2, 3]
    document = json.loads(json.dumps(change.to_dict()))
    assert document["kernels"] == change.kernels.tolist()
    assert document["settings"]["training"]["alpha"] == 1.0
    with pytest.raises(ValueError, match="column must be one of kernel, units_1"):
        change.measurement("width")


def test_says_what_does_not_fit():
    network = network_of("fc:1x4")
    some = train_networks(network, INPUTS, LABELS, networks=2, max_steps=0, rng=0)
    other = train_networks(network, INPUTS, LABELS, networks=3, max_steps=0, rng=0)
    with pytest.raises(ValueError, match="start and end must be the same networks, got 2 of"):
        measure_training_change(some, other, INPUTS)
    with pytest.raises(ValueError, match="inputs must have shape"):
        measure_training_change(some, some, INPUTS[:, :3])
    with pytest.raises(ValueError, match="a change needs at least one part"):
        TrainingChange.concatenate([])
