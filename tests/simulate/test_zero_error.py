import math
from itertools import combinations

import numba
import numpy as np
import pytest
from loky import get_reusable_executor
from scipy import stats

from genlaws.simulate import (
    GaussianProcess,
    LookupTable,
    SphericalPerceptron,
    TeacherLabels,
    arc_cosine_covariance,
    sample_zero_error,
)


def process(correlation, labels, n):
    return GaussianProcess(correlation, labels, training=range(n), heldout=range(n, len(labels)))


def agrees(estimate, se, exact, *, replicas, largest_se):
    # the error within a t quantile of 1e-4 two-sided, and the error bar itself bounded
    assert abs(estimate - exact) < stats.t.ppf(1 - 5e-5, replicas - 1) * se
    assert se < largest_se


def unit_rows(family, examples):
    inputs, labels = family.data.points(examples, family.dimension, family.seed)
    return inputs * (labels / np.linalg.norm(inputs, axis=1))[:, None]


def arc(family, examples):
    # the angles of all classifiers in two dimensions that are right on every example
    rows = unit_rows(family, examples)
    middle = np.arctan2(rows[:, 1], rows[:, 0])
    return float(np.max(middle - math.pi / 2)), float(np.min(middle + math.pi / 2))


def polygon_fraction(rows):
    # the spherical polygon {w : rows @ w > 0} as a share of the sphere, by Girard's theorem
    corners = []
    for i, j in combinations(range(len(rows)), 2):
        for sign in (1.0, -1.0):
            corner = sign * np.cross(rows[i], rows[j])
            corner /= np.linalg.norm(corner)
            others = np.delete(rows, [i, j], axis=0)
            if np.all(others @ corner > 0):
                corners.append(math.pi - math.acos(np.clip(rows[i] @ rows[j], -1, 1)))
    return (sum(corners) - (len(corners) - 2) * math.pi) / (4 * math.pi)


def test_orthogonal_inputs_halve_with_every_example():
    family = process(np.eye(41), np.arange(41) % 2, 40)
    n = np.array([1, 5, 20, 40])
    e = sample_zero_error(family, n, particles=400, replicas=8, rng=1)
    for k in range(4):
        # binomial noise of 1 / particles a halving is the whole error of an exact sampler
        ideal = math.sqrt(n[k] / (400 * 8))
        agrees(
            e.log_fraction[k], e.log_fraction_se[k], -n[k] * math.log(2), replicas=8, largest_se=2.5 * ideal
        )
    assert e.mean_true_error[-1] == pytest.approx(0.5, abs=5 * e.mean_true_error_se[-1])


def test_equicorrelated_outputs():
    correlation = 0.5 * np.eye(61) + 0.5
    n = np.array([2, 10, 60])
    e = sample_zero_error(process(correlation, [1] * 60 + [-1], 60), n, particles=400, replicas=8, rng=2)
    for k in range(3):
        agrees(e.log_fraction[k], e.log_fraction_se[k], -math.log(n[k] + 1), replicas=8, largest_se=0.06)


def test_two_dimensions_are_arcs():
    family, n = SphericalPerceptron(2), [1, 4, 16, 64, 256]
    examples = family.training_set(256, np.random.default_rng(3))
    e = sample_zero_error(
        family, n, particles=400, replicas=8, bad_errors=(0.01, 0.05), training_set=examples, rng=3
    )
    for k, size in enumerate(n):
        low, high = arc(family, examples[:size])
        agrees(
            e.log_fraction[k],
            e.log_fraction_se[k],
            math.log((high - low) / (2 * math.pi)),
            replicas=8,
            largest_se=0.12,
        )
        mean = (low**2 + high**2) / (2 * math.pi * (high - low))
        assert e.mean_true_error[k] == pytest.approx(mean, abs=6 * e.mean_true_error_se[k])
        assert e.mean_true_error_se[k] < 0.05 * mean
        for eps in (0.01, 0.05):
            bad = (max(high - math.pi * eps, 0) + max(-low - math.pi * eps, 0)) / (high - low)
            if bad > 0:
                agrees(
                    e.log_bad_fraction(eps)[k],
                    e.log_bad_fraction_se(eps)[k],
                    math.log(bad),
                    replicas=8,
                    largest_se=0.35,
                )
            else:
                assert math.isnan(e.log_bad_fraction(eps)[k])


def test_three_dimensions_are_polygons():
    family, n = SphericalPerceptron(3), [3, 10, 40, 120]
    examples = family.training_set(120, np.random.default_rng(4))
    e = sample_zero_error(family, n, particles=400, replicas=8, training_set=examples, rng=4)
    for k, size in enumerate(n):
        exact = polygon_fraction(unit_rows(family, examples[:size]))
        agrees(e.log_fraction[k], e.log_fraction_se[k], math.log(exact), replicas=8, largest_se=0.15)


def test_the_polygons_themselves_against_draws():
    rows = unit_rows(SphericalPerceptron(3), np.arange(4))
    w = np.random.default_rng(0).standard_normal((200_000, 3))
    share = np.mean(np.all(w @ rows.T > 0, axis=1))
    assert polygon_fraction(rows) == pytest.approx(share, abs=0.004)


def test_random_labels_halve_on_average_over_training_sets():
    family, n, sets = SphericalPerceptron(6, TeacherLabels(overlap=0.0)), 5, 200
    rng = np.random.default_rng(5)
    fractions = [
        np.exp(sample_zero_error(family, [n], particles=60, replicas=2, rng=rng).log_fractions).mean()
        for _ in range(sets)
    ]
    se = np.std(fractions, ddof=1) / math.sqrt(sets)
    assert np.mean(fractions) == pytest.approx(2.0**-n, abs=4 * se)
    assert se < 0.15 * 2.0**-n


def test_three_classes_against_draws_from_the_prior():
    x = np.random.default_rng(6).standard_normal((40, 4))
    correlation = np.exp(-0.2 * np.sum((x[:, None] - x[None]) ** 2, axis=2))
    labels = np.argmax(x @ np.random.default_rng(7).standard_normal((4, 3)), axis=1)
    family, n = process(correlation, labels, 10), 7
    kept, draws, rng = [], 600_000, np.random.default_rng(8)
    for _ in range(6):
        population = family.draw(draws // 6, rng)
        kept.append(family.true_errors(population)[family.correct(population, np.arange(n)).all(axis=1)])
    errors = np.concatenate(kept)
    assert errors.size > 150
    e = sample_zero_error(family, [n], particles=400, replicas=8, bad_errors=(0.7,), rng=9)
    both = math.hypot(e.log_fraction_se[0], 1 / math.sqrt(errors.size))
    assert e.log_fraction[0] == pytest.approx(math.log(errors.size / draws), abs=4.5 * both)
    assert e.log_fraction_se[0] < 0.1
    both = math.hypot(e.mean_true_error_se[0], errors.std() / math.sqrt(errors.size))
    assert e.mean_true_error[0] == pytest.approx(errors.mean(), abs=4.5 * both)
    bad = np.count_nonzero(errors > 0.7)
    both = math.hypot(e.log_bad_fraction_se(0.7)[0], 1 / math.sqrt(bad))
    assert e.log_bad_fraction(0.7)[0] == pytest.approx(math.log(bad / errors.size), abs=4.5 * both)
    assert e.log_bad_fraction_se(0.7)[0] < 0.3


def test_rare_bad_classifiers_against_rejection():
    family, n, eps = SphericalPerceptron(4), 12, 0.22
    examples = family.training_set(n, np.random.default_rng(10))
    rng, good, bad = np.random.default_rng(11), 0, 0
    for _ in range(10):
        w = family.draw(200_000, rng)
        w = w[family.correct(w, examples).all(axis=1)]
        good, bad = good + len(w), bad + np.count_nonzero(family.true_errors(w) > eps)
    assert bad > 20
    assert bad / good < 0.05
    e = sample_zero_error(
        family, [n], particles=300, replicas=8, bad_errors=(eps,), training_set=examples, rng=12
    )
    both = math.hypot(e.log_bad_fraction_se(eps)[0], 1 / math.sqrt(bad))
    assert e.log_bad_fraction(eps)[0] == pytest.approx(math.log(bad / good), abs=4.5 * both)
    assert e.log_bad_fraction_se(eps)[0] < 0.3


@pytest.mark.parametrize("correlation", [0.97, 0.9999])
def test_a_hard_example_enters_in_stages(correlation):
    # two nearly equal images of opposite class: hardly anyone is right on both
    matrix = np.eye(6)
    matrix[1, 3] = matrix[3, 1] = correlation
    family = process(matrix, [1, 1, 1, -1, 1, -1], 5)
    e = sample_zero_error(family, [3, 4, 5], particles=300, replicas=8, rng=13)
    pair = math.log(math.acos(correlation) / (2 * math.pi))
    for k, exact in enumerate((-3 * math.log(2), pair - 2 * math.log(2), pair - 3 * math.log(2))):
        agrees(e.log_fraction[k], e.log_fraction_se[k], exact, replicas=8, largest_se=0.25)


def test_the_teacher_looks_like_any_member():
    # Averaged over training sets, members differ from each other as much as from the teacher, and the
    # next example survives as often as the mean error says.
    family, sets, n = SphericalPerceptron(8), 60, [4, 16, 48]
    rng = np.random.default_rng(14)
    runs = [sample_zero_error(family, n, particles=80, replicas=2, rng=rng) for _ in range(sets)]
    gap = np.array([r.disagreement - r.mean_true_error for r in runs])
    se = gap.std(axis=0, ddof=1) / math.sqrt(sets)
    assert np.all(np.abs(gap.mean(axis=0)) < 4 * se)
    assert np.all(se < 0.012)
    checks = np.array([r.survival_check[0] for r in runs])
    assert abs(checks.mean()) < 4 * checks.std(ddof=1) / math.sqrt(sets)
    assert checks.std(ddof=1) / math.sqrt(sets) < 0.02


def test_a_chain_started_at_the_teacher_does_not_drift():
    # The teacher is itself a draw from the posterior of its training set.
    family, sets, n = SphericalPerceptron(6), 400, 20
    rng = np.random.default_rng(15)
    drift = np.empty((sets, 2))
    for s in range(sets):
        examples = family.training_set(n, rng)
        teacher = np.zeros((1, 6))
        teacher[0, 0] = np.linalg.norm(rng.standard_normal(6))
        now = teacher
        for _ in range(3):
            now = family.move(now, examples, rng, length=0.7).population
        before, after = family.margins(teacher, examples)[0], family.margins(now, examples)[0]
        drift[s] = after.mean() - before.mean(), after.min() - before.min()
    t = drift.mean(axis=0) / (drift.std(axis=0, ddof=1) / math.sqrt(sets))
    assert np.all(np.abs(t) < 4)
    assert np.all(drift.std(axis=0) < 0.5)


def test_finite_families_are_enumerated():
    table = LookupTable.independent(np.linspace(0.05, 0.6, 30), copies=40, seed=3)
    examples = table.training_set(14, np.random.default_rng(16))
    everyone = np.arange(1200)
    survive = table.correct(everyone, examples).all(axis=1)
    exact = math.log(survive.mean())
    e = sample_zero_error(table, [14], particles=400, replicas=8, training_set=examples, rng=17)
    agrees(e.log_fraction[0], e.log_fraction_se[0], exact, replicas=8, largest_se=0.2)


def same(a, b):
    for name in ("log_fractions", "true_errors", "log_bad_fractions", "survival_gaps", "persistences"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_equal_seeds_give_equal_bits_for_any_threads_and_workers():
    family, arguments = (
        SphericalPerceptron(10),
        {"particles": 100, "replicas": 3, "bad_errors": (0.2,), "rng": 18},
    )
    here = sample_zero_error(family, [20, 150], **arguments)
    before = numba.get_num_threads()
    try:
        for threads in {1, numba.config.NUMBA_NUM_THREADS}:
            numba.set_num_threads(threads)
            same(here, sample_zero_error(family, [20, 150], **arguments))
    finally:
        numba.set_num_threads(before)
    for workers in (1, 2):
        with get_reusable_executor(max_workers=workers) as executor:
            same(here, sample_zero_error(family, [20, 150], executor=executor, **arguments))
    other = sample_zero_error(family, [20, 150], **(arguments | {"rng": 19}))
    assert not np.array_equal(other.log_fractions, here.log_fractions)


def test_more_replicas_keep_the_ones_before():
    family = SphericalPerceptron(5)
    few, more = (sample_zero_error(family, [10], particles=50, replicas=r, rng=20) for r in (2, 4))
    np.testing.assert_array_equal(more.log_fractions[:2], few.log_fractions)


def test_progress_runs_from_nothing_to_all():
    shares = []
    sample_zero_error(
        SphericalPerceptron(5), [10, 20], particles=50, replicas=2, rng=21, progress=shares.append
    )
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_examples": []}, "n_examples must be whole numbers of at least 1"),
        ({"n_examples": [0]}, "n_examples must be whole numbers of at least 1"),
        ({"n_examples": [1.5]}, "n_examples must be whole numbers of at least 1"),
        ({"n_examples": [math.inf]}, "n_examples must be whole numbers of at least 1"),
        ({"n_examples": "ten"}, "n_examples must be whole numbers of at least 1"),
        ({"n_examples": [5, 5]}, r"n_examples must increase, got \[5, 5\]"),
        ({"particles": 19}, "particles must be at least 20, got 19"),
        ({"replicas": 1}, "replicas must be at least 2, to give an error bar, got 1"),
        ({"bad_errors": (0.1, 1.0)}, r"bad_errors must lie in \(0, 1\), got \[0.1, 1.0\]"),
        ({"bad_errors": (math.nan,)}, r"bad_errors must lie in \(0, 1\)"),
        ({"training_set": np.arange(5)}, "n_examples must be at most the 5 training examples, got 10"),
        ({"training_set": np.zeros((5, 4))}, r"list of example indices, got shape \(5, 4\)"),
        ({"rng": -3}, "rng must be a generator or a seed of at least 0, got -3"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_zero_error(SphericalPerceptron(3), **({"n_examples": [10]} | arguments))


def test_more_examples_than_there_are_is_refused():
    with pytest.raises(ValueError, match="at most the 4 training examples, got 5"):
        sample_zero_error(process(np.eye(6), [0, 1] * 3, 4), [5])


def test_equal_points_with_different_labels_leave_nobody():
    # a singular covariance: only its jitter could tell the twins apart, and that is not the prior
    inputs = np.random.default_rng(3).standard_normal((12, 4))
    inputs[5] = inputs[2]
    labels = np.array([1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1])
    covariance = arc_cosine_covariance(inputs, depth=2)
    process = GaussianProcess(covariance, labels, training=range(8), heldout=range(8, 12))
    ensemble = sample_zero_error(process, [2, 8], particles=40, replicas=2, rng=0)
    assert ensemble.status == ("ok", "below_floor")
    assert np.isnan(ensemble.log_fraction[1])
    assert ensemble.log_fraction_upper[1] < ensemble.log_fraction[0]
