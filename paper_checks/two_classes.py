"""`TwoClasses`: labelled examples of two classes, from a table of one's own or from images."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_SEPARATORS = ("\t", ";", ",")


@dataclass(frozen=True, slots=True, eq=False)
class TwoClasses:
    """Examples to separate.

    Attributes
    ----------
    name : str
    classes : (str, str)
        Of labels -1 and +1.
    inputs : ndarray, shape (examples, dimension)
    labels : ndarray, shape (examples,)
        -1 and +1.
    preprocess : tuple of str
        What was done to the inputs, ``"bias"`` for a constant 1 as the last of them.
    """

    name: str
    classes: tuple[str, str]
    inputs: FloatArray
    labels: FloatArray
    preprocess: tuple[str, ...]

    @property
    def rows(self) -> FloatArray:
        """Label times input of each example."""
        return self.labels[:, None] * self.inputs

    def to_dict(self) -> dict[str, Any]:
        """What the examples are, without the examples; ready for JSON."""
        return {
            "name": self.name,
            "classes": list(self.classes),
            "examples": len(self.labels),
            "dimension": self.inputs.shape[1],
            "preprocess": list(self.preprocess),
        }


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _column(label: str | None, header: Sequence[str], columns: int, path: str) -> int:
    if label is None:
        return columns - 1
    if label in header:
        return list(header).index(label)
    if label.isdecimal() and 1 <= int(label) <= columns:
        return int(label) - 1
    names = f", one of {', '.join(header)}," if header else ""
    raise ValueError(f"--label must be a column of {path}{names} or its number up to {columns}, got {label}")


def _read_text(path: str, label: str | None) -> tuple[FloatArray, list[str]]:
    try:
        text = Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file of numbers") from None
    lines = [(k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    if not lines:
        raise ValueError(f"{path} holds no examples")
    separator = next((mark for mark in _SEPARATORS if mark in lines[0][1]), ",")
    cells = [
        [cell.strip() for cell in row] for row in csv.reader([line for _, line in lines], delimiter=separator)
    ]
    columns = len(cells[0])
    if columns < 2:
        raise ValueError(f"{path} must have columns of features and one of labels, got {columns}")
    # a first line of words names the columns; labels may be words, too
    header = cells[0] if sum(_number(cell) is None for cell in cells[0]) > 1 or len(cells) == 1 else []
    place = _column(label, header, columns, path)
    features, labels = [], []
    for (number, line), row in list(zip(lines, cells, strict=True))[bool(header) :]:
        values = [_number(cell) for k, cell in enumerate(row) if k != place]
        finite = [value for value in values if value is not None and math.isfinite(value)]
        if len(row) != columns or len(finite) < len(values) or not row[place]:
            raise ValueError(
                f"{path}, line {number}: want {columns - 1} finite features and a label, got {line.strip()!r}"
            )
        features.append(finite)
        labels.append(row[place])
    return np.array(features, dtype=np.float64), labels


def _read_array(path: str, label: str | None) -> tuple[FloatArray, list[str]]:
    try:
        table = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is no complete .npy file of numbers: {error}") from None
    if (
        not isinstance(table, np.ndarray)
        or table.ndim != 2
        or table.shape[1] < 2
        or table.dtype.kind not in "biuf"
    ):
        shape = getattr(table, "shape", "other files")
        raise ValueError(f"{path} must hold a table of features and a column of labels, got {shape}")
    values = table.astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{path} must hold finite numbers, got {values[~np.isfinite(values)][0]}")
    place = _column(label, (), values.shape[1], path)
    return np.delete(values, place, axis=1), [f"{mark:g}" for mark in values[:, place]]


def _read(data: str, label: str | None, download: bool) -> tuple[NDArray[Any], list[str], str]:
    # features, what each example is, a name
    ending = Path(data).suffix.lower()
    if ending in (".csv", ".tsv", ".txt", ".npy"):
        read = _read_array if ending == ".npy" else _read_text
        return *read(data, label), Path(data).name
    if label is not None:
        raise ValueError(f"--label names a column of a table, and {data} is none")
    from genlaws.empirical import load_images

    images = load_images(data, download=download)
    return images.images, [str(mark) for mark in images.labels], images.name


def _two(found: Sequence[str], asked: str | None, name: str) -> tuple[str, str]:
    numbers = [_number(mark) for mark in set(found)]
    present = sorted(set(found), key=None if None in numbers else float)
    if asked is not None:
        parts = tuple(part.strip() for part in asked.split(","))
        if len(parts) != 2 or len(set(parts)) < 2 or not set(parts) <= set(present):
            raise ValueError(f"--classes must be two of {_listed(present)}, like A,B, got {asked!r}")
        return parts[0], parts[1]
    if len(present) != 2:
        choose = "name two by --classes A,B" if len(present) > 2 else "there is nothing to separate"
        raise ValueError(f"{name} holds {_count(present)} ({_listed(present)}): {choose}")
    return present[0], present[1]


def _count(present: Sequence[str]) -> str:
    return f"{len(present)} class{'' if len(present) == 1 else 'es'}"


def _listed(present: Sequence[str]) -> str:
    return ", ".join(present[:12]) + (", ..." if len(present) > 12 else "")


def read_two_classes(
    data: str,
    *,
    label: str | None = None,
    classes: str | None = None,
    examples: int | None = None,
    preprocess: str = "none",
    bias: bool = False,
    download: bool = False,
    rng: np.random.Generator | int | None = None,
) -> TwoClasses:
    """Read examples of two classes.

    Parameters
    ----------
    data : str
        A table (.csv, .tsv, .txt, .npy) with an example in each row and a column of labels, numbers or words;
        or what `genlaws.empirical.load_images` takes, an .npz among it.
    label : str, optional
        Name or number (from 1) of the column of labels; None: the last.
    classes : str, optional
        ``"A,B"``: labels of -1 and +1; other examples are left out. None where there are two: in their order.
    examples : int, optional
        So many, at random. None: all.
    preprocess : str
        As in `genlaws.empirical.classification_task`.
    bias : bool
        Append a constant 1 to all inputs, whose weight is a threshold.
    download : bool
        As in `load_images`.
    rng : numpy.random.Generator, int or None

    Raises
    ------
    ValueError
        If the file is not what it should be, values are not finite, or there are not two classes.
    OSError
        If it cannot be opened.
    """
    from genlaws.empirical.preprocessing import preprocessed, preprocessing_steps

    steps = preprocessing_steps(preprocess)
    features, marks, name = _read(data, label, download)
    low, high = _two(marks, classes, name)
    which = np.array(marks)
    chosen = np.flatnonzero((which == low) | (which == high))
    if examples is not None:
        if not 2 <= examples <= len(chosen):
            raise ValueError(f"--examples must be from 2 to {len(chosen)}, those of {name}, got {examples}")
        chosen = np.sort(np.random.default_rng(rng).permutation(chosen)[:examples])
    labels = np.where(which[chosen] == high, 1.0, -1.0)
    if abs(labels.sum()) == len(labels):
        raise ValueError(f"the {len(labels)} examples chosen of {name} are all of one class: choose more")
    inputs, done = preprocessed(features[chosen], steps, None)
    if bias:
        inputs, done = np.column_stack([inputs, np.ones(len(inputs))]), (*done, "bias")
    return TwoClasses(name=name, classes=(low, high), inputs=inputs, labels=labels, preprocess=done)
