"""The bank of made-up worlds: its settings, its counts, its table and its command."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest
from click.testing import CliRunner

from genlaws.paper_checks.calibration import Rates, Setting, measure_rates, settings
from genlaws.paper_checks.calibration_bank import CASES, DESIGNS
from genlaws.paper_checks.calibration_table import calibration_rows, markdown, summary
from genlaws.paper_checks.cli import main
from genlaws.theory import laws
from genlaws.theory.laws import Law


def genlaws(*arguments):
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)])


def rates(truth="true", supported=0, refuted=0, worlds=500, level=1.0, edge=None, design="even"):
    return Rates(
        Setting("power law", design, level, truth, edge),
        supported,
        refuted,
        worlds - supported - refuted,
        0,
        8.0,
    )


def test_every_law_has_a_case():
    import genlaws.theory

    public = {kind for kind in vars(genlaws.theory).values() if isinstance(kind, type)}
    protocols = {laws.Law, laws.CurveLaw, laws.PointwiseLaw}
    every = {kind for kind in public - protocols if hasattr(kind, "score_name") and hasattr(kind, "world")}
    assert every == {type(case.law) for case in CASES.values()}
    assert all(isinstance(case.law, Law) for case in CASES.values())


def test_settings_hold_both_edges_and_both_levels():
    found = settings(["power law"], ["even"])
    assert {setting.level for setting in found} == {0.5, 1.0}
    assert [(s.truth, s.edge) for s in found if s.level == 1.0] == [
        ("true", None), ("edge", -1.1), ("edge", -0.9), ("wrong", None), ("rival", None)
    ]  # fmt: skip
    assert len({tuple(s.seed(0).spawn_key) for s in settings()}) == len(settings())
    assert not any(s.case == "equal distributions" and s.design == "growing" for s in settings())


@pytest.mark.parametrize(("cases", "designs"), [(["power"], []), ([], ["odd"])])
def test_unknown_names_are_refused(cases, designs):
    with pytest.raises(ValueError, match=r"must be one of .*, got '(power|odd)'"):
        settings(cases, designs)


def test_equal_seeds_give_equal_rates_and_worlds_differ():
    setting = Setting("power law", "even", 1.0, "true")
    assert measure_rates(setting, worlds=12, seed=3) == measure_rates(setting, worlds=12, seed=3)
    with pytest.raises(ValueError, match="worlds must be at least 1"):
        measure_rates(setting, worlds=0)


def test_looks_need_fewer_replicates_where_the_case_is_clear():
    open_ = measure_rates(Setting("power law", "until decided", 1.0, "edge", -1.1), worlds=10)
    wrong = measure_rates(Setting("power law", "until decided", 1.0, "wrong"), worlds=10)
    assert wrong.replicates == 8
    assert 32 < open_.replicates <= 64


def test_what_is_false_depends_on_the_truth():
    assert rates("true", 400, 3).false_verdicts == {"REFUTED": 3}
    assert rates("edge", 20, 9, edge=-1.1).false_verdicts == {"SUPPORTED": 20, "REFUTED": 9}
    assert rates("wrong", 1, 499).false_verdicts == {"SUPPORTED": 1}
    assert rates("rival", 1, 400).false_verdicts == {"SUPPORTED": 1}


def test_too_often_is_more_than_chance_makes_of_five_percent():
    assert not rates("edge", 40, edge=-1.1).too_often  # 8 % of 500 worlds
    assert rates("edge", 42, edge=-1.1).too_often
    assert not rates("true", 300, 10).too_often


def test_rows_have_the_worst_of_both_levels():
    group = [
        rates("true", 480, 5, level=0.5), rates("true", 300, 2),
        rates("edge", 10, 30, edge=-1.1), rates("edge", 25, 4, edge=-0.9, level=0.5),
        rates("wrong", 1, 490, level=0.5), rates("wrong", 0, 450),
    ]  # fmt: skip
    (row,) = calibration_rows(group)
    assert (row.false_supported, row.false_refuted) == (0.05, 0.06)
    assert (row.supported, row.refuted, row.rival_refuted) == ((0.96, 0.6), (0.98, 0.9), ())
    assert not row.too_often
    assert "largest rate of 1 rows is 6.0%" in summary([row])
    (bad,) = calibration_rows([*group, rates("edge", 100, edge=-1.1)])
    assert bad.too_often
    assert "more frequent than 5% in: power law (even)" in summary([bad])
    page = markdown([*group, rates("edge", 100, edge=-1.1)])
    assert "| power law | even | 20.0 ! | 6.0 ! |" in page
    assert "| power law | 1,500 | 9.0 | 2.3 |" in page  # (10 + 25 + 100) and (30 + 4) of them
    assert summary([]) == "nothing was calibrated"


def test_the_command_counts_keeps_and_goes_on(tmp_path):
    counts, page = tmp_path / "counts.json", tmp_path / "table.md"
    asked = ["constant", "--design", "even", "--worlds", 4, "--workers", 1, "--counts", counts]
    done = genlaws(*asked, "--markdown", page, "--json", "-")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    schema = files("genlaws.paper_checks").joinpath("schemas", "calibrate.schema.json").read_text("utf-8")
    jsonschema.validate(document, json.loads(schema), cls=jsonschema.Draft202012Validator)
    assert document == json.loads(counts.read_text())
    assert [Rates.from_dict(entry).setting for entry in document["rates"]] == list(
        settings(["constant"], ["even"])
    )
    assert page.read_text().startswith("# Rates of false verdicts\n\n4 made-up worlds")
    # what is there is not measured again
    document["rates"][0] |= {"supported": 4, "refuted": 0, "inconclusive": 0}
    counts.write_text(json.dumps(document))
    again = genlaws(*asked, "--json", "-")
    assert json.loads(again.stdout) == document
    # nor lost where other cases are asked for
    other = genlaws("ordering", *asked[1:], "--json", "-")
    assert other.exit_code == 0, other.output
    kept = json.loads(counts.read_text())["rates"]
    assert kept == document["rates"] + json.loads(other.stdout)["rates"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"worlds": 5, "seed": 0, "rates": []}', "is of 5 worlds and seed 0, not of 4 and 0"),
        ('{"worlds": 4, "seed": 0}', "holds no rates"),
        ('{"worlds": 4, "seed": 0, "rates": [{}]}', "holds no rates"),
        (
            '{"worlds": 4, "seed": 0, "rates": [{"case": "constant", "design": "even", "level": 1.0, '
            '"truth": "true", "edge": null, "supported": 0, "refuted": 0, "inconclusive": 0, "failed": 0, '
            '"replicates": 8.0}]}',
            "not all are of 4 worlds",
        ),
        ("{", "cut off"),
    ],
)
def test_counts_of_something_else_are_refused_and_kept(tmp_path, text, said):
    counts = tmp_path / "counts.json"
    counts.write_text(text)
    done = genlaws("constant", "--worlds", 4, "--counts", counts)
    assert done.exit_code == 2
    assert said in done.stderr
    assert counts.read_text() == text


def test_an_unknown_case_names_those_that_there_are():
    done = genlaws("parabola")
    assert done.exit_code == 2
    assert "case must be one of power law" in done.stderr


def test_designs_say_what_they_are():
    assert all(design.about for design in DESIGNS.values())
    few = replace(CASES["power law"], replicates=3)
    assert not DESIGNS["few replicates"].suits(few)
