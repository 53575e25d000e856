"""The upper part of a claim's picture: the measurement, the law fitted to it, the rivals and the band."""

from __future__ import annotations

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
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
    ORANGE,
    PURPLE,
    YELLOW,
    FloatArray,
    Label,
    plain_ticks,
    round_ticks,
)
from .replicates import ReplicateTable, tabulate

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
    if name == "Linear":
        return "linear", "linear"
    return "log" if _spans_a_decade(x) else "linear", "log" if _spans_a_decade(y) else "linear"


def _allowed(law: Law, band: tuple[float, float], y: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Ends of what the band allows around the curve `y`, for laws whose band is in the unit of y."""
    if isinstance(law, PointwiseLaw):
        return (y * np.exp(band[0]), y * np.exp(band[1])) if law.relative else (y + band[0], y + band[1])
    if type(law).__name__ == "Constant":
        return np.full_like(y, band[0]), np.full_like(y, band[1])
    return None


def _padded(low: float, high: float, scale: str) -> tuple[float, float]:
    """Limits a little wider, so that no line runs along the frame."""
    if scale == "log":
        pad = (high / low) ** 0.02
        return low / pad, high * pad
    return low - 0.02 * (high - low), high + 0.02 * (high - low)


def _half_widths(table: ReplicateTable) -> FloatArray:
    """Half-widths of the 95 % intervals of the means; zero where nothing is known of the error."""
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.nansum((table.y - table.mean) ** 2, axis=0) / (table.count - 1) / table.count)
        half = spread * stats.t.ppf(0.975, np.maximum(table.count - 1, 1))
    if table.se is not None:
        half = np.where(table.count >= 2, half, 1.96 * table.se)
    return np.where(np.isfinite(half), half, 0.0)


def _draw_points(ax: Axes, table: ReplicateTable) -> Label:
    text = "measured, 95 %"
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
        label=text,
    )
    return Label(text, float(table.x[-1]), float(table.mean[-1]), BLUE)


def _draw_replicates(ax: Axes, claim: Claim, measurement: Measurement, table: ReplicateTable) -> list[Label]:
    """All there is where x has a single value: the replicates side by side, their mean, and the band."""
    places = np.arange(1, table.clusters + 1)
    mean, half = float(table.mean[0]), float(_half_widths(table)[0])
    held = float(fitted_curve(claim.law, measurement, points=1)[1][0])
    labels = [Label("mean, 95 %", 0.0, mean, BLUE)]
    ax.axhspan(mean - half, mean + half, color=BLUE, alpha=0.16, linewidth=0, zorder=2)
    ax.axhline(mean, color=BLUE, linewidth=1.5, zorder=3, label="mean, 95 %")
    ax.plot(places, table.y[:, 0], "o", color=BLUE, markersize=4.5, zorder=5)
    if not isinstance(claim.law, CurveLaw):
        text = _HELD.get(type(claim.law).__name__, "reference")
        ax.axhline(held, color=ORANGE, linewidth=1.5, zorder=4, label=text)
        labels.append(Label(text, 0.0, held, ORANGE))
    allowed = _allowed(claim.law, claim.band, np.array([held]))
    low, high = ax.get_ylim()
    if allowed is not None:
        inside = [float(edge[0]) for edge in allowed if math.isfinite(edge[0])]
        pad = 0.05 * (max([high, *inside]) - min([low, *inside]))
        low, high = min([low, *(end - pad for end in inside)]), max([high, *(end + pad for end in inside)])
        lower, upper = (float(np.clip(edge[0], low, high)) for edge in allowed)
        ax.axhspan(lower, upper, color=GREEN, alpha=0.16, linewidth=0, zorder=1, label="allowed")
        labels.append(Label("allowed", 0.0, upper if math.isfinite(allowed[1][0]) else lower, GREEN))
    ax.set_ylim(low, high)
    ax.set_xlim(0.4, table.clusters + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    plain_ticks(ax)
    ax.set_xlabel(f"replicate, at {measurement.x_label} = {table.x[0]:.4g}")
    ax.set_ylabel(_wrapped(measurement.y_label))
    return labels


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
        ax.step(ordered, share, where="post", color=color, linestyle=style, label=text)
        middle = int(0.7 * ordered.size)
        labels.append(Label(text, float(ordered[middle]), float(share[middle]), color))
    plain_ticks(ax)
    ax.set_xlabel(measurement.y_label)
    ax.set_ylabel("share of samples at most this")
    return labels


def draw_measurement(ax: Axes, claim: Claim, measurement: Measurement) -> list[Label]:
    """Draw a measurement with its law, rivals and band; artists and labels to place hold the same texts."""
    law = claim.law
    if type(law).__name__ == "EqualDistributions":
        return _draw_distributions(ax, measurement)
    table = tabulate(measurement)
    if table.x.size == 1:
        return _draw_replicates(ax, claim, measurement, table)
    labels = [_draw_points(ax, table)]
    x_scale, y_scale = _scales(law, table.x, table.mean)
    ax.set_xscale(x_scale)
    ax.set_yscale(y_scale)
    ends, shaded = list(ax.get_ylim()), None
    x, y = fitted_curve(law, measurement)
    if isinstance(law, CurveLaw | PointwiseLaw):
        name = type(law).__name__
        text = f"{_words(name)}, fitted" if isinstance(law, CurveLaw) else _HELD.get(name, "reference")
        ax.plot(x, y, "-", color=ORANGE, linewidth=1.8, zorder=4, label=text)
        labels.append(Label(text, float(x[-1]), float(y[-1]), ORANGE))
        shaded = _allowed(law, claim.band, y)
        ends += [float(end) for edge in (y, *(shaded or ())) for end in (edge.min(), edge.max())]
    # what has no place on the axis does not stretch it: an open end, zero or less among logarithms
    drawn = [end for end in ends if math.isfinite(end) and (y_scale == "linear" or end > 0)]
    low, high = _padded(min(drawn), max(drawn), y_scale)
    if shaded is not None:
        lower, upper = (np.clip(edge, low, high) for edge in shaded)
        ax.fill_between(x, lower, upper, color=GREEN, alpha=0.16, linewidth=0, zorder=1, label="allowed")
    for rival, (color, dashes) in zip(claim.rivals, _RIVALS, strict=False):
        try:
            x, y = fitted_curve(rival, measurement)
        except ValueError:  # a rival that cannot be fitted here was no rival here
            continue
        text = _words(type(rival).__name__)
        ax.plot(x, y, color=color, linestyle=dashes, linewidth=1.5, zorder=3, label=text)
        labels.append(Label(text, float(x[-1]), float(y[-1]), color))
    if type(law).__name__ == "InteriorPeak":
        ax.axvspan(
            *np.clip(claim.band, *ax.get_xlim()),
            color=GREEN,
            alpha=0.16,
            linewidth=0,
            zorder=1,
            label="allowed",
        )
    ax.set_ylim(low, high)
    if x_scale == "linear":
        ax.xaxis.set_major_locator(round_ticks(7, integer=bool(np.all(table.x == np.round(table.x)))))
    plain_ticks(ax)
    ax.set_xlabel(measurement.x_label)
    ax.set_ylabel(_wrapped(measurement.y_label))
    return labels
