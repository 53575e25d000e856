"""Devices by name, and work in chunks that shrink where memory runs out."""

from __future__ import annotations

import pytest
import torch

from genlaws.empirical.devices import in_chunks, resolve_device, rows_that_fit

CPU = torch.device("cpu")


def test_names_of_devices():
    assert resolve_device("cpu") == CPU
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "mps"])
def test_unknown_devices_are_named(name):
    with pytest.raises(ValueError, match="device must be auto, cpu or cuda"):
        resolve_device(name)


def test_more_gpus_than_there_are():
    with pytest.raises(ValueError, match="was asked for, but there"):
        resolve_device("cuda:99")


def test_rows_that_fit_shrink_with_their_size():
    assert rows_that_fit(1, CPU) > 1000 * rows_that_fit(1_000_000, CPU)
    assert rows_that_fit(10**12, CPU) == 1


def test_chunks_are_joined_in_order():
    seen = []

    def square(rows):
        seen.append((rows.start, rows.stop))
        return torch.arange(100)[rows] ** 2

    made = in_chunks(square, 100, bytes_per_row=3 << 20, device=CPU)
    assert torch.equal(made, torch.arange(100) ** 2)
    assert len(seen) > 1
    assert in_chunks(square, 0, bytes_per_row=1, device=CPU).shape == (0,)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("full"), MemoryError("full"), RuntimeError("can't allocate memory: 8 bytes")],
)
def test_want_of_memory_halves_the_chunk_and_loses_nothing(error):
    sizes = []

    def double(rows):
        sizes.append(rows.stop - rows.start)
        if rows.stop - rows.start > 10:
            raise error
        return 2 * torch.arange(64)[rows]

    assert torch.equal(in_chunks(double, 64, bytes_per_row=1, device=CPU), 2 * torch.arange(64))
    assert sizes[:4] == [64, 32, 16, 8]


def test_a_row_that_does_not_fit_is_an_error():
    def never(rows):
        raise torch.OutOfMemoryError("full")

    with pytest.raises(MemoryError, match="a single row does not fit"):
        in_chunks(never, 4, bytes_per_row=1, device=CPU)


def test_other_errors_pass_through():
    def broken(rows):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        in_chunks(broken, 4, bytes_per_row=1, device=CPU)
