"""Covariances and tangent kernels of infinitely wide fully connected networks, at all depths of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import get_num_threads
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from genlaws.theory.activation_maps import ActivationMap, activation_map

from .layer_kernels import fill_own, fill_tile, layer_tables, mirror_tile

FloatArray = NDArray[np.float64]
# Variances and tangent kernels of points with themselves, (layers, points) each.
OwnKernels = tuple[FloatArray, FloatArray]
Activation = str | Callable[[FloatArray], FloatArray]

# Rows and columns of a tile of entries: what is worked on at once, through all layers.
_TILE = 128, 1024
# The activations whose layers are compiled.
_ERF, _RELU = activation_map("erf"), activation_map("relu")


@dataclass(frozen=True, slots=True, eq=False)
class DepthKernels:
    """Kernels of infinitely wide networks of several depths on the same points.

    Attributes
    ----------
    depths : tuple of int
        Layers of weights, ascending.
    covariance : ndarray, shape (depths, points, other points)
        Covariance of the outputs at random initialization.
    tangent : ndarray, shape (depths, points, other points)
        Tangent kernel: the sum of products of the outputs' derivatives by all parameters.
    """

    depths: tuple[int, ...]
    covariance: FloatArray
    tangent: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """What the recursion needs beside the points: an activation, ascending depths, and two variances.

    Raises ValueError if a variance is out of range.
    """

    activation: ActivationMap
    depths: tuple[int, ...]
    weight_variance: float
    bias_variance: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.weight_variance) and self.weight_variance > 0.0):
            raise ValueError(f"weight_variance must be positive and finite, got {self.weight_variance}")
        if not (np.isfinite(self.bias_variance) and self.bias_variance >= 0.0):
            raise ValueError(f"bias_variance must be finite and at least 0, got {self.bias_variance}")

    @property
    def _compiled(self) -> bool:
        # by what it is: a function of another's may have any name
        return self.activation in (_ERF, _RELU)

    def own(self, inputs: FloatArray) -> OwnKernels:
        """Variances and tangent kernels of inputs with themselves after each layer: (layers, points) each."""
        squares = np.einsum("ij,ij->i", inputs, inputs)
        first = squares * (self.weight_variance / inputs.shape[1]) + self.bias_variance
        variances, tangents = np.empty((2, self.depths[-1], len(inputs)))
        variances[0] = tangents[0] = first
        if self._compiled:
            relu = self.activation == _RELU
            fill_own(relu, self.weight_variance, self.bias_variance, variances, tangents)
            return variances, tangents
        for layer in range(1, self.depths[-1]):
            at = (variances[layer - 1],) * 3
            variances[layer] = self.weight_variance * self.activation.product(*at) + self.bias_variance
            slopes = self.weight_variance * self.activation.slope_product(*at)
            tangents[layer] = slopes * tangents[layer - 1] + variances[layer]
        return variances, tangents

    def fill(
        self,
        first: FloatArray,
        rows: OwnKernels,
        columns: OwnKernels,
        corner: tuple[int, int],
        symmetric: bool,
        kernels: tuple[FloatArray, FloatArray],
    ) -> None:
        """Write a tile of covariances and tangent kernels into `kernels`, (depths, rows, columns) each.

        `first`: covariances after the first layer; `rows`, `columns`: what `own` gives of their points;
        `corner`: its place. Of a symmetric matrix, what lies right of the diagonal is mirrored.
        """
        weight, bias = self.weight_variance, self.bias_variance
        if self._compiled:
            relu, depths = self.activation == _RELU, np.array(self.depths)
            tables = layer_tables(relu, *rows), layer_tables(relu, *columns)
            fill_tile(relu, first, *tables, depths, weight, bias, *corner, symmetric, *kernels)
            return
        (start, stop), (across, end) = ((at, at + n) for at, n in zip(corner, first.shape, strict=True))
        covariance = tangent = first
        for depth in range(1, self.depths[-1] + 1):
            if depth > 1:
                at = covariance, rows[0][depth - 2, :, None], columns[0][depth - 2]
                covariance = weight * self.activation.product(*at) + bias
                tangent = weight * self.activation.slope_product(*at) * tangent + covariance
            if depth in self.depths:
                for matrices, made in zip(kernels, (covariance, tangent), strict=True):
                    if len(matrices):
                        matrix = matrices[self.depths.index(depth)]
                        matrix[start:stop, across:end] = made
                        if symmetric:
                            mirror_tile(matrix, start, stop, across, end)


def checked_depths(depths: Sequence[int]) -> tuple[int, ...]:
    """`depths` as a tuple; ValueError unless they are ascending integers of at least 1."""
    checked = tuple(int(depth) for depth in depths)
    ascending = tuple(sorted(set(checked)))
    if not checked or checked != tuple(depths) or checked != ascending or checked[0] < 1:
        raise ValueError(f"depths must be ascending integers of at least 1 (layers of weights), got {depths}")
    return checked


def single_depth(activation: Activation, depth: int, weight_variance: float, bias_variance: float) -> Layers:
    """`Layers` of one depth."""
    if depth != int(depth) or depth < 1:
        raise ValueError(f"depth must be an integer of at least 1 (layers of weights), got {depth}")
    return Layers(activation_map(activation), (int(depth),), weight_variance, bias_variance)


def _inputs(X: ArrayLike) -> FloatArray:
    inputs = np.ascontiguousarray(X, dtype=np.float64)
    if np.ndim(X) != 2 or 0 in inputs.shape:
        raise ValueError(f"X must have shape (points, features), both at least 1, got {np.shape(X)}")
    if not np.all(np.isfinite(inputs)):
        raise ValueError(f"X must be finite, got {inputs[~np.isfinite(inputs)][0]}")
    return inputs


def _tiles(rows: int, columns: int, symmetric: bool) -> Iterator[tuple[slice, slice]]:
    for start in range(0, rows, _TILE[0]):
        for across in range(start if symmetric else 0, columns, _TILE[1]):
            yield slice(start, min(start + _TILE[0], rows)), slice(across, min(across + _TILE[1], columns))


def sweep_depths(
    X: ArrayLike,
    other: ArrayLike | None,
    layers: Layers,
    *,
    keep: float = 1.0,
    wanted: tuple[bool, bool] = (True, True),
) -> tuple[FloatArray, FloatArray]:
    """Covariances and tangent kernels as in `fully_connected_kernels`, of no depths where not `wanted`."""
    rows = _inputs(X)
    columns = rows if other is None else _inputs(other)
    if columns.shape[1] != rows.shape[1]:
        raise ValueError(f"other must have {rows.shape[1]} features like X, got {columns.shape[1]}")
    if not 0.0 < keep <= 1.0:
        raise ValueError(f"keep must lie in (0, 1], got {keep}")
    symmetric = other is None
    with np.errstate(over="ignore", invalid="ignore"):
        own = layers.own(rows)
        others = own if symmetric else layers.own(columns)
    # no entry is larger than the largest on the diagonal
    for made, want in zip((*own, *others), wanted * 2, strict=True):
        if want and not np.all(np.isfinite(made)):
            raise ValueError(
                f"the {'kernel' if wanted[1] else 'covariance'} overflows at depth {layers.depths[-1]}, "
                f"weight_variance {layers.weight_variance:g}, bias_variance {layers.bias_variance:g} "
                f"and inputs up to {max(np.abs(rows).max(), np.abs(columns).max()):.3g}"
            )

    size = len(rows), len(columns)
    covariance, tangent = (np.empty((len(layers.depths) * want, *size)) for want in wanted)

    def fill(tile: tuple[slice, slice]) -> None:
        first = rows[tile[0]] @ columns[tile[1]].T
        first *= layers.weight_variance / rows.shape[1]
        first += layers.bias_variance
        here = own[0][:, tile[0]], own[1][:, tile[0]]
        there = others[0][:, tile[1]], others[1][:, tile[1]]
        corner = tile[0].start, tile[1].start
        layers.fill(first, here, there, corner, symmetric, (covariance, tangent))

    tiles = list(_tiles(*size, symmetric))
    threads = min(get_num_threads(), len(tiles))
    if threads == 1:
        for tile in tiles:
            fill(tile)
    else:
        # each thread multiplies its own tiles' inputs
        with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, tiles))
    if symmetric:
        for matrices, made in zip((covariance, tangent), own, strict=True):
            for matrix, depth in zip(matrices, layers.depths[: len(matrices)], strict=True):
                hidden = made[depth - 1] - layers.bias_variance if depth > 1 else 0.0
                np.fill_diagonal(matrix, made[depth - 1] + hidden * (1.0 / keep - 1.0))
    return covariance, tangent


def fully_connected_kernels(
    X: ArrayLike,
    other: ArrayLike | None = None,
    *,
    activation: Activation = "erf",
    depths: Sequence[int],
    weight_variance: float,
    bias_variance: float,
    keep: float = 1.0,
) -> DepthKernels:
    """Covariances and tangent kernels of infinitely wide fully connected networks of several depths.

    Parameters
    ----------
    X : array_like, shape (points, features)
        Inputs, finite.
    other : array_like, shape (other points, features), optional
        The points of the columns, taken as other points than those of `X`. None: `X`.
    activation : str or callable
        "erf", "relu", "tanh", "gelu" or a function of an array.
    depths : sequence of int
        Layers of weights, ascending. 1 is the linear classifier, ``weight_variance * X X^T / features +
        bias_variance``; every further one adds a hidden layer. All are read off one pass to the deepest.
    weight_variance : float
        Variance of a weight times the number of its layer's inputs.
    bias_variance : float
        Variance of a bias, in the unit of the squared output.
    keep : float
        Probability that dropout keeps a unit of the last hidden layer, in (0, 1]; 1 is no dropout.

    Returns
    -------
    DepthKernels
        Exactly symmetric where `other` is None.

    Raises
    ------
    ValueError
        If X or `other` is not a finite two-dimensional array, they differ in features, `depths`, a variance
        or `keep` is out of range, or a kernel overflows.

    Notes
    -----
    K^1 = Theta^1 = weight_variance x.x' / features + bias_variance, K^(l+1) = weight_variance T(K^l) +
    bias_variance and Theta^(l+1) = K^(l+1) + weight_variance T'(K^l) Theta^l (arXiv:1912.13053; Jacot et al.,
    arXiv:1806.07572, Theorem 1). Dropout draws its mask anew for each point: it divides by `keep` what the
    last hidden layer gives to the diagonal, and leaves all else.

    Deep in the ordered phase entries differ less and less, down to rounding. Those of erf and ReLU are right
    to 1e-14 at any depth, and their differences to the rounding of the entries that are returned: a condition
    number kappa is off by about 1e-16 kappa of itself, so that it can be told up to 1e14. With other
    activations roundings add up over layers: to 1e-14 kappa and more, as far as their maps are right to it.

    Examples
    --------
    >>> kernels = fully_connected_kernels(
    ...     [[1.0, 0.0], [0.0, 1.0]], depths=[1, 2], weight_variance=1.0, bias_variance=0.0
    ... )
    >>> kernels.tangent[1].round(4)
    array([[0.7009, 0.    ],
           [0.    , 0.7009]])
    """
    layers = Layers(activation_map(activation), checked_depths(depths), weight_variance, bias_variance)
    covariance, tangent = sweep_depths(X, other, layers, keep=keep)
    return DepthKernels(depths=layers.depths, covariance=covariance, tangent=tangent)
