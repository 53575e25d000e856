"""`genlaws margin`: the largest margin of one's own data, and how gradient descent nears it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import click

from .cli_sampling import quiet_option, seed_option
from .command_io import check_target, console, emit, json_option, one_clear_line, table
from .option_bundle import option_bundle

if TYPE_CHECKING:
    from rich.console import Console

    from genlaws.simulate.homogeneous_network import Activation, Loss, Normalization

    from .margin_flow import FlowSettings, FollowedMargin
    from .margin_outlook import MarginOutlook
    from .two_classes import TwoClasses

_POSITIVE = click.FloatRange(min=0.0, min_open=True)
_LAST_WORDS = "interrupted; nothing was kept"


@dataclass(frozen=True, slots=True)
class _ExampleOptions:
    """Which examples are separated."""

    label: str | None
    classes: str | None
    examples: int | None
    preprocess: str
    bias: bool
    download: bool

    def read(self, data: str, seed: int) -> TwoClasses:
        """The examples, of two classes."""
        from .two_classes import read_two_classes

        return read_two_classes(
            data,
            label=self.label,
            classes=self.classes,
            examples=self.examples,
            preprocess=self.preprocess,
            bias=self.bias,
            download=self.download,
            rng=seed,
        )


@dataclass(frozen=True, slots=True)
class _DescentOptions:
    """How far gradient descent goes."""

    loss: str
    steps: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class _FlowOptions:
    """Whether a flow is followed, and of which network."""

    flow: bool
    hidden_layers: int
    width: int
    activation: str
    normalization: str
    scale: float
    log_time: float
    tolerance: float

    def settings(self, loss: str) -> FlowSettings | None:
        """What to follow; None where nothing is."""
        from .margin_flow import FlowSettings

        if not self.flow:
            return None
        return FlowSettings(
            hidden_layers=self.hidden_layers,
            width=self.width,
            activation=cast("Activation", self.activation),
            loss=cast("Loss", loss),
            normalization=cast("Normalization", self.normalization),
            scale=self.scale,
            log_time=self.log_time,
            tolerance=self.tolerance,
        )


_example_options = option_bundle(
    _ExampleOptions,
    click.option("--label", metavar="COLUMN", help="Of the labels, by name or number; else the last."),
    click.option("--classes", metavar="A,B", help="Where there are more than two."),
    click.option("--examples", type=click.IntRange(min=2), help="So many, at random; else all."),
    click.option(
        "--preprocess", default="none", show_default=True, help="center, unit-norm, none, center+unit-norm."
    ),
    click.option(
        "--bias", is_flag=True, help="Append a constant 1 to all inputs: its weight is a threshold."
    ),
    click.option("--download", is_flag=True, help="Fetch mnist, fashion or cifar10 if it is not here yet."),
)
_descent_options = option_bundle(
    _DescentOptions,
    click.option(
        "--loss",
        type=click.Choice(["exponential", "logistic"]),
        default="exponential",
        show_default=True,
        help="Summed over the examples.",
    ),
    click.option(
        "--steps",
        type=click.IntRange(min=1),
        default=1_000_000,
        show_default=True,
        help="Of gradient descent, to say how far it comes.",
    ),
    click.option(
        "--rate", type=_POSITIVE, help="Its learning rate; else 1 / (largest singular value of the inputs)^2."
    ),
)
_flow_options = option_bundle(
    _FlowOptions,
    click.option("--flow", is_flag=True, help="Follow the gradient flow in ln t, and show it beside theory."),
    click.option(
        "--hidden-layers",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Of the network that is followed; 0: a linear classifier.",
    ),
    click.option(
        "--width", type=click.IntRange(min=1), default=10, show_default=True, help="Of each of them."
    ),
    click.option(
        "--activation",
        type=click.Choice(["linear", "relu", "square", "cube"]),
        default="relu",
        show_default=True,
        help="Of their units.",
    ),
    click.option(
        "--normalization",
        type=click.Choice(["none", "layers", "units", "exponential"]),
        default="none",
        show_default=True,
        help="Weights move; or norms and directions of layers (weight normalization); or of units; or "
        "directions and logarithms of norms of units.",
    ),
    click.option(
        "--scale", type=_POSITIVE, default=1.4, show_default=True, help="Of Gaussian weights at the start."
    ),
    click.option(
        "--log-time",
        type=click.FloatRange(min=2.0, max=1e6),
        default=1e4,
        show_default=True,
        help="The last ln t.",
    ),
    click.option(
        "--tolerance",
        type=click.FloatRange(min=1e-12, max=1e-2),
        default=1e-8,
        show_default=True,
        help="Of weights in each step of the flow.",
    ),
)


def _outlook(examples: TwoClasses, options: _DescentOptions, needed: bool) -> MarginOutlook | None:
    """The outlook; None where no linear classifier separates and none is `needed`."""
    import numpy as np

    from genlaws.simulate import largest_margin

    from .margin_outlook import margin_outlook

    rows = examples.rows
    try:
        largest_margin(rows)
    except ValueError:
        if not np.all(np.any(rows != 0.0, axis=1)):
            raise ValueError(f"{examples.name}: an example is all zeros, and has no margin") from None
        if not needed:
            return None
        helps = (
            "--flow with --hidden-layers follows a network that might"
            if "bias" in examples.preprocess
            else "--bias adds a threshold; --flow with --hidden-layers follows a network that might"
        )
        raise ValueError(
            f"no linear classifier through the origin separates {examples.classes[0]} and "
            f"{examples.classes[1]} of {examples.name} ({helps})"
        ) from None
    return margin_outlook(examples, steps=options.steps, rate=options.rate, loss=cast("Loss", options.loss))


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100.0 * share:.6g}"


def _degrees(angle: float) -> str:
    return "-" if math.isnan(angle) else f"{math.degrees(angle):.4g}"


def _show(screen: Console, followed: FollowedMargin) -> None:
    """A row for each decade of ln t."""
    import numpy as np

    flow, times = followed.flow, followed.flow.log_times
    decades = [10.0**k for k in range(int(math.log10(times[-1]) + 1e-9) + 1)]
    rows = sorted({int(np.argmin(np.abs(np.log(times / at)))) for at in [*decades, times[-1]]})
    columns: dict[str, list[str]] = {
        "ln t": [f"{times[i]:.4g}" for i in rows],
        "ln loss": [f"{flow.log_loss[i]:.6g}" for i in rows],
        "norms": [" ".join(f"{norm:.4g}" for norm in flow.norms[i]) for i in rows],
    }
    if followed.best is None:
        columns["margin"] = [f"{flow.margin[i]:.6g}" for i in rows]
        columns["smoothed"] = [f"{flow.smoothed_margin[i]:.6g}" for i in rows]
        columns["degrees to\nwhere it ends"] = [_degrees(followed.angles[i]) for i in rows]
    else:
        columns["margin, %\nof largest"] = [_percent(flow.margin[i] / followed.best) for i in rows]
        if followed.expected_margin is not None:
            columns["theory"] = [_percent(followed.expected_margin[i] / followed.best) for i in rows]
        columns["smoothed"] = [_percent(flow.smoothed_margin[i] / followed.best) for i in rows]
        columns["degrees\nto best"] = [_degrees(followed.angles[i]) for i in rows]
        if followed.expected_angle is not None:
            columns["theory "] = [_degrees(followed.expected_angle[i]) for i in rows]
    screen.print(table(f"Gradient flow of a {followed.settings.in_words()}", columns))


def _follow(
    examples: TwoClasses, settings: FlowSettings, outlook: MarginOutlook | None, seed: int, screen: Console
) -> FollowedMargin:
    from .interruption import prompt_interruption
    from .margin_flow import follow_margin
    from .progress import show_share

    with prompt_interruption(lambda: _LAST_WORDS), show_share(screen, "following the flow") as move:
        try:
            return follow_margin(examples, settings, outlook=outlook, rng=seed, progress=move)
        except ValueError as error:
            raise ValueError(f"{error} (another --seed or more --width may help)") from None
        except RuntimeError as error:
            # more evaluations than it allows itself, or an integrator that gives up
            raise ValueError(
                f"the flow cannot be followed to --log-time {settings.log_time:g}: {error}"
            ) from None


@click.command(short_help="The largest margin of your data, and how gradient descent nears it.")
@click.argument("data")
@_example_options
@_descent_options
@_flow_options
@seed_option
@quiet_option
@json_option
@click.option("--png", metavar="FILE", help="Draw the flow (the ending decides: .png, .svg or .pdf).")
@click.pass_context
@one_clear_line
def margin(
    context: click.Context,
    chosen: _ExampleOptions,
    descent: _DescentOptions,
    options: _FlowOptions,
    data: str,
    seed: int,
    quiet: bool,
    target: str | None,
    png: str | None,
) -> None:
    """What training past zero error does to a classifier of your data.

    DATA is a table (.csv, .tsv, .npy) with an example in each row and its label in the last column, an .npz,
    or images: mnist5k, mnist:PATH, cifar10:PATH, ... It says what the largest margin is, which examples hold
    it, and how slowly gradient descent on an exponential loss nears it (arXiv:1710.10345); with --flow it
    follows that, for linear classifiers and for networks (arXiv:1906.05890, arXiv:1903.04991).
    """
    for path in (target, png):
        check_target(path)
    if png is not None:
        from .pictures import check_picture

        check_picture(png)
    if not options.flow and (png is not None or options.hidden_layers > 0 or options.normalization != "none"):
        raise click.UsageError("--hidden-layers, --normalization and --png need --flow")

    from .interruption import EXIT_STATUS
    from .serialize import SCHEMA_VERSION, json_ready

    settings = options.settings(descent.loss)
    examples = chosen.read(data, seed)
    outlook = _outlook(examples, descent, needed=settings is None or settings.linear)
    screen = console(quiet)
    said = (
        (f"No linear classifier through the origin separates {examples.name}.",)
        if outlook is None
        else outlook.sentences()
    )
    for sentence in said:
        screen.print(sentence, soft_wrap=True, markup=False)
    followed = None
    if settings is not None:
        try:
            followed = _follow(examples, settings, outlook, seed, screen)
        except KeyboardInterrupt:
            click.echo(_LAST_WORDS, err=True)
            context.exit(EXIT_STATUS)
        for sentence in followed.sentences():
            screen.print(sentence, soft_wrap=True, markup=False)
        _show(screen, followed)
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "data": examples.to_dict(),
        "seed": seed,
        "loss": descent.loss,
        "separable": outlook is not None,
        "largest_margin": None if outlook is None else outlook.to_dict(),
        "flow": None if followed is None else followed.to_dict(),
        "sentences": [*said, *(() if followed is None else followed.sentences())],
    }
    # before the picture: a picture that fails must not cost the numbers
    emit(json_ready(document), target)
    if png is not None and followed is not None:
        from .margin_plots import plot_margin_flow
        from .pictures import save_picture

        title = f"{examples.name}: {followed.settings.in_words()}"
        save_picture(plot_margin_flow(followed, title=title), png)
