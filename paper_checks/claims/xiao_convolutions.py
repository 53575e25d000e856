"""Xiao et al.: convolutional networks without pooling beside fully connected ones (C5a, C5b)."""

from __future__ import annotations

from typing import Any

from genlaws.theory import EqualWithinMargin

from ..claim import Claim, Control, Restatement
from .convolution_readings import DRAWN, IMAGES, measure_generalization_scale, measure_training_scale
from .units import by_budget, on_networks, simulated

_SCALES: dict[str, Any] = {**IMAGES, "side": 8, "points": 16}
_TRAINING: dict[str, Any] = {
    **_SCALES,
    "tested": 0,
    "weight_variances": [1.0, 1.25, 1.5],  # xi_1 of 3.1, 5.5, 12.5
    "multiples": [3.0, 8.0],
}
_GENERALIZATION: dict[str, Any] = {
    **_SCALES,
    "tested": 16,
    "weight_variances": [2.0, 2.5, 3.0],  # xi_* of 7.9, 3.3, 2.4
    "multiples": [2.0, 6.0],
}
_NETWORK_TRAINING: dict[str, Any] = {
    **_TRAINING,
    **DRAWN,
    "side": 4,
    "weight_variances": [0.75, 1.0, 1.25],
    "multiples": [1.3, 3.0],
}
_NETWORK_GENERALIZATION: dict[str, Any] = {
    **_GENERALIZATION,
    **DRAWN,
    "side": 4,
    "tested": 8,
    "weight_variances": [2.5, 3.0],
    "multiples": [1.0, 4.0],
}
_OVER_DRAWS = (
    "kernels of 64 channels averaged over 16 draws scatter, and their depths are a few scales only: three "
    "times the band that infinite width has in the ordered phase"
)
_REPLICATES, _DRAWS = by_budget(4, 8, 16), by_budget(8, 12, 20)

CLAIMS = (
    Claim(
        id="C5a",
        paper="xiao",
        where="arXiv:1912.13053, abstract and Table 1 with d = 1",
        statement=(
            "In the ordered phase, convolutional networks without pooling become untrainable with depth as "
            "fully connected ones do."
        ),
        prediction=(
            "the condition number grows over the same depth, xi_1, of kernels of both on the same images "
            "without a border"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.05, 0.05),
        band_reason=(
            "both scales are read at 3 and 8 xi_1, so that powers of the depth drop out of their ratio; what "
            "is left is how far places of an image still are from alike"
        ),
        x_range=(1.0, 1.5),
        falsifier="a depth scale of the condition number more than 5 % off that of fully connected networks",
        control=Control(
            description=(
                "zeros around the images: places near the border have fewer neighbours, which takes as much "
                "from the variance of the weights and from xi_1"
            ),
            expected="REFUTED",
            experiments=simulated(_REPLICATES, measure_training_scale, **{**_TRAINING, "boundary": "zeros"}),
        ),
        experiments=simulated(_REPLICATES, measure_training_scale, **_TRAINING)
        | on_networks(_DRAWS, measure_training_scale, **_NETWORK_TRAINING),
        restated={
            "network": Restatement(
                prediction="the same of finite networks, whose kernels are averaged over draws, within 15 %",
                band=(-0.15, 0.15),
                band_reason=_OVER_DRAWS,
                x_range=(0.75, 1.25),
                falsifier="a depth scale more than 15 % off that of fully connected networks",
                control=Control(
                    description="zeros around the images, which shorten xi_1 at finite width, too",
                    expected="REFUTED",
                    experiments=on_networks(
                        _DRAWS,
                        measure_training_scale,
                        **{**_NETWORK_TRAINING, "boundary": "zeros"},
                    ),
                ),
            )
        },
    ),
    Claim(
        id="C5b",
        paper="xiao",
        where="arXiv:1912.13053, abstract and Table 1 with d = 1",
        statement=(
            "In the chaotic phase, convolutional networks without pooling cease to generalize with depth as "
            "fully connected ones do."
        ),
        prediction=(
            "the mean predictor falls over the same depth, xi_*, of kernels of both on the same images "
            "without a border"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=(
            "twice the band of C5a: scales are read at 2 and 6 xi_*, where places of an image are less alike "
            "yet"
        ),
        x_range=(2.0, 3.0),
        falsifier="a depth scale of the mean predictor more than 10 % off that of fully connected networks",
        control=Control(
            description=(
                "zeros around the images: places near the border have fewer neighbours, which takes from the "
                "variance of the weights and lengthens xi_*"
            ),
            expected="REFUTED",
            experiments=simulated(
                _REPLICATES, measure_generalization_scale, **{**_GENERALIZATION, "boundary": "zeros"}
            ),
        ),
        experiments=simulated(_REPLICATES, measure_generalization_scale, **_GENERALIZATION)
        | on_networks(_DRAWS, measure_generalization_scale, **_NETWORK_GENERALIZATION),
        restated={
            "network": Restatement(
                prediction="the same of finite networks, whose kernels are averaged over draws, within 15 %",
                band=(-0.15, 0.15),
                band_reason=_OVER_DRAWS,
                x_range=(2.5, 3.0),
                falsifier="a depth scale more than 15 % off that of fully connected networks",
                control=Control(
                    description="zeros around the images, which lengthen xi_* at finite width, too",
                    expected="REFUTED",
                    experiments=on_networks(
                        _DRAWS,
                        measure_generalization_scale,
                        **{**_NETWORK_GENERALIZATION, "boundary": "zeros"},
                    ),
                ),
            )
        },
    ),
)
