"""`ModuleNetwork`: a torch module of one's own, as a function of one standard normal vector."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .architectures import Layer
from .priors import Prior

ModulePrior = Prior | Callable[[str, Tensor], Tensor]
"""A `Prior`, or a function of a parameter's name and a standard normal tensor that returns the parameter."""

_TRIAL_POINTS = 3


def _layers(module: nn.Module, names: Iterable[str]) -> dict[str, Layer]:
    # The layer whose weight or bias each parameter is: what a `Prior` must know of it.
    every = dict(module.named_parameters())
    found: dict[str, Layer] = {}
    for name in names:
        owner, _, last = name.rpartition(".")
        weight = every[name]
        if weight.dim() == 1 and last == "bias":
            weight = every.get(f"{owner}.weight" if owner else "weight", weight)
        if weight.dim() < 2:
            raise ValueError(
                f"parameter {name!r} of shape {tuple(every[name].shape)} is neither a weight nor the bias of "
                "one, which is all that a Prior knows: give a function of name and normal tensor as prior"
            )
        found[name] = Layer(tuple(weight.shape), has_bias=True)
    return found


def _fingerprint(tensors: Iterable[Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ModuleNetwork:
    """Networks that are all the same torch module with different parameters.

    Parameters
    ----------
    factory : callable
        Makes the module, which maps (points, *input_shape) to (points, outputs) or (points,). It is called
        once, and what it returns is copied. Parameters that require no gradient stay as they are made.
    prior : Prior, or callable
        A `Prior` acts on each parameter of two or more dimensions as on the weights of a layer, whose fan-in
        is the size of ``parameter[0]``, and on a one-dimensional ``bias`` beside such a ``weight`` as on its
        biases; other parameters, such as the gains of normalizations, need a callable: it is given each
        parameter's name and a standard normal tensor of its shape, for one network at a time, and returns
        the parameter; it must be a deterministic torch function that `torch.func.vmap` can batch.
    input_shape : tuple of int
        Shape of one input.

    Attributes
    ----------
    outputs : int
        1 where the sign decides between two classes, else one for each class.
    description : str
        The module, the prior and a digest of what stays fixed; the same wherever it is made.

    Notes
    -----
    The module is put in evaluation mode: dropout does nothing, and batch normalization is a fixed affine map
    by its running statistics, which in a module fresh from its factory are 0 and 1 and normalize nothing.

    Raises
    ------
    TypeError
        If `factory` does not return a module.
    ValueError
        If the module has no parameters to draw, a `Prior` does not know one of them, or outputs are of
        another shape, not finite, not the same twice, or dependent on the other points of a batch.
    """

    factory: Callable[[], nn.Module] = field(repr=False)
    prior: ModulePrior = field(repr=False)
    input_shape: tuple[int, ...]
    outputs: int = field(init=False)
    description: str = field(init=False)
    _module: nn.Module = field(init=False, repr=False, compare=False)
    _idle: list[nn.Module] = field(init=False, repr=False, compare=False)
    _shapes: dict[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    _layers: dict[str, Layer] = field(init=False, repr=False, compare=False)
    _fixed: dict[str, Tensor] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = self.factory()
        if not isinstance(made, nn.Module):
            raise TypeError(f"factory must return a torch.nn.Module, got {type(made).__name__}")
        module = copy.deepcopy(made).eval()
        shapes = {name: tuple(p.shape) for name, p in module.named_parameters() if p.requires_grad}
        if not shapes:
            raise ValueError(f"factory must return a module with parameters to draw, {made} has none")
        fixed = {name: p.detach() for name, p in module.named_parameters() if not p.requires_grad}
        fixed |= dict(module.named_buffers())
        is_prior = isinstance(self.prior, Prior)
        prior = (
            str(self.prior) if is_prior else getattr(self.prior, "__qualname__", type(self.prior).__name__)
        )
        for name, value in (
            ("input_shape", tuple(int(size) for size in self.input_shape)),
            ("_module", module),
            ("_idle", []),
            ("_shapes", shapes),
            ("_layers", _layers(module, shapes) if is_prior else {}),
            ("_fixed", fixed),
            ("description", f"{' '.join(str(module).split())}; {prior}; {_fingerprint(fixed.values())}"),
        ):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "outputs", self._tried())

    @property
    def latent_size(self) -> int:
        """Number of parameters that are drawn."""
        return sum(math.prod(shape) for shape in self._shapes.values())

    def _parameters(self, latent: Tensor) -> dict[str, Tensor]:
        # of one network; latent: (latent size,)
        made: dict[str, Tensor] = {}
        start = 0
        for name, shape in self._shapes.items():
            normal = latent[start : start + math.prod(shape)].reshape(shape)
            start += normal.numel()
            if not isinstance(self.prior, Prior):
                made[name] = self.prior(name, normal)
            elif len(shape) > 1:
                made[name] = (
                    self.prior.shaped_weight(normal[None])[0] * self.prior.gains(self._layers[name])[0]
                )
            else:
                made[name] = self.prior.shaped_bias(normal[None])[0] * self.prior.gains(self._layers[name])[1]
        return made

    def _run(self, latent: Tensor, inputs: Tensor, paired: bool) -> Tensor:
        # shared inputs (points, ...), or one for each network, (networks, ...)
        fixed = {
            name: value.to(latent.device, latent.dtype if value.is_floating_point() else None)
            for name, value in self._fixed.items()
        }

        # to run, a module holds the parameters for the time being: threads that run at once need one each
        try:
            module = self._idle.pop()
        except IndexError:
            module = copy.deepcopy(self._module)

        def one(own: Tensor, at: Tensor) -> Tensor:
            points = at[None] if paired else at
            outputs: Tensor = torch.func.functional_call(module, self._parameters(own) | fixed, (points,))
            return outputs

        made: Tensor = torch.func.vmap(one, in_dims=(0, 0 if paired else None))(latent, inputs)
        self._idle.append(module)
        return made

    def _tried(self) -> int:
        # the number of outputs, of a module that does what is asked of it on random inputs
        generator = torch.Generator().manual_seed(0)
        latent = torch.randn(2, self.latent_size, generator=generator)
        inputs = torch.randn(_TRIAL_POINTS, *self.input_shape, generator=generator)
        with torch.no_grad():
            try:
                made, again, alone = (self._run(latent, x, False) for x in (inputs, inputs, inputs[:1]))
            except (RuntimeError, ValueError, TypeError, IndexError, KeyError) as error:
                shape = (_TRIAL_POINTS, *self.input_shape)
                raise ValueError(f"module fails on inputs of shape {shape}: {error}") from error
        if not isinstance(made, Tensor):
            raise ValueError(f"module must return one tensor, got {type(made).__name__}")
        if made.dim() not in (2, 3) or made.shape[1] != _TRIAL_POINTS or made.numel() == 0:
            raise ValueError(
                f"module must map {_TRIAL_POINTS} points to shape ({_TRIAL_POINTS}, outputs) or "
                f"({_TRIAL_POINTS},), got {tuple(made.shape[1:])}"
            )
        if not made.isfinite().all():
            raise ValueError("module must have finite outputs, got NaN or infinity on random inputs")
        if not torch.equal(made, again):
            raise ValueError("module must be deterministic, got other outputs on the same inputs")
        if not torch.allclose(made[:, :1], alone, rtol=1e-3, atol=1e-4 * float(made.abs().max())):
            raise ValueError(
                "module must treat points on their own, got outputs that depend on the others of a batch "
                "(as batch normalization without running statistics has them)"
            )
        return 1 if made.dim() == 2 else made.shape[2]

    def scores(self, latent: Tensor, inputs: Tensor) -> Tensor:
        """Outputs of the networks behind `latent`, (networks, latent), on shared inputs (points, ...).

        Returns a tensor of shape (networks, points, outputs).
        """
        return self._run(latent, inputs, False).reshape(len(latent), len(inputs), self.outputs)

    def paired_scores(self, latent: Tensor, inputs: Tensor) -> Tensor:
        """Outputs of each network on its own input, (networks, ...): (networks, outputs)."""
        return self._run(latent, inputs, True).reshape(len(latent), self.outputs)
