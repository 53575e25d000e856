"""Straight lines: one quantity in proportion to another, up to a constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from .fit_space import LINEAR, same_for_all_shapes, world_score
from .worlds import FloatArray, Noise, Seed, World, WorldKind, replicate_noise, world_from_rows


@dataclass(frozen=True, slots=True)
class Linear:
    """y = a + b x; the score is the slope b.

    Parameters
    ----------
    slope : float
        Predicted b. Fits leave it free.
    """

    slope: float = 1.0
    score_name: ClassVar[str] = "slope"
    formula: ClassVar[str] = "y = a + b x; slope: b"
    weighting: ClassVar[Literal["even"]] = "even"
    parameters: ClassVar[int] = 2

    def to_fit(self, y: FloatArray) -> FloatArray:
        """Itself."""
        return y

    def from_fit(self, value: FloatArray) -> FloatArray:
        """Itself."""
        return value

    def shapes(self, x: FloatArray) -> FloatArray:
        """A single NaN: linear."""
        return LINEAR.copy()

    def basis(self, x: FloatArray, shape: FloatArray) -> FloatArray:
        """1 and x."""
        return same_for_all_shapes(shape, np.ones_like(x), x)

    def offset(self, x: FloatArray) -> FloatArray:
        """Zero."""
        return np.zeros_like(x)

    def score_of(self, shape: FloatArray, coefficients: FloatArray) -> FloatArray:
        """The slope."""
        return np.asarray(coefficients[..., 1])

    def named(self, shape: float, coefficients: FloatArray) -> Mapping[str, float]:
        """Slope and intercept."""
        return {"slope": float(coefficients[1]), "intercept": float(coefficients[0])}

    def world(
        self,
        kind: WorldKind,
        *,
        score: float | None = None,
        x: FloatArray | None = None,
        replicates: int = 8,
        noise: Noise | float = 0.1,
        rng: Seed = None,
    ) -> World:
        """Wrong: the slope 1.5 b; rival: a parabola that rises as far."""
        b = world_score(kind, score, self.slope, 1.5 * self.slope)
        points = np.linspace(0.5, 2.5, 9) if x is None else np.asarray(x, dtype=np.float64)
        curve = b * points
        if kind == "rival":
            along = (points - points[0]) / (points[-1] - points[0])
            curve = curve[0] + (curve[-1] - curve[0]) * along**2
        return world_from_rows(points, curve + replicate_noise(points, replicates, noise, rng))
