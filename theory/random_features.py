"""Regression on random Gaussian features of a known kernel: mean, spread and error over draws of features.

The model is ``f(x) = phi(x) . w / sqrt(P)`` with P features, independent centred Gaussian functions whose
covariance is the kernel K, and the weights w that minimise ``|f - y|^2 + ridge |w|^2`` on n examples (those
of least norm as the ridge tends to 0). It is the last layer of a network of P random neurons: a power -1 in
P is a power -1/2 in the number of parameters of a deep network that is P neurons wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize

from .argument_checks import kernel_and_targets, not_negative, positive, whole
from .student_means import student_mean_cdf

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RandomFeaturePrediction:
    """What the outputs of random-feature regression are at each point, over draws of the features.

    The output at point i is ``mean[i] + scale[i] * t`` with t a Student variable.

    Attributes
    ----------
    mean : ndarray, shape (points,)
        Of infinitely many draws: f_bar, the prediction of kernel regression with the effective ridge.
    scale : ndarray, shape (points,)
    degrees : float
        Degrees of freedom of t; infinite where t is taken as normal.
    effective_ridge : float
    """

    mean: FloatArray
    scale: FloatArray
    degrees: float
    effective_ridge: float

    @property
    def variance(self) -> FloatArray:
        """Of the output at each point, shape (points,); infinite for 2 degrees of freedom and fewer."""
        if math.isinf(self.degrees):
            return self.scale**2
        if self.degrees <= 2.0:
            return np.where(self.scale > 0.0, math.inf, 0.0)
        return self.scale**2 * self.degrees / (self.degrees - 2.0)

    @property
    def squared_fluctuation(self) -> float:
        """||f - f_bar||^2: the variance, averaged over points."""
        return float(self.variance.mean())

    def squared_norm(self, networks: float = 1.0) -> float:
        """||f||^2 of the mean of `networks` draws, averaged over points. Raises ValueError if below 1."""
        count = float(whole("networks", networks, least=1, infinite=True))
        return float((self.mean**2).mean()) + (0.0 if math.isinf(count) else self.squared_fluctuation / count)

    def classification_error(self, labels: ArrayLike, networks: float = 1.0) -> float:
        """Expected share of points that the sign of the mean of `networks` draws gets wrong.

        Parameters
        ----------
        labels : array_like of -1 and 1, shape (points,)
        networks : int or inf
            Ensemble size, at least 1.

        Raises
        ------
        ValueError
            If the labels do not fit or `networks` is out of range.
        """
        signs = np.asarray(labels, dtype=np.float64)
        if signs.shape != self.mean.shape or not np.all(np.abs(signs) == 1.0):
            raise ValueError(f"labels must be -1 or 1, one for each of {len(self.mean)} points")
        margins = signs * self.mean
        count = float(whole("networks", networks, least=1, infinite=True))
        certain = (self.scale == 0.0) | math.isinf(count)
        ratio = np.divide(margins, self.scale, out=np.zeros(len(margins)), where=~certain)
        size = 1 if math.isinf(count) else int(count)
        return float(np.where(certain, margins <= 0.0, student_mean_cdf(-ratio, self.degrees, size)).mean())


def effective_ridge(eigenvalues: ArrayLike, features: int, *, ridge: float = 0.0) -> float:
    """The ridge with which a kernel predicts what random features predict on average.

    Parameters
    ----------
    eigenvalues : array_like, shape (n,)
        Of the kernel on the training set, positive.
    features : int
        P, at least 1.
    ridge : float
        Of the random features, at least 0.

    Returns
    -------
    float
        kappa with ``kappa = ridge + kappa / P * sum_i d_i / (d_i + kappa)``; 0 without a ridge if P >= n.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    Jacot, Simsek, Spadaro, Hongler & Gabriel (arXiv:2002.08404).

    Examples
    --------
    >>> round(effective_ridge([1.0] * 100, 50), 6)
    1.0
    """
    spectrum = positive("eigenvalues", eigenvalues)
    if spectrum.ndim != 1 or spectrum.size == 0:
        raise ValueError(f"eigenvalues must have shape (n,), n at least 1, got {spectrum.shape}")
    width, plain = float(whole("features", features, least=1)), float(not_negative("ridge", ridge))
    examples = len(spectrum)
    if plain == 0.0 and width >= examples:
        return 0.0

    def unbalanced(log_ridge: float) -> float:
        kappa = math.exp(log_ridge)
        return plain / kappa + float((spectrum / (spectrum + kappa)).sum()) / width - 1.0

    low = max(plain, spectrum.min() * (examples / width - 1.0))
    high = plain + spectrum.sum() / width
    if unbalanced(math.log(low)) <= 0.0:  # all eigenvalues alike, up to rounding
        return float(low)
    return math.exp(optimize.brentq(unbalanced, math.log(low), math.log(high) + 1e-12, xtol=1e-14))


def random_feature_prediction(
    covariance: ArrayLike, targets: ArrayLike, features: int, *, ridge: float = 0.0
) -> RandomFeaturePrediction:
    """Mean and spread of random-feature regression over draws of the features, at every test point.

    Parameters
    ----------
    covariance : array_like, shape (n + points, n + points)
        The kernel between n training points, which come first, and the test points.
    targets : array_like, shape (n,)
        What is fitted at the training points.
    features : int
        P, at least 1.
    ridge : float
        At least 0, on the sum of squares.

    Returns
    -------
    RandomFeaturePrediction

    Raises
    ------
    ValueError
        If an argument is out of its range, the shapes do not fit, or the training block is singular.

    Notes
    -----
    Without a ridge and with P >= n the law is exact at any size [derived]. The mean is that of kernel
    regression whatever P. Given the weights, the rest is Gaussian with the variance K(x|X) of a Gaussian
    process that has seen the training set, times ``y . K^-1 y`` over a chi square of P - n + 1 degrees. So
    the variance is ``K(x|X) (y . K^-1 y) / (P - n - 1)``: power -1 in the number of features, and a peak at
    P = n. Otherwise mean and variance are deterministic equivalents for large n and P:
    ``k . (K + kappa)^-1 y`` and ``(y . K (K + kappa)^-2 y) / (P - df2)`` times
    ``K(x, x) - k . (K + 2 kappa) (K + kappa)^-2 k``, with df2 the trace of K^2 (K + kappa)^-2: the mean by
    Jacot et al. (arXiv:2002.08404), the variance [derived] from the second-order equivalents of Bach
    (arXiv:2303.01372).
    """
    kernel, y = kernel_and_targets(covariance, targets)
    n = len(y)
    spectrum, vectors = linalg.eigh(kernel[:n, :n])
    if spectrum[0] <= n * np.finfo(np.float64).eps * spectrum[-1]:
        raise ValueError(f"covariance must be positive definite at the training points, got {spectrum[0]}")
    kappa = effective_ridge(spectrum, features, ridge=ridge)
    cross, answers = kernel[n:, :n] @ vectors, y @ vectors
    shrunk = 1.0 / (spectrum + kappa)
    mean = cross @ (shrunk * answers)
    unseen = np.diagonal(kernel)[n:] - cross**2 @ ((spectrum + 2.0 * kappa) * shrunk**2)
    energy = float((spectrum * (shrunk * answers) ** 2).sum())
    if kappa == 0.0:
        degrees = float(features - n + 1)
        spread = energy / degrees
    else:
        degrees = math.inf
        spread = energy / (features - float(((spectrum * shrunk) ** 2).sum()))
    return RandomFeaturePrediction(mean, np.sqrt(np.maximum(unseen, 0.0) * spread), degrees, kappa)
