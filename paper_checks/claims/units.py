"""How the work of a claim is cut into units: one replicate each, with settings by budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from genlaws.simulate.measurement import Source

from ..claim import BUDGETS, Budget, Settings


def replicated(replicates: Mapping[Budget, int], **settings: Any) -> Callable[[Budget], list[Settings]]:
    """Units of work that differ in their replicate number only.

    Parameters
    ----------
    replicates
        Budget -> number of independent replicates.
    **settings
        JSON-ready settings of every unit; a mapping from budgets to values is looked up.
    """

    def units(budget: Budget) -> list[Settings]:
        chosen = {
            name: value[budget] if isinstance(value, Mapping) and set(value) == set(BUDGETS) else value
            for name, value in settings.items()
        }
        return [{"replicate": k, **chosen} for k in range(replicates[budget])]

    return units


def by_budget(quick: Any, standard: Any, full: Any) -> dict[Budget, Any]:
    """The three budgets' values of one setting."""
    return {"quick": quick, "standard": standard, "full": full}


NETWORKS_COME_LATER: Mapping[Source, str] = {
    "network": "no experiment on finite networks is registered for this claim"
}
"""`not_applicable` of claims that are measured in simulation only."""
