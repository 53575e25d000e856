"""The classifier families that have a name: this package's own, and those that other packages register."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from .plugins import Plugin, plugins

GROUP = "genlaws.families"
"""The entry points by which other packages register families."""

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "binary-perceptron": "genlaws.simulate.binary_perceptron:BinaryPerceptron",
        "drawn-classifiers": "genlaws.simulate.drawn_classifiers:DrawnClassifiers",
        "gaussian-process": "genlaws.simulate.gaussian_process:GaussianProcess",
        "lookup-table": "genlaws.simulate.lookup_table:LookupTable",
        "network": "genlaws.empirical.network_family:NetworkFamily",
        "spherical-perceptron": "genlaws.simulate.spherical_perceptron:SphericalPerceptron",
    }
)
"""Name -> ``"module:class"`` of this package's own families, loaded when they are asked for."""

_PLAIN: Mapping[str, type] = {kind.__name__: kind for kind in (int, float, str, bool)}


@dataclass(frozen=True, slots=True)
class FamilyParameter:
    """What a family is made from, by keyword.

    Attributes
    ----------
    name
        Of the keyword.
    kind
        ``int``, ``float``, ``str`` or ``bool``, as annotated; None for anything else.
    default
        None where it is `required`.
    required
        Whether there is no default.
    """

    name: str
    kind: type | None
    default: Any
    required: bool


@dataclass(frozen=True, slots=True)
class RegisteredFamily:
    """A classifier family that has a name.

    Attributes
    ----------
    name
        E.g. ``"spherical-perceptron"``.
    distribution
        The installed package that registers it.
    revision
        Raised by hand when the science of the family changes, see `ClassifierFamily`.
    make
        Its class, or a function: (keywords) -> `ClassifierFamily`.
    parameters
        Of `make`, in order.
    summary
        First line of its docstring.
    """

    name: str
    distribution: str
    revision: int
    make: Callable[..., Any]
    parameters: tuple[FamilyParameter, ...]
    summary: str


def _parameter(given: inspect.Parameter) -> FamilyParameter:
    # annotations may be strings, of names that only a type checker imports: told apart by name alone
    annotation = given.annotation
    kind = _PLAIN.get(annotation if isinstance(annotation, str) else getattr(annotation, "__name__", ""))
    required = given.default is inspect.Parameter.empty
    return FamilyParameter(given.name, kind, None if required else given.default, required)


def _described(name: str, distribution: str, make: Any, called: str) -> RegisteredFamily:
    if not callable(make):
        raise ValueError(f"{called} must name a class or a function, got a {type(make).__name__}")
    revision = getattr(make, "revision", None)
    if type(revision) is not int or revision < 1:
        raise ValueError(f"{called}: revision must be a whole number from 1, got {revision!r}")
    by_keyword = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(make).parameters.values()
    return RegisteredFamily(
        name=name,
        distribution=distribution,
        revision=revision,
        make=make,
        parameters=tuple(_parameter(given) for given in parameters if given.kind in by_keyword),
        summary=(inspect.getdoc(make) or name).splitlines()[0],
    )


def registered_elsewhere() -> tuple[Plugin, ...]:
    """The entry points of other packages in the group ``genlaws.families``; none is loaded."""
    return plugins(GROUP)


def all_family_names() -> tuple[str, ...]:
    """Every registered name, in alphabetical order; no family is loaded."""
    return tuple(sorted({*BUILT_IN, *(plugin.name for plugin in registered_elsewhere())}))


@cache
def find_family(name: str) -> RegisteredFamily:
    """The family of this name; only this one is loaded.

    A name of this package's own stands for its own family, whatever other packages register.

    Raises
    ------
    ValueError
        If the name is unknown, two packages register it, or what is registered does not load, cannot be
        called or has no revision.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return _described(name, "genlaws", getattr(import_module(module), attribute), f"family {name!r}")
    found = [plugin for plugin in registered_elsewhere() if plugin.name == name]
    if not found:
        raise ValueError(f"unknown family {name!r}; known: {', '.join(all_family_names())}")
    if len(found) > 1:
        owners = " and ".join(plugin.distribution for plugin in found)
        raise ValueError(f"family {name!r} is registered more than once: by {owners}")
    return _described(name, found[0].distribution, found[0].load(), str(found[0]))


def family_revisions(names: Iterable[str]) -> dict[str, int]:
    """Name -> revision of these families, in alphabetical order; only these are loaded.

    Raises
    ------
    ValueError
        As `find_family`.
    """
    return {name: find_family(name).revision for name in sorted(set(names))}
