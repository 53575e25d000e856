"""`genlaws phase` against the theory and the maps that it prints, draws and keeps."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from genlaws.empirical import classification_task, kernel_phase_map, load_images
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.phase_outlook import Outlook, outlook
from genlaws.simulate import fully_connected_kernels

SCHEMA = json.loads(files("genlaws.paper_checks").joinpath("schemas", "phase.schema.json").read_text("utf-8"))
SMALL = ("--points", 2, "--weight-variances", "1:3", "--max-hidden-layers", 4)
IMAGES = ("--data", "mnist5k", "--task", "3-8", "--examples", 30, "--heldout", 100, "--steps", 100)


def phase(*arguments):
    return CliRunner().invoke(main, ["phase", *map(str, arguments)])


def document(*arguments):
    done = phase(*arguments, "--json", "-")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    return found


def test_the_diagram_holds_the_reference_values_of_the_paper():
    found = document("--weight-variances", "1:3", "--points", 3)
    assert found["critical_weight_variance"] == pytest.approx(1.7476, abs=5e-5)
    assert [point["phase"] for point in found["points"]] == ["ordered", "chaotic", "chaotic"]
    assert found["points"][0]["trainability_depth"] == pytest.approx(3.11, abs=5e-3)
    assert found["points"][1]["generalization_depth"] == pytest.approx(7.91, abs=5e-3)
    assert found["points"][1]["trainable_hidden_layers"] is None
    assert found["outlook"] is None
    assert found["map"] is None


@pytest.mark.parametrize(
    ("weight_variance", "hidden_layers", "trains", "generalizes", "helps"),
    [
        (1.2, 60, False, False, "dropout before the readout"),
        (2.5, 60, True, False, "average over places"),
        (2.5, 20, True, True, "up to 25 hidden layers do"),
    ],
)
def test_a_network_is_told_what_becomes_of_it(weight_variance, hidden_layers, trains, generalizes, helps):
    question = ("--weight-variance", weight_variance, "--hidden-layers", hidden_layers)
    found = document(*SMALL, *question)["outlook"]
    assert (found["trainable"], found["generalizes"]) == (trains, generalizes)
    assert helps in " ".join(found["sentences"])
    printed = " ".join(phase(*SMALL, *question).stderr.split())
    assert all(sentence in printed for sentence in found["sentences"])
    low, high = found["weight_variances"]
    assert generalizes == (low <= weight_variance <= high)


def test_rate_and_condition_number_are_those_of_uncorrelated_inputs():
    found = outlook("erf", weight_variance=1.5, bias_variance=0.18, hidden_layers=5, examples=3)
    assert isinstance(found, Outlook)
    # inputs whose first layer, biases included, has length q* and no correlation
    wanted = found.point.mean_field.fixed_length * np.eye(3) - 0.18
    inputs = np.sqrt(3.0 / 1.5) * np.linalg.cholesky(wanted)
    kernel = fully_connected_kernels(inputs, depths=[6], weight_variance=1.5, bias_variance=0.18).tangent[0]
    values = np.linalg.eigvalsh(kernel)
    assert found.largest_rate == pytest.approx(2.0 * 3 / values[-1], rel=1e-9)
    assert found.condition_number == pytest.approx(values[-1] / values[0], rel=1e-9)


def test_a_map_is_that_of_the_library_and_goes_on_where_it_stopped(tmp_path):
    kept = tmp_path / "map.json"
    question = ("--weight-variance", 3, "--hidden-layers", 4)
    found = document(*SMALL, *IMAGES, *question, "--map", kept)
    measured = found["map"]
    task = classification_task(load_images("mnist5k"), "3-8", preprocess="center", rng=0)
    direct = kernel_phase_map(
        task,
        bias_variance=0.18,
        weight_variances=[1.0, 3.0],
        depths=[2, 3, 4, 5],
        steps=[100],
        training=30,
        heldout=100,
        rng=0,
    )
    assert measured["test_accuracy"] == direct.test_accuracy.tolist()
    assert found["outlook"]["accuracy"]["test"] == direct.test_accuracy[1, 3, 0]
    assert "Measured: right on" in " ".join(found["outlook"]["sentences"])
    whole = json.loads(kept.read_text("utf-8"))
    # the first column is taken as it stands in the file, the second is measured anew
    half = {
        name: value[:1] if name.endswith(("accuracy", "loss", "variances")) else value
        for name, value in whole.items()
    }
    half["test_accuracy"][0][0][0] = 0.125
    kept.write_text(json.dumps(half), "utf-8")
    again = document(*SMALL, *IMAGES, "--map", kept)["map"]
    assert again["test_accuracy"][0][0][0] == 0.125
    assert again["test_accuracy"][1] == measured["test_accuracy"][1]


def test_a_map_of_other_networks_is_left_as_it_is_and_says_what_differs(tmp_path):
    kept = tmp_path / "map.json"
    document(*SMALL, *IMAGES, "--map", kept)
    before = kept.read_bytes()
    done = phase(*SMALL, *IMAGES, "--steps", 7, "--seed", 1, "--map", kept)
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert "the map to go on from" in said
    assert "steps" in said.rpartition("others:")[2]
    assert "seed" in said.rpartition("others:")[2]
    assert kept.read_bytes() == before


def test_networks_of_some_width_are_trained():
    found = document(*SMALL, "--max-hidden-layers", 2, *IMAGES, "--steps", 9, "--width", 20)["map"]
    assert found["source"] == "network"
    assert found["settings"]["width"] == 20


@pytest.mark.parametrize("images", [(), IMAGES])
def test_pictures_are_drawn(tmp_path, images):
    picture = tmp_path / "phase.png"
    done = phase(*SMALL, *images, "--weight-variance", 1.5, "--hidden-layers", 3, "--png", picture)
    assert done.exit_code == 0, done.stderr
    assert picture.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--weight-variances", "3:1"), "must be a rising range"),
        (("--weight-variances", "word"), "must be a rising range"),
        (("--weight-variance", 2), "together, or neither"),
        (("--width", 3), "need --data"),
        (("--bias-variance", 0), "--bias-variance"),
        (("--activation", "relu"), "--activation"),
        (("--png", "phase.txt"), "a picture must end in"),
        ((*SMALL, *IMAGES, "--examples", 9000), "must be at most"),
    ],
)
def test_bad_input_ends_in_one_line(arguments, said):
    done = phase(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["no json", "{}", '{"schema_version": 7}'])
def test_a_file_that_holds_no_map_is_left_as_it_is(tmp_path, text):
    kept = tmp_path / "map.json"
    kept.write_text(text, "utf-8")
    done = phase(*SMALL, *IMAGES, "--map", kept)
    assert done.exit_code == 2
    assert "holds no map" in done.stderr
    assert kept.read_text("utf-8") == text
