"""One task at a time on a GPU, whoever runs the tasks: processes of this machine take turns by lock files."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

_POLL = 0.1  # seconds between two rounds over GPUs that are all taken


def _gpus() -> list[str]:
    # numbers differ between processes that see different GPUs, these names do not
    return [str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())]


def _locks(gpus: Sequence[str]) -> list[FileLock]:
    # a folder of one's own: files of another user could be neither locked nor told from a trap
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir()) / f"genlaws-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return [FileLock(folder / f"gpu-{name}.lock") for name in gpus]


@contextmanager
def leased_gpu(gpus: Sequence[str] | None = None) -> Iterator[str]:
    """Hold a GPU that no other holder of a lease on this machine uses; wait until there is one.

    A lease ends with its process, however that ends.

    Parameters
    ----------
    gpus : sequence of str, optional
        Names of the GPUs that torch sees, in its order; by default found out.

    Yields
    ------
    str
        Its name for torch, like ``"cuda:1"``.

    Raises
    ------
    ValueError
        If there is no GPU.
    """
    found = _gpus() if gpus is None else list(gpus)
    if not found:
        raise ValueError("device 'cuda' was asked for, but there is no GPU")
    locks = _locks(found)
    while True:
        for number, lock in enumerate(locks):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield f"cuda:{number}"
            finally:
                lock.release()
            return
        time.sleep(_POLL)
