"""Power: the chance that a measurement this noisy supports a true law, and what would be enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from .components import Component, student_quantile

_ENOUGH = 0.8
_MOST = 10_000.0  # more than this many times the replicates is not worth naming


def _chance_inside(part: Component, predicted: float, band: tuple[float, float], factor: float) -> float:
    """Chance that the 90 % interval of one component falls inside the band, its truth being the predicted."""
    se = part.se / np.sqrt(factor)
    if se == 0:
        return 1.0
    degrees = (part.degrees + 1) * factor - 1
    if part.draws is None:
        reach = student_quantile(0.95, degrees)
    else:  # the half-width, in units of the standard error that was given for planning
        reach = 0.5 * (part.upper(0.05) - part.lower(0.05)) / part.se
    below_high = ndtr((band[1] - predicted) / se - reach)
    under_low = ndtr((band[0] - predicted) / se + reach)
    return max(float(below_high - under_low), 0.0)


def support_power(
    components: Sequence[Component],
    predicted: float,
    band: tuple[float, float],
    *,
    factor: float = 1.0,
) -> float:
    """Chance of an interval inside the band, were the prediction exact everywhere.

    A predicted value on the edge of its band says only on which side the truth lies; the measured
    values then stand for it.

    Parameters
    ----------
    components : sequence of Component
    predicted : float
    band : (low, high)
    factor : float
        How many times as many replicates.

    Returns
    -------
    float
        In [0, 1]; the product over components, which is too low where they are correlated.
    """
    inside = band[0] < predicted < band[1]
    truths = [predicted if inside else part.estimate for part in components]
    chances = [
        _chance_inside(part, truth, band, factor) for part, truth in zip(components, truths, strict=True)
    ]
    return float(np.prod(chances))


def replicates_needed(
    components: Sequence[Component], predicted: float, band: tuple[float, float], replicates: int
) -> int | None:
    """Replicates for a power of 80 %, None if 10,000 times as many are too few."""
    for factor in np.geomspace(1.0, _MOST, 81):
        if support_power(components, predicted, band, factor=float(factor)) >= _ENOUGH:
            return int(np.ceil(factor * replicates))
    return None
