"""What learning curves tend to, from the left edge or from the bulk of the error density alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import number_of_examples, positive, support

FloatArray = NDArray[np.float64]


def power_edge_asymptote(n: ArrayLike, *, exponent: float, minimum: float = 0.0) -> FloatArray:
    """<E>_n ~ minimum + k (1 - minimum)/n for Q ~ (E - minimum)^(k-1) at the edge.

    Valid for n so large that k (1 - minimum)/n lies inside the range where Q is a pure power; the next term
    is of relative order k/n. [derived]; for minimum 0 and a Beta edge it is the large-n form of a/(a+b+n).

    Parameters
    ----------
    n : array_like
        Numbers of examples, above 0.
    exponent : float
        Edge exponent k > 0; dimension - 1 for the spherical perceptron.
    minimum : float, optional
        E_min in [0, 1).

    Returns
    -------
    ndarray
        Errors (above 1 where n is too small); a NumPy float for a scalar.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    support(minimum)
    return np.asarray(minimum + positive("exponent", exponent) * (1 - minimum) / positive("n", n))[()]


def isolated_best_asymptote(
    n: ArrayLike, *, gap: float, mass_ratio: float = 1.0, minimum: float = 0.0
) -> FloatArray:
    """<E>_n ~ minimum + gap mass_ratio ((1-minimum-gap)/(1-minimum))^n for an isolated best classifier.

    Valid where mass_ratio exp(-rate n) << 1, and where the third lowest error no longer counts. [derived]

    Parameters
    ----------
    n : array_like
        Numbers of examples, at least 0.
    gap : float
        Distance of the next error from the lowest, 0 < gap <= 1 - minimum.
    mass_ratio : float, optional
        Mass at the next error over that at the lowest, positive.
    minimum : float, optional
        E_min in [0, 1).

    Returns
    -------
    ndarray
        Errors; a NumPy float for a scalar.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    support(minimum)
    if not 0 < gap <= 1 - minimum:
        raise ValueError(f"gap must be in (0, {1 - minimum}], got {gap}")
    n_, ratio = number_of_examples(n), float(positive("mass_ratio", mass_ratio))
    if gap == 1 - minimum:
        return np.asarray(minimum + gap * ratio * (n_ == 0))[()]
    return np.asarray(minimum + gap * ratio * np.exp(n_ * np.log1p(-gap / (1 - minimum))))[()]


def exponential_edge_asymptote(n: ArrayLike, *, rate: float, minimum: float = 0.0) -> FloatArray:
    """<E>_n ~ minimum + 1/( n/(1-minimum) - rate ) for Q ~ exp(rate (E - minimum)) at the edge.

    Valid where n/(1-minimum) exceeds the rate by so much that the value lies well inside the exponential
    range; below that the bulk of Q decides and the curve stands on a plateau. [derived]

    Parameters
    ----------
    n : array_like
        Numbers of examples, at least 0.
    rate : float
        Growth of ln Q per unit of error at the edge, finite.
    minimum : float, optional
        E_min in [0, 1).

    Returns
    -------
    ndarray
        Errors, NaN where n/(1-minimum) <= rate; a NumPy float for a scalar.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    support(minimum)
    if not np.isfinite(rate):
        raise ValueError(f"rate must be finite, got {rate}")
    pull = number_of_examples(n) / (1 - minimum) - rate
    return np.asarray(minimum + 1 / np.where(pull > 0, pull, np.nan))[()]


def gaussian_bulk_asymptote(n: ArrayLike, *, location: float, scale: float) -> FloatArray:
    """<E>_n ~ location - n scale^2/(1 - location) for a bulk of Gaussian shape: the linear initial decrease.

    Valid while n scale^2 << location (1 - location), before the edge is felt. [derived]

    Parameters
    ----------
    n : array_like
        Numbers of examples, at least 0.
    location, scale : float
        Mean in (0, 1) and standard deviation > 0 of the bulk.

    Returns
    -------
    ndarray
        Errors (below 0 where n is too large); a NumPy float for a scalar.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    if not 0 < location < 1:
        raise ValueError(f"location must be in (0, 1), got {location}")
    variance = float(positive("scale", scale)) ** 2
    return np.asarray(location - number_of_examples(n) * variance / (1 - location))[()]
