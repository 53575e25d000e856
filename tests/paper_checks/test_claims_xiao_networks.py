"""What finite networks have in common in what they predict: that it is measured without bias."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from genlaws.paper_checks.claims import xiao_networks
from genlaws.paper_checks.claims.xiao_kernels import drawn_network, drawn_points
from genlaws.simulate import fully_connected_kernels
from genlaws.theory import MeanField

SMALL = {
    **xiao_networks.of_many_networks("mean predictor", xiao_networks.CHAOTIC_NETWORKS)["network"].units(
        "quick"
    )[0],
    "points": 5,
    "partners": 2,
    "width": 30,
    "networks": 6,
    "depths": [2, 4],
}


def test_what_is_common_is_the_mean_over_pairs_of_networks():
    predictions = np.random.default_rng(0).standard_normal((5, 2, 4, 3)) + np.array([2.0, 0.0])[:, None, None]
    pairs = itertools.permutations(predictions, 2)
    expected = np.mean([np.mean(one * other, axis=(1, 2)) for one, other in pairs], axis=0)
    found = xiao_networks.common_size(predictions)
    np.testing.assert_allclose(found * np.abs(found), expected, rtol=1e-12)


def test_what_networks_add_of_their_own_does_not_count():
    rng = np.random.default_rng(1)
    mean = rng.standard_normal((1, 1, 6, 2))
    noise = 3.0 * rng.standard_normal((4, 20_000, 6, 2))
    squares = xiao_networks.common_size(mean + noise)
    squares = squares * np.abs(squares)
    error = squares.std() / np.sqrt(squares.size)
    assert error < 0.02
    assert abs(squares.mean() - np.mean(mean**2)) < 4 * error


def test_partners_are_as_near_as_asked():
    inputs = np.random.default_rng(2).standard_normal((3, 50))
    near = xiao_networks._partners(inputs, 0.6, 4, np.random.default_rng(3))
    own = np.repeat(inputs, 4, axis=0)
    squares = np.sum(own**2, axis=1)
    np.testing.assert_allclose(np.sum(near**2, axis=1), squares)
    np.testing.assert_allclose(np.sum(near * own, axis=1), 0.6 * squares)


def test_kernels_of_every_depth_are_sums_of_squared_gradients():
    # 4 + 2 networks: weights are drawn in two lots
    inputs = np.random.default_rng(4).standard_normal((3, 784))
    settings = {**SMALL, "width": 7, "networks": 6}
    found = xiao_networks._tangent_kernels(settings, inputs, np.random.default_rng(5))
    assert found.shape == (6, 2, 3, 3)
    rng = np.random.default_rng(5)
    deepest = drawn_network(settings, 3, 784)
    drawn = torch.cat([deepest.draw(count, rng).double() for count in (4, 2)])
    points = torch.tensor(inputs)
    first, last = 7 * 785, 7 + 1
    for network, depth in itertools.product((0, 5), (2, 4)):
        latent = drawn[network]
        kept = torch.cat([latent[: first + (depth - 2) * 7 * 8], latent[-last:]])
        of_depth = drawn_network(settings, depth - 1, 784)
        jacobian = torch.func.jacrev(lambda w, of=of_depth: of.scores(w[None], points)[0, :, 0])(kept)
        expected = (jacobian @ jacobian.T).numpy()
        np.testing.assert_allclose(found[network, (2, 4).index(depth)], expected, rtol=1e-9)


@pytest.mark.parametrize(("variance", "tolerance"), [(0.5, 0.04), (4.0, 0.08)])
def test_wide_networks_have_the_limit_in_common(variance, tolerance):
    settings = {**SMALL, "weight_variance": variance, "width": 300, "networks": 24, "depths": [3, 5]}
    found = xiao_networks.measure_common_predictors(settings, np.random.default_rng(6))
    again = xiao_networks.measure_common_predictors(settings, np.random.default_rng(6))
    assert {name: table.to_dict() for name, table in found.items()} == {
        name: table.to_dict() for name, table in again.items()
    }
    rng = np.random.default_rng(6)
    inputs, labels = drawn_points({**settings, "tested": 0, "centred_labels": False}, rng)
    points = np.concatenate([inputs, xiao_networks._partners(inputs, 0.7, 2, rng)])
    layers = {"weight_variance": variance, "bias_variance": settings["bias_variance"]}
    limit = fully_connected_kernels(points, activation="erf", depths=[3, 5], **layers).tangent
    for name, targets in (
        ("mean predictor", labels - labels.mean(axis=0)),
        ("of labels with a mean", labels),
    ):
        predicted = [kernel[5:, :5] @ np.linalg.inv(kernel[:5, :5]) @ targets for kernel in limit]
        expected = np.sqrt(np.mean(np.square(predicted), axis=(1, 2)) / np.mean(targets**2))
        np.testing.assert_allclose(found[name].y, expected, rtol=tolerance)
        np.testing.assert_array_equal(found[name].x, [3.0, 5.0])


def test_entries_of_mean_kernels_are_those_of_the_limit():
    settings = {**SMALL, "weight_variance": 3.0, "width": 150, "networks": 64, "depths": [4, 8]}
    found = xiao_networks.measure_mean_entries(settings, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    inputs, _ = drawn_points({**settings, "tested": 0, "centred_labels": False}, rng)
    field = MeanField(weight_variance=3.0, bias_variance=settings["bias_variance"])
    cosine = (field.fixed_correlation * 3.18 - 0.18) / 3.0
    points = xiao_networks._correlated(inputs, cosine, rng)
    layers = {"weight_variance": 3.0, "bias_variance": settings["bias_variance"]}
    limit = fully_connected_kernels(points, activation="erf", depths=[1, 4, 8], **layers)
    first = limit.covariance[0] / limit.covariance[0, 0, 0]
    off = ~np.eye(5, dtype=bool)
    # images have cosines of 0 on average, and some tenths each
    assert first[off].mean() == pytest.approx(field.fixed_correlation, abs=0.15)
    np.testing.assert_allclose(found["entries between points"].y, limit.tangent[1:, off].mean(1), rtol=0.15)
    np.testing.assert_allclose(found["diagonal"].y, limit.tangent[1:, 0, 0], rtol=0.1)
    for table in found.values():
        np.testing.assert_allclose(table.reference, 6.0669, rtol=1e-4)


def test_condition_numbers_of_mean_kernels_stop_at_their_scatter():
    # why the condition number's way to 1 is not tested on networks
    settings = {**SMALL, "width": 100, "points": 8, "networks": 128, "depths": [8, 12]}
    rng = np.random.default_rng(8)
    inputs, _ = drawn_points({**settings, "tested": 0, "centred_labels": False}, rng)
    kernels = xiao_networks._tangent_kernels(settings, inputs, rng)

    def excess(some):
        values = np.linalg.eigvalsh(some)
        return values[..., -1] / values[..., 0] - 1.0

    layers = {"weight_variance": 4.0, "bias_variance": settings["bias_variance"]}
    limit = excess(fully_connected_kernels(inputs, activation="erf", depths=[8, 12], **layers).tangent)
    few = excess(kernels.reshape(4, 32, 2, 8, 8).mean(axis=1)).mean(axis=0)
    all_of_them = excess(kernels.mean(axis=0))
    # at infinite width it falls to a quarter
    assert limit[1] < 0.3 * limit[0]
    assert all_of_them[1] > 0.5 * all_of_them[0]
    assert all_of_them[1] > 3.0 * limit[1]
    assert few[1] > 1.4 * all_of_them[1]


def test_what_one_network_adds_stops_with_depth_and_narrows_with_width():
    # why the mean over networks is looked at
    found = []
    for width in (200, 500):
        settings = {**SMALL, "width": width, "points": 8, "networks": 12, "depths": [14, 18]}
        rng = np.random.default_rng(9)
        inputs, labels = drawn_points({**settings, "tested": 0, "centred_labels": True}, rng)
        points = np.concatenate([inputs, xiao_networks._partners(inputs, 0.7, 2, rng)])
        kernels = xiao_networks._tangent_kernels(settings, points, rng)
        predicted = kernels[..., 8:, :8] @ np.linalg.inv(kernels[..., :8, :8]) @ labels
        found.append(np.sqrt(np.mean(predicted**2, axis=(0, 2, 3)) / np.mean(labels**2)))
    np.testing.assert_allclose(found[0], 0.28 * np.sqrt(8 / 200), rtol=0.3)
    np.testing.assert_allclose(found[1], 0.28 * np.sqrt(8 / 500), rtol=0.3)
