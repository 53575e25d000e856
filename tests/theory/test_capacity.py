"""Capacity of linear classifiers with a margin, against quadrature, other derivations and limits."""

import math

import mpmath
import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from genlaws.theory import (
    PERCEPTRON_CAPACITY,
    free_hinge_ground_state,
    hinge_ground_state,
    log_separable_probability,
    perceptron_capacity,
    perceptron_largest_margin,
    perceptron_least_norm,
)


@pytest.mark.parametrize("margin", [-30.0, -6.0, -4.01, -3.99, -1.0, 0.0, 0.5, 4.0, 1e3])
def test_capacity_is_gardners_integral(margin):
    with mpmath.workdps(400):
        k = mpmath.mpf(margin)
        square_gap = (1 + k * k) * mpmath.ncdf(k) + k * mpmath.npdf(k)
        assert float(perceptron_capacity(margin)) == pytest.approx(float(1 / square_gap), rel=1e-11)


def test_the_closed_form_is_the_integral():
    value, _ = integrate.quad(lambda t: (t + 0.7) ** 2 * stats.norm.pdf(t), -0.7, 12.0)
    assert float(perceptron_capacity(0.7)) == pytest.approx(1.0 / value)
    assert float(perceptron_capacity(0.0)) == pytest.approx(PERCEPTRON_CAPACITY, rel=1e-15)


@pytest.mark.parametrize("alpha", [1e-6, 0.1, 1.0, 1.999, 2.0, 2.5, 1e3, 1e6])
def test_largest_margin_inverts_capacity(alpha):
    margin = perceptron_largest_margin(alpha)
    assert float(perceptron_capacity(margin)) == pytest.approx(alpha, rel=1e-12)
    assert margin * (2.0 - alpha) >= 0.0


def test_shortest_solution_diverges_with_exponent_one():
    examples = 1.0
    for parameters in (0.5 + 1e-4, 0.5 + 1e-6):
        norm = perceptron_least_norm(examples / parameters)
        limit = math.sqrt(2.0 / math.pi) * examples / (parameters - 0.5)
        assert norm == pytest.approx(limit, rel=3.0 * (parameters - 0.5))


def test_free_minimum_diverges_with_exponent_one_half_and_jumps_to_one():
    for excess in (1e-4, 1e-6):
        state = free_hinge_ground_state(2.0 + excess)
        limit = math.sqrt(2.0 * (1.0 - 2.0 / math.pi) / excess)
        assert state.norm == pytest.approx(limit, rel=3.0 * math.sqrt(excess))
        assert state.unsatisfied_per_parameter == pytest.approx(1.0, abs=3.0 * math.sqrt(excess))


@pytest.mark.parametrize("alpha", [2.05, 3.0, 20.0])
def test_free_minimum_is_the_best_of_all_norms(alpha):
    # another way: of weights of every norm, each with the least loss on its sphere, those that lose least
    def loss(norm):
        return norm**2 * hinge_ground_state(alpha, margin=1.0 / norm).loss

    best = optimize.minimize_scalar(loss, bounds=(0.3 / math.sqrt(alpha), 5.0), method="bounded")
    state = free_hinge_ground_state(alpha)
    assert state.norm == pytest.approx(best.x, rel=1e-4)
    assert state.loss == pytest.approx(best.fun, rel=1e-9)


@pytest.mark.parametrize(
    "state", [hinge_ground_state(1.5, margin=0.5), free_hinge_ground_state(3.0)], ids=["sphere", "free"]
)
def test_loss_and_unsatisfied_follow_from_the_gaps(state):
    gaps = np.linspace(0.0, 12.0, 200_001)
    cdf = state.gap_cdf(gaps)
    assert state.unsatisfied_per_parameter == pytest.approx(state.alpha * (1.0 - cdf[0]))
    # by parts: the mean of gap^2 / 2 is the integral of gap times the share above it
    assert state.loss == pytest.approx(integrate.simpson(gaps * (1.0 - cdf), x=gaps), rel=1e-8)


def test_jump_at_capacity():
    assert hinge_ground_state(2.0, margin=0.0).unsatisfied_per_parameter == pytest.approx(1.0)
    state = hinge_ground_state(float(perceptron_capacity(0.5)), margin=0.5)
    assert state.loss == 0.0
    assert 0.6 < state.unsatisfied_per_parameter < 0.7
    # an atom at zero, and nothing beyond
    below, at, above = state.gap_cdf([-1e-12, 0.0, 1.0])
    assert below == pytest.approx(special.ndtr(-0.5))
    assert at == above == 1.0


@pytest.mark.parametrize(("examples", "dimension"), [(1, 1), (2, 1), (7, 3), (300, 140), (5, 9)])
def test_separable_probability_is_the_binomial_sum(examples, dimension):
    exact = sum(math.comb(examples - 1, k) for k in range(min(dimension, examples))) / 2 ** (examples - 1)
    assert log_separable_probability(examples, dimension) == pytest.approx(math.log(exact), abs=1e-12)


def test_separable_probability_does_not_underflow():
    assert log_separable_probability(10_000, 1) == pytest.approx(-9_999 * math.log(2.0))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: perceptron_capacity(-31.0), "margin"),
        (lambda: perceptron_capacity([0.0, math.nan]), "margin"),
        (lambda: perceptron_largest_margin(0.0), "alpha"),
        (lambda: perceptron_least_norm(2.0), "alpha"),
        (lambda: hinge_ground_state(3.0, margin=-0.1), "margin"),
        (lambda: hinge_ground_state(0.9, margin=0.5), "alpha"),
        (lambda: free_hinge_ground_state(2.0), "alpha"),
        (lambda: log_separable_probability(0, 3), "examples"),
        (lambda: log_separable_probability(3, 0), "dimension"),
    ],
)
def test_arguments_out_of_range_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
