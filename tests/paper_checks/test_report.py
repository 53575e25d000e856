"""Reports of made-up claims: what they say, the page in a real browser, Markdown, JUnit XML, the command."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from genlaws.paper_checks import evidence_svg
from genlaws.paper_checks.claim import Control, Experiment, Published, Restatement
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.html_report import html_report
from genlaws.paper_checks.junit_report import junit_report
from genlaws.paper_checks.markdown_report import markdown_report
from genlaws.paper_checks.report import accord, disagreements, headline, published_rows
from genlaws.paper_checks.results import Results, read_results
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.serialize import json_text
from genlaws.theory import PowerLaw

REASON = "a tenth to each side, as in figure 2"
HOSTILE = '<script>document.title="owned"</script><img src="https://example.org/x"> | `a`\n"b" & $\\frac\x0b'
INFINITY = float("inf")
TYPED = "f_n <= 2^15 x^(-1) - 0.1, <E>_S of mnist_5k within -2 +- 1, Z_{n+1}, |w|^2"
SEED = 5
WIDTHS = (320, 375, 1280)


def relabelled(experiment, **changes):
    """The same numbers, in measurements that say something else of themselves."""
    return Experiment(
        experiment.units, lambda settings, rng: replace(experiment.measure(settings, rng), **changes)
    )


def asked_of_networks_too(claim, network):
    """A claim made for tests with the experiment of another one as that of its networks."""
    theirs = relabelled(network.experiments["simulation"], source="network")
    control = relabelled(network.control.experiments["simulation"], source="network")
    return replace(
        claim,
        experiments={**claim.experiments, "network": theirs},
        control=replace(claim.control, experiments={**claim.control.experiments, "network": control}),
        not_applicable={},
    )


@pytest.fixture(scope="module")
def claims(make_claim):
    printed = (
        Published("the constant", 2.0, "arXiv:2410.16868, table 1"),
        Published("the constant of others", 2.5, "arXiv:cond-mat/0512345, eq. (3)"),
    )
    agreed = make_claim("T1", rivals=(PowerLaw(-1.0),), published=printed, band_reason=REASON)
    # a constant is no power law with exponent -1: the networks refute it, in another score
    exponent = Restatement(
        prediction="y = A / n",
        law=PowerLaw(-1.0),
        predicted=-1.0,
        band=(-1.1, -0.9),
        falsifier="Another exponent.",
        band_reason="the reason of networks",
    )
    hostile = make_claim(
        f"T5 {HOSTILE[:8]}",
        paper=HOSTILE,
        where=f"{HOSTILE} arXiv:2211.03570",
        statement=HOSTILE,
        prediction=HOSTILE,
        falsifier=HOSTILE,
        control=3.0,
    )
    told = {"x_label": HOSTILE[:34], "y_label": '<img src=x> &amp; "$"'}
    hostile = replace(
        hostile,
        control=Control(HOSTILE, "REFUTED", hostile.control.experiments),
        experiments={"simulation": relabelled(hostile.experiments["simulation"], **told)},
        not_applicable={"network": HOSTILE},
    )
    failing = make_claim("T3")
    failing.experiments["simulation"] = Experiment(lambda budget: [{}], lambda settings, rng: 1 / 0)
    return (
        asked_of_networks_too(agreed, agreed),
        replace(
            asked_of_networks_too(make_claim("T2", published=printed, band_reason=REASON), make_claim()),
            restated={"network": exponent},
        ),
        failing,
        make_claim("T4", band=(-INFINITY, 2.25), predicted=2.25, prediction=TYPED),
        hostile,
        make_claim("T6", control=2.0, paper="others"),
        make_claim("T7", paper="others", band_reason="the reason of another band"),
        make_claim("T8", paper="others"),
    )


@pytest.fixture(scope="module")
def documents(claims, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    whole = run_claims(claims, sources=("simulation", "network"), rng=SEED).to_dict()
    again = run_claims(claims[:1], budget="standard", rng=2).to_dict()
    for name, document in (("whole", whole), ("again", again)):
        document["run"]["data"] = "cifar10:some where"  # no claim measures on images; nor need there be any
        (folder / f"{name}.json").write_text(json_text(document), encoding="utf-8")
    return [folder / "whole.json", folder / "again.json"]


@pytest.fixture(scope="module")
def results(documents):
    return read_results(documents)


@pytest.fixture(scope="module")
def registered(claims):
    """T7 has got another band since it was checked, and T8 is not known here."""
    known = {claim.id: claim for claim in claims[:-1]}
    return known | {"T7": replace(known["T7"], band=(1.7, 2.2), revision=2)}


@pytest.fixture(scope="module")
def page(results, registered, tmp_path_factory):
    place = tmp_path_factory.mktemp("page") / "report.html"
    place.write_text(html_report(results, registered), encoding="utf-8")
    return place


class Visit:
    """An open page, and all that was asked for and complained of while it opened."""

    def __init__(self, browser, place, width, scheme="light"):
        self.width = width
        self.context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(place.as_uri())


@pytest.fixture(scope="module")
def visit(browser, page):
    """Pages by width and scheme, opened once each."""
    opened = {}

    def open_at(width=1280, scheme="light"):
        if (width, scheme) not in opened:
            opened[width, scheme] = Visit(browser, page, width, scheme)
        return opened[width, scheme]

    yield open_at
    for made in opened.values():
        made.context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_asks_for_nothing_and_complains_of_nothing(visit, page, width):
    opened = visit(width)
    assert opened.requests == [page.as_uri()]
    assert opened.complaints == []
    assert opened.page.title() == "What papers claim, and what was found"


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_even_with_everything_unfolded(visit, width):
    opened = visit(width).page
    opened.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    # what is wider scrolls in a region of its own, which the keyboard reaches
    stuck = opened.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(part =>
             !part.closest('svg') && part.scrollWidth > part.clientWidth + 1
             && ['auto', 'scroll'].includes(getComputedStyle(part).overflowX) && part.tabIndex < 0
           ).map(part => part.outerHTML.slice(0, 80))"""
    )
    assert stuck == []


@pytest.mark.parametrize("width", WIDTHS)
def test_every_figure_is_seen_whole(visit, width):
    opened = visit(width).page
    boxes = opened.evaluate(
        """() => [...document.querySelectorAll('figure svg')].map(svg => {
             const box = svg.getBoundingClientRect();
             const inside = [...svg.querySelectorAll('text')].map(text => text.getBoundingClientRect());
             return [box.left, box.right, box.width, box.height, inside.length,
                     Math.max(...inside.map(text => text.right)), Math.min(...inside.map(text => text.left))]
           })"""
    )
    # T1 and T2 twice each, T4, T5 and T6 once
    assert len(boxes) == 7
    for left, right, across, down, texts, last, first in boxes:
        assert 0 <= left < right <= width
        assert across > 250
        assert down > 150
        assert texts > 8
        assert left - 1 <= first
        assert last <= right + 1


def test_every_link_has_its_target(visit):
    opened = visit().page
    ids = opened.evaluate("[...document.querySelectorAll('[id]')].map(part => part.id)")
    assert len(ids) == len(set(ids))
    links = opened.evaluate("[...document.querySelectorAll('a')].map(link => link.getAttribute('href'))")
    assert {"#T1", "#T2", "#scorecard", "#runs", "#published"} <= set(links)
    outside = {link for link in links if not link.startswith("#")}
    assert {link[1:] for link in set(links) - outside} <= set(ids)
    assert outside == {
        "https://arxiv.org/abs/2410.16868",
        "https://arxiv.org/abs/cond-mat/0512345",
        "https://arxiv.org/abs/2211.03570",
    }
    attribute = "aria-labelledby"
    referred = opened.evaluate(
        f"[...document.querySelectorAll('[{attribute}]')].map(part => part.getAttribute('{attribute}'))"
    )
    assert {name for names in referred for name in names.split()} <= set(ids)


def test_hostile_text_stays_text(visit):
    opened = visit().page
    assert (
        opened.evaluate(
            "document.querySelectorAll('script, img, iframe, object, [onload], [onerror]').length"
        )
        == 0
    )
    assert '<script>document.title="owned"</script>' in opened.inner_text("h3:has-text('owned')")


@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (1280, "dark")])
def test_axe_finds_nothing(visit, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(visit(width, scheme).page)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found.response["violations"]] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_in_figures_is_readable_in_both_schemes(visit, scheme):
    colours = visit(375, scheme).page.evaluate(
        """() => [getComputedStyle(document.body).backgroundColor, ...new Set(
             [...document.querySelectorAll('figure svg text')].map(text => getComputedStyle(text).fill))]"""
    )
    paper, *inks = [
        [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]] for colour in colours
    ]  # rgb(r, g, b)

    def luminance(colour):
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert (luminance(paper) > 0.5) is (scheme == "light")
    assert inks
    for ink in inks:
        light, dark = sorted([luminance(ink), luminance(paper)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (scheme, ink)


def test_the_keyboard_skips_to_the_results(visit):
    opened = visit(375).page
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    assert opened.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    opened.keyboard.press("Enter")
    assert opened.evaluate("document.activeElement.id") == "main"
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.closest('main') !== null")
    assert opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_it_prints_black_on_white_on_several_pages(browser, page):
    printed = Visit(browser, page, 1280, "dark")
    printed.page.emulate_media(media="print", color_scheme="dark")
    style = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    assert printed.page.evaluate(style) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    content = printed.page.pdf(format="A4")
    printed.context.close()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) >= 4


class Words(HTMLParser):
    """The text of a page under each heading's id, words only."""

    def __init__(self, text):
        super().__init__()
        self.under, self.at, self.hidden = {"": []}, "", 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.hidden += tag in ("svg", "style")
        if tag in ("h2", "h3", "h4"):
            self.at = dict(attributes).get("id", "")
            self.under[self.at] = []

    def handle_endtag(self, tag):
        self.hidden -= tag in ("svg", "style")

    def handle_data(self, data):
        if not self.hidden:
            self.under[self.at].extend(data.split())

    def __getitem__(self, at):
        return " ".join(self.under[at])


@pytest.fixture(scope="module")
def said(page):
    return Words(page.read_text(encoding="utf-8"))


def test_the_headline_counts_what_is_shown(results):
    assert headline(results) == (
        "8 claims of 3 papers were checked by simulation (6 supported, 1 inconclusive, 1 error) "
        "and on networks (1 supported, 1 refuted, 6 not applicable)."
    )


def test_disagreements_are_said_first(results, said):
    assert [claim.claim for claim in disagreements(results)] == ["T2"]
    assert accord(results) == "Simulation and networks disagree on T2, 1 of the 2 claims that both decided."
    assert list(said.under)[1] == "agreement"
    assert "Simulation: ✓ supported" in said["agreement"]
    assert "Networks: ✗ refuted" in said["agreement"]


def test_where_there_is_nothing_to_disagree_on(results):
    by_id = {claim.claim: claim for claim in results.claims}
    agreed = Results((by_id["T1"],), results.runs)
    assert accord(agreed) == "Simulation and networks agree on the one claim that both decided."
    alone = Results((by_id["T1"],), results.runs).claims[0]
    alone = replace(alone, by_source={"simulation": alone.by_source["simulation"]})
    assert (
        accord(Results((alone,), ())) == "Simulation alone was asked, so there is nothing to hold against it."
    )
    assert disagreements(agreed) == ()


def test_printed_numbers_stand_beside_ours_where_the_same_was_measured(results, registered):
    rows = published_rows(results, registered)
    assert [(row.claim, row.source, row.printed, row.inside) for row in rows] == [
        ("T1", "simulation", 2.0, True),
        ("T1", "simulation", 2.5, False),
        ("T1", "network", 2.0, True),
        ("T1", "network", 2.5, False),
        # not on networks, which tested an exponent
        ("T2", "simulation", 2.0, True),
        ("T2", "simulation", 2.5, False),
    ]
    assert rows[0].low < rows[0].ours < rows[0].high
    # nor where a source foretells another value than the claim: that of another x, say
    elsewhere = {**registered, "T1": replace(registered["T1"], predicted=2.1)}
    assert {row.claim for row in published_rows(results, elsewhere)} == {"T2"}


def test_each_claim_says_what_was_tested_and_how_to_check_it_again(said, results):
    verdict = results.claims[0].shown["simulation"].verdict
    both = said["T1"] + said["T1-simulation"]
    for part in (
        "The constant is two.",
        "section 1",
        "2 at every n",
        "value: 1.8 to 2.2",
        "A constant below 1.8 or above 2.2.",
        "It must be refuted, and was.",
        f"{verdict.estimate:.3g}",
        f"[{verdict.low:.3g}, {verdict.high:.3g}]",
        "12",
        "standard, 2",
        "power law",
        "genlaws check T1 --source simulation --budget standard --seed 2 --data 'cifar10:some where'",
        "Other results (1)",
        f"budget quick, seed {SEED}",
    ):
        assert part in both, part
    assert "y = A / n" in said["T2-network"]
    assert "2 at every n" in said["T2-simulation"]
    assert "value: at most 2.25" in said["T4"]
    assert "predicted ≤ 2.25" in said["tests"]
    assert "but was supported." in said["T6-simulation"]
    assert "ZeroDivisionError" in said["T3-simulation"]
    assert "Traceback" in said["T3-simulation"]


def test_what_was_typed_as_mathematics_is_set_as_such(page):
    assert (
        "f<sub>n</sub> ≤ 2<sup>15</sup> x<sup>−1</sup> − 0.1, &lt;E&gt;<sub>S</sub> of mnist_5k "
        "within −2 ± 1, Z<sub>n+1</sub>, |w|<sup>2</sup>"
    ) in page.read_text(encoding="utf-8")


def test_a_claim_that_cannot_be_drawn_says_why(said):
    assert "revision 2 instead of 1; band (1.7, 2.2) instead of (1.8, 2.2)" in said["T7-simulation"]
    assert "the claim is not known here" in said["T8-simulation"]


def test_a_picture_that_fails_costs_no_more_than_itself(results, registered, monkeypatch):
    def fail(claim, verdict):
        raise ArithmeticError("no <ink>")

    monkeypatch.setattr(evidence_svg, "evidence_svg", fail)
    text = html_report(results, registered)
    assert text.count("it could not be drawn (ArithmeticError: no &lt;ink&gt;)") == 7
    assert "<figure>" not in text
    assert "T6" in text


def test_equal_results_give_equal_reports(results, registered, page):
    assert html_report(results, registered) == page.read_text(encoding="utf-8")


def test_both_reports_say_why_a_band_is_as_wide_as_it_is(results, registered):
    # once for T1, of which both sources test the same, and by source for T2; T7 now has another band
    for text, often in (
        (html_report(results, registered), 2),
        (markdown_report(results, registered), 3),
    ):
        assert text.count(REASON) == often
        assert text.count("the reason of networks") == 1
        assert text.lower().count("why this band") == often + 1
        assert "the reason of another band" not in text


def test_markdown_tables_hold_whatever_is_written_in_them(results, registered):
    text = markdown_report(results, registered)
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) == 3 * 2 + 8 + 2 + 6
    for line in tables:
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        assert len(cells) in (4, 8), line
    prose = re.sub(r"(?ms)^(```+)\w*$.*?^\1$", "", text)
    assert "<script" not in prose
    assert "<img" not in prose
    assert text.index("disagree on T2") < text.index("## Scorecard") < text.index("## Published numbers")
    assert text.count("<details>") == text.count("</details>") == 8
    assert f"genlaws check T2 --source network --budget quick --seed {SEED}" in text


def test_junit_is_read_back(results):
    root = ET.fromstring(junit_report(results))
    suites = {suite.get("name"): suite for suite in root}
    suite = suites["tests, simulation"]
    assert [case.get("name")[:2] for case in suite] == ["T1", "T2", "T3", "T4"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "0", "1")
    networks = {case.get("name")[:2]: case for case in suites["tests, network"]}
    assert networks["T2"].find("failure").get("type") == "REFUTED"
    assert "Another exponent." in networks["T2"].find("failure").text
    assert networks["T4"].find("skipped").get("message") == "there is no network in this test"
    assert "ZeroDivisionError" in suite[2].find("error").text
    assert suites["others, simulation"][0].find("skipped").get("type") == "INCONCLUSIVE"
    assert len(suite[0]) == 1
    named = {item.get("name"): item.get("value") for item in suite[0].find("properties")}
    assert (named["budget"], named["seed"]) == ("standard", "2")
    assert float(suite.get("time")) == pytest.approx(sum(float(case.get("time")) for case in suite), abs=1e-3)
    strange, _ = [case for case in root.iter("testcase") if "owned" in case.get("name")]
    assert '<script>document.title="owned"</script>' in strange.get("name")


def test_the_command_writes_each_kind(documents, tmp_path):
    places = [tmp_path / f"report.{ending}" for ending in ("html", "md", "xml")]
    outputs = [word for place in places for word in ("-o", str(place))]
    done = CliRunner().invoke(main, ["report", *map(str, documents), *outputs])
    assert done.exit_code == 0, done.output
    assert "8 claims of 3 papers" in done.stderr
    assert [place.read_text("utf-8")[:14].split("\n")[0] for place in places] == [
        "<!DOCTYPE html",
        "# What papers ",
        "<?xml version=",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{good}", "-o", "report.txt"], "a report must end in .html, .md, .xml, got report.txt"),
        (["{good}", "-o", "nowhere/report.html"], "there is no folder nowhere"),
        (["{cut}", "-o", "report.html"], "no JSON, or was cut off"),
        (["missing.json", "-o", "report.html"], "cannot read missing.json"),
        (["{good}"], "Missing option '-o'"),
        (["-o", "report.html"], "Missing argument"),
    ],
)
def test_bad_input_is_one_clear_line(documents, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    cut = tmp_path / "cut.json"
    cut.write_text(documents[0].read_text("utf-8")[:1000], encoding="utf-8")
    given = [word.format(good=documents[0], cut=cut) for word in arguments]
    done = CliRunner().invoke(main, ["report", *given])
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.json"]


def test_a_damaged_document_of_a_store_is_named(documents, tmp_path):
    folder = tmp_path / "store" / "verdicts"
    folder.mkdir(parents=True)
    shutil.copy(documents[0], folder / "whole.json")
    (folder / "damaged.json").write_text(json.dumps({"schema_version": "1.5.0"}), encoding="utf-8")
    output = tmp_path / "report.md"
    done = CliRunner().invoke(main, ["report", str(tmp_path / "store"), "-o", str(output)])
    assert done.exit_code == 0, done.output
    assert "damaged.json" in done.stderr
    assert "damaged.json" in output.read_text("utf-8")
