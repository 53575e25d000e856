"""`Plugin`: what another distribution registers by an entry point; found, but not loaded, by its name."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point of another distribution.

    Attributes
    ----------
    distribution
        The installed package that registers it, e.g. ``"genlaws-example"``.
    group, name
        Of the entry point, e.g. ``"genlaws.claims"`` and ``"boxes"``.
    """

    distribution: str
    group: str
    name: str
    _entry: EntryPoint = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"entry point {self.name!r} of {self.distribution} in {self.group}"

    def load(self) -> Any:
        """What it points to.

        Raises
        ------
        ValueError
            If it does not load, whatever its module raises; one line that names the entry point.
        """
        try:
            return self._entry.load()
        except (Exception, SystemExit) as error:  # a script without a main guard may well exit
            said = " ".join(str(error).split()) or "no message"
            raise ValueError(f"{self} does not load: {type(error).__name__}: {said}") from error


def plugins(group: str) -> tuple[Plugin, ...]:
    """What installed distributions register in `group`, ordered by distribution, then by name."""
    found = [
        Plugin(entry.dist.name if entry.dist is not None else "unknown", group, entry.name, entry)
        for entry in entry_points(group=group)
    ]
    return tuple(sorted(found, key=lambda plugin: (plugin.distribution, plugin.name)))
