"""Fluctuation, ensemble error and boundary distance from outputs whose laws are known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import special

from genlaws.simulate.output_ensembles import (
    boundary_distance,
    boundary_distance_ratio,
    classification_errors,
    ensemble_error,
    group_means,
    infinite_ensemble_error,
    mean_output,
    squared_fluctuation,
    squared_norm,
)

LEVELS = np.linspace(-1.0, 1.0, 2001)  # f_bar: one input x, boundary at 0, slope 1


def noisy_outputs(rng, *, seeds, noise, levels=LEVELS):
    """Outputs x + noise z, z one number for each seed: the boundary of a seed is shifted as a whole."""
    return levels + noise * rng.standard_normal((seeds, 1))


def test_fluctuation_and_its_error_bar_are_those_of_made_up_outputs():
    rng = np.random.default_rng(1)
    spread = rng.uniform(0.5, 2.0, 40)
    truth = float((spread**2).mean())
    found = [squared_fluctuation(3.0 + spread * rng.standard_normal((12, 40))) for _ in range(400)]
    values, bars = np.array([f.value for f in found]), np.array([f.se for f in found])
    # var(s^2) = 2 sigma^4 / (seeds - 1) for normal outputs, independent over points
    known = math.sqrt(2.0 * float((spread**4).mean()) / 40 / 11)
    assert values.mean() == pytest.approx(truth, abs=4.0 * known / 20.0)
    assert values.std(ddof=1) == pytest.approx(known, rel=0.15)
    assert bars.mean() == pytest.approx(known, rel=0.1)
    assert 0.89 < np.mean(np.abs(values - truth) < 1.96 * bars) < 0.98


def test_jackknife_is_the_one_by_leaving_out():
    rng = np.random.default_rng(2)
    outputs, norms = rng.standard_normal((7, 30)), rng.uniform(1.0, 2.0, (7, 30))
    for function in (
        lambda keep: squared_fluctuation(outputs[keep]),
        lambda keep: boundary_distance_ratio(outputs[keep], norms[keep]),
    ):
        left = np.array([function([j for j in range(7) if j != i]).value for i in range(7)])
        assert function(list(range(7))).se == pytest.approx(
            math.sqrt(6 / 7 * ((left - left.mean()) ** 2).sum())
        )


def test_too_few_seeds_give_no_error_bar():
    pair = [[1.0, -2.0], [-3.0, 2.0]]
    assert squared_fluctuation(pair).se is None
    assert boundary_distance_ratio(pair, [1.0, 1.0]).se is None
    assert squared_norm(pair[:1]).se is None
    assert ensemble_error(pair, [1, -1], 2).se is None


def test_norm_and_means_by_hand():
    outputs = [[1.0, -2.0], [3.0, 0.0], [5.0, 4.0]]
    assert squared_norm(outputs).value == pytest.approx((5 + 9 + 41) / 6)
    assert squared_norm(outputs).se == pytest.approx(np.std([2.5, 4.5, 20.5], ddof=1) / math.sqrt(3))
    np.testing.assert_allclose(mean_output(outputs), [3.0, 2.0 / 3.0])
    np.testing.assert_allclose(group_means(outputs, 2), [[2.0, -1.0]])
    np.testing.assert_allclose(classification_errors(outputs, [1, -1]), [0.0, 0.5, 0.5])


def test_ensemble_error_tends_to_the_mean_over_all_subsets():
    rng = np.random.default_rng(3)
    outputs, labels = rng.standard_normal((6, 50)) + 0.3, np.ones(50)
    every = [
        classification_errors(outputs[list(chosen)].mean(axis=0)[None], labels)[0]
        for chosen in itertools.combinations(range(6), 2)
    ]
    found = ensemble_error(outputs, labels, 2, shuffles=2000, rng=0)
    assert found.value == pytest.approx(np.mean(every), abs=0.003)
    assert ensemble_error(outputs, labels, 6).value == np.mean(outputs.mean(axis=0) <= 0.0)
    assert ensemble_error(outputs, labels, 1).value == pytest.approx(np.mean(outputs <= 0.0), abs=1e-14)


def test_ensemble_error_and_its_bar_for_a_shifted_boundary():
    # the error of f = x + c with labels sign(x), x uniform on [-1, 1], is |c| / 2: exact for every size
    labels, noise, seeds, size = np.where(LEVELS > 0.0, 1.0, -1.0), 0.1, 12, 3
    rng = np.random.default_rng(4)
    found = [
        ensemble_error(noisy_outputs(rng, seeds=seeds, noise=noise), labels, size, rng=i) for i in range(60)
    ]
    truth = 0.5 * noise / math.sqrt(size) * math.sqrt(2.0 / math.pi)
    values, bars = np.array([f.value for f in found]), np.array([f.se for f in found])
    assert values.mean() == pytest.approx(truth, abs=4.0 * values.std(ddof=1) / math.sqrt(60))
    cut = 0.5 * noise / math.sqrt(size) * math.sqrt(1.0 - 2.0 / math.pi) / math.sqrt(seeds / size)
    assert math.sqrt((bars**2).mean()) == pytest.approx(cut, rel=0.15)
    assert values.std(ddof=1) < 1.2 * cut


def test_equal_seeds_cut_the_networks_alike():
    rng = np.random.default_rng(5)
    outputs, labels = rng.standard_normal((9, 40)) + 0.2, np.ones(40)
    again = [ensemble_error(outputs, labels, 4, rng=11) for _ in range(2)]
    assert again[0] == again[1]


def test_the_error_of_infinitely_many_is_reached_from_few():
    # x normal around label times d, boundary shifted by c: eps = (Phi(-d-c) + Phi(-d+c)) / 2, even in c
    rng = np.random.default_rng(6)
    quantiles = special.ndtri((np.arange(4000) + 0.5) / 4000)
    levels, labels = np.concatenate([quantiles + 1.0, quantiles - 1.0]), np.repeat([1.0, -1.0], 4000)
    draws = [noisy_outputs(rng, seeds=8, noise=0.6, levels=levels) for _ in range(200)]
    infinite = np.array([infinite_ensemble_error(f, labels, rng=1) for f in draws])
    plain = np.mean([ensemble_error(f, labels, 8).value for f in draws])
    truth = float(special.ndtr(-1.0))
    assert infinite.mean() == pytest.approx(truth, abs=4.0 * infinite.std() / math.sqrt(200) + 2e-4)
    assert plain > truth + 0.003


def test_boundary_distance_by_both_estimates():
    # boundaries at -c_i, c_i of deviation s: disagreeing points weigh a seed by |c|, so E c^2 / E |c|
    rng = np.random.default_rng(7)
    levels = np.linspace(-1.0, 1.0, 20001)
    noise, slope = 0.05, 3.0
    outputs = slope * noisy_outputs(rng, seeds=400, noise=noise, levels=levels)
    direct = boundary_distance(outputs, np.full(len(levels), slope))
    assert direct.value == pytest.approx(noise * math.sqrt(math.pi / 2.0), abs=4.0 * direct.se)
    assert 0.01 < direct.se / direct.value < 0.06
    ratio = boundary_distance_ratio(outputs, np.full(outputs.shape, slope))
    assert ratio.value == pytest.approx(noise, abs=4.0 * ratio.se)
    assert ratio.se == pytest.approx(noise / math.sqrt(2 * 400), rel=0.3)


def test_the_error_bar_of_the_direct_distance_covers():
    rng = np.random.default_rng(8)
    draws = [
        noisy_outputs(rng, seeds=30, noise=0.05, levels=np.linspace(-0.4, 0.4, 1601)) for _ in range(200)
    ]
    found = [boundary_distance(f, np.ones(1601)) for f in draws]
    off = [abs(f.value - 0.05 * math.sqrt(math.pi / 2.0)) < 1.96 * f.se for f in found]
    assert 0.85 < np.mean(off) < 0.99


def test_points_where_networks_are_flat_count_as_they_should():
    # the third point is flat, but all agree on it; it weighs in the norm of the gradients
    outputs, norms = [[1.0, -1.0, 4.0], [-3.0, -1.0, 4.0], [-1.0, -1.0, 4.0]], [2.0, 1.0, 0.0]
    assert boundary_distance(outputs, norms).value == pytest.approx(1.0 * math.sqrt(1.5))
    assert boundary_distance_ratio(outputs, norms).value == pytest.approx(math.sqrt(4.0 / 3.0 / (5.0 / 3.0)))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: squared_fluctuation([[1.0, 2.0]]), r"outputs must have shape \(seeds >= 2"),
        (lambda: squared_fluctuation([[1.0], [math.nan]]), "outputs must be finite, got nan"),
        (lambda: mean_output([1.0, 2.0]), "outputs must have shape"),
        (lambda: group_means([[1.0]], 2), "size must be between 1 and the 1 seeds, got 2"),
        (lambda: classification_errors([[1.0]], [2.0]), "labels must be -1 or 1, got 2.0"),
        (lambda: classification_errors([[1.0]], [1, 1]), "labels must hold one number for each of 1 points"),
        (lambda: ensemble_error([[1.0]], [1], 1, shuffles=0), "shuffles must be at least 1, got 0"),
        (lambda: boundary_distance([[1.0], [2.0]], [1.0]), "outputs must differ in sign"),
        (lambda: boundary_distance([[1.0], [-2.0]], [0.0]), "gradient_norms must be positive where"),
        (lambda: boundary_distance([[1.0], [-2.0]], [-1.0]), "gradient_norms must be finite and at least 0"),
        (lambda: boundary_distance_ratio([[1.0], [2.0]], [[1.0], [0.0]]), "positive somewhere"),
        (lambda: boundary_distance_ratio([[1.0], [2.0]], [1.0, 1.0]), "gradient_norms must have shape"),
    ],
)
def test_arguments_out_of_range(call, said):
    with pytest.raises(ValueError, match=said):
        call()
