import hashlib
import struct
from importlib import resources

import numpy as np
import pytest

from genlaws.empirical import ImageSet, load_images
from genlaws.empirical.contents import identify, idx_digest
from genlaws.empirical.official_split import OfficialSplit

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 4)).astype(np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def write_idx(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for part, images, labels in [("train", PIXELS, LABELS), ("t10k", PIXELS[:2], LABELS[:2])]:
        header = struct.pack(">4B3I", 0, 0, 8, 3, *images.shape)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">4BI", 0, 0, 8, 1, len(labels))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.astype(np.uint8).tobytes())


def write_npz(path):
    np.savez(path, x_train=PIXELS, y_train=LABELS, x_test=PIXELS[:2], y_test=LABELS[:2])


def test_embedded_images():
    file = resources.files("genlaws.empirical").joinpath("data/mnist_5k.npz")
    published = "44ab874c659f69d82188046624fa6f3200669a209659d28103f6f69c7a1af7a6"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == published
    images = load_images("mnist5k")
    assert (images.name, images.contents) == ("mnist5k", "subset")
    assert images.images.shape == (6000, 28, 28)
    assert images.images.dtype == np.uint8
    assert (images.n_official_train, images.n_official_test, len(images)) == (5000, 1000, 6000)
    np.testing.assert_array_equal(np.bincount(images.labels[:5000]), np.full(10, 500))
    np.testing.assert_array_equal(np.bincount(images.labels[5000:]), np.full(10, 100))
    with pytest.raises(ValueError, match="read-only"):
        images.images[0, 0, 0] = 1


@pytest.mark.parametrize("kind", ["mnist", "fashion"])
def test_idx_folders_and_npz_files_hold_the_same(tmp_path, kind):
    write_idx(tmp_path / "MNIST/raw")
    write_npz(tmp_path / "same.npz")
    for images in (load_images(f"{kind}:{tmp_path}"), load_images(f"{kind}:{tmp_path}/same.npz")):
        np.testing.assert_array_equal(images.images, np.concatenate([PIXELS, PIXELS[:2]]))
        np.testing.assert_array_equal(images.labels, np.concatenate([LABELS, LABELS[:2]]))
        assert images.labels.dtype == np.int64
        assert (images.n_official_train, images.n_official_test) == (6, 2)
        assert (images.name, images.contents) == (kind, "unknown")


def test_npz_by_name_path_and_suffix(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, images=PIXELS / 255.0, labels=LABELS)
    for data in (f"npz:{path}", str(path), path):
        images = load_images(data)
        assert images.name == "own"
        assert images.images.dtype == np.float64
        assert (images.n_official_train, images.n_official_test) == (6, 0)


def test_contents_are_told_however_they_are_packed(tmp_path):
    embedded = load_images("mnist5k")
    train, labels = embedded.images[:5000], embedded.labels[:5000]
    test, test_labels = embedded.images[5000:], embedded.labels[5000:]
    path = tmp_path / "repacked.npz"
    np.savez(path, x_train=train, y_train=labels[:, None], x_test=test, y_test=test_labels)
    assert (load_images(path).name, load_images(path).contents) == ("mnist", "subset")
    # named as something else it is not that, and one pixel makes another set
    assert load_images(f"fashion:{path}").contents == "unknown"
    changed = train.copy()
    changed[17, 3, 3] ^= 1
    np.savez(path, x_train=changed, y_train=labels, x_test=test, y_test=test_labels)
    assert load_images(path).contents == "unknown"


def test_digest_is_that_of_the_idx_file(tmp_path):
    write_idx(tmp_path)
    file = tmp_path / "train-images-idx3-ubyte"
    assert idx_digest(PIXELS) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert identify(OfficialSplit(PIXELS, LABELS - 1, PIXELS, LABELS)) is None
    assert identify(OfficialSplit(PIXELS / 255, LABELS, PIXELS, LABELS)) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("mnst5k", r"unknown data 'mnst5k' \(did you mean mnist5k\?\): use mnist5k, mnist:PATH"),
        ("", "unknown data ''"),
        ("imagenet:/data", "unknown data 'imagenet:/data': use"),
        ("cifar10:", "names no path: say cifar10:PATH"),
    ],
)
def test_unknown_names(data, message):
    with pytest.raises(ValueError, match=message):
        load_images(data)


def test_missing_and_misplaced_files(tmp_path):
    for data in (
        f"mnist:{tmp_path}/no",
        f"cifar10:{tmp_path}/no",
        f"npz:{tmp_path}/no",
        f"{tmp_path}/no.npz",
    ):
        with pytest.raises(FileNotFoundError, match=r"no file or folder .*no"):
            load_images(data)
    with pytest.raises(FileNotFoundError, match="no IDX files"):
        load_images(f"mnist:{tmp_path}")
    (tmp_path / "file").write_text("text")
    with pytest.raises(ValueError, match=r"mnist is read from a folder of IDX files or an \.npz file"):
        load_images(f"mnist:{tmp_path}/file")
    with pytest.raises(IsADirectoryError):
        load_images(f"npz:{tmp_path}")


def test_arrays_of_ones_own():
    images = ImageSet.from_arrays(
        PIXELS, LABELS.astype(float), test_images=PIXELS[:1], test_labels=LABELS[:1]
    )
    assert (images.name, images.contents, len(images)) == ("arrays", "unknown", 7)
    assert (images.n_official_train, images.n_official_test) == (6, 1)
    flat = ImageSet.from_arrays(np.ones((2, 3), dtype=np.float32), [0, 1], name="flat")
    assert flat.images.dtype == np.float64
    # the caller's arrays stay the caller's
    own = np.ones((2, 3))
    ImageSet.from_arrays(own, [0, 1])
    own[0, 0] = 2.0


@pytest.mark.parametrize(
    ("images", "labels", "options", "message"),
    [
        (np.ones(3), np.ones(3), {}, r"training images must have shape \(points, ...\), got \(3,\)"),
        (np.ones((3, 2)), [1, 2], {}, r"training labels must have shape \(3,\) like the images, got \(2,\)"),
        (np.ones((2, 2)), [[1], [2]], {}, r"training labels must have shape \(2,\)"),
        ([[1.0, np.nan]], [1], {}, "training images must be finite, got nan"),
        ([["a"]], [1], {}, "training images must be real numbers"),
        ([[1j]], [1], {}, "training images must be real numbers, got complex128"),
        ([[1.0]], [1.5], {}, "training labels must be integers, got 1.5"),
        ([[1.0]], [np.nan], {}, "training labels must be integers, got nan"),
        ([[1.0]], [1e300], {}, r"training labels must be integers, got 1e\+300"),
        ([[1.0]], ["cat"], {}, "training labels must be integers, got <U3"),
        (np.ones((0, 2)), np.ones(0), {}, "arrays holds no images"),
        (
            np.ones((2, 2)),
            [0, 1],
            {"test_images": np.ones((1, 3)), "test_labels": [1]},
            "must have one shape",
        ),
        (PIXELS, LABELS, {"test_images": PIXELS / 255, "test_labels": LABELS}, "must have one type"),
        (PIXELS, LABELS, {"test_images": PIXELS}, "test_images and test_labels must be given together"),
        (PIXELS, LABELS, {"test_images": PIXELS, "test_labels": [1]}, "test labels must have shape"),
    ],
)
def test_bad_arrays(images, labels, options, message):
    with pytest.raises(ValueError, match=message):
        ImageSet.from_arrays(images, labels, **options)
