"""Trajectories in torch against the exact linear kernel, the compiled move, and guess-and-check."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from genlaws.empirical import reflective_flow as module
from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.dense_flow import DenseLayout, dense_move
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.empirical.reflective_flow import reflective_flow
from genlaws.simulate.reflective import reflective_move

KS_LEVEL = 1e-3


@pytest.fixture(autouse=True)
def one_thread():
    # small tensors: threads only wait for one another
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(word="fc:5", shape=(3,), outputs=1, prior=None, **changes):
    return Network(parse_architecture(word, **changes), prior or Prior(), shape, outputs)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def heights(net, latent, inputs, labels):
    scores = net.scores(latent, inputs)
    if net.outputs == 1:
        return scores[..., 0] * labels
    right = scores[:, torch.arange(len(labels)), labels]
    others = torch.nn.functional.one_hot(labels, net.outputs).bool()
    return right - scores.masked_fill(others, -math.inf).amax(dim=2)


def taught(net, points, seed=0, dtype=torch.float64):
    """Inputs, the labels a teacher gives them, and the teacher's vector."""
    inputs = normal(points, *net.input_shape, seed=seed, dtype=dtype)
    # the first draw that knows more than one class
    for draw in normal(200, 1, net.latent_size, seed=seed + 1, dtype=dtype):
        scores = net.scores(draw, inputs)[0]
        labels = torch.sign(scores[:, 0]) if net.outputs == 1 else scores.argmax(dim=1)
        if len(labels.unique()) == max(net.outputs, 2):
            return inputs, labels, draw
    raise AssertionError("no teacher knows all classes")


def guessed(net, inputs, labels, wanted, seed=5):
    """Guess and check: members of the restricted prior, independent of each other."""
    kept, found = [], 0
    for block in range(1000):
        latent = normal(20_000, net.latent_size, seed=seed + 100 * block, dtype=inputs.dtype)
        kept.append(latent[(heights(net, latent, inputs, labels) > 0.0).all(dim=1)])
        found += len(kept[-1])
        if found >= wanted:
            return torch.cat(kept)[:wanted]
    raise AssertionError("too rare to guess")


def flown(net, start, inputs, labels, moves, seed=11, **changes):
    latent = start
    for move in range(moves):
        velocity = normal(*latent.shape, seed=seed + move, dtype=latent.dtype)
        latent = reflective_flow(net, latent, inputs, labels, velocity, length=1.0, **changes).latent
    return latent


def assert_same_distribution(net, one, other, inputs, labels):
    """By margins on three points never seen, the least training margin, and the length of the first layer."""
    fresh = normal(3, *net.input_shape, seed=99, dtype=inputs.dtype)
    first = net.layers[0].weights
    views = [
        lambda z: net.scores(z, fresh)[..., 0].T,
        lambda z: heights(net, z, inputs, labels).amin(dim=1)[None],
        lambda z: z[:, :first].norm(dim=1)[None],
    ]
    for view in views:
        for a, b in zip(view(one).numpy(), view(other).numpy(), strict=True):
            assert stats.ks_2samp(a, b).pvalue > KS_LEVEL


@pytest.mark.parametrize("slack", [0.0, 0.4])
def test_without_hidden_layers_it_is_the_exact_linear_move(slack):
    net = network("linear", shape=(6,), bias=False)
    inputs, labels, _ = taught(net, 8)
    start = guessed(net, inputs, labels, 40)
    if slack:
        # those that err on the last example, but by less than the slack, belong
        labels[-1] *= -1.0
        unit = (inputs[-1].norm() * math.sqrt(2.0 / 6.0)).item()
        start = start[heights(net, start, inputs, labels)[:, -1] > -slack * unit]
        assert len(start) > 5
    # the last example's slack counts in its own deviations there, in raw outputs here
    rows = (labels[:, None] * inputs / inputs.norm(dim=1, keepdim=True)).numpy()
    raw = slack * (inputs[-1].norm() * math.sqrt(2.0 / 6.0)).item()
    exact = reflective_move(
        start.numpy(), rows, np.ascontiguousarray(rows @ rows.T), np.random.default_rng(3),
        length=0.9, slack=slack, slack_walls=int(slack > 0.0),
    )  # fmt: skip
    velocity = torch.from_numpy(np.random.default_rng(3).standard_normal(start.shape))
    flow = reflective_flow(net, start, inputs, labels, velocity, length=0.9, slack=raw)
    assert not flow.stayed.any()
    assert int(flow.bounces.sum()) == exact.bounces > len(start)
    np.testing.assert_allclose(flow.latent.numpy(), exact.latent, rtol=0.0, atol=1e-9)
    if slack:
        assert bool((flow.margins_after[:, -1] < 0.0).any())
        assert bool((flow.margins_after[:, -1] > -raw).all())


@pytest.mark.parametrize(
    ("word", "outputs", "activation"), [("fc:5", 1, "relu"), ("fc:4,4", 3, "erf"), ("fc:6", 1, "tanh")]
)
def test_it_makes_the_trajectories_of_the_compiled_move(word, outputs, activation):
    net = network(word, outputs=outputs, activation=activation)
    inputs, labels, _ = taught(net, 7)
    start = guessed(net, inputs, labels, 60)
    velocity = normal(*start.shape, seed=2)
    flow = reflective_flow(net, start, inputs, labels, velocity, length=1.0, step=0.01)
    layout = DenseLayout((3, *net.architecture.hidden, outputs), activation=activation)
    numbers = start.numpy(), velocity.numpy(), layout, inputs.numpy(), labels.numpy().astype(int)
    dense = dense_move(*numbers, length=1.0, step=0.01)
    apart = np.abs(flow.latent.numpy() - dense.latent).max(axis=1)
    # bounces differ where one of the two overlooks a dip
    assert np.mean(apart < 1e-6) >= 0.95
    assert np.mean(flow.bounces.numpy() == dense.bounces) >= 0.95
    assert int(flow.bounces.sum()) > 2 * len(start)


@pytest.mark.parametrize(
    ("word", "shape", "outputs", "activation", "kind"),
    [
        ("fc:5", (3,), 1, "relu", "normal"),
        ("fc:4,4", (3,), 3, "gelu", "normal"),
        ("cnn:1x2:pool", (1, 4, 4), 1, "erf", "normal"),
        ("fc:5", (3,), 1, "tanh", "uniform"),
        ("fc:5", (3,), 1, "erf", "orthogonal"),
    ],
)
def test_the_way_back_leads_to_the_start(word, shape, outputs, activation, kind):
    net = network(word, shape, outputs, Prior(kind), activation=activation)
    inputs, labels, _ = taught(net, 6)
    start = guessed(net, inputs, labels, 60)
    velocity = normal(*start.shape, seed=2)
    there = reflective_flow(net, start, inputs, labels, velocity, length=1.0)
    back = reflective_flow(net, there.latent, inputs, labels, -there.velocity, length=1.0)
    apart = (back.latent - start).abs().amax(dim=1)
    assert float((apart > 1e-6).double().mean()) <= 0.05
    assert float(apart.median()) < 1e-9
    assert not there.stayed.any()
    assert int(there.bounces.sum()) > len(start)
    # a turn and a mirror: what position and velocity weigh together stays
    energy = start.square().sum(1) + velocity.square().sum(1)
    after = there.latent.square().sum(1) + there.velocity.square().sum(1)
    torch.testing.assert_close(after, energy, rtol=1e-11, atol=0.0)
    again = heights(net, there.latent, inputs, labels)
    torch.testing.assert_close(there.margins_after, again, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(there.margins_before, heights(net, start, inputs, labels))
    assert bool((again > 0.0).all())


CASES = [
    ("cnn:1x2:pool", (1, 5, 5), 1, "relu", "normal", 5),
    ("cnn:1x2", (1, 4, 4), 1, "erf", "kaiming-uniform", 6),
    ("fc:4", (3,), 1, "tanh", "uniform", 8),
    ("fc:4,3", (3,), 3, "erf", "normal", 6),
]


@pytest.mark.parametrize(("word", "shape", "outputs", "activation", "kind", "points"), CASES)
def test_from_a_single_network_it_finds_what_guess_and_check_finds(
    word, shape, outputs, activation, kind, points
):
    net = network(word, shape, outputs, Prior(kind), activation=activation)
    inputs, labels, teacher = taught(net, points, dtype=torch.float32)
    reference = guessed(net, inputs, labels, 3000)
    # a population that starts as one network has everything to find by moving
    found = flown(net, teacher.repeat(250, 1), inputs, labels, moves=4, step=0.05)
    assert_same_distribution(net, found, reference, inputs, labels)


@pytest.mark.parametrize(("word", "kind"), [("fc:4", "normal"), ("fc:3", "orthogonal")])
def test_it_leaves_the_restricted_prior_as_it_is(word, kind):
    net = network(word, prior=Prior(kind), activation="relu")
    inputs, labels, _ = taught(net, 7, dtype=torch.float32)
    members = guessed(net, inputs, labels, 3000)
    velocity = normal(1000, net.latent_size, seed=8, dtype=torch.float32)
    flow = reflective_flow(net, members[:1000], inputs, labels, velocity, length=1.0)
    assert_same_distribution(net, flow.latent, members[1000:], inputs, labels)
    moved = flow.latent[~flow.stayed]
    assert float(torch.nn.functional.cosine_similarity(moved, members[:1000][~flow.stayed]).mean()) < 0.8
    # a square orthogonal matrix jumps where its determinant changes sign: no wall to bounce off
    assert (0.05 < float(flow.stayed.double().mean()) < 0.8) == (kind == "orthogonal")


def elliptical_slices(net, latent, inputs, labels, sweeps):
    """Murray, Adams & MacKay (2010), arXiv:1001.0175, with the indicator of no error as the likelihood."""
    rng = torch.Generator().manual_seed(77)
    for _ in range(sweeps):
        other = torch.randn(latent.shape, generator=rng, dtype=latent.dtype)
        angle = 2.0 * math.pi * torch.rand(len(latent), 1, generator=rng, dtype=latent.dtype)
        low, high = angle - 2.0 * math.pi, angle.clone()
        proposed = latent.clone()
        left = torch.arange(len(latent))
        while len(left):
            t = angle[left]
            made = latent[left] * t.cos() + other[left] * t.sin()
            right = (heights(net, made, inputs, labels) > 0.0).all(dim=1)
            proposed[left[right]] = made[right]
            left, t = left[~right], t[~right]
            low[left], high[left] = torch.where(t < 0.0, t, low[left]), torch.where(t < 0.0, high[left], t)
            share = torch.rand(len(left), 1, generator=rng, dtype=latent.dtype)
            angle[left] = low[left] + share * (high[left] - low[left])
        latent = proposed
    return latent


def test_elliptical_slices_find_the_same_beyond_what_can_be_guessed():
    net = network("fc:4", activation="erf")
    inputs, labels, teacher = taught(net, 14)
    start = teacher.repeat(250, 1)
    found = flown(net, start, inputs, labels, moves=4, step=0.05)
    # lengths of weights, which slices change little at a time, need hundreds of sweeps
    slices = elliptical_slices(net, start, inputs, labels, sweeps=400)
    assert_same_distribution(net, found, slices, inputs, labels)


def test_slack_lets_only_the_last_example_err():
    net = network("fc:5", outputs=3, activation="erf")
    inputs, labels, teacher = taught(net, 5)
    labels[-1] = (labels[-1] + 1) % 3
    slack = -1.5 * heights(net, teacher, inputs, labels)[0, -1].item()
    flow = reflective_flow(
        net, teacher.repeat(50, 1), inputs, labels, normal(50, net.latent_size), length=1.0, slack=slack
    )
    assert not flow.stayed.any()
    assert bool((flow.margins_after[:, :-1] > 0.0).all())
    last = flow.margins_after[:, -1]
    assert bool((last > -slack).all())
    assert bool((last < 0.0).any())
    assert int(flow.bounces.sum()) > 50


def test_without_examples_networks_turn_freely():
    net = network("fc:5")
    start, velocity = normal(4, net.latent_size), normal(4, net.latent_size, seed=1)
    flow = reflective_flow(net, start, torch.empty(0, 3), torch.empty(0), velocity, length=1.0 / 3.0)
    torch.testing.assert_close(flow.latent, math.sqrt(0.75) * start + 0.5 * velocity)
    assert flow.margins_after.shape == (4, 0)
    assert int(flow.bounces.sum()) == 0


def test_networks_that_err_no_matter_what_stay():
    # one image with both labels: nobody is right, nothing may move or hang
    net = network("fc:5")
    image = normal(1, 3).repeat(2, 1)
    start = normal(6, net.latent_size, seed=3)
    flow = reflective_flow(
        net, start, image, torch.tensor([1.0, -1.0]), normal(6, net.latent_size), length=1.0
    )
    assert bool(flow.stayed.all())
    torch.testing.assert_close(flow.latent, start, rtol=0.0, atol=0.0)


def test_repeated_examples_change_nothing():
    net = network("fc:5")
    inputs, labels, teacher = taught(net, 6)
    start, velocity = teacher.repeat(30, 1), normal(30, net.latent_size, seed=4)
    once = reflective_flow(net, start, inputs, labels, velocity, length=1.0)
    twice = reflective_flow(net, start, inputs.repeat(2, 1), labels.repeat(2), velocity, length=1.0)
    torch.testing.assert_close(once.latent, twice.latent, rtol=0.0, atol=1e-7)


def test_chunks_change_rounding_only(monkeypatch):
    net = network("cnn:1x2:pool", (1, 4, 4), activation="erf")
    inputs, labels, teacher = taught(net, 6)
    start, velocity = teacher.repeat(20, 1), normal(20, net.latent_size, seed=4)
    whole = reflective_flow(net, start, inputs, labels, velocity, length=1.0)

    def by_sevens(function, rows, **_):
        return torch.cat([function(slice(k, min(k + 7, rows))) for k in range(0, rows, 7)])

    monkeypatch.setattr(module, "in_chunks", by_sevens)
    parts = reflective_flow(net, start, inputs, labels, velocity, length=1.0)
    torch.testing.assert_close(parts.latent, whole.latent, rtol=0.0, atol=1e-8)
    assert torch.equal(parts.bounces, whole.bounces)


def test_equal_arguments_give_equal_bits_and_keep_the_arguments():
    net = network("fc:5")
    inputs, labels, teacher = taught(net, 6, dtype=torch.float32)
    start, velocity = teacher.repeat(20, 1), normal(20, net.latent_size, dtype=torch.float32)
    given = start.clone(), velocity.clone()
    one, other = (reflective_flow(net, start, inputs, labels, velocity, length=0.7) for _ in range(2))
    assert torch.equal(one.latent, other.latent)
    assert torch.equal(start, given[0])
    assert torch.equal(velocity, given[1])
    assert not one.latent.requires_grad


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 0.0}, "length must lie in"),
        ({"length": 1.5}, "length must lie in"),
        ({"slack": -1.0}, "slack must be"),
        ({"slack": math.nan}, "slack must be"),
        ({"step": 0.0}, "step must lie in"),
        ({"labels": torch.tensor([0.0, 1.0])}, "labels must be -1 or"),
        ({"labels": torch.ones(3)}, "labels must have shape"),
        ({"velocity": torch.zeros(2, 26)}, "velocity must have"),
        ({"latent": torch.zeros(2, 25)}, "latent must have shape"),
        ({"latent": torch.zeros(2, 26, dtype=torch.int64)}, "latent must be float"),
    ],
)
def test_it_says_what_does_not_fit(changes, message):
    net = network("fc:5")
    given = {
        "latent": torch.zeros(3, net.latent_size),
        "inputs": torch.zeros(2, 3),
        "labels": torch.ones(2),
        "velocity": torch.zeros(3, net.latent_size),
        "length": 1.0,
    } | changes
    positional = [given.pop(name) for name in ("latent", "inputs", "labels", "velocity")]
    with pytest.raises(ValueError, match=message):
        reflective_flow(net, *positional, **given)


def test_classes_are_checked():
    net = network("fc:5", outputs=3)
    zeros = torch.zeros(1, net.latent_size)
    with pytest.raises(ValueError, match="labels must be in 0 to 2"):
        reflective_flow(net, zeros, torch.zeros(2, 3), torch.tensor([1, 3]), zeros, length=1.0)
