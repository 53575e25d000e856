"""Measured errors from a user's own file: errors of drawn classifiers, or a measured error density."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from genlaws.simulate import ErrorDensityEnsemble

FloatArray = NDArray[np.float64]


def _text_rows(path: str) -> list[tuple[int, Sequence[float]]]:
    """Number and values of each line; a first line of words is a header."""
    with open(path, encoding="utf-8-sig") as file:
        try:
            lines = [(number, line.strip()) for number, line in enumerate(file, 1)]
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not a text file of numbers") from None
    rows: list[tuple[int, Sequence[float]]] = []
    for place, (number, line) in enumerate(
        (number, line) for number, line in lines if line and not line.startswith("#")
    ):
        try:
            values = [float(cell) for cell in line.split(",")]
        except ValueError:
            # words name the columns; numbers that are written some other way must not go lost
            if place == 0 and all(cell.strip(" \"'")[:1].isalpha() for cell in line.split(",")):
                continue
            values = []
        if len(values) not in (1, 2) or not all(map(math.isfinite, values)):
            raise ValueError(f"{path}, line {number}: want an error, or error,weight, got {line!r}")
        rows.append((number, values))
    return rows


def _array_rows(path: str) -> list[tuple[int, Sequence[float]]]:
    """Number and values of each row of a NumPy file, which must hold plain numbers."""
    try:
        array = np.load(path, allow_pickle=False)
        table = np.asarray(array, dtype=np.float64)
    except (ValueError, TypeError, EOFError, OSError):
        raise ValueError(f"{path} is not a NumPy file of numbers") from None
    if table.ndim == 0 or table.ndim > 2 or (table.ndim == 2 and table.shape[1] not in (1, 2)):
        raise ValueError(f"{path}: want one error a row, or error and weight, got shape {table.shape}")
    rows = table[:, None] if table.ndim == 1 else table
    if not np.all(np.isfinite(rows)):
        raise ValueError(f"{path}: errors and weights must be finite")
    return [(number, row) for number, row in enumerate(rows.tolist(), 1)]


def read_errors(path: str) -> tuple[FloatArray, FloatArray | None]:
    """Errors of classifiers, and their weights if the file has some, from text or a NumPy file.

    Parameters
    ----------
    path : str
        Lines ``error`` or ``error,weight``, with comments after ``#`` and perhaps a header; or an array of
        shape (classifiers,) or (classifiers, 2), in a file that ends in .npy.

    Returns
    -------
    errors, weights : ndarray, shape (classifiers,)
        `weights` is None where no row has one.

    Raises
    ------
    ValueError
        If the file holds anything else, no error, an error outside [0, 1], or no weight above 0.
    """
    numpy_file = Path(path).suffix.lower() == ".npy"
    rows = _array_rows(path) if numpy_file else _text_rows(path)
    unit = "row" if numpy_file else "line"
    for number, values in rows:
        if not 0.0 <= values[0] <= 1.0 or (len(values) == 2 and values[1] < 0.0):
            shown = ",".join(f"{value:g}" for value in values)
            raise ValueError(f"{path}, {unit} {number}: need 0 <= error <= 1 and weight >= 0, got {shown!r}")
    if not rows:
        raise ValueError(f"{path} holds no errors")
    errors = np.array([values[0] for _, values in rows])
    if all(len(values) == 1 for _, values in rows):
        return errors, None
    weights = np.array([values[1] if len(values) == 2 else 1.0 for _, values in rows])
    if not np.any(weights):
        raise ValueError(f"{path}: a weight must be above 0, got none")
    return errors, weights


def read_measured_density(path: str) -> ErrorDensityEnsemble:
    """The measured error density that ``json.dump(sample_error_density(...).to_dict(), file)`` wrote.

    Raises
    ------
    ValueError
        If the file holds anything else.
    """
    import json

    from genlaws.simulate import ErrorDensityEnsemble

    try:
        document = json.loads(Path(path).read_text("utf-8"))
    except ValueError:
        raise ValueError(f"{path} is not a JSON file") from None
    if not isinstance(document, dict) or "log_cdfs" not in document:
        raise ValueError(
            f"{path} holds no measured error density: want what to_dict() of sample_error_density gives"
        )
    try:
        return ErrorDensityEnsemble.from_dict(document)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
