"""What all commands share: how they read numbers, write JSON and say what is wrong in one line."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

_P = ParamSpec("_P")
_T = TypeVar("_T")


class BadInput(click.ClickException):
    """Something the user can put right: one line, exit status 2."""

    exit_code = 2


def one_clear_line(command: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let ValueError, OSError and want of memory end in one line; anything else is a defect and shows."""

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return command(*args, **kwargs)
        except BrokenPipeError:
            raise
        except (ValueError, OSError) as error:
            raise BadInput(" ".join(str(error).split()) or type(error).__name__) from error
        except MemoryError as error:
            raise BadInput(f"not enough memory: {' '.join(str(error).split()) or 'ask for less'}") from error

    return run


def _count(text: str) -> int:
    # 1e6 is how people write a million; 2.5 examples there are not
    value = float(text)
    if not value.is_integer() or value < 0 or value > 1e15:
        raise ValueError(text)
    return int(value)


def parse_counts(text: str, points: int, option: str) -> list[int]:
    """Whole numbers from ``"50,100,200"``, ``"1:1000000"`` or a mixture, increasing and without repeats.

    ``a:b`` stands for up to `points` whole numbers, log-spaced, both ends included.

    Raises
    ------
    ValueError
        If a part is no whole number from 0 to 1e15, or a range does not rise from 1 or more.
    """
    import numpy as np

    counts: set[int] = set()
    for part in text.split(","):
        ends = part.strip().split(":")
        try:
            numbers = [_count(end) for end in ends]
        except ValueError:
            numbers = []
        if len(numbers) == 1:
            counts.add(numbers[0])
        elif len(numbers) == 2 and 1 <= numbers[0] <= numbers[1] and points >= 2:
            low, high = numbers
            spaced = np.rint(np.geomspace(low, high, points)).astype(np.int64)
            counts.update({low, high}, spaced.tolist())
        else:
            raise ValueError(
                f"{option} must be whole numbers like 50,100,200 or a range like 1:1000000, up to 1e15, "
                f"got {text!r}"
            )
    return sorted(counts)


def console(quiet: bool = False) -> Console:
    """Where tables and progress go: standard error, or nowhere."""
    from rich.console import Console

    screen = Console(stderr=True, quiet=quiet, highlight=False)
    if not screen.is_terminal and "COLUMNS" not in os.environ:
        screen.width = 110  # a log has no edge to wrap at
    return screen


def check_target(target: str | None) -> None:
    """Refuse a place for JSON that cannot be written to, before any work is done for it."""
    if target is not None and target != "-":
        from .atomic_write import check_writable

        check_writable(target)


def emit(document: Mapping[str, Any], target: str | None) -> None:
    """Write `document` as JSON to `target`: a path, ``"-"`` for standard output, None for nowhere."""
    if target is None:
        return
    from .serialize import json_text

    text = json_text(document)
    if target == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        from .atomic_write import atomic_write

        atomic_write(target, text)


def points_option(default: int) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """The option ``--points``: how many numbers a range ``a:b`` of `parse_counts` stands for."""
    return click.option(
        "--points",
        type=click.IntRange(min=2, max=100_000),
        default=default,
        show_default=True,
        help="In a range a:b.",
    )


def check_eps(eps: float | None) -> None:
    """Refuse an ``--eps`` that is no error between guessing never and always wrong."""
    if eps is not None and not 0.0 < eps < 1.0:
        raise ValueError(f"--eps must lie in (0, 1), got {eps:g}")


def json_option(command: Callable[_P, _T]) -> Callable[_P, _T]:
    """The option ``--json PATH|-``, the same for every command."""
    return click.option(
        "--json",
        "target",
        metavar="PATH|-",
        help="Write the result as JSON; - is standard output.",
    )(command)


def table(title: str, columns: Mapping[str, Sequence[str]]) -> Any:
    """A rich table of columns of text, numbers to the right."""
    from rich import box
    from rich.table import Table

    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right", no_wrap=True)
    for row in zip(*columns.values(), strict=True):
        made.add_row(*row)
    return made
