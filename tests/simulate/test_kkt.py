"""Conditions for the largest margin: against the exact linear solution, other solvers, and closed forms."""

import json
import math

import numpy as np
import pytest
from scipy import optimize

from genlaws.simulate import kkt_residual, largest_margin

UNEQUAL = np.array([[1.0, 0.5], [1.0, -1.5], [3.0, 1.0]])


def test_the_largest_margin_has_no_residual_and_its_duals():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((30, 8))
    rows = inputs * np.sign(inputs @ rng.standard_normal(8))[:, None]
    best = largest_margin(rows)
    found = kkt_residual(7.0 * best.direction, rows)
    assert found.residual < 1e-12
    # duals of weights of length 1 are those of w^ times the margin
    np.testing.assert_allclose(found.duals, best.duals * best.margin, atol=1e-10)


@pytest.mark.parametrize("angle", [0.02, -0.1, 0.3])
def test_residual_is_the_least_over_duals(angle):
    weights = np.array([math.cos(angle), math.sin(angle)])
    found = kkt_residual(weights, UNEQUAL)
    along = UNEQUAL @ weights

    def conditions(duals):
        left = weights - duals @ UNEQUAL
        return left @ left + (duals @ (along - along.min())) ** 2

    other = optimize.minimize(conditions, np.full(3, 0.3), bounds=[(0.0, None)] * 3, tol=1e-14)
    assert found.residual**2 == pytest.approx(other.fun, rel=1e-6)
    assert conditions(found.duals) == pytest.approx(found.residual**2, rel=1e-12)
    assert found.residual == pytest.approx(math.hypot(found.stationarity, found.slackness), rel=1e-12)


def test_residual_shrinks_in_proportion_to_the_angle():
    angles = np.array([1e-2, 1e-4, 1e-6])
    found = [kkt_residual([math.cos(a), math.sin(a)], UNEQUAL).residual for a in angles]
    np.testing.assert_allclose(found / angles, found[-1] / angles[-1], rtol=0.02)


def test_scales_do_not_matter():
    rng = np.random.default_rng(1)
    weights, gradients = rng.standard_normal(6), rng.standard_normal((4, 6))
    gradients *= np.sign(gradients @ weights)[:, None]
    found, scaled = kkt_residual(weights, gradients), kkt_residual(1e5 * weights, 1e-40 * gradients)
    assert scaled.residual == pytest.approx(found.residual, rel=1e-9)
    assert scaled.slackness == pytest.approx(found.slackness, rel=1e-9, abs=1e-12)


def test_two_units_of_degree_three_have_saddles_where_they_are_equal():
    # q = u1^3 + u2^3: |u| = 1 at (1, 0) is the largest, at (1, 1) the least margin; both are stationary
    for weights in ([1.0, 0.0], [1.0, 1.0]):
        assert kkt_residual(weights, [3.0 * np.square(weights)]).residual < 1e-12
    assert kkt_residual([2.0, 1.0], [[12.0, 3.0]]).residual > 0.2


def test_what_cannot_be_a_margin_is_refused():
    with pytest.raises(ValueError, match="margins must be positive"):
        kkt_residual([-1.0, 0.0], UNEQUAL)
    with pytest.raises(ValueError, match="weights must be 2"):
        kkt_residual([1.0, 0.0, 0.0], UNEQUAL)
    with pytest.raises(ValueError, match="weights must be 2"):
        kkt_residual([math.nan, 0.0], UNEQUAL)
    with pytest.raises(ValueError, match="gradients must have shape"):
        kkt_residual([1.0, 0.0], UNEQUAL[0])


def test_residuals_are_ready_for_json():
    found = kkt_residual([1.0, 0.1], UNEQUAL).to_dict()
    assert json.loads(json.dumps(found))["residual"] == pytest.approx(0.156, abs=1e-3)
