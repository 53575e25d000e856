"""Limits of depth as maps of kernels and of networks show them: what claims on them read (C4)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genlaws.empirical import ClassificationTask, ImageSet, classification_task
from genlaws.simulate import Measurement
from genlaws.theory.mean_field import MeanField

from ..claim import Readings, Settings, SharedWork
from .image_families import component_task
from .units import rows

if TYPE_CHECKING:
    from genlaws.empirical import PhaseMap

FloatArray = NDArray[np.float64]

_BIAS_VARIANCE = 0.18
_HALF = 0.5  # training loss at which training counts as lost, over that of the labels' mean
# the same on held-out points: predictions explain a tenth, a hundredth, a ten-thousandth
_TENTH, _HUNDREDTH, _MYRIADTH = 0.9, 0.99, 0.9999
_SCALES, _LIMIT = "depth over xi", "limit in layers of weights"


def _scale(weight_variance: float) -> float:
    """xi_1 in the ordered phase, xi_* in the chaotic one."""
    field = MeanField(weight_variance=weight_variance, bias_variance=_BIAS_VARIANCE)
    return field.trainability_depth if field.phase == "ordered" else field.generalization_depth


def _grid(deepest: int) -> list[int]:
    return sorted({round(depth) for depth in np.geomspace(1, deepest, 40)})


def drawn_task(settings: Settings, rng: np.random.Generator) -> ClassificationTask:
    """By turns the ten digits, and random inputs whose class is the largest output of a linear teacher."""
    if settings["inputs"][settings["replicate"] % len(settings["inputs"])] == "images":
        return component_task(settings["data"], "digits", None)
    inputs = rng.standard_normal((settings["training"] + settings["heldout"], settings["dimension"]))
    teacher = rng.standard_normal((settings["dimension"], settings["classes"]))
    images = ImageSet.from_arrays(inputs, (inputs @ teacher).argmax(axis=1), name="teacher")
    return classification_task(images, "digits", preprocess="none", rng=rng)


def _by_multiple(
    settings: Settings, made: PhaseMap, measure: str, multiples: str, reference: FloatArray
) -> Measurement:
    # A measure after the last number of steps, at the first depths of as many scales as the settings name so,
    # beside a reference of shape (variances, depths, times).
    places = settings[multiples]
    wanted = np.multiply.outer([_scale(v) for v in made.weight_variances], places)
    at = (np.arange(len(wanted))[:, None], np.searchsorted(made.depths, wanted), -1)
    return rows(
        settings,
        np.tile(places, len(wanted)),
        getattr(made, measure)[at].ravel(),
        reference=reference[at].ravel(),
        x_label=_SCALES,
        y_label=measure.replace("_", " "),
    )


def _share_of_known(settings: Settings, shallow: PhaseMap, made: PhaseMap) -> FloatArray:
    # chance, and above it a share of the lead of the first map's shallowest: what can be known at all
    known = (shallow.test_accuracy[:, 0] - shallow.chance).mean(axis=0)
    return np.broadcast_to(made.chance + settings["share"] * known, made.test_accuracy.shape)


def measure_limits(settings: Settings, rng: np.random.Generator) -> Readings:
    """Maps of kernel regression in the ordered and the chaotic phase, and what they show of both limits."""
    from genlaws.empirical import kernel_phase_map

    task = drawn_task(settings, rng)
    seed, deepest = int(rng.integers(2**31)), settings["deepest"]
    maps = {
        phase: kernel_phase_map(
            task,
            bias_variance=_BIAS_VARIANCE,
            weight_variances=settings[phase],
            depths=_grid(deepest),
            steps=settings["steps"],
            training=settings["training"],
            heldout=settings["heldout"],
            keep=settings["keep"],
            rng=seed,
        )
        for phase in ("ordered", "chaotic")
    }
    chaotic, ordered = maps["chaotic"], maps["ordered"]
    scales = {phase: np.array([_scale(v) for v in settings[phase]]) for phase in maps}

    # (variances, times); what does not end has the deepest networks as its limit
    trained, always = (
        np.minimum(made.depth_limits("train_loss", _HALF), deepest) for made in (ordered, chaotic)
    )
    almost, generalized, wholly = (
        np.minimum(chaotic.depth_limits("test_loss", level), deepest)
        for level in (_TENTH, _HUNDREDTH, _MYRIADTH)
    )

    def limits(phase: str, values: FloatArray) -> Measurement:
        return rows(settings, scales[phase], values[:, -1], x_label="depth scale xi", y_label=_LIMIT)

    def overlay(time: int) -> Measurement:
        return rows(
            settings,
            [*settings["ordered"], *settings["chaotic"]],
            np.concatenate([trained[:, time], generalized[:, time]]),
            reference=8.0 * np.concatenate([scales["ordered"], scales["chaotic"]]),
            x_label="weight variance",
            y_label=_LIMIT,
        )

    return {
        "training": limits("ordered", trained),
        "training where it is chaotic": limits("chaotic", always),
        "generalization": limits("chaotic", generalized),
        "generalization, shallow": limits("chaotic", almost),
        "fading": limits("chaotic", wholly - generalized),
        "eight scales": overlay(-1),
        "eight scales, early": overlay(0),
        "memorized": _by_multiple(settings, chaotic, "train_accuracy", "far", chaotic.test_accuracy),
        "memorized, shallow": _by_multiple(
            settings, chaotic, "train_accuracy", "shallow", chaotic.test_accuracy
        ),
        "generalizing": _by_multiple(
            settings, ordered, "test_accuracy", "near", _share_of_known(settings, ordered, ordered)
        ),
        "generalizing where it is chaotic": _by_multiple(
            settings, chaotic, "test_accuracy", "near", _share_of_known(settings, ordered, chaotic)
        ),
    }


def measure_network_accuracies(settings: Settings, rng: np.random.Generator) -> Readings:
    """Accuracies of trained networks of one weight variance in each phase, at multiples of its scale."""
    from genlaws.empirical import network_phase_map

    task = drawn_task(settings, rng)
    seed = int(rng.integers(2**31))
    scales = {phase: _scale(settings[phase][0]) for phase in ("ordered", "chaotic")}
    far = [math.ceil(multiple * scales["chaotic"]) for multiple in settings["far"]]
    chaotic, ordered = (
        network_phase_map(
            task,
            bias_variance=_BIAS_VARIANCE,
            weight_variances=settings[phase],
            depths=sorted({2, *far, *(math.ceil(multiple * scales[phase]) for multiple in settings["near"])}),
            steps=[settings["steps"]],
            training=settings["training"],
            heldout=settings["heldout"],
            width=settings["width"],
            rng=seed,
            device=settings["device"],
        )
        for phase in ("chaotic", "ordered")
    )
    as_deep = np.isin(ordered.depths, far)
    return {
        "memorized": _by_multiple(settings, chaotic, "train_accuracy", "far", chaotic.test_accuracy),
        "memorized where it is ordered": rows(
            settings,
            settings["far"],
            ordered.train_accuracy[0, as_deep, -1],
            reference=ordered.test_accuracy[0, as_deep, -1],
            x_label=_SCALES,
            y_label="train accuracy",
        ),
        "generalizing": _by_multiple(
            settings, ordered, "test_accuracy", "near", _share_of_known(settings, ordered, ordered)
        ),
        "generalizing where it is chaotic": _by_multiple(
            settings, chaotic, "test_accuracy", "near", _share_of_known(settings, ordered, chaotic)
        ),
    }


LIMITS = SharedWork("limits of depth", measure_limits, revision=2)
ACCURACIES = SharedWork("accuracies of deep networks", measure_network_accuracies)
