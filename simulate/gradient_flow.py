"""`integrate_gradient_flow`: networks trained to zero loss, followed in the logarithm of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from threadpoolctl import threadpool_limits

from .flow_start import checked_network, checked_start
from .homogeneous_network import Activation, HomogeneousNetwork, Loss, Normalization
from .log_time import weights_in_log_time

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
Progress = Callable[[float], None]

_LOOSER = 10.0  # in tolerance, the run that the error is estimated from
_TOLERANCES = (1e-12, 1e-2)


@dataclass(frozen=True, slots=True)
class GradientFlow:
    """A gradient flow on a grid of times.

    Attributes
    ----------
    log_times : ndarray, shape (times,)
        ln t.
    log_loss : ndarray, shape (times,)
        Ln of the sum of the examples' losses.
    norms : ndarray, shape (times, layers)
        rho_k, Frobenius norms of the layers.
    directions : tuple of ndarray, shapes (times, out, in)
        V_k, weights of each layer divided by their norm.
    margins : ndarray, shape (times, examples)
        Normalized margins: label times output of the network with layers of norm 1.
    powers : ndarray, shape (layers,)
        kappa_k, the degree of homogeneity of outputs in the weights of layer k.
    loss : {"exponential", "logistic"}
    log_loss_error, margins_error : ndarray, shape (times,)
    norms_error, directions_error : ndarray, shape (times, layers)
        Estimates of the errors of the integration: the largest difference up to that time to a run of ten
        times the tolerance (of margins the largest, of directions the norm). As a rule errors are smaller.
    evaluations : int
        Of the velocity, in the run itself.
    """

    log_times: FloatArray
    log_loss: FloatArray
    norms: FloatArray
    directions: tuple[FloatArray, ...]
    margins: FloatArray
    powers: FloatArray
    loss: Loss
    log_loss_error: FloatArray
    norms_error: FloatArray
    directions_error: FloatArray
    margins_error: FloatArray
    evaluations: int

    @property
    def log_scale(self) -> FloatArray:
        """Ln of rho, the product of the `rho_k^kappa_k`, by which outputs exceed normalized ones."""
        return np.asarray(np.log(self.norms) @ self.powers)

    @property
    def margin(self) -> FloatArray:
        """The least normalized margin at each time."""
        return np.asarray(self.margins.min(axis=1))

    @property
    def smoothed_margin(self) -> FloatArray:
        """The margin that one example alone would need for the same loss, over rho (arXiv:1906.05890).

        For the exponential loss ``-ln(loss) / rho``: below `margin`, by ``ln(examples) / rho`` at most.
        """
        needed = -self.log_loss
        if self.loss == "logistic":
            needed = needed - np.log(special.exprel(np.exp(self.log_loss)))
        return np.asarray(needed * np.exp(-self.log_scale))

    @property
    def weights(self) -> tuple[FloatArray, ...]:
        """W_k, weights of each layer, shapes (times, out, in)."""
        pairs = zip(self.norms.T, self.directions, strict=True)
        return tuple(norms[:, None, None] * directions for norms, directions in pairs)

    def to_dict(self) -> dict[str, Any]:
        """All values as JSON-ready numbers and lists."""
        lists = {
            name: getattr(self, name).tolist()
            for name in ("log_times", "log_loss", "norms", "margins", "powers", "log_loss_error",
                         "norms_error", "directions_error", "margins_error")
        }  # fmt: skip
        return {
            "schema_version": 1,
            "loss": self.loss,
            "evaluations": self.evaluations,
            "directions": [layer.tolist() for layer in self.directions],
            **lists,
        }

    def to_frame(self) -> pd.DataFrame:
        """One row per time, with a column for the norm of each layer: ``norm_1``, ``norm_2``, ..."""
        import pandas as pd

        columns = {
            "log_time": self.log_times,
            "log_loss": self.log_loss,
            "log_loss_error": self.log_loss_error,
            "margin": self.margin,
            "smoothed_margin": self.smoothed_margin,
            "margin_error": self.margins_error,
            "log_scale": self.log_scale,
        }
        norms = {f"norm_{k + 1}": column for k, column in enumerate(self.norms.T)}
        return pd.DataFrame(columns | norms)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the margin and, dashed, the smoothed margin against ln t, on a log axis from ln t > 0 on."""
        import matplotlib.pyplot as plt

        ax = plt.gca() if ax is None else ax
        shown = self.log_times > 0.0
        times = self.log_times[shown]
        (line,) = ax.plot(times, self.margin[shown])
        ax.plot(times, self.smoothed_margin[shown], color=line.get_color(), linestyle="--")
        ax.set_xscale("log")
        ax.set_xlabel("ln t")
        ax.set_ylabel("normalized margin")
        return ax


def _recorded(
    network: HomogeneousNetwork, weights: FloatArray
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, ...], FloatArray]:
    # ln loss, norms, directions, normalized margins
    matrices = network.layers(weights)
    norms = np.stack([np.sqrt((layer**2).sum(axis=(1, 2))) for layer in matrices], axis=1)
    directions = tuple(layer / norms[:, k, None, None] for k, layer in enumerate(matrices))
    outputs = [network.normalized_outputs([layer[i] for layer in directions]) for i in range(len(weights))]
    margins = network.labels * np.array(outputs)
    scaled = np.exp(np.log(norms) @ network.powers)[:, None] * margins
    log_losses = -scaled
    if network.loss == "logistic":
        # beyond 40, ln(1 + exp(-m)) is exp(-m) to the last digit
        log_losses = np.where(scaled < 40.0, np.log(np.logaddexp(0.0, -np.minimum(scaled, 40.0))), -scaled)
    return special.logsumexp(log_losses, axis=1), norms, directions, margins


def _so_far(differences: FloatArray) -> FloatArray:
    return np.maximum.accumulate(np.abs(differences), axis=0)


def integrate_gradient_flow(
    inputs: ArrayLike,
    labels: ArrayLike,
    start: Sequence[ArrayLike],
    log_times: ArrayLike,
    *,
    loss: Loss = "exponential",
    activation: Activation = "linear",
    normalization: Normalization = "none",
    tolerance: float = 1e-8,
    corner: float = 1e-3,
    evaluations: int = 100_000,
    progress: Progress | None = None,
) -> GradientFlow:
    """Gradient flow ``dW/dt = -dL/dW`` of a network without biases on the sum of ``l(y f(x))``.

    Parameters
    ----------
    inputs : array_like, shape (examples, dimension)
    labels : array_like, shape (examples,)
        -1 and +1.
    start : sequence of array_like, shapes (out, in)
        Weights of each layer at t = 0, the last with one output. A single layer is a linear classifier.
    log_times : array_like, shape (times,)
        ln t, increasing; minus infinity is the start.
    loss : {"exponential", "logistic"}
        ``l(m) = exp(-m)`` or ``ln(1 + exp(-m))``.
    activation : {"linear", "relu", "square", "cube"}
        Of hidden units.
    normalization : {"none", "layers", "units", "exponential"}
        What moves. ``"none"``: the weights. ``"layers"``: the norm rho_k and the direction V_k of each layer
        on its unit sphere, which is at once the flow with a Lagrange multiplier for unit norms, of weight
        normalization, and along the tangent gradient (arXiv:1903.04991): directions move rho_k^2 times as
        fast as with ``"none"``. ``"units"``: one norm for each layer, whose units have directions on spheres
        of their own and equal norms, as batch normalization has them; units of `start` are brought there.
        ``"exponential"``: ln |w| and the direction of each unit's weights w, which is the plain flow with
        |w|^2 times the speed (arXiv:2010.12909, exponential weight normalization).
    tolerance : float
        Absolute error of weights in each step, between 1e-12 and 1e-2.
    corner : float
        ReLUs are rounded where their input is within this fraction of the example's norm, over the root of
        the number of units, in the network with layers of norm 1; from 1e-6 to 0.1. Outputs stay homogeneous.
        Flows come to slide along kinks for good: there a rounded one finds the slope that holds it. A margin
        in proportion to `corner` is that of an example that exact ReLUs would not learn.
    evaluations : int
        At most so many of the velocity.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    GradientFlow

    Raises
    ------
    ValueError
        If an argument is out of range or unknown, or the flow comes to rest at a loss that is not zero.
    RuntimeError
        If the evaluations do not suffice, or the integrator gives up.

    Notes
    -----
    Equations: arXiv:1903.04991 (unconstrained flow and those with normalized weights), arXiv:1906.05890
    (smoothed margin).

    Examples
    --------
    >>> flow = integrate_gradient_flow([[1.0, 0.0]], [1], [[[0.0, 0.0]]], [10.0, 10000.0])
    >>> flow.norms[:, 0].round(4)
    array([   10., 10000.])
    """
    times = np.asarray(log_times, dtype=np.float64)
    if times.ndim != 1 or not times.size or not np.all(times < np.inf) or not np.all(np.diff(times) > 0.0):
        raise ValueError(f"log_times must increase, and be finite or minus infinity, got {times}")
    if not _TOLERANCES[0] <= tolerance <= _TOLERANCES[1]:
        raise ValueError(f"tolerance must be in [{_TOLERANCES[0]:g}, {_TOLERANCES[1]:g}], got {tolerance}")
    if not evaluations >= 1:
        raise ValueError(f"evaluations must be at least 1, got {evaluations}")
    network = checked_network(inputs, labels, start, activation, loss, normalization, corner)
    weights = checked_start(network, start)

    def run(which: int) -> Progress:
        return lambda share: progress and progress(0.5 * (which + share))

    with threadpool_limits(1):  # small products: threads would only wait for each other
        (found, used), (rough, _) = (
            weights_in_log_time(
                network, weights, times, tolerance=some, evaluations=evaluations, progress=run(k)
            )
            for k, some in enumerate((tolerance, _LOOSER * tolerance))
        )
    log_loss, norms, directions, margins = _recorded(network, found)
    other_loss, other_norms, others, other_margins = _recorded(network, rough)
    turned = [
        np.sqrt(((mine - other) ** 2).sum(axis=(1, 2)))
        for mine, other in zip(directions, others, strict=True)
    ]
    return GradientFlow(
        log_times=times,
        log_loss=log_loss,
        norms=norms,
        directions=directions,
        margins=margins,
        powers=network.powers,
        loss=loss,
        log_loss_error=_so_far(log_loss - other_loss),
        norms_error=_so_far(norms - other_norms),
        directions_error=_so_far(np.stack(turned, axis=1)),
        margins_error=_so_far(np.abs(margins - other_margins).max(axis=1)),
        evaluations=used,
    )
