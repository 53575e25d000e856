"""The claims this package knows, gathered from the modules of `genlaws.paper_checks.claims`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from . import claims as _claims
from .claim import Claim


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


@cache
def all_claims() -> tuple[Claim, ...]:
    """Every registered claim, ordered by id.

    A module of `genlaws.paper_checks.claims` registers its claims as ``CLAIMS: tuple[Claim, ...]``.

    Raises
    ------
    ValueError
        If two claims share an id.
    """
    home: dict[str, str] = {}
    found: list[Claim] = []
    for module in iter_modules(_claims.__path__):
        for claim in getattr(import_module(f"{_claims.__name__}.{module.name}"), "CLAIMS", ()):
            if claim.id in home:
                raise ValueError(f"claim {claim.id} is defined twice: in {home[claim.id]} and {module.name}")
            home[claim.id] = module.name
            found.append(claim)
    return tuple(sorted(found, key=lambda claim: _natural(claim.id)))


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
