"""`ConvolutionalLimit`: the recursion of kernels through convolutions of infinitely many channels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from .architectures import Convolution, Head
from .devices import in_chunks

LimitActivation = Literal["erf", "relu"]

_Move = tuple[tuple[slice, ...], tuple[slice, ...]]

# Layouts: of images (height, width, points), of pairs of images (height, width, pairs) where equal places
# only are carried, else (height, width, other height, other width, pairs). What comes last is contiguous, so
# that a move along places is a move of long runs of memory.
_HEIGHT_AND_WIDTH = {3: ((0,), (1,)), 5: ((0, 2), (1, 3))}


def _apart(scales: Tensor, other_scales: Tensor, pooled: bool) -> tuple[Tensor, Tensor]:
    # one factor for each place of the first image, one for each of the second
    return (scales[:, :, None, None], other_scales) if pooled else (scales, other_scales)


def _erf_step(kernels: Tensor, variances: tuple[Tensor, Tensor]) -> None:
    # (K, Theta) becomes (T, T + T' Theta) in place: with s the sine 2 K / sqrt((1 + 2 v) (1 + 2 v')),
    # T = (2/pi) arcsin s and T' = (2/pi) (2 / sqrt((1 + 2 v) (1 + 2 v'))) / sqrt(1 - s^2)
    for variance in variances:
        kernels *= (0.5 + variance).rsqrt_()
    sine, tangent = kernels
    root = 1.0 - sine
    root *= 1.0 + sine
    tangent *= root.rsqrt_()
    sine.arcsin_()
    tangent += sine
    kernels *= 2.0 / math.pi


def _relu_step(kernels: Tensor, variances: tuple[Tensor, Tensor]) -> None:
    # (K, Theta) becomes (T, T + T' Theta) in place: with r the correlation and a = pi - arccos r,
    # T = sqrt(v v') (sqrt(1 - r^2) + a r) / (2 pi) and T' = a / (2 pi)
    covariance, tangent = kernels
    scale = (variances[0] * variances[1]).sqrt_()
    # where a variance is 0, so are the covariance and the tangent kernel
    correlation = covariance.div_(scale.clamp_min(torch.finfo(scale.dtype).tiny)).clamp_(-1.0, 1.0)
    angle = math.pi - correlation.arccos()
    tangent *= angle
    angle *= correlation
    root = 1.0 - correlation
    root *= 1.0 + correlation
    angle += root.sqrt_()
    torch.mul(angle, scale, out=covariance)
    tangent += covariance
    kernels *= 0.5 / math.pi


@dataclass(frozen=True, slots=True)
class _Unit:
    """What an activation does to a variance, and to kernels in place."""

    variance: Callable[[Tensor], Tensor]
    step: Callable[[Tensor, tuple[Tensor, Tensor]], None]


_UNITS = {
    "erf": _Unit(lambda v: (v / (0.5 + v)).arcsin_().mul_(2.0 / math.pi), _erf_step),
    "relu": _Unit(lambda v: 0.5 * v, _relu_step),
}


def _runs(convolution: Convolution, side: int, offset: int) -> list[tuple[slice, slice]]:
    # which windows, and which places they have at this offset from where they begin, in runs of both
    stride, windows = convolution.stride, convolution.side(side)
    reached = offset + stride * (windows - 1)
    circular = convolution.boundary == "circular"
    runs = []
    # once around is once more over the whole side
    for around in range(offset // side, reached // side + 1) if circular else (0,):
        start = offset - around * side
        first, last = max(0, -(start // stride)), min(windows, (side - 1 - start) // stride + 1)
        if first < last:
            places = slice(start + stride * first, start + stride * (last - 1) + 1, stride)
            runs.append((slice(first, last), places))
    return runs


@cache
def _moves(convolution: Convolution, side: int, axes: tuple[int, ...], dimensions: int) -> list[_Move]:
    # of all offsets, runs of windows and places at once along axes that move together
    moves = []
    offsets = range(-convolution.padding, convolution.kernel - convolution.padding)
    for offset in sorted(offsets, key=abs):
        for runs in product(_runs(convolution, side, offset), repeat=len(axes)):
            into, of = [slice(None)] * dimensions, [slice(None)] * dimensions
            for axis, (windows, places) in zip(axes, runs, strict=True):
                into[axis], of[axis] = windows, places
            moves.append((tuple(into), tuple(of)))
    return moves


def _added_up(values: Tensor, axes: tuple[int, ...], convolution: Convolution) -> Tensor:
    """Sums over the windows of a convolution along axes of one length, in which they move together."""
    side = values.shape[axes[0]]
    shape = [convolution.side(side) if axis in axes else n for axis, n in enumerate(values.shape)]
    first, *others = _moves(convolution, side, axes, values.dim())
    # the middle of the window alone, where it always lies in the image, else zeros to begin with
    whole = values[first[1]].shape == tuple(shape)
    sums = values[first[1]].clone() if whole else values.new_zeros(shape)
    for into, of in others if whole else (first, *others):
        sums[into] += values[of]
    return sums


@dataclass(frozen=True, slots=True)
class ConvolutionalLimit:
    """The recursion of kernels through convolutions of infinitely many channels, and a head that ends them.

    Attributes
    ----------
    convolutions : sequence of Convolution
        Their channels play no part.
    head : {"flatten", "pool"}
    activation : {"erf", "relu"}
        After each convolution.
    weight_variance, bias_variance : float
    """

    convolutions: Sequence[Convolution]
    head: Head
    activation: LimitActivation
    weight_variance: float
    bias_variance: float

    @property
    def pooled(self) -> bool:
        """Whether all pairs of places are carried, not equal places only."""
        return self.head == "pool"

    def _convolved(self, products: Tensor, convolution: Convolution, *, leading: int) -> Tensor:
        for axes in _HEIGHT_AND_WIDTH[products.dim() - leading]:
            products = _added_up(products, tuple(axis + leading for axis in axes), convolution)
        products *= self.weight_variance / convolution.kernel**2
        products += self.bias_variance
        return products

    def variances(self, images: Tensor) -> list[Tensor]:
        """Variance of what leaves each convolution at each place, (height, width, points), first to last.

        Images are of shape (channels, height, width, points).
        """
        unit, found = _UNITS[self.activation], []
        products = images.square().mean(0)
        for convolution in self.convolutions:
            found.append(self._convolved(products, convolution, leading=0))
            products = unit.variance(found[-1])
        return found

    def seen_by_readout(
        self,
        images: Tensor,
        others: Tensor,
        variances: Sequence[Tensor],
        other_variances: Sequence[Tensor],
        own: Tensor,
    ) -> Iterator[Tensor]:
        """What a readout in place of each layer would see, for pairs of images, (2, pairs) each.

        Parameters
        ----------
        images, others : Tensor, shape (channels, height, width, pairs)
        variances, other_variances : sequence of Tensor, shape (height, width, pairs)
            Of the same images, as `variances` returns them.
        own : Tensor of int, shape (own pairs,)
            Which pairs are an image and itself.

        Yields
        ------
        Tensor, shape (2, pairs)
            Mean product of two points, E[phi phi'] over units, and the same plus the tangent kernel of the
            layers so far; first of the inputs, then of each convolution's units.
        """
        form = "cijp,cklp->ijklp" if self.pooled else "cijp,cijp->ijp"
        products = torch.einsum(form, images, others).contiguous() / len(images)
        kernels = products.expand(2, *products.shape).contiguous()
        places = tuple(range(1, kernels.dim() - 1))
        yield kernels.mean(places)
        for convolution, variance, other in zip(self.convolutions, variances, other_variances, strict=True):
            kernels = self._convolved(kernels, convolution, leading=1)
            # sums round differently: a place's correlation with itself is exactly 1
            if self.pooled:
                size = variance.shape[0] * variance.shape[1]
                diagonal = kernels[0].reshape(size, size, -1).diagonal()
                diagonal[own] = variance.flatten(0, 1).T[own]
            else:
                kernels[0][..., own] = variance[..., own]
            _UNITS[self.activation].step(kernels, _apart(variance, other, self.pooled))
            yield kernels.mean(places)


def _laid(images: Tensor) -> Tensor:
    # points last, as the kernels lie
    return images.permute(1, 2, 3, 0).contiguous()


def _seen_of_pairs(
    limit: ConvolutionalLimit,
    images: Tensor,
    others: Tensor,
    pairs: tuple[Tensor, Tensor],
    own: Tensor,
    depths: Sequence[int],
) -> Tensor:
    # images (channels, height, width, points); pairs: which of them and which of the others; own: where the
    # two are one point. (pairs, depths, 2)
    variances = limit.variances(images)
    other_variances = variances if others is images else limit.variances(others)
    places = max([math.prod(images.shape[1:3]), *(math.prod(v.shape[:2]) for v in variances)])
    # two kernels and their sums over windows, two roots; of what fits, a quarter stays nearer to the cache
    bytes_per_pair = 4 * 6 * images.element_size() * places ** (2 if limit.pooled else 1)

    def part(some: slice) -> Tensor:
        i, j = (side[some] for side in pairs)
        seen = limit.seen_by_readout(
            images.index_select(-1, i),
            others.index_select(-1, j),
            [v.index_select(-1, i) for v in variances],
            [v.index_select(-1, j) for v in other_variances],
            own[some].nonzero()[:, 0],
        )
        return torch.stack([means.T for depth, means in enumerate(seen, 1) if depth in depths], dim=1)

    return in_chunks(part, len(own), bytes_per_row=bytes_per_pair, device=images.device)


def readout_variances(limit: ConvolutionalLimit, images: Tensor) -> Tensor:
    """Variance of what a layer behind the head gives of each image, shape (points,)."""
    each = torch.arange(len(images), device=images.device)
    own, last = torch.ones_like(each, dtype=torch.bool), len(limit.convolutions) + 1
    laid = _laid(images)
    seen = _seen_of_pairs(limit, laid, laid, (each, each), own, [last])
    return limit.weight_variance * seen[:, 0, 0] + limit.bias_variance


def readout_kernels(
    limit: ConvolutionalLimit,
    images: Tensor,
    others: Tensor | None = None,
    *,
    depths: Sequence[int],
    keep: float = 1.0,
) -> Tensor:
    """Covariance and tangent kernel of a layer behind the head, or of readouts of fewer convolutions.

    Parameters
    ----------
    limit : ConvolutionalLimit
    images, others : Tensor, shape (points, channels, height, width)
        Of the rows and the columns; None: the same.
    depths : sequence of int
        Layers of weights, the last among them: ascending, up to one more than the convolutions.
    keep : float
        Probability that dropout keeps what the last layer sees of hidden units.

    Returns
    -------
    Tensor, shape (2, depths, points, other points)
        Exactly symmetric where `others` is None: one of the two orders of a pair is computed.
    """
    rows = _laid(images)
    columns = rows if others is None else _laid(others)
    shape, place = (rows.shape[-1], columns.shape[-1]), images.device
    if others is None:
        i, j = torch.triu_indices(*shape, device=place)
    else:
        i, j = torch.cartesian_prod(*(torch.arange(points, device=place) for points in shape)).T
    own = (i == j) & (others is None)
    seen = _seen_of_pairs(limit, rows, columns, (i, j), own, depths)
    # masks are drawn anew for each point; pixels are not dropped
    seen[own, int(depths[0] == 1) :] /= keep
    kernels = seen.new_empty(*shape, len(depths), 2)
    kernels[i, j] = limit.weight_variance * seen + limit.bias_variance
    if others is None:
        kernels[j, i] = kernels[i, j]
    return kernels.permute(3, 2, 0, 1)
