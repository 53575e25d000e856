"""How the work of a claim is cut into units, one replicate each, and what a unit hands back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from genlaws.simulate import Measurement
from genlaws.simulate.measurement import Source

from ..claim import BUDGETS, AnyExperiment, Budget, Experiment, Settings, SharedExperiment, SharedWork

_T = TypeVar("_T")

NETWORKS_COME_LATER: Mapping[Source, str] = {
    "network": "no experiment on finite networks is registered for this claim"
}
"""`not_applicable` of claims that are measured in simulation only."""


def by_budget(quick: _T, standard: _T, full: _T) -> dict[Budget, _T]:
    """The three budgets' values of one setting."""
    return {"quick": quick, "standard": standard, "full": full}


def _units(
    replicates: Mapping[Budget, int], settings: Mapping[str, Any]
) -> Callable[[Budget], list[Settings]]:
    def units(budget: Budget) -> list[Settings]:
        chosen = {
            name: value[budget] if isinstance(value, Mapping) and set(value) == set(BUDGETS) else value
            for name, value in settings.items()
        }
        return [{"replicate": k, **chosen} for k in range(replicates[budget])]

    return units


def simulated(
    replicates: Mapping[Budget, int],
    measure: Callable[[Settings, np.random.Generator], Measurement],
    *,
    families: Iterable[str] = (),
    **settings: Any,
) -> dict[Source, AnyExperiment]:
    """A simulation whose units of work differ in their replicate number only.

    Parameters
    ----------
    replicates : mapping
        Budget -> number of independent replicates.
    measure : callable
        Measures one unit; a module-level function.
    families : iterable of str
        Registered names of the classifier families that it measures, see `find_family`.
    **settings
        JSON-ready settings of every unit; a mapping from the three budgets to values is looked up.

    Returns
    -------
    dict
        ``"simulation"`` -> the experiment.
    """
    return {"simulation": Experiment(_units(replicates, settings), measure, tuple(families))}


def on_networks(
    replicates: Mapping[Budget, int],
    measure: Callable[[Settings, np.random.Generator], Measurement],
    *,
    families: Iterable[str] = (),
    **settings: Any,
) -> dict[Source, AnyExperiment]:
    """An experiment on finite networks, of units like those of `simulated`, which name their `device` too.

    Parameters
    ----------
    replicates, measure, families, **settings
        As for `simulated`.

    Returns
    -------
    dict
        ``"network"`` -> the experiment.
    """
    units = _units(replicates, {"device": "cpu", **settings})
    return {"network": Experiment(units, measure, tuple(families))}


def shared_simulation(
    replicates: Mapping[Budget, int], work: SharedWork, reading: str, **settings: Any
) -> dict[Source, AnyExperiment]:
    """A simulation of units like those of `simulated`, whose work others read from, too.

    Parameters
    ----------
    replicates, **settings
        As for `simulated`; units are shared where these are equal.
    work : SharedWork
    reading : str
        Which of its measurements this is.

    Returns
    -------
    dict
        ``"simulation"`` -> the experiment.
    """
    return {"simulation": SharedExperiment(_units(replicates, settings), work, reading)}


def shared_networks(
    replicates: Mapping[Budget, int], work: SharedWork, reading: str, **settings: Any
) -> dict[Source, AnyExperiment]:
    """An experiment on finite networks as in `on_networks`, whose work others read from, too.

    Parameters
    ----------
    replicates, work, reading, **settings
        As for `shared_simulation`.

    Returns
    -------
    dict
        ``"network"`` -> the experiment.
    """
    units = _units(replicates, {"device": "cpu", **settings})
    return {"network": SharedExperiment(units, work, reading)}


def rows(
    settings: Settings,
    x: ArrayLike,
    y: ArrayLike,
    *,
    y_label: str,
    x_label: str = "training examples n",
    reference: ArrayLike | None = None,
    se: ArrayLike | None = None,
) -> Measurement:
    """The measurement of one unit: a row for each x, all of the unit's replicate.

    Parameters
    ----------
    settings : mapping
        Of the unit; they stand in the measurement.
    x, y, reference, se : array_like, shape (rows,) or ()
        See `Measurement`; a single reference holds for every row.
    y_label, x_label : str

    Returns
    -------
    Measurement
    """
    places = np.atleast_1d(np.asarray(x, dtype=np.float64))

    def column(values: ArrayLike) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.atleast_1d(np.asarray(values, dtype=np.float64))

    return Measurement(
        x=places,
        replicate=np.full(places.size, settings["replicate"]),
        y=column(y),
        se=None if se is None else column(se),
        reference=None if reference is None else np.broadcast_to(column(reference), places.shape),
        x_label=x_label,
        y_label=y_label,
        settings=settings,
    )
