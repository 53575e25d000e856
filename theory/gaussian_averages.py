"""Gaussian averages in which every replica-symmetric perceptron curve is written, and how curves take alpha.

All of them depend on the overlap R of two classifiers that make no training error (with a teacher, R is
also the overlap with it), through ``root_gap = sqrt(1 - R)``, which stays exact where R tends to 1.
H is the Gaussian tail, Dt the standard Gaussian measure.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast, overload

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]

# The trapezoidal rule converges exponentially for these integrands: they are analytic in a strip of half
# width 2.8 (first zeros of H), so that a step of 1/8 leaves errors far below rounding.
_STEP = 1.0 / 8.0
_NODES: FloatArray = np.arange(-96.0, 97.0) * _STEP


def _gaussian(x: FloatArray) -> FloatArray:
    density: FloatArray = np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)
    return density


_WEIGHTS = _STEP * _gaussian(_NODES)


def boundary_pull(root_gap: FloatArray) -> FloatArray:
    """Integral of Dt exp(-R t^2/2) / H(sqrt(R) t): 2 at R = 0, 2.26398 at R = 1. Shape of `root_gap`."""
    overlap_root = np.sqrt(1.0 - root_gap * root_gap)
    # exp(-x^2/2) / H(x) = 2 / erfcx(x / sqrt 2), without overflow or underflow
    ratio = 2.0 / special.erfcx(overlap_root[..., None] * _NODES / np.sqrt(2.0))
    pull: FloatArray = ratio @ _WEIGHTS
    return pull


def mean_log_survival(root_gap: FloatArray) -> FloatArray:
    """2 times the integral of Dt H(x) ln H(x), x = sqrt(R / (1 - R)) t, in nats. Shape of `root_gap`.

    The mean logarithm of the share of zero-error classifiers that get the next example right.
    """
    # with s = t / root_gap the integrand keeps a width of order one for every R
    gap = root_gap[..., None]
    x = np.sqrt(1.0 - gap * gap) * _NODES
    integrand = gap * _gaussian(gap * _NODES) * special.ndtr(-x) * special.log_ndtr(-x)
    mean: FloatArray = 2.0 * _STEP * integrand.sum(axis=-1)
    return mean


class Curve(Protocol):
    """A function of alpha, examples per dimension: a float gives a float, an array an array of its shape."""

    @overload
    def __call__(self, alpha: float) -> float: ...
    @overload
    def __call__(self, alpha: Sequence[float] | NDArray[Any]) -> FloatArray: ...


def over_alpha(kernel: Callable[[FloatArray], FloatArray]) -> Curve:
    """Let a function of a one-dimensional array of alpha take a finite alpha >= 0 of any shape."""

    @functools.wraps(kernel)
    def curve(alpha: Any) -> Any:
        values = np.asarray(alpha, dtype=np.float64)
        allowed = np.isfinite(values) & (values >= 0.0)
        if not np.all(allowed):
            raise ValueError(f"alpha must be finite and at least 0, got {values[~allowed].flat[0]}")
        result = kernel(values.ravel()).reshape(values.shape)
        return float(result) if result.ndim == 0 else result

    return cast(Curve, curve)
