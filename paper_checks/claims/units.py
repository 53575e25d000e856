"""How the work of a claim is cut into units, one replicate each, and what a unit hands back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from genlaws.simulate import Measurement
from genlaws.simulate.measurement import Source

from ..claim import BUDGETS, Budget, Experiment, Settings

_T = TypeVar("_T")

NETWORKS_COME_LATER: Mapping[Source, str] = {
    "network": "no experiment on finite networks is registered for this claim"
}
"""`not_applicable` of claims that are measured in simulation only."""


def by_budget(quick: _T, standard: _T, full: _T) -> dict[Budget, _T]:
    """The three budgets' values of one setting."""
    return {"quick": quick, "standard": standard, "full": full}


def _experiment(
    replicates: Mapping[Budget, int],
    measure: Callable[[Settings, np.random.Generator], Measurement],
    families: Iterable[str],
    settings: Mapping[str, Any],
) -> Experiment:
    def units(budget: Budget) -> list[Settings]:
        chosen = {
            name: value[budget] if isinstance(value, Mapping) and set(value) == set(BUDGETS) else value
            for name, value in settings.items()
        }
        return [{"replicate": k, **chosen} for k in range(replicates[budget])]

    return Experiment(units, measure, tuple(families))


def simulated(
    replicates: Mapping[Budget, int],
    measure: Callable[[Settings, np.random.Generator], Measurement],
    *,
    families: Iterable[str] = (),
    **settings: Any,
) -> dict[Source, Experiment]:
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
    return {"simulation": _experiment(replicates, measure, families, settings)}


def on_networks(
    replicates: Mapping[Budget, int],
    measure: Callable[[Settings, np.random.Generator], Measurement],
    *,
    families: Iterable[str] = (),
    **settings: Any,
) -> dict[Source, Experiment]:
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
    return {"network": _experiment(replicates, measure, families, {"device": "cpu", **settings})}


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
