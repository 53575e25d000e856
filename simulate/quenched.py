"""`QuenchedEnsemble`: averages over independent training sets, each with its standard error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from .family import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


def _jackknife(statistic: Callable[..., FloatArray], *columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A function of means over sets, and its standard error from leaving out one set at a time."""
    sets = columns[0].shape[0]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        whole = statistic(*(c.mean(axis=0) for c in columns))
        without = statistic(*((c.sum(axis=0) - c) / (sets - 1) for c in columns))
        spread = without - without.mean(axis=0)
        return whole, np.sqrt((sets - 1) / sets * np.sum(spread**2, axis=0))


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.asarray(numerator / denominator)


@dataclass(frozen=True, slots=True)
class QuenchedEnsemble:
    """The zero-error ensembles of M independent training sets, for several numbers of examples.

    The methods that average return arrays over `n_examples`; each has a twin ending in ``_se``, its
    standard error over training sets (jackknife, one set left out at a time), which `interval` turns into
    a Student t interval. A standard error is NaN where a single set carries the whole average. Where a
    sampler was used its own error is part of the spread. f_S is 0 where H(S) is empty.

    Attributes
    ----------
    n_examples : ndarray of int64, shape (n,)
        Numbers of training examples; a set's first n examples are used.
    eps : tuple of float
        Thresholds on the true error.
    set_log_fraction : ndarray, shape (sets, n)
        ln |H(S)| / |H|, in nats; NaN where H(S) is empty.
    set_mean_error : ndarray, shape (sets, n)
        Mean true error over H(S), in [0, 1]; NaN where H(S) is empty.
    set_bad_fraction : ndarray, shape (sets, n, len(eps))
        f_S(eps), in [0, 1]; 0 where none above eps was found, NaN where H(S) was not sampled.
    set_survival : ndarray, shape (sets, n)
        Share of H(S) that is right on one example more; NaN where H(S) is empty, and for sampled
        ensembles where n + 1 is not among `n_examples`.
    set_empty : ndarray of bool, shape (sets, n)
        Whether H(S) is empty.
    error_name
        Which true error: ``"exact"``, ``"pool"`` or ``"heldout"``.
    """

    n_examples: IntArray
    eps: tuple[float, ...]
    set_log_fraction: FloatArray
    set_mean_error: FloatArray
    set_bad_fraction: FloatArray
    set_survival: FloatArray
    set_empty: BoolArray
    error_name: str = "exact"

    @property
    def sets(self) -> int:
        """Number of training sets M."""
        return int(self.set_log_fraction.shape[0])

    def _scaled(self) -> tuple[FloatArray, FloatArray]:
        """|H(S)| in units of the largest for each n, and the log of that unit."""
        logs = np.where(self.set_empty, -np.inf, self.set_log_fraction)
        unit = np.max(logs, axis=0)
        unit = np.where(np.isneginf(unit), 0.0, unit)
        return np.exp(logs - unit), unit

    def _over_sets(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean over the training sets whose H(S) is not empty."""
        there = (~self.set_empty).astype(np.float64)
        return _jackknife(_ratio, np.where(self.set_empty, 0.0, values), there)

    def _weighted(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean over training sets weighted by |H(S)|: over all pairs of a set and a member."""
        size, _ = self._scaled()
        return _jackknife(_ratio, np.where(self.set_empty, 0.0, values * size), size)

    def _bad(self, eps: float) -> FloatArray:
        if eps not in self.eps:
            raise ValueError(f"eps must be one of those measured, {list(self.eps)}, got {eps}")
        return self.set_bad_fraction[:, :, self.eps.index(eps)]

    @property
    def empty_share(self) -> FloatArray:
        """Share of training sets whose H(S) is empty; 0 where a rule is realizable."""
        return np.asarray(self.set_empty.mean(axis=0))

    @property
    def quenched_log_fraction(self) -> FloatArray:
        """E_S ln |H(S)| / |H|, in nats, over the sets whose H(S) is not empty."""
        return self._over_sets(self.set_log_fraction)[0]

    @property
    def quenched_log_fraction_se(self) -> FloatArray:
        """Standard error of `quenched_log_fraction`, in nats."""
        return self._over_sets(self.set_log_fraction)[1]

    @property
    def annealed_log_fraction(self) -> FloatArray:
        """ln E_S |H(S)| / |H| = ln Z_n, in nats; minus infinity never, NaN where all are empty."""
        return self._annealed_log_fraction()[0]

    @property
    def annealed_log_fraction_se(self) -> FloatArray:
        """Standard error of `annealed_log_fraction`, in nats."""
        return self._annealed_log_fraction()[1]

    def _annealed_log_fraction(self) -> tuple[FloatArray, FloatArray]:
        size, unit = self._scaled()
        value, se = _jackknife(lambda mean: np.asarray(np.log(mean)), size)
        return np.where(np.all(self.set_empty, axis=0), np.nan, value + unit), se

    @property
    def mean_true_error(self) -> FloatArray:
        """E_S of the mean true error in H(S) (quenched), over the sets whose H(S) is not empty."""
        return self._over_sets(self.set_mean_error)[0]

    @property
    def mean_true_error_se(self) -> FloatArray:
        """Standard error of `mean_true_error`."""
        return self._over_sets(self.set_mean_error)[1]

    @property
    def annealed_mean_error(self) -> FloatArray:
        """Mean true error with every set weighted by |H(S)|: the learning curve that Q(E) alone gives."""
        return self._weighted(self.set_mean_error)[0]

    @property
    def annealed_mean_error_se(self) -> FloatArray:
        """Standard error of `annealed_mean_error`."""
        return self._weighted(self.set_mean_error)[1]

    @property
    def survival(self) -> FloatArray:
        """E_S of the share of H(S) that is right on the next example, over sets not empty."""
        return self._over_sets(self.set_survival)[0]

    @property
    def survival_se(self) -> FloatArray:
        """Standard error of `survival`."""
        return self._over_sets(self.set_survival)[1]

    @property
    def survival_excess(self) -> FloatArray:
        """`survival` minus (1 - `mean_true_error`), paired set by set; 0 if claim A4 holds."""
        return self._over_sets(self.set_survival - 1.0 + self.set_mean_error)[0]

    @property
    def survival_excess_se(self) -> FloatArray:
        """Standard error of `survival_excess`."""
        return self._over_sets(self.set_survival - 1.0 + self.set_mean_error)[1]

    @property
    def coefficient_of_variation(self) -> FloatArray:
        """Standard deviation of |H(S)| over its mean; never above sqrt(M - 1), however heavy the tail."""
        return self._coefficient_of_variation()[0]

    @property
    def coefficient_of_variation_se(self) -> FloatArray:
        """Standard error of `coefficient_of_variation`."""
        return self._coefficient_of_variation()[1]

    def _coefficient_of_variation(self) -> tuple[FloatArray, FloatArray]:
        size, _ = self._scaled()

        def statistic(square: FloatArray, mean: FloatArray) -> FloatArray:
            return np.sqrt(np.maximum(square / mean**2 - 1.0, 0.0))

        return _jackknife(statistic, size**2, size)

    def bad_fraction(self, eps: float) -> FloatArray:
        """f_n(eps) = E_S f_S(eps), the quenched bad fraction. Raises ValueError for an unmeasured eps."""
        return _jackknife(lambda mean: mean, self._bad(eps))[0]

    def bad_fraction_se(self, eps: float) -> FloatArray:
        """Standard error of `bad_fraction`."""
        return _jackknife(lambda mean: mean, self._bad(eps))[1]

    def annealed_bad_fraction(self, eps: float) -> FloatArray:
        """g_n(eps) = E_S |H_eps(S)| / E_S |H(S)|. Raises ValueError for an unmeasured eps."""
        return self._weighted(self._bad(eps))[0]

    def annealed_bad_fraction_se(self, eps: float) -> FloatArray:
        """Standard error of `annealed_bad_fraction`."""
        return self._weighted(self._bad(eps))[1]

    def covariance(self, eps: float) -> FloatArray:
        """Cov_S(f_S(eps), |H(S)|) / E_S |H(S)|, the term by which f_n falls short of g_n.

        The sample covariance: over the same sets it is g_n - f_n by algebra. Hold it against the exact
        g_n, or against `planted_bad_fraction`, to learn something.
        """
        return self._covariance(eps)[0]

    def covariance_se(self, eps: float) -> FloatArray:
        """Standard error of `covariance`."""
        return self._covariance(eps)[1]

    def _covariance(self, eps: float) -> tuple[FloatArray, FloatArray]:
        size, _ = self._scaled()
        bad = self._bad(eps)

        def statistic(both: FloatArray, mean_bad: FloatArray, mean_size: FloatArray) -> FloatArray:
            return np.asarray(both / mean_size - mean_bad)

        return _jackknife(statistic, bad * size, bad, size)

    def interval(
        self, value: ArrayLike, se: ArrayLike, *, level: float = 0.95
    ) -> tuple[FloatArray, FloatArray]:
        """Student t interval with M - 1 degrees of freedom around `value`.

        Raises ValueError if `level` is not between 0 and 1.
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must lie between 0 and 1, got {level}")
        half = stats.t.ppf(0.5 + level / 2.0, self.sets - 1) * np.asarray(se, dtype=np.float64)
        centre = np.asarray(value, dtype=np.float64)
        return centre - half, centre + half

    def to_dict(self) -> dict[str, Any]:
        """Averages and values of every set, ready for JSON; what is not there is None."""
        averages = (
            "quenched_log_fraction",
            "annealed_log_fraction",
            "mean_true_error",
            "annealed_mean_error",
            "survival",
            "coefficient_of_variation",
        )
        table: dict[str, Any] = {
            "schema_version": 1,
            "n_examples": self.n_examples.tolist(),
            "sets": self.sets,
            "eps": list(self.eps),
            "error_name": self.error_name,
            "empty_share": self.empty_share.tolist(),
        }
        for name in averages:
            table[name] = _nullable(getattr(self, name))
            table[name + "_se"] = _nullable(getattr(self, name + "_se"))
        for name in ("bad_fraction", "annealed_bad_fraction", "covariance"):
            table[name] = [_nullable(getattr(self, name)(e)) for e in self.eps]
            table[name + "_se"] = [_nullable(getattr(self, name + "_se")(e)) for e in self.eps]
        for name in ("set_log_fraction", "set_mean_error", "set_survival"):
            table[name] = [_nullable(row) for row in getattr(self, name)]
        table["set_bad_fraction"] = [[_nullable(row) for row in s] for s in self.set_bad_fraction]
        return table

    def to_frame(self) -> pd.DataFrame:
        """One row per training set and number of examples; a column ``bad_fraction_EPS`` per threshold."""
        import pandas as pd

        columns: dict[str, NDArray[Any]] = {
            "set": np.repeat(np.arange(self.sets), self.n_examples.size),
            "n_examples": np.tile(self.n_examples, self.sets),
            "log_fraction": self.set_log_fraction.ravel(),
            "mean_error": self.set_mean_error.ravel(),
            "survival": self.set_survival.ravel(),
        }
        for j, e in enumerate(self.eps):
            columns[f"bad_fraction_{e:g}"] = self.set_bad_fraction[:, :, j].ravel()
        return pd.DataFrame(columns)


def _nullable(values: FloatArray) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]
