"""Xiao et al.: how the correlation of two inputs converges with depth in each phase (C1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from genlaws.simulate import Measurement, fully_connected_kernels
from genlaws.theory import EqualWithinMargin, ExponentialDecay, PowerLaw
from genlaws.theory.mean_field import MeanField

from ..claim import Claim, Control, Restatement, Settings
from .units import by_budget, on_networks, rows, simulated
from .xiao_kernels import (
    BIAS_VARIANCE,
    CHAOTIC,
    CRITICAL,
    DEEP_CHAOTIC,
    DEEP_ORDERED,
    INFINITE,
    ON_CRITICAL_LINE,
    ORDERED,
    SIMULATED,
    correlation_gaps,
    drawn_network,
    drawn_points,
    first_cosine,
    in_the_limit,
    mean_field,
)

FloatArray = NDArray[np.float64]

_RATE, _NETWORK_RATE = 0.05, 0.1  # relative
# from c*, of the correlations that pairs on both sides of it start with: at weight variance 2.5 and infinite
# width half their difference then decays within 2 % of the map's slope from the third layer on
_APART = 0.15


def _either_side(inputs: FloatArray, field: MeanField) -> FloatArray:
    # Half the inputs, and for each of them two partners in its plane with another: of a first layer's
    # correlation above and below c*.
    count, features = inputs.shape
    one, other = inputs[: count // 2], inputs[count // 2 : 2 * (count // 2)]
    across = other - np.sum(one * other, axis=1, keepdims=True) / features * one
    across *= math.sqrt(features) / np.linalg.norm(across, axis=1, keepdims=True)
    partners = []
    for wanted in (field.fixed_correlation + _APART, field.fixed_correlation - _APART):
        cosine = first_cosine(field, wanted)
        partners.append(cosine * one + math.sqrt(1.0 - cosine**2) * across)
    return np.concatenate([one, *partners])


def _distance(left: FloatArray, *, chaotic: bool) -> float:
    # of what leaves a layer, (points, width): from differences of unit vectors, as 1 - c may be small
    units = left / np.linalg.norm(left, axis=1, keepdims=True)
    if chaotic:
        one, above, below = np.split(units, 3)
        squares = np.sum((one - below) ** 2 - (one - above) ** 2, axis=1)
        return 0.25 * float(squares.mean())
    return 0.5 * float(np.mean(pdist(units, "sqeuclidean")))


def measure_layer_correlations(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Distance of correlations from c* in the layers of one network of finite width, by layer.

    In the ordered phase and on the critical line the mean of 1 - c over pairs of images. In the chaotic phase
    all correlations of a network fluctuate together about c*, by some 1 / sqrt(width): there half the
    difference of the mean correlations of pairs that started above and below c*.
    """
    from genlaws.empirical.devices import resolve_device

    field = mean_field(settings)
    chaotic = field.phase == "chaotic"
    inputs, _ = drawn_points(settings, rng)
    if chaotic:
        inputs = _either_side(inputs, field)
    depths = settings["depths"]
    device = resolve_device(settings["device"])
    network = drawn_network(settings, max(depths), inputs.shape[1])
    weights = network.weights(network.draw(1, rng, device))
    layers = network.layer_values(weights, weights[0][0].new_tensor(inputs))
    left = [layers[depth - 1][1][0].numpy(force=True).astype(np.float64) for depth in depths]
    y = [_distance(values, chaotic=chaotic) for values in left]
    return rows(settings, depths, y, x_label="layer l", y_label="distance of correlations from c*")


def measure_rates(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Rates at which correlations of infinitely wide networks converge, by weight variance, and -ln chi_c.

    Between two depths of so many times the predicted depth scale, from the mean over pairs of |c - c*|.
    """
    found, predicted = [], []
    for weight_variance in settings["weight_variances"]:
        layers = {"weight_variance": weight_variance, "bias_variance": settings["bias_variance"]}
        field = MeanField(settings["activation"], **layers)
        predicted.append(-math.log(field.chi_c))
        first, last = (math.ceil(scales / predicted[-1]) for scales in settings["scales"])
        inputs, _ = drawn_points(settings, rng)
        covariance = fully_connected_kernels(
            inputs, activation=settings["activation"], depths=[first, last], **layers
        ).covariance
        distance = np.abs(1.0 - field.fixed_correlation - correlation_gaps(covariance)).mean(axis=1)
        found.append(math.log(distance[0] / distance[1]) / (last - first))
    return rows(
        settings,
        settings["weight_variances"],
        found,
        x_label="weight variance",
        y_label="rate of convergence by layer",
        reference=predicted,
    )


_POWERS = [10, 13, 16, 20, 26, 32, 40, 48]
_WIDE: dict[str, Any] = {
    **INFINITE,
    "inputs": ["images"],
    "points": 24,
    "tested": 0,
    "width": by_budget(1000, 1500, 2500),
}
_ALL_VARIANCES: dict[str, Any] = {
    **INFINITE,
    "points": 24,
    "tested": 0,
    "weight_variances": [0.5, 1.0, 1.25, 1.5, 2.0, 2.25, 2.5, 3.0],
}
_PHASES = "arXiv:1912.13053, the correlation map of the recursions and its fixed points"


def _layers(first: int, last: int, step: int) -> list[int]:
    return list(range(first, last + 1, step))


def _converges(
    claim: str, phase: str, variance: float, chi: str, slope: float, network: dict[str, Any]
) -> Claim:
    """Correlations converge exponentially at the slope of their map."""
    rate = -math.log(slope)
    return Claim(
        id=claim,
        paper="xiao",
        where=_PHASES,
        statement=(
            f"In the {phase} phase the correlation of two inputs converges to its fixed point exponentially "
            f"with depth, as {chi}^l."
        ),
        prediction=(
            f"|c - c*| falls at the rate -ln {chi} = {rate:.4f} by layer at weight variance {variance:g}, "
            f"within {_RATE:.0%}"
        ),
        law=ExponentialDecay(rate=rate),
        predicted=rate,
        band=((1 - _RATE) * rate, (1 + _RATE) * rate),
        band_reason=(
            f"a rate within {_RATE:.0%} is a slope {chi} of the map within 1 %; local rates at the first and "
            "the last depths differ by 0.2 % at most"
        ),
        x_range=(40, 120),
        falsifier="another rate, or a fall that a power of the depth foretells better",
        control=Control(
            description="the critical line, where the same correlations converge as 1/l",
            expected="REFUTED",
            experiments=in_the_limit("distance from c*", {**DEEP_ORDERED, "weight_variance": CRITICAL})
            | on_networks(
                SIMULATED,
                measure_layer_correlations,
                **_WIDE,
                weight_variance=CRITICAL,
                depths=network["depths"],
            ),
        ),
        experiments=in_the_limit("distance from c*", DEEP_ORDERED if phase == "ordered" else DEEP_CHAOTIC)
        | on_networks(
            by_budget(12, 16, 24) if phase == "ordered" else by_budget(24, 24, 32),
            measure_layer_correlations,
            **{**_WIDE, "weight_variance": variance, **network},
        ),
        rivals=(PowerLaw(exponent=-1.0),),
        restated={
            "network": Restatement(
                prediction=(
                    f"the rate -ln {chi} = {rate:.4f} within {_NETWORK_RATE:.0%}, in layers "
                    f"{network['depths'][0]} to {network['depths'][-1]}"
                ),
                band=((1 - _NETWORK_RATE) * rate, (1 + _NETWORK_RATE) * rate),
                band_reason=(
                    "each layer of finite width scatters about the map, by 3 % of a correlation in 1,000 "
                    "units, and layers are few: twice the band of the limit"
                ),
                x_range=(network["depths"][0], network["depths"][-1]),
            )
        },
    )


CLAIMS = (
    _converges(
        "C1a",
        "ordered",
        ORDERED,
        "chi_1",
        MeanField(weight_variance=ORDERED, bias_variance=BIAS_VARIANCE).chi_1,
        {"depths": _layers(15, 45, 3)},
    ),
    _converges(
        "C1b",
        "chaotic",
        CHAOTIC,
        "chi_c*",
        MeanField(weight_variance=CHAOTIC, bias_variance=BIAS_VARIANCE).chi_c,
        {"depths": _layers(3, 18, 1), "points": 120},
    ),
    Claim(
        id="C1c",
        paper="xiao",
        where=_PHASES,
        statement=(
            "On the critical line the correlation of two inputs converges to 1 as 1/l: a power of the depth, "
            "not exponentially."
        ),
        prediction="1 - c falls as a power of the depth of exponent -1, within 0.05",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.05, -0.95),
        band_reason=(
            "corrections fall as ln l / l: by the recursion the local exponent is -1.02 at 200 layers, and "
            "the band is about twice that"
        ),
        x_range=(200, 4000),
        falsifier="another exponent, or an exponential that foretells held-out depths better",
        control=Control(
            description="the ordered phase near by, weight variance 1.5, where the fall is exponential",
            expected="REFUTED",
            experiments=in_the_limit(
                "distance from c*",
                {**INFINITE, "weight_variance": 1.5, "depths": _layers(40, 240, 25)},
            )
            | on_networks(
                SIMULATED,
                measure_layer_correlations,
                **_WIDE,
                weight_variance=1.5,
                depths=_POWERS,
            ),
        ),
        experiments=in_the_limit("distance from c*", ON_CRITICAL_LINE)
        | on_networks(
            by_budget(24, 24, 32),
            measure_layer_correlations,
            **_WIDE,
            weight_variance=CRITICAL,
            depths=_POWERS,
        ),
        rivals=(ExponentialDecay(rate=0.01),),
        restated={
            "network": Restatement(
                prediction="an exponent of -1 within 0.1, in layers 10 to 48",
                band=(-1.1, -0.9),
                band_reason=(
                    "by the recursion the local exponent goes from -0.94 to -1.04 over layers 10 to 48, and "
                    "finite width scatters as much again"
                ),
                x_range=(10, 48),
            )
        },
    ),
    Claim(
        id="C1d",
        paper="xiao",
        where=_PHASES,
        statement=(
            "At every weight variance off the critical line correlations converge at the rate of the "
            "correlation map's slope at its fixed point."
        ),
        prediction="the rate by layer is -ln chi_c* within 5 % at weight variances from 0.5 to 3",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-_RATE, _RATE),
        band_reason=(
            "rates are read between 7 and 14 depth scales, where those of C1a and C1b have settled; 5 % of a "
            "rate is a slope of the map within 4 %, and within 1 % near the critical line"
        ),
        x_range=(0.5, 3.0),
        falsifier="a weight variance at which the rate is more than 5 % off",
        control=Control(
            description="the first layers, where correlations are still far from their fixed point",
            expected="REFUTED",
            experiments=simulated(SIMULATED, measure_rates, **_ALL_VARIANCES, scales=[0.1, 1.0]),
        ),
        experiments=simulated(SIMULATED, measure_rates, **_ALL_VARIANCES, scales=[7.0, 14.0]),
        not_applicable={"network": "C1a and C1b test the rates of networks of finite width"},
    ),
)
