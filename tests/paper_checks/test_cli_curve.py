from __future__ import annotations

import json
from importlib.resources import files
from math import log, log1p

import jsonschema
import pytest
from click.testing import CliRunner

from genlaws.paper_checks.cli import main

SCHEMA = json.loads(files("genlaws.paper_checks").joinpath("schemas", "curve.schema.json").read_text("utf-8"))


def curve(*arguments):
    return CliRunner().invoke(main, ["curve", *map(str, arguments)])


def document(*arguments):
    done = curve(*arguments, "--json", "-")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    return found


@pytest.fixture
def errors(tmp_path):
    def write(text):
        path = tmp_path / "errors.csv"
        path.write_text(text, "utf-8")
        return path

    return write


def test_a_beta_density_against_its_closed_form():
    found = document("--beta", "2,5", "--examples", "0,1:1000000", "--points", 7, "--eps", 0.1)
    n = found["n"]
    assert n == [0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000]
    assert found["mean_error"] == pytest.approx([2 / (7 + k) for k in n], rel=1e-12)
    # a Beta(2, b) exceeds eps with probability (1 - eps)^b (1 + b eps)
    exact = [(5 + k) * log1p(-0.1) + log(1 + (5 + k) * 0.1) for k in n]
    assert found["log_bad_fraction"] == pytest.approx(exact, rel=1e-10)
    assert all(bound >= bad for bound, bad in zip(found["bound"], exact, strict=True))
    # a bound that follows the decay: within a polynomial factor of it at a million examples
    assert found["bound"][-1] < exact[-1] + 20


def test_without_eps_there_is_no_bad_fraction():
    found = document("--beta", "2,5", "--examples", 10)
    assert set(found) == {"schema_version", "density", "n", "mean_error"}
    assert found["density"] == {"kind": "beta", "a": 2.0, "b": 5.0}


@pytest.mark.parametrize(
    "text",
    [
        "0.1\n0.2\n0.2\n0.5\n",
        "error\n0.1\n0.2\n0.2\n0.5\n",
        "error,weight\n0.1,1\n0.2,2\n0.5,1\n",
        "# drawn\n\n0.5,10\n 0.1 , 10\n0.2,20\n0.3,0\n",
        "\ufeffE;\n0.1\r\n0.2\r\n0.2\r\n0.5",
    ],
)
def test_errors_from_a_file(errors, text):
    found = document("--errors", errors(text), "--examples", "0,3", "--eps", 0.2)
    mass = [0.9**3, 2 * 0.8**3, 0.5**3]
    mean = (0.1 * mass[0] + 0.2 * mass[1] + 0.5 * mass[2]) / sum(mass)
    assert found["mean_error"] == pytest.approx([0.25, mean], rel=1e-12)
    # above eps, not at it
    assert found["log_bad_fraction"] == pytest.approx([log(1 / 4), log(mass[2] / sum(mass))], rel=1e-12)


def test_no_bad_classifier_is_null_not_infinity(errors):
    found = document("--errors", errors("0.1\n0.2\n"), "--examples", "5,10", "--eps", 0.4)
    assert found["log_bad_fraction"] == [None, None]


def test_a_small_sample_is_warned_of(errors):
    path = errors("\n".join(str(0.1 + 0.001 * i) for i in range(100)))
    done = curve("--errors", path, "--examples", "1:1000000", "--json", "-")
    limit = json.loads(done.stdout)["density"]["largest_n_of_a_sample"]
    assert 1 < limit < 1000
    assert f"{limit:.3g} examples" in " ".join(done.stderr.split())
    assert "sample" not in curve("--errors", path, "--examples", 1).stderr


def test_json_and_picture_in_files(tmp_path):
    done = curve(
        "--beta", "2,5", "--examples", "1:100", "--json", tmp_path / "a.json", "--png", tmp_path / "a.png"
    )
    assert done.exit_code == 0
    assert done.stdout == ""
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["n"][-1] == 100
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png"]


BAD = {
    "two positive numbers like 2,5, got '2'": ["--beta", "2", "--examples", "5"],
    "got '2,x'": ["--beta", "2,x", "--examples", "5"],
    "like 2,5, got '2,-1'": ["--beta", "2,-1", "--examples", "5"],
    "like 2,5, got 'inf,1'": ["--beta", "inf,1", "--examples", "5"],
    "like 2,5, got 'nan,1'": ["--beta", "nan,1", "--examples", "5"],
    "is not in the range 2<=x<=100000": ["--beta", "2,5", "--examples", "1:5", "--points", "100000000"],
    "--eps must lie in (0, 1), got 1": ["--beta", "2,5", "--examples", "5", "--eps", "1"],
    "--eps must lie in (0, 1), got nan": ["--beta", "2,5", "--examples", "5", "--eps", "nan"],
    "give either --beta A,B or --errors FILE": ["--examples", "5"],
    "whole numbers": ["--beta", "2,5", "--examples", "5:1"],
    "Missing option '--examples'": ["--beta", "2,5"],
    "nowhere.csv' does not exist": ["--errors", "nowhere.csv", "--examples", "5"],
    "there is no folder": ["--beta", "2,5", "--examples", "5", "--json", "nowhere/a.json"],
    "must end in .png": ["--beta", "2,5", "--examples", "5", "--png", "a.gif"],
}


@pytest.mark.parametrize("said", BAD)
def test_bad_usage_is_one_line_and_status_2(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = curve(*BAD[said])
    assert done.exit_code == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert said in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no errors"),
        ("error\n", "holds no errors"),
        ("0.1\nx\n", "line 2: want an error, or error,weight, got 'x'"),
        ("0.1\n0.1,2,3\n", "line 2"),
        ("0.1\n1.5\n", "line 2: need 0 <= error <= 1 and weight >= 0, got '1.5'"),
        ("0.1,-1\n", "line 1"),
        ("0.1\nnan\n", "line 2"),
        ("0.1,0\n0.2,0\n", "a weight must be above 0"),
        # written another way, a first line of numbers is no header
        ("0.1;3\n0.2\n", "line 1: want an error, or error,weight, got '0.1;3'"),
        ("0.1 0.2\n0.3\n", "line 1"),
        ("0,1;2\n0.3\n", "line 1"),
        ("-\n0.3\n", "line 1"),
    ],
)
def test_bad_files_are_one_line_and_status_2(errors, text, said):
    done = curve("--errors", errors(text), "--examples", 5)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "errors.csv"
    path.write_bytes(b"\x89PNG\r\n\xff\xfe")
    done = curve("--errors", path, "--examples", 5)
    assert done.exit_code == 2
    assert f"{path} is not a text file" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_picture_that_fails_does_not_cost_the_numbers(tmp_path, monkeypatch):
    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genlaws.paper_checks.pictures.save_picture", full)
    done = curve("--beta", "2,5", "--examples", 5, "--json", "-", "--png", tmp_path / "a.png")
    assert done.exit_code == 2
    assert done.stderr.strip().splitlines()[-1] == "Error: [Errno 28] No space left on device"
    assert json.loads(done.stdout)["n"] == [5]
