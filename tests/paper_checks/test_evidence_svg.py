"""Pictures inside a page: text that stays text, colours of the page, ids of their own, and inert words."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from genlaws.paper_checks.evidence_svg import evidence_svg
from genlaws.paper_checks.pictures import GREY, INK
from genlaws.paper_checks.verdict import ControlResult, Outcome, Verdict
from genlaws.simulate.measurement import Measurement
from genlaws.theory import PowerLaw

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def judged(make_claim):
    def make(seed=1, **changes):
        world = PowerLaw(-1.0).world("true", rng=seed)
        measured = Measurement(
            x=world.x,
            replicate=world.replicate,
            y=world.y,
            x_label=changes.pop("x_label", "training examples n"),
            y_label=changes.pop("y_label", "mean error"),
        )
        claim = make_claim(law=PowerLaw(-1.0), predicted=-1.0, band=(-1.1, -0.9))
        verdict = Verdict(
            claim="T1",
            source="simulation",
            verdict=Outcome.SUPPORTED,
            reason="It lies inside the band.",
            predicted=-1.0,
            band=claim.band,
            estimate=-0.98,
            low=-1.03,
            high=-0.94,
            level=0.9,
            control=ControlResult("steeper", "REFUTED", "REFUTED", -1.5, -1.6, -1.4, "outside"),
            measurement=measured,
        )
        return claim, replace(verdict, **changes)

    return make


class Tags(HTMLParser):
    """What a reader of HTML sees: the elements, and the text outside of any."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def ids(svg):
    return re.findall(r' id="([^"]*)"', svg)


def test_it_is_one_element_that_fits_its_place(judged):
    svg = evidence_svg(*judged())
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert not {"width", "height"} & set(root.attrib)
    x, y, width, height = map(float, root.get("viewBox").split())
    assert (x, y) == (0, 0)
    assert 300 < width < 400  # points: what a phone shows at three quarters
    assert 1 < height / width < 1.7
    # nothing that reaches outside of it: no style sheet, no document type, no address but the name of SVG
    assert not list(root.iter(f"{SVG}style"))
    assert not list(root.iter(f"{SVG}metadata"))
    assert svg.count("http") == 1
    assert "xlink" not in svg
    assert "<!" not in svg
    assert "<?" not in svg


def test_text_stays_text_in_the_readers_own_sans_serif(judged):
    root = ET.fromstring(evidence_svg(*judged()))
    said = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    for words in (
        "mean error",
        "training examples n",
        "local exponent",
        "measured, 95 %",
        "power law, fitted",
    ):
        assert words in said
    assert "\N{MINUS SIGN}0.98" in said
    for text in root.iter(f"{SVG}text"):
        style = dict(part.split(": ", 1) for part in text.get("style").split("; "))
        assert style["font-family"] == "sans-serif"
        assert float(style["font-size"].removesuffix("px")) >= 9


def test_ink_and_grey_are_the_pages_and_nothing_is_filled_behind(judged):
    svg = evidence_svg(*judged())
    for name, colour in (("ink", INK), ("grey", GREY)):
        assert f"var(--{name}, {colour})" in svg
        assert colour not in svg.replace(f"var(--{name}, {colour})", "")
    assert "#ffffff" not in svg
    assert "#000000" not in svg
    root = ET.fromstring(svg)
    for text in root.iter(f"{SVG}text"):
        assert "fill: var(--ink" in text.get("style")  # black is what SVG takes where nothing is said


def contrast(first, second):
    def luminance(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_data_colours_are_seen_on_light_and_on_dark(judged):
    colours = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", evidence_svg(*judged())))
    assert len(colours) == 3  # measured, law, band
    for colour in colours:
        assert contrast(colour, "#ffffff") >= 3  # what WCAG asks of graphics
        assert contrast(colour, "#15171a") >= 3


def test_pictures_of_one_page_share_no_id_and_refer_to_their_own(judged):
    pictures = [
        evidence_svg(*judged()),
        evidence_svg(*judged(seed=2)),
        evidence_svg(*judged(source="network")),
    ]
    every = [name for svg in pictures for name in ids(svg)]
    assert len(set(every)) == len(every)
    for svg in pictures:
        known = set(ids(svg))
        referred = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg))
        assert referred
        for left, right in referred:
            assert (left or right) in known


def test_equal_evidence_gives_equal_text(judged):
    assert evidence_svg(*judged()) == evidence_svg(*judged())
    assert evidence_svg(*judged()) != evidence_svg(*judged(estimate=-0.97))


def test_it_is_named_and_described_in_words(judged):
    root = ET.fromstring(evidence_svg(*judged()))
    assert root.get("role") == "img"
    by_id = {element.get("id"): element.text for element in root.iter()}
    assert by_id[root.get("aria-labelledby")] == "Evidence on T1, simulation"
    described = by_id[root.get("aria-describedby")]
    for words in (
        "mean error, measured at 9 values of training examples n from 10 to 1000 in 8 replicates",
        "The exponent is \N{MINUS SIGN}0.98 [\N{MINUS SIGN}1.03, \N{MINUS SIGN}0.94]",
        "The claim allows \N{MINUS SIGN}1.1 to \N{MINUS SIGN}0.9",
        "The control's is \N{MINUS SIGN}1.5 [\N{MINUS SIGN}1.6, \N{MINUS SIGN}1.4]",
        "The local exponent lies between",
    ):
        assert words in described


def test_hostile_words_are_words(judged):
    hostile = '</title><script>alert("1")</script> $\\x$ & #222222 url(#a)'
    claim, verdict = judged(y_label=hostile, x_label=hostile)
    page = Tags(evidence_svg(claim, verdict))
    assert "script" not in {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert any(hostile in words for words in page.words)


def test_a_verdict_without_measurement_or_of_another_claim_is_refused(judged, make_claim):
    claim, verdict = judged()
    with pytest.raises(ValueError, match="must be of claim T2, got T1"):
        evidence_svg(make_claim("T2"), verdict)
    with pytest.raises(ValueError, match="holds no measurement"):
        evidence_svg(claim, replace(verdict, measurement=None))
