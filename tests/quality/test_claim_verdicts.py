"""Every claim at the default budget, seed by seed: the verdicts must not hang on the seed."""

from __future__ import annotations

import pytest

from genlaws.paper_checks.registry import all_claims
from genlaws.paper_checks.runs import run_claims

SURE = {
    **dict.fromkeys(["A1a", "A1b", "A2a", "A2c", "A4", "A5a", "E7", "E8", "F1"], {"SUPPORTED"}),
    **dict.fromkeys(["A2b", "A3"], {"REFUTED"}),
    "A7": {"NOT_APPLICABLE"},
}
# what a quick run need not be able to decide; none of these may be called wrong by chance
OPEN = {
    **dict.fromkeys(["A5b", "A6a", "E9", "E11"], {"SUPPORTED", "INCONCLUSIVE"}),
    "A6b": {"SUPPORTED", "REFUTED", "INCONCLUSIVE"},
}


@pytest.fixture(scope="module", params=[1, 2, 3])
def run(request):
    claims = [claim for claim in all_claims() if claim.id in SURE | OPEN]
    return run_claims(claims, rng=request.param)


@pytest.mark.slow
def test_verdicts_at_the_default_budget(run):
    found = {verdict.claim: verdict.verdict.value for verdict in run.verdicts}
    wrong = {name: found[name] for name, allowed in (SURE | OPEN).items() if found[name] not in allowed}
    assert wrong == {}, [v.reason for v in run.verdicts if v.claim in wrong]


@pytest.mark.slow
def test_controls_come_out_as_they_must(run):
    controls = {verdict.claim: verdict.control for verdict in run.verdicts if verdict.control is not None}
    assert set(controls) == set(SURE | OPEN) - {"A7"}
    failed = {name: control.reason for name, control in controls.items() if not control.passed}
    assert failed == {}
