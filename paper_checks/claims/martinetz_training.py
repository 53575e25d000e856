"""Martinetz et al. on networks trained to zero training error: learning curve and spread (A6c, A7)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genlaws.empirical import ClassificationTask, split_points
from genlaws.simulate import Measurement
from genlaws.theory import EqualWithinMargin, Monotone, learning_curve

from ..claim import Claim, Control, Settings
from .image_families import image_network, image_task
from .martinetz_images import UNPRINTED_MARGIN, best_fit
from .units import by_budget, on_networks, rows

if TYPE_CHECKING:
    from genlaws.empirical.trained_networks import TrainedNetworks

_ENOUGH = 0.5
_STEP = math.log(0.95)


def _trained(
    settings: Settings,
    task: ClassificationTask,
    examples: NDArray[np.int64],
    rng: np.random.Generator | int,
) -> TrainedNetworks:
    # from independent starts, on examples (n,) that all share or (networks, n) that each has for itself
    from genlaws.empirical.training import train_networks

    trained = train_networks(
        image_network(settings, task),
        task.inputs,
        task.labels,
        networks=settings["networks"],
        examples=examples,
        loss="hinge",
        optimizer="adam",
        learning_rate=0.01,
        max_steps=settings["max_steps"],
        rng=rng,
        device=settings["device"],
    )
    if settings["max_steps"] > 0 and trained.reached.mean() < _ENOUGH:
        raise ValueError(
            f"only {trained.reached.sum()} of {len(trained)} networks reached zero training error at "
            f"n = {examples.shape[-1]}"
        )
    return trained


def measure_foretold_training(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Mean error of trained networks, each on a training set of its own, beside the model fitted at small n.

    Examples beyond the first ``distinct`` repeat these.
    """
    task = image_task(settings, rng)
    split = split_points(task, training=settings["drawn_from"], heldout=settings["tested_on"], rng=rng)
    order = rng.permuted(np.tile(split.training, (settings["networks"], 1)), axis=1)
    n = np.asarray(settings["n_examples"])
    mean, reached = np.empty(n.size), []
    # the same starts at every n: what they have in common shifts the curve, and does not bend it
    starts = int(rng.integers(2**63))
    for k, size in enumerate(np.minimum(n, settings.get("distinct", n[-1]))):
        trained = _trained(settings, task, order[:, :size], starts)
        errors = trained.true_errors(task.inputs[split.heldout], task.labels[split.heldout])
        mean[k] = errors[trained.reached].mean()
        reached.append(int(trained.reached.sum()))
    small = n <= settings["fitted_up_to"]
    fit = best_fit(n[small], mean[small])
    return rows(
        {**settings, "fit": fit.to_dict(), "reached": reached},
        n[~small],
        mean[~small],
        reference=learning_curve(fit.density, n[~small]),
        y_label="mean held-out error of trained networks",
    )


def spread_of_errors(wrong: NDArray[np.bool_]) -> float:
    """Standard deviation of the true error over networks that were tested on the same points.

    Parameters
    ----------
    wrong : ndarray of bool, shape (networks, points)

    Returns
    -------
    float
        Free of the scatter that the points' finite number adds to each share of errors: the errors of
        networks covary only through pairs of different points. At least one point's worth.
    """
    networks, points = wrong.shape
    share = wrong.mean(axis=0)
    own = float((share * (1.0 - share)).sum()) * networks / (networks - 1)
    total = points**2 * float(wrong.mean(axis=1).var(ddof=1))
    return math.sqrt(max((total - own) / (points * (points - 1)), points**-2))


def measure_spread(settings: Settings, rng: np.random.Generator) -> Measurement:
    """ln of the spread of the test error over networks trained on one training set from independent starts.

    The claim is about the global minima that one training set leaves; sets that differed from run to run
    would add their own scatter. `max_steps` of 0 leaves the starts as they are.
    """
    task = image_task(settings, rng)
    n = np.asarray(settings["n_examples"])
    split = split_points(task, training=int(n[-1]), heldout=settings["tested_on"], rng=rng)
    spread, reached = np.empty(n.size), []
    for k, size in enumerate(n):
        trained = _trained(settings, task, split.training[:size], rng)
        counted = trained.reached if settings["max_steps"] else np.ones(len(trained), dtype=np.bool_)
        right = trained.margins(task.inputs[split.heldout], task.labels[split.heldout]) > 0.0
        spread[k] = spread_of_errors(~right[counted])
        reached.append(int(counted.sum()))
    return rows(
        {**settings, "reached": reached}, n, np.log(spread), y_label="ln of the spread of the test error"
    )


_TRAINED: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "arch": by_budget("fc:1x16", "fc:1x64", "fc:2x64"),
    "components": by_budget(10, 20, None),
}
_FITTED = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
_FORETOLD: dict[str, Any] = {
    "fitted_up_to": 32,
    "networks": by_budget(100, 400, 1000),
    "drawn_from": 3000,
    "tested_on": 1000,
    "max_steps": 20_000,
}
_SPREAD: dict[str, Any] = {
    "n_examples": by_budget([16, 64, 256], [16, 64, 256], [16, 64, 256, 1024]),
    "tested_on": by_budget(1000, 2000, 2000),
}

CLAIMS = (
    Claim(
        id="A6c",
        paper="martinetz",
        where="arXiv:2410.16868, learning curves of the over-parameterized model against MNIST",
        statement="A model of Q(E) that was fitted to trained networks at small n foretells larger n.",
        prediction=(
            "the mean held-out error of networks trained to zero training error within 10 %, beyond n = 32 "
            "by the model fitted up to 32"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=UNPRINTED_MARGIN,
        x_range=(64, 128),
        falsifier="a prediction more than 10 % off at any n beyond those of the fit",
        control=Control(
            description=(
                "beyond 32 the training examples repeat the first ones: nothing more is learnt, while the "
                "model goes on falling with n"
            ),
            expected="REFUTED",
            experiments=on_networks(
                by_budget(4, 6, 8),
                measure_foretold_training,
                n_examples=[*_FITTED, 128, 512],
                distinct=32,
                **_FORETOLD,
                **_TRAINED,
            ),
        ),
        experiments=on_networks(
            by_budget(5, 10, 12),
            measure_foretold_training,
            n_examples=by_budget(
                [*_FITTED, 64, 128], [*_FITTED, 64, 128, 256], [*_FITTED, 64, 128, 256, 512]
            ),
            **_FORETOLD,
            **_TRAINED,
        ),
        not_applicable={"simulation": "the claim is about trained networks; A6b is about all minima"},
    ),
    Claim(
        id="A7",
        paper="martinetz",
        where=(
            "arXiv:2211.03570, test errors of VGG19 and ResNet18 on a subset of Caltech101; here small "
            "networks on MNIST"
        ),
        statement="The spread of test errors over independent runs to zero training error shrinks with n.",
        prediction="a spread at least 5 % smaller with every fourfold n, on MNIST instead of Caltech101",
        law=Monotone(increasing=False),
        predicted=_STEP,
        band=(-math.inf, _STEP),
        band_reason=(
            "one-sided, and from 5 % on, since a curve that does not move cannot be told from one that falls "
            "by ever so little"
        ),
        x_range=(16, 256),
        falsifier="a step to fourfold n at which the spread grows, or falls by less than 5 %",
        control=Control(
            description="test errors of untrained networks, whose spread cannot depend on n",
            expected="REFUTED",
            experiments=on_networks(
                by_budget(6, 10, 12), measure_spread, networks=2000, max_steps=0, **_SPREAD, **_TRAINED
            ),
        ),
        experiments=on_networks(
            by_budget(6, 12, 20),
            measure_spread,
            networks=by_budget(50, 200, 400),
            max_steps=20_000,
            **_SPREAD,
            **_TRAINED,
        ),
        not_applicable={"simulation": "the claim is about trained networks"},
    ),
)
