"""What claims read off networks long after zero training error, held to closed forms and to each other."""

from __future__ import annotations

import numpy as np
import pytest

from genlaws.paper_checks.claim_registry import all_claims
from genlaws.paper_checks.claims.image_families import image_task
from genlaws.paper_checks.claims.long_training import (
    END,
    LATE,
    LINEAR,
    LONG_TRAINING,
    RATES,
    _share_falling,
    measure_long_training,
    measure_rates,
    trained,
    with_rates,
)
from genlaws.simulate import largest_margin
from genlaws.theory import max_margin_approach

SMALL = {"n_examples": 20, "tested_on": 50, "networks": 2}


def unit(experiment, **changes):
    return {**experiment["network"].units("quick")[0], **SMALL, **changes}


@pytest.fixture(scope="module")
def linear():
    settings = unit(trained(LINEAR, "loss"))
    return settings, measure_long_training(settings, np.random.default_rng(3))


@pytest.fixture(scope="module")
def approach():
    task = image_task({"data": "mnist5k", "task": "3-8"}, np.random.default_rng(3))
    rows = task.labels[:20, None] * task.inputs[:20]
    return max_margin_approach(rows[largest_margin(rows).support])


def test_the_loss_of_linear_classifiers_is_that_of_late_times(linear, approach):
    # of the mean loss: -ln loss - ln t tends to 2 ln gamma
    _, readings = linear
    np.testing.assert_allclose(readings["loss"].y, 2.0 * np.log(approach.margin), atol=0.02)
    np.testing.assert_allclose(readings["time times loss"].y, -readings["loss"].y)


def test_the_margin_gap_is_that_which_duals_foretell(linear, approach):
    _, readings = linear
    gap = readings["margin gap"]
    late = gap.x > 500.0
    # ln t of the summed loss is smaller by ln(examples)
    foretold = approach.margin_gap(gap.x - np.log(20))
    np.testing.assert_allclose(gap.y[late], foretold[late], rtol=0.2)
    assert (readings["across"].y <= readings["angle"].y).all()
    norms = readings["last norm"]
    np.testing.assert_allclose(norms.y[-1], approach.norm(END - np.log(20)), rtol=1e-2)


def test_x_is_the_same_in_every_unit_and_covers_the_range(linear):
    settings, readings = linear
    for name, reading in readings.items():
        if reading.x_label == "ln t":
            assert reading.x[0] == pytest.approx(LATE), name
            assert reading.x[-1] == pytest.approx(END), name
        assert reading.settings == settings


def test_equal_seeds_give_equal_bits(linear):
    settings, readings = linear
    again = measure_long_training(settings, np.random.default_rng(3))
    for name, reading in readings.items():
        np.testing.assert_array_equal(reading.y, again[name].y)


def test_falls_are_counted_by_network_and_where_they_count():
    values = np.array([[1.0, 2.0, 1.9, 3.0], [1.0, 2.0, 1.9999, 3.0], [3.0, 1.0, 2.0, 2.0]])
    counted = np.ones_like(values, dtype=bool)
    assert _share_falling(values, counted) == pytest.approx(2.0 / 3.0)
    counted[2, 0] = False
    assert _share_falling(values, counted) == pytest.approx(1.0 / 3.0)


def test_margins_depend_on_the_loss_reached_and_not_on_the_rate():
    settings = unit(with_rates("same steps"), arch="fc:1x16", at_steps=[30, 100])
    readings = measure_rates(settings, np.random.default_rng(1))
    same_loss, same_steps = readings["same loss"], readings["same steps"]
    np.testing.assert_allclose(same_loss.y, same_loss.reference, rtol=0.3)
    assert (same_steps.y > 2.0 * same_steps.reference).all()
    again = measure_rates(settings, np.random.default_rng(1))
    np.testing.assert_array_equal(again["same steps"].y, same_steps.y)


def test_what_cannot_be_measured_is_said():
    with pytest.raises(ValueError, match="n_examples and tested_on together must be at most"):
        measure_long_training(unit(trained(LINEAR, "loss"), n_examples=5000), np.random.default_rng(0))
    with pytest.raises(ValueError, match="10 steps took 0 of 2 networks to the end"):
        measure_long_training(unit(trained(LINEAR, "loss"), max_steps=10), np.random.default_rng(0))


def test_every_reading_that_claims_ask_for_is_there(linear):
    _, readings = linear
    asked = set()
    for claim in all_claims():
        for source in claim.experiments:
            tested = claim.as_tested_by(source)
            for experiment in (tested.experiments[source], tested.control.experiments[source]):
                if getattr(experiment, "work", None) in (LONG_TRAINING, RATES):
                    asked.add(experiment.reading)
    assert asked <= {*readings, "growth", "same steps", "same loss"}
    assert len(asked) > 15
