"""`LogConcaveForm`: everything an error density must answer, from its log-concave shape alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import number_of_examples, probability
from .inverse_distribution import inverse_distribution
from .tilted_integral import LogShape, log_share, tilted_integral, tilted_sample

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LogConcaveForm:
    """Numerics shared by the smooth densities, which hold one of these and hand their questions on.

    Attributes
    ----------
    log_shape
        (E - minimum, 1 - E) -> ln of the unnormalized density, log-concave in E.
    minimum, maximum
        Its support.
    examples
        n0 of the tilt (1 - E)^n0 that the density already carries.
    """

    log_shape: LogShape
    minimum: float
    maximum: float
    examples: float

    def _log_mass(self, n: FloatArray) -> FloatArray:
        return tilted_integral(self.log_shape, minimum=self.minimum, maximum=self.maximum, n=n).log_mass

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """Ln Q(E), ``-inf`` outside the support."""
        E_ = np.asarray(E, dtype=float)
        inside = np.clip(E_, self.minimum, self.maximum) == E_
        excess = np.where(inside, E_ - self.minimum, 0.0)
        with np.errstate(divide="ignore"):
            log_survival = np.log1p(-excess / (1 - self.minimum))
        tilt = self.examples * log_survival if self.examples else np.zeros_like(excess)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = self.log_shape(excess, 1 - self.minimum - excess) + tilt
        return np.asarray(np.where(inside, values - self._log_mass(np.asarray(self.examples)), -np.inf))[()]

    def log_cdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass up to E."""
        E_ = np.asarray(E, dtype=float)
        return self._share(np.full(E_.shape, self.examples), up_to=E_)

    def log_sf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass above E."""
        E_ = np.asarray(E, dtype=float)
        return self._share(np.full(E_.shape, self.examples), above=E_)

    def _share(
        self, n: FloatArray, *, above: FloatArray | float = -np.inf, up_to: FloatArray | float = np.inf
    ) -> FloatArray:
        share = log_share(
            self.log_shape, minimum=self.minimum, maximum=self.maximum, n=n, above=above, up_to=up_to
        )
        return np.asarray(share)[()]

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Error at cumulated mass p."""
        return inverse_distribution(
            probability("p", p),
            log_cdf=self.log_cdf,
            log_sf=self.log_sf,
            minimum=self.minimum,
            maximum=self.maximum,
        )[()]

    def sample(self, size: int, rng: np.random.Generator | int | None) -> FloatArray:
        """`size` independent errors."""
        return tilted_sample(
            self.log_shape,
            minimum=self.minimum,
            maximum=self.maximum,
            n=self.examples,
            size=size,
            rng=np.random.default_rng(rng),
        )

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n of the density as it is tilted now."""
        n_ = number_of_examples(n)
        gain = self._log_mass(n_ + self.examples) - self._log_mass(np.asarray(self.examples))
        return np.asarray(n_ * np.log1p(-self.minimum) + np.where(n_ == 0, 0.0, gain))[()]

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error after n more examples."""
        n_ = number_of_examples(n) + self.examples
        integral = tilted_integral(self.log_shape, minimum=self.minimum, maximum=self.maximum, n=n_)
        return np.asarray(self.minimum + integral.mean_excess)[()]

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass above eps after n more examples."""
        return self._share(number_of_examples(n) + self.examples, above=np.asarray(eps, dtype=float))
