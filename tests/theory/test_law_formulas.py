"""Formulas of laws: one line each, different for each form, and its curve is the one that is fitted."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from genlaws.theory import (
    ClosedCurve,
    Constant,
    Divergence,
    EqualDistributions,
    EqualWithinMargin,
    ExponentialDecay,
    InteriorPeak,
    Linear,
    LogarithmicDecay,
    LogarithmicGrowth,
    LowerBound,
    Monotone,
    Ordering,
    PowerLaw,
    PowerLawWithCorrection,
    PowerLawWithPlateau,
    UpperBound,
)

CURVES = [
    PowerLaw(-0.7),
    PowerLaw(-0.7, log_y=True),
    PowerLawWithPlateau(-0.8),
    PowerLawWithCorrection(-0.5, 0.25),
    ExponentialDecay(0.3),
    ExponentialDecay(0.3, log_y=True),
    ExponentialDecay(0.3, 2.0),
    ExponentialDecay(0.3, 2.0, log_y=True),
    ExponentialDecay(0.3, None),
    ExponentialDecay(0.3, None, log_y=True),
    LogarithmicGrowth(2.0),
    Linear(2.0),
    LogarithmicDecay(-1.0),
    Divergence(1.5),
    Divergence(1.5, 4.0, above=False),
    Constant(3.0),
]
RELATIONS = [
    UpperBound(),
    UpperBound(relative=True),
    LowerBound(),
    LowerBound(relative=True),
    Ordering(),
    Ordering(above=False),
    Ordering(relative=True),
    EqualWithinMargin(),
    EqualWithinMargin(relative=True),
    ClosedCurve(np.sqrt),
    ClosedCurve(np.sqrt, relative=True),
    EqualDistributions(),
    Monotone(),
    Monotone(increasing=False),
    InteriorPeak(),
]


def test_every_formula_is_another_and_one_short_line():
    formulas = [law.formula for law in CURVES + RELATIONS]
    assert len(set(formulas)) == len(formulas)
    for formula in formulas:
        assert len(formula) <= 110
        assert "\n" not in formula
        assert "-" not in formula.replace("farthest from", "")  # minus signs are U+2212
        assert "<=" not in formula
        assert ">=" not in formula


@pytest.mark.parametrize("law", CURVES + RELATIONS)
def test_a_formula_names_its_score_and_its_symbol(law):
    equation, score = law.formula.split("; ")
    name, symbol = score.split(": ")
    assert name == law.score_name
    for letter in re.findall(r"\b[a-zA-Z]\b|\b(?:bound|other|reference)\b", symbol):
        assert re.search(rf"\b{letter}\b", equation), (letter, equation)


def evaluated(formula: str, **values: float) -> float:
    """The right side of an equation with numbers for its letters."""
    right = formula.split("; ")[0].split(" = ")[1].removesuffix(" at every x").replace("\N{MINUS SIGN}", "-")
    right = right.replace("ln ln x", "ln(ln(x))").replace("ln x", "ln(x)").replace("ln C", "ln(C)")
    right = right.replace("e^", "e ^ ").replace("^", "**")
    right = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", right)
    return float(eval(right, {"__builtins__": {}}, {"ln": math.log, "e": math.e, **values}))


@pytest.mark.parametrize("law", CURVES)
def test_the_formula_is_what_is_fitted(law):
    # threshold and exponents as numbers, then the fit's own basis against the formula read as arithmetic
    x, shape = 3.0, {"Divergence": 1.0}.get(type(law).__name__, -0.7)
    if getattr(law, "threshold", None) is not None:
        shape = law.threshold
    k = law.basis(np.array([x]), np.array([shape])).shape[-1]
    coefficients = np.array([0.4, -0.3, 0.6])[:k]
    if isinstance(law, PowerLawWithCorrection | PowerLawWithPlateau):
        coefficients = np.abs(coefficients)
    value = law.basis(np.array([x]), np.array([shape]))[0] @ coefficients + law.offset(np.array([x]))
    fitted = float(law.from_fit(value)[0])
    score = float(law.score_of(np.array(shape), coefficients))
    symbol = law.formula.rsplit(": ", 1)[1]
    rest = {"x": x, "C": math.exp(coefficients[0]), "t": shape, "a": coefficients[0]}
    if isinstance(law, PowerLawWithPlateau):
        rest |= {"C": coefficients[0], "P": coefficients[1]}
    if isinstance(law, PowerLawWithCorrection):
        rest |= {"A": coefficients[0], "B": coefficients[1]}
    if isinstance(law, ExponentialDecay) and k == 3:
        rest |= {"p": coefficients[2]}
    assert evaluated(law.formula, **(rest | {symbol: score})) == pytest.approx(fitted, rel=1e-12)
