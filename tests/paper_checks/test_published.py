"""Published numbers stand beside something that the verdict really has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genlaws.paper_checks.claim import Published
from genlaws.paper_checks.claim_registry import all_claims
from genlaws.paper_checks.scores import score
from genlaws.simulate.measurement import Measurement

CLAIMS = {claim.id: claim for claim in all_claims() if claim.published}


def names_of(claim, source):
    """What a verdict of the claim can hold: its estimate, and details by name, from a made-up world."""
    law = claim.as_tested_by(source).law
    world = law.world("true", rng=1)
    measured = Measurement(
        x=world.x, replicate=world.replicate, y=world.y, se=world.se, reference=world.reference
    )
    return {"estimate", *score(law, measured, level=0.9, rng=1).details}


def strangers(claim):
    """Names of ours beside published numbers that no source's verdict holds."""
    held = set.intersection(*(names_of(claim, source) for source in claim.experiments))
    return {number.measured for number in claim.published} - held


@pytest.mark.parametrize("name", CLAIMS)
def test_ours_beside_a_published_number_exists(name):
    claim = CLAIMS[name]
    assert not strangers(claim)
    for number in claim.published:
        assert any(character.isdigit() for character in number.where)  # a year, an arXiv number, a volume
    assert strangers(replace(claim, published=(Published("a slip", 1.0, "nowhere", "exponnt"),))) == {
        "exponnt"
    }


def test_the_printed_transition_is_the_one_that_theory_gives():
    # Gyorgyi's three digits, and our own solution of the replica equations
    (number,) = CLAIMS["E8"].published
    assert number.value == round(CLAIMS["E8"].predicted, 3) == 1.245
