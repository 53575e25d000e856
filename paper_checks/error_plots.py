"""A picture of how the true errors of trained networks are distributed."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from .pictures import BLUE, GREY, INK, ORANGE, FloatArray, picture_style

_FEWEST_BARS, _MOST_BARS = 8, 40


def _edges(errors: FloatArray, resolution: int) -> FloatArray:
    # whole counts to a bar, the same number to each: otherwise bars would differ for no other reason
    most = min(_MOST_BARS, max(_FEWEST_BARS, round(2.0 * math.sqrt(errors.size))))
    counts = np.round(errors * resolution).astype(np.int64)
    low, high = int(counts.min()), int(counts.max())
    width = max(1, -(-(high - low + 1) // most))
    bars = -(-(high - low + 1) // width)
    return np.asarray((low - 0.5 + width * np.arange(bars + 1)) / resolution)


def plot_error_distribution(
    true_errors: ArrayLike,
    reached: ArrayLike,
    *,
    resolution: int,
    error_name: str = "true",
    title: str = "Errors of trained networks",
) -> Figure:
    """Draw a histogram of true errors; networks that never reached zero training error stand apart.

    Parameters
    ----------
    true_errors : array_like, shape (networks,)
        In [0, 1]; NaN where a network diverged, which is not drawn.
    reached : array_like of bool, shape (networks,)
        Which networks reached zero training error.
    resolution : int
        Number of points behind each error.
    error_name, title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no finite error, or shapes differ.
    """
    errors, done = np.asarray(true_errors, dtype=np.float64), np.asarray(reached, dtype=np.bool_)
    if errors.ndim != 1 or errors.shape != done.shape:
        raise ValueError(f"true_errors and reached must have one shape, got {errors.shape} and {done.shape}")
    drawn = np.isfinite(errors)
    if not np.any(drawn):
        raise ValueError("true_errors must hold a finite error to draw")
    edges = _edges(errors[drawn], resolution)
    with picture_style():
        figure = Figure(figsize=(6.4, 3.2))
        ax = figure.subplots(gridspec_kw={"left": 0.1, "right": 0.97, "top": 0.84, "bottom": 0.16})
        figure.text(0.02, 0.93, title, fontsize=11, weight="bold", color=INK)
        groups = [(drawn & done, BLUE, "zero training error"), (drawn & ~done, ORANGE, "never got there")]
        shown = [(errors[group], color, text) for group, color, text in groups if np.any(group)]
        ax.hist(
            [values for values, _, _ in shown],
            bins=list(edges),
            stacked=True,
            color=[color for _, color, _ in shown],
            label=[f"{text}: {len(values):,}" for values, _, text in shown],
            edgecolor="white",
            linewidth=0.4,
        )
        if np.any(drawn & done):
            mean = float(errors[drawn & done].mean())
            ax.axvline(mean, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), label=f"mean {mean:.4f}")
        ax.set_xlabel(f"{error_name} error")
        ax.set_ylabel("networks")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend(frameon=False, fontsize=8.5)
    return figure
