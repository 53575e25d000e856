"""`genlaws curve`: the learning curve and the bounds that follow from an error density."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .command_io import (
    check_eps,
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
    from .classical_columns import ClassicalSetting
    from .curve_report import CurveQuestions
    from .curve_sources import CurveSource


@dataclass(frozen=True, slots=True)
class _SourceOptions:
    """Where the error density comes from."""

    beta: str | None
    errors: str | None
    ensemble: str | None
    whole: bool
    held_out: int | None

    def checked(self) -> None:
        if sum(given is not None for given in (self.beta, self.errors, self.ensemble)) != 1:
            raise click.UsageError("give either --beta A,B or --errors FILE or --ensemble FILE")
        if self.errors is None and (self.whole or self.held_out is not None):
            raise click.UsageError("--whole and --held-out say what --errors FILE holds")
        if self.whole and self.held_out is not None:
            raise click.UsageError(
                "give --whole or --held-out: counts on held-out points are not all there is"
            )

    def source(self) -> CurveSource:
        from .curve_sources import known_beta, source_of_errors, source_of_measured

        if self.errors is not None:
            return source_of_errors(self.errors, whole=self.whole, held_out=self.held_out)
        if self.ensemble is not None:
            return source_of_measured(self.ensemble)
        assert self.beta is not None
        try:
            a, b = (float(value) for value in self.beta.split(","))
        except ValueError:
            a = b = math.nan
        if not (0.0 < a < math.inf and 0.0 < b < math.inf):
            raise ValueError(f"--beta must be two positive numbers like 2,5, got {self.beta!r}")
        return known_beta(a, b)


@dataclass(frozen=True, slots=True)
class _QuestionOptions:
    """What is asked beside the curve."""

    eps: float | None
    error: float | None
    confidence: float

    def checked(self) -> CurveQuestions:
        from .curve_report import CurveQuestions

        check_eps(self.eps)
        return CurveQuestions(eps=self.eps, error=self.error, confidence=self.confidence).checked()


@dataclass(frozen=True, slots=True)
class _ClassicalOptions:
    """What classical bounds know of the classifiers."""

    classifiers: float | None
    vc_dimension: int | None
    compression: int | None
    log_fraction: float | None
    delta: float | None

    def checked(self) -> ClassicalSetting:
        from .classical_columns import ClassicalSetting

        return ClassicalSetting(
            classifiers=self.classifiers,
            vc_dimension=self.vc_dimension,
            compression=self.compression,
            log_fraction=self.log_fraction,
            delta=self.delta,
        ).checked()


@dataclass(frozen=True, slots=True)
class _Targets:
    """Where results go beside the screen and JSON."""

    csv: str | None
    png: str | None

    def check(self) -> None:
        check_target(self.csv)
        if self.png is not None:
            from .pictures import check_picture

            check_picture(self.png)


_file = click.Path(exists=True, dir_okay=False)
_source_options = option_bundle(
    _SourceOptions,
    click.option("--beta", metavar="A,B", help="A Beta(A, B) density of the true error."),
    click.option(
        "--errors",
        type=_file,
        help="True errors of drawn classifiers: one a line, or error,weight; or an array in a .npy file.",
    ),
    click.option("--ensemble", type=_file, help="A density measured by sample_error_density, as JSON."),
    click.option("--whole", is_flag=True, help="These errors are all there are, no sample: no band."),
    click.option(
        "--held-out",
        type=click.IntRange(min=1),
        metavar="M",
        help="The errors are counts on M held-out points: take off the noise of counting.",
    ),
)
_question_options = option_bundle(
    _QuestionOptions,
    click.option("--eps", type=float, help="Also the fraction of global minima with a true error above EPS."),
    click.option("--error", type=float, metavar="E", help="Also how many examples a mean error of E takes."),
    click.option(
        "--confidence",
        type=float,
        default=0.95,
        show_default=True,
        help="Of the band around a measured curve.",
    ),
)
_classical_options = option_bundle(
    _ClassicalOptions,
    click.option(
        "--classifiers", type=float, metavar="N", help="Beside it the bound for a class of N classifiers."
    ),
    click.option("--vc-dimension", type=click.IntRange(min=1), metavar="D", help="And that of dimension D."),
    click.option(
        "--compression",
        type=click.IntRange(min=0),
        metavar="K",
        help="And that for K examples that determine the rest, such as support vectors.",
    ),
    click.option(
        "--log-fraction",
        type=float,
        metavar="F",
        help="PAC-Bayes from the measured ln fraction without training error; without it, from the density.",
    ),
    click.option(
        "--delta",
        type=float,
        metavar="D",
        help="Share of training sets that these bounds may be wrong for [default: 0.05].",
    ),
)
_target_options = option_bundle(
    _Targets,
    click.option("--csv", metavar="FILE", help="Write the columns here, one row per number of examples."),
    click.option("--png", metavar="FILE", help="Draw the curve (the ending decides: .png, .svg or .pdf)."),
)


@click.command(short_help="Learning curve, band and bounds from an error density.")
@_source_options
@click.option(
    "--examples", required=True, metavar="N", help="Like 10,100,1000, or log-spaced like 1:1000000."
)
@points_option(default=25)
@_question_options
@_classical_options
@json_option
@_target_options
@one_clear_line
def curve(
    origin: _SourceOptions,
    questions: _QuestionOptions,
    known: _ClassicalOptions,
    files: _Targets,
    examples: str,
    points: int,
    target: str | None,
) -> None:
    """The learning curve that follows from an error density Q(E).

    Annealed: the mean error of classifiers without training error, the natural logarithm of the
    fraction of bad ones, and an upper bound of it. Errors from a file are a sample, and their
    curve has a band, unless --whole says that there are no others.
    """
    check_target(target)
    files.check()
    asked, classical = questions.checked(), known.checked()
    counts = parse_counts(examples, points, "--examples")
    origin.checked()
    from .curve_report import curve_report

    report = curve_report(origin.source(), counts, asked=asked, classical=classical)
    screen = console()
    for title, columns in report.tables().items():
        screen.print(table(title, columns))
    for sentence in report.sentences():
        screen.print(sentence, markup=False)
    # before the picture: a picture that fails must not cost the numbers
    emit(report.to_dict(), target)
    if files.csv is not None:
        from .atomic_write import atomic_write

        atomic_write(files.csv, report.to_csv())
    if files.png is not None:
        from .curve_plots import plot_curve_report
        from .pictures import save_picture

        save_picture(plot_curve_report(report), files.png)
