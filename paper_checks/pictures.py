"""What all pictures share: colours, style, labels at the ends of lines, and saving them."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    ScalarFormatter,
)
from numpy.typing import NDArray

from .atomic_write import atomic_write, check_writable

FloatArray = NDArray[np.float64]

# Okabe & Ito's palette, which all kinds of colour vision tell apart
INK, GREY = "#222222", "#6b6b6b"
BLUE, ORANGE, GREEN, PURPLE, YELLOW = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#B07A00"

_ENDINGS = (".png", ".svg", ".pdf")
_LINE_HEIGHT = 11.0  # points between two lines of labels
_LABEL_WIDTH = 18  # characters
_ONE_DECADE, _FEW_DECADES = 0.85, 2.3  # spans of a logarithmic axis, in decades
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def picture_style() -> AbstractContextManager[None]:
    """The style of all pictures, as a context to draw and save in."""
    style: dict[Any, Any] = {
        "font.size": 9.0,
        "text.color": INK,
        "axes.labelsize": 9.0,
        "axes.labelcolor": INK,
        "axes.edgecolor": GREY,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.labelsize": 8.0,
        "ytick.labelsize": 8.0,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "figure.facecolor": "white",
        "svg.hashsalt": "genlaws",  # equal pictures give equal files
    }
    return mpl.rc_context(style)


@dataclass(frozen=True, slots=True)
class Label:
    """A text beside the right end of a line, in its colour."""

    text: str
    x: float
    y: float
    color: str


def _spread(heights: Sequence[float], halves: Sequence[float], bottom: float, top: float) -> list[float]:
    """Heights moved as little as keeps boxes of these half heights apart, and inside where they fit."""
    order = [int(index) for index in np.argsort(heights)]
    placed = list(heights)
    floor = bottom
    for index in order:
        placed[index] = max(heights[index], floor + halves[index])
        floor = placed[index] + halves[index]
    # pushed out at the top: move the uppermost down again, and with it whatever it meets
    limit = top
    for index in reversed(order):
        placed[index] = min(placed[index], limit - halves[index])
        limit = placed[index] - halves[index]
    return placed


def label_ends(ax: Axes, labels: Sequence[Label]) -> None:
    """Write labels to the right of the axes, each at the height of its line and clear of the others.

    Call it last: it goes by the limits of the axes as they are.
    """
    figure = ax.figure
    assert isinstance(figure, Figure)
    points_per_pixel = 72.0 / figure.dpi
    box = ax.get_window_extent()
    bottom, top = box.y0 * points_per_pixel, box.y1 * points_per_pixel
    texts = ["\n".join(textwrap.wrap(label.text, _LABEL_WIDTH)) for label in labels]
    heights = [
        float(np.clip(ax.transData.transform((label.x, label.y))[1] * points_per_pixel, bottom, top))
        for label in labels
    ]
    halves = [0.5 * _LINE_HEIGHT * (text.count("\n") + 1) for text in texts]
    # a label may stand out by half a line: lines often end in the corners
    placed = _spread(heights, halves, bottom - 0.5 * _LINE_HEIGHT, top + 0.5 * _LINE_HEIGHT)
    for label, text, height in zip(labels, texts, placed, strict=True):
        ax.annotate(
            text,
            xy=(1.0, (height - bottom) / (top - bottom)),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            ha="left",
            color=label.color,
            fontsize=8.5,
            annotation_clip=False,
        )


def plain_number(value: float) -> str:
    """A number as plain text, which needs no mathematical typesetting: 0.01, 200, 10⁻⁵, 2·10⁶."""
    exponent = int(np.floor(np.log10(abs(value)) + 1e-9)) if value else 0
    if -3 <= exponent <= 3:
        text = f"{value:g}"
    else:
        leading = f"{value / 10.0**exponent:.3g}"
        power = "10" + str(exponent).translate(_SUPERSCRIPT)
        text = power if leading == "1" else f"{leading}·{power}"
    return text.replace("-", "\N{MINUS SIGN}")


def round_ticks(most: int, *, integer: bool = False) -> MaxNLocator:
    """At most so many intervals between ticks at round numbers."""
    return MaxNLocator(most, steps=[1, 2, 2.5, 5, 10], integer=integer)


def plain_ticks(ax: Axes) -> None:
    """Label ticks by their whole values in plain text, without a factor or an offset at the axis' end.

    Logarithmic axes have ticks at powers of ten, at 1, 2, 5 of each over few decades, evenly within one.
    Call it when the limits of the axes are what they will be.
    """
    for axis in (ax.xaxis, ax.yaxis):
        low, high = axis.get_view_interval()
        plain = FuncFormatter(lambda value, _: plain_number(value))
        if axis.get_scale() == "log":
            decades = np.log10(high / low)
            if decades < _ONE_DECADE:
                axis.set_major_locator(round_ticks(5))
                axis.set_minor_locator(NullLocator())
            elif decades < _FEW_DECADES:
                axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(plain)
            axis.set_minor_formatter(NullFormatter())
        elif 1e-3 <= max(abs(low), abs(high)) < 1e5:
            even = ScalarFormatter(useOffset=False)
            even.set_scientific(False)
            axis.set_major_formatter(even)
        else:
            axis.set_major_formatter(plain)


def picture_bytes(figure: Figure, ending: str) -> bytes:
    """The picture as a file's content; `ending` is ``".png"``, ``".svg"`` or ``".pdf"``."""
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(ending)
    buffer = io.BytesIO()
    with picture_style():
        figure.savefig(buffer, format=ending[1:], dpi=160, metadata=metadata)
    return buffer.getvalue()


def check_picture(path: str | Path) -> Path:
    """`path` as a Path, once it is known that a picture can be written there.

    Raises
    ------
    ValueError
        If its ending is not .png, .svg or .pdf, or it cannot be written to.
    """
    place = check_writable(path)
    if place.suffix.lower() not in _ENDINGS:
        raise ValueError(f"a picture must end in {', '.join(_ENDINGS)}, got {place.name}")
    return place


def save_picture(figure: Figure, path: str | Path) -> None:
    """Write a picture whole or not at all; raises ValueError if it cannot be written to `path`."""
    place = check_picture(path)
    atomic_write(place, picture_bytes(figure, place.suffix.lower()))
