"""Power laws of small gaps at a threshold: by how much examples are, or are not, satisfied.

At the jamming threshold of hinge losses both densities are power laws of the gap's size, with an exponent
theta on the side of the unsatisfied and -gamma on the other (arXiv:1809.09349).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

FloatArray = NDArray[np.float64]

_FEWEST = 10
_STEEPEST = 500.0


@dataclass(frozen=True, slots=True)
class GapLaw:
    """Fit of a power law to the density of gaps within a window.

    Attributes
    ----------
    exponent : float
        Of the density: 0 for one that is finite and does not vanish.
    se : float
        By leaving out one replicate at a time; from the likelihood where there is only one.
    interval : tuple of float
    level : float
        Confidence of `interval`.
    drift, drift_se : float
        Exponent of the larger half of the gaps less that of the smaller half. Where it differs from zero,
        there is no power law over the whole window.
    low, high : float
        The window.
    count : int
        Gaps in it, over all replicates.
    """

    exponent: float
    se: float
    interval: tuple[float, float]
    level: float
    drift: float
    drift_se: float
    low: float
    high: float
    count: int

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"interval": list(self.interval)}


@dataclass(frozen=True, slots=True)
class GapDensity:
    """Histogram of gaps in bins of equal ratio, normalized over all gaps, whether in a bin or not.

    Attributes
    ----------
    gap, density, se : ndarray, shape (bins,)
        Geometric centre of a bin, density in it, and its standard error: between replicates, or of a count
        where there is only one.
    count : ndarray of int, shape (bins,)
    """

    gap: FloatArray
    density: FloatArray
    se: FloatArray
    count: NDArray[np.int64]


def _moments(rate: float, span: float) -> tuple[float, float]:
    # mean and variance of an exponential law of this rate, cut off at the span; any sign of the rate
    if math.isinf(span):
        return 1.0 / rate, 1.0 / rate**2
    x = rate * span
    if abs(x) < 1e-2:
        return span * (0.5 - x / 12.0), span**2 * (1.0 / 12.0 - x * x / 240.0)
    return 1.0 / rate - span / math.expm1(x), 1.0 / rate**2 - (0.5 * span / math.sinh(0.5 * x)) ** 2


def _exponent(mean_log: float, span: float) -> float:
    # maximum likelihood: ln(high / gap) is exponential with rate 1 + exponent, cut off at the span
    if math.isinf(span):
        return float(1.0 / mean_log - 1.0)
    edge = _STEEPEST / span
    if not _moments(edge, span)[0] < mean_log < _moments(-edge, span)[0]:
        raise ValueError("gaps must be spread over the window, and nearly all lie at one of its ends")
    return float(optimize.brentq(lambda rate: _moments(rate, span)[0] - mean_log, -edge, edge)) - 1.0


def _fit(logs: Sequence[FloatArray], span: float) -> tuple[float, float]:
    # exponent of the gaps of all replicates together, and its standard error
    counts = np.array([len(part) for part in logs])
    sums = np.array([part.sum() for part in logs])
    exponent = _exponent(sums.sum() / counts.sum(), span)
    if len(logs) == 1:
        return exponent, 1.0 / math.sqrt(counts.sum() * _moments(1.0 + exponent, span)[1])
    without = np.array(
        [_exponent((sums.sum() - s) / (counts.sum() - c), span) for s, c in zip(sums, counts, strict=True)]
    )
    spread = np.square(without - without.mean()).sum()
    return exponent, math.sqrt((1.0 - 1.0 / len(logs)) * float(spread))


def _checked(gaps: Sequence[ArrayLike]) -> list[FloatArray]:
    parts = [np.asarray(part, dtype=np.float64).ravel() for part in gaps]
    if not parts:
        raise ValueError("gaps must hold at least one replicate, got none")
    for part in parts:
        if not (np.all(np.isfinite(part)) and np.all(part >= 0.0)):
            raise ValueError("gaps must be finite and not negative: pass the sizes of those of one side")
    return parts


def fit_gap_law(gaps: Sequence[ArrayLike], *, high: float, low: float = 0.0, level: float = 0.95) -> GapLaw:
    """Exponent of the density of gaps between `low` and `high`, by maximum likelihood.

    Parameters
    ----------
    gaps : sequence of array_like
        Sizes of the gaps of each replicate, at least 0.
    high : float
        Upper end of the window, where the power law is taken to end.
    low : float
        Lower end: the precision of the gaps, or where a finite system rounds the law off.
    level : float
        Confidence of the interval, in (0, 1).

    Returns
    -------
    GapLaw

    Raises
    ------
    ValueError
        If the window is empty or holds fewer than 10 gaps in any replicate, an argument is out of range, or a
        gap is negative or not finite.

    Notes
    -----
    Within the window ln(high / gap) has an exponential law with rate 1 + exponent, cut off at
    ln(high / low) [derived]. Errors are between replicates (jackknife, Student's t), because the gaps of one
    replicate are not independent.

    Examples
    --------
    >>> import numpy as np
    >>> uniform = np.random.default_rng(0).random((8, 1000))
    >>> law = fit_gap_law(list(uniform), high=1.0)
    >>> law.interval[0] < 0.0 < law.interval[1]
    True
    """
    parts = _checked(gaps)
    if not (0.0 <= low < high < math.inf):
        raise ValueError(f"low and high must satisfy 0 <= low < high, finite, got {low}, {high}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be in (0, 1), got {level}")
    inside = [part[(part > low) & (part <= high)] for part in parts]
    fewest = min(len(part) for part in inside)
    if fewest < _FEWEST:
        raise ValueError(f"gaps must number at least {_FEWEST} in the window in each replicate, got {fewest}")
    logs = [math.log(high) - np.log(part) for part in inside]
    span = math.inf if low == 0.0 else math.log(high / low)
    exponent, se = _fit(logs, span)
    middle = float(np.median(np.concatenate(logs)))
    larger, larger_se = _fit([part[part <= middle] for part in logs], middle)
    smaller, smaller_se = _fit([part[part > middle] - middle for part in logs], span - middle)
    quantile = (
        special.ndtri(0.5 + 0.5 * level)
        if len(logs) == 1
        else special.stdtrit(len(logs) - 1, 0.5 + 0.5 * level)
    )
    half = float(quantile) * se
    return GapLaw(
        exponent=exponent,
        se=se,
        interval=(exponent - half, exponent + half),
        level=level,
        drift=larger - smaller,
        drift_se=math.hypot(larger_se, smaller_se),
        low=low,
        high=high,
        count=sum(len(part) for part in logs),
    )


def gap_density(gaps: Sequence[ArrayLike], *, low: float, high: float, bins: int = 20) -> GapDensity:
    """Density of gaps in bins of equal ratio, for plots in logarithmic coordinates.

    Parameters
    ----------
    gaps : sequence of array_like
        Sizes of the gaps of each replicate, at least 0.
    low, high : float
        Ends of the first and last bin; 0 < low < high.
    bins : int

    Returns
    -------
    GapDensity

    Raises
    ------
    ValueError
        If an argument is out of range, or a replicate holds no gap.
    """
    parts = _checked(gaps)
    if not 0.0 < low < high < math.inf:
        raise ValueError(f"low and high must satisfy 0 < low < high, finite, got {low}, {high}")
    if not bins >= 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    if not min(len(part) for part in parts):
        raise ValueError("gaps must number at least 1 in each replicate, got none")
    edges = np.geomspace(low, high, bins + 1)
    counts = np.array([np.histogram(part, edges)[0] for part in parts])
    sizes = np.array([len(part) for part in parts])[:, None]
    density = counts.sum(axis=0) / sizes.sum() / np.diff(edges)
    if len(parts) == 1:
        se = np.sqrt(counts[0]) / sizes[0] / np.diff(edges)
    else:
        own = counts / sizes / np.diff(edges)
        se = own.std(axis=0, ddof=1) / math.sqrt(len(parts))
    return GapDensity(np.sqrt(edges[1:] * edges[:-1]), density, se, counts.sum(axis=0))
