"""Gradient flow in the logarithm of time, against closed forms, other integrators, and plain descent."""

import json
import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import integrate, optimize, special

from genlaws.simulate import integrate_gradient_flow, random_layers

UNITS = {
    "linear": (lambda a: a, np.ones_like),
    "relu": (lambda a: np.maximum(a, 0.0), lambda a: (a > 0.0) * 1.0),
    "square": (lambda a: a**2, lambda a: 2.0 * a),
    "cube": (lambda a: a**3, lambda a: 3.0 * a**2),
}
PULLS = {"exponential": lambda m: np.exp(-m), "logistic": lambda m: special.expit(-m)}
UNEQUAL = np.array([[1.0, 0.5], [1.0, -1.5]])  # duals .75, .25 of the largest margin, along (1, 0)


def task(examples, dimension, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((examples, dimension)) / math.sqrt(dimension)
    return inputs, np.sign(inputs @ rng.standard_normal(dimension))


def descent(layers, inputs, labels, activation="linear", loss="exponential"):
    # -dL/dW of the sum of losses, by the rules of school
    unit, slope = UNITS[activation]
    signals, hidden = [], [inputs]
    for layer in layers:
        signals.append(hidden[-1] @ layer.T)
        hidden.append(unit(signals[-1]))
    back = (labels * PULLS[loss](labels * signals[-1][:, 0]))[:, None]
    result = []
    for k in reversed(range(len(layers))):
        result.append(back.T @ hidden[k])
        if k:
            back = (back @ layers[k]) * slope(signals[k - 1])
    return result[::-1]


def packed(layers):
    return np.concatenate([np.ravel(layer) for layer in layers])


def unpacked(flat, like):
    ends = np.cumsum([layer.size for layer in like])[:-1]
    return [part.reshape(layer.shape) for part, layer in zip(np.split(flat, ends), like, strict=True)]


def plain(velocity, start, times):
    # in t itself
    found = integrate.solve_ivp(
        velocity, (0.0, times[-1]), start, method="DOP853", t_eval=times, rtol=1e-11, atol=1e-11
    )
    assert found.success
    return found.y.T


def most(*differences):
    return max(float(np.abs(each).max()) for each in differences)


@pytest.mark.parametrize("normalization", ["none", "layers", "units"])
def test_one_example_is_the_closed_form(normalization):
    # rho = ln(f^2 t + e^(f rho_0)) / f for an example of length f
    f, rho = 1.7, 0.4
    log_times = np.array([-np.inf, -3.0, 0.0, 3.0, 30.0, 1e3, 1e4, 1e6])
    flow = integrate_gradient_flow(
        [[f * 0.6, -f * 0.8]], [-1], [[[-0.6 * rho, 0.8 * rho]]], log_times, normalization=normalization
    )
    exact = np.logaddexp(log_times + 2.0 * math.log(f), f * rho) / f
    np.testing.assert_allclose(flow.norms[:, 0], exact, rtol=1e-12, atol=1e-8)
    np.testing.assert_allclose(flow.log_loss, -f * exact, rtol=1e-12, atol=1e-8)
    np.testing.assert_allclose(flow.smoothed_margin, f, rtol=1e-9)
    assert np.all(np.abs(flow.norms[:, 0] - exact) <= flow.norms_error[:, 0] + 1e-13 * exact)


def test_zero_weights_are_a_start():
    flow = integrate_gradient_flow([[1.0, 0.0]], [1], [[[0.0, 0.0]]], [0.0, 1e4])
    np.testing.assert_allclose(flow.norms[:, 0], [math.log(2.0), 1e4], atol=1e-8)


def test_what_no_example_holds_up_stays_or_decays():
    log_times = np.array([-np.inf, 0.0, 2.0, 4.0, 6.0])
    setting = ([[1.0, 0.0]], [1], [[[1.0, 0.5]]], log_times)
    free = integrate_gradient_flow(*setting)
    np.testing.assert_allclose(free.weights[0][:, 0, 1], 0.5, atol=1e-12)
    flow = integrate_gradient_flow(*setting, normalization="layers", tolerance=1e-12)
    rho, across = flow.norms[:, 0], flow.directions[0][:, 0, 1]
    # dv/drho = -rho v
    np.testing.assert_allclose(across, across[0] * np.exp(0.5 * (rho[0] ** 2 - rho**2)), rtol=1e-6)
    assert across[-1] < 1e-7


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
def test_residual_of_the_logarithm_is_that_of_the_duals(loss):
    # w - w^ ln t -> w~, where exp(-w~ . x) are the duals (arXiv:1710.10345)
    log_times = np.geomspace(40.0, 1e4, 5)
    flow = integrate_gradient_flow(UNEQUAL, [1, 1], [[[0.0, 0.0]]], log_times, loss=loss)
    residual = flow.weights[0][:, 0] - log_times[:, None] * [1.0, 0.0]
    exact = np.linalg.solve(UNEQUAL, -np.log([0.75, 0.25]))
    np.testing.assert_allclose(residual, np.tile(exact, (5, 1)), atol=1e-9)
    gap = np.linalg.norm(flow.directions[0][:, 0] - [1.0, 0.0], axis=1)
    assert gap[-1] * flow.norms[-1, 0] == pytest.approx(0.5493, abs=1e-4)
    assert (1.0 - flow.margin[-1]) * 1e4 == pytest.approx(0.2747, abs=1e-4)


def test_normalized_directions_end_at_the_soft_minimum():
    # dv/drho = rho G comes to rest where the pulls' mean of inputs is along v
    flow = integrate_gradient_flow(
        UNEQUAL, [1, 1], [[[1.0, 0.3]]], [1e2, 1e4], normalization="layers", tolerance=1e-10
    )
    for rho, direction in zip(flow.norms[:, 0], flow.directions[0][:, 0], strict=True):

        def across(angle, rho=rho):
            v = np.array([math.cos(angle), math.sin(angle)])
            margins = UNEQUAL @ v
            pulls = np.exp(-rho * (margins - margins.min()))
            return pulls @ UNEQUAL @ [-v[1], v[0]]

        angle = optimize.brentq(across, -0.1, 0.1, xtol=1e-15)
        assert math.atan2(direction[1], direction[0]) == pytest.approx(angle, abs=2.0 / rho**3 + 1e-11)
        assert angle * rho == pytest.approx(-0.5493, abs=2.0 / rho)


def test_a_hundred_examples_come_to_their_largest_margin():
    inputs, labels = task(100, 50)
    rows = labels[:, None] * inputs
    flow = integrate_gradient_flow(inputs, labels, random_layers([50, 1], rng=1), [100.0, 1e3, 1e4])
    wide = np.column_stack([rows, np.ones(100)]).T  # least distance programming (Lawson & Hanson)
    target = np.append(np.zeros(50), 1.0)
    solved = wide @ optimize.nnls(wide, target)[0] - target
    shortest = -solved[:-1] / solved[-1]
    residual = rows @ flow.weights[0][:, 0].T - flow.log_times
    held = rows @ shortest < 1.0 + 1e-8
    np.testing.assert_allclose(residual[held, 2], residual[held, 1], atol=1e-6)
    np.testing.assert_allclose(np.exp(-residual[:, 2]) @ rows, shortest, atol=1e-5)
    gaps = 1.0 / np.linalg.norm(shortest) - flow.margin
    assert gaps[2] * 1e4 == pytest.approx(gaps[1] * 1e3, rel=5e-3)


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
@pytest.mark.parametrize("activation", ["linear", "square", "cube"])
def test_deep_flow_is_that_of_another_integrator(activation, loss):
    inputs, labels = task(8, 3)
    start = random_layers([3, 4, 3, 1], rng=4)
    times = np.array([0.05, 1.0, 20.0])
    flow = integrate_gradient_flow(
        inputs, labels, start, np.log(times), loss=loss, activation=activation, tolerance=1e-10
    )
    exact = plain(
        lambda _, w: packed(descent(unpacked(w, start), inputs, labels, activation, loss)),
        packed(start),
        times,
    )
    for i, weights in enumerate(exact):
        layers = unpacked(weights, start)
        norms = [np.linalg.norm(layer) for layer in layers]
        np.testing.assert_allclose(flow.norms[i], norms, rtol=0, atol=1e-8)
        for mine, layer, norm in zip(flow.directions, layers, norms, strict=True):
            np.testing.assert_allclose(mine[i], layer / norm, rtol=0, atol=1e-8)
        signals = inputs
        for layer in layers[:-1]:
            signals = UNITS[activation][0](signals @ layer.T)
        margins = labels * (signals @ layers[-1].T)[:, 0]
        np.testing.assert_allclose(flow.margins[i] * math.exp(flow.log_scale[i]), margins, atol=1e-7)
        losses = np.exp(-margins) if loss == "exponential" else np.log1p(np.exp(-margins))
        assert flow.log_loss[i] == pytest.approx(math.log(losses.sum()), abs=1e-7)


def normalized_velocities(inputs, labels, start):
    # three ways to norms apart from directions, as arXiv:1903.04991 lists them: state is g, then v, per layer
    def split(state):
        return state[: len(start)], unpacked(state[len(start) :], start)

    def slopes(state):
        g, v = split(state)
        lengths = np.array([np.linalg.norm(each) for each in v])
        layers = [gk * vk / length for gk, vk, length in zip(g, v, lengths, strict=True)]
        return g, v, lengths, descent(layers, inputs, labels, "square")

    def weight_normalization(_, state):
        g, v, lengths, down = slopes(state)
        to_g = [np.vdot(d, vk) / length for d, vk, length in zip(down, v, lengths, strict=True)]
        to_v = [
            gk / length * (d - vk * np.vdot(vk, d) / length**2)
            for gk, vk, length, d in zip(g, v, lengths, down, strict=True)
        ]
        return np.concatenate([to_g, packed(to_v)])

    def lagrange(_, state):
        # L + sum of lambda_k (|v_k|^2 - 1), lambda_k such that norms stay 1
        g, v = split(state)
        down = descent([gk * vk for gk, vk in zip(g, v, strict=True)], inputs, labels, "square")
        to_g = [np.vdot(d, vk) for d, vk in zip(down, v, strict=True)]
        multipliers = [0.5 * gk * np.vdot(d, vk) for gk, vk, d in zip(g, v, down, strict=True)]
        to_v = [gk * d - 2.0 * m * vk for gk, vk, d, m in zip(g, v, down, multipliers, strict=True)]
        return np.concatenate([to_g, packed(to_v)])

    def tangent(_, state):
        g, v, lengths, down = slopes(state)
        to_g = [np.vdot(d, vk) / length for d, vk, length in zip(down, v, lengths, strict=True)]
        flat = [vk.ravel() / length for vk, length in zip(v, lengths, strict=True)]
        to_v = [
            (np.eye(u.size) - np.outer(u, u)) @ (gk * d.ravel())
            for u, gk, d in zip(flat, g, down, strict=True)
        ]
        return np.concatenate([to_g, *to_v])

    return weight_normalization, lagrange, tangent


def test_normalized_layers_are_weight_normalization_multipliers_and_tangent_gradient():
    inputs, labels = task(8, 3)
    start = random_layers([3, 4, 1], rng=4)
    norms = [np.linalg.norm(layer) for layer in start]
    state = np.concatenate([norms, packed([w / n for w, n in zip(start, norms, strict=True)])])
    times = np.array([0.05, 1.0, 5.0])
    flow = integrate_gradient_flow(
        inputs, labels, start, np.log(times), activation="square", normalization="layers", tolerance=1e-10
    )
    mine = np.column_stack([flow.norms, *(layer.reshape(3, -1) for layer in flow.directions)])
    for velocity in normalized_velocities(inputs, labels, start):
        np.testing.assert_allclose(mine, plain(velocity, state, times), rtol=0, atol=1e-8)


def test_normalized_units_are_a_flow_on_a_product_of_spheres():
    inputs, labels = task(8, 3)
    start = random_layers([3, 4, 1], rng=5)
    norms = np.array([np.linalg.norm(layer) for layer in start])
    units = [layer / np.linalg.norm(layer, axis=1, keepdims=True) for layer in start]
    roots = np.sqrt([len(layer) for layer in start])

    def velocity(_, state):
        g, v = state[:2], unpacked(state[2:], start)
        lengths = [np.linalg.norm(each, axis=1, keepdims=True) for each in v]
        u = [each / length for each, length in zip(v, lengths, strict=True)]
        down = descent([gk / r * uk for gk, r, uk in zip(g, roots, u, strict=True)], inputs, labels, "cube")
        to_g = [np.vdot(d, uk) / r for d, uk, r in zip(down, u, roots, strict=True)]
        to_v = [
            gk / r * (d - uk * (d * uk).sum(axis=1, keepdims=True))
            for gk, r, uk, d in zip(g, roots, u, down, strict=True)
        ]
        return np.concatenate([to_g, packed(to_v)])

    times = np.array([0.05, 1.0, 5.0])
    exact = plain(velocity, np.concatenate([norms, packed(units)]), times)
    flow = integrate_gradient_flow(
        inputs, labels, start, np.log(times), activation="cube", normalization="units", tolerance=1e-10
    )
    np.testing.assert_allclose(flow.norms, exact[:, :2], rtol=0, atol=1e-8)
    hidden = flow.directions[0] * roots[0]
    np.testing.assert_allclose(hidden.reshape(3, -1), exact[:, 2:14], rtol=0, atol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(hidden, axis=2), 1.0, atol=1e-8)


def test_rectified_flow_is_plain_descent_with_small_steps():
    inputs, labels = task(10, 3)
    start = random_layers([3, 6, 1], rng=0)
    ends = []
    for step in (2e-3, 1e-3):
        layers = [layer.copy() for layer in start]
        for _ in range(round(4.0 / step)):
            down = descent(layers, inputs, labels, "relu")
            layers = [layer + step * d for layer, d in zip(layers, down, strict=True)]
        ends.append(packed(layers))
    flows = [
        integrate_gradient_flow(inputs, labels, start, [math.log(4.0)], activation="relu", corner=corner)
        for corner in (1e-3, 1e-4)
    ]
    found = [packed([layer[0] for layer in flow.weights]) for flow in flows]
    extrapolated = 2.0 * ends[1] - ends[0]
    assert most(ends[1] - ends[0]) > 2e-5
    errors = [most(each - extrapolated) for each in found]
    assert errors[1] < 2e-4
    assert errors[1] < 0.3 * errors[0]  # in proportion to the corner


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_chains_of_single_units_follow_their_quadrature(layers):
    # rho' = K rho^(2 - 2/K) e^(-rho), whose time is an integral
    log_times = np.array([2.0, 20.0, 1e3, 1e4])
    flow = integrate_gradient_flow([[1.0]], [1], [[[0.7]]] * layers, log_times, tolerance=1e-7)
    power = 2.0 - 2.0 / layers

    def log_time(rho):
        low = max(0.7**layers, rho - 60.0)
        area, _ = integrate.quad(lambda r: math.exp(r - rho) / (layers * r**power), low, rho, epsabs=0.0)
        return rho + math.log(area)

    for when, log_scale in zip(log_times, flow.log_scale, strict=True):
        assert log_time(math.exp(log_scale)) == pytest.approx(when, rel=1e-9, abs=2e-5)
    # u = ln t + (2 - 2/K) ln ln t + ln K, and what is left falls like ln ln t / ln t
    u = math.exp(flow.log_scale[-1])
    assert u == pytest.approx(1e4 + power * math.log(1e4) + math.log(layers), abs=3e-3)
    assert flow.log_loss[-1] == pytest.approx(-u, abs=1e-8)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_exponentially_normalized_chains_follow_their_integral(layers):
    # u' = K u^2 e^-u, of which Ei(u) - e^u / u is the integral
    log_times = np.array([-2.0, 2.0, 20.0, 300.0, 1e4])
    flow = integrate_gradient_flow([[1.0]], [1], [[[0.7]]] * layers, log_times, normalization="exponential")
    u = np.exp(flow.log_scale)
    passed = [special.expi(each) - math.exp(each) / each for each in (0.7**layers, *u[:4])]
    np.testing.assert_allclose(np.log(np.diff(passed).cumsum() / layers), log_times[:4], rtol=1e-9, atol=1e-6)
    # late e^u / u^2 (1 + 2/u) = K t: twice ln ln t ahead of ln t, whatever the depth
    assert u[4] - 2.0 * math.log(u[4]) + 2.0 / u[4] - math.log(layers) == pytest.approx(1e4, abs=1e-5)


def test_exponential_normalization_moves_the_logarithms_of_norms():
    inputs, labels = task(8, 3)
    start = random_layers([3, 4, 1], rng=5)

    def weights_of(state):
        logs, v = np.split(state[:5], [4]), unpacked(state[5:], start)
        units = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in v]
        return units, [np.exp(each)[:, None] * unit for each, unit in zip(logs, units, strict=True)]

    def velocity(_, state):
        units, layers = weights_of(state)
        down = [
            np.linalg.norm(w, axis=1, keepdims=True) * d
            for w, d in zip(layers, descent(layers, inputs, labels, "cube"), strict=True)
        ]
        radial = [(d * unit).sum(axis=1) for d, unit in zip(down, units, strict=True)]
        across = [d - r[:, None] * unit for d, r, unit in zip(down, radial, units, strict=True)]
        return np.concatenate([*radial, packed(across)])

    lengths = [np.linalg.norm(layer, axis=1, keepdims=True) for layer in start]
    state = np.concatenate(
        [np.log(packed(lengths)), packed([w / n for w, n in zip(start, lengths, strict=True)])]
    )
    times = np.array([0.05, 1.0, 5.0])
    exact = [packed(weights_of(each)[1]) for each in plain(velocity, state, times)]
    flow = integrate_gradient_flow(
        inputs, labels, start, np.log(times), activation="cube", normalization="exponential", tolerance=1e-10
    )
    found = np.column_stack([layer.reshape(3, -1) for layer in flow.weights])
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("activation", "normalization"), [("relu", "none"), ("relu", "units"), ("square", "layers")]
)
def test_squared_norms_grow_equally_and_margins_grow(activation, normalization):
    inputs, labels = task(12, 4, seed=3)
    scale = 1.4 if activation == "relu" else 1.0
    flow = integrate_gradient_flow(
        inputs,
        labels,
        random_layers([4, 4, 3, 1], scale=scale, rng=3),
        np.concatenate([[-np.inf], np.geomspace(0.1, 1e4, 40)]),
        activation=activation,
        normalization=normalization,
        corner=1e-2,
        tolerance=1e-7,
    )
    # d rho_k^2 / dt is in proportion to kappa_k
    conserved = flow.norms**2 / flow.powers
    drift = conserved - conserved[:, :1] - (conserved[0] - conserved[0, 0])
    assert most(drift) < 3e-6 * flow.norms[-1].max()
    right = flow.log_loss < 0.0
    assert right.sum() > 20
    growth = np.diff(flow.smoothed_margin[right])
    assert np.all(growth >= -1e-12)
    below = (flow.margin - flow.smoothed_margin) * np.exp(flow.log_scale)
    assert np.all((below >= -1e-9) & (below <= math.log(12) + 1e-9))


@pytest.mark.parametrize(
    ("widths", "setting"),
    [
        ([10, 1], {}),
        ([10, 1], {"normalization": "layers", "loss": "logistic"}),
        ([10, 5, 5, 1], {}),
        ([10, 5, 1], {"activation": "relu", "corner": 1e-2}),
        ([10, 5, 1], {"activation": "square", "normalization": "layers"}),
    ],
)
def test_estimated_errors_bound_those_that_a_tighter_tolerance_shows(widths, setting):
    inputs, labels = task(20, 10, seed=1)
    start, log_times = random_layers(widths, scale=1.4, rng=0), np.geomspace(1.0, 1e4, 21)
    rough = integrate_gradient_flow(inputs, labels, start, log_times, tolerance=1e-6, **setting)
    tight = integrate_gradient_flow(inputs, labels, start, log_times, tolerance=1e-8, **setting)
    pairs = [
        (np.abs(rough.log_loss - tight.log_loss), rough.log_loss_error),
        (np.abs(rough.norms - tight.norms), rough.norms_error),
        (np.abs(rough.margins - tight.margins).max(axis=1), rough.margins_error),
        (
            np.stack(
                [
                    np.linalg.norm(a - b, axis=(1, 2))
                    for a, b in zip(rough.directions, tight.directions, strict=True)
                ],
                axis=1,
            ),
            rough.directions_error,
        ),
    ]
    for error, estimate in pairs:
        assert np.all(error <= 2.0 * estimate + 1e-6)
        assert np.median(estimate) < 1e-3
    assert most(tight.norms_error, tight.directions_error) < 1e-5


def test_rounding_of_corners_leaves_no_trace_in_the_limit():
    # this flow slides along kinks for most of its time
    inputs, labels = task(30, 10, seed=1)
    start = random_layers([10, 6, 1], scale=1.4, rng=1)
    margins = [
        integrate_gradient_flow(
            inputs, labels, start, [5.0, 50.0], activation="relu", corner=corner, tolerance=1e-6
        ).margin
        for corner in (1e-1, 1e-2, 1e-3)
    ]
    assert np.all(np.abs(margins[2] - margins[1]) < 0.2 * np.abs(margins[1] - margins[0]))
    np.testing.assert_allclose(margins[2], margins[1], rtol=2e-2)


def test_logistic_smoothed_margin_is_the_margin_of_one_example():
    log_times = np.array([-np.inf, 1.0, 10.0, 1e4])
    flow = integrate_gradient_flow([[2.0]], [1], [[[0.1]]], log_times, loss="logistic")
    np.testing.assert_allclose(flow.smoothed_margin, 2.0, rtol=1e-12)
    assert flow.log_loss[0] == pytest.approx(math.log(math.log1p(math.exp(-0.2))), rel=1e-12)


def test_result_is_json():
    flow = integrate_gradient_flow(UNEQUAL, [1, 1], [[[0.0, 1.0]]], [0.0, 1.0])
    again = json.loads(json.dumps(flow.to_dict()))
    np.testing.assert_array_equal(again["directions"][0], flow.directions[0])
    assert again["loss"] == "exponential"
    assert again["schema_version"] == 1


@pytest.mark.parametrize("tolerance", [1e-6, 1e-8])
@pytest.mark.parametrize("seed", [0, 1])
def test_flows_that_leave_an_example_behind_are_said_to_rest(seed, tolerance):
    # no unit is active on it any more; where the integrator gives up first, that is why
    inputs, labels = [[-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]], [1, 1, -1, -1]
    with pytest.raises(ValueError, match="comes to rest"):
        integrate_gradient_flow(
            inputs, labels, random_layers([2, 8, 1], rng=seed), [1e4], activation="relu", tolerance=tolerance
        )


@pytest.mark.parametrize("length", [1e-6, 1e-3, 1e3])
def test_units_of_inputs_are_units_of_time(length):
    # t scales with the square of their length
    log_times = np.array([1.0, 10.0, 100.0])
    flow = integrate_gradient_flow(UNEQUAL, [1, 1], [[[0.0, 0.0]]], log_times)
    other = integrate_gradient_flow(
        length * UNEQUAL, [1, 1], [[[0.0, 0.0]]], log_times - 2.0 * math.log(length)
    )
    np.testing.assert_allclose(other.margin / length, flow.margin, rtol=1e-6)
    np.testing.assert_allclose(other.log_loss, flow.log_loss, atol=1e-5)


def test_result_is_a_frame_and_a_picture_and_its_work_is_reported():
    done = []
    flow = integrate_gradient_flow(
        UNEQUAL, [1, 1], [[[0.0, 1.0]]], [-np.inf, -1.0, 10.0, 1e4], progress=done.append
    )
    assert done == sorted(done)
    assert (min(done) < 0.1, max(done)) == (True, 1.0)
    frame = flow.to_frame()
    np.testing.assert_array_equal(frame["margin"], flow.margin)
    np.testing.assert_array_equal(frame["norm_1"], flow.norms[:, 0])
    margins, smoothed = flow.plot(Figure().subplots()).lines
    np.testing.assert_array_equal(margins.get_xydata(), np.column_stack([[10.0, 1e4], flow.margin[2:]]))
    assert np.all(smoothed.get_ydata() <= margins.get_ydata())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": [1, 0]}, "labels must be -1 or"),
        ({"inputs": [[0.0, 0.0], [1.0, 0.0]]}, "inputs must be finite and not zero"),
        ({"start": [[[1.0]]]}, "start must be matrices"),
        ({"start": [[[1.0, 0.0], [0.0, 1.0]]]}, "start must be matrices"),
        ({"start": []}, "start must be matrices"),
        ({"start": [[[np.nan, 0.0]]]}, "start must be finite"),
        ({"start": [[[0.0, 0.0]]], "normalization": "layers"}, "start must have no layer of norm zero"),
        (
            {"start": [[[1.0, 0.0], [0.0, 0.0]], [[1.0, 1.0]]], "normalization": "units"},
            "start must have no unit",
        ),
        ({"log_times": [1.0, 1.0]}, "log_times must increase"),
        ({"log_times": [np.inf]}, "log_times must increase"),
        ({"tolerance": 1e-13}, "tolerance must be in"),
        ({"corner": 0.0}, "corner must be in"),
        ({"evaluations": 0}, "evaluations must be at least 1"),
        ({"loss": "hinge"}, "loss must be one of exponential, logistic, got 'hinge'"),
        ({"activation": "erf"}, "activation must be one of"),
        ({"normalization": "batch"}, "normalization must be one of"),
        ({"labels": [1, -1], "inputs": [[1.0, 0.0], [1.0, 0.0]]}, "start must"),
    ],
)
def test_wrong_arguments_are_named(changed, message):
    arguments = {"inputs": UNEQUAL, "labels": [1, 1], "start": [[[0.0, 0.0]]], "log_times": [1.0]} | changed
    positional = [arguments.pop(name) for name in ("inputs", "labels", "start", "log_times")]
    with pytest.raises(ValueError, match=message):
        integrate_gradient_flow(*positional, **arguments)


def test_flows_that_end_early_say_so():
    crossed = ([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0]], [1, -1, -1])
    start = [[[1.0, 0.0], [0.5, 0.0]], [[1.0, 1.0]]]
    with pytest.raises(ValueError, match="comes to rest"):
        integrate_gradient_flow([[1.0], [2.0]], [1, -1], [[[1.0]]], [100.0])
    with pytest.raises(RuntimeError, match="evaluations must be more"):
        integrate_gradient_flow(*crossed, start, [1e4], evaluations=20)
