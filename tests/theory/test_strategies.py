"""Strategies: every form is drawn, nothing drawn is invalid, hard cases are reached, and examples shrink."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from scipy.optimize import linprog

from genlaws import theory
from genlaws.theory import (
    AtomicErrorDensity,
    BetaErrorDensity,
    BinaryPerceptronErrorDensity,
    CountErrorDensity,
    CurveLaw,
    Divergence,
    ErrorDensity,
    ExponentialEdgeErrorDensity,
    Law,
    MeanField,
    Monotone,
    PerceptronErrorDensity,
    PowerEdgeErrorDensity,
    PowerLaw,
    PowerLawWithCorrection,
    PowerLawWithPlateau,
    SampledErrorDensity,
    TabulatedErrorDensity,
    TruncatedGaussianErrorDensity,
    learning_curve,
)
from genlaws.theory.strategies import (
    covariances,
    error_densities,
    laws,
    mean_fields,
    numbers_of_examples,
    training_sets,
)

# what a search may take, for the simplest case and for any
SEARCH = settings(max_examples=2000, derandomize=True, deadline=None, database=None)
REACH = settings(SEARCH, phases=[Phase.generate])
QUICK = settings(max_examples=30, deadline=None)


def simplest(strategy, condition=lambda value: True):
    return find(strategy, condition, settings=SEARCH)


def any_of(strategy, condition):
    return find(strategy, condition, settings=REACH)


def classes_with(method):
    found = [value for _, value in inspect.getmembers(theory, inspect.isclass) if hasattr(value, method)]
    return [value for value in found if not getattr(value, "_is_protocol", False)]


def test_every_form_of_an_error_density_is_drawn():
    forms = classes_with("given_zero_errors")
    assert len(forms) >= 10
    for form in forms:
        drawn = any_of(error_densities(), lambda density, form=form: type(density) is form)
        assert isinstance(drawn, ErrorDensity)
        assert type(any_of(error_densities(form), lambda density: True)) is form


def test_every_form_of_a_law_is_drawn():
    forms = classes_with("world")
    assert len(forms) >= 16
    for form in forms:
        drawn = any_of(laws(), lambda law, form=form: type(law) is form)
        assert isinstance(drawn, Law)
        assert type(any_of(laws(form), lambda law: True)) is form


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (error_densities(BetaErrorDensity), BetaErrorDensity(1.0, 1.0)),
        (error_densities(PowerEdgeErrorDensity), PowerEdgeErrorDensity(1.0)),
        (error_densities(ExponentialEdgeErrorDensity), ExponentialEdgeErrorDensity(0.0)),
        (error_densities(TruncatedGaussianErrorDensity), TruncatedGaussianErrorDensity(0.0, 1.0)),
        (error_densities(PerceptronErrorDensity), PerceptronErrorDensity(2)),
        (error_densities(BinaryPerceptronErrorDensity), BinaryPerceptronErrorDensity(1)),
        (error_densities(AtomicErrorDensity), AtomicErrorDensity([0.0])),
        (laws(PowerLaw), PowerLaw(0.0)),
        (laws(PowerLawWithPlateau), PowerLawWithPlateau(-1.0)),
        (laws(Monotone), Monotone(increasing=False)),
        (numbers_of_examples(), 0),
        (numbers_of_examples(least=7), 7),
        (
            mean_fields("ordered"),
            MeanField("erf", weight_variance=0.5 * 2.71838135233546, bias_variance=1.0),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_simplest_example_is_simple(strategy, expected):
    found = simplest(strategy)
    if isinstance(expected, MeanField):
        assert (found.activation, found.bias_variance, found.keep) == ("erf", 1.0, 1.0)
        assert found.weight_variance == pytest.approx(expected.weight_variance, rel=1e-12)
    else:
        assert found == expected


def test_simplest_covariances_and_training_sets():
    np.testing.assert_array_equal(simplest(covariances()), [[1.0]])
    for separable, inputs, labels in (
        (None, [[1.0]], [1.0]),
        (True, [[1.0]], [1.0]),
        (False, [[-1.0], [1.0]], [1.0, 1.0]),
    ):
        found = simplest(training_sets(separable=separable))
        np.testing.assert_array_equal(found.inputs, inputs)
        np.testing.assert_array_equal(found.labels, labels)


@pytest.mark.parametrize(
    "reached",
    [
        lambda d: d.minimum > 0.2,
        lambda d: d.edge_exponent is not None and d.edge_exponent > 150,
        lambda d: d.edge_exponent is not None and 0 < d.edge_exponent < 0.5,
        lambda d: d.mean() < 1e-3,
        lambda d: d.mean() > 0.99,
        lambda d: d.atoms is not None and len(d.atoms) > 4,
        lambda d: 10 < getattr(d, "largest_n", 0) < 1e6,
        lambda d: (
            isinstance(d, TabulatedErrorDensity) and d.edge_exponent is not None and d.edge_exponent > 2
        ),
    ],
)
def test_hard_densities_are_reached(reached):
    assert reached(any_of(error_densities(), reached))


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_densities_answer_for_the_numbers_drawn_for_them(data):
    density = data.draw(error_densities())
    n = data.draw(numbers_of_examples(density, most=10**6))
    assert isinstance(n, int)
    if isinstance(density, CountErrorDensity) and n == density.held_out:
        return  # no held-out example is left to have an error on
    assert density.minimum - 1e-15 <= learning_curve(density, n) <= 1


def test_numbers_of_examples_are_large_and_within_their_ends():
    assert simplest(numbers_of_examples(), lambda n: n >= 10**9) == 10**9
    assert simplest(numbers_of_examples(most=70), lambda n: n > 69) == 70
    sampled = SampledErrorDensity(np.linspace(0, 1, 1000))
    assert simplest(numbers_of_examples(sampled), lambda n: n > 10) <= sampled.largest_n
    with pytest.raises(NoSuchExample):
        any_of(numbers_of_examples(sampled), lambda n: n > sampled.largest_n)
    with pytest.raises(ValueError, match="least must be a number from 0 to 5, got 6"):
        numbers_of_examples(least=6, most=5)


def true_shape(law):
    if isinstance(law, PowerLawWithPlateau | PowerLawWithCorrection):
        return law.exponent
    if isinstance(law, Divergence):
        return 1.0 if law.threshold is None else law.threshold
    return np.nan


@given(laws(*(form for form in classes_with("world") if hasattr(form, "basis"))))
@settings(max_examples=100, deadline=None)
def test_laws_hold_in_their_own_worlds(law):
    assert isinstance(law, CurveLaw)
    world = law.world("true", replicates=1, noise=0.0)
    basis = law.basis(world.x, np.array(true_shape(law)))
    wanted = law.to_fit(world.y) - law.offset(world.x)
    coefficients = np.linalg.lstsq(basis, wanted)[0]
    scale = max(1.0, np.abs(wanted).max())
    np.testing.assert_allclose(basis @ coefficients, wanted, atol=1e-9 * scale)
    predicted = getattr(law, "value", None)
    for name in ("exponent", "rate", "slope", "power"):
        predicted = getattr(law, name, predicted)
    found = float(law.score_of(np.array(true_shape(law)), coefficients))
    assert found == pytest.approx(predicted, rel=1e-6, abs=1e-6)


@given(covariances(largest_condition=1e4))
@QUICK
def test_covariances_are_conditioned_as_said(matrix):
    np.testing.assert_array_equal(matrix, matrix.T)
    eigenvalues = np.linalg.eigvalsh(matrix)
    assert eigenvalues[0] >= 1e-4 * (1 - 1e-9)
    assert eigenvalues[-1] <= 1 + 1e-12
    assert len(matrix) <= 6


def test_covariances_come_close_to_singular_and_of_any_size():
    assert any_of(covariances(4), lambda matrix: np.linalg.cond(matrix) > 1e5).shape == (4, 4)
    full = any_of(covariances(), lambda matrix: len(matrix) == 6 and np.all(np.abs(matrix) > 1e-3))
    assert full.shape == (6, 6)


@pytest.mark.parametrize("phase", ["ordered", "critical", "chaotic"])
def test_mean_fields_are_in_the_phase_that_was_asked_for(phase):
    @given(mean_fields(phase))
    @QUICK
    def check(field):
        assert field.phase == phase
        assert 0.5 <= field.keep <= 1

    check()
    assert any_of(mean_fields(phase), lambda field: field.keep < 0.9).phase == phase
    assert any_of(mean_fields(), lambda field: field.phase == phase).phase == phase
    assert any_of(mean_fields(phase, activations=("tanh",)), lambda field: True).activation == "tanh"
    with pytest.raises(NoSuchExample):
        find(mean_fields(phase, dropout=False), lambda field: field.keep < 1, settings=QUICK)
    if phase != "chaotic":
        assert any_of(mean_fields(phase), lambda field: field.activation == "relu").phase == phase


def margin(inputs, labels):
    """Largest margin of a separator in the box [-1, 1]^dimension: positive exactly where there is one."""
    rows, dimension = inputs.shape
    constraints = np.column_stack([-labels[:, None] * inputs, np.ones(rows)])
    box = [(-1, 1)] * dimension + [(None, None)]
    return -linprog(np.append(np.zeros(dimension), -1), A_ub=constraints, b_ub=np.zeros(rows), bounds=box).fun


@pytest.mark.parametrize("separable", [True, False, None])
def test_training_sets_are_separable_as_said(separable):
    @given(training_sets(separable=separable, most_examples=6, most_dimension=3))
    @settings(max_examples=50, deadline=None)
    def check(drawn):
        x, y = drawn
        assert 1 <= len(x) == len(y) <= 6
        assert 1 <= x.shape[1] <= 3
        assert np.all(x == np.round(x))
        assert np.all(np.any(x != 0, axis=1))
        assert set(y) <= {-1.0, 1.0}
        if separable is not None:
            assert (margin(x, y) > 1e-6) is separable

    check()
    both = simplest(training_sets(separable=separable), lambda drawn: len(set(drawn.labels)) == 2)
    assert len(both.inputs) == 2
    assert any_of(training_sets(separable=separable), lambda drawn: len(drawn.labels) == 8)
    if separable is None:
        for wanted in (True, False):
            assert any_of(training_sets(), lambda drawn, wanted=wanted: (margin(*drawn) > 1e-6) is wanted)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: error_densities(int), "forms must be among AtomicErrorDensity, .*, got int"),
        (lambda: laws(BetaErrorDensity), "forms must be among .*PowerLaw, .*, got BetaErrorDensity"),
        (lambda: covariances(0).example(), "size must be at least 1, got 0"),
        (lambda: covariances(largest_condition=0.5).example(), "largest_condition must be .*, got 0.5"),
        (lambda: mean_fields("frozen").example(), "must be among ordered, critical, chaotic, got frozen"),
        (lambda: mean_fields(activations=()).example(), "must be among erf, relu, tanh, got none"),
        (lambda: mean_fields("chaotic", activations=("relu",)).example(), "a chaotic phase, got relu alone"),
        (lambda: training_sets(most_examples=1).example(), "2 examples and 1 dimension, got 1 and 4"),
    ],
)
@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_without_hypothesis_one_is_told_what_to_install():
    code = """
import sys
sys.modules["hypothesis"] = None
for module in "strategies", "properties":
    try:
        __import__(f"genlaws.theory.{module}")
    except ImportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told = (
        "genlaws.theory.strategies and genlaws.theory.properties need hypothesis: "
        "python -m pip install 'genlaws[properties]'"
    )
    assert done.stdout.splitlines() == [told, told]
