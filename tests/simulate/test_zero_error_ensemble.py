import json
import math
from dataclasses import replace

import numpy as np
import pytest

from genlaws.simulate import (
    LookupTable,
    MoveReport,
    SphericalPerceptron,
    ZeroErrorEnsemble,
    sample_zero_error,
)

FAMILY = SphericalPerceptron(6)
EXAMPLES = FAMILY.training_set(40, np.random.default_rng(0))


def sample(seed, **changes):
    arguments = {"particles": 60, "replicas": 4, "bad_errors": (0.1, 0.2), "training_set": EXAMPLES}
    return sample_zero_error(FAMILY, [10, 40], rng=seed, **(arguments | changes))


@pytest.fixture(scope="module")
def ensemble():
    return sample(1)


class Frozen:
    """A perceptron whose moves go nowhere, and say so."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def move(self, population, examples, rng, *, length, slack=0.0):
        return MoveReport(population, 1.0, 0)


def equal(a, b):
    for name in a.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_what_is_saved_is_loaded(ensemble, tmp_path):
    path = tmp_path / "run.npz"
    ensemble.save(path)
    equal(ZeroErrorEnsemble.load(path), ensemble)
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]
    ensemble.save(path)  # writes over what is there


def test_a_failed_save_leaves_nothing_behind(ensemble, tmp_path):
    broken = replace(ensemble, seed=object())
    with pytest.raises(TypeError):
        broken.save(tmp_path / "run.npz")
    assert list(tmp_path.iterdir()) == []


def cut(raw):
    return raw[: len(raw) // 2]


def flip(raw):
    middle = len(raw) // 2
    return raw[:middle] + bytes(255 - b for b in raw[middle : middle + 64]) + raw[middle + 64 :]


@pytest.mark.parametrize("damage", [cut, flip, lambda raw: b"", lambda raw: b"not a file"])
def test_damaged_files_are_refused(ensemble, tmp_path, damage):
    path = tmp_path / "run.npz"
    ensemble.save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"run\.npz is no ensemble file, or it is damaged"):
        ZeroErrorEnsemble.load(path)


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(ValueError, match="no ensemble file"):
        ZeroErrorEnsemble.load(tmp_path / "other.npz")
    with pytest.raises(FileNotFoundError):
        ZeroErrorEnsemble.load(tmp_path / "absent.npz")


def test_merged_runs_are_all_the_runs(ensemble):
    other = sample(2)
    both = ensemble.merge(other)
    assert both.replicas == 8
    np.testing.assert_array_equal(both.log_fractions[4:], other.log_fractions)
    # the spread is that of eight, and the estimate lies between the two
    variance = both.log_fractions.var(axis=0, ddof=1)
    np.testing.assert_allclose(both.log_fraction_se, np.sqrt(variance / 8 + variance**2 / 14))
    mean = 0.5 * (ensemble.mean_true_error + other.mean_true_error)
    np.testing.assert_allclose(both.mean_true_error, mean)


def test_runs_are_not_counted_twice(ensemble):
    with pytest.raises(ValueError, match="must not share runs, got seeds 1 and 1"):
        ensemble.merge(ensemble)
    both = ensemble.merge(sample(2))
    with pytest.raises(ValueError, match="must not share runs, got seeds 1 and 2"):
        both.merge(sample(2))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"particles": 80}, "particles"),
        ({"bad_errors": (0.1,)}, "bad_errors"),
        ({"training_set": EXAMPLES[::-1]}, "training_set"),
    ],
)
def test_what_differs_is_not_merged(ensemble, changes, name):
    with pytest.raises(ValueError, match=f"ensembles must agree in {name}"):
        ensemble.merge(sample(3, **changes))


def test_it_can_be_written_as_json(ensemble):
    d = json.loads(json.dumps(ensemble.to_dict(), allow_nan=False))
    assert d["n_examples"] == [10, 40]
    assert d["status"] == ["ok", "ok"]
    assert d["log_fraction"] == pytest.approx(ensemble.log_fraction.tolist())
    assert d["eps"] == [0.1, 0.2]
    assert np.shape(d["log_bad_fraction"]) == (2, 2)
    assert d["log_fraction_upper"] == [None, None]
    single = json.loads(json.dumps(sample(4, bad_errors=(0.1,)).to_dict(), allow_nan=False))
    assert len(single["log_bad_fraction"]) == 2
    assert "eps" not in sample(4, bad_errors=()).to_dict()


def test_the_frame_has_a_row_per_size_and_plain_columns(ensemble):
    # as many eps as sizes, which must not be taken for a column
    frame = ensemble.to_frame()
    assert frame["n_examples"].tolist() == [10, 40]
    np.testing.assert_allclose(
        frame["log_bad_fraction_0.1"].to_numpy(dtype=float), ensemble.log_bad_fraction(0.1)
    )
    assert all(not isinstance(v, list) for v in frame.iloc[0])


def test_intervals_are_student_t(ensemble):
    low, high = ensemble.log_fraction_interval()
    half = 3.182446305284263 * ensemble.log_fraction_se  # t with 3 degrees of freedom, 97.5 %
    np.testing.assert_allclose(high - ensemble.log_fraction, half)
    np.testing.assert_allclose(ensemble.log_fraction - low, half)
    for level in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="level must lie in"):
            ensemble.log_fraction_interval(level=level)


def test_bad_fractions_are_read_inside_the_measured_range_only(ensemble):
    np.testing.assert_allclose(ensemble.log_bad_fraction(0.0), 0.0, atol=1e-12)
    values = np.array([ensemble.log_bad_fraction(e) for e in np.linspace(0.0, 0.2, 20)])
    assert np.all(np.diff(values[:, 0]) <= 0.01)
    for eps in (-0.01, 0.21, math.nan):
        with pytest.raises(ValueError, match=r"eps must lie in the measured range \[0, 0.2\]"):
            ensemble.log_bad_fraction(eps)
    with pytest.raises(ValueError, match="no bad_errors were asked for"):
        sample(4, bad_errors=()).log_bad_fraction(0.1)


def test_the_share_of_bad_members_agrees_with_the_members(ensemble):
    direct = np.mean(ensemble.true_errors > 0.1, axis=2)
    np.testing.assert_allclose(np.exp(ensemble.log_bad_fraction(0.1))[0], direct[:, 0].mean(), rtol=0.05)


def test_two_error_bars_tell_the_same_story():
    e = sample_zero_error(SphericalPerceptron(8), [12], particles=300, replicas=40, rng=5)
    # the spread of 40 runs is known to 11 %; the genealogy of each run estimates it without the others
    assert e.log_fraction_se_single_run[0] == pytest.approx(e.log_fraction_se[0], rel=0.5)
    assert e.log_fraction_bias[0] == pytest.approx(0.5 * e.log_fractions.var(ddof=1), rel=0.5)


def test_a_population_that_does_not_move_is_called_collapsed():
    e = sample_zero_error(Frozen(FAMILY), [5, 40], particles=60, replicas=2, bad_errors=(0.1,), rng=6)
    # few survive the whole set without moving, perhaps none, which is no evidence of a floor
    assert e.status == ("collapsed", "collapsed")
    assert np.all(np.isnan(e.log_fraction_upper))
    d = json.loads(json.dumps(e.to_dict(), allow_nan=False))
    for name in ("log_fraction", "log_fraction_se", "mean_true_error", "disagreement", "majority_error"):
        assert d[name] == [None, None]
    assert d["log_bad_fraction"] == [None, None]
    assert max(d["persistence"]) == 1.0
    assert np.all(np.isnan(e.log_fraction_interval()[0]))


@pytest.fixture(scope="module")
def lost():
    # half of the points are wrong for everyone: in the end nobody is left
    table = LookupTable(np.full(500, 0.5), seed=1)
    return table, sample_zero_error(table, [2, 60], particles=40, replicas=3, bad_errors=(0.1,), rng=7)


def test_where_none_survive_there_is_an_upper_limit(lost):
    table, e = lost
    assert e.status == ("ok", "below_floor")
    assert math.isnan(e.log_fraction[1])
    survive = table.correct(np.arange(500), e.training_set[:60]).all(axis=1)
    assert not survive.any()
    limit = e.log_fraction_upper[1]
    # below what was still alive at the first size, above what is certainly out of reach
    assert -60 * math.log(2) < limit < e.log_fraction[0]
    assert math.isnan(e.log_fraction_upper[0])
    d = json.loads(json.dumps(e.to_dict(), allow_nan=False))
    assert d["log_fraction"][1] is None
    assert d["log_fraction_upper"][1] == pytest.approx(limit)


def test_the_upper_limit_heeds_the_runs_that_got_through(lost):
    _, e = lost
    reached = e.log_fractions.copy()
    reached[0, 1] = -3.0
    mixed = replace(e, log_fractions=reached)
    assert mixed.status[1] == "below_floor"
    assert mixed.log_fraction_upper[1] == pytest.approx(-3.0 + math.log(4.74))


def test_lost_ensembles_are_saved_and_drawn(lost, tmp_path):
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    _, e = lost
    e.save(tmp_path / "lost.npz")
    equal(ZeroErrorEnsemble.load(tmp_path / "lost.npz"), e)
    ax = e.plot(Figure().subplots())
    assert "ln fraction" in ax.get_ylabel()
