"""Writing a result whole or not at all: to a temporary file beside its place, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def _is_stream(place: Path) -> bool:
    # a device or a pipe, such as /dev/stdout, is written into: a rename would put a file in its stead
    return place.exists() and not place.is_file()


def _no_permission(place: Path, folder: Path) -> ValueError:
    return ValueError(f"cannot write {place}: no permission to write in {folder}")


def check_writable(path: str | Path) -> Path:
    """`path` as a Path, once it is known that a file can be written there.

    Asked before the work starts, so that a mistyped folder does not cost the result.

    Raises
    ------
    ValueError
        If `path` is a folder, or its folder does not exist or may not be written to.
    """
    if not os.fspath(path):
        raise ValueError("cannot write to a place without a name")
    place = Path(path)
    folder = place.resolve().parent
    if place.is_dir():
        raise ValueError(f"cannot write {place}: it is a folder")
    if not folder.is_dir():
        raise ValueError(f"cannot write {place}: there is no folder {place.parent}")
    if not _is_stream(place) and not os.access(folder, os.W_OK):
        raise _no_permission(place, place.parent)
    return place


def writable_folder(path: str | Path) -> Path:
    """`path` as a folder that exists, made if need be, and may be written to.

    Raises
    ------
    ValueError
        If there is something else, it cannot be made, or it may not be written to.
    """
    if not os.fspath(path):
        raise ValueError("cannot write to a folder without a name")
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ValueError(f"cannot write in {folder}: it is not a folder") from None
    except OSError as error:
        raise ValueError(f"cannot make the folder {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise _no_permission(folder, folder)
    return folder


def atomic_write(path: str | Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) to `path`; a reader sees the old file or the whole new one.

    A link is followed; a device or a pipe is written into.

    Raises
    ------
    OSError
        If the folder cannot be written to; nothing is left behind.
    """
    place = Path(path).resolve()
    data = content.encode("utf-8") if isinstance(content, str) else content
    if _is_stream(Path(path)):
        Path(path).write_bytes(data)
        return
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(6)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, place)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
