"""Runs of a store are listed, and what nobody needs can go; what somebody needs stays."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest
from click.testing import CliRunner

from genlaws.paper_checks import claim_registry
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.pruning import plan_pruning
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.store import Store
from genlaws.paper_checks.units import Unit


def schema(name):
    return json.loads(
        files("genlaws.paper_checks").joinpath("schemas", f"{name}.schema.json").read_text("utf-8")
    )


def genlaws(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def listed(store):
    done = genlaws("runs", "list", store.folder, "--json", "-")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema("runs"), cls=jsonschema.Draft202012Validator)
    return document, done.stderr


@pytest.fixture
def store(tmp_path, make_claim):
    """T1 in one run; T1 and T2 in another, which shares its units."""
    made = Store.at(tmp_path / "store")
    run_claims([make_claim("T1")], rng=1, store=made)
    run_claims([make_claim("T1"), make_claim("T2", truth=4.0)], rng=1, store=made)
    return made


def by_claims(store):
    return {record.claims: record.id for record in store.runs()}


def test_the_list_says_what_was_asked_and_how_it_came_out(store):
    document, table = listed(store)
    found = {tuple(run["claims"]): run for run in document["runs"]}
    assert found[("T1",)]["verdicts"] == {"SUPPORTED": 1}
    assert found[("T1", "T2")]["verdicts"] == {"SUPPORTED": 1, "REFUTED": 1}
    assert (found[("T1", "T2")]["units_done"], found[("T1", "T2")]["units"]) == (24, 24)
    assert document["measurements"] == 24
    assert "✓ 1  ✗ 1" in table
    next(store.unit_paths()).unlink()
    store.verdicts_path(by_claims(store)[("T1", "T2")]).unlink()
    document, table = listed(store)
    assert "23 of 24" in table
    assert "not finished" in table


def test_files_of_a_store_fit_their_schemas(store):
    for path in store.unit_paths():
        jsonschema.validate(json.loads(path.read_text("utf-8")), schema("measurement"))
    for path in store.run_paths():
        jsonschema.validate(json.loads(path.read_text("utf-8")), schema("run"))
        verdicts = json.loads(store.verdicts_path(path.stem).read_text("utf-8"))
        jsonschema.validate(verdicts, schema("verdicts"))
    tables = [schema(name)["$defs"]["measurement"] for name in ("measurement", "verdicts")]
    assert tables[0] == tables[1]


def test_pruning_a_run_leaves_what_another_needs(store):
    small, large = by_claims(store)[("T1",)], by_claims(store)[("T1", "T2")]
    dry = genlaws("runs", "prune", store.folder, "--run", large, "--dry-run")
    assert "would remove 1 runs, 12 measurements" in dry.stderr
    assert len(store.runs()) == 2
    done = genlaws("runs", "prune", store.folder, "--run", large[:6])
    assert "removed 1 runs, 12 measurements" in done.stderr
    (left,) = store.runs()
    assert left.id == small
    assert sorted(path.stem for path in store.unit_paths()) == sorted(left.units)
    assert not store.verdicts_path(large).exists()
    genlaws("runs", "prune", store.folder, "--run", small)
    assert (store.runs(), list(store.unit_paths())) == ((), [])


def test_pruning_by_age(store):
    assert plan_pruning(store, older_than_days=1).files == ()
    assert len(plan_pruning(store, older_than_days=0).units) == 24
    first = by_claims(store)[("T1",)]
    store.run_path(first).unlink()
    old = replace(next(iter(store.runs())), claims=("T9",), units=(), started="2020-01-01T00:00:00+00:00")
    store.begin(old)
    assert plan_pruning(store, older_than_days=30).runs == (store.run_path(old.id),)


def test_what_no_run_asks_for_can_go(store):
    store.run_path(by_claims(store)[("T1", "T2")]).unlink()
    assert plan_pruning(store, unneeded=False, damaged=True).units == ()
    plan = plan_pruning(store, unneeded=True)
    assert len(plan.units) == 12
    plan.carry_out()
    plan.carry_out()
    assert len(list(store.unit_paths())) == 12


def test_what_rests_on_an_earlier_revision_can_go(store, make_claim):
    now = [make_claim("T1"), make_claim("T2")]
    assert plan_pruning(store, outdated=True, claims=now).files == ()
    plan = plan_pruning(store, outdated=True, claims=[make_claim("T1"), make_claim("T2", revision=2)])
    assert len(plan.units) == 12
    assert {path.stem for path in plan.runs} == {by_claims(store)[("T1", "T2")]}
    assert len(plan_pruning(store, outdated=True, claims=now[:1]).units) == 12


def test_families_count_too(tmp_path, make_claim):
    store, claim = Store.at(tmp_path / "families"), make_claim("T1")
    experiment = replace(claim.experiments["simulation"], families=("lookup-table",))
    claim = replace(claim, experiments={"simulation": experiment})
    run_claims([claim], rng=1, store=store)
    assert plan_pruning(store, outdated=True, claims=[claim], families={"lookup-table": 1}).files == ()
    plan = plan_pruning(store, outdated=True, claims=[claim], families={"lookup-table": 2})
    # the six of the claim, and not those of the control, which measures no such family
    assert {store.read_unit(path).key["role"] for path in plan.units} == {"claim"}
    assert (len(plan.units), len(plan.runs)) == (6, 2)


def test_damage_is_named_and_can_go(store):
    first, *_ = store.unit_paths()
    first.write_text("{}", "utf-8")
    record = store.run_path(by_claims(store)[("T1",)])
    record.write_text(record.read_text("utf-8")[:50], "utf-8")
    document, table = listed(store)
    assert [str(record) in line for line in document["damaged"]] == [True]
    assert str(record) in table
    done = genlaws("runs", "prune", store.folder, "--damaged")
    assert f"damaged: {first}" in done.stderr
    assert "2 damaged" in done.stderr
    assert not first.exists()
    assert not record.exists()
    assert len(list(store.unit_paths())) == 23


def test_leftovers_go_in_any_case(store):
    old = store.folder / "units" / ".a.json.0f.tmp"
    old.touch()
    os.utime(old, (1e9, 1e9))
    genlaws("runs", "prune", store.folder, "--unneeded")
    assert not old.exists()
    assert len(list(store.unit_paths())) == 24


def test_networks_of_sweeps_go_when_they_are_named_or_damaged(store):
    units = [Unit("width-sweep", "network", "claim", k, {"width": 3}, 1) for k in range(3)]
    for unit in units:
        store.keep_networks(unit, {"width": 3}, seconds=1.0)
    assert plan_pruning(store, unneeded=True, outdated=True, damaged=True).damaged == ()
    broken, moved, whole = (store.sweep_path(unit.address()) for unit in units)
    broken.write_text("{", "utf-8")
    moved.write_bytes(whole.read_bytes())
    assert set(plan_pruning(store, damaged=True).damaged) == {broken, moved}
    done = genlaws("runs", "prune", store.folder, "--sweeps")
    assert "removed 0 runs, 3 measurements" in done.stderr
    assert list(store.sweep_paths()) == []
    assert len(list(store.unit_paths())) == 24


BAD = {
    "say what to remove": ["prune", "STORE"],
    "is the beginning of 0 runs": ["prune", "STORE", "--run", "zz"],
    "is the beginning of 2 runs": ["prune", "STORE", "--run", ""],
    "no store of measurements": ["list", "."],
    "Missing argument 'DIR'": ["list"],
}


@pytest.mark.parametrize("said", BAD)
def test_bad_use_is_said_in_one_line(store, monkeypatch, make_claim, said):
    monkeypatch.setattr(claim_registry, "all_claims", lambda: (make_claim("T1"),))
    done = genlaws("runs", *[str(store.folder) if word == "STORE" else word for word in BAD[said]])
    assert done.exit_code == 2
    if said != "is the beginning of 2 runs":
        assert said in done.stderr
    assert "Traceback" not in done.stderr
