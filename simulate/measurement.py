"""`Measurement`: a frozen table of x, replicate and y; what an experiment hands to a law."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

Source = Literal["simulation", "network"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A table with one row per (x, replicate).

    Parameters
    ----------
    x : array_like, shape (rows,)
        Where the quantity was measured (a number of examples, a width, ...).
    replicate : array_like of int, shape (rows,)
        Which independent draw of data and seed a row belongs to; rows of one replicate may be
        correlated, rows of different replicates are independent.
    y : array_like, shape (rows,)
        The measured quantity.
    se : array_like, shape (rows,), optional
        Its standard error within the replicate (the sampler's own), in the unit of `y`.
    reference : array_like, shape (rows,), optional
        What a relation holds `y` against, row by row (a bound, the other curve), in the unit of `y`.
    source : {"simulation", "network"}
    x_label, y_label : str
        Names with units, for tables and plots.
    settings : mapping
        What was run, JSON-ready.

    Raises
    ------
    ValueError
        If the columns differ in length, are empty, or hold anything that is not finite, if a replicate is
        not a whole number, or the source is neither of the two.
    """

    x: NDArray[np.float64]
    replicate: NDArray[np.int64]
    y: NDArray[np.float64]
    se: NDArray[np.float64] | None = None
    reference: NDArray[np.float64] | None = None
    source: Source = "simulation"
    x_label: str = "x"
    y_label: str = "y"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = len(np.atleast_1d(np.asarray(self.x)))
        if rows == 0:
            raise ValueError("a measurement needs at least one row")
        if self.source not in get_args(Source):
            raise ValueError(f"source must be one of {get_args(Source)}, got {self.source!r}")
        for name in ("x", "replicate", "y", "se", "reference"):
            value: ArrayLike | None = getattr(self, name)
            if value is None:
                continue
            column = np.atleast_1d(np.asarray(value, dtype=np.float64))
            if column.shape != (rows,):
                raise ValueError(f"{name} must have {rows} rows like x, got shape {column.shape}")
            if not np.all(np.isfinite(column)):
                raise ValueError(f"{name} must be finite, got {column[~np.isfinite(column)][0]}")
            broken = column[column != np.floor(column)]
            if name == "replicate" and broken.size:
                raise ValueError(f"replicate must hold whole numbers, got {broken[0]}")
            column = column.astype(np.int64 if name == "replicate" else np.float64)
            column.setflags(write=False)
            object.__setattr__(self, name, column)

    @classmethod
    def concatenate(cls, parts: Iterable[Measurement]) -> Measurement:
        """Join measurements of one quantity; settings of the first are kept. Raises ValueError if none."""
        tables = list(parts)
        if not tables:
            raise ValueError("a measurement needs at least one row")

        def column(name: str) -> NDArray[np.float64] | None:
            values = [getattr(t, name) for t in tables]
            return None if any(v is None for v in values) else np.concatenate(values)

        first = tables[0]
        x, y = column("x"), column("y")
        assert x is not None
        assert y is not None
        return cls(
            x=x,
            replicate=np.concatenate([t.replicate for t in tables]),
            y=y,
            se=column("se"),
            reference=column("reference"),
            source=first.source,
            x_label=first.x_label,
            y_label=first.y_label,
            settings=first.settings,
        )

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Measurement:
        """The measurement that `to_dict` wrote.

        Raises
        ------
        ValueError
            If a column or label is missing, unknown, or has no place in a measurement.
        """
        try:
            return cls(**document)
        except TypeError as error:
            raise ValueError(f"not a measurement: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Columns and labels, ready for JSON."""
        return {
            "x": self.x.tolist(),
            "replicate": self.replicate.tolist(),
            "y": self.y.tolist(),
            "se": None if self.se is None else self.se.tolist(),
            "reference": None if self.reference is None else self.reference.tolist(),
            "source": self.source,
            "x_label": self.x_label,
            "y_label": self.y_label,
            "settings": dict(self.settings),
        }

    def to_frame(self) -> pd.DataFrame:
        """The table as a pandas data frame, one row per (x, replicate)."""
        import pandas as pd

        columns = {"x": self.x, "replicate": self.replicate, "y": self.y}
        if self.se is not None:
            columns["se"] = self.se
        if self.reference is not None:
            columns["reference"] = self.reference
        return pd.DataFrame(columns)
