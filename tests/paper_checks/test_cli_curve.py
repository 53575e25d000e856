from __future__ import annotations

import csv
import json
from dataclasses import replace
from importlib.resources import files
from math import exp, log, log1p

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from genlaws.paper_checks.cli import main
from genlaws.simulate import (
    SphericalPerceptron,
    largest_measured_n,
    measured_learning_curve,
    sample_error_density,
)
from genlaws.theory import (
    BetaErrorDensity,
    CountErrorDensity,
    PerceptronErrorDensity,
    SampledErrorDensity,
    bad_fraction_band,
    examples_needed,
    learning_curve,
    learning_curve_band,
    sample_compression_bound,
    vc_bound,
)

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
    assert f"Beyond {limit:.3g} examples fewer than 30" in " ".join(done.stderr.split())
    assert "carry the curve" not in curve("--errors", path, "--examples", 1).stderr


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
    "give either --beta A,B or --errors FILE or --ensemble FILE": ["--examples", "5"],
    "say what --errors FILE holds": ["--beta", "2,5", "--examples", "5", "--whole"],
    "--error must lie in (0, 1), got 1": ["--beta", "2,5", "--examples", "5", "--error", "1"],
    "--confidence must lie in (0, 1), got 0": ["--beta", "2,5", "--examples", "5", "--confidence", "0"],
    "--delta must lie in (0, 1), got 1": ["--beta", "2,5", "--examples", "5", "--delta", "1"],
    "--classifiers must be finite and at least 1": ["--beta", "2,5", "--examples", "5", "--classifiers", "0"],
    "natural logarithm of a fraction": ["--beta", "2,5", "--examples", "5", "--log-fraction", "0.5"],
    "give one number of --examples": ["--beta", "2,5", "--examples", "5,6", "--log-fraction", "-3"],
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


def drawn(seed=0, size=5000):
    return BetaErrorDensity(2, 5).sample(size, rng=seed)


def test_a_sample_has_the_band_of_the_theory(tmp_path):
    np.save(tmp_path / "errors.npy", drawn())
    found = document(
        "--errors", tmp_path / "errors.npy", "--examples", "0,5,20", "--eps", 0.2, "--error", 0.15
    )
    band = learning_curve_band(drawn(), n=[0, 5, 20])
    assert found["mean_error_low"] == pytest.approx(band.low)
    assert found["mean_error_high"] == pytest.approx(band.high)
    bad = bad_fraction_band(drawn(), n=[0, 5, 20], eps=0.2)
    assert found["log_bad_fraction_low"] == pytest.approx(bad.low)
    assert found["log_bad_fraction_high"] == pytest.approx(bad.high)
    assert found["confidence"] == 0.95
    # the density itself takes 2 / 0.15 - 7 = 6.33
    assert found["examples_needed_low"] < 6.33 < found["examples_needed_high"] < 10
    assert found["examples_needed"] == pytest.approx(6.33, rel=0.08)
    assert "decay_rate" not in found
    narrower = document("--errors", tmp_path / "errors.npy", "--examples", "5", "--confidence", 0.5)
    assert narrower["mean_error_low"][0] > found["mean_error_low"][1]


def test_the_whole_set_has_no_band_but_a_rate(errors):
    done = curve("--errors", errors("0.1\n0.5\n0.5\n0.5\n"), "--whole", "--examples", "5")
    assert "taken as the whole set" in done.stderr
    found = document(
        "--errors", errors("0.1\n0.5\n0.5\n0.5\n"), "--whole", "--examples", "5", "--eps", 0.3, "--error", 0.2
    )
    assert "mean_error_low" not in found
    assert found["decay_rate"] == pytest.approx(log(0.9 / 0.5))
    assert found["examples_needed"] == pytest.approx(log(9) / log(0.9 / 0.5))


def test_weights_leave_no_band(errors):
    found = document("--errors", errors("0.1,1\n0.5,3\n"), "--examples", "1")
    assert "mean_error_low" not in found
    assert (
        "no band for draws with weights"
        in curve("--errors", errors("0.1,1\n0.5,3\n"), "--examples", "1").stderr
    )


def test_weights_stay_with_their_errors(errors):
    values = drawn(size=4000)
    text = "\n".join(f"{value},{1 + (value > 0.3)}" for value in values)
    found = document("--errors", errors(text), "--examples", "1", "--error", 0.15)
    density = SampledErrorDensity(values, 1 + (values > 0.3))
    assert found["examples_needed"] == pytest.approx(float(examples_needed(density, 0.15)), rel=1e-9)


def test_counts_on_held_out_points(tmp_path):
    counts = np.random.default_rng(1).binomial(200, drawn())
    np.save(tmp_path / "errors.npy", counts / 200)
    found = document(
        "--errors",
        tmp_path / "errors.npy",
        "--held-out",
        200,
        "--examples",
        "0,10",
        "--eps",
        0.2,
        "--error",
        0.15,
    )
    assert found["mean_error"] == pytest.approx(learning_curve(CountErrorDensity(counts, 200), [0, 10]))
    low, high = found["mean_error_low"], found["mean_error_high"]
    assert all(a < b < c for a, b, c in zip(low, found["mean_error"], high, strict=True))
    assert "bound" not in found
    assert found["examples_needed_low"] <= found["examples_needed"] <= found["examples_needed_high"]
    wrong = curve("--errors", tmp_path / "errors.npy", "--held-out", 7, "--examples", "1")
    assert wrong.exit_code == 2
    assert "is no share of 7 held-out points" in wrong.stderr


def test_more_examples_than_a_file_supports_are_named_by_their_option(tmp_path, measured):
    np.save(tmp_path / "errors.npy", np.random.default_rng(1).binomial(200, drawn()) / 200)
    (tmp_path / "measured.json").write_text(json.dumps(measured.to_dict()), "utf-8")
    points = np.arange(1, 21) / 20
    heldout = replace(
        measured,
        errors=points,
        log_cdfs=np.log(np.tile(points, (4, 1))),
        error_name="heldout",
        error_resolution=20,
    )
    (tmp_path / "heldout.json").write_text(json.dumps(heldout.to_dict()), "utf-8")
    most = CountErrorDensity(np.rint(np.load(tmp_path / "errors.npy") * 200), 200).largest_n
    for option, name, limit in (
        (("--held-out", 200, "--errors"), "errors.npy", most),
        (("--ensemble",), "measured.json", int(largest_measured_n(measured))),
        (("--ensemble",), "heldout.json", 19),
    ):
        path = tmp_path / name
        assert curve(*option, path, "--examples", f"1,{limit}").exit_code == 0
        bad = curve(*option, path, "--examples", f"1,{limit + 1}")
        assert bad.exit_code == 2
        said = f"Error: --examples must be at most {limit}, what {path} supports, got {limit + 1}"
        assert bad.stderr.strip() == said
    bad = curve("--ensemble", tmp_path / "heldout.json", "--examples", 1, "--eps", 0.1)
    assert bad.exit_code == 2
    assert bad.stderr.strip().startswith("Error: --eps needs a density of exact errors or on a pool")


def test_classical_bounds_stand_beside():
    found = document(
        *(
            "--beta",
            "2,5",
            "--examples",
            "0,100",
            "--classifiers",
            1000,
            "--vc-dimension",
            3,
            "--compression",
            4,
        ),
        *("--delta", 0.1),
    )
    # ln Z_100 of a Beta(2, 5) density: B(2, 105) / B(2, 5)
    log_fraction = log(5 * 6 / (105 * 106))
    assert found["classical"]["occam"] == pytest.approx([1.0, 1 - exp(-(log(1000) + log(10)) / 100)])
    assert found["classical"]["zero_error"][1] == pytest.approx(1 - exp(-(log(10) - log_fraction) / 100))
    assert found["classical"]["pac_bayes"][1] == pytest.approx(1 - exp(-(log(20 * 10) - log_fraction) / 100))
    assert found["classical"]["vc"][1] == pytest.approx(float(vc_bound(3, 100, 0.1)))
    assert found["classical"]["compression"][1] == pytest.approx(float(sample_compression_bound(4, 100, 0.1)))
    assert found["log_fraction_of"] == "annealed"
    assert all(values[0] == 1.0 for values in found["classical"].values())
    given = document("--beta", "2,5", "--examples", "100", "--log-fraction", -20)
    assert given["log_fraction_of"] == "given"
    assert given["classical"]["zero_error"] == pytest.approx([1 - exp(-(log(20) + 20) / 100)])
    assert given["delta"] == 0.05


@pytest.fixture(scope="module")
def measured():
    return sample_error_density(SphericalPerceptron(5), particles=100, replicas=4, log_floor=-12.0, rng=1)


def test_a_measured_density_from_its_file(measured, tmp_path):
    path = tmp_path / "measured.json"
    path.write_text(json.dumps(measured.to_dict()), "utf-8")
    found = document(
        "--ensemble", path, "--examples", "1,10", "--eps", 0.2, "--error", 0.2, "--vc-dimension", 5
    )
    middle, band = measured_learning_curve(measured, n=[1, 10])
    assert found["mean_error"] == pytest.approx(middle)
    assert found["mean_error_low"] == pytest.approx(band.low)
    assert found["density"]["kind"] == "measured"
    assert found["examples_needed_low"] < found["examples_needed"] < found["examples_needed_high"]
    assert found["examples_needed"] == pytest.approx(examples_needed(PerceptronErrorDensity(5), 0.2), rel=0.3)
    said = " ".join(curve("--ensemble", path, "--examples", "1,10", "--error", 0.2).stderr.split())
    assert "over 4 runs of the splitting, with 95 % confidence at all n together" in said
    assert "(95 % for this range by itself)" in said
    assert "Fewer than 6 runs" in said
    one = curve("--ensemble", path, "--examples", "10", "--confidence", 0.999)
    assert "99.9 % confidence" in one.stderr
    assert "Fewer than" not in one.stderr
    for text, said in (("{}", "no measured error density"), ("x", "is not a JSON file"), ("[1]", "holds no")):
        path.write_text(text, "utf-8")
        bad = curve("--ensemble", path, "--examples", "1")
        assert bad.exit_code == 2
        assert said in bad.stderr


def test_columns_as_csv(tmp_path):
    done = curve(
        "--beta", "2,5", "--examples", "1,10", "--eps", 0.1, "--delta", 0.1, "--csv", tmp_path / "a.csv"
    )
    assert done.exit_code == 0
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text("utf-8").splitlines()))
    assert [row["n"] for row in rows] == ["1", "10"]
    assert [float(row["mean_error"]) for row in rows] == pytest.approx([2 / 8, 2 / 17])
    assert list(rows[0]) == [
        "n",
        "mean_error",
        "log_bad_fraction",
        "bound",
        "pac_bayes_bound",
        "zero_error_bound",
    ]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([[0.1, 1.0, 2.0]]), "got shape (1, 3)"),
        (np.array([0.1, np.nan]), "must be finite"),
        (np.array([0.1, 1.5]), "row 2: need 0 <= error <= 1"),
        (np.array([]), "holds no errors"),
        (np.array(["a"]), "is not a NumPy file of numbers"),
        (np.array([None]), "is not a NumPy file of numbers"),  # pickled: never loaded
    ],
)
def test_bad_numpy_files_are_one_line_and_status_2(tmp_path, array, said):
    np.save(tmp_path / "errors.npy", array)
    done = curve("--errors", tmp_path / "errors.npy", "--examples", 5)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_pictures_of_bands_and_bounds(errors, tmp_path):
    path = errors("\n".join(str(value) for value in drawn(size=200)))
    done = curve(
        *("--errors", path, "--examples", "1:1000", "--points", 5, "--eps", 0.2, "--error", 0.1),
        *("--vc-dimension", 5, "--png", tmp_path / "a.png"),
    )
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
