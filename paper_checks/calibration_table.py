"""`CalibrationRow`: the rates of one case under one design, as a table has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .calibration import FALSE_RATE, Rates
from .calibration_bank import DESIGNS


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """One case under one design.

    Attributes
    ----------
    case, design : str
    worlds : int
        In each setting.
    false_supported, false_refuted : float
        The largest rates over both levels of noise, the edges of the band, wrong and rival worlds.
    supported : tuple of float
        Share of true worlds that are SUPPORTED, by level of noise, the lower one first.
    refuted : tuple of float
        Share of wrong worlds that are REFUTED.
    rival_refuted : tuple of float
        Of worlds in which a rival is true; empty without.
    replicates : float
        Mean number at the verdict on true worlds of the higher level.
    too_often : bool
        Whether false verdicts are more frequent somewhere than chance makes plausible at 5 %.
    """

    case: str
    design: str
    worlds: int
    false_supported: float
    false_refuted: float
    supported: tuple[float, ...]
    refuted: tuple[float, ...]
    rival_refuted: tuple[float, ...]
    replicates: float
    too_often: bool


def _largest(rates: Sequence[Rates], verdict: str) -> float:
    return max(entry.false_verdicts.get(verdict, 0) / entry.worlds for entry in rates)


def calibration_rows(rates: Iterable[Rates]) -> tuple[CalibrationRow, ...]:
    """One row for each case and design, in the order in which they first come."""
    groups: dict[tuple[str, str], list[Rates]] = {}
    for entry in rates:
        groups.setdefault((entry.setting.case, entry.setting.design), []).append(entry)
    found = []
    for (case, design), group in groups.items():
        ordered = sorted(group, key=lambda entry: entry.setting.level)
        by = {
            truth: [entry for entry in ordered if entry.setting.truth == truth]
            for truth in ("true", "wrong", "rival")
        }
        found.append(
            CalibrationRow(
                case=case,
                design=design,
                worlds=min(entry.worlds for entry in group),
                false_supported=_largest(group, "SUPPORTED"),
                false_refuted=_largest(group, "REFUTED"),
                supported=tuple(entry.supported / entry.worlds for entry in by["true"]),
                refuted=tuple(entry.refuted / entry.worlds for entry in by["wrong"]),
                rival_refuted=tuple(entry.refuted / entry.worlds for entry in by["rival"]),
                replicates=by["true"][-1].replicates if by["true"] else 0.0,
                too_often=any(entry.too_often for entry in group),
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """False verdicts of one case where its score is at an end of the band, all designs and levels together.

    Attributes
    ----------
    case : str
    worlds : int
    false_supported, false_refuted : float
        Mean rates; of many worlds, so that chance makes little of them.
    """

    case: str
    worlds: int
    false_supported: float
    false_refuted: float


def edge_rows(rates: Iterable[Rates]) -> tuple[EdgeRow, ...]:
    """One row for each case, in the order in which they first come."""
    groups: dict[str, list[Rates]] = {}
    for entry in rates:
        if entry.setting.truth == "edge":
            groups.setdefault(entry.setting.case, []).append(entry)
    found = []
    for case, group in groups.items():
        worlds = sum(entry.worlds for entry in group)
        supported, refuted = (
            sum(getattr(entry, name) for entry in group) for name in ("supported", "refuted")
        )
        found.append(EdgeRow(case, worlds, supported / worlds, refuted / worlds))
    return tuple(found)


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}"


def _by_level(rates: tuple[float, ...]) -> str:
    return " / ".join(f"{100 * rate:.0f}" for rate in rates) or "-"


COLUMNS = (
    ("case", ""),
    ("design", ""),
    ("false", "SUPPORTED"),
    ("false", "REFUTED"),
    ("true:", "SUPPORTED"),
    ("wrong:", "REFUTED"),
    ("rival:", "REFUTED"),
    ("mean", "replicates"),
)
"""Headings in two lines; rates in percent."""


def cells(row: CalibrationRow) -> tuple[str, ...]:
    """A row as texts, under `COLUMNS`."""
    mark = " !" if row.too_often else ""
    return (
        row.case,
        row.design,
        _percent(row.false_supported) + mark,
        _percent(row.false_refuted) + mark,
        _by_level(row.supported),
        _by_level(row.refuted),
        _by_level(row.rival_refuted),
        f"{row.replicates:.0f}",
    )


def summary(rows: Sequence[CalibrationRow]) -> str:
    """What the rows come to, in one sentence."""
    if not rows:
        return "nothing was calibrated"
    bad = [f"{row.case} ({row.design})" for row in rows if row.too_often]
    if bad:
        return f"false verdicts are more frequent than {FALSE_RATE:.0%} in: {', '.join(bad)}"
    worst = max(max(row.false_supported, row.false_refuted) for row in rows)
    return (
        f"no false verdict is more frequent than {FALSE_RATE:.0%} by more than chance; the largest rate of "
        f"{len(rows)} rows is {worst:.1%}"
    )


def shown(rows: Sequence[CalibrationRow]) -> RenderableType:
    """The rows as a table for a terminal, and what they come to."""
    made = Table(title="False verdicts and power, in percent", box=box.SIMPLE_HEAD, title_justify="left",
                 title_style="bold", pad_edge=False)  # fmt: skip
    for place, heading in enumerate(COLUMNS):
        made.add_column(
            "\n".join(heading).strip(), justify="left" if place < 2 else "right", no_wrap=place > 0
        )
    for row in rows:
        made.add_row(*cells(row), style="bold red" if row.too_often else None)
    return Group(made, Text(summary(rows)))


def _table(headings: Sequence[str], texts: int, rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown whose first columns are texts."""
    return [
        "| " + " | ".join(headings) + " |",
        "|" + "---|" * texts + "---:|" * (len(headings) - texts),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def markdown(rates: Sequence[Rates]) -> str:
    """A page: what was made up, false verdicts of each law, and those under each design."""
    rows, edges = calibration_rows(rates), edge_rows(rates)
    worlds = min((row.worlds for row in rows), default=0)
    failed = sum(entry.failed for entry in rates)
    designs = dict.fromkeys(row.design for row in rows)
    pooled = [(row.case, f"{row.worlds:,}", _percent(row.false_supported), _percent(row.false_refuted))
              for row in edges]  # fmt: skip
    lines = [
        "# Rates of false verdicts",
        "",
        f"{worlds} made-up worlds for each law, design, level of noise and truth, judged like measurements;",
        "rates in percent. Written by `genlaws calibrate --markdown`.",
        "",
        *(f"- **{name}**: {DESIGNS[name].about}." for name in designs),
        "",
        "## At the ends of the band",
        "",
        "There both errors are at their worst. All designs, levels of noise and ends of the band together:",
        "",
        *_table(("case", "worlds", "false SUPPORTED", "false REFUTED"), 1, pooled),
        "## Under each design",
        "",
        "False rates are the largest of both levels of noise, both ends of the band, wrong and rival worlds:",
        "chance has picked them. The other columns give the lower level of noise, then the higher.",
        "",
        *_table([" ".join(heading).strip() for heading in COLUMNS], 2, map(cells, rows)),
        f"{summary(rows)[0].upper()}{summary(rows)[1:]}.",
        "",
    ]
    if failed:
        lines += [f"{failed:,} worlds could not be judged, as a value had no place in the law.", ""]
    return "\n".join(lines)
