"""Bands of learning curves: against linear programmes, coverage where the curve is known, and their ends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, sparse, stats

from genlaws.theory import (
    AtomicErrorDensity,
    BetaErrorDensity,
    bad_fraction_band,
    distribution_distance,
    learning_curve,
    learning_curve_band,
    log_annealed_bad_fraction,
)


def programme(sample, n, gain, confidence):
    """Extremes of a ratio of integrals over distribution functions on a grid (Charnes & Cooper)."""
    distance = distribution_distance(len(sample), confidence)
    grid = np.unique(np.concatenate([np.linspace(0.0, 1.0, 401), sample]))
    share = np.searchsorted(np.sort(sample), grid, side="right") / len(sample)
    upper, lower = np.minimum(share + distance, 1.0), np.maximum(share - distance, 0.0)
    lower[-1] = 1.0
    survival = (1.0 - grid) ** n
    sums = sparse.csr_matrix(np.tril(np.ones((len(grid), len(grid)))))
    rows = sparse.vstack(
        [
            sparse.hstack([sums, -sparse.csr_matrix(upper[:, None])]),
            sparse.hstack([-sums, sparse.csr_matrix(lower[:, None])]),
        ]
    ).tocsr()
    objective = np.append(gain(grid) * survival, 0.0)
    found = []
    for sign in (1.0, -1.0):
        solution = optimize.linprog(
            sign * objective,
            A_ub=rows,
            b_ub=np.zeros(2 * len(grid)),
            A_eq=np.append(survival, 0.0)[None],
            b_eq=[1.0],
            bounds=(0, None),
            method="highs",
        )
        found.append(sign * solution.fun)
    return found


@pytest.mark.parametrize("n", [0, 2, 15])
@pytest.mark.parametrize("seed", [0, 1])
def test_ends_are_the_extremes_of_a_linear_fractional_programme(n, seed):
    sample = np.random.default_rng(seed).beta(2.0, 5.0, 30)
    band = learning_curve_band(sample, n=n, confidence=0.9)
    low, high = programme(sample, n, lambda error: error, 0.9)
    # the grid of the programme is coarser than the line: it may only fall short
    assert band.low[0] == pytest.approx(low, abs=1e-6)
    assert high - 1e-6 <= band.high[0] <= high + 1e-3
    bad = bad_fraction_band(sample, n=n, eps=0.3, confidence=0.9)
    low, high = programme(sample, n, lambda error: 1.0 * (error > 0.3), 0.9)
    assert np.exp(bad.low[0]) == pytest.approx(low, abs=1e-6)
    assert high - 1e-6 <= np.exp(bad.high[0]) <= high * 1.08 + 1e-6


@pytest.mark.parametrize("density", [BetaErrorDensity(2.0, 5.0), BetaErrorDensity(0.5, 0.5)])
def test_bands_cover_the_known_curve_at_all_n_together(density):
    n, worlds, misses = np.array([0.0, 2.0, 8.0, 40.0, 400.0]), 300, 0
    curve, bad = learning_curve(density, n), log_annealed_bad_fraction(density, n=n, eps=0.25)
    rng = np.random.default_rng(0)
    for _ in range(worlds):
        sample = density.sample(100, rng=rng)
        band = learning_curve_band(sample, n=n, confidence=0.9)
        other = bad_fraction_band(sample, n=n, eps=0.25, confidence=0.9)
        inside = (band.low <= curve) & (curve <= band.high) & (other.low <= bad) & (bad <= other.high)
        misses += not inside.all()
    assert misses <= stats.binom.ppf(0.999, worlds, 0.1)


def test_bands_narrow_as_classifiers_grow_and_hold_the_samples_own_curve():
    widths = []
    for many in (100, 1_000, 10_000):
        sample = BetaErrorDensity(2.0, 5.0).sample(many, rng=1)
        band = learning_curve_band(sample, n=[5, 20])
        own = learning_curve(AtomicErrorDensity(sample), [5, 20])
        assert np.all((band.low <= own) & (own <= band.high))
        widths.append(band.high - band.low)
    assert np.all(widths[0] > 1.7 * widths[1])
    assert np.all(widths[1] > 1.7 * widths[2])


def test_what_was_never_drawn_may_survive_alone():
    sample = np.full(10_000, 0.4)
    band = learning_curve_band(sample, n=[0, 10, 1000])
    assert band.low[0] > 0.39
    assert band.low[2] < 1e-100  # a few perfect classifiers in a thousand would be all that is left
    assert band.high == pytest.approx(np.full(3, 0.4), abs=0.02)
    bad = bad_fraction_band(sample, n=[0, 1000], eps=0.3)
    assert bad.low[1] == pytest.approx(
        1000 * np.log(0.6) - np.log(distribution_distance(10_000, 0.95)), abs=0.1
    )
    assert np.all(bad.high == 0.0)


def test_hopeless_samples_have_hopeless_bands():
    band = learning_curve_band([0.5], n=[0, 5])
    assert np.array_equal(band.low, [0.0, 0.0])
    assert np.array_equal(band.high, [1.0, 1.0])
    assert np.array_equal(bad_fraction_band([1.0] * 50, n=[3], eps=0.2).high, [0.0])


def test_the_distance_is_massarts():
    assert distribution_distance(200, 0.9) == pytest.approx(np.sqrt(np.log(20.0) / 400.0))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"errors": []}, "errors must not be empty"),
        ({"errors": [0.1, 1.2]}, "errors must be"),
        ({"n": [-1]}, "n must be"),
        ({"confidence": 1.0}, "confidence must lie"),
        ({"confidence": 0.0}, "confidence must lie"),
    ],
)
def test_bad_arguments_are_refused(change, match):
    given = {"errors": [0.1, 0.2], "n": [1], "confidence": 0.9} | change
    errors = given.pop("errors")
    with pytest.raises(ValueError, match=match):
        learning_curve_band(errors, **given)
    with pytest.raises(ValueError, match=match):
        bad_fraction_band(errors, eps=0.3, **given)
    with pytest.raises(ValueError, match="classifiers must be at least 1"):
        distribution_distance(0, 0.9)
