"""`KernelFlow`: gradient flow on the square loss while the tangent kernel stays as it is, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class KernelFlow:
    """Outputs of a function whose tangent kernel does not change, as an infinitely wide network's.

    On n examples, with the loss (1/n) sum_i |f_i - y_i|^2 / 2, gradient flow is df/dt = -Theta (f - y) / n:
    along each eigenvector of the kernel the residual decays exponentially.

    Parameters
    ----------
    kernel : array_like, shape (n, n)
        Tangent kernel of the training examples, symmetric and positive semi-definite.
    labels : array_like, shape (n,) or (n, outputs)
        y. Outputs do not feel each other: the kernel is that of each.
    start : array_like, of the labels' shape, optional
        Outputs at time 0. None: 0.

    Attributes
    ----------
    rates : ndarray, shape (n,)
        Eigenvalues of the kernel over n, smallest first: along its eigenvector the residual decays as
        exp(-rate t), and in the end the loss as exp(-2 rates[0] t).
    unresolved : int
        How many of them lie within rounding of 0, n eps rates[-1]. Their directions move as their measured
        rates say at finite times, and not at all at time infinity.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or the kernel is not symmetric or has a negative
        eigenvalue beyond rounding.

    Notes
    -----
    Jacot et al., arXiv:1806.07572, section 5; Lee et al., arXiv:1902.06720, eq. 8-9.

    A kernel in double precision holds its eigenvalues to about 1e-16 of the largest. With a condition number
    of 1e12 the slowest rate is right to 1e-4 of itself, what is learnt elsewhere along its direction, too,
    and outputs on the training examples to 1e-4 of the residual there at all times.

    Examples
    --------
    >>> flow = KernelFlow([[2.0, 0.0], [0.0, 2.0]], [1.0, -1.0])
    >>> flow.losses([0.0, 1.0]).round(4)
    array([0.5   , 0.0677])
    """

    kernel: FloatArray = field(repr=False)
    labels: FloatArray = field(repr=False)
    start: FloatArray | None = field(default=None, repr=False)
    rates: FloatArray = field(init=False)
    unresolved: int = field(init=False)
    _vectors: FloatArray = field(init=False, repr=False)
    _residuals: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        matrix, labels = np.asarray(self.kernel, dtype=np.float64), np.asarray(self.labels, dtype=np.float64)
        start = np.zeros_like(labels) if self.start is None else np.asarray(self.start, dtype=np.float64)
        n = len(np.atleast_1d(labels))
        for name, value, shape in (
            ("labels", labels, (n, *labels.shape[1:2])),
            ("kernel", matrix, (n, n)),
            ("start", start, labels.shape),
        ):
            if value.shape != shape or value.size == 0:
                raise ValueError(f"{name} must have shape {shape}, one row an example, got {value.shape}")
            if not np.all(np.isfinite(value)):
                raise ValueError(f"{name} must be finite, got {value[~np.isfinite(value)][0]}")
        largest = np.abs(matrix).max()
        if np.abs(matrix - matrix.T).max() > 1e-6 * largest:
            raise ValueError("kernel must be symmetric")
        values, vectors = linalg.eigh(0.5 * (matrix + matrix.T))
        if values[0] < -1e-5 * values[-1]:
            raise ValueError(f"kernel must be positive semi-definite, got an eigenvalue {values[0]:.3g}")
        # what rounding made negative is zero
        rates = np.maximum(values, 0.0) / n
        made: object
        for name, made in (
            ("kernel", matrix),
            ("labels", labels),
            ("start", start),
            ("rates", rates),
            ("unresolved", int(np.count_nonzero(rates <= n * np.finfo(np.float64).eps * rates[-1]))),
            ("_vectors", vectors),
            ("_residuals", vectors.T @ (labels - start).reshape(n, -1)),
        ):
            object.__setattr__(self, name, made)

    @property
    def largest_learning_rate(self) -> float:
        """2 / rates[-1]: above it steps of gradient descent on this loss, a mean over examples, diverge."""
        return 2.0 / float(self.rates[-1]) if self.rates[-1] > 0.0 else math.inf

    def _exponents(self, t: ArrayLike) -> FloatArray:
        # rate t of each direction, (*t.shape, n); at time infinity infinite or, unresolved, 0
        times = np.asarray(t, dtype=np.float64)
        if not np.all(times >= 0.0):
            raise ValueError(f"t must be at least 0, got {times[~(times >= 0.0)].flat[0]}")
        endless = np.where(np.arange(len(self.rates)) < self.unresolved, 0.0, math.inf)
        finite = np.where(np.isfinite(times), times, 0.0)[..., None] * self.rates
        return np.where(np.isfinite(times)[..., None], finite, endless)

    def _decayed(self, t: ArrayLike) -> FloatArray:
        # residuals along the eigenvectors at each time, (*t.shape, n, outputs)
        made: FloatArray = np.exp(-self._exponents(t))[..., None] * self._residuals
        return made

    def _like_labels(self, made: FloatArray) -> FloatArray:
        # (..., points, outputs), without the last where labels have none
        return made[..., 0] if self.labels.ndim == 1 else made

    def outputs(self, t: ArrayLike) -> FloatArray:
        """Outputs on the training examples at times `t` (of any shape), shape (*t.shape, *labels.shape)."""
        made: FloatArray = self.labels - self._like_labels(self._vectors @ self._decayed(t))
        return made

    def outputs_elsewhere(self, t: ArrayLike, kernel: ArrayLike, *, start: ArrayLike = 0.0) -> FloatArray:
        """Outputs at other points at times `t` (of any shape), shape (*t.shape, points, *labels.shape[1:]).

        Parameters
        ----------
        t : array_like
            Times of at least 0. Infinity gives kernel regression, `kernel` Theta^-1 (y - f_0) on top of
            `start`, in the directions that are resolved.
        kernel : array_like, shape (points, n)
            Tangent kernel between these points and the training examples.
        start : array_like, shape (points,), (points, outputs) or ()
            Outputs there at time 0.

        Raises
        ------
        ValueError
            If the kernel has not one column an example.
        """
        across = np.asarray(kernel, dtype=np.float64)
        n = len(self.rates)
        if across.ndim != 2 or across.shape[1] != n:
            raise ValueError(f"kernel must have shape (points, {n}), got {across.shape}")
        x = self._exponents(t)
        # (1 - exp(-rate t)) / (n rate), which is t / n where the rate is 0
        still = np.where(np.isfinite(t), t, 0.0)[..., None] / n + np.zeros(n)
        share = np.divide(-np.expm1(-x), n * self.rates, out=still, where=(x > 0.0) & (self.rates > 0.0))
        learnt = (across @ self._vectors) @ (share[..., None] * self._residuals)
        made: FloatArray = np.asarray(start) + self._like_labels(learnt)
        return made

    def losses(self, t: ArrayLike) -> FloatArray:
        """Mean over the training examples of |f - y|^2 / 2 at times `t`, in their shape."""
        made: FloatArray = 0.5 * np.sum(self._decayed(t) ** 2, axis=(-2, -1)) / len(self.rates)
        return made
