from __future__ import annotations

import re

import pytest
from rich.console import Console

from genlaws.paper_checks.claim import Experiment
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.scorecard import claim_list, scorecard
from genlaws.paper_checks.wording import band_text


def printed(renderable, width):
    screen = Console(width=width, record=True, file=open("/dev/null", "w"), color_system=None)  # noqa: SIM115
    with screen.file:
        screen.print(renderable)
        return screen.export_text()


def words(text):
    return " ".join(re.sub(r"[─━│]", " ", text).split())


@pytest.fixture
def run(make_claim):
    broken = make_claim("T3")
    broken.experiments["simulation"] = Experiment(lambda budget: [], None)
    claims = [make_claim("T1"), make_claim("T2", truth=4.0), broken, make_claim("U1", paper="others")]
    return run_claims(claims, sources=("simulation", "network"), rng=1)


@pytest.mark.parametrize("width", [80, 140])
def test_every_verdict_has_its_row_with_numbers(run, width):
    text = printed(scorecard(run), width)
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    assert len(re.findall("✓ SUPPORTED", text)) == 2
    assert len(re.findall("✗ REFUTED", text)) == 1
    assert len(re.findall("! ERROR", text)) == 1
    assert len(re.findall("– NOT APPLICABLE", text)) == 4
    for verdict in run.verdicts:
        assert verdict.claim in text
        if verdict.estimate is not None:
            assert f"{verdict.estimate:.3g}" in text
            assert f"[{verdict.low:.3g}, {verdict.high:.3g}]" in text


def test_papers_head_their_claims_and_counts_end_it(run):
    text = printed(scorecard(run), 120)
    assert text.index("tests, simulation") < text.index("others, simulation")
    last = text.strip().splitlines()[-1]
    assert "✓ 2 supported" in last
    assert "✗ 1 refuted" in last
    assert "– 4 not applicable" in last
    assert "! 1 error" in last
    assert "budget quick, seed 1" in last


def test_the_reason_stands_by_what_is_not_supported(run):
    text = words(printed(scorecard(run), 200))
    assert "no unit of work" in text
    assert "there is no network in this test" in text
    refuted = next(v for v in run.verdicts if v.verdict == "REFUTED")
    assert refuted.reason.split()[0] in text
    supported = next(v for v in run.verdicts if v.verdict == "SUPPORTED")
    assert supported.reason not in text


def test_a_failed_control_is_shown(make_claim):
    text = printed(scorecard(run_claims([make_claim(control=2.0)], rng=1)), 120)
    assert "failed" in text
    assert "? INCONCLUSIVE" in text


def test_the_list_says_what_would_refute(make_claim):
    text = words(printed(claim_list([make_claim("T1")]), 120))
    for part in ("T1", "The constant is two.", "2 at every n", "1.8 to 2.2", "A constant below 1.8"):
        assert part in text


def test_nothing_to_show():
    assert "no claims" in printed(scorecard(run_claims([], rng=1)), 80)
    assert "no claims" in printed(claim_list([]), 80)


def test_open_bands():
    inf = float("inf")
    assert band_text((-inf, 0.05)) == "at most 0.05"
    assert band_text((2.0, inf)) == "at least 2"
    assert band_text((0.9, 1.1)) == "0.9 to 1.1"


def test_a_bound_shows_its_end_and_no_number_of_the_paper(make_claim):
    inf = float("inf")
    claims = [
        make_claim("T1", band=(-inf, 2.25), predicted=2.125),
        make_claim("T2", band=(1.75, inf), predicted=1.875),
        make_claim("T3"),
    ]
    card = printed(scorecard(run_claims(claims, rng=1)), 120)
    listed = printed(claim_list(claims), 120)
    assert "≤ 2.25" in card
    assert "≥ 1.75" in card
    assert "at most 2.25" in words(listed)
    assert "at least 1.75" in words(listed)
    for text in (card, listed):
        assert "2.12" not in text
        assert "1.88" not in text
    (row,) = [line for line in card.splitlines() if line.lstrip().startswith("T3")]
    assert row.split("two.")[1].split()[0] == "2"
