"""What F3 measures: zero-error classifiers on random features of many widths, beside what explains them."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from genlaws.simulate import (
    GaussianProcess,
    Measurement,
    ZeroErrorEnsemble,
    arc_cosine_covariance,
    erf_covariance,
    largest_margin,
    sample_zero_error,
)

from ..claim import Readings, Settings
from .units import rows

FloatArray = NDArray[np.float64]

_WIDTH, _DEPTH = "width h", "hidden layers"
_VARIANCES = {"weight_variance": 2.0, "bias_variance": 0.01}


def _points(settings: Settings, rng: np.random.Generator, training: int) -> tuple[FloatArray, FloatArray]:
    # Gaussian inputs with the labels of a linear teacher, both classes among the first examples
    while True:
        inputs = rng.standard_normal((training + settings["heldout"], settings["dimension"]))
        labels = np.where(inputs @ rng.standard_normal(settings["dimension"]) > 0.0, 1.0, -1.0)
        if abs(labels[:training].sum()) < training:
            return inputs, labels


def _features(inputs: FloatArray, width: int, rng: np.random.Generator) -> FloatArray:
    # so that covariances of random linear classifiers on them tend to `arc_cosine_covariance`, depth 2
    weights = rng.standard_normal((inputs.shape[1], width)) * math.sqrt(2.0 / inputs.shape[1])
    signals = inputs @ weights + 0.1 * rng.standard_normal(width)
    hidden = np.maximum(signals, 0.0) * math.sqrt(2.0 / width)
    return np.column_stack([hidden, np.full(len(inputs), 0.1)])


def _process(covariance: FloatArray, labels: FloatArray, training: int) -> GaussianProcess:
    return GaussianProcess(covariance, labels, training=range(training), heldout=range(training, len(labels)))


def _drawn(
    family: GaussianProcess, n: int, settings: Settings, rng: np.random.Generator
) -> ZeroErrorEnsemble:
    ensemble = sample_zero_error(family, [n], particles=settings["particles"], replicas=2, rng=rng)
    if ensemble.status[0] != "ok":
        raise ValueError(f"the zero-error ensemble at n = {n} is {ensemble.status[0]}")
    return ensemble


def measure_widths(settings: Settings, rng: np.random.Generator) -> Readings:
    """Zero-error classifiers on random ReLU features of each width, from several draws of the features.

    Of those drawn from the prior, the mean error, beside that at infinite width, and the share of held-out
    points on which two disagree; the latter of largest margins on two draws of the features, too.
    """
    n, draws = settings["n"], settings["draws"]
    inputs, labels = _points(settings, rng, n)
    limit = _process(arc_cosine_covariance(inputs, depth=2, **_VARIANCES), labels, n)
    widest = float(_drawn(limit, n, settings, rng).mean_true_error[0])
    errors, drawn_apart, trained_apart = [], [], []
    for width in settings["widths"]:
        found, apart, signs = [], [], []
        for _ in range(draws):
            features = _features(inputs, width, rng)
            family = _process(features @ features.T, labels, n)
            ensemble = _drawn(family, settings["seen"], settings, rng)
            found.append(float(ensemble.mean_true_error[0]))
            apart.append(float(ensemble.disagreement[0]))
            margin = largest_margin(labels[:n, None] * features[:n])
            signs.append(features[n:] @ margin.direction > 0.0)
        errors.append(np.mean(found))
        drawn_apart.append(np.mean(apart))
        trained_apart.append(np.mean([np.mean(one != other) for one, other in combinations(signs, 2)]))
    return {
        "error": rows(
            settings, settings["widths"], errors, reference=widest, x_label=_WIDTH, y_label="mean error"
        ),
        "drawn": rows(
            settings, settings["widths"], drawn_apart, x_label=_WIDTH, y_label="disagreement of two"
        ),
        "trained": rows(
            settings, settings["widths"], trained_apart, x_label=_WIDTH, y_label="disagreement of two"
        ),
    }


def _tilted_mean(wrong: NDArray[np.int64], points: int, n: int) -> float:
    # 1 - Z_(n+1) / Z_n of classifiers that get so many of the points wrong, by unbiased powers of 1 - E
    def log_z(k: int) -> float:
        right = (points - wrong)[points - wrong >= k]
        logs = gammaln(right + 1.0) - gammaln(right - k + 1.0)
        return float(logsumexp(logs)) - float(gammaln(points + 1.0) - gammaln(points - k + 1.0))

    return -math.expm1(log_z(n + 1) - log_z(n))


def measure_density_alone(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Mean error of zero-error classifiers of each width, beside what their error density alone foretells.

    Both are means over the same draws of features and of points; the density is that before any example.
    """
    n, foretold_at = settings["n"], settings["foretold_at"]
    errors, foretold = [], []
    for width in settings["widths"]:
        found, predicted = [], []
        for _ in range(settings["draws"]):
            inputs, labels = _points(settings, rng, n)
            features = _features(inputs, width, rng)
            family = _process(features @ features.T, labels, n)
            found.append(float(_drawn(family, n, settings, rng).mean_true_error[0]))
            errors_before = family.true_errors(family.draw(settings["prior_draws"], rng))
            wrong = np.rint(errors_before * settings["heldout"]).astype(np.int64)
            predicted.append(_tilted_mean(wrong, settings["heldout"], foretold_at))
        errors.append(np.mean(found))
        foretold.append(np.mean(predicted))
    return rows(
        settings, settings["widths"], errors, reference=foretold, x_label=_WIDTH, y_label="mean error"
    )


def measure_depth_beside_width(settings: Settings, rng: np.random.Generator) -> Measurement:
    """How much depth adds to the mean error at infinite width, beside how much the width changes it."""
    n = settings["n"]
    inputs, labels = _points(settings, rng, n)

    def deep(layers: int) -> float:
        covariance = erf_covariance(
            inputs, depth=layers + 1, weight_variance=settings["weight_variance"], bias_variance=0.05
        )
        return float(_drawn(_process(covariance, labels, n), n, settings, rng).mean_true_error[0])

    def wide(width: int) -> float:
        made = []
        for _ in range(settings["draws"]):
            features = _features(inputs, width, rng)
            made.append(
                _drawn(_process(features @ features.T, labels, n), n, settings, rng).mean_true_error[0]
            )
        return float(np.mean(made))

    narrow, widest = (wide(width) for width in settings["widths"])
    shallow = deep(1)
    return rows(
        settings,
        settings["depths"],
        [deep(layers) - shallow for layers in settings["depths"]],
        reference=abs(narrow - widest),
        x_label=_DEPTH,
        y_label="error that depth adds",
    )
