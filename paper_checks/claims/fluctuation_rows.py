"""How networks fluctuate around their mean, as readings: of random features and on images alike (B1-B5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate import boundary_distance, boundary_distance_ratio, squared_fluctuation

from ..claim import Readings, Settings
from .units import rows

FloatArray = NDArray[np.float64]
Numbers = Mapping[str, float]

_LABELS = {
    "squared fluctuation": "||f - f_bar||^2",
    "fluctuation": "||f - f_bar||",
    "excess error": "error above the infinite ensemble",
    "distance": "boundary distance",
    "disagreement": "share classified unlike f_bar",
    "ratio": "||f - f_bar|| / ||grad f||",
    "scaled ratio": "scaled ||f - f_bar|| / ||grad f||",
    "gradient norm": "||grad f||",
}


def _distance(outputs: FloatArray, slopes: FloatArray) -> float:
    # a point where a network does not slope does not say how far its boundary is
    differs = (outputs > 0.0) != (outputs.mean(axis=0) > 0.0)
    seen = ~(differs & (slopes == 0.0)).any(axis=0)
    return boundary_distance(outputs[:, seen], slopes[:, seen]).value


def fluctuation_numbers(outputs: ArrayLike, slopes: ArrayLike, *, excess: float) -> dict[str, float]:
    """Every number of equal networks that differ in their seeds.

    Parameters
    ----------
    outputs : array_like, shape (seeds, points)
    slopes : array_like, shape (seeds, points)
        ||grad_x f|| there.
    excess : float
        Their error above that of the infinite ensemble.

    Returns
    -------
    dict
        The last is the ratio of norms after outputs and gradients of every network were multiplied by 1/2
        or 3/2: that moves no boundary, but the outputs apart.
    """
    f, norms = np.asarray(outputs, dtype=np.float64), np.asarray(slopes, dtype=np.float64)
    factors = np.where(np.arange(len(f)) % 2, 1.5, 0.5)[:, None]
    squared = squared_fluctuation(f).value
    return {
        "squared fluctuation": squared,
        "fluctuation": math.sqrt(squared),
        "excess error": excess,
        "distance": _distance(f, norms),
        "disagreement": float(((f > 0.0) != (f.mean(axis=0) > 0.0)).mean()),
        "ratio": boundary_distance_ratio(f, norms).value,
        "gradient norm": math.sqrt((norms**2).mean()),
        "scaled ratio": boundary_distance_ratio(factors * f, factors * norms).value,
    }


def width_rows(settings: Settings, x: ArrayLike, numbers: Sequence[Numbers], *, x_label: str) -> Readings:
    """Readings over widths, and of one number against another at the same widths.

    Parameters
    ----------
    settings : mapping
    x : array_like, shape (widths,)
    numbers : sequence of mapping
        Of each width, see `fluctuation_numbers`.
    x_label : str

    Returns
    -------
    mapping
        ``"squared fluctuation"``, ``"excess error"``, ``"distance"``, ``"gradient norm"`` against x;
        ``"excess against distance"``, ``"disagreement against distance"``, ``"distance against ratio"``,
        ``"distance against scaled ratio"``, ``"distance against fluctuation"``.
    """
    found = {name: [each[name] for each in numbers] for name in _LABELS}
    readings = {
        name: rows(settings, x, found[name], x_label=x_label, y_label=_LABELS[name])
        for name in ("squared fluctuation", "excess error", "distance", "gradient norm")
    }
    for name, (across, up) in {
        "excess against distance": ("distance", "excess error"),
        "disagreement against distance": ("distance", "disagreement"),
        "distance against ratio": ("ratio", "distance"),
        "distance against scaled ratio": ("scaled ratio", "distance"),
        "distance against fluctuation": ("fluctuation", "distance"),
    }.items():
        readings[name] = rows(
            settings, found[across], found[up], x_label=_LABELS[across], y_label=_LABELS[up]
        )
    return readings


def ensemble_rows(settings: Settings, numbers: Sequence[Numbers]) -> Readings:
    """Readings over the number of networks that are averaged, the `sizes` of the settings.

    Parameters
    ----------
    settings : mapping
    numbers : sequence of mapping
        Of the means of each size, see `fluctuation_numbers`.

    Returns
    -------
    mapping
        ``"ensemble excess"`` and ``"ensemble distance"`` against k; the same of ensembles with copies, whose
        k networks are only sqrt(k) different ones, ``"copied ensemble excess"`` and so on; ``"ensemble
        excess against distance"`` and ``"ensemble disagreement against distance"``.
    """
    sizes = np.asarray(settings["sizes"])
    found = {name: [each[name] for each in numbers] for name in _LABELS}
    readings = {}
    for name, column in (("excess", "excess error"), ("distance", "distance")):
        for kind, k in (("ensemble", sizes), ("copied ensemble", sizes**2)):
            readings[f"{kind} {name}"] = rows(
                settings, k, found[column], x_label="networks k", y_label=_LABELS[column]
            )
    for name, column in (("excess", "excess error"), ("disagreement", "disagreement")):
        readings[f"ensemble {name} against distance"] = rows(
            settings, found["distance"], found[column], x_label=_LABELS["distance"], y_label=_LABELS[column]
        )
    return readings
