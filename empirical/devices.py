"""Where tensors live, and how much of the work fits there at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# On a CPU more rows at once only leave the cache; this many bytes of intermediate values stay near it.
_CPU_BYTES = 64 << 20
_FREE_SHARE = 0.5


def resolve_device(device: str) -> torch.device:
    """The device that ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"`` stands for.

    Raises
    ------
    ValueError
        If the name is unknown, or a GPU is asked for and there is none.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise ValueError(f"device must be auto, cpu or cuda, got {device!r}")
    if kind == "cpu":
        return torch.device("cpu")
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= found:
        raise ValueError(f"device {device!r} was asked for, but there {_so_many(found)}")
    return torch.device(device)


def _so_many(gpus: int) -> str:
    return "is no GPU" if gpus == 0 else f"{'is' if gpus == 1 else 'are'} only {gpus}"


def rows_that_fit(bytes_per_row: int, device: torch.device) -> int:
    """How many rows to work on at once, by the memory that is free there; at least 1."""
    on_gpu = device.type == "cuda"
    room = _FREE_SHARE * torch.cuda.mem_get_info(device)[0] if on_gpu else _CPU_BYTES
    return max(1, int(room / max(bytes_per_row, 1)))


def _out_of_memory(error: Exception) -> bool:
    # on a CPU torch has no type of its own for it
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def in_chunks(
    function: Callable[[slice], Tensor], rows: int, *, bytes_per_row: int, device: torch.device
) -> Tensor:
    """Call `function` on slices of `rows` rows and join what it returns along the first dimension.

    Slices are as long as memory is thought to allow; where that turns out to be too much they are halved,
    and the work goes on from where it stopped.

    Parameters
    ----------
    function : callable
        Slice -> tensor with as many rows.
    rows : int
    bytes_per_row : int
        Memory that a row is expected to take while it is worked on.
    device : torch.device

    Raises
    ------
    MemoryError
        If a single row does not fit.
    """
    chunk = min(rows_that_fit(bytes_per_row, device), max(rows, 1))
    parts: list[Tensor] = []
    start = 0
    while start < rows or not parts:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            before = torch.cuda.memory_allocated(device)
        try:
            parts.append(function(slice(start, min(start + chunk, rows))))
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            if chunk == 1:
                raise MemoryError(f"a single row does not fit into the memory of {device}") from error
            if device.type == "cuda":
                torch.cuda.empty_cache()
            chunk //= 2
            continue
        start += chunk
        if device.type == "cuda":
            # what the rows just done took says best how many more fit
            taken = torch.cuda.max_memory_allocated(device) - before
            chunk = min(2 * chunk, rows_that_fit(taken // chunk, device))
    return parts[0] if len(parts) == 1 else torch.cat(parts)
