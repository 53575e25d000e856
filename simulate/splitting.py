"""Multilevel splitting on the true error: how rare are classifiers beyond a given error.

A population is halved again and again at the median of its errors, and moved in between by moves that are
rejected whole when they fall back behind the threshold. The product of the shares that got through is
the prior mass, however small (Kahn & Harris 1951; Botev & Kroese 2012).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .family import BoolArray, ClassifierFamily, FloatArray, IntArray, Population

PERSISTENCE_TARGET = 0.5
"""Moves go on until the population remembers less than this share of where it was."""

COLLAPSED_PERSISTENCE = 0.8
"""A population that still remembers more than this after all its moves is no sample."""

_MAX_MOVES = 300
_FIRST_MOVES = 10
_ACCEPTANCE = 0.3
_MIN_LENGTH = 1e-8


def moves_needed(persistence: float, most: int) -> int:
    """Number of moves after which a population that keeps `persistence` per move is forgotten enough."""
    if persistence >= 1.0:
        return most
    if persistence <= 0.0:
        return 1
    return int(np.clip(math.ceil(math.log(PERSISTENCE_TARGET) / math.log(persistence)), 1, most))


def resample(survivors: IntArray, particles: int, rng: np.random.Generator) -> IntArray:
    """Indices of `particles` members, each survivor equally often up to one (residual resampling)."""
    copies, rest = divmod(particles, survivors.size)
    return np.concatenate([np.tile(survivors, copies), rng.choice(survivors, size=rest, replace=False)])


@dataclass(frozen=True, slots=True)
class ErrorTail:
    """Mass beyond each threshold, and the errors of the population that stood there.

    Attributes
    ----------
    thresholds, log_masses
        Of every level, shape (levels,); the first threshold is -inf or inf with log mass 0.
    errors
        True errors of the population at each level, shape (levels, particles).
    upward
        Whether masses are of errors above (else: below) a threshold.
    persistences
        Share of its past that the population kept on reaching each level, shape (levels,); 0 for the first.
    """

    thresholds: FloatArray
    log_masses: FloatArray
    errors: FloatArray
    upward: bool
    persistences: FloatArray

    def _level(self, error: float) -> int:
        behind = self.thresholds <= error if self.upward else self.thresholds > error
        return int(np.flatnonzero(behind)[-1])

    def collapsed(self, error: float) -> bool:
        """Whether a population that the mass beyond `error` rests on is no longer a sample."""
        return bool(np.any(self.persistences[: self._level(error) + 1] > COLLAPSED_PERSISTENCE))

    def log_mass(self, error: float) -> float:
        """Natural log of the mass beyond `error`; -inf where no member of the last level is beyond it."""
        level = self._level(error)
        errors = self.errors[level]
        share = float(np.mean(errors > error) if self.upward else np.mean(errors <= error))
        return float(self.log_masses[level] + math.log(share)) if share > 0.0 else -math.inf


def _beyond(errors: FloatArray, threshold: float, upward: bool) -> BoolArray:
    # strictly: whoever sets the threshold does not pass it, or each level would count one too many
    return errors > threshold if upward else errors < threshold


def _next_threshold(errors: FloatArray, target: float, upward: bool) -> float:
    # the median; where so many share it that nobody is beyond, the last value before it that some are beyond
    ordered = np.sort(errors) if upward else np.sort(errors)[::-1]
    threshold = float(ordered[errors.size // 2 - 1])
    if threshold == ordered[-1]:
        before = ordered[ordered != threshold]
        threshold = float(before[-1]) if before.size else threshold
    return min(threshold, target) if upward else max(threshold, target)


def split_on_error(
    family: ClassifierFamily,
    population: Population,
    examples: IntArray,
    rng: np.random.Generator,
    *,
    target: float,
    upward: bool,
    log_floor: float = -1000.0,
) -> ErrorTail:
    """Follow the tail of the true error from `population` to `target`, or to a mass of exp(`log_floor`).

    Parameters
    ----------
    family, population
        Equally weighted members of the prior restricted to no error on `examples`.
    examples : ndarray of int64, shape (n,)
        May be empty: then this is the prior.
    target : float
        The true error to reach.
    upward : bool
        Towards larger errors (bad classifiers) or smaller ones (the left tail).
    log_floor : float
        Natural log of the mass at which to give up.

    Returns
    -------
    ErrorTail
        Ends before `target` where no classifier goes further, or the floor is met.
    """
    errors = family.true_errors(population)
    particles = errors.size
    thresholds, log_masses, levels = [-math.inf if upward else math.inf], [0.0], [errors]
    persistences, length, moves = [0.0], 1.0, _FIRST_MOVES
    while log_masses[-1] > log_floor:
        through = np.mean(errors > target) if upward else np.mean(errors <= target)
        if through >= 0.25:
            break
        threshold = _next_threshold(errors, target, upward)
        survivors = np.flatnonzero(_beyond(errors, threshold, upward))
        if survivors.size in (0, particles) or _stalls(thresholds, threshold, target):
            break
        index = resample(survivors, particles, rng)
        population, errors = family.take(population, index), errors[index]
        # Length and number of moves are fixed by the level before. Adapting them to what the moves of this
        # level do would let accepted moves choose their successors: a bias of 0.4 / particles a level. More
        # moves are made only near collapse, where that bias is the lesser evil.
        kept, rates = 1.0, list[float]()
        while len(rates) < moves or (kept > COLLAPSED_PERSISTENCE and len(rates) < _MAX_MOVES):
            report = family.move(population, examples, rng, length=length)
            proposed = family.true_errors(report.population)
            accept = _beyond(proposed, threshold, upward)
            population = family.where(accept, report.population, population)
            errors = np.where(accept, proposed, errors)
            rates.append(float(accept.mean()))
            kept *= 1.0 - rates[-1] * (1.0 - report.persistence)
        length = _next_length(length, float(np.mean(rates)))
        moves = moves_needed(kept ** (1.0 / len(rates)), _MAX_MOVES)
        persistences.append(kept)
        thresholds.append(threshold)
        log_masses.append(log_masses[-1] + math.log(survivors.size / particles))
        levels.append(errors)
    return ErrorTail(
        thresholds=np.array(thresholds),
        log_masses=np.array(log_masses),
        errors=np.array(levels),
        upward=upward,
        persistences=np.array(persistences),
    )


def _next_length(length: float, rate: float) -> float:
    # as if the rate of acceptance fell exponentially with the length; at most halved or raised by half
    step = math.log(_ACCEPTANCE) / math.log(min(max(rate, 1e-3), 0.999))
    return float(np.clip(length * min(max(step, 0.5), 1.5), _MIN_LENGTH, 1.0))


def _stalls(thresholds: list[float], threshold: float, target: float) -> bool:
    # Inside a closed set the errors have a last value, which thresholds approach geometrically: give up when
    # at the present pace the target is more than a thousand levels away.
    if threshold == thresholds[-1]:
        return True
    if len(thresholds) < 8:
        return False
    pace = abs(threshold - thresholds[-5]) / 5.0
    return abs(target - threshold) > 1000.0 * pace
