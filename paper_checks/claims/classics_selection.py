"""Which zero-error classifiers are found: guess-and-check, gradient descent, and width (E4, E5, E6)."""

from __future__ import annotations

from typing import Any

from genlaws.theory import EqualWithinMargin, UpperBound

from ..claim import Claim, Control, Restatement
from .minima_selection import (
    measure_guess_and_check,
    measure_linear_selection,
    measure_network_selection,
    measure_width,
)
from .units import by_budget, on_networks, simulated

_TWO_CLASSES: dict[str, Any] = {"data": "mnist5k", "task": "0-7", "components": 10, "arch": "fc:1x32"}
_GUESSED: dict[str, Any] = {
    "n_examples": [2, 4, 8, 16],
    "draws": by_budget(50_000, 200_000, 1_000_000),
    "members": by_budget(300, 500, 1000),
    "trained": by_budget(300, 500, 1000),
    "heldout": by_budget(300, 500, 1000),
    "bin": 0.05,
    "training": {"optimizer": "sgd", "momentum": 0.5, "learning_rate": 0.1, "batch_size": 4},
}
_PARITY: dict[str, Any] = {"data": "mnist5k", "task": "parity", "components": 20}
_WIDTHS: dict[str, Any] = {
    "families": ["gaussian-process", "network"],
    "widths": by_budget([8, 64], [8, 16, 32, 64, 128], [8, 16, 32, 64, 128, 256, 512]),
    "n": 32,
    "particles": by_budget(50, 200, 400),
    "heldout": by_budget(300, 1000, 2000),
}
_LINEAR: dict[str, Any] = {
    "families": ["spherical-perceptron"],
    # data, alpha, n: dimensions so large that overlaps by chance, of order dimension^-1/2, stay below the
    # signal, which logistic labels make the weaker one
    "cases": by_budget(
        [["mixture", 0.1, 30], ["logistic", 0.15, 80], ["mixture", 0.25, 40], ["logistic", 0.5, 120]],
        [["mixture", 0.1, 60], ["logistic", 0.15, 120], ["mixture", 0.25, 80], ["logistic", 0.5, 200]],
        [["mixture", 0.1, 100], ["logistic", 0.15, 150], ["mixture", 0.25, 150], ["logistic", 0.5, 300]],
    ),
    "particles": by_budget(40, 200, 500),
    "minority": 0.1,
}
_DESCENT: dict[str, Any] = {
    "families": ["network"],
    "arch": "fc:1x32",
    "n_examples": [16, 32, 64],
    "particles": by_budget(50, 200, 400),
    "trained": by_budget(40, 100, 200),
    "heldout": by_budget(300, 1000, 2000),
    "training": {"optimizer": "gd", "learning_rate": 0.5},
    "minority": 0.1,
}
_INFINITE = float("inf")
_POISON = "trained on as many wrong labels again"

CLAIMS = (
    Claim(
        id="E4",
        paper="classics",
        where=(
            "Chiang et al., ICLR 2023: guess-and-check is as good as SGD at equal normalized loss; "
            "arXiv:2407.03848 finds it worse. Here on principal components, from the prior of the guesses"
        ),
        statement=(
            "Guessed networks without training error generalize as well as those trained by SGD, at equal n "
            "and normalized loss."
        ),
        prediction="mean held-out errors at most 0.03 apart at every n",
        law=EqualWithinMargin(),
        predicted=0.0,
        band=(-0.03, 0.03),
        band_reason=(
            "no paper says how near is as good: 0.03 is chosen here, which is 9 of the 300 held-out images "
            "of a quick run"
        ),
        x_range=(2, 16),
        falsifier=(
            "errors more than 0.03 apart at some n: guessed networks worse, as arXiv:2407.03848 has it, or "
            "better"
        ),
        control=Control(
            description=(
                f"SGD that is {_POISON}: bad minima without error on the n examples, a control of the paper's"
            ),
            expected="REFUTED",
            experiments=on_networks(
                by_budget(4, 8, 10), measure_guess_and_check, poisoned=True, **_TWO_CLASSES, **_GUESSED
            ),
        ),
        experiments=on_networks(
            by_budget(10, 24, 40), measure_guess_and_check, poisoned=False, **_TWO_CLASSES, **_GUESSED
        ),
        not_applicable={
            "simulation": "the claim is about networks; E6 sets descent beside exact linear ensembles"
        },
    ),
    Claim(
        id="E5",
        paper="classics",
        where=(
            "arXiv:2407.03848: more width is no gain without SGD; Chiang et al., ICLR 2023, report a gain, "
            "and arXiv:2506.03931 a loss for matrix factorization"
        ),
        statement="Width alone changes nothing: zero-error networks of every width generalize alike.",
        prediction=(
            "at 32 examples the mean held-out error is within 0.02 of that of infinitely wide networks, from "
            "8 units on"
        ),
        law=EqualWithinMargin(),
        predicted=0.0,
        band=(-0.02, 0.02),
        band_reason=(
            "no paper says how little is nothing: 0.02 is chosen here, which is 6 of the 300 held-out images "
            "of a quick run"
        ),
        x_range=(8, 64),
        falsifier="a width at which zero-error networks err more, or less, than infinitely wide ones by 0.02",
        control=Control(
            description="the networks see 8 of the 32 examples that the infinitely wide ones see",
            expected="REFUTED",
            experiments=on_networks(by_budget(4, 8, 10), measure_width, seen=8, **_PARITY, **_WIDTHS),
        ),
        experiments=on_networks(by_budget(5, 16, 24), measure_width, seen=32, **_PARITY, **_WIDTHS),
        not_applicable={"simulation": "width is of finite networks; infinitely wide ones are the reference"},
    ),
    Claim(
        id="E6",
        paper="classics",
        where=(
            "arXiv:2606.06469, abstract: descent and a linear program, numerically; which program is not "
            "stated there, here the largest mean margin in a box"
        ),
        statement="Where examples are few, gradient descent outperforms the vast majority of interpolators.",
        prediction=(
            "at most one in ten linear classifiers without training error is better than those of logistic "
            "descent and of a linear program, at up to half an example per dimension"
        ),
        law=UpperBound(),
        predicted=0.0,
        band=(-_INFINITE, 0.0),
        band_reason=(
            "one-sided: the vast majority is read as nine in ten, and any share of better ones below one in "
            "ten keeps the claim"
        ),
        x_range=(0.1, 0.5),
        falsifier="an alpha at which more than one interpolator in ten is better than one of the two",
        control=Control(
            description=f"descent and program are {_POISON}: they interpolate the n examples, badly",
            expected="REFUTED",
            experiments={
                **simulated(by_budget(4, 8, 10), measure_linear_selection, poisoned=True, **_LINEAR),
                **on_networks(
                    by_budget(4, 8, 10), measure_network_selection, poisoned=True, **_PARITY, **_DESCENT
                ),
            },
        ),
        experiments={
            **simulated(by_budget(6, 16, 40), measure_linear_selection, poisoned=False, **_LINEAR),
            **on_networks(
                by_budget(5, 16, 24), measure_network_selection, poisoned=False, **_PARITY, **_DESCENT
            ),
        },
        restated={
            "network": Restatement(
                prediction=(
                    "at most one in ten networks of one hidden layer without training error is better than "
                    "one trained by full-batch gradient descent, n = 16 to 64 images"
                ),
                x_range=(16, 64),
                falsifier="an n at which more than one zero-error network in ten beats a trained one",
            )
        },
    ),
)
