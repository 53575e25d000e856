"""`ClassificationTask`: images made into inputs and labels for one question, and ways to split its points."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from .contents import Contents
from .images import ImageSet

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Split = Literal["random", "official"]

_TASKS = "parity, digits, A-B such as 3-8, or one-vs-rest:A"
_PREPROCESS = ("none", "center", "unit-norm")


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
    """

    inputs: FloatArray
    labels: IntArray
    official_train: BoolArray
    name: str
    classes: tuple[str, ...]
    split: Split
    preprocess: tuple[str, ...]
    contents: Contents

    def __len__(self) -> int:
        """Number of points."""
        return len(self.labels)

    @property
    def n_official_train(self) -> int:
        """How many points are official training images."""
        return int(np.count_nonzero(self.official_train))

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


def _steps(preprocess: str) -> tuple[str, ...]:
    steps = tuple(step.strip() for step in re.split(r"[+,]", preprocess))
    for step in steps:
        if step not in _PREPROCESS:
            raise ValueError(f"unknown preprocess {step!r}: use {', '.join(_PREPROCESS)} or center+unit-norm")
    if len(set(steps)) < len(steps) or ("none" in steps and len(steps) > 1):
        raise ValueError(f"preprocess {preprocess!r} names a step twice, or none beside another")
    # one fixed order, whatever the order they are named in
    return tuple(step for step in _PREPROCESS[1:] if step in steps)


def _principal_components(centred: FloatArray, components: int) -> FloatArray:
    points, features = centred.shape
    if not 1 <= components <= min(points, features):
        raise ValueError(
            f"components must lie in 1 to {min(points, features)} (points, features), got {components}"
        )
    # right singular vectors of the inputs, or where points are many, eigenvectors of their small Gram matrix
    if points <= features:
        directions = np.linalg.svd(centred, full_matrices=False)[2][:components]
    else:
        last = (features - components, features - 1)
        directions = linalg.eigh(centred.T @ centred, subset_by_index=last)[1].T[::-1]
    # a direction's sign is free: the largest entry positive makes it one and the same everywhere
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    scores: FloatArray = centred @ (directions * np.where(largest < 0.0, -1.0, 1.0)).T
    return scores


def _as_inputs(
    images: NDArray[Any], steps: tuple[str, ...], components: int | None
) -> tuple[FloatArray, tuple[str, ...]]:
    """The inputs, and what was done to make them."""
    done = []
    inputs: FloatArray = images.reshape(len(images), -1).astype(np.float64)
    if images.dtype == np.uint8:
        inputs /= 255.0
        done.append("scale:255")
    if "center" in steps:
        inputs -= inputs.mean(axis=0)
        done.append("center")
    if components is not None:
        inputs = _principal_components(
            inputs if "center" in steps else inputs - inputs.mean(axis=0), components
        )
        done.append(f"pca:{components}")
    if "unit-norm" in steps:
        norms = np.linalg.norm(inputs, axis=1, keepdims=True)
        # an image without any contrast has no direction and stays where it is
        np.divide(inputs, norms, out=inputs, where=norms > 0.0)
        done.append("unit-norm")
    return inputs, tuple(done)


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
    steps = _steps(preprocess)
    chosen, labels, classes = _labelled(images.labels, task)
    if len(np.unique(labels)) < 2:
        raise ValueError(f"task {task!r}: the labels of {images.name} are all of one class")

    order = np.random.default_rng(rng).permutation(len(chosen))
    official_train = chosen < images.n_official_train
    if split == "official":
        order = order[np.argsort(~official_train[order], kind="stable")]
    chosen, labels, official_train = chosen[order], labels[order], official_train[order]
    inputs, done = _as_inputs(images.images[chosen], steps, components)
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
