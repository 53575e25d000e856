"""`sample_error_density`: the density of the true error over the prior, down to its rare left tail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import special
from threadpoolctl import threadpool_limits

from genlaws.theory.measured import AtomicErrorDensity
from genlaws.theory.tabulated import TabulatedErrorDensity

from .family import ClassifierFamily, FloatArray
from .log_mean import log_normal_mean
from .replica import Progress
from .seeds import entropy_of
from .splitting import split_on_error

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SCHEMA_VERSION = 1
_NO_EXAMPLES = np.empty(0, dtype=np.int64)
_PER_LEVEL = 4


@dataclass(frozen=True, slots=True, eq=False)
class ErrorDensityEnsemble:
    """Distribution function of the true error over the prior, from independent splitting runs.

    Attributes
    ----------
    errors : ndarray, shape (grid,), ascending
        True errors in [0, 1]. For errors counted on m points, every multiple of 1/m in the measured range.
    log_cdfs : ndarray, shape (replicas, grid)
        Natural log of the prior mass with true error at most `errors`, one row per run.
    error_name, error_resolution
        Which true error, and the number of points behind it (None: exact).
    persistence : float
        Largest share of its past that a population kept between two levels.
    collapsed : bool
        Whether some level was no longer a sample; then believe nothing.
    """

    errors: FloatArray
    log_cdfs: FloatArray
    error_name: str
    error_resolution: int | None
    persistence: float
    collapsed: bool
    family: str
    particles: int
    seed: int

    @property
    def replicas(self) -> int:
        """Number of independent runs."""
        return int(self.log_cdfs.shape[0])

    @property
    def log_cdf(self) -> FloatArray:
        """Natural log of the prior mass with true error at most `errors`, shape (grid,)."""
        return np.minimum(log_normal_mean(self.log_cdfs)[0], 0.0)

    @property
    def log_cdf_se(self) -> FloatArray:
        """Standard error of `log_cdf` over the runs, shape (grid,)."""
        return log_normal_mean(self.log_cdfs)[1]

    def _refuse_collapsed(self) -> None:
        if self.collapsed:
            raise ValueError(
                f"the population collapsed (persistence {self.persistence:.2f}): ask for more particles, "
                "a larger smallest_error or a higher log_floor"
            )

    def density(
        self, *, edge_exponent: float | None = None, minimum: float | None = None
    ) -> TabulatedErrorDensity | AtomicErrorDensity:
        """The measured density as the theory takes it: a table, or atoms on a finite pool.

        Parameters
        ----------
        edge_exponent, minimum : float, optional
            Model of the edge below the smallest error measured; see `TabulatedErrorDensity`. Not for a pool.

        Raises
        ------
        ValueError
            If the population collapsed, or errors are counted on held-out points: (1 - k/m)^n is then a
            biased estimate of survival; use `learning_curves`, which are not.
        """
        return self._tabulated(self.log_cdf, edge_exponent=edge_exponent, minimum=minimum)

    def run_densities(self) -> tuple[TabulatedErrorDensity | AtomicErrorDensity, ...]:
        """The density of each run by itself, without a model of the edge; raises as `density` does."""
        return tuple(self._tabulated(log_cdf) for log_cdf in self.log_cdfs)

    def _tabulated(
        self, log_cdf: FloatArray, *, edge_exponent: float | None = None, minimum: float | None = None
    ) -> TabulatedErrorDensity | AtomicErrorDensity:
        self._refuse_collapsed()
        if self.error_name == "heldout":
            raise ValueError("a density counted on held-out points cannot be tilted; use learning_curves")
        if self.error_name == "pool":
            return AtomicErrorDensity(self.errors, np.exp(_log_masses(log_cdf)))
        errors, log_cdf = self.errors, np.maximum.accumulate(log_cdf)
        if log_cdf[-1] < 0.0:
            errors, log_cdf = np.append(errors, 1.0), np.append(log_cdf, 0.0)
        return TabulatedErrorDensity(errors, log_cdf=log_cdf, edge_exponent=edge_exponent, minimum=minimum)

    def learning_curves(self, n_examples: ArrayLike) -> FloatArray:
        """Mean error that the measured density foretells after n examples without error, run by run.

        For errors counted on m points. On a pool a classifier survives with probability (1 - k/m)^n; with k
        errors on m held-out points, C(m-k, n) / C(m, n) is the unbiased estimate of its survival.

        Parameters
        ----------
        n_examples : array_like of int, shape (sizes,)

        Returns
        -------
        ndarray, shape (replicas, sizes)
            1 - Z_{n+1} / Z_n, the annealed mean error [derived from the definitions of
            arXiv:2410.16868; compare Schwartz et al. 1990].

        Raises
        ------
        ValueError
            If the population collapsed, the error is exact (use `density`), or n + 1 is more than the
            held-out points.
        """
        self._refuse_collapsed()
        points = self.error_resolution
        if points is None:
            raise ValueError("learning_curves are for counted errors; use density() for exact ones")
        n = np.atleast_1d(np.asarray(n_examples, dtype=np.float64))
        if self.error_name == "heldout" and np.any(n + 1 > points):
            raise ValueError(f"n_examples must stay below the {points} held-out points, got {n.max():g}")
        right = points - np.round(self.errors * points)

        def log_survival(size: FloatArray) -> FloatArray:
            with np.errstate(divide="ignore"):
                if self.error_name == "pool":
                    return np.asarray(special.xlogy(size[:, None], right / points))
            left = np.where(right >= size[:, None], right - size[:, None], np.nan)
            log_ways = special.gammaln(right + 1.0) - special.gammaln(left + 1.0)
            log_all = special.gammaln(points + 1.0) - special.gammaln(points - size + 1.0)
            return np.asarray(np.where(np.isnan(left), -np.inf, log_ways) - log_all[:, None])

        log_mass = _log_masses(self.log_cdfs)[:, None, :]
        now, after = (special.logsumexp(log_mass + log_survival(size), axis=2) for size in (n, n + 1.0))
        return np.asarray(-np.expm1(after - now))

    def to_dict(self) -> dict[str, Any]:
        """What was measured, ready for JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "family": self.family,
            "error_name": self.error_name,
            "error_resolution": self.error_resolution,
            "errors": self.errors.tolist(),
            "log_cdf": self.log_cdf.tolist(),
            "log_cdfs": self.log_cdfs.tolist(),
            "log_cdf_se": self.log_cdf_se.tolist(),
            "persistence": self.persistence,
            "collapsed": self.collapsed,
            "particles": self.particles,
            "replicas": self.replicas,
            "seed": self.seed,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """What `to_dict` wrote, read again.

        Raises
        ------
        ValueError
            If `document` is none of these, or its columns do not fit together.
        """
        try:
            values = {field.name: document[field.name] for field in fields(cls)}
            values |= {name: np.asarray(values[name], dtype=np.float64) for name in ("errors", "log_cdfs")}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no measured error density: {error} is missing or not numbers") from None
        errors, log_cdfs = values["errors"], values["log_cdfs"]
        if log_cdfs.ndim != 2 or len(log_cdfs) < 2 or errors.shape != log_cdfs.shape[1:] or errors.size < 2:
            raise ValueError(f"log_cdfs must be runs by errors {errors.shape}, got shape {log_cdfs.shape}")
        if not (np.all(np.diff(errors) > 0) and errors[0] >= 0 and errors[-1] <= 1 and np.all(log_cdfs <= 0)):
            raise ValueError("errors must rise from 0 to 1 at most, and log_cdfs be at most 0")
        return cls(**values)

    def to_frame(self) -> pd.DataFrame:
        """One row per error of the grid."""
        import pandas as pd

        return pd.DataFrame({"error": self.errors, "log_cdf": self.log_cdf, "log_cdf_se": self.log_cdf_se})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the log of the distribution function with two standard errors."""
        import matplotlib.pyplot as plt

        ax = plt.gca() if ax is None else ax
        low, high = self.log_cdf - 2.0 * self.log_cdf_se, self.log_cdf + 2.0 * self.log_cdf_se
        ax.fill_between(self.errors, low, high, alpha=0.25, linewidth=0)
        ax.plot(self.errors, self.log_cdf)
        ax.set_xlabel("true error E")
        ax.set_ylabel("ln prior mass with error at most E")
        return ax


def _log_masses(log_cdf: FloatArray) -> FloatArray:
    # Log of the mass at each error of the grid, along the last axis. Estimates on neighbouring levels may
    # cross by their errors: such steps hold no mass.
    rising = np.maximum.accumulate(log_cdf, axis=-1)
    before = np.concatenate([np.full((*rising.shape[:-1], 1), -np.inf), rising[..., :-1]], axis=-1)
    with np.errstate(divide="ignore"):
        return np.asarray(rising + np.log(-np.expm1(before - rising)))


def _grid(levels: FloatArray, thresholds: FloatArray, lowest: float, resolution: int | None) -> FloatArray:
    # counted errors: every count; exact ones: a few quantiles inside each level, and the whole body
    if resolution is not None:
        return np.arange(round(lowest * resolution), resolution + 1) / resolution
    inner = np.quantile(levels[1:], np.linspace(0.5, 1.0, _PER_LEVEL, endpoint=False), axis=1).ravel()
    body = np.quantile(levels[0], np.linspace(0.5, 1.0, 60))
    grid = np.unique(np.concatenate([inner, body, thresholds[np.isfinite(thresholds)]]))
    return grid[grid >= lowest]


def sample_error_density(
    family: ClassifierFamily,
    *,
    particles: int = 500,
    replicas: int = 6,
    smallest_error: float = 0.0,
    log_floor: float = -230.0,
    rng: np.random.Generator | int | None = None,
    progress: Progress | None = None,
) -> ErrorDensityEnsemble:
    """Measure the density of the true error over the prior, its left tail by downward splitting.

    Parameters
    ----------
    family : ClassifierFamily
        Prior and population.
    particles, replicas : int
        Classifiers in one run, and independent runs (at least 2).
    smallest_error : float in [0, 1)
        Where to stop.
    log_floor : float
        Natural log of the mass at which to stop; -230 is 1e-100.
    rng : numpy.random.Generator, int or None
    progress : callable, optional
        Called with the share of the work done.

    Returns
    -------
    ErrorDensityEnsemble

    Raises
    ------
    ValueError
        If `particles` < 20, `replicas` < 2, `smallest_error` lies outside [0, 1) or `log_floor` is not
        negative.
    """
    if particles < 20:
        raise ValueError(f"particles must be at least 20, got {particles}")
    if replicas < 2:
        raise ValueError(f"replicas must be at least 2, to give an error bar, got {replicas}")
    if not 0.0 <= smallest_error < 1.0:
        raise ValueError(f"smallest_error must lie in [0, 1), got {smallest_error}")
    if not log_floor < 0.0:
        raise ValueError(f"log_floor must be negative, got {log_floor}")
    seed = entropy_of(rng)
    tails = []
    with threadpool_limits(1):
        for k, stream in enumerate(np.random.SeedSequence(seed).spawn(replicas)):
            walk = np.random.default_rng(stream)
            tails.append(
                split_on_error(
                    family,
                    family.draw(particles, walk),
                    _NO_EXAMPLES,
                    walk,
                    target=smallest_error,
                    upward=False,
                    log_floor=log_floor,
                )
            )
            if progress is not None:
                progress((k + 1) / replicas)
    lowest = max(float(np.min(t.errors[-1])) for t in tails)
    errors = _grid(tails[0].errors, tails[0].thresholds, lowest, family.error_resolution)
    if all(t.log_mass(smallest_error) > -np.inf for t in tails):
        errors = np.union1d(errors, [smallest_error])
    log_cdfs = np.array([[t.log_mass(float(e)) for e in errors] for t in tails])
    seen = np.all(np.isfinite(log_cdfs), axis=0)
    return ErrorDensityEnsemble(
        errors=errors[seen],
        log_cdfs=np.minimum(log_cdfs[:, seen], 0.0),
        error_name=family.error_name,
        error_resolution=family.error_resolution,
        persistence=max(float(t.persistences.max()) for t in tails),
        collapsed=any(t.collapsed(lowest) for t in tails),
        family=repr(family),
        particles=particles,
        seed=seed,
    )
