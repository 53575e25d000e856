"""Claims on limits of depth, dropout and learning rates: that each measures what it says it measures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genlaws.empirical import PhaseMap, kernel_phase_map
from genlaws.paper_checks.claims import (
    xiao_dropout,
    xiao_learning_rate,
    xiao_limit_readings,
    xiao_limits,
    xiao_trained_limits,
)
from genlaws.paper_checks.claims.image_families import component_task
from genlaws.simulate import fully_connected_kernels
from genlaws.theory.mean_field import MeanField

SMALL = {
    "data": "mnist5k",
    "inputs": ["images", "teacher"],
    "dimension": 12,
    "classes": 3,
    "training": 24,
    "heldout": 60,
    "ordered": [1.0, 1.5],
    "chaotic": [2.0, 3.0],
    "deepest": 140,
    "steps": [16, 1024],
    "near": [1.0, 3.0],
    "far": [12.0],
    "shallow": [0.5],
    "share": 0.5,
    "keep": 1.0,
}


@pytest.fixture(scope="module", params=[0, 1])
def limits(request):
    settings = SMALL | {"replicate": request.param}
    return xiao_limit_readings.measure_limits(settings, np.random.default_rng(1))


def test_depth_scales_are_those_of_the_phases():
    # papers' reference: xi_1 = 12.5 at 1.5, xi_* = 7.91 at 2.0
    assert xiao_limit_readings._scale(1.5) == pytest.approx(12.5, abs=0.01)
    assert xiao_limit_readings._scale(2.0) == pytest.approx(7.91, abs=0.01)
    for readings in ("training", "generalization", "fading"):
        assert readings in {c.experiments["simulation"].reading for c in xiao_limits.CLAIMS}


def test_limits_are_in_units_of_the_scales(limits):
    assert np.all(limits["training"].x == [xiao_limit_readings._scale(v) for v in (1.0, 1.5)])
    ratios = limits["training"].y / limits["training"].x
    assert np.all((ratios > 4.0) & (ratios < 9.0))
    assert ratios[1] == pytest.approx(ratios[0], rel=0.15)
    # nothing ends training where it is chaotic
    assert np.all(limits["training where it is chaotic"].y == 140)
    overlay = limits["eight scales"]
    np.testing.assert_allclose(overlay.reference, 8.0 * np.array([3.111, 12.50, 7.907, 2.373]), rtol=1e-3)
    np.testing.assert_array_equal(overlay.y[:2], limits["training"].y)
    np.testing.assert_array_equal(overlay.y[2:], limits["generalization"].y)
    assert np.all(limits["eight scales, early"].y[:2] < 0.6 * overlay.y[:2])
    assert np.all(limits["generalization, shallow"].y < limits["generalization"].y)
    assert np.all(limits["fading"].y > 3.0 * limits["fading"].x)


def test_deep_chaotic_networks_learn_and_do_not_generalize(limits):
    memorized, shallow = limits["memorized"], limits["memorized, shallow"]
    np.testing.assert_array_equal(memorized.x, [12.0, 12.0])
    assert np.all(memorized.y == 1.0)
    # one answer to all, whatever the weights: that of the most frequent class
    assert memorized.reference[0] == memorized.reference[1] < 0.65
    assert np.all(shallow.y - shallow.reference < memorized.y - memorized.reference)
    generalizing = limits["generalizing"]
    assert np.all(generalizing.y > 0.35)
    assert np.all((generalizing.y > generalizing.reference)[generalizing.x == 1.0])


@pytest.mark.parametrize("replicate", [0, 1])
def test_tasks_are_those_of_the_stream(replicate):
    first, again = (
        xiao_limit_readings.drawn_task(SMALL | {"replicate": replicate}, np.random.default_rng(4))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.inputs, again.inputs)
    np.testing.assert_array_equal(first.labels, again.labels)


def test_what_can_be_known_is_what_the_shallowest_know():
    accuracy = np.array([[[0.9], [0.5]], [[0.3], [0.1]]])
    made = PhaseMap(
        weight_variances=np.array([1.0, 2.0]),
        depths=np.array([1, 5]),
        steps=np.array([8]),
        train_accuracy=accuracy,
        test_accuracy=accuracy,
        train_loss=accuracy,
        test_loss=accuracy,
        chance=0.1,
        source="kernel",
        bias_variance=0.18,
        activation="erf",
        settings={},
    )
    # a quarter of the mean lead of the first depth over chance, at every depth
    known = xiao_limit_readings._share_of_known({"share": 0.25}, made, made)
    np.testing.assert_allclose(known, np.full((2, 2, 1), 0.1 + 0.25 * 0.5))


def test_dropout_takes_the_limit_of_training_away():
    settings = SMALL | {"replicate": 0, "keep": 0.8, "chaotic": [3.0]}
    made = xiao_limit_readings.measure_limits(settings, np.random.default_rng(1))
    assert np.all(made["training"].y == 140)


def test_networks_are_read_at_the_depths_of_their_phase():
    settings = SMALL | {
        "inputs": ["images"],
        "replicate": 0,
        "ordered": [1.0],
        "chaotic": [3.0],
        "far": [2.0, 4.0],
        "near": [1.0],
        "width": 24,
        "steps": 20,
        "device": "cpu",
    }
    made = xiao_limit_readings.measure_network_accuracies(settings, np.random.default_rng(2))
    again = xiao_limit_readings.measure_network_accuracies(settings, np.random.default_rng(2))
    for name, measurement in made.items():
        np.testing.assert_array_equal(measurement.y, again[name].y)
        assert np.all((measurement.y >= 0.0) & (measurement.y <= 1.0))
    for name in ("memorized", "memorized where it is ordered"):
        np.testing.assert_array_equal(made[name].x, [2.0, 4.0])
    with pytest.raises(ValueError, match="training \\+ heldout must be at most 6000"):
        xiao_limit_readings.measure_network_accuracies(settings | {"heldout": 5990}, np.random.default_rng(2))


def test_trained_networks_end_to_train_where_their_kernels_do():
    settings = {
        "replicate": 0,
        "data": "mnist5k",
        "training": 24,
        "width": 128,
        "steps": 48,
        "weight_variances": [0.5, 0.7],
        "depths": [2, 4, 6, 9],
        "device": "cpu",
    }
    made = xiao_trained_limits.measure_trained_limit(settings, np.random.default_rng(3))
    kernels = kernel_phase_map(
        component_task("mnist5k", "digits", None),
        bias_variance=0.18,
        weight_variances=settings["weight_variances"],
        depths=settings["depths"],
        steps=[48],
        training=24,
        heldout=1,
        starts=40,
        rng=int(np.random.default_rng(3).integers(2**31)),
    )
    np.testing.assert_allclose(made.x, [1.18, 1.74], atol=0.005)
    np.testing.assert_allclose(made.y, kernels.depth_limits("train_loss", 0.5)[:, 0], rtol=0.15)
    # what does not end is as deep as the deepest
    easy = settings | {"weight_variances": [1.5], "depths": [2, 3]}
    assert xiao_trained_limits.measure_trained_limit(easy, np.random.default_rng(3)).y.tolist() == [3.0]


def test_condition_numbers_leave_noise_off_the_diagonal_out():
    kernel = np.full((6, 6), 3.0) + 0.5 * np.eye(6)
    assert xiao_dropout.top_over_bulk(kernel) == pytest.approx(18.5 / 0.5)
    noise = np.random.default_rng(0).normal(scale=0.05, size=(6, 6))
    noise += noise.T
    np.fill_diagonal(noise, 0.0)
    assert xiao_dropout.top_over_bulk(kernel + noise) == pytest.approx(37.0, rel=0.05)


def test_dropout_bounds_are_the_reference_values():
    settings = {
        "points": 20,
        "dimension": 30,
        "keep": [0.5, 0.8, 0.9, 0.99],
        "weight_variance": 1.5,
        "depth": 101,
        "dropout": True,
        "replicate": 0,
    }
    made = xiao_dropout.measure_by_share_kept(settings, np.random.default_rng(3))
    np.testing.assert_allclose(made.reference, [21.3, 82.4, 184.0, 2015.0], rtol=3e-3)
    # what depth has not yet taken away depends on the inputs, and counts where little is dropped
    np.testing.assert_allclose(made.y[:3], [21.2, 81.3, 179.0], rtol=0.03)
    assert made.y[3] == pytest.approx(1611.0, rel=0.2)
    without = xiao_dropout.measure_by_share_kept(settings | {"dropout": False}, np.random.default_rng(3))
    assert np.all(without.y > 3.0 * made.y[-1])
    by_depth = xiao_dropout.measure_by_depth(settings | {"depths": [10, 50, 200]}, np.random.default_rng(3))
    assert np.all(np.diff(by_depth.y) > 0.0)
    assert by_depth.y[-1] == pytest.approx(1.0, abs=2e-3)


def test_rates_of_linear_models_are_those_of_their_kernels():
    inputs = np.random.default_rng(4).standard_normal((6, 8))
    kernels = fully_connected_kernels(
        inputs, depths=[1, 5, 40], weight_variance=1.5, bias_variance=0.2
    ).tangent
    start = np.random.default_rng(5).standard_normal(6)
    largest = np.linalg.eigvalsh(kernels)[:, -1]
    for momentum in (0.0, 0.9):
        found = xiao_learning_rate.diverging_rates(kernels, start, momentum=momentum)
        np.testing.assert_allclose(found, 2.0 * (1.0 + momentum) / largest, rtol=0.03)


def test_rates_by_phase_are_held_against_the_table():
    settings = {
        "points": 12,
        "dimension": 20,
        "weight_variances": [1.25, 2.5],
        "depth": 100,
        "momentum": 0.0,
        "replicate": 0,
    }
    made = xiao_learning_rate.measure_rate_by_phase(settings, np.random.default_rng(6))
    ordered, chaotic = (MeanField(weight_variance=v, bias_variance=0.18) for v in (1.25, 2.5))
    assert made.reference[0] == pytest.approx(2.0 * (1.0 - ordered.chi_1) / (12 * ordered.fixed_length))
    growth = math.log(chaotic.chi_1) * 100
    expected = math.log(2.0 * (chaotic.chi_1 - 1.0) / chaotic.fixed_length) - growth
    assert math.log(made.reference[1]) == pytest.approx(expected, abs=1e-4)
    np.testing.assert_allclose(made.y, made.reference, rtol=0.03)


def test_rates_of_networks_are_near_those_of_their_limit():
    settings = {
        "data": "mnist5k",
        "task": "parity",
        "components": 10,
        "points": 12,
        "depth": 2,
        "width": 120,
        "networks": 3,
        "weight_variances": [1.0, 2.5],
        "steps": 40,
        "stability": "falls",
        "kernel": "tangent",
        "device": "cpu",
        "replicate": 0,
    }
    made = xiao_learning_rate.measure_network_rate(settings, np.random.default_rng(7))
    np.testing.assert_allclose(made.y, made.reference, rtol=0.25)
    other = xiao_learning_rate.measure_network_rate(
        settings | {"kernel": "covariance"}, np.random.default_rng(7)
    )
    assert np.all(other.reference > 1.3 * made.reference)
    np.testing.assert_allclose(other.y, made.y, rtol=0.05)
