"""Classical bounds of the true error at zero training error, to stand beside what an error density gives.

All hold with probability at least 1 - delta over training sets of n independent examples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln

from .argument_checks import not_negative, number_of_examples, probability

FloatArray = NDArray[np.float64]


def _log_inverse(delta: ArrayLike) -> FloatArray:
    return np.asarray(-np.log(probability("delta", delta, open_at_zero=True)))


def _capped(level: FloatArray) -> FloatArray:
    return np.asarray(np.where(np.isfinite(level), np.clip(level, 0.0, 1.0), 1.0))[()]


def occam_bound(log_classifiers: ArrayLike, n: ArrayLike, delta: ArrayLike) -> FloatArray:
    """Bound for every classifier of a finite class that makes no training error.

    ``eps = 1 - exp(-(ln|H| + ln(1/delta)) / n)``: each bad classifier survives with probability at most
    (1 - eps)^n, and there are at most |H| (Blumer et al. 1987, Information Processing Letters 24, 377). With
    ln(1/P(h)) in place of ln|H| it holds for a countable class of prior masses P(h).

    Parameters
    ----------
    log_classifiers : array_like
        ln|H|, at least 0, nats.
    n : array_like
        Number of examples, at least 0.
    delta : array_like
        In (0, 1].

    Returns
    -------
    ndarray
        Errors in [0, 1]; arguments broadcast; a NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> round(float(occam_bound(15 * np.log(2.0), 100, 0.05)), 4)
    0.1253
    """
    wanted = not_negative("log_classifiers", log_classifiers) + _log_inverse(delta)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _capped(-np.expm1(-wanted / number_of_examples(n)))


def vc_bound(dimension: ArrayLike, n: ArrayLike, delta: ArrayLike) -> FloatArray:
    """Bound for every classifier without training error of a class of given Vapnik-Chervonenkis dimension.

    ``eps = (2/n) (d log2(2 e n / d) + log2(2/delta))`` for n >= d, else 1: doubling the sample, then Sauer's
    lemma (Blumer et al. 1989, Journal of the ACM 36, 929, Theorem A2.1).

    Parameters
    ----------
    dimension : array_like
        d, at least 1: that of linear classifiers through the origin is their number of weights.
    n, delta : array_like
        As in `occam_bound`.

    Returns
    -------
    ndarray
        Errors in [0, 1]; a NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> round(float(vc_bound(20, 2000, 0.05)), 3)
    0.187
    """
    d, n_ = not_negative("dimension", dimension), number_of_examples(n)
    if np.any(d < 1.0):
        raise ValueError(f"dimension must be at least 1, got {d.min()}")
    log_inverse = _log_inverse(delta)
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = d * np.log2(2.0 * np.e * n_ / d)
        level = 2.0 / n_ * (growth + 1.0 + log_inverse / np.log(2.0))
    return _capped(np.where(n_ >= d, level, 1.0))


def sample_compression_bound(size: ArrayLike, n: ArrayLike, delta: ArrayLike) -> FloatArray:
    """Bound for a classifier that some of its training examples determine, such as its support vectors.

    ``C(n, k) (1 - eps)^(n - k) = delta / (n + 1)``, with k of the n examples enough to find the classifier
    again, and the other n - k classified right: a union over the subsets, and over k as it is not fixed
    beforehand (Floyd and Warmuth 1995, Machine Learning 21, 269).

    Parameters
    ----------
    size : array_like
        k, at least 0; at most n, where it is below the bound is 1.
    n, delta : array_like
        As in `occam_bound`.

    Returns
    -------
    ndarray
        Errors in [0, 1]; a NumPy float for scalars.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> round(float(sample_compression_bound(5, 1000, 0.05)), 4)
    0.0391
    """
    k, n_ = not_negative("size", size), number_of_examples(n)
    log_inverse = _log_inverse(delta)
    known = n_ > k
    with np.errstate(divide="ignore", invalid="ignore"):
        log_subsets = -np.log1p(n_) - betaln(np.where(known, n_ - k, 0.0) + 1.0, k + 1.0)
        wanted = log_subsets + log_inverse + np.log1p(n_)
        level = -np.expm1(-wanted / (n_ - k))
    return _capped(np.where(known, level, 1.0))
