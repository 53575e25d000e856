"""A picture of measured learning curves, of the laws fitted to them, and of what they foretell."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from genlaws.simulate.measurement import Measurement

from .extrapolation_result import COUNTS, Extrapolation, law_name
from .pictures import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    YELLOW,
    Label,
    label_ends,
    picture_style,
    plain_ticks,
)

_LINES = ((ORANGE, "-"), (PURPLE, (0, (4, 2))), (YELLOW, (0, (1, 1.5))), (GREEN, (0, (6, 2, 1, 2))))


def plot_extrapolation(found: Extrapolation, measurement: Measurement) -> Figure:
    """Draw replicates, their means, the laws that count, and the prediction intervals at each n asked for.

    Dark band: the mean error; light band: one new replicate. Shaded behind: the n that were held out.

    Parameters
    ----------
    found : Extrapolation
        Its forecasts are joined to the bands, so ask for several n; laws are drawn at the same n.
    measurement : Measurement
        What it was made from.

    Returns
    -------
    matplotlib.figure.Figure
    """
    n = np.array([forecast.n for forecast in found.forecasts])
    order = np.argsort(n)
    x = n[order]

    def column(name: str) -> np.ndarray:
        return np.array([getattr(found.forecasts[i], name) for i in order], dtype=np.float64)

    with picture_style():
        figure = Figure(figsize=(6.4, 3.9))
        ax = figure.add_axes((0.115, 0.13, 0.655, 0.75))
        ax.set_xscale("log")
        ax.set_yscale("log")
        held = found.n[-found.held_out :]
        edge = np.sqrt(found.n[-found.held_out - 1] * held[0])
        ax.axvspan(edge, held[-1] * 1.04, color=GREY, alpha=0.13, linewidth=0, zorder=0)
        if found.replicates > 1:
            ax.fill_between(x, column("new_low"), column("new_high"), color=BLUE, alpha=0.12, linewidth=0)
        ax.fill_between(x, column("low"), column("high"), color=BLUE, alpha=0.25, linewidth=0)
        shown = measurement.y > 0
        ax.plot(measurement.x[shown], measurement.y[shown], "o", color=BLUE, markersize=3, alpha=0.3, mew=0)
        ax.plot(found.n, found.mean, "o", color=BLUE, markersize=4.5, zorder=5)
        bottom = 0.7 * min(float(column("low").min()), float(measurement.y[shown].min()))
        ax.set_ylim(bottom, min(1.0, 1.3 * max(float(column("high").max()), float(measurement.y.max()))))
        ax.plot(x, column("error"), color=BLUE, linewidth=1.8, zorder=4)
        labels = [Label(f"forecast, {100 * found.level:g} %", float(x[-1]), float(column("error")[-1]), BLUE)]
        for law, (color, style) in zip(found.laws, _LINES, strict=False):
            if law.weight >= COUNTS:
                y = law.error[order]
                ax.plot(x, y, color=color, linestyle=style, linewidth=1.2, zorder=3)
                labels.append(
                    Label(f"{law_name(law.law)} {100 * law.weight:.0f} %", float(x[-1]), float(y[-1]), color)
                )
        if found.wanted is not None and found.wanted > bottom:
            ax.axhline(found.wanted, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
            labels.append(Label(f"wanted {found.wanted:g}", float(x[-1]), found.wanted, GREY))
        ax.text(held[-1], ax.get_ylim()[1], "held out ", ha="right", va="top", fontsize=8, color=GREY)
        ax.set(xlabel="training examples n", ylabel="error")
        plain_ticks(ax)
        ax.xaxis.set_minor_locator(NullLocator())
        label_ends(ax, labels)
        figure.text(0.02, 0.945, "Extrapolated learning curve", fontsize=11, weight="bold", color=INK)
    return figure
