"""What D7 and D8 read: gaps of normalized losses, and lines of test losses against training losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate.measurement import Measurement

from ..claim import Readings, Settings
from .units import rows

FloatArray = NDArray[np.float64]

FEWEST = 5
"""Members of a family that must have got rid of training errors."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean losses of classifiers on their training sets and on unseen points, shapes (members,)."""

    training: FloatArray
    unseen: FloatArray

    @property
    def gap(self) -> FloatArray:
        """Test loss less training loss."""
        return self.unseen - self.training

    def below(self, chance: float) -> Losses:
        """By how much they are below the loss of zero outputs."""
        return Losses(chance - self.training, chance - self.unseen)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Mean losses over classifiers for each size of the training set, shapes (sizes,)."""

    n: Sequence[int]
    normalized: Losses
    plain: Losses


@dataclass(frozen=True, slots=True)
class Family:
    """Classifiers of one form without training error on one training set, shapes (members,).

    Attributes
    ----------
    normalized, plain : Losses
        Of outputs divided by the norms of the layers, and of outputs as they are.
    exchanged : Losses
        Of outputs divided by the norms of another member, see `other_members`.
    unruly : ndarray
        Normalized losses on unseen inputs with labels at random.
    errors : ndarray
        True errors.
    chance : float
        The loss of zero outputs.
    """

    normalized: Losses
    plain: Losses
    exchanged: Losses
    unruly: FloatArray
    errors: FloatArray
    chance: float


def other_members(members: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """For each member another one, all different: a random cycle through them all."""
    order = rng.permutation(members)
    others = np.empty(members, dtype=np.int64)
    others[order] = np.roll(order, 1)
    return others


def off_the_line(along: FloatArray, upward: FloatArray) -> float:
    """Share of the variance of `upward` that a line in `along` leaves, 1 - R^2."""
    return float(1.0 - np.corrcoef(along, upward)[0, 1] ** 2)


def agreement(first: FloatArray, second: FloatArray) -> float:
    """Rank correlation, ties counted half."""
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)


def gap_readings(settings: Settings, right: Sizes, random: Sizes, chance: float) -> Readings:
    """Gaps over training sets with right labels and with random ones, by the names that claims ask for."""

    def share(sizes: Sizes) -> FloatArray:
        return sizes.normalized.gap / sizes.normalized.below(chance).training

    return {
        "gap": rows(settings, right.n, right.normalized.gap, y_label="gap of normalized losses, nats"),
        "gap at random": rows(
            settings, random.n, random.normalized.gap, y_label="gap of normalized losses, nats"
        ),
        "plain gap at random": rows(settings, random.n, random.plain.gap, y_label="gap of losses, nats"),
        "share lost": rows(settings, right.n, share(right), y_label="share of the training margin lost"),
        "share lost at random": rows(
            settings, random.n, share(random), y_label="share of the training margin lost"
        ),
    }


def line_readings(settings: Settings, family: Family) -> Readings:
    """A family's losses on unseen points against those in training, by the names that claims ask for.

    Places on the line are losses below chance, in units of the largest training one of the family.
    """
    below = family.normalized.below(family.chance)
    unit = float(below.training.max())

    def line(unseen: FloatArray) -> Measurement:
        return rows(
            settings,
            below.training / unit,
            unseen / unit,
            x_label="training loss below chance, in units of the family's largest",
            y_label="test loss below chance, in the same units",
        )

    def once(y: float, y_label: str, reference: float | None = None) -> Measurement:
        return rows(settings, settings["n"], y, y_label=y_label, reference=reference)

    def wide(losses: Losses) -> Measurement:
        gap = np.abs(losses.gap).mean() / np.ptp(losses.unseen)
        return once(float(gap), "mean gap over range of test losses", 0.0)

    def scatter(along: FloatArray, upward: FloatArray) -> Measurement:
        return once(off_the_line(along, upward), "share of variance off the line", settings["off_line"])

    def ranked(training: FloatArray) -> Measurement:
        rank = agreement(training, family.errors)
        return once(rank, "rank correlation of loss and error", settings["rank"])

    normalized, exchanged = family.normalized, family.exchanged
    return {
        "line": line(below.unseen),
        "line at random": line(family.chance - family.unruly),
        "gap over range": wide(normalized),
        "plain gap over range": wide(family.plain),
        "scatter": scatter(normalized.training, normalized.unseen),
        "scatter of exchanged": scatter(exchanged.training, exchanged.unseen),
        "scatter of half exchanged": scatter(normalized.training, exchanged.unseen),
        "rank": ranked(normalized.training),
        "rank of exchanged": ranked(exchanged.training),
    }


def require_members(members: int, wanted: int) -> None:
    """Raise ValueError unless enough of a family's `wanted` members got rid of training errors."""
    if members < min(FEWEST, wanted):
        raise ValueError(f"only {members} of {wanted} classifiers came to zero training error")


def all_right(examples: int) -> float:
    """Mean cross-entropy below which no example can be wrong."""
    return math.log(2.0) / examples
