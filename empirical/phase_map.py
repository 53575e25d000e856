"""`PhaseMap`: what networks of each weight variance and depth learn, and how much of it they generalize."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .tasks import ClassificationTask, split_points

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MapSource = Literal["kernel", "network"]
Measure = Literal["train_accuracy", "test_accuracy", "train_loss", "test_loss"]

SCHEMA_VERSION = 1

_MEASURES: tuple[Measure, ...] = get_args(Measure)


def _last_crossing(depths: IntArray, lead: FloatArray) -> float:
    within = np.flatnonzero(lead >= 0.0)
    if len(within) == 0:
        return 0.0
    last = within[-1]
    if last == len(depths) - 1:
        return math.inf
    low, high = np.log(depths[last]), np.log(depths[last + 1])
    # beside an infinite loss it is the depth before
    share = lead[last] / (lead[last] - lead[last + 1])
    return float(np.exp(low + share * (high - low)))


@dataclass(frozen=True, slots=True, eq=False)
class PhaseMap:
    """Accuracy and loss on training and held-out points, by weight variance, depth and training time.

    Build it with `kernel_phase_map` or `network_phase_map`.

    Attributes
    ----------
    weight_variances : ndarray, shape (variances,)
        Ascending.
    depths : ndarray of int64, shape (depths,)
        Layers of weights, ascending.
    steps : ndarray of int64, shape (times,)
        Steps of gradient descent, ascending.
    train_accuracy, test_accuracy : ndarray, shape (variances, depths, times)
        In [0, 1]. Networks that diverged are right nowhere.
    train_loss, test_loss : ndarray, shape (variances, depths, times)
        Mean square distance from the labels, over that of the mean training label: 0 where all is known, 1
        where no more is known than how frequent the classes are. Infinite where a network diverged.
    chance : float
        Share of the most frequent class among the held-out points.
    source : {"kernel", "network"}
        Infinitely wide networks, or finite ones.
    activation : str
    bias_variance : float
    settings : dict
        What was run, ready for JSON.
    """

    weight_variances: FloatArray
    depths: IntArray
    steps: IntArray
    train_accuracy: FloatArray
    test_accuracy: FloatArray
    train_loss: FloatArray
    test_loss: FloatArray
    chance: float
    source: MapSource
    activation: str
    bias_variance: float
    settings: dict[str, Any]

    def depth_limits(self, measure: Measure, level: float) -> FloatArray:
        """Depths up to which an accuracy stays at or above a level, or a loss at or below it.

        Parameters
        ----------
        measure : {"train_accuracy", "test_accuracy", "train_loss", "test_loss"}
        level : float

        Returns
        -------
        ndarray, shape (variances, times)
            Beyond the deepest depth where it is so, interpolated in the logarithm of the depth: 0 where it is
            so at none, infinite where it still is at the deepest.

        Raises
        ------
        ValueError
            If the measure is unknown.
        """
        if measure not in _MEASURES:
            raise ValueError(f"measure must be one of {', '.join(_MEASURES)}, got {measure!r}")
        lead = getattr(self, measure) - level
        if measure.endswith("loss"):
            lead = -lead
        return np.array([[_last_crossing(self.depths, time) for time in variance.T] for variance in lead])

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON; infinite losses are null."""
        columns: dict[str, Any] = {}
        for name in _MEASURES:
            column = getattr(self, name).astype(object)
            column[column == np.inf] = None
            columns[name] = column.tolist()
        return {
            "schema_version": SCHEMA_VERSION,
            "source": self.source,
            "activation": self.activation,
            "bias_variance": self.bias_variance,
            "chance": self.chance,
            "settings": dict(self.settings),
            "weight_variances": self.weight_variances.tolist(),
            "depths": self.depths.tolist(),
            "steps": self.steps.tolist(),
            **columns,
        }

    @classmethod
    def from_dict(cls, made: Mapping[str, Any]) -> PhaseMap:
        """The map of what `to_dict` gave; ValueError if that is of another schema version."""
        version = made.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ValueError(f"schema_version of a phase map must be {SCHEMA_VERSION}, got {version!r}")
        read: dict[str, FloatArray] = {n: np.array(made[n], dtype=np.float64) for n in _MEASURES}
        return cls(
            weight_variances=np.array(made["weight_variances"], dtype=np.float64),
            depths=np.array(made["depths"], dtype=np.int64),
            steps=np.array(made["steps"], dtype=np.int64),
            **{name: np.where(np.isnan(column), np.inf, column) for name, column in read.items()},
            chance=float(made["chance"]),
            source=made["source"],
            activation=made["activation"],
            bias_variance=float(made["bias_variance"]),
            settings=dict(made["settings"]),
        )

    def to_frame(self) -> pd.DataFrame:
        """A row for each weight variance, depth and number of steps."""
        import pandas as pd

        grid = np.meshgrid(self.weight_variances, self.depths, self.steps, indexing="ij")
        names = ("weight_variance", "depth", "steps")
        columns = {name: values.ravel() for name, values in zip(names, grid, strict=True)}
        return pd.DataFrame(columns | {name: getattr(self, name).ravel() for name in _MEASURES})


@dataclass(frozen=True, slots=True, eq=False)
class MappedPoints:
    """Training and held-out points of a map: inputs with |x|^2 = features, classes from 0 on."""

    inputs: FloatArray
    classes: IntArray
    heldout_inputs: FloatArray
    heldout_classes: IntArray
    outputs: int

    @classmethod
    def of(
        cls, task: ClassificationTask, *, training: int, heldout: int, rng: np.random.Generator
    ) -> MappedPoints:
        """Points of a task chosen at random; ValueError if there are too few, or one of length 0."""
        if heldout < 1:
            raise ValueError(f"heldout must be at least 1, got {heldout}")
        split = split_points(task, training=training, heldout=heldout, rng=rng)
        classes = np.unique(task.labels, return_inverse=True)[1].astype(np.int64)

        def of_one_length(chosen: IntArray) -> FloatArray:
            inputs = task.inputs[chosen]
            lengths = np.linalg.norm(inputs, axis=1, keepdims=True)
            if not np.all(lengths > 0.0):
                raise ValueError(f"inputs of {task.name} must not be 0: all are scaled to one length")
            scaled: FloatArray = inputs * (math.sqrt(inputs.shape[1]) / lengths)
            return scaled

        return cls(
            of_one_length(split.training),
            classes[split.training],
            of_one_length(split.heldout),
            classes[split.heldout],
            len(task.classes),
        )

    def accuracies_and_losses(
        self, scores: FloatArray, *, on_training: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Share of right answers and mean square distance from the labels, in units of `PhaseMap`.

        Parameters
        ----------
        scores : ndarray, shape (..., points, outputs)
            Held against labels that are 1 for the right class and 0 for others.
        on_training : bool
            Whether the points are the training points or the held-out ones.

        Returns
        -------
        tuple of ndarray, each of shape (...)
        """
        classes = self.classes if on_training else self.heldout_classes
        labels = np.eye(self.outputs)
        known = labels[self.classes].mean(axis=0)
        trivial = np.mean(np.sum((labels[classes] - known) ** 2, axis=-1))
        squares = np.mean(np.sum((scores - labels[classes]) ** 2, axis=-1), axis=-1)
        return np.mean(scores.argmax(axis=-1) == classes, axis=-1), squares / trivial


def _ascending(name: str, values: Sequence[float], *, least: float, whole: bool) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in ("iu" if whole else "iuf"):
        raise ValueError(f"{name} must be {'integers' if whole else 'numbers'}, at least one, got {values}")
    if not np.all(np.isfinite(array)) or array[0] < least or np.any(np.diff(array) <= 0):
        raise ValueError(f"{name} must be finite, ascending and at least {least:g}, got {array.tolist()}")
    return array.astype(np.int64 if whole else np.float64)


def _differences(known: PhaseMap, wanted: PhaseMap) -> str:
    # what tells two maps apart, by name
    names = ["depths", "steps", "source", "activation", "bias_variance", "chance"]
    apart = [name for name in names if not np.array_equal(getattr(known, name), getattr(wanted, name))]
    keys = sorted({*known.settings, *wanted.settings})
    apart += [key for key in keys if known.settings.get(key) != wanted.settings.get(key)]
    return ", ".join(apart)


def map_columns(
    column: Callable[[float, IntArray, IntArray], FloatArray],
    *,
    weight_variances: Sequence[float],
    depths: Sequence[int],
    steps: Sequence[int],
    points: MappedPoints,
    source: MapSource,
    activation: str,
    bias_variance: float,
    settings: Mapping[str, Any],
    known: PhaseMap | None,
    finished: Callable[[PhaseMap], None] | None,
) -> PhaseMap:
    """A phase map, weight variance by weight variance.

    Parameters
    ----------
    column : callable
        (weight variance, depths, steps) -> the four measures, shape (4, depths, steps): accuracies and then
        losses, each on the training and the held-out points.
    weight_variances, depths, steps : sequence
        Ascending; weight variances are positive, depths at least 1.
    known : PhaseMap, optional
        Of an earlier run; the weight variances that it holds are not done again.
    finished : callable, optional
        Called with the map so far after each weight variance.

    Raises
    ------
    ValueError
        If the grid is out of range, or `known` was made with other settings.
    """
    variances = _ascending("weight_variances", weight_variances, least=np.nextafter(0, 1), whole=False)
    layers = _ascending("depths", depths, least=1, whole=True)
    times = _ascending("steps", steps, least=0, whole=True)
    empty = np.empty((0, len(layers), len(times)))
    so_far = PhaseMap(
        weight_variances=variances[:0],
        depths=layers,
        steps=times,
        train_accuracy=empty,
        test_accuracy=empty,
        train_loss=empty,
        test_loss=empty,
        chance=float(np.bincount(points.heldout_classes).max() / len(points.heldout_classes)),
        source=source,
        activation=activation,
        bias_variance=bias_variance,
        settings=dict(settings),
    )
    done: dict[float, FloatArray] = {}
    if known is not None:
        apart = _differences(known, so_far)
        if apart:
            raise ValueError(f"known, the map to go on from, must be made alike; it is of others: {apart}")
        columns = np.stack([getattr(known, name) for name in _MEASURES])
        done = {float(v): columns[:, k] for k, v in enumerate(known.weight_variances)}
    for variance in variances.tolist():
        new = variance not in done
        if new:
            done[variance] = column(variance, layers, times)
        made = [v for v in variances.tolist() if v in done]
        stacked = np.stack([done[v] for v in made], axis=1)
        measures = dict(zip(_MEASURES, stacked, strict=True))
        so_far = replace(so_far, weight_variances=np.array(made), **measures)
        if new and finished is not None:
            finished(so_far)
    return so_far


def cell_stream(entropy: int, weight_variance: float, depth: int) -> np.random.SeedSequence:
    """Randomness of one weight variance and depth: the same whatever else a map holds."""
    bits = int(np.float64(weight_variance).view(np.uint64))
    return np.random.SeedSequence(entropy, spawn_key=(1, bits, depth))


def mapped_points(task: ClassificationTask, *, training: int, heldout: int, entropy: int) -> MappedPoints:
    """The points of the maps of one seed; ValueError if there are too few."""
    stream = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(0,)))
    return MappedPoints.of(task, training=training, heldout=heldout, rng=stream)
