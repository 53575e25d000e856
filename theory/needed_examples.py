"""How many examples a learning curve takes to come down to a wanted error: the curve, read backwards."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from .argument_checks import number_of_examples, probability
from .counts import CountErrorDensity
from .curve_bands import CurveBand, learning_curve_band
from .error_density import ErrorDensity

FloatArray = NDArray[np.float64]

_LARGEST = 1e15
_LARGEST_OF_A_FORMULA = 1e300


def examples_until(curve: Callable[[float], float], error: float, *, largest: float = _LARGEST) -> float:
    """Number of examples at which a curve that does not rise first is at most a wanted error.

    Parameters
    ----------
    curve : callable
        Error at a real number of examples in [0, `largest`].
    error : float
        In [0, 1].
    largest : float, optional
        Where to give up.

    Returns
    -------
    float
        To 1e-12 of itself; 0 if the curve starts there, ``inf`` if it is still above at `largest`.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> round(examples_until(lambda n: 2.0 / (7.0 + n), 0.01), 6)
    193.0
    """
    wanted = float(probability("error", error))
    end = float(number_of_examples(largest, name="largest"))
    if curve(0.0) <= wanted:
        return 0.0
    low, high = 0.0, min(1.0, end)
    while curve(high) > wanted:
        if high >= end:
            return math.inf
        low, high = high, min(4.0 * high, end)
    # in ln(1 + n), where a curve over many decades is smooth
    place = optimize.brentq(
        lambda x: curve(min(math.expm1(x), end)) - wanted,
        math.log1p(low),
        math.log1p(high),
        xtol=1e-14,
        rtol=1e-14,
    )
    return min(math.expm1(place), end)


def _whole_examples(density: CountErrorDensity, error: float) -> float:
    """First whole number at which the curve of counts is at most `error`, which is seen from its ends."""
    low, high = 0, int(_largest_n(density))
    if density.mean_given_zero_errors(0) <= error:
        return 0.0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if density.mean_given_zero_errors(middle) <= error else (middle, high)
    return float(high)


def _largest_n(density: ErrorDensity) -> float:
    largest = float(getattr(density, "largest_n", math.inf))
    if isinstance(density, CountErrorDensity):  # one held-out example must be left to err on
        return min(int(largest), density.held_out - density.examples - 1)
    return min(largest, _LARGEST_OF_A_FORMULA)


def _needed(density: ErrorDensity, error: float) -> float:
    largest = _largest_n(density)
    if largest < _LARGEST_OF_A_FORMULA:
        lowest = float(density.mean_given_zero_errors(largest))
        if error < lowest:
            raise ValueError(
                f"error must be at least {lowest:.4g}, the lowest that this measured density supports "
                f"(at {largest:.6g} examples), got {error:g}"
            )
    elif error <= density.minimum and float(density.mean_given_zero_errors(0.0)) > error:
        return math.inf
    if isinstance(density, CountErrorDensity):
        return _whole_examples(density, error)
    return examples_until(lambda n: float(density.mean_given_zero_errors(n)), error, largest=largest)


def examples_needed(density: ErrorDensity, error: ArrayLike) -> FloatArray:
    """Number of examples at which the annealed learning curve comes down to a wanted error.

    Parameters
    ----------
    density : ErrorDensity
        Q(E) over the set of classifiers.
    error : array_like
        Wanted mean errors, in [0, 1].

    Returns
    -------
    ndarray
        Real numbers of examples, to 1e-10 of themselves (whole ones for `CountErrorDensity`): 0 where the
        mean error is as low before any example, ``inf`` where the curve never comes down, because no
        classifier is better than the wanted error. A NumPy float for a scalar.

    Raises
    ------
    ValueError
        If `error` is outside [0, 1], or below what a measured density supports (its `largest_n`).

    Notes
    -----
    The curve 1 - Z_{n+1}/Z_n does not rise with n (ln Z_n is convex), so it comes down once.

    Examples
    --------
    >>> from genlaws.theory import BetaErrorDensity
    >>> examples_needed(BetaErrorDensity(2, 5), [0.3, 0.1, 0.01]).round(6)
    array([  0.,  13., 193.])
    """
    wanted = probability("error", error)
    found = [_needed(density, float(value)) for value in wanted.ravel()]
    return np.asarray(np.array(found).reshape(wanted.shape))[()]


def examples_needed_band(
    errors: ArrayLike, error: float, *, held_out: int | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Range of the number of examples that a wanted error takes, from a sample of classifiers.

    Parameters
    ----------
    errors, held_out, confidence
        As in `learning_curve_band`; the range holds together with that band.
    error : float
        Wanted mean error, in [0, 1].

    Returns
    -------
    low, high : float
        Where the band's low and its high end come down to `error`; ``inf`` where it is not known to come
        down at all. Whole numbers with `held_out`.

    Raises
    ------
    ValueError
        If an argument is out of its range, or there is no error.

    Examples
    --------
    >>> errors = np.random.default_rng(0).beta(2.0, 5.0, 10_000)
    >>> [round(n, 1) for n in examples_needed_band(errors, 0.15)]  # the density itself takes 6.3
    [5.6, 7.4]
    """
    if held_out is None:

        def at(n: float) -> CurveBand:
            return learning_curve_band(errors, n=n, confidence=confidence)

        return (
            examples_until(lambda n: float(at(n).low[0]), error),
            examples_until(lambda n: float(at(n).high[0]), error),
        )
    n = np.arange(held_out, dtype=np.float64)
    band = learning_curve_band(errors, n=n, held_out=held_out, confidence=confidence)
    first = [n[end <= error] for end in (band.low, band.high)]
    low, high = (float(sizes[0]) if len(sizes) else math.inf for sizes in first)
    return low, high
