"""Banburski et al.: whether the margin only grows, and how it nears its limit (D3)."""

from __future__ import annotations

import math
from typing import Any

from genlaws.theory import PowerLaw, UpperBound

from ..claim import Claim, Control
from . import long_training as late
from .deep_flows import (
    END,
    FALL,
    LATE,
    NORMALIZED_LINEAR_LAYERS,
    THREE_LINEAR_LAYERS,
    flows,
    many_flows,
)
from .units import NETWORKS_COME_LATER

_PAPER = "arXiv:1903.04991"
_RARELY = 0.05
_MONOTONIC = (
    'one-sided: "monotonically" allows no fall at all, and 5 % is left to those of more than 0.1 % that '
    "kinks and steps of finite length make"
)
_NEVER: dict[str, Any] = {
    "paper": "banburski",
    "law": UpperBound(),
    "predicted": _RARELY,
    "band": (-math.inf, _RARELY),
    "band_reason": _MONOTONIC,
    "x_range": (64.0, 64.0),
    "not_applicable": NETWORKS_COME_LATER,
}
_SMALL = f"{FALL:.1%} of itself"
_MEAN = Control(
    description="the mean over examples of the same margins, which falls as the least ones rise",
    expected="REFUTED",
    experiments=many_flows("mean margin"),
)

_LINEAR_MEAN = late.late_on_images(
    "the mean margin of linear classifiers of such images, which falls as the least ones rise",
    late.trained(late.LINEAR, "falls, mean margin"),
    x_range=(3.0, 3.0),
)


_APART = (
    "a quarter of what lies between -1, with normalized layers, and -2/3, without: what falls as 1 / ln t "
    "within the span steepens the slower law over two decades of ln t, by some 0.02"
)


def _approach(exponent: float) -> dict[str, Any]:
    return {
        "paper": "banburski",
        "law": PowerLaw(exponent=exponent),
        "predicted": exponent,
        "band": (exponent - 0.08, exponent + 0.08),
        "band_reason": _APART,
        "x_range": (LATE, END),
        "not_applicable": NETWORKS_COME_LATER,
    }


CLAIMS = (
    Claim(
        id="D3a",
        where=f"{_PAPER}, abstract, for the smoothed margin: arXiv:1906.05890, theorem on its growth",
        statement="The smoothed normalized margin never falls once it is positive.",
        prediction=f"a share of at most {_RARELY:.0%} of flows whose smoothed margin falls by {_SMALL}",
        falsifier=f"a share above {_RARELY:.0%} of flows whose smoothed margin falls",
        control=_MEAN,
        experiments=many_flows("smoothed margin") | late.trained(late.THREE_LAYERS, "falls, smoothed margin"),
        restated=_LINEAR_MEAN,
        **_NEVER,
    ),
    Claim(
        id="D3b",
        where=f"{_PAPER}, abstract: the margin increases monotonically; here from zero training error on",
        statement="The least normalized margin grows monotonically from zero training error on.",
        prediction=f"a share of at most {_RARELY:.0%} of flows whose margin falls by {_SMALL}",
        falsifier=f"a share above {_RARELY:.0%} of flows whose margin falls",
        control=Control(
            description="the smoothed margin of the same flows, of which it is proved (arXiv:1906.05890)",
            expected="SUPPORTED",
            experiments=many_flows("smoothed margin"),
        ),
        experiments=many_flows("margin") | late.trained(late.THREE_LAYERS, "falls, margin"),
        restated=_LINEAR_MEAN,
        **_NEVER,
    ),
    Claim(
        id="D3c",
        where=f"{_PAPER}, flows of normalized weights; rate of one layer: arXiv:1710.10345",
        statement="With normalized layers the margin of a deep network nears its limit as 1 / ln t.",
        prediction="largest margin less margin falls as (ln t)^\N{MINUS SIGN}1, for three linear layers",
        falsifier="an exponent of ln t that differs from \N{MINUS SIGN}1 by more than 0.08",
        control=Control(
            description="the same networks without normalization, whose layers align more slowly, see D3d",
            expected="REFUTED",
            experiments=flows(THREE_LINEAR_LAYERS, "margin gap"),
        ),
        experiments=flows(NORMALIZED_LINEAR_LAYERS, "margin gap"),
        **_approach(-1.0),
    ),
    Claim(
        id="D3d",
        where=f"{_PAPER}, unconstrained flow; rate derived here",
        statement="Without normalization, the deeper a network the more slowly its margin nears the limit.",
        prediction=(
            "parts of a layer that no example pulls at stay, and fall as 1/rho_k beside the whole: "
            "largest margin less margin falls as (ln t)^(\N{MINUS SIGN}2/K), 2/3 for three linear layers"
        ),
        falsifier="an exponent of ln t that differs from \N{MINUS SIGN}2/3 by more than 0.08",
        control=Control(
            description="the same networks with normalized layers, whose exponent is \N{MINUS SIGN}1",
            expected="REFUTED",
            experiments=flows(NORMALIZED_LINEAR_LAYERS, "margin gap"),
        ),
        experiments=flows(THREE_LINEAR_LAYERS, "margin gap"),
        **_approach(-2.0 / 3.0),
    ),
    Claim(
        id="D3e",
        where=f"{_PAPER}, abstract: the margin increases monotonically; here from a small loss on",
        statement="The least normalized margin grows monotonically once the smoothed one is positive.",
        prediction=f"a share of at most {_RARELY:.0%} of flows whose margin falls by {_SMALL}",
        falsifier=f"a share above {_RARELY:.0%} of flows whose margin falls",
        control=_MEAN,
        experiments=many_flows("late margin") | late.trained(late.THREE_LAYERS, "falls, late margin"),
        restated=_LINEAR_MEAN,
        **_NEVER,
    ),
)
