"""What averaging gains where nothing was trained: votes of zero-error classifiers on images (F4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genlaws.simulate import Measurement, sample_zero_error
from genlaws.theory import EqualWithinMargin

from ..claim import Claim, Control, Restatement, Settings
from .image_families import image_family, image_task
from .units import by_budget, on_networks, rows, simulated


def measure_vote(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Held-out error of the vote of zero-error classifiers, beside their mean error over the root of two."""
    n = np.asarray(settings["n_examples"])
    votes, means = np.zeros((2, n.size))
    for _ in range(settings["sets"]):
        task = image_task(settings, rng)
        family = image_family(settings, task, training=int(n[-1]), heldout=settings["heldout"], rng=rng)
        ensemble = sample_zero_error(family, n, particles=settings["particles"], replicas=2, rng=rng)
        for size, status in zip(n, ensemble.status, strict=True):
            if status != "ok":
                raise ValueError(f"the zero-error ensemble at n = {size} is {status}")
        means += ensemble.mean_true_error
        votes += ensemble.majority_error if settings["voters"] == "all" else ensemble.mean_true_error
    return rows(
        settings,
        n,
        votes / settings["sets"],
        reference=means / settings["sets"] / math.sqrt(2.0),
        y_label="held-out error of the vote",
    )


_IMAGES: dict[str, Any] = {"data": "mnist5k", "task": "parity", "components": 10}
_PROCESS: dict[str, Any] = {
    **_IMAGES,
    "families": ["gaussian-process"],
    "family": "process",
    "arch": "fc:1x64",
    "labels": "teacher",
    "n_examples": by_budget([32, 64], [32, 64, 128], [32, 64, 128, 256]),
    "heldout": by_budget(1000, 1000, 2000),
    "particles": by_budget(100, 200, 400),
    "sets": by_budget(2, 4, 8),
}
_NETWORKS: dict[str, Any] = {
    **_IMAGES,
    "families": ["network"],
    "family": "network",
    "arch": by_budget("fc:1x16", "fc:1x32", "fc:1x64"),
    "n_examples": by_budget([16, 32], [16, 32, 64], [32, 64, 128]),
    "heldout": 1000,
    "particles": by_budget(60, 120, 200),
    "sets": by_budget(1, 2, 4),
}

CLAIMS = (
    Claim(
        id="F4b",
        paper="classics",
        where="cross-paper test: ensembles as in arXiv:1901.01608, of uniform interpolators; derived",
        statement="A vote of uniform zero-error classifiers divides their mean error by the root of two.",
        prediction=(
            "error of the vote = mean error / sqrt(2), within 10 %, for networks of infinite width whose "
            "labels are those of a network"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=(
            "the root of two belongs to small errors and many members, here derived for perceptrons; 0.1 is "
            "less than a third of the 0.35 by which the vote must lower the logarithm"
        ),
        x_range=(32, 64),
        falsifier="a vote whose error is further than 10 % from the mean error over the root of two",
        control=Control(
            description="a vote of one member: its error is the mean error",
            expected="REFUTED",
            experiments=simulated(by_budget(4, 6, 8), measure_vote, voters="one", **_PROCESS),
        ),
        experiments=simulated(by_budget(10, 12, 20), measure_vote, voters="all", **_PROCESS)
        | on_networks(by_budget(8, 10, 12), measure_vote, voters="all", **_NETWORKS),
        restated={
            "network": Restatement(
                prediction=(
                    "error of the vote = mean error / sqrt(2), within 10 %, for networks on parity of digits"
                ),
                x_range=(16, 32),
                control=Control(
                    description=(
                        "the same images with the labels of a network of the family itself, as the theory of "
                        "perceptrons has it: there the vote must gain the root of two"
                    ),
                    expected="SUPPORTED",
                    experiments=on_networks(
                        by_budget(8, 12, 20), measure_vote, voters="all", labels="teacher", **_NETWORKS
                    ),
                ),
            )
        },
    ),
)
