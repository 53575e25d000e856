"""`OfficialSplit`: the arrays of a data file as they lie there, official training and test images apart."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray


class OfficialSplit(NamedTuple):
    """What a reader found: images of shape (points, ...) and labels of shape (points,), in file order."""

    train_images: NDArray[Any]
    train_labels: NDArray[Any]
    test_images: NDArray[Any]
    test_labels: NDArray[Any]
