import io
import zipfile

import numpy as np
import pytest

from genlaws.empirical.npz import read_npz

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
LABELS = np.array([0, 1, 2, 1])


@pytest.mark.parametrize("names", [("x_train", "y_train"), ("images", "labels"), ("x", "y"), ("X", "y")])
def test_pairs_of_arrays(tmp_path, names):
    path = tmp_path / "some.npz"
    np.savez(path, **dict(zip(names, (IMAGES, LABELS), strict=True)))
    arrays = read_npz(path)
    np.testing.assert_array_equal(arrays.train_images, IMAGES)
    np.testing.assert_array_equal(arrays.train_labels, LABELS)
    assert arrays.test_images.shape == (0, 3, 2)
    assert arrays.test_labels.shape == (0,)


def test_keras_layout_with_a_column_of_labels(tmp_path):
    path = tmp_path / "some.npz"
    np.savez_compressed(
        path, x_train=IMAGES, y_train=LABELS[:, None], x_test=IMAGES[:1], y_test=LABELS[:1, None], more=[1]
    )
    arrays = read_npz(path)
    np.testing.assert_array_equal(arrays.train_labels, LABELS)
    np.testing.assert_array_equal(arrays.test_images, IMAGES[:1])
    np.testing.assert_array_equal(arrays.test_labels, LABELS[:1])


def test_open_file_with_a_name():
    file = io.BytesIO()
    np.savez(file, other=IMAGES)
    with pytest.raises(ValueError, match=r"the embedded one must hold x_train and y_train, or .*, got other"):
        read_npz(file, name="the embedded one")


def npz_bytes(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npy_bytes(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def flipped(content):
    """One byte changed in the middle of the first compressed array."""
    middle = len(content) // 3
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def zip_of_text():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", "no array")
        archive.writestr("y.npy", "no array")
    return file.getvalue()


PIXELS = np.random.default_rng(0).integers(0, 256, (50, 8, 8)).astype(np.uint8)
GOOD = npz_bytes(x=PIXELS, y=np.arange(50))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a complete .npz file"),
        (GOOD[: len(GOOD) // 2], "not a complete .npz file"),
        (npy_bytes(IMAGES), "not a complete .npz file"),
        (flipped(GOOD), "not a complete .npz file of plain arrays"),
        (zip_of_text(), "not a complete .npz file of plain arrays"),
        (
            npz_bytes(x=np.array([{"a": 1}], dtype=object), y=LABELS),
            "not a complete .npz file of plain arrays",
        ),
        (npz_bytes(x=IMAGES), "must hold x_train and y_train, or .*, got x"),
        (npz_bytes(), "got nothing"),
        (npz_bytes(x=np.array(3.0), y=LABELS), "x must be an array of points, got a single value"),
    ],
)
def test_broken_files_are_named_in_one_line(tmp_path, content, message):
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_npz(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.npz"):
        read_npz(tmp_path / "absent.npz")
