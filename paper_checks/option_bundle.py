"""Command-line options that belong together and reach a command as one frozen dataclass."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any

Command = Callable[..., None]


def option_bundle(kind: type[Any], *options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """A decorator that adds `options` to a command and hands it their values as one `kind`.

    Parameters
    ----------
    kind : type
        A dataclass with one field for each option, of the option's name.
    *options : decorators
        Made by ``click.option``, in the order in which help lists them.

    Returns
    -------
    callable
        Several bundles reach the command as positional arguments, in the order in which they decorate it.
    """
    names = [field.name for field in fields(kind)]

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def run(*bundles: Any, **values: Any) -> None:
            bundle = kind(**{name: values.pop(name) for name in names})
            command(*bundles, bundle, **values)

        decorated: Command = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return add
