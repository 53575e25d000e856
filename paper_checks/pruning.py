"""`Pruning`: which files of a store nobody needs any more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .claim import Claim, SharedExperiment
from .run_record import RunRecord
from .store import DamagedFileError, Store


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is to be removed from a store.

    Attributes
    ----------
    runs
        Records of runs, with their verdicts.
    units
        Measurements, and networks of sweeps.
    leftovers
        Temporary files of writers that were killed.
    damaged
        Files that do not hold what was written to them.
    """

    runs: tuple[Path, ...]
    units: tuple[Path, ...]
    leftovers: tuple[Path, ...]
    damaged: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file, once."""
        return tuple(dict.fromkeys((*self.runs, *self.units, *self.leftovers, *self.damaged)))

    @property
    def bytes(self) -> int:
        """That they take up."""
        return sum(path.stat().st_size for path in self.files if path.exists())

    def carry_out(self) -> None:
        """Remove them; a file that is gone already is no fault."""
        for path in self.files:
            path.unlink(missing_ok=True)


def _revisions(claims: Sequence[Claim]) -> dict[tuple[bool, str], int]:
    """(whether it is shared work, name) -> revision, of the claims and of the work they share."""
    found = {(False, claim.id): claim.revision for claim in claims}
    for claim in claims:
        for source in claim.experiments:
            control = claim.as_tested_by(source).control.experiments[source]
            for experiment in (claim.experiments[source], control):
                if isinstance(experiment, SharedExperiment):
                    found[True, experiment.work.name] = experiment.work.revision
    return found


def _outdated(
    key: Mapping[str, object], revisions: Mapping[tuple[bool, str], int], families: Mapping[str, int]
) -> bool:
    """Whether the science of a measurement has changed since, or its claim is no longer known."""
    measured = key["families"]
    known = revisions.get((key["role"] == "shared", str(key["claim"])))
    if known is None or known != key["revision"] or not isinstance(measured, Mapping):
        return True
    return any(families.get(name) != revision for name, revision in measured.items())


def plan_pruning(
    store: Store,
    *,
    runs: Collection[str] = (),
    older_than_days: float | None = None,
    outdated: bool = False,
    unneeded: bool = False,
    damaged: bool = False,
    sweeps: bool = False,
    claims: Sequence[Claim] = (),
    families: Mapping[str, int] | None = None,
) -> Pruning:
    """Find what can go; nothing is removed before `Pruning.carry_out`.

    A measurement that a run needs which stays, stays too.

    Parameters
    ----------
    store : Store
    runs : collection of str
        Ids of runs to forget, or their beginnings, with the measurements that no other run needs.
    older_than_days : float, optional
        Forget runs that were first asked for longer ago.
    outdated : bool
        Forget measurements whose claim or family has another revision by now or is not known any more,
        and the runs that need them, but not what else these need.
    unneeded : bool
        Forget measurements that no run asks for.
    damaged : bool
        Read every file, and forget the damaged ones.
    sweeps : bool
        Forget the networks of sweeps, which no run asks for.
    claims, families : sequence of Claim and mapping of str to int
        What is known now, for `outdated`.

    Raises
    ------
    ValueError
        If an id is that of no run, or of several.
    """
    broken: list[Path] = []
    records: list[RunRecord] = []
    for path in store.run_paths():
        try:
            records.append(store.read_run(path))
        except DamagedFileError:
            broken.append(path)
    forgotten = {_find(records, name).id for name in runs}
    if older_than_days is not None:
        before = datetime.now(UTC) - timedelta(days=older_than_days)
        forgotten |= {r.id for r in records if datetime.fromisoformat(r.started) < before}

    stale: set[str] = set()
    if outdated or damaged:
        known = _revisions(claims)
        for path in store.unit_paths():
            try:
                key = store.read_unit(path).key
            except DamagedFileError:
                broken.append(path)
                continue
            if outdated and _outdated(key, known, families or {}):
                stale.add(path.stem)
    if damaged:
        for path in store.sweep_paths():
            try:
                store.read_networks(path)
            except DamagedFileError:
                broken.append(path)

    named = {address for record in records if record.id in forgotten for address in record.units}
    forgotten |= {record.id for record in records if stale.intersection(record.units)}

    # what else a run with stale measurements needed serves its next time
    needed = {address for record in records if record.id not in forgotten for address in record.units}
    units = [
        path
        for path in store.unit_paths()
        if path.stem in stale or (path.stem not in needed and (unneeded or path.stem in named))
    ]
    units += store.sweep_paths() if sweeps else ()
    gone = [path for run in sorted(forgotten) for path in (store.run_path(run), store.verdicts_path(run))]
    return Pruning(
        runs=tuple(path for path in gone if path.exists()),
        units=tuple(units),
        leftovers=store.left_behind(),
        damaged=tuple(broken) if damaged else (),
    )


def _find(records: Sequence[RunRecord], name: str) -> RunRecord:
    found = [record for record in records if name and record.id.startswith(name)]
    if len(found) != 1:
        every = ", ".join(record.id for record in records) or "none"
        raise ValueError(f"--run {name!r} is the beginning of {len(found)} runs; there are: {every}")
    return found[0]
