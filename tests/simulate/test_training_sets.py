import json
import math

import numpy as np
import pytest
from scipy import stats

from genlaws.simulate.binary_perceptron import BinaryPerceptron
from genlaws.simulate.lookup_table import LookupTable
from genlaws.simulate.planted import planted_bad_fraction
from genlaws.simulate.quenched import QuenchedEnsemble
from genlaws.simulate.training_sets import sample_training_sets

# all 2^15 binary perceptrons, 3,000 training sets, eps = .25: n, g_n, f_n, Cov/E|H|, annealed and
# quenched error, as computed independently and rounded to the digits shown
REFERENCE = {
    5: (0.9745, 0.9713, 0.0033, 0.4334, 0.4301),
    10: (0.8921, 0.8435, 0.0492, 0.3721, 0.3539),
    15: (0.6778, 0.4875, 0.187, 0.2943, 0.2242),
    20: (0.3306, 0.1501, 0.176, 0.1748, 0.0893),
    25: (0.0874, 0.0350, None, 0.0672, 0.0285),
    30: (0.0161, 0.00673, None, 0.0211, 0.0086),
}


@pytest.fixture(scope="module")
def perceptrons():
    return sample_training_sets(
        BinaryPerceptron(15), n_examples=list(REFERENCE), sets=3000, eps=(0.25,), rng=20
    )


def test_the_reference_table_is_reproduced(perceptrons):
    family = BinaryPerceptron(15)
    f, f_se = perceptrons.bad_fraction(0.25), perceptrons.bad_fraction_se(0.25)
    cov, cov_se = perceptrons.covariance(0.25), perceptrons.covariance_se(0.25)
    g_measured, g_se = perceptrons.annealed_bad_fraction(0.25), perceptrons.annealed_bad_fraction_se(0.25)
    error, error_se = perceptrons.mean_true_error, perceptrons.mean_true_error_se
    for k, (n, (g, f_ref, cov_ref, annealed, quenched)) in enumerate(REFERENCE.items()):
        exact_g = math.exp(family.log_tilted_mass(n, above=0.25) - family.log_tilted_mass(n))
        exact_error = -math.expm1(family.log_tilted_mass(n + 1) - family.log_tilted_mass(n))
        assert exact_g == pytest.approx(g, abs=6e-5)
        assert exact_error == pytest.approx(annealed, abs=6e-5)
        assert g_measured[k] == pytest.approx(exact_g, abs=4.0 * g_se[k])
        # the reference averages over as many sets, so it is as uncertain as ours (n > 20: less)
        both = math.sqrt(2.0)
        assert f[k] == pytest.approx(f_ref, abs=4.0 * both * f_se[k])
        assert error[k] == pytest.approx(quenched, abs=4.0 * both * error_se[k] + 5e-5)
        if cov_ref is not None:
            assert cov[k] == pytest.approx(cov_ref, abs=4.0 * both * cov_se[k] + 5e-4)
            assert cov_se[k] < 0.06 * cov[k]
        assert f_se[k] < 0.2 * f[k]
        assert error_se[k] < 0.008


def test_survivors_of_the_next_example_follow_the_mean_error(perceptrons):
    excess, se = perceptrons.survival_excess, perceptrons.survival_excess_se
    assert np.all(np.abs(excess) < 4.0 * se)
    assert np.all(se < 0.005)
    np.testing.assert_allclose(
        perceptrons.survival - 1.0 + perceptrons.mean_true_error, perceptrons.survival_excess, atol=1e-12
    )


def test_annealed_averages_agree_with_the_density(perceptrons):
    family = BinaryPerceptron(15)
    for k, n in enumerate(perceptrons.n_examples.tolist()):
        log_z, se = perceptrons.annealed_log_fraction[k], perceptrons.annealed_log_fraction_se[k]
        assert log_z == pytest.approx(family.log_tilted_mass(n), abs=4.0 * se)
        assert se < 0.05
        error = -math.expm1(family.log_tilted_mass(n + 1) - family.log_tilted_mass(n))
        assert perceptrons.annealed_mean_error[k] == pytest.approx(
            error, abs=4.0 * perceptrons.annealed_mean_error_se[k]
        )
    # Jensen: the mean log is below the log of the mean, here by far more than the errors
    gap = perceptrons.annealed_log_fraction - perceptrons.quenched_log_fraction
    assert np.all(
        gap[:5] > 4.0 * (perceptrons.annealed_log_fraction_se + perceptrons.quenched_log_fraction_se)[:5]
    )


def test_covariance_closes_the_identity_with_planted_sets(perceptrons):
    # f_n = g_n - Cov/E|H| with f_n from planted sets, g_n exact, and the covariance from conditioned sets
    planted = planted_bad_fraction(BinaryPerceptron(15), n_examples=[15, 20], eps=0.25, draws=3000, rng=1)
    for k, at in enumerate((2, 3)):
        f = math.exp(planted.log_bad_fraction[k])
        f_se = f * planted.log_bad_fraction_se[k]
        g = math.exp(planted.log_annealed_bad_fraction[k])
        cov, cov_se = perceptrons.covariance(0.25)[at], perceptrons.covariance_se(0.25)[at]
        assert f == pytest.approx(g - cov, abs=4.0 * math.hypot(f_se, cov_se))
        assert math.hypot(f_se, cov_se) < 0.15 * cov


def test_variation_agrees_with_pairs_of_classifiers():
    # E|H|^2 by angles: two classifiers and the teacher divide the inputs at random directions; binary
    # inputs let all inputs be tried
    family = BinaryPerceptron(5, inputs="binary")
    codes = np.arange(32)
    signs = 2 * ((codes[:, None] >> np.arange(5)) & 1) - 1
    right = np.sign(signs @ signs.T) == np.sign(signs.sum(axis=1))
    both = (right.astype(float) @ right.T) / 32.0
    result = sample_training_sets(family, n_examples=[3, 6], sets=3000, rng=2)
    for k, n in enumerate((3, 6)):
        expected = math.sqrt(np.mean(both**n) / np.mean(np.diag(both) ** n) ** 2 - 1.0)
        se = result.coefficient_of_variation_se[k]
        assert result.coefficient_of_variation[k] == pytest.approx(expected, abs=4.5 * se)
        assert se < 0.05


def test_random_labels_leave_a_fraction_of_two_to_the_minus_n():
    family = BinaryPerceptron(9, label_noise=0.5)
    n = [3, 8, 14]
    result = sample_training_sets(family, n_examples=n, sets=3000, eps=(0.4, 0.5), rng=3)
    for k in range(3):
        se = result.annealed_log_fraction_se[k]
        assert result.annealed_log_fraction[k] == pytest.approx(-n[k] * math.log(2.0), abs=4.5 * se)
        assert se < 0.2
    # teacherless: some sets leave nobody, and count with f_S = 0
    assert result.empty_share[0] == 0.0
    assert 0.1 < result.empty_share[2] < 1.0
    np.testing.assert_allclose(result.bad_fraction(0.4), 1.0 - result.empty_share, atol=1e-12)
    assert result.bad_fraction(0.5).tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(result.mean_true_error, 0.5, atol=1e-12)
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert "null" in text


def by_hand(log_fraction, bad):
    sets = len(log_fraction)
    empty = np.isnan(log_fraction)[:, None]
    column = np.array(log_fraction)[:, None]
    return QuenchedEnsemble(
        n_examples=np.array([7]),
        eps=(0.1,),
        set_log_fraction=column,
        set_mean_error=np.where(empty, np.nan, 0.2),
        set_bad_fraction=np.array(bad)[:, None, None],
        set_survival=np.where(empty, np.nan, np.linspace(0.7, 0.9, sets)[:, None]),
        set_empty=empty,
    )


def test_averages_by_hand_and_far_below_what_floats_hold():
    size, bad = np.array([4.0, 2.0, 1.0, 1.0]), np.array([0.5, 0.25, 0.0, 0.0])
    for shift in (0.0, -5000.0):
        e = by_hand(np.log(size) + shift, bad)
        assert e.annealed_log_fraction[0] == pytest.approx(math.log(2.0) + shift, abs=1e-12)
        assert e.quenched_log_fraction[0] == pytest.approx(0.75 * math.log(2.0) + shift, abs=1e-11)
        assert e.bad_fraction(0.1)[0] == pytest.approx(0.1875)
        assert e.annealed_bad_fraction(0.1)[0] == pytest.approx(2.5 / 8.0)
        assert e.covariance(0.1)[0] == pytest.approx(np.cov(bad, size, bias=True)[0, 1] / size.mean())
        assert e.coefficient_of_variation[0] == pytest.approx(size.std() / size.mean())
        # the jackknife of a mean is its usual standard error
        assert e.bad_fraction_se(0.1)[0] == pytest.approx(bad.std(ddof=1) / 2.0)
        assert e.survival_se[0] == pytest.approx(np.linspace(0.7, 0.9, 4).std(ddof=1) / 2.0)


def test_empty_sets_count_in_sizes_and_not_in_logs():
    e = by_hand(np.array([0.0, np.nan, -1.0]), np.array([0.5, 0.0, 0.5]))
    assert e.empty_share[0] == pytest.approx(1.0 / 3.0)
    assert e.quenched_log_fraction[0] == pytest.approx(-0.5)
    assert e.annealed_log_fraction[0] == pytest.approx(math.log((1.0 + math.exp(-1.0)) / 3.0))
    assert e.bad_fraction(0.1)[0] == pytest.approx(1.0 / 3.0)
    assert e.annealed_bad_fraction(0.1)[0] == pytest.approx(0.5)
    nobody = by_hand(np.array([np.nan, np.nan]), np.array([0.0, 0.0]))
    assert np.isnan(nobody.annealed_log_fraction[0])
    assert nobody.bad_fraction(0.1)[0] == 0.0
    json.dumps(nobody.to_dict(), allow_nan=False)
    alone = by_hand(np.array([0.0, np.nan]), np.array([0.5, 0.0]))
    assert np.isnan(alone.annealed_bad_fraction_se(0.1)[0])


def test_intervals_cover_as_often_as_they_say():
    table = LookupTable.independent([0.1, 0.1, 0.1, 0.3, 0.3, 0.3, 0.3], seed=5)
    n, eps, runs = 5, 0.2, 300
    a = stats.binom.pmf(np.arange(4), 3, 0.9**n)
    b = stats.binom.pmf(np.arange(5), 4, 0.7**n)
    i, j = np.arange(4)[:, None], np.arange(5)[None, :]
    exact_f = float(np.sum(a[:, None] * b[None, :] * j / np.maximum(i + j, 1)))
    exact_g = math.exp(table.log_tilted_mass(n, above=eps) - table.log_tilted_mass(n))
    exact_z = table.log_tilted_mass(n)
    exact_cv = math.sqrt(math.exp(table.log_second_moment(n) - 2.0 * exact_z) - 1.0)
    rng = np.random.default_rng(6)
    hits = np.zeros(5, dtype=int)
    widths = np.zeros(5)
    for _ in range(runs):
        e = sample_training_sets(table, n_examples=n, sets=60, eps=(eps,), rng=rng)
        cases = (
            (e.bad_fraction(eps), e.bad_fraction_se(eps), exact_f),
            (e.annealed_bad_fraction(eps), e.annealed_bad_fraction_se(eps), exact_g),
            (e.covariance(eps), e.covariance_se(eps), exact_g - exact_f),
            (e.annealed_log_fraction, e.annealed_log_fraction_se, exact_z),
            (e.coefficient_of_variation, e.coefficient_of_variation_se, exact_cv),
        )
        for c, (value, se, truth) in enumerate(cases):
            low, high = e.interval(value, se)
            hits[c] += low[0] <= truth <= high[0]
            widths[c] += (high[0] - low[0]) / runs
    for c in range(5):
        assert stats.binomtest(int(hits[c]), runs, 0.95).pvalue > 1e-3, (c, hits[c])
    assert np.all(widths < [0.16, 0.15, 0.08, 0.3, 0.22]), widths


def test_a_set_depends_on_its_number_and_the_seed_alone():
    family = BinaryPerceptron(8)
    few = sample_training_sets(family, n_examples=[3, 9], sets=5, eps=(0.2,), rng=4)
    many = sample_training_sets(family, n_examples=[9, 3], sets=300, eps=(0.2,), rng=4)
    np.testing.assert_array_equal(few.set_log_fraction, many.set_log_fraction[:5, ::-1])
    np.testing.assert_array_equal(few.set_bad_fraction, many.set_bad_fraction[:5, ::-1])
    other = sample_training_sets(family, n_examples=[3, 9], sets=5, rng=5)
    assert np.any(other.set_log_fraction != few.set_log_fraction)


def test_progress_ends_at_one():
    seen = []
    sample_training_sets(BinaryPerceptron(3), n_examples=2, sets=600, rng=0, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_sampled_sets_agree_with_enumerated_ones(monkeypatch):
    family = BinaryPerceptron(15)
    n = [4, 7, 8]
    exact = sample_training_sets(family, n_examples=n, sets=6, eps=(0.3,), rng=7)
    monkeypatch.setattr(BinaryPerceptron, "enumerable", property(lambda self: False))
    sampled = sample_training_sets(family, n_examples=n, sets=6, eps=(0.3,), rng=7, particles=400, replicas=4)
    # the same streams draw the same sets (the exact ones one example longer)
    np.testing.assert_allclose(sampled.set_log_fraction, exact.set_log_fraction, atol=0.5)
    np.testing.assert_allclose(sampled.set_mean_error, exact.set_mean_error, atol=0.05)
    np.testing.assert_allclose(sampled.set_bad_fraction, exact.set_bad_fraction, atol=0.15)
    assert np.abs(np.mean(sampled.set_log_fraction - exact.set_log_fraction)) < 0.12
    assert np.abs(np.mean(sampled.set_bad_fraction - exact.set_bad_fraction)) < 0.03
    # the next example's survivors are known only where it was asked for
    assert np.all(np.isnan(sampled.set_survival[:, [0, 2]]))
    np.testing.assert_allclose(sampled.set_survival[:, 1], exact.set_survival[:, 1], atol=0.25)


def test_tables_have_a_row_for_every_set_and_size(perceptrons):
    frame = perceptrons.to_frame()
    assert len(frame) == 3000 * len(REFERENCE)
    at_20 = frame[frame["n_examples"] == 20]
    assert at_20["bad_fraction_0.25"].mean() == pytest.approx(perceptrons.bad_fraction(0.25)[3])
    assert at_20["log_fraction"].mean() == pytest.approx(perceptrons.quenched_log_fraction[3])
    table = perceptrons.to_dict()
    assert table["bad_fraction"][0][3] == perceptrons.bad_fraction(0.25)[3]
    assert table["sets"] == 3000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_examples": []}, "n_examples must be non-negative"),
        ({"n_examples": [3, -1]}, "n_examples must be non-negative"),
        ({"n_examples": [2.5]}, "n_examples must be non-negative"),
        ({"n_examples": [3, 3]}, "n_examples must not repeat"),
        ({"sets": 1}, "sets must be at least 2"),
        ({"eps": (1.0,)}, "eps must lie in"),
        ({"eps": (-0.1,)}, "eps must lie in"),
    ],
)
def test_bad_arguments_get_one_clear_line(arguments, message):
    settings = {"n_examples": [2], "sets": 3, **arguments}
    with pytest.raises(ValueError, match=message):
        sample_training_sets(BinaryPerceptron(3), **settings)


def test_unmeasured_thresholds_and_levels_are_refused():
    e = by_hand(np.array([0.0, -1.0]), np.array([0.5, 0.0]))
    with pytest.raises(ValueError, match="eps must be one of those measured"):
        e.bad_fraction(0.2)
    with pytest.raises(ValueError, match="level must lie"):
        e.interval(e.survival, e.survival_se, level=1.0)
