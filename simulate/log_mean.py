"""The log of a mean from independent log-normal estimates, with its standard error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def log_normal_mean(logs: ArrayLike, *, axis: int = 0) -> tuple[FloatArray, FloatArray]:
    """Estimate ln E[Z] from independent unbiased estimates Z_r given as logs.

    The log of a sequential Monte Carlo estimate is close to normal around ``ln Z - var / 2`` (Berard,
    Del Moral & Doucet 2014, arXiv:1307.0181), so the mean of the logs is raised by half their variance. The
    log of the mean, the other natural choice, leans on the largest replica alone once the spread passes 1.

    Parameters
    ----------
    logs : array_like
        Natural logs of the estimates, at least 2 along `axis`.
    axis : int
        Axis of the replicas.

    Returns
    -------
    estimate, standard_error : ndarray
        Standard error ``sqrt(s^2 / R + s^4 / (2 (R - 1)))``; use Student t with R - 1 degrees of freedom.

    Raises
    ------
    ValueError
        If there are fewer than 2 replicas.
    """
    values = np.asarray(logs, dtype=np.float64)
    replicas = values.shape[axis]
    if replicas < 2:
        raise ValueError(f"logs must hold at least 2 replicas, got {replicas}")
    variance = values.var(axis=axis, ddof=1)
    estimate = values.mean(axis=axis) + 0.5 * variance
    return estimate, np.sqrt(variance / replicas + variance**2 / (2.0 * (replicas - 1)))
