"""Claims on kernels, lazy training and feature learning: that each measures what it says it measures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genlaws.empirical import split_points
from genlaws.paper_checks.claims import geiger_kernels, geiger_lazy, geiger_regimes
from genlaws.paper_checks.claims.image_families import image_network, image_task
from genlaws.paper_checks.claims.shallow_networks import (
    ShallowNetwork,
    follow_gradient_flow,
    limit_kernel,
)
from genlaws.simulate import sphere_points
from genlaws.theory import KernelFlow

IMAGES = {"data": "mnist5k", "task": "parity", "components": 10, "device": "cpu", "replicate": 3}
LAZY = {
    "activation": "erf",
    "points": 6,
    "power_of_alpha": 0.0,
    "step": 0.01,
    "replicate": 0,
}


def a_network(activation, width=7, dimension=3):
    return ShallowNetwork.draw(activation, width, dimension, np.random.default_rng(1))


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_gradient_and_kernel_of_shallow_networks_are_those_of_differences(activation):
    rng = np.random.default_rng(0)
    inputs, network = sphere_points(4, 3, rng), a_network(activation)
    np.testing.assert_allclose(np.linalg.norm(inputs, axis=1), math.sqrt(3.0))
    size, h = network.first.size + network.last.size, 1e-6
    moves = h * np.eye(size)
    slopes = np.array(
        [(network.moved(m).outputs(inputs) - network.moved(-m).outputs(inputs)) / (2 * h) for m in moves]
    )
    np.testing.assert_allclose(network.tangent_kernel(inputs), slopes.T @ slopes, rtol=1e-6, atol=1e-8)
    weights = rng.standard_normal(4)
    outputs, gradient = network.outputs_and_gradient(inputs, lambda f: weights + 0.0 * f)
    np.testing.assert_allclose(outputs, network.outputs(inputs), rtol=1e-12)
    np.testing.assert_allclose(gradient, slopes @ weights, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_shallow_networks_are_those_of_the_limit_and_of_torch(activation):
    import torch

    from genlaws.empirical.architectures import parse_architecture
    from genlaws.empirical.networks import Network
    from genlaws.empirical.priors import Prior
    from genlaws.empirical.tangent_kernel import empirical_tangent_kernel

    inputs, network = sphere_points(5, 3, np.random.default_rng(2)), a_network(activation)
    architecture = parse_architecture("fc:1x7", activation=activation, bias=False)
    family = Network(architecture, Prior(bias_variance=0.0), (3,))
    latent = torch.from_numpy(np.concatenate([network.first.ravel(), network.last]))[None]
    same = family.weights(latent)
    scores = family.scores_of_weights(same, torch.from_numpy(inputs))[0, :, 0]
    np.testing.assert_allclose(network.outputs(inputs), scores.numpy(), rtol=1e-10)
    kernel = empirical_tangent_kernel(family, same, inputs)[0].numpy()
    np.testing.assert_allclose(network.tangent_kernel(inputs), kernel, rtol=1e-10)
    # the mean over draws is the limit at any width
    draws = [
        ShallowNetwork.draw(activation, 400, 3, np.random.default_rng(k)).tangent_kernel(inputs)
        for k in range(100)
    ]
    error = np.std(draws, axis=0, ddof=1) / 10.0
    assert np.all(np.abs(np.mean(draws, axis=0) - limit_kernel(activation, inputs)) < 4.5 * error)


def test_flow_of_a_very_wide_network_is_that_of_its_kernel():
    rng = np.random.default_rng(3)
    inputs, labels, times = sphere_points(5, 4, rng), rng.standard_normal(5), np.array([0.5, 2.0, 8.0])
    start = ShallowNetwork.draw("erf", 30_000, 4, rng)
    flow = KernelFlow(start.tangent_kernel(inputs), labels)
    for alpha in (1.0, 7.0):
        found = [
            alpha * (network.outputs(inputs) - start.outputs(inputs))
            for network in follow_gradient_flow(start, inputs, labels, times, alpha=alpha)
        ]
        np.testing.assert_allclose(found, flow.outputs(times), atol=0.02)


def test_shallow_flow_is_small_steps_of_gradient_descent():
    rng = np.random.default_rng(4)
    inputs, labels, alpha = sphere_points(4, 3, rng), np.array([1.0, -1.0, 1.0, -1.0]), 0.4
    start = at = ShallowNetwork.draw("erf", 6, 3, rng)
    first = start.outputs(inputs)
    for _ in range(20_000):
        residuals = (alpha * (at.outputs(inputs) - first) - labels) / (-4 * alpha)
        at = at.moved(1e-4 * at.outputs_and_gradient(inputs, lambda _, r=residuals: r)[1])
    (end,) = follow_gradient_flow(start, inputs, labels, np.array([2.0]), alpha=alpha)
    np.testing.assert_allclose(end.first, at.first, atol=5e-3)
    np.testing.assert_allclose(end.last, at.last, atol=5e-3)


def test_distance_at_the_start_is_that_of_a_sum_of_independent_units():
    settings = {"points": 5, "dimension": 3, "activation": "relu", "replicate": 0}
    wide = geiger_kernels.measure_start_distance(
        {**settings, "widths": [9, 36], "draws": 4000, "tied": False}, np.random.default_rng(5)
    )
    # of independent units the squared distance is exactly in inverse proportion to their number
    assert wide.y[0] / wide.y[1] == pytest.approx(2.0, rel=0.05)
    tied = geiger_kernels.measure_start_distance(
        {**settings, "widths": [81, 1296], "draws": 4000, "tied": True}, np.random.default_rng(5)
    )
    # root h groups: the very networks of 9 and 36 units
    np.testing.assert_array_equal(tied.y, wide.y)


def test_distance_at_the_start_on_images_levels_off_with_a_narrow_layer():
    settings = {**IMAGES, "points": 6, "activation": "relu", "widths": [16, 256], "draws": 60}
    free, narrow = (
        geiger_kernels.measure_network_start_distance({**settings, "last_width": w}, np.random.default_rng(6))
        for w in (None, 8)
    )
    assert 2.8 < free.y[0] / free.y[1] < 6.0
    assert narrow.y[0] / narrow.y[1] < 1.8
    with pytest.raises(ValueError, match="points must be at most 6000, the points of mnist5k/parity"):
        geiger_kernels.measure_network_start_distance(
            {**settings, "points": 7000, "last_width": 8}, np.random.default_rng(6)
        )


def test_quadratic_units_have_the_kernel_of_their_features():
    inputs = sphere_points(90, 10, np.random.default_rng(7))
    made = geiger_kernels._quadratic_kernel(inputs, depth=2, weight_variance=2.0, bias_variance=0.1)
    assert np.linalg.matrix_rank(made, hermitian=True) == 65
    # by Monte Carlo over units, with biases
    rng = np.random.default_rng(8)
    first, bias = rng.standard_normal((200_000, 10)), rng.standard_normal((200_000, 1))
    entering = first @ inputs[:2].T * math.sqrt(0.2) + bias * math.sqrt(0.1)
    c = inputs[:2] @ inputs[:2].T * 0.2 + 0.1
    mean = (2.0 * entering[:, :1] ** 2 * entering**2 + 2.0 * 4.0 * entering[:, :1] * entering * c[0]).mean(
        axis=0
    )
    np.testing.assert_allclose(made[0, :2], mean + 0.1, rtol=0.05)


def test_smallest_eigenvalue_and_what_rounding_leaves():
    vectors = np.linalg.qr(np.random.default_rng(9).standard_normal((3, 3)))[0]
    found = geiger_kernels.lead_over_rounding(vectors @ np.diag([0.01, 1.0, 2.0]) @ vectors.T)
    assert found[0] == pytest.approx(math.log(0.01 / (3.01 / 3.0)), rel=1e-9)
    assert found[1] == pytest.approx(math.log(3.0 * 2.0**-52 * 2.0 / (3.01 / 3.0)))
    singular = np.ones((40, 40)) + 0.1 * np.outer(np.arange(40.0), np.arange(40.0))
    smallest, rounding = geiger_kernels.lead_over_rounding(singular)
    assert smallest < rounding
    # as little a lead has a kernel that is not even semi-definite, however large its negative eigenvalue
    smallest, rounding = geiger_kernels.lead_over_rounding(np.diag([-0.5, 1.0, 2.0]))
    assert smallest < rounding


@pytest.mark.parametrize(("case", "positive"), [("claim", True), ("control", False)])
def test_kernels_are_positive_where_units_are_no_polynomials(case, positive):
    rng = np.random.default_rng(10)
    kinds = {"activations": ["relu", "erf"] if positive else ["quadratic"], "hidden_layers": [1, 2]}
    settings = {"points": [70, 75], "dimension": 10, "replicate": 0, **kinds}
    if not positive:
        settings["hidden_layers"] = [1]
    found = [geiger_kernels.measure_smallest_eigenvalue(settings, rng)]
    images = {"architectures": ["fc:1x32" if positive else "linear"], "activations": ["relu", "erf"]}
    if not positive:
        images["activations"] = ["relu"]
    found.append(
        geiger_kernels.measure_network_smallest_eigenvalue({**IMAGES, "points": [20, 30], **images}, rng)
    )
    for table in found:
        assert np.all((table.y > table.reference) == positive)


def test_rates_of_wide_networks_are_those_of_the_limit_kernel():
    settings = {"activation": "erf", "decades": [1, 2], "points": 5, "replicate": 0}
    shallow = geiger_kernels.measure_decay_rate(
        {**settings, "width": 20_000, "dimension": 4}, np.random.default_rng(11)
    )
    np.testing.assert_allclose(shallow.y, shallow.reference, rtol=0.06)
    networks = geiger_kernels.measure_network_decay_rate(
        {**IMAGES, **settings, "arch": "fc:1x4000", "networks": 2}, np.random.default_rng(12)
    )
    np.testing.assert_allclose(networks.y, networks.reference, rtol=0.06)
    narrow = geiger_kernels.measure_network_decay_rate(
        {**IMAGES, **settings, "arch": "fc:1x4", "networks": 2}, np.random.default_rng(12)
    )
    np.testing.assert_array_equal(narrow.reference, networks.reference)
    assert np.abs(np.log(narrow.y / narrow.reference)).max() > 0.1


def test_times_of_decades_are_those_of_an_exponential():
    flow = KernelFlow(2.0 * np.eye(4), np.ones(4))
    times = geiger_kernels._times_of_decades(flow, np.array([1.0, 3.0]))
    np.testing.assert_allclose(times, np.array([1.0, 3.0]) * math.log(10.0), rtol=1e-9)


def test_changes_of_shallow_networks_by_hand():
    settings = {**LAZY, "activation": "relu", "widths": [5], "draws": 1, "dimension": 3, "time": 1.0}
    found = geiger_lazy.measure_shallow_change(settings, np.random.default_rng(13))
    rng = np.random.default_rng(13)
    inputs = sphere_points(6, 3, rng)
    labels = np.sign(inputs[:, 0])
    start = ShallowNetwork.draw("relu", 5, 3, rng)
    (end,) = follow_gradient_flow(start, inputs, labels, np.array([1.0]))
    kernels = [network.tangent_kernel(inputs) for network in (start, end)]
    ratio = np.linalg.norm(kernels[1] - kernels[0]) / np.linalg.norm(kernels[0])
    assert found["kernel"].y == pytest.approx(ratio)
    assert found["units"].y == pytest.approx(
        np.sqrt(np.mean((end.entering(inputs) - start.entering(inputs)) ** 2))
    )
    # to first order a step moves the outputs by the kernel, and units by signals times inputs
    moved = kernels[0] @ labels * 0.01 / 6
    assert found["outputs of one step"].y == pytest.approx(np.sqrt(np.mean(moved**2)), rel=0.02)
    signals = (start.entering(inputs) > 0.0) * start.last * labels[:, None]
    entering = 0.01 / 6 * math.sqrt(2 / 5) * (2 / 3) * inputs @ inputs.T @ signals
    assert found["units of one step"].y == pytest.approx(np.sqrt(np.mean(entering**2)), rel=1e-9)


@pytest.mark.parametrize("work", ["shallow", "networks"])
def test_changes_go_down_with_the_width_unless_the_regime_stays(work):
    def slopes(power, seed):
        settings = {**LAZY, "power_of_alpha": power, "widths": [256, 1024]}
        if work == "shallow":
            sizes = {"draws": 6, "dimension": 4, "time": 5.0}
            found = geiger_lazy.measure_shallow_change({**settings, **sizes}, np.random.default_rng(seed))
        else:
            sizes = {**IMAGES, "layers": 1, "networks": 8, "stepped": 64, "tolerance": 0.1}
            found = geiger_lazy.measure_network_change({**settings, **sizes}, np.random.default_rng(seed))
        return {name: math.log(table.y[1] / table.y[0]) / math.log(4.0) for name, table in found.items()}

    lazy, regime = slopes(0.0, 14), slopes(-0.5, 14)
    assert lazy["kernel"] == pytest.approx(-1.0, abs=0.2)
    assert lazy["units"] == pytest.approx(-0.5, abs=0.1)
    assert lazy["units of one step"] == pytest.approx(-0.5, abs=0.15)
    assert lazy["outputs of one step"] == pytest.approx(0.0, abs=0.15)
    assert regime["kernel"] == pytest.approx(0.0, abs=0.15)
    assert regime["units"] == pytest.approx(0.0, abs=0.1)


def test_work_is_the_same_for_all_who_read_it():
    claims = {claim.id: claim for claim in geiger_lazy.CLAIMS}
    for source in ("simulation", "network"):
        one, other = (claims[name].experiments[source] for name in ("B6b", "B12b"))
        assert one.work == other.work
        assert one.units("quick") == other.units("quick")
        assert one.reading != other.reading
        control = claims["B6d"].control.experiments[source]
        assert control.units("quick") == one.units("quick")
        assert control.reading == one.reading


def test_powers_of_kernels_that_grow():
    settings = {
        **IMAGES,
        "activation": "gelu",
        "arch": "fc:1x16",
        "n_examples": 5,
        "networks": 2,
        "relative_error": 0.1,
        "max_steps": 3000,
    }

    def power(products):
        work = {**settings, "root_h_alpha": products}
        found = geiger_regimes.measure_kernel_growth(work, np.random.default_rng(15))["kernel"]
        np.testing.assert_allclose(found.x, 1.0 / np.array(products))
        return math.log(found.y[1] / found.y[0]) / math.log(found.x[1] / found.x[0])

    # one hidden layer: 2 / (1 + 1/1) = 1, as when lazy
    assert power([100.0, 1000.0]) == pytest.approx(1.0, abs=0.05)
    assert power([0.003, 0.03]) == pytest.approx(1.0, abs=0.1)


def test_regimes_are_read_either_way_and_a_handicap_tells():
    settings = {
        **IMAGES,
        "task": "3-8",
        "arch": "fc:1x16",
        "n_examples": 64,
        "tested_on": 400,
        "networks": 2,
        "relative_error": 0.3,
        "max_steps": 300,
        "lazy": 25.0,
        "feature": 0.25,
    }
    found = {
        handicap: geiger_regimes.measure_regimes(
            {**settings, "handicap": handicap}, np.random.default_rng(16)
        )
        for handicap in (1, 16)
    }
    for readings in found.values():
        one, other = readings["feature against lazy"], readings["lazy against feature"]
        np.testing.assert_array_equal(one.y, other.reference)
        np.testing.assert_array_equal(one.reference, other.y)
        assert one.x == 1.0
    fair, unfair = (readings["feature against lazy"] for readings in found.values())
    np.testing.assert_array_equal(fair.reference, unfair.reference)
    assert unfair.y > fair.y + 0.02
    again = geiger_regimes.measure_regimes({**settings, "handicap": 1}, np.random.default_rng(16))
    assert again["feature against lazy"].to_dict() == fair.to_dict()


def test_lazy_errors_are_those_of_the_kernel_machine():
    from genlaws.empirical.limit_kernel import limit_tangent_kernel

    settings = {
        **IMAGES,
        "task": "3-8",
        "arch": "fc:1x256",
        "n_examples": 20,
        "tested_on": 500,
        "networks": 4,
        "relative_error": 0.3,
        "max_steps": 2000,
        "handicap": 1,
        "lazy": 50.0,
        "feature": 50.0,
    }
    error = geiger_regimes.measure_regimes(settings, np.random.default_rng(17))["lazy against feature"].y[0]
    rng = np.random.default_rng(17)
    task = image_task(settings, rng)
    network = image_network(settings, task)
    split = split_points(task, training=20, heldout=500, rng=rng)
    train, test = task.inputs[split.training], task.inputs[split.heldout]
    kernel = limit_tangent_kernel(network, train)
    scores = limit_tangent_kernel(network, test, train) @ np.linalg.solve(kernel, task.labels[split.training])
    expected = np.mean(scores * task.labels[split.heldout] <= 0.0)
    # margins of at least 1 instead of exactly 1: near, not the same
    assert error == pytest.approx(expected, abs=3.5 * math.sqrt(2 * expected / 500))
