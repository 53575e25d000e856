from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from genlaws.paper_checks.cli import main
from genlaws.paper_checks.cli_sampling import ensemble_document
from genlaws.simulate import SphericalPerceptron, sample_zero_error

SCHEMA = json.loads(
    files("genlaws.paper_checks").joinpath("schemas", "sample.schema.json").read_text("utf-8")
)
SMALL = ("--particles", 50, "--replicas", 2)


def sample(*arguments):
    return CliRunner().invoke(main, ["sample", *map(str, arguments)])


def document(*arguments):
    done = sample(*arguments, "--json", "-")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    return found


def test_a_perceptron_is_what_the_library_gives():
    found = document("perceptron", "--dimension", 5, "--examples", "20,10", "--eps", 0.2, "--seed", 3, *SMALL)
    ensemble = sample_zero_error(
        SphericalPerceptron(5), [10, 20], particles=50, replicas=2, bad_errors=(0.2,), rng=3
    )
    assert found["n_examples"] == [10, 20]
    assert found["status"] == ["ok", "ok"]
    for name in ("log_fraction", "log_fraction_se", "mean_true_error", "mean_true_error_se"):
        assert found[name] == getattr(ensemble, name).tolist()
    assert found["log_bad_fraction"] == ensemble.log_bad_fraction(0.2).tolist()
    assert found["log_bad_fraction_se"] == ensemble.log_bad_fraction_se(0.2).tolist()
    assert (found["particles"], found["replicas"], found["seed"]) == (50, 2, 3)
    assert found["settings"] == {"family": "perceptron", "dimension": 5}
    assert found["error_name"] == "exact"


def test_without_eps_there_is_no_bad_fraction():
    found = document("perceptron", "--dimension", 5, "--examples", 4, *SMALL)
    assert not {"eps", "log_bad_fraction", "log_bad_fraction_se"} & set(found)


@pytest.mark.parametrize("kernel", ["arc-cosine", "erf"])
def test_images(kernel):
    found = document(
        "images", "--kernel", kernel, "--examples", "8,16", "--heldout", 60, "--task", "3-8",
        "--preprocess", "center+unit-norm", "--components", 10, "--hidden-layers", 2, *SMALL,
    )  # fmt: skip
    assert found["error_name"] == "heldout"
    assert found["error_resolution"] == 60
    assert found["settings"]["task"]["name"] == "mnist5k/3-8"
    assert found["settings"]["task"]["features"] == 10
    assert found["settings"]["hidden_layers"] == 2
    # a fraction of 2^-n would be guessing; labels that inputs tell of are likelier
    assert -16 * np.log(2) < found["log_fraction"][1] < found["log_fraction"][0] < 0
    assert found["mean_true_error"][1] < 0.45


def test_the_seed_chooses_the_images():
    arguments = ("images", "--examples", 8, "--heldout", 40, *SMALL)
    first, again, other = (document(*arguments, "--seed", seed)["log_fraction"] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_table_goes_to_standard_error():
    done = sample("perceptron", "--dimension", 3, "--examples", "5,10", "--eps", 0.1, *SMALL)
    assert done.stdout == ""
    for word in ("Perceptrons of dimension 3", "ln fraction", "exact error", "above 0.1", "±"):
        assert word in done.stderr
    quiet = sample("perceptron", "--dimension", 3, "--examples", 5, "--quiet", "--json", "-", *SMALL)
    assert quiet.stderr == ""
    assert json.loads(quiet.stdout)["n_examples"] == [5]


def test_what_was_not_reached_is_null_with_its_status():
    ensemble = sample_zero_error(
        SphericalPerceptron(5), [3, 20], particles=50, replicas=2, bad_errors=(0.2,), rng=0
    )
    lost = np.full_like(ensemble.log_bad_fractions, -np.inf)
    found = ensemble_document(replace(ensemble, log_bad_fractions=lost), {"family": "test"}, 0.2)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert found["log_bad_fraction"] == [None, None]
    assert found["log_bad_fraction_status"] == ["not_reached", "not_reached"]
    gone = replace(
        ensemble, log_fractions=np.array([[-1.0, np.nan], [-1.1, np.nan]]), floors=np.array([-9.0, -9.5])
    )
    found = ensemble_document(gone, {"family": "test"}, 0.2)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert found["status"] == ["ok", "below_floor"]
    assert found["log_fraction"][1] is None
    assert found["mean_true_error"][1] is None
    assert found["log_bad_fraction_status"] == ["ok", "below_floor"]


BAD = {
    "Invalid value for '--dimension'": ["perceptron", "--dimension", 1, "--examples", 5],
    "--eps must lie in (0, 1), got 1.5": ["perceptron", "--dimension", 3, "--examples", 5, "--eps", 1.5],
    "--examples must be at least 1, got 0": ["perceptron", "--dimension", 3, "--examples", "0,5"],
    "whole numbers": ["perceptron", "--dimension", 3, "--examples", "many"],
    "Invalid value for '--seed'": ["perceptron", "--dimension", 3, "--examples", 5, "--seed", -1],
    "Invalid value for '--replicas'": ["perceptron", "--dimension", 3, "--examples", 5, "--replicas", 1],
    "there is no folder": ["perceptron", "--dimension", 3, "--examples", 5, "--json", "nowhere/a.json"],
    "unknown task 'colour'": ["images", "--examples", 5, "--task", "colour"],
    "unknown preprocess 'blur'": ["images", "--examples", 5, "--preprocess", "blur"],
    "must be at most 6000": ["images", "--examples", 5999, "--heldout", 10],
    "no file or folder": ["images", "--examples", 5, "--data", "mnist:nowhere"],
    "class 11 is not in the data": ["images", "--examples", 5, "--task", "3-11"],
    "weight_variance": ["images", "--examples", 5, "--weight-variance", -1],
    "overflows at depth 2": ["images", "--examples", 5, "--weight-variance", 1e300],
    "overflows at depth 51": [
        "images",
        "--examples",
        5,
        "--weight-variance",
        1e10,
        "--hidden-layers",
        50,
    ],
    "bias_variance": ["images", "--examples", 5, "--bias-variance", "nan"],
    "Invalid value for '--hidden-layers'": ["images", "--examples", 5, "--hidden-layers", -1],
    "is not one of 'arc-cosine', 'erf'": ["images", "--examples", 5, "--kernel", "rbf"],
}


@pytest.mark.parametrize("said", BAD)
def test_bad_usage_is_one_line_and_status_2(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = sample(*BAD[said])
    assert done.exit_code == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert said in last
