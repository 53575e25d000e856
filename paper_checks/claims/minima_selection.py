"""What E4, E5 and E6 measure: the zero-error classifiers that guessing and training find, and all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genlaws.empirical.minima_comparison import compare_minima
from genlaws.simulate import (
    GaussianMixtureLabels,
    GaussianProcess,
    LogisticLabels,
    Measurement,
    SphericalPerceptron,
    ZeroErrorEnsemble,
    arc_cosine_covariance,
    sample_zero_error,
)
from genlaws.simulate.margin_classifiers import logistic_descent, mean_margin_program

from ..claim import Settings
from .image_families import image_network, image_task
from .units import rows

if TYPE_CHECKING:
    from genlaws.empirical.network_family import NetworkFamily
    from genlaws.empirical.networks import Network
    from genlaws.empirical.trained_networks import TrainedNetworks

FloatArray = NDArray[np.float64]


def _ensemble(
    family: SphericalPerceptron | GaussianProcess | NetworkFamily,
    n: list[int],
    settings: Settings,
    rng: np.random.Generator,
    training_set: NDArray[np.int64] | None = None,
) -> ZeroErrorEnsemble:
    ensemble = sample_zero_error(
        family, n, particles=settings["particles"], replicas=2, training_set=training_set, rng=rng
    )
    bad = [f"{k} ({status})" for k, status in zip(n, ensemble.status, strict=True) if status != "ok"]
    if bad:
        raise ValueError(f"there is no zero-error ensemble at n = {', '.join(bad)}")
    return ensemble


# --- E4 -----------------------------------------------------------------------------------------------


def means_at_equal_loss(
    losses: FloatArray,
    errors: FloatArray,
    other_losses: FloatArray,
    other_errors: FloatArray,
    *,
    width: float,
) -> tuple[float, float]:
    """Mean errors of two kinds of classifiers, those of equal loss beside each other.

    Parameters
    ----------
    losses, errors : ndarray, shape (classifiers,)
        Of the one kind.
    other_losses, other_errors : ndarray, shape (others,)
        Of the other kind.
    width : float
        Of a bin of the loss. Bins that hold both kinds count, each by the rarer kind in it.

    Returns
    -------
    tuple of float
        Mean error of either kind.

    Raises
    ------
    ValueError
        If no bin holds both kinds.
    """
    place, other_place = (np.floor(values / width).astype(np.int64) for values in (losses, other_losses))
    shared = np.intersect1d(place, other_place)
    if shared.size == 0:
        raise ValueError(
            f"losses must meet in some bin of width {width}, got medians {np.median(losses):.3g} and "
            f"{np.median(other_losses):.3g}"
        )
    weight = [min(np.sum(place == b), np.sum(other_place == b)) for b in shared]
    means = [(errors[place == b].mean(), other_errors[other_place == b].mean()) for b in shared]
    mean, other_mean = np.average(means, axis=0, weights=weight)
    return float(mean), float(other_mean)


def _poisoned(n: int, settings: Settings, labels: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    # the first n points, and where settings say so as many of the points after the largest training set,
    # with the other label: minima that descent finds, right on the n, and bad
    if not settings["poisoned"]:
        return np.arange(n), labels
    wrong = settings["n_examples"][-1] + np.arange(n)
    changed = labels.copy()
    changed[wrong] *= -1
    return np.concatenate([np.arange(n), wrong]), changed


def _trained(
    network: Network, inputs: FloatArray, labels: NDArray[np.int64], n: int, settings: Settings,
    rng: np.random.Generator,
) -> tuple[TrainedNetworks, NDArray[np.bool_]]:  # fmt: skip
    from genlaws.empirical.training import train_networks

    examples, changed = _poisoned(n, settings, labels)
    trained = train_networks(
        network,
        inputs,
        changed,
        networks=settings["trained"],
        examples=examples,
        loss="cross-entropy",
        stop="error",
        rng=rng,
        device=settings["device"],
        **settings["training"],
    )
    if np.count_nonzero(trained.reached) < 2:
        raise ValueError(f"{np.count_nonzero(trained.reached)} of {len(trained)} networks got rid of errors")
    return trained, trained.reached


def measure_guess_and_check(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Error of trained networks beside that of guessed ones, at equal normalized loss on equal examples."""
    from genlaws.empirical.guessing import guess_and_check

    n, heldout = settings["n_examples"], settings["heldout"]
    task = image_task(settings, rng)
    network = image_network(settings, task)
    unseen = slice(2 * n[-1], 2 * n[-1] + heldout)
    # a copy that torch may write to, as it asks for one
    inputs, labels = task.inputs.copy(), task.labels
    every_guessed = guess_and_check(
        network,
        inputs,
        labels,
        n_examples=n,
        draws=settings["draws"],
        members=settings["members"],
        rng=rng,
    )
    y, reference = [], []
    for k, guessed in zip(n, every_guessed, strict=True):
        trained, reached = _trained(network, inputs, labels, k, settings, rng)
        mean, guessed_mean = means_at_equal_loss(
            trained.normalized_losses(inputs[:k], labels[:k])[reached],
            trained.true_errors(inputs[unseen], labels[unseen])[reached],
            guessed.normalized_losses(inputs[:k], labels[:k]),
            guessed.true_errors(inputs[unseen], labels[unseen]),
            width=settings["bin"],
        )
        y.append(mean)
        reference.append(guessed_mean)
    return rows(settings, n, y, reference=reference, y_label="held-out error of trained networks")


# --- E5 -----------------------------------------------------------------------------------------------


def measure_width(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Mean error of zero-error networks of several widths beside that of infinitely wide ones."""
    from genlaws.empirical.network_family import NetworkFamily

    task = image_task(settings, rng)
    training, points = settings["n"], settings["n"] + settings["heldout"]
    inputs, labels = task.inputs[:points], task.labels[:points]
    places = {"training": range(training), "heldout": range(training, points)}
    limit = GaussianProcess(
        arc_cosine_covariance(inputs, depth=2, weight_variance=2.0, bias_variance=0.01), labels, **places
    )
    widest = _ensemble(limit, [training], settings, rng).mean_true_error
    errors = []
    for width in settings["widths"]:
        network = image_network({**settings, "arch": f"fc:1x{width}"}, task)
        family = NetworkFamily(network, inputs, labels, device=settings["device"], **places)
        errors.append(float(_ensemble(family, [settings["seen"]], settings, rng).mean_true_error[0]))
    return rows(
        settings,
        settings["widths"],
        errors,
        reference=widest,
        x_label="width",
        y_label="mean held-out error",
    )


# --- E6 -----------------------------------------------------------------------------------------------


def measure_linear_selection(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Share of linear interpolators better than what descent, or a linear program, finds: the larger one."""
    shares = []
    for kind, alpha, n in settings["cases"]:
        data = LogisticLabels(3.0) if kind == "logistic" else GaussianMixtureLabels(1.5)
        family = SphericalPerceptron(round(n / alpha), data=data, seed=int(rng.integers(2**63)))
        examples = family.training_set(2 * n if settings["poisoned"] else n, rng)
        ensemble = _ensemble(family, [n], settings, rng, training_set=examples)
        inputs, labels = data.points(examples, family.dimension, family.seed)
        signed = inputs * np.where(np.arange(len(examples)) < n, labels, -labels)[:, None]
        found = np.stack([logistic_descent(signed), mean_margin_program(signed, rng=rng)])
        ranks = compare_minima(ensemble, family.true_errors(found), n_examples=n).ranks
        shares.append(float(ranks.max()))
    return rows(
        settings,
        [alpha for _, alpha, _ in settings["cases"]],
        shares,
        reference=settings["minority"],
        x_label="alpha, examples per dimension",
        y_label="share better than what is found",
    )


def measure_network_selection(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Share of zero-error networks that are better than one that gradient descent finds."""
    from genlaws.empirical.network_family import NetworkFamily

    n = settings["n_examples"]
    task = image_task(settings, rng)
    network = image_network(settings, task)
    end = 2 * n[-1] + settings["heldout"]
    inputs, labels = task.inputs[:end].copy(), task.labels[:end]
    family = NetworkFamily(
        network,
        inputs,
        labels,
        training=range(n[-1]),
        heldout=range(2 * n[-1], end),
        device=settings["device"],
    )
    ensemble = _ensemble(family, n, settings, rng)
    shares = []
    for k in n:
        trained, reached = _trained(network, inputs, labels, k, settings, rng)
        errors = trained.true_errors(inputs[2 * n[-1] :], labels[2 * n[-1] :])[reached]
        shares.append(compare_minima(ensemble, errors, n_examples=k).rank)
    return rows(
        settings, n, shares, reference=settings["minority"], y_label="share better than trained networks"
    )
