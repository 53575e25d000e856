"""Replica theory of perceptrons: voting and the binary transition (E7, E8)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genlaws.simulate import (
    BinaryPerceptron,
    Measurement,
    SphericalPerceptron,
    sample_training_sets,
    sample_zero_error,
)
from genlaws.theory import Constant, EqualWithinMargin, binary_perceptron_transition

from ..claim import Claim, Control, Published, Settings
from .units import NETWORKS_COME_LATER, by_budget, rows, simulated

_TRANSITION = binary_perceptron_transition().alpha
_HALF_JUMP = 0.5 * binary_perceptron_transition().error


def measure_majority_vote(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Error of the vote of zero-error classifiers beside their mean error over the root of two."""
    free = settings["dimension"] - 1
    n = np.round(np.asarray(settings["alpha"]) * free).astype(np.int64)
    votes, means = np.zeros((2, n.size))
    for _ in range(settings["sets"]):
        ensemble = sample_zero_error(
            SphericalPerceptron(settings["dimension"]),
            n,
            particles=settings["particles"],
            replicas=2,
            rng=rng,
        )
        means += ensemble.mean_true_error
        votes += ensemble.majority_error if settings["voters"] == "all" else ensemble.mean_true_error
    return rows(
        settings,
        n / free,
        votes / settings["sets"],
        reference=means / settings["sets"] / math.sqrt(2.0),
        x_label="alpha, examples per free parameter",
        y_label="error of the majority vote",
    )


def measure_transition(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Examples per weight at which the mean error is half way through its jump, continued to N -> inf.

    One value for each replicate: the crossing at several N, continued linearly in 1/N.
    """
    dimensions = np.asarray(settings["dimensions"])
    crossings = np.empty(dimensions.size)
    for k, dimension in enumerate(dimensions):
        n = np.arange(int(0.3 * dimension), int(2.2 * dimension) + 1)
        counted = sample_training_sets(
            BinaryPerceptron(int(dimension)), n_examples=n.tolist(), sets=settings["sets"], rng=rng
        )
        quenched = settings["average"] == "quenched"
        error = counted.mean_true_error if quenched else counted.annealed_mean_error
        crossings[k] = np.interp(-_HALF_JUMP, -error, n / dimension)
    slope_and_limit = np.polyfit(1.0 / dimensions, crossings, 1)
    return rows(
        {**settings, "crossings": crossings.tolist()},
        0.0,
        slope_and_limit[1],
        x_label="1 / dimension",
        y_label="examples per weight, transition",
    )


_VOTE: dict[str, Any] = {
    "families": ["spherical-perceptron"],
    "dimension": by_budget(12, 24, 48),
    "alpha": [5, 10],
    "particles": 100,
    "sets": by_budget(2, 8, 20),
}
_BINARY: dict[str, Any] = {
    "families": ["binary-perceptron"],
    "dimensions": by_budget([9, 11, 13, 15, 17], [9, 11, 13, 15, 17, 19], [11, 13, 15, 17, 19, 20]),
    "sets": by_budget(400, 2000, 10_000),
}

CLAIMS = (
    Claim(
        id="E7",
        paper="classics",
        where="replica-symmetric spherical perceptron (Gibbs 0.625, Bayes 0.442 over alpha; derived)",
        statement="Voting over all zero-error perceptrons divides their mean error by the root of two.",
        prediction="Bayes error / Gibbs error = 0.442 / 0.625 = 1 / sqrt(2), within 10 %",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=(
            "replica theory is within 1 % of the root of two at these alpha (derived); the rest of the tenth "
            "is for few dimensions and for votes of some hundred members"
        ),
        x_range=(5, 10),
        falsifier="a vote whose error is further than 10 % from the mean error over the root of two",
        control=Control(
            description="a vote of one member: its error is the mean error",
            expected="REFUTED",
            experiments=simulated(by_budget(4, 6, 8), measure_majority_vote, voters="one", **_VOTE),
        ),
        experiments=simulated(by_budget(16, 16, 20), measure_majority_vote, voters="all", **_VOTE),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E8",
        paper="classics",
        where="replica-symmetric entropy of binary perceptrons (Seung, Sompolinsky & Tishby 1992), derived",
        statement="Binary perceptrons jump to perfect generalization at finitely many examples per weight.",
        prediction=f"alpha = {_TRANSITION:.3f} within 0.1, where the error falls from 0.256 to 0",
        law=Constant(value=_TRANSITION),
        predicted=_TRANSITION,
        band=(_TRANSITION - 0.1, _TRANSITION + 0.1),
        band_reason="half of the distance to the annealed transition at 1.448, from which it must be told",
        x_range=(0, 0),
        falsifier="a transition further than 0.1 from 1.245, the annealed 1.448 among them",
        control=Control(
            description="every training set weighted by |H(S)|: the annealed transition lies at 1.448",
            expected="REFUTED",
            experiments=simulated(by_budget(8, 10, 12), measure_transition, average="annealed", **_BINARY),
        ),
        experiments=simulated(by_budget(8, 10, 12), measure_transition, average="quenched", **_BINARY),
        not_applicable=NETWORKS_COME_LATER,
        published=(
            Published(
                quantity="examples per weight at which binary perceptrons jump to perfect generalization",
                value=1.245,
                where="Gyorgyi 1990, Phys. Rev. A 41, 7097, abstract",
            ),
        ),
    ),
)
