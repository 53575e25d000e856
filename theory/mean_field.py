"""`MeanField`: lengths and correlations of inputs through infinitely wide layers, and their fixed points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from .activation_maps import Activation, ActivationMap, activation_map
from .argument_checks import between, not_negative, positive, probability, whole

FloatArray = NDArray[np.float64]

# A fixed length is looked for in this range: beyond it there is none.
_SHORTEST, _LONGEST = 1e-12, 1e12
# chi_1 this close to 1 is critical: what is left of rounding after the root of the critical line.
_CRITICAL = 1e-11


def _moments(maps: ActivationMap, length: float) -> tuple[float, float]:
    # E[phi^2] and E[phi'^2] at a variance
    q = np.array(length)
    return float(maps.product(q, q, q)), float(maps.slope_product(q, q, q))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-16, rtol=4.0 * np.finfo(np.float64).eps))


def _fixed_length(map_of_length: Callable[[float], float]) -> float:
    # the first fixed length above 1 if lengths grow there, else the first below
    def growth(q: float) -> float:
        return map_of_length(q) / q - 1.0

    rate = growth(1.0)
    if abs(rate) < 4e-15:
        return 1.0
    step = 1.25 if rate > 0.0 else 0.8
    near, far = 1.0, step
    while _SHORTEST < far < _LONGEST:
        if growth(far) * rate <= 0.0:
            return _root(growth, min(near, far), max(near, far))
        near, far = far, far * step
    return math.inf if rate > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class MeanField:
    """The signal in an infinitely wide network before training, layer by layer.

    What the units of a layer are fed is Gaussian over draws of the weights; of two inputs it has a length q
    each (the variance) and a correlation c. The next layer's covariance is weight_variance E[phi phi'] +
    bias_variance. Lengths settle at the stable fixed length q*, the first that is met from length 1, and
    there correlations settle at the stable fixed correlation c*.

    Parameters
    ----------
    activation : str or callable
        What `activation_map` takes.
    weight_variance : float
        Variance of a weight times the number of its layer's inputs, positive.
    bias_variance : float
        At least 0.
    keep : float
        Probability that a unit is kept by dropout, which follows every hidden layer, in (0, 1]. It divides
        squares by `keep`, and leaves products of different inputs, whose masks are independent, as they are.

    Attributes
    ----------
    fixed_length : float
        q*. 1 where every length stays (ReLU at weight variance 2, without biases and dropout).
    fixed_correlation : float
        c*, the stable fixed correlation: 1 in the ordered phase and at the critical line, else below 1, and
        below 1 with dropout.
    chi_1 : float
        Factor by which a layer multiplies mean squared gradients, and the tangent kernel of a point with
        itself: weight_variance E[phi'^2] / keep. Without dropout it is the slope of the correlation map at 1.
    chi_c : float
        Slope of the correlation map at c*, at most 1: the tangent kernel between different points takes this
        factor.
    maps : ActivationMap
        Of the activation.

    Raises
    ------
    ValueError
        If an argument is out of range, or there is no fixed length: lengths shrink to 0 (small weights
        without biases), or grow without bound (ReLU from weight variance 2 on).

    Notes
    -----
    Xiao et al., arXiv:1912.13053; Schoenholz et al., arXiv:1611.01232, with dropout. ReLU has no chaotic
    phase: at a fixed length chi_1 = weight_variance / 2 is at most 1.

    Examples
    --------
    >>> chaotic = MeanField("erf", weight_variance=2.0, bias_variance=0.18)
    >>> chaotic.phase, round(chaotic.fixed_correlation, 4), round(chaotic.generalization_depth, 2)
    ('chaotic', 0.8371, 7.91)
    """

    activation: str | Activation = "erf"
    weight_variance: float = field(kw_only=True)
    bias_variance: float = field(kw_only=True)
    keep: float = field(default=1.0, kw_only=True)
    fixed_length: float = field(init=False)
    fixed_correlation: float = field(init=False)
    chi_1: float = field(init=False)
    chi_c: float = field(init=False)
    maps: ActivationMap = field(init=False, repr=False, compare=False)
    _log_ratio: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        positive("weight_variance", self.weight_variance)
        not_negative("bias_variance", self.bias_variance)
        probability("keep", self.keep, open_at_zero=True)
        maps = activation_map(self.activation)
        object.__setattr__(self, "maps", maps)
        length = _fixed_length(lambda q: float(self.length_map(q)))
        if not 0.0 < length < math.inf:
            ends = "shrink to 0" if length == 0.0 else "grow without bound"
            raise ValueError(
                f"no fixed length: at weight_variance {self.weight_variance:g}, bias_variance "
                f"{self.bias_variance:g} and keep {self.keep:g} the lengths of a {maps.name} network {ends}"
            )
        object.__setattr__(self, "fixed_length", length)
        slope = _moments(maps, length)[1]
        chi_1 = self.weight_variance * slope / self.keep
        object.__setattr__(self, "chi_1", chi_1)
        gap = 0.0
        if self.keep < 1.0 or chi_1 > 1.0 + _CRITICAL:
            gap = self._fixed_gap()
        lost = float(maps.slope_product_gap(np.array(gap), np.array(length)))
        object.__setattr__(self, "fixed_correlation", 1.0 - gap)
        object.__setattr__(self, "chi_c", self.weight_variance * (slope - lost))
        # ln(chi_1 / chi_c), which near the critical line is far smaller than rounding of the two
        object.__setattr__(self, "_log_ratio", -math.log(self.keep) - math.log1p(-lost / slope))

    def _fixed_gap(self) -> float:
        # 1 - c*: the map of gaps is concave, so that its share of the gap falls through 1 once
        def excess(log_gap: float) -> float:
            gap = math.exp(log_gap)
            return float(self.gap_map(gap)) / gap - 1.0

        return 1.0 if excess(0.0) >= 0.0 else math.exp(_root(excess, math.log(1e-20), 0.0))

    @property
    def phase(self) -> Literal["ordered", "critical", "chaotic"]:
        """By chi_1: below, at or above 1."""
        if abs(self.chi_1 - 1.0) <= _CRITICAL:
            return "critical"
        return "ordered" if self.chi_1 < 1.0 else "chaotic"

    @property
    def trainability_depth(self) -> float:
        """xi_1 = 1 / |ln chi_1|, in layers; infinite at the critical line."""
        return math.inf if self.phase == "critical" else 1.0 / abs(math.log(self.chi_1))

    @property
    def generalization_depth(self) -> float:
        """xi_* = 1 / (ln chi_1 - ln chi_c), in layers; infinite outside the chaotic phase.

        With dropout the tangent kernel of a point with itself does not fall to that between points in the
        ordered phase either, and xi_* there is 1 / -ln chi_c [derived].
        """
        if self.fixed_correlation == 1.0:
            return math.inf
        rate = self._log_ratio
        if self.phase != "chaotic":  # of chi_c alone
            rate -= math.log(self.chi_1)
        return 1.0 / rate

    def length_map(self, q: ArrayLike) -> FloatArray:
        """Lengths, variances of what a unit is fed, one layer on from `q` of at least 0, in its shape."""
        lengths = not_negative("q", q)
        product = self.maps.product(lengths, lengths, lengths)
        made: FloatArray = self.weight_variance / self.keep * product + self.bias_variance
        return made

    def gap_map(self, gap: ArrayLike) -> FloatArray:
        """1 - `correlation_map` (1 - gap), in the shape of `gap` in [0, 2]: exact however small gaps are."""
        gaps = between("gap", gap, 0.0, 2.0)
        q = np.array(self.fixed_length)
        dropped = (1.0 / self.keep - 1.0) * self.maps.product(q, q, q)
        made: FloatArray = self.weight_variance / q * (self.maps.product_gap(gaps, q) + dropped)
        return made

    def correlation_map(self, c: ArrayLike) -> FloatArray:
        """Correlations one layer on from `c` in [-1, 1] at length q*, in their shape."""
        made: FloatArray = 1.0 - self.gap_map(1.0 - between("c", c, -1.0, 1.0))
        return made

    def lengths(self, start: ArrayLike, depth: int) -> FloatArray:
        """Lengths q^1 = `start` to q^depth, shape (depth, *start.shape)."""
        return _iterated(self.length_map, not_negative("start", start), depth)

    def correlations(self, start: ArrayLike, depth: int) -> FloatArray:
        """Correlations c^1 = `start` to c^depth of inputs of length q*, shape (depth, *start.shape)."""
        return _iterated(self.correlation_map, np.asarray(start, dtype=np.float64), depth)


def _iterated(step: Callable[[FloatArray], FloatArray], start: FloatArray, depth: int) -> FloatArray:
    count = int(whole("depth", depth, least=1))
    made = np.empty((count, *start.shape))
    made[0] = start
    for layer in range(1, count):
        made[layer] = step(made[layer - 1])
    return made


def critical_weight_variance(activation: str | Activation = "erf", *, bias_variance: float) -> float:
    """The weight variance at which chi_1 = 1 without dropout: gradients neither vanish nor explode.

    Parameters
    ----------
    activation : str or callable
        What `activation_map` takes.
    bias_variance : float
        At least 0.

    Raises
    ------
    ValueError
        If the bias variance is out of range, or no weight variance is critical: ReLU with biases; GELU with
        small ones, whose lengths do not stay where chi_1 is 1.

    Notes
    -----
    Both conditions in one: q = bias_variance + E[phi^2] / E[phi'^2] at the critical line. The value 1.76 that
    the literature quotes is that of tanh at the bias variance 0.05 (Schoenholz et al., arXiv:1611.01232).

    Examples
    --------
    >>> round(critical_weight_variance("erf", bias_variance=0.18), 4)
    1.7476
    """
    bias = float(not_negative("bias_variance", bias_variance))
    maps = activation_map(activation)

    def left(length: float) -> float:
        square, slope = _moments(maps, length)
        return length - square / slope - bias

    length = _SHORTEST if bias == 0.0 else bias
    while bias > 0.0 and left(length) < 0.0:
        length *= 2.0
        if length > _LONGEST:
            raise ValueError(f"no weight variance is critical for {maps.name} at bias_variance {bias:g}")
    if length > bias > 0.0:
        length = _root(left, 0.5 * length, length)
    critical = 1.0 / _moments(maps, length)[1]
    longer = max(1.001 * length, 1e-3)
    if critical * _moments(maps, longer)[0] + bias > longer * (1.0 + 1e-9):
        raise ValueError(
            f"no weight variance is critical for {maps.name} at bias_variance {bias:g}: where chi_1 is 1, at "
            f"weight_variance {critical:.4g}, lengths do not stay"
        )
    return critical
