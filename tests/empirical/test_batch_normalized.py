"""Networks with batch normalization, against torch's own layers trained one at a time."""

import math

import numpy as np
import pytest
import torch

from genlaws.empirical import train_batch_normalized


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def task(seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((24, 5))
    return inputs, np.where(inputs[:, 0] * inputs[:, 1] > 0.0, 1, -1)


HOW = {"hidden": [6, 4], "networks": 3, "learning_rate": 0.2, "records": [0, 1, 12], "rng": 7}


def modules(normalized, monkeypatch):
    # the same starts, read off the first call of the optimizer's gradients
    starts = []
    grad = torch.autograd.grad

    def spying(loss, parameters):
        if not starts:
            starts.extend(part.detach().clone() for part in parameters)
        return grad(loss, parameters)

    inputs, labels = task()
    with monkeypatch.context() as patched:
        patched.setattr(torch.autograd, "grad", spying)
        train_batch_normalized(inputs, labels, normalized=normalized, spread=0.5, **HOW)
    for k in range(HOW["networks"]):
        first, second, last = (
            torch.nn.Linear(*shape, bias=bias).double()
            for shape, bias in [((5, 6), False), ((6, 4), False), ((4, 1), True)]
        )
        norms = [torch.nn.BatchNorm1d(units, eps=1e-12).double() for units in (6, 4)]
        for layer, weight in zip((first, second, last), starts[:3], strict=True):
            layer.weight.data = weight[k].clone()
        last.bias.data.zero_()
        yield torch.nn.Sequential(first, norms[0], torch.nn.ReLU(), second, norms[1], torch.nn.ReLU(), last)


def test_training_is_that_of_torch(monkeypatch):
    inputs, labels = task()
    trained = train_batch_normalized(inputs, labels, spread=0.5, **HOW)
    points, marks = torch.tensor(inputs), torch.tensor(labels, dtype=torch.float64)
    for k, module in enumerate(modules(True, monkeypatch)):
        optimizer = torch.optim.SGD(module.parameters(), lr=HOW["learning_rate"])
        for step in range(HOW["records"][-1] + 1):
            margins = marks * module(points)[:, 0]
            loss = torch.nn.functional.softplus(-margins).mean()
            if step in HOW["records"]:
                at = HOW["records"].index(step)
                assert trained.losses[at, k] == pytest.approx(loss.item(), rel=1e-8)
                assert trained.errors[at, k] == pytest.approx((margins <= 0.0).double().mean().item())
                for layer, place in zip(trained.log_norms, (0, 3), strict=True):
                    norms = module[place].weight.detach().norm(dim=1).log().numpy()
                    np.testing.assert_allclose(layer[at, k], norms, atol=1e-8)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def test_batches_are_random_and_determined_by_the_seed():
    inputs, labels = task()
    first, again, other = (
        train_batch_normalized(inputs, labels, batch_size=10, **{**HOW, "rng": seed}) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.losses, again.losses)
    assert not np.array_equal(first.losses, other.losses)
    whole = train_batch_normalized(inputs, labels, **{**HOW, "rng": 1})
    np.testing.assert_array_equal(first.losses[0], whole.losses[0])
    assert not np.array_equal(first.losses[1:], whole.losses[1:])


def test_starts_have_the_norms_asked_for():
    inputs, labels = task()
    start = train_batch_normalized(
        inputs, labels, hidden=[400], networks=20, learning_rate=0.1, records=[0], norm=0.5, spread=0.7, rng=0
    ).log_norms[0]
    assert start.mean() == pytest.approx(math.log(0.5), abs=4 * 0.7 / math.sqrt(8000))
    assert start.std() == pytest.approx(0.7, rel=4 / math.sqrt(16_000))


def test_without_normalization_norms_move_at_first_order():
    inputs, labels = task()
    grown = [
        [
            (run.log_norms[0][1] - run.log_norms[0][0]).mean()
            for rate in (0.02, 0.01)
            for run in [
                train_batch_normalized(
                    inputs, labels, normalized=normalized, hidden=[8], networks=4, learning_rate=rate,
                    records=[0, round(4 / rate)], norm=2.0, rng=0,
                )
            ]
        ]
        for normalized in (True, False)
    ]  # fmt: skip
    assert grown[0][0] / grown[0][1] == pytest.approx(2.0, rel=0.03)
    assert grown[1][0] / grown[1][1] == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": np.zeros(24)}, r"labels must be -1 or \+1"),
        ({"batch_size": 1}, "batch_size must be from 2 to 24"),
        ({"hidden": []}, "there must be hidden units"),
        ({"norm": 0.0}, "norm must be finite and positive"),
        ({"records": []}, "records must increase"),
        ({"learning_rate": 1e300, "normalized": False}, "learning_rate must be lower"),
        ({"device": "tpu"}, "device must be"),
    ],
)
def test_what_makes_no_sense_is_refused(changed, message):
    inputs, labels = task()
    arguments = {"inputs": inputs, "labels": labels, **HOW, **changed}
    with pytest.raises(ValueError, match=message):
        train_batch_normalized(arguments.pop("inputs"), arguments.pop("labels"), **arguments)
