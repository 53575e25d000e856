"""Power laws: alone, above a plateau, and with a correction of known exponent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from .fit_space import LINEAR, logarithm, positive_world, same_for_all_shapes, world_score
from .worlds import FloatArray, Noise, Seed, World, WorldKind

_GRID = 64  # shapes searched first; the fit refines between them


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """y = C x^p; the score is the exponent p.

    Parameters
    ----------
    exponent : float
        Predicted p. Fits leave it free.
    log_y : bool
        Whether the measured y is the natural logarithm of the quantity.
    """

    exponent: float = -1.0
    log_y: bool = False
    score_name: ClassVar[str] = "exponent"
    weighting: ClassVar[Literal["even"]] = "even"
    parameters: ClassVar[int] = 2

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        return "ln y = ln C + p ln x; exponent: p" if self.log_y else "y = C x^p; exponent: p"

    def to_fit(self, y: FloatArray) -> FloatArray:
        """The natural logarithm of the quantity."""
        return y if self.log_y else logarithm(y, "power law")

    def from_fit(self, value: FloatArray) -> FloatArray:
        """The inverse of `to_fit`."""
        return value if self.log_y else np.asarray(np.exp(value))

    def shapes(self, x: FloatArray) -> FloatArray:
        """A single NaN: linear."""
        return LINEAR.copy()

    def basis(self, x: FloatArray, shape: FloatArray) -> FloatArray:
        """1 and ln x."""
        return same_for_all_shapes(shape, np.ones_like(x), logarithm(x, "power law's x"))

    def offset(self, x: FloatArray) -> FloatArray:
        """Zero."""
        return np.zeros_like(x)

    def score_of(self, shape: FloatArray, coefficients: FloatArray) -> FloatArray:
        """The exponent."""
        return np.asarray(coefficients[..., 1])

    def named(self, shape: float, coefficients: FloatArray) -> Mapping[str, float]:
        """The exponent and the natural logarithm of the prefactor."""
        return {"exponent": float(coefficients[1]), "log_prefactor": float(coefficients[0])}

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
        """A power law; wrong: the exponent 1.5 p; rival: an exponential with the same slope mid-way."""
        p = world_score(kind, score, self.exponent, 1.5 * self.exponent)
        points = np.geomspace(10.0, 1000.0, 9) if x is None else np.asarray(x, dtype=np.float64)
        curve = p * np.log(points)
        if kind == "rival":
            curve = p * points / np.exp(np.mean(np.log(points)))
        return positive_world(points, curve, replicates, noise, rng, log_y=self.log_y)


@dataclass(frozen=True, slots=True)
class PowerLawWithPlateau:
    """y = C x^p + P; the score is the exponent p.

    Parameters
    ----------
    exponent : float
        Predicted p, not zero. Fits leave it free, with the same sign and a size of 0.05 to 6.
    """

    exponent: float = -1.0
    score_name: ClassVar[str] = "exponent above the plateau"
    formula: ClassVar[str] = "y = C x^p + P; exponent above the plateau: p"
    weighting: ClassVar[Literal["relative"]] = "relative"
    parameters: ClassVar[int] = 3

    def __post_init__(self) -> None:
        if self.exponent == 0:
            raise ValueError("exponent must not be 0 beside a plateau, got 0")

    def to_fit(self, y: FloatArray) -> FloatArray:
        """Itself."""
        return y

    def from_fit(self, value: FloatArray) -> FloatArray:
        """Itself."""
        return value

    def shapes(self, x: FloatArray) -> FloatArray:
        """Exponents of the predicted sign, sizes 0.05 to 6."""
        sizes = np.geomspace(0.05, 6.0, _GRID)
        return sizes if self.exponent > 0 else -sizes[::-1]

    def basis(self, x: FloatArray, shape: FloatArray) -> FloatArray:
        """x^p and 1."""
        power = np.exp(np.multiply.outer(shape, logarithm(x, "power law's x")))
        return np.stack((power, np.ones_like(power)), axis=-1)

    def offset(self, x: FloatArray) -> FloatArray:
        """Zero."""
        return np.zeros_like(x)

    def score_of(self, shape: FloatArray, coefficients: FloatArray) -> FloatArray:
        """The exponent."""
        return shape

    def named(self, shape: float, coefficients: FloatArray) -> Mapping[str, float]:
        """Exponent and plateau."""
        return {"exponent": float(shape), "plateau": float(coefficients[1])}

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
        """Plateau 0.1 below a curve that starts at 1; wrong: the exponent 2 p; rival: a logarithmic decay."""
        p = world_score(kind, score, self.exponent, 2.0 * self.exponent)
        points = np.geomspace(10.0, 1000.0, 15) if x is None else np.asarray(x, dtype=np.float64)
        curve = 0.1 + (points / points[0]) ** p
        if kind == "rival":
            curve = 1.1 - np.log(points / points[0]) / np.log(points[-1] / points[0])
        return positive_world(points, np.log(curve), replicates, noise, rng, log_y=False)


@dataclass(frozen=True, slots=True)
class PowerLawWithCorrection:
    """y = A x^p + B x^(p - w) with w known; the score is the exponent p.

    Of a power law alone it would fit two, p and p - w, with one of the terms zero: so fits are held to those
    whose leading term leads, see `leads`.

    Parameters
    ----------
    exponent : float
        Predicted p. Fits leave it free, within 2 on either side.
    correction_exponent : float
        w > 0: by how much faster the correction falls.
    """

    exponent: float = -0.5
    correction_exponent: float = 0.25
    score_name: ClassVar[str] = "leading exponent"
    weighting: ClassVar[Literal["relative"]] = "relative"
    parameters: ClassVar[int] = 3

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        return f"y = A x^p + B x^(p \N{MINUS SIGN} {self.correction_exponent:g}); leading exponent: p"

    def __post_init__(self) -> None:
        if self.correction_exponent <= 0:
            raise ValueError(f"correction_exponent must be positive, got {self.correction_exponent}")

    def to_fit(self, y: FloatArray) -> FloatArray:
        """Itself."""
        return y

    def from_fit(self, value: FloatArray) -> FloatArray:
        """Itself."""
        return value

    def shapes(self, x: FloatArray) -> FloatArray:
        """Exponents within 2 of the predicted one."""
        return np.linspace(self.exponent - 2, self.exponent + 2, _GRID)

    def basis(self, x: FloatArray, shape: FloatArray) -> FloatArray:
        """x^p and x^(p - w)."""
        log_x = logarithm(x, "power law's x")
        leading = np.exp(np.multiply.outer(shape, log_x))
        return np.stack((leading, leading * np.exp(-self.correction_exponent * log_x)), axis=-1)

    def offset(self, x: FloatArray) -> FloatArray:
        """Zero."""
        return np.zeros_like(x)

    def leads(self, x: FloatArray, coefficients: FloatArray) -> NDArray[np.bool_]:
        """Whether A x^p is the larger term at the largest x, shape (...,) from coefficients (..., 2)."""
        correction = coefficients[..., 1] * np.max(x) ** -self.correction_exponent
        return np.asarray(np.abs(correction) < np.abs(coefficients[..., 0]))

    def score_of(self, shape: FloatArray, coefficients: FloatArray) -> FloatArray:
        """The leading exponent."""
        return shape

    def named(self, shape: float, coefficients: FloatArray) -> Mapping[str, float]:
        """Exponent, prefactor and correction."""
        return {
            "exponent": float(shape),
            "prefactor": float(coefficients[0]),
            "correction": float(coefficients[1]),
        }

    def world(
        self,
        kind: WorldKind,
        *,
        score: float | None = None,
        x: FloatArray | None = None,
        replicates: int = 8,
        noise: Noise | float = 0.01,
        rng: Seed = None,
    ) -> World:
        """Corrected by half at the first x; wrong: the exponent 2 p; rival: a logarithmic decay."""
        p = world_score(kind, score, self.exponent, 2.0 * self.exponent)
        points = np.geomspace(10.0, 1e5, 15) if x is None else np.asarray(x, dtype=np.float64)
        ratio = points / points[0]
        curve = ratio**p * (1 + 0.5 * ratio**-self.correction_exponent)
        if kind == "rival":
            curve = 1.1 - np.log(ratio) / np.log(ratio[-1])
        return positive_world(points, np.log(curve), replicates, noise, rng, log_y=False)
