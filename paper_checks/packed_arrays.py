"""Arrays in JSON that nobody reads but us: exact to the bit, and small."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KINDS = "biuf"


def packed_array(values: NDArray[Any]) -> dict[str, Any]:
    """The array as its type, shape and bytes in base 64; little-endian, whatever this machine is.

    Raises ValueError if it holds anything but numbers.
    """
    if values.dtype.kind not in _KINDS:
        raise ValueError(f"values must be numbers, got an array of {values.dtype}")
    plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    text = base64.b64encode(plain.tobytes()).decode("ascii")
    return {"dtype": plain.dtype.str, "shape": list(plain.shape), "base64": text}


def unpacked_array(document: Mapping[str, Any]) -> NDArray[Any]:
    """The array that `packed_array` wrote.

    Raises ValueError or KeyError if the document is no such thing.
    """
    dtype = np.dtype(str(document["dtype"]))
    if dtype.kind not in _KINDS:
        raise ValueError(f"not an array of numbers: {dtype}")
    values = np.frombuffer(base64.b64decode(document["base64"], validate=True), dtype=dtype)
    return values.reshape(document["shape"]).astype(dtype.newbyteorder("="))
