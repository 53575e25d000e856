from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner
from referencing import Registry, Resource

from genlaws.paper_checks import LawOptions, Look, judge, named_law, own_claim, read_measurement, rival_law
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.named_laws import LAWS
from genlaws.theory import PowerLaw, PowerLawWithPlateau

N = np.array([100, 200, 400, 800, 1600, 3200, 6400])
COLUMNS = ("--x", "n", "--y", "error", "--replicate", "run")
CLAIM = ("--law", "power-law", "--predicted", "-0.5", "--band", "-0.55,-0.45", *COLUMNS)
BAND = ("--band", "0,2")
SCHEMAS = [
    json.loads(path.read_text("utf-8"))
    for path in files("genlaws.paper_checks").joinpath("schemas").iterdir()
    if path.name in ("judge.schema.json", "verdicts.schema.json")
]


def run(*arguments):
    return CliRunner().invoke(main, ["judge", *map(str, arguments)])


def check_schema(document):
    """Against the schema of judge, whose verdict is that of check."""
    registry = Registry().with_resources([(s["$id"], Resource.from_contents(s)) for s in SCHEMAS])
    (own,) = (schema for schema in SCHEMAS if schema["$id"].startswith("urn:genlaws:schema:judge:"))
    jsonschema.Draft202012Validator(own, registry=registry).validate(document)


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def made(name, law=PowerLaw(-0.5), *, noise=0.05, replicates=6, seed=0):  # noqa: B008
        world = law.world("true", x=N, replicates=replicates, noise=noise, rng=seed)
        rows = zip(world.x, world.y, world.replicate, strict=True)
        text = "n,error,run\n" + "".join(f"{x:.0f},{float(y)!r},seed {r}\n" for x, y, r in rows)
        (tmp_path / name).write_text(text, "utf-8")
        return name

    return made


def test_the_verdict_is_that_of_the_library_in_words_json_and_picture(write):
    file = write("true.csv")
    done = run(file, *CLAIM, "--rival", "plateau", "--seed", 3, "--json", "a.json", "--png", "a.svg")
    assert done.exit_code == 0, done.output
    measured = read_measurement(file, x="n", y="error", replicate="run")
    law = named_law("power-law", -0.5)
    claim = own_claim(
        law, measured, predicted=-0.5, band=(-0.55, -0.45), rivals=[rival_law("plateau", measured)]
    )
    control = claim.control.experiments["simulation"].measure({}, np.random.default_rng(0))
    verdict = judge(claim, "simulation", measured, control, seed=3)
    with open("a.json", encoding="utf-8") as opened:
        document = json.load(opened)
    check_schema(document)
    found = document["verdict"]
    assert (found["verdict"], found["estimate"], found["low"]) == ("SUPPORTED", verdict.estimate, verdict.low)
    assert found["control"]["verdict"] == "REFUTED"
    assert document["x_range"] == [100, 6400]
    assert document["control_file"] is None
    said = " ".join(done.stderr.split())
    assert f"✓ SUPPORTED {verdict.reason}" in said
    for words in (
        "y = C x^p", "predicted exponent −0.5; −0.55 to −0.45 counts as the same", "7 n from 100 to 6,400",
        "6 replicates", "AIC +", "last third of x", "log prefactor", "at 141,",
        "rival power law with plateau: worse by", "exponent is −0.65", "refuted as it must", "power",
    ):  # fmt: skip
        assert words in said
    with open("a.svg", encoding="utf-8") as picture:
        assert "SUPPORTED" in picture.read()


def test_refuted_by_another_exponent_and_by_a_rival(write):
    file = write("plateau.csv", PowerLawWithPlateau(-0.6))
    done = run(file, *CLAIM, "--quiet", "--json", "-", "--fail-on", "refuted")
    assert done.exit_code == 3
    assert done.stderr == ""
    check_schema(json.loads(done.stdout))
    assert json.loads(done.stdout)["verdict"]["verdict"] == "REFUTED"
    wide = ("--law", "power-law", "--predicted", "-0.5", "--band", "-2,0", *COLUMNS)
    done = run(file, *wide, "--rival", "plateau")
    assert "✗ REFUTED PowerLawWithPlateau foretells held-out x better" in " ".join(done.stderr.split())
    assert run(file, *wide, "--rival", "plateau", "--rival-margin", 1e9).stderr.startswith("✓")


def test_inconclusive_says_how_many_replicates_and_which_x(write):
    file = write("noisy.csv", noise=0.8, replicates=3)
    done = run(file, *CLAIM, "--range", ":10000", "--fail-on", "inconclusive")
    assert done.exit_code == 3
    said = " ".join(done.stderr.split())
    assert "would decide x from 100 to 10,000; about" in said
    assert "replicates instead of 3" in said
    assert "inconclusive where it must be refuted" in said


def test_a_control_that_was_measured_and_fails_stops_the_support(write):
    file, blind, good = write("true.csv"), write("blind.csv", seed=1), write("flat.csv", PowerLaw(-0.1))
    said = " ".join(run(file, *CLAIM, "--control", blind).stderr.split())
    assert said.startswith("? INCONCLUSIVE")
    assert "the control came out SUPPORTED where it must be REFUTED" in said
    done = run(file, *CLAIM, "--control", good, "--quiet", "--json", "-")
    document = json.loads(done.stdout)
    assert document["verdict"]["verdict"] == "SUPPORTED"
    assert document["control_file"] == good
    assert document["verdict"]["control"]["description"] == "measured where the law does not hold"


def test_a_look_of_several_is_stricter(write):
    file = write("true.csv")
    once, first = (
        json.loads(run(file, *CLAIM, *look, "--quiet", "--json", "-").stdout)["verdict"]
        for look in ((), ("--look", "1/4"))
    )
    assert first["level"] == pytest.approx(1 - 2 * Look(1, of=4).support_level)
    assert first["low"] < once["low"] < once["high"] < first["high"]
    assert (first["details"]["look"], first["details"]["looks"]) == (1, 4)


def test_relations_and_options_reach_the_law(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = [(x, 10 / x * (1 + 0.01 * rng.standard_normal()), r) for r in range(5) for x in (10, 20, 40, 80)]
    text = "x,y,replicate,bound,logs\n" + "".join(f"{x},{y},{r},{11 / x},{np.log(y)}\n" for x, y, r in rows)
    (tmp_path / "t.csv").write_text(text, "utf-8")
    bound = run("t.csv", "--law", "upper-bound", "--band", ",0", "--reference", "bound", "--relative")
    assert bound.stderr.startswith("✓ SUPPORTED")
    assert run("t.csv", "--law", "lower-bound", "--band", "0,", "--reference", "bound").stderr[0] == "✗"
    for arguments in (
        ("--law", "decreasing", "--band", ",0"),
        ("--law", "power-law", "--log-y", "--y", "logs", "--predicted", "-1", "--band", "-1.1,-0.9"),
        ("--law", "exponential", "--prefactor-power", "-1", "--predicted", "0", "--band", "-0.01,0.01"),
        ("--law", "divergence", "--threshold", "0", "--predicted", "1", "--band", "0.9,1.1"),
    ):
        done = run("t.csv", *arguments)
        assert done.stderr.startswith("✓ SUPPORTED"), (arguments, done.stderr)


def test_one_replicate_counts_with_its_standard_errors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    # logarithms of quantities down to 1e-300
    rows = [f"{n},{-2.0 * n + 3 * np.log(n) + 0.3 * rng.standard_normal()},0.3\n" for n in range(20, 380, 30)]
    (tmp_path / "t.csv").write_text(f"x,y,sd\n{''.join(rows)}", "utf-8")
    claim = (
        "--law",
        "exponential",
        "--log-y",
        "--prefactor-power",
        3,
        "--predicted",
        2,
        "--band",
        "1.98,2.02",
    )
    done = run("t.csv", *claim, "--se", "sd", "--rival", "power-law")
    assert done.stderr.startswith("✓ SUPPORTED")
    assert "1 replicate\n" in "\n".join(line.rstrip() for line in done.stderr.splitlines())
    assert "got one replicate without" in run("t.csv", *claim).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--law", "nope", *BAND, "--predicted", 1), "there is no law 'nope'; known: power-law, plateau"),
        (("--law", "power-law", *BAND), "predicted must be given for a band with two ends, 0 to 2"),
        (("--law", "power-law", *BAND, "--predicted", 3), "predicted 3 lies outside the band, 0 to 2"),
        ((*CLAIM, "--band", "0:2"), "--band must be two numbers like -1.1,-0.9, one of which may be left"),
        ((*CLAIM, "--band", ","), "band must be an interval with a finite end"),
        ((*CLAIM, "--range", "5"), "--range must be two numbers like 100:10000, got '5'"),
        ((*CLAIM, "--look", "3"), "--look must be like 2/4, the second of four, got '3'"),
        ((*CLAIM, "--look", "5/4"), "looks must be from 1 to 6, got number 5 of 4"),
        ((*CLAIM, "--relative"), "--relative has no meaning for the law power-law, but for upper-bound"),
        ((*CLAIM, "--log-y", "--rival", "plateau"), "--log-y has no meaning for the law plateau"),
        ((*CLAIM, "--rival", "peak"), "a rival must be a curve, got peak"),
        ((*CLAIM, "--rival", "correction"), "the law correction needs --correction-exponent"),
        ((*CLAIM, "--prefactor-power", "x", "--rival", "exponential"), "must be a number or free, got 'x'"),
        ((*CLAIM, "--y", "loss"), "want a first line that names the columns n, loss, run"),
        ((*CLAIM[:6],), "--x, --y and --replicate say what yours are called"),
        ((*CLAIM, "--png", "a.bmp"), "a picture must end in .png, .svg, .pdf, got a.bmp"),
        ((*CLAIM, "--json", "nowhere/a.json"), "there is no folder nowhere"),
        (("--law", "upper-bound", "--band", ",0", *COLUMNS), "reference must be given for a relation"),
    ],
)  # fmt: skip
def test_what_a_user_gets_wrong_ends_in_one_line(write, arguments, said):
    done = run(write("true.csv"), *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("100,0.2,a\n200,0.1,a\n400,.05,a\n", "two replicates or standard errors, got one replicate without"),
        ("100,0.2,a\n100,0.1,b\n", "x must have at least 2 distinct values for this law, got 1"),
        ("100,0.2,a\n100,0.1,b\n200,-.1,a\n200,-.1,b\n", "values of a power law must be positive, got -0.1"),
        ("0,0.2,a\n0,0.1,b\n200,.1,a\n200,.1,b\n", "values of a power law's x must be positive, got 0.0"),
        ("100,0.2,a\n100,x,b\n", "line 3: want a number n and a number error and a run, got '100,x,b'"),
    ],
)
def test_files_that_hold_too_little_end_in_one_line(tmp_path, monkeypatch, rows, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(f"n,error,run\n{rows}", "utf-8")
    done = run("t.csv", *CLAIM)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_lists_every_law_and_every_option_of_one():
    text = run("--help").stdout
    options = {word for word in text.split() if word.startswith("--")}
    for name in LAWS:
        assert f"  {name} " in text
    assert {f"--{name.replace('_', '-')}" for name in LawOptions.__dataclass_fields__} <= options
