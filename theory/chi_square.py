"""A quadrature rule for averages over chi square variables that holds at any number of degrees of freedom."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def chi_square_rule(degrees: float) -> tuple[FloatArray, FloatArray]:
    """Values of chi^2 / degrees and their weights, which sum to 1, for smooth functions of its logarithm.

    The trapezoidal rule in the logarithm, where the density is analytic: exponentially accurate, and without
    the overflow that Gauss-Laguerre rules have at many degrees of freedom. `degrees` is positive and finite.
    """
    width = math.sqrt(2.0 / degrees)
    logs = np.arange(-(82.0 / degrees + 9.2 * width), 9.2 * width, width / 6.0)
    density = np.exp(0.5 * degrees * (logs - np.expm1(logs)))
    return np.exp(logs), density / density.sum()
