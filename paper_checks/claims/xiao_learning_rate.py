"""Xiao et al.: the largest learning rate that descent bears, by phase and depth (C7)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import Measurement, erf_covariance, erf_tangent_kernel, fully_connected_kernels
from genlaws.simulate.random_examples import sphere_points
from genlaws.theory import EqualWithinMargin, ExponentialDecay, PowerLaw
from genlaws.theory.mean_field import MeanField, critical_weight_variance
from genlaws.theory.spectra import asymptotic_spectrum

from ..claim import Claim, Control, Restatement, Settings
from .image_families import component_task, require_points
from .units import NETWORKS_COME_LATER, by_budget, on_networks, rows, simulated

FloatArray = NDArray[np.float64]

_BIAS_VARIANCE = 0.18
_ORDERED, _CHAOTIC = 1.25, 2.5
_CRITICAL = critical_weight_variance("erf", bias_variance=_BIAS_VARIANCE)


def diverging_rates(
    kernels: FloatArray, start: FloatArray, *, momentum: float = 0.0, steps: int = 300, bisections: int = 11
) -> FloatArray:
    """Learning rates above which descent on linear models with these kernels ends above where it began.

    Parameters
    ----------
    kernels : ndarray, shape (models, points, points)
        Symmetric, positive semi-definite. A model's features are a square root of its kernel.
    start : ndarray, shape (points,)
        Outputs less labels at the start.
    momentum : float
        Share of the last step that is taken again.
    steps, bisections : int

    Returns
    -------
    ndarray, shape (models,)
        Found by bisection between rates that are surely stable and surely not.
    """
    values, vectors = np.linalg.eigh(kernels)
    features = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    # the largest eigenvalue lies between the trace over n and the trace; 4 is beyond every momentum
    trace = np.trace(kernels, axis1=1, axis2=2)
    low, high = np.log(1.0 / trace), np.log(4.0 * kernels.shape[1] / trace)
    for _ in range(bisections):
        middle = 0.5 * (low + high)
        weights = np.zeros(features.shape[::2])
        velocity = np.zeros_like(weights)
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(steps):
                residuals = start + np.einsum("kij,kj->ki", features, weights)
                gradient = np.einsum("kij,ki->kj", features, residuals)
                velocity = momentum * velocity - np.exp(middle)[:, None] * gradient
                weights = weights + velocity
            residuals = start + np.einsum("kij,kj->ki", features, weights)
            stable = np.sum(residuals**2, axis=1) <= np.sum(start**2)
        low, high = np.where(stable, middle, low), np.where(stable, high, middle)
    found: FloatArray = np.exp(0.5 * (low + high))
    return found


def _stable_rates(
    settings: Settings, mean_field: MeanField, depths: list[int], rng: np.random.Generator
) -> FloatArray:
    points, dimension = settings["points"], settings["dimension"]
    # inputs whose first layer has the fixed length, so that nothing but the depth changes
    length = (mean_field.fixed_length - mean_field.bias_variance) / mean_field.weight_variance
    inputs = math.sqrt(length) * sphere_points(points, dimension, rng)
    kernels = fully_connected_kernels(
        inputs,
        depths=depths,
        weight_variance=mean_field.weight_variance,
        bias_variance=mean_field.bias_variance,
    )
    start = rng.standard_normal((1, points))[0]
    return diverging_rates(kernels.tangent, start, momentum=settings["momentum"])


def measure_rate_by_phase(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Largest stable rates of linear models with kernels of deep networks, and what the phases foretell."""
    fields = [
        MeanField(weight_variance=v, bias_variance=_BIAS_VARIANCE) for v in settings["weight_variances"]
    ]
    depths = [settings["depth"]]
    foretold = [asymptotic_spectrum(field, depths, points=settings["points"]) for field in fields]
    return rows(
        settings,
        settings["weight_variances"],
        np.concatenate([_stable_rates(settings, field, depths, rng) for field in fields]),
        reference=np.concatenate([spectrum.largest_learning_rate for spectrum in foretold]),
        x_label="weight variance",
        y_label="largest stable learning rate",
    )


def measure_rate_by_depth(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Largest stable rates by depth, at one weight variance."""
    field = MeanField(weight_variance=settings["weight_variance"], bias_variance=_BIAS_VARIANCE)
    return rows(
        settings,
        settings["depths"],
        _stable_rates(settings, field, settings["depths"], rng),
        x_label="layers of weights",
        y_label="largest stable learning rate",
    )


def measure_network_rate(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Largest stable rates of finite networks on images beside 2 n / lambda_max of a limit kernel.

    `stability` says what is stable, as in `largest_stable_rates`; `kernel` whether the limit is the tangent
    kernel, or the covariance, which is the tangent kernel of the last layer alone.
    """
    from genlaws.empirical.architectures import Architecture
    from genlaws.empirical.networks import Network
    from genlaws.empirical.priors import Prior
    from genlaws.empirical.stable_rates import largest_stable_rates

    points, depth = settings["points"], settings["depth"]
    task = component_task(settings["data"], settings["task"], settings["components"])
    require_points(task, points, "points")
    chosen = rng.choice(len(task), points, replace=False)
    inputs, labels = task.inputs[chosen], task.labels[chosen]
    inputs = inputs * (math.sqrt(inputs.shape[1]) / np.linalg.norm(inputs, axis=1, keepdims=True))
    limit = {"tangent": erf_tangent_kernel, "covariance": erf_covariance}[settings["kernel"]]
    architecture = Architecture(hidden=(settings["width"],) * (depth - 1), activation="erf")
    measured, foretold = [], []
    for variance in settings["weight_variances"]:
        prior = Prior(weight_variance=variance, bias_variance=_BIAS_VARIANCE)
        network = Network(architecture, prior, inputs.shape[1:])
        kernel = limit(inputs, depth=depth, weight_variance=variance, bias_variance=_BIAS_VARIANCE)
        rate = 2.0 * points / float(np.linalg.eigvalsh(kernel)[-1])
        found = largest_stable_rates(
            network,
            network.draw(settings["networks"], rng).to(settings["device"]),
            inputs,
            labels,
            between=[rate / 8.0, 8.0 * rate],
            steps=settings["steps"],
            stability=settings["stability"],
        )
        measured.append(np.exp(np.mean(np.log(found))))
        foretold.append(rate)
    return rows(
        settings,
        settings["weight_variances"],
        measured,
        reference=foretold,
        x_label="weight variance",
        y_label="largest stable learning rate",
    )


_POINTS: dict[str, Any] = {"points": 24, "dimension": 40}
_REPLICATES = by_budget(6, 16, 40)
_PHASES: dict[str, Any] = {
    **_POINTS,
    "weight_variances": [_ORDERED, _CRITICAL, _CHAOTIC],
    "depth": by_budget(256, 512, 1024),
}
_DEEP = by_budget([50, 100, 200, 400], [50, 100, 200, 400, 800], [50, 100, 200, 400, 800, 1600])
_BY_DEPTH: dict[str, Any] = {**_POINTS, "depths": _DEEP, "momentum": 0.0}
# where the diagonal of the kernel, which grows, exceeds all that is off it
_CHAOTIC_DEPTHS: dict[str, Any] = {**_POINTS, "depths": [60, 80, 100, 120, 140, 160], "momentum": 0.0}
_NETWORKS: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": 20,
    "points": 24,
    "networks": by_budget(2, 4, 8),
    "weight_variances": [1.0, _CRITICAL, 2.5],
}
_DEEP_NETWORKS: dict[str, Any] = {**_NETWORKS, "depth": 3, "width": by_budget(192, 512, 1024)}
_FALLS: dict[str, Any] = {**_DEEP_NETWORKS, "stability": "falls", "steps": 40}
_ENDS: dict[str, Any] = {"stability": "ends lower", "steps": by_budget(80, 120, 200), "kernel": "tangent"}
_NETWORK_REPLICATES = by_budget(6, 12, 20)
_RATE = math.log(MeanField(weight_variance=_CHAOTIC, bias_variance=_BIAS_VARIANCE).chi_1)
_OFF = 0.1
_OFF_NETWORKS = 0.2


def _at(weight_variance: float, **settings: Any) -> Any:
    return simulated(_REPLICATES, measure_rate_by_depth, weight_variance=weight_variance, **settings)


CLAIMS = (
    Claim(
        id="C7a",
        paper="xiao",
        where="arXiv:1912.13053, Table 1: the largest learning rate is 2 / lambda_max",
        statement="Descent is stable up to the learning rate 2 / lambda_max that the phase foretells.",
        prediction=(
            "lambda_max = m q* / (1 - chi_1) in the ordered phase, (m + 2) l q* / 3 at the critical line, "
            "q* chi_1^l / (chi_1 - 1) in the chaotic phase (its prefactor is derived here), within 10 %"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-_OFF, _OFF),
        band_reason=(
            "the critical line converges slowest: its formula is 2 % off at 256 layers; 10 % are far from "
            "the factor 1.9 that momentum brings"
        ),
        x_range=(_ORDERED, _CHAOTIC),
        falsifier="a phase in which descent is stable at larger rates, or diverges at smaller ones",
        control=Control(
            description=(
                "descent with a momentum of 0.9 on the same kernels: it bears 1.9 times the rate, "
                "2 (1 + momentum) / lambda_max"
            ),
            expected="REFUTED",
            experiments=simulated(_REPLICATES, measure_rate_by_phase, momentum=0.9, **_PHASES),
        ),
        experiments=simulated(_REPLICATES, measure_rate_by_phase, momentum=0.0, **_PHASES)
        | on_networks(_NETWORK_REPLICATES, measure_network_rate, kernel="tangent", **_FALLS),
        restated={
            "network": Restatement(
                prediction=(
                    "the loss of finite networks falls at every step up to 2 n / lambda_max of the limit "
                    "kernel on their n images, within 20 %"
                ),
                band=(-_OFF_NETWORKS, _OFF_NETWORKS),
                band_reason=(
                    "at the width of a quick run lambda_max itself is off its limit by about a tenth, and "
                    "twice that is granted"
                ),
                x_range=(1.0, 2.5),
                control=Control(
                    description=(
                        "the same rates held against the covariance of the outputs, whose lambda_max counts "
                        "if only the last layer is trained"
                    ),
                    expected="REFUTED",
                    experiments=on_networks(
                        _NETWORK_REPLICATES, measure_network_rate, kernel="covariance", **_FALLS
                    ),
                ),
            )
        },
    ),
    Claim(
        id="C7b",
        paper="xiao",
        where="arXiv:1912.13053, Table 1, ordered phase",
        statement="In the ordered phase the largest learning rate does not depend on the depth.",
        prediction="an exponent in the depth of 0, in a band of 0.05 to each side",
        law=PowerLaw(exponent=0.0),
        predicted=0.0,
        band=(-0.05, 0.05),
        band_reason=(
            "over depths 50 to 400 an exponent of 0.05 is a rate that changes by 11 %, where at the critical "
            "line it falls to an eighth"
        ),
        x_range=(50, 400),
        falsifier="a largest rate that grows or falls with the depth",
        control=Control(
            description="weights of the critical variance, where the rate falls as one over the depth",
            expected="REFUTED",
            experiments=_at(_CRITICAL, **_BY_DEPTH),
        ),
        experiments=_at(_ORDERED, **_BY_DEPTH),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="C7c",
        paper="xiao",
        where="arXiv:1912.13053, Table 1, critical line",
        statement="At the critical line the largest learning rate falls as one over the depth.",
        prediction="an exponent in the depth of -1, in a band of 0.05 to each side",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.05, -0.95),
        band_reason=(
            "corrections, which fall slowly, move the local exponent to -1.01 at these depths (from the "
            "recursion); the ordered phase has 0"
        ),
        x_range=(50, 400),
        falsifier="another exponent, or an exponential",
        control=Control(
            description="weights of the ordered phase, where the largest rate does not depend on the depth",
            expected="REFUTED",
            experiments=_at(_ORDERED, **_BY_DEPTH),
        ),
        rivals=(ExponentialDecay(),),
        experiments=_at(_CRITICAL, **_BY_DEPTH),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="C7d",
        paper="xiao",
        where="arXiv:1912.13053, Table 1, chaotic phase",
        statement="In the chaotic phase the largest learning rate falls as chi_1^-l with the depth l.",
        prediction=f"an exponential with rate ln chi_1 = {_RATE:.4f}, within 5 %",
        law=ExponentialDecay(rate=_RATE),
        predicted=_RATE,
        band=(0.95 * _RATE, 1.05 * _RATE),
        band_reason=(
            "a rate within 5 % is a chi_1 within 1 %; from 60 layers on the diagonal of the kernel, which "
            "grows, exceeds all that is off it"
        ),
        x_range=(60, 160),
        falsifier="another rate, or a power of the depth",
        control=Control(
            description="weights of the critical variance, where the rate falls as one over the depth",
            expected="REFUTED",
            experiments=_at(_CRITICAL, **_CHAOTIC_DEPTHS),
        ),
        rivals=(PowerLaw(exponent=-1.0),),
        experiments=_at(_CHAOTIC, **_CHAOTIC_DEPTHS),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="C7e",
        paper="xiao",
        where="arXiv:1912.13053: descent diverges above 2 / lambda_max",
        statement="Training of finite networks diverges at learning rates above 2 / lambda_max.",
        prediction=(
            "the largest rate at which the loss ends below its start is 2 n / lambda_max of the limit "
            "kernel, within 20 %, as it would be if kernels stayed what they are"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-_OFF_NETWORKS, _OFF_NETWORKS),
        band_reason=(
            "at the width of a quick run lambda_max itself is off its limit by about a tenth, and twice that "
            "is granted"
        ),
        x_range=(1.0, 2.5),
        falsifier="networks that reach a lower loss at larger rates, at which their kernels become smaller",
        control=Control(
            description="no hidden layer: kernels that cannot change, and training that does diverge there",
            expected="SUPPORTED",
            experiments=on_networks(
                _NETWORK_REPLICATES, measure_network_rate, depth=1, width=1, **_NETWORKS, **_ENDS
            ),
        ),
        experiments=on_networks(
            _NETWORK_REPLICATES,
            measure_network_rate,
            depth=3,
            width=by_budget(128, 256, 512),
            **_NETWORKS,
            **_ENDS,
        ),
        not_applicable={"simulation": "kernels of the simulation stay what they are: C7a"},
    ),
)
