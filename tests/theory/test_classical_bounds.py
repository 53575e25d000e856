"""Classical bounds: their equations solved another way, ensembles that they must cover, and bad arguments."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genlaws.theory import occam_bound, pac_bayes_bound, sample_compression_bound, vc_bound


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_occam_leaves_a_bad_classifier_the_chance_delta(n):
    many, delta = 2**15, 0.05
    eps = occam_bound(math.log(many), n, delta)
    assert many * (1.0 - eps) ** n == pytest.approx(delta)


@pytest.mark.parametrize(("k", "n"), [(0, 50), (3, 50), (20, 500)])
def test_compression_leaves_bad_subsets_the_chance_delta(k, n):
    eps = sample_compression_bound(k, n, 0.05)
    assert (n + 1) * math.comb(n, k) * (1.0 - eps) ** (n - k) == pytest.approx(0.05)


@pytest.mark.parametrize(("d", "n"), [(3, 1000), (20, 5000)])
def test_doubling_the_sample_leaves_bad_classifiers_the_chance_delta(d, n):
    eps = vc_bound(d, n, 0.05)
    assert 2.0 * (2.0 * math.e * n / d) ** d * 2.0 ** (-eps * n / 2.0) == pytest.approx(0.05)


def test_a_finite_class_is_covered():
    # thresholds on a line, the worst consistent one: errors beyond the bound in delta of the sets at most
    rng, n, delta, sets = np.random.default_rng(0), 40, 0.2, 2000
    thresholds = np.linspace(0.0, 1.0, 33)  # the truth is the middle one
    beyond = {"occam": 0, "vc": 0, "compression": 0}
    for _ in range(sets):
        x = rng.random(n)
        labels = x > thresholds[16]
        consistent = [t for t in thresholds if np.array_equal(x > t, labels)]
        worst = max(abs(t - 0.5) for t in consistent)
        beyond["occam"] += worst > occam_bound(math.log(33), n, delta)
        beyond["vc"] += worst > vc_bound(1, n, delta)
        # the classifier that the lowest positive example gives
        positive = x[labels]
        beyond["compression"] += positive.min() - 0.5 > sample_compression_bound(1, n, delta)
    assert max(beyond.values()) <= delta * sets
    assert beyond["occam"] > 0  # it is not all slack


def test_few_examples_say_nothing_and_many_say_all():
    for bound in (
        lambda n: occam_bound(10.0, n, 0.05),
        lambda n: vc_bound(5, n, 0.05),
        lambda n: sample_compression_bound(5, n, 0.05),
    ):
        levels = np.array([bound(n) for n in (0, 1, 10, 100, 1e4, 1e6)])
        assert levels[0] == 1.0
        assert np.all(np.diff(levels) <= 0.0)
        assert levels[-1] < 1e-3


def test_arguments_broadcast():
    assert occam_bound([[1.0], [2.0]], [10, 20, 30], 0.05).shape == (2, 3)
    assert isinstance(vc_bound(2, 10, 0.5), float)


def test_a_prior_mass_is_a_description_length():
    # the same union as PAC-Bayes for a point posterior, but for its 2 sqrt(n)
    log_mass, n = -12.0, 200
    extra = math.log(2.0 * math.sqrt(n))
    assert pac_bayes_bound(log_mass, n, 0.05) == pytest.approx(occam_bound(-log_mass + extra, n, 0.05))


@pytest.mark.parametrize(
    ("bound", "match"),
    [
        (lambda: occam_bound(-1.0, 10, 0.05), "log_classifiers must be"),
        (lambda: occam_bound(1.0, 10, 0.0), "delta must be"),
        (lambda: vc_bound(0.5, 10, 0.05), "dimension must be at least 1"),
        (lambda: vc_bound(2, -1, 0.05), "n must be"),
        (lambda: sample_compression_bound(-1, 10, 0.05), "size must be"),
    ],
)
def test_bad_arguments_are_refused(bound, match):
    with pytest.raises(ValueError, match=match):
        bound()
