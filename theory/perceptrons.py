"""Reference curves of the spherical perceptron learning from a teacher, in the limit of large dimension.

Weights are uniform on the sphere, inputs Gaussian, labels a teacher's of the same kind; alpha is the number
of examples per dimension. A zero-error classifier at overlap R with the teacher errs with arccos(R) / pi.
Replica symmetry is exact here, and the overlap of two zero-error classifiers is also R.
"""

from __future__ import annotations

import numpy as np

from .gaussian_averages import FloatArray, boundary_pull, mean_log_survival, over_alpha

_PULL_AT_FULL_OVERLAP = float(boundary_pull(np.zeros(1))[0])

PERCEPTRON_ANNEALED_PREFACTOR = 1.0
"""alpha times the annealed error, for large alpha."""
PERCEPTRON_GIBBS_PREFACTOR = float(np.sqrt(2.0)) / _PULL_AT_FULL_OVERLAP
"""alpha times the mean error of zero-error classifiers, for large alpha: 0.6247."""
PERCEPTRON_BAYES_PREFACTOR = 1.0 / _PULL_AT_FULL_OVERLAP
"""alpha times the error of their majority vote, for large alpha: 0.4417."""


def _root_gap(alpha: FloatArray) -> FloatArray:
    # The saddle point R / sqrt(1-R) = (alpha / pi) boundary_pull(R). Its right side varies by 13 % over
    # all R, so that inserting it into itself gains more than a digit a round, at any alpha.
    gap = np.ones_like(alpha)
    for _ in range(40):
        pulled = alpha / np.pi * boundary_pull(gap)
        new = 2.0 / (pulled + np.hypot(pulled, 2.0))
        settled = np.all(np.abs(new - gap) <= 1e-15 * new)
        gap = new
        if settled:
            break
    return gap


def _annealed_error(alpha: FloatArray) -> FloatArray:
    # tan(pi E) = pi (1-E) / alpha, whose right side contracts by at least a factor of three a round
    error = np.full_like(alpha, 0.5)
    for _ in range(60):
        new: FloatArray = np.arctan2(np.pi * (1.0 - error), alpha) / np.pi
        settled = np.all(np.abs(new - error) <= 1e-16 * new)
        error = new
        if settled:
            break
    return error


@over_alpha
def perceptron_annealed_error(alpha: FloatArray) -> FloatArray:
    """Annealed true error of the spherical perceptron: the tilt of the error density, fluctuations ignored.

    Parameters
    ----------
    alpha : float or array_like
        Examples per dimension, finite and at least 0.

    Returns
    -------
    float or ndarray of the shape of `alpha`
        The E in (0, 1/2] that maximizes ln sin(pi E) + alpha ln(1-E); 1/alpha for large alpha.

    Raises
    ------
    ValueError
        If an alpha is negative or not finite.

    Notes
    -----
    [derived] from the definitions; compare Seung, Sompolinsky & Tishby (1992).

    Examples
    --------
    >>> round(perceptron_annealed_error(5.0), 4)
    0.1553
    """
    return _annealed_error(alpha)


@over_alpha
def perceptron_annealed_log_fraction(alpha: FloatArray) -> FloatArray:
    """Annealed log fraction per dimension, (1/N) ln E_S |H(S)| / |H|, in nats.

    Parameters, shape and errors as in `perceptron_annealed_error`. Never below `perceptron_log_fraction`.
    """
    error = _annealed_error(alpha)
    fraction: FloatArray = np.log(np.sin(np.pi * error)) + alpha * np.log1p(-error)
    return fraction


@over_alpha
def perceptron_overlap(alpha: FloatArray) -> FloatArray:
    """Overlap R of a zero-error classifier with the teacher, and of two of them, in [0, 1].

    Parameters, shape and errors as in `perceptron_annealed_error`; solves
    R / sqrt(1-R) = (alpha/pi) times the integral of Dt exp(-R t^2/2) / H(sqrt(R) t) [derived].
    """
    gap = _root_gap(alpha)
    return (1.0 - gap) * (1.0 + gap)


@over_alpha
def perceptron_gibbs_error(alpha: FloatArray) -> FloatArray:
    """Mean true error of the classifiers without training error (replica symmetric, exact).

    Parameters
    ----------
    alpha : float or array_like
        Examples per dimension, finite and at least 0.

    Returns
    -------
    float or ndarray of the shape of `alpha`
        arccos(R) / pi, in (0, 1/2]; 0.6247 / alpha for large alpha.

    Raises
    ------
    ValueError
        If an alpha is negative or not finite.

    Notes
    -----
    [derived] from the saddle point given at `perceptron_overlap`.

    Examples
    --------
    >>> round(perceptron_gibbs_error(1.04), 3)
    0.333
    """
    # arccos(R) = 2 arcsin sqrt((1-R)/2), which keeps its digits where R tends to 1
    error: FloatArray = 2.0 / np.pi * np.arcsin(_root_gap(alpha) / np.sqrt(2.0))
    return error


@over_alpha
def perceptron_bayes_error(alpha: FloatArray) -> FloatArray:
    """True error of the majority vote of the classifiers without training error (replica symmetric, exact).

    Parameters, shape and errors as in `perceptron_gibbs_error`: arccos(sqrt R) / pi, 0.4417 / alpha for
    large alpha.

    Examples
    --------
    >>> round(perceptron_bayes_error(1.04), 3)
    0.25
    """
    error: FloatArray = np.arcsin(np.minimum(_root_gap(alpha), 1.0)) / np.pi
    return error


@over_alpha
def perceptron_log_fraction(alpha: FloatArray) -> FloatArray:
    """Quenched log fraction per dimension, (1/N) E_S ln |H(S)| / |H|, in nats (replica symmetric, exact).

    Parameters
    ----------
    alpha : float or array_like
        Examples per dimension, finite and at least 0.

    Returns
    -------
    float or ndarray of the shape of `alpha`
        ln(1-R)/2 + R/2 + 2 alpha times the integral of Dt H(x) ln H(x), x = sqrt(R/(1-R)) t, at the
        saddle point over R. Its slope in alpha is -ln 2 at 0.

    Raises
    ------
    ValueError
        If an alpha is negative or not finite.

    Notes
    -----
    [derived] from the replica free entropy with the overlap among students equal to that with the teacher.
    """
    gap = _root_gap(alpha)
    fraction: FloatArray = np.log(gap) + 0.5 * (1.0 - gap * gap) + alpha * mean_log_survival(gap)
    return fraction
