"""`Claim`: what a paper states, how it is measured, and what would refute it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from genlaws.simulate.measurement import Measurement, Source
from genlaws.theory.laws import Law

Budget = Literal["quick", "standard", "full"]
BUDGETS: tuple[Budget, ...] = ("quick", "standard", "full")
SOURCES: tuple[Source, ...] = ("simulation", "network")

Device = Literal["cpu", "cuda"]

Settings = Mapping[str, Any]
"""JSON-ready settings of one unit of work; they name their data, they do not hold it."""

Readings = Mapping[str, Measurement]
"""Measurements that one unit of shared work gives, by name."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """How one source measures a claim: units of work that can run anywhere, in any order.

    Attributes
    ----------
    units
        Budget -> settings of every unit of work. An amount of work, never a time.
    measure
        (settings, generator) -> the measurement of one unit. A module-level function, so that it can
        be sent to another process. Replicate numbers must differ between units.
    families
        Registered names of the classifier families it measures (see `find_family`). Where the
        science of one changes, its revision is raised, and what was stored of it is measured anew.
    """

    units: Callable[[Budget], Sequence[Settings]]
    measure: Callable[[Settings, np.random.Generator], Measurement]
    families: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedWork:
    """Work that gives several claims their measurements: networks trained once, and read in many ways.

    Attributes
    ----------
    name
        What it is. Units of one name, source, index and settings are one and the same, whoever asks.
    measure
        (settings, generator) -> name -> measurement of one unit. A module-level function.
    families
        As in `Experiment`.
    revision
        As in `Claim`: raised by hand when what it measures changes.
    """

    name: str
    measure: Callable[[Settings, np.random.Generator], Readings]
    families: tuple[str, ...] = ()
    revision: int = 1


@dataclass(frozen=True, slots=True)
class SharedExperiment:
    """How one source measures a claim by work that it shares with others; see `SharedWork`.

    Attributes
    ----------
    units
        As in `Experiment`; those of equal index and settings are carried out once for all that ask.
    work
        What is done.
    reading
        Which of its measurements this is.
    """

    units: Callable[[Budget], Sequence[Settings]]
    work: SharedWork
    reading: str

    @property
    def families(self) -> tuple[str, ...]:
        """Those of the work."""
        return self.work.families

    def measure(self, settings: Settings, rng: np.random.Generator) -> Measurement:
        """The reading of one unit by itself.

        Raises
        ------
        ValueError
            If the work gives no such reading.
        """
        return named_reading(self.work.measure(settings, rng), self.reading)


AnyExperiment = Experiment | SharedExperiment


def named_reading(readings: Readings, name: str) -> Measurement:
    """One of the readings of shared work; ValueError if there is none of this name."""
    if name not in readings:
        raise ValueError(f"there is no reading {name!r}; known: {', '.join(readings)}")
    return readings[name]


@dataclass(frozen=True, slots=True)
class Control:
    """The same check where the opposite is known to be true.

    Attributes
    ----------
    description
        What was changed, and why the check must then come out as `expected`.
    expected
        The verdict that the claim's own law and band must give on it.
    experiments
        By source, like the claim's own.
    """

    description: str
    expected: Literal["SUPPORTED", "REFUTED"]
    experiments: Mapping[Source, AnyExperiment]


@dataclass(frozen=True, slots=True)
class Published:
    """A number as a paper prints it, to stand beside ours.

    Attributes
    ----------
    quantity
        What it is, in words.
    value
        As printed.
    where
        arXiv number and table, figure or equation.
    measured
        Ours: ``"estimate"``, the score of the law, or the name of one of the verdict's details.
    """

    quantity: str
    value: float
    where: str
    measured: str = "estimate"


@dataclass(frozen=True, slots=True)
class Restatement:
    """What of a claim reads otherwise where one source tests it; None leaves it as the claim has it.

    The statement stays: it is the same sentence of the paper, tested with other numbers. Attributes are
    those of `Claim`; a restated `control` brings the experiment of its source.
    """

    prediction: str | None = None
    law: Law | None = None
    predicted: float | None = None
    band: tuple[float, float] | None = None
    x_range: tuple[float, float] | None = None
    falsifier: str | None = None
    control: Control | None = None
    rivals: tuple[Law, ...] | None = None
    band_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of a paper, with everything fixed before any data.

    Attributes
    ----------
    id
        As in the papers' table, e.g. ``"A1a"``.
    paper
        Key of the paper, e.g. ``"martinetz"``.
    where
        arXiv number and equation or section.
    statement, prediction
        In one sentence each; `prediction` with its number.
    law
        The predicted form; its score is one number.
    predicted
        The predicted value of that score; of a bound, whose band is open on one side, the band's end.
    band
        (low, high): scores that count as the same. May be infinite on one side, not on both.
    x_range
        (low, high): x that the measurement must cover.
    falsifier
        What would refute the claim, in one sentence.
    control
        A case for which the check must come out the other way.
    experiments
        By source; a source that is missing gives NOT_APPLICABLE with `not_applicable[source]` as reason.
    rivals
        Other laws for the same curve. One that is decisively better on held-out x refutes the claim.
    rival_margin
        Held-out log score per point by which a rival must win, in nats.
    restated
        By source, what it tests in other numbers than the rest of the claim says; see `as_tested_by`.
    published
        Numbers that the paper prints for it.
    band_reason
        Why the band is as wide as it is, in one sentence.
    revision
        Raised by hand when what its experiments measure changes: stored measurements of an earlier
        revision are not used any more.

    Raises
    ------
    ValueError
        If the falsifier, control or statement is empty, the band is no interval holding `predicted`, or
        the revision is no positive number; also of the claim as a source restates it.
    """

    id: str
    paper: str
    where: str
    statement: str
    prediction: str
    law: Law
    predicted: float
    band: tuple[float, float]
    x_range: tuple[float, float]
    falsifier: str
    control: Control
    experiments: Mapping[Source, AnyExperiment]
    rivals: tuple[Law, ...] = ()
    rival_margin: float = 0.1
    not_applicable: Mapping[Source, str] = field(default_factory=dict)
    restated: Mapping[Source, Restatement] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    band_reason: str = ""
    revision: int = 1

    def __post_init__(self) -> None:
        for name in ("id", "paper", "where", "statement", "prediction", "falsifier"):
            if not str(getattr(self, name)).strip():
                raise ValueError(f"claim {self.id or '?'}: {name} must not be empty")
        if not self.control.description.strip():
            raise ValueError(f"claim {self.id}: a control must say what was changed")
        low, high = self.band
        if not (low < high and (np.isfinite(low) or np.isfinite(high))):
            raise ValueError(f"claim {self.id}: band must be an interval with a finite end, got {self.band}")
        if not low <= self.predicted <= high:
            raise ValueError(f"claim {self.id}: predicted {self.predicted} lies outside the band {self.band}")
        if not self.x_range[0] <= self.x_range[1]:
            raise ValueError(f"claim {self.id}: x_range must be (low, high), got {self.x_range}")
        if self.revision < 1:
            raise ValueError(f"claim {self.id}: revision must be at least 1, got {self.revision}")
        if self.rival_margin <= 0:
            raise ValueError(f"claim {self.id}: rival_margin must be positive, got {self.rival_margin}")
        for source in SOURCES:
            if source not in self.experiments and not self.not_applicable.get(source):
                raise ValueError(f"claim {self.id}: no experiment for {source} and no reason given")
            if source not in self.experiments and source in self.restated:
                raise ValueError(f"claim {self.id}: restated for {source}, which has no experiment")
            # a restatement is checked as the claim that it makes
            control = self.as_tested_by(source).control
            if source in self.experiments and source not in control.experiments:
                raise ValueError(f"claim {self.id}: no control for {source}")

    def as_tested_by(self, source: Source) -> Claim:
        """The claim as one source tests it, with what is restated for that source in place."""
        if source not in self.restated:
            return self
        restated = self.restated[source]
        changes = {
            entry.name: value
            for entry in fields(restated)
            if (value := getattr(restated, entry.name)) is not None
        }
        if restated.control is not None:
            # those of the other sources stay, so that the result is a whole claim too
            every = {**self.control.experiments, **restated.control.experiments}
            changes["control"] = replace(restated.control, experiments=every)
        return replace(self, restated={}, **changes)
