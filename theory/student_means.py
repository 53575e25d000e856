"""The mean of several independent Student t variables: its distribution function, by Fourier inversion."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .argument_checks import positive, whole
from .chi_square import chi_square_rule

FloatArray = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_SILENT = 1e-17  # a characteristic function below this adds nothing
_FAR = 200.0  # beyond, in units of the Gaussian spread, the largest of the variables carries the tail
_BLOCK = 1 << 20  # numbers held at once


def _characteristic(frequencies: FloatArray, degrees: float) -> FloatArray:
    # a Student variable is a normal one of random variance
    ratios, weights = chi_square_rule(degrees)
    blocks = np.array_split(frequencies, 1 + frequencies.size * ratios.size // _BLOCK)
    return np.concatenate([np.exp(-0.5 * block[:, None] ** 2 / ratios) @ weights for block in blocks])


def _rule(farthest: float, degrees: float, size: int) -> tuple[FloatArray, FloatArray]:
    """Frequencies of the scaled sum, and weights that hold its characteristic function."""
    root = math.sqrt(size)
    last = 8.0
    while _characteristic(np.array([last / root]), degrees)[0] ** size > _SILENT:
        last *= 1.25
    # the function has no derivative of order `degrees` at 0: panels shrink towards it
    panel = min(1.0, 4.0 / farthest)
    small = panel * 2.0 ** -np.arange(24.0, 0.0, -1.0)
    edges = np.concatenate([[0.0], small, np.arange(panel, last + panel, panel)])
    half = 0.5 * np.diff(edges)[:, None]
    frequencies = (edges[:-1, None] + half * (1.0 + _NODES)).ravel()
    weights = (half * _WEIGHTS).ravel() / frequencies
    return frequencies, weights * _characteristic(frequencies / root, degrees) ** size


def student_mean_cdf(x: ArrayLike, degrees: float, size: int = 1) -> FloatArray:
    """Probability that the mean of `size` independent Student t variables is at most x.

    Parameters
    ----------
    x : array_like
        May be infinite.
    degrees : float
        Degrees of freedom, positive; numpy.inf for normal variables.
    size : int
        How many are averaged, at least 1.

    Returns
    -------
    ndarray
        Shape of `x`, to an absolute error of 1e-6 in the far tail and 1e-10 elsewhere.

    Raises
    ------
    ValueError
        If x is not a number or an argument out of its range.

    Examples
    --------
    >>> student_mean_cdf([0.0, 1.0], degrees=1.0, size=5).round(6).tolist()  # Cauchy: any mean is alike
    [0.5, 0.75]
    """
    values, count = np.asarray(x, dtype=np.float64), int(whole("size", size, least=1))
    if np.any(np.isnan(values)):
        raise ValueError("x must hold numbers, got nan")
    if degrees == np.inf:
        return np.asarray(special.ndtr(values * math.sqrt(count)))[()]
    freedom = float(positive("degrees", degrees))
    if count == 1:
        return np.asarray(special.stdtr(freedom, values), dtype=np.float64)[()]
    distance = np.abs(values).ravel() * math.sqrt(count)
    tail = np.minimum(count * special.stdtr(freedom, -distance * math.sqrt(count)), 0.5)
    near = np.flatnonzero(distance <= _FAR)
    if near.size:
        frequencies, weights = _rule(max(float(distance[near].max()), 1.0), freedom, count)
        for block in np.array_split(near, 1 + near.size * frequencies.size // _BLOCK):
            tail[block] = 0.5 - np.sin(distance[block, None] * frequencies) @ weights / np.pi
    below = np.clip(tail, 0.0, 0.5).reshape(values.shape)
    return np.asarray(np.where(values < 0.0, below, 1.0 - below))[()]
