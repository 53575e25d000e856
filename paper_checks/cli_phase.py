"""`genlaws phase`: to which depth networks train and generalize, and what that means for one of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from .cli_sampling import quiet_option, seed_option
from .command_io import check_target, console, emit, json_option, one_clear_line, table
from .option_bundle import option_bundle

if TYPE_CHECKING:
    from rich.console import Console

    from genlaws.empirical import ClassificationTask, PhaseMap
    from genlaws.theory import PhaseDiagram

    from .phase_outlook import Accuracy, Outlook


@dataclass(frozen=True, slots=True)
class _DiagramOptions:
    """Which networks, and what is drawn of their phases."""

    activation: str
    bias_variance: float
    weight_variances: str
    points: int
    max_hidden_layers: int
    rows: int
    scales: float

    def checked_weight_variances(self) -> list[float]:
        """Evenly spaced over the range, both ends included."""
        import numpy as np

        try:
            low, high = (float(end) for end in self.weight_variances.split(":"))
        except ValueError:
            low = high = math.nan
        if not 0.0 < low < high < math.inf:
            raise ValueError(
                "--weight-variances must be a rising range of positive numbers like 0.5:3, "
                f"got {self.weight_variances!r}"
            )
        return [float(f"{value:.12g}") for value in np.linspace(low, high, self.points)]

    def depths(self) -> list[int]:
        """Layers of weights of the rows of a map, evenly spaced."""
        import numpy as np

        hidden = np.linspace(1, self.max_hidden_layers, min(self.rows, self.max_hidden_layers))
        return sorted({round(count) + 1 for count in hidden})


@dataclass(frozen=True, slots=True)
class _QuestionOptions:
    """The network that is asked about."""

    weight_variance: float | None
    hidden_layers: int | None

    def checked(self) -> tuple[float, int] | None:
        """Weight variance and hidden layers; None where nothing is asked."""
        if (self.weight_variance is None) != (self.hidden_layers is None):
            raise click.UsageError("give --weight-variance and --hidden-layers together, or neither")
        if self.weight_variance is None or self.hidden_layers is None:
            return None
        return self.weight_variance, self.hidden_layers


@dataclass(frozen=True, slots=True)
class _MapOptions:
    """Which images accuracies are measured on, which networks learn them, and for how long."""

    data: str | None
    task: str
    examples: int
    heldout: int
    steps: int
    width: int | None
    map_file: str | None
    device: str
    download: bool

    def choose(self, seed: int) -> ClassificationTask:
        """The images, less their mean."""
        from genlaws.empirical import classification_task, load_images

        assert self.data is not None
        images = load_images(self.data, download=self.download)
        return classification_task(images, self.task, preprocess="center", rng=seed)

    def last_words(self) -> str:
        """What to say when the work is interrupted."""
        if self.map_file is None:
            return "interrupted; nothing was kept (with --map FILE the next run goes on from here)"
        return f"interrupted; what was measured is in {self.map_file}: give the same command again to go on"


_diagram_options = option_bundle(
    _DiagramOptions,
    click.option(
        "--activation",
        type=click.Choice(["erf", "tanh"]),
        default="erf",
        show_default=True,
        help="Of bounded units, which have both phases.",
    ),
    click.option(
        "--bias-variance",
        type=click.FloatRange(min=0.0, min_open=True),
        default=0.18,
        show_default=True,
        help="Variance of a bias.",
    ),
    click.option(
        "--weight-variances",
        metavar="A:B",
        default="0.5:3",
        show_default=True,
        help="Evenly spaced from A to B: variances of a weight times the inputs of its layer.",
    ),
    click.option(
        "--points",
        type=click.IntRange(min=2, max=10_000),
        default=26,
        show_default=True,
        help="In the range.",
    ),
    click.option(
        "--max-hidden-layers",
        type=click.IntRange(min=1, max=10_000),
        default=100,
        show_default=True,
        help="Height of the diagram.",
    ),
    click.option(
        "--rows",
        type=click.IntRange(min=1),
        default=25,
        show_default=True,
        help="Depths that --data is learnt at.",
    ),
    click.option(
        "--scales",
        type=click.FloatRange(min=0.0, min_open=True),
        default=8.0,
        show_default=True,
        help="Depth scales after which a signal counts as lost.",
    ),
)
_question_options = option_bundle(
    _QuestionOptions,
    click.option(
        "--weight-variance",
        type=click.FloatRange(min=0.0, min_open=True),
        help="With --hidden-layers: say what becomes of this network.",
    ),
    click.option("--hidden-layers", type=click.IntRange(min=1), help="With --weight-variance."),
)
_map_options = option_bundle(
    _MapOptions,
    click.option("--data", help="Measure accuracies on images, too: mnist5k, mnist:PATH, cifar10:PATH, ..."),
    click.option("--task", default="digits", show_default=True, help="digits, parity, 3-8, ..."),
    click.option(
        "--examples", type=click.IntRange(min=2), default=256, show_default=True, help="Training examples."
    ),
    click.option("--heldout", type=click.IntRange(min=1), default=1000, show_default=True),
    click.option(
        "--steps",
        type=click.IntRange(min=1),
        default=4096,
        show_default=True,
        help="Of gradient descent at half the largest stable rate.",
    ),
    click.option(
        "--width",
        type=click.IntRange(min=1),
        help="Train networks of this width; without it they are infinitely wide, and solved in closed form.",
    ),
    click.option(
        "--map",
        "map_file",
        metavar="FILE",
        help="Keep accuracies here (.json), and measure only what is missing: an interrupted run goes on.",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="Where networks are trained.",
    ),
    click.option("--download", is_flag=True, help="Fetch mnist, fashion or cifar10 if it is not here yet."),
)


def _depth(value: float) -> str:
    return "any" if math.isinf(value) else f"{value:,.0f}"


def _scale(value: float) -> str:
    return "-" if math.isinf(value) else f"{value:.3g}"


def _show_diagram(screen: Console, diagram: PhaseDiagram) -> None:
    points = diagram.points
    columns: dict[str, list[str]] = {
        "weight\nvariance": [f"{p.mean_field.weight_variance:.4g}" for p in points],
        "phase": [p.mean_field.phase for p in points],
        "q*": [f"{p.mean_field.fixed_length:.4g}" for p in points],
        "c*": [f"{p.mean_field.fixed_correlation:.4g}" for p in points],
        "chi_1": [f"{p.mean_field.chi_1:.4g}" for p in points],
        "xi_1": [_scale(p.mean_field.trainability_depth) for p in points],
        "xi_*": [_scale(p.mean_field.generalization_depth) for p in points],
        "trains to": [_depth(p.trainable_hidden_layers) for p in points],
        "generalizes to": [
            _depth(min(p.trainable_hidden_layers, p.generalizing_hidden_layers)) for p in points
        ],
    }
    title = f"Networks of {diagram.activation} units, bias variance {diagram.bias_variance:g}"
    screen.print(table(title, columns))
    screen.print(
        f"Critical weight variance: {diagram.critical_weight_variance:.5g}. q*, c*: fixed length and "
        "correlation; chi_1: growth of gradients; xi: depth scales. Trains, generalizes to: hidden layers, "
        f"{points[0].scales:g} depth scales.",
        style="dim",
    )


def _read_map(path: str) -> PhaseMap | None:
    import json
    from pathlib import Path

    from genlaws.empirical import PhaseMap

    place = Path(path)
    if not place.exists():
        return None
    try:
        return PhaseMap.from_dict(json.loads(place.read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"--map {path} holds no map of accuracies: {error}") from None


def _measure(
    images: _MapOptions,
    options: _DiagramOptions,
    weight_variances: list[float],
    depths: list[int],
    seed: int,
    *,
    known: PhaseMap | None = None,
    finished: Callable[[PhaseMap], None] | None = None,
) -> PhaseMap:
    from genlaws.empirical import kernel_phase_map, network_phase_map

    task = images.choose(seed)
    grid: dict[str, Any] = {
        "activation": options.activation,
        "bias_variance": options.bias_variance,
        "weight_variances": weight_variances,
        "depths": depths,
        "steps": [images.steps],
        "training": images.examples,
        "heldout": images.heldout,
        "rng": seed,
        "known": known,
        "finished": finished,
    }
    if images.width is None:
        return kernel_phase_map(task, **grid)
    return network_phase_map(task, width=images.width, device=images.device, **grid)


def _measured_map(images: _MapOptions, options: _DiagramOptions, seed: int, screen: Console) -> PhaseMap:
    from .atomic_write import atomic_write
    from .interruption import prompt_interruption
    from .progress import show_share
    from .serialize import json_text

    target, variances = images.map_file, options.checked_weight_variances()
    known = None if target is None else _read_map(target)
    with prompt_interruption(images.last_words), show_share(screen, "training") as move:

        def finished(so_far: PhaseMap) -> None:
            if target is not None:
                atomic_write(target, json_text(so_far.to_dict()))
            if move is not None:
                move(len(so_far.weight_variances) / len(variances))

        return _measure(images, options, variances, options.depths(), seed, known=known, finished=finished)


def _measured_accuracy(images: _MapOptions, options: _DiagramOptions, found: Outlook, seed: int) -> Accuracy:
    from .phase_outlook import Accuracy

    cell = _measure(images, options, [found.weight_variance], [found.hidden_layers + 1], seed)
    train, test = (float(part[0, 0, -1]) for part in (cell.train_accuracy, cell.test_accuracy))
    return Accuracy(train=train, test=test, chance=cell.chance)


@click.command(short_help="To which depth networks train and generalize.")
@_diagram_options
@_question_options
@_map_options
@seed_option
@quiet_option
@json_option
@click.option("--png", metavar="FILE", help="Draw it (the ending decides: .png, .svg or .pdf).")
@click.pass_context
@one_clear_line
def phase(
    context: click.Context,
    options: _DiagramOptions,
    question: _QuestionOptions,
    images: _MapOptions,
    seed: int,
    quiet: bool,
    target: str | None,
    png: str | None,
) -> None:
    """The phase diagram of deep networks: how deep they may be to be trained, and to generalize.

    Mean field theory of wide fully connected networks (Xiao et al., arXiv:1912.13053). With
    --weight-variance and --hidden-layers it says what becomes of one network, and what would help; with
    --data it measures accuracies over the whole diagram.
    """
    for path in (target, png, images.map_file):
        check_target(path)
    if png is not None:
        from .pictures import check_picture

        check_picture(png)
    asked, variances = question.checked(), options.checked_weight_variances()
    if images.data is None and (images.map_file is not None or images.width is not None):
        raise click.UsageError("--map and --width need --data: the images to learn")

    from genlaws.theory import phase_diagram

    from .interruption import EXIT_STATUS
    from .phase_outlook import outlook
    from .serialize import SCHEMA_VERSION, json_ready

    diagram = phase_diagram(
        options.activation,
        bias_variance=options.bias_variance,
        weight_variances=variances,
        scales=options.scales,
    )
    found = None
    if asked is not None:
        found = outlook(
            options.activation,
            weight_variance=asked[0],
            bias_variance=options.bias_variance,
            hidden_layers=asked[1],
            scales=options.scales,
            examples=images.examples,
        )
    screen = console(quiet)
    _show_diagram(screen, diagram)
    measured = None
    try:
        if images.data is not None:
            measured = _measured_map(images, options, seed, screen)
            if found is not None:
                found = replace(found, accuracy=_measured_accuracy(images, options, found, seed))
    except KeyboardInterrupt:
        click.echo(images.last_words(), err=True)
        context.exit(EXIT_STATUS)
    if found is not None:
        for sentence in found.sentences():
            screen.print(sentence, soft_wrap=True, markup=False)
    document = {
        "schema_version": SCHEMA_VERSION,
        **diagram.to_dict(),
        "outlook": None if found is None else found.to_dict(),
        "map": None if measured is None else measured.to_dict(),
    }
    # before the picture: a picture that fails must not cost the numbers
    emit(json_ready(document), target)
    if png is not None:
        from .phase_plots import plot_phase_diagram, plot_phase_map
        from .pictures import save_picture

        save_picture(
            plot_phase_diagram(diagram, hidden_layers=options.max_hidden_layers, marked=found)
            if measured is None
            else plot_phase_map(diagram, measured, marked=found),
            png,
        )
