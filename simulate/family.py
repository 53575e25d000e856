"""`ClassifierFamily`: a prior over classifiers and a population of labelled points, all a sampler knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Population = Any
"""A population of classifiers. Opaque: numpy or torch, read only by the family that made it."""


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What one move did to a population.

    Attributes
    ----------
    population
        The moved population, in the same order.
    persistence
        How much of each classifier is left, between 0 (independent of where it started, given the
        constraints) and 1 (did not move): the overlap of a classifier with its own past, above the
        overlap between different members, as a share of the norm above that overlap.
    work
        Elementary steps taken (wall bounces, spin flips), summed over the population.
    """

    population: Population
    persistence: float
    work: int


@runtime_checkable
class ClassifierFamily(Protocol):
    """A prior over classifiers, and labelled points to err on.

    Examples are integer indices into the family's points; a family with infinitely many points makes
    each from its index. Every method acts on a whole population at once, and takes its randomness from
    the generator it is given.

    A family that is registered by name also carries ``revision: ClassVar[int]``, at first 1. Raise it when
    the science changes, that is when equal seeds and settings give other numbers for a reason (a mended
    prior, other moves, another error): stored measurements of the family are then made anew. Leave it where
    only speed, wording or the shape of the code change.
    """

    @property
    def error_name(self) -> str:
        """Which true error `true_errors` returns: ``"exact"``, ``"pool"`` or ``"heldout"``."""
        ...

    @property
    def error_resolution(self) -> int | None:
        """Number of points behind each true error, or None when the error is exact."""
        ...

    def training_set(self, n: int, rng: np.random.Generator) -> IntArray:
        """Draw a training set of `n` example indices; raises ValueError if `n` is more than there are."""
        ...

    def draw(self, particles: int, rng: np.random.Generator) -> Population:
        """Draw `particles` classifiers independently from the prior."""
        ...

    def take(self, population: Population, index: IntArray) -> Population:
        """The classifiers at `index`, with repeats allowed."""
        ...

    def where(self, keep: BoolArray, population: Population, other: Population) -> Population:
        """Classifier by classifier: from `population` where `keep`, else from `other`."""
        ...

    def margins(self, population: Population, points: IntArray) -> FloatArray:
        """Signed scores, shape (particles, points): positive exactly where the classifier is right.

        In units of the prior's standard deviation where outputs are real, otherwise +1 or -1.
        """
        ...

    def correct(self, population: Population, points: IntArray) -> BoolArray:
        """Whether each classifier is right on each point, shape (particles, points)."""
        ...

    def first_error(self, population: Population, examples: IntArray) -> IntArray:
        """Position in `examples` of each classifier's first error, `len(examples)` if it makes none."""
        ...

    def true_errors(self, population: Population) -> FloatArray:
        """True error of each classifier, in [0, 1], shape (particles,).

        Counted errors are k / m to the last bit, as thresholds and grids compare them.
        """
        ...

    def disagreement(self, population: Population) -> float:
        """Probability that two different members disagree on a random point, averaged over pairs."""
        ...

    def majority_error(self, population: Population, rng: np.random.Generator) -> float:
        """True error of the majority vote of the population (on fresh points where there are endless)."""
        ...

    def move(
        self,
        population: Population,
        examples: IntArray,
        rng: np.random.Generator,
        *,
        length: float,
        slack: float = 0.0,
    ) -> MoveReport:
        """Move every classifier, reversibly for the prior restricted to no error on `examples`.

        `length` in (0, 1] scales the step, 1 being the longest useful one. With `slack` > 0 the *last*
        example only has to keep a margin above ``-slack``: this is how a hard example enters in stages.
        """
        ...
