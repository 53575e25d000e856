"""Claims made for tests: a measured constant, with a control where it is another one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from genlaws.paper_checks.claim import Claim, Control, Experiment, Settings
from genlaws.simulate.measurement import Measurement
from genlaws.theory import Constant

_UNITS = {"quick": 6, "standard": 12, "full": 24}


def constant_experiment(value: float, noise: float = 0.05) -> Experiment:
    # functions are made here, not at the top of the module, so that they travel by value: a worker
    # process cannot import the tests
    def units(budget: str) -> list[Settings]:
        return [{"replicate": i, "value": value} for i in range(_UNITS[budget])]

    def measure(settings: Settings, rng: np.random.Generator) -> Measurement:
        x = np.array([10.0, 20.0, 40.0, 80.0])
        y = settings["value"] + noise * rng.standard_normal(x.size)
        return Measurement(
            x=x,
            replicate=np.full(x.size, settings["replicate"]),
            y=y,
            x_label="training examples n",
            y_label="mean error",
            settings=dict(settings),
        )

    return Experiment(units=units, measure=measure)


@pytest.fixture
def make_claim() -> Callable[..., Claim]:
    def make(
        id: str = "T1",
        *,
        truth: float = 2.0,
        control: float = 3.0,
        expected: str = "REFUTED",
        paper: str = "tests",
        **changes: object,
    ) -> Claim:
        fields: dict[str, object] = {
            "id": id,
            "paper": paper,
            "where": "section 1",
            "statement": "The constant is two.",
            "prediction": "2 at every n",
            "law": Constant(2.0),
            "predicted": 2.0,
            "band": (1.8, 2.2),
            "x_range": (10.0, 80.0),
            "falsifier": "A constant below 1.8 or above 2.2.",
            "control": Control("another constant", expected, {"simulation": constant_experiment(control)}),
            "experiments": {"simulation": constant_experiment(truth)},
            "not_applicable": {"network": "there is no network in this test"},
        }
        return Claim(**(fields | changes))  # type: ignore[arg-type]

    return make
