"""Random-feature regression: closed forms for special spectra, limits, and what an ensemble gains."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from genlaws.theory import effective_ridge, random_feature_prediction, student_mean_cdf

RNG = np.random.default_rng(3)
ROOT = RNG.standard_normal((30, 40)) / np.sqrt(40)
KERNEL, TARGETS, LABELS = ROOT @ ROOT.T, RNG.choice([-1.0, 1.0], 12), RNG.choice([-1.0, 1.0], 18)


def predict(features, ridge=0.0):
    return random_feature_prediction(KERNEL, TARGETS, features, ridge=ridge)


def test_effective_ridge_of_a_flat_spectrum_is_the_root_of_a_square():
    # kappa^2 + kappa (1 - ridge - 1/g) - ridge = 0 with g = P/n, eigenvalues 1
    for features, ridge in ((50, 0.1), (300, 2.0), (100, 1e-6)):
        b = 1.0 - ridge - 100 / features
        known = 0.5 * (-b + math.sqrt(b * b + 4.0 * ridge))
        assert effective_ridge(np.ones(100), features, ridge=ridge) == pytest.approx(known, rel=1e-9)
    assert effective_ridge(np.ones(100), 25) == pytest.approx(3.0)
    assert effective_ridge(np.ones(100), 100) == 0.0


def test_effective_ridge_solves_its_equation_and_falls_to_the_plain_one():
    spectrum = np.arange(1.0, 61.0) ** -2.0
    ridges = [effective_ridge(spectrum, P, ridge=1e-3) for P in (5, 20, 60, 200, 10**6)]
    for P, kappa in zip((5, 20, 60, 200), ridges, strict=False):
        assert kappa == pytest.approx(1e-3 + kappa / P * (spectrum / (spectrum + kappa)).sum(), rel=1e-9)
    assert np.all(np.diff(ridges) < 0.0)
    assert ridges[-1] == pytest.approx(1e-3, rel=1e-4)
    kappa = effective_ridge(spectrum, 20)
    assert (spectrum / (spectrum + kappa)).sum() == pytest.approx(20.0)


def test_enough_features_predict_what_the_kernel_predicts():
    inverse = np.linalg.inv(KERNEL[:12, :12])
    for features in (12, 13, 400):
        np.testing.assert_allclose(predict(features).mean, KERNEL[12:, :12] @ inverse @ TARGETS, atol=1e-9)
    ridged = np.linalg.solve(KERNEL[:12, :12] + 0.3 * np.eye(12), TARGETS)
    np.testing.assert_allclose(predict(10**9, 0.3).mean, KERNEL[12:, :12] @ ridged, atol=1e-6)


def test_variance_is_the_posterior_one_over_features_to_spare():
    inverse = np.linalg.inv(KERNEL[:12, :12])
    posterior = np.diag(KERNEL)[12:] - np.einsum("ij,jk,ik->i", KERNEL[12:, :12], inverse, KERNEL[12:, :12])
    energy = TARGETS @ inverse @ TARGETS
    for features in (14, 20, 5000):
        np.testing.assert_allclose(
            predict(features).variance, posterior * energy / (features - 13), rtol=1e-9
        )
    assert np.all(np.isinf(predict(13).variance))
    assert predict(50).squared_norm(4) == pytest.approx(
        (predict(50).mean ** 2).mean() + posterior.mean() * energy / 37 / 4
    )
    assert predict(12).squared_norm(math.inf) == pytest.approx((predict(12).mean ** 2).mean())


def test_a_vanishing_ridge_joins_the_exact_law():
    # the equivalent has P - n where the exact law has P - n - 1
    np.testing.assert_allclose(predict(112, 1e-9).variance * 100, predict(112).variance * 99, rtol=1e-5)


def test_fluctuation_falls_with_the_first_power_of_the_features():
    sizes = np.array([1000.0, 10000.0])
    fluctuation = [predict(int(P)).squared_fluctuation for P in sizes]
    assert np.log(fluctuation[1] / fluctuation[0]) / np.log(10.0) == pytest.approx(-1.0, abs=0.01)


def test_error_of_one_network_is_a_student_tail():
    found = predict(20)
    margins = LABELS * found.mean / found.scale
    assert found.classification_error(LABELS) == pytest.approx(stats.t(9).sf(margins).mean(), rel=1e-12)
    assert found.classification_error(LABELS, math.inf) == np.mean(LABELS * found.mean <= 0.0)


def test_ensembles_do_nothing_at_the_peak_and_tend_to_the_mean_past_it():
    peak = predict(12)  # Cauchy: any mean of draws is distributed like one
    assert peak.classification_error(LABELS, 7) == pytest.approx(peak.classification_error(LABELS), abs=1e-7)
    past = predict(400)
    errors = np.array([past.classification_error(LABELS, k) for k in (50, 100, 200, math.inf)])
    many = random_feature_prediction(KERNEL, TARGETS, 4 * 388 + 12)
    assert past.classification_error(LABELS, 4) == pytest.approx(many.classification_error(LABELS), abs=1e-3)
    assert np.all(np.abs(np.diff(errors)) < 0.03)


def test_student_means_that_have_closed_forms():
    x = np.array([-np.inf, -90.0, -3.0, -0.4, 0.0, 0.4, 7.0, 1e3])
    for size in (1, 2, 6, 20):
        np.testing.assert_allclose(student_mean_cdf(x, 1.0, size), stats.cauchy.cdf(x), atol=2e-7)
        np.testing.assert_allclose(student_mean_cdf(x, np.inf, size), stats.norm.cdf(x * math.sqrt(size)))
    # (t + t') / 2 with 3 degrees, by the convolution of their densities
    grid = np.linspace(-400.0, 400.0, 800001)
    for at in (-2.0, -0.7, 0.3):
        known = np.trapezoid(stats.t.pdf(grid, 3) * special.stdtr(3, 2.0 * at - grid), grid)
        assert student_mean_cdf(at, 3.0, 2) == pytest.approx(known, abs=1e-7)


def test_student_means_by_drawing():
    draws = np.random.default_rng(1).standard_t(5.0, (400_000, 4)).mean(axis=1)
    for at in (-1.5, -0.5, 0.2):
        share = np.mean(draws <= at)
        assert student_mean_cdf(at, 5.0, 4) == pytest.approx(share, abs=4.0 * 0.5 / math.sqrt(len(draws)))
    assert student_mean_cdf(-0.9, 1e7, 9) == pytest.approx(stats.norm.cdf(-2.7), abs=1e-7)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: effective_ridge([1.0, 0.0], 3), "eigenvalues must be finite and positive, got 0"),
        (lambda: effective_ridge([1.0], 0), "features must be a whole number of at least 1"),
        (lambda: effective_ridge([[1.0]], 1), "eigenvalues must have shape"),
        (lambda: predict(20, -1.0), "ridge must be finite and at least 0"),
        (lambda: random_feature_prediction(np.eye(3), [1, 1, 1], 4), "covariance must be square"),
        (lambda: random_feature_prediction(np.ones((3, 3)), [1, 1], 4), "positive definite"),
        (lambda: random_feature_prediction(np.eye(3) * np.nan, [1.0], 4), "finite"),
        (lambda: predict(20).classification_error([1.0]), "labels must be -1 or 1, one for each of 18"),
        (lambda: predict(20).classification_error(LABELS, 0), "networks"),
        (lambda: student_mean_cdf(np.nan, 2.0), "x must hold numbers"),
        (lambda: student_mean_cdf(0.0, -2.0), "degrees"),
        (lambda: student_mean_cdf(0.0, 2.0, 0), "size"),
    ],
)
def test_arguments_out_of_range(call, said):
    with pytest.raises(ValueError, match=said):
        call()
