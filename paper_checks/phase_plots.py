"""Pictures of the phase diagram: to which depth networks train and generalize, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genlaws.theory import MeanField

from .pictures import BLUE, GREEN, INK, ORANGE, FloatArray, picture_style

if TYPE_CHECKING:
    from genlaws.empirical import PhaseMap
    from genlaws.theory import PhaseDiagram

    from .phase_outlook import Outlook

_DASHED = (0, (4, 3))
_SHADE = 0.18
_FINE = 201  # weight variances


def _limits(diagram: PhaseDiagram, most: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weight variances, finer than the diagram's, and hidden layers to which networks train and generalize.

    These are at most `most`, and not rounded to whole layers.
    """
    ends = (diagram.points[0].mean_field.weight_variance, diagram.points[-1].mean_field.weight_variance)
    x = np.linspace(*ends, _FINE)
    at = [
        MeanField(diagram.activation, weight_variance=float(w), bias_variance=diagram.bias_variance)
        for w in x
    ]
    scales = diagram.points[0].scales
    ordered = np.array([field.phase == "ordered" for field in at])
    trainable = np.where(ordered, [scales * field.trainability_depth - 1.0 for field in at], np.inf)
    generalizing = np.array([scales * field.generalization_depth - 1.0 for field in at])
    return x, np.clip(trainable, 0.0, most), np.clip(generalizing, 0.0, most)


def _draw_limits(ax: Axes, diagram: PhaseDiagram, most: float, *, color: str) -> None:
    x, trainable, generalizing = _limits(diagram, most)
    for limit in (trainable, generalizing):
        # a limit beyond the picture leaves it at the top
        ax.plot(x, np.where(limit < most, limit, np.nan), color=color, linewidth=1.6)
    ax.axvline(diagram.critical_weight_variance, color=color, linewidth=0.9, linestyle=_DASHED)


def _mark(axes: Sequence[Axes], outlook: Outlook | None) -> None:
    if outlook is None:
        return
    for ax in axes:
        ax.plot(
            outlook.weight_variance,
            outlook.hidden_layers,
            marker="*",
            markersize=13,
            color="white",
            markeredgecolor=INK,
            zorder=5,
        )


def _title(diagram: PhaseDiagram) -> str:
    return f"{diagram.activation} units, bias variance {diagram.bias_variance:g}"


def plot_phase_diagram(diagram: PhaseDiagram, *, hidden_layers: int, marked: Outlook | None = None) -> Figure:
    """Draw where networks train, and where they generalize, by weight variance and number of hidden layers.

    Parameters
    ----------
    diagram : PhaseDiagram
    hidden_layers : int
        The most that are shown.
    marked : Outlook, optional
        A network to mark by a star.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with picture_style():
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        ax = figure.subplots()
        x, trainable, generalizing = _limits(diagram, hidden_layers)
        both = np.minimum(trainable, generalizing)
        ax.fill_between(x, 0.0, both, color=GREEN, alpha=_SHADE, linewidth=0.0)
        ax.fill_between(x, trainable, hidden_layers, color=BLUE, alpha=_SHADE, linewidth=0.0)
        ax.fill_between(x, generalizing, hidden_layers, color=ORANGE, alpha=_SHADE, linewidth=0.0)
        _draw_limits(ax, diagram, hidden_layers, color=INK)
        critical = diagram.critical_weight_variance
        texts = (
            (x[0], min(critical, x[-1]), 0.75, "does not train", BLUE),
            (max(critical, x[0]), x[-1], 0.75, "memorizes, does\nnot generalize", ORANGE),
            (x[0], x[-1], 0.04, "trains and generalizes", GREEN),
        )
        for low, high, height, text, color in texts:
            if high > low:
                place = (0.5 * (low + high), height * hidden_layers)
                ax.text(*place, text, ha="center", va="bottom", color=color)
        ax.set(
            xlim=(x[0], x[-1]),
            ylim=(0, hidden_layers),
            xlabel="weight variance",
            ylabel="hidden layers",
        )
        ax.set_title(f"{_title(diagram)}; critical: {critical:.4g}", loc="left", fontsize=9.5)
        _mark([ax], marked)
    return figure


def plot_phase_map(diagram: PhaseDiagram, measured: PhaseMap, *, marked: Outlook | None = None) -> Figure:
    """Draw accuracies on training and held-out points after the longest training, and the limits of theory.

    Parameters
    ----------
    diagram : PhaseDiagram
    measured : PhaseMap
    marked : Outlook, optional
        A network to mark by a star.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x, y = measured.weight_variances, measured.depths - 1
    with picture_style():
        figure = Figure(figsize=(8.6, 4.2), layout="constrained")
        axes = list(figure.subplots(1, 2, sharey=True))
        for ax, accuracy, what in (
            (axes[0], measured.train_accuracy, "training points"),
            (axes[1], measured.test_accuracy, f"held-out points (chance {measured.chance:.2g})"),
        ):
            cells = accuracy[:, :, -1].T
            image = ax.pcolormesh(
                x, y, cells, vmin=0.0, vmax=1.0, cmap="viridis", shading="nearest", rasterized=True
            )
            _draw_limits(ax, diagram, float(y[-1]), color="white")
            ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel="weight variance")
            ax.set_title(f"accuracy on {what}", loc="left", fontsize=9.5)
        axes[0].set_ylabel("hidden layers")
        figure.colorbar(image, ax=axes, pad=0.01)
        figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr, call-arg]
        steps = f"after {measured.steps[-1]:,} steps"
        figure.suptitle(f"{_title(diagram)}, {steps}", x=0.01, ha="left", fontsize=9.5)
        _mark(axes, marked)
    return figure
