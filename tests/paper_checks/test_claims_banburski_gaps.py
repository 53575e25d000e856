"""Normalized losses: closed forms of what is measured, and cases in which the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special

from genlaws.paper_checks.claim import named_reading
from genlaws.paper_checks.claims import normalized_families, normalized_linear
from genlaws.paper_checks.claims.normalized_linear import teacher_loss
from genlaws.paper_checks.claims.normalized_readings import (
    Family,
    Losses,
    agreement,
    all_right,
    line_readings,
    off_the_line,
    other_members,
    require_members,
)
from genlaws.paper_checks.scores import score
from genlaws.theory import Linear

SMALL_IMAGES = {"source": "network", "components": 20, "arch": "fc:1x64", "heldout": 200}


@pytest.mark.parametrize(("length", "overlap"), [(0.1, 0.3), (1.0, 0.9), (5.0, 0.0), (3.0, 0.999)])
def test_the_loss_on_a_teachers_labels_is_its_double_integral(length, overlap):
    # over the teacher's coordinate, and the other one that the classifier sees
    def integrand(other, first):
        field = overlap * first + math.sqrt(1.0 - overlap**2) * other
        weight = math.exp(-0.5 * (first**2 + other**2)) / math.pi
        return weight * float(np.logaddexp(0.0, -length * field))

    expected, error = integrate.dblquad(integrand, 0.0, 9.0, -9.0, 9.0, epsabs=1e-9)
    assert error < 1e-6
    assert float(teacher_loss(length, overlap)) == pytest.approx(expected, abs=1e-6)


def test_the_loss_of_a_perfect_classifier_and_of_none():
    assert float(teacher_loss(0.0, 0.5)) == pytest.approx(math.log(2.0), rel=1e-9)
    # the mean of ln(1 + e^-|z| s) is the integral of its slope: at large s, ln 2 to the density at zero
    long = 20.0
    near_zero = math.pi**2 / 12.0 * 2.0 / math.sqrt(2.0 * math.pi) / long
    assert float(teacher_loss(long, 1.0)) == pytest.approx(near_zero, rel=1e-2)


def test_a_loss_below_that_of_one_error_leaves_none():
    losses = np.array([0.0, 0.0, math.log(2.0)])
    assert losses.mean() == pytest.approx(all_right(3))
    assert special.xlogy(1.0, 2.0) / 3 == pytest.approx(all_right(3))


@pytest.mark.parametrize("members", [2, 3, 9])
def test_others_are_others_and_all_of_them(members):
    for seed in range(20):
        others = other_members(members, np.random.default_rng(seed))
        assert sorted(others) == list(range(members))
        assert np.all(others != np.arange(members))


def family(slope, *, norms=(1.0, 2.0, 4.0, 8.0, 5.0)):
    """Members that differ in their norms alone: outputs of one size before they are divided."""
    norm, chance = np.asarray(norms), math.log(10.0)
    others = other_members(len(norm), np.random.default_rng(1))

    def losses(divisors, unseen_divisors=None):
        elsewhere = divisors if unseen_divisors is None else unseen_divisors
        return Losses(chance - 0.1 / divisors, chance - slope * 0.1 / elsewhere)

    return Family(
        normalized=losses(norm),
        plain=losses(np.ones_like(norm), np.array([1.0, 1.1, 1.2, 1.3, 1.25])),
        exchanged=losses(norm[others]),
        unruly=np.full(len(norm), chance),
        errors=norm / 10.0,
        chance=chance,
    )


SETTINGS = {"replicate": 0, "n": 100, "off_line": 0.05, "rank": 0.8}


def test_a_common_divisor_makes_a_line_whoever_it_belongs_to():
    found = line_readings(SETTINGS, family(0.9))
    line = named_reading(found, "line")
    assert line.x.max() == 1.0
    np.testing.assert_allclose(line.y, 0.9 * line.x, rtol=1e-12)
    np.testing.assert_allclose(found["line at random"].y, 0.0, atol=1e-12)
    for name in ("scatter", "scatter of exchanged"):
        assert found[name].y[0] == pytest.approx(0.0, abs=1e-9)
        assert found[name].reference[0] == 0.05
    assert found["scatter of half exchanged"].y[0] > 0.3
    # errors rise with the norms, so the loss foretells them where the norms are its own
    assert found["rank"].y[0] == pytest.approx(1.0)
    assert found["rank of exchanged"].y[0] < 0.8


def test_a_slope_of_one_leaves_no_gap_and_its_score_is_one():
    found = line_readings(SETTINGS, family(1.0))
    assert found["gap over range"].y[0] == pytest.approx(0.0, abs=1e-12)
    both = [line_readings({**SETTINGS, "replicate": k}, family(1.0 - 0.02 * k))["line"] for k in range(3)]
    result = score(Linear(), type(both[0]).concatenate(both))
    assert result.estimate == pytest.approx(0.98, abs=1e-9)


def test_what_is_off_a_line_and_how_ranks_agree():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    assert off_the_line(x, 3.0 - 2.0 * x) == pytest.approx(0.0, abs=1e-12)
    assert off_the_line(x, np.array([1.0, -1.0, -1.0, 1.0])) == pytest.approx(1.0)
    assert agreement(x, np.exp(x)) == pytest.approx(1.0)
    assert agreement(x, -(x**3)) == pytest.approx(-1.0)


def test_a_family_without_members_is_an_error():
    with pytest.raises(ValueError, match="only 4 of 8 classifiers came to zero training error"):
        require_members(4, 8)
    require_members(2, 2)


def test_gaps_of_largest_margins_fall_like_the_bound_on_random_labels(measured, averages):
    # far fewer examples than dimensions: nearly orthogonal, each of margin 1 / sqrt(n)
    found = measured(
        "D7b", dimension=500, random_n_examples=[4, 16], right_n_examples=[4], draws=4, replicates=2
    )
    mean, _ = averages(found)
    expected = [math.log(2.0) - math.log1p(math.exp(-1.0 / math.sqrt(n))) for n in (4, 16)]
    np.testing.assert_allclose(mean, expected, rtol=0.1)


def test_flows_leave_no_error_and_a_start_without_scale_is_no_start(measured):
    settings = {
        "n": 20,
        "dimension": 30,
        "shares": [0.0, 0.5, 1.0, 0.0, 0.0],
        "scales": [0.0, 0.0, 0.0, 1.0, 20.0],
    }
    line = measured("D8a", **settings)
    assert line.x.max() == 1.0
    assert np.all(line.x > 0.0)  # the loss is below chance: no example is wrong
    # the larger the start, the less is left of what training adds
    assert line.x[4] < line.x[3] <= line.x[0] + 1e-9


@pytest.mark.parametrize("name", ["D8a", "D8c"])
@pytest.mark.parametrize("source", ["simulation", "network"])
def test_equal_streams_give_equal_bits(measured, name, source):
    small = {"n": 20, "shares": [0.0, 0.5, 1.0, 0.0, 0.0], "scales": [1.0, 1.0, 1.0, 1.5, 2.0]}
    small |= {"dimension": 20} if source == "simulation" else SMALL_IMAGES
    first, second = (measured(name, **{"source": source, **small}) for _ in range(2))
    np.testing.assert_array_equal(first.y, second.y)
    np.testing.assert_array_equal(first.x, second.x)


def test_networks_on_random_labels_lose_all_that_training_achieves(experiment_of):
    unit = experiment_of("D7c", source="network").units("quick")[0]
    training = {"optimizer": "adam", "learning_rate": 0.01, "max_steps": 4000}
    sizes = {"right_n_examples": [20], "random_n_examples": [20, 40], "training": training}
    small = {name: value for name, value in SMALL_IMAGES.items() if name != "source"}
    found = normalized_families.measure_sizes({**unit, **small, **sizes}, np.random.default_rng(1))
    np.testing.assert_allclose(found["share lost at random"].y, 1.0, atol=0.05)
    assert np.all(found["plain gap at random"].y > math.log(10.0))
    assert 0.0 < found["share lost"].y[0] < 0.95


def test_sizes_beyond_the_images_are_an_error(measured):
    with pytest.raises(ValueError, match="images must be at most 6000"):
        measured("D7a", source="network", right_n_examples=[100, 5000])
    with pytest.raises(ValueError, match="images must be at most 6000"):
        measured("D8a", source="network", n=4500)


def test_networks_out_of_steps_are_an_error(measured):
    training = {"optimizer": "adam", "max_steps": 1, "pretraining_steps": 1}
    with pytest.raises(ValueError, match="only 0 of 8 classifiers"):
        measured("D8a", n=50, training=training, **SMALL_IMAGES)
    with pytest.raises(ValueError, match="none of 3 networks came to the loss"):
        measured("D7a", training={"optimizer": "adam", "max_steps": 1}, **SMALL_IMAGES)


def test_flows_out_of_time_are_an_error(measured, monkeypatch):
    monkeypatch.setattr(normalized_linear, "_LATEST", -5.0)
    with pytest.raises(ValueError, match="flows must come to a loss"):
        measured("D8a", n=20, dimension=20)


def test_all_networks_of_the_claims_share_their_work(experiment_of):
    for names, work in (
        (("D7a", "D7b", "D7c"), normalized_families.NETWORK_SIZES),
        (("D8a", "D8b", "D8c", "D8d", "D8e"), normalized_families.NETWORK_FAMILIES),
    ):
        for name in names:
            for role in ("claim", "control"):
                assert experiment_of(name, role, source="network").work is work
