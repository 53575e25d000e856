"""Writing a result whole or not at all: to a temporary file beside its place, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def check_writable(path: str | Path) -> Path:
    """`path` as a Path, once it is known that a file can be written there.

    Asked before the work starts, so that a mistyped folder does not cost the result.

    Raises
    ------
    ValueError
        If `path` is a folder, or its folder does not exist or may not be written to.
    """
    place = Path(path)
    folder = place.parent
    if place.is_dir():
        raise ValueError(f"cannot write {place}: it is a folder")
    if not folder.is_dir():
        raise ValueError(f"cannot write {place}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"cannot write {place}: no permission to write in {folder}")
    return place


def atomic_write(path: str | Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) to `path`; a reader sees the old file or the whole new one.

    Raises
    ------
    OSError
        If the folder cannot be written to; nothing is left behind.
    """
    place = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
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
