"""Double descent, overtraining and votes: each measurement beside what theory or counting says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from genlaws.paper_checks.claims import classics_overtraining
from genlaws.simulate import excess_risks, regression_ensemble
from genlaws.theory import least_squares_risk, optimal_stopping_time

NETWORK = {"source": "network"}


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def test_the_risk_of_least_squares_is_that_of_theory(measured):
    found = measured("E3a", examples=200, draws=10)
    exact = np.log(least_squares_risk(200, np.round(200 * found.x).astype(int), noise=0.25))
    away = np.abs(found.x - 1.0) > 0.25
    assert found.y[away] == pytest.approx(exact[away], abs=0.12)
    # at as many parameters as examples the risk has no mean, its logarithm has
    assert found.y[found.x == 1.0] > found.y[away].max() + 1.0


def test_a_risk_that_is_stopped_in_time_has_no_peak(measured):
    stopped = measured("E3a", "control", examples=100, draws=10)
    assert np.argmax(stopped.y) == stopped.y.size - 1


def test_a_ridge_beyond_measure_leaves_nothing_but_the_labels(measured):
    found = measured("E3a", "control", ridge=1e12, draws=1, **NETWORK)
    assert found.y == pytest.approx(0.0, abs=1e-6)
    plain = measured("E3a", draws=2, examples=60, **NETWORK)
    assert plain.x[np.argmax(plain.y)] == 1.0


@pytest.mark.parametrize("source", ["simulation", "network"])
def test_thresholds_lie_at_the_number_of_equations_and_those_of_the_hinge_below(measured, source):
    changes = {"n_examples": [24], "source": source}
    square, hinge = measured("E3b", **changes), measured("E3b", "control", **changes)
    classes = 5 if source == "simulation" else 10
    assert square.x.tolist() == square.reference.tolist() == [24.0 * classes]
    assert 0.7 < square.y[0] / square.reference[0] < 1.6
    assert hinge.y[0] < 0.75 * square.y[0]


def test_more_images_than_there_are_is_an_error(measured):
    with pytest.raises(ValueError, match="n_examples must be at most 6000"):
        measured("E3b", n_examples=[7000], **NETWORK)
    with pytest.raises(ValueError, match="examples \\+ heldout must be at most 6000"):
        measured("E3a", examples=6000, **NETWORK)


def test_what_overtraining_costs_is_that_of_small_steps(measured):
    found = measured("E10a", examples=40, draws=2, coarse=1, seed=4)
    rng = np.random.default_rng([4, 0])
    costs = []
    for _ in range(2):  # those of the first ratio, 1/4
        models = regression_ensemble(40, 10, noise=0.25, rng=rng)
        weights, path = models.initial[0].copy(), []
        for _ in range(20_000):
            path.append(excess_risks(weights))
            weights += 0.01 * models.inputs.T @ (models.targets - models.inputs @ weights) / 40
        costs.append(math.log(path[-1] / min(path)))
    assert min(costs) > 0.01
    assert found.y[0] == pytest.approx(np.mean(costs), rel=0.05)
    assert found.x[np.argmax(found.y)] == 1.0
    assert np.argmax(measured("E10a", "control", draws=3).y) != np.argmax(found.y)


def test_the_best_time_is_that_of_theory(measured):
    found = measured("E10b", examples=300, draws=5)
    slowest = (1.0 - math.sqrt(0.5)) ** 2
    exact = [slowest * optimal_stopping_time(300, 150, noise=1.0 / ratio) for ratio in found.x]
    # the smallest eigenvalue of a draw scatters by some percent around the edge of the spectrum
    assert found.y == pytest.approx(exact, rel=0.15)
    assert np.all(np.diff(found.y) > 1.0)


def test_times_that_are_not_looked_at_are_an_error(measured, monkeypatch):
    monkeypatch.setattr(classics_overtraining, "_TIMES", np.geomspace(0.03, 3.0, 20))
    with pytest.raises(ValueError, match="outside the times"):
        measured("E10b", examples=40, draws=1)


def test_the_frozen_share_is_that_of_counting_and_of_the_exact_path(measured):
    found = measured("E10c", examples=60, seeds=200)
    assert found.y == pytest.approx(1.0 - 1.0 / found.x, abs=0.03)
    early = measured("E10c", "control", examples=60, seeds=200)
    rng = np.random.default_rng(2)
    for ratio, share in zip(early.x, early.y, strict=True):
        p = round(60 * ratio)
        inputs = rng.standard_normal((60, p))
        modes = np.append(np.linalg.eigvalsh(inputs @ inputs.T / 60), np.zeros(p - 60))
        left = np.exp(-2.0 * modes * 0.25).sum() / p
        assert share == pytest.approx(left, abs=0.05)


def test_a_start_of_size_one_is_the_same_however_the_others_are_scaled(measured):
    few = {"networks": 3, "examples": 32, "heldout": 300, "scales": [1, 4], **NETWORK}
    scaled, same = measured("E10c", **few), measured("E10c", "control", **few)
    assert scaled.y[0] == same.y[0]
    assert scaled.y[1] != same.y[1]
    with pytest.raises(ValueError, match="only 0 networks reached"):
        measured("E10c", **{**few, "max_steps": 0})


def test_a_vote_of_one_errs_as_its_member(measured):
    few = {"n_examples": [8, 16], "heldout": 200, "particles": 30, "sets": 1}
    alone = measured("F4b", "control", **few)
    assert alone.y == pytest.approx(math.sqrt(2.0) * alone.reference, rel=1e-12)
    votes = measured("F4b", **few)
    assert np.all(votes.y < alone.y)


def test_networks_vote_on_the_labels_that_settings_name(measured):
    few = {"n_examples": [4, 8], "heldout": 100, "particles": 30, "sets": 1, "arch": "fc:1x4", **NETWORK}
    digits, taught = measured("F4b", **few), measured("F4b", "control", **few)
    assert digits.settings.get("labels") is None
    assert taught.settings["labels"] == "teacher"
    assert np.all((digits.y > 0.0) & (digits.y < math.sqrt(2.0) * digits.reference))
