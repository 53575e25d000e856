"""How directions and margins settle, against flows integrated in log time, of weights and of directions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special

from genlaws.simulate import largest_margin
from genlaws.theory import max_margin_approach

UNEQUAL = np.array([[1.0, 0.5], [1.0, -1.5]])
EQUAL = np.array([[0.5, 1.5], [1.5, 0.5]])


def flow_of_weights(rows, weights, log_times, *, first=-10.0):
    """Gradient flow on the sum of exp(-row . w) from time e^first: d w / d ln t = t sum exp(-row . w) row."""
    found = integrate.solve_ivp(
        lambda log_time, w: np.exp(log_time - rows @ w) @ rows,
        (first, log_times[-1]),
        weights,
        "LSODA",
        log_times,
        rtol=1e-11,
        atol=1e-11,
    )
    return found.y.T


def angles_and_gaps(rows, weights, best):
    units = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    across = units - np.outer(units @ best.direction, best.direction)
    return np.arcsin(np.linalg.norm(across, axis=1)), best.margin - (units @ rows.T).min(axis=1)


def flow_of_directions(rows, angle, norms, speed):
    """Direction of a plane's linear classifier against its norm, by dv/drho = speed(rho) G."""

    def slope(rho, theta):
        v, turned = np.array([np.cos(theta[0]), np.sin(theta[0])]), [-np.sin(theta[0]), np.cos(theta[0])]
        margins = rows @ v
        pulls = special.softmax(-rho * margins)
        return [speed(rho) * (pulls @ rows @ turned) / (pulls @ margins)]

    found = integrate.solve_ivp(slope, (norms[0], norms[-1]), [angle], "LSODA", norms, rtol=1e-10, atol=1e-13)
    return found.y[0]


def test_published_pairs_of_support_vectors():
    unequal = max_margin_approach(UNEQUAL)
    assert np.allclose(unequal.direction, [1.0, 0.0], atol=1e-14)
    assert unequal.margin == pytest.approx(1.0)
    assert np.allclose(unequal.duals, [0.75, 0.25], atol=1e-14)
    # half of ln 3, which rho |v - v^| was seen to tend to, and ln 0.75 and the entropy of (3/4, 1/4)
    assert unequal.angle_coefficient == pytest.approx(0.5 * math.log(3.0), rel=1e-13)
    assert unequal.margin_gap_coefficient == pytest.approx(0.274653072167, rel=1e-11)
    equal = max_margin_approach(EQUAL)
    assert np.allclose(equal.duals, 0.25, atol=1e-14)
    assert equal.margin == pytest.approx(math.sqrt(2.0))
    assert equal.angle_coefficient < 1e-14
    assert equal.margin_gap_coefficient < 1e-14
    assert equal.relaxation_exponent == pytest.approx(0.25, rel=1e-13)


def test_duals_say_the_gap_whatever_the_inputs():
    rng = np.random.default_rng(5)
    for _ in range(20):
        rows = rng.standard_normal((6, 9)) + 1.0
        best = largest_margin(rows)
        found = max_margin_approach(rows[best.support])
        shares = best.duals[best.support] * best.margin**2
        entropy = special.entr(shares).sum() + math.log(shares.max())
        assert np.allclose(found.duals, best.duals[best.support], rtol=1e-10)
        assert np.allclose(found.direction, best.direction, atol=1e-12)
        assert found.margin_gap_coefficient == pytest.approx(best.margin * entropy, rel=1e-9, abs=1e-12)


def test_curves_of_the_flow_are_exact_up_to_powers_of_time():
    found, times = max_margin_approach(UNEQUAL), np.array([4.0, 8.0, 16.0, 40.0])
    weights = flow_of_weights(UNEQUAL, [0.3, -0.2], times)
    angles, gaps = angles_and_gaps(UNEQUAL, weights, found)
    left = 5.0 * np.exp(-found.relaxation_exponent * times) + 1e-8
    assert np.all(np.abs(weights - found.weights(times)) < left[:, None])
    assert np.all(np.abs(np.linalg.norm(weights, axis=1) - found.norm(times)) < left)
    assert np.all(np.abs(angles - found.angle(times)) < left)
    assert np.all(np.abs(gaps - found.margin_gap(times)) < left)
    assert np.all(np.abs(special.logsumexp(-weights @ UNEQUAL.T, axis=1) - found.log_loss(times)) < left)
    # what is printed of such runs: .54 and .274 at late times
    assert angles[-1] * 40.0 == pytest.approx(0.54, abs=0.006)
    assert found.margin_gap(1e4) * 1e4 == pytest.approx(0.274653, rel=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_flows_among_many_examples_come_to_the_curves(seed):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((14, 4)) + 1.5
    best = largest_margin(rows)
    support = rows[best.support]
    # what is left across the span of support vectors is that of the weights, for late enough starts
    basis = np.linalg.svd(support)[2][: len(support)]
    times = np.array([30.0, 60.0])
    weights = flow_of_weights(rows, np.zeros(4), times)
    across = weights[-1] - weights[-1] @ basis.T @ basis
    found = max_margin_approach(support, across=across)
    others = np.delete(best.margins, best.support)
    exponent = min(found.relaxation_exponent, others.min() - 1.0)
    angles, gaps = angles_and_gaps(rows, weights, best)
    left = 20.0 * np.exp(-exponent * times) + 1e-8
    assert np.all(np.abs(weights - found.weights(times)) < left[:, None])
    assert np.all(np.abs(angles - found.angle(times)) < left)
    assert np.all(np.abs(gaps - found.margin_gap(times)) < left)


def test_equal_duals_hide_the_logarithm():
    found, times = max_margin_approach(EQUAL), np.linspace(16.0, 48.0, 5)
    weights = flow_of_weights(EQUAL, [0.6, -0.1], times)
    angles, _ = angles_and_gaps(EQUAL, weights, found)
    slopes = np.diff(np.log(angles * times)) / np.diff(times)
    assert np.allclose(slopes, -found.relaxation_exponent, atol=0.02)


def test_dependent_support_vectors_pull_with_the_duals_of_largest_entropy():
    rows = np.array([[1.0, 1.0], [1.0, -1.0], [1.0, -2.0], [1.0, 1.0]])
    found = max_margin_approach(rows)
    assert np.allclose(found.duals @ rows, [1.0, 0.0], atol=1e-14)
    assert found.duals.sum() == pytest.approx(1.0)
    # along every line of other duals the entropy falls
    for line in np.linalg.svd(rows.T)[2][2:]:
        assert abs(np.log(found.duals) @ line) < 1e-12
    weights = flow_of_weights(rows, [0.0, 0.3], [40.0])[0]
    assert np.allclose(np.exp(40.0 - rows @ weights), found.duals, atol=1e-8)


def test_many_dependent_support_vectors():
    rng = np.random.default_rng(3)
    rows = np.column_stack([np.ones(40), rng.standard_normal((40, 3))])
    found = max_margin_approach(rows)
    assert np.allclose(found.duals @ rows, [1.0, 0.0, 0.0, 0.0], atol=1e-13)
    assert np.allclose(np.log(found.duals), -rows @ found.residual, atol=1e-12)
    # one example among such is seen to have dual 0 by the solver, which is no sign that it does not pull
    assert np.count_nonzero(largest_margin(rows).duals) <= 4
    assert largest_margin(rows).degenerate


def test_a_support_vector_that_does_not_pull_turns_weights_by_the_logarithm_of_the_logarithm():
    times = np.array([100.0, 300.0, 1000.0])
    weights = flow_of_weights(np.array([[1.0, 0.0], [1.0, 1.0]]), [0.0, 0.0], times)
    assert np.allclose(weights[:, 1], np.log(times), atol=0.05)
    assert np.all(np.diff(np.abs(weights[:, 1] - np.log(times))) < 0.0)


@pytest.mark.parametrize("layers", [1, 2])
def test_normalized_and_deeper_flows_are_as_slow_in_the_span(layers):
    # the norm takes the part of ln t over the margin
    found, norms = max_margin_approach(UNEQUAL), np.geomspace(1.0, 4096.0, 13)
    plain = flow_of_directions(UNEQUAL, 0.4, norms, lambda rho: 1.0 / (layers * rho))
    normalized = flow_of_directions(UNEQUAL, 0.4, norms, lambda rho: rho ** (2.0 / layers - 1.0) / layers)
    for angles in (plain, normalized):
        off = np.abs(np.abs(angles) * norms / found.angle_coefficient - 1.0)
        assert off[-1] < 1e-3
        assert np.all(off[-4:] < 8.0 / norms[-4:])
    assert abs(plain[6]) * norms[6] == pytest.approx(0.549, abs=0.03)


def test_an_initial_part_across_the_span_stays():
    rows = np.column_stack([UNEQUAL, np.zeros(2)])
    found, times = max_margin_approach(rows, across=[0.0, 0.0, 2.0]), np.array([20.0, 40.0])
    weights = flow_of_weights(rows, [0.3, -0.2, 2.0], times)
    angles, gaps = angles_and_gaps(rows, weights, found)
    assert np.allclose(angles, found.angle(times), atol=1e-6)
    assert np.allclose(gaps, found.margin_gap(times), atol=1e-6)
    assert found.angle_coefficient == pytest.approx(math.hypot(2.0, 0.5 * math.log(3.0)), rel=1e-12)
    assert found.margin_gap_coefficient == pytest.approx(max_margin_approach(UNEQUAL).margin_gap_coefficient)


def test_units_of_length_are_units_of_length():
    small, one = max_margin_approach(1e-6 * UNEQUAL), max_margin_approach(UNEQUAL)
    # w^ ln t is longer by 1e6, and t runs slower by 1e12
    assert small.margin == pytest.approx(1e-6, rel=1e-12)
    assert np.allclose(small.duals, 1e12 * one.duals, rtol=1e-12)
    assert small.angle(50.0 + 12 * math.log(10.0)) == pytest.approx(one.angle(50.0), rel=1e-12)
    assert small.angle_coefficient == pytest.approx(one.angle_coefficient, rel=1e-12)


def test_no_digits_are_lost_at_the_latest_times():
    found = max_margin_approach(UNEQUAL)
    assert found.margin_gap(1e200) * 1e200 == pytest.approx(found.margin_gap_coefficient, rel=1e-12)
    assert found.angle(1e200) * 1e200 == pytest.approx(found.angle_coefficient, rel=1e-12)
    assert found.to_dict()["margin_gap_coefficient"] == found.margin_gap_coefficient


@pytest.mark.parametrize(
    ("support", "words"),
    [
        ([[1.0, 0.0], [1.0, 1.0]], "one of dual 0 in every solution"),
        ([[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]], "one of dual 0 in every solution"),
        ([[1.0, 1.0], [1.0, 2.0]], "support vectors of a largest margin, got one with share -1 "),
        ([[1.0, 1.0], [1.0, 2.0], [1.0, 1.0]], "support vectors of a largest margin, got one with share -1 "),
        ([[1.0, 1.0], [2.0, 2.0]], "rows that some weights give one margin"),
        ([[1.0, 1.0], [0.0, 0.0]], "support must hold no zero row"),
        ([1.0, 1.0], r"support must be finite, shape \(support vectors, dimension\), got shape \(2,\)"),
        ([[np.nan, 1.0]], "support must be finite"),
    ],
)
def test_what_has_no_such_limit_is_named(support, words):
    with pytest.raises(ValueError, match=words):
        max_margin_approach(support)


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"across must be finite, shape \(2,\), got shape \(3,\)"):
        max_margin_approach(UNEQUAL, across=[0.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="across must be orthogonal to every row of support"):
        max_margin_approach(UNEQUAL, across=[0.0, 1.0])
    with pytest.raises(ValueError, match=r"log_time must be finite and above -0.562335, got -1.0"):
        max_margin_approach(UNEQUAL).angle([2.0, -1.0])
