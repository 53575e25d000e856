"""Xiao et al.: eigenvalues and condition numbers of tangent kernels by depth, in each phase (C2, C8)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.theory import (
    ClosedCurve,
    Constant,
    EqualWithinMargin,
    ExponentialDecay,
    LogarithmicGrowth,
    MeanField,
    PowerLaw,
    PowerLawWithCorrection,
)

from ..claim import Claim, Control, Restatement
from .xiao_kernels import (
    BIAS_VARIANCE,
    CHAOTIC,
    DEEP_CHAOTIC,
    DEEP_ORDERED,
    ON_CRITICAL_LINE,
    ORDERED,
    RELU_ON_CRITICAL_LINE,
    TOO_DEEP,
    WIDE_CHAOTIC,
    WIDE_CHAOTIC_VARIANCE,
    WIDE_ORDERED,
    WIDE_ORDERED_VARIANCE,
    around,
    at_finite_width,
    in_the_limit,
)
from .xiao_networks import CORRELATED_NETWORKS, on_mean_kernels

FloatArray = NDArray[np.float64]

_RATE, _NETWORK_RATE = 0.05, 0.1  # relative, of a rate by layer
_LIMIT, _NETWORK_LIMIT = 0.03, 0.15  # relative, of what tends to a number
_PREFACTOR = 0.1  # of the power of l
_LOGARITHM = 0.05  # slope in ln l that counts as none, in units of q*
_TABLE = "arXiv:1912.13053, Table 1"
_SCATTER = (
    "one network of finite width scatters at each depth, and depths are few: twice the band of the limit"
)
_SCATTER_OF_LIMIT = (
    "the largest eigenvalue of one network scatters by about (xi_1 / width)^(1/2), which is 8 % at 500 "
    "units; the covariance is smaller by a factor of 3.6"
)


def critical_condition_number(points: FloatArray) -> FloatArray:
    """(m + 2) / 2 of m points, the limit of great depth on the critical line (arXiv:1912.13053, Table 1)."""
    return 0.5 * (points + 2.0)


def _growth(variance: float) -> float:
    # ln chi_1: positive in the chaotic phase
    return math.log(MeanField(weight_variance=variance, bias_variance=BIAS_VARIANCE).chi_1)


_ORDERED, _WIDE_ORDERED = _growth(ORDERED), _growth(WIDE_ORDERED_VARIANCE)
_CHAOTIC, _WIDE_CHAOTIC = _growth(CHAOTIC), _growth(WIDE_CHAOTIC_VARIANCE)
_DEPTHS, _CRITICAL_DEPTHS = (40, 120), (200, 4000)
# where l chi_c*^l, by which it starts elsewhere, has gone
_VERY_DEEP_CHAOTIC: Mapping[str, Any] = {**DEEP_CHAOTIC, "depths": [80, 100, 120, 140, 160]}
_WIDE_ORDERED_DEPTHS, _WIDE_CHAOTIC_DEPTHS = (20, 40), (12, 28)

CLAIMS = (
    Claim(
        id="C2a",
        paper="xiao",
        where=_TABLE,
        statement=(
            "In the ordered phase the condition number of the tangent kernel grows with depth as "
            "1 / (l chi_1^l): deep networks cannot be trained."
        ),
        prediction=(
            f"kappa l grows at the rate -ln chi_1 = {-_ORDERED:.4f} by layer at weight variance {ORDERED:g}, "
            f"within {_RATE:.0%}"
        ),
        law=ExponentialDecay(rate=_ORDERED, prefactor_power=-1.0),
        predicted=_ORDERED,
        band=around(_ORDERED, _RATE),
        band_reason=(
            "corrections to l chi_1^l take 0.7 % off the local rate at 40 layers and 0.2 % at 120 (from the "
            "recursion); a rate within 5 % is a chi_1 within 1 %"
        ),
        x_range=_DEPTHS,
        falsifier="another rate of growth, or growth that a power of the depth foretells better",
        control=Control(
            description="dropout of a tenth of the last hidden units, which bounds the condition number",
            expected="REFUTED",
            experiments=in_the_limit("condition number", {**DEEP_ORDERED, "keep": 0.9}),
        ),
        experiments=in_the_limit("condition number", DEEP_ORDERED)
        | at_finite_width("condition number", WIDE_ORDERED),
        rivals=(PowerLaw(exponent=1.0),),
        restated={
            "network": Restatement(
                prediction=(
                    f"kappa l grows at the rate -ln chi_1 = {-_WIDE_ORDERED:.4f} by layer at weight variance "
                    f"{WIDE_ORDERED_VARIANCE:g}, within {_NETWORK_RATE:.0%}"
                ),
                law=ExponentialDecay(rate=_WIDE_ORDERED, prefactor_power=-1.0),
                predicted=_WIDE_ORDERED,
                band=around(_WIDE_ORDERED, _NETWORK_RATE),
                band_reason=_SCATTER,
                x_range=_WIDE_ORDERED_DEPTHS,
                control=Control(
                    description="the chaotic phase, where the condition number does not grow with depth",
                    expected="REFUTED",
                    experiments=at_finite_width("condition number", WIDE_CHAOTIC),
                ),
            )
        },
    ),
    Claim(
        id="C2b",
        paper="xiao",
        where=_TABLE,
        statement="In the ordered phase the largest eigenvalue of the tangent kernel tends to m p*.",
        prediction=f"the largest eigenvalue is m q* / (1 - chi_1) within {_LIMIT:.0%}",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-_LIMIT, _LIMIT),
        band_reason=(
            "the limit is 0.8 % away at 40 layers, and reached at 80; the covariance, from which it must be "
            "told, is smaller by a factor of 6"
        ),
        x_range=_DEPTHS,
        falsifier="a limit more than that off, or an eigenvalue that goes on changing with depth",
        control=Control(
            description=(
                "the covariance of the same networks in place of their tangent kernel: m q*, without the "
                "gradients of the layers below"
            ),
            expected="REFUTED",
            experiments=in_the_limit("covariance's largest", DEEP_ORDERED)
            | at_finite_width("covariance's largest", WIDE_ORDERED),
        ),
        experiments=in_the_limit("largest eigenvalue", DEEP_ORDERED)
        | at_finite_width("largest eigenvalue", WIDE_ORDERED),
        restated={
            "network": Restatement(
                prediction=f"the largest eigenvalue is m q* / (1 - chi_1) within {_NETWORK_LIMIT:.0%}",
                band=(-_NETWORK_LIMIT, _NETWORK_LIMIT),
                band_reason=_SCATTER_OF_LIMIT,
                x_range=_WIDE_ORDERED_DEPTHS,
            )
        },
    ),
    Claim(
        id="C2c",
        paper="xiao",
        where=_TABLE,
        statement="In the ordered phase the other eigenvalues of the tangent kernel fall as l chi_1^l.",
        prediction=(
            f"over chi_1^l their mean grows as l to the power 1, within {_PREFACTOR:g}, with a correction of "
            "relative size 1/l"
        ),
        law=PowerLawWithCorrection(exponent=1.0, correction_exponent=1.0),
        predicted=1.0,
        band=(1.0 - _PREFACTOR, 1.0 + _PREFACTOR),
        band_reason=(
            "without its correction the local power is 1.19 at 40 layers and 1.07 at 120; with it fitted, "
            "0.1 is left for terms beyond, and the covariance has 0"
        ),
        x_range=_DEPTHS,
        falsifier="another power of l, or none",
        control=Control(
            description=(
                "the covariance of the same networks, whose other eigenvalues fall as chi_1^l alone"
            ),
            expected="REFUTED",
            experiments=in_the_limit("covariance's others over chi", DEEP_ORDERED),
        ),
        experiments=in_the_limit("others over chi", DEEP_ORDERED),
        not_applicable={"network": "a power of l beside chi_1^l drowns in the scatter of finite widths"},
    ),
    Claim(
        id="C2d",
        paper="xiao",
        where=_TABLE,
        statement=(
            "In the chaotic phase the condition number of the tangent kernel tends to 1 with depth, "
            "as chi_1^(-l)."
        ),
        prediction=(
            f"kappa - 1 falls at the rate ln chi_1 = {_CHAOTIC:.4f} by layer at weight variance {CHAOTIC:g}, "
            f"within {_RATE:.0%}, for inputs of equal lengths"
        ),
        law=ExponentialDecay(rate=_CHAOTIC),
        predicted=_CHAOTIC,
        band=around(_CHAOTIC, _RATE),
        band_reason=(
            "corrections take 1.7 % off the local rate at 40 layers and nothing at 80 (from the recursion); "
            "a rate within 5 % is a chi_1 within 1 %"
        ),
        x_range=_DEPTHS,
        falsifier="another rate, or a limit other than 1",
        control=Control(
            description=(
                "inputs of unequal lengths: the diagonal remembers them however deep the network, and kappa "
                "tends to its largest over its smallest entry"
            ),
            expected="REFUTED",
            experiments=in_the_limit("condition number less one", {**DEEP_CHAOTIC, "equal_lengths": False}),
        ),
        experiments=in_the_limit("condition number less one", DEEP_CHAOTIC),
        rivals=(PowerLaw(exponent=-1.0),),
        not_applicable={
            # at weight variance 4, of 8 points: .17 beside the limit's .05
            "network": (
                "kappa - 1 stops at the scatter of the kernels: averaged over 64 networks of width 400 it is "
                "still three times the limit's where the law sets in, twelve layers deep"
            )
        },
    ),
    Claim(
        id="C2e",
        paper="xiao",
        where=_TABLE,
        statement="In the chaotic phase the eigenvalues of the tangent kernel grow with depth as chi_1^l.",
        prediction=(
            f"the mean of all but the largest grows at the rate ln chi_1 = {_CHAOTIC:.4f} by layer, within "
            f"{_RATE:.0%}"
        ),
        law=ExponentialDecay(rate=-_CHAOTIC),
        predicted=-_CHAOTIC,
        band=around(-_CHAOTIC, _RATE),
        band_reason=(
            "the local rate is within 0.1 % of its limit at 40 layers already; a rate within 5 % is a chi_1 "
            "within 1 %"
        ),
        x_range=_DEPTHS,
        falsifier="another rate of growth, or eigenvalues that stay bounded",
        control=Control(
            description="the covariance of the same networks, whose eigenvalues tend to q* (1 - c*)",
            expected="REFUTED",
            experiments=in_the_limit("covariance's others", DEEP_CHAOTIC)
            | at_finite_width("covariance's others", WIDE_CHAOTIC),
        ),
        experiments=in_the_limit("other eigenvalues", DEEP_CHAOTIC)
        | at_finite_width("other eigenvalues", WIDE_CHAOTIC),
        rivals=(PowerLaw(),),
        restated={
            "network": Restatement(
                prediction=(
                    f"the rate ln chi_1 = {_WIDE_CHAOTIC:.4f} at weight variance {WIDE_CHAOTIC_VARIANCE:g}, "
                    f"within {_NETWORK_RATE:.0%}"
                ),
                law=ExponentialDecay(rate=-_WIDE_CHAOTIC),
                predicted=-_WIDE_CHAOTIC,
                band=around(-_WIDE_CHAOTIC, _NETWORK_RATE),
                band_reason=_SCATTER,
                x_range=_WIDE_CHAOTIC_DEPTHS,
            )
        },
    ),
    Claim(
        id="C2f",
        paper="xiao",
        where=_TABLE,
        statement="On the critical line all eigenvalues but the largest grow as (2/3) l q*.",
        prediction=f"their mean over l q* tends to 2/3, within {_LIMIT:.0%}",
        law=Constant(value=2.0 / 3.0),
        predicted=2.0 / 3.0,
        band=around(2.0 / 3.0, _LIMIT),
        band_reason=(
            "corrections fall as ln l / l: the share is 1.6 % off at 200 layers and 0.2 % at 4,000; ReLU "
            "units have 3/4, 12 % off"
        ),
        x_range=_CRITICAL_DEPTHS,
        falsifier="another share of l q*",
        control=Control(
            description=(
                "ReLU units on their critical line, whose correlations converge as 1/l^2: a share of 3/4"
            ),
            expected="REFUTED",
            experiments=in_the_limit("others by layer", RELU_ON_CRITICAL_LINE),
        ),
        experiments=in_the_limit("others by layer", ON_CRITICAL_LINE),
        not_applicable=TOO_DEEP,
    ),
    Claim(
        id="C2g",
        paper="xiao",
        where=f"{_TABLE}: the correction to the largest eigenvalue on the critical line is m O(1)",
        statement="On the critical line the largest eigenvalue is ((m + 2) / 3) l q* + m O(1).",
        prediction=f"the difference over m q* does not move with ln l: a slope of 0, within {_LOGARITHM:g}",
        law=LogarithmicGrowth(slope=0.0),
        predicted=0.0,
        band=(-_LOGARITHM, _LOGARITHM),
        band_reason="counts as none beside the logarithm of C9b, whose slope is -0.6 in the same units",
        x_range=_CRITICAL_DEPTHS,
        falsifier="a difference that grows with the logarithm of the depth",
        control=Control(
            description="the diagonal of the same kernels, l q* up to a number that does not move with depth",
            expected="SUPPORTED",
            experiments=in_the_limit("diagonal less its limit", ON_CRITICAL_LINE),
        ),
        experiments=in_the_limit("largest less its limit", ON_CRITICAL_LINE),
        not_applicable=TOO_DEEP,
    ),
    Claim(
        id="C2h",
        paper="xiao",
        where="arXiv:1912.13053, the fixed point of the tangent kernel's recursion in the chaotic phase",
        statement=(
            "In the chaotic phase the tangent kernel between different inputs converges, to "
            "q* c* / (1 - chi_c*)."
        ),
        prediction=f"the mean of Theta_ab is q* c* / (1 - chi_c*) within {_LIMIT:.0%}",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-_LIMIT, _LIMIT),
        band_reason=(
            "the limit is 0.1 % away at 80 layers, so that most of the band is room for the draw of points"
        ),
        x_range=(80, 160),
        falsifier="another limit, or none",
        control=Control(
            description="the diagonal of the same kernels, which does not converge but grows as chi_1^l",
            expected="REFUTED",
            experiments=in_the_limit("diagonal", _VERY_DEEP_CHAOTIC)
            | on_mean_kernels("diagonal", CORRELATED_NETWORKS),
        ),
        experiments=in_the_limit("entries between points", _VERY_DEEP_CHAOTIC)
        | on_mean_kernels("entries between points", CORRELATED_NETWORKS),
        restated={
            "network": Restatement(
                prediction=(
                    "the mean of Theta_ab over pairs and networks is q* c* / (1 - chi_c*) within "
                    f"{_NETWORK_LIMIT:.0%}, at weight variance {WIDE_CHAOTIC_VARIANCE:g} on inputs of "
                    "correlation c*"
                ),
                band=(-_NETWORK_LIMIT, _NETWORK_LIMIT),
                band_reason=(
                    "infinitely wide networks would be 9 % off the limit at the first of these depths and 6 "
                    "% at the last; the rest is the scatter of the networks averaged"
                ),
                x_range=(CORRELATED_NETWORKS["depths"][0], CORRELATED_NETWORKS["depths"][-1]),
            )
        },
    ),
    Claim(
        id="C8a",
        paper="xiao",
        where=_TABLE,
        statement="On the critical line the condition number of m points tends to (m + 2) / 2 with depth.",
        prediction=f"kappa is (m + 2) / 2 within {_LIMIT:.0%}, at four thousand layers and more",
        law=ClosedCurve(critical_condition_number, relative=True),
        predicted=0.0,
        band=(-_LIMIT, _LIMIT),
        band_reason=(
            "the limit is 0.3 % away at 4,000 layers, for any number of points; of ReLU units it is a third "
            "off for many"
        ),
        x_range=(4, 64),
        falsifier="a number of points with another limit",
        control=Control(
            description="ReLU units on their critical line, of which it tends to (m + 3) / 3",
            expected="REFUTED",
            experiments=in_the_limit("condition number by points", RELU_ON_CRITICAL_LINE),
        ),
        experiments=in_the_limit("condition number by points", ON_CRITICAL_LINE),
        not_applicable=TOO_DEEP,
    ),
)
