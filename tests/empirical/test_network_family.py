"""Finite networks as a family: what the samplers say of them against drawing, counting and other families."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.network_family import NetworkFamily
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.simulate import (
    ClassifierFamily,
    GaussianProcess,
    arc_cosine_covariance,
    sample_error_density,
    sample_zero_error,
)


def network(word="fc:6", features=4, outputs=1, prior=None, **changes):
    return Network(parse_architecture(word, **changes), prior or Prior(), (features,), outputs)


def points(count=40, features=4, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((count, features))
    # a rule of the inputs, some labels against it
    labels = (
        np.floor(classes * stats.norm.cdf(inputs[:, 0] + 0.5 * rng.standard_normal(count))).astype(int)
        % classes
    )
    return inputs, labels


def family(word="fc:6", outputs=1, training=12, prior=None, **changes):
    inputs, labels = points(classes=max(outputs, 2))
    return NetworkFamily(
        network(word, outputs=outputs, prior=prior, **changes),
        inputs,
        labels,
        training=range(training),
        heldout=range(training, 40),
    )


def rejection(made, n, draws, seed=1):
    """Guess and check: share of the draws without error on the first n examples, and their true errors."""
    rng = np.random.default_rng(seed)
    kept, errors = 0, []
    for _ in range(draws // 20_000):
        population = made.draw(20_000, rng)
        right = np.flatnonzero(made.correct(population, made.training_set(n, rng)).all(axis=1))
        kept += right.size
        errors.append(made.true_errors(made.take(population, right)))
    return kept / draws, np.concatenate(errors)


def test_every_name_that_is_loaded_later_is_there():
    import genlaws.empirical as room

    for name in room._LATER:
        assert getattr(room, name).__name__ == name
        assert name in dir(room)
    with pytest.raises(AttributeError, match="no attribute 'Netwrok'"):
        room.Netwrok  # noqa: B018


def test_it_is_a_family():
    made = family()
    assert isinstance(made, ClassifierFamily)
    assert (made.error_name, made.error_resolution) == ("heldout", 28)
    assert NetworkFamily.on_pool(network(), *points()).error_name == "pool"


@pytest.mark.parametrize("outputs", [1, 3])
def test_counts_are_those_of_scores_taken_one_by_one(outputs):
    made = family("fc:5,4", outputs, activation="tanh")
    inputs, labels = points(classes=max(outputs, 2))
    population = made.draw(30, np.random.default_rng(0))
    x = torch.from_numpy(inputs).float()
    scores = np.stack([made.network.scores(row[None], x)[0].numpy() for row in population])
    if outputs == 1:
        margin = scores[:, :, 0] * (2 * labels - 1)
        votes = (scores[:, :, 0] > 0).astype(int)
    else:
        margin = np.array(
            [[s[y] - np.delete(s, y).max() for s, y in zip(row, labels, strict=True)] for row in scores]
        )
        votes = scores.argmax(axis=2)
    every = np.arange(40)
    ratio = made.margins(population, every) / margin
    assert ratio.std() < 1e-4 * ratio.mean()
    right = votes == labels
    np.testing.assert_array_equal(made.correct(population, every), right)
    np.testing.assert_array_equal(made.true_errors(population), (~right[:, 12:]).sum(axis=1) / 28)
    first = [next((i for i in range(12) if not row[i]), 12) for row in right]
    np.testing.assert_array_equal(made.first_error(population, np.arange(12)), first)
    apart = [(votes[a, 12:] != votes[b, 12:]).mean() for a in range(30) for b in range(a)]
    assert made.disagreement(population) == pytest.approx(np.mean(apart))
    counts = np.stack([(votes[:, 12:] == c).sum(axis=0) for c in range(max(outputs, 2))])
    majority = made.majority_error(population, np.random.default_rng(0))
    assert majority == pytest.approx(np.mean(counts.argmax(axis=0) != labels[12:]))


def test_margins_are_in_units_of_the_prior():
    made = family("fc:30")
    margins = made.margins(made.draw(4000, np.random.default_rng(2)), np.arange(12))
    assert math.sqrt(np.mean(margins**2)) == pytest.approx(1.0, rel=0.1)


def test_inputs_that_must_not_be_written_to_are_taken_as_they_are():
    inputs, labels = points()
    inputs = inputs.astype(np.float32)
    inputs.setflags(write=False)
    made = NetworkFamily(network(), inputs, labels, training=[0, 1], heldout=[2])
    assert np.array_equal(made._inputs.numpy(), inputs)


def test_taking_and_choosing():
    made = family()
    first, second = (made.draw(5, np.random.default_rng(s)) for s in (0, 1))
    assert torch.equal(made.take(first, np.array([2, 2, 0])), first[[2, 2, 0]])
    chosen = made.where(np.array([True, False, True, False, True]), first, second)
    assert torch.equal(chosen[::2], first[::2])
    assert torch.equal(chosen[1::2], second[1::2])


def test_training_sets_are_prefixes_or_draws_from_the_pool():
    rng = np.random.default_rng(0)
    made = family()
    np.testing.assert_array_equal(made.training_set(5, rng), np.arange(5))
    with pytest.raises(ValueError, match="n must be at most the 12 training examples, got 13"):
        made.training_set(13, rng)
    drawn = NetworkFamily.on_pool(network(), *points()).training_set(4000, rng)
    assert stats.chisquare(np.bincount(drawn, minlength=40)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("word", "outputs", "changes"),
    [
        ("fc:6", 1, {}),
        ("fc:5,4", 1, {"activation": "erf"}),
        ("fc:6", 3, {"bias": False}),
        ("fc:6", 1, {"prior": Prior("uniform")}),
        pytest.param("fc:4", 1, {"prior": Prior("orthogonal")}, marks=pytest.mark.slow),
    ],
)
def test_zero_error_networks_are_those_of_guess_and_check(word, outputs, changes):
    made = family(word, outputs, **changes)
    n = 8 if outputs == 1 and not changes.get("prior") else 4
    share, errors = rejection(made, n, 100_000)
    sampled = sample_zero_error(made, [n // 2, n], particles=100, replicas=4, rng=3)
    assert sampled.status == ("ok", "ok")
    own = math.sqrt((1 - share) / (share * 100_000))
    spread = math.hypot(float(sampled.log_fraction_se[-1]), own)
    assert spread < 0.3
    assert abs(sampled.log_fraction[-1] - math.log(share)) < 3.5 * spread
    error_of_mean = math.hypot(float(sampled.mean_true_error_se[-1]), errors.std() / math.sqrt(errors.size))
    assert error_of_mean < 0.02
    assert abs(sampled.mean_true_error[-1] - errors.mean()) < 3.5 * error_of_mean


def test_a_convolutional_network_is_sampled_as_guess_and_check_says():
    rng = np.random.default_rng(5)
    images = rng.standard_normal((30, 1, 5, 5))
    labels = (images[:, 0, :2].sum(axis=(1, 2)) > 0).astype(int)
    made = NetworkFamily(
        Network(parse_architecture("cnn:1x3:pool"), Prior(), (1, 5, 5)),
        images,
        labels,
        training=range(6),
        heldout=range(6, 30),
    )
    share, errors = rejection(made, 6, 100_000)
    sampled = sample_zero_error(made, 6, particles=100, replicas=4, rng=0)
    spread = math.hypot(float(sampled.log_fraction_se[0]), math.sqrt((1 - share) / (share * 100_000)))
    assert spread < 0.3
    assert abs(sampled.log_fraction[0] - math.log(share)) < 3.5 * spread
    assert abs(sampled.mean_true_error[0] - errors.mean()) < 0.04


def test_a_linear_network_is_the_linear_process():
    inputs, labels = points()
    made = family("linear", prior=Prior(weight_variance=1.3, bias_variance=0.4))
    exact = GaussianProcess(
        arc_cosine_covariance(inputs, depth=1, weight_variance=1.3, bias_variance=0.4),
        labels,
        training=range(12),
        heldout=range(12, 40),
    )
    one, other = (sample_zero_error(f, [6, 12], particles=300, replicas=6, rng=1) for f in (made, exact))
    both = np.hypot(one.log_fraction_se, other.log_fraction_se)
    assert np.all(both < 0.3)
    assert np.all(np.abs(one.log_fraction - other.log_fraction) < 3.5 * both)
    error = np.hypot(one.mean_true_error_se, other.mean_true_error_se)
    assert np.all(np.abs(one.mean_true_error - other.mean_true_error) < 4 * error)


def test_random_labels_are_met_by_one_in_two_to_the_n_on_average():
    # each labelling of five points is met by some share of the networks, and these add up to one
    inputs = np.random.default_rng(6).standard_normal((6, 3))
    total = 0.0
    for code in range(16):
        labels = [1, *((code >> k) & 1 for k in range(4)), 0]
        made = NetworkFamily(network("fc:5", 3), inputs, labels, training=range(5), heldout=[5], device="cpu")
        total += math.exp(sample_zero_error(made, 5, particles=100, replicas=2, rng=code).log_fraction[0])
    assert total == pytest.approx(0.5, rel=0.12)  # half of the 32, by symmetry of the output's sign


def test_wide_networks_tend_to_the_gaussian_process():
    inputs, _ = points(features=3)
    labels = inputs[:, 0] * inputs[:, 1] > 0.0  # hard to tell apart with one unit
    exact = GaussianProcess(
        arc_cosine_covariance(inputs, depth=2, weight_variance=2.0, bias_variance=0.01),
        labels,
        training=range(12),
        heldout=range(12, 40),
    )
    limit = sample_zero_error(exact, 12, particles=1000, replicas=6, rng=0)
    gaps = []
    for width in (1, 200):
        made = NetworkFamily(
            network(f"fc:{width}", 3), inputs, labels, training=range(12), heldout=range(12, 40)
        )
        found = sample_zero_error(made, 12, particles=200, replicas=4, rng=1)
        both = math.hypot(float(found.log_fraction_se[0]), float(limit.log_fraction_se[0]))
        assert both < 0.25
        gaps.append(abs(float(found.log_fraction[0] - limit.log_fraction[0])) / both)
    assert gaps[0] > 4.0
    assert gaps[1] < 3.5


def test_the_left_tail_of_the_error_density_is_that_of_many_draws():
    made = NetworkFamily.on_pool(network("fc:8"), *points())
    measured = sample_error_density(made, particles=200, replicas=6, smallest_error=0.05, rng=0)
    rng = np.random.default_rng(1)
    errors = np.concatenate([made.true_errors(made.draw(20_000, rng)) for _ in range(5)])
    for error in np.quantile(errors, [1e-3, 6e-3, 0.04]):
        at = int(np.argmin(np.abs(measured.errors - error)))
        share = float(np.mean(errors <= measured.errors[at] + 1e-9))
        assert share > 1e-4
        spread = math.hypot(float(measured.log_cdf_se[at]), math.sqrt((1 - share) / (share * errors.size)))
        assert spread < 0.35
        assert abs(measured.log_cdf[at] - math.log(share)) < 3.5 * spread


def test_equal_seeds_give_equal_bits():
    made = family()
    first, second, other = (sample_zero_error(made, 8, particles=40, replicas=2, rng=s) for s in (4, 4, 5))
    np.testing.assert_array_equal(first.log_fractions, second.log_fractions)
    np.testing.assert_array_equal(first.true_errors, second.true_errors)
    assert not np.array_equal(first.log_fractions, other.log_fractions)


def test_moves_without_examples_are_turns_of_the_prior():
    made = family()
    population = made.draw(4000, np.random.default_rng(0))
    moved = made.move(population, np.empty(0, np.int64), np.random.default_rng(1), length=0.5)
    assert moved.persistence == pytest.approx(math.cos(math.pi / 4))
    # as it is defined, the correlation of the members with their own past
    own = float((moved.population * population).sum() / (moved.population.norm() * population.norm()))
    assert own == pytest.approx(moved.persistence, abs=0.02)
    assert stats.kstest(moved.population[:, 3].numpy(), stats.norm.cdf).pvalue > 1e-3


def test_moves_keep_all_examples_right_and_the_last_within_its_slack():
    made = family("fc:6", training=6)
    rng = np.random.default_rng(0)
    population = made.draw(40_000, rng)
    examples = np.array([0, 1, 1, 2, 3])
    margins = made.margins(population, examples)
    inside = np.flatnonzero((margins[:, :4] > 0).all(axis=1) & (margins[:, 4] > -0.2))
    start = made.take(population, inside)
    moved = made.move(start, examples, rng, length=1.0, slack=0.2)
    after = made.margins(moved.population, examples)
    assert moved.work > 0
    assert (after[:, :4] > -1e-5).all()
    assert (after[:, 4] > -0.2 - 1e-5).all()
    # some use the slack, as the prior does
    assert (after[:, 4] < 0).mean() == pytest.approx((margins[inside, 4] < 0).mean(), abs=0.03)


def test_the_name_of_a_family_tells_its_data():
    inputs, labels = points()
    made = [
        NetworkFamily(network(), x, labels, training=range(12), heldout=range(12, 40))
        for x in (inputs, inputs, inputs + 0.1)
    ]
    assert repr(made[0]) == repr(made[1]) != repr(made[2])
    pool = NetworkFamily.on_pool(network(), inputs, labels)
    split = NetworkFamily(network(), inputs, labels, training=range(39), heldout=[39])
    assert repr(pool) != repr(split)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": np.full((40, 4), np.nan)}, "inputs must be finite"),
        ({"inputs": np.zeros(40)}, "inputs must have shape"),
        ({"labels": np.zeros(40)}, "at least two classes"),
        ({"labels": np.zeros(39)}, "labels must have shape"),
        ({"labels": np.arange(40) % 3}, "a network of 1 output tells 2 classes apart, labels hold 3"),
        ({"training": []}, "training must hold at least one point"),
        ({"training": [0, 40]}, r"training must lie in \[0, 40\)"),
        ({"training": [0, 0]}, "must not name a point twice"),
        ({"training": [0, 20]}, "must not share points"),
        ({"training": [0.5]}, "training must be a list of point indices"),
        ({"device": "tpu"}, "device must be auto, cpu or cuda, got 'tpu'"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    inputs, labels = points()
    given = {"inputs": inputs, "labels": labels, "training": [0, 1], "heldout": [20], **changes}
    with pytest.raises(ValueError, match=message):
        NetworkFamily(network(), given.pop("inputs"), given.pop("labels"), **given)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    inputs, labels = points()
    with pytest.raises(ValueError, match="there is no GPU"):
        NetworkFamily(network(), inputs, labels, training=[0], heldout=[1], device="cuda")
