"""`genlaws report`: verdicts as a page to read, for a pull request, or for continuous integration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command_io import console, one_clear_line

if TYPE_CHECKING:
    from .results import Results

_ENDINGS = (".html", ".md", ".xml")


def _check_output(path: str) -> Path:
    from .atomic_write import check_writable

    place = check_writable(path)
    if place.suffix.lower() not in _ENDINGS:
        raise ValueError(f"a report must end in {', '.join(_ENDINGS)}, got {place.name}")
    return place


def _text(results: Results, ending: str) -> str:
    if ending == ".xml":
        from .junit_report import junit_report

        return junit_report(results)
    from .claim_registry import all_claims

    claims = {claim.id: claim for claim in all_claims()}
    if ending == ".md":
        from .markdown_report import markdown_report

        return markdown_report(results, claims)
    from .html_report import html_report

    return html_report(results, claims)


@click.command(short_help="Make a page of verdicts: HTML, Markdown or JUnit XML.")
@click.argument("results", nargs=-1, required=True, metavar="STORE|JSON...")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    required=True,
    metavar="PATH",
    help="Where to write: .html for a page, .md for a pull request, .xml for JUnit. May be given again.",
)
@one_clear_line
def report(results: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    """Make a report of what `genlaws check` found, from its JSON or its store.

    Several inputs are merged. Of several results for one claim and source the one of the largest budget is
    shown, and of those the latest; the others are listed beside it. Nothing is measured.
    """
    places = [_check_output(path) for path in outputs]
    from .atomic_write import atomic_write
    from .report import headline
    from .results import read_results

    read = read_results(results)
    screen = console()
    for line in read.skipped:
        screen.print(f"left out: {line}", style="yellow", markup=False)
    for place in places:
        atomic_write(place, _text(read, place.suffix.lower()))
        screen.print(f"wrote {place}", style="dim", markup=False)
    screen.print(headline(read), markup=False, soft_wrap=True)
