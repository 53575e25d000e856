"""IDX files, the format of MNIST: a header with the shape, then bytes; plain or gzipped."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .official_split import OfficialSplit

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 8
_PARTS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")

# Where the four files lie below a folder that a user would name.
_LAYOUTS = (".", "raw", "MNIST/raw", "FashionMNIST/raw", "mnist", "fashion-mnist")


def _variants(part: str) -> tuple[str, ...]:
    # train-images-idx3-ubyte, and as some archives unpack it: train-images.idx3-ubyte
    names = (f"{part}-ubyte", f"{part[:-5]}.{part[-4:]}-ubyte")
    return tuple(name + suffix for name in names for suffix in ("", ".gz"))


def _find(folder: Path, part: str) -> Path | None:
    return next((folder / name for name in _variants(part) if (folder / name).is_file()), None)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes, gzipped or not.

    Returns
    -------
    ndarray of uint8
        In the shape that the header states.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is not an IDX file of unsigned bytes, or is truncated or corrupt.
    """
    content = path.read_bytes()
    if content.startswith(_GZIP_MAGIC):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is a truncated or corrupt gzip file: {error}") from None
    if len(content) < 4 or content[:3] != bytes([0, 0, _UNSIGNED_BYTE]):
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if dimensions == 0 or len(content) < start:
        raise ValueError(f"{path} is truncated: its header is not complete")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    size = math.prod(shape)
    if len(content) - start != size:
        problem = "truncated" if len(content) - start < size else "corrupt"
        raise ValueError(f"{path} is {problem}: {size} bytes announced, {len(content) - start} found")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def read_idx_folder(folder: Path) -> OfficialSplit:
    """Read the four files of MNIST or Fashion-MNIST in `folder`, or below it in a usual layout.

    Raises
    ------
    OSError
        If a file is missing or cannot be opened.
    ValueError
        If one is not a complete IDX file.
    """
    for layout in _LAYOUTS:
        home = folder / layout
        if not any(_find(home, part) for part in _PARTS):
            continue
        arrays = []
        for part in _PARTS:
            path = _find(home, part)
            if path is None:
                raise FileNotFoundError(f"no {part}-ubyte or {part}-ubyte.gz in {home}")
            arrays.append(read_idx(path))
        return OfficialSplit(*arrays)
    raise FileNotFoundError(f"no IDX files such as {_PARTS[0]}-ubyte in {folder} or its usual subfolders")
