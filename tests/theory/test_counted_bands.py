"""Bands from counts on held-out points: the exact extremes, and coverage of the curve of a finite pool."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from genlaws.theory import (
    CountErrorDensity,
    bad_fraction_band,
    distribution_distance,
    learning_curve,
    learning_curve_band,
    log_annealed_bad_fraction,
)

POINTS = 30


def programme(counts, n, gain, confidence):
    """Extremes over distribution functions of counts, as linear-fractional programmes (Charnes & Cooper)."""
    distance = distribution_distance(len(counts), confidence)
    every = np.arange(POINTS + 1)
    share = np.searchsorted(np.sort(counts), every, side="right") / len(counts)
    upper, lower = np.minimum(share + distance, 1.0), np.maximum(share - distance, 0.0)
    lower[-1] = 1.0
    # none of the k errors among n points drawn without repeats
    survival = stats.hypergeom(POINTS, every, n).pmf(0)
    sums = np.tril(np.ones((POINTS + 1, POINTS + 1)))
    rows = np.vstack([np.hstack([sums, -upper[:, None]]), np.hstack([-sums, lower[:, None]])])
    objective = np.append(gain(every / (POINTS - n)) * survival, 0.0)
    found = [
        optimize.linprog(
            sign * objective,
            A_ub=rows,
            b_ub=np.zeros(len(rows)),
            A_eq=np.append(survival, 0.0)[None],
            b_eq=[1.0],
            bounds=(0, None),
        ).fun
        * sign
        for sign in (1.0, -1.0)
    ]
    return tuple(found)


@pytest.mark.parametrize("n", [0, 3, 12])
@pytest.mark.parametrize("seed", [0, 1])
def test_ends_are_the_extremes_of_linear_programmes(n, seed):
    rng = np.random.default_rng(seed)
    counts = rng.binomial(POINTS, rng.beta(2.0, 5.0, 60))
    band = learning_curve_band(counts / POINTS, n=n, held_out=POINTS, confidence=0.9)
    ends = programme(counts, n, lambda error: error, 0.9)
    assert (band.low[0], band.high[0]) == pytest.approx(ends, abs=1e-7)
    bad = bad_fraction_band(counts / POINTS, n=n, eps=0.3, held_out=POINTS, confidence=0.9)
    ends = programme(counts, n, lambda error: error > 0.3, 0.9)
    assert tuple(np.exp([bad.low[0], bad.high[0]])) == pytest.approx(ends, abs=1e-7)


def test_bands_cover_what_all_classifiers_would_give_on_these_points():
    rng = np.random.default_rng(3)
    n, eps = [1, 5, 12], 0.2
    everyone = CountErrorDensity(rng.binomial(POINTS, rng.beta(2.0, 5.0, 400_000)), POINTS)
    curve = learning_curve(everyone, n)
    bad = log_annealed_bad_fraction(everyone, n=n, eps=eps)
    covered = []
    for _ in range(100):
        errors = rng.choice(everyone.counts, 1500) / POINTS
        band = learning_curve_band(errors, n=n, held_out=POINTS, confidence=0.8)
        other = bad_fraction_band(errors, n=n, eps=eps, held_out=POINTS, confidence=0.8)
        covered.append(
            np.all((band.low <= curve) & (curve <= band.high) & (other.low <= bad) & (bad <= other.high))
        )
        assert np.all(band.high - band.low < [0.06, 0.08, 0.15])
    assert sum(covered) >= 75


def test_points_and_examples_must_go_together():
    with pytest.raises(ValueError, match="whole counts on 7 held-out points"):
        learning_curve_band([0.25], n=1, held_out=7)
    with pytest.raises(ValueError, match="below the 4 held-out points, got 4"):
        learning_curve_band([0.25], n=4, held_out=4)
    with pytest.raises(ValueError, match="n must be whole"):
        bad_fraction_band([0.25], n=1.5, eps=0.1, held_out=4)
