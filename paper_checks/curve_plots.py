"""A picture of a learning curve, and of the fraction of bad global minima along it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .pictures import BLUE, GREY, INK, ORANGE, Label, label_ends, picture_style


def plot_learning_curve(
    n: Sequence[int],
    mean_error: Sequence[float],
    *,
    eps: float | None = None,
    log_bad: Sequence[float] | None = None,
    bound: Sequence[float] | None = None,
    title: str = "Annealed learning curve",
) -> Figure:
    """Draw the mean error of classifiers with zero training error against the number of examples.

    Parameters
    ----------
    n : sequence of int, shape (sizes,)
        Numbers of training examples; 0 is not drawn.
    mean_error : sequence of float, shape (sizes,)
        Mean true errors.
    eps : float, optional
        A classifier is bad if its true error is above; with it, a second panel is drawn.
    log_bad, bound : sequence of float, shape (sizes,)
        Natural logarithms of the bad fraction and of its bound; minus infinity is not drawn.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If no size is positive, or `eps` comes without `log_bad` and `bound`.
    """
    sizes = np.asarray(n, dtype=np.float64)
    drawn = sizes > 0
    if not np.any(drawn):
        raise ValueError(f"n must hold a positive number of examples to draw a curve, got {list(n)}")
    if eps is not None and (log_bad is None or bound is None):
        raise ValueError("log_bad and bound must be given with eps")
    x = sizes[drawn]
    with picture_style():
        figure = Figure(figsize=(6.4, 3.2 if eps is None else 5.0))
        axes = figure.subplots(
            1 if eps is None else 2,
            1,
            sharex=True,
            squeeze=False,
            gridspec_kw={
                "left": 0.125,
                "right": 0.80,
                "top": 0.87 if eps is None else 0.92,
                "bottom": 0.16 if eps is None else 0.10,
                "hspace": 0.12,
            },
        )[:, 0]
        figure.text(0.02, 0.945 if eps is None else 0.96, title, fontsize=11, weight="bold", color=INK)
        top = axes[0]
        top.set_xscale("log")
        error = np.asarray(mean_error, dtype=np.float64)[drawn]
        if error.min() > 0 and error.max() > 10 * error.min():
            top.set_yscale("log")
        top.plot(x, error, "-", color=BLUE, linewidth=1.8, marker="o", markersize=2.5)
        labels = [Label("mean error", float(x[-1]), float(error[-1]), BLUE)]
        top.set_ylabel("mean true error")
        if eps is not None:
            low, high = top.get_ylim()
            if low <= eps <= high:
                top.axhline(eps, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
                labels.append(Label(f"ε = {eps:g}", float(x[-1]), eps, GREY))
        label_ends(top, labels)
        if eps is not None:
            assert log_bad is not None
            assert bound is not None
            below, ends = axes[1], []
            for values, text, color, style in (
                (log_bad, "bad fraction", BLUE, "-"),
                (bound, "its bound", ORANGE, "--"),
            ):
                y = np.asarray(values, dtype=np.float64)[drawn]
                shown = np.isfinite(y)
                if not np.any(shown):
                    continue
                below.plot(x[shown], y[shown] / np.log(10), style, color=color, linewidth=1.8)
                ends.append(Label(text, float(x[shown][-1]), float(y[shown][-1] / np.log(10)), color))
            # over several decades of n the exponential decay would hide all else on a linear axis
            below.set_yscale("symlog", linthresh=1.0)
            below.set_ylabel(f"log₁₀ fraction above {eps:g}")
            label_ends(below, ends)
        axes[-1].set_xlabel("training examples n")
    return figure
