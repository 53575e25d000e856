"""Torch modules of one's own against our networks, against themselves alone, and guess-and-check."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.module_network import ModuleNetwork
from genlaws.empirical.network_family import NetworkFamily
from genlaws.empirical.networks import BatchedNetwork, Network
from genlaws.empirical.priors import PRIORS, Prior
from genlaws.empirical.reflective_flow import reflective_flow
from genlaws.simulate import sample_zero_error


@pytest.fixture(autouse=True)
def one_thread():
    # small tensors: threads only wait for one another
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def dense():
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))


def convolutional():
    return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(75, 3))


class Residual(nn.Module):
    """Two outputs added, one of them squeezed to shape (points,): nothing that our networks can be."""

    def __init__(self):
        super().__init__()
        self.inner, self.skip, self.out = nn.Linear(3, 3), nn.Linear(3, 3, bias=False), nn.Linear(3, 1)

    def forward(self, points):
        return self.out(torch.tanh(self.inner(points)) + self.skip(points)).squeeze(-1)


class Returns(nn.Module):
    """A linear module whose outputs are spoilt by `change`."""

    def __init__(self, change):
        super().__init__()
        self.linear, self.change = nn.Linear(3, 2), change

    def forward(self, points):
        return self.change(self.linear(points))


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize(
    ("word", "shape", "factory"), [("fc:5,4", (3,), dense), ("cnn:1x3", (1, 5, 5), convolutional)]
)
def test_a_module_of_our_layers_is_our_network(word, shape, factory, kind):
    prior = Prior(kind, weight_variance=1.5, bias_variance=0.3, half_width=0.7)
    ours = Network(parse_architecture(word), prior, shape, 3)
    made = ModuleNetwork(factory, prior, shape)
    assert isinstance(made, BatchedNetwork)
    assert (made.latent_size, made.outputs) == (ours.latent_size, 3)
    latent, inputs = normal(6, ours.latent_size), normal(4, *shape, seed=1)
    torch.testing.assert_close(made.scores(latent, inputs), ours.scores(latent, inputs))
    own = normal(6, *shape, seed=2)
    torch.testing.assert_close(made.paired_scores(latent, own), ours.paired_scores(latent, own))


def test_scores_are_those_of_the_module_run_alone():
    module = Residual()
    made = ModuleNetwork(lambda: module, lambda name, z: 0.5 * z if "inner" in name else 2.0 * z, (3,))
    assert made.outputs == 1
    latent, inputs = normal(2, made.latent_size), normal(4, 3, seed=1)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    scores = made.scores(latent, inputs)
    assert scores.shape == (2, 4, 1)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
    assert module.training
    for z, found in zip(latent, scores, strict=True):
        scales = [0.5 if "inner" in name else 2.0 for name, _ in module.named_parameters()]
        with torch.no_grad():
            start = 0
            for parameter, scale in zip(module.parameters(), scales, strict=True):
                parameter.copy_(scale * z[start : start + parameter.numel()].view_as(parameter))
                start += parameter.numel()
            torch.testing.assert_close(found[:, 0], module(inputs))


def test_parameters_without_gradient_stay_as_the_factory_makes_them():
    first = nn.Linear(3, 8).requires_grad_(False)
    made = ModuleNetwork(lambda: nn.Sequential(first, nn.ReLU(), nn.Linear(8, 1)), Prior(), (3,))
    assert made.latent_size == 9
    # the features are fixed, so outputs are linear in what is left
    one, other, inputs = normal(1, 9), normal(1, 9, seed=1), normal(5, 3, seed=2)
    both = made.scores(one + other, inputs)
    torch.testing.assert_close(made.scores(one, inputs) + made.scores(other, inputs), both)
    features = torch.cat([torch.relu(first(inputs)), torch.ones(5, 1)], dim=1)
    expected = features @ (one[0] * torch.tensor([math.sqrt(2.0 / 8.0)] * 8 + [0.1]))
    torch.testing.assert_close(made.scores(one, inputs)[0, :, 0], expected)


def test_evaluation_mode_takes_out_what_is_random():
    def with_dropout():
        return nn.Sequential(
            nn.Linear(3, 5), nn.BatchNorm1d(5, affine=False), nn.Dropout(0.5), nn.Linear(5, 1)
        )

    made = ModuleNetwork(with_dropout, Prior(), (3,))
    plain = ModuleNetwork(lambda: nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 1)), Prior(), (3,))
    latent, inputs = normal(4, made.latent_size), normal(6, 3, seed=1)
    # running statistics of an untrained module are 0 and 1
    torch.testing.assert_close(
        made.scores(latent, inputs), plain.scores(latent, inputs), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (nn.ReLU, "with parameters to draw"),
        (lambda: nn.Linear(4, 1), r"fails on inputs of shape \(3, 3\)"),
        (lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1)), "'1.weight' of shape"),
        (lambda: Returns(lambda x: x[:, :, None]), "must map 3 points"),
        (lambda: Returns(lambda x: x.sum()), "must map 3 points"),
        (lambda: Returns(lambda x: (x, x)), "must return one tensor"),
        (lambda: Returns(torch.sqrt), "must have finite outputs"),
        (lambda: Returns(lambda x: x + torch.rand(2)), "fails on inputs"),
        (lambda: Returns(lambda x: x - x.mean(dim=0)), "must treat points on their own"),
        (lambda: Returns(nn.BatchNorm1d(2, affine=False, track_running_stats=False)), "fails on inputs"),
    ],
)
def test_it_says_what_a_module_cannot_be(factory, message):
    with pytest.raises(ValueError, match=message):
        ModuleNetwork(factory, Prior(), (3,))


def test_a_factory_must_make_a_module():
    with pytest.raises(TypeError, match="factory must return"):
        ModuleNetwork(lambda: nn.Linear, Prior(), (3,))


def test_a_prior_that_changes_shapes_is_refused():
    with pytest.raises(ValueError, match="fails on inputs"):
        ModuleNetwork(dense, lambda name, z: z.flatten(), (3,))


def test_it_describes_itself_the_same_everywhere():
    one, other = (ModuleNetwork(dense, Prior(), (3,)) for _ in range(2))
    assert repr(one) == repr(other)
    assert "0x" not in repr(ModuleNetwork(Residual, lambda name, z: z, (3,)))
    assert repr(one) != repr(ModuleNetwork(dense, Prior("uniform"), (3,)))
    frozen = [ModuleNetwork(partial(Half, seed), Prior(), (3,)) for seed in (0, 1)]
    assert repr(frozen[0]) != repr(frozen[1])


class Half(nn.Module):
    """Fixed random features under a layer that is drawn."""

    def __init__(self, seed):
        super().__init__()
        self.register_buffer("features", normal(4, 3, seed=seed))
        self.readout = nn.Linear(4, 1)

    def forward(self, points):
        return self.readout(torch.relu(points @ self.features.T))


def test_threads_do_not_see_each_other():
    made = ModuleNetwork(dense, Prior(), (3,))
    inputs, latents = normal(200, 3), [normal(50 + k, made.latent_size, seed=k) for k in range(16)]
    alone = [made.scores(latent, inputs) for latent in latents]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda latent: made.scores(latent, inputs), latents))
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one, other)


def test_trajectories_are_those_of_our_network():
    ours = Network(parse_architecture("fc:5,4"), Prior(), (3,), 3)
    made = ModuleNetwork(dense, Prior(), (3,))
    inputs = normal(5, 3).double()
    for teacher in normal(50, 1, ours.latent_size, seed=1).double():
        labels = ours.scores(teacher, inputs)[0].argmax(dim=1)
        if len(labels.unique()) == 3:
            break
    start = teacher.repeat(20, 1)
    velocity = normal(20, ours.latent_size, seed=2).double()
    one, other = (reflective_flow(net, start, inputs, labels, velocity, length=1.0) for net in (ours, made))
    torch.testing.assert_close(one.latent, other.latent, rtol=0.0, atol=1e-7)
    assert torch.equal(one.bounces, other.bounces)
    assert int(one.bounces.sum()) > 20


@pytest.fixture(scope="module")
def sampled():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((48, 3))
    labels = np.sign(inputs[:, 0] + 0.5 * rng.standard_normal(48)).astype(int)
    family = NetworkFamily.from_module(
        Residual, Prior(), inputs, labels, training=range(8), heldout=range(8, 48), device="cpu"
    )
    ensemble = sample_zero_error(family, [4, 8], particles=60, replicas=6, rng=1)
    latent = normal(200_000, family.network.latent_size, seed=3)
    scores = family.network.scores(latent, torch.as_tensor(inputs, dtype=torch.float32))[..., 0]
    right = (torch.sign(scores) == torch.as_tensor(labels)).numpy()
    return SimpleNamespace(ensemble=ensemble, right=right)


@pytest.mark.parametrize(("k", "n"), [(0, 4), (1, 8)])
def test_a_module_end_to_end_agrees_with_guess_and_check(sampled, k, n):
    ensemble, right = sampled.ensemble, sampled.right
    kept = right[:, :n].all(axis=1)
    assert kept.sum() > 300
    expected, error = math.log(kept.mean()), 1.0 / math.sqrt(kept.sum())
    assert 0.0 < ensemble.log_fraction_se[k] < 0.3
    reach = stats.t.ppf(0.999, 5) * math.hypot(ensemble.log_fraction_se[k], error)
    assert abs(ensemble.log_fraction[k] - expected) < reach
    mean = (~right[kept][:, 8:]).mean(axis=1)
    assert 0.0 < ensemble.mean_true_error_se[k] < 0.04
    spread = math.hypot(ensemble.mean_true_error_se[k], mean.std() / math.sqrt(len(mean)))
    assert abs(ensemble.mean_true_error[k] - mean.mean()) < stats.t.ppf(0.999, 5) * spread
