"""`MarginGrowth`: how the norm of a homogeneous classifier grows, and its loss falls, in log time.

Everything is a function of ln t, and so reaches times that no step-by-step descent does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .argument_checks import not_negative, positive, whole

FloatArray = NDArray[np.float64]
Flow = Literal["plain", "normalized"]

_FAR = 50.0  # from here on the asymptotic series of the integral is exact to rounding
_ORDERS: FloatArray = np.arange(150.0)  # of the power series, which is so below
_LOG_FACTORIALS: FloatArray = special.gammaln(_ORDERS + 1.0)
_FAR_TERMS = 40
_ROUNDS = 200


def _log_far(u: FloatArray, power: float) -> FloatArray:
    # ln of the primitive of e^s s^-power, e^u u^-power sum_k (power)_k / u^k, up to a constant below rounding
    series = np.ones_like(u)
    for k in range(_FAR_TERMS, 0, -1):  # Horner
        series = 1.0 + (power + k - 1.0) / u * series
    return np.asarray(u - power * np.log(u) + np.log(series))


def _log_near(u: FloatArray, base: float, power: float) -> FloatArray:
    # ln of the integral of e^s s^-power over [base, u], order by order: no two terms cancel
    logs, ratios = np.log(u)[..., None], np.log1p((u - base) / base)[..., None]
    exponents = _ORDERS + 1.0 - power
    terms = np.exp(exponents * logs - _LOG_FACTORIALS) * ratios * special.exprel(-exponents * ratios)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(terms.sum(axis=-1)))


def _log_integral(u: FloatArray, base: float, power: float) -> FloatArray:
    """Ln of the integral of e^s s^-power over s from `base`, at most 50, to u."""
    near = u <= _FAR
    result = np.empty_like(u)
    result[near] = _log_near(u[near], base, power)
    edge = np.asarray(_FAR)
    high = _log_far(u[~near], power)
    with np.errstate(divide="ignore"):
        beyond = high + np.log(-np.expm1(_log_far(edge, power) - high))
    result[~near] = np.logaddexp(_log_near(edge, base, power), beyond)
    return result


def _where_integral_is(log_target: FloatArray, start: float, base: float, power: float) -> FloatArray:
    # Newton's method on the logarithm, which is concave in u, kept between bounds
    late = np.maximum(log_target, 1.0)
    low = np.full(log_target.shape, start)
    high = np.maximum(start, late) + 4.0 * np.log(late + 100.0) + 100.0
    u = np.clip(late + power * np.log(late), start + 1e-3, high)
    for _ in range(_ROUNDS):
        log_integral = _log_integral(u, base, power)
        excess = log_integral - log_target
        low, high = np.where(excess < 0.0, u, low), np.where(excess < 0.0, high, u)
        with np.errstate(over="ignore", invalid="ignore"):
            newton = u - excess * np.exp(log_integral - u + power * np.log(u))
        # bounds count as inside: at the root the step is below rounding
        inside = (newton >= low) & (newton <= high)
        following = np.where(inside, newton, low + 0.5 * (high - low))
        settled = (np.abs(following - u) <= 1e-15 * u) | (high - low <= 1e-15 * u)
        u = following
        if settled.all():
            break
    return u


def _finite(name: str, value: ArrayLike) -> FloatArray:
    array = np.asarray(value, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)].flat[0]}")
    return array


@dataclass(frozen=True, slots=True)
class MarginGrowth:
    """The product of layer norms under gradient flow on an exponential loss, all layers of equal norm.

    One example, or one effective margin f, and a direction that rests: the loss is exp(-f rho), with rho the
    product of the norms of K layers, and ``d rho/dt = K rho^(2-2/K) f exp(-f rho)``. A network that is
    homogeneous of degree K in all its weights follows the same law, with rho = (|weights| / sqrt(K))^K.

    Parameters
    ----------
    layers : int
        K, the degree of homogeneity; at least 1.
    margin : float
        f, the margin of normalized weights; positive.
    start : float
        rho at time 0; positive, or 0 for one layer. From 0, deeper networks do not move.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The flow of arXiv:1903.04991 with all layers balanced; its laws are derived. With u = f rho,

        integral of e^s s^(2/K-2) over s from u(0) to u  =  K f^(2/K) t

    exactly, for one layer ``u = ln(f^2 t + e^u(0))``. Late, ``u ~ ln t + (2-2/K) ln ln t + ln(K f^(2/K))``,
    so that the loss is ``1/(t (ln t)^(2-2/K))`` up to a factor and layer norms grow as ``(ln t)^(1/K)``: the
    exponents of arXiv:1906.05890. With the loss summed over N examples on the margin, or a learning rate, add
    its logarithm to ln t.

    Examples
    --------
    >>> growth = MarginGrowth(3, margin=0.5)
    >>> growth.log_loss([0.0, 10.0, 1e4]).round(3).tolist()
    [-1.106, -14.05, -10012.919]
    >>> growth.loss_exponent, growth.norm_exponent
    (1.3333333333333335, 0.3333333333333333)
    """

    layers: int
    margin: float = field(default=1.0, kw_only=True)
    start: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        whole("layers", self.layers, least=1)
        positive("margin", self.margin)
        (positive if self.layers > 1 else not_negative)("start", self.start)

    @property
    def loss_exponent(self) -> float:
        """2 - 2/K: the loss falls as 1/(t (ln t)^this); f rho runs ahead of ln t by this times ln ln t."""
        return 2.0 - 2.0 / self.layers

    @property
    def norm_exponent(self) -> float:
        """1/K: the norm of a layer, or of all weights, grows as (ln t)^this."""
        return 1.0 / self.layers

    @property
    def _log_speed(self) -> float:
        return math.log(self.layers) + 2.0 / self.layers * math.log(self.margin)

    @property
    def _base(self) -> float:
        return min(self.margin * self.start, _FAR)

    def norm(self, log_time: ArrayLike) -> FloatArray:
        """Rho, the product of the layers' norms, at each ln t (any finite number), to rounding of f rho."""
        times = _finite("log_time", log_time) + self._log_speed
        u0 = self.margin * self.start
        if self.layers == 1:
            u = np.logaddexp(times, u0)
        else:
            before = _log_integral(np.asarray(u0), self._base, self.loss_exponent)
            u = _where_integral_is(np.logaddexp(times, before), u0, self._base, self.loss_exponent)
        return np.asarray(u / self.margin)[()]

    def layer_norm(self, log_time: ArrayLike) -> FloatArray:
        """Norm of each layer, rho^(1/K), at each ln t."""
        return np.asarray(self.norm(log_time) ** self.norm_exponent)[()]

    def log_loss(self, log_time: ArrayLike) -> FloatArray:
        """Ln of the loss of one example, -f rho, at each ln t."""
        return np.asarray(-self.margin * self.norm(log_time))[()]

    def norm_asymptote(self, log_time: ArrayLike) -> FloatArray:
        """Rho at late times, (ln t + (2-2/K) ln ln t + ln(K f^(2/K))) / f, at each ln t > 0."""
        times = positive("log_time", log_time)
        u = times + self.loss_exponent * np.log(times) + self._log_speed
        return np.asarray(u / self.margin)[()]

    def log_time(self, norm: ArrayLike) -> FloatArray:
        """Ln of the time at which rho is `norm` (above `start`): the inverse of `norm`."""
        norms = positive("norm", norm)
        if not np.all(norms > self.start):
            raise ValueError(f"norm must be above start, {self.start}, got {norms.min()}")
        u, u0 = self.margin * norms, np.asarray(self.margin * self.start)
        if self.layers == 1:
            after, before = u, u0
        else:
            after = _log_integral(u, self._base, self.loss_exponent)
            before = _log_integral(u0, self._base, self.loss_exponent)
        with np.errstate(divide="ignore"):
            grown = after + np.log(-np.expm1(before - after))
        return np.asarray(grown - self._log_speed)[()]


def log_orthogonal_component(
    layer_norm: ArrayLike, *, start: float = 1.0, flow: Flow = "plain"
) -> FloatArray:
    """Ln of what is left of a layer's direction across the span of the support vectors.

    Parameters
    ----------
    layer_norm : array_like
        Norm of the layer; positive. Of a linear classifier, the norm of its weights.
    start : float
        Norm of the layer where the component is 1; positive.
    flow : {"plain", "normalized"}
        Gradient flow on the weights, or on the direction and norm of each layer (weight normalization, unit
        norm by a Lagrange multiplier, tangent gradient).

    Returns
    -------
    ndarray
        Shape of `layer_norm`: ``-ln(r/start)`` or ``-(r^2 - start^2)/2`` for a norm r.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The normalized flow moves directions faster by r^2 (arXiv:1903.04991; the law is derived). With r = ln t
    over the margin f, one layer, that is ``1/ln t`` against ``t^(-ln t / (2 f^2))``. Exact where no example
    pulls across the span of the support vectors; within the span the two flows are equally slow, see
    `max_margin_approach`.

    Examples
    --------
    >>> log_orthogonal_component([1.0, 100.0], flow="normalized").tolist()
    [0.0, -4999.5]
    """
    norms, first = positive("layer_norm", layer_norm), float(positive("start", start))
    if flow not in get_args(Flow):
        raise ValueError(f"flow must be one of {', '.join(get_args(Flow))}, got {flow!r}")
    if flow == "plain":
        return np.asarray(np.log(first / norms))[()]
    return np.asarray(0.5 * (first - norms) * (first + norms))[()]
