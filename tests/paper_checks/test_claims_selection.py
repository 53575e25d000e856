"""E4, E5, E6: that each measures what it says it measures."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from genlaws.empirical import classification_task, load_images
from genlaws.paper_checks.claim import BUDGETS
from genlaws.paper_checks.claims.classics_selection import CLAIMS
from genlaws.paper_checks.claims.minima_selection import means_at_equal_loss
from genlaws.simulate import GaussianMixtureLabels, Measurement, arc_cosine_covariance
from genlaws.simulate.margin_classifiers import logistic_descent, mean_margin_program

BY_ID = {claim.id: claim for claim in CLAIMS}
MEASURED = [(name, source) for name, claim in BY_ID.items() for source in claim.experiments]
START = {"optimizer": "gd", "max_steps": 0}  # what is trained by no step is drawn from the prior
# settings so small that a unit takes a moment
TINY = {
    ("E4", "network"): {"draws": 2000, "n_examples": [2, 4], "members": 40, "trained": 20, "heldout": 50},
    ("E5", "network"): {"widths": [4, 8], "n": 4, "seen": 2, "particles": 20, "heldout": 50},
    ("E6", "simulation"): {"cases": [["mixture", 0.5, 4], ["logistic", 0.25, 4]], "particles": 20},
    ("E6", "network"): {"n_examples": [2, 4], "particles": 20, "trained": 10, "heldout": 50},
}


@pytest.fixture(autouse=True)
def one_thread():
    # as in a unit of work; threads that wait for each other cost more than these small networks
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def experiment_of(name, source, role="claim"):
    claim = BY_ID[name].as_tested_by(source)
    return (claim if role == "claim" else claim.control).experiments[source]


def measured(name, source, role="claim", *, replicates=1, seed=1, **changes):
    experiment = experiment_of(name, source, role)
    unit = experiment.units("quick")[0]
    assert set(changes) <= set(unit)
    return Measurement.concatenate(
        experiment.measure({**unit, **changes, "replicate": k}, np.random.default_rng([seed, k]))
        for k in range(replicates)
    )


def averages(measurement, column="y"):
    """Mean over replicates at each x and its standard error."""
    replicates = len(np.unique(measurement.replicate))
    values = getattr(measurement, column).reshape(replicates, -1)
    return values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(replicates)


@pytest.mark.parametrize("role", ["claim", "control"])
@pytest.mark.parametrize(("name", "source"), MEASURED)
def test_units_grow_with_the_budget_and_cover_the_range(name, source, role):
    experiment = experiment_of(name, source, role)
    claim = BY_ID[name].as_tested_by(source)
    previous = 4  # a Student t over fewer says nothing
    for budget in BUDGETS:
        units = experiment.units(budget)
        assert json.loads(json.dumps(units)) == units
        assert [unit["replicate"] for unit in units] == list(range(len(units)))
        assert len(units) >= previous
        previous = len(units)
        unit = units[0]
        x = unit.get("widths") or unit.get("n_examples") or [alpha for _, alpha, _ in unit["cases"]]
        assert min(x) <= claim.x_range[0]
        assert max(x) >= claim.x_range[1]


@pytest.mark.parametrize("role", ["claim", "control"])
@pytest.mark.parametrize(("name", "source"), MEASURED)
def test_one_unit_gives_a_table_that_its_seed_determines(name, source, role):
    experiment = experiment_of(name, source, role)
    settings = {**experiment.units("quick")[0], **TINY[name, source], "replicate": 7}
    if role == "claim" and "seen" in settings:
        settings["seen"] = settings["n"]
    first, again, other = (experiment.measure(settings, np.random.default_rng(s)) for s in (3, 3, 4))
    assert first.to_dict() == again.to_dict()
    assert not np.array_equal(first.y, other.y)
    assert set(first.replicate.tolist()) == {7}
    assert first.reference is not None
    assert len(first.y_label) <= 34
    json.dumps(first.to_dict())


# --- E4 -----------------------------------------------------------------------------------------------


def test_equal_losses_take_out_what_the_loss_explains():
    rng = np.random.default_rng(0)
    low, high = rng.uniform(0.3, 0.6, 4000), rng.uniform(0.5, 0.8, 1000)
    mean, other = means_at_equal_loss(low, low - 0.2, high, high - 0.2, width=0.05)
    assert np.mean(high) - np.mean(low) > 0.15
    # both kinds have losses in 0.5 to 0.6 only
    assert mean == pytest.approx(0.35, abs=0.005)
    assert other == pytest.approx(mean, abs=0.005)
    with pytest.raises(ValueError, match=r"losses must meet in some bin of width 0\.05"):
        means_at_equal_loss(low[low < 0.5], low[low < 0.5], high, high, width=0.05)


def test_bins_count_by_the_rarer_kind():
    mean, other = means_at_equal_loss(
        np.array([0.1, 0.1, 0.6, 0.9]),
        np.array([0.0, 0.2, 0.4, 1.0]),
        np.array([0.1, 0.6, 0.6, 0.6]),
        np.array([0.3, 0.2, 0.2, 0.5]),
        width=0.5,
    )
    # bins [0, .5) with 2 and 1, and [.5, 1) with 2 and 3
    assert mean == pytest.approx((1 * 0.1 + 2 * 0.7) / 3)
    assert other == pytest.approx((1 * 0.3 + 2 * 0.3) / 3)


def images(task, components, seed, points):
    # the points of a unit of work: its generator first puts them in order
    data = classification_task(
        load_images("mnist5k"), task, components=components, rng=np.random.default_rng(seed)
    )
    return data.inputs[:points], data.labels[:points]


def guessed_errors(inputs, labels, width, n, heldout, draws, seed):
    # guess-and-check by hand: one hidden layer, weight variance 2 over fan-in, bias variance 0.01
    rng = np.random.default_rng(seed)
    features, errors = inputs.shape[1], []
    for _ in range(draws // 2000):
        first = rng.standard_normal((2000, features, width)) * math.sqrt(2.0 / features)
        second = rng.standard_normal((2000, width)) * math.sqrt(2.0 / width)
        bias, last = 0.1 * rng.standard_normal((2000, 1, width)), 0.1 * rng.standard_normal((2000, 1))

        def right(points, signs, keep, first=first, second=second, bias=bias, last=last):
            hidden = np.maximum(points @ first[keep] + bias[keep], 0.0)
            return (np.einsum("kph,kh->kp", hidden, second[keep]) + last[keep]) * signs > 0.0

        passed = np.flatnonzero(right(inputs[:n], labels[:n], slice(None)).all(axis=1))
        errors.append(1.0 - right(inputs[heldout], labels[heldout], passed).mean(axis=1))
    return np.concatenate(errors)


def test_guesses_are_those_of_guessing_by_hand():
    found = measured(
        "E4", "network", n_examples=[4, 8], bin=1000.0, members=2000, draws=100_000, trained=10, heldout=100
    )
    inputs, labels = images("0-7", 10, [1, 0], 116)
    for n, reference in zip((4, 8), found.reference, strict=True):
        errors = guessed_errors(inputs, labels, 32, n, slice(16, 116), 30_000, seed=n)
        se = errors.std(ddof=1) * math.sqrt(1.0 / errors.size + 1.0 / min(2000, 3.3 * errors.size))
        assert abs(reference - errors.mean()) < 4.0 * se
        assert se < 0.02


def test_training_by_no_step_is_guessing():
    found = measured(
        "E4",
        "network",
        replicates=5,
        n_examples=[2, 4],
        members=1000,
        draws=10_000,
        trained=2500,
        heldout=100,
        training=START,
    )
    difference = (found.y - found.reference).reshape(5, 2)
    se = difference.std(axis=0, ddof=1) / math.sqrt(5)
    assert np.all(np.abs(difference.mean(axis=0)) < 4.5 * se + 0.002)
    assert np.all(se < 0.008)


# --- E5 -----------------------------------------------------------------------------------------------


def test_width_and_its_limit_are_those_of_rejection():
    n, heldout = 4, 100
    found = measured(
        "E5", "network", widths=[4], n=n, seen=n, particles=1000, heldout=heldout, components=10, seed=2
    )
    inputs, labels = images("parity", 10, [2, 0], n + heldout)
    errors = guessed_errors(inputs, labels, 4, n, slice(n, None), 60_000, seed=0)
    # infinitely wide networks: a multivariate normal vector on all points
    rng = np.random.default_rng(1)
    covariance = arc_cosine_covariance(inputs, depth=2, weight_variance=2.0, bias_variance=0.01)
    root = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(inputs)))
    right = rng.standard_normal((60_000, len(inputs))) @ root.T * labels > 0.0
    limit = 1.0 - right[right[:, :n].all(axis=1), n:].mean(axis=1)
    for value, exact in ((found.y[0], errors), (found.reference[0], limit)):
        se = exact.std(ddof=1) * math.sqrt(1.0 / exact.size + 1.0 / 1000.0)
        assert abs(value - exact.mean()) < 4.5 * se
        assert se < 0.005


# --- E6 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["claim", "control"])
def test_share_of_better_interpolators_by_rejection(role):
    n, dimension, data = 4, 8, GaussianMixtureLabels(1.5)
    found = measured(
        "E6", "simulation", role, cases=[["mixture", n / dimension, n]], particles=40, replicates=40
    )
    rng = np.random.default_rng(5)
    members = rng.standard_normal((20_000, dimension))
    errors = data.error(members[:, 0] / np.linalg.norm(members, axis=1))
    shares = []
    for k in range(300):
        inputs, labels = data.points(np.arange(2 * n) + 1000 * k, dimension, 99)
        signed = inputs * labels[:, None]
        alive = errors[(members @ signed[:n].T > 0.0).all(axis=1)]
        if role == "control":
            signed[n:] *= -1.0
        given = signed[:n] if role == "claim" else signed
        picked = data.error(np.stack([logistic_descent(given), mean_margin_program(given, rng=rng)])[:, 0])
        shares.append(max(float(np.mean(alive < error)) for error in picked))
    mean, se = averages(found)
    se = math.hypot(float(se[0]), float(np.std(shares, ddof=1)) / math.sqrt(len(shares)))
    assert abs(mean[0] - np.mean(shares)) < 4.0 * se
    assert se < 0.06


def test_networks_trained_by_no_step_are_typical():
    # of the starts only those count that make no error, and these are members of the ensemble
    found = measured(
        "E6",
        "network",
        replicates=6,
        n_examples=[2, 4],
        particles=150,
        trained=2000,
        heldout=100,
        training=START,
    )
    mean, se = averages(found)
    assert np.all(np.abs(mean - 0.5) < 4.5 * se)
    assert np.all(se < 0.04)


def test_wrong_labels_take_away_what_the_examples_teach():
    # as many wrong labels as right ones: next to nothing is learned, whatever the pairs of digits
    found = measured("E4", "network", "control", n_examples=[8], draws=10_000, heldout=500, replicates=6)
    mean, se = averages(found)
    assert abs(mean[0] - 0.5) < 4.5 * se[0]
    assert se[0] < 0.04
    assert mean[0] - averages(found, "reference")[0][0] > 4.0 * se[0]
