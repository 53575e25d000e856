"""Geiger et al.: how many channels fit CIFAR-10, of which text and figure speak differently (B8g, B8h)."""

from __future__ import annotations

from typing import Any

import numpy as np

from genlaws.theory import Constant

from ..claim import Claim, Control, Readings, Settings, SharedWork
from .image_families import image_network, image_task, require_points
from .units import by_budget, rows, shared_networks


def measure_channel_threshold(settings: Settings, rng: np.random.Generator) -> Readings:
    """log2 of the channels in each layer from which on most networks reach zero training error.

    Three convolutions and a linear readout, trained by stochastic gradient descent at a rate of one over the
    channels. `channels` are powers of two; a threshold lies half-way between two of them, or at an end.
    """
    from genlaws.empirical.training import train_networks

    task = image_task(settings, rng)
    n = settings["n_examples"]
    require_points(task, n, "n_examples")
    inputs, labels = task.as_images()[:n], task.labels[:n]
    seed = int(rng.integers(2**63))
    fitted = []
    for channels in settings["channels"]:
        trained = train_networks(
            image_network({**settings, "arch": f"cnn:3x{channels}"}, task),
            inputs,
            labels,
            networks=settings["networks"],
            loss="hinge",
            optimizer="sgd",
            learning_rate=settings["rate"] / channels,
            momentum=0.0,
            batch_size=min(250, n),
            max_steps=settings["max_steps"],
            rng=np.random.default_rng([seed, channels]),
            device=settings["device"],
        )
        fitted.append(trained.reached.mean() >= 0.5)
    failing = [place for place, enough in enumerate(fitted) if not enough]
    powers = np.log2(settings["channels"])
    first = failing[-1] + 1 if failing else 0
    found = powers[-1] if first == len(powers) else powers[first] - (0.5 if first else 0.0)
    threshold = rows(
        {**settings, "fitted": [bool(enough) for enough in fitted]},
        n,
        float(found),
        y_label="log2 of the channels at the threshold",
    )
    return {"threshold": threshold}


_CHANNELS = SharedWork("channel-threshold", measure_channel_threshold)

_IMAGES: dict[str, Any] = {
    "data": "mnist5k",
    "task": "digits",
    "channels": by_budget([1, 2, 4], [1, 2, 4, 8], [2, 4, 8, 16, 32, 64, 128, 256, 512]),
    "networks": by_budget(2, 3, 5),
    "rate": 1.0,
    "max_steps": by_budget(80, 1000, 200_000),
}
_WHOLE = 50_000.0
_WHERE = "arXiv:1901.01608, figure 8: three convolutions and a linear layer on CIFAR-10"


def _threshold(n_examples: Any) -> dict[Any, Any]:
    return shared_networks(by_budget(4, 5, 5), _CHANNELS, "threshold", n_examples=n_examples, **_IMAGES)


def _claim(claim: str, power: int, said: str, other: str) -> Claim:
    return Claim(
        id=claim,
        paper="geiger",
        where=f"{_WHERE}, {said}",
        statement=f"Convolutional networks jam on CIFAR-10 just before 2^{power} channels in each layer.",
        prediction=(
            f"zero training error from about 2^{power} channels on, within a factor of 2, for all 50,000 "
            f"images; {other}"
        ),
        law=Constant(value=float(power)),
        predicted=float(power),
        band=(power - 1.0, power + 0.5),
        band_reason=(
            "channels are tried by powers of two: one power less, since networks jam just before, and half a "
            "power more, which is how far a threshold lies from those tried"
        ),
        x_range=(_WHOLE, _WHOLE),
        falsifier="a threshold further off, on all of CIFAR-10",
        control=Control(
            description="10 images, which a few channels fit",
            expected="REFUTED",
            experiments=_threshold(10),
        ),
        experiments=_threshold(by_budget(30, 300, int(_WHOLE))),
        not_applicable={"simulation": "the claim is about convolutional networks on images"},
    )


CLAIMS = (
    _claim("B8g", 8, "its text", "the figure's inset has about 2^5, see B8h"),
    _claim("B8h", 5, "its inset", "the text has 2^8, see B8g"),
)
