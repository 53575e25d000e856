"""Options that choose labelled images and the variances of a prior, and `genlaws sample images`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .cli_sampling import SamplingOptions, sample_and_print, sampling_options
from .command_io import one_clear_line
from .option_bundle import option_bundle

if TYPE_CHECKING:
    from genlaws.empirical import ClassificationTask, PointSplit


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """Which images, what is asked of them, and how many are held out."""

    data: str
    task: str
    preprocess: str
    components: int | None
    heldout: int
    official_split: bool
    download: bool

    def choose(self, training: int, seed: int) -> tuple[ClassificationTask, PointSplit]:
        """The task, and `training` points beside the held-out ones; equal seeds choose equal points."""
        import numpy as np

        from genlaws.empirical import classification_task, load_images, split_points

        # one stream for the choice of images; what is done with them spawns its own from the same seed
        generator = np.random.default_rng(seed)
        task = classification_task(
            load_images(self.data, download=self.download),
            self.task,
            preprocess=self.preprocess,
            components=self.components,
            split="official" if self.official_split else "random",
            rng=generator,
        )
        return task, split_points(task, training=training, heldout=self.heldout, rng=generator)


@dataclass(frozen=True, slots=True)
class VarianceOptions:
    """Variances of weights (times their number of inputs) and of biases, of finite and infinite networks."""

    weight_variance: float
    bias_variance: float


image_options = option_bundle(
    ImageOptions,
    click.option(
        "--data", default="mnist5k", show_default=True, help="mnist5k, mnist:PATH, cifar10:PATH, ..."
    ),
    click.option(
        "--task", default="parity", show_default=True, help="parity, 3-8, one-vs-rest:3, digits, ..."
    ),
    click.option(
        "--preprocess", default="center", show_default=True, help="center, unit-norm, none, center+unit-norm."
    ),
    click.option(
        "--components",
        "--pca",
        "components",
        type=click.IntRange(min=1),
        help="Keep this many principal components.",
    ),
    click.option(
        "--heldout",
        type=click.IntRange(min=1),
        default=1000,
        show_default=True,
        help="Images behind the true error, never trained on.",
    ),
    click.option("--official-split", is_flag=True, help="Hold out official test images only."),
    click.option("--download", is_flag=True, help="Fetch mnist, fashion or cifar10 if it is not here yet."),
)
variance_options = option_bundle(
    VarianceOptions,
    click.option("--weight-variance", type=float, default=2.0, show_default=True),
    click.option("--bias-variance", type=float, default=0.01, show_default=True),
)


@click.command()
@image_options
@click.option(
    "--kernel",
    type=click.Choice(["arc-cosine", "erf"]),
    default="arc-cosine",
    show_default=True,
    help="Infinitely wide networks of rectified linear units, or of error functions.",
)
@click.option("--hidden-layers", type=click.IntRange(min=0), default=1, show_default=True)
@variance_options
@sampling_options(particles=200)
@one_clear_line
def images(
    chosen: ImageOptions,
    variances: VarianceOptions,
    sampling: SamplingOptions,
    kernel: str,
    hidden_layers: int,
) -> None:
    """Infinitely wide networks on images; the true error is counted on held-out images."""
    counts = sampling.checked_counts()
    import numpy as np

    from genlaws.simulate import GaussianProcess, arc_cosine_covariance, erf_covariance

    task, points = chosen.choose(counts[-1], sampling.seed)
    used = np.concatenate([points.training, points.heldout])
    covariance_of = {"arc-cosine": arc_cosine_covariance, "erf": erf_covariance}[kernel]
    covariance = covariance_of(
        task.inputs[used],
        depth=hidden_layers + 1,
        weight_variance=variances.weight_variance,
        bias_variance=variances.bias_variance,
    )
    family = GaussianProcess(
        covariance,
        task.labels[used],
        training=np.arange(counts[-1]),
        heldout=np.arange(counts[-1], used.size),
    )
    settings = {
        "family": "images",
        "data": chosen.data,
        "task": task.to_dict(),
        "kernel": kernel,
        "hidden_layers": hidden_layers,
        "weight_variance": variances.weight_variance,
        "bias_variance": variances.bias_variance,
        "heldout": chosen.heldout,
    }
    layers = f"{hidden_layers} hidden layer{'' if hidden_layers == 1 else 's'}"
    title = f"{chosen.task} on {chosen.data}: infinitely wide networks, {layers} ({kernel})"
    sample_and_print(family, counts, sampling, settings=settings, title=title)
