"""Carrying out tasks on any `concurrent.futures.Executor`, workers that die among them."""

from __future__ import annotations

import time
import traceback
from collections import Counter, deque
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

from genlaws.simulate.measurement import Measurement

from .units import Measure, Unit, run_unit

_LOSSES = 2  # times that a task may be lost beside others before it is tried alone


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
    """What became of a task: its measurement or its failure, and the seconds of work it took."""

    task: Task
    result: Measurement | Failure
    seconds: float


def failure(error: BaseException) -> Failure:
    """An exception in one line: its type, the innermost line of code, and what it said."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    said = " ".join(str(error).split()) or "no message"
    return Failure(f"{type(error).__name__}{where}: {said}", "".join(traceback.format_exception(error)))


def _attempt(task: Task) -> TaskOutcome:
    """Run a task where it was sent; what it raises travels home as a value."""
    start = time.perf_counter()
    try:
        result: Measurement | Failure = run_unit(task.measure, task.unit)
    except Exception as error:
        result = failure(error)
    return TaskOutcome(task, result, time.perf_counter() - start)


def _lost(task: Task, error: BaseException) -> TaskOutcome:
    # on the way: a worker that died, a result that cannot travel
    if isinstance(error, CancelledError):  # which says nothing of its own
        error = ConnectionError("the executor gave the task up; the scheduler of a cluster may be gone")
    return TaskOutcome(task, failure(error), 0.0)


def task_outcomes(
    executor: Executor | None, tasks: Sequence[Task], *, in_flight: int | None = None
) -> Generator[TaskOutcome, None, None]:
    """Carry out the tasks and yield each outcome as it comes in; closing the iterator cancels the rest.

    A task that is lost because a worker died is given out again. One that is lost again and again may be
    what kills the workers: it is tried once more alone, and has failed only if it is lost there too, so
    that one deadly task costs the others nothing.

    Parameters
    ----------
    executor : concurrent.futures.Executor or None
        None runs the tasks here, one by one, in order.
    tasks : sequence of Task
    in_flight : int, optional
        How many tasks are given out at once, all of them by default: those are what a broken pool loses.
    """
    if executor is None:
        yield from map(_attempt, tasks)
        return
    room = len(tasks) if in_flight is None else in_flight
    waiting, suspects = deque(tasks), deque[Task]()
    losses: Counter[int] = Counter()
    running: dict[Future[TaskOutcome], Task] = {}

    def lose(task: Task, error: BrokenExecutor) -> TaskOutcome | None:
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
                    running[executor.submit(_attempt, task)] = task
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
