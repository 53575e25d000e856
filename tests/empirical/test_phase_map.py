"""Phase maps of kernels and of networks against descent, linear algebra and each other."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from genlaws.empirical import ImageSet, classification_task, kernel_phase_map, network_phase_map
from genlaws.empirical.phase_map import mapped_points
from genlaws.simulate import fully_connected_kernels

VARIANCES = {"weight_variance": 1.3, "bias_variance": 0.2}
TRAINING, HELDOUT, SEED = 12, 40, 5


def clusters(classes=3, points=120, features=6):
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=points)
    inputs = 1.5 * rng.standard_normal((classes, features))[labels] + rng.standard_normal((points, features))
    images = ImageSet.from_arrays(inputs, labels, name="clusters")
    return classification_task(images, "digits", preprocess="none", rng=1)


TASK = clusters()
KERNEL = {
    "bias_variance": 0.2,
    "weight_variances": [1.3],
    "depths": [1, 4],
    "steps": [0, 3, 40],
    "training": TRAINING,
    "heldout": HELDOUT,
    "rng": SEED,
}
NETWORK = KERNEL | {"width": 12, "networks": 2, "device": "cpu"}


def points_and_kernels(depth):
    points = mapped_points(TASK, training=TRAINING, heldout=HELDOUT, entropy=SEED)
    both = np.concatenate([points.inputs, points.heldout_inputs])
    return points, fully_connected_kernels(both, depths=[depth], **VARIANCES)


def test_inputs_have_one_length_and_points_differ():
    points = mapped_points(TASK, training=TRAINING, heldout=HELDOUT, entropy=SEED)
    for inputs in (points.inputs, points.heldout_inputs):
        np.testing.assert_allclose(np.sum(inputs**2, axis=1), 6.0)
    both = np.concatenate([points.inputs, points.heldout_inputs])
    assert len(np.unique(both, axis=0)) == TRAINING + HELDOUT
    assert points.outputs == 3


@pytest.mark.parametrize("depth", [1, 4])
def test_kernel_maps_are_matrix_exponentials(depth):
    found = kernel_phase_map(TASK, **KERNEL, rate=0.7)
    points, kernels = points_and_kernels(depth)
    theta, across = kernels.tangent[0][:TRAINING, :TRAINING], kernels.tangent[0][TRAINING:, :TRAINING]
    one_hot = np.eye(3)[points.classes]
    mean = one_hot.mean(axis=0)
    rate = 0.7 * 2.0 / np.linalg.eigvalsh(theta)[-1]
    place = KERNEL["depths"].index(depth)
    for k, steps in enumerate(KERNEL["steps"]):
        learnt = (np.eye(TRAINING) - expm(-rate * steps * theta)) @ (one_hot - mean)
        elsewhere = across @ np.linalg.pinv(theta, rcond=1e-12, hermitian=True) @ learnt
        for side, scores, classes in (
            ("train", learnt, points.classes),
            ("test", elsewhere, points.heldout_classes),
        ):
            wanted = np.eye(3)[classes]
            loss = np.sum((scores + mean - wanted) ** 2) / np.sum((mean - wanted) ** 2)
            assert getattr(found, f"{side}_loss")[0, place, k] == pytest.approx(loss, rel=1e-6)
            accuracy = np.mean((scores + mean).argmax(axis=1) == classes)
            assert getattr(found, f"{side}_accuracy")[0, place, k] == pytest.approx(accuracy)
    assert found.train_loss[0, place, 0] == pytest.approx(1.0)


def test_random_starts_are_those_of_the_gaussian_process_and_of_what_training_leaves_of_it():
    starts = 4000
    grid = KERNEL | {"depths": [3], "steps": [0, 10**9]}
    found = kernel_phase_map(TASK, **grid, starts=starts)
    points, kernels = points_and_kernels(3)
    covariance, theta = kernels.covariance[0], kernels.tangent[0]
    one_hot, wanted = np.eye(3)[points.classes], np.eye(3)[points.heldout_classes]
    mean = one_hot.mean(axis=0)
    trivial = np.mean(np.sum((wanted - mean) ** 2, axis=1))
    error = 5.0 / math.sqrt(starts)
    before = 1.0 + 3.0 * covariance[-1, -1] / trivial
    assert found.test_loss[0, 0, 0] == pytest.approx(before, rel=error)
    # arXiv:1902.06720, eq. 14-15: mean and variance of trained networks
    weights = np.linalg.solve(theta[:TRAINING, :TRAINING], theta[:TRAINING, TRAINING:]).T
    bias = np.mean(np.sum((weights @ (one_hot - mean) + mean - wanted) ** 2, axis=1))
    both = np.concatenate([-weights, np.eye(HELDOUT)], axis=1)
    variance = np.mean(np.einsum("ij,jk,ik->i", both, covariance, both))
    assert found.test_loss[0, 0, 1] == pytest.approx((bias + 3.0 * variance) / trivial, rel=error)
    assert found.train_loss[0, 0, 1] == pytest.approx(0.0, abs=1e-9)
    assert found.train_accuracy[0, 0, 1] == 1.0


def test_wide_networks_are_kernels_with_random_starts():
    grid = KERNEL | {"depths": [2, 3], "steps": [8, 40]}
    kernel = kernel_phase_map(TASK, **grid, starts=2000)
    network = network_phase_map(TASK, **grid, width=128, networks=24, device="cpu")
    # five errors of the mean over networks, and their smaller rate: the largest eigenvalue is that of any
    for name in ("train_accuracy", "test_accuracy"):
        np.testing.assert_allclose(getattr(network, name), getattr(kernel, name), atol=0.08)
    np.testing.assert_allclose(network.test_loss, kernel.test_loss, rtol=0.25)
    assert np.all(network.train_loss[..., -1] < 0.2 * network.train_loss[..., 0])


def test_networks_that_diverge_know_nothing():
    found = network_phase_map(TASK, **NETWORK, rate=40.0)
    assert np.all(found.train_loss[:, 1, -1] > 1.0)
    linear = found.train_loss[0, 0], found.train_accuracy[0, 0]
    far = network_phase_map(TASK, **NETWORK | {"steps": [0, 400], "depths": [1]}, rate=40.0)
    assert np.isinf(far.train_loss[0, 0, -1])
    assert far.train_accuracy[0, 0, -1] == far.test_accuracy[0, 0, -1] == 0.0
    assert linear[0][0] == pytest.approx(far.train_loss[0, 0, 0])
    read = json.loads(json.dumps(far.to_dict(), allow_nan=False))
    assert read["train_loss"][0][0][1] is None
    again = type(far).from_dict(read)
    np.testing.assert_array_equal(again.train_loss, far.train_loss)
    assert again.settings == far.settings
    assert again.chance == far.chance


@pytest.mark.parametrize(
    ("make", "settings"), [(kernel_phase_map, KERNEL | {"starts": 2}), (network_phase_map, NETWORK)]
)
def test_maps_are_carried_on_with(make, settings):
    settings = settings | {"weight_variances": [0.8, 1.3, 2.0], "steps": [0, 4]}
    seen = []
    whole = make(TASK, **settings, finished=seen.append)
    assert [len(part.weight_variances) for part in seen] == [1, 2, 3]
    more = []
    known = type(whole).from_dict(seen[0].to_dict())
    resumed = make(TASK, **settings, known=known, finished=more.append)
    assert len(more) == 2
    for name in ("weight_variances", "train_accuracy", "test_accuracy", "train_loss", "test_loss"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    # a cell depends on nothing but its own place
    alone = make(TASK, **settings | {"weight_variances": [1.3], "depths": [4]})
    np.testing.assert_array_equal(alone.test_loss[0, 0], whole.test_loss[1, 1])
    frame = whole.to_frame()
    row = frame[(frame.weight_variance == 1.3) & (frame.depth == 4) & (frame.steps == 4)]
    assert row.test_loss.item() == whole.test_loss[1, 1, 1]
    with pytest.raises(ValueError, match="the map to go on from, must be made alike"):
        make(TASK, **settings | {"rng": 6}, known=known)


def test_limits_are_where_curves_cross_for_the_last_time():
    made = kernel_phase_map(TASK, **KERNEL | {"depths": [1, 10, 100, 1000], "steps": [0]})
    curve = np.array([[[1.0], [0.4], [0.8], [0.2]]])
    made = replace(made, train_accuracy=curve, test_loss=1.0 - curve)
    expected = 100.0 * 10.0 ** (0.2 / 0.6)
    assert made.depth_limits("train_accuracy", 0.6)[0, 0] == pytest.approx(expected)
    assert made.depth_limits("test_loss", 0.4)[0, 0] == pytest.approx(expected)
    assert made.depth_limits("train_accuracy", 0.1)[0, 0] == math.inf
    assert made.depth_limits("train_accuracy", 1.1)[0, 0] == 0.0
    beside = replace(made, test_loss=np.array([[[0.1], [0.2], [np.inf], [np.inf]]]))
    assert beside.depth_limits("test_loss", 0.5)[0, 0] == pytest.approx(10.0)
    with pytest.raises(ValueError, match="measure must be one of"):
        made.depth_limits("accuracy", 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training": 100}, "training \\+ heldout must be at most 120"),
        ({"heldout": 0}, "heldout must be at least 1"),
        ({"depths": [0, 2]}, "depths must be finite, ascending and at least 1"),
        ({"steps": [3, 3]}, "steps must be finite, ascending"),
        ({"weight_variances": [-1.0]}, "weight_variances must be"),
        ({"weight_variances": []}, "weight_variances must be numbers"),
        ({"rate": 0.0}, "rate must be positive"),
    ],
)
@pytest.mark.parametrize(("make", "settings"), [(kernel_phase_map, KERNEL), (network_phase_map, NETWORK)])
def test_bad_arguments_are_refused(make, settings, change, message):
    with pytest.raises(ValueError, match=message):
        make(TASK, **settings | change)


def test_inputs_of_no_length_are_refused():
    inputs = np.array(TASK.inputs)
    inputs[:] = 0.0
    with pytest.raises(ValueError, match="must not be 0"):
        kernel_phase_map(replace(TASK, inputs=inputs), **KERNEL)
    with pytest.raises(ValueError, match="starts must be at least 0"):
        kernel_phase_map(TASK, **KERNEL, starts=-1)
