"""Tests that set explanations of several papers against each other (F)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genlaws.simulate import BinaryPerceptron, LookupTable, Measurement, planted_bad_fraction
from genlaws.theory import EqualWithinMargin

from ..claim import Claim, Control, Settings
from .units import NETWORKS_COME_LATER, by_budget, rows, simulated

_LN2 = math.log(2.0)


def measure_annealed_excess(settings: Settings, rng: np.random.Generator) -> Measurement:
    """ln g_n / f_n, f_n carried by planted training sets and g_n from Q."""
    if settings["family"] == "binary":
        family: BinaryPerceptron | LookupTable = BinaryPerceptron(15)
    else:
        # so many good classifiers, erring independently, that |H(S)| hardly varies
        family = LookupTable.independent(np.concatenate([np.full(2000, 0.01), np.full(2000, 0.4)]))
    planted = planted_bad_fraction(
        family, n_examples=settings["n_examples"], eps=0.25, draws=settings["draws"], rng=rng
    )
    return rows(
        settings,
        planted.n_examples,
        planted.log_annealed_ratio,
        se=planted.log_bad_fraction_se,
        reference=_LN2,
        y_label="ln g_n / f_n",
    )


_PLANTED: dict[str, Any] = {"n_examples": [60, 80, 100, 120], "draws": by_budget(100, 500, 2000)}

CLAIMS = (
    Claim(
        id="F1",
        paper="classics",
        where="cross-paper test: annealed fraction of arXiv:2410.16868 and the quenched one; limit derived",
        statement="Quenched bad fractions are half the annealed ones once only the teacher competes.",
        prediction=(
            "ln g_n / f_n = ln 2 within 0.1 for all 2^15 binary perceptrons, n = 60 to 120, f_n to 1e-16"
        ),
        law=EqualWithinMargin(),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=(
            "the factor is 2 exactly once all others are gone; those left at n = 60 change its logarithm by "
            "about 0.02, and 0.1 is a seventh of the ln 2 that is to be told from 0"
        ),
        x_range=(60, 120),
        falsifier="a ratio further than 10 % from 2 at any n",
        control=Control(
            description="good classifiers by the thousand, erring independently: |H(S)| hardly varies",
            expected="REFUTED",
            experiments=simulated(
                by_budget(4, 6, 8),
                measure_annealed_excess,
                families=["lookup-table"],
                family="independent",
                **_PLANTED,
            ),
        ),
        experiments=simulated(
            by_budget(8, 12, 20),
            measure_annealed_excess,
            families=["binary-perceptron"],
            family="binary",
            **_PLANTED,
        ),
        not_applicable=NETWORKS_COME_LATER,
    ),
)
