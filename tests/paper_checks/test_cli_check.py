from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from click.testing import CliRunner

from genlaws.paper_checks import claim_registry
from genlaws.paper_checks.claim import Experiment
from genlaws.paper_checks.cli import main


def schema(name):
    return json.loads(
        files("genlaws.paper_checks").joinpath("schemas", f"{name}.schema.json").read_text("utf-8")
    )


def genlaws(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def checked(*arguments):
    done = genlaws("check", *arguments, "--workers", 1, "--json", "-")
    found = json.loads(done.stdout)
    jsonschema.validate(found, schema("verdicts"), cls=jsonschema.Draft202012Validator)
    return found


@pytest.fixture
def registered(make_claim, monkeypatch):
    def register(*claims):
        monkeypatch.setattr(claim_registry, "all_claims", lambda: claims)

    register(make_claim("T1"), make_claim("T2", truth=4.0), make_claim("U1", paper="others"))
    return register


@pytest.fixture
def broken(make_claim):
    claim = make_claim("T9")
    claim.experiments["simulation"] = Experiment(lambda budget: [], None)
    return claim


@pytest.mark.usefixtures("registered")
def test_everything_asked_for_is_present_once_for_each_source():
    found = checked()
    assert [(v["claim"], v["verdict"]) for v in found["verdicts"]] == [
        ("T1", "SUPPORTED"),
        ("T2", "REFUTED"),
        ("U1", "SUPPORTED"),
    ]
    found = checked("U1", "T1", "U1", "--source", "both")
    assert [(v["claim"], v["source"]) for v in found["verdicts"]] == [
        ("U1", "simulation"),
        ("U1", "network"),
        ("T1", "simulation"),
        ("T1", "network"),
    ]
    assert found["verdicts"][1]["verdict"] == "NOT_APPLICABLE"
    assert [v["claim"] for v in checked("--paper", "others")["verdicts"]] == ["U1"]
    assert found["run"]["seed"] == 0
    assert found["run"]["budget"] == "quick"


@pytest.mark.usefixtures("registered")
def test_verdicts_are_bit_identical_whatever_the_workers():
    alone = genlaws("check", "--seed", 5, "--workers", 1, "--json", "-", "--quiet")
    shared = genlaws("check", "--seed", 5, "--workers", 2, "--json", "-", "--quiet")
    first, second = json.loads(alone.stdout), json.loads(shared.stdout)
    assert first["verdicts"] == second["verdicts"]
    assert checked("--seed", 6)["verdicts"] != first["verdicts"]


@pytest.mark.usefixtures("registered")
def test_json_alone_on_standard_output():
    done = genlaws("check", "T1", "--workers", 1, "--json", "-")
    assert done.exit_code == 0
    assert "✓ SUPPORTED" in done.stderr
    assert "T1 simulation: SUPPORTED" in done.stderr
    assert json.loads(done.stdout)
    quiet = genlaws("check", "T1", "--workers", 1, "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")


@pytest.mark.usefixtures("registered")
def test_json_and_plots_in_files(tmp_path):
    target, plots = tmp_path / "verdicts.json", tmp_path / "deep" / "plots"
    done = genlaws(
        "check", "T1", "T2", "--workers", 1, "--json", target, "--plots", plots, "--source", "both"
    )
    assert done.exit_code == 0
    assert len(json.loads(target.read_text("utf-8"))["verdicts"]) == 4
    assert sorted(path.name for path in plots.iterdir()) == [
        "T1-simulation.png",
        "T1-simulation.svg",
        "T2-simulation.png",
        "T2-simulation.svg",
    ]
    assert "4 plots" in done.stderr


def test_exit_status(registered, make_claim, broken):
    def status(*arguments):
        return genlaws("check", "--workers", 1, "--quiet", *arguments).exit_code

    good, wrong = make_claim("T1"), make_claim("T2", truth=4.0)
    registered(good)
    assert status("--fail-on", "refuted", "--fail-on", "error") == 0
    registered(good, wrong)
    assert status() == 0
    assert status("--fail-on", "error") == 0
    assert status("--fail-on", "refuted") == 3
    registered(good, broken)
    assert status() == 1
    assert status("--fail-on", "refuted") == 1
    assert status("--fail-on", "error") == 3
    registered(wrong, broken)
    assert status("--fail-on", "refuted") == 3


def test_an_error_is_written_like_any_verdict(registered, broken):
    registered(broken)
    done = genlaws("check", "--workers", 1, "--json", "-")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    jsonschema.validate(found, schema("verdicts"), cls=jsonschema.Draft202012Validator)
    assert found["verdicts"][0]["verdict"] == "ERROR"
    assert "Traceback" not in done.stderr
    assert "Traceback" in found["run"]["tracebacks"]["T9/simulation"]


BAD = {
    "unknown claim 'T3'; did you mean T1, T2?": ["T3"],
    "unknown claim 'T'; did you mean T1, T2?": ["T"],
    "unknown claim 't1'; did you mean T1?": ["t1"],
    "unknown claim ''; known: T1, T2, U1": [""],
    "unknown claim 'quark'; known: T1, T2, U1": ["quark"],
    "unknown paper 'test'; did you mean tests": ["--paper", "test"],
    "claim U1 belongs to paper 'others', not 'tests'": ["U1", "--paper", "tests"],
    "Invalid value for '--budget'": ["--budget", "huge"],
    "Invalid value for '--workers'": ["--workers", "0"],
    "Invalid value for '--fail-on'": ["--fail-on", "supported"],
    "no file or folder nowhere": ["--data", "npz:nowhere"],
    "unknown data 'cifar'": ["--data", "cifar"],
    "there is no folder": ["--json", "nowhere/a.json"],
    "it is a folder": ["--json", "."],
    "cannot write to a place without a name": ["--json", ""],
    "cannot write to a folder without a name": ["--plots", ""],
}


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("said", BAD)
def test_bad_usage_is_one_line_and_status_2(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = genlaws("check", *BAD[said])
    assert done.exit_code == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert said in last


@pytest.mark.usefixtures("registered")
def test_plots_where_a_file_stands(tmp_path):
    (tmp_path / "plots").write_text("a file")
    done = genlaws("check", "--plots", tmp_path / "plots")
    assert done.exit_code == 2
    assert done.stderr == f"Error: cannot write in {tmp_path / 'plots'}: it is not a folder\n"
    done = genlaws("check", "--plots", tmp_path / "plots" / "deeper")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: cannot make the folder {tmp_path / 'plots' / 'deeper'}: ")


@pytest.mark.usefixtures("registered")
def test_a_plot_that_fails_does_not_cost_the_verdicts(tmp_path, monkeypatch):
    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genlaws.paper_checks.pictures.save_picture", full)
    done = genlaws("check", "T1", "--workers", 1, "--json", tmp_path / "a.json", "--plots", tmp_path / "p")
    assert done.exit_code == 2
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["verdicts"][0]["claim"] == "T1"


@pytest.mark.usefixtures("registered")
def test_the_claims_are_listed():
    done = genlaws("claims", "--json", "-")
    found = json.loads(done.stdout)
    jsonschema.validate(found, schema("claims"), cls=jsonschema.Draft202012Validator)
    assert [claim["claim"] for claim in found["claims"]] == ["T1", "T2", "U1"]
    assert "A constant below 1.8" in " ".join(done.stderr.split())
    only = genlaws("claims", "--paper", "others", "--json", "-")
    assert [claim["claim"] for claim in json.loads(only.stdout)["claims"]] == ["U1"]
    assert genlaws("claims", "--paper", "none").exit_code == 2
