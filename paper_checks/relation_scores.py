"""The scores of relations: differences at each x, steps, distances between distributions, a peak's place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate.measurement import Measurement
from genlaws.theory.laws import PointwiseLaw
from genlaws.theory.trends import Monotone

from .components import Component
from .replicates import ReplicateTable, bootstrap_stretch

FloatArray = NDArray[np.float64]

_DRAWS = 999
_CUTS = 256  # thresholds at which distribution functions are compared


def _mean_component(
    estimate: float, influence: FloatArray, sampler_se: float | None, x: float, what: str
) -> Component:
    """Mean over replicates with Student t; the samplers' own error where there is one replicate."""
    many = len(influence)
    if many < 2:
        if sampler_se is None:
            raise ValueError(f"{what} at x = {x:g} needs two replicates or a standard error, got neither")
        return Component(estimate, sampler_se, x=x)
    se = float(np.std(influence, ddof=1) / np.sqrt(many))
    return Component(estimate, max(se, sampler_se or 0.0), many - 1.0, x=x)


def pointwise_components(law: PointwiseLaw, table: ReplicateTable) -> tuple[Component, ...]:
    """The difference from what y is held against, at each x.

    Relative differences are logarithms of the ratio of means, not means of logarithms: a replicate
    may be zero.
    """
    held = np.broadcast_to(law.held_against(table.x, table.reference), table.y.shape)
    parts = []
    for place, x in enumerate(table.x):
        seen = ~np.isnan(table.y[:, place])
        y = table.y[seen, place]
        reference = held[seen, place]
        sampler_se = None if table.se is None else float(table.se[place])
        top, bottom = float(np.mean(y)), float(np.mean(reference))
        if not law.relative:
            parts.append(_mean_component(top - bottom, y - reference, sampler_se, float(x), "y"))
            continue
        if top <= 0 or bottom <= 0:
            raise ValueError(f"means must be positive for a ratio, got {top:g} and {bottom:g} at x = {x:g}")
        influence = y / top - reference / bottom
        own = None if sampler_se is None else sampler_se / top
        parts.append(_mean_component(float(np.log(top / bottom)), influence, own, float(x), "y"))
    return tuple(parts)


def _step(table: ReplicateTable, place: int, sign: float) -> Component:
    before, after = table.y[:, place - 1], table.y[:, place]
    x = float(table.x[place])
    steps = sign * (after - before)
    steps = steps[~np.isnan(steps)]
    sampler_se = None if table.se is None else float(np.hypot(table.se[place], table.se[place - 1]))
    if len(steps) >= 2 or (len(steps) == 1 and sampler_se is not None):
        return _mean_component(float(np.mean(steps)), steps, sampler_se, x, "a step")
    # different replicates measured the two x: independent means, with the fewer degrees of freedom
    before, after = before[~np.isnan(before)], after[~np.isnan(after)]
    fewest = min(len(before), len(after))
    if fewest < 2:
        raise ValueError(f"a step to x = {x:g} needs two replicates or standard errors, got neither")
    se = float(np.sqrt(np.var(before, ddof=1) / len(before) + np.var(after, ddof=1) / len(after)))
    return Component(sign * float(np.mean(after) - np.mean(before)), se, fewest - 1.0, x=x)


def step_components(law: Monotone, table: ReplicateTable) -> tuple[Component, ...]:
    """Steps between neighbouring x, within replicates where they share any; positive is the wrong way.

    The x of a component is the upper end of its step.
    """
    if len(table.x) < 2:
        raise ValueError(f"x must have at least 2 distinct values for a trend, got {len(table.x)}")
    sign = -1.0 if law.increasing else 1.0
    return tuple(_step(table, place, sign) for place in range(1, len(table.x)))


def _peak_places(scale: FloatArray, curves: FloatArray) -> FloatArray:
    """Where each curve is largest, by a parabola through three neighbours; an end stays an end."""
    top = np.argmax(curves, axis=1)
    inner = np.clip(top, 1, len(scale) - 2)
    row = np.arange(len(curves))
    left, middle, right = curves[row, inner - 1], curves[row, inner], curves[row, inner + 1]
    down, up = scale[inner] - scale[inner - 1], scale[inner + 1] - scale[inner]
    slope_before, slope_after = (middle - left) / down, (right - middle) / up
    bend = (slope_after - slope_before) / (down + up)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = 0.5 * (scale[inner - 1] + scale[inner]) - 0.5 * slope_before / bend
    place = np.where(bend < 0, np.clip(place, scale[inner - 1], scale[inner + 1]), scale[inner])
    return np.asarray(np.where(top == inner, place, scale[top]))


def peak_component(table: ReplicateTable, rng: np.random.Generator) -> Component:
    """Place of the peak of the mean over replicates, by bootstrap; in ln x where x is positive."""
    if len(table.x) < 3:
        raise ValueError(f"x must have at least 3 distinct values for a peak, got {len(table.x)}")
    means = table.means_resampled(_DRAWS, rng)
    if means is None:
        raise ValueError("a measurement needs two replicates at each x, or standard errors, got neither")
    positive = table.x[0] > 0
    scale = np.log(table.x) if positive else table.x
    estimate = float(_peak_places(scale, table.mean[None])[0])
    draws = np.sort(estimate + table.stretch * (_peak_places(scale, means) - estimate))
    # the scatter of a peak's place depends on where it is: the farther of the percentiles and of their mirror
    # images about the estimate, as either alone is too near for some noise
    mirrored = 2.0 * estimate - draws[::-1]
    low, high, place = np.minimum(draws, mirrored), np.maximum(draws, mirrored), np.array(estimate)
    if positive:
        low, high, place = np.exp(low), np.exp(high), np.exp(place)
    return Component(float(place), float(np.std(0.5 * (low + high))), draws=(low, high))


def _distribution_functions(
    values: FloatArray, cluster: NDArray[np.int64], cuts: FloatArray, many: int
) -> FloatArray:
    """Number of values of each cluster at or below each cut, shape (clusters, cuts)."""
    # a value counts from its own cut on: one histogram of (cluster, first cut), then sums along the cuts
    first = np.searchsorted(cuts, values)
    width = len(cuts) + 1
    histogram = np.bincount(cluster * width + first, minlength=many * width).reshape(many, width)
    return np.cumsum(histogram[:, :-1], axis=1).astype(np.float64)


def distribution_components(measurement: Measurement, rng: np.random.Generator) -> tuple[Component, ...]:
    """Kolmogorov distance between y and its reference at each x, by bootstrap over replicates.

    Limits come from the largest error of the difference between the two distribution functions, which
    bounds the error of the distance: they hold whatever the distance is, zero included.
    """
    if measurement.reference is None:
        raise ValueError("reference must be given for a relation, got None")
    parts = []
    for x in np.unique(measurement.x):
        at = measurement.x == x
        y, reference = measurement.y[at], measurement.reference[at]
        _, cluster = np.unique(measurement.replicate[at], return_inverse=True)
        size = np.bincount(cluster).astype(np.float64)
        many = len(size)
        if many < 2:
            raise ValueError(f"distributions at x = {x:g} need at least 2 replicates, got {many}")
        pooled = np.unique(np.concatenate((y, reference)))
        cuts = pooled if len(pooled) <= _CUTS else np.quantile(pooled, np.linspace(0, 1, _CUTS))
        difference = _distribution_functions(y, cluster, cuts, many) - _distribution_functions(
            reference, cluster, cuts, many
        )
        measured = difference.sum(axis=0) / size.sum()
        weights = rng.standard_exponential((_DRAWS, many))
        errors = np.max(np.abs((weights @ difference) / (weights @ size)[:, None] - measured), axis=1)
        errors = np.sort(errors * bootstrap_stretch(many))
        distance = float(np.max(np.abs(measured)))
        se = float(np.quantile(errors, 0.9)) / 1.645
        parts.append(Component(distance, se, x=float(x), draws=(distance - errors[::-1], distance + errors)))
    return tuple(parts)
