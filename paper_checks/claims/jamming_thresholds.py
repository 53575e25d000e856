"""How many examples a network can satisfy: its jamming threshold, and what is left unsatisfied there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate import (
    HingeRun,
    Measurement,
    bisect_threshold,
    hinge_network_outputs,
    hinge_network_parameters,
    random_examples,
    train_hinge_network,
)
from genlaws.simulate.dynamics import Dynamics

from ..claim import Readings, Settings, SharedWork
from .image_families import component_task
from .units import rows

FloatArray = NDArray[np.float64]

JAMMED = 0.1
"""Unsatisfied examples per parameter from which the papers call a network jammed (arXiv:1810.09665)."""
STABLE = 0.25
"""Fewest unsatisfied examples per parameter at which a ReLU network can be stable (arXiv:1809.09349)."""
_PRECISION = 4  # so few unsatisfied examples are put down to precision (arXiv:1810.09665, App. B)
_TOLERANCE = 1e-3  # of the margin
_ENDS = 3  # widths at either end of those whose norms are measured


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs, shape (examples, dimension), and their labels -1 and +1."""

    inputs: FloatArray
    labels: FloatArray

    def first(self, many: int) -> Examples:
        """The first of them."""
        return Examples(self.inputs[:many], self.labels[:many])


@dataclass(frozen=True, slots=True)
class Architecture:
    """A fully connected ReLU network on inputs of some dimension."""

    dimension: int
    width: int
    hidden_layers: int

    @property
    def parameters(self) -> int:
        """N, biases included."""
        return hinge_network_parameters(self.dimension, self.width, hidden_layers=self.hidden_layers)


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an architecture jams as examples are added.

    Attributes
    ----------
    examples : float
        P, between the most that were satisfied and the fewest that were not.
    unsatisfied : float
        Unsatisfied examples per parameter at those fewest.
    between : float
        Share of the runs that ended neither satisfied nor stably jammed, of all on the way.
    """

    examples: float
    unsatisfied: float
    between: float


def draw_examples(settings: Settings, most: int, dimension: int, rng: np.random.Generator) -> Examples:
    """At most `most` examples: images (`data`) by their first components, or random points of a sphere.

    Points of the sphere have random labels, and those of images are drawn, too, if ``labels: random``. A
    `pool` is a number of points that examples on the sphere are drawn from with repetition.
    """
    if "data" not in settings:
        inputs, labels = random_examples(settings.get("pool", most), dimension, rng=rng)
        if "pool" in settings:
            drawn = rng.integers(settings["pool"], size=most)
            inputs, labels = inputs[drawn], labels[drawn]
        return Examples(inputs, labels)
    task = component_task(settings["data"], settings["task"], dimension)
    chosen = rng.permutation(len(task.labels))[:most]
    inputs, labels = task.inputs[chosen].astype(np.float64), task.labels[chosen].astype(np.float64)
    if settings.get("labels") == "random":
        labels = rng.choice([-1.0, 1.0], size=len(labels))
    return Examples(inputs, labels)


def train(
    settings: Settings,
    network: Architecture,
    examples: Examples,
    *,
    dynamics: Dynamics,
    start: np.random.SeedSequence,
) -> HingeRun:
    """One network on all of these examples, until satisfied or out of `steps`; Adam goes at `rate`."""
    return train_hinge_network(
        examples.inputs,
        examples.labels,
        width=network.width,
        hidden_layers=network.hidden_layers,
        dynamics=dynamics,
        rate=settings["rate"] if dynamics == "adam" else None,
        steps=settings["steps"],
        tolerance=_TOLERANCE,
        rng=np.random.default_rng(start),
    )


def find_transition(
    settings: Settings, network: Architecture, *, dynamics: Dynamics, rng: np.random.Generator
) -> Transition:
    """Bisect in the number of examples, all of one draw, with one start.

    Settings give the range of examples per parameter (`between`), the `resolution`, and how to train.
    """
    draws, splits, start = np.random.SeedSequence(int(rng.integers(2**63))).spawn(3)
    low, high = (round(ratio * network.parameters) for ratio in settings["between"])
    drawn = draw_examples(settings, high, network.dimension, np.random.default_rng(draws))
    unsatisfied: dict[int, float] = {}

    def jams(many: int) -> bool:
        run = train(settings, network, drawn.first(many), dynamics=dynamics, start=start)
        unsatisfied[many] = run.unsatisfied_per_parameter
        return unsatisfied[many] > JAMMED

    high = min(high, len(drawn.labels))
    try:
        satisfied, jammed = bisect_threshold(
            jams, low=low, high=high, resolution=settings["resolution"], rng=np.random.default_rng(splits)
        )
    except ValueError as error:
        raise ValueError(
            f"networks of {network.parameters} parameters must jam at {low} to {high} examples: {error}"
        ) from None
    precise = _PRECISION / network.parameters
    return Transition(
        examples=float(np.sqrt(satisfied * jammed)),
        unsatisfied=unsatisfied[jammed],
        between=float(np.mean([precise < share < STABLE for share in unsatisfied.values()])),
    )


def _networks(settings: Settings) -> list[Architecture]:
    return [Architecture(*network) for network in settings["networks"]]


def measure_thresholds(settings: Settings, rng: np.random.Generator) -> Readings:
    """The transition of each of `networks` (dimension, width, hidden layers), over their parameters."""
    networks = _networks(settings)
    found = [find_transition(settings, network, dynamics="adam", rng=rng) for network in networks]
    parameters = np.array([network.parameters for network in networks], dtype=np.float64)
    examples = np.array([one.examples for one in found])

    def reading(y: ArrayLike, y_label: str, reference: float | None = None) -> Measurement:
        return rows(settings, parameters, y, x_label="parameters N", y_label=y_label, reference=reference)

    left = [one.unsatisfied for one in found]
    return {
        "examples": reading(examples, "examples P at the threshold"),
        "examples per parameter": reading(examples / parameters, "P/N at the threshold", STABLE),
        "unsatisfied per parameter": reading(left, "unsatisfied per parameter", STABLE),
        "runs between": reading([one.between for one in found], "share of runs between", 0.0),
    }


def measure_limit(settings: Settings, rng: np.random.Generator) -> Readings:
    """Examples per parameter of two sizes of networks, drawn out to infinite width linearly in 1 / width."""
    small, large = networks = _networks(settings)
    found = [find_transition(settings, network, dynamics="adam", rng=rng) for network in networks]
    parameters = [network.parameters for network in networks]
    first, second = (one.examples / many for one, many in zip(found, parameters, strict=True))
    limit = (large.width * second - small.width * first) / (large.width - small.width)
    return {
        "limit": rows(settings, 0.0, limit, x_label="1 / width", y_label="P/N at the threshold"),
        "unsatisfied per parameter": rows(
            settings,
            parameters,
            [one.unsatisfied for one in found],
            x_label="parameters N",
            y_label="unsatisfied per parameter",
        ),
    }


def measure_depths(settings: Settings, rng: np.random.Generator) -> Readings:
    """Thresholds of networks of several depths and nearly equal size, against the first of them."""
    networks = _networks(settings)
    found = [find_transition(settings, network, dynamics="adam", rng=rng).examples for network in networks]
    depths = [network.hidden_layers for network in networks[1:]]

    def reading(sizes: Sequence[int], unit: str) -> Measurement:
        ratio = np.array(found) / np.array(sizes)
        label = f"examples per {unit}"
        return rows(settings, depths, ratio[1:], x_label="hidden layers", y_label=label, reference=ratio[0])

    return {
        "per parameter": reading([network.parameters for network in networks], "parameter"),
        "per neuron": reading([network.width * network.hidden_layers for network in networks], "neuron"),
    }


def measure_dynamics(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Threshold of one dynamics beside that of another, each after as many steps, over the parameters.

    The two `dynamics` share their examples and starts; the same one twice has others the second time.
    """
    networks = _networks(settings)
    ours, theirs = settings["dynamics"]
    found = []
    for network in networks:
        seeds = rng.integers(2**63, size=2)
        if ours != theirs:
            seeds[1] = seeds[0]
        found.append(
            [
                find_transition(settings, network, dynamics=name, rng=np.random.default_rng(seed)).examples
                for name, seed in zip((ours, theirs), seeds, strict=True)
            ]
        )
    parameters = np.array([network.parameters for network in networks], dtype=np.float64)
    ratios = np.array(found) / parameters[:, None]
    return rows(
        settings,
        parameters,
        ratios[:, 0],
        reference=ratios[:, 1],
        x_label="parameters N",
        y_label=f"P/N at the threshold by {ours}",
    )


def measure_norms(settings: Settings, rng: np.random.Generator) -> Readings:
    """Root mean square of the output on images never trained on, for networks of many widths.

    All see the same `examples` first images, and `tested_on` others; `widest` is the width whose norm is
    taken off for the excess. Stopped early means after `early` steps, cut off after `cut_off`.
    """
    most = settings["examples"] + settings["tested_on"]
    drawn = draw_examples(settings, most, settings["components"], rng)
    if len(drawn.labels) < most:
        raise ValueError(f"data must hold at least {most} images, got {len(drawn.labels)}")
    examples, heldout = drawn.first(settings["examples"]), drawn.inputs[settings["examples"] :]
    networks = [
        Architecture(settings["components"], width, settings["hidden_layers"])
        for width in [*settings["widths"], settings["widest"]]
    ]

    def norms_after(
        counts: Sequence[int], network: Architecture, start: np.random.SeedSequence
    ) -> list[float]:
        # decreasing numbers of steps: a run that ended within the next one is that one, too
        run, found = None, []
        for steps in counts:
            if run is None or run.steps > steps:
                run = train({**settings, "steps": steps}, network, examples, dynamics="adam", start=start)
            outputs = hinge_network_outputs(run.variables, heldout, hidden_layers=network.hidden_layers)
            found.append(float(np.sqrt(np.mean(outputs**2))))
        return found

    starts = np.random.SeedSequence(int(rng.integers(2**63))).spawn(len(networks))
    counts = (settings["steps"], settings["steps"] // 2, settings["cut_off"], settings["early"])
    norms, half, cut, early = np.array(
        [norms_after(counts, network, start) for network, start in zip(networks, starts, strict=True)]
    ).T
    parameters = [network.parameters for network in networks[:-1]]

    def reading(y: FloatArray, y_label: str) -> Measurement:
        return rows(settings, parameters, y, x_label="parameters N", y_label=y_label)

    def growth(before: FloatArray) -> Measurement:
        # of the narrowest networks, beside that of the widest of `widths`
        grown = np.log(norms / before)[:-1]
        near, far = grown[:_ENDS].mean(), grown[-_ENDS:].mean()
        label = "growth of the logarithm of the norm"
        return rows(settings, parameters[0], near, x_label="parameters N", y_label=label, reference=far)

    return {
        "norm": reading(norms[:-1], "norm of the output"),
        "early norm": reading(early[:-1], "norm of the output, stopped early"),
        "excess": reading(norms[:-1] - norms[-1], "norm above that of wide networks"),
        "growth from cut off": growth(cut),
        "growth from half": growth(half),
    }


THRESHOLDS = SharedWork("jamming-thresholds", measure_thresholds)
LIMIT = SharedWork("jamming-limit", measure_limit)
DEPTHS = SharedWork("jamming-depths", measure_depths)
NORMS = SharedWork("jamming-norms", measure_norms, revision=2)
