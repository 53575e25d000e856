from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genlaws.paper_checks import extrapolate, read_learning_curves
from genlaws.paper_checks.extrapolation_laws import held_out
from genlaws.simulate.measurement import Measurement
from genlaws.theory import ExponentialDecay, LogarithmicDecay, Noise, PowerLaw, PowerLawWithPlateau

SIZES = np.geomspace(10.0, 1000.0, 9)
FAR = 4 * SIZES[-1]

# curves that the worlds of laws are made of, scaled to errors; LogarithmicDecay and PowerLaw start below 1
LAWS = {
    "power law": (PowerLaw(-0.5), lambda n: n**-0.5),
    "plateau": (PowerLawWithPlateau(-1.0), lambda n: 0.5 * (0.1 + (n / SIZES[0]) ** -1.0)),
    "logarithmic": (LogarithmicDecay(-1.0), lambda n: 1 / np.log(n)),
    "exponential": (ExponentialDecay(1 / 300), lambda n: np.exp(-n / 300)),
}
SCALE = {"power law": 1.0, "plateau": 0.5, "logarithmic": 1.0, "exponential": 1.0}
# the largest ratio of the ends of 90 % intervals at 4 x the largest n, typical over worlds
WIDEST = {"power law": 1.6, "plateau": 1.3, "logarithmic": 1.5, "exponential": 1.9}


def measurement(world, scale=1.0):
    return Measurement(x=world.x, replicate=world.replicate, y=np.minimum(scale * world.y, 1.0))


def made(name, seed, noise=0.1, replicates=8):
    world = LAWS[name][0].world(
        "true", x=SIZES, replicates=replicates, noise=noise, rng=np.random.default_rng([5, seed])
    )
    return measurement(world, SCALE[name])


def curve(error, seed, noise=0.05, replicates=6, sizes=SIZES):
    rng = np.random.default_rng([9, seed])
    factor = np.exp(
        noise * (rng.standard_normal((replicates, 1)) + rng.standard_normal((replicates, len(sizes))))
    )
    return Measurement(
        x=np.tile(sizes, replicates),
        replicate=np.repeat(np.arange(replicates), len(sizes)),
        y=(error(sizes) * factor).ravel(),
    )


def coverage(name, worlds, noise=0.1, replicates=8):
    inside, ratio = 0, []
    truth = LAWS[name][1](FAR)
    for seed in range(worlds):
        (found,) = extrapolate(made(name, seed, noise, replicates), FAR, rng=seed).forecasts
        inside += found.low <= truth <= found.high
        ratio.append(found.high / found.low)
    return inside / worlds, float(np.median(ratio))


@pytest.mark.parametrize("name", LAWS)
def test_intervals_cover_the_truth_at_four_times_the_largest_n(name):
    covered, ratio = coverage(name, 40)
    assert covered >= 0.85
    assert 1.0 < ratio < WIDEST[name]


@pytest.mark.slow
@pytest.mark.parametrize("replicates", [4, 8, 20])
@pytest.mark.parametrize("name", LAWS)
def test_intervals_cover_under_many_kinds_of_noise(name, replicates):
    kinds, worlds, rates = [0.03, 0.1, Noise(0.1, growth=2.0), Noise(0.1, tails="laplace")], 100, []
    for noise in kinds:
        covered, ratio = coverage(name, worlds, noise, replicates)
        assert ratio < (4.0 if replicates == 4 else 2.2)
        rates.append(covered)
    # as many as 90 % intervals may cover by chance: 77 of 100 in a kind of noise, 336 of 400 in all four
    assert min(rates) * worlds >= stats.binom.ppf(1e-4, worlds, 0.9)
    assert sum(rates) * worlds >= stats.binom.ppf(1e-4, worlds * len(kinds), 0.9)


def test_a_plateau_that_lies_beyond_the_range_is_left_open():
    # at the largest n the plateau is a tenth of the error: weights go to the power law, intervals stay open
    def error(n):
        return 0.001 + 0.4 * (n / 10) ** -0.8

    truth, covered, alone = error(FAR), 0, 0
    for seed in range(40):
        found = extrapolate(curve(error, seed, noise=0.07, replicates=4), FAR, rng=seed)
        (forecast,) = found.forecasts
        covered += forecast.low <= truth <= forecast.high
        alone += forecast.error < 0.9 * truth
        assert forecast.high < 4 * forecast.low
    assert covered >= 0.85 * 40
    assert alone >= 7  # the median alone would often be much too low


def test_one_new_replicate_is_covered():
    inside = 0
    for seed in range(40):
        (found,) = extrapolate(made("power law", seed), FAR, rng=seed).forecasts
        fresh = np.random.default_rng([6, seed]).normal(-0.5 * 0.01, 0.1)
        inside += found.new_low <= FAR**-0.5 * np.exp(fresh) <= found.new_high
        assert found.new_high / found.new_low < 3.5
        assert found.new_low <= found.low < found.high <= found.new_high
    assert inside >= 0.85 * 40


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("power law", "exponent", -0.5),
        ("plateau", "plateau", 0.05),
        ("logarithmic", "power", -1.0),
        ("exponential", "rate", 1 / 300),
    ],
)
def test_without_noise_the_law_is_found(name, parameter, value):
    law, truth = LAWS[name]
    data = Measurement(x=np.tile(SIZES, 2), replicate=np.repeat([0, 1], 9), y=np.tile(truth(SIZES), 2))
    found = extrapolate(data, [FAR, 10 * FAR], rng=0)
    (own,) = [entry for entry in found.laws if type(entry.law) is type(law)]
    assert own.parameters[parameter] == pytest.approx(value, rel=1e-4)
    assert own.error == pytest.approx(truth(np.array([FAR, 10 * FAR])), rel=1e-3)
    assert own.miss < 1e-4


def test_intervals_widen_with_distance_and_stay_errors():
    found = extrapolate(curve(lambda n: 0.5 * n**-0.2, 3, noise=0.05), [SIZES[0], 1e4, 1e6, 1e9], rng=0)
    ratios = [forecast.high / forecast.low for forecast in found.forecasts[1:]]
    assert ratios == sorted(ratios)
    for forecast in found.forecasts:
        assert (
            0.0
            <= forecast.new_low
            <= forecast.low
            <= forecast.error
            <= forecast.high
            <= forecast.new_high
            <= 1.0
        )
    assert sum(law.weight for law in found.laws) == pytest.approx(1.0)


def test_examples_for_a_wanted_error_against_the_inverse_of_the_law():
    found = extrapolate(curve(lambda n: n**-0.5, 1, noise=0.02), FAR, wanted_error=0.02, rng=0)
    assert found.examples == pytest.approx(0.02**-2, rel=0.1)
    assert found.examples_low <= 0.02**-2 <= found.examples_high
    assert found.examples_high < 2 * found.examples_low


def test_a_wanted_error_below_the_plateau_is_never_reached():
    found = extrapolate(curve(lambda n: 0.05 + n**-1.0, 1, noise=0.02), FAR, wanted_error=0.02, rng=0)
    assert found.examples is None
    assert found.examples_high is None
    assert "not reached" in found.sentences()[-1]


def test_warnings_of_distance_disagreement_and_one_replicate():
    quiet = extrapolate(curve(lambda n: 0.05 + n**-1.0, 1, noise=0.01), 2000, rng=0)
    assert quiet.warnings() == ()
    far = extrapolate(curve(lambda n: n**-0.5, 2, noise=0.2, replicates=3), 1e6, rng=0)
    assert "1,000 times the largest n" in far.warnings()[0]
    assert "disagree at 1,000,000" in far.warnings()[1]
    single = extrapolate(curve(lambda n: n**-0.5, 1, replicates=1), FAR, rng=0)
    assert "one replicate" in single.warnings()[-1]
    assert single.forecasts[0].new_low is None
    assert single.forecasts[0].low < FAR**-0.5 < single.forecasts[0].high


def test_the_same_seed_gives_the_same_numbers():
    first, second = (extrapolate(made("plateau", 1), FAR, rng=3).to_dict() for _ in range(2))
    assert first == second


def test_the_last_third_is_held_out():
    assert [int(held_out(n).sum()) for n in (5, 6, 9, 12)] == [1, 2, 3, 4]


def test_what_cannot_be_extrapolated():
    def of(y, x=SIZES, replicate=0):
        return Measurement(x=x, replicate=np.full(len(x), replicate), y=y)

    good = SIZES**-0.5
    with pytest.raises(ValueError, match=r"5 distinct n, .* got 4"):
        extrapolate(of(good[:4], SIZES[:4]), FAR)
    with pytest.raises(ValueError, match=r"in \[0, 1\], got 1\.5"):
        extrapolate(of(np.append(good[:-1], 1.5)), FAR)
    with pytest.raises(ValueError, match="must be positive, got 0 at n = 1000"):
        extrapolate(of(np.append(good[:-1], 0.0)), FAR)
    with pytest.raises(ValueError, match="above 1"):
        extrapolate(of(good, SIZES / 10), FAR)
    with pytest.raises(ValueError, match="from the smallest measured, 10, on"):
        extrapolate(of(good), 5)
    uneven = Measurement.concatenate([of(good), of(good[:-1], SIZES[:-1], replicate=1)])
    with pytest.raises(ValueError, match="two replicates, got one at n = 1000"):
        extrapolate(uneven, FAR)
    with pytest.raises(ValueError, match="level"):
        extrapolate(of(good), FAR, level=1.0)
    with pytest.raises(ValueError, match="wanted_error"):
        extrapolate(of(good), FAR, wanted_error=0.0)


def test_files_of_curves(tmp_path):
    path = tmp_path / "errors.csv"
    path.write_text(
        "\ufeffseed, Error ,N,replicate\n# a remark\n1,0.5,10,a\n1,0.25,20,a\n\n2,0.4,10,b\n", "utf-8"
    )
    read = read_learning_curves(path)
    assert read.x.tolist() == [10, 20, 10]
    assert read.y.tolist() == [0.5, 0.25, 0.4]
    assert read.replicate.tolist() == [0, 0, 1]
    path.write_text("n,error\n10,0.5\n20,1.5\n", "utf-8")
    with pytest.raises(ValueError, match=r"line 3: want n > 0 and 0 <= error <= 1, got '20,1.5'"):
        read_learning_curves(path)
    path.write_text("10,0.5\n20,0.4\n", "utf-8")
    with pytest.raises(ValueError, match="names the columns"):
        read_learning_curves(path)
    path.write_text("n,error\n", "utf-8")
    with pytest.raises(ValueError, match="no measured errors"):
        read_learning_curves(path)
    path.write_bytes(b"\xff\xfe\x00n")
    with pytest.raises(ValueError, match="not a text file"):
        read_learning_curves(path)
