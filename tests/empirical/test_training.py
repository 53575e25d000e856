"""Training of many networks at once against torch.nn and torch.optim, one at a time, and closed forms."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from genlaws.empirical import devices, training
from genlaws.empirical.architectures import Architecture, Convolution, parse_architecture
from genlaws.empirical.batch_orders import batch_order
from genlaws.empirical.losses import LOSSES, example_losses, margins
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import PRIORS, Prior
from genlaws.empirical.training import train_networks

FEATURES, POINTS = 6, 24


def _data(points=POINTS, features=FEATURES, classes=2, *, seed=0):
    """Points whose labels a teacher with one hidden layer gives."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((points, features))
    hidden = np.maximum(inputs @ rng.standard_normal((features, 4)), 0.0) - 0.5
    scores = hidden @ rng.standard_normal((4, classes))
    labels = scores.argmax(axis=1)
    return inputs, 2 * labels - 1 if classes == 2 else labels


def _network(arch="fc:2x8", *, features=FEATURES, outputs=1, activation="tanh", bias=True, prior=None):
    architecture = parse_architecture(arch, activation=activation, bias=bias)
    return Network(architecture, prior or Prior(bias_variance=0.1), (features,), outputs)


def _module(network, weights, row):
    """The network in a row as a module of torch's own."""
    layers, kind = [], {"dtype": weights[0][0].dtype}
    for layer, (weight, bias) in zip(network.layers, weights, strict=True):
        out, width = weight.shape[1:3]
        if layer.convolutional:
            made = nn.Conv2d(
                width, out, weight.shape[3], layer.stride, layer.padding, bias=bias is not None, **kind
            )
        else:
            if network.architecture.convolutions:
                layers.append(nn.Flatten())
            made = nn.Linear(width, out, bias=bias is not None, **kind)
        with torch.no_grad():
            made.weight.copy_(weight[row])
            if bias is not None:
                made.bias.copy_(bias[row])
        layers += [made, nn.Tanh() if network.architecture.activation == "tanh" else nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _optimizer(parameters, optimizer, rate):
    if optimizer == "adam":
        return torch.optim.Adam(parameters, lr=rate)
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9 if optimizer == "sgd" else 0.0)


def _flat(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def _one_at_a_time(module, inputs, labels, *, loss, optimizer, rate, steps, batches=None):
    """Plain training; the weights before each step and at the end, and the training errors there."""
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)
    stepper = _optimizer(module.parameters(), optimizer, rate)
    weights, errors = [], []
    for step in range(steps + 1):
        weights.append(_flat(module))
        errors.append(int((margins(module(x)[None], y) <= 0.0).sum()))
        some = slice(None) if batches is None else batches[step % len(batches)]
        stepper.zero_grad()
        example_losses(module(x[some])[None], y[some], loss).mean().backward()
        stepper.step()
    return torch.stack(weights), np.array(errors)


def _start(network, inputs, labels, networks, **kw):
    return train_networks(
        network, inputs, labels, networks=networks, max_steps=0, dtype=torch.float64, device="cpu", **kw
    )


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("optimizer", "rate"), [("gd", 0.05), ("sgd", 0.01), ("adam", 0.01)])
def test_together_as_one_at_a_time(optimizer, rate, loss, outputs):
    # with more features than points, gradient descent trains in coordinates of their span
    inputs, labels = _data(features=40, classes=max(outputs, 2))
    network = _network(features=40, outputs=outputs)
    how = {"loss": loss, "optimizer": optimizer}
    start = _start(network, inputs, labels, 3, rng=1)
    trained = train_networks(
        network, inputs, labels, networks=3, learning_rate=rate, max_steps=50, stop="loss", tolerance=0.0,
        dtype=torch.float64, rng=1, device="cpu", **how,
    )  # fmt: skip
    for k in range(3):
        module = _module(network, start.weights, k)
        path, errors = _one_at_a_time(module, inputs, labels, rate=rate, steps=50, **how)
        assert (path[50] - path[0]).abs().max() > 0.05
        at = trained.steps[k]
        assert at == 50 or trained.losses[k] == 0.0
        np.testing.assert_allclose(trained.flat_weights[k], path[at], atol=1e-9)
        assert trained.training_errors[k] == errors[at] / POINTS


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_batches_together_as_one_at_a_time(optimizer):
    # 24 examples of which each network has its own 20, in batches of 8, 8 and 4
    inputs, labels = _data()
    rng = np.random.default_rng(3)
    examples = np.stack([rng.choice(POINTS, 20, replace=False) for _ in range(3)])
    network, how = _network(), {"loss": "cross-entropy", "optimizer": optimizer}
    start = _start(network, inputs, labels, 3, rng=7)
    trained = train_networks(
        network, inputs, labels, networks=3, examples=examples, batch_size=8, learning_rate=0.01,
        max_steps=10, stop="loss", tolerance=0.0, dtype=torch.float64, rng=7, device="cpu", **how,
    )  # fmt: skip
    for k in range(3):
        batches = [
            batch
            for epoch in range(4)
            for batch in batch_order(torch.tensor([k]), examples=20, epoch=epoch, seed=7)[0].split(8)
        ]
        own = examples[k]
        module = _module(network, start.weights, k)
        path, _ = _one_at_a_time(
            module, inputs[own], labels[own], rate=0.01, steps=10, batches=batches, **how
        )
        np.testing.assert_allclose(trained.flat_weights[k], path[10], atol=1e-9)


@pytest.mark.parametrize("batch_size", [None, 8])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_each_network_stops_by_itself_and_stays_as_it_was(optimizer, batch_size):
    inputs, labels = _data(seed=2)
    network = _network(activation="relu")
    trained = train_networks(
        network, inputs, labels, networks=20, optimizer=optimizer, learning_rate=0.01, batch_size=batch_size,
        max_steps=600, dtype=torch.float64, rng=2, device="cpu",
    )  # fmt: skip
    assert trained.reached.all()
    assert not trained.diverged.any()
    # so different that networks left the batch several times before the last was done
    assert len(np.unique(trained.steps)) > 8
    start = _start(network, inputs, labels, 20, rng=2)
    for k in (0, 1, 2, int(trained.steps.argmin()), int(trained.steps.argmax())):
        steps = int(trained.steps[k])
        epochs = range(1 + steps // 3)
        batches = batch_size and [
            batch
            for epoch in epochs
            for batch in batch_order(torch.tensor([k]), examples=POINTS, epoch=epoch, seed=2)[0].split(8)
        ]
        path, errors = _one_at_a_time(
            _module(network, start.weights, k), inputs, labels, loss="hinge", optimizer=optimizer, rate=0.01,
            steps=steps, batches=batches,
        )  # fmt: skip
        # the first time that it had no error: at a step, or where it is looked at after an epoch
        seen = errors[:: 1 if batch_size is None else 3]
        assert seen[-1] == 0
        assert np.all(seen[:-1] > 0)
        np.testing.assert_allclose(trained.flat_weights[k], path[steps], atol=1e-8)
    assert np.all(trained.training_errors == 0.0)
    np.testing.assert_array_equal(trained.true_errors(inputs, labels), 0.0)


@pytest.mark.parametrize("optimizer", ["gd", "sgd", "adam"])
def test_ntk_trains_the_standard_normal_variables(optimizer):
    # an independent route: torch differentiates the scores by the variables themselves
    inputs, labels = _data()
    network = _network()
    start = _start(network, inputs, labels, 2, rng=3)
    parts = zip(network.layers, start.weights, strict=True)
    latent = torch.cat(
        [
            part.flatten(1) / gain
            for layer, pair in parts
            for part, gain in zip(pair, network.prior.gains(layer), strict=True)
            if part is not None
        ],
        dim=1,
    ).requires_grad_()
    stepper = _optimizer([latent], optimizer, 0.1)
    for _ in range(30):
        stepper.zero_grad()
        scores = network.scores(latent, torch.from_numpy(inputs))
        example_losses(scores, torch.from_numpy(labels), "square").mean(dim=1).sum().backward()
        stepper.step()
    trained = train_networks(
        network, inputs, labels, networks=2, loss="square", optimizer=optimizer, parametrization="ntk",
        learning_rate=0.1, max_steps=30, stop="loss", tolerance=0.0, dtype=torch.float64, rng=3, device="cpu",
    )  # fmt: skip
    expected = torch.cat([p.flatten(1) for pair in network.weights(latent) for p in pair], dim=1).detach()
    assert (expected - start.flat_weights).abs().max() > 0.05
    np.testing.assert_allclose(trained.flat_weights, expected, atol=1e-8)


@pytest.mark.parametrize("kind", PRIORS)
def test_ntk_scales_are_the_deviations_of_the_prior(kind):
    network = _network("fc:40,90", features=60, prior=Prior(kind, bias_variance=0.3))
    inputs = np.zeros((1, 60))
    start = train_networks(network, inputs, [1], networks=400, max_steps=0, rng=0, device="cpu")
    measured = [float(v.double().std()) for pair in start.weights for v in pair]
    scales = training.variable_scales(network, "ntk")
    # 400 biases of the last layer are the fewest numbers: 5 standard errors
    np.testing.assert_allclose(scales, measured, rtol=5.0 / math.sqrt(2 * 400))


def test_no_bias_variance_leaves_biases_alone_under_ntk():
    inputs, labels = _data()
    network = _network(prior=Prior(bias_variance=0.0))
    for optimizer in ("gd", "adam"):
        trained = train_networks(
            network, inputs, labels, networks=2, optimizer=optimizer, parametrization="ntk", max_steps=5,
            stop="loss", rng=0, device="cpu",
        )  # fmt: skip
        assert all(torch.all(bias == 0.0) for _, bias in trained.weights)


@pytest.mark.parametrize("momentum", [None, 0.7])
def test_a_linear_network_follows_the_closed_form(momentum):
    # square loss: in an eigenmode of X^T X / n of eigenvalue l the distance from the minimum obeys
    # e' = (1 - rate l + m) e - m e_before, whatever the others do
    rng = np.random.default_rng(5)
    inputs, labels = rng.standard_normal((30, 5)), rng.choice([-1, 1], 30)
    network, rate, steps = _network("linear", features=5, bias=False), 0.2, 40
    trained = train_networks(
        network, inputs, labels, networks=4, loss="square", optimizer="gd" if momentum is None else "sgd",
        learning_rate=rate, momentum=momentum or 0.0, max_steps=steps, stop="loss", tolerance=0.0,
        dtype=torch.float64, rng=6, device="cpu",
    )  # fmt: skip
    values, modes = np.linalg.eigh(inputs.T @ inputs / 30)
    best = np.linalg.lstsq(inputs, labels, rcond=None)[0]
    start = _start(network, inputs, labels, 4, rng=6).flat_weights.numpy()
    m = momentum or 0.0
    growth = np.array([[[1.0 - rate * v + m, -m], [1.0, 0.0]] for v in values])
    first = ((start - best) @ modes)[..., None] * np.ones(2)
    # a start from rest: the step before the first went nowhere
    after = np.einsum("jab,kjb->kja", np.linalg.matrix_power(growth, steps), first)[..., 0]
    np.testing.assert_allclose(trained.flat_weights, best + after @ modes.T, atol=1e-12)
    residual = inputs @ trained.flat_weights.numpy().T - labels[:, None]
    np.testing.assert_allclose(trained.losses, np.mean(residual**2, axis=0) / 2, rtol=1e-12)


def test_the_default_rate_of_a_linear_network_is_one_over_its_curvature():
    rng = np.random.default_rng(5)
    inputs, labels = rng.standard_normal((30, 5)), rng.choice([-1, 1], 30)
    curvature = np.linalg.eigvalsh(inputs.T @ inputs / 30)[-1]
    for optimizer, share in (("gd", 1.0), ("sgd", 0.1)):
        trained = train_networks(
            _network("linear", features=5, bias=False), inputs, labels, networks=1, optimizer=optimizer,
            max_steps=0, dtype=torch.float64, rng=0, device="cpu",
        )  # fmt: skip
        assert trained.settings["learning_rate"] == pytest.approx(share / curvature, rel=1e-12)


@pytest.mark.parametrize("how", [{"optimizer": "gd"}, {"optimizer": "sgd", "batch_size": 7}, {}])
def test_a_network_does_not_depend_on_those_beside_it(how):
    inputs, labels = _data()
    few, many = (
        train_networks(
            _network(),
            inputs,
            labels,
            networks=k,
            max_steps=60,
            dtype=torch.float64,
            rng=11,
            device="cpu",
            **how,
        )
        for k in (3, 21)
    )
    np.testing.assert_array_equal(few.steps, many.steps[:3])
    np.testing.assert_allclose(few.flat_weights, many.flat_weights[:3], atol=1e-10)
    assert (many.flat_weights[3:] - many.flat_weights[0]).abs().amax(dim=1).min() > 0.1


def test_chunks_change_nothing_but_rounding(monkeypatch):
    inputs, labels = _data()
    run = lambda: train_networks(  # noqa: E731
        _network(), inputs, labels, networks=20, max_steps=40, dtype=torch.float64, rng=11, device="cpu"
    )
    whole = run()
    monkeypatch.setattr(devices, "_CPU_BYTES", 1)
    one_by_one = run()
    np.testing.assert_array_equal(one_by_one.steps, whole.steps)
    np.testing.assert_allclose(one_by_one.flat_weights, whole.flat_weights, atol=1e-10)


def test_where_memory_runs_out_fewer_are_trained_at_a_time(monkeypatch):
    inputs, labels = _data()
    sizes, train_batch = [], training.train_batch

    def scarce(network, start, *args, **kw):
        sizes.append(len(start))
        if len(start) > 5:
            raise MemoryError
        return train_batch(network, start, *args, **kw)

    run = lambda: train_networks(  # noqa: E731
        _network(), inputs, labels, networks=20, max_steps=40, dtype=torch.float64, rng=11, device="cpu"
    )
    whole = run()
    monkeypatch.setattr(training, "train_batch", scarce)
    halved = run()
    assert sizes[:3] == [20, 10, 5]
    np.testing.assert_array_equal(halved.steps, whole.steps)
    np.testing.assert_array_equal(halved.reached, whole.reached)
    np.testing.assert_allclose(halved.flat_weights, whole.flat_weights, atol=1e-10)


def test_equal_seeds_give_equal_results():
    inputs, labels = _data()
    runs = [
        train_networks(
            _network(),
            inputs,
            labels,
            networks=4,
            optimizer="sgd",
            batch_size=5,
            max_steps=30,
            rng=rng,
            device="cpu",
        )
        for rng in (8, 8, 9)
    ]
    assert torch.equal(runs[0].flat_weights, runs[1].flat_weights)
    assert runs[0].to_dict() == runs[1].to_dict()
    assert not torch.equal(runs[0].flat_weights, runs[2].flat_weights)


@pytest.mark.gpu
@pytest.mark.parametrize("how", [{"optimizer": "sgd", "batch_size": 5}, {"optimizer": "adam"}])
def test_a_gpu_trains_as_a_cpu_does(how):
    inputs, labels = _data()
    cpu, gpu = (
        train_networks(
            _network(), inputs, labels, networks=20, max_steps=40, dtype=torch.float64, rng=8, device=d, **how
        )
        for d in ("cpu", "cuda")
    )
    np.testing.assert_array_equal(gpu.steps, cpu.steps)
    np.testing.assert_allclose(gpu.flat_weights.cpu(), cpu.flat_weights, atol=1e-8)
    assert torch.equal(
        batch_order(torch.arange(9, device="cuda"), examples=7, epoch=2, seed=2**70).cpu(),
        batch_order(torch.arange(9), examples=7, epoch=2, seed=2**70),
    )


def test_convolutions_train_as_torch_does():
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((12, 2, 6, 6)), rng.choice([-1, 1], 12)
    architecture = Architecture(
        convolutions=(Convolution(3, stride=2), Convolution(4)), hidden=(5,), activation="tanh"
    )
    network = Network(architecture, Prior(), (2, 6, 6))
    how = {"loss": "square", "optimizer": "adam"}
    start = _start(network, inputs, labels, 3, rng=1)
    trained = train_networks(
        network, inputs, labels, networks=3, learning_rate=0.01, max_steps=20, stop="loss", tolerance=0.0,
        dtype=torch.float64, rng=1, device="cpu", **how,
    )  # fmt: skip
    for k in range(3):
        module = _module(network, start.weights, k)
        path, _ = _one_at_a_time(module, inputs, labels, rate=0.01, steps=20, **how)
        np.testing.assert_allclose(trained.flat_weights[k], path[20], atol=1e-9)
    own = train_networks(
        network, inputs, labels, networks=3, examples=np.tile(np.arange(12), (3, 1)), learning_rate=0.01,
        max_steps=20, stop="loss", tolerance=0.0, dtype=torch.float64, rng=1, device="cpu", **how,
    )  # fmt: skip
    np.testing.assert_allclose(own.flat_weights, trained.flat_weights, atol=1e-10)


def test_progress_rises_to_one():
    shares = []
    inputs, labels = _data()
    train_networks(
        _network(), inputs, labels, networks=20, max_steps=250, stop="loss", rng=0, device="cpu",
        progress=shares.append,
    )  # fmt: skip
    assert len(shares) >= 3
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("optimizer", ["adam", "gd"])
def test_what_is_watched_is_training_stopped_there(optimizer):
    # gradient descent trains in coordinates of the span of the inputs: what is shown is whole all the same
    inputs, labels = _data(features=40)
    network, seen = _network(features=40), {}
    how = {"networks": 5, "optimizer": optimizer, "learning_rate": 0.01, "rng": 2, "dtype": torch.float64}

    def watch(step, numbers, weights):
        seen[step] = numbers.tolist(), torch.cat([v.flatten(1) for pair in weights for v in pair], dim=1)

    whole = train_networks(
        network, inputs, labels, max_steps=60, device="cpu", watch=watch, watched_steps={0, 7, 40}, **how
    )
    assert sorted(seen) == [step for step in (0, 7, 40) if step <= whole.steps.max()]
    assert len(seen) >= 2
    for step, (numbers, flat) in seen.items():
        stopped = train_networks(network, inputs, labels, max_steps=step, device="cpu", **how)
        assert numbers == np.flatnonzero(whole.steps >= step).tolist()
        torch.testing.assert_close(flat, stopped.flat_weights[numbers], rtol=1e-9, atol=1e-12)
