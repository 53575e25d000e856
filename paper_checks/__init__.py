"""Claims, statistical tests, verdicts, runs and the command line.

The names below load their modules when first used, so that the command line starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check_run import CheckRun
    from .claim import Claim, Control, Experiment
    from .claim_registry import all_claims, find_claims
    from .fits import fitted_curve
    from .protocol import holm, judge
    from .runs import run_claims
    from .scores import Score, score
    from .store import Store
    from .verdict import ControlResult, Outcome, Rival, Verdict

_HOME = {
    "CheckRun": "check_run",
    "Claim": "claim",
    "Control": "claim",
    "ControlResult": "verdict",
    "Experiment": "claim",
    "Outcome": "verdict",
    "Rival": "verdict",
    "Score": "scores",
    "Store": "store",
    "Verdict": "verdict",
    "all_claims": "claim_registry",
    "find_claims": "claim_registry",
    "fitted_curve": "fits",
    "holm": "protocol",
    "judge": "protocol",
    "run_claims": "runs",
    "score": "scores",
}

__all__ = [
    "CheckRun",
    "Claim",
    "Control",
    "ControlResult",
    "Experiment",
    "Outcome",
    "Rival",
    "Score",
    "Store",
    "Verdict",
    "all_claims",
    "find_claims",
    "fitted_curve",
    "holm",
    "judge",
    "run_claims",
    "score",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
