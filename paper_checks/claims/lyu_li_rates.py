"""Lyu & Li: loss, norm and smoothed margin of homogeneous networks in log time (E2)."""

from __future__ import annotations

import math
from typing import Any

from genlaws.theory import Constant, LogarithmicGrowth, PowerLaw, UpperBound

from ..claim import Claim, Control
from . import long_training as late
from .deep_flows import (
    CUBES,
    END,
    EXPONENTIALLY_NORMALIZED,
    EXPONENTIALLY_NORMALIZED_CUBES,
    LATE,
    ONE_LAYER,
    SQUARES,
    THREE_LAYERS,
    TWO_LAYERS,
    flows,
)
from .units import NETWORKS_COME_LATER

_PAPER = "arXiv:1906.05890"
_LATE: dict[str, Any] = {
    "paper": "classics",
    "x_range": (LATE, END),
    "not_applicable": NETWORKS_COME_LATER,
}
_WITHIN = 0.05
_DEGREES = (
    "less than a third of the 1/6 between degrees 3 and 4, which are hardest to tell apart; the terms left "
    "out take at most 0.005 off the slope from ln t = 1000 on"
)
_DEGREES_EARLY = (
    "that of the flows, less than a third of the 1/6 between degrees 3 and 4, although the terms left out "
    "take up to 0.013 off the slope at ln t of 100 to 1000"
)
_RARELY = 0.05


def _loss(
    exponent: float,
    settings: dict[str, Any],
    other: dict[str, Any],
    of_other: str,
    *,
    images: tuple[dict[str, Any], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    # on networks, where there are settings of them and of the control's
    trained = {} if images is None else late.trained(images[0], "loss")
    control = f"{of_other}, whose exponent is another"
    return {
        **_LATE,
        "law": LogarithmicGrowth(slope=exponent),
        "predicted": exponent,
        "band": (exponent - _WITHIN, exponent + _WITHIN),
        "band_reason": _DEGREES,
        "falsifier": f"a slope in ln ln t that differs from {exponent:.3g} by more than {_WITHIN:g}",
        "control": Control(
            description=control,
            expected="REFUTED",
            experiments=flows(other, "loss"),
        ),
        "experiments": flows(settings, "loss") | trained,
        "restated": (
            {}
            if images is None
            else late.late_on_images(control, late.trained(images[1], "loss"), band_reason=_DEGREES_EARLY)
        ),
        "rivals": (Constant(),) if exponent else (),
    }


def _prediction(degree: int, exponent: str) -> str:
    return (
        f"\N{MINUS SIGN}ln(loss) less ln t rises as {exponent} ln ln t, 2 \N{MINUS SIGN} 2/L for L = {degree}"
    )


CLAIMS = (
    Claim(
        id="E2a",
        where=f"{_PAPER}, rate of the loss, L = 1",
        statement="The loss of a linear classifier falls as 1 / t.",
        prediction=_prediction(1, "0"),
        **_loss(0.0, ONE_LAYER, TWO_LAYERS, "networks of two layers", images=(late.LINEAR, late.TWO_LAYERS)),
    ),
    Claim(
        id="E2b",
        where=f"{_PAPER}, rate of the loss, L = 2",
        statement="The loss of a network of two layers falls as 1 / (t ln t).",
        prediction=_prediction(2, "1"),
        **_loss(1.0, TWO_LAYERS, ONE_LAYER, "linear classifiers", images=(late.TWO_LAYERS, late.LINEAR)),
    ),
    Claim(
        id="E2c",
        where=f"{_PAPER}, rate of the loss, L = 3",
        statement="With squares in two layers, of degree 3, the loss falls as 1 / (t (ln t)^(4/3)).",
        prediction=_prediction(3, "4/3"),
        **_loss(4.0 / 3.0, SQUARES, TWO_LAYERS, "networks of two layers without squares"),
    ),
    Claim(
        id="E2d",
        where=f"{_PAPER}, rate of the norm, L = 4",
        statement="The norm of the weights grows as (ln t)^(1/L).",
        prediction="an exponent of 1/4 for two layers with cubes, of degree 4",
        law=PowerLaw(exponent=0.25),
        predicted=0.25,
        band=(0.23, 0.27),
        band_reason=(
            "a quarter of the 1/12 between degrees 3 and 4; starts and ln ln t / ln t bend the exponent by "
            "0.001 or 0.002 from ln t = 1000 on"
        ),
        falsifier="an exponent of ln t that differs from 1/4 by more than 0.02",
        control=Control(
            description="two layers with squares, of degree 3, whose exponent is 1/3",
            expected="REFUTED",
            experiments=flows(SQUARES, "weight norm"),
        ),
        experiments=flows(CUBES, "weight norm"),
        **_LATE,
    ),
    Claim(
        id="E2e",
        where=f"{_PAPER}, rate of the loss, L = 4",
        statement="With cubes in two layers, of degree 4, the loss falls as 1 / (t (ln t)^(3/2)).",
        prediction=_prediction(4, "3/2"),
        **_loss(1.5, CUBES, SQUARES, "two layers with squares, of degree 3"),
    ),
    Claim(
        id="E2f",
        where=f"{_PAPER}, bound on the growth of the smoothed margin",
        statement=(
            "The logarithm of the smoothed margin grows at least as fast as L times the squared speed of the "
            "direction over that of the logarithm of the norm; so it never falls, see D3a."
        ),
        prediction=(
            f"at most {_RARELY:.0%} of the steps from ln t = 30 to 1000 fall short, by 1 % of what the bound "
            "leaves, for two layers with cubes"
        ),
        law=UpperBound(),
        predicted=_RARELY,
        band=(-math.inf, _RARELY),
        band_reason=(
            "one-sided: the bound is proved of the flow and allows no step to fall short, and 5 % is left "
            "to steps in which both sides are small beside the errors of integration"
        ),
        x_range=(LATE, LATE),
        falsifier=f"growth that falls short of its bound in more than {_RARELY:.0%} of the steps",
        control=Control(
            description=(
                "exponential weight normalization (arXiv:2010.12909), no gradient flow of the weights: it "
                "prefers sparse ones to those of large margin"
            ),
            expected="REFUTED",
            experiments=flows(EXPONENTIALLY_NORMALIZED_CUBES, "rate"),
        ),
        experiments=flows(CUBES, "rate"),
        paper="classics",
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E2g",
        where="arXiv:2010.12909, rate of the loss under exponential weight normalization",
        statement="With exponentially normalized weights the loss falls as 1 / (t (ln t)^2) at any depth.",
        prediction="\N{MINUS SIGN}ln(loss) less ln t rises as 2 ln ln t, for two linear layers and three",
        **_loss(2.0, EXPONENTIALLY_NORMALIZED, THREE_LAYERS, "three layers without normalization"),
    ),
)
