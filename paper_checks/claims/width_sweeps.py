"""The experiments that train networks of many widths: their sizes, at each budget."""

from __future__ import annotations

from typing import Any

from genlaws.simulate.measurement import Source

from ..claim import AnyExperiment, SharedWork
from .units import by_budget, shared_networks
from .width_sweep_readings import measure_own_sets_sweep, measure_width_ensembles, measure_width_sweep

_WIDTH_SWEEP = SharedWork("width-sweep", measure_width_sweep)
_ENSEMBLES = SharedWork("width-ensembles", measure_width_ensembles)
_OWN_SETS = SharedWork("width-sweep-own-sets", measure_own_sets_sweep)

_TRAINED: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": 10,
    "examples": by_budget(300, 500, 10_000),
    "tested_on": by_budget(2500, 4500, 50_000),
    # faster than in the paper, and with its fall of the rate from narrower widths on: what a fast rate adds
    # to the outputs of wide networks hides how little their starts do
    "training": by_budget(
        {"hidden_layers": 2, "rate_factor": 3.0, "largest_rate": 3e-3, "max_steps": 1500, "tolerance": 1e-5},
        {"hidden_layers": 3, "rate_factor": 3.0, "largest_rate": 1e-3, "max_steps": 5000, "tolerance": 1e-5},
        {"hidden_layers": 5, "max_steps": 2_000_000},
    ),
}
_READ: dict[str, Any] = {
    "widths": by_budget(
        [3, 5, 7, 9, 11, 16, 24, 36, 54],
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 17, 19, 24, 32, 45, 64, 90, 128, 181],
        [6, 8, 10, 11, 12, 13, 14, 16, 18, 20, 24, 28, 32, 50, 64, 100, 200, 400, 1000],
    ),
    "networks": by_budget(12, 20, 20),
    # at about a third of N*, at N*, and at more than twice N*
    "across": by_budget([3, 5, 11], [3, 6, 12], [8, 13, 20]),
    # from three times N* on, from four, and from more than ten where the budget reaches far enough
    "just_beyond": by_budget([11, 16], [12, 15], [20, 28]),
    "plateau": by_budget(16, 15, 28),
    "beyond": by_budget(16, 32, 50),
    "far": by_budget(24, 64, 100),
    # at about twice N*
    "member_width": by_budget(9, 10, 16),
    "members": by_budget([2, 4, 8], [2, 4, 8, 16], [2, 4, 8, 16]),
}
_READ_OF_ENSEMBLES: dict[str, Any] = {
    "widths": by_budget([16], [19], [64]),
    "networks": by_budget(24, 40, 40),
    "sizes": by_budget([1, 2, 4], [1, 2, 4, 8], [1, 2, 4, 8]),
}
_READ_OF_OWN_SETS: dict[str, Any] = {
    "widths": by_budget([16, 24, 36, 54], [32, 45, 64, 90, 128, 181], [50, 100, 200, 400, 1000]),
    "networks": by_budget(6, 8, 10),
    "beyond": 1,
    "drawn_from": by_budget(2500, 2500, 20_000),
}

PLACE_AMONG_WIDTHS = (
    "the N of neighbouring widths are about a third apart, and the peak may lie one of them from N*, not "
    "two: a factor of 1.65 either way"
)
"""`band_reason` of claims on where something is largest."""


def width_sweep(reading: str) -> dict[Source, AnyExperiment]:
    """The experiment that trains networks of many widths, read in one way."""
    return shared_networks(by_budget(4, 14, 14), _WIDTH_SWEEP, reading, **_TRAINED, **_READ)


def width_ensembles(reading: str) -> dict[Source, AnyExperiment]:
    """Many networks of one width beyond N*, of which ensembles are read."""
    return shared_networks(by_budget(6, 24, 24), _ENSEMBLES, reading, **_TRAINED, **_READ_OF_ENSEMBLES)


def own_sets_sweep(reading: str) -> dict[Source, AnyExperiment]:
    """The same of wide networks that have a training set each, drawn from common images."""
    changed = {"tested_on": by_budget(2500, 2500, 40_000)}
    return shared_networks(
        by_budget(4, 6, 6), _OWN_SETS, reading, **{**_TRAINED, **changed}, **_READ_OF_OWN_SETS
    )
