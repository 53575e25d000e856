"""`HermiteSeries`: the Gaussian products of any activation, by its coefficients in Hermite polynomials.

Write phi(sqrt(q) x) = sum_k a_k(q) h_k(x), h_k Hermite polynomials of mean square 1 under a normal variable.
Then E[phi(u) phi(v)] = sum_k a_k(q) a_k(q') r^k at the correlation r, and its derivative in the covariance is
E[phi'(u) phi'(v)] (Price's theorem).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Activation = Callable[[FloatArray], FloatArray]

TERMS = 512
# Beyond it a normal density times a Hermite function is below rounding.
_REACH = 13.0
# Panels end at 0: a kink there costs nothing, and a pole beside it (tanh) little.
_PANELS, _NODES = 4, 64
# Slopes are taken at this variance where it is smaller: a_k / sqrt(q) stays above rounding.
_LEAST_VARIANCE = 1e-10
# Coefficients below this share of the root mean square are left out.
_NEGLIGIBLE = 1e-12
# A remainder of the slopes below this share is that of the numerical derivative, not of the series.
_RESOLVED = 1e-10
# Central differences of order six
_STENCIL = ((1, 0.75), (2, -0.15), (3, 1.0 / 60.0))


@cache
def _quadrature() -> tuple[FloatArray, FloatArray, FloatArray]:
    # nodes; weights under a standard normal; h_k of the nodes times those weights, shape (TERMS, nodes)
    x, w = np.polynomial.legendre.leggauss(_NODES)
    width = _REACH / _PANELS
    starts = width * np.arange(-_PANELS, _PANELS)[:, None]
    nodes = (starts + 0.5 * width * (x + 1.0)).ravel()
    weights = np.tile(w, 2 * _PANELS) * np.exp(-0.5 * nodes**2)
    weights /= weights.sum()
    hermite = np.empty((TERMS, len(nodes)))
    hermite[0], hermite[1] = 1.0, nodes
    for k in range(1, TERMS - 1):
        hermite[k + 1] = (nodes * hermite[k] - np.sqrt(k) * hermite[k - 1]) / np.sqrt(k + 1.0)
    return nodes, weights, hermite * weights


def _derivative(function: Activation, u: FloatArray) -> FloatArray:
    step = np.minimum(0.02, np.abs(u) / 8.0)  # does not reach over 0
    with np.errstate(over="ignore"):
        parts = [weight * (function(u + j * step) - function(u - j * step)) for j, weight in _STENCIL]
    made: FloatArray = np.sum(parts, axis=0) / step
    return made


@dataclass(frozen=True, slots=True)
class HermiteSeries:
    """Products, slope products and their gaps (see `ActivationMap`) of a function of one float array.

    For functions as smooth as tanh, at variances up to 10, products are right to 1e-10 of themselves, slope
    products to 2e-9 (at variance 100 and correlations above 0.95 to 2e-5 and 2e-3). A kink at 0 leaves terms
    beyond `TERMS`, which are put into the last ones: exact at correlations 1 and -1, right to 1e-8 at those
    below 0.97 in size, and in between off by up to 1e-5 in products and 1e-2 in slope products.
    """

    function: Activation

    def _coefficients(self, variance: FloatArray) -> FloatArray:
        # a_k, shape (TERMS, *variance.shape)
        u = np.sqrt(variance)[..., None] * _quadrature()[0]
        with np.errstate(over="ignore"):  # in a branch that np.where throws away
            values = np.asarray(self.function(u), dtype=np.float64)
        if values.shape != u.shape or not np.all(np.isfinite(values)):
            raise ValueError(
                "activation must take an array and return finite numbers in its shape, got an array of shape "
                f"{values.shape} for one of {u.shape}"
            )
        return _completed(np.moveaxis(values @ _quadrature()[2].T, -1, 0), values, least=1e-13)

    def _slope_coefficients(self, variance: FloatArray) -> FloatArray:
        # the same of phi'(sqrt(q) x): sqrt((k + 1) / q) a_(k+1)
        q = np.maximum(variance, _LEAST_VARIANCE)
        order = np.arange(1.0, TERMS).reshape(-1, *([1] * q.ndim))
        made = self._coefficients(q)[1:] * np.sqrt(order / q)
        slopes = _derivative(self.function, np.sqrt(q)[..., None] * _quadrature()[0])
        return _completed(made, slopes, least=_RESOLVED)

    def product(self, covariance: FloatArray, variance: FloatArray, other_variance: FloatArray) -> FloatArray:
        """E[phi(u) phi(v)]."""
        return _product(self._coefficients, covariance, variance, other_variance)

    def slope_product(
        self, covariance: FloatArray, variance: FloatArray, other_variance: FloatArray
    ) -> FloatArray:
        """E[phi'(u) phi'(v)]."""
        return _product(self._slope_coefficients, covariance, variance, other_variance)

    def product_gap(self, gap: FloatArray, variance: FloatArray) -> FloatArray:
        """E[phi(u)^2] - E[phi(u) phi(v)] at the correlation 1 - gap."""
        return _gap(self._coefficients(np.asarray(variance)), np.asarray(gap))

    def slope_product_gap(self, gap: FloatArray, variance: FloatArray) -> FloatArray:
        """E[phi'(u)^2] - E[phi'(u) phi'(v)] at the correlation 1 - gap."""
        return _gap(self._slope_coefficients(np.asarray(variance)), np.asarray(gap))


def _completed(coefficients: FloatArray, values: FloatArray, *, least: float) -> FloatArray:
    # those of the function with these values at the nodes: without what is next to nothing, the last even and
    # the last odd one with what is missing of the mean square of the even and the odd part
    weights = _quadrature()[1]
    square = values**2 @ weights
    made = np.where(np.abs(coefficients) > _NEGLIGIBLE * np.sqrt(square), coefficients, 0.0)
    for parity, sign in ((0, 1.0), (1, -1.0)):
        part = (0.5 * (values + sign * values[..., ::-1])) ** 2 @ weights
        rest = part - (made[parity::2] ** 2).sum(axis=0)
        last = len(made) - 1 - (len(made) - 1 - parity) % 2
        made[last] = np.sqrt(made[last] ** 2 + np.where(rest > least * square, rest, 0.0))
    return made


def _used(coefficients: FloatArray) -> FloatArray:
    # up to the last one that is not 0
    flat = coefficients.reshape(len(coefficients), -1)
    return coefficients[: np.flatnonzero(flat.any(axis=1)).max(initial=0) + 1]


def _product(
    coefficients: Callable[[FloatArray], FloatArray],
    covariance: FloatArray,
    variance: FloatArray,
    other_variance: FloatArray,
) -> FloatArray:
    scale = np.sqrt(np.multiply(variance, other_variance))
    r = np.zeros(np.broadcast_shapes(np.shape(covariance), scale.shape))
    np.divide(covariance, scale, out=r, where=scale > 0.0)
    np.clip(r, -1.0, 1.0, out=r)
    first = _used(coefficients(np.asarray(variance)))
    second = first if other_variance is variance else _used(coefficients(np.asarray(other_variance)))
    terms = min(len(first), len(second))
    # Horner's rule, by squares of r for an odd function and for an even one
    step = 1 if first[::2].any() and first[1::2].any() else 2
    lowest = 1 if step == 2 and first[1::2].any() else 0
    power = r if step == 1 else r * r
    made = np.zeros_like(r)
    for k in reversed(range(lowest, terms, step)):
        made *= power
        made += first[k] * second[k]
    return made * r if lowest else made


def _gap(coefficients: FloatArray, gap: FloatArray) -> FloatArray:
    # sum_k a_k^2 (1 - r^k), with 1 - r^(k+1) = (1 - r) + r (1 - r^k): nothing cancels at small gaps
    below = np.zeros_like(gap)
    made = np.zeros(np.broadcast_shapes(gap.shape, coefficients.shape[1:]))
    for row in _used(coefficients):
        made += row**2 * below
        below = gap + (1.0 - gap) * below
    return made
