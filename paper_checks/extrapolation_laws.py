"""Candidate laws of a learning curve: their fits, what they foretell, how held-out n judge them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlaws.theory.curves import ExponentialDecay, LogarithmicDecay
from genlaws.theory.laws import CurveLaw
from genlaws.theory.power_laws import PowerLaw, PowerLawWithPlateau

from .fits import curve_weights, fit_curves, predict_curves
from .replicates import ReplicateTable

FloatArray = NDArray[np.float64]

CANDIDATES: tuple[CurveLaw, ...] = (
    PowerLaw(),
    PowerLawWithPlateau(),
    ExponentialDecay(),
    LogarithmicDecay(),
)
"""The laws that are held against each other."""

HELD_SHARE = 1 / 3  # of the n, the largest
_LEAST_FITTED = 4  # one more than the parameters of a power law with plateau
LEAST_SIZES = 5
"""Distinct n without which nothing can be fitted and held out."""

_LOWEST = -700.0  # of a natural logarithm: what an exponential foretells far away is 0 in floating point
_WORST = -50.0  # nats per point: keeps one impossible forecast from deciding alone


def held_out(sizes: int) -> NDArray[np.bool_]:
    """Which of so many n, in increasing order, are held out to be foretold: the last third."""
    count = max(1, min(int(sizes * HELD_SHARE), sizes - _LEAST_FITTED))
    return np.arange(sizes) >= sizes - count


def log_forecasts(
    law: CurveLaw, table: ReplicateTable, curves: FloatArray, fitted: NDArray[np.bool_], n: FloatArray
) -> FloatArray:
    """Logarithms of the errors that fits of a law to curves foretell, shape (curves, len(n)).

    An error cannot fall to a plateau below zero, or from below to a plateau: such fits give way to a
    power law, the border of what can be. No error is above 1.

    Parameters
    ----------
    law : CurveLaw
    table : ReplicateTable
        Gives the n and the weights.
    curves : ndarray, shape (curves, points)
        Positive errors at all n of the table.
    fitted : ndarray of bool, shape (points,)
        Which of them are fitted.
    n : ndarray, shape (sizes,)
    """
    precision = (curve_weights(law, table) * table.count)[fitted]
    fit = fit_curves(law, table.x[fitted], law.to_fit(curves[:, fitted]), precision)
    value = predict_curves(law, n, fit)
    if isinstance(law, PowerLawWithPlateau):
        sound = np.all(fit.coefficients >= 0.0, axis=1)
        log_value = np.log(np.where(sound[:, None], value, 1.0))
        if not np.all(sound):
            log_value[~sound] = log_forecasts(PowerLaw(), table, curves[~sound], fitted, n)
    else:
        log_value = value  # the others are fitted as logarithms
    return np.clip(log_value, _LOWEST, 0.0)


@dataclass(frozen=True, slots=True)
class HeldOutScores:
    """How well a law, fitted to the smaller n, foretells the held-out larger ones.

    Attributes
    ----------
    scores : ndarray, shape (curves,)
        Log predictive density per held-out n, in nats of ln error; the first curve is the measured one.
    miss : float
        What the forecast of the measured curve misses, as a root mean square of ln error.
    drift : float
        Standard deviation of misses per unit of ln n extrapolated, beyond noise and the fit's own spread.
    """

    scores: FloatArray
    miss: float
    drift: float


def held_out_scores(law: CurveLaw, table: ReplicateTable, curves: FloatArray) -> HeldOutScores:
    """Fit a law to the smaller n of every curve, and score what it foretells of the last third.

    The variance of a forecast is that of the measured mean and its own over bootstraps.

    Parameters
    ----------
    law : CurveLaw
    table : ReplicateTable
    curves : ndarray, shape (curves, points)
        The measured curve, then its bootstraps, all positive.
    """
    held = held_out(len(table.x))
    foretold = log_forecasts(law, table, curves, ~held, table.x[held])
    misses = np.log(curves[:, held]) - foretold
    variance = np.var(np.log(curves[:, held]), axis=0) + np.var(foretold, axis=0)
    scores = -0.5 * np.log(2 * np.pi * variance) - 0.5 * misses**2 / variance
    distance = np.log(table.x[held] / table.x[~held][-1])
    surplus = np.sum(distance**2 * (misses[0] ** 2 - variance)) / np.sum(distance**4)
    return HeldOutScores(
        scores=np.maximum(scores, _WORST).mean(axis=1),
        miss=float(np.sqrt(np.mean(misses[0] ** 2))),
        drift=float(np.sqrt(max(surplus, 0.0))),
    )


def law_weights(scores: FloatArray, held: int) -> FloatArray:
    """Weights of laws from their held-out scores, averaged over the bootstraps, shape (laws,).

    Each bootstrap gives laws weights in proportion to the exponential of their total score; the average
    over bootstraps does not trust a lead that other replicates would have turned (Yao et al. 2018,
    doi:10.1214/17-BA1091: pseudo-BMA+).

    Parameters
    ----------
    scores : ndarray, shape (laws, curves)
        In nats per held-out n.
    held : int
        How many n are held out.
    """
    total = held * (scores - scores.max(axis=0))
    weight = np.exp(total)
    return np.asarray((weight / weight.sum(axis=0)).mean(axis=1))


def named_fit(law: CurveLaw, table: ReplicateTable) -> dict[str, float]:
    """The parameters of a law fitted to all n of the measured curve."""
    values = law.to_fit(table.mean)[None]
    fit = fit_curves(law, table.x, values, curve_weights(law, table) * table.count)
    return dict(law.named(float(fit.shape[0]), fit.coefficients[0]))
