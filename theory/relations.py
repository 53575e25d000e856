"""Laws that are relations at every x: bounds, an ordering, equalities, a given curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .fit_space import relation_score
from .worlds import (
    FloatArray,
    Noise,
    Seed,
    World,
    WorldKind,
    as_noise,
    mean_one_factor,
    replicate_noise,
    world_from_rows,
)

Worst = Literal["largest", "smallest", "farthest"]


def _given(reference: FloatArray | None) -> FloatArray:
    if reference is None:
        raise ValueError("reference must be given for a relation, got None")
    return reference


def _difference(other: str, *, relative: bool) -> str:
    """How a difference from `other` is taken, as a formula."""
    return f"ln(y / {other})" if relative else f"(y \N{MINUS SIGN} {other})"


def _differences_world(
    worst: Worst,
    score: float,
    reference: FloatArray,
    x: FloatArray,
    *,
    relative: bool,
    replicates: int,
    noise: Noise | float,
    rng: Seed,
) -> World:
    """One x, drawn at random, has the difference `score`; at the others it is milder by up to 0.5."""
    generator = np.random.default_rng(rng)
    milder = generator.uniform(0.0, 0.5, len(x))
    if worst == "farthest":
        differences = score * (1 - 2 * milder)
    else:
        differences = score + (milder if worst == "smallest" else -milder)
    differences[generator.integers(len(x))] = score
    if relative:
        y = reference * np.exp(differences) * mean_one_factor(x, replicates, noise, generator)
    else:
        y = reference + differences + replicate_noise(x, replicates, noise, generator)
    return world_from_rows(x, y, reference)


def _points(x: FloatArray | None) -> FloatArray:
    return np.geomspace(10.0, 160.0, 5) if x is None else np.asarray(x, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class UpperBound:
    """y lies below its reference at every x; the score is the largest difference y - reference.

    A band (-inf, t) supports the bound up to t.

    Parameters
    ----------
    relative : bool
        Whether a difference is ln(mean y / mean reference) instead of mean y - mean reference.
    """

    relative: bool = False
    score_name: ClassVar[str] = "largest excess over the bound"
    worst: ClassVar[Literal["largest"]] = "largest"

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        excess = _difference("bound", relative=self.relative)
        return f"y \N{LESS-THAN OR EQUAL TO} bound at every x; {self.score_name}: max {excess}"

    def held_against(self, x: FloatArray, reference: FloatArray | None) -> FloatArray:
        """The reference."""
        return _given(reference)

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
        """True: 0.2 below at worst; wrong or rival: 0.2 above."""
        worst = relation_score(kind, score, -0.2, 0.2)
        points = _points(x)
        reference = 1.0 + 10.0 / points
        return _differences_world(
            self.worst,
            worst,
            reference,
            points,
            relative=self.relative,
            replicates=replicates,
            noise=noise,
            rng=rng,
        )


@dataclass(frozen=True, slots=True)
class LowerBound:
    """y lies above its reference at every x; the score is the smallest difference y - reference.

    A band (-t, inf) supports the bound up to t.

    Parameters
    ----------
    relative : bool
        Whether a difference is ln(mean y / mean reference) instead of mean y - mean reference.
    """

    relative: bool = False
    score_name: ClassVar[str] = "smallest lead over the bound"
    worst: ClassVar[Literal["smallest"]] = "smallest"

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        lead = _difference("bound", relative=self.relative)
        return f"y \N{GREATER-THAN OR EQUAL TO} bound at every x; {self.score_name}: min {lead}"

    def held_against(self, x: FloatArray, reference: FloatArray | None) -> FloatArray:
        """The reference."""
        return _given(reference)

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
        """True: 0.2 above at worst; wrong or rival: 0.2 below."""
        worst = relation_score(kind, score, 0.2, -0.2)
        points = _points(x)
        reference = 1.0 + 10.0 / points
        return _differences_world(
            self.worst,
            worst,
            reference,
            points,
            relative=self.relative,
            replicates=replicates,
            noise=noise,
            rng=rng,
        )


@dataclass(frozen=True, slots=True)
class Ordering:
    """One quantity exceeds another at every x; the score is the difference y - reference least in favour.

    A band (t, inf), or (-inf, -t) with `above` false, demands a lead of t at every x.

    Parameters
    ----------
    above : bool
        Whether y is said to be the larger one.
    relative : bool
        Whether a difference is ln(mean y / mean reference) instead of mean y - mean reference.
    """

    above: bool = True
    relative: bool = False
    score_name: ClassVar[str] = "smallest lead"

    @property
    def worst(self) -> Literal["largest", "smallest"]:
        """The difference least in favour of the ordering."""
        return "smallest" if self.above else "largest"

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        sign, least = (">", "min") if self.above else ("<", "max")
        lead = _difference("other", relative=self.relative)
        return f"y {sign} other at every x; {self.score_name}: {least} {lead}"

    def held_against(self, x: FloatArray, reference: FloatArray | None) -> FloatArray:
        """The other quantity."""
        return _given(reference)

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
        """True: a lead of 0.2 at worst; wrong or rival: the other leads by 0.2."""
        worst = relation_score(kind, score, 0.2 if self.above else -0.2, -0.2 if self.above else 0.2)
        points = _points(x)
        reference = 1.0 + 10.0 / points
        return _differences_world(
            self.worst,
            worst,
            reference,
            points,
            relative=self.relative,
            replicates=replicates,
            noise=noise,
            rng=rng,
        )


@dataclass(frozen=True, slots=True)
class EqualWithinMargin:
    """y equals its reference at every x; the score is the difference farthest from zero, the band its margin.

    Parameters
    ----------
    relative : bool
        Whether a difference is ln(mean y / mean reference) instead of mean y - mean reference.
    """

    relative: bool = False
    score_name: ClassVar[str] = "difference farthest from 0"
    worst: ClassVar[Literal["farthest"]] = "farthest"

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        difference = _difference("reference", relative=self.relative)
        return f"y = reference at every x; {self.score_name}: {difference}"

    def held_against(self, x: FloatArray, reference: FloatArray | None) -> FloatArray:
        """The reference."""
        return _given(reference)

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
        """True: equal; wrong or rival: 0.3 apart at worst."""
        worst = relation_score(kind, score, 0.0, 0.3)
        points = _points(x)
        reference = 1.0 + 10.0 / points
        return _differences_world(
            self.worst,
            worst,
            reference,
            points,
            relative=self.relative,
            replicates=replicates,
            noise=noise,
            rng=rng,
        )


@dataclass(frozen=True, slots=True)
class ClosedCurve:
    """y follows a curve without free parameters; the score is the difference farthest from zero over x.

    With `relative`, differences are ln(mean y / function(x)), so a band of 10 % is (-0.1, 0.1).

    Parameters
    ----------
    function : callable
        x, shape (rows,), -> predicted y, shape (rows,). A module-level function.
    relative : bool
        Whether a difference is ln(mean y / function(x)) instead of mean y - function(x).
    """

    function: Callable[[FloatArray], FloatArray]
    relative: bool = False
    score_name: ClassVar[str] = "difference from the curve, farthest from 0"
    worst: ClassVar[Literal["farthest"]] = "farthest"

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        return f"y = f(x) at every x; {self.score_name}: {_difference('f(x)', relative=self.relative)}"

    def held_against(self, x: FloatArray, reference: FloatArray | None) -> FloatArray:
        """The curve; `reference` is not used."""
        curve = np.asarray(self.function(np.asarray(x)), dtype=np.float64)
        if curve.shape != np.shape(x) or not np.all(np.isfinite(curve)):
            raise ValueError(f"function must give one finite value for each x, got {curve}")
        return curve

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
        """True: the curve; wrong or rival: 0.3 off at worst."""
        worst = relation_score(kind, score, 0.0, 0.3)
        points = _points(x)
        reference = self.held_against(points, None)
        return _differences_world(
            self.worst,
            worst,
            reference,
            points,
            relative=self.relative,
            replicates=replicates,
            noise=noise,
            rng=rng,
        )


@dataclass(frozen=True, slots=True)
class EqualDistributions:
    """y and its reference have one distribution; the score is their Kolmogorov distance, largest over x.

    A distance lies in [0, 1] and is estimated too large by chance, so a band is (-inf, t).
    """

    score_name: ClassVar[str] = "Kolmogorov distance"

    @property
    def formula(self) -> str:
        """The equation and its score, for people to read."""
        share, other = "P(y \N{LESS-THAN OR EQUAL TO} t)", "P(reference \N{LESS-THAN OR EQUAL TO} t)"
        return f"{share} = {other} at every t; {self.score_name}: max |{share} \N{MINUS SIGN} {other}|"

    def world(
        self,
        kind: WorldKind,
        *,
        score: float | None = None,
        x: FloatArray | None = None,
        replicates: int = 400,
        noise: Noise | float = 0.1,
        rng: Seed = None,
    ) -> World:
        """Gaussians, one row per replicate unless `x` says more; wrong or rival: a distance of 0.4."""
        distance = relation_score(kind, score, 0.0, 0.4)
        points = np.array([1.0]) if x is None else np.asarray(x, dtype=np.float64)
        generator = np.random.default_rng(rng)
        # two unit Gaussians a shift s apart have the distance 2 Phi(s/2) - 1
        shift = 2.0 * float(ndtri(0.5 * (1.0 + distance)))
        common = replicate_noise(points, replicates, noise, generator)
        own: NDArray[np.float64] = np.sqrt(1.0 - as_noise(noise).deviation ** 2) * generator.standard_normal(
            (2, replicates, len(points))
        )
        return world_from_rows(points, common + own[0] + shift, common + own[1])
