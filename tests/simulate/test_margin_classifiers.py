"""What gradient descent and the linear program pick among the interpolators, against other solvers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from genlaws.simulate import GaussianMixtureLabels, LogisticLabels, SphericalPerceptron, sample_zero_error
from genlaws.simulate.margin_classifiers import logistic_descent, mean_margin_program
from genlaws.theory.linear_interpolators import logistic_interpolator, mixture_interpolator


def rows_of(data, examples, dimension, seed=0):
    inputs, labels = data.points(np.arange(examples), dimension, seed)
    return inputs * labels[:, None]


def largest_margin(rows):
    # least distance programming: min |w| with rows @ w >= 1 by non-negative least squares (Lawson & Hanson)
    target = np.append(np.zeros(rows.shape[1]), 1.0)
    solution, _ = optimize.nnls(np.column_stack([rows, np.ones(len(rows))]).T, target)
    residual = np.column_stack([rows, np.ones(len(rows))]).T @ solution - target
    return -residual[:-1] / residual[-1]


def test_descent_takes_the_steps_of_plain_gradient_descent():
    rows = rows_of(GaussianMixtureLabels(1.0), 12, 20)
    found = logistic_descent(rows)
    weights = np.zeros(20)
    curvature = np.linalg.eigvalsh(rows.T @ rows / 12)[-1] / 4.0
    while np.mean(np.log1p(np.exp(-rows @ weights))) >= 0.1 / 12:
        weights += rows.T @ (1.0 / (1.0 + np.exp(rows @ weights))) / 12 / curvature
    assert np.allclose(found, weights / np.linalg.norm(weights), atol=1e-12)


@pytest.mark.parametrize("data", [GaussianMixtureLabels(1.5), LogisticLabels(3.0)], ids=repr)
def test_descent_comes_near_the_largest_margin_and_never_beyond(data):
    rows = rows_of(data, 60, 100, seed=4)
    best = largest_margin(rows)
    margins = rows @ best
    assert margins.min() == pytest.approx(1.0, abs=1e-9)
    # optimal: a non-negative mixture of the examples that stand at the margin
    multipliers, rest = optimize.nnls(rows[margins < 1.0 + 1e-6].T, best)
    assert rest < 1e-8
    assert multipliers.sum() == pytest.approx(float(best @ best))
    found = (rows @ logistic_descent(rows)).min()
    limit = 1.0 / np.linalg.norm(best)
    assert 0.8 * limit < found < limit


def test_a_single_example_is_followed():
    row = np.array([[1.0, -2.0, 2.0]])
    assert np.allclose(logistic_descent(row), row[0] / 3.0)


def test_the_program_beats_every_interpolator_in_its_box():
    data, examples, dimension = LogisticLabels(3.0), 25, 30
    rows = rows_of(data, examples, dimension, seed=1)
    found = mean_margin_program(rows, rng=7)
    assert np.linalg.norm(found) == pytest.approx(1.0)
    assert (rows @ found).min() > -1e-9
    axes = stats.ortho_group.rvs(dimension, random_state=np.random.default_rng(7))

    def mean_margin(weights):
        in_box = weights / np.abs(axes.T @ weights).max()
        return float((rows @ in_box).mean())

    # strong duality: the least l1 norm of (mean row + non-negative mixture of rows), in the same axes
    turned = rows @ axes
    result = optimize.linprog(
        np.r_[np.zeros(examples), np.ones(2 * dimension)],
        A_eq=np.c_[turned.T, -np.eye(dimension), np.eye(dimension)],
        b_eq=-turned.mean(axis=0),
    )
    assert mean_margin(found) == pytest.approx(result.fun, rel=1e-8)
    for other in (logistic_descent(rows), largest_margin(rows)):
        assert mean_margin(other) < mean_margin(found)


def test_the_box_favours_no_direction():
    # far fewer examples than dimensions and one of them: the program sees the row alone
    row = np.eye(1, 40)
    overlaps = [float(mean_margin_program(row, rng=seed)[0]) for seed in range(200)]
    # the sum of the absolute coordinates of a random unit vector, over root d
    expected = math.sqrt(40.0) * math.exp(math.lgamma(20.0) - math.lgamma(20.5)) / math.sqrt(math.pi)
    se = np.std(overlaps, ddof=1) / math.sqrt(200)
    assert abs(np.mean(overlaps) - expected) < 4.5 * se
    assert se < 0.005


def test_one_dimension():
    assert logistic_descent([[-2.0]]).tolist() == [-1.0]
    assert mean_margin_program([[-2.0]]).tolist() == [-1.0]


@pytest.mark.parametrize("solve", [mean_margin_program, logistic_descent])
def test_what_cannot_be_separated(solve, monkeypatch):
    monkeypatch.setattr("genlaws.simulate.margin_classifiers._MAX_STEPS", 1000)
    with pytest.raises(ValueError, match="linearly separable"):
        solve([[1.0, 0.5], [-1.0, -0.5]])
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        solve([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="finite"):
        solve([[1.0, math.nan]])


@pytest.mark.parametrize(
    ("data", "typical"),
    [
        (GaussianMixtureLabels(1.5), mixture_interpolator(0.5, separation=1.5)),
        (LogisticLabels(3.0), logistic_interpolator(0.5, slope=3.0)),
    ],
    ids=["mixture", "logistic"],
)
def test_sampled_interpolators_are_the_typical_ones(data, typical):
    dimension, n = 80, 40
    errors, disagreements = [], []
    for seed in range(12):
        family = SphericalPerceptron(dimension, data=data, seed=seed)
        ensemble = sample_zero_error(family, [n], particles=60, replicas=2, rng=seed)
        errors.append(ensemble.mean_true_error[0])
        disagreements.append(ensemble.disagreement[0])
    se = np.std(errors, ddof=1) / math.sqrt(12)
    # finite dimension: an offset of order 1 / dimension
    assert abs(np.mean(errors) - typical.error) < 3.5 * se + 0.5 / dimension
    assert se < 0.01
    if isinstance(data, LogisticLabels):  # isotropic inputs: the angle between two members
        angle = math.acos(typical.mutual_overlap) / math.pi
        assert np.mean(disagreements) == pytest.approx(angle, abs=0.01)
