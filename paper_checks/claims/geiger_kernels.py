"""Geiger et al.: tangent kernels at the start and in the limit of infinite width (B6a, B14)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from genlaws.empirical import ClassificationTask
from genlaws.simulate import Measurement, erf_tangent_kernel, relu_tangent_kernel, sphere_points
from genlaws.theory import EqualWithinMargin, KernelFlow, LowerBound, PowerLaw

from ..claim import Claim, Control, Restatement, Settings
from .image_families import image_network, image_task, require_points
from .shallow_networks import ShallowNetwork, follow_gradient_flow, limit_kernel
from .units import by_budget, on_networks, rows, simulated

FloatArray = NDArray[np.float64]


def _few_points(task: ClassificationTask, points: int) -> FloatArray:
    require_points(task, points, "points")
    return task.inputs[:points]


def _distance_rows(settings: Settings, distances: FloatArray) -> Measurement:
    # distances (widths, draws); squares average to what the law of large numbers says of them
    return rows(
        settings,
        settings["widths"],
        np.sqrt(np.mean(distances**2, axis=1)),
        x_label="width h",
        y_label="distance from the limit kernel",
    )


def measure_start_distance(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Relative distance of random tangent kernels from their limit, on points of a sphere, by width.

    With ``tied``, units come in groups of about root h copies, at the start and ever after.
    """
    inputs = sphere_points(settings["points"], settings["dimension"], rng)
    limit = limit_kernel(settings["activation"], inputs)
    distances = np.empty((len(settings["widths"]), settings["draws"]))
    for k, h in enumerate(settings["widths"]):
        # copies of a unit say what one of them says: the kernel is that of a network of the groups
        width = round(math.sqrt(h)) if settings["tied"] else h
        for j in range(settings["draws"]):
            network = ShallowNetwork.draw(settings["activation"], width, settings["dimension"], rng)
            distances[k, j] = np.linalg.norm(network.tangent_kernel(inputs) - limit)
    return _distance_rows(settings, distances / np.linalg.norm(limit))


def measure_network_start_distance(settings: Settings, rng: np.random.Generator) -> Measurement:
    """The same for networks of two hidden layers on images; ``last_width`` holds the second layer narrow."""
    from genlaws.empirical.kernel_fluctuation import measure_kernel_fluctuation

    task = image_task(settings, rng)
    networks = [
        image_network({**settings, "arch": f"fc:{h},{settings['last_width'] or h}"}, task)
        for h in settings["widths"]
    ]
    found = measure_kernel_fluctuation(
        networks,
        _few_points(task, settings["points"]),
        draws=settings["draws"],
        rng=rng,
        device=settings["device"],
    )
    assert found.distances is not None
    return _distance_rows(settings, found.distances)


def _quadratic_kernel(
    inputs: FloatArray, *, depth: int, weight_variance: float, bias_variance: float
) -> FloatArray:
    # one hidden layer of u^2, a polynomial: E[u^2 v^2] = q q' + 2 c^2, E[2u 2v] = 4 c
    assert depth == 2
    c = inputs @ inputs.T * (weight_variance / inputs.shape[1]) + bias_variance
    q = np.diagonal(c)
    kernel: FloatArray = weight_variance * (np.outer(q, q) + 6.0 * c**2) + bias_variance
    return kernel


_KERNELS: dict[str, Callable[..., FloatArray]] = {
    "relu": relu_tangent_kernel,
    "erf": erf_tangent_kernel,
    "quadratic": _quadratic_kernel,
}


def lead_over_rounding(kernel: FloatArray) -> tuple[float, float]:
    """ln of the smallest eigenvalue of a symmetric matrix, and of what rounding alone can make it.

    Both are over the mean eigenvalue. A negative one counts as the least part of rounding: it is no lead.
    """
    values = np.linalg.eigvalsh(kernel)
    mean = float(values.mean())
    rounding = len(values) * float(np.finfo(np.float64).eps) * float(values[-1])
    smallest = max(float(values[0]), 1e-3 * rounding)
    return math.log(smallest / mean), math.log(rounding / mean)


def _eigenvalue_rows(settings: Settings, kernels: list[list[FloatArray]]) -> Measurement:
    # kernels: for each number of points those of all cases, of which the least positive counts
    pairs = [[lead_over_rounding(kernel) for kernel in cases] for cases in kernels]
    leads = np.array([min(cases, key=lambda pair: pair[0] - pair[1]) for cases in pairs])
    return rows(
        settings,
        settings["points"],
        leads[:, 0],
        reference=leads[:, 1],
        x_label="points n",
        y_label="ln smallest over mean eigenvalue",
    )


def measure_smallest_eigenvalue(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Smallest eigenvalue of limit kernels on points of a sphere, over depths and activations."""
    inputs = sphere_points(max(settings["points"]), settings["dimension"], rng)
    kernels = [
        _KERNELS[activation](inputs, depth=layers + 1, weight_variance=2.0, bias_variance=0.1)
        for activation in settings["activations"]
        for layers in settings["hidden_layers"]
    ]
    return _eigenvalue_rows(settings, [[kernel[:n, :n] for kernel in kernels] for n in settings["points"]])


def measure_network_smallest_eigenvalue(settings: Settings, rng: np.random.Generator) -> Measurement:
    """The same for kernels of finite networks, and for their limits, on different images."""
    from genlaws.empirical.limit_kernel import limit_tangent_kernel
    from genlaws.empirical.tangent_kernel import empirical_tangent_kernel

    task = image_task(settings, rng)
    inputs = np.unique(_few_points(task, max(settings["points"])), axis=0)
    kernels = []
    for arch in settings["architectures"]:
        for activation in settings["activations"]:
            network = image_network({**settings, "arch": arch, "activation": activation}, task)
            weights = network.weights(network.draw(1, rng).to(settings["device"]).double())
            kernels.append(empirical_tangent_kernel(network, weights, inputs)[0].cpu().numpy())
            kernels.append(limit_tangent_kernel(network, inputs))
    # unique points come sorted
    order = rng.permutation(len(inputs))
    return _eigenvalue_rows(
        settings, [[kernel[np.ix_(order[:n], order[:n])] for kernel in kernels] for n in settings["points"]]
    )


def _times_of_decades(flow: KernelFlow, decades: FloatArray) -> FloatArray:
    # when the loss is down by so many powers of ten; the slowest mode sets the end
    start = math.log(float(flow.losses(0.0)))

    def excess(t: float, decade: float) -> float:
        return math.log(float(flow.losses(t))) - start + decade * math.log(10.0)

    last = 0.5 * (float(decades.max()) + 1.0) * math.log(10.0) / float(flow.rates[0])
    return np.array([brentq(excess, 0.0, last, args=(decade,)) for decade in decades])


def _decay_rows(settings: Settings, times: FloatArray, falls: FloatArray) -> Measurement:
    # falls: ln of the loss at the start over the loss at each time
    decades = np.asarray(settings["decades"], dtype=np.float64)
    return rows(
        settings,
        decades,
        falls / times,
        reference=decades * math.log(10.0) / times,
        x_label="decades of the loss foretold",
        y_label="mean rate of the loss",
    )


def measure_decay_rate(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Rate at which gradient flow takes the loss down, beside that of the limit kernel, labels at random."""
    inputs = sphere_points(settings["points"], settings["dimension"], rng)
    labels = rng.choice([-1.0, 1.0], settings["points"])
    flow = KernelFlow(limit_kernel(settings["activation"], inputs), labels)
    times = _times_of_decades(flow, np.asarray(settings["decades"], dtype=np.float64))
    start = ShallowNetwork.draw(settings["activation"], settings["width"], settings["dimension"], rng)
    falls = []
    for network in follow_gradient_flow(start, inputs, labels, times):
        scores = network.outputs(inputs) - start.outputs(inputs)
        falls.append(-math.log(float(np.mean((scores - labels) ** 2))))
    return _decay_rows(settings, times, np.array(falls))


def measure_network_decay_rate(settings: Settings, rng: np.random.Generator) -> Measurement:
    """The same for networks on images; the rate is the mean over networks."""
    from genlaws.empirical.gradient_flow import train_by_gradient_flow
    from genlaws.empirical.limit_kernel import limit_tangent_kernel

    task = image_task(settings, rng)
    inputs = _few_points(task, settings["points"])
    labels = task.labels[: settings["points"]]
    network = image_network(settings, task)
    flow = KernelFlow(limit_tangent_kernel(network, inputs), labels.astype(np.float64))
    times = _times_of_decades(flow, np.asarray(settings["decades"], dtype=np.float64))
    trained = train_by_gradient_flow(
        network,
        inputs,
        labels,
        networks=settings["networks"],
        loss="square",
        times=times,
        tolerance=0.0,
        relative_error=0.02,
        rng=rng,
        device=settings["device"],
    )
    return _decay_rows(settings, times, np.mean(np.log(0.5 / trained.losses), axis=0))


_SPHERE: dict[str, Any] = {"dimension": 8, "points": 24, "activation": "relu"}
_IMAGES: dict[str, Any] = {"data": "mnist5k", "task": "parity", "components": 10}
_START: dict[str, Any] = {
    **_SPHERE,
    "widths": [64, 128, 256, 512, 1024, 2048],
    "draws": by_budget(20, 40, 100),
}
_NETWORK_START: dict[str, Any] = {
    **_IMAGES,
    "points": 24,
    "activation": "relu",
    "widths": by_budget([64, 128, 256, 512], [64, 128, 256, 512, 1024], [64, 128, 256, 512, 1024, 2048]),
    "draws": by_budget(80, 160, 300),
}
_EIGENVALUES: dict[str, Any] = {
    "dimension": 10,
    "points": by_budget([80, 160, 320], [80, 160, 320, 640], [80, 160, 320, 640, 1280]),
}
_NETWORK_EIGENVALUES: dict[str, Any] = {
    **_IMAGES,
    "points": by_budget([60, 120, 240], [60, 120, 240, 480], [60, 120, 240, 480]),
}
_DECAY: dict[str, Any] = {"dimension": 6, "points": 12, "activation": "relu", "decades": [1, 2, 3]}
_NETWORK_DECAY: dict[str, Any] = {**_IMAGES, "points": 12, "activation": "relu", "decades": [1, 2, 3]}

CLAIMS = (
    Claim(
        id="B6a",
        paper="geiger",
        where="arXiv:1901.01608, eq. 8 and S.I. C",
        statement="At the start, a tangent kernel lies off its limit by one over the root of the width.",
        prediction="||Theta_N - Theta_inf|| ~ h^(-1/2) = N^(-1/4): the central limit theorem over units",
        law=PowerLaw(exponent=-0.5),
        predicted=-0.5,
        band=(-0.55, -0.45),
        band_reason="a tenth of the exponent, more than corrections of order 1/h bend it at these widths",
        x_range=(64, 512),
        falsifier="an exponent of the distance in the width that differs from -1/2 by more than 0.05",
        control=Control(
            description=(
                "units come in groups of about root h copies: a sum over h units has root h independent "
                "terms, and the distance goes down as h^(-1/4)"
            ),
            expected="REFUTED",
            experiments=simulated(by_budget(8, 16, 40), measure_start_distance, tied=True, **_START),
        ),
        experiments=simulated(by_budget(8, 16, 40), measure_start_distance, tied=False, **_START)
        | on_networks(
            by_budget(8, 12, 20), measure_network_start_distance, last_width=None, **_NETWORK_START
        ),
        restated={
            "network": Restatement(
                control=Control(
                    description=(
                        "the second hidden layer keeps 16 units whatever the width of the first: its sum "
                        "never becomes one of many terms"
                    ),
                    expected="REFUTED",
                    experiments=on_networks(
                        by_budget(4, 8, 12), measure_network_start_distance, last_width=16, **_NETWORK_START
                    ),
                )
            )
        },
    ),
    Claim(
        id="B14a",
        paper="geiger",
        where="arXiv:1901.01608, the limit of infinite width; arXiv:1806.07572, proposition 2",
        statement="The limit kernel of a network of non-polynomial units is positive definite.",
        prediction=(
            "a smallest eigenvalue above what rounding leaves of zero, for 1, 2 and 4 hidden layers of ReLU "
            "and erf units, on 80 points of a sphere in 10 dimensions and more"
        ),
        law=LowerBound(),
        predicted=0.0,
        band=(0.0, math.inf),
        band_reason="one-sided: positive is all that is claimed; the end is what rounding leaves of zero",
        x_range=(80, 320),
        falsifier="a set of different points on which the smallest eigenvalue is zero up to rounding",
        control=Control(
            description=(
                "units that square what enters them, a polynomial: on this sphere their kernel has 65 "
                "eigenvalues that are not zero, however many points"
            ),
            expected="REFUTED",
            experiments=simulated(
                by_budget(4, 6, 8),
                measure_smallest_eigenvalue,
                activations=["quadratic"],
                hidden_layers=[1],
                **_EIGENVALUES,
            ),
        ),
        experiments=simulated(
            by_budget(4, 8, 12),
            measure_smallest_eigenvalue,
            activations=["relu", "erf"],
            hidden_layers=[1, 2, 4],
            **_EIGENVALUES,
        )
        | on_networks(
            by_budget(4, 8, 12),
            measure_network_smallest_eigenvalue,
            architectures=["fc:1x256", "fc:2x128"],
            activations=["relu", "erf"],
            **_NETWORK_EIGENVALUES,
        ),
        restated={
            "network": Restatement(
                prediction=(
                    "a smallest eigenvalue above what rounding leaves of zero, of kernels of finite networks "
                    "and of their limits, on up to 240 images"
                ),
                x_range=(60, 240),
                control=Control(
                    description=(
                        "no hidden layer: of 10 principal components and a bias the kernel has rank 11, "
                        "however many images"
                    ),
                    expected="REFUTED",
                    experiments=on_networks(
                        by_budget(4, 6, 8),
                        measure_network_smallest_eigenvalue,
                        architectures=["linear"],
                        activations=["relu"],
                        **_NETWORK_EIGENVALUES,
                    ),
                ),
            )
        },
    ),
    Claim(
        id="B14b",
        paper="geiger",
        where="arXiv:1901.01608, the limit of infinite width; arXiv:1806.07572, section 5",
        statement=(
            "Gradient flow takes wide networks to zero loss exponentially, at their limit kernel's rates."
        ),
        prediction="mean rates of the square loss within 10 % of the limit kernel's over three decades",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=(
            "a kernel of a thousand units lies about 3 % off its limit, one over the root of the width, and "
            "moves by no more; 10 % are three times that"
        ),
        x_range=(1, 3),
        falsifier="a loss that stops falling, or falls at a rate more than 10 % off the limit kernel's",
        control=Control(
            description="16 hidden units, whose kernel lies far from its limit, and moves",
            expected="REFUTED",
            experiments=simulated(by_budget(40, 60, 100), measure_decay_rate, width=16, **_DECAY),
        ),
        experiments=simulated(
            by_budget(12, 20, 40), measure_decay_rate, width=by_budget(2048, 4096, 16384), **_DECAY
        )
        | on_networks(
            by_budget(4, 8, 16),
            measure_network_decay_rate,
            arch=by_budget("fc:1x1024", "fc:1x2048", "fc:2x2048"),
            networks=by_budget(4, 6, 8),
            **_NETWORK_DECAY,
        ),
        restated={
            "network": Restatement(
                control=Control(
                    description="8 hidden units, whose kernel lies far from its limit, and moves",
                    expected="REFUTED",
                    experiments=on_networks(
                        by_budget(8, 10, 12),
                        measure_network_decay_rate,
                        arch="fc:1x8",
                        networks=by_budget(4, 6, 8),
                        **{**_NETWORK_DECAY, "decades": [1, 2]},
                    ),
                )
            )
        },
    ),
)
