import math

import numpy as np
import pytest
from scipy import special, stats

from genlaws.simulate.family import ClassifierFamily
from genlaws.simulate.lookup_table import LookupTable
from genlaws.simulate.training_sets import sample_training_sets

ERRORS = np.array([0.0, 0.05, 0.2, 0.2, 0.5, 1.0])
TABLES = [
    LookupTable(ERRORS, seed=1),
    LookupTable(ERRORS, groups=[0, 0, 0, 1, 1, 1], overlap=0.6, seed=2),
    LookupTable.nested(ERRORS, seed=3),
    LookupTable.clones([0.1, 0.4], copies=3, seed=4),
]


def joint(table, i, j):
    a, b = table.errors[i], table.errors[j]
    if i == j:
        return a
    c = table.overlap if table.groups[i] == table.groups[j] else 0.0
    return c * min(a, b) + (1.0 - c) * a * b


def test_it_is_a_classifier_family():
    assert isinstance(TABLES[0], ClassifierFamily)


@pytest.mark.parametrize("table", TABLES, ids=range(4))
def test_errors_and_overlaps_are_those_prescribed(table):
    points = table.training_set(60_000, np.random.default_rng(0))
    wrong = ~table.correct(np.arange(table.errors.size), points)
    for i in range(table.errors.size):
        for j in range(i + 1):
            expected = joint(table, i, j)
            counted = np.mean(wrong[i] & wrong[j])
            se = math.sqrt(expected * (1.0 - expected) / points.size)
            assert counted == pytest.approx(expected, abs=4.5 * se + 1e-15), (i, j)


def test_clones_err_together_and_nested_errors_contain_each_other():
    points = np.arange(5000)
    clones = LookupTable.clones([0.3, 0.3], copies=2, seed=7).correct(np.arange(4), points)
    np.testing.assert_array_equal(clones[0], clones[1])
    np.testing.assert_array_equal(clones[2], clones[3])
    assert np.any(clones[0] != clones[2])
    nested = LookupTable.nested([0.1, 0.3, 0.6]).correct(np.arange(3), points)
    assert np.all(nested[0] >= nested[1])
    assert np.all(nested[1] >= nested[2])


def test_points_are_independent_of_each_other_and_of_the_seed():
    # neighbouring indices and other seeds must be unrelated: the hash is all there is
    right = LookupTable([0.5], seed=0).correct(np.array([0]), np.arange(40_000))[0].astype(float)
    other = LookupTable([0.5], seed=1).correct(np.array([0]), np.arange(40_000))[0].astype(float)
    for lag in (1, 2, 7):
        assert abs(np.corrcoef(right[lag:], right[:-lag])[0, 1]) < 4.5 / 200
    assert abs(np.corrcoef(right, other)[0, 1]) < 4.5 / 200


@pytest.mark.parametrize("table", TABLES, ids=range(4))
def test_counts_agree_with_trying_every_classifier(table):
    training_sets = np.random.default_rng(5).integers(0, 2**62, (20, 9))
    counts = table.zero_error_counts(training_sets, (0.3, 0.1))
    for s, examples in enumerate(training_sets):
        alive = np.cumprod(table.correct(np.arange(table.errors.size), examples), axis=1).astype(bool)
        alive = np.concatenate([np.ones((table.errors.size, 1), bool), alive], axis=1)
        np.testing.assert_array_equal(counts.count[s], alive.sum(axis=0))
        for j, e in enumerate((0.3, 0.1)):
            np.testing.assert_array_equal(counts.bad[s, :, j], alive[table.errors > e].sum(axis=0))
        total = (alive * table.errors[:, None]).sum(axis=0)
        here = counts.count[s] > 0
        np.testing.assert_allclose(
            counts.mean_error[s][here], total[here] / counts.count[s][here], atol=1e-13
        )
        assert np.all(np.isnan(counts.mean_error[s][~here]))


@pytest.mark.parametrize("table", TABLES, ids=range(4))
@pytest.mark.parametrize("n", [0, 1, 7])
def test_moments_of_the_fraction_are_sums_over_pairs(table, n):
    size = table.errors.size
    first = np.mean((1.0 - table.errors) ** n)
    assert table.log_tilted_mass(n) == pytest.approx(math.log(first), abs=1e-12)
    second = 0.0
    for i in range(size):
        for j in range(size):
            either = table.errors[i] + table.errors[j] - joint(table, i, j)
            second += max(1.0 - either, 0.0) ** n / size**2
    assert table.log_second_moment(n) == pytest.approx(math.log(second), abs=1e-11)


def test_second_moment_does_not_underflow():
    table = LookupTable.clones([0.5, 0.5], copies=2)
    # E|H|^2 = [8 (1/2)^n + 8 (1/4)^n] / 16
    assert table.log_second_moment(5000) == pytest.approx(-5001 * math.log(2.0), rel=1e-13)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0])
def test_measured_variation_agrees_with_the_second_moment(overlap):
    rng = np.random.default_rng(1)
    table = LookupTable(rng.uniform(0.05, 0.4, 60), groups=np.arange(60) % 3, overlap=overlap)
    n = [2, 6]
    measured = sample_training_sets(table, n_examples=n, sets=3000, rng=2)
    value, se = measured.coefficient_of_variation, measured.coefficient_of_variation_se
    for k in range(2):
        ratio = math.exp(table.log_second_moment(n[k]) - 2.0 * table.log_tilted_mass(n[k]))
        assert value[k] == pytest.approx(math.sqrt(ratio - 1.0), abs=4.5 * se[k])
        assert se[k] < 0.05 * value[k]


def two_level_bad_fraction(good, bad, copies_good, copies_bad, n):
    """f_n when survivors are independent: E[B / (A + B)] with two binomials."""
    a = stats.binom.pmf(np.arange(copies_good + 1), copies_good, (1.0 - good) ** n)
    b = stats.binom.pmf(np.arange(copies_bad + 1), copies_bad, (1.0 - bad) ** n)
    i, j = np.arange(copies_good + 1)[:, None], np.arange(copies_bad + 1)[None, :]
    return float(np.sum(a[:, None] * b[None, :] * j / np.maximum(i + j, 1)))


def test_more_classifiers_at_equal_density_change_the_quenched_fraction_unless_they_are_clones():
    errors, copies, n, eps = [0.1] * 2 + [0.3] * 6, 8, 6, 0.2
    base = LookupTable.independent(errors, seed=1)
    clones = LookupTable.clones(errors, copies=copies, seed=1)
    more = LookupTable.independent(errors, copies=copies, seed=1)
    annealed = math.exp(base.log_tilted_mass(n, above=eps) - base.log_tilted_mass(n))
    for table, k in ((base, 1), (clones, 1), (more, copies)):
        # equal Q(E): the annealed fraction is one and the same
        assert table.log_tilted_mass(n) == pytest.approx(base.log_tilted_mass(n), abs=1e-12)
        expected = two_level_bad_fraction(0.1, 0.3, 2 * k, 6 * k, n)
        result = sample_training_sets(table, n_examples=n, sets=4000, eps=(eps,), rng=3)
        se = result.bad_fraction_se(eps)[0]
        assert result.bad_fraction(eps)[0] == pytest.approx(expected, abs=4.5 * se)
        assert se < 0.01
        g, g_se = result.annealed_bad_fraction(eps)[0], result.annealed_bad_fraction_se(eps)[0]
        assert g == pytest.approx(annealed, abs=4.5 * g_se)
        assert g_se < 0.01
    far = abs(two_level_bad_fraction(0.1, 0.3, 2, 6, n) - annealed)
    near = abs(two_level_bad_fraction(0.1, 0.3, 16, 48, n) - annealed)
    assert near < 0.4 * far


def test_nested_error_sets_give_the_fraction_of_a_threshold():
    errors = np.linspace(0.0, 0.6, 13)
    table = LookupTable.nested(errors)
    n, eps = 5, 0.22
    # H(S) = {h: E_h <= T}, T the smallest of n uniform numbers: P[T > t] = (1 - t)^n
    survive = np.append((1.0 - errors) ** n, 0.0)
    chance = survive[:-1] - survive[1:]
    size = np.arange(1, 14)
    bad = np.maximum(size - np.count_nonzero(errors <= eps), 0)
    result = sample_training_sets(table, n_examples=n, sets=4000, eps=(eps,), rng=3)
    se = result.bad_fraction_se(eps)[0]
    assert result.bad_fraction(eps)[0] == pytest.approx(float(np.sum(chance * bad / size)), abs=4.5 * se)
    assert se < 0.01
    assert result.covariance(eps)[0] > 10.0 * result.covariance_se(eps)[0]


def test_moves_draw_afresh_among_the_survivors():
    table = LookupTable(np.full(40, 0.3))
    rng = np.random.default_rng(3)
    examples = table.training_set(3, rng)
    survivors = np.flatnonzero(table.correct(np.arange(40), examples).all(axis=1))
    relaxed = np.flatnonzero(table.correct(np.arange(40), examples[:2]).all(axis=1))
    assert 3 < survivors.size < relaxed.size
    start = np.full(20_000, survivors[0])
    for slack, allowed in ((0.0, survivors), (0.5, survivors), (1.5, relaxed)):
        report = table.move(start, examples, rng, length=1.0, slack=slack)
        seen = np.bincount(report.population, minlength=40)
        assert seen[allowed].sum() == 20_000
        assert stats.chisquare(seen[allowed]).pvalue > 1e-3
        assert report.persistence == 0.0


def test_planted_classifiers_follow_the_tilted_density():
    table = LookupTable(ERRORS)
    planted = table.draw_planted(20_000, n=3, eps=0.1, rng=np.random.default_rng(0))
    weights = np.where(ERRORS > 0.1, (1.0 - ERRORS) ** 3, 0.0)
    seen = np.bincount(planted, minlength=6)
    assert seen[weights == 0.0].sum() == 0
    keep = weights > 0.0
    assert stats.chisquare(seen[keep], 20_000 * weights[keep] / weights.sum()).pvalue > 1e-3
    with pytest.raises(ValueError, match="eps must be below"):
        table.draw_planted(2, n=1, eps=0.6, rng=np.random.default_rng(0))


def test_first_error_margins_and_choices():
    table = TABLES[1]
    points = np.arange(30)
    right = table.correct(np.arange(6), points)
    np.testing.assert_array_equal(table.margins(np.arange(6), points), np.where(right, 1.0, -1.0))
    expected = [int(np.argmin(row)) if not row.all() else 30 for row in right]
    assert table.first_error(np.arange(6), points).tolist() == expected
    assert table.where(np.array([True, False]), np.array([1, 2]), np.array([3, 4])).tolist() == [1, 4]


def test_disagreement_and_majority_are_those_counted():
    table = TABLES[1]
    population = np.array([1, 2, 3, 4, 4])
    rng = np.random.default_rng(4)
    right = table.correct(population, table.training_set(40_000, rng))
    share = right.mean(axis=0)
    pairs = 2.0 * share * (1.0 - share) * 5 / 4
    assert table.disagreement(population) == pytest.approx(
        pairs.mean(), abs=4.5 * pairs.std() / math.sqrt(pairs.size)
    )
    wrong = np.mean(share < 0.5)
    se = math.sqrt(wrong * (1.0 - wrong) * (1 / 40_000 + 1 / 16_384))
    assert table.majority_error(population, rng) == pytest.approx(wrong, abs=4.5 * se)
    assert se < 0.005


class BetaLike:
    def quantile(self, p):
        return special.betaincinv(2.0, 5.0, p)


def test_a_table_from_a_density_has_its_learning_curve():
    table = LookupTable.from_density(BetaLike(), 20_000)
    for n in (1, 10, 50):
        # Z_n of Beta(a, b) is B(a, b + n) / B(a, b)
        expected = special.betaln(2.0, 5.0 + n) - special.betaln(2.0, 5.0)
        assert table.log_tilted_mass(n) == pytest.approx(expected, abs=2e-3)
    grouped = LookupTable.from_density(BetaLike(), 60, groups=4, overlap=1.0)
    assert np.bincount(grouped.groups).tolist() == [15] * 4
    with pytest.raises(ValueError, match="size and groups"):
        LookupTable.from_density(BetaLike(), 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"errors": []}, "errors must be"),
        ({"errors": [0.1, 1.2]}, "errors must lie in"),
        ({"errors": [0.1, float("nan")]}, "errors must lie in"),
        ({"errors": [0.1], "groups": [-1]}, "groups must be"),
        ({"errors": [0.1], "groups": [0, 1]}, "groups must be"),
        ({"errors": [0.1], "overlap": 1.5}, "overlap must lie"),
    ],
)
def test_bad_arguments_get_one_clear_line(arguments, message):
    with pytest.raises(ValueError, match=message):
        LookupTable(**arguments)
