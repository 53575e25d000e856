"""What an experiment declares that it measures, beside the families that a unit of it really makes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genlaws.paper_checks.claim import SharedExperiment
from genlaws.paper_checks.claim_registry import all_claims
from genlaws.paper_checks.family_registry import BUILT_IN, find_family

# a unit of these takes more than a second
SLOW = {"A1b-network", "A5b-network", "E5-network", "E6-network", "E6-simulation", "E9-simulation"} | {
    f"{claim}-{source}" for claim in ("A6a", "A6b", "A6c") for source in ("network", "simulation")
}
SLOW |= {f"{claim}-network" for claim in ("B1a", "B7", "C4a", "C4e", "C4f", "C6a", "C7a", "C7e")}
SLOW |= {f"{claim}-network" for claim in ("D7a", "D8a")}
LATE = ("D1a", "D2a", "D2b", "D2c", "D2d", "D3a", "D3b", "D3e", "D3f", "D5a")
LATE += ("E1a", "E1b", "E1c", "E1e", "E1m", "E1n", "E2a", "E2b", "E2h")
SLOW |= {f"{claim}-network" for claim in LATE}
SLOW |= {"D4b-network", "D4b-simulation"}


def work_of(experiment):
    """What tells work that claims share from other work; of other experiments each is its own."""
    if not isinstance(experiment, SharedExperiment):
        return id(experiment)
    return experiment.work.name, experiment.families, json.dumps(experiment.units("quick")[0])


def experiments():
    found = {}
    for claim in all_claims():
        for source, experiment in claim.experiments.items():
            name = f"{claim.id}-{source}"
            marks = [pytest.mark.slow] if name in SLOW else []
            control = claim.as_tested_by(source).control.experiments[source]
            # once for all that share it
            found.setdefault(work_of(experiment), pytest.param(experiment, id=name, marks=marks))
            found.setdefault(work_of(control), pytest.param(control, id=f"{name}-control", marks=marks))
    return list(found.values())


@pytest.fixture
def made(monkeypatch):
    """Names of the families made so far."""
    names = set()

    def record(name, kind):
        init = kind.__init__

        def recording(self, *args, **kwargs):
            names.add(name)
            init(self, *args, **kwargs)

        monkeypatch.setattr(kind, "__init__", recording)

    for name in BUILT_IN:
        record(name, find_family(name).make)
    return names


@pytest.mark.parametrize("experiment", experiments())
def test_families_are_declared(experiment, made):
    experiment.measure(experiment.units("quick")[0], np.random.default_rng(1))
    assert sorted(made) == sorted(experiment.families)


def test_the_declarations_name_every_family_of_the_package():
    declared = {
        name
        for claim in all_claims()
        for group in (claim, *(claim.as_tested_by(source).control for source in claim.experiments))
        for experiment in group.experiments.values()
        for name in experiment.families
    }
    assert declared == set(BUILT_IN)
