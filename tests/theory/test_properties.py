"""Checks of formulas: those of genlaws pass, planted wrong ones fail, and one can read what is said."""

import doctest
import math
import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import FailedHealthCheck

from genlaws.theory import (
    AtomicErrorDensity,
    BetaErrorDensity,
    BinaryPerceptronErrorDensity,
    CountErrorDensity,
    ExponentialEdgeErrorDensity,
    MarginGrowth,
    MeanField,
    PerceptronErrorDensity,
    PowerEdgeErrorDensity,
    SampledErrorDensity,
    TabulatedErrorDensity,
    TruncatedGaussianErrorDensity,
    bad_fraction_bound,
    critical_weight_variance,
    learning_curve,
    least_squares_risk,
    log_annealed_bad_fraction,
    log_separable_probability,
    log_zero_error_fraction,
    pac_bayes_bound,
    perceptron_annealed_error,
    perceptron_bayes_error,
    perceptron_gibbs_error,
    properties,
    strategies,
    uniform_zero_error_bound,
    zero_error_bound,
)
from genlaws.theory.properties import bounds, is_error_density, is_learning_curve, scales_as
from genlaws.theory.strategies import error_densities, mean_fields, numbers_of_examples

FEW = settings(max_examples=20)
FEWEST = settings(max_examples=3)
shapes = st.floats(0.2, 20.0)
fractions = st.floats(-1e4, 0.0)
probabilities = st.floats(1e-6, 0.5)
dimensions = st.integers(1, 100)


def failure(check, *arguments, **named):
    with pytest.raises(AssertionError) as caught:
        check(*arguments, **named)
    # nothing but our own words reaches the reader
    assert not getattr(caught.value, "__notes__", ())
    return str(caught.value)


# exponents


def beta_curve(n, a, b):
    return learning_curve(BetaErrorDensity(a, b), n)


def above_the_least(n, a, minimum):
    return learning_curve(BetaErrorDensity(a, 1.0, minimum), n) - minimum


def surviving(n, density):
    return log_zero_error_fraction(density, n)


def layer_norm(log_time, layers, margin):
    return MarginGrowth(layers, margin=margin).layer_norm(log_time)


def loss_beside_time(log_time, layers):
    return MarginGrowth(layers).log_loss(log_time) + log_time


def depth_at(nearness, bias, depth):
    critical = critical_weight_variance("erf", bias_variance=bias)
    field = MeanField("erf", weight_variance=critical * (1 + 1 / nearness), bias_variance=bias)
    return getattr(field, depth)


power_edges = st.builds(PowerEdgeErrorDensity, shapes)
biases = st.floats(0.05, 1.0)


@pytest.mark.parametrize(
    ("formula", "exponent", "named"),
    [
        (beta_curve, -1, {"over": (10**5, 10**12), "parameters": {"a": shapes, "b": shapes}}),
        (above_the_least, -1, {"over": (10**4, 10**7), "parameters": {"a": shapes, "minimum": 0.25}}),
        (
            surviving,
            lambda density: -density.exponent,
            {"over": (10**5, 10**12), "parameters": {"density": power_edges}, "log_y": True},
        ),
        (perceptron_gibbs_error, -1, {"over": (1e3, 1e7)}),
        (perceptron_bayes_error, -1, {"over": (1e3, 1e7)}),
        (perceptron_annealed_error, -1, {"over": (1e3, 1e7)}),
        (
            layer_norm,
            lambda layers, margin: 1 / layers,
            {"over": (1e4, 1e10), "parameters": {"layers": st.integers(1, 6), "margin": shapes}},
        ),
        (
            loss_beside_time,
            lambda layers: 2 / layers - 2,
            {"over": (1e5, 1e10), "parameters": {"layers": st.integers(2, 6)}, "log_y": True},
        ),
        (
            depth_at,
            1,
            {"over": (1e4, 1e7), "parameters": {"bias": biases, "depth": "trainability_depth"}},
        ),
        (
            depth_at,
            1,
            {"over": (1e4, 1e7), "parameters": {"bias": biases, "depth": "generalization_depth"}},
        ),
    ],
)
def test_our_formulas_scale_as_they_should(formula, exponent, named):
    scales_as(formula, exponent, settings=FEW, **named)
    wrong = failure(scales_as, formula, -3, settings=FEW, **named)
    assert wrong.startswith(f"{formula.__name__} does not scale as x^-3 over ")


def test_a_wrong_exponent_is_shown_at_the_simplest_example():
    def curve(n, dimension):
        return (1 + dimension / n) ** 1.5 - 1 if dimension < 7 else (dimension / n) ** 1.5

    assert failure(scales_as, curve, -1, over=(10**6, 10**9), parameters={"dimension": dimensions}) == (
        "curve does not scale as x^-1 over [1e+06, 1e+09]\n"
        "  simplest example: dimension=7\n"
        "  expected: an exponent within 0.01 of -1\n"
        "  found: -1.5 between x = 1e+06, where it is 1.85203e-08, and x = 2e+06, where it is 6.5479e-09\n"
        "  exponents from there on: -1.5 at 1e+06, -1.5 at 1e+07, -1.5 at 5e+07, -1.5 at 5e+08\n"
        "  they settle, at -1.5"
    )


@pytest.mark.parametrize(
    ("formula", "over", "says"),
    [
        (lambda x: math.log(x) / x, (1e3, 1e12), r"as 1/ln x does: a factor \(ln x\)\^1 beside the power"),
        (lambda x: 1 / (x * math.log(x) ** 2), (1e3, 1e12), r"a factor \(ln x\)\^-2 beside the power"),
        (lambda x: 1 / (x + 1e4), (1e3, 1e12), r"within 0.01 from x = 1e\+06 on: there the range may begin"),
        (lambda x: math.exp(-x / 10), (1, 100), "they grow as x does: an exponential, not a power"),
        (lambda x: 1 / x + 1e-6, (1, 1e12), "they settle, at "),
        (lambda x: (2 + math.sin(math.log(x))) / x, (1, 1e12), "they do not settle in this range"),
        (lambda x: 1 - x, (1, 100), "expected: a positive number\n  found: x = 1, where it is 0, and x = 2,"),
        (lambda x: math.nan, (1, 100), "where it is nan"),
        (lambda x: 1 / (x - 5), (6, 5e6), "expected: an exponent"),
        (lambda x: 1 / 0, (1, 100), "expected: an answer\n  found: ZeroDivisionError: division by zero"),
    ],
)
def test_what_exponents_look_like_is_said(formula, over, says):
    found = failure(scales_as, formula, -1, over=over)
    assert found.startswith("the formula does not scale as x^-1 over ")
    assert re.search(says, found), found


def test_prefactors_cost_nothing_and_a_tolerance_can_be_wide():
    scales_as(lambda x, c: c * x**-0.5, -0.5, over=(1, 10), parameters={"c": st.floats(1e-100, 1e100)})
    scales_as(lambda x: math.log(x) / x, -1, over=(1e3, 1e12), tolerance=0.2)
    # as the docstring says: q/ln x
    near = {"over": (1e8, 1e9)}
    scales_as(lambda x: math.log(x) / x, -1, tolerance=1.02 / math.log(1e8), **near)
    failure(scales_as, lambda x: math.log(x) / x, -1, tolerance=0.95 / math.log(1e8), **near)


def test_whole_ends_give_whole_x():
    scales_as(lambda x: 1 / math.comb(x, 2), -2, over=(10**4, 10**6))
    scales_as(lambda x: x**-1 if isinstance(x, float) else None, -1, over=(10.0, 100))


def test_parameters_may_depend_on_each_other():
    pairs = st.integers(1, 10).flatmap(
        lambda a: st.fixed_dictionaries({"a": st.just(a), "b": st.integers(a, 10)})
    )
    scales_as(lambda x, a, b: (b - a + 1) / x, -1, over=(1, 100), parameters=pairs)
    found = failure(scales_as, lambda x, a, b: x ** (a - b), 0, over=(1, 100), parameters=pairs)
    assert "simplest example: a=1, b=2\n" in found


# learning curves


@pytest.mark.parametrize(
    "form",
    [
        BetaErrorDensity,
        PowerEdgeErrorDensity,
        ExponentialEdgeErrorDensity,
        TruncatedGaussianErrorDensity,
        PerceptronErrorDensity,
        BinaryPerceptronErrorDensity,
        AtomicErrorDensity,
    ],
)
def test_our_learning_curves_are_some(form):
    def curve(n, density):
        return learning_curve(density, n)

    is_learning_curve(
        curve, log_fraction=surviving, parameters={"density": error_densities(form)}, settings=FEW
    )


def test_curves_of_measured_densities_are_some_as_far_as_they_go():
    density = SampledErrorDensity(np.linspace(0.1, 1.0, 1000))
    is_learning_curve(
        lambda n: learning_curve(density, n),
        log_fraction=lambda n: surviving(n, density),
        over=(0, int(density.largest_n) - 1),
    )
    found = failure(is_learning_curve, lambda n: learning_curve(density, n), over=(0, 10**6))
    assert "ValueError: n must be at most" in found


def test_a_curve_that_is_off_by_one_example_is_told_so():
    def log_fraction(n, density):
        return log_zero_error_fraction(density, n)

    def late(n, density):
        return 1 - math.exp(log_fraction(n, density) - log_fraction(n - 1, density))

    def early(n, density):
        return 1 - math.exp(log_fraction(n + 2, density) - log_fraction(n + 1, density))

    named = {"log_fraction": log_fraction, "parameters": {"density": error_densities(BetaErrorDensity)}}
    assert failure(is_learning_curve, late, over=(1, 1000), **named) == (
        "late is not a learning curve\n"
        "  simplest example: density=BetaErrorDensity(a=1.0, b=1.0, minimum=0.0), n=1\n"
        "  expected: 1 - Z_2/Z_1 = 0.333333\n"
        "  found: 0.5\n"
        "  at n = 2 it is 1 - Z_2/Z_1: off by one example"
    )
    assert failure(is_learning_curve, early, **named) == (
        "early is not a learning curve\n"
        "  simplest example: density=BetaErrorDensity(a=1.0, b=1.0, minimum=0.0), n=0\n"
        "  expected: 1 - Z_1/Z_0 = 0.5\n"
        "  found: 0.333333\n"
        "  at n = 1 it is 1 - Z_3/Z_2: off by one example"
    )


@pytest.mark.parametrize(
    ("curve", "example", "expected", "found"),
    [
        (lambda n, d: 1.5 * d / (n + d), "d=1, n=0", "an error in [0, 1]", "1.5"),
        (lambda n, d: math.nan, "d=1, n=0", "an error in [0, 1]", "nan"),
        (lambda n, d: 0.5 - n, "d=1, n=0", "at most", ""),
        (lambda n, d: min(n, 10) / 20, "d=1, n=0", "at most 0 at n = 1, as at n = 0", "0.05"),
        (lambda n, d: d / (n + d) if n < 57 else 0.9, "d=1, n=", "at most 0.", "0.9"),
        (lambda n, d: d / (n + d) + (d > 9) * n, "d=10, n=0", "", ""),
    ],
)
def test_what_is_no_learning_curve_is_found(curve, example, expected, found):
    message = failure(is_learning_curve, curve, over=(0, 200), parameters={"d": dimensions})
    lines = [line.strip() for line in message.splitlines()]
    if curve(1, 1) < 0:  # breaks at 0 or at 1, as it is asked
        assert "found: -" in message
        return
    assert lines[1].startswith(f"simplest example: {example}")
    assert lines[2].startswith(f"expected: {expected}")
    assert lines[3].startswith(f"found: {found}")


def test_double_descent_is_no_learning_curve():
    found = failure(is_learning_curve, lambda n: 0.1 * least_squares_risk(n, 20, noise=0.1), over=(0, 19))
    assert "the formula is not a learning curve" in found


@pytest.mark.parametrize("hopeless", [1.0, np.nextafter(1.0, 0.0)])
def test_mass_at_an_error_of_one_is_no_fault(hopeless):
    is_error_density(AtomicErrorDensity([0.625, 0.75, hopeless], [1, 1, 30]))


def test_where_nobody_is_left_nothing_is_asked():
    hopeless = AtomicErrorDensity([1.0])
    is_error_density(hopeless, settings=FEW)
    is_learning_curve(
        lambda n: learning_curve(hopeless, n), log_fraction=lambda n: surviving(n, hopeless), settings=FEW
    )
    found = failure(
        is_learning_curve, lambda n: 0.5, log_fraction=lambda n: surviving(n, hopeless), settings=FEW
    )
    assert "simplest example: n=0\n  expected: 1 - Z_1/Z_0 = 1\n  found: 0.5" in found


def test_a_fraction_that_does_not_start_at_one_is_found():
    found = failure(is_learning_curve, lambda n: 1 / (n + 2), log_fraction=lambda n: 1 - math.log(n + 1))
    assert "expected: ln Z_0 = 0: no example, no error\n  found: ln Z_0 = 1" in found


# error densities


@pytest.mark.parametrize(
    ("form", "how_many"),
    [
        (BetaErrorDensity, FEW),
        (PowerEdgeErrorDensity, FEWEST),
        (ExponentialEdgeErrorDensity, FEWEST),
        # one numerics for all three, a second for each example
        pytest.param(TruncatedGaussianErrorDensity, FEW, marks=pytest.mark.slow),
        pytest.param(PerceptronErrorDensity, FEW, marks=pytest.mark.slow),
        (BinaryPerceptronErrorDensity, FEW),
        (AtomicErrorDensity, FEW),
        (SampledErrorDensity, FEW),
        (CountErrorDensity, FEW),
        (TabulatedErrorDensity, FEWEST),
    ],
)
def test_our_error_densities_are_some(form, how_many):
    is_error_density(
        lambda density: density, parameters={"density": error_densities(form)}, settings=how_many
    )


@pytest.mark.parametrize("module", [properties, strategies])
def test_examples_in_the_docstrings_hold(module):
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


def test_one_density_and_tilted_ones_are_checked_too():
    is_error_density(BetaErrorDensity(1.5, 0.6, 0.1).given_zero_errors(40), settings=FEWEST)
    is_error_density(
        lambda n: BetaErrorDensity(2.0, 3.0).given_zero_errors(n),
        parameters={"n": numbers_of_examples(most=10**6)},
        settings=FEWEST,
    )


@dataclass(frozen=True)
class Planted:
    """A Beta density, or another, with one method put in the place of its own."""

    density: object
    name: str
    wrong: object

    def __getattr__(self, name):
        if name == self.name:
            wrong = self.wrong
            return wrong if not callable(wrong) else lambda *a, **k: wrong(self.density, *a, **k)
        return getattr(self.density, name)


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("minimum", 0.3, r"no mass outside \[0.3, 1\]"),
        ("maximum", 0.9, r"no mass outside \[0, 0.9\]"),
        ("maximum", 1.5, "expected: 0 <= minimum <= maximum <= 1\n  found: minimum 0, maximum 1.5"),
        ("log_pdf", lambda d, E: d.log_pdf(E) + 0.01, "Q to integrate to .* as its distribution says"),
        ("log_pdf", lambda d, E: d.log_pdf(np.clip(E, 0, 1)), "expected: no mass outside"),
        ("log_cdf", lambda d, E: 2 * d.log_cdf(E), "a mass of .* up to its quantile"),
        ("log_sf", lambda d, E: d.log_sf(E) - 0.1, "that adds up to 1|the integral of the mass above E"),
        ("quantile", lambda d, p: d.quantile(np.square(p)), "a mass of .* up to its quantile"),
        ("mean", lambda d: 1.01 * d.mean(), "a mean of .*, the integral of the mass above E"),
        ("sample", lambda d, size, *, rng=None: np.sort(d.sample(size)), "equal draws from equal seeds"),
        ("sample", lambda d, size, *, rng=None: d.sample(size, rng=rng)[1:], "draws of shape"),
        ("sample", lambda d, size, *, rng=None: d.sample(size, rng=rng) + 1, "expected: draws in"),
        ("sample", lambda d, size, *, rng=None: d.sample(size, rng=rng) ** 2, "too far off for chance"),
        ("given_zero_errors", lambda d, n: d.given_zero_errors(n + 1), "a mean of .* after .* examples"),
        ("mean_given_zero_errors", lambda d, n: d.mean_given_zero_errors(n + 1), r"a mean error of 1 - Z_"),
        ("log_zero_error_fraction", lambda d, n: d.log_zero_error_fraction(n) - 1e-3, "ln Z_0 = 0"),
        (
            "log_bad_fraction_given_zero_errors",
            lambda d, n, eps: d.log_bad_fraction_given_zero_errors(n + 1, eps),
            "a mass of .* above .* after .* examples",
        ),
    ],
)
def test_planted_faults_of_a_density_are_found(name, wrong, says):
    def planted(a):
        return Planted(BetaErrorDensity(a, 2.0), name, wrong)

    found = failure(is_error_density, planted, parameters={"a": st.integers(1, 9)}, settings=FEW)
    assert found.startswith("planted is not an error density\n  simplest example: a=1\n")
    assert re.search(says, found), found


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("log_pdf", lambda d, E: d.log_pdf(E) - 0.1, "atoms of mass 1 in all\n  found: 0.904837"),
        ("log_cdf", lambda d, E: 2 * d.log_cdf(E), "the sum of atoms"),
        ("mean", lambda d: 0.1, "that of the atoms\n  found: 0.1"),
        ("quantile", lambda d, p: d.quantile(np.square(p)), "the atom at which the mass reaches"),
        ("given_zero_errors", lambda d, n: d, "after .* examples"),
    ],
)
def test_planted_faults_of_atoms_are_found(name, wrong, says):
    density = Planted(AtomicErrorDensity([0.2, 0.25, 0.5, 0.6], [1, 2, 1, 1]), name, wrong)
    found = failure(is_error_density, density, settings=FEW)
    assert found.startswith("Planted is not an error density\n  expected: ")
    assert re.search(says, found), found


def test_a_jump_between_the_points_of_the_integral_is_no_fault():
    table = TabulatedErrorDensity([0.02, 0.0560997, 0.08], log_cdf=[-np.inf, -1.4, 0.0], minimum=0.01)
    is_error_density(table, settings=FEWEST)


def test_what_lacks_methods_is_told_which():
    found = failure(is_error_density, lambda a: 0.5 * a, parameters={"a": st.integers(1, 5)})
    assert "simplest example: a=1\n  expected: an ErrorDensity\n  found: float, which lacks atoms, " in found


# bounds


def all_but_counts():
    forms = (BetaErrorDensity, PowerEdgeErrorDensity, BinaryPerceptronErrorDensity, AtomicErrorDensity)
    return error_densities(*forms, ExponentialEdgeErrorDensity, PerceptronErrorDensity)


@pytest.mark.parametrize(
    ("upper", "exact", "parameters"),
    [
        (
            bad_fraction_bound,
            log_annealed_bad_fraction,
            {"density": all_but_counts(), "n": numbers_of_examples(), "eps": st.floats(0, 0.99)},
        ),
        (
            pac_bayes_bound,
            lambda log_fraction, n, delta: zero_error_bound(log_fraction, n, delta, 1.0),
            {"log_fraction": fractions, "n": numbers_of_examples(least=1), "delta": probabilities},
        ),
        (
            uniform_zero_error_bound,
            zero_error_bound,
            {
                "log_fraction": fractions,
                "n": numbers_of_examples(),
                "delta": probabilities,
                "tau": probabilities,
            },
        ),
        (perceptron_gibbs_error, perceptron_bayes_error, {"alpha": st.floats(0, 1e6)}),
        (
            lambda alpha: 2 * perceptron_bayes_error(alpha),
            perceptron_gibbs_error,
            {"alpha": st.floats(0, 1e6)},
        ),
        (
            lambda **sizes: 0.0,
            log_separable_probability,
            {"examples": st.integers(1, 200), "dimension": dimensions},
        ),
        (lambda field: 1.0, lambda field: field.chi_c, {"field": mean_fields()}),
    ],
)
def test_our_bounds_hold(upper, exact, parameters):
    bounds(upper, exact, parameters=parameters, settings=settings(max_examples=50))


def test_a_bound_that_fails_is_shown_where_it_does():
    def occam(n, eps):
        return 10 * (1 - eps) ** (n + 1)

    def bad_fraction(n, eps):
        return 10 * (1 - eps) ** n

    found = failure(
        bounds, occam, bad_fraction, parameters={"n": st.integers(0, 100), "eps": st.floats(0, 0.9)}
    )
    lines = found.splitlines()
    assert lines[0] == "occam is no upper bound of bad_fraction"
    assert lines[1] == "  simplest example: n=0, eps=0.5"
    assert lines[2:] == ["  expected: a bound of at least 10", "  found: 5, which is below it by 5"]


@pytest.mark.parametrize(
    ("upper", "says"),
    [
        (lambda x: math.nan, "expected: two numbers\n  found: nan as the bound of 0"),
        (lambda x: -math.inf, "expected: a bound of at least 0\n  found: -inf"),
        (lambda x: [1, 2], "expected: an answer\n  found: TypeError"),
    ],
)
def test_what_is_no_bound_is_found(upper, says):
    found = failure(bounds, upper, lambda x: x, parameters={"x": st.integers(0, 5)})
    assert "the first formula is no upper bound of the second\n  simplest example: x=0" in found
    assert says in found


def test_infinite_bounds_hold_and_rounding_is_forgiven():
    bounds(lambda x: math.inf, lambda x: x, parameters={"x": st.floats(0, 5)})
    bounds(lambda x: x, lambda x: x * (1 + 1e-15), parameters={"x": st.floats(0, 1e300)})


# how they are called


def test_examples_are_as_many_as_the_settings_say():
    seen = []
    bounds(lambda x: seen.append(x) or 1, lambda x: 0, parameters={"x": st.floats()}, settings=FEWEST)
    assert len(seen) == 3


def test_the_same_examples_in_every_run_of_the_profile_for_that():
    runs = []
    for _ in range(2):
        seen = []
        repeatable = settings(settings.get_profile("genlaws-ci"), max_examples=20)
        bounds(
            lambda x, seen=seen: seen.append(x) or 1,
            lambda x: 0,
            parameters={"x": st.floats()},
            settings=repeatable,
        )
        runs.append(seen)
    assert repr(runs[0]) == repr(runs[1])
    assert len(set(map(repr, runs[0]))) > 5
    for name in ("genlaws", "genlaws-ci"):
        assert settings.get_profile(name).deadline is None


def test_what_a_formula_raised_is_the_cause():
    with pytest.raises(AssertionError) as caught:
        bounds(lambda d: math.sqrt(3 - d), lambda d: 0, parameters={"d": dimensions})
    assert "simplest example: d=4\n  expected: an answer\n  found: ValueError: " in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_check_in_a_test_with_given_says_what_to_do_instead():
    @given(st.integers(1, 5))
    def nested(d):
        scales_as(lambda x: d / x, -1, over=(10, 1e6))

    with pytest.raises(FailedHealthCheck, match=r"take @given away.*parameters="):
        nested()
    settings(suppress_health_check=[HealthCheck.nested_given], max_examples=2)(nested)()


def test_a_formula_that_rolls_dice_is_told_so():
    rng = np.random.default_rng(0)
    found = failure(bounds, lambda x: 0.2, lambda x: rng.random(), parameters={"x": dimensions})
    assert "differently" in found


@pytest.mark.parametrize(
    ("check", "error", "message"),
    [
        (lambda: scales_as(abs, 1, over=(0, 10)), ValueError, r"over must begin above 0, got \(0, 10\)"),
        (lambda: scales_as(abs, 1, over=(10, 15)), ValueError, "the second twice the first"),
        (lambda: scales_as(abs, 1, over=(1, math.inf)), ValueError, "two finite numbers"),
        (lambda: scales_as(abs, 1, over=(1, 9), tolerance=0), ValueError, "tolerance must be finite and pos"),
        (lambda: is_learning_curve(abs, over=(-1, 9)), ValueError, "over must be two finite numbers from 0"),
        (lambda: bounds(abs, abs, parameters=3), TypeError, "parameters must be a mapping .* got int"),
    ],
)
def test_wrong_arguments_are_named(check, error, message):
    with pytest.raises(error, match=message):
        check()
