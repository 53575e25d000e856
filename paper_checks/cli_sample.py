"""`genlaws sample`: how rare the classifiers with zero training error are, and how they generalize."""

from __future__ import annotations

import click

from .cli_images import images
from .cli_networks import networks
from .cli_sample_family import SampleCommands
from .cli_sampling import SamplingOptions, sample_and_print, sampling_options
from .command_io import one_clear_line


@click.group(
    cls=SampleCommands, short_help="How rare classifiers with zero training error are, and how good."
)
def sample() -> None:
    """Sample the classifiers with zero training error: their fraction of the prior and their true error.

    Fractions are natural logarithms; they go down to 1e-100 and below. Families that other packages
    register have a command each.
    """


@sample.command()
@click.option("--dimension", type=click.IntRange(min=2), required=True, help="Number of inputs.")
@sampling_options(particles=500)
@one_clear_line
def perceptron(sampling: SamplingOptions, dimension: int) -> None:
    """Linear classifiers, uniform over directions, taught by one of them; the true error is exact."""
    counts = sampling.checked_counts()
    from genlaws.simulate import SphericalPerceptron

    sample_and_print(
        SphericalPerceptron(dimension),
        counts,
        sampling,
        settings={"family": "perceptron", "dimension": dimension},
        title=f"Perceptrons of dimension {dimension} with zero training error",
    )


for _command in (images, networks):
    sample.add_command(_command)
