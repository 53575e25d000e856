"""`LAWS`: the laws that a word names on the command line, and what else each must or may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from genlaws.theory import (
    Constant,
    Divergence,
    EqualWithinMargin,
    ExponentialDecay,
    InteriorPeak,
    Law,
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


@dataclass(frozen=True, slots=True)
class LawOptions:
    """What a law is told besides its score; None and False where nothing is said.

    Attributes
    ----------
    log_y
        Whether y is the natural logarithm of the quantity.
    relative
        Whether differences are logarithms of ratios.
    below
        Whether x lies below the threshold of a divergence.
    correction_exponent
        By how much faster the correction falls.
    prefactor_power
        The power of x before an exponential; ``"free"`` leaves it to the fit.
    threshold
        Where the divergence is; free without it.
    """

    log_y: bool = False
    relative: bool = False
    below: bool = False
    correction_exponent: float | None = None
    prefactor_power: float | Literal["free"] | None = None
    threshold: float | None = None

    @property
    def given(self) -> frozenset[str]:
        """Names of those that say something."""
        said = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        # zero says something: it is not compared with False
        return frozenset(name for name, value in said.items() if value is not None and value is not False)


NO_OPTIONS = LawOptions()
"""A law is told its score alone."""


@dataclass(frozen=True, slots=True)
class NamedLaw:
    """A law that a word names.

    Attributes
    ----------
    about
        Its equation and what its score is.
    made
        (score, options) -> the law that predicts this score.
    takes
        Names of the options that it may be told.
    needs
        Of those, the one that it must be told, if there is one.
    """

    about: str
    made: Callable[[float, LawOptions], Law]
    takes: tuple[str, ...] = ()
    needs: str | None = None


def _correction(score: float, options: LawOptions) -> Law:
    assert options.correction_exponent is not None
    return PowerLawWithCorrection(score, options.correction_exponent)


def _exponential(score: float, options: LawOptions) -> Law:
    power = options.prefactor_power
    return ExponentialDecay(score, None if power == "free" else power or 0.0, log_y=options.log_y)


def _divergence(score: float, options: LawOptions) -> Law:
    return Divergence(score, options.threshold, above=not options.below)


LAWS: Mapping[str, NamedLaw] = {
    "power-law": NamedLaw(
        "y = C x^p; p", lambda score, given: PowerLaw(score, log_y=given.log_y), ("log_y",)
    ),
    "plateau": NamedLaw("y = C x^p + P; p", lambda score, given: PowerLawWithPlateau(score)),
    "correction": NamedLaw(
        "y = A x^p + B x^(p - w); p", _correction, ("correction_exponent",), "correction_exponent"
    ),
    "exponential": NamedLaw("y = C x^q e^(-r x); r", _exponential, ("log_y", "prefactor_power")),
    "logarithmic-growth": NamedLaw("y = a + b ln x; b", lambda score, given: LogarithmicGrowth(score)),
    "logarithmic-decay": NamedLaw("y = C (ln x)^p; p", lambda score, given: LogarithmicDecay(score)),
    "divergence": NamedLaw("y = C |x - t|^(-a); a", _divergence, ("threshold", "below")),
    "linear": NamedLaw("y = a + b x; b", lambda score, given: Linear(score)),
    "constant": NamedLaw("y = c; c", lambda score, given: Constant(score)),
    "upper-bound": NamedLaw(
        "y <= reference; largest excess", lambda score, given: UpperBound(given.relative), ("relative",)
    ),
    "lower-bound": NamedLaw(
        "y >= reference; smallest lead", lambda score, given: LowerBound(given.relative), ("relative",)
    ),
    "equal": NamedLaw(
        "y = reference; farthest difference",
        lambda score, given: EqualWithinMargin(given.relative),
        ("relative",),
    ),
    "above": NamedLaw(
        "y > reference; smallest lead",
        lambda score, given: Ordering(above=True, relative=given.relative),
        ("relative",),
    ),
    "below": NamedLaw(
        "y < reference; largest lead",
        lambda score, given: Ordering(above=False, relative=given.relative),
        ("relative",),
    ),
    "increasing": NamedLaw(
        "y rises with x; largest step down", lambda score, given: Monotone(increasing=True)
    ),
    "decreasing": NamedLaw(
        "y falls with x; largest step up", lambda score, given: Monotone(increasing=False)
    ),
    "peak": NamedLaw("y is largest inside; its x", lambda score, given: InteriorPeak(score)),
}
"""Word -> law."""


def _spoken(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def named_law(name: str, score: float, *, options: LawOptions = NO_OPTIONS) -> Law:
    """The law that a word names.

    Parameters
    ----------
    name : str
        Of `LAWS`.
    score : float
        What it predicts; relations foretell no value, and pass over it.
    options : LawOptions
        Those that the law does not take are passed over; see `check_options`.

    Raises
    ------
    ValueError
        If there is no such law, it must be told more, or what it is told is out of range.
    """
    if name not in LAWS:
        raise ValueError(f"there is no law {name!r}; known: {', '.join(LAWS)}")
    needed = LAWS[name].needs
    if needed is not None and needed not in options.given:
        raise ValueError(f"the law {name} needs {_spoken(needed)}")
    return LAWS[name].made(score, options)


def check_options(names: Sequence[str], options: LawOptions) -> None:
    """Refuse options that none of these laws takes; a logarithm of y must suit all of them.

    Raises
    ------
    ValueError
        If one has no place.
    """
    for option in sorted(options.given):
        taking = [name for name, law in LAWS.items() if option in law.takes]
        strangers = [name for name in names if name not in taking]
        if len(strangers) == len(names) or (option == "log_y" and strangers):
            raise ValueError(
                f"{_spoken(option)} has no meaning for the law {strangers[0]}, but for {', '.join(taking)}"
            )
