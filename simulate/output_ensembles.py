"""What outputs of equal networks with different seeds say: fluctuation, ensemble error, boundary distance.

Every function takes outputs of shape (seeds, points), one row for each independent network on common points,
whoever made them. Standard errors are those over seeds, on these points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SeedEstimate:
    """An estimate from independent seeds.

    Attributes
    ----------
    value : float
    se : float or None
        Standard error over seeds; None where they are too few to tell.
    """

    value: float
    se: float | None


def _matrix(name: str, values: ArrayLike, *, seeds: int) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] < seeds or array.shape[1] == 0:
        raise ValueError(f"{name} must have shape (seeds >= {seeds}, points >= 1), got {array.shape}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def _labels(labels: ArrayLike, points: int) -> FloatArray:
    array = np.asarray(labels, dtype=np.float64)
    if array.shape != (points,):
        raise ValueError(f"labels must hold one number for each of {points} points, got shape {array.shape}")
    if not np.all(np.abs(array) == 1.0):
        raise ValueError(f"labels must be -1 or 1, got {array[np.abs(array) != 1.0][0]}")
    return array


def _gradients(gradient_norms: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = np.asarray(gradient_norms, dtype=np.float64)
    if array.shape not in (shape, shape[1:]):
        raise ValueError(f"gradient_norms must have shape {shape} or {shape[1:]}, got {array.shape}")
    allowed = np.isfinite(array) & (array >= 0.0)
    if not np.all(allowed):
        raise ValueError(f"gradient_norms must be finite and at least 0, got {array[~allowed][0]}")
    return np.broadcast_to(array, shape)


def _mean(values: FloatArray) -> SeedEstimate:
    few = len(values) < 2
    return SeedEstimate(
        float(values.mean()), None if few else float(values.std(ddof=1)) / math.sqrt(len(values))
    )


def _jackknife(value: float, left_out: FloatArray) -> SeedEstimate:
    seeds = len(left_out)
    return SeedEstimate(value, math.sqrt((seeds - 1) ** 2 / seeds * float(left_out.var(ddof=1))))


def _variances(outputs: FloatArray) -> tuple[float, FloatArray]:
    # the unbiased variance over seeds, averaged over points; and the same with each seed left out
    seeds = len(outputs)
    squares = ((outputs - outputs.mean(axis=0)) ** 2).mean(axis=1)
    left = squares.sum() - seeds / (seeds - 1) * squares
    return float(squares.sum()) / (seeds - 1), left / max(seeds - 2, 1)


def mean_output(outputs: ArrayLike) -> FloatArray:
    """The ensemble mean f_bar of all seeds, shape (points,).

    Raises ValueError if `outputs` is not a finite array of shape (seeds, points).
    """
    return np.asarray(_matrix("outputs", outputs, seeds=1).mean(axis=0))


def group_means(outputs: ArrayLike, size: int) -> FloatArray:
    """Means of disjoint groups of `size` seeds in their order, shape (seeds // size, points).

    A row is the output of an ensemble of `size` networks, so that all functions of this module also speak
    of ensembles. Seeds that fill no group are left out. Raises ValueError unless 1 <= size <= seeds.
    """
    array = _matrix("outputs", outputs, seeds=1)
    if not 1 <= size <= len(array):
        raise ValueError(f"size must be between 1 and the {len(array)} seeds, got {size}")
    groups = len(array) // size
    return np.asarray(array[: groups * size].reshape(groups, size, -1).mean(axis=1))


def squared_norm(outputs: ArrayLike) -> SeedEstimate:
    """Mean over seeds of ||f||^2, the mean square of the outputs over points.

    Raises ValueError if `outputs` is not a finite array of shape (seeds, points).
    """
    return _mean((_matrix("outputs", outputs, seeds=1) ** 2).mean(axis=1))


def squared_fluctuation(outputs: ArrayLike) -> SeedEstimate:
    """Mean over seeds of ||f - f_bar||^2, where f_bar is the mean of infinitely many seeds.

    Parameters
    ----------
    outputs : array_like, shape (seeds, points)
        At least 2 seeds; 3 for a standard error.

    Returns
    -------
    SeedEstimate
        Unbiased: the variance over seeds with the divisor seeds - 1, averaged over points. The standard
        error is the jackknife's.

    Raises
    ------
    ValueError
        If `outputs` is not a finite array of that shape.

    Notes
    -----
    arXiv:1901.01608, equation 10, which predicts N^(-1/2) in the number of parameters N.

    Examples
    --------
    >>> squared_fluctuation([[1.0, 0.0], [3.0, 0.0]]).value
    1.0
    """
    array = _matrix("outputs", outputs, seeds=2)
    value, left = _variances(array)
    return SeedEstimate(value, None) if len(array) < 3 else _jackknife(value, left)


def classification_errors(outputs: ArrayLike, labels: ArrayLike) -> FloatArray:
    """Share of points that each row gets wrong, shape (seeds,); an output of zero is wrong.

    Parameters
    ----------
    outputs : array_like, shape (seeds, points)
    labels : array_like of -1 and 1, shape (points,)

    Raises
    ------
    ValueError
        If the shapes do not fit or a label is another number.
    """
    array = _matrix("outputs", outputs, seeds=1)
    return np.asarray((array * _labels(labels, array.shape[1]) <= 0.0).mean(axis=1))


def ensemble_error(
    outputs: ArrayLike,
    labels: ArrayLike,
    size: int,
    *,
    shuffles: int = 32,
    rng: np.random.Generator | int | None = None,
) -> SeedEstimate:
    """Test error of an ensemble of `size` networks, which classifies by the sign of their mean output.

    Parameters
    ----------
    outputs : array_like, shape (seeds, points)
    labels : array_like of -1 and 1, shape (points,)
    size : int
        From 1 to the number of seeds.
    shuffles : int
        How often the seeds are cut anew into disjoint groups of `size`, over which the error is averaged.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    SeedEstimate
        The standard error is that of one cut, an upper limit for the mean of several; None if there is
        only one group in a cut.

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is another number, or `size` or `shuffles` out of range.
    """
    array = _matrix("outputs", outputs, seeds=1)
    if shuffles < 1:
        raise ValueError(f"shuffles must be at least 1, got {shuffles}")
    generator = np.random.default_rng(rng)
    whole = size in (1, len(array))  # every cut gives the same groups
    cuts = [
        classification_errors(group_means(generator.permutation(array) if not whole else array, size), labels)
        for _ in range(1 if whole else shuffles)
    ]
    errors = np.array(cuts)
    groups = errors.shape[1]
    spread = None if groups < 2 else math.sqrt(errors.var(axis=1, ddof=1).mean() / groups)
    return SeedEstimate(float(errors.mean()), spread)


def infinite_ensemble_error(
    outputs: ArrayLike,
    labels: ArrayLike,
    *,
    shuffles: int = 32,
    rng: np.random.Generator | int | None = None,
) -> float:
    """Test error of the mean of infinitely many seeds, from all of them and from half of them.

    The error of an ensemble of k is that of infinitely many plus a multiple of 1/k
    (arXiv:1901.01608, figure 4); this takes the multiple off. It needs half the seeds to be many enough for
    that, as they are not next to a threshold where outputs have heavy tails.

    Parameters
    ----------
    outputs : array_like, shape (seeds >= 2, points)
    labels : array_like of -1 and 1, shape (points,)
    shuffles : int
        As in `ensemble_error`.
    rng : numpy.random.Generator, int or None

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is another number, or `shuffles` is not positive.
    """
    array = _matrix("outputs", outputs, seeds=2)
    seeds, half = len(array), len(array) // 2
    whole = ensemble_error(array, labels, seeds).value
    part = ensemble_error(array, labels, half, shuffles=shuffles, rng=rng).value
    return (seeds * whole - half * part) / (seeds - half)


def boundary_distance(outputs: ArrayLike, gradient_norms: ArrayLike) -> SeedEstimate:
    """Distance between the boundaries of f and of f_bar, where they classify differently.

    Parameters
    ----------
    outputs : array_like, shape (seeds, points)
        At least 2 seeds, of which at least one differs from the mean in the sign at some point.
    gradient_norms : array_like, shape (seeds, points) or (points,)
        ||grad_x f|| at the points: of each network, or one for all, such as that of f_bar.

    Returns
    -------
    SeedEstimate
        Mean of |f - f_bar| / ||grad f|| over the points where the signs differ, with f - f_bar scaled by
        sqrt(seeds / (seeds - 1)) because f_bar holds f itself. The standard error treats the points of a
        seed as one block; None if fewer than 2 seeds have such a point.

    Raises
    ------
    ValueError
        If the shapes do not fit, no sign differs, or a gradient is zero where one does.

    Notes
    -----
    arXiv:1901.01608, equation 5 and figure 6.
    """
    array = _matrix("outputs", outputs, seeds=2)
    norms = _gradients(gradient_norms, array.shape)
    centre = array.mean(axis=0)
    differs = (array > 0.0) != (centre > 0.0)
    seeds = len(array)
    counts = differs.sum(axis=1)
    if not counts.any():
        raise ValueError("outputs must differ in sign from their mean somewhere, got no such point")
    if not np.all(norms[differs] > 0.0):
        raise ValueError("gradient_norms must be positive where a sign differs from the mean's, got 0")
    distances = np.divide(np.abs(array - centre), norms, out=np.zeros(array.shape), where=differs)
    steps = distances.sum(axis=1) * math.sqrt(seeds / (seeds - 1))
    value = float(steps.sum() / counts.sum())
    if np.count_nonzero(counts) < 2:
        return SeedEstimate(value, None)
    # the error of a ratio of two sums over seeds
    residuals = steps - value * counts
    return SeedEstimate(
        value, math.sqrt(seeds / (seeds - 1) * float((residuals**2).sum())) / float(counts.sum())
    )


def boundary_distance_ratio(outputs: ArrayLike, gradient_norms: ArrayLike) -> SeedEstimate:
    """The boundary distance as a ratio of norms, ||f - f_bar|| / ||grad f||, over all points.

    Parameters
    ----------
    outputs : array_like, shape (seeds, points)
        At least 2 seeds; 3 for a standard error.
    gradient_norms : array_like, shape (seeds, points) or (points,)
        ||grad_x f|| at the points: of each network, or one for all.

    Returns
    -------
    SeedEstimate
        Root of `squared_fluctuation` over the root mean square of the gradient norms; the standard error is
        the jackknife's.

    Raises
    ------
    ValueError
        If the shapes do not fit, a gradient is negative, or those of all seeds but one are zero everywhere.

    Notes
    -----
    arXiv:1901.01608, figures 6 and 10.
    """
    array = _matrix("outputs", outputs, seeds=2)
    seeds = len(array)
    slopes = (_gradients(gradient_norms, array.shape) ** 2).mean(axis=1)
    if np.count_nonzero(slopes) < 2:
        raise ValueError("gradient_norms must be positive somewhere for at least 2 seeds")
    variance, left = _variances(array)
    value = math.sqrt(variance / float(slopes.mean()))
    if seeds < 3:
        return SeedEstimate(value, None)
    return _jackknife(value, np.sqrt(left / ((slopes.sum() - slopes) / (seeds - 1))))
