import math
from types import SimpleNamespace

import numpy as np
import pytest

from genlaws.simulate import LookupTable, SphericalPerceptron
from genlaws.simulate.log_mean import log_normal_mean
from genlaws.simulate.splitting import moves_needed, resample, split_on_error
from genlaws.theory import PerceptronErrorDensity

NONE = np.empty(0, dtype=np.int64)


class Uniform:
    """Classifiers whose true error is uniform on [0, 1]; a move draws it anew."""

    def true_errors(self, population):
        return population

    def take(self, population, index):
        return population[index]

    def where(self, keep, population, other):
        return np.where(keep, population, other)

    def move(self, population, examples, rng, *, length, slack=0.0):
        return SimpleNamespace(population=rng.uniform(size=population.size), persistence=0.0, work=0)


def tails(family, draw, *, target, upward, particles, repeats, seed):
    result = []
    for stream in np.random.SeedSequence(seed).spawn(repeats):
        rng = np.random.default_rng(stream)
        population = draw(particles, rng)
        result.append(split_on_error(family, population, NONE, rng, target=target, upward=upward))
    return result


@pytest.mark.parametrize("upward", [True, False])
@pytest.mark.parametrize("particles", [20, 101])
def test_masses_are_unbiased_even_with_few_particles(upward, particles):
    # an estimate of a mass of e^-6.2, averaged without logs; a bias of 1 / particles a level would show
    target, repeats = 0.002, 600
    runs = tails(
        Uniform(),
        lambda n, rng: rng.uniform(size=n),
        target=1 - target if upward else target,
        upward=upward,
        particles=particles,
        repeats=repeats,
        seed=particles,
    )
    ratio = np.exp([t.log_mass(1 - target if upward else target) for t in runs]) / target
    se = ratio.std(ddof=1) / math.sqrt(repeats)
    assert ratio.mean() == pytest.approx(1.0, abs=4 * se)
    assert se < (0.1 if particles == 20 else 0.03)


def test_perceptron_tails_on_both_sides_follow_the_exact_density():
    dimension, particles = 6, 200
    family, density = SphericalPerceptron(dimension), PerceptronErrorDensity(dimension)
    for upward in (False, True):
        runs = tails(
            family,
            family.draw,
            target=0.97 if upward else 0.03,
            upward=upward,
            particles=particles,
            repeats=6,
            seed=5,
        )
        for error in (0.03, 0.1, 0.3):
            # errors are distributed alike on both sides of 1/2
            place = 1 - error if upward else error
            estimate, se = log_normal_mean([t.log_mass(place) for t in runs])
            assert estimate == pytest.approx(float(density.log_cdf(error)), abs=4.8 * se)
            assert se < 0.35
        assert not any(t.collapsed(0.97 if upward else 0.03) for t in runs)


def test_a_table_of_few_errors_ends_where_its_errors_end():
    table = LookupTable(np.repeat([0.1, 0.3, 0.6], [4, 16, 180]))
    rng = np.random.default_rng(1)
    runs = [
        split_on_error(table, table.draw(400, rng), NONE, rng, target=0.0, upward=False) for _ in range(8)
    ]
    for error, share in ((0.1, 0.02), (0.3, 0.1), (0.6, 1.0)):
        estimate, se = log_normal_mean([t.log_mass(error) for t in runs])
        assert estimate == pytest.approx(math.log(share), abs=max(5 * se, 1e-12))
        assert se < 0.2
    assert all(t.log_mass(0.05) == -math.inf for t in runs)


def test_survivors_are_used_equally_often():
    rng = np.random.default_rng(0)
    index = resample(np.array([3, 5, 8]), 11, rng)
    assert index.size == 11
    assert sorted(np.unique(index, return_counts=True)[1].tolist()) == [3, 4, 4]
    counts = np.zeros(10)
    for _ in range(3000):
        counts += np.bincount(resample(np.array([3, 5, 8]), 4, rng), minlength=10)
    np.testing.assert_allclose(counts[[3, 5, 8]] / 3000, 4 / 3, atol=0.05)


@pytest.mark.parametrize(
    ("persistence", "moves"), [(0.0, 1), (0.5, 1), (0.51, 2), (0.9, 7), (1.0, 60), (0.9999, 60)]
)
def test_moves_go_on_until_half_is_forgotten(persistence, moves):
    assert moves_needed(persistence, 60) == moves
    if moves < 60:
        assert persistence**moves <= 0.5


def test_the_log_of_a_mean_of_log_normal_estimates():
    # the closed form it stands for: ln E exp(N(m, s^2)) = m + s^2 / 2, with its error bar covered
    rng = np.random.default_rng(2)
    logs = rng.normal(-40.0, 0.8, (6, 4000))
    estimate, se = log_normal_mean(logs)
    assert estimate.mean() == pytest.approx(-40.0 + 0.32, abs=0.03)
    assert estimate.std() == pytest.approx(float(np.sqrt(np.mean(se**2))), rel=0.1)
    with pytest.raises(ValueError, match="at least 2 replicas, got 1"):
        log_normal_mean([1.0])
