"""`Ledger`: what came of the units of a run so far, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from genlaws.simulate.measurement import Measurement, Source

from .claim import Claim, Readings, named_reading
from .execution import Failure, Task, TaskOutcome, Use, failure, merged
from .looks import ONLY, Look
from .protocol import judge, range_not_covered
from .store import DamagedFileError
from .time_left import seconds_left
from .units import Role
from .verdict import Outcome, Verdict

Job = tuple[str, Source]
"""A claim's id and a source."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, after a unit of work or a verdict.

    Attributes
    ----------
    done, total
        Units of the run, each counted once however many claims it serves.
    claim, source
        What the last unit was for.
    job_done, job_total
        Units of that claim and source.
    seconds_left
        Until the run is done; None where nothing is known yet.
    verdict
        Given when the last unit of a claim and source is in; Holm's correction comes at the end of the run
        and is not in it yet.
    seconds
        Of work that the claim and source took so far.
    damaged
        What is wrong with a file of the store, whose unit is measured anew.
    """

    done: int
    total: int
    claim: str
    source: Source
    job_done: int = 0
    job_total: int = 0
    seconds_left: float | None = None
    verdict: Verdict | None = None
    seconds: float = 0.0
    damaged: str | None = None


def error_verdict(claim: Claim, source: Source, seed: int, reason: str) -> Verdict:
    """The verdict on a claim that could not be measured or judged."""
    claim = claim.as_tested_by(source)
    return Verdict(
        claim=claim.id,
        source=source,
        verdict=Outcome.ERROR,
        reason=reason,
        predicted=claim.predicted,
        band=claim.band,
        seed=seed,
    )


def _job(use: Use) -> Job:
    return use.claim, use.source


def _measurement(use: Use, result: Measurement | Readings) -> Measurement:
    if isinstance(result, Measurement):
        return result
    return named_reading(result, use.reading or "")


def _decide(
    claim: Claim, source: Source, seed: int, outcomes: Sequence[tuple[Use, TaskOutcome]], look: Look
) -> tuple[Verdict, str]:
    """The verdict on finished units, and the traceback if it is ERROR."""
    parts: dict[Role, list[Measurement]] = {"claim": [], "control": []}
    # by place, so that rows are joined and the first failure is named the same whoever finished first
    ordered = sorted(outcomes, key=lambda entry: entry[0].place)
    try:
        for use, outcome in ordered:
            if isinstance(outcome.result, Failure):
                reason = f"{use.role}, unit {outcome.task.unit.index}: {outcome.result.reason}"
                return error_verdict(claim, source, seed, reason), outcome.result.trace
            parts[use.role].append(_measurement(use, outcome.result))
        measurement, control = (Measurement.concatenate(parts[role]) for role in ("claim", "control"))
        return judge(claim, source, measurement, control, seed=seed, look=look), ""
    except Exception as error:
        failed = failure(error)
        return error_verdict(claim, source, seed, f"judging: {failed.reason}"), failed.trace


def _goes_on(claim: Claim, verdict: Verdict) -> bool:
    """Whether more replicates could decide: not where x that the claim needs are missing."""
    if verdict.verdict is not Outcome.INCONCLUSIVE or verdict.measurement is None:
        return False
    return range_not_covered(claim.as_tested_by(verdict.source), verdict.measurement) is None


@dataclass(slots=True)
class Ledger:
    """What came of the units so far: the one thing in a run that changes.

    Attributes
    ----------
    asked
        Id -> claim.
    tasks
        All units of each claim and source up to this look; those of shared work stand with each that they
        serve.
    units
        How many different ones are known to be needed.
    seed
        Of the run.
    tell
        Called after every unit and with every verdict.
    verdicts, traces, seconds
        What has come out, where it failed, and the seconds of work it took; those of a unit that serves
        several are shared out evenly.
    outcomes
        Of the units that are done, with what they were for.
    done
        How many different units these are.
    measured
        How many of them were done in this run and not read from a store, with their seconds of work.
    damaged
        What is wrong with files of the store.
    stored
        How many units were read from a store.
    look
        Which verdicts are given at; what it leaves open has none before the last.
    """

    asked: dict[str, Claim]
    tasks: dict[Job, list[Task]]
    units: int
    seed: int
    tell: Callable[[Progress], None]
    started: float = field(default_factory=time.perf_counter)
    verdicts: dict[Job, Verdict] = field(default_factory=dict)
    traces: dict[Job, str] = field(default_factory=dict)
    seconds: dict[Job, float] = field(default_factory=dict)
    outcomes: dict[Job, list[tuple[Use, TaskOutcome]]] = field(default_factory=dict)
    measured: dict[Job, tuple[int, float]] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    stored: int = 0
    done: int = 0
    look: Look = ONLY

    def _progress(self, job: Job, *, verdict: Verdict | None = None, damaged: str | None = None) -> Progress:
        left = {job: len(tasks) - len(self.outcomes.get(job, ())) for job, tasks in self.tasks.items()}
        return Progress(
            done=self.done,
            total=self.units,
            claim=job[0],
            source=job[1],
            job_done=len(self.outcomes.get(job, ())),
            job_total=len(self.tasks.get(job, ())),
            seconds_left=seconds_left(self.measured, left, elapsed=time.perf_counter() - self.started),
            verdict=verdict,
            seconds=self.seconds.get(job, 0.0),
            damaged=damaged,
        )

    def settle(self, job: Job, verdict: Verdict, trace: str = "") -> None:
        """A verdict is there."""
        self.verdicts[job] = verdict
        if trace:
            self.traces[job] = trace
        self.tell(self._progress(job, verdict=verdict))

    def distrust(self, task: Task, why: DamagedFileError) -> None:
        """The file of a unit in the store is damaged."""
        self.damaged.append(str(why))
        self.tell(self._progress(_job(task.uses[0]), damaged=str(why)))

    def enter(self, outcome: TaskOutcome, *, stored: bool = False) -> None:
        """A unit is done, and with the last one of a claim and source the verdict."""
        self.done += 1
        self.stored += stored
        uses = outcome.task.uses
        seconds = outcome.seconds / len(uses)
        for use in uses:
            job = _job(use)
            self.outcomes.setdefault(job, []).append((use, outcome))
            self.seconds[job] = self.seconds.get(job, 0.0) + seconds
            if not stored:
                units, spent = self.measured.get(job, (0, 0.0))
                self.measured[job] = units + 1, spent + seconds
        served = dict.fromkeys(map(_job, uses))
        for job in served:
            self.tell(self._progress(job))
        for job in served:
            if len(self.outcomes[job]) == len(self.tasks[job]):
                begin = time.perf_counter()
                verdict, trace = _decide(self.asked[job[0]], job[1], self.seed, self.outcomes[job], self.look)
                self.seconds[job] += time.perf_counter() - begin
                if self.look.last or not _goes_on(self.asked[job[0]], verdict):
                    self.settle(job, verdict, trace)

    def next_look(self, look: Look, tasks: Mapping[Job, list[Task]]) -> list[Task]:
        """Go on to a look with these units for what is open; those that are not measured yet, each once."""
        self.look = look
        self.tasks.update(tasks)
        new = []
        for job, group in tasks.items():
            known = {use.place for use, _ in self.outcomes.get(job, ())}
            new += [task for task in group if task.uses[0].place not in known]
        left = merged(new)
        self.units = self.done + len(left)
        return left
