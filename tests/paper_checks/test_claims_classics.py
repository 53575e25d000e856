"""Claims on the classics in simulation: that each measures what it says it measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special


def test_voting_in_two_dimensions(measured, averages):
    n = np.array([5.0, 10.0])
    found = measured("E7", dimension=2, sets=12, replicates=12)
    vote, vote_se = averages(found)
    mean, mean_se = averages(found, "reference")
    # the vote is the middle of the arc
    assert np.all(np.abs(vote - 1.0 / (2.0 * (n + 1.0))) < 4.5 * vote_se)
    assert np.all(np.abs(mean - 2.0 / (3.0 * (n + 1.0)) / math.sqrt(2.0)) < 4.5 * mean_se)
    assert np.all(vote_se < 0.1 * vote)
    one = measured("E7", "control", dimension=2, sets=2)
    assert one.y / one.reference == pytest.approx(math.sqrt(2.0), rel=1e-12)


def crossing(error, alpha):
    # where a falling curve meets half of the jump of infinitely many weights, 0.256
    above = np.flatnonzero(error > 0.128)[-1]
    share = (error[above] - 0.128) / (error[above] - error[above + 1])
    return alpha[above] + share * (alpha[above + 1] - alpha[above])


def brute_force_crossing(dimension, sets, rng):
    weights = 1.0 - 2.0 * ((np.arange(2**dimension)[:, None] >> np.arange(dimension)) & 1)
    errors = np.arccos(np.clip(weights[:, ::].sum(axis=1) / dimension, -1.0, 1.0)) / np.pi
    n = np.arange(int(0.3 * dimension), int(2.2 * dimension) + 1)
    total = np.zeros(n.size)
    for _ in range(sets):
        inputs = rng.standard_normal((n[-1], dimension))
        right = (weights @ inputs.T > 0.0) == (inputs.sum(axis=1) > 0.0)
        alive = np.logical_and.accumulate(right, axis=1)[:, n - 1]
        total += (alive * errors[:, None]).sum(axis=0) / alive.sum(axis=0)
    return crossing(total / sets, n / dimension)


def test_the_transition_is_that_of_brute_force_drawn_out_along_a_line(measured):
    found = [measured("E8", dimensions=[7, 9], sets=300, seed=seed) for seed in range(8)]
    crossings = np.array([table.settings["crossings"] for table in found])
    rng = np.random.default_rng(6)
    brute = np.array([[brute_force_crossing(d, 150, rng) for d in (7, 9)] for _ in range(8)])
    se = np.sqrt((crossings.var(axis=0, ddof=1) + brute.var(axis=0, ddof=1)) / 8)
    assert np.all(np.abs(crossings.mean(axis=0) - brute.mean(axis=0)) < 4.5 * se + 2e-3)
    assert np.all(se < 0.03)
    for table, (first, second) in zip(found, crossings, strict=True):
        assert table.y[0] == pytest.approx((9 * second - 7 * first) / 2)


def test_the_annealed_transition_is_that_of_counting(measured, binary_density):
    found = [measured("E8", "control", dimensions=[9, 11], sets=1500, seed=seed) for seed in range(6)]
    crossings = np.array([table.settings["crossings"] for table in found])
    exact = []
    for dimension in (9, 11):
        error, count = binary_density(dimension)
        n = np.arange(int(0.3 * dimension), int(2.2 * dimension) + 1)
        kept = count * (1.0 - error) ** n[:, None]
        exact.append(crossing((kept * error).sum(axis=1) / kept.sum(axis=1), n / dimension))
    mean, se = crossings.mean(axis=0), crossings.std(axis=0, ddof=1) / math.sqrt(6)
    assert np.all(np.abs(mean - exact) < 5.0 * se + 2e-3)
    assert np.all(se < 0.03)


def test_the_spread_in_two_dimensions(measured):
    found = measured("E9", "control", sizes=[2], kinds=["linear"], sets=15, replicates=8)
    rng = np.random.default_rng(8)
    # six examples: the arc reaches from the teacher to the nearest angle on either side
    angles = rng.uniform(0.0, 1.0, size=(20_000, 6))
    left, right = 1.0 - angles.max(axis=1), angles.min(axis=1)
    width = left + right
    variance = (left**3 + right**3) / (3 * width) - ((left**2 + right**2) / (2 * width)) ** 2
    squares = np.concatenate([found.y, found.reference]) ** 2
    se = squares.std(ddof=1) / math.sqrt(squares.size)
    assert abs(squares.mean() - variance.mean()) < 4.5 * se
    assert se < 0.2 * variance.mean()


def test_the_spread_does_not_depend_on_the_held_out_points(measured):
    few, many = (
        measured(
            "E9",
            "control",
            sizes=[8],
            kinds=["random features"],
            heldout=points,
            sets=sets,
            replicates=8,
        )
        for points, sets in ((40, 6), (400, 3))
    )
    squares = [np.concatenate([table.y, table.reference]) ** 2 for table in (few, many)]
    mean = [float(values.mean()) for values in squares]
    se = math.hypot(*(values.std(ddof=1) / 4.0 for values in squares))
    # without the correction the spread of the few points would be half as large again
    assert abs(mean[0] - mean[1]) < 3.5 * se
    assert se < 0.25 * mean[1]


def test_the_annealing_gap_in_two_dimensions(measured, averages):
    found = measured("E11", "control", dimension=2, alpha=[2.0, 4.0], sets=16, replicates=8)
    n = np.array([4.0, 8.0])
    # the arc's share of the circle is half a Beta(2, n - 1) variate, whose mean is 2 / (n + 1)
    quenched = special.digamma(2.0) - special.digamma(n + 1.0) - math.log(2.0)
    exact = (-np.log1p(n) - quenched) / n
    mean, se = averages(found, "reference")
    assert np.all(np.abs(mean - exact) < 4.5 * se)
    assert np.all(se < 0.03)
    mean, se = averages(found)
    assert np.all(np.abs(mean) < 4.5 * se + 1e-4)  # independent classifiers by the ten thousand: no gap
    assert np.all(se < 1e-3)


def test_the_annealed_excess_is_that_of_the_table(measured, binary_bad_fraction):
    table = {60: 1.786e-7, 90: 4.86e-12, 120: 1.34e-16}
    found = measured("F1", n_examples=list(table), draws=300)
    exact = [math.log(binary_bad_fraction(n, 0.25) / f) for n, f in table.items()]
    rounding = [3e-4, 1.1e-3, 4e-3]  # of the table's last digits
    assert np.all(np.abs(found.y - exact) < 4.0 * math.sqrt(2.0) * found.se + rounding)
    assert np.all(found.se < 0.06)
    assert found.reference == pytest.approx(math.log(2.0))
