"""The typical linear interpolator: a stationary point of its entropy, and its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from genlaws.theory.linear_interpolators import logistic_interpolator, mixture_interpolator


def entropy_of_overlaps(overlap, mutual):
    return 0.5 * math.log(1.0 - mutual) + (mutual - overlap**2) / (2.0 * (1.0 - mutual))


def mixture_entropy(overlap, mutual, alpha, separation):
    def integrand(t):
        field = (separation * overlap + math.sqrt(mutual) * t) / math.sqrt(1.0 - mutual)
        return stats.norm.pdf(t) * special.log_ndtr(field)

    return (
        entropy_of_overlaps(overlap, mutual) + alpha * integrate.quad(integrand, -9.0, 9.0, epsabs=1e-12)[0]
    )


def logistic_entropy(overlap, mutual, alpha, slope):
    # Gauss-Hermite: another rule than the one under test
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    known = 2.0 * weights * special.expit(slope * nodes)
    fields = overlap * nodes[:, None] + math.sqrt(mutual - overlap**2) * nodes
    survival = known @ special.log_ndtr(fields / math.sqrt(1.0 - mutual)) @ weights
    return entropy_of_overlaps(overlap, mutual) + alpha * survival


@pytest.mark.parametrize("alpha", [0.1, 0.7, 1.6])
@pytest.mark.parametrize(
    ("typical", "entropy", "strength"),
    [
        (lambda a: mixture_interpolator(a, separation=1.5), mixture_entropy, 1.5),
        (lambda a: logistic_interpolator(a, slope=2.0), logistic_entropy, 2.0),
    ],
    ids=["mixture", "logistic"],
)
def test_overlaps_make_the_entropy_stationary(typical, entropy, strength, alpha):
    found = typical(alpha)
    here, step = (found.overlap, found.mutual_overlap), 1e-4

    def slope(which, at):
        ends = [tuple(v + s * step * (k == which) for k, v in enumerate(at)) for s in (1, -1)]
        return (entropy(*ends[0], alpha, strength) - entropy(*ends[1], alpha, strength)) / (2.0 * step)

    away = (here[0] * 0.9, here[1])
    assert abs(slope(0, here)) < 1e-5
    assert abs(slope(1, here)) < 1e-5
    assert abs(slope(0, away)) > 1e-3
    assert here[0] ** 2 < here[1] < 1.0


def test_errors_are_those_of_the_overlap():
    mixture = mixture_interpolator(0.5, separation=1.2)
    assert mixture.error == pytest.approx(stats.norm.cdf(-1.2 * mixture.overlap), abs=1e-14)
    logistic = logistic_interpolator(0.5, slope=3.0)
    tilt = logistic.overlap / math.sqrt(1.0 - logistic.overlap**2)
    wrong = integrate.quad(
        lambda u: 2.0 * stats.norm.pdf(u) * special.expit(3.0 * u) * stats.norm.cdf(-tilt * u), -9.0, 9.0
    )[0]
    assert logistic.error == pytest.approx(wrong, abs=1e-9)


def test_few_examples_pull_one_by_one():
    alpha = 1e-5
    found = mixture_interpolator(alpha, separation=0.8)
    assert found.overlap == pytest.approx(alpha * 0.8 * math.sqrt(2.0 / math.pi), rel=1e-3)
    assert found.mutual_overlap == pytest.approx(alpha * 2.0 / math.pi, rel=1e-3)
    found = logistic_interpolator(alpha, slope=4.0)
    moment = integrate.quad(lambda u: 2.0 * u * stats.norm.pdf(u) * special.expit(4.0 * u), -9.0, 9.0)[0]
    assert found.overlap == pytest.approx(alpha * moment * math.sqrt(2.0 / math.pi), rel=1e-3)


def test_no_signal_ends_at_the_capacity_of_two():
    assert mixture_interpolator(1.9, separation=1e-6).mutual_overlap > 0.9
    with pytest.raises(ValueError, match="alpha must leave"):
        mixture_interpolator(2.1, separation=1e-6)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mixture_interpolator(0.0, separation=1.0), "alpha"),
        (lambda: mixture_interpolator(0.5, separation=-1.0), "separation"),
        (lambda: logistic_interpolator(math.nan, slope=1.0), "alpha"),
        (lambda: logistic_interpolator(0.5, slope=11.0), "slope must be finite and positive, at most 10"),
    ],
)
def test_arguments_out_of_range(call, said):
    with pytest.raises(ValueError, match=said):
        call()
