"""A picture of a learning curve, and of the fraction of bad global minima along it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .pictures import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, YELLOW, Label, label_ends, picture_style

if TYPE_CHECKING:
    from .curve_report import CurveReport

FloatArray = NDArray[np.float64]
Ends = tuple[Sequence[float], Sequence[float]]

_CLASSICAL = (ORANGE, GREEN, PURPLE, YELLOW, INK)
_DASHED, _DOTTED = (0, (4, 3)), (0, (1, 1.5))


def _panels(rows: int, title: str) -> list[Axes]:
    figure = Figure(figsize=(6.4, 3.2 if rows == 1 else 5.0))
    axes = figure.subplots(
        rows,
        1,
        sharex=True,
        squeeze=False,
        gridspec_kw={
            "left": 0.125,
            "right": 0.80,
            "top": 0.87 if rows == 1 else 0.92,
            "bottom": 0.16 if rows == 1 else 0.10,
            "hspace": 0.12,
        },
    )[:, 0]
    figure.text(0.02, 0.945 if rows == 1 else 0.96, title, fontsize=11, weight="bold", color=INK)
    return list(axes)


def _ends_of(band: Ends, drawn: NDArray[np.bool_]) -> list[FloatArray]:
    return [np.asarray(end, dtype=np.float64)[drawn] for end in band]


def _draw_error(
    ax: Axes,
    x: FloatArray,
    error: FloatArray,
    band: list[FloatArray] | None,
    classical: Mapping[str, FloatArray],
) -> list[Label]:
    """The curve, its band and the classical bounds; labels for the ends of the lines."""
    everything = np.concatenate([error, *classical.values(), *([] if band is None else band)])
    positive = everything[everything > 0.0]
    if error.min() > 0 and positive.max() > 10 * positive.min():
        ax.set_yscale("log")
        # a band may come down to 0: show the curves, and let it run out of the picture
        lowest = min([error.min(), *(values.min() for values in classical.values() if values.min() > 0)])
        ax.set_ylim(0.5 * lowest if band is not None else None, 1.5 * positive.max())
    if band is not None:
        low, high = band
        ax.fill_between(x, np.maximum(low, 1e-300), high, color=BLUE, alpha=0.2, linewidth=0, zorder=1)
    ax.plot(x, error, "-", color=BLUE, linewidth=1.8, marker="o", markersize=2.5, zorder=3)
    labels = [Label("mean error", float(x[-1]), float(error[-1]), BLUE)]
    for (name, values), color in zip(classical.items(), _CLASSICAL, strict=False):
        ax.plot(x, values, linestyle=_DASHED, color=color, linewidth=1.4, zorder=2)
        labels.append(Label(name, float(x[-1]), float(values[-1]), color))
    ax.set_ylabel("mean true error")
    return labels


def _draw_bad(
    ax: Axes, x: FloatArray, log_bad: FloatArray, bound: FloatArray | None, band: list[FloatArray] | None
) -> list[Label]:
    labels: list[Label] = []
    if band is not None:
        low, high = (end / np.log(10) for end in band)
        shown = np.isfinite(high)
        seen = log_bad[np.isfinite(log_bad)] / np.log(10)
        # minus infinity is at the lower edge of the picture
        floor = 1.1 * min(float(seen.min()) if len(seen) else 0.0, -1.0)
        ax.fill_between(
            x[shown], np.maximum(low[shown], floor), high[shown], color=BLUE, alpha=0.2, linewidth=0
        )
    lines = [(log_bad, "bad fraction", BLUE, "-")]
    if bound is not None:
        lines.append((bound, "its bound", ORANGE, "--"))
    for y, text, color, style in lines:
        shown = np.isfinite(y)
        if np.any(shown):
            ax.plot(x[shown], y[shown] / np.log(10), style, color=color, linewidth=1.8)
            labels.append(Label(text, float(x[shown][-1]), float(y[shown][-1] / np.log(10)), color))
    # over several decades of n the exponential decay would hide all else on a linear axis
    ax.set_yscale("symlog", linthresh=1.0)
    return labels


def plot_learning_curve(
    n: Sequence[int],
    mean_error: Sequence[float],
    *,
    band: Ends | None = None,
    classical: Mapping[str, Sequence[float]] | None = None,
    eps: float | None = None,
    log_bad: Sequence[float] | None = None,
    log_bad_band: Ends | None = None,
    bound: Sequence[float] | None = None,
    wanted: float | None = None,
    title: str = "Annealed learning curve",
) -> Figure:
    """Draw the mean error of classifiers with zero training error against the number of examples.

    Parameters
    ----------
    n : sequence of int, shape (sizes,)
        Numbers of training examples; 0 is not drawn.
    mean_error : sequence of float, shape (sizes,)
        Mean true errors.
    band : pair of sequences of float, shape (sizes,), optional
        Low and high end of the mean error.
    classical : mapping of str to sequence of float, optional
        Other bounds of the error, by the names to write at their lines.
    eps : float, optional
        A classifier is bad if its true error is above; with it, a second panel is drawn.
    log_bad, bound : sequence of float, shape (sizes,), optional
        Natural logarithms of the bad fraction and of its bound; minus infinity is not drawn.
    log_bad_band : pair of sequences of float, shape (sizes,), optional
        Low and high end of `log_bad`.
    wanted : float, optional
        A mean error to mark.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If no size is positive, or `eps` comes without `log_bad`.
    """
    sizes = np.asarray(n, dtype=np.float64)
    drawn = sizes > 0
    if not np.any(drawn):
        raise ValueError(f"n must hold a positive number of examples to draw a curve, got {list(n)}")
    if eps is not None and log_bad is None:
        raise ValueError("log_bad must be given with eps")
    x = sizes[drawn]

    def column(values: Sequence[float]) -> FloatArray:
        return np.asarray(np.asarray(values, dtype=np.float64)[drawn])

    with picture_style():
        axes = _panels(1 if eps is None else 2, title)
        top = axes[0]
        top.set_xscale("log")
        labels = _draw_error(
            top,
            x,
            column(mean_error),
            None if band is None else _ends_of(band, drawn),
            {name: column(values) for name, values in (classical or {}).items()},
        )
        low, high = top.get_ylim()
        for level, name in ((eps, "ε"), (wanted, "wanted")):
            if level is not None and low <= level <= high:
                top.axhline(level, color=GREY, linewidth=0.9, linestyle=_DOTTED, zorder=1)
                top.annotate(
                    f"{name} = {level:g}",
                    xy=(0.01, level),
                    xycoords=("axes fraction", "data"),
                    # curves fall: below a level is room at the left
                    xytext=(0, -9),
                    textcoords="offset points",
                    color=GREY,
                    fontsize=8.0,
                )
        label_ends(top, labels)
        if eps is not None:
            assert log_bad is not None
            below = axes[1]
            ends = _draw_bad(
                below,
                x,
                column(log_bad),
                None if bound is None else column(bound),
                None if log_bad_band is None else _ends_of(log_bad_band, drawn),
            )
            below.set_ylabel(f"log₁₀ fraction above {eps:g}")
            label_ends(below, ends)
        axes[-1].set_xlabel("training examples n")
    figure = axes[0].figure
    assert isinstance(figure, Figure)
    return figure


def plot_curve_report(report: CurveReport) -> Figure:
    """The picture of a report of `genlaws curve`; raises ValueError if no size is positive."""
    from .classical_columns import NAMES

    columns = {name: values.tolist() for name, values in report.columns.items()}

    def ends(name: str) -> Ends | None:
        return (columns[f"{name}_low"], columns[f"{name}_high"]) if f"{name}_low" in columns else None

    return plot_learning_curve(
        report.n,
        columns["mean_error"],
        band=ends("mean_error"),
        classical={NAMES[name]: values.tolist() for name, values in report.classical.items()},
        eps=report.facts.get("eps"),
        log_bad=columns.get("log_bad_fraction"),
        log_bad_band=ends("log_bad_fraction"),
        bound=columns.get("bound"),
        wanted=report.facts.get("error"),
    )
