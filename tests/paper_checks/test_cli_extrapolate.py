from __future__ import annotations

import csv
import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from genlaws.paper_checks.cli import main

SCHEMA = files("genlaws.paper_checks").joinpath("schemas", "extrapolate.schema.json").read_text("utf-8")
SIZES = np.array([100, 200, 400, 800, 1600, 3200])


def run(*arguments):
    return CliRunner().invoke(main, ["extrapolate", *map(str, arguments)])


@pytest.fixture
def errors(tmp_path):
    def write(replicates=4, sizes=SIZES):
        rng = np.random.default_rng(3)
        lines = ["n,error,replicate"]
        for name in "abcdefgh"[:replicates]:
            lines += [f"{n},{2 * n**-0.5 * np.exp(0.03 * rng.standard_normal())},{name}" for n in sizes]
        path = tmp_path / "errors.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return write


def test_sentences_tables_and_files_tell_the_same(errors, tmp_path):
    places = [tmp_path / name for name in ("a.json", "a.csv", "a.svg")]
    options = zip(("--json", "--csv", "--png"), places, strict=True)
    done = run(errors(), "--to", "6400,12800", "--error", 0.02, *(word for pair in options for word in pair))
    assert done.exit_code == 0, done.stderr
    found = json.loads(places[0].read_text("utf-8"))
    jsonschema.validate(found, json.loads(SCHEMA), cls=jsonschema.Draft202012Validator)
    assert found["laws"][0]["law"] == "PowerLaw"
    assert found["laws"][0]["parameters"]["exponent"] == pytest.approx(-0.5, abs=0.03)
    assert found["held_out"] == [1600, 3200]
    for forecast in found["forecasts"]:
        assert forecast["error"] == pytest.approx(2 * forecast["n"] ** -0.5, rel=0.1)
        assert forecast["low"] < 2 * forecast["n"] ** -0.5 < forecast["high"]
    assert found["wanted"]["low"] < 10_000 < found["wanted"]["high"]
    rows = list(csv.DictReader(places[1].read_text("utf-8").splitlines()))
    assert [float(row["high"]) for row in rows] == [forecast["high"] for forecast in found["forecasts"]]
    assert "<svg" in places[2].read_text("utf-8")
    said = " ".join(done.stderr.split())
    assert f"At 12,800 examples the mean error will be {found['forecasts'][1]['error']:.3g}" in said
    assert "best told by the power law" in said
    assert "An error of 0.02 takes" in said


def test_one_replicate_and_nothing_on_the_screen(errors):
    done = run(errors(1), "--to", 6400, "--quiet", "--json", "-")
    found = json.loads(done.stdout)
    jsonschema.validate(found, json.loads(SCHEMA), cls=jsonschema.Draft202012Validator)
    assert found["replicates"] == 1
    assert found["forecasts"][0]["new_low"] is None
    assert done.stderr == ""
    assert "one replicate" in " ".join(run(errors(1), "--to", 6400).stderr.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "6400", "--error", "2"], "--error must lie in (0, 1), got 2"),
        (["--to", "6400", "--level", "1"], "--level must lie in (0, 1), got 1"),
        (["--to", "many"], "--to must be whole numbers"),
        (["--to", "10"], "from the smallest measured, 100, on"),
        (["--to", "6400", "--png", "a.bmp"], "a picture must end in .png, .svg, .pdf, got a.bmp"),
        (["--to", "6400", "--csv", "nowhere/a.csv"], "there is no folder nowhere"),
    ],
)
def test_what_a_user_gets_wrong_ends_in_one_line(errors, arguments, said):
    done = run(errors(), *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_too_few_sizes_say_how_many(errors):
    done = run(errors(4, SIZES[:4]), "--to", 6400)
    assert done.exit_code == 2
    assert "needs 5 distinct n, four to fit and one to hold out, got 4" in done.stderr
