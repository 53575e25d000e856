"""Kernels of fully connected networks beside those of neural-tangents, where it is to be had."""

import numpy as np
import pytest

from genlaws.simulate import fully_connected_kernels

DEPTHS = (1, 2, 4, 9)
WEIGHT, BIAS, KEEP = 1.7, 0.2, 0.8

CODE = """
hidden = {"erf": stax.Erf, "relu": stax.Relu, "gelu": stax.Gelu}[str(given["activation"])]
weight, bias, keep = given["settings"]


def dense():
    return stax.Dense(8, W_std=float(weight) ** 0.5, b_std=float(bias) ** 0.5)


made = {}
for depth in given["depths"]:
    layers = [layer for _ in range(depth - 1) for layer in (dense(), hidden())]
    dropped = [stax.Dropout(float(keep))] if depth > 1 else []
    for name, between in (("whole", []), ("dropped", dropped)):
        kernel = stax.serial(*layers, *between, dense())[2]
        for other in (None, given["other"]):
            found = kernel(given["X"], other, ("nngp", "ntk"))
            place = f"{name} {depth} {other is None}"
            made["covariance " + place], made["tangent " + place] = found.nngp, found.ntk
"""


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["erf", "relu", "gelu"])
def test_fully_connected(activation, neural_tangents):
    rng = np.random.default_rng(0)
    X, other = rng.normal(size=(12, 7)), rng.normal(size=(5, 7))
    given = {"X": X, "other": other, "activation": activation, "depths": DEPTHS}
    expected = neural_tangents(CODE, settings=[WEIGHT, BIAS, KEEP], **given)
    for name, keep in (("whole", 1.0), ("dropped", KEEP)):
        for columns in (None, other):
            kernels = fully_connected_kernels(
                X,
                columns,
                activation=activation,
                depths=DEPTHS,
                weight_variance=WEIGHT,
                bias_variance=BIAS,
                keep=keep,
            )
            for depth, covariance, tangent in zip(DEPTHS, kernels.covariance, kernels.tangent, strict=True):
                place = f"{name} {depth} {columns is None}"
                np.testing.assert_allclose(covariance, expected[f"covariance {place}"], rtol=1e-11)
                np.testing.assert_allclose(tangent, expected[f"tangent {place}"], rtol=1e-11)
