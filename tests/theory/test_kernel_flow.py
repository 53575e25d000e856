"""Gradient flow under a fixed kernel against an integrator of differential equations and its limits."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from genlaws.theory import KernelFlow

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(9, 30))
KERNEL, ACROSS = FEATURES[:6] @ FEATURES[:6].T, FEATURES[6:] @ FEATURES[:6].T
LABELS, START = RNG.normal(size=6), RNG.normal(size=9)


def test_follows_the_differential_equation_on_all_points():
    flow = KernelFlow(KERNEL, LABELS, START[:6])
    joint = FEATURES @ FEATURES[:6].T
    times = [0.0, 0.05, 0.3, 1.0]
    solved = solve_ivp(
        lambda t, f: -joint @ (f[:6] - LABELS) / 6, (0.0, 1.0), START, t_eval=times, rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(flow.outputs(times), solved.y[:6].T, atol=1e-8)
    np.testing.assert_allclose(
        flow.outputs_elsewhere(times, ACROSS, start=START[6:]), solved.y[6:].T, atol=1e-8
    )
    np.testing.assert_allclose(
        flow.losses(times), 0.5 * np.mean((solved.y[:6].T - LABELS) ** 2, axis=1), rtol=1e-7
    )


def test_ends_at_kernel_regression_and_decays_at_the_slowest_rate():
    flow = KernelFlow(KERNEL, LABELS)
    end = flow.outputs_elsewhere(1e6, ACROSS)
    np.testing.assert_allclose(end, ACROSS @ np.linalg.solve(KERNEL, LABELS), rtol=1e-9)
    np.testing.assert_allclose(flow.rates, np.linalg.eigvalsh(KERNEL) / 6, rtol=1e-10)
    late = 30.0 / flow.rates[0] + np.array([0.0, 1.0])
    decay = -np.diff(np.log(flow.losses(late)))[0]
    assert decay == pytest.approx(2.0 * flow.rates[0], rel=1e-6)


def test_directions_without_a_kernel_do_not_move():
    # two coinciding points with different labels: only their mean is learned
    flow = KernelFlow(np.ones((2, 2)), [1.0, 0.0])
    assert flow.rates[0] == 0.0
    np.testing.assert_allclose(flow.outputs(1e5), [0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(flow.outputs_elsewhere(1e5, [[1.0, 1.0]]), [0.5], atol=1e-12)
    assert flow.losses(1e5) == pytest.approx(0.125)
    # a point that only the lost direction reaches moves as the clock
    np.testing.assert_allclose(flow.outputs_elsewhere([2.0, 4.0], [[1.0, -1.0]]), [[1.0], [2.0]], rtol=1e-12)


def test_holds_at_condition_numbers_of_1e12():
    n = 8
    q = np.linalg.qr(RNG.normal(size=(n, n)))[0]
    values = np.logspace(-12, 0, n)
    flow = KernelFlow((q * values) @ q.T, LABELS.sum() * np.ones(n))
    assert flow.rates[-1] == pytest.approx(1.0 / n)
    t = np.logspace(0, 15, 6)
    assert np.all(np.isfinite(flow.outputs(t)))
    assert np.all(np.diff(flow.losses(t)) <= 0.0)


def test_says_what_does_not_fit():
    with pytest.raises(ValueError, match=r"kernel must have shape \(2, 2\)"):
        KernelFlow(np.eye(3), [1.0, 2.0])
    with pytest.raises(ValueError, match="kernel must be symmetric"):
        KernelFlow([[1.0, 0.5], [0.0, 1.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match="kernel must be positive semi-definite, got an eigenvalue -1"):
        KernelFlow([[1.0, 2.0], [2.0, 1.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match="labels must be finite, got nan"):
        KernelFlow(np.eye(2), [1.0, np.nan])
    flow = KernelFlow(np.eye(2), [1.0, 2.0])
    with pytest.raises(ValueError, match="t must be finite and at least 0, got -1"):
        flow.losses(-1.0)
    with pytest.raises(ValueError, match=r"kernel must have shape \(points, 2\), got \(1, 3\)"):
        flow.outputs_elsewhere(1.0, np.ones((1, 3)))


def test_outputs_side_by_side_are_flows_of_their_own():
    labels, start = RNG.normal(size=(6, 3)), RNG.normal(size=(9, 3))
    together = KernelFlow(KERNEL, labels, start[:6])
    alone = [KernelFlow(KERNEL, labels[:, k], start[:6, k]) for k in range(3)]
    t = np.array([[0.0, 0.1], [1.0, 7.0]])
    np.testing.assert_allclose(
        together.outputs(t), np.stack([flow.outputs(t) for flow in alone], axis=-1), rtol=1e-12, atol=1e-13
    )
    elsewhere = [flow.outputs_elsewhere(t, ACROSS, start=start[6:, k]) for k, flow in enumerate(alone)]
    np.testing.assert_allclose(
        together.outputs_elsewhere(t, ACROSS, start=start[6:]), np.stack(elsewhere, axis=-1), rtol=1e-12
    )
    np.testing.assert_allclose(together.losses(t), sum(flow.losses(t) for flow in alone), rtol=1e-12)
    with pytest.raises(ValueError, match="start must have shape"):
        KernelFlow(KERNEL, labels, start[:6, 0])
