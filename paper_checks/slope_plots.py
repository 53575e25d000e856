"""The panel of local slopes in a claim's picture: flat, and in the band, where the law holds."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from .claim import Claim
from .local_slopes import LocalSlopes
from .pictures import BLUE, GREEN, plain_ticks
from .score_plots import claimed_value


def _limits(claim: Claim, slopes: LocalSlopes) -> tuple[float, float]:
    """Room for slopes, prediction and band; intervals may widen it to three times that, no further."""
    marks = [*slopes.slope.tolist(), claim.predicted, *(end for end in claim.band if math.isfinite(end))]
    low, high = min(marks), max(marks)
    span = high - low or 1.0
    half = np.nan_to_num(slopes.half)
    low = max(low - span, min(low, float(np.min(slopes.slope - half))))
    high = min(high + span, max(high, float(np.max(slopes.slope + half))))
    pad = 0.06 * (high - low)
    return low - pad, high + pad


def draw_slopes(ax: Axes, claim: Claim, slopes: LocalSlopes) -> None:
    """Draw local slopes with 95 % error bars beside the claimed value and its band.

    Where the band is open on one side the claim is a bound: then its end is drawn.
    """
    low, high = _limits(claim, slopes)
    lower, upper = np.clip(claim.band, low, high)
    ax.axhspan(lower, upper, color=GREEN, alpha=0.16, linewidth=0, zorder=1, label="allowed")
    ax.axhline(claimed_value(claim), color=GREEN, linewidth=1.2, zorder=2)
    ax.errorbar(
        slopes.x,
        slopes.slope,
        yerr=np.nan_to_num(slopes.half),
        fmt="o",
        color=BLUE,
        markersize=3.5,
        capsize=2,
        elinewidth=1.1,
        zorder=4,
    )
    ax.set_ylim(low, high)
    plain_ticks(ax)
