"""How many random examples a linear classifier of given margin can satisfy, and what it looks like there.

Rows a = y x (label times input) are alpha N standard Gaussian vectors of N coordinates. A classifier of unit
weights u has margins a . u; its gap to the margin k is k - a . u, positive where the row is unsatisfied. All
of it holds in the limit of large N, and for k >= 0, where the problem is convex, unless said otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from .argument_checks import positive

FloatArray = NDArray[np.float64]

PERCEPTRON_CAPACITY = 2.0
"""Random examples per dimension that a linear classifier can satisfy, without margin."""
_SMALLEST_MARGIN, _LARGEST_MARGIN = -30.0, 1e6


def _density(x: FloatArray | float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * np.square(x)) / math.sqrt(2.0 * math.pi))


def _square_gap(margin: FloatArray | float) -> FloatArray:
    # g(k), the mean of max(0, k - t)^2 over a standard Gaussian t; where it is a small difference of large
    # terms, by the Mills ratio's continued fraction, which converges quickly there
    k = np.asarray(margin, dtype=np.float64)
    plain = (1.0 + k * k) * special.ndtr(k) + k * _density(k)
    t = np.maximum(-k, 4.0)
    tail: FloatArray = t + 60.0 / t
    for level in range(59, 2, -1):
        tail = t + level / tail
    # with M = 1/(t + 1/(t + 2/T)): (1 + t^2) M - t = 2 / (t (t T + 2) + T)
    far = _density(t) * 2.0 / (t * (t * tail + 2.0) + tail)
    return np.where(k < -4.0, far, plain)


def _margins(margin: ArrayLike, *, least: float = _SMALLEST_MARGIN) -> FloatArray:
    k = np.asarray(margin, dtype=np.float64)
    allowed = np.isfinite(k) & (k >= least) & (k <= _LARGEST_MARGIN)
    if not np.all(allowed):
        wrong = k[~allowed].flat[0]
        raise ValueError(f"margin must be between {least:g} and {_LARGEST_MARGIN:g}, got {wrong}")
    return k


def perceptron_capacity(margin: ArrayLike) -> FloatArray:
    """Random examples per dimension that can be satisfied with a margin, alpha_c(k).

    Parameters
    ----------
    margin : array_like
        k, in units of the root mean square of a . u; between -30 and 1e6.

    Returns
    -------
    ndarray of the shape of `margin`
        ``1 / alpha_c`` is the mean of ``max(0, k + t)^2`` over a standard Gaussian t: 2 at k = 0.

    Raises
    ------
    ValueError
        If a margin is out of range.

    Notes
    -----
    Gardner (1988); proved for k >= 0 (see arXiv:1306.3979). For k < 0, where the problem is not convex, it is
    an upper bound only (arXiv:1306.3980).

    Examples
    --------
    >>> perceptron_capacity([0.0, 1.0]).round(4)
    array([2.    , 0.5196])
    """
    return np.asarray(1.0 / _square_gap(_margins(margin)))


def perceptron_largest_margin(alpha: float) -> float:
    """Largest margin with which random examples can be satisfied: the k with alpha_c(k) = alpha.

    Parameters
    ----------
    alpha : float
        Examples per dimension, positive, at most 1e6. Above 2 the margin is negative, and an upper bound.

    Returns
    -------
    float
        Falls linearly to 0 at alpha = 2: ``(1/alpha - 1/2) sqrt(pi/2)`` [derived].

    Raises
    ------
    ValueError
        If alpha is out of range.

    Examples
    --------
    >>> round(perceptron_largest_margin(1.0), 4)
    0.4707
    """
    rate = float(positive("alpha", alpha, most=1e6))
    return float(
        optimize.brentq(
            lambda k: math.log(float(_square_gap(k)) * rate), -8.0, 1.0 + 1.0 / math.sqrt(rate), xtol=1e-15
        )
    )


def perceptron_least_norm(alpha: float) -> float:
    """Norm of the shortest weights w with ``a . w >= 1`` on alpha random examples per dimension.

    It is also the root mean square of the output on new Gaussian inputs, ``||f||``.

    Parameters
    ----------
    alpha : float
        Examples per dimension, positive and below 2.

    Returns
    -------
    float
        One over the largest margin. Diverges with exponent 1 in the number of parameters:
        ``sqrt(2/pi) P / (N - P/2)`` for P examples and N parameters near P/2 [derived].

    Raises
    ------
    ValueError
        If alpha is not in (0, 2).

    Notes
    -----
    The exactly solvable case of ``||f_N|| ~ (N - N*)^-1`` (arXiv:1901.01608, section on the divergence at the
    jamming threshold).
    """
    if not 0.0 < alpha < PERCEPTRON_CAPACITY:
        raise ValueError(f"alpha must be between 0 and {PERCEPTRON_CAPACITY:g}, got {alpha}")
    return 1.0 / perceptron_largest_margin(alpha)


@dataclass(frozen=True, slots=True)
class HingeGroundState:
    """The least quadratic hinge loss of linear classifiers on random examples, beyond their capacity.

    Attributes
    ----------
    alpha : float
        Examples per dimension.
    margin : float
        k, with the weights scaled to unit norm.
    norm : float
        Norm of the weights, in the units in which the margin was asked for.
    stiffness : float
        s in (0, 1]: by 1 - s the response of the other examples shrinks each gap. 1 at capacity.
    """

    alpha: float
    margin: float
    norm: float
    stiffness: float

    @property
    def unsatisfied_per_parameter(self) -> float:
        """``N_Delta / N = alpha Phi(k)``: 1 at the capacity without margin, less with one."""
        return self.alpha * float(special.ndtr(self.margin))

    @property
    def loss(self) -> float:
        """Mean over examples of half the squared gap, in the units in which the margin was asked for."""
        return 0.5 * float(_square_gap(self.margin)) * ((1.0 - self.stiffness) * self.norm) ** 2

    def gap_cdf(self, gap: ArrayLike) -> FloatArray:
        """Share of examples with at most this gap, in the units in which the margin was asked for.

        Satisfied examples have the margins of a Gaussian above k; unsatisfied ones a Gaussian tail, shrunk by
        ``1 - s``, which is an atom at gap zero at capacity. The density is finite on both sides of zero: the
        exponents of its power laws are 0.
        """
        h = np.asarray(gap, dtype=np.float64) / self.norm
        shrink = 1.0 - self.stiffness
        above = h / shrink if shrink > 0.0 else np.full_like(h, np.inf)
        return np.asarray(special.ndtr(np.where(h >= 0.0, above, h) - self.margin))


def hinge_ground_state(alpha: float, *, margin: float) -> HingeGroundState:
    """Least quadratic hinge loss of unit weights with a margin, at or above capacity.

    Parameters
    ----------
    alpha : float
        Examples per dimension, at least ``perceptron_capacity(margin)``.
    margin : float
        k >= 0.

    Returns
    -------
    HingeGroundState
        Its total loss over N is ``(sqrt(alpha / alpha_c) - 1)^2 / 2``.

    Raises
    ------
    ValueError
        If margin is negative, or alpha below capacity.

    Notes
    -----
    [derived] from the replica-symmetric saddle point at zero temperature (Gardner & Derrida 1988):
    ``alpha g(k) s^2 = 1`` with g = 1/alpha_c. The solution is stable for k >= 0.

    Examples
    --------
    >>> state = hinge_ground_state(perceptron_capacity(0.5), margin=0.5)
    >>> round(state.unsatisfied_per_parameter, 4)
    0.6646
    """
    k = float(_margins(margin, least=0.0))
    critical = float(perceptron_capacity(k))
    if not (math.isfinite(alpha) and alpha >= critical * (1.0 - 1e-12)):
        raise ValueError(f"alpha must be finite and at least the capacity {critical:.6g}, got {alpha}")
    return HingeGroundState(float(alpha), k, 1.0, min(1.0, math.sqrt(critical / alpha)))


def free_hinge_ground_state(alpha: float) -> HingeGroundState:
    """Least quadratic hinge loss of weights of any norm with margin 1, above capacity.

    Parameters
    ----------
    alpha : float
        Examples per dimension, above 2 and at most 1e6.

    Returns
    -------
    HingeGroundState
        Its norm diverges like ``(alpha - 2)^(-1/2)`` where that of the shortest solution on the other side
        of capacity has exponent 1; ``N_Delta / N`` falls to 1.

    Raises
    ------
    ValueError
        If alpha is out of range.

    Notes
    -----
    [derived] from the saddle point of `hinge_ground_state` together with its stationarity in the norm,
    ``alpha s Phi(k) = 1`` with k = 1 / norm: ``alpha = g(k) / Phi(k)^2``.
    """
    if not PERCEPTRON_CAPACITY < alpha <= 1e6:
        raise ValueError(f"alpha must be above {PERCEPTRON_CAPACITY:g} and at most 1e6, got {alpha}")

    def excess(k: float) -> float:
        return math.log(float(_square_gap(k)) / (alpha * float(special.ndtr(k)) ** 2))

    # g(k) / Phi(k)^2 is at most 4 (1 + k^2) + 2 k, and rises from 2
    k = float(optimize.brentq(excess, 0.0, math.sqrt(alpha) + 1.0, xtol=1e-15))
    return HingeGroundState(float(alpha), k, 1.0 / k, 1.0 / (alpha * float(special.ndtr(k))))


def log_separable_probability(examples: int, dimension: int) -> float:
    """Log probability that random examples are linearly separable, at any size (nats).

    Parameters
    ----------
    examples, dimension : int
        P and N, at least 1. Inputs in general position, labels at random; no bias.

    Returns
    -------
    float
        Of ``2^(1-P)`` times the sum over k < N of P-1 over k; ln 1/2 exactly at P = 2N.

    Raises
    ------
    ValueError
        If either is less than 1.

    Notes
    -----
    Wendel (1962), Cover (1965).

    Examples
    --------
    >>> round(math.exp(log_separable_probability(20, 10)), 12)
    0.5
    """
    for name, value in (("examples", examples), ("dimension", dimension)):
        if not value >= 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if dimension >= examples:
        return 0.0
    chosen = np.arange(dimension)
    ways = -special.betaln(chosen + 1.0, examples - chosen) - math.log(examples)
    return float(special.logsumexp(ways)) - (examples - 1) * math.log(2.0)
