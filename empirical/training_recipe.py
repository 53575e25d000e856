"""`TrainingRecipe`: how networks are trained: loss, optimizer, step size, and when to stop."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from .losses import LOSSES, Loss
from .optimizers import OPTIMIZERS, PARAMETRIZATIONS, Optimizer, Parametrization

Stop = Literal["error", "loss"]

# loss below which training stops where it cannot become zero
_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecipe:
    """How networks are trained; the parameters are those of `train_networks`.

    Raises
    ------
    ValueError
        If one is out of range.
    """

    loss: Loss = "hinge"
    optimizer: Optimizer = "adam"
    learning_rate: float | None = None
    momentum: float = 0.9
    batch_size: int | None = None
    max_steps: int = 10_000
    stop: Stop = "error"
    tolerance: float | None = None
    parametrization: Parametrization = "standard"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("loss", LOSSES),
            ("optimizer", OPTIMIZERS),
            ("stop", get_args(Stop)),
            ("parametrization", PARAMETRIZATIONS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if self.learning_rate is not None and not (
            math.isfinite(self.learning_rate) and self.learning_rate > 0.0
        ):
            raise ValueError(f"learning_rate must be positive and finite, got {self.learning_rate}")
        if not 0.0 <= self.momentum < 1.0:
            raise ValueError(f"momentum must lie in [0, 1), got {self.momentum}")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")
        if self.batch_size is not None and self.optimizer == "gd":
            raise ValueError(
                f"batch_size must be None for 'gd', which sees all examples ('sgd' does not), "
                f"got {self.batch_size}"
            )
        if self.max_steps < 0:
            raise ValueError(f"max_steps must be at least 0, got {self.max_steps}")
        if self.tolerance is not None and not self.tolerance >= 0.0:
            raise ValueError(f"tolerance must be at least 0, got {self.tolerance}")

    @property
    def loss_to_reach(self) -> float:
        """`tolerance`, or where that is None 0 for the hinge, which can become zero, and 0.01 for others."""
        if self.tolerance is not None:
            return self.tolerance
        return 0.0 if self.loss == "hinge" else _TOLERANCE

    def to_dict(self) -> dict[str, Any]:
        """The recipe, ready for JSON; null where it plays no part."""
        used = {
            "momentum": self.momentum if self.optimizer == "sgd" else None,
            "tolerance": self.loss_to_reach if self.stop == "loss" else None,
        }
        return asdict(self) | used
