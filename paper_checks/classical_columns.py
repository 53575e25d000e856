"""Classical bounds of the true error beside a learning curve, as columns over the number of examples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DELTA = 0.05

NAMES = {
    "occam": "finite class",
    "vc": "VC",
    "compression": "compression",
    "pac_bayes": "PAC-Bayes",
    "zero_error": "zero error",
}
"""What the bounds are called in tables and pictures."""


@dataclass(frozen=True, slots=True)
class ClassicalSetting:
    """What the classical bounds know of a classifier; what is None has no bound.

    Attributes
    ----------
    classifiers : float or None
        Size of a finite class.
    vc_dimension : int or None
    compression : int or None
        Training examples that determine the classifier.
    log_fraction : float or None
        Measured ln of the fraction of the prior without training error, for one training set.
    delta : float or None
        Share of training sets that may be an exception.
    """

    classifiers: float | None = None
    vc_dimension: int | None = None
    compression: int | None = None
    log_fraction: float | None = None
    delta: float | None = None

    @property
    def asked(self) -> bool:
        """Whether any of them is wanted."""
        wanted = (self.classifiers, self.vc_dimension, self.compression, self.log_fraction, self.delta)
        return any(value is not None for value in wanted)

    def checked(self) -> ClassicalSetting:
        """The setting itself; raises ValueError where a value is out of its range."""
        if self.delta is not None and not 0.0 < self.delta < 1.0:
            raise ValueError(f"--delta must lie in (0, 1), got {self.delta:g}")
        if self.classifiers is not None and not 1.0 <= self.classifiers < math.inf:
            raise ValueError(f"--classifiers must be finite and at least 1, got {self.classifiers:g}")
        if self.log_fraction is not None and not -math.inf < self.log_fraction <= 0.0:
            raise ValueError(
                f"--log-fraction must be the natural logarithm of a fraction, got {self.log_fraction:g}"
            )
        return self

    def bounds(self, n: FloatArray, annealed: FloatArray | None) -> dict[str, FloatArray]:
        """Bounds by name, each of shape (points,).

        Parameters
        ----------
        n : ndarray, shape (points,)
        annealed : ndarray, shape (points,), or None
            ln Z_n, which stands in for a fraction that was not measured.
        """
        from genlaws.theory import (
            occam_bound,
            pac_bayes_bound,
            sample_compression_bound,
            vc_bound,
            zero_error_bound,
        )

        delta = DELTA if self.delta is None else self.delta
        found: dict[str, FloatArray] = {}
        if self.classifiers is not None:
            found["occam"] = occam_bound(math.log(self.classifiers), n, delta)
        if self.vc_dimension is not None:
            found["vc"] = vc_bound(self.vc_dimension, n, delta)
        if self.compression is not None:
            found["compression"] = sample_compression_bound(self.compression, n, delta)
        log_fraction = annealed if self.log_fraction is None else np.full(n.shape, self.log_fraction)
        if log_fraction is not None:
            # without an example there is no bound but 1
            found["pac_bayes"] = np.where(
                n >= 1.0, pac_bayes_bound(log_fraction, np.maximum(n, 1.0), delta), 1.0
            )
            found["zero_error"] = zero_error_bound(log_fraction, n, delta, 1.0)
        return found

    def note(self, bounds: dict[str, FloatArray]) -> str:
        """What the bounds hold for, in a sentence or two."""
        delta = DELTA if self.delta is None else self.delta
        said = f"The classical bounds hold for all but {delta:g} of training sets."
        if "pac_bayes" in bounds and self.log_fraction is None:
            said += (
                " PAC-Bayes and zero error bound the mean error, from the fraction Z_n of this density: it is"
                " annealed, an average over training sets, and larger than the fraction of most of them. For"
                " one training set of yours, measure its fraction (--log-fraction)."
            )
        return said
