"""Laws about how a curve runs, whatever its form: monotone, or with a peak inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .fit_space import relation_score, world_score
from .worlds import FloatArray, Noise, Seed, World, WorldKind, replicate_noise, world_from_rows


@dataclass(frozen=True, slots=True)
class Monotone:
    """y only rises (or only falls) with x; the score is the largest step in the wrong direction.

    Steps are differences between neighbouring x, taken within a replicate; a wrong step counts
    positive. A band (-inf, 0) demands that every step goes the right way, (-inf, t) up to t.

    Parameters
    ----------
    increasing : bool
    """

    increasing: bool = True
    score_name: ClassVar[str] = "largest step the wrong way"

    @property
    def formula(self) -> str:
        """The relation and its score, for people to read; x and x' are neighbours."""
        sign = "\N{LESS-THAN OR EQUAL TO}" if self.increasing else "\N{GREATER-THAN OR EQUAL TO}"
        step = "y(x) \N{MINUS SIGN} y(x')" if self.increasing else "y(x') \N{MINUS SIGN} y(x)"
        return f"y(x) {sign} y(x') for x < x'; {self.score_name}: max ({step})"

    def world(
        self,
        kind: WorldKind,
        *,
        score: float | None = None,
        x: FloatArray | None = None,
        replicates: int = 8,
        noise: Noise | float = 0.05,
        rng: Seed = None,
    ) -> World:
        """True: steps the right way, 0.2 the smallest; wrong or rival: one goes 0.2 the wrong way."""
        worst = relation_score(kind, score, -0.2, 0.2)
        points = np.geomspace(10.0, 160.0, 5) if x is None else np.asarray(x, dtype=np.float64)
        generator = np.random.default_rng(rng)
        steps = worst - generator.uniform(0.0, 0.5, len(points) - 1)
        steps[generator.integers(len(steps))] = worst
        curve = np.concatenate(([1.0], 1.0 + np.cumsum(-steps if self.increasing else steps)))
        return world_from_rows(points, curve + replicate_noise(points, replicates, noise, generator))


@dataclass(frozen=True, slots=True)
class InteriorPeak:
    """y is largest inside the range of x; the score is the place of the peak.

    A peak at an end of the range has its place at that end, so a band must keep away from both ends.

    Parameters
    ----------
    place : float
        Predicted x of the peak.
    """

    place: float = 1.0
    score_name: ClassVar[str] = "place of the peak"
    formula: ClassVar[str] = "y(x) \N{LESS-THAN OR EQUAL TO} y(m) at every x; place of the peak: m"

    def world(
        self,
        kind: WorldKind,
        *,
        score: float | None = None,
        x: FloatArray | None = None,
        replicates: int = 8,
        noise: Noise | float = 0.05,
        rng: Seed = None,
    ) -> World:
        """A parabola in ln x, two octaves to each side; wrong: the place times 2; rival: no peak, y falls."""
        place = world_score(kind, score, self.place, 2.0 * self.place)
        points = self.place * np.geomspace(0.25, 4.0, 9) if x is None else np.asarray(x, dtype=np.float64)
        curve = 1.0 - np.log(points / place) ** 2
        if kind == "rival":
            curve = -np.log(points / points[0])
        return world_from_rows(points, curve + replicate_noise(points, replicates, noise, rng))
