"""`Verdict`: what came out, with the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from genlaws.simulate.measurement import Measurement, Source


class Outcome(StrEnum):
    """The five things a check can say."""

    SUPPORTED = "SUPPORTED"
    REFUTED = "REFUTED"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Rival:
    """How another law did on held-out x.

    Attributes
    ----------
    name
        The rival's name.
    advantage
        Its held-out log score per point minus the claimed law's, in nats; positive favours the rival.
    share
        Share of replicate bootstraps in which it was better.
    decisive
        Whether it beat the claimed law by the claim's margin in at least 95 % of bootstraps.
    aic, bic
        Its Akaike and Bayesian information criterion less those of the claimed law, fitted to all x;
        negative favours the rival. They decide nothing; None where its fit has no place in the law.
    """

    name: str
    advantage: float
    share: float
    decisive: bool
    aic: float | None = None
    bic: float | None = None


@dataclass(frozen=True, slots=True)
class ControlResult:
    """How the control came out: the `verdict` it gave and the one that was `expected`."""

    description: str
    expected: str
    verdict: str
    estimate: float | None
    low: float | None
    high: float | None
    reason: str
    measurement: Measurement | None = None

    @property
    def passed(self) -> bool:
        """Whether the control came out as it must."""
        return self.verdict == self.expected


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one claim for one source.

    `low` and `high` are the ends of the interval at `level` (0.90 for two one-sided tests at 5 %,
    0.95 when REFUTED); `estimate` is the law's score. `power` is the chance that a measurement this
    noisy would have given SUPPORTED were the prediction exact; `needed` says in words what would decide.
    `p_value` is the two one-sided tests' p value; `p_value_holm` is corrected over one paper and source
    and never changes the verdict. `details` holds the law's free parameters and other numbers by name.
    """

    claim: str
    source: Source
    verdict: Outcome
    reason: str
    predicted: float | None = None
    band: tuple[float, float] | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    p_value: float | None = None
    p_value_holm: float | None = None
    power: float | None = None
    needed: str | None = None
    replicates: int = 0
    seed: int | None = None
    control: ControlResult | None = None
    rivals: tuple[Rival, ...] = ()
    measurement: Measurement | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
