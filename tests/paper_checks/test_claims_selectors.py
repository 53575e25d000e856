"""Three selectors on one zero-error set (F2), against rejection, closed forms and what cannot be learned."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from genlaws.paper_checks.claim_registry import all_claims
from genlaws.paper_checks.claims.selector_readings import (
    measure_linear_selectors,
    measure_network_selectors,
)
from genlaws.simulate import SphericalPerceptron

BY_ID = {claim.id: claim for claim in all_claims()}
LINEAR = {
    "replicate": 3, "dimension": 6, "particles": 200, "late": 300.0, "alphas": [0.5, 1.0], "overlap": 1.0,
    "start_norm": 0.0,
}  # fmt: skip
NETWORK = {
    "replicate": 3, "data": "mnist5k", "task": "parity", "components": 10, "arch": "fc:1x16", "device": "cpu",
    "n_examples": [4, 8], "trained": 6, "heldout": 60, "particles": 30, "late": -20.0, "shuffled": False,
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("measure", "settings"), [(measure_linear_selectors, LINEAR), (measure_network_selectors, NETWORK)]
)
def test_one_unit_gives_tables_that_its_seed_determines(measure, settings):
    first, again, other = (measure(settings, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert set(first) == {"stopped", "late", "far"}
    assert {k: m.to_dict() for k, m in first.items()} == {k: m.to_dict() for k, m in again.items()}
    assert not np.array_equal(first["far"].y, other["far"].y)
    for table in first.values():
        assert set(table.replicate.tolist()) == {3}
        json.dumps(table.to_dict())
    # what is held against one another comes from the same classifiers
    np.testing.assert_array_equal(first["late"].reference, first["stopped"].y)
    np.testing.assert_array_equal(first["far"].reference, first["stopped"].reference)


def test_uniform_classifiers_are_those_of_rejection():
    dimension, n, units = 6, 3, 40
    found = [
        measure_linear_selectors({**LINEAR, "alphas": [n / dimension]}, np.random.default_rng([5, k]))
        for k in range(units)
    ]
    uniform = np.array([readings["stopped"].reference[0] for readings in found])
    rng = np.random.default_rng(0)
    family = SphericalPerceptron(dimension, seed=1)
    drawn = family.draw(20_000, rng)
    errors, means = family.true_errors(drawn), []
    for k in range(300):
        right = family.correct(drawn, np.arange(n) + 100 * k).all(axis=1)
        means.append(errors[right].mean())
    se = np.hypot(uniform.std(ddof=1) / np.sqrt(units), np.std(means, ddof=1) / np.sqrt(300))
    assert abs(uniform.mean() - np.mean(means)) < 4.0 * se
    assert se < 0.02


def test_late_descent_is_that_of_the_largest_margin():
    found = measure_linear_selectors({**LINEAR, "late": 1e4}, np.random.default_rng(4))
    np.testing.assert_allclose(found["late"].y, found["far"].y, atol=2e-3)


def test_one_example_leaves_no_choice_to_descent():
    # from zero weights, one example is all there is: stopped, late and largest margin are the same
    found = measure_linear_selectors({**LINEAR, "dimension": 4, "alphas": [0.25]}, np.random.default_rng(6))
    np.testing.assert_allclose(found["stopped"].y, found["far"].y, atol=1e-6)
    np.testing.assert_allclose(found["late"].y, found["far"].y, atol=1e-6)
    assert found["far"].y[0] < found["far"].reference[0]


def test_long_starts_are_still_seen_where_no_error_is_left():
    settings = {**LINEAR, "dimension": 20, "alphas": [1.0]}
    short, long = (
        np.mean(
            [
                measure_linear_selectors({**settings, "start_norm": norm}, np.random.default_rng([7, k]))[
                    "late"
                ].reference[0]
                for k in range(6)
            ]
        )
        for norm in (0.0, 30.0)
    )
    assert long > short + 0.05


def test_nothing_is_learned_of_shuffled_labels():
    tables = [
        measure_network_selectors(
            {**NETWORK, "arch": "fc:1x32", "shuffled": True, "heldout": 400, "n_examples": [6]},
            np.random.default_rng([8, k]),
        )
        for k in range(5)
    ]
    for name in ("stopped", "far"):
        values = np.array([[t[name].y[0], t[name].reference[0]] for t in tables])
        assert np.all(np.abs(values.mean(axis=0) - 0.5) < 0.04)


@pytest.mark.parametrize("name", ["F2a", "F2b", "F2c"])
def test_claims_ask_for_units_that_cover_their_range(name):
    for source in ("simulation", "network"):
        claim = BY_ID[name].as_tested_by(source)
        for experiment in (claim.experiments[source], claim.control.experiments[source]):
            counts = []
            for budget in ("quick", "standard", "full"):
                units = experiment.units(budget)
                assert json.loads(json.dumps(units)) == units
                counts.append(len(units))
            assert counts == sorted(counts)
        x = claim.experiments[source].units("quick")[0]["alphas" if source == "simulation" else "n_examples"]
        assert min(x) <= claim.x_range[0]
        assert max(x) >= claim.x_range[1]
