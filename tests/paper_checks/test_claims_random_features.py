"""B1 to B5: what is read off networks, and of random-feature networks, against the theory of them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from genlaws.paper_checks.claim import BUDGETS
from genlaws.paper_checks.claims.fluctuation_rows import ensemble_rows, fluctuation_numbers, width_rows
from genlaws.paper_checks.claims.geiger_fluctuations import CLAIMS
from genlaws.paper_checks.claims.random_feature_readings import (
    measure_own_sets,
    measure_random_features,
    random_features,
)
from genlaws.simulate import GaussianMixtureLabels, Measurement
from genlaws.theory import (
    mixture_excess_coefficients,
    perturbed_mixture_error,
    random_feature_prediction,
)

BY_ID = {claim.id: claim for claim in CLAIMS}
SETTINGS = {
    **random_features("error")["simulation"].units("quick")[0],
    "n": 20,
    "points": 3000,
    "seeds": 64,
    "networks": 60,
    "replicate": 5,
}


@pytest.fixture(scope="module")
def readings():
    return measure_random_features(SETTINGS, np.random.default_rng(1))


@pytest.fixture(scope="module")
def own_sets():
    return measure_own_sets(SETTINGS, np.random.default_rng(2))


def same_training_set():
    """The inputs and labels that the readings of generator 1 are of, drawn in the same order."""
    rng = np.random.default_rng(1)
    data = GaussianMixtureLabels(SETTINGS["separation"])
    dimension = SETTINGS["inputs_per_example"] * SETTINGS["n"]
    rng.integers(2**62)  # the test points
    return data.points(np.arange(SETTINGS["n"]), dimension, int(rng.integers(2**62)))


@pytest.fixture(scope="module")
def known():
    """Mean weights and, for each width, the deviation of each weight orthogonal to the training set."""
    inputs, labels = same_training_set()
    mean = np.linalg.pinv(inputs) @ labels
    away = np.eye(inputs.shape[1]) - np.linalg.pinv(inputs) @ inputs
    widths = np.array(SETTINGS["widths"]) * SETTINGS["n"]
    return mean, away, np.sqrt(mean @ mean / (widths - SETTINGS["n"] - 1.0))


def slope(measurement):
    return np.polyfit(np.log(measurement.x), np.log(measurement.y), 1)[0]


def test_all_readings_are_of_one_replicate_and_travel_as_json(readings, own_sets):
    for reading in [*readings.values(), *own_sets.values()]:
        assert isinstance(reading, Measurement)
        assert set(reading.replicate.tolist()) == {5}
        assert json.loads(json.dumps(reading.to_dict()))["settings"] == SETTINGS
        assert len(reading.y_label) <= 34
    assert set(own_sets) < set(readings)


def test_equal_seeds_give_equal_readings():
    small = {**SETTINGS, "seeds": 16, "points": 200, "networks": 10, "widths": [20, 40], "sizes": [1, 2]}
    for measure in (measure_random_features, measure_own_sets):
        first, again, other = (measure(small, np.random.default_rng(seed)) for seed in (3, 3, 4))
        for name, reading in first.items():
            assert reading.to_dict() == again[name].to_dict()
        assert not np.array_equal(first["distance"].y, other["distance"].y)


def test_fluctuation_and_gradient_are_those_of_the_theory(readings, known):
    mean, away, deviations = known
    # over the population: the weights' spread, and once more along the line between the clouds
    population = np.trace(away) + SETTINGS["separation"] ** 2 * away[0, 0]
    assert readings["squared fluctuation"].y == pytest.approx(deviations**2 * population, rel=0.1)
    lengths = np.sqrt(mean @ mean + deviations**2 * np.trace(away))
    assert readings["gradient norm"].y == pytest.approx(lengths, rel=0.01)
    parallel = math.sqrt(mean @ mean) + deviations * math.sqrt(np.trace(away))
    assert readings["parallel gradient norm"].y == pytest.approx(parallel, rel=0.02)


def test_the_deviation_is_that_of_random_feature_regression(known):
    inputs, labels = same_training_set()
    points = np.vstack([inputs, np.eye(inputs.shape[1])])
    prediction = random_feature_prediction(points @ points.T, labels, 20 * SETTINGS["n"])
    mean, away, deviations = known
    assert prediction.mean == pytest.approx(mean)
    assert prediction.variance == pytest.approx(deviations[0] ** 2 * np.diagonal(away))


def test_excess_errors_are_those_of_a_perturbed_boundary(readings, known):
    mean, away, deviations = known
    unit = mean / np.linalg.norm(mean)
    where = {
        "dimension": round(np.trace(away)),
        "separation": SETTINGS["separation"],
        "overlap": unit[0],
        "exposed": math.sqrt(away[0, 0]),
    }
    sizes = deviations / np.linalg.norm(mean)
    exact = perturbed_mixture_error(sizes, **where) - perturbed_mixture_error(0.0, **where)
    assert readings["excess error"].y == pytest.approx(exact, rel=0.1)
    # means of k networks deviate by 1/sqrt(k) as much
    second, fourth = mixture_excess_coefficients(**where)
    ensembles = readings["ensemble excess"]
    squares = sizes[0] ** 2 / ensembles.x
    assert ensembles.y == pytest.approx(second * squares + fourth * squares**2, rel=0.15)


def test_boundaries_move_by_the_ratio_of_norms(readings):
    at = readings["distance against ratio"]
    assert at.y.tolist() == readings["distance"].y.tolist()
    # near the boundary the clouds' density is that of a normal variable: |normal| over its mean
    assert np.all((at.y / at.x > 1.0) & (at.y / at.x < 1.6))
    assert slope(at) == pytest.approx(1.0, abs=0.1)
    assert readings["excess against distance"].x.tolist() == at.y.tolist()
    assert readings["excess against distance"].y.tolist() == readings["excess error"].y.tolist()
    assert slope(readings["excess against distance"]) == pytest.approx(2.0, abs=0.2)


def test_what_is_set_against_distances_covers_the_range(readings):
    for claim in (BY_ID[name].as_tested_by("simulation") for name in ("B3a", "B3b", "B4a")):
        x = readings[claim.experiments["simulation"].reading].x
        assert x.min() <= claim.x_range[0]
        assert x.max() >= claim.x_range[1]


def test_controls_are_what_they_say(readings, own_sets, known):
    mean, _, _ = known
    # every crossing of the boundary costs in proportion
    assert slope(readings["disagreement against distance"]) == pytest.approx(1.0, abs=0.15)
    # half of the networks three times as large as the others: at any width outputs spread by half the mean
    scaled = readings["distance against scaled ratio"]
    overlap = mean[0] / np.linalg.norm(mean)
    spread = 0.25 * (1.0 + (SETTINGS["separation"] * overlap) ** 2)
    assert scaled.x[-1] == pytest.approx(math.sqrt(spread / 1.25), rel=0.05)
    assert scaled.x[0] / scaled.x[-1] < 1.2
    for name in ("excess", "distance"):
        copied, real = readings[f"copied ensemble {name}"], readings[f"ensemble {name}"]
        assert copied.x.tolist() == (real.x**2).tolist()
        assert copied.y.tolist() == real.y.tolist()
    for name in ("squared fluctuation", "excess error", "distance"):
        assert abs(slope(own_sets[name])) < 0.15
        assert own_sets[name].y[-1] > 10 * readings[name].y[-1]


def test_the_threshold_is_at_one_feature_for_each_example(readings):
    place = int(np.argmax(readings["error"].y))
    assert 0.8 <= SETTINGS["ratios"][place] <= 1.3
    single, early = readings["error"], readings["early error"]
    assert np.all(early.y < single.y)
    assert np.all(readings["ensemble error"].y < single.y)
    # what is nearly interpolating far beyond the threshold errs as kernel regression does
    inputs, labels = same_training_set()
    mean = np.linalg.pinv(inputs) @ labels
    kernel = GaussianMixtureLabels(SETTINGS["separation"]).error(mean[0] / np.linalg.norm(mean))
    assert readings["ensemble error"].y[-1] == pytest.approx(float(kernel), abs=0.02)


def test_a_budget_counts_the_parameters_of_deep_or_of_shallow_networks(readings):
    members, width = np.array(SETTINGS["members"]), SETTINGS["member_width"]
    deep, shallow = readings["budget"], readings["shallow budget"]
    assert deep.x.tolist() == (members * width**2).tolist()
    assert shallow.x.tolist() == (members * width).tolist()
    assert deep.y.tolist() == shallow.y.tolist()
    # a shallow network of k h features spreads less than the mean of k networks of h, a deep one of
    # sqrt(k) h more: 1 / (k h - n) < 1 / (k (h - n)) < 1 / (sqrt(k) h - n)
    assert np.all(shallow.reference[1:] < shallow.y[1:])
    assert np.all(deep.reference[1:] > deep.y[1:])


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("name", BY_ID)
def test_the_range_is_covered_at_every_budget(name, budget):
    claim = BY_ID[name].as_tested_by("simulation")
    experiment = claim.experiments["simulation"]
    units = experiment.units(budget)
    assert [unit["replicate"] for unit in units] == list(range(len(units)))
    assert all(unit["seeds"] % size == 0 for unit in units for size in unit["sizes"])
    x = np.array(units[0]["sizes"] if name.startswith("B5") else units[0]["widths"], dtype=float)
    if "against" not in experiment.reading:
        assert x.min() <= claim.x_range[0]
        assert x.max() >= claim.x_range[1]


@pytest.mark.parametrize(
    ("source", "works"),
    [
        ("simulation", ("random-features", "random-features-own-sets")),
        ("network", ("width-sweep", "width-sweep-own-sets")),
    ],
)
def test_all_claims_read_one_work_and_their_controls_at_most_another(source, works):
    for claim in (claim.as_tested_by(source) for claim in CLAIMS):
        if source == "network" and claim.id in ("B3b", "B5a", "B5b"):
            both = {claim.experiments[source].work.name, claim.control.experiments[source].work.name}
            assert both == {"width-ensembles"}
            continue
        assert claim.experiments[source].work.name == works[0]
        assert claim.control.experiments[source].work.name in works
        assert claim.experiments[source].reading != claim.control.experiments[source].reading or (
            claim.control.experiments[source].work.name == works[1]
        )


def test_numbers_of_known_outputs():
    # f is (1 + e, e) for e of -1 and 3, whose mean is (2, 1); gradients of length 2
    numbers = fluctuation_numbers([[0.0, -1.0], [4.0, 3.0]], np.full((2, 2), 2.0), excess=0.25)
    assert numbers["squared fluctuation"] == pytest.approx(8.0)
    assert numbers["ratio"] == pytest.approx(math.sqrt(8.0) / 2.0)
    assert numbers["disagreement"] == 0.5  # the first network, at both points
    assert numbers["distance"] == pytest.approx(2.0 / 2.0 * math.sqrt(2.0))
    assert (numbers["gradient norm"], numbers["excess error"]) == (2.0, 0.25)
    # halved and half as large again: (0, -1/2) and (6, 9/2), gradients 1 and 3
    assert numbers["scaled ratio"] == pytest.approx(math.sqrt((18.0 + 12.5) / 2.0 / 5.0))
    # a point without a slope says nothing of distances
    slopes = np.array([[0.0, 2.0], [2.0, 2.0]])
    assert fluctuation_numbers([[0.0, -1.0], [4.0, 3.0]], slopes, excess=0.0)["distance"] == pytest.approx(
        math.sqrt(2.0)
    )


def test_rows_stand_against_widths_sizes_and_each_other():
    settings = {"replicate": 2, "sizes": [1, 3]}
    numbers = [
        fluctuation_numbers(scale * np.array([[1.0, -2.0], [-3.0, 1.0]]), np.ones((2, 2)), excess=scale)
        for scale in (1.0, 0.5)
    ]
    wide = width_rows(settings, [10.0, 20.0], numbers, x_label="N")
    assert wide["excess error"].x.tolist() == [10.0, 20.0]
    assert wide["excess error"].y.tolist() == [1.0, 0.5]
    distance, ratio = wide["distance"].y, [each["ratio"] for each in numbers]
    assert wide["distance against ratio"].x.tolist() == ratio
    assert wide["distance against ratio"].y.tolist() == distance.tolist()
    assert wide["distance against fluctuation"].x ** 2 == pytest.approx(wide["squared fluctuation"].y)
    many = ensemble_rows(settings, numbers)
    assert many["copied ensemble distance"].x.tolist() == [1.0, 9.0]
    assert many["copied ensemble distance"].y.tolist() == distance.tolist()
    assert many["ensemble excess against distance"].x.tolist() == distance.tolist()
    assert many["ensemble excess against distance"].y.tolist() == [1.0, 0.5]
