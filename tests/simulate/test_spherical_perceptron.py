import math

import numpy as np
import pytest
from scipy import integrate, stats

from genlaws.simulate import GaussianMixtureLabels, LogisticLabels, SphericalPerceptron, TeacherLabels
from genlaws.simulate.points import POINT_INDEX_LIMIT
from genlaws.theory import PerceptronErrorDensity

FAMILIES = [
    SphericalPerceptron(6),
    SphericalPerceptron(6, TeacherLabels(noise=0.2)),
    SphericalPerceptron(6, GaussianMixtureLabels(1.0)),
    SphericalPerceptron(6, LogisticLabels(2.0)),
]


@pytest.fixture(params=FAMILIES, ids=lambda f: type(f.data).__name__ + str(getattr(f.data, "noise", "")))
def family(request):
    return request.param


def test_margins_errors_and_first_errors_agree(family):
    rng = np.random.default_rng(0)
    population, examples = family.draw(40, rng), family.training_set(25, rng)
    margins = family.margins(population, examples)
    inputs, labels = family.data.points(examples, 6, family.seed)
    np.testing.assert_allclose(margins, (population @ inputs.T) * labels / np.linalg.norm(inputs, axis=1))
    right = family.correct(population, examples)
    np.testing.assert_array_equal(right, margins > 0)
    first = family.first_error(population, examples)
    for k in range(40):
        wrong = np.flatnonzero(~right[k])
        assert first[k] == (wrong[0] if wrong.size else 25)


def test_the_true_error_is_the_error_on_points(family):
    rng = np.random.default_rng(1)
    population = family.draw(8, rng)
    points = family.training_set(100_000, rng)
    wrong = np.sum(~family.correct(population, points), axis=1)
    for k, error in enumerate(family.true_errors(population)):
        assert stats.binomtest(int(wrong[k]), 100_000, float(error)).pvalue > 1e-4


def test_disagreement_and_votes_against_counting(family):
    rng = np.random.default_rng(2)
    population = family.draw(9, rng) + np.array([2.0, 0, 0, 0, 0, 0])
    inputs, labels = family.data.points(family.training_set(200_000, rng), 6, family.seed)
    votes = np.sign(population @ inputs.T)
    pairs = [np.mean(votes[i] != votes[j]) for i in range(9) for j in range(i)]
    # the mixture counts on 4,096 points of its own
    counted = isinstance(family.data, GaussianMixtureLabels)
    assert family.disagreement(population) == pytest.approx(np.mean(pairs), abs=0.015 if counted else 0.003)
    exact = np.mean(votes.sum(axis=0) * labels < 0)
    several = [family.majority_error(population, rng) for _ in range(5)]
    assert np.mean(several) == pytest.approx(exact, abs=4 * math.sqrt(0.25 / 20_480))


def test_a_tied_vote_is_half_an_error():
    family = SphericalPerceptron(4)
    w = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert family.majority_error(np.concatenate([w, -w]), np.random.default_rng(0)) == 0.5


def test_errors_of_the_prior_follow_their_density():
    family = SphericalPerceptron(5)
    errors = family.true_errors(family.draw(20_000, np.random.default_rng(3)))
    density = PerceptronErrorDensity(5)
    assert stats.kstest(errors, lambda e: np.exp(density.log_cdf(e))).pvalue > 1e-3


def test_moves_keep_every_example_right_and_forget_their_start(family):
    rng = np.random.default_rng(4)
    population = np.tile([10.0, 0, 0, 0, 0, 0], (300, 1))
    examples = family.training_set(60, rng)
    examples = examples[family.correct(population[:1], examples)[0]]
    report = family.move(population, examples, rng, length=1.0)
    assert family.correct(report.population, examples).all()
    assert report.work > 300
    again = family.move(report.population, examples, rng, length=1.0)
    assert again.persistence < 0.5


def test_training_sets_come_from_the_whole_population():
    family = SphericalPerceptron(3)
    index = family.training_set(2000, np.random.default_rng(5))
    assert np.unique(index).size == 2000
    assert stats.kstest(index / POINT_INDEX_LIMIT, "uniform").pvalue > 1e-3
    assert (family.error_name, family.error_resolution) == ("exact", None)


def test_populations_are_picked_and_mixed():
    family = SphericalPerceptron(3)
    a, b = family.draw(4, np.random.default_rng(6)), family.draw(4, np.random.default_rng(7))
    np.testing.assert_array_equal(family.take(a, np.array([2, 2, 0])), a[[2, 2, 0]])
    keep = np.array([True, False, True, False])
    np.testing.assert_array_equal(family.where(keep, a, b), np.stack([a[0], b[1], a[2], b[3]]))


def test_planted_classifiers_follow_the_tilted_density():
    family, n, eps = SphericalPerceptron(7), 12, 0.2
    density = PerceptronErrorDensity(7)

    def mass(low, high):
        return integrate.quad(lambda e: math.exp(float(density.log_pdf(e))) * (1 - e) ** n, low, high)[0]

    assert family.log_tilted_mass(n) == pytest.approx(math.log(mass(0, 1)), abs=1e-6)
    assert family.log_tilted_mass(n, above=eps) == pytest.approx(math.log(mass(eps, 1)), abs=1e-3)
    errors = family.true_errors(family.draw_planted(4000, n=n, eps=eps, rng=np.random.default_rng(8)))
    assert errors.min() > eps
    edges = np.linspace(eps, 0.6, 9)
    chances = np.array([mass(a, b) for a, b in zip(edges, [*edges[1:-1], 1.0], strict=False)]) / mass(eps, 1)
    counts = np.histogram(errors, bins=[*edges[:-1], 1.0])[0]
    assert stats.chisquare(counts, 4000 * chances / chances.sum()).pvalue > 1e-4


def test_a_dimension_below_two_is_refused():
    with pytest.raises(ValueError, match="dimension must be a whole number of at least 2, got 1"):
        SphericalPerceptron(1)
