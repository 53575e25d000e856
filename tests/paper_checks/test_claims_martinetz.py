"""Claims of Martinetz et al. in simulation: that each measures what it says it measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from genlaws.simulate import ErrorDensityEnsemble, GaussianProcess, sample_error_density
from genlaws.theory import (
    AtomicErrorDensity,
    PerceptronErrorDensity,
    learning_curve,
    log_annealed_bad_fraction,
)

# --- A1 ---------------------------------------------------------------------------------------------


def test_the_annealed_fraction_is_that_of_the_closed_density(measured, averages):
    found = measured("A1a", replicates=8)
    mean, se = averages(found)
    exact = log_annealed_bad_fraction(PerceptronErrorDensity(8), n=found.x[: mean.size], eps=0.25)
    assert np.all(np.abs(mean - exact) < 4.5 * se)
    assert np.all(se < 0.4)
    assert exact[-1] < -10 * math.log(10.0)  # ten decades


def test_flipped_labels_raise_the_least_error_of_the_control(measured, averages):
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


def test_the_quenched_fraction_is_that_of_plain_averages_and_of_planted_ones(measured):
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


def test_quenched_and_annealed_fractions_are_those_of_the_table(measured, averages, binary_bad_fraction):
    found = measured("A2b", replicates=6)
    assert found.x[:4].tolist() == list(PLAIN)
    annealed, quenched = np.array(list(PLAIN.values())).T
    assert np.allclose(found.reference[:4], annealed, atol=6e-5)
    assert np.allclose(found.reference[:4], [binary_bad_fraction(n, 0.25) for n in PLAIN], rtol=1e-10)
    mean, se = averages(found)
    assert np.all(np.abs(mean - quenched) < 5.0 * np.hypot(se, 0.01 * quenched))
    assert np.all(se < 0.02)


def test_independent_classifiers_follow_the_beta_density(measured):
    found = measured("A2b", "control", sets=4)
    exact = special.betainc(2.0, 5.0 + found.x, 0.25)
    assert np.allclose(found.reference, 1.0 - exact, rtol=5e-3)


def test_a_teacher_outside_the_class_is_enumerated(measured):
    found = measured("A2c", sets=4)
    teacher = np.linspace(0.2, 1.8, 13)
    weights = 1.0 - 2.0 * ((np.arange(2**13)[:, None] >> np.arange(13)) & 1)
    error = np.arccos(weights @ teacher / math.sqrt(13 * (teacher @ teacher))) / np.pi
    for n, reference in zip(found.x[4:], found.reference[4:], strict=True):
        kept = (1.0 - error) ** n
        assert reference == pytest.approx(kept[error > 0.25].sum() / kept.sum(), rel=1e-9)


def test_the_gap_and_its_bound_belong_together(measured, averages):
    found = measured("A2a", replicates=6, n_examples=[10, 15, 20])
    mean, se = averages(found)
    assert np.all(np.abs(mean - [0.0486, 0.190, 0.181]) < 5.0 * se + 0.002)
    # the bound is the correlation's denominator: gap / bound is the measured correlation of f_S and |H(S)|
    bound, _ = averages(found, "reference")
    assert mean / bound == pytest.approx([0.45, 0.51, 0.59], abs=0.06)


def test_independent_tables_follow_the_annealed_curve(measured, averages):
    found = measured("A3", replicates=6)
    mean, se = averages(found, "reference")
    exact = 2.0 / (7.0 + found.x[:4])  # a / (a + b + n)
    assert np.all(np.abs(mean - exact) < 4.0 * se + 0.01 * exact)
    assert np.all(se < 0.01 * exact)


# --- A4, A5: one example, or two dimensions, where all is known ---------------------------------------


@pytest.mark.parametrize(("role", "noise"), [("claim", 0.0), ("control", 0.1)])
def test_survival_of_the_second_example(measured, averages, role, noise):
    # one example halves every prior: its average over training sets is the annealed one
    found = measured("A4", role, replicates=8, n_examples=[1])
    error = float(learning_curve(PerceptronErrorDensity(6), n=1))
    mean, se = averages(found)
    assert abs(mean[0] - ((1.0 - noise) * (1.0 - error) + noise * error)) < 4.5 * se[0]
    assert se[0] < 0.004
    mean, se = averages(found, "reference")
    assert abs(mean[0] - (1.0 - error)) < 4.5 * se[0] + 1e-12
    assert se[0] < 0.004


def test_the_annealed_curve_is_that_of_the_closed_density(measured, averages):
    found = measured("A5a", replicates=10)
    mean, se = averages(found)
    exact = learning_curve(PerceptronErrorDensity(6), n=found.x[: mean.size])
    assert np.all(np.abs(mean - exact) < 4.5 * se)
    assert np.all(se < 0.03 * exact)
    assert np.allclose(found.reference[: mean.size], exact, rtol=0.02)  # the asymptote is near enough


def test_the_quenched_prefactor_in_two_dimensions(measured, averages):
    # the arc of zero-error directions is cut by the nearest of n uniform angles on either side
    quenched = measured("A5b", dimension=2, alpha=[4, 8], sets=12, replicates=10)
    mean, se = averages(quenched)
    n = np.array([4.0, 8.0])
    assert np.all(np.abs(mean - n * 2.0 / (3.0 * (n + 1.0))) < 4.5 * se)
    assert np.all(se < 0.06)


def test_the_annealed_prefactor_of_the_control(measured, averages):
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


def test_the_curves_of_the_controls_are_those_of_the_enumeration(measured, averages, binary_density):
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
