"""What follows from an error density: the learning curve, the annealed bad fraction and its rate of decay."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import error_level, number_of_examples
from .error_density import ErrorDensity

FloatArray = NDArray[np.float64]


def learning_curve(density: ErrorDensity, n: ArrayLike) -> FloatArray:
    r"""Mean true error of the classifiers with zero training error, annealed over sets of n examples.

    <E>_n = \int E Q(E) (1-E)^n dE / Z_n = 1 - Z_{n+1}/Z_n, which cannot rise with n. Classifiers are counted
    over all training sets together, so that a training set weighs as much as it leaves classifiers: the
    annealed average.

    Parameters
    ----------
    density : ErrorDensity
        Q(E) over the set of classifiers.
    n : array_like
        Numbers of examples, real and at least 0.

    Returns
    -------
    ndarray
        Errors in [0, 1], of the shape of `n`; a NumPy float for a scalar.

    Raises
    ------
    ValueError
        If an `n` is negative, not finite, or beyond what a measured density can tell (its `largest_n`).

    Examples
    --------
    >>> from genlaws.theory import BetaErrorDensity, learning_curve
    >>> learning_curve(BetaErrorDensity(2, 5), n=[0, 13])
    array([0.28571429, 0.1       ])
    """
    return density.mean_given_zero_errors(number_of_examples(n))


def log_zero_error_fraction(density: ErrorDensity, n: ArrayLike) -> FloatArray:
    r"""ln Z_n = ln \int Q(E) (1-E)^n dE: the annealed fraction of classifiers with zero training error.

    Parameters
    ----------
    density : ErrorDensity
        Q(E) over the set of classifiers.
    n : array_like
        Numbers of examples, real and at least 0.

    Returns
    -------
    ndarray
        Nats, at most 0, of the shape of `n`; a NumPy float for a scalar.

    Raises
    ------
    ValueError
        If an `n` is negative, not finite, or beyond what a measured density can tell.
    """
    return density.log_zero_error_fraction(number_of_examples(n))


def log_annealed_bad_fraction(density: ErrorDensity, *, n: ArrayLike, eps: ArrayLike) -> FloatArray:
    r"""ln g_n(eps) = ln[ \int_{E > eps} Q (1-E)^n dE / Z_n ]: the annealed fraction of bad classifiers.

    The ratio of two averages over training sets. The average of the ratio, the quenched fraction f_n, differs
    from it by the covariance term that arXiv 2410.16868 drops.

    Parameters
    ----------
    density : ErrorDensity
        Q(E) over the set of classifiers.
    n : array_like
        Numbers of examples, real and at least 0.
    eps : array_like
        Error levels in [0, 1) above which a classifier is bad; broadcasts with `n`.

    Returns
    -------
    ndarray
        Nats, at most 0, ``-inf`` where no classifier is that bad; a NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range, or `n` beyond what a measured density can tell.
    """
    return density.log_bad_fraction_given_zero_errors(number_of_examples(n), error_level(eps))


def _lowest_bad_error(density: ErrorDensity, eps: FloatArray) -> FloatArray:
    """Lowest error above eps: the next atom, or eps itself in a continuous support; NaN if none."""
    if density.atoms is None:
        lowest = np.maximum(eps, density.minimum)
        return np.where(eps < density.maximum, lowest, np.nan)
    atoms = np.append(density.atoms, np.nan)
    return np.asarray(atoms[np.searchsorted(density.atoms, eps, side="right")])


def decay_rate(density: ErrorDensity, eps: ArrayLike) -> FloatArray:
    """Limit of -(1/n) ln g_n(eps): ln((1 - E_min)/(1 - eps+)), eps+ the lowest error above `eps`.

    eps+ is `eps` itself inside a continuous density and the next atom of a discrete one. A power of n stands
    before the exponential: see `decay_prefactor_exponent`.

    Parameters
    ----------
    density : ErrorDensity
        Q(E) over the set of classifiers.
    eps : array_like
        Error levels in [0, 1).

    Returns
    -------
    ndarray
        Nats per example, at least 0; ``inf`` where no classifier errs more than `eps`, or only such as always
        err.

    Raises
    ------
    ValueError
        If `eps` is outside [0, 1).
    """
    lowest = _lowest_bad_error(density, error_level(eps))
    with np.errstate(divide="ignore"):
        rate = np.log1p(-density.minimum) - np.log1p(-lowest)
    return np.asarray(np.where(np.isnan(lowest), np.inf, rate))[()]


def decay_prefactor_exponent(density: ErrorDensity, eps: ArrayLike) -> FloatArray:
    """Exponent c of g_n(eps) ~ n^c exp(-rate n): the edge exponent, less 1 if the density is continuous.

    Parameters
    ----------
    density : ErrorDensity
        Q(E) over the set of classifiers.
    eps : array_like
        Error levels in [0, 1).

    Returns
    -------
    ndarray
        Exponents; 0 where `eps` lies below the support (every classifier is bad), NaN where the edge of the
        density is not known.

    Raises
    ------
    ValueError
        If `eps` is outside [0, 1).
    """
    eps_ = error_level(eps)
    edge = np.nan if density.edge_exponent is None else density.edge_exponent
    exponent = np.full(eps_.shape, edge if density.atoms is not None else edge - 1.0)
    everything = eps_ < density.minimum if density.atoms is not None else eps_ <= density.minimum
    return np.asarray(np.where(everything, 0.0, exponent))[()]
