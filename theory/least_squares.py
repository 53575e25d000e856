"""Least squares with isotropic Gaussian inputs: what the solution that gradient flow reaches costs, exactly.

Targets are ``y = w* . x + noise`` for n inputs x of p independent standard normal coordinates. Gradient flow
starts at weights w0 whose p coordinates are independent normals, and ends at the solution of least squares
nearest to them; where p > n it moves them in the span of the inputs only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import not_negative, whole

FloatArray = NDArray[np.float64]


def _mean_inverse_trace(n: FloatArray, p: FloatArray) -> FloatArray:
    # E tr (X X^T)^+ of a Wishart matrix: min(n, p) / (|n - p| - 1), infinite without two to spare
    spare = np.abs(n - p) - 1.0
    trace = np.divide(np.minimum(n, p), spare, out=np.full(spare.shape, np.inf), where=spare > 0.0)
    return np.where(n == 0.0, 0.0, trace)


def _amplified(noise: float, n: FloatArray, p: FloatArray) -> FloatArray:
    # without noise there is nothing to amplify, however singular the inputs
    return not_negative("noise", noise) * _mean_inverse_trace(n, p) if noise else np.zeros(n.shape)


def _frozen(n: FloatArray, p: FloatArray) -> FloatArray:
    return np.maximum(p - n, 0.0)


def _networks(networks: float) -> FloatArray:
    return whole("networks", networks, least=1, infinite=True)


def _sizes(n: ArrayLike, p: ArrayLike) -> tuple[FloatArray, FloatArray]:
    examples, parameters = np.broadcast_arrays(whole("n", n), whole("p", p, least=1))
    return examples, parameters


def least_squares_risk(
    n: ArrayLike,
    p: ArrayLike,
    *,
    signal: float = 1.0,
    noise: float = 0.0,
    initial_variance: float = 0.0,
    networks: float = 1.0,
) -> FloatArray:
    """Mean excess risk E|w - w*|^2 of least squares at the end of gradient flow, or of the mean of several.

    Parameters
    ----------
    n, p : array_like of int
        Numbers of examples (at least 0) and of parameters (at least 1); they broadcast.
    signal : float
        |w*|^2, at least 0.
    noise : float
        Variance of the noise on a target, at least 0.
    initial_variance : float
        Variance of each initial weight, at least 0; 0 gives the solution of least norm.
    networks : float
        How many solutions on the same examples are averaged, at least 1; numpy.inf for the ensemble mean.

    Returns
    -------
    ndarray
        The mean over inputs, noise and initial weights; infinite where it is: with noise, for
        |n - p| <= 1. A NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    ``(1 - n/p) (signal + p v / k) + noise n / (p - n - 1)`` for p > n, ``noise p / (n - p - 1)`` for p < n,
    with v the initial variance and k the networks [derived: Haar null space and inverse Wishart matrix];
    double descent as in arXiv:1812.11118.

    Examples
    --------
    >>> least_squares_risk(100, [50, 99, 200], noise=1.0).round(4).tolist()
    [1.0204, inf, 1.5101]
    """
    examples, parameters = _sizes(n, p)
    start = not_negative("initial_variance", initial_variance) / _networks(networks)
    bias = _frozen(examples, parameters) * (not_negative("signal", signal) / parameters + start)
    return np.asarray(bias + _amplified(noise, examples, parameters))[()]


def least_squares_squared_norm(
    n: ArrayLike,
    p: ArrayLike,
    *,
    signal: float = 1.0,
    noise: float = 0.0,
    initial_variance: float = 0.0,
    networks: float = 1.0,
) -> FloatArray:
    """Mean squared norm E|w|^2 of the weights that `least_squares_risk` speaks of, with the same arguments.

    Also the mean square of the output at a new input. Near p = n it grows like 1 / |n - p|.

    Parameters
    ----------
    n, p : array_like of int
        Numbers of examples and of parameters; they broadcast.
    signal, noise, initial_variance, networks : float
        As for `least_squares_risk`.

    Returns
    -------
    ndarray
        A NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    ``signal min(n, p) / p + (p - n)_+ v / k`` and the noise's share of the risk [derived].
    """
    examples, parameters = _sizes(n, p)
    start = not_negative("initial_variance", initial_variance) / _networks(networks)
    learned = not_negative("signal", signal) * np.minimum(examples / parameters, 1.0)
    kept = _frozen(examples, parameters) * start
    return np.asarray(learned + kept + _amplified(noise, examples, parameters))[()]


def least_squares_fluctuation(n: ArrayLike, p: ArrayLike, *, initial_variance: float) -> FloatArray:
    """Mean square E|w - w_bar|^2 of a solution around the mean over initial weights.

    Whatever the data: initial weights in the null space of the inputs, of dimension p - n, never move.

    Parameters
    ----------
    n, p : array_like of int
        Numbers of examples and of parameters; they broadcast.
    initial_variance : float
        Variance of each initial weight, at least 0.

    Returns
    -------
    ndarray
        ``(p - n)_+ initial_variance`` [derived]; the squared fluctuation of the output at a new input too. A
        NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> float(least_squares_fluctuation(100, 300, initial_variance=0.5))
    100.0
    """
    return np.asarray(_frozen(*_sizes(n, p)) * not_negative("initial_variance", initial_variance))[()]


def least_squares_seed_variance(
    n: ArrayLike, p: ArrayLike, *, signal: float = 1.0, initial_variance: float
) -> FloatArray:
    """Variance of the excess risk over initial weights, on the same examples, averaged over these.

    Parameters
    ----------
    n, p : array_like of int
        Numbers of examples and of parameters; they broadcast.
    signal, initial_variance : float
        As for `least_squares_risk`. Noise adds nothing: all seeds fit the same.

    Returns
    -------
    ndarray
        ``2 (p - n)_+ v^2 + 4 v signal (1 - n/p)_+`` with v the initial variance, from a noncentral chi square
        of p - n degrees [derived]. A NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    examples, parameters = _sizes(n, p)
    frozen, start = _frozen(examples, parameters), not_negative("initial_variance", initial_variance)
    missed = not_negative("signal", signal) * frozen / parameters
    return np.asarray(2.0 * frozen * start**2 + 4.0 * start * missed)[()]
