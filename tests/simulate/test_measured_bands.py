"""Bands of measured error densities: coverage and width where the curve is known, and files of them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from genlaws.simulate import (
    ErrorDensityEnsemble,
    SphericalPerceptron,
    largest_measured_n,
    measured_bad_fraction,
    measured_examples_needed,
    measured_learning_curve,
    measured_log_fraction,
    sample_error_density,
)
from genlaws.theory import (
    AtomicErrorDensity,
    PerceptronErrorDensity,
    examples_needed,
    learning_curve,
    log_annealed_bad_fraction,
    log_zero_error_fraction,
)

EXACT = PerceptronErrorDensity(6)
N = np.array([1, 10, 40, 150])


def measure(seed, particles=200):
    return sample_error_density(
        SphericalPerceptron(6), particles=particles, replicas=6, log_floor=-25.0, rng=seed
    )


@pytest.fixture(scope="module")
def measured():
    return measure(0)


def counted(log_cdfs, name="pool"):
    return ErrorDensityEnsemble(
        errors=np.arange(1, 6) / 5.0,
        log_cdfs=np.asarray(log_cdfs),
        error_name=name,
        error_resolution=5,
        persistence=0.0,
        collapsed=False,
        family="made up",
        particles=100,
        seed=0,
    )


def test_the_closed_form_lies_in_a_band_that_is_narrow(measured):
    assert largest_measured_n(measured) > 150
    middle, band = measured_learning_curve(measured, n=N, confidence=0.999)
    curve = learning_curve(EXACT, N)
    assert np.all((band.low < curve) & (curve < band.high))
    assert np.all((band.low < middle) & (middle < band.high))
    assert np.log(band.high / band.low).max() < 0.5
    bad, ends = measured_bad_fraction(measured, n=N, eps=0.1, confidence=0.999)
    exact = log_annealed_bad_fraction(EXACT, n=N, eps=0.1)
    assert np.all((ends.low < exact) & (exact < ends.high))
    assert np.all(ends.high - ends.low < [0.01, 0.1, 1.0, 4.0])
    assert np.all(ends.high <= 0.0)
    assert bad == pytest.approx(exact, abs=0.6)
    needed, least, most = measured_examples_needed(measured, 0.1, confidence=0.999)
    assert least < examples_needed(EXACT, 0.1) < most < 1.4 * least
    assert least < needed < most
    log_fraction = measured_log_fraction(measured, n=N)
    assert log_fraction == pytest.approx(log_zero_error_fraction(EXACT, N), abs=0.4)


@pytest.mark.slow
def test_bands_cover_as_often_as_they_say():
    curve, bad = learning_curve(EXACT, N), log_annealed_bad_fraction(EXACT, n=N, eps=0.1)
    trials, alone, everywhere = 100, [], []
    for seed in range(100, 100 + trials):
        ensemble = measure(seed)
        band = measured_learning_curve(ensemble, n=N)[1]
        ends = measured_bad_fraction(ensemble, n=N, eps=0.1)[1]
        everywhere.append(
            [
                np.all((band.low <= curve) & (curve <= band.high)),
                np.all((ends.low <= bad) & (bad <= ends.high)),
            ]
        )
        assert np.log(band.high / band.low).max() < 0.6
        each = [measured_learning_curve(ensemble, n=[n])[1] for n in N]
        alone.append([one.low[0] <= y <= one.high[0] for one, y in zip(each, curve, strict=True)])
    least = stats.binom.ppf(1e-4, trials, 0.95)
    assert np.sum(alone, axis=0).min() >= least
    assert np.sum(everywhere, axis=0).min() >= least


BODY = np.exp(-0.5 * ((np.arange(1, 41) / 40.0 - 0.5) / 0.15) ** 2)
BODY /= BODY.sum()


def scattered(runs, rng):
    """Runs on a pool whose masses scatter about `BODY` by two smooth factors."""
    factors = np.cos(np.pi * np.arange(1, 3)[:, None] * np.linspace(0.0, 1.0, 40))
    masses = BODY * np.exp(0.01 * rng.standard_normal((runs, 2)) @ factors)
    log_cdfs = np.log(np.cumsum(masses, axis=1) / masses.sum(axis=1, keepdims=True))
    ensemble = counted(np.minimum(log_cdfs, 0.0))
    return replace(ensemble, errors=np.arange(1, 41) / 40.0, error_resolution=40)


@pytest.mark.parametrize("runs", [4, 6, 12])
def test_scattered_runs_are_covered_at_all_n_and_so_are_examples_needed(runs):
    truth, n = AtomicErrorDensity(np.arange(1, 41) / 40.0, BODY), np.unique(np.geomspace(1, 300, 12).round())
    curve, bad = learning_curve(truth, n), log_annealed_bad_fraction(truth, n=n, eps=0.2)
    wanted = float(examples_needed(truth, 0.1))
    rng, trials = np.random.default_rng(runs), 150
    covered = np.zeros(3)
    for _ in range(trials):
        ensemble = scattered(runs, rng)
        band, ends = (
            measured_learning_curve(ensemble, n=n)[1],
            measured_bad_fraction(ensemble, n=n, eps=0.2)[1],
        )
        _, least, most = measured_examples_needed(ensemble, 0.1)
        covered += [
            np.all((band.low <= curve) & (curve <= band.high)),
            np.all((ends.low <= bad) & (bad <= ends.high)),
            least <= wanted <= most,
        ]
    assert covered.min() >= stats.binom.ppf(1e-4, trials, 0.95)


def test_examples_needed_are_those_of_the_band_for_one_n(measured):
    _, least, most = measured_examples_needed(measured, 0.1)
    for n, end in ((least, "low"), (most, "high")):
        assert getattr(measured_learning_curve(measured, n=[n])[1], end) == pytest.approx([0.1], rel=1e-6)


def test_runs_of_a_pool_give_the_interval_worked_out_by_hand():
    masses = np.array([[0.1, 0.2, 0.3, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2, 0.2], [0.15, 0.15, 0.3, 0.2, 0.2]])
    ensemble = counted(np.log(np.minimum(np.cumsum(masses, axis=1), 1.0)))
    middle, band = measured_learning_curve(ensemble, n=[3], confidence=0.9)
    logs = [math.log(learning_curve(AtomicErrorDensity(ensemble.errors, row), 3)) for row in masses]
    half = 2.919986 * np.std(logs, ddof=1) / math.sqrt(3)  # t with 2 degrees of freedom at 95 %
    assert np.log([middle[0], band.low[0], band.high[0]]) == pytest.approx(
        np.mean(logs) + np.array([0.0, -half, half]), rel=1e-6
    )
    assert largest_measured_n(ensemble) == math.inf


def test_before_any_example_a_pool_has_its_mean_though_some_err_always():
    middle, band = measured_learning_curve(counted([np.log(np.arange(1, 6) / 5.0)] * 2), n=[0])
    assert [middle[0], band.low[0], band.high[0]] == pytest.approx([0.6] * 3)


def test_where_a_run_has_no_bad_classifier_numbers_are_averaged():
    first = np.log([0.5, 1.0, 1.0, 1.0, 1.0])
    second = np.log([0.5, 0.75, 1.0, 1.0, 1.0])
    ensemble = counted([first, second])
    middle, band = measured_bad_fraction(ensemble, n=[0, 2], eps=0.5)
    assert math.exp(middle[0]) == pytest.approx(0.125)
    assert band.low[0] == -math.inf
    assert band.high[0] == 0.0
    none = measured_bad_fraction(ensemble, n=[0], eps=0.9)[1]
    assert none.high[0] == -math.inf


def test_what_is_written_is_read_again(measured):
    read = ErrorDensityEnsemble.from_dict(json.loads(json.dumps(measured.to_dict())))
    np.testing.assert_array_equal(read.log_cdfs, measured.log_cdfs)
    np.testing.assert_array_equal(
        measured_learning_curve(read, n=N)[1].low, measured_learning_curve(measured, n=N)[1].low
    )
    document = measured.to_dict()
    for change, said in (
        ({"log_cdfs": None}, "log_cdfs must be runs by errors"),
        ({"errors": [0.2, 0.1]}, "log_cdfs must be runs by errors"),
        ({"errors": document["errors"][::-1]}, "errors must rise"),
        ({"errors": ["a"]}, "no measured error density"),
    ):
        with pytest.raises(ValueError, match=said):
            ErrorDensityEnsemble.from_dict(document | change)
    with pytest.raises(ValueError, match="no measured error density"):
        ErrorDensityEnsemble.from_dict({"n": [1]})


def test_what_cannot_be_told_is_refused(measured):
    with pytest.raises(ValueError, match="confidence must lie"):
        measured_learning_curve(measured, n=[1], confidence=1.0)
    with pytest.raises(ValueError, match="n must be at most"):
        measured_learning_curve(measured, n=[10_000])
    with pytest.raises(ValueError, match="collapsed"):
        measured_learning_curve(replace(measured, collapsed=True), n=[1])
    heldout = counted([np.log([0.2, 0.4, 0.6, 0.8, 1.0])] * 2, name="heldout")
    assert largest_measured_n(heldout) == 4
    assert measured_learning_curve(heldout, n=[0])[0] == pytest.approx([0.6])
    with pytest.raises(ValueError, match="held-out points"):
        measured_bad_fraction(heldout, n=[1], eps=0.1)
