"""Work that several claims share: done once, stored once, and each reads its own measurement."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from importlib import resources

import jsonschema
import numpy as np
import pytest

from genlaws.paper_checks.claim import SharedWork
from genlaws.paper_checks.claims.units import by_budget, rows, shared_simulation
from genlaws.paper_checks.pruning import plan_pruning
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.serialize import json_text
from genlaws.paper_checks.store import Store
from genlaws.theory import PowerLaw

CALLS: Counter[tuple[int, float]] = Counter()


def measure_both(settings, rng):
    """Two power laws, whose common draw says which unit they come from."""
    draw = float(rng.standard_normal())
    CALLS[settings["replicate"], draw] += 1
    x = np.geomspace(1.0, 100.0, 8)
    noise = np.exp(0.02 * rng.standard_normal(8))
    readings = {
        name: rows({**settings, "draw": draw}, x, x**power * noise, y_label=name)
        for name, power in {"as foretold": -1.0, "otherwise": -2.0}.items()
    }
    if settings.get("broken"):
        raise ZeroDivisionError("on purpose")
    return readings


WORK = SharedWork("two-powers", measure_both)


@pytest.fixture
def shared(make_claim):
    """Makes claims on the two powers."""
    CALLS.clear()

    def reading(name, *, work=WORK, replicates=6, **settings):
        return shared_simulation(by_budget(replicates, 8, 8), work, name, **settings)

    def make(name, *, first="as foretold", other="otherwise", **more):
        claim = make_claim()
        control = replace(claim.control, experiments=reading(other, **more))
        return replace(
            claim,
            id=name,
            law=PowerLaw(exponent=-1.0),
            predicted=-1.0,
            band=(-1.1, -0.9),
            x_range=(1.0, 100.0),
            experiments=reading(first, **more),
            control=control,
        )

    return make


def test_a_unit_is_carried_out_once_for_all_that_read_from_it(shared):
    run = run_claims([shared("T1"), shared("T2", first="otherwise", other="as foretold")], rng=1)
    assert run.units == 6
    assert sorted(CALLS.values()) == [1] * 6
    first, second = run.verdicts
    assert first.verdict == "SUPPORTED"
    assert second.verdict == "REFUTED"
    assert first.measurement.y.tobytes() == second.control.measurement.y.tobytes()
    assert first.measurement.y_label == "as foretold"


def test_the_measurements_do_not_depend_on_who_asks(shared):
    alone = run_claims([shared("T1")], rng=1).verdicts[0]
    both = run_claims([shared("T0", first="otherwise"), shared("T1")], rng=1).verdicts[1]
    assert json_text(alone.measurement.to_dict()) == json_text(both.measurement.to_dict())
    # fewer replicates are the first of more
    fewer = run_claims([shared("T1", replicates=4)], rng=1).verdicts[0]
    assert fewer.measurement.y.tobytes() == alone.measurement.y[: fewer.measurement.y.size].tobytes()


def test_other_settings_and_other_work_are_other_units(shared):
    run = run_claims([shared("T1"), shared("T2", finer=True)], rng=1)
    assert run.units == 12
    other = SharedWork("two-other-powers", measure_both)
    run = run_claims([shared("T1"), shared("T2", work=other)], rng=1)
    assert run.units == 12
    assert run.verdicts[0].measurement.y.tobytes() != run.verdicts[1].measurement.y.tobytes()


def test_a_store_keeps_all_readings_of_a_unit(shared, tmp_path):
    store = Store.at(tmp_path / "store")
    first = run_claims([shared("T1")], rng=1, store=store)
    assert (first.units, first.units_stored, sum(CALLS.values())) == (6, 0, 6)
    again = run_claims(
        [shared("T1"), shared("T2", first="otherwise", other="as foretold")], rng=1, store=store
    )
    assert (again.units, again.units_stored, sum(CALLS.values())) == (6, 6, 6)
    assert json_text(again.verdicts[0].measurement.to_dict()) == json_text(
        first.verdicts[0].measurement.to_dict()
    )
    schema = json.loads(
        (resources.files("genlaws.paper_checks") / "schemas/measurement.schema.json").read_text("utf-8")
    )
    paths = list(store.unit_paths())
    assert len(paths) == 6
    for path in paths:
        document = json.loads(path.read_text("utf-8"))
        jsonschema.validate(document, schema)
        assert set(document["readings"]) == {"as foretold", "otherwise"}


def test_outdated_shared_work_is_told_by_its_own_revision(shared, tmp_path):
    store = Store.at(tmp_path / "store")
    claim = shared("T1")
    run_claims([claim], rng=1, store=store)
    assert plan_pruning(store, outdated=True, claims=[claim]).units == ()
    newer = shared("T1", work=replace(WORK, revision=2))
    assert len(plan_pruning(store, outdated=True, claims=[newer]).units) == 6
    assert len(plan_pruning(store, outdated=True, claims=[]).units) == 6
    assert run_claims([newer], rng=1, store=store).units_stored == 0


def test_what_fails_ends_in_error_for_all_that_read_from_it(shared):
    run = run_claims([shared("T1", broken=True), shared("T2", broken=True), shared("T3")], rng=1)
    assert [verdict.verdict for verdict in run.verdicts] == ["ERROR", "ERROR", "SUPPORTED"]
    assert "on purpose" in run.verdicts[1].reason
    (missing,) = run_claims([shared("T1", first="not there")], rng=1).verdicts
    assert missing.verdict == "ERROR"
    assert "no reading 'not there'; known: as foretold, otherwise" in missing.reason
