from __future__ import annotations

import json
import re
import sys
from types import ModuleType

import pytest
from click.testing import CliRunner

from genlaws.paper_checks import claims as home
from genlaws.paper_checks.claim_registry import (
    all_claims,
    broken_plugins,
    claim_distributions,
    find_claims,
    forget_claims,
)
from genlaws.paper_checks.cli import main


@pytest.fixture
def modules(monkeypatch, tmp_path):
    """A folder of claims of one's own, in place of the package's."""
    monkeypatch.setattr(home, "__path__", [str(tmp_path)])

    def write(**claims_by_module):
        for name, claims in claims_by_module.items():
            (tmp_path / f"{name}.py").write_text("")
            module = ModuleType(f"{home.__name__}.{name}")
            module.CLAIMS = claims
            monkeypatch.setitem(sys.modules, module.__name__, module)
        forget_claims()

    yield write
    forget_claims()


def test_claims_of_all_modules_in_natural_order(modules, make_claim):
    modules(one=(make_claim("B10"), make_claim("A2b")), two=(make_claim("B9"), make_claim("A2a")))
    assert [claim.id for claim in all_claims()] == ["A2a", "A2b", "B9", "B10"]


def test_an_id_belongs_to_one_claim(modules, make_claim):
    modules(one=(make_claim("A1"),), two=(make_claim("A1"),))
    with pytest.raises(ValueError, match="claim A1 is defined twice: in one and two"):
        all_claims()


def test_no_claims_at_all(modules):
    modules()
    assert find_claims() == ()
    with pytest.raises(ValueError, match="unknown claim 'A1'; known: none"):
        find_claims(["A1"])


def test_claims_are_found_in_the_order_asked_for_and_once(modules, make_claim):
    modules(one=(make_claim("A1"), make_claim("A2")), two=(make_claim("B1", paper="others"),))
    assert [c.id for c in find_claims(["B1", "A1", "B1"])] == ["B1", "A1"]
    assert [c.id for c in find_claims()] == ["A1", "A2", "B1"]
    assert [c.id for c in find_claims(paper="others")] == ["B1"]
    assert [c.id for c in find_claims(["A2"], paper="tests")] == ["A2"]


@pytest.mark.parametrize(
    ("ids", "paper", "said"),
    [
        (["A"], None, "unknown claim 'A'; did you mean A1, A2"),
        (["A3"], None, "unknown claim 'A3'; did you mean A"),
        (["zebra"], None, "known: A1, A2, B1"),
        ([], "other", "unknown paper 'other'; did you mean others"),
        (["A1"], "others", "claim A1 belongs to paper 'tests', not 'others'"),
    ],
)
def test_what_is_not_there_is_named_with_what_is_near(modules, make_claim, ids, paper, said):
    modules(one=(make_claim("A1"), make_claim("A2"), make_claim("B1", paper="others")))
    with pytest.raises(ValueError, match=said):
        find_claims(ids, paper)


def test_the_claims_of_the_package_are_sound():
    forget_claims()
    for claim in all_claims():
        assert claim.falsifier
        for experiment in (*claim.experiments.values(), *claim.control.experiments.values()):
            sizes = [len(experiment.units(budget)) for budget in ("quick", "standard", "full")]
            assert 0 < sizes[0] <= sizes[1] <= sizes[2]


# --- claims of other packages -------------------------------------------------------------------------

CLAIM = """
from dataclasses import replace
from genlaws.paper_checks.claims.cross_tests import CLAIMS as F
def like(name):
    return replace(F[0], id=name, paper="others")
"""


def test_claims_of_other_packages_are_found_and_named(install):
    entries = {"one": "theirs:CLAIMS", "two": "theirs_too"}
    more = f"{CLAIM}\nCLAIMS = (like('X3'),)"
    install("theirs", {"genlaws.claims": entries}, theirs=f"{CLAIM}\nCLAIMS = (like('X10'), like('X2'))",
            theirs_too=more)  # fmt: skip
    assert [claim.id for claim in find_claims(paper="others")] == ["X2", "X3", "X10"]
    assert claim_distributions() == dict.fromkeys(["X2", "X3", "X10"], "theirs")
    assert "A1a" in {claim.id for claim in all_claims()}
    assert broken_plugins() == ()


@pytest.mark.parametrize(
    ("value", "text", "said"),
    [
        ("absent:CLAIMS", "", "does not load: ModuleNotFoundError: No module named 'absent'"),
        ("theirs:MISSING", "", "does not load: AttributeError: module 'theirs' has no attribute 'MISSING'"),
        ("theirs:CLAIMS", "raise RuntimeError('two\\nlines')", "does not load: RuntimeError: two lines"),
        ("theirs:CLAIMS", "raise SystemExit", "does not load: SystemExit: no message"),
        (
            "theirs:CLAIMS",
            "CLAIMS = 3",
            "must name a tuple of Claim, or a module with one as CLAIMS, got a int",
        ),
        ("theirs", "", "must name a tuple of Claim, or a module with one as CLAIMS, got a module"),
        ("theirs:CLAIMS", "CLAIMS = ('A1',)", "must name a tuple of Claim"),
        (
            "theirs:CLAIMS",
            f"{CLAIM}CLAIMS = (like('X1'), like('A1a'))",
            "claim A1a is already defined by genlaws",
        ),
        (
            "theirs:CLAIMS",
            f"{CLAIM}CLAIMS = (like('X1'), like('X1'))",
            "claim X1 is already defined by itself",
        ),
        ("theirs:CLAIMS", f"{CLAIM}CLAIMS = (like('../X'),)", "made of letters, digits, _ . -, got '../X'"),
    ],
)
def test_a_broken_plugin_is_named_and_does_no_harm(install, value, text, said):
    install("theirs-1", {"genlaws.claims": {"bad": value}}, theirs=text)
    install("sound", {"genlaws.claims": {"good": "sound:CLAIMS"}}, sound=f"{CLAIM}CLAIMS = (like('Y1'),)")
    (line,) = broken_plugins()
    assert line.startswith("entry point 'bad' of theirs-1 in genlaws.claims")
    assert said in line
    assert "\n" not in line
    assert [claim.id for claim in find_claims(["A1a", "Y1"])] == ["A1a", "Y1"]
    assert claim_distributions() == {"Y1": "sound"}


def test_of_two_packages_with_one_id_the_first_by_name_keeps_it(install):
    for name in ("second", "first"):
        install(name, {"genlaws.claims": {"x": f"{name}:CLAIMS"}}, **{name: f"{CLAIM}CLAIMS = (like('X1'),)"})
    assert claim_distributions() == {"X1": "first"}
    assert broken_plugins() == (
        "entry point 'x' of second in genlaws.claims: claim X1 is already defined by first",
    )


def test_the_command_line_warns_lists_and_goes_on(install):
    install("broken", {"genlaws.claims": {"x": "absent"}})
    install("theirs", {"genlaws.claims": {"x": "theirs"}}, theirs=f"{CLAIM}CLAIMS = (like('X1'),)")
    done = CliRunner().invoke(main, ["claims", "--json", "-"])
    assert done.exit_code == 0
    warning = "Warning: entry point 'x' of broken in genlaws.claims does not load"
    assert done.stderr.startswith(warning)
    assert "from theirs" in done.stderr
    listed = {claim["claim"]: claim["distribution"] for claim in json.loads(done.stdout)["claims"]}
    assert listed["X1"] == "theirs"
    assert listed["A1a"] == "genlaws"
    unknown = CliRunner().invoke(main, ["check", "X2"])
    assert unknown.exit_code == 2
    assert unknown.stderr.startswith(warning)
    assert re.search("unknown claim 'X2'; did you mean .*X1", unknown.stderr)
