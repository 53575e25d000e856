"""A claim on boxes: their mean error, averaged over training sets, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from genlaws.paper_checks import Claim, Control, Settings, by_budget, rows, simulated
from genlaws.simulate import Measurement, sample_zero_error
from genlaws.theory import EqualWithinMargin

from .boxes import Boxes


def measure_mean_error(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Mean error of the boxes without training error, averaged over training sets, beside the closed form.

    Of n examples only a share `seen` is shown.
    """
    family, n = Boxes(settings["dimension"]), np.asarray(settings["n_examples"])
    shown = (n * settings["seen"]).astype(np.int64)
    curves = [
        sample_zero_error(family, shown, particles=settings["particles"], replicas=2, rng=rng).mean_true_error
        for _ in range(settings["sets"])
    ]
    # each coordinate of a corner is uniform below the least of n uniform numbers, whose mean is 1 / (n + 1)
    expected = 1.0 - (1.0 - 0.5 / (n + 1.0)) ** settings["dimension"]
    return rows(settings, n, np.mean(curves, axis=0), reference=expected, y_label="mean true error")


_BOXES: dict[str, Any] = {
    "families": ["boxes"],
    "dimension": 10,
    "n_examples": [8, 32, 128],
    "particles": 20,
    "sets": by_budget(8, 60, 200),
}

CLAIMS = (
    Claim(
        id="BOX1",
        paper="boxes",
        where="derived here; learning boxes is an example of Blumer et al., J. ACM 36 (1989) 929",
        statement="Boxes without training error err on d / 2n of all points, averaged over training sets.",
        prediction="mean error = 1 - (1 - 1 / (2n + 2))^d within 15 %, d = 10, n = 8 to 128",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.15, 0.15),
        band_reason="narrow enough to tell it from d / n, what annealing over training sets would give",
        x_range=(8, 128),
        falsifier="a mean error more than 15 % from the closed form at any n",
        control=Control(
            description="half of the examples are never shown: errors are twice as large",
            expected="REFUTED",
            experiments=simulated(by_budget(4, 6, 8), measure_mean_error, seen=0.5, **_BOXES),
        ),
        experiments=simulated(by_budget(12, 12, 20), measure_mean_error, seen=1.0, **_BOXES),
        not_applicable={"network": "the claim is about boxes"},
    ),
)
