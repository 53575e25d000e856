"""`AtomicErrorDensity` and `SampledErrorDensity`: a finite set of classifiers, known in full or by draws."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import number_of_examples, probability
from .atoms import Atoms, log_relative_survival
from .effective_samples import largest_supported_n, supported

FloatArray = NDArray[np.float64]


def _columns(errors: ArrayLike, weights: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Errors in ascending order and their weights, the largest 1; those of weight zero are left out."""
    E = np.atleast_1d(probability("errors", errors)).ravel()
    w = np.ones(len(E)) if weights is None else np.atleast_1d(np.asarray(weights, dtype=float)).ravel()
    if w.shape != E.shape:
        raise ValueError(f"weights must be as many as errors ({len(E)}), got {len(w)}")
    if not (np.all(np.isfinite(w)) and np.all(w >= 0) and np.any(w > 0)):
        raise ValueError(
            "weights must be finite and at least 0, with one above 0 (and errors must not be empty)"
        )
    order = np.lexsort((w[w > 0], E[w > 0]))
    E, w = E[w > 0][order], w[w > 0][order] / w.max()
    E.setflags(write=False)
    w.setflags(write=False)
    return E, w


@dataclass(frozen=True, slots=True, eq=False)
class AtomicErrorDensity:
    """A finite set of classifiers whose true errors are known: atoms at `errors` with masses `weights`.

    Exact, so it can be tilted by any n. For errors of classifiers drawn from a larger set, whose left tail
    the draws may have missed, use `SampledErrorDensity`.

    Parameters
    ----------
    errors : array_like, shape (classifiers,)
        True errors in [0, 1].
    weights : array_like, shape (classifiers,), optional
        Their masses, at least 0, up to a common factor. Equal by default.
    examples : float, optional
        n0 of the tilt (1 - E)^n0 already applied.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the columns differ in length.
    """

    errors: FloatArray
    weights: FloatArray
    examples: float
    _form: Atoms = field(init=False, repr=False)

    def __init__(self, errors: ArrayLike, weights: ArrayLike | None = None, *, examples: float = 0.0) -> None:
        E, w = _columns(errors, weights)
        n = float(number_of_examples(examples, name="examples"))
        distinct, index = np.unique(E, return_inverse=True)
        form = Atoms(distinct, np.log(np.bincount(index, weights=w)), n)
        for name, value in (("errors", E), ("weights", w), ("examples", n), ("_form", form)):
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AtomicErrorDensity) and hash(self) == hash(other)

    def __hash__(self) -> int:
        return hash((self.errors.tobytes(), self.weights.tobytes(), self.examples))

    @property
    def minimum(self) -> float:
        """Lowest error."""
        return float(self.errors[0])

    @property
    def maximum(self) -> float:
        """Highest error."""
        return float(self.errors[-1])

    @property
    def edge_exponent(self) -> float:
        """0: the lowest error is an atom."""
        return 0.0

    @property
    def atoms(self) -> FloatArray:
        """The distinct errors, ascending."""
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


@dataclass(frozen=True, slots=True, eq=False)
class SampledErrorDensity:
    """True errors of classifiers drawn from a set, and their density as far as the draws support it.

    Tilted by (1 - E)^n, the draws count as (sum w)^2 / sum w^2 effective ones. Where fewer than 30 are left,
    the answer would hang on a few lucky draws and on a tail that was never seen: `largest_n` is the last n
    before that, and beyond it every method raises. To go further, name the edge:
    `TabulatedErrorDensity.from_samples`.

    Parameters
    ----------
    errors : array_like, shape (draws,)
        True errors of the drawn classifiers, in [0, 1].
    weights : array_like, shape (draws,), optional
        Importance weights of the draws, at least 0, up to a common factor. Equal by default.
    examples : float, optional
        n0 of the tilt (1 - E)^n0 already applied.

    Attributes
    ----------
    largest_n : float
        Largest further n that the draws support; ``inf`` if at least 30 share the lowest error.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the columns differ in length.
    """

    errors: FloatArray
    weights: FloatArray
    examples: float
    largest_n: float = field(init=False)
    _form: Atoms = field(init=False, repr=False)

    def __init__(self, errors: ArrayLike, weights: ArrayLike | None = None, *, examples: float = 0.0) -> None:
        E, w = _columns(errors, weights)
        n = float(number_of_examples(examples, name="examples"))
        distinct, index = np.unique(E, return_inverse=True)
        log_weights, log_squares = (np.log(np.bincount(index, weights=v)) for v in (w, w * w))
        limit = largest_supported_n(log_weights, log_squares, log_relative_survival(distinct))
        form = Atoms(distinct, log_weights, n)
        values = {"errors": E, "weights": w, "examples": n, "largest_n": max(limit - n, 0.0), "_form": form}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SampledErrorDensity) and hash(self) == hash(other)

    def __hash__(self) -> int:
        return hash((self.errors.tobytes(), self.weights.tobytes(), self.examples))

    def _supported(self, n: ArrayLike) -> FloatArray:
        return supported(n, self.largest_n)

    @property
    def minimum(self) -> float:
        """Lowest error drawn."""
        return float(self.errors[0])

    @property
    def maximum(self) -> float:
        """Highest error drawn."""
        return float(self.errors[-1])

    @property
    def edge_exponent(self) -> None:
        """None: draws do not tell the edge."""
        return None

    @property
    def atoms(self) -> FloatArray:
        """The distinct errors, ascending."""
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
        """The density tilted by (1 - E)^n; raises ValueError beyond `largest_n`."""
        return replace(self, examples=self.examples + float(self._supported(n)))

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n, the mass expected to survive `n` examples."""
        return self._form.log_zero_error_fraction(self._supported(n))

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error of the density tilted by (1 - E)^n."""
        return self._form.mean_given_zero_errors(self._supported(n))

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `eps` in the density tilted by (1 - E)^n."""
        return self._form.log_bad_fraction_given_zero_errors(self._supported(n), eps)
