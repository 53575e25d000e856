"""Classes drawn from a prior and enumerated: held to counting by hand, and to what is known of the prior."""

from __future__ import annotations

import numpy as np
import pytest

from genlaws.simulate import (
    ClassifierFamily,
    EnumerableFamily,
    GaussianProcess,
    PlantableFamily,
    SphericalPerceptron,
    sample_training_sets,
    sample_zero_error,
)
from genlaws.simulate.drawn_classifiers import DrawnClassifiers

RIGHT = np.random.default_rng(1).random((8, 300)) < 0.6
DRAWN = DrawnClassifiers(RIGHT)


def test_it_is_a_family_of_every_kind():
    assert isinstance(DRAWN, ClassifierFamily)
    assert isinstance(DRAWN, EnumerableFamily)
    assert isinstance(DRAWN, PlantableFamily)
    assert (DRAWN.error_name, DRAWN.error_resolution, DRAWN.enumerable) == ("pool", 8, True)


def test_counts_are_those_by_hand():
    rng = np.random.default_rng(2)
    sets, eps = rng.integers(0, 8, (30, 6)), (0.5, 0.3)
    counts = DRAWN.zero_error_counts(sets, eps)
    errors = 1.0 - RIGHT.mean(axis=0)
    for s, examples in enumerate(sets):
        for k in range(7):
            alive = RIGHT[examples[:k]].all(axis=0)
            assert counts.count[s, k] == alive.sum()
            assert counts.bad[s, k].tolist() == [(alive & (errors > e)).sum() for e in eps]
            if alive.any():
                assert counts.mean_error[s, k] == pytest.approx(errors[alive].mean())
            else:
                assert np.isnan(counts.mean_error[s, k])
    assert counts.count[:, -1].min() < 30 < counts.count[:, 2].min()
    assert DRAWN.zero_error_counts(np.empty((2, 0), dtype=np.int64)).count.tolist() == [[300], [300]]


def test_populations_are_read_as_their_columns():
    rng = np.random.default_rng(3)
    population = DRAWN.draw(40, rng)
    examples = DRAWN.training_set(5, rng)
    right = RIGHT[examples][:, population].T
    assert np.array_equal(DRAWN.correct(population, examples), right)
    assert np.array_equal(DRAWN.margins(population, examples) > 0, right)
    expected = [np.argmin(row) if not row.all() else 5 for row in right]
    assert DRAWN.first_error(population, examples).tolist() == expected
    assert np.array_equal(DRAWN.true_errors(population), np.mean(~RIGHT[:, population], axis=0))
    votes = RIGHT[:, population]
    pairs = [np.mean(votes[:, i] != votes[:, j]) for i in range(40) for j in range(i)]
    assert DRAWN.disagreement(population) == pytest.approx(np.mean(pairs))
    assert DRAWN.majority_error(population[:39], rng) == pytest.approx(
        np.mean(votes[:, :39].sum(axis=1) < 19.5)
    )


def test_moves_leave_the_survivors_alone():
    rng = np.random.default_rng(4)
    examples = np.array([1, 4, 1])
    moved = DRAWN.move(DRAWN.draw(5000, rng), examples, rng, length=1.0)
    survivors = np.flatnonzero(RIGHT[1] & RIGHT[4])
    assert moved.persistence == 0.0
    counts = np.bincount(moved.population, minlength=300)
    assert set(np.flatnonzero(counts)) == set(survivors)
    expected = 5000 / survivors.size
    assert np.abs(counts[survivors] - expected).max() < 5.0 * np.sqrt(expected)


def test_the_sampler_agrees_with_counting():
    examples = np.array([0, 3, 5, 6])
    found = sample_zero_error(DRAWN, [4], particles=400, replicas=6, training_set=examples, rng=5)
    exact = np.log(RIGHT[examples].all(axis=0).mean())
    assert abs(found.log_fraction[0] - exact) < 4.0 * found.log_fraction_se[0] + 0.01
    assert found.log_fraction_se[0] < 0.1


def test_tilted_masses_and_the_identity_of_the_covariance():
    errors = np.mean(~RIGHT, axis=0)
    bad = errors > 0.4
    assert DRAWN.log_tilted_mass(3) == pytest.approx(np.log(np.mean((1 - errors) ** 3)))
    assert DRAWN.log_tilted_mass(3, above=0.4) == pytest.approx(np.log(np.mean(bad * (1 - errors) ** 3)))
    planted = DRAWN.draw_planted(20_000, n=3, eps=0.4, rng=np.random.default_rng(6))
    weights = bad * (1 - errors) ** 3
    assert errors[planted].min() > 0.4
    assert errors[planted].mean() == pytest.approx((weights * errors).sum() / weights.sum(), abs=0.005)
    # averaged with the weight |H(S)|, training sets know Q only
    sets = sample_training_sets(DRAWN, n_examples=[3], sets=3000, eps=(0.4,), rng=7)
    annealed = np.exp(DRAWN.log_tilted_mass(3, above=0.4) - DRAWN.log_tilted_mass(3))
    assert abs(sets.annealed_bad_fraction(0.4)[0] - annealed) < 4.5 * sets.annealed_bad_fraction_se(0.4)[0]
    assert sets.annealed_bad_fraction_se(0.4)[0] < 0.01


def test_orthogonal_points_halve_what_is_drawn():
    pool = GaussianProcess.on_pool(np.eye(12), np.resize([-1, 1], 12))
    drawn = DrawnClassifiers.from_family(pool, 2**14, rng=8)
    counts = drawn.zero_error_counts(np.arange(8)[None])
    expected = 2.0 ** (14 - np.arange(9))
    assert np.all(np.abs(counts.count[0] - expected) < 4.5 * np.sqrt(expected))
    again = DrawnClassifiers.from_family(pool, 2**14, rng=8)
    assert np.array_equal(drawn.right, again.right)


def test_errors_may_be_those_of_other_labels():
    wrong = np.arange(8) < 2
    drawn = DrawnClassifiers(RIGHT ^ wrong[:, None], DRAWN.errors)
    assert np.array_equal(drawn.errors, DRAWN.errors)
    kept = drawn.subset(np.array([5, 2, 5]))
    assert np.array_equal(kept.right, (RIGHT ^ wrong[:, None])[:, [5, 2, 5]])
    assert np.array_equal(kept.errors, DRAWN.errors[[5, 2, 5]])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([True, False],), "right must have shape"),
        ((np.ones((3, 0)),), "right must have shape"),
        ((np.ones((3, 2)), [0.1]), "errors must be one for each of 2 classifiers"),
        ((np.ones((3, 2)), [0.1, 1.1]), "errors must lie in .0, 1., got 1.1"),
    ],
)
def test_what_is_no_class_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        DrawnClassifiers(*arguments)


def test_only_pools_are_drawn_from():
    with pytest.raises(ValueError, match="family must have a pool error, got 'exact'"):
        DrawnClassifiers.from_family(SphericalPerceptron(3), 10)
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        DrawnClassifiers.from_family(DRAWN, 0)
    with pytest.raises(ValueError, match="eps must be below"):
        DRAWN.draw_planted(3, n=2, eps=0.99, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="at least 2 classifiers, got 1"):
        DRAWN.disagreement(np.array([3]))
