"""`Unit`: one piece of work of a run, and how units are carried out on an executor."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from genlaws.simulate.measurement import Measurement, Source

from .claim import Settings

Role = Literal["claim", "control"]
Measure = Callable[[Settings, np.random.Generator], Measurement]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of work, with everything that determines its measurement bit for bit.

    Attributes
    ----------
    claim, source, role
        Which claim it serves, by which source, and whether as the claim's own case or as its control.
    index
        Its place among the units of that claim, source and role.
    settings
        What the experiment is to do.
    seed
        The seed of the whole run.
    """

    claim: str
    source: Source
    role: Role
    index: int
    settings: Settings
    seed: int

    def generator(self) -> np.random.Generator:
        """Its own random stream: the same whatever else is run, where, and in what order."""
        digest = hashlib.sha256(f"{self.claim}/{self.source}/{self.role}".encode()).digest()
        words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(*words, self.index)))


@dataclass(frozen=True, slots=True)
class Task:
    """A unit with the function that does it, and its place among the units of its claim and control."""

    unit: Unit
    measure: Measure
    place: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result: `reason` in one line, `trace` in full."""

    reason: str
    trace: str


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What became of a task: its measurement or its failure, and the seconds it took."""

    task: Task
    result: Measurement | Failure
    seconds: float


def failure(error: Exception) -> Failure:
    """An exception in one line: its type, the innermost line of code, and what it said."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    said = " ".join(str(error).split()) or "no message"
    return Failure(f"{type(error).__name__}{where}: {said}", "".join(traceback.format_exception(error)))


def _one_thread(source: Source) -> AbstractContextManager[object]:
    """One thread for matrix products: how many there are changes the last bits of the result.

    A library must be loaded before a limit can reach it, and numba's own threads must be running: they
    are untouched by the limit, but would lift it from the others as they start.
    """
    import scipy.linalg  # noqa: F401
    from numba import get_num_threads
    from threadpoolctl import threadpool_limits

    get_num_threads()
    if source == "network":
        import genlaws.empirical.networks  # noqa: F401  brings torch
    limit: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limit


def run_unit(measure: Measure, unit: Unit) -> Measurement:
    """Measure one unit of work. Every unit passes through here, wherever it runs.

    `unit` is the whole key of the result: equal units give equal measurements, so that a store from
    units to measurements can stand in front of this function.

    Raises
    ------
    TypeError
        If `measure` returns something else than a Measurement.
    """
    with _one_thread(unit.source):
        measurement = measure(unit.settings, unit.generator())
    if not isinstance(measurement, Measurement):
        raise TypeError(f"an experiment must return a Measurement, got {type(measurement).__name__}")
    return measurement


def _attempt(task: Task) -> TaskOutcome:
    """Run a task where it was sent; what it raises travels home as a value."""
    start = time.perf_counter()
    try:
        result: Measurement | Failure = run_unit(task.measure, task.unit)
    except Exception as error:
        result = failure(error)
    return TaskOutcome(task, result, time.perf_counter() - start)


def task_outcomes(executor: Executor | None, tasks: Sequence[Task]) -> Generator[TaskOutcome, None, None]:
    """Carry out the tasks and yield each outcome as it comes in; closing the iterator cancels the rest.

    With `executor` None they run here, one by one, in order.
    """
    if executor is None:
        yield from map(_attempt, tasks)
        return
    running: dict[Future[TaskOutcome], Task] = {}
    try:
        for task in tasks:
            try:
                running[executor.submit(_attempt, task)] = task
            except Exception as error:  # the pool broke, or the task cannot travel
                yield TaskOutcome(task, failure(error), 0.0)
        for future in as_completed(running):
            try:
                outcome = future.result()
            except Exception as error:  # lost on the way: a killed worker, a result that cannot travel
                outcome = TaskOutcome(running[future], failure(error), 0.0)
            yield outcome
    finally:
        for future in running:
            future.cancel()
