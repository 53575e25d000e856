"""`no_counterexample`: looks for the simplest example that breaks a property, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .hypothesis_extra import (
    FailedHealthCheck,
    Flaky,
    HealthCheck,
    HypothesisException,
    NoSuchExample,
    Phase,
    SearchStrategy,
    Settings,
    currently_in_test_context,
    find,
)
from .hypothesis_extra import strategies as st

Example = Mapping[str, Any]
Parameters = SearchStrategy[Any] | Mapping[str, Any] | None

_INDENT = "\n  "


@dataclass(frozen=True, slots=True)
class Breach:
    """What was expected of an example, what was found instead, and further lines that help to see why."""

    expected: str
    found: str
    notes: tuple[str, ...] = ()


def shown(value: object) -> str:
    """A value in a few words: numbers to six digits, long arrays cut short."""
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    with np.printoptions(threshold=8, edgeitems=2, precision=6):
        return " ".join(repr(value).split())


def name_of(formula: object) -> str:
    """What messages call a formula: its own name, or that of its kind where it has none."""
    name = getattr(formula, "__name__", type(formula).__name__)
    return "the formula" if name == "<lambda>" else str(name)


def _drawn(parameters: Parameters) -> SearchStrategy[Any]:
    """Strategy of the keyword arguments of a formula."""
    if parameters is None:
        return st.just({})
    if isinstance(parameters, SearchStrategy):
        return parameters
    if not isinstance(parameters, Mapping):
        raise TypeError(
            "parameters must be a mapping of names to strategies or values, or a strategy of mappings, "
            f"got {type(parameters).__name__}"
        )
    return st.fixed_dictionaries(
        {
            name: value if isinstance(value, SearchStrategy) else st.just(value)
            for name, value in parameters.items()
        }
    )


def _refuse_given() -> None:
    # hypothesis would complain of nested @given tests, of which the user wrote only one (old ones never did)
    suppressed = Settings().suppress_health_check
    minded = any(check.name == "nested_given" and check not in suppressed for check in HealthCheck)
    if minded and currently_in_test_context():
        raise FailedHealthCheck(
            "this check draws examples of its own, so it cannot be called in a test with @given: take @given "
            "away, and give what it drew to the check, as parameters={name: strategy}"
        )


def no_counterexample(
    claim: str,
    breach: Callable[[Example, Example], Breach | None],
    parameters: Parameters,
    profile: Settings | None,
    *,
    places: Mapping[str, SearchStrategy[Any]] | None = None,
    told: tuple[str, ...] = (),
) -> None:
    """Raise AssertionError if an example breaks the claim, with the simplest that was found.

    Parameters
    ----------
    claim : str
        What does not hold then, e.g. ``"f does not scale as x^-1"``.
    breach : callable
        Parameters of a formula, and the place where it is looked at -> what breaks there, None if nothing
        does. An exception counts as a breach.
    parameters : mapping, strategy or None
        Names to strategies or fixed values, or a strategy that draws such a mapping of values.
    profile : hypothesis.settings or None
        None: the loaded profile. Deadlines are always off, as a first call may compile.
    places : mapping of str to strategy, optional
        What a place is made of.
    told : tuple of str, optional
        Names in a place that the message gives beside the parameters.

    Raises
    ------
    AssertionError
        If there is a counterexample.
    TypeError
        If `parameters` is neither a strategy nor a mapping.
    hypothesis.errors.FailedHealthCheck
        In a test with ``@given``, unless its settings suppress ``HealthCheck.nested_given``.
    """
    _refuse_given()
    raised: list[Exception] = []

    def judged(example: tuple[Example, Example]) -> Breach | None:
        raised.clear()
        try:
            return breach(*example)
        except HypothesisException:
            raise
        except Exception as error:
            raised.append(error)
            return Breach("an answer", f"{type(error).__name__}: {error}")

    examples = st.tuples(_drawn(parameters), st.fixed_dictionaries(dict(places or {})))
    loaded = Settings() if profile is None else profile
    phases = tuple(phase for phase in loaded.phases if phase != Phase.explain)
    # examples are stored by the code that judges them, which here is the same for all formulas
    quiet = Settings(loaded, deadline=None, phases=phases, database=None)
    try:
        example = find(examples, lambda each: judged(each) is not None, settings=quiet)
        found = judged(example)
    except NoSuchExample:
        return
    except Flaky:
        found = None
    if found is None:
        raise AssertionError(f"{claim}, or only sometimes: asked again, it answers differently")
    given, place = example
    shown_ones = {**given, **{name: place[name] for name in told}}
    lines = [f"simplest example: {', '.join(f'{name}={shown(value)}' for name, value in shown_ones.items())}"]
    lines = (lines if shown_ones else []) + [f"expected: {found.expected}", f"found: {found.found}"]
    raise AssertionError(_INDENT.join((claim, *lines, *found.notes))) from (raised[0] if raised else None)
