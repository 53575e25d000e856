"""Linear classifiers under gradient flow on separable data, and what claims read off their directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from genlaws.simulate import (
    LargestMargin,
    Measurement,
    integrate_gradient_flow,
    largest_margin,
    random_layers,
)
from genlaws.simulate.measurement import Source
from genlaws.theory import MaxMarginApproach, max_margin_approach

from ..claim import AnyExperiment, Readings, Settings, SharedWork
from .units import by_budget, rows, shared_simulation

FloatArray = NDArray[np.float64]

LATE = 1e4
"""Ln t from which on limits are read: what is left out of them is of the order of 1 / ln t, and of t^(1 - m)
where an example that is no support vector has m times the margin of those."""

_DRAWS = 20  # of data until they are of the kind asked for, as most are
_MIRRORED = np.array([[0.5, 1.5], [1.5, 0.5]])  # support vectors of the figure in arXiv:1710.10345


@dataclass(frozen=True, slots=True)
class SeparableData:
    """Examples, as label times input, in units of their largest margin times ``margin``; and its solution.

    `span` holds an orthonormal basis of what the support vectors span, shape (rank, dimension).
    """

    rows: FloatArray
    held_out: FloatArray
    largest: LargestMargin
    span: FloatArray

    @property
    def support(self) -> FloatArray:
        """The support vectors."""
        return self.rows[self.largest.support]

    def approach(self) -> MaxMarginApproach:
        """What theory says of the flow on these."""
        return max_margin_approach(self.support)

    def inside(self, vectors: FloatArray) -> FloatArray:
        """Their parts in the span of the support vectors."""
        return np.asarray(vectors @ self.span.T @ self.span)

    def across(self, vectors: FloatArray) -> FloatArray:
        """Lengths of their parts across that span."""
        return np.asarray(np.linalg.norm(vectors - self.inside(vectors), axis=-1))

    def angle(self, vectors: FloatArray) -> FloatArray:
        """Their angles to the direction of the largest margin, in radians."""
        along = vectors @ self.largest.direction
        off = np.linalg.norm(vectors - along[..., None] * self.largest.direction, axis=-1)
        return np.asarray(np.arctan2(off, along))


def _labelled(settings: Settings, rng: np.random.Generator, count: int) -> FloatArray:
    # Gaussian inputs, labelled by the sign of the first of their coordinates
    inputs = rng.standard_normal((count, settings["dimension"]))
    return np.asarray(inputs * np.sign(inputs[:, :1]))


def _random(settings: Settings, rng: np.random.Generator) -> FloatArray:
    return _labelled(settings, rng, settings["examples"])


def _mirrored(settings: Settings, rng: np.random.Generator) -> FloatArray:
    # the figure's two support vectors, turned, and other examples beyond the margin
    angle = rng.uniform(0.0, 2.0 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    others = rng.uniform(1.5, 4.0, (settings["examples"] - 2, 2))
    return np.asarray(np.concatenate([_MIRRORED, others]) @ turn)


def _drawn_until(
    settings: Settings, rng: np.random.Generator, fits: Callable[[int], bool]
) -> tuple[FloatArray, LargestMargin]:
    # random examples whose number of support vectors fits
    for _ in range(_DRAWS):
        examples = _random(settings, rng)
        largest = largest_margin(examples)
        if fits(len(largest.support)):
            return examples, largest
    asked = ", ".join(f"{name} {settings[name]}" for name in ("data", "examples", "dimension"))
    raise ValueError(f"{_DRAWS} draws of examples were not of the kind asked for: {asked}")


def _degenerate(settings: Settings, rng: np.random.Generator) -> FloatArray:
    # one more on the margin, which the shortest weights do not need: its dual is zero
    examples, largest = _drawn_until(settings, rng, lambda found: found < settings["dimension"])
    free = np.linalg.svd(examples[largest.support])[2][len(largest.support) :]
    aside = rng.standard_normal(len(free)) @ free
    extra = largest.margin * (largest.direction + aside / np.linalg.norm(aside))
    return np.concatenate([examples, extra[None]])


def _all_support(settings: Settings, rng: np.random.Generator) -> FloatArray:
    return _drawn_until(settings, rng, lambda found: found == settings["examples"])[0]


def _some_beyond(settings: Settings, rng: np.random.Generator) -> FloatArray:
    return _drawn_until(settings, rng, lambda found: found < settings["examples"])[0]


_KINDS: dict[str, Callable[[Settings, np.random.Generator], FloatArray]] = {
    "random": _random,
    "equal duals": _mirrored,
    "degenerate": _degenerate,
    "all support": _all_support,
    "some beyond": _some_beyond,
}


def draw_separable(settings: Settings, rng: np.random.Generator) -> SeparableData:
    """Examples of the kind that ``data`` names, scaled to a largest margin of ``margin``.

    ``random``: Gaussian inputs labelled by a teacher. ``equal duals``: in two dimensions the support vectors
    (0.5, 1.5) and (1.5, 0.5) of a figure in arXiv:1710.10345, among others at random. ``degenerate``: random,
    and one more on the margin that has dual 0. ``all support``, ``some beyond``: random, drawn again until
    all, or not all, are support vectors.
    """
    examples = _KINDS[settings["data"]](settings, rng)
    scale = settings["margin"] / largest_margin(examples).margin
    held_out = scale * _labelled(settings, rng, settings["held_out"])
    largest = largest_margin(scale * examples)
    values, basis = np.linalg.svd(scale * examples[largest.support], full_matrices=False)[1:]
    return SeparableData(scale * examples, held_out, largest, basis[values > 1e-9 * values[0]])


def _integrated(
    settings: Settings, data: SeparableData, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    # weights of the whole network, shape (times, dimension), and ln loss; from a start of its own
    widths = [settings["dimension"], *settings["hidden"], 1]
    flow = integrate_gradient_flow(
        data.rows,
        np.ones(len(data.rows)),
        random_layers(widths, scale=settings["start"], rng=rng),
        settings["log_times"],
        loss="logistic",
        tolerance=settings["tolerance"],
    )
    weights = flow.weights[0]
    for layer in flow.weights[1:]:
        weights = layer @ weights
    return weights[:, 0], flow.log_loss


def _held_out_log_loss(rows_: FloatArray, weights: FloatArray) -> FloatArray:
    # ln of the mean logistic loss at each time; far below 1 it is exp(-margin)
    margins = weights @ rows_.T
    with np.errstate(over="ignore"):
        losses = np.where(margins < 40.0, np.log(np.logaddexp(0.0, -np.minimum(margins, 40.0))), -margins)
    return np.asarray(logsumexp(losses, axis=1) - np.log(len(rows_)))


def measure_linear_flow(settings: Settings, rng: np.random.Generator) -> Readings:
    """Direction, margin, loss and residual of one flow on the logistic loss, by ln t.

    Of a linear classifier, or with ``hidden`` units of a linear network's product of layers.
    """
    data = draw_separable(settings, rng)
    weights, log_loss = _integrated(settings, data, rng)
    x = np.asarray(settings["log_times"], dtype=np.float64)
    angles = data.angle(weights)
    gaps = 1.0 - (weights @ data.rows.T).min(axis=1) / np.linalg.norm(weights, axis=1) / data.largest.margin
    residuals = weights - x[:, None] * data.largest.weights
    wrong = data.held_out @ data.largest.direction < 0.0
    slope = float((data.held_out[wrong] @ -data.largest.weights).sum()) / len(data.held_out)
    held_out = _held_out_log_loss(data.held_out, weights)

    def by_time(y: FloatArray, label: str, kept: slice = slice(None), **held: Any) -> Measurement:
        return rows(settings, x[kept], y[kept], x_label="ln t", y_label=label, **held)

    made = {
        "angle": by_time(angles, "angle to the largest margin's direction"),
        "one less cosine": by_time(2.0 * np.sin(0.5 * angles) ** 2, "1 - cosine to the largest margin's"),
        "across": by_time(
            data.across(weights / np.linalg.norm(weights, axis=1, keepdims=True)),
            "part across the support vectors' span",
        ),
        "margin gap": by_time(gaps, "1 - margin / largest margin"),
        "time times loss": by_time(log_loss + x, "ln of t times loss"),
        "residual": by_time(np.linalg.norm(residuals, axis=1), "length of w - w^ ln t"),
        "held-out loss": by_time(held_out, "ln of the held-out loss"),
        "training loss": by_time(log_loss, "ln of the training loss"),
    }
    late = slice(int(np.searchsorted(x, LATE)), None)
    if settings["data"] != "random" or not len(x[late]):
        return made
    theory = data.approach()
    duals = data.largest.duals[data.largest.support]
    # what it would be with the duals dealt to other support vectors
    dealt = np.linalg.lstsq(data.support, -np.log(np.roll(duals, 1)))[0]
    inside = data.inside(residuals)
    return made | {
        "angle inside times ln t": by_time(
            data.angle(data.inside(weights)) * x, "ln t times angle", late, reference=theory.angle_coefficient
        ),
        "angle times ln t": by_time(angles * x, "ln t times angle", late, reference=theory.angle_coefficient),
        "gap times ln t": by_time(
            gaps * x, "ln t times margin gap", late, reference=theory.margin_gap_coefficient
        ),
        "gap times ln t, equal duals": by_time(gaps * x, "ln t times margin gap", late, reference=0.0),
        "off the limit": by_time(
            np.linalg.norm(inside - theory.residual, axis=1), "w - w^ ln t off w~", late, reference=0.0
        ),
        "off another limit": by_time(
            np.linalg.norm(inside - dealt, axis=1), "w - w^ ln t off w~", late, reference=0.0
        ),
        "held-out slope": by_time(np.exp(held_out) / x, "held-out loss / ln t", late, reference=slope),
    }


def measure_starts(settings: Settings, rng: np.random.Generator) -> Readings:
    """Angle between two flows by ln t: on the same examples from two starts, and on other examples."""
    data, others = draw_separable(settings, rng), draw_separable(settings, rng)
    first, second, elsewhere = (_integrated(settings, each, rng)[0] for each in (data, data, others))

    def between(other: FloatArray) -> Measurement:
        one, two = (w / np.linalg.norm(w, axis=1, keepdims=True) for w in (first, other))
        angle = 2.0 * np.arcsin(0.5 * np.linalg.norm(one - two, axis=1))
        return rows(settings, settings["log_times"], angle, x_label="ln t", y_label="angle between two flows")

    return {"two starts": between(second), "two data sets": between(elsewhere)}


LINEAR_FLOW = SharedWork("gradient flow of a linear classifier", measure_linear_flow)
TWO_STARTS = SharedWork("gradient flow from two starts", measure_starts)

REPLICATES = by_budget(6, 12, 24)
"""Each draws examples and a start of its own."""
_FLOWS = by_budget(8, 12, 24)  # coefficients differ by more between draws than exponents do
LATE_TIMES = [float(x) for x in np.geomspace(100.0, 1e5, 13).round(6)]
SEPARABLE: dict[str, Any] = {
    "data": "random",
    "examples": 12,
    "dimension": 15,
    "held_out": 100,
    "margin": 1.0,
    "hidden": [],
    "start": 3.0,
    "log_times": LATE_TIMES,
    "tolerance": 1e-8,
}
"""Settings of flows on random examples, from ln t = 100 to 100,000."""
EQUAL_DUALS: dict[str, Any] = {
    **SEPARABLE,
    "data": "equal duals",
    "examples": 14,
    "dimension": 2,
    # later, the angle falls below what double precision resolves
    "log_times": [float(x) for x in range(5, 45, 5)],
}
"""The figure of arXiv:1710.10345, where directions converge as a power of t."""


def flows(reading: str, **changed: Any) -> dict[Source, AnyExperiment]:
    """A reading of flows on random examples, or on those of other settings."""
    return shared_simulation(_FLOWS, LINEAR_FLOW, reading, **{**SEPARABLE, **changed})
