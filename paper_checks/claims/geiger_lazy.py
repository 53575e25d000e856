"""Geiger et al.: how little training changes the kernel and the units of wide networks (B6b to B6f, B12)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import sphere_points
from genlaws.simulate.measurement import Source
from genlaws.theory import PowerLaw

from ..claim import AnyExperiment, Claim, Control, Readings, Settings, SharedWork
from .image_families import image_network, image_task, require_points
from .shallow_networks import ShallowNetwork, follow_gradient_flow
from .units import by_budget, rows, shared_networks, shared_simulation

FloatArray = NDArray[np.float64]

_LABELS = {
    "kernel": "relative change of the kernel",
    "units": "change of what enters units",
    "units of one step": "change of what enters units",
    "outputs of one step": "change of the outputs",
}


def _rms(values: FloatArray) -> float:
    return math.sqrt(float(np.mean(values**2)))


def _readings(settings: Settings, changes: dict[str, list[float]]) -> Readings:
    return {
        name: rows(settings, settings["widths"], values, x_label="width h", y_label=_LABELS[name])
        for name, values in changes.items()
    }


def _alpha(settings: Settings, width: int) -> float:
    # 1, or falling with the root of the width: then the root of the width times alpha stays as it is
    return float(width ** settings["power_of_alpha"])


def measure_shallow_change(settings: Settings, rng: np.random.Generator) -> Readings:
    """What gradient flow on F = alpha (f - f_0) changes in networks of one hidden layer, by width.

    Root mean squares over units, points and draws: of the kernel, relative to its start, and of what enters
    the units, up to ``time``; of units and outputs in a single step of gradient descent from the start.
    """
    inputs = sphere_points(settings["points"], settings["dimension"], rng)
    labels = np.where(inputs[:, 0] > 0.0, 1.0, -1.0)

    def residuals(_: FloatArray) -> FloatArray:
        # of F = 0
        return labels / len(labels)

    changes: dict[str, list[float]] = {name: [] for name in _LABELS}
    for h in settings["widths"]:
        alpha = _alpha(settings, h)
        found: dict[str, list[float]] = {name: [] for name in _LABELS}
        for _ in range(settings["draws"]):
            start = ShallowNetwork.draw(settings["activation"], h, settings["dimension"], rng)
            (end,) = follow_gradient_flow(start, inputs, labels, np.array([settings["time"]]), alpha=alpha)
            kernel = start.tangent_kernel(inputs)
            difference = end.tangent_kernel(inputs) - kernel
            stepped = start.moved(settings["step"] / alpha * start.outputs_and_gradient(inputs, residuals)[1])
            entering = start.entering(inputs)
            found["kernel"].append(float(np.linalg.norm(difference) / np.linalg.norm(kernel)))
            found["units"].append(_rms(end.entering(inputs) - entering))
            found["units of one step"].append(_rms(stepped.entering(inputs) - entering))
            found["outputs of one step"].append(
                _rms(alpha * (stepped.outputs(inputs) - start.outputs(inputs)))
            )
        for name, values in found.items():
            changes[name].append(_rms(np.array(values)))
    return _readings(settings, changes)


def measure_network_change(settings: Settings, rng: np.random.Generator) -> Readings:
    """The same for networks on images, trained to a loss of ``tolerance``.

    The single step is one of f itself, down the cross-entropy.
    """
    from genlaws.empirical.gradient_flow import train_by_gradient_flow
    from genlaws.empirical.training import train_networks
    from genlaws.empirical.training_change import measure_training_change

    task = image_task(settings, rng)
    n = settings["points"]
    require_points(task, n, "points")
    inputs, labels = task.inputs[:n], task.labels[:n]
    networks, device = settings["networks"], settings["device"]
    changes: dict[str, list[float]] = {name: [] for name in _LABELS}
    for h in settings["widths"]:
        network = image_network({**settings, "arch": f"fc:{settings['layers']}x{h}"}, task)
        seed = int(rng.integers(2**63))
        flow = train_by_gradient_flow(
            network,
            inputs,
            labels,
            networks=networks,
            alpha=_alpha(settings, h),
            loss="square",
            tolerance=settings["tolerance"],
            rng=seed,
            device=device,
        )
        if not flow.end.reached.all():
            raise ValueError(
                f"only {flow.end.reached.sum()} of {len(flow)} networks of width {h} reached a loss of "
                f"{settings['tolerance']}"
            )
        before, after = (
            train_networks(
                network,
                inputs,
                labels,
                networks=settings["stepped"],
                # slopes of at most 1 whatever f_0 is, which scatters
                loss="cross-entropy",
                optimizer="gd",
                learning_rate=settings["step"],
                max_steps=steps,
                stop="loss",
                parametrization="ntk",
                rng=seed,
                device=device,
            )
            for steps in (0, 1)
        )
        change = measure_training_change(flow.start, flow.end, inputs)
        step = measure_training_change(before, after, inputs)
        changes["kernel"].append(_rms(change.kernels))
        changes["units"].append(_rms(change.units))
        changes["units of one step"].append(_rms(step.units))
        changes["outputs of one step"].append(_rms(after.scores(inputs) - before.scores(inputs)))
    return _readings(settings, changes)


SHALLOW = SharedWork("shallow-training-change", measure_shallow_change)
NETWORKS = SharedWork("network-training-change", measure_network_change)

_SPHERE: dict[str, Any] = {
    "points": 16,
    "dimension": 8,
    "draws": by_budget(2, 4, 8),
    "time": 10.0,
    "step": 0.5,
}
_IMAGES: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": 10,
    "points": 16,
    "layers": by_budget(1, 1, 2),
    "networks": by_budget(16, 32, 8),
    "stepped": 48,
    "tolerance": 0.1,
    "step": 0.02,
}
_RANGE = (512.0, 2048.0)
_WIDTHS: tuple[dict[Any, Any], dict[Any, Any]] = (
    {
        "widths": by_budget(
            [256, 512, 1024, 2048, 4096],
            [256, 512, 1024, 2048, 4096, 8192],
            [256, 512, 1024, 2048, 4096, 8192, 16384],
        )
    },
    {"widths": [512, 1024, 2048, 4096]},
)
# where nothing depends on the width, the narrow say it too
_NARROW: dict[str, Any] = {"widths": [64, 128, 256, 512]}
_WIDTH_OF_BAND = 0.1
_BETWEEN_EXPONENTS = (
    "the two printed exponents lie 1/2 apart, and that of units which switch (-3/4, derived) half-way: less "
    "than half of the way to it, so that no exponent is in two bands"
)
_OF_UNITS = (
    "a tenth of the exponent: root mean squares over so many units hardly scatter, and widths grow fourfold, "
    "over which it is a change by 7 %"
)


def _read(reading: str, *, activation: str = "relu") -> dict[Source, AnyExperiment]:
    """One reading of the work that all claims of this module share, by both sources, at alpha = 1."""
    chosen = {"activation": activation, "power_of_alpha": 0.0}
    simulated, on_networks = _WIDTHS
    return shared_simulation(
        by_budget(12, 24, 40), SHALLOW, reading, **chosen, **simulated, **_SPHERE
    ) | shared_networks(by_budget(10, 16, 24), NETWORKS, reading, **chosen, **on_networks, **_IMAGES)


def _read_at_fixed_regime(reading: str) -> dict[Source, AnyExperiment]:
    # the same with root h times alpha of 1 at every width
    chosen = {"activation": "relu", "power_of_alpha": -0.5, **_NARROW}
    return shared_simulation(by_budget(6, 12, 20), SHALLOW, reading, **chosen, **_SPHERE) | shared_networks(
        by_budget(5, 8, 12), NETWORKS, reading, **chosen, **_IMAGES
    )


_MOVED_UNITS = Control(
    description="what enters the units, in the same training: it changes by one over the root of the width",
    expected="SUPPORTED",
    experiments=_read("units"),
)
_FEATURES = (
    "alpha goes down with the root of the width, so that their product, and with it the regime, stays as it "
    "is: training changes as much at every width"
)

CLAIMS = (
    Claim(
        id="B6b",
        paper="geiger",
        where="arXiv:1901.01608, the change of the kernel in training; ReLU units as there",
        statement="Training changes the tangent kernel of ReLU networks by one over the width.",
        prediction="||Theta_T - Theta_0|| ~ h^(-1) = N^(-1/2); arXiv:1906.08034 finds h^(-1/2), see B6c",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.0 - _WIDTH_OF_BAND, -1.0 + _WIDTH_OF_BAND),
        band_reason=_BETWEEN_EXPONENTS,
        x_range=_RANGE,
        falsifier="an exponent of the change in the width that differs from -1 by more than 0.1",
        control=Control(
            description=(
                "erf units, which do not switch: their kernel is a smooth function of weights that move by "
                "h^(-1/2) with random signs, and must change by one over the width"
            ),
            expected="SUPPORTED",
            experiments=_read("kernel", activation="erf"),
        ),
        experiments=_read("kernel"),
    ),
    Claim(
        id="B6c",
        paper="geiger",
        where="arXiv:1906.08034, fig. 5a: 1/(h^(1/2) alpha) when lazy, here at alpha = 1; ReLU units",
        statement="Training changes the tangent kernel of ReLU networks by one over the root of the width.",
        prediction="||Theta_T - Theta_0|| ~ h^(-1/2); arXiv:1901.01608 expects h^(-1), see B6b",
        law=PowerLaw(exponent=-0.5),
        predicted=-0.5,
        band=(-0.5 - _WIDTH_OF_BAND, -0.5 + _WIDTH_OF_BAND),
        band_reason=_BETWEEN_EXPONENTS,
        x_range=_RANGE,
        falsifier="an exponent of the change in the width that differs from -1/2 by more than 0.1",
        control=_MOVED_UNITS,
        experiments=_read("kernel"),
    ),
    Claim(
        id="B6d",
        paper="geiger",
        where="arXiv:1901.01608, the change of the kernel in training; erf units for smooth ones",
        statement="Training changes the tangent kernel of smooth units by one over the width.",
        prediction="||Theta_T - Theta_0|| ~ h^(-1) = N^(-1/2); arXiv:1906.08034 finds h^(-1/2), see B6e",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.0 - _WIDTH_OF_BAND, -1.0 + _WIDTH_OF_BAND),
        band_reason=_BETWEEN_EXPONENTS,
        x_range=_RANGE,
        falsifier="an exponent of the change in the width that differs from -1 by more than 0.1",
        control=Control(
            description=(
                "ReLU units, of which about root h switch at a point, each with a part 1/h in the kernel: "
                "a change by h^(-3/4) (derived)"
            ),
            expected="REFUTED",
            experiments=_read("kernel"),
        ),
        experiments=_read("kernel", activation="erf"),
    ),
    Claim(
        id="B6e",
        paper="geiger",
        where="arXiv:1906.08034, fig. 5a: 1/(h^(1/2) alpha) when lazy, here at alpha = 1; erf for softplus",
        statement="Training changes the tangent kernel of smooth units by one over the root of the width.",
        prediction="||Theta_T - Theta_0|| ~ h^(-1/2); arXiv:1901.01608 expects h^(-1), see B6d",
        law=PowerLaw(exponent=-0.5),
        predicted=-0.5,
        band=(-0.5 - _WIDTH_OF_BAND, -0.5 + _WIDTH_OF_BAND),
        band_reason=_BETWEEN_EXPONENTS,
        x_range=_RANGE,
        falsifier="an exponent of the change in the width that differs from -1/2 by more than 0.1",
        control=_MOVED_UNITS,
        experiments=_read("kernel", activation="erf"),
    ),
    Claim(
        id="B6f",
        paper="geiger",
        where="arXiv:1902.06720, theorem 2.1, on which arXiv:1901.01608 builds",
        statement="Training changes the tangent kernel by at most the order of one over the width's root.",
        prediction="an exponent of ||Theta_T - Theta_0|| in the width of at most -1/2, ReLU units",
        law=PowerLaw(exponent=-0.5),
        predicted=-0.45,
        band=(-math.inf, -0.45),
        band_reason=(
            "one-sided, as a bound: what goes down faster keeps it, and a tenth of the exponent is granted "
            "on the other side"
        ),
        x_range=_RANGE,
        falsifier="a change of the kernel that goes down more slowly than h^(-0.45)",
        control=Control(
            description=_FEATURES,
            expected="REFUTED",
            experiments=_read_at_fixed_regime("kernel"),
        ),
        experiments=_read("kernel"),
    ),
    Claim(
        id="B12a",
        paper="geiger",
        where="arXiv:1906.08034, eq. 22, at alpha = 1",
        statement="One step of gradient descent changes what enters units by one over the root of the width.",
        prediction="a root mean square over units ~ h^(-1/2), in the parametrization of unit variances",
        law=PowerLaw(exponent=-0.5),
        predicted=-0.5,
        band=(-0.55, -0.45),
        band_reason=_OF_UNITS,
        x_range=_RANGE,
        falsifier="an exponent of the change in the width that differs from -1/2 by more than 0.05",
        control=Control(
            description="the outputs, which the same step changes as much at every width",
            expected="REFUTED",
            experiments=_read("outputs of one step"),
        ),
        experiments=_read("units of one step"),
    ),
    Claim(
        id="B12b",
        paper="geiger",
        where="arXiv:1906.08034, eq. 22 and App. D, fig. 11, at alpha = 1",
        statement="A whole training changes what enters units by one over the root of the width.",
        prediction="a root mean square over units ~ h^(-1/2), once the loss is small",
        law=PowerLaw(exponent=-0.5),
        predicted=-0.5,
        band=(-0.55, -0.45),
        band_reason=_OF_UNITS,
        x_range=_RANGE,
        falsifier="an exponent of the change in the width that differs from -1/2 by more than 0.05",
        control=Control(
            description=_FEATURES, expected="REFUTED", experiments=_read_at_fixed_regime("units")
        ),
        experiments=_read("units"),
    ),
)
