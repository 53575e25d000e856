"""`extrapolate`: the error that measured learning curves foretell at larger n, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate.measurement import Measurement
from genlaws.theory.power_laws import PowerLaw, PowerLawWithPlateau

from .extrapolation_laws import (
    CANDIDATES,
    LEAST_SIZES,
    held_out,
    held_out_scores,
    law_weights,
    log_forecasts,
    named_fit,
)
from .extrapolation_result import COUNTS, Extrapolation, Forecast, LawForecast
from .fits import curve_weights
from .replicates import ReplicateTable, tabulate

FloatArray = NDArray[np.float64]

_DRAWS = 400
_GRID, _SEARCHED = 200, 1e4  # where a wanted error is looked for: so many n, up to so many times the largest


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Draws of ln error at some n, of every law, with the weight of each draw."""

    draws: FloatArray  # (laws, draws, sizes)
    weights: FloatArray  # (laws,)

    def quantile(self, share: float) -> FloatArray:
        flat = self.draws.reshape(-1, self.draws.shape[-1])
        weight = np.repeat(self.weights / self.draws.shape[1], self.draws.shape[1])
        order = np.argsort(flat, axis=0)
        reached = np.cumsum(weight[order], axis=0) >= share * weight.sum()
        first = np.argmax(reached, axis=0)
        chosen = np.take_along_axis(order, first[None], axis=0)
        return np.asarray(np.take_along_axis(flat, chosen, axis=0)[0])


def _one_curve(table: ReplicateTable, rng: np.random.Generator) -> FloatArray:
    """Curves that scatter about a power law with plateau as the single measured one does."""
    every = np.ones(len(table.x), dtype=np.bool_)
    fitted = log_forecasts(PowerLawWithPlateau(), table, table.mean[None], every, table.x)[0]
    degrees = len(table.x) - PowerLawWithPlateau.parameters
    deviation = np.sqrt(np.sum((np.log(table.mean) - fitted) ** 2) / degrees)
    normal = rng.standard_normal((_DRAWS, len(table.x)))
    # few residuals tell their own size badly: each draw has another
    size = deviation * np.sqrt(degrees / rng.chisquare(degrees, (_DRAWS, 1)))
    return np.asarray(table.mean * np.exp(size * normal))


def _bootstrap_curves(table: ReplicateTable, rng: np.random.Generator) -> FloatArray:
    """The measured curve and bootstraps of it, widened as few replicates ask for."""
    mean = table.mean
    if table.clusters == 1:
        return np.concatenate((mean[None], _one_curve(table, rng)))
    means = table.means_resampled(_DRAWS, rng)
    if means is None:
        n = table.x[table.count < 2][0]
        raise ValueError(f"every n must have two replicates, got one at n = {n:g}; leave it out")
    away = table.stretch * np.log(np.maximum(means, 1e-300) / mean)
    return np.concatenate((mean[None], mean * np.exp(away)))


def _scatter(table: ReplicateTable, n: FloatArray) -> FloatArray:
    """Standard deviation of one replicate's ln error: a power of n that goes on if it grows, else stays."""
    variance = 1.0 / curve_weights(PowerLaw(), table)
    growth = np.log(variance[-1] / variance[0]) / np.log(table.x[-1] / table.x[0])
    beyond = np.maximum(n / table.x[-1], 1.0)
    inside = np.exp(np.interp(np.log(n), np.log(table.x), np.log(variance)))
    return np.asarray(np.sqrt(inside * beyond ** max(growth, 0.0)))


def _law_draws(
    table: ReplicateTable, curves: FloatArray, n: FloatArray, drifts: Sequence[float], normal: FloatArray
) -> FloatArray:
    """Draws of ln error of each law: bootstraps, and what its held-out misses add, shape (laws, draws, n)."""
    every = np.ones(len(table.x), dtype=np.bool_)
    beyond = np.maximum(np.log(n / table.x[-1]), 0.0)
    return np.array(
        [
            np.minimum(log_forecasts(law, table, curves[1:], every, n) + drift * own[:, None] * beyond, 0.0)
            for law, drift, own in zip(CANDIDATES, drifts, normal, strict=True)
        ]
    )


def _ends(mixture: _Mixture, level: float) -> tuple[FloatArray, FloatArray]:
    """Ends of the prediction interval, open to a plateau that lies beyond what was measured.

    A curve that will flatten looks like one that never does, and weights from measured n cannot tell. So
    where power laws count, the upper end is at least that of the power law with plateau alone.
    """
    tail = 0.5 * (1.0 - level)
    low, high = mixture.quantile(tail), mixture.quantile(1.0 - tail)
    plateau = [isinstance(law, PowerLawWithPlateau) for law in CANDIDATES]
    powers = [isinstance(law, PowerLaw | PowerLawWithPlateau) for law in CANDIDATES]
    if mixture.weights[powers].sum() >= COUNTS:
        alone = _Mixture(mixture.draws[plateau], np.ones(1))
        high = np.maximum(high, alone.quantile(1.0 - tail))
    return low, high


def _first_at_most(n: FloatArray, log_error: FloatArray, wanted: float) -> float | None:
    """The smallest n at which a curve, given on a grid, has come down to the wanted error."""
    target = np.log(wanted)
    reached = np.flatnonzero(log_error <= target)
    if not reached.size:
        return None
    first = int(reached[0])
    if first == 0:
        return float(n[0])
    before, after = log_error[first - 1], log_error[first]
    share = (before - target) / (before - after)
    return float(np.ceil(n[first - 1] * (n[first] / n[first - 1]) ** share))


def _checked(measurement: Measurement, n: FloatArray, level: float, wanted: float | None) -> ReplicateTable:
    table = tabulate(measurement)
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie in (0, 1), got {level:g}")
    if wanted is not None and not 0.0 < wanted < 1.0:
        raise ValueError(f"wanted_error must lie in (0, 1), got {wanted:g}")
    if np.any((measurement.y < 0.0) | (measurement.y > 1.0)):
        worst = measurement.y[(measurement.y < 0.0) | (measurement.y > 1.0)][0]
        raise ValueError(f"errors must lie in [0, 1], got {worst:g}")
    if table.x[0] <= 1.0:
        raise ValueError(f"n must be above 1, for 1/ln n is among the laws, got {table.x[0]:g}")
    if len(table.x) < LEAST_SIZES:
        raise ValueError(
            f"a curve needs {LEAST_SIZES} distinct n, four to fit and one to hold out, got {len(table.x)}"
        )
    if np.any(table.mean <= 0.0):
        zero = table.x[table.mean <= 0.0][0]
        raise ValueError(
            f"mean errors must be positive, got 0 at n = {zero:g}: "
            "measure on more held-out points or leave it out"
        )
    if n.ndim != 1 or not n.size or not np.all(np.isfinite(n)) or n.min() < table.x[0]:
        raise ValueError(f"n to forecast must be numbers from the smallest measured, {table.x[0]:g}, on")
    return table


def extrapolate(
    measurement: Measurement,
    n: ArrayLike,
    *,
    level: float = 0.90,
    wanted_error: float | None = None,
    rng: np.random.Generator | int | None = None,
) -> Extrapolation:
    """Extrapolate measured learning curves, with prediction intervals.

    Four laws are fitted: power law, power law above a plateau, exponential and logarithmic decay. They are
    averaged, not chosen from: a few held-out n often prefer the wrong one by luck. Weights are those of
    pseudo-Bayesian averaging over bootstraps (Yao et al. 2018, doi:10.1214/17-BA1091) of how well each law,
    fitted to the smaller n, foretells the largest third. Intervals come from bootstraps over replicates and
    from what each law missed there beyond noise, growing with the logarithm of n.

    Parameters
    ----------
    measurement : Measurement
        x: numbers of examples, at least five above 1; y: errors in [0, 1]; independent replicates.
    n : array_like, shape (sizes,)
        Numbers of examples to foretell the error at.
    level : float
        Of the prediction intervals, in (0, 1).
    wanted_error : float, optional
        Find the number of examples that brings the mean error down to it.
    rng : Generator, int or None
        For the bootstraps.

    Returns
    -------
    Extrapolation
        With a single replicate, scatter about the curve stands in for that between replicates: what all n of
        the replicate share stays unseen, and there is no interval for a new one.

    Raises
    ------
    ValueError
        If there are too few n, an error is outside [0, 1], a mean error is zero, some n but not all have a
        single replicate, or an argument is out of range.
    """
    asked = np.atleast_1d(np.asarray(n, dtype=np.float64))
    table = _checked(measurement, asked, level, wanted_error)
    generator = np.random.default_rng(rng)
    curves = _bootstrap_curves(table, generator)
    judged = [held_out_scores(law, table, curves) for law in CANDIDATES]
    held = int(held_out(len(table.x)).sum())
    weights = law_weights(np.array([found.scores for found in judged]), held)
    drifts, normal = [found.drift for found in judged], generator.standard_normal((len(judged), _DRAWS))
    mixture = _Mixture(_law_draws(table, curves, asked, drifts, normal), weights)
    low, high = _ends(mixture, level)
    middle = mixture.quantile(0.5)

    scatter = (
        table.stretch * _scatter(table, asked) * generator.standard_normal((*mixture.draws.shape[:2], 1))
    )
    new_low, new_high = _ends(replace(mixture, draws=np.minimum(mixture.draws + scatter, 0.0)), level)
    single = table.clusters == 1
    forecasts = tuple(
        Forecast(
            n=float(asked[i]),
            error=float(np.exp(middle[i])),
            low=float(np.exp(low[i])),
            high=float(np.exp(high[i])),
            new_low=None if single else float(np.exp(min(new_low[i], low[i]))),
            new_high=None if single else float(np.exp(max(new_high[i], high[i]))),
        )
        for i in range(len(asked))
    )
    every = np.ones(len(table.x), dtype=np.bool_)
    laws = [
        LawForecast(
            law=law,
            weight=float(weight),
            score=float(found.scores[0]),
            miss=found.miss,
            parameters=named_fit(law, table),
            error=np.exp(log_forecasts(law, table, curves[:1], every, asked)[0]),
        )
        for law, weight, found in zip(CANDIDATES, weights, judged, strict=True)
    ]
    needed: dict[str, float | None] = {}
    if wanted_error is not None:
        grid = np.geomspace(table.x[0], _SEARCHED * table.x[-1], _GRID)
        along = replace(mixture, draws=_law_draws(table, curves, grid, drifts, normal))
        early, late = _ends(along, level)
        found_at = [_first_at_most(grid, curve, wanted_error) for curve in (along.quantile(0.5), early, late)]
        needed = dict(zip(("examples", "examples_low", "examples_high"), found_at, strict=True))
    return Extrapolation(
        forecasts=forecasts,
        laws=tuple(sorted(laws, key=lambda found: -found.weight)),
        n=table.x,
        mean=table.mean,
        held_out=held,
        replicates=table.clusters,
        level=level,
        wanted=wanted_error,
        **needed,
    )
