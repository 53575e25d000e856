"""Gradient flow of many networks at once, each by steps as long as it bears."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Slope = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(numbers of networks, how far their weights moved (networks, parameters)) -> velocity and loss of each."""

# Where a slope jumps, as that of ReLU networks does, errors shrink no faster than steps, and flows slide
# along the jumps. Below this share of the longest accurate step, a step is taken unless it raises the loss by
# more than this factor.
_SHORT, _UPHILL = 0.05, 1.05
# how much longer or shorter one step is than the one before, and the safety in the estimate
_LONGER, _SHORTER, _SAFETY = 3.0, 0.2, 0.9


@dataclass(frozen=True, slots=True)
class FlowOutcome:
    """Where flows ended; shapes (networks, ...), and of `history` (networks, times), NaN where never reached.

    `reached` says whether the loss came down to what was asked for.
    """

    moved: Tensor
    times: Tensor
    losses: Tensor
    steps: Tensor
    reached: Tensor
    history: Tensor


def follow_flow(
    slope: Slope,
    start: Tensor,
    *,
    first_steps: Tensor,
    times: Tensor,
    loss_to_reach: float,
    relative_error: float,
    max_steps: int,
    report: Callable[[float], None],
) -> FlowOutcome:
    """Integrate d moved / dt = slope(moved) for each network until its loss, its time or its steps run out.

    Bogacki and Shampine's pair of orders 3 and 2, with a step size of its own for each network: the error
    estimate of a step is at most `relative_error` times the step's length.

    Parameters
    ----------
    slope : callable
    start : Tensor, shape (networks, parameters)
        Zeros: movement is summed up apart from the weights, so that small movement keeps its digits.
    first_steps : Tensor, shape (networks,)
        Times to try first.
    times : Tensor of float64, shape (times,)
        Increasing; losses are written down there, and the last ends a flow. Empty: only the loss does.
    loss_to_reach, relative_error : float
    max_steps : int
        Steps tried by one network.
    report : callable
        Called with the share of the work done, at most.
    """
    count, device = len(start), start.device
    moved = start.clone()
    numbers = torch.arange(count, device=device)
    velocity, losses = slope(numbers, moved)
    clock = torch.zeros(count, dtype=torch.float64, device=device)
    steps = torch.zeros(count, dtype=torch.int64, device=device)
    history = torch.full((count, len(times)), math.nan, dtype=torch.float64, device=device)
    ends = torch.cat([times.to(device), torch.full((1,), math.inf, dtype=torch.float64, device=device)])
    due = torch.zeros_like(steps)  # which of `times` comes next
    length = first_steps.double()
    longest = torch.zeros_like(length)
    for tried in range(max_steps + 1):
        arrived = (ends[due] <= clock) & torch.isfinite(ends[due])
        if bool(arrived.any()):
            history[arrived, due[arrived]] = losses[arrived].double()
            due = due + arrived
        over = (losses <= loss_to_reach) | ((due == len(times)) & (len(times) > 0)) | ~torch.isfinite(losses)
        rows = (~over).nonzero()[:, 0]
        if len(rows) == 0 or tried == max_steps:
            break
        at, v, now = moved[rows], velocity[rows], clock[rows]
        left = ends[due[rows]] - now
        h = torch.minimum(length[rows], left)
        lands = h >= left
        dt = h.to(start.dtype)[:, None]
        second = slope(rows, at + (0.5 * dt) * v)[0]
        third = slope(rows, at + (0.75 * dt) * second)[0]
        step = dt * (2.0 * v + 3.0 * second + 4.0 * third) / 9.0
        fourth, value = slope(rows, at + step)
        error = dt * (-5.0 * v + 6.0 * second + 8.0 * third - 9.0 * fourth) / 72.0
        ratio = (error.norm(dim=1) / (relative_error * step.norm(dim=1)).clamp_min(1e-300)).double()
        ratio = torch.where(torch.isfinite(ratio), ratio, math.inf)
        accurate = ratio <= 1.0
        short = h <= (1.0 + 1e-9) * _SHORT * longest[rows]
        good = accurate | (short & (value <= _UPHILL * losses[rows]))
        longest[rows] = torch.where(accurate, torch.maximum(longest[rows], h), longest[rows])
        # what was a short step once need not be one any more
        longest[rows] = torch.where(short & ~good, 0.5 * longest[rows], longest[rows])
        factor = (_SAFETY * ratio.clamp_min(1e-12) ** (-1.0 / 3.0)).clamp(_SHORTER, _LONGER)
        planned = torch.maximum(h * factor, _SHORT * longest[rows])
        # a step cut short to land on a time says nothing against the length that was planned
        length[rows] = torch.where(good & lands, torch.maximum(length[rows], planned), planned)
        steps[rows] += 1
        taken = rows[good]
        moved[taken] = (at + step)[good]
        velocity[taken], losses[taken] = fourth[good], value[good]
        clock[taken] = torch.where(lands, ends[due[rows]], now + h)[good]
        report((tried + 1) / max_steps)
    return FlowOutcome(moved, clock, losses, steps, losses <= loss_to_reach, history)
