"""`MinimaComparison`: do trained classifiers find better global minima than the typical one?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate import ZeroErrorEnsemble

FloatArray = NDArray[np.float64]

SCHEMA_VERSION = 1


def _ranked(errors: FloatArray, among: FloatArray) -> FloatArray:
    # share of `among` with a smaller error, equal ones counted half
    ordered = np.sort(among, axis=None)
    below, upto = (np.searchsorted(ordered, errors, side=side) for side in ("left", "right"))
    return np.asarray(0.5 * (below + upto) / ordered.size)


def _joint_error(first: FloatArray, second: FloatArray) -> float:
    variances = [values.var(ddof=1) / values.size for values in (first, second)]
    return float(np.sqrt(sum(variances)))


@dataclass(frozen=True, slots=True, eq=False)
class MinimaComparison:
    """True errors of trained classifiers beside those of all zero-error ones, on one training set.

    Attributes
    ----------
    n_examples : int
        Size of the training set.
    trained_errors : ndarray, shape (trained,)
        True errors of classifiers that were trained to zero training error, in [0, 1].
    typical_errors : ndarray, shape (replicas, particles)
        True errors of members of the zero-error ensemble, weighted by the prior, one row per run.
    error_name, error_resolution
        Which true error, and the number of points behind it (None: exact).
    """

    n_examples: int
    trained_errors: FloatArray
    typical_errors: FloatArray
    error_name: str
    error_resolution: int | None

    @property
    def difference(self) -> float:
        """Mean error of trained classifiers less that of typical ones; below zero training is better."""
        return float(self.trained_errors.mean() - self.typical_errors.mean())

    @property
    def difference_se(self) -> float:
        """Standard error of `difference` over trained classifiers and over runs, on these points."""
        return _joint_error(self.trained_errors, self.typical_errors.mean(axis=1))

    @property
    def ranks(self) -> FloatArray:
        """Share of typical minima that are better than each trained one, ties counted half, (trained,)."""
        return _ranked(self.trained_errors, self.typical_errors)

    @property
    def rank(self) -> float:
        """Probability that a typical minimum is better than a trained one; below 1/2 training is better."""
        return float(self.ranks.mean())

    @property
    def rank_se(self) -> float:
        """Standard error of `rank`: that of a U statistic, with the runs as clusters (DeLong et al. 1988)."""
        by_run = np.array([_ranked(self.trained_errors, run).mean() for run in self.typical_errors])
        return _joint_error(self.ranks, by_run)

    def to_dict(self) -> dict[str, Any]:
        """The comparison, ready for JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "n_examples": self.n_examples,
            "error_name": self.error_name,
            "error_resolution": self.error_resolution,
            "trained": self.trained_errors.size,
            "replicas": len(self.typical_errors),
            "mean_trained_error": float(self.trained_errors.mean()),
            "mean_typical_error": float(self.typical_errors.mean()),
            "difference": self.difference,
            "difference_se": self.difference_se,
            "rank": self.rank,
            "rank_se": self.rank_se,
        }


def compare_minima(
    ensemble: ZeroErrorEnsemble, trained_errors: ArrayLike, *, n_examples: int
) -> MinimaComparison:
    """Set trained classifiers beside the prior-weighted zero-error ensemble of the same training set.

    Parameters
    ----------
    ensemble : ZeroErrorEnsemble
        Of the training set that the classifiers were trained on.
    trained_errors : array_like, shape (trained,)
        True errors of the classifiers that reached zero training error, on the points behind the
        ensemble's errors; at least 2.
    n_examples : int
        How many examples of the training set they were trained on.

    Returns
    -------
    MinimaComparison

    Raises
    ------
    ValueError
        If there are fewer than 2 trained errors or one lies outside [0, 1], the ensemble was not asked for
        this n, or its status there is not ``"ok"``.
    """
    errors = np.asarray(trained_errors, dtype=np.float64)
    if errors.ndim != 1 or errors.size < 2:
        raise ValueError(f"trained_errors must hold at least 2 errors, got shape {errors.shape}")
    if not np.all((errors >= 0.0) & (errors <= 1.0)):
        raise ValueError(f"trained_errors must lie in [0, 1], got {errors.min():g} to {errors.max():g}")
    place = np.flatnonzero(ensemble.n_examples == n_examples)
    if place.size == 0:
        raise ValueError(f"n_examples must be one of {ensemble.n_examples.tolist()}, got {n_examples}")
    status = ensemble.status[int(place[0])]
    if status != "ok":
        raise ValueError(f"the zero-error ensemble at n_examples = {n_examples} is {status}")
    return MinimaComparison(
        n_examples=int(n_examples),
        trained_errors=errors,
        typical_errors=ensemble.true_errors[:, int(place[0])],
        error_name=ensemble.error_name,
        error_resolution=ensemble.error_resolution,
    )
