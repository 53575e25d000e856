"""Xiao et al.: up to which depth networks train, up to which they generalize (C4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genlaws.empirical import ClassificationTask, ImageSet, classification_task
from genlaws.simulate import Measurement
from genlaws.simulate.measurement import Source
from genlaws.theory import EqualWithinMargin, LowerBound, Ordering, PowerLaw
from genlaws.theory.mean_field import MeanField

from ..claim import Claim, Control, Readings, Restatement, Settings, SharedWork
from .image_families import component_task
from .units import by_budget, rows, shared_networks, shared_simulation
from .xiao_trained_limits import AS_TRAINED, TRAINED_LIMIT

if TYPE_CHECKING:
    from genlaws.empirical import PhaseMap

FloatArray = NDArray[np.float64]

_BIAS_VARIANCE = 0.18
_ORDERED = [1.0, 1.2, 1.35, 1.45, 1.55, 1.6]
_CHAOTIC = [1.84, 1.9, 2.0, 2.2, 2.5, 3.0]
# training loss at which training counts as lost, over that of the labels' mean
_HALF = 0.5
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


_LIMITS = SharedWork("limits of depth", measure_limits, revision=2)
_ACCURACIES = SharedWork("accuracies of deep networks", measure_network_accuracies)
_EXPONENT = 0.1  # to each side
_FACTOR = 0.5  # in logarithms
# what a single network answers has its random start in it, unlike the mean over networks
_APART, _APART_BY_ONE = 0.6, 0.8
_MAPS: dict[str, Any] = {
    "data": "mnist5k",
    "inputs": ["images", "teacher"],
    "dimension": 20,
    "classes": 4,
    "training": by_budget(96, 192, 256),
    "heldout": by_budget(400, 1000, 2000),
    "ordered": _ORDERED,
    "chaotic": _CHAOTIC,
    "deepest": 320,
    "steps": [64, 4096],  # 8^2 and 8^4
    "near": [1.0, 2.0, 4.0, 6.0],
    "far": [12.0, 16.0],
    "shallow": [1.0],
    "share": 0.5,
}
_NETWORKS: dict[str, Any] = {
    "data": "mnist5k",
    "inputs": ["images"],
    "training": by_budget(48, 64, 96),
    "heldout": 500,
    "ordered": [1.0],
    "chaotic": [3.0],
    "width": by_budget(96, 160, 256),  # five times the depth and more
    "steps": by_budget(512, 1024, 2048),
    "near": [4.0],
    "far": by_budget([8.0], [8.0, 10.0], [8.0, 10.0]),
    "share": 0.5,
}
_WHERE = "arXiv:1912.13053, the limits of trainability and generalization"
_LIMITS_MOVE: Mapping[Source, str] = {
    "network": (
        "single networks start from random outputs, which stay on points that they do not see and hide where "
        "the mean prediction ends; the limit of training is measured on networks in C4a"
    )
}


def _of_kernels(name: str, **changed: Any) -> Any:
    return shared_simulation(by_budget(6, 12, 24), _LIMITS, name, **{"keep": 1.0, **_MAPS, **changed})


def _of_networks(name: str) -> Any:
    return shared_networks(by_budget(5, 8, 20), _ACCURACIES, name, **_NETWORKS)


def _control(description: str, name: str, **changed: Any) -> Control:
    return Control(description=description, expected="REFUTED", experiments=_of_kernels(name, **changed))


CLAIMS = (
    Claim(
        id="C4a",
        paper="xiao",
        where=f"{_WHERE}: xi_1 in the ordered phase",
        statement="In the ordered phase networks train up to a depth in proportion to xi_1 = 1 / |ln chi_1|.",
        prediction=(
            "the depth at which 4096 steps leave half of the loss grows with an exponent of 1 in xi_1, in a "
            "band of 0.1 to each side"
        ),
        law=PowerLaw(exponent=1.0),
        predicted=1.0,
        band=(1.0 - _EXPONENT, 1.0 + _EXPONENT),
        x_range=(3.2, 21.9),
        falsifier="an exponent outside the band",
        control=_control(
            "dropout of a tenth of the units before the last layer: the condition number is bounded, and the "
            "deepest networks train at every weight variance",
            "training",
            keep=0.9,
            chaotic=[2.0],
        ),
        experiments=_of_kernels("training") | TRAINED_LIMIT,
        restated={"network": AS_TRAINED},
    ),
    Claim(
        id="C4b",
        paper="xiao",
        where=f"{_WHERE}: xi_* in the chaotic phase",
        statement=(
            "In the chaotic phase networks generalize up to a depth in proportion to "
            "xi_* = 1 / (ln chi_1 - ln chi_c)."
        ),
        prediction=(
            "the depth at which predictions explain no more than a hundredth of the labels' variance grows "
            "with an exponent of 1 in xi_*, in a band of 0.1 to each side"
        ),
        law=PowerLaw(exponent=1.0),
        predicted=1.0,
        band=(1.0 - _EXPONENT, 1.0 + _EXPONENT),
        x_range=(2.4, 19.7),
        # near the critical line what is explained falls as a power of the depth before it falls exponentially
        falsifier="an exponent outside the band",
        control=_control(
            "the limit of training in the same networks, of which there is none: the deepest train at every "
            "weight variance",
            "training where it is chaotic",
        ),
        experiments=_of_kernels("generalization"),
        not_applicable=_LIMITS_MOVE,
    ),
    Claim(
        id="C4c",
        paper="xiao",
        where=f"{_WHERE}: Table 1, l (chi_c / chi_1)^l in the chaotic phase",
        statement="In the chaotic phase generalization fades over depths in proportion to xi_*.",
        prediction=(
            "the depth over which what predictions explain falls from a hundredth of the labels' variance to "
            "a hundredth of that grows with an exponent of 1 in xi_*, in a band of 0.1 to each side"
        ),
        law=PowerLaw(exponent=1.0),
        predicted=1.0,
        band=(1.0 - _EXPONENT, 1.0 + _EXPONENT),
        x_range=(2.4, 19.7),
        falsifier="an exponent outside the band",
        control=_control(
            "the depth at which predictions explain a tenth, counted from the input: near the critical line "
            "what they explain falls by itself, as a power of the depth, long before xi_*",
            "generalization, shallow",
        ),
        experiments=_of_kernels("fading"),
        not_applicable=_LIMITS_MOVE,
    ),
    Claim(
        id="C4d",
        paper="xiao",
        where=f"{_WHERE}; the authors' notebook lays 8 xi_1 and 8 xi_* over its maps",
        statement="Training ends at about eight xi_1, generalization at about eight xi_*.",
        prediction=f"ln of the limits over 8 xi within {_FACTOR} of 0, on both sides of the critical line",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-_FACTOR, _FACTOR),
        x_range=(_ORDERED[0], _CHAOTIC[-1]),
        falsifier="a weight variance at which a limit is farther off",
        control=_control(
            "64 steps instead of 4096: the limit of training is one of its time, and comes far earlier",
            "eight scales, early",
        ),
        experiments=_of_kernels("eight scales"),
        not_applicable=_LIMITS_MOVE,
    ),
    Claim(
        id="C4e",
        paper="xiao",
        where=f"{_WHERE}: deep in the chaotic phase",
        statement="Far beyond xi_*, chaotic networks learn all examples and are at chance on others.",
        prediction=f"train accuracy exceeds test accuracy by more than {_APART} from 12 xi_* on",
        law=Ordering(),
        predicted=_APART,
        band=(_APART, math.inf),
        x_range=(12.0, 16.0),
        falsifier="deep chaotic networks that do not learn their examples, or that generalize",
        control=_control(
            "the same weight variances at the depth of one xi_*, where networks learn and generalize",
            "memorized, shallow",
        ),
        experiments=_of_kernels("memorized") | _of_networks("memorized"),
        restated={
            "network": Restatement(
                prediction=f"train accuracy exceeds test accuracy by more than {_APART_BY_ONE} at 8 xi_*",
                predicted=_APART_BY_ONE,
                band=(_APART_BY_ONE, math.inf),
                x_range=(8.0, 8.0),
                control=Control(
                    description="networks as deep in the ordered phase, which learn and generalize",
                    expected="REFUTED",
                    experiments=_of_networks("memorized where it is ordered"),
                ),
            )
        },
    ),
    Claim(
        id="C4f",
        paper="xiao",
        where=f"{_WHERE}: the ordered phase",
        statement="In the ordered phase networks generalize at all depths at which they train.",
        prediction="up to 6 xi_1 test accuracy keeps half of the lead over chance of linear classifiers",
        law=LowerBound(),
        predicted=0.0,
        band=(0.0, math.inf),
        x_range=(1.0, 6.0),
        falsifier="a depth at which ordered networks train, and do not generalize",
        control=_control(
            "the chaotic phase at as many xi_*, where networks train as well",
            "generalizing where it is chaotic",
        ),
        experiments=_of_kernels("generalizing") | _of_networks("generalizing"),
        restated={
            "network": Restatement(
                prediction="at 4 xi_1 it keeps half of the lead that networks of one hidden layer have",
                x_range=(4.0, 4.0),
                control=Control(
                    description="the chaotic phase at as many xi_*, where networks train as well",
                    expected="REFUTED",
                    experiments=_of_networks("generalizing where it is chaotic"),
                ),
            )
        },
    ),
)
