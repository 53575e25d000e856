"""`WidthMeasures`: error, ensemble error, fluctuation and boundary distance of the networks of one width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate.output_ensembles import (
    SeedEstimate,
    boundary_distance,
    boundary_distance_ratio,
    classification_errors,
    ensemble_error,
    squared_fluctuation,
    squared_norm,
)

from .width_ensemble import Outputs, WidthEnsemble


@dataclass(frozen=True, slots=True)
class WidthMeasures:
    """What the networks of one width have in common, with standard errors over networks.

    Estimates are None where there are too few networks, or one of them makes it meaningless. Norms are taken
    on the test points.

    Attributes
    ----------
    width, parameters
        h and N.
    networks, reached, diverged
        How many were trained, came to zero loss, or diverged; the latter are left out of all that follows.
    steps, early_steps
        Medians over networks.
    loss
        Training loss.
    unsatisfied
        N_Delta: training examples with a margin below 1.
    error, early_error
        Test error after training, and at the step of least test error.
    ensemble_sizes, ensemble_errors, early_ensemble_errors
        Test error of the mean output of k networks, averaged over choices of these.
    squared_norm
        ||f||^2.
    squared_fluctuation, early_squared_fluctuation
        ||f - f_bar||^2, unbiased for the mean of infinitely many networks.
    gradient_norm
        ||grad_x f||, root of the mean square over points.
    boundary_distance
        Mean of |f - f_bar| / ||grad f|| over points that f and f_bar classify differently.
    boundary_distance_ratio
        ||f - f_bar|| / ||grad f||.
    """

    width: int
    parameters: int
    networks: int
    reached: int
    diverged: int
    steps: float | None
    early_steps: float | None
    loss: SeedEstimate | None
    unsatisfied: SeedEstimate | None
    error: SeedEstimate | None
    early_error: SeedEstimate | None
    ensemble_sizes: tuple[int, ...]
    ensemble_errors: tuple[SeedEstimate, ...]
    early_ensemble_errors: tuple[SeedEstimate, ...]
    squared_norm: SeedEstimate | None
    squared_fluctuation: SeedEstimate | None
    early_squared_fluctuation: SeedEstimate | None
    gradient_norm: SeedEstimate | None
    boundary_distance: SeedEstimate | None
    boundary_distance_ratio: SeedEstimate | None


def _mean(values: ArrayLike) -> SeedEstimate:
    array = np.asarray(values, dtype=np.float64)
    se = float(array.std(ddof=1)) / math.sqrt(array.size) if array.size > 1 else None
    return SeedEstimate(float(array.mean()), se)


def _fluctuation(outputs: Outputs) -> SeedEstimate | None:
    return squared_fluctuation(outputs) if len(outputs) > 1 else None


def _distances(networks: WidthEnsemble) -> tuple[SeedEstimate | None, SeedEstimate | None]:
    # ReLU networks may be flat at a point or, when all units of a layer are off, everywhere
    outputs, slopes = networks.outputs.astype(np.float64), networks.gradient_norms
    if len(outputs) < 2 or np.count_nonzero(slopes.any(axis=1)) < 2:
        return None, None
    differs = (outputs > 0.0) != (outputs.mean(axis=0) > 0.0)
    reached = differs.any() and np.all(slopes[differs] > 0.0)
    direct = boundary_distance(outputs, slopes) if reached else None
    return direct, boundary_distance_ratio(outputs, slopes)


def unsatisfied_examples(networks: WidthEnsemble, training_labels: ArrayLike) -> NDArray[np.int64]:
    """N_Delta of each network: how many training examples have a margin below 1, shape (networks,)."""
    below = networks.training_outputs.astype(np.float64) * np.asarray(training_labels) < 1.0
    # what had no loss in training may be a rounding below 1 when asked again
    return np.where(networks.reached, 0, below.sum(axis=1))


def ensemble_sizes(networks: int) -> tuple[int, ...]:
    """1, 2, 4, ... and the number of networks; nothing if there are none."""
    doubled = (1 << k for k in range(networks.bit_length()))
    return tuple(sorted({networks, *doubled} - {0} if networks else ()))


def measure_width(
    networks: WidthEnsemble,
    labels: ArrayLike,
    training_labels: ArrayLike,
    *,
    sizes: Sequence[int] | None = None,
) -> WidthMeasures:
    """Measure the networks of one width.

    Parameters
    ----------
    networks : WidthEnsemble
    labels : array_like of -1 and +1, shape (test points,)
    training_labels : array_like of -1 and +1, shape (examples,)
    sizes : sequence of int, optional
        Of ensembles, from 1 to the number of networks that did not diverge; see `ensemble_sizes`.

    Returns
    -------
    WidthMeasures

    Raises
    ------
    ValueError
        If labels do not fit, or a size is out of range.
    """
    sound = networks.sound()
    if sizes is None:
        sizes = ensemble_sizes(len(sound))
    direct, ratio = _distances(sound)
    some = len(sound) > 0
    steepness = np.sqrt((sound.gradient_norms.astype(np.float64) ** 2).mean(axis=1))
    return WidthMeasures(
        width=networks.width,
        parameters=networks.parameters,
        networks=len(networks),
        reached=int(networks.reached.sum()),
        diverged=int(networks.diverged.sum()),
        steps=float(np.median(sound.steps)) if some else None,
        early_steps=float(np.median(sound.early_steps)) if some else None,
        loss=_mean(sound.losses) if some else None,
        unsatisfied=_mean(unsatisfied_examples(sound, training_labels)) if some else None,
        error=_mean(classification_errors(sound.outputs, labels)) if some else None,
        early_error=_mean(classification_errors(sound.early_outputs, labels)) if some else None,
        ensemble_sizes=tuple(sizes),
        # equal cuts for all sizes and both times
        ensemble_errors=tuple(ensemble_error(sound.outputs, labels, k, rng=0) for k in sizes),
        early_ensemble_errors=tuple(ensemble_error(sound.early_outputs, labels, k, rng=0) for k in sizes),
        squared_norm=squared_norm(sound.outputs) if some else None,
        squared_fluctuation=_fluctuation(sound.outputs),
        early_squared_fluctuation=_fluctuation(sound.early_outputs),
        gradient_norm=_mean(steepness) if some else None,
        boundary_distance=direct,
        boundary_distance_ratio=ratio,
    )
