"""`.npz` files with images and labels: Keras's layout, or two arrays of one's own. Nothing is unpickled."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .official_split import OfficialSplit

# Names of (images, labels), in the order tried; a test pair is optional beside the first of them.
_PAIRS = (("x_train", "y_train"), ("images", "labels"), ("x", "y"), ("X", "y"))
_TEST_PAIR = ("x_test", "y_test")


def _labels(array: NDArray[Any]) -> NDArray[Any]:
    # Keras keeps the labels of CIFAR-10 as a column
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _load(file: IO[bytes], name: str) -> dict[str, NDArray[Any]]:
    if not zipfile.is_zipfile(file):
        raise ValueError(f"{name} is not a complete .npz file")
    file.seek(0)
    wanted = {*_TEST_PAIR, *(array for pair in _PAIRS for array in pair)}
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {array: archive[array] for array in archive.files if array in wanted}
            held = archive.files
    except (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{name} is not a complete .npz file of plain arrays: {error}") from None
    # numpy returns the bytes of members that are no arrays
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError(f"{name} is not a complete .npz file of plain arrays: it holds other files")
    if scalars := [array for array, values in arrays.items() if values.ndim == 0]:
        raise ValueError(f"{name}: {scalars[0]} must be an array of points, got a single value")
    if not any(arrays.keys() >= set(pair) for pair in _PAIRS):
        pairs = ", or ".join(" and ".join(pair) for pair in _PAIRS)
        raise ValueError(f"{name} must hold {pairs}, got {', '.join(held) or 'nothing'}")
    return arrays


def read_npz(source: Path | IO[bytes], *, name: str | None = None) -> OfficialSplit:
    """Read images and labels from an `.npz` file.

    Parameters
    ----------
    source : Path or binary file
        With arrays ``x_train, y_train`` and perhaps ``x_test, y_test``, or ``images, labels``, or
        ``x, y``, or ``X, y``. Without test arrays everything counts as training images.
    name : str, optional
        What to call the file in messages; the path when not given.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is truncated or corrupt, holds pickled objects, or none of these pairs.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return read_npz(file, name=str(source) if name is None else name)
    arrays = _load(source, "the file" if name is None else name)
    pair = next(pair for pair in _PAIRS if arrays.keys() >= set(pair))
    images, labels = arrays[pair[0]], _labels(arrays[pair[1]])
    if pair == _PAIRS[0] and arrays.keys() >= set(_TEST_PAIR):
        return OfficialSplit(images, labels, arrays[_TEST_PAIR[0]], _labels(arrays[_TEST_PAIR[1]]))
    return OfficialSplit(images, labels, images[:0], labels[:0])
