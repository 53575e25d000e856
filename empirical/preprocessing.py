"""Pixels made into inputs: scaled, centred, reduced to principal components, brought to length 1."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

FloatArray = NDArray[np.float64]

_PREPROCESS = ("none", "center", "unit-norm")


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


def preprocessing_steps(preprocess: str) -> tuple[str, ...]:
    """The steps that a word such as ``"center+unit-norm"`` names, in the one order they are done in.

    Raises
    ------
    ValueError
        If a step is unknown, named twice, or ``"none"`` stands beside another.
    """
    steps = tuple(step.strip() for step in re.split(r"[+,]", preprocess))
    for step in steps:
        if step not in _PREPROCESS:
            raise ValueError(f"unknown preprocess {step!r}: use {', '.join(_PREPROCESS)} or center+unit-norm")
    if len(set(steps)) < len(steps) or ("none" in steps and len(steps) > 1):
        raise ValueError(f"preprocess {preprocess!r} names a step twice, or none beside another")
    # one fixed order, whatever the order they are named in
    return tuple(step for step in _PREPROCESS[1:] if step in steps)


def preprocessed(
    images: NDArray[Any], steps: tuple[str, ...], components: int | None
) -> tuple[FloatArray, tuple[str, ...]]:
    """Inputs of shape (points, features) made of images, and what was done to make them.

    Bytes are divided by 255 first; `components` principal components are taken between centring and scaling.

    Raises
    ------
    ValueError
        If there are fewer points or features than `components`.
    """
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
