"""Boxes beside what is known of them in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from genlaws_example.boxes import Boxes

from genlaws.simulate import ClassifierFamily, sample_error_density, sample_zero_error


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_zero_error_fraction(dimension):
    family = Boxes(dimension)
    assert isinstance(family, ClassifierFamily)
    ensemble = sample_zero_error(family, [10, 100, 1000], particles=1000, rng=dimension)
    exact = [family.log_fraction(ensemble.training_set[:n]) for n in ensemble.n_examples]
    assert ensemble.status == ("ok",) * 3
    assert np.all(ensemble.log_fraction_se < 0.3)
    assert np.all(np.abs(ensemble.log_fraction - exact) < 4.0 * ensemble.log_fraction_se + 0.02)
    # the rest of a corner's coordinate is uniform below the least example
    least = [family.inputs(ensemble.training_set[:n]).min(axis=0) for n in ensemble.n_examples]
    mean = [1.0 - np.prod(1.0 - 0.5 * limit) for limit in least]
    assert np.all(np.abs(ensemble.mean_true_error / mean - 1.0) < 0.05)


def test_error_density():
    measured = sample_error_density(Boxes(3), particles=2000, replicas=4, smallest_error=0.02, rng=0)
    n = np.array([1, 3, 10])
    # E[(1 - E)^n] = (n + 1)^-d
    exact = 1.0 - ((n + 1.0) / (n + 2.0)) ** 3
    assert np.all(np.abs(measured.density(minimum=0.0).mean_given_zero_errors(n) / exact - 1.0) < 0.02)


def test_moves_leave_the_survivors_as_they_are():
    family, rng = Boxes(2), np.random.default_rng(0)
    examples = family.training_set(20, rng)
    limit = family.inputs(examples).min(axis=0)
    population = limit * rng.random((20_000, 2))
    for length in (0.1, 0.5, 1.0):
        report = family.move(population, examples, rng, length=length)
        assert np.all(family.correct(report.population, examples))
        # uniform below the least example, as before: mean and spread to a few standard errors
        assert np.all(np.abs(report.population.mean(axis=0) / limit - 0.5) < 0.01)
        assert np.all(np.abs(report.population.std(axis=0) / limit - 12**-0.5) < 0.01)


def test_dimension_is_checked():
    with pytest.raises(ValueError, match="dimension must be at least 1, got 0"):
        Boxes(0)
