"""Soudry et al.: gradient descent on separable data, its direction, margin and losses in log time (E1)."""

from __future__ import annotations

import math

from genlaws.simulate.measurement import Source
from genlaws.theory import EqualWithinMargin, ExponentialDecay, LogarithmicGrowth, PowerLaw, UpperBound

from ..claim import AnyExperiment, Claim, Control
from .linear_descents import DESCENDED, DESCENTS
from .linear_flows import EQUAL_DUALS, LATE, REPLICATES, SEPARABLE, TWO_STARTS, flows
from .long_training import LINEAR, LINEAR_BY_ADAM, TWO_LAYERS, late_on_images, trained
from .units import NETWORKS_COME_LATER, shared_simulation

_WHERE = "arXiv:1710.10345"
_RANGE = (100.0, 1e5)
"""ln t: three decades, with corrections of the order of 1 / ln t below a hundredth on average."""

_BY_ADAM = "Adam on the same images, which turns elsewhere, see E1i"


_TENTH = (
    "a constant c beside ln t, such as ln of the number of examples, bends the exponent by 0.001 c in "
    "simulations and by 0.004 c on images, where ln t ends at 1000; 0.1 is far from the 0 of what stays"
)


def _descents(reading: str) -> dict[Source, AnyExperiment]:
    return shared_simulation(REPLICATES, DESCENTS, reading, **DESCENDED)


def _starts(reading: str) -> dict[Source, AnyExperiment]:
    return shared_simulation(REPLICATES, TWO_STARTS, reading, **SEPARABLE)


def _equal_duals(reading: str) -> Control:
    return Control(
        description=(
            "the support vectors (0.5, 1.5) and (1.5, 0.5) of the paper's own figure: their duals are equal, "
            "and what falls as 1 / ln t on other data falls as a power of t"
        ),
        expected="REFUTED",
        experiments=flows(reading, **EQUAL_DUALS),
    )


CLAIMS = (
    Claim(
        id="E1a",
        paper="classics",
        where=f"{_WHERE}, Theorem 3 and its rates",
        statement="On separable data gradient descent turns to the largest margin's direction as 1 / ln t.",
        prediction="an exponent of -1 of the angle in ln t, for ln t from 100 to 100,000",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.1, -0.9),
        band_reason=_TENTH,
        x_range=_RANGE,
        falsifier="an exponent that differs from -1 by more than 0.1, or a power of t that foretells better",
        control=_equal_duals("angle"),
        experiments=flows("angle") | trained(LINEAR, "angle"),
        restated=late_on_images(
            _BY_ADAM,
            trained(LINEAR_BY_ADAM, "angle"),
            prediction="an exponent of -1 of the angle in ln t, for ln t from 100 to 1000, on images",
        ),
        rivals=(ExponentialDecay(rate=0.001),),
    ),
    Claim(
        id="E1b",
        paper="classics",
        where=f"{_WHERE}, rates: margin",
        statement="The margin of normalized weights comes to the largest margin as 1 / ln t.",
        prediction="an exponent of -1 of the margin gap in ln t, for ln t from 100 to 100,000",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.1, -0.9),
        band_reason=_TENTH,
        x_range=_RANGE,
        falsifier="an exponent that differs from -1 by more than 0.1, or a power of t that foretells better",
        control=_equal_duals("margin gap"),
        experiments=flows("margin gap") | trained(LINEAR, "margin gap"),
        restated=late_on_images(
            _BY_ADAM,
            trained(LINEAR_BY_ADAM, "margin gap"),
            prediction="an exponent of -1 of the gap in ln t, for ln t from 100 to 1000, on images",
        ),
        rivals=(ExponentialDecay(rate=0.001),),
    ),
    Claim(
        id="E1c",
        paper="classics",
        where=f"{_WHERE}, rates: loss",
        statement="The training loss falls as 1 / t, without a power of ln t beside it.",
        prediction="an exponent of 0, in ln t, of t times the loss, for ln t from 100 to 100,000",
        law=PowerLaw(exponent=0.0, log_y=True),
        predicted=0.0,
        band=(-0.05, 0.05),
        band_reason=(
            "a twentieth of the -1 that a second layer makes, and wide: beside 1 / t one layer leaves a "
            "loss nothing but higher powers of 1 / t, and no power of ln t"
        ),
        x_range=_RANGE,
        falsifier="a power of ln t beyond 0.05 beside 1 / t",
        control=Control(
            description="a linear network of two layers on such data, whose loss falls as 1 / (t ln t)",
            expected="REFUTED",
            experiments=flows("time times loss", hidden=[4]),
        ),
        experiments=flows("time times loss") | trained(LINEAR, "time times loss"),
        restated=late_on_images(
            "networks of two layers on such images, whose loss falls as 1 / (t ln t)",
            trained(TWO_LAYERS, "time times loss"),
            prediction="an exponent of 0, in ln t, of t times the loss, for ln t from 100 to 1000, on images",
        ),
    ),
    Claim(
        id="E1d",
        paper="classics",
        where=f"{_WHERE}, rates: cosine",
        statement="The cosine to the largest margin's direction comes to 1 as 1 / (ln t)^2.",
        prediction="an exponent of -2 of 1 - cosine in ln t, for ln t from 100 to 100,000",
        law=PowerLaw(exponent=-2.0),
        predicted=-2.0,
        band=(-2.2, -1.8),
        band_reason="twice that of E1a, as 1 - cosine is half the square of the angle",
        x_range=_RANGE,
        falsifier="an exponent that differs from -2 by more than 0.2",
        control=_equal_duals("one less cosine"),
        experiments=flows("one less cosine"),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E1e",
        paper="classics",
        where=f"{_WHERE}, rates: validation loss",
        statement="The validation loss grows as ln t if the largest margin's direction gets a point wrong.",
        prediction="an exponent of 1, in ln t, of the logistic loss of 100 held-out points",
        law=PowerLaw(exponent=1.0, log_y=True),
        predicted=1.0,
        band=(0.9, 1.1),
        band_reason=(
            "beside ln t stands a constant from points that are wrong by little, of which each unit takes "
            "0.001 of the exponent in simulations, and 0.004 on images; 0.1 bears a few tens"
        ),
        x_range=_RANGE,
        falsifier="an exponent that differs from 1 by more than 0.1",
        control=Control(
            description="the training examples, all of which it gets right: their loss falls",
            expected="REFUTED",
            experiments=flows("training loss"),
        ),
        experiments=flows("held-out loss") | trained(LINEAR, "held-out loss"),
        restated=late_on_images(
            "the images trained on, all of which it gets right: their loss falls",
            trained(LINEAR, "training loss"),
            prediction="an exponent of 1, in ln t, of the logistic loss of 800 or more held-out images",
        ),
    ),
    Claim(
        id="E1f",
        paper="classics",
        where=f"{_WHERE}, Theorem 4; the coefficient is derived from it",
        statement="How far directions are off by 1 / ln t follows from the duals of the support vectors.",
        prediction=(
            "ln t times the angle, in the span of the support vectors, of the size that the residual w~ has "
            "with exp(-w~ . x_n) equal to the duals, to 2 %, for ln t from 10,000 on"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.02, 0.02),
        band_reason=(
            "what is left out is of the order of 1 / ln t, 0.01 % from ln t = 10,000 on, times a "
            "coefficient that small duals make large: 2 % bears one of 200"
        ),
        x_range=(LATE, _RANGE[1]),
        falsifier="a coefficient that differs from the predicted one by more than 2 %",
        control=Control(
            description="the whole angle, with what the start leaves across that span for good",
            expected="REFUTED",
            experiments=flows("angle times ln t"),
        ),
        experiments=flows("angle inside times ln t"),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E1g",
        paper="classics",
        where=f"{_WHERE}, Theorem 3, almost every data set",
        statement="For almost every data set w(t) - w^ ln t stays bounded.",
        prediction="a slope of 0, in ln ln t, of the length of w(t) - w^ ln t; inputs of largest margin 1",
        law=LogarithmicGrowth(slope=0.0),
        predicted=0.0,
        band=(-0.25, 0.25),
        band_reason=(
            "a quarter of the slope of 1 that a dual of zero makes; what is bounded comes to rest as a "
            "power of t, a small one where a dual is small, and may still move at ln t = 100"
        ),
        x_range=_RANGE,
        falsifier="a length that grows or falls with ln ln t by a slope beyond 0.25",
        control=Control(
            description="an example more on the margin with a dual of zero, which makes it grow as ln ln t",
            expected="REFUTED",
            experiments=flows("residual", data="degenerate"),
        ),
        experiments=flows("residual"),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E1h",
        paper="classics",
        where=f"{_WHERE}, experiments: momentum",
        statement="Gradient descent with momentum is biased to the largest margin just as without.",
        prediction="equal angles, to 5 %, with momentum of 0.9 and without, at losses of e^-20 to e^-200",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.05, 0.05),
        band_reason=(
            "at one loss momentum may have come another way, of which a relative 1 / (-ln loss) is left, 5 "
            "% at the loss of e^-20 where the range starts"
        ),
        x_range=(20.0, 200.0),
        falsifier="angles to the largest margin's direction that differ by more than 5 %",
        control=Control(
            description="Adam, which does not turn to the largest margin",
            expected="REFUTED",
            experiments=_descents("adam against plain"),
        ),
        experiments=_descents("momentum against plain"),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E1i",
        paper="classics",
        where=f"{_WHERE}, experiments: Adam",
        statement="Adam does not turn to the direction of the largest margin.",
        prediction=(
            "an angle that stays, of exponent 0 in -ln loss, down to a loss of e^-200; without a floor under "
            "its averages, as gradients below the floor make plain descent of Adam"
        ),
        law=PowerLaw(exponent=0.0),
        predicted=0.0,
        band=(-0.25, 0.25),
        band_reason=(
            "a quarter of the way to the exponent -1 of plain descent, left to averages of Adam that have "
            "yet to settle over a single decade of -ln loss"
        ),
        x_range=(20.0, 200.0),
        falsifier="an angle that falls, or grows, with an exponent beyond 0.25",
        control=Control(
            description="gradient descent, whose angle falls to zero with exponent -1",
            expected="REFUTED",
            experiments=_descents("plain"),
        ),
        experiments=_descents("adam"),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E1j",
        paper="classics",
        where=f"{_WHERE}, Theorem 3, any start",
        statement="The direction in the end does not depend on where gradient descent starts.",
        prediction="an exponent of -1, in ln t, of the angle between flows from two starts",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.1, -0.9),
        band_reason=(
            "directions differ by a fixed difference of residuals over a norm of ln t: constants beside ln "
            "t bend the exponent by 0.001 for each unit, and 0.1 bears residuals of tens of inverse margins"
        ),
        x_range=_RANGE,
        falsifier="an exponent that differs from -1 by more than 0.1",
        control=Control(
            description="flows on two data sets drawn alike, which end in different directions",
            expected="REFUTED",
            experiments=_starts("two data sets"),
        ),
        experiments=_starts("two starts"),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E1k",
        paper="classics",
        where=f"{_WHERE}, Theorem 4",
        statement="w(t) - w^ ln t tends to the w~ with exp(-w~ . x_n) equal to the duals, in their span.",
        prediction="a distance below 0.05, for ln t from 10,000 on; inputs of largest margin 1",
        law=UpperBound(),
        predicted=0.05,
        band=(-math.inf, 0.05),
        band_reason=(
            "one-sided: what is left falls as a power of t, gone at ln t = 10,000 unless a dual or a "
            "margin beyond the least is within 1e-4 or so of nothing; 0.05 is left to such data and to "
            "integration"
        ),
        x_range=(LATE, _RANGE[1]),
        falsifier="a distance of more than 0.05",
        control=Control(
            description="the w~ that follows with the same duals dealt to other support vectors",
            expected="REFUTED",
            experiments=flows("off another limit"),
        ),
        experiments=flows("off the limit"),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E1l",
        paper="classics",
        where=f"{_WHERE}, rates: margin; the coefficient is derived from Theorem 4",
        statement="How far margins fall short by 1 / ln t follows from the duals of the support vectors.",
        prediction=(
            "ln t times the relative margin gap equal to H + ln b, with b the largest share of all duals and "
            "H the entropy of these shares, to 0.02"
        ),
        law=EqualWithinMargin(),
        predicted=0.0,
        band=(-0.02, 0.02),
        band_reason=(
            "what is left out is of the order of 1 / ln t, 1e-4, times squares of residuals: 0.02 bears "
            "residuals of up to about 14, in units of the inverse margin"
        ),
        x_range=(LATE, _RANGE[1]),
        falsifier="a coefficient that differs from the predicted one by more than 0.02",
        control=Control(
            description="the coefficient that equal duals would give, zero",
            expected="REFUTED",
            experiments=flows("gap times ln t, equal duals"),
        ),
        experiments=flows("gap times ln t"),
        not_applicable=NETWORKS_COME_LATER,
    ),
)
