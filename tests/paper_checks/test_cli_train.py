from __future__ import annotations

import json
from importlib.resources import files
from typing import get_args

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from genlaws.empirical import (
    Architecture,
    Network,
    Prior,
    classification_task,
    load_images,
    split_points,
    train_networks,
)
from genlaws.empirical.losses import LOSSES
from genlaws.empirical.optimizers import OPTIMIZERS, PARAMETRIZATIONS
from genlaws.empirical.training_recipe import Stop, TrainingRecipe
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.cli_train import train as train_command
from genlaws.paper_checks.error_plots import plot_error_distribution

SCHEMA = json.loads(files("genlaws.paper_checks").joinpath("schemas", "train.schema.json").read_text("utf-8"))
SMALL = ("--device", "cpu", "--heldout", 80)


def train(*arguments):
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def document(*arguments):
    done = train(*arguments, "--json", "-")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    return found


@pytest.fixture
def sides(tmp_path):
    """Two places with a class each, and one place with both."""
    x = np.where(np.arange(120) % 2, 1.0, -1.0)
    clear = tmp_path / "clear.npz"
    np.savez(clear, x=np.stack([x, 0.0 * x], axis=1), y=np.arange(120) % 2)
    torn = tmp_path / "torn.npz"
    np.savez(torn, x=np.ones((120, 2)), y=np.arange(120) % 2)
    return f"npz:{clear}", f"npz:{torn}"


def test_training_is_what_the_library_gives():
    found = document(
        "--task", "3-8", "--components", 8, "--arch", "fc:1x6", "--activation", "tanh", "--examples", 12,
        "--networks", 7, "--loss", "square", "--optimizer", "sgd", "--batch-size", 4, "--momentum", 0.5,
        "--learning-rate", 0.02, "--max-steps", 60, "--seed", 3, *SMALL,
    )  # fmt: skip
    generator = np.random.default_rng(3)
    task = classification_task(load_images("mnist5k"), "3-8", components=8, rng=generator)
    points = split_points(task, training=12, heldout=80, rng=generator)
    network = Network(Architecture(hidden=(6,), activation="tanh"), Prior(), (8,))
    trained = train_networks(
        network, task.inputs[points.training], task.labels[points.training], networks=7, loss="square",
        optimizer="sgd", batch_size=4, momentum=0.5, learning_rate=0.02, max_steps=60, rng=3, device="cpu",
    )  # fmt: skip
    errors = trained.true_errors(task.inputs[points.heldout], task.labels[points.heldout])
    assert found["true_errors"] == errors.tolist()
    assert found["steps"] == trained.steps.tolist()
    assert found["network_reached"] == trained.reached.tolist()
    assert found["reached"] + found["never_reached"] + found["diverged"] == found["networks"] == 7
    assert (found["n_examples"], found["error_resolution"], found["seed"]) == (12, 80, 3)
    assert found["settings"]["task"]["name"] == "mnist5k/3-8"
    assert found["settings"]["training"]["momentum"] == 0.5
    done = errors[trained.reached]
    assert done.size > 1
    summary = found["true_error_summary"]
    assert summary["mean"] == pytest.approx(done.mean())
    assert summary["mean_se"] == pytest.approx(done.std(ddof=1) / np.sqrt(done.size))
    assert summary["quantiles"] == pytest.approx(np.quantile(done, summary["levels"]).tolist())


def test_a_clear_rule_is_learned_by_all(sides):
    # whoever is right in both places is right everywhere
    found = document("--data", sides[0], "--arch", "linear", "--examples", 20, "--networks", 5, *SMALL)
    assert (found["reached"], found["never_reached"], found["diverged"]) == (5, 0, 0)
    assert found["training_errors"] == [0.0] * 5
    assert max(found["true_errors"]) == found["true_error_summary"]["mean"] == 0.0


def test_networks_that_never_get_there_are_counted(sides):
    arguments = ("--data", sides[1], "--arch", "fc:1x3", "--examples", 21, "--networks", 4, *SMALL)
    done = train(*arguments, "--max-steps", 30, "--json", "-", "--preprocess", "none")
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert (found["reached"], found["never_reached"], found["diverged"]) == (0, 4, 0)
    assert found["steps"] == [30] * 4
    assert min(found["training_errors"]) > 0.3
    assert found["true_error_summary"] == {
        "mean": None, "mean_se": None, "levels": [0.05, 0.25, 0.5, 0.75, 0.95], "quantiles": None,
    }  # fmt: skip
    rows = {line[:17].strip(): line[17:].split() for line in done.stderr.splitlines()}
    assert rows["trained to zero"] == ["0", *"-" * 8]
    assert rows["ran out of steps"][0] == "4"
    assert rows["ran out of steps"][-2:] == ["30", "30"]


def test_networks_that_diverge_are_counted(tmp_path):
    png = tmp_path / "errors.png"
    found = document(
        "--arch", "fc:2x8", "--components", 5, "--examples", 30, "--networks", 3, "--optimizer", "gd",
        "--loss", "square", "--stop", "loss", "--learning-rate", 1e6, "--max-steps", 50, *SMALL,
    )  # fmt: skip
    assert (found["reached"], found["diverged"]) == (0, 3)
    assert found["true_errors"] == [None] * 3
    done = train(
        "--arch", "fc:2x8", "--components", 5, "--examples", 30, "--networks", 3, "--optimizer", "gd",
        "--learning-rate", 1e6, "--loss", "square", "--stop", "loss", "--max-steps", 50, "--png", png, *SMALL,
    )  # fmt: skip
    assert done.exit_code == 2
    assert "must hold a finite error to draw" in done.stderr


def test_the_picture_and_the_table(tmp_path, sides):
    png = tmp_path / "errors.png"
    done = train(
        "--data", sides[0], "--arch", "fc:1x4", "--examples", 10, "--networks", 6, "--png", png, *SMALL
    )
    assert done.exit_code == 0, done.stderr
    assert png.read_bytes().startswith(b"\x89PNG")
    assert done.stdout == ""
    for word in ("parity on npz", "6 networks fc:1x4 on 10 images", "trained to zero", "diverged", "95%"):
        assert word in " ".join(done.stderr.split())
    quiet = train(
        "--data", sides[0], "--arch", "linear", "--examples", 10, "--networks", 2, "--quiet", *SMALL
    )
    assert (quiet.stderr, quiet.stdout, quiet.exit_code) == ("", "", 0)


@pytest.mark.parametrize("networks", [1, 30, 3000])
def test_bars_hold_every_network_once_and_equally_many_counts(networks):
    rng = np.random.default_rng(networks)
    errors, reached = rng.binomial(1000, 0.2, networks) / 1000, rng.random(networks) < 0.7
    errors[: networks // 10] = np.nan
    figure = plot_error_distribution(errors, reached, resolution=1000)
    bars = [container.patches for container in figure.axes[0].containers]
    heights = [sum(bar.get_height() for bar in group) for group in bars]
    drawn = np.isfinite(errors)
    expected = [n for n in (np.sum(drawn & reached), np.sum(drawn & ~reached)) if n]
    assert heights == expected
    widths = {round(bar.get_width() * 1000, 6) for group in bars for bar in group}
    assert len(widths) == 1
    assert float(widths.pop()).is_integer()
    assert len(bars[0]) <= 40


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="must have one shape, got"):
        plot_error_distribution([0.1, 0.2], [True], resolution=10)


def test_choices_and_defaults_are_those_of_the_library():
    options = {option.name: option for option in train_command.params}
    for name, allowed in (
        ("loss", LOSSES),
        ("optimizer", OPTIMIZERS),
        ("stop", get_args(Stop)),
        ("parametrization", PARAMETRIZATIONS),
    ):
        assert tuple(options[name].type.choices) == allowed
    recipe = TrainingRecipe()
    for name in (
        "loss",
        "optimizer",
        "learning_rate",
        "momentum",
        "batch_size",
        "max_steps",
        "stop",
        "parametrization",
    ):
        default = options[name].default
        assert (default if isinstance(default, str | int | float) else None) == getattr(recipe, name)


NET = ["--arch", "linear", "--examples"]
BAD = {
    "unknown architecture 'mlp'": ["--arch", "mlp", "--examples", 5],
    "Missing option '--examples'": NET[:2],
    "must be at most 6000": [*NET, 5999, "--heldout", 10],
    "no images but principal components": ["--arch", "lenet", "--examples", 5, "--components", 3],
    "batch_size must be None for 'gd'": [*NET, 5, "--optimizer", "gd", "--batch-size", 2],
    "momentum must lie in [0, 1), got 1.0": [*NET, 5, "--optimizer", "sgd", "--momentum", 1],
    "learning_rate must be positive": [*NET, 5, "--learning-rate", 0],
    "is not one of 'hinge'": [*NET, 5, "--loss", "zero-one"],
    "Invalid value for '--networks'": [*NET, 5, "--networks", 0],
    "a picture must end in": [*NET, 5, "--png", "errors.gif"],
    "there is no folder": [*NET, 5, "--json", "nowhere/a.json"],
}


@pytest.mark.parametrize("said", BAD)
def test_bad_usage_is_one_line_and_status_2(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = train(*BAD[said])
    assert done.exit_code == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert said in last


def test_a_gpu_that_is_not_there_is_said_before_images_are_read(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = train(*NET, 5, "--device", "cuda", "--data", "mnist:nowhere")
    assert done.exit_code == 2
    assert "Error: device 'cuda' was asked for, but there is no GPU" in done.stderr
