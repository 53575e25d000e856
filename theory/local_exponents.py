"""Local exponents of a curve, and what they look like: another power, a logarithm, a crossover."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_LOG_TWO = float(np.log(2.0))
_LIKE = 0.05  # of a share by which numbers that should be equal may differ


def points(low: float, high: float) -> list[float]:
    """`low` and the round numbers (1, 2, 5 times powers of ten) up to `high`/2; ints if both are ints."""
    whole = isinstance(low, int) and isinstance(high, int)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    numbers = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    inside: list[float] = [low, *(x for x in numbers if low < x <= high / 2)]
    return [int(x) for x in inside if x == int(x)] if whole else inside


def local_exponent(log_curve: Callable[[float], float], x: float) -> float:
    """(ln f(2x) - ln f(x)) / ln 2: the exponent of f between x and 2x."""
    return (log_curve(2 * x) - log_curve(x)) / _LOG_TWO


def reading(x: FloatArray, exponents: FloatArray, predicted: float, tolerance: float) -> str:
    """What exponents over a range look like, for people to read.

    Parameters
    ----------
    x, exponents : ndarray, shape (points,)
        Ascending x, and the exponents between x and 2x.
    predicted, tolerance : float
        What they should be, and how near.
    """
    off = exponents - predicted
    if abs(off[-1]) <= tolerance:
        first = x[np.flatnonzero(np.abs(off) > tolerance)[-1] + 1]
        return f"within {tolerance:g} from x = {first:g} on: there the range may begin"
    half = slice(len(x) // 2, None)
    logs = np.log(x[half] * np.sqrt(2.0))
    powers = off[half] * logs
    fall = logs[-1] / logs[0]
    if fall > 1.1 and np.ptp(powers) <= _LIKE * np.abs(powers).max():
        return f"they come nearer as 1/ln x does: a factor (ln x)^{np.mean(powers):.2g} beside the power"
    last = exponents[-max(3, len(x) // 4) :]
    if np.ptp(last) <= tolerance * 0.5:
        return f"they settle, at {last[-1]:.3g}"
    rates = exponents[half] / x[half]
    if np.ptp(rates) <= _LIKE * np.abs(rates).max():
        return "they grow as x does: an exponential, not a power"
    return "they do not settle in this range"
