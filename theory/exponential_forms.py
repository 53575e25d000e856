"""`ExponentialEdgeErrorDensity` and `TruncatedGaussianErrorDensity`: models of an over-parameterized set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import number_of_examples, support
from .log_concave import LogConcaveForm

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ExponentialEdgeErrorDensity:
    """Q(E) ~ exp(rate (E - minimum)) on [minimum, maximum]: Q falls exponentially as E decreases to its edge.

    A candidate for the over-parameterized density of arXiv 2410.16868 (its heading "Exponential decay of
    Q(E)"; the paper's own form is not reproduced here).

    Parameters
    ----------
    rate : float
        Growth per unit of error, any finite number.
    minimum, maximum : float, optional
        Support, 0 <= minimum < maximum <= 1.
    examples : float, optional
        n0 of the tilt (1 - E)^n0 already applied.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    rate: float
    minimum: float = 0.0
    maximum: float = 1.0
    examples: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.rate):
            raise ValueError(f"rate must be finite, got {self.rate}")
        support(self.minimum, self.maximum)
        number_of_examples(self.examples, name="examples")

    def _log_shape(self, excess: FloatArray, complement: FloatArray) -> FloatArray:
        return np.asarray(self.rate * excess)

    @property
    def _form(self) -> LogConcaveForm:
        return LogConcaveForm(self._log_shape, self.minimum, self.maximum, self.examples)

    @property
    def edge_exponent(self) -> float:
        """1: the density is finite at its edge."""
        return 1.0

    @property
    def atoms(self) -> None:
        """None: the density is continuous."""
        return None

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """Ln Q(E), ``-inf`` outside the support."""
        return self._form.log_pdf(E)

    def log_cdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors <= `E`."""
        return self._form.log_cdf(E)

    def log_sf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `E`."""
        return self._form.log_sf(E)

    def mean(self) -> float:
        """Mean error."""
        return float(self._form.mean_given_zero_errors(0))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Error at cumulated mass `p`."""
        return self._form.quantile(p)

    def sample(self, size: int, *, rng: np.random.Generator | int | None = None) -> FloatArray:
        """`size` independent errors."""
        return self._form.sample(size, rng)

    def given_zero_errors(self, n: float) -> Self:
        """The density tilted by (1 - E)^n."""
        return replace(self, examples=self.examples + float(number_of_examples(n)))

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n, the mass expected to survive `n` examples."""
        return self._form.log_zero_error_fraction(n)

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error of the density tilted by (1 - E)^n."""
        return self._form.mean_given_zero_errors(n)

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `eps` in the density tilted by (1 - E)^n."""
        return self._form.log_bad_fraction_given_zero_errors(n, eps)


@dataclass(frozen=True, slots=True)
class TruncatedGaussianErrorDensity:
    """Q(E) ~ exp(-(E - location)^2 / (2 scale^2)) on [minimum, maximum].

    Parameters
    ----------
    location, scale : float
        Centre (any finite number) and width (positive) of the Gaussian before it is cut.
    minimum, maximum : float, optional
        Support, 0 <= minimum < maximum <= 1.
    examples : float, optional
        n0 of the tilt (1 - E)^n0 already applied.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    location: float
    scale: float
    minimum: float = 0.0
    maximum: float = 1.0
    examples: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.location):
            raise ValueError(f"location must be finite, got {self.location}")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale must be finite and positive, got {self.scale}")
        support(self.minimum, self.maximum)
        number_of_examples(self.examples, name="examples")

    def _log_shape(self, excess: FloatArray, complement: FloatArray) -> FloatArray:
        # the constant at the edge is left out: it would drown what varies when the edge is far out
        return np.asarray(-excess * (0.5 * excess + (self.minimum - self.location)) / self.scale**2)

    @property
    def _form(self) -> LogConcaveForm:
        return LogConcaveForm(self._log_shape, self.minimum, self.maximum, self.examples)

    @property
    def edge_exponent(self) -> float:
        """1: the density is finite at its edge."""
        return 1.0

    @property
    def atoms(self) -> None:
        """None: the density is continuous."""
        return None

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """Ln Q(E), ``-inf`` outside the support."""
        return self._form.log_pdf(E)

    def log_cdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors <= `E`."""
        return self._form.log_cdf(E)

    def log_sf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `E`."""
        return self._form.log_sf(E)

    def mean(self) -> float:
        """Mean error."""
        return float(self._form.mean_given_zero_errors(0))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Error at cumulated mass `p`."""
        return self._form.quantile(p)

    def sample(self, size: int, *, rng: np.random.Generator | int | None = None) -> FloatArray:
        """`size` independent errors."""
        return self._form.sample(size, rng)

    def given_zero_errors(self, n: float) -> Self:
        """The density tilted by (1 - E)^n."""
        return replace(self, examples=self.examples + float(number_of_examples(n)))

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n, the mass expected to survive `n` examples."""
        return self._form.log_zero_error_fraction(n)

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error of the density tilted by (1 - E)^n."""
        return self._form.mean_given_zero_errors(n)

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `eps` in the density tilted by (1 - E)^n."""
        return self._form.log_bad_fraction_given_zero_errors(n, eps)
