"""Growth of norms in log time, against numerical integration, exponential integrals and Lambert's W."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from scipy import integrate, special

from genlaws.theory import MarginGrowth, log_orthogonal_component


def exact_log_time(layers, margin, start, norm):
    """Ln t at a norm, by mpmath: the time of a flow is an incomplete gamma function of its norm."""
    with mpmath.workdps(60):
        power, f = 2 - mpmath.mpf(2) / layers, mpmath.mpf(margin)

        def primitive(s):
            if power == 1:
                return mpmath.ei(s)
            return s ** (1 - power) / (1 - power) * mpmath.hyp1f1(1 - power, 2 - power, s)

        reached = primitive(f * mpmath.mpf(norm)) - primitive(f * mpmath.mpf(start))
        return float(mpmath.log(reached / layers) - 2 * mpmath.log(f) / layers)


@pytest.mark.parametrize("layers", [1, 2, 3, 7])
def test_norms_are_those_of_layers_under_gradient_flow(layers):
    # every layer a number, all equal at the start: w' = w^(K-1) f exp(-f w^K)
    margin, start = 0.7, 1.3

    def slope(_, w):
        product = np.prod(w)
        return product / w * margin * np.exp(-margin * product)

    times = np.array([0.1, 1.0, 10.0, 1000.0])
    flow = integrate.solve_ivp(
        slope, (0.0, 1000.0), np.full(layers, start ** (1 / layers)), "DOP853", times, rtol=1e-12, atol=1e-13
    )
    growth = MarginGrowth(layers, margin=margin, start=start)
    assert np.allclose(growth.norm(np.log(times)), flow.y.prod(axis=0), rtol=1e-9)
    assert np.allclose(growth.layer_norm(np.log(times)), flow.y[0], rtol=1e-9)
    assert np.allclose(growth.log_loss(np.log(times)), -margin * flow.y.prod(axis=0), rtol=1e-9)


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_norms_follow_the_flow_in_log_time(layers):
    growth = MarginGrowth(layers, margin=0.2, start=3.0)

    def slope(log_time, rho):
        power = growth.loss_exponent
        return np.exp(log_time - 0.2 * rho) * layers * rho**power * 0.2

    times = np.array([0.0, 10.0, 60.0, 300.0])
    flow = integrate.solve_ivp(slope, (-40.0, 300.0), [3.0], "LSODA", times, rtol=1e-11, atol=1e-11)
    assert np.allclose(growth.norm(times), flow.y[0], rtol=1e-8)


def test_one_layer_has_the_exact_logarithm():
    growth = MarginGrowth(1, margin=0.5, start=2.0)
    times = np.array([-5.0, 0.0, 3.0])
    assert np.allclose(growth.norm(times), np.log(0.25 * np.exp(times) + math.e) / 0.5, rtol=1e-14)
    # the single example (1, 0) of Soudry et al.: w = ln(t + exp w(0))
    assert MarginGrowth(1, start=0.0).norm(math.log(99.0)) == pytest.approx(math.log(100.0), rel=1e-15)


def test_two_layers_have_an_exponential_integral():
    growth = MarginGrowth(2, margin=1.5, start=0.4)
    norms = np.array([0.41, 1.0, 5.0, 20.0])
    times = np.log((special.expi(1.5 * norms) - special.expi(0.6)) / 3.0)
    assert np.allclose(growth.norm(times), norms, rtol=1e-12)


@pytest.mark.parametrize("layers", [2, 3, 50])
@pytest.mark.parametrize("start", [1e-7, 0.3, 49.99, 50.0, 400.0])
def test_time_and_norm_belong_together_to_rounding(layers, start):
    for margin in (0.02, 1.0):
        growth = MarginGrowth(layers, margin=margin, start=start)
        norms = start + np.array([1e-3 * start, 1.0, 49.0 / margin, 51.0 / margin, 5000.0])
        times = np.array([exact_log_time(layers, margin, start, norm) for norm in norms])
        assert np.allclose(growth.log_time(norms), times, rtol=2e-14, atol=2e-12)
        assert np.allclose(growth.norm(times), norms, rtol=1e-12)


@pytest.mark.parametrize("layers", [1, 2, 3, 10])
def test_late_norms_approach_their_asymptote(layers):
    growth = MarginGrowth(layers, margin=0.3)
    times = np.array([1e2, 1e4, 1e6, 1e10])
    power, constant = growth.loss_exponent, math.log(layers) + 2.0 / layers * math.log(0.3)
    off = 0.3 * (growth.norm(times) - growth.norm_asymptote(times))
    # to second order: the logarithm is that of u, not of ln t, and the integral has its own first correction
    expected = power * (power * np.log(times) + constant - 1.0) / times
    assert np.allclose(off, expected, rtol=0.1, atol=1e-5)
    assert np.all(np.abs(off) <= 1.1 * np.abs(expected) + 1e-15 * times)


@pytest.mark.parametrize("layers", [2, 4])
def test_late_norms_approach_lamberts_function(layers):
    # without corrections of the integral e^u / u^a = K f^(2/K) t; with the first of them u is less by a / u
    growth = MarginGrowth(layers)
    power, times = growth.loss_exponent, np.array([50.0, 200.0, 600.0])
    leading = -power * special.lambertw(-np.exp(-(times + math.log(layers)) / power) / power, -1).real
    assert np.all(np.abs((leading - growth.norm(times)) * leading / power - 1.0) < 4.0 / times)


def test_exponents_are_those_of_curves():
    for layers in (1, 2, 3):
        growth = MarginGrowth(layers)
        times = np.array([1e7, 1e7 * (1 + 1e-4)])
        fall = -np.diff(growth.log_loss(times))[0] / np.diff(times)[0] - 1.0
        assert fall * 1e7 == pytest.approx(growth.loss_exponent, rel=2e-3, abs=2e-3)
        grown = np.diff(np.log(growth.layer_norm(times)))[0] / np.diff(np.log(times))[0]
        assert grown == pytest.approx(growth.norm_exponent, rel=1e-5)


@pytest.mark.parametrize("layers", [1, 2, 3, 100])
def test_any_time_is_within_reach(layers):
    growth = MarginGrowth(layers, margin=1e-4, start=1e-3)
    times = np.concatenate([np.linspace(-700.0, 50.0, 40), np.logspace(2.0, 300.0, 40)])
    norms = growth.norm(times)
    assert np.all(np.diff(norms) >= -1e-14 * norms[1:])
    assert norms[0] == pytest.approx(1e-3, rel=1e-12)
    assert norms[-1] == pytest.approx(1e304, rel=1e-14)
    assert growth.norm(-1e300) == pytest.approx(1e-3, rel=1e-12)
    assert growth.norm(7.0).shape == ()
    assert growth.norm([[7.0]]).shape == (1, 1)


@pytest.mark.parametrize("flow", ["plain", "normalized"])
def test_across_the_span_directions_turn_by_either_law(flow):
    rows = np.array([[1.0, 0.5, 0.0], [1.0, -1.5, 0.0]])

    def slope(rho, v):
        margins = rows @ v
        pulls = special.softmax(-rho * margins)
        turned = pulls @ (rows - np.outer(margins, v)) / (pulls @ margins)
        return turned * (rho if flow == "normalized" else 1.0 / rho)

    norms = np.array([2.0, 3.0, 5.0])
    found = integrate.solve_ivp(slope, (2.0, 5.0), [0.8, 0.0, 0.6], "DOP853", norms, rtol=1e-12, atol=1e-18)
    expected = log_orthogonal_component(norms, start=2.0, flow=flow)
    assert np.allclose(np.log(found.y[2] / 0.6), expected, atol=1e-8)


def test_across_the_span_normalized_flow_is_faster_than_any_power_of_time():
    norms = MarginGrowth(1, margin=0.5).norm([50.0, 1e4])
    normalized = log_orthogonal_component(norms, flow="normalized")
    assert np.allclose(normalized, -np.square([50.0, 1e4]) / (2 * 0.25), rtol=0.06)
    assert np.all(normalized < 20 * log_orthogonal_component(norms))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: MarginGrowth(0), "layers must be a whole number of at least 1, got 0"),
        (lambda: MarginGrowth(2, margin=0.0), "margin must be finite and positive, got 0"),
        (lambda: MarginGrowth(2, start=0.0), "start must be finite and positive, got 0"),
        (lambda: MarginGrowth(1, start=-1.0), "start must be finite and at least 0, got -1"),
        (lambda: MarginGrowth(2).norm([1.0, math.inf]), "log_time must be finite, got inf"),
        (lambda: MarginGrowth(2).norm_asymptote(0.0), "log_time must be finite and positive, got 0"),
        (lambda: MarginGrowth(2).log_time([2.0, 1.0]), "norm must be above start, 1.0, got 1.0"),
        (lambda: log_orthogonal_component(0.0), "layer_norm must be finite and positive, got 0"),
        (lambda: log_orthogonal_component(2.0, start=-1.0), "start must be finite and positive, got -1"),
        (lambda: log_orthogonal_component(2.0, flow="sgd"), "flow must be one of plain, normalized"),
    ],
)
def test_arguments_out_of_range_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
