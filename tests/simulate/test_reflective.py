import math

import numpy as np
import pytest
from scipy import stats

from genlaws.simulate.reflective import reflective_move


class Velocities:
    """Stands in for a generator that draws these velocities."""

    def __init__(self, velocity):
        self.velocity = velocity

    def standard_normal(self, shape):
        assert self.velocity.shape == shape
        return self.velocity.copy()


def plain_trajectory(z, v, rows, angle, offsets):
    # the definition, one vector at a time: turn to the nearest wall rows @ z = -offsets, mirror, go on
    bounces, last, left = 0, -1, angle
    while True:
        a, b = rows @ z, rows @ v
        radius, phase = np.hypot(a, b), np.arctan2(b, a)
        with np.errstate(invalid="ignore"):
            reach = phase + np.arccos(-offsets / radius)
        reach = np.where(radius > offsets, reach, math.inf)
        if last >= 0 and reach[last] < 1e-9:
            reach[last] = math.inf
        wall = int(np.argmin(reach))
        step = min(reach[wall], left)
        z, v = z * math.cos(step) + v * math.sin(step), v * math.cos(step) - z * math.sin(step)
        if reach[wall] >= left:
            return z, v, bounces
        v = v - 2.0 * (rows[wall] @ v) * rows[wall]
        left, last, bounces = left - step, wall, bounces + 1


def cone(rng, walls, width, slack_walls=0):
    rows = rng.standard_normal((walls, width))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    inside = rng.standard_normal(width)
    rows *= np.where(rows @ inside > 0, 1.0, -1.0)[:, None]
    return rows, np.ascontiguousarray(rows @ rows.T), inside


@pytest.mark.parametrize("walls", [1, 2, 7, 33, 70])
@pytest.mark.parametrize(("slack", "slack_walls"), [(0.0, 0), (0.4, 1), (0.7, 3)])
@pytest.mark.parametrize("length", [0.2, 1.0])
def test_trajectories_follow_the_definition(walls, slack, slack_walls, length):
    rng = np.random.default_rng(walls)
    slack_walls = min(slack_walls, walls)
    rows, gram, inside = cone(rng, walls, 6)
    particles = 15
    # two free coordinates turn along without meeting anything
    z = np.hstack([inside * rng.uniform(0.5, 2.0, (particles, 1)), rng.standard_normal((particles, 2))])
    v = rng.standard_normal((particles, 8))
    moved = reflective_move(z, rows, gram, Velocities(v), length=length, slack=slack, slack_walls=slack_walls)
    offsets = np.zeros(walls)
    offsets[walls - slack_walls :] = slack
    wide, total = np.hstack([rows, np.zeros((walls, 2))]), 0
    for k in range(particles):
        end, _, bounces = plain_trajectory(z[k], v[k], wide, 0.5 * math.pi * length, offsets)
        np.testing.assert_allclose(moved.latent[k], end, atol=1e-9)
        total += bounces
    assert moved.bounces == total


def test_trajectories_can_be_walked_back():
    rng = np.random.default_rng(3)
    rows, gram, inside = cone(rng, 12, 4)
    z, v = inside[None, :], rng.standard_normal((1, 4))
    end, speed, bounces = plain_trajectory(z[0], v[0], rows, 0.5 * math.pi, np.zeros(12))
    back = reflective_move(end[None, :], rows, gram, Velocities(-speed[None, :]), length=1.0)
    np.testing.assert_allclose(back.latent, z, atol=1e-10)
    assert back.bounces == bounces > 3


def test_without_walls_a_quarter_turn_forgets_everything():
    z = np.full((400, 3), 7.0)
    moved = reflective_move(z, np.empty((0, 1)), np.empty((0, 0)), np.random.default_rng(0), length=1.0)
    assert stats.kstest(moved.latent.ravel(), "norm").pvalue > 1e-3
    assert moved.bounces == 0


def test_a_wedge_keeps_its_law_and_is_reached_from_one_point():
    # in two dimensions the law inside a wedge is exact: uniform angle, Rayleigh radius, independent
    half, particles = 0.15, 4000
    rows = np.array([[-math.sin(-half), math.cos(-half)], [math.sin(half), -math.cos(half)]])
    gram, rng = np.ascontiguousarray(rows @ rows.T), np.random.default_rng(1)
    z = np.tile([3.0, 0.1], (particles, 1))
    for _ in range(8):
        moved = reflective_move(z, rows, gram, rng, length=1.0)
        z = moved.latent
    angle, radius = np.arctan2(z[:, 1], z[:, 0]), np.hypot(z[:, 0], z[:, 1])
    assert stats.kstest(angle, stats.uniform(-half, 2 * half).cdf).pvalue > 1e-3
    assert stats.kstest(radius, stats.rayleigh().cdf).pvalue > 1e-3
    assert abs(stats.spearmanr(np.abs(angle), radius).statistic) < 4 / math.sqrt(particles)
    assert moved.persistence < 0.1


@pytest.mark.parametrize("slack", [0.3, 2.5])
def test_a_half_space_with_slack_keeps_the_truncated_normal(slack):
    rng, particles = np.random.default_rng(2), 4000
    law = stats.truncnorm(-slack, np.inf)
    rows, gram = np.array([[1.0]]), np.array([[1.0]])
    z = law.rvs((particles, 1), random_state=3)
    for length in (1.0, 0.3, 1.0):
        z = reflective_move(z, rows, gram, rng, length=length, slack=slack, slack_walls=1).latent
    assert stats.kstest(z[:, 0], law.cdf).pvalue > 1e-3


def test_what_stands_outside_stays_where_it_is():
    rows, gram = np.eye(2), np.eye(2)
    z = np.array([[1.0, 1.0], [-1.0, -1.0]])
    moved = reflective_move(z, rows, gram, np.random.default_rng(0), length=1.0)
    assert np.all(moved.latent[0] > 0)
    inside = np.all(moved.latent[1] > 0)
    assert inside or np.array_equal(moved.latent[1], z[1])


def test_persistence_runs_from_one_to_zero():
    rng = np.random.default_rng(6)
    z = np.abs(rng.standard_normal((4000, 5)))
    rows, gram = np.eye(5), np.eye(5)
    kept = [reflective_move(z, rows, gram, rng, length=t).persistence for t in (1e-3, 0.1, 0.3, 1.0)]
    assert kept[0] > 0.99
    assert kept == sorted(kept, reverse=True)
    # half-normal coordinates forget their past by a quarter turn: each folds an independent velocity
    assert kept[-1] < 0.05
