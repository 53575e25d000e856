"""Progress of long work on standard error: a moving bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from .runs import Progress


@contextmanager
def show_progress(screen: Console) -> Iterator[Callable[[Progress], None] | None]:
    """What `run_claims` should call: moves a bar, or prints one line for each verdict; None when quiet."""
    if screen.quiet:
        yield None
        return
    if not screen.is_terminal:

        def line(event: Progress) -> None:
            if event.verdict is not None:
                screen.print(
                    f"{event.claim} {event.verdict.source}: {event.verdict.verdict} "
                    f"({event.seconds:.1f} s; {event.done} of {event.total} units)",
                    soft_wrap=True,
                )

        yield line
        return

    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("measuring", total=None)

        def move(event: Progress) -> None:
            bar.update(task, completed=event.done, total=event.total, description=f"measuring {event.claim}")

        yield move


@contextmanager
def show_share(screen: Console, what: str) -> Iterator[Callable[[float], None] | None]:
    """What a sampler should call with the share of its work done: moves a bar; None without a terminal."""
    if screen.quiet or not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda done: bar.update(task, completed=done)
