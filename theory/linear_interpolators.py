"""The typical linear classifier without training error, in the limit of large dimension, with noisy labels.

Weights are uniform on the sphere. A classifier has an overlap R with the informative direction, and q with
another one without training error; alpha is the number of examples per dimension. The classifiers without
training error are the sphere's share of a convex cone, for which replica symmetry is believed to be exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .argument_checks import positive

FloatArray = NDArray[np.float64]

# the trapezoidal rule converges exponentially for these integrands
_NODES: FloatArray = np.arange(-72.0, 73.0) / 8.0
_WEIGHTS: FloatArray = np.exp(-0.5 * _NODES**2) / (8.0 * np.sqrt(2.0 * np.pi))
_ROUNDS = 20_000
_SETTLED = 1e-13
_LARGEST_SPREAD = 30.0  # 1 - q of a thousandth; beyond, the rule would be too coarse

Averages = Callable[[float, float], tuple[float, float]]
"""(R, sqrt(q - R^2)), both over sqrt(1-q) -> pull along the informative direction, mean square pull."""


@dataclass(frozen=True, slots=True)
class TypicalInterpolator:
    """What all but exponentially few of the linear classifiers without training error have in common.

    Attributes
    ----------
    overlap : float
        R, with the informative direction.
    mutual_overlap : float
        q, of two of them.
    error : float
        True error, in [0, 1].
    """

    overlap: float
    mutual_overlap: float
    error: float


def _inverse_mills(x: FloatArray) -> FloatArray:
    # density over distribution function of the normal law, without overflow or underflow
    return np.asarray(np.sqrt(2.0 / np.pi) / special.erfcx(-x / np.sqrt(2.0)))


def _saddle_point(alpha: float, averages: Averages) -> tuple[float, float]:
    # R / sqrt(1-q) = alpha pull and (q - R^2) / (1-q) = alpha square, inserted into themselves: in these
    # units every pair of positive numbers is a pair of overlaps, and both grow without bound at capacity
    signal, spread = 0.0, 0.0
    for _ in range(_ROUNDS):
        pull, square = averages(signal, spread)
        new, wide = alpha * pull, math.sqrt(alpha * square)
        settled = abs(new - signal) + abs(wide - spread) <= _SETTLED * (1.0 + new + wide)
        signal, spread = new, wide
        if settled:
            scale = 1.0 + signal**2 + spread**2  # 1 / (1-q)
            return signal / math.sqrt(scale), 1.0 - 1.0 / scale
        if spread > _LARGEST_SPREAD:
            break
    raise ValueError(f"alpha must leave a share of classifiers without training error, got {alpha}")


def mixture_interpolator(alpha: float, *, separation: float) -> TypicalInterpolator:
    """The typical zero-error classifier of two Gaussian clouds at plus and minus `separation`.

    Parameters
    ----------
    alpha : float
        Examples per dimension, positive and small enough for the clouds' samples to be separable.
    separation : float
        Distance of a cloud's centre from the origin, in its standard deviations; positive.

    Returns
    -------
    TypicalInterpolator

    Raises
    ------
    ValueError
        If an argument is not positive and finite, or alpha too large for any zero-error classifier.

    Notes
    -----
    [derived] from the replica-symmetric entropy
    ln(1-q)/2 + (q-R^2)/(2(1-q)) + alpha E ln Phi((separation R + sqrt(q) t)/sqrt(1-q));
    setting of arXiv:2606.06469, which proves that such a typical classifier exists for small alpha.

    Examples
    --------
    >>> round(mixture_interpolator(0.1, separation=1e-6).error, 3)
    0.5
    """
    rate, distance = float(positive("alpha", alpha)), float(positive("separation", separation))

    def averages(signal: float, spread: float) -> tuple[float, float]:
        pulls = _inverse_mills(distance * signal + math.hypot(signal, spread) * _NODES)
        return distance * float(pulls @ _WEIGHTS), float(pulls**2 @ _WEIGHTS)

    overlap, mutual = _saddle_point(rate, averages)
    return TypicalInterpolator(overlap, mutual, float(special.ndtr(-distance * overlap)))


def logistic_interpolator(alpha: float, *, slope: float) -> TypicalInterpolator:
    """The typical zero-error classifier of isotropic Gaussian inputs with logistic labels.

    Parameters
    ----------
    alpha : float
        Examples per dimension, positive and small enough for samples to be separable.
    slope : float
        The label is +1 with probability ``1 / (1 + exp(-slope * x_1))``; positive, at most 10.

    Returns
    -------
    TypicalInterpolator

    Raises
    ------
    ValueError
        If an argument is not positive and finite, or alpha too large for any zero-error classifier.

    Notes
    -----
    [derived] from the replica-symmetric entropy
    ln(1-q)/2 + (q-R^2)/(2(1-q)) + alpha E ln Phi((R u + sqrt(q-R^2) t)/sqrt(1-q)) with u = y x_1;
    setting of arXiv:2606.06469.
    """
    rate = float(positive("alpha", alpha))
    steepness = float(positive("slope", slope, most=10.0))  # steeper labels need a finer rule
    weight = 2.0 * _WEIGHTS * special.expit(steepness * _NODES)  # of u = y x_1
    surprise = steepness * weight * special.expit(-steepness * _NODES)

    def averages(signal: float, spread: float) -> tuple[float, float]:
        pulls = _inverse_mills(signal * _NODES[:, None] + spread * _NODES)
        return float(surprise @ pulls @ _WEIGHTS), float(weight @ pulls**2 @ _WEIGHTS)

    overlap, mutual = _saddle_point(rate, averages)
    error = float(weight @ special.ndtr(-overlap / math.sqrt(1.0 - overlap**2) * _NODES))
    return TypicalInterpolator(overlap, mutual, error)
