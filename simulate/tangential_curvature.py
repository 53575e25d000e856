"""`tangential_curvature`: how the loss bends around a network whose layers keep their norms.

Late in training the loss is steep where support vectors are told apart. In units of the mean margin the
curvatures of all other directions have a limit: those of the margin itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from .flow_start import checked_network, checked_start
from .homogeneous_network import Activation

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TangentialCurvature:
    """The loss to second order along the unit spheres of the layers. See `tangential_curvature`.

    Attributes
    ----------
    curvatures : ndarray, shape (parameters - layers,)
        Eigenvalues, increasing.
    slope : float
        Length of the gradient in the same units: 0 at a stationary point.
    """

    curvatures: FloatArray
    slope: float

    @property
    def lowest(self) -> float:
        """The least curvature: negative at a saddle."""
        return float(self.curvatures[0])

    def to_dict(self) -> dict[str, Any]:
        """All of it; ready for JSON."""
        return {
            "curvatures": self.curvatures.tolist(),
            "slope": self.slope,
        }


def tangential_curvature(
    inputs: ArrayLike,
    labels: ArrayLike,
    layers: Sequence[ArrayLike],
    *,
    activation: Activation = "linear",
    corner: float = 1e-3,
) -> TangentialCurvature:
    """Curvature of ln of the exponential loss along the unit spheres of the layers' directions.

    Parameters
    ----------
    inputs : array_like, shape (examples, dimension)
    labels : array_like, shape (examples,)
        -1 and +1.
    layers : sequence of array_like, shapes (out, in)
        Weights, as `GradientFlow.weights` has them at one time; outputs that separate the examples.
    activation, corner
        As in `integrate_gradient_flow`.

    Returns
    -------
    TangentialCurvature

    Raises
    ------
    ValueError
        If an argument is out of range, or the mean margin is not positive.

    Notes
    -----
    With W_k = rho_k V_k, |V_k| = 1, norms fixed, and outputs rho f: the Hessian of ln sum_n exp(-rho f_n) on
    the product of the spheres of V_k (arXiv:1903.04991), over the mean of rho f_n with the examples' shares
    p_n in the loss,

        (rho Cov_p(grad f) - sum_n p_n Hess f_n) / sum_n p_n f_n + kappa_k   (the last on sphere k),

    f_n standing for label times output. As rho grows, directions that change the margins of support vectors
    unlike each other become infinitely steep; the others keep the curvature of the Lagrangian of the largest
    margin. A weight that no example sees has kappa_k, the degree of homogeneity in its layer; what the
    network can be moved along without a change has 0.

    Examples
    --------
    A linear classifier at its largest margin: one direction tells its support vectors apart, one does not.

    >>> found = tangential_curvature([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0]], [1, 1], [[[50.0, 0.0, 0.0]]])
    >>> found.curvatures.round(6), found.slope
    (array([1. , 1.5]), 0.0)
    """
    network = checked_network(inputs, labels, layers, activation, "exponential", "none", corner)
    weights = checked_start(network, layers)
    log_loss = network.log_pull(weights)
    # the flow's velocity at t = 1 / loss is minus the gradient of ln loss, for as long as that t is kept
    gradient = -network.velocity(-log_loss, weights)
    hessian = -network.jacobian(-log_loss, weights) - np.outer(gradient, gradient)
    margin = -float(gradient @ weights) / float(network.powers.sum())
    if not margin > 0.0:
        raise ValueError(f"layers must separate the examples on average, got a mean margin of {margin:.3g}")
    # columns across each layer, as long as its norm: steps of its direction
    flats = [matrix.ravel() for matrix in network.layers(weights)]
    frame = linalg.block_diag(*(linalg.null_space(flat[None]) * np.linalg.norm(flat) for flat in flats))
    spheres = np.repeat(network.powers, [flat.size - 1 for flat in flats])
    bent = linalg.eigvalsh(frame.T @ hessian @ frame / margin + np.diag(spheres))
    return TangentialCurvature(
        curvatures=np.asarray(bent, dtype=np.float64),
        slope=float(np.linalg.norm(gradient @ frame)) / margin,
    )
