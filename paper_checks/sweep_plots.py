"""A picture of a sweep of widths: error, ensemble error and fluctuation against the number of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genlaws.empirical import WidthMeasures, ZeroLossThreshold
from genlaws.simulate import SeedEstimate

from .pictures import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    FloatArray,
    Label,
    label_ends,
    picture_style,
    plain_number,
    plain_ticks,
)

_DASHED = (0, (4, 3))
# 95 % of a normal distribution, in standard errors
_BARS = 1.96
_CLEAR = 1.6


def _columns(
    measures: Sequence[WidthMeasures], of: Callable[[WidthMeasures], SeedEstimate | None]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """N, estimates and the half lengths of their bars, where there is an estimate."""
    found = [(m.parameters, of(m)) for m in measures]
    rows = [(n, e.value, _BARS * (e.se or 0.0)) for n, e in found if e is not None]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _draw(
    ax: Axes,
    measures: Sequence[WidthMeasures],
    of: Callable[[WidthMeasures], SeedEstimate | None],
    *,
    text: str,
    color: str,
    dashed: bool = False,
) -> list[Label]:
    x, y, bars = _columns(measures, of)
    if x.size == 0:
        return []
    # a bar that reaches zero has no end on a logarithmic axis: it leaves the picture
    down = np.minimum(bars, (1.0 - 1e-9) * np.abs(y)) if ax.get_yscale() == "log" else bars
    ax.errorbar(
        x,
        y,
        yerr=np.stack([down, bars]),
        color=color,
        linewidth=1.5,
        linestyle=_DASHED if dashed else "-",
        marker="o",
        markersize=3.0,
        markerfacecolor="white" if dashed else color,
        elinewidth=0.9,
    )
    return [Label(text, float(x[-1]), float(y[-1]), color)]


def _mark_threshold(axes: Sequence[Axes], threshold: ZeroLossThreshold) -> None:
    if threshold.parameters is None:
        return
    at, below = threshold.parameters, threshold.below
    for ax in axes:
        if below is not None:
            ax.axvspan(below, at, color=GREY, alpha=0.15, linewidth=0.0, zorder=0)
        else:
            ax.axvline(at, color=GREY, linewidth=0.9, linestyle=_DASHED, zorder=0)
    bound = (
        f"N* ≤ {plain_number(at)}" if below is None else f"{plain_number(below)} < N* ≤ {plain_number(at)}"
    )
    axes[0].annotate(
        bound,
        xy=(at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
        color=INK,
        fontsize=8.5,
    )


def _half_slope(ax: Axes, measures: Sequence[WidthMeasures], threshold: ZeroLossThreshold) -> None:
    # over those that reach zero loss, clear of their fluctuations
    x, y, _ = _columns(measures, lambda m: m.squared_fluctuation)
    chosen = x >= (math.inf if threshold.parameters is None else threshold.parameters)
    if np.count_nonzero(chosen) < 2:
        return
    ends = x[chosen][[0, -1]]
    height = _CLEAR * float((y[chosen] * np.sqrt(x[chosen])).max())
    ax.plot(ends, height / np.sqrt(ends), color=GREY, linewidth=0.9, linestyle=_DASHED)
    middle = math.sqrt(float(ends[0]) * float(ends[1]))
    ax.annotate(
        "slope \N{MINUS SIGN}1/2",
        xy=(middle, height / math.sqrt(middle)),
        xytext=(0, 4),
        textcoords="offset points",
        va="bottom",
        color=GREY,
        fontsize=8.5,
    )


def plot_width_sweep(
    measures: Sequence[WidthMeasures], threshold: ZeroLossThreshold, *, title: str = "Networks by their width"
) -> Figure:
    """Draw test errors and fluctuations of trained networks against their number of parameters N.

    Above, single networks and ensembles of all of one width, after training and at the step of least test
    error; below, the squared fluctuation of a network's output about the mean of infinitely many, with the
    slope that arXiv:1901.01608 predicts. Bars are 95 % over networks. N* is marked.

    Parameters
    ----------
    measures : sequence of WidthMeasures
        In the order of their widths.
    threshold : ZeroLossThreshold
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no width with an error.
    """
    if not any(m.error is not None for m in measures):
        raise ValueError("measures must hold at least one error to draw")
    most = max(len(m.ensemble_sizes) and m.ensemble_sizes[-1] for m in measures)
    with picture_style():
        figure = Figure(figsize=(6.4, 5.4))
        place = {"left": 0.125, "right": 0.79, "top": 0.92, "bottom": 0.09, "hspace": 0.12}
        above, below = figure.subplots(2, 1, sharex=True, gridspec_kw=place)
        figure.text(0.02, 0.96, title, fontsize=11, weight="bold", color=INK)
        above.set_xscale("log")
        below.set_yscale("log")
        labels: tuple[list[Label], list[Label]] = ([], [])
        last = -1  # all networks
        labels[0].extend(_draw(above, measures, lambda m: m.error, text="one network", color=BLUE))
        early = "stopped early"
        labels[0].extend(
            _draw(above, measures, lambda m: m.early_error, text=early, color=PURPLE, dashed=True)
        )
        labels[0].extend(
            _draw(
                above,
                measures,
                lambda m: m.ensemble_errors[last] if m.ensemble_errors else None,
                text=f"ensemble of {most}",
                color=ORANGE,
            )
        )
        labels[1].extend(
            _draw(below, measures, lambda m: m.squared_fluctuation, text="after training", color=BLUE)
        )
        labels[1].extend(
            _draw(
                below, measures, lambda m: m.early_squared_fluctuation, text=early, color=PURPLE, dashed=True
            )
        )
        _half_slope(below, measures, threshold)
        above.set_ylabel("test error")
        below.set_ylabel("fluctuation ‖f − f̄‖²")
        below.set_xlabel("parameters N")
        lowest = [
            e.value for m in measures for e in (m.squared_fluctuation, m.early_squared_fluctuation) if e
        ]
        if lowest:
            below.set_ylim(bottom=0.5 * min(lowest))
        _mark_threshold((above, below), threshold)
        figure.align_ylabels((above, below))
        for ax in (above, below):
            plain_ticks(ax)
        for ax, some in zip((above, below), labels, strict=True):
            label_ends(ax, some)
    return figure
