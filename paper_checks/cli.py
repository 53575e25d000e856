"""`genlaws`: the command line. Thin: each command reads its options, calls the library and prints."""

from __future__ import annotations

import click

import genlaws

from .cli_calibrate import calibrate
from .cli_check import check, claims
from .cli_curve import curve
from .cli_extrapolate import extrapolate
from .cli_judge import judge
from .cli_margin import margin
from .cli_phase import phase
from .cli_report import report
from .cli_runs import runs
from .cli_sample import sample
from .cli_show import show
from .cli_sweep import sweep
from .cli_train import train


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(genlaws.__version__, prog_name="genlaws", message="%(prog)s %(version)s")
def main() -> None:
    """Check what papers claim about the generalization of over-parameterized classifiers.

    Tables and progress go to standard error; --json - leaves JSON alone on standard output.

    Exit status: 0 done, 1 a check failed to run, 2 bad usage or input, 3 what --fail-on names happened.
    """


for _command in (
    calibrate, check, claims, curve, extrapolate, judge, margin, phase, report, runs, sample, show, sweep,
    train,
):  # fmt: skip
    main.add_command(_command)
