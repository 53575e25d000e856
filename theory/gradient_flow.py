"""Isotropic least squares under gradient flow: risk as a function of time, and the best time to stop.

The setting is that of `genlaws.theory.least_squares`; the loss is the mean square error over two, so that a
weight along an eigenvector of X^T X / n of eigenvalue l relaxes like ``exp(-l t)``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from .argument_checks import not_negative, whole

FloatArray = NDArray[np.float64]

# Angles of eigenvalues on the Marchenko-Pastur law: equal steps in their log-odds resolve whatever scale is
# left near the lower edge at any time, and converge exponentially.
_ODDS: FloatArray = np.arange(-45.0, 45.0, 0.125)
_ANGLES: FloatArray = np.pi * special.expit(_ODDS)
_STEPS: FloatArray = 0.125 * np.pi * special.expit(_ODDS) * special.expit(-_ODDS)


def _mode_risk(
    times: FloatArray, eigenvalues: FloatArray, weights: FloatArray, start: float, noise: float
) -> FloatArray:
    # start e^(-2lt) + noise (1 - e^(-lt))^2 / l, summed over directions; the second tends to 0 with l
    risk = np.empty(times.shape)
    for i, t in enumerate(times.flat):
        moved = -np.expm1(-eigenvalues * t)
        fitted = np.divide(moved**2, eigenvalues, out=np.zeros(len(moved)), where=eigenvalues > 0.0)
        risk.flat[i] = weights @ (start * (1.0 - moved) ** 2 + noise * fitted)
    return risk


def _marchenko_pastur(n: float, p: float) -> tuple[FloatArray, FloatArray]:
    """Positive eigenvalues of X^T X / n, and how many of the p each stands for."""
    root = math.sqrt(p / n)
    eigenvalues = (1.0 - root) ** 2 + 4.0 * root * np.sin(0.5 * _ANGLES) ** 2
    return eigenvalues, p * 2.0 / np.pi * _STEPS * np.sin(_ANGLES) ** 2 / eigenvalues


def _start(p: float, signal: float, initial_variance: float, networks: float) -> float:
    count = whole("networks", networks, least=1, infinite=True)
    return float(
        not_negative("signal", signal) / p + not_negative("initial_variance", initial_variance) / count
    )


def _sizes(n: float, p: float) -> tuple[float, float]:
    return float(whole("n", n, least=1)), float(whole("p", p, least=1))


def gradient_flow_risk(
    times: ArrayLike,
    eigenvalues: ArrayLike,
    n: int,
    *,
    signal: float = 1.0,
    noise: float = 0.0,
    initial_variance: float = 0.0,
    networks: float = 1.0,
) -> FloatArray:
    """Mean excess risk E|w(t) - w*|^2 of gradient flow on inputs with these eigenvalues, exactly.

    Parameters
    ----------
    times : array_like
        At least 0, and finite.
    eigenvalues : array_like, shape (p,)
        Of X^T X / n, those that are zero included.
    n : int
        Number of examples.
    signal, noise, initial_variance, networks : float
        |w*|^2, the variance of the noise on a target, that of each initial weight, and how many networks on
        the same examples are averaged (numpy.inf for the ensemble mean).

    Returns
    -------
    ndarray
        Shape of `times`: the mean over eigenvectors (uniform), noise and initial weights.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The sum over l of ``(signal/p + v/k) exp(-2 l t) + noise (1 - exp(-l t))^2 / (n l)`` [derived], as in
    Advani, Saxe & Sompolinsky (arXiv:1710.03667).

    Examples
    --------
    >>> gradient_flow_risk([0.0, 1e9], [1.0, 0.0], 1, signal=1.0).tolist()
    [1.0, 0.5]
    """
    modes = not_negative("eigenvalues", eigenvalues)
    if modes.ndim != 1 or modes.size == 0:
        raise ValueError(f"eigenvalues must have shape (p,), p at least 1, got {modes.shape}")
    examples = float(whole("n", n, least=1))
    start = _start(len(modes), signal, initial_variance, networks)
    spread = float(not_negative("noise", noise)) / examples
    return np.asarray(_mode_risk(not_negative("times", times), modes, np.ones(len(modes)), start, spread))[()]


def typical_gradient_flow_risk(
    times: ArrayLike,
    n: int,
    p: int,
    *,
    signal: float = 1.0,
    noise: float = 0.0,
    initial_variance: float = 0.0,
    networks: float = 1.0,
) -> FloatArray:
    """Excess risk of gradient flow for n examples and p parameters, both large.

    Parameters
    ----------
    times : array_like
        At least 0, and finite.
    n, p : int
        Numbers of examples and of parameters, at least 1.
    signal, noise, initial_variance, networks : float
        As for `gradient_flow_risk`.

    Returns
    -------
    ndarray
        Shape of `times`. `gradient_flow_risk` averaged over the Marchenko-Pastur law of ratio p/n; exact as
        both grow, with corrections of relative order 1/n (near p = n only for times far below n^2).

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The limit taken in arXiv:1710.03667; with initial weights and ensembles [derived].
    """
    examples, parameters = _sizes(n, p)
    start = _start(parameters, signal, initial_variance, networks)
    spread = float(not_negative("noise", noise)) / examples
    modes, weights = _marchenko_pastur(examples, parameters)
    frozen = max(parameters - examples, 0.0) * start
    return np.asarray(frozen + _mode_risk(not_negative("times", times), modes, weights, start, spread))[()]


def optimal_stopping_time(
    n: int,
    p: int,
    *,
    signal: float = 1.0,
    noise: float,
    initial_variance: float = 0.0,
    networks: float = 1.0,
) -> float:
    """The time at which `typical_gradient_flow_risk` is least.

    Parameters
    ----------
    n, p : int
        Numbers of examples and of parameters, at least 1.
    signal, noise, initial_variance, networks : float
        As for `gradient_flow_risk`.

    Returns
    -------
    float
        Infinite without noise, 0 where there is nothing to learn.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    One direction is best at ``log(1 + l n start / noise) / l`` with start = signal/p + v/k, so that the time
    grows like the logarithm of the signal-to-noise ratio, over the smallest positive eigenvalue; at p = n,
    where that is zero, it grows like the ratio itself [derived]. arXiv:1710.03667 has the logarithm.
    """
    examples, parameters = _sizes(n, p)
    start = _start(parameters, signal, initial_variance, networks)
    spread = float(not_negative("noise", noise)) / examples
    if spread == 0.0:
        return math.inf
    if start == 0.0:
        return 0.0
    root = math.sqrt(parameters / examples)
    edges = np.array([(1.0 - root) ** 2, (1.0 + root) ** 2])
    reach = edges * start / spread
    # log(1 + x) / x tends to 1 with x
    bounds = start / spread * np.divide(np.log1p(reach), reach, out=np.ones(2), where=reach > 0.0)
    modes, weights = _marchenko_pastur(examples, parameters)

    def still_learning(log_time: float) -> float:
        time = math.exp(log_time)
        left = np.exp(-modes * time)
        weight = weights * np.exp((modes[0] - modes) * time)
        return math.log(start * (weight @ (modes * left)) / (spread * (weight @ -np.expm1(-modes * time))))

    # at either end all directions agree, but for the one that is at its best there
    late, early = np.log(bounds)
    return math.exp(optimize.brentq(still_learning, early, late, xtol=1e-13))
