"""The registered claims: what each must say, and that its units of work are sound."""

from __future__ import annotations

import json
import math
from collections import Counter
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest

from genlaws.paper_checks import claims as home
from genlaws.paper_checks.claim import BUDGETS
from genlaws.simulate import Measurement
from genlaws.theory import PointwiseLaw

PAPERS = dict.fromkeys(
    ["A1a", "A1b", "A2a", "A2b", "A2c", "A3", "A4", "A5a", "A5b", "A6a", "A6b", "A6c", "A7"], "martinetz"
) | dict.fromkeys(["E4", "E5", "E6", "E7", "E8", "E9", "E11", "F1"], "classics")
REGISTERED = [
    claim
    for module in iter_modules(home.__path__)
    for claim in getattr(import_module(f"{home.__name__}.{module.name}"), "CLAIMS", ())
]
CLAIMS = {claim.id: claim for claim in REGISTERED if claim.id in PAPERS}
# claims that this package expects to be wrong are those whose control is right
EXPECTED_WRONG = {("A2b", "simulation"), ("A2b", "network"), ("A3", "simulation")}

# settings so small that a unit takes a moment
_SIMULATED = {
    "A1a": {"particles": 40},
    "A1b": {"draws": 30},
    "A2a": {"sets": 6},
    "A2b": {"sets": 6},
    "A2c": {"sets": 6},
    "A3": {"sets": 3},
    "A4": {"sets": 1, "draws": 4000},
    "A5a": {"particles": 40},
    "A5b": {"dimension": 4, "particles": 30, "sets": 1},
    "A6a": {"heldout": 40, "particles": 30, "log_floor": -4.0, "sets": 20, "n_examples": [1, 2, 4, 8, 12]},
    "A6b": {
        "heldout": 40,
        "particles": 30,
        "log_floor": -4.0,
        "members": 20,
        "tested_on": 30,
        "sets": 3,
        "n_examples": [2, 4, 6, 8],
        "fitted_up_to": 6,
        "judged_from": 4,
    },
    "E7": {"dimension": 4, "particles": 30, "sets": 1},
    "E8": {"dimensions": [7, 9], "sets": 20},
    "E9": {
        "sizes": [4, 6],
        "kinds": ["linear", "random features"],
        "particles": 30,
        "sets": 1,
        "heldout": 40,
    },
    "E11": {"dimension": 4, "particles": 30, "sets": 3},
    "F1": {"draws": 30},
}
_FEW = {"points": 12, "networks": 512, "sets": 4}
_ON_NETWORKS = {
    "A1a": {"points": 20, "particles": 100, "n_examples": [50, 100], "arch": "fc:1x8"},
    "A1b": {"points": 10, "n_examples": [30, 60], "arch": "fc:1x8"},
    **{name: {**_FEW, "arch": "fc:1x8"} for name in ("A2a", "A2b", "A2c")},
    "A4": {**_FEW, "arch": "fc:1x8", "n_examples": [1, 3]},
    "A3": {**_FEW, "arch": ["fc:1x2", "fc:1x8"], "nested": 256},
}
TINY = {(name, "simulation"): changes for name, changes in _SIMULATED.items()} | {
    (name, "network"): changes for name, changes in _ON_NETWORKS.items()
}


def as_tested(name, source):
    return CLAIMS[name].as_tested_by(source)


def experiment(name, source, role="claim"):
    claim = as_tested(name, source)
    return (claim if role == "claim" else claim.control).experiments[source]


def expected_x(name, settings):
    n = np.asarray(settings.get("n_examples", []), dtype=float)
    if "cases" in settings and isinstance(settings["cases"], dict):
        return np.concatenate([np.asarray(sizes, dtype=float) for sizes in settings["cases"].values()])
    if name == "A6a":
        return n[1::2]
    if name == "A6b":
        return n[n >= settings["judged_from"]]
    if name in ("A5b", "E7"):
        free = settings["dimension"] - 1
        return np.round(np.asarray(settings["alpha"]) * free) / free
    if name == "E11":
        return np.floor(np.asarray(settings["alpha"]) * settings["dimension"]) / settings["dimension"]
    return {"E8": np.zeros(1), "E9": np.asarray(settings.get("sizes", []), dtype=float)}.get(name, n)


def test_every_claim_of_the_issues_is_registered_once_under_its_paper():
    count = Counter(claim.id for claim in REGISTERED)
    assert max(count.values()) == 1
    assert {name: CLAIMS[name].paper for name in PAPERS} == PAPERS


def test_every_claim_on_error_densities_is_tested_on_networks_too():
    for name in ("A1a", "A1b", "A2a", "A2b", "A2c", "A3", "A4", "A5b", "A6a", "A6b", "A7"):
        assert "network" in CLAIMS[name].experiments


@pytest.mark.parametrize("name", PAPERS)
def test_a_claim_says_what_it_is_and_what_would_refute_it(name):
    for source in CLAIMS[name].experiments or ("simulation",):
        claim = as_tested(name, source)
        said = [claim.statement, claim.prediction, claim.falsifier, claim.where, claim.control.description]
        assert all(len(text) > 10 for text in said)
        assert len(set(said)) == len(said)
        low, high = claim.band
        finite = [end for end in claim.band if math.isfinite(end)]
        if len(finite) == 1:  # a bound foretells no number but its end
            assert claim.predicted == finite[0]
        else:
            assert low < claim.predicted < high


@pytest.mark.parametrize("claim", REGISTERED, ids=lambda claim: claim.id)
def test_a_claim_says_why_its_band_is_as_wide_as_it_is(claim):
    for source in claim.experiments:
        tested, restated = claim.as_tested_by(source), claim.restated.get(source)
        reason = tested.band_reason
        assert len(reason) > 20
        assert not reason[0].isupper()
        assert not reason.endswith(".")
        assert reason.count(". ") <= 1  # two sentences at most
        assert reason not in (tested.prediction, tested.falsifier)
        # a band of one open end says so, and only such a band
        assert reason.startswith("one-sided") == (not all(map(math.isfinite, tested.band)))
        if restated is not None and restated.band is not None:
            assert restated.band_reason


@pytest.mark.parametrize(("name", "source"), TINY)
def test_the_control_must_come_out_the_other_way(name, source):
    expected = "SUPPORTED" if (name, source) in EXPECTED_WRONG else "REFUTED"
    assert as_tested(name, source).control.expected == expected


@pytest.mark.parametrize("role", ["claim", "control"])
@pytest.mark.parametrize(("name", "source"), TINY)
def test_units_grow_with_the_budget_and_travel_as_json(name, source, role):
    units = {budget: list(experiment(name, source, role).units(budget)) for budget in BUDGETS}
    for group in units.values():
        assert json.loads(json.dumps(group)) == group
        assert [unit["replicate"] for unit in group] == list(range(len(group)))
        assert len(group) >= 4  # a Student t over fewer says nothing
    for less, more in (("quick", "standard"), ("standard", "full")):
        assert len(units[less]) <= len(units[more])
        grown = [len(units[less]) < len(units[more])]
        for key, value in units[less][0].items():
            other = units[more][0][key]
            if isinstance(value, int | float) and key != "log_floor":
                assert value <= other
            grown.append(value != other)
        assert any(grown)


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize(("name", "source"), TINY)
def test_what_is_measured_covers_what_must_be_covered(name, source, budget):
    x = expected_x(name, experiment(name, source).units(budget)[0])
    low, high = as_tested(name, source).x_range
    assert x.min() <= low
    assert x.max() >= high


@pytest.mark.parametrize("role", ["claim", "control"])
@pytest.mark.parametrize(("name", "source"), TINY)
def test_one_unit_gives_a_table_that_its_seed_determines(name, source, role):
    settings = experiment(name, source, role).units("quick")[0]
    small = {key: value for key, value in TINY[name, source].items() if settings.get(key)}
    settings = settings | small | {"replicate": 7}
    measure = experiment(name, source, role).measure
    first, again, other = (measure(settings, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert isinstance(first, Measurement)
    assert np.allclose(first.x, expected_x(name, settings))
    assert set(first.replicate.tolist()) == {7}
    if isinstance(as_tested(name, source).law, PointwiseLaw):
        assert first.reference is not None
    assert first.y_label != "y"
    assert len(first.y_label) <= 34  # beside its axis in one line
    assert json.loads(json.dumps(first.to_dict()))["settings"]["replicate"] == 7
    assert first.to_dict() == again.to_dict()
    assert not np.array_equal(first.y, other.y)
