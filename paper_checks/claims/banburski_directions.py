"""Banburski et al.: whether flows with normalized weights turn to the largest margin faster (D5, F5)."""

from __future__ import annotations

import math

from genlaws.simulate.measurement import Source
from genlaws.theory import EqualWithinMargin, ExponentialDecay, PowerLaw

from ..claim import Claim, Control
from .linear_flows import LATE, flows
from .long_training import LINEAR, LINEAR_BY_ADAM, late_on_images, trained
from .paired_flows import FAST, FEW, HALF_SQUARES, LAGS, MANY, NORMS, RANGE, across_span, paired
from .units import NETWORKS_COME_LATER

_STIFF: dict[Source, str] = {
    "network": (
        "steps of normalized weights must be shorter by their squared norm: 20,000 do not lead a linear "
        "classifier of images to ln t = 30, and the flows must be followed to 100 and beyond"
    )
}
_WHERE = "arXiv:1903.04991, flows of normalized weights"
_FAST_ACROSS = Control(
    description="the part across the span of support vectors under normalization: it falls beyond all powers",
    expected="REFUTED",
    experiments=paired("across, normalized", FAST),
)

CLAIMS = (
    Claim(
        id="D5a",
        paper="banburski",
        where="arXiv:1903.04991, unconstrained flow; the rate is derived",
        statement="Without normalization, what lies across the span of the support vectors goes as 1 / ln t.",
        prediction="an exponent of -1, in ln t, of that part of the direction, for ln t from 100 to 100,000",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.1, -0.9),
        band_reason=(
            "a constant c beside ln t bends the exponent by 0.001 c in simulations and by 0.004 c on "
            "images, where ln t ends at 1000: 0.1 bears constants of a few tens"
        ),
        x_range=RANGE,
        falsifier="an exponent that differs from -1 by more than 0.1",
        control=_FAST_ACROSS,
        experiments=paired("across, plain") | trained(LINEAR, "across"),
        restated=late_on_images(
            "Adam on the same images, whose steps leave the span of the support vectors for good",
            trained(LINEAR_BY_ADAM, "across"),
            prediction="an exponent of -1, in ln t, of that part, for ln t from 100 to 1000, on images",
        ),
    ),
    Claim(
        id="D5b",
        revision=2,
        paper="banburski",
        where=f"{_WHERE}; the rate is derived",
        statement=(
            "With normalized weights, what lies across the span of the support vectors falls faster than any "
            "power of t, where every example is a support vector."
        ),
        prediction=(
            "a rate of 1 in rho^2 / 2, the norm rho being that which duals foretell at ln t: about "
            "t^(-ln t / (2 margin^2))"
        ),
        law=ExponentialDecay(rate=1.0, log_y=True),
        predicted=1.0,
        band=(0.9, 1.1),
        band_reason=(
            "the duals foretell the norm only at late times, and norms near 2 still depend on the start: a "
            "tenth is left to that"
        ),
        x_range=(2.0, 18.0),
        falsifier="a rate that differs from 1 by more than 0.1",
        control=Control(
            description="the flow without normalization from the same start, where it goes as 1 / rho",
            expected="REFUTED",
            experiments=across_span("none", **FEW, **HALF_SQUARES),
        ),
        experiments=across_span("layers", **FEW, **HALF_SQUARES),
        not_applicable=_STIFF,
    ),
    Claim(
        id="D5c",
        paper="banburski",
        where=_WHERE,
        statement="Normalized flows approach the direction of the largest margin faster than as 1 / ln t.",
        prediction="an exponent below -1.2, in ln t, of the angle within the span of the support vectors",
        law=PowerLaw(exponent=-1.2),
        predicted=-1.2,
        band=(-math.inf, -1.2),
        band_reason=(
            "one-sided, a fifth beyond the -1 of plain flows: corrections of a relative 1 / ln t feign no "
            "such exponent over three decades of ln t"
        ),
        x_range=RANGE,
        falsifier="an exponent above -1.2: it is -1 where duals differ, as without normalization",
        control=Control(
            description=(
                "the part across that span where every example is a support vector: there normalized flows "
                "are faster indeed"
            ),
            expected="SUPPORTED",
            experiments=paired("across, normalized", FAST),
        ),
        experiments=paired("inside, normalized"),
        not_applicable=_STIFF,
    ),
    Claim(
        id="D5d",
        paper="banburski",
        where=f"{_WHERE}; derived",
        statement="Within the span of the support vectors normalization changes nothing at late times.",
        prediction="equal angles, to 5 %, at equal times with ln t from 10,000 on",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.05, 0.05),
        band_reason=(
            "of one direction to come the flows differ by a lag in the norm, of relative order ln ln t / "
            "ln t, 0.1 % at ln t = 10,000: 5 % bears a lag fifty times as large"
        ),
        x_range=(LATE, RANGE[1]),
        falsifier="angles that differ by more than 5 %",
        control=Control(
            description="the part across that span, which normalization makes fall",
            expected="REFUTED",
            experiments=paired("across against plain"),
        ),
        experiments=paired("inside against plain"),
        not_applicable=_STIFF,
    ),
    Claim(
        id="D5e",
        revision=2,
        paper="banburski",
        where=f"{_WHERE}; the rate is derived",
        statement=(
            "With normalized weights, what lies across the span of the support vectors falls faster than any "
            "power of t, also where other examples lie beyond the margin."
        ),
        prediction="a rate of 1 in rho^2 / 2, for 30 examples in 20 dimensions",
        law=ExponentialDecay(rate=1.0, log_y=True),
        predicted=1.0,
        band=(0.9, 1.1),
        band_reason="that of D5b, so that only the data differ between the two",
        x_range=(2.0, 18.0),
        falsifier=(
            "a rate that differs from 1 by more than 0.1, as where other examples hold up what lies across"
        ),
        control=Control(
            description="five examples in 100 dimensions, all of them support vectors",
            expected="SUPPORTED",
            experiments=across_span("layers", **FEW, **HALF_SQUARES),
        ),
        experiments=across_span("layers", **MANY),
        not_applicable=_STIFF,
    ),
    Claim(
        id="D5f",
        revision=2,
        paper="banburski",
        where="arXiv:1903.04991, flows of normalized weights; derived here, where it is not stated",
        statement=(
            "With normalized weights, what lies across the span of the support vectors follows the pull of "
            "the nearest other example, which is a power of t."
        ),
        prediction="t^(1 - m), where that example has m times the margin: a rate of 1 in (m - 1) ln t",
        law=ExponentialDecay(rate=1.0, log_y=True),
        predicted=1.0,
        band=(0.9, 1.1),
        band_reason=(
            "further examples still count for a little where they pull nearly as much as the nearest: a "
            "tenth of the rate is left to them"
        ),
        x_range=(5.0, 19.0),
        falsifier="a rate that differs from 1 by more than 0.1",
        control=Control(
            description="the flow without normalization, where what lies across goes as 1 / ln t",
            expected="REFUTED",
            experiments=across_span("none", **LAGS),
        ),
        experiments=across_span("layers", **LAGS),
        not_applicable=_STIFF,
    ),
    Claim(
        id="D5g",
        paper="banburski",
        where="arXiv:1903.04991, unconstrained flow of a network of two linear layers; the rate is derived",
        statement=(
            "In a linear network of two layers, what lies across the span of the support vectors goes as one "
            "over the norm of the first layer."
        ),
        prediction="an exponent of -1/2, in ln t, of that part of the product's direction",
        law=PowerLaw(exponent=-0.5),
        predicted=-0.5,
        band=(-0.6, -0.4),
        band_reason=(
            "a fifth of what lies between two layers and one, whose exponent is -1, and less than what "
            "lies between two and three, whose exponent is -1/3"
        ),
        x_range=RANGE,
        falsifier="an exponent that differs from -1/2 by more than 0.1",
        control=Control(
            description="a single layer, where the exponent is -1",
            expected="REFUTED",
            experiments=flows("across"),
        ),
        experiments=flows("across", hidden=[4]),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="F5a",
        paper="classics",
        where="arXiv:1903.04991, equal critical points of normalized and plain flows",
        statement="At equal norms, normalized and plain flows are equally far from the largest margin.",
        prediction="equal angles in the span of the support vectors, to 5 %, at norms from 10,000 to 100,000",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.05, 0.05),
        band_reason=(
            "directions that differ by 1 / rho^2 beside angles of 1 / rho differ by 0.01 % at norms of "
            "10,000, times a constant of the data: 5 % bears constants of hundreds"
        ),
        x_range=(LATE, NORMS[1]),
        falsifier="angles that differ by more than 5 %",
        control=Control(
            description="the part across that span, which alone relaxes differently",
            expected="REFUTED",
            experiments=paired("across at equal norms"),
        ),
        experiments=paired("inside at equal norms"),
        not_applicable=_STIFF,
    ),
    Claim(
        id="F5b",
        revision=2,
        paper="classics",
        where="arXiv:1903.04991, flows of normalized weights; the rate is derived",
        statement="At equal norms rho, directions of normalized and plain flows differ by 1 / rho^2.",
        prediction="an exponent of -2 in rho of their distance, in the span of the support vectors",
        law=PowerLaw(exponent=-2.0, log_y=True),
        predicted=-2.0,
        band=(-2.2, -1.8),
        band_reason=(
            "slow modes are still on their way at norms of 1000: 0.2 is left to them, a fifth of what lies "
            "between -2 and the -1 of the part across"
        ),
        x_range=NORMS,
        falsifier="an exponent that differs from -2 by more than 0.2",
        control=Control(
            description="their distance across that span, which falls as in the plain flow, as 1 / rho",
            expected="REFUTED",
            experiments=paired("apart across"),
        ),
        experiments=paired("apart inside"),
        not_applicable=_STIFF,
    ),
)
