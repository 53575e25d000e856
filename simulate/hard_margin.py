"""`largest_margin`: the linear classifier of largest margin, its duals and support vectors, to rounding.

The dual is non-negative least squares, which names the examples that pull (Lawson & Hanson 1974, chapter 23);
their margins are then linear equations, solved by orthogonal factors and refined in extended precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize
from threadpoolctl import threadpool_limits

from .hinge_run import checked_rows

FloatArray = NDArray[np.float64]
LongArray = NDArray[np.longdouble]
IndexArray = NDArray[np.intp]

_EPS = float(np.finfo(np.float64).eps)
_UNRESOLVED = 1e-13  # the length of a mean of unit rows that rounding could make
_ON_MARGIN = 1e-10  # beyond the margin, in its units, to be a support vector still
_PASSES = 4
_REFINEMENTS = 4


@dataclass(frozen=True, slots=True)
class LargestMargin:
    """The linear classifier of largest margin. See `largest_margin`.

    Attributes
    ----------
    direction : ndarray, shape (dimension,)
        Unit weights v whose least margin is largest.
    margin : float
        That margin, gamma = min_n v . x_n.
    duals : ndarray, shape (examples,)
        alpha_n >= 0, with sum_n alpha_n x_n = w^ = v / gamma, and so sum_n alpha_n = 1/gamma^2. Positive for
        independent examples on the margin; where more are on it than independent, one choice of many.
    margins : ndarray, shape (examples,)
        w^ . x_n: margins in units of gamma, 1 for support vectors.
    support : ndarray of int
        Examples whose margin exceeds 1 by no more than 1e-10 or the rounding of its sum.
    gap : float
        (upper - lower) / gamma, at least 0, to the rounding of its sums: the least margin found bounds the
        largest margin from below, the length of the mean row weighted with the duals from above.
    """

    direction: FloatArray
    margin: float
    duals: FloatArray
    margins: FloatArray
    support: IndexArray
    gap: float

    @property
    def weights(self) -> FloatArray:
        """w^ = v / gamma: the shortest weights with margins of at least 1."""
        return np.asarray(self.direction / self.margin)

    @property
    def degenerate(self) -> bool:
        """Whether an example on the margin has dual 0 here: duals are not unique, or it does not pull."""
        return bool(np.any(self.duals[self.support] == 0.0))

    def to_dict(self) -> dict[str, Any]:
        """All of it; ready for JSON."""
        return {
            "direction": self.direction.tolist(),
            "margin": self.margin,
            "duals": self.duals.tolist(),
            "margins": self.margins.tolist(),
            "support": self.support.tolist(),
            "gap": self.gap,
            "degenerate": self.degenerate,
        }


def _refuse(length: float) -> ValueError:
    return ValueError(
        "rows must be linearly separable, by a margin that rounding leaves: "
        f"some mean of them, scaled to length 1, has length {length:.3g}"
    )


def _pulling(units: FloatArray, floors: FloatArray) -> IndexArray:
    # rows that combine to the shortest weights with units @ weights >= floors, the largest floor being 1
    scale = 1.0
    for _ in range(_PASSES):
        # a last coordinate of the size of 1 / |weights|: with one far above it, it would drown in rounding
        columns = np.column_stack([units, scale * floors]).T
        target = np.append(np.zeros(units.shape[1]), scale)
        shares, _ = optimize.nnls(columns, target, maxiter=30 * len(units))
        length = float(np.linalg.norm(shares @ units))
        if length <= _UNRESOLVED * shares.sum():
            raise _refuse(length / float(shares.sum()))
        before, scale = scale, length / float(shares @ floors)
        if abs(scale - before) <= 0.1 * before:
            break
    return np.flatnonzero(shares > 0.0)


def _on_floors(units: FloatArray, floors: FloatArray) -> tuple[LongArray, LongArray]:
    # the shortest weights with units @ weights = floors, and the duals that combine the units to them
    factor, triangle = linalg.qr(units.T, mode="economic")
    independence = float(np.abs(np.diag(triangle)).min())
    if independence <= _UNRESOLVED:
        raise _refuse(independence)
    exact = units.astype(np.longdouble)
    weights: LongArray = np.zeros(units.shape[1], np.longdouble)
    duals: LongArray = np.zeros(len(units), np.longdouble)
    for _ in range(_REFINEMENTS):
        short = np.asarray(floors - exact @ weights, dtype=np.float64)
        apart = np.asarray(duals @ exact - weights, dtype=np.float64)
        along = linalg.solve_triangular(triangle, short, trans="T")
        inside = factor.T @ apart
        duals += linalg.solve_triangular(triangle, along - inside)
        weights += factor @ (along - inside) + apart
    return weights, duals


def _solve(units: FloatArray, floors: FloatArray) -> tuple[FloatArray, FloatArray, LongArray, IndexArray]:
    # weights, duals, margins over floors and what is on its floor
    active = _pulling(units, floors)
    weights, duals = _on_floors(units[active], floors[active])
    while duals.min() <= 8.0 * _EPS * duals.max():  # on its floor by accident, without a pull
        active = active[duals > 8.0 * _EPS * duals.max()]
        weights, duals = _on_floors(units[active], floors[active])
    margins: LongArray = np.asarray(units.astype(np.longdouble) @ weights / floors)
    rounded = np.asarray(weights, dtype=np.float64)
    # what margins round by, once the weights are doubles
    rounding = 4.0 * _EPS * (np.abs(units) @ np.abs(rounded)) / floors
    if np.any(margins < 1.0 - _ON_MARGIN - rounding):
        raise _refuse(float(np.linalg.norm(duals @ units[active]) / duals.sum()))
    found: FloatArray = np.zeros(len(units))
    found[active] = duals
    return rounded, found, margins, np.flatnonzero(margins <= 1.0 + _ON_MARGIN + rounding)


def largest_margin(rows: ArrayLike) -> LargestMargin:
    """The linear classifier, through the origin, whose least margin on these examples is largest.

    Parameters
    ----------
    rows : array_like, shape (examples, dimension)
        Label times input of every example, linearly separable; append a constant for a threshold. To separate
        in the space of a kernel, the rows of a factor F with F F^T = label label^T kernel.

    Returns
    -------
    LargestMargin
        Direction, margin, duals and support vectors, to rounding: `gap` is what certifies the margin.

    Raises
    ------
    ValueError
        If rows are not finite, of wrong shape or zero, or not linearly separable by a margin that rounding
        resolves, about 1e-13 of the rows' length.

    Notes
    -----
    The minimum of |w|^2 / 2 with rows @ w >= 1, to whose direction gradient descent on exponential and
    logistic losses tends (arXiv:1710.10345), and its duals. Directions are right to about the rounding of
    the rows times the condition number of the support vectors.

    Examples
    --------
    >>> found = largest_margin([[1.0, 0.5], [1.0, -1.5], [3.0, 1.0]])
    >>> found.direction.round(12) + 0.0, round(found.margin, 12), found.duals.round(12)
    (array([1., 0.]), 1.0, array([0.75, 0.25, 0.  ]))
    """
    matrix = checked_rows(rows)
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    unit = float(lengths.min())
    with threadpool_limits(1):  # small products: threads would only wait for each other
        weights, pulls, margins, support = _solve(matrix / lengths[:, None], unit / lengths)
    length = float(np.linalg.norm(weights))
    duals = pulls / (unit * lengths)
    above = np.linalg.norm(duals @ matrix) / (duals.sum() * (unit / length))
    gap = max(float(above - margins.min()), 0.0)
    return LargestMargin(
        direction=weights / length,
        margin=unit / length,
        duals=duals,
        margins=np.asarray(margins, dtype=np.float64),
        support=support,
        gap=gap,
    )
