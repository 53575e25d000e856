"""`calibrate`: how often the protocol supports what is false, and refutes what is true, in made-up worlds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from scipy.stats import binom
from threadpoolctl import threadpool_limits

from genlaws.simulate.measurement import Measurement
from genlaws.theory.worlds import World, WorldKind

from .calibration_bank import CASES, DESIGNS, Case, Design
from .looks import looks as all_looks
from .protocol import assess
from .units import checksum
from .verdict import Outcome

Truth = Literal["true", "edge", "wrong", "rival"]

LEVELS = (0.5, 1.0)
"""Noise, in units of the case's."""
FALSE_RATE = 0.05
"""The most that false verdicts of either kind may be."""

_COUNTS = ("supported", "refuted", "inconclusive", "failed")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is true in a world, and how it is measured.

    Attributes
    ----------
    case, design : str
        Keys of `CASES` and `DESIGNS`.
    level : float
        Noise in units of the case's.
    truth : str
        ``"true"``, ``"wrong"`` or ``"rival"``, or ``"edge"`` of the band.
    edge : float or None
        The score at the edge.
    """

    case: str
    design: str
    level: float
    truth: Truth
    edge: float | None = None

    @property
    def may_not_support(self) -> bool:
        """Whether SUPPORTED is false here; at the edge the score is as far from it as the band says."""
        return self.truth != "true"

    @property
    def may_not_refute(self) -> bool:
        """Whether REFUTED is false here."""
        return self.truth in ("true", "edge")

    def seed(self, first: int) -> np.random.SeedSequence:
        """Its own, whatever else is calibrated, and in what order."""
        digest = checksum([self.case, self.design, self.level, self.truth, self.edge])
        return np.random.SeedSequence(first, spawn_key=(int(digest[:8], 16), int(digest[8:16], 16)))


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each verdict came out in one setting.

    Attributes
    ----------
    setting : Setting
    supported, refuted, inconclusive, failed : int
        Worlds; those that failed could not be judged, as a value had no place in the law.
    replicates : float
        Mean number at the verdict.
    """

    setting: Setting
    supported: int
    refuted: int
    inconclusive: int
    failed: int
    replicates: float

    @property
    def worlds(self) -> int:
        """All of them."""
        return self.supported + self.refuted + self.inconclusive + self.failed

    @property
    def false_verdicts(self) -> dict[str, int]:
        """``"SUPPORTED"`` or ``"REFUTED"``, where it is false here -> how often it came out."""
        found = {}
        if self.setting.may_not_support:
            found["SUPPORTED"] = self.supported
        if self.setting.may_not_refute:
            found["REFUTED"] = self.refuted
        return found

    @property
    def too_often(self) -> bool:
        """Whether a false verdict came out more often than a rate of 5 % makes plausible, at one in 1,000."""
        return max(self.false_verdicts.values()) > binom.ppf(0.999, self.worlds, FALSE_RATE)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        return {**asdict(self.setting), "worlds": self.worlds, **counts, "replicates": self.replicates}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Rates:
        """What `to_dict` wrote; ValueError if something is missing."""
        try:
            setting = Setting(**{entry.name: document[entry.name] for entry in fields(Setting)})
            counts = {name: int(document[name]) for name in _COUNTS}
            return cls(setting, **counts, replicates=float(document["replicates"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no rates of a calibration: {type(error).__name__} {error}") from error


def settings(
    cases: Sequence[str] = (), designs: Sequence[str] = (), levels: Sequence[float] = LEVELS
) -> tuple[Setting, ...]:
    """All settings of these cases and designs; of all where none is named.

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    for what, names, known in (("case", cases, CASES), ("design", designs, DESIGNS)):
        for name in names:
            if name not in known:
                raise ValueError(f"{what} must be one of {'; '.join(known)}, got {name!r}")
    found = []
    for name in cases or CASES:
        case = CASES[name]
        truths: list[tuple[Truth, float | None]] = [("true", None), *(("edge", end) for end in case.edges)]
        truths.append(("wrong", None))
        if case.rivals:
            truths.append(("rival", None))
        for design in designs or DESIGNS:
            if DESIGNS[design].suits(case):
                found += [
                    Setting(name, design, level, truth, edge) for level in levels for truth, edge in truths
                ]
    return tuple(found)


def _first(world: World, many: int) -> Measurement:
    # the first replicates of a world that has more
    kept = world.replicate < many
    return Measurement(
        x=world.x[kept],
        replicate=world.replicate[kept],
        y=world.y[kept],
        reference=None if world.reference is None else world.reference[kept],
    )


def _made_up(setting: Setting, case: Case, design: Design, rng: np.random.Generator) -> World:
    # with the replicates of the last look
    law, score = case.law, setting.edge
    kind: WorldKind = "true" if setting.truth == "edge" else setting.truth
    if setting.truth == "true":
        score = case.true_score
    elif setting.truth == "rival" and case.rival_world is not None:
        law, kind = case.rival_world, "true"
    return law.world(
        kind,
        score=score,
        x=None if case.x is None else np.array(case.x),
        replicates=design.replicates(case) * all_looks(design.looks)[-1].times,
        noise=design.noise(setting.level * case.noise),
        rng=rng,
    )


def _verdict(setting: Setting, stream: np.random.SeedSequence) -> tuple[Outcome, int]:
    # without a control, which can only leave open what is SUPPORTED: false rates are not flattered by it
    case, design = CASES[setting.case], DESIGNS[setting.design]
    world_rng, *looks_rng = (
        np.random.default_rng(child) for child in stream.spawn(1 + len(all_looks(design.looks)))
    )
    world = _made_up(setting, case, design, world_rng)
    claim, outcome, many = case.claim(world.x), Outcome.ERROR, 0
    for look, rng in zip(all_looks(design.looks), looks_rng, strict=True):
        many = look.times * design.replicates(case)
        try:
            outcome = assess(claim, _first(world, many), rng, look, whole_range=True).outcome
        except ValueError:
            return Outcome.ERROR, many
        if outcome is not Outcome.INCONCLUSIVE:
            break
    return outcome, many


def measure_rates(setting: Setting, *, worlds: int, seed: int = 0) -> Rates:
    """Judge so many made-up worlds of one setting.

    Parameters
    ----------
    setting : Setting
    worlds : int
        At least 1.
    seed : int
        Equal seeds give equal rates, whatever else is calibrated.

    Returns
    -------
    Rates

    Raises
    ------
    ValueError
        If `worlds` is less than 1.
    """
    if worlds < 1:
        raise ValueError(f"worlds must be at least 1, got {worlds}")
    with threadpool_limits(1):  # the matrices are small: threads would only wait for each other
        verdicts = [_verdict(setting, stream) for stream in setting.seed(seed).spawn(worlds)]
    count = Counter(outcome for outcome, _ in verdicts)
    return Rates(
        setting,
        supported=count[Outcome.SUPPORTED],
        refuted=count[Outcome.REFUTED],
        inconclusive=count[Outcome.INCONCLUSIVE],
        failed=count[Outcome.ERROR],
        replicates=float(np.mean([many for _, many in verdicts])),
    )
