"""How much longer a run will take, from what its units have taken so far."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

_Job = TypeVar("_Job", bound=Hashable)


def seconds_left(
    spent: Mapping[_Job, tuple[int, float]], left: Mapping[_Job, int], *, elapsed: float
) -> float | None:
    """Seconds until the rest is done, at the pace of what was done.

    Units of one job take about as long as one another, units of two jobs may differ a hundredfold: the
    rest of a job that has begun is counted at its own pace, that of another at the mean pace of those.

    Parameters
    ----------
    spent : mapping
        Job -> how many of its units were done in this run, and the seconds of work they took.
    left : mapping
        Job -> how many of its units are left.
    elapsed : float
        Seconds since the first unit began; the ratio of work to it says how many work at once.

    Returns
    -------
    float or None
        None before anything was done.
    """
    paces = {job: seconds / units for job, (units, seconds) in spent.items() if units}
    work = sum(seconds for _, seconds in spent.values())
    if not paces or work <= 0.0 or elapsed <= 0.0:
        return None
    typical = sum(paces.values()) / len(paces)
    rest = sum(units * paces.get(job, typical) for job, units in left.items())
    return rest * elapsed / work
