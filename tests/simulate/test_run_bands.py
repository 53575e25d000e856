"""Bands over few runs that hold at all places at once: the quantile, and coverage counted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genlaws.simulate.run_bands import log_band_of_runs, student_t_together

X = np.linspace(0.0, 1.0, 25)
SHAPES = {
    "one factor": np.array([0.2 + X]),
    "a tilt": np.array([np.ones(25), 0.3 * (2 * X - 1)]),
    "two": np.array([np.ones(25), 2 * X - 1]),
    "mostly a tilt": np.array([0.3 * np.ones(25), 2 * X - 1]),
    "three": np.array([np.ones(25), 2 * X - 1, 1.5 * (2 * X - 1) ** 2 - 0.5]),
    "bumps": np.exp(-(((X - np.array([[0.1], [0.5], [0.9]])) / 0.18) ** 2)),
}


def turning(runs, angles):
    """Deviations over runs whose directions at the places are known angles apart."""
    free = np.linalg.qr(np.column_stack([np.ones(runs), np.eye(runs)[:, :2]]))[0][:, 1:]
    return free @ np.array([np.cos(angles), np.sin(angles)])


def test_one_place_and_places_that_go_together_take_student_t():
    t = stats.t.ppf(0.975, 7)
    assert student_t_together(turning(8, np.zeros(1)), 0.95) == pytest.approx(t)
    assert student_t_together(turning(8, np.zeros(9)) * np.arange(1, 10), 0.95) == pytest.approx(t)
    assert student_t_together(np.empty((8, 0)), 0.95) == pytest.approx(t)


def test_few_runs_and_places_that_go_apart_take_bonferroni():
    for runs in (2, 3, 4, 5):
        few = student_t_together(np.random.default_rng(0).standard_normal((runs, 9)), 0.9)
        assert few == pytest.approx(stats.t.isf(0.05 / 9, runs - 1))
    apart = student_t_together(turning(8, np.pi / 2 * np.arange(9)), 0.9999)
    assert apart == pytest.approx(stats.t.isf(0.00005 / 9, 7), rel=1e-2)


@pytest.mark.parametrize(("runs", "confidence"), [(6, 0.95), (8, 0.95), (16, 0.9)])
def test_the_quantile_is_that_of_simulated_maxima(runs, confidence):
    angles = np.linspace(0.0, 1.2, 9)
    u = student_t_together(turning(runs, angles), confidence)
    rng = np.random.default_rng(0)
    # two independent factors whose weights turn: correlations are cosines of differences of the angles
    weights = np.array([np.cos(angles), np.sin(angles)])
    largest = []
    for _ in range(20):
        values = rng.standard_normal((5_000, runs, 2)) @ weights
        t = values.mean(axis=1) / values.std(axis=1, ddof=1) * np.sqrt(runs)
        largest.append(np.abs(t).max(axis=1))
    missed, rare = np.mean(np.concatenate(largest) > u), 1.0 - confidence
    # never more often than said, to four standard errors of 100,000; and hardly less, or it would be too wide
    assert missed < rare + 4 * np.sqrt(rare * confidence / 100_000)
    assert missed > 0.9 * rare


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("runs", [3, 6, 16])
def test_bands_cover_everywhere_as_often_as_they_say(runs, shape):
    rng, trials = np.random.default_rng(runs), 400
    everywhere, widths = 0, []
    for _ in range(trials):
        logs = -5.0 + 0.01 * rng.standard_normal((runs, len(SHAPES[shape]))) @ SHAPES[shape]
        _, low, high = log_band_of_runs(logs, X, 0.95)
        everywhere += bool(np.all((low <= -5.0) & (high >= -5.0)))
        widths.append((high[0] - low[0]) / logs[:, 0].std(ddof=1))
    least, most = stats.binom.ppf([1e-4, 1 - 1e-4], trials, 0.95)
    assert everywhere >= least
    wider = np.median(widths) * np.sqrt(runs) / (2 * stats.t.ppf(0.975, runs - 1))
    if runs >= 6:
        # two to three factors make it wider by at most this
        assert everywhere <= most
        assert wider < (1.8 if runs == 6 else 1.45)
    assert wider > 1.0 - 1e-9


def test_at_each_place_alone_it_would_not_hold_at_all():
    rng, trials, shape = np.random.default_rng(0), 400, SHAPES["three"]
    everywhere = 0
    for _ in range(trials):
        logs = -5.0 + 0.01 * rng.standard_normal((6, 3)) @ shape
        alone = [log_band_of_runs(logs[:, [k]], X[[k]], 0.95) for k in range(0, 25, 4)]
        everywhere += all(low[0] <= -5.0 <= high[0] for _, low, high in alone)
    assert everywhere < stats.binom.ppf(1e-4, trials, 0.95)


def test_more_places_between_the_same_ends_cost_little_and_order_nothing():
    rng = np.random.default_rng(5)
    fine = np.linspace(0.0, 1.0, 201)
    logs = -5.0 + 0.01 * rng.standard_normal((8, 3)) @ np.array([np.ones(201), fine, fine**2])
    bands = [log_band_of_runs(logs[:, ::step], fine[::step], 0.95) for step in (1, 40)]
    many, few = (high[0] - low[0] for _, low, high in bands)
    assert few <= many < 1.05 * few
    order = rng.permutation(np.append(np.arange(201), [7, 7]))
    _, low, _ = log_band_of_runs(logs[:, order], fine[order], 0.95)
    np.testing.assert_allclose(low, bands[0][1][order], rtol=1e-12)


def test_places_where_nothing_scatters_change_nothing():
    logs = -1.0 + 0.1 * np.random.default_rng(2).standard_normal((6, 4))
    _, low, high = log_band_of_runs(logs, np.arange(4.0), 0.95)
    same = np.full((6, 2), -0.5) + 1e-16 * np.arange(6)[:, None]
    none = np.full((6, 1), -np.inf)
    _, more_low, more_high = log_band_of_runs(np.hstack([logs, same, none]), np.arange(7.0), 0.95)
    np.testing.assert_allclose(more_low[:4], low)
    np.testing.assert_allclose(more_high[4:6], -0.5)
    assert more_high[6] == -np.inf
    assert np.all(high > low)
