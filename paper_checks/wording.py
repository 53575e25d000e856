"""How results read, on a terminal and in every kind of report: signs, numbers, intervals and controls."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from .verdict import ControlResult, Outcome, Verdict

SIGNS = {
    Outcome.SUPPORTED: "✓",
    Outcome.REFUTED: "✗",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NOT_APPLICABLE: "–",
    Outcome.ERROR: "!",
}
SOURCE_NAMES = {"simulation": "simulation", "network": "networks"}


def outcome_word(outcome: Outcome) -> str:
    """The outcome in small letters: ``"not applicable"``."""
    return outcome.value.lower().replace("_", " ")


def spaced(name: str) -> str:
    """``"PowerLawWithPlateau"`` as ``"power law with plateau"``."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def number(value: float | None, *, digits: int = 3) -> str:
    """A number as people write it; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}g}".replace("-", "−")


def interval(low: float | None, high: float | None, *, digits: int = 3) -> str:
    """``"[0.9, 1.1]"``; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"[{number(low, digits=digits)}, {number(high, digits=digits)}]"


def band_text(band: tuple[float, float]) -> str:
    """A band in words: ``"0.9 to 1.1"``, ``"at most 0"``, ``"at least 2"``."""
    low, high = band
    if math.isinf(low):
        return f"at most {number(high)}"
    if math.isinf(high):
        return f"at least {number(low)}"
    return f"{number(low)} to {number(high)}"


def foretold(verdict: Verdict, *, digits: int = 4) -> str:
    """The predicted score; of a bound, which foretells no value, its end: ``"≤ 0.1"``."""
    if verdict.band is not None and math.isinf(verdict.band[0]):
        return f"≤ {number(verdict.band[1], digits=digits)}"
    if verdict.band is not None and math.isinf(verdict.band[1]):
        return f"≥ {number(verdict.band[0], digits=digits)}"
    return number(verdict.predicted, digits=digits)


def percent(share: float | None) -> str:
    """A share in percent: ``"90 %"``."""
    return "–" if share is None else f"{100 * share:.3g} %"


def duration(seconds: float | None) -> str:
    """A time of work: ``"3.2 s"``, ``"4 min"``, ``"2.5 h"``."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def control_text(control: ControlResult | None) -> str:
    """Whether the control came out as it must, in two words; empty where there was none."""
    if control is None:
        return ""
    return "control passed" if control.passed else "control failed"


def enumeration(parts: Sequence[str]) -> str:
    """``"a, b and c"``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
