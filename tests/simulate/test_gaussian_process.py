import math

import numpy as np
import pytest
from scipy import stats
from scipy.stats import multivariate_normal

from genlaws.simulate import GaussianProcess, arc_cosine_covariance, sample_zero_error


def correlated(points, correlation=0.5):
    return np.full((points, points), correlation) + (1 - correlation) * np.eye(points)


def wiggly(points, seed=0, features=6):
    x = np.random.default_rng(seed).standard_normal((points, features))
    return arc_cosine_covariance(x, depth=2, weight_variance=2.0, bias_variance=0.1)


def process(covariance, labels, n):
    return GaussianProcess(covariance, labels, training=range(n), heldout=range(n, len(labels)))


def alternating(points):
    return np.where(np.arange(points) % 2, 1, -1)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_margins_errors_and_votes_against_raw_outputs(classes):
    points, rng = 40, np.random.default_rng(0)
    labels = np.arange(points) % classes
    training = rng.permutation(points)[:25]
    heldout = np.setdiff1d(np.arange(points), training)[::-1]
    K = wiggly(points) * 3.0
    family = GaussianProcess(K, labels, training=training, heldout=heldout)
    population = family.draw(30, rng)
    order = np.concatenate([training, heldout])
    L = np.linalg.cholesky(K[np.ix_(order, order)] + 1e-12 * np.eye(points))
    outputs = np.einsum("pok,qk->poq", population, L)
    chosen = (outputs[:, 0] > 0).astype(int) if classes == 2 else outputs.argmax(axis=1)
    right = chosen == labels[order]
    np.testing.assert_array_equal(family.correct(population, order), right)
    np.testing.assert_allclose(family.true_errors(population), 1 - right[:, 25:].mean(axis=1), atol=1e-12)
    np.testing.assert_array_equal(
        family.first_error(population, training),
        [np.flatnonzero(~r)[0] if not r.all() else 25 for r in right[:, :25]],
    )
    pairs = [np.mean(chosen[i, 25:] != chosen[j, 25:]) for i in range(30) for j in range(i)]
    assert family.disagreement(population) == pytest.approx(np.mean(pairs), abs=1e-12)
    votes = np.stack([(chosen[:, 25:] == c).sum(axis=0) for c in range(classes)])
    expected = np.mean(votes.argmax(axis=0) != labels[heldout])
    assert family.majority_error(population, rng) == pytest.approx(expected, abs=1e-12)


def test_margins_have_unit_prior_variance_and_the_covariance_given():
    points, labels = 12, alternating(12)
    family = process(wiggly(points) * 7.0, labels, 8)
    margins = family.margins(family.draw(40_000, np.random.default_rng(1)), np.arange(points))
    K = wiggly(points)
    expected = K / np.sqrt(np.outer(np.diag(K), np.diag(K))) * np.outer(labels, labels)
    assert np.abs(margins.T @ margins / 40_000 - expected).max() < 5 * math.sqrt(2 / 40_000)


@pytest.mark.parametrize("classes", [2, 3])
def test_moves_keep_examples_and_reach_the_law_of_rejection(classes):
    points, n, rng = 14, 6, np.random.default_rng(2)
    family = process(wiggly(points), np.arange(points) % classes, n)
    examples = family.training_set(n, rng)
    drawn = family.draw(400_000, rng)
    kept = family.take(drawn, np.flatnonzero(family.correct(drawn, examples).all(axis=1)))
    assert len(kept) > 300
    moved = family.take(kept, np.zeros(4000, dtype=np.int64))
    for _ in range(12):
        report = family.move(moved, examples, rng, length=1.0)
        moved = report.population
    assert family.correct(moved, examples).all()
    assert report.persistence < 0.3
    for point in (0, 5, 9, 13):
        ours, theirs = (family.margins(p, np.array([point]))[:, 0] for p in (moved, kept))
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-4


@pytest.mark.parametrize("classes", [2, 3])
def test_slack_binds_the_last_example_only_so_far(classes):
    points, n, rng = 10, 5, np.random.default_rng(3)
    family = process(wiggly(points), np.arange(points) % classes, n)
    examples, slack = family.training_set(n, rng), 0.5
    drawn = family.draw(200_000, rng)
    margins = family.margins(drawn, examples)
    kept = family.take(drawn, np.flatnonzero((margins[:, :-1] > 0).all(axis=1) & (margins[:, -1] > -slack)))
    moved = family.take(kept, rng.integers(0, len(kept), 3000))
    for _ in range(3):
        moved = family.move(moved, examples, rng, length=1.0, slack=slack).population
    now = family.margins(moved, examples)
    assert now[:, :-1].min() > 0
    assert -slack < now[:, -1].min() < 0
    for k in range(n):
        assert stats.ks_2samp(now[:, k], family.margins(kept, examples)[:, k]).pvalue > 1e-4


def test_a_repeated_example_binds_nothing_new():
    family = GaussianProcess.on_pool(wiggly(20), alternating(20))
    rng = np.random.default_rng(4)
    examples = np.array([3, 7, 3, 3, 7])
    drawn = family.draw(2000, rng)
    kept = family.take(drawn, np.flatnonzero(family.correct(drawn, examples).all(axis=1)))
    once = family.move(kept, np.array([3, 7]), np.random.default_rng(5), length=1.0)
    repeated = family.move(kept, examples, np.random.default_rng(5), length=1.0, slack=1.0)
    np.testing.assert_array_equal(once.population, repeated.population)


def test_a_pool_is_its_own_population():
    family = GaussianProcess.on_pool(wiggly(30), alternating(30))
    assert (family.error_name, family.error_resolution) == ("pool", 30)
    rng = np.random.default_rng(6)
    counts = np.bincount(family.training_set(30_000, rng), minlength=30)
    assert stats.chisquare(counts).pvalue > 1e-4
    population = family.draw(50, rng)
    expected = 1 - family.correct(population, np.arange(30)).mean(axis=1)
    np.testing.assert_allclose(family.true_errors(population), expected)


def test_small_orthants_against_the_multivariate_normal():
    # three outputs with unequal correlations, and four; scipy integrates them to 1e-6
    K = wiggly(10, seed=3)
    labels = alternating(10)
    e = sample_zero_error(process(K, labels, 5), [2, 3, 4, 5], particles=1000, replicas=8, rng=7)
    sign = labels[:5]
    correlation = K[:5, :5] / np.sqrt(np.outer(np.diag(K)[:5], np.diag(K)[:5])) * np.outer(sign, sign)
    for k, n in enumerate((2, 3, 4, 5)):
        exact = multivariate_normal(cov=correlation[:n, :n]).cdf(np.zeros(n))
        assert e.log_fraction[k] == pytest.approx(math.log(exact), abs=4.5 * e.log_fraction_se[k])
        assert e.log_fraction_se[k] < 0.06


def test_equal_images_do_no_harm():
    # a duplicate makes the covariance singular and changes no fraction
    K = wiggly(8)
    index = [0, 1, 2, 2, 3, 4, 5, 6, 7]
    twice = process(K[np.ix_(index, index)], alternating(8)[index], 5)
    once = process(K, alternating(8), 4)
    a = sample_zero_error(twice, [5], particles=1000, rng=8)
    b = sample_zero_error(once, [4], particles=1000, rng=9)
    difference = a.log_fraction[0] - b.log_fraction[0]
    assert abs(difference) < 4.5 * math.hypot(a.log_fraction_se[0], b.log_fraction_se[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"covariance": np.ones((3, 4))}, r"square matrix, got shape \(3, 4\)"),
        ({"covariance": np.full((6, 6), np.nan)}, "covariance must be finite"),
        ({"covariance": np.triu(np.ones((6, 6)))}, "covariance must be symmetric"),
        ({"covariance": np.zeros((6, 6))}, "positive on its diagonal"),
        ({"covariance": correlated(6, -0.9)}, "positive semi-definite, its least eigenvalue is -3.5"),
        ({"labels": np.ones(6)}, "at least two classes, got only"),
        ({"labels": [0, 1, 0]}, "labels must have shape \\(6,\\) like the points"),
        ({"labels": [0, 1, 0, 1, 0, np.nan]}, "labels must be finite"),
        ({"training": [0, 1, 6]}, r"training must lie in \[0, 6\), got 0 to 6"),
        ({"training": [0, -1]}, "training must lie in"),
        ({"training": [0, 1, 1]}, "training must not name a point twice"),
        ({"training": []}, "training must hold at least one point"),
        ({"training": [0.5]}, "list of point indices"),
        ({"heldout": [2, 3]}, "must not share points"),
    ],
)
def test_what_is_no_process_is_refused(changes, message):
    arguments = {
        "covariance": correlated(6),
        "labels": [0, 1] * 3,
        "training": [0, 1, 2],
        "heldout": [3, 4, 5],
    }
    arguments |= changes
    with pytest.raises(ValueError, match=message):
        GaussianProcess(
            arguments["covariance"],
            arguments["labels"],
            training=arguments["training"],
            heldout=arguments["heldout"],
        )


def test_more_examples_than_there_are_is_refused():
    with pytest.raises(ValueError, match="at most the 3 training examples, got 4"):
        process(correlated(6), [0, 1] * 3, 3).training_set(4, np.random.default_rng(0))


def test_processes_on_other_data_do_not_look_alike():
    covariance = np.eye(6) + 0.2
    labels = np.array([0, 1, 0, 1, 0, 1])
    first = GaussianProcess(covariance, labels, training=[0, 1, 2], heldout=[3, 4, 5])
    again = GaussianProcess(covariance, labels, training=[0, 1, 2], heldout=[3, 4, 5])
    others = (
        GaussianProcess(covariance, 1 - labels, training=[0, 1, 2], heldout=[3, 4, 5]),
        GaussianProcess(covariance + 0.3 * np.eye(6), labels, training=[0, 1, 2], heldout=[3, 4, 5]),
        GaussianProcess(covariance, labels, training=[1, 0, 2], heldout=[3, 4, 5]),
    )
    assert repr(first) == repr(again)
    assert all(repr(first) != repr(other) for other in others)
