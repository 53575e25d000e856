import json
import math

import numpy as np
import pytest
from scipy import stats

from genlaws.simulate.binary_perceptron import BinaryPerceptron
from genlaws.simulate.lookup_table import LookupTable
from genlaws.simulate.planted import planted_bad_fraction
from genlaws.simulate.training_sets import sample_training_sets


def test_rare_bad_fractions_of_the_reference_are_reproduced():
    result = planted_bad_fraction(BinaryPerceptron(15), n_examples=[60, 90, 120], eps=0.25, draws=300, rng=1)
    # three digits of an independent computation with 300 draws of its own: as uncertain as ours
    for k, reference in enumerate((1.786e-7, 4.86e-12, 1.34e-16)):
        rounding = (0.0005 / 1.786, 0.005 / 4.86, 0.005 / 1.34)[k]
        allowed = 4.0 * math.sqrt(2.0) * result.log_bad_fraction_se[k] + rounding
        assert result.log_bad_fraction[k] == pytest.approx(math.log(reference), abs=allowed)
        assert result.log_bad_fraction_se[k] < 0.01
        assert result.effective_draws[k] > 250
    # the last survivors are the teacher and the planted classifier
    np.testing.assert_allclose(np.exp(result.log_annealed_ratio[1:]), 2.0, rtol=0.01)
    assert result.log_annealed_ratio[0] > math.log(1.9)


@pytest.mark.parametrize(
    "family",
    [BinaryPerceptron(13), BinaryPerceptron(9, label_noise=0.1), BinaryPerceptron(11, inputs="binary")],
    ids=repr,
)
def test_planted_and_conditioned_sets_agree(family):
    n, eps = [4, 8, 14], 0.25
    planted = planted_bad_fraction(family, n_examples=n, eps=eps, draws=1500, rng=3)
    conditioned = sample_training_sets(family, n_examples=n, sets=3000, eps=(eps,), rng=4)
    f, se = conditioned.bad_fraction(eps), conditioned.bad_fraction_se(eps)
    for k in range(3):
        value = math.exp(planted.log_bad_fraction[k])
        both = math.hypot(se[k], value * planted.log_bad_fraction_se[k])
        assert value == pytest.approx(f[k], abs=4.0 * both)
        assert both < 0.08 * f[k]


def exact_two_levels(good, bad, copies_good, copies_bad, n):
    """f_n = sum over bad ones of P[it survives] E[1 / (1 + all others that survive)]."""
    a = stats.binom.pmf(np.arange(copies_good + 1), copies_good, (1.0 - good) ** n)
    b = stats.binom.pmf(np.arange(copies_bad), copies_bad - 1, (1.0 - bad) ** n)
    i, j = np.arange(copies_good + 1)[:, None], np.arange(copies_bad)[None, :]
    mean = float(np.sum(a[:, None] * b[None, :] / (1 + i + j)))
    return math.log(copies_bad) + n * math.log1p(-bad) + math.log(mean)


@pytest.mark.parametrize("n", [3, 20, 150, 400])
def test_independent_classifiers_have_a_closed_form(n):
    table = LookupTable([0.01] * 5 + [0.4] * 30)
    result = planted_bad_fraction(table, n_examples=n, eps=0.2, draws=1000, rng=5)
    expected = exact_two_levels(0.01, 0.4, 5, 30, n)
    se = result.log_bad_fraction_se[0]
    assert result.log_bad_fraction[0] == pytest.approx(expected, abs=4.5 * se)
    assert se < 0.05
    if n == 400:
        assert expected < math.log(1e-87)


def test_standard_errors_are_as_large_as_the_scatter():
    table = LookupTable([0.05] * 6 + [0.4] * 30)
    n, runs = 12, 300
    expected = exact_two_levels(0.05, 0.4, 6, 30, n)
    rng = np.random.default_rng(7)
    z = []
    for _ in range(runs):
        r = planted_bad_fraction(table, n_examples=n, eps=0.2, draws=40, rng=rng)
        z.append((r.log_bad_fraction[0] - expected) / r.log_bad_fraction_se[0])
    scatter = np.var(z)
    # chi-square limits at 1e-3 on both sides, and a little room for 40 draws not being normal
    assert 0.75 < scatter < 1.4
    assert abs(np.mean(z)) < 0.3


def test_sampled_sizes_agree_with_enumerated_ones(monkeypatch):
    family = BinaryPerceptron(9)
    exact = planted_bad_fraction(family, n_examples=6, eps=0.25, draws=600, rng=8)
    monkeypatch.setattr(BinaryPerceptron, "enumerable", property(lambda self: False))
    sampled = planted_bad_fraction(family, n_examples=6, eps=0.25, draws=30, particles=200, replicas=4, rng=9)
    both = math.hypot(exact.log_bad_fraction_se[0], sampled.log_bad_fraction_se[0])
    assert sampled.log_bad_fraction[0] == pytest.approx(exact.log_bad_fraction[0], abs=4.0 * both)
    assert both < 0.2


def test_no_examples_leave_the_prior():
    family = BinaryPerceptron(7)
    result = planted_bad_fraction(family, n_examples=0, eps=0.25, draws=10, rng=0)
    assert result.log_bad_fraction[0] == pytest.approx(family.log_tilted_mass(0, above=0.25), abs=1e-12)
    assert result.log_bad_fraction_se[0] == pytest.approx(0.0, abs=1e-7)


def test_results_repeat_and_turn_into_json():
    family = BinaryPerceptron(7)
    one, two = (planted_bad_fraction(family, n_examples=[3, 6], eps=0.25, draws=20, rng=1) for _ in range(2))
    table = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert table == two.to_dict()
    assert table["draws"] == 20
    assert table["n_examples"] == [3, 6]


class NotPlantable:
    pass


def test_bad_arguments_get_one_clear_line():
    family = BinaryPerceptron(5)
    for settings, message in (
        ({"n_examples": [-1]}, "n_examples must be"),
        ({"n_examples": []}, "n_examples must be"),
        ({"eps": 1.0}, "eps must lie in"),
        ({"draws": 1}, "draws must be at least 2"),
    ):
        with pytest.raises(ValueError, match=message):
            planted_bad_fraction(family, **{"n_examples": 3, "eps": 0.2, "rng": 0, **settings})
    with pytest.raises(ValueError, match="family must have"):
        planted_bad_fraction(NotPlantable(), n_examples=3, eps=0.2)
    with pytest.raises(ValueError, match="eps must be below"):
        planted_bad_fraction(LookupTable([0.1, 0.2]), n_examples=3, eps=0.5)
