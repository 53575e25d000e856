"""Running claims: from the claims asked for to their verdicts, on any executor."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genlaws.simulate.measurement import Measurement, Source

from .claim import BUDGETS, SOURCES, Budget, Claim, Device, Experiment
from .protocol import holm, judge, not_applicable
from .provenance import commit, now, versions
from .serialize import SCHEMA_VERSION, json_ready, verdict_to_dict
from .units import Failure, Role, Task, TaskOutcome, Unit, failure, task_outcomes
from .verdict import Outcome, Verdict

Job = tuple[str, Source]
"""A claim's id and a source."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: units `done` of `total`, and what the last one completed.

    `verdict` is given when the last unit of a claim and source is in, with the `seconds` of work that
    it took; Holm's correction comes at the end of the run and is not in it yet.
    """

    done: int
    total: int
    claim: str
    verdict: Verdict | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CheckRun:
    """The verdicts of one run, and what they were made with.

    Attributes
    ----------
    claims
        The claims asked for, in order.
    verdicts
        One per claim and source, in the order of the claims, then of the sources.
    budget, seed, sources, data, device
        What was asked for; `data` is None for the images that the claims name.
    started, finished
        UTC, ISO 8601.
    seconds
        ``"claim/source"`` -> seconds of work, summed over its units, whoever ran them.
    wall_seconds
        Seconds from start to end.
    versions
        Of Python, of this package and of what it computes with; of torch where networks were measured.
    commit
        Of the source tree it ran from; None for an installed release.
    tracebacks
        ``"claim/source"`` -> where it failed, for those that ended in ERROR.
    """

    claims: tuple[Claim, ...]
    verdicts: tuple[Verdict, ...]
    budget: Budget
    seed: int
    sources: tuple[Source, ...]
    seconds: Mapping[str, float]
    wall_seconds: float
    started: str
    finished: str
    versions: Mapping[str, str]
    commit: str | None = None
    data: str | None = None
    device: Device = "cpu"
    tracebacks: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The run ready for JSON; everything about time and machine is under ``run``."""
        by_id = {claim.id: claim for claim in self.claims}
        return {
            "schema_version": SCHEMA_VERSION,
            "verdicts": [verdict_to_dict(verdict, by_id[verdict.claim]) for verdict in self.verdicts],
            "run": {
                "budget": self.budget,
                "seed": self.seed,
                "sources": list(self.sources),
                "data": self.data,
                "device": self.device,
                "started": self.started,
                "finished": self.finished,
                "wall_seconds": self.wall_seconds,
                "seconds": json_ready(self.seconds),
                "versions": dict(self.versions),
                "commit": self.commit,
                "platform": platform.platform(),
                "tracebacks": dict(self.tracebacks),
            },
        }


def _seed(rng: np.random.Generator | int | None) -> int:
    """The seed that stands for `rng` in the result."""
    if isinstance(rng, int | np.integer):
        if rng < 0:
            raise ValueError(f"rng must be a non-negative seed, got {rng}")
        return int(rng)
    return int(np.random.default_rng(rng).integers(2**53))  # exact in every reader of JSON


def _expand(claim: Claim, source: Source, budget: Budget, seed: int, data: str | None) -> list[Task]:
    """All units of a claim and of its control for one source, in the order their rows are joined."""
    experiments: tuple[tuple[Role, Experiment], ...] = (
        ("claim", claim.experiments[source]),
        ("control", claim.as_tested_by(source).control.experiments[source]),
    )
    tasks: list[Task] = []
    for role, experiment in experiments:
        units = experiment.units(budget)
        if not units:
            raise ValueError(f"the {role} has no unit of work at budget {budget}")
        for index, given in enumerate(units):
            # only where images are named at all
            settings = {**given, "data": data} if data is not None and "data" in given else given
            tasks.append(
                Task(Unit(claim.id, source, role, index, settings, seed), experiment.measure, len(tasks))
            )
    return tasks


def _error(claim: Claim, source: Source, seed: int, reason: str) -> Verdict:
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


def _decide(claim: Claim, source: Source, seed: int, outcomes: Sequence[TaskOutcome]) -> tuple[Verdict, str]:
    """The verdict on finished units, and the traceback if it is ERROR."""
    parts: dict[Role, list[Measurement]] = {"claim": [], "control": []}
    # by place, so that rows are joined and the first failure is named the same whoever finished first
    for outcome in sorted(outcomes, key=lambda outcome: outcome.task.place):
        unit = outcome.task.unit
        if isinstance(outcome.result, Failure):
            reason = f"{unit.role}, unit {unit.index}: {outcome.result.reason}"
            return _error(claim, source, seed, reason), outcome.result.trace
        parts[unit.role].append(outcome.result)
    try:
        measurement, control = (Measurement.concatenate(parts[role]) for role in ("claim", "control"))
        return judge(claim, source, measurement, control, seed=seed), ""
    except Exception as error:
        failed = failure(error)
        return _error(claim, source, seed, f"judging: {failed.reason}"), failed.trace


def _corrected(claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts with Holm's correction over each paper and source, in the same order."""
    paper = {claim.id: claim.paper for claim in claims}
    groups: dict[tuple[str, Source], list[int]] = {}
    for place, verdict in enumerate(verdicts):
        groups.setdefault((paper[verdict.claim], verdict.source), []).append(place)
    corrected = list(verdicts)
    for places in groups.values():
        for place, verdict in zip(places, holm([verdicts[i] for i in places]), strict=True):
            corrected[place] = verdict
    return tuple(corrected)


def run_claims(
    claims: Iterable[Claim],
    *,
    sources: Sequence[Source] = ("simulation",),
    budget: Budget = "quick",
    data: str | None = None,
    rng: np.random.Generator | int | None = None,
    executor: Executor | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> CheckRun:
    """Check claims: measure every unit of work, then judge each claim by each source.

    Parameters
    ----------
    claims
        The claims to check, e.g. from `find_claims`.
    sources
        Among ``"simulation"`` and ``"network"``; a claim without an experiment for a source is
        NOT_APPLICABLE there.
    budget
        ``"quick"``, ``"standard"`` or ``"full"``: an amount of work, never a time.
    data
        Images to measure on instead of those a claim names, as in `load_images`; claims that measure on
        none are not touched.
    rng
        Seed of the run. A non-negative int is used as it is; a generator, or fresh entropy for None,
        gives one, which stands in the result. Each unit draws from its own stream, keyed by this seed,
        the claim, the source, the role and the unit's index: equal seeds give equal verdicts whatever
        else is checked beside, and whatever the executor and its number of workers.
    executor
        Where the units run: any `concurrent.futures.Executor`; None runs them here, one by one.
    progress
        Called after every unit and with every verdict.

    Returns
    -------
    CheckRun
        One verdict per claim and source. What raises in an experiment ends in ERROR with its reason,
        never in REFUTED; an interruption passes through and cancels the units still waiting.

    Raises
    ------
    ValueError
        If a claim is given twice, `sources` or `budget` is unknown, or the seed is negative.
    """
    from threadpoolctl import threadpool_limits

    claims = tuple(claims)
    asked = {claim.id: claim for claim in claims}
    if len(asked) < len(claims):
        raise ValueError(f"claims must be given once each, got {', '.join(claim.id for claim in claims)}")
    if budget not in BUDGETS:
        raise ValueError(f"budget must be one of {', '.join(BUDGETS)}, got {budget!r}")
    if not sources or not set(sources) <= set(SOURCES) or len(set(sources)) < len(sources):
        raise ValueError(f"sources must be among {', '.join(SOURCES)}, once each, got {tuple(sources)}")
    seed = _seed(rng)
    tell = progress if progress is not None else lambda _: None

    start, started = time.perf_counter(), now()
    tasks: dict[Job, list[Task]] = {}
    verdicts: dict[Job, Verdict] = {}
    traces: dict[Job, str] = {}
    for claim in claims:
        for source in sources:
            job = (claim.id, source)
            if source not in claim.experiments:
                verdicts[job] = not_applicable(claim, source)
                continue
            try:
                tasks[job] = _expand(claim, source, budget, seed, data)
            except Exception as error:
                failed = failure(error)
                verdicts[job], traces[job] = _error(claim, source, seed, failed.reason), failed.trace

    done, total = 0, sum(map(len, tasks.values()))
    seconds = {(claim.id, source): 0.0 for claim in claims for source in sources}
    finished: dict[Job, list[TaskOutcome]] = {job: [] for job in tasks}
    for job, verdict in verdicts.items():
        tell(Progress(done, total, job[0], verdict))
    every = [task for group in tasks.values() for task in group]
    # held for the whole run: a unit that ends in one thread must not lift the limit of its neighbour
    with threadpool_limits(limits=1, user_api="blas"), closing(task_outcomes(executor, every)) as outcomes:
        for outcome in outcomes:
            job = (outcome.task.unit.claim, outcome.task.unit.source)
            done += 1
            seconds[job] += outcome.seconds
            finished[job].append(outcome)
            tell(Progress(done, total, job[0]))
            if len(finished[job]) < len(tasks[job]):
                continue
            begin = time.perf_counter()
            verdicts[job], trace = _decide(asked[job[0]], job[1], seed, finished.pop(job))
            seconds[job] += time.perf_counter() - begin
            if trace:
                traces[job] = trace
            tell(Progress(done, total, job[0], verdicts[job], seconds[job]))
    return CheckRun(
        claims=claims,
        verdicts=_corrected(claims, [verdicts[job] for job in seconds]),
        budget=budget,
        seed=seed,
        sources=tuple(sources),
        seconds={"/".join(job): spent for job, spent in seconds.items()},
        wall_seconds=time.perf_counter() - start,
        started=started,
        finished=now(),
        versions=versions(networks=any(source == "network" for _, source in tasks)),
        commit=commit(),
        data=data,
        tracebacks={"/".join(job): trace for job, trace in traces.items()},
    )
