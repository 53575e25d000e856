"""Advani & Saxe: when to stop training, where that matters most, and what never learns (E10)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import LinearEnsemble, Measurement, excess_risks, regression_ensemble
from genlaws.theory import EqualWithinMargin, InteriorPeak, LogarithmicGrowth, Monotone, PowerLaw

from ..claim import Claim, Control, Restatement, Settings
from .image_families import image_task
from .units import by_budget, on_networks, rows, simulated
from .width_sweeps import PLACE_AMONG_WIDTHS, width_sweep

FloatArray = NDArray[np.float64]

_RATIOS = [0.25, 0.5, 0.7, 0.85, 1.0, 1.18, 1.43, 2.0, 4.0]
_TIMES = np.geomspace(0.03, 3e10, 320)
# of gradient flow on half as many parameters as examples: the slowest direction
_HALF = 0.5
_SLOWEST = (1.0 - math.sqrt(_HALF)) ** 2
_MORE_ERROR = math.log(1.02)


def measure_overtraining(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Mean ln of the excess risk at the end of training over the least on the way, against p/n."""
    n, noise = settings["examples"], settings["noise"]
    times = _TIMES[:: settings["coarse"]]
    lost = np.empty(len(_RATIOS))
    for place, ratio in enumerate(_RATIOS):
        drawn = []
        for _ in range(settings["draws"]):
            models = regression_ensemble(n, round(ratio * n), noise=noise, rng=rng)
            path = excess_risks(np.stack([models.weights(time)[0] for time in times]))
            end = times[-1] if settings["stopped"] is None else settings["stopped"]
            at_end = excess_risks(models.weights(end))[0]
            drawn.append(math.log(at_end / min(path.min(), at_end)))
        lost[place] = np.mean(drawn)
    return rows(
        settings, _RATIOS, lost, x_label="parameters per example p/n", y_label="ln risk at the end / least"
    )


def _best_times(n: int, p: int, ratios: FloatArray, rng: np.random.Generator) -> FloatArray:
    # of one draw of the inputs; signal and noise are fitted apart, since weights are linear in the targets
    signal = regression_ensemble(n, p, rng=rng)
    noise = LinearEnsemble(signal.inputs, rng.standard_normal(n), signal.initial)
    risk = np.empty((ratios.size, _TIMES.size))
    for k, time in enumerate(_TIMES):
        extra = noise.weights(time)[0]
        # averaged over the sign of the noise
        risk[:, k] = excess_risks(signal.weights(time))[0] + extra @ extra / ratios
    best = np.argmin(risk, axis=1)
    if best.min() == 0 or best.max() == _TIMES.size - 1:
        raise ValueError("the least risk lies outside the times that are looked at")
    # between these, by a parabola in ln time through three of them
    around = np.arange(ratios.size)
    left, middle, right = (risk[around, best + step] for step in (-1, 0, 1))
    shift = 0.5 * (left - right) / (left - 2.0 * middle + right)
    return np.asarray(_TIMES[best] * (_TIMES[1] / _TIMES[0]) ** shift)


def measure_stopping_time(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Median time of the least excess risk of gradient flow against the ratio of signal to noise."""
    n = settings["examples"]
    p = round(settings["parameters_per_example"] * n)
    ratios = np.asarray(settings["signal_to_noise"], dtype=np.float64)
    # the median, since with as many parameters as examples times have no mean
    times = np.median([_best_times(n, p, ratios, rng) for _ in range(settings["draws"])], axis=0)
    return rows(
        settings,
        ratios,
        times * _SLOWEST,
        x_label="signal to noise",
        y_label="best stopping time, in units of the slowest direction's",
    )


def measure_frozen_share(settings: Settings, rng: np.random.Generator) -> Measurement:
    """What initial weights add to the excess risk, over what they have at the start, against p/n."""
    n, variance = settings["examples"], settings["initial_variance"]
    ratios = np.asarray(settings["parameters_per_example"])
    share = np.empty(ratios.size)
    for place, ratio in enumerate(ratios):
        p = round(float(ratio) * n)
        models = regression_ensemble(
            n, p, seeds=settings["seeds"], noise=0.25, initial_variance=variance, rng=rng
        )
        from_zero = LinearEnsemble(models.inputs, models.targets, np.zeros((1, p)))
        time = settings["time"] if settings["time"] is not None else math.inf
        added = excess_risks(models.weights(time)).mean() - excess_risks(from_zero.weights(time))[0]
        share[place] = added / (p * variance)
    return rows(
        settings,
        ratios,
        share,
        reference=np.maximum(1.0 - 1.0 / ratios, 0.0),
        x_label="parameters per example p/n",
        y_label="share of the initial weights left in the risk",
    )


def measure_start_scale(settings: Settings, rng: np.random.Generator) -> Measurement:
    """ln mean error on held-out images of networks trained from starts of several sizes."""
    from genlaws.empirical import split_points
    from genlaws.empirical.architectures import parse_architecture
    from genlaws.empirical.networks import Network
    from genlaws.empirical.priors import Prior
    from genlaws.empirical.training import train_networks

    task = image_task(settings, rng)
    split = split_points(task, training=settings["examples"], heldout=settings["heldout"], rng=rng)
    own, test = split.training, split.heldout
    scales, seed = np.asarray(settings["scales"], dtype=np.float64), int(rng.integers(2**63))
    errors = np.empty(scales.size)
    for place, scale in enumerate(scales):
        used = scale if settings["scaled"] else 1.0
        network = Network(
            parse_architecture(settings["arch"]),
            Prior("normal", weight_variance=2.0 * used**2, bias_variance=0.01 * used**2),
            task.inputs.shape[1:],
        )
        trained = train_networks(
            network,
            task.inputs[own],
            task.labels[own],
            networks=settings["networks"],
            loss="hinge",
            optimizer="adam",
            learning_rate=settings["learning_rate"],
            max_steps=settings["max_steps"],
            rng=np.random.default_rng([seed, place]),
            device=settings["device"],
        )
        if trained.reached.mean() < 0.5:
            raise ValueError(f"only {trained.reached.sum()} networks reached zero training error")
        errors[place] = trained.true_errors(task.inputs[test], task.labels[test])[trained.reached].mean()
    return rows(settings, scales, np.log(errors), x_label="size of the start", y_label="ln held-out error")


_LINEAR: dict[str, Any] = {"examples": by_budget(60, 100, 200), "draws": by_budget(10, 20, 40)}
_TIMED: dict[str, Any] = {
    "examples": by_budget(200, 400, 800),
    "signal_to_noise": [1e3, 1e4, 1e5, 1e6, 1e7, 1e8],
    "draws": by_budget(7, 15, 31),
}
_FROZEN: dict[str, Any] = {
    "examples": by_budget(40, 100, 200),
    "parameters_per_example": [1.25, 1.6, 2.5, 5.0],
    "initial_variance": 1.0,
    "seeds": by_budget(20, 50, 100),
}
_STARTS: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": by_budget(20, 30, None),
    "arch": by_budget("fc:1x64", "fc:1x256", "fc:2x256"),
    "examples": by_budget(128, 256, 512),
    "heldout": by_budget(2000, 4000, 5000),
    "scales": [1, 2, 4, 8],
    "networks": by_budget(10, 20, 40),
    "learning_rate": 0.01,
    "max_steps": 20_000,
}

CLAIMS = (
    Claim(
        id="E10a",
        paper="classics",
        where="arXiv:1710.03667 on linear networks; arXiv:1810.09665, figure 4, on networks with a hinge",
        statement="Overtraining costs most where there are as many parameters as examples.",
        prediction="risk at the end over the least on the way: largest at p/n = 1, within 10 %",
        law=InteriorPeak(place=1.0),
        predicted=1.0,
        band=(0.9, 1.1),
        band_reason=(
            "the ratios measured beside 1 are 0.85 and 1.18: the band ends well before them, so that a loss "
            "largest at either counts as another"
        ),
        x_range=(0.25, 4.0),
        falsifier="a largest loss by overtraining further than 10 % from p = n, or at an end",
        control=Control(
            description="training that ends at time 1, before there is noise to be fitted",
            expected="REFUTED",
            experiments=simulated(
                by_budget(5, 8, 12), measure_overtraining, noise=0.25, coarse=6, stopped=1.0, **_LINEAR
            ),
        ),
        experiments=simulated(
            by_budget(6, 12, 20), measure_overtraining, noise=0.25, coarse=6, stopped=None, **_LINEAR
        )
        | width_sweep("overtraining place"),
        restated={
            "network": Restatement(
                prediction=(
                    "final less best test error: largest at the threshold N* of the hinge loss, within a "
                    "factor of 1.65"
                ),
                law=EqualWithinMargin(relative=True),
                predicted=0.0,
                band=(-0.5, 0.5),
                band_reason=PLACE_AMONG_WIDTHS,
                x_range=(10, 10),  # principal components
                falsifier="a largest loss by overtraining further from N* than a factor of 1.65",
                control=Control(
                    description=(
                        "the place of the largest error of the same networks stopped in time, far below N*"
                    ),
                    expected="REFUTED",
                    experiments=width_sweep("early peak"),
                ),
            )
        },
    ),
    Claim(
        id="E10b",
        paper="classics",
        where="arXiv:1710.03667, optimal stopping; slope for p = n/2 derived from the edge of the spectrum",
        statement="The best time to stop grows like the logarithm of the ratio of signal to noise.",
        prediction="slope 1 in ln SNR, in units of the slowest direction's time, SNR = 1e3 to 1e8, p = n/2",
        law=LogarithmicGrowth(slope=1.0),
        predicted=1.0,
        band=(0.85, 1.15),
        band_reason=(
            "next to the slowest direction there are others, which take 2 % off the slope (derived), and of "
            "200 examples the slowest itself is about a tenth faster than in the limit"
        ),
        x_range=(1e3, 1e8),
        falsifier="a slope outside 15 % of 1, or a power of the ratio that foretells held-out ratios better",
        control=Control(
            description="as many parameters as examples: without a slowest direction, time grows like SNR",
            expected="REFUTED",
            experiments=simulated(
                by_budget(5, 8, 12), measure_stopping_time, parameters_per_example=1.0, **_TIMED
            ),
        ),
        experiments=simulated(
            by_budget(6, 12, 20), measure_stopping_time, parameters_per_example=_HALF, **_TIMED
        ),
        rivals=(PowerLaw(exponent=0.2),),
        not_applicable={
            "network": "signal and noise of images are not known apart; the statement is on linear networks"
        },
    ),
    Claim(
        id="E10c",
        paper="classics",
        where="arXiv:1710.03667, frozen subspace; share 1 - n/p derived",
        statement="Directions that no input has never learn, so that networks must start small.",
        prediction="of the initial weights' part in the risk, 1 - n/p is left at the end, within 0.03",
        law=EqualWithinMargin(),
        predicted=0.0,
        band=(-0.03, 0.03),
        band_reason=(
            "the share is exact and only the draw of the start scatters: 0.03 is a seventh of the least "
            "share, 0.2 at p/n = 1.25"
        ),
        x_range=(1.25, 5.0),
        falsifier="a share that is left further than 0.03 from 1 - n/p",
        control=Control(
            description="training stopped at time 1/4, when directions that do learn have not yet",
            expected="REFUTED",
            experiments=simulated(by_budget(5, 8, 12), measure_frozen_share, time=0.25, **_FROZEN),
        ),
        experiments=simulated(by_budget(8, 12, 20), measure_frozen_share, time=None, **_FROZEN)
        | on_networks(by_budget(6, 10, 12), measure_start_scale, scaled=True, **_STARTS),
        restated={
            "network": Restatement(
                prediction="held-out error at least 2 % larger with every doubling of the starting weights",
                law=Monotone(increasing=True),
                predicted=-_MORE_ERROR,
                band=(-math.inf, -_MORE_ERROR),
                band_reason=(
                    "one-sided, since no size is printed: 2 % with a doubling are chosen here, so that a "
                    "curve that does not move cannot pass"
                ),
                x_range=(1, 8),
                falsifier="a doubling of the start with which the error falls, or rises by less than 2 %",
                control=Control(
                    description="starts of one size, whatever they are called",
                    expected="REFUTED",
                    experiments=on_networks(
                        by_budget(6, 10, 12), measure_start_scale, scaled=False, **_STARTS
                    ),
                ),
            )
        },
    ),
)
