"""Random-feature regression on Gaussian clouds, read in many ways: the solvable companion of Geiger et al.

The features are random linear ones, so a network is a linear classifier: its outputs at unit vectors are its
weights, its error is exact, and the norm of its gradient is that of the weights. From the threshold on, where
there is a feature for each example, the mean over draws of the features is the same at every number of them,
and the spread about it is known (`genlaws.theory.random_feature_prediction`). A power of the features h
stands for half that power of the parameters of a deep network that is h wide, N ~ h^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import (
    GaussianMixtureLabels,
    RandomFeatureRegression,
    group_means,
    mean_output,
    squared_fluctuation,
)
from genlaws.simulate.measurement import Source

from ..claim import AnyExperiment, Readings, Settings, SharedWork
from .fluctuation_rows import ensemble_rows, fluctuation_numbers, width_rows
from .units import by_budget, rows, shared_simulation

FloatArray = NDArray[np.float64]

_WIDTH = "features per example"


@dataclass(frozen=True, slots=True)
class _Clouds:
    """Two Gaussian clouds, points of both to test on, and training sets drawn from them."""

    data: GaussianMixtureLabels
    tested: FloatArray
    n: int
    dimension: int

    def regression(self, rng: np.random.Generator) -> RandomFeatureRegression:
        """Random linear features on a training set drawn anew; outputs are the weights."""
        inputs, labels = self.data.points(np.arange(self.n), self.dimension, int(rng.integers(2**62)))
        covariance = np.eye(self.n + self.dimension)
        covariance[: self.n, : self.n] = inputs @ inputs.T
        covariance[: self.n, self.n :] = inputs
        covariance[self.n :, : self.n] = inputs.T
        return RandomFeatureRegression(covariance, labels)

    def error(self, weights: FloatArray) -> float:
        """Exact error, averaged over rows of weights."""
        return float(self.data.error(weights[:, 0] / np.linalg.norm(weights, axis=1)).mean())

    def excess(self, weights: FloatArray, size: int = 1) -> float:
        """Error of means of `size` rows above that of the mean of infinitely many.

        The mean of all rows stands for the latter, and what it shares with the means is divided out. So a
        slope of the error at the mean, which costs nothing on average, adds no noise.
        """
        above = self.error(group_means(weights, size)) - self.error(mean_output(weights)[None])
        return above / (1.0 - size / len(weights))


def _clouds(settings: Settings, rng: np.random.Generator) -> _Clouds:
    data = GaussianMixtureLabels(settings["separation"])
    dimension = settings["inputs_per_example"] * settings["n"]
    tested, _ = data.points(np.arange(settings["points"]), dimension, int(rng.integers(2**62)))
    return _Clouds(data, tested, settings["n"], dimension)


def _numbers(clouds: _Clouds, means: FloatArray, *, excess: float) -> dict[str, float]:
    """Every number of classifiers of given weights, shape (seeds, dimension)."""
    outputs = means @ clouds.tested.T
    slopes = np.broadcast_to(np.linalg.norm(means, axis=1)[:, None], outputs.shape)
    return fluctuation_numbers(outputs, slopes, excess=excess)


def _width_readings(settings: Settings, clouds: _Clouds, weights: FloatArray) -> Readings:
    """Readings over widths, from weights of shape (widths, seeds, dimension)."""
    numbers = [_numbers(clouds, of_width, excess=clouds.excess(of_width)) for of_width in weights]
    spreads = [math.sqrt(squared_fluctuation(w).value * clouds.dimension) for w in weights]
    parallel = [np.linalg.norm(mean_output(w)) + spread for w, spread in zip(weights, spreads, strict=True)]
    return {
        **width_rows(settings, settings["widths"], numbers, x_label=_WIDTH),
        "parallel gradient norm": rows(
            settings, settings["widths"], parallel, x_label=_WIDTH, y_label="||grad f||, parts added up"
        ),
    }


def _ensemble_readings(settings: Settings, clouds: _Clouds, weights: FloatArray) -> Readings:
    """Readings over ensemble sizes, from weights of networks of one width, shape (seeds, dimension)."""
    numbers = [
        _numbers(clouds, group_means(weights, size), excess=clouds.excess(weights, size))
        for size in settings["sizes"]
    ]
    return ensemble_rows(settings, numbers)


def _cusp_readings(
    settings: Settings, clouds: _Clouds, regression: RandomFeatureRegression, rng: np.random.Generator
) -> Readings:
    """Readings across the threshold: with a small ridge, as after long training, and with a larger one."""
    n, ratios = settings["n"], np.asarray(settings["ratios"], dtype=np.float64)
    scale = float(np.trace(regression.covariance[:n, :n])) / n
    errors: dict[str, list[float]] = {"error": [], "early error": [], "ensemble error": []}
    for ratio in ratios:
        features = round(ratio * n)
        late, early = (
            regression.draw(features, settings["networks"], ridge=ridge * scale, rng=rng).outputs
            for ridge in (settings["late_ridge"], settings["early_ridge"])
        )
        errors["error"].append(clouds.error(late))
        errors["ensemble error"].append(clouds.error(mean_output(late)[None]))
        errors["early error"].append(clouds.error(early))
    readings = {
        name: rows(settings, ratios, y, x_label=_WIDTH, y_label="error") for name, y in errors.items()
    }
    # at the threshold, and well beyond it, beside the largest number of features
    beyond = (ratios >= settings["plateau"]) & (ratios < ratios[-1])
    for part, chosen in {"cusp": ratios == 1.0, "plateau": beyond}.items():
        for name, of in {"single": "error", "ensemble": "ensemble error"}.items():
            y = np.array(errors[of])
            readings[f"{name} {part}"] = rows(
                settings, ratios[chosen], y[chosen], reference=y[-1], x_label=_WIDTH, y_label="error"
            )
    return readings


def _budget_readings(
    settings: Settings, clouds: _Clouds, regression: RandomFeatureRegression, rng: np.random.Generator
) -> Readings:
    """Errors of k networks of h features each, beside that of one network with as many parameters in all.

    Parameters count as those of deep networks, h^2, or of shallow ones, h, in units of the threshold's.
    """
    small = regression.draw(settings["member_width"] * settings["n"], settings["seeds"], rng=rng).outputs
    members = np.asarray(settings["members"])
    ensembles = [clouds.error(group_means(small, int(k))) for k in members]
    readings = {}
    for name, power in (("budget", 2.0), ("shallow budget", 1.0)):
        widths = np.rint(settings["member_width"] * settings["n"] * members ** (1.0 / power)).astype(int)
        single = [clouds.error(regression.draw(int(h), settings["seeds"], rng=rng).outputs) for h in widths]
        readings[name] = rows(
            settings,
            members * float(settings["member_width"]) ** power,
            ensembles,
            reference=single,
            x_label="parameters in all, N / N*",
            y_label="error of the ensemble",
        )
    return readings


def measure_random_features(settings: Settings, rng: np.random.Generator) -> Readings:
    """All readings of networks on one training set, which differ in their features."""
    clouds = _clouds(settings, rng)
    regression = clouds.regression(rng)
    widths = [round(width * settings["n"]) for width in settings["widths"]]
    weights = np.stack([regression.draw(h, settings["seeds"], rng=rng).outputs for h in widths])
    return {
        **_width_readings(settings, clouds, weights),
        **_ensemble_readings(settings, clouds, weights[0]),
        **_cusp_readings(settings, clouds, regression, rng),
        **_budget_readings(settings, clouds, regression, rng),
    }


def measure_own_sets(settings: Settings, rng: np.random.Generator) -> Readings:
    """Readings over widths of networks that have a training set each: no width makes these alike."""
    clouds = _clouds(settings, rng)
    widths = [round(width * settings["n"]) for width in settings["widths"]]
    weights = np.empty((len(widths), settings["seeds"], clouds.dimension))
    for seed in range(settings["seeds"]):
        regression = clouds.regression(rng)
        for place, features in enumerate(widths):
            weights[place, seed] = regression.draw(features, 1, rng=rng).outputs[0]
    return _width_readings(settings, clouds, weights)


_FEATURES = SharedWork("random-features", measure_random_features)
_OWN_SETS = SharedWork("random-features-own-sets", measure_own_sets)

_COMMON: dict[str, Any] = {
    "separation": 2.0,
    "inputs_per_example": 3,
    "n": by_budget(60, 60, 100),
    "points": by_budget(5_000, 20_000, 40_000),
    "seeds": by_budget(128, 256, 512),
    "widths": [20, 50, 100, 200, 500, 1000, 2000],
}


def random_features(reading: str) -> dict[Source, AnyExperiment]:
    """Experiment on one reading of random-feature networks with a common training set.

    Over widths (features per example), beyond the threshold: the readings of `width_rows`, and ``"parallel
    gradient norm"``, as if gradients of the mean and of the fluctuation were parallel. At the least of these
    widths: those of `ensemble_rows`. Across the threshold: ``"error"`` after long training, ``"early
    error"`` with a ridge, ``"ensemble error"`` of the mean of all networks; beside
    the largest number of features ``"single cusp"`` and ``"ensemble cusp"`` at the threshold, ``"single
    plateau"`` and ``"ensemble plateau"`` beyond it. Over numbers of parameters: ``"budget"``, where these
    are the square of the width, and ``"shallow budget"``.
    """
    return shared_simulation(
        by_budget(8, 16, 40),
        _FEATURES,
        reading,
        **_COMMON,
        sizes=[1, 2, 4, 8, 16],
        ratios=[0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0],
        plateau=1.2,
        networks=by_budget(200, 400, 800),
        late_ridge=0.003,
        early_ridge=0.3,
        member_width=2,
        members=[2, 4, 8, 16],
    )


def own_sets_features(reading: str) -> dict[Source, AnyExperiment]:
    """Experiment on one reading over widths of networks with a training set each, for controls."""
    return shared_simulation(
        by_budget(5, 8, 20), _OWN_SETS, reading, **{**_COMMON, "seeds": by_budget(32, 64, 128)}
    )
