"""Looks at growing replicates: their units, their levels, and runs that go on until they can decide."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from genlaws.paper_checks.claim import Claim, Control, Experiment
from genlaws.paper_checks.looks import ONLY, Look, looks
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.store import Store
from genlaws.simulate.measurement import Measurement
from genlaws.theory import PowerLaw

X = np.geomspace(10.0, 1000.0, 9)


def measured(settings, rng):
    # half of the variance is the replicate's own, as in measurements on one training set
    logs = settings["exponent"] * np.log(X) + settings["noise"] * rng.standard_normal(9)
    return Measurement(x=X, replicate=np.full(9, settings["replicate"]), y=np.exp(logs))


def units(exponent, noise):
    return lambda budget: [{"replicate": k, "exponent": exponent, "noise": noise} for k in range(4)]


def claim(exponent=-1.0, noise=0.4, *, x_range=(10.0, 1000.0), work=None):
    return Claim(
        id="T1",
        paper="test",
        where="here",
        statement="The error falls as 1/n.",
        prediction="the exponent is -1 within 0.1",
        law=PowerLaw(-1.0),
        predicted=-1.0,
        band=(-1.1, -0.9),
        x_range=x_range,
        falsifier="another exponent",
        control=Control(
            "another exponent", "REFUTED", {"simulation": Experiment(units(-1.5, 0.01), measured)}
        ),
        experiments={"simulation": Experiment(work or units(exponent, noise), measured)},
        not_applicable={"network": "not measured"},
    )


def test_one_look_is_what_runs_always_had():
    assert Look(1, 1) == ONLY
    assert (ONLY.support_level, ONLY.refute_level, ONLY.rival_share) == (0.05, 0.025, 0.95)
    assert ONLY.units([{"n": 1}]) == [{"n": 1}]


def test_looks_double_replicates_and_are_strict_at_first():
    every = looks(4)
    assert [look.times for look in every] == [1, 2, 4, 8]
    assert [look.last for look in every] == [False, False, False, True]
    levels = [look.support_level for look in every]
    assert levels == sorted(levels)
    assert levels[0] == pytest.approx(0.05 / 8)
    assert levels[-1] < 0.05
    # no look alone is less strict than sharing the level out evenly, nor stricter than what it spends
    assert all(0.05 * look.times / 16 <= look.support_level <= 0.05 for look in every)
    assert -ndtri(every[0].refute_level) > -ndtri(every[-1].refute_level)


def test_units_of_a_look_are_among_those_of_the_next():
    given = [{"replicate": k, "n": 5} for k in range(3)]
    first, second, third = (look.units(given) for look in looks(3))
    assert first == given
    assert second[:3] == first
    assert third[:6] == second
    assert [unit["replicate"] for unit in third] == list(range(12))
    assert all(unit["n"] == 5 for unit in third)


def test_units_without_replicate_numbers_cannot_be_made_more():
    with pytest.raises(ValueError, match="units must have replicate numbers"):
        Look(2, 2).units([{"n": 5}])


@pytest.mark.parametrize(("number", "of"), [(0, 1), (2, 1), (1, 7)])
def test_there_are_one_to_six_looks(number, of):
    with pytest.raises(ValueError, match="looks must be from 1 to 6"):
        Look(number, of)


def test_a_run_goes_on_until_it_can_decide():
    fixed = run_claims([claim()], rng=1)
    assert fixed.verdicts[0].verdict == "INCONCLUSIVE"
    run = run_claims([claim()], rng=1, looks=5)
    (verdict,) = run.verdicts
    assert verdict.verdict == "SUPPORTED"
    look = Look(verdict.details["look"], 5)
    assert 1 < look.number <= 5
    assert verdict.replicates == 4 * look.times
    assert verdict.level == pytest.approx(1 - 2 * look.support_level)
    assert run.units == 2 * verdict.replicates
    # the first replicates are those of the fixed run
    assert np.array_equal(verdict.measurement.y[:36], fixed.verdicts[0].measurement.y)


def test_a_clear_case_is_decided_at_the_first_look():
    run = run_claims([claim(-1.5, 0.01)], rng=0, looks=4)
    assert run.verdicts[0].verdict == "REFUTED"
    assert (run.verdicts[0].details["look"], run.units) == (1, 8)


def test_what_is_left_open_at_the_end_is_inconclusive():
    run = run_claims([claim(-1.1, 0.4)], rng=0, looks=2)
    assert run.verdicts[0].verdict == "INCONCLUSIVE"
    assert (run.verdicts[0].details["look"], run.verdicts[0].replicates) == (2, 8)


def test_replicates_are_not_added_where_x_are_missing():
    run = run_claims([claim(noise=0.01, x_range=(10.0, 1e6))], rng=0, looks=4)
    assert run.verdicts[0].verdict == "INCONCLUSIVE"
    assert run.verdicts[0].details["look"] == 1


def test_units_that_cannot_be_repeated_are_an_error_with_its_reason():
    run = run_claims([claim(work=lambda budget: [{"exponent": -1.0, "noise": 0.1}])], rng=0, looks=2)
    assert run.verdicts[0].verdict == "ERROR"
    assert "replicate numbers" in run.verdicts[0].reason


def test_a_store_keeps_the_units_of_every_look(tmp_path):
    store = Store.at(tmp_path / "store")
    first = run_claims([claim()], rng=1, looks=5, store=store)
    again = run_claims([claim()], rng=1, looks=5, store=store)
    assert again.units_stored == again.units == first.units
    assert again.to_dict()["verdicts"] == first.to_dict()["verdicts"]
    # a run of one look is another run, on the same measurements
    fixed = run_claims([claim()], rng=1, store=store)
    assert fixed.units_stored == fixed.units == 8
    records = [store.read_run(path) for path in store.run_paths()]
    assert sorted(record.looks for record in records) == [1, 5]
