"""What D6 measures, against exact answers: equal metrics, conserved norms, and seeds that decide all."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from genlaws.paper_checks.claim_registry import all_claims
from genlaws.paper_checks.claims.batch_normalized_units import (
    measure_growth,
    measure_margins,
    measure_path,
    measure_spread,
)

BY_ID = {claim.id: claim for claim in all_claims()}
IDS = ["D6a", "D6b", "D6c", "D6d", "D6e"]
PATH = {
    "replicate": 1, "examples": 40, "dimension": 4, "least_deviation": 0.2, "log_times": [-2.0, 3.0],
    "whitened": False,
}  # fmt: skip
LATE = {**PATH, "examples": 8, "log_times": [100.0, 1000.0]}
LAYER = {
    "replicate": 1, "examples": 30, "dimension": 5, "units": 6, "time": 4.0, "norm": 2.0, "spread": 0.3,
    "rates": [0.1, 0.2], "normalized": True,
}  # fmt: skip
NETWORK = {
    **LAYER, "data": "mnist5k", "task": "parity", "components": 5, "hidden": [6], "networks": 2,
    "batch_size": 15, "device": "cpu",
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tables(measure, settings, seed):
    found = measure(settings, np.random.default_rng(seed))
    return found if isinstance(found, dict) else {"it": found}


@pytest.mark.parametrize(
    ("measure", "settings"),
    [
        (measure_path, PATH),
        (measure_margins, LATE),
        (measure_growth, LAYER),
        (measure_spread, LAYER),
        (measure_growth, NETWORK),
        (measure_spread, NETWORK),
    ],
)
def test_one_unit_gives_tables_that_its_seed_determines(measure, settings):
    first, again, other = (tables(measure, settings, seed) for seed in (1, 1, 2))
    for name, table in first.items():
        assert table.to_dict() == again[name].to_dict()
        assert not np.array_equal(table.y, other[name].y)
        json.dumps(table.to_dict())


def test_in_the_metric_of_whitened_inputs_nothing_differs():
    path = measure_path({**PATH, "whitened": True}, np.random.default_rng(3))
    assert np.all(path.y < 1e-4)
    found = measure_margins({**LATE, "whitened": True}, np.random.default_rng(3))
    for name in ("unit norm", "tangent activations"):
        np.testing.assert_allclose(found[name].y / found[name].reference, found["activations"].y /
                                   found["activations"].reference, rtol=1e-5)  # fmt: skip


def test_no_margin_exceeds_the_largest():
    for seed in range(4):
        for table in measure_margins(LATE, np.random.default_rng(seed)).values():
            assert np.all(table.y <= table.reference * (1 + 1e-9))


@pytest.mark.parametrize("settings", [LAYER, NETWORK])
def test_smaller_steps_add_less_to_norms(settings):
    grown = measure_growth({**settings, "rates": [0.02, 0.04]}, np.random.default_rng(5)).y
    assert grown[1] / grown[0] == pytest.approx(2.0, rel=0.2)
    moved = measure_growth(
        {**settings, "rates": [0.02, 0.04], "normalized": False}, np.random.default_rng(5)
    ).y
    assert moved[1] / moved[0] == pytest.approx(1.0, rel=0.2)


def test_starts_that_diverge_are_drawn_again_but_not_for_ever():
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="learning_rate must be lower"):
        measure_spread({**LAYER, "time": 1e202, "rates": [1e200]}, np.random.default_rng(0))


@pytest.mark.parametrize("name", IDS)
def test_units_grow_with_the_budget_and_cover_the_range(name):
    for source in BY_ID[name].experiments:
        claim = BY_ID[name].as_tested_by(source)
        for experiment in (claim.experiments[source], claim.control.experiments[source]):
            counts = []
            for budget in ("quick", "standard", "full"):
                units = experiment.units(budget)
                assert json.loads(json.dumps(units)) == units
                counts.append(len(units))
            assert counts == sorted(counts)
            x = units[0].get("rates") or units[0]["log_times"]
            assert min(x) <= claim.x_range[0]
            assert max(x) >= claim.x_range[1]
