"""The largest margin, against enumeration of support vectors, exact arithmetic and other solvers."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy import optimize

from genlaws.simulate import largest_margin, least_hinge_loss


def separable(rng, examples, dimension, *, shift=0.0):
    teacher = rng.standard_normal(dimension)
    rows = rng.standard_normal((examples, dimension))
    return rows * np.sign(rows @ teacher)[:, None] + shift * teacher


def solved_exactly(rows):
    """Weights of margin 1 on all rows, which combine them, and the duals, as 40-digit numbers."""
    with mpmath.workdps(40):
        matrix = mpmath.matrix(rows.tolist())
        duals = mpmath.lu_solve(matrix * matrix.T, mpmath.ones(len(rows), 1))
        weights = matrix.T * duals
        length = mpmath.norm(weights)
        return (
            np.array([float(w / length) for w in weights]),
            float(1 / length),
            np.array([float(dual) for dual in duals]),
        )


def enumerated(rows):
    """The set of support vectors, by trying all: margins of 1 on them and more elsewhere, duals positive."""
    examples, dimension = rows.shape
    for size in range(1, dimension + 1):
        for some in itertools.combinations(range(examples), size):
            chosen = rows[list(some)]
            duals = np.linalg.solve(chosen @ chosen.T, np.ones(size))
            if duals.min() > 0.0 and (rows @ (duals @ chosen)).min() > 1.0 - 1e-9:
                return list(some)
    raise AssertionError("not separable")


@pytest.mark.parametrize(("examples", "dimension"), [(1, 3), (6, 2), (8, 3), (9, 4)])
def test_the_one_set_that_enumeration_finds_is_solved_to_rounding(examples, dimension):
    rng = np.random.default_rng(examples)
    for _ in range(8):
        rows = separable(rng, examples, dimension)
        found, support = largest_margin(rows), enumerated(rows)
        direction, margin, duals = solved_exactly(rows[support])
        assert found.support.tolist() == support
        assert not found.degenerate
        assert np.allclose(found.direction, direction, rtol=0.0, atol=1e-13)
        assert found.margin == pytest.approx(margin, rel=1e-13)
        assert np.allclose(found.duals[support], duals, rtol=1e-12)
        assert found.gap < 1e-14


def test_published_pairs_of_support_vectors():
    others = np.array([[3.0, 1.0], [2.0, 4.0], [2.5, 2.5]])
    equal = largest_margin(np.vstack([[[0.5, 1.5], [1.5, 0.5]], others]))
    assert np.allclose(equal.duals, [0.25, 0.25, 0.0, 0.0, 0.0], atol=1e-15)
    assert equal.margin == pytest.approx(np.sqrt(2.0), rel=1e-15)
    assert equal.support.tolist() == [0, 1]
    unequal = largest_margin([[1.0, 0.5], [1.0, -1.5]])
    assert np.allclose(unequal.weights, [1.0, 0.0], atol=1e-15)
    assert np.allclose(unequal.duals, [0.75, 0.25], atol=1e-15)


@pytest.mark.parametrize(("examples", "dimension", "shift"), [(100, 50, 0.0), (40, 90, 0.0), (300, 20, 2.0)])
def test_conditions_of_optimality_hold_to_rounding(examples, dimension, shift):
    rows = separable(np.random.default_rng(1), examples, dimension, shift=shift)
    found = largest_margin(rows)
    assert np.all(found.duals >= 0.0)
    assert np.all(found.margins >= 1.0 - 1e-12)
    assert np.allclose(found.margins, rows @ found.direction / found.margin, rtol=1e-11)
    assert np.array_equal(np.flatnonzero(found.duals), found.support)
    assert np.allclose(found.margins[found.support], 1.0, atol=1e-12)
    assert np.allclose(
        found.duals @ rows, found.weights, rtol=0.0, atol=1e-12 * np.linalg.norm(found.weights)
    )
    # by duality alone: |w^|^2 is the sum of the duals
    assert found.duals.sum() * found.margin**2 == pytest.approx(1.0, rel=1e-13)
    assert found.gap < 1e-13


def test_other_solvers_find_no_larger_margin():
    rows = separable(np.random.default_rng(2), 60, 12)
    found = largest_margin(rows)
    program = optimize.minimize(
        lambda w: 0.5 * w @ w,
        least_hinge_loss(rows).variables,
        jac=lambda w: w,
        constraints={"type": "ineq", "fun": lambda w: rows @ w - 1.0, "jac": lambda w: rows},
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    assert np.allclose(program.x, found.weights, rtol=0.0, atol=1e-7 * np.linalg.norm(found.weights))
    # least loss without a ridge is that of the shortest weights with margins of 1
    newton = least_hinge_loss(rows, norm="free").variables
    assert np.allclose(newton, found.weights, rtol=0.0, atol=1e-11 * np.linalg.norm(newton))


def test_orthogonal_examples_all_pull():
    lengths = np.geomspace(1e-4, 1e4, 9)
    found = largest_margin(np.diag(lengths))
    assert np.allclose(found.duals, lengths**-2.0, rtol=1e-13)
    assert found.margin == pytest.approx((lengths**-2.0).sum() ** -0.5, rel=1e-13)
    assert np.allclose(found.weights, 1.0 / lengths, rtol=1e-12)


def test_turned_and_stretched_data_have_turned_and_stretched_answers():
    rng = np.random.default_rng(4)
    rows, turn = separable(rng, 30, 6), np.linalg.qr(rng.standard_normal((6, 6)))[0]
    found, other = largest_margin(rows), largest_margin(1e-5 * rows @ turn)
    assert np.allclose(other.direction, found.direction @ turn, atol=1e-13)
    assert other.margin == pytest.approx(1e-5 * found.margin, rel=1e-13)
    assert np.allclose(other.duals, 1e10 * found.duals, rtol=1e-11)


def test_a_factor_of_the_gram_matrix_will_do_for_the_rows():
    rows = separable(np.random.default_rng(6), 20, 30)
    found, other = largest_margin(rows), largest_margin(np.linalg.cholesky(rows @ rows.T))
    assert other.margin == pytest.approx(found.margin, rel=1e-12)
    assert np.allclose(other.duals, found.duals, rtol=1e-10)


@pytest.mark.parametrize("thin", [1e-3, 1e-6, 1e-9])
def test_thin_margins_are_solved_to_rounding_too(thin):
    rng = np.random.default_rng(7)
    rows = rng.standard_normal((50, 4)) * np.array([thin, 1.0, 1.0, 1.0])
    rows *= np.sign(rows[:, :1])
    found = largest_margin(rows)
    direction, margin, duals = solved_exactly(rows[found.support])
    assert len(found.support) == 4
    assert duals.min() > 0.0
    assert np.allclose(found.direction, direction, rtol=0.0, atol=1e-13)
    assert found.margin == pytest.approx(margin, rel=1e-12)
    assert np.allclose(found.duals[found.support], duals, rtol=1e-10)
    # rounding of the weights alone moves margins so much
    assert found.margins.min() > 1.0 - 1e-15 / margin


def test_dependent_and_idle_support_vectors_are_reported():
    repeated = largest_margin([[1.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
    assert repeated.degenerate
    assert repeated.support.tolist() == [0, 1, 2]
    assert np.allclose(repeated.duals[:2].sum(), 0.5)
    assert repeated.duals[2] == pytest.approx(0.5)
    idle = largest_margin([[1.0, 0.0], [1.0, 1.0], [2.0, 0.0]])
    assert idle.degenerate
    assert idle.support.tolist() == [0, 1]
    assert np.allclose(idle.duals, [1.0, 0.0, 0.0], atol=1e-14)
    crowded = largest_margin([[1, a, b] for a in (-1, 0, 1) for b in (-1, 0, 1)])
    assert crowded.degenerate
    assert len(crowded.support) == 9
    assert np.allclose(crowded.direction, [1.0, 0.0, 0.0], atol=1e-15)


def test_whole_numbers_give_exact_fractions():
    rows = np.array([[3, 1, 2], [1, -4, 1], [-1, 2, 5], [6, 0, -1], [4, 4, 4]])
    found = largest_margin(rows)
    some = rows[found.support].tolist()
    gram = [[Fraction(sum(a * b for a, b in zip(x, y, strict=True))) for y in some] for x in some]
    total = [
        sum((g * Fraction(float(d)) for g, d in zip(row, found.duals[found.support], strict=True)))
        for row in gram
    ]
    assert max(abs(float(entry - 1)) for entry in total) < 1e-14


@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, 0.0], [-1.0, 0.0]],
        [[1.0, 0.0], [-1.0, 1e-14]],
        [[1.0, 1.0], [-1.0, 0.5], [0.0, -1.0]],
        np.random.default_rng(0).standard_normal((200, 50)),
        np.random.default_rng(0).standard_normal((121, 60)),
    ],
    ids=["opposite", "thin", "around", "many", "half full"],
)
def test_what_cannot_be_separated_is_refused(rows):
    with pytest.raises(ValueError, match="rows must be linearly separable, by a margin that rounding leaves"):
        largest_margin(rows)


def test_arguments_out_of_range_are_named():
    with pytest.raises(
        ValueError, match=r"rows must have shape \(examples, dimension\), none zero, got \(2,\)"
    ):
        largest_margin([1.0, 2.0])
    with pytest.raises(ValueError, match="rows must be finite and not zero"):
        largest_margin([[1.0, 2.0], [0.0, 0.0]])


def test_results_are_ready_for_json():
    found = json.loads(json.dumps(largest_margin([[2.0, 0.0]]).to_dict()))
    assert found["margin"] == 2.0
    assert found["support"] == [0]
    assert not found["degenerate"]
