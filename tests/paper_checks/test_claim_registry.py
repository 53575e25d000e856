from __future__ import annotations

import sys
from types import ModuleType

import pytest

from genlaws.paper_checks import claims as home
from genlaws.paper_checks.claim_registry import (
    all_claims,
    broken_plugins,
    claim_distributions,
    find_claims,
    forget_claims,
)


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
