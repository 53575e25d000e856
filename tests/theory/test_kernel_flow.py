"""Gradient flow under a fixed kernel against an integrator of differential equations and its limits."""

import mpmath
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


def planted(condition, n):
    """Kernel rows of n training points with this condition number, and of three other points."""
    rng = np.random.default_rng(3)
    q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    train = (q * np.logspace(-np.log10(condition), 0, n)) @ q.T
    train = 0.5 * (train + train.T)
    return np.vstack([train, rng.normal(size=(3, n)) @ train])


def in_many_digits(joint, n, labels, times):
    """Outputs on all points and the loss, for the kernel as its floats say, by 60 digits."""
    with mpmath.workdps(60):
        values, vectors = mpmath.eigsy(mpmath.matrix(joint[:n, :n].tolist()))
        across, y = mpmath.matrix(joint[:, :n].tolist()) * vectors, vectors.T * mpmath.matrix(labels.tolist())
        outputs, losses = [], []
        for t in times:
            decay = [mpmath.exp(-values[i] * t / n) for i in range(n)]
            share = mpmath.matrix([(1 - decay[i]) / values[i] * y[i] for i in range(n)])
            outputs.append([float(value) for value in across * share])
            losses.append(float(sum((decay[i] * y[i]) ** 2 for i in range(n)) / (2 * n)))
    return np.array(outputs), np.array(losses)


@pytest.mark.parametrize("condition", [1e6, 1e12])
def test_holds_at_condition_numbers_of_1e12(condition):
    n = 8
    joint = planted(condition, n)
    labels = np.random.default_rng(4).normal(size=n)
    times = np.logspace(0, 1, 6) ** (np.log10(condition) + 3)
    outputs, losses = in_many_digits(joint, n, labels, times)
    flow = KernelFlow(joint[:n, :n], labels)
    assert flow.unresolved == 0
    # rounding of the kernel over its smallest eigenvalue, of what is learnt
    lost = 4.0 * np.finfo(float).eps / (n * flow.rates[0])
    assert lost < 2e-3
    scale = np.abs(labels).max()
    assert np.abs(flow.outputs(times) - outputs[:, :n]).max() < lost * scale
    elsewhere = flow.outputs_elsewhere(times, joint[n:, :n])
    error = np.abs(elsewhere - outputs[:, n:]).max(axis=1)
    assert np.all(error < lost * np.abs(outputs[:, n:]).max(axis=1) + 1e-13 * scale)
    slow = losses > 1e-12
    np.testing.assert_allclose(flow.losses(times)[slow], losses[slow], rtol=60.0 * lost)
    assert np.all(np.diff(flow.losses(times)) <= 0.0)


def test_time_infinity_is_kernel_regression_in_what_is_resolved():
    flow = KernelFlow(KERNEL, LABELS, START[:6])
    exact = START[6:] + ACROSS @ np.linalg.solve(KERNEL, LABELS - START[:6])
    found = flow.outputs_elsewhere([0.0, np.inf], ACROSS, start=START[6:])
    np.testing.assert_allclose(found, [START[6:], exact], rtol=1e-10)
    np.testing.assert_allclose(flow.outputs(np.inf), LABELS, rtol=1e-14)
    assert flow.losses(np.inf) == 0.0
    # ten points of four features: six directions are rounding, whatever sign it gives them
    low = np.random.default_rng(5).normal(size=(12, 4))
    labels = np.random.default_rng(6).normal(size=10)
    flow = KernelFlow(low[:10] @ low[:10].T, labels)
    assert flow.unresolved == 6
    weights = np.linalg.lstsq(low[:10], labels, rcond=None)[0]
    end = flow.outputs_elsewhere(np.inf, low[10:] @ low[:10].T)
    np.testing.assert_allclose(end, low[10:] @ weights, rtol=1e-10)
    assert flow.losses(np.inf) == pytest.approx(0.05 * np.sum((low[:10] @ weights - labels) ** 2), rel=1e-10)


def test_descent_diverges_above_the_largest_learning_rate():
    flow = KernelFlow(KERNEL, LABELS)
    for factor, grows in ((0.99, False), (1.01, True)):
        f = np.zeros(6)
        for _ in range(2000):
            f -= factor * flow.largest_learning_rate * KERNEL @ (f - LABELS) / 6
        assert (np.abs(f - LABELS).max() > 1e3) == grows
    assert KernelFlow(np.zeros((2, 2)), [1.0, 2.0]).largest_learning_rate == np.inf


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
    with pytest.raises(ValueError, match="t must be at least 0, got -1"):
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
