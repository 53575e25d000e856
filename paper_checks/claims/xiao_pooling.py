"""Xiao et al.: what averaging over places does to trainability and generalization (C5c-C5g, C8b)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from genlaws.simulate.measurement import Source
from genlaws.theory import EqualWithinMargin, Ordering, PowerLaw

from ..claim import AnyExperiment, Budget, Claim, Control, Restatement
from .convolution_readings import DRAWN, IMAGES, POOLING
from .units import NETWORKS_COME_LATER, by_budget, shared_networks, shared_simulation
from .xiao_kernels import CRITICAL

# readings of the shared work
_FACTOR = "condition number, pooled over flattened"
_EXCESS = "condition number less 1, pooled"
_LIMIT, _FLAT_LIMIT = "condition number, pooled", "condition number, flattened"
_TIMES_D = "mean predictor, pooled"
_GAIN = "mean predictor, pooled against flattened"

_TEXTURES: dict[str, Any] = {**IMAGES, "inputs": "textures", "channels": 256}
_PLAIN: dict[str, Any] = {**_TEXTURES, "inputs": "plain"}
_ORDERED: dict[str, Any] = {
    "points": 8,
    "tested": 0,
    "sides": [3, 4, 8, 9],
    "weight_variance": 1.0,
    "depth": 16,  # 5 xi_1
}
_CRITICAL: dict[str, Any] = {
    "points": 8,
    "tested": 6,
    "sides": by_budget([4, 6], [4, 6, 8], [4, 6, 8]),
    "weight_variance": CRITICAL,
    "depth": by_budget(160, 320, 640),
}
# corrections of 1/l are larger for textures
_DEEPER: dict[str, Any] = {
    **_CRITICAL,
    "sides": by_budget([3, 4], [3, 4], [3, 4, 6]),
    "depth": by_budget(256, 512, 1024),
}
_CHAOTIC: dict[str, Any] = {
    "points": 10,
    "tested": 10,
    "sides": by_budget([3, 4, 6], [3, 4, 6, 8], [3, 4, 6, 8]),
    "weight_variance": 2.5,
    "depth": 24,  # 7 xi_*
}
_NETWORK_ORDERED: dict[str, Any] = {**_ORDERED, **DRAWN, "sides": [3, 5, 8], "depth": 6, "draws": 8}
_NETWORK_CRITICAL: dict[str, Any] = {**_CRITICAL, **DRAWN, "sides": [4, 6], "depth": 16, "draws": 8}

_FEW, _MANY = by_budget(6, 12, 24), by_budget(32, 48, 64)
_DRAWS, _MORE_DRAWS = by_budget(8, 12, 20), by_budget(24, 24, 32)


def _limits(
    reading: str, *settings: Mapping[str, Any], replicates: Mapping[Budget, int] = _FEW
) -> dict[Source, AnyExperiment]:
    merged = {name: value for group in settings for name, value in group.items()}
    return shared_simulation(replicates, POOLING, reading, **merged)


def _networks(
    reading: str, *settings: Mapping[str, Any], replicates: Mapping[Budget, int] = _DRAWS
) -> dict[Source, AnyExperiment]:
    merged = {name: value for group in settings for name, value in group.items()}
    return shared_networks(replicates, POOLING, reading, **merged)


# Of m points whose kernel is b 1 + a 11^T up to small deviations D, the mean predictor on labels of mean 0 is
# D Y / b. Pooling divides b by d. It leaves D where all places of two images are related alike, but takes the
# mean of d unrelated deviations otherwise, so that a factor of the order of root d is left (derived here). As
# an upper bound, d O(.) stands.
_ALIKE = (
    "textures of one colour each: any two places of two images are related as any others, the average loses "
    "nothing of the relation, and the factor is d"
)
_NEAR_D = (
    "places that are unrelated would give root d (derived), a factor of 3 or more below d from nine places "
    "on: 1.5 either way is less than half of the way to it in logarithms"
)

CLAIMS = (
    Claim(
        id="C5c",
        paper="xiao",
        where="arXiv:1912.13053, Table 1",
        statement=(
            "In the ordered phase, pooling over d places multiplies the condition number in proportion to d."
        ),
        prediction="pooled over flattened, it grows as d^1; the constant is left open",
        law=PowerLaw(exponent=1.0),
        predicted=1.0,
        band=(0.8, 1.2),
        band_reason=(
            "the number of places grows ninefold: an exponent off by 0.2 is a factor of 1.6 over that, as "
            "much as condition numbers of different images differ by"
        ),
        x_range=(9, 81),
        falsifier="an exponent of the factor in the number of places that differs from 1 by more than 0.2",
        control=Control(
            description=(
                "textures, of one colour with noise at each place: what tells them apart survives averaging, "
                "and the factor does not grow with d"
            ),
            expected="REFUTED",
            experiments=_limits(_FACTOR, _TEXTURES, _ORDERED)
            | _networks(_FACTOR, _TEXTURES, _NETWORK_ORDERED),
        ),
        experiments=_limits(_FACTOR, IMAGES, _ORDERED, replicates=_MANY)
        | _networks(_FACTOR, IMAGES, _NETWORK_ORDERED, replicates=_MORE_DRAWS),
        restated={
            "network": Restatement(
                prediction="the same of finite networks of depth 6, whose kernels are averaged over draws",
                x_range=(9, 64),
            )
        },
    ),
    Claim(
        id="C5d",
        paper="xiao",
        where="arXiv:1912.13053, Table 1",
        statement="On the critical line, pooling over d places multiplies the condition number by about d.",
        prediction="kappa - 1, which is m d / 2 pooled and m / 2 flattened, is d times as large, within 10 %",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=(
            "corrections fall as 1/l, and the images of a draw differ by a few per cent at 160 layers; a "
            "tenth is far from the factor d itself"
        ),
        x_range=(16, 36),
        falsifier="a factor more than 10 % off d at any number of places",
        control=Control(
            description=(
                "textures of one colour, after 16 layers only: the places of an image still resemble each "
                "other more than those of two images do, and averaging costs less"
            ),
            expected="REFUTED",
            experiments=_limits(_EXCESS, _TEXTURES, _CRITICAL, {"depth": 16, "tested": 0}),
        ),
        experiments=_limits(_EXCESS, IMAGES, _CRITICAL),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="C5e",
        paper="xiao",
        where="arXiv:1912.13053, Table 1, the O(.) of its last row read as one function of depth for all d",
        statement="In the chaotic phase, pooling over d places multiplies the mean predictor by d.",
        prediction="what P(Theta) Y says of test points varies d times as much between them as flattened",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.4, 0.4),
        band_reason=_NEAR_D,
        x_range=(9, 36),
        falsifier="a factor more than 1.5 times below or above d at any number of places",
        control=Control(
            description=_ALIKE,
            expected="SUPPORTED",
            experiments=_limits(_TIMES_D, _TEXTURES, _CHAOTIC),
        ),
        experiments=_limits(_TIMES_D, IMAGES, _CHAOTIC),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="C5f",
        paper="xiao",
        where="arXiv:1912.13053, Table 1, the O(.) of its last row read as one function of depth for all d",
        statement="On the critical line, pooling over d places multiplies the mean predictor by d.",
        prediction="the same factor d between what pooled and flattened kernels say of test points",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.4, 0.4),
        band_reason=_NEAR_D,
        x_range=(16, 36),
        falsifier="a factor more than 1.5 times below or above d at any number of places",
        control=Control(
            description=_ALIKE,
            expected="SUPPORTED",
            experiments=_limits(_TIMES_D, _TEXTURES, _DEEPER, replicates=by_budget(4, 8, 16)),
        ),
        experiments=_limits(_TIMES_D, IMAGES, _CRITICAL),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="C5g",
        paper="xiao",
        where="arXiv:1912.13053, abstract and Table 1",
        statement="On the critical line, pooling makes the mean predictor depend more on the data.",
        prediction="what P(Theta) Y says of test points varies at least 1.25 times as much as flattened",
        law=Ordering(above=True, relative=True),
        predicted=math.log(1.25),
        band=(math.log(1.25), math.inf),
        band_reason=(
            "one-sided: more has no size in the paper, and a quarter more is chosen here as the least that "
            "counts"
        ),
        x_range=(16, 36),
        falsifier="a number of places at which pooling gains less than a quarter",
        control=Control(
            description="images of one colour everywhere: an average over places changes nothing",
            expected="REFUTED",
            experiments=_limits(_GAIN, _PLAIN, _CRITICAL, {"depth": 32})
            | _networks(_GAIN, _PLAIN, _NETWORK_CRITICAL),
        ),
        experiments=_limits(_GAIN, IMAGES, _CRITICAL) | _networks(_GAIN, IMAGES, _NETWORK_CRITICAL),
        restated={
            "network": Restatement(
                prediction="the same of finite networks of depth 16, whose kernels are averaged over draws"
            )
        },
    ),
    Claim(
        id="C8b",
        paper="xiao",
        where="arXiv:1912.13053, Table 1",
        statement="On the critical line, the condition number of pooled kernels tends to (m d + 2)/2.",
        prediction="(m d + 2)/2 for m points and d places, within 10 % at the depth of a run",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=(
            "corrections fall as 1/l, and the images of a draw differ by a few per cent at 160 layers; "
            "flattened kernels are off by the factor d"
        ),
        x_range=(16, 36),
        falsifier="a condition number more than 10 % off (m d + 2)/2 at any number of places",
        control=Control(
            description="flattened, where it tends to (m + 2)/2 whatever d",
            expected="REFUTED",
            experiments=_limits(_FLAT_LIMIT, IMAGES, _CRITICAL),
        ),
        experiments=_limits(_LIMIT, IMAGES, _CRITICAL),
        not_applicable=NETWORKS_COME_LATER,
    ),
)
