"""Geiger et al.: the jamming transition of hinge networks, and the norm of the output beyond it (B7, B9)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genlaws.simulate import Measurement, least_hinge_loss, random_examples
from genlaws.theory import Constant, Divergence, LowerBound, Ordering, PowerLaw, UpperBound

from ..claim import Claim, Control, Published, Restatement, Settings
from .geiger_thresholds import (
    FEW,
    IMAGES_STOPPED,
    ON_IMAGES,
    ON_SPHERES,
    ON_SQUARES,
    REPLICATES,
    SPHERES_STOPPED,
    SQUARES_STOPPED,
)
from .jamming_thresholds import LIMIT, NORMS, THRESHOLDS
from .units import by_budget, rows, shared_networks, shared_simulation, simulated

_GROWTH = 0.05
_BETWEEN = 0.1
_FITTED_THRESHOLD = (
    "the threshold is fitted too, from sizes that begin 0.3 N* beyond it, where it and the exponent stand in "
    "for each other; 0.2 still keeps out 1/2, the exponent on the other side"
)


def measure_least_norm(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Norm of the linear classifier of least hinge loss with margin 1, of that the shortest.

    x is how far from the threshold it is: N over its N* = P/2 beyond it, and N*/N on the other `side`.
    """
    many = settings["examples"]
    x = np.array(settings["distances"])
    dimensions = np.rint(many / 2 * (x if settings["side"] == "satisfied" else 1.0 / x)).astype(int)
    inputs, _ = random_examples(many, int(dimensions.max()), law="gaussian", rng=rng)
    norms = [float(np.linalg.norm(least_hinge_loss(inputs[:, :n]).variables)) for n in dimensions]
    return rows(settings, x, norms, x_label="distance from the threshold", y_label="norm of the output")


_DISTANCES = [1.15, 1.2, 1.25, 1.3, 1.4, 1.5]
_SHORTEST: dict[str, Any] = {"examples": by_budget(240, 800, 1600), "distances": _DISTANCES}
_NORMS: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": 10,
    "examples": 1000,
    "tested_on": 2000,
    "hidden_layers": 1,
    "widths": [16, 18, 20, 22, 25, 30, 35, 42, 50, 60],
    "widest": by_budget(120, 400, 1000),
    "rate": 0.01,
    "steps": by_budget(10_000, 40_000, 100_000),
    "early": 100,
    "cut_off": 1250,
}
_NORM_REPLICATES = by_budget(8, 24, 40)

CLAIMS = (
    Claim(
        id="B7",
        paper="geiger",
        where="arXiv:1901.01608, section on the divergence at N*: N*(eps) = N*(0) + B0 eps",
        statement="Beyond the jamming threshold the norm of the output diverges like 1 / (N - N*).",
        prediction="exponent 1 (slope -2 of the square), for the shortest perceptrons of margin 1: N* = P/2",
        law=Divergence(exponent=1.0, threshold=1.0),
        predicted=1.0,
        band=(0.8, 1.2),
        band_reason=(
            "the law holds next to the threshold: over this range the shortest perceptrons of infinite size "
            "have a local exponent of 0.94 to 0.87 (derived), and the other side has 1/2"
        ),
        x_range=(1.15, 1.5),
        falsifier="an exponent outside the band, or a power of N that foretells held-out sizes better",
        control=Control(
            description="the other side of the threshold, where the least loss has a norm of exponent 1/2",
            expected="REFUTED",
            experiments=simulated(by_budget(24, 24, 40), measure_least_norm, side="unsatisfied", **_SHORTEST),
        ),
        experiments=simulated(by_budget(16, 16, 40), measure_least_norm, side="satisfied", **_SHORTEST)
        | shared_networks(_NORM_REPLICATES, NORMS, "norm", **_NORMS),
        rivals=(PowerLaw(exponent=-1.0),),
        restated={
            "network": Restatement(
                prediction="exponent 1 for 1,000 images, where (N - N*)/N* is about 0.3 to 4; N* is fitted",
                law=Divergence(exponent=1.0),
                band_reason=_FITTED_THRESHOLD,
                x_range=(193, 721),
                control=Control(
                    description="training stopped after a hundred steps, in which no norm can have grown",
                    expected="REFUTED",
                    experiments=shared_networks(_NORM_REPLICATES, NORMS, "early norm", **_NORMS),
                ),
            )
        },
    ),
    Claim(
        id="B7b",
        paper="geiger",
        where="arXiv:1901.01608, section on the divergence at N*; what wide networks keep is taken off here",
        statement="What the norm of the output has beyond that of wide networks diverges like 1 / (N - N*).",
        prediction="exponent 1 for 1,000 images, where (N - N*)/N* is about 0.3 to 4; N* is fitted",
        law=Divergence(exponent=1.0),
        predicted=1.0,
        band=(0.8, 1.2),
        band_reason=_FITTED_THRESHOLD,
        x_range=(193, 721),
        falsifier="an exponent outside the band, or a power of N that foretells held-out sizes better",
        control=Control(
            description="the norm itself, to which wide networks add a constant",
            expected="REFUTED",
            experiments=shared_networks(_NORM_REPLICATES, NORMS, "norm", **_NORMS),
        ),
        experiments=shared_networks(_NORM_REPLICATES, NORMS, "excess", **_NORMS),
        rivals=(PowerLaw(exponent=-1.0),),
        not_applicable={"simulation": "the shortest perceptrons keep no norm as N grows; see B7"},
    ),
    Claim(
        id="B7c",
        paper="geiger",
        where="arXiv:1901.01608, figure 7: curves of four learning times, the longest 2,000,000 steps",
        statement="A finite time of training cuts the norm's divergence off, next to the threshold only.",
        prediction=(
            f"from step {_NORMS['cut_off']} to the end the norm grows by at least 5 % more for the narrowest "
            "networks, N about 1.3 N*, than for networks of about 4 N*"
        ),
        law=Ordering(),
        predicted=_GROWTH,
        band=(_GROWTH, math.inf),
        band_reason=(
            "one-sided: the paper shows curves and prints no growth, and 5 % are chosen here as the least "
            "that counts"
        ),
        x_range=(193, 193),
        falsifier="norms that grow as much far from the threshold, or do not grow any more next to it",
        control=Control(
            description="the second half of the training, by which everything is satisfied and at rest",
            expected="REFUTED",
            experiments=shared_networks(_NORM_REPLICATES, NORMS, "growth from half", **_NORMS),
        ),
        experiments=shared_networks(_NORM_REPLICATES, NORMS, "growth from cut off", **_NORMS),
        not_applicable={"simulation": "the shortest perceptrons are found exactly, without any time"},
    ),
    Claim(
        id="B9a",
        paper="geiger",
        where="arXiv:1809.09349, stability of minima: N_Delta at least N_-; 1/4 is the cusps' share for ReLU",
        statement="At the transition the unsatisfied examples jump from none to at least a quarter of N.",
        prediction="N_Delta / N is at least 1/4 at the fewest examples that are not satisfied",
        law=LowerBound(),
        predicted=0.0,
        band=(0.0, math.inf),
        band_reason="one-sided: theory has a least number, and a larger jump keeps the claim",
        x_range=(145, 289),
        falsifier="networks that jam with fewer than N/4 unsatisfied examples",
        control=Control(
            description="training stopped after a hundred steps, on its way to satisfying everything",
            expected="REFUTED",
            experiments=shared_simulation(FEW, THRESHOLDS, "unsatisfied per parameter", **SPHERES_STOPPED)
            | shared_networks(FEW, THRESHOLDS, "unsatisfied per parameter", **IMAGES_STOPPED),
        ),
        experiments=shared_simulation(REPLICATES, THRESHOLDS, "unsatisfied per parameter", **ON_SPHERES)
        | shared_networks(REPLICATES, THRESHOLDS, "unsatisfied per parameter", **ON_IMAGES),
        restated={"network": Restatement(x_range=(97, 193))},
    ),
    Claim(
        id="B9b",
        paper="geiger",
        where="arXiv:1810.09665: N_Delta/N from 0 to about 0.75 on random data",
        statement="On random data the unsatisfied examples at the transition are 0.75 for each parameter.",
        prediction="N_Delta / N = 0.75 within 0.15, for one hidden layer (2, 3 and 5 in the paper)",
        law=Constant(value=0.75),
        predicted=0.75,
        band=(0.6, 0.9),
        band_reason=(
            "the paper has about 0.75 of two to five layers, here is one; 0.15 still keeps out the 0.5 that "
            "it has on images"
        ),
        x_range=(169, 289),
        falsifier="another number of unsatisfied examples at the fewest that are not satisfied",
        control=Control(
            description="training stopped after a hundred steps, on its way to satisfying everything",
            expected="REFUTED",
            experiments=shared_simulation(FEW, LIMIT, "unsatisfied per parameter", **SQUARES_STOPPED),
        ),
        experiments=shared_simulation(REPLICATES, LIMIT, "unsatisfied per parameter", **ON_SQUARES),
        not_applicable={"network": "random data are made, and learnt in simulation"},
        published=(Published("N_Delta / N after the jump", 0.75, "arXiv:1810.09665, random data"),),
    ),
    Claim(
        id="B9c",
        paper="geiger",
        where="arXiv:1810.09665: N_Delta/N to about 0.5 on MNIST, first 10 principal components",
        statement="On images the unsatisfied examples at the transition are 0.5 for each parameter.",
        prediction="N_Delta / N = 0.5 within 0.15, for one hidden layer of few parameters (5 in the paper)",
        law=Constant(value=0.5),
        predicted=0.5,
        band=(0.35, 0.65),
        band_reason=(
            "the paper has about 0.5 of five layers, here is one, of few parameters; 0.15 still keeps out "
            "the 0.75 that it has on random data"
        ),
        x_range=(97, 193),
        falsifier="another number of unsatisfied examples at the fewest that are not satisfied",
        control=Control(
            description="training stopped after a hundred steps, on its way to satisfying everything",
            expected="REFUTED",
            experiments=shared_networks(FEW, THRESHOLDS, "unsatisfied per parameter", **IMAGES_STOPPED),
        ),
        experiments=shared_networks(REPLICATES, THRESHOLDS, "unsatisfied per parameter", **ON_IMAGES),
        not_applicable={"simulation": "the claim is about images; B9b is about random data"},
        published=(Published("N_Delta / N after the jump", 0.5, "arXiv:1810.09665, MNIST"),),
    ),
    Claim(
        id="B9d",
        paper="geiger",
        where="arXiv:1810.09665, App. B: of 130 runs near the transition, 5 stopped in between",
        statement="Runs near the transition end satisfied or stably jammed: there is hardly one in between.",
        prediction=(
            f"at most {_BETWEEN:.0%} of the runs on the way to the transition end with more than 4 "
            "unsatisfied examples, and N_Delta / N below 1/4"
        ),
        law=UpperBound(),
        predicted=_BETWEEN,
        band=(-math.inf, _BETWEEN),
        band_reason=(
            "one-sided: 5 of the paper's 130 runs near the transition, 4 %, were stopped in between, and one "
            "in ten is still hardly any"
        ),
        x_range=(145, 289),
        falsifier="more than one run in ten between the two",
        control=Control(
            description="training stopped after a hundred steps: it leaves any number unsatisfied",
            expected="REFUTED",
            experiments=shared_simulation(FEW, THRESHOLDS, "runs between", **SPHERES_STOPPED)
            | shared_networks(FEW, THRESHOLDS, "runs between", **IMAGES_STOPPED),
        ),
        experiments=shared_simulation(REPLICATES, THRESHOLDS, "runs between", **ON_SPHERES)
        | shared_networks(REPLICATES, THRESHOLDS, "runs between", **ON_IMAGES),
        restated={"network": Restatement(x_range=(97, 193))},
    ),
)
