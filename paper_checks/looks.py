"""`Look`: one of several looks at growing replicates, and how strict it must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from genlaws.theory import nominal_levels

from .claim import Settings

# one-sided: each of the two tests that support, each end of the interval that refutes, a better rival
_SUPPORT, _REFUTE, _RIVAL = 0.05, 0.025, 0.05
_MOST = 6


@cache
def _levels(level: float, looks: int) -> tuple[float, ...]:
    if looks == 1:
        return (level,)
    # replicates double from look to look, and as much of the level as they are of all is spent
    fractions = 2.0 ** np.arange(1 - looks, 1)
    return tuple(nominal_levels(fractions, level * fractions).tolist())


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the measurements of a claim; from each to the next replicates double.

    Errors of all looks together stay within those of one: each look spends a share of the level in
    proportion to its replicates (Lan and DeMets 1983).

    Parameters
    ----------
    number : int
        From 1.
    of : int
        How many looks there are at most, 1 to 6.

    Raises
    ------
    ValueError
        If there is no such look.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of <= _MOST:
            raise ValueError(f"looks must be from 1 to {_MOST}, got number {self.number} of {self.of}")

    @property
    def times(self) -> int:
        """How many times the replicates of the budget it looks at."""
        return int(2 ** (self.number - 1))

    @property
    def last(self) -> bool:
        """Whether none follows."""
        return self.number == self.of

    @property
    def support_level(self) -> float:
        """One-sided level of each of the two tests that support a claim; 5 % over all looks."""
        return _levels(_SUPPORT, self.of)[self.number - 1]

    @property
    def refute_level(self) -> float:
        """One-sided level at which an interval misses the band; 2.5 % over all looks."""
        return _levels(_REFUTE, self.of)[self.number - 1]

    @property
    def rival_share(self) -> float:
        """Share of bootstraps in which a decisive rival is better; 95 % for a single look."""
        return 1.0 - _levels(_RIVAL, self.of)[self.number - 1]

    def units(self, units: Sequence[Settings]) -> list[Settings]:
        """The units of a budget, and as many more with replicate numbers of their own as this look needs.

        Raises
        ------
        ValueError
            If more are needed and there is one without a replicate number.
        """
        if self.times == 1:
            return list(units)
        numbers = [given.get("replicate") for given in units]
        if not all(isinstance(number, int) for number in numbers):
            raise ValueError("units must have replicate numbers for more of them to be made")
        many = max(number for number in numbers if isinstance(number, int)) + 1
        return [
            {**given, "replicate": given["replicate"] + round_ * many}
            for round_ in range(self.times)
            for given in units
        ]


def looks(of: int) -> tuple[Look, ...]:
    """All looks, the first one first."""
    return tuple(Look(number, of) for number in range(1, of + 1))


ONLY = Look()
"""The one look of a run whose replicates are fixed."""
