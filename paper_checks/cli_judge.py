"""`genlaws judge`: a verdict on a law from a file of measurements of one's own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .cli_sampling import seed_option
from .command_io import check_target, console, emit, json_option, one_clear_line
from .option_bundle import option_bundle

if TYPE_CHECKING:
    from genlaws.simulate.measurement import Measurement, Source

    from .looks import Look
    from .named_laws import LawOptions


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns of a file hold what."""

    x: str
    y: str
    replicate: str
    se: str | None
    reference: str | None
    source: Source

    def read(self, file: str) -> Measurement:
        """The measurement in a file."""
        from dataclasses import replace

        from .measurement_tables import MissingColumnError, read_measurement

        try:
            measured = read_measurement(
                file, x=self.x, y=self.y, replicate=self.replicate, se=self.se, reference=self.reference
            )
        except MissingColumnError as error:
            raise ValueError(f"{error}; --x, --y and --replicate say what yours are called") from None
        return replace(measured, source=self.source)


_columns = option_bundle(
    _Columns,
    click.option("--x", default="x", show_default=True, metavar="COLUMN", help="Where it was measured."),
    click.option("--y", default="y", show_default=True, metavar="COLUMN", help="What was measured."),
    click.option(
        "--replicate",
        default="replicate",
        show_default=True,
        metavar="COLUMN",
        help="Which independent repeat a line belongs to, by a number or a word.",
    ),
    click.option("--se", metavar="COLUMN", help="Standard error of y within its replicate."),
    click.option("--reference", metavar="COLUMN", help="What a relation holds y against."),
    click.option(
        "--source",
        type=click.Choice(["simulation", "network"]),
        default="network",
        show_default=True,
        help="Where the measurements come from; a word for the picture and the JSON.",
    ),
)


@dataclass(frozen=True, slots=True)
class _LawWords:
    """The law and its rivals as words, and what else they are told."""

    law: str
    rivals: tuple[str, ...]
    log_y: bool
    relative: bool
    below: bool
    correction_exponent: float | None
    prefactor_power: str | None
    threshold: float | None

    def options(self) -> LawOptions:
        """Those of the laws, once each has a meaning for one that is named."""
        from .named_laws import LawOptions, check_options

        power: float | Literal["free"] | None = None
        if self.prefactor_power is not None:
            power = (
                "free"
                if self.prefactor_power == "free"
                else _number(self.prefactor_power, "--prefactor-power must be a number or free")
            )
        options = LawOptions(
            log_y=self.log_y,
            relative=self.relative,
            below=self.below,
            correction_exponent=self.correction_exponent,
            prefactor_power=power,
            threshold=self.threshold,
        )
        check_options([self.law, *self.rivals], options)
        return options


_law_words = option_bundle(
    _LawWords,
    click.option("--law", required=True, metavar="LAW", help="One of those below."),
    click.option(
        "--rival",
        "rivals",
        multiple=True,
        metavar="LAW",
        help="Another curve for the same data; may be given again.",
    ),
    click.option("--log-y", is_flag=True, help="y is the natural logarithm of the quantity."),
    click.option("--relative", is_flag=True, help="Differences are logarithms of ratios: 0.1 is 10 %."),
    click.option("--below", is_flag=True, help="x lies below the threshold of the divergence."),
    click.option(
        "--correction-exponent", type=float, metavar="W", help="By how much faster the correction falls."
    ),
    click.option(
        "--prefactor-power",
        metavar="Q|free",
        help="Power of x before the exponential, or free to fit it; 0 without.",
    ),
    click.option("--threshold", type=float, metavar="T", help="Of the divergence; fitted without."),
)


def _number(text: str, wanted: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise ValueError(f"{wanted}, got {text!r}")
    return value


def _ends(text: str, separator: str, wanted: str) -> tuple[float, float]:
    """Two ends of an interval; one that is left empty is open."""
    ends = text.split(separator)
    if len(ends) != 2:
        raise ValueError(f"{wanted}, got {text!r}")
    low, high = (
        _number(end, wanted) if end.strip() else open_
        for end, open_ in zip(ends, (-math.inf, math.inf), strict=True)
    )
    return low, high


def _range(ends: tuple[float, float], measurement: Measurement) -> tuple[float, float]:
    """The x that must be covered: where an end is open, as far as the measurement goes."""
    low, high = ends
    return (
        float(measurement.x.min()) if math.isinf(low) else low,
        float(measurement.x.max()) if math.isinf(high) else high,
    )


def _look(text: str) -> Look:
    from .looks import Look

    number, slash, of = text.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal()):
        raise ValueError(f"--look must be like 2/4, the second of four, got {text!r}")
    return Look(int(number), of=int(of))


class _WithLaws(click.Command):
    """A command whose help ends in the list of laws; it is imported only when it is asked for."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from .named_laws import LAWS

        with formatter.section("Laws, and after a semicolon the score that is predicted"):
            formatter.write_dl([(name, law.about) for name, law in LAWS.items()])


@click.command(cls=_WithLaws, short_help="A verdict on a law from measurements of your own.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@_law_words
@click.option("--predicted", type=float, metavar="SCORE", help="Predicted score; of a bound, none is needed.")
@click.option(
    "--band",
    required=True,
    metavar="LOW,HIGH",
    help="Scores that count as the same; an end left empty is open, like ,0.1.",
)
@click.option(
    "--range",
    "x_range",
    default=":",
    metavar="LOW:HIGH",
    help="x that must be covered; where empty, as far as FILE goes.",
)
@_columns
@click.option(
    "--rival-margin",
    type=float,
    default=0.1,
    show_default=True,
    help="Nats per held-out x by which a rival must win.",
)
@click.option(
    "--control",
    "control_file",
    type=click.Path(exists=True, dir_okay=False),
    help="The same columns, measured where the law must be refuted; without, FILE moved out of the band.",
)
@click.option(
    "--look", "look_text", metavar="K/N", help="This is look K of at most N, replicates doubling in between."
)
@seed_option
@click.option("--quiet", is_flag=True, help="Print no verdict.")
@json_option
@click.option("--png", metavar="PATH", help="Draw it (the ending decides: .png, .svg or .pdf).")
@click.option(
    "--fail-on",
    type=click.Choice(["refuted", "inconclusive"]),
    multiple=True,
    help="Exit with status 3 if this is the verdict; may be given twice.",
)
@click.pass_context
@one_clear_line
def judge(
    context: click.Context,
    words: _LawWords,
    columns: _Columns,
    file: str,
    predicted: float | None,
    band: str,
    x_range: str,
    rival_margin: float,
    control_file: str | None,
    look_text: str | None,
    seed: int,
    quiet: bool,
    target: str | None,
    png: str | None,
    fail_on: tuple[str, ...],
) -> None:
    """Judge a law by measurements of your own: SUPPORTED, REFUTED or INCONCLUSIVE.

    FILE is a CSV whose first line names its columns. Fix the band before you look at the data.
    """
    check_target(target)
    if png is not None:
        from .pictures import check_picture

        check_picture(png)
    band_ends = _ends(band, ",", "--band must be two numbers like -1.1,-0.9, one of which may be left out")
    covered = _ends(x_range, ":", "--range must be two numbers like 100:10000")
    options = words.options()

    import numpy as np

    from .looks import ONLY
    from .named_laws import named_law
    from .own_claims import own_claim, predicted_score, rival_law
    from .protocol import judge as judge_claim
    from .serialize import SCHEMA_VERSION, verdict_to_dict
    from .verdict_card import verdict_card

    look = ONLY if look_text is None else _look(look_text)
    law = named_law(words.law, predicted_score(predicted, band_ends), options=options)
    measurement = columns.read(file)
    claim = own_claim(
        law,
        measurement,
        band=band_ends,
        predicted=predicted,
        x_range=_range(covered, measurement),
        rivals=[rival_law(name, measurement, options=options) for name in words.rivals],
        rival_margin=rival_margin,
        control=None if control_file is None else columns.read(control_file),
        id=Path(file).stem,
        where=Path(file).name,
    )
    control = claim.control.experiments[columns.source].measure({}, np.random.default_rng(seed))
    verdict = judge_claim(claim, columns.source, measurement, control, seed=seed, look=look)
    console(quiet).print(verdict_card(claim, verdict))
    # before the picture: a picture that fails must not cost the verdict
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "file": file,
        "control_file": control_file,
        "x_range": list(claim.x_range),
        "verdict": verdict_to_dict(verdict, claim),
    }
    emit(document, target)
    if png is not None:
        from .pictures import save_picture
        from .plots import plot_claim

        save_picture(plot_claim(claim, verdict), png)
    if verdict.verdict.value.lower() in fail_on:
        context.exit(3)
