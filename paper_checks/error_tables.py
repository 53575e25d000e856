"""Measured learning curves from a file of a user's own: columns n, error and, if there are, replicate."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from genlaws.simulate.measurement import Measurement

_COLUMNS = ("n", "error", "replicate")


def _header(path: Path, cells: list[str]) -> dict[str, int]:
    """Place of each column that is known by its name; others may stand beside them."""
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in _COLUMNS[:2] if name not in names]
    if missing:
        raise ValueError(f"{path}: want a first line that names the columns n, error, replicate, got {cells}")
    return {name: names.index(name) for name in _COLUMNS if name in names}


def read_learning_curves(path: str | Path) -> Measurement:
    """Read measured learning curves.

    Parameters
    ----------
    path : path
        A CSV file whose first line names its columns: ``n`` (training examples), ``error`` (in [0, 1]) and,
        if there are several training sets or seeds, ``replicate`` (a number or a word). Other columns and
        lines that start with # are passed over.

    Returns
    -------
    Measurement
        Replicates are numbered in the order of their first line; all are one without that column.

    Raises
    ------
    ValueError
        If the file is no text, a column is missing, or a line holds no such numbers, with its number.
    """
    place = Path(path)
    try:
        with place.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, cells) for number, cells in enumerate(csv.reader(file), 1)]
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(f"{place} is not a text file with columns n, error, replicate") from None
    rows = [(number, cells) for number, cells in rows if any(c.strip() for c in cells)]
    rows = [(number, cells) for number, cells in rows if not cells[0].lstrip().startswith("#")]
    if len(rows) < 2:
        raise ValueError(f"{place} holds no measured errors below a line that names the columns")
    at = _header(place, rows[0][1])
    known: dict[str, int] = {}
    x, y, replicate = [], [], []
    for number, cells in rows[1:]:
        try:
            n, error = float(cells[at["n"]]), float(cells[at["error"]])
            name = cells[at["replicate"]].strip() if "replicate" in at else ""
        except (ValueError, IndexError):
            n = error = np.nan
            name = ""
        if not (np.isfinite(n) and n > 0.0 and 0.0 <= error <= 1.0):
            raise ValueError(
                f"{place}, line {number}: want n > 0 and 0 <= error <= 1, got {','.join(cells)!r}"
            )
        x.append(n)
        y.append(error)
        replicate.append(known.setdefault(name, len(known)))
    return Measurement(x=x, replicate=replicate, y=y, x_label="training examples n", y_label="error")  # type: ignore[arg-type]
