from __future__ import annotations

import json
import math
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

from genlaws.paper_checks.claim import Experiment
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.serialize import SCHEMA_VERSION, claim_to_dict, json_ready, json_text
from genlaws.paper_checks.verdict import Outcome

NAMES = (
    "verdicts", "claims", "show", "calibrate", "sample", "curve", "margin", "train", "sweep", "phase",
    "extrapolate", "judge",
)  # fmt: skip


def schema(name):
    text = files("genlaws.paper_checks").joinpath("schemas", f"{name}.schema.json").read_text("utf-8")
    return json.loads(text)


def valid(name, document):
    return jsonschema.Draft202012Validator(schema(name)).is_valid(document)


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_schemas_of_this_version(name):
    jsonschema.Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema(name)["properties"]["schema_version"]["const"] == SCHEMA_VERSION


@pytest.fixture
def document(make_claim):
    broken = make_claim("T3")
    broken.experiments["simulation"] = Experiment(lambda budget: [], None)
    open_band = make_claim("T4", band=(-math.inf, 2.2))
    claims = [make_claim("T1"), make_claim("T2", truth=4.0), broken, open_band]
    run = run_claims(claims, sources=("simulation", "network"), rng=1)
    return json.loads(json_text(run.to_dict()))


def test_a_run_fits_its_schema(document):
    jsonschema.validate(document, schema("verdicts"), cls=jsonschema.Draft202012Validator)
    assert [(v["claim"], v["source"]) for v in document["verdicts"]] == [
        (c, s) for c in ("T1", "T2", "T3", "T4") for s in ("simulation", "network")
    ]
    assert {v["verdict"] for v in document["verdicts"]} == {"SUPPORTED", "REFUTED", "ERROR", "NOT_APPLICABLE"}
    assert document["verdicts"][6]["band"] == [None, 2.2]


def broken_documents(document):
    def changed(change):
        copy = json.loads(json.dumps(document))
        change(copy)
        return copy

    return {
        "a key is missing": changed(lambda d: d["verdicts"][0].pop("seed")),
        "a key too many": changed(lambda d: d["verdicts"][0].update(colour="green")),
        "time outside run": changed(lambda d: d.update(seconds=3.0)),
        "lower case": changed(lambda d: d["verdicts"][0].update(verdict="supported")),
        "support by a control that failed": changed(
            lambda d: d["verdicts"][0]["control"].update(passed=False)
        ),
        "support without an estimate": changed(lambda d: d["verdicts"][0].update(estimate=None)),
        "refuted without evidence": changed(lambda d: d["verdicts"][2].update(measurement=None)),
        "an estimate from an error": changed(lambda d: d["verdicts"][4].update(estimate=1.0)),
        "a seed that is no seed": changed(lambda d: d["run"].update(seed=-1)),
        "another version": changed(lambda d: d.update(schema_version="0")),
    }


def test_the_schema_refuses_what_is_wrong(document):
    assert valid("verdicts", document)
    accepted = [name for name, wrong in broken_documents(document).items() if valid("verdicts", wrong)]
    assert accepted == []


def test_claims_fit_their_schema(make_claim):
    listed = [claim_to_dict(make_claim("T1")), claim_to_dict(make_claim("T2", band=(1.0, math.inf)))]
    document = json.loads(json_text({"schema_version": SCHEMA_VERSION, "claims": listed}))
    jsonschema.validate(document, schema("claims"), cls=jsonschema.Draft202012Validator)
    document["claims"][0]["falsifier"] = ""
    assert not valid("claims", document)


def test_json_holds_plain_finite_values():
    ready = json_ready(
        {
            "array": np.array([1.0, np.nan, -np.inf]),
            "integer": np.int64(3),
            "flag": np.bool_(True),
            "tuple": (1, "two", None),
            "outcome": Outcome.REFUTED,
        }
    )
    assert ready == {
        "array": [1.0, None, None],
        "integer": 3,
        "flag": True,
        "tuple": [1, "two", None],
        "outcome": "REFUTED",
    }
    assert type(ready["outcome"]) is str
    assert type(ready["flag"]) is bool


@pytest.mark.parametrize("value", [object(), b"bytes", 1j, {1, 2}])
def test_what_has_no_form_in_json_is_refused(value):
    with pytest.raises(ValueError, match="cannot write a"):
        json_ready({"x": value})


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"empty": [], "nested": [[1, 2], [3]], "none": None},
        {"text": 'quotes " and \\ and é and \n', "list": ["[1, 2]", "{"]},
        {"numbers": [1e-300, -0.0, 1e300, 0.1, 2**53]},
        {"rows": [{"a": [1, 2], "b": {}}, {"a": [], "b": {"c": 1}}]},
    ],
)
def test_json_text_is_read_back_as_it_was(value):
    assert json.loads(json_text(value)) == value


def test_lists_of_numbers_take_one_line():
    assert json_text({"y": list(range(1000))}).count("\n") == 3
