"""Geiger et al.: how the jamming threshold grows with the examples, and what it depends on (B8, B13)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from genlaws.simulate.measurement import Source
from genlaws.theory import Constant, EqualWithinMargin, LowerBound, Ordering, PowerLaw

from ..claim import Claim, Control, Published, Restatement
from .jamming_thresholds import DEPTHS, LIMIT, THRESHOLDS, measure_dynamics
from .units import by_budget, on_networks, shared_networks, shared_simulation, simulated

_LINEAR = (0.9, 1.1)  # of P in N; beyond it growth counts as another
_SAME_DEPTH = 0.25  # in the logarithm of P/N
_DYNAMICS = 0.2  # in the logarithm of a threshold

_TRAINED: dict[str, Any] = {"rate": 0.01, "resolution": by_budget(0.1, 0.05, 0.03)}
_EARLY: dict[str, Any] = {**_TRAINED, "steps": 100}
_AT_ONCE: dict[str, Any] = {"steps": 10, "between": [0.015, 2.0]}
ON_SPHERES: dict[str, Any] = {
    **_TRAINED,
    "steps": by_budget(3000, 30_000, 100_000),
    "networks": by_budget(
        [[10, 12, 1], [10, 24, 1]],
        [[10, 12, 1], [10, 24, 1], [10, 36, 1]],
        [[10, 12, 1], [10, 24, 1], [10, 36, 1], [10, 48, 1]],
    ),
    "between": [1.2, 4.0],
}
"""Settings of networks on points of a sphere with random labels."""
_POOLED: dict[str, Any] = {**ON_SPHERES, "pool": by_budget(800, 1200, 1600), "between": [1.2, 8.0]}
SPHERES_STOPPED: dict[str, Any] = {**ON_SPHERES, **_EARLY, "between": [0.05, 2.0]}
ON_IMAGES: dict[str, Any] = {
    **_TRAINED,
    "steps": by_budget(8000, 30_000, 200_000),  # images take longer to be satisfied than random points
    "data": "mnist5k",
    "task": "parity",
    "networks": by_budget(
        [[10, 8, 1], [10, 16, 1]],
        [[10, 8, 1], [10, 12, 1], [10, 16, 1]],
        [[10, 8, 1], [10, 12, 1], [10, 16, 1], [10, 24, 1]],
    ),
    "between": [1.0, 15.0],
}
"""Settings of networks on images."""
IMAGES_STOPPED: dict[str, Any] = {**ON_IMAGES, **_EARLY, "between": [0.05, 2.0]}
ON_SQUARES: dict[str, Any] = {
    **_TRAINED,
    "steps": by_budget(6000, 40_000, 100_000),
    "networks": by_budget([[8, 8, 1], [16, 16, 1]], [[12, 12, 1], [24, 24, 1]], [[12, 12, 1], [32, 32, 1]]),
    "between": [1.0, 4.0],
}
"""Settings of networks as wide as their input, as those of arXiv:1810.09665."""
SQUARES_STOPPED: dict[str, Any] = {**ON_SQUARES, **_EARLY, "between": [0.05, 2.0]}
_DEPTHS: dict[str, Any] = {
    **_TRAINED,
    "steps": by_budget(4000, 40_000, 100_000),
    "networks": by_budget(
        [[16, 16, 1], [11, 11, 2]],
        [[21, 21, 1], [15, 15, 2], [12, 12, 3]],
        [[28, 28, 1], [20, 20, 2], [16, 16, 3], [13, 13, 5]],
    ),
    "between": [1.0, 4.0],
}
_AT_PRINTED_SIZE: dict[str, Any] = {
    **ON_IMAGES,
    # of the full budget one hidden layer with N = 3901, which takes 60,000 images
    "networks": {**ON_IMAGES["networks"], "full": [[10, 325, 1]]},
    "between": by_budget([1.0, 15.0], [1.0, 15.0], [1.0, 17.9]),
}
REPLICATES = by_budget(5, 12, 20)
FEW = by_budget(4, 8, 12)
_PAIRS = by_budget(8, 8, 20)

_NO_RULE: Mapping[Source, str] = {"network": "random data are made, and learnt in simulation"}
_WITHIN_SPHERES, _WITHIN_IMAGES = (145.0, 289.0), (97.0, 193.0)


def _dynamics(first: str, second: str) -> dict[str, Any]:
    return {
        "rate": 0.01,
        "resolution": by_budget(0.2, 0.1, 0.05),
        "steps": by_budget(1000, 10_000, 30_000),
        "dynamics": [first, second],
    }


_SMALL: dict[str, Any] = {
    "networks": by_budget([[12, 12, 1]], [[12, 12, 1], [16, 16, 1]], [[12, 12, 1], [24, 24, 1]]),
    "between": [0.05, 4.0],
}
_SMALL_IMAGES: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "networks": by_budget([[10, 12, 1]], [[10, 12, 1], [10, 16, 1]], [[10, 12, 1], [10, 24, 1]]),
    "between": [0.05, 15.0],
}


def _slower(claim: str, first: str, second: str, names: tuple[str, str]) -> Claim:
    """The threshold of one dynamics is reached with more examples than that of another."""
    return Claim(
        id=claim,
        paper="geiger",
        where="arXiv:1810.09665: N* depends on the dynamics, and drifts with its time",
        statement=(
            f"Where networks jam depends on the dynamics: in as many steps {names[0]} satisfies more "
            f"examples than {names[1]}."
        ),
        prediction=f"ln of the ratio of the thresholds P/N above {_DYNAMICS}, at as many steps",
        law=Ordering(relative=True),
        predicted=_DYNAMICS,
        band=(_DYNAMICS, math.inf),
        band_reason=(
            "one-sided: no size is printed, and a quick run brackets the logarithm of each threshold to 0.2: "
            "smaller leads could be of the search"
        ),
        x_range=(169, 169),
        falsifier="thresholds that agree, or a lead of the other dynamics",
        control=Control(
            description=f"{names[0]} twice, on other examples from another start: it has no lead over itself",
            expected="REFUTED",
            experiments=simulated(_PAIRS, measure_dynamics, **_dynamics(first, first), **_SMALL)
            | on_networks(_PAIRS, measure_dynamics, **_dynamics(first, first), **_SMALL_IMAGES),
        ),
        experiments=simulated(_PAIRS, measure_dynamics, **_dynamics(first, second), **_SMALL)
        | on_networks(_PAIRS, measure_dynamics, **_dynamics(first, second), **_SMALL_IMAGES),
        restated={"network": Restatement(x_range=(145, 145))},
    )


CLAIMS = (
    Claim(
        id="B8a",
        paper="geiger",
        where="arXiv:1810.09665, N*(P) of random data",
        statement="On random data the parameters that P examples need to be satisfied are proportional to P.",
        prediction="P at the threshold grows like N to the power 1, in a band of 0.1 to each side",
        law=PowerLaw(exponent=1.0),
        predicted=1.0,
        band=_LINEAR,
        band_reason=(
            "sizes no more than double over the range, and P/N still drifts as one over the width: an "
            "exponent off by 0.1 is a P/N that changes by 7 %"
        ),
        x_range=_WITHIN_SPHERES,
        falsifier="an exponent outside the band",
        control=Control(
            description=(
                "examples drawn with repetition from a finite pool of points: those that repeat ask for no "
                "parameters, and P grows faster than N"
            ),
            expected="REFUTED",
            experiments=shared_simulation(FEW, THRESHOLDS, "examples", **_POOLED),
        ),
        experiments=shared_simulation(REPLICATES, THRESHOLDS, "examples", **ON_SPHERES),
        not_applicable=_NO_RULE,
    ),
    Claim(
        id="B8b",
        paper="geiger",
        where="arXiv:1810.09665, N*(P) of MNIST: sub-linear or saturating",
        statement="On images the parameters that P examples need to be satisfied grow more slowly than P.",
        prediction=(
            "P at the threshold grows with an exponent in N above 1.1, so that N* has one in P below 0.91; a "
            "slope of N* near 0.7 was read off the figure"
        ),
        law=PowerLaw(exponent=1.4),
        predicted=_LINEAR[1],
        band=(_LINEAR[1], math.inf),
        band_reason=(
            "one-sided, from the end of the band in which B8a counts growth as proportional; a slope of N* "
            "near 0.7, as read off, is 1.4 for P in N"
        ),
        x_range=_WITHIN_IMAGES,
        falsifier="an exponent of 1.1 or less",
        control=Control(
            description="the same images with labels drawn at random, which follow no rule: an exponent of 1",
            expected="REFUTED",
            experiments=shared_networks(FEW, THRESHOLDS, "examples", **ON_IMAGES, labels="random"),
        ),
        experiments=shared_networks(REPLICATES, THRESHOLDS, "examples", **ON_IMAGES),
        not_applicable={"simulation": "the claim is about images; B8a is about random data"},
    ),
    Claim(
        id="B8c",
        paper="geiger",
        where="arXiv:1810.09665, Eq. 12 with C0 = 1/2 and cusps: N* at most 4 P for ReLU networks",
        statement="ReLU networks satisfy their examples with at most four parameters for each.",
        prediction="P/N at the threshold is at least 1/4",
        law=LowerBound(),
        predicted=0.0,
        band=(0.0, math.inf),
        band_reason=(
            "one-sided: theory has a least number of examples for each parameter, and more keeps the claim"
        ),
        x_range=_WITHIN_SPHERES,
        falsifier="networks of trained-out dynamics that jam at fewer examples than N/4",
        control=Control(
            description="training stopped after ten steps, when hardly an example is satisfied",
            expected="REFUTED",
            experiments=shared_simulation(
                FEW, THRESHOLDS, "examples per parameter", **{**ON_SPHERES, **_AT_ONCE}
            )
            | shared_networks(FEW, THRESHOLDS, "examples per parameter", **{**ON_IMAGES, **_AT_ONCE}),
        ),
        experiments=shared_simulation(REPLICATES, THRESHOLDS, "examples per parameter", **ON_SPHERES)
        | shared_networks(REPLICATES, THRESHOLDS, "examples per parameter", **ON_IMAGES),
        restated={"network": Restatement(x_range=_WITHIN_IMAGES)},
    ),
    Claim(
        id="B8d",
        paper="geiger",
        where="arXiv:1810.09665, N*(P) of random data for several depths",
        statement="On random data the threshold does not depend on the depth of the networks.",
        prediction=f"ln of P/N at the threshold within {_SAME_DEPTH} of that of one layer, at nearly equal N",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-_SAME_DEPTH, _SAME_DEPTH),
        band_reason=(
            "half of what counting neurons in place of parameters would change, which is more than 0.5 in "
            "the logarithm"
        ),
        x_range=(2, 3),
        falsifier="a depth at which P/N at the threshold is another",
        control=Control(
            description="the same thresholds counted by neurons, of which deep networks have fewer",
            expected="REFUTED",
            experiments=shared_simulation(FEW, DEPTHS, "per neuron", **_DEPTHS),
        ),
        experiments=shared_simulation(FEW, DEPTHS, "per parameter", **_DEPTHS),
        not_applicable=_NO_RULE,
    ),
    Claim(
        id="B8e",
        paper="geiger",
        where="arXiv:1810.09665: P/N in [2.8, 2.9] at the transition of random data, N near 8000",
        statement="On random data networks jam at 2.8 to 2.9 examples for each parameter.",
        prediction=(
            "P/N = 2.85 within 10 %, drawn out linearly in 1 / width from two sizes as wide as their inputs; "
            "for one hidden layer, where the paper has 2, 3 and 5"
        ),
        law=Constant(value=2.85),
        predicted=2.85,
        band=(0.9 * 2.85, 1.1 * 2.85),
        band_reason=(
            "the paper's own 2.8 to 2.9 is 2 % to each side; the rest is for one hidden layer in place of "
            "its 2, 3 and 5, and for a limit drawn out from two sizes"
        ),
        x_range=(0, 0),
        falsifier="another limit, with training so long that the thresholds do not move any more",
        control=Control(
            description="training stopped after a hundred steps, long before the threshold is reached",
            expected="REFUTED",
            experiments=shared_simulation(FEW, LIMIT, "limit", **SQUARES_STOPPED),
        ),
        experiments=shared_simulation(REPLICATES, LIMIT, "limit", **ON_SQUARES),
        not_applicable=_NO_RULE,
        published=tuple(
            Published(f"{end} P/N at the transition", value, "arXiv:1810.09665, random data")
            for end, value in (("smallest", 2.8), ("largest", 2.9))
        ),
    ),
    Claim(
        id="B8f",
        paper="geiger",
        where="arXiv:1810.09665: transition on MNIST, ten principal components, at P/N about 15 for N = 3900",
        statement="On images networks jam at about 15 examples for each parameter.",
        prediction=(
            "P/N = 15 within 20 % at N = 3900; B8b has it grow with N, so that smaller networks do not decide"
        ),
        law=Constant(value=15.0),
        predicted=15.0,
        band=(0.8 * 15.0, 1.2 * 15.0),
        band_reason=(
            "about 15 is all that is printed, and thresholds drift with the time of training: a fifth to "
            "each side, far from the 2.5 of labels at random"
        ),
        x_range=(3901, 3901),
        falsifier="another ratio at that size",
        control=Control(
            description="the same images with labels drawn at random, which follow no rule: P/N near 2.5",
            expected="REFUTED",
            experiments=shared_networks(
                FEW, THRESHOLDS, "examples per parameter", **_AT_PRINTED_SIZE, labels="random"
            ),
        ),
        experiments=shared_networks(REPLICATES, THRESHOLDS, "examples per parameter", **_AT_PRINTED_SIZE),
        not_applicable={"simulation": "the claim is about images; B8e is about random data"},
    ),
    _slower("B13a", "adam", "gd", ("Adam", "gradient descent")),
    _slower("B13b", "fire", "gd", ("FIRE", "gradient descent")),
)
