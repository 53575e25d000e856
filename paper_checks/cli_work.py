"""Options that say where long work is done and kept: a store, processes or a cluster, a kind of device."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .option_bundle import option_bundle

if TYPE_CHECKING:
    from .claim import Device
    from .executors import Workers
    from .store import Store


@dataclass(frozen=True, slots=True)
class WorkOptions:
    """Where long work is done, and where what came of it is kept."""

    folder: str | None
    workers: int | None
    address: str | None
    device: str

    def store(self) -> Store | None:
        """The store named, made if need be; None where none is."""
        if self.folder is None:
            return None
        from .store import Store

        return Store.at(self.folder)

    def pool(self) -> AbstractContextManager[Workers]:
        """The workers, as a context."""
        from .executors import dask_workers, local_workers

        if self.address is None:
            return local_workers(self.workers)
        if self.workers is not None:
            raise ValueError("give --workers or --dask, not both: the workers of a cluster are its own")
        return dask_workers(self.address)

    def device_kind(self) -> Device:
        """The kind of device that computes networks; those of a cluster need none like it here."""
        if self.device == "cpu":
            return "cpu"
        if self.device == "cuda" and self.address is not None:
            return "cuda"
        from genlaws.empirical.devices import resolve_device

        return "cuda" if resolve_device(self.device).type == "cuda" else "cpu"

    def last_words(self) -> str:
        """What to say when the work is interrupted."""
        if self.folder is None:
            return "interrupted; nothing was kept (with --store DIR the next run goes on from here)"
        return f"interrupted; what was measured is in {self.folder}: give the same command again to go on"


work_options = option_bundle(
    WorkOptions,
    click.option(
        "--store",
        "folder",
        metavar="DIR",
        help="Keep every measurement here, and measure only what is missing: an interrupted run goes on.",
    ),
    click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one for each core."),
    click.option("--dask", "address", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler."),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="Where networks are computed; equal seeds give equal bits on a CPU.",
    ),
)
