"""`max_margin_approach`: how gradient flow takes a linear classifier to the largest margin, in log time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize

FloatArray = NDArray[np.float64]

_CONSISTENT = 1e-8  # relative; support vectors come from a solver
_ROUNDS = 200


def _span(support: FloatArray) -> tuple[FloatArray, FloatArray]:
    # an orthonormal basis of what the rows span, as rows, and the weights in it that give each row margin 1
    left, values, basis = linalg.svd(support, full_matrices=False)
    rank = int(np.count_nonzero(values > 1e-11 * values[0]))
    left, values, basis = left[:, :rank], values[:rank], basis[:rank]
    weights = left.sum(axis=0) / values
    off = float(np.abs(left @ (values * weights) - 1.0).max())
    if off > _CONSISTENT:
        raise ValueError(
            f"support must hold rows that some weights give one margin, got rows off by {off:.3g}"
        )
    return basis, weights


def _positive_duals(rows: FloatArray, weights: FloatArray) -> FloatArray:
    # any solution of rows^T alpha = weights that is positive everywhere
    examples, rank = rows.shape
    total = float(weights @ weights)  # the sum of all alpha
    duals = np.asarray(linalg.lstsq(rows.T, weights)[0])
    if duals.min() <= _CONSISTENT * total and rank < examples:
        # many solutions: the program takes the one whose least entry is largest
        solution = optimize.linprog(
            np.append(np.zeros(examples), -1.0),
            A_ub=np.column_stack([-np.eye(examples), np.ones(examples)]),
            b_ub=np.zeros(examples),
            A_eq=np.column_stack([rows.T, np.zeros(rank)]),
            b_eq=weights / total,
            bounds=(None, None),
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10},
        )
        if solution.x is None:
            raise ValueError(f"support must let duals be found, and the program says: {solution.message}")
        duals = total * np.asarray(solution.x[:-1])
    least = float(duals.min()) / total
    if least < -_CONSISTENT:
        raise ValueError(
            "support must hold the support vectors of a largest margin, "
            f"got one with share {least:.3g} of all duals"
        )
    if least <= _CONSISTENT:
        raise ValueError(
            "support must hold rows that all pull, got one of dual 0 in every solution: "
            "the direction is then off by ln ln t / ln t, without a limit of its own"
        )
    return duals


def _residual(rows: FloatArray, weights: FloatArray, duals: FloatArray) -> FloatArray:
    # least of sum_n exp(-x_n . r) + weights . r: where it is, exp(-x_n . r) are the duals of largest entropy
    residual = np.asarray(linalg.lstsq(rows, -np.log(duals))[0])
    if rows.shape[0] == rows.shape[1]:
        return residual

    def value(at: FloatArray) -> float:
        with np.errstate(over="ignore"):
            return float(np.exp(-rows @ at).sum() + weights @ at)

    for _ in range(_ROUNDS):
        pulls = np.exp(-rows @ residual)
        slope = weights - rows.T @ pulls
        step = -linalg.solve((rows.T * pulls) @ rows, slope, assume_a="pos")
        decrease, share, here = float(slope @ step), 1.0, value(residual)
        if -decrease <= 1e-14 * pulls.sum():  # the last step doubles the digits there are
            return np.asarray(residual + step)
        while value(residual + share * step) > here + 0.25 * share * decrease and share > 1e-12:
            share *= 0.5
        residual = residual + share * step
    raise ValueError("support must let a residual be found, and its duals differ too much for that")


@dataclass(frozen=True, slots=True)
class MaxMarginApproach:
    """Weights under gradient flow on an exponential loss at late times, w^ ln t + w~ (arXiv:1710.10345).

    What is left out falls as powers of t. See `max_margin_approach`.

    Attributes
    ----------
    direction : ndarray, shape (dimension,)
        Unit weights of the largest margin.
    margin : float
        That margin, gamma: w^ is the direction over gamma.
    duals : ndarray, shape (support vectors,)
        alpha_n, with sum_n alpha_n x_n = w^ and so sum 1/gamma^2: what the flow weighs each support vector
        by, t exp(-w . x_n) in the end. Where several duals belong to one margin, those of largest entropy.
    residual : ndarray, shape (dimension,)
        w~, with exp(-w~ . x_n) = alpha_n.
    relaxation_exponent : float
        w - w^ ln t nears w~ as t to minus this, if other examples do not take longer: one of margin m, in
        units of gamma, as t^(1-m). The least eigenvalue of sum_n alpha_n x_n x_n^T on the span of the x_n; 1
        is always one.
    """

    direction: FloatArray
    margin: float
    duals: FloatArray
    residual: FloatArray
    relaxation_exponent: float

    @property
    def _across(self) -> tuple[float, float]:
        # gamma times the residual along the direction, and across it
        along = float(self.direction @ self.residual)
        across = float(np.linalg.norm(self.residual - along * self.direction))
        return self.margin * along, self.margin * across

    @property
    def _lead(self) -> float:
        # how far the least residual of a support vector is below their mean, weighted with the duals
        return max(self._across[0] + float(np.log(self.duals.max())), 0.0)

    @property
    def angle_coefficient(self) -> float:
        """Limit of ln t times the angle, in radians, between the weights and the best direction."""
        return self._across[1]

    @property
    def margin_gap_coefficient(self) -> float:
        """Limit of ln t times (gamma - margin of the weights over their norm).

        It is gamma (H(b) + ln max b), with b = gamma^2 alpha, which sum to 1, and H their entropy: zero where
        all duals are equal, and positive otherwise.
        """
        return self.margin * self._lead

    def _times(self, log_time: ArrayLike) -> FloatArray:
        times = np.asarray(log_time, dtype=np.float64)
        along = self._across[0]
        ok = np.isfinite(times) & (times + along > 0.0)
        if not np.all(ok):
            raise ValueError(f"log_time must be finite and above {-along:.6g}, got {times[~ok].flat[0]}")
        return times

    def weights(self, log_time: ArrayLike) -> FloatArray:
        """w^ ln t + w~ at each ln t, with an axis more, of length dimension."""
        times = self._times(log_time)
        return np.asarray(times[..., None] * (self.direction / self.margin) + self.residual)

    def norm(self, log_time: ArrayLike) -> FloatArray:
        """Norm of the weights at each ln t."""
        along, across = self._across
        return np.asarray(np.hypot(self._times(log_time) + along, across) / self.margin)[()]

    def log_loss(self, log_time: ArrayLike) -> FloatArray:
        """Ln of the loss summed over examples, -ln t - 2 ln gamma, at each ln t."""
        return np.asarray(-self._times(log_time) - 2.0 * np.log(self.margin))[()]

    def angle(self, log_time: ArrayLike) -> FloatArray:
        """Angle between the weights and the best direction, in radians, at each ln t."""
        along, across = self._across
        return np.asarray(np.arctan2(across, self._times(log_time) + along))[()]

    def margin_gap(self, log_time: ArrayLike) -> FloatArray:
        """Gamma less the least margin of normalized weights, at each ln t; without cancellation."""
        along, across = self._across
        parallel = self._times(log_time) + along
        norm = np.hypot(parallel, across)
        return np.asarray(self.margin * (across / (norm + parallel) * across + self._lead) / norm)[()]

    def to_dict(self) -> dict[str, Any]:
        """All of it and both coefficients; ready for JSON."""
        return {
            "direction": self.direction.tolist(),
            "margin": self.margin,
            "duals": self.duals.tolist(),
            "residual": self.residual.tolist(),
            "relaxation_exponent": self.relaxation_exponent,
            "angle_coefficient": self.angle_coefficient,
            "margin_gap_coefficient": self.margin_gap_coefficient,
        }


def _checked(support: ArrayLike, across: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    rows = np.asarray(support, dtype=np.float64)
    if rows.ndim != 2 or 0 in rows.shape or not np.all(np.isfinite(rows)):
        raise ValueError(
            f"support must be finite, shape (support vectors, dimension), got shape {rows.shape}"
        )
    if not np.all(np.any(rows != 0.0, axis=1)):
        raise ValueError("support must hold no zero row, got one")
    part = np.zeros(rows.shape[1]) if across is None else np.asarray(across, dtype=np.float64)
    if part.shape != rows.shape[1:] or not np.all(np.isfinite(part)):
        raise ValueError(f"across must be finite, shape {rows.shape[1:]}, got shape {part.shape}")
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(part)
    if np.any(np.abs(rows @ part) > _CONSISTENT * lengths):
        raise ValueError(f"across must be orthogonal to every row of support, got products {rows @ part}")
    return rows, part


def max_margin_approach(support: ArrayLike, *, across: ArrayLike | None = None) -> MaxMarginApproach:
    """How gradient flow on an exponential loss nears the largest margin, from its support vectors alone.

    Parameters
    ----------
    support : array_like, shape (support vectors, dimension)
        Label times input of all examples on the largest margin, repeated and dependent ones included.
    across : array_like, shape (dimension,), optional
        Part of w~ orthogonal to all of these, which they do not decide: that of the initial weights, where no
        other example pulls on it. None: 0.

    Returns
    -------
    MaxMarginApproach
        Angle and margin gap in ln t, their coefficients, duals and w~.

    Raises
    ------
    ValueError
        If shapes do not fit, the rows are not the support vectors of their largest margin, or one of them has
        dual 0 in every solution. In that degenerate case the direction is off by ln ln t / ln t.

    Notes
    -----
    Weights follow ``dw/dt = sum_n exp(-w . x_n) x_n``, so that w - w^ ln t tends to w~ with
    ``sum_n exp(-w~ . x_n) x_n = w^`` (arXiv:1710.10345, Theorem 4). Where support vectors are independent,
    exp(-w~ . x_n) are the duals of the largest margin. Where they are not, these are many, and w~ is the
    least of the convex sum_n exp(-x_n . r) + w^ . r, which picks the duals of largest entropy [derived, as
    are the rates]. For a learning rate, or the mean loss, add the logarithm of its factor to ln t.

    Normalized flows (arXiv:1903.04991), those of linear networks of several normalized layers among them,
    approach the same way in gamma rho, with rho the norm of the product of their weights, at leading order:
    angle and gap times gamma rho have the limits that they have here times ln t. Only across the span of the
    support vectors do the flows differ, see `log_orthogonal_component`. Without normalization each of K
    layers keeps what it started from where no example pulls, and the margin gap falls as (ln t)^(-2/K): from
    three layers on that is what is left late.

    With equal duals the weights are w^ (ln t + constant) in the span: both coefficients are zero (without
    `across`), and the direction is off by a power of t, ``t^-relaxation_exponent / ln t``.

    Examples
    --------
    >>> unequal = max_margin_approach([[1.0, 0.5], [1.0, -1.5]])
    >>> unequal.duals.round(6), round(unequal.angle_coefficient, 4), round(unequal.margin_gap_coefficient, 4)
    (array([0.75, 0.25]), 0.5493, 0.2747)
    >>> equal = max_margin_approach([[0.5, 1.5], [1.5, 0.5]])
    >>> round(equal.margin_gap_coefficient, 12), round(equal.relaxation_exponent, 12)
    (0.0, 0.25)
    """
    rows, part = _checked(support, across)
    basis, weights = _span(rows)
    inside = rows @ basis.T
    residual = _residual(inside, weights, _positive_duals(inside, weights))
    duals = np.exp(-inside @ residual)
    margin = 1.0 / float(np.linalg.norm(weights))
    return MaxMarginApproach(
        direction=margin * (weights @ basis),
        margin=margin,
        duals=duals,
        residual=residual @ basis + part,
        relaxation_exponent=float(linalg.eigvalsh((inside.T * duals) @ inside)[0]),
    )
