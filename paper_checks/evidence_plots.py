"""The bare evidence of a verdict as a picture, for pages that say the rest in words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genlaws.simulate.measurement import Measurement

from .claim import Claim
from .local_slopes import LocalSlopes, local_slopes
from .measurement_plots import draw_measurement
from .pictures import Label, picture_style, round_ticks
from .score_plots import ScoreRow, claimed_value, draw_score
from .slope_plots import draw_slopes
from .verdict import Verdict

_WIDTH = 4.8  # inches
_HEIGHTS = {"measurement": 2.75, "slopes": 1.15, "score": 0.8}  # inches of the axes, roughly
_LINE = 0.19  # inches of a line of the legend
_BETWEEN = 0.55  # inches of tick labels and of the label of x
_CLOSE = 0.08  # of the axes' width: half a value's
_WORDS = 52  # characters of a line over the axes, and of two columns of the legend

# larger than beside a title: in a column of a phone the picture is shown at three quarters of its size
_STYLE: dict[Any, Any] = {
    "font.size": 10.0,
    "axes.labelsize": 10.0,
    "axes.titlesize": 10.0,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "text.parse_math": False,  # labels are words: a dollar sign in one is a dollar sign
}


def evidence_of(claim: Claim, verdict: Verdict) -> tuple[Claim, Measurement, LocalSlopes | None]:
    """What there is to draw: the claim as its source tests it, the measurement, and its local slopes.

    Raises
    ------
    ValueError
        If the verdict is of another claim, or holds no measurement.
    """
    if verdict.claim != claim.id:
        raise ValueError(f"verdict must be of claim {claim.id}, got {verdict.claim}")
    if verdict.measurement is None:
        raise ValueError(f"verdict on {claim.id} holds no measurement to draw: {verdict.reason}")
    tested = claim.as_tested_by(verdict.source)
    return tested, verdict.measurement, local_slopes(tested.law, verdict.measurement)


def place_slopes(above: Axes, middle: Axes, claim: Claim, slopes: LocalSlopes) -> None:
    """Draw local slopes under the measurement, in axes that share its x."""
    draw_slopes(middle, claim, slopes)
    middle.yaxis.set_major_locator(round_ticks(4))
    middle.set_xlabel(above.get_xlabel())
    middle.set_ylabel("\n".join(textwrap.wrap(f"local {claim.law.score_name}", 18)))
    above.set_xlabel("")
    above.tick_params(axis="x", which="both", labelbottom=False)


def _head(ax: Axes) -> None:
    """Write the label of y over the axes, on one level and in full width, instead of up their side."""
    words = " ".join(ax.get_ylabel().split())
    ax.set_title("\n".join(textwrap.wrap(words, _WORDS)), loc="left")
    ax.set_ylabel("")


def _name_rows(ax: Axes, rows: Sequence[ScoreRow], line: float) -> None:
    """Write each row's name to its left and its value over its mark, clear of the line of the claim."""
    left, right = ax.get_xlim()
    ax.set_yticks([row.height for row in rows], [row.name for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.35, len(rows) - 0.15)
    for row in rows:
        place = float(np.clip(row.estimate, left, right))
        side, shift = "center", 0
        if abs(place - line) < _CLOSE * (right - left):
            place, side, shift = (line, "left", 3) if row.estimate >= line else (line, "right", -3)
        elif place != row.estimate:
            side = "left" if row.estimate < left else "right"
        ax.annotate(
            row.written,
            xy=(place, row.height),
            xytext=(shift, 5),
            textcoords="offset points",
            ha=side,
            va="bottom",
            fontsize=mpl.rcParams["ytick.labelsize"],
            annotation_clip=False,
        )
    ax.xaxis.set_major_locator(round_ticks(6))


def _legend(figure: Figure, panels: Sequence[Axes], labels: Sequence[Label]) -> int:
    """Write the legend over all panels, what was measured first; gives back its number of lines."""
    found = {
        text: handle
        for ax in reversed(panels)
        for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    texts = list(dict.fromkeys([*(label.text for label in labels if label.text in found), *found]))
    half = math.ceil(len(texts) / 2)
    widths = [max(map(len, column), default=0) for column in (texts[:half], texts[half:])]
    columns = 2 if sum(widths) <= _WORDS else 1
    figure.legend(
        [found[text] for text in texts],
        texts,
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        handlelength=1.8,
        columnspacing=1.2,
        borderaxespad=0.2,
    )
    return math.ceil(len(texts) / columns)


def plot_evidence(claim: Claim, verdict: Verdict) -> Figure:
    """Draw what a verdict rests on, and nothing else.

    From above: the measurement with 95 % error bars, the law fitted to it (or what it is held against),
    the rivals and what the band allows; local slopes, where the law has them; the scores of claim and
    control against the band. Readable in a column of 343 pixels and of 640.

    Parameters
    ----------
    claim : Claim
    verdict : Verdict
        Of that claim, with its measurement.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the verdict is of another claim, or holds no measurement.
    """
    claim, measurement, slopes = evidence_of(claim, verdict)
    panels = ["measurement"]
    panels += ["slopes"] if slopes is not None else []
    panels += ["score"] if verdict.estimate is not None else []
    heights = [_HEIGHTS[name] for name in panels]
    with picture_style(), mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 1.0), layout="constrained")
        grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
        above = figure.add_subplot(grid[0])
        axes = {"measurement": above}
        for row, name in enumerate(panels[1:], 1):
            axes[name] = figure.add_subplot(grid[row], sharex=above if name == "slopes" else None)
        labels = draw_measurement(above, claim, measurement)
        if slopes is not None:
            place_slopes(above, axes["slopes"], claim, slopes)
            _head(axes["slopes"])
        _head(above)
        if "score" in axes:
            _name_rows(axes["score"], draw_score(axes["score"], claim, verdict), claimed_value(claim))
        lines = _legend(figure, list(axes.values()), labels)
        figure.set_figheight(sum(heights) + _BETWEEN * len(panels) + _LINE * lines)
    return figure
