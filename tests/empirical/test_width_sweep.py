"""What a sweep says of outputs that are known: fluctuation, thresholds, ensembles, distances."""

import json
import math

import numpy as np
import pytest

from genlaws.empirical import (
    WidthEnsemble,
    WidthProtocol,
    WidthSweep,
    measure_width,
    sweep_widths,
    zero_loss_threshold,
)
from genlaws.empirical.width_measures import ensemble_sizes, unsatisfied_examples
from genlaws.empirical.width_sweep import blocks_of

POINTS, EXAMPLES = 40, 10


def made_up(outputs, *, width=5, parameters=50, **changes):
    """An ensemble of these outputs; whatever else is asked of it is simple."""
    outputs = np.asarray(outputs, dtype=np.float32)
    count = len(outputs)
    columns = {
        "outputs": outputs,
        "training_outputs": np.ones((count, EXAMPLES), dtype=np.float32),
        "early_outputs": outputs,
        "gradient_norms": np.ones_like(outputs),
        "reached": np.ones(count, dtype=bool),
        "diverged": np.zeros(count, dtype=bool),
        "steps": np.arange(count),
        "early_steps": np.arange(count),
        "losses": np.zeros(count),
    }
    return WidthEnsemble(width=width, parameters=parameters, **(columns | changes))


def measured(ensemble, **kw):
    return measure_width(ensemble, np.ones(ensemble.outputs.shape[1]), np.ones(EXAMPLES), **kw)


def test_the_fluctuation_is_unbiased_and_its_error_bar_honest():
    # independent normal outputs: ||f - f_bar||^2 is sigma^2 and the distance sigma / slope, whatever the mean
    rng = np.random.default_rng(7)
    worlds, networks, sigma, slope = 250, 12, 0.7, 2.0
    mean = 3.0 * rng.standard_normal(POINTS)
    values, bars, ratios = [], [], []
    for _ in range(worlds):
        outputs = mean + sigma * rng.standard_normal((networks, POINTS))
        found = measured(made_up(outputs, gradient_norms=np.full(outputs.shape, slope, dtype=np.float32)))
        values.append(found.squared_fluctuation.value)
        bars.append(found.squared_fluctuation.se)
        ratios.append(found.boundary_distance_ratio.value)
    values, bars = np.array(values), np.array(bars)
    # chi-square with (networks - 1) * points degrees of freedom
    spread = sigma**2 * math.sqrt(2.0 / ((networks - 1) * POINTS))
    assert abs(values.mean() - sigma**2) < 4 * spread / math.sqrt(worlds)
    assert values.std() == pytest.approx(spread, rel=0.15)
    assert np.sqrt((bars**2).mean()) == pytest.approx(spread, rel=0.15)
    # Student's 97.5 % with 11 degrees of freedom
    assert 0.89 < np.mean(np.abs(values - sigma**2) < 2.201 * bars) < 0.99
    assert np.mean(ratios) == pytest.approx(sigma / slope, rel=0.01)


def test_distances_of_boundaries_that_are_known():
    # f_k(x) = a (x - b_k): the boundary of f lies |b_k - mean b| from that of the mean
    x, b, a = np.linspace(-1.0, 1.0, 2001), np.array([-0.3, 0.1, 0.2]), 2.5
    found = measured(made_up(a * (x - b[:, None]), gradient_norms=np.full((3, x.size), a, dtype=np.float32)))
    assert found.boundary_distance_ratio.value == pytest.approx(b.std(ddof=1), rel=1e-5)
    weights = np.abs(b - b.mean())  # a boundary that is farther off has more points in between
    expected = (weights**2).sum() / weights.sum() * math.sqrt(3 / 2)
    assert found.boundary_distance.value == pytest.approx(expected, rel=5e-3)
    assert found.gradient_norm.value == pytest.approx(a)


def test_networks_that_are_flat():
    outputs = np.array([[1.0, -1.0, 2.0], [1.0, 1.0, 1.0], [0.5, 1.0, 3.0]])
    somewhere = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]], dtype=np.float32)
    found = measured(made_up(outputs, gradient_norms=somewhere))
    # the first differs in sign from the mean just where it is flat: its boundary is not near
    assert found.boundary_distance is None
    rms = math.sqrt((2 / 3 + 1 + 1) / 3)
    assert found.boundary_distance_ratio.value == pytest.approx(
        math.sqrt(outputs.var(axis=0, ddof=1).mean()) / rms
    )
    elsewhere = measured(made_up(outputs, gradient_norms=somewhere[:, ::-1][:, [1, 0, 2]].copy()))
    assert elsewhere.boundary_distance is not None
    dead = somewhere.copy()
    dead[1:] = 0.0
    found = measured(made_up(outputs, gradient_norms=dead))
    assert found.boundary_distance is found.boundary_distance_ratio is None


def test_networks_that_diverged_are_left_out():
    rng = np.random.default_rng(1)
    sound = rng.standard_normal((4, POINTS))
    torn = np.vstack([sound[:2], np.full((1, POINTS), np.nan), sound[2:]])
    diverged = np.array([False, False, True, False, False])
    losses = np.where(diverged, np.nan, 0.5)
    found = measured(made_up(torn, diverged=diverged, reached=~diverged, losses=losses))
    expected = measured(made_up(sound))
    assert (found.networks, found.diverged, found.reached) == (5, 1, 4)
    assert found.error == expected.error
    assert found.squared_fluctuation == expected.squared_fluctuation
    assert found.ensemble_sizes == (1, 2, 4)
    assert found.loss.value == 0.5
    none = measured(made_up(np.full((2, POINTS), np.nan), diverged=np.ones(2, dtype=bool)))
    assert none.error is none.squared_fluctuation is none.boundary_distance is None
    assert none.ensemble_errors == ()


def test_one_network_has_an_error_and_nothing_to_compare_it_with():
    found = measured(made_up(np.linspace(-1, 3, POINTS)[None]))
    assert found.error.value == 0.25
    assert found.error.se is None
    assert found.squared_fluctuation is found.boundary_distance is found.boundary_distance_ratio is None


def test_ensembles_of_noisy_voters():
    # f = 1 + noise: a mean of k errs with probability Phi(-sqrt(k) / sigma)
    from scipy import stats

    rng = np.random.default_rng(5)
    sigma, points = 1.5, 20_000
    found = measured(made_up(1.0 + sigma * rng.standard_normal((8, points))))
    assert found.ensemble_sizes == (1, 2, 4, 8)
    for size, estimate in zip(found.ensemble_sizes, found.ensemble_errors, strict=True):
        assert estimate.value == pytest.approx(stats.norm.cdf(-math.sqrt(size) / sigma), rel=0.06)
    assert found.error == found.ensemble_errors[0]


def test_unsatisfied_examples_are_those_below_the_margin():
    labels = np.array([1, -1, 1, -1])
    outputs = np.array([[2.0, -1.0, 0.99, 0.3], [0.9999999, -1.0, 1.0, -1.0]], dtype=np.float32)
    ensemble = made_up(np.ones((2, 3)), training_outputs=outputs, reached=np.array([False, True]))
    # the second had no loss in training: what is missing is a rounding
    assert unsatisfied_examples(ensemble, labels).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.0, 0.2, 0.5, 1.0], (30, 20)),
        ([1.0, 1.0, 1.0, 1.0], (10, None)),
        ([0.0, 0.0, 0.0, 0.4], (None, 40)),
        # a lucky one in the middle is no threshold
        ([0.0, 0.9, 0.1, 0.8], (40, 30)),
        ([np.nan, 1.0, 1.0, 1.0], (20, 10)),
    ],
)
def test_thresholds_are_bracketed(shares, expected):
    found = zero_loss_threshold([10, 20, 30, 40], shares)
    assert (found.parameters, found.below) == expected


def test_thresholds_need_order():
    with pytest.raises(ValueError, match="parameters must increase"):
        zero_loss_threshold([10, 10], [0, 1])


def test_a_separable_toy_has_its_threshold_where_it_must():
    # points on a line with labels + - +: one ReLU unit makes one kink, two are needed for the two boundaries
    x = np.linspace(-1.0, 1.0, 31)[:, None]
    y = np.where(np.abs(x[:, 0]) > 0.5, 1, -1)
    protocol = WidthProtocol(hidden_layers=1, rate_factor=300.0, max_steps=3000)
    sweep = sweep_widths(x, y, x, y, widths=[1, 12], networks=4, protocol=protocol, rng=0, device="cpu")
    assert [int(e.reached.sum()) for e in sweep] == [0, 4]
    cut = sweep.threshold()
    assert (cut.below, cut.parameters) == (4, 37)
    one, many = sweep.measures()
    assert one.unsatisfied.value > 0 == many.unsatisfied.value
    # trained and tested on the same points
    assert many.error.value == 0.0


@pytest.fixture(scope="module")
def sweep():
    rng = np.random.default_rng(2)
    ensembles = [made_up(rng.standard_normal((6, POINTS)) + 1, width=w, parameters=10 * w) for w in (3, 9)]
    return WidthSweep(tuple(ensembles), np.ones(POINTS, dtype=int), np.ones(EXAMPLES, dtype=int), {"seed": 1})


def test_frames_have_a_row_for_each_width(sweep):
    frame = sweep.to_frame()
    assert frame["width"].tolist() == [3, 9]
    for row, found in zip(frame.itertuples(), sweep.measures(), strict=True):
        assert row.squared_fluctuation == found.squared_fluctuation.value
        assert row.squared_fluctuation_se == found.squared_fluctuation.se
        assert row.ensemble_error == found.ensemble_errors[-1].value
        assert row.boundary_distance == found.boundary_distance.value
    assert frame["parameters"].tolist() == [30, 90]


def test_documents_hold_each_network(sweep):
    document = json.loads(json.dumps(sweep.to_dict(), allow_nan=False))
    first = document["widths"][0]
    outputs = sweep.ensembles[0].outputs
    assert first["each"]["errors"] == pytest.approx((outputs <= 0).mean(axis=1))
    assert first["error"]["value"] == pytest.approx(np.mean(first["each"]["errors"]))
    assert first["each"]["norms"] == pytest.approx(np.sqrt((outputs.astype(float) ** 2).mean(axis=1)))
    assert document["threshold"] == {"parameters": 30, "below": None}


def test_sweeps_and_ensembles_need_order(sweep):
    with pytest.raises(ValueError, match="widths that increase"):
        WidthSweep(sweep.ensembles[::-1], sweep.labels, sweep.training_labels)
    with pytest.raises(ValueError, match="parts must be of one width"):
        WidthEnsemble.concatenate(sweep.ensembles)
    with pytest.raises(ValueError, match="parts must be of one width"):
        WidthEnsemble.concatenate([])


@pytest.mark.parametrize(("networks", "blocks"), [(1, (1,)), (10, (10,)), (25, (10, 10, 5))])
def test_blocks(networks, blocks):
    assert blocks_of(networks) == blocks


@pytest.mark.parametrize(
    ("networks", "sizes"), [(0, ()), (1, (1,)), (8, (1, 2, 4, 8)), (20, (1, 2, 4, 8, 16, 20))]
)
def test_sizes_of_ensembles(networks, sizes):
    assert ensemble_sizes(networks) == sizes
