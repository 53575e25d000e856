"""D7 and D8 on networks: normalized losses of networks on few and many images, and from bad starts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genlaws.empirical import split_points

from ..claim import Readings, Settings, SharedWork
from .image_families import component_task, image_network, require_points
from .normalized_readings import (
    Family,
    Losses,
    Sizes,
    all_right,
    gap_readings,
    line_readings,
    other_members,
    require_members,
)

if TYPE_CHECKING:
    from genlaws.empirical.networks import Network
    from genlaws.empirical.trained_networks import TrainedNetworks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def _images(
    settings: Settings, training: int, rng: np.random.Generator
) -> tuple[Network, FloatArray, IntArray]:
    # a random sample of images, those for training first, and the networks that are to tell them apart
    task = component_task(settings["data"], settings["task"], settings["components"])
    require_points(task, training + settings["heldout"], "images")
    split = split_points(task, training=training, heldout=settings["heldout"], rng=rng)
    chosen = np.concatenate([split.training, split.heldout])
    network = image_network(settings, task)
    return network, task.inputs[chosen].reshape(-1, *network.input_shape), task.labels[chosen]


def _classes(network: Network) -> list[int]:
    return [-1, 1] if network.outputs == 1 else list(range(network.outputs))


def _chance(network: Network) -> float:
    return math.log(len(_classes(network)))


def _at_random(trained: TrainedNetworks, inputs: FloatArray, divisors: Any) -> FloatArray:
    # loss on labels at random, all of which are equally likely: no draw is needed
    each = [
        trained.mean_losses(inputs, np.full(len(inputs), label), divisors=divisors)
        for label in _classes(trained.network)
    ]
    return np.asarray(np.mean(each, axis=0))


# --- D7 -----------------------------------------------------------------------------------------------


def _over_sizes(
    network: Network,
    inputs: FloatArray,
    labels: IntArray,
    settings: Settings,
    rng: np.random.Generator,
    *,
    kind: str,
) -> Sizes:
    # networks trained on the first n images; of random labels the unseen ones are random, too
    from genlaws.empirical.training import train_networks

    sizes, unseen = settings[f"{kind}_n_examples"], slice(-settings["heldout"], None)
    normalized: list[tuple[float, float]] = []
    plain: list[tuple[float, float]] = []
    for n in sizes:
        trained = train_networks(
            network,
            inputs[:n],
            labels[:n],
            networks=settings[f"{kind}_networks"],
            loss="cross-entropy",
            stop="loss",
            tolerance=settings["tolerance"],
            rng=rng,
            device=settings["device"],
            **settings["training"],
        )
        kept = trained.reached
        if not np.any(kept):
            raise ValueError(
                f"none of {len(trained)} networks came to the loss {settings['tolerance']} on {n} images"
            )
        for found, divisors in ((normalized, trained.norms.prod(axis=1)), (plain, np.ones(len(trained)))):
            if kind == "random":
                loss = _at_random(trained, inputs[unseen], divisors)
            else:
                loss = trained.mean_losses(inputs[unseen], labels[unseen], divisors=divisors)
            own = trained.mean_losses(inputs[:n], labels[:n], divisors=divisors)
            found.append((own[kept].mean(), loss[kept].mean()))
    return Sizes(sizes, Losses(*np.transpose(normalized)), Losses(*np.transpose(plain)))


def measure_sizes(settings: Settings, rng: np.random.Generator) -> Readings:
    """Gaps of networks trained on the right and on random labels of more and more images."""
    most = max(settings["right_n_examples"] + settings["random_n_examples"])
    network, inputs, labels = _images(settings, most, rng)
    shuffled = rng.choice(_classes(network), len(labels))
    right = _over_sizes(network, inputs, labels, settings, rng, kind="right")
    random = _over_sizes(network, inputs, shuffled, settings, rng, kind="random")
    return gap_readings(settings, right, random, _chance(network))


# --- D8 -----------------------------------------------------------------------------------------------


def measure_family(settings: Settings, rng: np.random.Generator) -> Readings:
    """Losses of networks that fit the same images, pretrained on labels that were corrupted more and more."""
    from genlaws.empirical.corrupted_start import train_from_corrupted

    n = settings["n"]
    network, inputs, labels = _images(settings, n, rng)
    trained = train_from_corrupted(
        network,
        inputs[:n],
        labels[:n],
        shares=settings["shares"],
        scales=settings["scales"],
        tolerance=all_right(n),
        rng=rng,
        device=settings["device"],
        **settings["training"],
    )
    kept = trained.reached
    require_members(int(kept.sum()), len(trained))

    def losses(divisors: FloatArray) -> Losses:
        parts = (slice(None, n), slice(n, None))
        own, unseen = (trained.mean_losses(inputs[p], labels[p], divisors=divisors)[kept] for p in parts)
        return Losses(own, unseen)

    norms = trained.norms.prod(axis=1)
    exchanged = norms.copy()
    exchanged[kept] = norms[kept][other_members(int(kept.sum()), rng)]
    family = Family(
        normalized=losses(norms),
        plain=losses(np.ones_like(norms)),
        exchanged=losses(exchanged),
        unruly=_at_random(trained, inputs[n:], norms)[kept],
        errors=trained.true_errors(inputs[n:], labels[n:])[kept],
        chance=_chance(network),
    )
    return line_readings(settings, family)


NETWORK_SIZES = SharedWork("gaps of networks on more and more images", measure_sizes)
NETWORK_FAMILIES = SharedWork("networks from corrupted starts", measure_family)
