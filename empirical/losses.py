"""Losses of networks as functions of their scores: one number for each network and example."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

Loss = Literal["hinge", "cross-entropy", "exponential", "square"]
LOSSES: tuple[Loss, ...] = get_args(Loss)
LogLoss = Literal["cross-entropy", "exponential"]
LOG_LOSSES: tuple[LogLoss, ...] = get_args(LogLoss)

_LOG_EDGE = -20.0


def _right_and_others(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    # the score of the right class (...), and those of all classes with it at minus infinity (..., classes)
    right = labels.expand(scores.shape[:-1])[..., None]
    return scores.gather(-1, right)[..., 0], scores.scatter(-1, right, -math.inf)


def margins(scores: Tensor, labels: Tensor) -> Tensor:
    """By how much the right class is ahead: positive exactly where a network is right.

    Parameters
    ----------
    scores : Tensor, shape (networks, points, outputs)
    labels : Tensor of int64, shape (points,) or (networks, points)
        -1 and +1 for one output, whose sign decides; 0 to outputs - 1 otherwise.

    Returns
    -------
    Tensor, shape (networks, points)
        y f for one output; for several, the score of the right class less the largest of the others.
    """
    if scores.shape[-1] == 1:
        return scores[..., 0] * labels
    right, others = _right_and_others(scores, labels)
    return right - others.amax(dim=-1)


def log_example_losses(scores: Tensor, labels: Tensor, loss: LogLoss) -> Tensor:
    """Natural logarithm of `example_losses`, also where the loss itself is below what numbers can hold.

    Parameters
    ----------
    scores, labels
        As in `margins`.
    loss : {"cross-entropy", "exponential"}

    Returns
    -------
    Tensor, shape (networks, points)

    Raises
    ------
    ValueError
        If the loss is neither of the two.
    """
    if loss not in LOG_LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOG_LOSSES)}, got {loss!r}")
    if scores.shape[-1] == 1:
        behind = -margins(scores, labels)
    else:
        right, others = _right_and_others(scores, labels)
        behind = others.logsumexp(dim=-1) - right
    if loss == "exponential":
        return behind
    # below the edge ln ln(1 + e^z) is z - e^z / 2 to the last digit; both sides stay finite for the gradient
    near = functional.softplus(behind.clamp_min(_LOG_EDGE)).log()
    return torch.where(behind > _LOG_EDGE, near, behind - 0.5 * behind.clamp_max(_LOG_EDGE).exp())


def example_losses(scores: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    """Loss of each network on each example, differentiable in the scores.

    Parameters
    ----------
    scores, labels
        As in `margins`, whose result is m below.
    loss : {"hinge", "cross-entropy", "exponential", "square"}
        ``"hinge"``: max(0, 1 - m)^2 / 2, the quadratic hinge of arXiv:1901.01608 with margin 1.
        ``"cross-entropy"``: ln(1 + exp(-m)) for one output, minus the log of the softmax for several; nats.
        ``"exponential"``: exp(-m) for one output, for several the sum of exp(f_c - f_y) over wrong classes c.
        ``"square"``: (f - y)^2 / 2; for several outputs half the squared distance from the unit vector of
        the right class.

    Returns
    -------
    Tensor, shape (networks, points)

    Raises
    ------
    ValueError
        If the loss is unknown.
    """
    one = scores.shape[-1] == 1
    match loss:
        case "hinge":
            return 0.5 * torch.relu(1.0 - margins(scores, labels)).square()
        case "cross-entropy":
            if one:
                return functional.softplus(-margins(scores, labels))
            right, others = _right_and_others(scores, labels)
            # over the wrong classes only: small losses keep their digits
            return functional.softplus(others.logsumexp(dim=-1) - right)
        case "exponential":
            if one:
                return torch.exp(-margins(scores, labels))
            right, others = _right_and_others(scores, labels)
            return torch.exp(others.logsumexp(dim=-1) - right)
        case "square":
            if one:
                return 0.5 * (scores[..., 0] - labels).square()
            right = labels.expand(scores.shape[:-1])[..., None]
            # |f - e_y|^2 = |f|^2 - 2 f_y + 1, without its cancellation
            return 0.5 * scores.scatter_add(-1, right, -torch.ones_like(scores[..., :1])).square().sum(dim=-1)
        case _:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
