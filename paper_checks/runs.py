"""Running claims: from the claims asked for to their verdicts, on any executor, with or without a store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from itertools import chain

import numpy as np

from genlaws.simulate.measurement import Source

from .check_run import CheckRun
from .claim import BUDGETS, SOURCES, Budget, Claim, Device
from .claim_registry import claim_distributions
from .execution import Failure, Task, WorkOutcome, failure, merged, task_outcomes
from .ledger import Job, Ledger, Progress, error_verdict
from .looks import Look
from .protocol import holm, not_applicable
from .provenance import commit, now, versions
from .run_record import RunRecord
from .run_request import Request, checksum_of_images
from .store import DamagedFileError, Store
from .verdict import Verdict


def _seed(rng: np.random.Generator | int | None) -> int:
    """The seed that stands for `rng` in the result."""
    if isinstance(rng, int | np.integer):
        if rng < 0:
            raise ValueError(f"rng must be a non-negative seed, got {rng}")
        return int(rng)
    return int(np.random.default_rng(rng).integers(2**53))  # exact in every reader of JSON


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


def _from_store(store: Store, tasks: Iterable[Task], ledger: Ledger) -> list[Task]:
    """Enter what the store holds; the tasks that are left."""
    left = []
    for task in tasks:
        try:
            stored = store.find(task.unit)
        except DamagedFileError as error:
            ledger.distrust(task, error)
            stored = None
        if stored is None:
            left.append(task)
        else:
            ledger.enter(WorkOutcome(task, stored.measured, stored.seconds), stored=True)
    return left


def _up_to(look: Look, every: Mapping[Job, list[Task]]) -> dict[Job, list[Task]]:
    """Of all units that claims may need those of one look."""
    found = {}
    for job, group in every.items():
        many = Counter(task.uses[0].role for task in group)
        share = look.times / Look(look.of, look.of).times
        found[job] = [task for task in group if task.unit.index < share * many[task.uses[0].role]]
    return found


def _measure(
    tasks: list[Task], ledger: Ledger, store: Store | None, executor: Executor | None, in_flight: int | None
) -> None:
    """Enter what came of every task, from the store where it is there."""
    if store is not None:
        tasks = _from_store(store, tasks, ledger)
    with closing(task_outcomes(executor, tasks, in_flight=in_flight)) as outcomes:
        for outcome in outcomes:
            if store is not None and not isinstance(outcome.result, Failure):
                store.keep(outcome.task.unit, outcome.result, seconds=outcome.seconds)
            ledger.enter(outcome)


def run_claims(
    claims: Iterable[Claim],
    *,
    sources: Sequence[Source] = ("simulation",),
    budget: Budget = "quick",
    data: str | None = None,
    device: Device = "cpu",
    rng: np.random.Generator | int | None = None,
    looks: int = 1,
    store: Store | None = None,
    executor: Executor | None = None,
    in_flight: int | None = None,
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
    device
        Where networks are computed, ``"cpu"`` or ``"cuda"``. On GPUs each unit has one to itself.
    rng
        Seed of the run. A non-negative int is used as it is; a generator, or fresh entropy for None,
        gives one, which stands in the result. Each unit draws from its own stream, keyed by this seed,
        the claim, the source, the role and the unit's index: equal seeds give equal verdicts whatever
        else is checked beside, and whatever the executor and its number of workers.
    looks
        How often claims are judged at most, 1 to 6. What a look leaves INCONCLUSIVE is measured on twice as
        many replicates and judged again, at levels that keep the errors of all looks together at those of
        one; see `Look`.
    store
        Where measurements are kept as they are made; units that are there are not measured again, so
        that a run that was interrupted goes on, and comes out as if it had not been.
    executor
        Where the units run: any `concurrent.futures.Executor`; None runs them here, one by one.
    in_flight
        How many units are given out at once: what a pool loses whose worker dies. By default all.
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
        If a claim is given twice, `sources` or `budget` is unknown, the seed is negative, `looks` is out of
        range, or `data` cannot be read.
    OSError
        If the store cannot be written to.
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
    seed, start, started = _seed(rng), time.perf_counter(), now()
    request = Request(budget, seed, data, checksum_of_images(data), device)

    ledger = Ledger(asked, {}, 0, seed, progress if progress is not None else lambda _: None)
    jobs: list[Job] = [(claim.id, source) for claim in claims for source in sources]
    every: dict[Job, list[Task]] = {}
    refused: dict[Job, tuple[Verdict, str]] = {}
    for job in jobs:
        claim, source = asked[job[0]], job[1]
        if source not in claim.experiments:
            refused[job] = not_applicable(claim, source), ""
            continue
        try:
            every[job] = request.tasks(claim, source, Look(looks, looks))
        except Exception as error:
            failed = failure(error)
            refused[job] = error_verdict(claim, source, seed, failed.reason), failed.trace
    left = ledger.next_look(Look(1, looks), _up_to(Look(1, looks), every))
    for job, (verdict, trace) in refused.items():
        ledger.settle(job, verdict, trace)

    record = None
    if store is not None:
        units = tuple(task.unit.address() for task in merged(chain.from_iterable(every.values())))
        record = RunRecord(
            tuple(asked),
            tuple(sources),
            budget,
            seed,
            data,
            device,
            units=units,
            started=started,
            looks=looks,
        )
        store.begin(record)
    # held for the whole run: a unit that ends in one thread must not lift the limit of its neighbour
    with threadpool_limits(limits=1, user_api="blas"):
        while True:
            _measure(left, ledger, store, executor, in_flight)
            undecided = {job: group for job, group in every.items() if job not in ledger.verdicts}
            if not undecided:
                break
            look = Look(ledger.look.number + 1, looks)
            left = ledger.next_look(look, _up_to(look, undecided))
    owners = claim_distributions()
    run = CheckRun(
        claims=claims,
        verdicts=_corrected(claims, [ledger.verdicts[job] for job in jobs]),
        budget=budget,
        seed=seed,
        sources=tuple(sources),
        data=data,
        device=device,
        seconds={"/".join(job): ledger.seconds.get(job, 0.0) for job in jobs},
        wall_seconds=time.perf_counter() - start,
        started=started,
        finished=now(),
        units=ledger.units,
        units_stored=ledger.stored,
        versions=versions(
            networks=any(source == "network" for _, source in ledger.tasks),
            plugins=[owners[name] for name in asked if name in owners],
        ),
        commit=commit(),
        damaged=tuple(ledger.damaged),
        tracebacks={"/".join(job): trace for job, trace in ledger.traces.items()},
    )
    if store is not None and record is not None:
        store.finish(record.id, run.to_dict())
    return run
