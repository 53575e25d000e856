"""A sweep of widths carried out in units: on any executor, with or without a store."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .claim import Device, Settings
from .cli_images import ImageOptions
from .execution import Failure, WorkOutcome, work_outcomes
from .packed_arrays import packed_array, unpacked_array
from .run_request import checksum_of_images
from .store import DamagedFileError, Store
from .units import Unit, carry_out

if TYPE_CHECKING:
    from genlaws.empirical import ClassificationTask, PointSplit, WidthEnsemble, WidthProtocol, WidthSweep

REVISION = 1  # of the training: raised when the same settings give other networks

_IMAGES = ("data", "task", "preprocess", "components", "heldout", "official_split")


class SweepFailedError(RuntimeError):
    """A unit of a sweep could not be carried out."""


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What is to be trained, and on what.

    Attributes
    ----------
    images
        Data, task and held-out images, of which the sweep takes the first choice at this seed.
    examples
        Size of the training set.
    widths
        Increasing.
    networks
        At each width.
    protocol
        How they are trained.
    seed
        Of the choice of images and of the starts.
    device
    """

    images: ImageOptions
    examples: int
    widths: tuple[int, ...]
    networks: int
    protocol: WidthProtocol
    seed: int
    device: Device

    def units(self) -> list[Unit]:
        """A unit for each block of networks of each width.

        More widths, or more networks by whole blocks, leave the others' units as they are.
        """
        from genlaws.empirical.width_sweep import blocks_of

        checksum = checksum_of_images(self.images.data)
        common = {name: getattr(self.images, name) for name in _IMAGES} | {
            "examples": self.examples,
            **self.protocol.to_dict(),
            "device": self.device,
        }
        return [
            Unit(
                claim="width-sweep",
                source="network",
                role="claim",
                index=block,
                settings={**common, "width": width, "networks": count},
                seed=self.seed,
                revision=REVISION,
                images=checksum,
            )
            for width in self.widths
            for block, count in enumerate(blocks_of(self.networks))
        ]

    def points(self) -> tuple[ClassificationTask, PointSplit]:
        """The task, and its training and test points; ValueError if it has more than two classes."""
        task, points = self.images.choose(self.examples, self.seed)
        if len(task.classes) != 2:
            raise ValueError(f"a sweep needs a task of two classes, got {task.name} of {len(task.classes)}")
        return task, points


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How far a sweep is: units done of all, the width of the last one, and what is wrong with the store."""

    done: int
    total: int
    width: int
    width_done: bool = False
    stored: bool = False
    damaged: str | None = None


@functools.lru_cache(maxsize=1)
def _points(
    checksum: str | None, examples: int, seed: int, **images: Any
) -> tuple[ClassificationTask, PointSplit]:
    # once in each process, as long as the images are the same: components take longer than many units
    return ImageOptions(**images, download=False).choose(examples, seed)


def _train(settings: Settings, unit: Unit) -> WidthEnsemble:
    from genlaws.empirical import WidthProtocol, train_width
    from genlaws.empirical.width_sweep import block_stream

    chosen = {name: settings[name] for name in _IMAGES}
    task, points = _points(unit.images, settings["examples"], unit.seed, **chosen)
    own, test = points.training, points.heldout
    return train_width(
        task.inputs[own],
        task.labels[own],
        task.inputs[test],
        task.labels[test],
        width=settings["width"],
        networks=settings["networks"],
        protocol=WidthProtocol(**{name: settings[name] for name in WidthProtocol.__dataclass_fields__}),
        rng=block_stream(unit.seed, width=settings["width"], block=unit.index),
        device=settings["device"],
    )


def train_unit(unit: Unit) -> WidthEnsemble:
    """The networks of one unit of a sweep, wherever it runs."""

    # a network's start is that of `sweep_widths`, and not drawn from the stream of the unit
    def train(settings: Settings, _: np.random.Generator) -> WidthEnsemble:
        return _train(settings, unit)

    return carry_out(train, unit)


def _to_store(networks: WidthEnsemble) -> dict[str, Any]:
    columns = {name: packed_array(getattr(networks, name)) for name in networks.columns()}
    return {"width": networks.width, "parameters": networks.parameters, **columns}


def _from_store(store: Store, unit: Unit) -> WidthEnsemble | None:
    document = store.find_networks(unit)
    if document is None:
        return None
    from genlaws.empirical import WidthEnsemble

    try:
        columns: Mapping[str, Any] = {n: unpacked_array(document[n]) for n in WidthEnsemble.columns()}
        return WidthEnsemble(width=document["width"], parameters=document["parameters"], **columns)
    except (KeyError, TypeError, ValueError) as error:
        path = store.sweep_path(unit.address())
        raise DamagedFileError(f"{path} is damaged: {' '.join(str(error).split())}") from error


def run_width_sweep(
    plan: SweepPlan,
    *,
    store: Store | None = None,
    executor: Executor | None = None,
    in_flight: int | None = None,
    progress: Callable[[SweepProgress], None] | None = None,
) -> WidthSweep:
    """Train the networks of a plan.

    Parameters
    ----------
    plan : SweepPlan
    store : Store, optional
        Where networks are kept, as what they say on training and test points; units that are there are not
        trained again, so that a sweep that was interrupted goes on and comes out as if it had not been.
    executor : concurrent.futures.Executor, optional
        None: here, one unit after the other. Equal seeds give equal bits, whatever the executor.
    in_flight : int, optional
        How many units are given out at once; by default all.
    progress : callable, optional
        Called after every unit.

    Returns
    -------
    WidthSweep
        That of `sweep_widths` with the same points and seed.

    Raises
    ------
    ValueError
        If images cannot be read, or the task has more than two classes.
    SweepFailedError
        If a unit failed; those done before it are in the store.
    """
    from threadpoolctl import threadpool_limits

    from genlaws.empirical import WidthEnsemble, WidthSweep

    task, points = plan.points()
    units = plan.units()
    tell = progress if progress is not None else lambda _: None
    found: dict[str, WidthEnsemble] = {}
    addresses = {unit.address(): unit.settings["width"] for unit in units}

    def enter(unit: Unit, networks: WidthEnsemble, *, stored: bool) -> None:
        found[unit.address()] = networks
        width = unit.settings["width"]
        whole = all(address in found for address, of in addresses.items() if of == width)
        tell(SweepProgress(len(found), len(units), width, width_done=whole, stored=stored))

    left = []
    for unit in units:
        try:
            known = None if store is None else _from_store(store, unit)
        except DamagedFileError as error:
            known = None
            tell(SweepProgress(len(found), len(units), unit.settings["width"], damaged=str(error)))
        if known is None:
            left.append(unit)
        else:
            enter(unit, known, stored=True)
    # held for the whole sweep, as in `run_claims`
    with (
        threadpool_limits(limits=1, user_api="blas"),
        closing(work_outcomes(train_unit, executor, left, in_flight=in_flight)) as outcomes,
    ):
        for outcome in outcomes:
            networks = _result(outcome)
            if store is not None:
                store.keep_networks(outcome.task, _to_store(networks), seconds=outcome.seconds)
            enter(outcome.task, networks, stored=False)
    return WidthSweep(
        ensembles=tuple(
            WidthEnsemble.concatenate(found[a] for a, of in addresses.items() if of == width)
            for width in plan.widths
        ),
        labels=task.labels[points.heldout],
        training_labels=task.labels[points.training],
        settings=_described(plan, task),
    )


def _result(outcome: WorkOutcome[Unit, WidthEnsemble]) -> WidthEnsemble:
    if isinstance(outcome.result, Failure):
        width = outcome.task.settings["width"]
        raise SweepFailedError(f"networks of width {width}: {outcome.result.reason}")
    return outcome.result


def _described(plan: SweepPlan, task: ClassificationTask) -> dict[str, Any]:
    return {
        "family": "networks",
        "data": plan.images.data,
        "task": task.to_dict(),
        "heldout": plan.images.heldout,
        "examples": plan.examples,
        "networks": plan.networks,
        "training": plan.protocol.to_dict(),
        "device": plan.device,
        "seed": plan.seed,
    }
