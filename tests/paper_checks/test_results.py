from __future__ import annotations

import copy
import json

import pytest

from genlaws.paper_checks.results import read_results
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.serialize import SCHEMA_VERSION, json_ready, json_text


@pytest.fixture(scope="module")
def document(make_claim):
    claims = [make_claim("T2"), make_claim("T10", truth=4.0), make_claim("U1", paper="others")]
    return json_ready(run_claims(claims, rng=3).to_dict())


@pytest.fixture
def write(tmp_path, document):
    """Write the document with some entries changed; a name with a folder makes it part of a store."""

    def to(name="run.json", *, run=None, **verdict):
        changed = copy.deepcopy(document)
        changed["run"].update(run or {})
        for entry in changed["verdicts"]:
            entry.update(verdict)
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json_text(changed), encoding="utf-8")
        return place

    return to


def shown(results, claim="T2"):
    return next(entry for entry in results.claims if entry.claim == claim).shown["simulation"]


def test_a_document_comes_back_as_it_was(make_claim, write, document):
    results = read_results([write()])
    run = run_claims([make_claim("T2")], rng=3)
    result = shown(results)
    (verdict,) = run.verdicts
    for name in ("verdict", "reason", "estimate", "low", "high", "band", "seed", "replicates"):
        assert getattr(result.verdict, name) == getattr(verdict, name), name
    assert result.verdict.measurement.y.tolist() == verdict.measurement.y.tolist()
    assert (result.statement, result.falsifier, result.score) == (
        "The constant is two.",
        "A constant below 1.8 or above 2.2.",
        "value",
    )
    assert result.seconds == document["run"]["seconds"]["T2/simulation"]
    assert results.sources == ("simulation",)
    assert results.runs[0].budget == "quick"


def test_claims_are_ordered_by_paper_and_then_as_people_count(write):
    assert [claim.claim for claim in read_results([write()]).claims] == ["T2", "T10", "U1"]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("best", "other"),
    [
        ({"budget": "full", "finished": "2026-01-01T00:00:00+00:00"}, {"budget": "standard"}),
        ({"finished": "2030-01-01T00:00:00+00:00"}, {"finished": "2029-12-31T23:59:59+00:00"}),
        # an hour later on the clock, an hour earlier in time
        ({"finished": "2030-01-01T12:00:00+00:00"}, {"finished": "2030-01-01T13:00:00+02:00"}),
    ],
)
def test_the_largest_budget_is_shown_and_then_the_latest(write, best, other, order):
    paths = [write("a.json", run={"seed": 1} | best), write("b.json", run={"seed": 2} | other)]
    results = read_results(paths[::order])
    assert shown(results).run.seed == 1
    (entry,) = [claim for claim in results.claims if claim.claim == "T2"]
    assert [result.run.seed for result in entry.by_source["simulation"]] == [1, 2]
    assert len(results.runs) == 2


def test_an_earlier_revision_never_hides_a_later_one(write):
    stale = write("a.json", run={"budget": "full", "seed": 1})
    fresh = write("b.json", run={"seed": 2}, revision=2)
    assert shown(read_results([stale, fresh])).run.seed == 2


def test_images_of_ones_own_never_hide_those_that_a_claim_names(write):
    own = write("a.json", run={"data": "npz:mine.npz", "budget": "full", "seed": 1})
    named = write("b.json", run={"seed": 2})
    assert shown(read_results([own, named])).run.seed == 2
    assert shown(read_results([own])).run.seed == 1


def test_what_stands_in_two_places_counts_once(write, tmp_path):
    write("one/verdicts/x.json")
    write("two/verdicts/y.json")
    results = read_results([tmp_path / "one", tmp_path / "two", write()])
    assert len(results.runs) == 1
    assert all(len(results_of) == 1 for claim in results.claims for results_of in claim.by_source.values())


def test_a_damaged_document_of_a_store_is_named_and_left_out(write, tmp_path):
    whole = write("store/verdicts/whole.json")
    (whole.parent / "cut.json").write_bytes(whole.read_bytes()[:5000])
    results = read_results([tmp_path / "store"])
    assert [claim.claim for claim in results.claims] == ["T2", "T10", "U1"]
    (line,) = results.skipped
    assert "cut.json" in line
    assert "\n" not in line
    whole.unlink()
    with pytest.raises(ValueError, match=r"no document of the store .* can be read: .*cut\.json"):
        read_results([tmp_path / "store"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema_version": "1.5.0", "verd', "cut off"),
        ("", "no JSON"),
        ("[1, 2]", "holds no verdicts"),
        ('{"schema_version": "1.5.0", "claims": []}', "holds no verdicts"),
        (
            '{"schema_version": "2.0.0", "verdicts": [], "run": {}}',
            "schema_version '2.0.0'; this genlaws reads 1.x",
        ),
        ('{"schema_version": "1.5.0", "verdicts": [], "run": {}}', "there is no 'budget'"),
        ('{"schema_version": "1.5.0", "verdicts": [NaN], "run": {}}', "NaN is no number of JSON"),
        ("[" * 100_000, "cannot be read|can be read"),
        ("\xff\xfe\x00", "no JSON"),
    ],
)
def test_what_is_no_document_is_refused_in_one_line(tmp_path, text, said):
    place = tmp_path / "wrong.json"
    place.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=said) as caught:
        read_results([place])
    assert str(place) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"estimate": "<b>1</b>"}, "'estimate' must be a number"),
        ({"statement": 7}, "'statement' must be text"),
        ({"source": "oracle"}, "'source' must be one of"),
        ({"verdict": "PERHAPS"}, "PERHAPS"),
        ({"band": [0]}, "not a verdict"),
        ({"published": [{"quantity": "k"}]}, "there is no 'value'"),
        ({"rivals": [{"name": "r", "advantage": "x", "share": 1, "decisive": True}]}, "'advantage' must be"),
        ({"measurement": {"x": [1], "replicate": [0], "y": ["a"], "x_label": "x", "y_label": "y"}}, "T2"),
        ({"control": {"description": "none"}}, "there is no 'expected'"),
        ({"revision": True}, "'revision' must be a whole number"),
    ],
)
def test_a_verdict_of_another_shape_is_refused(write, change, said):
    with pytest.raises(ValueError, match=said):
        read_results([write(**change)])


def test_documents_of_this_major_version_are_read(write):
    place = write()
    later = json.loads(place.read_text())
    assert later["schema_version"] == SCHEMA_VERSION
    later["schema_version"] = SCHEMA_VERSION.partition(".")[0] + ".999.0"
    later["verdicts"][0]["something new"] = 1
    place.write_text(json.dumps(later))
    assert len(read_results([place]).claims) == 3


def test_a_folder_that_is_no_store(tmp_path):
    with pytest.raises(ValueError, match="is no store"):
        read_results([tmp_path])
    (tmp_path / "verdicts").mkdir()
    with pytest.raises(ValueError, match="no run is finished"):
        read_results([tmp_path])
    with pytest.raises(ValueError, match=r"cannot read .*nothing"):
        read_results([tmp_path / "nothing.json"])
