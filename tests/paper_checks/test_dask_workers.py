"""Units on a real Dask scheduler with two workers on this machine, one of which is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from genlaws.paper_checks.claim import Experiment
from genlaws.paper_checks.executors import dask_workers
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.store import Store
from genlaws.simulate.measurement import Measurement

distributed = pytest.importorskip("distributed")


def dask(kind, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "dask", kind, *map(str, arguments), "--no-dashboard"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def cluster(tmp_path):
    """Starts a scheduler with some workers; returns its address and the workers' processes."""
    started = []

    def start(*, workers, threads=1):
        told = tmp_path / "scheduler.json"
        started.append(dask("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", told))
        for _ in range(600):
            if told.exists() and told.stat().st_size:
                break
            time.sleep(0.05)
        address = json.loads(told.read_text("utf-8"))["address"]
        # no nanny: a worker that is killed stays dead
        hands = [dask("worker", address, "--nthreads", threads, "--no-nanny") for _ in range(workers)]
        started.extend(hands)
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
        return address, started[0], hands

    yield start
    for process in started:
        process.kill()
        process.wait()


def slow_measure(notes, deadly):
    """Notes who measured what; the worker that measures the deadly replicate is killed the first time."""

    def measure(settings, rng):
        replicate = settings["replicate"]
        died = os.path.join(notes, "died")
        if replicate == deadly and not os.path.exists(died):
            open(died, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.05)
        with open(os.path.join(notes, f"{replicate}-{os.getpid()}"), "w"):
            pass
        return Measurement(
            x=np.array([10.0, 20.0, 40.0, 80.0]),
            replicate=np.full(4, replicate),
            y=settings["value"] + 0.05 * rng.standard_normal(4),
        )

    return measure


def test_a_worker_killed_in_mid_run_changes_nothing(cluster, make_claim, tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    claim = make_claim()
    units = claim.experiments["simulation"].units
    claim = replace(claim, experiments={"simulation": Experiment(units, slow_measure(str(notes), deadly=5))})
    address, _, hands = cluster(workers=2)
    store = Store.at(tmp_path / "store")
    with dask_workers(address) as workers:
        run = run_claims([claim], budget="full", rng=4, store=store, executor=workers.executor)
    assert (notes / "died").exists()
    assert sorted(hand.poll() is None for hand in hands) == [False, True]
    measured = [path.name.split("-")[0] for path in notes.iterdir() if path.name != "died"]
    assert set(measured) == {str(k) for k in range(24)}
    assert len({path.name.split("-")[1] for path in notes.iterdir() if path.name != "died"}) == 2
    assert len(list(store.unit_paths())) == run.units == 48
    alone = run_claims([claim], budget="full", rng=4)
    assert json.dumps(run.to_dict()["verdicts"]) == json.dumps(alone.to_dict()["verdicts"])
    assert run.verdicts[0].verdict == "SUPPORTED"


def test_what_cannot_work_is_said_at_once(cluster, monkeypatch):
    address, *_ = cluster(workers=1, threads=2)
    with pytest.raises(ValueError, match="one thread each"), dask_workers(address):
        pass
    monkeypatch.setattr("genlaws.paper_checks.executors._DASK_TIMEOUT", "1s")
    with (
        pytest.raises(ValueError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1:"),
        dask_workers("tcp://127.0.0.1:1"),
    ):
        pass


def test_a_scheduler_that_goes_away_ends_the_run_and_what_was_measured_stays(cluster, make_claim, tmp_path):
    address, scheduler, _ = cluster(workers=1)
    claim = make_claim()

    def sleep(settings, rng):
        time.sleep(0.1)
        return claim.experiments["simulation"].measure(settings, rng)

    slow = replace(
        claim, experiments={"simulation": Experiment(claim.experiments["simulation"].units, sleep)}
    )
    store = Store.at(tmp_path / "store")

    def kill_after_three(event):
        if event.done == 3:
            scheduler.kill()

    with dask_workers(address) as workers:
        run = run_claims([slow], rng=4, store=store, executor=workers.executor, progress=kill_after_three)
    assert run.verdicts[0].verdict == "ERROR"
    assert "the scheduler of a cluster may be gone" in run.verdicts[0].reason
    kept = len(list(store.unit_paths()))
    assert 3 <= kept < 12
    resumed = run_claims([slow], rng=4, store=store)
    assert resumed.units_stored == kept
    assert resumed.verdicts[0].verdict == "SUPPORTED"
