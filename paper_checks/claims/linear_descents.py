"""Linear classifiers descended with momentum and with Adam, and how far they end from the largest margin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import LinearDescent, Measurement, descend_linear

from ..claim import Readings, Settings, SharedWork
from .linear_flows import SEPARABLE, SeparableData, draw_separable
from .units import rows

FloatArray = NDArray[np.float64]

_RECORDS = 300


def _angles(data: SeparableData, run: LinearDescent, levels: FloatArray) -> FloatArray:
    # where -ln loss is at each of the levels, between records that are close by
    reached = np.maximum.accumulate(-run.log_loss)
    if reached[-1] < levels[-1]:
        raise ValueError(
            f"adam_steps must be more: -ln loss came to {reached[-1]:.4g}, not to {levels[-1]:g}"
        )
    return np.asarray(np.exp(np.interp(levels, reached, np.log(data.angle(run.weights)))))


def measure_descents(settings: Settings, rng: np.random.Generator) -> Readings:
    """Angle to the largest margin's direction by -ln loss, of three descents from one start.

    Gradient descent without and with momentum divides rates by the loss, for only so they come to where
    directions tell. Adam, which chooses the lengths of its steps itself, has no floor under them: a floor
    that gradients fall below makes plain descent of it.
    """
    data = draw_separable(settings, rng)
    start = settings["start"] / np.sqrt(settings["dimension"]) * rng.standard_normal(settings["dimension"])
    levels = np.asarray(settings["levels"], dtype=np.float64)
    labels = np.ones(len(data.rows))
    curvature = float(np.linalg.norm(data.rows, 2)) ** 2
    first = np.logaddexp.reduce(-data.rows @ start)
    # each step takes ln loss down by half of rate times squared margin, at the least
    enough = int(2.0 * curvature / settings["margin"] ** 2 * (levels[-1] + max(first, 0.0)))

    def descended(steps: int, **how: Any) -> FloatArray:
        records = np.unique(np.geomspace(1, steps, _RECORDS).astype(np.int64))
        return _angles(data, descend_linear(data.rows, labels, start, records, **how), levels)

    plain = descended(enough, rate=1.0 / curvature, over_loss=True)
    # momentum of 0.9 makes ten of a rate
    heavy = descended(enough, method="momentum", rate=0.1 / curvature, over_loss=True)
    adam = descended(settings["adam_steps"], method="adam", rate=settings["adam_rate"], floor=0.0)

    def by_loss(y: FloatArray, label: str, reference: FloatArray | None = None) -> Measurement:
        return rows(settings, levels, y, x_label="-ln loss", y_label=label, reference=reference)

    return {
        "plain": by_loss(plain, "angle to the largest margin's direction"),
        "adam": by_loss(adam, "angle to the largest margin's direction"),
        "momentum against plain": by_loss(heavy, "angle with momentum", plain),
        "adam against plain": by_loss(adam, "angle of Adam", plain),
    }


DESCENTS = SharedWork("descents of a linear classifier", measure_descents)

DESCENDED: dict[str, Any] = {
    **{name: value for name, value in SEPARABLE.items() if name not in ("hidden", "log_times", "tolerance")},
    "start": 1.0,
    "levels": [float(x) for x in np.geomspace(20.0, 200.0, 7).round(6)],
    "adam_rate": 0.01,
    "adam_steps": 470_000,
}
"""Settings of descents to a loss of e^-200."""
