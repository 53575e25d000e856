"""`genlaws extrapolate`: how low the error goes, foretold from a file of measured learning curves."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .cli_sampling import quiet_option, seed_option
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

if TYPE_CHECKING:
    from .extrapolation_result import Extrapolation

_DRAWN = 60  # n along a picture


def _csv_text(found: Extrapolation) -> str:
    """One line for each n asked for; empty cells where there is no interval for a new replicate."""
    rows = [asdict(forecast) for forecast in found.forecasts]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _shape(parameters: Mapping[str, float]) -> float:
    """The parameter that says how fast a law falls."""
    return next(parameters[name] for name in ("exponent", "rate", "power") if name in parameters)


def _show(found: Extrapolation, quiet: bool) -> None:
    from .extrapolation_result import law_name
    from .wording import interval, number, percent

    screen = console(quiet)
    for sentence in found.sentences():
        screen.print(sentence)
    for warning in found.warnings():
        screen.print(warning, style="yellow")
    screen.print()
    laws = {
        "law": [law_name(law.law) for law in found.laws],
        "weight": [percent(round(law.weight, 2)) for law in found.laws],
        "held-out\nscore": [number(law.score) for law in found.laws],
        "exponent\nor rate": [number(_shape(law.parameters)) for law in found.laws],
        "plateau": [number(law.parameters.get("plateau")) for law in found.laws],
    }
    # more would not fit beside the names
    for i in sorted({0, len(found.forecasts) // 2, len(found.forecasts) - 1}):
        laws[f"error at\n{found.forecasts[i].n:,.0f}"] = [number(float(law.error[i])) for law in found.laws]
    screen.print(table("Laws", laws))
    forecasts = {
        "examples": [f"{forecast.n:,.0f}" for forecast in found.forecasts],
        "error": [number(forecast.error) for forecast in found.forecasts],
        f"mean, {percent(found.level)}": [interval(f.low, f.high) for f in found.forecasts],
    }
    if found.replicates > 1:
        forecasts["one new replicate"] = [interval(f.new_low, f.new_high) for f in found.forecasts]
    screen.print(table("Forecasts", forecasts))


@click.command(short_help="How low the error goes, from measured learning curves.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--to", required=True, metavar="N", help="Numbers of examples, like 20000,50000 or 1000:1000000."
)
@points_option(default=10)
@click.option(
    "--error", "wanted", type=float, help="Also how many examples bring the mean error down to this."
)
@click.option("--level", type=float, default=0.9, show_default=True, help="Of the prediction intervals.")
@seed_option
@quiet_option
@json_option
@click.option("--csv", "csv_file", metavar="PATH", help="Write the forecasts as CSV.")
@click.option("--png", metavar="PATH", help="Draw them (the ending decides: .png, .svg or .pdf).")
@one_clear_line
def extrapolate(
    file: str,
    to: str,
    points: int,
    wanted: float | None,
    level: float,
    seed: int,
    quiet: bool,
    target: str | None,
    csv_file: str | None,
    png: str | None,
) -> None:
    """Foretell the error at larger numbers of examples from measured learning curves.

    FILE is a CSV with columns n, error and, if there are several training sets or seeds, replicate. Laws
    are weighed by how well they foretell the largest n, held out; intervals widen with distance.
    """
    check_target(target)
    if csv_file is not None:
        from .atomic_write import check_writable

        check_writable(csv_file)
    if png is not None:
        from .pictures import check_picture

        check_picture(png)
    if wanted is not None and not 0.0 < wanted < 1.0:
        raise ValueError(f"--error must lie in (0, 1), got {wanted:g}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"--level must lie in (0, 1), got {level:g}")
    counts = parse_counts(to, points, "--to")

    import numpy as np

    from .error_tables import read_learning_curves
    from .extrapolation import extrapolate as foretell
    from .serialize import SCHEMA_VERSION

    measurement = read_learning_curves(file)
    found = foretell(measurement, counts, level=level, wanted_error=wanted, rng=seed)
    _show(found, quiet)
    # before the picture: a picture that fails must not cost the numbers
    emit({"schema_version": SCHEMA_VERSION, "file": file, "seed": seed, **found.to_dict()}, target)
    if csv_file is not None:
        from .atomic_write import atomic_write

        atomic_write(csv_file, _csv_text(found))
    if png is not None:
        from .extrapolation_plots import plot_extrapolation
        from .pictures import save_picture

        drawn = np.geomspace(found.n[0], max(found.n[-1], *counts), _DRAWN)
        along = foretell(measurement, drawn, level=level, wanted_error=wanted, rng=seed)
        save_picture(plot_extrapolation(along, measurement), png)
