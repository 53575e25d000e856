"""Ensembles of random-feature regressions on common data, drawn exactly at any number of features.

``f(x) = phi(x) . w / sqrt(P)`` with P independent Gaussian features phi of a given covariance, and the
weights that minimise ``|f - y|^2 + ridge |w|^2``. A draw of the features is one network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from genlaws.theory.argument_checks import kernel_and_targets

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RandomFeatureEnsemble:
    """Networks with independent features, fitted to one training set.

    Attributes
    ----------
    features : int
    ridge : float
    training_outputs : ndarray, shape (seeds, n)
    outputs : ndarray, shape (seeds, points)
        At the test points: what the functions of `output_ensembles` take.
    squared_weights : ndarray, shape (seeds,)
        |w|^2 / P.
    """

    features: int
    ridge: float
    training_outputs: FloatArray
    outputs: FloatArray
    squared_weights: FloatArray


def _wishart_root(n: int, features: int, rng: np.random.Generator) -> FloatArray:
    # n x min(n, P), whose product with its transpose is distributed like that of an n x P Gaussian matrix
    if features < n:
        return rng.standard_normal((n, features))
    root = np.tril(rng.standard_normal((n, n)), -1)  # Bartlett's decomposition
    root[np.diag_indices(n)] = np.sqrt(rng.chisquare(features - np.arange(n)))
    return root


def _weights(root: FloatArray, factor: FloatArray, white: FloatArray, ridge: float) -> FloatArray:
    # over sqrt(P) from the start, so that nothing depends on P but the root
    if ridge > 0.0:
        rows = factor @ root
        gram = rows.T @ rows
        gram[np.diag_indices(len(gram))] += ridge
        return np.asarray(linalg.solve(gram, rows.T @ (factor @ white), assume_a="pos"))
    if root.shape[0] == root.shape[1]:
        return np.asarray(linalg.solve_triangular(root, white, lower=True))
    return np.asarray(linalg.lstsq(factor @ root, factor @ white, lapack_driver="gelsy")[0])


@dataclass(frozen=True, slots=True, eq=False)
class RandomFeatureRegression:
    """Regression on random Gaussian features of a known kernel, on one training set.

    A draw costs the same at a thousand features as at a billion: the features enter at the training points
    through a Wishart matrix, which is drawn as such, and at the test points as a Gaussian given those. With
    the linear kernel and unit vectors among the test points, the outputs at these are the weights of a linear
    classifier, whose error and boundary are known.

    Parameters
    ----------
    covariance : array_like, shape (n + points, n + points)
        The kernel between n training points, which come first, and the test points.
    targets : array_like, shape (n,)
        What is fitted at the training points.

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is not finite, or the training block is not positive definite.
    """

    covariance: FloatArray
    targets: FloatArray
    _factor: FloatArray = field(init=False, repr=False)
    _seen: FloatArray = field(init=False, repr=False)
    _unseen: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kernel, y = kernel_and_targets(self.covariance, self.targets)
        n = len(y)
        try:
            factor = linalg.cholesky(kernel[:n, :n], lower=True)
        except linalg.LinAlgError:
            raise ValueError("covariance must be positive definite at the training points") from None
        seen = linalg.solve_triangular(factor, kernel[:n, n:], lower=True).T
        values, vectors = linalg.eigh(kernel[n:, n:] - seen @ seen.T)
        kept = values > len(kernel) * np.finfo(np.float64).eps * np.abs(kernel).max()
        unseen = vectors[:, kept] * np.sqrt(values[kept])
        for name, value in (
            ("covariance", kernel),
            ("targets", y),
            ("_factor", factor),
            ("_seen", seen),
            ("_unseen", unseen),
        ):
            object.__setattr__(self, name, value)

    def draw(
        self,
        features: int,
        seeds: int,
        *,
        ridge: float = 0.0,
        rng: np.random.Generator | int | None = None,
    ) -> RandomFeatureEnsemble:
        """An ensemble of `seeds` networks of `features` random features each.

        Parameters
        ----------
        features, seeds : int
            At least 1.
        ridge : float
            At least 0, on the sum of squares; at 0 the solution of least norm.
        rng : numpy.random.Generator, int or None

        Returns
        -------
        RandomFeatureEnsemble

        Raises
        ------
        ValueError
            If an argument is out of its range.
        """
        if features != int(features) or features < 1:
            raise ValueError(f"features must be a whole number of at least 1, got {features}")
        if seeds != int(seeds) or seeds < 1:
            raise ValueError(f"seeds must be a whole number of at least 1, got {seeds}")
        if not (np.isfinite(ridge) and ridge >= 0.0):
            raise ValueError(f"ridge must be finite and at least 0, got {ridge}")
        generator = np.random.default_rng(rng)
        n = len(self.targets)
        white = linalg.solve_triangular(self._factor, self.targets, lower=True)
        fitted, squares = np.empty((seeds, n)), np.empty(seeds)
        for i in range(seeds):
            root = _wishart_root(n, features, generator)
            root /= math.sqrt(features)
            weights = _weights(root, self._factor, white, ridge)
            fitted[i] = root @ weights
            squares[i] = weights @ weights / features
        noise = generator.standard_normal((seeds, self._unseen.shape[1])) * np.sqrt(squares)[:, None]
        return RandomFeatureEnsemble(
            int(features),
            float(ridge),
            fitted @ self._factor.T,
            fitted @ self._seen.T + noise @ self._unseen.T,
            squares,
        )
