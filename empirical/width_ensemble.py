"""`WidthEnsemble`: networks of one width after training, as what they say on training and test points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Outputs = NDArray[np.float32]

_SHARED = ("width", "parameters")


@dataclass(frozen=True, slots=True, eq=False)
class WidthEnsemble:
    """Independent networks of one architecture, trained on the same examples: one row for each.

    Attributes
    ----------
    width : int
        Of every hidden layer.
    parameters : int
        Weights and biases of one network, N.
    outputs : ndarray of float32, shape (networks, test points)
        f after training. NaN where training diverged.
    training_outputs : ndarray of float32, shape (networks, examples)
    early_outputs : ndarray of float32, shape (networks, test points)
        f at the step of least test error, among those looked at.
    gradient_norms : ndarray of float32, shape (networks, test points)
        ||grad_x f|| after training.
    reached : ndarray of bool, shape (networks,)
        Whether the training loss became zero.
    diverged : ndarray of bool, shape (networks,)
    steps : ndarray of int64, shape (networks,)
        Of training, up to zero loss where that was reached.
    early_steps : ndarray of int64, shape (networks,)
        The step of `early_outputs`.
    losses : ndarray of float64, shape (networks,)
        Training loss at the end.
    """

    width: int
    parameters: int
    outputs: Outputs
    training_outputs: Outputs
    early_outputs: Outputs
    gradient_norms: Outputs
    reached: NDArray[np.bool_]
    diverged: NDArray[np.bool_]
    steps: NDArray[np.int64]
    early_steps: NDArray[np.int64]
    losses: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of networks."""
        return len(self.reached)

    @classmethod
    def concatenate(cls, parts: Iterable[WidthEnsemble]) -> WidthEnsemble:
        """The networks of several ensembles of one width, in order.

        Raises
        ------
        ValueError
            If there is none, or they are not of one architecture.
        """
        blocks = list(parts)
        if len({(part.width, part.parameters) for part in blocks}) != 1:
            raise ValueError(f"parts must be of one width, got {[part.width for part in blocks]}")
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in blocks]) for name in cls.columns()
        }
        return cls(width=blocks[0].width, parameters=blocks[0].parameters, **columns)

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of all that has a row for each network."""
        return tuple(field.name for field in fields(cls) if field.name not in _SHARED)

    def sound(self) -> WidthEnsemble:
        """The networks that did not diverge."""
        if not self.diverged.any():
            return self
        columns: dict[str, Any] = {name: getattr(self, name)[~self.diverged] for name in self.columns()}
        return WidthEnsemble(width=self.width, parameters=self.parameters, **columns)
