"""Claims C1 to C3, C8 and C9 on deep tangent kernels: that each measures what it says it measures."""

from __future__ import annotations

import json
import math

import mpmath
import numpy as np
import pytest

from genlaws.paper_checks.claim import BUDGETS
from genlaws.paper_checks.claims import xiao_kernels, xiao_maps, xiao_predictor, xiao_spectra
from genlaws.theory import MeanField, asymptotic_spectrum
from genlaws.theory.two_points import two_point_kernels

CLAIMS = {claim.id: claim for module in (xiao_maps, xiao_spectra, xiao_predictor) for claim in module.CLAIMS}
TESTED = [(name, source) for name, claim in CLAIMS.items() for source in claim.experiments]
EXPECTED_WRONG = {"C2g", "C9a", "C9c"}
SMALL = {
    "replicate": 0,
    "data": "mnist5k",
    "device": "cpu",
    "inputs": ["images", "random"],
    "features": 6,
    "points": 5,
    "tested": 3,
    "equal_lengths": True,
    "centred_labels": True,
    "activation": "erf",
    "weight_variance": 1.5,
    "bias_variance": 0.18,
    "keep": 1.0,
    "width": None,
    "depths": [3, 6],
}


def erf_layer(covariance, tangent, weight_variance, bias_variance):
    # one layer of the recursions, written out for whole matrices
    stretched = 1.0 + 2.0 * np.diagonal(covariance)
    products = np.outer(stretched, stretched)
    slopes = 4.0 / np.pi / np.sqrt(products - 4.0 * covariance**2)
    after = weight_variance * 2.0 / np.pi * np.arcsin(2.0 * covariance / np.sqrt(products)) + bias_variance
    return after, after + weight_variance * slopes * tangent


def erf_kernels(inputs, depth, weight_variance=1.5, bias_variance=0.18):
    covariance = weight_variance * inputs @ inputs.T / inputs.shape[1] + bias_variance
    tangent = covariance
    for _ in range(depth - 1):
        covariance, tangent = erf_layer(covariance, tangent, weight_variance, bias_variance)
    return covariance, tangent


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_says_what_it_is_and_what_would_refute_it(name):
    for source in CLAIMS[name].experiments:
        claim = CLAIMS[name].as_tested_by(source)
        said = [claim.statement, claim.prediction, claim.falsifier, claim.where, claim.control.description]
        assert all(len(text) > 10 for text in said)
        assert len(set(said)) == len(said)
        assert claim.paper == "xiao"
        assert claim.band[0] < claim.predicted < claim.band[1]
        assert claim.control.expected == ("SUPPORTED" if name in EXPECTED_WRONG else "REFUTED")


@pytest.mark.parametrize("role", ["claim", "control"])
@pytest.mark.parametrize(("name", "source"), TESTED)
def test_units_grow_with_the_budget_and_travel_as_json(name, source, role):
    claim = CLAIMS[name].as_tested_by(source)
    experiment = (claim if role == "claim" else claim.control).experiments[source]
    units = [list(experiment.units(budget)) for budget in BUDGETS]
    assert [json.loads(json.dumps(group)) for group in units] == units
    assert [len(group) for group in units] == sorted(len(group) for group in units)
    assert len(units[0]) >= 4
    assert ("device" in units[0][0]) == (source == "network")


@pytest.mark.parametrize(("name", "source"), TESTED)
def test_what_is_measured_covers_what_must_be_covered(name, source):
    claim = CLAIMS[name].as_tested_by(source)
    for budget in BUDGETS:
        settings = claim.experiments[source].units(budget)[0]
        x = settings.get("weight_variances", settings.get("depths"))
        if name == "C8a":
            x = [m for m in xiao_kernels._POINT_NUMBERS if m <= settings["points"]]
        assert min(x) <= claim.x_range[0]
        assert max(x) >= claim.x_range[1]


def test_work_is_shared_by_all_claims_of_a_phase():
    shared = {
        name: CLAIMS[name].experiments["simulation"].units("quick")[0]
        for name in ("C1a", "C2a", "C2c", "C3a")
    }
    assert all(settings == shared["C1a"] for settings in shared.values())
    experiments = [CLAIMS[name].experiments["simulation"] for name in shared]
    assert {experiment.work.name for experiment in experiments} == {"tangent kernels by depth"}
    assert len({experiment.reading for experiment in experiments}) == len(experiments)


def test_points_take_turns_and_are_made_alike():
    for replicate, features in ((0, 784), (1, 6), (2, 784)):
        inputs, labels = xiao_kernels.drawn_points(
            {**SMALL, "replicate": replicate}, np.random.default_rng(replicate)
        )
        assert inputs.shape == (8, features)
        np.testing.assert_allclose(np.sum(inputs**2, axis=1), features)
        np.testing.assert_allclose(labels.mean(axis=0), 0.0, atol=1e-15)
    random = {**SMALL, "replicate": 1, "equal_lengths": False, "centred_labels": False}
    inputs, labels = xiao_kernels.drawn_points(random, np.random.default_rng(1))
    squares = np.sum(inputs**2, axis=1)
    assert squares.mean() == pytest.approx(6.0)
    assert squares.std() > 0.5
    np.testing.assert_array_equal(labels, np.sign(inputs[:5, :1]))
    images = {**SMALL, "centred_labels": False}
    np.testing.assert_array_equal(
        xiao_kernels.drawn_points(images, np.random.default_rng(2))[1].sum(axis=1), 1.0
    )
    with pytest.raises(ValueError, match="points and tested must be at most"):
        xiao_kernels.drawn_points({**SMALL, "points": 5999}, np.random.default_rng(0))


@pytest.mark.parametrize("variance", [1.5, 2.5])
@pytest.mark.parametrize("replicate", [0, 1])
def test_readings_are_those_of_the_recursions_written_out(replicate, variance):
    settings = {**SMALL, "replicate": replicate, "weight_variance": variance}
    found = xiao_kernels.measure_kernels(settings, np.random.default_rng(4))
    again = xiao_kernels.measure_kernels(settings, np.random.default_rng(4))
    assert {name: table.to_dict() for name, table in found.items()} == {
        name: table.to_dict() for name, table in again.items()
    }
    assert all(1 < len(table.y_label) <= 34 for table in found.values())
    inputs, labels = xiao_kernels.drawn_points(settings, np.random.default_rng(4))
    field = MeanField(weight_variance=variance, bias_variance=0.18)
    kernels = {depth: erf_kernels(inputs, depth, variance) for depth in (3, 6)}
    covariance, tangent = (k[:5, :5] for k in kernels[6])
    values = np.sort(np.linalg.eigvals(tangent).real)
    off = ~np.eye(5, dtype=bool)
    length = covariance[0, 0]
    across = kernels[6][1][5:, :5]
    predicted = across @ np.linalg.lstsq(tangent, labels, rcond=None)[0]
    expected = {
        "distance from c*": np.abs(covariance[off] / length - field.fixed_correlation).mean(),
        "condition number": values[-1] / values[0],
        "condition number less one": values[-1] / values[0] - 1.0,
        "other eigenvalues": values[:-1].mean(),
        "covariance's others": np.linalg.eigvalsh(covariance)[:-1].mean(),
        "others over chi": values[:-1].mean() / field.chi_1**6,
        "covariance's others over chi": np.linalg.eigvalsh(covariance)[:-1].mean() / field.chi_1**6,
        "others by layer": values[:-1].mean() / (6 * length),
        "mean predictor": np.linalg.norm(predicted) / np.sqrt(3) / (np.linalg.norm(labels) / np.sqrt(5)),
        "entries over the diagonal": tangent[off].mean() / tangent[0, 0],
        "entries less their limit": tangent[off].mean() / length - 2.0,
        "diagonal less its limit": tangent[0, 0] / length - 6.0,
        "largest less its limit": values[-1] / (5 * length) - (5 + 2) / 3 / 5 * 6,
    }
    limits = {"entries over the diagonal": 1.0}
    if variance < 2.0:
        expected |= {
            "largest eigenvalue": values[-1],
            "covariance's largest": np.linalg.eigvalsh(covariance)[-1],
        }
        limits |= dict.fromkeys(
            ("largest eigenvalue", "covariance's largest"), 5 * field.fixed_length / (1 - field.chi_1)
        )
    else:
        expected |= {"entries between points": tangent[off].mean(), "diagonal": tangent[0, 0]}
        share = field.fixed_correlation / (1 - field.chi_c)
        limits |= dict.fromkeys(("entries between points", "diagonal"), share * field.fixed_length)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name].x, [3.0, 6.0])
        assert found[name].y[1] == pytest.approx(value, rel=1e-9), name
        if name in limits:
            np.testing.assert_allclose(found[name].reference, limits[name])
        else:
            assert found[name].reference is None
    by_points = found["condition number by points"]
    np.testing.assert_array_equal(by_points.x, [4.0])
    few = np.linalg.eigvalsh(tangent[:4, :4])
    assert by_points.y[0] == pytest.approx(few[-1] / few[0], rel=1e-9)
    assert set(found) == {*expected, "condition number by points"}


def test_kernels_of_wide_networks_are_near_their_limit():
    settings = {**SMALL, "weight_variance": 2.0, "depths": [2, 4]}
    limit = xiao_kernels.measure_kernels(settings, np.random.default_rng(5))
    wide = xiao_kernels.measure_kernels({**settings, "width": 2000}, np.random.default_rng(5))
    assert set(wide) == set(limit)
    # entries scatter by some (depth / width)^(1/2), .045; what a few points predict elsewhere by more
    tolerances = {"condition number": 0.2, "other eigenvalues": 0.1, "covariance's others": 0.1}
    for name, tolerance in {**tolerances, "mean predictor": 0.4}.items():
        np.testing.assert_allclose(wide[name].y, limit[name].y, rtol=tolerance)
        assert not np.array_equal(wide[name].y, limit[name].y)


def test_partners_lie_on_either_side_of_the_fixed_correlation():
    field = MeanField(weight_variance=2.5, bias_variance=0.18)
    inputs = np.random.default_rng(6).standard_normal((9, 30))
    inputs *= math.sqrt(30.0) / np.linalg.norm(inputs, axis=1, keepdims=True)
    one, above, below = np.split(xiao_maps._either_side(inputs, field), 3)
    np.testing.assert_array_equal(one, inputs[:4])
    for partner, side in ((above, 0.15), (below, -0.15)):
        np.testing.assert_allclose(np.sum(partner**2, axis=1), 30.0)
        correlation = (2.5 * np.sum(one * partner, axis=1) / 30 + 0.18) / (2.5 + 0.18)
        np.testing.assert_allclose(correlation, field.fixed_correlation + side)


@pytest.mark.parametrize("variance", [1.5, 2.5])
def test_correlations_of_wide_layers_follow_the_map(variance):
    settings = {**SMALL, "points": 40, "tested": 0, "weight_variance": variance, "width": 2000}
    found = xiao_maps.measure_layer_correlations({**settings, "depths": [1, 2, 4]}, np.random.default_rng(7))
    field = MeanField(weight_variance=variance, bias_variance=0.18)
    inputs, _ = xiao_kernels.drawn_points({**settings, "width": None}, np.random.default_rng(7))
    expected = []
    for depth in (1, 2, 4):
        if variance > 2.0:
            one, above, below = np.split(xiao_maps._either_side(inputs, field), 3)
            covariance, _ = erf_kernels(np.concatenate([one, above, below]), depth, variance)
            count = len(one)
            correlation = covariance[:count] / covariance[0, 0]
            near, far = (np.diagonal(correlation, offset=count * k).mean() for k in (1, 2))
            expected.append(0.5 * (near - far))
        else:
            covariance, _ = erf_kernels(inputs, depth, variance)
            off = ~np.eye(len(inputs), dtype=bool)
            expected.append(1.0 - (covariance / covariance[0, 0])[off].mean())
    # scatter of a mean over pairs: some 1 / width^(1/2), .022, of 1 - c
    np.testing.assert_allclose(found.y, expected, rtol=0.1)
    np.testing.assert_array_equal(found.x, [1.0, 2.0, 4.0])
    again = xiao_maps.measure_layer_correlations({**settings, "depths": [1, 2, 4]}, np.random.default_rng(7))
    assert found.to_dict() == again.to_dict()


def test_rates_are_slopes_of_the_correlation_map():
    settings = {**SMALL, "weight_variances": [1.0, 2.5], "scales": [7.0, 14.0], "tested": 0}
    found = xiao_maps.measure_rates(settings, np.random.default_rng(8))
    for k, variance in enumerate(settings["weight_variances"]):
        field = MeanField(weight_variance=variance, bias_variance=0.18)
        at, step = min(field.fixed_correlation, 1.0 - 1e-5), 1e-5
        around = field.correlation_map([at + step, at - step])
        assert found.reference[k] == pytest.approx(-math.log(np.diff(around)[0] / (-2 * step)), rel=1e-4)
    np.testing.assert_allclose(found.y, found.reference, rtol=1e-3)
    early = xiao_maps.measure_rates({**settings, "scales": [0.1, 1.0]}, np.random.default_rng(8))
    assert np.abs(np.log(early.y / early.reference)).max() > 0.1


def test_the_condition_number_on_the_critical_line_is_that_of_the_table():
    m = np.array([4.0, 20.0, 64.0])
    field = MeanField(weight_variance=xiao_kernels.CRITICAL, bias_variance=xiao_kernels.BIAS_VARIANCE)
    table = [asymptotic_spectrum(field, [100], points=int(k)).condition_number[0] for k in m]
    np.testing.assert_allclose(xiao_spectra.critical_condition_number(m), table, rtol=1e-12)
    # a matrix with l on the diagonal and l / 3 elsewhere
    values = np.linalg.eigvalsh(np.full((20, 20), 1.0 / 3.0) + 2.0 / 3.0 * np.eye(20))
    assert xiao_spectra.critical_condition_number(np.array([20.0]))[0] == pytest.approx(
        values[-1] / values[0]
    )


def test_the_logarithm_on_the_critical_line_is_that_of_the_correlation_map():
    variance, bias = xiao_kernels.CRITICAL, xiao_kernels.BIAS_VARIANCE
    field = MeanField(weight_variance=variance, bias_variance=bias)
    q = field.fixed_length
    found = xiao_predictor.logarithmic_correction(q)

    def correlation(c):
        return (2 / mpmath.pi * variance * mpmath.asin(2 * q * c / (1 + 2 * q)) + bias) / q

    with mpmath.workdps(40):
        _, slope, bend, third = mpmath.taylor(correlation, 1, 3)
    assert float(slope) == pytest.approx(1.0, abs=1e-12)
    assert found == pytest.approx(float((1 - third / bend**2) / 3), rel=1e-9)
    # and that of the recursion itself, whose own corrections are ln l / l
    depths = np.array([4000, 8000])
    kernels = two_point_kernels(field, depths, correlation=0.3)
    excess = kernels.tangent_off_diagonal / q - depths / 3
    assert np.diff(excess)[0] / math.log(2.0) == pytest.approx(found, rel=2e-3)


def test_relu_has_the_logarithm_too():
    field = MeanField("relu", weight_variance=2.0, bias_variance=0.0)
    depths = np.array([4000, 8000])
    kernels = two_point_kernels(field, depths, correlation=0.3)
    excess = kernels.tangent_off_diagonal / field.fixed_length - depths / 4
    assert np.diff(excess)[0] / math.log(2.0) == pytest.approx(3 / 8, rel=0.02)
