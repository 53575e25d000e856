"""Xiao et al.: up to which depth networks train, up to which they generalize (C4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from genlaws.simulate.measurement import Source
from genlaws.theory import EqualWithinMargin, LowerBound, Ordering, PowerLaw

from ..claim import Claim, Control, Restatement
from .units import by_budget, shared_networks, shared_simulation
from .xiao_limit_readings import ACCURACIES, LIMITS
from .xiao_trained_limits import AS_TRAINED, TRAINED_LIMIT

_ORDERED = [1.0, 1.2, 1.35, 1.45, 1.55, 1.6]
_CHAOTIC = [1.84, 1.9, 2.0, 2.2, 2.5, 3.0]
_EXPONENT = 0.1  # to each side
_EXPONENT_REASON = (
    "xi grows sevenfold over the range or more, and an exponent off by 0.1 is a limit of 1.2 times as many "
    "xi at one end as at the other"
)
_FACTOR = 0.5  # in logarithms
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
    return shared_simulation(by_budget(6, 12, 24), LIMITS, name, **{"keep": 1.0, **_MAPS, **changed})


def _of_networks(name: str) -> Any:
    return shared_networks(by_budget(5, 8, 20), ACCURACIES, name, **_NETWORKS)


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
        band_reason=_EXPONENT_REASON,
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
        band_reason=_EXPONENT_REASON,
        x_range=(2.4, 19.7),
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
        band_reason=_EXPONENT_REASON,
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
        band_reason=(
            "about eight is read as 8 times or over a factor of 1.65: the notebook lays curves over maps, "
            "and prints no fit"
        ),
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
        band_reason=(
            "one-sided: accuracy 1 and chance are 0.9 apart for ten classes and 0.75 for four; 0.6 leaves "
            "room for the few answers that are not yet lost"
        ),
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
                band_reason=(
                    "one-sided: of ten classes 0.9 is all there is; what one network answers has its random "
                    "start in it, which buries the rest sooner than in the mean over networks"
                ),
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
        band_reason=(
            "one-sided: to generalize has no size in the paper, and half of the lead that can be had is "
            "chosen here"
        ),
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
