"""Networks trained on images far past zero error, and what claims read off them in log time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlaws.simulate import Measurement, largest_margin
from genlaws.simulate.measurement import Source

from ..claim import AnyExperiment, Control, Readings, Restatement, Settings, SharedWork
from .image_families import image_network, image_task, require_points
from .units import by_budget, rows, shared_networks

if TYPE_CHECKING:
    from genlaws.empirical import LongTraining

FloatArray = NDArray[np.float64]

LATE, END = 100.0, 1000.0
"""Ln t from which laws are those of late times, and of the end."""

FALL = 1e-3
"""By what share of its largest value so far a margin must fall, to count."""

# ln t; networks separate their examples at the first of them
_TIMES = np.concatenate([np.arange(0.0, 10.0, 0.5), np.geomspace(10.0, END, 41)])
_LATE = _TIMES >= LATE * (1.0 - 1e-9)
_MINUS = "\N{MINUS SIGN}"


class _Pupils:
    """Images of one unit, in random order: those to train on, and those held out."""

    def __init__(self, settings: Settings, rng: np.random.Generator) -> None:
        task = image_task(settings, rng)
        n, unseen = settings["n_examples"], settings["tested_on"]
        require_points(task, n + unseen, "n_examples and tested_on together")
        self.network = image_network({**settings, "bias": False}, task)
        self.inputs, self.labels = task.inputs[:n], task.labels[:n]
        self.unseen = task.inputs[n : n + unseen], task.labels[n : n + unseen]
        self.settings = settings
        self.seed = int(rng.integers(2**63))

    def train(self, **options: Any) -> LongTraining:
        """Always from the same starts; ValueError where a network does not get to the end."""
        from genlaws.empirical.long_training import train_long

        found = train_long(
            self.network,
            self.inputs,
            self.labels,
            networks=self.settings["networks"],
            max_steps=self.settings["max_steps"],
            rng=self.seed,
            device=self.settings["device"],
            **options,
        )
        if not found.reached.all():
            raise ValueError(
                f"max_steps must be more, or examples separable: {self.settings['max_steps']} steps took "
                f"{np.count_nonzero(found.reached[:, -1])} of {len(found)} networks to the end"
            )
        return found


def _farthest_growth(norms: FloatArray) -> tuple[FloatArray, FloatArray]:
    # growth of the squared norm of the layer that strays most from the first, and of the first
    growth = (norms**2 - norms[:, :1] ** 2).mean(axis=0)
    stray = np.abs(growth - growth[:, :1])[-1]
    return growth[:, int(np.argmax(stray))], growth[:, 0]


def _share_falling(values: FloatArray, counted: NDArray[np.bool_]) -> float:
    # of networks (networks, times) whose value falls by more than `FALL` of the largest before, where counted
    shown = np.where(counted, values, np.nan)
    highest = np.fmax.accumulate(shown, axis=1)
    with np.errstate(invalid="ignore"):
        return float((highest - shown > FALL * np.abs(highest)).any(axis=1).mean())


def _directions(pupils: _Pupils, found: LongTraining) -> dict[str, FloatArray]:
    # of linear classifiers: angle to the largest margin's direction, its part across the support vectors, gap
    best = largest_margin(pupils.labels[:, None] * pupils.inputs)
    units = found.flat_weights.cpu().numpy() / found.norms
    basis = np.linalg.qr(pupils.inputs[best.support].T)[0]
    apart = units - (units @ best.direction)[..., None] * best.direction
    across = units - (units @ basis) @ basis.T
    return {
        "angle": np.arctan2(np.linalg.norm(apart, axis=2), units @ best.direction).mean(axis=0),
        "across": np.linalg.norm(across, axis=2).mean(axis=0),
        "margin gap": best.margin - found.least_margins.mean(axis=0),
    }


def measure_long_training(settings: Settings, rng: np.random.Generator) -> Readings:
    """Networks without biases, trained to ln t = `END` on one set of images, read in all ways asked for.

    Values are means over the networks of a unit. ``"held-out error"`` and ``"held-out loss against"`` are
    held against themselves when the last training error is gone for good, ``"growth"`` of squared norms
    against that of the first layer. Shares of networks whose margin falls: of the least margin and of the 5 %
    quantile from zero training error on, of others once the loss is below that of one example misclassified.
    """
    pupils = _Pupils(settings, rng)
    found = pupils.train(
        log_times=_TIMES,
        optimizer=settings["optimizer"],
        learning_rate=settings.get("learning_rate"),
        share=settings["share"],
        loss="exponential",
    )

    def read(y: FloatArray, label: str, *, reference: ArrayLike | None = None) -> Measurement:
        against = None if reference is None else np.broadcast_to(reference, y.shape)[_LATE]
        return rows(settings, _TIMES[_LATE], y[_LATE], reference=against, x_label="ln t", y_label=label)

    scales = np.exp(found.log_scales)
    log_loss = found.log_losses.mean(axis=0)
    held_out = found.log_losses_on(*pupils.unseen, loss="cross-entropy").mean(axis=0)
    errors = found.true_errors(*pupils.unseen).mean(axis=0)
    separated = found.least_margins > 0.0
    # the first time from which on no network has an error
    since = len(_TIMES) - int(np.cumprod(np.flip(separated.all(axis=0))).sum())
    given = found.log_losses_on(pupils.inputs, pupils.labels, loss="cross-entropy").mean(axis=0)
    made = {
        "loss": read(-log_loss - _TIMES, f"{_MINUS}ln(loss) {_MINUS} ln t"),
        "time times loss": read(log_loss + _TIMES, "ln of t times the loss"),
        "scaled margin": read(
            (scales * found.least_margins).mean(axis=0) - _TIMES, f"rho times margin {_MINUS} ln t"
        ),
        "last norm": read(found.norms[:, :, -1].mean(axis=0), "norm of the last layer"),
        "held-out loss": read(held_out, "ln of the held-out logistic loss"),
        "training loss": read(given, "ln of the logistic loss of the training examples"),
        "held-out error": read(errors, "held-out error", reference=errors[since]),
        "held-out loss against": read(
            np.exp(held_out), "held-out logistic loss", reference=np.exp(held_out[since])
        ),
    }
    if len(pupils.network.layers) > 1:
        growth, first = _farthest_growth(found.norms)
        made["growth"] = read(growth, "growth of a layer's squared norm", reference=first)
    else:
        labels = {
            "angle": "angle to the largest margin, radians",
            "across": "part of the direction across the span of support vectors",
            "margin gap": "largest margin less margin",
        }
        for name, values in _directions(pupils, found).items():
            made[name] = read(values, labels[name])
    low = found.log_losses + math.log(settings["n_examples"]) < 0.0
    watched = {
        "smoothed margin": (found.smoothed_margins, low),
        "late margin": (found.least_margins, low),
        "margin": (found.least_margins, separated),
        "5 % quantile": (np.quantile(found.margins, 0.05, axis=2), separated),
        "mean margin": (found.margins.mean(axis=2), low),
    }
    for name, (values, counted) in watched.items():
        made[f"falls, {name}"] = rows(
            settings,
            len(pupils.network.layers),
            _share_falling(values, counted),
            reference=0.0,
            x_label="layers",
            y_label=f"share of networks, {name}",
        )
    return made


def measure_rates(settings: Settings, rng: np.random.Generator) -> Readings:
    """Least normalized margins at a learning rate over the loss, against those at a constant one.

    After as many steps, and where the loss is the same: the constant rate's, after those steps.
    """
    pupils = _Pupils(settings, rng)
    steps = settings["at_steps"]
    constant = pupils.train(at_steps=steps, optimizer="gd", loss="cross-entropy")
    adaptive = {"optimizer": "flow", "share": settings["share"], "loss": "cross-entropy"}
    same_steps = pupils.train(at_steps=steps, **adaptive)
    same_loss = pupils.train(log_losses=constant.log_losses.mean(axis=0), **adaptive)

    def held(found: LongTraining, at: str) -> Measurement:
        return rows(
            settings,
            steps,
            found.least_margins.mean(axis=0),
            reference=constant.least_margins.mean(axis=0),
            x_label="steps at the constant rate",
            y_label=f"margin at loss-based rates, {at}",
        )

    return {"same steps": held(same_steps, "as many steps"), "same loss": held(same_loss, "same loss")}


LONG_TRAINING = SharedWork("long-training", measure_long_training)
RATES = SharedWork("loss-based-rates", measure_rates)

REPLICATES = by_budget(5, 10, 20)

_IMAGES: dict[str, Any] = {
    "data": "mnist5k",
    "task": "3-8",
    "n_examples": by_budget(100, 200, 400),
    "tested_on": by_budget(1000, 1000, 800),
    "networks": by_budget(2, 3, 4),
    "max_steps": 40_000,
}
LINEAR: dict[str, Any] = {
    **_IMAGES,
    "arch": "linear",
    "optimizer": "flow",
    # close to gradient flow: of three layers the early growth is off by 1 %, and late growth by 0.1 %
    "share": 0.98,
}
"""Settings of what is trained, which claims share."""
TWO_LAYERS: dict[str, Any] = {**LINEAR, "arch": by_budget("fc:1x32", "fc:1x64", "fc:1x128")}
THREE_LAYERS: dict[str, Any] = {**LINEAR, "arch": by_budget("fc:2x32", "fc:2x64", "fc:2x128")}
# weights of one layer must grow by far: Adam's usual rate would take tens of thousands of steps
LINEAR_BY_ADAM: dict[str, Any] = {**LINEAR, "optimizer": "adam", "learning_rate": 0.03}
THREE_LAYERS_BY_ADAM: dict[str, Any] = {**THREE_LAYERS, "optimizer": "adam"}
_RATES: dict[str, Any] = {
    **_IMAGES,
    "arch": by_budget("fc:2x32", "fc:2x64", "fc:2x128"),
    "share": 0.5,
    "at_steps": [100, 300, 1000],
}


def trained(settings: dict[str, Any], reading: str) -> dict[Source, AnyExperiment]:
    """A reading of networks trained in one of these ways."""
    return shared_networks(REPLICATES, LONG_TRAINING, reading, **settings)


def late_on_images(
    description: str,
    control: dict[Source, AnyExperiment],
    *,
    prediction: str | None = None,
    band: tuple[float, float] | None = None,
    x_range: tuple[float, float] = (LATE, END),
    expected: Literal["SUPPORTED", "REFUTED"] = "REFUTED",
    band_reason: str | None = None,
    falsifier: str | None = None,
) -> dict[Source, Restatement]:
    """What of a claim on gradient flows reads otherwise on networks: how late they are, and their control."""
    changed = Control(description=description, expected=expected, experiments=control)
    restated = Restatement(
        prediction=prediction,
        band=band,
        x_range=x_range,
        control=changed,
        band_reason=band_reason,
        falsifier=falsifier,
    )
    return {"network": restated}


def with_rates(reading: str) -> dict[Source, AnyExperiment]:
    """A reading of networks trained at loss-based rates and at a constant one."""
    return shared_networks(REPLICATES, RATES, reading, **_RATES)
