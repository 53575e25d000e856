"""What a result was made with: versions, machine, commit. It is recorded, and decides nothing."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def versions(*, networks: bool, plugins: Iterable[str] = ()) -> dict[str, str]:
    """Of Python, of this package and of what it computes with; of torch where networks are measured.

    `plugins` are the distributions of other people whose claims are checked.
    """
    found = {"python": platform.python_version()}
    ours = ("genlaws", "numpy", "scipy", "numba", "statsmodels", *(["torch"] if networks else []))
    for name in (*ours, *sorted(set(plugins))):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def commit() -> str | None:
    """Of the source tree this package runs from; None where it is an installed release."""
    room = Path(__file__).resolve().parent
    # an environment may lie inside the tree of another project, whose commit says nothing about ours
    if not (room.parent / "pyproject.toml").is_file():
        return None
    try:
        asked = subprocess.run(
            ["git", "-C", str(room), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
