"""The registered claims: what each must say, and that each measures what it says it measures."""

from __future__ import annotations

import json
import math
from collections import Counter
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest
from scipy import special, stats

from genlaws.paper_checks import claims as home
from genlaws.paper_checks.claim import BUDGETS
from genlaws.simulate import ErrorDensityEnsemble, GaussianProcess, Measurement, sample_error_density
from genlaws.theory import (
    AtomicErrorDensity,
    PerceptronErrorDensity,
    PointwiseLaw,
    learning_curve,
    log_annealed_bad_fraction,
)

PAPERS = dict.fromkeys(
    ["A1a", "A1b", "A2a", "A2b", "A2c", "A3", "A4", "A5a", "A5b", "A6a", "A6b", "A7"], "martinetz"
) | dict.fromkeys(["E7", "E8", "E9", "E11", "F1"], "classics")
REGISTERED = [
    claim
    for module in iter_modules(home.__path__)
    for claim in getattr(import_module(f"{home.__name__}.{module.name}"), "CLAIMS", ())
]
CLAIMS = {claim.id: claim for claim in REGISTERED if claim.id in PAPERS}
MEASURED = [name for name, claim in CLAIMS.items() if claim.experiments]

# settings so small that a unit takes a moment
TINY = {
    "A1a": {"particles": 40},
    "A1b": {"draws": 30},
    "A2a": {"sets": 6},
    "A2b": {"sets": 6},
    "A2c": {"sets": 6},
    "A3": {"sets": 3},
    "A4": {"sets": 1, "draws": 4000},
    "A5a": {"particles": 40},
    "A5b": {"dimension": 4, "particles": 30, "sets": 1},
    "A6a": {"heldout": 40, "particles": 30, "log_floor": -4.0, "sets": 20, "n_examples": [1, 2, 4, 8, 12]},
    "A6b": {
        "heldout": 40,
        "particles": 30,
        "log_floor": -4.0,
        "members": 20,
        "tested_on": 30,
        "sets": 3,
        "n_examples": [2, 4, 6, 8],
        "fitted_up_to": 6,
        "judged_from": 4,
    },
    "E7": {"dimension": 4, "particles": 30, "sets": 1},
    "E8": {"dimensions": [7, 9], "sets": 20},
    "E9": {
        "sizes": [4, 6],
        "kinds": ["linear", "random features"],
        "particles": 30,
        "sets": 1,
        "heldout": 40,
    },
    "E11": {"dimension": 4, "particles": 30, "sets": 3},
    "F1": {"draws": 30},
}


def experiment_of(name, role="claim"):
    claim = CLAIMS[name]
    return (claim if role == "claim" else claim.control).experiments["simulation"]


def settings_of(name, role="claim", budget="quick", **changes):
    unit = experiment_of(name, role).units(budget)[0]
    assert set(changes) <= set(unit)
    return {**unit, **changes}


def measured(name, role="claim", *, replicates=1, seed=1, **changes):
    experiment = experiment_of(name, role)
    settings = settings_of(name, role, **changes)
    return Measurement.concatenate(
        experiment.measure({**settings, "replicate": k}, np.random.default_rng([seed, k]))
        for k in range(replicates)
    )


def averages(measurement, column="y"):
    """Mean over replicates at each x and its standard error."""
    replicates = len(np.unique(measurement.replicate))
    values = getattr(measurement, column).reshape(replicates, -1)
    return values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(replicates)


def expected_x(name, settings):
    n = np.asarray(settings.get("n_examples", []), dtype=float)
    if "families" in settings and isinstance(settings["families"], dict):
        return np.concatenate([np.asarray(sizes, dtype=float) for sizes in settings["families"].values()])
    if name == "A6a":
        return n[1::2]
    if name == "A6b":
        return n[n >= settings["judged_from"]]
    if name in ("A5b", "E7"):
        free = settings["dimension"] - 1
        return np.round(np.asarray(settings["alpha"]) * free) / free
    if name == "E11":
        return np.floor(np.asarray(settings["alpha"]) * settings["dimension"]) / settings["dimension"]
    return {"E8": np.zeros(1), "E9": np.asarray(settings.get("sizes", []), dtype=float)}.get(name, n)


def test_every_claim_of_the_issue_is_registered_once_under_its_paper():
    count = Counter(claim.id for claim in REGISTERED)
    assert max(count.values()) == 1
    assert {name: CLAIMS[name].paper for name in PAPERS} == PAPERS


@pytest.mark.parametrize("name", PAPERS)
def test_a_claim_says_what_it_is_and_what_would_refute_it(name):
    claim = CLAIMS[name]
    said = [claim.statement, claim.prediction, claim.falsifier, claim.where, claim.control.description]
    assert all(len(text) > 10 for text in said)
    assert len(set(said)) == len(said)
    # claims that this package expects to be wrong are those whose control is right
    assert claim.control.expected == ("SUPPORTED" if name in ("A2b", "A3") else "REFUTED")
    low, high = claim.band
    finite = [end for end in claim.band if math.isfinite(end)]
    if len(finite) == 1:  # a bound foretells no number but its end
        assert claim.predicted == finite[0]
    else:
        assert low < claim.predicted < high


@pytest.mark.parametrize("role", ["claim", "control"])
@pytest.mark.parametrize("name", MEASURED)
def test_units_grow_with_the_budget_and_travel_as_json(name, role):
    experiment = experiment_of(name, role)
    units = {budget: list(experiment.units(budget)) for budget in BUDGETS}
    for group in units.values():
        assert json.loads(json.dumps(group)) == group
        assert [unit["replicate"] for unit in group] == list(range(len(group)))
        assert len(group) >= 4  # a Student t over fewer says nothing
    for less, more in (("quick", "standard"), ("standard", "full")):
        assert len(units[less]) <= len(units[more])
        grown = [len(units[less]) < len(units[more])]
        for key, value in units[less][0].items():
            other = units[more][0][key]
            if isinstance(value, int | float) and key != "log_floor":
                assert value <= other
            grown.append(value != other)
        assert any(grown)


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("name", MEASURED)
def test_what_is_measured_covers_what_must_be_covered(name, budget):
    claim = CLAIMS[name]
    x = expected_x(name, settings_of(name, budget=budget))
    assert x.min() <= claim.x_range[0]
    assert x.max() >= claim.x_range[1]


@pytest.mark.parametrize("role", ["claim", "control"])
@pytest.mark.parametrize("name", MEASURED)
def test_one_unit_gives_a_table_that_its_seed_determines(name, role):
    settings = settings_of(name, role)
    settings |= {key: value for key, value in TINY[name].items() if key in settings} | {"replicate": 7}
    measure = experiment_of(name, role).measure
    first, again, other = (measure(settings, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert isinstance(first, Measurement)
    assert np.allclose(first.x, expected_x(name, settings))
    assert set(first.replicate.tolist()) == {7}
    if isinstance(CLAIMS[name].law, PointwiseLaw):
        assert first.reference is not None
    assert first.y_label != "y"
    assert len(first.y_label) <= 34  # beside its axis in one line
    assert json.loads(json.dumps(first.to_dict()))["settings"]["replicate"] == 7
    assert first.to_dict() == again.to_dict()
    assert not np.array_equal(first.y, other.y)


# --- A1 ---------------------------------------------------------------------------------------------


def binary_density(dimension):
    """True errors of all binary perceptrons by the number of flipped weights, and how many have each."""
    flipped = np.arange(dimension + 1)
    return np.arccos(1.0 - 2.0 * flipped / dimension) / np.pi, special.comb(dimension, flipped)


def binary_bad_fraction(n, eps, dimension=15):
    error, count = binary_density(dimension)
    kept = count * (1.0 - error) ** n
    return kept[error > eps].sum() / kept.sum()


def test_the_annealed_fraction_is_that_of_the_closed_density():
    found = measured("A1a", replicates=8)
    mean, se = averages(found)
    exact = log_annealed_bad_fraction(PerceptronErrorDensity(8), n=found.x[: mean.size], eps=0.25)
    assert np.all(np.abs(mean - exact) < 4.5 * se)
    assert np.all(se < 0.4)
    assert exact[-1] < -10 * math.log(10.0)  # ten decades


def test_flipped_labels_raise_the_least_error_of_the_control():
    found = measured("A1a", "control", replicates=8)
    mean, se = averages(found)
    angle = np.linspace(0.0, 1.0, 200_001)[1:-1]
    error, density = 0.1 + 0.8 * angle, np.sin(np.pi * angle) ** 6
    exact = []
    for n in found.x[: mean.size]:
        weight = density * np.exp(n * np.log1p(-error) - n * math.log(0.9))
        exact.append(math.log(weight[error > 0.25].sum() / weight.sum()))
    assert np.all(np.abs(mean - exact) < 4.5 * se)
    assert np.all(se < 0.3)


def test_the_quenched_fraction_is_that_of_plain_averages_and_of_planted_ones():
    # 3,000 plain training sets up to n = 20, 300 planted ones beyond
    table = {10: 0.8435, 15: 0.4875, 20: 0.1501, 60: 1.786e-7, 90: 4.86e-12, 120: 1.34e-16}
    found = measured("A1b", n_examples=list(table), draws=300)
    off = found.y - np.log(list(table.values()))
    reference_se = [0.006, 0.015, 0.03, *found.se[3:]]
    rounding = [0.0, 0.0, 0.0, 3e-4, 1.1e-3, 4e-3]  # of the table's last digits
    assert np.all(np.abs(off) < 4.0 * np.hypot(found.se, reference_se) + rounding)
    assert np.all(found.se < 0.1)


# --- A2, A3 -----------------------------------------------------------------------------------------

PLAIN = {10: (0.8921, 0.8435), 15: (0.6778, 0.4875), 20: (0.3306, 0.1501), 25: (0.0874, 0.0350)}


def test_quenched_and_annealed_fractions_are_those_of_the_table():
    found = measured("A2b", replicates=6)
    assert found.x[:4].tolist() == list(PLAIN)
    annealed, quenched = np.array(list(PLAIN.values())).T
    assert np.allclose(found.reference[:4], annealed, atol=6e-5)
    assert np.allclose(found.reference[:4], [binary_bad_fraction(n, 0.25) for n in PLAIN], rtol=1e-10)
    mean, se = averages(found)
    assert np.all(np.abs(mean - quenched) < 5.0 * np.hypot(se, 0.01 * quenched))
    assert np.all(se < 0.02)


def test_independent_classifiers_follow_the_beta_density():
    found = measured("A2b", "control", sets=4)
    exact = special.betainc(2.0, 5.0 + found.x, 0.25)
    assert np.allclose(found.reference, 1.0 - exact, rtol=5e-3)


def test_a_teacher_outside_the_class_is_enumerated():
    found = measured("A2c", sets=4)
    teacher = np.linspace(0.2, 1.8, 13)
    weights = 1.0 - 2.0 * ((np.arange(2**13)[:, None] >> np.arange(13)) & 1)
    error = np.arccos(weights @ teacher / math.sqrt(13 * (teacher @ teacher))) / np.pi
    for n, reference in zip(found.x[4:], found.reference[4:], strict=True):
        kept = (1.0 - error) ** n
        assert reference == pytest.approx(kept[error > 0.25].sum() / kept.sum(), rel=1e-9)


def test_the_gap_and_its_bound_belong_together():
    found = measured("A2a", replicates=6, n_examples=[10, 15, 20])
    mean, se = averages(found)
    assert np.all(np.abs(mean - [0.0486, 0.190, 0.181]) < 5.0 * se + 0.002)
    # the bound is the correlation's denominator: gap / bound is the measured correlation of f_S and |H(S)|
    bound, _ = averages(found, "reference")
    assert mean / bound == pytest.approx([0.45, 0.51, 0.59], abs=0.06)


def test_independent_tables_follow_the_annealed_curve():
    found = measured("A3", replicates=6)
    mean, se = averages(found, "reference")
    exact = 2.0 / (7.0 + found.x[:4])  # a / (a + b + n)
    assert np.all(np.abs(mean - exact) < 4.0 * se + 0.01 * exact)
    assert np.all(se < 0.01 * exact)


# --- A4, A5: one example, or two dimensions, where all is known ---------------------------------------


@pytest.mark.parametrize(("role", "noise"), [("claim", 0.0), ("control", 0.1)])
def test_survival_of_the_second_example(role, noise):
    # one example halves every prior: its average over training sets is the annealed one
    found = measured("A4", role, replicates=8, n_examples=[1])
    error = float(learning_curve(PerceptronErrorDensity(6), n=1))
    mean, se = averages(found)
    assert abs(mean[0] - ((1.0 - noise) * (1.0 - error) + noise * error)) < 4.5 * se[0]
    assert se[0] < 0.004
    mean, se = averages(found, "reference")
    assert abs(mean[0] - (1.0 - error)) < 4.5 * se[0] + 1e-12
    assert se[0] < 0.004


def test_the_annealed_curve_is_that_of_the_closed_density():
    found = measured("A5a", replicates=10)
    mean, se = averages(found)
    exact = learning_curve(PerceptronErrorDensity(6), n=found.x[: mean.size])
    assert np.all(np.abs(mean - exact) < 4.5 * se)
    assert np.all(se < 0.03 * exact)
    assert np.allclose(found.reference[: mean.size], exact, rtol=0.02)  # the asymptote is near enough


def test_the_quenched_prefactor_in_two_dimensions():
    # the arc of zero-error directions is cut by the nearest of n uniform angles on either side
    quenched = measured("A5b", dimension=2, alpha=[4, 8], sets=12, replicates=10)
    mean, se = averages(quenched)
    n = np.array([4.0, 8.0])
    assert np.all(np.abs(mean - n * 2.0 / (3.0 * (n + 1.0))) < 4.5 * se)
    assert np.all(se < 0.06)


def test_the_annealed_prefactor_of_the_control():
    annealed = measured("A5b", "control", dimension=6, alpha=[2, 4], replicates=8)
    mean, se = averages(annealed)
    alpha = np.array([2.0, 4.0])
    exact = alpha * learning_curve(PerceptronErrorDensity(6), n=5 * alpha)
    assert np.all(np.abs(mean - exact) < 4.5 * se)
    assert np.all(se < 0.03)


# --- A6 -----------------------------------------------------------------------------------------------


def counted(points, log_mass):
    log_cdf = np.logaddexp.accumulate(log_mass)
    return ErrorDensityEnsemble(
        errors=np.arange(points + 1) / points,
        log_cdfs=np.stack([log_cdf, log_cdf]),
        error_name="heldout",
        error_resolution=points,
        persistence=0.0,
        collapsed=False,
        family="made up",
        particles=1,
        seed=0,
    )


def test_held_out_counts_foretell_without_bias():
    counts = np.arange(1001)
    log_mass = stats.betabinom.logpmf(counts, 1000, 50, 50)
    foretold = counted(1000, log_mass).learning_curves([0, 16, 256])[0]
    assert foretold == pytest.approx([0.5, 50 / 116, 50 / 356], rel=1e-6)
    # tilting by (1 - k/m)^n takes the scatter of the counts for one of the classifiers
    naive = AtomicErrorDensity(counts / 1000, np.exp(log_mass)).mean_given_zero_errors(256)
    assert float(naive) == pytest.approx(0.121, abs=1e-3)


def test_held_out_counts_of_drawn_classifiers():
    rng = np.random.default_rng(5)
    drawn = rng.binomial(60, rng.beta(2.0, 5.0, size=400_000))
    with np.errstate(divide="ignore"):
        log_mass = np.log(np.bincount(drawn, minlength=61) / drawn.size)
    found = counted(60, np.maximum(log_mass, -700.0)).learning_curves([5, 20])[0]
    assert found == pytest.approx([2 / 12, 2 / 27], rel=0.01)


def test_a_pool_is_tilted_as_it_is():
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((24, 5))
    labels = np.where(inputs[:, 0] > 0.0, 1, -1)
    pool = GaussianProcess.on_pool(inputs @ inputs.T + 0.5 * np.eye(24), labels)
    ensemble = sample_error_density(pool, particles=4000, replicas=2, smallest_error=0.3, rng=3)
    # rejection: draw from the prior, and weigh by the chance to survive n draws from the pool
    survive = 1.0 - pool.true_errors(pool.draw(200_000, rng))
    for n in (1, 5):
        exact = 1.0 - np.mean(survive ** (n + 1)) / np.mean(survive**n)
        assert ensemble.learning_curves([n]).mean() == pytest.approx(exact, abs=0.01)
        assert float(ensemble.density().mean_given_zero_errors(n)) == pytest.approx(exact, abs=0.01)


def test_the_curves_of_the_controls_are_those_of_the_enumeration():
    error, count = binary_density(11)

    def annealed(n):
        return 1.0 - (count * (1.0 - error) ** (n + 1)).sum() / (count * (1.0 - error) ** n).sum()

    found = measured("A6a", "control", replicates=3, n_examples=[1, 2, 4, 6, 8, 10])
    mean, se = averages(found)
    few = found.x[: mean.size] <= 8
    exact = np.array([annealed(n) for n in found.x[: mean.size]])
    assert np.all(np.abs(mean - exact)[few] < 5.0 * se[few] + 1e-3)
    assert np.all(se[few] < 0.02)
    foretold, se = averages(measured("A6b", "control", replicates=3), "reference")
    assert np.all(np.abs(foretold[:2] - [annealed(6), annealed(8)]) < 5.0 * se[:2] + 1e-3)


# --- E, F -----------------------------------------------------------------------------------------------


def test_voting_in_two_dimensions():
    n = np.array([5.0, 10.0])
    found = measured("E7", dimension=2, sets=12, replicates=12)
    vote, vote_se = averages(found)
    mean, mean_se = averages(found, "reference")
    # the vote is the middle of the arc
    assert np.all(np.abs(vote - 1.0 / (2.0 * (n + 1.0))) < 4.5 * vote_se)
    assert np.all(np.abs(mean - 2.0 / (3.0 * (n + 1.0)) / math.sqrt(2.0)) < 4.5 * mean_se)
    assert np.all(vote_se < 0.1 * vote)
    one = measured("E7", "control", dimension=2, sets=2)
    assert one.y / one.reference == pytest.approx(math.sqrt(2.0), rel=1e-12)


def crossing(error, alpha):
    # where a falling curve meets half of the jump of infinitely many weights, 0.256
    above = np.flatnonzero(error > 0.128)[-1]
    share = (error[above] - 0.128) / (error[above] - error[above + 1])
    return alpha[above] + share * (alpha[above + 1] - alpha[above])


def brute_force_crossing(dimension, sets, rng):
    weights = 1.0 - 2.0 * ((np.arange(2**dimension)[:, None] >> np.arange(dimension)) & 1)
    errors = np.arccos(np.clip(weights[:, ::].sum(axis=1) / dimension, -1.0, 1.0)) / np.pi
    n = np.arange(int(0.3 * dimension), int(2.2 * dimension) + 1)
    total = np.zeros(n.size)
    for _ in range(sets):
        inputs = rng.standard_normal((n[-1], dimension))
        right = (weights @ inputs.T > 0.0) == (inputs.sum(axis=1) > 0.0)
        alive = np.logical_and.accumulate(right, axis=1)[:, n - 1]
        total += (alive * errors[:, None]).sum(axis=0) / alive.sum(axis=0)
    return crossing(total / sets, n / dimension)


def test_the_transition_is_that_of_brute_force_drawn_out_along_a_line():
    found = [measured("E8", dimensions=[7, 9], sets=300, seed=seed) for seed in range(8)]
    crossings = np.array([table.settings["crossings"] for table in found])
    rng = np.random.default_rng(6)
    brute = np.array([[brute_force_crossing(d, 150, rng) for d in (7, 9)] for _ in range(8)])
    se = np.sqrt((crossings.var(axis=0, ddof=1) + brute.var(axis=0, ddof=1)) / 8)
    assert np.all(np.abs(crossings.mean(axis=0) - brute.mean(axis=0)) < 4.5 * se + 2e-3)
    assert np.all(se < 0.03)
    for table, (first, second) in zip(found, crossings, strict=True):
        assert table.y[0] == pytest.approx((9 * second - 7 * first) / 2)


def test_the_annealed_transition_is_that_of_counting():
    found = [measured("E8", "control", dimensions=[9, 11], sets=1500, seed=seed) for seed in range(6)]
    crossings = np.array([table.settings["crossings"] for table in found])
    exact = []
    for dimension in (9, 11):
        error, count = binary_density(dimension)
        n = np.arange(int(0.3 * dimension), int(2.2 * dimension) + 1)
        kept = count * (1.0 - error) ** n[:, None]
        exact.append(crossing((kept * error).sum(axis=1) / kept.sum(axis=1), n / dimension))
    mean, se = crossings.mean(axis=0), crossings.std(axis=0, ddof=1) / math.sqrt(6)
    assert np.all(np.abs(mean - exact) < 5.0 * se + 2e-3)
    assert np.all(se < 0.03)


def test_the_spread_in_two_dimensions():
    found = measured("E9", "control", sizes=[2], kinds=["linear"], sets=15, replicates=8)
    rng = np.random.default_rng(8)
    # six examples: the arc reaches from the teacher to the nearest angle on either side
    angles = rng.uniform(0.0, 1.0, size=(20_000, 6))
    left, right = 1.0 - angles.max(axis=1), angles.min(axis=1)
    width = left + right
    variance = (left**3 + right**3) / (3 * width) - ((left**2 + right**2) / (2 * width)) ** 2
    squares = np.concatenate([found.y, found.reference]) ** 2
    se = squares.std(ddof=1) / math.sqrt(squares.size)
    assert abs(squares.mean() - variance.mean()) < 4.5 * se
    assert se < 0.2 * variance.mean()


def test_the_spread_does_not_depend_on_the_held_out_points():
    few, many = (
        measured(
            "E9",
            "control",
            sizes=[8],
            kinds=["random features"],
            heldout=points,
            sets=sets,
            replicates=8,
        )
        for points, sets in ((40, 6), (400, 3))
    )
    squares = [np.concatenate([table.y, table.reference]) ** 2 for table in (few, many)]
    mean = [float(values.mean()) for values in squares]
    se = math.hypot(*(values.std(ddof=1) / 4.0 for values in squares))
    # without the correction the spread of the few points would be half as large again
    assert abs(mean[0] - mean[1]) < 3.5 * se
    assert se < 0.25 * mean[1]


def test_the_annealing_gap_in_two_dimensions():
    found = measured("E11", "control", dimension=2, alpha=[2.0, 4.0], sets=16, replicates=8)
    n = np.array([4.0, 8.0])
    # the arc's share of the circle is half a Beta(2, n - 1) variate, whose mean is 2 / (n + 1)
    quenched = special.digamma(2.0) - special.digamma(n + 1.0) - math.log(2.0)
    exact = (-np.log1p(n) - quenched) / n
    mean, se = averages(found, "reference")
    assert np.all(np.abs(mean - exact) < 4.5 * se)
    assert np.all(se < 0.03)
    mean, se = averages(found)
    assert np.all(np.abs(mean) < 4.5 * se + 1e-4)  # independent classifiers by the ten thousand: no gap
    assert np.all(se < 1e-3)


def test_the_annealed_excess_is_that_of_the_table():
    table = {60: 1.786e-7, 90: 4.86e-12, 120: 1.34e-16}
    found = measured("F1", n_examples=list(table), draws=300)
    exact = [math.log(binary_bad_fraction(n, 0.25) / f) for n, f in table.items()]
    rounding = [3e-4, 1.1e-3, 4e-3]  # of the table's last digits
    assert np.all(np.abs(found.y - exact) < 4.0 * math.sqrt(2.0) * found.se + rounding)
    assert np.all(found.se < 0.06)
    assert found.reference == pytest.approx(math.log(2.0))
