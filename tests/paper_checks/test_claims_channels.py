"""Channels that fit a training set: the limits in which the answer is known."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits

SMALL = {"source": "network", "channels": [1, 2, 4], "networks": 2}


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def test_a_single_image_is_fitted_by_the_fewest_channels(measured):
    found = measured("B8g", n_examples=1, max_steps=100, **SMALL)
    assert found.y.tolist() == [0.0]
    assert found.settings["fitted"] == [True, True, True]


def test_without_training_none_is_enough(measured):
    found = measured("B8h", n_examples=20, max_steps=0, **SMALL)
    assert found.y.tolist() == [2.0]
    assert found.x.tolist() == [20.0]
    assert found.settings["fitted"] == [False, False, False]


def test_more_images_than_there_are_is_an_error(measured):
    with pytest.raises(ValueError, match="at most 6000, the points of mnist5k/digits, got 50000"):
        measured("B8g", n_examples=50_000, **SMALL)
