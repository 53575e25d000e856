"""The arcsine in arithmetic that loops can be vectorized with, and what else compiled layers share."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Sums and products may be fused, no more: what is compared and divided stays as it is written.
FUSED = {"contract"}

# (arcsin(x) / x - 1) / x^2 as a polynomial of x^2 in [0, 1/2], lowest power first, through Chebyshev points:
# the arcsine made of it is off by 1e-16 of itself.
_ARCSINE = (
    0.1666666666666666,
    0.07500000000008983,
    0.04464285712358516,
    0.030381946078023858,
    0.022372086303686842,
    0.017354730668996843,
    0.013929824301362788,
    0.011985559032731258,
    0.0058919623838489124,
    0.033823977477227554,
    -0.1174784139555458,
    0.46581061083892006,
    -1.258681300394588,
    2.573508064401593,
    -3.7415993002001366,
    3.7316474816315224,
    -2.277990489441633,
    0.6629475548369097,
)


@njit(inline="always")
def arcsine(sine: float, rest: float, root: float) -> float:  # pragma: no cover - compiled
    """Arcsine of a sine, given 1 - sine^2 and the root of that."""
    # Every choice is between two numbers at hand, and nothing loops, so that loops over it are vectorized.
    square = sine * sine
    far = square > 0.5
    z = rest if far else square
    x = root if far else abs(sine)
    z2 = z * z
    z4 = z2 * z2
    c = _ARCSINE
    low = (c[0] + c[1] * z) + (c[2] + c[3] * z) * z2 + ((c[4] + c[5] * z) + (c[6] + c[7] * z) * z2) * z4
    high = (
        (c[8] + c[9] * z) + (c[10] + c[11] * z) * z2 + ((c[12] + c[13] * z) + (c[14] + c[15] * z) * z2) * z4
    )
    z8 = z4 * z4
    angle = x + x * z * (low + (high + (c[16] + c[17] * z) * z8) * z8)
    angle = 0.5 * math.pi - angle if far else angle
    return -angle if sine < 0.0 else angle
