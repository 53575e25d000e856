"""`TabulatedErrorDensity`: a density read from a table, from draws, or from a measured tail and draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .argument_checks import probability
from .closed_forms import PowerEdgeErrorDensity
from .effective_samples import FEWEST_EFFECTIVE_SAMPLES, last_n_that_holds, supported
from .inverse_distribution import inverse_distribution
from .piecewise_exponential import PiecewiseExponential
from .table_reading import checked_draws, checked_table, knots, pieces_of_density, pieces_of_distribution

FloatArray = NDArray[np.float64]


def _sharper(log_share: FloatArray, log_rest: FloatArray) -> FloatArray:
    """Ln of a share, taken from the rest where the share is close to one."""
    return np.where(log_share > -0.5, np.log1p(-np.exp(np.minimum(log_rest, -0.5))), log_share)


@dataclass(frozen=True, slots=True, eq=False)
class TabulatedErrorDensity:
    """A density given by a table of ln Q(E) or of ln F(E), F the mass of errors up to E.

    Between the entries ln Q, or ln F, is linear in ln(1 - E), which makes every tilt exact. Below the first
    entry of a distribution function the table only says how much mass there is, not where: without a model of
    the edge it is spread evenly from `minimum` on, and `largest_n` is the n up to which it carries at most
    one part in 30 of what survives. (Where ln F starts at ``-inf``, that first stretch ends at the second
    entry; for a table of ln Q it is the first stretch of the table.) With `edge_exponent` k the mass there is
    (E - minimum)^k and any n is allowed.

    Parameters
    ----------
    errors : array_like, shape (entries,)
        Strictly ascending errors in [0, 1], at least two.
    log_density, log_cdf : array_like, shape (entries,)
        Give one: ln Q, finite and normalized here, or ln F, not falling and ending at 0.
    edge_exponent : float, optional
        k > 0 of Q ~ (E - minimum)^(k-1) below the first entry.
    minimum : float, optional
        E_min, at most ``errors[0]``. By default 0 for ln F, and ``errors[0]`` for ln Q or where ln F is
        ``-inf``.

    Attributes
    ----------
    examples : float
        n0 of the tilt (1 - E)^n0 already applied.
    largest_n : float
        Largest further n that the table supports; ``inf`` with an explicit edge.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the columns differ in length.
    """

    minimum: float
    maximum: float
    edge_exponent: float | None
    examples: float
    largest_n: float
    _pieces: PiecewiseExponential = field(repr=False)
    _edge: PowerEdgeErrorDensity | None = field(repr=False)
    _log_edge_mass: float = field(repr=False)

    def __init__(
        self,
        errors: ArrayLike,
        *,
        log_density: ArrayLike | None = None,
        log_cdf: ArrayLike | None = None,
        edge_exponent: float | None = None,
        minimum: float | None = None,
    ) -> None:
        E, table = checked_table(errors, log_density, log_cdf, edge_exponent)
        of_distribution = log_density is None
        has_edge = of_distribution or edge_exponent is not None
        if of_distribution and np.isneginf(table[0]):
            E, table, minimum = E[1:], table[1:], float(E[0]) if minimum is None else minimum
        elif minimum is None:
            minimum = 0.0 if has_edge else float(E[0])
        if not (0 <= minimum < E[0] if has_edge else minimum == E[0]):
            allowed = (
                f"in [0, {E[0]}), where the edge begins" if has_edge else f"{E[0]} without an edge_exponent"
            )
            raise ValueError(f"minimum must be {allowed}, got {minimum}")
        with np.errstate(divide="ignore"):
            s = -np.log1p(-(E - minimum) / (1 - minimum))
        pieces = pieces_of_distribution(s, table) if of_distribution else pieces_of_density(s, table)
        edge, log_edge_mass = None, -np.inf
        if has_edge:
            k = 1.0 if edge_exponent is None else float(edge_exponent)
            edge = PowerEdgeErrorDensity(k, minimum, float(E[0]))
            # a density continues across the edge's end; s measures (1 - E)/(1 - E_min), hence the factor
            log_width = np.log((E[0] - minimum) / k / (1 - minimum))
            log_edge_mass = float(table[0] if of_distribution else table[0] + log_width)
        self._set(minimum, float(E[-1]), edge_exponent, 0.0, np.inf, pieces, edge, log_edge_mass)
        if edge_exponent is None:
            object.__setattr__(self, "largest_n", last_n_that_holds(self._resolves))

    def _set(self, *values: object) -> None:
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def _key(self) -> tuple[object, ...]:
        p = self._pieces
        arrays = (p.start, p.width, p.log_density, p.rate)
        edge = (self.minimum, self.maximum, self.edge_exponent, self.examples, self._log_edge_mass)
        return (*edge, *(a.tobytes() for a in arrays))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TabulatedErrorDensity) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @classmethod
    def from_samples(
        cls,
        errors: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        edge_exponent: float | None = None,
        minimum: float = 0.0,
    ) -> Self:
        """A table through about 256 order statistics of drawn true errors, the lowest with 30 draws below it.

        Parameters
        ----------
        errors : array_like, shape (draws,)
            True errors in [0, 1], more than 30 effective draws.
        weights : array_like, shape (draws,), optional
            Importance weights, at least 0. Equal by default.
        edge_exponent, minimum
            As in the class: the edge below the lowest table entry.

        Raises
        ------
        ValueError
            If there are too few draws, or an argument is out of its range.
        """
        E, w = checked_draws(errors, weights)
        at, log_cdf = knots(E, w, FEWEST_EFFECTIVE_SAMPLES)
        return cls(at, log_cdf=log_cdf, edge_exponent=edge_exponent, minimum=minimum)

    @classmethod
    def spliced(
        cls,
        errors: ArrayLike,
        log_cdf: ArrayLike,
        body: ArrayLike,
        *,
        edge_exponent: float | None = None,
        minimum: float = 0.0,
    ) -> Self:
        """A measured left tail, as from rare-event splitting, continued by draws from the prior.

        Parameters
        ----------
        errors : array_like, shape (thresholds,)
            Strictly ascending thresholds of the tail.
        log_cdf : array_like, shape (thresholds,)
            ln of the mass up to each.
        body : array_like, shape (draws,)
            True errors drawn from the prior; those above the last threshold share the mass left.
        edge_exponent, minimum
            As in the class: the edge below the lowest threshold.

        Raises
        ------
        ValueError
            If no draw lies above the last threshold, or an argument is out of its range.
        """
        tail = np.atleast_1d(probability("errors", errors))
        log_tail = np.atleast_1d(np.asarray(log_cdf, dtype=float))
        if tail.shape != log_tail.shape or not np.all(log_tail < 0):
            raise ValueError(f"log_cdf must be below 0 and as many as errors ({len(tail)}), got {log_cdf!r}")
        above, w = checked_draws(body, None)
        above, w = above[above > tail[-1]], w[above > tail[-1]]
        at, log_share = knots(above, w, 0.0)
        log_body = np.logaddexp(log_tail[-1], np.log(-np.expm1(log_tail[-1])) + log_share)
        log_body[-1] = 0.0
        return cls(
            np.append(tail, at),
            log_cdf=np.append(log_tail, log_body),
            edge_exponent=edge_exponent,
            minimum=minimum,
        )

    @property
    def atoms(self) -> None:
        """None: the density is continuous."""
        return None

    def _resolves(self, n: float) -> bool:
        """Whether the stretch below the first entry, or the first of a density, holds at most 1/30 at n."""
        at = np.array([n])
        pieces = self._pieces.log_masses(at)[0]
        lowest = float(pieces[0]) if self._edge is None else float(self._log_edge(at)[0])
        rest = special.logsumexp(pieces[1:] if self._edge is None else pieces)
        return bool(lowest - rest <= -np.log(FEWEST_EFFECTIVE_SAMPLES - 1))

    def _supported(self, n: ArrayLike) -> FloatArray:
        return supported(n, self.largest_n)

    def _log_edge(self, n: FloatArray) -> FloatArray:
        """Ln of the mass of the edge, tilted by ((1-E)/(1-E_min))^n."""
        if self._edge is None:
            return np.full(n.shape, -np.inf)
        Z = self._edge.log_zero_error_fraction(n) - n * np.log1p(-self.minimum)
        return np.asarray(self._log_edge_mass + Z)

    def _log_masses(self, n: FloatArray, E: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Ln of the relative tilted mass up to E and above E; n and E of equal shape (rows,)."""
        inside = np.clip(E, self.minimum, self.maximum)
        with np.errstate(divide="ignore"):
            s = -np.log1p(-(inside - self.minimum) / (1 - self.minimum))
        below, _ = self._pieces.mass_and_survival(n, high=s)
        above, _ = self._pieces.mass_and_survival(n, low=s)
        if self._edge is not None:
            log_edge = self._log_edge(n)
            edge_above = self._edge.log_bad_fraction_given_zero_errors(n, inside)
            with np.errstate(divide="ignore"):
                edge_below = np.log(-np.expm1(edge_above))
            below, above = (
                np.logaddexp(below, log_edge + edge_below),
                np.logaddexp(above, log_edge + edge_above),
            )
        outside_left, outside_right = inside > E, (inside < E) | (inside == self.maximum)
        return np.where(outside_left, -np.inf, below), np.where(outside_right, -np.inf, above)

    def _log_whole(self, n: FloatArray) -> FloatArray:
        return np.logaddexp(self._log_edge(n), self._pieces.mass_and_survival(n)[0])

    def _shares(self, n: ArrayLike, E: ArrayLike) -> tuple[FloatArray, FloatArray]:
        n_, E_ = np.broadcast_arrays(np.asarray(n, dtype=float), np.asarray(E, dtype=float))
        below, above = self._log_masses(n_.ravel(), E_.ravel())
        whole = np.logaddexp(below, above)
        low, high = below - whole, above - whole
        return _sharper(low, high).reshape(E_.shape)[()], _sharper(high, low).reshape(E_.shape)[()]

    def log_pdf(self, E: ArrayLike) -> FloatArray:
        """Ln Q(E), ``-inf`` outside the support."""
        E_ = np.asarray(E, dtype=float)
        inside = np.clip(E_, self.minimum, self.maximum) == E_
        # at E = 1 the density in E is the limit from the left
        share = np.minimum((E_ - self.minimum) / (1 - self.minimum), 1 - 1e-16)
        s = -np.log1p(-np.where(inside, share, 0.0))
        in_pieces = self._pieces.log_density_at(s) - self.examples * s + s - np.log1p(-self.minimum)
        at = np.array([self.examples])
        if self._edge is not None:
            edge = self._edge.given_zero_errors(self.examples)
            in_pieces = np.where(self._edge.maximum > E_, edge.log_pdf(E_) + self._log_edge(at)[0], in_pieces)
        return np.asarray(np.where(inside, in_pieces - self._log_whole(at)[0], -np.inf))[()]

    def log_cdf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors <= `E`."""
        return self._shares(self.examples, E)[0]

    def log_sf(self, E: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `E`."""
        return self._shares(self.examples, E)[1]

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
        generator = np.random.default_rng(rng)
        s = self._pieces.sample(self.examples, size, generator)
        out = self.minimum - (1 - self.minimum) * np.expm1(-s)
        if self._edge is not None:
            at = np.array([self.examples])
            from_edge = generator.random(size) < np.exp(self._log_edge(at)[0] - self._log_whole(at)[0])
            edge = self._edge.given_zero_errors(self.examples)
            out[from_edge] = edge.sample(int(from_edge.sum()), rng=generator)
        return np.asarray(out)

    def given_zero_errors(self, n: float) -> Self:
        """The density tilted by (1 - E)^n; raises ValueError beyond `largest_n`."""
        more = float(self._supported(n))
        tilted = object.__new__(type(self))
        tilted._set(
            self.minimum,
            self.maximum,
            self.edge_exponent,
            self.examples + more,
            self.largest_n - more,
            self._pieces,
            self._edge,
            self._log_edge_mass,
        )
        return tilted

    def log_zero_error_fraction(self, n: ArrayLike) -> FloatArray:
        """Ln Z_n, the mass expected to survive `n` examples."""
        n_ = self._supported(n)
        rows = np.append(n_.ravel(), 0.0) + self.examples
        whole = self._log_whole(rows)
        gain = np.where(n_ == 0, 0.0, (whole[:-1] - whole[-1]).reshape(n_.shape))
        return np.asarray(n_ * np.log1p(-self.minimum) + gain)[()]

    def mean_given_zero_errors(self, n: ArrayLike) -> FloatArray:
        """Mean error of the density tilted by (1 - E)^n."""
        n_ = self._supported(n)
        rows = n_.ravel() + self.examples
        log_mass, dying = self._pieces.mass_and_survival(rows)
        excess = (1 - self.minimum) * dying
        if self._edge is not None:
            log_edge = self._log_edge(rows)
            edge_excess = self._edge.mean_given_zero_errors(rows) - self.minimum
            share = special.expit(log_edge - log_mass)
            excess = share * edge_excess + (1 - share) * excess
        return np.asarray(self.minimum + excess.reshape(n_.shape))[()]

    def log_bad_fraction_given_zero_errors(self, n: ArrayLike, eps: ArrayLike) -> FloatArray:
        """Ln of the mass of errors > `eps` in the density tilted by (1 - E)^n."""
        return self._shares(self._supported(n) + self.examples, eps)[1]
