"""The checksum of images: the same wherever the files lie, another as soon as one pixel or label differs."""

from __future__ import annotations

import hashlib

import numpy as np

from .images import load_images


def image_checksum(data: str) -> str:
    """SHA-256 of the images and labels that `data` names, in order, with their official split.

    Parameters
    ----------
    data : str
        As in `load_images`.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ValueError, OSError
        As in `load_images`.
    """
    images = load_images(data)
    digest = hashlib.sha256()
    for array in (images.images, images.labels):
        digest.update(f"{array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    digest.update(f"{images.n_official_train} {images.n_official_test}".encode())
    return digest.hexdigest()
