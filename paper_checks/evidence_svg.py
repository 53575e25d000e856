"""The evidence of a verdict as SVG text, to stand inside an HTML page beside others like it."""

from __future__ import annotations

import hashlib
import io
import math
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl

from genlaws.simulate.measurement import Measurement

from .claim import Claim
from .evidence_plots import evidence_of, plot_evidence
from .local_slopes import LocalSlopes
from .pictures import GREY, INK, picture_style, plain_number
from .verdict import Verdict

_NAMESPACE = re.compile(r"^\{.*\}")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FAMILY = re.compile(r"font-family:[^;]*")


def _number(value: float | None) -> str:
    return "unknown" if value is None else plain_number(float(f"{value:.3g}"))


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{_number(low)}, {_number(high)}]"


def _said_of_measurement(measurement: Measurement) -> str:
    x, replicates = measurement.x, len(set(measurement.replicate.tolist()))
    places = len(set(x.tolist()))
    at = f"{places} values of {measurement.x_label} from {_number(x.min())} to {_number(x.max())}"
    if places == 1:
        at = f"{measurement.x_label} = {_number(x[0])}"
    first, last = (float(measurement.y[x == end].mean()) for end in (x.min(), x.max()))
    run = f"its mean is {_number(first)}"
    if places > 1:
        run = f"its mean goes from {_number(first)} to {_number(last)}"
    return f"{measurement.y_label}, measured at {at} in {replicates} replicates: {run}."


def _said_of_band(claim: Claim) -> str:
    low, high = claim.band
    if math.isinf(low):
        return f"at most {_number(high)}"
    return f"at least {_number(low)}" if math.isinf(high) else f"{_number(low)} to {_number(high)}"


def _described(claim: Claim, verdict: Verdict, measurement: Measurement, slopes: LocalSlopes | None) -> str:
    """What the picture shows, in words."""
    said = [_said_of_measurement(measurement)]
    name = claim.law.score_name
    if slopes is not None:
        low, high = _number(slopes.slope.min()), _number(slopes.slope.max())
        said.append(f"The local {name} lies between {low} and {high}.")
    if verdict.estimate is not None:
        interval = _interval(verdict.low, verdict.high)
        said.append(f"The {name} is {_number(verdict.estimate)}{interval}.")
    said.append(f"The claim allows {_said_of_band(claim)}.")
    if verdict.control is not None:
        control = verdict.control
        said.append(f"The control's is {_number(control.estimate)}{_interval(control.low, control.high)}.")
    return " ".join(said)


def _restyled(style: str, prefix: str) -> str:
    """A style with the reader's own sans serif, colours of the page, and references into this picture."""
    style = _FAMILY.sub("font-family: sans-serif", style)
    for name, colour in (("ink", INK), ("grey", GREY)):
        style = style.replace(colour, f"var(--{name}, {colour})")
    return _REFERENCE.sub(rf"url(#{prefix}\1)", style)


def _tidied(element: ET.Element, prefix: str, referred: frozenset[str]) -> None:
    """Take namespaces, needless ids and marks of the program off; make what remains this picture's own."""
    element.tag = _NAMESPACE.sub("", element.tag)
    kept = {_NAMESPACE.sub("", name): value for name, value in element.attrib.items()}
    element.attrib.clear()
    for name, value in kept.items():
        if name == "id":
            if value in referred:
                element.set("id", prefix + value)
        elif name == "href":
            element.set("href", f"#{prefix}{value.removeprefix('#')}")
        else:
            element.set(name, _restyled(value, prefix))
    for child in list(element):
        if _NAMESPACE.sub("", child.tag) in ("metadata", "style"):
            element.remove(child)
        else:
            _tidied(child, prefix, referred)


def _for_a_page(svg: str, title: str, description: str) -> str:
    """Matplotlib's SVG as an element of a page: as wide as its place, named, and clear of its neighbours."""
    prefix = f"e{hashlib.sha256((svg + title + description).encode()).hexdigest()[:12]}-"
    referred = frozenset(_REFERENCE.findall(svg)) | frozenset(re.findall(r'href="#([^"]+)"', svg))
    root = ET.fromstring(svg)
    box = root.get("viewBox", "")
    _tidied(root, prefix, referred)
    root.attrib.clear()
    root.attrib |= {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": box,
        "role": "img",
        "aria-labelledby": f"{prefix}title",
        "aria-describedby": f"{prefix}desc",
        # what the style sheet that was taken off said of everything in the page
        "style": "stroke-linejoin: round; stroke-linecap: butt",
    }
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        words = ET.Element(tag, {"id": prefix + tag})
        words.text = text
        words.tail = "\n"
        root.insert(place, words)
    return ET.tostring(root, encoding="unicode")


def evidence_svg(claim: Claim, verdict: Verdict) -> str:
    """Draw the bare evidence of a verdict as an SVG element for an HTML page.

    Text stays text. The picture has no background and no size of its own. Its ink and its grey are the
    page's ``--ink`` and ``--grey`` where it sets them; its data colours are seen on light and on dark.
    Equal evidence gives equal text, and no two pictures share an id.

    Parameters
    ----------
    claim : Claim
    verdict : Verdict
        Of that claim, with its measurement.

    Returns
    -------
    str
        ``<svg ...>...</svg>``, with a title and a description in words.

    Raises
    ------
    ValueError
        If the verdict is of another claim, or holds no measurement.
    """
    tested, measurement, slopes = evidence_of(claim, verdict)
    figure = plot_evidence(claim, verdict)
    buffer = io.StringIO()
    with picture_style(), mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    title = f"Evidence on {claim.id}, {verdict.source}"
    return _for_a_page(buffer.getvalue(), title, _described(tested, verdict, measurement, slopes))
