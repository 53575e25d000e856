"""Ensembles of linear models under gradient flow on common data, at any time in closed form.

The loss is the mean square error over two. Weights start at independent normals; what of them lies in the
null space of the inputs never moves. The first axis is the informative direction, as in `linear_data`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from .linear_data import LinearData

FloatArray = NDArray[np.float64]


def _at_least(name: str, value: float, least: float) -> None:
    if not (math.isfinite(value) and value >= least):
        raise ValueError(f"{name} must be finite and at least {least:g}, got {value}")


def _sizes(n: int, p: int, seeds: int) -> None:
    for name, value in (("n", n), ("p", p), ("seeds", seeds)):
        if value != int(value) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {value}")


@dataclass(frozen=True, slots=True, eq=False)
class LinearEnsemble:
    """Linear models with different initial weights, trained on the same examples.

    Parameters
    ----------
    inputs : array_like, shape (n, p)
    targets : array_like, shape (n,)
    initial : array_like, shape (seeds, p)
        Initial weights, one row for each model.

    Raises
    ------
    ValueError
        If the shapes do not fit or a number is not finite.
    """

    inputs: FloatArray
    targets: FloatArray
    initial: FloatArray
    _left: FloatArray = field(init=False, repr=False)
    _singular: FloatArray = field(init=False, repr=False)
    _right: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        given = (self.inputs, self.targets, self.initial)
        inputs, targets, initial = (np.asarray(a, dtype=np.float64) for a in given)
        shapes = inputs.shape, targets.shape, initial.shape
        if (inputs.ndim, initial.ndim) != (2, 2) or shapes != (
            inputs.shape,
            inputs.shape[:1],
            (len(initial), inputs.shape[1]),
        ):
            raise ValueError(
                f"inputs, targets and initial must have shapes (n, p), (n,), (seeds, p), got {shapes}"
            )
        if not all(np.all(np.isfinite(a)) for a in (inputs, targets, initial)):
            raise ValueError("inputs, targets and initial must be finite")
        left, singular, right = linalg.svd(inputs, full_matrices=False)
        kept = singular > max(inputs.shape) * np.finfo(np.float64).eps * singular[0]
        for name, value in (
            ("inputs", inputs),
            ("targets", targets),
            ("initial", initial),
            ("_left", left[:, kept]),
            ("_singular", singular[kept]),
            ("_right", right[kept]),
        ):
            object.__setattr__(self, name, value)

    @property
    def eigenvalues(self) -> FloatArray:
        """Of X^T X / n, shape (p,), largest first and with zeros for the directions that no input has."""
        zeros = np.zeros(self.inputs.shape[1] - len(self._singular))
        return np.concatenate([self._singular**2 / len(self.inputs), zeros])

    def weights(self, time: float = math.inf) -> FloatArray:
        """Weights after this time of gradient flow, shape (seeds, p).

        At infinity the solutions of least squares nearest to the initial weights. Raises ValueError for a
        negative time.
        """
        if not time >= 0.0:
            raise ValueError(f"time must be at least 0, got {time}")
        residuals = self.targets - self.initial @ self.inputs.T
        moved = -np.expm1(-(self._singular**2) / len(self.inputs) * time) / self._singular
        return np.asarray(self.initial + (residuals @ self._left * moved) @ self._right)

    def outputs(self, points: ArrayLike, time: float = math.inf) -> FloatArray:
        """Outputs at points of shape (points, p), shape (seeds, points).

        The norm of their gradient is that of the weights. Raises ValueError if the points have another
        dimension or for a negative time.
        """
        at = np.asarray(points, dtype=np.float64)
        if at.ndim != 2 or at.shape[1] != self.inputs.shape[1]:
            raise ValueError(f"points must have shape (points, {self.inputs.shape[1]}), got {at.shape}")
        return np.asarray(self.weights(time) @ at.T)


def regression_ensemble(
    n: int,
    p: int,
    *,
    seeds: int = 1,
    signal: float = 1.0,
    noise: float = 0.0,
    initial_variance: float = 0.0,
    rng: np.random.Generator | int | None = None,
) -> LinearEnsemble:
    """Models on one draw of n isotropic Gaussian inputs, with targets ``sqrt(signal) x_1`` plus noise.

    Parameters
    ----------
    n, p, seeds : int
        Examples, parameters, and models, at least 1.
    signal, noise, initial_variance : float
        Squared norm of the teacher, variance of the noise, and of each initial weight; at least 0.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    LinearEnsemble
        The excess risk of weights w is ``|w - (sqrt(signal), 0, ...)|^2``.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    _sizes(n, p, seeds)
    for name, value in (("signal", signal), ("noise", noise), ("initial_variance", initial_variance)):
        _at_least(name, value, 0.0)
    generator = np.random.default_rng(rng)
    inputs = generator.standard_normal((n, p))
    targets = math.sqrt(signal) * inputs[:, 0] + math.sqrt(noise) * generator.standard_normal(n)
    initial = math.sqrt(initial_variance) * generator.standard_normal((seeds, p))
    return LinearEnsemble(inputs, targets, initial)


def classification_ensemble(
    data: LinearData,
    n: int,
    p: int,
    *,
    seeds: int = 1,
    initial_variance: float = 0.0,
    rng: np.random.Generator | int | None = None,
) -> LinearEnsemble:
    """Models that fit the labels of one draw of n labelled points by least squares.

    Parameters
    ----------
    data : LinearData
        Such as `GaussianMixtureLabels`; ``data.error(w[:, 0] / |w|)`` is the exact error of weights w.
    n, p, seeds : int
        Examples, parameters, and models, at least 1.
    initial_variance : float
        Of each initial weight, at least 0: by it models differ, where p > n.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    LinearEnsemble

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    _sizes(n, p, seeds)
    _at_least("initial_variance", initial_variance, 0.0)
    generator = np.random.default_rng(rng)
    inputs, labels = data.points(np.arange(n), p, int(generator.integers(2**62)))
    initial = math.sqrt(initial_variance) * generator.standard_normal((seeds, p))
    return LinearEnsemble(inputs, labels, initial)


def excess_risks(weights: ArrayLike, *, signal: float = 1.0) -> FloatArray:
    """Squared distance of weights, shape (..., p), from the teacher of `regression_ensemble`, shape (...).

    Raises ValueError if the signal is negative or not finite.
    """
    _at_least("signal", signal, 0.0)
    away = np.array(weights, dtype=np.float64)
    away[..., 0] -= math.sqrt(signal)
    return np.asarray((away**2).sum(axis=-1))
