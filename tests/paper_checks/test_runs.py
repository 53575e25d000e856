from __future__ import annotations

import os
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import loky
import numpy as np
import pytest

from genlaws.paper_checks.claim import Experiment
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.units import Unit, run_unit


class Backwards(Executor):
    """Runs nothing until the last task is in, then all of them in reverse."""

    def __init__(self, expected):
        self.expected, self.waiting = expected, []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.waiting.append((future, fn, args))
        if len(self.waiting) == self.expected:
            for waiting, function, arguments in reversed(self.waiting):
                waiting.set_result(function(*arguments))
        return future


FULL = RuntimeError("the disk\nis full")


def failing(experiment, at, error=FULL):
    def measure(settings, rng):
        if settings["replicate"] in at:
            raise error
        return experiment.measure(settings, rng)

    return Experiment(units=experiment.units, measure=measure)


def verdict_parts(run):
    return run.to_dict()["verdicts"]


def test_a_true_claim_is_supported_and_a_wrong_one_refuted(make_claim):
    run = run_claims([make_claim("T1"), make_claim("T2", truth=4.0)], rng=1)
    assert [(v.claim, v.source, v.verdict) for v in run.verdicts] == [
        ("T1", "simulation", "SUPPORTED"),
        ("T2", "simulation", "REFUTED"),
    ]
    supported = run.verdicts[0]
    # 24 values of standard deviation 0.05 around 2: five standard errors, and an interval of that size
    assert abs(supported.estimate - 2.0) < 5 * 0.05 / np.sqrt(24)
    assert 0.01 < supported.high - supported.low < 0.12
    assert supported.replicates == 6
    assert supported.control.verdict == "REFUTED"
    assert supported.seed == run.seed == 1


def test_a_control_that_does_not_come_out_forbids_support(make_claim):
    (verdict,) = run_claims([make_claim(control=2.0)], rng=1).verdicts
    assert verdict.verdict == "INCONCLUSIVE"
    assert not verdict.control.passed


@pytest.mark.parametrize("budget", ["quick", "standard", "full"])
def test_claim_and_control_are_measured_at_the_same_budget(make_claim, budget):
    (verdict,) = run_claims([make_claim()], rng=1, budget=budget).verdicts
    units = {"quick": 6, "standard": 12, "full": 24}[budget]
    assert len(np.unique(verdict.measurement.replicate)) == units
    assert len(np.unique(verdict.control.measurement.replicate)) == units


def test_verdicts_do_not_depend_on_where_or_in_what_order_units_ran(make_claim):
    claims = [make_claim("T1"), make_claim("T2", truth=2.19), make_claim("T3", truth=4.0)]
    here = verdict_parts(run_claims(claims, rng=3))
    assert verdict_parts(run_claims(claims, rng=3, executor=Backwards(36))) == here
    with ThreadPoolExecutor(3) as pool:
        assert verdict_parts(run_claims(claims, rng=3, executor=pool)) == here
    with loky.ProcessPoolExecutor(2) as pool:
        assert verdict_parts(run_claims(claims, rng=3, executor=pool)) == here


def test_verdicts_do_not_depend_on_the_company(make_claim):
    one, other = make_claim("T1"), make_claim("T2", truth=2.1)
    (alone,) = run_claims([other], rng=3).verdicts
    (_, together) = run_claims([one, other], rng=3).verdicts
    assert np.array_equal(alone.measurement.y, together.measurement.y)
    assert (alone.estimate, alone.low, alone.high) == (together.estimate, together.low, together.high)


def test_every_unit_has_its_own_stream(make_claim):
    run = run_claims([make_claim("T1", control=2.0), make_claim("T2", control=2.0)], rng=3)
    again = run_claims([make_claim("T1")], rng=4)
    drawn = [v.measurement.y for v in (*run.verdicts, *again.verdicts)]
    drawn += [v.control.measurement.y for v in run.verdicts]
    values = np.concatenate(drawn)
    assert np.unique(values).size == values.size


def test_a_unit_is_the_whole_key_of_its_measurement(make_claim):
    claim = make_claim("T1")
    run = run_claims([claim], rng=5)
    unit = Unit("T1", "simulation", "claim", 2, claim.experiments["simulation"].units("quick")[2], 5)
    alone = run_unit(claim.experiments["simulation"].measure, unit)
    measured = run.verdicts[0].measurement
    assert np.array_equal(alone.y, measured.y[measured.replicate == 2])


def test_a_source_without_an_experiment_is_not_applicable(make_claim):
    run = run_claims([make_claim()], sources=("network", "simulation"), rng=1)
    assert [v.source for v in run.verdicts] == ["network", "simulation"]
    assert run.verdicts[0].verdict == "NOT_APPLICABLE"
    assert "there is no network in this test" in run.verdicts[0].reason


@pytest.mark.parametrize("backwards", [False, True])
def test_what_raises_is_an_error_with_one_line_and_spares_the_others(make_claim, backwards):
    good = make_claim("T1")
    broken = make_claim("T2", truth=4.0)
    broken.experiments["simulation"] = failing(broken.experiments["simulation"], {2, 4})
    executor = Backwards(24) if backwards else None
    run = run_claims([good, broken], rng=1, executor=executor)
    assert [v.verdict for v in run.verdicts] == ["SUPPORTED", "ERROR"]
    reason = run.verdicts[1].reason
    assert reason.startswith("claim, unit 2: RuntimeError (")
    assert reason.endswith("): the disk is full")
    assert "the disk\nis full" in run.tracebacks["T2/simulation"]
    assert run.verdicts[1].estimate is None


def test_an_error_in_the_control_is_an_error_too(make_claim):
    claim = make_claim()
    claim.control.experiments["simulation"] = failing(claim.control.experiments["simulation"], {0})
    (verdict,) = run_claims([claim], rng=1).verdicts
    assert verdict.verdict == "ERROR"
    assert verdict.reason.startswith("control, unit 0: ")


def test_broken_experiments_are_errors_not_refutations(make_claim):
    def units(budget):
        raise KeyError("no such budget")

    cases = {
        "no unit of work": Experiment(lambda budget: [], None),
        "no such budget": Experiment(units, None),
        "must return a Measurement, got int": Experiment(lambda budget: [{}], lambda settings, rng: 3),
    }
    for said, experiment in cases.items():
        (verdict,) = run_claims([make_claim(experiments={"simulation": experiment})], rng=1).verdicts
        assert verdict.verdict == "ERROR"
        assert said in verdict.reason
        assert "\n" not in verdict.reason


def test_a_killed_worker_is_an_error(make_claim):
    claim = make_claim()

    def measure(settings, rng):
        os._exit(1)

    claim.experiments["simulation"] = Experiment(claim.experiments["simulation"].units, measure)
    with loky.ProcessPoolExecutor(1) as pool:
        (verdict,) = run_claims([claim], rng=1, executor=pool).verdicts
    assert verdict.verdict == "ERROR"
    assert "claim, unit 0" in verdict.reason


def test_an_interruption_passes_through_and_cancels_what_waits(make_claim):
    claim = make_claim()
    claim.experiments["simulation"] = failing(claim.experiments["simulation"], {0}, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_claims([claim], rng=1)

    class Waiting(Executor):
        def __init__(self):
            self.futures = []

        def submit(self, fn, /, *args, **kwargs):
            future = Future()
            if not self.futures:
                future.set_exception(KeyboardInterrupt())
            self.futures.append(future)
            return future

    pool = Waiting()
    with pytest.raises(KeyboardInterrupt):
        run_claims([make_claim()], rng=1, executor=pool)
    assert len(pool.futures) == 12
    assert all(future.cancelled() for future in pool.futures[1:])


def test_holm_is_over_one_paper_and_never_changes_a_verdict(make_claim):
    one = [make_claim("T1", truth=2.12), make_claim("T2", truth=2.12)]
    alone = run_claims(one[:1], rng=1).verdicts[0]
    beside = run_claims([*one, make_claim("T3", paper="others")], rng=1).verdicts
    assert alone.p_value_holm == pytest.approx(alone.p_value)
    assert beside[2].p_value_holm == pytest.approx(beside[2].p_value)
    # Holm doubles the smallest of two p values
    smallest = min(beside[:2], key=lambda v: v.p_value)
    assert smallest.p_value_holm == pytest.approx(2 * smallest.p_value)
    assert beside[0].verdict == alone.verdict


def test_progress_tells_every_unit_and_every_verdict(make_claim):
    seen = []
    run_claims(
        [make_claim("T1"), make_claim("T2")], sources=("simulation", "network"), rng=1, progress=seen.append
    )
    assert [event.done for event in seen if event.verdict is None] == list(range(1, 25))
    assert {event.total for event in seen} == {24}
    told = sorted((event.claim, event.verdict.source) for event in seen if event.verdict is not None)
    assert told == [(c, s) for c in ("T1", "T2") for s in ("network", "simulation")]


def test_seeds(make_claim):
    assert run_claims([make_claim()], rng=np.int64(7)).seed == 7
    first, second = (run_claims([make_claim()], rng=np.random.default_rng(1)).seed for _ in range(2))
    assert first == second
    assert run_claims([make_claim()]).seed != run_claims([make_claim()]).seed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"budget": "huge"}, "budget must be one of quick, standard, full, got 'huge'"),
        ({"sources": ()}, "sources must be among simulation, network"),
        ({"sources": ("simulation", "simulation")}, "once each"),
        ({"sources": ("oracle",)}, "got \\('oracle',\\)"),
        ({"rng": -1}, "rng must be a non-negative seed, got -1"),
    ],
)
def test_bad_arguments(make_claim, arguments, said):
    with pytest.raises(ValueError, match=said):
        run_claims([make_claim()], **arguments)


def test_a_claim_may_be_given_once_only(make_claim):
    with pytest.raises(ValueError, match="claims must be given once each, got T1, T1"):
        run_claims([make_claim(), make_claim()])


def test_other_images_go_to_the_units_that_name_images(make_claim, tmp_path):
    seen, data = [], f"npz:{tmp_path / 'other.npz'}"
    pixels = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
    np.savez(tmp_path / "other.npz", images=pixels, labels=np.arange(10) % 2)

    def noting(experiment, **more):
        def measure(settings, rng):
            seen.append(dict(settings))
            return experiment.measure({k: v for k, v in settings.items() if k not in more}, rng)

        return Experiment(lambda budget: [{**unit, **more} for unit in experiment.units(budget)], measure)

    plain = make_claim()
    claim = replace(
        plain, experiments={"simulation": noting(plain.experiments["simulation"], data="mnist5k")}
    )
    run_claims([claim], data=data, rng=1)
    assert seen
    assert {unit["data"] for unit in seen} == {data}
    seen.clear()
    run_claims([claim], rng=1)
    assert {unit["data"] for unit in seen} == {"mnist5k"}
    seen.clear()
    bare = replace(plain, experiments={"simulation": noting(plain.experiments["simulation"])})
    run_claims([bare], data=data, rng=1)
    assert seen
    assert not any("data" in unit for unit in seen)
