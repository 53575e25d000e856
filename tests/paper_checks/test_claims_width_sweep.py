"""Readings of a width sweep against sweeps made and read in other ways, and the claims that rest on them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genlaws.empirical import WidthProtocol, sweep_widths
from genlaws.paper_checks.claim import BUDGETS
from genlaws.paper_checks.claims import geiger_cusp, width_sweep_readings
from genlaws.paper_checks.claims.image_families import component_task
from genlaws.paper_checks.claims.width_sweeps import own_sets_sweep, width_ensembles, width_sweep

TINY = {
    "replicate": 3,
    "examples": 30,
    "tested_on": 150,
    "training": {"hidden_layers": 1, "rate_factor": 30.0, "largest_rate": 1e-3, "max_steps": 250},
    "widths": [1, 2, 4, 8, 16],
    "networks": 5,
    "across": [1, 2, 4],
    "just_beyond": [2, 4],
    "plateau": 4,
    "beyond": 4,
    "far": 8,
    "member_width": 4,
    "members": [1, 2],
}
OWN = {"replicate": 3, "widths": [4, 8], "networks": 4, "beyond": 1, "drawn_from": 200}


@pytest.fixture(scope="module")
def measured():
    def measure(experiment, seed=5, **changes):
        (units,) = experiment.values()
        settings = {**units.units("quick")[0], **changes}
        return units.work.measure(settings, np.random.default_rng(seed))

    return measure


@pytest.fixture(scope="module")
def readings(measured):
    return measured(width_sweep("error"), **TINY)


@pytest.fixture(scope="module")
def sweep():
    """The same networks, trained by the sweep that users run, where one block holds them all."""
    rng = np.random.default_rng(5)
    task = component_task("mnist5k", "parity", 10)
    order = rng.permutation(len(task))
    own, test = order[:30], order[30:180]
    return sweep_widths(
        task.inputs[own],
        task.labels[own],
        task.inputs[test],
        task.labels[test],
        widths=TINY["widths"],
        networks=5,
        protocol=WidthProtocol(**TINY["training"]),
        rng=int(rng.integers(2**53)),
        device="cpu",
    )


def test_errors_across_the_cusp_are_those_of_the_sweep(readings, sweep):
    found = sweep.measures(sizes=[1, 5])
    n = np.array([m.parameters for m in found], dtype=float)
    assert readings["error"].x == pytest.approx(n[:3] / n[1])
    assert readings["error"].y == pytest.approx([m.error.value for m in found[:3]])
    assert readings["early error"].y == pytest.approx([m.early_error.value for m in found[:3]])
    late_minus_early = [m.error.value - m.early_error.value for m in found]
    assert readings["overtraining place"].y == n[int(np.argmax(late_minus_early))]
    for kind, at, far in (
        ("single", found[1].error, found[-1].error),
        ("ensemble", found[1].ensemble_errors[-1], found[-1].ensemble_errors[-1]),
    ):
        (y,), (reference,) = readings[f"{kind} cusp"].y, readings[f"{kind} cusp"].reference
        assert (y, reference) == pytest.approx((at.value, far.value))


def test_fluctuations_are_those_of_the_sweep(readings, sweep):
    found = sweep.measures()
    squared = [m.squared_fluctuation.value for m in found[2:]]
    assert readings["squared fluctuation"].y == pytest.approx(squared)
    ratios = [m.boundary_distance_ratio.value for m in found[2:]]
    assert readings["distance against ratio"].x == pytest.approx(ratios)


def test_what_networks_err_more_than_infinitely_many_is_read_off_all_of_them(readings, sweep):
    by_size = [m.ensemble_errors for m in sweep.measures(sizes=[1, 2, 5])]
    # eps_k = eps + a / k through k = 1 and k = 5
    slopes = np.array([(one.value - five.value) / (1 - 1 / 5) for one, _, five in by_size])
    limits = np.array([one.value for one, _, _ in by_size]) - slopes
    assert readings["excess error"].y == pytest.approx(slopes[2:])
    assert readings["infinite ensemble plateau"].y == pytest.approx(limits[2:4])
    assert readings["infinite ensemble plateau"].reference == pytest.approx([limits[-1]] * 2)
    assert readings["infinite ensemble just beyond"].y == pytest.approx([limits[1:3].mean()])
    assert readings["single just beyond"].y == pytest.approx([np.mean([e[0].value for e in by_size[1:3]])])


def test_ensembles_of_one_width_are_read_like_those_of_a_sweep(measured):
    common = {name: TINY[name] for name in ("replicate", "examples", "tested_on", "training")}
    few = {**common, "widths": [8], "networks": 6, "sizes": [1, 2]}
    found = measured(width_ensembles("ensemble excess"), **few)
    rng = np.random.default_rng(5)
    task = component_task("mnist5k", "parity", 10)
    order = rng.permutation(len(task))
    own, test = order[:30], order[30:180]
    networks = sweep_widths(
        task.inputs[own],
        task.labels[own],
        task.inputs[test],
        task.labels[test],
        widths=[8],
        networks=6,
        protocol=WidthProtocol(**TINY["training"]),
        rng=int(rng.integers(2**53)),
        device="cpu",
    )
    _, two, six = networks.measures(sizes=[1, 2, 6])[0].ensemble_errors
    assert found["ensemble excess"].x.tolist() == [1.0, 2.0]
    assert found["ensemble excess"].y[1] == pytest.approx((two.value - six.value) / (1 - 2 / 6))


def test_places_are_held_against_the_first_width_that_is_satisfied(readings, sweep):
    found = sweep.measures()
    n = [m.parameters for m in found]
    failing = []
    for networks in sweep:
        below = (networks.training_outputs * sweep.training_labels < 1.0).sum(axis=1)
        failing.append(np.median(np.where(networks.reached, 0, below)) >= 0.1 * networks.parameters)
    last = int(np.flatnonzero(failing)[-1])
    assert readings["peak"].reference[0] == pytest.approx(np.sqrt(n[last] * n[last + 1]))
    errors = [m.error.value for m in found]
    assert readings["peak"].y[0] == n[int(np.argmax(errors))]
    assert readings["early peak"].y[0] == n[int(np.argmax([m.early_error.value for m in found]))]


def test_a_budget_goes_to_several_networks_or_to_one(readings, sweep):
    four, eight, sixteen = (m.error.value for m in sweep.measures()[2:])
    n = [e.parameters for e in sweep]
    assert n[3] < 2 * n[2] < n[4]
    between = np.log(2 * n[2] / n[3]) / np.log(n[4] / n[3])
    assert readings["budget"].reference == pytest.approx([four, eight + between * (sixteen - eight)])
    assert readings["budget"].y[0] == pytest.approx(four)
    assert readings["budget"].y[1] < four
    assert readings["copied budget"].y == pytest.approx([four, four])


def test_networks_of_the_control_have_sets_of_their_own(measured, monkeypatch):
    shown = []
    kept = width_sweep_readings._Sweep

    def spy(ensembles, labels, training_labels):
        shown.append((ensembles, labels, training_labels))
        return kept(ensembles, labels, training_labels)

    monkeypatch.setattr(width_sweep_readings, "_Sweep", spy)
    changes = {name: TINY[name] for name in ("examples", "training")}
    found = measured(own_sets_sweep("squared fluctuation"), **{**OWN, **changes, "tested_on": 150})
    ensembles, _, labels = shown[0]
    assert labels.shape == (4, 30)
    assert len({row.tobytes() for row in labels}) == 4
    assert [len(networks.training_outputs[0]) for networks in ensembles] == [30, 30]
    assert found["squared fluctuation"].y.shape == (2,)


def test_no_width_removes_what_sets_of_their_own_add(measured):
    common = {
        "examples": 40,
        "tested_on": 400,
        "training": {"hidden_layers": 1, "rate_factor": 30.0, "largest_rate": 1e-3, "max_steps": 300},
    }
    own = measured(own_sets_sweep("distance"), **{**OWN, **common, "widths": [20, 160], "networks": 6})
    shared = {**TINY, **common, "widths": [2, 4, 20, 160], "beyond": 20, "far": 20, "networks": 6}
    same = measured(width_sweep("distance"), **{**shared, "across": [2, 4, 20]})
    falls = [np.log(r["squared fluctuation"].y[0] / r["squared fluctuation"].y[1]) for r in (own, same)]
    assert falls[1] > falls[0] + 0.7


def test_equal_seeds_give_equal_bits(measured, readings):
    again, other = (measured(width_sweep("error"), seed=seed, **TINY) for seed in (5, 6))
    for name, found in readings.items():
        assert found.to_dict() == again[name].to_dict()
    assert not np.array_equal(readings["error"].y, other["error"].y)
    assert {row.replicate[0] for row in readings.values()} == {3}


def test_what_cannot_be_read_is_refused(measured):
    with pytest.raises(ValueError, match="must be at most 6000, the points of mnist5k/parity, got 10000"):
        measured(width_sweep("error"), **{**TINY, "examples": 10_000})
    with pytest.raises(ValueError, match="widths must have N\\* between them"):
        measured(width_sweep("error"), **{**TINY, "examples": 2})
    with pytest.raises(ValueError, match="no network is as large as 5 of width 8"):
        measured(width_sweep("error"), **{**TINY, "member_width": 8, "members": [5]})
    wild = {**TINY["training"], "rate_factor": 1e40, "largest_rate": 1e30}
    with pytest.raises(ValueError, match="most networks diverged at widths \\[1, 2"):
        measured(width_sweep("error"), **{**TINY, "training": wild})


@pytest.mark.parametrize(
    "experiment", [width_sweep("error"), width_ensembles("ensemble excess"), own_sets_sweep("distance")]
)
def test_units_name_widths_that_are_trained(experiment):
    (units,) = experiment.values()
    sizes = []
    for budget in BUDGETS:
        group = units.units(budget)
        assert json.loads(json.dumps(group)) == group
        (first, *_) = group
        WidthProtocol(**first["training"])
        widths = set(first["widths"])
        assert sorted(widths) == first["widths"]
        if "across" in first:
            named = [first[n] for n in ("plateau", "member_width", "beyond", "far")]
            assert widths.issuperset([*named, *first["across"], *first["just_beyond"]])
            assert max(first["members"]) <= first["networks"]
        assert 2 * max(first.get("sizes", [1])) <= first["networks"]
        sizes.append((len(group), first["examples"], max(widths)))
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("claim", geiger_cusp.CLAIMS, ids=lambda claim: claim.id)
def test_claims_and_controls_are_read_from_the_same_networks(claim, readings):
    for source in claim.experiments:
        tested = claim.as_tested_by(source)
        one, other = tested.experiments[source], tested.control.experiments[source]
        assert one.reading != other.reading
        assert one.work == other.work
        assert one.units("standard") == other.units("standard")
        if source == "network":
            assert {one.reading, other.reading} <= set(readings)
            assert readings[one.reading].x == pytest.approx(readings[other.reading].x)
