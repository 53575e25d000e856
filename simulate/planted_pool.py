"""`planted_pool_fraction`: the bad fraction carried by rare training sets, for any family on a pool."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

from .family import ClassifierFamily, FloatArray, IntArray, Population
from .log_mean import log_normal_mean
from .seeds import entropy_of
from .splitting import COLLAPSED_PERSISTENCE, moves_needed
from .zero_error import sample_zero_error

_NO_EXAMPLES = np.empty(0, dtype=np.int64)
_MAX_MOVES = 300
_FIRST_MOVES = 10
_ACCEPTANCE = 0.3


@dataclass(frozen=True, slots=True)
class PlantedPoolFraction:
    """The quenched bad fraction f_n(eps) on a pool, by planted training sets.

    Attributes
    ----------
    n_examples : ndarray of int64, shape (n,)
        Numbers of training examples.
    eps
        Threshold on the pool error.
    log_bad_fraction, log_bad_fraction_se : ndarray, shape (n,)
        ln f_n(eps) in nats, and its standard error: of the mass over runs, and of the mean over planted sets.
    log_bad_mass, log_bad_mass_se : ndarray, shape (n,)
        ln of the prior mass of E > eps tilted by (1-E)^n, Z_n g_n(eps), in nats.
    effective_draws : ndarray, shape (n,)
        (sum of weights)^2 / sum of squares of the weights 1/|H(S)|; trust nothing below about 30.
    set_log_fraction : ndarray, shape (n, draws)
        ln |H(S)| / |H| of every planted set, in nats.
    """

    n_examples: IntArray
    eps: float
    log_bad_fraction: FloatArray
    log_bad_fraction_se: FloatArray
    log_bad_mass: FloatArray
    log_bad_mass_se: FloatArray
    effective_draws: FloatArray
    set_log_fraction: FloatArray

    @property
    def draws(self) -> int:
        """Number of planted training sets for each n."""
        return int(self.set_log_fraction.shape[1])

    def to_dict(self) -> dict[str, Any]:
        """All values but those of single sets, ready for JSON."""
        columns = {
            name: getattr(self, name).tolist()
            for name in (
                "n_examples",
                "log_bad_fraction",
                "log_bad_fraction_se",
                "log_bad_mass",
                "log_bad_mass_se",
                "effective_draws",
            )
        }
        return {"schema_version": 1, "eps": self.eps, "draws": self.draws, **columns}


@dataclass(slots=True)
class _Tilted:
    """A population of Q restricted to E > eps and tilted by (1-E)^n; grows colder in place, run by run."""

    family: ClassifierFamily
    population: Population
    errors: FloatArray
    eps: float
    rng: np.random.Generator
    log_mass: float
    n: float = 0.0
    length: float = 1.0
    moves: int = _FIRST_MOVES

    def tilt_to(self, n: int) -> None:
        """Raise the power of the tilt in steps that leave half of the effective sample."""
        while self.n < n:
            step = _step(self.errors, n - self.n)
            log_weights = np.asarray(special.xlog1py(step, -self.errors), dtype=np.float64)
            self.log_mass += float(special.logsumexp(log_weights)) - math.log(self.errors.size)
            index = _resampled(log_weights, self.rng)
            self.population, self.errors = self.family.take(self.population, index), self.errors[index]
            self.n = float(n) if step == n - self.n else self.n + step
            self._forget()

    def _forget(self) -> None:
        # Length and number of moves are fixed by the level before: adapting them to what the moves of this
        # level do would let accepted moves choose their successors.
        kept, rates = 1.0, list[float]()
        while len(rates) < self.moves or (kept > COLLAPSED_PERSISTENCE and len(rates) < _MAX_MOVES):
            report = self.family.move(self.population, _NO_EXAMPLES, self.rng, length=self.length)
            proposed = self.family.true_errors(report.population)
            # Metropolis for the tilt: the move itself leaves the prior as it is
            gain = special.xlog1py(self.n, -proposed) - special.xlog1py(self.n, -self.errors)
            accept = (proposed > self.eps) & (np.log(self.rng.random(proposed.size)) < gain)
            self.population = self.family.where(accept, report.population, self.population)
            self.errors = np.where(accept, proposed, self.errors)
            rates.append(float(accept.mean()))
            kept *= 1.0 - rates[-1] * (1.0 - report.persistence)
        if kept > COLLAPSED_PERSISTENCE:
            raise ValueError(
                f"the population collapsed (persistence {kept:.2f}) at a tilt of n = {self.n:.0f}: "
                "ask for more particles or a larger eps"
            )
        rate = min(max(float(np.mean(rates)), 1e-3), 0.999)
        self.length *= min(max(math.log(_ACCEPTANCE) / math.log(rate), 0.5), 1.5)
        self.length = min(self.length, 1.0)
        self.moves = moves_needed(kept ** (1.0 / len(rates)), _MAX_MOVES)


def _effective_share(errors: FloatArray, step: float) -> float:
    log_weights = special.xlog1py(step, -errors)
    square = 2.0 * special.logsumexp(log_weights) - special.logsumexp(2.0 * log_weights)
    return float(np.exp(square)) / errors.size


def _step(errors: FloatArray, most: float) -> float:
    if _effective_share(errors, most) >= 0.5:
        return most
    return float(optimize.brentq(lambda step: _effective_share(errors, step) - 0.5, 0.0, most, xtol=1e-3))


def _resampled(log_weights: FloatArray, rng: np.random.Generator) -> IntArray:
    # systematic: each member as often as its weight, up to one
    ends = np.cumsum(special.softmax(log_weights)) * log_weights.size
    return np.searchsorted(ends, np.arange(log_weights.size) + rng.random(), side="right").clip(
        max=log_weights.size - 1
    )


def _start(family: ClassifierFamily, eps: float, particles: int, rng: np.random.Generator) -> _Tilted:
    population = family.draw(particles, rng)
    errors = family.true_errors(population)
    bad = np.flatnonzero(errors > eps)
    if bad.size == 0:
        raise ValueError(f"eps must be below the error of some of {particles} classifiers drawn, got {eps}")
    index = rng.permutation(np.resize(rng.permutation(bad), particles))
    return _Tilted(
        family=family,
        population=family.take(population, index),
        errors=errors[index],
        eps=eps,
        rng=rng,
        log_mass=math.log(bad.size / particles),
    )


def _log_fraction(
    family: ClassifierFamily, examples: IntArray, particles: int, replicas: int, rng: np.random.Generator
) -> float:
    # repeats bind nothing new
    distinct = np.unique(examples)
    result = sample_zero_error(
        family, [distinct.size], particles=particles, replicas=replicas, training_set=distinct, rng=rng
    )
    value = float(result.log_fraction[0])
    if not math.isfinite(value):
        raise ValueError(
            f"particles must be more than {particles}: a planted set of {distinct.size} points was lost"
        )
    return value


def planted_pool_fraction(
    family: ClassifierFamily,
    *,
    n_examples: int | Iterable[int],
    eps: float,
    draws: int = 40,
    particles: int = 200,
    replicas: int = 2,
    rng: np.random.Generator | int | None = None,
) -> PlantedPoolFraction:
    """Measure f_n(eps) on a pool where it is carried by training sets too rare to meet.

    With |H| = 1, f_n(eps) = Z_n g_n E[1/|H(S)|], where a classifier is drawn from Q(E) restricted to E > eps
    and tilted by (1-E)^n, and S from the points it gets right: the definitions of arXiv:2410.16868 with the
    sum over classifiers and the average over S exchanged [derived]. As `planted_bad_fraction`, but Q need
    not be known: tilted classifiers come from sequential Monte Carlo over the power of the tilt, whose
    normalization is Z_n g_n, and |H(S)| from `sample_zero_error`.

    Parameters
    ----------
    family : ClassifierFamily
        With a pool error: points are 0 to M - 1, training sets draw from them with replacement.
    n_examples : int or iterable of int
        Numbers of training examples; each has its own planted sets.
    eps : float
        Threshold on the pool error above which a classifier is bad, in [0, 1).
    draws : int
        Planted training sets for each n, a multiple of `replicas`.
    particles, replicas : int
        Classifiers in one run and independent runs, at least 20 and 2: of the tilted populations, each of
        which gives its part of the planted classifiers, and of `sample_zero_error`. An error of s nats in
        ln |H(S)| raises f_n by a factor of about 1 + s^2/2.
    rng : Generator, int or None

    Returns
    -------
    PlantedPoolFraction

    Raises
    ------
    ValueError
        If an argument is out of the ranges above, the family has no pool, no classifier drawn is as bad as
        `eps`, or a population collapsed.
    """
    if family.error_name != "pool" or family.error_resolution is None:
        raise ValueError(f"family must have a pool error, got {family.error_name!r}")
    n = np.atleast_1d(np.asarray(n_examples if isinstance(n_examples, int) else list(n_examples)))
    if n.ndim != 1 or n.size == 0 or not np.issubdtype(n.dtype, np.integer) or np.any(n < 1):
        raise ValueError(f"n_examples must be positive integers, got {n_examples}")
    if not 0.0 <= eps < 1.0:
        raise ValueError(f"eps must lie in [0, 1), got {eps}")
    if particles < 20:
        raise ValueError(f"particles must be at least 20, got {particles}")
    if replicas < 2:
        raise ValueError(f"replicas must be at least 2, to give an error bar, got {replicas}")
    if draws < replicas or draws % replicas or draws // replicas > particles:
        raise ValueError(f"draws must be a multiple of replicas, {replicas}, got {draws}")
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(entropy_of(rng)).spawn(replicas)]
    points = np.arange(family.error_resolution)
    log_masses = np.empty((replicas, n.size))
    logs = np.empty((replicas, n.size, draws // replicas))
    for r, stream in enumerate(streams):
        tilted = _start(family, eps, particles, stream)
        for i in np.argsort(n):
            tilted.tilt_to(int(n[i]))
            log_masses[r, i] = tilted.log_mass
            chosen = stream.choice(particles, draws // replicas, replace=False)
            right = family.correct(family.take(tilted.population, chosen), points)
            for k, of_one in enumerate(right):
                planted = stream.choice(np.flatnonzero(of_one), int(n[i]))
                logs[r, i, k] = _log_fraction(family, planted, particles, replicas, stream)
    set_log_fraction = logs.transpose(1, 0, 2).reshape(n.size, draws)
    log_mass, log_mass_se = log_normal_mean(log_masses)
    effective = np.exp(
        2.0 * special.logsumexp(-set_log_fraction, axis=1)
        - special.logsumexp(-2.0 * set_log_fraction, axis=1)
    )
    # relative variance of a mean: its variance over its square is 1/effective - 1/draws
    of_sets = np.maximum(1.0 / effective - 1.0 / draws, 0.0) * draws / (draws - 1.0)
    return PlantedPoolFraction(
        n_examples=n.astype(np.int64),
        eps=float(eps),
        log_bad_fraction=log_mass + special.logsumexp(-set_log_fraction, axis=1) - math.log(draws),
        log_bad_fraction_se=np.sqrt(log_mass_se**2 + of_sets),
        log_bad_mass=log_mass,
        log_bad_mass_se=log_mass_se,
        effective_draws=effective,
        set_log_fraction=set_log_fraction,
    )
