"""Noise of made-up worlds has the size, correlation, growth and tails that it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genlaws.theory import Noise, PowerLaw
from genlaws.theory.worlds import mean_one_factor, replicate_noise

X = np.geomspace(10.0, 1000.0, 5)
MANY = 60_000


@pytest.mark.parametrize("tails", ["gaussian", "laplace"])
@pytest.mark.parametrize("growth", [1.0, 30.0, 1.0 / 30.0])
def test_deviations_grow_over_x_to_the_largest(tails, growth):
    noise = replicate_noise(X, MANY, Noise(0.3, growth=growth, tails=tails), 0)
    found = noise.std(axis=0)
    assert found.max() == pytest.approx(0.3, rel=0.03)
    assert found[-1] / found[0] == pytest.approx(growth, rel=0.05)
    assert np.diff(np.log(found)) == pytest.approx(np.log(growth) / 4, abs=0.05)


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.95])
def test_rows_of_a_replicate_share_what_they_should(shared):
    noise = replicate_noise(X, MANY, Noise(1.0, shared=shared), 1)
    assert np.corrcoef(noise.T)[0, 1:] == pytest.approx(np.full(4, shared), abs=0.02)


def test_laplace_noise_has_heavy_tails():
    noise = replicate_noise(X, MANY, Noise(1.0, shared=0.0, tails="laplace"), 2)
    assert stats.kurtosis(noise[:, 0]) == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize("tails", ["gaussian", "laplace"])
def test_factors_have_mean_one(tails):
    factors = mean_one_factor(X, MANY, Noise(0.4, shared=0.7, growth=3.0, tails=tails), 3)
    assert factors.mean(axis=0) == pytest.approx(np.ones(5), abs=5 * 0.45 / np.sqrt(MANY))


def test_a_number_is_even_gaussian_noise_half_of_it_shared():
    worlds = [PowerLaw(-1.0).world("true", noise=noise, rng=4) for noise in (0.2, Noise(0.2))]
    assert np.array_equal(worlds[0].y, worlds[1].y)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"deviation": -0.1}, "noise must be"),
        ({"deviation": 0.1, "shared": 1.5}, "shared must lie"),
        ({"deviation": 0.1, "growth": 0.0}, "growth must be"),
        ({"deviation": 0.1, "tails": "cauchy"}, "tails must be one of"),
    ],
)
def test_bad_noise_is_refused(given, match):
    with pytest.raises(ValueError, match=match):
        Noise(**given)


def test_factors_of_infinite_mean_are_refused():
    with pytest.raises(ValueError, match="must be less for Laplace tails"):
        mean_one_factor(X, 2, Noise(3.0, tails="laplace"), 0)
