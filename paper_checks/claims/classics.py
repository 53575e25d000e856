"""Statistical mechanics of learning: perceptron prefactors, the binary transition, annealing, concentration (E)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genlaws.simulate import (
    BinaryPerceptron,
    GaussianProcess,
    LookupTable,
    Measurement,
    SphericalPerceptron,
    TeacherLabels,
    sample_training_sets,
    sample_zero_error,
)
from genlaws.theory import (
    Constant,
    EqualWithinMargin,
    Ordering,
    binary_perceptron_transition,
)

from ..claim import Claim, Control, Experiment, Settings
from .units import NETWORKS_COME_LATER, by_budget, replicated

_TRANSITION = binary_perceptron_transition().alpha
_HALF_JUMP = 0.5 * binary_perceptron_transition().error


def _table(settings: Settings, x: Any, y: Any, reference: Any, x_label: str, y_label: str) -> Measurement:
    x = np.atleast_1d(np.asarray(x, dtype=np.float64))
    return Measurement(
        x=x,
        replicate=np.full(x.size, settings["replicate"]),
        y=np.atleast_1d(y),
        reference=None if reference is None else np.atleast_1d(reference),
        x_label=x_label,
        y_label=y_label,
        settings=settings,
    )


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
    return _table(
        settings,
        n / free,
        votes / settings["sets"],
        means / settings["sets"] / math.sqrt(2.0),
        "alpha, examples per free parameter",
        "error of the majority vote",
    )


def measure_transition(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Examples per weight at which the mean error has fallen half way through its jump, drawn out to N -> inf.

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
    return _table(
        {**settings, "crossings": crossings.tolist()},
        0.0,
        slope_and_limit[1],
        None,
        "1 / dimension",
        "examples per weight at the transition",
    )


def _spread(settings: Settings, kind: str, size: int, rng: np.random.Generator) -> float:
    # standard deviation of the true error over zero-error classifiers, averaged over training sets
    spreads = []
    for _ in range(settings["sets"]):
        family: SphericalPerceptron | GaussianProcess
        n = settings["ratio"] * size
        if kind == "linear":
            family = SphericalPerceptron(size)
        else:
            family = _random_features(size, n, settings["heldout"], rng)
        ensemble = sample_zero_error(family, [n], particles=settings["particles"], replicas=2, rng=rng)
        spreads.append(float(ensemble.true_errors.std(axis=2).mean()))
    return float(np.mean(spreads))


def _random_features(features: int, training: int, heldout: int, rng: np.random.Generator) -> GaussianProcess:
    # normal weights on random ReLU features of Gaussian inputs, labelled by one member of the family
    inputs = rng.standard_normal((training + heldout, features // 2))
    hidden = np.maximum(inputs @ rng.standard_normal((features // 2, features)), 0.0)
    hidden -= hidden.mean(axis=0)
    labels = np.where(hidden @ rng.standard_normal(features) > 0.0, 1, -1)
    return GaussianProcess(
        hidden @ hidden.T / features,
        labels,
        training=range(training),
        heldout=range(training, training + heldout),
    )


def measure_concentration(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Spread of the error over zero-error classifiers at four times the size beside that at the size."""
    sizes, kinds = settings["sizes"], settings["kinds"]
    small = np.array([_spread(settings, k, s, rng) for s, k in zip(sizes, kinds, strict=True)])
    grown = settings["growth"]
    large = np.array([_spread(settings, k, grown * s, rng) for s, k in zip(sizes, kinds, strict=True)])
    return _table(settings, sizes, large, small, "parameters d", "spread of the true error at 4 d")


def _annealing_gap(
    family: SphericalPerceptron | LookupTable, n: list[int], settings: Settings, rng: int
) -> Any:
    # (ln E_S|H(S)| - E_S ln|H(S)|) / n, the first from Q, the second from many training sets
    quenched = sample_training_sets(
        family, n_examples=n, sets=settings["sets"], particles=settings["particles"], replicas=2, rng=rng
    ).quenched_log_fraction
    annealed = np.array([family.log_tilted_mass(k) for k in n])
    return (annealed - quenched) / np.asarray(n)


def measure_annealing_gap(settings: Settings, rng: np.random.Generator) -> Measurement:
    """What annealing misses for an unrealizable rule beside what it misses for a realizable one."""
    dimension = settings["dimension"]
    n = [int(a * dimension) for a in settings["alpha"]]
    seed = int(rng.integers(0, 2**63))  # the same inputs for both rules
    unrealizable: SphericalPerceptron | LookupTable
    if settings["unrealizable"] == "perceptron":
        unrealizable = SphericalPerceptron(dimension, data=TeacherLabels(noise=0.2))
    else:
        unrealizable = LookupTable.independent(np.linspace(0.2, 0.35, 2**16))
    noisy = _annealing_gap(unrealizable, n, settings, seed)
    realizable = _annealing_gap(SphericalPerceptron(dimension), n, settings, seed)
    return _table(
        settings,
        np.asarray(n) / dimension,
        noisy,
        realizable,
        "alpha, examples per parameter",
        "ln E|H(S)| - E ln|H(S)|, nats per example",
    )


def _experiment(replicates: Any, measure: Any, **settings: Any) -> dict[Any, Experiment]:
    return {"simulation": Experiment(replicated(replicates, **settings), measure)}


_VOTE = {
    "dimension": by_budget(12, 24, 48),
    "alpha": [5, 10],
    "particles": 100,
    "sets": by_budget(2, 8, 20),
}
_BINARY = {
    "dimensions": by_budget([9, 11, 13, 15, 17], [9, 11, 13, 15, 17, 19], [11, 13, 15, 17, 19, 20]),
    "sets": by_budget(400, 2000, 10_000),
}
_SPREAD = {
    "ratio": 3,
    "sets": by_budget(2, 6, 20),
    "particles": by_budget(60, 200, 400),
    "heldout": by_budget(200, 1000, 2000),
}
_GAP = {"dimension": 16, "alpha": [0.75, 1.0, 1.25], "sets": by_budget(10, 30, 100), "particles": 60}

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
        x_range=(5, 10),
        falsifier="a vote whose error is further than 10 % from the mean error over the root of two",
        control=Control(
            description="a vote of one member: its error is the mean error",
            expected="REFUTED",
            experiments=_experiment(by_budget(4, 6, 8), measure_majority_vote, voters="one", **_VOTE),
        ),
        experiments=_experiment(by_budget(10, 12, 20), measure_majority_vote, voters="all", **_VOTE),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E8",
        paper="classics",
        where="binary perceptron, replica-symmetric entropy (Seung, Sompolinsky & Tishby 1992; value derived)",
        statement="Binary perceptrons jump to perfect generalization at a finite number of examples per weight.",
        prediction=f"alpha = {_TRANSITION:.3f} within 0.1, where the error falls from 0.256 to 0",
        law=Constant(value=_TRANSITION),
        predicted=_TRANSITION,
        band=(_TRANSITION - 0.1, _TRANSITION + 0.1),
        x_range=(0, 0),
        falsifier="a transition further than 0.1 from 1.245, the annealed 1.448 among them",
        control=Control(
            description="every training set weighted by |H(S)|: the annealed transition lies at 1.448",
            expected="REFUTED",
            experiments=_experiment(by_budget(4, 6, 8), measure_transition, average="annealed", **_BINARY),
        ),
        experiments=_experiment(by_budget(8, 10, 12), measure_transition, average="quenched", **_BINARY),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E9",
        paper="classics",
        where="arXiv:2006.12625, distribution of the test error among interpolating classifiers",
        statement="At fixed examples per parameter the errors of interpolating classifiers concentrate as they grow.",
        prediction="four times the parameters: a spread at least a fifth smaller (about half), linear and random features",
        law=Ordering(above=False, relative=True),
        predicted=-math.log(2.0),
        band=(-math.inf, math.log(0.8)),
        x_range=(8, 16),
        falsifier="a spread that does not shrink by a fifth for any family or size",
        control=Control(
            description="the size does not grow: the spread must stay",
            expected="REFUTED",
            experiments=_experiment(
                by_budget(6, 8, 12),
                measure_concentration,
                sizes=[8, 16],
                kinds=["linear", "linear"],
                growth=1,
                **_SPREAD,
            ),
        ),
        experiments=_experiment(
            by_budget(6, 8, 12),
            measure_concentration,
            sizes=[8, 12, 16],
            kinds=["linear", "random features", "linear"],
            growth=4,
            **_SPREAD,
        ),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="E11",
        paper="classics",
        where="Seung, Sompolinsky & Tishby 1992: the annealed approximation (Schwartz et al. 1990 use it throughout)",
        statement="Annealing serves realizable rules well and fails for unrealizable ones.",
        prediction=(
            "ln E|H(S)| - E ln|H(S)| is larger for labels with one in five flipped than for clean ones, by more "
            "than 0.01 nats per example"
        ),
        law=Ordering(above=True),
        predicted=0.05,
        band=(0.01, math.inf),
        x_range=(0.75, 1.25),
        falsifier="a rule without noise that annealing misses as much as one with noise, at any alpha",
        control=Control(
            description="an unrealizable rule among classifiers that err independently: annealing is exact there",
            expected="REFUTED",
            experiments=_experiment(by_budget(8, 8, 12), measure_annealing_gap, unrealizable="independent", **_GAP),
        ),
        experiments=_experiment(by_budget(8, 10, 12), measure_annealing_gap, unrealizable="perceptron", **_GAP),
        not_applicable=NETWORKS_COME_LATER,
    ),
)
