"""The intervals of the samplers hold what they promise: 95 % cover the exact value."""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from genlaws.simulate import GaussianProcess, SphericalPerceptron, sample_error_density, sample_zero_error
from genlaws.theory import PerceptronErrorDensity

RUNS = {"particles": 100, "replicas": 6}


@dataclass(frozen=True)
class Coverage:
    covered: int
    runs: int
    widths: np.ndarray

    @property
    def pvalue(self):
        return stats.binomtest(self.covered, self.runs, 0.95).pvalue


def cover(run, exact, runs, seed):
    # run(rng) -> estimate, standard error
    half = stats.t.ppf(0.975, RUNS["replicas"] - 1)
    pairs = np.array([run(np.random.default_rng(s)) for s in np.random.SeedSequence(seed).spawn(runs)])
    assert np.all(np.isfinite(pairs))
    inside = np.abs(pairs[:, 0] - exact) <= half * pairs[:, 1]
    return Coverage(int(inside.sum()), runs, half * pairs[:, 1])


def orthogonal(runs, n=10):
    family = GaussianProcess(np.eye(n + 1), np.arange(n + 1) % 2, training=range(n), heldout=[n])

    def run(rng):
        e = sample_zero_error(family, [n], rng=rng, **RUNS)
        return e.log_fraction[0], e.log_fraction_se[0]

    return cover(run, -n * math.log(2), runs, 1)


def equicorrelated(runs, n=30):
    family = GaussianProcess(0.5 * np.eye(n + 1) + 0.5, [1] * n + [-1], training=range(n), heldout=[n])

    def run(rng):
        e = sample_zero_error(family, [n], rng=rng, **RUNS)
        return e.log_fraction[0], e.log_fraction_se[0]

    return cover(run, -math.log(n + 1), runs, 2)


def polygon(runs, n=20):
    family = SphericalPerceptron(3)
    examples = family.training_set(n, np.random.default_rng(3))
    inputs, labels = family.data.points(examples, 3, family.seed)
    rows = inputs * (labels / np.linalg.norm(inputs, axis=1))[:, None]
    # Girard: the area is the sum of the corners' angles less (corners - 2) pi
    angles = []
    for i, j in combinations(range(n), 2):
        for sign in (1.0, -1.0):
            if np.all(np.delete(rows, [i, j], axis=0) @ (sign * np.cross(rows[i], rows[j])) > 0):
                angles.append(math.pi - math.acos(rows[i] @ rows[j]))
    exact = math.log((sum(angles) - (len(angles) - 2) * math.pi) / (4 * math.pi))

    def run(rng):
        e = sample_zero_error(family, [n], training_set=examples, rng=rng, **RUNS)
        return e.log_fraction[0], e.log_fraction_se[0]

    return cover(run, exact, runs, 3)


def left_tail(runs, error=0.03):
    family = SphericalPerceptron(6)

    def run(rng):
        e = sample_error_density(family, smallest_error=error, rng=rng, **RUNS)
        at = int(np.flatnonzero(e.errors == error)[0])
        return e.log_cdf[at], e.log_cdf_se[at]

    return cover(run, float(PerceptronErrorDensity(6).log_cdf(error)), runs, 4)


def bad_fraction(runs, n=6):
    # two dimensions: the good classifiers are an arc, and the bad ones its far end
    family = SphericalPerceptron(2)
    examples = family.training_set(n, np.random.default_rng(5))
    inputs, labels = family.data.points(examples, 2, family.seed)
    middle = np.arctan2(inputs[:, 1] * labels, inputs[:, 0] * labels)
    low, high = np.max(middle - math.pi / 2), np.min(middle + math.pi / 2)
    far = max(high, -low)
    bad = 0.02 * (high - low)
    eps = (far - bad) / math.pi
    assert min(high, -low) < far - bad

    def run(rng):
        e = sample_zero_error(family, [n], training_set=examples, bad_errors=(eps,), rng=rng, **RUNS)
        return e.log_bad_fraction(eps)[0], e.log_bad_fraction_se(eps)[0]

    return cover(run, math.log(0.02), runs, 5)


CASES = [
    (orthogonal, 0.45),
    (equicorrelated, 0.3),
    (polygon, 0.35),
    (left_tail, 0.7),
    (bad_fraction, 0.45),
]


@pytest.mark.parametrize("case", [equicorrelated], ids=lambda c: c.__name__)
def test_intervals_cover(case):
    coverage = case(150)
    assert coverage.pvalue > 1e-3, f"{coverage.covered} of {coverage.runs}"
    assert np.median(coverage.widths) < dict(CASES)[case]


@pytest.mark.slow
@pytest.mark.parametrize(("case", "width"), CASES, ids=lambda c: getattr(c, "__name__", str(c)))
def test_intervals_cover_in_two_thousand_runs(case, width):
    coverage = case(2000)
    assert coverage.pvalue > 1e-3, f"{coverage.covered} of {coverage.runs}"
    # bounded on the other side: an interval as wide as the answer covers too
    assert np.median(coverage.widths) < width
