"""Optimizers of many networks at once: torch's own, with a step size a layer, and rows that can leave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from .architectures import Layer
from .networks import Network
from .priors import Prior

Optimizer = Literal["adam", "gd", "sgd"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
Parametrization = Literal["standard", "ntk"]
PARAMETRIZATIONS: tuple[Parametrization, ...] = get_args(Parametrization)

_ADAM_RATE: dict[Parametrization, float] = {"standard": 1e-3, "ntk": 2e-2}
_ADAM_EPS = 1e-8
# at most so many points, and numbers in their gradients, set the step size of gradient descent
_RATE_POINTS, _RATE_NUMBERS = 128, 1 << 24


def _deviations(prior: Prior, layer: Layer) -> tuple[float, float]:
    # standard deviation of weights and of biases under the prior
    gain, bias_gain = prior.gains(layer)
    uniform = math.sqrt(1.0 / 3.0)
    spread = {"uniform": uniform, "kaiming-uniform": uniform}.get(prior.kind, 1.0)
    if prior.kind == "orthogonal":
        spread = 1.0 / math.sqrt(max(layer.weight_shape[0], layer.fan_in))
    return gain * spread, bias_gain * (1.0 if prior.kind in ("normal", "orthogonal") else uniform)


def variable_scales(network: Network, parametrization: Parametrization) -> list[float]:
    """What the trained variables are multiplied with to give the weights.

    Parameters
    ----------
    network : Network
    parametrization : {"standard", "ntk"}
        Whether the weights themselves are trained, or variables of unit variance under the prior.

    Returns
    -------
    list of float
        For the weights and then the biases, where there are any, of each layer in turn.

    Raises
    ------
    ValueError
        If the parametrization is unknown.
    """
    if parametrization not in PARAMETRIZATIONS:
        raise ValueError(
            f"parametrization must be one of {', '.join(PARAMETRIZATIONS)}, got {parametrization!r}"
        )
    scales: list[float] = []
    for layer in network.layers:
        weight, bias = (1.0, 1.0) if parametrization == "standard" else _deviations(network.prior, layer)
        scales += [weight, bias] if layer.has_bias else [weight]
    return scales


def default_learning_rate(
    network: Network,
    flat_start: Tensor,
    inputs: Tensor,
    *,
    optimizer: Optimizer,
    parametrization: Parametrization,
    momentum: float,
) -> float:
    """A step size that suits the network and its inputs.

    Adam's steps have a size of their own: 0.001 for weights, 0.02 for variables of unit variance. For the
    others it is 1 over the largest eigenvalue of the start's tangent kernel on some of the inputs, divided by
    their number, and 1 - `momentum` times that for ``"sgd"``: half of what descent bears there as long as the
    second derivative of the loss is 1. The exponential loss bends more, without bound, where a network errs:
    it may need a smaller one.

    Parameters
    ----------
    flat_start : Tensor, shape (1, parameters)
        Weights of the network whose tangent kernel is taken.
    inputs : Tensor, shape (points, *input_shape)
    """
    if optimizer == "adam":
        return _ADAM_RATE[parametrization]
    few = inputs[: max(8, min(_RATE_POINTS, _RATE_NUMBERS // network.latent_size))]
    variables = [
        v.expand(len(few), *v.shape[1:]).clone().requires_grad_()
        for pair in network.split(flat_start)
        for v in pair
        if v is not None
    ]
    scores = network.scores_of_weights(paired(variables, network), few[:, None])
    gradients = torch.autograd.grad(scores.sum(), variables)
    kernel = torch.zeros(len(few), len(few), dtype=torch.float64)
    for scale, gradient in zip(variable_scales(network, parametrization), gradients, strict=True):
        rows = gradient.flatten(1)
        kernel += scale**2 * (rows @ rows.T).double().cpu()
    # outputs have little in common: their gradients add up, and each is one of so many
    largest = float(torch.linalg.eigvalsh(kernel)[-1]) / (len(few) * network.outputs)
    if not (math.isfinite(largest) and largest > 0.0):
        return 1.0
    return (1.0 - momentum if optimizer == "sgd" else 1.0) / largest


def paired(variables: Sequence[Tensor], network: Network) -> tuple[tuple[Tensor, Tensor | None], ...]:
    """Tensors in a row, as `variable_scales` orders them, as (weight, bias) of each layer."""
    queue = iter(variables)
    return tuple((next(queue), next(queue) if layer.has_bias else None) for layer in network.layers)


def make_optimizer(
    variables: Sequence[Tensor],
    scales: Sequence[float],
    *,
    optimizer: Optimizer,
    learning_rate: float,
    momentum: float,
) -> torch.optim.Optimizer:
    """An optimizer that moves weights as if the variables behind them were trained.

    Weights w = s v that follow the gradient in v move by s^2 times the gradient in w, and by s times the step
    of Adam, whose small constant then counts for 1 / s. Nothing but step sizes tells parametrizations apart.

    Parameters
    ----------
    variables : sequence of Tensor, each (networks, ...)
        The weights. All operations on them are element by element, so that networks do not mix.
    scales : sequence of float
        s for each.

    Raises
    ------
    ValueError
        If the optimizer is unknown.
    """
    # one group for all of one scale: each group costs a call
    groups: dict[float, list[Tensor]] = {}
    for variable, scale in zip(variables, scales, strict=True):
        groups.setdefault(scale, []).append(variable)
    match optimizer:
        case "adam":
            adam_groups = [
                {"params": some, "lr": learning_rate * s, "eps": _ADAM_EPS / s if s else _ADAM_EPS}
                for s, some in groups.items()
            ]
            return torch.optim.Adam(adam_groups, fused=True)
        case "gd" | "sgd":
            sgd_groups = [{"params": some, "lr": learning_rate * s**2} for s, some in groups.items()]
            return torch.optim.SGD(sgd_groups, momentum=momentum if optimizer == "sgd" else 0.0, fused=True)
        case _:
            raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {optimizer!r}")


def keep_rows(optimizer: torch.optim.Optimizer, variables: Sequence[Tensor], rows: Tensor) -> list[Tensor]:
    """Drop all networks but those at `rows`, with what the optimizer remembers of them.

    Returns what takes the place of the variables, in their order.
    """
    kept = {variable: variable.detach()[rows].requires_grad_() for variable in variables}
    for former, variable in kept.items():
        optimizer.state[variable] = {
            name: value[rows] if isinstance(value, Tensor) and value.dim() else value
            for name, value in optimizer.state.pop(former, {}).items()
        }
    for group in optimizer.param_groups:
        group["params"] = [kept[former] for former in group["params"]]
    return [kept[variable] for variable in variables]
