"""What claims read off flows and descents of linear classifiers, against answers found another way."""

from __future__ import annotations

import numpy as np
import pytest

from genlaws.paper_checks.claims.linear_descents import DESCENDED, measure_descents
from genlaws.paper_checks.claims.linear_flows import (
    EQUAL_DUALS,
    SEPARABLE,
    draw_separable,
    measure_linear_flow,
    measure_starts,
)
from genlaws.theory import max_margin_approach


def unit(settings, **changed):
    return {"replicate": 0, **settings, **changed}


def slope(measurement, y=None):
    return np.polyfit(np.log(measurement.x), np.log(measurement.y) if y is None else y, 1)[0]


@pytest.fixture(scope="module")
def flow():
    return measure_linear_flow(unit(SEPARABLE), np.random.default_rng(3))


@pytest.fixture(scope="module")
def data():
    return draw_separable(unit(SEPARABLE), np.random.default_rng(3))


def test_examples_have_the_margin_asked_for(data):
    assert data.largest.margin == pytest.approx(1.0, rel=1e-12)
    assert np.all(data.rows @ data.largest.weights > 1.0 - 1e-9)
    inside = data.inside(data.support)
    assert np.allclose(inside, data.support)
    assert np.allclose(data.across(data.support), 0.0, atol=1e-12)
    # a vector of known angle
    turned = data.largest.direction + 1e-6 * np.linalg.svd(data.largest.direction[None])[2][1]
    assert data.angle(turned[None])[0] == pytest.approx(1e-6, rel=1e-6)


def test_duals_of_the_figure_are_equal_whatever_else_is_drawn():
    for seed in range(5):
        figure = draw_separable(unit(EQUAL_DUALS), np.random.default_rng(seed))
        assert len(figure.largest.support) == 2
        assert np.ptp(figure.largest.duals[figure.largest.support]) < 1e-12
        # (0.5, 1.5) and (1.5, 0.5) over their margin, the root of 2
        assert np.allclose(np.linalg.norm(figure.support, axis=1), np.sqrt(2.5 / 2.0))


def test_degenerate_examples_leave_one_on_the_margin_without_a_pull():
    degenerate = draw_separable(unit(SEPARABLE, data="degenerate"), np.random.default_rng(1))
    assert degenerate.largest.degenerate
    with pytest.raises(ValueError, match="dual 0"):
        degenerate.approach()
    full = unit(SEPARABLE, data="degenerate", examples=40, dimension=2)
    with pytest.raises(ValueError, match="data degenerate, examples 40, dimension 2"):
        draw_separable(full, np.random.default_rng(1))


def test_directions_are_those_that_the_support_vectors_foretell(flow, data):
    theory = max_margin_approach(data.support)
    inside = flow["angle inside times ln t"]
    assert np.allclose(inside.y, inside.x * theory.angle(inside.x), rtol=1e-6)
    gap = flow["gap times ln t"]
    # to first order: what the start leaves across the span lengthens weights by the square of 1 / ln t
    assert np.allclose(gap.y, gap.x * theory.margin_gap(gap.x), rtol=1e-2)
    assert np.all(flow["off the limit"].y < 1e-6)
    assert np.all(flow["off another limit"].y > 0.1)


def test_whole_angles_hold_what_the_start_leaves(flow):
    whole, inside = flow["angle times ln t"].y[-1], flow["angle inside times ln t"].y[-1]
    across = np.sqrt(whole**2 - inside**2)
    # a Gaussian start of length 3, whose part across the span no support vector moves
    assert 0.3 < across < 5.0


def test_rates(flow):
    assert slope(flow["angle"]) == pytest.approx(-1.0, abs=0.02)
    assert slope(flow["margin gap"]) == pytest.approx(-1.0, abs=0.02)
    assert slope(flow["one less cosine"]) == pytest.approx(2.0 * slope(flow["angle"]), abs=1e-4)
    assert np.all(np.abs(flow["time times loss"].y) < 1e-3)
    assert slope(flow["residual"], flow["residual"].y) == pytest.approx(0.0, abs=0.02)


def test_held_out_loss_grows_by_what_the_largest_margin_gets_wrong(flow, data):
    missed = np.maximum(-data.held_out @ data.largest.weights, 0.0)
    assert missed.max() > 0.0
    assert flow["held-out slope"].reference[0] == pytest.approx(missed.mean(), rel=1e-12)
    assert np.allclose(flow["held-out slope"].y, missed.mean(), rtol=1e-3)
    assert np.allclose(flow["training loss"].y, -flow["training loss"].x, rtol=1e-4)


def test_equal_duals_hide_the_logarithm():
    figure = measure_linear_flow(unit(EQUAL_DUALS), np.random.default_rng(2))
    angle = figure["angle"]
    # t^(-1/4) / ln t, as the eigenvalue 1/4 of what the support vectors weigh says
    late = angle.x >= 20.0
    power = np.polyfit(angle.x[late], np.log(angle.y * angle.x)[late], 1)[0]
    assert power == pytest.approx(-0.25, abs=0.005)
    assert "off the limit" not in figure


def test_a_dual_of_zero_lets_weights_drift():
    drifting = measure_linear_flow(unit(SEPARABLE, data="degenerate"), np.random.default_rng(4))["residual"]
    assert slope(drifting, drifting.y) == pytest.approx(1.0, abs=0.2)


def test_two_layers_lose_a_power_of_ln_t_more():
    deep = measure_linear_flow(unit(SEPARABLE, hidden=[4]), np.random.default_rng(4))["time times loss"]
    assert slope(deep, deep.y) == pytest.approx(-1.0, abs=0.01)


def test_two_starts_come_together_and_two_data_sets_do_not():
    made = measure_starts(unit(SEPARABLE), np.random.default_rng(5))
    starts = made["two starts"]
    assert slope(starts) == pytest.approx(-1.0, abs=0.01)
    assert made["two data sets"].y[-1] > 0.1
    assert abs(slope(made["two data sets"])) < 0.05


@pytest.fixture(scope="module")
def descents():
    asked = unit(DESCENDED, levels=[30.0, 60.0], adam_steps=150_000)
    return measure_descents(asked, np.random.default_rng(6)), asked


def test_descents_end_where_theory_says(descents):
    made, asked = descents
    # the same draws again
    rng = np.random.default_rng(6)
    data = draw_separable(asked, rng)
    start = rng.standard_normal(15) / np.sqrt(15.0)
    theory = max_margin_approach(data.support)
    # -ln loss is ln t + 2 ln margin, and other examples have hardly moved the start across the span
    inside = theory.angle(made["plain"].x)
    across = np.arctan(np.linalg.norm(start - data.inside(start)) / made["plain"].x)
    assert np.allclose(made["plain"].y, np.hypot(inside, across), rtol=0.2)
    heavy = made["momentum against plain"]
    assert np.allclose(heavy.y, heavy.reference, rtol=0.05)
    assert np.array_equal(heavy.reference, made["plain"].y)
    assert np.all(made["adam"].y > 0.1)


def test_adam_must_come_to_the_losses_asked_for():
    short = unit(DESCENDED, levels=[30.0, 60.0], adam_steps=1000)
    with pytest.raises(ValueError, match="adam_steps must be more"):
        measure_descents(short, np.random.default_rng(6))


@pytest.mark.parametrize(
    ("measure", "asked"),
    [
        (measure_linear_flow, unit(SEPARABLE)),
        (measure_starts, unit(SEPARABLE)),
        (measure_descents, unit(DESCENDED, levels=[10.0, 20.0], adam_steps=60_000)),
    ],
)
def test_equal_seeds_measure_equal_bits(measure, asked):
    first, second = (measure(asked, np.random.default_rng(8)) for _ in range(2))
    for name, reading in first.items():
        assert np.array_equal(reading.y, second[name].y), name
