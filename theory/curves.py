"""Curves that are not power laws: exponential, logarithmic, divergent and constant ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from .fit_space import LINEAR, logarithm, positive_world, same_for_all_shapes, world_score
from .worlds import FloatArray, Noise, Seed, World, WorldKind, replicate_noise, world_from_rows

_GRID = 64  # shapes searched first; the fit refines between them


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    """y = C x^p e^(-r x); the score is the rate r (2410.16868's decay of the bad fraction).

    Parameters
    ----------
    rate : float
        Predicted r, per unit of x. Fits leave it free.
    prefactor_power : float or None
        p where it is known (0: no prefactor); None leaves it free.
    log_y : bool
        Whether the measured y is the natural logarithm of the quantity, which may be far below 1e-100.
    """

    rate: float = 1.0
    prefactor_power: float | None = 0.0
    log_y: bool = False
    score_name: ClassVar[str] = "rate"
    weighting: ClassVar[Literal["even"]] = "even"

    @property
    def parameters(self) -> int:
        """2, or 3 with a free prefactor."""
        return 2 if self.prefactor_power is not None else 3

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        p = "p" if self.prefactor_power is None else f"{self.prefactor_power:g}"
        if self.log_y:
            power = "" if self.prefactor_power == 0 else f" + {p} ln x"
            return f"ln y = ln C{power} \N{MINUS SIGN} r x; rate: r"
        power = "" if self.prefactor_power == 0 else f" x^{p}"
        return f"y = C{power} e^(\N{MINUS SIGN}r x); rate: r"

    def to_fit(self, y: FloatArray) -> FloatArray:
        """The natural logarithm of the quantity."""
        return y if self.log_y else logarithm(y, "exponential decay")

    def from_fit(self, value: FloatArray) -> FloatArray:
        """The inverse of `to_fit`."""
        return value if self.log_y else np.asarray(np.exp(value))

    def shapes(self, x: FloatArray) -> FloatArray:
        """A single NaN: linear."""
        return LINEAR.copy()

    def basis(self, x: FloatArray, shape: FloatArray) -> FloatArray:
        """1, x and, where the prefactor is free, ln x."""
        if self.prefactor_power is not None:
            return same_for_all_shapes(shape, np.ones_like(x), x)
        return same_for_all_shapes(shape, np.ones_like(x), x, logarithm(x, "power prefactor's x"))

    def offset(self, x: FloatArray) -> FloatArray:
        """The known prefactor, p ln x."""
        if not self.prefactor_power:
            return np.zeros_like(x)
        return self.prefactor_power * logarithm(x, "power prefactor's x")

    def score_of(self, shape: FloatArray, coefficients: FloatArray) -> FloatArray:
        """The rate."""
        return np.asarray(-coefficients[..., 1])

    def named(self, shape: float, coefficients: FloatArray) -> Mapping[str, float]:
        """Rate, power of the prefactor and the natural logarithm of the constant."""
        power = self.prefactor_power if self.prefactor_power is not None else float(coefficients[2])
        return {
            "rate": -float(coefficients[1]),
            "prefactor_power": power,
            "log_prefactor": float(coefficients[0]),
        }

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
        """Wrong: the rate 1.5 r; rival: a power law that falls as far."""
        r = world_score(kind, score, self.rate, 1.5 * self.rate)
        points = np.linspace(2.0, 20.0, 10) / abs(r) if x is None else np.asarray(x, dtype=np.float64)
        power = self.prefactor_power or 0.0
        curve = power * np.log(points) - r * points if power else -r * points
        if kind == "rival":
            fall = r * (points[-1] - points[0])
            curve = -fall * np.log(points / points[0]) / np.log(points[-1] / points[0])
        return positive_world(points, curve, replicates, noise, rng, log_y=self.log_y)


@dataclass(frozen=True, slots=True)
class LogarithmicGrowth:
    """y = a + b ln x; the score is the slope b.

    Parameters
    ----------
    slope : float
        Predicted b, in the unit of y. Fits leave it free.
    """

    slope: float = 1.0
    score_name: ClassVar[str] = "slope in ln x"
    formula: ClassVar[str] = "y = a + b ln x; slope in ln x: b"
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
        """1 and ln x."""
        return same_for_all_shapes(shape, np.ones_like(x), logarithm(x, "logarithmic law's x"))

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
        """Wrong: the slope 1.5 b; rival: a straight line that rises as far."""
        b = world_score(kind, score, self.slope, 1.5 * self.slope)
        points = np.geomspace(10.0, 1e4, 9) if x is None else np.asarray(x, dtype=np.float64)
        curve = b * np.log(points)
        if kind == "rival":
            curve = curve[0] + (curve[-1] - curve[0]) * (points - points[0]) / (points[-1] - points[0])
        return world_from_rows(points, curve + replicate_noise(points, replicates, noise, rng))


@dataclass(frozen=True, slots=True)
class LogarithmicDecay:
    """y = C (ln x)^p; the score is the power p of the logarithm, -1 for a decay as 1/ln x.

    Parameters
    ----------
    power : float
        Predicted p. Fits leave it free.
    """

    power: float = -1.0
    score_name: ClassVar[str] = "power of ln x"
    formula: ClassVar[str] = "y = C (ln x)^p; power of ln x: p"
    weighting: ClassVar[Literal["even"]] = "even"
    parameters: ClassVar[int] = 2

    def to_fit(self, y: FloatArray) -> FloatArray:
        """The natural logarithm."""
        return logarithm(y, "logarithmic decay")

    def from_fit(self, value: FloatArray) -> FloatArray:
        """The exponential."""
        return np.asarray(np.exp(value))

    def shapes(self, x: FloatArray) -> FloatArray:
        """A single NaN: linear."""
        return LINEAR.copy()

    def basis(self, x: FloatArray, shape: FloatArray) -> FloatArray:
        """1 and ln ln x."""
        iterated = logarithm(logarithm(x, "logarithmic law's x"), "logarithmic law's ln x")
        return same_for_all_shapes(shape, np.ones_like(x), iterated)

    def offset(self, x: FloatArray) -> FloatArray:
        """Zero."""
        return np.zeros_like(x)

    def score_of(self, shape: FloatArray, coefficients: FloatArray) -> FloatArray:
        """The power."""
        return np.asarray(coefficients[..., 1])

    def named(self, shape: float, coefficients: FloatArray) -> Mapping[str, float]:
        """Power and the natural logarithm of the prefactor."""
        return {"power": float(coefficients[1]), "log_prefactor": float(coefficients[0])}

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
        """Wrong: the power 2 p; rival: a power law that falls as far."""
        p = world_score(kind, score, self.power, 2.0 * self.power)
        points = np.geomspace(10.0, 1e8, 12) if x is None else np.asarray(x, dtype=np.float64)
        curve = p * np.log(np.log(points))
        if kind == "rival":
            share = np.log(points / points[0]) / np.log(points[-1] / points[0])
            curve = curve[0] + (curve[-1] - curve[0]) * share
        return positive_world(points, curve, replicates, noise, rng, log_y=False)


@dataclass(frozen=True, slots=True)
class Divergence:
    """y = C |x - t|^(-a) on one side of a threshold t; the score is the exponent a.

    Parameters
    ----------
    exponent : float
        Predicted a. Fits leave it free.
    threshold : float or None
        t where it is known; None leaves it free, outside the measured range on the side not measured.
    above : bool
        Whether x lies above the threshold.
    """

    exponent: float = 1.0
    threshold: float | None = None
    above: bool = True
    score_name: ClassVar[str] = "exponent of the divergence"
    weighting: ClassVar[Literal["even"]] = "even"

    @property
    def parameters(self) -> int:
        """2, or 3 with a free threshold."""
        return 2 if self.threshold is not None else 3

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        t = "t" if self.threshold is None else f"{self.threshold:g}"
        distance = f"x \N{MINUS SIGN} {t}" if self.above else f"{t} \N{MINUS SIGN} x"
        return f"y = C ({distance})^(\N{MINUS SIGN}a); exponent of the divergence: a"

    def to_fit(self, y: FloatArray) -> FloatArray:
        """The natural logarithm."""
        return logarithm(y, "divergence")

    def from_fit(self, value: FloatArray) -> FloatArray:
        """The exponential."""
        return np.asarray(np.exp(value))

    def shapes(self, x: FloatArray) -> FloatArray:
        """The threshold, or candidates for it between 1/1000 and 3 spans outside the measured range."""
        if self.threshold is not None:
            return np.array([self.threshold])
        distance = (np.max(x) - np.min(x)) * np.geomspace(1e-3, 3.0, _GRID)
        return np.min(x) - distance[::-1] if self.above else np.max(x) + distance

    def basis(self, x: FloatArray, shape: FloatArray) -> FloatArray:
        """1 and ln |x - t|."""
        distance = x - np.asarray(shape)[..., None]
        if self.threshold is not None and np.any((distance if self.above else -distance) <= 0):
            side = "above" if self.above else "below"
            raise ValueError(f"x must lie {side} the threshold {self.threshold}, got {x.tolist()}")
        # a free threshold that falls among held-out x predicts a very large value there, not an error
        log_distance = np.log(np.maximum(distance if self.above else -distance, 1e-12 * np.max(np.abs(x))))
        return np.stack((np.ones_like(log_distance), log_distance), axis=-1)

    def offset(self, x: FloatArray) -> FloatArray:
        """Zero."""
        return np.zeros_like(x)

    def score_of(self, shape: FloatArray, coefficients: FloatArray) -> FloatArray:
        """The exponent."""
        return np.asarray(-coefficients[..., 1])

    def named(self, shape: float, coefficients: FloatArray) -> Mapping[str, float]:
        """Exponent, threshold and the natural logarithm of the prefactor."""
        return {
            "exponent": -float(coefficients[1]),
            "threshold": float(shape),
            "log_prefactor": float(coefficients[0]),
        }

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
        """Threshold 1 if free; wrong: the exponent 1.5 a; rival: an exponential that falls as far."""
        a = world_score(kind, score, self.exponent, 1.5 * self.exponent)
        threshold = 1.0 if self.threshold is None else self.threshold
        distance = np.geomspace(0.03, 3.0, 15)
        points = threshold + (distance if self.above else -distance[::-1])
        if x is not None:
            points = np.asarray(x, dtype=np.float64)
        curve = -a * logarithm((points - threshold) * (1 if self.above else -1), "divergence's x")
        if kind == "rival":
            curve = curve[0] + (curve[-1] - curve[0]) * (points - points[0]) / (points[-1] - points[0])
        return positive_world(points, curve, replicates, noise, rng, log_y=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """y = c at every x; the score is c.

    Parameters
    ----------
    value : float
        Predicted c, in the unit of y. Fits leave it free.
    """

    value: float = 0.0
    score_name: ClassVar[str] = "value"
    formula: ClassVar[str] = "y = c at every x; value: c"
    weighting: ClassVar[Literal["even"]] = "even"
    parameters: ClassVar[int] = 1

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
        """1."""
        return same_for_all_shapes(shape, np.ones_like(x))

    def offset(self, x: FloatArray) -> FloatArray:
        """Zero."""
        return np.zeros_like(x)

    def score_of(self, shape: FloatArray, coefficients: FloatArray) -> FloatArray:
        """The constant."""
        return np.asarray(coefficients[..., 0])

    def named(self, shape: float, coefficients: FloatArray) -> Mapping[str, float]:
        """The constant."""
        return {"value": float(coefficients[0])}

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
        """Noise in units of |c|, or of 1 if c = 0; wrong: two units off; rival: rises by a unit."""
        unit = abs(self.value) or 1.0
        c = world_score(kind, score, self.value, self.value + 2.0 * unit)
        points = np.geomspace(10.0, 1000.0, 9) if x is None else np.asarray(x, dtype=np.float64)
        curve = np.full_like(points, c)
        if kind == "rival":
            curve += unit * (np.log(points / points[0]) / np.log(points[-1] / points[0]) - 0.5)
        return world_from_rows(points, curve + unit * replicate_noise(points, replicates, noise, rng))
