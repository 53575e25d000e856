"""Mean field against the numbers worked out for arXiv:1912.13053, and against what its maps must satisfy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from genlaws.theory import MeanField, critical_weight_variance, mean_predictor

# bias variance 0.18: weight variance, q*, chi_1, c*, chi_c, xi_1, xi_*
ERF = [
    (0.5, 0.3032, 0.4280, 1.0, 0.4280, 1.18, math.inf),
    (1.0, 0.5209, 0.7251, 1.0, 0.7251, 3.11, math.inf),
    (1.5, 0.8201, 0.9231, 1.0, 0.9231, 12.5, math.inf),
    (1.85, 1.0598, 1.0291, 0.9285, 0.9732, 34.9, 17.9),
    (2.0, 1.1676, 1.0694, 0.8371, 0.9424, 14.9, 7.91),
    (2.5, 1.5422, 1.1888, 0.6163, 0.8805, 5.78, 3.33),
    (3.0, 1.9338, 1.2924, 0.4769, 0.8480, 3.90, 2.37),
]


def erf_network(weight_variance, bias_variance=0.18, keep=1.0):
    return MeanField("erf", weight_variance=weight_variance, bias_variance=bias_variance, keep=keep)


@pytest.mark.parametrize(("weight_variance", "q", "chi_1", "c", "chi_c", "xi_1", "xi"), ERF)
def test_reference_numbers_of_erf(weight_variance, q, chi_1, c, chi_c, xi_1, xi):
    field = erf_network(weight_variance)
    found = (field.fixed_length, field.chi_1, field.fixed_correlation, field.chi_c)
    np.testing.assert_allclose(found, (q, chi_1, c, chi_c), atol=5.1e-5)
    np.testing.assert_allclose((field.trainability_depth, field.generalization_depth), (xi_1, xi), rtol=5e-3)
    assert field.phase == ("ordered" if weight_variance < 1.7 else "chaotic")


@pytest.mark.parametrize(("bias_variance", "expected"), [(0.18, 1.7476), (0.05, 1.3758)])
def test_critical_line_of_erf(bias_variance, expected):
    found = critical_weight_variance("erf", bias_variance=bias_variance)
    assert found == pytest.approx(expected, abs=5e-5)
    field = erf_network(found, bias_variance)
    assert field.phase == "critical"
    assert field.fixed_correlation == 1.0
    assert field.trainability_depth == field.generalization_depth == math.inf


def test_critical_line_of_tanh_is_where_the_literature_puts_it():
    # 1.76 stands in the notebook of arXiv:1912.13053 beside networks of erf; it is that of tanh
    for activation in ("tanh", lambda u: np.tanh(u)):
        assert critical_weight_variance(activation, bias_variance=0.05) == pytest.approx(1.76, abs=5e-3)


def test_critical_line_of_gelu_needs_biases():
    found = critical_weight_variance("gelu", bias_variance=0.25)
    assert MeanField("gelu", weight_variance=found, bias_variance=0.25).phase == "critical"
    assert MeanField("gelu", weight_variance=found + 1e-3, bias_variance=0.25).fixed_correlation < 1.0
    with pytest.raises(ValueError, match="lengths do not stay"):
        critical_weight_variance("gelu", bias_variance=0.05)


def test_without_biases_the_critical_line_is_where_small_signals_keep_their_size():
    assert critical_weight_variance("erf", bias_variance=0.0) == pytest.approx(math.pi / 4, rel=1e-11)
    assert critical_weight_variance("tanh", bias_variance=0.0) == pytest.approx(1.0, rel=1e-9)
    assert critical_weight_variance("relu", bias_variance=0.0) == 2.0


@pytest.mark.parametrize("off", [1e-10, 1e-8, 1e-6, 1e-4])
def test_scales_beside_the_critical_line(off):
    critical = critical_weight_variance("erf", bias_variance=0.18)
    above, below = erf_network(critical + off), erf_network(critical - off)
    # to first order 1 - c* = 2 (chi_1 - 1) / C''(1) and chi_1 - chi_c is twice chi_1 - 1; both decay alike
    step = 1e-4
    curvature = (above.gap_map(2 * step) - 2 * above.gap_map(step)) / -(step**2)
    tolerance = max(2e-3, 1e-13 / off)
    assert 1.0 - above.fixed_correlation == pytest.approx(2 * (above.chi_1 - 1) / curvature, rel=tolerance)
    assert above.generalization_depth == pytest.approx(0.5 * below.trainability_depth, rel=tolerance)
    assert above.phase == "chaotic"
    assert below.phase == "ordered"


def test_relu_has_no_chaotic_phase():
    critical = MeanField("relu", weight_variance=2.0, bias_variance=0.0)
    assert (critical.phase, critical.fixed_length, critical.chi_1) == ("critical", 1.0, 1.0)
    # one arc-cosine step: sqrt(1 - c^2) / pi + c (1 - arccos(c) / pi)
    c = np.array([-1.0, -0.4, 0.0, 0.7, 1.0])
    step = np.sqrt(1 - c**2) / np.pi + c * (1 - np.arccos(c) / np.pi)
    np.testing.assert_allclose(critical.correlation_map(c), step, atol=1e-15)
    ordered = MeanField("relu", weight_variance=1.5, bias_variance=0.1)
    assert ordered.fixed_length == pytest.approx(0.4, rel=1e-14)
    assert ordered.chi_1 == ordered.chi_c == 0.75
    assert ordered.fixed_correlation == 1.0


@pytest.mark.parametrize(
    ("activation", "weight_variance", "bias_variance", "ends"),
    [
        ("relu", 2.5, 0.0, "grow without bound"),
        ("relu", 2.0, 0.1, "grow without bound"),
        ("relu", 1.9, 0.0, "shrink to 0"),
        ("erf", 0.7, 0.0, "shrink to 0"),
    ],
)
def test_says_where_no_length_is_fixed(activation, weight_variance, bias_variance, ends):
    with pytest.raises(ValueError, match=f"no fixed length: .* {activation} network {ends}"):
        MeanField(activation, weight_variance=weight_variance, bias_variance=bias_variance)


def test_says_what_does_not_fit():
    with pytest.raises(ValueError, match="weight_variance must be finite and positive, got 0"):
        erf_network(0.0)
    with pytest.raises(ValueError, match="bias_variance must be finite and at least 0, got -1"):
        erf_network(1.0, -1.0)
    with pytest.raises(ValueError, match=r"keep must be in \(0, 1\], got 0"):
        erf_network(1.0, keep=0.0)
    with pytest.raises(ValueError, match="activation must be"):
        MeanField("swish", weight_variance=1.0, bias_variance=0.0)
    with pytest.raises(ValueError, match=r"c must be in \[-1, 1\], got 1.5"):
        erf_network(1.0).correlation_map([0.0, 1.5])
    with pytest.raises(ValueError, match="depth must be a whole number of at least 1, got 0"):
        erf_network(1.0).lengths(1.0, 0)
    with pytest.raises(ValueError, match="no weight variance is critical for relu"):
        critical_weight_variance("relu", bias_variance=0.1)


def test_generalization_depth_with_dropout_is_of_what_decays_against_what_stays():
    # in the chaotic phase chi_c against chi_1; in the ordered one against the diagonal, which stays
    chaotic, ordered = erf_network(2.5, keep=0.9), erf_network(1.2, keep=0.9)
    assert (chaotic.phase, ordered.phase) == ("chaotic", "ordered")
    rate = math.log(chaotic.chi_1) - math.log(chaotic.chi_c)
    assert chaotic.generalization_depth == pytest.approx(1.0 / rate, rel=1e-12)
    assert ordered.generalization_depth == pytest.approx(-1.0 / math.log(ordered.chi_c), rel=1e-12)
    # what the label of a near input makes falls so
    fall = np.diff(np.log(mean_predictor(ordered, [60, 61], near=0.5)))[0]
    assert fall - math.log(61 / 60) == pytest.approx(-1.0 / ordered.generalization_depth, rel=2e-2)


def test_a_wide_network_with_dropout_follows_the_maps():
    width, layers, draws, keep, cosine = 600, 6, 30, 0.8, 0.9
    field = erf_network(2.0, keep=keep)
    rng = np.random.default_rng(7)
    moments, gains = np.empty((draws, layers, 2)), np.empty(draws)
    for draw in range(draws):
        u = math.sqrt(field.fixed_length) * rng.standard_normal((2, width))
        u[1] = cosine * u[0] + math.sqrt(1.0 - cosine**2) * u[1]
        log_gain = 0.0
        for layer in range(layers):
            masks = (rng.random(u.shape) < keep) / keep
            weights = math.sqrt(field.weight_variance / width) * rng.standard_normal((width, width))
            # what a random gradient at the next layer makes of itself one layer back, for one input
            gradient = rng.standard_normal(width) @ weights.T
            slope = 2.0 / math.sqrt(math.pi) * np.exp(-(u[0] ** 2)) * masks[0]
            log_gain += math.log(np.mean((gradient * slope) ** 2)) / layers
            biases = math.sqrt(field.bias_variance) * rng.standard_normal(width)
            u = (special.erf(u) * masks) @ weights + biases
            moments[draw, layer] = np.mean(u[0] ** 2), np.mean(u[0] * u[1])
        gains[draw] = log_gain
    lengths, correlations = np.full(layers, field.fixed_length), field.correlations(cosine, layers + 1)[1:]
    expected = np.stack([lengths, lengths * correlations], axis=1)
    error = moments.std(axis=0, ddof=1) / math.sqrt(draws)
    assert np.all(error < 0.02 * expected[:, :1])
    assert np.all(np.abs(moments.mean(axis=0) - expected) < 4.0 * error)
    spread = gains.std(ddof=1) / math.sqrt(draws)
    assert spread < 0.02
    assert gains.mean() == pytest.approx(math.log(field.chi_1), abs=4.0 * spread + 5.0 / width)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["erf", "erf", "erf", "tanh"]),
    st.floats(0.3, 6.0),
    st.floats(0.01, 2.0),
    st.sampled_from([1.0, 0.95, 0.5]),
)
def test_what_every_fixed_point_satisfies(activation, weight_variance, bias_variance, keep):
    field = MeanField(activation, weight_variance=weight_variance, bias_variance=bias_variance, keep=keep)
    q, c = field.fixed_length, field.fixed_correlation
    assert field.length_map(q) == pytest.approx(q, rel=1e-13)
    assert field.correlation_map(c) == pytest.approx(c, abs=1e-13)
    # both attract: no layer leads further away
    lengths = np.abs(field.lengths([0.5 * q, 2.0 * q], 40) - q)
    assert np.all(np.diff(lengths, axis=0) <= 1e-12)
    correlations = np.abs(field.correlations([0.0, 0.999 * c], 40) - c)
    assert np.all(np.diff(correlations, axis=0) <= 1e-12)
    assert (c < 1.0) == (keep < 1.0 or field.phase == "chaotic")
    assert field.chi_c <= min(1.0, field.chi_1) + 1e-12
    # slopes of the map: chi_c at c*, chi_1 times keep at 1
    h = 1e-6
    slope = -np.diff(field.correlation_map([c, c - h]))[0] / h
    assert slope == pytest.approx(field.chi_c, rel=1e-4)
    edge = (field.correlation_map(1.0) - field.correlation_map(1.0 - h)) / h
    assert edge == pytest.approx(keep * field.chi_1, rel=1e-4)
    grid = field.correlation_map(np.linspace(-1.0, 1.0, 101))
    assert np.all(np.diff(grid) > 0.0)
