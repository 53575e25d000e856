"""`Atoms`: everything an error density must answer, for finitely many errors with weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .argument_checks import number_of_examples, probability

FloatArray = NDArray[np.float64]

_CHUNK = 2_000_000  # (n, atom) pairs held at once
# stands for ln 0: finite, so that zero examples give 0 times it and not NaN
_LOG_ZERO = -1e290


def log_relative_survival(errors: FloatArray) -> FloatArray:
    """Ln((1 - E)/(1 - E_min)), with E = 1 as a huge negative number; all zero when every error is 1."""
    excess = errors - errors[0]
    if errors[0] == 1.0:
        return np.zeros_like(errors)
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(np.log1p(-excess / (1 - errors[0])), _LOG_ZERO))


@dataclass(frozen=True, slots=True)
class Atoms:
    """Numerics shared by the discrete densities, which hold one of these and hand their questions on.

    Attributes
    ----------
    errors
        Distinct errors in ascending order, shape (atoms,).
    log_weights
        Ln of their masses before the tilt, which need not be normalized, shape (atoms,).
    examples
        n0 of the tilt (1 - E)^n0 that the density already carries.
    """

    errors: FloatArray
    log_weights: FloatArray
    examples: float

    def log_masses(self) -> FloatArray:
        """Ln of the normalized masses as tilted now, shape (atoms,)."""
        terms = self.log_weights + self.examples * log_relative_survival(self.errors)
        return np.asarray(terms - special.logsumexp(terms))

    def _log_sum(self, n: FloatArray, above: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Per row: ln of the tilted mass of E > above over (1 - E_min)^n, and the mean excess error there."""
        relative, excess = log_relative_survival(self.errors), self.errors - self.errors[0]
        rows = max(1, _CHUNK // len(self.errors))
        log_mass, mean_excess = np.empty(len(n)), np.empty(len(n))
        for start in range(0, len(n), rows):
            part = slice(start, start + rows)
            terms = self.log_weights + n[part, None] * relative
            terms = np.where(self.errors > above[part, None], terms, -np.inf)
            top = terms.max(axis=1)
            top = np.where(np.isfinite(top), top, 0.0)
            weights = np.exp(terms - top[:, None])
            total = weights.sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                log_mass[part] = top + np.log(total)
                mean_excess[part] = weights @ excess / total
        return log_mass, mean_excess

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of the atom at exactly E, ``-inf`` if there is none."""
        E_ = np.asarray(E, dtype=float)
        place = np.minimum(np.searchsorted(self.errors, E_), len(self.errors) - 1)
        return np.asarray(np.where(self.errors[place] == E_, self.log_masses()[place], -np.inf))[()]

    def _cumulated(self) -> FloatArray:
        return np.concatenate([[-np.inf], np.logaddexp.accumulate(self.log_masses())])

    def log_cdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass up to E."""
        E_ = np.asarray(E, dtype=float)
        below, above = np.searchsorted(self.errors, E_, side="right"), self._log_above(E_)
        log_cdf = self._cumulated()[below]
        # near one, what is missing is known best
        return np.asarray(np.where(log_cdf > -0.5, np.log1p(-np.exp(np.minimum(above, -0.5))), log_cdf))[()]

    def _log_above(self, E: FloatArray) -> FloatArray:
        from_top = np.logaddexp.accumulate(self.log_masses()[::-1])[::-1]
        return np.append(from_top, -np.inf)[np.searchsorted(self.errors, E, side="right")]

    def log_sf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass above E."""
        E_ = np.asarray(E, dtype=float)
        below = self._cumulated()[np.searchsorted(self.errors, E_, side="right")]
        log_sf = self._log_above(E_)
        return np.asarray(np.where(log_sf > -0.5, np.log1p(-np.exp(np.minimum(below, -0.5))), log_sf))[()]

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Lowest error whose cumulated mass is at least p."""
        # the sum of the masses is one only up to rounding, which must not push p = 1 past the last atom
        cumulated = np.exp(self._cumulated()[1:])
        place = np.searchsorted(cumulated, probability("p", p) * (1 - 4e-15))
        return np.asarray(self.errors[np.minimum(place, len(self.errors) - 1)])[()]

    def sample(self, size: int, rng: np.random.Generator | int | None) -> FloatArray:
        """`size` independent errors."""
        masses = np.exp(self.log_masses())
        return np.random.default_rng(rng).choice(self.errors, size=size, p=masses / masses.sum())

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n of the density as it is tilted now."""
        n_ = number_of_examples(n)
        everything = np.full(n_.size + 1, -np.inf)
        log_mass, _ = self._log_sum(np.append(n_.ravel(), 0.0) + self.examples, everything)
        gain = np.where(n_ == 0, 0.0, (log_mass[:-1] - log_mass[-1]).reshape(n_.shape))
        if self.errors[0] == 1.0:
            return np.asarray(np.where(n_ == 0, 0.0, -np.inf))[()]
        return np.asarray(n_ * np.log1p(-self.errors[0]) + gain)[()]

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error after n more examples."""
        n_ = number_of_examples(n)
        _, mean_excess = self._log_sum(n_.ravel() + self.examples, np.full(n_.size, -np.inf))
        return np.asarray(self.errors[0] + mean_excess.reshape(n_.shape))[()]

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass above eps after n more examples."""
        n_, eps_ = np.broadcast_arrays(number_of_examples(n), np.asarray(eps, dtype=float))
        tilt = n_.ravel() + self.examples
        bad, _ = self._log_sum(tilt, eps_.ravel())
        whole, _ = self._log_sum(tilt, np.full(n_.size, -np.inf))
        return np.asarray(np.minimum(bad - whole, 0.0).reshape(n_.shape))[()]
