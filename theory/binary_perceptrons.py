"""Reference curves of the perceptron with weights +1 and -1 learning from a teacher, for large dimension.

Up to a threshold in alpha (examples per dimension) the classifiers without training error are exponentially
many and err on a finite share of inputs; beyond it only the teacher is left, and the error jumps to 0.
Inputs are Gaussian. All results are [derived] and replica symmetric; counts are of classifiers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from .gaussian_averages import FloatArray, boundary_pull, mean_log_survival, over_alpha

# Trapezoidal rule over the Gaussian field; tanh is analytic to pi / (2 sqrt field), 1 at the fields used.
_STEP = 1.0 / 16.0
_NODES: FloatArray = np.arange(-192.0, 193.0) * _STEP
_WEIGHTS = _STEP * np.exp(-0.5 * _NODES * _NODES) / np.sqrt(2.0 * np.pi)

# Beyond the last field the branches have long turned unstable; at the last overlap likewise.
_LARGEST_FIELD = 8.0
_LARGEST_OVERLAP = 0.95


@dataclass(frozen=True, slots=True)
class PerceptronTransition:
    """A point on the alpha axis where a branch of solutions ends or loses to the teacher.

    Attributes
    ----------
    alpha
        Examples per dimension.
    overlap
        Overlap with the teacher on the branch, there.
    error
        Its true error, arccos(overlap) / pi.
    """

    alpha: float
    overlap: float
    error: float


# The replica-symmetric branch, by its field: alpha grows with it from 0 up to the spinodal.


def _local_fields(field: FloatArray) -> FloatArray:
    fields: FloatArray = np.sqrt(field)[..., None] * _NODES + field[..., None]
    return fields


def _overlap(field: FloatArray) -> FloatArray:
    overlap: FloatArray = np.tanh(_local_fields(field)) @ _WEIGHTS
    return overlap


def _alpha(field: FloatArray) -> FloatArray:
    gap = np.sqrt(1.0 - _overlap(field))
    alpha: FloatArray = np.pi * field * gap / boundary_pull(gap)
    return alpha


def _free_entropy(field: FloatArray) -> FloatArray:
    overlap = _overlap(field)
    fields = _local_fields(field)
    entropy: FloatArray = np.logaddexp(fields, -fields) @ _WEIGHTS - 0.5 * field * (1.0 + overlap)
    return entropy + _alpha(field) * mean_log_survival(np.sqrt(1.0 - overlap))


# The annealed branch, by its overlap.


def _annealed_alpha(overlap: FloatArray) -> FloatArray:
    error = np.arccos(overlap) / np.pi
    alpha: FloatArray = np.pi * (1.0 - error) * np.sqrt(1.0 - overlap**2) * np.arctanh(overlap)
    return alpha


def _annealed_free_entropy(overlap: FloatArray) -> FloatArray:
    up, down = 0.5 * (1.0 + overlap), 0.5 * (1.0 - overlap)
    entropy = -up * np.log(up) - down * np.log(down)
    growth: FloatArray = entropy + _annealed_alpha(overlap) * np.log1p(-np.arccos(overlap) / np.pi)
    return growth


def _scalar(function: Callable[[FloatArray], FloatArray]) -> Callable[[float], float]:
    return lambda value: float(function(np.array([value]))[0])


def _highest(alpha_of: Callable[[FloatArray], FloatArray], end: float) -> float:
    """Where `alpha_of` peaks in (0, end)."""
    found = optimize.minimize_scalar(
        lambda value: -_scalar(alpha_of)(value), bounds=(0.0, end), method="bounded", options={"xatol": 1e-10}
    )
    return float(found.x)


def _place(alpha_of: Callable[[FloatArray], FloatArray], alpha: FloatArray, end: float) -> FloatArray:
    """The points in [0, end] where the increasing `alpha_of` equals `alpha`, by bisection of all at once."""
    low, high = np.zeros_like(alpha), np.full_like(alpha, end)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = alpha_of(middle) < alpha
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def _transition(alpha: float, overlap: float) -> PerceptronTransition:
    return PerceptronTransition(alpha=alpha, overlap=overlap, error=float(np.arccos(overlap) / np.pi))


@functools.cache
def _spinodal_field() -> float:
    return _highest(_alpha, _LARGEST_FIELD)


@functools.cache
def _transition_field() -> float:
    return float(optimize.brentq(_scalar(_free_entropy), 0.1, _spinodal_field(), xtol=1e-14))


@functools.cache
def _annealed_transition_overlap() -> float:
    end = _highest(_annealed_alpha, _LARGEST_OVERLAP)
    return float(optimize.brentq(_scalar(_annealed_free_entropy), 0.1, end, xtol=1e-14))


def binary_perceptron_transition() -> PerceptronTransition:
    """Where the classifiers without training error are no longer exponentially many: alpha = 1.245.

    Overlap and error are those of the branch that ends there; beyond it only the teacher is left.
    [derived]; the replica-symmetric free entropy vanishes there.
    """
    field = _transition_field()
    return _transition(_scalar(_alpha)(field), _scalar(_overlap)(field))


def binary_perceptron_spinodal() -> PerceptronTransition:
    """Where the metastable branch of the zero-error classifiers ceases to exist: alpha = 1.49. [derived]"""
    field = _spinodal_field()
    return _transition(_scalar(_alpha)(field), _scalar(_overlap)(field))


def binary_perceptron_annealed_transition() -> PerceptronTransition:
    """Where the annealed error jumps to 0: alpha = 1.448. [derived]"""
    overlap = _annealed_transition_overlap()
    return _transition(_scalar(_annealed_alpha)(overlap), overlap)


def binary_perceptron_annealed_spinodal() -> PerceptronTransition:
    """Where the metastable branch of the annealed error ceases to exist: alpha = 1.73. [derived]"""
    overlap = _highest(_annealed_alpha, _LARGEST_OVERLAP)
    return _transition(_scalar(_annealed_alpha)(overlap), overlap)


@over_alpha
def binary_perceptron_gibbs_error(alpha: FloatArray) -> FloatArray:
    """Mean true error of the binary perceptrons without training error (replica symmetric).

    Parameters
    ----------
    alpha : float or array_like
        Examples per dimension, finite and at least 0.

    Returns
    -------
    float or ndarray of the shape of `alpha`
        In [0, 1/2]: the stable branch, 0 from `binary_perceptron_transition` on.

    Raises
    ------
    ValueError
        If an alpha is negative or not finite.

    Examples
    --------
    >>> binary_perceptron_gibbs_error([1.0, 1.3]).round(4)
    array([0.3105, 0.    ])
    """
    error = np.zeros_like(alpha)
    many = alpha < binary_perceptron_transition().alpha
    fields = _place(_alpha, alpha[many], _transition_field())
    error[many] = np.arccos(_overlap(fields)) / np.pi
    return error


@over_alpha
def binary_perceptron_annealed_error(alpha: FloatArray) -> FloatArray:
    """Annealed true error of the binary perceptron: the tilt of the error density, fluctuations ignored.

    Parameters, shape and errors as in `binary_perceptron_gibbs_error`; 0 from
    `binary_perceptron_annealed_transition` on.
    """
    error = np.zeros_like(alpha)
    many = alpha < binary_perceptron_annealed_transition().alpha
    overlaps = _place(_annealed_alpha, alpha[many], _annealed_transition_overlap())
    error[many] = np.arccos(overlaps) / np.pi
    return error


@over_alpha
def binary_perceptron_free_entropy(alpha: FloatArray) -> FloatArray:
    """Quenched log number per dimension, (1/N) E_S ln |H(S)| with |H| = 2^N, in nats (replica symmetric).

    Parameters, shape and errors as in `binary_perceptron_gibbs_error`. ln 2 at alpha = 0, and 0 (the
    teacher alone) from `binary_perceptron_transition` on. Subtract ln 2 for the log fraction.

    Notes
    -----
    The stationary value over q and q' of -q'(1+q)/2 + E ln 2 cosh(sqrt(q') z + q') + 2 alpha times the
    integral of Dt H(x) ln H(x), x = sqrt(q/(1-q)) t [derived].
    """
    entropy = np.zeros_like(alpha)
    many = alpha < binary_perceptron_transition().alpha
    entropy[many] = _free_entropy(_place(_alpha, alpha[many], _transition_field()))
    return entropy


@over_alpha
def binary_perceptron_annealed_free_entropy(alpha: FloatArray) -> FloatArray:
    """Annealed log number per dimension, (1/N) ln E_S |H(S)| with |H| = 2^N, in nats.

    Parameters, shape and errors as in `binary_perceptron_gibbs_error`; 0 from
    `binary_perceptron_annealed_transition` on. Never below `binary_perceptron_free_entropy`.
    """
    entropy = np.zeros_like(alpha)
    many = alpha < binary_perceptron_annealed_transition().alpha
    entropy[many] = _annealed_free_entropy(
        _place(_annealed_alpha, alpha[many], _annealed_transition_overlap())
    )
    return entropy
