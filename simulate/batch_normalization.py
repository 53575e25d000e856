"""`integrate_batch_normalized_flow`: a linear classifier behind batch normalization, in log time.

The output is ``gamma w . (x - mean) / sqrt(w . S w)``, with mean and covariance S of the training inputs. The
length of w is of no account, and the flow does not change it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from threadpoolctl import threadpool_limits

from .hinge_run import checked_rows
from .log_time import weights_in_log_time

FloatArray = NDArray[np.float64]

_LOOSER = 10.0  # in tolerance, the run that the error is estimated from
_LARGEST_LOG_SPEED = 60.0  # trial steps of an integrator may leave what numbers can hold
_LEAST_VARIANCE = 1e-12  # of the largest, below which inputs do not vary along a direction


@dataclass(frozen=True, slots=True)
class _Pass:
    """The unit on its examples. W = gamma w / |w| moves, smoothly also where gamma changes its sign."""

    norm: float  # |W|, the size of gamma
    deviation: float  # (W . S W)^(1/2)
    along: FloatArray  # W / |W|
    pull: FloatArray  # S W over the deviation
    outputs: FloatArray  # label times normalized output
    log_loss: float
    shares: FloatArray  # of each example in the loss
    mean: float  # of the outputs, by shares
    turn: FloatArray  # derivative of that mean, with shares as they are


@dataclass(frozen=True, slots=True)
class _NormalizedUnit:
    """The unit, its examples, and its flow."""

    rows: FloatArray  # label times centred input
    covariance: FloatArray
    mobility: float  # 1 / |w|^2

    def _forward(self, weights: FloatArray) -> _Pass:
        norm, pull = math.sqrt(float(weights @ weights)), self.covariance @ weights
        deviation = math.sqrt(float(weights @ pull))
        pull /= deviation
        outputs = self.rows @ weights / deviation
        least = float(outputs.min())
        shares = np.exp(-norm * (outputs - least))
        total = float(shares.sum())
        log_loss = math.log(total) - norm * least
        shares /= total
        mean = float(shares @ outputs)
        turn = (shares @ self.rows - mean * pull) / deviation
        return _Pass(norm, deviation, weights / norm, pull, outputs, log_loss, shares, mean, turn)

    def log_pull(self, weights: FloatArray) -> float:
        """Ln of the loss, summed over examples."""
        return self._forward(weights).log_loss

    def velocity(self, log_clock: float, weights: FloatArray) -> FloatArray:
        """Of W in ln(t + c)."""
        at = self._forward(weights)
        # again: what rounding left along W would be multiplied by the square of gamma
        turn = at.turn - (at.turn @ at.along) * at.along
        speed = math.exp(min(log_clock + at.log_loss, _LARGEST_LOG_SPEED))
        return np.asarray(speed * (at.mean * at.along + self.mobility * at.norm**3 * turn))

    def jacobian(self, log_clock: float, weights: FloatArray) -> FloatArray:
        """Derivatives of `velocity` by W."""
        at = self._forward(weights)
        eye = np.eye(weights.size)
        d_outputs = (self.rows - at.outputs[:, None] * at.pull) / at.deviation
        d_margins = at.outputs[:, None] * at.along + at.norm * d_outputs
        d_log_loss = -at.shares @ d_margins
        d_shares = -at.shares[:, None] * (d_margins + d_log_loss)
        d_mean = at.turn + at.outputs @ d_shares
        d_pull = (self.covariance - np.outer(at.pull, at.pull)) / at.deviation
        d_turn = self.rows.T @ d_shares - np.outer(at.pull, d_mean) - at.mean * d_pull
        d_turn = (d_turn - np.outer(at.turn, at.pull)) / at.deviation
        change = at.mean * at.along + self.mobility * at.norm**3 * at.turn
        d_change = np.outer(at.along, d_mean) + at.mean / at.norm * (eye - np.outer(at.along, at.along))
        d_change += self.mobility * at.norm**2 * (3.0 * np.outer(at.turn, at.along) + at.norm * d_turn)
        speed = math.exp(min(log_clock + at.log_loss, _LARGEST_LOG_SPEED))
        return np.asarray(speed * (d_change + np.outer(change, d_log_loss)))


@dataclass(frozen=True, slots=True)
class BatchNormalizedFlow:
    """The flow of a batch-normalized linear classifier on a grid of times.

    Attributes
    ----------
    log_times : ndarray, shape (times,)
        ln t.
    log_loss : ndarray, shape (times,)
        Ln of the sum of the examples' losses.
    scales : ndarray, shape (times,)
        Size of gamma, by which normalized outputs are multiplied.
    directions : ndarray, shape (times, dimension)
        w over its norm, with the sign of gamma.
    activation_margins : ndarray, shape (times, examples)
        Label times normalized output: the margin for weights with ``w . S w = 1``.
    unit_margins : ndarray, shape (times, examples)
        The margin for weights of norm 1, with the same threshold: label times direction . (x - mean).
    directions_error : ndarray, shape (times,)
        Estimate of the error of integration: the largest difference of directions up to that time to a run of
        ten times the tolerance. As a rule errors are smaller.
    evaluations : int
        Of the velocity, in the run itself.
    """

    log_times: FloatArray
    log_loss: FloatArray
    scales: FloatArray
    directions: FloatArray
    activation_margins: FloatArray
    unit_margins: FloatArray
    directions_error: FloatArray
    evaluations: int

    def to_dict(self) -> dict[str, Any]:
        """All values as JSON-ready numbers and lists."""
        names = ("log_times", "log_loss", "scales", "directions", "activation_margins", "unit_margins",
                 "directions_error")  # fmt: skip
        lists = {name: getattr(self, name).tolist() for name in names}
        return {"schema_version": 1, "evaluations": self.evaluations, **lists}


def integrate_batch_normalized_flow(
    inputs: ArrayLike,
    labels: ArrayLike,
    start: ArrayLike,
    log_times: ArrayLike,
    *,
    scale: float = 1.0,
    tolerance: float = 1e-8,
    evaluations: int = 100_000,
) -> BatchNormalizedFlow:
    """Gradient flow of ``gamma w . (x - mean) / sqrt(w . S w)`` on the sum of ``exp(-y f(x))``.

    Parameters
    ----------
    inputs : array_like, shape (examples, dimension)
        They vary in every direction; mean and covariance S are theirs.
    labels : array_like, shape (examples,)
        -1 and +1.
    start : array_like, shape (dimension,)
        w at t = 0. The longer it is, the slower its direction moves, by the square of its norm.
    log_times : array_like, shape (times,)
        ln t, increasing; minus infinity is the start.
    scale : float
        gamma at t = 0, positive.
    tolerance : float
        Absolute error of w and gamma in each step, between 1e-12 and 1e-2.
    evaluations : int
        At most so many of the velocity.

    Returns
    -------
    BatchNormalizedFlow

    Raises
    ------
    ValueError
        If an argument is out of range, or the flow comes to rest at a loss that is not zero: inputs are then
        not separable by their mean.
    RuntimeError
        If the evaluations do not suffice, or the integrator gives up.

    Notes
    -----
    With v the direction and sigma^2 = v . S v the flow is
    ``v' = gamma / (|w|^2 sigma) sum_n exp(-m_n) (z_n - (v . z_n) S v / sigma^2)``, z_n the centred input
    times its label [derived]. Where S is the identity that is the flow along the tangent gradient of a unit,
    ``"units"`` of `integrate_gradient_flow` (arXiv:1903.04991), over |w|^2; elsewhere it tends to the largest
    margin for w . S w = 1 instead of that for |w| = 1.

    Examples
    --------
    >>> inputs = [[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0], [-1.0, -2.0]]
    >>> flow = integrate_batch_normalized_flow(inputs, [1, 1, -1, -1], [1.0, 1.0], [10.0, 1000.0])
    >>> flow.directions[-1].round(6), flow.scales[-1].round(2)
    (array([1., 0.]), 1001.39)
    """
    matrix, marks = checked_rows(inputs, name="inputs"), np.asarray(labels, dtype=np.float64)
    if marks.shape != (len(matrix),) or not np.all(np.abs(marks) == 1.0):
        raise ValueError(
            f"labels must be -1 or +1, one for each of {len(matrix)} inputs, got shape {marks.shape}"
        )
    times = np.asarray(log_times, dtype=np.float64)
    if times.ndim != 1 or not times.size or not np.all(times < np.inf) or not np.all(np.diff(times) > 0.0):
        raise ValueError(f"log_times must increase, and be finite or minus infinity, got {times}")
    w = np.asarray(start, dtype=np.float64)
    if w.shape != matrix.shape[1:] or not np.all(np.isfinite(w)) or not np.any(w):
        raise ValueError(f"start must be finite and not zero, shape {matrix.shape[1:]}, got {w}")
    if not 0.0 < scale < math.inf:
        raise ValueError(f"scale must be finite and positive, got {scale}")
    if not 1e-12 <= tolerance <= 1e-2:
        raise ValueError(f"tolerance must be in [1e-12, 0.01], got {tolerance}")
    if not evaluations >= 1:
        raise ValueError(f"evaluations must be at least 1, got {evaluations}")
    centred = matrix - matrix.mean(axis=0)
    covariance = centred.T @ centred / len(centred)
    variances = np.linalg.eigvalsh(covariance)
    if variances[0] <= _LEAST_VARIANCE * variances[-1]:
        raise ValueError(f"inputs must vary in every direction, got variances from {variances[0]:.3g}")
    length = float(np.linalg.norm(w))
    unit = _NormalizedUnit(marks[:, None] * centred, covariance, length**-2)
    with threadpool_limits(1):  # small products: threads would only wait for each other
        (found, used), (rough, _) = (
            weights_in_log_time(unit, scale / length * w, times, tolerance=some, evaluations=evaluations)
            for some in (tolerance, _LOOSER * tolerance)
        )
    scales = np.linalg.norm(found, axis=1)
    directions = found / scales[:, None]
    others = rough / np.linalg.norm(rough, axis=1, keepdims=True)
    margins = directions @ unit.rows.T
    activations = margins / np.sqrt(np.einsum("ti,ij,tj->t", directions, covariance, directions))[:, None]
    return BatchNormalizedFlow(
        log_times=times,
        log_loss=special.logsumexp(-scales[:, None] * activations, axis=1),
        scales=scales,
        directions=directions,
        activation_margins=activations,
        unit_margins=margins,
        directions_error=np.maximum.accumulate(np.linalg.norm(directions - others, axis=1)),
        evaluations=used,
    )
