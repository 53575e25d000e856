"""Xiao et al.: up to which depth finite networks train, by gradient descent itself (C4a on networks)."""

from __future__ import annotations

from typing import Any

import numpy as np

from genlaws.simulate import Measurement
from genlaws.theory.mean_field import MeanField

from ..claim import Control, Restatement, Settings
from .image_families import component_task
from .units import by_budget, on_networks, rows

_BIAS_VARIANCE = 0.18
_HALF = 0.5  # training loss at which training counts as lost, over that of the labels' mean
_ORDERED, _CHAOTIC = [0.5, 0.7, 1.0], [2.5, 3.0, 3.5]
_EXPONENT = 0.15  # to each side


def measure_trained_limit(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Depth at which so many steps of descent leave half of the loss, by xi_1; at most the deepest tried.

    Trained networks are those of `network_phase_map`, on the ten digits.
    """
    from genlaws.empirical import network_phase_map

    made = network_phase_map(
        component_task(settings["data"], "digits", None),
        bias_variance=_BIAS_VARIANCE,
        weight_variances=settings["weight_variances"],
        depths=settings["depths"],
        steps=[settings["steps"]],
        training=settings["training"],
        heldout=1,
        width=settings["width"],
        rng=int(rng.integers(2**31)),
        device=settings["device"],
    )
    limits = np.minimum(made.depth_limits("train_loss", _HALF)[:, 0], made.depths[-1])
    fields = [MeanField(weight_variance=v, bias_variance=_BIAS_VARIANCE) for v in made.weight_variances]
    return rows(
        settings,
        [field.trainability_depth for field in fields],
        limits,
        x_label="depth scale xi_1",
        y_label="limit in layers of weights",
    )


_TRAINED: dict[str, Any] = {
    "data": "mnist5k",
    "training": by_budget(48, 96, 256),
    "width": by_budget(128, 200, 400),
    "steps": 256,
}
TRAINED_LIMIT = on_networks(
    by_budget(4, 8, 12),
    measure_trained_limit,
    weight_variances=_ORDERED,
    depths=by_budget([2, 4, 6, 9, 13, 18], [2, 3, 4, 6, 8, 10, 13, 18], [2, 3, 4, 5, 6, 7, 8, 10, 13, 18]),
    **_TRAINED,
)
"""Experiment on the training limit of trained networks, by xi_1 in the ordered phase."""

AS_TRAINED = Restatement(
    prediction=(
        "the depth at which 256 steps of networks many times as wide as deep leave half of the loss grows "
        f"with an exponent of 1 in xi_1, in a band of {_EXPONENT} to each side"
    ),
    band=(1.0 - _EXPONENT, 1.0 + _EXPONENT),
    band_reason=(
        "xi_1 grows by a factor of 2.6 only, and limits of a few layers lie between whole depths: an "
        "exponent off by 0.15 is a limit off by 15 % at one end"
    ),
    x_range=(1.2, 3.1),
    control=Control(
        description="chaotic networks, by their xi_1: the deepest train at every weight variance",
        expected="REFUTED",
        experiments=on_networks(
            by_budget(4, 6, 8), measure_trained_limit, weight_variances=_CHAOTIC, depths=[13, 18], **_TRAINED
        ),
    ),
)
"""How C4a reads for them."""
