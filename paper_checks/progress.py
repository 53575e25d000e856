"""Progress of long work on standard error: moving bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from .ledger import Progress


def in_words(seconds: float) -> str:
    """A time to wait, as coarsely as it is known: ``"40 s"``, ``"3 min"``, ``"2 h 10 min"``."""
    if seconds < 100:
        return f"{5 * max(1, round(seconds / 5))} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _time_left(event: Progress) -> str:
    return "" if event.seconds_left is None or event.done == event.total else in_words(event.seconds_left)


@contextmanager
def show_progress(screen: Console) -> Iterator[Callable[[Progress], None] | None]:
    """What `run_claims` should call: a line for each verdict, and bars on a terminal; None when quiet."""
    if screen.quiet:
        yield None
    elif screen.is_terminal:
        with _bars(screen) as move:
            yield move
    else:
        yield lambda event: _news(screen, event)


def _news(screen: Console, event: Progress) -> None:
    """A line for a verdict, and one for a file that is damaged."""
    if event.damaged is not None:
        screen.print(f"{event.damaged}; measured anew", style="yellow", soft_wrap=True, markup=False)
    if event.verdict is not None:
        left = _time_left(event)
        done = f"{event.seconds:.1f} s; {event.done} of {event.total} units"
        said = f"{event.claim} {event.source}: {event.verdict.verdict}"
        if event.job_total:
            said += f" ({done}{f', about {left} left' if left else ''})"
        screen.print(said, soft_wrap=True, markup=False)


@contextmanager
def _bars(screen: Console) -> Iterator[Callable[[Progress], None]]:
    """One bar for the run, and one for each claim that has begun and is not done."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", style="dim"),
    )
    with Bar(*columns, console=screen, transient=True) as bar:
        overall = bar.add_task("all claims", total=None, left="")
        begun: dict[tuple[str, str], TaskID] = {}

        def move(event: Progress) -> None:
            _news(screen, event)
            left = _time_left(event)
            bar.update(
                overall,
                completed=event.done,
                total=event.total,
                left=f"about {left} left" if left else "",
            )
            job = (event.claim, event.source)
            if event.job_done < event.job_total:
                if job not in begun:
                    begun[job] = bar.add_task(f"{event.claim} {event.source}", total=event.job_total, left="")
                bar.update(begun[job], completed=event.job_done)
            elif job in begun:
                bar.remove_task(begun.pop(job))

        yield move


@contextmanager
def show_share(screen: Console, what: str) -> Iterator[Callable[[float], None] | None]:
    """What a sampler should call with the share of its work done: moves a bar; None without a terminal."""
    if screen.quiet or not screen.is_terminal:
        yield None
        return
    from rich.progress import (
        BarColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda done: bar.update(task, completed=done)
