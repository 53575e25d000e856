"""`genlaws margin` against closed forms, the library, and files that are not what they should be."""

from __future__ import annotations

import json
import math
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from genlaws.paper_checks.cli import main
from genlaws.simulate import largest_margin

SCHEMA = json.loads(
    files("genlaws.paper_checks").joinpath("schemas", "margin.schema.json").read_text("utf-8")
)
# labels times inputs (1, .5), (1, -1.5), (3, 1): duals .75, .25, and an example that holds nothing
UNEQUAL = "u,v,kind\n1,0.5,dog\n-1,1.5,cat\n3,1,dog\n"
EQUAL = "0.5,1.5,1\n-1.5,-0.5,-1\n"
CORNERS = "1,1,1\n-1,-1,1\n1,-1,0\n-1,1,0\n"


def margin(*arguments):
    return CliRunner().invoke(main, ["margin", *map(str, arguments)])


def document(*arguments):
    done = margin(*arguments, "--json", "-")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    printed = " ".join(done.stderr.split())
    assert all(" ".join(sentence.split()) in printed for sentence in found["sentences"])
    return found


def teacher(examples, dimension, seed):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((examples, dimension))
    labels = np.sign(inputs @ rng.standard_normal(dimension))
    return "\n".join(
        ",".join(f"{value:.9f}" for value in [*x, y]) for x, y in zip(inputs, labels, strict=True)
    )


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="table.csv"):
        place = tmp_path / name
        place.write_text(text, "utf-8")
        return place

    return to_file


def test_unequal_duals_are_told_with_their_rates(write):
    found = document(write(UNEQUAL), "--steps", 10_000, "--rate", 0.1)
    best = found["largest_margin"]
    assert found["data"]["classes"] == ["cat", "dog"]
    assert best["margin"] == pytest.approx(1.0, rel=1e-12)
    assert best["support"] == [0, 1]
    assert best["approach"]["angle_coefficient"] == pytest.approx(0.5 * math.log(3.0), rel=1e-9)
    assert best["approach"]["margin_gap_coefficient"] == pytest.approx(0.27465307, rel=1e-7)
    assert best["dual_spread"] == pytest.approx(3.0, rel=1e-9)
    assert best["log_time"] == pytest.approx(math.log(1000.0), rel=1e-12)
    # w = (ln t, .) and so this is within a percent of the best; descent itself, step by step
    rows, weights = np.array([[1.0, 0.5], [1.0, -1.5], [3.0, 1.0]]), np.zeros(2)
    for _ in range(100_000):
        weights += 0.01 * np.exp(-rows @ weights) @ rows
    assert best["margin_after"] == pytest.approx((rows @ weights).min() / np.linalg.norm(weights), abs=2e-4)
    assert best["angle_after"] == pytest.approx(abs(math.atan2(weights[1], weights[0])), abs=2e-4)
    assert 20.0 < best["nearly_log_time"] < 30.0
    assert "the largest is 3 times the least" in found["sentences"][1]


def test_equal_duals_are_told_to_hide_the_law(write):
    found = document(write(EQUAL))
    assert found["largest_margin"]["nearly_log_time"] is None
    assert found["largest_margin"]["dual_spread"] == pytest.approx(1.0, rel=1e-9)
    assert "duals are equal: nothing falls" in found["sentences"][1]
    assert "t^−0.25 / ln t" in found["sentences"][1]


def test_what_lies_across_the_support_vectors_is_not_promised(write):
    one, other = document(write("1,0,1\n-3,-1,0\n")), document(write("1,0.5,1\n-1,1.5,0\n"))
    assert "in their span nothing falls" in one["sentences"][1]
    assert "best direction is 0.549" in other["sentences"][1]
    wide = document(write("1,0.5,0,1\n-1,1.5,0,0\n3,0,1,1\n"))
    assert "best direction is at least 0.549" in wide["sentences"][1]


def test_an_example_on_the_margin_that_does_not_pull_is_told(write):
    # (1, 0) alone has the largest margin, along itself, and (1, 1) happens to have the same
    found = document(write("1,0,1\n-1,-1,0\n"))
    assert found["largest_margin"]["approach"] is None
    assert found["largest_margin"]["settled_log_time"] is None
    assert "does not pull" in found["sentences"][1]


@pytest.mark.parametrize("normalization", ["none", "layers"])
def test_a_flow_ends_on_theory(write, normalization):
    found = document(
        write(UNEQUAL), "--flow", "--log-time", 1000, "--normalization", normalization, "--seed", 1
    )
    flow = found["flow"]
    times = np.array(flow["log_times"])
    late = times > 30.0
    assert late.sum() > 20
    for name, tolerance in (("margin", 0.4), ("angle", 2.0), ("log_loss", 0.4)):
        measured, expected = (np.array(flow[key])[late] for key in (name, f"expected_{name}"))
        # of directions that move by themselves theory has the first order in 1/ln t only
        assert np.all(np.abs(measured - expected) < tolerance / times[late] ** 2 + 1e-6), name
    assert max(flow["margin_error"]) < 1e-6
    assert "grew all the time" in found["sentences"][-2]


def test_deeper_linear_networks_keep_what_they_start_from_in_plain_flow_only(write):
    table = write(teacher(20, 4, seed=0))
    shorts = []
    for normalization in ("none", "layers"):
        network = (
            "--hidden-layers",
            2,
            "--width",
            3,
            "--activation",
            "linear",
            "--normalization",
            normalization,
        )
        found = document(table, "--flow", *network, "--log-time", 300, "--tolerance", 1e-6)
        flow, best = found["flow"], found["largest_margin"]["margin"]
        measured, expected = np.array(flow["margin"]) / best, np.array(flow["expected_margin"]) / best
        assert abs(measured[-1] - expected[-1]) < 2e-3
        norms = np.array(flow["norms"])
        assert np.all(np.abs(norms[-1] / flow["expected_norm"][-1] - 1.0) < 0.05)
        shorts.append(1.0 - measured[-1])
    assert shorts[0] > 3.0 * shorts[1]  # (ln t)^(-2/3) against 1/ln t


def test_networks_follow_what_no_linear_classifier_separates(write, tmp_path):
    table, picture = write(CORNERS), tmp_path / "flow.svg"
    network = ("--flow", "--hidden-layers", 1, "--width", 8, "--log-time", 100, "--tolerance", 1e-6)
    found = document(table, *network, "--seed", 2, "--png", picture)
    assert not found["separable"]
    assert found["largest_margin"] is None
    assert found["flow"]["margin"][-1] > 0.0
    assert found["flow"]["expected_margin"] is None
    assert "smoothed margin" in picture.read_text("utf-8")
    assert "No linear classifier" in found["sentences"][0]


def test_an_example_that_rounded_corners_hold_up_is_told(write):
    table = write(teacher(12, 6, seed=8))
    network = ("--hidden-layers", 2, "--width", 4, "--scale", 1.2, "--seed", 8)
    found = document(table, "--flow", *network, "--log-time", 20, "--tolerance", 1e-6)
    assert found["flow"]["left_behind"] == 1
    assert found["flow"]["margin"][-1] < 2e-3  # in proportion to the corner
    assert any("exact ReLUs would not learn" in sentence for sentence in found["sentences"])


def test_pictures_of_linear_classifiers_have_theory_on_top(write, tmp_path):
    picture = tmp_path / "flow.svg"
    document(write(UNEQUAL), "--flow", "--log-time", 100, "--png", picture)
    text = picture.read_text("utf-8")
    assert "short of the largest, %" in text
    assert "theory" in text


def test_a_bias_is_a_column_of_ones(write):
    table = write("3,1\n1,0\n")
    assert margin(table).exit_code == 2
    biased = document(table, "--bias")
    assert biased["data"]["preprocess"] == ["bias"]
    assert biased["largest_margin"]["margin"] == pytest.approx(
        largest_margin([[3.0, 1.0], [-1.0, -1.0]]).margin, rel=1e-12
    )


def test_tables_are_read_as_they_come(write, tmp_path):
    wanted = document(write(UNEQUAL))["largest_margin"]
    tabs = write("# made by hand\nkind\tu\tv\n\ndog\t1\t0.5\ncat\t-1\t1.5\ndog\t3\t1\n", "table.tsv")
    assert document(tabs, "--label", "kind")["largest_margin"] == wanted
    assert document(tabs, "--label", 1)["largest_margin"] == wanted
    array = tmp_path / "table.npy"
    np.save(array, [[1.0, 0.5, 1.0], [-1.0, 1.5, 0.0], [3.0, 1.0, 1.0]])
    assert document(array)["largest_margin"] == wanted
    packed = tmp_path / "table.npz"
    np.savez(packed, x=np.array([[1.0, 0.5], [-1.0, 1.5], [3.0, 1.0]]), y=np.array([1, -1, 1]))
    assert document(packed)["largest_margin"] == wanted


def test_images_are_examples_too():
    found = document("mnist5k", "--classes", "3,8", "--examples", 30, "--seed", 2)
    assert found["data"] == {
        "name": "mnist5k",
        "classes": ["3", "8"],
        "examples": 30,
        "dimension": 784,
        "preprocess": ["scale:255"],
    }
    assert found == document("mnist5k", "--classes", "3,8", "--examples", 30, "--seed", 2)


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("1,0,a\n2,1,a\n", (), "holds 1 class (a): there is nothing to separate"),
        ("1,0,a\n2,1,b\n0,3,c\n", (), "holds 3 classes (a, b, c): name two by --classes A,B"),
        ("1,0,a\n2,1,b\n", ("--classes", "a,z"), "--classes must be two of a, b"),
        ("1,0,a\nnan,1,b\n", (), "line 2: want 2 finite features and a label, got 'nan,1,b'"),
        ("1,0,a\n2,b\n", (), "line 2: want 2 finite features"),
        ("x,y,l\n1,0,a\n2,word,b\n", (), "line 3: want 2 finite features"),
        ("1\n2\n", (), "must have columns of features and one of labels"),
        ("\n", (), "holds no examples"),
        ("0,0,a\n1,1,b\n", (), "an example is all zeros"),
        ("1,0,a\n2,1,b\n", ("--label", "kind"), "--label must be a column"),
        ("1,0,a\n2,1,b\n", ("--examples", 3), "--examples must be from 2 to 2"),
        (CORNERS, (), "no linear classifier through the origin separates 0 and 1 of table.csv (--bias adds"),
        (CORNERS, ("--bias",), "(--flow with --hidden-layers follows a network that might)"),
        (
            CORNERS,
            ("--flow", "--hidden-layers", 1, "--activation", "linear"),
            "no linear classifier through the origin",
        ),
        (CORNERS, ("--flow", "--hidden-layers", 1, "--width", 8), "comes to rest"),
        (UNEQUAL, ("--hidden-layers", 1), "need --flow"),
        (UNEQUAL, ("--png", "flow.png"), "need --flow"),
        (UNEQUAL, ("--flow", "--png", "flow.txt"), "a picture must end in"),
        (UNEQUAL, ("--rate", 0), "--rate"),
        (UNEQUAL, ("--rate", 10), "rate must be positive and below 0.174"),
        (UNEQUAL, ("--preprocess", "whiten"), "unknown preprocess"),
    ],
)
def test_bad_input_ends_in_one_line(write, text, arguments, said):
    done = margin(write(text), *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [("none.csv", "No such file"), ("mnist5", "did you mean mnist5k"), ("broken.npy", "no complete")],
)
def test_files_that_are_none_are_named(tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.npy").write_bytes(b"nothing")
    done = margin(name)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
