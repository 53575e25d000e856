from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from genlaws.paper_checks import (
    Claim,
    Control,
    Experiment,
    LawOptions,
    Outcome,
    judge,
    named_law,
    own_claim,
    read_measurement,
    rival_law,
    score,
)
from genlaws.paper_checks.calibration_bank import CASES
from genlaws.paper_checks.moved_controls import moved_control
from genlaws.paper_checks.named_laws import LAWS
from genlaws.simulate import Measurement
from genlaws.theory import EqualDistributions, PowerLaw, PowerLawWithPlateau

N = np.geomspace(10.0, 1000.0, 8)
BAND = (-1.1, -0.9)


def of(world):
    return Measurement(world.x, world.replicate, world.y, world.se, world.reference)


def verdict_on(claim, measurement, seed=0):
    control = claim.control.experiments["simulation"].measure({}, np.random.default_rng(0))
    return judge(claim, "simulation", measurement, control, seed=seed)


def errors(exponent=-1.0, *, noise=0.1, replicates=6, seed=0, x=N):
    return of(PowerLaw(exponent).world("true", x=x, replicates=replicates, noise=noise, rng=seed))


FORETOLD = {
    "correction": -0.5,
    "exponential": 0.02,
    "upper-bound": -0.1,
    "lower-bound": 0.1,
    "equal": 0.0,
    "above": 0.1,
    "below": -0.1,
    "increasing": -0.1,
    "decreasing": -0.1,
    "peak": 100.0,
}  # the others -1


@pytest.mark.parametrize("name", LAWS)
def test_each_word_names_a_law_whose_score_is_found_again(name):
    options, foretold = LawOptions(correction_exponent=0.5), FORETOLD.get(name, -1.0)
    law = named_law(name, foretold, options=options)
    x = np.geomspace(10.0, 1000.0, 12)
    world = law.world("true", x=x, score=foretold, replicates=6, noise=1e-3, rng=1)
    found = score(law, of(world), rng=1)
    assert found.estimate == pytest.approx(foretold, abs=0.01, rel=0.01)
    assert found.high - found.low < 0.05 * max(abs(foretold), 1.0)


def test_options_reach_the_law():
    assert named_law("power-law", -2.0, options=LawOptions(log_y=True)) == PowerLaw(-2.0, log_y=True)
    assert named_law("exponential", 0.1, options=LawOptions(prefactor_power="free")).prefactor_power is None
    assert named_law("exponential", 0.1).prefactor_power == 0.0
    divergence = named_law("divergence", 1.0, options=LawOptions(threshold=0.0, below=True))
    assert (divergence.threshold, divergence.above) == (0.0, False)
    assert named_law("equal", 0.0, options=LawOptions(relative=True)).relative
    assert named_law("below", 0.0).worst == "largest"


@pytest.mark.parametrize("noise", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("exponent", [-1.0, -1.5])
def test_verdicts_are_those_on_the_claim_built_by_hand(exponent, noise):
    measured, control = errors(exponent, noise=noise), errors(-1.5, noise=noise, seed=1)
    rivals = (rival_law("plateau", measured), rival_law("exponential", measured))
    experiments = {"simulation": Experiment(lambda budget: [], lambda settings, rng: measured)}
    by_hand = Claim(
        id="own",
        paper="p",
        where="w",
        statement="s",
        prediction="p",
        law=PowerLaw(-1.0),
        predicted=-1.0,
        band=BAND,
        x_range=(10.0, 1000.0),
        falsifier="f",
        control=Control("c", "REFUTED", experiments),
        experiments=experiments,
        rivals=rivals,
        not_applicable={"network": "none"},
    )
    claim = own_claim(PowerLaw(-1.0), measured, predicted=-1.0, band=BAND, rivals=rivals, control=control)
    one, other = verdict_on(claim, measured), judge(by_hand, "simulation", measured, control, seed=0)
    assert (one.verdict, one.reason, one.low, one.high, one.p_value, one.power, one.rivals) == (
        other.verdict, other.reason, other.low, other.high, other.p_value, other.power, other.rivals
    )  # fmt: skip
    assert one.control.verdict == other.control.verdict


def test_true_wrong_and_noisy_measurements_come_out_as_they_must():
    found = {}
    for name, measured in {
        "true": errors(noise=0.1),
        "wrong": errors(-1.4, noise=0.1),
        "noisy": errors(noise=1.0, replicates=3),
    }.items():
        found[name] = verdict_on(own_claim(PowerLaw(-1.0), measured, predicted=-1.0, band=BAND), measured)
    assert [found[name].verdict for name in ("true", "wrong", "noisy")] == [
        Outcome.SUPPORTED, Outcome.REFUTED, Outcome.INCONCLUSIVE
    ]  # fmt: skip
    assert found["true"].control.verdict == "REFUTED"
    assert found["true"].control.estimate == pytest.approx(-1.3, abs=1e-6)
    assert found["noisy"].control.verdict == "INCONCLUSIVE"
    assert "replicates instead of 3" in found["noisy"].needed


def test_a_rival_that_is_true_refutes():
    measured = of(PowerLawWithPlateau(-1.0).world("true", x=N, replicates=6, noise=0.05, rng=0))
    claim = own_claim(
        PowerLaw(-1.0),
        measured,
        predicted=-0.6,
        band=(-0.9, -0.3),
        rivals=[rival_law("plateau", measured)],
    )
    verdict = verdict_on(claim, measured)
    assert verdict.verdict is Outcome.REFUTED
    assert verdict.rivals[0].decisive


MOVED = [name for name, case in CASES.items() if not isinstance(case.law, EqualDistributions)]


@pytest.mark.parametrize("name", MOVED)
def test_the_moved_control_has_the_wrong_score_and_the_same_error(name):
    case = CASES[name]
    x = None if case.x is None else np.array(case.x)
    truth = case.predicted if case.true_score is None else case.true_score
    world = case.law.world(
        "true", score=truth, x=x, replicates=case.replicates, noise=0.5 * case.noise, rng=5
    )
    measured = of(world)
    control, said = moved_control(case.law, measured, predicted=case.predicted, band=case.band)
    assert sorted(control.replicate) == sorted(measured.replicate)
    assert sorted(np.unique(control.x)) == sorted(np.unique(measured.x))
    before, after = (score(case.law, table, rng=3) for table in (measured, control))
    low, high = case.band
    if math.isinf(low) or math.isinf(high):
        # the best difference, turned over, is the worst
        best = min if before.worst == "largest" else max
        turned = 2 * case.edges[0] - best(part.estimate for part in before.components)
        assert after.estimate == pytest.approx(turned)
        assert "turned over" in said
    elif name == "interior peak":
        assert after.estimate == pytest.approx(50 * 2**-1.5, rel=0.1)  # the first x below 20
    else:
        assert max(after.estimate - high, low - after.estimate) == pytest.approx(high - low, rel=0.02)
    old, new = before.high - before.low, after.high - after.low
    if name == "interior peak":  # is found by octaves
        old, new = old / before.estimate, new / after.estimate
    # twofold at most: what a curve far from a plateau or a threshold tells of it differs
    assert 0.5 * old < new < 2.0 * old
    claim = own_claim(case.law, measured, predicted=case.predicted, band=case.band)
    assert verdict_on(claim, measured).control.verdict == "REFUTED"


def test_missing_rows_standard_errors_and_uneven_scatter_stay_in_the_control():
    whole = errors(noise=0.2)
    keep = np.arange(len(whole.x)) != 11
    se = 0.01 * whole.y * (1 + np.arange(len(whole.x)))
    measured = Measurement(whole.x[keep], whole.replicate[keep], whole.y[keep], se[keep])
    control, _ = moved_control(PowerLaw(-1.0), measured, predicted=-1.0, band=BAND)
    np.testing.assert_array_equal(control.replicate, measured.replicate)
    ratio = control.y / measured.y
    for place in np.unique(measured.x):  # one factor at each x, and a power of x
        assert np.ptp(ratio[measured.x == place]) < 1e-12
    slopes = np.diff(np.log(ratio[measured.replicate == 0])) / np.diff(np.log(N))
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-9)
    np.testing.assert_allclose(control.se / control.y, measured.se / measured.y, rtol=1e-12)


def counted(exponent):
    """SUPPORTED and REFUTED among 60 worlds, of a noise that mostly supports what is true."""
    found = []
    for seed in range(60):
        measured = errors(exponent, noise=0.2, replicates=5, seed=seed)
        claim = own_claim(PowerLaw(-1.0), measured, predicted=-1.0, band=BAND)
        found.append(verdict_on(claim, measured, seed).verdict)
    return found.count(Outcome.SUPPORTED), found.count(Outcome.REFUTED)


def test_false_verdicts_are_as_rare_as_they_say():
    most = binom.ppf(0.999, 60, 0.05)
    for edge in BAND:  # where both are false
        assert max(counted(edge)) <= most
    supported, refuted = counted(-1.0)
    assert supported > 40
    assert refuted == 0


def test_a_bound_needs_no_prediction():
    measured = of(named_law("upper-bound", 0.0).world("true", score=-0.2, noise=0.05, rng=2))
    claim = own_claim(named_law("upper-bound", 0.0), measured, band=(-math.inf, 0.0))
    assert claim.predicted == 0.0
    verdict = verdict_on(claim, measured)
    assert verdict.verdict is Outcome.SUPPORTED
    assert verdict.control.estimate >= -verdict.estimate


@pytest.mark.parametrize("name", ["upper-bound", "above", "decreasing"])
def test_a_control_seldom_stops_what_else_were_supported(name):
    law, stopped, supported = named_law(name, 0.0), 0, 0
    for seed in range(40):
        sign = 1.0 if name == "above" else -1.0
        measured = of(law.world("true", score=0.1 * sign, replicates=6, noise=0.1, rng=seed))
        claim = own_claim(law, measured, band=(0.0, math.inf) if name == "above" else (-math.inf, 0.0))
        verdict = verdict_on(claim, measured, seed)
        supported += verdict.verdict is Outcome.SUPPORTED
        stopped += "but the control" in verdict.reason
    assert supported > 20
    assert stopped <= 2


def refused(message, build):
    with pytest.raises(ValueError, match=message):
        build()


def test_what_cannot_be_claimed_is_refused():
    measured, law = errors(), PowerLaw(-1.0)
    refused("must be given for a band with two ends", lambda: own_claim(law, measured, band=BAND))
    refused("lies outside the band", lambda: own_claim(law, measured, band=BAND, predicted=-2.0))
    refused("finite end", lambda: own_claim(law, measured, band=(-math.inf, math.inf)))
    refused("a rival must be a curve, got peak", lambda: rival_law("peak", measured))
    refused("no law 'nope'; known: power-law,", lambda: named_law("nope", 1.0))
    refused("needs --correction-exponent", lambda: named_law("correction", -0.5))
    few = errors(x=N[:3])
    rivals = [rival_law("plateau", few)]
    refused(
        "more than 3 distinct x, got 3",
        lambda: own_claim(law, few, predicted=-1.0, band=BAND, rivals=rivals),
    )
    refused(
        "only a curve has rivals",
        lambda: own_claim(named_law("decreasing", 0.0), measured, band=(-math.inf, 0.0), rivals=rivals),
    )
    peak = own_claim, named_law("peak", 100.0)
    refused(
        "x must reach beyond the band", lambda: peak[0](peak[1], measured, predicted=100.0, band=(1, 2000))
    )


def test_tables_are_read_by_the_names_of_their_columns(tmp_path):
    path = tmp_path / "measured.csv"
    path.write_text(
        "\ufeffrun, Loss ,N,sd,bound,note\n# a remark\na,0.5,10,.1,1,x\n\nb,0.25,10,.2,2,y\na,-1,20,0,3,z\n",
        "utf-8",
    )
    read = read_measurement(path, x="n", y="loss", replicate="run", se="sd", reference="bound")
    assert read.x.tolist() == [10, 10, 20]
    assert read.y.tolist() == [0.5, 0.25, -1]
    assert read.replicate.tolist() == [0, 1, 0]
    assert read.se.tolist() == [0.1, 0.2, 0.0]
    assert read.reference.tolist() == [1, 2, 3]
    assert (read.x_label, read.y_label) == ("n", "loss")
    assert read_measurement(path, x="n", y="loss").replicate.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n2,two\n3,4\n4,nan\n", r"line 3: want a number x and a number y, got '2,two'; .* line 5$"),
        ("x,y,s\n1,2,-1\n", r"line 2: want a number x and a number y and 0 <= s, got '1,2,-1'"),
        ("x,y,s,replicate\n1,2,1,a\n1,2,1,\n", r"line 3: want .* and a replicate, got '1,2,1,'"),
        ("x,z,s\n1,2,3\n", r"names the columns x, y, s, replicate, got \['x', 'z', 's'\]"),
        ("x,y,s\n", "no measured errors or other values"),
        ("x,y,s\n1\n" + "2,?,1\n" * 9, r"line 2: want .* lines 3, 4, 5, 6, 7 and 4 more"),
    ],
)
def test_every_line_that_holds_no_numbers_is_named(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=message):
        read_measurement(path, se="s" if ",s" in text else None)
