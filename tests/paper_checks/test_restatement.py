"""A claim that one source tests in other numbers: judged, drawn, printed and written in those."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from genlaws.paper_checks.claim import Control, Experiment, Restatement
from genlaws.paper_checks.plots import plot_claim
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.scorecard import claim_list, scorecard
from genlaws.paper_checks.serialize import SCHEMA_VERSION, claim_to_dict, json_text
from genlaws.simulate.measurement import Measurement
from genlaws.theory import Constant, ExponentialDecay

FOUR = {
    "prediction": "4 at every n",
    "predicted": 4.0,
    "band": (3.5, 4.5),
    "falsifier": "A constant below 3.5 or above 4.5.",
}


def schema_of_claims():
    text = files("genlaws.paper_checks").joinpath("schemas", "claims.schema.json").read_text("utf-8")
    return json.loads(text)


def constant(value):
    def measure(settings, rng):
        x = np.array([10.0, 20.0, 40.0, 80.0])
        y = value + 0.05 * rng.standard_normal(4)
        return Measurement(x=x, replicate=np.full(4, settings["replicate"]), y=y)

    return {"network": Experiment(lambda budget: [{"replicate": k} for k in range(6)], measure)}


@pytest.fixture
def claim(make_claim):
    plain = make_claim()
    return make_claim(
        experiments={**plain.experiments, **constant(4.0)},
        not_applicable={},
        restated={
            "network": Restatement(
                **FOUR, law=Constant(4.0), control=Control("two again", "REFUTED", constant(2.0))
            )
        },
    )


@pytest.fixture
def run(claim):
    return run_claims([claim], sources=("simulation", "network"), rng=1)


def test_each_source_is_judged_by_its_own_numbers(run):
    simulation, network = run.verdicts
    assert (simulation.verdict, network.verdict) == ("SUPPORTED", "SUPPORTED")
    assert (simulation.predicted, simulation.band) == (2.0, (1.8, 2.2))
    assert (network.predicted, network.band) == (4.0, (3.5, 4.5))
    assert network.estimate == pytest.approx(4.0, abs=0.05)
    assert simulation.control.estimate == pytest.approx(3.0, abs=0.05)
    assert network.control.estimate == pytest.approx(2.0, abs=0.05)
    assert (network.control.description, network.control.passed) == ("two again", True)


def test_what_is_not_restated_is_the_claims_own(claim):
    tested = claim.as_tested_by("network")
    assert (tested.statement, tested.x_range, tested.rivals) == (claim.statement, claim.x_range, claim.rivals)
    assert (tested.prediction, tested.falsifier) == (FOUR["prediction"], FOUR["falsifier"])
    assert claim.as_tested_by("simulation") is claim
    assert tested.as_tested_by("network") is tested
    assert tested.as_tested_by("simulation") is tested


def test_the_range_and_the_rivals_of_a_source_count(make_claim):
    plain = make_claim()
    sources = {**plain.experiments, **constant(2.0)}
    control = Control("three", "REFUTED", {**plain.control.experiments, **constant(3.0)})
    for restated, outcome in (
        (Restatement(), "SUPPORTED"),
        (Restatement(x_range=(10.0, 800.0)), "INCONCLUSIVE"),
        (Restatement(law=ExponentialDecay(rate=2.0), rivals=(Constant(2.0),)), "REFUTED"),
        (Restatement(rivals=()), "SUPPORTED"),
    ):
        claim = replace(plain, experiments=sources, control=control, restated={"network": restated})
        simulation, network = run_claims([claim], sources=("simulation", "network"), rng=1).verdicts
        assert (simulation.verdict, network.verdict) == ("SUPPORTED", outcome)


def test_an_error_states_the_numbers_of_its_source(claim):
    claim.experiments["network"] = Experiment(lambda budget: [], None)
    (verdict,) = run_claims([claim], sources=("network",), rng=1).verdicts
    assert (verdict.verdict, verdict.predicted, verdict.band) == ("ERROR", 4.0, (3.5, 4.5))


def test_the_picture_shows_the_band_of_its_source(claim, run):
    for verdict, end in zip(run.verdicts, (2.2, 4.5), strict=True):
        below = plot_claim(claim, verdict).axes[1]
        (band,) = [patch for patch in below.patches if patch.get_width() > 0]
        assert band.get_x() + band.get_width() == pytest.approx(end)


def test_the_tables_show_both(claim, run):
    def printed(renderable):
        screen = Console(width=160, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
        with screen.file:
            screen.print(renderable)
            return " ".join(re.sub(r"[─━│]", " ", screen.export_text()).split())

    listed = printed(claim_list([claim]))
    for part in ("1.8 to 2.2", "by network: 4 at every n", "3.5 to 4.5", FOUR["falsifier"], claim.falsifier):
        assert part in listed
    assert "SUPPORTED" in printed(scorecard(run))


def test_it_is_written_as_its_schema_says(claim, make_claim):
    written = [claim_to_dict(claim), claim_to_dict(make_claim("T2"))]
    document = json.loads(json_text({"schema_version": SCHEMA_VERSION, "claims": written}))
    jsonschema.validate(document, schema_of_claims(), cls=jsonschema.Draft202012Validator)
    assert document["claims"][0]["restated"]["network"] == {
        "prediction": FOUR["prediction"],
        "law": "Constant",
        "score": "value",
        "predicted": 4.0,
        "band": [3.5, 4.5],
        "band_reason": "",
        "x_range": [10.0, 80.0],
        "falsifier": FOUR["falsifier"],
        "control": {"description": "two again", "expected": "REFUTED"},
    }
    assert document["claims"][1]["restated"] == {}
    del document["claims"][0]["restated"]["network"]["band"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema_of_claims(), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("restated", "said"),
    [
        ({"predicted": 3.0}, "predicted 3.0 lies outside the band"),
        ({"band": (2.1, 1.9)}, "band must be an interval"),
        ({"falsifier": " "}, "falsifier must not be empty"),
        ({"control": Control("nothing measured", "REFUTED", {})}, "no control for network"),
    ],
)
def test_a_restatement_is_checked_like_a_claim(make_claim, restated, said):
    plain = make_claim()
    with pytest.raises(ValueError, match=said):
        make_claim(
            experiments={**plain.experiments, **constant(4.0)},
            not_applicable={},
            restated={"network": Restatement(**restated)},
        )


def test_only_a_source_with_an_experiment_is_restated(make_claim):
    with pytest.raises(ValueError, match="claim T1: restated for network, which has no experiment"):
        make_claim(restated={"network": Restatement(predicted=2.0)})
