import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from genlaws.simulate import GaussianMixtureLabels, LogisticLabels, TeacherLabels

MODELS = [
    TeacherLabels(),
    TeacherLabels(noise=0.15),
    TeacherLabels(overlap=0.6),
    TeacherLabels(overlap=0.8, noise=0.3),
    TeacherLabels(overlap=0.0),
    GaussianMixtureLabels(0.7),
    GaussianMixtureLabels(2.5),
    LogisticLabels(0.5),
    LogisticLabels(3.0),
    LogisticLabels(200.0),
]
OVERLAPS = np.array([-1.0, -0.6, 0.0, 0.3, 0.9, 0.999, 1.0])


@pytest.mark.parametrize("data", MODELS, ids=repr)
def test_exact_errors_against_counting(data):
    dimension, count = 4, 200_000
    inputs, labels = data.points(np.arange(count), dimension, 5)
    assert inputs.shape == (count, dimension)
    assert set(np.unique(labels)) == {-1.0, 1.0}
    errors = data.error(OVERLAPS)
    for overlap, error in zip(OVERLAPS, errors, strict=True):
        weights = np.array([overlap, 0.0, math.sqrt(1 - overlap**2), 0.0])
        wrong = int(np.sum(labels * (inputs @ weights) <= 0.0))
        # two-sided exact binomial; a model wrong by .005 would fail
        assert stats.binomtest(wrong, count, min(max(float(error), 0.0), 1.0)).pvalue > 1e-4


@pytest.mark.parametrize("slope", [0.0, 0.3, 5.0, 1000.0])
@pytest.mark.parametrize("overlap", [-0.9, 0.0, 0.5, 0.9999999, 1.0])
def test_logistic_error_against_quadrature(slope, overlap):
    tilt = math.inf if overlap == 1.0 else overlap / math.sqrt(1 - overlap**2)

    def integrand(x):
        chance = 1.0 / (1.0 + math.exp(-min(slope * x, 700.0)))
        right = stats.norm.cdf(tilt * x) if x > 0 else 0.5
        return 2 * stats.norm.pdf(x) * (chance * (1 - right) + (1 - chance) * right)

    scales = {0.0, 12.0}
    for scale in (slope, abs(tilt)):
        if 0 < scale < math.inf:
            scales |= {min(k / scale, 12.0) for k in (1, 5, 30)}
    ends = sorted(scales)
    expected = sum(
        integrate.quad(integrand, a, b, epsabs=1e-12, limit=200)[0] for a, b in itertools.pairwise(ends)
    )
    assert float(LogisticLabels(slope).error(np.array(overlap))) == pytest.approx(expected, abs=1e-9)


def test_limits_of_the_models():
    overlap = np.linspace(-1, 1, 9)
    np.testing.assert_allclose(TeacherLabels().error(overlap), np.arccos(overlap) / math.pi, rtol=1e-14)
    np.testing.assert_allclose(TeacherLabels(overlap=0.0).error(overlap), 0.5)
    np.testing.assert_allclose(TeacherLabels(noise=0.5).error(overlap), 0.5)
    np.testing.assert_allclose(LogisticLabels(0.0).error(overlap), 0.5)
    np.testing.assert_allclose(LogisticLabels(1e9).error(overlap), np.arccos(overlap) / math.pi, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: TeacherLabels(overlap=1.2), "overlap"),
        (lambda: TeacherLabels(overlap=math.nan), "overlap"),
        (lambda: TeacherLabels(noise=0.6), "noise"),
        (lambda: GaussianMixtureLabels(-1.0), "separation"),
        (lambda: GaussianMixtureLabels(math.inf), "separation"),
        (lambda: LogisticLabels(math.nan), "slope"),
    ],
)
def test_parameters_out_of_range_are_named(make, name):
    with pytest.raises(ValueError, match=name):
        make()
