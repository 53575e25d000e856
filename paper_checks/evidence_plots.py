"""The bare evidence of a verdict as a picture, for pages that say the rest in words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genlaws.simulate.measurement import Measurement

from .claim import Claim
from .local_slopes import LocalSlopes, local_slopes
from .measurement_plots import draw_measurement
from .pictures import Label, picture_style
from .score_plots import draw_score
from .slope_plots import draw_slopes
from .verdict import Verdict

_WIDTH = 4.8  # inches
_HEIGHTS = {"measurement": 2.75, "slopes": 1.15, "score": 0.62}  # inches of the axes, roughly
_LINE = 0.19  # inches of a line of the legend
_LONG = 21  # characters of a text that leaves no room for a second one beside it
_SCORE_WORDS = 58  # characters under the lowest axes

# larger than beside a title: in a column of a phone the picture is shown at three quarters of its size
_STYLE = {
    "font.size": 10.0,
    "axes.labelsize": 10.0,
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
    """Draw local slopes under the measurement, on its axis of x."""
    middle.sharex(above)
    draw_slopes(middle, claim, slopes)
    middle.yaxis.set_major_locator(MaxNLocator(4))
    middle.set_xlabel(above.get_xlabel())
    middle.set_ylabel("\n".join(textwrap.wrap(f"local {claim.law.score_name}", 18)))
    above.set_xlabel("")
    above.tick_params(axis="x", which="both", labelbottom=False)


def _name_rows(ax: Axes, labels: Sequence[Label]) -> None:
    """Write each row's name and value to its left, where the other axes have theirs."""
    ax.set_yticks([label.y for label in labels], [label.text.replace(" ", "\n", 1) for label in labels])
    ax.tick_params(axis="y", length=0, labelsize=9.0)
    ax.set_xlabel("\n".join(textwrap.wrap(ax.get_xlabel(), _SCORE_WORDS)))
    ax.xaxis.set_major_locator(MaxNLocator(6))


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
        axes = dict(
            zip(
                panels,
                figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0],
                strict=True,
            )
        )
        above = axes["measurement"]
        draw_measurement(above, claim, measurement)
        if above.get_xscale() == "linear":
            above.xaxis.set_major_locator(MaxNLocator(6, integer=len(set(measurement.x.tolist())) == 1))
        if slopes is not None:
            place_slopes(above, axes["slopes"], claim, slopes)
        if "score" in axes:
            _name_rows(axes["score"], draw_score(axes["score"], claim, verdict))
        handles, texts = above.get_legend_handles_labels()
        columns = 1 if max(map(len, texts)) > _LONG + 4 else 2
        figure.legend(
            handles,
            texts,
            loc="outside upper left",
            ncols=columns,
            frameon=False,
            handlelength=1.8,
            columnspacing=1.2,
            borderaxespad=0.2,
        )
        figure.set_figheight(sum(heights) + 0.45 * len(panels) + _LINE * math.ceil(len(texts) / columns))
    return figure
