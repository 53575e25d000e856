"""`Result`: a verdict read back from a document of `genlaws check --json`, with the run it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from genlaws.simulate.measurement import Source

from .claim import BUDGETS, SOURCES, Budget, Published
from .serialize import SCHEMA_VERSION, verdict_from_dict
from .verdict import Verdict


@dataclass(frozen=True, slots=True)
class RunFacts:
    """How a document of verdicts was made, as it says itself; `place` is the file it was read from."""

    place: str
    budget: Budget
    seed: int
    sources: tuple[Source, ...]
    data: str | None
    device: str
    started: datetime
    finished: datetime
    wall_seconds: float
    versions: Mapping[str, str]
    commit: str | None
    platform: str


@dataclass(frozen=True, slots=True)
class Result:
    """A verdict with what its document says of the claim, and the run that it comes from.

    Attributes
    ----------
    verdict, run
    paper, where, statement, prediction, law, score, falsifier, published, revision
        The claim as it was tested.
    seconds
        Of work; None where the document does not say.
    traceback
        Where it failed, of an ERROR.
    """

    verdict: Verdict
    paper: str
    where: str
    statement: str
    prediction: str
    law: str
    score: str
    falsifier: str
    published: tuple[Published, ...]
    revision: int
    run: RunFacts
    seconds: float | None = None
    traceback: str | None = None


_TEXTS = ("paper", "where", "statement", "prediction", "law", "score", "falsifier")
_ALWAYS: dict[str, type] = {
    "claim": str, "source": str, "reason": str, "replicates": int, "details": dict, "rivals": list,
}  # fmt: skip
_PERHAPS: dict[str, type] = {
    "predicted": float, "estimate": float, "low": float, "high": float, "level": float, "p_value": float,
    "p_value_holm": float, "power": float, "needed": str, "seed": int, "band": list, "control": dict,
    "measurement": dict,
}  # fmt: skip
_KINDS: dict[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


def _typed(document: Any, name: str, kind: type, *, optional: bool = False) -> Any:
    """An entry of a document, once it is known to be what it should be."""
    if not isinstance(document, dict) or name not in document:
        raise ValueError(f"there is no {name!r}")
    value = document[name]
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
        raise ValueError(f"{name!r} must be {_KINDS[kind]}, got {value!r:.60}")
    return value


def _moment(document: Any, name: str) -> datetime:
    moment = datetime.fromisoformat(_typed(document, name, str))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _run_facts(document: Any, place: str) -> RunFacts:
    budget, sources = _typed(document, "budget", str), _typed(document, "sources", list)
    if budget not in BUDGETS:
        raise ValueError(f"'budget' must be one of {', '.join(BUDGETS)}, got {budget!r:.60}")
    if not set(map(str, sources)) <= set(SOURCES):
        raise ValueError(f"'sources' must be among {', '.join(SOURCES)}, got {sources!r:.60}")
    return RunFacts(
        place=place,
        budget=budget,
        seed=_typed(document, "seed", int),
        sources=tuple(sources),
        data=_typed(document, "data", str, optional=True),
        device=_typed(document, "device", str),
        started=_moment(document, "started"),
        finished=_moment(document, "finished"),
        wall_seconds=_typed(document, "wall_seconds", float),
        versions={str(name): str(value) for name, value in _typed(document, "versions", dict).items()},
        commit=_typed(document, "commit", str, optional=True),
        platform=_typed(document, "platform", str),
    )


def _published(document: Any) -> Published:
    return Published(
        quantity=_typed(document, "quantity", str),
        value=_typed(document, "value", float),
        where=_typed(document, "where", str),
        measured=_typed(document, "measured", str),
    )


def _check_evidence(document: Any) -> None:
    """What `verdict_from_dict` takes on trust and a page formats as numbers and text."""
    for name, kind in _ALWAYS.items():
        _typed(document, name, kind)
    for name, kind in _PERHAPS.items():
        _typed(document, name, kind, optional=True)
    if document["source"] not in SOURCES:
        raise ValueError(f"'source' must be one of {', '.join(SOURCES)}, got {document['source']!r:.60}")
    for side, end in enumerate(document["band"] or ()):
        _typed({f"band[{side}]": end}, f"band[{side}]", float, optional=True)
    if (control := document["control"]) is not None:
        for name in ("description", "expected", "verdict", "reason"):
            _typed(control, name, str)
        for name in ("estimate", "low", "high"):
            _typed(control, name, float, optional=True)
    for rival in document["rivals"]:
        _typed(rival, "name", str)
        for name in ("advantage", "share"):
            _typed(rival, name, float, optional=True)
        for name in ("aic", "bic"):  # not there before version 1.5
            _typed({name: rival.get(name)}, name, float, optional=True)
    if (measurement := document["measurement"]) is not None:
        for name in ("x_label", "y_label"):
            _typed(measurement, name, str)


def _result(document: Any, run: Any, record: RunFacts) -> Result:
    name = _typed(document, "claim", str)
    try:
        _check_evidence(document)
        key = f"{name}/{document['source']}"
        return Result(
            verdict=verdict_from_dict(document),
            **{text: _typed(document, text, str) for text in _TEXTS},
            published=tuple(map(_published, _typed(document, "published", list))),
            revision=_typed(document, "revision", int),
            run=record,
            seconds=_typed({key: _typed(run, "seconds", dict).get(key)}, key, float, optional=True),
            traceback=_typed({key: _typed(run, "tracebacks", dict).get(key)}, key, str, optional=True),
        )
    except ValueError as error:
        raise ValueError(f"verdict on {name:.40}: {error}") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def read_json(place: Path) -> Any:
    """What a JSON file holds; ValueError, in one line, if it cannot be read or is none."""
    try:
        return json.loads(place.read_text(encoding="utf-8-sig"), parse_constant=_no_number)
    except OSError as error:
        raise ValueError(f"cannot read {place}: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{place} is no JSON, or was cut off: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{place} is no JSON: it is not a text file") from None
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{place} is no JSON that can be read: {error}") from None


def results_of(document: Any, place: Path) -> tuple[Result, ...]:
    """The results of one document, as `CheckRun.to_dict` makes it; `place` says where it was read.

    Raises
    ------
    ValueError
        If it is something else, or of another major version of the format.
    """
    if not isinstance(document, dict) or not {"schema_version", "verdicts", "run"} <= set(document):
        raise ValueError(f"{place} holds no verdicts; give what `genlaws check --json` wrote, or a store")
    version, ours = document["schema_version"], SCHEMA_VERSION.partition(".")[0]
    if str(version).partition(".")[0] != ours:
        raise ValueError(f"{place} has schema_version {version!r:.20}; this genlaws reads {ours}.x")
    try:
        record = _run_facts(document["run"], str(place))
        return tuple(_result(v, document["run"], record) for v in _typed(document, "verdicts", list))
    except ValueError as error:
        raise ValueError(f"{place} (schema_version {version!r:.20}) cannot be read: {error}") from error
