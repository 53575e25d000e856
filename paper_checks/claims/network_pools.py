"""Finite networks on pools of images: how A1 to A4 are measured on them.

On a pool the true error counts all points and training sets draw from them with replacement, so that the
identities of the theory hold exactly. Each replicate draws its own images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import (
    ClassifierFamily,
    DrawnClassifiers,
    LookupTable,
    Measurement,
    planted_pool_fraction,
    sample_error_density,
    sample_training_sets,
)

from ..claim import Settings
from .image_families import component_task, image_network
from .units import rows

_ASKED = 2000  # survivors that are asked about the next examples, of which each weighs more


def image_pool(settings: Settings, rng: np.random.Generator) -> ClassifierFamily:
    """Networks of the architecture `arch` on a pool of `points` images.

    With `contradictions` that many of the points repeat other images with the other label: no classifier
    is right on both.
    """
    from genlaws.empirical.network_family import NetworkFamily

    task = component_task(settings["data"], settings["task"], settings["components"])
    copies = settings.get("contradictions", 0)
    chosen = rng.choice(len(task), settings["points"] - copies, replace=False)
    every = np.concatenate([chosen, chosen[:copies]])
    labels = task.labels[every]
    labels[chosen.size :] *= -1
    return NetworkFamily.on_pool(
        image_network(settings, task), task.inputs[every], labels, device=settings["device"]
    )


def drawn_networks(settings: Settings, rng: np.random.Generator) -> DrawnClassifiers:
    """`networks` of them drawn from the prior, each scored on the whole pool."""
    return DrawnClassifiers.from_family(image_pool(settings, rng), settings["networks"], rng=rng)


def annealed(drawn: DrawnClassifiers, n: list[int], eps: float) -> NDArray[np.float64]:
    """g_n(eps) from the true errors of all the classifiers, without any training set."""
    return np.array([np.exp(drawn.log_tilted_mass(k, above=eps) - drawn.log_tilted_mass(k)) for k in n])


def measure_annealed_on_pool(settings: Settings, rng: np.random.Generator) -> Measurement:
    """ln g_n(eps) of networks on a pool, from their error density down to the least error there is."""
    least = settings["contradictions"] / settings["points"]
    measured = sample_error_density(
        image_pool(settings, rng), particles=settings["particles"], replicas=2, smallest_error=least, rng=rng
    )
    if measured.errors[0] > least:
        raise ValueError(f"no network was found with an error of {least:.3g}: ask for more particles")
    n = np.asarray(settings["n_examples"])
    log_g = measured.density().log_bad_fraction_given_zero_errors(n, settings["eps"])
    return rows(settings, n, log_g, y_label="ln annealed bad fraction")


def measure_quenched_on_pool(settings: Settings, rng: np.random.Generator) -> Measurement:
    """ln f_n(eps) of networks on a pool, from planted training sets."""
    planted = planted_pool_fraction(
        image_pool(settings, rng),
        n_examples=settings["n_examples"],
        eps=settings["eps"],
        draws=settings["draws"],
        particles=settings["particles"],
        rng=rng,
    )
    return rows(
        settings,
        planted.n_examples,
        planted.log_bad_fraction,
        se=planted.log_bad_fraction_se,
        y_label="ln quenched bad fraction",
    )


def measure_bound_on_pool(settings: Settings, rng: np.random.Generator) -> Measurement:
    """|f_n - g_n|, g_n from Q and f_n from conditioning, beside the bound from the two variances.

    The control counts f_n above another error, `eps_of_f`, so that f and g do not belong together.
    """
    n, eps, of_f = settings["n_examples"], settings["eps"], settings["eps_of_f"]
    drawn = drawn_networks(settings, rng)
    sets = sample_training_sets(drawn, n_examples=n, sets=settings["sets"], eps=(eps, of_f), rng=rng)
    gap = np.abs(annealed(drawn, n, eps) - sets.bad_fraction(of_f))
    bound = sets.set_bad_fraction[:, :, 0].std(axis=0, ddof=1) * sets.coefficient_of_variation
    return rows(settings, n, gap, reference=bound, y_label="|f_n - g_n|")


def measure_fractions_on_pool(settings: Settings, rng: np.random.Generator) -> Measurement:
    """f_n from conditioning on many training sets beside g_n from Q.

    Settings name the case (`errors`): the networks as they are (``"networks"``), classifiers with their
    errors, each on points of its own (``"scattered"``), or the networks with the true errors of each other
    (``"exchanged"``).
    """
    n, eps = settings["n_examples"], settings["eps"]
    drawn = drawn_networks(settings, rng)
    foretold = annealed(drawn, n, eps)
    family: ClassifierFamily = drawn
    if settings["errors"] == "scattered":
        family = LookupTable(drawn.errors, seed=int(rng.integers(2**31)))
    elif settings["errors"] == "exchanged":
        family = DrawnClassifiers(drawn.right, rng.permutation(drawn.errors))
    sets = sample_training_sets(family, n_examples=n, sets=settings["sets"], eps=(eps,), rng=rng)
    return rows(settings, n, sets.bad_fraction(eps), reference=foretold, y_label="bad fraction f_n")


def of_equal_density(
    first: DrawnClassifiers, second: DrawnClassifiers, rng: np.random.Generator
) -> tuple[DrawnClassifiers, DrawnClassifiers]:
    """As many classifiers of each error from either class, chosen at random: two classes of one Q(E)."""
    points = first.error_resolution
    errors = [np.round(drawn.errors * points).astype(np.int64) for drawn in (first, second)]
    both = np.minimum(*(np.bincount(e, minlength=points + 1) for e in errors))
    chosen = [
        np.concatenate([rng.permutation(np.flatnonzero(e == k))[: both[k]] for k in range(points + 1)])
        for e in errors
    ]
    return first.subset(chosen[0]), second.subset(chosen[1])


def measure_two_widths(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Quenched learning curves of a narrow and a wide network of equal Q(E), on the same training sets.

    With `nested` that many classifiers with the errors of the narrow ones stand in for the wide ones, of
    which a worse one errs on nine points in ten on which a better one does.
    """
    n = settings["n_examples"]
    narrow, wide = ({**settings, "arch": arch} for arch in settings["arch"])
    pool, sets = rng.integers(2**31, size=2)  # the same images and training sets for both
    first = drawn_networks(narrow, np.random.default_rng(pool))
    second: ClassifierFamily
    if settings["nested"]:
        errors = first.errors[: settings["nested"]]
        second = LookupTable.nested(errors, overlap=0.9, seed=int(rng.integers(2**31)))
    else:
        other = drawn_networks(wide, np.random.default_rng(pool))
        first, second = of_equal_density(first, other, rng)
    curves = [
        sample_training_sets(family, n_examples=n, sets=settings["sets"], rng=int(sets)).mean_true_error
        for family in (first, second)
    ]
    return rows(settings, n, curves[0], reference=curves[1], y_label="mean pool error")


def measure_survival_on_pool(settings: Settings, rng: np.random.Generator) -> Measurement:
    """Guess and check: the share right on the next example beside one minus the error of *other* networks.

    A share `next_noise` of the next examples comes with the wrong label.
    """
    n = settings["n_examples"]
    drawn = drawn_networks(settings, rng)
    asked, counted = (drawn.subset(half) for half in np.array_split(np.arange(settings["networks"]), 2))
    right, error, sets = np.zeros((3, len(n)))
    for _ in range(settings["sets"]):
        examples = drawn.training_set(n[-1], rng)
        coming = drawn.training_set(settings["next_examples"], rng)
        flipped = rng.random(coming.size) < settings["next_noise"]
        first, other = (half.first_error(np.arange(half.errors.size), examples) for half in (asked, counted))
        for k, size in enumerate(n):
            kept, others = np.flatnonzero(first >= size), np.flatnonzero(other >= size)
            if kept.size == 0 or others.size == 0:  # nothing is known of survivors where nobody survives
                continue
            right[k] += np.mean(asked.correct(kept[:_ASKED], coming) ^ flipped)
            error[k] += counted.errors[others].mean()
            sets[k] += 1
    return rows(
        settings, n, right / sets, reference=1.0 - error / sets, y_label="share right on the next example"
    )
