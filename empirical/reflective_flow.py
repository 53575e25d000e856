"""Reflective Hamiltonian trajectories of networks of any kind, many at once, with gradients from torch.

All latent variables of a network follow the ellipse q cos(t) + p sin(t) of their standard normal prior
until a margin reaches zero, where the velocity is mirrored at the margin's gradient (Neal 2011,
arXiv:1206.1901, section 5.1; Pakman & Paninski 2014, arXiv:1208.4118). The walls of networks are curved, so
crossings are found by looking at a fixed set of angles and closing in on the first change of sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .devices import in_chunks
from .networks import BatchedNetwork

STEP = 0.025
"""Angle between two looks at all margins, in radians."""

_MAX_SEARCHES = 20_000
_NEAR = 1e-3  # a wall that is further off than this angle, at its speed, was not where the sign changed
_INTERPOLATIONS = 10  # after these the search for a crossing halves its bracket
# Crossings are known to this angle: about the rounding of the position there.
_TOLERANCE = {torch.float32: 1e-7, torch.float64: 1e-13}


@dataclass(frozen=True, slots=True)
class Flow:
    """Outcome of one trajectory of each network.

    Attributes
    ----------
    latent, velocity : Tensor, shape (networks, latent size)
        Where the trajectories end, and how they move there. Of networks that stayed: as they were.
    margins_before, margins_after : Tensor, shape (networks, examples)
        In raw units of the outputs.
    bounces : Tensor of int64, shape (networks,)
        Reflections made, also of networks that stayed.
    stayed : Tensor of bool, shape (networks,)
        Networks that started with an error, or whose trajectory was given up: they are where they were.
    """

    latent: Tensor
    velocity: Tensor
    margins_before: Tensor
    margins_after: Tensor
    bounces: Tensor
    stayed: Tensor


@dataclass(frozen=True, slots=True)
class _Walls:
    """The examples that bind, each a wall where its margin falls to its floor."""

    network: BatchedNetwork
    inputs: Tensor
    labels: Tensor
    floor: Tensor

    def margins(self, latent: Tensor) -> Tensor:
        """Margins of all networks on all examples, shape (networks, examples)."""
        scores = self.network.scores(latent, self.inputs)
        return _margins(scores, self.labels.expand(scores.shape[:2]))

    def heights(self, latent: Tensor, example: Tensor) -> Tensor:
        """Margin above the floor of each network on the one example of its own, shape (networks,)."""
        scores = self.network.paired_scores(latent, self.inputs[example])
        return _margins(scores, self.labels[example]) - self.floor[example]

    def slopes(self, latent: Tensor, example: Tensor) -> tuple[Tensor, Tensor]:
        """Those heights and their gradients, shape (networks, latent size)."""
        with torch.enable_grad():
            at = latent.detach().requires_grad_()
            heights = self.heights(at, example)
            # networks do not see each other: the gradient of the sum holds that of each in its row
            (gradient,) = torch.autograd.grad(heights.sum(), at)
        return heights.detach(), gradient


def _margins(scores: Tensor, labels: Tensor) -> Tensor:
    # scores (..., outputs), labels (...): -1 and +1 for one output, else the right one's index
    if scores.shape[-1] == 1:
        return scores[..., 0] * labels
    own = labels[..., None]
    return scores.gather(-1, own)[..., 0] - scores.scatter(-1, own, -math.inf).amax(-1)


def _turned(q: Tensor, p: Tensor, angle: Tensor) -> Tensor:
    # angles are kept in double precision, whatever the precision of the latent variables
    return q * angle.cos().to(q.dtype)[:, None] + p * angle.sin().to(q.dtype)[:, None]


def _first_crossings(
    walls: _Walls, q: Tensor, p: Tensor, left: Tensor, right: Tensor, low: Tensor, high: Tensor
) -> tuple[Tensor, Tensor]:
    # For each network an angle in (left, right), just before the first crossing of those walls it is behind
    # at `right`, and that wall. low, high: heights (networks, examples) at both ends; low is positive, or
    # NaN where it is not known. A pair is a network and a wall that may be its first: when another of its
    # walls is crossed before a probe and this one is not, it drops out. Probes are the earliest secant of a
    # network's pairs (Illinois rule), in the end the middle.
    tolerance = _TOLERANCE[q.dtype]
    network, example = (~(high > 0.0)).nonzero(as_tuple=True)
    low, high = low[network, example], high[network, example]
    first = torch.full((len(q),), walls.floor.numel(), device=q.device)
    last = torch.zeros(len(q), dtype=torch.int8, device=q.device)
    rounds = 0
    while network.numel():
        share = low / (low - high)
        secant = (share > 0.0) & (share < 1.0) & (rounds < _INTERPOLATIONS)
        share = torch.where(secant, share, 0.5).to(left.dtype)
        width = right - left
        nearest = width.scatter_reduce(0, network, share * width[network], "amin")
        probe = left + torch.minimum(nearest.clamp(min=0.5 * tolerance), width - 0.5 * tolerance)
        value = walls.heights(_turned(q, p, probe)[network], example)
        behind = ~(value > 0.0)
        # 1: a wall is crossed before the probe; -1: none is; 0: this network is done
        side = torch.zeros_like(last).index_fill(0, network, -1).index_fill(0, network[behind], 1)
        left, right = torch.where(side == -1, probe, left), torch.where(side == 1, probe, right)
        crossed, again = (side == 1)[network], (side == last)[network]
        low, high = (
            torch.where(crossed, torch.where(again, 0.5 * low, low), value),
            torch.where(crossed, value, torch.where(again, 0.5 * high, high)),
        )
        last = side
        stays = behind | ~crossed
        done = stays & (right - left <= tolerance)[network]
        first = first.scatter_reduce(0, network[done], example[done], "amin")
        stays &= ~done
        network, example, low, high = network[stays], example[stays], low[stays], high[stays]
        rounds += 1
    return left, first


def _bounced(
    walls: _Walls, q: Tensor, p: Tensor, angle: Tensor, wall: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    # q and p of the ellipse on which the mirrored velocity goes on, and whether this was a wall to bounce
    # off: about to be crossed, and not a jump of the outputs, at which mirroring would be wrong
    height, normal = walls.slopes(_turned(q, p, angle), wall)
    speed = (_turned(p, -q, angle) * normal).sum(1)
    push = (-2.0 * speed / normal.square().sum(1))[:, None] * normal
    cosine, sine = angle.cos().to(q.dtype)[:, None], angle.sin().to(q.dtype)[:, None]
    return q - sine * push, p + cosine * push, (speed < 0.0) & (height.abs() < -_NEAR * speed)


def _flow(walls: _Walls, latent: Tensor, velocity: Tensor, angle: float, looks: int) -> Flow:
    end = Flow(
        latent=latent.clone(),
        velocity=velocity.clone(),
        margins_before=walls.margins(latent),
        margins_after=walls.margins(latent),
        bounces=torch.zeros_like(latent[:, 0], dtype=torch.int64),
        stayed=torch.ones_like(latent[:, 0], dtype=torch.bool),
    )
    # The networks under way, each at its own time. They look ahead at multiples of one angle, also after
    # bounces: a trajectory and its reverse look at the same places, and what goes unseen goes unseen both
    # ways. A crossing that is found is looked at too before bouncing, as another wall may be crossed there.
    going = (end.margins_before > walls.floor).all(1).nonzero()[:, 0]
    q, p, known = latent[going], velocity[going], end.margins_before[going]
    time = torch.zeros(len(going), dtype=torch.float64, device=latent.device)
    crossing, wall = time, torch.full_like(going, -1)
    look, bounces, searches = torch.ones_like(going), torch.zeros_like(going), torch.zeros_like(going)
    while going.numel():
        found = wall >= 0
        goal = torch.where(found, crossing, look.double() * (angle / looks))
        ahead = walls.margins(_turned(q, p, goal))
        ahead[found, wall[found]] = math.inf
        behind = ~(ahead > walls.floor).all(1)
        # where two walls meet closer than angles can tell, there is nothing left to search
        lost = (searches >= _MAX_SEARCHES) | (behind & (goal - time <= 2.0 * _TOLERANCE[q.dtype]))

        bouncing = (found & ~behind).nonzero()[:, 0]
        if bouncing.numel():
            at, met = goal[bouncing], wall[bouncing]
            q_new, p_new, sound = _bounced(walls, q[bouncing], p[bouncing], at, met)
            q, p = q.index_copy(0, bouncing, q_new), p.index_copy(0, bouncing, p_new)
            lost = lost.index_fill(0, bouncing[~sound], True)
            bounces = bounces.index_add(0, bouncing, torch.ones_like(bouncing))
            # the height of the wall just met is mere rounding
            ahead[bouncing, met] = math.nan
        time = torch.where(behind, time, goal)
        look = look + (~found & ~behind).long()
        wall = wall.masked_fill(~behind, -1)

        searching = (behind & ~lost).nonzero()[:, 0]
        if searching.numel():
            at, met = _first_crossings(
                walls, q[searching], p[searching], time[searching], goal[searching],
                known[searching] - walls.floor, ahead[searching] - walls.floor,
            )  # fmt: skip
            crossing, wall = goal.index_copy(0, searching, at), wall.index_copy(0, searching, met)
            searches = searches.index_add(0, searching, torch.ones_like(searching))
        known = torch.where(behind[:, None], known, ahead)

        arrived = look > looks
        on = ~arrived & ~lost
        if not on.all():
            there = going[arrived]
            end.latent[there] = _turned(q[arrived], p[arrived], time[arrived])
            end.velocity[there] = _turned(p[arrived], -q[arrived], time[arrived])
            end.margins_after[there] = known[arrived]
            end.stayed[there] = False
            end.bounces[going] = bounces
            going, q, p, known, time, crossing, wall, look, bounces, searches = (
                each[on] for each in (going, q, p, known, time, crossing, wall, look, bounces, searches)
            )
    return end


def _checked(
    network: BatchedNetwork, latent: Tensor, inputs: Tensor, labels: Tensor, velocity: Tensor
) -> tuple[Tensor, Tensor]:
    if latent.dtype not in _TOLERANCE:
        raise ValueError(f"latent must be float32 or float64, got {latent.dtype}")
    if latent.dim() != 2 or latent.shape[1] != network.latent_size:
        raise ValueError(
            f"latent must have shape (networks, {network.latent_size}), got {tuple(latent.shape)}"
        )
    if velocity.shape != latent.shape or velocity.dtype != latent.dtype:
        raise ValueError(
            f"velocity must have the shape and type of latent, {tuple(latent.shape)} and {latent.dtype}, "
            f"got {tuple(velocity.shape)} and {velocity.dtype}"
        )
    if labels.shape != inputs.shape[:1]:
        raise ValueError(
            f"labels must have shape {tuple(inputs.shape[:1])} like the inputs, got {tuple(labels.shape)}"
        )
    if network.outputs == 1:
        allowed, fit = "-1 or +1 for one output", bool((labels.abs() == 1).all())
        made = labels.to(latent)
    else:
        allowed = f"in 0 to {network.outputs - 1} for {network.outputs} outputs"
        made = labels.to(latent.device, torch.int64)
        fit = bool(((made == labels.to(latent.device)) & (made >= 0) & (made < network.outputs)).all())
    if not fit:
        raise ValueError(f"labels must be {allowed}, got {labels.unique().tolist()}")
    return inputs.to(latent), made


@torch.no_grad()
def reflective_flow(
    network: BatchedNetwork,
    latent: Tensor,
    inputs: Tensor,
    labels: Tensor,
    velocity: Tensor,
    *,
    length: float,
    slack: float = 0.0,
    step: float = STEP,
) -> Flow:
    """Carry networks without error along one trajectory each, bouncing off the edge of their first error.

    Parameters
    ----------
    network : BatchedNetwork
    latent : Tensor of float32 or float64, shape (networks, latent size)
        Standard normal vectors of networks right on all examples, on any device.
    inputs : Tensor, shape (examples, ...)
    labels : Tensor, shape (examples,)
        -1 and +1 for one output, 0 to outputs - 1 for more.
    velocity : Tensor, like `latent`
        Standard normal draws make the move leave the prior, restricted to no error, as it is.
    length : float in (0, 1]
        Share of a quarter turn.
    slack : float, at least 0
        The *last* example may err by this much, in raw units of the outputs.
    step : float
        Largest angle between two looks at all margins, in radians; see Notes.

    Returns
    -------
    Flow

    Raises
    ------
    ValueError
        If a shape or type does not fit, labels are not those of the outputs, or a number is out of range.

    Notes
    -----
    A dip below zero between two looks goes unseen. A trajectory and its reverse look at the same places, so
    that it mostly goes unseen both ways, which costs no correctness. A trajectory that takes 20,000 searches,
    or meets a change of sign that is no zero of a smooth margin, is given up: its network stays. Networks
    are worked on in chunks that fit the memory, and do not depend on each other beyond rounding.
    """
    if not 0.0 < length <= 1.0:
        raise ValueError(f"length must lie in (0, 1], got {length}")
    if not (math.isfinite(slack) and slack >= 0.0):
        raise ValueError(f"slack must be finite and at least 0, got {slack}")
    if not 0.0 < step <= 1.0:
        raise ValueError(f"step must lie in (0, 1], got {step}")
    placed, signs = _checked(network, latent, inputs, labels, velocity)
    examples, size = len(placed), latent.shape[1]
    floor = torch.zeros(examples, dtype=latent.dtype, device=latent.device)
    floor[-1:] = -slack
    walls = _Walls(network, placed, signs, floor)
    angle = 0.5 * math.pi * length
    looks = max(1, math.ceil(angle / step))

    def run(rows: slice) -> Tensor:
        done = _flow(walls, latent[rows], velocity[rows], angle, looks)
        counts = torch.stack([done.bounces, done.stayed.long()], dim=1).to(latent.dtype)
        return torch.cat([done.latent, done.velocity, done.margins_before, done.margins_after, counts], dim=1)

    features = max(placed[0].numel(), 1) if examples else 1
    # a layer's values on all examples, and a dozen vectors a network
    bytes_per_row = latent.element_size() * (examples * max(size // features, features) + 12 * size)
    packed = in_chunks(run, len(latent), bytes_per_row=bytes_per_row, device=latent.device)
    after, moving, then, now, counts = packed.split([size, size, examples, examples, 2], dim=1)
    return Flow(after, moving, then, now, counts[:, 0].long(), counts[:, 1] > 0.0)
