"""Options that choose finite networks, and `genlaws sample networks`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .cli_images import ImageOptions, VarianceOptions, image_options, variance_options
from .cli_sampling import SamplingOptions, sample_and_print, sampling_options
from .command_io import one_clear_line
from .option_bundle import option_bundle

if TYPE_CHECKING:
    from genlaws.empirical import Network, PointSplit
    from genlaws.empirical.architectures import Activation
    from genlaws.empirical.priors import Kind
    from genlaws.simulate.family import FloatArray, IntArray

# the variances say nothing where a prior has a scale of its own
_WITH_VARIANCES = ("normal", "orthogonal")


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Architecture and prior of the networks, and where they are computed."""

    arch: str
    activation: Activation
    bias: bool
    prior: Kind
    device: str


network_options = option_bundle(
    NetworkOptions,
    click.option(
        "--arch",
        required=True,
        metavar="ARCH",
        help="fc:2x64, fc:64,32, linear, lenet:0.5, cnn:3x16, cnn:3x16:pool, cnn:3x16:circular.",
    ),
    click.option(
        "--activation",
        type=click.Choice(["relu", "erf", "tanh", "gelu"]),
        default="relu",
        show_default=True,
    ),
    click.option("--no-bias", "bias", flag_value=False, default=True, help="Weights only."),
    click.option(
        "--prior",
        type=click.Choice(["normal", "uniform", "kaiming-normal", "kaiming-uniform", "orthogonal"]),
        default="normal",
        show_default=True,
        help="Of the weights; uniform is on [-1, 1].",
    ),
    click.option(
        "--device", default="auto", show_default=True, help="cpu, cuda, or auto: a GPU where there is one."
    ),
)


@dataclass(frozen=True, slots=True)
class ChosenNetworks:
    """Networks, the points they are trained and tested on, and what all that is in JSON."""

    network: Network
    inputs: FloatArray
    labels: IntArray
    points: PointSplit
    settings: dict[str, Any]


def _refuse_idle_variances(prior: str) -> None:
    given = click.get_current_context().get_parameter_source
    for name, option in (("weight_variance", "--weight-variance"), ("bias_variance", "--bias-variance")):
        if prior not in _WITH_VARIANCES and given(name) is ParameterSource.COMMANDLINE:
            raise ValueError(f"{option} is for --prior {' or '.join(_WITH_VARIANCES)}, not {prior}")


def choose_networks(
    chosen: ImageOptions,
    options: NetworkOptions,
    variances: VarianceOptions,
    *,
    training: int,
    seed: int,
) -> ChosenNetworks:
    """Networks that fit a task, one output for two classes and one for each of more, and its points.

    What cannot be had of the networks is refused before images are read.
    """
    from genlaws.empirical import Network, Prior, parse_architecture
    from genlaws.empirical.devices import resolve_device

    architecture = parse_architecture(options.arch, activation=options.activation, bias=options.bias)
    _refuse_idle_variances(options.prior)
    prior = Prior(
        options.prior, weight_variance=variances.weight_variance, bias_variance=variances.bias_variance
    )
    resolve_device(options.device)
    task, points = chosen.choose(training, seed)
    inputs = task.as_images() if architecture.convolutions else task.inputs
    outputs = 1 if len(task.classes) == 2 else len(task.classes)
    network = Network(architecture, prior, inputs.shape[1:], outputs)
    settings: dict[str, Any] = {
        "family": "networks",
        "data": chosen.data,
        "task": task.to_dict(),
        "heldout": chosen.heldout,
        "architecture": options.arch,
        "activation": options.activation,
        "bias": options.bias,
        "parameters": network.latent_size,
        "prior": options.prior,
        "device": options.device,
    }
    if options.prior in _WITH_VARIANCES:
        settings |= {"weight_variance": prior.weight_variance, "bias_variance": prior.bias_variance}
    return ChosenNetworks(network, inputs, task.labels, points, settings)


@click.command()
@image_options
@network_options
@variance_options
@sampling_options(particles=200)
@one_clear_line
def networks(
    chosen: ImageOptions, options: NetworkOptions, variances: VarianceOptions, sampling: SamplingOptions
) -> None:
    """Finite networks on images; the true error is counted on held-out images.

    With a normal prior these are the networks whose limit of infinite width `sample images` takes, with the
    same variances, and at equal seeds on the same images.
    """
    counts = sampling.checked_counts()
    import numpy as np

    from genlaws.empirical import NetworkFamily

    made = choose_networks(chosen, options, variances, training=counts[-1], seed=sampling.seed)
    used = np.concatenate([made.points.training, made.points.heldout])
    family = NetworkFamily(
        made.network,
        made.inputs[used],
        made.labels[used],
        training=np.arange(counts[-1]),
        heldout=np.arange(counts[-1], used.size),
        device=options.device,
    )
    title = (
        f"{chosen.task} on {chosen.data}: {options.arch} ({options.activation}), "
        f"{made.network.latent_size:,} parameters"
    )
    sample_and_print(family, counts, sampling, settings=made.settings, title=title)
