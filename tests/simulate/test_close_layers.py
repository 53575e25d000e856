"""Steps between close points against many digits: gaps stay right to rounding of themselves."""

import numpy as np
import pytest

from genlaws.simulate.close_layers import are_close, erf_gaps, relu_gaps, turn_over

mpmath = pytest.importorskip("mpmath")
WEIGHT = 1.5
SIZES = np.logspace(-14, -1.3, 25)
APART = {"equal": 0.0 * SIZES, "as far as the gap": SIZES, "as its root": 0.9 * np.sqrt(SIZES)}


def erf_maps(first, other, both):
    area = (1 + 2 * first) * (1 + 2 * other)
    slope = 4 / mpmath.pi / mpmath.sqrt(area - 4 * both**2)
    return 2 / mpmath.pi * mpmath.asin(2 * both / mpmath.sqrt(area)), slope


def relu_maps(first, other, both):
    size = mpmath.sqrt(first * other)
    angle = mpmath.acos(min(both / size, mpmath.mpf(1)))
    product = size * (mpmath.sin(angle) + (mpmath.pi - angle) * mpmath.cos(angle)) / (2 * mpmath.pi)
    return product, (mpmath.pi - angle) / (2 * mpmath.pi)


def exact_step(maps, gap, tangent_gap, variance, other, tangent, other_tangent):
    """Gaps after the layer, each from the three entries that it is made of."""
    values = (gap, tangent_gap, variance, other, tangent, other_tangent)
    gap, tangent_gap, variance, other, tangent, other_tangent = (mpmath.mpf(float(v)) for v in values)
    entries = []
    for first, second, both, theta in (
        (variance, variance, variance, tangent),
        (other, other, other, other_tangent),
        (variance, other, (variance + other) / 2 - gap, (tangent + other_tangent) / 2 - tangent_gap),
    ):
        product, slope = maps(first, second, both)
        entries.append((WEIGHT * product, WEIGHT * product + WEIGHT * slope * theta))
    return [float((entries[0][k] + entries[1][k]) / 2 - entries[2][k]) for k in (0, 1)]


@pytest.mark.parametrize(("step", "maps"), [(erf_gaps, erf_maps), (relu_gaps, relu_maps)])
@pytest.mark.parametrize("variance", [0.02, 1.0, 300.0])
@pytest.mark.parametrize("lengths", APART)
def test_gaps_are_right_to_rounding_of_themselves(step, maps, variance, lengths):
    gap = variance * SIZES
    # the gap of two points in one direction is (var u - var v)^2 / 8 var
    apart = APART[lengths]
    variances = variance * (1.0 + apart)
    tangent, tangents = 3.0 * variance, 3.0 * variance * (1.0 + 0.5 * apart)
    made, tangent_made, alone = gap.copy(), 2.0 * gap, gap.copy()
    step(made, tangent_made, variance, tangent, variances, tangents, WEIGHT)
    step(alone, np.empty(0), variance, tangent, variances, tangents, WEIGHT)
    np.testing.assert_allclose(alone, made, rtol=1e-14)
    # of terms as large as what the lengths are apart, the gap is what they leave
    accuracy = 2e-15 * (1.0 + apart / SIZES)
    with mpmath.workdps(60):
        for k in range(len(gap)):
            own = variance, variances[k], tangent, tangents[k]
            expected = exact_step(maps, gap[k], 2.0 * gap[k], *own)
            np.testing.assert_allclose([made[k], tangent_made[k]], expected, rtol=accuracy[k])


def test_close_is_an_eighth_of_the_smaller_variance():
    variances = np.array([1.0, 0.8])
    # gaps of 0.1 and 0.09, below 0.125 and 0.1
    entries = np.array([0.9, 0.81])
    assert are_close(entries, False, 1.0, variances)
    assert not are_close(entries - np.array([0.0, 0.02]), False, 1.0, variances)
    gaps = entries.copy()
    turn_over(gaps, 1.0, variances)
    np.testing.assert_allclose(gaps, [0.1, 0.09])
    assert are_close(gaps, True, 1.0, variances)
    turn_over(gaps, 1.0, variances)
    np.testing.assert_allclose(gaps, entries)
