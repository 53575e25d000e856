"""The size at which an experiment begins to succeed, by bisection: once, or repeatedly with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .seeds import entropy_of

FloatArray = NDArray[np.float64]

Experiment = Callable[[int, np.random.Generator], bool]
"""(size, rng) -> whether it succeeded."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where success sets in.

    Attributes
    ----------
    value : float
        Geometric mean over the repeats.
    interval : tuple of float
        For `value`, from Student's t over the logarithms of the repeats.
    level : float
        Confidence of `interval`.
    repeats : ndarray, shape (repeats,)
        Where each bisection ended: between its largest failure and its smallest success.
    sizes, successes : ndarray, shape (probes,)
        Every size that was tried, and whether it succeeded.
    """

    value: float
    interval: tuple[float, float]
    level: float
    repeats: FloatArray
    sizes: NDArray[np.int64]
    successes: NDArray[np.bool_]

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "value": self.value,
            "interval": list(self.interval),
            "level": self.level,
            "repeats": self.repeats.tolist(),
            "sizes": self.sizes.tolist(),
            "successes": self.successes.tolist(),
        }


def bisect_threshold(
    succeeds: Callable[[int], bool],
    *,
    low: int,
    high: int,
    resolution: float = 0.02,
    rng: np.random.Generator | int | None = None,
) -> tuple[int, int]:
    """Go once from a size that fails and one that succeeds to two that are close.

    Parameters
    ----------
    succeeds : callable, size -> bool
    low, high : int
        Sizes that fail and succeed; 1 <= low < high. They are tried only if nothing between them fell on
        their side.
    resolution : float
        The bisection ends where the logarithm of the sizes in question varies by less, or they are
        neighbours.
    rng : numpy.random.Generator, int or None
        Says where to split.

    Returns
    -------
    failed, succeeded : int
        The largest size that failed below the smallest that succeeded, of those tried.

    Raises
    ------
    ValueError
        If an argument is out of range, or the threshold lies beyond `low` or `high`.
    """
    if not 1 <= low < high:
        raise ValueError(f"low and high must satisfy 1 <= low < high, got {low}, {high}")
    if not (math.isfinite(resolution) and resolution > 0.0):
        raise ValueError(f"resolution must be finite and positive, got {resolution}")
    stream = np.random.default_rng(rng)
    failed, succeeded = int(low), int(high)
    failure, success = False, False
    while succeeded > failed + 1 and math.log(succeeded / failed) > resolution:
        # Not in the middle: chance errors next to the threshold must not always fall on the same side of it.
        share = stream.uniform(0.25, 0.75)
        size = round(math.exp((1.0 - share) * math.log(failed) + share * math.log(succeeded)))
        size = min(max(size, failed + 1), succeeded - 1)
        if succeeds(size):
            succeeded, success = size, True
        else:
            failed, failure = size, True
    if not failure and succeeds(low):
        raise ValueError(f"low must be a size at which the experiment fails, got {low}, where it succeeded")
    if not success and not succeeds(high):
        raise ValueError(f"high must be a size at which the experiment succeeds, got {high}, where it failed")
    return failed, succeeded


def find_threshold(
    experiment: Experiment,
    *,
    low: int,
    high: int,
    repeats: int = 8,
    resolution: float = 0.02,
    level: float = 0.95,
    rng: np.random.Generator | int | None = None,
) -> Threshold:
    """Find the size at which success becomes as likely as failure.

    Parameters
    ----------
    experiment : callable, (size, rng) -> bool
        Succeeds more often the larger its size. What all sizes of one repeat should share (the same data) may
        be drawn first from `rng`: every call of a repeat gets the same stream from its start.
    low, high : int
        Sizes far on the side of failure, and of success; 1 <= low < high.
    repeats : int
        Independent bisections, at least 2.
    resolution : float
        A bisection ends where the logarithm of the sizes in question varies by less, or they are neighbours.
    level : float
        Confidence of the interval, in (0, 1).
    rng : numpy.random.Generator, int or None
        One stream for each repeat is spawned from it.

    Returns
    -------
    Threshold

    Raises
    ------
    ValueError
        If an argument is out of range, or a bisection finds the threshold beyond `low` or `high`.

    Notes
    -----
    A bisection through answers that are uncertain ends at a random place, on average (of the logarithm) at
    the threshold as long as success sets in alike on both sides of it and the bisection splits at random.

    Examples
    --------
    >>> found = find_threshold(lambda size, rng: size > 100, low=10, high=1000, rng=0)
    >>> 98 < found.value < 103
    True
    """
    if not repeats >= 2:
        raise ValueError(f"repeats must be at least 2, got {repeats}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be in (0, 1), got {level}")
    sizes: list[int] = []
    successes: list[bool] = []
    brackets = np.empty((repeats, 2))
    for repeat, seed in enumerate(np.random.SeedSequence(entropy_of(rng)).spawn(repeats)):
        splits, stream = seed.spawn(2)

        def ask(size: int, stream: np.random.SeedSequence = stream) -> bool:
            sizes.append(size)
            successes.append(bool(experiment(size, np.random.default_rng(stream))))
            return successes[-1]

        brackets[repeat] = bisect_threshold(
            ask, low=low, high=high, resolution=resolution, rng=np.random.default_rng(splits)
        )
    failed, succeeded = np.log(brackets).T
    logs = 0.5 * (failed + succeeded)
    centre = float(logs.mean())
    half = float(special.stdtrit(repeats - 1, 0.5 + 0.5 * level) * logs.std(ddof=1) / math.sqrt(repeats))
    # repeats that agree cannot know better than they looked
    half = max(half, 0.5 * float((succeeded - failed).mean()))
    return Threshold(
        math.exp(centre),
        (math.exp(centre - half), math.exp(centre + half)),
        level,
        np.exp(logs),
        np.array(sizes, dtype=np.int64),
        np.array(successes),
    )
