"""Tangent kernels by depth, of infinite and of finite width, and what claims of Xiao et al. read off them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import DepthKernels, Measurement, fully_connected_kernels
from genlaws.simulate.measurement import Source
from genlaws.theory import MeanField, asymptotic_spectrum, critical_weight_variance

from ..claim import AnyExperiment, Readings, Settings, SharedWork
from .image_families import component_task, require_points
from .units import by_budget, rows, shared_networks, shared_simulation

if TYPE_CHECKING:
    from genlaws.empirical.networks import Network

FloatArray = NDArray[np.float64]

BIAS_VARIANCE = 0.18  # of the notebook's plane of phases
CRITICAL = critical_weight_variance("erf", bias_variance=BIAS_VARIANCE)
ORDERED = 1.25  # chi_1 = .8330, xi_1 = 5.47
CHAOTIC = 2.5  # chi_1 = 1.1888, chi_c = .8805, c* = .6163, xi_* = 3.33
# for finite widths: shorter depth scales, so that the laws hold at depths far below the width
WIDE_ORDERED_VARIANCE = 1.0  # chi_1 = .7251
WIDE_CHAOTIC_VARIANCE = 3.0  # chi_1 = 1.2924, chi_c = .8480

# what the tangent kernel between two inputs is over that of one with itself, deep on the critical line
_CRITICAL_SHARE = {"erf": 1.0 / 3.0, "relu": 1.0 / 4.0}


def around(value: float, relative: float) -> tuple[float, float]:
    """The band of values that differ from this one by so much, relative to it."""
    return value - relative * abs(value), value + relative * abs(value)


def mean_field(settings: Settings) -> MeanField:
    """The limit of infinite width and depth of the networks that settings name."""
    return MeanField(
        settings["activation"],
        weight_variance=settings["weight_variance"],
        bias_variance=settings["bias_variance"],
    )


def first_cosine(field: MeanField, correlation: float) -> float:
    """Cosine of two inputs, with |x|^2 = features, that gives their first layer's values this correlation."""
    length = field.weight_variance + field.bias_variance
    return (correlation * length - field.bias_variance) / field.weight_variance


def drawn_points(settings: Settings, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Inputs (points + tested, features) and the labels (points, outputs) of the first of them, by replicate.

    The kinds of inputs in ``inputs`` take turns. ``images``: a random choice of all digits, less the mean
    image, as without it all images lie in one direction; a label says which digit. ``random``: Gaussian
    points of a few ``features``, labelled by the sign of the first. With ``equal_lengths`` each input has
    |x|^2 = features, else they have so on average; with ``centred_labels`` labels have mean 0.
    """
    kind = settings["inputs"][settings["replicate"] % len(settings["inputs"])]
    points = settings["points"]
    count = points + settings["tested"]
    if kind == "images":
        task = component_task(settings["data"], "digits", None)
        require_points(task, count, "points and tested")
        chosen = rng.choice(len(task), count, replace=False)
        inputs = task.inputs[chosen]
        labels = (task.labels[chosen[:points], None] == np.unique(task.labels)).astype(np.float64)
    else:
        inputs = rng.standard_normal((count, settings["features"]))
        labels = np.sign(inputs[:points, :1])
    squares = np.sum(inputs**2, axis=1, keepdims=True)
    scale = squares if settings["equal_lengths"] else np.mean(squares)
    if settings["centred_labels"]:
        labels = labels - labels.mean(axis=0)
    return inputs * np.sqrt(inputs.shape[1] / scale), labels


def drawn_network(settings: Settings, hidden_layers: int, features: int) -> Network:
    """Networks of finite width with the settings' units and variances."""
    from genlaws.empirical.architectures import parse_architecture
    from genlaws.empirical.networks import Network
    from genlaws.empirical.priors import Prior

    architecture = parse_architecture(
        f"fc:{hidden_layers}x{settings['width']}", activation=settings["activation"]
    )
    prior = Prior(weight_variance=settings["weight_variance"], bias_variance=settings["bias_variance"])
    return Network(architecture, prior, (features,))


def _finite_kernels(settings: Settings, inputs: FloatArray, rng: np.random.Generator) -> DepthKernels:
    # a network for each depth; the kernel of its last layer alone is the covariance of its outputs
    from genlaws.empirical.devices import resolve_device
    from genlaws.empirical.tangent_kernel import empirical_tangent_kernel

    device = resolve_device(settings["device"])
    covariance, tangent = [], []
    for depth in settings["depths"]:
        network = drawn_network(settings, depth - 1, inputs.shape[1])
        weights = network.weights(network.draw(1, rng, device).double())
        tangent.append(empirical_tangent_kernel(network, weights, inputs)[0].numpy(force=True))
        last = empirical_tangent_kernel(network, weights, inputs, trained="last")
        covariance.append(last[0].numpy(force=True))
    return DepthKernels(
        depths=tuple(settings["depths"]), covariance=np.stack(covariance), tangent=np.stack(tangent)
    )


def _spectrum(kernels: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    # the smallest and the largest eigenvalue, and the mean of all but the largest, shape (depths,) each
    values = np.asarray(np.linalg.eigvalsh(kernels), dtype=np.float64)
    return values[:, 0], values[:, -1], values[:, :-1].mean(axis=1)


def pairs(kernels: FloatArray) -> FloatArray:
    """Entries between different points, shape (depths, pairs), of kernels (depths, points, points)."""
    above = np.triu_indices(kernels.shape[1], 1)
    return kernels[:, above[0], above[1]]


def mean_diagonal(kernels: FloatArray) -> FloatArray:
    """Means of the diagonals of kernels (depths, points, points)."""
    made: FloatArray = np.diagonal(kernels, axis1=1, axis2=2).mean(axis=1)
    return made


def _mean_predictor(train: FloatArray, across: FloatArray, labels: FloatArray) -> FloatArray:
    # root mean square of Theta_test,train Theta_train,train^-1 Y over that of Y, shape (depths,)
    predicted = across @ np.linalg.solve(train, np.broadcast_to(labels, (len(train), *labels.shape)))
    made: FloatArray = np.sqrt(np.mean(predicted**2, axis=(1, 2)) / np.mean(labels**2))
    return made


def _by_points(settings: Settings, kernel: FloatArray) -> Measurement:
    # condition numbers of the first few and of more points, at the last depth
    numbers = [m for m in _POINT_NUMBERS if m <= len(kernel)]
    values = [np.linalg.eigvalsh(kernel[:m, :m]) for m in numbers]
    return rows(
        settings,
        numbers,
        [value[-1] / value[0] for value in values],
        x_label="points m",
        y_label="condition number",
    )


def correlation_gaps(covariance: FloatArray) -> FloatArray:
    """1 - c of all pairs of points, shape (depths, pairs), from covariances (depths, points, points)."""
    lengths = np.diagonal(covariance, axis1=1, axis2=2)
    above = np.triu_indices(covariance.shape[1], 1)
    product = np.sqrt(lengths[:, above[0]] * lengths[:, above[1]])
    # near points: the difference of what is nearly equal is taken before the quotient
    made: FloatArray = (product - pairs(covariance)) / product
    return made


def _kernels(settings: Settings, inputs: FloatArray, rng: np.random.Generator) -> DepthKernels:
    if settings["width"] is not None:
        return _finite_kernels(settings, inputs, rng)
    return fully_connected_kernels(
        inputs,
        activation=settings["activation"],
        depths=settings["depths"],
        weight_variance=settings["weight_variance"],
        bias_variance=settings["bias_variance"],
        keep=settings["keep"],
    )


def measure_kernels(settings: Settings, rng: np.random.Generator) -> Readings:
    """Spectra, mean predictors and entries of the tangent kernels of one draw of points, by depth.

    Of networks of infinite width, or with a ``width`` of one network for each depth.
    """
    field = mean_field(settings)
    inputs, labels = drawn_points(settings, rng)
    kernels = _kernels(settings, inputs, rng)
    points = settings["points"]
    covariance, tangent = (k[:, :points, :points] for k in (kernels.covariance, kernels.tangent))
    depth = np.asarray(kernels.depths, dtype=np.float64)
    length, diagonal = mean_diagonal(covariance), mean_diagonal(tangent)
    between = pairs(tangent).mean(axis=1)
    least, largest, others = _spectrum(tangent)
    _, covariance_largest, covariance_others = _spectrum(covariance)
    distance = np.abs(1.0 - field.fixed_correlation - correlation_gaps(covariance)).mean(axis=1)
    predictor = _mean_predictor(tangent, kernels.tangent[:, points:, :points], labels)
    scale = np.exp(-depth * math.log(field.chi_1))
    share = _CRITICAL_SHARE[settings["activation"]]
    largest_share = share + (1.0 - share) / points

    def by_depth(y: FloatArray, label: str, reference: float | None = None) -> Measurement:
        return rows(settings, depth, y, x_label="depth l", y_label=label, reference=reference)

    made = {
        "distance from c*": by_depth(distance, "mean of |c - c*|"),
        "condition number": by_depth(largest / least, "condition number"),
        "condition number less one": by_depth((largest - least) / least, "condition number less one"),
        "other eigenvalues": by_depth(others, "mean of the other eigenvalues"),
        "covariance's others": by_depth(covariance_others, "covariance's other eigenvalues"),
        "others over chi": by_depth(others * scale, "other eigenvalues / chi_1^l"),
        "covariance's others over chi": by_depth(covariance_others * scale, "covariance's others / chi_1^l"),
        "others by layer": by_depth(others / (depth * length), "other eigenvalues / (l q)"),
        "mean predictor": by_depth(predictor, "mean predictor over labels"),
        "entries over the diagonal": by_depth(between / diagonal, "mean Theta_ab / mean Theta_aa", 1.0),
        "entries less their limit": by_depth(between / length - share * depth, "Theta_ab / q less its limit"),
        "diagonal less its limit": by_depth(diagonal / length - depth, "Theta_aa / q less its limit"),
        "largest less its limit": by_depth(
            largest / (points * length) - largest_share * depth, "largest / (m q) less its limit"
        ),
        "condition number by points": _by_points(settings, tangent[-1]),
    }
    if field.phase == "ordered":
        most = float(asymptotic_spectrum(field, kernels.depths[-1:], points=points).largest[0])
        made |= {
            "largest eigenvalue": by_depth(largest, "largest eigenvalue", most),
            "covariance's largest": by_depth(covariance_largest, "covariance's largest eigenvalue", most),
        }
    if field.phase == "chaotic":
        limit = field.fixed_length * field.fixed_correlation / (1.0 - field.chi_c)
        made |= {
            "entries between points": by_depth(between, "mean of Theta_ab", limit),
            "diagonal": by_depth(diagonal, "mean of Theta_aa", limit),
        }
    return made


TANGENT_KERNELS = SharedWork("tangent kernels by depth", measure_kernels)

_DEEP = list(range(40, 121, 10))
_POINT_NUMBERS = (4, 8, 16, 32, 64, 128)

INFINITE: Mapping[str, Any] = {
    "inputs": ["images", "random"],
    "data": "mnist5k",
    "features": 20,
    "points": by_budget(64, 64, 128),
    "tested": by_budget(32, 32, 64),
    "equal_lengths": True,
    "centred_labels": True,
    "activation": "erf",
    "bias_variance": BIAS_VARIANCE,
    "keep": 1.0,
    "width": None,
}
"""Settings of kernels of infinite width, on images and on random inputs in turn."""
DEEP_ORDERED: Mapping[str, Any] = {**INFINITE, "weight_variance": ORDERED, "depths": _DEEP}
DEEP_CHAOTIC: Mapping[str, Any] = {**INFINITE, "weight_variance": CHAOTIC, "depths": _DEEP}
ON_CRITICAL_LINE: Mapping[str, Any] = {
    **INFINITE,
    "weight_variance": CRITICAL,
    "depths": by_budget(
        [200, 300, 450, 700, 1000, 1400, 2000, 2800, 4000],
        [200, 300, 450, 700, 1000, 1400, 2000, 2800, 4000],
        [200, 300, 450, 700, 1000, 1400, 2000, 2800, 4000, 5600, 8000],
    ),
}
RELU_ON_CRITICAL_LINE: Mapping[str, Any] = {
    **ON_CRITICAL_LINE,
    "activation": "relu",
    "weight_variance": 2.0,
    "bias_variance": 0.0,
}
_WIDE: Mapping[str, Any] = {
    **INFINITE,
    "inputs": ["images"],
    # few for their width: the directions of m points shrink at rates that differ by about m / width
    "points": 8,
    "tested": 8,
    "width": by_budget(500, 1000, 1500),
}
WIDE_ORDERED: Mapping[str, Any] = {
    **_WIDE,
    "weight_variance": WIDE_ORDERED_VARIANCE,
    "depths": [20, 25, 30, 35, 40],
}
"""Settings of one network of finite width for each depth, a network's own kernels on images."""
WIDE_CHAOTIC: Mapping[str, Any] = {
    **_WIDE,
    "weight_variance": WIDE_CHAOTIC_VARIANCE,
    "depths": [12, 16, 20, 24, 28],
}
SIMULATED = by_budget(6, 12, 24)
"""Replicates of infinite width: depths are exact, and only the choice of points scatters."""
WIDE_NETWORKS = by_budget(20, 24, 32)
"""Replicates of finite width, each with networks of its own."""

TOO_DEEP: Mapping[Source, str] = {
    "network": "it sets in beyond a hundred layers, and networks must be much wider than they are deep"
}
"""`not_applicable` of claims on the critical line."""


def in_the_limit(reading: str, settings: Mapping[str, Any]) -> dict[Source, AnyExperiment]:
    """A reading of kernels of infinite width."""
    return shared_simulation(SIMULATED, TANGENT_KERNELS, reading, **settings)


def at_finite_width(reading: str, settings: Mapping[str, Any]) -> dict[Source, AnyExperiment]:
    """A reading of the kernels of single networks."""
    return shared_networks(WIDE_NETWORKS, TANGENT_KERNELS, reading, **settings)
