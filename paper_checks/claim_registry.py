"""The claims there are: those of `genlaws.paper_checks.claims` and those that other packages register."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from . import claims as _claims
from .claim import Claim
from .plugins import Plugin, plugins

GROUP = "genlaws.claims"
"""The entry points by which other packages register claims."""


@dataclass(frozen=True, slots=True)
class _Gathered:
    claims: tuple[Claim, ...]
    distributions: Mapping[str, str]
    broken: tuple[str, ...]


def _natural(claim_id: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which A2b comes before A10."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", claim_id)
    )


def _near(word: str, known: Sequence[str]) -> str:
    """A hint naming what may have been meant, or everything there is."""
    if not word:
        return f"known: {', '.join(known) or 'none'}"
    if same := [name for name in known if name.lower() == word.lower()]:
        return f"did you mean {same[0]}?"
    starts = [name for name in known if name.lower().startswith(word.lower())]
    lowered = {name.lower(): name for name in known}
    close = [lowered[match] for match in difflib.get_close_matches(word.lower(), lowered, n=3, cutoff=0.5)]
    near = [name for name in known if name in starts or name in close]
    return f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(known) or 'none'}"


def _built_in() -> dict[str, Claim]:
    home: dict[str, str] = {}
    found: dict[str, Claim] = {}
    for module in iter_modules(_claims.__path__):
        for claim in getattr(import_module(f"{_claims.__name__}.{module.name}"), "CLAIMS", ()):
            if claim.id in home:
                raise ValueError(f"claim {claim.id} is defined twice: in {home[claim.id]} and {module.name}")
            home[claim.id] = module.name
            found[claim.id] = claim
    return found


def _registered(plugin: Plugin) -> tuple[Claim, ...]:
    loaded = plugin.load()
    claims = getattr(loaded, "CLAIMS", None) if isinstance(loaded, ModuleType) else loaded
    if not isinstance(claims, tuple) or not all(isinstance(claim, Claim) for claim in claims):
        kind = type(loaded).__name__
        raise ValueError(f"{plugin} must name a tuple of Claim, or a module with one as CLAIMS, got a {kind}")
    for claim in claims:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", claim.id):
            # they stand in file names, and in commands
            raise ValueError(f"{plugin}: a claim's id is made of letters, digits, _ . -, got {claim.id!r}")
    return claims


@cache
def _gathered() -> _Gathered:
    found = _built_in()
    distributions: dict[str, str] = {}
    broken: list[str] = []
    for plugin in plugins(GROUP):
        try:
            claims = _registered(plugin)
            ids = [claim.id for claim in claims]
            for name in ids:
                if name in found or ids.count(name) > 1:
                    owner = distributions.get(name, "genlaws") if name in found else "itself"
                    raise ValueError(f"{plugin}: claim {name} is already defined by {owner}")
        except ValueError as error:
            broken.append(str(error))
            continue
        found |= {claim.id: claim for claim in claims}
        distributions |= dict.fromkeys(ids, plugin.distribution)
    ordered = sorted(found.values(), key=lambda claim: _natural(claim.id))
    return _Gathered(tuple(ordered), distributions, tuple(broken))


def all_claims() -> tuple[Claim, ...]:
    """Every registered claim, ordered by id.

    A module of `genlaws.paper_checks.claims` registers its claims as ``CLAIMS: tuple[Claim, ...]``; another
    package by an entry point in the group ``genlaws.claims`` that names such a tuple, or a module with one.
    An entry point that is broken is left out whole, see `broken_plugins`.

    Raises
    ------
    ValueError
        If two claims of this package share an id.
    """
    return _gathered().claims


def broken_plugins() -> tuple[str, ...]:
    """One line for each entry point whose claims are left out: which one, of which package, and why."""
    return _gathered().broken


def claim_distributions() -> Mapping[str, str]:
    """Id -> name of the distribution that registers it, for the claims of other packages."""
    return _gathered().distributions


def forget_claims() -> None:
    """Gather the claims anew when next asked, e.g. once another package has been installed."""
    _gathered.cache_clear()


def find_claims(ids: Iterable[str] = (), paper: str | None = None) -> tuple[Claim, ...]:
    """The claims with these ids, in the order asked for and once each.

    Parameters
    ----------
    ids
        Claim ids, e.g. ``["A1a", "E7"]``; none means all, ordered by id.
    paper
        Only the claims of this paper, e.g. ``"martinetz"``.

    Raises
    ------
    ValueError
        If an id or the paper is unknown, or an id belongs to another paper; near matches are named.
    """
    known = all_claims()
    papers = tuple(dict.fromkeys(claim.paper for claim in known))
    if paper is not None and paper not in papers:
        raise ValueError(f"unknown paper {paper!r}; {_near(paper, papers)}")
    by_id = {claim.id: claim for claim in known}
    wanted = tuple(dict.fromkeys(ids))
    for name in wanted:
        if name not in by_id:
            raise ValueError(f"unknown claim {name!r}; {_near(name, tuple(by_id))}")
        if paper is not None and by_id[name].paper != paper:
            raise ValueError(f"claim {name} belongs to paper {by_id[name].paper!r}, not {paper!r}")
    chosen = [by_id[name] for name in wanted] if wanted else known
    return tuple(claim for claim in chosen if paper is None or claim.paper == paper)
