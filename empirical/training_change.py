"""`TrainingChange`: how far training moved the kernel, the units and the weights of networks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genlaws.simulate import Measurement

from .devices import in_chunks
from .networks import Network
from .optimizers import Parametrization
from .tangent_kernel import empirical_tangent_kernel
from .trained_networks import TrainedNetworks

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]

SCHEMA_VERSION = 1

# points a network goes through at once
_POINTS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class TrainingChange:
    """What training changed, network by network.

    Build it with `measure_training_change`.

    Attributes
    ----------
    widths : ndarray of int64, shape (networks,)
        Units in the first layer.
    kernels : ndarray, shape (networks,)
        Change of the tangent kernel over the kernel at the start, both in the Frobenius norm.
    units : ndarray, shape (networks, hidden layers)
        Root mean square change of what enters the units of a layer, over units, places and points.
    relative_units : ndarray, shape (networks, hidden layers)
        The same over the root mean square at the start.
    weights : ndarray, shape (networks, layers)
        Change of a layer's weights over the weights at the start, biases apart; Frobenius norms.
    settings : dict
        What was compared, ready for JSON.
    """

    widths: NDArray[np.int64]
    kernels: FloatArray
    units: FloatArray
    relative_units: FloatArray
    weights: FloatArray
    settings: dict[str, Any]

    @classmethod
    def concatenate(cls, parts: list[TrainingChange]) -> TrainingChange:
        """Join networks of several widths, of one number of layers. Raises ValueError if there are none."""
        if not parts:
            raise ValueError("a change needs at least one part")
        columns = ("widths", "kernels", "units", "relative_units", "weights")
        joined = {name: np.concatenate([getattr(p, name) for p in parts]) for name in columns}
        return cls(**joined, settings=parts[0].settings)

    def to_frame(self) -> pd.DataFrame:
        """A row a network: width, kernel, and by layer `units_1`, `relative_units_1`, `weights_1`, ..."""
        import pandas as pd

        columns = {"width": self.widths, "kernel": self.kernels}
        for name in ("units", "relative_units", "weights"):
            columns |= {f"{name}_{k + 1}": column for k, column in enumerate(getattr(self, name).T)}
        return pd.DataFrame(columns)

    def measurement(self, column: str = "kernel") -> Measurement:
        """A column of `to_frame` by width; one replicate a network.

        Raises
        ------
        ValueError
            If there is no such column, or a number in it is not finite.
        """
        frame = self.to_frame()
        if column not in frame.columns[1:]:
            raise ValueError(f"column must be one of {', '.join(frame.columns[1:])}, got {column!r}")
        return Measurement(
            x=self.widths.astype(np.float64),
            replicate=np.arange(len(self.widths)),
            y=frame[column].to_numpy(),
            source="network",
            x_label="width h",
            y_label=f"change of {column.replace('_', ' ')}",
            settings=self.settings,
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON; null where a network diverged."""

        def listed(values: NDArray[Any]) -> list[Any]:
            if values.ndim > 1:
                return [listed(row) for row in values]
            return [v if math.isfinite(v) else None for v in values.tolist()]

        return {
            "schema_version": SCHEMA_VERSION,
            "settings": dict(self.settings),
            "widths": self.widths.tolist(),
            "kernels": listed(self.kernels),
            "units": listed(self.units),
            "relative_units": listed(self.relative_units),
            "weights": listed(self.weights),
        }


def _layer_squares(network: Network, before: Tensor, after: Tensor, points: Tensor) -> Tensor:
    # mean squares of what enters the units at the start, and of its change: (networks, hidden layers, 2)
    sums = before.new_zeros(len(before), len(network.layers) - 1, 2, dtype=torch.float64)
    for first in range(0, len(points), _POINTS):
        some = points[first : first + _POINTS]
        old = network.layer_values(network.split(before), some)[:-1]
        new = network.layer_values(network.split(after), some)[:-1]
        for k, ((_, was), (_, now)) in enumerate(zip(old, new, strict=True)):
            share = len(some) / len(points)
            sums[:, k, 0] += share * was.flatten(1).double().square().mean(dim=1)
            sums[:, k, 1] += share * (now - was).flatten(1).double().square().mean(dim=1)
    return sums


def _relative(change: Tensor, start: Tensor) -> Tensor:
    flat = change.flatten(1).double().norm(dim=1), start.flatten(1).double().norm(dim=1)
    ratio: Tensor = flat[0] / flat[1]
    return ratio


def measure_training_change(
    start: TrainedNetworks,
    end: TrainedNetworks,
    inputs: ArrayLike,
    *,
    parametrization: Parametrization = "ntk",
) -> TrainingChange:
    """Compare networks with what they were before training.

    Parameters
    ----------
    start, end : TrainedNetworks
        The same networks before and after: those of a `ScaledFlow`, or of `train_networks` with
        ``max_steps=0`` and without, from the same seed.
    inputs : array_like, shape (points, *input_shape)
        On which units and kernels are compared; a hundred points say what thousands do.
    parametrization : {"ntk", "standard"}
        Of the kernel, as in `empirical_tangent_kernel`.

    Returns
    -------
    TrainingChange

    Raises
    ------
    ValueError
        If the two do not hold as many networks of one architecture, or the points do not fit it.

    Notes
    -----
    In the parametrization of unit variances units change by the order of one over the root of the width
    (arXiv:1906.08034, eq. 22). For the kernel both one over the width (arXiv:1901.01608) and over its root
    (arXiv:1906.08034; as a bound in arXiv:1902.06720) are found in print. Units that switch, as those of ReLU
    do, make it the width to the power -3/4 (derived): of h units about the root of h switch at a point.
    """
    network = start.network
    if end.network != network or len(end) != len(start):
        raise ValueError(
            f"start and end must be the same networks, got {len(start)} of {network.architecture} and "
            f"{len(end)} of {end.network.architecture}"
        )
    before, after = start.flat_weights, end.flat_weights
    points = torch.tensor(np.asarray(inputs), dtype=before.dtype, device=before.device)

    def compared(rows: slice) -> Tensor:
        old, new = before[rows], after[rows]
        kernels = [
            empirical_tangent_kernel(network, network.split(w), inputs, parametrization=parametrization)
            for w in (old, new)
        ]
        kernel = _relative(kernels[1] - kernels[0], kernels[0])
        squares = _layer_squares(network, old, new, points)
        pairs = zip(network.split(old), network.split(new), strict=True)
        weights = [_relative(now[0] - was[0], was[0]) for was, now in pairs]
        return torch.cat([kernel[:, None], squares.flatten(1), torch.stack(weights, dim=1)], dim=1)

    with torch.no_grad():
        places = math.prod(network.input_shape[1:])
        units = sum(
            layer.weight_shape[0] * (places if layer.convolutional else 1) for layer in network.layers
        )
        numbers = len(points) * (2 * len(points) + 4 * units) + 2 * network.latent_size
        table = in_chunks(
            compared, len(before), bytes_per_row=before.element_size() * numbers, device=before.device
        )
    made = table.cpu().numpy()
    hidden = len(network.layers) - 1
    squares = made[:, 1 : 1 + 2 * hidden].reshape(-1, hidden, 2)
    return TrainingChange(
        widths=np.full(len(made), network.layers[0].weight_shape[0]),
        kernels=made[:, 0],
        units=np.sqrt(squares[:, :, 1]),
        relative_units=np.sqrt(squares[:, :, 1] / squares[:, :, 0]),
        weights=made[:, 1 + 2 * hidden :],
        settings={
            "points": len(points),
            "kernel_parametrization": parametrization,
            "layers": len(network.layers),
            "training": end.settings,
        },
    )
