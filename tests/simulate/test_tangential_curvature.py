"""Curvatures across the layers: against differences along geodesics, the margin's own, and closed forms."""

import json
import math
from itertools import combinations

import numpy as np
import pytest
from scipy import linalg

from genlaws.simulate import random_layers, tangential_curvature
from genlaws.simulate.flow_start import checked_network


def task(activation, widths, seed=1):
    # labels that a network gives to inputs: it separates them
    rng = np.random.default_rng(seed)
    inputs, layers = rng.standard_normal((6, widths[0])), random_layers(widths, scale=2.0, rng=rng)
    network = checked_network(inputs, np.ones(6), layers, activation, "exponential", "none", 0.03)
    directions = [layer / np.linalg.norm(layer) for layer in layers]
    return inputs, np.sign(network.normalized_outputs(directions)), layers


def log_loss(inputs, labels, layers, activation):
    network = checked_network(inputs, labels, layers, activation, "exponential", "none", 0.03)
    flat = np.concatenate([layer.ravel() for layer in layers])
    return network.log_pull(flat), network


def along_great_circles(layers, tangent):
    moved, start = [], 0
    for layer in layers:
        part = tangent[start : start + layer.size].reshape(layer.shape)
        start += layer.size
        angle, norm = np.linalg.norm(part), np.linalg.norm(layer)
        moved.append(math.cos(angle) * layer + np.sinc(angle / math.pi) * norm * part)
    return moved


@pytest.mark.parametrize("widths", [(4, 3, 1), (3, 3, 2, 1)])
@pytest.mark.parametrize("activation", ["linear", "relu", "square"])
def test_curvatures_are_second_differences_along_great_circles(activation, widths):
    inputs, labels, layers = task(activation, widths)
    found = tangential_curvature(inputs, labels, layers, activation=activation, corner=0.03)
    basis = linalg.block_diag(*(linalg.null_space(layer.reshape(1, -1)) for layer in layers)).T
    step = 1e-4

    def at(tangent):
        return log_loss(inputs, labels, along_great_circles(layers, step * tangent), activation)[0]

    here, network = log_loss(inputs, labels, layers, activation)
    weights = np.concatenate([layer.ravel() for layer in layers])
    margin = network.velocity(-here, weights) @ weights / network.powers.sum()
    ends = [(at(e), at(-e)) for e in basis]
    slopes = [(up - down) / (2.0 * step) for up, down in ends]
    bends = np.diag([up + down - 2.0 * here for up, down in ends])
    for i, j in combinations(range(len(basis)), 2):
        e, o = basis[i], basis[j]
        bends[i, j] = bends[j, i] = (at(e + o) + at(-e - o) - at(e - o) - at(o - e)) / 4.0
    expected = np.linalg.eigvalsh(bends / step**2 / margin)
    np.testing.assert_allclose(found.curvatures, expected, atol=1e-4 * np.abs(expected).max())
    assert found.slope == pytest.approx(np.linalg.norm(slopes) / margin, rel=1e-4)


def test_a_single_margin_bends_as_spheres_and_sees_no_more():
    # one example: f = v . x, which falls by half the square of the angle in each of the other directions
    found = tangential_curvature([[2.0, 0.0, 0.0, 0.0]], [1], [[[9.0, 0.0, 0.0, 0.0]]])
    np.testing.assert_allclose(found.curvatures, np.ones(3), atol=1e-12)
    assert found.slope == pytest.approx(0.0, abs=1e-12)


def test_equal_units_of_degree_three_are_a_saddle():
    # f = sum_j a_j (w_j x)^2 with |a| = |w| = 1: along a_j = sin, cos and w_j alike f is sin^3 + cos^3
    halves = [np.full((2, 1), math.sqrt(0.5)), np.full((1, 2), math.sqrt(0.5))]
    single = [np.array([[1.0], [0.0]]), np.array([[1.0, 0.0]])]
    saddle, best = (
        tangential_curvature([[1.0]], [1], [5.0 * layer for layer in layers], activation="square")
        for layers in (halves, single)
    )
    # Hessian of -f over f plus kappa: [[2, 0], [0, 1]] - [[2, 2], [2, 0]]
    np.testing.assert_allclose(saddle.curvatures, np.linalg.eigvalsh([[0.0, -2.0], [-2.0, 1.0]]), atol=1e-10)
    np.testing.assert_allclose(best.curvatures, [1.0, 2.0], atol=1e-10)
    assert saddle.lowest < -1.5 < 0.0 < best.lowest


def test_curvatures_have_a_limit_except_where_support_vectors_differ():
    rows = np.array([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0]])
    near, far = (tangential_curvature(rows, [1, 1], [[[norm, 0.0, 0.0]]]).curvatures for norm in (1e2, 1e4))
    np.testing.assert_allclose(near, [1.0, 1.0 + 1.0], rtol=1e-9)
    np.testing.assert_allclose(far, [1.0, 1.0 + 100.0], rtol=1e-9)


def test_what_does_not_separate_is_refused():
    with pytest.raises(ValueError, match="mean margin of -"):
        tangential_curvature([[1.0, 0.0]], [-1], [[[1.0, 0.2]]])


def test_curvatures_are_ready_for_json():
    found = tangential_curvature([[1.0, 0.0]], [1], [[[1.0, 0.2]]]).to_dict()
    assert set(json.loads(json.dumps(found))) == {"curvatures", "slope"}
