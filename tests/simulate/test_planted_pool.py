"""Planted training sets on a pool: held to enumeration and to guess and check."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from scipy import special

from genlaws.simulate import (
    GaussianProcess,
    SphericalPerceptron,
    planted_bad_fraction,
    sample_training_sets,
)
from genlaws.simulate.drawn_classifiers import DrawnClassifiers
from genlaws.simulate.planted_pool import planted_pool_fraction


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((12, 4))
    labels = np.where(inputs[:, 0] + 0.3 * inputs[:, 1] > 0.0, 1, -1)
    return GaussianProcess.on_pool(inputs @ inputs.T + 0.3 * np.eye(12), labels)


@pytest.fixture(scope="module")
def drawn(pool):
    return DrawnClassifiers.from_family(pool, 2**13, rng=3)


def test_it_agrees_with_every_training_set_there_is():
    right = np.random.default_rng(4).random((6, 500)) < 0.55
    family, n, eps = DrawnClassifiers(right), 4, 0.4
    alive = np.array([right[list(s)].all(axis=0) for s in product(range(6), repeat=n)])
    bad = (alive & (family.errors > eps)).sum(axis=1) / np.maximum(alive.sum(axis=1), 1)
    found = planted_pool_fraction(family, n_examples=n, eps=eps, draws=200, particles=400, rng=5)
    assert abs(found.log_bad_fraction[0] - np.log(bad.mean())) < 4.0 * found.log_bad_fraction_se[0]
    assert found.log_bad_fraction_se[0] < 0.1


def test_it_agrees_with_the_enumerated_class(drawn):
    n = [10, 40]
    found = planted_pool_fraction(drawn, n_examples=n, eps=0.3, draws=60, particles=400, replicas=4, rng=6)
    exact = planted_bad_fraction(drawn, n_examples=n, eps=0.3, draws=600, rng=7)
    se = np.hypot(found.log_bad_fraction_se, exact.log_bad_fraction_se)
    assert np.all(np.abs(found.log_bad_fraction - exact.log_bad_fraction) < 4.0 * se)
    assert np.all(se < 0.3)
    mass = [drawn.log_tilted_mass(k, above=0.3) for k in n]
    assert np.all(np.abs(found.log_bad_mass - mass) < 5.0 * found.log_bad_mass_se + 0.05)
    assert np.all(found.log_bad_mass_se < 0.2)


def test_a_process_agrees_with_guess_and_check(pool, drawn):
    found = planted_pool_fraction(pool, n_examples=[6], eps=0.3, draws=40, particles=300, replicas=4, rng=8)
    plain = sample_training_sets(drawn, n_examples=[6], sets=3000, eps=(0.3,), rng=9)
    exact, se = plain.bad_fraction(0.3)[0], plain.bad_fraction_se(0.3)[0]
    assert abs(found.log_bad_fraction[0] - np.log(exact)) < 4.0 * np.hypot(
        found.log_bad_fraction_se[0], se / exact
    )
    assert found.log_bad_fraction_se[0] < 0.25


def test_large_n_leaves_one_rate(drawn):
    # the training sets hold all points that their classifiers get right: only chance to be drawn is left
    found = planted_pool_fraction(
        drawn, n_examples=[150, 250], eps=0.3, draws=60, particles=200, replicas=4, rng=10
    )
    rate = -np.diff(found.log_bad_fraction)[0] / 100.0
    assert rate == pytest.approx(np.log(12 / 8), abs=4.0 * np.hypot(*found.log_bad_fraction_se) / 100.0)
    assert np.all(found.log_bad_fraction_se < 0.4)


def test_its_error_is_that_of_repeats(drawn):
    runs = [
        planted_pool_fraction(drawn, n_examples=[12], eps=0.3, draws=16, particles=60, replicas=4, rng=k)
        for k in range(16)
    ]
    spread = np.std([run.log_bad_fraction[0] for run in runs], ddof=1)
    stated = np.sqrt(np.mean([run.log_bad_fraction_se[0] ** 2 for run in runs]))
    assert 0.5 < spread / stated < 1.7


def test_what_it_says_belongs_together(drawn):
    found = planted_pool_fraction(drawn, n_examples=[20, 5], eps=0.3, draws=8, particles=50, rng=11)
    assert (found.draws, found.n_examples.tolist()) == (8, [20, 5])
    assert found.log_bad_fraction[0] < found.log_bad_fraction[1]
    means = special.logsumexp(-found.set_log_fraction, axis=1) - np.log(8)
    assert found.log_bad_fraction == pytest.approx(found.log_bad_mass + means)
    assert np.all((found.effective_draws >= 1.0) & (found.effective_draws <= 8.0 + 1e-9))
    assert json.loads(json.dumps(found.to_dict()))["n_examples"] == [20, 5]
    again = planted_pool_fraction(drawn, n_examples=[20, 5], eps=0.3, draws=8, particles=50, rng=11)
    assert again.to_dict() == found.to_dict()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_examples": [0]}, "n_examples must be positive integers"),
        ({"n_examples": [1.5]}, "n_examples must be positive integers"),
        ({"eps": 1.0}, "eps must lie in"),
        ({"particles": 10}, "particles must be at least 20, got 10"),
        ({"replicas": 1}, "replicas must be at least 2"),
        ({"draws": 5}, "draws must be a multiple of replicas, 2, got 5"),
        ({"eps": 0.99}, "eps must be below the error of some of 50 classifiers"),
    ],
)
def test_bad_arguments(drawn, changes, said):
    arguments = {"n_examples": [4], "eps": 0.3, "draws": 4, "particles": 50, "replicas": 2, "rng": 1}
    with pytest.raises(ValueError, match=said):
        planted_pool_fraction(drawn, **(arguments | changes))


def test_a_family_without_a_pool_is_refused():
    with pytest.raises(ValueError, match="family must have a pool error, got 'exact'"):
        planted_pool_fraction(SphericalPerceptron(3), n_examples=[4], eps=0.3)
