"""Measurements from a CSV file of a user's own, whose first line names the columns."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from genlaws.simulate.measurement import Measurement

_REPLICATE = "replicate"
_NAMED = 5  # lines that are named besides the first bad one


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A column of numbers: its name, what each must be in words, and whether one is."""

    name: str
    wanted: str
    allowed: Callable[[float], bool]


class MissingColumnError(ValueError):
    """The first line of a file does not name a column that is wanted."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file: its number, its cells, and its values by column; None where one is missing."""

    number: int
    cells: list[str]
    values: dict[str, str]

    def value(self, column: _Numbers) -> float | None:
        """The number in a column; None if it is none, or not as it must be."""
        try:
            value = float(self.values[column.name])
        except (KeyError, ValueError):
            return None
        return value if math.isfinite(value) and column.allowed(value) else None


def _cells(place: Path, names: str) -> list[tuple[int, list[str]]]:
    """Number and cells of every line that is neither empty nor a remark."""
    try:
        with place.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            # a quoted cell may run over lines: the reader knows where it is
            rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(f"{place} is not a text file with columns {names}") from None
    return [(number, cells) for number, cells in rows if any(cells) and not cells[0].startswith("#")]


def _lines(place: Path, wanted: list[str], optional: list[str]) -> Iterator[_Line]:
    names = ", ".join([*wanted, *optional])
    rows = _cells(place, names)
    if len(rows) < 2:
        raise ValueError(f"{place} holds no measured errors or other values below a line that names them")
    header = [cell.lower() for cell in rows[0][1]]
    if any(name.lower() not in header for name in wanted):
        raise MissingColumnError(
            f"{place}: want a first line that names the columns {names}, got {rows[0][1]}"
        )
    at = {name: header.index(name.lower()) for name in [*wanted, *optional] if name.lower() in header}
    for number, cells in rows[1:]:
        yield _Line(number, cells, {name: cells[i] for name, i in at.items() if i < len(cells)})


def _refuse(place: Path, wanted: list[str], bad: list[_Line]) -> None:
    others = [str(line.number) for line in bad[1:]]
    more = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
    raise ValueError(
        f"{place}, line {bad[0].number}: want {' and '.join(wanted)}, got {','.join(bad[0].cells)!r}"
        + (f"; the same in line{'s' if len(others) > 1 else ''} {more}" if others else "")
    )


def _number_column(name: str, above: float, within: tuple[float, float]) -> _Numbers:
    low, high = within
    if not math.isinf(above):
        return _Numbers(name, f"{name} > {above:g}", lambda value: value > above)
    if not (math.isinf(low) and math.isinf(high)):
        ends = ("" if math.isinf(low) else f"{low:g} <= ") + name
        ends += "" if math.isinf(high) else f" <= {high:g}"
        return _Numbers(name, ends, lambda value: low <= value <= high)
    return _Numbers(name, f"a number {name}", lambda value: True)


def read_measurement(
    path: str | Path,
    *,
    x: str = "x",
    y: str = "y",
    replicate: str = _REPLICATE,
    se: str | None = None,
    reference: str | None = None,
    x_above: float = -math.inf,
    y_within: tuple[float, float] = (-math.inf, math.inf),
) -> Measurement:
    """Read a measurement from a CSV file.

    The first line names the columns, in any case and order. Other columns, empty lines and lines that start
    with # are passed over.

    Parameters
    ----------
    path : path
    x, y : str
        Names of the columns that hold them; they become its labels.
    replicate : str
        The column that tells independent replicates apart, by a number or a word. All lines are one
        replicate in a file without a column ``replicate``; one of any other name must be there.
    se, reference : str, optional
        Names of the columns that hold the standard error of y within the replicate, and what a relation
        holds y against.
    x_above : float
        What every x must exceed.
    y_within : (low, high)
        Where every y must lie.

    Returns
    -------
    Measurement
        Replicates are numbered in the order of their first line.

    Raises
    ------
    MissingColumnError
        If a column is missing: a ValueError, too.
    ValueError
        If the file is no text, or lines hold no such numbers, with their numbers.
    """
    place, anywhere = Path(path), (-math.inf, math.inf)
    columns = [_number_column(x, x_above, anywhere), _number_column(y, -math.inf, y_within)]
    if se is not None:
        columns.append(_number_column(se, -math.inf, (0.0, math.inf)))
    if reference is not None:
        columns.append(_number_column(reference, -math.inf, anywhere))
    wanted = [column.name for column in columns]
    optional = [replicate] if replicate == _REPLICATE else []
    lines = list(_lines(place, wanted if optional else [*wanted, replicate], optional))
    rows = [[line.value(column) for column in columns] for line in lines]
    told_apart = any(replicate in line.values for line in lines)
    bad = [
        line
        for line, row in zip(lines, rows, strict=True)
        if None in row or (told_apart and not line.values.get(replicate))
    ]
    if bad:
        _refuse(place, [c.wanted for c in columns] + [f"a {replicate}"] * told_apart, bad)
    known: dict[str, int] = {}
    held = {name: [row[i] for row in rows] for i, name in enumerate(wanted)}
    return Measurement(
        x=held[x],  # type: ignore[arg-type]
        replicate=[known.setdefault(line.values.get(replicate, ""), len(known)) for line in lines],  # type: ignore[arg-type]
        y=held[y],  # type: ignore[arg-type]
        se=None if se is None else held[se],  # type: ignore[arg-type]
        reference=None if reference is None else held[reference],  # type: ignore[arg-type]
        x_label=x,
        y_label=y,
    )
