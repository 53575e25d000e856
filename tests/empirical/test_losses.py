"""Losses against torch's own and against their definitions written out."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from genlaws.empirical.losses import LOSSES, example_losses, margins

NETWORKS, POINTS, CLASSES = 3, 40, 4


def _case(outputs: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scores = 3.0 * torch.randn(NETWORKS, POINTS, outputs, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, max(outputs, 2), (POINTS,), generator=generator)
    return scores, 2 * labels - 1 if outputs == 1 else labels


def _by_definition(scores: np.ndarray, label: int, loss: str) -> float:
    """One network, one example, in the plainest way."""
    if len(scores) == 1:
        f, y = scores[0], label
        m = y * f
        return {
            "hinge": max(0.0, 1.0 - m) ** 2 / 2,
            "cross-entropy": np.log(1.0 + np.exp(-m)),
            "exponential": np.exp(-m),
            "square": (f - y) ** 2 / 2,
        }[loss]
    others = np.delete(scores, label)
    m = scores[label] - others.max()
    return {
        "hinge": max(0.0, 1.0 - m) ** 2 / 2,
        "cross-entropy": -np.log(np.exp(scores[label]) / np.exp(scores).sum()),
        "exponential": np.exp(others - scores[label]).sum(),
        "square": np.sum((scores - np.eye(len(scores))[label]) ** 2) / 2,
    }[loss]


@pytest.mark.parametrize("outputs", [1, CLASSES])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_their_definitions(loss, outputs):
    scores, labels = _case(outputs)
    examples = enumerate(labels.tolist())
    expected = np.transpose([[_by_definition(f[i], y, loss) for f in scores.numpy()] for i, y in examples])
    np.testing.assert_allclose(example_losses(scores, labels, loss), expected, rtol=1e-8)


@pytest.mark.parametrize("outputs", [1, CLASSES])
def test_cross_entropy_and_square_are_those_of_torch(outputs):
    scores, labels = _case(outputs, seed=1)
    flat, repeated = scores.flatten(0, 1), labels.repeat(NETWORKS)
    if outputs == 1:
        entropy = functional.binary_cross_entropy_with_logits(
            flat[:, 0], (repeated.double() + 1.0) / 2.0, reduction="none"
        )
        square = functional.mse_loss(flat[:, 0], repeated.double(), reduction="none")
    else:
        entropy = functional.cross_entropy(flat, repeated, reduction="none")
        square = functional.mse_loss(flat, functional.one_hot(repeated).double(), reduction="none").sum(dim=1)
    # torch's softplus is linear from 20 on, 2e-9 off
    np.testing.assert_allclose(example_losses(scores, labels, "cross-entropy").flatten(), entropy, rtol=1e-9)
    np.testing.assert_allclose(example_losses(scores, labels, "square").flatten(), square / 2, rtol=1e-12)


@pytest.mark.parametrize("outputs", [1, 2, CLASSES])
def test_margins_are_positive_exactly_where_the_decision_is_right(outputs):
    scores, labels = _case(outputs, seed=2)
    chosen = scores.argmax(dim=2) if outputs > 1 else torch.where(scores[..., 0] > 0.0, 1, -1)
    right = (chosen == labels).numpy()
    assert 0.1 < right.mean() < 0.9
    np.testing.assert_array_equal((margins(scores, labels) > 0.0).numpy(), right)


@pytest.mark.parametrize("loss", ["hinge", "cross-entropy", "exponential"])
def test_two_outputs_are_one_output_of_their_difference(loss):
    scores, labels = _case(2, seed=3)
    difference = scores[..., 1:] - scores[..., :1]
    np.testing.assert_allclose(
        example_losses(scores, labels, loss), example_losses(difference, 2 * labels - 1, loss), rtol=1e-12
    )


@pytest.mark.parametrize("outputs", [1, CLASSES])
def test_labels_of_their_own_for_each_network(outputs):
    scores, labels = _case(outputs, seed=4)
    own = torch.stack([labels.roll(k) for k in range(NETWORKS)])
    for loss in LOSSES:
        together = example_losses(scores, own, loss)
        for k in range(NETWORKS):
            alone = example_losses(scores[k : k + 1], own[k], loss)[0]
            np.testing.assert_allclose(together[k], alone, rtol=1e-13)


@pytest.mark.parametrize("outputs", [1, 3])
def test_cross_entropy_keeps_its_digits_far_out(outputs):
    far = torch.tensor([1e4, 50.0, -50.0, -1e4])
    if outputs == 1:
        scores, labels = far[None, :, None].clone(), torch.ones(4, dtype=torch.int64)
    else:
        scores = torch.stack([far, torch.zeros(4), torch.full((4,), -1e5)], dim=1)[None]
        labels = torch.zeros(4, dtype=torch.int64)
    scores.requires_grad_()
    loss = example_losses(scores, labels, "cross-entropy")
    np.testing.assert_allclose(loss.detach()[0].numpy(), [0.0, np.exp(-50.0), 50.0, 1e4], rtol=1e-5)
    loss.sum().backward()
    assert scores.grad is not None
    np.testing.assert_allclose(scores.grad[0, :, 0].numpy(), [0.0, -np.exp(-50.0), -1.0, -1.0], rtol=1e-5)


@pytest.mark.parametrize("outputs", [1, CLASSES])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(loss, outputs):
    scores, labels = _case(outputs, seed=5)
    scores = scores[:, :6].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: example_losses(s, labels[:6], loss), (scores,))


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="loss must be one of hinge"):
        example_losses(torch.zeros(1, 1, 1), torch.ones(1, dtype=torch.int64), "zero-one")
