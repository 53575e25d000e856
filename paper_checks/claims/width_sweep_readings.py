"""Networks of many widths trained on one training set, read in many ways: Geiger et al. on images.

Training is that of arXiv:1901.01608, S.I. A, until the loss is as good as zero; stopped early, it ends at the
step of least test error. From N* parameters on, networks leave fewer than one example for ten parameters
unsatisfied (arXiv:1809.09349).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genlaws.empirical import split_points
from genlaws.simulate import (
    ensemble_error,
    group_means,
    squared_fluctuation,
)

from ..claim import Readings, Settings
from .fluctuation_rows import ensemble_rows, fluctuation_numbers, width_rows
from .image_families import component_task
from .units import rows

if TYPE_CHECKING:
    from genlaws.empirical import WidthEnsemble

FloatArray = NDArray[np.float64]

_PARAMETERS = "parameters N"
_RATIO = "N over that at the cusp"
_INPUTS = "inputs of a network"
_ERROR = "test error"
_UNSATISFIED = 0.1


@dataclass(frozen=True, slots=True)
class _Sweep:
    """Networks of all widths of one unit, and the labels of what they are trained and tested on."""

    ensembles: tuple[WidthEnsemble, ...]
    labels: NDArray[np.int64]
    training_labels: NDArray[np.int64]

    @property
    def parameters(self) -> FloatArray:
        """N of each width."""
        return np.array([float(networks.parameters) for networks in self.ensembles])

    def of_width(self, width: int) -> WidthEnsemble:
        """The networks of one width."""
        return next(networks for networks in self.ensembles if networks.width == width)

    def between(self, lowest: int, highest: int) -> _Sweep:
        """The widths from one to another."""
        chosen = tuple(networks for networks in self.ensembles if lowest <= networks.width <= highest)
        return _Sweep(chosen, self.labels, self.training_labels)

    def errors(self) -> FloatArray:
        """Mean test error after training, of each width."""
        return np.array([self._error(networks.outputs, 1) for networks in self.ensembles])

    def early_errors(self) -> FloatArray:
        """Mean least test error in training, of each width."""
        return np.array([self._error(networks.early_outputs, 1) for networks in self.ensembles])

    def ensemble_errors(self) -> FloatArray:
        """Test error of the mean of all networks, of each width."""
        return np.array([self._error(networks.outputs, len(networks)) for networks in self.ensembles])

    def excess(self, networks: WidthEnsemble, size: int = 1) -> float:
        """Error of means of `size` networks above that of the mean of infinitely many.

        The mean of all stands for the latter; what it shares with the means is divided out, as the error of
        means above that of infinitely many goes with one over their number.
        """
        many = len(networks)
        above = self._error(networks.outputs, size) - self._error(networks.outputs, many)
        return above / (1.0 - size / many)

    def _error(self, outputs: NDArray[np.float32], size: int) -> float:
        return ensemble_error(outputs, self.labels, size, rng=0).value


def _width_readings(settings: Settings, sweep: _Sweep) -> Readings:
    """Readings over the widths well beyond N*."""
    wide = sweep.between(settings["beyond"], settings["widths"][-1])
    numbers = [
        fluctuation_numbers(networks.outputs, networks.gradient_norms, excess=wide.excess(networks))
        for networks in wide.ensembles
    ]
    return width_rows(settings, wide.parameters, numbers, x_label=_PARAMETERS)


def _ranged_readings(settings: Settings, sweep: _Sweep) -> Readings:
    """The excess error from three times N* on, and the fluctuation where it is said to be a power alone."""
    beyond = sweep.between(settings["just_beyond"][0], settings["widths"][-1])
    far = sweep.between(settings["far"], settings["widths"][-1])
    excess = [beyond.excess(networks) for networks in beyond.ensembles]
    squares = [squared_fluctuation(networks.outputs).value for networks in far.ensembles]
    return {
        name: rows(settings, part.parameters, y, x_label=_PARAMETERS, y_label=label)
        for name, label, part, y in (
            ("excess error from 3 N* on", "error above the infinite ensemble", beyond, excess),
            ("squared fluctuation far from N*", "||f - f_bar||^2", far, squares),
        )
    }


def _ensemble_readings(settings: Settings, sweep: _Sweep) -> Readings:
    """Readings over the number of networks that are averaged."""
    (networks,) = sweep.ensembles
    # wide networks slope alike: the mean of some as each of them does
    slopes = np.sqrt((networks.gradient_norms.astype(np.float64) ** 2).mean(axis=0))
    numbers = []
    for size in settings["sizes"]:
        means = group_means(networks.outputs, size)
        excess = sweep.excess(networks, size)
        numbers.append(fluctuation_numbers(means, np.broadcast_to(slopes, means.shape), excess=excess))
    return ensemble_rows(settings, numbers)


def _threshold(sweep: _Sweep) -> float:
    """N*, half-way in ln N between the last width below it and the first above."""
    from genlaws.empirical.width_measures import unsatisfied_examples
    from genlaws.empirical.width_sweep import zero_loss_threshold

    shares = [
        np.mean(unsatisfied_examples(networks, sweep.training_labels) < _UNSATISFIED * networks.parameters)
        for networks in sweep.ensembles
    ]
    found = zero_loss_threshold(sweep.parameters.astype(np.int64), shares)
    if found.parameters is None or found.below is None:
        raise ValueError(f"widths must have N* between them, got satisfied shares {np.round(shares, 2)}")
    return math.sqrt(found.parameters * found.below)


def _scale(settings: Settings, sweep: _Sweep) -> float:
    """N of the width that the settings hold for that of the cusp."""
    return float(sweep.of_width(settings["across"][1]).parameters)


def _cusp_readings(settings: Settings, sweep: _Sweep) -> Readings:
    """Readings across N*, and at it beside the widest networks."""
    across = _Sweep(
        tuple(sweep.of_width(width) for width in settings["across"]), sweep.labels, sweep.training_labels
    )
    scale = _scale(settings, sweep)
    curves = {"error": across.errors(), "early error": across.early_errors()}
    readings = {
        name: rows(settings, across.parameters / scale, y, x_label=_RATIO, y_label=_ERROR)
        for name, y in curves.items()
    }
    widest = sweep.between(settings["widths"][-1], settings["widths"][-1])
    for name, at_cusp, far in (
        ("single cusp", across.errors(), widest.errors()),
        ("ensemble cusp", across.ensemble_errors(), widest.ensemble_errors()),
    ):
        readings[name] = rows(settings, 1.0, at_cusp[1], reference=far, x_label=_RATIO, y_label=_ERROR)
    return readings


def _place_readings(settings: Settings, sweep: _Sweep) -> Readings:
    """The N of the largest error, and of the largest overtraining, to be held against N*."""
    threshold = _threshold(sweep)
    risen = sweep.between(settings["across"][0], settings["widths"][-1])
    overtraining = sweep.errors() - sweep.early_errors()
    curves = {
        "peak": (risen, risen.errors()),
        "early peak": (risen, risen.early_errors()),
        "overtraining place": (sweep, overtraining),
    }
    return {
        name: rows(
            settings,
            settings["components"],
            over.parameters[np.argmax(values)],
            reference=threshold,
            x_label=_INPUTS,
            y_label="N of the largest value",
        )
        for name, (over, values) in curves.items()
    }


def _plateau_readings(settings: Settings, sweep: _Sweep) -> Readings:
    """Errors beyond N* beside that of the widest networks: of infinite ensembles, and of single networks.

    Just beyond N*, where the papers see the ensemble err least, it is the mean of a few widths.
    """
    beyond = sweep.between(settings["just_beyond"][0], settings["widths"][-1])
    single = beyond.errors()
    infinite = single - np.array([beyond.excess(networks) for networks in beyond.ensembles])
    widths = np.array([networks.width for networks in beyond.ensembles])
    flat, just = widths[:-1] >= settings["plateau"], widths <= settings["just_beyond"][1]
    ratios = beyond.parameters / _scale(settings, sweep)
    readings = {}
    for name, errors in {"infinite ensemble": infinite, "single": single}.items():
        readings[f"{name} plateau"] = rows(
            settings,
            ratios[:-1][flat],
            errors[:-1][flat],
            reference=errors[-1],
            x_label=_RATIO,
            y_label=_ERROR,
        )
        readings[f"{name} just beyond"] = rows(
            settings,
            settings["components"],
            errors[just].mean(),
            reference=errors[-1],
            x_label=_INPUTS,
            y_label=_ERROR,
        )
    return readings


def _budget_readings(settings: Settings, sweep: _Sweep) -> Readings:
    """Errors of k networks little above N*, beside one network with as many parameters in all."""
    networks, members = sweep.of_width(settings["member_width"]), settings["members"]
    budgets = np.array(members) * float(networks.parameters)
    if budgets[-1] > sweep.parameters[-1]:
        raise ValueError(f"no network is as large as {members[-1]} of width {settings['member_width']}")
    large = np.interp(np.log(budgets), np.log(sweep.parameters), sweep.errors())
    kinds = {
        "budget": [ensemble_error(networks.outputs, sweep.labels, k, rng=0).value for k in members],
        "copied budget": [ensemble_error(networks.outputs, sweep.labels, 1).value] * len(members),
    }
    return {
        name: rows(settings, members, errors, reference=large, x_label="networks k", y_label=_ERROR)
        for name, errors in kinds.items()
    }


def _trained(
    settings: Settings, rng: np.random.Generator, *, drawn_from: int, own_sets: bool = False
) -> _Sweep:
    from genlaws.empirical import WidthProtocol, train_width
    from genlaws.empirical.width_sweep import block_stream

    task = component_task(settings["data"], settings["task"], settings["components"])
    split = split_points(task, training=drawn_from, heldout=settings["tested_on"], rng=rng)
    labels, examples = task.labels[split.training], None
    if own_sets:
        every = np.tile(np.arange(drawn_from), (settings["networks"], 1))
        examples = rng.permuted(every, axis=1)[:, : settings["examples"]]
    seed = int(rng.integers(2**53))
    ensembles = tuple(
        train_width(
            task.inputs[split.training],
            labels,
            task.inputs[split.heldout],
            task.labels[split.heldout],
            width=width,
            networks=settings["networks"],
            examples=examples,
            protocol=WidthProtocol(**settings["training"]),
            rng=block_stream(seed, width=width, block=0),
            device=settings["device"],
        ).sound()
        for width in settings["widths"]
    )
    few = [networks.width for networks in ensembles if len(networks) < settings["networks"] / 2]
    if few:
        raise ValueError(f"most networks diverged at widths {few}: largest_rate is too high for them")
    return _Sweep(ensembles, task.labels[split.heldout], labels if examples is None else labels[examples])


def measure_width_sweep(settings: Settings, rng: np.random.Generator) -> Readings:
    """All readings of networks on one training set, which differ in their width and start."""
    sweep = _trained(settings, rng, drawn_from=settings["examples"])
    return {
        **_width_readings(settings, sweep),
        **_ranged_readings(settings, sweep),
        **_cusp_readings(settings, sweep),
        **_place_readings(settings, sweep),
        **_plateau_readings(settings, sweep),
        **_budget_readings(settings, sweep),
    }


def measure_width_ensembles(settings: Settings, rng: np.random.Generator) -> Readings:
    """Readings over the number of networks that are averaged, of many networks of one width."""
    return _ensemble_readings(settings, _trained(settings, rng, drawn_from=settings["examples"]))


def measure_own_sets_sweep(settings: Settings, rng: np.random.Generator) -> Readings:
    """Readings over widths of networks that have a training set each: no width makes these alike."""
    sweep = _trained(settings, rng, drawn_from=settings["drawn_from"], own_sets=True)
    return _width_readings(settings, sweep)
