"""D7 and D8 in simulation: linear classifiers of a teacher's labels, whose test losses are integrals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from genlaws.simulate import integrate_gradient_flow
from genlaws.simulate.hard_margin import largest_margin

from ..claim import Readings, Settings, SharedWork
from .normalized_readings import (
    Family,
    Losses,
    Sizes,
    all_right,
    gap_readings,
    line_readings,
    other_members,
)

FloatArray = NDArray[np.float64]

_CHANCE = math.log(2.0)
_GRID = np.linspace(-12.0, 12.0, 4801)  # of the rule for Gaussian averages: equal steps
_WEIGHTS = np.exp(-0.5 * _GRID**2) / np.sqrt(2.0 * np.pi) * (_GRID[1] - _GRID[0])
_LATEST = 40.0  # ln t at which a flow must have come to its loss
_CLOCK = 0.1  # steps of ln t at which that is looked for


def teacher_loss(lengths: ArrayLike, overlap: ArrayLike) -> FloatArray:
    """Mean of ln(1 + exp(-y w.x)) over Gaussian inputs with labels of a teacher.

    Parameters
    ----------
    lengths : array_like
        Standard deviation of w.x.
    overlap : array_like
        Cosine of w and the teacher; 0 is also the loss where labels are random.

    Returns
    -------
    ndarray
        In nats. With z = y w.x / length of density 2 phi(z) Phi(z R / sqrt(1 - R^2)).
    """
    length, cosine = np.broadcast_arrays(np.asarray(lengths, float), np.asarray(overlap, float))
    tilt = cosine / np.sqrt(np.maximum(1.0 - cosine**2, 1e-12))
    density = 2.0 * special.ndtr(tilt[..., None] * _GRID) * _WEIGHTS
    return np.asarray((density * np.logaddexp(0.0, -length[..., None] * _GRID)).sum(axis=-1))


def _training_loss(signed: FloatArray, weights: FloatArray) -> FloatArray:
    # rows are label times input, weights (members, dimension)
    return np.asarray(np.logaddexp(0.0, -weights @ signed.T).mean(axis=1))


def _inputs(examples: int, dimension: int, rng: np.random.Generator) -> FloatArray:
    # of length 1, nearly
    return rng.standard_normal((examples, dimension)) / math.sqrt(dimension)


def _signs(values: FloatArray) -> FloatArray:
    return np.where(values > 0.0, 1.0, -1.0)


# --- D7 -----------------------------------------------------------------------------------------------


def _largest_margins(
    sizes: list[int], settings: Settings, rng: np.random.Generator, *, taught: bool
) -> Sizes:
    # the classifier of largest margin, of length 1 and as long as its mean loss comes to the tolerance
    dimension, made = settings["dimension"], []
    for examples in sizes:
        found = np.empty((settings["draws"], 4))
        for row in found:
            inputs = _inputs(examples, dimension, rng)
            labels = _signs(inputs[:, 0]) if taught else rng.choice([-1.0, 1.0], examples)
            best = largest_margin(labels[:, None] * inputs)
            long = -math.log(math.expm1(settings["tolerance"])) / best.margin
            weights = np.stack([best.direction, long * best.direction])
            lengths = np.array([1.0, long]) / math.sqrt(dimension)
            overlap = best.direction[0] if taught else 0.0
            row[:2] = _training_loss(labels[:, None] * inputs, weights)
            row[2:] = teacher_loss(lengths, overlap)
        made.append(found.mean(axis=0))
    training, plain_training, unseen, plain_unseen = np.transpose(made)
    return Sizes(sizes, Losses(training, unseen), Losses(plain_training, plain_unseen))


def measure_margins(settings: Settings, rng: np.random.Generator) -> Readings:
    """Gaps of classifiers of largest margin on training sets of several sizes."""
    right = _largest_margins(settings["right_n_examples"], settings, rng, taught=True)
    random = _largest_margins(settings["random_n_examples"], settings, rng, taught=False)
    return gap_readings(settings, right, random, _CHANCE)


# --- D8 -----------------------------------------------------------------------------------------------


def _flowed(inputs: FloatArray, labels: FloatArray, start: FloatArray, log_loss: float) -> FloatArray:
    # weights where the flow from `start` first comes to this loss, summed over examples
    times = np.concatenate([[-np.inf], np.arange(-6.0, _LATEST, _CLOCK)])
    flow = integrate_gradient_flow(inputs, labels, [start[None]], times, loss="logistic", tolerance=1e-4)
    below = np.flatnonzero(flow.log_loss <= log_loss)
    if below.size == 0:
        raise ValueError(f"flows must come to a loss of e^{log_loss:.3g} by ln t = {_LATEST}")
    return np.asarray(flow.weights[0][below[0], 0])


def _flowed_family(
    inputs: FloatArray, labels: FloatArray, settings: Settings, rng: np.random.Generator
) -> FloatArray:
    # weights (members, dimension) at one loss that leaves no error: from zero by way of partly random labels,
    # or from starts of several sizes
    examples, dimension = inputs.shape
    aim = math.log(all_right(examples) * examples)
    anew, when = rng.choice([-1.0, 1.0], examples), rng.random(examples)
    drawn = rng.standard_normal(dimension)
    members = []
    for share, scale in zip(settings["shares"], settings["scales"], strict=True):
        start = scale * drawn
        if share > 0.0:
            start = _flowed(inputs, np.where(when < share, anew, labels), start, aim)
        members.append(_flowed(inputs, labels, start, aim))
    return np.stack(members)


def measure_flows(settings: Settings, rng: np.random.Generator) -> Readings:
    """Losses of a family of linear classifiers that gradient flow left at one loss on one training set."""
    inputs = _inputs(settings["n"], settings["dimension"], rng)
    labels = _signs(inputs[:, 0])
    weights = _flowed_family(inputs, labels, settings, rng)
    norms = np.linalg.norm(weights, axis=1)
    overlap = weights[:, 0] / norms
    signed = labels[:, None] * inputs

    def losses(divisors: FloatArray) -> Losses:
        lengths = norms / divisors / math.sqrt(settings["dimension"])
        return Losses(_training_loss(signed, weights / divisors[:, None]), teacher_loss(lengths, overlap))

    family = Family(
        normalized=losses(norms),
        plain=losses(np.ones_like(norms)),
        exchanged=losses(norms[other_members(len(norms), rng)]),
        unruly=teacher_loss(np.full_like(norms, 1.0 / math.sqrt(settings["dimension"])), 0.0),
        errors=np.arccos(overlap) / math.pi,
        chance=_CHANCE,
    )
    return line_readings(settings, family)


LARGEST_MARGINS = SharedWork("gaps of largest margins", measure_margins)
LINEAR_FAMILIES = SharedWork("families of linear flows", measure_flows)
