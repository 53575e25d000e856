"""`ErrorDensity`: how the true error is spread over a set of classifiers, all that the theory knows of it."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@runtime_checkable
class ErrorDensity(Protocol):
    r"""The normalized density Q(E) of the true error E on [minimum, maximum], possibly made of atoms.

    The one operation of the theory is `given_zero_errors`: a classifier of true error E survives n
    independent examples with probability (1 - E)^n, so the density among the survivors, averaged over
    training sets with the weight of how many survive, is Q(E) (1 - E)^n / Z_n with
    Z_n = \int Q(E) (1 - E)^n dE (the objects of arXiv 2410.16868, and of Schwartz et al. 1990).

    Arguments named `n` are real numbers of examples; arrays broadcast; logs are natural; errors and
    probabilities lie in [0, 1].
    """

    @property
    def minimum(self) -> float:
        """E_min, the lowest error of the support."""
        ...

    @property
    def maximum(self) -> float:
        """The highest error of the support."""
        ...

    @property
    def atoms(self) -> FloatArray | None:
        """Errors that carry all the mass, ascending; None for a continuous density."""
        ...

    @property
    def edge_exponent(self) -> float | None:
        """k where Q ~ (E - minimum)^(k-1) at the edge, 0 for an atom there, None if not known."""
        ...

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """ln Q(E); for a density made of atoms, ln of the mass of the atom at exactly `E`."""
        ...

    def log_cdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors <= `E`."""
        ...

    def log_sf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `E`."""
        ...

    def mean(self) -> float:
        """Mean error."""
        ...

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Lowest error whose cumulated mass is at least `p`."""
        ...

    def sample(self, size: int, *, rng: np.random.Generator | int | None = None) -> FloatArray:
        """`size` independent errors."""
        ...

    def given_zero_errors(self, n: float) -> Self:
        """The density tilted by (1 - E)^n; tilting by a, then by b, is tilting by a + b."""
        ...

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n, the mass expected to survive `n` examples."""
        ...

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error of the density tilted by (1 - E)^n, without loss of digits at large `n`."""
        ...

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `eps` in the density tilted by (1 - E)^n."""
        ...
