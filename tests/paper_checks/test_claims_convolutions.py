"""Claims on convolutional networks of Xiao et al.: that each measures what it says it measures."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from genlaws.paper_checks.claim import BUDGETS
from genlaws.paper_checks.claims import convolution_readings as readings
from genlaws.paper_checks.claims import xiao_convolutions, xiao_pooling
from genlaws.theory import MeanField

CLAIMS = {claim.id: claim for module in (xiao_convolutions, xiao_pooling) for claim in module.CLAIMS}
TESTED = [(name, source) for name, claim in CLAIMS.items() for source in claim.experiments]
EXPECTED_WRONG = {"C5e", "C5f"}
SMALL = {
    "replicate": 2,
    "inputs": "images",
    "data": "mnist5k",
    "boundary": "circular",
    "channels": 64,
    "points": 5,
    "tested": 3,
    "device": "cpu",
}


def one_of(name, source, role="claim"):
    claim = CLAIMS[name].as_tested_by(source)
    return (claim if role == "claim" else claim.control).experiments[source]


@pytest.mark.parametrize(("name", "source"), TESTED)
def test_a_claim_says_what_it_is_and_its_units_travel(name, source):
    claim = CLAIMS[name].as_tested_by(source)
    said = [claim.statement, claim.prediction, claim.falsifier, claim.where, claim.control.description]
    assert len(set(said)) == len(said)
    assert claim.control.expected == ("SUPPORTED" if name in EXPECTED_WRONG else "REFUTED")
    for role in ("claim", "control"):
        sizes = []
        for budget in BUDGETS:
            units = list(one_of(name, source, role).units(budget))
            assert json.loads(json.dumps(units)) == units
            assert [unit["replicate"] for unit in units] == list(range(len(units)))
            assert "data" in units[0]
            sizes.append(len(units))
            x = np.square(units[0]["sides"]) if "sides" in units[0] else units[0]["weight_variances"]
            if role == "claim":
                assert min(x) <= claim.x_range[0] < claim.x_range[1] <= max(x)
        assert sizes == sorted(sizes)
        assert sizes[0] >= 4


def test_means_over_blocks_by_hand():
    images = np.arange(2 * 1 * 5 * 7, dtype=float).reshape(2, 1, 5, 7)
    made = readings.block_means(images, 2)
    assert made.shape == (2, 1, 2, 2)
    # blocks of 2 x 2 from the middle 4 x 4, which begins at row 0 and column 1
    assert made[0, 0, 0, 0] == np.mean([1, 2, 8, 9])
    assert made[1, 0, 1, 1] == 35 + np.mean([17, 18, 24, 25])
    np.testing.assert_array_equal(readings.block_means(images[..., 1:6], 5), images[..., 1:6])
    with pytest.raises(ValueError, match="side must be at most 5, that of the images, got 6"):
        readings.block_means(images, 6)


@pytest.mark.parametrize("inputs", ["images", "textures", "plain"])
def test_images_have_one_length_and_labels_no_mean(inputs):
    images, labels = readings.drawn_images({**SMALL, "inputs": inputs}, 4, np.random.default_rng(0))
    assert images.shape == (8, 1 if inputs == "images" else 64, 4, 4)
    np.testing.assert_allclose(np.mean(images**2, axis=(1, 2, 3)), 1.0)
    assert len(labels) == 5
    np.testing.assert_allclose(labels.mean(axis=0), 0.0, atol=1e-15)
    assert labels.any()
    correlation = np.einsum("chw,cij->hwij", images[0], images[0])[0, 0, 1, 1] / images.shape[1]
    if inputs == "plain":
        assert correlation == pytest.approx(1.0)
    if inputs == "textures":
        # half of the variance is the colour's
        assert correlation == pytest.approx(0.5, abs=0.3)
    with pytest.raises(ValueError, match="points and tested must be at most"):
        readings.drawn_images({**SMALL, "points": 10**6}, 4, np.random.default_rng(0))


def test_condition_numbers_and_mean_predictors_by_hand():
    rng = np.random.default_rng(1)
    m, base, off = 6, 3.0, 0.7
    train = (base * np.eye(m) + off)[None]
    assert readings.condition_numbers(train) == pytest.approx((base + m * off) / base)
    labels = rng.standard_normal((m, 2))
    labels -= labels.mean(axis=0)
    deviations = rng.standard_normal((4, m))
    # what is the same for all test points is taken off
    found = readings.mean_predictors(train, (off + deviations)[None] + 5.0, labels)
    assert found == pytest.approx(np.sqrt(np.mean(np.var(deviations @ labels, axis=0))) / base)


@pytest.mark.parametrize(("measure", "scale"), [("training", "trainability"), ("generalization",) * 2])
def test_depth_scales_are_those_of_mean_field(measure, scale):
    variance = 1.0 if measure == "training" else 2.0
    settings = {**SMALL, "side": 4, "weight_variances": [variance], "multiples": [5.0, 9.0], "tested": 5}
    found = getattr(readings, f"measure_{measure}_scale")(settings, np.random.default_rng(2))
    mean_field = MeanField("erf", weight_variance=variance, bias_variance=readings.BIAS_VARIANCE)
    expected = getattr(mean_field, f"{scale}_depth")
    np.testing.assert_allclose(found.y, expected, rtol=0.1)
    np.testing.assert_allclose(found.reference, expected, rtol=0.1)
    bordered = getattr(readings, f"measure_{measure}_scale")(
        {**settings, "boundary": "zeros"}, np.random.default_rng(2)
    )
    np.testing.assert_array_equal(bordered.reference, found.reference)
    assert np.abs(np.log(bordered.y / bordered.reference)) > 0.15


def test_pooling_of_plain_images_changes_nothing():
    settings = {**SMALL, "inputs": "plain", "sides": [2, 3], "weight_variance": 1.5, "depth": 9}
    found = readings.measure_pooling(settings, np.random.default_rng(3))
    np.testing.assert_array_equal(found["condition number, pooled"].x, [4.0, 9.0])
    np.testing.assert_allclose(found["condition number, pooled over flattened"].y, 1.0, rtol=1e-8)
    gain = found["mean predictor, pooled against flattened"]
    np.testing.assert_allclose(gain.y, gain.reference, rtol=1e-8)
    np.testing.assert_allclose(
        found["mean predictor, pooled"].reference, gain.reference * np.array([4.0, 9.0])
    )


def test_pooled_kernels_on_the_critical_line_have_the_foretold_condition_number():
    settings = {
        **SMALL,
        "inputs": "textures",
        "sides": [3],
        "weight_variance": xiao_pooling.CRITICAL,
        "depth": 500,
    }
    found = readings.measure_pooling(settings, np.random.default_rng(4))
    pooled, flattened = (found[f"condition number, {head}"] for head in ("pooled", "flattened"))
    assert pooled.y == pytest.approx((5 * 9 + 2) / 2, rel=0.04)
    assert pooled.reference == (5 * 9 + 2) / 2
    assert flattened.y == pytest.approx((5 + 2) / 2, rel=0.04)
    excess = found["condition number less 1, pooled"]
    assert math.log(excess.y[0] / excess.reference[0]) == pytest.approx(0.0, abs=0.05)


def test_kernels_of_drawn_networks_are_near_their_limit():
    settings = {**SMALL, "sides": [3], "weight_variance": 1.0, "depth": 4}
    limit = readings.measure_pooling(settings, np.random.default_rng(5))
    drawn = {**settings, "width": 128, "draws": 8}
    finite = readings.measure_pooling(drawn, np.random.default_rng(5))
    for name, table in limit.items():
        np.testing.assert_allclose(finite[name].y, table.y, rtol=0.15)
    again = readings.measure_pooling(drawn, np.random.default_rng(5))
    assert all(again[name].to_dict() == table.to_dict() for name, table in finite.items())
