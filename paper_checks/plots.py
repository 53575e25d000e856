"""A picture of a verdict: the measurement, the law fitted to it, the rivals, and the score in its band."""

from __future__ import annotations

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
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
from .replicates import tabulate
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


def _words(name: str) -> str:
    """``PowerLawWithPlateau`` as ``power law with plateau``."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


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


def _draw_points(ax: Axes, measurement: Measurement) -> Label:
    table = tabulate(measurement)
    mean = table.mean
    many = table.count >= 2
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.nansum((table.y - mean) ** 2, axis=0) / (table.count - 1) / table.count)
        half = spread * stats.t.ppf(0.975, np.maximum(table.count - 1, 1))
    if table.se is not None:
        half = np.where(many, half, 1.96 * table.se)
    half = np.where(np.isfinite(half), half, 0.0)
    if 1 < table.clusters <= _FEW:
        for row in table.y:
            ax.plot(table.x, row, "o", color=BLUE, markersize=3, alpha=0.25, zorder=2, markeredgewidth=0)
    ax.errorbar(
        table.x, mean, yerr=half, fmt="o", color=BLUE, markersize=4, capsize=2.5, elinewidth=1.2, zorder=5
    )
    return Label("measured, 95 %", float(table.x[-1]), float(mean[-1]), BLUE)


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


def _draw_measurement(ax: Axes, claim: Claim, verdict: Verdict, measurement: Measurement) -> None:
    law = claim.law
    if type(law).__name__ == "EqualDistributions":
        label_ends(ax, _draw_distributions(ax, measurement))
        return
    labels = [_draw_points(ax, measurement)]
    table = tabulate(measurement)
    x_scale, y_scale = _scales(law, table.x, table.mean)
    ax.set_xscale(x_scale)
    ax.set_yscale(y_scale)
    low, high = ax.get_ylim()
    x, y = fitted_curve(law, measurement)
    if isinstance(law, CurveLaw | PointwiseLaw):
        fitted = isinstance(law, CurveLaw)
        ax.plot(x, y, "-", color=ORANGE, linewidth=1.8, zorder=4)
        text = (
            f"{_words(type(law).__name__)}, fitted" if fitted else _HELD.get(type(law).__name__, "reference")
        )
        labels.append(Label(text, float(x[-1]), float(y[-1]), ORANGE))
        low, high = min(low, float(y.min())), max(high, float(y.max()))
        allowed = _allowed(law, claim.band, y)
        if allowed is not None:
            inside = [
                float(end) for edge in allowed for end in (edge.min(), edge.max()) if math.isfinite(end)
            ]
            low, high = min([low, *inside]), max([high, *inside])
            lower, upper = (np.clip(edge, -1e300, 1e300) for edge in allowed)
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
    ax.set_ylabel(measurement.y_label)
    label_ends(ax, labels)


def _draw_score(ax: Axes, claim: Claim, verdict: Verdict) -> None:
    """The band, the prediction, and the intervals of the claim and of its control, on one line of scores."""
    rows = [("measured", BLUE, verdict.estimate, verdict.low, verdict.high)]
    if verdict.control is not None:
        control = verdict.control
        rows.append(("control", GREY, control.estimate, control.low, control.high))
    ends = [
        end for end in (*claim.band, claim.predicted, *rows[0][2:]) if end is not None and math.isfinite(end)
    ]
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
    ax.axvspan(low, high, color=GREEN, alpha=0.16, linewidth=0)
    ax.axvline(claim.predicted, color=GREEN, linewidth=1.2)
    labels = []
    for place, (name, color, estimate, lower, upper) in enumerate(rows):
        height = float(len(rows) - 1 - place)
        if estimate is None:
            continue
        labels.append(Label(f"{name} {estimate:.3g}".replace("-", "\N{MINUS SIGN}"), right, height, color))
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
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    level = "" if verdict.level is None else f", {verdict.level:.0%} interval"
    ax.set_xlabel(f"{claim.law.score_name}{level}; green: what the claim allows")
    label_ends(ax, labels)


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
        _draw_measurement(above, claim, verdict, verdict.measurement)
        if verdict.estimate is not None:
            _draw_score(below, claim, verdict)
        else:
            below.set_axis_off()
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
