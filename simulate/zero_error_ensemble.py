"""`ZeroErrorEnsemble`: the classifiers with zero error on one training set, as runs measured them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .family import ClassifierFamily, FloatArray, IntArray
from .log_mean import log_normal_mean
from .replica import ReplicaTrace
from .splitting import COLLAPSED_PERSISTENCE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SCHEMA_VERSION = 1
Status = Literal["ok", "collapsed", "below_floor"]

_PER_REPLICA = (
    "log_fractions",
    "genealogical_variances",
    "true_errors",
    "disagreements",
    "majority_errors",
    "persistences",
    "log_bad_fractions",
    "bad_collapsed",
    "floors",
    "survival_gaps",
)


_COLUMNS = (
    "n_examples",
    "status",
    "log_fraction",
    "log_fraction_se",
    "log_fraction_se_single_run",
    "log_fraction_upper",
    "mean_true_error",
    "mean_true_error_se",
    "majority_error",
    "majority_error_se",
    "disagreement",
    "disagreement_se",
    "persistence",
)


@dataclass(frozen=True, slots=True, eq=False)
class ZeroErrorEnsemble:
    """Independent runs of the sampler on one training set, for every n asked for.

    Build it with `sample_zero_error`. Fields hold the runs, shape (replicas, sizes, ...), NaN where a run
    did not get; properties hold what follows from them, shape (sizes,), NaN where `status` is not ``"ok"``.
    Fractions are natural logs, errors lie in [0, 1].

    Attributes
    ----------
    n_examples : ndarray of int, shape (sizes,)
    training_set : ndarray of int, shape (at least max n,)
    bad_errors : ndarray, shape (asked,)
    error_grid : ndarray, shape (grid,)
        Errors at which `log_bad_fractions` are kept.
    log_fractions : ndarray, shape (replicas, sizes)
    true_errors : ndarray, shape (replicas, sizes, particles)
        True errors of equally weighted members.
    error_name, error_resolution
        Which true error, and the number of points behind it (None: exact).
    persistences : ndarray, shape (replicas, sizes)
        Largest share of its past that the population kept between two levels, up to each size or to where
        it died.
    survival_gaps : ndarray, shape (replicas, max n + 1)
        Where a run stopped before an example: the share right about it, less one minus the mean error.
    """

    n_examples: IntArray
    training_set: IntArray
    bad_errors: FloatArray
    error_grid: FloatArray
    log_fractions: FloatArray
    genealogical_variances: FloatArray
    true_errors: FloatArray
    disagreements: FloatArray
    majority_errors: FloatArray
    persistences: FloatArray
    log_bad_fractions: FloatArray
    bad_collapsed: FloatArray
    floors: FloatArray
    survival_gaps: FloatArray
    family: str
    error_name: str
    error_resolution: int | None
    particles: int
    seed: int

    @classmethod
    def from_traces(
        cls,
        traces: Sequence[ReplicaTrace],
        *,
        family: ClassifierFamily,
        training_set: IntArray,
        n_examples: Sequence[int],
        bad_errors: Sequence[float],
        error_grid: FloatArray,
        particles: int,
        seed: int,
    ) -> ZeroErrorEnsemble:
        """Stack the traces of independent runs."""
        return cls(
            n_examples=np.asarray(n_examples, dtype=np.int64),
            training_set=training_set,
            bad_errors=np.asarray(bad_errors, dtype=np.float64),
            error_grid=error_grid,
            log_fractions=np.stack([t.log_fraction for t in traces]),
            genealogical_variances=np.stack([t.genealogical_variance for t in traces]),
            true_errors=np.stack([t.true_errors for t in traces]),
            disagreements=np.stack([t.disagreement for t in traces]),
            majority_errors=np.stack([t.majority_error for t in traces]),
            persistences=np.stack([t.persistence for t in traces]),
            log_bad_fractions=np.stack([t.log_bad_fraction for t in traces]),
            bad_collapsed=np.stack([t.bad_collapsed for t in traces]),
            floors=np.array([t.floor for t in traces]),
            survival_gaps=np.stack([t.survival_gaps for t in traces]),
            family=repr(family),
            error_name=family.error_name,
            error_resolution=family.error_resolution,
            particles=particles,
            seed=seed,
        )

    @property
    def replicas(self) -> int:
        """Number of independent runs."""
        return int(self.log_fractions.shape[0])

    @property
    def status(self) -> tuple[Status, ...]:
        """For each n: ``"ok"``, ``"collapsed"`` (members stopped moving), ``"below_floor"`` (all died)."""
        result: list[Status] = []
        for k in range(self.n_examples.size):
            # in this order: where a population no longer moved, that none survived says nothing
            if np.any(self.persistences[:, k] > COLLAPSED_PERSISTENCE):
                result.append("collapsed")
            elif np.any(np.isnan(self.log_fractions[:, k])):
                result.append("below_floor")
            else:
                result.append("ok")
        return tuple(result)

    def _where_ok(self, values: FloatArray) -> FloatArray:
        return np.where([s == "ok" for s in self.status], values, np.nan)

    @property
    def log_fraction(self) -> FloatArray:
        """Natural log of the prior mass with zero training error, shape (sizes,)."""
        return self._where_ok(log_normal_mean(self.log_fractions)[0])

    @property
    def log_fraction_se(self) -> FloatArray:
        """Standard error of `log_fraction` from the spread of the runs, shape (sizes,)."""
        return self._where_ok(log_normal_mean(self.log_fractions)[1])

    @property
    def log_fraction_se_single_run(self) -> FloatArray:
        """The same error from the genealogy inside single runs; NaN once that has coalesced."""
        return self._where_ok(np.sqrt(self.genealogical_variances.mean(axis=0) / self.replicas))

    @property
    def log_fraction_bias(self) -> FloatArray:
        """Log of the mean less mean of the logs: half the variance between runs where runs are many."""
        with np.errstate(invalid="ignore"):
            top = self.log_fractions.max(axis=0)
            log_mean = top + np.log(np.mean(np.exp(self.log_fractions - top), axis=0))
        return self._where_ok(log_mean - self.log_fractions.mean(axis=0))

    @property
    def log_fraction_upper(self) -> FloatArray:
        """Where some run lost all its members: an upper limit of the log fraction (95 %), else NaN.

        A run without survivors among P members bounds their share by 3 / P. A run that got through where
        another did not may have done so by a single member, whose 95 % limit is 4.74 times what it counted.
        """
        lost = np.array([s == "below_floor" for s in self.status])
        reached = self.log_fractions + np.log(4.74)
        limits = np.where(np.isnan(reached), self.floors[:, None], reached)
        return np.where(lost, limits.max(axis=0), np.nan)

    def log_fraction_interval(self, *, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Student t interval for `log_fraction`, shapes (sizes,). Raises ValueError unless 0 < level < 1."""
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must lie in (0, 1), got {level}")
        half = stats.t.ppf(0.5 + 0.5 * level, self.replicas - 1) * self.log_fraction_se
        return self.log_fraction - half, self.log_fraction + half

    def _mean_and_se(self, per_replica: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean = self._where_ok(per_replica.mean(axis=0))
        return mean, self._where_ok(per_replica.std(axis=0, ddof=1) / np.sqrt(self.replicas))

    @property
    def mean_true_error(self) -> FloatArray:
        """Mean true error of the members, the Gibbs error, shape (sizes,)."""
        return self._mean_and_se(self.true_errors.mean(axis=2))[0]

    @property
    def mean_true_error_se(self) -> FloatArray:
        """Standard error of `mean_true_error` over the runs."""
        return self._mean_and_se(self.true_errors.mean(axis=2))[1]

    @property
    def majority_error(self) -> FloatArray:
        """True error of the majority vote of the members, the Bayes error, shape (sizes,)."""
        return self._mean_and_se(self.majority_errors)[0]

    @property
    def majority_error_se(self) -> FloatArray:
        """Standard error of `majority_error` over the runs."""
        return self._mean_and_se(self.majority_errors)[1]

    @property
    def disagreement(self) -> FloatArray:
        """Probability that two members disagree on a random point, shape (sizes,)."""
        return self._mean_and_se(self.disagreements)[0]

    @property
    def disagreement_se(self) -> FloatArray:
        """Standard error of `disagreement` over the runs."""
        return self._mean_and_se(self.disagreements)[1]

    def _bad(self, eps: float) -> tuple[FloatArray, FloatArray]:
        if self.error_grid.size == 0:
            raise ValueError("no bad_errors were asked for when the ensemble was sampled")
        low, high = float(self.error_grid[0]), float(self.error_grid[-1])
        if not low <= eps <= high:
            raise ValueError(f"eps must lie in the measured range [{low:g}, {high:g}], got {eps}")
        right = int(np.searchsorted(self.error_grid, eps))
        left = max(right - 1, 0)
        if self.error_grid[right] == eps:
            left = right
        span = float(self.error_grid[right] - self.error_grid[left])
        part = (eps - float(self.error_grid[left])) / span if span else 0.0
        with np.errstate(invalid="ignore"):
            logs, collapsed = self.log_bad_fractions[:, :, left], self.bad_collapsed[:, :, left]
            if part:
                logs = (1.0 - part) * logs + part * self.log_bad_fractions[:, :, right]
                collapsed = np.maximum(collapsed, self.bad_collapsed[:, :, right])
            seen = np.all(np.isfinite(logs), axis=0) & ~np.any(collapsed > 0, axis=0)
            estimate, error = log_normal_mean(np.where(seen, logs, np.nan))
        return self._where_ok(estimate), self._where_ok(error)

    def log_bad_fraction(self, eps: float) -> FloatArray:
        """Natural log of the share of members with true error above `eps`, shape (sizes,).

        NaN where no run reached it. Between the errors kept, the log is interpolated linearly. Raises
        ValueError if `eps` lies outside the measured range.
        """
        return self._bad(eps)[0]

    def log_bad_fraction_se(self, eps: float) -> FloatArray:
        """Standard error of `log_bad_fraction` over the runs, shape (sizes,)."""
        return self._bad(eps)[1]

    @property
    def survival_check(self) -> tuple[float, float]:
        """Mean of `survival_gaps` over examples, zero in expectation, and its standard error.

        Runs share the examples, so gaps are first averaged over the runs that stopped there.
        """
        seen = np.any(np.isfinite(self.survival_gaps), axis=0)
        if np.count_nonzero(seen) < 2:
            return float("nan"), float("nan")
        gaps = np.nanmean(self.survival_gaps[:, seen], axis=0)
        return float(gaps.mean()), float(gaps.std(ddof=1) / np.sqrt(gaps.size))

    def _runs(self) -> set[bytes]:
        # each run that got anywhere, by all that it measured
        got = np.flatnonzero(np.isfinite(self.log_fractions).any(axis=1))
        return {b"".join(getattr(self, name)[r].tobytes() for name in _PER_REPLICA) for r in got}

    def merge(self, other: ZeroErrorEnsemble) -> ZeroErrorEnsemble:
        """Join the runs of two ensembles of one training set, made with different seeds.

        Raises ValueError if they differ in family, training set, sizes, errors asked for or particles, or
        share a run (the same run twice would fake precision).
        """
        for name in ("family", "n_examples", "training_set", "bad_errors", "particles", "error_name"):
            if not np.array_equal(getattr(self, name), getattr(other, name)):
                raise ValueError(f"ensembles must agree in {name}")
        if self.seed == other.seed or self._runs() & other._runs():
            raise ValueError(f"ensembles must not share runs, got seeds {self.seed} and {other.seed}")
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in _PER_REPLICA:
            values[name] = np.concatenate([getattr(self, name), getattr(other, name)])
        return ZeroErrorEnsemble(**values)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the runs to one `.npz` file, by temporary file and rename."""
        target = Path(path)
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays: dict[str, Any] = {k: v for k, v in values.items() if isinstance(v, np.ndarray)}
        header = {k: v for k, v in values.items() if not isinstance(v, np.ndarray)}
        header["schema_version"] = SCHEMA_VERSION
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".npz.part")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez_compressed(stream, header=np.array(json.dumps(header)), **arrays)
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ZeroErrorEnsemble:
        """Read what `save` wrote. Raises ValueError if the file is not one, or is damaged."""
        try:
            # opened here, since a damaged file would otherwise stay open
            with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as data:
                values: dict[str, Any] = {name: data[name] for name in data.files}
            header = json.loads(str(values.pop("header")))
            if header.pop("schema_version") != SCHEMA_VERSION:
                raise ValueError("another schema version")
            return cls(**values, **header)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(f"{path} is no ensemble file, or it is damaged: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """What was measured, ready for JSON: null where `status` is not ``"ok"``."""

        def column(values: NDArray[Any]) -> list[float | None]:
            return [float(v) if np.isfinite(v) else None for v in values]

        check = self.survival_check
        result: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "family": self.family,
            "error_name": self.error_name,
            "error_resolution": self.error_resolution,
            "n_examples": self.n_examples.tolist(),
            "status": list(self.status),
            "log_fraction": column(self.log_fraction),
            "log_fraction_se": column(self.log_fraction_se),
            "log_fraction_se_single_run": column(self.log_fraction_se_single_run),
            "log_fraction_upper": column(self.log_fraction_upper),
            "mean_true_error": column(self.mean_true_error),
            "mean_true_error_se": column(self.mean_true_error_se),
            "majority_error": column(self.majority_error),
            "majority_error_se": column(self.majority_error_se),
            "disagreement": column(self.disagreement),
            "disagreement_se": column(self.disagreement_se),
            "persistence": column(np.max(self.persistences, axis=0)),
            "survival_check": dict(zip(("mean", "se"), column(np.array(check)), strict=True)),
            "particles": self.particles,
            "replicas": self.replicas,
            "seed": self.seed,
        }
        if self.bad_errors.size:
            result["eps"] = self.bad_errors.tolist()
            # one column per eps asked for; a single eps gives plain columns
            logs = [column(self.log_bad_fraction(e)) for e in self.bad_errors]
            errors = [column(self.log_bad_fraction_se(e)) for e in self.bad_errors]
            single = self.bad_errors.size == 1
            result["log_bad_fraction"] = logs[0] if single else logs
            result["log_bad_fraction_se"] = errors[0] if single else errors
        return result

    def to_frame(self) -> pd.DataFrame:
        """One row per n, with two columns per eps asked for, such as ``log_bad_fraction_0.1``."""
        import pandas as pd

        measured = self.to_dict()
        rows = {name: measured[name] for name in _COLUMNS}
        for eps in self.bad_errors:
            rows[f"log_bad_fraction_{eps:g}"] = self.log_bad_fraction(eps)
            rows[f"log_bad_fraction_se_{eps:g}"] = self.log_bad_fraction_se(eps)
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the log fraction against n, with its 95 % interval."""
        import matplotlib.pyplot as plt

        ax = plt.gca() if ax is None else ax
        low, high = self.log_fraction_interval()
        ax.fill_between(self.n_examples, low, high, alpha=0.25, linewidth=0)
        ax.plot(self.n_examples, self.log_fraction, marker="o", markersize=3)
        ax.set_xlabel("training examples n")
        ax.set_ylabel("ln fraction with zero training error")
        return ax
