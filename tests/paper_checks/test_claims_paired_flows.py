"""Plain and normalized flows of linear classifiers, as claims read them, against other answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from genlaws.paper_checks.claims.linear_flows import draw_separable
from genlaws.paper_checks.claims.paired_flows import (
    _PAIRED,
    FAST,
    FEW,
    HALF_SQUARES,
    LAGS,
    MANY,
    measure_across,
    measure_paired_flows,
)
from genlaws.simulate import random_layers
from genlaws.theory import log_orthogonal_component, max_margin_approach


def unit(settings, **changed):
    return {"replicate": 0, **settings, **changed}


def slope(measurement):
    y = measurement.y if measurement.y_label.startswith("ln ") else np.log(measurement.y)
    return np.polyfit(np.log(measurement.x), y, 1)[0]


@pytest.fixture(scope="module")
def pair():
    return measure_paired_flows(unit(_PAIRED), np.random.default_rng(2))


@pytest.fixture(scope="module")
def data():
    return draw_separable(unit(_PAIRED), np.random.default_rng(2))


def test_both_flows_have_the_angle_that_duals_foretell(pair, data):
    theory = max_margin_approach(data.support)
    made = pair["inside against plain"]
    assert np.allclose(made.reference * made.x, theory.angle_coefficient, rtol=1e-3)
    assert np.allclose(made.y * made.x, theory.angle_coefficient, rtol=2e-2)
    far = pair["inside at equal norms"]
    assert np.allclose(far.reference * far.x, theory.angle_coefficient, rtol=1e-3)


def test_what_lies_across(pair):
    assert slope(pair["across, plain"]) == pytest.approx(-1.0, abs=0.01)
    # under normalization it has fallen to rounding
    assert pair["across against plain"].y.max() < 1e-6 * pair["across against plain"].reference.min()
    assert slope(pair["apart across"]) == pytest.approx(-1.0, abs=0.01)


def test_flows_at_equal_norms_differ_in_second_order(pair):
    apart = pair["apart inside"]
    assert slope(apart) == pytest.approx(-2.0, abs=0.1)
    # a chord below the difference of angles, and above it where they differ in length alone
    assert np.exp(apart.y.max()) < pair["inside, normalized"].y.max()


def test_readings_at_equal_norms_are_those_of_flows_in_the_norm():
    # both in a clock of their own, which the pulls' common scale has dropped out of
    asked = unit(_PAIRED, log_times=[5.0, 30.0], late=5.0, norms=[8.0, 20.0], tolerance=1e-10, start=1.0)
    made = measure_paired_flows(asked, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    data = draw_separable(asked, rng)
    start = random_layers([15, 1], scale=1.0, rng=rng)[0][0]

    def velocity(_, state, power):
        norm, direction = state[0], state[1:]
        margins = data.rows @ direction
        logs = -np.logaddexp(0.0, norm * margins)  # of the logistic loss's slopes
        pulls = np.exp(logs - logs.max())
        growth = pulls @ margins
        return np.append(growth, norm**power * (pulls @ data.rows - direction * growth))

    first = float(np.linalg.norm(start))
    events = [lambda _, state, power, norm=norm: state[0] - norm for norm in (8.0, 20.0)]
    for name, power in (("reference", -1), ("y", 1)):
        solved = solve_ivp(
            velocity,
            (0.0, 200.0),
            np.append(first, start / first),
            "LSODA",
            events=events,
            args=(power,),
            rtol=1e-10,
            atol=1e-12,
        )
        directions = np.array([states[0, 1:] for states in solved.y_events])
        inside = data.inside(directions)
        inside /= np.linalg.norm(inside, axis=1, keepdims=True)
        off = np.linalg.norm(inside - data.largest.direction, axis=1)
        assert np.allclose(getattr(made["inside at equal norms"], name), off, rtol=2e-3)
        across = getattr(made["across at equal norms"], name)
        assert np.allclose(across, data.across(directions), rtol=2e-2, atol=1e-9)


def test_few_examples_leave_it_to_the_norm():
    asked = unit(FEW, **HALF_SQUARES, normalization="layers")
    made = measure_across(asked, np.random.default_rng(1))
    norms = np.sqrt(2.0 * made.x)
    expected = log_orthogonal_component(norms[3:], start=norms[3], flow="normalized")
    # theory's norm lacks what the start adds, a power of t
    assert np.allclose(made.y[3:] - made.y[3], expected, rtol=0.02)
    plain = measure_across({**asked, "normalization": "none"}, np.random.default_rng(1))
    expected = log_orthogonal_component(norms[3:], start=norms[3])
    assert np.allclose(plain.y[3:] - plain.y[3], expected, rtol=0.1)


def test_other_examples_hold_it_up():
    falling = measure_across(unit(LAGS, normalization="layers"), np.random.default_rng(1))
    assert -np.polyfit(falling.x, falling.y, 1)[0] == pytest.approx(1.0, abs=0.1)
    held = measure_across(unit(MANY, normalization="layers"), np.random.default_rng(1))
    assert -np.polyfit(held.x, held.y, 1)[0] < 0.7
    data = draw_separable(unit(LAGS), np.random.default_rng(1))
    assert len(data.largest.support) < len(data.rows)


def test_what_is_not_asked_for_is_not_read():
    made = measure_paired_flows(unit(FAST), np.random.default_rng(1))
    assert "inside at equal norms" not in made
    assert slope(made["across, normalized"]) < -10.0


@pytest.mark.parametrize(
    ("measure", "asked"),
    [(measure_paired_flows, _PAIRED), (measure_across, {**MANY, "normalization": "layers"})],
)
def test_equal_seeds_measure_equal_bits(measure, asked):
    first, second = (measure(unit(asked), np.random.default_rng(8)) for _ in range(2))
    if measure is measure_across:
        first, second = {"across": first}, {"across": second}
    for name, reading in first.items():
        assert np.array_equal(reading.y, second[name].y), name
