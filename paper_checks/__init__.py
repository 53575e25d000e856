"""Claims, statistical tests, verdicts, runs and the command line.

The names below load their modules when first used, so that the command line starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check_run import CheckRun
    from .claim import (
        Budget,
        Claim,
        Control,
        Experiment,
        Published,
        Readings,
        Restatement,
        Settings,
        SharedExperiment,
        SharedWork,
    )
    from .claim_registry import all_claims, broken_plugins, find_claims
    from .claims.units import by_budget, on_networks, rows, shared_networks, shared_simulation, simulated
    from .error_tables import read_learning_curves
    from .extrapolation import extrapolate
    from .extrapolation_plots import plot_extrapolation
    from .extrapolation_result import Extrapolation, Forecast, LawForecast
    from .family_registry import RegisteredFamily, all_family_names, family_revisions, find_family
    from .fits import fitted_curve
    from .looks import Look
    from .measurement_tables import read_measurement
    from .named_laws import LawOptions, named_law
    from .own_claims import own_claim, rival_law
    from .protocol import holm, judge
    from .runs import run_claims
    from .scores import Score, score
    from .store import Store
    from .verdict import ControlResult, Outcome, Rival, Verdict

_HOME = {
    "Budget": "claim",
    "CheckRun": "check_run",
    "Claim": "claim",
    "Control": "claim",
    "ControlResult": "verdict",
    "Experiment": "claim",
    "Extrapolation": "extrapolation_result",
    "Forecast": "extrapolation_result",
    "LawForecast": "extrapolation_result",
    "LawOptions": "named_laws",
    "Look": "looks",
    "Outcome": "verdict",
    "Published": "claim",
    "Readings": "claim",
    "RegisteredFamily": "family_registry",
    "Restatement": "claim",
    "Rival": "verdict",
    "Score": "scores",
    "Settings": "claim",
    "SharedExperiment": "claim",
    "SharedWork": "claim",
    "Store": "store",
    "Verdict": "verdict",
    "all_claims": "claim_registry",
    "all_family_names": "family_registry",
    "broken_plugins": "claim_registry",
    "by_budget": "claims.units",
    "extrapolate": "extrapolation",
    "family_revisions": "family_registry",
    "find_claims": "claim_registry",
    "find_family": "family_registry",
    "fitted_curve": "fits",
    "holm": "protocol",
    "judge": "protocol",
    "named_law": "named_laws",
    "on_networks": "claims.units",
    "own_claim": "own_claims",
    "plot_extrapolation": "extrapolation_plots",
    "read_learning_curves": "error_tables",
    "read_measurement": "measurement_tables",
    "rival_law": "own_claims",
    "rows": "claims.units",
    "run_claims": "runs",
    "score": "scores",
    "shared_networks": "claims.units",
    "shared_simulation": "claims.units",
    "simulated": "claims.units",
}

__all__ = [
    "Budget",
    "CheckRun",
    "Claim",
    "Control",
    "ControlResult",
    "Experiment",
    "Extrapolation",
    "Forecast",
    "LawForecast",
    "LawOptions",
    "Look",
    "Outcome",
    "Published",
    "Readings",
    "RegisteredFamily",
    "Restatement",
    "Rival",
    "Score",
    "Settings",
    "SharedExperiment",
    "SharedWork",
    "Store",
    "Verdict",
    "all_claims",
    "all_family_names",
    "broken_plugins",
    "by_budget",
    "extrapolate",
    "family_revisions",
    "find_claims",
    "find_family",
    "fitted_curve",
    "holm",
    "judge",
    "named_law",
    "on_networks",
    "own_claim",
    "plot_extrapolation",
    "read_learning_curves",
    "read_measurement",
    "rival_law",
    "rows",
    "run_claims",
    "score",
    "shared_networks",
    "shared_simulation",
    "simulated",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
