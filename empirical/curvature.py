"""`measure_curvature`: extreme curvatures of networks' loss at fixed norms of their layers, by Lanczos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from .losses import margins
from .trained_networks import TrainedNetworks, as_points

FloatArray = NDArray[np.float64]
Layers = Literal["all", "last"]
Operator = Callable[[FloatArray], FloatArray]

_BASIS = 120  # of Lanczos: late in training the least curvatures are close beside the largest


@dataclass(frozen=True, slots=True, eq=False)
class NetworkCurvature:
    """Curvature of ln of the exponential loss along the spheres of layers. See `measure_curvature`.

    Attributes
    ----------
    lowest, highest : ndarray, shape (networks,)
        Extreme eigenvalues, in units of the mean margin.
    slope : ndarray, shape (networks,)
        Length of the gradient in these units: 0 at a stationary point.
    """

    lowest: FloatArray
    highest: FloatArray
    slope: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """All of it; ready for JSON."""
        return {name: getattr(self, name).tolist() for name in ("lowest", "highest", "slope")}


def _extremes(apply: Operator, project: Operator, size: int) -> tuple[float, float]:
    # directions that do not count have eigenvalue 0 for the highest, and the highest for the lowest
    start = project(np.random.default_rng(0).standard_normal(size))  # where Lanczos starts, of no effect
    basis = min(size, _BASIS)

    def extreme(product: Operator, which: Literal["LA", "SA"]) -> float:
        operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
        found = eigsh(operator, k=1, which=which, v0=start, ncv=basis, return_eigenvectors=False)
        return float(found[0])

    try:
        highest = extreme(apply, "LA")
        lowest = extreme(lambda v: apply(v) + highest * (v - project(v)), "SA")
    except ArpackNoConvergence as problem:
        raise RuntimeError(f"the extreme curvatures did not converge: {problem}") from None
    return lowest, highest


def _one_network(
    trained: TrainedNetworks, number: int, points: Tensor, classes: Tensor, layers: Layers
) -> tuple[float, float, float]:
    network = trained.network
    flat = trained.flat_weights[number].double()
    sizes = [layer.parameters for layer in network.layers]
    norms = [part.norm() for part in flat.split(sizes)]
    at = torch.cat([part / norm for part, norm in zip(flat.split(sizes), norms, strict=True)])
    at = at.requires_grad_()
    # a function of directions only: its Hessian across them is that of the spheres
    parts = zip(at.split(sizes), norms, strict=True)
    weights = torch.cat([norm * part / part.norm() for part, norm in parts])
    scores = network.scores_of_weights(network.split(weights[None]), points)
    ahead = margins(scores, classes)[0]
    mean = float((torch.softmax(-ahead, 0) * ahead).sum().detach())
    if not mean > 0.0:
        raise ValueError(f"networks must separate the points on average, number {number} has {mean:.3g}")
    (gradient,) = torch.autograd.grad((-ahead).logsumexp(0), at, create_graph=True)

    def across(vector: Tensor) -> Tensor:
        parts = zip(vector.split(sizes), at.detach().split(sizes), strict=True)
        kept = [part - (part @ unit) * unit for part, unit in parts]
        if layers == "last":
            kept[:-1] = [torch.zeros_like(part) for part in kept[:-1]]
        return torch.cat(kept)

    def project(vector: FloatArray) -> FloatArray:
        return across(torch.as_tensor(vector.ravel(), device=at.device)).cpu().numpy()

    def bent(vector: FloatArray) -> FloatArray:
        tangent = across(torch.as_tensor(vector.ravel(), device=at.device))
        (product,) = torch.autograd.grad(gradient, at, tangent, retain_graph=True)
        return (across(product) / mean).cpu().numpy()

    return *_extremes(bent, project, len(at)), float(across(gradient.detach()).norm()) / mean


def measure_curvature(
    trained: TrainedNetworks, inputs: ArrayLike, labels: ArrayLike, *, layers: Layers = "all"
) -> NetworkCurvature:
    """The lowest and highest curvature of ln of the exponential loss around networks of fixed layer norms.

    Parameters
    ----------
    trained : TrainedNetworks
        Without biases, as `LongTraining.at` has them at a late level; computed on their device.
    inputs : array_like, shape (points, *input_shape)
        What they were trained on.
    labels : array_like of int, shape (points,)
    layers : {"all", "last"}
        Whose directions move. Outputs are linear in the last layer: there no curvature is negative at a
        stationary point.

    Returns
    -------
    NetworkCurvature

    Raises
    ------
    ValueError
        If `layers` is unknown, networks have biases or do not separate the points on average, or points and
        labels do not fit them.
    RuntimeError
        If Lanczos does not converge.

    Notes
    -----
    What `genlaws.simulate.tangential_curvature` gives whole for small networks, of any architecture, from
    products of the Hessian with vectors. Kinks of ReLUs have no curvature here: where training slides along
    one, the lowest curvature says nothing.
    """
    if layers not in get_args(Layers):
        raise ValueError(f"layers must be one of {', '.join(get_args(Layers))}, got {layers!r}")
    network = trained.network
    if any(layer.has_bias for layer in network.layers):
        raise ValueError("networks must have no biases: their outputs are not homogeneous")
    points, classes = as_points(network, inputs, labels)
    device = trained.flat_weights.device
    given = torch.tensor(points, dtype=torch.float64, device=device)
    targets = torch.tensor(classes, device=device)
    found = [_one_network(trained, k, given, targets, layers) for k in range(len(trained))]
    lowest, highest, slope = np.array(found).T
    return NetworkCurvature(lowest, highest, slope)
