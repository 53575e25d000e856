"""`Law`: what a prediction must offer to be tested; curves, relations and their made-up worlds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

from .worlds import FloatArray, Noise, Seed, World, WorldKind


@runtime_checkable
class Law(Protocol):
    """A predicted form with one number, its score, and made-up worlds in which the score is known."""

    @property
    def score_name(self) -> str:
        """What the score is, in words, e.g. ``"exponent"``."""
        ...

    @property
    def formula(self) -> str:
        """The equation and, after a semicolon, the score's name and symbol in it; for people to read."""
        ...

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
        """Make up a measurement.

        Parameters
        ----------
        kind : {"true", "wrong", "rival"}
            The law with its predicted score, the law with another score, or another law.
        score : float, optional
            True score of the world instead of the default of `kind`; not for ``"rival"``.
        x : array_like, shape (points,), optional
            Where to measure; a range that suits the law by default.
        replicates : int
        noise : Noise or float
            How replicates scatter; a number is the standard deviation of Gaussian noise.
        rng : Generator, int or None

        Raises
        ------
        ValueError
            If `kind` is none of the three, or an argument is out of range.
        """
        ...


@runtime_checkable
class CurveLaw(Law, Protocol):
    """A curve y(x) with free parameters: in fit space, basis(x, shape) @ coefficients + offset(x).

    All forms have at most one parameter, the shape, that does not enter linearly.
    """

    @property
    def weighting(self) -> Literal["even", "relative"]:
        """Whether errors in fit space are even over x, or in proportion to the curve."""
        ...

    @property
    def parameters(self) -> int:
        """Number of free parameters."""
        ...

    def to_fit(self, y: FloatArray) -> FloatArray:
        """Measured values in fit space (their logarithm, or themselves); ValueError where they have none."""
        ...

    def from_fit(self, value: FloatArray) -> FloatArray:
        """The inverse of `to_fit`."""
        ...

    def shapes(self, x: FloatArray) -> FloatArray:
        """Increasing grid of shapes to search, shape (grid,); a single NaN where the law is linear."""
        ...

    def basis(self, x: FloatArray, shape: FloatArray) -> FloatArray:
        """Basis functions, shape (*shape.shape, len(x), coefficients)."""
        ...

    def offset(self, x: FloatArray) -> FloatArray:
        """The part of the curve without free parameters, in fit space, shape (len(x),)."""
        ...

    def score_of(self, shape: FloatArray, coefficients: FloatArray) -> FloatArray:
        """The score, from shapes (...,) and coefficients (..., k)."""
        ...

    def named(self, shape: float, coefficients: FloatArray) -> Mapping[str, float]:
        """The free parameters by name."""
        ...


@runtime_checkable
class PointwiseLaw(Law, Protocol):
    """A relation that must hold at every x; its score is the worst difference over x."""

    @property
    def relative(self) -> bool:
        """Whether a difference is the natural logarithm of the ratio of means."""
        ...

    @property
    def worst(self) -> Literal["largest", "smallest", "farthest"]:
        """Which difference over x is the score: the largest, the smallest, the farthest from zero."""
        ...

    def held_against(self, x: FloatArray, reference: FloatArray | None) -> FloatArray:
        """What each row of y is held against, shape (rows,); ValueError where it is missing."""
        ...
