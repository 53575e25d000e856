"""Kernels of convolutional networks on small images, and what claims of Xiao et al. read off them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import Measurement, fully_connected_kernels
from genlaws.theory import MeanField

from ..claim import Readings, Settings, SharedWork
from .image_families import component_task, require_points
from .units import by_budget, rows
from .xiao_kernels import BIAS_VARIANCE

FloatArray = NDArray[np.float64]


def block_means(images: FloatArray, side: int) -> FloatArray:
    """Images (points, channels, height, width) made `side` by `side`: means over blocks of their middle.

    Raises ValueError if images are smaller than that.
    """
    block = min(images.shape[2:]) // side
    if block == 0:
        raise ValueError(f"side must be at most {min(images.shape[2:])}, that of the images, got {side}")
    first = [(length - block * side) // 2 for length in images.shape[2:]]
    middle = images[:, :, first[0] : first[0] + block * side, first[1] : first[1] + block * side]
    made: FloatArray = middle.reshape(*images.shape[:2], side, block, side, block).mean((3, 5))
    return made


def drawn_images(settings: Settings, side: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Images (points + tested, channels, side, side) of mean square 1, and centred labels of the first.

    ``inputs`` says of what: ``images``, a random choice of those of ``data``, less the mean image, made
    small, of which a label says which digit; ``textures``, a colour for each image and noise at each place in
    equal parts, independent in ``channels``, labelled by the colour; ``plain``, of one colour everywhere.
    """
    points, count = settings["points"], settings["points"] + settings["tested"]
    if settings["inputs"] == "images":
        task = component_task(settings["data"], "digits", None)
        require_points(task, count, "points and tested")
        chosen = rng.choice(len(task), count, replace=False)
        images = block_means(task.as_images()[chosen], side)
        labels = (task.labels[chosen[:points], None] == np.unique(task.labels)).astype(np.float64)
        images /= np.sqrt(np.mean(images**2, axis=(1, 2, 3), keepdims=True))
    else:
        colours = rng.standard_normal((count, settings["channels"], 1, 1))
        noise = 0.0 if settings["inputs"] == "plain" else 1.0
        images = colours + noise * rng.standard_normal((*colours.shape[:2], side, side))
        # all places of one length
        images /= np.sqrt(np.mean(images**2, axis=1, keepdims=True))
        # as many of one sign as of the other
        labels = np.sign(colours[:points, :1, 0, 0] - np.median(colours[:points, 0]))
    return images, labels - labels.mean(axis=0)


def _finite_kernels(
    settings: Settings,
    network: str,
    images: FloatArray,
    weight_variance: float,
    depths: list[int],
    rng: np.random.Generator,
) -> FloatArray:
    # the mean over draws: what is left of their scatter is of the order of the depth over the channels
    from genlaws.empirical.architectures import parse_architecture
    from genlaws.empirical.networks import Network
    from genlaws.empirical.priors import Prior
    from genlaws.empirical.tangent_kernel import empirical_tangent_kernel

    head = ":pool" if network == "pool" else ""
    around = ":circular" if settings["boundary"] == "circular" else ""
    kind, last = ("fc", "") if network == "dense" else ("cnn", head + around)
    made = []
    for depth in depths:
        word = f"{kind}:{depth - 1}x{settings['width']}{last}"
        drawn = Network(
            parse_architecture(word, activation="erf"),
            Prior(weight_variance=weight_variance, bias_variance=BIAS_VARIANCE),
            images.shape[1:],
        )
        weights = drawn.weights(drawn.draw(settings["draws"], rng, settings["device"]))
        kernels = empirical_tangent_kernel(drawn, weights, images).double()
        made.append(kernels.mean(dim=0).numpy(force=True))
    return np.stack(made)


def _limit_kernels(
    settings: Settings, network: str, images: FloatArray, weight_variance: float, depths: list[int]
) -> FloatArray:
    from genlaws.empirical.kernels import convolutional_kernels

    if network == "dense":
        return fully_connected_kernels(
            images.reshape(len(images), -1),
            depths=depths,
            weight_variance=weight_variance,
            bias_variance=BIAS_VARIANCE,
        ).tangent
    return convolutional_kernels(
        images,
        depths=depths,
        head="pool" if network == "pool" else "flatten",
        boundary=settings["boundary"],
        weight_variance=weight_variance,
        bias_variance=BIAS_VARIANCE,
        device="cpu",
    ).tangent


def _tangent_kernels(
    settings: Settings,
    network: str,
    images: FloatArray,
    weight_variance: float,
    depths: list[int],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    # of the training points, (depths, points, points), and between the tested ones and them; `network` is
    # "dense", or the head of a convolutional one. One symmetric kernel of all points: few are tested, and
    # every pass through the layers has its price.
    if "draws" in settings:
        kernels = _finite_kernels(settings, network, images, weight_variance, depths, rng)
    else:
        kernels = _limit_kernels(settings, network, images, weight_variance, depths)
    points = settings["points"]
    return kernels[:, :points, :points], kernels[:, points:, :points]


def condition_numbers(kernels: FloatArray) -> FloatArray:
    """Largest over smallest eigenvalue of symmetric matrices (depths, points, points), shape (depths,)."""
    values = np.linalg.eigvalsh(kernels)
    made: FloatArray = values[:, -1] / values[:, 0]
    return made


def mean_predictors(train: FloatArray, across: FloatArray, labels: FloatArray) -> FloatArray:
    """How much Theta_test,train Theta_train,train^-1 Y varies over test points, shape (depths,).

    The root mean square deviation from its mean over them: what it says of a point and not of all alike.
    """
    weights = np.linalg.solve(train, np.broadcast_to(labels, (len(train), *labels.shape)))
    made: FloatArray = np.sqrt(np.mean(np.var(across @ weights, axis=1), axis=1))
    return made


def _multiples(settings: Settings, depth_scale: float) -> list[int]:
    # with one layer at least beside the readout
    return [max(2, round(multiple * depth_scale)) for multiple in settings["multiples"]]


def _mean_field(weight_variance: float) -> MeanField:
    return MeanField("erf", weight_variance=weight_variance, bias_variance=BIAS_VARIANCE)


def _scale_rows(settings: Settings, scales: FloatArray, what: str) -> Measurement:
    # scales (2, weight variances), flattened and dense
    return rows(
        settings,
        settings["weight_variances"],
        scales[0],
        reference=scales[1],
        x_label="weight variance",
        y_label=f"depth scale of {what}",
    )


def measure_training_scale(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Depth over which l kappa grows by e, flattened, beside that of dense networks."""
    images, _ = drawn_images(settings, settings["side"], rng)
    scales = np.empty((2, len(settings["weight_variances"])))
    for k, variance in enumerate(settings["weight_variances"]):
        depths = _multiples(settings, _mean_field(variance).trainability_depth)
        for j, network in enumerate(("flatten", "dense")):
            train, _ = _tangent_kernels(settings, network, images, variance, depths, rng)
            kappa = condition_numbers(train) * depths
            scales[j, k] = (depths[1] - depths[0]) / math.log(kappa[1] / kappa[0])
    return _scale_rows(settings, scales, "the condition number")


def measure_generalization_scale(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Depth over which the mean predictor over l falls by e, flattened, beside that of dense networks."""
    images, labels = drawn_images(settings, settings["side"], rng)
    scales = np.empty((2, len(settings["weight_variances"])))
    for k, variance in enumerate(settings["weight_variances"]):
        depths = _multiples(settings, _mean_field(variance).generalization_depth)
        for j, network in enumerate(("flatten", "dense")):
            kernels = _tangent_kernels(settings, network, images, variance, depths, rng)
            predictor = mean_predictors(*kernels, labels) / depths
            scales[j, k] = (depths[1] - depths[0]) / math.log(predictor[0] / predictor[1])
    return _scale_rows(settings, scales, "the mean predictor")


def measure_pooling(settings: Settings, rng: np.random.Generator) -> Readings:
    """Condition numbers and mean predictors, pooled beside flattened, by the number of places."""
    kappa, predictor = (np.empty((2, len(settings["sides"]))) for _ in range(2))
    for k, side in enumerate(settings["sides"]):
        images, labels = drawn_images(settings, side, rng)
        for j, head in enumerate(("pool", "flatten")):
            train, across = _tangent_kernels(
                settings, head, images, settings["weight_variance"], [settings["depth"]], rng
            )
            kappa[j, k] = condition_numbers(train)[0]
            if settings["tested"]:
                predictor[j, k] = mean_predictors(train, across, labels)[0]
    places = np.array(settings["sides"], dtype=np.float64) ** 2

    def by_places(y: FloatArray, reference: FloatArray | None, y_label: str) -> Measurement:
        label = "places that are averaged d"
        return rows(settings, places, y, reference=reference, x_label=label, y_label=y_label)

    excess, limit = kappa - 1.0, 0.5 * settings["points"] * places + 1.0
    found = {
        "condition number, pooled over flattened": by_places(
            kappa[0] / kappa[1], None, "condition number, pooled over flattened"
        ),
        "condition number less 1, pooled": by_places(
            excess[0], places * excess[1], "condition number less 1"
        ),
        "condition number, pooled": by_places(kappa[0], limit, "condition number"),
        "condition number, flattened": by_places(kappa[1], limit, "condition number"),
    }
    if settings["tested"]:
        found["mean predictor, pooled"] = by_places(predictor[0], places * predictor[1], "mean predictor")
        found["mean predictor, pooled against flattened"] = by_places(
            predictor[0], predictor[1], "mean predictor"
        )
    return found


POOLING = SharedWork("kernels of convolutional networks, pooled and flattened", measure_pooling)

IMAGES: dict[str, Any] = {"inputs": "images", "data": "mnist5k", "boundary": "circular"}

# kernels of drawn networks, averaged over so many: at depths far below the width
DRAWN: dict[str, Any] = {"width": by_budget(64, 128, 192), "draws": by_budget(16, 16, 32), "points": 8}
