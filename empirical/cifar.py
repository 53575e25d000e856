"""CIFAR-10 as distributed for Python: pickled batches, read without running anything that a pickle names."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .contents import Contents
from .official_split import OfficialSplit

_FOLDER = "cifar-10-batches-py"
_TEST_BATCH = "test_batch"

# The batches in order, with the md5 of the standard files.
_BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    _TEST_BATCH: "40351d587109b95175f43aff81a1287e",
}
_PIXELS = 3 * 32 * 32

# A batch is 31 MB; what claims to be far larger is not one.
_LARGEST_BATCH = 1 << 28


# Stand-ins for what pickled arrays are made of. They keep the bytes and check them: numpy itself, whose
# unpickling trusts its input, never sees the state.


class _PickledType:
    """Stands for numpy.dtype; integers only."""

    def __init__(self, code: str | bytes, *_: object) -> None:
        name = code.decode("latin1") if isinstance(code, bytes) else str(code)
        if name.lstrip("|<>=") not in {"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"}:
            raise pickle.UnpicklingError(f"arrays of type {name!r} are not admitted")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else str(state[1])
        if order not in {"<", ">", "|", "="}:
            raise pickle.UnpicklingError(f"byte order {order!r} is not admitted")
        self.dtype = self.dtype.newbyteorder("=" if order == "|" else order)  # type: ignore[arg-type]


class _PickledArray:
    """Stands for numpy.ndarray."""

    def __init__(self, *_: object) -> None:
        self.array: NDArray[Any] = np.empty(0, dtype=np.uint8)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, column_major, content = state
        if not (isinstance(kind, _PickledType) and isinstance(content, (bytes, bytearray))):
            raise pickle.UnpicklingError("an array is not made of plain bytes")
        flat = np.frombuffer(content, dtype=kind.dtype)
        self.array = flat.reshape(shape, order="F" if column_major else "C")


def _reconstruct(*_: object) -> _PickledArray:
    return _PickledArray()


def _from_buffer(content: object, kind: object, shape: Any, order: str) -> _PickledArray:
    array = _PickledArray()
    array.__setstate__((1, shape, kind, order == "F", content))
    return array


def _encode(text: str, encoding: str) -> bytes:
    # how Python 3 writes bytes for older readers
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding {encoding!r} is not admitted")
    return text.encode("latin1")


class _StandIn:
    """Calls what it stands for, and nothing that a pickle holds can alter it."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a name that the batch uses cannot be given a state")


_ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _StandIn(_reconstruct),
    ("numpy._core.multiarray", "_reconstruct"): _StandIn(_reconstruct),
    ("numpy.core.numeric", "_frombuffer"): _StandIn(_from_buffer),
    ("numpy._core.numeric", "_frombuffer"): _StandIn(_from_buffer),
    ("numpy", "ndarray"): _StandIn(_PickledArray),
    ("numpy", "dtype"): _StandIn(_PickledType),
    ("_codecs", "encode"): _StandIn(_encode),
}


class _BatchUnpickler(pickle.Unpickler):
    """Admits containers, numbers, text and arrays of integers, and refuses every other name."""

    def find_class(self, module: str, name: str) -> _StandIn:
        """The stand-in for a name; raises UnpicklingError if it is not admitted."""
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not admitted") from None


def read_batch(content: bytes, *, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images, shape (points, 32, 32, 3), and labels of one pickled batch.

    `name` is what to call the batch in messages. Raises ValueError if the bytes are not a complete batch
    or name anything but containers and arrays of integers.
    """
    try:
        batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
    # a pickle is a program: broken ones fail in any way that Python can, none of which is a bug here
    except Exception as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{name} is not a batch of CIFAR-10: {cause}") from None

    if not isinstance(batch, dict):
        raise ValueError(f"{name} is not a batch of CIFAR-10: it holds no dictionary")
    entries = {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    pixels, labels = entries.get("data"), entries.get("labels")
    if not (isinstance(pixels, _PickledArray) and pixels.array.dtype == np.uint8):
        raise ValueError(f"{name} is not a batch of CIFAR-10: it holds no bytes named data")
    if isinstance(labels, _PickledArray):
        labels = labels.array.tolist()
    if not (isinstance(labels, list) and all(type(label) is int and 0 <= label < 10 for label in labels)):
        raise ValueError(f"{name} is not a batch of CIFAR-10: it holds no labels from 0 to 9")
    if pixels.array.shape != (len(labels), _PIXELS):
        raise ValueError(
            f"{name} is truncated or corrupt: {len(labels)} labels, pixels of shape {pixels.array.shape}"
        )
    images = pixels.array.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, dtype=np.int64)


def _from_folder(path: Path) -> dict[str, bytes]:
    home = path if (path / _TEST_BATCH).is_file() else path / _FOLDER
    missing = [name for name in _BATCHES if not (home / name).is_file()]
    if missing:
        raise FileNotFoundError(f"no {missing[0]} of CIFAR-10 in {path} or in a folder {_FOLDER} there")
    return {name: (home / name).read_bytes() for name in _BATCHES}


def _from_archive(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        # members are read where they lie: nothing is unpacked to disk
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in _BATCHES and member.isfile() and member.size <= _LARGEST_BATCH:
                    file = archive.extractfile(member)
                    found[name] = b"" if file is None else file.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{path} is not a complete tar archive") from None
    missing = [name for name in _BATCHES if name not in found]
    if missing:
        raise ValueError(f"{path} is truncated or not CIFAR-10: it holds no {missing[0]}")
    return found


def read_cifar10(path: Path) -> tuple[OfficialSplit, Contents]:
    """Read CIFAR-10 from its Python batches, a folder or a tar archive (gzipped or not).

    Returns
    -------
    arrays : OfficialSplit
        Images of shape (points, 32, 32, 3), uint8.
    contents : {"standard", "unknown"}
        By the checksums of the batches.

    Raises
    ------
    OSError
        If a file is missing or cannot be opened.
    ValueError
        If one is truncated or corrupt, or a batch holds anything but plain data.
    """
    batches = _from_folder(path) if path.is_dir() else _from_archive(path)
    standard = all(
        hashlib.md5(batches[name], usedforsecurity=False).hexdigest() == md5 for name, md5 in _BATCHES.items()
    )
    arrays = {name: read_batch(content, name=f"{path}: {name}") for name, content in batches.items()}
    test_images, test_labels = arrays.pop(_TEST_BATCH)
    images, labels = zip(*arrays.values(), strict=True)
    split = OfficialSplit(np.concatenate(images), np.concatenate(labels), test_images, test_labels)
    return split, "standard" if standard else "unknown"
