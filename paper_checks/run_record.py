"""`RunRecord`: what was asked for in a run, and which units of work it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genlaws.simulate.measurement import Source

from .claim import Budget, Device
from .units import checksum

_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run was asked for; the same request has the same `id`, so that a resumed run is the same run.

    Attributes
    ----------
    claims, sources, budget, seed, data, device
        As in `run_claims`.
    units
        Addresses of the units it needs, in order; with several looks, of those that it may need.
    started
        When it was first asked for; UTC, ISO 8601.
    looks
        As in `run_claims`.
    """

    claims: tuple[str, ...]
    sources: tuple[Source, ...]
    budget: Budget
    seed: int
    data: str | None
    device: Device
    units: tuple[str, ...]
    started: str
    looks: int = 1

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits, of what was asked for and of the revisions it rests on."""
        asked: list[Any] = [self.claims, self.sources, self.budget, self.seed, self.device, self.units]
        # runs of one look keep the id that they had when there was no other
        return checksum([*asked, self.looks] if self.looks > 1 else asked)[:_ID_DIGITS]

    def to_dict(self) -> dict[str, Any]:
        """The record ready for JSON."""
        return {"id": self.id, **asdict(self)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> RunRecord:
        """The record that `to_dict` wrote; KeyError or TypeError if something is missing."""

        def words(name: str) -> tuple[Any, ...]:
            value: Sequence[str] = document[name]
            return tuple(value)

        return cls(
            claims=words("claims"),
            sources=words("sources"),
            budget=document["budget"],
            seed=document["seed"],
            data=document["data"],
            device=document["device"],
            units=words("units"),
            started=document["started"],
            looks=document.get("looks", 1),
        )
