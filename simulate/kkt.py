"""`kkt_residual`: how far weights are from a first-order point of the largest margin.

Of homogeneous networks, whose margins are known from their gradients by Euler's identity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from .hinge_run import checked_rows

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KKTResidual:
    """By how much the conditions of Karush, Kuhn and Tucker fail. See `kkt_residual`.

    Attributes
    ----------
    stationarity : float
        Length of what the examples' gradients, combined with `duals`, leave of the weights, in units of the
        length of the weights; from 0 to 1.
    slackness : float
        Sum over the examples of dual times margin beyond the least one, over that of dual times margin where
        there is no residual.
    duals : ndarray, shape (examples,)
        What gradients, by weights of length 1, are multiplied by; at least 0.
    """

    stationarity: float
    slackness: float
    duals: FloatArray

    @property
    def residual(self) -> float:
        """The root of the sum of both squares, which the duals minimize."""
        return math.hypot(self.stationarity, self.slackness)

    def to_dict(self) -> dict[str, Any]:
        """All of it; ready for JSON."""
        return {
            "stationarity": self.stationarity,
            "slackness": self.slackness,
            "residual": self.residual,
            "duals": self.duals.tolist(),
        }


def kkt_residual(weights: ArrayLike, gradients: ArrayLike) -> KKTResidual:
    """How far weights are from a first-order point of the largest margin at their length.

    Parameters
    ----------
    weights : array_like, shape (parameters,)
        Of a network whose outputs are homogeneous in all of them together, of any degree L. Of one that is
        homogeneous in each layer, of degree kappa_k, and whose layers' norms are free, the layers with
        squared norms in proportion to kappa_k.
    gradients : array_like, shape (examples, parameters)
        Of each example's margin, label times output, by these weights. Each times the weights is L times the
        margin, and must be positive.

    Returns
    -------
    KKTResidual

    Raises
    ------
    ValueError
        If arguments are not finite, of wrong shape or zero, or a margin is not positive.

    Notes
    -----
    For the problem to minimize |w|^2 / 2 with margins of at least 1, weights are a point of Karush, Kuhn and
    Tucker if w is a sum of gradients, with duals that are positive on the least margin only; the limits of
    gradient flow on exponential losses are such points (arXiv:1906.05890). Here both conditions are relative:
    with w and the gradients scaled to |w| = 1, duals minimize ``|w - sum_n dual_n g_n|^2`` plus the square of
    ``sum_n dual_n (g_n . w - min_m g_m . w)``, by non-negative least squares.

    Examples
    --------
    A linear classifier, whose gradients are the examples themselves:

    >>> rows = [[1.0, 0.5], [1.0, -1.5], [3.0, 1.0]]
    >>> kkt_residual([1.0, 0.0], rows).duals.round(12) + 0.0
    array([0.75, 0.25, 0.  ])
    >>> round(kkt_residual([1.0, 0.1], rows).residual, 3)
    0.156
    """
    matrix = checked_rows(gradients, name="gradients")
    vector = np.asarray(weights, dtype=np.float64)
    length = float(np.linalg.norm(vector)) if vector.shape == matrix.shape[1:] else math.nan
    if not 0.0 < length < math.inf:
        raise ValueError(
            f"weights must be {matrix.shape[1]} finite numbers, not all zero, got shape {vector.shape}"
        )
    unit = vector / length
    along = matrix @ unit
    if not along.min() > 0.0:
        raise ValueError(f"margins must be positive, got {along.min() * length:.3g} over the degree at least")
    # gradients of one scale, as that of a network of many layers may be any
    scale = float(np.sqrt(np.einsum("ij,ij->i", matrix, matrix)).max())
    slack = along - along.min()
    columns = np.vstack([matrix.T, slack]) / scale
    duals = optimize.nnls(columns, np.append(unit, 0.0), maxiter=30 * len(matrix))[0] / scale
    return KKTResidual(
        stationarity=float(np.linalg.norm(unit - duals @ matrix)),
        slackness=float(duals @ slack),
        duals=duals,
    )
