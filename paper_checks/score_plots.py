"""The lower half of a claim's picture: the scores of claim and control against the band."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from .claim import Claim
from .pictures import BLUE, GREEN, GREY, plain_ticks
from .verdict import Verdict


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One row as drawn: whose score, its estimate, the estimate as written, its height and its colour."""

    name: str
    estimate: float
    written: str
    height: float
    color: str


def claimed_value(claim: Claim) -> float:
    """The value to mark: the prediction, or the end of a band that is open on one side."""
    ends = [end for end in claim.band if math.isfinite(end)]
    return ends[0] if len(ends) == 1 else claim.predicted


def draw_score(ax: Axes, claim: Claim, verdict: Verdict) -> list[ScoreRow]:
    """Draw the band, the prediction, and the intervals of the claim and of its control along one axis.

    Where the band is open on one side the claim is a bound: then its end is drawn, and no prediction.
    The rows are given back, for the caller to name.
    """
    ends_of_band = [end for end in claim.band if math.isfinite(end)]
    line = claimed_value(claim)
    rows = [("measured", BLUE, verdict.estimate, verdict.low, verdict.high)]
    if verdict.control is not None:
        control = verdict.control
        rows.append(("control", GREY, control.estimate, control.low, control.high))
    ends = [end for end in (*ends_of_band, line, *rows[0][2:]) if end is not None and math.isfinite(end)]
    span = max(ends) - min(ends) or 1.0
    far = [end for end in rows[-1][2:] if end is not None and math.isfinite(end)]
    # a control far off is shown by an arrow instead of squeezing all else together
    near = [end for end in far if min(ends) - 2 * span <= end <= max(ends) + 2 * span]
    left, right = min([*ends, *near]), max([*ends, *near])
    pad = 0.08 * (right - left)
    left, right = left - pad, right + pad
    ax.set_xlim(left, right)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    low, high = (float(np.clip(end, left, right)) for end in claim.band)
    ax.axvspan(low, high, color=GREEN, alpha=0.16, linewidth=0, label="allowed")
    ax.axvline(line, color=GREEN, linewidth=1.2)
    drawn = []
    for place, (name, color, estimate, lower, upper) in enumerate(rows):
        height = float(len(rows) - 1 - place)
        if estimate is None:
            continue
        written = f"{estimate:.3g}".replace("-", "\N{MINUS SIGN}")
        drawn.append(ScoreRow(name, estimate, written, height, color))
        if not left <= estimate <= right:
            edge, sign = (right, 1) if estimate > right else (left, -1)
            ax.annotate(
                "",
                xy=(edge, height),
                xytext=(edge - sign * 0.08 * (right - left), height),
                arrowprops={"arrowstyle": "->", "color": color},
            )
            continue
        if lower is not None and upper is not None:
            ax.plot([max(lower, left), min(upper, right)], [height, height], color=color, linewidth=2.2)
        ax.plot([estimate], [height], "o", color=color, markersize=5)
    plain_ticks(ax)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    level = "" if verdict.level is None else f", {verdict.level:.0%} interval"
    ax.set_xlabel(f"{claim.law.score_name}{level}")
    return drawn
