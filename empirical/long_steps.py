"""Descent of many networks at once on the logarithm of their loss, each by steps as long as it bears."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

LongOptimizer = Literal["flow", "gd", "adam"]
LONG_OPTIMIZERS: tuple[LongOptimizer, ...] = get_args(LongOptimizer)
Level = Literal["loss", "time", "steps"]

Slope = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(numbers of networks, flat weights) -> ln of each example's loss, and the gradient of ln of their mean."""

# By how much steps grow and shrink, and the fall of ln loss that the first is to bring.
_LONGER, _SHORTER, _FIRST = 1.1, 0.5, 0.1
# Gradients of ReLU networks jump, and flows slide along the jumps, where no step keeps its promise: this
# share of it is enough, and after so many attempts none, as long as ln loss rises by no more than this. The
# next step is then almost as long as the one first tried.
_KEPT, _ATTEMPTS, _UPHILL, _AGAIN = 0.2, 3, 0.05, 0.7
_BETAS, _ADAM_EPS = (0.9, 0.999), 1e-8
# networks that are done leave the batch once they are one in so many
_LEAVE = 8


@dataclass(frozen=True, slots=True)
class LongPlan:
    """How to descend, and what to write down on the way.

    Attributes
    ----------
    optimizer : {"flow", "gd", "adam"}
    layers : tuple of int
        Numbers of parameters whose norm and direction move apart; empty: weights themselves move.
    share : float
        Of the fall in ln loss that the gains of the examples promise, as much as a step of ``"flow"`` brings.
    learning_rate : float
        Of the loss for ``"gd"``, of its logarithm for ``"adam"``.
    levels : tuple of float
        Increasing: of -ln loss, of ln t, or numbers of steps.
    level : {"loss", "time", "steps"}
    max_steps : int
    """

    optimizer: LongOptimizer
    layers: tuple[int, ...]
    share: float
    learning_rate: float
    levels: tuple[float, ...]
    level: Level
    max_steps: int


@dataclass(frozen=True, slots=True)
class LongOutcome:
    """Weights (networks, levels, parameters) and ln t at the levels, NaN where never reached; steps made."""

    weights: Tensor
    log_times: Tensor
    steps: Tensor
    diverged: Tensor


def _moved(flat: Tensor, velocity: Tensor, step: Tensor, layers: Sequence[int]) -> Tensor:
    # along the velocity; with layers, in radius and along the sphere of each
    if not layers:
        return flat + step[:, None] * velocity
    parts = []
    for weights, speed in zip(flat.split(list(layers), 1), velocity.split(list(layers), 1), strict=True):
        norm = weights.norm(dim=1, keepdim=True)
        radial = (weights * speed).sum(dim=1, keepdim=True) / norm
        turned = weights + step[:, None] * (speed - radial / norm * weights)
        grown = norm + step[:, None] * radial
        parts.append(grown * turned / turned.norm(dim=1, keepdim=True))
    return torch.cat(parts, dim=1)


def _normalized(flat: Tensor, descent: Tensor, layers: Sequence[int]) -> Tensor:
    # norm and direction of each layer move: along its sphere it is faster by the squared norm
    parts = []
    for weights, pull in zip(flat.split(list(layers), 1), descent.split(list(layers), 1), strict=True):
        square = weights.square().sum(dim=1, keepdim=True)
        along = (weights * pull).sum(dim=1, keepdim=True) / square * weights
        parts.append(along + square * (pull - along))
    return torch.cat(parts, dim=1)


class _Batch:
    """Networks still in training: one row of each tensor is one network."""

    __slots__ = (
        "attempts",
        "due",
        "each",
        "flat",
        "log_time",
        "moments",
        "rows",
        "scale",
        "slope",
        "step",
        "velocity",
    )

    def __init__(self, plan: LongPlan, slope: Slope, start: Tensor) -> None:
        self.flat = start
        self.rows = torch.arange(len(start), device=start.device)
        self.each, self.slope = slope(self.rows, start)
        self.scale = start.norm(dim=1)
        self.log_time = torch.full_like(self.each[:, 0], -math.inf)
        self.due = torch.zeros_like(self.rows)  # which of the levels comes next
        self.attempts = torch.zeros_like(self.rows)
        self.moments = torch.zeros_like(start), torch.zeros_like(start)
        self.velocity = torch.zeros_like(start)
        self.step = torch.zeros_like(self.log_time)
        self.plan_velocity(plan, torch.ones_like(self.rows, dtype=torch.bool), 1)
        promise = -(self.slope * self.velocity).sum(dim=1)
        self.step = _FIRST / promise.clamp_min(1e-300)

    @property
    def log_loss(self) -> Tensor:
        return self.each.logsumexp(dim=1) - math.log(self.each.shape[1])

    def plan_velocity(self, plan: LongPlan, changed: Tensor, count: int) -> None:
        # where to go from here, of rows whose weights changed; Adam's moments move on with every step
        if plan.optimizer == "adam":
            first, second = self.moments
            first.lerp_(self.slope, 1.0 - _BETAS[0])
            second.lerp_(self.slope.square(), 1.0 - _BETAS[1])
            first, second = first / (1.0 - _BETAS[0] ** count), second / (1.0 - _BETAS[1] ** count)
            self.velocity = -first / (second.sqrt() + _ADAM_EPS)
        elif plan.layers:
            fresh = _normalized(self.flat, -self.slope, plan.layers)
            self.velocity = torch.where(changed[:, None], fresh, self.velocity)
        else:
            self.velocity = -self.slope

    def keep(self, stay: Tensor) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(self, name, tuple(v[stay] for v in value) if name == "moments" else value[stay])


def _log_growth(fall: Tensor) -> Tensor:
    # ln of (e^fall - 1) / fall: t is the integral of 1 / loss over a step along which ln loss falls evenly
    level = fall.abs() < 1e-8
    return torch.where(level, 0.5 * fall, torch.log(torch.expm1(fall) / torch.where(level, 1.0, fall)))


def _part_of_step(level: Level, target: Tensor, batch: _Batch, fall: Tensor, gained: Tensor) -> Tensor:
    # where on the step, along which ln loss is taken to fall evenly, the level is met
    if level == "steps":
        return torch.ones_like(fall)
    if level == "loss":
        return ((target + batch.log_loss) / fall).clamp(0.0, 1.0)
    wanted = target + torch.log1p(-torch.exp(batch.log_time - target)) - gained
    share = torch.exp(wanted.clamp_max(0.0))  # of what the step adds to t
    part = torch.log1p(share * torch.expm1(fall)) / fall
    return torch.where(fall.abs() < 1e-8, share, part).clamp(0.0, 1.0)


def descend_far(
    slope: Slope, start: Tensor, plan: LongPlan, *, report: Callable[[float], None]
) -> LongOutcome:
    """Follow each network until it has met all levels, diverged, come to rest, or made all its steps.

    Parameters
    ----------
    slope : callable
    start : Tensor, shape (networks, parameters)
    plan : LongPlan
    report : callable
        Called with the share of the work done, at most.

    Notes
    -----
    With weights following the gradient of ln loss, at a rate that is the step, t is the sum of step / loss.
    A step of the flow is accepted if ln of the mean loss falls by `plan.share` at least of the mean fall of
    the examples' own ln losses, weighted with their shares of the loss: what is missing is the variance of
    the examples' gains, over which steps must not run. Nor does a step change weights by more than
    1 - `plan.share` of their norm, or of the start's. Weights at a level lie on the step that passed it.
    """
    levels = torch.tensor([*plan.levels, math.inf], dtype=torch.float64, device=start.device)
    count = len(start)
    log_times = torch.full((count, len(plan.levels)), math.nan, dtype=torch.float64, device=start.device)
    weights = start.new_full((count, len(plan.levels), start.shape[1]), math.nan)
    steps = torch.zeros(count, dtype=torch.int64, device=start.device)
    diverged = torch.zeros(count, dtype=torch.bool, device=start.device)
    batch = _Batch(plan, slope, start)
    if plan.level == "loss":
        first = -batch.log_loss
        while bool((passed := levels[batch.due] <= first).any()):
            rows = batch.rows[passed]
            weights[rows, batch.due[passed]], log_times[rows, batch.due[passed]] = start[rows], -math.inf
            batch.due = batch.due + passed
    done = batch.due == len(plan.levels)
    for tried in range(1, plan.max_steps + 1):
        if bool(done.all()):
            break
        log_loss = batch.log_loss
        if plan.optimizer == "gd":
            batch.step = torch.exp(math.log(plan.learning_rate) + log_loss)
        elif plan.optimizer == "adam":
            batch.step = torch.full_like(batch.step, plan.learning_rate)
        else:
            largest = torch.maximum(batch.flat.norm(dim=1), batch.scale)
            longest = (1.0 - plan.share) * largest / batch.velocity.norm(dim=1)
            batch.step = torch.minimum(batch.step, longest)
        trial = _moved(batch.flat, batch.velocity, batch.step, plan.layers)
        each, gradient = slope(batch.rows, trial)
        fall = log_loss - (each.logsumexp(dim=1) - math.log(each.shape[1]))
        finite = torch.isfinite(fall) & torch.isfinite(gradient).all(dim=1)
        if plan.optimizer == "flow":
            shares = torch.softmax(batch.each, dim=1)
            gain = (shares * (batch.each - each)).sum(dim=1)
            promise = -(batch.slope * batch.velocity).sum(dim=1) * batch.step
            good = finite & (fall >= plan.share * gain) & (fall >= _KEPT * promise)
            forced = finite & ~good & (batch.attempts >= _ATTEMPTS) & (fall > -_UPHILL)
            taken, broken = good | forced, torch.zeros_like(finite)
            gained = batch.step.log() - log_loss + _log_growth(fall)
        else:
            good = taken = finite
            forced, broken = torch.zeros_like(finite), ~finite
            gained = batch.step.log() - log_loss
        log_time = torch.logaddexp(batch.log_time, gained)
        progress = {"loss": fall - log_loss, "time": log_time, "steps": torch.full_like(fall, tried)}[
            plan.level
        ]
        while bool((passed := taken & (levels[batch.due] <= progress)).any()):
            part = _part_of_step(plan.level, levels[batch.due], batch, fall, gained)
            there = _moved(batch.flat, batch.velocity, part * batch.step, plan.layers)
            since = gained + part.log() + _log_growth(part * fall) - _log_growth(fall)
            at = batch.rows[passed], batch.due[passed]
            weights[at] = there[passed]
            log_times[at] = torch.logaddexp(batch.log_time, since)[passed]
            batch.due = batch.due + passed
        batch.flat = torch.where(taken[:, None], trial, batch.flat)
        batch.each = torch.where(taken[:, None], each, batch.each)
        batch.slope = torch.where(taken[:, None], gradient, batch.slope)
        batch.log_time = torch.where(taken, log_time, batch.log_time)
        again = _AGAIN * batch.step * _SHORTER ** -batch.attempts.to(batch.step.dtype)
        batch.step = torch.where(
            good, _LONGER * batch.step, torch.where(forced, again, _SHORTER * batch.step)
        )
        batch.attempts = torch.where(taken, 0, batch.attempts + 1)
        batch.plan_velocity(plan, taken, tried + 1)
        steps[batch.rows[~done]] = tried
        rest = ~batch.slope.any(dim=1)
        diverged[batch.rows[broken & ~done]] = True
        done = done | broken | rest | (batch.due == len(plan.levels))
        if int(done.sum()) * _LEAVE >= len(done) and not bool(done.all()):
            stay = ~done
            batch.keep(stay)
            done = done[stay]
        if tried % 100 == 0:
            report(tried / plan.max_steps)
    return LongOutcome(weights, log_times, steps, diverged)
