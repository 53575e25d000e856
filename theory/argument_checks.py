"""Argument checks shared by this room: each names the argument, its value and what is allowed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def _in_range(name: str, value: ArrayLike, ok: NDArray[np.bool_], allowed: str) -> None:
    if not np.all(ok):
        wrong = np.asarray(value, dtype=float)[~ok].flat[0]
        raise ValueError(f"{name} must be {allowed}, got {wrong}")


def number_of_examples(n: ArrayLike, *, name: str = "n") -> FloatArray:
    """`n` as a float array; any real number of examples from 0 to infinity (excluded) is allowed."""
    array = np.asarray(n, dtype=float)
    _in_range(name, array, np.isfinite(array) & (array >= 0), "finite and at least 0")
    return array


def positive(name: str, value: ArrayLike, *, most: float = np.inf) -> FloatArray:
    """`value` as a float array of finite positive numbers, none above `most`."""
    array = np.asarray(value, dtype=float)
    allowed = "finite and positive" + (f", at most {most:g}" if most < np.inf else "")
    _in_range(name, array, np.isfinite(array) & (array > 0) & (array <= most), allowed)
    return array


def not_negative(name: str, value: ArrayLike) -> FloatArray:
    """`value` as a float array of finite numbers of at least 0."""
    array = np.asarray(value, dtype=float)
    _in_range(name, array, np.isfinite(array) & (array >= 0), "finite and at least 0")
    return array


def between(name: str, value: ArrayLike, least: float, most: float) -> FloatArray:
    """`value` as a float array of numbers in [`least`, `most`]."""
    array = np.asarray(value, dtype=float)
    _in_range(name, array, (array >= least) & (array <= most), f"in [{least:g}, {most:g}]")
    return array


def whole(name: str, value: ArrayLike, *, least: int = 0, infinite: bool = False) -> FloatArray:
    """`value` as a float array of whole numbers of at least `least`; infinity too where it is allowed."""
    array = np.asarray(value, dtype=float)
    ok = (array == np.floor(array)) & (array >= least) & (infinite | np.isfinite(array))
    allowed = f"a whole number of at least {least}" + (" or infinite" if infinite else "")
    _in_range(name, array, ok, allowed)
    return array


def error_level(eps: ArrayLike, *, name: str = "eps") -> FloatArray:
    """`eps` as a float array in [0, 1)."""
    array = np.asarray(eps, dtype=float)
    _in_range(name, array, (array >= 0) & (array < 1), "in [0, 1)")
    return array


def probability(name: str, value: ArrayLike, *, open_at_zero: bool = False) -> FloatArray:
    """`value` as a float array in [0, 1], or in (0, 1] with `open_at_zero`."""
    array = np.asarray(value, dtype=float)
    low = array > 0 if open_at_zero else array >= 0
    _in_range(name, array, low & (array <= 1), "in (0, 1]" if open_at_zero else "in [0, 1]")
    return array


def support(minimum: float, maximum: float = 1.0) -> None:
    """Raise ValueError unless 0 <= `minimum` < `maximum` <= 1."""
    if not 0 <= minimum < maximum <= 1:
        raise ValueError(
            f"minimum and maximum must satisfy 0 <= minimum < maximum <= 1, got {minimum}, {maximum}"
        )


def kernel_and_targets(covariance: ArrayLike, targets: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """A covariance over training points, one for each target and first, and at least one point more."""
    kernel, y = np.asarray(covariance, dtype=float), np.asarray(targets, dtype=float)
    if y.ndim != 1 or kernel.ndim != 2 or len(set(kernel.shape)) != 1 or not 0 < len(y) < len(kernel):
        raise ValueError(
            "covariance must be square, with a row for each target and at least one more, "
            f"got shapes {kernel.shape} and {y.shape}"
        )
    for name, array in (("covariance", kernel), ("targets", y)):
        _in_range(name, array, np.isfinite(array), "finite")
    return kernel, y
