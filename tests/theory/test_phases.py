"""The phase diagram against the depth scales it is made of, and the range of weight variances against it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genlaws.theory import MeanField, PhasePoint, generalizing_weight_variances, phase_diagram


def point(weight_variance, **more):
    return PhasePoint(MeanField("erf", weight_variance=weight_variance, bias_variance=0.18), **more)


@pytest.mark.parametrize(
    ("weight_variance", "trains", "generalizes"),
    # 8 times 12.5 and 3.33, the depth scales of the paper's reference table, and one layer for the readout
    [(1.5, 98, math.inf), (2.5, math.inf, 25)],
)
def test_depth_limits_are_multiples_of_the_depth_scales(weight_variance, trains, generalizes):
    found = point(weight_variance)
    assert found.trainable_hidden_layers == trains
    assert found.generalizing_hidden_layers == generalizes


def test_what_does_not_train_does_not_generalize():
    for hidden_layers, fine in ((23, True), (24, False)):
        assert point(1.0).trains(hidden_layers) == point(1.0).generalizes(hidden_layers) == fine
    assert point(3.0).trains(10_000)
    assert point(3.0).generalizes(17)
    assert not point(3.0).generalizes(18)


def test_other_multiples_move_the_limits():
    assert point(1.5, scales=4.0).trainable_hidden_layers == 48
    with pytest.raises(ValueError, match="scales must be"):
        point(1.5, scales=0.0)


def test_a_diagram_goes_by_increasing_weight_variance():
    found = phase_diagram("erf", bias_variance=0.18, weight_variances=[2.5, 1.0, 1.7])
    assert [p.mean_field.weight_variance for p in found.points] == [1.0, 1.7, 2.5]
    assert found.critical_weight_variance == pytest.approx(1.7476, abs=5e-5)
    made = found.to_dict()
    assert made["scales"] == 8.0
    assert [p["phase"] for p in made["points"]] == ["ordered", "ordered", "chaotic"]
    with pytest.raises(ValueError, match="must not be empty"):
        phase_diagram("erf", bias_variance=0.18, weight_variances=[])


@given(hidden_layers=st.integers(3, 500), scales=st.floats(1.0, 20.0))
def test_networks_between_the_weight_variances_generalize_and_others_do_not(hidden_layers, scales):
    low, high = generalizing_weight_variances(
        "erf", bias_variance=0.18, hidden_layers=hidden_layers, scales=scales
    )
    assert 0.0 <= low < 1.7476 < high
    for end, inwards in ((low, 1.0 + 1e-6), (high, 1.0 - 1e-6)):
        if 0.0 < end < math.inf:
            assert point(end * inwards, scales=scales).generalizes(hidden_layers)
            assert not point(end / inwards, scales=scales).generalizes(hidden_layers)


def test_one_layer_loses_nothing_of_a_signal_that_lasts_sixty_scales():
    found = generalizing_weight_variances("erf", bias_variance=0.18, hidden_layers=1, scales=60.0)
    assert found == (0.0, math.inf)


def test_bad_depths_and_activations_are_named():
    with pytest.raises(ValueError, match="hidden_layers"):
        generalizing_weight_variances("erf", bias_variance=0.18, hidden_layers=0)
    with pytest.raises(ValueError, match="no weight variance is critical"):
        generalizing_weight_variances("relu", bias_variance=0.18, hidden_layers=10)
