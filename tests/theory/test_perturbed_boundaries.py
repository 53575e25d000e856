"""What a perturbed boundary costs: against draws, its own expansion, and the distance it is quadratic in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from genlaws.theory import (
    boundary_shift,
    mixture_excess_coefficients,
    perturbed_mixture_error,
    perturbed_teacher_error,
)

CASES = [(1, 1.0, 1.0, None), (10, 1.5, 0.8, None), (40, 2.0, 0.7, 0.3), (4, 1.0, -0.3, 0.5)]


@pytest.mark.parametrize(("dimension", "separation", "overlap", "exposed"), CASES)
def test_errors_against_draws(dimension, separation, overlap, exposed):
    rng, deviation = np.random.default_rng(5), 0.4
    side = math.sqrt(1.0 - overlap**2) if exposed is None else exposed
    push = deviation * rng.standard_normal((100_000, dimension))
    cosines = (overlap + side * push[:, 0]) / np.sqrt(1.0 + (push**2).sum(axis=1))
    place = {"dimension": dimension, "overlap": overlap, "exposed": exposed}
    for drawn, known in (
        (
            special.ndtr(-separation * cosines),
            perturbed_mixture_error(deviation, separation=separation, **place),
        ),
        (np.arccos(cosines) / math.pi, perturbed_teacher_error(deviation, **place)),
    ):
        bar = drawn.std() / math.sqrt(len(drawn))
        assert bar < 5e-4
        assert known == pytest.approx(drawn.mean(), abs=4.0 * bar)


@pytest.mark.parametrize(("dimension", "separation", "overlap", "exposed"), CASES)
def test_expansion_holds_to_fourth_order(dimension, separation, overlap, exposed):
    place = {"dimension": dimension, "separation": separation, "overlap": overlap, "exposed": exposed}
    second, fourth = mixture_excess_coefficients(**place)
    size = np.array([0.01, 0.02])
    excess = perturbed_mixture_error(size, **place) - special.ndtr(-separation * overlap)
    np.testing.assert_allclose(excess, second * size**2 + fourth * size**4, rtol=1e-3)
    left = excess - second * size**2
    assert left[1] / left[0] == pytest.approx(16.0, rel=0.05)


@pytest.mark.parametrize(("dimension", "separation", "overlap", "exposed"), CASES)
def test_excess_is_quadratic_in_the_boundary_distance_whatever_the_dimension(
    dimension, separation, overlap, exposed
):
    place = {"dimension": dimension, "separation": separation, "overlap": overlap, "exposed": exposed}
    excess = perturbed_mixture_error(1e-3, **place) - special.ndtr(-separation * overlap)
    level = separation * overlap
    prefactor = 0.5 * level * math.exp(-0.5 * level**2) / math.sqrt(2.0 * math.pi)
    assert excess / boundary_shift(1e-3, **place) ** 2 == pytest.approx(prefactor, rel=1e-3)


def test_boundary_distance_against_outputs():
    rng = np.random.default_rng(6)
    # overlap 0.6 with the first axis, 0.5 with the two directions that are perturbed
    centre = np.array([0.6, 0.5, 0.0, math.sqrt(0.39)])
    points = 2.0 * centre * rng.choice([-1.0, 1.0], (20_000, 1)) + rng.standard_normal((20_000, 4))
    shifts = np.zeros((40_000, 4))
    shifts[:, 1:3] = 0.3 * rng.standard_normal((40_000, 2))
    second_moment = points.T @ points / len(points)
    mean_square = np.einsum("ij,jk,ik->i", shifts, second_moment, shifts).mean()
    slope = 1.0 + (shifts**2).sum(axis=1).mean()
    known = boundary_shift(0.3, dimension=2, separation=2.0, overlap=0.6, exposed=0.5)
    assert known == pytest.approx(math.sqrt(mean_square / slope), rel=0.02)


def test_an_errorless_mean_makes_the_cost_linear():
    # one direction: arctan|v| / pi, so sqrt(2/pi) t / pi
    assert perturbed_teacher_error(1e-3, dimension=1) == pytest.approx(
        1e-3 * math.sqrt(2.0 / math.pi) / math.pi, rel=1e-3
    )
    small, large = perturbed_teacher_error([1e-4, 1e-3], dimension=20)
    assert large / small == pytest.approx(10.0, rel=1e-3)
    base = math.acos(0.8) / math.pi
    small, large = perturbed_teacher_error([1e-3, 1e-2], dimension=20, overlap=0.8) - base
    assert large / small == pytest.approx(100.0, rel=0.01)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: perturbed_mixture_error(0.1, dimension=0, separation=1.0), "dimension"),
        (lambda: perturbed_mixture_error(0.1, dimension=1, separation=0.0), "separation"),
        (lambda: perturbed_mixture_error(-0.1, dimension=1, separation=1.0), "deviation"),
        (lambda: perturbed_teacher_error(0.1, dimension=1, overlap=1.1), r"overlap must be in \[-1, 1\]"),
        (
            lambda: boundary_shift(0.1, dimension=1, separation=1.0, overlap=0.8, exposed=0.7),
            "exposed must be",
        ),
        (lambda: mixture_excess_coefficients(dimension=2, separation=math.inf), "separation"),
    ],
)
def test_arguments_out_of_range(call, said):
    with pytest.raises(ValueError, match=said):
        call()
