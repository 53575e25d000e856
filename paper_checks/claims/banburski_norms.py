"""Banburski et al.: norms of the layers under gradient flow, their balance and their growth (D1, D2)."""

from __future__ import annotations

from typing import Any

from genlaws.theory import Constant, EqualWithinMargin, LogarithmicGrowth, PowerLaw

from ..claim import Claim, Control
from . import long_training as late
from .deep_flows import (
    EARLY,
    END,
    LATE,
    NORMALIZED_LAYERS,
    NORMALIZED_SQUARES,
    ONE_LAYER,
    SQUARES,
    THREE_LAYERS,
    TWO_LAYERS,
    flows,
)
from .units import NETWORKS_COME_LATER

_PAPER = "arXiv:1903.04991"
_LAYERS = {"paper": "banburski", "x_range": (EARLY, END), "not_applicable": NETWORKS_COME_LATER}
_EQUAL: dict[str, Any] = {
    **_LAYERS,
    "law": EqualWithinMargin(relative=True),
    "predicted": 0.0,
    "band": (-0.01, 0.01),
    "band_reason": (
        "far above the errors of the flows, of 1e-6, and far below what units that square make, in which a "
        "squared norm grows by twice as much"
    ),
}
_LATE: dict[str, Any] = {
    "paper": "banburski",
    "x_range": (LATE, END),
    "not_applicable": NETWORKS_COME_LATER,
}
_WITHIN = 0.05
# by layers, what terms beside ln ln t take off its slope: from ln t = 1000 to 100,000, and from 100 to 1000
_TAKEN = {1: ("nothing", "nothing"), 2: ("0.001", "0.013"), 3: ("0.002", "0.024")}


def _ahead(layers: int, settings: dict[str, Any], other: dict[str, Any], of_other: str) -> dict[str, Any]:
    on_images = {1: late.LINEAR, 2: late.TWO_LAYERS, 3: late.THREE_LAYERS}
    slope = 2.0 - 2.0 / layers
    return {
        **_LATE,
        "law": LogarithmicGrowth(slope=slope),
        "predicted": slope,
        "band": (slope - _WITHIN, slope + _WITHIN),
        "band_reason": (
            "less than a third of the 1/6 between three layers and four, the hardest to tell apart; it is "
            f"wide, as the terms left out take {_TAKEN[layers][0]} off the slope from ln t = 1000 on"
        ),
        "falsifier": f"a slope in ln ln t that differs from {slope:.3g} by more than {_WITHIN:g}",
        "control": Control(
            description=f"networks of {of_other}, whose slope in ln ln t is another",
            expected="REFUTED",
            experiments=flows(other, "scaled margin"),
        ),
        "experiments": flows(settings, "scaled margin") | late.trained(on_images[layers], "scaled margin"),
        "restated": late.late_on_images(
            f"networks of {of_other}, whose slope in ln ln t is another",
            late.trained(on_images[1 if layers == 2 else 2], "scaled margin"),
            band_reason=(
                "less than a third of the 1/6 between three layers and four; the terms left out take "
                f"{_TAKEN[layers][1]} off the slope at ln t of 100 to 1000, and directions still turn"
            ),
        ),
        "rivals": () if layers == 1 else (Constant(),),
    }


CLAIMS = (
    Claim(
        id="D1a",
        where=f"{_PAPER}, flow of the norms rho_k",
        statement="Under gradient flow the squared norms of all layers grow by the same amount.",
        prediction=(
            "growth of a layer's squared norm over that of the first: 1, for the layer that strays most, of "
            "linear and ReLU networks"
        ),
        falsifier="two layers whose squared norms grow by amounts that differ by more than 1 %",
        control=Control(
            description="units that square: of degree 2 in the first layer, which then grows twice as fast",
            expected="REFUTED",
            experiments=flows(SQUARES, "growth"),
        ),
        experiments=flows(TWO_LAYERS, "growth") | late.trained(late.THREE_LAYERS, "growth"),
        restated=late.late_on_images(
            "Adam, whose steps are of one size for all weights and do not follow the flow",
            late.trained(late.THREE_LAYERS_BY_ADAM, "growth"),
            prediction=(
                "growth of a layer's squared norm over that of the first: 1, for the layer that strays most, "
                "of networks of three layers"
            ),
            band_reason=(
                "ten times the 0.1 % by which steps of finite length put late growth of three layers off "
                "that of the flow"
            ),
        ),
        **_EQUAL,
    ),
    Claim(
        id="D1b",
        where=f"{_PAPER}, flows with a Lagrange multiplier, weight normalization and tangent gradient",
        statement="Squared norms of all layers grow by the same amount with normalized layers, too.",
        prediction=(
            "growth of a layer's squared norm over that of the first: 1, for the layer that strays most, "
            "where norms and directions of layers move on their own"
        ),
        falsifier="two layers whose squared norms grow by amounts that differ by more than 1 %",
        control=Control(
            description="normalized layers of units that square: the first, of degree 2, grows twice as fast",
            expected="REFUTED",
            experiments=flows(NORMALIZED_SQUARES, "growth"),
        ),
        experiments=flows(NORMALIZED_LAYERS, "growth"),
        **_EQUAL,
    ),
    Claim(
        id="D1c",
        where=f"{_PAPER}, version 1, layers balanced at initialization",
        statement="Layers that are of equal norm at the start stay so.",
        prediction="norm of the last layer over that of the first: 1 at all times, for three layers",
        falsifier="norms of two layers, equal at the start, that come to differ by more than 1 %",
        control=Control(
            description="units that square their input: the first layer's norm outgrows that of the last",
            expected="REFUTED",
            experiments=flows(SQUARES, "balance"),
        ),
        experiments=flows(THREE_LAYERS, "balance"),
        **_EQUAL,
    ),
    Claim(
        id="D2a",
        where=f"{_PAPER}, growth of rho for one layer; integral derived here",
        statement="The norm of a linear classifier grows as ln t over its margin, without ln ln t.",
        prediction="norm times margin runs ahead of ln t by a constant: slope 0 in ln ln t",
        **_ahead(1, ONE_LAYER, TWO_LAYERS, "two layers"),
    ),
    Claim(
        id="D2b",
        where=f"{_PAPER}, growth of rho for K layers; integral derived here",
        statement="With two layers, outputs at the margin run ahead of ln t by ln ln t.",
        prediction="rho times margin, less ln t, has slope 2 \N{MINUS SIGN} 2/K = 1 in ln ln t, for K = 2",
        **_ahead(2, TWO_LAYERS, ONE_LAYER, "one layer"),
    ),
    Claim(
        id="D2c",
        where=f"{_PAPER}, growth of rho for K layers; integral derived here",
        statement="With three layers, outputs at the margin run ahead of ln t by 4/3 ln ln t.",
        prediction="rho times margin, less ln t, has slope 2 \N{MINUS SIGN} 2/K = 4/3 in ln ln t, for K = 3",
        **_ahead(3, THREE_LAYERS, TWO_LAYERS, "two layers"),
    ),
    Claim(
        id="D2d",
        where=f"{_PAPER}, growth of rho for K layers; integral derived here",
        statement="Norms of the layers grow as the K-th root of ln t.",
        prediction="an exponent of 1/3 for three layers",
        law=PowerLaw(exponent=1.0 / 3.0),
        predicted=1.0 / 3.0,
        band=(1.0 / 3.0 - 0.02, 1.0 / 3.0 + 0.02),
        band_reason=(
            "a quarter of the 1/12 between three layers and four; ln ln t / ln t bends the exponent by "
            "less than 0.001 from ln t = 1000 on"
        ),
        falsifier="an exponent of ln t that differs from 1/3 by more than 0.02",
        control=Control(
            description="networks of two layers, whose exponent is 1/2",
            expected="REFUTED",
            experiments=flows(TWO_LAYERS, "layer norm"),
        ),
        experiments=flows(THREE_LAYERS, "layer norm") | late.trained(late.THREE_LAYERS, "last norm"),
        restated=late.late_on_images(
            "networks of two layers, whose exponent is 1/2",
            late.trained(late.TWO_LAYERS, "last norm"),
            prediction="an exponent of 1/3 for the last of three layers; other norms start far from zero",
            band=(1.0 / 3.0 - 0.04, 1.0 / 3.0 + 0.04),
            falsifier="an exponent of ln t that differs from 1/3 by more than 0.04",
            band_reason=(
                "half of the 1/12 between three layers and four, as starts and ln ln t / ln t still count "
                "at ln t of 100; set after pilots gave 0.320 to 0.326, which 0.02 would have held, too"
            ),
        ),
        **_LATE,
    ),
)
