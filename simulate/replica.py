"""One run of sequential Monte Carlo over training examples: the plain function that replicas are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from .family import ClassifierFamily, FloatArray, IntArray, Population
from .splitting import COLLAPSED_PERSISTENCE, moves_needed, resample, split_on_error

_MAX_MOVES = 60
_HARD = 0.1  # an example that fewer than this share survive enters in stages
_HARDEST = -40.0  # natural log of the survival of a single example below which it is given up
# Slack below which a hard example is given up: ten times the deviation that the jitter of a singular
# covariance adds to outputs, which would else tell apart what the prior ties together, such as equal images.
_LEAST_SLACK = 1e-4
_GRID = 33
_WITNESSES = 16

Progress = Callable[[float], None]
"""Called with the share of the work that is done, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class ReplicaTrace:
    """What one run of the sampler saw, one entry per requested n (NaN where it did not get there)."""

    log_fraction: FloatArray
    genealogical_variance: FloatArray
    true_errors: FloatArray
    disagreement: FloatArray
    majority_error: FloatArray
    persistence: FloatArray
    log_bad_fraction: FloatArray
    bad_collapsed: FloatArray
    survival_gaps: FloatArray
    floor: float
    bounces: int


@dataclass(slots=True)
class _Cloud:
    """The moving population of one replica; the only mutable thing here, and private to one run."""

    family: ClassifierFamily
    population: Population
    particles: int
    rng: np.random.Generator
    log_fraction: float = 0.0
    persistence: float = 0.0
    bounces: int = 0
    moves: int = 1
    ancestors: IntArray | None = None
    factor: float = 1.0

    def keep(self, survivors: IntArray, examples: IntArray, slack: float = 0.0) -> None:
        """Weigh, resample and move: the population is now restricted to `examples`."""
        self.log_fraction += math.log(survivors.size / self.particles)
        index = resample(survivors, self.particles, self.rng)
        if self.ancestors is None:
            self.ancestors = np.arange(self.particles)
        self.ancestors = self.ancestors[index]
        self.factor *= self.particles / (self.particles - 1.0)
        self.population = self.family.take(self.population, index)
        kept, done = 1.0, 0
        # as many moves as the level before would have needed, and more only if they left it near collapse
        while done < self.moves or (kept > COLLAPSED_PERSISTENCE and done < _MAX_MOVES):
            report = self.family.move(self.population, examples, self.rng, length=1.0, slack=slack)
            self.population = report.population
            self.bounces += report.work
            kept *= report.persistence
            done += 1
        self.moves = moves_needed(kept ** (1.0 / done), _MAX_MOVES)
        self.persistence = max(self.persistence, kept)

    def genealogical_variance(self) -> float:
        """Relative variance of the estimate from one run (Lee & Whiteley 2018, arXiv:1509.00394).

        NaN once fewer than ten families of particles are left: then it says nothing.
        """
        if self.ancestors is None:
            return 0.0
        sizes = np.bincount(self.ancestors, minlength=self.particles)
        if np.count_nonzero(sizes) < 10:
            return math.nan
        apart = 1.0 - float(np.sum(sizes.astype(np.float64) ** 2)) / self.particles**2
        return 1.0 - self.factor * self.particles / (self.particles - 1.0) * apart


def _stage(cloud: _Cloud, examples: IntArray) -> bool:
    # One hard example: lower its slack by halves of the population until enough are right about it. Where
    # nobody can be right this would go on without end, towards outputs that are all zero: give up at the
    # floor.
    example, before = examples[-1:], cloud.log_fraction
    while True:
        margins = cloud.family.margins(cloud.population, example)[:, 0]
        right = np.flatnonzero(margins > 0.0)
        if right.size >= _HARD * cloud.particles:
            cloud.keep(right, examples)
            return True
        slack = -float(np.median(margins))
        if 0.0 < slack < _LEAST_SLACK:
            return False
        survivors = np.flatnonzero(margins > -slack)
        lost = cloud.log_fraction - before < _HARDEST
        if lost or slack <= 0.0 or not 0 < survivors.size < cloud.particles:
            # margins that only say right or wrong leave nothing to lower
            if right.size:
                cloud.keep(right, examples)
            return bool(right.size)
        cloud.keep(survivors, examples, slack)


def _advance(cloud: _Cloud, training_set: IntArray, start: int, stop: int, chunk: int) -> int:
    # Add examples up to the first at which half the population has erred: a stopping time, which keeps the
    # estimated fraction unbiased. (Only before a hard example one steps back, a look ahead that is rare.)
    # Returns the number of examples now held, `start` if none survive.
    upcoming = training_set[start : min(start + chunk, stop)]
    first = cloud.family.first_error(cloud.population, upcoming)
    alive = cloud.particles - np.cumsum(np.bincount(first, minlength=upcoming.size + 1)[: upcoming.size])
    halved = np.flatnonzero(alive <= 0.5 * cloud.particles)
    added = int(halved[0]) + 1 if halved.size else upcoming.size
    if alive[added - 1] < _HARD * cloud.particles:
        if added == 1:
            return start + 1 if _stage(cloud, training_set[: start + 1]) else start
        added -= 1
    if alive[added - 1] < cloud.particles:
        cloud.keep(np.flatnonzero(first >= added), training_set[: start + added])
    return start + added


def run_replica(
    family: ClassifierFamily,
    training_set: IntArray,
    stops: Sequence[int],
    particles: int,
    bad_errors: Sequence[float],
    stream: np.random.SeedSequence,
    progress: Progress | None = None,
) -> ReplicaTrace:
    """One independent run of the sampler on one training set; a plain function, to be sent anywhere."""
    with threadpool_limits(1):
        return _run_replica(family, training_set, stops, particles, bad_errors, stream, progress)


def _run_replica(
    family: ClassifierFamily,
    training_set: IntArray,
    stops: Sequence[int],
    particles: int,
    bad_errors: Sequence[float],
    stream: np.random.SeedSequence,
    progress: Progress | None,
) -> ReplicaTrace:
    walk, votes, tails = (np.random.default_rng(s) for s in stream.spawn(3))
    cloud = _Cloud(family, family.draw(particles, walk), particles, walk)
    grid = bad_grid(bad_errors)
    count = len(stops)
    log_fraction, variance, disagreement, majority, persistence = np.full((5, count), np.nan)
    errors = np.full((count, particles), np.nan)
    log_bad = np.full((count, grid.size), np.nan)
    bad_collapsed = np.zeros((count, grid.size))
    gaps = np.full(stops[-1] + 1, np.nan)
    floor = math.nan
    # true errors can cost more than moves, and the check needs their mean no better than the share right
    witnesses = np.unique(np.linspace(0, particles - 1, _WITNESSES).astype(np.int64))
    held, chunk = 0, 8
    for k, stop in enumerate(stops):
        while held < stop:
            reached = _advance(cloud, training_set, held, stop, chunk)
            if reached == held:
                # nobody is right about the next example: with 95 % confidence fewer than 3 in `particles` are
                floor = cloud.log_fraction + math.log(3.0 / particles)
                persistence[k:] = cloud.persistence
                break
            right = family.correct(cloud.population, training_set[reached : reached + 1])
            if right.size:
                some = family.take(cloud.population, witnesses)
                gaps[reached] = right.mean() - 1.0 + family.true_errors(some).mean()
            chunk = max(8, 4 * (reached - held))
            held = reached
            if progress is not None:
                progress(held / stops[-1])
        if held < stop:
            break
        log_fraction[k] = cloud.log_fraction
        variance[k] = cloud.genealogical_variance()
        errors[k] = family.true_errors(cloud.population)
        disagreement[k] = family.disagreement(cloud.population)
        majority[k] = family.majority_error(cloud.population, votes)
        persistence[k] = cloud.persistence
        if grid.size:
            tail = split_on_error(
                family, cloud.population, training_set[:stop], tails, target=float(grid[-1]), upward=True
            )
            log_bad[k] = [tail.log_mass(float(e)) for e in grid]
            bad_collapsed[k] = [tail.collapsed(float(e)) for e in grid]
    return ReplicaTrace(
        log_fraction=log_fraction,
        genealogical_variance=variance,
        true_errors=errors,
        disagreement=disagreement,
        majority_error=majority,
        persistence=persistence,
        log_bad_fraction=log_bad,
        bad_collapsed=bad_collapsed,
        survival_gaps=gaps,
        floor=floor,
        bounces=cloud.bounces,
    )


def bad_grid(bad_errors: Sequence[float]) -> FloatArray:
    """Errors at which the bad fraction is kept: those asked for, and an even grid up to the largest."""
    if not bad_errors:
        return np.empty(0)
    return np.union1d(np.linspace(0.0, max(bad_errors), _GRID), np.asarray(bad_errors, dtype=np.float64))
