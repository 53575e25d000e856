"""Geiger et al.: lazy training against feature learning, in kernels and in test errors (B15)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from genlaws.empirical import ClassificationTask, split_points
from genlaws.theory import EqualWithinMargin, Ordering, PowerLaw

from ..claim import Claim, Control, Published, Readings, Settings, SharedWork
from .image_families import image_network, image_task
from .units import by_budget, rows, shared_networks

if TYPE_CHECKING:
    from genlaws.empirical.gradient_flow import ScaledFlow
    from genlaws.empirical.networks import Network


def _trained(
    settings: Settings,
    network: Network,
    points: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]],
    alpha: float,
    seed: int,
) -> ScaledFlow:
    from genlaws.empirical.gradient_flow import train_by_gradient_flow

    return train_by_gradient_flow(
        network,
        *points,
        networks=settings["networks"],
        alpha=alpha,
        loss="hinge",
        tolerance=0.01,
        relative_error=settings["relative_error"],
        max_steps=settings["max_steps"],
        rng=seed,
        device=settings["device"],
    )


def measure_kernel_growth(settings: Settings, rng: np.random.Generator) -> Readings:
    """Relative change of the tangent kernel in training to a small loss, by one over root h times alpha.

    Of the networks that got there, the mean of the logarithms counts.
    """
    from genlaws.empirical.training_change import measure_training_change

    task = image_task(settings, rng)
    network = image_network(settings, task)
    n = split_points(task, training=settings["n_examples"]).training.size
    inputs, labels = task.inputs[:n], task.labels[:n]
    root = math.sqrt(network.layers[0].weight_shape[0])
    seed = int(rng.integers(2**63))
    changes = []
    for product in settings["root_h_alpha"]:
        flow = _trained(settings, network, (inputs, labels), product / root, seed)
        if not flow.end.reached.any():
            raise ValueError(f"no network reached a small loss at root h times alpha of {product}")
        change = measure_training_change(flow.start, flow.end, inputs).kernels
        changes.append(math.exp(float(np.mean(np.log(change[flow.end.reached])))))
    growth = rows(
        settings,
        1.0 / np.array(settings["root_h_alpha"]),
        changes,
        x_label="1 / (root h times alpha)",
        y_label="relative change of the kernel",
    )
    return {"kernel": growth}


def _points_of(settings: Settings, task: ClassificationTask) -> np.ndarray[Any, Any]:
    convolutional = settings["arch"].partition(":")[0] in ("cnn", "lenet")
    return task.as_images() if convolutional else task.inputs


def measure_regimes(settings: Settings, rng: np.random.Generator) -> Readings:
    """Held-out error of an ensemble of networks trained lazily, and of one that learnt features.

    The second are given one of ``handicap`` examples. The ensemble's mean output counts: fluctuations of
    finite width, larger in one regime than in the other, are a question of their own.
    """
    task = image_task(settings, rng)
    network = image_network(settings, task)
    split = split_points(task, training=settings["n_examples"], heldout=settings["tested_on"], rng=rng)
    points = _points_of(settings, task)
    seed = int(rng.integers(2**63))
    errors, reached = {}, {}
    for regime in ("lazy", "feature"):
        share = settings["handicap"] if regime == "feature" else 1
        given = split.training[: settings["n_examples"] // share]
        flow = _trained(settings, network, (points[given], task.labels[given]), settings[regime], seed)
        scores = flow.scores(points[split.heldout])[~flow.end.diverged, :, 0].mean(axis=0)
        errors[regime] = float(np.mean(scores * task.labels[split.heldout] <= 0.0))
        reached[regime] = int(flow.end.reached.sum())
    kept = {**settings, "reached": reached}

    def held(regime: str, against: str) -> Readings:
        made = rows(
            kept,
            len(network.layers) - 1,
            errors[regime],
            reference=errors[against],
            x_label="hidden layers",
            y_label=f"error of {regime} training",
        )
        return {f"{regime} against {against}": made}

    return {**held("feature", "lazy"), **held("lazy", "feature")}


KERNEL_GROWTH = SharedWork("kernel-growth", measure_kernel_growth)
REGIMES = SharedWork("regimes", measure_regimes)

_GROWTH: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": 10,
    # unbounded and smooth, as the paper's softplus
    "activation": "gelu",
    "arch": by_budget("fc:2x16", "fc:2x64", "fc:2x256"),
    "n_examples": by_budget(30, 100, 1000),
    "networks": by_budget(3, 6, 10),
    "relative_error": 0.1,
    "max_steps": 3000,
}
_IMAGES: dict[str, Any] = {
    "data": "mnist5k",
    "tested_on": by_budget(1000, 1000, 2000),
    "relative_error": 0.3,
    "max_steps": by_budget(400, 1000, 5000),
}
# alpha well to either side of one over the root of the width
_FULLY_CONNECTED: dict[str, Any] = {
    **_IMAGES,
    "task": "3-8",
    "components": 50,
    "arch": by_budget("fc:2x32", "fc:2x64", "fc:2x100"),
    "n_examples": by_budget(60, 200, 1000),
    "networks": by_budget(6, 8, 10),
    "lazy": 10.0,
    "feature": 0.02,
}
_CONVOLUTIONAL: dict[str, Any] = {
    **_IMAGES,
    "task": "3-8",
    "arch": by_budget("lenet:0.5", "lenet:0.5", "lenet"),
    "n_examples": by_budget(60, 200, 1000),
    "networks": by_budget(2, 4, 10),
    "lazy": 10.0,
    "feature": 0.2,
}
_TEN_COMPONENTS: dict[str, Any] = {
    **_IMAGES,
    "task": "parity",
    "components": 10,
    "arch": by_budget("fc:5x16", "fc:5x30", "fc:5x100"),
    "n_examples": by_budget(40, 200, 2000),
    "networks": by_budget(3, 8, 10),
    "lazy": 20.0,
    "feature": 0.2,
}
_NO_SIMULATION: dict[Any, str] = {
    "simulation": "the claim is about networks trained on images, of which kernels alone say nothing"
}
_LITTLE = 0.02


def _growth(products: list[float]) -> dict[Any, Any]:
    return shared_networks(by_budget(5, 8, 16), KERNEL_GROWTH, "kernel", root_h_alpha=products, **_GROWTH)


_LAZY = _growth([30.0, 90.0, 300.0])
_FEATURE = _growth([0.001, 0.003, 0.01])


def _regimes(reading: str, settings: dict[str, Any], *, handicap: int = 1) -> dict[Any, Any]:
    return shared_networks(by_budget(5, 8, 20), REGIMES, reading, handicap=handicap, **settings)


def _handicapped(reading: str, settings: dict[str, Any]) -> Control:
    return Control(
        description="feature learning is given a tenth of the examples, and must err more by far",
        expected="REFUTED",
        experiments=_regimes(reading, settings, handicap=10),
    )


CLAIMS = (
    Claim(
        id="B15a",
        paper="geiger",
        where="arXiv:1906.08034, lazy against feature learning, fully connected networks on MNIST",
        statement="For fully connected networks on MNIST it matters little whether features are learnt.",
        prediction=(
            "ensembles trained lazily and with feature learning err alike, to 2 % of the test images"
        ),
        law=EqualWithinMargin(),
        predicted=0.0,
        band=(-_LITTLE, _LITTLE),
        band_reason=(
            "little has no size in the paper: 2 % are chosen here, 20 of the 1,000 test images of a quick run"
        ),
        x_range=(2, 2),
        falsifier="errors in the two regimes that differ by more than 2 % of the test images",
        control=_handicapped("feature against lazy", _FULLY_CONNECTED),
        experiments=_regimes("feature against lazy", _FULLY_CONNECTED),
        not_applicable=_NO_SIMULATION,
    ),
    Claim(
        id="B15b",
        paper="geiger",
        where=(
            "arXiv:1906.08034, lazy against feature learning, convolutional networks on CIFAR10; here on the "
            "images given, MNIST's unless others are named"
        ),
        statement="Convolutional networks err less where they learn features than where they train lazily.",
        prediction="a lead of feature learning by more than 2 % of the test images, in errors of ensembles",
        law=Ordering(above=True),
        predicted=_LITTLE,
        band=(_LITTLE, math.inf),
        band_reason="one-sided, from where a difference ceases to be the little of B15a",
        x_range=(4, 4),
        falsifier="a lead of feature learning of less than 2 % of the test images",
        control=_handicapped("lazy against feature", _CONVOLUTIONAL),
        experiments=_regimes("lazy against feature", _CONVOLUTIONAL),
        not_applicable=_NO_SIMULATION,
    ),
    Claim(
        id="B15c",
        paper="geiger",
        where="arXiv:1906.08034, fig. 5a, lazy regime",
        statement="In lazy training the kernel changes in proportion to 1 / (root h times alpha).",
        prediction="an exponent of 1, at root h times alpha of 30 to 300",
        law=PowerLaw(exponent=1.0),
        predicted=1.0,
        band=(0.9, 1.1),
        band_reason="less than a third of the way to 4/3, the exponent of feature learning with two layers",
        x_range=(1.0 / 300.0, 1.0 / 30.0),
        falsifier="an exponent that differs from 1 by more than 0.1",
        control=Control(
            description="feature learning, root h times alpha of 0.001 to 0.01, whose exponent is another",
            expected="REFUTED",
            experiments=_FEATURE,
        ),
        experiments=_LAZY,
        not_applicable=_NO_SIMULATION,
    ),
    Claim(
        id="B15d",
        paper="geiger",
        where="arXiv:1906.08034, sec. on the kernel's change in feature learning, and Table 2, L = 2",
        statement="Where features are learnt, the kernel grows by a power of 1 / (root h times alpha).",
        prediction="the power a = 2 / (1 + 1/L), which is 4/3 for L = 2 hidden layers",
        law=PowerLaw(exponent=4.0 / 3.0),
        predicted=4.0 / 3.0,
        band=(4.0 / 3.0 - 0.1, 4.0 / 3.0 + 0.1),
        band_reason=(
            "down to the 1.25 that the paper measures (Table 2), and less than a third of the way to the 1 "
            "of lazy training"
        ),
        x_range=(100.0, 1000.0),
        falsifier="an exponent that differs from 4/3 by more than 0.1",
        control=Control(
            description="lazy training, root h times alpha of 30 to 300, whose exponent is 1",
            expected="REFUTED",
            experiments=_LAZY,
        ),
        experiments=_FEATURE,
        published=(Published("power a of the kernel's growth, L = 2", 1.25, "arXiv:1906.08034, Table 2"),),
        not_applicable=_NO_SIMULATION,
    ),
    Claim(
        id="B15e",
        paper="geiger",
        where="arXiv:1906.08034, ten principal components of MNIST, L = 5",
        statement="On ten principal components of MNIST, fully connected networks err less with features.",
        prediction=(
            "a lead of feature learning over lazy training, in errors of ensembles, L = 5; for whole images "
            "arXiv:1906.08034 finds a small lead of lazy training, see B15a"
        ),
        law=Ordering(above=True),
        predicted=0.0,
        band=(0.0, math.inf),
        band_reason="one-sided: only the sign of the lead is claimed",
        x_range=(5, 5),
        falsifier="lazy training that errs less than feature learning",
        control=_handicapped("lazy against feature", _TEN_COMPONENTS),
        experiments=_regimes("lazy against feature", _TEN_COMPONENTS),
        not_applicable=_NO_SIMULATION,
    ),
)
