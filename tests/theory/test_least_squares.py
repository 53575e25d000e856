"""Isotropic least squares and gradient flow: limits, other routes to the same numbers, and their growth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate

from genlaws.theory import (
    gradient_flow_risk,
    least_squares_fluctuation,
    least_squares_risk,
    least_squares_squared_norm,
    optimal_stopping_time,
    typical_gradient_flow_risk,
)

EVERYTHING = {"signal": 2.0, "noise": 0.7, "initial_variance": 0.03}


def test_formulas_of_the_papers():
    assert least_squares_risk(60, 200, signal=2.0, noise=0.5) == pytest.approx(0.7 * 2.0 + 0.5 * 60 / 139)
    assert least_squares_risk(200, 60, signal=2.0, noise=0.5) == pytest.approx(0.5 * 60 / 139)
    assert least_squares_squared_norm(200, 60, signal=2.0, noise=0.5) == pytest.approx(2.0 + 0.5 * 60 / 139)
    assert least_squares_squared_norm(60, 200, signal=2.0) == pytest.approx(0.3 * 2.0)
    assert least_squares_risk(60, 200, signal=0.0, initial_variance=0.1) == pytest.approx(0.7 * 200 * 0.1)


def test_infinite_only_next_to_the_peak_and_only_with_noise():
    sizes = np.arange(96, 105)
    risk = least_squares_risk(100, sizes, noise=1e-3)
    assert np.array_equal(np.isinf(risk), np.abs(sizes - 100) <= 1)
    assert np.array_equal(np.isinf(least_squares_squared_norm(100, sizes, noise=1e-3)), np.isinf(risk))
    assert np.all(np.isfinite(least_squares_risk(100, sizes)))


def test_no_examples_leave_the_start():
    assert least_squares_risk(0, [1, 7], signal=3.0, noise=5.0, initial_variance=0.5).tolist() == [3.5, 6.5]
    assert least_squares_squared_norm(0, 7, signal=3.0, noise=5.0, initial_variance=0.5) == 3.5


@pytest.mark.parametrize("networks", [1, 5, math.inf])
def test_averaging_networks_takes_off_the_fluctuation(networks):
    sizes = [20, 50, 300]
    fluctuation = least_squares_fluctuation(100, sizes, initial_variance=0.03)
    assert fluctuation.tolist() == pytest.approx([0.0, 0.0, 6.0])
    for mean_square in (least_squares_risk, least_squares_squared_norm):
        mean = mean_square(100, sizes, **{**EVERYTHING, "initial_variance": 0.0})
        averaged = mean_square(100, sizes, **EVERYTHING, networks=networks)
        np.testing.assert_allclose(averaged, mean + fluctuation / networks, rtol=1e-12)


def test_flow_starts_at_the_start_and_ends_at_least_squares():
    for p in (50, 1000, 4000):
        first, last = typical_gradient_flow_risk([0.0, 1e7], 1000, p, **EVERYTHING, networks=3)
        assert first == pytest.approx(2.0 + 0.03 / 3 * p, rel=1e-9)
        if p != 1000:
            assert last == pytest.approx(least_squares_risk(1000, p, **EVERYTHING, networks=3), rel=2e-3)
    assert math.isclose(
        typical_gradient_flow_risk(1e9, 1000, 500, noise=1.0), 0.5 / (1.0 - 0.5), rel_tol=1e-9
    )  # p / (n - p) in the limit


@pytest.mark.parametrize(("n", "p"), [(300, 60), (100, 100), (100, 101), (60, 300)])
@pytest.mark.parametrize("time", [0.3, 7.0, 900.0])
def test_the_law_of_eigenvalues_by_another_quadrature(n, p, time):
    ratio = p / n
    low, high = (1.0 - math.sqrt(ratio)) ** 2, (1.0 + math.sqrt(ratio)) ** 2
    start = 2.0 / p + 0.03

    def in_angle(angle):
        # the density sqrt((high - l)(l - low)) / (2 pi ratio l), in an angle without its square roots
        size = low + (high - low) * math.sin(0.5 * angle) ** 2
        density = (0.5 * (high - low) * math.sin(angle)) ** 2 / (2.0 * math.pi * ratio * size)
        kept = math.exp(-size * time)
        return density * (start * kept**2 + 0.7 / n * (1.0 - kept) ** 2 / size)

    cuts = [0.0, *(2.0**-k for k in range(11, -2, -1)), math.pi]
    parts = [integrate.quad(in_angle, a, b, epsabs=1e-13) for a, b in itertools.pairwise(cuts)]
    known = p * sum(part[0] for part in parts) + max(p - n, 0) * start
    assert typical_gradient_flow_risk(time, n, p, **EVERYTHING) == pytest.approx(known, rel=1e-8)


def test_given_eigenvalues_add_up_mode_by_mode():
    risk = gradient_flow_risk(2.0, [0.5, 0.0], 8, signal=3.0, noise=1.6, initial_variance=0.1, networks=2)
    kept = math.exp(-1.0)
    assert risk == pytest.approx((1.5 + 0.05) * (1.0 + kept**2) + 0.2 * (1.0 - kept) ** 2 / 0.5)


@pytest.mark.parametrize("p", [30, 90, 100, 130, 500])
@pytest.mark.parametrize("noise", [1e-4, 0.2, 30.0])
def test_no_time_is_better_than_the_best(p, noise):
    settings = {"signal": 1.0, "noise": noise, "initial_variance": 0.001}
    best = optimal_stopping_time(100, p, **settings)
    times = best * np.geomspace(1e-3, 1e3, 301)
    risks = typical_gradient_flow_risk(times, 100, p, **settings)
    least = typical_gradient_flow_risk(best, 100, p, **settings)
    assert least <= risks.min() * (1.0 + 1e-12)
    assert least < typical_gradient_flow_risk(best * 1.3, 100, p, **settings)
    assert least < typical_gradient_flow_risk(best / 1.3, 100, p, **settings)


def test_the_best_time_grows_with_the_logarithm_of_the_signal_except_at_the_peak():
    noises = 10.0 ** -np.array([20.0, 30.0, 40.0])
    for p in (40, 250):
        times = np.array([optimal_stopping_time(100, p, noise=s) for s in noises])
        slowest = (1.0 - math.sqrt(p / 100)) ** 2
        np.testing.assert_allclose(np.diff(times), 10.0 * math.log(10.0) / slowest, rtol=1e-3)
    at_peak = [optimal_stopping_time(100, 100, noise=s) for s in (1e-6, 1e-8)]
    assert at_peak[1] / at_peak[0] == pytest.approx(100.0, rel=1e-3)


def test_stopping_is_never_or_at_once_where_it_should_be():
    assert optimal_stopping_time(10, 20, noise=0.0) == math.inf
    assert optimal_stopping_time(10, 20, signal=0.0, noise=1.0) == 0.0


def test_overtraining_is_worst_at_as_many_parameters_as_examples():
    sizes, late = [20, 50, 80, 100, 125, 200, 500], 1e4
    best = [
        typical_gradient_flow_risk(optimal_stopping_time(100, p, noise=0.2), 100, p, noise=0.2) for p in sizes
    ]
    cost = [typical_gradient_flow_risk(late, 100, p, noise=0.2) for p in sizes] - np.array(best)
    assert sizes[int(np.argmax(cost))] == 100
    assert np.all(np.diff(cost[:4]) > 0.0)
    assert np.all(np.diff(cost[3:]) < 0.0)
    assert np.all(np.diff(best) > 0.0)  # stopped in time, no peak is left


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: least_squares_risk(1.5, 2), "n must be a whole number of at least 0, got 1.5"),
        (lambda: least_squares_risk(3, 0), "p must be a whole number of at least 1, got 0"),
        (lambda: least_squares_risk(3, 2, noise=-1.0), "noise must be finite and at least 0, got -1"),
        (lambda: least_squares_risk(3, 2, networks=0), "networks must be a whole number .* or infinite"),
        (lambda: least_squares_squared_norm(3, 2, signal=math.nan), "signal"),
        (lambda: least_squares_fluctuation(3, 2, initial_variance=math.inf), "initial_variance"),
        (lambda: gradient_flow_risk(-1.0, [1.0], 1), "times"),
        (lambda: gradient_flow_risk(1.0, 1.0, 1), r"eigenvalues must have shape \(p,\)"),
        (lambda: typical_gradient_flow_risk(1.0, 0, 1), "n must be a whole number of at least 1"),
        (lambda: optimal_stopping_time(5, 5, noise=math.nan), "noise"),
    ],
)
def test_arguments_out_of_range(call, said):
    with pytest.raises(ValueError, match=said):
        call()
