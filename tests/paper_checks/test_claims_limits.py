"""What D4, D9 and D10 measure of flows: against largest margins, curvatures by hand, and exact rates."""

import math

import numpy as np
import pytest

from genlaws.paper_checks.claims import limit_directions
from genlaws.paper_checks.claims.banburski_limits import CLAIMS
from genlaws.simulate import integrate_gradient_flow, largest_margin, random_layers, tangential_curvature
from genlaws.simulate.homogeneous_network import _rounded_relu

SMALL = {
    "replicate": 0,
    "n_examples": 6,
    "dimension": 4,
    "labels": "random",
    "activation": "relu",
    "width": 4,
    "hidden_layers": 1,
    "normalization": "layers",
    "tolerance": 1e-4,
    "corner": 0.01,
    "starts": 2,
    "log_times": [300.0, 1000.0],
}
LINEAR = {**SMALL, "activation": "linear", "n_examples": 4, "dimension": 6, "tolerance": 1e-6}


@pytest.fixture(scope="module")
def limits():
    return limit_directions.measure_limits(SMALL, np.random.default_rng(3))


def test_equal_seeds_give_equal_bits(limits):
    again = limit_directions.measure_limits(SMALL, np.random.default_rng(3))
    assert again.keys() == limits.keys()
    for name, measured in limits.items():
        np.testing.assert_array_equal(again[name].y, measured.y)
        assert again[name].settings == measured.settings
    assert limits["residual"].settings["drawn_again"] >= 0


def test_images_take_the_place_of_drawn_inputs():
    settings = {**SMALL, "data": "mnist5k", "task": "0-1", "dimension": 5, "n_examples": 12}
    inputs, labels, unseen = limit_directions._data(settings, np.random.default_rng(0))
    assert inputs.shape == (12, 5)
    assert unseen.shape == (200, 5)
    assert set(labels) == {-1.0, 1.0}
    assert np.mean(np.sum(inputs**2, axis=1)) == pytest.approx(5.0)
    with pytest.raises(ValueError, match="n_examples and the images tested on must be at most"):
        limit_directions._data({**settings, "n_examples": 5000}, np.random.default_rng(0))


def test_residual_and_distance_to_the_own_kernel_fall_and_their_controls_do_not(limits):
    for name in ("residual", "tangent kernel"):
        late = limits[name].y
        assert late[1] == pytest.approx(0.3 * late[0], rel=0.2)
        assert late[1] < 5e-3
    for name in ("one example less", "random kernel"):
        late = limits[name].y
        assert late[1] == pytest.approx(late[0], rel=0.05)
        assert late[1] > 0.05


@pytest.mark.parametrize(
    ("hidden_layers", "normalization", "exponent"),
    [(0, "none", -0.5 * 2), (1, "none", -0.5), (2, "none", -1.0 / 3.0), (1, "layers", -1.0)],
)
def test_linear_networks_near_the_largest_margin_at_known_rates(hidden_layers, normalization, exponent):
    settings = {**LINEAR, "hidden_layers": hidden_layers, "normalization": normalization}
    found = limit_directions.measure_linear_limits(
        {**settings, "log_times": [3e3, 1e4]}, np.random.default_rng(1)
    )
    first, last = found["largest margin"].y
    assert math.log(last / first) / math.log(1e4 / 3e3) == pytest.approx(exponent, abs=0.02)
    assert found["mean example"].y[1] == pytest.approx(found["mean example"].y[0], rel=0.02)


def test_units_that_sleep_bend_the_loss_as_the_pull_on_them_says(monkeypatch):
    # of a unit with weights u and nothing after it, curvatures are 1 and 1 -+ |z(u)| over the mean margin,
    # z(u) the pull of the examples on its side; of a unit so small that it does not tell examples apart
    monkeypatch.setattr(limit_directions, "_ASLEEP", 2e-3)
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((10, 4)), rng.choice([-1.0, 1.0], 10)
    flow = integrate_gradient_flow(
        inputs, labels, random_layers([4, 6, 1], rng=0), [50.0, 100.0],
        activation="relu", normalization="layers", tolerance=1e-5, corner=1e-3,
    )  # fmt: skip
    last = [layer[-1] for layer in flow.weights]
    units = limit_directions._asleep(last, np.random.default_rng(5))
    assert units[0].shape == (14, 4)
    assert not units[1][:, 6:].any()
    own, wider = (
        tangential_curvature(
            inputs, labels, layers, activation="relu", corner=1e-3 * math.sqrt(len(layers[0]) / 6.0)
        ).lowest
        for layers in (last, units)
    )
    pulls = np.exp(-np.exp(flow.log_scale[-1]) * (flow.margins[-1] - flow.margin[-1]))
    pulls /= pulls.sum()
    signals = inputs @ (units[0][6:] / np.linalg.norm(last[0])).T
    corners = 1e-3 / math.sqrt(6.0) * np.linalg.norm(inputs, axis=1, keepdims=True)
    slopes = _rounded_relu(signals, corners)[1]
    longest = np.linalg.norm((slopes.T * pulls * labels) @ inputs, axis=1).max()
    expected = 1.0 - longest / float(pulls @ flow.margins[-1])
    assert own > -limit_directions.SADDLE
    assert wider == pytest.approx(expected, rel=0.01)
    assert expected < -0.1


def test_largest_margins_have_no_distance_to_their_kernel():
    rng = np.random.default_rng(2)
    rows, fresh = rng.standard_normal((5, 8)), rng.standard_normal((20, 8))
    best = largest_margin(rows)
    at = 3.0 * best.direction
    assert limit_directions.off_kernel(rows @ at, fresh @ at, rows, fresh) < 1e-12
    aside = at + 0.1 * rng.standard_normal(8)
    assert 0.01 < limit_directions.off_kernel(rows @ aside, fresh @ aside, rows, fresh) < 1.0


def test_shares_and_pairs_are_counted():
    assert limit_directions.pairs_apart(np.array([1.0, 1.005, 1.03])) == pytest.approx(2.0 / 3.0)
    assert limit_directions.pairs_apart(np.array([2.0, 2.0])) == 0.0
    made = limit_directions.share(SMALL, [True, True, False], 1.0, "x", "y")
    # the deviation of a Beta(2.5, 1.5)
    assert made.y == pytest.approx(2.0 / 3.0)
    assert made.se == pytest.approx(math.sqrt(3.75 / 16.0 / 5.0))
    assert limit_directions.share(SMALL, [True] * 3, 1.0, "x", "y").se > 0.1


def test_what_no_start_separates_is_refused(monkeypatch):
    monkeypatch.setattr(limit_directions, "_STARTS", 2)
    # two equal inputs of opposite labels
    inputs, labels = np.ones((2, 4)), np.array([-1.0, 1.0])
    with pytest.raises(ValueError, match="2 starts must hold one that separates 2 examples"):
        limit_directions._flow(SMALL, inputs, labels, np.random.default_rng(0))


def test_claims_share_their_flows():
    assert [claim.id for claim in CLAIMS][:6] == ["D4a", "D4b", "D4c", "D4d", "D9a", "D10a"]
    shared = [claim for claim in CLAIMS if claim.id in ("D4b", "D4c", "D9a", "D10a")]
    for source in ("simulation", "network"):
        experiments = [claim.experiments[source] for claim in shared]
        assert len({experiment.work.name for experiment in experiments}) == 1
        assert all(e.units("quick") == experiments[0].units("quick") for e in experiments)
