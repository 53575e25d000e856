import itertools
import math

import numpy as np
import pytest
from scipy import special, stats

from genlaws.simulate.binary_perceptron import BinaryPerceptron
from genlaws.simulate.family import ClassifierFamily


def all_weights(dimension):
    codes = np.arange(2**dimension)
    return (2 * ((codes[:, None] >> np.arange(dimension)) & 1) - 1).astype(np.int8)


def survivors_of(family, examples, slack=0.0):
    margins = family.margins(all_weights(family.dimension), examples)
    floor = np.zeros(len(examples))
    floor[-1] = -slack
    return np.flatnonzero(np.all(margins > floor, axis=1))


def codes_of(weights):
    return ((weights > 0).astype(np.int64) << np.arange(weights.shape[1])).sum(axis=1)


FAMILIES = [
    BinaryPerceptron(7),
    BinaryPerceptron(8, label_noise=0.1, seed=3),
    BinaryPerceptron(7, inputs="binary"),
    BinaryPerceptron(9, inputs="binary", label_noise=0.2, seed=5),
    BinaryPerceptron(7, teacher=[1, -1, 1, 1, -1, -1, 1]),
    BinaryPerceptron(7, teacher=[3, 1, 1, -1, 2, 0.5, 1]),
]


def test_it_is_a_classifier_family():
    assert isinstance(BinaryPerceptron(5), ClassifierFamily)


@pytest.mark.parametrize("dimension", [1, 3, 7])
def test_binary_input_errors_agree_with_all_inputs(dimension):
    family = BinaryPerceptron(dimension, inputs="binary")
    weights = inputs = all_weights(dimension).astype(float)
    labels = np.sign(inputs.sum(axis=1))
    counted = np.mean(np.sign(weights @ inputs.T) != labels, axis=1)
    np.testing.assert_allclose(family.true_errors(weights.astype(np.int8)), counted, rtol=0, atol=1e-14)


def test_gaussian_errors_are_angles():
    weights = all_weights(6)
    family = BinaryPerceptron(6, label_noise=0.15)
    expected = 0.15 + 0.7 * np.arccos(weights.sum(axis=1) / 6.0) / math.pi
    np.testing.assert_allclose(family.true_errors(weights), expected, atol=1e-14)


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_true_errors_are_those_counted_on_points(family):
    rng = np.random.default_rng(11)
    weights = family.draw(40, rng)
    points = family.training_set(40_000, rng)
    exact = family.true_errors(weights)
    counted = 1.0 - family.correct(weights, points).mean(axis=1)
    z = (counted - exact) / np.sqrt(np.maximum(exact * (1.0 - exact), 1e-12) / points.size)
    # the points are shared, but one z in 40 beyond 4.5 has probability 3e-4 whatever their correlation
    assert np.max(np.abs(z)) < 4.5


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_counts_agree_with_trying_every_classifier(family):
    rng = np.random.default_rng(5)
    eps = (0.4, 0.1, 0.25)
    training_sets = rng.integers(0, 2**62, (6, 12))
    counts = family.zero_error_counts(training_sets, eps)
    weights = all_weights(family.dimension)
    errors = family.true_errors(weights)
    for s, examples in enumerate(training_sets):
        alive = np.cumprod(family.correct(weights, examples), axis=1).astype(bool)
        alive = np.concatenate([np.ones((len(weights), 1), bool), alive], axis=1)
        np.testing.assert_array_equal(counts.count[s], alive.sum(axis=0))
        for j, e in enumerate(eps):
            np.testing.assert_array_equal(counts.bad[s, :, j], alive[errors > e].sum(axis=0))
        for k in range(13):
            if alive[:, k].any():
                assert counts.mean_error[s, k] == pytest.approx(errors[alive[:, k]].mean(), abs=1e-12)
                assert counts.log_fraction[s, k] == pytest.approx(math.log(alive[:, k].mean()), abs=1e-12)
            else:
                assert np.isnan(counts.mean_error[s, k])
                assert np.isnan(counts.log_fraction[s, k])
                assert counts.bad_fraction[s, k].tolist() == [0.0, 0.0, 0.0]


def test_enumeration_reaches_dimension_twenty_and_no_further():
    family = BinaryPerceptron(20)
    assert family.enumerable
    examples = family.training_set(60, np.random.default_rng(0))
    counts = family.zero_error_counts(examples[None], (0.2,))
    assert counts.count[0, 0] == 2**20
    # two independent halvings of the count: directly, and through the first example's symmetry w -> -w
    assert counts.count[0, 1] == 2**19
    assert counts.count[0, 60] >= 1
    large = BinaryPerceptron(21)
    assert not large.enumerable
    with pytest.raises(ValueError, match="dimension must be at most 20"):
        large.zero_error_counts(examples[None])


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
@pytest.mark.parametrize("n", [0, 1, 40])
@pytest.mark.parametrize("above", [None, 0.3])
def test_tilted_mass_is_the_sum_over_classifiers(family, n, above):
    errors = family.true_errors(all_weights(family.dimension))
    chosen = errors if above is None else errors[errors > above]
    expected = math.log(math.fsum((1.0 - chosen) ** n) / errors.size)
    assert family.log_tilted_mass(n, above=above) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_tilted_mass_beyond_enumeration_keeps_its_precision():
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(40):
        atoms = [
            mpmath.binomial(101, k) * (1 - mpmath.acos(1 - mpmath.mpf(2 * k) / 101) / mpmath.pi) ** 3000
            for k in range(101)
        ]
        expected = float(mpmath.log(mpmath.fsum(atoms[30:])) - 101 * mpmath.log(2))
    errors = np.arccos(1.0 - 2.0 * np.arange(102) / 101.0) / np.pi
    above = 0.5 * (errors[29] + errors[30])
    assert BinaryPerceptron(101).log_tilted_mass(3000, above=above) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[4], FAMILIES[5]], ids=repr)
def test_planted_classifiers_follow_the_tilted_density(family):
    n, eps, draws = 6, 0.3, 20_000
    planted = family.draw_planted(draws, n=n, eps=eps, rng=np.random.default_rng(2))
    errors = family.true_errors(all_weights(7))
    weights = np.where(errors > eps, (1.0 - errors) ** n, 0.0)
    expected = draws * weights / weights.sum()
    seen = np.bincount(codes_of(planted), minlength=128)
    assert seen[expected == 0.0].sum() == 0
    common = expected > 5.0
    observed = np.append(seen[common], seen[~common].sum())
    predicted = np.append(expected[common], expected[~common].sum())
    keep = predicted > 0.0
    assert stats.chisquare(observed[keep], predicted[keep]).pvalue > 1e-3


def test_first_error_and_margins_agree_with_correct():
    family = BinaryPerceptron(31, label_noise=0.05)
    rng = np.random.default_rng(8)
    weights, points = family.draw(50, rng), family.training_set(20, rng)
    right = family.correct(weights, points)
    expected = [next((k for k in range(20) if not row[k]), 20) for row in right]
    assert family.first_error(weights, points).tolist() == expected
    assert family.first_error(weights, points[:0]).tolist() == [0] * 50
    # under the prior y w.x / |x| has mean 0 and variance 1
    margins = family.margins(family.draw(4000, rng), points)
    np.testing.assert_allclose(margins.mean(axis=0), 0.0, atol=4.5 / math.sqrt(4000))
    np.testing.assert_allclose(margins.var(axis=0), 1.0, atol=4.5 * math.sqrt(2.0 / 4000))


@pytest.mark.parametrize("slack", [0.0, 0.8])
@pytest.mark.parametrize("length", [0.01, 1.0])
def test_moves_leave_the_uniform_distribution_over_survivors(slack, length):
    family = BinaryPerceptron(9)
    examples = family.training_set(5, np.random.default_rng(4))
    codes = survivors_of(family, examples, slack)
    assert 10 < codes.size < 200
    assert slack == 0.0 or codes.size > survivors_of(family, examples).size
    rng = np.random.default_rng(9)
    population = all_weights(9)[rng.choice(codes, 400 * codes.size)]
    report = family.move(population, examples, rng, length=length, slack=slack)
    after = np.bincount(codes_of(report.population), minlength=512)
    assert after.sum() == after[codes].sum()
    assert stats.chisquare(after[codes]).pvalue > 1e-3
    assert report.work == len(population) * max(1, math.ceil(length * 90))


def test_moves_forget_where_they_started():
    family = BinaryPerceptron(9)
    examples = family.training_set(5, np.random.default_rng(4))
    codes = survivors_of(family, examples)
    rng = np.random.default_rng(10)
    population = np.ones((20_000, 9), dtype=np.int8)
    for _ in range(6):
        population = family.move(population, examples, rng, length=1.0).population
    after = np.bincount(codes_of(population), minlength=512)[codes]
    assert stats.chisquare(after).pvalue > 1e-3


def test_single_proposals_are_symmetric_between_classifiers():
    family = BinaryPerceptron(3)
    examples = family.training_set(1, np.random.default_rng(1))
    codes = survivors_of(family, examples)
    flow = np.zeros((8, 8))
    rng = np.random.default_rng(3)
    for code in codes:
        start = np.repeat(all_weights(3)[code : code + 1], 20_000, axis=0)
        # the shortest move is a single proposal
        moved = family.move(start, examples, rng, length=1e-6).population
        flow[code] = np.bincount(codes_of(moved), minlength=8)
    spread = np.sqrt(flow + flow.T + 1.0)
    assert np.max(np.abs(flow - flow.T) / spread) < 4.0
    assert np.count_nonzero(flow[np.ix_(codes, codes)]) > codes.size


def test_persistence_runs_from_one_to_zero():
    family = BinaryPerceptron(41)
    rng = np.random.default_rng(6)
    population = family.draw(2000, rng)
    none = family.training_set(0, rng)
    far = family.move(population, none, rng, length=1.0)
    near = family.move(population, none, rng, length=1e-6)
    assert far.persistence < 0.02
    # one proposal flips 1.5 of 41 weights on average
    assert near.persistence == pytest.approx(1.0 - 2.0 * 1.5 / 41, abs=0.005)
    frozen = family.move(np.ones((50, 41), np.int8), family.training_set(400, rng), rng, length=1.0)
    assert frozen.persistence == 1.0


def test_moves_repeat_with_the_seed():
    family = BinaryPerceptron(25)
    population = family.draw(10, np.random.default_rng(0))
    none = np.empty(0, dtype=np.int64)
    one, two, other = (
        family.move(population, none, np.random.default_rng(s), length=0.5).population for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert np.any(one != other)


@pytest.mark.parametrize("inputs", ["gaussian", "binary"])
def test_disagreement_is_that_counted_on_points(inputs):
    family = BinaryPerceptron(11, inputs=inputs, label_noise=0.1)
    rng = np.random.default_rng(12)
    population = family.draw(30, rng)
    right = family.correct(population, family.training_set(20_000, rng))
    share = right.mean(axis=0)
    # pairs of different members, from the share that is right on each point
    pairs = 2.0 * share * (1.0 - share) * 30 / 29
    se = pairs.std(ddof=1) / math.sqrt(pairs.size)
    assert 0.0 < se < 2e-3
    assert family.disagreement(population) == pytest.approx(pairs.mean(), abs=4.5 * se)
    with pytest.raises(ValueError, match="at least 2 members"):
        family.disagreement(population[:1])


def test_majority_error_of_known_committees():
    family = BinaryPerceptron(5)
    rng = np.random.default_rng(13)
    member = np.array([[1, 1, 1, 1, -1]], dtype=np.int8)
    expected = float(family.true_errors(member)[0])
    se = math.sqrt(expected * (1.0 - expected) / 16_384)
    assert family.majority_error(np.repeat(member, 3, axis=0), rng) == pytest.approx(expected, abs=4.5 * se)
    # a classifier and its opposite tie everywhere
    assert family.majority_error(np.concatenate([member, -member]), rng) == 0.5


def test_where_and_take_choose_classifiers():
    family = BinaryPerceptron(4)
    one, two = np.ones((3, 4), np.int8), -np.ones((3, 4), np.int8)
    chosen = family.where(np.array([True, False, True]), one, two)
    assert chosen[:, 0].tolist() == [1, -1, 1]
    assert family.take(chosen, np.array([1, 1, 0]))[:, 0].tolist() == [-1, -1, 1]


def test_half_label_noise_is_random_labels():
    family = BinaryPerceptron(10, label_noise=0.5)
    assert family.true_errors(all_weights(10)).tolist() == [0.5] * 1024
    for n in (1, 7, 100):
        assert family.log_tilted_mass(n) == pytest.approx(-n * math.log(2.0), rel=1e-12)


def test_binary_density_is_binomial():
    family = BinaryPerceptron(15)
    mass = np.exp(family.log_tilted_mass(0, above=0.25))
    errors = np.arccos(1.0 - 2.0 * np.arange(16) / 15.0) / np.pi
    assert errors[errors > 0.25].min() == pytest.approx(0.295167, abs=1e-6)  # arccos(.6)/pi
    assert mass == pytest.approx(special.comb(15, np.flatnonzero(errors > 0.25)).sum() / 2**15, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dimension": 0}, "dimension must be a positive integer"),
        ({"dimension": 2.5}, "dimension must be a positive integer"),
        ({"dimension": 4, "inputs": "binary"}, "dimension must be odd"),
        ({"dimension": 4, "inputs": "uniform"}, "inputs must be"),
        ({"dimension": 4, "label_noise": 0.6}, "label_noise must lie"),
        ({"dimension": 4, "teacher": [1, 1]}, "teacher must be 4"),
        ({"dimension": 2, "teacher": [0, 0]}, "teacher must be 2"),
        ({"dimension": 3, "teacher": [1, 2, 1], "inputs": "binary"}, "teacher must hold only"),
    ],
)
def test_bad_arguments_get_one_clear_line(arguments, message):
    with pytest.raises(ValueError, match=message):
        BinaryPerceptron(arguments.pop("dimension"), **arguments)


def test_thresholds_and_planting_are_checked():
    family = BinaryPerceptron(5)
    with pytest.raises(ValueError, match="eps must lie in"):
        family.zero_error_counts(np.zeros((1, 2), np.int64), (1.0,))
    noisy = BinaryPerceptron(5, label_noise=0.5)
    with pytest.raises(ValueError, match="eps must be below"):
        noisy.draw_planted(3, n=2, eps=0.6, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="dimension must be at most 20"):
        BinaryPerceptron(25, teacher=np.linspace(1, 2, 25)).log_tilted_mass(3)


def test_any_teacher_in_the_class_is_the_same_problem():
    rng = np.random.default_rng(21)
    signs = [np.array(s) for s in itertools.islice(itertools.product([-1, 1], repeat=9), 3, 60, 20)]
    sets = rng.integers(0, 2**62, (400, 8))
    reference = BinaryPerceptron(9).zero_error_counts(sets).count[:, -1]
    for teacher in signs:
        counts = BinaryPerceptron(9, teacher=teacher).zero_error_counts(sets).count[:, -1]
        assert stats.ks_2samp(reference, counts).pvalue > 1e-3
