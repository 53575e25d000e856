"""`genlaws sweep`: networks of many sizes, trained on the same examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .cli_images import ImageOptions, image_options
from .cli_sampling import quiet_option, seed_option
from .cli_work import WorkOptions, work_options
from .command_io import (
    check_target,
    console,
    emit,
    json_option,
    one_clear_line,
    parse_counts,
    points_option,
    table,
)
from .option_bundle import option_bundle

if TYPE_CHECKING:
    from rich.console import Console

    from genlaws.empirical import WidthMeasures, WidthProtocol, WidthSweep, ZeroLossThreshold
    from genlaws.simulate import SeedEstimate

    from .width_sweep_run import SweepPlan, SweepProgress


@dataclass(frozen=True, slots=True)
class _SweepOptions:
    """Which networks are trained, and how."""

    widths: str
    points: int
    hidden_layers: int
    examples: int
    networks: int
    rate_factor: float
    max_steps: int

    def checked_widths(self) -> tuple[int, ...]:
        widths = tuple(parse_counts(self.widths, self.points, "--widths"))
        if widths[0] < 1:
            raise ValueError(f"--widths must be at least 1, got {widths[0]}")
        return widths

    def protocol(self) -> WidthProtocol:
        from genlaws.empirical import WidthProtocol

        return WidthProtocol(
            hidden_layers=self.hidden_layers, rate_factor=self.rate_factor, max_steps=self.max_steps
        )


_sweep_options = option_bundle(
    _SweepOptions,
    click.option("--widths", required=True, metavar="H", help="Like 10,30,100, or log-spaced like 10:100."),
    points_option(default=8),
    click.option("--hidden-layers", type=click.IntRange(min=1), default=5, show_default=True),
    click.option("--examples", type=click.IntRange(min=1), required=True, help="Size of the training set."),
    click.option(
        "--networks", type=click.IntRange(min=1), default=20, show_default=True, help="At each width."
    ),
    click.option(
        "--rate-factor",
        type=float,
        default=1.0,
        show_default=True,
        help="Multiplies the learning rate, min(0.1 h^-1.5, 1e-4) at width h; 10 takes a tenth of the steps.",
    ),
    click.option(
        "--max-steps",
        type=click.IntRange(min=0),
        default=100_000,
        show_default=True,
        help="Steps after which a network is given up.",
    ),
)


@click.group(short_help="Train networks of many sizes on the same examples.")
def sweep() -> None:
    """Train networks of many sizes on the same examples, and measure what changes with the size."""


def _share(estimate: SeedEstimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:.3f}"


def _share_with_error(estimate: SeedEstimate | None) -> str:
    if estimate is None or estimate.se is None:
        return _share(estimate)
    return f"{estimate.value:.3f} ± {estimate.se:.3f}"


def _number(value: float, digits: int) -> str:
    return f"{value:,.0f}" if value >= 10**digits else f"{value:.{digits}g}"


def _number_with_error(estimate: SeedEstimate | None) -> str:
    if estimate is None:
        return "-"
    error = "" if estimate.se is None else f" ± {_number(estimate.se, 1)}"
    return _number(estimate.value, 3) + error


def _show(screen: Console, measures: tuple[WidthMeasures, ...], title: str, cut: ZeroLossThreshold) -> None:
    columns = {
        "width": [f"{m.width:,}" for m in measures],
        "N": [f"{m.parameters:,}" for m in measures],
        "zero loss": [f"{m.reached} of {m.networks}" for m in measures],
        "steps": ["-" if m.steps is None else f"{m.steps:,.0f}" for m in measures],
        "test error": [_share_with_error(m.error) for m in measures],
        "early": [_share(m.early_error) for m in measures],
        "ensemble": [_share(m.ensemble_errors[-1] if m.ensemble_errors else None) for m in measures],
        "fluctuation": [_number_with_error(m.squared_fluctuation) for m in measures],
        "boundary": [_share(m.boundary_distance_ratio) for m in measures],
    }
    screen.print(table(title, columns))
    if cut.parameters is None:
        screen.print("N*: at no width do half of the networks reach zero loss (--max-steps, --rate-factor)")
    elif cut.below is None:
        screen.print(f"N*: at most {cut.parameters:,} parameters; all widths reach zero loss")
    else:
        screen.print(f"N*: between {cut.below:,} and {cut.parameters:,} parameters")
    screen.print(
        "N: parameters. Steps: median. Errors: mean ± standard error over networks; early: at the step of "
        "least test error; ensemble: of the mean output of all. Fluctuation: squared distance of an output "
        "from the mean of infinitely many. Boundary: distance from that of the mean, by the gradient.",
        style="dim",
    )


def _lines(screen: Console) -> Callable[[SweepProgress], None]:
    """One line for each width that is done, and for each damaged file of the store."""

    def line(event: SweepProgress) -> None:
        if event.damaged is not None:
            screen.print(f"{event.damaged}; trained anew", style="yellow", soft_wrap=True, markup=False)
        elif event.width_done and not screen.is_terminal:
            known = " (in the store)" if event.stored else ""
            screen.print(f"width {event.width} done{known}; {event.done} of {event.total} units")

    return line


def _carry_out(plan: SweepPlan, work: WorkOptions, screen: Console) -> WidthSweep:
    from .interruption import prompt_interruption
    from .progress import show_share
    from .width_sweep_run import run_width_sweep

    store, say = work.store(), _lines(screen)
    with (
        prompt_interruption(work.last_words),
        work.pool() as used,
        show_share(screen, "training networks") as move,
    ):

        def tell(event: SweepProgress) -> None:
            say(event)
            if move is not None:
                move(event.done / event.total)

        return run_width_sweep(
            plan, store=store, executor=used.executor, in_flight=used.in_flight, progress=tell
        )


def _document(result: WidthSweep) -> dict[str, Any]:
    from .serialize import SCHEMA_VERSION, json_ready

    document: dict[str, Any] = json_ready(result.to_dict())
    return document | {"schema_version": SCHEMA_VERSION}


def _save_outputs(result: WidthSweep, path: str) -> None:
    import io

    import numpy as np

    from .atomic_write import atomic_write

    arrays = {"labels": result.labels, "training_labels": result.training_labels}
    for ensemble in result:
        arrays |= {f"{name}_{ensemble.width}": getattr(ensemble, name) for name in ensemble.columns()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    atomic_write(path, buffer.getvalue())


@sweep.command(short_help="Fully connected networks of many widths.")
@image_options
@_sweep_options
@seed_option
@work_options
@quiet_option
@json_option
@click.option(
    "--outputs", metavar="FILE", help="Write the outputs of every network as a numpy archive, .npz."
)
@click.option(
    "--png", metavar="FILE", help="Draw errors and fluctuation by parameters (.png, .svg or .pdf decides)."
)
@click.pass_context
@one_clear_line
def width(
    context: click.Context,
    chosen: ImageOptions,
    options: _SweepOptions,
    work: WorkOptions,
    seed: int,
    quiet: bool,
    target: str | None,
    outputs: str | None,
    png: str | None,
) -> None:
    """Train ensembles of fully connected ReLU networks of each width until their loss is zero.

    The protocol is that of Geiger et al. (arXiv:1901.01608): orthogonal starts, quadratic hinge, Adam on all
    examples; their images are 10 principal components of MNIST (--pca 10). What comes out: error, ensemble
    error, fluctuation between networks, distance of decision boundaries, and N*, the number of parameters
    from which on networks reach zero loss.
    """
    check_target(target)
    for path in (outputs, png):
        check_target(path)
    if png is not None:
        from .pictures import check_picture

        check_picture(png)
    widths, protocol = options.checked_widths(), options.protocol()
    from .interruption import EXIT_STATUS
    from .width_sweep_run import SweepFailedError, SweepPlan

    plan = SweepPlan(
        images=chosen,
        examples=options.examples,
        widths=widths,
        networks=options.networks,
        protocol=protocol,
        seed=seed,
        device=work.device_kind(),
    )
    screen = console(quiet)
    try:
        result = _carry_out(plan, work, screen)
    except KeyboardInterrupt:
        click.echo(work.last_words(), err=True)
        context.exit(EXIT_STATUS)
    except SweepFailedError as error:
        click.echo(f"Error: {error}", err=True)
        context.exit(1)
    depth = f"{options.hidden_layers} hidden layer{'' if options.hidden_layers == 1 else 's'}"
    depth += f", {options.examples:,} image{'' if options.examples == 1 else 's'}"
    title = f"{chosen.task} on {chosen.data}: {options.networks:,} networks of each width, {depth}"
    measures, cut = result.measures(), result.threshold()
    _show(screen, measures, title, cut)
    # before the picture: a picture that fails must not cost the numbers
    emit(_document(result), target)
    if outputs is not None:
        _save_outputs(result, outputs)
    if png is not None:
        from .pictures import save_picture
        from .sweep_plots import plot_width_sweep

        save_picture(plot_width_sweep(measures, cut, title=f"{chosen.task} on {chosen.data}, {depth}"), png)
