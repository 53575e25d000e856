"""A store gives back what was kept, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from genlaws.paper_checks.claim import Experiment
from genlaws.paper_checks.run_record import RunRecord
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.store import DamagedFileError, Store
from genlaws.paper_checks.units import Unit
from genlaws.simulate.measurement import Measurement

UNIT = Unit("T1", "simulation", "claim", 3, {"replicate": 3, "n": (10, 20), "p": 0.1}, 7, 1, {"network": 2})
AWKWARD = [0.1, 1e-300, -0.0, 1.7976931348623157e308, 5e-324, 2.0 / 3.0]


def measurement(y=AWKWARD):
    return Measurement(
        x=np.arange(len(y)) + 1.0,
        replicate=np.zeros(len(y), dtype=int),
        y=np.array(y),
        y_label="error ≤ ½",
        settings={"replicate": 3, "n": [10, 20]},
    )


@pytest.fixture
def store(tmp_path):
    return Store.at(tmp_path / "store")


def stored_verdicts(run):
    return json.loads(json.dumps(run.to_dict()["verdicts"]))


def counting(claim, calls):
    """The claim, with every call of its experiments noted."""

    def counted(experiment):
        def measure(settings, rng):
            calls.append(settings)
            return experiment.measure(settings, rng)

        return Experiment(experiment.units, measure)

    control = {s: counted(e) for s, e in claim.control.experiments.items()}
    return replace(
        claim,
        experiments={s: counted(e) for s, e in claim.experiments.items()},
        control=replace(claim.control, experiments=control),
    )


def test_what_is_kept_comes_back_bit_for_bit(store):
    assert store.find(UNIT) is None
    kept = measurement()
    store.keep(UNIT, kept, seconds=1.25)
    found = store.find(UNIT)
    assert found.measured.to_dict() == kept.to_dict()
    assert found.measured.y.tobytes() == kept.y.tobytes()
    assert found.seconds == 1.25
    assert found.key == UNIT.key()
    assert found.made["versions"]["genlaws"]
    assert list(store.unit_paths()) == [store.unit_path(UNIT.address())]


OTHERS = {
    "claim": {"claim": "T2"},
    "source": {"source": "network"},
    "role": {"role": "control"},
    "index": {"index": 4},
    "settings": {"settings": {"replicate": 3, "n": (10, 21), "p": 0.1}},
    "seed": {"seed": 8},
    "revision of the claim": {"revision": 2},
    "revision of a family": {"families": {"network": 3}},
    "another family": {"families": {"process": 2}},
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_whatever_determines_a_measurement_is_in_its_address(store, change):
    store.keep(UNIT, measurement(), seconds=1.0)
    assert store.find(replace(UNIT, **change)) is None


def test_images_count_by_their_contents_and_not_by_their_path():
    def address(path, images):
        return replace(UNIT, settings={"data": path}, images=images).address()

    assert address("npz:/here/a.npz", "aa") == address("npz:/there/b.npz", "aa")
    assert address("npz:/here/a.npz", "aa") != address("npz:/here/a.npz", "bb")
    assert address("npz:/here/a.npz", "aa") != address("cifar10:/here/a.npz", "aa")


def test_an_address_does_not_depend_on_order_or_process():
    other = replace(UNIT, settings={"p": 0.1, "n": [10, 20], "replicate": 3})
    assert other.address() == UNIT.address()
    # written out: a change of it would disown every store there is
    text = (
        '{"claim":"T1","families":{"network":2},"index":3,"revision":1,"role":"claim","seed":7,'
        '"settings":{"n":[10,20],"p":0.1,"replicate":3},"source":"simulation"}'
    )
    assert UNIT.address() == hashlib.sha256(text.encode()).hexdigest()


def test_settings_without_a_form_in_json_are_refused(store):
    with pytest.raises(ValueError, match="cannot write a set"):
        store.keep(replace(UNIT, settings={"n": {1, 2}}), measurement(), seconds=1.0)


DAMAGE = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "one digit": lambda text: text.replace("1e-300", "1e-301"),
    "another file": lambda text: json.dumps({"schema_version": "1.0.0"}),
    "no JSON": lambda text: "\x00" * len(text),
    "not even a mapping": lambda text: "[]",
    "of another major version": lambda text: text.replace('"schema_version": "1.', '"schema_version": "9.'),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_named(store, damage):
    store.keep(UNIT, measurement(), seconds=1.0)
    path = store.unit_path(UNIT.address())
    before = path.read_text("utf-8")
    path.write_text(damage(before), "utf-8")
    assert path.read_text("utf-8") != before
    with pytest.raises(DamagedFileError, match=UNIT.address()):
        store.find(UNIT)
    store.keep(UNIT, measurement(), seconds=1.0)
    assert store.find(UNIT).measured.y.tobytes() == measurement().y.tobytes()


def test_a_file_under_the_name_of_another_is_damaged(store):
    store.keep(UNIT, measurement(), seconds=1.0)
    other = replace(UNIT, seed=8)
    place = store.unit_path(other.address())
    place.parent.mkdir(exist_ok=True)
    shutil.copy(store.unit_path(UNIT.address()), place)
    with pytest.raises(DamagedFileError, match="is the file of"):
        store.find(other)


def test_folders_that_are_no_store_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        Store.at(tmp_path)
    with pytest.raises(ValueError, match="no store of measurements"):
        Store.existing(tmp_path)
    with pytest.raises(ValueError, match="not a folder"):
        Store.at(tmp_path / "thesis.tex")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    made = Store.at(tmp_path / "new" / "store")
    assert Store.existing(made.folder) == Store.at(made.folder) == made


def test_temporary_files_of_the_dead_are_found(store):
    old, new = store.folder / ".a.json.0f.tmp", store.folder / ".b.json.0f.tmp"
    for path in (old, new):
        path.touch()
    os.utime(old, (1e9, 1e9))
    assert store.left_behind() == (old,)


# --- runs ---------------------------------------------------------------------------------------------


def test_a_second_run_measures_nothing_and_says_the_same(make_claim, store):
    calls = []
    claim = counting(make_claim(), calls)
    bare = run_claims([claim], rng=3)
    assert len(calls) == 12
    first = run_claims([claim], rng=3, store=store)
    assert len(calls) == 24
    again = run_claims([claim], rng=3, store=store)
    assert len(calls) == 24
    assert stored_verdicts(bare) == stored_verdicts(first) == stored_verdicts(again)
    assert (first.units_stored, again.units_stored, again.units) == (0, 12, 12)
    assert again.seconds["T1/simulation"] > 0
    run_claims([claim], rng=4, store=store)
    assert len(calls) == 36


def test_a_raised_revision_is_measured_anew(make_claim, store):
    calls = []
    run_claims([counting(make_claim(), calls)], rng=3, store=store)
    run_claims([counting(make_claim(revision=2), calls)], rng=3, store=store)
    assert len(calls) == 24
    assert len(store.runs()) == 2


def test_damage_is_reported_and_mended_in_a_run(make_claim, store):
    calls, events = [], []
    claim = counting(make_claim(), calls)
    whole = run_claims([claim], rng=3, store=store)
    first, second, *_ = store.unit_paths()
    first.write_text(first.read_text("utf-8")[:100], "utf-8")
    second.unlink()
    mended = run_claims([claim], rng=3, store=store, progress=events.append)
    assert len(calls) == 14
    assert [str(first) in why for why in mended.damaged] == [True]
    assert [str(first) in event.damaged for event in events if event.damaged] == [True]
    assert stored_verdicts(mended) == stored_verdicts(whole)
    assert run_claims([claim], rng=3, store=store).damaged == ()
    assert len(calls) == 14


def test_failures_are_not_kept(make_claim, store):
    claim, calls = make_claim(), []

    def fail_at_first(settings, rng):
        calls.append(settings)
        if settings["replicate"] == 2 and len(calls) < 4:
            raise ValueError("the disk is full")
        return claim.experiments["simulation"].measure(settings, rng)

    flaky = replace(
        claim, experiments={"simulation": Experiment(claim.experiments["simulation"].units, fail_at_first)}
    )
    failed = run_claims([flaky], rng=3, store=store)
    assert failed.verdicts[0].verdict == "ERROR"
    repaired = run_claims([flaky], rng=3, store=store)
    assert (len(calls), repaired.units_stored) == (7, 11)
    assert stored_verdicts(repaired) == stored_verdicts(run_claims([claim], rng=3))


def test_stores_merge_by_copying(make_claim, tmp_path):
    calls = []
    one, two = (counting(make_claim(name), calls) for name in ("T1", "T2"))
    here, there = Store.at(tmp_path / "here"), Store.at(tmp_path / "there")
    run_claims([one], rng=3, store=here)
    run_claims([two], rng=3, store=there)
    measured = len(calls)
    shutil.copytree(there.folder, here.folder, dirs_exist_ok=True)
    both = run_claims([one, two], rng=3, store=here)
    assert len(calls) == measured
    assert both.units_stored == both.units == 24
    assert sorted(record.claims for record in here.runs()) == [("T1",), ("T1", "T2"), ("T2",)]


def test_a_run_is_written_down_before_and_its_verdicts_after(make_claim, store):
    seen = []
    claim = make_claim()

    def look(settings, rng):
        seen.append((len(store.runs()), store.verdicts_path(store.runs()[0].id).exists()))
        return claim.experiments["simulation"].measure(settings, rng)

    looking = replace(
        claim, experiments={"simulation": Experiment(claim.experiments["simulation"].units, look)}
    )
    run = run_claims([looking], rng=3, store=store, budget="standard")
    assert set(seen) == {(1, False)}
    (record,) = store.runs()
    assert (record.claims, record.budget, record.seed, len(record.units)) == (("T1",), "standard", 3, 24)
    assert all(store.unit_path(address).exists() for address in record.units)
    kept = json.loads(store.verdicts_path(record.id).read_text("utf-8"))
    assert kept == json.loads(json.dumps(run.to_dict()))


def test_records_come_back(store):
    record = RunRecord(
        ("T1",), ("simulation",), "quick", 3, None, "cpu", ("ab", "cd"), "2026-01-01T00:00:00+00:00"
    )
    store.begin(record)
    later = replace(record, started="2026-02-01T00:00:00+00:00")
    store.begin(later)
    assert store.runs() == (record,)
    other = replace(record, seed=4)
    assert other.id != record.id == later.id
    store.begin(other)
    assert set(store.runs()) == {record, other}
    path = store.run_path(other.id)
    path.write_text(path.read_text("utf-8").replace('"seed": 4', '"seed": 5'), "utf-8")
    with pytest.raises(DamagedFileError, match=other.id):
        store.runs()
