"""`CountErrorDensity`: true errors known by counts on held-out examples, tilted without bias."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .argument_checks import number_of_examples, probability
from .atoms import Atoms
from .effective_samples import FEWEST_EFFECTIVE_SAMPLES

FloatArray = NDArray[np.float64]

_CHUNK = 2_000_000


def log_survival_of_counts(counts: FloatArray, held_out: int, n: FloatArray) -> FloatArray:
    """Ln C(m-k, n) / C(m, n): the chance that n of the m held-out examples hold none of the k errors."""
    left = held_out - counts - n
    with np.errstate(invalid="ignore"):
        ratio = (
            special.gammaln(held_out - counts + 1)
            - special.gammaln(np.maximum(left, 0) + 1)
            + special.gammaln(held_out - n + 1)
            - special.gammaln(held_out + 1.0)
        )
    return np.where(left >= 0, np.where((counts == 0) | (n == 0), 0.0, ratio), -np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class CountErrorDensity:
    r"""Errors of drawn classifiers, each known by its count of errors on equally many held-out examples.

    A classifier with k errors on m held-out examples survives n new ones with probability (1 - E)^n, of which
    (1 - k/m)^n is a biased estimate and C(m-k, n)/C(m, n) an unbiased one: the chance that n of the m
    themselves hold none of the k errors. Tilted by n, the density is therefore that of counts k on the m - n
    examples left, with these weights; and Z_n and the learning curve 1 - Z_{n+1}/Z_n are ratios of unbiased
    averages. Errors are k/m before the tilt and k/(m - n) after it, which carry the noise of the count.

    Parameters
    ----------
    counts : array_like of int, shape (draws,)
        Errors of each classifier, between 0 and `held_out`.
    held_out : int
        Number m of held-out examples, at least 1.
    weights : array_like, shape (draws,), optional
        Importance weights of the draws, at least 0, up to a common factor. Equal by default.
    examples : int, optional
        Examples already used up by tilting.

    Attributes
    ----------
    largest_n : int
        Largest further n: none beyond the held-out examples, nor where fewer than 30 effective draws survive.

    Raises
    ------
    ValueError
        If an argument is out of its range, the columns differ in length, or `n` is no whole number or beyond
        `largest_n`.
    """

    counts: FloatArray
    held_out: int
    weights: FloatArray
    examples: int
    largest_n: int = field(init=False)
    _distinct: FloatArray = field(init=False, repr=False)
    _log_weights: FloatArray = field(init=False, repr=False)

    def __init__(
        self, counts: ArrayLike, held_out: int, weights: ArrayLike | None = None, *, examples: int = 0
    ) -> None:
        if not (held_out >= 1 and held_out == int(held_out)):
            raise ValueError(f"held_out must be a whole number of at least 1, got {held_out}")
        k = np.atleast_1d(np.asarray(counts, dtype=float)).ravel()
        if not np.all((k >= 0) & (k <= held_out) & (k == np.round(k))):
            raise ValueError(f"counts must be whole numbers from 0 to held_out ({held_out}), got {k}")
        w = np.ones(len(k)) if weights is None else np.atleast_1d(np.asarray(weights, dtype=float)).ravel()
        if w.shape != k.shape:
            raise ValueError(f"weights must be as many as counts ({len(k)}), got {len(w)}")
        if not (np.all(np.isfinite(w)) and np.all(w >= 0) and np.any(w > 0)):
            raise ValueError("weights must be finite and at least 0, with one above 0 (and counts not empty)")
        if not (0 <= examples <= held_out and examples == int(examples)):
            raise ValueError(f"examples must be whole, from 0 to held_out ({held_out}), got {examples}")
        order = np.lexsort((w[w > 0], k[w > 0]))
        k, w = k[w > 0][order], w[w > 0][order] / w.max()
        distinct, index = np.unique(k, return_inverse=True)
        log_weights, log_squares = (np.log(np.bincount(index, weights=v)) for v in (w, w * w))
        limit = _largest_n(distinct, int(held_out), log_weights, log_squares)
        values = {
            "counts": k,
            "held_out": int(held_out),
            "weights": w,
            "examples": int(examples),
            "largest_n": max(limit - int(examples), 0),
            "_distinct": distinct,
            "_log_weights": log_weights,
        }
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CountErrorDensity) and hash(self) == hash(other)

    def __hash__(self) -> int:
        return hash((self.counts.tobytes(), self.weights.tobytes(), self.held_out, self.examples))

    def _examples(self, n: ArrayLike) -> FloatArray:
        n_ = number_of_examples(n)
        if np.any(n_ != np.round(n_)):
            raise ValueError(f"n must be whole numbers for counts, got {n_[n_ != np.round(n_)].flat[0]}")
        if np.any(n_ > self.largest_n):
            raise ValueError(
                f"n must be at most {self.largest_n}, what counts on {self.held_out - self.examples} "
                f"held-out examples support, got {np.max(n_):.6g}"
            )
        return n_

    @property
    def _form(self) -> Atoms:
        terms = self._log_weights + log_survival_of_counts(
            self._distinct, self.held_out, np.asarray(self.examples)
        )
        alive = np.isfinite(terms)
        # with every held-out example used up nothing is left to err on: the survivors' error is then 0
        return Atoms(self._distinct[alive] / max(self.held_out - self.examples, 1), terms[alive], 0.0)

    @property
    def minimum(self) -> float:
        """Lowest count that survives, as a share of the held-out examples left."""
        return float(self._form.errors[0])

    @property
    def maximum(self) -> float:
        """Highest count that survives, as a share of the held-out examples left."""
        return float(self._form.errors[-1])

    @property
    def atoms(self) -> FloatArray:
        """Distinct counts that survive, as shares of the held-out examples left, ascending."""
        return self._form.errors

    @property
    def edge_exponent(self) -> None:
        """None: counts do not tell the edge."""
        return None

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
        return self._form.quantile(probability("p", p))

    def sample(self, size: int, *, rng: np.random.Generator | int | None = None) -> FloatArray:
        """`size` independent errors."""
        return self._form.sample(size, rng)

    def given_zero_errors(self, n: float) -> Self:
        """The density tilted by `n` of the held-out examples; raises ValueError beyond `largest_n`."""
        return replace(self, examples=self.examples + int(self._examples(n)))

    def _sums(self, n: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Per n: ln of the weight surviving, ln of its part above eps, and the mean count surviving."""
        used = n.ravel() + self.examples
        left = np.maximum(self.held_out - used, 1)
        out = np.empty((3, len(used)))
        rows = max(1, _CHUNK // len(self._distinct))
        for start in range(0, len(used), rows):
            part = slice(start, start + rows)
            terms = self._log_weights + log_survival_of_counts(
                self._distinct, self.held_out, used[part, None]
            )
            bad = np.where(self._distinct / left[part, None] > eps.ravel()[part, None], terms, -np.inf)
            with np.errstate(divide="ignore"):
                out[0, part] = special.logsumexp(terms, axis=1)
                out[1, part] = special.logsumexp(bad, axis=1)
            out[2, part] = np.exp(terms - out[0, part, None]) @ self._distinct
        log_mass, log_bad, count = (column.reshape(n.shape) for column in out)
        return log_mass, log_bad, count

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n, the mass expected to survive `n` examples."""
        n_ = self._examples(n)
        now, _, _ = self._sums(np.zeros(()), np.zeros(()))
        return np.asarray(np.where(n_ == 0, 0.0, self._sums(n_, np.zeros(n_.shape))[0] - now))[()]

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error among survivors of `n` examples, on the examples left; `n` below `held_out`."""
        n_ = self._examples(n)
        left = self.held_out - self.examples - n_
        if np.any(left < 1):
            raise ValueError(
                f"n must be below {self.held_out - self.examples}, to leave a held-out example, "
                f"got {np.max(n_):.6g}"
            )
        return np.asarray(self._sums(n_, np.zeros(n_.shape))[2] / left)[()]

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `eps`, on the examples left, among survivors of `n` examples."""
        n_, eps_ = np.broadcast_arrays(self._examples(n), np.asarray(eps, dtype=float))
        log_mass, log_bad, _ = self._sums(n_, eps_)
        return np.asarray(np.minimum(log_bad - log_mass, 0.0))[()]


def _largest_n(distinct: FloatArray, held_out: int, log_weights: FloatArray, log_squares: FloatArray) -> int:
    """Largest whole n <= held_out up to which 30 effective draws survive: scanned in chunks from 0."""
    rows = max(1, _CHUNK // len(distinct))
    for start in range(0, held_out + 1, rows):
        n = np.arange(start, min(start + rows, held_out + 1))
        survival = log_survival_of_counts(distinct, held_out, n[:, None].astype(float))
        with np.errstate(divide="ignore", invalid="ignore"):
            total = special.logsumexp(log_weights + survival, axis=1)
            squares = special.logsumexp(log_squares + 2 * survival, axis=1)
            few = ~(2 * total - squares >= np.log(FEWEST_EFFECTIVE_SAMPLES) - 1e-12)
        if np.any(few):
            return int(max(n[np.argmax(few)] - 1, 0))
    return held_out
