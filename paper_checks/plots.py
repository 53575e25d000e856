"""A picture of a verdict, with its words: what was claimed, what was measured, and why it came out so."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .claim import Claim
from .evidence_plots import evidence_of, place_slopes
from .measurement_plots import draw_measurement
from .pictures import GREEN, GREY, INK, ORANGE, YELLOW, Label, label_ends, picture_style
from .score_plots import draw_score
from .verdict import Outcome, Verdict

_TITLE = {
    Outcome.SUPPORTED: GREEN,
    Outcome.REFUTED: ORANGE,
    Outcome.INCONCLUSIVE: YELLOW,
    Outcome.NOT_APPLICABLE: GREY,
    Outcome.ERROR: ORANGE,
}
_MARGIN = 0.02  # of the width, left free
_WIDTH = 6.6  # inches
# inches from the foot of the picture to the foot of each panel, and the panel's own height
_SCORE, _SLOPES, _MEASUREMENT = (0.83, 0.413), (1.81, 0.95), (1.732, 2.252)
_HEAD = 0.816  # inches of title and statement


def _make_room(figure: Figure, ax: Axes) -> None:
    """Narrow the axes where the labels of their ticks would push the label of y out of the picture."""
    box = ax.get_tightbbox()
    if box is None or box.x0 >= _MARGIN * figure.bbox.width:
        return
    missing = _MARGIN - box.x0 / figure.bbox.width
    for panel in figure.axes:
        place = panel.get_position()
        panel.set_position((place.x0 + missing, place.y0, place.width - missing, place.height))


def plot_claim(claim: Claim, verdict: Verdict) -> Figure:
    """Draw what a verdict rests on.

    Above, the measurement with 95 % error bars, the law fitted to it (or what it is held against), and
    the rivals; shaded, what the band allows. Under it the local slopes, where the law has them. Below,
    the scores of claim and control against the band. `plot_evidence` draws the same without the words.

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
    lift = 0.0 if slopes is None else _SLOPES[1] + 0.16
    height = sum(_MEASUREMENT) + lift + _HEAD
    with picture_style(), mpl.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(_WIDTH, height))

        def panel(foot: float, own: float, *, along: Axes | None = None) -> Axes:
            return figure.add_axes((0.115, foot / height, 0.645, own / height), sharex=along)

        above, below = panel(_MEASUREMENT[0] + lift, _MEASUREMENT[1]), panel(*_SCORE)
        middle = None if slopes is None else panel(*_SLOPES, along=above)
        labels = draw_measurement(above, claim, measurement)
        if slopes is not None and middle is not None:
            place_slopes(above, middle, claim, slopes)
        label_ends(above, labels)
        if verdict.estimate is not None:
            rows = draw_score(below, claim, verdict)
            right = below.get_xlim()[1]
            label_ends(below, [Label(f"{r.name} {r.written}", right, r.height, r.color) for r in rows])
            below.set_xlabel(f"{below.get_xlabel()}; green: what the claim allows")
        else:
            below.set_axis_off()
        _make_room(figure, above)
        word = verdict.verdict.value.replace("_", " ")
        top = 1 - 0.24 / height
        figure.text(
            0.02, top, f"{claim.id}  {word}", color=_TITLE[verdict.verdict], fontsize=12, weight="bold"
        )
        figure.text(0.98, top, f"{claim.paper}, {verdict.source}", color=GREY, fontsize=8.5, ha="right")
        statement = "\n".join(textwrap.wrap(claim.statement, 96, max_lines=2, placeholder=" ..."))
        figure.text(0.02, 1 - 0.36 / height, statement, color=INK, fontsize=9.5, va="top")
        reason = "\n".join(textwrap.wrap(verdict.reason, 118, max_lines=2, placeholder=" ..."))
        figure.text(0.02, 0.072 / height, reason, color=GREY, fontsize=7.5, va="bottom")
    return figure
