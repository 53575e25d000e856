import math

import numpy as np
import pytest
import torch
from scipy import stats
from threadpoolctl import threadpool_limits

from genlaws.empirical.architectures import Architecture
from genlaws.empirical.dense_flow import DenseLayout, dense_move
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.simulate.reflective import reflective_move


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(1):
        yield


ACTIVATIONS = {
    "relu": torch.relu,
    "erf": torch.erf,
    "tanh": torch.tanh,
    "gelu": torch.nn.functional.gelu,
}


def scores(z, layout, inputs):
    # the network written out, one vector: the independent answer to everything here
    values, start = inputs, 0
    pairs = list(zip(layout.widths, layout.widths[1:], strict=False))
    for k, (fan_in, units) in enumerate(pairs):
        weight = z[start : start + fan_in * units].reshape(units, fan_in)
        values = values @ weight.T * math.sqrt(layout.weight_variance / fan_in)
        start += fan_in * units
        if layout.bias_variance is not None:
            values = values + z[start : start + units] * math.sqrt(layout.bias_variance)
            start += units
        if k < len(pairs) - 1:
            values = ACTIVATIONS[layout.activation](values)
    assert start == z.numel()
    return values


def margins(z, layout, inputs, labels, slack=0.0):
    out = scores(z, layout, inputs)
    if out.shape[1] == 1:
        margin = labels * out[:, 0]
    else:
        own = torch.nn.functional.one_hot(labels, out.shape[1]).bool()
        margin = out[own] - out.masked_fill(own, -math.inf).amax(dim=1)
    return torch.cat([margin[:-1], margin[-1:] + slack])


def plain_trajectory(z, v, layout, inputs, labels, angle, slack=0.0, step=1e-3):
    # The definition: small steps until a margin is negative, bisection for the first one, a mirror on the
    # gradient that torch finds. Returns the end, its velocity, the bounces and the least margin on the way.
    z, v, inputs, labels = (torch.as_tensor(a) for a in (z, v, inputs, labels))
    left, bounces, least, just_hit = angle, 0, math.inf, False

    def at(t):
        return math.cos(t) * z + math.sin(t) * v

    while left > 0.0:
        t = min(step, left)
        here = margins(at(t), layout, inputs, labels, slack)
        if here.min() >= 0.0:
            z, v, left = at(t), math.cos(t) * v - math.sin(t) * z, left - t
            least = min(least, float(here.min()))
            just_hit = False
            continue
        low, high = (1e-9 if just_hit else 0.0), t
        while high - low > 1e-15:
            middle = 0.5 * (low + high)
            inside = margins(at(middle), layout, inputs, labels, slack).min() >= 0.0
            low, high = (middle, high) if inside else (low, middle)
        hit = int(margins(at(high), layout, inputs, labels, slack).argmin())
        z, v = at(low), math.cos(low) * v - math.sin(low) * z
        probe = z.clone().requires_grad_()
        (normal,) = torch.autograd.grad(margins(probe, layout, inputs, labels, slack)[hit], probe)
        v = v - 2.0 * (v @ normal) / (normal @ normal) * normal
        left, bounces, just_hit = left - low, bounces + 1, True
    return z.numpy(), v.numpy(), bounces, least


def problem(layout, examples, seed, particles=1, slack=0.0):
    # examples labelled by one network, which is where all of them start
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((examples, layout.widths[0]))
    z = rng.standard_normal(layout.latent_size)
    out = scores(torch.from_numpy(z), layout, torch.from_numpy(inputs)).numpy()
    labels = np.where(out[:, 0] > 0, 1, -1) if out.shape[1] == 1 else out.argmax(axis=1)
    velocity = rng.standard_normal((particles, z.size))
    return inputs, labels, np.tile(z, (particles, 1)), velocity


LAYOUTS = [
    DenseLayout((4, 1)),
    DenseLayout((4, 3), bias_variance=None),
    DenseLayout((4, 7, 1)),
    DenseLayout((4, 7, 1), bias_variance=None),
    DenseLayout((3, 19, 1), "erf", weight_variance=3.0, bias_variance=0.5),
    DenseLayout((3, 6, 1), "tanh"),
    DenseLayout((3, 6, 3), "gelu", bias_variance=0.0),
    DenseLayout((4, 7, 3)),
    DenseLayout((4, 5, 6, 1)),
    DenseLayout((4, 5, 6, 4), "erf", bias_variance=0.2),
    DenseLayout((3, 5, 4, 5, 1), "gelu", weight_variance=1.5),
]
NAMES = [f"{layout.widths} {layout.activation} {layout.bias_variance}" for layout in LAYOUTS]


def independent_margins(z, layout, inputs, labels):
    return margins(
        *(torch.as_tensor(a) for a in (z,)), layout, torch.as_tensor(inputs), torch.as_tensor(labels)
    )


@pytest.mark.parametrize("layout", LAYOUTS, ids=NAMES)
@pytest.mark.parametrize("slack", [0.0, 0.3])
def test_trajectories_follow_the_definition(layout, slack):
    inputs, labels, z, v = problem(layout, 8, seed=3, particles=4)
    length = 0.6
    moved = dense_move(z, v, layout, inputs, labels, length=length, slack=slack)
    assert moved.stayed == 0
    for k in range(len(z)):
        end, _, bounces, _ = plain_trajectory(
            z[k], v[k], layout, inputs, labels, 0.5 * math.pi * length, slack, step=0.01
        )
        assert moved.bounces[k] == bounces
        np.testing.assert_allclose(moved.latent[k], end, atol=1e-8)
        for given, latent in ((moved.margins_before, z), (moved.margins_after, moved.latent)):
            # activations of many units at once are fits
            answer = independent_margins(latent[k], layout, inputs, labels)
            np.testing.assert_allclose(given[k], answer, atol=1e-6)
    assert moved.bounces.sum() >= 4


@pytest.mark.parametrize(
    "layout", [LAYOUTS[2], LAYOUTS[4], LAYOUTS[9]], ids=lambda layout: str(layout.widths)
)
def test_turned_round_at_the_end_a_trajectory_comes_back(layout):
    inputs, labels, z, v = problem(layout, 12, seed=8, particles=200)
    there = dense_move(z, v, layout, inputs, labels, length=0.8)
    # the velocity at the end, from an end a moment later
    moment = 1e-5
    later = dense_move(z, v, layout, inputs, labels, length=0.8 + moment / (0.5 * math.pi))
    plain = (there.bounces == later.bounces) & (np.abs(later.latent - there.latent).max(axis=1) < 1e-3)
    assert plain.mean() > 0.95
    end = there.latent[plain]
    velocity = (later.latent[plain] - math.cos(moment) * end) / math.sin(moment)
    energy = np.sum(z**2 + v**2, axis=1)[plain]
    np.testing.assert_allclose(np.sum(end**2 + velocity**2, axis=1), energy, rtol=1e-7)
    back = dense_move(end, -velocity, layout, inputs, labels, length=0.8)
    # Rounding in the velocity grows from bounce to bounce, and of a hundred trajectories one or so passes a
    # dip unseen, on the way there or back.
    away = np.abs(back.latent - z[plain]).max(axis=1)
    assert np.median(away) < 1e-7
    assert np.mean(away < 1e-4) > 0.97
    assert np.mean(back.bounces == there.bounces[plain]) > 0.97
    assert there.bounces.mean() > 2


@pytest.mark.parametrize("layout", [LAYOUTS[3], LAYOUTS[9]], ids=lambda layout: str(layout.widths))
def test_all_margins_stay_positive_on_the_way(layout):
    inputs, labels, z, v = problem(layout, 20, seed=5)
    # shorter trajectories end on the longer ones
    lengths = np.linspace(0.0, 1.0, 401)[1:]
    path = [dense_move(z, v, layout, inputs, labels, length=length) for length in lengths]
    ends = np.array([moved.latent[0] for moved in path])
    assert all(moved.stayed == 0 for moved in path)
    assert np.abs(np.diff(ends, axis=0)).max() < 4.0 * np.abs(v).max() * 0.5 * math.pi / len(lengths)
    least = [float(independent_margins(end, layout, inputs, labels).min()) for end in ends]
    assert min(least) > 0.0
    assert path[-1].bounces[0] >= 5


@pytest.mark.parametrize("slack", [0.0, 0.5])
def test_without_hidden_layer_it_is_the_exact_linear_kernel(slack):
    layout = DenseLayout((9, 1), weight_variance=1.0, bias_variance=0.04)
    inputs, labels, z, v = problem(layout, 15, seed=2, particles=40)
    rows = labels[:, None] * np.hstack([inputs / 3.0, np.full((15, 1), 0.2)])
    lengths = np.linalg.norm(rows, axis=1)
    rows /= lengths[:, None]

    class Velocity:
        def standard_normal(self, shape):
            assert shape == v.shape
            return v.copy()

    exact = reflective_move(
        z, rows, np.ascontiguousarray(rows @ rows.T), Velocity(), length=1.0, slack=slack / lengths[-1],
        slack_walls=1 if slack else 0,
    )  # fmt: skip
    moved = dense_move(z, v, layout, inputs, labels, length=1.0, slack=slack)
    assert moved.bounces.sum() == exact.bounces > 100
    np.testing.assert_allclose(moved.latent, exact.latent, atol=1e-7)
    np.testing.assert_allclose(moved.margins_after, moved.latent @ (rows * lengths[:, None]).T, atol=1e-9)
    single = dense_move(
        z.astype(np.float32), v.astype(np.float32), layout, inputs, labels, length=1.0, slack=slack
    )
    assert np.median(np.abs(single.latent - exact.latent)) < 1e-5
    assert (single.margins_after[:, -1] < 0.0).any() == (slack > 0.0)


@pytest.mark.parametrize("activation", ["relu", "erf", "tanh", "gelu"])
def test_vectors_are_read_as_networks_read_them(activation):
    network = Network(Architecture(hidden=(6, 5), activation=activation), Prior(), (4,), 3)
    layout = DenseLayout((4, 6, 5, 3), activation)
    assert layout.latent_size == network.latent_size
    latent = network.draw(200, np.random.default_rng(0))
    inputs = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    labels = np.array([0, 1, 2, 0, 1, 2, 0])
    moved = dense_move(latent.numpy(), latent.numpy(), layout, inputs.numpy(), labels, length=0.5)
    out = network.scores(latent, inputs).numpy()
    right = np.take_along_axis(out, labels[None, :, None], axis=2)[..., 0]
    np.put_along_axis(out, np.broadcast_to(labels[None, :, None], (*out.shape[:2], 1)), -np.inf, axis=2)
    np.testing.assert_allclose(moved.margins_before, right - out.max(axis=2), atol=5e-6)
    # who errs at the start does not move
    errs = (moved.margins_before <= 0.0).any(axis=1)
    assert moved.stayed == errs.sum() > 100
    np.testing.assert_array_equal(moved.latent[errs], latent.numpy()[errs])


def test_equal_arguments_give_equal_bits_whoever_else_is_moved():
    layout = DenseLayout((30, 40, 1))
    inputs, labels, z, v = (np.float32(a) for a in problem(layout, 40, seed=4, particles=12))
    labels = labels.astype(int)
    first = dense_move(z, v, layout, inputs, labels, length=1.0)
    again = dense_move(z, v, layout, inputs, labels, length=1.0)
    some = dense_move(z[3:5], v[3:5], layout, inputs, labels, length=1.0)
    assert first.latent.dtype == np.float32
    np.testing.assert_array_equal(first.latent, again.latent)
    np.testing.assert_array_equal(first.latent[3:5], some.latent)
    assert first.bounces.min() > 5


def rejection(layout, inputs, labels, count, rng):
    # networks from the prior without error: the answer to what the move must leave as it is
    kept, have = [], 0
    while have < count:
        z = rng.standard_normal((40_000, layout.latent_size)).astype(np.float32)
        network = Network(
            Architecture(hidden=layout.widths[1:-1], activation=layout.activation),
            Prior("normal", layout.weight_variance, layout.bias_variance),
            layout.widths[:1],
            layout.widths[-1],
        )
        out = network.scores(torch.from_numpy(z), torch.from_numpy(inputs)).numpy()
        right = labels * out[..., 0] > 0 if layout.widths[-1] == 1 else out.argmax(axis=2) == labels
        kept.append(z[right.all(axis=1)])
        have += len(kept[-1])
    return np.concatenate(kept)[:count]


def summaries(z, margin, layout):
    # what a wrong normal, a lost wall or a wrong turn would change
    first = layout.widths[0] * layout.widths[1]
    return {
        "least margin": margin.min(axis=1),
        "last margin": margin[:, -1],
        "mean margin": margin.mean(axis=1),
        "first layer": np.sum(z[:, :first] ** 2, axis=1),
        "other weights": np.sum(z[:, first:] ** 2, axis=1),
        "one weight": z[:, 0],
    }


INVARIANT = [
    (DenseLayout((3, 5, 1)), 6, 0.025),
    (DenseLayout((3, 5, 1)), 6, 0.0125),
    (DenseLayout((3, 5, 1), "erf", bias_variance=0.2), 6, 0.025),
    (DenseLayout((3, 4, 4, 1)), 6, 0.025),
    (DenseLayout((3, 5, 3)), 4, 0.025),
    (DenseLayout((3, 4, 4, 3), "erf", bias_variance=0.2), 4, 0.025),
]


def drift(layout, examples, step, particles, moves, seed):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((examples, layout.widths[0])).astype(np.float32)
    # not labelled by a network, yet by one that exists: walls on all sides
    teacher = torch.from_numpy(rng.standard_normal(layout.latent_size))
    out = scores(teacher, layout, torch.from_numpy(inputs).double()).numpy()
    labels = np.where(out[:, 0] > 0, 1, -1) if out.shape[1] == 1 else out.argmax(axis=1)
    z = rejection(layout, inputs, labels, 2 * particles, rng)
    fresh, z = z[:particles], z[particles:]
    bounces = stayed = 0
    for _ in range(moves):
        velocity = rng.standard_normal(z.shape, dtype=np.float32)
        moved = dense_move(z, velocity, layout, inputs, labels, length=1.0, step=step)
        z, bounces, stayed = moved.latent, bounces + moved.bounces.mean() / moves, stayed + moved.stayed
    assert stayed <= 0.002 * moves * particles
    assert bounces > 1.0
    still = dense_move(fresh, fresh, layout, inputs, labels, length=0.01)
    then = summaries(fresh, still.margins_before, layout)
    now = summaries(z, moved.margins_after, layout)
    return {name: float(stats.ks_2samp(then[name], now[name]).pvalue) for name in then}


@pytest.mark.parametrize(("layout", "examples", "step"), INVARIANT)
def test_networks_without_error_are_left_distributed_as_the_prior_makes_them(layout, examples, step):
    for name, p in drift(layout, examples, step, particles=2000, moves=5, seed=11).items():
        assert p > 1e-3, name


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "examples", "step"), INVARIANT)
def test_many_moves_of_many_networks_leave_them_distributed_as_the_prior_makes_them(layout, examples, step):
    for name, p in drift(layout, examples, step, particles=20_000, moves=12, seed=12).items():
        assert p > 1e-3, name


def test_arguments_are_checked():
    layout = DenseLayout((3, 4, 1))
    inputs, labels, z, v = problem(layout, 5, seed=1, particles=2)
    for changes, message in [
        ({"latent": z[:, 1:]}, "latent must be"),
        ({"velocity": v[:1]}, "velocity must be"),
        ({"velocity": v.astype(np.float32)}, "velocity must be"),
        ({"inputs": inputs[:, 1:]}, "inputs must have"),
        ({"labels": labels[1:]}, "labels must be"),
        ({"labels": np.array([0, 1, 1, 1, 1])}, "labels must be"),
        ({"length": 0.0}, "length must lie"),
        ({"slack": -1.0}, "slack must be"),
        ({"step": 0.0}, "step must lie"),
    ]:
        given = {
            "latent": z,
            "velocity": v,
            "layout": layout,
            "inputs": inputs,
            "labels": labels,
            "length": 1.0,
        }
        with pytest.raises(ValueError, match=message):
            dense_move(**(given | changes))
    for arguments, message in [
        (((3,),), "widths"),
        (((3, 0, 1),), "widths"),
        (((3, 1), "cubic"), "activation"),
        (((3, 1), "relu", 0.0), "weight_variance"),
        (((3, 1), "relu", 1.0, -0.1), "bias_variance"),
    ]:
        with pytest.raises(ValueError, match=message):
            DenseLayout(*arguments)
