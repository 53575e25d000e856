"""Random weights to start gradient flows from."""

import numpy as np
import pytest

from genlaws.simulate import random_layers


def test_variance_is_that_of_the_fan_in():
    layers = random_layers([200, 300, 1], scale=2.0, rng=0)
    assert [layer.shape for layer in layers] == [(300, 200), (1, 300)]
    assert layers[0].var() * 200 == pytest.approx(4.0, rel=0.03)
    assert np.array_equal(layers[1], random_layers([200, 300, 1], scale=2.0, rng=0)[1])


@pytest.mark.parametrize(
    ("widths", "scale", "message"),
    [
        ([3], 1.0, "widths must be two or more"),
        ([3, 0], 1.0, "widths must be two or more"),
        ([3, 1.5], 1.0, "widths must be two or more"),
        ([3, 1], 0.0, "scale must be finite and positive, got 0.0"),
    ],
)
def test_wrong_arguments_are_named(widths, scale, message):
    with pytest.raises(ValueError, match=message):
        random_layers(widths, scale=scale)
