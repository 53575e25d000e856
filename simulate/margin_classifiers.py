"""Linear classifiers that procedures pick among those without training error: gradient descent, a program.

Examples come as rows y x, label times input: a classifier w is right where its product with the row is
positive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

FloatArray = NDArray[np.float64]

_LEAST_LOSS = 0.1  # of an average example, over their number: below ln 2 every example is right
_MAX_STEPS = 1_000_000


def _checked(rows: ArrayLike) -> FloatArray:
    matrix = np.ascontiguousarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape or not np.all(np.isfinite(matrix)):
        raise ValueError(f"rows must be finite, shape (examples, dimension), got shape {matrix.shape}")
    return matrix


def logistic_descent(rows: ArrayLike) -> FloatArray:
    """Gradient descent on the mean logistic loss, from zero weights until every example is well right.

    Parameters
    ----------
    rows : array_like, shape (examples, dimension)
        Label times input of every example; linearly separable.

    Returns
    -------
    ndarray, shape (dimension,)
        Unit weights, right on every example: where the mean loss first falls below 0.1 / examples. The step
        is one over the largest curvature of the loss.

    Raises
    ------
    ValueError
        If the rows are not finite and two-dimensional, or a million steps do not separate them.

    Notes
    -----
    With ever more steps the direction tends to that of the largest margin (arXiv:1710.10345).

    Examples
    --------
    >>> logistic_descent([[3.0, 4.0]]).round(3)
    array([0.6, 0.8])
    """
    matrix = _checked(rows)
    examples = len(matrix)
    # the curvature of ln(1 + exp(-m)) is at most 1/4
    step = 4.0 / float(np.linalg.norm(matrix, ord=2)) ** 2
    # the weights stay in the span of the rows: only the margins are needed on the way
    gram, coefficients, margins = matrix @ matrix.T, np.zeros(examples), np.zeros(examples)
    for _ in range(_MAX_STEPS):
        coefficients += step * special.expit(-margins)
        margins = gram @ coefficients
        if np.logaddexp(0.0, -margins).sum() < _LEAST_LOSS:
            weights = coefficients @ matrix
            return np.asarray(weights / np.linalg.norm(weights))
    raise ValueError(f"rows must be linearly separable, got a least margin of {margins.min():.3g}")


def mean_margin_program(rows: ArrayLike, *, rng: np.random.Generator | int | None = None) -> FloatArray:
    """The linear program: the largest mean margin in a box, among classifiers right on every example.

    Parameters
    ----------
    rows : array_like, shape (examples, dimension)
        Label times input of every example; linearly separable.
    rng : numpy.random.Generator, int or None
        Draws the axes of the box, so that it favours no direction.

    Returns
    -------
    ndarray, shape (dimension,)
        Unit weights, right on every example up to the rounding of the solver (where the program is tight, a
        margin is zero).

    Raises
    ------
    ValueError
        If the rows are not finite and two-dimensional, or not linearly separable.
    """
    matrix = _checked(rows)
    dimension = matrix.shape[1]
    if dimension > 1:
        axes = stats.ortho_group.rvs(dimension, random_state=np.random.default_rng(rng))
    else:
        axes = np.ones((1, 1))
    turned = matrix @ axes
    mean = turned.mean(axis=0)
    solution = optimize.linprog(
        -mean, A_ub=-turned, b_ub=np.zeros(len(turned)), bounds=(-1.0, 1.0), method="highs"
    )
    # without a separating direction nothing but zero weights are allowed
    if solution.x is None or float(mean @ solution.x) < 1e-9 * float(np.abs(turned).mean()):
        raise ValueError("rows must be linearly separable, and none but zero weights are right on all")
    weights = axes @ solution.x
    return np.asarray(weights / np.linalg.norm(weights))
