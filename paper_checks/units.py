"""`Unit`: one piece of work of a run, and its measurement."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np

from genlaws.simulate.measurement import Measurement, Source

from .claim import Readings, Settings
from .serialize import json_ready

_R = TypeVar("_R")

Role = Literal["claim", "control", "shared"]
Measure = Callable[[Settings, np.random.Generator], Measurement | Readings]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of work, with everything that determines its measurement bit for bit.

    Attributes
    ----------
    claim, source, role
        Which claim it serves, by which source, and whether as the claim's own case or as its control. What
        serves several is ``"shared"``, and goes by the name of the work instead of a claim's.
    index
        Its place among the units of that claim, source and role.
    settings
        What the experiment is to do.
    seed
        The seed of the whole run.
    revision
        Of the claim, or of the shared work.
    families
        Registered name -> revision of the families it measures.
    images
        Checksum of the images that the settings name by ``data``, where they are not part of the package:
        the same path may hold others elsewhere, or tomorrow.
    """

    claim: str
    source: Source
    role: Role
    index: int
    settings: Settings
    seed: int
    revision: int = 1
    families: Mapping[str, int] = field(default_factory=dict)
    images: str | None = None

    def generator(self) -> np.random.Generator:
        """Its own random stream: the same whatever else is run, where, and in what order."""
        digest = hashlib.sha256(f"{self.claim}/{self.source}/{self.role}".encode()).digest()
        words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(*words, self.index)))

    def key(self) -> dict[str, Any]:
        """What determines the measurement, ready for JSON; images stand by their checksum, not their path.

        Raises
        ------
        ValueError
            If the settings have no form in JSON.
        """
        settings = dict(self.settings)
        if self.images is not None:
            settings["data"] = f"{str(settings['data']).partition(':')[0]}:sha256={self.images}"
        key: dict[str, Any] = json_ready(
            {
                "claim": self.claim,
                "revision": self.revision,
                "source": self.source,
                "role": self.role,
                "index": self.index,
                "settings": settings,
                "families": dict(self.families),
                "seed": self.seed,
            }
        )
        return key

    def address(self) -> str:
        """SHA-256 of the key: 64 hexadecimal digits."""
        return checksum(self.key())


def checksum(document: Any) -> str:
    """SHA-256 of a JSON document, the same in whatever order and form it is written."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _one_thread(source: Source) -> AbstractContextManager[object]:
    """One thread for matrix products: how many there are changes the last bits of the result.

    A library must be loaded before a limit can reach it, and numba's own threads must be running: they
    are untouched by the limit, but would lift it from the others as they start.
    """
    import scipy.linalg  # noqa: F401
    from numba import get_num_threads
    from threadpoolctl import threadpool_limits

    get_num_threads()
    if source == "network":
        import genlaws.empirical.networks  # noqa: F401  brings torch
    limit: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limit


def _check_images(unit: Unit) -> None:
    # another machine, or another day, may have other images under the same name
    from genlaws.empirical.image_checksum import image_checksum

    found = image_checksum(unit.settings["data"])
    if found != unit.images:
        raise ValueError(f"the images {unit.settings['data']} are not those that the run was started on")


def carry_out(function: Callable[[Settings, np.random.Generator], _R], unit: Unit) -> _R:
    """Do one unit of work: on its images, in one thread, on a GPU of its own if it names one.

    Parameters
    ----------
    function : callable
        Of the unit's settings, whose device is the very one to use, and of its random stream.
    unit : Unit

    Raises
    ------
    ValueError
        If the images found here are not those of the unit.
    """
    if unit.images is not None:
        _check_images(unit)
    with ExitStack() as held:
        held.enter_context(_one_thread(unit.source))
        settings = unit.settings
        if settings.get("device") == "cuda":
            from genlaws.empirical.device_lease import leased_gpu

            settings = {**settings, "device": held.enter_context(leased_gpu())}
        return function(settings, unit.generator())


def _as_kept(measurement: Measurement, unit: Unit) -> Measurement:
    if not isinstance(measurement, Measurement):
        raise TypeError(f"an experiment must return a Measurement, got {type(measurement).__name__}")
    settings = dict(measurement.settings)
    if "device" in settings and {**settings, "device": unit.settings.get("device")} == unit.settings:
        # which of the GPUs it was says nothing about the result
        settings = dict(unit.settings)
    # what was read back from a store and what was just measured are the same to the last bit
    return replace(measurement, source=unit.source, settings=json_ready(settings))


def run_unit(measure: Measure, unit: Unit) -> Measurement | Readings:
    """Measure one unit of work. Every unit of a claim passes through here, wherever it runs.

    The unit is the whole key of the result: equal units give equal measurements, so that a store from
    units to measurements stands in front of this function.

    Parameters
    ----------
    measure : callable
        (settings, generator) -> a Measurement, or several by name where the work is shared.
    unit : Unit

    Raises
    ------
    TypeError
        If `measure` returns something else.
    ValueError
        As in `carry_out`.
    """
    measured = carry_out(measure, unit)
    if isinstance(measured, Mapping):
        return {name: _as_kept(reading, unit) for name, reading in measured.items()}
    return _as_kept(measured, unit)
