from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from genlaws.empirical import (
    Architecture,
    Network,
    NetworkFamily,
    Prior,
    classification_task,
    load_images,
    split_points,
)
from genlaws.empirical.architectures import ACTIVATIONS
from genlaws.empirical.priors import PRIORS
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.cli_images import images
from genlaws.paper_checks.cli_networks import networks
from genlaws.paper_checks.cli_train import train
from genlaws.simulate import sample_zero_error

SCHEMA = json.loads(
    files("genlaws.paper_checks").joinpath("schemas", "sample.schema.json").read_text("utf-8")
)
SMALL = ("--particles", 40, "--replicas", 2, "--heldout", 60, "--device", "cpu")


def sample(*arguments):
    return CliRunner().invoke(main, ["sample", *map(str, arguments)])


def document(*arguments):
    done = sample(*arguments, "--json", "-")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    return found


def test_networks_are_what_the_library_gives():
    found = document(
        "networks", "--arch", "fc:2x5", "--activation", "erf", "--no-bias", "--weight-variance", 1.5,
        "--task", "3-8", "--components", 6, "--examples", "3,6", "--eps", 0.3, "--seed", 4, *SMALL,
    )  # fmt: skip
    generator = np.random.default_rng(4)
    task = classification_task(load_images("mnist5k"), "3-8", components=6, rng=generator)
    points = split_points(task, training=6, heldout=60, rng=generator)
    architecture = Architecture(hidden=(5, 5), activation="erf", bias=False)
    network = Network(architecture, Prior(weight_variance=1.5), (6,))
    used = np.concatenate([points.training, points.heldout])
    family = NetworkFamily(
        network, task.inputs[used], task.labels[used],
        training=range(6), heldout=range(6, 66), device="cpu",
    )  # fmt: skip
    ensemble = sample_zero_error(family, [3, 6], particles=40, replicas=2, bad_errors=(0.3,), rng=4)
    assert found["status"] == list(ensemble.status) == ["ok", "ok"]
    for name in ("log_fraction", "log_fraction_se", "mean_true_error", "mean_true_error_se"):
        assert found[name] == getattr(ensemble, name).tolist()
    assert found["log_bad_fraction"] == ensemble.log_bad_fraction(0.3).tolist()
    settings = found["settings"]
    assert settings["task"]["name"] == "mnist5k/3-8"
    assert (settings["family"], settings["architecture"], settings["bias"]) == ("networks", "fc:2x5", False)
    assert settings["parameters"] == 6 * 5 + 5 * 5 + 5
    assert (settings["weight_variance"], settings["prior"]) == (1.5, "normal")
    assert (found["error_name"], found["error_resolution"]) == ("heldout", 60)


def test_without_hidden_layers_both_commands_sample_one_and_the_same():
    # a linear network with a normal prior is a Gaussian process exactly, and equal seeds choose equal images
    arguments = ("--examples", "8,24", "--components", 20, "--heldout", 200, "--seed", 2)
    size = ("--particles", 200, "--replicas", 4)
    finite = document("networks", "--arch", "linear", "--device", "cpu", *arguments, *size)
    infinite = document("images", "--hidden-layers", 0, *arguments, *size)
    for name in ("log_fraction", "mean_true_error"):
        first, second = np.array(finite[name]), np.array(infinite[name])
        error = np.hypot(finite[f"{name}_se"], infinite[f"{name}_se"])
        assert np.all(error < {"log_fraction": 0.5, "mean_true_error": 0.02}[name])
        # four error bars with three degrees of freedom behind each
        assert np.all(np.abs(first - second) < 4.0 * error + 1e-9)


def test_convolutions_and_other_priors(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "pictures.npz"
    np.savez(path, x=rng.integers(0, 256, (90, 6, 5, 3)).astype(np.uint8), y=np.arange(90) % 3)
    found = document(
        "networks", "--data", f"npz:{path}", "--task", "digits", "--arch", "cnn:1x2:pool",
        "--prior", "uniform", "--examples", "1,2", "--particles", 300, "--replicas", 4,
        "--heldout", 60, "--device", "cpu",
    )  # fmt: skip
    assert found["settings"]["parameters"] == 2 * 27 + 2 + 3 * 2 + 3
    assert "weight_variance" not in found["settings"]
    # the three outputs are exchangeable: one image is got right with probability 1/3 exactly
    assert found["status"] == ["ok", "ok"]
    assert found["log_fraction_se"][0] < 0.15
    assert found["log_fraction"][0] == pytest.approx(np.log(1 / 3), abs=4 * np.sqrt(2 / 1200))
    # and labels say nothing of the pictures
    assert found["mean_true_error"] == pytest.approx([2 / 3, 2 / 3], abs=0.06)


def test_the_table_names_the_networks():
    done = sample("networks", "--arch", "fc:1x4", "--components", 4, "--examples", 2, *SMALL)
    assert done.stdout == ""
    for word in ("fc:1x4 (relu), 25 parameters", "ln fraction", "heldout error", "±"):
        assert word in " ".join(done.stderr.split())


def test_choices_and_defaults_are_those_of_the_library():
    for command in (networks, train):
        choices = {option.name: getattr(option.type, "choices", None) for option in command.params}
        assert tuple(choices["activation"]) == ACTIVATIONS
        assert tuple(choices["prior"]) == PRIORS
    defaults = [{option.name: option.default for option in command.params} for command in (networks, images)]
    shared = set(defaults[0]) & set(defaults[1])
    assert len(shared) >= 17
    assert all(defaults[0][name] == defaults[1][name] for name in shared)
    prior = Prior()
    assert defaults[0]["weight_variance"] == prior.weight_variance
    assert defaults[0]["bias_variance"] == prior.bias_variance


@pytest.mark.parametrize("arguments", ["sample networks --help", "train --help"])
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys\n"
        "from genlaws.paper_checks.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'scipy', 'numba', 'torch', 'statsmodels', 'matplotlib', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments.split()], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert "--arch" in done.stdout


NET = ["networks", "--examples", 5, "--arch"]
BAD = {
    "unknown architecture 'resnet': use linear, fc:2x64": [*NET, "resnet"],
    "hidden must hold widths of at least 1": [*NET, "fc:1x0"],
    "Missing option '--arch'": NET[:-1],
    "is not one of 'relu'": [*NET, "linear", "--activation", "sine"],
    "is not one of 'normal'": [*NET, "linear", "--prior", "cauchy"],
    "inputs of mnist5k/parity are no images but principal components": [
        *NET, "cnn:1x2", "--components", 5,
    ],
    "tiny/digits are no images but 3 features": [
        *NET, "cnn:1x2", "--data", "npz:tiny.npz", "--heldout", 5, "--task", "digits",
    ],
    "device must be auto, cpu or cuda, got 'tpu'": [*NET, "linear", "--device", "tpu"],
    "weight_variance must be positive": [*NET, "linear", "--weight-variance", 0],
    "bias_variance must be finite": [*NET, "linear", "--bias-variance", -1],
    "--weight-variance is for --prior normal or orthogonal, not uniform": [
        *NET, "linear", "--prior", "uniform", "--weight-variance", 2,
    ],
    "must be at most 6000": ["networks", "--arch", "linear", "--examples", 5999, "--heldout", 10],
    "--examples must be at least 1, got 0": ["networks", "--arch", "linear", "--examples", 0],
    "unknown task 'colour'": [*NET, "linear", "--task", "colour"],
}  # fmt: skip


@pytest.mark.parametrize("said", BAD)
def test_bad_usage_is_one_line_and_status_2(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("tiny.npz", x=np.zeros((20, 3)), y=np.arange(20) % 2)
    done = sample(*BAD[said])
    assert done.exit_code == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert said in last


def test_a_gpu_that_is_not_there_is_said_before_images_are_read(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = sample(*NET, "linear", "--device", "cuda", "--data", "mnist:nowhere")
    assert done.exit_code == 2
    assert "Error: device 'cuda' was asked for, but there is no GPU" in done.stderr
