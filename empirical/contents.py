"""Whether images are the standard ones, told by checksums of what they hold, however it is packed."""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .official_split import OfficialSplit

Contents = Literal["standard", "subset", "unknown"]

# sha256 of the raw contents of IDX files with training images, training labels, test images, test labels.
_KNOWN: dict[tuple[str, str, str, str], tuple[str, Contents]] = {
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ): ("mnist", "standard"),
    (
        "291661882f80bfc1e8fc3c7ea17a7ed78362748efbfa17feda6a4618fa3c6f3a",
        "1531493183c30b840499aae3621a48abf90a239236dbfe6c2e0e7e5b4847c49a",
        "f4acc56b6ca9037bbe1a1d51e6ce3bed3a6cf91260c68e2afc9ce3c48b5a5f32",
        "4f20202d40f70716476f48d9e70df84ad3c74f31e2ab30690fc5a271c1cd4d55",
    ): ("mnist", "subset"),
    (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ): ("fashion", "standard"),
    (
        "79a8a11bf2755d6631d735e4f8595e9c9e68a3dca18df5cfc8627289d6c19d1d",
        "b16233137614acae0426cc0cf86d6308539c416a5ad61519f0ca0e92127d4b3f",
        "4aa422ba12cfb2e0ab0f4986c22d2e594b0037e0ce6f44a09ab5c36a60f3fd35",
        "6fd9d5bd75d0d2838c40c68c8338d4463ba528a7f316821f4116f16b080133be",
    ): ("cifar10", "subset"),
}


def idx_digest(array: NDArray[np.uint8]) -> str:
    """sha256 of the IDX file, not compressed, that would hold `array`."""
    shape = array.shape
    digest = hashlib.sha256(struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape))
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8] | None:
    """`array` as bytes where its values are, None otherwise."""
    if array.dtype == np.uint8:
        return array
    if array.size == 0 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255:
        return None
    return array.astype(np.uint8)


def identify(arrays: OfficialSplit) -> tuple[str, Contents] | None:
    """Name of the data that `arrays` are and whether all of it or a known subset; None where not known."""
    digests = []
    for array in arrays:
        values = _as_bytes(array)
        if values is None:
            return None
        digests.append(idx_digest(values))
    first, second, third, fourth = digests
    return _KNOWN.get((first, second, third, fourth))
