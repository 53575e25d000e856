"""`ImageSet`: labelled images with their official split, from files or from arrays of one's own."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .cifar import read_cifar10
from .contents import Contents, identify
from .downloads import DOWNLOADABLE, download, downloaded
from .idx import read_idx_folder
from .npz import read_npz
from .official_split import OfficialSplit

_EMBEDDED = "mnist5k"
_KINDS = (*DOWNLOADABLE, "npz")


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images with labels, the official training images first.

    Attributes
    ----------
    images : ndarray, shape (points, ...)
        uint8 pixels, or float64 features of any shape. Read-only.
    labels : ndarray of int64, shape (points,)
        Class numbers. Read-only.
    n_official_train, n_official_test : int
        The first `n_official_train` points are the official training images, the rest the test images.
    name : str
    contents : {"standard", "subset", "unknown"}
        Whether these are exactly the standard images, a known subset of them, or neither; by checksum.
    """

    images: NDArray[Any]
    labels: NDArray[np.int64]
    n_official_train: int
    n_official_test: int
    name: str
    contents: Contents

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    @classmethod
    def from_arrays(
        cls,
        images: ArrayLike,
        labels: ArrayLike,
        *,
        test_images: ArrayLike | None = None,
        test_labels: ArrayLike | None = None,
        name: str = "arrays",
    ) -> ImageSet:
        """Make an image set of arrays.

        Parameters
        ----------
        images : array_like, shape (points, ...)
            Pixels as uint8, or finite features.
        labels : array_like of int, shape (points,)
        test_images, test_labels : array_like, optional
            An official test set, in the same form.
        name : str

        Raises
        ------
        ValueError
            If shapes do not fit, values are not finite, labels are not integers, or there is no image.
        """
        train = np.asarray(images), np.asarray(labels)
        if (test_images is None) != (test_labels is None):
            raise ValueError("test_images and test_labels must be given together")
        if test_images is None or test_labels is None:
            test = train[0][:0], train[1][:0]
        else:
            test = np.asarray(test_images), np.asarray(test_labels)
        return _pooled(OfficialSplit(*train, *test), name, contents="unknown")


def _checked_images(images: NDArray[Any], labels: NDArray[Any], what: str) -> NDArray[Any]:
    if images.ndim < 2:
        raise ValueError(f"{what} images must have shape (points, ...), got {images.shape}")
    if labels.shape != images.shape[:1]:
        raise ValueError(
            f"{what} labels must have shape {images.shape[:1]} like the images, got {labels.shape}"
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "biuf":
        raise ValueError(f"{what} images must be real numbers, got {images.dtype}")
    features = images.astype(np.float64)
    if not np.all(np.isfinite(features)):
        raise ValueError(f"{what} images must be finite, got {features[~np.isfinite(features)][0]}")
    return features


def _checked_labels(labels: NDArray[Any], what: str) -> NDArray[np.int64]:
    if labels.dtype.kind not in "biuf":
        raise ValueError(f"{what} labels must be integers, got {labels.dtype}")
    # a label that an integer cannot hold (nan, 1e300) must not reach the conversion
    whole = np.isfinite(labels) & (np.abs(labels.astype(np.float64)) < 2.0**53)
    whole &= labels == np.floor(labels.astype(np.float64))
    if not np.all(whole):
        raise ValueError(f"{what} labels must be integers, got {labels[~whole][0]}")
    return labels.astype(np.int64)


def _pooled(arrays: OfficialSplit, name: str, *, contents: Contents) -> ImageSet:
    parts = []
    for images, labels, what in [(*arrays[:2], "training"), (*arrays[2:], "test")]:
        parts.append((_checked_images(images, labels, what), _checked_labels(labels, what)))
    (train_images, train_labels), (test_images, test_labels) = parts
    if train_images.shape[1:] != test_images.shape[1:]:
        shapes = f"{train_images.shape[1:]} and {test_images.shape[1:]}"
        raise ValueError(f"training and test images must have one shape, got {shapes}")
    if len(train_labels) and len(test_labels) and train_images.dtype != test_images.dtype:
        raise ValueError(
            f"training and test images must have one type, got {train_images.dtype} and {test_images.dtype}"
        )
    images = np.concatenate([train_images, test_images])
    labels = np.concatenate([train_labels, test_labels])
    if images.size == 0:
        raise ValueError(f"{name} holds no images")
    images.setflags(write=False)
    labels.setflags(write=False)
    return ImageSet(
        images=images,
        labels=labels,
        n_official_train=len(train_labels),
        n_official_test=len(test_labels),
        name=name,
        contents=contents,
    )


def _read_embedded() -> ImageSet:
    file = resources.files("genlaws.empirical").joinpath("data/mnist_5k.npz")
    with file.open("rb") as source:
        arrays = read_npz(source, name=_EMBEDDED)
    known = identify(arrays)
    return _pooled(arrays, _EMBEDDED, contents="unknown" if known is None else known[1])


def _read(kind: str, path: Path) -> ImageSet:
    if not path.exists():
        raise FileNotFoundError(f"no file or folder {path}")
    contents: Contents = "unknown"
    if path.suffix == ".npz" or kind == "npz":
        arrays = read_npz(path)
    elif kind == "cifar10":
        arrays, contents = read_cifar10(path)
    elif path.is_dir():
        arrays = read_idx_folder(path)
    else:
        raise ValueError(f"{kind} is read from a folder of IDX files or an .npz file, got {path}")

    name = path.stem if kind == "npz" else kind
    known = identify(arrays)
    if known is not None and kind in (known[0], "npz"):
        name, contents = known
    return _pooled(arrays, name, contents=contents)


def _cached(name: str, *, fetch: bool) -> Path:
    if fetch:
        return download(name)
    path = downloaded(name)
    if path is None:
        raise ValueError(
            f"{name} was not downloaded yet: use {name}:PATH, or ask for it (download=True, --download)"
        )
    return path


def load_images(data: str | os.PathLike[str], *, download: bool = False) -> ImageSet:
    """Load labelled images by name.

    Parameters
    ----------
    data : str or path
        ``"mnist5k"``: 5,000 and 1,000 images of MNIST that come with the package. ``"mnist:PATH"`` or
        ``"fashion:PATH"``: a folder of IDX files, plain or gzipped (also one with ``MNIST/raw`` in it), or
        an `.npz` in Keras's layout. ``"cifar10:PATH"``: the Python batches as a folder or a tar archive,
        or an `.npz`. ``"npz:PATH"``, or any path that ends in `.npz`: see `read_npz` for the arrays.
        ``"mnist"``, ``"fashion"`` or ``"cifar10"`` alone: the copy downloaded before.
    download : bool
        Fetch ``"mnist"``, ``"fashion"`` or ``"cifar10"`` if it was not downloaded before.

    Returns
    -------
    ImageSet
        With `contents` told by checksum: standard files give ``"standard"`` however they are packed.

    Raises
    ------
    ValueError
        If the name is not known, or the file is truncated, corrupt or not what the name says.
    OSError
        If a file is missing or cannot be opened, or a download fails.

    Examples
    --------
    >>> images = load_images("mnist5k")
    >>> images.images.shape, images.n_official_train, images.contents
    ((6000, 28, 28), 5000, 'subset')
    """
    named = os.fspath(data)
    if named == _EMBEDDED:
        return _read_embedded()
    if named in DOWNLOADABLE:
        return _read(named, _cached(named, fetch=download))
    kind, colon, path = named.partition(":")
    if colon and kind in _KINDS:
        if not path:
            raise ValueError(f"{named} names no path: say {kind}:PATH")
        return _read(kind, Path(path).expanduser())
    if named.endswith(".npz"):
        return _read("npz", Path(named).expanduser())
    near = difflib.get_close_matches(kind, (_EMBEDDED, *_KINDS), n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ValueError(
        f"unknown data {named!r}{hint}: use {_EMBEDDED}, mnist:PATH, fashion:PATH, cifar10:PATH or an .npz"
    )
