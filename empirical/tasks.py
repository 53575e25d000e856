"""`ClassificationTask`: images made into inputs and labels for one question, and ways to split its points."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .contents import Contents
from .images import ImageSet
from .preprocessing import preprocessed, preprocessing_steps

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Split = Literal["random", "official"]

_TASKS = "parity, digits, A-B such as 3-8, or one-vs-rest:A"


@dataclass(frozen=True, slots=True)
class PointSplit:
    """Disjoint indices into a task's points: `training` in the order of use, and `heldout`, both int64."""

    training: IntArray
    heldout: IntArray


@dataclass(frozen=True, slots=True)
class ClassificationTask:
    """Inputs and labels of one classification task.

    Attributes
    ----------
    inputs : ndarray of float64, shape (points, features)
        Read-only.
    labels : ndarray of int64, shape (points,)
        -1 and +1 for two classes, 0 to K-1 for more. Read-only.
    official_train : ndarray of bool, shape (points,)
        Which points are official training images. Read-only.
    name : str
        Data and task, e.g. ``"mnist5k/parity"``.
    classes : tuple of str
        What the labels mean: of -1 and of +1 for two classes, of 0 to K-1 for more.
    split : {"random", "official"}
        How `split_points` chooses.
    preprocess : tuple of str
        What was done to the pixels, in the order it was done.
    contents : {"standard", "subset", "unknown"}
        As in `ImageSet`.
    image_shape : tuple of int or None
        Channels, height and width; None where the inputs are no images: principal components, or features.
    """

    inputs: FloatArray
    labels: IntArray
    official_train: BoolArray
    name: str
    classes: tuple[str, ...]
    split: Split
    preprocess: tuple[str, ...]
    contents: Contents
    image_shape: tuple[int, int, int] | None = None

    def __len__(self) -> int:
        """Number of points."""
        return len(self.labels)

    @property
    def n_official_train(self) -> int:
        """How many points are official training images."""
        return int(np.count_nonzero(self.official_train))

    def as_images(self) -> FloatArray:
        """The inputs as images, (points, channels, height, width): what convolutions need. A read-only view.

        Raises
        ------
        ValueError
            If the inputs are principal components, or features that were no images in the first place.
        """
        if self.image_shape is None:
            reduced = any(step.startswith("pca:") for step in self.preprocess)
            raise ValueError(
                f"the inputs of {self.name} are no images but "
                + ("principal components: ask for none" if reduced else f"{self.inputs.shape[1]} features")
            )
        channels, height, width = self.image_shape
        # pixels lie as they were read, with the channels of each side by side
        return self.inputs.reshape(len(self), height, width, channels).transpose(0, 3, 1, 2)

    def to_dict(self) -> dict[str, Any]:
        """What the task is, without its points, ready for JSON."""
        return {
            "name": self.name,
            "contents": self.contents,
            "classes": list(self.classes),
            "points": len(self),
            "features": self.inputs.shape[1],
            "official_train": self.n_official_train,
            "split": self.split,
            "preprocess": list(self.preprocess),
        }


def _known_class(text: str, present: IntArray, task: str) -> int:
    number = int(text)
    if number not in present:
        raise ValueError(f"task {task!r}: class {number} is not in the data, which has {_listed(present)}")
    return number


def _listed(present: IntArray) -> str:
    return ", ".join(map(str, present[:12])) + (", ..." if len(present) > 12 else "")


def _labelled(digits: IntArray, task: str) -> tuple[IntArray, IntArray, tuple[str, ...]]:
    """Indices of the points that take part, their labels, and what these mean."""
    present = np.unique(digits)
    everyone = np.arange(len(digits))
    if task == "parity":
        return everyone, np.where(digits % 2 == 1, 1, -1), ("even", "odd")
    if task == "digits":
        names = tuple(map(str, present))
        numbers = np.searchsorted(present, digits)
        return everyone, 2 * numbers - 1 if len(present) == 2 else numbers, names
    if match := re.fullmatch(r"(-?\d+)-(-?\d+)", task):
        first, second = (_known_class(text, present, task) for text in match.groups())
        if first == second:
            raise ValueError(f"task {task!r} needs two different classes")
        chosen = np.flatnonzero((digits == first) | (digits == second))
        return chosen, np.where(digits[chosen] == first, 1, -1), (str(second), str(first))
    if match := re.fullmatch(r"one-vs-rest:(-?\d+)", task):
        one = _known_class(match.group(1), present, task)
        return everyone, np.where(digits == one, 1, -1), ("rest", str(one))
    raise ValueError(f"unknown task {task!r}: use {_TASKS}")


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    # (height, width), or channels last; channels first, or a volume, would have the larger side at the end
    if len(shape) == 2:
        return (1, *shape)
    if len(shape) == 3 and shape[2] <= min(shape[:2]):
        return (shape[2], *shape[:2])
    return None


def classification_task(
    images: ImageSet,
    task: str,
    *,
    preprocess: str = "center",
    components: int | None = None,
    split: Split = "random",
    rng: np.random.Generator | int | None = None,
) -> ClassificationTask:
    """Make a classification task of labelled images.

    Parameters
    ----------
    images : ImageSet
        Pixels of shape (points, height, width) or (points, height, width, channels), or features.
    task : str
        ``"parity"`` (odd is +1), ``"3-8"`` (the first class named is +1; other images are left out),
        ``"one-vs-rest:3"`` (the class named is +1) or ``"digits"`` (all classes, in the order of their
        numbers; the larger is +1 where there are two).
    preprocess : str
        ``"none"``, ``"center"``, ``"unit-norm"`` or ``"center+unit-norm"``. Bytes are divided by 255
        first. ``center`` subtracts the mean input, which is taken over all points of the task (training,
        held-out and unused ones, without their labels), so that inputs do not depend on the split;
        ``unit-norm`` then scales every input to length 1.
    components : int, optional
        Keep this many principal components (of all points of the task, about their mean), between
        centring and scaling.
    split : {"random", "official"}
        Whether the official training and test images are pooled, or kept apart by `split_points`.
    rng : numpy.random.Generator, int or None
        Puts the points in random order, so that any run of them is a random sample; with ``"official"``
        all training points still come before all test points.

    Returns
    -------
    ClassificationTask

    Raises
    ------
    ValueError
        If the task or a step is not known, a class named is not in the data, all labels come out equal,
        or `components` is out of range.

    Examples
    --------
    >>> from genlaws.empirical import load_images
    >>> task = classification_task(load_images("mnist5k"), "3-8", rng=0)
    >>> task.inputs.shape, task.classes
    ((1200, 784), ('8', '3'))
    """
    if split not in ("random", "official"):
        raise ValueError(f"split must be 'random' or 'official', got {split!r}")
    steps = preprocessing_steps(preprocess)
    chosen, labels, classes = _labelled(images.labels, task)
    if len(np.unique(labels)) < 2:
        raise ValueError(f"task {task!r}: the labels of {images.name} are all of one class")

    order = np.random.default_rng(rng).permutation(len(chosen))
    official_train = chosen < images.n_official_train
    if split == "official":
        order = order[np.argsort(~official_train[order], kind="stable")]
    chosen, labels, official_train = chosen[order], labels[order], official_train[order]
    inputs, done = preprocessed(images.images[chosen], steps, components)
    labels = labels.astype(np.int64)
    for array in (inputs, labels, official_train):
        array.setflags(write=False)
    return ClassificationTask(
        inputs=inputs,
        labels=labels,
        official_train=official_train,
        name=f"{images.name}/{task}",
        classes=classes,
        split=split,
        preprocess=done,
        contents=images.contents,
        image_shape=None if components is not None else _image_shape(images.images.shape[1:]),
    )


def split_points(
    task: ClassificationTask,
    *,
    training: int,
    heldout: int = 0,
    rng: np.random.Generator | int | None = None,
) -> PointSplit:
    """Choose disjoint training and held-out points at random.

    Parameters
    ----------
    task : ClassificationTask
        With ``split="official"`` training points come from the official training images and held-out
        points from the official test images, otherwise both from all points.
    training, heldout : int
        How many of each; at least 1 and at least 0.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    PointSplit
        The first n training points are a random sample for every n.

    Raises
    ------
    ValueError
        If a number is out of range, or more points are asked for than there are.
    """
    if training < 1:
        raise ValueError(f"training must be at least 1, got {training}")
    if heldout < 0:
        raise ValueError(f"heldout must be at least 0, got {heldout}")
    generator = np.random.default_rng(rng)
    if task.split == "random":
        if training + heldout > len(task):
            raise ValueError(
                f"training + heldout must be at most {len(task)}, the points of {task.name}, "
                f"got {training} + {heldout}"
            )
        order = generator.permutation(len(task))
        return PointSplit(training=order[:training], heldout=order[training : training + heldout])

    chosen = []
    for name, wanted, official in [("training", training, True), ("heldout", heldout, False)]:
        points = np.flatnonzero(task.official_train == official)
        if wanted > len(points):
            part = "training" if official else "test"
            limit = f"{len(points)}, the official {part} images of {task.name}"
            raise ValueError(f"{name} must be at most {limit}, got {wanted}")
        chosen.append(generator.permutation(points)[:wanted])
    return PointSplit(training=chosen[0], heldout=chosen[1])
