"""Laws: their basis functions reproduce their own worlds, and worlds have the score and noise they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genlaws.theory import (
    ClosedCurve,
    Constant,
    CurveLaw,
    Divergence,
    EqualDistributions,
    EqualWithinMargin,
    ExponentialDecay,
    InteriorPeak,
    Law,
    Linear,
    LogarithmicDecay,
    LogarithmicGrowth,
    LowerBound,
    Monotone,
    Ordering,
    PointwiseLaw,
    PowerLaw,
    PowerLawWithCorrection,
    PowerLawWithPlateau,
    UpperBound,
)


def falling(x):
    return 1.0 + 10.0 / x


# each with the shape that its own world has
CURVES = [
    (PowerLaw(-0.7), np.nan),
    (PowerLaw(-0.7, log_y=True), np.nan),
    (PowerLawWithPlateau(-0.8), -0.8),
    (PowerLawWithPlateau(0.4), 0.4),
    (PowerLawWithCorrection(-0.5, 0.25), -0.5),
    (ExponentialDecay(0.3), np.nan),
    (ExponentialDecay(0.3, 2.0, log_y=True), np.nan),
    (ExponentialDecay(0.3, None), np.nan),
    (LogarithmicGrowth(2.0), np.nan),
    (Linear(2.0), np.nan),
    (LogarithmicDecay(-1.0), np.nan),
    (Divergence(1.5), 1.0),
    (Divergence(1.5, 4.0, above=False), 4.0),
    (Constant(3.0), np.nan),
]
RELATIONS = [
    UpperBound(),
    LowerBound(),
    Ordering(),
    Ordering(above=False),
    EqualWithinMargin(),
    ClosedCurve(falling),
]
TRENDS = [Monotone(), Monotone(increasing=False), InteriorPeak(30.0), EqualDistributions()]


def score_of_curve(law, world, shape):
    """Score and worst residual of an ordinary least-squares fit at the given shape."""
    values = law.to_fit(world.y) - law.offset(world.x)
    basis = law.basis(world.x, np.array([shape]))[0]
    scale = np.abs(values) + 1e-300 if law.weighting == "relative" else np.ones_like(values)
    coefficients = np.linalg.lstsq(basis / scale[:, None], values / scale)[0]
    residual = (basis @ coefficients - values) / scale
    return float(law.score_of(np.array(shape), coefficients)), float(np.abs(residual).max())


@pytest.mark.parametrize(("law", "shape"), CURVES)
def test_a_curve_without_noise_is_reproduced_with_its_score(law, shape):
    assert isinstance(law, CurveLaw)
    predicted = {"slope", "power", "exponent", "rate", "value"} & set(law.__slots__)
    world = law.world("true", replicates=1, noise=0.0)
    found, residual = score_of_curve(law, world, shape)
    assert residual < 1e-9
    assert found == pytest.approx(getattr(law, predicted.pop()), rel=1e-8)


@pytest.mark.parametrize(
    ("law", "shape"), [pair for pair in CURVES if len(pair[0].shapes(np.arange(2.0, 9.0))) == 1]
)
def test_a_wrong_world_has_another_score_and_a_rival_another_form(law, shape):
    true, _ = score_of_curve(law, law.world("true", replicates=1, noise=0.0), shape)
    wrong, residual = score_of_curve(law, law.world("wrong", replicates=1, noise=0.0), shape)
    assert residual < 1e-9
    assert abs(wrong - true) > 0.4 * abs(true)
    _, misfit = score_of_curve(law, law.world("rival", replicates=1, noise=0.0), shape)
    free_prefactor = isinstance(law, ExponentialDecay) and law.prefactor_power is None
    assert free_prefactor or misfit > 0.02  # with a free prefactor a power law is the same law at rate 0


@pytest.mark.parametrize(("law", "shape"), CURVES)
def test_fit_space_has_an_inverse_and_names_its_parameters(law, shape):
    y = np.array([0.2, 1.0, 7.0])
    np.testing.assert_allclose(law.from_fit(law.to_fit(y)), y, rtol=1e-14)
    k = law.basis(
        np.array([5.0]) if not isinstance(law, Divergence) else law.world("true").x, np.array([shape])
    ).shape[-1]
    named = law.named(shape, np.arange(1.0, k + 1.0))
    assert named
    assert all(isinstance(value, float) for value in named.values())
    grid = law.shapes(law.world("true").x)
    assert np.isnan(grid).all() or np.all(np.diff(grid) > 0)


@pytest.mark.parametrize("law", RELATIONS)
@pytest.mark.parametrize("truth", [-0.3, 0.25])
def test_the_worst_difference_of_a_relation_world_is_its_score(law, truth):
    assert isinstance(law, PointwiseLaw)
    world = law.world("true", score=truth, replicates=1, noise=0.0, rng=3)
    differences = world.y - law.held_against(world.x, world.reference)
    worst = {
        "largest": differences.max(),
        "smallest": differences.min(),
        "farthest": differences[np.argmax(np.abs(differences))],
    }
    assert worst[law.worst] == pytest.approx(truth, abs=1e-12)
    assert np.ptp(differences) > 0.01


def test_a_relative_relation_differs_by_the_logarithm_of_the_ratio():
    world = EqualWithinMargin(relative=True).world("true", score=0.3, replicates=1, noise=0.0, rng=0)
    ratios = np.log(world.y / world.reference)
    assert ratios[np.argmax(np.abs(ratios))] == pytest.approx(0.3)


def test_steps_and_peaks_are_where_they_are_said_to_be():
    world = Monotone(increasing=False).world("true", score=0.4, replicates=1, noise=0.0, rng=1)
    assert np.diff(world.y).max() == pytest.approx(0.4)
    peak = InteriorPeak(30.0).world("wrong", replicates=1, noise=0.0)
    assert peak.x[np.argmax(peak.y)] == pytest.approx(60.0, rel=0.2)
    assert np.argmax(InteriorPeak(30.0).world("rival", replicates=1, noise=0.0).y) == 0


@pytest.mark.parametrize("distance", [0.0, 0.15, 0.5])
def test_equal_distributions_world_has_the_kolmogorov_distance_it_says(distance):
    rows = 40_000
    world = EqualDistributions().world("true", score=distance, replicates=rows, noise=0.3, rng=2)
    measured = stats.ks_2samp(world.y, world.reference).statistic
    assert measured == pytest.approx(distance, abs=1.95 * np.sqrt(2 / rows))  # Kolmogorov's 0.1 % point
    assert np.std(world.reference) == pytest.approx(1.0, abs=0.02)


def test_noise_has_the_stated_size_and_half_of_it_is_shared_within_a_replicate():
    replicates = 20_000
    world = PowerLaw(-1.0, log_y=True).world("true", replicates=replicates, noise=0.2, rng=5)
    table = world.y.reshape(replicates, -1)
    residual = table - table.mean(axis=0)
    assert np.std(residual) == pytest.approx(0.2, rel=0.02)
    correlation = np.corrcoef(residual[:, 0], residual[:, -1])[0, 1]
    assert correlation == pytest.approx(0.5, abs=4 / np.sqrt(replicates))
    positive = PowerLaw(-1.0).world("true", replicates=replicates, noise=0.2, rng=6)
    ratio = positive.y * positive.x
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)  # the mean, not the median, follows the law


@pytest.mark.parametrize("law", [pair[0] for pair in CURVES] + RELATIONS + TRENDS)
def test_every_law_says_what_its_score_is_and_makes_equal_worlds_from_equal_seeds(law):
    assert isinstance(law, Law)
    assert law.score_name
    first, second = (law.world("true", replicates=3, rng=9) for _ in range(2))
    np.testing.assert_array_equal(first.y, second.y)
    assert np.unique(first.replicate).tolist() == [0, 1, 2]
    assert not np.array_equal(first.y, law.world("true", replicates=3, rng=10).y)


@pytest.mark.parametrize("law", [pair[0] for pair in CURVES] + RELATIONS + TRENDS)
def test_worlds_refuse_what_they_cannot_make(law):
    with pytest.raises(ValueError, match="kind must be"):
        law.world("likely")
    with pytest.raises(ValueError, match="replicates must be at least 1, got 0"):
        law.world("true", replicates=0)
    with pytest.raises(ValueError, match="noise must be"):
        law.world("true", noise=-0.1)


def test_laws_refuse_values_that_have_no_place_in_them():
    with pytest.raises(ValueError, match=r"power law must be positive, got 0\.0"):
        PowerLaw().to_fit(np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="exponent must not be 0"):
        PowerLawWithPlateau(0.0)
    with pytest.raises(ValueError, match="correction_exponent must be positive, got 0"):
        PowerLawWithCorrection(-0.5, 0)
    with pytest.raises(ValueError, match="x must lie above the threshold 2"):
        Divergence(1.0, 2.0).basis(np.array([1.0, 3.0]), np.array([2.0]))
    with pytest.raises(ValueError, match="ln x must be positive"):
        LogarithmicDecay().basis(np.array([1.0, 3.0]), np.array([np.nan]))
    with pytest.raises(ValueError, match="reference must be given"):
        UpperBound().held_against(np.array([1.0]), None)
    with pytest.raises(ValueError, match="one finite value for each x"):
        ClosedCurve(lambda x: 1.0).held_against(np.array([1.0, 2.0]), None)
