"""What many networks of finite width have in common: mean predictors and mean tangent kernels, by depth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate.measurement import Measurement, Source
from genlaws.theory import critical_weight_variance

from ..claim import AnyExperiment, Readings, Settings, SharedWork
from .units import by_budget, rows, shared_networks
from .xiao_kernels import (
    BIAS_VARIANCE,
    WIDE_CHAOTIC_VARIANCE,
    drawn_network,
    drawn_points,
    first_cosine,
    mean_diagonal,
    mean_field,
    pairs,
)

FloatArray = NDArray[np.float64]

_TOGETHER = 4  # networks whose weights are in memory at once


def _partners(inputs: FloatArray, cosine: float, count: int, rng: np.random.Generator) -> FloatArray:
    # `count` for each input, of the same length and at this cosine to it, otherwise in random directions
    near = np.repeat(inputs, count, axis=0)
    squares = np.sum(near**2, axis=1, keepdims=True)
    across = rng.standard_normal(near.shape)
    across -= np.sum(across * near, axis=1, keepdims=True) / squares * near
    across *= np.sqrt(squares) / np.linalg.norm(across, axis=1, keepdims=True)
    made: FloatArray = cosine * near + math.sqrt(1.0 - cosine**2) * across
    return made


def _tangent_kernels(settings: Settings, inputs: FloatArray, rng: np.random.Generator) -> FloatArray:
    # (networks, depths, points, points); the depths of one network share its first layers and its last
    from genlaws.empirical.devices import resolve_device
    from genlaws.empirical.tangent_kernel import empirical_tangent_kernel

    device, depths = resolve_device(settings["device"]), settings["depths"]
    networks = {depth: drawn_network(settings, depth - 1, inputs.shape[1]) for depth in depths}
    deepest = networks[max(depths)]
    made = []
    for first in range(0, settings["networks"], _TOGETHER):
        together = min(_TOGETHER, settings["networks"] - first)
        weights = deepest.weights(deepest.draw(together, rng, device).double())
        kernels = [
            empirical_tangent_kernel(networks[depth], [*weights[: depth - 1], weights[-1]], inputs)
            for depth in depths
        ]
        made.append(np.stack([kernel.numpy(force=True) for kernel in kernels], axis=1))
    return np.concatenate(made)


def _by_depth(settings: Settings, y: FloatArray, label: str, reference: float | None = None) -> Measurement:
    return rows(settings, settings["depths"], y, x_label="depth l", y_label=label, reference=reference)


def common_size(predictions: FloatArray) -> FloatArray:
    """Root mean square over points and outputs of the mean over networks, of infinitely many of them.

    Products of the predictions of two different networks have the square of that mean as their mean: what
    each network adds of its own does not enter, however large it is.

    Parameters
    ----------
    predictions : ndarray, shape (networks, depths, points, outputs)

    Returns
    -------
    ndarray, shape (depths,)
        Its square is without bias. Where chance has that negative, minus the root of its size.
    """
    networks = len(predictions)
    squares = np.sum(predictions, axis=0) ** 2 - np.sum(predictions**2, axis=0)
    common = squares.mean(axis=(1, 2)) / (networks * (networks - 1))
    made: FloatArray = np.sign(common) * np.sqrt(np.abs(common))
    return made


def measure_common_predictors(settings: Settings, rng: np.random.Generator) -> Readings:
    """Size of the mean over finite networks of P(Theta) Y near training points, over that of Y, by depth.

    Each network predicts with its own tangent kernel at the start: as it would after training without end
    at a small learning rate, were its kernel to stay, less what it says before training, which has mean 0.
    What one network adds of its own, by chance, does not fade: in the chaotic phase, of m points, it stops at
    about .3 (m / width)^(1/2) of the labels.
    """
    inputs, labels = drawn_points({**settings, "tested": 0, "centred_labels": False}, rng)
    points = len(inputs)
    tested = _partners(inputs, settings["cosine"], settings["partners"], rng)
    kernels = _tangent_kernels(settings, np.concatenate([inputs, tested]), rng)

    def size_over(targets: FloatArray) -> Measurement:
        shape = (*kernels.shape[:2], *targets.shape)
        weights = np.linalg.solve(kernels[..., :points, :points], np.broadcast_to(targets, shape))
        size = common_size(kernels[..., points:, :points] @ weights) / math.sqrt(np.mean(targets**2))
        return rows(
            settings, settings["depths"], size, x_label="depth l", y_label="mean predictor over labels"
        )

    return {
        "mean predictor": size_over(labels - labels.mean(axis=0)),
        "of labels with a mean": size_over(labels),
    }


def _correlated(inputs: FloatArray, cosine: float, rng: np.random.Generator) -> FloatArray:
    # with a part in common, so that inputs without one have this cosine to each other on average
    common = rng.standard_normal((1, inputs.shape[1]))
    common *= math.sqrt(inputs.shape[1]) / np.linalg.norm(common)
    mixed = math.sqrt(cosine) * common + math.sqrt(1.0 - cosine) * inputs
    made: FloatArray = mixed * (math.sqrt(inputs.shape[1]) / np.linalg.norm(mixed, axis=1, keepdims=True))
    return made


def measure_mean_entries(settings: Settings, rng: np.random.Generator) -> Readings:
    """Entries of the mean over finite networks of their tangent kernels, by depth, in the chaotic phase.

    Of inputs that have the correlation c* from the first layer on: what is left to converge is the kernel.
    """
    field = mean_field(settings)
    inputs, _ = drawn_points({**settings, "tested": 0, "centred_labels": False}, rng)
    inputs = _correlated(inputs, first_cosine(field, field.fixed_correlation), rng)
    kernels = _tangent_kernels(settings, inputs, rng).mean(axis=0)
    limit = field.fixed_length * field.fixed_correlation / (1.0 - field.chi_c)
    return {
        "entries between points": _by_depth(settings, pairs(kernels).mean(axis=1), "mean of Theta_ab", limit),
        "diagonal": _by_depth(settings, mean_diagonal(kernels), "mean of Theta_aa", limit),
    }


_COMMON = SharedWork("mean predictors of finite networks", measure_common_predictors)
_MEAN_ENTRIES = SharedWork("mean tangent kernels of finite networks", measure_mean_entries)

# far from the critical line, as depth scales must be much shorter than networks are wide
NARROW_ORDERED_VARIANCE = 0.5  # chi_1 = .4280, xi_1 = 1.18
NARROW_CHAOTIC_VARIANCE = 4.0  # chi_1 = 1.4706, chi_c = .8138, xi_* = 1.69
_LARGE_BIAS = 2.0  # on the critical line: the larger, the sooner the mean predictor falls as a power

_NETWORKS: Mapping[str, Any] = {
    "inputs": ["images"],
    "data": "mnist5k",
    "points": 8,
    "equal_lengths": True,
    "activation": "erf",
    "bias_variance": BIAS_VARIANCE,
    "width": by_budget(400, 600, 800),
    "networks": by_budget(16, 24, 32),
    "cosine": 0.7,
    "partners": 1,
}
ORDERED_NETWORKS: Mapping[str, Any] = {
    **_NETWORKS,
    "weight_variance": NARROW_ORDERED_VARIANCE,
    "networks": by_budget(8, 16, 24),
    "depths": [5, 7, 9, 12, 15],
}
"""Settings of networks in the ordered phase, from 4 to 13 xi_1 deep."""
CHAOTIC_NETWORKS: Mapping[str, Any] = {
    **_NETWORKS,
    "weight_variance": NARROW_CHAOTIC_VARIANCE,
    "partners": 2,
    "depths": [4, 5, 6, 8, 10],
}
"""Settings of networks in the chaotic phase, from 2 to 6 xi_* deep."""
CRITICAL_NETWORKS: Mapping[str, Any] = {
    **_NETWORKS,
    "weight_variance": critical_weight_variance("erf", bias_variance=_LARGE_BIAS),
    "bias_variance": _LARGE_BIAS,
    "width": by_budget(300, 600, 800),
    "networks": 32,
    "cosine": 0.6,
    "partners": 2,
    "depths": [4, 5, 7, 9, 12],
}
"""Settings of networks on the critical line."""
CORRELATED_NETWORKS: Mapping[str, Any] = {
    **_NETWORKS,
    "weight_variance": WIDE_CHAOTIC_VARIANCE,
    # entries scatter by chi_1^l / (width networks)^(1/2), and many networks cost less than wide ones
    "width": by_budget(250, 400, 600),
    "networks": 48,
    "depths": [15, 16, 18],
}
"""Settings of networks in the chaotic phase on inputs of correlation c*.

Infinitely wide, they would have gone to within 9 % of their limit at the first depth, 6 % at the last.
"""
_REPLICATES = by_budget(12, 16, 20)


def of_many_networks(reading: str, settings: Mapping[str, Any]) -> dict[Source, AnyExperiment]:
    """A reading of what many networks of finite width have in common."""
    return shared_networks(_REPLICATES, _COMMON, reading, **settings)


def on_mean_kernels(reading: str, settings: Mapping[str, Any]) -> dict[Source, AnyExperiment]:
    """A reading of the mean of many networks' tangent kernels."""
    return shared_networks(_REPLICATES, _MEAN_ENTRIES, reading, **settings)
