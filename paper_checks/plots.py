"""A picture of a verdict: the measurement, the law fitted to it, the rivals, and the score in its band."""

from __future__ import annotations

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from genlaws.simulate.measurement import Measurement
from genlaws.theory.laws import CurveLaw, Law, PointwiseLaw

from .claim import Claim
from .fits import fitted_curve
from .pictures import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    YELLOW,
    FloatArray,
    Label,
    label_ends,
    picture_style,
)
from .replicates import ReplicateTable, tabulate
from .score_plots import draw_score
from .verdict import Outcome, Verdict

_TITLE = {
    Outcome.SUPPORTED: GREEN,
    Outcome.REFUTED: ORANGE,
    Outcome.INCONCLUSIVE: YELLOW,
    Outcome.NOT_APPLICABLE: GREY,
    Outcome.ERROR: ORANGE,
}
_RIVALS = ((PURPLE, (0, (4, 2))), (YELLOW, (0, (1, 1.5))), (GREY, (0, (6, 2, 1, 2))))
_HELD = {"UpperBound": "bound", "LowerBound": "bound", "ClosedCurve": "predicted", "Ordering": "the other"}
_FEW = 40  # replicates that are still drawn one by one
_LABEL_LENGTH = 34  # characters along the upper axes
_MARGIN = 0.02  # of the width, left free


def _words(name: str) -> str:
    """``PowerLawWithPlateau`` as ``power law with plateau``."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def _wrapped(label: str) -> str:
    """A label in as many lines as keep it beside its axis."""
    return "\n".join(textwrap.wrap(label, _LABEL_LENGTH))


def _spans_a_decade(values: FloatArray) -> bool:
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() >= 10 * finite.min())


def _scales(law: Law, x: FloatArray, y: FloatArray) -> tuple[str, str]:
    """Axes on which the law is a straight line where it can be, otherwise by the ranges covered."""
    name, positive = type(law).__name__, bool(np.all(y > 0)) and not getattr(law, "log_y", False)
    if name == "ExponentialDecay":
        return "linear", "log" if positive else "linear"
    if name.startswith("PowerLaw") and np.all(x > 0):
        return "log", "log" if positive else "linear"
    if name.startswith("Logarithmic") and np.all(x > 0):
        return "log", "linear"
    return "log" if _spans_a_decade(x) else "linear", "log" if _spans_a_decade(y) else "linear"


def _allowed(law: Law, band: tuple[float, float], y: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Ends of what the band allows around the curve `y`, for laws whose band is in the unit of y."""
    if isinstance(law, PointwiseLaw):
        return (y * np.exp(band[0]), y * np.exp(band[1])) if law.relative else (y + band[0], y + band[1])
    if type(law).__name__ == "Constant":
        return np.full_like(y, band[0]), np.full_like(y, band[1])
    return None


def _half_widths(table: ReplicateTable) -> FloatArray:
    """Half-widths of the 95 % intervals of the means; zero where nothing is known of the error."""
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.nansum((table.y - table.mean) ** 2, axis=0) / (table.count - 1) / table.count)
        half = spread * stats.t.ppf(0.975, np.maximum(table.count - 1, 1))
    if table.se is not None:
        half = np.where(table.count >= 2, half, 1.96 * table.se)
    return np.where(np.isfinite(half), half, 0.0)


def _draw_points(ax: Axes, table: ReplicateTable) -> Label:
    if 1 < table.clusters <= _FEW:
        for row in table.y:
            ax.plot(table.x, row, "o", color=BLUE, markersize=3, alpha=0.25, zorder=2, markeredgewidth=0)
    ax.errorbar(
        table.x,
        table.mean,
        yerr=_half_widths(table),
        fmt="o",
        color=BLUE,
        markersize=4,
        capsize=2.5,
        elinewidth=1.2,
        zorder=5,
    )
    return Label("measured, 95 %", float(table.x[-1]), float(table.mean[-1]), BLUE)


def _draw_replicates(ax: Axes, claim: Claim, measurement: Measurement, table: ReplicateTable) -> None:
    """All there is where x has a single value: the replicates side by side, their mean, and the band."""
    places = np.arange(1, table.clusters + 1)
    mean, half = float(table.mean[0]), float(_half_widths(table)[0])
    held = float(fitted_curve(claim.law, measurement, points=1)[1][0])
    labels = [Label("mean, 95 %", 0.0, mean, BLUE)]
    ax.axhspan(mean - half, mean + half, color=BLUE, alpha=0.16, linewidth=0, zorder=2)
    ax.axhline(mean, color=BLUE, linewidth=1.5, zorder=3)
    ax.plot(places, table.y[:, 0], "o", color=BLUE, markersize=4.5, zorder=5)
    if not isinstance(claim.law, CurveLaw):
        ax.axhline(held, color=ORANGE, linewidth=1.5, zorder=4)
        labels.append(Label(_HELD.get(type(claim.law).__name__, "reference"), 0.0, held, ORANGE))
    allowed = _allowed(claim.law, claim.band, np.array([held]))
    low, high = ax.get_ylim()
    if allowed is not None:
        inside = [float(edge[0]) for edge in allowed if math.isfinite(edge[0])]
        pad = 0.05 * (max([high, *inside]) - min([low, *inside]))
        low, high = min([low, *(end - pad for end in inside)]), max([high, *(end + pad for end in inside)])
        lower, upper = (float(np.clip(edge[0], low, high)) for edge in allowed)
        ax.axhspan(lower, upper, color=GREEN, alpha=0.16, linewidth=0, zorder=1)
        labels.append(Label("allowed", 0.0, upper if math.isfinite(allowed[1][0]) else lower, GREEN))
    ax.set_ylim(low, high)
    ax.set_xlim(0.4, table.clusters + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlabel(f"replicate, at {measurement.x_label} = {table.x[0]:.4g}")
    ax.set_ylabel(_wrapped(measurement.y_label))
    label_ends(ax, labels)


def _draw_distributions(ax: Axes, measurement: Measurement) -> list[Label]:
    """Two cumulative distributions, for laws that compare samples."""
    labels = []
    for values, text, color, style in (
        (measurement.y, "measured", BLUE, "-"),
        (measurement.reference, "reference", ORANGE, "--"),
    ):
        if values is None:
            continue
        ordered = np.sort(values)
        share = np.arange(1, ordered.size + 1) / ordered.size
        ax.step(ordered, share, where="post", color=color, linestyle=style)
        middle = int(0.7 * ordered.size)
        labels.append(Label(text, float(ordered[middle]), float(share[middle]), color))
    ax.set_xlabel(measurement.y_label)
    ax.set_ylabel("share of samples at most this")
    return labels


def _draw_measurement(ax: Axes, claim: Claim, measurement: Measurement) -> None:
    law = claim.law
    if type(law).__name__ == "EqualDistributions":
        label_ends(ax, _draw_distributions(ax, measurement))
        return
    table = tabulate(measurement)
    if table.x.size == 1:
        _draw_replicates(ax, claim, measurement, table)
        return
    labels = [_draw_points(ax, table)]
    x_scale, y_scale = _scales(law, table.x, table.mean)
    ax.set_xscale(x_scale)
    ax.set_yscale(y_scale)
    ends, shaded = list(ax.get_ylim()), None
    x, y = fitted_curve(law, measurement)
    if isinstance(law, CurveLaw | PointwiseLaw):
        fitted = isinstance(law, CurveLaw)
        ax.plot(x, y, "-", color=ORANGE, linewidth=1.8, zorder=4)
        text = (
            f"{_words(type(law).__name__)}, fitted" if fitted else _HELD.get(type(law).__name__, "reference")
        )
        labels.append(Label(text, float(x[-1]), float(y[-1]), ORANGE))
        shaded = _allowed(law, claim.band, y)
        ends += [float(end) for edge in (y, *(shaded or ())) for end in (edge.min(), edge.max())]
    # what has no place on the axis does not stretch it: an open end, zero or less among logarithms
    drawn = [end for end in ends if math.isfinite(end) and (y_scale == "linear" or end > 0)]
    low, high = min(drawn), max(drawn)
    if shaded is not None:
        lower, upper = (np.clip(edge, low, high) for edge in shaded)
        ax.fill_between(x, lower, upper, color=GREEN, alpha=0.16, linewidth=0, zorder=1)
    for rival, (color, dashes) in zip(claim.rivals, _RIVALS, strict=False):
        try:
            x, y = fitted_curve(rival, measurement)
        except ValueError:  # a rival that cannot be fitted here was no rival here
            continue
        ax.plot(x, y, color=color, linestyle=dashes, linewidth=1.3, zorder=3)
        labels.append(Label(_words(type(rival).__name__), float(x[-1]), float(y[-1]), color))
    if type(law).__name__ == "InteriorPeak":
        ax.axvspan(*np.clip(claim.band, *ax.get_xlim()), color=GREEN, alpha=0.16, linewidth=0, zorder=1)
    ax.set_ylim(low, high)
    ax.set_xlabel(measurement.x_label)
    ax.set_ylabel(_wrapped(measurement.y_label))
    label_ends(ax, labels)


def _make_room(figure: Figure, ax: Axes) -> None:
    """Narrow the axes where the labels of their ticks would push the label of y out of the picture."""
    box = ax.get_tightbbox()
    if box is not None and box.x0 < _MARGIN * figure.bbox.width:
        missing = _MARGIN - box.x0 / figure.bbox.width
        figure.subplots_adjust(left=figure.subplotpars.left + missing)


def plot_claim(claim: Claim, verdict: Verdict) -> Figure:
    """Draw what a verdict rests on.

    Above, the measurement with 95 % error bars, the law fitted to it (or what it is held against), and
    the rivals; shaded, what the band allows. Below, the scores of claim and control against the band.

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
    if verdict.claim != claim.id:
        raise ValueError(f"verdict must be of claim {claim.id}, got {verdict.claim}")
    if verdict.measurement is None:
        raise ValueError(f"verdict on {claim.id} holds no measurement to draw: {verdict.reason}")
    claim = claim.as_tested_by(verdict.source)
    with picture_style():
        figure = Figure(figsize=(6.6, 4.8))
        above, below = figure.subplots(
            2,
            1,
            gridspec_kw={
                "height_ratios": (6.5, 1.0),
                "left": 0.115,
                "right": 0.76,
                "top": 0.83,
                "bottom": 0.185,
                "hspace": 0.38,
            },
        )
        _draw_measurement(above, claim, verdict.measurement)
        if verdict.estimate is not None:
            draw_score(below, claim, verdict)
        else:
            below.set_axis_off()
        _make_room(figure, above)
        word = verdict.verdict.value.replace("_", " ")
        figure.text(
            0.02, 0.95, f"{claim.id}  {word}", color=_TITLE[verdict.verdict], fontsize=12, weight="bold"
        )
        figure.text(0.98, 0.95, f"{claim.paper}, {verdict.source}", color=GREY, fontsize=8.5, ha="right")
        statement = "\n".join(textwrap.wrap(claim.statement, 96, max_lines=2, placeholder=" ..."))
        figure.text(0.02, 0.925, statement, color=INK, fontsize=9.5, va="top")
        reason = "\n".join(textwrap.wrap(verdict.reason, 118, max_lines=2, placeholder=" ..."))
        figure.text(0.02, 0.015, reason, color=GREY, fontsize=7.5, va="bottom")
    return figure
