"""`KernelFluctuation`: how far tangent kernels of random networks lie from their limit, width by width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate import Measurement
from genlaws.simulate.seeds import entropy_of

from .devices import resolve_device
from .limit_kernel import has_closed_limit, limit_tangent_kernel
from .networks import Network
from .optimizers import Parametrization
from .tangent_kernel import empirical_tangent_kernel

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
Around = Literal["mean", "limit"]

SCHEMA_VERSION = 1

# weights drawn at once, of as many networks as that makes
_NUMBERS_DRAWN = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class KernelFluctuation:
    """Distances of tangent kernels at initialization, in the Frobenius norm over pairs of points.

    Build it with `measure_kernel_fluctuation`.

    Attributes
    ----------
    widths : ndarray of int64, shape (widths,)
        Units in the first layer.
    parameters : ndarray of int64, shape (widths,)
        Number of weights and biases.
    spreads : ndarray, shape (widths, draws)
        Distance from the mean over draws, over the norm of that mean; times sqrt(draws / (draws - 1)), so
        that squares are right on average.
    distances : ndarray, shape (widths, draws), or None
        Distance from the limit of infinite width, over the norm of that limit, where there is a closed form.
    settings : dict
        What was run, ready for JSON.
    """

    widths: NDArray[np.int64]
    parameters: NDArray[np.int64]
    spreads: FloatArray
    distances: FloatArray | None
    settings: dict[str, Any]

    def measurement(self, around: Around = "mean") -> Measurement:
        """Relative distance from the mean over draws, or from the limit, by width; one replicate a draw.

        Raises
        ------
        ValueError
            If `around` is neither ``"mean"`` nor ``"limit"``, or the limit is not known in closed form.
        """
        if around not in get_args(Around):
            raise ValueError(f"around must be one of {', '.join(get_args(Around))}, got {around!r}")
        values = self.spreads if around == "mean" else self.distances
        if values is None:
            raise ValueError("around must be 'mean' where the limit has no closed form, got 'limit'")
        draws = values.shape[1]
        return Measurement(
            x=np.repeat(self.widths, draws),
            # draws of different widths share nothing
            replicate=np.arange(values.size),
            y=values.ravel(),
            source="network",
            x_label="width h",
            y_label=f"relative distance of tangent kernels from their {around}",
            settings=self.settings,
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON; null where the limit has no closed form."""
        return {
            "schema_version": SCHEMA_VERSION,
            "settings": dict(self.settings),
            "widths": self.widths.tolist(),
            "parameters": self.parameters.tolist(),
            "spreads": self.spreads.tolist(),
            "distances": None if self.distances is None else self.distances.tolist(),
        }

    def to_frame(self) -> pd.DataFrame:
        """A row for each width and draw."""
        import pandas as pd

        widths, draws = self.spreads.shape
        columns = {
            "width": np.repeat(self.widths, draws),
            "parameters": np.repeat(self.parameters, draws),
            "draw": np.tile(np.arange(draws), widths),
            "spread": self.spreads.ravel(),
        }
        if self.distances is not None:
            columns["distance"] = self.distances.ravel()
        return pd.DataFrame(columns)


def measure_kernel_fluctuation(
    networks: Sequence[Network],
    inputs: ArrayLike,
    *,
    draws: int = 20,
    parametrization: Parametrization = "ntk",
    rng: np.random.Generator | int | None = None,
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> KernelFluctuation:
    """Draw networks of each width from their prior and compare their tangent kernels.

    Parameters
    ----------
    networks : sequence of Network
        One for each width.
    inputs : array_like, shape (points, *input_shape)
        A hundred points say what thousands do: all pairs of them count, and all share one draw.
    draws : int
        Networks of each width, at least 2.
    parametrization : {"ntk", "standard"}
        As in `empirical_tangent_kernel`. Distances from the limit are those of ``"ntk"``.
    rng : Generator, int or None
        Draws depend on the seed and on their network's sizes, not on which other networks there are.
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called with the share of the networks done.

    Returns
    -------
    KernelFluctuation

    Raises
    ------
    ValueError
        If there is no network, fewer than 2 draws, or the points do not fit a network.

    Notes
    -----
    ||Theta_N - Theta_inf|| is of the order of one over the root of the width (arXiv:1901.01608, eq. 8).
    """
    if not networks:
        raise ValueError("networks must hold at least one network")
    if draws < 2:
        raise ValueError(f"draws must be at least 2, got {draws}")
    place, seed = resolve_device(device), entropy_of(rng)
    spreads, distances = [], []
    for k, network in enumerate(networks):
        sizes = tuple(size for layer in network.layers for size in layer.weight_shape)
        stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=sizes))
        # drawn on the CPU: the same networks on every device
        at_once = max(1, _NUMBERS_DRAWN // network.latent_size)
        blocks = [min(at_once, draws - first) for first in range(0, draws, at_once)]
        with torch.no_grad():
            kernels = torch.cat(
                [
                    empirical_tangent_kernel(
                        network,
                        network.weights(network.draw(block, stream).to(place)),
                        inputs,
                        parametrization=parametrization,
                    ).double()
                    for block in blocks
                ]
            )
        mean = kernels.mean(dim=0)
        norms = (kernels - mean).flatten(1).norm(dim=1) / mean.norm() * (draws / (draws - 1)) ** 0.5
        spreads.append(norms.cpu().numpy())
        if parametrization == "ntk" and has_closed_limit(network):
            limit = torch.from_numpy(limit_tangent_kernel(network, inputs)).to(place)
            distances.append(((kernels - limit).flatten(1).norm(dim=1) / limit.norm()).cpu().numpy())
        if progress is not None:
            progress((k + 1) / len(networks))
    return KernelFluctuation(
        widths=np.array([network.layers[0].weight_shape[0] for network in networks]),
        parameters=np.array([network.latent_size for network in networks]),
        spreads=np.array(spreads),
        distances=np.array(distances) if len(distances) == len(networks) else None,
        settings={
            "points": len(np.asarray(inputs)),
            "draws": draws,
            "parametrization": parametrization,
            "layers": len(networks[0].layers),
            "activation": networks[0].architecture.activation,
            "prior": networks[0].prior.kind,
            "seed": seed,
        },
    )
