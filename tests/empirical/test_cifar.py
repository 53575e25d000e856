import io
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from genlaws.empirical.cifar import read_batch, read_cifar10

BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")


def some_batch(seed, points=3):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (points, 32, 32, 3)).astype(np.uint8)
    return images, rng.integers(0, 10, points)


def planes(images):
    """Pixels as the batches keep them: one row an image, all red, all green, all blue."""
    return np.concatenate([images[..., colour].reshape(len(images), -1) for colour in range(3)], axis=1)


def python_2_pickle(images, labels):
    """What Python 2 wrote, opcode by opcode: byte strings, and numpy under its old name."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def tuple_of(*parts):
        return b"(" + b"".join(parts) + b"t"

    def number(value):
        return b"J" + struct.pack("<i", value)

    pixels = planes(images)
    content = b"T" + struct.pack("<i", pixels.size) + pixels.tobytes()
    dtype = b"cnumpy\ndtype\n" + tuple_of(text(b"u1"), number(0), number(1)) + b"R"
    dtype += tuple_of(number(3), text(b"|"), b"N", b"N", b"N", number(-1), number(-1), number(0)) + b"b"
    array = b"cnumpy.core.multiarray\n_reconstruct\n"
    array += tuple_of(b"cnumpy\nndarray\n", tuple_of(number(0)), text(b"b")) + b"R"
    shape = tuple_of(*(number(length) for length in pixels.shape))
    array += tuple_of(number(1), shape, dtype, b"\x89", content) + b"b"
    listed = b"](" + b"".join(number(int(label)) for label in labels) + b"e"
    entries = text(b"batch_label") + text(b"training batch 1 of 5") + text(b"data") + array
    return b"\x80\x02}(" + entries + text(b"labels") + listed + b"u."


def python_3_pickle(images, labels, protocol):
    return pickle.dumps({"data": planes(images), "labels": labels.tolist()}, protocol=protocol)


WRITERS = [python_2_pickle] + [
    lambda images, labels, protocol=protocol: python_3_pickle(images, labels, protocol)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
]


def batches():
    return {name: some_batch(seed) for seed, name in enumerate(BATCHES)}


def write_folder(folder):
    folder.mkdir()
    for name, batch in batches().items():
        (folder / name).write_bytes(python_2_pickle(*batch))


def write_archive(path, contents, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def assert_holds_the_batches(split):
    written = list(batches().values())
    np.testing.assert_array_equal(split.train_images, np.concatenate([images for images, _ in written[:5]]))
    np.testing.assert_array_equal(split.train_labels, np.concatenate([labels for _, labels in written[:5]]))
    np.testing.assert_array_equal(split.test_images, written[5][0])
    np.testing.assert_array_equal(split.test_labels, written[5][1])


@pytest.mark.parametrize("write", WRITERS)
def test_batches_of_every_writer(write):
    images, labels = some_batch(1)
    read_images, read_labels = read_batch(write(images, labels), name="one")
    np.testing.assert_array_equal(read_images, images)
    np.testing.assert_array_equal(read_labels, labels)


def test_labels_as_an_array_of_any_byte_order():
    images, labels = some_batch(2)
    for order in "<>":
        entries = {"data": planes(images), "labels": labels.astype(order + "i4")}
        _, read = read_batch(pickle.dumps(entries, protocol=2), name="one")
        np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize("inside", [True, False])
def test_folder(tmp_path, inside):
    write_folder(tmp_path / "cifar-10-batches-py")
    split, contents = read_cifar10(tmp_path / "cifar-10-batches-py" if inside else tmp_path)
    assert_holds_the_batches(split)
    assert contents == "unknown"


@pytest.mark.parametrize(("name", "mode"), [("c.tar.gz", "w:gz"), ("c.tar", "w")])
def test_archive(tmp_path, name, mode):
    contents = {
        "readme.html": b"<html>",
        **{name: python_2_pickle(*batch) for name, batch in batches().items()},
    }
    write_archive(tmp_path / name, contents, mode)
    split, contents = read_cifar10(tmp_path / name)
    assert_holds_the_batches(split)
    assert contents == "unknown"


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_evil_pickles_run_nothing(tmp_path):
    mark = tmp_path / "mark"
    images, _ = some_batch(0)
    for payload in [
        Evil(os.system, f"touch {mark}"),
        Evil(eval, f"open({str(mark)!r}, 'w')"),
        Evil(open, str(mark), "w"),
        Evil(np.save, str(mark), images),
        Evil(getattr, "text", "upper"),
    ]:
        for entries in (payload, {"data": planes(images), "labels": [1, 2, 3], "more": payload}):
            for protocol in (0, 2, 4, 5):
                with pytest.raises(ValueError, match=r"one is not a batch of CIFAR-10: .* is not admitted"):
                    read_batch(pickle.dumps(entries, protocol=protocol), name="one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # numpy's own unpickling would take a type of Python objects or a state of its own
        (
            pickle.dumps({"data": np.array([[object]], dtype=object), "labels": [1]}),
            "arrays of type 'O8' are not admitted",
        ),
        (pickle.dumps({"data": np.array([b"text"]), "labels": [1]}), "arrays of type 'S4' are not admitted"),
        (pickle.dumps({"data": np.zeros((1, 3072)), "labels": [1]}), "arrays of type 'f8' are not admitted"),
        # a state given to a name that batches use, which would alter it for whoever reads next
        (b"\x80\x02c_codecs\nencode\n}U\x0c__defaults__)sb.", "cannot be given a state"),
        (b"\x80\x02cnumpy\nndarray\n}b.", "cannot be given a state"),
        (b"\x80\x02c_codecs\nencode\n(U\x03abcU\x03zipt\x52.", "is not a batch of CIFAR-10"),
        # a second pickle inside the first, persistent names and extension codes
        (b"\x80\x02U\x01aQ.", "is not a batch of CIFAR-10"),
        (b"\x80\x02\x82\x01.", "is not a batch of CIFAR-10"),
        (b"", "is not a batch of CIFAR-10"),
        (b"not a pickle", "is not a batch of CIFAR-10"),
        (pickle.dumps([1, 2]), "it holds no dictionary"),
        (pickle.dumps({"labels": [1]}), "it holds no bytes named data"),
        (pickle.dumps({"data": np.zeros((1, 3072), dtype=np.int64), "labels": [1]}), "no bytes named data"),
        (pickle.dumps({"data": np.zeros((1, 3072), dtype=np.uint8)}), "no labels from 0 to 9"),
        (
            pickle.dumps({"data": np.zeros((1, 3072), dtype=np.uint8), "labels": [10]}),
            "no labels from 0 to 9",
        ),
        (
            pickle.dumps({"data": np.zeros((1, 3072), dtype=np.uint8), "labels": ["1"]}),
            "no labels from 0 to 9",
        ),
        (
            pickle.dumps({"data": np.zeros((2, 3072), dtype=np.uint8), "labels": [1]}),
            "1 labels, pixels of shape",
        ),
        (
            pickle.dumps({"data": np.zeros((1, 3071), dtype=np.uint8), "labels": [1]}),
            "1 labels, pixels of shape",
        ),
    ],
)
def test_broken_batches(content, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_batch(content, name="one")
    assert str(caught.value).startswith("one is ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("write", WRITERS)
def test_batches_cut_anywhere(write):
    content = write(*some_batch(3, points=1))
    for stop in {*range(0, 300, 7), *range(300, len(content), 211), len(content) - 1}:
        if stop < len(content):
            with pytest.raises(ValueError, match="one is "):
                read_batch(content[:stop], name="one")


def test_broken_folders_and_archives(tmp_path):
    with pytest.raises(FileNotFoundError, match="no data_batch_1 of CIFAR-10 in"):
        read_cifar10(tmp_path)
    folder = tmp_path / "cifar-10-batches-py"
    write_folder(folder)
    (folder / "data_batch_4").unlink()
    with pytest.raises(FileNotFoundError, match="no data_batch_4 of CIFAR-10 in"):
        read_cifar10(tmp_path)

    path = tmp_path / "c.tar.gz"
    contents = {name: python_2_pickle(*batch) for name, batch in batches().items()}
    write_archive(path, contents)
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:5000] + bytes(200) + whole[5200:], b"no archive", b""):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"c\.tar\.gz is (not a complete tar archive|truncated or)"):
            read_cifar10(path)
    del contents["test_batch"]
    write_archive(path, contents)
    with pytest.raises(ValueError, match=r"c\.tar\.gz is truncated or not CIFAR-10: it holds no test_batch"):
        read_cifar10(path)
