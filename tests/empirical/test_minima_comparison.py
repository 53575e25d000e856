"""Trained minima beside the zero-error ensemble: ranks, error bars, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from genlaws.empirical.minima_comparison import compare_minima
from genlaws.simulate import SphericalPerceptron, sample_zero_error


@pytest.fixture(scope="module")
def ensemble():
    return sample_zero_error(SphericalPerceptron(6), [8, 16], particles=60, replicas=4, rng=1)


def test_rank_and_difference_are_those_of_the_rank_sum_test(ensemble):
    trained = np.random.default_rng(2).uniform(0.05, 0.3, size=25)
    found = compare_minima(ensemble, trained, n_examples=16)
    typical = ensemble.true_errors[:, 1].ravel()
    pairs = stats.mannwhitneyu(trained, typical).statistic / (trained.size * typical.size)
    assert found.rank == pytest.approx(pairs, rel=1e-12)
    assert found.difference == pytest.approx(trained.mean() - typical.mean(), rel=1e-12)
    assert found.ranks.shape == (25,)
    assert json.loads(json.dumps(found.to_dict()))["rank"] == found.rank


def test_ties_count_half(ensemble):
    one = replace(ensemble, true_errors=np.full_like(ensemble.true_errors, 0.25))
    found = compare_minima(one, [0.25, 0.25, 0.1, 0.5], n_examples=8)
    assert found.ranks.tolist() == [0.5, 0.5, 0.0, 1.0]


def test_error_bars_cover_the_spread_of_repeats(ensemble):
    rng = np.random.default_rng(3)
    ranks, rank_errors, differences, difference_errors = [], [], [], []
    for _ in range(300):
        # runs share a shift of their own, as runs of a sampler do
        runs = rng.normal(0.3, 0.02, size=(6, 1)) + rng.normal(0.0, 0.05, size=(6, 60))
        made = replace(ensemble, true_errors=np.repeat(runs[:, None], 2, axis=1).clip(0.0, 1.0))
        made = replace(
            made,
            log_fractions=np.zeros((6, 2)),
            persistences=np.zeros((6, 2)),
        )
        found = compare_minima(made, rng.normal(0.27, 0.04, size=15).clip(0.0, 1.0), n_examples=8)
        ranks.append(found.rank)
        rank_errors.append(found.rank_se)
        differences.append(found.difference)
        difference_errors.append(found.difference_se)
    assert np.mean(np.square(rank_errors)) / np.var(ranks) == pytest.approx(1.0, abs=0.25)
    assert np.mean(np.square(difference_errors)) / np.var(differences) == pytest.approx(1.0, abs=0.25)
    # normal errors of known spread: the probability that one exceeds the other
    exact = stats.norm.cdf((0.27 - 0.3) / np.sqrt(0.04**2 + 0.02**2 + 0.05**2))
    assert np.mean(ranks) == pytest.approx(exact, abs=4.0 * np.std(ranks) / np.sqrt(300))


def test_members_of_the_ensemble_are_typical(ensemble):
    other = sample_zero_error(
        SphericalPerceptron(6), [16], particles=60, replicas=4, training_set=ensemble.training_set, rng=9
    )
    found = compare_minima(ensemble, other.true_errors[0, 0], n_examples=16)
    assert abs(found.rank - 0.5) < 4.0 * found.rank_se
    assert found.rank_se < 0.08


@pytest.mark.parametrize(
    ("trained", "n", "message"),
    [
        ([0.1], 8, "at least 2"),
        ([0.1, 1.2], 8, r"lie in \[0, 1\]"),
        ([0.1, float("nan")], 8, r"lie in \[0, 1\]"),
        ([0.1, 0.2], 9, r"one of \[8, 16\]"),
    ],
)
def test_bad_arguments_are_refused(ensemble, trained, n, message):
    with pytest.raises(ValueError, match=message):
        compare_minima(ensemble, trained, n_examples=n)


def test_a_collapsed_ensemble_is_refused(ensemble):
    stuck = replace(ensemble, persistences=np.ones_like(ensemble.persistences))
    with pytest.raises(ValueError, match="collapsed"):
        compare_minima(stuck, [0.1, 0.2], n_examples=8)
