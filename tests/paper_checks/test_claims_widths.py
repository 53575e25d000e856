"""Width, by four explanations (F3), against rejection, the kernel's limit and exact tilts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from genlaws.paper_checks.claim_registry import all_claims
from genlaws.paper_checks.claims.width_readings import (
    _features,
    _tilted_mean,
    measure_density_alone,
    measure_depth_beside_width,
    measure_widths,
)
from genlaws.simulate import arc_cosine_covariance
from genlaws.theory.mean_field import MeanField

BY_ID = {claim.id: claim for claim in all_claims()}
IDS = ["F3a", "F3b", "F3c", "F3d"]
SIZES = {"replicate": 2, "dimension": 5, "heldout": 60, "particles": 20, "draws": 2}
SWEEP = {**SIZES, "n": 6, "seen": 6, "widths": [16, 32]}
DENSITY = {**SIZES, "n": 4, "foretold_at": 4, "prior_draws": 500, "widths": [16]}
DEPTHS = {**SIZES, "n": 6, "weight_variance": 4.0, "widths": [16, 32], "depths": [2, 4]}


def test_covariances_of_features_tend_to_the_kernel():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((6, 5))
    limit = arc_cosine_covariance(inputs, depth=2, weight_variance=2.0, bias_variance=0.01)
    features = _features(inputs, 200_000, rng)
    np.testing.assert_allclose(features @ features.T, limit, atol=0.02 * np.diag(limit).max())


@pytest.mark.parametrize("n", [0, 1, 5])
def test_tilts_are_those_of_enumeration(n):
    # the chance that a classifier with so many errors is right on n points drawn without replacement
    wrong, points = np.array([0, 3, 3, 7, 12]), 12
    right = np.array([math.comb(points - k, n) / math.comb(points, n) for k in wrong])
    more = np.array([math.comb(points - k, n + 1) / math.comb(points, n + 1) for k in wrong])
    assert _tilted_mean(wrong, points, n) == pytest.approx(1.0 - more.sum() / right.sum())
    if n == 0:
        assert _tilted_mean(wrong, points, n) == pytest.approx(wrong.mean() / points)


@pytest.mark.parametrize("measure", [measure_widths, measure_density_alone, measure_depth_beside_width])
def test_one_unit_gives_a_table_that_its_seed_determines(measure):
    settings = {measure_widths: SWEEP, measure_density_alone: DENSITY}.get(measure, DEPTHS)
    first, again, other = (measure(settings, np.random.default_rng(seed)) for seed in (1, 1, 2))
    if measure is not measure_widths:
        first, again, other = ({"it": table} for table in (first, again, other))
    assert {name: table.to_dict() for name, table in first.items()} == {
        name: table.to_dict() for name, table in again.items()
    }
    for name, table in first.items():
        assert not np.array_equal(table.y, other[name].y)
        assert set(table.replicate.tolist()) == {2}
        json.dumps(table.to_dict())


def test_before_any_example_the_density_is_that_of_the_prior():
    table = measure_density_alone({**DENSITY, "foretold_at": 0, "draws": 8}, np.random.default_rng(3))
    # inputs and weights are symmetric: half of the points are right on average
    assert table.reference[0] == pytest.approx(0.5, abs=0.03)
    assert table.y[0] < table.reference[0]


def test_two_examples_are_foretold():
    # |H(S)| hardly varies yet, so that the mean over S is that of the tilted density
    settings = {**DENSITY, "n": 2, "foretold_at": 2, "draws": 4, "prior_draws": 3000, "widths": [16, 64]}
    tables = [measure_density_alone(settings, np.random.default_rng([4, k])) for k in range(10)]
    off = np.array([table.y - table.reference for table in tables])
    se = off.std(axis=0, ddof=1) / math.sqrt(len(off))
    assert np.all(np.abs(off.mean(axis=0)) < 4.0 * se + 0.01)
    assert np.all(se < 0.02)


def test_wide_features_do_as_the_limit_does():
    tables = [
        measure_widths({**SWEEP, "widths": [512], "particles": 60}, np.random.default_rng([5, k]))
        for k in range(12)
    ]
    off = np.array([table["error"].y[0] - table["error"].reference[0] for table in tables])
    se = off.std(ddof=1) / math.sqrt(len(off))
    assert abs(off.mean()) < 4.0 * se
    assert se < 0.01


def test_phases_are_those_that_the_claim_names():
    deep = BY_ID["F3c"]
    chaotic = deep.experiments["simulation"].units("quick")[0]
    ordered = deep.control.experiments["simulation"].units("quick")[0]
    for settings, phase in ((chaotic, "chaotic"), (ordered, "ordered")):
        field = MeanField(weight_variance=settings["weight_variance"], bias_variance=0.05)
        assert field.phase == phase
        assert field.trainability_depth < min(settings["depths"])


@pytest.mark.parametrize("name", IDS)
def test_units_grow_with_the_budget_and_cover_the_range(name):
    claim = BY_ID[name]
    for experiment in (claim.experiments["simulation"], claim.control.experiments["simulation"]):
        counts = []
        for budget in ("quick", "standard", "full"):
            units = experiment.units(budget)
            assert json.loads(json.dumps(units)) == units
            counts.append(len(units))
        assert counts == sorted(counts)
        x = units[0]["depths" if name == "F3c" else "widths"]
        assert min(x) <= claim.x_range[0]
        assert max(x) >= claim.x_range[1]
