"""`NetworkFamily`: finite networks on images as a family of classifiers that the samplers can work with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from genlaws.simulate.family import BoolArray, FloatArray, IntArray, MoveReport
from genlaws.simulate.finite_points import (
    FinitePoints,
    disagreement_of_votes,
    fingerprint,
    finite_points,
)
from genlaws.simulate.reflective import persistence_of

from .dense_flow import DenseLayout, dense_move
from .devices import in_chunks, resolve_device
from .module_network import ModuleNetwork, ModulePrior
from .networks import BatchedNetwork, Network, torch_generator
from .reflective_flow import reflective_flow

_SCALE_NETWORKS, _SCALE_POINTS = 256, 64


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFamily:
    """Networks drawn from a prior over their weights, and labelled points to err on.

    Parameters
    ----------
    network : BatchedNetwork
        Architecture and prior: a `Network`, a `ModuleNetwork`, or an object of one's own with their methods.
    inputs : array_like, shape (points, ...)
    labels : array_like, shape (points,)
        Two classes (any two values) for a network of one output, whose sign decides: the larger value is
        the positive class. Otherwise as many classes as outputs, of which the largest decides.
    training : array_like of int
        Indices of the training examples, in order: training sets are its prefixes.
    heldout : array_like of int
        Indices of the points behind the true error, disjoint from `training`.
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.

    Notes
    -----
    A population is a tensor of standard normal vectors, float32, shape (particles, latent size), on the
    device. `on_pool` makes training sets at random from the points themselves, and the true error is then
    the exact error on that finite pool (`error_name` is ``"pool"``). Equal seeds give equal results on one
    device.

    Raises
    ------
    ValueError
        If inputs are not finite, labels do not fit the outputs or hold one class, indices are out of range
        or shared by `training` and `heldout`, or a GPU is asked for and there is none.
    """

    revision: ClassVar[int] = 1

    network: BatchedNetwork
    inputs: ArrayLike = field(repr=False)
    labels: ArrayLike = field(repr=False)
    training: ArrayLike = field(repr=False, kw_only=True)
    heldout: ArrayLike = field(repr=False, kw_only=True)
    device: str = field(kw_only=True, default="auto")
    error_name: str = field(init=False, default="heldout")
    fingerprint: str = field(init=False)
    _device: torch.device = field(init=False, repr=False)
    _inputs: Tensor = field(init=False, repr=False)
    _targets: Tensor = field(init=False, repr=False)
    _points: FinitePoints = field(init=False, repr=False)
    _unit: float = field(init=False, repr=False)
    _layout: DenseLayout | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inputs = np.asarray(self.inputs, dtype=np.float32)
        if inputs.ndim < 2 or 0 in inputs.shape:
            raise ValueError(f"inputs must have shape (points, ...), got {inputs.shape}")
        if not np.all(np.isfinite(inputs)):
            raise ValueError("inputs must be finite, got NaN or infinity")
        points = finite_points(self.labels, len(inputs), training=self.training, heldout=self.heldout)
        outputs = self.network.outputs
        if points.count != max(outputs, 2):
            raise ValueError(
                f"a network of {outputs} output{'s' if outputs > 1 else ''} tells {max(outputs, 2)} classes "
                f"apart, labels hold {points.count}"
            )
        device = resolve_device(self.device)
        placed, classes = torch.tensor(inputs, device=device), torch.tensor(points.classes, device=device)
        for name, value in (
            # in the repr, so that results of different data are never taken for one another
            ("fingerprint", fingerprint(inputs, points.classes, points.training, points.heldout)),
            ("_device", device),
            ("_inputs", placed),
            ("_targets", 2 * classes - 1 if outputs == 1 else classes),
            ("_points", points),
            ("_layout", _dense_layout(self.network, device)),
            ("_unit", _deviation(self.network, placed[points.training[:_SCALE_POINTS]], device)),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def on_pool(
        cls, network: BatchedNetwork, inputs: ArrayLike, labels: ArrayLike, *, device: str = "auto"
    ) -> NetworkFamily:
        """A family whose points are the whole population.

        Training sets are drawn from the points with replacement, and the true error counts all of them:
        the identities of the theory hold exactly. Keep n well below the number of points.
        """
        every = np.arange(len(np.asarray(inputs)))
        # built with one held-out point, then told that all points are both
        pool = cls(network, inputs, labels, training=every[:-1], heldout=every[-1:], device=device)
        object.__setattr__(pool, "error_name", "pool")
        object.__setattr__(pool, "_points", pool._points.as_pool())
        return pool

    @classmethod
    def from_module(
        cls,
        factory: Callable[[], torch.nn.Module],
        prior: ModulePrior,
        inputs: ArrayLike,
        labels: ArrayLike,
        *,
        training: ArrayLike,
        heldout: ArrayLike,
        device: str = "auto",
    ) -> NetworkFamily:
        """The family of a torch module of one's own; see `ModuleNetwork` for `factory` and `prior`."""
        network = ModuleNetwork(factory, prior, np.shape(inputs)[1:])
        return cls(network, inputs, labels, training=training, heldout=heldout, device=device)

    @property
    def error_resolution(self) -> int:
        """Number of points behind the true error."""
        return int(self._points.heldout.size)

    def training_set(self, n: int, rng: np.random.Generator) -> IntArray:
        """The first `n` training examples; on a pool, `n` draws with replacement.

        Raises ValueError if there are fewer than `n` training examples.
        """
        return self._points.training_set(n, rng)

    def draw(self, particles: int, rng: np.random.Generator) -> Tensor:
        """Draw networks from the prior: standard normal vectors, shape (particles, latent size)."""
        generator = torch_generator(rng, self._device)
        return torch.randn(particles, self.network.latent_size, generator=generator, device=self._device)

    def take(self, population: Tensor, index: IntArray) -> Tensor:
        """The networks at `index`."""
        return population[torch.as_tensor(index, device=self._device)]

    def where(self, keep: BoolArray, population: Tensor, other: Tensor) -> Tensor:
        """Network by network: from `population` where `keep`, else from `other`."""
        return torch.where(torch.as_tensor(keep, device=self._device)[:, None], population, other)

    def _scores(self, population: Tensor, points: IntArray) -> Tensor:
        inputs = self._inputs[torch.as_tensor(points, device=self._device)]
        # the widest layer holds about as many numbers for a point as the network has parameters per input
        width = max(1, self.network.latent_size // inputs[0].numel())
        bytes_per_row = 4 * (len(inputs) * max(width, inputs[0].numel() // 4) + self.network.latent_size)
        with torch.no_grad():
            return in_chunks(
                lambda rows: self.network.scores(population[rows], inputs),
                len(population),
                bytes_per_row=bytes_per_row,
                device=self._device,
            )

    def _raw_margins(self, population: Tensor, points: IntArray) -> Tensor:
        scores = self._scores(population, points)
        targets = self._targets[torch.as_tensor(points, device=self._device)]
        if self.network.outputs == 1:
            return scores[..., 0] * targets
        own = torch.nn.functional.one_hot(targets, self.network.outputs).bool()
        best_other = scores.masked_fill(own, -math.inf).amax(dim=2)
        return scores.masked_fill(~own, 0.0).sum(dim=2) - best_other

    def margins(self, population: Tensor, points: IntArray) -> FloatArray:
        """Output of the right class above the best other, shape (particles, points).

        In units of the prior's deviation, which is estimated once from draws.
        """
        points = np.asarray(points, dtype=np.int64)
        if points.size == 0:
            return np.empty((len(population), 0))
        raw = self._raw_margins(population, points).double().cpu().numpy()
        return np.asarray(raw / self._unit)

    def correct(self, population: Tensor, points: IntArray) -> BoolArray:
        """Whether each network is right on each point, shape (particles, points)."""
        points = np.asarray(points, dtype=np.int64)
        if points.size == 0:
            return np.empty((len(population), 0), dtype=np.bool_)
        return np.asarray((self._raw_margins(population, points) > 0.0).cpu().numpy())

    def first_error(self, population: Tensor, examples: IntArray) -> IntArray:
        """Position of each network's first error, `len(examples)` if none."""
        wrong = ~self.correct(population, examples)
        return np.where(wrong.any(axis=1), wrong.argmax(axis=1), len(examples)).astype(np.int64)

    def true_errors(self, population: Tensor) -> FloatArray:
        """Share of the held-out points (or of the pool) that each network gets wrong."""
        # counted errors over the number of points, not one minus a share: k / m to the last bit
        return np.asarray(np.mean(~self.correct(population, self._points.heldout), axis=1))

    def _vote_counts(self, population: Tensor) -> FloatArray:
        # votes per class and held-out point, shape (classes, points)
        scores = self._scores(population, self._points.heldout)
        if self.network.outputs == 1:
            positive = (scores[..., 0] > 0.0).sum(dim=0).double().cpu().numpy()
            return np.stack([len(population) - positive, positive])
        chosen = scores.argmax(dim=2).cpu().numpy()
        return np.stack([(chosen == c).sum(axis=0) for c in range(self.network.outputs)]).astype(np.float64)

    def disagreement(self, population: Tensor) -> float:
        """Share of held-out points on which two members disagree, averaged over pairs."""
        return disagreement_of_votes(self._vote_counts(population))

    def majority_error(self, population: Tensor, rng: np.random.Generator) -> float:
        """Held-out error of the vote of all members."""
        return self._points.majority_error(self._vote_counts(population))

    def move(
        self,
        population: Tensor,
        examples: IntArray,
        rng: np.random.Generator,
        *,
        length: float,
        slack: float = 0.0,
    ) -> MoveReport:
        """One reflective Hamiltonian trajectory of `length` quarter turns of all weights together.

        Raises nothing on walls it cannot pass: a network whose trajectory fails stays where it was.
        """
        examples = np.asarray(examples, dtype=np.int64)
        velocity = torch.randn(
            population.shape, generator=torch_generator(rng, self._device), device=self._device
        )
        if examples.size == 0:
            angle = 0.5 * math.pi * length
            turned = math.cos(angle) * population + math.sin(angle) * velocity
            # without walls the past is left in every coordinate alike
            return MoveReport(turned, math.cos(angle), 0)
        # a repeated example binds nothing new; if it is the last one, it needs no slack either
        _, first = np.unique(examples, return_index=True)
        distinct = examples[np.sort(first)]
        slack = slack if distinct[-1] == examples[-1] and len(examples) - 1 in first else 0.0
        index = torch.as_tensor(distinct, device=self._device)
        inputs, targets, slack = self._inputs[index], self._targets[index], slack * self._unit
        if self._layout is not None:
            dense = dense_move(
                population.numpy(),
                velocity.numpy(),
                self._layout,
                inputs.flatten(1).numpy(),
                targets.numpy(),
                length=length,
                slack=slack,
            )
            kept = persistence_of(dense.margins_before, dense.margins_after)
            return MoveReport(torch.from_numpy(dense.latent), kept, int(dense.bounces.sum()))
        flow = reflective_flow(
            self.network, population, inputs, targets, velocity, length=length, slack=slack
        )
        kept = persistence_of(flow.margins_before.cpu().numpy(), flow.margins_after.cpu().numpy())
        return MoveReport(flow.latent, kept, int(flow.bounces.sum()))


def _dense_layout(network: BatchedNetwork, device: torch.device) -> DenseLayout | None:
    # the compiled move knows fully connected networks of normal weights, and lives on a CPU
    if device.type != "cpu" or not isinstance(network, Network):
        return None
    if not network.fully_connected or network.prior.kind != "normal":
        return None
    architecture, prior = network.architecture, network.prior
    return DenseLayout(
        (math.prod(network.input_shape), *architecture.hidden, network.outputs),
        activation=architecture.activation,
        weight_variance=prior.weight_variance,
        bias_variance=prior.bias_variance if architecture.bias else None,
    )


def _deviation(network: BatchedNetwork, inputs: Tensor, device: torch.device) -> float:
    # root mean square output over the prior, from draws of their own: a unit for margins, no more
    generator = torch.Generator(device).manual_seed(0)
    latent = torch.randn(_SCALE_NETWORKS, network.latent_size, generator=generator, device=device)
    with torch.no_grad():
        scores = network.scores(latent, inputs)
    spread = float(scores.double().square().mean().sqrt()) * (1.0 if network.outputs == 1 else math.sqrt(2.0))
    if not math.isfinite(spread):
        raise ValueError("the network's outputs are not finite on these inputs")
    return spread if spread > 0.0 else 1.0
