"""`two_point_kernels`: covariance and tangent kernel of two equally long inputs, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .argument_checks import between, positive, probability, whole
from .mean_field import MeanField

FloatArray = NDArray[np.float64]

# Below this correlation gap the maps of gaps are taken as the powers that they tend to.
_TINY = 1e-250


class _Layer(NamedTuple):
    """Covariance and tangent kernel: of an input with itself, of two inputs, and ln of the difference."""

    length: float
    covariance: FloatArray
    log_gap: FloatArray
    tangent: float
    shared: FloatArray
    log_tangent_gap: FloatArray


def slope_power(field: MeanField) -> float:
    """Power of the correlation gap with which slope products fall short: 1, or 1/2 for kinked activations."""
    q = np.array(field.fixed_length)
    near, far = field.maps.slope_product_gap(np.array([0.01, 0.03]), q)
    return 1.0 if math.log(far / near) > 0.75 * math.log(3.0) else 0.5


def _closer(whole: float, shared: FloatArray, log_gap: FloatArray) -> FloatArray:
    # between near inputs errors of the gap are the smaller ones, and do not grow where it shrinks
    log_ratio = log_gap - math.log(whole)
    made: FloatArray = np.where(log_ratio < math.log(0.5), -np.expm1(log_ratio) * whole, shared)
    return made


def _next(field: MeanField, layer: _Layer, keep: float, power: float) -> _Layer:
    # sums of terms of one sign only, as logarithms: nothing cancels, nothing underflows
    maps, q = field.maps, np.array(layer.length)
    square, slope = float(maps.product(q, q, q)), float(maps.slope_product(q, q, q))
    log_share = layer.log_gap - math.log(layer.length)
    share = np.clip(np.exp(log_share), _TINY, 2.0)
    further = np.minimum(log_share - math.log(_TINY), 0.0)
    shared_slope = maps.slope_product(layer.covariance, q, q)
    log_gap = np.log(maps.product_gap(share, q)) + further
    log_lost = np.log(maps.slope_product_gap(share, q)) + power * further
    log_tangent_gap = np.logaddexp(
        log_lost + math.log(layer.tangent), np.log(shared_slope) + layer.log_tangent_gap
    )
    if keep < 1.0:
        # what dropout adds where the two inputs are one
        log_more = math.log(1.0 / keep - 1.0)
        log_gap = np.logaddexp(log_gap, log_more + math.log(square))
        log_tangent_gap = np.logaddexp(log_tangent_gap, log_more + math.log(slope * layer.tangent))
    variance, bias = field.weight_variance, field.bias_variance
    log_gap = log_gap + math.log(variance)
    log_tangent_gap = np.logaddexp(log_gap, log_tangent_gap + math.log(variance))
    length = variance * square / keep + bias
    tangent = length + variance * slope / keep * layer.tangent
    covariance = variance * maps.product(layer.covariance, q, q) + bias
    shared = covariance + variance * shared_slope * layer.shared
    return _Layer(
        length,
        _closer(length, covariance, log_gap),
        log_gap,
        tangent,
        _closer(tangent, shared, log_tangent_gap),
        log_tangent_gap,
    )


def _layers(field: MeanField, first: _Layer, keep: float) -> Iterator[_Layer]:
    # from depth 1 on; `keep` acts before the last layer only
    power = slope_power(field)
    layer, last = first, first
    while True:
        yield last
        last = _next(field, layer, field.keep * keep, power)
        layer = last if keep == 1.0 else _next(field, layer, field.keep, power)


@dataclass(frozen=True, slots=True, eq=False)
class TwoPointKernels:
    """Kernels of two inputs of one length by depth; different inputs have pairwise one correlation.

    Attributes
    ----------
    depths : ndarray of int, shape (depths,)
        Layers of weights.
    covariance_diagonal : ndarray, shape (depths,)
        Of an input with itself, q^l.
    covariance_off_diagonal : ndarray, shape (depths, *correlations)
        Of two different inputs, c^l q^l.
    covariance_log_gap : ndarray, shape (depths, *correlations)
        ln of the difference of the two, right however much of them cancels.
    tangent_diagonal : ndarray, shape (depths,)
        p_aa.
    tangent_off_diagonal : ndarray, shape (depths, *correlations)
        p_ab.
    tangent_log_gap : ndarray, shape (depths, *correlations)
        ln(p_aa - p_ab).
    """

    depths: NDArray[np.int64]
    covariance_diagonal: FloatArray
    covariance_off_diagonal: FloatArray
    covariance_log_gap: FloatArray
    tangent_diagonal: FloatArray
    tangent_off_diagonal: FloatArray
    tangent_log_gap: FloatArray


def two_point_kernels(
    mean_field: MeanField,
    depths: Sequence[int] | NDArray[np.int64],
    *,
    correlation: ArrayLike = 0.0,
    length: float | None = None,
    keep: float = 1.0,
) -> TwoPointKernels:
    """Kernels of infinitely wide fully connected networks between equally long, equally correlated inputs.

    Parameters
    ----------
    mean_field : MeanField
        Activation, variances, and dropout after every hidden layer.
    depths : sequence of int
        Layers of weights, each at least 1, in any order.
    correlation : array_like
        c^1 of different inputs, in [-1, 1]: after the first layer, whose biases correlate all inputs. Of
        any shape; the recursion is run for each.
    length : float, optional
        q^1 of the inputs after the first layer. None: the fixed length.
    keep : float
        Probability that a unit is kept by a dropout before the last layer only, in (0, 1].

    Raises
    ------
    ValueError
        If an argument is out of range, or a kernel overflows (deep in the chaotic phase).

    Notes
    -----
    K^(l+1) = weight_variance E[phi phi'] + bias_variance and Theta^(l+1) = K^(l+1) + weight_variance
    E[phi' phi'] Theta^l (arXiv:1912.13053), for the differences between equal and different inputs, which the
    condition number rests on, in a form without cancellation. A kinked activation's are right down to
    correlations of 1 - 1e-250.

    Examples
    --------
    >>> ordered = MeanField("erf", weight_variance=1.5, bias_variance=0.18)
    >>> two_point_kernels(ordered, [100, 10000]).tangent_log_gap.round(1)
    array([  -3. , -790.2])
    """
    wanted = whole("depths", depths, least=1).astype(np.int64)
    if wanted.ndim != 1 or wanted.size == 0:
        raise ValueError(f"depths must have shape (depths,), at least one, got {wanted.shape}")
    gap = 1.0 - between("correlation", correlation, -1.0, 1.0)
    last_keep = float(probability("keep", keep, open_at_zero=True))
    q = mean_field.fixed_length if length is None else float(positive("length", length))
    with np.errstate(divide="ignore"):
        log_gap = math.log(q) + np.log(gap)
        first = _Layer(q, q * (1.0 - gap), log_gap, q, q * (1.0 - gap), log_gap)
        found: dict[int, _Layer] = {}
        for depth, layer in enumerate(_layers(mean_field, first, last_keep), start=1):
            if not math.isfinite(layer.tangent):
                raise ValueError(f"the tangent kernel overflows at depth {depth}")
            if depth in wanted:
                found[depth] = layer
            if depth == wanted.max():
                break
    layers = [found[depth] for depth in wanted.tolist()]
    return TwoPointKernels(wanted, *(np.array(column) for column in zip(*layers, strict=True)))
