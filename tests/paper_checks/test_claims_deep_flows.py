"""D1, D2, D3, E2 in simulation: that deep flows are read as the claims say."""

from __future__ import annotations

import json
import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from genlaws.paper_checks.claim import BUDGETS
from genlaws.paper_checks.claims import banburski_margins, banburski_norms, deep_flows, lyu_li_rates
from genlaws.paper_checks.claims.deep_flows import EARLY, END, LATE, measure_deep_flow, measure_falls
from genlaws.simulate import GradientFlow
from genlaws.theory import MarginGrowth, max_margin_approach

CLAIMS = {
    claim.id: claim
    for module in (banburski_norms, banburski_margins, lyu_li_rates)
    for claim in module.CLAIMS
    if "simulation" in claim.experiments
}
MEASURED = [(name, role) for name in CLAIMS for role in ("claim", "control")]
FALLS = {**deep_flows._MANY_FLOWS, "networks": deep_flows._LINEAR, "flows": 2, "examples": [4, 8]}


def experiment_of(name, role):
    claim = CLAIMS[name].as_tested_by("simulation")
    return (claim if role == "claim" else claim.control).experiments["simulation"]


@cache
def readings(measure, settings):
    return measure(json.loads(settings), np.random.default_rng(1))


def made_flow(log_times, weights, margins, log_loss, *, loss="exponential"):
    """A flow of one layer with these weights (times, 2), margins (times, examples) and ln of the loss."""
    norms = np.linalg.norm(weights, axis=1)
    nothing = np.zeros(len(log_times))
    return GradientFlow(
        log_times=np.asarray(log_times),
        log_loss=np.asarray(log_loss),
        norms=norms[:, None],
        directions=((weights / norms[:, None])[:, None, :],),
        margins=np.asarray(margins),
        powers=np.ones(1),
        loss=loss,
        log_loss_error=nothing,
        norms_error=nothing[:, None],
        directions_error=nothing[:, None],
        margins_error=nothing,
        evaluations=1,
    )


@pytest.mark.parametrize(("name", "role"), MEASURED)
def test_units_are_sound_and_cover_the_range(name, role):
    experiment, claim = experiment_of(name, role), CLAIMS[name].as_tested_by("simulation")
    previous = 5
    for budget in BUDGETS:
        units = experiment.units(budget)
        assert json.loads(json.dumps(units)) == units
        assert [unit["replicate"] for unit in units] == list(range(len(units)))
        assert len(units) >= previous
        previous = len(units)
    unit = experiment.units("quick")[0]
    unit = {**unit, "flows": 1, "examples": [64]} if "flows" in unit else unit
    found = readings(experiment.work.measure, json.dumps(unit))[experiment.reading]
    assert set(found.replicate) == {0}
    assert np.all(np.isfinite(found.y))
    low, high = claim.x_range
    assert found.x.min() <= low * (1.0 + 1e-9)
    assert found.x.max() >= high * (1.0 - 1e-9)


def test_bands_of_neighbouring_exponents_do_not_overlap():
    for names in (["D2a", "D2b", "D2c"], ["E2a", "E2b", "E2c", "E2e", "E2g"], ["D3c", "D3d"]):
        bands = sorted(CLAIMS[name].band for name in names)
        assert all(first[1] < second[0] for first, second in pairwise(bands))


@pytest.mark.parametrize(
    ("measure", "settings"),
    [(measure_deep_flow, deep_flows.TWO_LAYERS), (measure_falls, FALLS)],
    ids=["flow", "falls"],
)
def test_equal_seeds_give_equal_bits(measure, settings):
    first, second = (measure({**settings, "replicate": 1}, np.random.default_rng(5)) for _ in range(2))
    assert list(first) == list(second)
    for name, reading in first.items():
        np.testing.assert_array_equal(reading.y, second[name].y)
        np.testing.assert_array_equal(reading.x, second[name].x)


def test_linear_classifiers_are_read_as_their_late_solution_says():
    # w = w^ ln t + w~: the least margin is that of the largest dual, and the loss 1 / (t times sum of duals)
    settings = {**deep_flows.ONE_LAYER, "replicate": 0}
    flow, signed, _ = deep_flows._flow(settings, 0, 8, deep_flows._LONG, np.random.default_rng(3))
    found = measure_deep_flow(settings, np.random.default_rng(3))
    duals = max_margin_approach(signed[np.isclose(flow.margins[-1], flow.margin[-1], rtol=1e-3)]).duals
    assert len(duals) > 1
    np.testing.assert_allclose(found["loss"].y, -math.log(duals.sum()), atol=2e-6)
    np.testing.assert_allclose(found["scaled margin"].y, -math.log(duals.max()), atol=2e-6)
    np.testing.assert_allclose(found["layer norm"].y, found["weight norm"].y, rtol=1e-15)
    assert found["loss"].x[[0, -1]] == pytest.approx([LATE, END])


@pytest.mark.parametrize("hidden", [[4], [4, 3]])
def test_one_example_grows_as_theory_has_it(hidden):
    settings = {**deep_flows.TWO_LAYERS, "networks": [["linear", hidden]], "examples": 1, "replicate": 0}
    _, signed, _ = deep_flows._flow(settings, 0, 1, deep_flows._LONG, np.random.default_rng(4))
    found = measure_deep_flow(settings, np.random.default_rng(4))
    growth = MarginGrowth(len(hidden) + 1, margin=float(np.linalg.norm(signed)))
    late = np.array([1e4, END])
    at = np.searchsorted(found["loss"].x, late * (1.0 - 1e-9))
    # layers that are not aligned cost a share of about 1 / rho_k^2 of the outputs, and so little time
    np.testing.assert_allclose(found["loss"].y[at], -growth.log_loss(late) - late, atol=0.02)
    np.testing.assert_allclose(found["layer norm"].y[at], growth.layer_norm(late), rtol=0.01)
    np.testing.assert_allclose(found["growth"].y, found["growth"].reference, rtol=1e-6)
    assert found["margin gap"].y[-1] < 0.1 * found["margin gap"].y[0]


def test_squares_grow_by_twice_as_much_in_the_first_layer():
    settings = {**deep_flows.SQUARES, "replicate": 0}
    found = measure_deep_flow(settings, np.random.default_rng(1))
    np.testing.assert_allclose(2.0 * found["growth"].y, found["growth"].reference, rtol=1e-6)
    # both start at norm 1
    np.testing.assert_allclose(
        2.0 * (found["balance"].y ** 2 - 1.0), found["balance"].reference ** 2 - 1.0, rtol=1e-6
    )
    assert found["growth"].x[0] == pytest.approx(EARLY)


def test_flows_that_do_not_separate_are_drawn_again_and_counted(monkeypatch):
    real, calls = deep_flows.integrate_gradient_flow, []

    def failing(inputs, *args, **kwargs):
        calls.append(inputs)
        if len(calls) <= 2:
            raise ValueError("start must lead to zero loss")
        return real(inputs, *args, **kwargs)

    monkeypatch.setattr(deep_flows, "integrate_gradient_flow", failing)
    settings = {**deep_flows.ONE_LAYER, "replicate": 0}
    found = measure_deep_flow(settings, np.random.default_rng(1))
    assert found["loss"].settings["failed"] == 2
    assert len({each.tobytes() for each in calls}) == 3
    calls[:] = []
    monkeypatch.setattr(deep_flows, "_DRAWS", 2)
    with pytest.raises(ValueError, match="none of 2 flows of linear networks separated 8 examples"):
        measure_deep_flow(settings, np.random.default_rng(1))


def test_replicates_take_turns_with_networks_and_losses(monkeypatch):
    seen = []

    def recording(inputs, labels, start, log_times, *, loss, activation, **_):
        seen.append((activation, loss, [layer.shape for layer in start]))
        raise ValueError

    monkeypatch.setattr(deep_flows, "integrate_gradient_flow", recording)
    monkeypatch.setattr(deep_flows, "_DRAWS", 1)
    for replicate in range(4):
        with pytest.raises(ValueError, match="none of 1 flows"):
            measure_deep_flow({**deep_flows.TWO_LAYERS, "replicate": replicate}, np.random.default_rng(1))
    relu, linear = [(6, 5), (1, 6)], [(4, 5), (1, 4)]
    assert seen == [
        ("relu", "exponential", relu),
        ("linear", "exponential", linear),
        ("relu", "logistic", relu),
        ("linear", "logistic", linear),
    ]


def test_falls_are_told_from_rounding():
    assert not deep_flows._falls(np.array([]))
    assert not deep_flows._falls(np.array([1.0]))
    assert not deep_flows._falls(np.array([0.1, 0.2, 0.2 * (1.0 - 0.9e-3), 0.3]))
    assert deep_flows._falls(np.array([0.1, 0.2, 0.2 * (1.0 - 1.1e-3), 0.3]))
    # little by little, too
    assert deep_flows._falls(np.linspace(1.0, 0.99, 1000))


def test_margins_are_watched_from_where_they_are_meant_to_grow():
    flow = made_flow(
        [0.0, 1.0, 2.0, 3.0],
        np.ones((4, 2)),
        [[-0.1, 0.3], [0.1, 0.9], [0.2, 0.6], [0.3, 0.5]],
        [0.5, 0.1, -0.2, -0.3],
    )
    watched = {name: watch(flow) for name, watch in deep_flows._WATCHED.items()}
    np.testing.assert_array_equal(watched["margin"], [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(watched["late margin"], [0.2, 0.3])
    np.testing.assert_allclose(watched["mean margin"], [0.4, 0.4])
    np.testing.assert_allclose(watched["smoothed margin"], np.array([0.2, 0.3]) / math.sqrt(2.0))


@pytest.mark.parametrize(("speed", "short"), [(0.9, 1.0), (1.1, 0.0)])
def test_growth_is_held_against_its_bound(speed, short):
    # rho = e^(2s), a direction that turns by 0.1 s: L (d ln rho)^-1 |d theta|^2 = 0.005 ds
    s = np.linspace(0.0, 2.0, 41)
    rho, angle = np.exp(2.0 * s), 0.1 * s
    weights = rho[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    smoothed = 0.1 * np.exp(speed * 0.005 * s)
    flow = made_flow(s, weights, smoothed[:, None], -smoothed * rho)
    assert deep_flows._short_steps(flow, s >= 0.5) == short


def test_weights_without_sign_are_given_labels_that_have_none():
    inputs = np.random.default_rng(0).standard_normal((50, 3))
    labels = deep_flows._labels(inputs, "square", np.random.default_rng(1))
    np.testing.assert_array_equal(labels, deep_flows._labels(-inputs, "square", np.random.default_rng(1)))
    odd = deep_flows._labels(inputs, "cube", np.random.default_rng(1))
    np.testing.assert_array_equal(odd, -deep_flows._labels(-inputs, "cube", np.random.default_rng(1)))
    assert {*labels, *odd} == {-1.0, 1.0}
