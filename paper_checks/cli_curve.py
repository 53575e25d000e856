"""`genlaws curve`: the learning curve and the bounds that follow from an error density."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from genlaws.theory import ErrorDensity


def _read_errors(path: str) -> tuple[list[float], list[float]]:
    """Errors and weights from lines ``error`` or ``error,weight``; a first line of words is a header."""
    errors: list[float] = []
    weights: list[float] = []
    with open(path, encoding="utf-8-sig") as file:
        try:
            lines = [(number, line.strip()) for number, line in enumerate(file, 1)]
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not a text file of numbers") from None
    rows = [(number, line) for number, line in lines if line and not line.startswith("#")]
    for place, (number, line) in enumerate(rows):
        try:
            values = [float(cell) for cell in line.split(",")]
        except ValueError:
            # words name the columns; numbers that are written some other way must not go lost
            if place == 0 and all(cell.strip(" \"'")[:1].isalpha() for cell in line.split(",")):
                continue
            values = []
        if len(values) not in (1, 2) or not all(map(math.isfinite, values)):
            raise ValueError(f"{path}, line {number}: want an error, or error,weight, got {line!r}")
        error, weight = values[0], values[1] if len(values) == 2 else 1.0
        if not 0.0 <= error <= 1.0 or weight < 0.0:
            raise ValueError(f"{path}, line {number}: need 0 <= error <= 1 and weight >= 0, got {line!r}")
        errors.append(error)
        weights.append(weight)
    if not errors:
        raise ValueError(f"{path} holds no errors")
    if not any(weights):
        raise ValueError(f"{path}: a weight must be above 0, got none")
    return errors, weights


def _density(beta: str | None, errors: str | None) -> tuple[ErrorDensity, dict[str, Any]]:
    from genlaws.theory import AtomicErrorDensity, BetaErrorDensity, SampledErrorDensity

    if (beta is None) == (errors is None):
        raise click.UsageError("give either --beta A,B or --errors FILE")
    if errors is not None:
        values, weights = _read_errors(errors)
        largest_n = SampledErrorDensity(values, weights).largest_n
        about = {
            "kind": "atoms",
            "file": errors,
            "errors": len(values),
            "largest_n_of_a_sample": largest_n if math.isfinite(largest_n) else None,
        }
        return AtomicErrorDensity(values, weights), about
    assert beta is not None
    try:
        a, b = (float(value) for value in beta.split(","))
    except ValueError:
        a = b = math.nan
    if not (0.0 < a < math.inf and 0.0 < b < math.inf):
        raise ValueError(f"--beta must be two positive numbers like 2,5, got {beta!r}")
    return BetaErrorDensity(a, b), {"kind": "beta", "a": a, "b": b}


@click.command(short_help="Learning curve and bound from an error density.")
@click.option("--beta", metavar="A,B", help="A Beta(A, B) density of the true error.")
@click.option(
    "--errors", type=click.Path(exists=True, dir_okay=False), help="True errors: one a line, or error,weight."
)
@click.option(
    "--examples", required=True, metavar="N", help="Like 10,100,1000, or log-spaced like 1:1000000."
)
@points_option(default=25)
@click.option("--eps", type=float, help="Also the fraction of global minima with a true error above EPS.")
@json_option
@click.option("--png", metavar="FILE", help="Draw the curve (the ending decides: .png, .svg or .pdf).")
@one_clear_line
def curve(
    beta: str | None,
    errors: str | None,
    examples: str,
    points: int,
    eps: float | None,
    target: str | None,
    png: str | None,
) -> None:
    """The learning curve that follows from an error density Q(E).

    Annealed: the mean error of classifiers without training error, the natural logarithm of the
    fraction of bad ones, and an upper bound of it.
    """
    check_target(target)
    if png is not None:
        from .pictures import check_picture

        check_picture(png)
    check_eps(eps)
    counts = parse_counts(examples, points, "--examples")
    density, source = _density(beta, errors)

    from genlaws.theory import bad_fraction_bound, learning_curve, log_annealed_bad_fraction

    from .serialize import SCHEMA_VERSION, json_ready

    mean_error = [float(value) for value in learning_curve(density, n=counts)]
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "density": source,
        "n": counts,
        "mean_error": json_ready(mean_error),
    }
    columns = {"examples": [f"{n:,}" for n in counts], "mean error": [f"{value:.4g}" for value in mean_error]}
    log_bad = bound = None
    if eps is not None:
        log_bad = [float(value) for value in log_annealed_bad_fraction(density, n=counts, eps=eps)]
        bound = [float(value) for value in bad_fraction_bound(density, n=counts, eps=eps)]
        document |= {"eps": eps, "log_bad_fraction": json_ready(log_bad), "bound": json_ready(bound)}
        columns[f"ln fraction\nabove {eps:g}"] = [f"{value:.5g}" for value in log_bad]
        columns["its bound"] = [f"{value:.5g}" for value in bound]
    screen = console()
    screen.print(table("Annealed learning curve", columns))
    limit = source.get("largest_n_of_a_sample")
    if limit is not None and counts[-1] > limit:
        screen.print(
            f"These errors were taken as the whole set. Were they a sample of a larger one, {limit:.3g} "
            "examples would be the most they can speak for.",
            style="yellow",
        )
    # before the picture: a picture that fails must not cost the numbers
    emit(document, target)
    if png is not None:
        from .curve_plots import plot_learning_curve
        from .pictures import save_picture

        save_picture(plot_learning_curve(counts, mean_error, eps=eps, log_bad=log_bad, bound=bound), png)
