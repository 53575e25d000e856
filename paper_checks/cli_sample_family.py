"""`genlaws sample NAME`: a command for each family of another package, made from its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .cli_sampling import SamplingOptions, sample_and_print, sampling_options
from .command_io import one_clear_line

if TYPE_CHECKING:
    from .family_registry import FamilyParameter, RegisteredFamily
    from .plugins import Plugin


def _option(parameter: FamilyParameter) -> click.Option:
    name = parameter.name.replace("_", "-")
    flag = f"--{name}/--no-{name}" if parameter.kind is bool else f"--{name}"
    kind = None if parameter.kind is bool else parameter.kind
    if parameter.required:
        # a default of None would stand for a value
        return click.Option([flag], type=kind, required=True)
    return click.Option([flag], type=kind, default=parameter.default, show_default=True)


def _made(family: RegisteredFamily, values: dict[str, Any]) -> Any:
    from genlaws.simulate import ClassifierFamily

    made = family.make(**values)
    if not isinstance(made, ClassifierFamily):
        missing = [name for name in dir(ClassifierFamily) if name[0] != "_" and not hasattr(made, name)]
        raise ValueError(
            f"family {family.name!r} of {family.distribution} does not have what a ClassifierFamily has: "
            f"{', '.join(missing)}"
        )
    return made


def _command(family: RegisteredFamily) -> click.Command:
    called = f"family {family.name!r} of {family.distribution}"
    plain = [parameter for parameter in family.parameters if parameter.kind is not None]
    for parameter in family.parameters:
        if parameter.required and parameter.kind is None:
            raise ValueError(
                f"{called} cannot be made on the command line: its parameter {parameter.name!r} is not "
                "annotated as int, float, str or bool"
            )

    @sampling_options(particles=200)
    @one_clear_line
    def run(sampling: SamplingOptions, **values: Any) -> None:
        counts = sampling.checked_counts()
        of = ", ".join(f"{name} {value}" for name, value in values.items())
        sample_and_print(
            _made(family, values),
            counts,
            sampling,
            settings={
                "family": family.name,
                "distribution": family.distribution,
                "revision": family.revision,
                **values,
            },
            title=f"{family.name}{f' ({of})' if of else ''} with zero training error",
        )

    text = f"{family.summary}\n\nFrom {family.distribution}."
    command = click.command(family.name, help=text)(run)
    taken = {"help", *(option.name for option in command.params)}
    for parameter in plain:
        if parameter.name in taken | {"json"}:
            raise ValueError(
                f"{called} cannot be made on the command line: its parameter {parameter.name!r} has the "
                "name of an option of every family"
            )
    command.params[:0] = [_option(parameter) for parameter in plain]
    return command


class _ListedFamily(click.Command):
    """Listed without being loaded: what it takes is known once it is asked for."""

    def __init__(self, plugin: Plugin) -> None:
        super().__init__(plugin.name, short_help=f"Registered by {plugin.distribution}.")
        self._plugin = plugin

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        return self._loaded().make_context(info_name, args, parent, **extra)

    @one_clear_line
    def _loaded(self) -> click.Command:
        from .family_registry import find_family

        family = find_family(self._plugin.name)
        if family.distribution != self._plugin.distribution:
            raise ValueError(f"{self._plugin}: the name is taken by {family.distribution}")
        return _command(family)


class SampleCommands(click.Group):
    """The commands of `genlaws sample`: its own, then one for each family of another package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands; no family is loaded."""
        own = super().list_commands(ctx)
        return [*own, *(name for name in self._families() if name not in own)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; its own come first."""
        return super().get_command(ctx, cmd_name) or self._families().get(cmd_name)

    def _families(self) -> dict[str, click.Command]:
        from .family_registry import registered_elsewhere

        return {plugin.name: _ListedFamily(plugin) for plugin in registered_elsewhere()}
