"""Banburski et al.: what training past zero error converges to, and by which law (D4, D9, D10)."""

from __future__ import annotations

import math
from typing import Any

from genlaws.theory import LowerBound, PowerLaw

from ..claim import Claim, Control, Settings, SharedWork
from .limit_directions import measure_limits, measure_linear_limits
from .units import by_budget, shared_networks, shared_simulation

LINEAR = SharedWork("linear-limits", measure_linear_limits)
LIMITS = SharedWork("limits-of-flows", measure_limits)

_ABSTRACT = "arXiv:1903.04991, abstract"
# late enough that units have chosen their examples
_TIMES = [300.0, 600.0, 1200.0, 2500.0, 5000.0, 10_000.0]
_RANGE = (_TIMES[0], _TIMES[-1])
_LATE = "from ln t = 300 to 10,000"
_BAND = 0.08
_THIRDS = (
    "just under half of the 1/6 between the exponents of two layers and three without normalization, 1/2 "
    "and 1/3, either of which is farther still from 1"
)
_LINEAR: dict[str, Any] = {
    # fewer than dimensions: no support vectors span them all
    "n_examples": 8,
    "dimension": 12,
    "labels": "random",
    "activation": "linear",
    "width": 4,
    "tolerance": 1e-6,
    "corner": 0.01,
    "log_times": _TIMES,
}
_SMALL: dict[str, Any] = {
    "n_examples": 16,
    "dimension": 6,
    "labels": "random",
    "activation": "relu",
    "width": 8,
    "hidden_layers": 1,
    "normalization": "layers",
    "tolerance": 1e-4,
    "corner": 0.01,
    "starts": by_budget(3, 4, 6),
    "log_times": _TIMES,
}
_SEPARABLE: dict[str, Any] = {
    **_SMALL,
    "labels": "linear",
    "activation": "linear",
    "log_times": [1000.0, 10_000.0],
}
_IMAGES: dict[str, Any] = {
    **_SMALL,
    "data": "mnist5k",
    "task": "parity",
    "n_examples": by_budget(24, 32, 40),
    "dimension": 10,
    "width": by_budget(6, 8, 10),
}
_SEPARABLE_IMAGES: dict[str, Any] = {
    **_IMAGES,
    "task": "0-1",
    "activation": "linear",
    "log_times": [1000.0, 10_000.0],
}
_TENTH, _HALF = 0.1, 0.5
_LINEAR_UNITS: dict[Any, str] = {
    "network": "deep linear networks are those of the simulation, whatever their inputs"
}


def _linear(reading: str, layers: int, normalization: str) -> dict[Any, Any]:
    return shared_simulation(
        by_budget(6, 12, 24),
        LINEAR,
        reading,
        hidden_layers=layers - 1,
        normalization=normalization,
        **_LINEAR,
    )


def _limits(reading: str, drawn: Settings = _SMALL, images: Settings = _IMAGES) -> dict[Any, Any]:
    replicates = by_budget(6, 12, 24)
    on_images = shared_networks(replicates, LIMITS, reading, **images)
    return shared_simulation(replicates, LIMITS, reading, **drawn) | on_images


def _around(value: float) -> tuple[float, float]:
    return value - _BAND, value + _BAND


CLAIMS = (
    Claim(
        id="D4a",
        paper="banburski",
        where=f"{_ABSTRACT}, and its flow with unit norms by Lagrange multipliers",
        statement=(
            "The normalized weights of a deep linear network tend to the maximum margin, when norms and "
            "directions of layers move apart."
        ),
        prediction=(
            "the product of three layers nears the largest margin by the exponent -1 of ln t (derived here "
            f"for unequal duals), within {_BAND:g}, {_LATE}"
        ),
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=_around(-1.0),
        band_reason=_THIRDS,
        x_range=_RANGE,
        falsifier="a direction that stays off the largest margin's, or nears it at another power of ln t",
        control=Control(
            description="distances of the same flows to the direction of the mean example, which stay",
            expected="REFUTED",
            experiments=_linear("mean example", 3, "layers"),
        ),
        experiments=_linear("largest margin", 3, "layers"),
        not_applicable=_LINEAR_UNITS,
    ),
    Claim(
        id="D4b",
        paper="banburski",
        where=f"{_ABSTRACT}; arXiv:1906.05890 for homogeneous networks",
        statement=(
            "The normalized weights of ReLU networks converge to a first-order point of the maximum margin."
        ),
        prediction=(
            "what is left of the conditions of Karush, Kuhn and Tucker falls by the exponent -1 of ln t "
            f"(derived here), within {_BAND:g}, {_LATE}"
        ),
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=_around(-1.0),
        band_reason=(
            "the exponents -1/2 and -1/3 of layers without normalization must fall outside, and do with "
            "0.08; corrections of a relative ln ln t / ln t, 2 % at ln t = 300, bend it by 0.005 times "
            "their coefficient"
        ),
        x_range=_RANGE,
        falsifier="a residual that comes to rest above zero, or falls at another power of ln t",
        control=Control(
            description=(
                "the conditions for all examples but the one that pulls most: the same weights are no point "
                "of that problem"
            ),
            expected="REFUTED",
            experiments=_limits("one example less"),
        ),
        experiments=_limits("residual"),
    ),
    Claim(
        id="D4c",
        paper="banburski",
        where="arXiv:1906.05890, Corollary 4.5, of the limits that arXiv:1903.04991 speaks of",
        statement=(
            "In the limit a network is the hard-margin support vector machine of its own tangent kernel."
        ),
        prediction=(
            "on inputs that it was not trained on it nears that machine's outputs by the exponent -1 of ln t "
            f"(derived here), within {_BAND:g}, {_LATE}"
        ),
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=_around(-1.0),
        band_reason=(
            "that of D4b, of which it follows: outputs are as far off as the conditions of a margin "
            "maximizer are from being met"
        ),
        x_range=_RANGE,
        falsifier="outputs that stay apart, or near each other at another power of ln t",
        control=Control(
            description=(
                "the tangent kernel of random weights, which training in the lazy regime would keep, of "
                "networks ten times as wide"
            ),
            expected="REFUTED",
            experiments=_limits("random kernel"),
        ),
        experiments=_limits("tangent kernel"),
    ),
    Claim(
        id="D4d",
        paper="banburski",
        where=f"{_ABSTRACT}, and its unconstrained flow",
        statement=(
            "Without any normalization, too, a deep linear network tends to the maximum margin, though the "
            "slower the deeper it is."
        ),
        prediction=(
            "the product of L = 3 layers nears the largest margin by the exponent -1/L of ln t (derived "
            "here: what the first layer has across the support vectors stays, while norms grow as "
            f"(ln t)^(1/L)), within {_BAND:g}, {_LATE}"
        ),
        law=PowerLaw(exponent=-1.0 / 3.0),
        predicted=-1.0 / 3.0,
        band=_around(-1.0 / 3.0),
        band_reason=_THIRDS,
        x_range=_RANGE,
        falsifier="an exponent that differs from -1/3 by more than the band, as the -1/2 of two layers does",
        control=Control(
            description="two layers, whose exponent is -1/2",
            expected="REFUTED",
            experiments=_linear("largest margin", 2, "none"),
        ),
        experiments=_linear("largest margin", 3, "none"),
        not_applicable=_LINEAR_UNITS,
    ),
    Claim(
        id="D9a",
        paper="banburski",
        where=f"{_ABSTRACT}: the dynamics converges to one of several margin maximizers",
        statement="From other starts ReLU networks converge to other margin maximizers of the same data.",
        prediction=(
            "more than a tenth of all pairs of starts differ in their normalized margin by over 1 %, at "
            "ln t = 10,000"
        ),
        law=LowerBound(),
        predicted=_TENTH,
        band=(_TENTH, math.inf),
        band_reason=(
            'one-sided: "one of several" names no share, and a tenth of the pairs is a small one; their 1 '
            "% is a hundred times what 1 / ln t leaves at ln t = 10,000"
        ),
        x_range=(_TIMES[-1], _TIMES[-1]),
        falsifier="margins that agree to 1 % in nine of ten pairs of starts",
        control=Control(
            description="linear units on separable data, whose maximum margin is one for all starts",
            expected="REFUTED",
            experiments=_limits("margins apart", _SEPARABLE, _SEPARABLE_IMAGES),
        ),
        experiments=_limits("margins apart"),
    ),
    Claim(
        id="D10a",
        paper="banburski",
        where=f"{_ABSTRACT}: stationary points are likely to be convex minima of the normalized problem",
        statement="Most points that ReLU networks converge to are minima for normalized weights.",
        prediction=(
            "in over half of the runs the Hessian of ln loss along the layers' spheres has no eigenvalue "
            "below -0.01, in units of the mean margin, at ln t = 10,000"
        ),
        law=LowerBound(),
        predicted=_HALF,
        band=(_HALF, math.inf),
        band_reason='one-sided: "likely" is read as more often than not',
        x_range=(_TIMES[-1], _TIMES[-1]),
        falsifier="negative curvature where at least half of the runs end",
        control=Control(
            description=(
                "the same points in networks with eight more units, which are as good as asleep: nearly "
                "stationary, but saddles where waking one of these widens the margin"
            ),
            expected="REFUTED",
            experiments=_limits("minima when wider"),
        ),
        experiments=_limits("minima"),
    ),
)
