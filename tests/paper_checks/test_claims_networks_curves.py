"""Learning curves and spreads of networks on images: each measurement beside an answer found another way."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import special
from threadpoolctl import threadpool_limits

from genlaws.empirical import split_points
from genlaws.paper_checks.claim_registry import find_claims
from genlaws.paper_checks.claims import martinetz_images
from genlaws.paper_checks.claims.image_curves import density_curve, zero_error_curve
from genlaws.paper_checks.claims.image_families import image_family, image_network, image_task
from genlaws.paper_checks.claims.martinetz_training import spread_of_errors
from genlaws.simulate import Measurement
from genlaws.theory.overparameterized import OVERPARAMETERIZED_MODELS

CLAIMS = {
    claim.id: claim.as_tested_by("network") for claim in find_claims(["A5b", "A6a", "A6b", "A6c", "A7"])
}
ROLES = [(name, role) for name in CLAIMS for role in ("claim", "control")]
TINY = {
    "A5b": {"members": 20, "sets": 1, "tested_on": 50, "n_examples": [4, 8, 16]},
    "A6a": {"heldout": 40, "particles": 30, "smallest_error": 0.3, "n_examples": [1, 2, 4, 6, 8, 12]},
    "A6b": {
        "heldout": 40,
        "particles": 30,
        "smallest_error": 0.3,
        "members": 20,
        "tested_on": 50,
        "sets": 1,
        "n_examples": [1, 2, 4, 6, 12],
        "fitted_up_to": 6,
        "judged_from": 4,
    },
    "A6c": {"networks": 10, "tested_on": 50, "n_examples": [2, 4, 8, 16], "fitted_up_to": 8},
    "A7": {"networks": 10, "tested_on": 50, "n_examples": [4, 8]},
}


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def one_model(monkeypatch):
    """Fits are held to theirs elsewhere: here the first model from its first start will do."""
    model = OVERPARAMETERIZED_MODELS[0]
    monkeypatch.setattr(
        martinetz_images, "OVERPARAMETERIZED_MODELS", (replace(model, starts=model.starts[:1]),)
    )


def measured(name, role="claim", *, replicates=1, seed=1, **changes):
    claim = CLAIMS[name]
    experiment = (claim if role == "claim" else claim.control).experiments["network"]
    unit = experiment.units("quick")[0]
    assert set(changes) <= set(unit)
    return Measurement.concatenate(
        experiment.measure({**unit, **changes, "replicate": k}, np.random.default_rng([seed, k]))
        for k in range(replicates)
    )


def averages(values, replicates):
    table = np.asarray(values).reshape(replicates, -1)
    return table.mean(axis=0), table.std(axis=0, ddof=1) / math.sqrt(replicates)


def networks_of(settings, seed):
    """The network of some settings, and the points that a measurement with this seed sees first."""
    rng = np.random.default_rng(seed)
    task = image_task(settings, rng)
    return image_network(settings, task), task, rng


def scores(network, inputs, count, rng, weights=None):
    """Outputs of one-hidden-layer networks in plain numpy, shape (networks, points)."""
    weights = network.weights(network.draw(count, rng)) if weights is None else weights
    (first, first_bias), (last, last_bias) = [
        (w.double().numpy(), None if b is None else b.double().numpy()) for w, b in weights
    ]
    hidden = np.maximum(np.einsum("khd,pd->kph", first, inputs) + first_bias[:, None, :], 0.0)
    return np.einsum("kph,kh->kp", hidden, last[:, 0]) + last_bias


# --- what every unit of work must be ------------------------------------------------------------------


@pytest.mark.parametrize(("name", "role"), ROLES)
def test_units_are_plain(name, role):
    claim = CLAIMS[name]
    experiment = (claim if role == "claim" else claim.control).experiments["network"]
    amounts = []
    for budget in ("quick", "standard", "full"):
        units = experiment.units(budget)
        assert json.loads(json.dumps(units)) == [dict(unit) for unit in units]
        assert len({unit["replicate"] for unit in units}) == len(units) >= 3
        amounts.append(len(units))
    assert amounts == sorted(amounts)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_seed_decides(name):
    first, again = (measured(name, **TINY[name]) for _ in range(2))
    control = measured(name, "control", seed=2, **TINY[name])
    assert json.loads(json.dumps(first.to_dict())) == json.loads(json.dumps(again.to_dict()))
    assert np.array_equal(first.x, control.x)
    assert not np.array_equal(first.y, control.y)


def test_the_standard_budget_covers_the_range():
    for claim in CLAIMS.values():
        n = claim.experiments["network"].units("standard")[0]["n_examples"]
        assert claim.x_range[0] in n
        assert n[-1] >= claim.x_range[1]


def test_a5a_says_why_networks_cannot_show_it():
    (claim,) = find_claims(["A5a"])
    assert "network" not in claim.experiments
    assert "1/M" in claim.not_applicable["network"]


# --- zero-error networks ------------------------------------------------------------------------------


def test_the_arc_of_linear_classifiers_is_that_of_a_scan_over_directions():
    sizes = [2, 4, 16]
    found = measured("A5b", "control", replicates=4, n_examples=sizes, sets=10, tested_on=400)
    mean, se = averages(found.y, 4)
    # every direction of the plane, on training sets of its own
    rng = np.random.default_rng(3)
    task = image_task({"data": "mnist5k", "task": "parity", "components": 2}, rng)
    around = (np.arange(3000) + 0.5) / 3000 * 2.0 * np.pi
    directions = np.stack([np.cos(around), np.sin(around)])
    arcs = []
    while len(arcs) < 150:
        teacher = rng.standard_normal(2)
        labels = task.inputs @ teacher > 0.0
        if not 0.25 <= labels.mean() <= 0.75:
            continue
        chosen = rng.permutation(len(task))[:416]
        wrong = (task.inputs[chosen] @ directions > 0.0) != labels[chosen, None]
        error = wrong[16:].mean(axis=0)
        arcs.append([error[~wrong[:n].any(axis=0)].mean() for n in sizes])
    exact, exact_se = averages(arcs, 150)
    assert np.all(np.abs(mean - exact) < 4.0 * np.hypot(se, exact_se))
    assert np.all(np.hypot(se, exact_se) < 0.12 * exact)


def test_zero_error_networks_are_those_that_guess_and_check_keeps():
    settings = {
        "device": "cpu",
        "data": "mnist5k",
        "task": "3-8",
        "family": "network",
        "arch": "fc:1x8",
        "components": 5,
        "members": 60,
        "sets": 6,
        "tested_on": 300,
    }
    n = np.array([2, 6])
    curves = [zero_error_curve(settings, n, np.random.default_rng([5, k])) for k in range(4)]
    mean, se = averages(curves, 4)
    network, task, rng = networks_of(settings, 6)
    kept = []
    for _ in range(60):
        chosen = rng.permutation(len(task))[:306]
        wrong = scores(network, task.inputs[chosen], 800, rng) * task.labels[chosen] <= 0.0
        error = wrong[:, 6:].mean(axis=1)
        kept.append([error[~wrong[:, :k].any(axis=1)].mean() for k in n])
    exact, exact_se = averages(kept, 60)
    assert np.all(np.abs(mean - exact) < 4.0 * np.hypot(se, exact_se))
    assert np.all(np.hypot(se, exact_se) < 0.02)


def test_repeated_examples_teach_nothing():
    found = measured("A6b", "control", **TINY["A6b"] | {"n_examples": [1, 2, 3, 4, 64]} | {"distinct": 4})
    again = measured("A6b", "control", **TINY["A6b"] | {"n_examples": [1, 2, 3, 4, 32]} | {"distinct": 4})
    # a larger n changes the foretold value only
    assert np.array_equal(found.y, again.y)
    assert found.reference[-1] < again.reference[-1]


def test_a_collapsed_ensemble_is_refused(monkeypatch):
    from genlaws.simulate import ZeroErrorEnsemble

    monkeypatch.setattr(ZeroErrorEnsemble, "status", property(lambda self: ("collapsed",) * 2))
    settings = {
        "device": "cpu",
        "data": "mnist5k",
        "task": "3-8",
        "family": "network",
        "arch": "fc:1x4",
        "components": 3,
    }
    with pytest.raises(ValueError, match="n = 2 is collapsed"):
        zero_error_curve(
            {**settings, "members": 20, "sets": 1, "tested_on": 30},
            np.array([2, 4]),
            np.random.default_rng(0),
        )


# --- what Q(E) foretells ------------------------------------------------------------------------------


def drawn_curve(settings, n, draws, seed):
    """Annealed mean error from networks drawn from the prior, survival estimated without bias."""
    rng = np.random.default_rng(seed)
    task = image_task(settings, rng)
    split = split_points(task, training=1, heldout=settings["heldout"], rng=rng)
    labels = task.labels[split.heldout]
    network = image_network(settings, task)
    right = np.concatenate(
        [
            (scores(network, task.inputs[split.heldout], 2000, rng) * labels > 0.0).sum(axis=1)
            for _ in range(draws // 2000)
        ]
    )
    points = len(labels)
    kept = [np.mean(special.comb(right, k) / special.comb(points, k)) for k in (*n, *(n + 1))]
    return 1.0 - np.array(kept[len(n) :]) / np.array(kept[: len(n)])


def test_the_curve_of_q_is_that_of_plain_draws():
    settings = {
        "device": "cpu",
        "data": "mnist5k",
        "task": "parity",
        "family": "network",
        "arch": "fc:1x16",
        "components": 10,
        "heldout": 60,
        "particles": 500,
        "smallest_error": 0.25,
        "log_floor": -28.0,
    }
    n = np.array([1, 4, 8])
    # equal seeds: equal images and held-out points
    found = density_curve(settings, n, np.random.default_rng(11))
    exact = drawn_curve(settings, n, 40_000, 11)
    assert np.all(np.abs(found - exact) < 0.015)


def test_a_perfect_classifier_takes_over_once_the_others_are_rarer():
    changes = {**TINY["A6a"], "apart": 0.01}
    with_one, without = (
        measured("A6a", role, **(changes if role == "control" else TINY["A6a"]))
        for role in ("control", "claim")
    )
    # equal seeds measure equal Q: (1 - p) Z_n + p, with Z_n the product of 1 - <E>_k
    every = measured("A6a", **TINY["A6a"] | {"n_examples": list(range(13))})
    assert with_one.x.tolist() == without.x.tolist() == [2.0, 6.0, 12.0]
    even = measured("A6a", **TINY["A6a"] | {"n_examples": [1, *range(13)]})
    error = np.full(13, np.nan)
    for table in (every, even):
        error[table.x.astype(int)] = table.y
    survival = np.concatenate([[1.0], np.cumprod(1.0 - error)])
    n = with_one.x.astype(int)
    assert np.allclose(without.y, error[n], rtol=1e-9)
    mixed = 0.99 * survival + 0.01
    assert with_one.y == pytest.approx(1.0 - mixed[n + 1] / mixed[n], rel=1e-6)


# --- trained networks ---------------------------------------------------------------------------------


def test_the_spread_is_free_of_the_points_it_was_counted_on():
    rng = np.random.default_rng(7)
    error = rng.uniform(0.1, 0.3, size=40)
    squares, naive, plain = [], [], []
    for _ in range(600):
        # hard points are hard for all: networks err on nested sets of points
        hardness = rng.uniform(size=80)
        wrong = hardness < error[:, None]
        squares.append(spread_of_errors(wrong) ** 2)
        naive.append(wrong.mean(axis=1).var(ddof=1) - np.mean(error * (1.0 - error)) / 80)
        plain.append(wrong.mean(axis=1).var(ddof=1))
    exact = error.var(ddof=1)
    se = np.std(squares) / math.sqrt(600)
    assert abs(np.mean(squares) - exact) < 4.0 * se
    assert se < 0.03 * exact
    # neither leaving the points in nor taking them for independent of one network to the next will do
    assert np.mean(plain) - exact > 4.0 * se
    assert np.mean(naive) - exact < -4.0 * se


def test_networks_that_err_alike_have_no_spread():
    wrong = np.tile(np.arange(50) < 10, (6, 1))
    assert spread_of_errors(wrong) == pytest.approx(1.0 / 50.0)


def test_the_spread_of_untrained_networks_is_that_of_the_prior():
    found = measured("A7", "control", replicates=3, networks=800, tested_on=1000)
    network, task, rng = networks_of(found.settings, 8)
    errors = np.concatenate(
        [
            (scores(network, task.inputs[:1500], 400, rng) * task.labels[:1500] <= 0.0).mean(axis=1)
            for _ in range(10)
        ]
    )
    assert np.exp(found.y) == pytest.approx(errors.std(ddof=1), rel=0.12)
    assert abs(np.exp(found.y).mean() / errors.std(ddof=1) - 1.0) < 0.055


def one_by_one(settings, sizes, networks, tested_on, seed):
    """Errors of networks trained with torch's own modules, one at a time, each on data of its own."""
    network, task, rng = networks_of(settings, seed)
    inputs = torch.tensor(np.array(task.inputs), dtype=torch.float32)
    labels = torch.tensor(np.array(task.labels), dtype=torch.float32)
    errors = np.empty((networks, len(sizes)))
    for k in range(networks):
        order = torch.from_numpy(rng.permutation(len(task)))
        rest = order[-tested_on:]
        for place, n in enumerate(sizes):
            (first, first_bias), (last, last_bias) = network.weights(network.draw(1, rng))
            hidden, out = torch.nn.Linear(*first.shape[:0:-1]), torch.nn.Linear(last.shape[2], 1)
            with torch.no_grad():
                for parameter, value in (
                    (hidden.weight, first),
                    (hidden.bias, first_bias),
                    (out.weight, last),
                    (out.bias, last_bias),
                ):
                    parameter.copy_(value[0])
            module = torch.nn.Sequential(hidden, torch.nn.ReLU(), out)
            optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
            x, y = inputs[order[:n]], labels[order[:n]]
            while True:
                margin = module(x)[:, 0] * y
                if bool((margin > 0.0).all()):
                    break
                optimizer.zero_grad()
                (0.5 * torch.relu(1.0 - margin).square().mean()).backward()
                optimizer.step()
            with torch.no_grad():
                errors[k, place] = float((module(inputs[rest])[:, 0] * labels[rest] <= 0.0).float().mean())
    return errors


def test_trained_networks_err_like_those_trained_one_by_one():
    found = measured(
        "A6c", replicates=4, networks=50, n_examples=[1, 2, 3, 8, 32], fitted_up_to=3, tested_on=600
    )
    mean, se = averages(found.y, 4)
    exact, exact_se = averages(one_by_one(found.settings, [8, 32], 40, 600, 9), 40)
    assert np.all(np.abs(mean - exact) < 4.0 * np.hypot(se, exact_se))
    assert np.all(np.hypot(se, exact_se) < 0.015)
    assert found.settings["reached"] == [50] * 5


def test_examples_that_repeat_leave_trained_networks_as_they_were():
    found = measured("A6c", "control", networks=20, tested_on=200, n_examples=[2, 4, 8, 16, 64], distinct=8,
                     fitted_up_to=8)  # fmt: skip
    # equal starts and equal examples
    assert found.y[0] == pytest.approx(found.y[1], abs=1e-12)


def test_networks_that_cannot_be_trained_are_no_measurement():
    with pytest.raises(ValueError, match="reached zero training error at n = 64"):
        measured("A7", networks=10, tested_on=50, n_examples=[64], max_steps=2)


# --- families of images -------------------------------------------------------------------------------


def test_a_teacher_of_the_family_is_never_wrong_and_never_one_sided():
    settings = {"data": "mnist5k", "task": "parity", "arch": "linear", "components": 2, "labels": "teacher"}
    around = (np.arange(20_000) + 0.5) / 20_000 * 2.0 * np.pi
    directions = np.stack([np.cos(around), np.sin(around)])
    for seed in range(3):
        task = image_task({**settings, "bias": False}, np.random.default_rng(seed))
        assert 0.25 <= np.mean(task.labels > 0) <= 0.75
        right = (task.inputs[:400] @ directions > 0.0) == (task.labels[:400, None] > 0)
        assert right.all(axis=0).any()
        assert task.name.endswith("/teacher")


def test_training_and_held_out_points_are_apart_and_of_the_task():
    settings = {"data": "mnist5k", "task": "3-8", "components": 4, "family": "process"}
    task = image_task(settings, np.random.default_rng(1))
    process = image_family(settings, task, training=10, heldout=15, rng=np.random.default_rng(2))
    assert process.error_resolution == 15
    assert process.training_set(10, np.random.default_rng(0)).tolist() == list(range(10))
