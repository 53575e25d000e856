"""Martinetz et al.: an over-parameterized model of Q(E), and what it predicts, on real images (A6, A7)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genlaws.empirical import classification_task, load_images
from genlaws.simulate import (
    BinaryPerceptron,
    GaussianProcess,
    Measurement,
    arc_cosine_covariance,
    sample_error_density,
    sample_training_sets,
    sample_zero_error,
)
from genlaws.theory import EqualWithinMargin, Monotone, fit_error_density, learning_curve
from genlaws.theory.overparameterized import OVERPARAMETERIZED_MODELS, ErrorDensityFit

from ..claim import Claim, Control, Settings
from .units import NETWORKS_COME_LATER, by_budget, rows, simulated


def _process(settings: Settings, points: int, training: int, rng: np.random.Generator) -> GaussianProcess:
    # a network of one infinitely wide hidden layer, on images drawn anew for each call
    task = classification_task(load_images(settings["data"]), settings["task"], preprocess="center", rng=rng)
    covariance = arc_cosine_covariance(task.inputs[:points], depth=2, weight_variance=2.0, bias_variance=0.01)
    return GaussianProcess(
        covariance, task.labels[:points], training=range(training), heldout=range(training, points)
    )


def _best_fit(n: NDArray[np.int64], mean_error: NDArray[np.float64]) -> ErrorDensityFit:
    # relative errors count alike at every n
    fits = [fit_error_density(m, n, mean_error, weights=mean_error**-2) for m in OVERPARAMETERIZED_MODELS]
    return min(fits, key=lambda fit: fit.weighted_squares)


def _curve_from_density(
    settings: Settings, n: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    # what Q(E) alone foretells
    if settings["family"] == "binary":
        return sample_training_sets(
            BinaryPerceptron(11), n_examples=n.tolist(), sets=settings["sets"], rng=rng
        ).annealed_mean_error
    # one training example is the least a process takes; the prior is not conditioned on it
    family = _process(settings, settings["heldout"] + 1, 1, rng)
    measured = sample_error_density(
        family,
        particles=settings["particles"],
        replicas=2,
        smallest_error=settings["smallest_error"],
        log_floor=settings["log_floor"],
        rng=rng,
    )
    return np.asarray(measured.learning_curves(n).mean(axis=0))


def measure_model_of_q(settings: Settings, rng: np.random.Generator) -> Measurement:
    """The learning curve of a measured Q(E) beside the best candidate model, at sizes left out of the fit."""
    n = np.asarray(settings["n_examples"])
    curve = _curve_from_density(settings, n, rng)
    fit = _best_fit(n[::2], curve[::2])
    left_out = n[1::2]
    return rows(
        {**settings, "fit": fit.to_dict()},
        left_out,
        curve[1::2],
        reference=learning_curve(fit.density, left_out),
        y_label="annealed mean error",
    )


def _curve_from_training_sets(
    settings: Settings, n: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    # what classifiers without training error do, averaged over training sets
    if settings["family"] == "binary":
        return sample_training_sets(
            BinaryPerceptron(11), n_examples=n.tolist(), sets=settings["sets"], rng=rng
        ).mean_true_error
    curves = [
        sample_zero_error(
            _process(settings, int(n[-1]) + settings["tested_on"], int(n[-1]), rng),
            n,
            particles=settings["members"],
            replicas=2,
            rng=rng,
        ).mean_true_error
        for _ in range(settings["sets"])
    ]
    return np.asarray(np.mean(curves, axis=0))


def measure_foretold_curve(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Mean error of zero-error ensembles beside what their Q(E) foretells.

    Up to the last fitted n the prediction is the tilt of the measured Q, left tail included; beyond, it is
    the model fitted to the mean errors up to there.
    """
    n = np.asarray(settings["n_examples"])
    small = n <= settings["fitted_up_to"]
    curve = _curve_from_training_sets(settings, n, rng)
    fit = _best_fit(n[small], curve[small])
    judged = np.flatnonzero(n >= settings["judged_from"])
    tilted = _curve_from_density(settings, n[small], rng)
    foretold = np.concatenate([tilted, learning_curve(fit.density, n[~small])])
    return rows(
        {**settings, "fit": fit.to_dict()},
        n[judged],
        curve[judged],
        reference=foretold[judged],
        y_label="mean held-out error",
    )


_IMAGES = {"family": "process", "data": "mnist5k", "task": "parity"}
_OWN_Q = {
    "heldout": by_budget(100, 200, 400),
    "particles": by_budget(120, 400, 1000),
    "smallest_error": 0.14,
    "log_floor": -28.0,
}
_OF_Q = {"n_examples": [1, 2, 3, 4, 6, 8, 11, 14, 18, 22, 26, 32]}
_FORETOLD = {
    "n_examples": by_budget(
        [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128],
        [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256],
        [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512],
    ),
    "fitted_up_to": 32,
    "judged_from": 16,
}
_MODELS = ", ".join(model.name for model in OVERPARAMETERIZED_MODELS)

CLAIMS = (
    Claim(
        id="A6a",
        paper="martinetz",
        where="arXiv:2410.16868, over-parameterized model of Q(E); form not known here, candidates stand in",
        statement="A simple model describes the error density of an over-parameterized set of classifiers.",
        prediction=f"the best of {_MODELS} meets the curve of the measured Q within 3 % at n left out",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.03, 0.03),
        x_range=(2, 32),
        falsifier="every candidate misses the curve of the measured Q by more than 3 % at some n left out",
        control=Control(
            description=(
                "all 2^11 binary perceptrons, whose Q has a best classifier apart from the rest: no "
                "candidate holds such a gap"
            ),
            expected="REFUTED",
            experiments=simulated(
                by_budget(4, 6, 8),
                measure_model_of_q,
                family="binary",
                sets=by_budget(400, 2000, 8000),
                **_OF_Q,
            ),
        ),
        experiments=simulated(
            by_budget(5, 8, 12),
            measure_model_of_q,
            **_OWN_Q,
            **_IMAGES,
            **_OF_Q,
        ),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="A6b",
        paper="martinetz",
        where="arXiv:2410.16868, learning curves of the over-parameterized model against MNIST",
        statement="Q(E) predicts the learning curve, and a model of it that was fitted at small n the rest.",
        prediction=(
            "the mean held-out error of zero-error classifiers within 10 %: at n = 16 to 32 by the tilt of "
            "the measured Q, beyond by the model fitted up to 32"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        x_range=(16, 128),
        falsifier="a prediction more than 10 % off at any n",
        control=Control(
            description=(
                "all 2^11 binary perceptrons: the error drops at once where a training set singles out "
                "the teacher"
            ),
            expected="REFUTED",
            experiments=simulated(
                by_budget(4, 6, 8),
                measure_foretold_curve,
                family="binary",
                n_examples=[1, 2, 3, 4, 6, 8, 10, 15, 20],
                fitted_up_to=8,
                judged_from=6,
                sets=by_budget(300, 1000, 4000),
            ),
        ),
        experiments=simulated(
            by_budget(5, 10, 12),
            measure_foretold_curve,
            tested_on=by_budget(300, 500, 1000),
            members=by_budget(60, 60, 200),
            sets=by_budget(2, 24, 60),
            **_OWN_Q,
            **_IMAGES,
            **_FORETOLD,
        ),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="A7",
        paper="martinetz",
        where="arXiv:2211.03570, test errors of VGG19 and ResNet18 on a subset of Caltech101",
        statement="The spread of test errors over independent runs to zero training error shrinks with n.",
        prediction="a spread that falls with every step in n",
        law=Monotone(increasing=False),
        predicted=0.0,
        band=(-float("inf"), 0.0),
        x_range=(16, 256),
        falsifier="a spread that grows with n anywhere in the range",
        control=Control(
            description="test errors of untrained networks, whose spread cannot depend on n",
            expected="REFUTED",
            experiments={},
        ),
        experiments={},
        not_applicable={
            "simulation": "the claim is about trained networks",
            "network": "no experiment on finite networks is registered for this claim",
        },
    ),
)
