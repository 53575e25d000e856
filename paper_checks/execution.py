"""Carrying out tasks on any `concurrent.futures.Executor`, workers that die among them."""

from __future__ import annotations

import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from genlaws.simulate.measurement import Measurement, Source

from .claim import Readings
from .units import Measure, Role, Unit, run_unit

_W = TypeVar("_W")
_R = TypeVar("_R")

_LOSSES = 2  # times that a task may be lost beside others before it is tried alone


@dataclass(frozen=True, slots=True)
class Use:
    """What a unit is for: a claim by a source, as its own case or as its control.

    Attributes
    ----------
    claim, source, role
    place
        Among the units of that claim and of its control, in turns; the same at every look.
    reading
        Which of the measurements of shared work it is.
    """

    claim: str
    source: Source
    role: Role
    place: int
    reading: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A unit with the function that does it, and all that it is for."""

    unit: Unit
    measure: Measure
    uses: tuple[Use, ...]


def merged(tasks: Iterable[Task]) -> list[Task]:
    """The tasks with those of one unit of shared work in one, where the first of them stood."""
    found: dict[str | int, Task] = {}
    for task in tasks:
        unit = task.unit.address() if task.unit.role == "shared" else len(found)
        known = found.get(unit)
        found[unit] = task if known is None else replace(known, uses=known.uses + task.uses)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result: `reason` in one line, `trace` in full."""

    reason: str
    trace: str


@dataclass(frozen=True, slots=True)
class WorkOutcome(Generic[_W, _R]):
    """What became of a piece of work: its result or its failure, and the seconds it took."""

    task: _W
    result: _R | Failure
    seconds: float


TaskOutcome: TypeAlias = WorkOutcome[Task, Measurement | Readings]
"""What became of a task; a name for annotations, made as `WorkOutcome`."""


def failure(error: BaseException) -> Failure:
    """An exception in one line: its type, the innermost line of code, and what it said."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    said = " ".join(str(error).split()) or "no message"
    return Failure(f"{type(error).__name__}{where}: {said}", "".join(traceback.format_exception(error)))


def _attempt(function: Callable[[_W], _R], task: _W) -> WorkOutcome[_W, _R]:
    """Do a piece of work where it was sent; what it raises travels home as a value."""
    start = time.perf_counter()
    try:
        result: _R | Failure = function(task)
    except Exception as error:
        result = failure(error)
    return WorkOutcome(task, result, time.perf_counter() - start)


def _run_task(task: Task) -> Measurement | Readings:
    return run_unit(task.measure, task.unit)


def _lost(task: _W, error: BaseException) -> WorkOutcome[_W, _R]:
    # on the way: a worker that died, a result that cannot travel
    if isinstance(error, CancelledError):  # which says nothing of its own
        error = ConnectionError("the executor gave the task up; the scheduler of a cluster may be gone")
    return WorkOutcome(task, failure(error), 0.0)


def work_outcomes(
    function: Callable[[_W], _R],
    executor: Executor | None,
    tasks: Sequence[_W],
    *,
    in_flight: int | None = None,
) -> Generator[WorkOutcome[_W, _R], None, None]:
    """Call `function` on tasks and yield each outcome as it comes in; closing the iterator cancels the rest.

    A task that is lost because a worker died is given out again. One that is lost again and again may be
    what kills the workers: it is tried once more alone, and has failed only if it is lost there too, so
    that one deadly task costs the others nothing.

    Parameters
    ----------
    function : callable
        At the top of a module, so that it can travel.
    executor : concurrent.futures.Executor or None
        None runs the tasks here, one by one, in order.
    tasks : sequence
    in_flight : int, optional
        How many tasks are given out at once, all of them by default: those are what a broken pool loses.

    Yields
    ------
    WorkOutcome
        One for each task, in the order in which they end; what a task raises is its `Failure`.
    """
    attempt = partial(_attempt, function)
    if executor is None:
        yield from map(attempt, tasks)
        return
    room = len(tasks) if in_flight is None else in_flight
    waiting, suspects = deque(tasks), deque[_W]()
    losses: Counter[int] = Counter()
    running: dict[Future[WorkOutcome[_W, _R]], _W] = {}

    def lose(task: _W, error: BrokenExecutor) -> WorkOutcome[_W, _R] | None:
        losses[id(task)] += 1
        if losses[id(task)] > _LOSSES:
            return _lost(task, error)
        (suspects if losses[id(task)] == _LOSSES else waiting).append(task)
        return None

    try:
        while waiting or suspects or running:
            while (waiting and len(running) < room) or (suspects and not running):
                task = waiting.popleft() if waiting else suspects.popleft()
                try:
                    running[executor.submit(attempt, task)] = task
                except BrokenExecutor as error:
                    if (outcome := lose(task, error)) is not None:
                        yield outcome
                except Exception as error:  # the task cannot travel, or the executor is closed
                    yield _lost(task, error)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                try:
                    yield future.result()
                except BrokenExecutor as error:
                    if (outcome := lose(task, error)) is not None:
                        yield outcome
                except Exception as error:
                    yield _lost(task, error)
    finally:
        for future in running:
            future.cancel()


def task_outcomes(
    executor: Executor | None, tasks: Sequence[Task], *, in_flight: int | None = None
) -> Generator[TaskOutcome, None, None]:
    """The outcomes of units, as `work_outcomes` gives them."""
    return work_outcomes(_run_task, executor, tasks, in_flight=in_flight)
