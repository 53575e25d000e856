"""A batch of networks in training: one tensor program, which networks leave as they finish."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .batch_orders import batch_order
from .losses import example_losses, margins
from .networks import Network
from .optimizers import keep_rows, make_optimizer, paired
from .training_recipe import TrainingRecipe

# networks that are done leave the batch once they are one in so many
_LEAVE = 8
# steps between reports of progress
_REPORT = 100


@dataclass(frozen=True, slots=True)
class TrainingSets:
    """Points, their labels, and which of them each network trains on (None: all networks on all)."""

    points: Tensor
    labels: Tensor
    examples: Tensor | None

    @property
    def size(self) -> int:
        """Number of examples of one network."""
        return int(self.points.shape[0] if self.examples is None else self.examples.shape[1])

    def of(self, networks: Tensor, places: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Inputs and labels of these networks, or of the examples at `places` (networks, batch) only."""
        index = places
        if self.examples is not None:
            index = self.examples[networks]
            index = index if places is None else index.gather(1, places)
        return (self.points, self.labels) if index is None else (self.points[index], self.labels[index])


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a chunk of networks: a row is written when its network leaves."""

    weights: Tensor
    reached: NDArray[np.bool_]
    diverged: NDArray[np.bool_]
    steps: NDArray[np.int64]
    losses: NDArray[np.float64]
    errors: NDArray[np.float64]

    @classmethod
    def of_starts(cls, start: Tensor) -> BatchOutcome:
        """To be filled for networks that start at these weights."""
        no, count = np.zeros(len(start), dtype=np.bool_), np.zeros(len(start), dtype=np.int64)
        unknown = np.full(len(start), math.nan)
        return cls(start.clone(), no, no.copy(), count, unknown, unknown.copy())

    def record(
        self,
        rows: Tensor,
        step: int,
        *,
        weights: Tensor,
        reached: Tensor,
        diverged: Tensor,
        losses: Tensor,
        errors: Tensor,
    ) -> None:
        """Write down how networks leave at `step`."""
        self.weights[rows] = weights
        at = rows.cpu().numpy()
        self.steps[at] = step
        self.reached[at], self.diverged[at] = reached.cpu().numpy(), diverged.cpu().numpy()
        self.losses[at], self.errors[at] = losses.double().cpu().numpy(), errors.cpu().numpy()


def train_batch(
    network: Network,
    start: Tensor,
    sets: TrainingSets,
    recipe: TrainingRecipe,
    *,
    scales: Sequence[float],
    numbers: Tensor,
    seed: int,
    report: Callable[[float], None],
    watch: Callable[[int, Tensor, Tensor], None] | None = None,
    watched_steps: Collection[int] = (),
) -> BatchOutcome:
    """Train networks that share nothing but the program.

    Parameters
    ----------
    network : Network
        Says how weights make scores.
    start : Tensor, shape (networks, parameters)
    sets : TrainingSets
        With a row of examples for each of these networks, where they have their own.
    recipe : TrainingRecipe
        With a learning rate.
    scales : sequence of float
        As in `make_optimizer`.
    numbers : Tensor of int64, shape (networks,)
        What the networks are called, for `batch_order`.
    seed : int
    report : callable
        Called with the share of the work done.
    watch : callable, optional
        Called at each of `watched_steps` with the number of the step, the rows of `start` that are still in
        training, and their weights (rows, parameters).
    watched_steps : collection of int
    """
    variables = [
        v.clone(memory_format=torch.contiguous_format).requires_grad_()
        for pair in network.split(start)
        for v in pair
        if v is not None
    ]
    if recipe.learning_rate is None:
        raise ValueError("recipe must have a learning rate, got None")
    optimizer = make_optimizer(
        variables,
        scales,
        optimizer=recipe.optimizer,
        learning_rate=recipe.learning_rate,
        momentum=recipe.momentum,
    )
    outcome = BatchOutcome.of_starts(start)
    rows = torch.arange(len(start), device=start.device)
    # networks that are done train on until they leave the batch: what counts of them has been written down
    done = torch.zeros_like(rows, dtype=torch.bool)
    batch = min(recipe.batch_size or sets.size, sets.size)
    batches = -(-sets.size // batch)
    everything = sets.of(rows)
    order = numbers[:, None]

    def evaluated(inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        scores = network.scores_of_weights(paired(variables, network), inputs)
        return scores, example_losses(scores, labels, recipe.loss).mean(dim=1)

    for step in range(recipe.max_steps + 1):
        last, within = step == recipe.max_steps, step % batches
        if watch is not None and step in watched_steps:
            watch(step, rows[~done], torch.cat([v.detach()[~done].flatten(1) for v in variables], dim=1))
        if within == 0 or last:
            with torch.set_grad_enabled(batches == 1 and not last):
                scores, loss = evaluated(*everything)
            ahead, value = margins(scores.detach(), everything[1]), loss.detach()
            errors = (~(ahead > 0.0)).sum(dim=1)
            broken = ~(torch.isfinite(ahead).all(dim=1) & torch.isfinite(value))
            arrived = (errors == 0 if recipe.stop == "error" else value <= recipe.loss_to_reach) & ~broken
            leaving = (broken | arrived | last) & ~done
            if bool(leaving.any()):
                outcome.record(
                    rows[leaving],
                    step,
                    weights=torch.cat([v.detach()[leaving].flatten(1) for v in variables], dim=1),
                    reached=arrived[leaving],
                    diverged=broken[leaving],
                    losses=value[leaving],
                    errors=errors[leaving].double() / sets.size,
                )
                done = done | leaving
                if bool(done.all()):
                    break
        if batches > 1:
            if within == 0:
                order = batch_order(numbers[rows], examples=sets.size, epoch=step // batches, seed=seed)
            loss = evaluated(*sets.of(rows, order[:, within * batch : (within + 1) * batch]))[1]
        loss.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        if within == 0 and int(done.sum()) * _LEAVE >= len(rows):
            stay = (~done).nonzero()[:, 0]
            rows, done, order = rows[stay], done[stay], order[stay]
            variables = keep_rows(optimizer, variables, stay)
            everything = sets.of(rows)
        if step % _REPORT == 0:
            report(1.0 - len(rows) / len(start) * (1.0 - step / recipe.max_steps))
    return outcome
