"""`Store`: a folder of results, each under what determines it, so that nothing is measured twice."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlaws.simulate.measurement import Measurement

from .atomic_write import atomic_write, writable_folder
from .claim import Readings
from .provenance import commit, now, versions
from .run_record import RunRecord
from .serialize import SCHEMA_VERSION, json_text
from .units import Unit, checksum

_MARK = "genlaws-store.json"
_LEFT_BEHIND = 3600.0  # seconds after which a temporary file is not being written any more


class DamagedFileError(ValueError):
    """A file of a store that does not hold what was written to it."""


@dataclass(frozen=True, slots=True)
class StoredUnit:
    """What was measured in a unit, with the seconds of work it took and what it was made with."""

    address: str
    key: Mapping[str, Any]
    measured: Measurement | Readings
    seconds: float
    made: Mapping[str, Any]


def _read(path: Path) -> dict[str, Any]:
    """The document in a file, without its checksum; raises DamagedFileError if it does not fit it."""
    try:
        document = json.loads(path.read_text("utf-8"))
        expected = document.pop("sha256")
        found = checksum(document)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise DamagedFileError(f"{path} is damaged: {' '.join(str(error).split())}") from error
    if found != expected:
        raise DamagedFileError(f"{path} is damaged: its checksum does not fit its contents")
    if document.get("schema_version", "").split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise DamagedFileError(f"{path} has schema {document.get('schema_version')}, not {SCHEMA_VERSION}")
    return dict(document)


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # as it will be read: text turns what Python tells apart (a tuple, a list) into one
    plain = json.loads(json_text({"schema_version": SCHEMA_VERSION, **document}))
    atomic_write(path, json_text({**plain, "sha256": checksum(plain)}))


def _measured(document: Mapping[str, Any]) -> Measurement | Readings:
    if "readings" in document:
        return {name: Measurement.from_dict(reading) for name, reading in document["readings"].items()}
    return Measurement.from_dict(document["measurement"])


def _origin(unit: Unit, seconds: float) -> dict[str, Any]:
    """What a result came from: its unit's key, the work it took, and what it was made with."""
    return {
        "key": unit.key(),
        "seconds": seconds,
        "made": {
            "at": now(),
            "versions": versions(networks=unit.source == "network"),
            "commit": commit(),
            "platform": platform.platform(),
        },
    }


@dataclass(frozen=True, slots=True)
class Store:
    """A folder that keeps every measurement of a run as soon as it is made.

    Files are JSON with a checksum, named by what determines their contents and written whole or not at
    all. Two stores are merged by copying the one over the other.

    ========================  ========================================================
    ``units/ab/ab12….json``   what a unit measured, by the SHA-256 of its key
    ``runs/12cd….json``       what was asked for in a run, and which units it needs
    ``verdicts/12cd….json``   its verdicts once it is complete, as ``genlaws check --json``
    ``sweeps/ef/ef34….json``  networks of a sweep, by the SHA-256 of their unit's key
    ========================  ========================================================

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @classmethod
    def at(cls, folder: str | Path) -> Store:
        """The store in this folder, made if need be.

        Raises
        ------
        ValueError
            If the folder cannot be written to, or holds something else.
        """
        place = writable_folder(folder)
        mark = place / _MARK
        if not mark.exists():
            if any(place.iterdir()):
                raise ValueError(f"{place} is no store of measurements: it holds other files")
            atomic_write(mark, json_text({"schema_version": SCHEMA_VERSION, "store": "genlaws"}))
        return cls(place)

    @classmethod
    def existing(cls, folder: str | Path) -> Store:
        """The store in this folder.

        Raises
        ------
        ValueError
            If the folder holds none.
        """
        if not (Path(folder) / _MARK).is_file():
            raise ValueError(f"{folder} is no store of measurements: there is no {_MARK} in it")
        return cls(Path(folder))

    def unit_path(self, address: str) -> Path:
        """Where the measurement of the unit with this address is, or would be."""
        return self.folder / "units" / address[:2] / f"{address}.json"

    def sweep_path(self, address: str) -> Path:
        """Where the networks of the unit of a sweep with this address are, or would be."""
        return self.folder / "sweeps" / address[:2] / f"{address}.json"

    def verdicts_path(self, run: str) -> Path:
        """Where the verdicts of a run are, or would be."""
        return self.folder / "verdicts" / f"{run}.json"

    def run_path(self, run: str) -> Path:
        """Where the record of a run is, or would be."""
        return self.folder / "runs" / f"{run}.json"

    def unit_paths(self) -> Iterator[Path]:
        """Every file of a measurement, in order of address."""
        return iter(sorted((self.folder / "units").glob("??/*.json")))

    def sweep_paths(self) -> Iterator[Path]:
        """Every file of a unit of a sweep, in order of address."""
        return iter(sorted((self.folder / "sweeps").glob("??/*.json")))

    def read_unit(self, path: Path) -> StoredUnit:
        """What a file of this store holds.

        Raises
        ------
        DamagedFileError
            If it is not what was written, or lies under another name.
        """
        document = _read(path)
        try:
            key = document["key"]
            stored = StoredUnit(
                address=checksum(key),
                key=key,
                measured=_measured(document),
                seconds=float(document["seconds"]),
                made=document["made"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedFileError(f"{path} is damaged: {' '.join(str(error).split())}") from error
        if stored.address != path.stem:
            raise DamagedFileError(f"{path} is damaged: it is the file of {stored.address}")
        return stored

    def find(self, unit: Unit) -> StoredUnit | None:
        """The measurement of a unit; None if it is not there.

        Raises
        ------
        DamagedFileError
            If it is there and damaged.
        """
        path = self.unit_path(unit.address())
        return self.read_unit(path) if path.exists() else None

    def keep(self, unit: Unit, measured: Measurement | Readings, *, seconds: float) -> None:
        """Write what was measured in a unit, over a damaged file if need be."""
        if isinstance(measured, Measurement):
            document: dict[str, Any] = {"measurement": measured.to_dict()}
        else:
            document = {"readings": {name: reading.to_dict() for name, reading in measured.items()}}
        _write(self.unit_path(unit.address()), {**document, **_origin(unit, seconds)})

    def find_networks(self, unit: Unit) -> Mapping[str, Any] | None:
        """What `keep_networks` was given for this unit of a sweep; None if it is not there.

        Raises
        ------
        DamagedFileError
            If it is there and damaged.
        """
        path = self.sweep_path(unit.address())
        return self.read_networks(path) if path.exists() else None

    def read_networks(self, path: Path) -> Mapping[str, Any]:
        """What a file of a unit of a sweep holds.

        Raises
        ------
        DamagedFileError
            If it is not what was written, or lies under another name.
        """
        document = _read(path)
        if not isinstance(document.get("networks"), Mapping) or checksum(document.get("key")) != path.stem:
            raise DamagedFileError(f"{path} is damaged: it does not hold the networks of its unit")
        return dict(document["networks"])

    def keep_networks(self, unit: Unit, networks: Mapping[str, Any], *, seconds: float) -> None:
        """Write what came of a unit of a sweep, ready for JSON, over a damaged one if need be."""
        _write(self.sweep_path(unit.address()), {"networks": networks, **_origin(unit, seconds)})

    def begin(self, record: RunRecord) -> None:
        """Write down what a run asks for, unless it was asked for before."""
        path = self.run_path(record.id)
        try:
            self.read_run(path)
        except (OSError, DamagedFileError):
            _write(path, record.to_dict())

    def finish(self, run: str, document: Mapping[str, Any]) -> None:
        """Write the verdicts of a run."""
        path = self.verdicts_path(run)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json_text(document))

    def run_paths(self) -> Iterator[Path]:
        """Every file of a run, in order of its id."""
        return iter(sorted((self.folder / "runs").glob("*.json")))

    def read_run(self, path: Path) -> RunRecord:
        """What a run was asked for.

        Raises
        ------
        DamagedFileError
            If the file is not what was written, or lies under another name.
        """
        try:
            record = RunRecord.from_dict(_read(path))
        except (KeyError, TypeError) as error:
            raise DamagedFileError(f"{path} is damaged: {' '.join(str(error).split())}") from error
        if record.id != path.stem:
            raise DamagedFileError(f"{path} is damaged: it is the file of {record.id}")
        return record

    def runs(self) -> tuple[RunRecord, ...]:
        """Every run that was asked for, in the order of their beginnings.

        Raises
        ------
        DamagedFileError
            If the record of one is damaged.
        """
        found = map(self.read_run, self.run_paths())
        return tuple(sorted(found, key=lambda record: (record.started, record.id)))

    def left_behind(self) -> tuple[Path, ...]:
        """Temporary files of writers that were killed, and not of one that may be writing now."""
        before = time.time() - _LEFT_BEHIND
        return tuple(path for path in sorted(self.folder.rglob(".*.tmp")) if path.stat().st_mtime < before)
