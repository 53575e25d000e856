"""Standard image sets fetched once, checked, and kept in the user's cache."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FASHION = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"

# Data name -> (address, checksum) of its files.
_FILES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "mnist": (
        (
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
            "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        ),
    ),
    "fashion": (
        (_FASHION + "train-images-idx3-ubyte.gz", "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        (_FASHION + "train-labels-idx1-ubyte.gz", "md5:25c81989df183df01b3e8a0aad5dffbe"),
        (_FASHION + "t10k-images-idx3-ubyte.gz", "md5:bef4ecab320f06d8554ea6380940ec79"),
        (_FASHION + "t10k-labels-idx1-ubyte.gz", "md5:bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    "cifar10": (
        (
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ),
    ),
}

DOWNLOADABLE: Final = tuple(_FILES)
"""Data names that `download` knows."""


def _home(name: str) -> Path:
    import pooch

    return Path(pooch.os_cache("genlaws")) / name


def _target(name: str) -> Path:
    files = _FILES[name]
    return _home(name) if len(files) > 1 else _home(name) / files[0][0].rpartition("/")[2]


def downloaded(name: str) -> Path | None:
    """Where `name` was downloaded to: a file, or a folder of several; None if it was not."""
    home = _home(name)
    complete = all((home / address.rpartition("/")[2]).is_file() for address, _ in _FILES[name])
    return _target(name) if complete else None


def download(name: str) -> Path:
    """Fetch the files of `name` unless they are there with the right checksum; returns where they are.

    Parameters
    ----------
    name : str
        One of `DOWNLOADABLE`.

    Raises
    ------
    ConnectionError
        If a file can be neither found nor fetched, or does not have its checksum.
    """
    import pooch

    for address, checksum in _FILES[name]:
        try:
            pooch.retrieve(address, known_hash=checksum, fname=address.rpartition("/")[2], path=_home(name))
        # no network, a refusing server, a full disk (OSError) or other contents than expected (ValueError)
        except (OSError, ValueError) as error:
            cause = "it is not the file expected" if isinstance(error, ValueError) else type(error).__name__
            raise ConnectionError(
                f"cannot download {address} ({cause}): fetch it yourself and use {name}:PATH"
            ) from error
    return _target(name)
