"""Tasks come home whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
from collections import Counter
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genlaws.paper_checks import execution
from genlaws.paper_checks.claim import Experiment
from genlaws.paper_checks.execution import Failure, Task, Use, task_outcomes
from genlaws.paper_checks.executors import local_workers
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.units import Unit
from genlaws.simulate.measurement import Measurement


def square(settings, rng):
    k = settings["replicate"]
    return Measurement(x=np.ones(1), replicate=np.array([k]), y=np.array([k**2.0]))


def tasks(count, measure=square):
    return [
        Task(
            Unit("T1", "simulation", "claim", k, {"replicate": k}, 1),
            measure,
            (Use("T1", "simulation", "claim", k),),
        )
        for k in range(count)
    ]


class Fragile(Executor):
    """Runs what was given out when somebody waits; a deadly task breaks it, with all that it holds."""

    def __init__(self, deaths):
        self.deaths, self.held, self.given = Counter(deaths), [], Counter()
        self.breaks, self.at_once = 0, 0

    def submit(self, fn, /, task):
        if self.deaths["always"]:
            raise BrokenExecutor("gone")
        self.given[task.unit.index] += 1
        future = Future()
        self.held.append((future, fn, task))
        self.at_once = max(self.at_once, len(self.held))
        return future

    def run(self):
        held, self.held = self.held, []
        deadly = [task.unit.index for _, _, task in held if self.deaths[task.unit.index]]
        self.deaths.subtract(deadly)
        self.breaks += bool(deadly)
        for future, fn, task in held:
            if deadly:
                future.set_exception(BrokenExecutor("a worker died"))
            else:
                future.set_result(fn(task))


@pytest.fixture
def outcomes_of(monkeypatch):
    def outcomes(executor, count, **options):
        def run_and_wait(running, return_when):
            executor.run()
            return wait(running, return_when=return_when)

        monkeypatch.setattr(execution, "wait", run_and_wait)
        return sorted(task_outcomes(executor, tasks(count), **options), key=lambda o: o.task.unit.index)

    return outcomes


def test_one_deadly_task_costs_the_others_nothing(outcomes_of):
    executor = Fragile({3: 100})
    found = outcomes_of(executor, 10, in_flight=4)
    assert [o.task.unit.index for o in found] == list(range(10))
    assert isinstance(found[3].result, Failure)
    assert "a worker died" in found[3].result.reason
    assert [o.result.y[0] for k, o in enumerate(found) if k != 3] == [k**2 for k in range(10) if k != 3]
    assert executor.at_once == 4
    # lost twice beside others, then alone; nobody else more often
    assert executor.breaks == 3
    assert max(executor.given.values()) == 3


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_dies_now_and_then_is_made_up_for(outcomes_of, deaths):
    executor = Fragile({3: deaths})
    found = outcomes_of(executor, 10)
    assert [o.result.y[0] for o in found] == [k**2 for k in range(10)]
    assert executor.breaks == deaths
    assert executor.at_once == 10


def test_a_pool_that_stays_broken_ends_in_failures_and_not_in_a_loop(outcomes_of):
    found = outcomes_of(Fragile({"always": 1}), 5, in_flight=2)
    assert [type(o.result) for o in found] == [Failure] * 5
    assert {o.result.reason.split(" ")[0] for o in found} == {"BrokenExecutor"}


def die(once: Path | None = None):
    def measure(settings, rng):
        if settings["replicate"] == 2 and not (once is not None and once.exists()):
            if once is not None:
                once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Measurement(
            x=np.array([10.0, 20.0, 40.0, 80.0]),
            replicate=np.full(4, settings["replicate"]),
            y=settings["value"] + 0.05 * rng.standard_normal(4),
        )

    return measure


def with_measure(claim, measure):
    return replace(
        claim, experiments={"simulation": Experiment(claim.experiments["simulation"].units, measure)}
    )


@pytest.fixture
def two_workers():
    with local_workers(2) as workers:
        yield {"executor": workers.executor, "in_flight": workers.in_flight}


def test_a_killed_process_is_replaced_and_nothing_is_lost(make_claim, tmp_path, two_workers):
    mortal = with_measure(make_claim(), die(tmp_path / "died"))
    run = run_claims([mortal], rng=2, **two_workers)
    assert (tmp_path / "died").exists()
    alone = run_claims([mortal], rng=2)
    assert run.to_dict()["verdicts"] == alone.to_dict()["verdicts"]
    assert run.verdicts[0].verdict == "SUPPORTED"


def test_a_unit_that_kills_every_worker_is_an_error_and_the_others_go_on(make_claim, two_workers):
    deadly = with_measure(make_claim("T1"), die(None))
    run = run_claims([deadly, make_claim("T2")], rng=2, **two_workers)
    assert [verdict.verdict for verdict in run.verdicts] == ["ERROR", "SUPPORTED"]
    assert run.verdicts[0].reason.startswith("claim, unit 2: TerminatedWorkerError")
