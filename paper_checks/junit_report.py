"""Results as JUnit XML, which continuous integration shows beside the tests of a project."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import groupby

from genlaws.simulate.measurement import Source

from .report import rerun_command
from .result import Result
from .results import ClaimResults, Results
from .verdict import Outcome

# what XML 1.0 has no place for, whichever way it is written
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# REFUTED fails a build, ERROR breaks it, and what decides nothing is skipped
_TAGS = {
    Outcome.REFUTED: "failure",
    Outcome.ERROR: "error",
    Outcome.INCONCLUSIVE: "skipped",
    Outcome.NOT_APPLICABLE: "skipped",
}


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _properties(result: Result) -> ET.Element:
    verdict, run = result.verdict, result.run
    named = {
        "budget": run.budget,
        "seed": run.seed,
        "data": run.data,
        "predicted": verdict.predicted,
        "estimate": verdict.estimate,
        "low": verdict.low,
        "high": verdict.high,
        "control": None if verdict.control is None else verdict.control.verdict,
        "revision": result.revision,
        "finished": run.finished.isoformat(),
        "genlaws": run.versions.get("genlaws"),
        "commit": run.commit,
        "command": rerun_command(result),
    }
    properties = ET.Element("properties")
    for name, value in named.items():
        if value is not None:
            ET.SubElement(properties, "property", name=name, value=_clean(str(value)))
    return properties


def _case(name: str, result: Result) -> ET.Element:
    verdict = result.verdict
    case = ET.Element(
        "testcase",
        classname=_clean(f"{result.paper}.{verdict.source}"),
        name=_clean(f"{name}: {result.statement}"),
        time=f"{result.seconds or 0.0:.3f}",
    )
    case.append(_properties(result))
    if verdict.verdict in _TAGS:
        kind, message = verdict.verdict.value, _clean(verdict.reason)
        found = ET.SubElement(case, _TAGS[verdict.verdict], message=message, type=kind)
        if found.tag != "skipped":
            told = (verdict.reason, f"refuted by: {result.falsifier}", result.traceback or "")
            found.text = _clean("\n".join(part for part in told if part))
    return case


def _suite(paper: str, source: Source, claims: list[ClaimResults]) -> ET.Element:
    cases = [_case(claim.claim, claim.shown[source]) for claim in claims]
    tags = [_TAGS.get(claim.shown[source].verdict.verdict) for claim in claims]
    suite = ET.Element(
        "testsuite",
        name=_clean(f"{paper}, {source}"),
        tests=str(len(cases)),
        failures=str(tags.count("failure")),
        errors=str(tags.count("error")),
        skipped=str(tags.count("skipped")),
        time=f"{sum(float(case.get('time', 0)) for case in cases):.3f}",
    )
    suite.extend(cases)
    return suite


def junit_report(results: Results) -> str:
    """Write results as JUnit XML: a suite for each paper and source, a case for each claim.

    REFUTED is a failure and ERROR an error; INCONCLUSIVE and NOT_APPLICABLE are skipped, with their reason.
    """
    root = ET.Element("testsuites", name="genlaws")
    for paper, group in groupby(results.claims, lambda claim: claim.first.paper):
        claims = list(group)
        for source in results.sources:
            if asked := [claim for claim in claims if source in claim.by_source]:
                root.append(_suite(paper, source, asked))
    ET.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(root, encoding='unicode')}\n"
