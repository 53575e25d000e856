"""`descend_normalized_units`: batch-normalized units in steps, which alone change their norms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from threadpoolctl import threadpool_limits

from .hinge_run import checked_rows

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NormalizedDescent:
    """Gradient descent of one hidden layer, at the recorded steps.

    Attributes
    ----------
    steps : ndarray of int, shape (records,)
    log_norms : ndarray, shape (records, units)
        Ln of the norm of each unit's weights.
    losses : ndarray, shape (records,)
        Mean logistic loss.
    errors : ndarray, shape (records,)
        Share of examples that are wrong.
    """

    steps: NDArray[np.int64]
    log_norms: FloatArray
    losses: FloatArray
    errors: FloatArray


def descend_normalized_units(
    inputs: ArrayLike,
    labels: ArrayLike,
    start: tuple[ArrayLike, ArrayLike],
    *,
    learning_rate: float,
    records: Sequence[int],
    normalized: bool = True,
) -> NormalizedDescent:
    """Descend on ``sum_j a_j relu(u_j)``, with ``u_j = w_j . (x - mean) / sqrt(w_j . S w_j)`` if normalized.

    Parameters
    ----------
    inputs : array_like, shape (examples, dimension)
        Mean and covariance S are theirs.
    labels : array_like, shape (examples,)
        -1 and +1.
    start : (array_like, array_like), shapes (units, dimension) and (units,)
        w and a, both of which are trained on the mean logistic loss of all examples.
    learning_rate : float
        Positive.
    records : sequence of int
        Steps after which norms are written down, increasing from 0 on.
    normalized : bool
        Whether units are, or ``u_j = w_j . (x - mean)``.

    Returns
    -------
    NormalizedDescent

    Raises
    ------
    ValueError
        If shapes do not fit, an argument is out of range, or the loss stops being finite.

    Notes
    -----
    The gradient of a normalized unit is orthogonal to its weights and goes with one over their norm, as the
    output does not depend on that norm. So gradient flow leaves all norms as they are, and a step of size eta
    adds ``eta^2 |g_j|^2`` to ``|w_j|^2`` [derived].
    """
    matrix, marks = checked_rows(inputs, name="inputs"), np.asarray(labels, dtype=np.float64)
    weights, output = (np.array(part, dtype=np.float64) for part in start)
    if marks.shape != (len(matrix),) or not np.all(np.abs(marks) == 1.0):
        raise ValueError(
            f"labels must be -1 or +1, one for each of {len(matrix)} inputs, got shape {marks.shape}"
        )
    if output.ndim != 1 or not output.size or weights.shape != (output.size, matrix.shape[1]):
        raise ValueError(
            f"start must be weights (units, {matrix.shape[1]}) and (units,), "
            f"got shapes {weights.shape} and {output.shape}"
        )
    if not np.all(np.isfinite(weights)) or not np.all(np.isfinite(output)) or not np.all(weights.any(axis=1)):
        raise ValueError("start must be finite, with no unit of norm zero")
    if not 0.0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be finite and positive, got {learning_rate}")
    kept = np.asarray(records, dtype=np.int64)
    if kept.ndim != 1 or not kept.size or kept[0] < 0 or not np.all(np.diff(kept) > 0):
        raise ValueError(f"records must increase from 0 on, got {records}")
    centred = matrix - matrix.mean(axis=0)
    covariance = centred.T @ centred / len(centred)
    norms, losses, errors = [], [], []
    with threadpool_limits(1):  # small products: threads would only wait for each other
        for step in range(int(kept[-1]) + 1):
            pulls = weights @ covariance
            variances = (weights * pulls).sum(axis=1, keepdims=True)
            deviations = np.sqrt(variances) if normalized else np.ones_like(variances)
            signals = centred @ (weights / deviations).T
            hidden = np.maximum(signals, 0.0)
            margins = marks * (hidden @ output)
            if step in kept:
                losses.append(np.logaddexp(0.0, -margins).mean())
                if not math.isfinite(losses[-1]):
                    raise ValueError(f"learning_rate must be lower: the loss is not finite at step {step}")
                norms.append(np.log(np.linalg.norm(weights, axis=1)))
                errors.append(np.mean(margins <= 0.0))
            pull = marks * special.expit(-margins) / len(marks)
            change = ((pull[:, None] * (signals > 0.0)) * output).T @ centred
            if normalized:
                change -= (change * weights).sum(axis=1, keepdims=True) / variances * pulls
            weights += learning_rate * change / deviations
            output += learning_rate * (pull @ hidden)
    return NormalizedDescent(kept, np.array(norms), np.array(losses), np.array(errors))
