"""`CheckRun`: the verdicts of one run, and what they were made with."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genlaws.simulate.measurement import Source

from .claim import Budget, Claim, Device
from .serialize import SCHEMA_VERSION, json_ready, verdict_to_dict
from .verdict import Verdict


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
    seconds
        ``"claim/source"`` -> seconds of work, summed over its units, whoever ran them and when; those of a
        unit that serves several are shared out evenly.
    wall_seconds
        Seconds from start to end.
    started, finished
        UTC, ISO 8601.
    units, units_stored
        Units of work behind the verdicts, and how many of them a store held already.
    versions
        Of Python, of this package and of what it computes with; of torch where networks were measured.
    commit
        Of the source tree it ran from; None for an installed release.
    damaged
        Files of the store that were damaged, and are measured anew.
    tracebacks
        ``"claim/source"`` -> where it failed, for those that ended in ERROR.
    """

    claims: tuple[Claim, ...]
    verdicts: tuple[Verdict, ...]
    budget: Budget
    seed: int
    sources: tuple[Source, ...]
    data: str | None
    device: Device
    seconds: Mapping[str, float]
    wall_seconds: float
    started: str
    finished: str
    units: int
    units_stored: int
    versions: Mapping[str, str]
    commit: str | None
    damaged: tuple[str, ...] = ()
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
                "units": self.units,
                "units_stored": self.units_stored,
                "versions": dict(self.versions),
                "commit": self.commit,
                "platform": platform.platform(),
                "tracebacks": dict(self.tracebacks),
            },
        }
