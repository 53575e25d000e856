"""One unit of work: what limits hold while it is measured."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import cloudpickle
import loky
import numpy as np
import pytest

from genlaws.paper_checks.claim import Experiment
from genlaws.paper_checks.claim_registry import all_claims
from genlaws.paper_checks.run_request import Request
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.units import Unit, run_unit
from genlaws.simulate.measurement import Measurement


def threads_seen(source):
    # made here so that it travels by value: a worker process cannot import the tests
    def count_threads(settings, rng):
        import torch
        from numba import get_num_threads
        from threadpoolctl import threadpool_info

        before, of_numba = torch.get_num_threads(), get_num_threads()
        (torch.ones(200, 200) @ torch.ones(200, 200)).sum()
        pools = max(pool["num_threads"] for pool in threadpool_info())
        seen = [before, torch.get_num_threads(), pools, of_numba]
        return Measurement(x=np.arange(4.0), replicate=np.zeros(4, dtype=int), y=np.array(seen, dtype=float))

    def measured():
        return run_unit(count_threads, Unit("T1", source, "claim", 0, {}, 1)).y.tolist()

    return measured


@pytest.mark.parametrize("where", ["a new process", "here"])
def test_a_unit_on_networks_has_one_thread_and_numba_its_own(where):
    if where == "here":
        found, of_numba = threads_seen("network")(), None
    else:
        threads = dict.fromkeys(["OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "2")
        with loky.ProcessPoolExecutor(1, env=threads) as pool:
            found, of_numba = pool.submit(threads_seen("network")).result(), 2
    assert found[:3] == [1.0, 1.0, 1.0]
    assert of_numba is None or found[3] == of_numba


def test_torch_is_named_where_networks_were_measured_only(make_claim):
    plain = make_claim()
    networks = {"network": plain.experiments["simulation"]}
    control = replace(plain.control, experiments={**plain.control.experiments, **networks})
    both = replace(plain, experiments={**plain.experiments, **networks}, control=control)
    assert "torch" not in run_claims([both], rng=1).versions
    assert run_claims([both], sources=("network",), rng=1).versions["torch"][0].isdigit()
    assert "torch" not in run_claims([plain], sources=("network",), rng=1).versions


def naming(claim, source, **settings):
    """The claim, with more settings in its units, which its experiments note and do without."""
    seen = []

    def named(experiment):
        def measure(given, rng):
            seen.append(dict(given))
            return experiment.measure({k: v for k, v in given.items() if k not in settings}, rng)

        return Experiment(lambda budget: [{**unit, **settings} for unit in experiment.units(budget)], measure)

    control = replace(claim.control, experiments={source: named(claim.control.experiments["simulation"])})
    experiments = {source: named(claim.experiments["simulation"])}
    absent = {name: "not in this test" for name in ("simulation", "network") if name != source}
    return replace(claim, experiments=experiments, control=control, not_applicable=absent), seen


def test_images_that_changed_under_way_are_an_error(make_claim, tmp_path):
    place = tmp_path / "images.npz"
    pixels, labels = np.arange(40, dtype=np.uint8).reshape(10, 2, 2), np.arange(10) % 2
    np.savez(place, images=pixels, labels=labels)
    claim, seen = naming(make_claim(), "simulation", data="mnist5k")

    def change(event):
        if event.done == 3:
            np.savez(place, images=pixels + 1, labels=labels)

    run = run_claims([claim], data=f"npz:{place}", rng=1, progress=change)
    assert len(seen) == 3
    assert run.verdicts[0].verdict == "ERROR"
    assert "are not those that the run was started on" in run.verdicts[0].reason


def test_a_unit_on_a_gpu_has_one_to_itself_and_does_not_say_which(make_claim, monkeypatch):
    held = []

    @contextmanager
    def lease():
        assert not held
        held.append(1)
        yield "cuda:1"
        held.clear()

    monkeypatch.setattr("genlaws.empirical.device_lease.leased_gpu", lease)
    claim, seen = naming(make_claim(), "network", device="cpu")
    run = run_claims([claim], sources=("network",), device="cuda", rng=1)
    assert {unit["device"] for unit in seen} == {"cuda:1"}
    assert run.verdicts[0].verdict == "SUPPORTED"
    assert run.to_dict()["run"]["device"] == "cuda"
    seen.clear()
    run_claims([claim], sources=("network",), rng=1)
    assert {unit["device"] for unit in seen} == {"cpu"}


def test_units_on_networks_name_their_device_and_others_none():
    for claim in all_claims():
        for source, experiment in claim.experiments.items():
            named = {unit.get("device") for unit in experiment.units("quick")}
            assert named == ({"cpu"} if source == "network" else {None}), (claim.id, source)


def test_tasks_name_their_data_and_do_not_ship_them():
    request = Request("full", 0, None, None, "cpu")
    sizes = {
        (claim.id, source): max(len(cloudpickle.dumps(task)) for task in request.tasks(claim, source))
        for claim in all_claims()
        for source in claim.experiments
    }
    assert max(sizes.values()) < 5_000, max(sizes, key=sizes.__getitem__)
