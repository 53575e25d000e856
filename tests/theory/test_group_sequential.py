"""Levels for repeated looks: known bounds, made-up paths, and what cannot be asked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from genlaws.theory import nominal_levels


def test_a_single_look_has_the_whole_level():
    assert nominal_levels([1.0], [0.05]) == pytest.approx([0.05], rel=1e-11)


# bounds for five even looks at a one-sided level of 2.5 %, as tables of group-sequential designs print them
@pytest.mark.parametrize(
    ("spent", "bounds"),
    [
        (lambda t: 2 - 2 * ndtr(ndtri(1 - 0.0125) / np.sqrt(t)), [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        (lambda t: 0.025 * np.log(1 + (np.e - 1) * t), [2.4380, 2.4268, 2.4102, 2.3966, 2.3860]),
    ],
    ids=["O'Brien-Fleming", "Pocock"],
)
def test_bounds_are_those_of_the_tables(spent, bounds):
    fractions = np.arange(1, 6) / 5
    assert -ndtri(nominal_levels(fractions, spent(fractions))) == pytest.approx(bounds, abs=2e-4)


def test_paths_cross_as_often_as_is_spent():
    fractions = np.array([0.125, 0.25, 0.5, 1.0])
    spent = 0.05 * fractions
    bounds = -ndtri(nominal_levels(fractions, spent))
    paths = 400_000
    steps = np.random.default_rng(0).standard_normal((paths, 4)) * np.sqrt(np.diff(fractions, prepend=0.0))
    crossed = np.maximum.accumulate(np.cumsum(steps, axis=1) / np.sqrt(fractions) > bounds, axis=1)
    assert crossed.mean(axis=0) == pytest.approx(spent, abs=5 * np.sqrt(0.05 / paths))


def test_a_look_that_spends_nothing_is_not_taken():
    levels = nominal_levels([0.5, 1.0], [0.0, 0.05])
    assert levels[0] == 0.0
    assert levels[1] == pytest.approx(0.05, rel=1e-8)


@pytest.mark.parametrize(
    ("fractions", "spent", "match"),
    [
        ([0.5, 1.0], [0.05], "one length"),
        ([], [], "one length"),
        ([1.0, 0.5], [0.01, 0.05], "fractions must increase"),
        ([0.5, 1.5], [0.01, 0.05], "fractions must increase"),
        ([0.5, 1.0], [0.05, 0.01], "spent must not decrease"),
        ([0.5, 1.0], [0.1, 0.6], "spent must not decrease"),
    ],
)
def test_what_cannot_be_asked(fractions, spent, match):
    with pytest.raises(ValueError, match=match):
        nominal_levels(fractions, spent)
