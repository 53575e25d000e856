"""Classifiers on images as the settings of a unit of work name them: networks of infinite or finite width."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from genlaws.empirical import ClassificationTask, classification_task, load_images, split_points
from genlaws.simulate import ClassifierFamily, GaussianProcess, arc_cosine_covariance

from ..claim import Settings

if TYPE_CHECKING:
    from genlaws.empirical.networks import Network


def image_network(settings: Settings, task: ClassificationTask) -> Network:
    """Networks of the architecture `arch` on the inputs of a task, with the default normal prior.

    Units are those of `activation`, where the settings name one. Convolutions are given the inputs as images;
    of more than two classes each has an output.
    """
    from genlaws.empirical.architectures import parse_architecture
    from genlaws.empirical.networks import Network
    from genlaws.empirical.priors import Prior

    architecture = parse_architecture(
        settings["arch"], activation=settings.get("activation", "relu"), bias=settings.get("bias", True)
    )
    inputs = task.as_images() if architecture.convolutions else task.inputs
    outputs = len(task.classes) if len(task.classes) > 2 else 1
    return Network(architecture, Prior(), inputs.shape[1:], outputs=outputs)


def _taught(settings: Settings, task: ClassificationTask, rng: np.random.Generator) -> ClassificationTask:
    # labels of a network of the family itself: separable whatever the images
    from genlaws.empirical.teachers import teacher_labels

    labels = teacher_labels(image_network(settings, task), task.inputs, rng=rng)
    return replace(task, labels=labels, name=f"{task.name}/teacher", classes=("-1", "+1"))


def image_task(settings: Settings, rng: np.random.Generator) -> ClassificationTask:
    """The points of one unit of work, in random order.

    Settings name the images (`data`), the question (`task`), the number of principal components, if any
    (`components`), and whether a network drawn from the prior gives the labels (``labels: teacher``).
    """
    task = classification_task(
        load_images(settings["data"]),
        settings["task"],
        preprocess="center",
        components=settings.get("components"),
        rng=rng,
    )
    return _taught(settings, task, rng) if settings.get("labels") == "teacher" else task


@functools.cache
def component_task(data: str, task: str, components: int | None) -> ClassificationTask:
    """The same images, by their first principal components if any, in one order, made once in each process.

    The components of all images take longer than many units of work.
    """
    return classification_task(load_images(data), task, components=components, rng=0)


def require_points(task: ClassificationTask, wanted: int, name: str) -> None:
    """Raise ValueError unless a task has as many points as the setting of this name wants."""
    if wanted > len(task):
        raise ValueError(f"{name} must be at most {len(task)}, the points of {task.name}, got {wanted}")


def image_family(
    settings: Settings, task: ClassificationTask, *, training: int, heldout: int, rng: np.random.Generator
) -> ClassifierFamily:
    """The family that settings name, on a training set and held-out points chosen anew.

    Parameters
    ----------
    settings : mapping
        ``family``: ``"process"`` for one hidden layer of infinite width, ``"network"`` for `arch`.
    task : ClassificationTask
    training, heldout : int
        How many points of each.
    rng : Generator
    """
    split = split_points(task, training=training, heldout=heldout, rng=rng)
    chosen = np.concatenate([split.training, split.heldout])
    inputs, labels = task.inputs[chosen], task.labels[chosen]
    first, rest = range(training), range(training, training + heldout)
    if settings["family"] == "process":
        covariance = arc_cosine_covariance(inputs, depth=2, weight_variance=2.0, bias_variance=0.01)
        return GaussianProcess(covariance, labels, training=first, heldout=rest)

    from genlaws.empirical.network_family import NetworkFamily

    network = image_network(settings, task)
    return NetworkFamily(network, inputs, labels, training=first, heldout=rest, device=settings["device"])
