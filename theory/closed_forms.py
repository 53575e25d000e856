"""`BetaErrorDensity` and `PowerEdgeErrorDensity`: the error densities whose tilt is a Beta density again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import number_of_examples, positive, probability, support
from .incomplete_beta import log_beta, log_incomplete_beta
from .inverse_distribution import inverse_distribution

FloatArray = NDArray[np.float64]

_LARGEST_SHAPE = 1e100  # squares of larger ones overflow


def _log_beta_shape(x: FloatArray, complement: FloatArray, a: float, b: float) -> FloatArray:
    """(a-1) ln x + (b-1) ln(1-x), with 0 ln 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.zeros_like(x) if a == 1 else (a - 1) * np.log(x)
        log_complement = np.where(x < 0.5, np.log1p(-np.minimum(x, 0.5)), np.log(complement))
        right = np.zeros_like(x) if b == 1 else (b - 1) * log_complement
        return np.asarray(left + right)


@dataclass(frozen=True, slots=True)
class BetaErrorDensity:
    """Q(E) ~ x^(a-1) (1-x)^(b-1) with x = (E - minimum)/(1 - minimum) on [minimum, 1].

    Tilted by (1 - E)^n it is the same density with b + n, so that at minimum 0 the learning curve is
    a/(a+b+n) and the bad fraction 1 - I_eps(a, b+n).

    Parameters
    ----------
    a, b : float
        Positive exponents, at most 1e100; `a` is the edge exponent.
    minimum : float, optional
        E_min in [0, 1).

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    a: float
    b: float
    minimum: float = 0.0

    def __post_init__(self) -> None:
        positive("a", self.a, most=_LARGEST_SHAPE)
        positive("b", self.b, most=_LARGEST_SHAPE)
        support(self.minimum)

    @property
    def maximum(self) -> float:
        """1."""
        return 1.0

    @property
    def atoms(self) -> None:
        """None: the density is continuous."""
        return None

    @property
    def edge_exponent(self) -> float:
        """`a`."""
        return float(self.a)

    def _relative(self, E: ArrayLike) -> tuple[FloatArray, FloatArray]:
        E_ = np.asarray(E, dtype=float)
        share = np.clip((E_ - self.minimum) / (1 - self.minimum), 0.0, 1.0)
        rest = np.clip((1 - E_) / (1 - self.minimum), 0.0, 1.0)
        return share, rest

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """Ln Q(E), ``-inf`` outside the support."""
        E_ = np.asarray(E, dtype=float)
        inside = np.clip(E_, self.minimum, 1.0) == E_
        x, rest = self._relative(E_)
        norm = log_beta(self.a, self.b) + np.log1p(-self.minimum)
        return np.asarray(np.where(inside, _log_beta_shape(x, rest, self.a, self.b) - norm, -np.inf))[()]

    def log_cdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors <= `E`."""
        x, rest = self._relative(E)
        return log_incomplete_beta(self.a, self.b, x, complement=rest)[()]

    def log_sf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `E`."""
        x, rest = self._relative(E)
        return log_incomplete_beta(self.b, self.a, rest, complement=x)[()]

    def mean(self) -> float:
        """Mean error."""
        return float(self.mean_given_zero_errors(0))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Error at cumulated mass `p`."""
        return inverse_distribution(
            probability("p", p), log_cdf=self.log_cdf, log_sf=self.log_sf, minimum=self.minimum, maximum=1.0
        )[()]

    def sample(self, size: int, *, rng: np.random.Generator | int | None = None) -> FloatArray:
        """`size` independent errors."""
        x = np.random.default_rng(rng).beta(self.a, self.b, size=size)
        return np.asarray(self.minimum + (1 - self.minimum) * x)

    def given_zero_errors(self, n: float) -> Self:
        """The density tilted by (1 - E)^n."""
        return replace(self, b=self.b + float(number_of_examples(n)))

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n, the mass expected to survive `n` examples."""
        n_ = number_of_examples(n)
        gain = log_beta(self.a, self.b + n_) - log_beta(self.a, self.b)
        return np.asarray(n_ * np.log1p(-self.minimum) + gain)[()]

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error of the density tilted by (1 - E)^n."""
        share = self.a / (self.a + self.b + number_of_examples(n))
        return np.asarray(self.minimum + (1 - self.minimum) * share)[()]

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `eps` in the density tilted by (1 - E)^n."""
        x, rest = self._relative(eps)
        return log_incomplete_beta(self.b + number_of_examples(n), self.a, rest, complement=x)[()]


@dataclass(frozen=True, slots=True)
class PowerEdgeErrorDensity:
    """Q(E) ~ (E - minimum)^(exponent - 1) on [minimum, maximum]: a power edge and nothing else.

    Parameters
    ----------
    exponent : float
        Positive edge exponent k; the learning curve tends to minimum + k (1 - minimum)/n.
    minimum, maximum : float, optional
        Support, 0 <= minimum < maximum <= 1.
    examples : float, optional
        n0 of the tilt (1 - E)^n0 already applied.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    exponent: float
    minimum: float = 0.0
    maximum: float = 1.0
    examples: float = 0.0

    def __post_init__(self) -> None:
        positive("exponent", self.exponent)
        support(self.minimum, self.maximum)
        number_of_examples(self.examples, name="examples")

    @property
    def atoms(self) -> None:
        """None: the density is continuous."""
        return None

    @property
    def edge_exponent(self) -> float:
        """`exponent`."""
        return float(self.exponent)

    def _relative(self, E: ArrayLike) -> tuple[FloatArray, FloatArray]:
        E_ = np.clip(np.asarray(E, dtype=float), self.minimum, self.maximum)
        return (E_ - self.minimum) / (1 - self.minimum), (1 - E_) / (1 - self.minimum)

    def _log_below(self, E: ArrayLike, n: FloatArray, *, extra: float = 0.0) -> FloatArray:
        """Ln of int_min^E x^(k+extra-1) (1-x)^n dx, in x = (E - minimum)/(1 - minimum)."""
        x, rest = self._relative(E)
        k, b = self.exponent + extra, n + 1
        return np.asarray(log_beta(k, b) + log_incomplete_beta(k, b, x, complement=rest))

    def _log_above(self, E: ArrayLike, n: FloatArray) -> FloatArray:
        """Ln of int_E^maximum x^(k-1) (1-x)^n dx."""
        k, b = self.exponent, n + 1
        x, rest = self._relative(E)
        end, end_rest = self._relative(self.maximum)
        x, rest, b = np.broadcast_arrays(x, rest, b)
        # the difference of two tails loses fewest digits on the side where they are small
        low, low_end = (log_incomplete_beta(k, b, v, complement=w) for v, w in ((x, rest), (end, end_rest)))
        high, high_end = (log_incomplete_beta(b, k, w, complement=v) for v, w in ((x, rest), (end, end_rest)))
        with np.errstate(divide="ignore", invalid="ignore"):
            from_low = low_end + np.log(-np.expm1(np.minimum(low - low_end, 0.0)))
            from_high = high + np.log(-np.expm1(np.minimum(high_end - high, 0.0)))
        from_high = np.where(np.isneginf(high), -np.inf, from_high)
        return np.asarray(log_beta(k, b) + np.where(low_end < high, from_low, from_high))

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """Ln Q(E), ``-inf`` outside the support."""
        E_ = np.asarray(E, dtype=float)
        inside = np.clip(E_, self.minimum, self.maximum) == E_
        x, rest = self._relative(E_)
        norm = self._log_below(self.maximum, np.asarray(self.examples)) + np.log1p(-self.minimum)
        shape = _log_beta_shape(x, rest, self.exponent, self.examples + 1)
        return np.asarray(np.where(inside, shape - norm, -np.inf))[()]

    def _log_cdf(self, E: ArrayLike, n: FloatArray) -> FloatArray:
        whole = self._log_below(self.maximum, n)
        return _sharper(self._log_below(E, n) - whole, self._log_above(E, n) - whole)

    def _log_sf(self, E: ArrayLike, n: FloatArray) -> FloatArray:
        whole = self._log_below(self.maximum, n)
        return _sharper(self._log_above(E, n) - whole, self._log_below(E, n) - whole)

    def log_cdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors <= `E`."""
        return self._log_cdf(E, np.asarray(self.examples))[()]

    def log_sf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `E`."""
        return self._log_sf(E, np.asarray(self.examples))[()]

    def mean(self) -> float:
        """Mean error."""
        return float(self.mean_given_zero_errors(0))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Error at cumulated mass `p`."""
        return inverse_distribution(
            probability("p", p),
            log_cdf=self.log_cdf,
            log_sf=self.log_sf,
            minimum=self.minimum,
            maximum=self.maximum,
        )[()]

    def sample(self, size: int, *, rng: np.random.Generator | int | None = None) -> FloatArray:
        """`size` independent errors."""
        return self.quantile(np.random.default_rng(rng).random(size))

    def given_zero_errors(self, n: float) -> Self:
        """The density tilted by (1 - E)^n."""
        return replace(self, examples=self.examples + float(number_of_examples(n)))

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n, the mass expected to survive `n` examples."""
        n_ = number_of_examples(n)
        start, end = np.asarray(self.examples), n_ + self.examples
        gain = self._log_below(self.maximum, end) - self._log_below(self.maximum, start)
        return np.asarray(n_ * np.log1p(-self.minimum) + gain)[()]

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error of the density tilted by (1 - E)^n."""
        n_ = number_of_examples(n) + self.examples
        log_share = self._log_below(self.maximum, n_, extra=1.0) - self._log_below(self.maximum, n_)
        return np.asarray(self.minimum + (1 - self.minimum) * np.exp(log_share))[()]

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `eps` in the density tilted by (1 - E)^n."""
        return self._log_sf(eps, number_of_examples(n) + self.examples)[()]


def _sharper(log_share: FloatArray, log_rest: FloatArray) -> FloatArray:
    """Ln of a share, taken from the rest where the share is close to one."""
    near_one = log_share > -0.5
    return np.where(near_one, np.log1p(-np.exp(np.minimum(log_rest, -0.5))), log_share)
