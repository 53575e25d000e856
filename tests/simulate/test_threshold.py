"""Thresholds by bisection: on made-up experiments whose threshold is known."""

import math

import numpy as np
import pytest
from scipy import special, stats

from genlaws.simulate import bisect_threshold, find_threshold


def sigmoid(centre, width, shared):
    """Success with a chance that rises at `centre`; answers of a repeat share their luck, or do not."""

    def experiment(size, rng):
        luck = rng if shared else np.random.default_rng([int(rng.integers(2**60)), size])
        return luck.random() < special.ndtr(math.log(size / centre) / width)

    return experiment


@pytest.mark.parametrize("shared", [True, False], ids=["same luck", "new luck"])
@pytest.mark.parametrize(("width", "repeats"), [(0.02, 8), (0.2, 4), (0.2, 12)])
def test_intervals_cover_as_often_as_they_say_and_are_no_wider_than_need_be(width, repeats, shared):
    runs = 150
    experiment = sigmoid(137.0, width, shared)
    found = [
        find_threshold(experiment, low=10, high=3000, repeats=repeats, level=0.9, rng=seed)
        for seed in range(runs)
    ]
    hits = sum(f.interval[0] <= 137.0 <= f.interval[1] for f in found)
    assert stats.binomtest(hits, runs, 0.9).pvalue > 1e-3
    logs = np.log([f.value / 137.0 for f in found])
    assert abs(logs.mean()) < 4.0 * logs.std() / math.sqrt(runs)
    half = np.mean([0.5 * math.log(f.interval[1] / f.interval[0]) for f in found])
    quantile = stats.t.ppf(0.95, repeats - 1)
    assert half < 1.2 * quantile * math.hypot(width, 0.02) / math.sqrt(repeats)


def test_a_sharp_threshold_is_bracketed_by_its_neighbours():
    found = find_threshold(lambda size, rng: size >= 17, low=1, high=1000, repeats=3, rng=0)
    np.testing.assert_allclose(found.repeats, math.sqrt(16 * 17))
    # what was not resolved stays in the interval
    assert found.interval == pytest.approx((16.0, 17.0))
    assert found.value == pytest.approx(math.sqrt(16 * 17))
    assert found.successes.tolist() == (found.sizes >= 17).tolist()
    assert len(found.sizes) < 3 * 20


def test_what_a_repeat_draws_first_is_the_same_for_all_sizes():
    drawn = {}

    def experiment(size, rng):
        drawn.setdefault(float(rng.random()), []).append(size)
        return size > 50

    find_threshold(experiment, low=10, high=100, repeats=5, rng=2)
    assert len(drawn) == 5
    assert min(len(sizes) for sizes in drawn.values()) > 3


def test_equal_seeds_give_equal_results_and_documents_are_plain():
    one, two = (
        find_threshold(sigmoid(60.0, 0.1, False), low=10, high=400, repeats=3, rng=4) for _ in range(2)
    )
    assert one.to_dict() == two.to_dict()
    assert one.to_dict()["interval"][0] < one.to_dict()["value"] < one.to_dict()["interval"][1]
    assert set(one.to_dict()) == {"value", "interval", "level", "repeats", "sizes", "successes"}


@pytest.mark.parametrize(
    ("answer", "wrong", "named"),
    [
        (True, {}, "low"),
        (False, {}, "high"),
        (True, {"low": 0}, "low"),
        (True, {"high": 2}, "high"),
        (True, {"repeats": 1}, "repeats"),
        (True, {"resolution": 0.0}, "resolution"),
        (True, {"level": 1.0}, "level"),
    ],
)
def test_what_cannot_be_found_is_said(answer, wrong, named):
    settings = {"low": 5, "high": 50, "rng": 0} | wrong
    with pytest.raises(ValueError, match=named):
        find_threshold(lambda size, rng: answer, **settings)


def test_the_ends_count_as_answers_where_the_threshold_touches_them():
    assert find_threshold(lambda size, rng: size >= 50, low=5, high=50, rng=0).value == pytest.approx(
        math.sqrt(49 * 50)
    )


def test_one_bisection_ends_at_neighbours_of_a_sharp_threshold():
    tried = []

    def succeeds(size):
        tried.append(size)
        return size >= 40

    assert bisect_threshold(succeeds, low=10, high=90, resolution=1e-6, rng=0) == (39, 40)
    assert len(tried) < 16
    assert bisect_threshold(succeeds, low=30, high=40, resolution=1e-6, rng=0) == (39, 40)
    failed, succeeded = bisect_threshold(succeeds, low=10, high=90, resolution=0.5, rng=0)
    assert failed < 40 <= succeeded < 1.65 * failed
    with pytest.raises(ValueError, match="low"):
        bisect_threshold(succeeds, low=50, high=90, rng=0)
