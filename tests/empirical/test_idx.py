import gzip
import struct

import numpy as np
import pytest

from genlaws.empirical.idx import read_idx, read_idx_folder

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx_bytes(array):
    return (
        bytes([0, 0, 8, array.ndim])
        + b"".join(struct.pack(">I", length) for length in array.shape)
        + array.astype(np.uint8).tobytes()
    )


def four_arrays():
    rng = np.random.default_rng(0)
    return (
        rng.integers(0, 256, (5, 4, 3)).astype(np.uint8),
        np.arange(5, dtype=np.uint8),
        rng.integers(0, 256, (2, 4, 3)).astype(np.uint8),
        np.array([7, 9], dtype=np.uint8),
    )


def write_folder(folder, *, names=NAMES, compress=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(names, four_arrays(), strict=True):
        content = idx_bytes(array)
        (folder / name).write_bytes(gzip.compress(content) if compress else content)


@pytest.mark.parametrize("layout", [".", "raw", "MNIST/raw", "FashionMNIST/raw", "fashion-mnist"])
@pytest.mark.parametrize("compress", [False, True])
def test_folders(tmp_path, layout, compress):
    names = [name + ".gz" for name in NAMES] if compress else NAMES
    write_folder(tmp_path / layout, names=names, compress=compress)
    for read, written in zip(read_idx_folder(tmp_path), four_arrays(), strict=True):
        np.testing.assert_array_equal(read, written)


def test_dotted_names_and_a_compressed_file_named_as_plain(tmp_path):
    names = [name.replace("-idx", ".idx") for name in NAMES]
    write_folder(tmp_path, names=names, compress=True)
    for read, written in zip(read_idx_folder(tmp_path), four_arrays(), strict=True):
        np.testing.assert_array_equal(read, written)


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no IDX files such as train-images-idx3-ubyte in"):
        read_idx_folder(tmp_path)
    write_folder(tmp_path)
    (tmp_path / NAMES[3]).unlink()
    with pytest.raises(FileNotFoundError, match=r"no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz in"):
        read_idx_folder(tmp_path)


GOOD = idx_bytes(four_arrays()[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"PK\x03\x04 something else", "not an IDX file"),
        (b"\x00\x00\x0d\x01" + bytes(8), "not an IDX file of unsigned bytes"),
        (GOOD[:9], "truncated: its header is not complete"),
        (b"\x00\x00\x08\x00", "truncated: its header is not complete"),
        (GOOD[:-1], "truncated: 60 bytes announced, 59 found"),
        (GOOD + b"\x00", "corrupt: 60 bytes announced, 61 found"),
        (gzip.compress(GOOD)[:-12], "truncated or corrupt gzip file"),
        (gzip.compress(GOOD)[:20] + b"\xff\xff" + gzip.compress(GOOD)[22:], "truncated or corrupt gzip file"),
        (b"\x1f\x8b\x07", "truncated or corrupt gzip file"),
    ],
)
def test_broken_files_are_named_in_one_line(tmp_path, content, message):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
