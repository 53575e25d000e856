from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from genlaws.empirical import (
    WidthProtocol,
    classification_task,
    load_images,
    split_points,
    sweep_widths,
)
from genlaws.paper_checks import width_sweep_run
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.cli_sweep import width as width_command
from genlaws.paper_checks.store import Store
from genlaws.paper_checks.sweep_plots import plot_width_sweep

SCHEMA = json.loads(files("genlaws.paper_checks").joinpath("schemas", "sweep.schema.json").read_text("utf-8"))
SMALL = ("--pca", 4, "--hidden-layers", 1, "--examples", 20, "--heldout", 60, "--rate-factor", 100,
         "--max-steps", 150, "--workers", 1)  # fmt: skip
WIDTHS = ("--widths", "2,6", "--networks", 12)


def sweep(*arguments):
    return CliRunner().invoke(main, ["sweep", "width", *map(str, arguments)])


def document(*arguments):
    done = sweep(*arguments, "--json", "-")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    return found


@pytest.fixture(scope="module")
def whole():
    return document(*WIDTHS, *SMALL)


def test_a_sweep_is_what_the_library_gives(whole, tmp_path):
    target = tmp_path / "outputs.npz"
    again = document(*WIDTHS, *SMALL, "--outputs", target)
    assert again == whole
    generator = np.random.default_rng(0)
    task = classification_task(load_images("mnist5k"), "parity", components=4, rng=generator)
    points = split_points(task, training=20, heldout=60, rng=generator)
    own, test = points.training, points.heldout
    protocol = WidthProtocol(hidden_layers=1, rate_factor=100.0, max_steps=150)
    library = sweep_widths(
        task.inputs[own], task.labels[own], task.inputs[test], task.labels[test],
        widths=[2, 6], networks=12, protocol=protocol, rng=0, device="cpu",
    )  # fmt: skip
    expected = json.loads(json.dumps(library.to_dict()))
    assert whole["widths"] == expected["widths"]
    assert whole["threshold"] == expected["threshold"]
    assert whole["settings"]["training"] == expected["settings"]["training"]
    assert whole["settings"]["task"]["name"] == "mnist5k/parity"
    assert whole["settings"]["task"]["features"] == 4
    with np.load(target, allow_pickle=False) as arrays:
        for ensemble in library:
            for name in ensemble.columns():
                assert np.array_equal(arrays[f"{name}_{ensemble.width}"], getattr(ensemble, name))
        assert np.array_equal(arrays["labels"], task.labels[test])
        assert np.array_equal(arrays["training_labels"], task.labels[own])


@pytest.mark.slow
def test_workers_change_no_bit(whole):
    shared = document("--widths", "2,6", "--networks", 12, *SMALL[:-1], 2)
    assert shared == whole


def _noting(monkeypatch, stop_after=None):
    """Widths and blocks that are trained; an interruption after so many."""
    trained, real = [], width_sweep_run.train_unit

    def train(unit):
        if stop_after is not None and len(trained) == stop_after:
            raise KeyboardInterrupt
        trained.append((unit.settings["width"], unit.index))
        return real(unit)

    monkeypatch.setattr(width_sweep_run, "train_unit", train)
    return trained


def test_an_interrupted_sweep_goes_on_where_it_was(whole, tmp_path, monkeypatch):
    folder = tmp_path / "store"
    with monkeypatch.context() as patch:
        trained = _noting(patch, stop_after=3)
        done = sweep(*WIDTHS, *SMALL, "--store", folder, "--json", "-")
        assert done.exit_code == 130
        assert "give the same command again to go on" in done.stderr
        assert done.stdout == ""
        assert trained == [(2, 0), (2, 1), (6, 0)]
    trained = _noting(monkeypatch)
    assert document(*WIDTHS, *SMALL, "--store", folder) == whole
    assert trained == [(6, 1)]
    assert document(*WIDTHS, *SMALL, "--store", folder) == whole
    assert len(trained) == 1
    # more networks: only what is not there yet
    more = document("--widths", "2,6", "--networks", 20, *SMALL, "--store", folder)
    assert sorted(trained[1:]) == [(2, 1), (6, 1)]
    first, again = (found["widths"][1]["each"]["losses"] for found in (whole, more))
    assert again[:10] == first[:10]
    # another setting: all of it
    assert sweep("--widths", 2, "--networks", 3, *SMALL, "--seed", 1, "--store", folder).exit_code == 0
    assert trained[3:] == [(2, 0)]


def test_a_damaged_file_is_trained_anew(whole, tmp_path):
    folder = tmp_path / "store"
    document(*WIDTHS, *SMALL, "--store", folder)
    paths = sorted((folder / "sweeps").glob("??/*.json"))
    assert len(paths) == 4
    assert not list(Store.at(folder).unit_paths())  # check's own are apart
    listed = CliRunner().invoke(main, ["runs", "list", str(folder)])
    assert "4 blocks of networks of sweeps" in listed.stderr
    text = paths[0].read_text()
    paths[0].write_text(text[: len(text) // 2])
    paths[1].write_text(paths[2].read_text())
    done = sweep(*WIDTHS, *SMALL, "--store", folder, "--json", "-")
    assert json.loads(done.stdout) == whole
    assert done.stderr.count("is damaged") == 2
    assert done.stderr.count("trained anew") == 2
    assert "is damaged" not in sweep(*WIDTHS, *SMALL, "--store", folder).stderr


def test_a_unit_that_fails_ends_in_one_line(monkeypatch):
    def broken(unit):
        raise RuntimeError("no more of this")

    monkeypatch.setattr(width_sweep_run, "train_unit", broken)
    done = sweep(*WIDTHS, *SMALL)
    assert done.exit_code == 1
    assert done.stderr.strip().splitlines()[-1].startswith("Error: networks of width 2: RuntimeError")


def test_tables_and_progress_are_on_standard_error(tmp_path):
    done = sweep(*WIDTHS, *SMALL, "--png", tmp_path / "sweep.png")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "width 6 done; 4 of 4 units" in done.stderr
    assert "N*" in done.stderr
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    quiet = sweep(*WIDTHS, *SMALL, "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_the_picture_shows_the_estimates():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 2))
    y = np.where(x[:, 0] > 0, 1, -1)
    protocol = WidthProtocol(hidden_layers=1, rate_factor=100, max_steps=100)
    found = sweep_widths(
        x[:10], y[:10], x[10:], y[10:], widths=[1, 8, 16], networks=3, protocol=protocol, rng=0
    )
    figure = plot_width_sweep(found.measures(), found.threshold())
    assert isinstance(figure, Figure)
    above, below = figure.axes
    drawn = {tuple(line.get_ydata()) for ax in (above, below) for line in ax.lines}
    measures = found.measures()
    assert tuple(m.error.value for m in measures) in drawn
    assert tuple(m.ensemble_errors[-1].value for m in measures) in drawn
    assert tuple(m.squared_fluctuation.value for m in measures) in drawn
    with pytest.raises(ValueError, match="at least one error to draw"):
        plot_width_sweep((), found.threshold())


def test_defaults_are_those_of_the_library():
    options = {option.name: option for option in width_command.params}
    protocol = WidthProtocol()
    for name in ("hidden_layers", "rate_factor", "max_steps"):
        assert options[name].default == getattr(protocol, name)


BAD = {
    "Missing option '--widths'": ["--examples", 5],
    "--widths must be whole numbers": ["--widths", "2:x", "--examples", 5],
    "--widths must be at least 1, got 0": ["--widths", "0,2", "--examples", 5],
    "must be at most 6000": ["--widths", 2, "--examples", 5999],
    "a task of two classes": ["--widths", 2, "--examples", 5, "--task", "digits"],
    "rate_factor must be positive": ["--widths", 2, "--examples", 5, "--rate-factor", 0],
    "Invalid value for '--hidden-layers'": ["--widths", 2, "--examples", 5, "--hidden-layers", 0],
    "Invalid value for '--networks'": ["--widths", 2, "--examples", 5, "--networks", 0],
    "components must lie in": ["--widths", 2, "--examples", 5, "--pca", 900],
    "a picture must end in": ["--widths", 2, "--examples", 5, "--png", "sweep.gif"],
    "there is no folder": ["--widths", 2, "--examples", 5, "--outputs", "nowhere/a.npz"],
    "give --workers or --dask": ["--widths", 2, "--examples", 5, "--workers", 1, "--dask", "tcp://x:1"],
    "is no store of measurements": ["--widths", 2, "--examples", 5, "--store", "."],
}


@pytest.mark.parametrize("said", BAD)
def test_bad_usage_is_one_line_and_status_2(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "something").touch()
    done = sweep(*BAD[said])
    assert done.exit_code == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert said in last


@pytest.mark.slow
def test_control_c_ends_it_soon_and_keeps_what_was_done(tmp_path):
    command = [sys.executable, "-m", "genlaws", "sweep", "width", "--widths", "2:60", "--points", "8",
               "--examples", "300", "--pca", "10", "--networks", "10", "--max-steps", "3000",
               "--store", str(tmp_path / "store"), "--workers", "2"]  # fmt: skip
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "100"}
    )
    kept = tmp_path / "store" / "sweeps"
    while not list(kept.glob("??/*.json")):
        assert running.poll() is None
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "give the same command again to go on" in said
    assert "Traceback" not in said
