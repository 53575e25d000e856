"""Xiao et al.: what deep networks predict elsewhere (C3). Hayou et al.: limits of tangent kernels (C9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genlaws.theory import (
    Constant,
    EqualWithinMargin,
    ExponentialDecay,
    LogarithmicGrowth,
    MeanField,
    PowerLaw,
)

from ..claim import Claim, Control, Restatement
from .xiao_kernels import (
    BIAS_VARIANCE,
    CHAOTIC,
    CRITICAL,
    DEEP_CHAOTIC,
    DEEP_ORDERED,
    ON_CRITICAL_LINE,
    RELU_ON_CRITICAL_LINE,
    TOO_DEEP,
    WIDE_CHAOTIC,
    WIDE_ORDERED,
    around,
    at_finite_width,
    in_the_limit,
)
from .xiao_networks import (
    CHAOTIC_NETWORKS,
    CRITICAL_NETWORKS,
    NARROW_CHAOTIC_VARIANCE,
    ORDERED_NETWORKS,
    of_many_networks,
)

_RATE, _NETWORK_RATE = 0.05, 0.1  # relative, of a rate by layer
_POWER, _NETWORK_POWER = 0.1, 0.2  # of an exponent of the depth
_SLOPE = 0.05  # relative, of a slope in ln l
_NONE = 0.05  # slope in ln l that counts as none
_CONSTANT = 0.05  # of a ratio of entries that are the same
_TABLE = "arXiv:1912.13053, Table 1"


def logarithmic_correction(length: float) -> float:
    """The b of Theta_ab / q* = l / 3 + b ln l + O(1) for erf units on the critical line, of fixed length q*.

    Derived: with C(1 - e) = 1 - e + alpha e^2 - beta e^3 the correlation map, 1 / e grows as alpha l +
    (alpha - beta / alpha) ln l, and b = (1 - beta / alpha^2) / 3. Of erf units C is an arcsine, and
    b = -1/3 - (1 + 4 q*) / (18 q*^2).
    """
    return -1.0 / 3.0 - (1.0 + 4.0 * length) / (18.0 * length**2)


def _forgetting(variance: float) -> float:
    return 1.0 / MeanField(weight_variance=variance, bias_variance=BIAS_VARIANCE).generalization_depth


_FORGETTING, _NETWORK_FORGETTING = _forgetting(CHAOTIC), _forgetting(NARROW_CHAOTIC_VARIANCE)
_LOGARITHM = logarithmic_correction(
    MeanField(weight_variance=CRITICAL, bias_variance=BIAS_VARIANCE).fixed_length
)
_DEPTHS, _CRITICAL_DEPTHS = (40, 120), (200, 4000)


def _ends(settings: Mapping[str, Any]) -> tuple[int, int]:
    return settings["depths"][0], settings["depths"][-1]


def _range(settings: Mapping[str, Any]) -> str:
    return "in layers {} to {}".format(*_ends(settings))


CLAIMS = (
    Claim(
        id="C3a",
        paper="xiao",
        where=_TABLE,
        statement=(
            "In the ordered phase the mean predictor depends on the data at all depths: what can be trained "
            "generalizes."
        ),
        prediction=f"its size is a power of the depth of exponent 0, within {_POWER:g}",
        law=PowerLaw(exponent=0.0),
        predicted=0.0,
        band=(-_POWER, _POWER),
        band_reason=(
            "by the kernels' recursion the local exponent is still 0.04 at 40 layers and 0.01 at 120; the "
            "band is about twice the larger"
        ),
        x_range=_DEPTHS,
        falsifier="a mean predictor that falls with depth",
        control=Control(
            description="the chaotic phase, where the mean predictor vanishes exponentially with depth",
            expected="REFUTED",
            experiments=in_the_limit("mean predictor", DEEP_CHAOTIC)
            | of_many_networks("mean predictor", CHAOTIC_NETWORKS),
        ),
        experiments=in_the_limit("mean predictor", DEEP_ORDERED)
        | of_many_networks("mean predictor", ORDERED_NETWORKS),
        restated={
            "network": Restatement(
                prediction=(
                    "the mean over networks of what they predict has a size of exponent 0, within "
                    f"{_POWER:g}, {_range(ORDERED_NETWORKS)} at weight variance "
                    f"{ORDERED_NETWORKS['weight_variance']:g}"
                ),
                x_range=_ends(ORDERED_NETWORKS),
            )
        },
    ),
    Claim(
        id="C3b",
        paper="xiao",
        where=_TABLE,
        statement=(
            "In the chaotic phase the mean predictor of labels with mean 0 vanishes as l (chi_c* / chi_1)^l: "
            "deep networks memorize and do not generalize."
        ),
        prediction=(
            f"over l it falls at the rate 1 / xi_* = {_FORGETTING:.4f} by layer at weight variance "
            f"{CHAOTIC:g}, within {_RATE:.0%}"
        ),
        law=ExponentialDecay(rate=_FORGETTING, prefactor_power=1.0),
        predicted=_FORGETTING,
        band=around(_FORGETTING, _RATE),
        band_reason=(
            "corrections to l (chi_c* / chi_1)^l take 2.3 % off the local rate at 40 layers and 0.3 % at "
            "120; the band is about twice the larger"
        ),
        x_range=_DEPTHS,
        falsifier="another rate, or a fall that a power of the depth foretells better",
        control=Control(
            description="labels with a mean, which is predicted everywhere and forgotten as chi_1^(-l) only",
            expected="REFUTED",
            experiments=in_the_limit("mean predictor", {**DEEP_CHAOTIC, "centred_labels": False})
            | of_many_networks("of labels with a mean", CHAOTIC_NETWORKS),
        ),
        experiments=in_the_limit("mean predictor", DEEP_CHAOTIC)
        | of_many_networks("mean predictor", CHAOTIC_NETWORKS),
        rivals=(PowerLaw(exponent=-1.0),),
        restated={
            "network": Restatement(
                prediction=(
                    "the mean over networks of what they predict, over l, falls at the rate 1 / xi_* = "
                    f"{_NETWORK_FORGETTING:.4f} by layer at weight variance {NARROW_CHAOTIC_VARIANCE:g}, "
                    f"within {_NETWORK_RATE:.0%}, {_range(CHAOTIC_NETWORKS)}"
                ),
                law=ExponentialDecay(rate=_NETWORK_FORGETTING, prefactor_power=1.0),
                predicted=_NETWORK_FORGETTING,
                band=around(_NETWORK_FORGETTING, _NETWORK_RATE),
                band_reason=(
                    "means over finite networks scatter, and their depths are few: twice the band of the "
                    "limit"
                ),
                x_range=_ends(CHAOTIC_NETWORKS),
            )
        },
    ),
    Claim(
        id="C3c",
        paper="xiao",
        where=_TABLE,
        statement="On the critical line the mean predictor of labels with mean 0 vanishes as 1/l.",
        prediction=f"it is a power of the depth of exponent -1, within {_POWER:g}",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.0 - _POWER, -1.0 + _POWER),
        band_reason=(
            "corrections are ln l / l: by the kernels' recursion the local exponent is -0.95 at 200 layers, "
            "and the band is twice that"
        ),
        x_range=_CRITICAL_DEPTHS,
        falsifier="another exponent, or an exponential that foretells held-out depths better",
        control=Control(
            description="the ordered phase, where the mean predictor does not vanish",
            expected="REFUTED",
            experiments=in_the_limit("mean predictor", DEEP_ORDERED)
            | of_many_networks("mean predictor", ORDERED_NETWORKS),
        ),
        experiments=in_the_limit("mean predictor", ON_CRITICAL_LINE)
        | of_many_networks("mean predictor", CRITICAL_NETWORKS),
        rivals=(ExponentialDecay(rate=0.01),),
        restated={
            "network": Restatement(
                prediction=(
                    "the mean over networks of what they predict has a size of exponent -1, within "
                    f"{_NETWORK_POWER:g}, {_range(CRITICAL_NETWORKS)} at bias variance "
                    f"{CRITICAL_NETWORKS['bias_variance']:g}"
                ),
                band=(-1.0 - _NETWORK_POWER, -1.0 + _NETWORK_POWER),
                band_reason=(
                    "corrections are ln l / l: infinite width has -0.90 at depths that networks reach, and "
                    "the band is twice that"
                ),
                x_range=_ends(CRITICAL_NETWORKS),
            )
        },
    ),
    Claim(
        id="C9a",
        paper="xiao",
        where="arXiv:1905.13654, Proposition 2, which Table 1 of arXiv:1912.13053 contradicts",
        statement=(
            "In the chaotic phase, too, the tangent kernel tends to a constant with depth, the same for all "
            "inputs."
        ),
        prediction=f"its entries between points over those on the diagonal are 1, within {_CONSTANT:g}",
        law=EqualWithinMargin(),
        predicted=0.0,
        band=(-_CONSTANT, _CONSTANT),
        band_reason=(
            "the same constant for all has a ratio of 1, Table 1 of arXiv:1912.13053 has one that falls to "
            "0: 0.05 counts as 1 beside that"
        ),
        x_range=_DEPTHS,
        falsifier="a diagonal that goes away from the other entries, which alone converge",
        control=Control(
            description="the ordered phase, where both papers have the same constant",
            expected="SUPPORTED",
            experiments=in_the_limit("entries over the diagonal", DEEP_ORDERED)
            | at_finite_width("entries over the diagonal", WIDE_ORDERED),
        ),
        experiments=in_the_limit("entries over the diagonal", DEEP_CHAOTIC)
        | at_finite_width("entries over the diagonal", WIDE_CHAOTIC),
        restated={"network": Restatement(x_range=(12, 28))},
    ),
    Claim(
        id="C9b",
        paper="xiao",
        where="arXiv:1905.13654, Proposition 3, for smooth units",
        statement=(
            "On the critical line the tangent kernel over l tends to its limit as ln(l) / l where units are "
            "smooth."
        ),
        prediction=(
            f"Theta_ab / q* - l / 3 moves with ln l at the slope {_LOGARITHM:.4f} of erf units (derived "
            f"here), within {_SLOPE:.0%}"
        ),
        law=LogarithmicGrowth(slope=_LOGARITHM),
        predicted=_LOGARITHM,
        band=around(_LOGARITHM, _SLOPE),
        band_reason=(
            "the slope has corrections of its own, ln l / l: 1.6 % at 200 layers, less beyond; the band is "
            "three times that"
        ),
        x_range=_CRITICAL_DEPTHS,
        falsifier="a difference that stays bounded, so that the kernel over l converges as 1/l",
        control=Control(
            description="the diagonal of the same kernels, which over l converges as 1/l",
            expected="REFUTED",
            experiments=in_the_limit("diagonal less its limit", ON_CRITICAL_LINE),
        ),
        experiments=in_the_limit("entries less their limit", ON_CRITICAL_LINE),
        rivals=(Constant(value=0.0),),
        not_applicable=TOO_DEEP,
    ),
    Claim(
        id="C9c",
        paper="xiao",
        where="arXiv:1905.13654, Proposition 3, for ReLU units",
        statement="On the critical line the tangent kernel over l tends to its limit as 1/l with ReLU units.",
        prediction=f"Theta_ab / q - l / 4 does not move with ln l: a slope of 0, within {_NONE:g}",
        law=LogarithmicGrowth(slope=0.0),
        predicted=0.0,
        band=(-_NONE, _NONE),
        band_reason=(
            "counts as none beside 3/8, which a logarithm would have here (derived), and leaves room for "
            "corrections that fall as ln l / l"
        ),
        x_range=_CRITICAL_DEPTHS,
        falsifier="a difference that grows with ln l, as it does with smooth units (3/8 ln l, derived here)",
        control=Control(
            description="the diagonal of the same kernels, l q without any correction",
            expected="SUPPORTED",
            experiments=in_the_limit("diagonal less its limit", RELU_ON_CRITICAL_LINE),
        ),
        experiments=in_the_limit("entries less their limit", RELU_ON_CRITICAL_LINE),
        not_applicable=TOO_DEEP,
    ),
)
