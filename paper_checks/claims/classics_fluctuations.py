"""How zero-error classifiers differ, and their number between training sets (E9, E11)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import (
    GaussianProcess,
    LookupTable,
    Measurement,
    SphericalPerceptron,
    TeacherLabels,
    sample_training_sets,
    sample_zero_error,
)
from genlaws.theory import Ordering

from ..claim import Claim, Control, Settings
from .units import NETWORKS_COME_LATER, by_budget, rows, simulated


def _spread(settings: Settings, kind: str, size: int, sets: int, rng: np.random.Generator) -> float:
    # standard deviation of the true error over zero-error classifiers, its square averaged over training sets
    variances = []
    for _ in range(sets):
        family: SphericalPerceptron | GaussianProcess
        n = settings["ratio"] * size
        if kind == "linear":
            family = SphericalPerceptron(size)
        else:
            family = _random_features(size, n, settings["heldout"], rng)
        ensemble = sample_zero_error(family, [n], particles=settings["particles"], replicas=2, rng=rng)
        if ensemble.status != ("ok",):
            raise ValueError(f"the zero-error ensemble at n = {n} is {ensemble.status[0]}")
        variance = float(ensemble.true_errors.var(axis=2, ddof=1).mean())
        points = family.error_resolution
        if points is not None:
            # the share of a few points scatters more than the error itself: only pairs of different points
            # tell the errors apart, so take out what a point has in common with itself
            variance = (points * variance - 0.5 * float(ensemble.disagreement[0])) / (points - 1)
        variances.append(variance)
    return math.sqrt(max(float(np.mean(variances)), 0.0))


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
    sizes, growth, sets = settings["sizes"], settings["growth"], settings["sets"]
    families = list(zip(settings["kinds"], sizes, strict=True))
    # the smaller a family, the more its training sets differ, and the cheaper they are
    small = np.array([_spread(settings, kind, size, growth * sets, rng) for kind, size in families])
    large = np.array([_spread(settings, kind, growth * size, sets, rng) for kind, size in families])
    return rows(
        settings,
        sizes,
        large,
        reference=small,
        x_label="parameters d",
        y_label="spread of the true error at 4 d",
    )


def _annealing_gap(
    family: SphericalPerceptron | LookupTable, n: list[int], settings: Settings, seed: int
) -> NDArray[np.float64]:
    # (ln E_S|H(S)| - E_S ln|H(S)|) / n, the first from Q, the second from many training sets
    quenched = sample_training_sets(
        family, n_examples=n, sets=settings["sets"], particles=settings["particles"], replicas=2, rng=seed
    ).quenched_log_fraction
    annealed = np.array([family.log_tilted_mass(k) for k in n])
    return np.asarray((annealed - quenched) / np.asarray(n))


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
    return rows(
        settings,
        np.asarray(n) / dimension,
        noisy,
        reference=realizable,
        x_label="alpha, examples per parameter",
        y_label="annealing gap, nats per example",
    )


_SPREAD: dict[str, Any] = {
    "ratio": 3,
    "sets": by_budget(2, 6, 20),
    "particles": by_budget(60, 200, 400),
    "heldout": by_budget(200, 1000, 2000),
}
_GAP: dict[str, Any] = {
    "dimension": 16,
    "alpha": [0.75, 1.0, 1.25],
    "sets": by_budget(10, 30, 100),
    "particles": 60,
}

CLAIMS = (
    Claim(
        id="E9",
        paper="classics",
        where="arXiv:2006.12625, distribution of the test error among interpolating classifiers",
        statement="At fixed examples per parameter the errors of interpolating classifiers concentrate.",
        prediction=(
            "four times the parameters: a spread at least a quarter smaller (about half), for linear "
            "classifiers and for random features"
        ),
        law=Ordering(above=False, relative=True),
        predicted=math.log(0.75),
        band=(-math.inf, math.log(0.75)),
        band_reason=(
            "one-sided: a spread that falls as one over the root of the size halves, and a quarter less is "
            "half-way between that and no change"
        ),
        x_range=(8, 16),
        falsifier="a spread that does not shrink by a quarter for any family or size",
        control=Control(
            description="the size does not grow: the spread must stay",
            expected="REFUTED",
            experiments=simulated(
                by_budget(12, 12, 12),
                measure_concentration,
                families=["spherical-perceptron"],
                sizes=[8, 16],
                kinds=["linear", "linear"],
                growth=1,
                **_SPREAD,
            ),
        ),
        experiments=simulated(
            by_budget(6, 8, 12),
            measure_concentration,
            families=["gaussian-process", "spherical-perceptron"],
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
        where="Seung, Sompolinsky & Tishby 1992, the annealed approximation (used by Schwartz et al. 1990)",
        statement="Annealing serves realizable rules well and fails for unrealizable ones.",
        prediction=(
            "ln E|H(S)| - E ln|H(S)| is larger for labels with one in five flipped than for clean ones, by "
            "more than 0.01 nats per example"
        ),
        law=Ordering(above=True),
        predicted=0.01,
        band=(0.01, math.inf),
        band_reason=(
            "one-sided: no size is printed for the failure, and 0.01 nats per example are chosen here so "
            "that scatter between training sets does not count as one"
        ),
        x_range=(0.75, 1.25),
        falsifier="a rule without noise that annealing misses as much as one with noise, at any alpha",
        control=Control(
            description="an unrealizable rule, but classifiers erring independently: annealing is exact",
            expected="REFUTED",
            experiments=simulated(
                by_budget(8, 8, 12),
                measure_annealing_gap,
                families=["lookup-table", "spherical-perceptron"],
                unrealizable="independent",
                **_GAP,
            ),
        ),
        experiments=simulated(
            by_budget(14, 14, 14),
            measure_annealing_gap,
            families=["spherical-perceptron"],
            unrealizable="perceptron",
            **_GAP,
        ),
        not_applicable=NETWORKS_COME_LATER,
    ),
)
