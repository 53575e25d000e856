"""A picture of a gradient flow: margin, angle, and loss with norms, against ln t, with theory on top."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .margin_flow import FollowedMargin
from .pictures import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    FloatArray,
    Label,
    label_ends,
    picture_style,
    plain_ticks,
)

_DASHED = (0, (4, 3))
_LEAST_SHOWN = -0.25  # of the largest margin, before examples are right
_ROUNDING = 1e-6  # degrees and percent
_PANEL, _HEAD, _FOOT = 1.9, 0.4, 0.5  # inches
_NORM_COLORS = (BLUE, GREEN, PURPLE)


def _draw(
    ax: Axes, x: FloatArray, y: FloatArray, text: str, color: str, *, dashed: bool = False
) -> list[Label]:
    shown = np.isfinite(y)
    if not np.any(shown):
        return []
    # theory is dashed and on top: where both agree, both are seen
    ax.plot(
        x[shown],
        y[shown],
        color=color,
        linewidth=1.4 if dashed else 2.2,
        linestyle=_DASHED if dashed else "-",
        zorder=3 if dashed else 2,
    )
    return [Label(text, float(x[shown][-1]), float(y[shown][-1]), color)]


def _draw_margins(ax: Axes, followed: FollowedMargin) -> list[Label]:
    x, flow = followed.flow.log_times, followed.flow
    top = float(flow.margin.max()) if followed.best is None else followed.best
    labels = _draw(ax, x, flow.margin, "margin", BLUE)
    smoothed = np.where(flow.smoothed_margin >= _LEAST_SHOWN * top, flow.smoothed_margin, np.nan)
    labels += _draw(ax, x, smoothed, "smoothed margin", GREEN)
    if followed.expected_margin is not None:
        labels += _draw(ax, x, followed.expected_margin, "theory", ORANGE, dashed=True)
    if followed.best is not None:
        ax.axhline(followed.best, color=GREY, linewidth=0.9, zorder=1)
        labels.append(Label("largest margin", float(x[-1]), followed.best, INK))
    low = max(min(0.0, float(flow.margin.min())), _LEAST_SHOWN * top)
    ax.set(ylim=(low, 1.05 * top), ylabel="normalized margin")
    return labels


def _draw_shortfall(ax: Axes, followed: FollowedMargin) -> list[Label]:
    x, flow, best = followed.flow.log_times, followed.flow, followed.best
    assert best is not None

    def short(margins: FloatArray) -> FloatArray:
        share = 100.0 * (1.0 - margins / best)
        # before that examples are not right; below it there is rounding
        return np.where((share < 100.0) & (share > _ROUNDING), share, np.nan)

    ax.set_yscale("log")
    ax.set_ylabel("short of the largest, %")
    labels = _draw(ax, x, short(flow.margin), "margin", BLUE)
    labels += _draw(ax, x, short(flow.smoothed_margin), "smoothed margin", GREEN)
    if followed.expected_margin is not None:
        labels += _draw(ax, x, short(followed.expected_margin), "theory", ORANGE, dashed=True)
    return labels


def _draw_angles(ax: Axes, followed: FollowedMargin) -> list[Label]:
    x, degrees = followed.flow.log_times, np.degrees(followed.angles)
    ax.set_yscale("log")
    if followed.best is None:
        # at the end it is zero by its definition
        ax.set_ylabel("degrees to where it ends")
        return _draw(ax, x[:-1], degrees[:-1], "angle", BLUE)
    ax.set_ylabel("degrees to the best")
    labels = _draw(ax, x, np.where(degrees > _ROUNDING, degrees, np.nan), "angle", BLUE)
    if followed.expected_angle is not None:
        labels += _draw(ax, x, np.degrees(followed.expected_angle), "theory", ORANGE, dashed=True)
    return labels


def _draw_loss(ax: Axes, followed: FollowedMargin) -> list[Label]:
    x, flow, expected = followed.flow.log_times, followed.flow, followed.expected_log_loss
    layers = flow.norms.shape[1]
    ax.set_yscale("log")
    ax.set(ylabel="loss and norms", xlabel="ln t")
    labels = _draw(ax, x, np.where(flow.log_loss < 0.0, -flow.log_loss, np.nan), "\N{MINUS SIGN}ln loss", INK)
    for k, norms in enumerate(flow.norms.T):
        text = "norm" if layers == 1 else f"norm, layer {k + 1}"
        labels += _draw(ax, x, norms, text, _NORM_COLORS[k % len(_NORM_COLORS)])
    if expected is not None:
        labels += _draw(ax, x, np.where(expected < 0.0, -expected, np.nan), "theory", ORANGE, dashed=True)
    if followed.expected_norm is not None:
        _draw(ax, x, followed.expected_norm, "theory", ORANGE, dashed=True)
    return labels


def plot_margin_flow(followed: FollowedMargin, *, title: str) -> Figure:
    """Draw a flow against ln t.

    From above: the normalized margin with the smoothed margin and the largest one; how far they are short of
    it, of linear classifiers; the angle to the direction of the largest margin, of other networks to where
    the flow ends; loss and norms of layers. Dashed, theory of late times.

    Parameters
    ----------
    followed : FollowedMargin
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    with picture_style():
        draws = [_draw_margins, _draw_shortfall, _draw_angles, _draw_loss]
        if followed.best is None:
            draws.remove(_draw_shortfall)
        height = _PANEL * len(draws) + _HEAD + _FOOT
        figure = Figure(figsize=(6.6, height))
        axes = list(figure.subplots(len(draws), 1, sharex=True))
        figure.subplots_adjust(
            left=0.12, right=0.77, top=1.0 - _HEAD / height, bottom=_FOOT / height, hspace=0.1
        )
        axes[0].set_xscale("log")
        axes[0].set_xlim(float(followed.flow.log_times[0]), float(followed.flow.log_times[-1]))
        labels = [draw(ax, followed) for draw, ax in zip(draws, axes, strict=True)]
        axes[0].set_title(title, loc="left", fontsize=9.5)
        for ax, texts in zip(axes, labels, strict=True):
            plain_ticks(ax)
            label_ends(ax, texts)
        figure.align_ylabels(axes)
    return figure
