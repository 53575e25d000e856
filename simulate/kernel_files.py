"""Kernels larger than memory: computed block by block into files, and taken up again where they stopped."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import ArrayLike, NDArray

from .depth_kernels import DepthKernels
from .replica import Progress

SCHEMA_VERSION = 1
_NAMES = ("covariance", "tangent")
_RECORD = "kernels.json"

Block = tuple[int, int]
KernelFunction = Callable[..., DepthKernels]


def _blocks(rows: int, columns: int, side: int, symmetric: bool) -> Iterator[Block]:
    # by their first row and column
    for start in range(0, rows, side):
        for across in range(start if symmetric else 0, columns, side):
            yield start, across


def _checksum(
    kernels: KernelFunction,
    X: NDArray[Any],
    other: NDArray[Any] | None,
    settings: Mapping[str, Any],
    block_rows: int,
) -> str:
    # of all that the numbers in the files depend on, but for the code
    try:
        words = json.dumps([f"{kernels.__module__}.{kernels.__qualname__}", dict(settings), block_rows])
    except TypeError as problem:
        raise ValueError(f"settings must be JSON, by which kernels are told apart: {problem}") from None
    digest = hashlib.sha256(words.encode())
    for array in (X, other):
        if array is not None:
            digest.update(f"{array.dtype.str} {array.shape};".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _read_record(folder: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads((folder / _RECORD).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise ValueError(f"{folder / _RECORD} is no record of kernels") from None
    version = record.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ValueError(f"{folder / _RECORD} has schema_version {version}, not {SCHEMA_VERSION}")
    return record


def _write_record(folder: Path, record: Mapping[str, Any]) -> None:
    temporary = folder / f"{_RECORD}.part"
    temporary.write_text(json.dumps(record))
    os.replace(temporary, folder / _RECORD)


def _start(place: Path, shape: tuple[int, int, int], record: Mapping[str, Any]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    room, needed = shutil.disk_usage(place).free, 16 * shape[0] * shape[1] * shape[2]
    if needed > room:
        raise OSError(f"kernels of {needed / 1e9:.3g} GB do not fit in {place}: {room / 1e9:.3g} GB are free")
    for name in _NAMES:
        open_memmap(place / f"{name}.npy.part", mode="w+", dtype=np.float64, shape=shape).flush()
    # last, so that what is recorded is there
    _write_record(place, record)


def load_kernels(folder: str | os.PathLike[str]) -> DepthKernels:
    """The kernels that `write_kernels` wrote, as read-only memory maps: pages are read when they are used.

    Raises
    ------
    ValueError
        If there are none, or not all of them yet.
    """
    place = Path(folder)
    record = _read_record(place)
    if record is None:
        raise ValueError(f"there are no kernels in {place}")
    if not all((place / f"{name}.npy").exists() for name in _NAMES):
        done = len(record["finished"])
        raise ValueError(f"the kernels in {place} are not finished: {done} of {record['blocks']} blocks")
    maps = (np.load(place / f"{name}.npy", mmap_mode="r") for name in _NAMES)
    return DepthKernels(tuple(record["depths"]), *maps)


def write_kernels(
    folder: str | os.PathLike[str],
    kernels: KernelFunction,
    X: ArrayLike,
    other: ArrayLike | None = None,
    *,
    settings: Mapping[str, Any],
    block_rows: int = 2048,
    progress: Progress | None = None,
) -> DepthKernels:
    """Compute kernels block by block into files, and go on where an earlier run was interrupted.

    Parameters
    ----------
    folder : path
        Made if need be. In the end it holds ``covariance.npy`` and ``tangent.npy``, of shape (depths, points,
        other points), and a record, ``kernels.json``; until then the matrices are called ``*.npy.part``.
    kernels : callable
        ``kernels(X, other, **settings)`` gives `DepthKernels`, as `fully_connected_kernels` and
        `convolutional_kernels` do.
    X, other : array_like, shape (points, ...) and (other points, ...)
        As `kernels` takes them. None for `other`: `X`; blocks on one side of the diagonal are computed, and
        mirrored.
    settings : mapping
        Keyword arguments of `kernels`, ``depths`` among them; ready for JSON.
    block_rows : int
        Points on a side of a block: memory holds 16 block_rows^2 bytes for each depth at a time.
    progress : callable, optional
        Called with the share of blocks that are finished.

    Returns
    -------
    DepthKernels
        Read-only memory maps, as `load_kernels` gives them.

    Raises
    ------
    ValueError
        If `folder` holds kernels of other points, settings or blocks, or an argument is out of range.
    OSError
        If files cannot be written, or the disk has too little room, which is asked first.

    Notes
    -----
    What is there is known by a checksum of points, settings and the name of `kernels`; of other code it
    knows nothing. A block counts once it is on the disk. One run may write to a folder at a time.

    Examples
    --------
    >>> import tempfile
    >>> from genlaws.simulate import fully_connected_kernels
    >>> settings = {"depths": [2], "weight_variance": 1.0, "bias_variance": 0.0}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = write_kernels(folder, fully_connected_kernels, np.eye(4), settings=settings, block_rows=2)
    ...     made.tangent[0, 0].round(4).tolist()
    [0.4414, 0.0, 0.0, 0.0]
    """
    points = np.asarray(X)
    others = points if other is None else np.asarray(other)
    symmetric = other is None
    if block_rows != int(block_rows) or block_rows < 1:
        raise ValueError(f"block_rows must be an integer of at least 1, got {block_rows}")
    if "depths" not in settings:
        raise ValueError("settings must hold depths")
    place = Path(folder)
    checksum = _checksum(kernels, points, None if symmetric else others, settings, block_rows)
    blocks = list(_blocks(len(points), len(others), block_rows, symmetric))
    record = _read_record(place)
    if record is None:
        depths = [int(depth) for depth in settings["depths"]]
        record = {"schema_version": SCHEMA_VERSION, "checksum": checksum, "depths": depths}
        record |= {"blocks": len(blocks), "finished": []}
        _start(place, (len(depths), len(points), len(others)), record)
    elif record["checksum"] != checksum:
        raise ValueError(f"{place} holds kernels of other points, settings or blocks: name another folder")

    finished = {(start, across) for start, across in record["finished"]}
    for start, across in (block for block in blocks if block not in finished):
        rows, columns = slice(start, start + block_rows), slice(across, across + block_rows)
        own = symmetric and start == across
        made = kernels(points[rows], None if own else others[columns], **settings)
        for name, block in zip(_NAMES, (made.covariance, made.tangent), strict=True):
            matrix = open_memmap(place / f"{name}.npy.part", mode="r+")
            matrix[:, rows, columns] = block
            if symmetric:
                matrix[:, columns, rows] = block.swapaxes(1, 2)
            matrix.flush()
        record["finished"].append((start, across))
        _write_record(place, record)
        if progress is not None:
            progress(len(record["finished"]) / len(blocks))
    for name in _NAMES:
        if not (place / f"{name}.npy").exists():
            os.replace(place / f"{name}.npy.part", place / f"{name}.npy")
    return load_kernels(place)
