"""`genlaws show`: a claim in full, and what came of it before."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from click.testing import CliRunner

from genlaws.paper_checks.claim_registry import find_claims
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.serialize import json_text


def genlaws(*arguments):
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, [str(argument) for argument in arguments])


def shown(*arguments):
    done = genlaws("show", *arguments, "--json", "-")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    schema = files("genlaws.paper_checks").joinpath("schemas", "show.schema.json").read_text("utf-8")
    jsonschema.validate(document, json.loads(schema), cls=jsonschema.Draft202012Validator)
    return document, " ".join(done.stderr.split())


def test_a_claim_is_shown_with_all_that_it_fixes():
    document, text = shown("A1a")
    (claim,) = find_claims(["A1a"])
    assert [entry["claim"] for entry in document["claims"]] == ["A1a"]
    assert document["past"] == []
    for said in (claim.statement, claim.where, claim.prediction, claim.falsifier, claim.control.description):
        assert " ".join(said.split()) in text
    assert f"{len(claim.experiments['simulation'].units('quick'))} units of work" in text
    assert "by networks" in text


def test_a_source_without_an_experiment_gives_its_reason():
    _, text = shown("E8")
    assert "not by networks: " + find_claims(["E8"])[0].not_applicable["network"] in text


@pytest.mark.parametrize("looks", [1, 3])
def test_past_verdicts_are_shown(tmp_path, looks):
    (claim,) = find_claims(["E8"])
    run = run_claims([claim], rng=3, looks=looks)
    path = tmp_path / "verdicts.json"
    path.write_text(json_text(run.to_dict()))
    document, text = shown("E8", "F1", "--results", path)
    (past,) = document["past"]
    verdict = run.verdicts[0]
    assert (past["claim"], past["verdict"], past["estimate"]) == (
        "E8",
        str(verdict.verdict),
        verdict.estimate,
    )
    assert (past["seed"], past["replicates"], past["place"]) == (3, verdict.replicates, str(path))
    assert "Past verdicts" in text
    assert "no verdict on it there" in text  # F1
    assert (f"look {verdict.details.get('look')} of 3" in text) == (looks == 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["A1"], "unknown claim"),
        (["A1a", "--results", "nowhere.json"], "cannot read nowhere.json"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_shown(arguments, said):
    done = genlaws("show", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
