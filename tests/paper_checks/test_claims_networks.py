"""A1 to A4 on networks: that each measures what it says it measures, on pools small enough to enumerate."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from genlaws.paper_checks.claims.network_pools import drawn_networks, image_pool, of_equal_density
from genlaws.simulate import planted_bad_fraction
from genlaws.simulate.drawn_classifiers import DrawnClassifiers

POOL = {"data": "mnist5k", "task": "3-8", "components": 10, "points": 10, "arch": "fc:1x8", "device": "cpu"}
SMALL = {"points": 6, "networks": 400, "arch": "fc:1x8", "n_examples": [2, 3]}


def stream(k, seed=1):
    return np.random.default_rng([seed, k])


def by_hand(right, errors, n, eps):
    """|H(S)| and the bad fraction of every training set of n points there is."""
    sets = list(product(range(len(right)), repeat=n))
    alive = np.array([right[list(examples)].all(axis=0) for examples in sets])
    size = alive.sum(axis=1)
    return size, (alive & (errors > eps)).sum(axis=1) / np.maximum(size, 1)


def test_the_annealed_fraction_is_that_of_guess_and_check(measured):
    n, off = [20, 40], []
    for k in range(6):
        (found,) = [
            measured("A1a", source="network", seed=k, points=10, arch="fc:1x8", n_examples=n, particles=150)
        ]
        drawn = drawn_networks({**POOL, "networks": 2**17}, stream(0, seed=k))
        exact = [drawn.log_tilted_mass(i, above=0.26) - drawn.log_tilted_mass(i) for i in n]
        off.append(found.y - exact)
    mean, se = np.mean(off, axis=0), np.std(off, axis=0, ddof=1) / np.sqrt(6)
    assert np.all(np.abs(mean) < 4.5 * se + 0.02)
    assert np.all(se < 0.15)


def test_contradictions_raise_the_least_error(measured):
    drawn = drawn_networks({**POOL, "contradictions": 2, "networks": 2**13}, stream(0))
    assert drawn.errors.min() == 0.2
    assert np.all(drawn.right[:2] != drawn.right[8:])
    found = measured(
        "A1a", "control", source="network", points=10, contradictions=1, arch="fc:1x8", n_examples=[900, 1000]
    )
    # 0.3 is the next error above 0.26
    assert np.diff(found.y) / 100 == pytest.approx(np.log(0.7 / 0.9), rel=1e-4)


def test_images_and_labels_are_those_of_the_task():
    family = image_pool(POOL, stream(0))
    assert (family.error_name, family.error_resolution) == ("pool", 10)
    assert np.unique(np.asarray(family.inputs), axis=0).shape == (10, 10)
    assert set(np.unique(family.labels)) == {-1, 1}
    twice = image_pool({**POOL, "contradictions": 2}, stream(0))
    assert np.array_equal(twice.inputs[:2], twice.inputs[8:])
    assert np.array_equal(twice.labels[:2], -twice.labels[8:])


def test_the_quenched_fraction_is_that_of_the_enumerated_class(measured):
    n, off = [15, 30], []
    for k in range(5):
        found = measured(
            "A1b", source="network", seed=k, points=8, arch="fc:1x8", n_examples=n, draws=8, particles=60
        )
        drawn = drawn_networks({**POOL, "points": 8, "networks": 2**14}, stream(0, seed=k))
        exact = planted_bad_fraction(drawn, n_examples=n, eps=0.26, draws=300, rng=k)
        off.append(found.y - exact.log_bad_fraction)
    mean, se = np.mean(off, axis=0), np.std(off, axis=0, ddof=1) / np.sqrt(5)
    assert np.all(np.abs(mean) < 4.5 * se + 0.02)
    assert np.all(se < 0.3)


def test_fractions_are_those_of_all_training_sets_there_are(measured):
    found = measured("A2b", source="network", sets=1500, **SMALL)
    drawn = drawn_networks({**found.settings}, stream(0))
    for y, reference, n in zip(found.y, found.reference, (2, 3), strict=True):
        size, bad = by_hand(drawn.right, drawn.errors, n, 0.32)
        assert reference == pytest.approx((size * bad).sum() / size.sum(), rel=1e-9)
        assert abs(y - bad.mean()) < 4.5 * bad.std() / np.sqrt(1500)
        assert bad.std() / np.sqrt(1500) < 0.01


def test_the_bound_is_that_of_all_training_sets_there_are(measured):
    found = measured("A2a", source="network", sets=4000, **SMALL)
    drawn = drawn_networks({**found.settings}, stream(0))
    for y, bound, n in zip(found.y, found.reference, (2, 3), strict=True):
        size, bad = by_hand(drawn.right, drawn.errors, n, 0.32)
        gap = (size * bad).sum() / size.sum() - bad.mean()
        assert abs(y - abs(gap)) < 4.5 * bad.std() / np.sqrt(4000)
        assert bound == pytest.approx(bad.std() * size.std() / size.mean(), rel=0.1)
    crossed = measured("A2a", "control", source="network", sets=4000, **SMALL)
    assert crossed.reference == pytest.approx(found.reference, rel=0.1)
    size, bad = by_hand(drawn.right, drawn.errors, 2, 0.46)
    foretold = np.exp(drawn.log_tilted_mass(2, above=0.32) - drawn.log_tilted_mass(2))
    assert crossed.y[0] == pytest.approx(foretold - bad.mean(), abs=0.03)


def test_scattered_errors_foretell_themselves(measured):
    # hundreds of classifiers that err independently: |H(S)| hardly varies
    found = measured("A2b", "control", source="network", networks=4000, n_examples=[2, 4], sets=200)
    assert found.y == pytest.approx(found.reference, rel=0.02)


def test_exchanged_errors_leave_the_prior(measured):
    found = measured("A2c", "control", source="network", networks=4000, n_examples=[2, 4], sets=60)
    drawn = drawn_networks({**found.settings}, stream(0))
    assert found.y == pytest.approx(np.mean(drawn.errors > 0.32), abs=0.01)
    exact = [drawn.log_tilted_mass(n, above=0.32) - drawn.log_tilted_mass(n) for n in (2, 4)]
    assert found.reference == pytest.approx(np.exp(exact))
    assert np.all(found.reference < found.y - 0.02)


def test_classes_of_equal_density_have_the_errors_of_both():
    rng = np.random.default_rng(3)
    first, second = (DrawnClassifiers(rng.random((10, size)) < 0.6) for size in (700, 900))
    one, other = of_equal_density(first, second, rng)
    assert np.array_equal(np.sort(one.errors), np.sort(other.errors))
    counts = [np.bincount(np.round(10 * drawn.errors).astype(int), minlength=11) for drawn in (first, second)]
    assert one.errors.size == np.minimum(*counts).sum() > 500
    columns = {tuple(column) for column in first.right.T}
    assert all(tuple(column) in columns for column in one.right.T)


def test_both_widths_see_the_same_images_and_training_sets(measured):
    found = measured("A3", source="network", networks=1000, sets=10, arch=["fc:1x8", "fc:1x8"])
    assert found.y == pytest.approx(found.reference, rel=1e-12)


def test_one_example_of_networks_and_of_nested_errors(measured):
    found = measured("A3", "control", source="network", networks=4000, nested=4000, sets=600, n_examples=[1])
    pool = stream(0).integers(2**31, size=2)[0]
    narrow = {**found.settings, "arch": found.settings["arch"][0]}
    drawn = drawn_networks(narrow, np.random.default_rng(pool))
    by_point = np.array([drawn.errors[right].mean() for right in drawn.right])
    assert found.y[0] == pytest.approx(by_point.mean(), abs=4.5 * by_point.std() / np.sqrt(600))
    # nine points in ten have one number for all: those survive whose error is not above it
    level = np.linspace(0.0, 1.0, 20_001)
    level = level[level >= drawn.errors.min()]
    ordered = np.sort(drawn.errors)
    kept = np.searchsorted(ordered, level, side="right")
    tied = (np.cumsum(ordered)[kept - 1] / kept).mean()
    apart = np.average(drawn.errors, weights=1.0 - drawn.errors)
    share = 0.9 * level.size / 20_001  # of points where somebody survives
    exact = (share * tied + 0.1 * apart) / (share + 0.1)
    assert found.reference[0] == pytest.approx(exact, abs=0.015)
    assert found.y[0] - exact > 0.05


@pytest.mark.parametrize(("role", "noise"), [("claim", 0.0), ("control", 0.25)])
def test_survival_of_one_class_is_counted(measured, role, noise):
    found = measured(
        "A4", role, source="network", points=6, networks=4000, n_examples=[1], sets=800, next_examples=40
    )
    drawn = drawn_networks({**found.settings}, stream(0))
    asked, counted = drawn.subset(np.arange(2000)), drawn.subset(np.arange(2000, 4000))
    survival = np.mean([asked.right[:, asked.right[x]].mean() for x in range(6)])
    error = np.mean([counted.errors[counted.right[x]].mean() for x in range(6)])
    assert found.y[0] == pytest.approx((1.0 - noise) * survival + noise * (1.0 - survival), abs=0.01)
    assert found.reference[0] == pytest.approx(1.0 - error, abs=0.01)
    assert survival == pytest.approx(1.0 - error, abs=0.03)
