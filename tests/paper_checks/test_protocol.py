"""Verdicts: every way a claim can come out, and what is said with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from genlaws.paper_checks.claim import Claim, Control, Experiment
from genlaws.paper_checks.components import Component
from genlaws.paper_checks.fits import curve_weights
from genlaws.paper_checks.power import replicates_needed, support_power
from genlaws.paper_checks.protocol import holm, judge, not_applicable
from genlaws.paper_checks.replicates import tabulate
from genlaws.paper_checks.rivals import judge_rivals
from genlaws.paper_checks.scores import score
from genlaws.paper_checks.verdict import Outcome, Verdict
from genlaws.simulate.measurement import Measurement
from genlaws.theory import (
    ClosedCurve,
    Constant,
    EqualWithinMargin,
    ExponentialDecay,
    LogarithmicGrowth,
    PowerLaw,
    PowerLawWithPlateau,
    UpperBound,
)
from genlaws.theory.worlds import Noise

INF = float("inf")
NOTHING = Experiment(units=lambda budget: [], measure=lambda settings, rng: None)
X = np.geomspace(10.0, 1000.0, 9)


def measured(world):
    return Measurement(
        x=world.x, replicate=world.replicate, y=world.y, se=world.se, reference=world.reference
    )


def make_claim(law, predicted, band, *, expected="REFUTED", **changes):
    fields = {
        "id": "T1",
        "paper": "test",
        "where": "here",
        "statement": "a statement",
        "prediction": "a number",
        "law": law,
        "predicted": predicted,
        "band": band,
        "x_range": (10.0, 1000.0),
        "falsifier": "another number",
        "control": Control("a wrong world", expected, {"simulation": NOTHING}),
        "experiments": {"simulation": NOTHING},
        "not_applicable": {"network": "no network has it"},
    }
    return Claim(**(fields | changes))


POWER = make_claim(PowerLaw(-1.0), -1.0, (-1.1, -0.9))
TRUE = measured(PowerLaw(-1.0).world("true", rng=1))
WRONG = measured(PowerLaw(-1.0).world("wrong", rng=2))


def test_supported_with_its_evidence():
    verdict = judge(POWER, "simulation", TRUE, WRONG, seed=5)
    assert verdict.verdict == Outcome.SUPPORTED
    assert verdict.low < verdict.estimate < verdict.high
    assert verdict.low > -1.1
    assert verdict.high < -0.9
    assert verdict.high - verdict.low < 0.1
    assert (verdict.level, verdict.seed, verdict.replicates) == (0.90, 5, 8)
    assert verdict.p_value < 0.05
    assert verdict.power > 0.9
    assert verdict.needed is None
    assert verdict.control.passed
    assert verdict.control.verdict == "REFUTED"
    assert verdict.measurement is TRUE
    assert verdict.details["exponent"] == pytest.approx(verdict.estimate, abs=1e-10)
    assert len(verdict.details["windows"]) == 2
    interval = f"[{verdict.low:.4g}, {verdict.high:.4g}]"
    assert verdict.reason == f"exponent {verdict.estimate:.4g} {interval} lies inside the band [-1.1, -0.9]"


def test_refuted_with_the_wider_interval():
    verdict = judge(POWER, "simulation", WRONG, WRONG, seed=5)
    assert verdict.verdict == Outcome.REFUTED
    assert verdict.level == 0.95
    assert verdict.high < -1.1
    assert "lies outside the band [-1.1, -0.9]" in verdict.reason
    assert verdict.needed is None
    slopes = [np.polyfit(np.log(X), np.log(row), 1)[0] for row in WRONG.y.reshape(8, 9)]
    expected = stats.ttest_1samp(slopes, 0.0).confidence_interval(0.95)
    assert (verdict.low, verdict.high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_not_significant_is_not_supported():
    noisy = measured(PowerLaw(-1.0).world("true", noise=1.0, replicates=4, rng=3))
    verdict = judge(POWER, "simulation", noisy, WRONG, seed=1)
    assert verdict.verdict == Outcome.INCONCLUSIVE
    assert verdict.low < -0.9  # neither does the interval miss the band
    assert verdict.high > -1.1
    assert verdict.power < 0.3
    assert "replicates instead of 4" in verdict.needed
    assert verdict.p_value > 0.05


def test_the_range_must_be_covered():
    short = judge(replace(POWER, x_range=(10.0, 1e4)), "simulation", TRUE, WRONG, seed=1)
    assert short.verdict == Outcome.INCONCLUSIVE
    assert "x was measured from 10 to 1,000, not from 10 to 10,000" in short.reason
    assert "x from 10 to 10,000" in short.needed
    # what is wrong on a part of the range is wrong
    assert judge(replace(POWER, x_range=(10.0, 1e4)), "simulation", WRONG, WRONG).verdict == Outcome.REFUTED
    # nothing is refuted by what was measured where the claim does not speak
    elsewhere = judge(replace(POWER, x_range=(2e3, 1e4)), "simulation", WRONG, WRONG, seed=1)
    assert elsewhere.verdict == Outcome.INCONCLUSIVE
    assert elsewhere.reason == "x was measured from 10 to 1,000, not from 2,000 to 10,000"
    assert elsewhere.needed.startswith("x from 2,000 to 10,000")
    touching = judge(replace(POWER, x_range=(1e3, 1e4)), "simulation", WRONG, WRONG, seed=1)
    assert touching.verdict == Outcome.REFUTED


@pytest.mark.parametrize("end", ["first", "last"])
def test_a_law_that_one_end_alone_carries_is_not_supported(end):
    # slope -1 overall, but bent: without one third the slope leaves the band
    u = np.log(X / 100.0)
    bend = -0.10 if end == "first" else 0.10
    rng = np.random.default_rng(4)
    curve = np.exp(-u + bend * u**2 + 0.01 * rng.standard_normal((8, 9)))
    bent = Measurement(x=np.tile(X, 8), replicate=np.repeat(np.arange(8), 9), y=curve.ravel())
    whole = score(PowerLaw(), bent)
    assert whole.low > -1.1
    assert whole.high < -0.9
    verdict = judge(POWER, "simulation", bent, WRONG, seed=1)
    assert verdict.verdict == Outcome.INCONCLUSIVE
    assert "third of x is not wholly inside the band" in verdict.reason
    assert verdict.estimate == pytest.approx(whole.estimate)


def test_a_control_that_fails_blocks_support_only():
    unmoved = judge(POWER, "simulation", TRUE, TRUE, seed=1)
    assert unmoved.verdict == Outcome.INCONCLUSIVE
    assert not unmoved.control.passed
    assert "the control came out SUPPORTED where it must be REFUTED" in unmoved.reason
    refuted = judge(POWER, "simulation", WRONG, TRUE, seed=1)
    assert refuted.verdict == Outcome.REFUTED
    assert not refuted.control.passed


def test_a_claim_expected_to_be_refuted_has_a_control_that_is_supported():
    claim = make_claim(PowerLaw(-1.0), -1.0, (-1.1, -0.9), expected="SUPPORTED", x_range=(1.0, 1000.0))
    verdict = judge(claim, "simulation", WRONG, TRUE, seed=1)
    assert verdict.verdict == Outcome.REFUTED
    assert verdict.control.passed  # though the control does not cover the claim's range
    assert verdict.control.estimate == pytest.approx(-1.0, abs=0.1)


def test_a_decisive_rival_refutes_a_law_whose_number_fits():
    # the exponential's slope in log-log averages to -1 over this narrow band of a claim, whatever its form
    claim = make_claim(PowerLaw(-1.0), -1.0, (-1.9, -0.1), rivals=(ExponentialDecay(), LogarithmicGrowth()))
    rival_world = measured(PowerLaw(-1.0).world("rival", rng=6))
    verdict = judge(claim, "simulation", rival_world, WRONG, seed=1)
    assert verdict.verdict == Outcome.REFUTED
    assert verdict.reason.startswith("ExponentialDecay foretells held-out x better")
    first, second = verdict.rivals
    assert first.decisive
    assert first.share > 0.99
    assert first.advantage > 1
    assert not second.decisive
    assert (
        judge(replace(claim, rivals=()), "simulation", rival_world, WRONG, seed=1).verdict != Outcome.REFUTED
    )
    true = judge(claim, "simulation", TRUE, WRONG, seed=1)
    assert true.verdict == Outcome.SUPPORTED or not true.control.passed
    assert all(rival.share < 0.05 and rival.advantage < 0 for rival in true.rivals)


def test_a_rival_that_contains_the_law_is_not_decisive():
    true = [measured(PowerLaw(-1.0).world("true", noise=0.05, rng=seed)) for seed in range(30)]
    decisive = [
        judge_rivals(PowerLaw(-1.0), (PowerLawWithPlateau(-1.0),), data, margin=0.1, rng=0)[0].decisive
        for data in true
    ]
    assert sum(decisive) <= stats.binom.ppf(0.999, 30, 0.05)


def test_information_criteria_are_those_of_a_regression_of_known_variance():
    from statsmodels.api import WLS

    data = measured(PowerLaw(-1.0).world("true", x=X, replicates=8, noise=0.05, rng=3))
    table = tabulate(data)
    weights = curve_weights(PowerLaw(), table) * table.count
    target = np.log(data.y.reshape(8, 9).mean(axis=0))

    def criteria(column):
        fit = WLS(target, np.column_stack((np.ones(9), column)), weights=weights).fit()
        log_likelihood = np.sum(stats.norm.logpdf(fit.resid, scale=weights**-0.5))
        return np.array([2 * 2 - 2 * log_likelihood, 2 * np.log(9) - 2 * log_likelihood])

    (rival,) = judge_rivals(PowerLaw(), (ExponentialDecay(),), data, margin=0.1, rng=0)
    assert (rival.aic, rival.bic) == pytest.approx(criteria(X) - criteria(np.log(X)), rel=1e-6)
    assert rival.aic > 100
    (rival,) = judge_rivals(ExponentialDecay(), (PowerLaw(),), data, margin=0.1, rng=0)
    assert (rival.aic, rival.bic) == pytest.approx(criteria(np.log(X)) - criteria(X), rel=1e-6)


def test_information_criteria_charge_for_a_parameter_and_see_a_plateau():
    found = []
    for seed in range(60):
        data = measured(
            PowerLaw(-1.0).world("true", x=X, replicates=20, noise=Noise(0.05, shared=0.0), rng=seed)
        )
        found += judge_rivals(PowerLaw(), (PowerLawWithPlateau(-1.0),), data, margin=0.1, rng=0)
    # a needless parameter lowers the misfit by chi-squared of one degree; a plateau below zero is not fitted
    gain = np.array([2.0 - rival.aic for rival in found])
    assert 0.3 < np.mean(gain) < 1.6
    assert [rival.bic - rival.aic for rival in found] == pytest.approx([np.log(9) - 2.0] * 60)
    plateau = measured(PowerLawWithPlateau(-1.0).world("true", x=X, replicates=8, noise=0.05, rng=1))
    (rival,) = judge_rivals(PowerLaw(), (PowerLawWithPlateau(-1.0),), plateau, margin=0.1, rng=0)
    assert rival.bic < -20


def test_a_law_that_is_right_to_a_hair_beats_a_wrong_one_where_replicates_hardly_scatter():
    # a correction that dies out, and noise that does so faster: what is measured once at large x is exact
    x = np.linspace(40.0, 120.0, 9)
    rng = np.random.default_rng(0)
    noise = 1e-7 * np.exp(-0.4 * (x - x[0])) * rng.standard_normal((6, 9))
    y = np.exp(0.17 * x + 2e-3 * (40.0 / x) ** 6 + noise)
    data = Measurement(x=np.tile(x, 6), replicate=np.repeat(np.arange(6), 9), y=y.ravel())
    (rival,) = judge_rivals(ExponentialDecay(-0.17), (PowerLaw(),), data, margin=0.1, rng=0)
    assert not rival.decisive
    assert rival.advantage < -10
    (rival,) = judge_rivals(PowerLaw(), (ExponentialDecay(-0.17),), data, margin=0.1, rng=0)
    assert rival.decisive


def test_closed_curves_can_be_claimed_against_each_other():
    data = measured(ClosedCurve(np.sqrt, relative=True).world("true", x=X, rng=3))
    other = ClosedCurve(np.log, relative=True)
    (rival,) = judge_rivals(ClosedCurve(np.sqrt, relative=True), (other,), data, margin=0.1, rng=0)
    assert rival.advantage < -1
    (rival,) = judge_rivals(other, (ClosedCurve(np.sqrt, relative=True),), data, margin=0.1, rng=0)
    assert rival.decisive


def test_rivals_without_a_bootstrap_are_not_judged_and_relations_have_none():
    one = Measurement(x=X, replicate=np.zeros(9, dtype=int), y=1 / X)
    assert judge_rivals(PowerLaw(), (ExponentialDecay(),), one, margin=0.1) == ()
    with pytest.raises(TypeError, match="only curves can be rivals, got UpperBound"):
        judge_rivals(PowerLaw(), (UpperBound(),), TRUE, margin=0.1)


def test_relations_are_judged_at_every_x():
    claim = make_claim(EqualWithinMargin(), 0.0, (-0.1, 0.1), x_range=(10.0, 160.0))
    law = claim.law
    true = measured(law.world("true", noise=0.03, rng=1))
    wrong = measured(law.world("wrong", noise=0.03, rng=1))
    assert judge(claim, "simulation", true, wrong, seed=0).verdict == Outcome.SUPPORTED
    verdict = judge(claim, "simulation", wrong, wrong, seed=0)
    assert verdict.verdict == Outcome.REFUTED
    assert verdict.low > 0.1
    assert "windows" not in verdict.details


def test_a_bound_may_be_far_from_tight():
    claim = make_claim(UpperBound(), 0.0, (-INF, 0.0), x_range=(10.0, 160.0))
    law = claim.law
    held = judge(claim, "simulation", measured(law.world("true", rng=1)), measured(law.world("wrong", rng=1)))
    assert held.verdict == Outcome.SUPPORTED
    assert held.power > 0.5  # by the measured distance, for the prediction is only a side
    broken = judge(
        claim, "simulation", measured(law.world("wrong", rng=1)), measured(law.world("wrong", rng=1))
    )
    assert broken.verdict == Outcome.REFUTED
    assert broken.low > 0


def test_equal_seeds_give_equal_verdicts():
    claim = make_claim(PowerLawWithPlateau(-1.0), -1.0, (-1.3, -0.7), rivals=(PowerLaw(),))
    data = measured(claim.law.world("true", noise=0.02, rng=1))
    first, second = (judge(claim, "simulation", data, data, seed=3) for _ in range(2))
    assert (first.low, first.high, first.rivals) == (second.low, second.high, second.rivals)
    drawn = judge(claim, "simulation", data, data)
    again = judge(claim, "simulation", data, data, seed=drawn.seed)
    assert (drawn.low, drawn.high) == (again.low, again.high)


def test_a_measurement_too_small_for_its_law_is_an_error_not_a_verdict():
    one = Measurement(x=X, replicate=np.zeros(9, dtype=int), y=1 / X**3)
    with pytest.raises(ValueError, match="two replicates or standard errors"):
        judge(POWER, "simulation", one, WRONG)


def test_without_an_experiment_a_claim_does_not_apply():
    verdict = not_applicable(POWER, "network")
    assert (verdict.verdict, verdict.reason) == (Outcome.NOT_APPLICABLE, "no network has it")
    with pytest.raises(ValueError, match="has an experiment for simulation"):
        not_applicable(POWER, "simulation")


def test_holm_is_a_column_of_its_own():
    p_values = [0.01, None, 0.04, 0.03]
    verdicts = [
        Verdict(claim=f"T{k}", source="simulation", verdict=Outcome.SUPPORTED, reason="", p_value=p)
        for k, p in enumerate(p_values)
    ]
    corrected = holm(verdicts)
    # by hand: 3 x .01, then 2 x .03, then .04 raised to the one before
    assert [v.p_value_holm for v in corrected] == pytest.approx([0.03, None, 0.06, 0.06])
    assert [v.p_value for v in corrected] == p_values
    assert {v.verdict for v in corrected} == {Outcome.SUPPORTED}
    assert holm([]) == ()


def test_power_is_the_chance_of_support():
    law, band = Constant(1.0), (0.8, 1.2)
    supported, power = 0, []
    for seed in range(400):
        world = law.world("true", x=np.array([1.0, 2.0]), replicates=6, noise=0.16, rng=seed)
        found = score(law, measured(world))
        supported += band[0] < found.low and found.high < band[1]
        power.append(support_power(found.components, 1.0, band))
    assert 0.3 < supported / 400 < 0.95
    assert np.mean(power) == pytest.approx(supported / 400, abs=0.12)


def test_replicates_needed_reach_the_power_and_no_more():
    part = Component(0.0, 0.1, 4.0)
    needed = replicates_needed([part], 0.0, (-0.1, 0.1), 5)
    assert support_power([part], 0.0, (-0.1, 0.1), factor=needed / 5) >= 0.8
    assert support_power([part], 0.0, (-0.1, 0.1), factor=0.8 * needed / 5) < 0.8
    # a known error in units of the margin: 80 % power for an equivalence test takes (1.645 + 1.282)^2
    known = replicates_needed([Component(0.0, 0.1)], 0.0, (-0.1, 0.1), 100)
    assert known == pytest.approx(100 * (1.645 + 1.2816) ** 2, rel=0.13)
    assert replicates_needed([Component(0.3, 0.1)], 0.1, (-0.1, 0.1), 5) is None
