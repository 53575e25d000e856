"""Xiao et al.: dropout before the last layer bounds the condition number in the ordered phase (C6)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import Measurement, fully_connected_kernels
from genlaws.simulate.random_examples import sphere_points
from genlaws.theory import EqualWithinMargin, UpperBound
from genlaws.theory.mean_field import MeanField
from genlaws.theory.spectra import dropout_condition_number

from ..claim import Claim, Control, Restatement, Settings
from .image_families import component_task, require_points
from .units import NETWORKS_COME_LATER, by_budget, on_networks, rows, simulated

FloatArray = NDArray[np.float64]

_BIAS_VARIANCE = 0.18
_KEPT = "share of units kept"
_KAPPA = "condition number"


def top_over_bulk(kernel: FloatArray) -> float:
    """Largest eigenvalue over the mean of the others, which noise off the diagonal leaves as it is."""
    largest = float(np.linalg.eigvalsh(kernel)[-1])
    return largest * (len(kernel) - 1) / (float(np.trace(kernel)) - largest)


def _bounds(settings: Settings, variance: float) -> FloatArray:
    field = MeanField(weight_variance=variance, bias_variance=_BIAS_VARIANCE)
    return np.array(
        [dropout_condition_number(field, points=settings["points"], keep=keep) for keep in settings["keep"]]
    )


def _condition_numbers(
    settings: Settings, variance: float, depths: list[int], rng: np.random.Generator
) -> FloatArray:
    # (keep, depths); where settings say that nothing is dropped, every row is that of all units kept
    inputs = sphere_points(settings["points"], settings["dimension"], rng)
    found = np.empty((len(settings["keep"]), len(depths)))
    for k, keep in enumerate(settings["keep"]):
        kernels = fully_connected_kernels(
            inputs,
            depths=depths,
            weight_variance=variance,
            bias_variance=_BIAS_VARIANCE,
            keep=keep if settings["dropout"] else 1.0,
        )
        found[k] = [top_over_bulk(kernel) for kernel in kernels.tangent]
    return found


def measure_by_share_kept(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Condition numbers of deep kernels by the share of units kept, beside the limit of infinite depth."""
    variance = settings["weight_variance"]
    return rows(
        settings,
        settings["keep"],
        _condition_numbers(settings, variance, [settings["depth"]], rng)[:, 0],
        reference=_bounds(settings, variance),
        x_label=_KEPT,
        y_label=_KAPPA,
    )


def measure_by_depth(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Condition numbers by depth, beside their limit of infinite depth, of all shares of units kept."""
    variance, depths = settings["weight_variance"], settings["depths"]
    found = _condition_numbers(settings, variance, depths, rng)
    # the largest over its bound: of one share kept at every depth
    over = found / _bounds(settings, variance)[:, None]
    return rows(
        settings,
        depths,
        over.max(axis=0),
        reference=1.0,
        x_label="layers of weights",
        y_label="condition number over its bound",
    )


def measure_network_by_share_kept(settings: Settings, rng: np.random.Generator) -> Measurement:
    """The same of finite networks on images, from gradients of networks whose masks are drawn."""
    from genlaws.empirical.architectures import Architecture
    from genlaws.empirical.dropout_kernel import dropout_tangent_kernel
    from genlaws.empirical.networks import Network
    from genlaws.empirical.priors import Prior

    points, variance = settings["points"], settings["weight_variance"]
    task = component_task(settings["data"], settings["task"], settings["components"])
    require_points(task, points, "points")
    inputs = task.inputs[rng.choice(len(task), points, replace=False)]
    inputs = inputs * (math.sqrt(inputs.shape[1]) / np.linalg.norm(inputs, axis=1, keepdims=True))
    network = Network(
        Architecture(hidden=(settings["width"],) * (settings["depth"] - 1), activation="erf"),
        Prior(weight_variance=variance, bias_variance=_BIAS_VARIANCE),
        inputs.shape[1:],
    )
    weights = network.weights(network.draw(settings["networks"], rng).to(settings["device"]).double())
    found = []
    for keep in settings["keep"]:
        kernels = dropout_tangent_kernel(
            network,
            weights,
            inputs,
            keep=keep if settings["dropout"] else 1.0,
            masks=settings["masks"] if settings["dropout"] else 1,
            rng=rng,
        )
        found.append(np.mean([top_over_bulk(kernel) for kernel in kernels.cpu().numpy()]))
    return rows(
        settings,
        settings["keep"],
        found,
        reference=_bounds(settings, variance),
        x_label=_KEPT,
        y_label=_KAPPA,
    )


_SHARES = [0.5, 0.7, 0.8, 0.9, 0.95, 0.99]
_POINTS: dict[str, Any] = {"points": 20, "dimension": 40, "keep": _SHARES}
# at the deepest, l chi_1^l is far below what dropout adds
_BY_SHARE: dict[str, Any] = {**_POINTS, "weight_variance": 1.5, "depth": by_budget(200, 300, 400)}
_BY_DEPTH: dict[str, Any] = {
    **_POINTS,
    "weight_variance": 1.5,
    "depths": by_budget([10, 20, 40, 80, 160], [10, 20, 40, 80, 160, 320], [10, 20, 40, 80, 160, 320, 640]),
}
_NETWORKS: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": 20,
    "points": 10,
    "keep": [0.5, 0.7, 0.9],
    "weight_variance": 0.8,
    "depth": 20,
    "width": by_budget(256, 512, 1024),
    "networks": by_budget(4, 8, 8),
    "masks": by_budget(40, 80, 160),
}
_REPLICATES = by_budget(6, 12, 20)
_NETWORK_REPLICATES = by_budget(5, 10, 20)
_OFF, _OFF_NETWORKS = 0.05, 0.15

CLAIMS = (
    Claim(
        id="C6a",
        paper="xiao",
        where="arXiv:1912.13053, dropout before the last layer in the ordered phase",
        statement="Dropout before the last layer keeps the condition number of deep ordered networks finite.",
        prediction=(
            "kappa = 1 + m p* rho / ((1 - rho) (p* - bias variance)) with p* = q* / (1 - chi_1), derived "
            "here from the kernel, within 5 %, for shares rho of units kept from .5 to .99"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-_OFF, _OFF),
        band_reason=(
            "the formula is exact once l chi_1^l, what the depth still adds, has gone, as it has at 200 "
            "layers; 5 % are granted to rounding and to points that are not quite alike"
        ),
        x_range=(0.5, 0.99),
        falsifier="a share of units kept at which deep networks have another condition number",
        control=Control(
            description="the same networks without dropout, whose condition number grows with the depth",
            expected="REFUTED",
            experiments=simulated(_REPLICATES, measure_by_share_kept, dropout=False, **_BY_SHARE),
        ),
        experiments=simulated(_REPLICATES, measure_by_share_kept, dropout=True, **_BY_SHARE)
        | on_networks(_NETWORK_REPLICATES, measure_network_by_share_kept, dropout=True, **_NETWORKS),
        restated={
            "network": Restatement(
                prediction="the same of finite networks, from gradients under drawn masks, within 15 %",
                band=(-_OFF_NETWORKS, _OFF_NETWORKS),
                band_reason=(
                    "kernels are averaged over drawn masks of a few finite networks and keep their scatter: "
                    "three times the band of the limit"
                ),
                x_range=(0.5, 0.9),
                control=Control(
                    description="the same networks without dropout",
                    expected="REFUTED",
                    experiments=on_networks(
                        _NETWORK_REPLICATES, measure_network_by_share_kept, dropout=False, **_NETWORKS
                    ),
                ),
            )
        },
    ),
    Claim(
        id="C6b",
        paper="xiao",
        where="arXiv:1912.13053, dropout before the last layer in the ordered phase",
        statement="With dropout before the last layer, no depth takes the condition number over its bound.",
        prediction="kappa at most 5 % over its limit of infinite depth, at every depth from 10 on",
        law=UpperBound(relative=True),
        predicted=_OFF,
        band=(-math.inf, _OFF),
        band_reason=(
            "one-sided: the limit is reached from below, and 5 % above it count as reached, as in C6a"
        ),
        x_range=(10, 160),
        falsifier="a depth at which the condition number exceeds the bound",
        control=Control(
            description="the same networks without dropout, whose condition number grows as 1 / (l chi_1^l)",
            expected="REFUTED",
            experiments=simulated(_REPLICATES, measure_by_depth, dropout=False, **_BY_DEPTH),
        ),
        experiments=simulated(_REPLICATES, measure_by_depth, dropout=True, **_BY_DEPTH),
        not_applicable=NETWORKS_COME_LATER,
    ),
)
