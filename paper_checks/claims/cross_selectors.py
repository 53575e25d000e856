"""Three ways to select a classifier without training error, on the same examples (F2)."""

from __future__ import annotations

from typing import Any

from genlaws.simulate.measurement import Source
from genlaws.theory import EqualWithinMargin, Ordering

from ..claim import AnyExperiment, Claim, Control, Restatement, SharedWork
from .selector_readings import measure_linear_selectors, measure_network_selectors
from .units import by_budget, shared_networks, shared_simulation

_LINEAR = SharedWork("linear-selectors", measure_linear_selectors, families=("spherical-perceptron",))
_NETWORKS = SharedWork("network-selectors", measure_network_selectors, families=("network",))

_PERCEPTRONS: dict[str, Any] = {
    "dimension": by_budget(20, 40, 80),
    "particles": by_budget(60, 100, 200),
    "late": 1000.0,
}
_TAUGHT: dict[str, Any] = {"alphas": [0.5, 1.0, 2.0, 4.0], "overlap": 1.0}
# of a teacher that reads mostly what classifiers do not see: none of them is much better than chance
_HIDDEN: dict[str, Any] = {"alphas": [0.5, 1.0], "overlap": 0.3}
_LONG_START = 30.0
_PARITY: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": 20,
    "arch": "fc:1x32",
    "n_examples": by_budget([16, 32], [16, 32, 64], [16, 32, 64, 128]),
    "trained": by_budget(12, 30, 60),
    "heldout": by_budget(500, 1000, 2000),
    "particles": by_budget(40, 120, 200),
    "late": -100.0,
}
_INFINITE = float("inf")


def _linear(reading: str, *, start_norm: float = 0.0, hidden: bool = False) -> dict[Source, AnyExperiment]:
    sizes = by_budget(6, 12, 20) if hidden or start_norm else by_budget(10, 20, 40)
    asked = {**_PERCEPTRONS, **(_HIDDEN if hidden else _TAUGHT)}
    return shared_simulation(sizes, _LINEAR, reading, start_norm=start_norm, **asked)


def _networks(reading: str, *, shuffled: bool = False) -> dict[Source, AnyExperiment]:
    sizes = by_budget(4, 10, 12) if shuffled else by_budget(6, 16, 24)
    # more shuffled labels than these take networks of this size too long
    asked = {**_PARITY, "n_examples": [8, 16]} if shuffled else _PARITY
    return shared_networks(sizes, _NETWORKS, reading, shuffled=shuffled, **asked)


def _no_selector_can_tell(reading: str, expected: str) -> Control:
    return Control(
        description=(
            "labels that the examples say little about: a teacher that reads mostly what classifiers do not "
            "see; of images, shuffled ones"
        ),
        expected="REFUTED" if expected == "REFUTED" else "SUPPORTED",
        experiments={**_linear(reading, hidden=True), **_networks(reading, shuffled=True)},
    )


CLAIMS = (
    Claim(
        id="F2a",
        paper="classics",
        where="cross-paper test: arXiv:2606.06469 (descent beats typical interpolators), on means",
        statement="Descent is better than typical zero-error classifiers as soon as it makes no error.",
        prediction=(
            "mean error of gradient flow from zero weights, where it has no training error left, at least "
            "10 % below that of uniform linear classifiers without one, alpha = 0.5 to 4"
        ),
        law=Ordering(above=False, relative=True),
        predicted=-0.2,
        band=(-_INFINITE, -0.1),
        band_reason=(
            "one-sided: the paper names no size, so that a round 10 % tells descent that beats typical "
            "classifiers from descent that is one of them; 20 % is expected"
        ),
        x_range=(0.5, 4),
        falsifier="an alpha at which descent, stopped at zero error, is less than 10 % better",
        control=_no_selector_can_tell("stopped", "REFUTED"),
        experiments={**_linear("stopped"), **_networks("stopped")},
        restated={
            "network": Restatement(
                prediction=(
                    "mean held-out error of networks trained by gradient flow from the prior, where they "
                    "have no training error left, at least 10 % below that of networks drawn without one"
                ),
                x_range=(16, 32),
                falsifier="an n at which training to zero error is less than 10 % better than drawing",
            )
        },
    ),
    Claim(
        id="F2b",
        paper="classics",
        where="cross-paper test: arXiv:1903.04991, arXiv:1710.10345 (training past zero error grows margins)",
        statement="Margins that grow past zero training error make descent generalize better.",
        prediction=(
            "error of gradient flow from zero weights at ln t = 1,000 at least 5 % below that where it first "
            "has no training error, alpha = 0.5 to 4"
        ),
        law=Ordering(above=False, relative=True),
        predicted=-0.1,
        band=(-_INFINITE, -0.05),
        band_reason=(
            "one-sided: a round 5 %, half of F2a's, as both classifiers lie on one path and their errors "
            "fluctuate together"
        ),
        x_range=(0.5, 4),
        falsifier="an alpha at which training past zero error gains less than 5 %",
        control=Control(
            description=(
                "the flow starts from random weights 30 long, which it has yet to forget where it first "
                "makes no error"
            ),
            expected="SUPPORTED",
            experiments=_linear("late", start_norm=_LONG_START),
        ),
        experiments={**_linear("late"), **_networks("late")},
        restated={
            "network": Restatement(
                prediction=(
                    "held-out error of networks trained by gradient flow from the prior to a loss of e^-100 "
                    "at least 5 % below that where they first have no training error"
                ),
                x_range=(16, 32),
                falsifier="an n at which training past zero error gains less than 5 %",
                control=Control(
                    description="images with shuffled labels: there is nothing to gain",
                    expected="REFUTED",
                    experiments=_networks("late", shuffled=True),
                ),
            )
        },
    ),
    Claim(
        id="F2c",
        paper="classics",
        where="cross-paper test: arXiv:2410.16868 (bad minima are rare, so any will do)",
        statement="A typical zero-error classifier is as good as that of the largest margin.",
        prediction=(
            "error of the largest margin and mean error of uniform linear classifiers without training error "
            "within 10 % of each other, alpha = 0.5 to 4"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=(
            "the 10 % of F2a from its other side: what is not yet better there counts as equally good here"
        ),
        x_range=(0.5, 4),
        falsifier="an alpha at which the largest margin errs more than 10 % less, or more",
        control=_no_selector_can_tell("far", "SUPPORTED"),
        experiments={**_linear("far"), **_networks("far")},
        restated={
            "network": Restatement(
                prediction=(
                    "held-out error of networks trained to a loss of e^-100, past which margins hardly grow, "
                    "and of networks drawn without training error within 10 % of each other"
                ),
                x_range=(16, 32),
                falsifier="an n at which training far past zero error gains, or loses, more than 10 %",
            )
        },
    ),
)
