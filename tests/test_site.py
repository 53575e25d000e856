"""The site is built strictly; every page and name is there, links lead somewhere, nothing is fetched."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("theory", "simulate", "empirical", "paper_checks")
GUIDES = sorted(path.stem for path in ROOT.glob("docs/*.md"))
FETCHED = {"audio": "src", "embed": "src", "iframe": "src", "img": "src", "script": "src", "source": "src"}


class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if found.get("id"):
            self.anchors.add(found["id"])
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if found.get(FETCHED.get(tag, "")):
            self.loaded.append(found[FETCHED[tag]])
        if tag == "link" and found.get("href") and found.get("rel") not in {"canonical", "next", "prev"}:
            self.loaded.append(found["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.relative_to(folder).as_posix(): Page(path) for path in folder.rglob("*.html")}


def public_names(room):
    """What a room hands out: the names that its `__init__` imports from its modules."""
    tree = ast.parse((ROOT / room / "__init__.py").read_text("utf-8"))
    parts = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    return {alias.asname or alias.name for node in parts for alias in node.names}


def test_every_guide_and_every_room_has_its_page(site):
    wanted = {f"{name}.html" for name in GUIDES} | {f"api/{room}.html" for room in ROOMS}
    assert {"index.html", "start-here.html", "networks.html"} <= wanted <= set(site)


def test_every_page_is_found_from_the_first(site):
    seen, waiting = set(), ["index.html"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for link in site[name].links:
            target = os.path.normpath(os.path.join(os.path.dirname(name), urldefrag(link).url or "."))
            if target in site and target not in seen:
                waiting.append(target)
    assert {f"{name}.html" for name in GUIDES} | {f"api/{room}.html" for room in ROOMS} <= seen


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_in_the_reference(site, room):
    shown = {
        anchor.rpartition(".")[2]
        for anchor in site[f"api/{room}.html"].anchors
        if anchor.startswith(f"genlaws.{room}.") and anchor.count(".") == 2
    }
    assert len(public_names(room)) >= 10
    assert public_names(room) == shown, f"docs/api/{room}.md lacks some, or holds too many"


def test_links_lead_somewhere(site):
    broken = []
    for name, page in site.items():
        for link in page.links:
            parts = urlparse(link)
            # the page for what is not found is shown at any address, so its links start at the root
            if parts.scheme or parts.netloc or name == "404.html":
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            other = next((known for known in site.values() if known.path == target), None)
            if not target.is_file() or (parts.fragment and other and parts.fragment not in other.anchors):
                broken.append(f"{name}: {link}")
    assert not broken


def test_no_page_fetches_anything_from_outside(site):
    for name, page in site.items():
        assert page.loaded, name
        outside = [place for place in page.loaded if urlparse(place).netloc]
        assert not outside, f"{name} asks for {outside}"
    for sheet in next(iter(site.values())).path.parent.rglob("*.css"):
        assert "url(http" not in sheet.read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_pages_open_in_a_browser(site, browser, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name in ("index.html", "run-on-a-cluster.html", "api/simulate.html"):
        page.goto(site[name].path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)"), name
        assert page.locator("h1").is_visible()
    context.close()
    assert [url for url in asked if urlparse(url).scheme not in {"file", "data", "blob"}] == []
    assert complaints == []
