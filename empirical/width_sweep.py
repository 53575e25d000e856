"""`WidthSweep`: error, ensemble error and fluctuation of networks against their number of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate import SeedEstimate
from genlaws.simulate.output_ensembles import classification_errors
from genlaws.simulate.seeds import entropy_of

from .width_ensemble import WidthEnsemble
from .width_measures import WidthMeasures, measure_width, unsatisfied_examples

if TYPE_CHECKING:
    import pandas as pd

    from .width_training import WidthProtocol

IntArray = NDArray[np.int64]

SCHEMA_VERSION = 1

NETWORKS_IN_BLOCK = 10
"""How many networks are trained side by side in a sweep: a piece of work that can be done elsewhere."""


@dataclass(frozen=True, slots=True)
class ZeroLossThreshold:
    """N*, the number of parameters from which on networks reach zero training loss.

    Attributes
    ----------
    parameters : int or None
        The least N of the sweep such that there and at every larger one at least half of the networks reach
        it. None if they do not at the largest.
    below : int or None
        The next smaller N of the sweep, where they do not: N* lies between the two. None if there is none,
        and N* may be anywhere below.
    """

    parameters: int | None
    below: int | None


def zero_loss_threshold(parameters: ArrayLike, reached_shares: ArrayLike) -> ZeroLossThreshold:
    """N* of numbers of parameters and the share of networks that reach zero training loss at each.

    Parameters
    ----------
    parameters : array_like of int, shape (widths,)
        Increasing.
    reached_shares : array_like, shape (widths,)

    Raises
    ------
    ValueError
        If the shapes differ, or `parameters` do not increase.
    """
    counts, shares = np.asarray(parameters), np.asarray(reached_shares, dtype=np.float64)
    if counts.ndim != 1 or counts.shape != shares.shape or np.any(np.diff(counts) <= 0):
        raise ValueError(f"parameters must increase, with a share for each, got {counts} and {shares}")
    failing = np.flatnonzero(~(shares >= 0.5))
    first = int(failing[-1]) + 1 if failing.size else 0
    return ZeroLossThreshold(
        parameters=int(counts[first]) if first < counts.size else None,
        below=int(counts[first - 1]) if first else None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class WidthSweep:
    """Networks of several widths, trained on the same examples and tested on the same points.

    Attributes
    ----------
    ensembles : tuple of WidthEnsemble
        In the order of their widths.
    labels : ndarray of int64, shape (test points,)
        -1 and +1.
    training_labels : ndarray of int64, shape (examples,)
    settings : mapping
        What was trained and how, ready for JSON.

    Raises
    ------
    ValueError
        If there is no width, or widths do not increase.
    """

    ensembles: tuple[WidthEnsemble, ...]
    labels: IntArray
    training_labels: IntArray
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        widths = [ensemble.width for ensemble in self.ensembles]
        if not widths or np.any(np.diff(widths) <= 0):
            raise ValueError(f"ensembles must have widths that increase, got {widths}")

    def __iter__(self) -> Iterator[WidthEnsemble]:
        """One ensemble after the other."""
        return iter(self.ensembles)

    def measures(self, sizes: Sequence[int] | None = None) -> tuple[WidthMeasures, ...]:
        """What was measured at each width; `sizes` of ensembles as in `measure_width`."""
        return tuple(measure_width(e, self.labels, self.training_labels, sizes=sizes) for e in self)

    def threshold(self) -> ZeroLossThreshold:
        """N*, as far as these widths and steps tell."""
        return zero_loss_threshold([e.parameters for e in self], [e.reached.mean() for e in self])

    def to_frame(self) -> pd.DataFrame:
        """One row for each width: every estimate of `WidthMeasures` and its standard error, ``*_se``.

        Ensemble errors are those of all networks, which have no standard error over networks.
        """
        import pandas as pd

        rows = []
        for measured in self.measures():
            row: dict[str, Any] = {}
            for name, value in asdict(measured).items():
                estimate = getattr(measured, name)
                if name == "ensemble_sizes":
                    continue
                if name in ("ensemble_errors", "early_ensemble_errors"):
                    row[name[:-1]] = estimate[-1].value if estimate else None
                elif isinstance(estimate, SeedEstimate):
                    row |= {name: estimate.value, f"{name}_se": estimate.se}
                else:
                    row[name] = value
            rows.append(row)
        return pd.DataFrame(rows).rename(columns={"ensemble_sizes": "ensemble_size"})

    def to_dict(self) -> dict[str, Any]:
        """Everything but the outputs themselves, ready for JSON; null where a number is not finite."""
        threshold = self.threshold()
        return {
            "schema_version": SCHEMA_VERSION,
            "settings": dict(self.settings),
            "threshold": asdict(threshold),
            "widths": [
                asdict(measured) | {"each": _each(ensemble, self.labels, self.training_labels)}
                for measured, ensemble in zip(self.measures(), self.ensembles, strict=True)
            ],
        }


def _each(networks: WidthEnsemble, labels: IntArray, training_labels: IntArray) -> dict[str, list[Any]]:
    """What is known of each network by itself; null where it diverged."""

    def column(of_sound: ArrayLike) -> list[Any]:
        values = iter(np.asarray(of_sound).tolist())
        return [None if diverged else next(values) for diverged in networks.diverged]

    sound = networks.sound()
    outputs, slopes = sound.outputs.astype(np.float64), sound.gradient_norms.astype(np.float64)
    some = len(sound) > 0
    return {
        "reached": networks.reached.tolist(),
        "diverged": networks.diverged.tolist(),
        "steps": networks.steps.tolist(),
        "losses": column(sound.losses),
        "unsatisfied": column(unsatisfied_examples(sound, training_labels)),
        "errors": column(classification_errors(outputs, labels) if some else []),
        "early_errors": column(classification_errors(sound.early_outputs, labels) if some else []),
        "early_steps": networks.early_steps.tolist(),
        "norms": column(np.sqrt((outputs**2).mean(axis=1))),
        "gradient_norms": column(np.sqrt((slopes**2).mean(axis=1))),
    }


def block_stream(seed: int, *, width: int, block: int) -> np.random.Generator:
    """Where the networks of one block of one width are drawn from: the same whatever else is trained."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(width, block)))


def blocks_of(networks: int) -> tuple[int, ...]:
    """How many networks are in each block; ValueError if there is none."""
    if networks < 1:
        raise ValueError(f"networks must be at least 1, got {networks}")
    full, rest = divmod(networks, NETWORKS_IN_BLOCK)
    return (NETWORKS_IN_BLOCK,) * full + ((rest,) if rest else ())


def sweep_widths(
    inputs: ArrayLike,
    labels: ArrayLike,
    test_inputs: ArrayLike,
    test_labels: ArrayLike,
    *,
    widths: Iterable[int],
    networks: int = 20,
    protocol: WidthProtocol | None = None,
    rng: np.random.Generator | int | None = None,
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> WidthSweep:
    """Train an ensemble of networks of each width on the same examples (arXiv:1901.01608).

    Parameters
    ----------
    inputs : array_like, shape (examples, features)
    labels : array_like of -1 and +1, shape (examples,)
    test_inputs : array_like, shape (points, features)
    test_labels : array_like of -1 and +1, shape (points,)
    widths : iterable of int
        Of the hidden layers; each is trained once, in increasing order.
    networks : int
        At each width.
    protocol : WidthProtocol, optional
        None: that of the paper.
    rng : Generator, int or None
        The start of a network depends on the seed, its width and its number only: more widths, or more
        networks, leave those there were as they are.
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called with the share of the networks that are trained.

    Returns
    -------
    WidthSweep

    Raises
    ------
    ValueError
        If inputs and labels do not fit each other, or a number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from genlaws.empirical import WidthProtocol, sweep_widths
    >>> x = np.random.default_rng(0).standard_normal((120, 3))
    >>> y = np.where(x[:, 0] > 0, 1, -1)
    >>> short = WidthProtocol(hidden_layers=1, rate_factor=100, max_steps=2000)
    >>> sweep = sweep_widths(x[:20], y[:20], x[20:], y[20:], widths=[4, 8], networks=3, protocol=short, rng=0)
    >>> [(e.parameters, int(e.reached.sum())) for e in sweep]
    [(21, 3), (41, 3)]
    """
    from .width_training import WidthProtocol, train_width

    how = WidthProtocol() if protocol is None else protocol
    chosen, blocks, seed = sorted(set(widths)), blocks_of(networks), entropy_of(rng)
    ensembles = []
    for place, width in enumerate(chosen):
        parts = []
        for block, count in enumerate(blocks):
            parts.append(
                train_width(
                    inputs,
                    labels,
                    test_inputs,
                    test_labels,
                    width=width,
                    networks=count,
                    protocol=how,
                    rng=block_stream(seed, width=width, block=block),
                    device=device,
                )
            )
            if progress is not None:
                progress((place + (block + 1) / len(blocks)) / len(chosen))
        ensembles.append(WidthEnsemble.concatenate(parts))
    return WidthSweep(
        ensembles=tuple(ensembles),
        labels=np.asarray(test_labels, dtype=np.int64),
        training_labels=np.asarray(labels, dtype=np.int64),
        settings={
            "training": how.to_dict(),
            "networks": networks,
            "examples": len(np.asarray(labels)),
            "seed": seed,
        },
    )
