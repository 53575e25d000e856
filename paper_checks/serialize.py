"""Claims and verdicts as JSON: plain values, no infinities, one order of keys."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from genlaws.simulate.measurement import Measurement

if TYPE_CHECKING:
    from .claim import Claim, Published
    from .verdict import ControlResult, Verdict

SCHEMA_VERSION = "1.5.0"


def json_ready(value: Any) -> Any:
    """`value` in the types of JSON; numpy becomes plain, numbers that are not finite become null.

    Raises
    ------
    ValueError
        If a value has no form in JSON.
    """
    if isinstance(value, Enum):
        return json_ready(value.value)
    if isinstance(value, np.generic | np.ndarray):
        return json_ready(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [json_ready(item) for item in value]
    raise ValueError(f"cannot write a {type(value).__name__} as JSON: {value!r}")


def _tested(claim: Claim) -> dict[str, Any]:
    """What is tested, and what would refute it; an end of the band that is open is null."""
    return {
        "prediction": claim.prediction,
        "law": type(claim.law).__name__,
        "score": claim.law.score_name,
        "predicted": json_ready(float(claim.predicted)),
        "band": json_ready([float(end) for end in claim.band]),
        "band_reason": claim.band_reason,
        "x_range": json_ready([float(end) for end in claim.x_range]),
        "falsifier": claim.falsifier,
        "control": {"description": claim.control.description, "expected": claim.control.expected},
    }


def _published(number: Published) -> dict[str, Any]:
    return {
        "quantity": number.quantity,
        "value": json_ready(float(number.value)),
        "where": number.where,
        "measured": number.measured,
    }


def claim_to_dict(claim: Claim, *, distribution: str = "genlaws") -> dict[str, Any]:
    """What a claim says and what would refute it, and by source where it is tested in other numbers.

    `distribution` is the installed package that registers it.
    """
    return {
        "claim": claim.id,
        "paper": claim.paper,
        "distribution": distribution,
        "where": claim.where,
        "statement": claim.statement,
        "revision": claim.revision,
        **_tested(claim),
        "published": [_published(number) for number in claim.published],
        "sources": list(claim.experiments),
        "not_applicable": dict(claim.not_applicable),
        "restated": {source: _tested(claim.as_tested_by(source)) for source in claim.restated},
    }


def _control_to_dict(control: ControlResult) -> dict[str, Any]:
    return {
        "description": control.description,
        "expected": str(control.expected),
        "verdict": str(control.verdict),
        "passed": control.passed,
        "estimate": json_ready(control.estimate),
        "low": json_ready(control.low),
        "high": json_ready(control.high),
        "reason": control.reason,
        "measurement": None if control.measurement is None else json_ready(control.measurement.to_dict()),
    }


def verdict_to_dict(verdict: Verdict, claim: Claim) -> dict[str, Any]:
    """One verdict with the claim it is about and all its evidence; nothing of time or machine."""
    band = verdict.band
    tested = claim.as_tested_by(verdict.source)
    return {
        "claim": verdict.claim,
        "paper": claim.paper,
        "where": claim.where,
        "statement": claim.statement,
        "revision": claim.revision,
        "prediction": tested.prediction,
        "law": type(tested.law).__name__,
        "score": tested.law.score_name,
        "falsifier": tested.falsifier,
        "published": [_published(number) for number in claim.published],
        "source": verdict.source,
        "verdict": str(verdict.verdict),
        "reason": verdict.reason,
        "predicted": json_ready(verdict.predicted),
        "band": None if band is None else json_ready([float(end) for end in band]),
        "estimate": json_ready(verdict.estimate),
        "low": json_ready(verdict.low),
        "high": json_ready(verdict.high),
        "level": json_ready(verdict.level),
        "p_value": json_ready(verdict.p_value),
        "p_value_holm": json_ready(verdict.p_value_holm),
        "power": json_ready(verdict.power),
        "needed": verdict.needed,
        "replicates": int(verdict.replicates),
        "seed": verdict.seed,
        "control": None if verdict.control is None else _control_to_dict(verdict.control),
        "rivals": [
            {
                "name": rival.name,
                "advantage": json_ready(rival.advantage),
                "share": json_ready(rival.share),
                "decisive": bool(rival.decisive),
                "aic": json_ready(rival.aic),
                "bic": json_ready(rival.bic),
            }
            for rival in verdict.rivals
        ],
        "details": json_ready(verdict.details),
        "measurement": None if verdict.measurement is None else json_ready(verdict.measurement.to_dict()),
    }


def _control_from_dict(document: Mapping[str, Any]) -> ControlResult:
    from .verdict import ControlResult

    return ControlResult(
        **{
            name: document[name]
            for name in ("description", "expected", "verdict", "estimate", "low", "high", "reason")
        },
        measurement=_measurement(document["measurement"]),
    )


def _measurement(document: Mapping[str, Any] | None) -> Measurement | None:
    return None if document is None else Measurement.from_dict(document)


_PLAIN = (
    "claim", "source", "reason", "predicted", "estimate", "low", "high", "level", "p_value", "p_value_holm",
    "power", "needed", "replicates", "seed", "details",
)  # fmt: skip


def verdict_from_dict(document: Mapping[str, Any]) -> Verdict:
    """The verdict that `verdict_to_dict` wrote; an end of the band that is null is open.

    Raises
    ------
    ValueError
        If something is missing or has no place in a verdict.
    """
    from .verdict import Outcome, Rival, Verdict

    try:
        band, control = document["band"], document["control"]
        return Verdict(
            **{name: document[name] for name in _PLAIN},
            verdict=Outcome(document["verdict"]),
            band=None
            if band is None
            else (-math.inf if band[0] is None else band[0], math.inf if band[1] is None else band[1]),
            control=None if control is None else _control_from_dict(control),
            rivals=tuple(Rival(**rival) for rival in document["rivals"]),
            measurement=_measurement(document["measurement"]),
        )
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"not a verdict: {type(error).__name__} {error}") from error


def _lines(value: Any, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        items = (f"{deeper}{json.dumps(key)}: {_lines(item, deeper)}" for key, item in value.items())
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "[\n" + ",\n".join(deeper + _lines(item, deeper) for item in value) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def json_text(document: Mapping[str, Any]) -> str:
    """`document` as indented JSON with one line for each list of plain values; ends in a newline."""
    return _lines(json_ready(document), "") + "\n"
