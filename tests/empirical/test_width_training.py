"""Networks of a sweep against modules of torch trained by hand, and what is kept of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from genlaws.empirical import Network, WidthProtocol, sweep_widths, train_networks, train_width
from genlaws.empirical.early_stopping import EarlyStopping, log_spaced_steps
from genlaws.empirical.input_gradients import input_gradient_norms
from genlaws.empirical.width_ensemble import WidthEnsemble

FEATURES, EXAMPLES, POINTS = 4, 30, 50
SHORT = WidthProtocol(hidden_layers=2, rate_factor=60.0, max_steps=400)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((EXAMPLES + POINTS, FEATURES))
    y = np.where(x[:, 0] * x[:, 1] + 0.4 * x[:, 2] > 0, 1, -1)
    return x[:EXAMPLES], y[:EXAMPLES], x[EXAMPLES:], y[EXAMPLES:]


def _modules(network, weights, count):
    made = []
    for row in range(count):
        parts = []
        for weight, bias in weights:
            layer = nn.Linear(weight.shape[2], weight.shape[1])
            with torch.no_grad():
                layer.weight.copy_(weight[row])
                layer.bias.copy_(bias[row])
            parts += [layer, nn.ReLU()]
        made.append(nn.Sequential(*parts[:-1]))
    return made


def _by_hand(module, data, rate, most):
    """A loop as a person would write it: final outputs, those at the least test error, and steps."""
    x, y, test, test_labels = (torch.tensor(v, dtype=torch.float32) for v in data)
    stepper = torch.optim.Adam(module.parameters(), lr=rate)
    looks, best, early, early_step = log_spaced_steps(most, per_decade=16), math.inf, None, None

    def look(step):
        nonlocal best, early, early_step
        with torch.no_grad():
            f = module(test)[:, 0]
        error = float((f * test_labels <= 0).double().mean())
        if error < best:
            best, early, early_step = error, f.clone(), step

    for step in range(most + 1):
        loss = 0.5 * torch.relu(1.0 - y * module(x)[:, 0]).square().mean()
        if step in looks or loss == 0.0:
            look(step)
        if loss == 0.0 or step == most:
            break
        stepper.zero_grad()
        loss.backward()
        stepper.step()
    points = test.clone().requires_grad_()
    outputs = module(points)[:, 0]
    gradient = torch.autograd.grad(outputs.sum(), points)[0]
    return {
        "outputs": outputs.detach(),
        "training_outputs": module(x)[:, 0].detach(),
        "early_outputs": early,
        "gradient_norms": gradient.norm(dim=1),
        "steps": step,
        "early_steps": early_step,
        "reached": float(loss.detach()) == 0.0,
        "losses": float(loss.detach()),
    }


def test_networks_are_those_of_a_loop_over_modules(data):
    width, count = 12, 4
    found = train_width(*data, width=width, networks=count, protocol=SHORT, rng=5, device="cpu")
    network = Network(SHORT.architecture(width), SHORT.prior(), (FEATURES,))
    start = train_networks(network, *data[:2], networks=count, max_steps=0, rng=5, device="cpu")
    rate = 60.0 * min(0.1 / width**1.5, 1e-4)
    expected = [_by_hand(m, data, rate, SHORT.max_steps) for m in _modules(network, start.weights, count)]
    # both kinds of ends are seen
    assert {e["reached"] for e in expected} == {True, False} or len({e["steps"] for e in expected}) > 1
    for name in ("steps", "early_steps", "reached"):
        assert getattr(found, name).tolist() == [e[name] for e in expected]
    for name in ("outputs", "training_outputs", "early_outputs", "gradient_norms"):
        wanted = torch.stack([e[name] for e in expected]).numpy()
        np.testing.assert_allclose(getattr(found, name), wanted, rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(found.losses, [e["losses"] for e in expected], rtol=1e-2, atol=1e-7)
    assert found.parameters == sum(p.numel() for p in _modules(network, start.weights, 1)[0].parameters())


def test_networks_with_examples_of_their_own_are_those_trained_on_them(data):
    x, y, *test = data
    own = np.stack([np.arange(12), np.arange(9, 21)])
    both = train_width(*data, width=5, networks=2, examples=own, protocol=SHORT, rng=5, device="cpu")
    for row in range(2):
        alone = train_width(
            x[own[row]], y[own[row]], *test, width=5, networks=2, protocol=SHORT, rng=5, device="cpu"
        )
        for name in ("outputs", "training_outputs", "early_outputs"):
            found, wanted = getattr(both, name)[row], getattr(alone, name)[row]
            np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-4)
    assert both.training_outputs.shape == (2, 12)


def test_a_small_loss_can_count_as_zero(data):
    loose = replace(SHORT, tolerance=0.01)
    found = train_width(*data, width=12, networks=3, protocol=loose, rng=5, device="cpu")
    strict = train_width(*data, width=12, networks=3, protocol=SHORT, rng=5, device="cpu")
    assert found.reached.all()
    assert np.all((found.losses > 0.0) & (found.losses <= 0.01))
    assert np.all(found.steps < strict.steps)


def test_starts_are_orthogonal_without_biases(data):
    network = Network(SHORT.architecture(6), SHORT.prior(), (FEATURES,))
    start = train_networks(network, *data[:2], networks=2, max_steps=0, rng=1, device="cpu")
    for weight, bias in start.weights:
        tall = weight if weight.shape[1] >= weight.shape[2] else weight.transpose(1, 2)
        identity = torch.eye(tall.shape[2]).expand(2, -1, -1)
        torch.testing.assert_close(tall.transpose(1, 2) @ tall, identity, rtol=0, atol=1e-5)
        assert float(bias.abs().max()) == 0.0


@pytest.mark.parametrize(
    ("features", "width", "hidden_layers"), [(30, 60, 5), (10, 100, 5), (10, 7, 1), (3, 4, 2)]
)
def test_parameters_are_counted_as_in_the_paper(features, width, hidden_layers):
    # arXiv:1901.01608, S.I. A: for 30 inputs, width 60 and 5 hidden layers "16k"
    formula = features * width + (hidden_layers - 1) * width**2 + width + hidden_layers * width + 1
    protocol = WidthProtocol(hidden_layers=hidden_layers)
    assert protocol.architecture(width).parameter_count((features,), 1) == formula
    assert formula == 16_561 or width != 60


@pytest.mark.parametrize(("width", "rate"), [(10, 1e-4), (100, 1e-4), (400, 1.25e-5), (900, 0.1 / 27_000)])
def test_the_step_size_is_that_of_the_paper(width, rate):
    assert WidthProtocol().learning_rate(width) == pytest.approx(rate)
    assert WidthProtocol(rate_factor=10).learning_rate(width) == pytest.approx(10 * rate)
    higher = WidthProtocol(largest_rate=1e-3).learning_rate(width)
    assert higher == pytest.approx(min(0.1 * width**-1.5, 1e-3))


def test_networks_in_blocks_and_widths_apart(data):
    whole = sweep_widths(*data, widths=[3, 5], networks=12, protocol=SHORT, rng=2, device="cpu")
    other = sweep_widths(*data, widths=[5], networks=10, protocol=SHORT, rng=2, device="cpu")
    (alone,) = other.ensembles
    five = whole.ensembles[1]
    # more networks and more widths leave those there were as they are
    for name in WidthEnsemble.columns():
        assert np.array_equal(getattr(alone, name), getattr(five, name)[:10])
    assert len(five) == 12
    # and no network is there twice
    assert len(np.unique(five.outputs, axis=0)) == 12


def test_the_best_is_the_first_of_the_least_errors():
    network = Network(SHORT.architecture(3), SHORT.prior(), (2,))
    labels = torch.tensor([1, 1, -1, -1])
    best = EarlyStopping(network, torch.zeros(4, 2), labels, 2)
    right, half = torch.tensor([1.0, 2.0, -1.0, -1.0]), torch.tensor([1.0, 2.0, 1.0, 1.0])

    def show(numbers, rows, step):
        best.consider(np.array(numbers), torch.stack(rows)[..., None], step)

    show([0, 1], [half, -right], 1)
    show([0, 1], [right, half], 5)
    show([0], [2 * right], 9)
    show([0, 1], [half, half], np.array([12, 14]))
    assert best.errors.tolist() == [0.0, 0.5]
    assert best.steps.tolist() == [5, 5]
    np.testing.assert_array_equal(best.outputs, [right, half])


@pytest.mark.parametrize("most", [0, 1, 7, 1000, 123_456])
def test_steps_are_log_spaced(most):
    steps = sorted(log_spaced_steps(most, per_decade=8))
    assert steps[0] == 0
    assert steps[-1] == most
    assert most < 1 or 1 in steps
    late = np.array([s for s in steps if s > 20])
    assert late.size < 2 or (late[1:] / late[:-1]).max() < 10 ** (1 / 8) * 1.1
    assert len(steps) <= 3 + 8 * math.log10(max(most, 1)) + 1


def test_gradients_are_differences(data):
    network = Network(SHORT.architecture(8), SHORT.prior(), (FEATURES,))
    trained = train_networks(
        network,
        *data[:2],
        networks=3,
        max_steps=30,
        learning_rate=0.01,
        rng=1,
        dtype=torch.float64,
        device="cpu",
    )
    points, step = data[2], 1e-6
    moved = [
        (trained.scores(points + step * axis) - trained.scores(points - step * axis))[..., 0] / (2 * step)
        for axis in np.eye(FEATURES)
    ]
    np.testing.assert_allclose(
        input_gradient_norms(trained, points), np.linalg.norm(moved, axis=0), rtol=1e-5, atol=1e-7
    )


def test_gradients_do_not_depend_on_the_chunks(data, monkeypatch):
    network = Network(SHORT.architecture(8), SHORT.prior(), (FEATURES,))
    trained = train_networks(network, *data[:2], networks=5, max_steps=3, rng=1, device="cpu")
    whole = input_gradient_norms(trained, data[2])
    monkeypatch.setattr("genlaws.empirical.devices._CPU_BYTES", 1)
    np.testing.assert_allclose(input_gradient_norms(trained, data[2]), whole, rtol=1e-6)


def test_networks_that_diverge_are_kept_and_marked(data):
    wild = WidthProtocol(hidden_layers=2, rate_factor=1e40, max_steps=20)
    found = train_width(*data, width=4, networks=3, protocol=wild, rng=1, device="cpu")
    assert found.diverged.all()
    assert not found.reached.any()
    assert np.isnan(found.outputs).all()
    assert len(found.sound()) == 0


BAD = {
    "hidden_layers must be at least 1, got 0": lambda d: WidthProtocol(hidden_layers=0),
    "rate_factor must be positive and finite, got 0": lambda d: WidthProtocol(rate_factor=0.0),
    "largest_rate must be positive and finite, got inf": lambda d: WidthProtocol(largest_rate=math.inf),
    "tolerance must be finite and at least 0, got -1": lambda d: WidthProtocol(tolerance=-1.0),
    "max_steps must be at least 0, got -1": lambda d: WidthProtocol(max_steps=-1),
    "weight_variance must be positive": lambda d: WidthProtocol(weight_variance=0.0),
    "width must be at least 1, got 0": lambda d: train_width(*d, width=0),
    "networks must be at least 1, got 0": lambda d: train_width(*d, width=3, networks=0),
    "inputs must have shape": lambda d: train_width(d[0][0], *d[1:], width=3),
    "labels must be -1 or \\+1": lambda d: train_width(d[0], d[1] * 2, *d[2:], width=3),
    "labels must have shape": lambda d: train_width(*d[:3], d[3][:-1], width=3),
    "most and per_decade must be": lambda d: log_spaced_steps(-1, per_decade=3),
}


@pytest.mark.parametrize("said", BAD)
def test_what_is_wrong_is_one_line(said, data):
    with pytest.raises(ValueError, match=said) as error:
        BAD[said](data)
    assert "\n" not in str(error.value)
