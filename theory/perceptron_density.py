"""`PerceptronErrorDensity` and `BinaryPerceptronErrorDensity`: perceptrons against a perceptron teacher."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import number_of_examples
from .atoms import Atoms
from .incomplete_beta import log_beta
from .log_concave import LogConcaveForm

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PerceptronErrorDensity:
    """Weight vectors uniform on the sphere: E = angle / pi, Q(E) ~ sin(pi E)^(dimension - 2) on [0, 1].

    The probability that two perceptrons at that angle disagree on an isotropic input. The tilted mean is the
    annealed learning curve of Seung, Sompolinsky and Tishby (1992), about 1/alpha at alpha = n/dimension.

    Parameters
    ----------
    dimension : int
        Number of weights, at least 2.
    examples : float, optional
        n0 of the tilt (1 - E)^n0 already applied.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    dimension: int
    examples: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.dimension) and self.dimension >= 2):
            raise ValueError(f"dimension must be at least 2, got {self.dimension}")
        number_of_examples(self.examples, name="examples")

    def _log_shape(self, excess: FloatArray, complement: FloatArray) -> FloatArray:
        if self.dimension == 2:
            return np.zeros_like(excess)
        # an angle too small for a float keeps a finite log, so that comparisons stay meaningful
        angle = np.maximum(np.pi * np.minimum(excess, complement), np.finfo(float).tiny)
        return np.asarray((self.dimension - 2) * np.log(np.sin(angle)))

    @property
    def _form(self) -> LogConcaveForm:
        return LogConcaveForm(self._log_shape, 0.0, 1.0, self.examples)

    @property
    def minimum(self) -> float:
        """0: the teacher itself."""
        return 0.0

    @property
    def maximum(self) -> float:
        """1: the teacher's opposite."""
        return 1.0

    @property
    def edge_exponent(self) -> float:
        """The dimension of the sphere, dimension - 1."""
        return float(self.dimension - 1)

    @property
    def atoms(self) -> None:
        """None: the density is continuous."""
        return None

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """Ln Q(E), ``-inf`` outside the support."""
        E_ = np.asarray(E, dtype=float)
        at_an_end = (self.dimension > 2) & ((E_ == 0) | (E_ == 1))
        return np.asarray(np.where(at_an_end, -np.inf, self._form.log_pdf(E_)))[()]

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
class BinaryPerceptronErrorDensity:
    """Errors of the 2^dimension perceptrons with weights +1 or -1 against one of them as teacher.

    k weights that differ from the teacher's give the error arccos(1 - 2k/dimension)/pi on isotropic inputs,
    with mass C(dimension, k) / 2^dimension.

    Parameters
    ----------
    dimension : int
        Number of weights, at least 1.
    examples : float, optional
        n0 of the tilt (1 - E)^n0 already applied.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    dimension: int
    examples: float = 0.0

    def __post_init__(self) -> None:
        if not (
            np.isfinite(self.dimension) and self.dimension >= 1 and self.dimension == int(self.dimension)
        ):
            raise ValueError(f"dimension must be a whole number of at least 1, got {self.dimension}")
        number_of_examples(self.examples, name="examples")

    @property
    def _form(self) -> Atoms:
        flipped = np.arange(self.dimension + 1, dtype=float)
        log_count = -np.log1p(self.dimension) - log_beta(flipped + 1, self.dimension - flipped + 1)
        # half the angle from its sine, which keeps the digits of the small errors that arccos would lose
        angle = 2 * np.arcsin(np.sqrt(flipped / self.dimension))
        return Atoms(angle / np.pi, log_count - self.dimension * np.log(2.0), self.examples)

    @property
    def minimum(self) -> float:
        """0: the teacher itself."""
        return 0.0

    @property
    def maximum(self) -> float:
        """1: the teacher's opposite."""
        return 1.0

    @property
    def edge_exponent(self) -> float:
        """0: the teacher is an atom."""
        return 0.0

    @property
    def atoms(self) -> FloatArray:
        """The dimension + 1 errors, ascending."""
        return self._form.errors

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of the atom at exactly `E`, ``-inf`` if there is none."""
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
        """Lowest error whose cumulated mass is at least `p`."""
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
