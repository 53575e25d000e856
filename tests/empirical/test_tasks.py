import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlaws.empirical import ImageSet, classification_task, load_images, split_points


@pytest.fixture(scope="module")
def digits():
    """200 training and 60 test images of 3 x 2 pixels, whose first pixel tells where they lay."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (260, 3, 2)).astype(np.uint8)
    pixels[:, 0, 0] = np.arange(260) % 256
    labels = rng.permutation(np.arange(260) % 10)
    return ImageSet.from_arrays(
        pixels[:200], labels[:200], test_images=pixels[200:], test_labels=labels[200:], name="made"
    )


def find(images, task):
    """Where each point of an unprocessed task lies in the image set."""
    flat = images.images.reshape(len(images), -1) / 255.0
    return np.array([np.flatnonzero((flat == row).all(axis=1))[0] for row in task.inputs])


def test_parity(digits):
    task = classification_task(digits, "parity", preprocess="none", rng=1)
    where = find(digits, task)
    assert sorted(where) == list(range(260))
    np.testing.assert_array_equal(task.labels, np.where(digits.labels[where] % 2, 1, -1))
    np.testing.assert_array_equal(task.official_train, where < 200)
    assert task.classes == ("even", "odd")
    assert task.n_official_train == 200
    assert (task.inputs.dtype, task.labels.dtype) == (np.float64, np.int64)
    assert task.name == "made/parity"


def test_two_classes_leave_the_others_out(digits):
    task = classification_task(digits, "3-8", preprocess="none", rng=1)
    where = find(digits, task)
    assert sorted(where) == np.flatnonzero(np.isin(digits.labels, [3, 8])).tolist()
    np.testing.assert_array_equal(task.labels, np.where(digits.labels[where] == 3, 1, -1))
    assert task.classes == ("8", "3")


def test_one_against_the_rest(digits):
    task = classification_task(digits, "one-vs-rest:3", preprocess="none", rng=1)
    np.testing.assert_array_equal(task.labels == 1, digits.labels[find(digits, task)] == 3)
    assert len(task) == 260


def test_all_classes(digits):
    task = classification_task(digits, "digits", preprocess="none", rng=1)
    np.testing.assert_array_equal(task.labels, digits.labels[find(digits, task)])
    assert task.classes == tuple("0123456789")
    three = ImageSet.from_arrays(np.ones((4, 1)), [7, -2, 40, 7])
    task = classification_task(three, "digits", rng=0)
    assert sorted(task.labels) == [0, 1, 1, 2]
    assert task.classes == ("-2", "7", "40")
    # two classes are a binary task, and labels of -1 and 1 stay what they are
    two = ImageSet.from_arrays([[0.0], [1.0], [2.0]], [1, -1, -1])
    task = classification_task(two, "digits", preprocess="none", rng=0)
    np.testing.assert_array_equal(task.labels[np.argsort(task.inputs[:, 0])], [1, -1, -1])


def test_center_and_unit_norm(digits):
    raw = classification_task(digits, "parity", preprocess="none", rng=2).inputs
    assert raw.max() <= 1.0
    centred = classification_task(digits, "parity", rng=2)
    np.testing.assert_allclose(centred.inputs, raw - raw.mean(axis=0), atol=1e-15)
    assert centred.preprocess == ("scale:255", "center")
    unit = classification_task(digits, "parity", preprocess="unit-norm", rng=2)
    np.testing.assert_allclose(unit.inputs, raw / np.linalg.norm(raw, axis=1)[:, None], rtol=1e-14)
    both = classification_task(digits, "parity", preprocess="unit-norm,center", rng=2)
    expected = raw - raw.mean(axis=0)
    expected /= np.linalg.norm(expected, axis=1)[:, None]
    np.testing.assert_allclose(both.inputs, expected, rtol=1e-12)
    assert both.preprocess == ("scale:255", "center", "unit-norm")


def test_features_are_not_rescaled_and_zeros_stay():
    features = np.array([[300.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    images = ImageSet.from_arrays(features, [0, 1, 1])
    task = classification_task(images, "digits", preprocess="none", rng=0)
    assert sorted(task.inputs[:, 0]) == [0.0, 3.0, 300.0]
    assert task.preprocess == ()
    task = classification_task(images, "digits", preprocess="unit-norm", rng=0)
    assert sorted(np.linalg.norm(task.inputs, axis=1)) == pytest.approx([0.0, 1.0, 1.0])


@pytest.mark.parametrize("points", [4, 40])
def test_principal_components_against_the_covariance(points):
    rng = np.random.default_rng(3)
    features = rng.normal(size=(points, 7)) @ rng.normal(size=(7, 7)) + 5.0
    images = ImageSet.from_arrays(features, np.arange(points) % 2)
    for preprocess in ("none", "center"):
        task = classification_task(images, "parity", preprocess=preprocess, components=3, rng=4)
        raw = classification_task(images, "parity", preprocess="none", rng=4).inputs
        values, vectors = np.linalg.eigh(np.cov(raw.T))
        np.testing.assert_allclose(task.inputs.var(axis=0, ddof=1), values[::-1][:3], rtol=1e-10)
        scores = (raw - raw.mean(axis=0)) @ vectors[:, ::-1][:, :3]
        np.testing.assert_allclose(np.abs(task.inputs), np.abs(scores), atol=1e-9)
        # the sign is fixed by the data: another order of the points gives the same components
        again = classification_task(images, "parity", preprocess=preprocess, components=3, rng=5).inputs
        by_size = [inputs[np.argsort(inputs[:, 0])] for inputs in (task.inputs, again)]
        np.testing.assert_allclose(by_size[0], by_size[1], atol=1e-9)
    unit = classification_task(images, "parity", preprocess="unit-norm", components=3, rng=4)
    np.testing.assert_allclose(np.linalg.norm(unit.inputs, axis=1), 1.0)
    assert unit.preprocess == ("pca:3", "unit-norm")


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_images_keep_their_shape(channels):
    rng = np.random.default_rng(6)
    pixels = rng.integers(0, 256, (40, 5, 4) if channels is None else (40, 5, 4, channels)).astype(np.uint8)
    images = ImageSet.from_arrays(pixels, np.arange(40) % 2)
    task = classification_task(images, "parity", rng=1)
    assert task.image_shape == (channels or 1, 5, 4)
    shaped = task.as_images()
    assert shaped.shape == (40, channels or 1, 5, 4)
    assert not shaped.flags.writeable
    # pixel by pixel: centred brightness of each channel, at its place
    raw = pixels.reshape(40, 5, 4, -1) / 255.0
    centred = raw - raw.mean(axis=0)
    order = np.random.default_rng(1).permutation(40)
    for channel in range(channels or 1):
        np.testing.assert_allclose(shaped[:, channel], centred[order][..., channel], atol=1e-15)


def test_what_is_no_image_says_so(digits):
    with pytest.raises(ValueError, match="inputs of made/parity are no images but principal components"):
        classification_task(digits, "parity", components=3, rng=1).as_images()
    for shape in [(6,), (3, 8, 8), (4, 4, 4, 4)]:
        features = ImageSet.from_arrays(np.ones((4, *shape)), np.arange(4), name="rows")
        task = classification_task(features, "parity", rng=1)
        assert task.image_shape is None
        with pytest.raises(ValueError, match=f"rows/parity are no images but {np.prod(shape)} features"):
            task.as_images()


def test_equal_seeds_give_equal_tasks(digits):
    first, second = (classification_task(digits, "parity", rng=7) for _ in range(2))
    other = classification_task(digits, "parity", rng=np.random.default_rng(8))
    assert np.array_equal(first.inputs, second.inputs)
    assert not np.array_equal(first.inputs, other.inputs)


def test_prefixes_are_random_samples(digits):
    # the share of official test images among the first 60 points: hypergeometric, mean 60 * 60/260
    counts = [
        60 - np.count_nonzero(classification_task(digits, "parity", rng=seed).official_train[:60])
        for seed in range(300)
    ]
    mean = 60 * 60 / 260
    spread = np.sqrt(mean * (200 / 260) * (200 / 259) / 300)
    assert abs(np.mean(counts) - mean) < 4 * spread


def test_official_split(digits):
    task = classification_task(digits, "parity", split="official", preprocess="none", rng=1)
    np.testing.assert_array_equal(task.official_train, np.arange(260) < 200)
    assert not np.array_equal(find(digits, task)[:200], np.arange(200))
    points = split_points(task, training=200, heldout=60, rng=2)
    assert task.official_train[points.training].all()
    assert not task.official_train[points.heldout].any()
    with pytest.raises(
        ValueError, match="training must be at most 200, the official training images of made"
    ):
        split_points(task, training=201)
    with pytest.raises(
        ValueError, match="heldout must be at most 60, the official test images of made/parity"
    ):
        split_points(task, training=1, heldout=61)


@settings(max_examples=40, deadline=None)
@given(training=st.integers(1, 200), heldout=st.integers(0, 60), seed=st.integers(0, 100), data=st.data())
def test_splits_are_disjoint(digits, training, heldout, seed, data):
    split = data.draw(st.sampled_from(["random", "official"]))
    task = classification_task(digits, "parity", split=split, rng=0)
    points = split_points(task, training=training, heldout=heldout, rng=seed)
    assert (len(points.training), len(points.heldout)) == (training, heldout)
    assert len(set(points.training) | set(points.heldout)) == training + heldout
    assert points.training.dtype == points.heldout.dtype == np.int64
    again = split_points(task, training=training, heldout=heldout, rng=seed)
    assert np.array_equal(points.training, again.training)


def test_asking_for_too_much(digits):
    task = classification_task(digits, "parity", rng=0)
    with pytest.raises(ValueError, match=r"training \+ heldout must be at most 260, .* got 200 \+ 61"):
        split_points(task, training=200, heldout=61)
    with pytest.raises(ValueError, match="training must be at least 1, got 0"):
        split_points(task, training=0)
    with pytest.raises(ValueError, match="heldout must be at least 0, got -1"):
        split_points(task, training=1, heldout=-1)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("parities", {}, "unknown task 'parities': use parity, digits, A-B such as 3-8, or one-vs-rest:A"),
        ("3-12", {}, "task '3-12': class 12 is not in the data, which has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        ("one-vs-rest:11", {}, "class 11 is not in the data"),
        ("3-3", {}, "needs two different classes"),
        ("parity", {"preprocess": "whiten"}, "unknown preprocess 'whiten': use none, center, unit-norm"),
        ("parity", {"preprocess": "center+none"}, "names a step twice, or none beside another"),
        ("parity", {"components": 7}, r"components must lie in 1 to 6 \(points, features\), got 7"),
        ("parity", {"components": 0}, "components must lie in 1 to 6"),
        ("parity", {"split": "half"}, "split must be 'random' or 'official', got 'half'"),
    ],
)
def test_refusals(digits, task, options, message):
    with pytest.raises(ValueError, match=message):
        classification_task(digits, task, **options)


@pytest.mark.parametrize("task", ["parity", "digits", "one-vs-rest:4"])
def test_labels_of_one_class(task):
    images = ImageSet.from_arrays(np.ones((3, 2)), [4, 4, 4], name="fours")
    with pytest.raises(ValueError, match="the labels of fours are all of one class"):
        classification_task(images, task)


def test_embedded_images_make_balanced_tasks():
    task = classification_task(load_images("mnist5k"), "parity", components=10, rng=0)
    assert abs(task.labels.mean()) == 0.0
    assert task.inputs.shape == (6000, 10)
    described = json.loads(json.dumps(task.to_dict()))
    assert described == {
        "name": "mnist5k/parity",
        "contents": "subset",
        "classes": ["even", "odd"],
        "points": 6000,
        "features": 10,
        "official_train": 5000,
        "split": "random",
        "preprocess": ["scale:255", "center", "pca:10"],
    }
    assert task.image_shape is None
    # ten components of MNIST hold half of its variance
    whole = classification_task(load_images("mnist5k"), "parity", rng=0)
    assert whole.image_shape == (1, 28, 28)
    assert task.inputs.var(axis=0).sum() / whole.inputs.var(axis=0).sum() == pytest.approx(0.49, abs=0.01)
