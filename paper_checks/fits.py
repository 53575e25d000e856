"""Least-squares fits of curves to the means over replicates, many bootstrap curves at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate.measurement import Measurement
from genlaws.theory.laws import CurveLaw, Law
from genlaws.theory.power_laws import PowerLawWithCorrection
from genlaws.theory.relations import ClosedCurve

from .replicates import ReplicateTable, tabulate

FloatArray = NDArray[np.float64]

_REFINED = 96  # shapes in all valleys together
_PARABOLAS, _CLOSER = 3, 0.03  # each has its points so much closer than the last


@dataclass(frozen=True, slots=True)
class CurveFit:
    """Fits of one law to several curves.

    Attributes
    ----------
    shape : ndarray, shape (curves,)
        The parameter that does not enter linearly, NaN where the law has none.
    coefficients : ndarray, shape (curves, k)
    """

    shape: FloatArray
    coefficients: FloatArray


def _projector(
    law: CurveLaw, x: FloatArray, shapes: FloatArray, root: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """QR factors of the weighted basis for every shape.

    Gram-Schmidt, twice, over all shapes at once: for two or three columns this is much faster than a
    factorization per shape, and the second pass makes it as accurate.
    """
    columns = law.basis(x, shapes) * root[:, None]
    k = columns.shape[-1]
    q = np.array(columns)
    r = np.broadcast_to(np.eye(k), (len(shapes), k, k))
    for _ in range(2):
        step = np.zeros((len(shapes), k, k))
        for j in range(k):
            for i in range(j):
                step[:, i, j] = np.einsum("sp,sp->s", q[..., i], q[..., j])
                q[..., j] -= step[:, None, i, j] * q[..., i]
            step[:, j, j] = np.sqrt(np.einsum("sp,sp->s", q[..., j], q[..., j]))
            q[..., j] /= step[:, None, j, j]
        r = step @ r
    return q, r


def _solve(r: FloatArray, right: FloatArray) -> FloatArray:
    """Solve triangular systems of two or three unknowns, many at a time, by back substitution."""
    found = np.empty(np.broadcast_shapes(r.shape[:-1], right.shape))
    for i in reversed(range(r.shape[-1])):
        known = sum(r[..., i, j] * found[..., j] for j in range(i + 1, r.shape[-1]))
        found[..., i] = (right[..., i] - known) / r[..., i, i]
    return found


def _residual(
    law: CurveLaw, x: FloatArray, shapes: FloatArray, target: FloatArray, root: FloatArray
) -> FloatArray:
    """Weighted sums of squares left by each shape, shape (curves, shapes)."""
    q, r = _projector(law, x, shapes, root)
    count, points, k = q.shape
    flat = q.transpose(1, 0, 2).reshape(points, count * k)
    projected = (target @ flat).reshape(len(target), count, k)
    total = np.sum(target**2, axis=1)[:, None]
    squares = total - np.sum(projected**2, axis=2)
    if isinstance(law, PowerLawWithCorrection):
        # a shape whose correction leads explains nothing
        squares = np.where(law.leads(x, _solve(r, projected)), squares, total)
    return np.asarray(squares)


def _valleys(grid: FloatArray, squares: FloatArray) -> FloatArray:
    """A finer grid over every cell beside a local minimum of any curve: corrections can have two."""
    walled = np.pad(squares, ((0, 0), (1, 1)), constant_values=np.inf)
    lowest = np.any((squares <= walled[:, :-2]) & (squares <= walled[:, 2:]), axis=0)
    cells = np.flatnonzero(lowest[:-1] | lowest[1:])
    steps = max(_REFINED // len(cells), 4)
    share = np.arange(steps + 1) / steps
    return np.unique(grid[cells, None] + (grid[cells + 1] - grid[cells])[:, None] * share)


def _own_residual(
    law: CurveLaw, x: FloatArray, shape: FloatArray, target: FloatArray, root: FloatArray
) -> FloatArray:
    """Weighted sum of squares that each curve's own shape leaves, without cancellation, shape (curves,)."""
    q, r = _projector(law, x, shape, root)
    projected = np.einsum("bpk,bp->bk", q, target)
    squares = np.sum((target - np.einsum("bpk,bk->bp", q, projected)) ** 2, axis=1)
    if isinstance(law, PowerLawWithCorrection):
        leads = law.leads(x, _solve(r, projected)[:, None])[:, 0]
        squares = np.where(leads, squares, np.sum(target**2, axis=1))
    return np.asarray(squares)


def _best_shapes(law: CurveLaw, x: FloatArray, target: FloatArray, root: FloatArray) -> FloatArray:
    """Variable projection: search the grid, then finer grids in its valleys, and end with parabolas.

    A single one would be off by more than the error of what hardly scatters.
    """
    grid = law.shapes(x)
    if len(grid) == 1:
        return np.full(len(target), grid[0])
    fine = _valleys(grid, _residual(law, x, grid, target, root))
    lowest = np.argmin(_residual(law, x, fine, target, root), axis=1)
    start = fine[lowest]
    low, high = fine[np.maximum(lowest - 1, 0)], fine[np.minimum(lowest + 1, len(fine) - 1)]
    best, step = start, 0.5 * (high - low)
    for _ in range(_PARABOLAS):
        before, at, after = (
            _own_residual(law, x, np.clip(best + side * step, low, high), target, root) for side in (-1, 0, 1)
        )
        bend = before - 2.0 * at + after
        with np.errstate(divide="ignore", invalid="ignore"):
            move = np.where(bend > 0.0, 0.5 * (before - after) / bend, np.sign(before - after))
        best, step = np.clip(best + np.clip(move, -1.0, 1.0) * step, low, high), _CLOSER * step
    at_best, at_start = (_own_residual(law, x, shape, target, root) for shape in (best, start))
    return np.asarray(np.where(at_best <= at_start, best, start))


def fit_space_slope(law: CurveLaw, y: FloatArray) -> FloatArray:
    """Derivative of the law's fit space, which turns errors of y into errors there."""
    step = 1e-6 * np.maximum(np.abs(y), 1e-300)
    return np.asarray((law.to_fit(y + step) - law.to_fit(y - step)) / (2 * step))


def _smooth_variance(table: ReplicateTable, variance: FloatArray) -> FloatArray:
    """Variances at single x, replaced by a power of x fitted to them: weights must not chase noise.

    Weights from the variance at each x would favour the x that agree by chance, and make the scatter
    of fits look smaller than it is.
    """
    measured = table.count >= 2
    degrees = (table.count - 1.0)[measured]
    common = float(np.sum(degrees * variance[measured]) / np.sum(degrees))
    too_few = len(degrees) < 4 or np.mean(degrees) < 3
    if too_few or np.any(variance[measured] <= 1e-9 * common):
        return np.full_like(variance, common)
    place = np.log(table.x) if table.x[0] > 0 else table.x
    slope, level = np.polyfit(place[measured], np.log(variance[measured]), 1, w=np.sqrt(degrees))
    return np.asarray(np.exp(level + slope * place))


def curve_weights(law: CurveLaw, table: ReplicateTable) -> FloatArray:
    """Weight of each x in fit space: one over the variance of one replicate, shape (points,)."""
    mean = table.mean
    scale = np.abs(law.to_fit(mean)) if law.weighting == "relative" else np.ones_like(mean)
    slope = fit_space_slope(law, mean)
    own = np.zeros_like(mean) if table.se is None else (slope * table.se / scale) ** 2 * table.count
    if np.all(table.count < 2):
        variance = own if np.all(own > 0) else np.ones_like(mean)
    else:
        deviation = np.nansum((table.y - mean) ** 2, axis=0) / np.maximum(table.count - 1, 1)
        variance = np.maximum(_smooth_variance(table, (slope / scale) ** 2 * deviation), own)
    # replicates that agree exactly still weigh finitely
    floor = 1e-12 * float(np.max(variance)) or 1.0
    return np.asarray(1.0 / (np.maximum(variance, floor) * scale**2))


def replicate_values(law: CurveLaw, table: ReplicateTable) -> FloatArray:
    """What each replicate adds to the mean in fit space, shape (replicates, points), NaN without a row.

    Not its own logarithm: logarithms are lower on average than that of the mean, by more where replicates
    scatter more, and would bend the curve. These average to the fit-space value of the mean, and their
    scatter is its error to first order (the delta method).
    """
    mean = table.mean
    return np.asarray(law.to_fit(mean) + fit_space_slope(law, mean) * (table.y - mean))


def fit_curves(law: CurveLaw, x: FloatArray, values: FloatArray, weights: FloatArray) -> CurveFit:
    """Weighted least-squares fits of `law` to curves given in fit space.

    Parameters
    ----------
    law : CurveLaw
    x : ndarray, shape (points,)
    values : ndarray, shape (curves, points)
        In fit space.
    weights : ndarray, shape (points,)

    Returns
    -------
    CurveFit

    Raises
    ------
    ValueError
        If there are fewer points than free parameters.
    """
    if len(x) < law.parameters:
        raise ValueError(f"x must have at least {law.parameters} distinct values for this law, got {len(x)}")
    root = np.sqrt(weights)
    target = (values - law.offset(x)) * root
    shape = _best_shapes(law, x, target, root)
    # a linear law has one basis for all curves
    q, r = _projector(law, x, shape[:1] if len(law.shapes(x)) == 1 else shape, root)
    projected = np.einsum("...pk,...p->...k", q, target)
    return CurveFit(shape=shape, coefficients=_solve(r, projected))


def predict_curves(law: CurveLaw, x: FloatArray, fit: CurveFit) -> FloatArray:
    """Fitted values in fit space, shape (curves, points)."""
    basis = law.basis(x, fit.shape)
    return np.asarray(np.einsum("bpk,bk->bp", basis, fit.coefficients) + law.offset(x))


def fitted_curve(law: Law, measurement: Measurement, *, points: int = 200) -> tuple[FloatArray, FloatArray]:
    """The curve to draw over a measurement.

    Parameters
    ----------
    law : Law
    measurement : Measurement
    points : int
        Number of x of a curve, log-spaced where x is positive.

    Returns
    -------
    x, y : ndarray
        The fitted curve; the given one for `ClosedCurve`; for other relations the mean of the reference
        (of y itself, without one) at the measured x.
    """
    table = tabulate(measurement)
    first, last = table.x[0], table.x[-1]
    x = np.geomspace(first, last, points) if first > 0 else np.linspace(first, last, points)
    if isinstance(law, CurveLaw):
        values = law.to_fit(table.mean)[None]
        fit = fit_curves(law, table.x, values, curve_weights(law, table) * table.count)
        return x, law.from_fit(predict_curves(law, x, fit)[0])
    if isinstance(law, ClosedCurve):
        return x, law.held_against(x, None)
    shown = table.y if table.reference is None else table.reference
    return table.x, np.asarray(np.nanmean(shown, axis=0))
